"""Which statements represent a group: where it stands out from all other groups, as Polis chooses them.

For group g and statement t, with A, D, S of the group and Ao, Do, So summed over the other groups:

- pa = (A + 1) / (S + 2), pat = z(A, S); ra = pa / ((Ao + 1) / (So + 2)), rat = two_shares(A, Ao, S, So);
  pd, pdt, rd, rdt the same with D.
- sufficient: rat and pat significant, or rdt and pdt. A statement's *form* is agree if rat > rdt, else disagree, and
  its numbers (p, pt, r, rt) are those of its form.
- best agree b, over t in the order of the matrix without moderated ones: skipped if A = D = 0; if there is a b with
  ra > 1, t replaces it when ra rat pa pat is greater; else if there is a b, when pa pat is greater; else t is taken
  when pat is significant, or ra > 1 and pa > 1/2.
- best of the rest, only while nothing is sufficient: max(rat, rdt) above rt of the present best.
- output: with nothing sufficient b, else the best of the rest; otherwise b first, then the sufficient ones by
  r rt p pt descending, at most 5 together, and of these the agrees before the disagrees.

Source: as `exact`. It describes, it does not explain: a group "stands out" also where few of it have seen a statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from concordat.council.consult.exact import SIGNIFICANT, Array, Ints, group_counts, share_test, two_shares
from concordat.council.consult.votes import Votes

REPRESENTATIVE_MAX = 5


@dataclass(frozen=True, slots=True)
class Representative:
    """A statement that represents a group.

    Attributes:
        side: what the group says: "agree" or "disagree".
        count: members on that side; `seen` those who voted on it.
        p, p_test: the share on that side, and its test against one half.
        ratio, ratio_test: against the share in all other groups.
        best_agree: chosen as the group's best agree.
    """

    statement: str
    side: str
    count: int
    seen: int
    p: float
    p_test: float
    ratio: float
    ratio_test: float
    best_agree: bool


@dataclass(frozen=True, eq=False)
class Comparison:
    """All numbers of one group against the others, each `[statement]`."""

    agrees: Ints
    disagrees: Ints
    seen: Ints
    pa: Array
    pat: Array
    ra: Array
    rat: Array
    pd: Array
    pdt: Array
    rd: Array
    rdt: Array


def compare(votes: Votes, groups: Sequence[int] | Ints) -> tuple[Comparison, ...]:
    """Each group against all others; people in no group are left out."""
    counts = group_counts(votes, groups, zeroed=True)
    seen = counts.seen
    others = seen.sum(axis=0) - seen
    numbers = []
    for count in (counts.agrees, counts.disagrees):
        rest = count.sum(axis=0) - count
        p = (count + 1) / (seen + 2)
        numbers += [p, share_test(count, seen), p / ((rest + 1) / (others + 2)), two_shares(count, rest, seen, others)]
    parts = [counts.agrees, counts.disagrees, seen, *numbers]
    return tuple(Comparison(*(part[g] for part in parts)) for g in range(len(seen)))


def representative(votes: Votes, groups: Sequence[int] | Ints) -> tuple[tuple[Representative, ...], ...]:
    """The statements that represent each group, in Polis's order.

    Raises:
        InputError, MethodError: see `check_groups`.
    """
    kept = np.flatnonzero(~votes.moderated_out).tolist()
    ids = votes.ids
    return tuple(_choose(ids, kept, found) for found in compare(votes, groups))


def _choose(ids: Sequence[str], kept: Sequence[int], c: Comparison) -> tuple[Representative, ...]:
    significant = SIGNIFICANT
    enough = ((c.rat > significant) & (c.pat > significant)) | ((c.rdt > significant) & (c.pdt > significant))
    best_agree: int | None = None
    best: int | None = None
    sufficient: list[int] = []
    for t in kept:
        if enough[t]:
            sufficient.append(t)
        if not sufficient and (best is None or max(c.rat[t], c.rdt[t]) > _form(c, best)[3]):
            best = t
        if _better_agree(c, t, best_agree):
            best_agree = t
    if not sufficient:
        only = best_agree if best_agree is not None else best
        return () if only is None else (_as(ids, c, only, only == best_agree),)

    def weight(t: int) -> float:
        p, p_test, ratio, ratio_test = _form(c, t)
        return ratio * ratio_test * p * p_test

    rest = sorted((t for t in sufficient if t != best_agree), key=weight, reverse=True)
    first = [] if best_agree is None else [best_agree]
    chosen = [_as(ids, c, t, t == best_agree) for t in (first + rest)[:REPRESENTATIVE_MAX]]
    return tuple(sorted(chosen, key=lambda found: found.side))  # "agree" before "disagree"; the rest keeps its order


def _better_agree(c: Comparison, t: int, b: int | None) -> bool:
    """Whether t takes the place of the best agree b."""
    if not c.agrees[t] and not c.disagrees[t]:
        return False
    if b is None:
        return bool(c.pat[t] > SIGNIFICANT or (c.ra[t] > 1 and c.pa[t] > 0.5))
    if c.ra[b] > 1:
        return bool(c.ra[t] * c.rat[t] * c.pa[t] * c.pat[t] > c.ra[b] * c.rat[b] * c.pa[b] * c.pat[b])
    return bool(c.pa[t] * c.pat[t] > c.pa[b] * c.pat[b])


def _form(c: Comparison, t: int) -> tuple[float, float, float, float]:
    """(p, p_test, ratio, ratio_test) of the side that stands out more."""
    if c.rat[t] > c.rdt[t]:
        return float(c.pa[t]), float(c.pat[t]), float(c.ra[t]), float(c.rat[t])
    return float(c.pd[t]), float(c.pdt[t]), float(c.rd[t]), float(c.rdt[t])


def _as(ids: Sequence[str], c: Comparison, t: int, best_agree: bool) -> Representative:
    side = "agree" if c.rat[t] > c.rdt[t] else "disagree"
    count = c.agrees[t] if side == "agree" else c.disagrees[t]
    return Representative(ids[t], side, int(count), int(c.seen[t]), *_form(c, t), best_agree)
