"""Made-up consultations for the tests: camps of people with leanings, each on some of the statements."""

from __future__ import annotations

import numpy as np

from concordat.council.consult import Opinion, Statement, Votes, from_opinions


def camps(sizes: list[int], statements: int, *, seed: int = 1, share: float = 0.7, noise: float = 0.1) -> list[Opinion]:
    """Votes of camps that each hold a random line on every statement, kept with probability 1 - noise.

    The voters of camp c are called `c-n`, so who belongs where can be read from the id.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    lines = rng.choice([1, -1], size=(len(sizes), statements))
    said = []
    for camp, size in enumerate(sizes):
        for person in range(size):
            for s in range(statements):
                if rng.uniform() < share:
                    vote = int(lines[camp, s]) if rng.uniform() >= noise else int(rng.choice([0, 1, -1]))
                    said.append(Opinion(f"{camp}-{person:03d}", str(s), vote, (len(said),)))
    return said


def statements(count: int) -> list[Statement]:
    return [Statement(str(n), f"Statement {n}") for n in range(count)]


def consultation(sizes: list[int], count: int, **options: object) -> Votes:
    return from_opinions(camps(sizes, count, **options), statements(count))  # type: ignore[arg-type]


def camp_of(votes: Votes) -> list[int]:
    return [int(name.partition("-")[0]) for name in votes.participants]
