"""Who asks, and may they ask now: members by their signed requests, anybody else by the address they come from.

A member has 200 requests a second and eight at once; anybody else one look at the heads a second and twenty files. The
address is that of the connection, or, behind a proxy that the settings trust, the last one in `X-Forwarded-For` that is
not such a proxy. What was refused is counted by the limit's name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from concordat.errors import StateError
from concordat.node.limits import LIMITS, Buckets, Places, network_of


class LimitError(StateError):
    """Too much at once; what to wait stands in `wait_s`: 429 in HTTP."""

    def __init__(self, limit: str, wait_s: float) -> None:
        self.limit, self.wait_s = limit, wait_s
        hint = f"Try again in {max(1, round(wait_s))} s."
        super().__init__("too many requests.", where=limit, hint=hint, code="limit")


class Callers:
    """The limits of one node.

    Args:
        trusted: addresses or networks of proxies whose word on the client's address counts.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted = [ipaddress.ip_network(proxy) for proxy in trusted]
        self._buckets = {name: Buckets(limit) for name, limit in LIMITS.items()}
        self._false = {name: Buckets(limit) for name, limit in LIMITS.items()}  # what claims were not true
        self._places = Places()

    def address(self, peer: str, forwarded: str) -> str:
        """The address that a request counts for.

        Args:
            peer: of the connection. forwarded: the header `X-Forwarded-For`, or empty.
        """
        if not self.trusts(peer):
            return peer
        for part in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
            if not self.trusts(part):
                return part
        return peer

    def trusts(self, address: str) -> bool:
        """Whether an address is one of our proxies'."""
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped  # as a socket that listens on both families shows an IPv4 address
        return any(found in network for network in self._trusted)

    def count(self, limit: str, key: str, now: float, cost: float = 1.0) -> None:
        """Count one request.

        Args:
            limit: its name in the table. key: who asks. now: seconds of a clock that doesn't go back.

        Raises:
            LimitError: too many.
        """
        wait = self._buckets[limit].take(key, now, cost)
        if wait:
            raise LimitError(limit, wait)

    def anybody(self, limit: str, address: str, now: float) -> None:
        """Count a request of somebody unknown, by the network of the address.

        Raises:
            LimitError: too many.
        """
        self.count(limit, network_of(address), now)

    def claims(self, limit: str, address: str, now: float) -> None:
        """Count a request of somebody who says who it is, before that is known to be true, by the network.

        A network whose claims turned out false (`false_claim`) as often as anybody may ask waits as anybody does. What
        is asked from it without a claim, such as plain forms, keeps no member out.

        Raises:
            LimitError: too many, or too many false ones.
        """
        network = network_of(address)
        wait = self._false[limit].wait(network, now)
        if wait:
            raise LimitError(limit, wait)
        self.count("sync", network, now)

    def false_claim(self, limit: str, address: str, now: float) -> None:
        """What a request claimed was not true: it counts as one of anybody, and against later claims."""
        for buckets in (self._buckets, self._false):
            buckets[limit].take(network_of(address), now)

    @contextmanager
    def member(self, member: str, now: float) -> Iterator[None]:
        """A member's request, while it runs.

        Raises:
            LimitError: too many a second, or at once.
        """
        self.count("sync", member, now)
        if not self._places.enter(member):
            raise LimitError("sync", 1)
        try:
            yield
        finally:
            self._places.leave(member)


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers by lower-case name."""
    return {key.lower(): value for key, value in headers.items()}
