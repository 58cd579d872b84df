"""Whatever the parties and dates: rules between two are the same from both sides; more instruments take none away."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.rulebook.binds import binds
from concordat.rulebook.model import Truth
from concordat.rulebook.status import standing
from rulebook_build import coding, instrument, store_of

PARTIES = ("BRA", "CHN", "IND", "SGP")
days = st.dates(date(2000, 1, 1), date(2030, 12, 31))
cut = st.sampled_from((4, 7, 10))


@st.composite
def a_row(draw: st.DrawFn) -> str:
    party, role = draw(st.sampled_from(PARTIES)), draw(st.sampled_from(("party", "signatory", "applicant")))
    begin = draw(days)
    parts = [f"party: {party}", f"role: {role}"]
    if draw(st.booleans()) and role != "applicant":
        parts.append(f'in_force: "{begin.isoformat()[: draw(cut)]}"')
        if draw(st.booleans()):
            parts.append(f'withdrawn: "{(begin + timedelta(days=800)).isoformat()[: draw(cut)]}"')
    return ", ".join(parts)


@st.composite
def an_instrument(draw: st.DrawFn, name: str) -> str:
    rows = {r.split(",")[0]: r for r in draw(st.lists(a_row(), min_size=1, max_size=4))}
    in_force = draw(st.one_of(st.just(""), days.map(lambda d: d.isoformat())))
    return instrument(name, rows="\n".join(rows.values()), in_force=in_force, complete=draw(st.booleans()))


WORDS = [("1", "Each Party shall allow data to move."), ("2", "The Parties recognise spam.")]


@settings(max_examples=60, deadline=None)
@given(an_instrument("x"), an_instrument("y"), days, st.sampled_from((1, 2)))
def test_both_sides_say_the_same_and_more_instruments_add(one: str, other: str, on: date, depth: int) -> None:
    def found(text: str, names: tuple[str, ...]) -> tuple[dict[str, int], set[tuple[str, str]], set[tuple[str, str]]]:
        with store_of(text, dict.fromkeys(names, WORDS)) as store:
            for n in names:
                store.add_codings([coding(f"{n}/1", "DF-FLOW", depth), coding(f"{n}/2", "EC-SPAM", 1)])
            forth, back = binds(store, "BRA", "CHN", on=on), binds(store, "CHN", "BRA", on=on)
            sides = [{(r.unit, r.provision) for r in b.rows} for b in (forth, back)]
            return {c: r.ordinal for c, r in forth.strongest.items()}, sides[0], sides[1]

    few, forth, back = found(one, ("x",))
    assert forth == back
    many, _, _ = found(one + other, ("x", "y"))
    assert all(many[code] >= few[code] for code in few)


@settings(max_examples=80, deadline=None)
@given(days, days, cut, cut)
def test_knowing_less_of_a_date_never_gives_another_definite_answer(
    begin: date, on: date, fine: int, coarse: int
) -> None:
    fine, coarse = max(fine, coarse), min(fine, coarse)
    answers = []
    for size in (10, fine, coarse):
        with store_of(instrument("x", rows=f'party: BRA, in_force: "{begin.isoformat()[:size]}"')) as store:
            answers.append(standing(store, "x", "BRA", on).answer)
    exact = answers[0]
    assert exact is not Truth.UNKNOWN
    for known in answers[1:]:
        assert known in (exact, Truth.UNKNOWN)
    if answers[1] is Truth.UNKNOWN:
        assert answers[2] is Truth.UNKNOWN
