"""A log kept as bytes is the list of entries that it stands for, and asks no entry to be read that nobody wants."""

from __future__ import annotations

from typing import Any

import pytest

from concordat.errors import InputError
from concordat.ledger import kept
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.kept import KeptEntries
from concordat.ledger.keys import Ed25519Secret
from concordat.ledger.places import Places, payload_of

SECRET = Ed25519Secret(bytes(32))
SCOPES = ("council", "exchange", "clearing:eu-1", "order")
TRAP = '"scope":"council","seq":1,"ts":"2026-05-04T13:20:11Z","type":"X","v":1}'


def entries(count: int = 9) -> list[Entry]:
    found: list[Entry] = []
    for n in range(count):
        body: dict[str, Any] = {
            "text": TRAP * (n % 4),
            "person": "del-04",
            "n": n,
            "prev": '"person":"del-04","prev":"',
        }
        found.append(
            Entry.new(
                author="BRA", bloc="BRICS", membership=1, person=("node", "del-04")[n % 3 == 2], seq=n + 1,
                prev=found[-1].id if found else FIRST, scope=SCOPES[n % 4], ts="2026-05-04T13:20:11Z", type="Said",
                body=body, refs=[found[0].id] * (n % 2) if found else [], secret=SECRET,
            )
        )  # fmt: skip
    return found


def test_it_is_the_list_that_it_stands_for() -> None:
    made = entries()
    log = KeptEntries([entry.leaf for entry in made])
    assert (list(log), len(log), log[0], log[-1], log[2:5]) == (made, 9, made[0], made[-1], made[2:5])
    assert (next(reversed(log)), bool(log), bool(KeptEntries())) == (made[-1], True, False)
    assert log == KeptEntries([entry.leaf for entry in made])
    with pytest.raises(IndexError):
        log[9]
    log.truncate(4)
    log.append(made[8])
    assert list(log) == [*made[:4], made[8]]


def test_scopes_and_ids_are_told_without_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    made = entries()
    log = KeptEntries([entry.leaf for entry in made])

    def unread(*_: object) -> None:
        raise AssertionError("an entry was read")

    with monkeypatch.context() as patch:
        patch.setattr(kept.Entry, "parse", unread)
        for scope in SCOPES:
            assert log.of_scope(scope) == [n for n, entry in enumerate(made) if entry.scope == scope]
        assert [payload_of(entry.leaf) for entry in made] == [entry.payload for entry in made]
        assert log.ids() == [entry.id for entry in made]
        assert [log.find(entry.id) for entry in made] == [[n] for n in range(9)]


@pytest.mark.parametrize("length", [1, 2, 3, 7, 63, 64])
def test_the_beginning_of_an_id(length: int) -> None:
    made = entries(40)
    log = KeptEntries([entry.leaf for entry in made])
    for entry in made:
        prefix = entry.id[:length]
        assert log.find(prefix) == [n for n, other in enumerate(made) if other.id.startswith(prefix)]


@pytest.mark.parametrize("text", ["", "x", "AB", "0" * 65, "ab%", " "])
def test_what_begins_no_id(text: str) -> None:
    assert KeptEntries([entry.leaf for entry in entries(2)]).find(text) == []


def test_ids_follow_what_is_added_and_forgotten() -> None:
    made, log = entries(), KeptEntries()
    for n, entry in enumerate(made):
        log.append(entry)
        assert log.ids() == [e.id for e in made[: n + 1]]
    copied = log.copy()
    log.truncate(3)
    log.append(made[7])
    assert log.ids() == [*(e.id for e in made[:3]), made[7].id]
    assert (log.find(made[4].id), log.find(made[7].id), copied.find(made[4].id)) == ([], [3], [4])
    assert log[3] == made[7]


def test_a_person_s_newest_come_first_and_no_body_is_taken_for_a_label() -> None:
    made = entries(12)
    log = KeptEntries([entry.leaf for entry in made])
    assert log.of_person("del-04", 3) == [made[11], made[8], made[5]]
    assert log.of_person("del-04", 99) == [made[n] for n in (11, 8, 5, 2)]
    assert log.of_person("del-05", 99) == []


def test_the_places_of_a_type() -> None:
    made = entries(6)
    other = Entry.new(
        author="BRA", bloc="BRICS", membership=1, person="node", seq=7, prev=made[-1].id, scope="exchange",
        ts="2026-05-04T13:20:11Z", type="AuditHead", body={"text": '"type":"Said","v":1}'}, secret=SECRET,
    )  # fmt: skip
    log = KeptEntries([entry.leaf for entry in [*made, other, *made]])
    assert (log.of_type("AuditHead"), log.of_type("Said", 4), log.of_type("Sai")) == ([6], [4, 5, *range(7, 13)], [])


def test_the_memory_of_what_was_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "READ_MAX", 4)
    made = entries(20)
    log = KeptEntries([entry.leaf for entry in made])
    assert list(log) == made
    assert len(log._read) <= 4
    assert log[0] is log[0]


def test_what_is_no_entry_after_all_is_in_every_answer_and_refused_when_it_is_read() -> None:
    made = entries(3)
    log = KeptEntries([made[0].leaf, made[1].leaf.replace(b'"payload":"', b'"payload":"!'), made[2].leaf])
    assert (log.of_scope("council"), log.of_type("Said"), log.of_type("No")) == ([0, 1], [0, 1, 2], [1])
    assert log.of_kinds("exchange", ("Said",)) == [1]
    with pytest.raises(InputError):
        log.of_person("node", 3)
    with pytest.raises(InputError):
        log[1]


def test_what_is_noted_is_what_each_entry_says() -> None:
    made = entries(20)
    places = Places()
    places.extend([entry.leaf for entry in made])
    for scope, person in ((s, p) for s in SCOPES for p in ("node", "del-04")):
        assert places.of(0, 20, scope) == [n for n, entry in enumerate(made) if entry.scope == scope]
        assert places.of_person(person, 20) == [n for n in range(19, -1, -1) if made[n].person == person]
    assert places.ids(20).hex() == "".join(entry.id for entry in made)


def test_a_part_of_a_log_answers_for_itself() -> None:
    made = entries(12)
    log = KeptEntries([entry.leaf for entry in made])
    for part, some in ((log[:5], made[:5]), (log[4:9], made[4:9]), (log[-3:], made[-3:]), (log.copy(), made)):
        assert part.ids() == [entry.id for entry in some]
        assert part.of_scope("council") == [n for n, entry in enumerate(some) if entry.scope == "council"]
    short = log[:5]
    short.append(made[8])
    assert (short.ids()[-1], log.ids()) == (made[8].id, [entry.id for entry in made])


def test_the_places_of_a_scope_and_of_types_in_it() -> None:
    made = entries(12)
    log = KeptEntries([entry.leaf for entry in made])
    for scope in SCOPES:
        assert log.of_scope(scope) == [n for n, entry in enumerate(made) if entry.scope == scope]
        assert log.of_scope(scope, 5) == [n for n in log.of_scope(scope) if n >= 5]
        assert log.of_kinds(scope, ("Said", "Other"), 2) == [n for n in log.of_scope(scope) if n >= 2]
    assert log.of_kinds("council", ("Other",)) == []


def test_ids_are_told_by_how_they_begin() -> None:
    made = entries()
    log = KeptEntries([entry.leaf for entry in made])
    for length in (1, 2, 3, 64):
        for entry in made:
            prefix = entry.id[:length]
            assert log.named(prefix) == [other.id for other in made if other.id.startswith(prefix)]
    assert (log.named(""), log.named("x"), log[:3].named(made[5].id)) == ([], [], [])


def test_two_copies_of_different_length_note_each_entry_once() -> None:
    """Of a list that was taken over nothing is noted yet; whoever asks first may have the shorter copy."""
    made = entries()
    log = KeptEntries([entry.leaf for entry in made])
    longer, shorter = log.copy(), log[:4]
    places, rest = log._places, longer.leaves[len(log._places) :]  # where another thread stands when it is overtaken
    assert len(rest) == 9
    assert shorter.ids() == [entry.id for entry in made[:4]]
    places.catch_up(longer.leaves)
    assert (len(places), longer.ids()) == (9, [entry.id for entry in made])
