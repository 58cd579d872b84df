"""The ledger's third stage: an ABCI 2.0 engine gives the members' entries their order, and this gives them meaning.

    CheckTx          one entry: parse, size, strict signature, membership, not yet taken up; no state changes
    PrepareProposal  doubles dropped, sorted by author and number, as much as `max_tx_bytes` and a batch hold
    ProcessProposal  the same checks in full; any difference is a reject
    FinalizeBlock    the batch of that height, the state behind it, the app hash; a code for every transaction
    Commit           one synced transaction; the batch is durable before it is answered; nothing is ever pruned
    Info             the last committed height: after a crash before Commit the engine gives the block again
    ExtendVote       empty; VerifyVoteExtension rejects what isn't empty
    snapshots        `node.abci_snapshot`

Rules: `node.abci_order`; durability and the app hash: `node.abci_ledger`; what the engine signed: `node.abci_commit`.
Block time is ledger time; this node's clock is never asked. An error that must stop the engine is raised, and leaves as
`exception`: a ledger that can't be written, a block of another height, a chain that began elsewhere.

`EngineSequencer` is the same stage as `ledger.sequencer.Sequencer`: what it appends is ordered by the engine and
durable when it returns, and its proof file has the form of every stage.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from concordat import __version__, canonical
from concordat.errors import ConcordatError, InputError, RuleError, StateError, TrustError
from concordat.ledger.entry import Entry
from concordat.ledger.membership import MembershipChain, Point
from concordat.ledger.misconduct import author_fork
from concordat.ledger.note import Checkpoint
from concordat.ledger.sequencer import Receipt
from concordat.ledger.signer import Signer
from concordat.ledger.tiles import TileHashes
from concordat.node import abci_schema as schema
from concordat.node.abci import printable
from concordat.node.abci_genesis import CHAIN_ID, CouncilMeaning, Genesis, Meaning
from concordat.node.abci_ledger import TIME_MAX, VIEW, Block, EngineLedger
from concordat.node.abci_order import MALFORMED, OK, Verdict
from concordat.node.abci_snapshot import EVERY, FORMAT, Restoring, Shelf, Snapshot, forget

CODESPACE = "concordat"
APP_VERSION = 1
FORKS_MAX = 4  # proofs kept of one author
STATE_BYTES_MAX = 10_000
WAIT_S = 30.0


class LedgerApplication:
    """The ledger behind an engine (`node.abci.Application`).

    Args:
        path: the ledger's file; snapshots lie in a folder beside it. chain: the membership versions that are here.
        meaning: makes the state before anything was said. every: heights between snapshots. report: told in words what
            an operator should know.

    Raises:
        StateError, TrustError: the ledger can't be opened.
    """

    def __init__(
        self,
        path: Path,
        chain: MembershipChain,
        meaning: Callable[[MembershipChain], Meaning] = CouncilMeaning,
        every: int = EVERY,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._path, self._chain, self._meaning, self._every, self._report = path, chain, meaning, every, report
        self._restoring: Restoring | None = None
        forget(path)
        self._open()

    def _open(self) -> None:
        self.ledger = EngineLedger(self._path, self._chain, self._meaning)
        self._shelf = Shelf(self.ledger, self._path.with_name(self._path.name + ".snapshots"), self._every)

    def close(self) -> None:
        """Close the ledger; what was not committed is forgotten."""
        if self._restoring is not None:
            self._restoring.drop()
        self.ledger.close()

    def answer(self, kind: str, body: Any) -> Mapping[str, Any]:
        """As `node.abci.Application`."""
        with self.ledger.lock:
            found: Mapping[str, Any] = getattr(self, f"_{kind}")(body)
            return found

    # --- Info and genesis ---------------------------------------------------------------------------------------------

    def _info(self, _: Any) -> Mapping[str, Any]:
        ledger = self.ledger
        return {
            "data": CODESPACE, "version": __version__, "app_version": APP_VERSION, "last_block_height": ledger.height,
            "last_block_app_hash": ledger.app_hash if ledger.height else b"",
        }  # fmt: skip

    def _init_chain(self, body: Any) -> Mapping[str, Any]:
        if not CHAIN_ID.fullmatch(body.chain_id):
            hint = "Letters, digits, dots, dashes and underscores, not digits alone; at most 50."
            what = f'"{printable(body.chain_id)[:60]}" can\'t name a log.'
            raise InputError(what, where="genesis.json, chain_id", hint=hint, code="chain_id")
        self._check_stated(body.app_state_bytes)
        keys = []
        for validator in body.validators:
            key = validator.pub_key.ed25519
            if len(key) != 32 or validator.power < 1:
                what = "a validator without an Ed25519 key or power: its commits couldn't be checked."
                raise InputError(what, where="genesis.json, validators", code="validators")
            keys.append((key, validator.power))
        if not keys or len({key for key, _ in keys}) != len(keys):
            raise InputError("no validators, or one twice.", where="genesis.json", code="validators")
        if not 0 <= body.time.seconds <= TIME_MAX:
            raise InputError("genesis_time is no time.", where="genesis.json", code="time")
        genesis = Genesis(
            self._chain.last.bloc, body.chain_id, self._chain.pinned, max(body.initial_height, 1),
            body.time.seconds, tuple(sorted(keys)),
        )  # fmt: skip
        return {"app_hash": self.ledger.begin(genesis)}

    def _check_stated(self, data: bytes) -> None:
        """`app_state` of the engine's genesis, where it is given, names the bloc and membership that this node pins."""
        try:
            stated = {} if not data else json.loads(data) if len(data) <= STATE_BYTES_MAX else None
        except (ValueError, RecursionError):
            stated = None
        if stated in ({}, "", app_state(self._chain)):
            return
        what = "app_state names another bloc or membership than this node pins."
        hint = "Write what this prints: concordat node abci --genesis"
        raise TrustError(what, where="genesis.json, app_state", hint=hint, code="app_state")

    # --- Mempool ------------------------------------------------------------------------------------------------------

    def _check_tx(self, body: Any) -> Mapping[str, Any]:
        ledger = self.ledger
        if ledger.genesis is None:
            raise StateError("no chain has begun.", where="CheckTx", code="no_chain")
        found = ledger.desk.check(body.tx, Point(VIEW, ledger.next_height), max(ledger.time, ledger.genesis.time, 1))
        if found.forked:
            self._keep_fork(found)
        return result(found)

    def _keep_fork(self, found: Verdict) -> None:
        """Two entries of one author under one number, both signed, are a proof: it is kept beside the log."""
        theirs, store = found.entry, self.ledger.store
        assert theirs is not None
        mine = next(store.entries(self.ledger.member_origin(theirs.author), theirs.seq - 1, theirs.seq), None)
        if mine is None or store.broken:
            return
        proof = author_fork(self._chain, Entry.parse(mine), theirs)
        known = store.papers("misconduct")
        if proof.id in known or sum(key.startswith(f"{theirs.author}/") for key in known) >= FORKS_MAX:
            return
        store.put_paper("misconduct", f"{theirs.author}/{proof.id}", proof.data())
        self._report(f"{proof.sentence()} The proof is kept.")

    # --- Consensus ----------------------------------------------------------------------------------------------------

    def _prepare_proposal(self, body: Any) -> Mapping[str, Any]:
        point, seconds = Point(VIEW, self._expected(body.height)), self.ledger.block_time(body.time.seconds)
        return {"txs": self.ledger.desk.arrange(list(body.txs), body.max_tx_bytes, point, seconds)}

    def _process_proposal(self, body: Any) -> Mapping[str, Any]:
        try:
            point = Point(VIEW, self._expected(body.height))
            self.ledger.desk.require_arranged(list(body.txs), point, self.ledger.block_time(body.time.seconds))
        except ConcordatError as error:
            self._report(f"proposal of height {body.height} rejected: {error}")
            return {"status": schema.REJECT}
        return {"status": schema.ACCEPT}

    def _expected(self, height: int) -> int:
        wanted = self.ledger.next_height
        if height != wanted:
            raise StateError(f"height {height:,}; the next is {wanted:,}.", where="proposal", code="height")
        return wanted

    def _extend_vote(self, _: Any) -> Mapping[str, Any]:
        return {}

    def _verify_vote_extension(self, body: Any) -> Mapping[str, Any]:
        return {"status": schema.REJECT if body.vote_extension else schema.ACCEPT}

    def _finalize_block(self, body: Any) -> Mapping[str, Any]:
        block = Block(body.height, body.hash, body.time.seconds, tuple(body.txs))
        found = self.ledger.finalize(block)
        for index, verdict in enumerate(found.verdicts):
            if verdict.code != OK:
                self._report(f"height {block.height}, transaction {index}: {verdict.words}")
        answer: dict[str, Any] = {"tx_results": [result(v) for v in found.verdicts], "app_hash": found.app_hash}
        if found.leaf:
            stated = {"number": str(block.height), "entries": str(len(found.entries))}
            listed = [{"key": key, "value": value, "index": True} for key, value in stated.items()]
            answer["events"] = [{"type": "batch", "attributes": listed}]
        return answer

    def _commit(self, _: Any) -> Mapping[str, Any]:
        self.ledger.commit()
        return {"retain_height": 0}

    # --- Query --------------------------------------------------------------------------------------------------------

    def _query(self, body: Any) -> Mapping[str, Any]:
        try:
            if body.height not in (0, self.ledger.height):
                raise InputError("only the last committed height can be asked.", where="height", code="height")
            return {"height": self.ledger.height, "codespace": CODESPACE, **self._asked(body.path)}
        except ConcordatError as error:
            words = printable(str(error))
            return {"code": MALFORMED, "log": words, "codespace": CODESPACE, "height": self.ledger.height}

    def _asked(self, path: str) -> Mapping[str, Any]:
        """`/head`, `/batch/<height>` with its inclusion proof in `info`, `/entry/<member>/<seq>`."""
        if self.ledger.genesis is None:
            raise StateError("no chain has begun.", where="query", code="no_chain")
        parts = path.strip("/").split("/")
        numbered = len(parts) > 1 and parts[-1].isascii() and parts[-1].isdecimal() and len(parts[-1]) < 17
        if parts == ["head"]:
            return {"value": canonical.dumps(self.ledger.head())}
        if parts[0] == "batch" and len(parts) == 2 and numbered:
            leaf, index, proof = self.ledger.proof(int(parts[1]))
            stated = {**self.ledger.head(), "index": index, "proof": [node.hex() for node in proof]}
            return {"index": index, "value": leaf, "info": canonical.dumps(stated).decode()}
        if parts[0] == "entry" and len(parts) == 3 and numbered:
            index = int(parts[2]) - 1
            origin = self.ledger.member_origin(parts[1])
            data = next(self.ledger.store.entries(origin, index, index + 1), None) if index >= 0 else None
            if data is None:
                raise InputError(f"{parts[1]} {parts[2]} was not taken up.", where="query", code="no_entry")
            return {"index": index, "key": origin.encode(), "value": data}
        raise InputError("ask /head, /batch/HEIGHT or /entry/MEMBER/SEQ.", where="query", code="path")

    # --- Snapshots ----------------------------------------------------------------------------------------------------

    def _list_snapshots(self, _: Any) -> Mapping[str, Any]:
        listed = self._shelf.listed()
        return {
            "snapshots": [
                {"height": s.height, "format": FORMAT, "chunks": s.chunks, "hash": s.hash, "metadata": s.metadata}
                for s in listed
            ]
        }

    def _load_snapshot_chunk(self, body: Any) -> Mapping[str, Any]:
        return {"chunk": self._shelf.chunk(body.height, body.chunk) if body.format == FORMAT else b""}

    def _offer_snapshot(self, body: Any) -> Mapping[str, Any]:
        if self.ledger.height:
            self._report(f"snapshot refused: this ledger stands at height {self.ledger.height:,} already.")
            return {"result": schema.OFFER_ABORT}
        offered = body.snapshot
        if offered.format != FORMAT:
            return {"result": schema.OFFER_REJECT_FORMAT}
        found = Snapshot(offered.height, offered.chunks, offered.metadata)
        if self._restoring is not None:
            self._restoring.drop()
            self._restoring = None
        try:
            if found.hash != offered.hash or not 0 < found.height < 2**53:
                raise InputError("its hash is not that of its metadata.", where="snapshot", code="snapshot")
            self._restoring = Restoring(
                found, body.app_hash, self._path, lambda path: EngineLedger(path, self._chain, self._meaning)
            )
        except InputError as error:
            self._report(f"snapshot refused: {error}")
            return {"result": schema.OFFER_REJECT}
        return {"result": schema.OFFER_ACCEPT}

    def _apply_snapshot_chunk(self, body: Any) -> Mapping[str, Any]:
        restoring = self._restoring
        if restoring is None:
            return {"result": schema.APPLY_ABORT}
        if not restoring.holds(body.index, body.chunk):
            wanted = {"refetch_chunks": [body.index], "reject_senders": [body.sender] if body.sender else []}
            return {"result": schema.APPLY_RETRY, **wanted}
        try:
            if restoring.apply(body.chunk):
                self._replace(restoring)
        except (InputError, TrustError) as error:
            restoring.drop()
            self._restoring = None
            self._report(f"snapshot refused: {error}")
            return {"result": schema.APPLY_REJECT_SNAPSHOT}
        return {"result": schema.APPLY_ACCEPT}

    def _replace(self, restoring: Restoring) -> None:
        """Put the restored ledger in the place of the empty one; who holds its lock keeps it."""
        lock, moved = self.ledger.lock, self.ledger.moved
        self.ledger.close()
        restoring.install()
        self._restoring = None
        self._open()
        self.ledger.lock, self.ledger.moved = lock, moved


def result(verdict: Verdict) -> dict[str, Any]:
    """The fields of a transaction's result; only `code` and `data` are part of what replicas agree on."""
    found: dict[str, Any] = {"code": verdict.code, "log": printable(verdict.words)}
    if verdict.entry is not None:
        found["data"] = bytes.fromhex(verdict.entry.id)
    if verdict.code != OK:
        found["codespace"] = CODESPACE
    return found


def app_state(chain: MembershipChain) -> dict[str, str]:
    """What `app_state` of the engine's genesis says, so that every node begins from the same membership."""
    return {"bloc": chain.last.bloc, "membership": chain.pinned}


class EngineSequencer:
    """Appends through an engine (`ledger.sequencer.Sequencer`): for a member's own entries, in order.

    Args:
        application: this node's replica, which the engine drives. signer: this node's keys. now: seconds since 1970.
        broadcast: hands one envelope to the engine. wait_s: how long to wait for a block.
    """

    def __init__(
        self,
        application: LedgerApplication,
        signer: Signer,
        now: Callable[[], int],
        broadcast: Callable[[bytes], None],
        wait_s: float = WAIT_S,
    ) -> None:
        self._application, self._signer, self._now = application, signer, now
        self._broadcast, self._wait_s = broadcast, wait_s

    def append(self, batch: Sequence[Entry]) -> Receipt:
        """Hand the entries in, wait until a block has taken them up, and sign the head of this member's log.

        Raises:
            RuleError: entries of another member, or with gaps. StateError: no block took them up in time; they may
                still be taken up, and handing them in again does no harm.
        """
        member = self._signer.member
        numbers = [entry.seq for entry in batch]
        if not batch or any(e.author != member for e in batch) or numbers != list(range(numbers[0], numbers[-1] + 1)):
            raise RuleError(f"a node hands in its own entries, one after the other: {member}.", code="not_own")
        for entry in batch:
            self._broadcast(entry.leaf)
        ledger = self._application.ledger
        last = batch[-1]
        end = time.monotonic() + self._wait_s
        with ledger.lock:
            while ledger.tails.get(member) is None or ledger.tails[member].size < last.seq:
                left = end - time.monotonic()
                if left <= 0 or not ledger.moved.wait(left):
                    what = f"{member} {last.seq} was handed in, and no block took it up in {self._wait_s:g} s."
                    hint = "It may still be taken up; handing it in again does no harm."
                    raise StateError(what, where="engine", hint=hint, code="not_ordered")
            return self._receipt(ledger, batch)

    def _receipt(self, ledger: EngineLedger, batch: Sequence[Entry]) -> Receipt:
        origin, store = ledger.member_origin(self._signer.member), ledger.store
        size = store.size(origin)
        stored = list(store.entries(origin, batch[0].seq - 1, batch[-1].seq))
        if stored != [entry.leaf for entry in batch]:
            raise TrustError("the engine took up other entries under these numbers.", where=origin, code="forked")
        hashes = TileHashes(store.reader(origin), size)
        head = Checkpoint(origin, size, store.root(origin))
        note = self._signer.head(head, self._now(), lambda n: root_at(ledger, origin, n))
        return Receipt(origin, batch[0].seq - 1, tuple(entry.id for entry in batch), note, hashes)


def root_at(ledger: EngineLedger, origin: str, size: int) -> bytes:
    """The root over the first entries of a log."""
    from concordat.ledger.merkle import root_of

    return root_of(size, TileHashes(ledger.store.reader(origin), ledger.store.size(origin)))
