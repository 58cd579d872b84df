"""No test can reach the network: a guard in `tests/conftest.py` fails whoever tries; this machine may be asked."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

Failed = pytest.fail.Exception  # no `except Exception` of the program can swallow it


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, ("93.184.216.34", 80)), (socket.AF_INET6, ("2606:2800:220:1::1", 443)),
     (socket.AF_INET, ("example.org", 80))],
)  # fmt: skip
def test_a_connection_to_another_machine_fails_the_test(family: int, address: tuple[str, int], kind: int) -> None:
    for reach in (socket.socket.connect, socket.socket.connect_ex):
        with socket.socket(family, kind) as connection, pytest.raises(Failed, match="a test opened a connection"):
            reach(connection, address)


def test_asking_for_a_name_fails_the_test() -> None:
    with pytest.raises(Failed, match=r"a test asked the network for the name example\.org"):
        socket.getaddrinfo("example.org", 443)


def test_this_machine_may_be_asked(local_service: Callable[..., Any], reply: Any) -> None:
    service = local_service(lambda _: reply(b"here"))
    port = int(service.url.rpartition(":")[2])
    for name in ("127.0.0.1", "localhost"):
        with socket.create_connection((name, port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert connection.recv(15) == b"HTTP/1.0 200 OK"


def test_the_pages_take_addresses_apart_and_open_none() -> None:
    from pathlib import Path

    import concordat.web

    for file in sorted(Path(concordat.web.__file__).parent.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if "urllib" in line and "import" in line]
        assert all(line.startswith("from urllib.parse import") for line in lines), file.name
