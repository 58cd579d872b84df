"""Laws of the pure core of evidence: equal values, containment, order, who moves what, and what each hash is over."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import ConcordatError
from concordat.evidence.aggregate import Aggregate, Member, aggregate
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.conflicts import find_conflicts
from concordat.evidence.observation import COLUMNS, Observation, make_observation
from concordat.evidence.quality import check_quality
from concordat.evidence.resolve import resolve, yearly_series

CATALOGUE = load_catalogue()
RULES = st.sampled_from(["weighted_mean", "sum", "median"])
AREAS = [f"{a}{b}" for a in "ABCD" for b in "XYZ"]
percents = st.floats(0, 100, allow_nan=False)
weights = st.floats(1e-3, 1e10, allow_nan=False)
rounding = st.sampled_from([0.0, 0.05, 0.5, 5.0])
few = settings(max_examples=60, deadline=None)


@st.composite
def members(draw: st.DrawFn, least: int = 1) -> list[Member]:
    """Members with a value, an interval around it and a weight."""
    areas = draw(st.lists(st.sampled_from(AREAS), min_size=least, max_size=len(AREAS), unique=True))
    made = []
    for area in areas:
        value, half = draw(percents), draw(rounding)
        made.append(Member(area, value, max(0.0, value - half), min(100.0, value + half), 2024, draw(weights)))
    return made


def total(found: list[Member], **options: Any) -> Aggregate:
    return aggregate(found, [m.area for m in found], bounds=(0, 100), **options)


@few
@given(percents, st.lists(weights, min_size=1, max_size=12), st.sampled_from(["weighted_mean", "median"]))
def test_the_aggregate_of_equal_values_is_that_value(value: float, by_member: list[float], rule: str) -> None:
    rows = [Member(f"A{i:02}", value, value, value, 2024, w) for i, w in enumerate(by_member)]
    a = total(rows, rule=rule)
    assert a.value == pytest.approx(value, rel=1e-12)
    assert (a.mean.value, a.minimum.value, a.maximum.value) == pytest.approx((value,) * 3, rel=1e-12)


@few
@given(members(), RULES)
def test_every_interval_contains_its_point_and_lies_between_the_extremes(rows: list[Member], rule: str) -> None:
    a = total(rows, rule=rule)
    for x in (a, a.mean, a.median, a.minimum, a.maximum):
        assert x.value is not None
        assert x.lower <= x.value <= x.upper  # type: ignore[operator]
    if rule != "sum":
        values = [m.value or 0.0 for m in rows]
        assert min(values) - 1e-9 <= (a.value or 0.0) <= max(values) + 1e-9


@few
@given(members(), RULES, st.randoms(use_true_random=False))
def test_the_order_of_members_changes_no_bit(rows: list[Member], rule: str, random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    assert total(shuffled, rule=rule) == total(rows, rule=rule)


@few
@given(members(least=2), RULES)
def test_leaving_a_member_out_moves_the_figure_by_what_influence_says(rows: list[Member], rule: str) -> None:
    a = total(rows, rule=rule)
    assert a.influence is not None
    assert a.value is not None
    moves = {}
    for left_out in rows:
        then = total([m for m in rows if m is not left_out], rule=rule).value
        assert then is not None
        moves[left_out.area] = (then, then - a.value)
    assert moves[a.influence.area] == (a.influence.value, a.influence.shift)
    assert abs(a.influence.shift) == max(abs(shift) for _, shift in moves.values())


@few
@given(members(least=2), RULES)
def test_with_and_without_the_invited_differ_only_through_that_area(rows: list[Member], rule: str) -> None:
    *inside, invited = rows
    without, with_invited = total(inside, rule=rule), total(rows, rule=rule)
    ignored = aggregate(rows, [m.area for m in inside], rule=rule, bounds=(0, 100))
    assert ignored == without
    absent = aggregate(inside, [m.area for m in rows], rule=rule, weights_of_missing={invited.area: 0.0}, min_share=0.5)
    if rule != "sum":
        assert absent.value == without.value
    if rule == "sum":
        assert with_invited.value == pytest.approx((without.value or 0.0) + (invited.value or 0.0))
    if rule == "weighted_mean":
        w = math.fsum(m.weight or 0.0 for m in inside)
        own = invited.weight or 0.0
        wanted = ((without.value or 0.0) * w + (invited.value or 0.0) * own) / (w + own)
        assert with_invited.value == pytest.approx(wanted, rel=1e-9)


@few
@given(members(least=2))
def test_the_bounds_hold_whatever_the_missing_member_says(rows: list[Member]) -> None:
    *inside, missing = rows
    areas = [m.area for m in rows]
    partial = aggregate(inside, areas, bounds=(0, 100), weights_of_missing={missing.area: missing.weight or 0.0})
    whole = aggregate(rows, areas, bounds=(0, 100)).value
    low, high = partial.bounds
    assert low is not None
    assert high is not None
    assert low - 1e-9 <= (whole or 0.0) <= high + 1e-9


# --- Rows ---------------------------------------------------------------------------------------------------------


def row(value: float | None = 50.0, **columns: Any) -> Observation:
    year = columns.pop("year", 2024)
    given_columns = {
        "indicator_id": "internet_users_pct", "area": "BRA", "period_start": date(year, 1, 1),
        "period_end": date(year, 12, 31), "unit": "percent", "source_id": "itu", "dataset_id": "d", "vintage_id": "v",
        "known_from": date(2026, 1, 1), "retrieved_at": datetime(2026, 1, 1, tzinfo=UTC), "raw_sha256": "ab" * 32,
        "raw_locator": "row 2", "parser_version": "1", **columns,
    }  # fmt: skip
    return make_observation(value=value, **given_columns)


rows_of_evidence = st.lists(
    st.builds(
        row,
        st.sampled_from([0.0, 39.9, 40.0, 55.5, 100.0, 104.0]),
        area=st.sampled_from(["BRA", "IND"]),
        year=st.sampled_from([2012, 2022, 2023, 2024]),
        source_id=st.sampled_from(["itu", "worldbank_wdi", "cia_factbook", "stranger"]),
        dataset_id=st.sampled_from(["d", "e"]),
        vintage_id=st.sampled_from(["v", "w"]),
        known_from=st.sampled_from([date(2026, 1, 1), date(2026, 2, 1)]),
        precision=st.sampled_from([None, 0.5]),
        conf_status=st.sampled_from(["F", "F", "F", "C"]),
        indicator_id=st.sampled_from(["internet_users_pct", "internet_users_pct", "egovernment_index"]),
        unit=st.sampled_from(["percent", "percent", "index_0_1"]),
    ),
    max_size=14,
)


@few
@given(rows_of_evidence, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_choice_conflict_or_finding(rows: list[Observation], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    for mode in ("latest", "common"):
        options: Any = {"not_after": 2026, "mode": mode, "areas": ["BRA", "IND"]}
        assert resolve(shuffled, CATALOGUE, **options) == resolve(rows, CATALOGUE, **options)
    assert find_conflicts(shuffled, CATALOGUE) == find_conflicts(rows, CATALOGUE)
    wanted = ["internet_users_pct"]
    series = [yearly_series(some, CATALOGUE, wanted, not_after=2026) for some in (shuffled, rows)]
    assert series[0] == series[1]
    rules = [
        sorted((f.rule, f.area, f.observations) for f in check_quality(some, CATALOGUE, not_after=2026))
        for some in (shuffled, rows)
    ]
    assert rules[0] == rules[1]


@few
@given(rows_of_evidence)
def test_the_chosen_interval_holds_the_value_and_every_conflicting_value(rows: list[Observation]) -> None:
    for c in resolve(rows, CATALOGUE, not_after=2026).values():
        if not c.missing:
            assert c.lower is not None
            assert c.upper is not None
            said = [o.value for o in (c.observation, *c.conflicts)]
            assert all(c.lower <= value <= c.upper for value in said if value is not None)
            assert c.observation.conf_status == "F"
            assert all(o.year <= c.year for o in c.runners_up)


# What each hash is over (specification of evidence, section 4), and another value for every column.
OF_ID = {"indicator_id", "area", "period_start", "period_end", "breakdown", "unit", "source_id", "dataset_id"}
OF_ROW = {"value", "lower", "upper", "censoring", "obs_status", "conf_status"}
OTHER: dict[str, Any] = {
    "indicator_id": "gini_index", "area": "IND", "area_type": "group", "period_start": date(2024, 1, 2),
    "period_end": date(2024, 12, 30), "freq": "U", "value": 50.5, "lower": 49.0, "upper": 51.0, "censoring": "interval",
    "precision": 0.25, "unit": "ratio", "unit_mult": 3, "decimals": 2, "breakdown": "sex=F", "obs_status": "E",
    "nature": "M", "conf_status": "N", "note": "n", "source_id": "s", "dataset_id": "t", "series_key": "k",
    "vintage_id": "w", "known_from": date(2026, 1, 2), "retrieved_at": datetime(2026, 1, 2, tzinfo=UTC),
    "raw_sha256": "cd" * 32, "raw_locator": "row 3", "parser_version": "2", "processing_level": "minor",
    "derived_from": ("x",), "derived_by": "f@1",
}  # fmt: skip


def test_another_value_is_tried_for_every_column() -> None:
    assert set(OTHER) == set(COLUMNS) - {"obs_id", "row_hash", "missing_reason"}


@few
@given(st.sets(st.sampled_from(sorted(OTHER)), min_size=1, max_size=4))
def test_each_hash_changes_with_its_own_columns_and_with_no_other(changed: set[str]) -> None:
    plain, other = row(), row(**{"value": 50.0, **{name: OTHER[name] for name in changed}})
    assert (other.obs_id != plain.obs_id) is bool(changed & OF_ID)
    assert (other.row_hash != plain.row_hash) is bool(changed & (OF_ID | OF_ROW))


@pytest.mark.parametrize("name", sorted(OTHER))
def test_each_column_alone(name: str) -> None:
    plain, other = row(), row(**{"value": 50.0, name: OTHER[name]})
    assert (other.obs_id != plain.obs_id, other.row_hash != plain.row_hash) == (name in OF_ID, name in OF_ID | OF_ROW)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["value", "lower", "upper", "precision"])
def test_nan_and_infinities_are_refused_in_every_number(number: float, name: str) -> None:
    with pytest.raises(ConcordatError):
        row(**{"value": 50.0, name: number})


@few
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_two_rows_share_a_hash_exactly_when_they_say_the_same_number(one: float, other: float) -> None:
    a, b = row(one), row(other)
    assert (a.row_hash == b.row_hash) is (one == other)
    assert a.obs_id == b.obs_id
