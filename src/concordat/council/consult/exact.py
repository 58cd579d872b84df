"""The published formulas of Polis, given the groups: where people stand, what is particular to a group, what all share.

Inside, agree is -1, disagree +1, pass 0, and the column of a statement that was moderated out (or is meta) is zero for
everyone, unseen cells too. V is that matrix of P people and C statements, n_i how many cells of person i count as seen.

- mean m_j over the seen cells of column j; a missing cell is m_j; X = V - m; c1 and c2 are the first two right
  singular vectors of X. Their sign is free; here the largest entry is positive.
- person i stands at sqrt(C / max(1, n_i)) * sum over seen j of (v_ij - m_j)(c1_j, c2_j).
- statement j stands where someone who only agreed with j would; its extremity E_j is that point's distance from 0.
- per group g and statement t: A agrees, D disagrees, S seen. Group-informed consensus = prod_g (A_g + 1) / (S_g + 2).
- z(s, n) = 2 sqrt(n + 1) ((s + 1) / (n + 1) - 1/2) tests a share against one half; `two_shares` two of them against
  each other, each count plus 1. Significant is above 1.2816 (one-sided 90 %).

Sources: Small, Bjorkegren, Erkkila, Shaw, Megill, "Polis: Scaling deliberation by mapping high dimensional opinion
spaces", Recerca 26(2), 2021; the published figures of `compdemocracy/openData`. What Polis does with people who are in
no group: they count in the means, the components and the consensus of all, not in the groups. Which statements
represent a group is in `repness`.

    >>> import numpy as np
    >>> round(float(share_test(np.array(5), np.array(5))), 4), float(two_shares(1, 1, 1, 1))
    (2.4495, 0.0)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from concordat.council.consult.votes import Bools, Votes, frozen
from concordat.errors import InputError, MethodError

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SIGNIFICANT = 1.2816  # 90 % of a standard normal distribution, as Polis rounds it
CONSENSUS_MAX = 5
META_PRIORITY = 49.0  # 7 squared: what Polis gives each meta statement
NO_GROUP = -1
_FIFTHS = (1.0, 0.8705505632961241, 0.757858283255199, 0.6597539553864471, 0.5743491774985175)  # 2^(-r/5), r = 0..4


@dataclass(frozen=True, eq=False)
class Space:
    """Where people and statements stand. Inside signs: agree -1.

    Attributes:
        means: `[statement]`.
        components: `[2, statement]`, orthonormal.
        people: `[person, 2]`.
        statements: `[statement, 2]`.
        extremity: `[statement]`.
        seen: `[person]`, n_i.
    """

    means: Array
    components: Array
    people: Array
    statements: Array
    extremity: Array
    seen: Ints


@dataclass(frozen=True, eq=False)
class Counts:
    """Agrees, disagrees and seen, each `[group, statement]`."""

    agrees: Ints
    disagrees: Ints
    seen: Ints

    @property
    def passes(self) -> Ints:
        """Seen, and neither."""
        return self.seen - self.agrees - self.disagrees


@dataclass(frozen=True, slots=True)
class Shared:
    """A statement on which all who saw it agree (or disagree): p = (A + 1) / (S + 2), and its test."""

    statement: str
    side: str
    count: int
    seen: int
    p: float
    test: float


def check_enough(votes: Votes) -> None:
    """Refuse what no method can place.

    Raises:
        MethodError: fewer than 2 voters or 2 statements, or every column says the same; with the counts.
    """
    people, statements = votes.matrix.shape
    counts = f"{people:,} voters, {statements:,} statements, {votes.count:,} votes"
    hint = "Wait for more votes."
    if int(votes.seen.any(axis=1).sum()) < 2 or statements < 2:
        raise MethodError(f"too few to compare: {counts}.", hint=hint, code="too_few")
    kept = ~votes.moderated_out
    if int(kept.sum()) < 2:
        what = f"too few statements stand: {counts}, {int(kept.sum())} not moderated out."
        raise MethodError(what, hint="Accept statements, or wait for more.", code="too_few")
    spread = [((votes.matrix == value) & votes.seen)[:, kept].any(axis=0) for value in (1, 0, -1)]
    if not (np.sum(spread, axis=0) > 1).any():
        raise MethodError(f"no two voters differ on any statement: {counts}.", hint=hint, code="no_variance")


def working_matrix(votes: Votes) -> tuple[Array, Bools]:
    """V with inside signs (0 where unseen) and what counts as seen: moderated columns are zero and seen by everyone."""
    out = votes.moderated_out
    matrix = -votes.matrix.astype(np.float64) + 0.0  # + 0.0: no negative zeros
    matrix[:, out] = 0.0
    seen = votes.seen.copy()
    seen[:, out] = True
    return matrix, seen


def space(votes: Votes) -> Space:
    """Means, components, and where people and statements stand.

    Raises:
        MethodError: see `check_enough`.
    """
    check_enough(votes)
    matrix, seen = working_matrix(votes)
    counts = seen.sum(axis=0)
    means = matrix.sum(axis=0) / np.maximum(1, counts)
    centred = np.where(seen, matrix - means, 0.0)
    components = first_two(centred)
    n = seen.sum(axis=1).astype(np.int64)
    scale = np.sqrt(matrix.shape[1] / np.maximum(1, n))
    people = (centred @ components.T) * scale[:, None]
    statements = np.sqrt(matrix.shape[1]) * (-1.0 - means)[:, None] * components.T
    extremity = np.sqrt(np.square(statements).sum(axis=1))
    return Space(*map(frozen, (means, components, people, statements, extremity, n)))


def first_two(centred: Array) -> Array:
    """The first two right singular vectors `[2, C]` of a matrix, from the smaller of its two Gram matrices.

    The largest entry of each is positive (of equal ones, the first). Without a second direction the second is zero.
    """
    from scipy.linalg import eigh  # type: ignore[import-untyped,unused-ignore]

    people, statements = centred.shape
    wide = statements > people
    gram = centred @ centred.T if wide else centred.T @ centred
    size = len(gram)
    values, vectors = eigh(gram, subset_by_index=[size - 2, size - 1])
    found = np.zeros((2, statements))
    for k in range(2):
        if values[1 - k] <= 1e-12 * values[1]:
            continue
        vector = vectors[:, 1 - k]
        vector = centred.T @ vector if wide else vector
        vector = vector / np.sqrt(vector @ vector)
        largest = np.flatnonzero(np.abs(vector) >= np.abs(vector).max() * (1 - 1e-9))[0]
        found[k] = vector if vector[largest] > 0 else -vector
    return found


def check_groups(votes: Votes, groups: Sequence[int] | Ints) -> Ints:
    """Groups `[person]` numbered from 0, -1 for none.

    Raises:
        InputError: not one for each person, or a number below -1.
        MethodError: nobody is in a group.
    """
    found = np.asarray(groups)
    if found.shape != (len(votes.participants),) or found.dtype.kind not in "iu":
        what = f"{found.size} groups ({found.dtype}) for {len(votes.participants)} voters."
        raise InputError(what, hint="Give one whole number for each voter, -1 for none.", code="shape")
    found = found.astype(np.int64)
    if found.size and found.min() < NO_GROUP:
        raise InputError(f"{found.min()} is not a group.", hint="Number groups from 0; -1 is none.", code="bad_group")
    if not (found >= 0).any():
        raise MethodError("nobody is in a group.", hint="Give groups, or find them first.", code="no_groups")
    return found


def given_groups(votes: Votes) -> tuple[Ints, tuple[str, ...]]:
    """The groups that the source names, numbered in the order of their labels, and the labels.

    Raises:
        MethodError: the source names none.
    """
    from concordat.council.consult.votes import sort_key

    labels = sorted({g for g in votes.given_groups if g}, key=sort_key)
    number = {label: n for n, label in enumerate(labels)} | {"": NO_GROUP}
    return check_groups(votes, [number[g] for g in votes.given_groups]), tuple(labels)


def group_counts(votes: Votes, groups: Sequence[int] | Ints, *, zeroed: bool = False) -> Counts:
    """How each group voted. With `zeroed`, moderated columns count as seen by all and zero."""
    found = check_groups(votes, groups)
    member = (found == np.arange(int(found.max()) + 1)[:, None]).astype(np.float32)  # counts below 2^24 are exact
    agrees, disagrees, seen = (
        np.rint(member @ part.astype(np.float32)).astype(np.int64)
        for part in (votes.matrix == 1, votes.matrix == -1, votes.seen)
    )
    if zeroed:
        out = votes.moderated_out
        agrees[:, out] = disagrees[:, out] = 0
        seen[:, out] = member.sum(axis=1).astype(np.int64)[:, None]
    return Counts(frozen(agrees), frozen(disagrees), frozen(seen))


def group_informed_consensus(counts: Counts) -> Array:
    """prod over groups of (A + 1) / (S + 2), `[statement]`."""
    return np.asarray(((counts.agrees + 1) / (counts.seen + 2)).prod(axis=0))


def group_informed_consensus_exact(counts: Counts) -> list[Fraction]:
    """The same as fractions."""
    found = []
    for agrees, seen in zip(counts.agrees.T.tolist(), counts.seen.T.tolist(), strict=True):
        product = Fraction(1)
        for a, s in zip(agrees, seen, strict=True):
            product *= Fraction(a + 1, s + 2)
        found.append(product)
    return found


def share_test(count: Any, seen: Any) -> Array:
    """z(s, n) = 2 sqrt(n + 1) ((s + 1) / (n + 1) - 1/2): is the share of `count` in `seen` above one half?"""
    return np.asarray(2 * np.sqrt(np.asarray(seen) + 1.0) * ((np.asarray(count) + 1) / (np.asarray(seen) + 1) - 0.5))


def two_shares(a: Any, b: Any, n: Any, k: Any) -> Array:
    """Is the share a of n above the share b of k? Each count plus 1; 0 where everyone is on one side.

    p = (a + b) / (n + k), z = (a/n - b/k) / sqrt(p (1 - p) (1/n + 1/k)).
    """
    a, b, n, k = (np.asarray(part, dtype=np.float64) + 1 for part in (a, b, n, k))
    p = (a + b) / (n + k)
    one = p >= 1
    width = np.sqrt(np.where(one, 0.25, p * (1 - p)) * (1 / n + 1 / k))
    return np.asarray(np.where(one, 0.0, (a / n - b / k) / width))


def consensus(votes: Votes) -> tuple[tuple[Shared, ...], tuple[Shared, ...]]:
    """What all agree on and what all disagree with: p > 1/2 and significant, at most 5 each, by p z descending."""
    groups = np.zeros(len(votes.participants), dtype=np.int64)
    counts = group_counts(votes, groups, zeroed=True)
    seen = counts.seen[0]
    sides = []
    for side, count in (("agree", counts.agrees[0]), ("disagree", counts.disagrees[0])):
        p, test = (count + 1) / (seen + 2), share_test(count, seen)
        order = np.argsort(-(p * test), kind="stable")
        chosen = [t for t in order.tolist() if p[t] > 0.5 and test[t] > SIGNIFICANT][:CONSENSUS_MAX]
        sides.append(
            tuple(Shared(votes.ids[t], side, int(count[t]), int(seen[t]), float(p[t]), float(test[t])) for t in chosen)
        )
    return sides[0], sides[1]


def priorities(votes: Votes, extremity: Array, groups: Sequence[int] | Ints) -> Array:
    """How much each statement deserves to be shown next, `[statement]`.

    ((1 - (P + 1) / (S + 2)) (E + 1) (A + 1) / (S + 2) (1 + 8 * 2^(-S/5)))^2 with sums over groups, P passes, E the
    extremity; 49 for a meta statement. That statements are *drawn* with a probability proportional to it is unverified.
    """
    counts = group_counts(votes, groups)
    agrees, seen, passes = (part.sum(axis=0) for part in (counts.agrees, counts.seen, counts.passes))
    novelty = 1 + 8 * np.ldexp(np.array(_FIFTHS)[seen % 5], -(seen // 5))
    found = np.square((1 - (passes + 1) / (seen + 2)) * (extremity + 1) * ((agrees + 1) / (seen + 2)) * novelty)
    return np.where([s.meta is True for s in votes.statements], META_PRIORITY, found)
