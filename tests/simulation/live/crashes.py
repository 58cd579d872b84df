"""One node that is killed, starved of disk, or told to stop; and what its disk says afterwards."""

from __future__ import annotations

import atexit
import contextlib
import platform
import random
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from concordat import clock
from concordat.errors import StateError
from concordat.node.home import Node
from concordat.node.whole_disk import verify_disk
from simulation.live.talk import Delegate, ask
from simulation.live.zygote import Spec, Zygote, gone
from unit_node import found

WAIT_S = 120.0  # a busy machine takes its time; what must come to pass is what is tested
ENTRIES_MAX = 40
PORTS = range(20_000, 32_000)


def free_ports(count: int, among: range = PORTS) -> list[int]:
    """Ports that were free a moment ago, from below those that the system gives out by itself: they stay free.

    A node that starts again takes its port again, so none is held meanwhile; no two of them are the same.
    """
    found: set[int] = set()
    while len(found) < count:
        port = random.choice(among)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            found.add(port)
    return sorted(found)


def free_port() -> int:
    """One such port."""
    return free_ports(1)[0]


def spec_of(home: Path, port: int, **more: object) -> Spec:
    """A node by itself."""
    return Spec(home=str(home), port=port, url=f"http://127.0.0.1:{port}", log=str(home.parent / "log.txt"), **more)  # type: ignore[arg-type]


@cache
def _founded() -> Path:
    """A node that was made and never opened; its keys are made once."""
    kept = tempfile.TemporaryDirectory(prefix="concordat-live-")
    atexit.register(kept.cleanup)
    return found(Path(kept.name), ("BRA",))[0]


def until(what: object, seconds: float = WAIT_S) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def alone(
    zygote: Zygote, root: Path, ready: Callable[[int], bool] | None = None, **more: object
) -> tuple[Path, int, Delegate]:
    """A node by itself that runs: its folder, its process, who hands entries in; its port stands in `root/port`.

    Args:
        ready: whether the node on a port has come as far as is wanted; by default, whether it is ready.
    """
    home = root / "BRA" / "home"
    shutil.copytree(_founded(), home)
    port = free_port()
    (root / "port").write_text(str(port), encoding="ascii")
    pid = zygote.start(spec_of(home, port, **more))
    done = ready or (lambda number: ask(f"http://127.0.0.1:{number}", "/health/ready")[0] == 200)
    until(lambda: gone(pid) or done(port))
    return home, pid, Delegate(home, f"http://127.0.0.1:{port}")


def check(home: Path, delegate: Delegate) -> None:
    """The disk verifies, has all that was acknowledged in its place, and the node goes on from there."""
    # The node's process has the machine's clock, the suite a pinned one.
    with clock.fixed(datetime.now(UTC) + timedelta(seconds=1)), Node(home) as node:
        verify_disk(node)
        entries = node.replica.own.entries
        for entry, index in delegate.acknowledged.items():
            assert entries[index].id == entry, "acknowledged, and not there"
        assert [e.seq for e in entries] == list(range(1, len(entries) + 1))
        assert node.signer.size_signed(node.replica.own.origin) <= len(entries), "signed, and lost"
        node.tick()
        after, _ = node.write("Said", {"word": "after"}, "council")
        assert node.replica.own.entries[-1].id == after.id
        assert node.replica.events()[-1][2].id == after.id
        verify_disk(node)


def kill_at(zygote: Zygote, root: Path, step: str, when: str, count: int) -> str:
    """Hand in entries until the node kills itself; `killed`, or `alive` if the step never came so often."""
    home, pid, delegate = alone(zygote, root, crash=(step, when, count))
    for i in range(ENTRIES_MAX):
        if gone(pid) or not delegate.say(f"word {i}"):
            break
    ended = "killed" if _ended(pid) else "alive"
    zygote.signal(pid)
    until(lambda: gone(pid))
    check(home, delegate)
    return ended


def _ended(pid: int) -> bool:
    end = time.monotonic() + 2.0
    while time.monotonic() < end and not gone(pid):
        time.sleep(0.01)
    return gone(pid)


def full_disk(zygote: Zygote, root: Path) -> int:
    """A node whose files can't grow: how many entries it acknowledged before it said no."""
    home, pid, delegate = alone(zygote, root, file_bytes_max=600_000)
    for i in range(400):
        if not delegate.say(f"{i} " + "x" * 2_000):
            break
    taken = len(delegate.acknowledged)
    assert taken < 400
    url = delegate.url
    assert ask(url, "/health/live")[0] == 200, "it goes on serving"
    assert ask(url, "/health/ready")[0] == 503
    assert ask(url, "/log/BRICS/BRA/checkpoint")[0] == 200
    assert not delegate.say("one more")
    zygote.signal(pid)
    until(lambda: gone(pid))
    check(home, delegate)
    return taken


def stops_in_order(zygote: Zygote, root: Path) -> list[str]:
    """SIGTERM while entries come in; the store's files afterwards."""
    home, pid, delegate = alone(zygote, root)
    for i in range(5):
        assert delegate.say(f"word {i}")
    zygote.signal(pid, signal.SIGTERM)
    until(lambda: gone(pid))
    files = sorted(p.name for p in home.glob("log.db*"))
    check(home, delegate)
    return files


def second_process(zygote: Zygote, root: Path) -> tuple[int, str]:
    """The number of the process that has the folder, and what another one is told."""
    home, pid, _ = alone(zygote, root)
    try:
        Node(home).close()
    except StateError as error:
        words = str(error)
        assert platform.node() in words
        return pid, words
    finally:
        zygote.signal(pid)
        until(lambda: gone(pid))
    raise AssertionError("two processes hold one folder")
