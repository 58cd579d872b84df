"""What was known, and what moved, whatever the order in which vintages were loaded and rows are read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.evidence.observation import Observation, make_observation
from concordat.evidence.revisions import as_of, compare, latest, revisions
from concordat.figures._layout import spread

FIRST = date(2020, 1, 1)
VALUES = st.one_of(st.none(), st.integers(0, 100).map(float))


def row(dataset: str, vintage: int, known: date, area: str, value: float | None, status: str = "A") -> Observation:
    said = {"missing_reason": "not_published"} if value is None else {"value": value}
    return make_observation(
        indicator_id="internet_users_pct",
        area=area,
        period_start=date(2019, 1, 1),
        period_end=date(2019, 12, 31),
        unit="percent",
        source_id=dataset,
        dataset_id=dataset,
        vintage_id=f"v{vintage}",
        known_from=known,
        retrieved_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=vintage),
        raw_sha256="",
        raw_locator="row 2",
        parser_version="1",
        obs_status=status,
        **said,
    )


@st.composite
def vintages(draw: st.DrawFn) -> list[list[Observation]]:
    """A few vintages of two datasets, each with some of four areas; several may be known from one day."""
    found = []
    for number in range(draw(st.integers(1, 5))):
        known = FIRST + timedelta(days=draw(st.integers(0, 4)))
        figures = draw(st.dictionaries(st.sampled_from(["BRA", "ETH", "IND", "IRQ"]), VALUES, min_size=1))
        dataset = draw(st.sampled_from(["one", "two"]))
        found.append([row(dataset, number, known, area, value) for area, value in figures.items()])
    return found


def told(rows: list[Observation]) -> set[tuple[str, str, str]]:
    return {(o.obs_id, o.row_hash, o.vintage_id) for o in rows}


@given(vintages(), st.integers(-1, 5), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_order_of_vintages_and_rows_does_not_change_what_was_known(found, days, random):  # type: ignore[no-untyped-def]
    day = FIRST + timedelta(days=days)
    in_order = [o for vintage in found for o in vintage]
    shuffled = random.sample(in_order, len(in_order))
    assert told(as_of(shuffled, day)) == told(as_of(in_order, day))


@given(vintages(), st.integers(-1, 5))
@settings(max_examples=150, deadline=None)
def test_what_was_known_is_one_whole_vintage_of_each_dataset_as_a_second_method_finds_it(found, days):  # type: ignore[no-untyped-def]
    day = FIRST + timedelta(days=days)
    wanted: set[tuple[str, str, str]] = set()
    for dataset in ("one", "two"):
        known = [v for v in found if v[0].dataset_id == dataset and v[0].known_from <= day]
        known.sort(key=lambda v: (v[0].known_from, v[0].retrieved_at))
        wanted |= told(known[-1]) if known else set()
    assert told(as_of([o for v in found for o in v], day)) == wanted


@given(vintages())
@settings(max_examples=100, deadline=None)
def test_a_later_day_never_knows_an_older_vintage(found):  # type: ignore[no-untyped-def]
    rows = [o for v in found for o in v]
    seen: dict[str, date] = {}
    for days in range(6):
        for o in as_of(rows, FIRST + timedelta(days=days)):
            assert o.known_from >= seen.get(o.dataset_id, date.min)
            seen[o.dataset_id] = o.known_from
    assert told(as_of(rows, FIRST + timedelta(days=5))) == told(latest(rows))


@given(
    st.dictionaries(st.sampled_from("ABCDEF"), st.tuples(VALUES, st.sampled_from("AP"))),
    st.dictionaries(st.sampled_from("ABCDEF"), st.tuples(VALUES, st.sampled_from("AP"))),
)
@settings(max_examples=200, deadline=None)
def test_revisions_backwards_are_the_same_with_the_signs_turned(before, after):  # type: ignore[no-untyped-def]
    old = [row("one", 0, FIRST, area, *said) for area, said in before.items()]
    new = [row("one", 1, FIRST, area, *said) for area, said in after.items()]
    turned = {"changed": "changed", "restatused": "restatused", "added": "withdrawn", "withdrawn": "added"}
    forth, back = revisions(old, new), revisions(new, old)
    assert [(turned[r.kind], r.obs_id) for r in forth] == [(r.kind, r.obs_id) for r in back]
    assert [r.size for r in forth] == [None if r.size is None else -r.size for r in back]
    assert revisions(old, old) == []
    values = {a: v for a, (v, _) in before.items()}
    values |= {r.row.area: r.after.value for r in forth if r.after is not None}
    values |= {r.row.area: None for r in forth if r.after is None}
    known = {a: v for a, (v, _) in after.items() if v is not None}
    assert {a: v for a, v in values.items() if v is not None} == known, "the old with its revisions is the new"
    assert all(compare(r.before, r.after) == r for r in forth)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12), st.floats(1, 8))
@settings(max_examples=200, deadline=None)
def test_words_beside_a_slope_stay_in_order_apart_and_inside(places, gap):  # type: ignore[no-untyped-def]
    found = spread(places, [gap] * len(places), -gap / 2, 100 + gap / 2)
    order = sorted(range(len(places)), key=lambda i: (places[i], i))
    moved = [found[i] for i in order]
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(moved))
    assert min(found) >= 0
    assert max(found) <= 100 + 1e-9
    if all(b - a >= gap for a, b in pairwise(sorted(places))):
        assert all(abs(f - p) < 1e-6 for f, p in zip(found, places, strict=True)), "nothing moves without need"
