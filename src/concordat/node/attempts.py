"""Attempts at passwords, codes and phrases, counted in the store, so that a restart or a second process forgets none.

The rule of how long to wait is `guessing`'s. Logins and addresses are kept under a keyed hash: whoever types a password
into the field of the login must not find it here, and an address is nobody's to read.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence

from concordat.errors import RuleError
from concordat.node.audit_log import AuditLog
from concordat.node.guessing import Guesses, WaitError
from concordat.node.people_store import PeopleStore
from concordat.node.secret import PeopleSecrets

GUESSES_MAX = 100_000


class Attempt:
    """One attempt at a secret: counted when it begins, taken back when it was good. Use it in a `with` block."""

    def __init__(
        self, store: PeopleStore, secrets: PeopleSecrets, audit: AuditLog, keys: Sequence[tuple[str, str]], now: int
    ) -> None:
        self._store, self._audit, self._now = store, audit, now
        self._keys = [(kind, secrets.keyed("guess", f"{kind} {text}")) for kind, text in keys]
        self._account = keys[0][1] if keys[0][0] == "phrase" else ""

    def __enter__(self) -> Attempt:
        with self._store.commit():
            for kind, key in self._keys:
                self._put(key, self._get(kind, key).begin(self._now))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, RuleError):  # it was not the person's fault: not counted
            with self._store.commit():
                for name, key in self._keys:
                    self._put(key, self._get(name, key).withdrawn(self._now))

    def good(self) -> None:
        """The secret was right."""
        with self._store.commit():
            for kind, key in self._keys:
                self._put(key, self._get(kind, key).succeeded(self._now))

    def wrong(self, what: str, address: str = "", account: str = "") -> None:
        """The secret was wrong.

        Raises:
            RuleError: always, with how many attempts are left; the wait, if one begins.
        """
        left, until = 0, 0
        with self._store.commit():
            for place, (kind, key) in enumerate(self._keys):
                after = self._get(kind, key).failed(self._now)
                self._put(key, after)
                until = max(until, after.until)
                left = after.left(self._now) if place == 0 else min(left, after.left(self._now))
            kind = "key_refused" if self._account else "login_failed"
            self._audit.append(kind, account or self._account, self._now, address=address)
        if until > self._now:
            minutes = (until - self._now) // 60
            raise WaitError(f"{what} Wait {minutes} minute{'s' * (minutes > 1)}.", until - self._now)
        raise RuleError(what, hint=f"{left} attempt{'s' * (left != 1)} left before a wait.", code="wrong")

    def _get(self, kind: str, key: str) -> Guesses:
        row = self._store.one("SELECT times, level, until FROM guess WHERE kind = ? AND key = ?", kind, key)
        return Guesses(kind, tuple(json.loads(row[0])), row[1], row[2]) if row else Guesses(kind)

    def _put(self, key: str, guesses: Guesses) -> None:
        if guesses == Guesses(guesses.kind):
            self._store.run("DELETE FROM guess WHERE kind = ? AND key = ?", guesses.kind, key)
            return
        self._store.run(
            "INSERT INTO guess VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET"
            " times = excluded.times, level = excluded.level, until = excluded.until, changed = excluded.changed",
            guesses.kind, key, json.dumps(guesses.times), guesses.level, guesses.until, self._now,
        )  # fmt: skip
        self._store.run(
            "DELETE FROM guess WHERE changed < (SELECT changed FROM guess ORDER BY changed DESC LIMIT 1 OFFSET ?)",
            GUESSES_MAX,
        )


def cut_for_guesses(address: str) -> str:
    """Whom failures of an address count for: the IPv4 address, or the /64 of IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "none"
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
