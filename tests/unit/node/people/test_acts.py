"""Acts: one form, one entry, whatever happens in between; drafts that are kept; signing away, byte for byte."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import ConcordatError, InputError, RuleError, StateError, TrustError
from concordat.ledger.keys import Ed25519Secret
from concordat.node.acts import AWAY_S, DRAFTS_MAX, Acts, StaleError, new_act, version_of
from concordat.node.home import Node
from concordat.node.own_log import NodeLog, Said, WriterLog
from concordat.node.people import People
from concordat.node.person_keys import read_draft, sign_draft
from concordat.node.whole_disk import verify_disk
from concordat.node.writer import Writer
from people_kit import CHEAP, T0, certify, make_home, opened

KEY = Ed25519Secret(b"k" * 32)
LABEL = "del-04"
ME = "a1"
SAID = Said("Said", {"word": "yes"})
FIELDS = {"word": ["yes"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lone node that knows the key of a delegate; each test has a copy."""
    found = make_home(tmp_path_factory.mktemp("made"))
    certify(found, LABEL, KEY.public)
    return found


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


@pytest.fixture
def both(home: Path) -> Iterator[tuple[Node, Acts]]:
    with opened(home) as (node, people):
        assert people.acts is not None
        yield node, people.acts


def _send(acts: Acts, act: str, said: Said = SAID, fields: Any = None, now: int = T0, **more: Any) -> Any:
    return acts.submit(act, ME, said, fields or FIELDS, now, person=LABEL, key=KEY, **more)


def _words(node: Node) -> list[Any]:
    return [e.body.get("word") for e in node.replica.own.entries]


def test_an_act_is_an_entry_of_its_person(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act = new_act()
    receipt = _send(acts, act)
    (entry,) = node.replica.own.entries
    assert (receipt.act, receipt.entry, receipt.index, receipt.origin) == (act, entry.id, 0, node.replica.own.origin)
    assert (entry.person, entry.type, entry.body, entry.scope) == (LABEL, "Said", {"word": "yes"}, "council")
    node.chain.verify_entry(entry)
    verify_disk(node)


def test_sent_again_it_gives_the_same_receipt(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act = new_act()
    receipts = {_send(acts, act, now=T0 + i) for i in range(5)}
    assert len(receipts) == 1
    assert _words(node) == ["yes"]


def test_many_at_once_are_one(both: tuple[Node, Acts]) -> None:
    """A double click, and a browser that tries again while the first is under way."""
    node, acts = both
    act, found, faults = new_act(), [], []

    def send() -> None:
        try:
            found.append(_send(acts, act))
        except ConcordatError as error:
            faults.append(error)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert faults == []
    assert len(found) == 8
    assert len(set(found)) == 1
    assert _words(node) == ["yes"]


def test_two_forms_that_say_the_same_are_two_entries(both: tuple[Node, Acts]) -> None:
    node, acts = both
    assert _send(acts, new_act()).entry != _send(acts, new_act()).entry
    assert _words(node) == ["yes", "yes"]


def test_another_text_under_a_used_act_is_refused(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act = new_act()
    _send(acts, act)
    with pytest.raises(RuleError, match="sent before, with other words") as caught:
        _send(acts, act, Said("Said", {"word": "no"}), {"word": ["no"]})
    assert caught.value.code == "act_used"
    assert _words(node) == ["yes"]
    assert acts.look(act, ME).fields == FIELDS


def test_through_the_writer_of_a_running_node_it_is_the_same(home: Path) -> None:
    """Only the writer's thread touches the replica; acts ask from others, and get what is durable."""
    with Node(home) as node:
        sent: list[Any] = []
        writer = Writer(node, gather_s=0.001, send=sent.extend)
        people = People.open(home, WriterLog(writer), cost=CHEAP)
        assert people.acts is not None
        act, away, found = new_act(), new_act(), []
        threads = [threading.Thread(target=lambda: found.append(_send(people.acts, act))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(found) == 4
        assert len(set(found)) == 1
        payload = people.acts.prepare(away, ME, SAID, FIELDS, T0, person=LABEL)
        receipt = people.acts.upload(away, ME, sign_draft(read_draft(payload), KEY), T0)
        assert (receipt.index, people.acts.look(away, ME).receipt) == (1, receipt)
        with pytest.raises(RuleError):
            people.acts.submit(new_act(), ME, SAID, FIELDS, T0, person="del-09", key=KEY)
        assert people.tick(T0) == []
        writer.close()
        people.close()
        assert _words(node) == ["yes", "yes"]
        verify_disk(node)


class Crash(BaseException):
    """The process ends here."""


def _crash(*arguments: Any, **named: Any) -> Any:
    raise Crash


def _after(original: Callable[..., Any]) -> Callable[..., Any]:
    def crash(*arguments: Any, **named: Any) -> Any:
        original(*arguments, **named)
        raise Crash

    return crash


# (what, the place, its name, before or after it): every step from the draft to the receipt, also within the log.
STEPS = [
    ("draft", "acts", "save", "before"),
    ("draft", "acts", "save", "after"),
    ("intent", "acts", "_intend", "before"),
    ("intent", "acts", "_intend", "after"),
    ("entry", "store", "append", "before"),
    ("entry", "store", "append", "after"),
    ("floor", "home", "save_floor", "before"),
    ("floor", "home", "save_floor", "after"),
    ("head", "store", "put_head", "after"),
    ("write", "log", "write", "after"),
    ("receipt", "acts", "_receive", "before"),
    ("receipt", "acts", "_receive", "after"),
]


@pytest.mark.parametrize(("what", "place", "name", "when"), STEPS, ids=[f"{s[3]} {s[2]}" for s in STEPS])
def test_a_crash_at_any_step_leaves_one_entry_or_a_draft(
    home: Path, monkeypatch: pytest.MonkeyPatch, what: str, place: str, name: str, when: str
) -> None:
    from concordat.node import home as home_module

    act = new_act()
    with opened(home) as (node, people):
        assert people.acts is not None
        objects = {"acts": people.acts, "store": node.store, "log": people.log, "home": home_module}
        original = getattr(objects[place], name)
        monkeypatch.setattr(objects[place], name, _crash if when == "before" else _after(original))
        with pytest.raises(Crash):
            _send(people.acts, act)
        monkeypatch.undo()
    with opened(home) as (node, people):
        assert people.acts is not None
        if what != "draft" or when != "before":  # looking settles nothing, and tells an entry or a filled form
            seen = people.acts.look(act, ME)
            assert (seen.state == "draft") == (node.replica.own.size == 0)
            assert seen.fields == FIELDS
        if node.replica.own.size:
            assert people.acts.recover(T0 + 1) == (0 if what == "receipt" and when == "after" else 1)
        receipt = _send(people.acts, act, now=T0 + 2)
        assert _words(node) == ["yes"]
        assert receipt.entry == node.replica.own.entries[0].id
        assert _send(people.acts, act, now=T0 + 3) == receipt
        assert people.acts.look(act, ME).receipt == receipt
        node.tick()
        verify_disk(node)


def test_two_acts_that_say_the_same_and_crash_are_two_entries_in_the_end(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each entry is claimed by one act."""
    first, second = new_act(), new_act()
    with opened(home) as (_, people):
        assert people.acts is not None
        monkeypatch.setattr(people.acts, "_receive", _crash)
        for act in (first, second):
            with pytest.raises(Crash):
                _send(people.acts, act)
        monkeypatch.undo()
    with opened(home) as (node, people):
        assert people.acts is not None
        receipts = [_send(people.acts, act) for act in (second, first)]
        assert {r.index for r in receipts} == {0, 1}
        assert _words(node) == ["yes", "yes"]


def test_an_entry_of_somebody_else_is_never_taken_for_ones_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act = new_act()
    with opened(home) as (node, people):
        assert people.acts is not None
        monkeypatch.setattr(people.log, "write", _crash)
        with pytest.raises(Crash):
            _send(people.acts, act)
        monkeypatch.undo()
        node.write("Said", {"word": "yes"}, "council")  # the node says the same
        node.write("Said", {"word": "yes"}, "exchange", person=LABEL, secret=KEY)  # and she, elsewhere
        assert people.acts.look(act, ME).state == "draft"
        assert _send(people.acts, act).index == 2


# --- Drafts ---


def test_what_cannot_be_said_is_kept_with_the_reason(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act = new_act()
    with pytest.raises(InputError):
        _send(acts, act, Said("Said", {"word": 0.5}))
    assert _words(node) == []
    bad = Said("said", {"word": "x"})
    with pytest.raises(InputError):
        _send(acts, act, bad)
    seen = acts.look(act, ME)
    assert (seen.state, seen.fields, seen.receipt) == ("draft", FIELDS, None)
    assert seen.problem["error"] == "InputError"
    assert "type" in seen.problem["what"]
    _send(acts, act)
    assert acts.look(act, ME).problem == {}


def test_a_dry_run_that_fails_signs_nothing(home: Path) -> None:
    with Node(home) as node:
        from concordat.node.council import council_of

        log = NodeLog(node, lambda node: council_of(node.replica))
        people = People.open(home, log)
        assert people.acts is not None
        act = new_act()
        said = Said("BallotCast", {"vote": "v-2026-001", "choice": "yes", "text": "0" * 64, "rule": "0" * 64})
        with pytest.raises(ConcordatError) as caught:
            _send(people.acts, act, said)
        assert "no full powers of BRA for del-04" in str(caught.value)
        assert node.replica.own.size == 0
        assert people.acts.look(act, ME).problem["code"] == caught.value.code
        people.close()


def test_an_expired_membership_leaves_a_draft(both: tuple[Node, Acts], monkeypatch: pytest.MonkeyPatch) -> None:
    node, acts = both
    act = new_act()
    monkeypatch.setenv("CONCORDAT_NOW", "2040-01-01")
    from concordat import clock

    with clock.fixed("2040-01-01"), pytest.raises(RuleError, match="expired"):
        _send(acts, act)
    assert acts.look(act, ME).problem["code"] == "expired"
    _send(acts, act)
    assert _words(node) == ["yes"]


def test_after_a_write_that_failed_the_draft_can_be_changed_given_away_and_dropped(
    both: tuple[Node, Acts], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What failed is a draft in every way: an edit is kept, not taken and lost."""
    node, acts = both

    def busy(*_: Any, **__: Any) -> None:
        raise StateError("too much waits.", code="busy")

    failed = [new_act() for _ in range(3)]
    monkeypatch.setattr(NodeLog, "write", busy)
    for act in failed:
        with pytest.raises(StateError):
            _send(acts, act)
    monkeypatch.undo()
    changed, given, dropped = failed
    shown = acts.look(changed, ME)
    assert acts.save(changed, ME, "Said", {"word": ["no"]}, T0 + 1, version=shown.version).fields == {"word": ["no"]}
    acts.hand_over(given, ME, "b2", T0 + 1)
    assert acts.look(given, "b2").state == "draft"
    acts.drop(dropped, ME)
    assert [seen.act for seen in acts.of(ME)] == [changed]
    _send(acts, changed, Said("Said", {"word": "no"}), {"word": ["no"]}, T0 + 2)
    assert _words(node) == ["no"]


def test_a_full_disk_leaves_a_draft(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry is in memory then, and not on the disk: it does not count."""
    act = new_act()
    with opened(home) as (node, people):
        assert people.acts is not None

        def full(*_: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(node.store, "append", full)
        with pytest.raises(StateError, match="disk is full"):
            _send(people.acts, act)
        monkeypatch.undo()
        assert (node.replica.own.size, node.store.size(node.replica.own.origin)) == (1, 0)
        seen = people.acts.look(act, ME)
        assert (seen.state, seen.problem["code"]) == ("draft", "store")
        with pytest.raises(StateError):  # nothing is written until the node was started again
            _send(people.acts, act)
    with opened(home) as (node, people):
        assert people.acts is not None
        _send(people.acts, act)
        assert _words(node) == ["yes"]


def test_a_key_that_is_not_certified_never_gets_into_the_log(both: tuple[Node, Acts]) -> None:
    node, acts = both
    for label, key, code in (("del-09", KEY, "not_certified"), (LABEL, Ed25519Secret(b"x" * 32), "not_certified")):
        with pytest.raises(RuleError) as caught:
            acts.submit(new_act(), ME, SAID, FIELDS, T0, person=label, key=key)
        assert caught.value.code == code
    with pytest.raises(RuleError) as caught:
        _send(acts, new_act(), Said("Said", {}, "clearing:x"))
    assert caught.value.code == "may"
    assert node.replica.own.size == 0


def test_a_draft_is_kept_filled_and_can_be_dropped(both: tuple[Node, Acts]) -> None:
    _, acts = both
    act = new_act()
    fields = {"text": ["ação\r\n\u0301 x", "😀"], "choice": []}
    acts.save(act, ME, "ProposalTabled", fields, T0)
    seen = acts.look(act, ME)
    assert (seen.state, seen.type, seen.fields, seen.version) == ("draft", "ProposalTabled", fields, version_of(fields))
    acts.drop(act, ME)
    with pytest.raises(InputError, match="no such act of yours"):
        acts.look(act, ME)


def test_drafts_are_kept_for_30_days_and_receipts_for_good(both: tuple[Node, Acts]) -> None:
    _, acts = both
    draft, said = new_act(), new_act()
    acts.save(draft, ME, "Said", FIELDS, T0)
    _send(acts, said)
    assert acts.forget(T0 + 30 * 86_400) == 0
    assert acts.forget(T0 + 30 * 86_400 + 1) == 1
    assert [seen.act for seen in acts.of(ME)] == [said]
    with pytest.raises(RuleError, match="entries stay"):
        acts.drop(said, ME)


def test_a_draft_changed_elsewhere_is_not_overwritten(both: tuple[Node, Acts]) -> None:
    _, acts = both
    act = new_act()
    shown = acts.save(act, ME, "Said", {"word": ["one"]}, T0).version
    newer = acts.save(act, ME, "Said", {"word": ["two"]}, T0 + 1, version=shown)
    with pytest.raises(StaleError) as caught:
        acts.save(act, ME, "Said", {"word": ["three"]}, T0 + 2, version=shown)
    assert (caught.value.stored, caught.value.sent) == ({"word": ["two"]}, {"word": ["three"]})
    assert caught.value.version == newer.version
    with pytest.raises(StaleError):
        _send(acts, act, Said("Said", {"word": "three"}), {"word": ["three"]}, version=shown)
    assert acts.look(act, ME).fields == {"word": ["two"]}
    acts.save(act, ME, "Said", {"word": ["two"]}, T0 + 2, version=shown)  # the same text twice is no quarrel


def test_a_secretarys_draft_becomes_the_delegates(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act, sent = new_act(), new_act()
    acts.save(act, "secretary", "Said", FIELDS, T0)
    acts.hand_over(act, "secretary", ME, T0 + 1)
    with pytest.raises(InputError, match="no such act of yours"):
        acts.look(act, "secretary")
    assert acts.look(act, ME).fields == FIELDS
    _send(acts, act)
    assert _words(node) == ["yes"]
    _send(acts, sent)
    for wrong, error in (
        (lambda: acts.hand_over(act, "secretary", "b2", T0), InputError),
        (lambda: acts.hand_over(sent, ME, "b2", T0), RuleError),
    ):
        with pytest.raises(error):
            wrong()


def test_acts_of_others_are_not_there(both: tuple[Node, Acts]) -> None:
    _, acts = both
    act = new_act()
    acts.save(act, ME, "Said", FIELDS, T0)
    asks: list[Callable[[], Any]] = [
        lambda: acts.look(act, "b2"),
        lambda: acts.save(act, "b2", "Said", FIELDS, T0),
        lambda: acts.submit(act, "b2", SAID, FIELDS, T0, person=LABEL, key=KEY),
        lambda: acts.drop(act, "b2"),
        lambda: acts.upload(act, "b2", b"x", T0),
        lambda: acts.look(new_act(), ME),
    ]
    for ask in asks:
        with pytest.raises(InputError, match="there is no such act of yours"):
            ask()
    assert acts.of("b2") == []


@pytest.mark.parametrize("act", ["", "x", "A" * 32, "a" * 31, "a" * 33, "../" + "a" * 29, "' OR 1=1"])
def test_what_is_no_act_id(both: tuple[Node, Acts], act: str) -> None:
    _, acts = both
    for ask in (lambda: acts.look(act, ME), lambda: acts.save(act, ME, "Said", FIELDS, T0), lambda: _send(acts, act)):
        with pytest.raises(InputError):
            ask()


def test_an_act_id_has_128_random_bits() -> None:
    assert len({new_act() for _ in range(1_000)}) == 1_000
    assert len(new_act()) == 32


def test_drafts_are_bounded(both: tuple[Node, Acts]) -> None:
    _, acts = both
    with acts._store.commit():  # one commit: 200 would take seconds
        for _ in range(DRAFTS_MAX):
            acts.save(new_act(), ME, "Said", {}, T0)
    with pytest.raises(RuleError, match="200 drafts are kept"):
        acts.save(new_act(), ME, "Said", {}, T0)
    acts.save(new_act(), "b2", "Said", {}, T0)
    with pytest.raises(InputError, match="over 256,000"):
        acts.save(new_act(), "b2", "Said", {"text": ["x" * 256_001]}, T0)


# --- Standing ---


def test_how_far_an_entry_has_come(both: tuple[Node, Acts]) -> None:
    node, acts = both
    alone, exchange = new_act(), new_act()
    _send(acts, alone)
    _send(acts, exchange, Said("Offered", {"what": "x"}, "exchange"))
    for _ in range(3):
        node.tick()
    seen = acts.look(alone, ME)
    assert seen.standing is not None
    assert seen.state == seen.standing.state == "final"  # alone in its bloc
    assert f"council/{seen.standing.view} batch {seen.standing.batch}" in seen.standing.words
    other = acts.look(exchange, ME)
    assert (other.state, other.standing and other.standing.words) == ("recorded", "one node: no witness")


# --- Away ---


def _prepare(acts: Acts, act: str, now: int = T0) -> bytes:
    return acts.prepare(act, ME, SAID, FIELDS, now, person=LABEL)


def test_signed_away_it_is_the_same_entry(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act = new_act()
    payload = _prepare(acts, act)
    assert acts.look(act, ME).state == "unsigned"
    assert acts.draft_file(act, ME) == payload
    envelope = sign_draft(read_draft(payload), KEY)
    receipt = acts.upload(act, ME, envelope, T0 + 5)
    (entry,) = node.replica.own.entries
    assert (entry.leaf, entry.payload, entry.id) == (envelope, payload, receipt.entry)
    assert acts.upload(act, ME, envelope, T0 + 6) == receipt
    verify_disk(node)


def test_any_other_byte_is_refused_and_the_field_named(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act = new_act()
    payload = _prepare(acts, act)
    for before, after, field in (
        (b'"yes"', b'"no!"', "body"),
        (b"del-04", b"del-05", "person"),
        (b"council", b"exchange", "scope"),
    ):
        changed = sign_draft(read_draft(payload.replace(before, after)), KEY)
        with pytest.raises(InputError, match=f"not this draft: {field} differs"):
            acts.upload(act, ME, changed, T0)
    assert node.replica.own.size == 0
    assert acts.look(act, ME).state == "unsigned"


def test_another_key_or_a_broken_signature_is_refused(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act = new_act()
    draft = read_draft(_prepare(acts, act))
    with pytest.raises(TrustError):
        acts.upload(act, ME, sign_draft(draft, Ed25519Secret(b"x" * 32)), T0)
    good = sign_draft(draft, KEY)
    place = good.index(b'"sig":"') + 10
    broken = good[:place] + (b"A" if good[place : place + 1] != b"A" else b"B") + good[place + 1 :]
    with pytest.raises(TrustError):
        acts.upload(act, ME, broken, T0)
    for data in (b"", b"{}", good[:-1], b"x" * 70_000):
        with pytest.raises(InputError):
            acts.upload(act, ME, data, T0)
    assert node.replica.own.size == 0
    acts.upload(act, ME, good, T0)


def test_a_draft_that_came_too_late_is_named_and_another_is_given(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act = new_act()
    late = sign_draft(read_draft(_prepare(acts, act)), KEY)
    node.write("Said", {"word": "first"}, "council")
    with pytest.raises(RuleError, match="entry 1 was written meanwhile") as caught:
        acts.upload(act, ME, late, T0)
    assert caught.value.code == "gone_on"
    assert "destroy this file" in str(caught.value)
    seen = acts.look(act, ME)
    assert (seen.state, seen.fields) == ("draft", FIELDS)
    assert late not in "\n".join(node.store._db.iterdump()).encode()
    again = sign_draft(read_draft(_prepare(acts, act)), KEY)
    assert acts.upload(act, ME, again, T0).index == 1


def test_the_node_leaves_the_next_number_to_a_draft_for_a_while(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act = new_act()
    assert acts.quiet(T0)
    _prepare(acts, act)
    assert not acts.quiet(T0 + AWAY_S - 1)
    assert acts.quiet(T0 + AWAY_S)
    node.write("Said", {"word": "first"}, "council")
    assert acts.quiet(T0)  # the draft is stale anyway


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_while_an_envelope_is_taken(home: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    act = new_act()
    with opened(home) as (_, people):
        assert people.acts is not None
        envelope = sign_draft(read_draft(_prepare(people.acts, act)), KEY)
        original = people.log.append  # type: ignore[union-attr]
        monkeypatch.setattr(people.log, "append", _crash if when == "before" else _after(original))
        with pytest.raises(Crash):
            people.acts.upload(act, ME, envelope, T0)
        monkeypatch.undo()
    with opened(home) as (node, people):
        assert people.acts is not None
        assert people.acts.upload(act, ME, envelope, T0 + 1).index == 0
        assert _words(node) == ["yes"]


def test_without_a_draft_no_envelope_is_taken(both: tuple[Node, Acts]) -> None:
    node, acts = both
    act, other = new_act(), new_act()
    envelope = sign_draft(read_draft(_prepare(acts, act)), KEY)
    acts.save(other, ME, "Said", FIELDS, T0)
    with pytest.raises(RuleError, match="no draft of this act waits"):
        acts.upload(other, ME, envelope, T0)
    acts.save(act, ME, "Said", {"word": ["other"]}, T0)  # the form was changed: the old payload is void
    with pytest.raises(RuleError, match="no draft of this act waits"):
        acts.upload(act, ME, envelope, T0)
    assert node.replica.own.size == 0
