"""Figures drawn in another process: the same bytes, and a process that dies is followed by another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import StateError
from concordat.figures import drawer, render

SPEC: dict[str, Any] = {
    "data": {"values": [{"x": 1, "y": 2}, {"x": 2, "y": 3}]},
    "mark": "point",
    "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
}


def test_a_figure_has_the_same_bytes_wherever_it_is_drawn() -> None:
    here, pixels = render.svg(SPEC, "f"), render.png(SPEC)
    with drawer.drawing_elsewhere() as other:
        assert render.drawer is other
        other.begin()
        assert render.svg(SPEC, "f") == here
        assert render.png(SPEC) == pixels
        (process,) = other._running()._processes.values()
        assert process.pid != os.getpid()
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert render.svg(SPEC, "f") == here
    assert render.drawer is render.convert


def test_a_drawer_that_was_closed_begins_nothing() -> None:
    with drawer.drawing_elsewhere() as other:
        pass
    other.begin()
    assert other._pool is None


def test_what_can_t_be_drawn_is_said_and_the_next_figure_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    with drawer.drawing_elsewhere():
        with pytest.raises(ValueError, match="vega"):
            render.svg({"mark": "no such mark", "data": 3}, "f")
        render.svg(SPEC, "f")
        monkeypatch.setattr(drawer, "WAIT_S", 0)
        with pytest.raises(StateError, match="could not be drawn"):
            render.svg(SPEC, "f")
        monkeypatch.undo()
        assert render.svg(SPEC, "f").startswith("<svg")


KILLED = """
import os, signal
from concordat.figures import drawer
if __name__ == "__main__":
    drawing = drawer.Drawer()
    drawing("svg", {"data": {"values": []}, "mark": "point"})
    (process,) = drawing._running()._processes.values()
    print(process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_server_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    program = tmp_path / "killed.py"
    program.write_text(KILLED, encoding="utf-8")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert int(done.stdout) > 0  # the pipe was closed, so nobody holds it any more: else `run` would have waited
