"""Who is this browser: sessions that a server can list and end, and of which it keeps no usable copy.

A session is a random id of 256 bits in a cookie; the store has its SHA-256. It ends after 30 minutes without a request,
after 12 hours in any case, at logout, when the password or the roles change, and when its owner ends it elsewhere. An
id that a browser brings to the login is never taken over: each login makes a fresh one and ends the old (session
fixation; OWASP ASVS 5.0.0 V7.2). A session that has ended still says whose it was, for 30 days and for one purpose: a
form that was filled before the end is kept as that person's draft. It opens nothing.

Times are passed in, in seconds. Source: node-web.md 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from concordat.errors import RuleError
from concordat.node.people_store import PeopleStore
from concordat.node.secret import Secret, token, token_hash

IDLE_S, LONGEST_S = 30 * 60, 12 * 3_600
SEEN_EVERY_S = 60  # a page view writes at most once a minute
KEPT_S = 30 * 86_400
ID_BITS = 256
SESSIONS_MAX = 20  # of one account: the oldest is ended


@dataclass(frozen=True, slots=True)
class Session:
    """One browser of one person.

    Attributes:
        handle: the stored hash; names the session in lists and to the unlocked keys, opens nothing. account: its id.
        began, seen: seconds. how: `password`, `totp`, `recovery`, `certificate` or `passkey`.
    """

    handle: str
    account: str
    began: int
    seen: int
    how: str

    @property
    def ends(self) -> int:
        """When it ends if nothing happens."""
        return min(self.seen + IDLE_S, self.began + LONGEST_S)


class Sessions:
    """All sessions of a node."""

    def __init__(self, store: PeopleStore) -> None:
        self._store = store

    def open(self, account: str, how: str, now: int, old: str = "") -> tuple[Secret, Session]:
        """A new session: (the id for the cookie, the session).

        Args:
            account: whose. how: how it was proved. old: the id that the browser brought, if any: ended.
        """
        fresh = token(ID_BITS)
        session = Session(token_hash(fresh.value), account, now, now, how)
        with self._store.commit():
            if old:
                self.end(token_hash(old), now)
            self._store.run(
                "INSERT INTO session VALUES (?, ?, ?, ?, 0, ?)", session.handle, account, now, now, how
            )  # fmt: skip
            for extra in self.of(account, now)[SESSIONS_MAX:]:
                self.end(extra.handle, now)
        return fresh, session

    def find(self, value: str, now: int) -> Session:
        """The session of a cookie; its last use is noted.

        Raises:
            RuleError: there is none, or it has ended.
        """
        row = self._store.one("SELECT hash, account, began, seen, how, ended FROM session WHERE hash = ?", _key(value))
        if not row or row[5] or now >= Session(*row[:5]).ends:
            raise RuleError("you are not logged in.", hint="Log in; what you wrote is kept.", code="no_session")
        session = Session(*row[:5])
        if now - session.seen < SEEN_EVERY_S:
            return session
        self._store.run("UPDATE session SET seen = ? WHERE hash = ? AND seen < ?", now, session.handle, now)
        return Session(session.handle, session.account, session.began, now, session.how)

    def was(self, value: str) -> str:
        """The account whose session this is or was; empty if it is nobody's. Opens nothing: see the module."""
        row = self._store.one("SELECT account FROM session WHERE hash = ?", _key(value))
        return str(row[0]) if row else ""

    def of(self, account: str, now: int) -> list[Session]:
        """The sessions of an account that go on, newest first."""
        rows = self._store.rows(
            "SELECT hash, account, began, seen, how FROM session WHERE account = ? AND ended = 0"
            " ORDER BY seen DESC, hash",
            account,
        )
        return [s for s in (Session(*row) for row in rows) if now < s.ends]

    def end(self, handle: str, now: int) -> None:
        """End one session (logout, or from the list at `/account`)."""
        self._store.run("UPDATE session SET ended = ? WHERE hash = ? AND ended = 0", now, handle)

    def end_all(self, account: str, now: int, keep: str = "") -> None:
        """End all sessions of an account but one: its password, second factor or roles have changed."""
        self._store.run(
            "UPDATE session SET ended = ? WHERE account = ? AND ended = 0 AND hash <> ?", now, account, keep
        )  # fmt: skip

    def forget(self, now: int, kept_s: int = KEPT_S) -> int:
        """Erase what ended longer ago; how many."""
        return self._store.run("DELETE FROM session WHERE seen < ?", now - kept_s - LONGEST_S)


def _key(value: str) -> str:
    return token_hash(value[:200])


# --- Cookies ----------------------------------------------------------------------------------------------------------


def cookie_name(kind: str, *, tls: bool, prefix: str = "") -> str:
    """The name of a cookie: `__Host-s` under TLS; on loopback without it `s`, or `s-<prefix>` under a path prefix.

    Args:
        kind: `s` (session) or `v` (visitor). prefix: the path of `public_url`, as `/concordat`.
    """
    assert kind in ("s", "v")
    if tls:
        return f"__Host-{kind}"
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in prefix.strip("/"))
    return f"{kind}-{name}" if name else kind


def set_cookie(kind: str, value: Secret | None, *, tls: bool, prefix: str = "", max_age_s: int | None = None) -> str:
    """The `Set-Cookie` line; without a value it erases the cookie (RFC 6265 section 3.1)."""
    parts = [f"{cookie_name(kind, tls=tls, prefix=prefix)}={value.value if value else ''}", "Path=/", "HttpOnly"]
    parts += ["SameSite=Lax"] + (["Secure"] if tls else [])
    if value is None:
        parts.append("Max-Age=0")
    elif max_age_s is not None:
        parts.append(f"Max-Age={max_age_s}")
    return "; ".join(parts)
