"""What a node shows the others at one moment: heads, votes, proofs, state hashes; made by the writer, read by all.

`Published` never changes once it is made; the server answers from it without asking the replica. Tiles and bundles come
from the store by connections of their own (`Tiles`), full ones from memory where they were asked for before: they never
change, unless a log was replaced by the one that a quorum saw, which empties the memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from concordat.errors import InputError
from concordat.ledger.council_log import read_head
from concordat.ledger.replica import Replica
from concordat.ledger.tiles import BITS, HASH, WIDTH, Level, pack_bundle, parse_tile_path, width_at
from concordat.node.beside import Beside
from concordat.node.heads import Heads, heads_of, notes_of
from concordat.node.log_fetch import NOTHING, Stand
from concordat.node.peer_machine import Held
from concordat.node.states import States

TILES_KEPT = 2_048  # of 8 kB
VIEWS_AHEAD = 64


@dataclass(frozen=True)
class Published:
    """What others may read.

    Attributes:
        heads: the answer to `/sync/heads`, as an object and as bytes. tag: its ETag.
        notes: text of the newest head of each log by origin. sizes: entries under it.
        names: origin of each log by its path name (`BRA`, `council/3`). paths: the other way round.
        votes, misconduct: by hash. logs: which log stands under each origin, to see that one was replaced.
    """

    heads: Heads
    data: bytes
    tag: str
    notes: Mapping[str, str]
    sizes: Mapping[str, int]
    names: Mapping[str, str]
    paths: Mapping[str, str]
    votes: Mapping[str, bytes]
    misconduct: Mapping[str, bytes]
    logs: Mapping[str, int]


def publish_now(replica: Replica, states: States, recovery: str) -> Published:
    """What a replica shows now."""
    notes = notes_of(replica)
    known = states.hashes.get(states.batch, "")
    heads = heads_of(replica, notes, state=(states.batch, known), recovery=recovery)
    data = heads.to_bytes()
    names = {log.owner: origin for origin, log in replica.shelf.logs.items()}
    names |= {f"council/{view}": log.origin for view, log in replica.councils.items()}
    texts = {origin: str(note) for origin, note in notes.items()}
    votes = {sha256(v.data).hexdigest(): v.data for by in replica.votes.values() for v in by.values()}
    logs = {origin: id(log) for origin, log in replica.shelf.logs.items()}
    logs |= {log.origin: id(log) for log in replica.councils.values()}
    return Published(
        heads, data, f'"{sha256(data).hexdigest()[:32]}"', texts,
        {origin: read_head(text)[1].size for origin, text in texts.items()}, names,
        {origin: name for name, origin in names.items()}, votes,
        {key: proof.data() for key, proof in replica.accusations.items()}, logs,
    )  # fmt: skip


def from_disk(last: Published, heads: Mapping[str, str]) -> Published:
    """What is shown after the disk has refused: the heads that stand on it, and no more."""
    sizes = {origin: read_head(text)[1].size for origin, text in heads.items()}
    return replace(last, notes=dict(heads), sizes=sizes)


def held_for(replica: Replica, states: States, heads: Heads) -> Held:
    """What is held here, as far as a peer's heads speak of it."""
    stands: dict[str, Stand] = {}
    roots: dict[tuple[str, int], bytes] = {}
    councils = {log.origin: log for log in replica.councils.values()}
    newest = replica.view + VIEWS_AHEAD
    for line in heads.logs:
        log = replica.shelf.logs.get(line.origin) or councils.get(line.origin)
        if log is not None:
            stands[line.origin] = Stand.of(log.size, log.tree)
            if 0 < line.size <= log.size:
                roots[line.origin, line.size] = log.tree.root(line.size)
        elif 0 < replica._view_of(line.origin) <= newest:
            stands[line.origin] = NOTHING
    wanting = {replica.own.origin} if replica.own.submitted_size < replica.own.size else set()
    council = replica.councils.get(replica.view)
    if council is not None and council.chair == replica.me and (council.view, council.size) not in replica.certificates:
        wanting.add(council.origin)
    votes = {sha256(v.data).hexdigest() for by in replica.votes.values() for v in by.values()}
    return Held(
        replica.chain, replica.me, replica.own.origin, stands, roots, replica.shelf.notes, votes,
        set(replica.accusations), replica.highest.place if replica.highest else (0, 0), wanting, states.hashes,
        states.batch,
    )  # fmt: skip


class Tiles(Beside):
    """The tiles and bundles of a store, read beside its writer.

    Args:
        path: the store's file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._local: Any = threading.local()
        self._kept: OrderedDict[tuple[str, Level, int], bytes] = OrderedDict()
        self._logs: dict[str, int] = {}

    def kept(self, published: Published, origin: str, path: str) -> bytes | None:
        """A full tile that is in memory; None if it isn't, or the path is another one."""
        self._check(published)
        try:
            level, index, width = parse_tile_path(path)
        except InputError:
            return None
        return self._kept.get((origin, level, index)) if width == WIDTH else None

    def read(self, published: Published, origin: str, path: str) -> tuple[bytes, bool] | None:
        """A tile or bundle, and whether it is full; None if the log has none there.

        Raises:
            InputError: not the path of a tile.
        """
        level, index, width = parse_tile_path(path)
        size = published.sizes.get(origin, 0)
        there = width_at(0 if level == "entries" else level, index, size)
        if width > there:
            return None
        data = self._bundle(origin, index, width) if level == "entries" else self._tile(origin, level, index, width)
        if data is None:
            return None
        if width == WIDTH and level != "entries":
            with self._guard:
                if self._logs.get(origin) == published.logs.get(origin):  # else it was replaced while this was read
                    self._kept[origin, level, index] = data
                while len(self._kept) > TILES_KEPT:
                    self._kept.popitem(last=False)
        return data, width == WIDTH

    def heads(self) -> dict[str, str]:
        """The heads that stand on the disk."""
        return dict(self._db().execute("SELECT origin, note FROM head ORDER BY origin"))

    def _check(self, published: Published) -> None:
        if self._logs != published.logs:
            replaced = any(published.logs.get(origin, log) != log for origin, log in self._logs.items())
            with self._guard:
                self._logs = dict(published.logs)
                if replaced:
                    self._kept.clear()

    def _db(self) -> Any:
        db = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = self._connect()
        return db

    def _tile(self, origin: str, level: int, index: int, width: int) -> bytes | None:
        query = "SELECT bytes FROM tile WHERE origin = ? AND level = ? AND n = ?"
        row = self._db().execute(query, (origin, level, index)).fetchone()
        whole = row is not None and isinstance(row[0], bytes | bytearray | memoryview) and len(row[0]) >= HASH * width
        return bytes(row[0][: HASH * width]) if whole else None

    def _bundle(self, origin: str, index: int, width: int) -> bytes | None:
        query = "SELECT bytes FROM entry WHERE origin = ? AND idx >= ? AND idx < ? ORDER BY idx"
        start = index << BITS
        rows = self._db().execute(query, (origin, start, start + width)).fetchall()
        return pack_bundle(row[0] for row in rows) if len(rows) == width else None
