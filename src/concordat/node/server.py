"""The protocol over HTTP: what members and auditors ask of a node, as Starlette routes that any application can mount.

    GET  /log/<bloc>/<name>/checkpoint, tile/...     static files of a log (C2SP tlog-tiles); <name>: BRA, council/3
    GET  /sync/heads, notes|votes|misconduct|states/<key>          what is known here, and each paper by its hash
    POST /sync/messages                              a member's messages (signed request); the answer: replies
    POST /witness/add-checkpoint, /mirror/add-checkpoint, /mirror/add-entries      C2SP tlog-witness, tlog-mirror
    POST /entries                                    one signed envelope: 201 with its id, 200 if it was known
    GET  /health/live, /health/ready                 one word; the detail is on the operator's address (`ops_routes`)

Full tiles never change and may be kept for ever, partial ones and heads not. Errors are problem+json with the words of
the error tree. Source: node-web.md 2, ledger.md 5. Not here: pages, accounts, TLS (`serve`).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from concordat import clock
from concordat.errors import ConcordatError, InputError, RuleError, SourceError, StateError, TrustError
from concordat.ledger.messages import Message
from concordat.ledger.tiles import ENTRY_BYTES_MAX
from concordat.ledger.witness import BODY_BYTES_MAX as WITNESS_BYTES_MAX
from concordat.ledger.witness import Answer
from concordat.node.callers import Callers, LimitError, lower
from concordat.node.deeds import Cosigning
from concordat.node.edge import Named
from concordat.node.letters import LETTER_BYTES_MAX, pack, pack_some, unpack
from concordat.node.limits import BODY_MAX, MEMBER_BODY_MAX
from concordat.node.service import Service
from concordat.node.signed_request import RequestVerifier, check_body
from concordat.node.writer import BUSY_S, BusyError
from concordat.settings import need_extra

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

FOR_EVER = "public, max-age=31536000, immutable"
SHORTLY = "public, max-age=5"
NEVER = "no-store"
BINARY, TEXT, JSON = "application/octet-stream", "text/plain; charset=utf-8", "application/json"
PROBLEM = "application/problem+json"
Handler = Callable[["Request"], Awaitable["Response"]]


GETS = (
    ("/log/{bloc}/{name}/checkpoint", "checkpoint"),
    ("/log/{bloc}/council/{view}/checkpoint", "checkpoint"),
    ("/log/{bloc}/{name}/tile/{path:path}", "tile"),
    ("/log/{bloc}/council/{view}/tile/{path:path}", "tile"),
    ("/sync/heads", "heads"),
    ("/sync/{kind}/{key}", "paper"),
    ("/health/live", "live"),
    ("/health/ready", "ready"),
)
POSTS = (
    ("/sync/messages", "messages"),
    ("/witness/add-checkpoint", "add_checkpoint"),
    ("/mirror/add-checkpoint", "add_pending"),
    ("/mirror/add-entries", "add_entries"),
    ("/entries", "entries"),
)
PATTERNS = tuple(path for path, _ in (*POSTS, *GETS))


class TooLargeError(InputError):
    """A body over the bound of its address."""


def routes(service: Service, callers: Callers | None = None) -> list[BaseRoute]:
    """The routes of the protocol for one node; an application mounts them at its root.

    Args:
        service: the running node. callers: the limits, shared with the pages where there are any.

    Raises:
        MethodError: Starlette is not installed.
    """
    try:
        from starlette.routing import Route
    except ImportError:
        raise need_extra("web", "A node's server") from None
    at = _Protocol(service, callers or Callers(service.settings.trusted_proxies))
    made: list[BaseRoute] = []
    for methods, table in (("POST", POSTS), ("GET", GETS)):
        made += [Route(path, at.guarded(getattr(at, name)), methods=[methods]) for path, name in table]
    return made


def ops_routes(service: Service) -> list[BaseRoute]:
    """What the operator alone may see: readiness in detail, status of the peers, metrics.

    Raises:
        MethodError: Starlette is not installed.
    """
    try:
        from starlette.responses import Response
        from starlette.routing import Route
    except ImportError:
        raise need_extra("web", "A node's server") from None

    async def ready(_: Request) -> Response:
        failing = service.failing()
        return Response(json.dumps({"failing": failing, "ready": not failing}), 503 if failing else 200, None, JSON)

    async def status(_: Request) -> Response:
        return Response(json.dumps(await service.status()), 200, None, JSON)

    async def metrics(_: Request) -> Response:
        if service.metrics is None:
            return Response("no metrics\n", 404, None, TEXT)
        from concordat.node.gauges import refresh

        node, cert = service.node, service.settings.tls_cert
        refresh(service.metrics, node.home, service.chain, await service.status(), cert, clock.now(),
                service.settings.database)  # fmt: skip
        data, kind = service.metrics.text()
        return Response(data, 200, None, kind)

    return [Route("/ready", ready), Route("/status", status), Route("/metrics", metrics)]


class _Protocol:
    """The handlers."""

    def __init__(self, service: Service, callers: Callers) -> None:
        from starlette.responses import Response

        self._answer = Response
        self._service, self._callers = service, callers
        self._verifier: RequestVerifier | None = None

    # --- Around every handler -----------------------------------------------------------------------------------------

    def guarded(self, handler: Handler) -> Handler:
        """A handler whose errors become answers."""

        async def guard(request: Request) -> Response:
            try:
                return await handler(request)
            except ConcordatError as error:
                return self._problem(error)

        guard.__name__ = handler.__name__
        return guard

    def _problem(self, error: ConcordatError) -> Response:
        status = status_of(error)
        facts = {"type": "about:blank", "status": status, "title": type(error).__name__, "detail": str(error)}
        facts |= {"code": error.code}
        headers = {"cache-control": NEVER}
        if isinstance(error, LimitError):
            headers["retry-after"] = str(max(1, round(error.wait_s)))
            if self._service.metrics is not None:
                self._service.metrics.rejected(error.limit)
        elif status == 503:
            headers["retry-after"] = str(BUSY_S)
        return self._answer(json.dumps(facts, ensure_ascii=False).encode(), status, headers, PROBLEM)

    def _verify(self, request: Request) -> str | None:
        """The member that signed a request; None for anybody else.

        Raises:
            InputError, TrustError: a signature that isn't good.
        """
        if self._verifier is None:
            self._verifier = RequestVerifier(self._service.chain, self._service.public_url)
        now = int(clock.now().timestamp())
        path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace").partition("?")[0]
        return self._verifier.member_of(request.method, path, lower(request.headers), now)

    def _address(self, request: Request) -> str:
        client = request.client.host if request.client else ""
        return self._callers.address(client, request.headers.get("x-forwarded-for", ""))

    async def _reading(self, request: Request, limit: str, answer: Callable[[], Awaitable[Response]]) -> Response:
        """A file for a member or anybody, each under their limit."""
        member = self._verify(request)
        now = self._service.monotonic()
        if member is None:
            self._callers.anybody(limit, self._address(request), now)
            return await answer()
        with self._callers.member(member, now):
            self._service.rounds.heard(member)
            return await answer()

    async def _body(self, request: Request, most: int) -> bytes:
        """The body, counted while it comes.

        Raises:
            TooLargeError: over `most` bytes. InputError: the caller left before its end: no fault of this program.
        """
        from starlette.requests import ClientDisconnect

        found = bytearray()
        try:
            async for chunk in request.stream():
                found += chunk
                if len(found) > most:
                    raise TooLargeError(f"a body of over {most:,} bytes.", where=request.url.path, code="too_large")
        except ClientDisconnect:
            raise InputError("the body ended early.", where=request.url.path, code="cut") from None
        return bytes(found)

    # --- Files --------------------------------------------------------------------------------------------------------

    async def checkpoint(self, request: Request) -> Response:
        """The newest head of a log with the cosignatures that are here."""

        async def answer() -> Response:
            published = await self._service.published()
            origin = self._origin(request, published.names)
            text = published.notes.get(origin)
            if text is None:
                return self._missing("this log has no head yet")
            return self._answer(text.encode(), 200, {"cache-control": SHORTLY}, TEXT)

        return await self._reading(request, "pages", answer)

    async def tile(self, request: Request) -> Response:
        """A tile of hashes or a bundle of entries."""

        async def answer() -> Response:
            published = await self._service.published()
            origin = self._origin(request, published.names)
            try:
                found = await self._service.tile(origin, f"tile/{request.path_params['path']}")
            except InputError:
                found = None
            if found is None:
                return self._missing("there is no such tile")
            data, full = found
            return self._answer(data, 200, {"cache-control": FOR_EVER if full else NEVER}, BINARY)

        return await self._reading(request, "pages", answer)

    def _origin(self, request: Request, names: Any) -> str:
        parameters = request.path_params
        name = f"council/{parameters['view']}" if "view" in parameters else parameters["name"]
        if parameters["bloc"] != self._service.bloc or name not in names:
            raise AbsentError("there is no such log here.", where=request.url.path[:120], code="no_log")
        found: str = names[name]
        return found

    def _missing(self, words: str) -> Response:
        return self._answer(f"{words}\n".encode(), 404, {"cache-control": NEVER}, TEXT)

    async def heads(self, request: Request) -> Response:
        """What is known here; 304 if the sender has it."""

        async def answer() -> Response:
            published = await self._service.published()
            date = format_datetime(clock.now(), usegmt=True)  # of the clock that signs: peers compare theirs with it
            headers = {"cache-control": NEVER, "etag": published.tag, "date": date}
            if request.headers.get("if-none-match") == published.tag:
                return self._answer(b"", 304, headers)
            return self._answer(published.data, 200, headers, JSON)

        return await self._reading(request, "heads", answer)

    async def paper(self, request: Request) -> Response:
        """A note, vote, proof of misconduct or state hash, by its key."""

        async def answer() -> Response:
            kind, key = request.path_params["kind"], request.path_params["key"]
            published = await self._service.published()
            found: bytes | str | None = None
            match kind:
                case "notes":
                    found = self._service.note(key)
                case "votes":
                    found = published.votes.get(key)
                case "misconduct":
                    found = published.misconduct.get(key)
                case "states":
                    found = self._service.state_hash(key)
            if found is None:
                return self._missing("there is no such paper")
            data = found.encode() if isinstance(found, str) else found
            keep = NEVER if kind == "states" else FOR_EVER
            return self._answer(data, 200, {"cache-control": keep}, TEXT if kind in ("notes", "states") else JSON)

        return await self._reading(request, "pages", answer)

    # --- Members' requests --------------------------------------------------------------------------------------------

    async def messages(self, request: Request) -> Response:
        """A member's messages; what the replica says to it in reply."""
        member = self._verify(request)
        if member is None:
            hint = "A member's node signs its requests."
            raise RuleError("only members send messages.", where="/sync/messages", hint=hint, code="unsigned")
        with self._callers.member(member, self._service.monotonic()):
            body = await self._body(request, LETTER_BYTES_MAX)
            check_body(lower(request.headers), body)
            sender, messages = unpack(body)
            if sender != member:
                raise TrustError(f"signed by {member}, sent as {sender}.", where="letter", code="sender")
            self._service.rounds.heard(member)
            replies = await self._service.take(member, messages)
            return self._answer(self._fitting(member, replies), 200, {"cache-control": NEVER}, JSON)

    def _fitting(self, member: str, replies: list[Message]) -> bytes:
        """As many replies as one answer holds; the rest is sent like anything else."""
        if not replies:
            return pack(self._service.member, [])
        data, count = pack_some(self._service.member, replies)
        for message in replies[count:]:
            self._service.rounds.post(member, message)
        return data

    async def add_checkpoint(self, request: Request) -> Response:
        """The witness cosigns a head that continues what it saw."""
        return await self._cosign(request, WITNESS_BYTES_MAX, "checkpoint")

    async def add_pending(self, request: Request) -> Response:
        """The mirror takes a head in."""
        return await self._cosign(request, WITNESS_BYTES_MAX, "pending")

    async def add_entries(self, request: Request) -> Response:
        """The mirror takes entries, and cosigns once it holds all."""
        gzip = request.headers.get("content-encoding", "").strip().lower() == "gzip"
        most = MEMBER_BODY_MAX if "signature-input" in request.headers else BODY_MAX
        return await self._cosign(request, most, "entries", gzip=gzip)

    async def _cosign(self, request: Request, most: int, what: str, *, gzip: bool = False) -> Response:
        async def answer() -> Response:
            body = await self._body(request, most)
            if "content-digest" in request.headers:
                check_body(lower(request.headers), body)
            found: Answer = await self._service.run(Cosigning(self._service.cosigner, what, body, gzip))
            headers = {"cache-control": NEVER, "content-type": found.content_type}  # exactly: no charset is added
            if found.status == 503:
                headers["retry-after"] = str(BUSY_S)
            return self._answer(found.body, found.status, headers)

        return await self._reading(request, "heads", answer)

    async def entries(self, request: Request) -> Response:
        """One envelope that one of this member's people signed."""
        self._callers.anybody("forms", self._address(request), self._service.monotonic())
        taken = await self._service.submit(await self._body(request, ENTRY_BYTES_MAX + 1))
        facts = {"id": taken.id, "index": taken.index}
        return self._answer(json.dumps(facts), 200 if taken.known else 201, {"cache-control": NEVER}, JSON)

    # --- Health -------------------------------------------------------------------------------------------------------

    async def live(self, _: Request) -> Response:
        """The loop turns."""
        return self._answer(b"live\n", 200, {"cache-control": NEVER}, TEXT)

    async def ready(self, _: Request) -> Response:
        """Whether this node serves and signs; the reasons are the operator's."""
        failing = bool(self._service.failing())
        return self._answer(b"not ready\n" if failing else b"ready\n", 503 if failing else 200,
                            {"cache-control": NEVER}, TEXT)  # fmt: skip


class AbsentError(InputError):
    """An address that names nothing here."""


def status_of(error: ConcordatError) -> int:
    """The HTTP status of an error, by its branch of the tree.

    >>> status_of(RuleError("x")), status_of(StateError("x")), status_of(StateError("x", code="seq"))
    (403, 503, 409)
    """
    if isinstance(error, LimitError):
        return 429
    if isinstance(error, AbsentError):
        return 404
    if isinstance(error, TooLargeError) or error.code == "entry_size":
        return 413
    if isinstance(error, BusyError):
        return 503
    if isinstance(error, StateError):
        return 409 if error.code == "seq" else 503
    if isinstance(error, RuleError):
        return 403
    if isinstance(error, TrustError):
        return 409 if error.code not in ("unknown_key", "replayed", "digest", "signature", "role", "sender") else 403
    if isinstance(error, SourceError):
        return 502
    return 400


def application(service: Service, callers: Callers | None = None, more: Sequence[BaseRoute] = ()) -> Any:
    """The protocol alone as an application: a bare ledger peer (`--no-web`).

    Args:
        more: routes of what runs beside, such as the exchange.
    """
    from starlette.applications import Starlette

    return Starlette(routes=[*routes(service, callers), *more])


def ops_application(service: Service, more: Sequence[BaseRoute] = ()) -> Any:
    """What the operator sees as an application, for `ops_listen`, to those who ask for it by its own name.

    Args:
        more: routes of what runs beside, such as the exchange.
    """
    from starlette.applications import Starlette

    return Named(Starlette(routes=[*ops_routes(service), *more]), service.settings.ops_address[0])
