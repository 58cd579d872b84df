"""A log on the disk that was changed: another member's is set aside, the council's or one's own stops the signing."""

from __future__ import annotations

import asyncio
import shutil
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import pytest

from concordat import clock
from concordat.errors import StateError, TrustError
from concordat.ledger import leaves
from concordat.ledger.messages import Certified, Cosigned, Entries, Hello, Out, Submitted
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.shelf import MemberLog
from concordat.node.cosigner import _member_logs
from concordat.node.doctor import facts_of, findings
from concordat.node.home import ASIDE, Node
from concordat.node.onlooker import Onlooker
from concordat.node.publish import export
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.node.sync import sync
from concordat.node.whole_disk import verify_disk
from concordat.web.council_reader import CouncilReader
from concordat.web.live import Running
from unit_node import found

NOW = datetime(2026, 11, 22, tzinfo=UTC)
WORDS = 12
CHANGED = "the entry is not the one that was logged"


def talk(nodes: dict[str, Node], out: Out, sender: str) -> Out:
    """Carry messages between nodes until nobody has more to say; all that was carried."""
    waiting = deque((sender, *item) for item in out)
    carried: Out = []
    while waiting:
        of, to, message = waiting.popleft()
        carried.append((to, message))
        waiting += [(to, *item) for item in nodes[to].handle(of, message)]
    return carried


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bloc of two: BRA presides, IND has said a few things that are final, and one more to the exchange."""
    root = tmp_path_factory.mktemp("two")
    homes = found(root, ("BRA", "IND"))
    with clock.fixed("2026-11-22"), Node(homes[0]) as bra, Node(homes[1]) as ind:
        nodes = {"BRA": bra, "IND": ind}
        for n in range(WORDS):
            talk(nodes, ind.write("Said", {"word": f"w{n}"}, "council")[1], "IND")
            talk(nodes, ind.write("Noted", {"n": n}, "exchange")[1], "IND")
        for name, node in nodes.items():
            talk(nodes, node.tick(), name)
        assert bra.replica.councils[1].chair == "BRA"
        assert bra.replica.final() == ind.replica.final() > (1, WORDS)
        assert bra.replica.shelf.logs["ind.example/BRICS/member"].size == 2 * WORDS
    return root


@pytest.fixture
def homes(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """(of BRA, of IND), copied; their memory is of a few entries."""
    for name, value in (("LOT", 4), ("NEWEST", 4), ("MOST", 8)):
        monkeypatch.setattr(leaves, name, value)
    for member in ("BRA", "IND"):
        shutil.copytree(made / member / "home", tmp_path / member / "home")
    return tmp_path / "BRA" / "home", tmp_path / "IND" / "home"


THEIRS, COUNCIL = "ind.example/BRICS/member", "BRICS/council/1"


def change(home: Path, origin: str, index: int, more: str = "") -> None:
    """Put other bytes where an entry is: those of the entry before it."""
    with Node(home) as node:
        (other,) = node.store.entries(origin, index - 1, index)
        query = f"UPDATE entry SET bytes = ? {more} WHERE origin = ? AND idx = ?"
        node.store._db.execute(query, (other, origin, index))


@pytest.mark.parametrize("index", [1, 2, 2 * WORDS - 1])
def test_another_member_s_log_is_set_aside_and_one_s_own_goes_on(homes: tuple[Path, Path], index: int) -> None:
    """Ledger.md 9: members never stop writing."""
    change(homes[0], THEIRS, index)
    with clock.fixed("2026-11-22"), Node(homes[0]) as bra, Node(homes[1]) as ind:
        nodes, theirs = {"BRA": bra, "IND": ind}, bra.replica.shelf.logs[THEIRS]
        assert (
            bra.spoilt == [theirs.aside] == [f"{THEIRS}, entry {index}: {CHANGED}. Run: concordat node verify {ASIDE}"]
        )
        with pytest.raises(TrustError, match=CHANGED):
            theirs.entries[index]
        entry, out = bra.write("Said", {"word": "mine"}, "council")
        said = talk(nodes, out, "BRA")
        assert ind.replica.shelf.logs[bra.replica.own.origin].entries[-1] == entry
        assert any(isinstance(message, Cosigned) and message.origin == bra.replica.own.origin for _, message in said)
        # What is new of theirs is taken, and neither witnessed nor taken up.
        size = bra.replica.councils[1].size
        said = talk(nodes, ind.write("Said", {"word": "theirs"}, "council")[1], "IND")
        if index < 2 * WORDS - 1:
            assert theirs.entries[-1].body == {"word": "theirs"}
        else:  # whether it follows can't be seen
            assert theirs.size == 2 * WORDS
        assert not [m for to, m in said if to == "IND" and isinstance(m, Cosigned) and m.origin == THEIRS]
        assert all(
            ref.origin != THEIRS
            for batch in bra.replica.councils[1].batches[size:]
            if batch is not None
            for ref in batch.refs
        )
        assert THEIRS not in _member_logs(bra.replica)
        assert THEIRS in _member_logs(ind.replica)
        assert not bra.replica.accusations
        assert not theirs.disowned
        assert not ind.spoilt
    with Onlooker(homes[0]) as seen:
        assert len(seen.spoilt) == 1
    rows = findings(facts_of(homes[0], now=NOW))
    assert [row.what for row in rows if row.grade == "bad" and row.subject == "logs"] == [theirs.aside]


def test_a_chair_takes_up_what_is_whole_alone(homes: tuple[Path, Path]) -> None:
    """IND's entry has its quorum already; with a copy that is set aside no batch of BRA names it."""
    change(homes[0], THEIRS, 2)
    with clock.fixed("2026-11-22"), Node(homes[0]) as bra:
        log = bra.replica.shelf.logs[THEIRS]
        assert log.submitted_size == 2 * WORDS
        last = bra.replica.councils[1].progress_at(0)
        assert bra.replica._refs(last) == ([], dict(last.cursors))
        log.aside = ""
        with pytest.raises(TrustError, match=CHANGED):
            bra.replica._refs(last)


def test_who_lacks_much_gets_all_but_what_was_changed(homes: tuple[Path, Path]) -> None:
    """A greeting is answered with every other log, whichever of them is set aside."""
    with clock.fixed("2026-11-22"), Node(homes[0]) as bra:
        bra.write("Said", {"word": "mine"}, "council")
    change(homes[0], THEIRS, 2)
    with clock.fixed("2026-11-22"), Node(homes[0]) as bra:
        said = bra.handle("IND", Hello((), (), (0, 0), 1))
        sent = {message.origin: message for _, message in said if isinstance(message, Entries)}
        assert set(sent) == {bra.replica.own.origin, COUNCIL}
        assert sent[COUNCIL].leaves == tuple(bra.replica.councils[1].leaves)
        assert any(isinstance(message, Certified) for _, message in said)
        assert any(isinstance(message, Submitted) for _, message in said)
        behind = bra.handle("IND", Hello(((THEIRS, 3),), (), (0, 0), 1))
        assert {m.origin for _, m in behind if isinstance(m, Entries)} == {THEIRS, *sent}, "all behind it is whole"


def test_no_other_chair_is_asked_for_what_the_copy_here_can_t_follow(homes: tuple[Path, Path]) -> None:
    with clock.fixed("2026-11-22"), Node(homes[1]) as ind:
        ind.signer.floor.promised = 2  # asked for already: what waits for it, waits
        ind.tick()
        assert ind.replica.since is not None
        ind.replica.own.aside = "set aside"
        ind.tick()
        assert ind.replica.since is None


def test_where_more_can_t_be_told_apart_nothing_is_signed(homes: tuple[Path, Path]) -> None:
    """The hash beside it was changed as well: no entry of that log can be known to be good."""
    change(homes[0], THEIRS, 2, ", leaf = substr(leaf, 2)")
    with clock.fixed("2026-11-22"), Node(homes[0]) as bra:
        assert not bra.replica.shelf.logs[THEIRS].aside
        with pytest.raises(StateError, match="not those of the signed head"):
            bra.write("Said", {"word": "no"}, "council")


def test_what_is_found_while_a_node_runs_stands_above_every_page_until_it_is_replaced(homes: tuple[Path, Path]) -> None:
    async def work() -> None:
        service = Service(Node(homes[0]), NodeSettings(disk_reserve_mb=0))
        await service.run(service._tick)
        assert not service.alarms
        query = "UPDATE entry SET bytes = x'00' WHERE origin = ? AND idx = 3"
        await service.read(lambda node: node.store._db.execute(query, (THEIRS,)))
        with pytest.raises(TrustError, match="entry 3"):
            await service.read(lambda node: node.replica.shelf.logs[THEIRS].entries[3])
        assert "entry 3" in service.failing()["store"]
        await service.run(service._tick)
        assert "entry 3" in service.alarms["entries"]
        assert ASIDE in service.alarms["entries"]
        assert CHANGED not in service.node.signer.held
        service.node.replica.shelf.logs[THEIRS] = MemberLog(THEIRS, "IND")  # as a rival that a quorum demands
        service._hold(service.node)
        assert "entries" not in service.alarms
        assert "store" not in service.failing()
        await service.close()

    with clock.fixed("2026-11-22"):
        asyncio.run(asyncio.wait_for(work(), 60))


def test_a_folder_brings_every_other_log(tmp_path: Path) -> None:
    """The newest entry of IND's log was changed in BRA's copy; ZAF's folder holds it too, and an entry of its own."""
    bra, ind, zaf = found(tmp_path, ("BRA", "IND", "ZAF"))
    with clock.fixed("2026-11-22"):
        with Node(ind) as node:
            for word in ("one", "two"):
                node.write("Said", {"word": word}, "council")
            export(node.replica, tmp_path / "stick of IND")
        for home, held in (bra, "it can't sign for now"), (zaf, ""):
            with Node(home) as node:
                node.signer.held = held  # its own cosignature says that it need not look
                sync(node, [tmp_path / "stick of IND"])
        with Node(zaf) as node:
            node.write("Said", {"word": "new"}, "council")
            export(node.replica, tmp_path / "stick of ZAF")
        change(bra, THEIRS, 1)
        with Node(bra) as node:
            assert "entry 1" in node.replica.shelf.logs[THEIRS].aside
            taken = sync(node, [tmp_path / "stick of ZAF"])
            assert ("ZAF", 0, 1) in taken.sizes
            assert not taken.problems


@pytest.mark.parametrize("scope", ["council", "exchange"])
def test_a_changed_entry_that_waits_ends_no_page(homes: tuple[Path, Path], scope: str) -> None:
    """Of what was changed not even the scope is known, so it is among those that may wait for the council."""
    with clock.fixed("2026-11-22"), Node(homes[0]) as bra, Node(homes[1]) as ind:
        for body in ({"word": "waits"}, {"n": 9}):
            _, out = ind.write("Said", body, "council") if "word" in body else ind.write("Noted", body, "exchange")
            sent = next(message for to, message in out if isinstance(message, Entries) and to == "BRA")
            bra.handle("IND", sent)
        log = bra.replica.shelf.logs[THEIRS]
        assert log.size == 2 * WORDS + 2
        said = log.entries[-2].id
    change(homes[0], THEIRS, 2 * WORDS + (scope == "exchange"))

    async def shown() -> list[str]:
        service = Service(Node(homes[0]), NodeSettings(disk_reserve_mb=0))
        await service.start()
        await service._catch_up()
        reader = CouncilReader(Running(service))
        snapshot = await asyncio.get_running_loop().run_in_executor(None, reader.current)
        await service.close()
        return [waiting.id for waiting in snapshot.waiting]

    with clock.fixed("2026-11-22"):
        assert asyncio.run(asyncio.wait_for(shown(), 60)) == ([] if scope == "council" else [said])


@pytest.mark.parametrize(("index", "both"), [(2, False), (-1, False), (2, True), (-2, True)])
def test_a_council_log_is_held_against_its_head(homes: tuple[Path, Path], index: int, both: bool) -> None:
    """As a start holds the members' logs: a batch that was changed is not the order that others signed."""
    with Node(homes[1]) as ind:
        index %= ind.replica.councils[1].size
    beside = f", leaf = (SELECT leaf FROM entry WHERE origin = '{COUNCIL}' AND idx = {index - 1})"
    change(homes[1], COUNCIL, index, beside if both else "")
    why = "not those of the signed head" if both else f"{COUNCIL}, entry {index}: {CHANGED}"
    with clock.fixed("2026-11-22"):
        with Node(homes[1]) as ind:
            assert why in " ".join(ind.spoilt)
            with pytest.raises(StateError, match=why):
                ind.write("Said", {"word": "no"}, "exchange")
            with pytest.raises(StateError, match=why):
                ind.signer.vote("BRICS", 2, None)
        service = Service(Node(homes[1]), NodeSettings(disk_reserve_mb=0))
        assert why in service.failing()["store"]
        asyncio.run(asyncio.wait_for(service.close(), 60))


@pytest.mark.parametrize("kept", [0, 1, 5])
def test_a_council_log_that_is_shorter_than_its_head_is_told(homes: tuple[Path, Path], kept: int) -> None:
    with Node(homes[1]) as ind:
        size = ind.replica.councils[1].size
        ind.store._db.execute("DELETE FROM entry WHERE origin = ? AND idx >= ?", (COUNCIL, kept))
    why = f"{COUNCIL}: the signed head is of {size} entries; {kept} are here."
    with clock.fixed("2026-11-22"), Node(homes[1]) as ind:
        assert why in " ".join(ind.spoilt)
        with pytest.raises(StateError, match="the signed head is of"):
            ind.write("Said", {"word": "no"}, "exchange")
    with Onlooker(homes[1]) as seen:
        assert why in " ".join(seen.spoilt)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (f"DELETE FROM entry WHERE origin = '{COUNCIL}' AND idx >= 5", "5 are here"),
        (f"DELETE FROM entry WHERE origin = '{COUNCIL}'", "0 are here"),
        (f"UPDATE entry SET leaf = zeroblob(32) WHERE origin = '{COUNCIL}' AND idx = 3", f"entry 3: {CHANGED}"),
        (f"UPDATE entry SET leaf = zeroblob(32) WHERE origin = '{THEIRS}' AND idx = 3", f"entry 3: {CHANGED}"),
    ],
)
def test_what_a_start_finds_no_verification_calls_good(homes: tuple[Path, Path], change: str, why: str) -> None:
    """`node verify` is what the words of a start name as the next step."""
    for home in homes:
        with clock.fixed("2026-11-22"):
            with Node(home) as node:
                assert verify_disk(node)
                node.store._db.execute(change)
            with Node(home) as node:
                assert why in " ".join(node.spoilt)
                with pytest.raises(TrustError, match=why) as caught:
                    verify_disk(node)
                assert "node restore" in str(caught.value)
                assert "node verify" not in str(caught.value)


def test_a_last_batch_that_its_certificate_contradicts_is_fetched_again(homes: tuple[Path, Path]) -> None:
    with Node(homes[1]) as ind:
        size = ind.replica.councils[1].size
        assert (1, size) in ind.replica.certificates
    change(
        homes[1],
        COUNCIL,
        size - 1,
        f", leaf = (SELECT leaf FROM entry WHERE origin = '{COUNCIL}' AND idx = {size - 2})",
    )
    with clock.fixed("2026-11-22"), Node(homes[0]) as bra, Node(homes[1]) as ind:
        assert (ind.replica.councils[1].size, ind.spoilt) == (size - 1, [])
        talk({"BRA": bra, "IND": ind}, bra.write("Said", {"word": "more"}, "council")[1], "BRA")
        assert ind.replica.councils[1].size > size
        assert not ind.replica.accusations


def test_a_council_entry_of_no_form_is_named(homes: tuple[Path, Path]) -> None:
    with Node(homes[1]) as ind:
        ind.store._db.execute("UPDATE entry SET bytes = x'00' WHERE origin = ? AND idx = 2", (COUNCIL,))
    with pytest.raises(TrustError, match=f"{COUNCIL}, entry 2: {CHANGED}"):
        Node(homes[1])


def test_a_head_that_a_certificate_has_overtaken_is_no_damage(homes: tuple[Path, Path]) -> None:
    """A crash between an entry and its head leaves the head of another entry, which a quorum has refused."""
    with Node(homes[1]) as ind:
        size = max(size for _, size in ind.replica.certificates)
        overtaken = Note(Checkpoint(COUNCIL, size, bytes(32)).text(), ind.replica.heads[1].signatures)
        ind.store.put_head(COUNCIL, size, str(overtaken))
    with Node(homes[1]) as ind:
        assert ind.replica.councils[1].size >= size
        assert not ind.spoilt
