"""The cost of connecting people, by hand: annuities, present values, three scopes, published estimates."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.connectivity import Place, connectivity_cost, load_anchors, unit_costs
from concordat.impact.connectivity.anchors import implied_unit_costs, parse_anchors
from concordat.impact.connectivity.cost_draws import annuity, present_value
from concordat.impact.parameter_file import parse_parameters
from concordat.impact.parameters import ParameterBook

POINT = "{kind: point, reason: for the test}"
SIZES = {
    "connect_capital_per_person": 300.0,
    "connect_running_per_person_year": 20.0,
    "connect_capital_rate": 0.08,
    "connect_device_price": 60.0,
    "connect_data_price_month": 5.0,
    "connect_income_month": 150.0,
    "connect_skills_per_person": 40.0,
    "connect_policy": 1_000_000.0,
}


def book(
    sizes: dict[str, float], *, distribution: str = POINT, mark: str = "verified", grade: str = "D"
) -> ParameterBook:
    """A parameter file with these sizes."""
    rows = [
        f"  - {{id: {name}, value: {value}, quantity: price, unit: USD, distribution: {distribution}, "
        f"source: {{id: demo, where: here, url_or_doi: none}}, grade: {grade}, mark: {mark}}}"
        for name, value in sizes.items()
    ]
    return parse_parameters("schema: concordat/parameters@1\nparameters:\n" + "\n".join(rows) + "\n", where="own.yaml")


def test_annuity_and_present_value_are_those_of_a_table() -> None:
    """Annuity factor of 8 % and 10 years: 6.710081; present value of 1 at the start of 10 years at 8 %: 7.246888."""
    assert float(annuity(6.710081, 0.08, 10)) == pytest.approx(1.0, abs=1e-6)
    assert float(present_value(1.0, 0.08, 10)) == pytest.approx(7.246888, abs=1e-6)
    assert float(annuity(100.0, 0.0, 4)) == 25.0
    payments = float(annuity(100.0, 0.11, 7)) * sum(1.11**-t for t in range(1, 8))
    assert payments == pytest.approx(100.0)


def test_three_scopes_of_known_sizes() -> None:
    """One million people; all sizes certain, so the three ends are one figure, computed here by hand."""
    made = connectivity_cost(
        [Place("AAA", 4_000_000, 75.0)], target_pct=100.0, unit_costs=unit_costs(book(SIZES)), years=10, device_years=4
    )
    place = made.places[0]
    assert place.people == 1_000_000
    factor = sum(1.08**-t for t in range(10))
    coverage = 300 + 20 * factor
    device = 60 * 0.08 / (1 - 1.08**-4)
    affordable = coverage + (device + 12 * (5.0 - 0.02 * 150.0)) * factor
    meaningful = affordable + 40 + 1.0
    for scope, expected in zip(place.scopes, (coverage, affordable, meaningful), strict=True):
        assert scope.low == scope.central == scope.high == pytest.approx(expected * 1e6)
    assert place.capital == pytest.approx(300e6)
    assert place.annuity == pytest.approx(300e6 * 0.08 / (1 - 1.08**-10))
    assert place.running == pytest.approx(20e6)
    assert made.grade == "D"
    assert made.total is None


def test_a_price_that_people_can_pay_needs_no_subsidy() -> None:
    cheap = connectivity_cost(
        [Place("A", 100, 0.0)], unit_costs=unit_costs(book(SIZES | {"connect_data_price_month": 3.0}))
    )
    dear = connectivity_cost(
        [Place("A", 100, 0.0)], unit_costs=unit_costs(book(SIZES | {"connect_data_price_month": 4.0}))
    )
    free = connectivity_cost(
        [Place("A", 100, 0.0)], unit_costs=unit_costs(book(SIZES | {"connect_data_price_month": 1.0}))
    )
    assert cheap.places[0].scopes[1] == free.places[0].scopes[1]  # 3 is 2 % of 150
    assert dear.places[0].scopes[1].central > cheap.places[0].scopes[1].central  # type: ignore[operator]


def test_settings_are_averaged_by_their_shares() -> None:
    sizes = {
        "connect_share_town": 0.75,
        "connect_share_village": 0.25,
        "connect_capital_per_person_town": 100.0,
        "connect_capital_per_person_village": 900.0,
        "connect_running_per_person_year_town": 0.0,
        "connect_running_per_person_year_village": 0.0,
        "connect_capital_rate": 0.05,
    }
    made = connectivity_cost([Place("A", 10, 0.0)], unit_costs=unit_costs(book(sizes)))
    assert made.places[0].scopes[0].central == pytest.approx(10 * 300.0)
    assert made.places[0].scopes[1].reason.startswith("not computed: needs connect_device_price")
    assert "connect_policy" in made.places[0].scopes[2].reason


def test_draws_are_those_of_the_record_and_shared_by_countries() -> None:
    """Capital alone, lognormal with sigma 0.5: quantiles 300 exp(+-0.5 x 1.6449) of 10,000 draws."""
    sizes = {"connect_capital_per_person": 300.0, "connect_running_per_person_year": 1e-9, "connect_capital_rate": 0.05}
    spread = book(sizes, distribution="{kind: lognormal, sigma: 0.5}")
    places = [Place("A", 1000, 0.0), Place("B", 3000, 0.0)]
    made = connectivity_cost(places, unit_costs=unit_costs(spread), draws=10_000)
    low, high = 300 * np.exp(-0.5 * 1.6449), 300 * np.exp(0.5 * 1.6449)
    coverage = made.places[0].scopes[0]
    assert coverage.low == pytest.approx(1000 * low, rel=0.03)
    assert coverage.high == pytest.approx(1000 * high, rel=0.03)
    assert made.total is not None
    assert made.total.scopes[0].low == pytest.approx(4 * coverage.low)  # one price for both  # type: ignore[operator]
    assert made == connectivity_cost(places, unit_costs=unit_costs(spread), draws=10_000)


def test_policy_counts_once_for_each_country_that_has_people_to_connect() -> None:
    costs = unit_costs(book(SIZES | {"connect_policy": 7.0}))
    made = connectivity_cost([Place("A", 100, 100.0), Place("B", 100, 0.0), Place("C", 100, 50.0)], unit_costs=costs)
    assert made.places[0].scopes[2].central == 0.0
    assert made.total is not None
    parts = sum(p.scopes[2].central for p in made.places)  # type: ignore[misc]
    assert made.total.scopes[2].central == pytest.approx(parts)


def test_without_sizes_the_published_average_is_applied_and_says_so() -> None:
    """ITU 2025: 1.5-1.7 trillion for 2.6 billion people: 577 to 654 dollars, 615 in the middle."""
    made = connectivity_cost([Place("EGY", 100e6, 90.0)])
    coverage, affordable, meaningful = made.places[0].scopes
    assert coverage.central == pytest.approx(10e6 * 1600 / 2.6)
    assert coverage.high == pytest.approx(10e6 * 1700 / 2.6)
    assert coverage.low == pytest.approx(10e6 * 0.9 * 428 / 3.0)  # ITU 2020, its infrastructure
    assert affordable.central == pytest.approx(10e6 * (1600 + 983) / 2.6)
    assert meaningful.high == pytest.approx(10e6 * (1700 + 983 + 152 + 0.6) / 2.6)
    assert made.grade == "D"
    assert made.places[0].annuity is None
    assert any("several times" in note for note in made.notes)
    assert {a.id for a in made.anchors} == {"itu-2020", "imf-2023", "oughton-2022", "itu-2025"}
    json.dumps(made.to_value())


def test_the_anchors_are_those_of_the_specification() -> None:
    found = {a.id: a for a in load_anchors()}
    assert (found["itu-2020"].low, found["itu-2020"].people_bn) == (428, 3.0)
    assert (found["imf-2023"].low, len(found["imf-2023"].cases)) == (418, 3)
    assert found["oughton-2022"].low == 2000
    assert (found["itu-2025"].low, found["itu-2025"].high) == (2600, 2800)
    parts = {p.part: (p.low, p.high) for p in found["itu-2025"].parts}
    assert parts == {
        "infrastructure": (1500, 1700),
        "affordability": (983, 983),
        "skills": (152, 152),
        "policy": (0.6, 0.6),
    }
    assert sum(low for low, _ in parts.values()) + 0.05 * 2600 >= 2600
    assert all(a.source_url and a.scope and a.mark for a in found.values())


def test_without_an_anchor_that_counts_people_the_range_is_narrower() -> None:
    some = tuple(replace(a, people_bn=None) if a.id == "itu-2020" else a for a in load_anchors())
    assert implied_unit_costs(some)["coverage"].low == pytest.approx(1500 / 2.6)


@pytest.mark.parametrize(
    ("places", "options", "code"),
    [
        ([], {}, "no_place"),
        ([Place("A", 0, 5.0)], {}, "population"),
        ([Place("A", 10, 105.0)], {}, "online"),
        ([Place("A", 10, 5.0)], {"target_pct": 0.0}, "target"),
        ([Place("A", 10, 5.0)], {"years": 0}, "years"),
    ],
)
def test_what_cannot_be_is_refused(places: list[Place], options: dict[str, float], code: str) -> None:
    with pytest.raises(InputError) as found:
        connectivity_cost(places, **options)  # type: ignore[arg-type]
    assert found.value.code == code


def test_sizes_without_what_they_need_are_refused_by_name() -> None:
    missing = {k: v for k, v in SIZES.items() if k != "connect_capital_rate"}
    with pytest.raises(MethodError, match="connect_capital_rate is missing"):
        unit_costs(book(missing))
    with pytest.raises(InputError, match='Did you mean "connect_policy"'):
        unit_costs(book(SIZES | {"connect_polcy": 1.0}))
    shares = {"connect_share_a": 0.5, "connect_share_b": 0.6}
    rest = {
        f"{stem}_{k}": 1.0 for k in "ab" for stem in ("connect_capital_per_person", "connect_running_per_person_year")
    }
    with pytest.raises(InputError, match=r"add up to 1\.1"):
        unit_costs(book(shares | rest | {"connect_capital_rate": 0.05}))
    with pytest.raises(MethodError, match="unverified"):
        unit_costs(book(SIZES, mark="unverified"))
    made = connectivity_cost(
        [Place("A", 10, 5.0)], unit_costs=unit_costs(book(SIZES, grade="U"), allow_unverified=True)
    )
    assert made.unverified
    assert made.grade == "U"
    loose = unit_costs(book(SIZES, distribution="{kind: normal, sd: 500}"))
    with pytest.raises(MethodError, match="below zero"):
        connectivity_cost([Place("A", 10, 5.0)], unit_costs=loose)


def test_a_file_of_anchors_is_strict() -> None:
    text = b"""schema: concordat/cost-anchors@1
anchors:
  - {id: a, title: t, year: 2020, scope: coverage, covers: c, total: {low: 5, high: 4}, mark: verified,
     source: {id: s, where: w, url_or_doi: u}}
"""
    with pytest.raises(InputError, match="5 is above 4"):
        parse_anchors(text, where="own.yaml")
    with pytest.raises(InputError, match='Did you mean "total"'):
        parse_anchors(text.replace(b"total", b"totl"), where="own.yaml")
