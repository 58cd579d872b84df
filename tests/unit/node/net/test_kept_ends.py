"""Connections to a peer that end: what comes behind an answer, who is cancelled while one opens or ends, the close."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from concordat.node import outbound
from concordat.node.outbound import Outbound

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
OTHER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother"
RECORD = 16_384  # bytes that TLS sends as one

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that signs itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    start = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(start).not_valid_after(start + timedelta(days=9))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + plain)
    return path


@pytest.fixture
def unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever certificate it has."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    monkeypatch.setattr(outbound, "_trusted_roots", lambda: client)


def served(handle: Handle, work: Callable[[Outbound, str], Awaitable[None]], scheme: str, tls: Path | None) -> None:
    """Run some work against a server on loopback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
    if context and tls:
        context.load_cert_chain(tls)

    async def resolver(_: str, __: int) -> list[str]:
        return ["127.0.0.1"]

    running: set[asyncio.Task[None] | None] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.current_task())
        try:
            await handle(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def main() -> None:
        listening = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
        base = f"{scheme}://peer.example:{listening.sockets[0].getsockname()[1]}"
        out = Outbound([base], private=True, resolver=resolver)
        try:
            async with asyncio.timeout(20):
                await work(out, base)
        finally:
            await out.close()
            listening.close()
            await listening.wait_closed()
            for task in running:
                if task is not None:
                    await asyncio.wait({task}, timeout=5)

    asyncio.run(main())


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.usefixtures("unverified")
def test_what_comes_behind_an_answer_answers_nothing(scheme: str, certificate: Path) -> None:
    """Also where TLS holds it still: the answer fills one record, and what comes behind it is the next."""
    opened = []
    head, body = b"HTTP/1.1 200 OK\r\ncontent-length: 16000\r\nx: %s\r\n\r\n", b"x" * 16_000
    full = head % (b"y" * (RECORD - len(body) - len(head % b""))) + body
    assert len(full) == RECORD

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(full + OTHER)

    async def work(out: Outbound, base: str) -> None:
        for count in range(1, 5):
            assert (await out.request("GET", f"{base}/x")).body == body
            assert len(opened) == count

    served(handle, work, scheme, certificate if scheme == "https" else None)


@pytest.mark.usefixtures("unverified")
def test_tls_keeps_its_connections(certificate: Path) -> None:
    opened = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(OK)

    async def work(out: Outbound, base: str) -> None:
        for _ in range(5):
            assert (await out.request("GET", f"{base}/x")).body == b"ok"
        assert len(opened) == 1

    served(handle, work, "https", certificate)


@pytest.mark.usefixtures("unverified")
def test_whoever_gives_up_while_tls_is_agreed_upon_closes_the_connection() -> None:
    ended, came = asyncio.Event(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_000):  # the client's greeting, and no word of ours
            came.set()
        ended.set()

    async def work(out: Outbound, base: str) -> None:
        asking = asyncio.ensure_future(out.request("GET", f"{base}/x"))
        await came.wait()
        asking.cancel()
        (found,) = await asyncio.gather(asking, return_exceptions=True)
        assert isinstance(found, asyncio.CancelledError)
        await ended.wait()

    gc.disable()
    try:
        served(handle, work, "https", None)
    finally:
        gc.enable()


@pytest.mark.parametrize("times", [1, 2])
def test_whoever_is_cancelled_while_an_answer_is_waited_for_leaves_nothing(times: int) -> None:
    """Also who is cancelled once more in the moment that the opening has."""
    ended, came = asyncio.Event(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_000):
            came.set()
        ended.set()

    async def work(out: Outbound, base: str) -> None:
        before = asyncio.all_tasks()
        asking = asyncio.ensure_future(out.request("GET", f"{base}/x"))
        await came.wait()
        for _ in range(times):
            asking.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(asking, return_exceptions=True)
        assert [task.get_name() for task in asyncio.all_tasks() - before if "asked" in repr(task)] == []
        await ended.wait()

    served(handle, work, "http", None)


def test_whoever_is_cancelled_while_an_answer_ends_closes_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        assert await reader.read() == b""
        ended.set()

    async def cancelled(_: httpcore.Response) -> None:
        raise asyncio.CancelledError

    async def work(out: Outbound, base: str) -> None:
        monkeypatch.setattr(httpcore.Response, "aclose", cancelled)
        with pytest.raises(asyncio.CancelledError):
            await out.request("GET", f"{base}/x")
        await ended.wait()

    served(handle, work, "http", None)


def test_what_is_answered_behind_the_close_is_kept_by_nobody() -> None:
    ended, came, go = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        came.set()
        await go.wait()
        writer.write(OK)
        assert await reader.read() == b""
        ended.set()

    async def work(out: Outbound, base: str) -> None:
        asking = asyncio.ensure_future(out.request("GET", f"{base}/x"))
        await came.wait()
        await out.close()
        go.set()
        assert (await asking).body == b"ok"
        await ended.wait()

    served(handle, work, "http", None)
