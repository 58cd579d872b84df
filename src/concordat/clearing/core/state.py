"""All that the ledger knows after a block: tables of records, ids already used, indexes, and how a block is undone.

A `State` is written in place, and every write keeps what stood before in a journal, so that a proposal or a check
leaves no trace: `undo` plays the journal back and the root is the one before. `apply` (in `core.apply`) hides this
behind a copy. Tables are dictionaries by text keys; their records are items of the state root under `<table>/<key>`.
Whatever is looked through is looked through in the order of keys or of `seq`, never of insertion.

Ids. Key (UETR, member, kind). An id stands in memory until a day after its instruction's last moment; a resend after
that is refused as expired by its own `valid_until`. Ids are no items of the root: one running hash for each day of
expiry is, SHA-256(previous || instruction hash || SHA-256 of the receipts, a line each). A batch is one step of it.

Derived indexes (`queue_of`, `trades_of`, `due`) hold nothing that the tables don't; `rebuild_indexes` makes them again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from concordat import canonical
from concordat.clearing.core.model import (
    DAY_MS,
    Account,
    Band,
    Closed,
    Flow,
    Holds,
    Key,
    Limits,
    Member,
    Money,
    Obligation,
    Payment,
    Quota,
    Recall,
    Reservation,
    Returned,
    Text,
    Trade,
    Used,
    Waiting,
    currency_of,
    is_issue,
    issue_account,
    owner_of,
    plain,
)
from concordat.clearing.core.root import Buckets
from concordat.clearing.core.scheme import Scheme

# Table -> the type of its records.
TABLES: dict[str, Any] = {
    "member": Member,
    "money": Money,
    "limits": Limits,
    "flow": Flow,
    "used": Used,
    "quota": Quota,
    "band": Band,
    "payment": Payment,
    "closed": Closed,
    "returned": Returned,
    "reservation": Reservation,
    "trade": Trade,
    "obligation": Obligation,
    "holds": Holds,
    "recall": Recall,
    "ids": Text,
    "scheme": Text,
    "waiting": Waiting,
}
_MISSING: Any = object()
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class Table(dict[str, Any]):
    """One table: its name is the first part of its items' keys in the root."""

    __slots__ = ("name",)

    def __init__(self, name: str, rows: Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__(rows)
        self.name = name


class IdRecord(NamedTuple):
    """An id that was used: by whom, for what, the instruction's hash, its receipts' bytes, its last day.

    A batch has one record for itself and one (`rows` set) that all its rows share.
    """

    uetr: str
    member: str
    kind: str
    digest: bytes
    leaves: tuple[bytes, ...]
    day: int
    rows: tuple[str, ...] = ()

    def step(self) -> bytes:
        """What the running hash of its day takes up."""
        return self.digest + sha256(b"\n".join(self.leaves)).digest()


class Changes(NamedTuple):
    """What one block wrote, for hosts that keep the state outside of memory.

    Attributes:
        accounts: ids of the accounts written. items: (table, key) of the records written or dropped, sorted.
        ids: used in this block, in order. days: whose ids were forgotten.
    """

    accounts: tuple[str, ...]
    items: tuple[tuple[str, str], ...]
    ids: tuple[IdRecord, ...]
    days: tuple[int, ...]


class State:
    """The ledger after a block. Made by `genesis` or from a snapshot, then moved on by `core.apply` alone.

    Attributes:
        scheme: the rules in force. height, time_ms, head: of the last block (0, 0 and 64 zeros before the first).
        accounts: by id. The tables of `TABLES` are attributes of their names.
        seq: how many payments and trades have ever waited.
    """

    member: Table
    money: Table
    limits: Table
    flow: Table
    used: Table
    quota: Table
    band: Table
    payment: Table
    closed: Table
    returned: Table
    reservation: Table
    trade: Table
    obligation: Table
    holds: Table
    recall: Table
    ids: Table
    waiting: Table

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.height = 0
        self.time_ms = 0
        self.head = "0" * 64
        self.seq = 0
        self.accounts: dict[str, Account] = {}
        self.tables = {name: Table(name) for name in TABLES}
        for name, table in self.tables.items():
            if name != "scheme":
                setattr(self, name, table)
        self.used_ids: dict[str, tuple[IdRecord, ...]] = {}
        self.ids_of_day: dict[int, list[IdRecord]] = {}
        self._fresh: list[IdRecord] = []
        self.tags: dict[str, int] = {}
        self.queue_of: dict[str, dict[str, None]] = {}
        self.trades_of: dict[str, dict[str, None]] = {}
        self.due: dict[int, dict[str, None]] = {}
        self.buckets = Buckets()
        self.journal: list[tuple[Any, ...]] = []
        self.mark = 0
        self._touched: dict[tuple[str, str], None] = {}
        self.touched_accounts: dict[str, None] = {}

    @classmethod
    def genesis(cls, scheme: Scheme) -> State:
        """The state before the first block: members and currencies of the scheme, no money."""
        state = cls(scheme)
        state.adopt(scheme)
        state.journal.clear()
        return state

    def adopt(self, scheme: Scheme, height: int = 0) -> None:
        """Put a scheme in force: add what is new in it; members that it leaves out are suspended."""
        self.journal.append((self._set_scheme, self.scheme))
        self.scheme = scheme
        self.put(self.tables["scheme"], "hash", Text(scheme.hash))
        for code, currency in scheme.currencies.items():
            if code not in self.money:
                self.put(self.money, code, Money())
            self.open_account(issue_account(currency.issuer, code))
        for bic8, named in scheme.members.items():
            known = self.member.get(bic8)
            keys = known.keys if known else (Key(scheme.keys[bic8], height, None),)
            since, leaves = (known.since, known.leaves) if known else (height, None)
            record = Member(bic8, named.lei, named.supervisor, named.currencies, keys, since, None, leaves)
            if record != known:
                self.put(self.member, bic8, record)
        for bic8 in sorted(set(self.member) - set(scheme.members)):
            if height and self.member[bic8].suspended is None:
                self.put(self.member, bic8, self.member[bic8]._replace(suspended=height))

    def _set_scheme(self, scheme: Scheme) -> None:
        self.scheme = scheme

    # --- Writing --------------------------------------------------------------------------------------------------

    def put(self, table: Table, key: str, value: Any) -> None:
        """Write a record."""
        self.journal.append((table, key, table.get(key, _MISSING)))
        table[key] = value
        self._touched[table.name, key] = None

    def drop(self, table: Table, key: str) -> None:
        """Take a record out; nothing happens if there is none."""
        old = table.pop(key, _MISSING)
        if old is not _MISSING:
            self.journal.append((table, key, old))
            self._touched[table.name, key] = None

    def write(self, account: Account) -> Account:
        """The account, about to change: what it held is kept once a block."""
        if account.mark != self.mark:
            account.mark = self.mark
            self.journal.append((account, account.values()))
            self.touched_accounts[account.id] = None
        return account

    def open_account(self, name: str) -> Account:
        """The account of that id, opened empty if it is new."""
        account = self.accounts.get(name)
        if account is None:
            account = self.accounts[name] = Account(name)
            account.mark = self.mark
            self.journal.append((self._close_account, name))
            self.touched_accounts[name] = None
            self._count_tag(name, 1)
        return account

    def _close_account(self, name: str) -> None:
        del self.accounts[name]
        self.touched_accounts[name] = None
        self._count_tag(name, -1)

    def _count_tag(self, name: str, step: int) -> None:
        if len(name) > 12 and not is_issue(name):
            self.tags[name[:12]] = self.tags.get(name[:12], 0) + step

    def link(self, index: dict[Any, dict[str, None]], outer: Any, inner: str) -> None:
        """Add to a derived index."""
        index.setdefault(outer, {})[inner] = None
        self.journal.append((self._unlink, index, outer, inner))

    def unlink(self, index: dict[Any, dict[str, None]], outer: Any, inner: str) -> None:
        """Take out of a derived index; nothing happens if it is not there."""
        if inner in index.get(outer, ()):
            self._unlink(index, outer, inner)
            self.journal.append((self._relink, index, outer, inner))

    @staticmethod
    def _unlink(index: dict[Any, dict[str, None]], outer: Any, inner: str) -> None:
        del index[outer][inner]
        if not index[outer]:
            del index[outer]

    @staticmethod
    def _relink(index: dict[Any, dict[str, None]], outer: Any, inner: str) -> None:
        index.setdefault(outer, {})[inner] = None

    def next_seq(self) -> int:
        """A place behind all that ever waited."""
        self.journal.append((self._set_seq, self.seq))
        self.seq += 1
        return self.seq

    def _set_seq(self, seq: int) -> None:
        self.seq = seq

    def savepoint(self) -> int:
        """A place in the journal to which `rewind` may go back inside a block."""
        self.mark += 1  # accounts written from here on are kept once more
        return len(self.journal)

    # --- Ids ------------------------------------------------------------------------------------------------------

    def find_id(self, uetr: str, member: str, kind: str) -> IdRecord | None:
        """The record of an id, None if it was not used (or so long ago that it has been forgotten)."""
        for record in self.used_ids.get(uetr, ()):
            if record.member == member and record.kind == kind:
                return record
        return None

    def use_id(self, record: IdRecord) -> None:
        """Remember an id (or those of a batch's rows) until its day."""
        known = self.used_ids
        if record.rows:
            if known.keys().isdisjoint(record.rows):
                known.update(dict.fromkeys(record.rows, (record,)))
            else:
                for uetr in record.rows:
                    known[uetr] = (*known.get(uetr, ()), record)
        else:
            known[record.uetr] = (*known.get(record.uetr, ()), record)
        self.ids_of_day.setdefault(record.day, []).append(record)
        self.journal.append((self._forget, record))
        self._fresh.append(record)

    def end_block(self) -> None:
        """Take the ids used in this block up into the running hashes of their days, and `seq` into the root."""
        running: dict[int, bytes] = {}
        for record in self._fresh:
            before = running.get(record.day)
            if before is None:
                known = self.ids.get(str(record.day))
                before = bytes.fromhex(known.text) if known else bytes(32)
            running[record.day] = sha256(before + record.step()).digest()
        self._fresh.clear()
        for day, found in running.items():
            self.put(self.ids, str(day), Text(found.hex()))
        own = self.tables["scheme"]
        if own.get("seq", Text("0")).text != str(self.seq):
            self.put(own, "seq", Text(str(self.seq)))

    def _forget(self, record: IdRecord) -> None:
        """The last record of its day, and with it the ids."""
        self._fresh.clear()  # only a whole block is undone: what it had not hashed yet is given up with it
        found = self.ids_of_day[record.day].pop()
        assert found is record
        if not self.ids_of_day[record.day]:
            del self.ids_of_day[record.day]
        self._drop_names(record)

    def _drop_names(self, record: IdRecord) -> None:
        for uetr in record.rows or (record.uetr,):
            rest = tuple(one for one in self.used_ids[uetr] if one is not record)
            if rest:
                self.used_ids[uetr] = rest
            else:
                del self.used_ids[uetr]

    def forget_days_before(self, day: int) -> None:
        """Forget ids whose day has passed, and how their payments ended."""
        for old in sorted(known for known in self.ids_of_day if known < day):
            records = self.ids_of_day.pop(old)
            self.journal.append((self._remember_day, old, records))
            for record in records:
                self._drop_names(record)
                if record.kind in ("transfer", "post") and (self.closed or self.returned or self.recall):
                    other = "post" if record.kind == "transfer" else "transfer"
                    for uetr in record.rows or (record.uetr,):
                        if self.find_id(uetr, record.member, other) is not None:
                            continue  # the same UETR names a payment of the other kind, which is still known
                        for table in (self.closed, self.returned, self.recall):
                            self.drop(table, f"{uetr}/{record.member}")
            self.drop(self.ids, str(old))

    def _remember_day(self, day: int, records: list[IdRecord]) -> None:
        self.ids_of_day[day] = records
        for record in records:
            for uetr in record.rows or (record.uetr,):
                self.used_ids[uetr] = (*self.used_ids.get(uetr, ()), record)

    # --- Undoing and hashing --------------------------------------------------------------------------------------

    def rewind(self, length: int = 0) -> None:
        """Play the journal back to a length: everything written since is as it was."""
        journal = self.journal
        while len(journal) > length:
            step = journal.pop()
            first = step[0]
            if type(first) is Table:
                _, key, old = step
                self._touched[first.name, key] = None
                if old is _MISSING:
                    first.pop(key, None)
                else:
                    first[key] = old
            elif type(first) is Account:
                first.restore(step[1])
                first.mark = -1
                self.touched_accounts[first.id] = None
            else:
                first(*step[1:])

    def root(self) -> str:
        """The state root, hexadecimal; items written since it was last asked for are hashed now."""
        buckets = self.buckets
        for name in self.touched_accounts:
            account = self.accounts.get(name)
            if account is None:
                buckets.remove("account/" + name)
            else:
                buckets.set("account/" + name, account.canonical())
        for table_name, key in self._touched:
            record = self.tables[table_name].get(key)
            if record is None:
                buckets.remove(f"{table_name}/{key}")
            else:
                buckets.set(f"{table_name}/{key}", _encode(plain(record)).encode())
        self.touched_accounts.clear()
        self._touched.clear()
        return buckets.root().hex()

    def items(self) -> Iterator[tuple[str, bytes]]:
        """All items of the root, (key, canonical value), in the order of their keys."""
        rows = [("account/" + name, account.canonical()) for name, account in self.accounts.items()]
        for name, table in self.tables.items():
            rows.extend((f"{name}/{key}", canonical.dumps(plain(record))) for key, record in table.items())
        return iter(sorted(rows))

    def rebuild_indexes(self) -> None:
        """Make the derived indexes from the tables."""
        self.queue_of.clear()
        self.trades_of.clear()
        self.due.clear()
        self.tags.clear()
        for name in self.accounts:
            self._count_tag(name, 1)
        for key, payment in self.payment.items():
            self.queue_of.setdefault(payment.payer, {})[key] = None
            self.due.setdefault(minute_of(payment.until), {})["payment/" + key] = None
        for key, reservation in self.reservation.items():
            self.due.setdefault(minute_of(reservation.until), {})["reservation/" + key] = None
        for key, trade in self.trade.items():
            for leg in trade.legs:
                self.trades_of.setdefault(leg.payer, {})[key] = None
            self.due.setdefault(minute_of(trade.until), {})["trade/" + key] = None
        for key, holds in self.holds.items():
            for hold in holds.holds:
                self.due.setdefault(minute_of(hold.until), {})["holds/" + key] = None

    # --- Asking ---------------------------------------------------------------------------------------------------

    def issuer_of(self, currency: str) -> str:
        """The issuer of a currency; empty if the scheme has none of that code."""
        found = self.scheme.currencies.get(currency)
        return found.issuer if found else ""

    def holds_currency(self, bic8: str, currency: str) -> bool:
        """Whether a member is known and holds a currency."""
        member = self.member.get(bic8)
        return member is not None and currency in member.currencies

    def is_suspended(self, bic8: str, height: int) -> bool:
        """Whether a member is suspended, or not yet admitted, at a height."""
        member = self.member[bic8]
        return member.since > height or (member.suspended is not None and member.suspended <= height)

    def has_left(self, bic8: str, height: int) -> bool:
        """Whether a member has left at a height."""
        leaves = self.member[bic8].leaves
        return leaves is not None and leaves <= height

    def currency_accounts(self, currency: str) -> list[Account]:
        """All accounts of a currency, by id."""
        return [self.accounts[name] for name in sorted(self.accounts) if currency_of(name) == currency]

    def accounts_of(self, bic8: str) -> list[Account]:
        """All accounts of a member, by id."""
        return [self.accounts[name] for name in sorted(self.accounts) if owner_of(name) == bic8]


def changes_of(journal: Iterable[tuple[Any, ...]]) -> Changes:
    """What the steps of a block's journal wrote; what was rewound inside the block is no longer in it."""
    accounts: set[str] = set()
    items: set[tuple[str, str]] = set()
    ids: list[IdRecord] = []
    days: list[int] = []
    for step in journal:
        first = step[0]
        done = getattr(first, "__func__", None)
        if type(first) is Table:
            items.add((first.name, step[1]))
        elif type(first) is Account:
            accounts.add(first.id)
        elif done is State._forget:
            ids.append(step[1])
        elif done is State._close_account:
            accounts.add(step[1])
        elif done is State._remember_day:
            days.append(step[1])
    return Changes(tuple(sorted(accounts)), tuple(sorted(items)), tuple(ids), tuple(days))


def minute_of(time_ms: int) -> int:
    """The minute in which a moment lies, by which things that end are found."""
    return time_ms // 60_000


def last_day(valid_until: int) -> int:
    """The UTC day up to whose end an id is kept: a day after its last moment."""
    return valid_until // DAY_MS + 1
