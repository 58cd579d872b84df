"""How much one caller may ask: token buckets and places at once, in memory, bounded.

A bucket holds `burst` tokens and gains `rate` a second; a request takes one, or what it costs. An empty bucket says how
long to wait. At most 100,000 callers are remembered; whoever was seen longest ago is forgotten first, which can only be
to that caller's good. The table of limits is `LIMITS` (spec: node-web 6); the web reads its rows from here too.

Pure: the time is an argument, in seconds. Not here: who the caller is (`server.caller_of`), and what a refusal says.

    >>> buckets = Buckets(Limit("heads", rate=1, burst=1))
    >>> buckets.take("a", 0.0), buckets.take("a", 0.25), buckets.take("b", 0.25)
    (0.0, 0.75, 0.0)
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

KEYS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Limit:
    """A row of the table: tokens a second, and how many may be saved up."""

    name: str
    rate: float
    burst: float


# Section 6 of the specification. `sync` rows are for members' signed requests, `heads` for anybody.
LIMITS: dict[str, Limit] = {
    limit.name: limit
    for limit in (
        Limit("pages", 20, 100),
        Limit("pages_account", 50, 100),
        Limit("search", 2, 10),
        Limit("search_account", 10, 20),
        Limit("forms", 1, 20),
        Limit("forms_account", 2, 20),
        Limit("opinions", 600 / 3_600, 600),  # of one address: it slows down, it never refuses for good
        Limit("heads", 1, 2),
        Limit("sync", 200, 400),
    )
}
MEMBER_AT_ONCE = 8
CERTIFICATE = "client_certificate"  # in the scope of a request: SHA-256 of what the browser showed, or empty
BODY_MAX = 1_000_000  # bytes, of anybody
MEMBER_BODY_MAX = 16 * 2**20  # bytes, of a member


class Buckets:
    """The buckets of one limit, one a caller."""

    def __init__(self, limit: Limit, keys_max: int = KEYS_MAX) -> None:
        assert limit.rate > 0
        assert limit.burst >= 1
        self.limit = limit
        self._keys_max = keys_max
        self._full: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller -> tokens, and when that was

    def take(self, key: str, now: float, cost: float = 1.0) -> float:
        """Take tokens; 0.0, or the seconds to wait until there are enough (nothing is taken then).

        Args:
            key: the caller. now: seconds of any clock that doesn't go back. cost: tokens.
        """
        tokens, since = self._full.pop(key, (self.limit.burst, now))
        tokens = min(self.limit.burst, tokens + max(0.0, now - since) * self.limit.rate)
        wait = 0.0 if tokens >= cost else (cost - tokens) / self.limit.rate
        self._full[key] = (tokens - cost if not wait else tokens, max(now, since))
        while len(self._full) > self._keys_max:
            self._full.popitem(last=False)
        return wait

    def wait(self, key: str, now: float, cost: float = 1.0) -> float:
        """The seconds until there are so many tokens; 0.0 if there are. Nothing is taken."""
        tokens, since = self._full.get(key, (self.limit.burst, now))
        tokens = min(self.limit.burst, tokens + max(0.0, now - since) * self.limit.rate)
        return 0.0 if tokens >= cost else (cost - tokens) / self.limit.rate

    def __len__(self) -> int:
        return len(self._full)


class Places:
    """How many requests of one caller run at once."""

    def __init__(self, most: int = MEMBER_AT_ONCE) -> None:
        self.most = most
        self._running: dict[str, int] = {}

    def enter(self, key: str) -> bool:
        """Take a place; False if there is none."""
        running = self._running.get(key, 0)
        if running >= self.most:
            return False
        self._running[key] = running + 1
        return True

    def leave(self, key: str) -> None:
        """Give a place back."""
        running = self._running.get(key, 0) - 1
        if running > 0:
            self._running[key] = running
        else:
            self._running.pop(key, None)


def network_of(address: str) -> str:
    """What counts as one anonymous caller: an IPv4 address, or the /64 of an IPv6 one; a name for anything else.

    >>> network_of("2001:db8:1:2:3::4"), network_of("::ffff:192.0.2.7"), network_of("192.0.2.7")
    ('2001:db8:1:2::/64', '192.0.2.7', '192.0.2.7')
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def cut_address(address: str) -> str:
    """An address as a log line may hold it: /24 of IPv4, /48 of IPv6.

    >>> cut_address("192.0.2.77"), cut_address("2001:db8:1:2::3")
    ('192.0.2.0/24', '2001:db8:1::/48')
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))
