"""The exchange's way out: signed requests to other members' nodes, and bodies streamed to a file while they are hashed.

Everything goes through the node's one `Outbound` (allowed hosts, checked addresses, no redirects). Each request carries
a token of its own, made for its method, address and body; the body itself is the same bytes at each attempt. Source:
exchange.md 5.4, 5.5.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from concordat import clock
from concordat.errors import SourceError, StateError, TrustError
from concordat.exchange.dataspace.token import Request, make_token
from concordat.node.exchange_parts import Side
from concordat.node.hashed_files import sync_folder
from concordat.node.outbound import Outbound, Reply
from concordat.node.service import Service

JSON = "application/json"
ANSWER_MAX = 8 * 2**20
PULL_MAX_S = 3_600.0
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Pulled:
    """A body that came in: where it lies, its SHA-256 and size."""

    path: Path
    sha256: str
    bytes: int


def flush_folder(folder: Path) -> None:
    """The names in a folder are on the disk when this returns: what a log entry says came is there after a power cut.

    Raises:
        StateError: the disk refuses.
    """
    try:
        sync_folder(folder)
    except OSError as error:
        raise StateError(f"not written: {error.strerror}.", where=str(folder), code="full") from None


def copy_flushed(source: Path, target: Path) -> None:
    """A file once more under another name, on the disk when this returns; in pieces, whatever its size.

    Raises:
        StateError: the disk refuses.
    """
    try:
        with source.open("rb") as given, target.open("wb") as file:
            shutil.copyfileobj(given, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StateError(f"not written: {error.strerror}.", where=str(target), code="full") from None


def move_file(source: Path, target: Path) -> None:
    """A file under another name, in place of what stood there.

    Raises:
        StateError: the disk refuses.
    """
    try:
        source.replace(target)
    except OSError as error:
        raise StateError(f"not moved: {error.strerror}.", where=str(target), code="full") from None


class DspClient:
    """The client of one node.

    Args:
        service: the running node. side: who we are.
    """

    def __init__(self, service: Service, side: Side) -> None:
        self._service, self._side = service, side
        self._out: Outbound = service.outbound

    async def send(self, member: str, method: str, url: str, body: bytes = b"") -> Reply:
        """One signed request to a member's node, answered whole; a question whose connection broke is asked once more.

        Raises:
            SourceError: no connection, no answer in time, or nobody whom this node knows. TrustError: an address that
                is not allowed, a broken bound.
        """
        try:
            return await self._sent(member, method, url, body)
        except SourceError as error:
            if method != "GET" or error.code != "connection":
                raise
        return await self._sent(member, method, url, body)  # a kept connection that the other side had just closed

    async def _sent(self, member: str, method: str, url: str, body: bytes) -> Reply:
        headers = {"accept": JSON} | ({"content-type": JSON} if body else {})
        token = self._token(member, method, url, body)
        if token:
            headers["authorization"] = f"Bearer {token}"
        return await self._out.request(method, url, body=body, headers=headers, limit=ANSWER_MAX, timeout_s=TIMEOUT_S)

    async def ask(self, member: str, url: str, accept: str) -> Reply:
        """One signed question in another protocol than ours, such as TAXII; its token holds for the query as well.

        Raises:
            SourceError, TrustError: as `send`.
        """
        headers = {"accept": accept}
        token = self._token(member, "GET", url, b"", query=True)
        if token:
            headers["authorization"] = f"Bearer {token}"
        return await self._out.request("GET", url, headers=headers, limit=ANSWER_MAX, timeout_s=TIMEOUT_S)

    def _token(self, member: str, method: str, url: str, body: bytes, *, query: bool = False) -> str:
        if not self._side.auth:
            return ""
        audience = self._side.places.get(member, "")
        if not audience:  # it was one when this began
            what = f"{member} is no active member or partner any more."
            raise SourceError(what, where=url.partition("?")[0][:120], code="no_place")
        request = Request(method, url if query else url.partition("?")[0], audience, body)
        return make_token(
            self._service.node.signer.node, request, member=self._side.member, label="node",
            bloc=self._side.outside.get(member) or self._side.bloc, membership=self._service.chain.last.version,
            now=int(clock.now().timestamp()), jti=secrets.token_bytes(16),
        )  # fmt: skip

    async def pull(self, url: str, bearer: str, target: Path, most: int) -> Pulled:
        """A body, streamed to a file and hashed while it comes.

        Args:
            bearer: the transfer's token. target: the file to write. most: bytes that are expected, and no more.

        Raises:
            SourceError: no connection, or refused. TrustError: more bytes than expected. StateError: the disk refuses.
        """
        digest, size = hashlib.sha256(), 0
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with target.open("wb") as file:
                async with asyncio.timeout(PULL_MAX_S):
                    headers = {"authorization": f"Bearer {bearer}", "accept-encoding": "identity"}
                    async for chunk in self._out.stream("GET", url, headers=headers):
                        size += len(chunk)
                        if size > most:
                            what = f"a body of over the {most:,} bytes of the catalogue."
                            raise TrustError(what, where=url.partition("?")[0], code="size")
                        digest.update(chunk)
                        await asyncio.to_thread(file.write, chunk)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
        except TimeoutError:
            raise SourceError("the body did not come in time.", where=url.partition("?")[0], code="timeout") from None
        except OSError as error:
            raise StateError(f"not written: {error.strerror}.", where=str(target), code="full") from None
        return Pulled(target, digest.hexdigest(), size)
