"""How sure are depth, fragmentation and distance? The codings drawn a thousand times, open participations both ways.

In each draw a coding is there with its probability (a person's always), independently of the others. What is not known
of participations is taken once as no and once as yes: the interval runs from the lowest to the highest of the 5th and
95th percentiles of the two and of the value itself, which takes each coding as it stands. Sets of instruments are what
pairs share, so each set is drawn once for all pairs and years that have it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from concordat.rulebook._regime_read import Rules
from concordat.rulebook.regime import Array, Levels, Scales

DRAWS = 1_000
PERCENTILES = (5.0, 95.0)


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of a named use: PCG64, seeded by SHA-256 of seed and name."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


def drawn_ordinals(rules: Rules, shape: tuple[int, int], draws: int, rng: np.random.Generator) -> Levels:
    """The hardest ordinal of each provision in each variant, a draw each: `[variant, draw, provision]`."""
    found = np.zeros((shape[0], shape[1], draws), dtype=np.int8)
    if len(rules.ordinal):
        there = rng.random((len(rules.ordinal), draws), dtype=np.float32) < rules.probability[:, None]
        values = there * rules.ordinal[:, None]
        key = rules.variant * shape[1] + rules.provision
        first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
        found.reshape(-1, draws)[key[first]] = np.maximum.reduceat(values, first, axis=0)
    return np.ascontiguousarray(found.transpose(0, 2, 1))


def deepest_drawn(drawn: Levels, members: NDArray[np.bool_]) -> Levels:
    """a_p of one set of variants in every draw `[draw, provision]`."""
    some = np.flatnonzero(members)
    if not len(some):
        return np.zeros(drawn.shape[1:], dtype=np.int8)
    return np.asarray(drawn[some].max(axis=0), dtype=np.int8)


@dataclass(frozen=True, eq=False)
class Sets:
    """Distinct sets of variants, and which of them each row of several tables has."""

    sets: NDArray[np.bool_]
    of: Mapping[str, NDArray[np.intp]]

    @classmethod
    def among(cls, tables: Mapping[str, NDArray[np.bool_]]) -> Sets:
        """Find the distinct rows of tables `[row, variant]`."""
        known: dict[bytes, int] = {}
        kept: list[NDArray[np.bool_]] = []
        of: dict[str, NDArray[np.intp]] = {}
        width = 0
        for name, table in tables.items():
            width = table.shape[1]
            packed = np.packbits(table, axis=1) if width else np.zeros((len(table), 1), dtype=np.uint8)
            bits = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
            _, first, inverse = np.unique(bits, return_index=True, return_inverse=True)
            for row in first:
                key = packed[row].tobytes()
                if key not in known:
                    known[key] = len(kept)
                    kept.append(table[row])
            of[name] = np.array([known[packed[row].tobytes()] for row in first], dtype=np.intp)[inverse.ravel()]
        return cls(np.array(kept, dtype=bool).reshape(len(kept), width), of)


@dataclass(frozen=True, eq=False)
class DrawnDepths:
    """Depths of sets in all draws, and of tables as means over their rows.

    Attributes:
        low, high: percentiles of D of each set that was asked for (all topics), NaN elsewhere.
        depth, soft, binding: means over the rows of each table `[draw, topic]`: D_T, and the shares with a rule.
    """

    low: Array
    high: Array
    depth: Mapping[str, Array]
    soft: Mapping[str, Array]
    binding: Mapping[str, Array]


def draw_depths(
    drawn: Levels, sets: Sets, scales: Scales, single: Sequence[str], weights: Array | None = None
) -> DrawnDepths:
    """D_T of every set in every draw, in one pass.

    Args:
        single: tables whose rows get percentiles of their own. weights: of rows in the means; none: all the same.
    """
    draws, names = drawn.shape[1], list(sets.of)
    share = {}
    for name in names:
        w = np.ones(len(sets.of[name])) if weights is None else weights
        share[name] = np.bincount(sets.of[name], w, minlength=len(sets.sets)) / w.sum()
    wanted = set(np.concatenate([sets.of[n] for n in single]).tolist()) if single else set()
    inside = scales.members.astype(np.float32)
    step = (inside / inside.sum(axis=0) / scales.highest[:, None]).astype(np.float32)
    low, high = np.full(len(sets.sets), np.nan), np.full(len(sets.sets), np.nan)
    totals = {k: {n: np.zeros((draws, len(scales.topics))) for n in names} for k in ("depth", "soft", "binding")}
    for s, members in enumerate(sets.sets):
        if not members.any():
            low[s] = high[s] = 0.0
            continue
        a = deepest_drawn(drawn, members)
        depth = a.astype(np.float32) @ step
        parts = {"depth": depth, "soft": _reached(a, 1, inside), "binding": _reached(a, 2, inside)}
        if s in wanted:
            low[s], high[s] = np.percentile(depth.mean(axis=1, dtype=float), PERCENTILES)
        for name in names:
            if share[name][s]:
                for kind, part in parts.items():
                    totals[kind][name] += share[name][s] * part
    return DrawnDepths(low, high, totals["depth"], totals["soft"], totals["binding"])


def _reached(a: Levels, depth: int, inside: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray((a >= depth).astype(np.float32) @ inside > 0, dtype=bool)


def draw_distance(
    drawn: Levels, held: NDArray[np.bool_], answered: NDArray[np.bool_], scales: Scales, *, graded: bool
) -> Array:
    """Mean H over all pairs of members, a draw each; members with the same instruments are compared once.

    Args:
        held: which variants each member owes `[member, variant]`. answered: `[member, provision]`.
    """
    both = np.concatenate([held, answered], axis=1)
    kinds, of = np.unique(both, axis=0, return_inverse=True)
    size = np.bincount(of.ravel()).astype(float)
    sets, told = kinds[:, : held.shape[1]], kinds[:, held.shape[1] :]
    total, count = np.zeros(drawn.shape[1]), 0.0
    levels = np.stack([deepest_drawn(drawn, s) for s in sets])
    for i, j in _comparisons(told, scales.weights):
        w = np.where(told[i] & told[j], scales.weights, 0.0)
        pairs = size[i] * (size[i] - 1) / 2 if i == j else size[i] * size[j]
        count += pairs
        if i != j:
            gap = np.abs(levels[i] - levels[j])
            factor = (w / scales.highest if graded else w) / w.sum()
            total += pairs * ((gap if graded else gap > 0).astype(np.float32) @ factor.astype(np.float32))
    return np.asarray(total / count if count else np.full(drawn.shape[1], np.nan), dtype=float)


def _comparisons(told: NDArray[np.bool_], weights: Array) -> Iterator[tuple[int, int]]:
    """Pairs of kinds (and kinds with themselves) that have a provision answered for both."""
    for i in range(len(told)):
        for j in range(i, len(told)):
            if weights[told[i] & told[j]].sum() > 0:
                yield i, j


def interval(values: Sequence[Array], value: float | None) -> tuple[float | None, float | None]:
    """From the lowest to the highest of the 5th and 95th percentiles of several cases of a share, and the value itself.

    Means of thousands of draws end a few units of the last place outside of 0 and 1: they are put back.
    """
    ends = [np.percentile(np.clip(v, 0.0, 1.0), PERCENTILES) for v in values if len(v) and not np.isnan(v).any()]
    if value is None or not ends:
        return None, None
    return float(min(value, *(e[0] for e in ends))), float(max(value, *(e[1] for e in ends)))
