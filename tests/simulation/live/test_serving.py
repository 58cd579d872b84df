"""A node as a process: TLS and its renewal while it runs, the first signal and the second, what readiness says."""

from __future__ import annotations

import json
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

from cryptography import x509

from certificates import certificate
from simulation.live.crashes import alone, check, free_port, until
from simulation.live.talk import ask
from simulation.live.zygote import Zygote, gone


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as found:
        yield found


def _serial(port: int, most: ssl.TLSVersion | None = None) -> tuple[int, str]:
    """(serial number of the certificate, version of TLS) of a handshake.

    Raises:
        OSError: nobody listens. ssl.SSLError: no handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if most is not None:
        context.maximum_version = most
    with socket.create_connection(("127.0.0.1", port), 10) as plain, context.wrap_socket(plain) as line:
        return x509.load_der_x509_certificate(line.getpeercert(True) or b"").serial_number, line.version() or ""


def _shakes_hands(port: int) -> bool:
    try:
        return bool(_serial(port))
    except OSError:
        return False


@pytest.mark.parametrize("least", ["1.2", "1.3"])
def test_tls_its_least_version_and_a_new_certificate_at_a_signal(zygote: Zygote, tmp_path: Path, least: str) -> None:
    cert, key = certificate(tmp_path, 11)
    home, pid, _ = alone(zygote, tmp_path, tls=(str(cert), str(key), least), ready=_shakes_hands)
    port = int((tmp_path / "port").read_text())
    assert _serial(port) == (11, "TLSv1.3")
    if least == "1.3":
        with pytest.raises(OSError, match=r"(?i)version|alert|EOF|reset"):
            _serial(port, ssl.TLSVersion.TLSv1_2)
    else:
        assert _serial(port, ssl.TLSVersion.TLSv1_2) == (11, "TLSv1.2")
    certificate(tmp_path, 12)
    assert _serial(port)[0] == 11, "nothing changes by itself"
    zygote.signal(pid, signal.SIGHUP)
    until(lambda: _serial(port)[0] == 12)
    cert.write_text("no certificate", encoding="ascii")
    zygote.signal(pid, signal.SIGHUP)
    until(lambda: "the old one stays" in (home.parent / "log.txt").read_text(encoding="utf-8"))
    assert _serial(port)[0] == 12
    zygote.signal(pid, signal.SIGTERM)
    until(lambda: gone(pid))


def test_the_first_signal_waits_for_a_request_and_the_second_for_nothing(zygote: Zygote, tmp_path: Path) -> None:
    home, pid, delegate = alone(zygote, tmp_path)
    port = int((tmp_path / "port").read_text())
    assert delegate.say("one")
    with socket.create_connection(("127.0.0.1", port), 10) as open_request:
        head = f"POST /entries HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: 1000\r\n\r\nhalf"
        open_request.sendall(head.encode())
        log = home.parent / "log.txt"
        until(lambda: ask(delegate.url, "/health/ready")[0] == 200)
        zygote.signal(pid, signal.SIGTERM)
        until(lambda: '"stopping"' in log.read_text(encoding="utf-8"))
        assert not gone(pid), "a request runs"
        zygote.signal(pid, signal.SIGTERM)
        until(lambda: gone(pid))
        assert '"stopped"' not in log.read_text(encoding="utf-8"), "there was no orderly end"
    check(home, delegate)


def test_the_operator_is_told_why_a_node_is_not_ready_and_the_public_is_not(zygote: Zygote, tmp_path: Path) -> None:
    ops = free_port()
    home, pid, delegate = alone(zygote, tmp_path, ops_port=ops, disk_reserve_mb=10**6, ready=_listens)
    assert ask(delegate.url, "/health/live") == (200, b"live\n")
    until(lambda: ask(delegate.url, "/health/ready")[0] == 503)
    until(lambda: ask(f"http://127.0.0.1:{ops}", "/ready")[0] == 503)
    assert ask(delegate.url, "/health/ready") == (503, b"not ready\n")
    facts = json.loads(ask(f"http://127.0.0.1:{ops}", "/ready")[1])
    assert facts["ready"] is False
    assert facts["failing"]["disk"].endswith("MB free, 1,000,000 needed.")
    assert not delegate.say("no room"), "below the reserve nothing is signed"
    assert ask(delegate.url, "/log/BRICS/BRA/checkpoint")[0] == 404, "there is nothing yet; it is served all the same"
    zygote.signal(pid, signal.SIGTERM)
    until(lambda: gone(pid))
    assert home.exists()


def _listens(port: int) -> bool:
    return ask(f"http://127.0.0.1:{port}", "/health/live")[0] == 200
