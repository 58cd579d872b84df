"""Collections on the disk: labels that follow what comes later, tombstones, one change at a time, passwords."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("stix2", reason="needs the extra [exchange]")

from concordat.errors import InputError, RuleError, StateError
from concordat.exchange.incidents.tlp import Caller, Tlp, marking
from concordat.node import taxii_store
from concordat.node.taxii_routes import Passwords, basic, make_account
from concordat.node.taxii_store import TaxiiStore
from taxii_kit import MEMBERS, START, Desk, campaign, name, relationship

BRA, ZAF = Caller("BRA", "node"), Caller("ZAF", "node")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def labels(desk: Desk, collection: str, *ids: str) -> list[str]:
    """The label of each id's newest row."""
    rows = {row.id: row.label.text for row in desk.store.versions(collection, set(ids))}
    return [rows[one] for one in ids]


def test_a_relationship_takes_the_label_of_an_end_that_comes_later(desk: Desk) -> None:
    one, two = desk.collection(Tlp.RED, "a"), desk.collection(Tlp.RED, "b")
    ends = name("campaign", 1), name("campaign", 2)
    desk.share(one, BRA, set(), campaign(1, Tlp.GREEN), relationship(1, *ends, Tlp.CLEAR))
    assert labels(desk, one.id, name("relationship", 1)) == ["AMBER"]  # nobody holds the other end
    desk.share(two, BRA, {"IND:cert"}, campaign(2, Tlp.RED))
    assert labels(desk, one.id, name("relationship", 1)) == ["RED"]  # in another collection of this node
    desk.ask("DELETE", f"brics/collections/{two.id}/objects/{ends[1]}/", BRA)
    assert labels(desk, one.id, name("relationship", 1)) == ["AMBER"]


def test_labels_travel_along_a_chain(desk: Desk) -> None:
    made = desk.collection(Tlp.RED)
    report = {**campaign(9), "type": "report", "id": name("report", 9), "published": "2026-05-01T00:00:00.000Z",
              "object_refs": [name("relationship", 1)]}  # fmt: skip
    desk.share(made, BRA, set(), report, relationship(1, name("campaign", 1), name("campaign", 2), Tlp.CLEAR))
    desk.share(made, BRA, {"IND:cert"}, campaign(1, Tlp.RED))
    assert labels(desk, made.id, name("report", 9), name("relationship", 1)) == ["RED", "RED"]


def test_what_the_same_sender_said_of_an_id_counts(desk: Desk) -> None:
    """ZAF holds an observable as RED; BRA shares the same one as GREEN, and a relationship to it."""
    made = desk.collection(Tlp.RED)
    address = {"type": "ipv4-addr", "spec_version": "2.1", "id": name("ipv4-addr", 1), "value": "203.0.113.7"}
    from concordat.exchange.incidents.tlp import TLP2

    desk.share(made, ZAF, {"IND:cert"}, {**address, "object_marking_refs": [TLP2[Tlp.RED]]})
    mine = {**address, "object_marking_refs": [TLP2[Tlp.GREEN]]}
    desk.share(
        made, BRA, set(), mine, campaign(1, Tlp.GREEN), relationship(1, address["id"], name("campaign", 1), Tlp.GREEN)
    )
    assert labels(desk, made.id, name("relationship", 1)) == ["GREEN"]
    assert desk.read(made, BRA, match_type="ipv4-addr") == [mine]


def test_what_was_refused_leaves_nothing_behind(desk: Desk) -> None:
    made = desk.collection(Tlp.GREEN)
    refused = desk.share(made, BRA, set(), campaign(1, Tlp.RED), campaign(2, Tlp.GREEN))
    assert [bool(why) for why in refused] == [True, False]
    assert desk.store.versions(made.id, {name("campaign", 1)}) == []
    later = desk.share(made, BRA, set(), relationship(1, name("campaign", 2), name("campaign", 2), Tlp.GREEN))
    assert later == [""]
    assert labels(desk, made.id, name("relationship", 1)) == ["GREEN"]


def test_withdrawn_bytes_are_gone_from_the_file(desk: Desk, tmp_path: Path) -> None:
    made = desk.collection(Tlp.AMBER)
    desk.share(made, BRA, set(), campaign(1, Tlp.GREEN, description="the word quetzalcoatlus stands here once"))
    desk.ask("DELETE", f"brics/collections/{made.id}/objects/{name('campaign', 1)}/", BRA)
    desk.store.close()
    db = sqlite3.connect(tmp_path / "exchange.sqlite")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    rows = db.execute("SELECT id, body, withdrawn FROM taxii_object").fetchall()
    db.close()
    assert rows == [(name("campaign", 1), None, START)]
    assert b"quetzalcoatlus" not in (tmp_path / "exchange.sqlite").read_bytes()
    desk.store = TaxiiStore(tmp_path / "exchange.sqlite", lambda: START)


def test_a_change_that_fails_leaves_all_as_it_was(desk: Desk) -> None:
    made = desk.collection(Tlp.AMBER)

    def fail() -> None:
        with desk.store.change():
            desk.share(made, BRA, set(), campaign(1, Tlp.GREEN))
            raise RuntimeError("power")

    with pytest.raises(RuntimeError):
        fail()
    assert desk.read(made, BRA) == []


def test_readers_see_whole_changes_only(desk: Desk) -> None:
    made = desk.collection(Tlp.AMBER)
    seen: list[int] = []

    def look() -> None:
        seen.append(len(desk.read(made, BRA)))

    with desk.store.change():
        desk.share(made, BRA, set(), campaign(1, Tlp.GREEN))
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        look()  # who changes sees its own
    look()
    assert seen == [0, 1, 1]


def test_two_writers_wait_for_each_other(desk: Desk) -> None:
    made = desk.collection(Tlp.AMBER)
    threads = [
        threading.Thread(target=desk.share, args=(made, BRA, set(), campaign(number, Tlp.GREEN))) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.read(made, BRA)) == 8


def test_the_file_is_the_owners_alone(desk: Desk, tmp_path: Path) -> None:
    assert (tmp_path / "exchange.sqlite").stat().st_mode & 0o077 == 0


def test_a_collection_is_one_of_its_topic_and_label(desk: Desk) -> None:
    first = desk.store.make_collection("brics", "a", Tlp.AMBER, "A", ["BRA"])
    again = desk.store.make_collection("brics", "a", Tlp.AMBER, "other", ["ZAF"])
    assert (again.id, again.title, again.writers) == (first.id, "A", {"BRA", "ZAF"})
    desk.store.subscribe(first.id, "IND", "payments")
    desk.store.subscribe(first.id, "IND", " ")
    assert desk.store.collections("brics")[0].subscribers == {}
    with pytest.raises(InputError):
        desk.store.subscribe("nothing", "IND", "payments")


# --- What reading costs -----------------------------------------------------------------------------------------------


class Work:
    """Instructions of SQLite, in hundreds, by every connection that is opened while this is in place."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done, plain = 0, sqlite3.connect

        def connect(*args: Any, **more: Any) -> sqlite3.Connection:
            made = plain(*args, **more)
            made.set_progress_handler(self._count, 100)
            return made

        monkeypatch.setattr(sqlite3, "connect", connect)

    def _count(self) -> int:
        self.done += 1
        return 0

    def of(self, work: Callable[[], object]) -> int:
        """What one piece of work takes; the first time it may open a connection."""
        work()
        before = self.done
        work()
        return self.done - before


GREENS = [campaign(n, Tlp.GREEN) for n in range(60)]


@pytest.mark.parametrize(
    "query",
    [{}, {"match_version": "all"}, {"match_id": name("campaign", 7)}, {"match_type": "campaign"}],
    ids=["last", "all", "id", "type"],
)
@pytest.mark.parametrize("label", [Tlp.GREEN, Tlp.RED], ids=["seen", "hidden"])
def test_a_page_takes_no_longer_where_more_lies_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, label: Tlp, query: dict[str, str]
) -> None:  # fmt: skip
    """Neither what a reader has not come to, nor what lies between and is hidden from it."""
    work, desk = Work(monkeypatch), Desk(tmp_path)
    made = desk.collection(Tlp.RED)
    path = f"brics/collections/{made.id}/objects/"
    desk.share(made, BRA, set(), *GREENS[:30])
    look = lambda: desk.ask("GET", path, Caller("IND", "soc"), limit=50, **query)  # noqa: E731
    few = work.of(look)
    desk.now += 10**6
    desk.share(made, BRA, {"IND:cert"}, *(campaign(n, label) for n in range(1_000, 1_600)))
    desk.now += 10**6
    desk.share(made, BRA, set(), *GREENS[30:])
    many = work.of(look)
    assert len(json.loads(look().body)["objects"]) == (1 if "match_id" in query else 50)
    assert many < 3 * few + 20, "50 objects where 30 were, whatever else there is"
    desk.store.close()


def test_the_markings_of_tlp_grade_nothing_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle brings them along; they mean the same as before, and thousands of rows carry them."""
    work, desk = Work(monkeypatch), Desk(tmp_path)
    made = desk.collection(Tlp.GREEN)

    def add(count: int) -> int:
        desk.share(made, BRA, set(), *(campaign(n, Tlp.GREEN) for n in range(count)))
        before = work.done
        assert desk.share(made, BRA, set(), marking(Tlp.GREEN)) == [""]
        desk.ask("DELETE", f"brics/collections/{made.id}/objects/{marking(Tlp.GREEN)['id']}/", BRA)
        return work.done - before

    few = add(10)
    assert add(600) < 2 * few + 20
    desk.store.close()


def test_a_file_of_an_earlier_version_gets_the_index(tmp_path: Path) -> None:
    Desk(tmp_path).store.close()
    db = sqlite3.connect(tmp_path / "exchange.sqlite")
    db.execute("DROP INDEX taxii_object_kind")
    db.execute("CREATE INDEX taxii_object_reader ON taxii_object (collection, withdrawn, label, owner, recipients)")
    db.close()
    desk = Desk(tmp_path)
    made = desk.collection(Tlp.GREEN)
    desk.share(made, BRA, set(), campaign(1, Tlp.GREEN))
    assert len(desk.read(made, ZAF)) == 1
    desk.store.close()
    db = sqlite3.connect(tmp_path / "exchange.sqlite")
    names = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE tbl_name = 'taxii_object'")}
    db.close()
    assert "taxii_object_kind" in names
    assert "taxii_object_reader" not in names


# --- Passwords --------------------------------------------------------------------------------------------------------


def test_a_password_names_member_label_and_organisation(desk: Desk) -> None:
    password = make_account(desk.store, "IND", "cert", "cert-in", MEMBERS)
    slowed: list[int] = []
    known = Passwords(desk.store)
    who = lambda name, word: known.caller(name, word, lambda: slowed.append(1))  # noqa: E731
    assert who("IND/cert", password) == Caller("IND", "cert", "cert-in")
    assert who("IND/cert", password) == Caller("IND", "cert", "cert-in")
    assert len(slowed) == 1  # the second time nothing is hashed
    assert who("IND/cert", password + "x") is None
    assert who("IND/other", password) is None
    assert len(slowed) == 3
    assert desk.store.end_account("IND/cert")
    assert who("IND/cert", password) is None
    assert not desk.store.end_account("IND/cert")


def test_a_new_password_ends_the_old_one(desk: Desk) -> None:
    known = Passwords(desk.store)
    old = make_account(desk.store, "IND", "cert", "", MEMBERS)
    assert known.caller("IND/cert", old, lambda: None) is not None
    new = make_account(desk.store, "IND", "cert", "", MEMBERS)
    assert known.caller("IND/cert", old, lambda: None) is None
    assert known.caller("IND/cert", new, lambda: None) is not None


@pytest.mark.parametrize(
    ("member", "label", "office"), [("USA", "cert", ""), ("IND", "", ""), ("IND", "A b", ""), ("IND", "a", "B/")]
)
def test_an_account_that_can_not_be(desk: Desk, member: str, label: str, office: str) -> None:
    with pytest.raises((InputError, RuleError)):
        make_account(desk.store, member, label, office, MEMBERS)


@pytest.mark.parametrize(
    ("header", "found"),
    [("Basic SU5EL2NlcnQ6YTpi", ("IND/cert", "a:b")), ("basic SU5EL2NlcnQ6", ("IND/cert", "")), ("Bearer x", None),
     ("Basic", None), ("Basic SU5E", None), ("Basic !!!", None), ("Basic //8=", None)],
)  # fmt: skip
def test_headers_are_read_strictly(header: str, found: tuple[str, str] | None) -> None:
    assert basic(header) == found


def test_a_file_that_another_process_holds_is_a_state_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is opened, changed or read: never a bare error of SQLite."""
    monkeypatch.setattr(taxii_store, "WAIT_S", 0.01)
    path = tmp_path / "exchange.sqlite"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StateError, match=r"can't be opened: database is locked") as caught:
        TaxiiStore(path, lambda: START)
    assert caught.value.where == str(path)
    other.execute("ROLLBACK")
    store = TaxiiStore(path, lambda: START)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StateError, match="not written: database is locked"):
        store.make_collection("brics", "t", Tlp.AMBER, "T", ["BRA"])
    other.execute("ROLLBACK")
    store.make_collection("brics", "t", Tlp.AMBER, "T", ["BRA"])
    other.execute("DROP TABLE taxii_collection")
    with pytest.raises(StateError, match="can't be read: no such table"):
        store.collections()
    store.close()
    other.close()


def test_a_file_that_is_no_store_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "exchange.sqlite").write_bytes(b"not a database " * 100)
    with pytest.raises(StateError, match="can't be opened: file is not a database"):
        TaxiiStore(tmp_path / "exchange.sqlite", lambda: START)
    with pytest.raises(StateError, match="can't be opened"):
        TaxiiStore(tmp_path / "nowhere" / "exchange.sqlite", lambda: START)
