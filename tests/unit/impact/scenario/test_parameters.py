"""Parameter records: what ships, what a file may hold, what a run may rest on."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from concordat import impact
from concordat.errors import InputError, MethodError
from concordat.impact import _scenario_model, parameter_file, provision_map
from concordat.impact.parameter_file import parse_parameters
from concordat.impact.parameters import GRADES, Parameter, load_parameters, usable

HEAD = "schema: concordat/parameters@1\nparameters:\n"
RECORD = """\
  - id: own
    value: 0.5
    quantity: flow_effect_log
    distribution: {kind: normal, sd: 0.1}
    unit: log points
    source: {id: note-1, where: table 1, url_or_doi: "https://example.org"}
    grade: C
    mark: verified
"""

# Section 5 of the specification, "Parameters to ship": id, central value, two numbers of the spread, grade.
SHIPPED = [
    ("rta_effect_goods", 0.557185, ("sd", 0.1038), "B"),
    ("trade_elasticity", 4, ("low", 3), "U"),
    ("trade_elasticity", 4, ("high", 7), "U"),
    ("mobile_broadband_trade_cost", -0.02, ("low", -0.02), "C"),
    ("mobile_broadband_trade_cost", -0.02, ("high", -0.015), "C"),
    ("regulation_x_connectivity", 1.8, ("low", 1.0), "C"),
    ("digital_chapter_multiplier", 2, ("high", 2), "D"),
    ("fixed_broadband_gdp", 0.000245, ("kind", "lognormal"), "C"),
    ("mobile_broadband_gdp_senegal", 0.0022, ("values", (0, 0.0022, 0.0040)), "C"),
    ("mobile_broadband_gdp_senegal", 0.0022, ("levels", (0, 3, 10)), "C"),
]


@pytest.mark.parametrize(("name", "value", "spread", "grade"), SHIPPED)
def test_a_shipped_parameter_is_that_of_the_specification(
    name: str, value: float, spread: tuple[str, object], grade: str
) -> None:
    found = load_parameters()[name]
    assert found.value == pytest.approx(value)
    assert getattr(found.distribution, spread[0]) == spread[1]
    assert found.grade == grade


def test_connectivity_and_trade_flow_is_two_percent_for_ten_percent() -> None:
    found = load_parameters()["connectivity_trade_flow"]
    assert (found.per.change, found.per.unit) == (10, "percent")  # type: ignore[union-attr]
    assert math.exp(found.value or 0) == pytest.approx(1.02)
    half, more = found.distribution.low, found.distribution.high  # type: ignore[union-attr]
    assert (half, more) == pytest.approx((0.5 * found.value, 1.5 * found.value))  # type: ignore[operator]


def test_the_regimes_of_data_flows_are_quoted_and_have_no_value() -> None:
    found = load_parameters()["data_flow_regimes"]
    assert found.value is None
    assert {(f.case, f.value) for f in found.figures} >= {
        ("open with safeguards everywhere", 1.77),
        ("full autarky of data", -4.53),
        ("full autarky of data", -8.45),
        ("fragmentation by bloc", -0.94),
    }
    with pytest.raises(MethodError, match="quoted beside results"):
        usable(found, allow_unverified=True)


def test_no_size_is_shipped_for_the_index_of_digital_services_restrictions() -> None:
    with pytest.raises(MethodError, match="dstri_effect has no size") as error:
        usable(load_parameters()["dstri_effect"], allow_unverified=True)
    assert "parameter file" in error.value.hint


def test_every_shipped_parameter_has_source_unit_and_grade_and_says_what_is_unverified() -> None:
    for found in load_parameters():
        assert found.source is not None, found.id
        assert found.source.url_or_doi, found.id
        assert found.grade in GRADES, found.id
        assert found.value is None or found.distribution is not None, found.id
    assert {p.id for p in load_parameters() if p.unverified} == {"trade_elasticity", "dstri_effect"}
    assert all(p.associational for p in load_parameters() if p.quantity == "growth_effect")


# --- What a run may rest on -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["source", "distribution", "grade"])
def test_a_record_without_source_distribution_or_grade_is_refused_by_field_and_line(field: str) -> None:
    lines = [line for line in RECORD.splitlines() if not line.strip().startswith(field)]
    found = parse_parameters(HEAD + "\n".join(lines), where="own.yaml")["own"]
    with pytest.raises(MethodError, match=f"own.yaml, line 3: own has no {field}") as error:
        usable(found, allow_unverified=True, where="scenario.yaml, line 8")
    assert error.value.code == f"no_{field}"
    assert "scenario.yaml, line 8" in str(error.value)


def test_a_whole_record_is_used() -> None:
    found = parse_parameters(HEAD + RECORD)["own"]
    assert usable(found, allow_unverified=False) is found


@pytest.mark.parametrize("change", [{"grade": "U"}, {"mark": "unverified"}])
def test_an_unverified_record_runs_only_where_that_is_allowed(change: dict[str, str]) -> None:
    found = replace(parse_parameters(HEAD + RECORD)["own"], **change)  # type: ignore[arg-type]
    with pytest.raises(MethodError, match="unverified") as error:
        usable(found, allow_unverified=False)
    assert "allow_unverified: true" in error.value.hint
    assert usable(found, allow_unverified=True).unverified


# --- Files ------------------------------------------------------------------------------------------------------------

FAULTS = [
    (("quantity: flow_effect_log", "quantitty: flow_effect_log"), 'Did you mean "quantity"'),
    (("kind: normal, sd: 0.1", "kind: point"), "a point has no spread, so it needs a reason"),
    (("kind: normal, sd: 0.1", "kind: normal"), "needs sd"),
    (("kind: normal, sd: 0.1", "kind: normal, sd: 0.1, low: 0"), "has no low"),
    (("kind: normal, sd: 0.1", "kind: normal, sd: 0"), "must be above 0"),
    (("kind: normal, sd: 0.1", "kind: uniform, low: 1, high: 2"), "lies outside 1 to 2"),
    (("kind: normal, sd: 0.1", "kind: triangular, low: 2, high: 1"), "not below high"),
    (("kind: normal, sd: 0.1", "kind: discrete, values: [0, 1]"), "needs weights, or the levels"),
    (("kind: normal, sd: 0.1", "kind: discrete, values: [0, 1], weights: [0.5, 0.6]"), "add up to 1"),
    (("kind: normal, sd: 0.1", "kind: discrete, values: [0, 1], weights: [1]"), "2 values and 1 weights"),
    (("kind: normal, sd: 0.1", "kind: discrete, values: [0, 1], levels: [3, 1]"), "levels must rise"),
    (("quantity: flow_effect_log", "quantity: cost_change"), ""),
    (("grade: C", "grade: E"), "grade"),
    (("id: own", "id: Own"), "id"),
]


@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_a_faulty_record_is_refused_with_its_line(change: tuple[str, str], words: str) -> None:
    text = HEAD + RECORD.replace(*change)
    if not words:
        assert parse_parameters(text)["own"].quantity == "cost_change"
        return
    with pytest.raises(InputError, match=words) as error:
        parse_parameters(text, where="own.yaml")
    assert error.value.where.startswith("own.yaml, line ")


def test_a_cost_that_falls_by_more_than_all_of_itself_is_refused() -> None:
    text = HEAD + RECORD.replace("flow_effect_log", "cost_change").replace("value: 0.5", "value: -1.5")
    with pytest.raises(InputError, match=r"can't fall by 1.5 of itself"):
        parse_parameters(text)


def test_ids_are_never_reused() -> None:
    with pytest.raises(InputError, match='"own" stands twice'):
        parse_parameters(HEAD + RECORD + RECORD)
    own = parse_parameters(HEAD + RECORD.replace("id: own", "id: rta_effect_goods"), where="own.yaml")
    with pytest.raises(InputError, match='"rta_effect_goods" is taken') as error:
        load_parameters().plus(own)
    assert error.value.where == "own.yaml, line 3"


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "trade_elasticity"'):
        load_parameters()["trade_elasticty"]


JOINT = """\
estimations:
  - id: one
    parameters: [own, other]
    covariance: [[0.01, 0.005], [0.005, 0.04]]
"""


def _two() -> str:
    return HEAD + RECORD + RECORD.replace("id: own", "id: other").replace("sd: 0.1", "sd: 0.2")


def test_coefficients_of_one_estimation_are_tied_together() -> None:
    book = parse_parameters(_two() + JOINT)
    assert book.estimated_with("own") == book.estimated_with("other") == "one"
    assert book.joint["one"][0] == ("own", "other")


@pytest.mark.parametrize(
    ("covariance", "words"),
    [
        ("[[0.02, 0.005], [0.005, 0.04]]", "its record has sd 0.1"),
        ("[[0.01, 0.005], [0.006, 0.04]]", "not symmetric"),
        ("[[0.01, 0.03], [0.03, 0.04]]", "not positive definite"),
        ("[[0.01, 0.005]]", "2 by 2"),
    ],
)
def test_a_covariance_that_does_not_fit_is_refused(covariance: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_parameters(_two() + JOINT.replace("[[0.01, 0.005], [0.005, 0.04]]", covariance))


@pytest.mark.parametrize("name", ["scenario-1", "parameters-1", "provision-shocks-1"])
def test_the_json_schemas_that_ship_are_those_of_the_models(name: str) -> None:
    module = {"scenario-1": _scenario_model, "parameters-1": parameter_file, "provision-shocks-1": provision_map}[name]
    stored = (Path(impact.__file__).parent / "schema" / f"{name}.json").read_text(encoding="utf-8")
    assert json.loads(stored) == module.json_schema()


def test_a_record_tells_all_of_itself() -> None:
    found: Parameter = load_parameters()["mobile_broadband_trade_cost"]
    told = found.to_value()
    assert told["per"] == {"change": 10, "unit": "percentage points"}
    assert told["grade_means"] == "associational panel"
    assert told["source"]["id"] == "wto-ersd-2023-07"
    assert told["associational"] is True
