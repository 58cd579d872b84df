"""The audit: an index that passes every check, one change at a time that each must catch, and what can't be computed.

The sound index has 24 units, two pillars of three indicators that are made by a formula: a level of its own for each
pillar, and sines of different lengths as what is peculiar to an indicator. Numbers are held to NumPy's own functions.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.observatory import _audit_limits as limits
from concordat.observatory.audit import STEPS, Audit, Check, audit
from concordat.observatory.batch import imputation_draws
from concordat.observatory.bind import from_table
from concordat.observatory.result import IndexResult
from concordat.observatory.run import run
from concordat.observatory.spec import IndexSpec, Units
from concordat.observatory.uncertainty import UncertaintyResult, uncertainty

UNITS = 24
YEAR = 2025
NAMES = ("a1", "a2", "a3", "b1", "b2", "b3")
Values = dict[str, list[float | None]]
Spec = dict[str, Any]


def sound_values() -> Values:
    """Two levels that go half together, three indicators of each."""
    n = np.arange(UNITS)
    first = (n - 11.5) / 11.5
    second = 0.5 * first + 0.6 * np.cos(2.3 * n)
    level = {"a": first, "b": second}
    found: Values = {}
    for k, name in enumerate(NAMES):
        own = np.sin((1.1 + 0.7 * k) * n + k)
        found[name] = np.round(50 + 20 * level[name[0]] + 9 * own, 4).tolist()
    found["people"] = [float(100 + (7 * i) % 24) for i in range(UNITS)]
    return found


def sound_spec() -> Spec:
    def indicator(name: str) -> dict[str, Any]:
        return {
            "id": name,
            "direction": "up",
            "goalposts": [0, 100],
            "rationale": "It is asked for.",
            "source": "a formula",
        }

    return {
        "schema": "concordat/index@1",
        "index": "sound",
        "title": "A sound index",
        "edition": 2025,
        "licence": "Apache-2.0",
        "tree": [
            {"pillar": "a", "indicators": [indicator(n) for n in NAMES[:3]]},
            {"pillar": "b", "indicators": [indicator(n) for n in NAMES[3:]]},
        ],
        "validators": ["trade"],
        "steps": [
            {"denominate": {"a1": {"by": "people", "per": 100}}},
            {"impute": {"method": "em", "within": "all", "draws": 4}},
            {"normalise": {"method": "goalposts", "floor": 1}},
            {"weights": {"method": "given"}},
            {"aggregate": {"default": "arithmetic", "top": "geometric"}},
        ],
        "uncertainty": {
            "runs": 64,
            "seed": 5,
            "vary": {
                "weights.noise": {"plus_minus": 0.1, "draws": 4},
                "aggregate.top": ["geometric", "arithmetic"],
                "impute.draw": "all",
            },
            "target": ["mean_abs_rank_change"],
        },
    }


def table(values: Values, year: int | None = YEAR, age: Mapping[str, int] | None = None) -> str:
    """A long table; `age` makes an indicator's figures older."""
    lines = ["unit,year,indicator,value"]
    for name, column in values.items():
        for u, value in enumerate(column):
            if value is not None:
                when = "" if year is None else year - (age or {}).get(name, 0)
                lines.append(f"U{u:02d},{when},{name},{value!r}")
    return "\n".join(lines)


def ran(spec: Spec, text: str) -> IndexResult:
    made = IndexSpec.from_data(spec)
    return run(made, from_table(made, text))


def income() -> np.ndarray:
    """GDP per head that goes with the first level, not too closely."""
    n = np.arange(UNITS)
    return np.asarray(np.exp(9 + 0.8 * (n - 11.5) / 11.5 + 0.5 * np.sin(1.7 * n + 1)))


def links(result: IndexResult) -> dict[str, np.ndarray]:
    return {"gdp_per_person": income(), "trade": result.scores + 3 * np.sin(5.1 * np.arange(len(result.units)))}


def full(spec: Spec, text: str, *, licence: str = "CC-BY-4.0") -> Audit:
    """An audit with all that it can be given."""
    result = ran(spec, text)
    doubt = uncertainty(result) if result.spec.uncertainty else None
    return audit(result, doubt, links(result), licences=dict.fromkeys(result.panel.indicators, licence))


def verdicts(found: Audit) -> dict[str, str]:
    return {c.id: c.verdict for c in found.checks}


@pytest.fixture(scope="module")
def sound() -> Audit:
    return full(sound_spec(), table(sound_values()))


def test_a_sound_index_passes_every_check(sound: Audit) -> None:
    assert {c.id: c.what for c in sound.checks if c.verdict != "pass"} == {}
    assert sound.counts == {"pass": len(sound.checks), "warn": 0, "fail": 0, "none": 0}
    assert [s.verdict for s in sound.steps] == ["pass"] * 10
    assert [s.number for s in sound.steps] == list(range(1, 11))


# --- One change at a time -----------------------------------------------------------------------------------------


def leaf(spec: Spec, name: str) -> dict[str, Any]:
    return next(i for pillar in spec["tree"] for i in pillar["indicators"] if i["id"] == name)


def step(spec: Spec, stage: str) -> dict[str, Any]:
    return next(s[stage] for s in spec["steps"] if stage in s)


def without(spec: Spec, stage: str) -> None:
    spec["steps"] = [s for s in spec["steps"] if stage not in s]
    vary = spec["uncertainty"]["vary"]
    for path in [p for p in vary if p.startswith(f"{stage}.")]:
        del vary[path]


def no_reasons(key: str, *names: str) -> Callable[[Spec, Values], None]:
    def change(spec: Spec, values: Values) -> None:
        for name in names:
            del leaf(spec, name)[key]

    return change


def blank(name: str, *units: int) -> Callable[[Spec, Values], None]:
    def change(spec: Spec, values: Values) -> None:
        for u in units:
            values[name][u] = None

    return change


def gone(unit: int, *names: str) -> Callable[[Spec, Values], None]:
    def change(spec: Spec, values: Values) -> None:
        for name in names:
            values[name][unit] = None

    return change


def column(name: str, of: Callable[[int, float], float]) -> Callable[[Spec, Values], None]:
    def change(spec: Spec, values: Values) -> None:
        values[name] = [of(u, float(v or 0.0)) for u, v in enumerate(values[name])]

    return change


def both(*changes: Callable[[Spec, Values], None]) -> Callable[[Spec, Values], None]:
    def change(spec: Spec, values: Values) -> None:
        for one in changes:
            one(spec, values)

    return change


def at_top(**keys: Any) -> Callable[[Spec, Values], None]:
    return lambda spec, _: spec.update(keys)


def alone(spec: Spec, _: Values) -> None:
    """Pillar b keeps one indicator."""
    spec["tree"][1]["indicators"] = spec["tree"][1]["indicators"][:1]


def eleven(spec: Spec, values: Values) -> None:
    """Pillar a has eleven."""
    for k in range(8):
        name = f"c{k}"
        spec["tree"][0]["indicators"].append({**leaf(spec, "a2"), "id": name})
        values[name] = [float(v or 0) + math.sin(u * (k + 2)) for u, v in enumerate(values["a2"])]


def heavy(spec: Spec, values: Values) -> None:
    leaf(spec, "a1")["weight"] = 20
    values["a1"] = [50 + 0.3 * math.sin(3 * u) for u in range(UNITS)]


def heavy_pillar(spec: Spec, values: Values) -> None:
    spec["tree"][0]["weight"] = 5
    for name in NAMES[:3]:
        values[name] = [45 + 0.02 * float(v or 0) for v in values[name]]


def uncertain(spec: Spec, values: Values) -> None:
    """Weights that may be anything."""
    spec["uncertainty"]["vary"]["weights.noise"] = {"plus_minus": 0.99, "draws": 16}
    values["b1"] = [100 - float(v or 0) for v in values["a1"]]
    values["b2"] = [100 - float(v or 0) for v in values["a2"]]
    values["b3"] = [100 - float(v or 0) for v in values["a3"]]


def one_assumption(spec: Spec, _: Values) -> None:
    spec["uncertainty"]["vary"] = {"aggregate.top": ["geometric", "arithmetic"]}


def failing_runs(spec: Spec, values: Values) -> None:
    """Without its floor the geometric mean meets a zero in one of two levels."""
    values["b1"][3] = values["b2"][3] = values["b3"][3] = 0.0
    spec["uncertainty"] |= {"on_error": "drop", "vary": {"normalise.floor": [1, 0], "aggregate.top": ["geometric"]}}


def loose(u: int, _: float) -> float:
    """A column that goes with nothing."""
    return 50 + 30 * math.sin(9.7 * u)


def looser(u: int, _: float) -> float:
    """Another one."""
    return 50 + 30 * math.cos(5.1 * u * u)


def weakly(u: int, v: float) -> float:
    """One that goes a little with what it was."""
    return 50 + 0.1 * (v - 50) + 20 * math.sin(9.7 * u)


def twice(_: Spec, values: Values) -> None:
    """a2 says what a3 says."""
    values["a2"] = [float(v or 0) + math.sin(u) for u, v in enumerate(values["a3"])]


def large(_: Spec, values: Values) -> None:
    """The number of people goes with b2, which is not divided by it."""
    values["people"] = [10 + float(v or 0) for v in values["b2"]]


def low(_: Spec, values: Values) -> None:
    """All of pillar b lies below the floor in one unit."""
    for name in NAMES[3:]:
        values[name][3] = 0.5


def cut(above: int) -> Callable[[Spec, Values], None]:
    """A goalpost of b3 that this many of its figures lie above."""

    def change(spec: Spec, values: Values) -> None:
        leaf(spec, "b3")["goalposts"] = [0, sorted(float(v or 0) for v in values["b3"])[-above - 1] + 0.001]

    return change


CHANGES: list[tuple[str, str, Callable[[Spec, Values], None], str]] = [
    ("rationale", "warn", no_reasons("rationale", "a2"), "1 of 6 indicators without a rationale: a2."),
    ("rationale", "fail", no_reasons("rationale", *NAMES), "6 of 6 indicators"),
    ("source", "warn", no_reasons("source", "b3", "a1"), "2 of 6 indicators without a source: a1, b3."),
    ("source", "fail", no_reasons("source", *NAMES), "6 of 6 indicators"),
    ("children", "warn", alone, "without 2 to 10 children: b (1)."),
    ("children", "warn", eleven, "without 2 to 10 children: a (11)."),
    # 15 of 24 is 62.5 %, 16 of 24 is 66.7 %, 11 of 24 is 45.8 %
    ("data_indicator", "pass", blank("a2", *range(8)), "the least, a2, of 66.7 %"),
    ("data_indicator", "warn", blank("a2", *range(9)), "the units have 1 of 6 indicators: a2 62.5 %."),
    ("data_indicator", "fail", blank("a2", *range(13)), "a2 45.8 %"),
    ("data_unit", "pass", gone(2, "a1", "b1"), "the least, U02, of 66.7 %"),
    ("data_unit", "warn", gone(2, "a1", "b1", "b2"), "have 1 of 24 ranked units: U02 50 %."),
    ("data_unit", "fail", gone(2, "a1", "a2", "b1", "b2"), "U02 33.3 %"),
    ("values", "warn", column("b2", lambda u, v: 0.0 if u % 5 else v), "not zero in less than 50 % of all units: b2"),
    ("values", "warn", column("b2", lambda _, v: 10.0 * round(v / 30)), "different values fewer than 50 %"),
    ("imputed", "pass", gone(2, "a1"), "1 of 144 figures (0.7 %) were filled in, of no unit more than 16.7 % (U02)"),
    ("imputed", "warn", gone(2, "a1", "b1"), "more than 20 % of those of U02 33.3 %"),
    ("imputed", "warn", gone(2, "a1", "b1", "b2"), "U02 50 %"),  # above 0.5 fails, and 3 of 6 is not
    ("imputed", "fail", gone(2, "a1", "a2", "b1", "b2"), "U02 66.7 %"),
    ("alpha", "warn", column("a2", loose), "outside of 0.7 to 0.95: a."),
    ("component", "warn", both(column("a2", loose), column("a3", looser)), "not above 50 %: a."),
    ("same", "warn", twice, "1 of 6 pairs: a2 and a3"),
    ("weak", "warn", column("a2", weakly), "correlations below 0.3 inside a pillar"),
    ("negative", "warn", column("b1", lambda _, v: 100 - v), "b1 and b2 -0."),
    ("denominators", "warn", large, "b2 with people 1.00"),
    ("outliers", "warn", column("b3", lambda u, _: 95.0 if u == 4 else 40 + math.sin(u)), "3.5 after treatment: b3"),
    # One of 24 is 4.2 %, two are 8.3 %.
    ("truncated", "pass", cut(1), "1 of 144 values lie outside"),
    ("truncated", "warn", cut(2), "5 % or more of b3 8.3 %"),
    ("zeros", "warn", low, "the floor of 1, not a figure, decides 1 score before"),
    ("importance", "warn", heavy, "more than a factor of 2 from the weight: a1"),
    ("importance_pillars", "warn", heavy_pillar, "for 83.3 %"),
    ("against", "fail", column("b1", lambda _, v: 100 - v), "1 of 8 elements against their parent (correlation"),
    ("width", "fail", uncertain, "of 24 units are"),
    ("assumptions", "warn", one_assumption, "A single assumption was varied"),
    ("runs", "warn", failing_runs, "2 runs (all combinations), 1 dropped, the first: "),
    ("dominance", "warn", lambda s, _: s["tree"][0].update(weight=4), "one makes more than 60 %: a."),
    ("status", "warn", at_top(status="calibrated", title="A sound index-style"), "calibrated:"),
    ("status", "warn", at_top(status="unverified", title="A sound index-style"), "unverified:"),
    ("status", "pass", at_top(status="verified"), "verified:"),
    ("index_licence", "warn", at_top(licence=""), "the file states no licence."),
    ("index_licence", "warn", at_top(licence="CC BY-NC-ND 4.0"), "must not be passed on"),
    ("missing", "warn", gone(2, "a1"), "1 of 144 figures are missing: U02 (1); every unit is ranked."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "verdict", "change", "words"), CHANGES)
def test_each_check_catches_what_it_is_for(
    name: str, verdict: str, change: Callable[[Spec, Values], None], words: str
) -> None:
    spec, values = copy.deepcopy(sound_spec()), sound_values()
    change(spec, values)
    check = full(spec, table(values)).check(name)
    assert (check.verdict, words in check.what) == (verdict, True), check.what


# --- Numbers by a second method -----------------------------------------------------------------------------------


def normalised(values: Values) -> np.ndarray:
    """The sound index's columns `[unit, indicator]`: a1 by people, and goalposts of 0 and 100 leave the rest as is."""
    found = np.array([values[n] for n in NAMES], dtype=np.float64).T
    found[:, 0] *= 100 / np.array(values["people"])
    assert found.min() > 1, "nothing is cut or lifted"
    assert found.max() < 100
    return found


def test_alpha_and_first_component_are_those_of_the_correlation_matrix(sound: Audit) -> None:
    x = normalised(sound_values())
    for k, pillar in enumerate("ab"):
        r = np.corrcoef(x[:, 3 * k : 3 * k + 3].T)
        mean = r[np.triu_indices(3, 1)].mean()
        assert sound.check("alpha").numbers["alpha"][pillar] == pytest.approx(3 * mean / (1 + 2 * mean), abs=1e-12)
        share = np.linalg.eigvalsh(r)[-1] / 3
        assert sound.check("component").numbers["first_share"][pillar] == pytest.approx(share, abs=1e-12)


def test_variance_by_pillar_of_an_arithmetic_index_is_that_of_half_its_pillars() -> None:
    spec = sound_spec()
    step(spec, "aggregate")["top"] = "arithmetic"
    spec["uncertainty"]["vary"]["aggregate.top"] = ["arithmetic"]
    found = full(spec, table(sound_values())).check("dominance").numbers
    x = normalised(sound_values())
    pillars = {"a": x[:, :3].mean(axis=1), "b": x[:, 3:].mean(axis=1)}
    index = (pillars["a"] + pillars["b"]) / 2
    for name, scores in pillars.items():
        assert found["pillars"][name] == pytest.approx(np.cov(scores / 2, index)[0, 1] / np.var(index, ddof=1))
    assert found["baseline"] == pytest.approx(0, abs=1e-12)
    assert sum(row["variance_share"] for row in found["indicators"].values()) == pytest.approx(1)


def test_shares_of_the_variance_of_a_geometric_index_add_to_one_with_the_baseline(sound: Audit) -> None:
    numbers = sound.check("dominance").numbers
    assert sum(numbers["pillars"].values()) + numbers["baseline"] == pytest.approx(1)


def test_importance_and_weight_are_shares() -> None:
    spec = sound_spec()
    leaf(spec, "a1")["weight"] = 2  # effective: 1/2 * 2/4, 1/2 * 1/4 twice, and 1/6 each in pillar b
    rows = full(spec, table(sound_values())).check("importance").numbers["elements"]
    assert [rows[n]["weight"] for n in NAMES] == pytest.approx([1 / 4, 1 / 8, 1 / 8, 1 / 6, 1 / 6, 1 / 6])
    assert sum(row["importance"] for row in rows.values()) == pytest.approx(1)
    for row in rows.values():
        assert row["ratio"] == pytest.approx(row["importance"] / row["weight"])
        assert 0 <= row["eta2"] <= 1


def test_importance_of_an_index_of_two_straight_lines() -> None:
    # The index is (x + y)/2 with y = x, so that both make all of its variance: half of the importance each.
    values: Values = {"x": [float(u) for u in range(20)], "y": [float(u) for u in range(20)]}
    steps = [{"normalise": {"method": "goalposts"}}, {"aggregate": {"default": "arithmetic"}}]
    spec = small(["x", "y"], steps)
    spec["tree"][0]["indicators"][0]["weight"] = 4
    rows = audit(ran(spec, table(values))).check("importance").numbers["elements"]
    assert [rows[n]["importance"] for n in "xy"] == pytest.approx([0.5, 0.5])
    assert [rows[n]["ratio"] for n in "xy"] == pytest.approx([0.5 / 0.8, 0.5 / 0.2])


def test_rank_intervals_are_those_of_the_runs() -> None:
    spec, values = sound_spec(), sound_values()
    uncertain(spec, values)
    result = ran(spec, table(values))
    doubt = uncertainty(result)
    numbers = audit(result, doubt).check("width").numbers
    widths = np.array([b - a for a, b in (doubt.rank_intervals[u] or (0, 0) for u in result.units)], dtype=float)
    assert numbers["median"] == np.median(widths)
    assert numbers["of_places"] == np.median(widths) / UNITS
    assert numbers["under"] == {str(k): (widths < k).sum() / UNITS for k in (2, 5, 10)}
    assert numbers["widths"] == dict(zip(result.units, widths.tolist(), strict=True))


def test_shapley_shares_of_the_assumptions_add_to_one(sound: Audit) -> None:
    numbers = sound.check("assumptions").numbers
    assert sorted(numbers["varied"]) == ["aggregate.top", "impute.draw", "weights.noise"]
    assert sum(numbers["shapley"].values()) == pytest.approx(1)


def test_the_link_with_income_is_a_correlation_with_its_logarithm(sound: Audit) -> None:
    result = ran(sound_spec(), table(sound_values()))
    r = np.corrcoef(result.scores, np.log(income()))[0, 1]
    assert sound.check("gdp").numbers["r"] == pytest.approx(r)


def test_a_partial_correlation_is_what_three_correlations_leave(sound: Audit) -> None:
    result = ran(sound_spec(), table(sound_values()))
    trade, logs = links(result)["trade"], np.log(income())
    r = np.corrcoef([result.scores, trade, logs])
    wanted = (r[0, 1] - r[0, 2] * r[1, 2]) / math.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    row = sound.check("validators").numbers["validators"]["trade"]
    assert (row["r"], row["partial"]) == (pytest.approx(r[0, 1]), pytest.approx(wanted))
    assert (row["n"], row["partial_n"], row["in_index"]) == (UNITS, UNITS, False)


# --- Draws of imputation ------------------------------------------------------------------------------------------


def test_the_spread_over_draws_is_that_of_each_draw_run_alone() -> None:
    spec, values = sound_spec(), sound_values()
    gone(2, "a2", "b2")(spec, values)
    blank("a3", 5, 9)(spec, values)
    result = ran(spec, table(values))
    numbers = audit(result, uncertainty(result)).check("draws").numbers
    graph = result.graph
    impute = step_options(result, "impute")
    observed = graph.observed()
    fills = imputation_draws(graph, observed, impute, seed=5)[:, 0]
    scores = np.array([[math.sqrt(row[:3].mean() * row[3:].mean()) for row in one] for one in fills])
    sd = scores.std(axis=0, ddof=1)
    assert [numbers["sd"][u] for u in result.units] == pytest.approx(sd.tolist(), abs=1e-9)
    assert numbers["share"] == pytest.approx((sd**2).mean() / np.var(result.scores, ddof=1))
    assert (numbers["draws"], (sd > 1e-9).sum()) == (4, 3)


def step_options(result: IndexResult, stage: str) -> Any:
    found = result.spec.step(stage)
    assert found is not None
    return found.options


def noisy(missing: int) -> Audit:
    """An index in which figures of b2 are missing: it goes with nothing, so draws of it come from far and wide."""
    spec, values = sound_spec(), sound_values()
    values["b2"] = [50 + 45 * math.sin(5.3 * u * u) for u in range(UNITS)]
    leaf(spec, "b2")["weight"] = 12
    spec["tree"][1]["weight"] = 4
    blank("b2", *range(missing))(spec, values)
    result = ran(spec, table(values))
    return audit(result, uncertainty(result))


@pytest.mark.parametrize(("missing", "verdict"), [(1, "pass"), (5, "warn"), (9, "fail")])
def test_scores_that_depend_on_the_draw_warn_and_then_fail(missing: int, verdict: str) -> None:
    check = noisy(missing).check("draws")
    share = check.numbers["share"]
    assert check.verdict == verdict, check.what
    assert verdict == ("fail" if share > 0.3 else "warn" if share > 0.1 else "pass")


def test_draws_need_an_analysis_that_varies_them() -> None:
    spec, values = sound_spec(), sound_values()
    blank("a2", 1)(spec, values)
    result = ran(spec, table(values))
    assert audit(result).check("draws").verdict == "none"
    one_assumption(spec, values)
    result = ran(spec, table(values))
    check = audit(result, uncertainty(result)).check("draws")
    assert (check.verdict, check.what) == (
        "none",
        "not computed: needs an uncertainty analysis that varies impute.draw.",
    )


# --- Age, licences ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("years", "verdict"), [(3, "pass"), (4, "warn")])
def test_figures_older_than_three_years_are_named(years: int, verdict: str) -> None:
    check = audit(ran(sound_spec(), table(sound_values(), age={"b2": years}))).check("age")
    assert check.verdict == verdict
    assert check.numbers["oldest"] == years
    assert check.numbers["median"] == 0
    assert ("b2" in check.what) == (verdict == "warn")


def test_figures_without_years_have_no_age() -> None:
    result = ran(sound_spec(), table(sound_values(), year=None))
    found = audit(result)
    assert found.check("age").what == "not computed: needs figures with years."
    assert found.as_data()["year"] is None
    assert next(found.lines()).startswith("A sound index (sound): ")


@pytest.mark.parametrize(
    ("licence", "verdict", "words"),
    [
        ("CC-BY-4.0", "pass", "may be built on and passed on, under CC-BY-4.0"),
        ("NC", "warn", "not for commercial use: NC"),
        ("unstated", "warn", "can't be passed on: unstated"),
    ],
)
def test_the_strictest_licence_counts(licence: str, verdict: str, words: str) -> None:
    result = ran(sound_spec(), table(sound_values()))
    given = dict.fromkeys(NAMES, "CC-BY-4.0") | {"b2": licence}
    check = audit(result, licences=given).check("licence")
    assert (check.verdict, words in check.what) == (verdict, True), check.what


def test_a_licence_that_forbids_building_fails() -> None:
    from concordat.evidence.licences import licences

    strict = [name for name, row in licences().items() if not row.derive]
    assert strict, "the table has a licence that forbids it"
    result = ran(sound_spec(), table(sound_values()))
    assert audit(result, licences=dict.fromkeys(NAMES, strict[0])).check("licence").verdict == "fail"


def test_an_indicator_without_a_licence_leaves_the_question_open() -> None:
    result = ran(sound_spec(), table(sound_values()))
    check = audit(result, licences=dict.fromkeys(NAMES[:5], "CC-BY-4.0")).check("licence")
    assert check.verdict == "none"
    assert check.what.startswith("not computed: needs more of b3 (no licence).")
    with pytest.raises(InputError, match="not a licence I know"):
        audit(result, licences=dict.fromkeys(NAMES, "CC-BYE"))


# --- A scale that moves -------------------------------------------------------------------------------------------


def years_of(first: int, last: int) -> str:
    values = sound_values()
    head, *rows = table(values).splitlines()
    every = [r.replace(f",{YEAR},", f",{y},") for y in range(first, last + 1) for r in rows]
    return "\n".join([head, *every])


def moving(over: str, method: str = "minmax") -> Spec:
    spec = sound_spec()
    del spec["uncertainty"]
    without_steps = [s for s in spec["steps"] if "impute" not in s]
    spec["steps"] = without_steps
    base = {"base_year": 2020} if over == "base_year" else {}
    step(spec, "normalise").update(method=method, over=over, **base)
    spec["data"] = {"years": "2020..2025", "take": "panel"}
    return spec


@pytest.mark.parametrize(
    ("over", "method", "verdict", "words"),
    [
        ("all_years", "minmax", "warn", "scores of 2020 will change when 2026 data arrive: from the data come a1"),
        ("year", "minmax", "warn", "scores of 2020 and 2025 are not on one scale, and scores of 2020 will"),
        ("base_year", "minmax", "pass", "scales and weights are given"),
        ("year", "goalposts", "pass", "scales and weights are given"),
        ("given", "minmax", "pass", "scales and weights are given"),
    ],
)  # fmt: skip
def test_a_scale_from_the_data_warns_where_years_are_compared(over: str, method: str, verdict: str, words: str) -> None:
    check = audit(ran(moving(over, method), years_of(2020, 2025))).check("scale")
    assert (check.verdict, words in check.what) == (verdict, True), check.what


def test_weights_from_the_data_move_scores_too() -> None:
    spec = moving("year", "goalposts")
    step(spec, "weights")["method"] = "critic"
    check = audit(ran(spec, years_of(2020, 2025))).check("scale")
    assert check.verdict == "warn"
    assert check.what == "scores of 2020 will change when 2026 data arrive: from the data come weights (critic)."


def test_a_scale_from_the_data_is_no_fault_where_nothing_is_compared() -> None:
    spec = sound_spec()
    step(spec, "normalise")["method"] = "minmax"
    check = audit(ran(spec, table(sound_values()))).check("scale")
    assert (check.verdict, "nothing is compared" in check.what) == ("pass", True)


def test_other_groups_are_on_another_scale() -> None:
    spec, countries = sound_spec(), ["BRA", "CHN", "IND", "RUS", "ZAF"]
    step(spec, "normalise")["method"] = "minmax"
    spec["units"] = {"countries": countries, "compare_with": ["G20"], "as_of": "2026-01-01"}
    del spec["uncertainty"]
    text = table(sound_values())
    for n, code in enumerate(countries):
        text = text.replace(f"U{n:02d},", f"{code},")
    check = audit(ran(spec, text)).check("scale")
    assert check.verdict == "warn"
    assert "scores of 2025 will change when 2026 data arrive, and those of G20 are on another scale" in check.what


# --- Links, hash --------------------------------------------------------------------------------------------------


def test_an_index_that_is_income_again_warns() -> None:
    result = ran(sound_spec(), table(sound_values()))
    again = np.exp(result.scores / 10)
    check = audit(result, links={"gdp_per_person": again}).check("gdp")
    assert (check.verdict, "1.00 over 24 units; above 0.92" in check.what) == ("warn", True), check.what


def test_comparable_prices_come_before_others() -> None:
    result = ran(sound_spec(), table(sound_values()))
    given = {"gdp_per_person": income(), "gdp_ppp_per_person_intl_2021": income()[::-1].copy()}
    assert audit(result, links=given).check("gdp").numbers["indicator"] == "gdp_ppp_per_person_intl_2021"


def test_a_validator_that_goes_only_with_income_warns() -> None:
    result = ran(sound_spec(), table(sound_values()))
    given = {"gdp_per_person": income(), "trade": np.log(income()) + 0.01 * np.sin(4.4 * np.arange(UNITS) ** 2)}
    check = audit(result, links=given).check("validators")
    assert (check.verdict, "below 0.3 beyond income: trade" in check.what) == ("warn", True), check.what


def test_links_say_what_they_need() -> None:
    result = ran(sound_spec(), table(sound_values()))
    found = audit(result)
    assert found.check("gdp").what.startswith("not computed: needs figures of GDP per head")
    assert found.check("validators").what == "not computed: needs figures of trade."
    alone = audit(result, links={"trade": links(result)["trade"]}).check("validators")
    assert alone.verdict == "none"
    assert alone.what.startswith("not computed: needs more of trade (figures of GDP per head).")
    with pytest.raises(InputError, match=r"figures of trade have the shape \(3,\), for 24 units"):
        audit(result, links={"trade": np.ones(3)})
    with pytest.raises(InputError, match="a figure of trade is infinite"):
        audit(result, links={"trade": np.full(UNITS, np.inf)})


def test_constant_and_empty_links_are_not_computed() -> None:
    result = ran(sound_spec(), table(sound_values()))
    given = {"gdp_per_person": np.full(UNITS, 5.0), "trade": np.full(UNITS, np.nan)}
    found = audit(result, links=given)
    assert (found.check("gdp").verdict, found.check("validators").verdict) == ("none", "none")


def test_units_in_place_of_those_of_the_file_are_not_in_its_hash() -> None:
    from dataclasses import replace

    spec = IndexSpec.from_data(sound_spec())
    codes = ["BRA", "CHN", "IND", "RUS", "ZAF"]
    text = table(sound_values())
    for n, code in enumerate(codes):
        text = text.replace(f"U{n:02d},", f"{code},")
    other = replace(spec, units=Units(countries=tuple(codes)), uncertainty=None)
    check = audit(run(other, from_table(other, text))).check("hash")
    assert check.verdict == "warn"
    assert check.what.endswith("asked for in place of the file's: BRA, CHN, IND, RUS, ZAF.")


def test_the_uncertainty_of_another_index_is_refused() -> None:
    first = ran(sound_spec(), table(sound_values()))
    other = sound_spec() | {"edition": 2024}
    doubt = uncertainty(ran(other, table(sound_values())))
    with pytest.raises(InputError, match="of another index"):
        audit(first, doubt)


# --- Little to look at --------------------------------------------------------------------------------------------


def small(names: list[str], steps: list[dict[str, Any]], **head: Any) -> Spec:
    leaves = [{"id": n, "direction": "up", "goalposts": [0, 100]} for n in names]
    tree = [{"pillar": "only", "indicators": leaves}]
    return {"schema": "concordat/index@1", "index": "small", "title": "Small", "tree": tree, "steps": steps, **head}


PLAIN: list[dict[str, Any]] = [{"normalise": {"method": "goalposts"}}, {"aggregate": {"default": "arithmetic"}}]


def small_audit(values: Values, steps: list[dict[str, Any]] = PLAIN, **head: Any) -> Audit:
    return audit(ran(small(list(values), steps, **head), table(values)))


def test_three_units_and_one_indicator() -> None:
    found = small_audit({"x": [10.0, 20.0, 90.0]})
    said = verdicts(found)
    for name in ("alpha", "component", "same", "weak", "negative", "outliers", "importance", "importance_pillars"):
        assert said[name] == "none", name
    assert said["against"] == "pass"  # the only child goes with its parent
    assert said["dominance"] == "warn"  # all of the variance is its own
    assert found.check("dominance").numbers["pillars"] == {"only": pytest.approx(1)}
    assert found.check("outliers").what.startswith("not computed: needs more of x (four figures that differ).")


def test_constant_columns_are_not_computed_and_no_pass() -> None:
    found = small_audit({"x": [50.0] * 6, "y": [10.0, 20.0, 30.0, 50.0, 60.0, 80.0]})
    said = verdicts(found)
    for name in ("component", "same", "weak", "negative", "outliers", "against"):
        assert said[name] == "none", (name, found.check(name).what)
        assert found.check(name).what.startswith("not computed: needs"), name
    assert said["alpha"] == "warn"  # no covariance at all: alpha is 0
    assert said["values"] == "warn"


def test_an_index_of_equal_scores_has_no_variance_to_share() -> None:
    found = small_audit({"x": [50.0] * 5, "y": [20.0] * 5})
    assert verdicts(found) | {"dominance": "none", "importance": "none", "against": "none"} == verdicts(found)


def test_a_part_that_fails_is_told_although_another_cannot_be_computed() -> None:
    values: Values = {"x": [float(u) for u in range(8)], "y": [float(90 - u * u) for u in range(8)], "z": [50.0] * 8}
    check = small_audit(values).check("against")
    assert check.verdict == "fail"
    assert check.what.endswith("Not computed: z (3 units with scores that differ).")


def test_no_unit_ranked_is_not_computed() -> None:
    values: Values = {"x": [1.0, 2.0, 3.0], "y": [None, None, 9.0], "z": [None, 5.0, None]}
    whole = {"aggregate": {"default": "arithmetic", "min_share": 1.0}}
    steps: list[dict[str, Any]] = [{"normalise": {"method": "goalposts"}}, whole]
    found = small_audit(values, steps)
    said = verdicts(found)
    assert (said["data_unit"], said["imputed"], said["against"], said["dominance"]) == ("none",) * 4
    assert found.check("missing").numbers["unranked"] == ["U00", "U01", "U02"]
    json.dumps(found.as_data(), allow_nan=False)


def test_a_dashboard_has_figures_and_no_scores() -> None:
    values: Values = {"x": [10.0, 30.0, 20.0, 60.0, 50.0], "y": [20.0, 40.0, 25.0, 70.0, 55.0]}
    found = small_audit(values, [{"normalise": {"method": "goalposts"}}], kind="dashboard")
    said = verdicts(found)
    scored = ("zeros", "importance", "importance_pillars", "against", "width", "dominance", "gdp", "validators")
    assert [said[n] for n in scored] == ["none"] * len(scored)
    assert said["alpha"] == "warn"  # two columns that nearly repeat each other
    assert found.check("missing").what.endswith("every unit has a figure.")
    assert "a dashboard has no scores" in found.check("dominance").what


def test_a_dashboard_without_a_scale_is_turned_round_where_less_is_better() -> None:
    values: Values = {"x": [10.0, 30.0, 20.0, 60.0, 50.0], "y": [80.0, 55.0, 74.0, 30.0, 46.0]}
    spec = small(["x", "y"], [{"screen": {}}], kind="dashboard")
    spec["tree"][0]["indicators"][1]["direction"] = "down"
    found = audit(ran(spec, table(values)))
    r = np.corrcoef(np.array(values["x"], dtype=float), -np.array(values["y"], dtype=float))[0, 1]
    assert r > 0.92
    assert found.check("same").numbers["pairs"][0]["r"] == pytest.approx(r)
    assert found.check("truncated").what == "not computed: needs a step normalise."


def test_without_uncertainty_step_seven_is_not_computed() -> None:
    found = audit(ran(sound_spec(), table(sound_values())))
    seventh = found.steps[6]
    assert (seventh.verdict, seventh.missing, len(seventh.checks)) == ("none", 3, 3)
    assert all(c.what == "not computed: needs an uncertainty analysis of ranks." for c in seventh.checks)


def test_effects_that_were_left_out_are_not_computed() -> None:
    result = ran(sound_spec(), table(sound_values()))
    doubt: UncertaintyResult = uncertainty(result, targets=())
    check = audit(result, doubt).check("assumptions")
    assert (check.verdict, check.numbers["varied"]) == ("none", ["aggregate.top", "impute.draw", "weights.noise"])


def test_assumptions_that_move_nothing_are_said_to() -> None:
    spec = sound_spec()
    spec["uncertainty"]["vary"] = {"weights.method": ["given", "equal"], "impute.draw": "all"}
    found = full(spec, table(sound_values()))
    assert found.check("assumptions").verdict == "pass"
    assert "none of 2 assumptions that were varied moves the ranking" in found.check("assumptions").what
    assert found.check("width").numbers["median"] == 0


def test_a_distance_on_top_is_turned_round_before_it_is_correlated() -> None:
    spec = sound_spec()
    del spec["uncertainty"]
    step(spec, "aggregate")["top"] = "wroclaw"  # less is better
    found = audit(ran(spec, table(sound_values())), links={"gdp_per_person": income()})
    assert found.check("against").verdict == "pass"
    assert found.check("gdp").numbers["r"] > 0


@pytest.mark.parametrize("scale", [1e-120, 1e90, 1e200])
def test_the_unit_of_an_indicator_changes_no_verdict(scale: float) -> None:
    values: Values = {"x": [1.0, 2.0, 4.0, 8.0, 90.0, 5.0], "y": [50.0] * 6}
    large: Values = {k: [float(v or 0) * scale for v in column] for k, column in values.items()}
    spec = small(["x", "y"], PLAIN)
    for indicator in spec["tree"][0]["indicators"]:
        indicator["goalposts"] = [0, 100 * scale]
    assert verdicts(audit(ran(spec, table(large)))) == verdicts(small_audit(values))


# --- As text and as data ------------------------------------------------------------------------------------------


def test_every_check_is_printed_under_its_step(sound: Audit) -> None:
    text = "\n".join(sound.lines())
    for number, (title, _) in enumerate(STEPS, 1):
        assert f"\n{number}. {title}: pass\n" in text
    for check in sound.checks:
        assert f"  {check.verdict:<4}  {check.id}" in text
        assert check.what in text
    assert sound.spec_hash in text
    assert f"{len(sound.checks)} pass, 0 warn, 0 fail, 0 not computed" in text


def test_a_step_has_the_worst_verdict_and_counts_what_is_missing() -> None:
    found = audit(ran(sound_spec(), table(sound_values(), age={"a1": 9})))
    second = found.steps[1]
    assert (second.verdict, second.missing) == ("warn", 1)
    assert "2. Selection of figures: warn (1 of 5 not computed)" in list(found.lines())


def test_data_are_plain_and_have_no_nan(sound: Audit) -> None:
    empty = small_audit({"x": [50.0] * 4, "y": [None, None, 3.0, 9.0]})
    for found in (sound, empty):
        data = found.as_data()
        assert json.loads(json.dumps(data, allow_nan=False)) == data
        assert sum(data["counts"].values()) == sum(len(s["checks"]) for s in data["steps"])
        assert [s["number"] for s in data["steps"]] == list(range(1, 11))


def test_ids_stand_once_and_sentences_end(sound: Audit) -> None:
    ids = [c.id for c in sound.checks]
    assert len(set(ids)) == len(ids)
    every: list[Check] = [*sound.checks, *small_audit({"x": [1.0, 2.0, 3.0]}).checks]
    assert all(c.what.endswith(".") and not c.what.endswith("..") for c in every)


def test_the_same_audit_twice_is_the_same(sound: Audit) -> None:
    again = full(sound_spec(), table(sound_values()))
    assert again.as_data() == sound.as_data()


# --- The page -----------------------------------------------------------------------------------------------------


def test_the_page_names_every_check_and_its_limits(sound: Audit) -> None:
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs" / "explanation" / "audit.md").read_text(encoding="utf-8")
    for check in sound.checks:
        assert f"`{check.id}`" in page, check.id
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    stated = {
        "children": (limits.CHILDREN_MIN, limits.CHILDREN_MAX),
        "data_indicator": (limits.DATA_INDICATOR_MIN, limits.DATA_FAIL),
        "data_unit": ("2/3", limits.DATA_FAIL),
        "values": (limits.ZEROS_MIN,),
        "age": (limits.AGE_MAX,),
        "imputed": (limits.IMPUTED_WARN, limits.IMPUTED_FAIL),
        "draws": (limits.DRAWS_WARN, limits.DRAWS_FAIL),
        "alpha": (limits.ALPHA_MIN, limits.ALPHA_MAX),
        "component": ("50 %",),
        "same": (limits.PAIR_SAME,),
        "weak": (limits.PAIR_WEAK,),
        "denominators": (limits.DENOMINATOR_MAX,),
        "outliers": (f"{limits.SKEW:g}", limits.KURTOSIS),
        "truncated": ("5 %",),
        "importance": (f"{limits.IMPORTANCE_FACTOR:g}",),
        "width": (limits.WIDTH_WARN, limits.WIDTH_FAIL),
        "assumptions": (limits.ASSUMPTIONS_MIN,),
        "dominance": ("60 %",),
        "gdp": (limits.GDP_SAME,),
        "validators": (limits.LINK_MIN,),
    }
    for name, numbers in stated.items():
        assert rows[name].count("|") == 6, name
        for number in numbers:
            assert str(number) in rows[name], (name, number)
