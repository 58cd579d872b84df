"""What is spoken on the wire: which TLS, which ciphers, whose certificates, and where one message ends.

Handshakes run in memory between our server's context and a client's; HTTP over a socket of this machine. TLS: RFC 9325.
Messages with two lengths: RFC 9112, section 6.3. Also here: what a password and a new node are like (`asvs.yaml`, V6).
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import hashlib
import io
import ssl
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

import uvicorn

from certificates import certificate
from concordat.errors import RuleError, SourceError
from concordat.node import http_bounds
from concordat.node.edge import LogLines
from concordat.node.outbound import Outbound
from concordat.node.passwords import hash_password, verify_password
from concordat.node.serve import tls_context
from live_nodes import free_socket
from people_kit import CHEAP, PASSWORD, T0, join, make_home, opened


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate of `localhost` that nobody vouches for, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2126, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*form))
    private.chmod(0o600)
    return str(cert), str(private)


def asking(most: str = "", ciphers: str = "") -> ssl.SSLContext:
    """A client that takes any certificate, and speaks what it is told to."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if most:
            client.minimum_version = ssl.TLSVersion.TLSv1
            client.maximum_version = getattr(ssl.TLSVersion, most)
        if ciphers:
            client.set_ciphers(ciphers)
    return client


def shake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str, str]:
    """(version, cipher) that the two come to, in memory.

    Raises:
        ssl.SSLError: they come to none.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    done = [False, False]
    for _ in range(10):
        for i, side in enumerate(sides):
            if not done[i]:
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
                    done[i] = True
        if all(done):
            break
    assert all(done)
    cipher = sides[0].cipher()
    assert cipher is not None
    return str(sides[0].version()), cipher[0]


def test_tls_below_1_2_is_refused_and_1_3_is_preferred(pair: tuple[str, str]) -> None:
    server = tls_context(*pair, "1.2")
    assert shake(server, asking())[0] == "TLSv1.3"
    assert shake(server, asking("TLSv1_2"))[0] == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        shake(server, asking("TLSv1_1", "ALL:@SECLEVEL=0"))
    with pytest.raises(ssl.SSLError):
        shake(tls_context(*pair, "1.3"), asking("TLSv1_2"))


def test_tls_offers_forward_secrecy_and_authenticated_ciphers_alone(pair: tuple[str, str]) -> None:
    server = tls_context(*pair, "1.2")
    for cipher in server.get_ciphers():
        name = cipher["name"]
        assert name.startswith(("TLS_AES_", "TLS_CHACHA20_", "ECDHE-")), name
        assert any(mode in name for mode in ("GCM", "CHACHA20", "CCM")), name
        assert cipher["strength_bits"] >= 128
    assert shake(server, asking("TLSv1_2"))[1].startswith("ECDHE-ECDSA-")
    for weak in (
        "ECDHE-ECDSA-AES128-SHA256",
        "ECDHE-ECDSA-AES256-SHA",
        "AES256-GCM-SHA384",
        "DHE-RSA-AES256-GCM-SHA384",
    ):
        with pytest.raises(ssl.SSLError):
            shake(server, asking("TLSv1_2", weak))


# --- HTTP ------------------------------------------------------------------------------------------------------------


async def _app(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    text = f"{scope['method']} {scope['path']} {size}\n".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


async def _whose(scope: Any, _receive: Any, send: Any) -> None:
    text = scope["client_certificate"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


@contextlib.contextmanager
def _listening(tls: ssl.SSLContext | None = None, app: Any = _app) -> Iterator[Any]:
    """A server as `node.serve` sets it up, run for what a test sends to it; gives a function that sends."""

    async def talk(sent: bytes, client: ssl.SSLContext | None) -> bytes:
        config = uvicorn.Config(
            app, http=http_bounds.bounded(), ws="none", lifespan="off", log_config=None, server_header=False,
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        config.load()
        if tls is not None:
            config.ssl, config.ssl_certfile = tls, "in the context"
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        listener = free_socket()
        task = asyncio.ensure_future(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        writer = None
        try:
            name = "localhost" if client else None
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", listener.getsockname()[1], ssl=client, server_hostname=name
            )
            writer.write(sent)
            with contextlib.suppress(ConnectionError):
                return await asyncio.wait_for(reader.read(), 20)
            return b""
        finally:
            if writer is not None:
                writer.close()
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    await writer.wait_closed()
            server.should_exit = True
            await task
            listener.close()

    yield lambda sent, client=None: asyncio.run(talk(sent, client))


HIDDEN = b"GET /evil HTTP/1.1\r\nhost: x\r\n\r\n"
SMUGGLED = {
    "two lengths": b"content-length: 3\r\ncontent-length: 30\r\n\r\nabc",
    "length and chunks": b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a strange coding": b"transfer-encoding: xchunked\r\ncontent-length: 3\r\n\r\nabc",
    "a length that is none": b"content-length: +3\r\n\r\nabc",
    "a blank before the colon": b"content-length : 3\r\n\r\nabc",
    "a folded header": b"content-length: 3\r\nx-a: b\r\n content-length: 30\r\n\r\nabc",
    "a bare line feed": b"content-length: 3\n\nabc",
}


@pytest.mark.parametrize("how", sorted(SMUGGLED))
def test_two_lengths_of_one_message_are_refused(how: str) -> None:
    """What a proxy could read in another way is refused, and what hides behind it is never answered."""
    with _listening() as send:
        answer = send(b"POST /a HTTP/1.1\r\nhost: x\r\n" + SMUGGLED[how] + HIDDEN)
    assert b"/evil" not in answer
    assert answer.split(b" ")[1:2] == [b"400"], answer


def test_an_upgrade_is_not_taken() -> None:
    asked = b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    asked += b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    with _listening() as send:
        answer = send(asked + b"GET /b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b" 101 " not in answer
    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400", b"HTTP/1.1 426"))


def test_plain_http_gets_no_answer_where_tls_is_spoken(pair: tuple[str, str]) -> None:
    """Nor is it led to HTTPS: whoever sent a secret in the clear is to notice."""
    asked = b"GET /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    with _listening(tls_context(*pair, "1.2")) as send:
        assert b"HTTP/" not in send(asked)
        assert send(asked, asking()).startswith(b"HTTP/1.1 200")


def test_a_certificate_of_a_browser_is_checked_before_it_counts(pair: tuple[str, str], tmp_path: Path) -> None:
    """One that `client_ca` vouches for is named to the pages, one of a stranger ends the handshake, none goes on."""
    asked = b"GET /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    shown = {}
    for name in ("hers", "stranger"):
        (tmp_path / name).mkdir()
        shown[name] = certificate(tmp_path / name)
    hers = asking()
    hers.load_cert_chain(*map(str, shown["hers"]))
    with _listening(tls_context(*pair, "1.2", str(shown["hers"][0])), _whose) as send:
        der = ssl.PEM_cert_to_DER_cert(shown["hers"][0].read_text())
        assert send(asked, hers).endswith(b"\r\n\r\n" + hashlib.sha256(der).hexdigest().encode())
        assert send(asked, asking()).endswith(b"\r\n\r\n")
        for most in ("", "TLSv1_2"):
            stranger = asking(most)
            stranger.load_cert_chain(*map(str, shown["stranger"]))
            with contextlib.suppress(OSError):  # the handshake ends, under TLS 1.3 just after the client thinks it done
                assert send(asked, stranger) == b"", most
    with _listening(tls_context(*pair, "1.2"), _whose) as send:
        assert send(asked, hers).endswith(b"\r\n\r\n"), "nobody was asked"


def test_a_peer_with_a_certificate_that_nobody_vouches_for_is_refused(pair: tuple[str, str]) -> None:
    async def work() -> None:
        async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")
            writer.close()

        async def here(_host: str, _port: int) -> list[str]:
            return ["127.0.0.1"]

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls_context(*pair, "1.2"))
        base = f"https://localhost:{server.sockets[0].getsockname()[1]}"
        out = Outbound([base], private=True, resolver=here)
        try:
            with pytest.raises(SourceError, match=r"(?i)certificate"):
                await out.request("GET", f"{base}/x", timeout_s=20)
        finally:
            await out.close()
            server.close()

    asyncio.run(work())


# --- People and lines of log ------------------------------------------------------------------------------------------


def test_a_new_node_has_no_account(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with opened(home) as (_, people):
        assert people.accounts.all() == []
        for login in ("admin", "root", "operator", "concordat", "test"):
            with pytest.raises(RuleError):
                people.logins.login(login, login, "", T0)


def test_a_password_has_no_end(tmp_path: Path) -> None:
    """Ten years later it opens the account as on the first day, and nobody was asked to change it."""
    home, later = make_home(tmp_path), T0 + 10 * 365 * 86_400
    with opened(home) as (_, people):
        _, phone = join(people, "maria", ["delegate"])
        account, _, _ = people.logins.login("maria", PASSWORD, phone.code(later), later)
        assert account.login == "maria"


def test_a_password_is_neither_cut_nor_made_small() -> None:
    long = "A" + "b" * 200 + " End"
    phc = hash_password(long, CHEAP)
    verify_password(long, phc)
    for other in (
        long.casefold(),
        long.upper(),
        long[:-1],
        long[:72],
        long[:128],
        long + " ",
        " " + long,
        long.strip("A"),
    ):
        with pytest.raises(RuleError):
            verify_password(other, phc)


def test_the_clock_of_a_log_line_is_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    LogLines(lines.append)("info", "x", {})
    assert '"time": "2026-11-22T00:00:00Z"' in lines[0]


def test_cells_of_a_page_are_no_formulas() -> None:
    """Texts of others in a page's CSV: what a spreadsheet would compute gets an apostrophe in front."""
    from concordat.report.chapter import Cell, Column, Row, Table
    from concordat.web.twins import as_csv

    for first in ("=", "+", "-", "@", "\t", "\r"):
        hostile = f"{first}cmd|'/c calc'!A0"
        table = Table("t", "T", "R", (Column("c", hostile),), (Row("r", hostile, (Cell(text=hostile),)),))
        fields = [f for row in csv.reader(io.StringIO(as_csv(table).decode("utf-8-sig"), newline="")) for f in row]
        assert fields.count("'" + hostile) == 3
        assert hostile not in fields
