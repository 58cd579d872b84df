"""Connections to one peer's node that are kept between requests: one request at a time on each, and so many at most.

httpcore's own connections without its pool, which looks at every kept connection at every request and again at its
end, and without httpx around it: a third of the processor a request. The one that was used last is taken first; what
the other end has closed, what lay idle for a minute, or what holds bytes behind an answer, which would pass for the
answer to the next request, is closed and not used again. Not here: which address may be asked (`outbound`).
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpcore

AT_ONCE = 16
IDLE_MAX_S = 60.0
PLACE_MAX_S = 30.0
LET_GO_S = 0.2


@dataclass(frozen=True, slots=True)
class _Idle:
    """A connection that waits, where it leads, and since when."""

    connection: httpcore.AsyncHTTPConnection
    origin: httpcore.Origin
    since: float


class KeptConnections:
    """The connections to one name and port.

    Args:
        tls: for those over TLS.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._idle: deque[_Idle] = deque()  # whichever was used last at the end
        self._places = asyncio.Semaphore(AT_ONCE)
        self._closed = False

    @asynccontextmanager
    async def answered(self, request: httpcore.Request) -> AsyncIterator[httpcore.Response]:
        """The answer to a request, its body unread; it is closed with the block.

        Raises:
            TimeoutError: no place in half a minute. httpcore's errors: no connection, no answer.
        """
        async with asyncio.timeout(PLACE_MAX_S):
            await self._places.acquire()
        try:
            connection, fresh = await self._taken(request.url.origin)
            response = await (_opening(connection, request) if fresh else asked(connection, request))
            try:
                yield response
            finally:
                await self._let_go(connection, request.url.origin, response)
        finally:
            self._places.release()

    async def _let_go(
        self, connection: httpcore.AsyncHTTPConnection, origin: httpcore.Origin, response: httpcore.Response
    ) -> None:
        """End an answer, and keep its connection if it was read to its end and both sides keep it."""
        kept = False
        try:
            await response.aclose()
            kept = connection.is_idle() and not self._closed and not _has_more(connection, response)
        finally:  # also for who is cancelled at this very moment
            if kept:
                self._idle.append(_Idle(connection, origin, time.monotonic()))
            else:
                await connection.aclose()

    async def _taken(self, origin: httpcore.Origin) -> tuple[httpcore.AsyncHTTPConnection, bool]:
        """A connection to an address, and whether it is still to be opened."""
        import httpcore

        while self._idle and self._idle[0].since < time.monotonic() - IDLE_MAX_S:
            await self._idle.popleft().connection.aclose()
        while self._idle:
            kept = self._idle.pop()
            if kept.origin == origin and not kept.connection.has_expired():
                return kept.connection, False
            await kept.connection.aclose()  # the other end has closed it, or the name leads elsewhere by now
        return httpcore.AsyncHTTPConnection(origin, self._tls), True

    async def close(self) -> None:
        """Close those that wait; what is asked still is closed behind its answer."""
        self._closed = True
        while self._idle:
            await self._idle.pop().connection.aclose()


def _has_more(connection: httpcore.AsyncHTTPConnection, response: httpcore.Response) -> bool:
    """Whether something came behind the answer, as far as it is here. httpcore keeps it for the next one."""
    import httpcore

    http11 = connection._connection
    if not isinstance(http11, httpcore.AsyncHTTP11Connection) or http11._h11_state.trailing_data[0]:
        return True
    if http11._origin.scheme != b"https":
        return False
    try:  # of what has come already, TLS may hold a part; the socket is not asked
        response.extensions["network_stream"].get_extra_info("ssl_object").read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:  # its end
        return True
    return True


async def _opening(connection: httpcore.AsyncHTTPConnection, request: httpcore.Request) -> httpcore.Response:
    """The first request on a connection. Who is cancelled gives it a moment to come to an end.

    Broken off in the moment in which it opens, it belongs to nobody, and nobody closes it; broken off while TLS is
    agreed upon, httpcore leaves its socket open.
    """
    sockets: list[httpcore.AsyncNetworkStream] = []

    async def note(event: str, facts: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            sockets.append(facts["return_value"])

    request.extensions = {**request.extensions, "trace": note}
    asking = asyncio.ensure_future(asked(connection, request))
    try:
        await asyncio.wait({asking})  # which leaves it alone when this is cancelled
    except asyncio.CancelledError:
        try:
            await asyncio.wait({asking}, timeout=LET_GO_S)
        finally:  # also for who is cancelled twice
            asking.cancel()
            (found,) = await asyncio.gather(asking, return_exceptions=True)
            if not isinstance(found, BaseException):
                await found.aclose()
            for stream in sockets:
                await stream.aclose()
        raise
    return asking.result()


async def asked(connection: httpcore.AsyncHTTPConnection, request: httpcore.Request) -> httpcore.Response:
    """Send a request.

    Where the other side resets a connection in the moment in which it opens, uvloop has no socket any more, and anyio
    asks it for its peer's name all the same: that is a broken connection, no fault of the program.
    """
    import httpcore

    try:
        return await connection.handle_async_request(request)
    except AttributeError as error:
        if error.name != "getpeername":
            raise
        raise httpcore.ConnectError("it was reset in the moment in which it opened") from error
