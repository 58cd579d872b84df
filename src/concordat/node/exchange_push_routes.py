"""Where a consumer takes what is pushed to it: pieces of files, by the transfer's own token.

    GET  /dsp/push/{consumerPid}?file=SHA-256        how many bytes of the file are here
    PUT  /dsp/push/{consumerPid}?file=SHA-256        a piece: `Content-Range: bytes FIRST-LAST/SIZE`, at most 4 MiB

Both answer `{"offset": N, "complete": true|false}`: 200; 409 if a piece doesn't begin where the last one ended. 404
without a good token, or for a file that is not expected; 403 while the transfer doesn't run; 413 and 416 for a piece
that is too long or not what it says; 422 for a whole file that is another one, which ends the transfer; 429, also for
a third piece of one transfer at a time; 503 where the disk refuses. Source: exchange.md 5.4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from concordat.errors import ConcordatError, InputError, RuleError, StateError, TrustError
from concordat.exchange.dataspace.messages import PUSHED
from concordat.node.callers import LimitError
from concordat.node.exchange_calls import UnknownCallerError
from concordat.node.exchange_receive import PIECE_MAX, Standing, body_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

JSON = "application/json"
PATTERN = PUSHED + "/{pid}"
PIECES_MOST = 2  # of one transfer in memory at one time: the one that is taken, and one that was given up for lost


def push_routes(at: Any) -> list[BaseRoute]:
    """The routes.

    Args:
        at: the handlers of the exchange (`exchange_routes`), which bound who asks too often.
    """
    from starlette.routing import Route

    async def handle(request: Request) -> Response:
        return await _handled(at, request)

    return [Route(PATTERN, handle, methods=["GET", "PUT"])]


async def _handled(at: Any, request: Request) -> Response:
    from starlette.responses import Response

    never = {"cache-control": "no-store"}
    try:
        at._admit(request, "pages")
        found = await _answered(at, request)
        return Response(body_of(found), found.status, never, JSON)
    except ConcordatError as fault:
        status = status_of(fault)
        if isinstance(fault, UnknownCallerError):
            at._unknown(request, "pages")
            at._service.log("info", "exchange refused", {"path": request.url.path, "what": str(fault)})
        if isinstance(fault, LimitError):
            never["retry-after"] = str(max(1, round(fault.wait_s)))
        told = "nothing of that name here, or no valid token" if status == 404 else fault.what
        return Response(f"{told}\n".encode(), status, never, "text/plain; charset=utf-8")


async def _answered(at: Any, request: Request) -> Standing:
    pid, digest = request.path_params["pid"], request.query_params.get("file", "")
    bearer = request.headers.get("authorization", "").partition(" ")[2].strip()
    receiving = at._exchange.pushing.receiving
    found: Standing = await receiving.standing(pid, bearer, digest)  # before a body is read: who asks is known
    if request.method == "PUT":
        with _place(receiving.pieces, pid):
            data = await _body(request)
            found = await receiving.take(pid, bearer, digest, request.headers.get("content-range", ""), data)
    return found


@contextmanager
def _place(pieces: Counter[str], pid: str) -> Iterator[None]:
    """Room in memory for one piece: who holds the token may send many at one time.

    Raises:
        LimitError: there is none.
    """
    if pieces[pid] >= PIECES_MOST:
        raise LimitError("pieces", 1)
    pieces[pid] += 1
    try:
        yield
    finally:
        pieces[pid] -= 1
        if not pieces[pid]:
            del pieces[pid]


async def _body(request: Request) -> bytes:
    from starlette.requests import ClientDisconnect

    found = bytearray()
    try:
        async for chunk in request.stream():  # its time is bounded by the server, as that of every body
            found += chunk
            if len(found) > PIECE_MAX:
                raise InputError(f"a piece of over {PIECE_MAX:,} bytes.", code="too_large")
    except ClientDisconnect:
        raise InputError("the piece ended early.", code="cut") from None
    return bytes(found)


def status_of(fault: ConcordatError) -> int:
    """The HTTP status of an error."""
    if isinstance(fault, UnknownCallerError) or fault.code == "not_found":
        return 404
    if isinstance(fault, LimitError):
        return 429
    if isinstance(fault, StateError):
        return 503
    if isinstance(fault, TrustError):
        return 422
    if isinstance(fault, RuleError):
        return 403
    return {"too_large": 413, "range": 416}.get(fault.code, 400)
