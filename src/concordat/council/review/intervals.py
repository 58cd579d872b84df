"""How sure are the scores of members, issues and the bloc, and is the gap to the evidence more than chance?

The commitments that were assessed stand for those that could have been, and the coders for those who could have coded:
2,000 draws of commitments, with a coder drawn for each cell inside each, give intervals of 90 %. How a draw is made,
and why few commitments need more than plain quantiles, is told in `_resample`. The mean that they are about is that of
the coders' medians over all commitments of the kind; an error that all coders share is not in it.

Side by side and never mixed: the human mean, the evidence mean, and the gap (evidence - human), over the cells that
have both. The gap is flagged when its interval leaves 0. One commitment gives no interval: the reason is said.

With 15 commitments and a standard deviation of 0.7 a member's interval of 95 % is about 18 points either way:
differences between members are mostly smaller. So a league table is made on demand only, with intervals of ranks.

Random numbers are PCG64, a stream for each use, seeded by SHA-256 of seed and name; sums are in the order of names.

    >>> from concordat.council.review.scores import Code, score
    >>> rows = [(f"c-{n}", "BRA", coder, (1, 1, 0, -1)[n % 4]) for n in range(16) for coder in "xy"]
    >>> scores = score([Code(*row, sources=("0" * 64,)) for row in rows])
    >>> print(intervals(scores, seed=1).members["BRA"])
    62 % (45 to 77, 16 commitments)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.council.review._resample import PRIOR, Array, Sample, draw
from concordat.council.review.evidence import Combined, Evidence, stream, values_of
from concordat.council.review.scores import Key, Scores
from concordat.errors import InputError, MethodError

DRAWS = 2_000
LEVEL = 0.90
DRAWN_MAX = 1_000_000_000  # draws times cells, at one byte each

Ints8 = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of -1 to +1 with its interval.

    Attributes:
        value: exact; None where there is none, with the reason.
        low, high: None where there is no interval, with the reason.
        n: commitments.
    """

    value: Fraction | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""

    @property
    def percent(self) -> tuple[float, float, float] | None:
        """50 (mean + 1) and its interval."""
        if self.value is None or self.low is None or self.high is None:
            return None
        return 50 * (float(self.value) + 1), 50 * (self.low + 1), 50 * (self.high + 1)

    def __str__(self) -> str:
        if self.value is None:
            return self.reason
        said = self.percent
        if said is None:
            return f"{50 * (float(self.value) + 1):.0f} % ({self.reason})"
        return f"{said[0]:.0f} % ({said[1]:.0f} to {said[2]:.0f}, {self.n} commitments)"

    def as_dict(self) -> dict[str, Any]:
        """Plain data without floats: the value is exact, the ends are text of six decimals."""
        ends = [None if end is None else f"{end:.6f}" for end in (self.low, self.high)]
        return {"value": _text(self.value), "low": ends[0], "high": ends[1], "n": self.n, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Gap:
    """Human judgement and evidence over the cells that have both, and evidence - human (-2 to +2).

    Attributes:
        pairs: cells. flagged: whether the interval of the gap leaves 0.
    """

    human: Fraction | None
    evidence: Fraction | None
    gap: Interval
    pairs: int

    @property
    def flagged(self) -> bool:
        """Whether 0 is outside the interval."""
        low, high = self.gap.low, self.gap.high
        return low is not None and high is not None and (low > 0 or high < 0)

    def as_dict(self) -> dict[str, Any]:
        """Plain data without floats."""
        means = {"human": _text(self.human), "evidence": _text(self.evidence)}
        return {**means, "gap": self.gap.as_dict(), "pairs": self.pairs, "flagged": self.flagged}


@dataclass(frozen=True)
class Intervals:
    """The intervals of a review."""

    members: Mapping[str, Interval]
    issues: Mapping[str, Interval]
    bloc: Interval
    gaps: Mapping[str, Gap]
    gap: Gap
    seed: int | str
    draws: int
    level: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data without floats."""
        groups = {"members": self.members, "issues": self.issues}
        return {
            **{name: {key: one.as_dict() for key, one in group.items()} for name, group in groups.items()},
            "bloc": self.bloc.as_dict(),
            "gaps": {member: gap.as_dict() for member, gap in self.gaps.items()},
            "gap": self.gap.as_dict(),
            "seed": str(self.seed),
            "draws": self.draws,
            "level": f"{self.level:g}",
        }


def intervals(
    scores: Scores,
    evidence: Iterable[Evidence | Combined] = (),
    *,
    seed: int | str,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Intervals:
    """Intervals of members, issues and the bloc, and the gaps to the evidence by member and for the bloc.

    Args:
        evidence: of commitments of the scores; others are passed over.

    Raises:
        InputError: fewer than 100 draws, a level that is no share, evidence of a commitment twice.
        MethodError: more cells than can be drawn at once.
    """
    resampled = _Resampled.of(scores, seed, draws, level)
    keys = [key for key, cell in scores.cells.items() if cell.value is not None]
    human = {key: value for key in keys if (value := scores.cells[key].value) is not None}
    shown = values_of(evidence)
    pairs = {key: shown[key] - human[key] for key in keys if key in shown}
    gaps = {
        member: _gap(resampled, f"gap:{member}", {k: v for k, v in pairs.items() if k[1] == member}, human, shown)
        for member in scores.members
    }
    return Intervals(
        members={m: resampled.member(m, human)[1] for m in scores.members},
        issues={
            issue: resampled.interval(
                f"issue:{issue}", {k: v for k, v in human.items() if scores.issue_of.get(k[0]) == issue}
            )[1]
            for issue in scores.issues
        },
        bloc=resampled.interval("bloc", human)[1],
        gaps=gaps,
        gap=_gap(resampled, "gap", pairs, human, shown),
        seed=seed,
        draws=draws,
        level=level,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A member's place in a league table, with the interval of its rank; 1 is best, ties share the best place."""

    member: str
    rank: int
    low: int
    high: int


def league(scores: Scores, *, seed: int | str, draws: int = DRAWS, level: float = LEVEL) -> tuple[Place, ...]:
    """A league table of the members with an interval, the best first: off by default, as most places are chance.

    Raises:
        As `intervals`.
    """
    resampled = _Resampled.of(scores, seed, draws, level)
    human = {key: cell.value for key, cell in scores.cells.items() if cell.value is not None}
    found = {m: resampled.member(m, human) for m in scores.members}
    ranked = [m for m, (drawn, _) in found.items() if drawn is not None]
    if not ranked:
        return ()
    drawn = np.array([found[m][0] for m in ranked])
    places = 1 + (drawn[None, :, :] > drawn[:, None, :] + 1e-12).sum(axis=1)  # [member, draw]
    means = [scores.members[m].value or Fraction(0) for m in ranked]
    table = []
    for n, member in enumerate(ranked):
        rank = 1 + sum(other > means[n] for other in means)
        low, high = np.quantile(places[n], [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
        table.append(Place(member, rank, min(int(low), rank), max(int(high), rank)))
    return tuple(sorted(table, key=lambda p: (p.rank, p.member)))


def half_width_points(commitments: int, sd: float, level: float = 0.95) -> float:
    """About how far a member's interval reaches to either side, in points: 50 z sd / sqrt(n).

    >>> round(half_width_points(15, 0.7))
    18
    """
    from statistics import NormalDist

    return 50 * NormalDist().inv_cdf((1 + level) / 2) * sd / math.sqrt(commitments)


@dataclass(frozen=True)
class _Resampled:
    """What is drawn once and used by all figures of a review: commitments' weights, and a coder for each cell."""

    scores: Scores
    places: Mapping[str, int]
    weights: Array
    cells: Mapping[Key, int]
    coded: Ints8
    centres: Array
    noise: Array
    seed: int | str
    draws: int
    level: float

    @classmethod
    def of(cls, scores: Scores, seed: int | str, draws: int, level: float) -> _Resampled:
        if draws < 100 or not 0 < level < 1:
            hint = "Ask for 100 draws or more, and a level between 0 and 1."
            raise InputError(f"{draws} draws at the level {level}.", hint=hint, code="argument")
        keys = [key for key, cell in scores.cells.items() if cell.value is not None]
        if len(keys) * draws > DRAWN_MAX:
            hint = "Draw fewer times, or review fewer commitments at once."
            raise MethodError(f"{len(keys):,} cells can't be drawn {draws:,} times.", hint=hint, code="too_large")
        rows = sorted({commitment for commitment, _ in keys})
        weights = stream(seed, "intervals:commitments").standard_exponential((len(rows), draws))
        rng = stream(seed, "intervals:coders")
        coded = np.empty((len(keys), draws), dtype=np.int8)
        centres, noise = np.empty(len(keys)), np.empty(len(keys))
        for n, key in enumerate(keys):
            given = np.array(scores.cells[key].given, dtype=np.int8)
            coded[n] = given[rng.integers(0, len(given), draws)]
            centres[n], noise[n] = given.mean(), given.var()
        places = {row: n for n, row in enumerate(rows)}
        cells = {key: n for n, key in enumerate(keys)}
        return cls(scores, places, weights, cells, coded, centres, noise, seed, draws, level)

    def member(self, member: str, human: Mapping[Key, Fraction]) -> tuple[Array | None, Interval]:
        """Of one member, whose scores lie on few points."""
        values = {k: v for k, v in human.items() if k[1] == member}
        return self.interval(f"member:{member}", values, few_points=True)

    def interval(
        self, name: str, values: Mapping[Key, Fraction], *, sign: int = 1, span: float = 1.0, few_points: bool = False
    ) -> tuple[Array | None, Interval]:
        """The mean over commitments of the means over their cells, its draws and interval.

        Args:
            sign: -1 where the coders' judgement is taken away from the values (gaps).
        """
        rows: dict[str, list[Key]] = {}
        for key in values:
            rows.setdefault(key[0], []).append(key)
        means = [sum((values[k] for k in keys), Fraction(0)) / len(keys) for keys in rows.values()]
        if not means:
            return None, Interval(None, None, None, 0, "no value")
        mean = sum(means, Fraction(0)) / len(means)
        if len(means) == 1:
            return None, Interval(mean, None, None, 1, "one commitment: no interval")
        chosen = np.array([self.cells[k] for keys in rows.values() for k in keys])
        sizes = np.array([len(keys) for keys in rows.values()])
        starts = np.cumsum(sizes) - sizes
        said = np.add.reduceat(self.coded[chosen], starts, axis=0, dtype=np.int32)
        expected = np.add.reduceat(self.centres[chosen], starts) / sizes
        sample = Sample(
            values=np.array([float(m) for m in means]),
            deviations=sign * (said / sizes[:, None] - expected[:, None]),
            noise=float((np.add.reduceat(self.noise[chosen], starts) / sizes**2).mean()),
            weights=self.weights[[self.places[row] for row in rows]],
            prior=stream(self.seed, f"intervals:prior:{name}").standard_gamma(PRIOR, (3, self.draws)),
            span=span,
            few_points=few_points,
        )
        drawn, low, high = draw(sample, self.level)
        return drawn, Interval(mean, low, high, len(means))


def _gap(
    resampled: _Resampled,
    name: str,
    pairs: Mapping[Key, Fraction],
    human: Mapping[Key, Fraction],
    shown: Mapping[Key, Fraction],
) -> Gap:
    _, found = resampled.interval(name, pairs, sign=-1, span=2.0)
    reason = "no cell has both" if not pairs else found.reason
    interval = Interval(found.value, found.low, found.high, found.n, reason)
    return Gap(_mean(human, pairs), _mean(shown, pairs), interval, len(pairs))


def _mean(values: Mapping[Key, Fraction], pairs: Mapping[Key, Fraction]) -> Fraction | None:
    """The mean over commitments of the means over their cells, of those in `pairs`."""
    rows: dict[str, list[Fraction]] = {}
    for key in pairs:
        rows.setdefault(key[0], []).append(values[key])
    means = [sum(row, Fraction(0)) / len(row) for row in rows.values()]
    return sum(means, Fraction(0)) / len(means) if means else None


def _text(value: Fraction | None) -> str | None:
    return None if value is None else f"{value.numerator}/{value.denominator}"
