"""Citizens' opinions: one browser one voice, the last counts, batches of 500 or an hour, each written once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from concordat.council.consultations import OpinionVotedBody
from concordat.errors import InputError, RuleError
from concordat.node.home import Node
from concordat.node.opinions import BATCH_EVERY_S, BATCH_MAX, REFUSED, Opinions, new_visitor
from concordat.node.own_log import Said
from concordat.node.people import People
from people_kit import T0, make_home, opened

C = "c-2026-001"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("made"))


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


@pytest.fixture
def both(home: Path) -> Iterator[tuple[Node, Opinions]]:
    with opened(home) as (node, people):
        assert people.opinions is not None
        yield node, people.opinions


def _rows(node: Node) -> list[list[Any]]:
    return [row for e in node.replica.own.entries if e.type == "OpinionVoted" for row in e.body["opinions"]]


def test_a_pseudonym_says_nothing_of_the_browser_and_differs_by_consultation(both: tuple[Node, Opinions]) -> None:
    _, opinions = both
    visitor = new_visitor().value
    assert len(visitor) == 43
    first = opinions.pseudonym(visitor, C)
    assert first == opinions.pseudonym(visitor, C)
    assert first != opinions.pseudonym(visitor, "c-2026-002")
    assert first != opinions.pseudonym(new_visitor().value, C)
    assert len(first) == 32
    int(first, 16)
    for odd in ("", "short", "x" * 201):
        with pytest.raises(InputError):
            opinions.pseudonym(odd, C)


def test_the_last_opinion_counts(both: tuple[Node, Opinions]) -> None:
    node, opinions = both
    visitor = new_visitor().value
    for i, choice in enumerate(("agree", "pass", "disagree", "disagree")):
        opinions.vote(visitor, C, 1, choice, T0 + i)
    assert opinions.of(visitor, C)[1].choice == "disagree"
    assert opinions.of(visitor, C)[1].at == T0 + 2  # the second "disagree" was the first, sent twice
    opinions.flush(T0 + 9, all_now=True)
    assert _rows(node) == [[opinions.pseudonym(visitor, C), 1, "disagree"]]
    opinions.vote(visitor, C, 1, "agree", T0 + 10)
    opinions.flush(T0 + 11, all_now=True)
    assert [row[2] for row in _rows(node)] == ["disagree", "agree"]


@pytest.mark.parametrize(("statement", "choice"), [(0, "agree"), (10_001, "agree"), (1, "yes"), (1, ""), (-1, "pass")])
def test_what_is_no_opinion(both: tuple[Node, Opinions], statement: int, choice: str) -> None:
    _, opinions = both
    with pytest.raises(InputError):
        opinions.vote(new_visitor().value, C, statement, choice, T0)
    assert opinions.waiting() == {}


def test_500_make_an_entry_and_fewer_wait_an_hour(both: tuple[Node, Opinions]) -> None:
    node, opinions = both
    assert (BATCH_MAX, BATCH_EVERY_S) == (500, 3_600)
    visitors = [new_visitor().value for _ in range(51)]
    with opinions._store.commit():  # one commit: 510 would take seconds
        for statement in range(1, 11):
            for visitor in visitors:
                opinions.vote(visitor, C, statement, "agree", T0 + statement)
    (entry_id,) = opinions.flush(T0 + 11)
    assert opinions.waiting() == {C: (10, T0 + 10)}
    (entry,) = node.replica.own.entries
    assert (entry.id, entry.person, entry.body["consultation"], len(entry.body["opinions"])) == (
        entry_id,
        "node",
        C,
        500,
    )
    assert opinions.flush(T0 + 10 + BATCH_EVERY_S - 1) == []
    assert len(opinions.flush(T0 + 10 + BATCH_EVERY_S)) == 1
    assert len(_rows(node)) == 510
    assert opinions.waiting() == {}
    assert opinions.entry_of(opinions.of(visitors[0], C)[1]) == entry_id
    for e in node.replica.own.entries:
        OpinionVotedBody.model_validate(e.body)


def test_the_order_in_a_batch_says_nothing_of_when_they_came(both: tuple[Node, Opinions]) -> None:
    node, opinions = both
    for i in range(30):
        opinions.vote(new_visitor().value, C, 1 + i % 3, "pass", T0 + i)
    opinions.flush(T0 + 60, all_now=True)
    assert _rows(node) == sorted(_rows(node))


def test_consultations_have_batches_of_their_own(both: tuple[Node, Opinions]) -> None:
    node, opinions = both
    visitor = new_visitor().value
    opinions.vote(visitor, C, 1, "agree", T0)
    opinions.vote(visitor, "c-2026-002", 1, "disagree", T0)
    assert len(opinions.flush(T0 + BATCH_EVERY_S)) == 2
    voters = [row[0] for row in _rows(node)]
    assert len(set(voters)) == 2


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["_gather", "write", "_receive", "submit"])
def test_a_crash_writes_no_opinion_twice_and_loses_none(home: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    visitors = [new_visitor().value for _ in range(3)]
    with opened(home) as (_, people):
        opinions, acts = people.opinions, people.acts
        assert opinions is not None
        assert acts is not None
        for visitor in visitors:
            opinions.vote(visitor, C, 1, "agree", T0)
        place: Any = {"_gather": opinions, "write": people.log, "_receive": acts, "submit": acts}[step]
        original = getattr(place, step)

        def crash(*arguments: Any, **named: Any) -> Any:
            original(*arguments, **named)
            raise Crash

        monkeypatch.setattr(place, step, crash)
        with pytest.raises(Crash):
            opinions.flush(T0 + BATCH_EVERY_S)
        monkeypatch.undo()
    with opened(home) as (node, people):
        assert people.opinions is not None
        people.opinions.vote(visitors[0], C, 2, "pass", T0 + 9)
        people.opinions.flush(T0 + BATCH_EVERY_S + 1)
        wanted = sorted([people.opinions.pseudonym(v, C), 1, "agree"] for v in visitors)
        assert [row for row in _rows(node) if row[1] == 1] == wanted
        people.opinions.flush(T0 + 3 * BATCH_EVERY_S)
        assert len(_rows(node)) == 4


def test_a_consultation_that_is_over_holds_up_no_other(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(home) as (node, people):
        opinions = people.opinions
        assert opinions is not None
        visitor = new_visitor().value
        opinions.vote(visitor, C, 1, "agree", T0)
        opinions.vote(visitor, "c-2026-002", 1, "agree", T0)

        def check(said: Said, person: str) -> None:
            if said.body["consultation"] == C:
                raise RuleError("it would have no effect: late.", code="no_effect")

        monkeypatch.setattr(people.log, "check", check)
        with pytest.raises(RuleError, match="late"):
            opinions.flush(T0, all_now=True)
        assert [e.body["consultation"] for e in node.replica.own.entries] == ["c-2026-002"]
        assert opinions.entry_of(opinions.of(visitor, C)[1]) == REFUSED
        assert opinions.flush(T0 + 1, all_now=True) == []  # and it is not tried again


def test_before_a_consultation_closes_nothing_waits_for_an_hour(home: Path) -> None:
    """What is witnessed after the closing is late: opinions of the last hour would be lost."""
    with opened(home) as (node, people):
        assert people.opinions is not None
        assert people.acts is not None
        visitor = new_visitor().value
        people.opinions.vote(visitor, C, 1, "agree", T0)
        people.opinions.vote(visitor, "c-2026-002", 1, "agree", T0)
        people.acts.prepare("a" * 32, "a1", Said("Said", {}), {}, T0, person="del-04")
        assert people.opinions.flush(T0 + 30) == []
        assert len(people.opinions.flush(T0 + 60, closing=[C])) == 1
        assert [e.body["consultation"] for e in node.replica.own.entries] == [C]


def test_while_a_delegate_signs_away_batches_wait(home: Path) -> None:
    with opened(home) as (_, people):
        assert people.opinions is not None
        assert people.acts is not None
        people.opinions.vote(new_visitor().value, C, 1, "agree", T0)
        people.acts.prepare("a" * 32, "a1", Said("Said", {}), {}, T0 + BATCH_EVERY_S, person="del-04")
        assert people.opinions.flush(T0 + BATCH_EVERY_S + 60) == []
        assert len(people.opinions.flush(T0 + BATCH_EVERY_S + 15 * 60)) == 1


def test_written_opinions_are_forgotten_and_waiting_ones_are_not(both: tuple[Node, Opinions]) -> None:
    _, opinions = both
    visitor = new_visitor().value
    opinions.vote(visitor, C, 1, "agree", T0)
    opinions.flush(T0, all_now=True)
    opinions.vote(visitor, C, 2, "agree", T0)
    assert opinions.forget(C) == 1
    assert list(opinions.of(visitor, C)) == [2]


def test_the_store_holds_no_id_of_a_browser(home: Path) -> None:
    with opened(home) as (node, people):
        assert people.opinions is not None
        visitor = new_visitor().value
        people.opinions.vote(visitor, C, 1, "agree", T0)
        people.opinions.flush(T0, all_now=True)
        assert visitor not in "\n".join(people.store._db.iterdump())
        assert visitor not in json.dumps([e.body for e in node.replica.own.entries])


def test_people_of_two_nodes_give_one_browser_two_pseudonyms(tmp_path: Path) -> None:
    visitor, found = new_visitor().value, set()
    for name in ("one", "two"):
        with opened(make_home(tmp_path / name)) as (_, people):
            assert isinstance(people, People)
            assert people.opinions is not None
            found.add(people.opinions.pseudonym(visitor, C))
    assert len(found) == 2
