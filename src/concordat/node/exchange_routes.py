"""The exchange over HTTP, as Starlette routes mounted beside the protocol of the log: 25 of DSP, bodies, proofs.

    /.well-known/dspace-version, /dsp/2025-1/...     the Dataspace Protocol 2025-1 (`exchange_calls.ROUTES`)
    GET  /dsp/data/{providerPid}                     a body under an agreement: bearer token, ranges, `Repr-Digest`
    GET, PUT /dsp/push/{consumerPid}                 what is pushed to this node (`exchange_push_routes`)
    GET  /log/entry/{id}.tlog-proof                  the proof that an entry was said, as the catalogue names it
    POST /exchange/...                               the operator's address alone: orders of the command line

Whoever shows a token may ask 200 times a second from one network (an IPv6 /64 is one); each token that turns out to be
none counts as a request of anybody, and after as many as anybody has, that network waits. Requests without a token
count apart: they keep no member out. Source: exchange.md 5.2, 5.4.
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, Any

from concordat import clock
from concordat.errors import ConcordatError, InputError, TrustError
from concordat.exchange.dataspace.messages import DATA, PUSHED
from concordat.exchange.dataspace.schemas import MESSAGE_BYTES_MAX
from concordat.node.callers import Callers, LimitError
from concordat.node.exchange_calls import ROUTES, WELL_KNOWN, AbsentError, Call, UnknownCallerError, refusal, route_of
from concordat.node.exchange_parts import File
from concordat.node.exchange_push_routes import push_routes
from concordat.node.exchange_service import ExchangeService
from concordat.node.exchange_started import reserved

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

JSON = "application/json"
NEVER = "no-store"
CHUNK = 1 << 18
_RANGE = re.compile(r"bytes=([0-9]{1,15})-([0-9]{0,15})")


def exchange_routes(exchange: ExchangeService, callers: Callers) -> list[BaseRoute]:
    """The routes that other members ask."""
    from starlette.routing import Route

    at = _Exchange(exchange, callers)
    made: list[BaseRoute] = [
        Route(DATA + "/{pid}", at.body, methods=["GET"]),
        Route("/log/entry/{entry}.tlog-proof", at.proof, methods=["GET"]),
        Route(WELL_KNOWN, at.message, methods=["GET"]),
    ]
    patterns = sorted({(route.pattern, route.method) for route in ROUTES if route.pattern != WELL_KNOWN})
    made += push_routes(at)
    made += [Route(pattern, at.message, methods=[method]) for pattern, method in patterns]
    return made


def absent_routes(workers: int) -> list[BaseRoute]:
    """What a node of several processes answers in place of its exchange: 501, and why."""
    from starlette.responses import Response
    from starlette.routing import Route

    words = f"the exchange of this node does not run: it needs one process, and there are {workers}"

    async def absent(_: Request) -> Response:
        return Response(f"{words}\n".encode(), 501, {"cache-control": NEVER}, "text/plain; charset=utf-8")

    patterns = sorted({route.pattern for route in ROUTES} | {DATA + "/{pid}", PUSHED + "/{pid}"})
    return [Route(pattern, absent, methods=["GET", "POST", "PUT"]) for pattern in patterns]


class _Exchange:
    """The handlers."""

    def __init__(self, exchange: ExchangeService, callers: Callers) -> None:
        from starlette.responses import Response, StreamingResponse

        self._response, self._streaming = Response, StreamingResponse
        self._exchange, self._callers, self._service = exchange, callers, exchange.service

    async def message(self, request: Request) -> Response:
        """One request of the Dataspace Protocol."""
        raw = request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace").partition("?")[0]
        found = route_of(request.method, raw)
        if found is None:
            return self._response(b"", 404, {"cache-control": NEVER})
        limit = "forms" if request.method == "POST" else "pages"
        try:
            self._admit(request, limit)
            body = await self._body(request)
            kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
            if body and kind != JSON:
                raise InputError("the media type is not application/json.", where="content-type", code="media_type")
        except ConcordatError as fault:
            answer = refusal(fault, found[0], None)
            return self._response(answer.body, answer.status, {**answer.headers, "cache-control": NEVER}, JSON)
        url = f"{self._service.public_url}{raw}"
        authorization = request.headers.get("authorization", "")
        answer = await self._exchange.answer(
            Call(request.method, raw, url, body, authorization, dict(request.query_params))
        )
        if answer.unknown:
            self._unknown(request, limit)
        return self._response(answer.body, answer.status, {**answer.headers, "cache-control": NEVER}, JSON)

    def _admit(self, request: Request, limit: str) -> None:
        """Bound who sends too much, by the network it comes from; a token is not believed before it is verified."""
        now = self._service.monotonic()
        if request.headers.get("authorization", ""):
            self._callers.claims(limit, self._address(request), now)
        else:
            self._callers.anybody(limit, self._address(request), now)

    def _unknown(self, request: Request, limit: str) -> None:
        """A token turned out to be none: the request was one of anybody."""
        if request.headers.get("authorization", ""):
            self._callers.false_claim(limit, self._address(request), self._service.monotonic())

    def _address(self, request: Request) -> str:
        client = request.client.host if request.client else ""
        return self._callers.address(client, request.headers.get("x-forwarded-for", ""))

    async def _body(self, request: Request) -> bytes:
        from starlette.requests import ClientDisconnect

        found = bytearray()
        try:
            async for chunk in request.stream():
                found += chunk
                if len(found) > MESSAGE_BYTES_MAX:
                    raise InputError(f"a body of over {MESSAGE_BYTES_MAX:,} bytes.", code="too_large")
        except ClientDisconnect:
            raise InputError("the body ended early.", code="cut") from None
        return bytes(found)

    async def proof(self, request: Request) -> Response:
        """The proof bundle of an entry."""
        entry = request.path_params["entry"]
        try:
            self._callers.anybody("pages", self._address(request), self._service.monotonic())  # it needs no token
            if not re.fullmatch(r"[0-9a-f]{64}", entry):
                raise AbsentError
            data = await self._exchange.proof(entry)
        except LimitError as fault:
            return self._response(b"too many requests\n", 429, {"retry-after": str(max(1, round(fault.wait_s)))})
        except ConcordatError as fault:
            return self._response(f"{fault}\n".encode(), 404, {"cache-control": NEVER}, "text/plain; charset=utf-8")
        return self._response(data, 200, {"cache-control": NEVER}, JSON)

    # --- Bodies -------------------------------------------------------------------------------------------------------

    async def body(self, request: Request) -> Response:
        """A file of the dataset, whole or a range of it, to whoever holds the transfer's token."""
        if request.method != "GET":  # HEAD gives no body: it must not count as a use
            return self._response(b"", 405, {"allow": "GET", "cache-control": NEVER})
        pid = request.path_params["pid"]
        bearer = request.headers.get("authorization", "").partition(" ")[2].strip()
        digest = request.query_params.get("file", "")
        now = clock.now()
        try:
            self._admit(request, "pages")
            engine = self._exchange.engine
            header = request.headers.get("range", "")

            def part(file: File) -> tuple[int, int]:
                self._exchange.path(file)  # what is not here is not counted
                return _range(header, file)

            agreement, file, start, length = await self._exchange.do(
                lambda: reserved(engine, pid, bearer, digest, part, now)
            )
            path = self._exchange.path(file)
        except ConcordatError as fault:
            status = 429 if isinstance(fault, LimitError) else 416 if fault.code == "range" else 404
            if fault.code == "denied":
                status = 403
            told = "no such body, or no valid token\n" if status == 404 else f"{fault}\n"
            if isinstance(fault, UnknownCallerError):
                self._unknown(request, "pages")
                self._service.log("info", "exchange refused", {"path": request.url.path, "what": str(fault)})
            return self._response(told.encode(), status, {"cache-control": NEVER}, "text/plain; charset=utf-8")
        headers = {
            "accept-ranges": "bytes", "cache-control": NEVER, "content-length": str(length),
            "repr-digest": f"sha-256=:{b64encode(bytes.fromhex(file.sha256)).decode()}:",
        }  # fmt: skip
        if length != file.bytes:
            headers["content-range"] = f"bytes {start}-{start + length - 1}/{file.bytes}"
        parts = self._parts(path, start, length, (agreement.id, pid, file))
        return self._streaming(parts, 206 if length != file.bytes else 200, headers, file.media_type)

    async def _parts(self, path: Any, start: int, length: int, of: tuple[str, str, File]) -> AsyncIterator[bytes]:
        """The bytes; those that nobody took are given back to the counter."""
        agreement, pid, file = of
        left = length
        try:
            handle = await self._exchange.do(lambda: path.open("rb"))
            try:
                await self._exchange.do(lambda: handle.seek(start))
                while left:
                    chunk = await self._exchange.do(partial(handle.read, min(CHUNK, left)))
                    if not chunk:
                        raise TrustError("the file ended early.", where=file.sha256, code="damaged")
                    yield chunk
                    left -= len(chunk)
            finally:
                handle.close()
        finally:
            if left:
                self._exchange.store.serve(agreement, pid, file.sha256, file.bytes, -left)


def _range(header: str, file: File) -> tuple[int, int]:
    """Start and length of what is asked for: one range of bytes, or all (RFC 9110, section 14).

    Raises:
        InputError: a range outside of the file.
    """
    found = _RANGE.fullmatch(header.strip().lower())
    if not found:
        return 0, file.bytes  # a range that isn't understood is left out (RFC 9110, section 14.2)
    start = int(found[1])
    end = min(int(found[2]) if found[2] else file.bytes - 1, file.bytes - 1)
    if start > end:
        raise InputError(f"the file has {file.bytes} bytes.", where="range", code="range")
    return start, end - start + 1


# --- The operator's address -------------------------------------------------------------------------------------------


def _order(data: bytes) -> dict[str, Any]:
    """What an order says.

    Raises:
        InputError: not an object of JSON.
    """
    try:
        said = json.loads(data)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise InputError("an order is an object of JSON.", where="order", code="order")
    return said


def exchange_ops_routes(exchange: ExchangeService) -> list[BaseRoute]:
    """Orders of the command line; each shows the secret that lies in the node's folder, readable by its owner alone."""
    from starlette.responses import Response
    from starlette.routing import Route

    from concordat.node.exchange_orders import ORDERS

    async def order(request: Request) -> Response:
        secret = exchange.secret_path.read_text().strip()
        shown = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), secret.encode()) or "origin" in request.headers:
            return Response(b"{}", 403, None, JSON)
        try:
            given = ORDERS.get(request.path_params["order"])
            if given is None:
                return Response(b"{}", 404, None, JSON)
            found = await given(exchange, _order(await request.body()))
            return Response(json.dumps(found, ensure_ascii=False), 200, None, JSON)
        except ConcordatError as error:
            return Response(json.dumps({"error": error.as_dict()}, ensure_ascii=False), 200, None, JSON)

    return [Route("/exchange/{order}", order, methods=["POST"])]
