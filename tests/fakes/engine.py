"""A consensus engine for tests: one to four applications over real sockets, with blocks and commits of its own.

It follows what CometBFT 0.38 does as far as an application can see it: four connections; Info, then InitChain or the
blocks that the application lacks; CheckTx at every node; a proposal by one, checked by all; FinalizeBlock and Commit,
app hashes and results held against each other. It agrees with itself, so it shows nothing about consensus and can't
stand for a real engine. Frames, headers and votes are written here by hand, apart from the code under test.

`Host` runs an application in a thread; `crash` cuts its sockets and drops it with whatever was not on the disk.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from concordat.ledger.keys import Ed25519Secret
from concordat.ledger.membership import MembershipChain
from concordat.node.abci import Address, Limits, Server
from concordat.node.abci_genesis import CouncilMeaning
from concordat.node.abci_schema import messages
from concordat.node.sequencer_abci import LedgerApplication
from ledger_kit import mth

START = 1_780_000_000
MAX_TX_BYTES = 1_000_000
LINKS = ("consensus", "mempool", "info", "snapshot")


# --- Bytes, by hand ---------------------------------------------------------------------------------------------------


def varint(number: int) -> bytes:
    """An unsigned varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def piece(number: int, data: bytes | str) -> bytes:
    """A field with a length: text, bytes or a message."""
    raw = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def whole(number: int, value: int) -> bytes:
    """A varint field; nothing for zero."""
    return varint(number << 3) + varint(value % 2**64) if value else b""


def fixed(number: int, value: int) -> bytes:
    """A field of eight bytes; nothing for zero."""
    return varint(number << 3 | 1) + value.to_bytes(8, "little", signed=True) if value else b""


def stamp(seconds: int, nanos: int = 0) -> bytes:
    """A Timestamp."""
    return whole(1, seconds) + whole(2, nanos)


def block_id(hashed: bytes, total: int, parts: bytes) -> bytes:
    """A BlockID: the parts stand there even when empty."""
    inner = whole(1, total) + (piece(2, parts) if parts else b"")
    return (piece(1, hashed) if hashed else b"") + piece(2, inner)


def text_time(seconds: int, nanos: int = 0) -> str:
    """RFC 3339, as the engine's RPC writes it."""
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


# --- Applications -----------------------------------------------------------------------------------------------------


class Host:
    """An application behind a server in a thread of its own, that can die.

    Args:
        make: opens the application; called anew after each crash.
    """

    def __init__(self, make: Callable[[], Any], limits: Limits | None = None, address: str = "tcp://127.0.0.1:0"):
        self._make, self._limits, self._wanted = make, limits, Address.parse(address)
        self.reports: list[str] = []
        self.application: Any = None
        self.alive = False

    def start(self) -> None:
        """Open the application and listen."""
        self.application = self._make()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        self.alive = True

    def _run(self, ready: threading.Event) -> None:
        async def main() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            server = Server(self.application, self._limits, self.reports.append)
            self.address = await server.start(self._wanted)
            ready.set()
            await self._stop.wait()
            await server.close()

        asyncio.run(main())

    def crash(self) -> None:
        """Cut the sockets; what was not committed is gone."""
        if not self.alive:
            return
        self.alive = False
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self.application.close()

    close = crash

    def connect(self) -> socket.socket:
        """A connection to it."""
        address = self.address
        kind = socket.AF_UNIX if address.path else socket.AF_INET
        link = socket.socket(kind, socket.SOCK_STREAM)
        link.settimeout(10)
        link.connect(address.path or (address.host, address.port))
        return link


class Link:
    """One connection of an engine."""

    def __init__(self, host: Host) -> None:
        self.socket = host.connect()
        self._stream = self.socket.makefile("rb")

    def send(self, kind: str, fields: dict[str, Any]) -> None:
        """Send a request."""
        body = messages()["Request"](**{kind: fields}).SerializeToString()
        self.socket.sendall(varint(len(body)) + body)

    def receive(self) -> tuple[str, Any]:
        """(kind, message) of the next response.

        Raises:
            ConnectionError: the application has gone.
        """
        length, shift = 0, 0
        while True:
            byte = self._stream.read(1)
            if not byte:
                raise ConnectionError("the application has gone")
            length |= (byte[0] & 0x7F) << shift
            shift += 7
            if byte[0] < 0x80:
                break
        found = messages()["Response"]()
        found.ParseFromString(self._stream.read(length))
        kind = found.WhichOneof("value") or ""
        return kind, getattr(found, kind) if kind else None

    def call(self, kind: str, fields: dict[str, Any] | None = None) -> Any:
        """The response to a request.

        Raises:
            EngineHalted: the application answered with an exception.
        """
        self.send(kind, fields or {})
        self.send("flush", {})
        found, message = self.receive()
        flushed, _ = self.receive()
        assert flushed == "flush"
        if found == "exception":
            raise EngineHalted(message.error)
        assert found == kind, f"{kind} was answered by {found}"
        return message

    def close(self) -> None:
        self._stream.close()
        self.socket.close()


class EngineHalted(Exception):  # noqa: N818 - what an engine does at an exception
    """The engine stops: an application answered with an exception, or replicas disagree."""


# --- Blocks -----------------------------------------------------------------------------------------------------------


@dataclass
class Made:
    """A block that was decided."""

    height: int
    txs: list[bytes]
    seconds: int
    header: dict[str, Any]
    hash: bytes
    app_hash: bytes = b""  # behind it
    results: list[tuple[int, bytes]] = field(default_factory=list)


class Engine:
    """One to four nodes with an application each.

    Args:
        hosts: the applications. chain_id: of the chain. initial: height of the first block.
        hook: called with (node, kind, "before" or "after") around each request: it may crash the host.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        chain_id: str = "concordat-test",
        initial: int = 1,
        app_state: bytes = b"",
        extensions: bool = False,
    ) -> None:
        self.hosts, self.chain_id, self.initial, self.app_state = list(hosts), chain_id, initial, app_state
        self.extensions = extensions
        self.keys = [Ed25519Secret(sha256(b"validator %d" % i).digest()) for i in range(len(hosts))]
        self.blocks: list[Made] = []
        self.app_hash = b""
        self.mempool: list[bytes] = []
        self.hook: Callable[[int, str, str], None] = lambda node, kind, when: None
        self.calls: list[tuple[int, str]] = []
        self.links: list[dict[str, Link]] = [{} for _ in hosts]
        self.time = START

    @property
    def height(self) -> int:
        return self.blocks[-1].height if self.blocks else 0

    def start(self) -> None:
        """Start every application and shake hands."""
        for node in range(len(self.hosts)):
            self.restart(node)

    def close(self) -> None:
        for node, host in enumerate(self.hosts):
            self._hang_up(node)
            host.close()

    # --- Connections --------------------------------------------------------------------------------------------------

    def _hang_up(self, node: int) -> None:
        for link in self.links[node].values():
            link.close()
        self.links[node] = {}

    def connect(self, node: int) -> None:
        """Four connections, Info, then what the application lacks."""
        self._hang_up(node)
        self.links[node] = {name: Link(self.hosts[node]) for name in LINKS}
        info = self.ask(node, "info", "info", {"version": "0.38.0", "block_version": 11, "p2p_version": 8})
        height = info.last_block_height
        if height == 0:
            self._init_chain(node)
        elif height > self.height:
            raise EngineHalted(f"the application is ahead: {height} > {self.height}")
        else:
            known = next(block for block in self.blocks if block.height == height)
            self._same(node, known.app_hash, info.last_block_app_hash)
        for block in self.blocks:
            if block.height > height:
                self._apply(node, block)

    def _init_chain(self, node: int) -> None:
        found = self.ask(
            node,
            "consensus",
            "init_chain",
            {
                "time": {"seconds": START},
                "chain_id": self.chain_id,
                "validators": [{"pub_key": {"ed25519": key.public}, "power": 10} for key in self.keys],
                "app_state_bytes": self.app_state,
                "initial_height": self.initial,
                "consensus_params": {"block": {"max_bytes": 2**22, "max_gas": -1}},
            },
        )
        first = self.blocks[0].header["app_hash"] if self.blocks else ""
        if not self.blocks:
            self.app_hash = self.app_hash or found.app_hash
        self._same(node, bytes.fromhex(first) if first else self.app_hash, found.app_hash)

    def _same(self, node: int, wanted: bytes, found: bytes) -> None:
        if wanted != found:
            raise EngineHalted(f"node {node}: wrong app hash {found.hex()}, not {wanted.hex()}")

    def ask(self, node: int, link: str, kind: str, fields: dict[str, Any] | None = None) -> Any:
        """One request, with a chance for the host to die before or after it."""
        self.calls.append((node, kind))
        self.hook(node, kind, "before")
        found = self.links[node][link].call(kind, fields)
        self.hook(node, kind, "after")
        return found

    def surely(self, node: int, link: str, kind: str, fields: dict[str, Any]) -> Any:
        """One request, again after a restart if the application died."""
        while True:
            try:
                return self.ask(node, link, kind, fields)
            except (ConnectionError, OSError):
                self.restart(node)

    def restart(self, node: int) -> None:
        """Start a dead application again, as often as it dies in the handshake."""
        while True:
            self._hang_up(node)
            self.hosts[node].start()
            try:
                self.connect(node)
            except (ConnectionError, OSError):
                continue
            return

    # --- Transactions and blocks --------------------------------------------------------------------------------------

    def broadcast(self, tx: bytes) -> list[int]:
        """CheckTx at every node; into the mempool if the first accepts. The codes."""
        codes = [self.surely(node, "mempool", "check_tx", {"tx": tx}).code for node in range(len(self.hosts))]
        if codes[0] == 0:
            self.mempool.append(tx)
        return codes

    def block(self, txs: Sequence[bytes] | None = None, seconds: int | None = None, force: bool = False) -> Made | None:
        """Decide the next block: proposed, checked by all, finalised and committed by all. None if it was rejected.

        Args:
            txs: propose these as they are instead of asking the proposer. force: decide it whatever is voted.
        """
        height = self.height + 1 if self.blocks else self.initial
        self.time = seconds if seconds is not None else self.time + 5
        proposer = height % len(self.hosts)
        about = {
            "height": height,
            "time": {"seconds": self.time, "nanos": 7},
            "proposer_address": self.address(proposer),
        }
        if txs is None:
            asked = {"max_tx_bytes": MAX_TX_BYTES, "txs": self.mempool, **about}
            txs = list(self.surely(proposer, "consensus", "prepare_proposal", asked).txs)
        made = self._made(height, list(txs), self.time)
        votes = [
            self.surely(node, "consensus", "process_proposal", {"txs": list(txs), "hash": made.hash, **about}).status
            for node in range(len(self.hosts))
        ]
        if not force and 3 * sum(vote == 1 for vote in votes) <= 2 * len(votes):
            return None
        if self.extensions:
            self._extend(made, about)
        self.blocks.append(made)
        for node in range(len(self.hosts)):
            try:
                self._apply(node, made)
            except (ConnectionError, OSError):
                self.restart(node)
        self.app_hash = made.app_hash
        self.mempool = [tx for tx in self.mempool if tx not in txs]
        self.mempool = [tx for tx in self.mempool if self._recheck(tx)]
        return made

    def _recheck(self, tx: bytes) -> bool:
        codes = [
            self.surely(node, "mempool", "check_tx", {"tx": tx, "type": 1}).code for node in range(len(self.hosts))
        ]
        return codes[0] == 0

    def _extend(self, made: Made, about: dict[str, Any]) -> None:
        for node in range(len(self.hosts)):
            asked = {"hash": made.hash, "txs": made.txs, **about}
            assert self.surely(node, "consensus", "extend_vote", asked).vote_extension == b""
            checked = {"hash": made.hash, "validator_address": self.address(node), "height": made.height}
            assert self.surely(node, "consensus", "verify_vote_extension", checked).status == 1

    def _apply(self, node: int, made: Made) -> None:
        fields = {
            "txs": made.txs,
            "hash": made.hash,
            "height": made.height,
            "time": {"seconds": made.seconds, "nanos": 7},
            "decided_last_commit": {"round": 0, "votes": []},
        }
        found = self.ask(node, "consensus", "finalize_block", fields)
        results = [(r.code, r.data) for r in found.tx_results]
        assert len(results) == len(made.txs)
        made.app_hash = made.app_hash or found.app_hash
        made.results = made.results or results
        self._same(node, made.app_hash, found.app_hash)
        if made.results != results:
            raise EngineHalted(f"node {node}: other results {results}, not {made.results}")
        assert self.ask(node, "consensus", "commit").retain_height == 0

    # --- Headers and commits ------------------------------------------------------------------------------------------

    def address(self, node: int) -> bytes:
        return sha256(self.keys[node].public).digest()[:20]

    def validators_hash(self) -> bytes:
        order = sorted(range(len(self.keys)), key=self.address)  # equal power: by address
        return mth([piece(1, piece(1, self.keys[i].public)) + whole(2, 10) for i in order])

    def _made(self, height: int, txs: list[bytes], seconds: int) -> Made:
        last = self.blocks[-1] if self.blocks else None
        hashes = {
            "last_commit_hash": sha256(b"last commit").digest(),
            "data_hash": mth([sha256(tx).digest() for tx in txs]),
            "validators_hash": self.validators_hash(),
            "next_validators_hash": self.validators_hash(),
            "consensus_hash": sha256(b"params").digest(),
            "app_hash": self.app_hash,
            "last_results_hash": sha256(b"results").digest(),
            "evidence_hash": mth([]),
            "proposer_address": self.address(height % len(self.keys)),
        }
        last_id = block_id(last.hash, 1, sha256(last.hash).digest()) if last else block_id(b"", 0, b"")
        leaves = [
            whole(1, 11) + whole(2, 1),
            piece(1, self.chain_id),
            whole(1, height),
            stamp(seconds, 7),
            last_id,
            *(piece(1, value) if value else b"" for value in hashes.values()),
        ]
        hashed = mth(leaves)
        parts = {"total": 1, "hash": sha256(last.hash).hexdigest().upper()} if last else {"total": 0, "hash": ""}
        header = {
            "version": {"block": "11", "app": "1"},
            "chain_id": self.chain_id,
            "height": str(height),
            "time": text_time(seconds, 7),
            "last_block_id": {"hash": last.hash.hex().upper() if last else "", "parts": parts},
            **{name: value.hex().upper() for name, value in hashes.items()},
        }
        return Made(height, txs, seconds, header, hashed)

    def commit(self, height: int, signers: Sequence[int] | None = None) -> dict[str, Any]:
        """What `/commit?height=` of the engine's RPC gives under `result`."""
        made = next(block for block in self.blocks if block.height == height)
        parts = sha256(made.hash).digest()
        signatures = []
        for node, key in enumerate(self.keys):
            if signers is not None and node not in signers:
                absent = {"block_id_flag": 1, "validator_address": "", "timestamp": "0001-01-01T00:00:00Z"}
                signatures.append({**absent, "signature": None})
                continue
            vote = (
                whole(1, 2)
                + fixed(2, height)
                + fixed(3, 0)
                + piece(4, block_id(made.hash, 1, parts))
                + piece(5, stamp(made.seconds + 1, node))
                + piece(6, self.chain_id)
            )
            signature = key.sign(varint(len(vote)) + vote)
            signatures.append(
                {
                    "block_id_flag": 2,
                    "validator_address": self.address(node).hex().upper(),
                    "timestamp": text_time(made.seconds + 1, node),
                    "signature": base64.b64encode(signature).decode(),
                }
            )
        block = {"hash": made.hash.hex().upper(), "parts": {"total": 1, "hash": parts.hex().upper()}}
        commit = {"height": str(height), "round": 0, "block_id": block, "signatures": signatures}
        return {"signed_header": {"header": made.header, "commit": commit}, "canonical": True}


# --- Made for tests ---------------------------------------------------------------------------------------------------


def ledger_host(path: Path, chain: MembershipChain, meaning: Any = CouncilMeaning, every: int = 1_000) -> Host:
    """A host of the ledger's application, with its file at a path."""
    host: Host

    def make() -> LedgerApplication:
        return LedgerApplication(path, chain, meaning, every, host.reports.append)

    host = Host(make)
    return host
