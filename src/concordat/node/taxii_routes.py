"""TAXII 2.1 over HTTP: who calls, how much at once, and a pure answer (`exchange.incidents.taxii`) for each request.

    routes = taxii_routes(service, callers, open_taxii(home))    # beside those of the protocol

A caller says who it is by HTTP Basic with a password that this node made (32 random bytes; scrypt, RFC 7914, beside a
salt; `incident account add`), bound to a member and a label, or by a token that another part of the node can read
(`bearer`). A password that was right is remembered by a keyed hash for as long as the process lives, since a reader of
10,000 objects asks hundreds of times; ending the account is looked up at every request. Wrong ones are slowed down by
the network they come from before anything is hashed. A member has the limits of its signed requests, anybody else
those of pages. Bodies end at 8 MiB. Source: exchange.md, section 8.3.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat import clock
from concordat.errors import InputError, RuleError, StateError, TrustError
from concordat.exchange.incidents.objects import BYTES_MAX
from concordat.exchange.incidents.taxii import Request, Response, Site, error_response, handle
from concordat.exchange.incidents.tlp import Caller
from concordat.node.callers import Callers, LimitError
from concordat.node.taxii_store import TaxiiStore
from concordat.settings import need_extra

if TYPE_CHECKING:
    from starlette.requests import Request as Asked
    from starlette.responses import Response as Sent
    from starlette.routing import BaseRoute

    from concordat.node.service import Service

PREFIX = "/taxii2/"
FILE = "exchange.sqlite"
PASSWORD_BYTES = 32
SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}  # 16 MiB; the password itself has 256 bits
Bearer = Callable[[str, "Asked", bytes], Caller | None]


def microseconds() -> int:
    """The clock, in whole microseconds since 1970."""
    now = clock.now()
    return int(now.timestamp()) * 10**6 + now.microsecond


def open_taxii(home: Path) -> TaxiiStore:
    """The collections of a node's folder."""
    return TaxiiStore(home / FILE, microseconds)


# --- Passwords --------------------------------------------------------------------------------------------------------


def account_name(member: str, label: str) -> str:
    """By which name a caller logs in: HTTP Basic allows no colon in it (RFC 7617)."""
    return f"{member}/{label}"


def make_account(store: TaxiiStore, member: str, label: str, organisation: str, known: frozenset[str]) -> str:
    """A new password for a member's label, in place of an older one; it is told once and kept as a hash.

    Raises:
        RuleError: not a member. InputError: a label or organisation that can't be.
    """
    if member not in known:
        raise RuleError(f"{member[:20]} is not a member of this bloc.", code="not_a_member")
    for name, value in (("label", label), ("organisation", organisation)):
        if (value or name == "label") and not _is_slug(value):
            hint = "Letters a to z, digits and hyphens, as cert-br."
            raise InputError(f'"{value[:40]}" can\'t be.', where=name, hint=hint, code="slug")
    password, salt = secrets.token_urlsafe(PASSWORD_BYTES), secrets.token_bytes(16)
    store.put_account(account_name(member, label), member, label, organisation, salt, _hashed(password, salt))
    return password


def _is_slug(text: str) -> bool:
    return text.isascii() and text.replace("-", "").isalnum() and text[:1].isalpha() and text == text.lower()[:32]


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **SCRYPT)


class Passwords:
    """Who a name and password are. slow: called before a password is hashed; raises where too many were tried."""

    def __init__(self, store: TaxiiStore) -> None:
        self._store = store
        self._key = secrets.token_bytes(32)
        self._right: dict[str, bytes] = {}

    def caller(self, name: str, password: str, slow: Callable[[], None]) -> Caller | None:
        """The caller; None of an unknown name or a wrong password."""
        found = self._store.account(name)
        salt, wanted = (found[3], found[4]) if found else (bytes(16), bytes(32))
        mark = hmac.new(self._key, salt + password.encode("utf-8", "replace"), hashlib.sha256).digest()
        if found is None or not hmac.compare_digest(self._right.get(name, b""), mark):
            slow()
            right = hmac.compare_digest(_hashed(password, salt), wanted)  # an unknown name takes as long
            if found is None or not right:
                return None
            self._right[name] = mark
        return Caller(found[0], found[1], found[2])


def basic(header: str) -> tuple[str, str] | None:
    """Name and password of an `Authorization: Basic` header (RFC 7617); None of any other."""
    kind, _, rest = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (name, password) if colon else None


# --- Routes -----------------------------------------------------------------------------------------------------------


def taxii_routes(
    service: Service, callers: Callers, store: TaxiiStore, bearer: Bearer | None = None
) -> list[BaseRoute]:
    """The routes; an application mounts them at its root.

    Args:
        bearer: reads a token, given its text, the request and its body; None where it is none.

    Raises:
        MethodError: Starlette is not installed.
    """
    try:
        from starlette.routing import Route
    except ImportError:
        raise need_extra("web", "A node's server") from None
    at = _Taxii(service, callers, store, bearer)
    return [Route(f"{PREFIX}{{path:path}}", at.answer, methods=["GET", "POST", "DELETE"])]


class _Taxii:
    """The one handler."""

    def __init__(self, service: Service, callers: Callers, store: TaxiiStore, bearer: Bearer | None) -> None:
        self._service, self._callers, self._store, self._bearer = service, callers, store, bearer
        self._passwords = Passwords(store)

    async def answer(self, asked: Asked) -> Sent:
        """One request."""
        from starlette.responses import Response as Made

        found = await self._answered(asked)
        headers = {**dict(found.headers), "cache-control": "no-store", "vary": "authorization"}
        return Made(found.body, found.status, headers)

    async def _answered(self, asked: Asked) -> Response:
        from anyio import to_thread

        client = asked.client.host if asked.client else ""
        address = self._callers.address(client, asked.headers.get("x-forwarded-for", ""))
        body = await _body(asked)
        if body is None:
            return error_response(413, f"A body of over {BYTES_MAX:,} bytes.")
        try:
            caller = await to_thread.run_sync(self._who, asked, body, address)
            now = self._service.monotonic()
            if caller is None:
                return error_response(401, "This name and password, or this token, is not known here.")
            if not caller.member:
                self._callers.anybody("pages", address, now)
                return await to_thread.run_sync(self._handled, asked, body, caller)
            with self._callers.member(caller.member, now):
                return await to_thread.run_sync(self._handled, asked, body, caller)
        except LimitError as error:
            again = error_response(429, str(error))
            wait = str(max(1, round(error.wait_s)))
            return Response(again.status, again.body, (*again.headers, ("retry-after", wait)))
        except StateError as error:
            self._service.log("error", "taxii store", {"what": str(error), "code": error.code})
            again = error_response(503, "The store can't be reached just now.")
            return Response(again.status, again.body, (*again.headers, ("retry-after", "30")))

    def _who(self, asked: Asked, body: bytes, address: str) -> Caller | None:
        """Who calls; nobody in particular without a header, None where the header proves nothing."""
        header = asked.headers.get("authorization", "")
        if not header:
            return Caller()
        found = self._proved(header, asked, body, address)
        active = {member.id for member in self._service.chain.last.active}
        return found if found is not None and found.member in active else None  # who left is nobody we know

    def _proved(self, header: str, asked: Asked, body: bytes, address: str) -> Caller | None:
        if header.lower().startswith("bearer "):
            return self._bearer(header[7:].strip(), asked, body) if self._bearer is not None else None
        said = basic(header)
        if said is None:
            return None
        slow = lambda: self._callers.anybody("forms", address, self._service.monotonic())  # noqa: E731
        return self._passwords.caller(*said, slow)

    def _handled(self, asked: Asked, body: bytes, caller: Caller) -> Response:
        service = self._service
        root = service.bloc.lower()
        members = frozenset(member.id for member in service.chain.last.active)
        site = Site({root: f"Incidents of {service.bloc}"}, members, microseconds())
        method = "GET" if asked.method == "HEAD" else asked.method
        headers = {name.lower(): value for name, value in asked.headers.items()}
        request = Request(
            method, asked.path_params["path"], self._base(asked), tuple(asked.query_params.multi_items()), headers,
            body, caller,
        )  # fmt: skip
        return handle(request, self._store, site)

    def _base(self, asked: Asked) -> str:
        """The address of `/taxii2/` as this caller reached it."""
        host = asked.headers.get("host", "")
        scheme, _, known = self._service.public_url.partition("://")
        if known.partition("/")[0].lower() != host.lower():
            scheme = asked.url.scheme
        return f"{scheme}://{host}{asked.scope.get('root_path', '').rstrip('/')}{PREFIX}"


async def _body(asked: Asked) -> bytes | None:
    """The body, counted while it comes; None of one that is too long, or whose sender left."""
    from starlette.requests import ClientDisconnect

    found = bytearray()
    try:
        async for chunk in asked.stream():
            found += chunk
            if len(found) > BYTES_MAX:
                return None
    except ClientDisconnect:
        return None
    return bytes(found)


def mounted(service: Any, callers: Callers) -> list[BaseRoute]:
    """The routes over a node's own folder, and those of questions' texts; the store is closed with the service."""
    from concordat.node.question_texts import text_routes

    store = open_taxii(service.node.home)
    service.beside.append(_Store(service, store))
    bearer = member_tokens(service, store)
    return [*taxii_routes(service, callers, store, bearer), *text_routes(service, callers, bearer)]


def member_tokens(service: Any, store: TaxiiStore) -> Bearer:
    """Reads the token by which members' nodes say who they are (exchange.md 5.5), bound to this very request.

    A token is good once, after a start of the node as well. The organisation of a label is what its account says, if
    it has one.
    """
    from concordat.exchange.dataspace.token import Request as Bound
    from concordat.exchange.dataspace.token import read_token
    from concordat.node.exchange_book import keys_of
    from concordat.node.taxii_tokens import KeptSeen

    seen, alone = KeptSeen(store), threading.Lock()

    def key(member: str, label: str, keyid: str) -> bytes:
        final = service._published.heads.final
        return keys_of(service.chain, member, label, keyid, (final[0], final[1]))

    def bearer(token: str, asked: Asked, body: bytes) -> Caller | None:
        query = f"?{asked.url.query}" if asked.url.query else ""
        base = service.public_url.rstrip("/")
        place = asked.path_params
        path = f"{PREFIX}{place['path']}" if "path" in place else f"/exchange/texts/{place['digest']}"
        url = f"{base}{path}{query}"
        bound, now = Bound(asked.method, url, base, body), int(clock.now().timestamp())
        try:
            with alone:
                found = read_token(token, bound, key, seen, bloc=service.bloc, now=now)
        except (InputError, TrustError) as error:
            service.log("info", "taxii token", {"what": str(error), "code": error.code})
            return None
        account = store.account(account_name(found.member, found.label))
        return Caller(found.member, found.label, account[2] if account else "")

    return bearer


class _Store:
    """The store beside a service: mended when its node starts, closed when it stops."""

    def __init__(self, service: Any, store: TaxiiStore) -> None:
        self._service, self._store = service, store

    async def start(self) -> None:
        """Make readable what was logged just before a crash."""
        from concordat.node.incidents import mend

        await self._service.read(lambda node: mend(node, self._store))

    async def close(self) -> None:
        """Close it."""
        self._store.close()
