"""The program, warm: one process has imported it whole, and each command of a test is a child that it forks.

A start of the real program imports for half a second to two, a hundred times over in the pages of `docs/`. Here a
small client hands its words, folder, environment and three streams to the process that waits; the child that is forked
for it runs `concordat.cli.entry` as `python -m concordat` does, and the client ends as the child ended, by the same
code or signal. Nothing but modules is shared: no command ran in the process that forks, so no child finds another's
state. What it can't show (a command that forgets an import, another hash seed) is left to the starts of the real
program that remain: `Warm.script` says which. A server is always started for real.

    with Warm(folder, rendered) as warm:
        warm.script(bin_folder / "concordat", first_is_real=False)     # to be called by a shell
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import marshal
import os
import pkgutil
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

FDS = 3
# What commands import of others where they need it; a child would do it each time.
LATER = (
    "babel.dates", "babel.numbers", "duckdb", "jinja2", "lxml.etree", "scipy.linalg", "scipy.optimize", "scipy.sparse",
    "tomllib", "xlsxwriter",
)  # fmt: skip
ACCEPTING = b"ready\n"
SERVERS = "node-serve | node-abci"  # patterns of `case`, of the first two words
SCRIPT = """#!/bin/sh
case "$1-$2" in {servers}) exec "{python}" -m concordat "$@";; esac
{first}exec "{python}" -I -S "{client}" "{address}" "$@"
"""
FIRST = """if mkdir "$0.first" 2>/dev/null; then exec "{python}" -m concordat "$@"; fi
"""
# No `socket` and no `json`: their imports take longer than the rest of this client.
CLIENT = """
import _socket, marshal, os, signal, sys
link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
link.connect(sys.argv[1])
asked = marshal.dumps((sys.argv[2:], os.getcwd(), dict(os.environ)))
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
link.sendmsg([len(asked).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
link.sendall(asked)
ended = link.recv(8)
code = os.waitstatus_to_exitcode(int.from_bytes(ended, "big")) if ended else 99
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class Warm:
    """The process that waits, from outside; started when the first script is asked for."""

    def __init__(self, folder: Path, rendered: Path) -> None:
        """`folder`: for its socket. `rendered`: what is drawn is kept there (see `remembered.py`)."""
        self._folder, self._rendered = folder, rendered
        self._process: subprocess.Popen[bytes] | None = None

    def script(self, place: Path, *, first_is_real: bool) -> None:
        """Write a program `concordat` for a shell; `first_is_real`: its first call starts the real one."""
        self._start()
        facts = {"python": sys.executable, "client": self._folder / "client.py", "address": self._address}
        first = FIRST.format(**facts) if first_is_real else ""
        place.write_text(SCRIPT.format(servers=SERVERS, first=first, **facts), encoding="utf-8")
        place.chmod(0o755)

    @property
    def _address(self) -> str:
        return str(self._folder / "warm")

    def _start(self) -> None:
        if self._process is not None:
            return
        (self._folder / "client.py").write_text(CLIENT, encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, __file__, self._address, str(self._rendered)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == ACCEPTING

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.kill()
            self._process.wait(10)
            self._process.stdout.close()


# --- Inside the process that waits --------------------------------------------------------------------------------


def main(address: str, rendered: str) -> None:
    """Fork a child for each that asks; end with the parent."""
    from remembered import a_signature_is_verified_once, factbook_is_parsed_once, renderers_remember

    import_all()
    parent = os.getppid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with renderers_remember(Path(rendered)), factbook_is_parsed_once(), a_signature_is_verified_once(), listener:
        read_packaged()
        listener.bind(address)
        listener.listen(64)
        listener.settimeout(5)
        gc.collect()
        gc.freeze()
        assert threading.active_count() == 1, "a process with threads can't be forked"
        os.write(1, ACCEPTING)
        while os.getppid() == parent:
            with suppress(TimeoutError):
                link, _ = listener.accept()
                with link:
                    link.settimeout(None)
                    if os.fork() == 0:
                        listener.close()
                        _keep(link)


def import_all() -> None:
    """Every module of the program whose own imports are here, and of others what they import later."""
    import concordat

    own = (found.name for found in pkgutil.walk_packages(concordat.__path__, "concordat."))
    for name in (*own, *LATER):
        if not name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(name)


def read_packaged() -> None:
    """What every store begins with, and the tables that most reports need: pure work on files of packages, which
    children then find done."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.sources import factbook
    from concordat.impact.parameters import load_parameters
    from concordat.impact.provision_map import load_map
    from concordat.report.messages import Messages
    from concordat.rulebook.seeds import load_seeds
    from concordat.rulebook.taxonomy import load_taxonomy

    factbook.parse_edition(factbook.read_edition(), load_catalogue())
    for load in (load_taxonomy, load_seeds, load_map, load_parameters):
        load()
    Messages("en")


def _keep(link: socket.socket) -> None:
    """Take what is asked, let a child do it, and tell how it ended."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        head, streams, _, _ = socket.recv_fds(link, 8, FDS)
        size = int.from_bytes(head, "big")
        parts, got = [], 0
        while got < size:
            parts.append(link.recv(1 << 16))
            assert parts[-1], "the client went away"
            got += len(parts[-1])
        words, folder, environment = marshal.loads(b"".join(parts))
        child = os.fork()
        if child == 0:
            link.close()
            _run(words, folder, environment, streams)
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        link.sendall(status.to_bytes(8, "big"))
    finally:
        os._exit(0)


def _run(words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    """As `python -m concordat` with these words, there, in that environment; never returns."""
    code = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        if hasattr(time, "tzset"):
            time.tzset()
        sys.argv = ["concordat", *words]
        sys.stdin, sys.stdout, sys.stderr = open(0, closefd=False), _stream(1), _stream(2)  # noqa: SIM115
        random.seed()
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        from concordat.cli import entry

        entry()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        _end(code)


def _stream(number: int) -> Any:
    """Standard output and error as a new process has them; nobody types here, so neither is a terminal."""
    errors = "strict" if number == 1 else "backslashreplace"
    at_once = bool(os.environ.get("PYTHONUNBUFFERED"))
    raw = open(number, "wb", buffering=0 if at_once else -1, closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(raw, errors=errors, line_buffering=number == 2, write_through=at_once)  # type: ignore[arg-type]


def _end(code: int) -> None:
    """What the interpreter does at its end."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120  # as the interpreter says that it could not flush
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
