"""A state as chunks that another host can load: each at most 1 MiB, all of it checked against the root of a header.

A snapshot is a manifest (canonical JSON: format, the block's header, the scheme document, the hash and length of
each chunk) and chunks of canonical JSON lines: the items of the root, by key, and then the ids by day, in the order in
which they were used. Nothing in it is trusted: chunks must have the manifest's hashes, the items must give the header's
state root, and the ids the running hashes that are items themselves. The header's hash is the reader's to trust.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from concordat import canonical
from concordat.clearing.core.apply import Header
from concordat.clearing.core.model import LARGE_BYTES_MAX, Account, restore
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.state import TABLES, IdRecord, State
from concordat.errors import ConcordatError, TrustError

CHUNK_BYTES_MAX = LARGE_BYTES_MAX
FORMAT = "concordat/clearing-snapshot@1"
_NUMBERS = (
    "balance",
    "reserved",
    "line",
    "frozen",
    "opening",
    "credits",
    "debits",
    "entries",
    "day",
    "day_in",
    "day_out",
)


@dataclass(frozen=True)
class Snapshot:
    """The manifest's canonical bytes, and the chunks."""

    manifest: bytes
    chunks: tuple[bytes, ...]


def take(state: State, header: Header) -> Snapshot:
    """A snapshot of the state behind the block of that header."""
    assert header.hash == state.head
    chunks = tuple(_chunks(_lines(state)))
    manifest = canonical.dumps(
        {
            "chunks": [{"bytes": len(chunk), "sha256": sha256(chunk).hexdigest()} for chunk in chunks],
            "format": FORMAT,
            "header": header.as_dict(),
            "scheme": dict(state.scheme.document),
        }
    )
    return Snapshot(manifest, chunks)


def _lines(state: State) -> Iterator[bytes]:
    for key, value in state.items():
        yield b'["item",' + canonical.dumps(key) + b"," + value + b"]"
    for day in sorted(state.ids_of_day):
        for record in state.ids_of_day[day]:
            yield from _record_lines(record)


def _record_lines(record: IdRecord) -> Iterator[bytes]:
    """An id; the rows of a batch follow in lines of their own, as a batch may be larger than a chunk."""
    head = [
        "id", record.uetr, record.member, record.kind, record.digest.hex(), record.day,
        len(record.leaves), len(record.rows),
    ]  # fmt: skip
    yield canonical.dumps(head)
    for number, leaf in enumerate(record.leaves):
        row = record.rows[number] if record.rows else ""
        yield b'["leaf",' + canonical.dumps(row) + b"," + leaf + b"]"


def _chunks(lines: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for line in lines:
        if size + len(line) + 1 > CHUNK_BYTES_MAX and held:
            yield b"\n".join(held) + b"\n"
            held, size = [], 0
        held.append(line)
        size += len(line) + 1
    if held:
        yield b"\n".join(held) + b"\n"


def load(manifest: bytes, chunks: Sequence[bytes], block_hash: str) -> State:
    """The state of a snapshot.

    Args:
        manifest, chunks: of the snapshot. block_hash: of the block that the reader trusts.

    Raises:
        TrustError: another block, a chunk that is not the manifest's, or content that does not give the state root.
    """
    try:
        facts = canonical.loads(manifest, exact=True)
        header = Header(**facts["header"])
        scheme = Scheme.from_document(facts["scheme"])
        listed = [(one["bytes"], one["sha256"]) for one in facts["chunks"]]
        known_format = facts["format"] == FORMAT and header.hash == block_hash and header.scheme == scheme.hash
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, ConcordatError) as error:
        raise TrustError(f"the manifest can't be read: {error!r}.", where="snapshot", code="snapshot") from None
    if not known_format:
        raise TrustError("the snapshot is of another block, scheme or format.", where="snapshot", code="snapshot")
    if len(listed) != len(chunks):
        raise TrustError(f"{len(chunks)} chunks instead of {len(listed)}.", where="snapshot", code="snapshot")
    for number, (chunk, (size, wanted)) in enumerate(zip(chunks, listed, strict=True)):
        if len(chunk) > CHUNK_BYTES_MAX or len(chunk) != size or sha256(chunk).hexdigest() != wanted:
            raise TrustError("the chunk is not that of the manifest.", where=f"chunk {number}", code="snapshot")
    return assemble(scheme, header, read_parts(chunks))


def assemble(scheme: Scheme, header: Header, parts: Iterable[tuple[str, dict[str, Any]] | IdRecord]) -> State:
    """The state behind a header from its parts: items of the root (key, value as JSON), and ids in their order.

    Raises:
        TrustError: a part can't be read, or the parts don't give the header's state root.
    """
    state = State(scheme)
    try:
        for part in parts:
            if not isinstance(part, IdRecord):
                _put_item(state, *part)
                continue
            for name in part.rows or (part.uetr,):
                state.used_ids[name] = (*state.used_ids.get(name, ()), part)
            state.ids_of_day.setdefault(part.day, []).append(part)
        state.height, state.time_ms, state.head = header.height, header.time_ms, header.hash
        _check(state, header)
    except TrustError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, AttributeError, ConcordatError) as error:
        raise TrustError(f"a part can't be read: {error!r}.", where="snapshot", code="snapshot") from None
    state.seq = int(state.tables["scheme"]["seq"].text) if "seq" in state.tables["scheme"] else 0
    state.rebuild_indexes()
    return state


def read_parts(chunks: Sequence[bytes]) -> Iterator[tuple[str, dict[str, Any]] | IdRecord]:
    """The parts that lie in chunks, in their order, for `assemble`."""
    lines = (json.loads(line) for chunk in chunks for line in chunk.splitlines())
    for line in lines:
        if line[0] == "item":
            yield line[1], line[2]
            continue
        _, uetr, member, kind, digest, day, leaves, rows = line
        parts = [next(lines) for _ in range(leaves)]
        record = IdRecord(
            uetr, member, kind, bytes.fromhex(digest), tuple(canonical.dumps(part[2]) for part in parts), day,
            tuple(part[1] for part in parts) if rows else (),
        )  # fmt: skip
        if len(record.rows) != rows or (not rows and any(part[1] != "" for part in parts)):
            raise ValueError("rows and receipts differ in number")
        yield record


def _put_item(state: State, key: str, value: dict[str, Any]) -> None:
    table, _, name = key.partition("/")
    if table == "account":
        if set(value) != set(_NUMBERS):
            raise KeyError("other fields than an account has")
        numbers = tuple(value[field] is True if field == "frozen" else int(value[field]) for field in _NUMBERS)
        state.accounts[name] = Account(name, numbers)
        state.touched_accounts[name] = None
    else:
        state.put(state.tables[table], name, restore(TABLES[table], value))


def _check(state: State, header: Header) -> None:
    state.journal.clear()
    root = state.root()
    if root != header.state_root:
        what = f"the items give the state root {root}, the header has {header.state_root}."
        raise TrustError(what, where="snapshot", code="state_root")
    days = {str(day) for day in state.ids_of_day}
    if days != set(state.ids):
        raise TrustError("ids of a day are missing, or too many.", where="snapshot", code="ids")
    for day, records in state.ids_of_day.items():
        running = bytes(32)
        for record in records:
            running = sha256(running + record.step()).digest()
        if running.hex() != state.ids[str(day)].text:
            raise TrustError(f"the ids of day {day} are not those of the root.", where="snapshot", code="ids")
        for record, following in zip(records, [*records[1:], None], strict=True):
            _check_record(record, following)


def _check_record(record: IdRecord, following: IdRecord | None) -> None:
    """Whose id it is, and for what, is what its receipts say; the rows of a batch stand before the batch itself.

    The running hash binds receipts and instruction hashes, not how they are filed: a record under another name would
    let its instruction have its effect a second time.
    """
    before_batch = following is not None and (following.kind, following.digest) == ("transfer_batch", record.digest)
    named = record.rows or (record.uetr,)
    facts = [json.loads(leaf) for leaf in record.leaves]
    told = [(one["uetr"], one["member"], one["kind"]) for one in facts]
    good = type(record.day) is int and told == [(uetr, record.member, record.kind) for uetr in named]
    if record.rows:
        good = good and before_batch and following is not None and record.uetr == following.uetr
    if not good or (before_batch and not record.rows):
        raise TrustError(f"an id of day {record.day} is not that of its receipts.", where="snapshot", code="ids")
