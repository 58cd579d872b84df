"""What goes wrong in one simulated run: drawn whole from its seed before anything happens.

A plan says how bad the network is, whose clocks are off, when and at which step of a block the host goes down, which
members lie and how, and whether bounds are small (a million waiting payments can't be reached in a simulated week).
At `healed` messages of honest members stop being lost, clocks are right again and nobody lies; what then has not
settled must have a reason. Draws are SHA-256 of seed and a counter, so a seed tells the same story on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from concordat.clearing.simulate.operations import BANKS, DAY, HOUR, ISSUERS, MINUTE, START, Draw

# Where a crash strikes: between blocks, after proposing, after applying, in the middle of the write, and when the block
# is on the disk but nobody has been told.
POINTS = ("idle", "proposed", "applied", "torn", "durable")
LIES = ("replay", "reuse", "forge", "unsigned", "altered", "foreign", "garbage", "oversized", "certificate", "blocks")
SECOND = 1_000


@dataclass(frozen=True)
class Crash:
    """The host goes down at its n-th block, at a point; it is away for a while; its clock may come back wrong."""

    block: int
    point: str
    away_ms: int
    clock_ms: int


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        seed: of all draws. mode: of the queue. funded: whether all have money when it begins.
        instructions: how many are made before the healing.
        lost, repeated: percent of messages. delay_ms: a message's longest way; one in fifty takes ten times that.
        skew_ms: how far each member's clock is off. pace_ms: the usual time between blocks.
        crashes: of the host. snapshot_every: blocks between snapshots, 0 for none: then all is replayed.
        liars: member -> its lies. follower: whether a second host follows by the blocks alone.
        queue_max, pool_max, block_max: bounds of waiting payments, waiting instructions, and a block's; 0: the real
            ones.
        real: whether signatures are real Ed25519, or stand-ins that bind signer and message as well.
        rated: currencies with a rate in the scheme: none, all, or all but one.
    """

    seed: int
    mode: str
    funded: bool
    instructions: int
    lost: int
    repeated: int
    delay_ms: int
    skew_ms: dict[str, int]
    pace_ms: int
    crashes: tuple[Crash, ...]
    snapshot_every: int
    liars: dict[str, tuple[str, ...]]
    follower: bool
    queue_max: int
    pool_max: int
    block_max: int
    real: bool
    rated: tuple[str, ...] = ()

    @property
    def begins(self) -> int:
        """The first moment, ms."""
        return START + 6 * HOUR


def draw_plan(seed: int, *, instructions: int = 220, real: bool | None = None) -> Plan:
    """The plan of a seed.

    Args:
        seed: of all draws. instructions: made before the healing. real: signatures; None: real in one run of fifty.
    """
    draw = Draw(f"clearing plan {seed}")
    members = (*ISSUERS.values(), *BANKS)
    liars = {
        draw.pick(members): tuple(sorted({draw.pick(LIES) for _ in range(1 + draw.below(4))}))
        for _ in range(draw.pick((0, 1, 1, 2)))
    }
    small = draw.chance(20)
    return Plan(
        seed=seed,
        mode="strict_fifo" if draw.chance(20) else "bypass",
        funded=draw.chance(75),
        instructions=instructions,
        lost=draw.pick((0, 0, 5, 20, 40)),
        repeated=draw.pick((0, 5, 20)),
        delay_ms=draw.pick((100, 2 * SECOND, MINUTE)),
        skew_ms={bic8: _skew(draw) for bic8 in members},
        pace_ms=draw.pick((5 * SECOND, MINUTE, 10 * MINUTE, HOUR)),
        crashes=_crashes(draw),
        snapshot_every=draw.pick((0, 5, 20)),
        liars=liars,
        follower=draw.chance(25),
        queue_max=draw.pick((3, 8)) if small else 0,
        pool_max=draw.pick((4, 12)) if small else 0,
        block_max=draw.pick((3, 10)) if small else 0,
        real=draw.chance(2) if real is None else real,
        rated=Draw(f"clearing rates {seed}").pick(((), ("BRL", "INR", "ZAR"), ("BRL", "INR"))),
    )


def _skew(draw: Draw) -> int:
    """A clock: mostly right within a second, sometimes hours off."""
    if draw.chance(80):
        return draw.below(2 * SECOND) - SECOND
    factor, divisor = int(draw.pick((1, 1, 30))), int(draw.pick((1, 10)))
    return (draw.below(2 * HOUR) - HOUR) * factor // divisor


def _crashes(draw: Draw) -> tuple[Crash, ...]:
    found = []
    block = 0
    for _ in range(draw.pick((0, 1, 2, 4))):
        block += 1 + draw.below(15)
        away = draw.pick((SECOND, MINUTE, HOUR, DAY if draw.chance(10) else MINUTE))
        clock = draw.pick((0, 0, 0, -10 * MINUTE, 5 * MINUTE))
        found.append(Crash(block, draw.pick(POINTS), away, clock))
    return tuple(found)
