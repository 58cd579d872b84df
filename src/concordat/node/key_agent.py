"""With several workers, one process holds the unlocked keys: the others send it acts to sign and never see a key.

The agent listens on a Unix socket in a folder of its own (0700, socket 0600) and asks the kernel who calls: another
user is sent away. A frame is a length of four bytes and JSON; the words are `unlock` (a seed goes in), `sign` (a
message goes in, a signature comes out), `forget` and `public`. None gives a seed back. Keys go after 15 minutes by
the agent's own clock, whatever the callers say; it dumps no core, and ends with the process that started it.

`AgentKeys` is the workers' end: a `person_keys.KeyHolder` like the memory of one process. Source: node-web.md 3.2.
What this can't do: keep keys from the machine's administrator.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from concordat import clock
from concordat.errors import ConcordatError, InputError, RuleError, StateError
from concordat.node.person_keys import UnlockedKeys, forbid_core_dumps

FRAME_MAX = 200_000  # an entry has at most 65,535 bytes, and base64 a third more
CALLERS_MAX = 64
ANSWER_S = 10.0
_ERRORS = {"RuleError": RuleError, "StateError": StateError, "InputError": InputError}


def seconds() -> int:
    """The clock of the agent."""
    return int(clock.machine_seconds())


class KeyAgent:
    """The process that holds the keys.

    Args:
        path: of the socket; its folder is made. now: seconds since 1970.

    Raises:
        StateError: the socket can't be made. One that an earlier agent left is replaced.
    """

    def __init__(self, path: Path, now: Callable[[], int] = seconds) -> None:
        self._path, self._now = path, now
        self._keys = UnlockedKeys()
        self._places = threading.BoundedSemaphore(CALLERS_MAX)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.chmod(0o700)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            path.unlink(missing_ok=True)
            self._socket.bind(str(path))
        except OSError as error:
            raise StateError(f"can't listen: {error.strerror}.", where=str(path), code="key_agent") from None
        finally:
            os.umask(before)
        self._socket.listen(CALLERS_MAX)

    def serve(self) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            if not _is_ours(caller) or not self._places.acquire(blocking=False):
                caller.close()
                continue
            threading.Thread(target=self._answer, args=(caller,), daemon=True).start()

    def close(self) -> None:
        """Stop, and take the socket away."""
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _answer(self, caller: socket.socket) -> None:
        try:
            with caller:
                caller.settimeout(ANSWER_S)
                _send(caller, self._reply(_receive(caller)))
        except (OSError, ConcordatError):
            return  # whoever breaks off or sends what is none gets no answer
        finally:
            self._places.release()

    def _reply(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._do(asked)
        except ConcordatError as error:
            kind = type(error).__name__
            return {"error": kind, "what": error.what, "hint": error.hint, "code": error.code}
        except (KeyError, TypeError, ValueError):
            return {"error": "InputError", "what": "not a request.", "hint": "", "code": "key_agent"}

    def _do(self, asked: dict[str, Any]) -> dict[str, Any]:
        session, now = str(asked["session"]), self._now()
        match asked["do"]:
            case "unlock":
                self._keys.unlock(session, _bytes(asked["seed"], 32), now)
                return {}
            case "forget":
                self._keys.forget(session)
                return {}
            case "public":
                self._keys.key(session, _bytes(asked["public"], 32), now)
                return {}
            case "sign":
                key = self._keys.key(session, _bytes(asked["public"], 32), now)
                return {"signature": base64.b64encode(key.sign(_bytes(asked["message"]))).decode()}
        raise ValueError(asked["do"])


@dataclass(frozen=True, slots=True)
class AgentKey:
    """A key that the agent holds: it signs, and can't be read."""

    public: bytes
    session: str
    path: Path

    def sign(self, message: bytes) -> bytes:
        """The agent's signature.

        Raises:
            RuleError: the key was locked meanwhile. StateError: the agent does not answer.
        """
        asked = {"do": "sign", "message": _text(message), "public": _text(self.public), "session": self.session}
        return _bytes(_ask(self.path, asked)["signature"], 64)


class AgentKeys:
    """The workers' end (`person_keys.KeyHolder`); times are the agent's own.

    Args:
        path: of the agent's socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def unlock(self, session: str, seed: bytes, now: int) -> None:  # noqa: ARG002 - the agent has a clock of its own
        """Hand a key over for a session."""
        _ask(self._path, {"do": "unlock", "seed": _text(seed), "session": session})

    def key(self, session: str, public: bytes, now: int) -> AgentKey:  # noqa: ARG002
        """The key of a session, if it is unlocked.

        Raises:
            RuleError: it is not. StateError: the agent does not answer.
        """
        _ask(self._path, {"do": "public", "public": _text(public), "session": session})
        return AgentKey(public, session, self._path)

    def forget(self, session: str) -> None:
        """Lock the key of a session again."""
        _ask(self._path, {"do": "forget", "session": session})


def start_agent(path: Path) -> subprocess.Popen[bytes]:
    """Start the agent as a process of its own; it ends when the pipe to this process closes.

    Raises:
        StateError: it did not begin to listen.
    """
    command = [sys.executable, "-m", "concordat.node.key_agent", str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    if process.stdout.readline().strip() != b"listening":
        process.kill()
        process.wait()
        raise StateError("the key agent did not start.", where=str(path), code="key_agent")
    return process


def run(path: Path) -> None:
    """The agent's process: listen until standard input ends."""
    forbid_core_dumps()
    agent = KeyAgent(path)
    threading.Thread(target=agent.serve, daemon=True).start()
    os.write(1, b"listening\n")
    while sys.stdin.buffer.read(1):
        continue
    agent.close()


# --- Frames -----------------------------------------------------------------------------------------------------------


def _ask(path: Path, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as to:
            to.settimeout(ANSWER_S)
            to.connect(str(path))
            _send(to, asked)
            reply = _receive(to)
    except OSError as error:
        what = f"the key agent does not answer: {error.strerror or error}."
        raise StateError(what, where=str(path), hint="Start the node again.", code="key_agent") from None
    if "error" in reply:
        kind = _ERRORS.get(str(reply["error"]), StateError)
        raise kind(str(reply["what"]), hint=str(reply["hint"]), code=str(reply["code"]))
    return reply


def _send(to: socket.socket, value: dict[str, Any]) -> None:
    data = json.dumps(value).encode()
    if len(data) > FRAME_MAX:
        raise InputError(f"over {FRAME_MAX:,} bytes.", where="key agent", code="key_agent")
    to.sendall(struct.pack(">I", len(data)) + data)


def _receive(caller: socket.socket) -> dict[str, Any]:
    (length,) = struct.unpack(">I", _exactly(caller, 4))
    if length > FRAME_MAX:
        raise InputError(f"over {FRAME_MAX:,} bytes.", where="key agent", code="key_agent")
    try:
        value = json.loads(_exactly(caller, length))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InputError("not a frame.", where="key agent", code="key_agent")
    return value


def _exactly(caller: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = caller.recv(length - len(data))
        if not part:
            raise ConnectionError("the other end went away")
        data += part
    return data


def _is_ours(caller: socket.socket) -> bool:
    """Whether the caller runs as this user, as the kernel says; where it can't say, the socket's mode must do."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    raw = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", raw)[1] == os.getuid())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str, length: int = 0) -> bytes:
    data = base64.b64decode(text, validate=True)
    if length and len(data) != length:
        raise ValueError("length")
    return data


if __name__ == "__main__":
    run(Path(sys.argv[1]))
