"""The fold: any entries in any handing over give one state; a refusal is a refusal; what never may change doesn't."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.council._registry import KINDS
from concordat.council.disputes import SHIPPED, Case, Procedure
from concordat.council.disputes._moves import enter
from concordat.council.events import load_all
from concordat.council.fold import Replay, Step, fold, start
from concordat.council.standings import consolidated
from concordat.council.state import Council
from concordat.errors import ConcordatError
from concordat.ledger.fold import Event
from concordat.ledger.membership import Point
from council_kit import T0, Bloc
from council_world import CHAINS, FOUR, MOMENTS, A, Line, World

TYPES = load_all()
ACT = st.tuples(
    st.sampled_from(TYPES), st.integers(0, 6), st.sampled_from((-1, -1, -1, -2, *range(12))), st.integers(0, 142),
    st.sampled_from((*(0,) * 20, *range(len(MOMENTS)))), st.sampled_from((*(0,) * 12, 1, 2, 3)),
)  # fmt: skip


@st.composite
def plots(draw: st.DrawFn) -> list[Line]:
    """What is said: ways that lead somewhere, with entries of any type between."""
    parts = draw(st.lists(st.sampled_from(CHAINS) | st.lists(ACT, min_size=1, max_size=6), min_size=1, max_size=9))
    return [line for part in parts for line in part]


def played(plot: Sequence[Line]) -> Bloc:
    world = World()
    for line in plot:
        world.act(*line)
    return world.bloc


def bare(council: Council) -> dict[str, dict[str, Any]]:
    """The objects without the marks of the batches."""
    return {k: {i: replace(t, batch=(0, 0)) for i, t in things.items()} for k, things in council.things.items()}


def test_there_is_a_body_of_every_type() -> None:
    world = World()
    for kind in TYPES:
        assert isinstance(world.body(kind, "BRA", 1, 1), dict)
        world.act(kind, 0, 1, 1, 0, 0)
    assert set(TYPES) == set(KINDS)


# --- One record, one state -----------------------------------------------------------------------------------------


@settings(max_examples=80)
@given(plots(), st.data())
def test_one_record_gives_one_state_however_it_is_handed_over(plot: list[Line], data: st.DataObject) -> None:
    bloc = played(plot)
    want, history = bloc.council.state_hash, bloc.history
    assert fold(history, bloc="BRICS", founders=FOUR).state_hash == want  # at once
    assert fold(iter(history), bloc="BRICS", founders=FOUR[::-1]).state_hash == want
    cut = data.draw(st.integers(0, len(history)))
    first = Replay(start("BRICS", FOUR))
    for step in history[:cut]:
        first.step(step)
    later = deepcopy(first)  # a member that stopped, and went on from what it had kept
    for step in history[cut:]:
        first.step(step)
        assert later.step(step) == first.council.state_hash
    assert later.council.state_hash == want
    assert later.council.things == bloc.council.things
    assert later.fold.hashes == bloc.replay.fold.hashes


@settings(max_examples=40)
@given(plots(), st.data())
def test_how_entries_of_one_moment_are_batched_changes_nothing_but_the_marks(
    plot: list[Line], data: st.DataObject
) -> None:
    bloc = played(plot)
    batches: list[list[Step]] = []
    for step in bloc.history:
        if batches and batches[-1][0].ledger_time == step.ledger_time and data.draw(st.booleans()):
            batches[-1].append(step)
        else:
            batches.append([step])
    again = start("BRICS", FOUR)
    replay = Replay(again)
    for n, batch in enumerate(batches, 1):
        point = Point(1, n)
        events = [replace(e, point=point) for step in batch for e in step.events]
        twice: tuple[Event, ...] = (*events, *events[:1])  # and an entry that comes twice counts once
        replay.step(Step(point, batch[0].ledger_time, twice))
    assert bare(again) == bare(bloc.council)
    assert (again.no_effect, again.issued) == (bloc.council.no_effect, bloc.council.issued)


# --- A refusal is a refusal ---------------------------------------------------------------------------------------


def _kept_apart(things: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without what is kept of refused entries beside its vote or case."""
    found = {kind: dict(rows) for kind, rows in things.items()}
    for key, vote in found.get("vote", {}).items():
        found["vote"][key] = replace(vote, not_counted=(), false_declarations=())
    for key, dispute in found.get("dispute", {}).items():
        state = replace(dispute.case.state, no_effect=())
        found["dispute"][key] = (dispute.subject, dispute.case.filing, state)
    return found


@settings(max_examples=60)
@given(plots())
def test_a_refused_entry_changes_nothing_but_the_list_of_refusals(plot: list[Line]) -> None:
    world = World()
    bloc, council = world.bloc, world.bloc.council
    for line in plot:
        bloc.now += MOMENTS[line[4] % len(MOMENTS)]
        council.advance(bloc.now)
        before = deepcopy(council)
        world.act(*line[:4], 0, line[5])
        if not council.no_effect or council.no_effect[-1].entry != bloc.history[-1].events[0].entry.id:
            continue
        assert "the program failed on it" not in bloc.refusal()
        assert _kept_apart(bare(council)) == _kept_apart(bare(before)), (line, bloc.refusal())
        assert council.issued == before.issued, (line, bloc.refusal())
        if line[0] not in ("BallotCast", "BallotCommitted", "BallotRevealed", "ResultDeclared") and not (
            isinstance(council.fault, ConcordatError) and council.fault.code in ("case", "late", "transition")
            and before.things.get("dispute") != council.things.get("dispute")
        ):  # fmt: skip
            row = council.no_effect[-1]
            before.at = council.at
            before.refuse(row.entry, row.author, row.type, "in other words")
            assert before.state_hash == council.state_hash, (line, row)


# --- What votes, reservations and disputes keep -----------------------------------------------------------------------

MONOTONE = (
    "{share: members, of: voting, more_than: 1/2}",
    "{share: members, of: all, at_least: 2/3}",
    "{share: members, of: present, more_than: 1/2}",
    "{all_of: [{count: members, at_least: 2}, {none_of: [{against: veto}]}]}",
    "{any_of: [{share: pop, of: all, at_least: 0.65}, {count: members, choice: not_yes, of: all, at_most: 1}]}",
    "{at_least_of: {n: 2, of: [{count: members, at_least: 2}, {share: pop, of: voting, at_least: 3/5}]}}",
)
CHOICES = ("yes", "no", "abstain", "present_not_voting", "not_participating", "")


def _outcome(rule: str, ballots: Sequence[str]) -> str:
    bloc = Bloc(FOUR)
    bloc.all_say("GroupAdopted", group="veto", members=["CHN"])
    values = dict(zip(FOUR, (5, 3, 2, 1), strict=True))
    bloc.all_say("WeightsAdopted", table="pop", day="2026-01-01", unit="u", source="s", values=values)
    bloc.all_say("RuleAdopted", rules=[rule])
    vote = bloc.open_vote("tea", "r")
    bloc.cast(vote, {m: c for m, c in zip(FOUR, ballots, strict=True) if c})
    return str(bloc.finish(vote).outcome)


@settings(max_examples=80)
@given(
    st.sampled_from(MONOTONE), st.booleans(), st.sampled_from(("counted", "not_counted")),
    st.lists(st.sampled_from(CHOICES), min_size=4, max_size=4), st.integers(0, 3),
)  # fmt: skip
def test_a_yes_more_never_rejects_what_was_adopted(
    adopt: str, quorum: bool, abstain: str, ballots: list[str], who: int
) -> None:
    rule = f"rule: r\nversion: 1\nmethod: vote\nabstain: {abstain}\nadopt: {adopt}\n"
    if quorum:
        rule += "quorum: {share: members, of: all, at_least: 1/2, counted: at_vote}\n"
    more = [*ballots[:who], "yes", *ballots[who + 1 :]]
    if _outcome(rule, ballots) == "adopted":
        assert _outcome(rule, more) == "adopted"


APART = st.lists(
    st.tuples(
        st.sampled_from(("ReservationMade", "OptOutMade", "ReservationObjected", "ExplanationGiven")),
        st.sampled_from(FOUR[1:]), st.sampled_from(("p1", "p2", "p3")), st.integers(0, 5),
    ),
    max_size=15,
)  # fmt: skip


@settings(max_examples=40)
@given(APART)
def test_who_stands_apart_never_changes_the_common_text(said: list[tuple[str, str, str, int]]) -> None:
    world = World()
    bloc, council = world.bloc, world.bloc.council
    proposal = bloc.table("IND")
    bloc.certify(proposal)
    vote = bloc.open_vote(proposal)
    bloc.cast(vote, dict.fromkeys(FOUR, "yes"))
    bloc.finish(vote)
    before = council.get("proposal", proposal)
    words = [row[:2] for row in consolidated(council, proposal, "BRA")]
    for kind, member, paragraph, n in said:
        body = {
            "ReservationMade": {"proposal": proposal, "paragraphs": [paragraph]}, "OptOutMade": {"proposal": proposal},
            "ReservationObjected": {"reservation": world.pick("standing", n)}, "ExplanationGiven": {"vote": vote},
        }[kind]  # fmt: skip
        bloc.say(member, kind, **body, **{"text" if kind == "ExplanationGiven" else "reason": "r"})
    assert council.get("proposal", proposal) == before
    assert all(binds for _, _, binds in consolidated(council, proposal, "BRA"))  # it stands apart from nothing
    for member in FOUR:
        assert [row[:2] for row in consolidated(council, proposal, member)] == words


STAGE_NAMES = [(name, stage.name) for name in SHIPPED for stage in Procedure.shipped(name).stages]


@pytest.mark.parametrize(("name", "stage"), STAGE_NAMES)
@pytest.mark.parametrize("suspended", [False, True])
def test_a_settlement_is_reached_from_every_stage(name: str, stage: str, suspended: bool) -> None:
    bloc = Bloc(FOUR)
    procedure = Procedure.shipped(name)
    agreement = {"agreement": "article 9"} if procedure.agreement else {}
    bloc.say("CHN", "DisputeFiled", procedure=name, respondent="ZAF", subject="x", **agreement)
    key = "d-2026-001"
    dispute = bloc.council.get("dispute", key)
    case: Case = dispute.case
    state = enter(case.filing, case.state, stage, procedure.calendar.moment(T0), "test")
    bloc.council.put("dispute", replace(dispute, case=replace(case, cached=state)))
    for kind, body in (("DisputeSuspended", {}),) * suspended + (("SettlementReached", {"terms": A}),):
        for member in ("CHN", "ZAF"):
            bloc.now += 1
            bloc.say(member, kind, dispute=key, **body)
    found = bloc.council.get("dispute", key).case
    assert (found.stage, found.ended) == ("settled", True)
