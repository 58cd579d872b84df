"""What people and operators did here besides acts of government: an append-only chain that can't be altered unseen.

A row is (n, at, kind, account, facts); h_0 is 32 zero bytes and h_n = SHA-256(h_(n-1) || canonical(row n)), so that a
changed or deleted row breaks every hash after it. A chain that was shortened at its end, or written anew from the
start, is found by `AuditHead {count, hash}`: once an hour, if there is news, the node signs the newest hash into its
member log, which others witness. A governance act is a signed entry itself and has no row here.

What this does not do: prevent an operator from never writing a row. Nor is it the audit of an export: `audit`.
Source: node-web.md 3.3. Kinds are a closed list; facts hold no name, password, phrase, code, key or whole address.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from concordat import canonical
from concordat.errors import InputError, TrustError
from concordat.node.people_store import PeopleStore

FIRST = "0" * 64
HEAD_TYPE, HEAD_SCOPE = "AuditHead", "exchange"  # no council batch need take it up: the log's own witnesses see it
HEAD_EVERY_S = 3_600
KINDS = frozenset(
    (
        "account_added", "account_locked", "account_reset", "account_unlocked", "backup_made", "certificate_set",
        "codes_made", "job_started", "key_forgotten", "key_made", "key_refused", "key_unlocked", "link_used",
        "login", "login_failed", "logout", "news_seen", "passkey_made", "passkey_removed", "password_changed",
        "request_exported", "roles_set", "rows_erased", "session_ended", "setting_changed", "supervisor_looked",
    )
)  # fmt: skip

# What a person is told of until she says that she has seen it (OWASP ASVS 5.0.0 V6.3.5 and V6.3.7), besides a link that
# was made anew, and logins by a recovery code or from a network that she never came from.
NEWS = frozenset(
    (
        "account_locked", "account_reset", "account_unlocked", "certificate_set", "codes_made", "key_forgotten",
        "key_made", "key_refused", "login_failed", "passkey_made", "passkey_removed", "password_changed", "roles_set",
    )
)  # fmt: skip
NEWS_MAX = 50  # rows that are told at once


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        n: from 1 on, without gap. at: seconds since 1970. kind: what happened. account: whose, or empty.
        facts: details, by name. hash: of the chain up to here.
    """

    n: int
    at: int
    kind: str
    account: str
    facts: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """How long the chain is, and the hash of its last row."""

    count: int
    hash: str

    def body(self) -> dict[str, Any]:
        """As the body of an entry."""
        return {"count": self.count, "hash": self.hash}


def next_hash(before: str, n: int, at: int, kind: str, account: str, facts: Mapping[str, Any]) -> str:
    """The hash of the chain with one row more."""
    row = canonical.dumps({"account": account, "at": at, "facts": dict(facts), "kind": kind, "n": n})
    return hashlib.sha256(bytes.fromhex(before) + row).hexdigest()


class AuditLog:
    """The chain in a store."""

    def __init__(self, store: PeopleStore) -> None:
        self._store = store

    def append(self, kind: str, account: str, now: int, /, **facts: Any) -> Row:
        """Add a row; inside a transaction it is kept or lost with it."""
        assert kind in KINDS, kind
        with self._store.commit():
            head = self.head()
            n = head.count + 1
            digest = next_hash(head.hash, n, now, kind, account, facts)
            text = canonical.dumps(facts).decode()
            self._store.run("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", n, now, kind, account, text, digest)
        return Row(n, now, kind, account, facts, digest)

    def head(self) -> AuditHead:
        """The newest row."""
        row = self._store.one("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1")
        return AuditHead(int(row[0]), str(row[1])) if row else self._base()

    def of(self, account: str, limit: int = 200) -> list[Row]:
        """The newest rows of one person, newest first: what `/account` shows her."""
        query = "SELECT n, at, kind, account, facts, hash FROM audit WHERE account = ? ORDER BY n DESC LIMIT ?"
        return [_row(row) for row in self._store.rows(query, account, limit)]

    def news(self, account: str) -> list[Row]:
        """What a person is to be told, newest first: odd attempts, and changes of what she proves herself by."""
        last = self._store.one(
            "SELECT n, at, kind, account, facts, hash FROM audit WHERE account = ? AND kind = 'news_seen'"
            " ORDER BY n DESC LIMIT 1", account,
        )  # fmt: skip
        seen = int(_row(last).facts.get("upto", 0)) if last else 0
        kinds, odd = sorted((*NEWS, "link_used", "login")), self._odd_logins(account)
        marks = ", ".join("?" * len(kinds))
        found = self._store.rows(
            "SELECT n, at, kind, account, facts, hash FROM audit WHERE account = ? AND n > ? AND kind IN"
            f" ({marks}) ORDER BY n DESC LIMIT ?", account, seen, *kinds, NEWS_MAX,
        )  # fmt: skip
        return [row for row in map(_row, found) if row.n in odd or _is_news(row)]

    def _odd_logins(self, account: str) -> set[int]:
        """The first login from each network but the very first."""
        firsts: dict[object, int] = {}
        query = "SELECT min(n), facts FROM audit WHERE account = ? AND kind = 'login' GROUP BY facts ORDER BY 1"
        for n, text in self._store.rows(query, account):
            firsts.setdefault(_row((n, 0, "login", account, text, "")).facts.get("address"), int(n))
        return set(firsts.values()) - {min(firsts.values(), default=0)}

    def rows(self) -> Iterator[Row]:
        """Every row in order."""
        start = self._base().count
        query = "SELECT n, at, kind, account, facts, hash FROM audit WHERE n > ? ORDER BY n LIMIT 1000"
        while found := self._store.rows(query, start):
            yield from map(_row, found)
            start = found[-1][0]

    def verify(self, heads: Iterable[AuditHead] = ()) -> AuditHead:
        """The chain is whole, and is the one that every signed head names; its newest row.

        Args:
            heads: what the node signed into its member log, oldest first.

        Raises:
            TrustError: a row that was changed, is missing or was put in; a chain that is shorter than a head says, or
                another one.
        """
        base = self._base()
        before, count = base.hash, base.count
        signed: dict[int, str] = {0: FIRST}
        for head in heads:
            if signed.setdefault(head.count, head.hash) != head.hash:
                what = f"two chains of {head.count:,} rows were signed: one was written anew."
                raise TrustError(what, where="audit", hint="Compare with a backup.", code="audit")
        if signed.get(base.count) != base.hash:
            raise TrustError("the rows that were erased end at no signed head.", where="audit", code="audit")
        for row in self.rows():
            where = f"audit row {count + 1}"
            if row.n != count + 1:
                raise TrustError(f"it is missing: row {row.n} follows {count}.", where=where, code="audit")
            if next_hash(before, row.n, row.at, row.kind, row.account, row.facts) != row.hash:
                raise TrustError("it is not what was written: its hash differs.", where=where, code="audit")
            if signed.get(row.n, row.hash) != row.hash:
                raise TrustError("the chain up to here is not the one that was signed.", where=where, code="audit")
            before, count = row.hash, row.n
        longest = max(signed)
        if longest > count:
            what = f"{count:,} rows here; this node signed a head over {longest:,}: rows were taken from the end."
            raise TrustError(what, where="audit", hint="Compare with a backup.", code="audit")
        return AuditHead(count, before)

    def erase_before(self, heads: Iterable[AuditHead], moment: int, now: int) -> int:
        """Erase rows older than a moment, up to the newest signed head before it; how many. Its hash stays."""
        old = self._store.one("SELECT max(n) FROM audit WHERE at < ?", moment)
        end = int(old[0] or 0) if old else 0
        good = [h for h in heads if self._base().count < h.count <= end]
        if not good:
            return 0
        last = max(good, key=lambda h: h.count)
        with self._store.commit():
            erased = self._store.run("DELETE FROM audit WHERE n <= ?", last.count)
            self._store.run(
                "INSERT INTO meta VALUES ('audit_base', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                f"{last.count} {last.hash}",
            )
            self.append("rows_erased", "", now, count=last.count)
        return erased

    def _base(self) -> AuditHead:
        row = self._store.one("SELECT value FROM meta WHERE key = 'audit_base'")
        count, _, digest = str(row[0]).partition(" ") if row else ("0", "", FIRST)
        return AuditHead(int(count), digest)


def head_due(head: AuditHead, signed: AuditHead | None, signed_at: int, now: int) -> bool:
    """Whether a new head is to be signed: there is news, and an hour has passed."""
    news = head.count > (signed.count if signed else 0)
    return news and (signed is None or now - signed_at >= HEAD_EVERY_S)


def cut_address(address: str) -> str:
    """An address as it may be kept: /24 of IPv4, /48 of IPv6; empty for what is none."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


def _is_news(row: Row) -> bool:
    """Whether a person is told of a row, whatever went before."""
    if row.kind == "login":
        return row.facts.get("how") == "recovery"
    return row.kind in NEWS or (row.kind == "link_used" and row.facts.get("kind") == "reset")


def _row(row: tuple[Any, ...]) -> Row:
    """A row as stored; facts that can't be read are kept as they are, so that the hash shows it."""
    try:
        facts = canonical.loads(row[4], exact=True)
    except InputError:
        facts = {"unreadable": str(row[4])[:200].encode("ascii", "replace").decode()}
    return Row(int(row[0]), int(row[1]), str(row[2]), str(row[3]), facts, str(row[5]))
