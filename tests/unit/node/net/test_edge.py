"""Around every request: the prefix, the host, the number, and a line of log that says nothing about a person."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from concordat.errors import InputError, StateError
from concordat.node.edge import HEADERS, Edge, LogLines, Named
from concordat.node.ops_client import ask
from concordat.node.serve import certificate_end, renew, tls_context

MARKER = "MARKER-7f3a"


async def _echo(request: Request) -> PlainTextResponse:
    if "fault" in request.query_params:
        raise ZeroDivisionError(MARKER)
    return PlainTextResponse(f"{request.url.path}|{request.scope['root_path']}|{request.url_for('echo', x='y').path}")


def _asked(public_url: str, *requests: httpx.Request) -> tuple[list[httpx.Response], list[dict[str, Any]], list[Any]]:
    """Answers, log lines, and what the metrics were told."""
    lines: list[str] = []
    told: list[Any] = []

    async def work() -> list[httpx.Response]:
        app = Starlette(routes=[Route("/a/{x}", _echo, name="echo"), Route("/health/live", _echo)])
        edge = Edge(app, public_url, LogLines(lines.append), lambda: 1.0, lambda *a: told.append(a))
        transport = httpx.ASGITransport(edge, raise_app_exceptions=False, client=("192.0.2.77", 5))
        async with httpx.AsyncClient(transport=transport) as client:
            return [await client.send(request) for request in requests]

    answers = asyncio.run(work())
    return answers, [json.loads(line) for line in lines], told


def _get(url: str, **headers: str) -> httpx.Request:
    return httpx.Request("GET", url, headers=headers)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8081", 200), ("[::1]:8081", 200), ("localhost:8081", 200), ("LOCALHOST", 200),
        ("ops.lan:8081", 200), ("192.0.2.7:8081", 200), ("evil.example:8081", 421),
        ("127.0.0.1.evil.example", 421), ("", 421),
        ("[::1", 421), ("user@evil.example", 421),
    ],
)  # fmt: skip
def test_what_is_not_public_answers_no_name_that_others_can_point_at_it(host: str, status: int) -> None:
    app = Starlette(routes=[Route("/a/{x}", _echo, name="echo")])

    async def one() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(Named(app, "ops.lan"))) as client:
            return (await client.get("http://127.0.0.1:8081/a/1", headers={"host": host})).status_code

    assert asyncio.run(one()) == status


@pytest.mark.parametrize(
    ("public", "url", "status"),
    [
        ("https://b.example", "https://b.example/a/1", 200),
        ("https://b.example", "https://b.example:443/a/1", 200),
        ("https://b.example", "https://B.EXAMPLE/a/1", 200),
        ("https://b.example", "https://evil.example/a/1", 421),
        ("https://b.example", "https://b.example.evil.example/a/1", 421),
        ("https://b.example:8443", "https://b.example/a/1", 421),
        ("https://b.example:443", "https://b.example/a/1", 200),
        ("http://b.example:80", "http://b.example/a/1", 200),
        ("https://b.example:80", "https://b.example/a/1", 421),
        ("https://b.example", "https://192.0.2.1/a/1", 421),
        ("https://b.example", "https://192.0.2.1/health/live", 200),
        ("", "http://anything.example/a/1", 200),
    ],
)
def test_only_its_own_name_is_answered(public: str, url: str, status: int) -> None:
    (answer,), _, _ = _asked(public, _get(url))
    assert answer.status_code == status


def test_a_path_prefix_is_taken_off_and_put_back_on_links() -> None:
    with_it, without, like_it = _asked(
        "https://example.br/concordat",
        _get("https://example.br/concordat/a/1"),
        _get("https://example.br/a/1"),
        _get("https://example.br/concordats/a/1"),
    )[0]
    assert with_it.text == "/concordat/a/1|/concordat|/concordat/a/y"
    assert without.text.startswith("/a/1||")
    assert like_it.status_code == 404


def test_a_line_of_log_has_no_person_in_it() -> None:
    request = _get(
        f"https://b.example/a/{MARKER}?q={MARKER}", cookie=f"s={MARKER}", authorization=MARKER, referer=MARKER
    )
    fault = _get(f"https://b.example/a/{MARKER}?fault={MARKER}")
    strange = _get(f"https://b.example/{MARKER}")
    answers, lines, told = _asked("https://b.example", request, fault, strange)
    assert MARKER not in json.dumps(lines)
    (said,) = [line for line in lines if line["event"] == "fault"]
    lines = [line for line in lines if line["event"] == "http"]
    assert said["what"].startswith("ZeroDivisionError in test_edge.py, line ")
    assert said["id"] == lines[1]["id"]
    assert (said["level"], answers[1].text) == ("error", "Internal Server Error")
    assert MARKER not in repr(told)
    assert [line["status"] for line in lines] == [200, 500, 404]
    assert [line["route"] for line in lines] == ["/a/{x}", "/a/{x}", "other"]
    assert [line["level"] for line in lines] == ["info", "error", "info"]
    assert {line["from"] for line in lines} == {"192.0.2.0/24"}
    assert set(lines[0]) == {"time", "level", "event", "route", "status", "ms", "id", "from"}
    assert answers[0].headers["x-request-id"] == lines[0]["id"]
    assert answers[0].headers["date"].endswith("GMT")
    assert [t[:2] for t in told] == [("/a/{x}", 200), ("/a/{x}", 500), ("other", 404)]


def test_every_answer_leaves_with_all_headers_whoever_made_it() -> None:
    """A page that says nothing, a 404 of the framework, a fault, a foreign host: section 6 of the specification."""
    paths = (
        "https://b.example/a/1",
        "https://b.example/none",
        "https://b.example/a/1?fault=1",
        "https://c.example/a/1",
    )
    answers, _, _ = _asked("https://b.example", *map(_get, paths))
    assert [answer.status_code for answer in answers] == [200, 404, 500, 421]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (answer.url, name)
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert "server" not in answer.headers
        assert len(answer.headers.get_list("x-content-type-options")) == 1


def test_what_an_answer_says_itself_stands() -> None:
    async def own(_: Request) -> PlainTextResponse:
        said = {"Content-Security-Policy": "default-src 'self'", "Strict-Transport-Security": "max-age=1"}
        return PlainTextResponse("x", headers=said)

    async def work() -> httpx.Response:
        edge = Edge(Starlette(routes=[Route("/a", own)]), "https://b.example/c", lambda *_: None, lambda: 1.0)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(edge)) as client:
            return await client.get("https://b.example/a")

    answer = asyncio.run(work())
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"]  # others live beside the prefix


def test_without_tls_no_browser_is_told_to_come_by_it() -> None:
    (answer,), _, _ = _asked("http://b.example", _get("http://b.example/a/1"))
    assert "strict-transport-security" not in answer.headers


def test_a_log_line_is_one_line_whatever_it_holds() -> None:
    lines: list[str] = []
    facts: Mapping[str, Any] = {"what": "a\nb\x1b[31m\u2028", "n": 1}
    LogLines(lines.append)("info", "x", facts)
    assert len(lines) == 1
    assert lines[0].count("\n") == 1
    assert "\x1b" not in lines[0]
    assert json.loads(lines[0])["n"] == 1


# --- TLS, and who asks the running node ---


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of this machine, signed by itself; to 2027-03-01."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 3, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    private.chmod(0o600)
    return cert, private


def _handshake(server: ssl.SSLContext) -> bytes:
    """The certificate that a client of this server sees, without sockets.

    Raises:
        ssl.SSLError: no handshake.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    one, other = client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (one, other):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    return one.getpeercert(True) or b""


def test_a_certificate_without_its_key_leaves_the_old_one(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    cert, key = _certificate(tmp_path / "old")
    fresh, its_key = _certificate(tmp_path / "new")
    tls = tls_context(str(cert), str(key), "1.2")
    before = _handshake(tls)
    with pytest.raises(InputError, match="not a certificate with its key"):
        renew(tls, str(fresh), str(key), "1.2")  # the certificate has been written, its key not yet
    assert _handshake(tls) == before
    its_key.chmod(0o644)
    with pytest.raises(StateError, match="others can read this key"):
        renew(tls, str(fresh), str(its_key), "1.2")
    its_key.chmod(0o600)
    renew(tls, str(fresh), str(its_key), "1.2")
    assert _handshake(tls) not in (before, b"")


def test_a_certificate_and_its_faults(tmp_path: Path) -> None:
    cert, key = _certificate(tmp_path)
    assert tls_context(str(cert), str(key), "1.2").minimum_version is ssl.TLSVersion.TLSv1_2
    assert tls_context(str(cert), str(key), "1.3").minimum_version is ssl.TLSVersion.TLSv1_3
    assert f"{certificate_end(str(cert)):%Y-%m-%d}" == "2027-03-01"
    assert certificate_end("") is None
    with pytest.raises(InputError, match="not a certificate with its key"):
        tls_context(str(key), str(key), "1.2")
    with pytest.raises(InputError, match="can't be read"):
        tls_context(str(cert), str(tmp_path / "none.pem"), "1.2")
    key.chmod(0o644)
    with pytest.raises(StateError, match=r"others can read this key \(mode 644\)\. Run: chmod 600"):
        tls_context(str(cert), str(key), "1.2")


def test_asking_where_nothing_or_something_else_listens(local_service: Any, reply: Any) -> None:
    from concordat.errors import StateError, TrustError

    with pytest.raises(StateError, match=r"no node answers here .* Start it: concordat node serve"):
        ask(("127.0.0.1", 9), "/status")
    for answer in (reply(b"<html>"), reply(b"[]"), reply(b"{}", status=404)):
        service = local_service(lambda _, answer=answer: answer)
        with pytest.raises(TrustError, match="no node of ours"):
            ask(("127.0.0.1", int(service.url.rpartition(":")[2])), "/status")
