"""What one seed does to a bloc: a plan of troubles, drawn before anything runs."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from simulation.live.wire import Weather
from simulation.live.zygote import STEPS

TROUBLE_S = 6.0


@dataclass(frozen=True)
class Trouble:
    """One thing that happens.

    Attributes:
        at_s: when, from the start. kind: kill, crash, stop, pair, split, reset, heal, restore; pause (nothing of the
            process runs for a while), full (no file may grow), backup and bring_back (the disk is lost in between).
        who: members. wait_s: seconds until a restart. crash: the step of one. weather: of a line.
    """

    at_s: float
    kind: str
    who: tuple[str, ...] = ()
    wait_s: float = 0.0
    crash: tuple[str, str, int] | None = None
    weather: Weather = field(default_factory=Weather)


@dataclass(frozen=True)
class Plan:
    """All of one seed.

    Attributes:
        members: of the bloc. offsets: how far each clock is off, in seconds. troubles: in order. entries: (when, who).
    """

    seed: int
    members: tuple[str, ...]
    offsets: dict[str, int]
    troubles: tuple[Trouble, ...]
    entries: tuple[tuple[float, str], ...]


def draw(seed: int, members: tuple[str, ...]) -> Plan:
    """The plan of a seed: up to six troubles within six seconds, two or three entries of each member."""
    dice = random.Random(seed)
    count = dice.randint(1, 6)
    at = sorted(round(dice.uniform(0.2, TROUBLE_S), 2) for _ in range(count))
    troubles = [_one(dice, moment, members) for moment in at]
    offsets = {m: dice.choice((0, 0, 0, -60, 60, 90)) if dice.random() < 0.5 else 0 for m in members}
    entries = [(round(dice.uniform(0, TROUBLE_S), 2), m) for m in members for _ in range(dice.randint(1, 3))]
    more = random.Random(f"more {seed}")  # by itself, so that older seeds keep the troubles that they had
    troubles += _more(more, members)
    if more.random() < 0.2:  # one clock beyond what is tolerated; not the chair's, who then waits for a view change
        offsets[more.choice(sorted(members)[1:])] = more.choice((-300, 300))
    return Plan(seed, members, offsets, tuple(sorted(troubles, key=lambda t: t.at_s)), tuple(sorted(entries)))


def _more(dice: random.Random, members: tuple[str, ...]) -> list[Trouble]:
    """Disks and machines: up to two troubles."""
    found: list[Trouble] = []
    for _ in range(dice.choice((0, 0, 1, 1, 2))):
        at, who = round(dice.uniform(0.2, TROUBLE_S / 2), 2), (dice.choice(members),)
        wait = round(dice.uniform(0.3, 3.0), 2)
        match dice.choice(("pause", "full", "backup")):
            case "backup":
                found += [Trouble(at, "backup", who), Trouble(round(at + wait, 2), "bring_back", who, 0.1)]
            case kind:
                found.append(Trouble(at, kind, who, wait))
    return found


def _one(dice: random.Random, at: float, members: tuple[str, ...]) -> Trouble:
    kind = dice.choice(("kill", "kill", "crash", "stop", "pair", "pair", "split", "reset", "heal", "restore"))
    who = dice.choice(members)
    wait = round(dice.uniform(0.1, 2.0), 2)
    if kind == "crash":
        step = (dice.choice(STEPS), dice.choice(("before", "after")), dice.randint(1, 12))
        return Trouble(at, kind, (who,), wait, crash=step)
    if kind == "pair":
        weather = dice.choice(
            (
                Weather(delay_s=0.15),
                Weather(rate=20_000),
                Weather(stalled=True),
                Weather(half_open=True),
                Weather(cut=True),
            )
        )
        return Trouble(at, kind, tuple(dice.sample(members, 2)), weather=weather)
    if kind == "split":
        return Trouble(at, kind, tuple(dice.sample(members, dice.randint(1, len(members) // 2))))
    return Trouble(at, kind, (who,), wait)
