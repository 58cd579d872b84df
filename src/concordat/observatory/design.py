"""Which runs an uncertainty analysis makes: every combination of levels, or a sample from which indices can be told.

A *factor* is an assumption that could have been another: a method, a parameter, the number of a pre-drawn imputation.
Factors are independent of each other; those of one `group` move together and get one joint index. A *part* is a
group, or a factor without one.

- Up to 50,000 combinations, all discrete: all of them, each with its probability; nothing is estimated.
- Otherwise a scrambled Sobol sequence in 2d dimensions gives two samples A and B, and for each part i the sample AB_i,
  which is A with the columns of i taken from B (Saltelli et al., *Computer Physics Communications* 181, 2010). With
  `closed`, every other subset of the parts is taken from B as well, for Shapley effects of up to six parts.

A level is `min(floor(u K), K - 1)`, or where the cumulative probability passes u.

Rows of a sample stand scramble by scramble, in each the blocks A, B, AB_1, AB_2, ..., in each block the same N points.
`runs` is the whole budget: N is the largest power of two with `scrambles * blocks * N <= runs`. One scramble makes the
most of a budget, and its intervals, by the bootstrap, are too wide, since they do not know how even the points are;
with 16 scrambles they hold what they promise, and the indices are half as accurate (`benchmarks/sobol.py`).

Does not run anything, and does not know what the levels mean.

    >>> design = enumerate_all([Factor("aggregate", 2), Factor("winsorise", 3, probabilities=(0.5, 0.25, 0.25))])
    >>> design.levels.tolist()
    [[0.0, 0.0], [0.0, 1.0], [0.0, 2.0], [1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]
    >>> design.probability.tolist()
    [0.25, 0.125, 0.125, 0.25, 0.125, 0.125]
    >>> sample = sobol([Factor("aggregate", 2), Factor("noise", 0, uniform=(-1, 1))], runs=1000, seed=1)
    >>> sample.points, sample.blocks, sample.runs
    (128, 4, 512)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from concordat.errors import InputError
from concordat.observatory.panel import Array

ENUMERATED_MAX = 50_000  # specification, section 5
TABLE_PARTS_MAX = 16  # parts of two levels each are 15 at most; only parts of one level can be more
CLOSED_PARTS_MAX = 6  # 2^6 blocks; more parts are told by permutations
_SUM_OFF = 1e-6  # how far written probabilities may be from adding to 1

Kind: TypeAlias = Literal["enumerated", "sobol"]
Points: TypeAlias = Literal["sobol", "random"]


@dataclass(frozen=True, slots=True)
class Factor:
    """One assumption that is varied.

    Attributes:
        levels: how many values it can take, numbered from 0; 0 for a continuous factor.
        probabilities: of the levels; empty when all are as likely.
        uniform: the ends of a continuous factor.
        group: factors of one group get one joint index; "" for an index of its own.

    Raises:
        InputError: it has no level, probabilities that don't fit, or both levels and a range.
    """

    name: str
    levels: int
    probabilities: tuple[float, ...] = ()
    uniform: tuple[float, float] | None = None
    group: str = ""

    def __post_init__(self) -> None:
        if self.uniform is not None:
            if self.levels or self.probabilities:
                raise self._wrong("has both levels and a range.", "Give one of them.")
            low, high = self.uniform
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise self._wrong(f"has the range {low:g} to {high:g}.", "Give two numbers, the lower first.")
        elif self.levels < 1:
            raise self._wrong("has no level.", "Give at least one, or leave the factor out.")
        elif self.probabilities:
            self._check_probabilities()

    def _check_probabilities(self) -> None:
        given = len(self.probabilities)
        if given != self.levels:
            raise self._wrong(f"has {self.levels} levels and {given} probabilities.", "Give one for each level.")
        if not all(math.isfinite(p) and p >= 0 for p in self.probabilities):
            raise self._wrong("has a probability that is negative or not a number.", "Give numbers from 0 to 1.")
        total = math.fsum(self.probabilities)
        if abs(total - 1) > _SUM_OFF:
            raise self._wrong(f"has probabilities that add to {total:.6g}.", "They must add to 1.")

    def _wrong(self, what: str, hint: str) -> InputError:
        return InputError(f"the factor {what}", where=f"uncertainty, vary, {self.name}", hint=hint, code="factor")

    @property
    def weights(self) -> Array:
        """The probability of each level, adding to 1."""
        if not self.probabilities:
            return np.full(self.levels, 1 / self.levels)
        given = np.array(self.probabilities)
        return np.asarray(given / given.sum())

    def from_uniform(self, u: Array) -> Array:
        """The level (or value) for numbers u in [0, 1)."""
        if self.uniform is not None:
            low, high = self.uniform
            return np.asarray(low + (high - low) * u)
        if not self.probabilities:
            return np.minimum(np.floor(u * self.levels), self.levels - 1)
        ends = np.cumsum(self.weights)
        ends[np.flatnonzero(self.weights)[-1] :] = np.inf  # the last possible level takes what rounding leaves of 1
        return np.searchsorted(ends, u, side="right").astype(np.float64)


@dataclass(frozen=True, eq=False)
class Design:
    """The runs to make.

    Attributes:
        levels: `[run, factor]`: the number of the level; of a continuous factor its value.
        probability: `[run]`, adding to 1: what each run counts in means and rank statistics. In a sample the rows of A
            and B count alike and the others nothing, for they repeat parts of both.
        scrambles, points: of a sample: how many independent samples, and N, the points of each block.
        subsets: of a sample: for each block after A and B, which parts come from B (bit i: part i).
    """

    kind: Kind
    factors: tuple[Factor, ...]
    levels: Array
    probability: Array
    scrambles: int = 0
    points: int = 0
    subsets: tuple[int, ...] = ()

    @cached_property
    def parts(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Name and columns of each part, in the order in which they first appear."""
        return parts_of(self.factors)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parts."""
        return tuple(name for name, _ in self.parts)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.levels)

    @property
    def blocks(self) -> int:
        """How many blocks a sample has: A, B and one for each subset."""
        return 2 + len(self.subsets)

    @property
    def closed(self) -> bool:
        """Whether a sample has a block for every subset of the parts."""
        return self.kind == "sobol" and len(set(self.subsets) | {0, 2 ** len(self.parts) - 1}) == 2 ** len(self.parts)

    def by_block(self, y: Array) -> Array:
        """Outputs `[run, output]` of a sample as `[scramble, block, point, output]`."""
        assert self.kind == "sobol", "only a sample has blocks"
        return y.reshape(self.scrambles, self.blocks, self.points, y.shape[-1])

    def by_part(self, y: Array) -> tuple[Array, tuple[Array, ...]]:
        """Outputs `[run, output]` of an enumeration as a table with an axis for each part, and the axes' weights."""
        assert self.kind == "enumerated", "only an enumeration has a table"
        order = [column for _, columns in self.parts for column in columns]
        sizes = [f.levels for f in self.factors]
        table = y.reshape(*sizes, y.shape[-1]).transpose(*order, len(sizes))
        weights = tuple(_joint([self.factors[c].weights for c in columns]) for _, columns in self.parts)
        return table.reshape(*(len(w) for w in weights), y.shape[-1]), weights


def parts_of(factors: Sequence[Factor]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Groups, and factors without one, with their columns."""
    found: dict[tuple[bool, str], list[int]] = {}
    for column, factor in enumerate(factors):
        found.setdefault((bool(factor.group), factor.group or factor.name), []).append(column)
    return tuple((name, tuple(columns)) for (_, name), columns in found.items())


def _joint(weights: list[Array]) -> Array:
    joint = np.ones(1)
    for w in weights:
        joint = np.multiply.outer(joint, w).ravel()
    return joint


def _check(factors: Sequence[Factor]) -> tuple[Factor, ...]:
    if not factors:
        hint = "Name at least one step or option under vary."
        raise InputError("nothing is varied.", where="uncertainty, vary", hint=hint, code="factor")
    names = [f.name for f in factors]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"the factor {twice[0]} is named twice.", where="uncertainty, vary", code="factor")
    clash = sorted({f.group for f in factors} & {f.name for f in factors if not f.group})
    if clash:
        what = f"{clash[0]} is both a factor and a group."
        raise InputError(what, where="uncertainty, vary", hint="Give the group another name.", code="factor")
    return tuple(factors)


def combinations(factors: Sequence[Factor]) -> int | None:
    """How many combinations of levels there are; None when a factor is continuous."""
    if any(f.uniform is not None for f in factors):
        return None
    return math.prod(f.levels for f in factors)


def choose(factors: Sequence[Factor], runs: int, seed: int, *, scrambles: int = 1, closed: bool = False) -> Design:
    """All combinations when they are at most 50,000, else a sample of at most `runs` runs."""
    count = combinations(_check(factors))
    if count is not None and count <= ENUMERATED_MAX:
        return enumerate_all(factors)
    return sobol(factors, runs, seed, scrambles=scrambles, closed=closed)


def enumerate_all(factors: Sequence[Factor]) -> Design:
    """Every combination of levels once, the last factor fastest, with the product of the levels' probabilities.

    Raises:
        InputError: a factor is continuous, or there are more than 50,000 combinations.
    """
    checked = _check(factors)
    count = combinations(checked)
    if count is None or count > ENUMERATED_MAX:
        what = "a continuous factor can't be enumerated." if count is None else f"{count:,} combinations are too many."
        raise InputError(what, where="uncertainty, vary", hint="Take a sample instead.", code="enumerate")
    if len(parts_of(checked)) > TABLE_PARTS_MAX:
        what = f"{len(parts_of(checked))} factors have too many subsets."
        hint = "Leave out those with a single level, which vary nothing."
        raise InputError(what, where="uncertainty, vary", hint=hint, code="enumerate")
    grid = np.indices([f.levels for f in checked]).reshape(len(checked), -1).T
    return Design("enumerated", checked, grid.astype(np.float64), _joint([f.weights for f in checked]))


def sobol(
    factors: Sequence[Factor],
    runs: int,
    seed: int,
    *,
    scrambles: int = 1,
    closed: bool = False,
    points: Points = "sobol",
) -> Design:
    """A sample of at most `runs` runs in all, from which first-order and total indices can be told.

    Args:
        scrambles: independent samples among which the runs are divided evenly.
        closed: also a block for every other subset of the parts (2^d blocks in all, d <= 6).
        points: "random" for independent points, as the peers take them.

    Raises:
        InputError: the budget allows fewer than two points a block, or `closed` for more than six parts.
    """
    checked = _check(factors)
    parts = parts_of(checked)
    if closed and len(parts) > CLOSED_PARTS_MAX:
        what = f"{len(parts)} parts have {2 ** len(parts):,} subsets."
        hint = f"Take permutations for more than {CLOSED_PARTS_MAX} parts."
        raise InputError(what, where="uncertainty", hint=hint, code="subsets")
    subsets = tuple(range(1, 2 ** len(parts) - 1)) if closed else tuple(1 << i for i in range(len(parts)))
    assert scrambles >= 1, scrambles
    share = runs // (scrambles * (2 + len(subsets)))
    if share < 2:
        least = 2 * scrambles * (2 + len(subsets))
        hint = f"Give at least {least}, or better some thousands."
        raise InputError(f"{runs} runs are too few.", where="uncertainty, runs", hint=hint, code="runs")
    exponent = share.bit_length() - 1
    blocks = [
        _blocks(checked, parts, subsets, u) for u in _unit_points(2 * len(checked), exponent, seed, scrambles, points)
    ]
    levels = np.concatenate(blocks)
    counted = np.zeros((scrambles, 2 + len(subsets), 2**exponent))
    counted[:, :2] = 1 / (scrambles * 2 * 2**exponent)
    return Design("sobol", checked, levels, counted.ravel(), scrambles, 2**exponent, subsets)


def _unit_points(dimensions: int, exponent: int, seed: int, scrambles: int, points: Points) -> list[Array]:
    """For each scramble 2^exponent points of the unit cube."""
    generators = [np.random.Generator(np.random.PCG64(s)) for s in np.random.SeedSequence(seed).spawn(scrambles)]
    if points == "random":
        return [rng.random((2**exponent, dimensions)) for rng in generators]
    from scipy.stats import qmc  # type: ignore[import-untyped,unused-ignore]

    return [qmc.Sobol(dimensions, scramble=True, rng=rng).random_base2(exponent) for rng in generators]


def _blocks(
    factors: tuple[Factor, ...], parts: tuple[tuple[str, tuple[int, ...]], ...], subsets: tuple[int, ...], u: Array
) -> Array:
    """A, B and the mixtures of one scramble, one below the other."""
    d = len(factors)
    a, b = (np.column_stack([f.from_uniform(u[:, o + i]) for i, f in enumerate(factors)]) for o in (0, d))
    blocks = [a, b]
    for subset in subsets:
        mixed = a.copy()
        for i, (_, columns) in enumerate(parts):
            if subset >> i & 1:
                mixed[:, columns] = b[:, columns]
        blocks.append(mixed)
    return np.concatenate(blocks)
