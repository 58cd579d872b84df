"""Which tables a durable host keeps, the same in SQLite and PostgreSQL, and how a block becomes their rows.

    meta     schema version, the hash of the first scheme
    scheme   every scheme that was in force, by hash, as canonical JSON
    block    height, hash, time, header (canonical JSON), body (signed instructions), receipts (a JSON array, one
             a line); state: whether the state was written with it
    account  each account as of the last written state; turnover as text, as it may pass 64 bits
    item     every other record of the state root, by its key, as canonical JSON
    used     ids that are still remembered: the instruction's hash and where its receipts stand
    run, place   where the receipts of an id stand, in sorted runs (`places`)
    base     the snapshot from which this host began, if it did

A block's rows go in one transaction. The log (`block`) is the truth; the state beside it saves replaying at a start,
and its root is compared with the header's before it is used. Receipts keep their exact bytes: a line of the array is
the leaf that was hashed, since canonical JSON holds no raw line break.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from concordat.clearing.core.apply import Block
from concordat.clearing.core.model import Account, plain
from concordat.clearing.core.state import Changes, IdRecord, State
from concordat.errors import ConcordatError

SCHEMA = 1


class Table(NamedTuple):
    """A table: (column, kind) with kind `int` (64 bits), `text` or `bytes`; the first `keys` columns are its key."""

    name: str
    columns: tuple[tuple[str, str], ...]
    keys: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns."""
        return tuple(name for name, _ in self.columns)


def _table(name: str, columns: str, keys: int = 1) -> Table:
    pairs = [part.split(":") for part in columns.split()]
    return Table(name, tuple((column, kind) for column, kind in pairs), keys)


TABLES = {
    table.name: table
    for table in (
        _table("meta", "key:text value:text"),
        _table("scheme", "hash:text document:text"),
        _table("block", "height:int hash:text time_ms:int state:int header:text body:bytes receipts:text"),
        _table(
            "account",
            "id:text balance:int reserved:int line:int frozen:int opening:int credits:text debits:text entries:int"
            " day:int day_in:text day_out:text",
        ),
        _table("item", "key:text value:text"),
        _table(
            "used",
            "day:int height:int n:int uetr:text member:text kind:text digest:bytes rows:int places:text",
            keys=3,
        ),
        _table("run", "run:int level:int entries:int last:int"),
        _table("place", "run:int first:bytes entries:bytes", keys=2),
        _table("base", "n:int bytes:bytes"),
    )
}
# How an account's values stand in its row: the places of `Account.values` that are text there.
_AS_TEXT = (5, 6, 9, 10)
_ACCOUNT_FIELDS = (
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
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


@dataclass
class Batch:
    """What one transaction writes: table -> rows put in or replaced, table -> keys (or their first parts) taken out."""

    put: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    drop: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)

    def add(self, table: str, *rows: tuple[Any, ...]) -> None:
        """Rows to put in."""
        if rows:
            self.put.setdefault(table, []).extend(rows)

    def remove(self, table: str, *keys: tuple[Any, ...]) -> None:
        """Keys to take out, before anything is put in."""
        if keys:
            self.drop.setdefault(table, []).extend(keys)


class Store(Protocol):
    """A database that holds the tables; `sqlite` and `postgres` are the two.

    Attributes:
        where: how messages call it. failures: what its driver raises.
    """

    where: str
    failures: tuple[type[BaseException], ...]

    def begin(self, batch: Batch) -> None:
        """Begin a transaction with these rows."""
        ...

    def commit(self) -> None:
        """End it: when this returns, all of the batch is on the disk; if it raises, none is known to be."""
        ...

    def write(self, batch: Batch) -> None:
        """Both in one."""
        ...

    def rows(
        self, table: str, where: str = "", values: Sequence[Any] = (), columns: str = "*"
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of a table in the order of `where` (SQL behind FROM, parameters as `?`)."""
        ...

    def tables(self) -> set[str]:
        """The tables that are there."""
        ...

    def create(self, batch: Batch) -> None:
        """Make the tables and put their first rows in, in one transaction."""
        ...

    def explain(self, error: BaseException) -> ConcordatError:
        """What its driver raised, as an error of ours."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """What is read inside is of one moment."""
        ...

    def check(self) -> None:
        """The database's own check of its pages, where it has one.

        Raises:
            TrustError: it found damage.
        """
        ...

    def settle(self) -> None:
        """Make sure that what can be read is on the disk: a writer may have been killed before it flushed."""
        ...

    def close(self, *, untouched: bool = False) -> None:
        """Let go of the database and of the writer's lock; `untouched` leaves its files exactly as they are."""
        ...


# --- Rows of a block ------------------------------------------------------------------------------------------------


def receipts_text(leaves: Sequence[bytes]) -> str:
    """The receipts of a block as a JSON array with one receipt a line."""
    return "[" + b",\n".join(leaves).decode() + "]"


def receipts_leaves(text: str) -> list[bytes]:
    """The bytes of each receipt."""
    return text[1:-1].encode().split(b",\n") if len(text) > 2 else []


def block_row(block: Block, leaves: Sequence[bytes], *, state: bool) -> tuple[Any, ...]:
    """The row of a block; `state` says that the state behind it is written in the same transaction."""
    header = block.header
    written = header.canonical().decode()
    return (header.height, header.hash, header.time_ms, int(state), written, block.body(), receipts_text(leaves))


def account_row(account: Account) -> tuple[Any, ...]:
    """An account's row."""
    values = account.values()
    return (
        account.id,
        *(str(value) if place in _AS_TEXT else int(value) for place, value in enumerate(values)),
    )


@dataclass
class Pending:
    """What has changed in the state since it was last written."""

    accounts: dict[str, None] = field(default_factory=dict)
    items: dict[tuple[str, str], None] = field(default_factory=dict)
    used: list[tuple[Any, ...]] = field(default_factory=list)
    days: dict[int, None] = field(default_factory=dict)

    def take_up(self, changes: Changes, height: int) -> None:
        """Remember what a block wrote."""
        self.accounts.update(dict.fromkeys(changes.accounts))
        self.items.update(dict.fromkeys(changes.items))
        self.days.update(dict.fromkeys(changes.days))
        self.used.extend(used_row(record, height, n) for n, record in enumerate(changes.ids))

    def flush(self, state: State, batch: Batch) -> None:
        """Put it into a batch as it stands now, and forget it."""
        gone = set(self.days)
        batch.remove("used", *((day,) for day in sorted(gone)))
        batch.add("used", *(row for row in self.used if row[0] not in gone))
        for name in sorted(self.accounts):
            account = state.accounts.get(name)
            if account is None:
                batch.remove("account", (name,))
            else:
                batch.add("account", account_row(account))
        for table, key in sorted(self.items):
            record = state.tables[table].get(key)
            if record is None:
                batch.remove("item", (f"{table}/{key}",))
            else:
                batch.add("item", (f"{table}/{key}", _encode(plain(record))))
        self.accounts, self.items, self.used, self.days = {}, {}, [], {}


def whole_state(state: State, batch: Batch) -> None:
    """All accounts and records of a state, for an empty database."""
    pending = Pending()
    pending.accounts.update(dict.fromkeys(state.accounts))
    for name, table in state.tables.items():
        pending.items.update(dict.fromkeys((name, key) for key in table))
    pending.flush(state, batch)


def used_row(record: IdRecord, height: int, n: int) -> tuple[Any, ...]:
    """The row of an id: its receipts by their places in the block, `first+count` where they are neighbours."""
    count = len(record.leaves)
    first = leaf_index(record.leaves[0])
    last = leaf_index(record.leaves[-1]) if count > 1 else first
    if last - first + 1 == count:
        places = f"{first}+{count}"
    else:
        places = ",".join(str(leaf_index(leaf)) for leaf in record.leaves)
    rows = int(bool(record.rows))
    return (record.day, height, n, record.uetr, record.member, record.kind, record.digest, rows, places)


def leaf_index(leaf: bytes) -> int:
    """The place of a receipt in its block, read from its bytes."""
    start = leaf.index(b'"index":') + 8
    return int(leaf[start : leaf.index(b",", start)])


def leaf_height(leaf: bytes) -> int:
    """The height of a receipt's block, read from its bytes."""
    start = leaf.index(b'"height":') + 9
    return int(leaf[start : leaf.index(b",", start)])


def leaf_uetr(leaf: bytes) -> str:
    """The id of a receipt, read from its bytes; no key that may stand behind it holds text of others."""
    start = leaf.rindex(b'"uetr":"') + 8
    return leaf[start : start + 36].decode()


# --- Rows back to a state -------------------------------------------------------------------------------------------


def item_parts(
    accounts: Iterable[tuple[Any, ...]], items: Iterable[tuple[Any, ...]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of `account` and `item` as items of the state root, (key, value)."""
    for row in accounts:
        values = {name: str(value) for name, value in zip(_ACCOUNT_FIELDS, row[1:], strict=True)}
        yield "account/" + row[0], {**values, "frozen": bool(row[4])}
    for key, value in items:
        yield key, json.loads(value)


def used_record(row: tuple[Any, ...], leaves: Sequence[bytes]) -> IdRecord:
    """A row of `used` as a record; `leaves` are the receipts of its height.

    Raises:
        LookupError, ValueError: it names receipts that are not there.
    """
    day, height, _, uetr, member, kind, digest, batch, places = row
    first, plus, count = places.partition("+")
    if plus:
        found = tuple(leaves[int(first) : int(first) + int(count)])
        if len(found) != int(count):
            raise IndexError(f"block {height} has fewer receipts than an id says")
    else:
        found = tuple(leaves[int(place)] for place in places.split(","))
    named = tuple(leaf_uetr(leaf) for leaf in found) if batch else ()
    return IdRecord(uetr, member, kind, bytes(digest), found, day, named)
