"""How long must a guesser wait: failures counted for a login and for an address, without ever locking anyone out.

Five failures in 15 minutes for a login, or twenty for an address, begin a wait of 1 minute; each further such run
doubles it, up to 60 minutes; a day without failures forgets. An attempt is counted before its password is hashed and
taken back when it was good, so many attempts at once are not more than the same in a row. A good login clears its own
counter, never that of the address, behind which others may sit. Logins that don't exist are counted like those that do.

Pure: time is passed in; `accounts` keeps the state. Source: node-web.md 3.1; OWASP ASVS 5.0.0 V6.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from concordat.errors import RuleError

WINDOW_S = 15 * 60
FAILURES = {"login": 5, "address": 20, "phrase": 5}
WAIT_MINUTES_MAX = 60
FORGET_S = 24 * 3_600


class WaitError(RuleError):
    """Too many failures or requests: when to come back, in seconds (HTTP: 429 with Retry-After)."""

    def __init__(self, what: str, retry_after_s: int) -> None:
        super().__init__(what, hint="Nothing is locked for good.", code="wait")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Guesses:
    """What is known of one login or address.

    Attributes:
        kind: `login`, `address` or `phrase`. times: of failures and of attempts under way, in seconds, oldest first.
        level: how many waits came before. until: when the last one ends.
    """

    kind: str
    times: tuple[int, ...] = ()
    level: int = 0
    until: int = 0

    def begin(self, now: int) -> Guesses:
        """An attempt begins.

        Raises:
            WaitError: not now.
        """
        if now < self.until:
            raise WaitError(f"too many wrong attempts. Wait {_words(self.until - now)}.", self.until - now)
        recent = tuple(t for t in self.times if now - WINDOW_S < t <= now)
        level = 0 if now - max(self.until, *self.times, 0) >= FORGET_S else self.level
        if len(recent) >= FAILURES[self.kind]:  # as many are under way as may fail
            raise WaitError("too many attempts at once. Wait 1 minute.", 60)
        return replace(self, times=(*recent, now), level=level)

    def failed(self, now: int) -> Guesses:
        """The attempt was wrong."""
        recent = tuple(t for t in self.times if now - WINDOW_S < t <= now)
        if len(recent) < FAILURES[self.kind]:
            return replace(self, times=recent)
        minutes = min(2**self.level, WAIT_MINUTES_MAX)
        return replace(self, times=(), level=min(self.level + 1, 10), until=now + 60 * minutes)

    def succeeded(self, began: int) -> Guesses:
        """The attempt that began then was good."""
        return Guesses(self.kind) if self.kind != "address" else self.withdrawn(began)

    def withdrawn(self, began: int) -> Guesses:
        """The attempt that began then is not counted."""
        times = list(self.times)
        if began in times:
            times.remove(began)
        return replace(self, times=tuple(times))

    def left(self, now: int) -> int:
        """How many attempts are left before a wait."""
        return max(FAILURES[self.kind] - sum(now - WINDOW_S < t for t in self.times), 0)


def _words(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
