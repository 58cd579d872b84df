"""What goes wrong in one run: drawn from its seed, so that a failing run can be made again from one number."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

HOUR = 3600
HEALED = 8 * HOUR  # from here on the network is whole, everyone is up and disks have room
ROLES = ("silent", "twin", "censor", "signs_all", "clock", "replay")


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
        n: members. roles: member -> role of those that lie. colluding: whether the twins show the same two faces.
        drop, repeat: probability that a message is lost, or delivered twice. delay_s: the longest delay.
        skew_s: member -> seconds its clock is ahead. full_disks: (member, start, end).
        writes: (time, member, scope).
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

    @property
    def faulty(self) -> int:
        """f: how many liars the protocol bears."""
        return (self.n - 1) // 3

    @property
    def honest(self) -> list[int]:
        return [m for m in range(self.n) if m not in self.roles]


def draw(seed: int, *, events: int = 40, too_many: bool | None = None) -> Plan:
    """The plan of a seed. One in eight has f + 1 colluding liars, unless `too_many` says otherwise."""
    rng = random.Random(f"ledger simulation {seed}")
    n = rng.choice((4, 4, 4, 5, 6, 7, 7, 8, 9, 10))
    f = (n - 1) // 3
    beyond = rng.random() < 1 / 8 if too_many is None else too_many
    liars = f + 1 if beyond else rng.randint(0, f)
    members = rng.sample(range(n), liars)
    if beyond and 0 not in members:
        members[0] = 0  # the first chair, or the two faces have nothing to show
    kind = rng.choice(ROLES)
    together = beyond or rng.random() < 0.5
    roles = {m: "twin" if beyond else (kind if together else rng.choice(ROLES)) for m in sorted(members)}
    rough = rng.random() < 0.7
    plan = Plan(
        seed=seed,
        n=n,
        roles=roles,
        drop=rng.choice((0.0, 0.02, 0.1, 0.25)) if rough else 0.0,
        repeat=rng.choice((0.0, 0.05, 0.2)) if rough else 0.0,
        delay_s=rng.choice((1, 5, 60)) if rough else 1,
        skew_s={m: rng.randint(-55, 55) for m in range(n)},
        too_many=beyond,
    )
    for m, role in roles.items():
        if role == "clock":
            plan.skew_s[m] = rng.choice((-300, 300, -86_400 * 9, 86_400 * 9, 120, -120))
    if rough and not beyond:
        _disasters(plan, rng)
    scopes = ("council",) * 4 + ("exchange",)
    for _ in range(events):
        plan.writes.append((rng.randrange(60, HEALED - HOUR), rng.randrange(n), rng.choice(scopes)))
    plan.writes.sort()
    return plan


def _disasters(plan: Plan, rng: random.Random) -> None:
    for _ in range(rng.randint(0, 3)):
        start = rng.randrange(60, HEALED - 2 * HOUR)
        end = min(HEALED, start + rng.choice((60, 900, 2 * HOUR)))
        plan.outages.append(Outage(rng.randrange(plan.n), start, end, rng.random() < 0.4))
    for _ in range(rng.randint(0, 2)):
        start = rng.randrange(60, HEALED - 2 * HOUR)
        side = frozenset(rng.sample(range(plan.n), rng.randint(1, plan.n - 1)))
        plan.partitions.append(Partition(start, min(HEALED, start + rng.choice((300, HOUR, 3 * HOUR))), side))
    if rng.random() < 0.3:
        start = rng.randrange(60, HEALED - 2 * HOUR)
        plan.full_disks.append((rng.randrange(plan.n), start, min(HEALED, start + HOUR)))
