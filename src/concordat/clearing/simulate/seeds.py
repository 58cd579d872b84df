"""A run from a seed alone, in figures: `run_seed(7)` tells the same story on every machine, or says what was broken.

>>> run_seed(7, instructions=5).seed
7
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from concordat.clearing import host as hosts
from concordat.clearing.core import apply, queue, trades
from concordat.clearing.simulate.cluster import Cluster
from concordat.clearing.simulate.plan import Plan, draw_plan


@contextmanager
def small_bounds(plan: Plan) -> Iterator[None]:
    """The plan's bounds in the place of those that no simulated week can reach."""
    changes = [(queue, "QUEUE_MAX", plan.queue_max), (trades, "QUEUE_MAX", plan.queue_max)]
    changes += [(hosts, "POOL_MAX", plan.pool_max), (hosts, "INSTRUCTIONS_MAX", plan.block_max)]
    changes += [(apply, "INSTRUCTIONS_MAX", plan.block_max)]
    patches = [patch.object(module, name, bound) for module, name, bound in changes if bound]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


@dataclass(frozen=True, slots=True)
class Run:
    """What happened in a run, in figures."""

    seed: int
    events: int
    blocks: int
    receipts: int
    starts: int
    liars: int
    counts: dict[str, int]
    codes: dict[str, int]
    head: str


def run_plan(plan: Plan) -> Run:
    """Run a plan.

    Raises:
        TrustError: something happened that must never happen; its code names the invariant or promise.
    """
    with small_bounds(plan):
        done = Cluster(plan).run()
    observer = done.observer
    receipts = sum(map(len, observer.log))
    return Run(
        plan.seed, done.events, len(observer.blocks), receipts, done.machine.starts, len(plan.liars),
        dict(sorted(done.counts.items())), dict(sorted(observer.codes.items())), observer.head,
    )  # fmt: skip


def run_seed(seed: int, *, instructions: int = 220, real: bool | None = None) -> Run:
    """Run a seed: as `run_plan` on its plan."""
    return run_plan(draw_plan(seed, instructions=instructions, real=real))
