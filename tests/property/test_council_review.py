"""What holds for any codes, targets and texts: order, bounds, signs; and no text makes the readers fall over."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from concordat.council.commit.extract import sentences
from concordat.council.commit.targets import Series, Target
from concordat.council.review.agreement import alpha
from concordat.council.review.evidence import evidence
from concordat.council.review.foreign import score_table
from concordat.council.review.intervals import intervals
from concordat.council.review.scores import Code, score
from concordat.errors import InputError

CODE = st.sampled_from([-1, 0, 1])
CELLS = st.lists(st.lists(CODE, max_size=4), max_size=12)


@given(CELLS, st.randoms(use_true_random=False))
def test_alpha_does_not_depend_on_order_or_on_the_sign_of_the_scale(cells: list[list[int]], rng: object) -> None:
    found = alpha(cells)
    shuffled = [list(cell) for cell in cells]
    for cell in shuffled:
        rng.shuffle(cell)  # type: ignore[attr-defined]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert alpha(shuffled).value == found.value
    assert alpha([[-c for c in cell] for cell in cells]).value == found.value
    assert alpha([[10 * c + 3 for c in cell] for cell in cells]).value == found.value  # ordinal: only the order counts
    assert found.value is None or found.value <= 1


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 3), CODE), max_size=40), st.randoms())
def test_scores_do_not_depend_on_the_order_of_the_codes(rows: list[tuple[int, int, int, int]], rng: object) -> None:
    last = {(c, m, k): v for c, m, k, v in rows}
    codes = [Code(f"c{c}", f"m{m}", f"k{k}", v, sources=("0" * 64,)) for (c, m, k), v in last.items()]
    found = score(codes)
    rng.shuffle(codes)  # type: ignore[attr-defined]
    assert score(codes).as_dict() == found.as_dict()
    for mean in (*found.members.values(), *found.commitments.values(), found.bloc):
        assert mean.value is None or -1 <= mean.value <= 1
        assert mean.percent is None or 0 <= mean.percent <= 100
    for cell in found.cells.values():
        assert (cell.value is None) == bool(cell.reason)


@settings(max_examples=25)
@given(st.lists(st.lists(CODE, min_size=2, max_size=3), min_size=1, max_size=20), st.integers(0, 2**32))
def test_intervals_hold_their_value(cells: list[list[int]], seed: int) -> None:
    codes = [
        Code(f"c{n:02}", "BRA", f"k{k}", v, sources=("0" * 64,))
        for n, cell in enumerate(cells)
        for k, v in enumerate(cell)
    ]
    one = intervals(score(codes), seed=seed, draws=200).members["BRA"]
    assert one.value is not None
    if len(cells) == 1:
        assert one.low is None
    else:
        assert one.low is not None
        assert one.high is not None
        assert -1 <= one.low <= one.value <= one.high <= 1
        assert one.low < one.high


NUMBER = st.decimals(-1000, 1000, places=3)


@given(NUMBER, NUMBER, NUMBER, st.integers(2021, 2040), st.integers(0, 100))
def test_evidence_is_one_on_the_way_and_grows_with_the_move(
    start: object, goal: object, value: object, at: int, share: int
) -> None:
    assume(start != goal)
    direction = "up" if goal > start else "down"  # type: ignore[operator]
    text = (
        f"commitment: c\nindicator: i\ndirection: {direction}\nbaseline: {{year: 2020, value: {start}}}\n"
        f"target: {{year: 2030, value: {goal}, milestones: {{2025: {share}%}}}}\n"
    )
    target = Target.load(text)

    def e(x: object) -> Fraction | None:
        return evidence(target, Series("i", "", {"A": {at: x}}), at=at).cells["A"].value  # type: ignore[dict-item]

    found = e(str(value))
    if found is None:
        assert share == 0
        assert at <= 2025
        return
    assert -1 <= found <= 1
    way = target.ways(Series("i", "", {"A": {}}))["A"]
    assert not isinstance(way, str)
    assert e(way.due(at)) == 1
    assert e(way.start) == 0
    better = e(Fraction(str(value)) + (1 if direction == "up" else -1))
    assert better is not None
    assert better >= found


TABLE = st.text(alphabet=st.sampled_from("01+-–−,;\t|\n\"'%. \ufeffNAaverg\u00a0é"), max_size=300)


@settings(max_examples=300)
@given(TABLE | st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_a_table_or_an_input_error(text: str | bytes) -> None:
    try:
        found = score_table(text)
    except InputError:
        return
    for line in found.lines:
        assert line.mean is None or -1 <= line.mean <= 1
    assert found.report()


@given(st.text(max_size=300) | st.text(alphabet=st.sampled_from("We will and suport.; \n-(1)"), max_size=200))
def test_any_text_has_candidates_in_order_and_in_place(text: str) -> None:
    end = 0
    for candidate in sentences(text):
        assert end <= candidate.start < candidate.end <= len(text)
        assert " ".join(text[candidate.start : candidate.end].split()) == candidate.text
        end = candidate.end


@given(st.text(max_size=200) | st.text(alphabet=st.sampled_from("commitent: {}[]\n-0123456789.%yar"), max_size=100))
def test_any_text_is_a_target_or_an_input_error(text: str) -> None:
    with pytest.raises(InputError):
        Target.load(text)
