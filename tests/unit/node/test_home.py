"""A node in its folder: it goes on after every crash, and a copy of its disk can't make it contradict itself."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from concordat import canonical, clock
from concordat.errors import ConcordatError, RuleError, StateError, TrustError
from concordat.ledger.bundle import bundle_of
from concordat.ledger.membership import Point
from concordat.ledger.offline_verify import verify_export
from concordat.node import home as home_module
from concordat.node.audit import audit
from concordat.node.found import adopt, init, read_record, read_root, renewed_payload, sign_payload
from concordat.node.home import Node
from concordat.node.identity import Identity
from concordat.node.publish import export
from concordat.node.sync import exchange, sync
from concordat.node.whole_disk import verify_disk
from unit_node import IDS, found


def test_three_members_come_to_the_same_final_order(tmp_path: Path) -> None:
    homes = found(tmp_path)
    folders = [tmp_path / member / "public" for member in IDS]
    nodes = [Node(home) for home in homes]
    ids = {node.write("Said", {"word": node.identity.member}, "council")[0].id for node in nodes}
    nodes[0].write("Noted", {"word": "not for the council"}, "exchange")
    for node, folder in zip(nodes, folders, strict=True):
        export(node.replica, folder)
    exchange(nodes, folders, lambda: all(ids == {e.id for _, _, e in n.replica.events()} for n in nodes))
    orders = [[(str(p), ref.time, e.id) for p, ref, e in n.replica.events()] for n in nodes]
    assert orders[0] == orders[1] == orders[2]
    assert {entry for _, _, entry in orders[0]} == ids
    finals = [n.replica.final() for n in nodes]
    for node in nodes:
        verify_disk(node)
        node.close()
    again = [Node(home) for home in homes]
    assert [n.replica.final() for n in again] == finals
    assert [[e.id for _, _, e in n.replica.events()] for n in again] == [[e for _, _, e in o] for o in orders]
    verdict = bundle_of(again[2].replica, min(ids)).verify(again[0].chain.pinned)
    assert verdict.final
    assert len(verdict.mirrors) == 3
    for node in again:
        node.close()


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    (home,) = found(tmp_path, ("BRA",))
    with Node(home), pytest.raises(StateError, match=r"another process \(number \d+\) uses this node"):
        Node(home)
    Node(home).close()


def test_alone_everything_is_final_at_once(tmp_path: Path) -> None:
    (home,) = found(tmp_path, ("BRA",))
    with Node(home) as node:
        entry, _ = node.write("Said", {"word": "alone"}, "council")
        assert [e.id for _, _, e in node.replica.events()] == [entry.id]


CRASHES = ("store.append", "store.put_head", "save_floor", "store.put_notes", "store.put_paper")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", CRASHES)
def test_a_crash_at_every_step_leaves_a_node_that_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    """Whatever was not signed may be lost; whatever was signed is not contradicted."""
    (home,) = found(tmp_path, ("BRA",))
    with Node(home) as node:
        node.write("Said", {"word": "first"}, "council")
    node = Node(home)
    owner, _, name = step.rpartition(".")
    place: Any = node.store if owner else home_module
    original = getattr(place, name)

    class Crash(BaseException):
        pass

    def crash(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            original(*arguments, **named)
        raise Crash

    monkeypatch.setattr(place, name, crash)
    with pytest.raises(Crash):
        node.write("Said", {"word": "second"}, "council")
    monkeypatch.undo()
    node.close()
    with Node(home) as again:
        words = [e.body["word"] for e in again.replica.own.entries]
        assert words[0] == "first"
        again.tick()
        again.write("Said", {"word": "third"}, "council")
        assert again.replica.own.entries[-1].body == {"word": "third"}
        assert [e.seq for e in again.replica.own.entries] == list(range(1, again.replica.own.size + 1))
        verify_disk(again)


def test_nothing_signed_is_stored_before_the_keys_remember_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many steps at once, killed before the memory of the keys is written: entries stand, no signature of them does."""
    (home,) = found(tmp_path, ("BRA",))
    node = Node(home)

    class Crash(BaseException):
        pass

    def crash(*arguments: Any) -> None:
        raise Crash

    monkeypatch.setattr(home_module, "save_floor", crash)

    def steps() -> None:
        with node.together():
            node.write("Said", {"word": "first"}, "council")
            node.tick()

    with pytest.raises(Crash):
        steps()
    monkeypatch.undo()
    node.close()
    with Node(home) as again:
        assert again.replica.own.size == 1
        assert again.signer.floor.heads == {}
        assert again.replica.own.head is None
        assert again.store.heads() == again.store.papers("vote") == {}
        again.write("Said", {"word": "second"}, "council")
        again.tick()
        assert len(again.replica.events()) == 2
        verify_disk(again)


def test_patience_runs_on_from_one_process_to_the_next(tmp_path: Path) -> None:
    """Each `node sync` is a process of its own: a silent chair is left after the same time all the same."""
    homes = found(tmp_path, ("BRA", "CHN", "IND", "ZAF"))  # BRA chairs view 1, and never runs
    folders = [tmp_path / str(i) for i in range(1, 4)]
    start = datetime(2026, 11, 26, tzinfo=UTC)
    with Node(homes[1]) as node, clock.fixed(start):
        entry = node.write("Said", {"word": "work for the chair"}, "council")[0].id
        export(node.replica, folders[0])
    for minute in range(0, 240, 10):
        for home, folder in zip(homes[1:], folders, strict=True):
            with clock.fixed(start + timedelta(minutes=minute)), Node(home) as node:
                sync(node, [f for f in folders if f != folder and f.exists()])
                export(node.replica, folder)
    with Node(homes[3]) as node:
        assert node.replica.view > 1
        assert _ids(node) == [entry]


def test_a_restored_backup_signs_nothing_until_it_is_whole(tmp_path: Path) -> None:
    homes = found(tmp_path, ("BRA", "IND"))
    folders = [tmp_path / "bra", tmp_path / "ind"]
    nodes = [Node(home) for home in homes]
    nodes[0].write("Said", {"word": "first"}, "exchange")
    nodes[0].close()
    shutil.copy(homes[0] / "log.db", tmp_path / "backup.db")
    nodes[0] = Node(homes[0])
    nodes[0].write("Said", {"word": "second"}, "exchange")
    export(nodes[0].replica, folders[0])
    sync(nodes[1], [folders[0]])
    export(nodes[1].replica, folders[1])
    nodes[0].close()
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        (homes[0] / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", homes[0] / "log.db")
    with Node(homes[0]) as restored:
        with pytest.raises(StateError, match=r"has 1 entries, but its keys have signed 2\..*missing 1"):
            restored.write("Said", {"word": "another second"}, "exchange")
        assert restored.replica.own.size == 1
        sync(restored, [folders[1]])
        assert [e.body["word"] for e in restored.replica.own.entries] == ["first", "second"]
        restored.write("Said", {"word": "third"}, "exchange")
        assert restored.replica.own.size == 3
    nodes[1].close()


def test_an_expired_membership_says_who_must_sign(tmp_path: Path) -> None:
    homes = found(tmp_path, ("BRA", "IND"))
    with (
        Node(homes[0]) as node,
        clock.fixed("2031-01-01"),
        pytest.raises(RuleError, match=r"expired on .* BRA, IND must"),
    ):
        node.write("Said", {"word": "late"}, "council")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"rate": 0.55}, r"\$\.body\.rate: 0\.55 is a float\. Write it as text"),
        ({"n": 2**53}, r"\$\.body\.n: .* beyond 2\^53 - 1\. Write it as text"),
        ({"word": "x" * 50_000}, r"limit of a payload is 48,000.*--attach FILE"),
        ({"word": "e\u0301"}, "written as two characters"),
    ],
)
def test_a_bad_body_changes_nothing(tmp_path: Path, body: dict[str, Any], words: str) -> None:
    (home,) = found(tmp_path, ("BRA",))
    with Node(home) as node:
        with pytest.raises(ConcordatError, match=words):
            node.write("Said", body, "council")
        assert node.replica.own.size == 0
        node.write("Said", {"word": "good"}, "council")
        assert node.replica.own.size == 1


def test_a_changed_byte_in_the_store_is_found(tmp_path: Path) -> None:
    (home,) = found(tmp_path, ("BRA",))
    with Node(home) as node:
        node.write("Said", {"word": "true"}, "council")
        data = next(node.store.entries(node.replica.own.origin))
        changed = data.replace(b"A", b"B", 1)
        node.store._db.execute("UPDATE entry SET bytes = ? WHERE origin = ?", (changed, node.replica.own.origin))
        with pytest.raises(ConcordatError):
            verify_disk(node)


def test_adopting_another_membership_is_refused_once_entries_stand(tmp_path: Path) -> None:
    homes = found(tmp_path, ("BRA", "IND"))
    with Node(homes[0]) as node:
        node.write("Said", {"word": "true"}, "council")
    other = found(tmp_path / "other", ("BRA", "IND"))
    with Node(other[0]) as node:
        data = node.chain.last.envelope.to_bytes()
    with pytest.raises((StateError, TrustError), match=r"another membership|not those of this node"):
        adopt(homes[0], [data])


def test_a_fourth_member_joins_and_a_view_begins_with_it(tmp_path: Path) -> None:
    """Version 2 adds a member from view 2 on: old and new quorum vote for the view, the order goes on from the cut."""
    homes = found(tmp_path)
    folders = {member: tmp_path / member / "public" for member in (*IDS, "CHN")}
    nodes = [Node(home) for home in homes]
    first = nodes[1].write("Said", {"word": "before"}, "council")[0].id
    for node in nodes:
        export(node.replica, folders[node.identity.member])
    exchange(nodes, [folders[m] for m in IDS], lambda: all(first in _ids(n) for n in nodes))
    v1 = nodes[0].chain.last
    for node in nodes:
        node.close()
    late = tmp_path / "CHN" / "home"
    init(late, Identity("BRICS", "CHN", "chn.example"))
    record = read_record(late / "member.json")[1]
    payload = canonical.dumps(renewed_payload(v1, [record], [], "2031-01-01T00:00:00Z", (2, 0)))
    envelope = None
    for home in homes:
        envelope = sign_payload(payload, [read_root(p) for p in sorted((home / "roots").iterdir())[:2]], envelope)
    assert envelope is not None
    with pytest.raises(TrustError, match="is not in it"):
        adopt(late, [v1.envelope.to_bytes()])
    adopt(late, [v1.envelope.to_bytes(), envelope.to_bytes()])
    for home in homes:
        adopt(home, [envelope.to_bytes()])
    nodes = [Node(home) for home in (*homes, late)]
    second = nodes[3].write("Said", {"word": "after"}, "council")[0].id
    where = [folders[n.identity.member] for n in nodes]
    for node, folder in zip(nodes, where, strict=True):
        export(node.replica, folder)
    exchange(nodes, where, lambda: all(second in _ids(n) for n in nodes))
    for node in nodes:
        assert _ids(node) == [first, second]
        assert node.replica.view == 2
        export(node.replica, folders[node.identity.member])
        final = audit(folders[node.identity.member], v1.hash).final
        assert final is not None
        assert final >= Point(2, 3)
        assert "final to view 2" in "\n".join(verify_export(str(folders[node.identity.member]), v1.hash))
        node.close()


def test_a_member_leaves_and_what_it_said_stays(tmp_path: Path) -> None:
    """Version 2 leaves a member out from view 2 on; its log stays in every export, and both auditors follow it."""
    ids = ("BRA", "CHN", "IND", "ZAF")
    homes = found(tmp_path, ids)
    folders = [tmp_path / member / "public" for member in ids]
    nodes = [Node(home) for home in homes]
    first = nodes[1].write("Said", {"word": "I was here"}, "council")[0].id
    for node, folder in zip(nodes, folders, strict=True):
        export(node.replica, folder)
    exchange(nodes, folders, lambda: all(first in _ids(n) for n in nodes))
    v1 = nodes[0].chain.last
    for node in nodes:
        node.close()
    payload = canonical.dumps(renewed_payload(v1, [], ["CHN"], "2031-01-01T00:00:00Z", (2, 0)))
    envelope = None
    for home in homes:
        envelope = sign_payload(payload, [read_root(p) for p in sorted((home / "roots").iterdir())[:2]], envelope)
    assert envelope is not None
    stay = [0, 2, 3]
    for i in stay:
        adopt(homes[i], [envelope.to_bytes()])
    with pytest.raises(TrustError, match="is not in it"):
        adopt(homes[1], [envelope.to_bytes()])
    nodes = [Node(homes[i]) for i in stay]
    second = nodes[0].write("Said", {"word": "we go on"}, "council")[0].id
    where = [folders[i] for i in stay]
    for node, folder in zip(nodes, where, strict=True):
        export(node.replica, folder)
    exchange(nodes, where, lambda: all(second in _ids(n) for n in nodes))
    for node, folder in zip(nodes, where, strict=True):
        assert _ids(node) == [first, second]
        export(node.replica, folder)
        assert "chn.example/BRICS/member" in audit(folder, v1.hash).sizes
        assert "final to view 2" in "\n".join(verify_export(str(folder), v1.hash))
        verify_disk(node)
        node.close()


def _ids(node: Node) -> list[str]:
    return [entry.id for _, _, entry in node.replica.events()]
