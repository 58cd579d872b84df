"""How many winning coalitions of each size are there, with and without each member: exact counts, three ways.

- `by_table`: counts on (size, sum of each criterion) built member by member; a member is taken out again by
  c'(k, s) = c(k, s) - c'(k-1, s-w). Integers modulo primes below 2^62, put together by the Chinese remainder theorem.
- `by_halves`: the subsets of two halves, sorted by (size, weights); for each subset of one half a search counts those
  of the other with which it wins (Horowitz and Sahni, *Journal of the ACM* 21, 1974). Any weights; up to two criteria
  of many values, all others by classes.
- `by_enumeration`: all 2^n coalitions, for 20 members at most; the only way where the table of levels doesn't grow.

Each gives `Counts`: total[k] winning coalitions of size k, without[i][k] those of them that member i isn't in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from concordat.council.decide._dominance import Dominance
from concordat.council.decide.game import Bools, Criterion, Game, Ints, subset_sums

TABLE_CELLS_MAX = 10_000_000
HALVES_MAX = 40
HALVES_MAX_TWO_WIDE = 32
CLASS_PAIRS_MAX = 250_000
WIDE_MAX = 2

# Primes just below 2^62; the product of the first m bounds the counts that m of them can carry.
PRIMES = (2**62 - 57, 2**62 - 87, 2**62 - 117, 2**62 - 143)

Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Counts:
    """Winning coalitions by size, and those without each member."""

    total: tuple[int, ...]
    without: tuple[tuple[int, ...], ...]


# --- By table -----------------------------------------------------------------------------------------------------


def table_cells(game: Game) -> int:
    """How many cells the table has: sizes times the sums of every criterion but the number of members."""
    return (len(game.members) + 1) * math.prod(c.total + 1 for c in _sums(game))


def _sums(game: Game) -> list[Criterion]:
    return [c for c in game.criteria if not c.counts_members]


def by_table(game: Game) -> Counts:
    """Counts by dynamic programming on size and sums."""
    n = len(game.members)
    needed = n // 61 + 1  # counts are at most 2^n
    assert needed <= len(PRIMES)
    mask = _winning_cells(game)
    vectors = list(zip(*(c.weights for c in _sums(game)), strict=True)) or [()] * n
    kinds = sorted(set(vectors))
    rows: list[list[list[int]]] = []
    for prime in PRIMES[:needed]:
        table = _filled(vectors, mask.shape, np.uint64(prime))
        found = [[_masked(table[k], mask[k], prime) for k in range(n + 1)]]
        found += [_taken_out(table, mask, kind, prime) for kind in kinds]
        rows.append(found)
    whole = [
        [_remainder([r[j][k] for r in rows], PRIMES[:needed]) for k in range(n + 1)] for j in range(len(kinds) + 1)
    ]
    by_kind = {kind: tuple(whole[j + 1]) for j, kind in enumerate(kinds)}
    return Counts(tuple(whole[0]), tuple(by_kind[v] for v in vectors))


def _winning_cells(game: Game) -> Bools:
    """`[size, sum of each criterion]`: whether coalitions there win."""
    n, sums = len(game.members), _sums(game)
    axes: list[Ints] = []
    ndim = 1 + len(sums)
    place = 1
    for criterion in game.criteria:
        if criterion.counts_members:
            values, axis = np.arange(n + 1), 0
        else:
            values, axis = np.arange(criterion.total + 1), place
            place += 1
        levels = np.searchsorted(np.array(criterion.thresholds, dtype=np.int64), values, side="right")
        axes.append(levels.reshape([-1 if a == axis else 1 for a in range(ndim)]))
    shape = (n + 1, *(c.total + 1 for c in sums))
    return np.broadcast_to(game.wins[tuple(axes)], shape)


def _shifted(vector: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a member's weight moves a sum to, and from."""
    to = tuple(slice(w, None) for w in vector)
    back = tuple(slice(None, -w if w else None) for w in vector)
    return to, back


def _filled(vectors: list[tuple[int, ...]], shape: tuple[int, ...], prime: np.uint64) -> Words:
    table = np.zeros(shape, dtype=np.uint64)
    table[(0,) * len(shape)] = 1
    for joined, vector in enumerate(vectors):
        to, back = _shifted(vector)
        for k in range(joined + 1, 0, -1):
            if not vector:
                table[k] = (int(table[k]) + int(table[k - 1])) % int(prime)
                continue
            part = table[k][to]
            part += table[k - 1][back]
            np.minimum(part, part - prime, out=part)  # below the prime, the difference wraps to something large
    return table


def _taken_out(table: Words, mask: Bools, vector: tuple[int, ...], prime: int) -> list[int]:
    """Winning coalitions of each size without one member of this kind."""
    to, back = _shifted(vector)
    before = table[0].copy() if vector else table[0]
    found = [_masked(before, mask[0], prime)]
    for k in range(1, len(table)):
        if not vector:
            now = np.uint64((int(table[k]) - int(before)) % prime)
        else:
            now = table[k].copy()
            part = now[to]
            part -= before[back]
            np.minimum(part, part + np.uint64(prime), out=part)
        found.append(_masked(now, mask[k], prime))
        before = now
    return found


def _masked(cells: Words | np.uint64, mask: Bools | np.bool_, prime: int) -> int:
    """The sum of the winning cells modulo the prime, in two halves so that nothing overflows."""
    chosen = np.where(mask, cells, np.uint64(0))
    low = int((chosen & np.uint64(0xFFFFFFFF)).sum(dtype=np.uint64))
    high = int((chosen >> np.uint64(32)).sum(dtype=np.uint64))
    return (low + (high << 32)) % prime


def _remainder(residues: list[int], primes: tuple[int, ...]) -> int:
    """The one number below the product of the primes with these residues."""
    found, product_ = 0, 1
    for residue, prime in zip(residues, primes, strict=True):
        step = (residue - found) * pow(product_, -1, prime) % prime
        found, product_ = found + product_ * step, product_ * prime
    return found


# --- By enumeration -----------------------------------------------------------------------------------------------


def by_enumeration(game: Game) -> Counts:
    """Counts over all coalitions."""
    n = len(game.members)
    table = game.table()
    masks = np.arange(1 << n)
    sizes = np.bitwise_count(masks).astype(np.int64)
    total = np.bincount(sizes[table], minlength=n + 1)
    without = [np.bincount(sizes[table & (masks >> i & 1 == 0)], minlength=n + 1) for i in range(n)]
    return Counts(tuple(total.tolist()), tuple(tuple(row.tolist()) for row in without))


# --- By halves ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Class:
    """Subsets of a half with the same size and the same sums of the narrow criteria.

    Attributes:
        narrow: those sums. wide: `[criterion, subset]`, ascending in the first one. subsets: their bit masks.
    """

    size: int
    narrow: tuple[int, ...]
    wide: Ints
    subsets: Ints


def wide_criteria(game: Game) -> list[int]:
    """The criteria with so many values that subsets are searched, not classed: all but those counted in classes."""
    half = (len(game.members) + 1) // 2
    order = sorted(range(len(game.criteria)), key=lambda d: -min(game.criteria[d].total + 1, 1 << half))
    wide: list[int] = []
    for d in order:
        rest = [e for e in order if e not in wide and not game.criteria[e].counts_members]
        pairs = (half + 1) ** 2 * math.prod(min(game.criteria[e].total + 1, 1 << half) ** 2 for e in rest)
        if pairs <= CLASS_PAIRS_MAX:
            break
        wide.append(d)
    return wide


def halves_possible(game: Game) -> bool:
    """Whether the two halves are small enough."""
    wide, n = len(wide_criteria(game)), len(game.members)
    return game.monotone and wide <= WIDE_MAX and n <= (HALVES_MAX if wide < WIDE_MAX else HALVES_MAX_TWO_WIDE)


def by_halves(game: Game) -> Counts:
    """Counts by two halves of the members."""
    n = len(game.members)
    wide = wide_criteria(game)
    # Members of large and small weight alternate between the halves, so that sums spread in both.
    order = sorted(range(n), key=lambda i: [c.weights[i] for c in game.criteria], reverse=True)
    halves = (order[0::2], order[1::2])
    classes = [_classes(game, half, wide) for half in halves]
    total = np.zeros(n + 1, dtype=np.int64)
    inside = np.zeros((n, n + 1), dtype=np.int64)
    narrow = [d for d in range(len(game.criteria)) if d not in wide]
    for side in (0, 1):
        searches = [Dominance(c.wide) for c in classes[1 - side]]
        for mine in classes[side]:
            by_size: dict[int, Ints] = {}
            for other, search in zip(classes[1 - side], searches, strict=True):
                found = _wins_with(game, mine, other, search, narrow, wide)
                if found is not None:
                    size = mine.size + other.size
                    by_size[size] = by_size[size] + found if size in by_size else found
            bits = (mine.subsets[:, None] >> np.arange(len(halves[side])) & 1).astype(np.int64)
            for size, found in by_size.items():
                inside[halves[side], size] += (bits * found[:, None]).sum(axis=0)
                if side == 0:
                    total[size] += int(found.sum())
    without = total[None, :] - inside
    return Counts(tuple(total.tolist()), tuple(tuple(row) for row in without.tolist()))


def _classes(game: Game, half: list[int], wide: list[int]) -> list[_Class]:
    sizes = np.bitwise_count(np.arange(1 << len(half))).astype(np.int64)
    sums = [subset_sums([c.weights[i] for i in half]) for c in game.criteria]
    narrow = [d for d in range(len(game.criteria)) if d not in wide]
    keys = np.stack([sizes, *(sums[d] for d in narrow)])
    first = sums[wide[0]] if wide else np.zeros_like(sizes)
    order = np.lexsort((first, *keys[::-1]))
    changes = np.flatnonzero((np.diff(keys[:, order], axis=1) != 0).any(axis=0)) + 1
    found = []
    for part in np.split(np.arange(len(order)), changes):
        subsets = order[part]
        values = np.stack([sums[d][subsets] for d in wide]) if wide else np.zeros((1, len(subsets)), dtype=np.int64)
        key = keys[:, subsets[0]].tolist()
        found.append(_Class(key[0], tuple(key[1:]), values, subsets))
    return found


def _wins_with(
    game: Game, mine: _Class, other: _Class, search: Dominance, narrow: list[int], wide: list[int]
) -> Ints | None:
    """For each of my subsets, with how many of the other class it wins; None where with none at all."""
    place: list[int | slice] = [slice(None)] * len(game.criteria)
    for at, d in enumerate(narrow):
        sums = mine.narrow[at] + other.narrow[at]
        place[d] = int(np.searchsorted(np.array(game.criteria[d].thresholds), sums, side="right"))
    wins = np.asarray(game.wins[tuple(place)])
    if not wins.any():
        return None
    if wins.all():
        return np.full(mine.wide.shape[1], other.wide.shape[1], dtype=np.int64)
    by_criterion = [d for d in range(len(game.criteria)) if d in wide]
    if len(wide) == 2 and by_criterion != wide:
        wins = wins.T
    limits = [np.array(game.criteria[d].thresholds, dtype=np.int64) for d in wide]
    found = np.zeros(mine.wide.shape[1], dtype=np.int64)
    for low, high, second in _steps(wins, limits):
        part = search.at_least(low - mine.wide[0] if low is not None else None, _less(second, mine))
        if high is not None:
            part = part - search.at_least(high - mine.wide[0], _less(second, mine))
        found += part
    return found


def _less(limit: int | None, mine: _Class) -> Ints | None:
    return None if limit is None else limit - mine.wide[1]


def _steps(wins: Bools, limits: list[Ints]) -> Iterator[tuple[int | None, int | None, int | None]]:
    """The winning part of the levels as strips: from and below (first criterion), at least (second); None: no limit."""
    levels = len(limits[0]) + 1
    need = [int(np.argmax(wins[j])) if np.any(wins[j]) else -1 for j in range(levels)]  # least winning second level
    start = 0
    for j in range(1, levels + 1):
        if j < levels and need[j] == need[start]:
            continue
        if need[start] >= 0:
            second = int(limits[1][need[start] - 1]) if need[start] > 0 else None
            low = int(limits[0][start - 1]) if start else None
            yield low, (int(limits[0][j - 1]) if j < levels else None), second
        start = j
