"""The one way out: requests to other members, to allowed hosts alone, bounded in bytes and time.

Allowed are the hosts of the membership, of the settings and of accepted exchange agreements, on their port. A name is
asked for once; if any of its addresses is private, loopback, link-local, multicast, reserved, mapped or translated
(NAT64, 6to4, Teredo), the request is refused unless `peers_private` is set; the connection then goes to the very
address that was checked, so that a second answer of the name service changes nothing. No redirects, no proxies of the
environment, no cookies. TLS certificates are checked against the name. An answer is read up to 16 MiB; gzip is inflated
while it is counted, to at most 64 MiB and a hundredfold.

Errors name the peer and the limit; `PeerLimitError` is for peers that break one.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from concordat.errors import InputError, SourceError, TrustError
from concordat.node.kept_connections import KeptConnections
from concordat.node.settings import check_url

if TYPE_CHECKING:
    import httpcore

BODY_MAX = 16 * 2**20  # bytes as they come in
INFLATED_MAX = 64 * 2**20
RATIO_MAX = 100
RATIO_FREE = 2**16  # bytes that may be inflated whatever the ratio: small answers of zeros are no bombs
TIME_MAX_S = 30.0
CONNECT_MAX_S = 10.0
STEP = 65_536
PORTS = {"https": 443, "http": 80}
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class PeerLimitError(TrustError):
    """A peer broke a bound: too large, too deep a compression, too many, or not what was asked for."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole.

    Attributes:
        status: of HTTP. body: inflated. headers: by lower-case name.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, asked of the system once.

    Raises:
        SourceError: there are none.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SourceError("the name has no address.", where=host, code="no_address") from None
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def refuse_address(text: str, *, private: bool) -> None:
    """An address to which a connection may be opened.

    Args:
        private: addresses of private networks and of this machine are allowed.

    Raises:
        TrustError: one that is not of the public network, in whatever spelling.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise TrustError("not an address.", where=text[:60], code="address") from None
    wrapped = ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            wrapped = "an IPv4 address inside an IPv6 one"
        elif address.sixtofour is not None or address.teredo is not None or any(address in net for net in _NAT64):
            wrapped = "a translated address"
    never = address.is_multicast or address.is_unspecified or address.is_reserved
    local = address.is_private or address.is_loopback or address.is_link_local or not address.is_global
    if wrapped or never or (local and not private):
        kind = wrapped or ("an address that no node has" if never else "an address of a private network")
        hint = "" if wrapped or never else "For a demo on one machine, set peers_private = true."
        raise TrustError(f"{kind}.", where=text[:60], hint=hint, code="private_address")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: the checked address, and the name under which it is asked."""

    url: str
    address: str
    host: str
    port: int
    authority: str


class Outbound:
    """The client.

    Args:
        allowed: addresses of sites (`https://node.example.br`) that may be asked.
        private: peers may live on private and loopback addresses, and in plain HTTP there.
        resolver: gives the addresses of a name.
    """

    def __init__(self, allowed: Sequence[str], *, private: bool = False, resolver: Resolve = resolve) -> None:
        self._allowed = {self._place(check_url(url, "peers")) for url in allowed}
        self._private, self._resolve = private, resolver
        self._connections: dict[tuple[str, int], KeptConnections] = {}  # a connection is never shared by two names

    @staticmethod
    def _place(url: str) -> tuple[str, str, int]:
        parts = urlsplit(url)
        return parts.scheme, (parts.hostname or "").rstrip(".").lower(), parts.port or PORTS[parts.scheme]

    def allow(self, url: str) -> None:
        """One more site: an accepted exchange agreement, a new member."""
        self._allowed.add(self._place(check_url(url, "peers")))

    async def target(self, url: str) -> Target:
        """Check an address and resolve its name, once.

        Raises:
            InputError: no address of a site. TrustError: a host that nobody allowed, or a private address.
            SourceError: the name has no address.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            raise InputError("not an address.", where=url[:80], code="address") from None
        base = f"{parts.scheme}://{parts.netloc}"
        check_url(base, "outbound")
        scheme, host, port = place = self._place(base)
        if place not in self._allowed:
            hint = "Hosts come from the membership, the settings, and accepted agreements."
            raise TrustError(
                f"{host}:{port} is not a host that this node asks.", where=url[:80], hint=hint, code="host"
            )
        addresses = await self._resolve(host, port)
        for address in addresses:  # all of them: a name that has one private address is not asked at all
            refuse_address(address, private=self._private)
        if not addresses:
            raise SourceError("the name has no address.", where=host, code="no_address")
        if scheme == "http" and not (self._private and not ipaddress.ip_address(addresses[0]).is_global):
            raise TrustError("plain HTTP.", where=url[:80], hint="Peers are asked over TLS.", code="plain_http")
        return Target(url, addresses[0], host, port, parts.netloc)

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        limit: int = BODY_MAX,
        timeout_s: float = TIME_MAX_S,
    ) -> Reply:
        """One request, answered whole.

        Args:
            limit: bytes of the answer as they come in. timeout_s: for all of it.

        Raises:
            SourceError: no connection, no answer in time. PeerLimitError: a bound was broken.
            InputError, TrustError: as `target`; TrustError too for an address in which something stands that can't be
                sent.
        """
        where = url.partition("?")[0][:120]
        try:
            async with asyncio.timeout(timeout_s):
                target = await self.target(url)
                request = _built(method, target, body, headers or {})
                async with self._kept(target).answered(request) as response:
                    return await self._read(response, limit, where)
        except TimeoutError:
            raise SourceError(f"no answer within {timeout_s:g} s.", where=where, code="timeout") from None
        except _broken() as error:
            raise _no_connection(error, where) from None

    async def stream(self, method: str, url: str, *, headers: Mapping[str, str] | None = None) -> AsyncIterator[bytes]:
        """The body of an answer, part by part, as it was sent; the caller bounds its size and time.

        Raises:
            SourceError: no connection, or another status than 200. PeerLimitError: a redirect, or a coding.
            InputError, TrustError: as `target`.
        """
        where = url.partition("?")[0][:120]
        try:
            target = await self.target(url)
            async with self._kept(target).answered(_built(method, target, b"", headers or {})) as response:
                if response.status != 200:
                    raise SourceError(f"it answers {response.status}.", where=where, code="status")
                if _headers(response).get("content-encoding", "identity") != "identity":
                    raise PeerLimitError("it answers in a coding that nobody asked for.", where=where, code="coding")
                async for chunk in response.aiter_stream():
                    yield chunk
        except _broken() as error:
            raise _no_connection(error, where) from None

    def _kept(self, target: Target) -> KeptConnections:
        place = (target.host, target.port)
        if place not in self._connections:
            self._connections[place] = KeptConnections(_trusted_roots())
        return self._connections[place]

    @staticmethod
    async def _read(response: httpcore.Response, limit: int, where: str) -> Reply:
        if 300 <= response.status < 400 and response.status != 304:
            raise PeerLimitError("it answers with a redirect.", where=where, code="redirect")
        headers = _headers(response)
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip"):
            raise PeerLimitError(f"it answers in the coding {coding[:20]}.", where=where, code="coding")
        inflate = Inflate(where) if coding == "gzip" else None
        out, size = bytearray(), 0
        async for chunk in response.aiter_stream():
            size += len(chunk)
            if size > limit:
                raise PeerLimitError(f"an answer of over {limit:,} bytes.", where=where, code="too_large")
            out += inflate.feed(chunk) if inflate else chunk
        if inflate:
            inflate.finish()
        return Reply(response.status, bytes(out), headers)

    async def close(self) -> None:
        """Close all connections."""
        connections, self._connections = self._connections, {}
        for kept in connections.values():
            await kept.close()


def _built(method: str, target: Target, body: bytes, headers: Mapping[str, str]) -> httpcore.Request:
    """The request to the checked address, under the name that was asked for."""
    import httpcore
    import httpx

    try:
        scheme, path = target.url.partition(":")[0].lower(), httpx.URL(target.url).raw_path
    except (httpx.InvalidURL, UnicodeError):  # a name that the peer gave a process of its own stands in it
        where = target.url.partition("?")[0][:120]
        raise TrustError("no request can be sent to this address.", where=where, code="address") from None
    url = httpcore.URL(scheme=scheme, host=target.address, port=target.port, target=path)
    sent = {"host": target.authority, "accept-encoding": "gzip", "user-agent": "concordat", **headers}
    if body or method not in ("GET", "HEAD"):
        sent["content-length"] = str(len(body))
    told = {"sni_hostname": target.host, **_TIMES}
    pairs = [(name.encode("ascii"), value.encode("ascii")) for name, value in sent.items()]
    return httpcore.Request(method, url, headers=pairs, content=body, extensions=told)


def _headers(response: httpcore.Response) -> dict[str, str]:
    """The headers of an answer by lower-case name; of a name that stands there twice, both."""
    found: dict[str, str] = {}
    for key, value in response.headers:
        name, text = key.decode("latin-1").lower(), value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


@cache
def _broken() -> tuple[type[Exception], ...]:
    """What says that a connection did not come about, or broke."""
    import httpcore

    return httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError


def _no_connection(error: BaseException, where: str) -> SourceError:
    words = str(error).strip() or type(error).__name__
    return SourceError(f"no connection: {words[:120]}.", where=where, code="connection")


_TIMES = {"timeout": {"connect": CONNECT_MAX_S, "read": TIME_MAX_S, "write": TIME_MAX_S, "pool": TIME_MAX_S}}


@cache
def _trusted_roots() -> ssl.SSLContext:
    """The roots of TLS, read once: reading them takes 30 ms, and every peer has connections of its own."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)


class Inflate:
    """gzip, inflated while it is counted.

    Args:
        where: for messages. limit: bytes at most. ratio: how many times the bytes that came in.
    """

    def __init__(self, where: str, limit: int = INFLATED_MAX, ratio: int = RATIO_MAX) -> None:
        self._where, self._limit, self._ratio = where, limit, ratio
        self._unzip = zlib.decompressobj(wbits=31)
        self._taken = self._made = 0

    def feed(self, chunk: bytes) -> bytes:
        """What a chunk inflates to.

        Raises:
            PeerLimitError: beyond a bound, or not gzip.
        """
        out = bytearray()
        rest, more = chunk, bool(chunk)
        self._taken += len(chunk)
        while more:
            try:
                part = self._unzip.decompress(rest, STEP)
            except zlib.error:
                raise PeerLimitError("not gzip.", where=self._where, code="coding") from None
            self._made += len(part)
            if self._made > self._limit or self._made > max(RATIO_FREE, self._taken * self._ratio):
                what = f"it inflates to over {min(self._limit, max(RATIO_FREE, self._taken * self._ratio)):,} bytes."
                raise PeerLimitError(what, where=self._where, code="bomb")
            out += part
            if self._unzip.eof and self._unzip.unused_data:
                raise PeerLimitError("bytes behind the end of the gzip.", where=self._where, code="coding")
            rest = self._unzip.unconsumed_tail
            more = bool(rest) or len(part) == STEP  # what came in may hold more than one step gave out
        return bytes(out)

    def finish(self) -> None:
        """The end has come.

        Raises:
            PeerLimitError: it ends early.
        """
        if not self._unzip.eof:
            raise PeerLimitError("the gzip ends early.", where=self._where, code="coding")
