"""What a delegate's machine makes of answers that don't come: no status, never an error of its own."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from simulation.live import talk


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 3\r\n\r\nno\n", (503, b"no\n")),
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 3\r\n\r\n", (0, b"")),  # the rest of a refusal doesn't come in time
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", (0, b"")),
        (b"", (0, b"")),
    ],
    ids=["refused", "refused and cut", "cut", "silent"],
)
def test_an_answer_that_does_not_come_in_time_is_none(
    answer: bytes, found: tuple[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "TIMEOUT_S", 0.3 if found == (0, b"") else 60)
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        link, _ = listener.accept()
        with link, contextlib.suppress(OSError):
            link.recv(4096)
            link.sendall(answer)
            over.wait(20)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert talk.ask(f"http://bra.test:{listener.getsockname()[1]}", "/ready") == found
    finally:
        over.set()
        thread.join(20)
        listener.close()
