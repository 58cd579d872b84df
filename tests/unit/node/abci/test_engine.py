"""The ledger under an engine, over real sockets: one to four replicas, blocks, refusals, crashes at every message."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("google.protobuf", reason="the engine stage needs protobuf: pip install 'concordat[abci]'")

from concordat import canonical
from concordat.ledger.entry import Entry
from concordat.ledger.merkle import leaf_hash, verify_inclusion
from concordat.node.abci_genesis import CouncilMeaning
from concordat.node.abci_order import FULL, KNOWN, MALFORMED, NOT_COUNTED, SEQUENCE, SIGNATURE
from engine_kit import START, Count, Writer, chain, running
from fakes.engine import Engine, EngineHalted, ledger_host
from ledger_kit import mth
from simulation.keys import BLOC, secret


def hashes(engine: Engine) -> set[bytes]:
    return {host.application.ledger.app_hash for host in engine.hosts}


def session(engine: Engine) -> None:
    """Three members write, four blocks, two of them empty."""
    bra, chn, egy = Writer("BRA"), Writer("CHN"), Writer("EGY")
    for tx in (egy.say(), bra.say(), chn.say(), bra.say()):
        engine.broadcast(tx)
    assert engine.block() is not None
    assert engine.block() is not None
    for tx in (bra.say(), chn.say()):
        engine.broadcast(tx)
    assert engine.block() is not None
    assert engine.block() is not None


def test_four_replicas_come_to_the_same_hash(tmp_path: Path) -> None:
    with running(tmp_path, 4, extensions=True) as engine:
        session(engine)
        assert [len(block.txs) for block in engine.blocks] == [4, 0, 2, 0]
        assert len(hashes(engine)) == 1
        ledger = engine.hosts[0].application.ledger
        batches = [(batch, entries) for batch, _, entries in ledger.batches()]
    assert [batch.number for batch, _ in batches] == [1, 3]
    named = [(e.author, e.seq) for _, entries in batches for e in entries]
    assert named == [("BRA", 1), ("BRA", 2), ("CHN", 1), ("EGY", 1), ("BRA", 3), ("CHN", 2)]
    for batch, entries in batches:
        block = engine.blocks[batch.number - 1]
        assert [ref.leaf for ref in batch.refs] == [leaf_hash(entry.leaf).hex() for entry in entries]
        assert {ref.proof for ref in batch.refs} == {block.hash.hex()}
        assert {ref.time for ref in batch.refs} == {block.seconds}
        assert [ref.index for ref in batch.refs] == [entry.seq - 1 for entry in entries]
    origin = "node.bra.example/BRICS/member"
    assert [dict(batch.cursors)[origin] for batch, _ in batches] == [2, 3]


def test_the_app_hash_is_that_of_root_and_state(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        session(engine)
        ledger = engine.hosts[0].application.ledger
        leaves = list(ledger.store.entries(ledger.origin))
        state = canonical.digest([[b.number, b.refs[0].time, e.id] for b, _, es in ledger.batches() for e in es])
        stated = {"root": mth(leaves).hex(), "state": state}
        assert ledger.origin == f"{BLOC}/council/concordat-test"
    assert engine.app_hash == sha256(canonical.dumps(stated)).digest()


def test_an_empty_block_adds_nothing_and_lets_the_engine_rest(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        before = engine.app_hash
        for _ in range(3):
            assert engine.block() is not None
        assert engine.app_hash == before
        assert engine.hosts[0].application.ledger.height == 3
        assert engine.hosts[0].application.ledger.size == 1  # the genesis alone


def test_ledger_time_is_the_blocks_and_never_falls(tmp_path: Path) -> None:
    bra = Writer("BRA")
    with running(tmp_path) as engine:
        for seconds in (START + 100, START + 50, START + 200):
            engine.broadcast(bra.say())
            assert engine.block(seconds=seconds) is not None
        ledger = engine.hosts[0].application.ledger
        assert [b.refs[0].time - START for b, _, _ in ledger.batches()] == [100, 100, 200]


# --- Refusals ---------------------------------------------------------------------------------------------------------


def test_a_proposal_that_no_honest_node_makes_is_rejected(tmp_path: Path) -> None:
    bra, chn = Writer("BRA"), Writer("CHN")
    first, second, other = bra.say(), bra.say(), chn.say()
    forged = Writer("EGY").make("x", secret=secret("BRA", "node")).leaf
    with running(tmp_path) as engine:
        for txs in ([other, first], [first, first], [second, first], [second], [forged], [b"junk"], [first, b""]):
            assert engine.block(txs) is None
        assert engine.block([first, second, other]) is not None
        assert engine.block([first]) is None
    assert sum("rejected" in report for report in engine.hosts[0].reports) == 8


def test_a_block_decided_all_the_same_gives_every_transaction_a_code(tmp_path: Path) -> None:
    """Where two thirds of the engine's nodes run another program: what may not stand changes nothing."""
    bra, chn = Writer("BRA"), Writer("CHN")
    first, second = bra.say(), bra.say()
    forged = Writer("EGY").make("x", secret=secret("BRA", "node")).leaf
    with running(tmp_path, 2) as engine:
        made = engine.block([b"junk", second, first, first, forged, chn.say()], force=True)
        assert made is not None
        assert [code for code, _ in made.results] == [MALFORMED, SEQUENCE, 0, KNOWN, SIGNATURE, 0]
        assert made.results[2][1].hex() == Entry.parse(first).id
        assert engine.block([second]) is not None  # it may come again
        assert len(hashes(engine)) == 1


def test_a_batch_holds_128_entries_and_the_rest_comes_next(tmp_path: Path) -> None:
    bra = Writer("BRA")
    txs = [bra.say() for _ in range(130)]
    with running(tmp_path) as engine:
        engine.mempool = list(txs)
        assert [len(block.txs) for block in (engine.block(), engine.block()) if block] == [128, 2]
        made = engine.block([bra.say() for _ in range(130)], force=True)
        assert made is not None
        assert [code for code, _ in made.results] == [0] * 128 + [FULL, SEQUENCE]


def test_check_tx_changes_nothing(tmp_path: Path) -> None:
    bra = Writer("BRA")
    first, second = bra.say(), bra.say()
    with running(tmp_path) as engine:
        before = engine.hosts[0].application.ledger.head()
        assert engine.broadcast(second) == [0]  # waits for the one before it
        assert engine.broadcast(first) == [0]
        assert engine.broadcast(first) == [0]
        assert engine.broadcast(b"junk") == [MALFORMED]
        assert engine.hosts[0].application.ledger.head() == before
        engine.block()
        assert engine.broadcast(first) == [KNOWN]


def test_two_entries_under_one_number_leave_a_proof(tmp_path: Path) -> None:
    from concordat.ledger.misconduct import Misconduct

    bra = Writer("BRA")
    other = bra.make("another word").leaf
    with running(tmp_path) as engine:
        engine.broadcast(bra.say())
        engine.block()
        assert engine.broadcast(other) == [SEQUENCE]
        assert engine.broadcast(other) == [SEQUENCE]
        (data,) = engine.hosts[0].application.ledger.store.papers("misconduct").values()
    found = Misconduct.parse(data).check(chain(4).pinned)
    assert (found.kind, found.accused) == ("author_fork", "BRA")


def test_vote_extensions_are_empty_and_stay_so(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        assert engine.ask(0, "consensus", "extend_vote", {"hash": b"h", "height": 1}).vote_extension == b""
        for extension, status in ((b"", 1), (b"x", 2)):
            asked = {"hash": b"h", "height": 1, "vote_extension": extension}
            assert engine.ask(0, "consensus", "verify_vote_extension", asked).status == status


@pytest.mark.parametrize("height", [0, 2, 3, -1])
def test_a_block_of_another_height_stops_the_engine(tmp_path: Path, height: int) -> None:
    with running(tmp_path) as engine:
        asked = {"hash": b"h" * 32, "height": height, "time": {"seconds": START}}
        with pytest.raises(EngineHalted, match="the next is 1"):
            engine.ask(0, "consensus", "finalize_block", asked)
        assert engine.ask(0, "consensus", "process_proposal", asked).status == 2


@pytest.mark.parametrize("seconds", [0, -1, 2**62, -(2**62), 253_402_300_800])
def test_a_block_of_no_time_is_rejected_and_stops_the_engine(tmp_path: Path, seconds: int) -> None:
    with running(tmp_path) as engine:
        tx = Writer("BRA").say()
        asked = {"txs": [tx], "hash": b"h" * 32, "height": 1, "time": {"seconds": seconds}}
        assert engine.ask(0, "consensus", "process_proposal", asked).status == 2
        with pytest.raises(EngineHalted, match="a block of the time"):
            engine.ask(0, "consensus", "finalize_block", asked)
        with pytest.raises(EngineHalted, match="a block of the time"):
            engine.ask(0, "consensus", "prepare_proposal", {"txs": [tx], "height": 1, "time": {"seconds": seconds}})


def test_commit_without_a_block_stops_the_engine(tmp_path: Path) -> None:
    with running(tmp_path) as engine, pytest.raises(EngineHalted, match="no block was decided"):
        engine.ask(0, "consensus", "commit")


# --- Beginning --------------------------------------------------------------------------------------------------------


def test_a_chain_may_begin_at_a_later_height(tmp_path: Path) -> None:
    with running(tmp_path, 2, initial=50) as engine:
        session(engine)
        assert engine.height == 53
        assert [b.number for b, _, _ in engine.hosts[1].application.ledger.batches()] == [50, 52]


@pytest.mark.parametrize("chain_id", ["", "7", "a b", "x" * 51, "a+b", "é"])
def test_a_chain_id_that_can_not_name_a_log(tmp_path: Path, chain_id: str) -> None:
    with pytest.raises(EngineHalted, match="can't name a log"), running(tmp_path, chain_id=chain_id):
        pass


@pytest.mark.parametrize(("state", "good"), [(b"", True), (b"{}", True), (b'{"bloc": "MINT"}', False), (b"[", False)])
def test_app_state_of_the_genesis_names_our_membership(tmp_path: Path, state: bytes, good: bool) -> None:
    if good:
        with running(tmp_path, app_state=state) as engine:
            assert engine.block() is not None
        return
    with pytest.raises(EngineHalted, match="another bloc or membership"), running(tmp_path, app_state=state):
        pass


def test_app_state_as_the_command_prints_it(tmp_path: Path) -> None:
    stated = canonical.dumps({"bloc": BLOC, "membership": chain(4).pinned})
    with running(tmp_path, app_state=stated) as engine:
        assert engine.block() is not None


def test_an_engine_that_lost_its_blocks_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        session(engine)
    again = Engine([ledger_host(tmp_path / "0.db", chain(4), Count)])
    try:
        with pytest.raises(EngineHalted, match="ahead"):
            again.start()
        with pytest.raises(EngineHalted, match="can't begin again"):
            again._init_chain(0)
    finally:
        again.close()


def test_replicas_that_pin_other_memberships_disagree_at_once(tmp_path: Path) -> None:
    hosts = [ledger_host(tmp_path / "0.db", chain(4), Count), ledger_host(tmp_path / "1.db", chain(5), Count)]
    engine = Engine(hosts)
    try:
        with pytest.raises(EngineHalted, match="wrong app hash"):
            engine.start()
    finally:
        engine.close()


# --- Crashes ----------------------------------------------------------------------------------------------------------


def undisturbed(tmp_path: Path, nodes: int) -> bytes:
    with running(tmp_path / "calm", nodes) as engine:
        session(engine)
        return engine.app_hash


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path) -> None:
    (tmp_path / "calm").mkdir()
    (tmp_path / "wild").mkdir()


@pytest.mark.parametrize("nodes", [1, 4])
def test_a_crash_at_every_message_changes_nothing(tmp_path: Path, nodes: int) -> None:
    """Before and after each message of the session, and of the handshakes that follow, the last node dies once."""
    victim = nodes - 1
    died: set[tuple[int, str, int, str]] = set()
    with running(tmp_path / "wild", nodes) as engine:

        def hook(node: int, kind: str, when: str) -> None:
            stands = (engine.height, kind, engine.hosts[node].application.ledger.height, when)
            if node == victim and stands not in died:
                died.add(stands)
                engine.hosts[node].crash()

        engine.hook = hook
        session(engine)
        engine.hook = lambda node, kind, when: None
        if not engine.hosts[victim].alive:
            engine.restart(victim)
        assert hashes(engine) == {engine.app_hash}
        acknowledged = engine.hosts[victim].application.ledger.height
    kinds = {kind for _, kind, _, _ in died}
    assert kinds >= {"info", "check_tx", "process_proposal", "finalize_block", "commit"}
    assert len(died) > 40
    assert acknowledged == 4
    assert engine.app_hash == undisturbed(tmp_path, nodes)


def test_between_finalize_and_commit_info_tells_the_height_before(tmp_path: Path) -> None:
    bra = Writer("BRA")
    with running(tmp_path) as engine:
        engine.broadcast(bra.say())
        engine.block()
        made = engine._made(2, [bra.say()], START + 20)
        asked = {"txs": made.txs, "hash": made.hash, "height": 2, "time": {"seconds": START + 20}}
        first = engine.ask(0, "consensus", "finalize_block", asked).app_hash
        assert engine.ask(0, "info", "info").last_block_height == 1
        assert engine.ask(0, "consensus", "finalize_block", asked).app_hash == first  # asked again: the same
        engine.hosts[0].crash()
        engine.restart(0)
        assert engine.ask(0, "info", "info").last_block_height == 1
        assert engine.ask(0, "consensus", "finalize_block", asked).app_hash == first


def test_another_block_may_be_decided_after_one_that_was_not_committed(tmp_path: Path) -> None:
    """An engine that died and came back to another decision: the state of the first one is gone."""
    bra, chn = Writer("BRA"), Writer("CHN")
    one, other = bra.say(), chn.say()
    with running(tmp_path) as engine:
        made = engine._made(1, [one], START + 5)
        asked = {"txs": made.txs, "hash": made.hash, "height": 1, "time": {"seconds": START + 5}}
        lost = engine.ask(0, "consensus", "finalize_block", asked).app_hash
        engine.connect(0)
        found = engine.block([other])
        assert found is not None
        assert found.app_hash != lost
        straight = engine.app_hash
    with running(tmp_path / "calm") as calm:
        assert calm.block([other], seconds=found.seconds) is not None
        assert calm.app_hash == straight


def test_a_full_disk_stops_the_engine_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bra = Writer("BRA")
    with running(tmp_path) as engine:
        engine.broadcast(bra.say())
        engine.block()
        store = engine.hosts[0].application.ledger.store
        engine.broadcast(bra.say())
        store._db.execute(f"PRAGMA max_page_count = {store._db.execute('PRAGMA page_count').fetchone()[0]}")
        engine.mempool.extend(bra.say("x" * 40_000) for _ in range(3))
        with pytest.raises(EngineHalted, match="disk is full"):
            engine.block()
        assert engine.ask(0, "info", "info").last_block_height == 1
        engine.hosts[0].crash()
        engine.restart(0)  # with room again: the block is given again
        assert engine.hosts[0].application.ledger.height == 2
        assert hashes(engine) == {engine.blocks[-1].app_hash}


def test_a_ledger_that_comes_to_another_hash_does_not_open(tmp_path: Path) -> None:
    from concordat.errors import TrustError
    from concordat.node.abci_ledger import EngineLedger

    with running(tmp_path) as engine:
        session(engine)

    class Other(Count):
        def take(self, point, time, events):  # type: ignore[no-untyped-def]
            return super().take(point, time + 1, events)

    with pytest.raises(TrustError, match="another hash"):
        EngineLedger(tmp_path / "0.db", chain(4), Other)
    with pytest.raises(TrustError, match="another bloc or membership"):
        EngineLedger(tmp_path / "0.db", chain(5), Count)


# --- Queries ----------------------------------------------------------------------------------------------------------


def test_a_batch_is_proved_up_to_the_app_hash(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        session(engine)
        found = engine.ask(0, "info", "query", {"path": "/batch/3"})
        info = canonical.loads(found.info)
        proof = [bytes.fromhex(node) for node in info["proof"]]
        root = bytes.fromhex(info["root"])
        verify_inclusion(leaf_hash(found.value), info["index"], info["size"], root, proof)
        assert sha256(canonical.dumps({k: info[k] for k in ("root", "state")})).digest() == engine.app_hash
        entry = engine.ask(0, "info", "query", {"path": "/entry/CHN/2"})
        assert leaf_hash(entry.value).hex() in {ref["leaf"] for ref in canonical.loads(found.value)["refs"]}
        head = canonical.loads(engine.ask(0, "info", "query", {"path": "/head"}).value)
        assert (head["height"], bytes.fromhex(head["app_hash"])) == (4, engine.app_hash)


@pytest.mark.parametrize(
    "path", ["", "/", "/batch/2", "/batch/x", "/batch/99999999999999999999", "/entry/BRA/0", "/entry/XXX/1"]
)
def test_a_query_for_what_is_not_there_has_a_code(tmp_path: Path, path: str) -> None:
    with running(tmp_path) as engine:
        session(engine)
        found = engine.ask(0, "info", "query", {"path": path})
        assert (found.code, found.value, bool(found.log)) == (1, b"", True)
        assert engine.ask(0, "info", "query", {"path": "/head", "height": 2}).code == 1


# --- The council ------------------------------------------------------------------------------------------------------


def test_four_replicas_fold_the_council(tmp_path: Path) -> None:
    """The meaning that runs: what the council takes counts, what it refuses is taken up with its reason."""
    are, chn = Writer("ARE"), Writer("CHN")
    opened = {"title": "First session", "begins": "2026-06-01T10:00Z"}
    with running(tmp_path, 4, meaning=CouncilMeaning) as engine:
        engine.broadcast(are.say(type="MeetingOpened", body=opened))
        engine.broadcast(chn.say(type="MeetingOpened", body=opened))  # not the chair
        engine.broadcast(chn.say(type="Said", body={"word": "kept, and ignored"}))
        made = engine.block()
        assert made is not None
        assert [code for code, _ in made.results] == [0, NOT_COUNTED, 0]
        assert len(hashes(engine)) == 1
        councils = [host.application.ledger._meaning.replay.council for host in engine.hosts]
        assert {council.state_hash for council in councils} == {councils[0].state_hash}
        assert [meeting.title for meeting in councils[0].all("meeting")] == ["First session"]
        engine.hosts[1].crash()
        engine.restart(1)
        assert len(hashes(engine)) == 1
