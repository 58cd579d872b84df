"""Which addresses may be asked, and how an address is written in records: sorted, and without secrets.

A service may be anywhere on the public Internet, by https. An answer that sends us on to an address inside somebody's
own network is refused, so that no publisher can make this program read what only its user can reach. Names are resolved
here, once, and the connection is made to the very address that was checked: a name that changes its address between
the check and the connection ("DNS rebinding") gains nothing. Only a place that the person named may be private.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from concordat.errors import SourceError

Resolve = Callable[..., Sequence[tuple[Any, ...]]]

_SECRETS = frozenset({
    "access_token", "api-key", "api_key", "apikey", "app_key", "appid", "auth", "client_secret", "key", "passwd",
    "password", "secret", "sig", "signature", "subscription-key", "subscription_key", "token",
})  # fmt: skip
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
ADDRESSES_MAX = 8


def normal_url(url: str) -> str:
    """An address as records keep it: scheme and host in small letters, sorted query, no secrets, user or fragment.

    >>> normal_url("HTTPS://user:pw@API.example.org:443/v2/a;b?page=1&api_key=X&date=2000:2025#top")
    'https://api.example.org/v2/a;b?date=2000:2025&page=1'
    """
    parts = urlsplit(url)
    pairs = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k.casefold() not in _SECRETS]
    query = urlencode(sorted(pairs), safe=":;,/@", quote_via=quote)
    return urlunsplit((parts.scheme.lower(), place_of(url), parts.path or "/", query, ""))


def place_of(url: str) -> str:
    """Host and port as they stand in messages and limits; the port only where it is not the usual one.

    Raises:
        SourceError: the address has no host, or a port that is no number.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host:
        raise SourceError(f'"{url[:200]}" is not an address.', code="bad_url")
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, _PORTS.get(parts.scheme.lower())) else f"{host}:{port}"


def addresses_for(url: str, trusted: str, resolve: Resolve) -> list[str]:
    """The checked addresses to connect to, in the order in which the system prefers them.

    Args:
        trusted: the host and port that the person named: it may be private, and if it is this machine, plain http.
        resolve: as `socket.getaddrinfo`.

    Raises:
        SourceError: not https; an address that is not public; a name that nobody knows.
    """
    require_https(url, trusted)
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        port = parts.port or _PORTS.get(parts.scheme.lower(), 443)
        found = resolve(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise unreachable(place_of(url), f"its name is not known here ({error})") from None
    addresses = list(dict.fromkeys(str(row[4][0]) for row in found))[:ADDRESSES_MAX]
    if not addresses:
        raise unreachable(place_of(url), "its name has no address")
    if place_of(url) != trusted:
        for address in addresses:
            require_public(address, host)
    elif parts.scheme.lower() == "http" and not all(ipaddress.ip_address(a).is_loopback for a in addresses):
        raise _not_https(url)
    return addresses


def require_https(url: str, trusted: str) -> None:
    """Refuse an address that is not https, and not the one that the person named.

    Raises:
        SourceError: it is neither.
    """
    scheme = urlsplit(url).scheme.lower()
    if scheme != "https" and not (scheme == "http" and place_of(url) == trusted):
        raise _not_https(url)


def require_proxied(url: str) -> None:
    """Refuse what a proxy may not be asked for: names it resolves itself, so only written addresses can be checked.

    Raises:
        SourceError: not https, or a written address that is not public.
    """
    require_https(url, "")
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    require_public(host, host)


def require_public(address: str, host: str) -> None:
    """Refuse an address that is not on the public Internet: private, loopback, link-local, multicast, reserved.

    Raises:
        SourceError: naming the host and the address.
    """
    if not is_public(address):
        said = f"{host} ({address})" if host != address else address
        what = f"{said} is not an address on the public Internet; it is not asked."
        hint = "A mirror in your own network is named with --service."
        raise SourceError(what, hint=hint, code="private_address")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public Internet, whatever it is wrapped in."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            ip = inner
        elif ip.teredo is not None:
            return False
    return ip.is_global and not ip.is_multicast


def unreachable(place: str, why: str) -> SourceError:
    """The error when a service can't be reached at all."""
    return SourceError(
        f"{place} can't be reached: {why}.",
        hint="Check the connection, or replay a record with --replay. concordat assess still works with the Factbook.",
        code="offline",
    )


def _not_https(url: str) -> SourceError:
    what = f"{place_of(url)} is asked for by {urlsplit(url).scheme or 'no scheme'}; only https is allowed."
    return SourceError(what, hint="Plain http is for a test server on this machine, named with --service.", code="http")
