"""The connection goes to the checked address, and the certificate there must be for the name that was asked."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from concordat.errors import InputError, SourceError
from concordat.evidence.sources._base import Request
from concordat.evidence.sources._http import HttpTransport


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = 5

    def do_GET(self) -> None:
        body = f'["{self.headers["host"]}"]'.encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `a.example` that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "a.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def port(certificate: Path) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client may hang up
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join(5)


def _here(host: str, port: int, type: int) -> Any:  # noqa: A002 - the name that socket.getaddrinfo uses
    return [(socket.AF_INET, type, 6, "", ("127.0.0.1", port))]


def _ask(port: int, host: str, certificate: Path | None) -> bytes:
    url = f"https://{host}:{port}"
    ca_file = str(certificate) if certificate else ""
    with HttpTransport(service=url, resolve=_here, ca_file=ca_file, sleep=lambda _: None) as transport:
        return transport.send(Request(f"{url}/x")).body


def test_a_certificate_for_the_name_is_accepted_at_the_checked_address(port: int, certificate: Path) -> None:
    assert _ask(port, "a.example", certificate) == f'["a.example:{port}"]'.encode()


def test_a_certificate_for_another_name_is_refused(port: int, certificate: Path) -> None:
    with pytest.raises(SourceError, match="Hostname mismatch") as caught:
        _ask(port, "b.example", certificate)
    assert caught.value.code == "offline"


def test_a_certificate_that_nobody_vouches_for_is_refused(port: int) -> None:
    with pytest.raises(SourceError, match="self-signed certificate"):
        _ask(port, "a.example", None)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_certificates_that_can_not_be_read_are_the_persons_to_mend(port: int, tmp_path: Path, content: Any) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="the certificates can't be read"):
        _ask(port, "a.example", path)
