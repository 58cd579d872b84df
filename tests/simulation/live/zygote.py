"""Nodes as processes of their own that can be killed: one process imports everything once, and forks a node when told.

`python -m simulation.live.zygote` reads a JSON object a line (`Spec`), forks a child that runs that node, and prints
its process number. A child runs `node.serve` as the command does. `crash` names a step of a commit, and when in it
(before, after) and at which count the process kills itself with SIGKILL: nothing is flushed, closed or said.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# The steps of a commit, in their order: entries and tiles, what the keys remember, heads, notes, papers, the commit.
STEPS = ("append", "put_notes", "save_floor", "put_head", "put_paper", "commit")


@dataclass(frozen=True)
class Spec:
    """How a node is to be run.

    Attributes:
        home: its folder. port: on 127.0.0.1. url: under which it is known. peers: addresses of the others. names: what
            its name service says. seed: of its waits. offset_s: how far its clock is off. crash: step, when, count.
        log: a file for its lines. ops_port: where the operator asks. tls: certificate, key, version. sync_every_s,
        disk_reserve_mb: as in the settings. file_bytes_max: no file grows beyond it; 0 for no bound.
    """

    home: str
    port: int
    url: str
    peers: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    offset_s: int = 0
    crash: tuple[str, str, int] | None = None
    log: str = os.devnull
    sync_every_s: int = 1
    file_bytes_max: int = 0
    ops_port: int = 0
    tls: tuple[str, str, str] | None = None
    disk_reserve_mb: int = 0


def main() -> int:
    """Fork a node for each line on standard input."""
    _import_all()
    signal.signal(signal.SIGCHLD, _reap)
    for line in sys.stdin:
        if line == "times\n":
            print(json.dumps(_processor_s()), flush=True)
            continue
        spec = Spec(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                _child(spec)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(pid, flush=True)
    return 0


def _reap(*_: object) -> None:
    """Take leave of the children that have ended: only then does the system count their processor time with ours."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue


def _processor_s() -> float:
    """Processor seconds of all children so far, those that have ended and those that run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = 0
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split():
        with contextlib.suppress(OSError):  # it ended meanwhile
            user, system = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
            ticks += int(user) + int(system)
    return used.ru_utime + used.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def _import_all() -> None:
    """What a node needs, once for all children: imports take longer than everything else a node does at its start."""
    import importlib

    for name in (
        "concordat.node.http_bounds", "concordat.node.serve", "concordat.node.server", "concordat.node.service",
        "httpx", "starlette.applications", "starlette.responses", "starlette.routing", "uvicorn", "uvicorn.server",
        "uvicorn.lifespan.off", "uvloop",
    ):  # fmt: skip
        importlib.import_module(name)
    from concordat.council.fold import start
    from concordat.node.outbound import _trusted_roots

    start("BRICS", ("BRA",))
    _trusted_roots()


def _child(spec: Spec) -> None:
    from concordat.node.edge import LogLines
    from concordat.node.home import Node
    from concordat.node.serve import serve
    from concordat.node.server import application, ops_application
    from concordat.node.service import Service
    from concordat.node.settings import NodeSettings

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    quiet = os.open(os.devnull, os.O_RDWR)
    out = os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, target in ((0, quiet), (1, quiet), (2, out)):
        os.dup2(target, number)
    os.environ.pop("CONCORDAT_NOW", None)
    os.environ |= {"CONCORDAT_TEST": "1", "CONCORDAT_CLOCK_OFFSET_S": str(spec.offset_s)}
    if spec.crash is not None:
        _crash_at(*spec.crash)
    arguments: dict[str, object] = {
        "listen": f"127.0.0.1:{spec.port}", "ops_listen": f"127.0.0.1:{spec.ops_port}", "public_url": spec.url,
        "peers": spec.peers, "peers_private": True, "sync_every_s": spec.sync_every_s,
        "disk_reserve_mb": spec.disk_reserve_mb,
        "commit_gather_ms": 5,
    }  # fmt: skip
    if spec.tls is not None:
        arguments |= dict(zip(("tls_cert", "tls_key", "tls_min"), spec.tls, strict=True))
    settings = NodeSettings.load(arguments, environment={}, file=Path(os.devnull))
    draw = random.Random(spec.seed)
    log = LogLines(sys.stderr.write)

    async def resolve(host: str, port: int) -> list[str]:
        return [spec.names[host]] if host in spec.names else []

    def without_requests(level: str, event: str, facts: Any) -> None:
        if event != "http":
            log(level, event, facts)

    async def told(_: Any) -> None:
        log("info", "up", {"pid": os.getpid()})

    if spec.file_bytes_max:
        resource.setrlimit(resource.RLIMIT_FSIZE, (spec.file_bytes_max, spec.file_bytes_max))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    node = Node(Path(spec.home))
    service = Service(node, settings, log=log, resolver=resolve, draw=lambda: draw.uniform(0.5, 1.5))
    serve(service, application(service), ops_application(service), without_requests, told)


def _crash_at(step: str, when: str, count: int) -> None:
    """Kill this process at a step of a commit."""
    from concordat.node import home
    from concordat.node.store import Store

    left = [count]

    def killing(original: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0 and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(*arguments, **named)
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    if step == "save_floor":
        home.save_floor = killing(home.save_floor)
    elif step == "commit":
        Store.commit = _killing_commit(Store.commit, left, when)  # type: ignore[method-assign, assignment]
    else:
        setattr(Store, step, killing(getattr(Store, step)))


def _killing_commit(original: Any, left: list[int], when: str) -> Any:
    """The transaction itself: killed before it is on the disk, or right after."""

    @contextlib.contextmanager
    def commit(store: Any) -> Any:
        outer = not store._db.in_transaction
        with original(store):
            yield
            if outer:
                left[0] -= 1
                if left[0] == 0 and when == "before":
                    os.kill(os.getpid(), signal.SIGKILL)
        if outer and left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return commit


class Zygote:
    """The forking process, from outside."""

    def __init__(self) -> None:
        tests = Path(__file__).parents[2]
        paths = [str(tests), str(tests.parent / "src"), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulation.live.zygote"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment,
        )  # fmt: skip
        self._children: set[int] = set()

    def start(self, spec: Spec) -> int:
        """Run a node; its process number."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(spec)) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        self._children.add(pid)
        return pid

    def processor_s(self) -> float:
        """Processor seconds of all nodes that have ended so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("times\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def signal(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Send a signal to one of them; gone already is as good."""
        assert pid in self._children
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return

    def close(self) -> None:
        """Kill what is left, and end."""
        for pid in self._children:
            self.signal(pid)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
