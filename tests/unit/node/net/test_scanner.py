"""Documents before a scanner: what it is sent byte for byte, what it may answer, and what its silence means."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from concordat.errors import InputError, StateError
from concordat.node.scanner import PIECE, scan

# The test file that every scanner calls harmful, and that does nothing (EICAR, 2003); put together here, so that this
# file is not taken for one.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@contextmanager
def daemon(folder: Path, answer: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """A scanner that reads one question to its end: (its socket, what it was sent). None: EICAR is harmful."""
    place, heard = str(folder / "scanner"), list[bytes]()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(1)

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as reader:
            assert reader.read(10) == b"zINSTREAM\0"
            data = b""
            while size := struct.unpack(">I", reader.read(4))[0]:
                assert size <= PIECE
                data += reader.read(size)
            heard.append(data)
            said = b"stream: Eicar-Test-Signature FOUND\0" if EICAR in data else b"stream: OK\0"
            connection.sendall(said if answer is None else answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield place, heard
    finally:
        listener.close()
        thread.join(10)


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE])
def test_the_whole_document_is_looked_at(tmp_path: Path, size: int) -> None:
    data = bytes(n % 251 for n in range(size))
    with daemon(tmp_path, None) as (place, heard):
        scan(place, data)
    assert heard == [data]


def test_what_is_known_to_do_harm_is_refused_by_its_name(tmp_path: Path) -> None:
    with daemon(tmp_path, None) as (place, _), pytest.raises(InputError, match="Eicar-Test-Signature") as caught:
        scan(place, b"a letter, and in it " + EICAR)
    assert caught.value.code == "harmful"


@pytest.mark.parametrize(
    "answer", [b"", b"INSTREAM size limit exceeded. ERROR\0", b"stream: OK or not\0", b"\xff\xff\0", b"x" * 9_000]
)
def test_an_answer_that_is_none_takes_no_document(tmp_path: Path, answer: bytes) -> None:
    with daemon(tmp_path, answer) as (place, _), pytest.raises(StateError, match="does not answer") as caught:
        scan(place, b"a letter")
    assert caught.value.code == "scanner"


def test_a_scanner_that_is_not_there_takes_no_document_and_none_is_asked_where_none_is_set(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="does not answer"):
        scan(str(tmp_path / "nobody"), b"a letter")
    scan("", EICAR)


def test_a_scanner_that_is_silent_is_given_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "silent"))
        listener.listen(1)
        with pytest.raises(StateError, match="does not answer"):
            scan(str(tmp_path / "silent"), b"a letter", wait_s=0.05)
