"""Is this document known to do harm: one question to a scanner beside the node, before anything of it is kept.

The scanner is a daemon that speaks the INSTREAM command of ClamAV's clamd on a Unix socket: `zINSTREAM`, the bytes in
pieces behind four bytes of length (big-endian), a length of 0; it answers `stream: OK`, `stream: <name> FOUND` or an
error. Where `scanner` is set and doesn't answer in time, nothing is taken: a document that nobody looked at must not go
out again. Where it is not set, documents are kept unseen, and doctor says so. Source: clamd(8), "INSTREAM"; OWASP ASVS
5.0.0 V5.4.3. What it does not do: judge by itself, look into what is packed, or ask anything over a network.
"""

from __future__ import annotations

import socket
import struct

from concordat.errors import InputError, StateError

PIECE = 65_536  # bytes
ANSWER_MAX = 4_096
WAIT_S = 20.0


def scan(place: str, data: bytes, wait_s: float = WAIT_S) -> None:
    """Have a document looked at.

    Args:
        place: the scanner's socket; empty: there is none, and nothing is asked. wait_s: for each step.

    Raises:
        InputError: it is known to do harm. StateError: the scanner says nothing, or something else.
    """
    if not place:
        return
    try:
        answer = _ask(place, data, wait_s)
    except OSError as error:
        raise _silent(place, error.strerror or type(error).__name__) from None
    words = answer.rstrip(b"\0\n").decode("utf-8", "replace").removeprefix("stream: ")
    if words == "OK":
        return
    if words.endswith(" FOUND"):
        hint = "Make the document anew on a clean machine."
        what = f"this document is known to do harm ({words.removesuffix(' FOUND')[:80]})."
        raise InputError(what, where="document", hint=hint, code="harmful")
    raise _silent(place, words[:80] or "no answer")


def _ask(place: str, data: bytes, wait_s: float) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as found:
        found.settimeout(wait_s)
        found.connect(place)
        found.sendall(b"zINSTREAM\0")
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            found.sendall(struct.pack(">I", len(piece)) + piece)
        found.sendall(struct.pack(">I", 0))
        answer = b""
        while len(answer) < ANSWER_MAX and not answer.endswith(b"\0"):
            more = found.recv(ANSWER_MAX)
            if not more:
                break
            answer += more
    return answer


def _silent(place: str, why: str) -> StateError:
    hint = "What you typed is kept. The operator looks after it: concordat node doctor"
    return StateError(f"the scanner of documents does not answer: {why}.", where=place, hint=hint, code="scanner")
