"""What goes wrong in one run: drawn from its seed, so that a failing run can be made again from one number."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

HOUR = 3600
HEALED = 8 * HOUR  # from here on the network is whole, everyone is up and disks have room
ROLES = ("silent", "twin", "censor", "signs_all", "clock", "replay", "promise", "rollback", "hasty")


@dataclass(frozen=True)
class Outage:
    """A member is down from `start` to `end`; what it had not sent is lost. `restored`: it comes back from a backup."""

    member: int
    start: int
    end: int
    restored: bool


@dataclass(frozen=True)
class Partition:
    """From `start` to `end` only members on the same side reach each other."""

    start: int
    end: int
    side: frozenset[int]


@dataclass
class Plan:
    """One run: how many members, who lies and how, what the network and the machines do, what is written when.

    Attributes:
        n: members. roles: member -> role of those that lie, or are `dead`: never there.
        drop, repeat: probability that a message is lost, or delivered twice. delay_s: the longest delay.
        skew_s: member -> seconds its clock is ahead. full_disks: (member, start, end).
        writes: (time, member, scope). too_many: f + 1 liars. too_few: f + 1 dead members, so no quorum.
    """

    seed: int
    n: int
    roles: dict[int, str]
    drop: float
    repeat: float
    delay_s: float
    skew_s: dict[int, int]
    outages: list[Outage] = field(default_factory=list)
    partitions: list[Partition] = field(default_factory=list)
    full_disks: list[tuple[int, int, int]] = field(default_factory=list)
    writes: list[tuple[int, int, str]] = field(default_factory=list)
    too_many: bool = False
    too_few: bool = False

    @property
    def faulty(self) -> int:
        """f: how many liars the protocol bears."""
        return (self.n - 1) // 3

    @property
    def honest(self) -> list[int]:
        return [m for m in range(self.n) if m not in self.roles]


def draw(seed: int, *, events: int = 40, too_many: bool | None = None) -> Plan:
    """The plan of a seed. Of sixteen two have f + 1 colluding liars and one f + 1 dead members, unless `too_many` says
    whether there are too many liars."""
    rng = random.Random(f"ledger simulation {seed}")
    n = rng.choice((4, 4, 4, 5, 6, 7, 7, 8, 9, 10))
    f = (n - 1) // 3
    kind = rng.randrange(16)
    beyond = kind < 2 if too_many is None else too_many
    dead = kind == 2 and not beyond
    members = rng.sample(range(n), f + 1 if beyond or dead else rng.randint(0, f))
    if beyond and 0 not in members:
        members[0] = 0  # the first chair, or the two faces have nothing to show
    rough = rng.random() < 0.7
    plan = Plan(
        seed=seed,
        n=n,
        roles=dict.fromkeys(sorted(members), "twin" if beyond else "dead") if beyond or dead else _roles(members, rng),
        drop=rng.choice((0.0, 0.02, 0.1, 0.25)) if rough else 0.0,
        repeat=rng.choice((0.0, 0.05, 0.2)) if rough else 0.0,
        delay_s=rng.choice((1, 5, 60)) if rough else 1,
        skew_s={m: rng.randint(-55, 55) for m in range(n)},
        too_many=beyond,
        too_few=dead,
    )
    for m, role in plan.roles.items():
        if role == "clock":
            plan.skew_s[m] = rng.choice((-300, 300, -86_400 * 9, 86_400 * 9, 120, -120))
    if rough and not beyond:
        _disasters(plan, rng)
    scopes = ("council",) * 4 + ("exchange",)
    for _ in range(events):
        plan.writes.append((rng.randrange(60, HEALED - HOUR), rng.randrange(n), rng.choice(scopes)))
    plan.writes.sort()
    return plan


def _roles(members: list[int], rng: random.Random) -> dict[int, str]:
    """Liars of one kind in half of the runs, of several in the others."""
    kind, together = rng.choice(ROLES), rng.random() < 0.5
    return {m: kind if together else rng.choice(ROLES) for m in sorted(members)}


def _disasters(plan: Plan, rng: random.Random) -> None:
    for _ in range(0 if plan.too_few else rng.randint(0, 3)):
        start = rng.randrange(60, HEALED - 2 * HOUR)
        end = min(HEALED, start + rng.choice((60, 900, 2 * HOUR)))
        plan.outages.append(Outage(rng.randrange(plan.n), start, end, rng.random() < 0.4))
    for _ in range(rng.randint(0, 2)):
        start = rng.randrange(60, HEALED - 2 * HOUR)
        side = frozenset(rng.sample(range(plan.n), rng.randint(1, plan.n - 1)))
        plan.partitions.append(Partition(start, min(HEALED, start + rng.choice((300, HOUR, 3 * HOUR))), side))
    if rng.random() < 0.3 and not plan.too_few:
        start = rng.randrange(60, HEALED - 2 * HOUR)
        plan.full_disks.append((rng.randrange(plan.n), start, min(HEALED, start + HOUR)))
