"""What a request to the exchange is, which of the 25 routes it takes, and how an error of ours is answered.

No web framework here: `exchange_routes` makes a `Call` of whatever its server hands it and sends the `Answer`. Source:
exchange.md 5.2 (routes and errors); Dataspace Protocol 2025-1, HTTPS bindings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from concordat.errors import ConcordatError, InputError, MethodError, SourceError, StateError, TrustError
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.messages import CALLBACK, PATH, Kind, Role
from concordat.node.callers import LimitError

PORTS = {"https": 443, "http": 80}
WELL_KNOWN = "/.well-known/dspace-version"
CATALOG, NEGOTIATION, TRANSFER = "CatalogError", "ContractNegotiationError", "TransferError"


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        method: `GET` or `POST`. path: below the public address. url: the whole, as the caller signed it.
        body: its bytes. authorization: that header, or empty. query: parameters by name.
    """

    method: str
    path: str
    url: str
    body: bytes = b""
    authorization: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; `unknown` if who asked could not show who it is."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    unknown: bool = False


class AbsentError(InputError):
    """Nothing of that name for this caller: the same words whether it doesn't exist or is another's."""

    def __init__(self) -> None:
        super().__init__("nothing of that name here.", code="not_found")


class UnknownCallerError(TrustError):
    """The request says not, or not well, who sends it; the reason goes into the local log, never to the caller."""


@cache
def _form(pattern: str) -> re.Pattern[str]:
    """What a path of that pattern looks like."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]{1,200})", pattern))


@dataclass(frozen=True, slots=True)
class Route:
    """One route.

    Attributes:
        method: of HTTP. pattern: of the path, with `{pid}`. family: whose error answers it. action: what is done.
        side: our role. kinds: the messages that it takes. initial: there is no process yet, so a missing token is 401.
    """

    method: str
    pattern: str
    family: str
    action: str
    side: Role = Role.PROVIDER
    kinds: tuple[Kind, ...] = ()
    initial: bool = False

    def matches(self, method: str, path: str) -> Mapping[str, str] | None:
        """The parts of the path if this is the route."""
        found = _form(self.pattern).fullmatch(path) if method == self.method else None
        return found.groupdict() if found else None


def _negotiation(base: str, pid: str, side: Role, tails: Mapping[str, Sequence[Kind]]) -> list[Route]:
    made = [Route("GET", f"{base}/negotiations/{{{pid}}}", NEGOTIATION, "state", side)]
    for tail, kinds in tails.items():
        made.append(Route("POST", f"{base}/negotiations/{{{pid}}}/{tail}", NEGOTIATION, "message", side, tuple(kinds)))
    return made


_MOVES = {
    "start": Kind.START, "completion": Kind.COMPLETION, "termination": Kind.TRANSFER_TERMINATION,
    "suspension": Kind.SUSPENSION,
}  # fmt: skip
_P, _C = Role.PROVIDER, Role.CONSUMER
ROUTES: tuple[Route, ...] = (
    Route("GET", WELL_KNOWN, CATALOG, "version"),
    Route("POST", f"{PATH}/catalog/request", CATALOG, "catalog", initial=True),
    Route("GET", f"{PATH}/catalog/datasets/{{dataset}}", CATALOG, "dataset", initial=True),
    Route("POST", f"{PATH}/negotiations/request", NEGOTIATION, "open", _P, (Kind.REQUEST,), initial=True),
    Route("POST", f"{PATH}/negotiations/offers", NEGOTIATION, "open", _C, (Kind.OFFER,), initial=True),
    *_negotiation(PATH, "pid", _P, {
        "request": [Kind.REQUEST], "events": [Kind.ACCEPTED], "agreement/verification": [Kind.VERIFICATION],
        "termination": [Kind.TERMINATION],
    }),
    *_negotiation(CALLBACK, "pid", _C, {
        "offers": [Kind.OFFER], "agreement": [Kind.AGREEMENT], "events": [Kind.FINALIZED],
        "termination": [Kind.TERMINATION],
    }),
    Route("POST", f"{PATH}/transfers/request", TRANSFER, "open", _P, (Kind.TRANSFER_REQUEST,), initial=True),
    Route("GET", f"{PATH}/transfers/{{pid}}", TRANSFER, "state", _P),
    *(Route("POST", f"{PATH}/transfers/{{pid}}/{t}", TRANSFER, "message", _P, (k,)) for t, k in _MOVES.items()),
    *(Route("POST", f"{CALLBACK}/transfers/{{pid}}/{t}", TRANSFER, "message", _C, (k,)) for t, k in _MOVES.items()),
)  # fmt: skip


def route_of(method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """The route of a request, and the parts of its path; None if there is none."""
    for route in ROUTES:
        parts = route.matches(method, path)
        if parts is not None:
            return route, parts
    return None


def status_of(fault: ConcordatError, route: Route) -> int:
    """The HTTP status of an error (exchange.md 5.2)."""
    if isinstance(fault, UnknownCallerError):
        return 401 if route.initial else 404
    if isinstance(fault, AbsentError):
        return 404
    if isinstance(fault, LimitError):
        return 429
    if fault.code == "too_large":
        return 413
    if isinstance(fault, (StateError, MethodError, SourceError)):
        return 503
    return 400


def refusal(fault: ConcordatError, route: Route, message: Mapping[str, Any] | None) -> Answer:
    """An error as the protocol writes it; to whom nothing is known, nothing is told."""
    status = status_of(fault, route)
    told: ConcordatError = fault
    if isinstance(fault, UnknownCallerError):
        told = AbsentError() if status == 404 else TrustError("a member's token is missing or not good.", code="token")
    body = messages.encode(messages.error_of(route.family, told, message if status not in (401, 404) else None))
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if isinstance(fault, LimitError):
        headers["retry-after"] = str(max(1, round(fault.wait_s)))
    return Answer(status, body, headers, isinstance(fault, UnknownCallerError))


def addresses_on(message: Mapping[str, Any], place: str | None) -> bool:
    """Whether a first message's callback, and the address that data are to be pushed to, are on its sender's node."""
    found = [message.get("callbackAddress")]
    if message.get("dataAddress") is not None:
        found.append(message["dataAddress"].get("endpoint"))
    return all(on_place(str(address or ""), place) for address in found)


ADDRESS_MAX = 2_000  # characters


def on_place(address: str, place: str | None) -> bool:
    """Whether an address is on the host and port of a member's node.

    Args:
        place: the base address of that node; None where callers needn't say who they are, and any port of this machine
            will do (conformance suite).
    """
    if not (len(address) <= ADDRESS_MAX and address.isascii() and address.isprintable() and " " not in address):
        return False  # what no request can be sent to
    try:
        parts = urlsplit(address)
        found = (parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme))
    except ValueError:
        return False
    if parts.query or parts.fragment or parts.username or parts.password or ".." in parts.path:
        return False
    if place is None:
        return parts.hostname in ("127.0.0.1", "::1", "localhost")
    known = urlsplit(place)
    return bool(known.hostname) and found == (known.scheme, known.hostname, known.port or PORTS.get(known.scheme))
