"""A process of its own that draws, for a server: its threads go on, and the renderer's memory is not theirs.

    with drawing_elsewhere():
        serve()                     # `render.svg` and `render.png` draw there while this lasts

Nothing is decided there: the same specification gives the same bytes. A process that dies is followed by another, and
what it was drawing is asked for once more. Without this, a figure is drawn where it is asked for.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from typing import Any

from concordat.errors import StateError
from concordat.figures.render import convert

NOTHING = {"data": {"values": [{}]}, "mark": "point"}  # the least that can be drawn
WAIT_S = 30  # for one figure; most take 25 ms


class Drawer:
    """The process: started when the first figure is drawn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    def __call__(self, form: str, spec: Mapping[str, Any]) -> Any:
        """The figure in a form (`svg`: text, `png`: bytes), as the renderer gives it.

        Raises:
            StateError: the process died twice over it, or took too long.
        """
        for _ in range(2):
            pool = self._running()
            try:
                return pool.submit(convert, form, dict(spec)).result(WAIT_S)
            except BrokenProcessPool:
                self._drop(pool)
            except TimeoutError:
                self._drop(pool)
                break
        raise StateError("a figure could not be drawn.", hint="The numbers are in its table.", code="not_drawn")

    def begin(self) -> None:
        """Start the process and let it load the renderer, without waiting for it: the first figure comes sooner.

        Where it was closed meanwhile, nothing is started.
        """
        with self._lock:
            if self._closed:
                return
            pool = self._started()
        with suppress(BrokenProcessPool, RuntimeError):  # it died, or it is being closed
            pool.submit(convert, "svg", NOTHING)

    def _running(self) -> ProcessPoolExecutor:
        with self._lock:
            return self._started()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:  # not forked: a server has threads
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), end_with_parent)
        return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        processes = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:  # one that hangs would outlive its pool
            process.kill()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """In the process that draws: end when the server has ended, also when that was killed."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def drawing_elsewhere() -> Iterator[Drawer]:
    """Figures are drawn in another process as long as this lasts."""
    from concordat.figures import render

    drawer = Drawer()
    before, render.drawer = render.drawer, drawer
    try:
        yield drawer
    finally:
        render.drawer = before
        drawer.close()
