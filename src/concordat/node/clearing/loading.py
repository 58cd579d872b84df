"""From a store to a state: founding it, loading the last written state, replaying the tail, comparing every root.

Nothing that is read is believed: headers are held against the hashes that follow them, bodies and receipts of the last
blocks against the roots in their headers, the state against the root of its block, the blocks behind it against
whatever the rules make of them. The first difference raises, and nothing is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from concordat import canonical
from concordat.clearing.core import snapshot as snapshots
from concordat.clearing.core.apply import Block, Header, advance, split_body
from concordat.clearing.core.receipts import leaves_root
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Verify
from concordat.clearing.core.snapshot import Snapshot
from concordat.clearing.core.state import IdRecord, State
from concordat.errors import ConcordatError, InputError, StateError, TrustError
from concordat.node.clearing import tables
from concordat.node.clearing.tables import SCHEMA, Batch, Pending, Store

TAIL = 64
DAMAGED = "Nothing was changed. Run `concordat clearing verify` to see where it begins, and restore a copy."
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_HEADERS = "height, hash, time_ms, header"


@dataclass
class Loaded:
    """What a store held: the state, the header of its last block (None before the first), what waits to be written.

    Attributes:
        first: the height of the first block that may be here. schemes: hashes of those that are stored.
    """

    state: State
    last: Header | None
    pending: Pending
    first: int
    schemes: set[str]


@contextmanager
def driver(store: Store) -> Iterator[None]:
    """What the driver raises, in our words."""
    try:
        yield
    except store.failures as error:
        raise store.explain(error) from None


def is_founded(store: Store) -> bool:
    """Whether a ledger is here.

    Raises:
        TrustError: only parts of one.
    """
    there = store.tables()
    strange = sorted(there & set(tables.TABLES))
    if "meta" not in there and strange:
        what = f"the table meta is missing, and {strange[0]} is there: damaged, or of another program."
        hint = "Nothing was changed. Restore a copy, or choose another place."
        raise TrustError(what, where=store.where, hint=hint, code="damaged")
    return "meta" in there


def no_ledger(store: Store) -> StateError:
    """What is said where nothing was founded yet."""
    hint = "Found it with a scheme: concordat clearing init"
    return StateError("there is no ledger here.", where=store.where, hint=hint, code="no_ledger")


def found(store: Store, scheme: Scheme | None) -> None:
    """Make the tables of a new store, with the state before the first block.

    Raises:
        StateError: no scheme to found it with.
    """
    if scheme is None:
        raise no_ledger(store)
    batch = Batch()
    batch.add("meta", ("schema", str(SCHEMA)), ("scheme", scheme.hash))
    batch.add("scheme", (scheme.hash, canonical.dumps(scheme.document).decode()))
    tables.whole_state(State.genesis(scheme), batch)
    store.create(batch)


def first_scheme(store: Store, given: Scheme | None = None) -> Scheme:
    """The scheme with which a store began; the one given must be it.

    Raises:
        StateError: a newer program wrote the store. TrustError: another scheme, or it is damaged.
    """
    meta = dict(store.rows("meta"))
    version = str(meta.get("schema", ""))
    if not _VERSION.fullmatch(version):
        what = "the version of the tables can't be read."
        raise TrustError(what, where=store.where, hint=DAMAGED, code="damaged")
    if int(version) > SCHEMA:
        what = f"written by a newer program (version {version}; this one reads {SCHEMA}). Nothing was changed."
        raise StateError(what, where=store.where, hint="Install a newer Concordat.", code="newer")
    if given is not None and given.hash != meta.get("scheme"):
        what = f"the ledger here began with another scheme ({meta.get('scheme')}), not {given.hash}."
        raise TrustError(what, where=store.where, hint="A change of scheme is an instruction.", code="other_scheme")
    return stored_scheme(store, meta.get("scheme", ""))


def stored_scheme(store: Store, digest: str) -> Scheme:
    """A scheme by its hash.

    Raises:
        TrustError: it is not there, or has another hash.
    """
    row = next(store.rows("scheme", "WHERE hash = ?", (digest,)), None)
    try:
        scheme = _scheme_of(row[1]) if row else None
    except (ConcordatError, ValueError) as error:
        raise TrustError(
            f"the scheme {digest} can't be read: {error}", where=store.where, hint=DAMAGED, code="scheme"
        ) from None
    if scheme is None or scheme.hash != digest:
        what = f"the scheme {digest} is {'not here' if scheme is None else 'another one'}."
        raise TrustError(what, where=store.where, hint=DAMAGED, code="scheme")
    return scheme


@lru_cache(maxsize=16)
def _scheme_of(document: str) -> Scheme:
    return Scheme.from_document(json.loads(document))


def stored_base(store: Store) -> Snapshot | None:
    """The snapshot from which a store began."""
    parts = [bytes(data) for _, data in store.rows("base", "ORDER BY n")]
    return Snapshot(parts[0], tuple(parts[1:])) if parts else None


def base_header(base: Snapshot) -> Header:
    """The header in a snapshot's manifest; whether it is to be trusted is the reader's to say.

    Raises:
        TrustError: it can't be read.
    """
    try:
        return Header.parse(canonical.dumps(canonical.loads(base.manifest, exact=True)["header"]))
    except (ConcordatError, KeyError, TypeError, ValueError) as error:
        what = f"the manifest can't be read: {error!r}."
        raise TrustError(what, where="the snapshot it began from", hint=DAMAGED, code="snapshot") from None


def load_state(store: Store, verify: Verify, *, tail: int = TAIL) -> Loaded:
    """Load the last written state and replay what is behind it.

    Raises:
        TrustError: anything differs from what the headers say.
    """
    base = stored_base(store)
    start = base_header(base) if base else None
    first = start.height + 1 if start else 1
    state, at = written_state(store, base)
    pending = Pending()
    for height in _heights(store, state.height, first):
        row = block_at(store, height)
        block, _ = read_block(row, state.scheme.name, store.where)
        try:
            applied = advance(state, block, verify)
        except InputError as error:
            raise TrustError(
                error.what, where=f"{store.where}, block {height}", hint=DAMAGED, code=error.code
            ) from None
        pending.take_up(applied.changes(), height)
        at = block.header
    _check_tail(store, first, start, tail)
    return Loaded(state, at, pending, first, {digest for (digest,) in store.rows("scheme", columns="hash")})


def written_state(store: Store, base: Snapshot | None) -> tuple[State, Header | None]:
    """The state as it was written last, and the header whose root it gives.

    Raises:
        TrustError: it gives another root, or a part can't be read.
    """
    row = next(store.rows("block", "WHERE state = 1 ORDER BY height DESC LIMIT 1", (), _HEADERS), None)
    header = read_header(row, store.where) if row else base_header(base) if base else None
    if header is None:
        scheme = first_scheme(store)
        header = _before_the_first(scheme)
    else:
        scheme = stored_scheme(store, header.scheme)
    try:
        state = snapshots.assemble(scheme, header, _parts(store, base))
    except (TrustError, ValueError, LookupError) as error:
        what = error.what if isinstance(error, TrustError) else f"a row of the state can't be read: {error!r}."
        where = f"{store.where}, state at height {header.height}"
        raise TrustError(what, where=where, hint=DAMAGED, code=getattr(error, "code", "") or "state") from None
    if header.height == 0:
        state.head = "0" * 64
        return state, None
    return state, header


def _before_the_first(scheme: Scheme) -> Header:
    """A header that no block has: what the state before the first block must give."""
    nothing = "0" * 64
    return Header(0, nothing, 0, scheme.hash, nothing, nothing, State.genesis(scheme).root())


def _parts(store: Store, base: Snapshot | None) -> Iterator[tuple[str, dict[str, Any]] | IdRecord]:
    """All parts of the written state: items, ids out of the snapshot it began from, ids of the blocks since."""
    days: set[int] = set()
    for key, value in tables.item_parts(store.rows("account"), store.rows("item")):
        if key.startswith("ids/"):
            days.add(int(key[4:]))
        yield key, value
    for part in snapshots.read_parts(base.chunks) if base else ():
        if isinstance(part, IdRecord) and part.day in days:
            yield part
    known: dict[int, list[bytes]] = {}
    for row in store.rows("used", "ORDER BY day, height, n"):
        if row[1] not in known:
            known[row[1]] = tables.receipts_leaves(block_at(store, row[1], "receipts")[0])
        yield tables.used_record(row, known[row[1]])


# --- Blocks -----------------------------------------------------------------------------------------------------------


def block_at(store: Store, height: int, columns: str = "*") -> tuple[Any, ...]:
    """The row of a block that must be there.

    Raises:
        TrustError: it is missing.
    """
    row = next(store.rows("block", "WHERE height = ?", (height,), columns), None)
    if row is None:
        raise TrustError(f"block {height} is missing.", where=store.where, hint=DAMAGED, code="missing_block")
    return row


def _heights(store: Store, behind: int, first: int) -> range:
    row = next(store.rows("block", "ORDER BY height DESC LIMIT 1", (), "height"), None)
    return range(max(behind + 1, first), row[0] + 1 if row else 0)


def read_header(row: tuple[Any, ...], where: str) -> Header:
    """The header of a row (height, hash, time, header), held against the columns beside it.

    Raises:
        TrustError: not a header, or the columns say something else.
    """
    height, digest, time_ms, text = row
    place = f"{where}, block {height}"
    try:
        header = Header.parse(text.encode())
    except (InputError, AttributeError) as error:
        raise TrustError(f"the header can't be read: {error}", where=place, hint=DAMAGED, code="header") from None
    if (header.height, header.hash, header.time_ms) != (height, digest, time_ms):
        what = (
            f"the header has height {header.height}, time {header.time_ms}, hash {header.hash}; its row says otherwise."
        )
        raise TrustError(what, where=place, hint=DAMAGED, code="hash")
    return header


def read_block(row: tuple[Any, ...], scheme: str, where: str) -> tuple[Block, list[bytes]]:
    """A block and its receipts out of its row; nothing is applied or verified.

    Raises:
        TrustError: they can't be read.
    """
    height, digest, time_ms, _, header, body, receipts = row
    place = f"{where}, block {height}"
    found = read_header((height, digest, time_ms, header), where)
    try:
        block = Block.parse(header.encode(), bytes(body), scheme)
    except InputError as error:
        raise TrustError(f"an instruction can't be read: {error}", where=place, hint=DAMAGED, code="body") from None
    assert block.header == found
    return block, tables.receipts_leaves(receipts)


def _check_tail(store: Store, first: int, start: Header | None, tail: int) -> None:
    """The last blocks: one behind the other, bodies and receipts as their headers say."""
    heights = [height for (height,) in store.rows("block", "ORDER BY height DESC LIMIT ?", (tail,), "height")][::-1]
    before = start.hash if start else "0" * 64
    for number, named in enumerate(heights):  # one at a time: together they may have half a gigabyte
        height, digest, time_ms, _, text, body, receipts = block_at(store, named)
        place = f"{store.where}, block {height}"
        header = read_header((height, digest, time_ms, text), store.where)
        if number == 0 and height > first:
            before = header.previous
        expected = heights[0] + number
        if height != expected or (number == 0 and len(heights) < tail and height != first):
            missing = expected if number else first
            raise TrustError(f"block {missing} is missing.", where=store.where, hint=DAMAGED, code="missing_block")
        if header.previous != before:
            raise TrustError("it does not follow the block before it.", where=place, hint=DAMAGED, code="chain")
        try:
            roots = leaves_root(split_body(bytes(body))), leaves_root(tables.receipts_leaves(receipts))
        except InputError as error:
            raise TrustError(f"the body can't be read: {error}", where=place, hint=DAMAGED, code="body") from None
        if (header.instructions_root, header.receipts_root) != (roots[0].hex(), roots[1].hex()):
            raise TrustError("body or receipts are not those of the header.", where=place, hint=DAMAGED, code="roots")
        before = digest
