"""What holds of every scenario: draws in their range, streams apart, costs and flows that agree, names permute."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scenario_kit as kit
from concordat.impact.distributions import Distribution
from concordat.impact.monte_carlo import draw, quantiles
from concordat.impact.parameter_file import parse_parameters
from concordat.impact.parameters import Parameter, ParameterBook, Source
from concordat.impact.run import run
from concordat.impact.scenario import parse_scenario

SOURCE = Source("tests", "here", "none")
ENDS = st.floats(-5, 5).filter(lambda x: abs(x) > 1e-3)


def record(name: str, distribution: Distribution, value: float) -> Parameter:
    return Parameter(name, value, "flow_effect_log", distribution, "log points", SOURCE, "D", mark="verified")


@given(low=ENDS, width=st.floats(0.01, 5), share=st.floats(0, 1), seed=st.integers(0, 2**53 - 1))
@settings(max_examples=50)
def test_bounded_draws_stay_in_their_range(low: float, width: float, share: float, seed: int) -> None:
    high = low + width
    centre = min(max(low + share * width, low), high)
    for kind in ("uniform", "triangular"):
        made = record(kind, Distribution(kind, low=low, high=high), centre)
        found = draw([made], ParameterBook({kind: made}), 64, seed)[kind]
        assert (found >= low - 1e-12).all()
        assert (found <= high + 1e-12).all()


@given(
    names=st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=2, max_size=5, unique=True),
    seed=st.integers(0, 99),
)
@settings(max_examples=30)
def test_streams_depend_on_seed_and_name_alone(names: list[str], seed: int) -> None:
    book = ParameterBook({n: record(n, Distribution("normal", sd=1), 0.0) for n in names})
    together, backwards = draw(list(book), book, 16, seed), draw(list(book)[::-1], book, 16, seed)
    for name in names:
        assert (together[name] == draw([book[name]], book, 16, seed)[name]).all()
        assert (together[name] == backwards[name]).all()
    assert not np.allclose(together[names[0]], together[names[1]])


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
@settings(max_examples=60)
def test_quantiles_are_ordered_and_lie_among_the_draws(values: list[float]) -> None:
    found = quantiles(np.array(values))
    assert list(found.values) == sorted(found.values)
    assert min(values) <= found.low <= found.high <= max(values)
    assert min(found.errors) >= 0
    assert found.gaining == pytest.approx(sum(v > 0 for v in values) / len(values))


@given(theta=st.floats(1, 9), b=st.floats(-1, 1), cost=st.floats(-0.4, 0.4))
@settings(max_examples=20)
def test_a_cost_change_is_the_flow_effect_with_theta_times_its_logarithm(theta: float, b: float, cost: float) -> None:
    """T = (1 + c)^(-theta) is T = exp(b) with b = -theta ln(1 + c): both ways give the same world."""
    effect = -theta * math.log1p(cost)
    base = kit.SCENARIO.replace("value: 4,", f"value: {theta!r},").replace("parameters: [own.yaml]\n", "")
    line = "  - {kind: rta_switch, pairs: members, parameter: half}"
    costs = base.replace(line, f'  - {{kind: cost_change, pairs: members, percent: {100 * cost!r}, reason: "x"}}')
    flow = base.replace("elasticity", "parameters: [b.yaml]\nelasticity").replace("parameter: half", "parameter: b")
    text = f"""\
schema: concordat/parameters@1
parameters:
  - {{id: b, value: {effect!r}, quantity: flow_effect_log, unit: log points, grade: D, mark: verified,
     distribution: {{kind: point, reason: test}}, source: {{id: t, where: t, url_or_doi: t}}}}
"""
    one = run(parse_scenario(costs), {kit.PANEL: kit.panel()})
    other = run(parse_scenario(flow), {kit.PANEL: kit.panel(), "b.yaml": text.encode()})
    assert one.central["real_income_pct"] == pytest.approx(other.central["real_income_pct"], abs=1e-9)


@given(order=st.permutations(["ARG", "BRA", "CHL"]))
@settings(max_examples=6)
def test_other_names_for_the_same_economies_permute_the_results(order: list[str]) -> None:
    named = dict(zip(kit.CODES, order, strict=True))
    data = kit.panel().decode()
    for old in kit.CODES:
        data = data.replace(old, f"<{old}>")
    for old, new in named.items():
        data = data.replace(f"<{old}>", new)
    text = kit.SCENARIO.replace("members: [ARG, BRA]", f"members: [{named['ARG']}, {named['BRA']}]")
    found = run(parse_scenario(text), kit.files(**{kit.PANEL: data.encode()}))
    plain = run(parse_scenario(kit.SCENARIO), kit.files())
    for old, new in named.items():
        mine = found.central["real_income_pct"][found.economies.index(new)]
        assert mine == pytest.approx(plain.central["real_income_pct"][plain.economies.index(old)], abs=1e-9)


@given(scale=st.floats(1e-3, 1e6))
@settings(max_examples=10)
def test_scaling_all_trade_changes_nothing_real(scale: float) -> None:
    flows = tuple(tuple(x * scale for x in row) for row in kit.FLOWS)
    found = run(parse_scenario(kit.SCENARIO), kit.files(**{kit.PANEL: kit.panel(flows)}))
    plain = run(parse_scenario(kit.SCENARIO), kit.files())
    assert found.central["real_income_pct"] == pytest.approx(plain.central["real_income_pct"], abs=1e-8)
    assert found.central["real_income_usd"] == pytest.approx(scale * plain.central["real_income_usd"], rel=1e-7)


def test_no_shock_at_all_changes_nothing() -> None:
    text = kit.SCENARIO.replace("{kind: rta_switch, pairs: members, parameter: half}",
                                '{kind: cost_change, pairs: members, percent: 0, reason: "nothing"}')  # fmt: skip
    found = run(parse_scenario(text), kit.files())
    assert np.abs(found.central["real_income_pct"]).max() < 1e-9
    out = found.outsiders()
    assert out is not None
    assert out.losing == 0


def test_a_file_of_one_own_parameter_reads_back() -> None:
    assert len(parse_parameters(kit.OWN)) == 6
