"""Where a log's files come from: another member's address, a folder on a stick, or memory.

`Source` is one log: its head, its hash tiles, its bundles of entries. `FolderSource` is a whole export in a folder,
with `LogFolder` for each log in it; files are opened from the folder's own handle, one step at a time, and no symbolic
link is followed at any step. `HttpSource` asks a member's node; its answers are awaited. `MemorySource` serves a list
of entries. None of them is believed: `log_fetch` compares what they give with a signed head.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from concordat.errors import InputError, SourceError, StateError, TrustError
from concordat.ledger.messages import Entries, Message
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.tiles import WIDTH, MemoryTiles, tile_path, unpack_bundle
from concordat.node.letters import pack, unpack
from concordat.node.log_fetch import LogFetch
from concordat.node.outbound import Outbound, PeerLimitError, Reply
from concordat.node.peer_machine import Get
from concordat.node.signed_request import RequestSigner

FILE_MAX = 17_000_000  # a full bundle of the largest entries
FILES_MAX = 200_000
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


class Source(Protocol):
    """The files of one log."""

    def head(self) -> Note:
        """Its newest head."""
        ...

    def tile(self, level: int, n: int, width: int) -> bytes:
        """A tile of hashes."""
        ...

    def bundle(self, n: int, width: int) -> bytes:
        """A bundle of entries."""
        ...


def read_range(source: Source, fetch: LogFetch) -> Iterator[Entries]:
    """What a range needs, read from a source that answers at once; entries come out as soon as they are verified.

    Raises:
        InputError, TrustError: a file that is missing, torn, or not the one of the head.
    """
    while not fetch.done:
        for piece in fetch.ask():
            if piece.level < 0:
                fetch.give(piece, source.bundle(piece.index, piece.width))
            else:
                fetch.give(piece, source.tile(piece.level, piece.index, piece.width))
        yield from fetch.ready()


class MemorySource:
    """A list of entries with a head over them (`Source`).

    Args:
        leaves: the entries. note: the head.
    """

    def __init__(self, leaves: Sequence[bytes], note: str) -> None:
        self.note, self._tiles = note, MemoryTiles(leaves)

    def head(self) -> Note:
        return Note.parse(self.note)

    def tile(self, level: int, n: int, width: int) -> bytes:
        return self._tiles.tile(level, n, width)

    def bundle(self, n: int, width: int) -> bytes:
        return self._tiles.bundle(n, width)


@dataclass(frozen=True)
class FolderSource:
    """An export of another member, in any folder."""

    path: Path

    def read(self, relative: str) -> bytes:
        """One file.

        Raises:
            InputError: missing, a symbolic link on the way, no plain file, or too large.
        """
        place = self.path / relative
        parts = relative.split("/")
        if not all(parts) or {".", ".."} & set(parts) or "\0" in relative:
            raise InputError("that is no file of the folder.", where=str(place), code="folder")
        try:
            handle = self._opened(parts)
        except OSError:
            raise InputError("the file is missing, or no plain file.", where=str(place), code="folder") from None
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                raise InputError("the file is missing, or no plain file.", where=str(place), code="folder")
            if about.st_size > FILE_MAX:
                raise InputError(f"over {FILE_MAX:,} bytes.", where=str(place), code="folder")
            try:
                return file.read(FILE_MAX + 1)
            except OSError as error:
                raise InputError(f"can't be read: {error.strerror}.", where=str(place), code="folder") from None

    def _opened(self, parts: Sequence[str]) -> int:
        """A handle of a file, reached step by step from the folder's own handle; no step may be a link."""
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in parts[:-1]:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = below
            return os.open(parts[-1], os.O_RDONLY | _NOFOLLOW, dir_fd=folder)
        finally:
            os.close(folder)

    def checkpoints(self) -> list[str]:
        """The folders, below this one, that hold a log."""
        found = []
        for folder, below, names in os.walk(self.path):  # does not follow links
            below.sort()
            if "tile" in below:
                below.remove("tile")
            if "checkpoint" in names:
                found.append(Path(folder).relative_to(self.path).as_posix())
            if len(found) > FILES_MAX:
                raise InputError(f"over {FILES_MAX:,} logs.", where=str(self.path), code="folder")
        return found

    def names(self, kind: str) -> list[str]:
        """The files of a kind: `notes`, `votes`, `misconduct`."""
        try:
            found = sorted(entry.name for entry in os.scandir(self.path / kind) if entry.is_file(follow_symlinks=False))
        except OSError:
            return []
        if len(found) > FILES_MAX:
            raise InputError(f"over {FILES_MAX:,} files.", where=str(self.path / kind), code="folder")
        return [f"{kind}/{name}" for name in found]

    def entries(self, base: str, size: int) -> Iterator[tuple[int, list[bytes]]]:
        """(start, entries) of a log up to a size, bundle by bundle, as they lie there: for whoever audits them all."""
        for index in range((size + WIDTH - 1) // WIDTH):
            width = min(WIDTH, size - index * WIDTH)
            relative = _joined(base, tile_path("entries", index, width))
            try:
                yield index * WIDTH, unpack_bundle(self.read(relative), width)
            except TrustError as error:
                error.where = str(self.path / relative)
                raise

    def log(self, base: str) -> LogFolder:
        """One log in it, by its folder."""
        return LogFolder(self, base)

    def head(self, base: str, seen: set[bytes]) -> Note | None:
        """The head of a log as the folder has it; None if it was seen."""
        data = self.read(_joined(base, "checkpoint"))
        digest = sha256(data).digest()
        if digest in seen:
            return None
        seen.add(digest)
        return _head_of(data, str(self.path / base / "checkpoint"))


def _joined(base: str, name: str) -> str:
    return name if base == "." else f"{base}/{name}"


def _head_of(data: bytes, where: str) -> Note:
    note = Note.parse(data, where)
    if not Checkpoint.parse_text(note.text, where).size:
        raise InputError("a head of no entries.", where=where, code="folder")
    return note


@dataclass(frozen=True)
class LogFolder:
    """One log of an export (`Source`)."""

    folder: FolderSource
    base: str

    def head(self) -> Note:
        return _head_of(self.folder.read(_joined(self.base, "checkpoint")), str(self.folder.path / self.base))

    def tile(self, level: int, n: int, width: int) -> bytes:
        return self.folder.read(_joined(self.base, tile_path(level, n, width)))

    def bundle(self, n: int, width: int) -> bytes:
        return self.folder.read(_joined(self.base, tile_path("entries", n, width)))


class AbsentError(SourceError):
    """The peer has no such file."""


def log_path(bloc: str, name: str) -> str:
    """Where a log is served: `/log/<bloc>/<name>`; its name is a member's id, or `council/<view>`."""
    return f"/log/{quote(bloc)}/{quote(name)}"


@dataclass(frozen=True)
class HttpSource:
    """Another member's node; every answer is awaited (its logs are `Source` in that sense).

    Attributes:
        outbound: the client. url: the node's address. bloc: whose record. names: path names of logs by origin.
        signer: signs requests, so that a member's limits count. now: seconds since 1970.
    """

    outbound: Outbound
    url: str
    bloc: str
    signer: RequestSigner

    async def heads(self, tag: str, now: int) -> Reply:
        """Its list of heads; 304 if `tag` still says it all."""
        return await self._get("/sync/heads", now, {"if-none-match": tag} if tag else {}, absent=False)

    async def head(self, name: str, now: int) -> Note:
        """The newest head of a log."""
        return Note.parse(await self.read(f"{log_path(self.bloc, name)}/checkpoint", now), f"{self.url}, {name}")

    async def tile(self, name: str, level: int, n: int, width: int, now: int) -> bytes:
        """A tile of hashes."""
        return await self.read(f"{log_path(self.bloc, name)}/{tile_path(level, n, width)}", now)

    async def bundle(self, name: str, n: int, width: int, now: int) -> bytes:
        """A bundle of entries."""
        return await self.read(f"{log_path(self.bloc, name)}/{tile_path('entries', n, width)}", now)

    async def fetch(self, get: Get, name: str, now: int) -> bytes:
        """The file that a round asks for; `name` is that of its log."""
        if get.what == "checkpoint":
            return str(await self.head(name, now)).encode()
        if get.what == "piece":
            assert get.piece is not None
            if get.piece.level < 0:
                return await self.bundle(name, get.piece.index, get.piece.width, now)
            return await self.tile(name, get.piece.level, get.piece.index, get.piece.width, now)
        folder = {"vote": "votes", "misconduct": "misconduct", "state": "states"}[get.what]
        return await self.read(f"/sync/{folder}/{get.key}", now)

    async def read(self, path: str, now: int) -> bytes:
        """One file.

        Raises:
            AbsentError: it isn't there. SourceError: no answer. PeerLimitError: a bound was broken.
        """
        return (await self._get(path, now, {})).body

    async def send(self, messages: Sequence[Message], now: int) -> list[Message]:
        """Messages for the peer; what it says in reply.

        Raises:
            SourceError: no answer. InputError, PeerLimitError: not a member's answer.
        """
        body = pack(self.signer.member, messages)
        url = f"{self.url}/sync/messages"
        headers = {"content-type": "application/json", **self.signer.headers("POST", url, body, now)}
        reply = await self.outbound.request("POST", url, body=body, headers=headers)
        if reply.status != 200:
            raise _refused(reply, url)
        _, found = unpack(reply.body)
        return found

    async def _get(self, path: str, now: int, headers: dict[str, str], *, absent: bool = True) -> Reply:
        url = f"{self.url}{path}"
        signed = {**headers, **self.signer.headers("GET", url, b"", now)}
        reply = await self.outbound.request("GET", url, headers=signed)
        if reply.status == 404 and absent:
            raise AbsentError("there is no such file.", where=url, code="absent")
        if reply.status not in (200, 304):
            raise _refused(reply, url)
        return reply


def _refused(reply: Reply, url: str) -> SourceError | StateError | TrustError:
    words = "".join(c for c in reply.body[:200].decode("utf-8", "replace") if c.isprintable())
    # 408: our request came too slowly, on a slow line or from a busy machine. 500, 502, 504: it fails, or a proxy
    # before it. None proves anything.
    if reply.status in (408, 425, 429) or reply.status >= 500:
        return SourceError(f"it answers {reply.status}: {words}", where=url, code="busy")
    if reply.status in (401, 403):
        return SourceError(f"it refuses us: {words}", where=url, code="refused")
    return PeerLimitError(f"it answers {reply.status}: {words}", where=url, code="status")
