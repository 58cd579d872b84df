"""What a scenario can't be: each case with the branch of its error and the words that help (section 11).

| case | branch |
| --- | --- |
| an unknown key, kind, parameter or country: the nearest one is named, with the line | InputError, 2 |
| a panel without home deliveries, with a pair twice, a negative flow or an unknown code | InputError, 2 |
| a parameter without source, distribution or grade; unverified without permission; without a size | MethodError, 4 |
| a tariff, or demand, in one sector: what to use instead | MethodError, 4 |
| a surplus larger than what is left of income: the closure to try | MethodError, 4 |
| theta as the size of a shock; a value that is too large to be computed | MethodError, 4 |
| an elasticity out of bounds, an unknown rule of sharing, a stated change twice | InputError, 2 |
| another file than the scenario states by its hash | TrustError, 5 |
"""

from __future__ import annotations

import pytest

import scenario_kit as kit
from concordat.errors import ConcordatError
from concordat.impact.run import run
from concordat.impact.scenario import parse_scenario

SHOCK = "{kind: rta_switch, pairs: members, parameter: half}"
DATA = kit.panel().decode()
RECORD = 'source: {id: golden, where: section 2.7, url_or_doi: "none"}'

# what is changed in the scenario, the panel, the records; the exit code; what the message holds
CASES = [
    ((SHOCK, SHOCK.replace("pairs", "pair")), None, None, 2, ['Did you mean "pairs"?', "line 8"]),
    ((SHOCK, SHOCK.replace("rta", "fta")), None, None, 2, ['Did you mean "rta_switch"?', "line 8"]),
    ((SHOCK, SHOCK.replace("half", "halve")), None, None, 2, ['Did you mean "half"?', "line 8"]),
    (("[ARG, BRA]", "[ARG, URY]"), None, None, 2, ['"URY" is not in the base', "missing_members: report", "line 4"]),
    (("year: 2006", "year: 2005"), None, None, 2, ["no rows of 2005", "trade.csv"]),
    (None, ("ARG,ARG,2006,700\n", ""), None, 2, ["trade.csv", "1 pairs have no row"]),
    (None, ("BRA,CHL,2006,30", "BRA,CHL,2006,-30"), None, 2, ["trade.csv, line 7", "no amount of zero or more"]),
    (None, ("BRA,CHL,2006,30\n", "BRA,CHL,2006,30\nBRA,CHL,2006,30\n"), None, 2, ["line 8", "again"]),
    (None, ("CHL,CHL", "CHL,CHX"), None, 2, ["line 10", '"CHX" is no economy I know']),
    (None, None, ("    " + RECORD + "\n", ""), 4, ["half has no source", "own.yaml, line 3", "used in s.yaml, line 8"]),
    (None, None, ("    distribution: {kind: normal, sd: 0.1}\n", ""), 4, ["half has no distribution"]),
    (None, None, ("    grade: D\n", ""), 4, ["half has no grade"]),
    (None, None, ("grade: D", "grade: U"), 4, ["half is unverified", "allow_unverified: true"]),
    (None, None, ("value: 0.5\n", "note: not found\n"), 4, ["half has no size", "not found"]),
    ((SHOCK, "{kind: tariff, pairs: members, to: 5}"), None, None, 4, ["tariff", "multi_sector", "line 8"]),
    ((SHOCK, "{kind: demand, country: ARG, sector: x, amount: 5}"), None, None, 4, ["demand", "transfer", "line 8"]),
    (
        (SHOCK, "{kind: dstri_change, country: ARG, from: 0.2, to: 0.1, parameter: dstri_effect}"),
        None,
        None,
        4,
        ["dstri_effect has no size", "record of your own"],
    ),
    (
        ("seed: 1", "seed: 1\nclosure: additive\ntransfers: [{from: CHL, to: ARG, amount: 900, unit: USD_million}]"),
        None,
        None,
        4,
        ["CHL", "multiplicative"],
    ),
    (
        (SHOCK, "{kind: cost_change, pairs: members, percent: -10, parameter: theta_own}"),
        None,
        None,
        4,
        ["theta_own", "own.yaml", "line 8", "applied twice"],
    ),
    (None, None, ("value: 0.5", "value: 1.0e+6"), 4, ["half is 1e+06", "own.yaml, line 3", "line 8"]),
    (("value: 4", "value: 0.001"), None, None, 2, ["elasticity", "0.25", "line 5"]),
    (("seed: 1", "seed: 1\nsharing: {rules: [shaply]}"), None, None, 2, ['Did you mean "shapley"?', "line 11"]),
    (("year: 2006", f"sha256: {'a' * 64}, year: 2006"), None, None, 5, ["the scenario states", "Get the file"]),
]


@pytest.mark.parametrize(("scenario", "panel", "records", "code", "words"), CASES)
def test_a_refusal_says_what_where_and_what_to_do(
    scenario: tuple[str, str] | None,
    panel: tuple[str, str] | None,
    records: tuple[str, str] | None,
    code: int,
    words: list[str],
) -> None:
    text = kit.SCENARIO.replace(*scenario) if scenario else kit.SCENARIO
    data = DATA.replace(*panel) if panel else DATA
    own = kit.OWN.replace(*records, 1) if records else kit.OWN
    with pytest.raises(ConcordatError) as error:
        run(parse_scenario(text, where="s.yaml"), {kit.PANEL: data.encode(), "own.yaml": own.encode()})
    assert error.value.exit_code == code
    for word in words:
        assert word in str(error.value)


def test_without_a_change_nothing_is_refused() -> None:
    run(parse_scenario(kit.SCENARIO), kit.files())
