"""How a consensus engine talks with an application: ABCI 2.0 frames over a socket, bounded and strictly in order.

A frame is an unsigned varint length and one `Request` or `Response` (CometBFT 0.38, spec/abci, "Client and Server").
An engine opens four connections (consensus, mempool, info, snapshot); on each, every request is answered before the
next one is looked at, so a `Flush` is answered after all before it. `Echo` and `Flush` end here; everything else goes
to an `Application`, one call at a time whatever the connection, on a thread of its own, so that an event loop goes on.

What is refused: a length of over 5 bytes or above the limit (16 MiB), and a frame that stops in the middle for 30 s
close the connection and are reported; bytes that are no message are answered by `exception`, then closed; a message
that the table doesn't know is answered by `exception`; unknown fields are ignored, as protobuf asks.

There is no authentication in ABCI: whoever reaches the socket can write blocks. So only loopback addresses and Unix
sockets (mode 0600) are accepted. The ledger (`node.sequencer_abci`) and a clearing host use this module alike: an
application sees plain values and never a frame. It knows no meaning of any message.

    >>> reader = FrameReader(limit=100)
    >>> list(reader.feed(bytes.fromhex("090a070a0548656c")))
    []
    >>> [frame.hex() for frame in reader.feed(b"lo")]
    ['0a070a0548656c6c6f']
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
import os
import re
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from concordat.errors import ConcordatError, InputError, RuleError, StateError
from concordat.node.abci_schema import messages, one_of
from concordat.settings import need_extra

LENGTH_BYTES_MAX = 5
FRAME_BYTES_MAX = 16 * 2**20
READ_BYTES = 64 * 1024
IDLE_S = 30.0
CONNECTIONS_MAX = 8  # an engine has four; one that restarts may leave four for a moment
_TCP = re.compile(r"tcp://(\[[0-9a-f:]+\]|[a-z0-9.-]+):([0-9]{1,5})", re.IGNORECASE)


class Application(Protocol):
    """Whoever gives the messages a meaning."""

    def answer(self, kind: str, body: Any) -> Mapping[str, Any]:
        """The fields of the response to a request of that kind (`check_tx`, `finalize_block`, ...).

        Args:
            kind: the name in the table's `Request`. body: the message, with its fields as attributes.

        Raises:
            ConcordatError: told to the engine as `exception`; an engine stops at it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What an engine may ask of us: bytes a frame, seconds a split frame may stand still, connections at a time."""

    frame_bytes: int = FRAME_BYTES_MAX
    idle_s: float = IDLE_S
    connections: int = CONNECTIONS_MAX


# --- Frames -----------------------------------------------------------------------------------------------------------


class FrameReader:
    """Frames out of a stream of bytes, cut anywhere; nothing is set aside for a length that is only announced."""

    def __init__(self, limit: int = FRAME_BYTES_MAX) -> None:
        self._limit = limit
        self._bytes = bytearray()

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished frame are here."""
        return len(self._bytes)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that these bytes complete, in order; what comes before a bad length is given first.

        Raises:
            InputError: a length of over 5 bytes, or above the limit: the stream can't be read on.
        """
        self._bytes += data
        while (found := self._length()) is not None:
            length, start = found
            if len(self._bytes) < start + length:
                return
            frame = bytes(self._bytes[start : start + length])
            del self._bytes[: start + length]
            yield frame

    def _length(self) -> tuple[int, int] | None:
        """(length, bytes it took), or None if it is not whole yet."""
        length = 0
        for place, byte in enumerate(self._bytes[:LENGTH_BYTES_MAX]):
            length |= (byte & 0x7F) << (7 * place)
            if not byte & 0x80:
                if length > self._limit:
                    what = f"a frame of {length:,} bytes; the limit is {self._limit:,}."
                    raise InputError(what, where="engine", code="frame_size")
                return length, place + 1
        if len(self._bytes) >= LENGTH_BYTES_MAX:
            raise InputError(f"a length of over {LENGTH_BYTES_MAX} bytes.", where="engine", code="frame_length")
        return None


def to_frame(message: Any) -> bytes:
    """A message behind its length."""
    try:
        from google.protobuf.proto import serialize_length_prefixed
    except ImportError:
        raise need_extra("abci", "An engine's connection") from None
    out = io.BytesIO()
    serialize_length_prefixed(message, out)
    return out.getvalue()


def read_request(frame: bytes) -> tuple[str, Any]:
    """(kind, message) of one frame; the kind is empty if it holds nothing that the table knows.

    Raises:
        InputError: the bytes are no message.
    """
    from google.protobuf.message import DecodeError

    request = messages()["Request"]()
    try:
        request.ParseFromString(frame)
    except DecodeError:
        raise InputError("the bytes are no request.", where="engine", code="not_protobuf") from None
    kind = request.WhichOneof("value") or ""
    return kind, getattr(request, kind) if kind else request


def response(kind: str, fields: Mapping[str, Any]) -> bytes:
    """The frame of a response; a kind without fields is still said."""
    return to_frame(messages()["Response"](**{kind: dict(fields)}))


# --- Addresses --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Address:
    """Where the engine finds us: a Unix socket's path, or a loopback host and port."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix://{self.path}" if self.path else f"tcp://{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `unix:///run/concordat.sock` or `tcp://127.0.0.1:26658`, as an engine's `proxy_app` has it.

        Raises:
            InputError: neither. RuleError: an address that others could reach.
        """
        if text.startswith("unix://"):
            path = text.removeprefix("unix://")
            if not Path(path).is_absolute() or len(path.encode()) > 100 or "\0" in path:
                raise InputError("not the absolute path of a socket.", where=text[:120], code="address")
            return cls(path=path)
        match = _TCP.fullmatch(text)
        if match is None or int(match[2]) > 65_535:
            hint = "As tcp://127.0.0.1:26658 or unix:///run/concordat/abci.sock"
            raise InputError(f'"{text[:80]}" is not an address.', where="--listen", hint=hint, code="address")
        host = "127.0.0.1" if match[1].lower() == "localhost" else match[1].strip("[]")
        try:
            inside = ipaddress.ip_address(host).is_loopback
        except ValueError:
            inside = False
        if not inside:
            what = f"refusing to listen on {host}: ABCI has no authentication, whoever reaches it writes blocks."
            hint = "Run the engine on the same machine, over 127.0.0.1 or a Unix socket."
            raise RuleError(what, where="--listen", hint=hint, code="public_address")
        return cls(host=host, port=int(match[2]))


# --- Server -----------------------------------------------------------------------------------------------------------


class Server:
    """The connections of one engine to one application.

    Args:
        application: who answers. limits: see `Limits`. report: told in words why a connection was closed or refused.
    """

    def __init__(
        self, application: Application, limits: Limits | None = None, report: Callable[[str], None] = lambda _: None
    ) -> None:
        self._application, self._limits, self._report = application, limits or Limits(), report
        self._known = frozenset(one_of("Response"))
        self._listening: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="abci")

    async def start(self, address: Address) -> Address:
        """Listen; the address, with the port that was taken for 0.

        Raises:
            StateError: the address is taken, or can't be had. MethodError: the extra is missing.
        """
        messages()
        try:
            listening = _listen(address)
        except OSError as error:
            hint = "Choose another with --listen, and in the engine's proxy_app."
            what = f"can't listen: {error.strerror or error}."
            raise StateError(what, where=str(address), hint=hint, code="listen") from None
        self._listening = listening
        self._watch(listening)
        return address if address.path else Address(host=address.host, port=listening.getsockname()[1])

    async def close(self) -> None:
        """Take no more; finish the call that is running, then drop the connections."""
        loop = asyncio.get_running_loop()
        if self._listening is not None:
            loop.remove_reader(self._listening)
            self._listening.close()
        await loop.run_in_executor(None, self._thread.shutdown)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _watch(self, listening: socket.socket) -> None:
        if listening.fileno() >= 0:
            asyncio.get_running_loop().add_reader(listening, self._take, listening)

    def _take(self, listening: socket.socket) -> None:
        """Take a connection. Not `asyncio.start_server`: what that accepts while it closes is never closed."""
        try:
            link, _ = listening.accept()
        except BlockingIOError:
            return
        except OSError as error:  # no file handle left, or a connection that was gone at once
            self._report(f"could not take a connection: {error.strerror}.")
            asyncio.get_running_loop().remove_reader(listening)
            asyncio.get_running_loop().call_later(1, self._watch, listening)
            return
        task = asyncio.create_task(self._accept(link))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: link.close())

    async def _accept(self, link: socket.socket) -> None:
        if len(self._tasks) > self._limits.connections:
            self._report(f"refused a connection: {len(self._tasks) - 1} are open.")
            return
        link.setblocking(False)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READ_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, link)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        try:
            await self._converse(reader, writer)
        except InputError as error:
            self._report(f"closed a connection: {error}")
        except TimeoutError:
            self._report(f"closed a connection: a frame stood still for {self._limits.idle_s:g} s.")
        except OSError as error:
            self._report(f"lost a connection: {error.strerror or type(error).__name__}.")
        except asyncio.CancelledError:  # we close; the task ends, and there is nobody to tell
            transport.abort()
        finally:
            await _hang_up(writer)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader(self._limits.frame_bytes)
        while True:
            async with asyncio.timeout(self._limits.idle_s if frames.pending else None):
                data = await reader.read(READ_BYTES)
            if not data:
                if frames.pending:
                    self._report(f"the engine left in the middle of a frame, after {frames.pending:,} bytes of it.")
                return
            for frame in frames.feed(data):
                answer, last = await self._answer(frame)
                writer.write(answer)
                async with asyncio.timeout(self._limits.idle_s):
                    await writer.drain()
                if last is not None:
                    raise last

    async def _answer(self, frame: bytes) -> tuple[bytes, InputError | None]:
        """The response to one frame, and the error after which nothing more is read."""
        try:
            kind, body = read_request(frame)
        except InputError as error:
            return response("exception", {"error": str(error)}), error
        if kind == "flush":
            return response("flush", {}), None
        if kind == "echo":
            return response("echo", {"message": body.message}), None
        if kind not in self._known:
            numbers = unknown_numbers(body)
            return response("exception", {"error": f"a request that this application doesn't know{numbers}."}), None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._ask, kind, body), None

    def _ask(self, kind: str, body: Any) -> bytes:
        """The application's answer; an error of any kind becomes an `exception`, at which an engine stops."""
        try:
            return response(kind, self._application.answer(kind, body))
        except ConcordatError as error:
            self._report(f"{kind} refused: {error}")
            return response("exception", {"error": printable(str(error))})
        except Exception as error:  # a fault of ours: the engine must stop, and the operator must learn why
            self._report(f"{kind} failed: {type(error).__name__}: {error}")
            return response("exception", {"error": f"a fault of the program: {type(error).__name__}"})


def _listen(address: Address) -> socket.socket:
    """A listening socket; a Unix one is its owner's from its first moment."""
    if not address.path:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listening = socket.create_server((address.host, address.port), family=family)
    else:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if stat.S_ISSOCK(Path(address.path).stat().st_mode):
                _remove_dead(address.path)
        except FileNotFoundError:
            pass
        before = os.umask(0o177)
        try:
            listening.bind(address.path)
        except OSError:
            listening.close()
            raise
        finally:
            os.umask(before)
        listening.listen()
    listening.setblocking(False)
    return listening


def _remove_dead(path: str) -> None:
    """Remove a socket that a process left behind when it died; one that somebody answers stays."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection once what was written has gone out, or a second later."""
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


def unknown_numbers(request: Any) -> str:
    """` (field 7)` for a request of which no field is known."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    numbers = sorted({field.field_number for field in UnknownFieldSet(request)})[:5]
    return f" (field {', '.join(map(str, numbers))})" if numbers else " (an empty one)"


def printable(text: str) -> str:
    """Text that protobuf can carry and a terminal can show."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)[:2_000]
