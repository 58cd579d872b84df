"""Which statements bridge the groups: a majority in each, and how sure that is.

Groups are those found, or declared ones (members, regions, income classes). Of each statement: the group-informed
consensus GIC = prod_g (A_g + 1) / (S_g + 2); GIC^(1/G), which compares over numbers of groups; the weakest group, the
one with the least (A + 1) / (S + 2); and of each group, with a uniform prior on the share that would agree,

    P(share > 1/2) = sum_{i=0..A} C(S + 1, i) / 2^(S + 1),

exactly. A statement bridges when that is at least 0.90 in *every* group, each with S >= 5. A moderated statement never
does. Bridging statements are proposals for the agenda, with this evidence; they decide nothing.

    >>> majority(5, 5), float(majority(3, 5))
    (Fraction(63, 64), 0.65625)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache

from concordat.council.consult.exact import (
    Ints,
    check_groups,
    group_counts,
    group_informed_consensus_exact,
)
from concordat.council.consult.votes import Votes, sort_key
from concordat.errors import InputError

SURE = Fraction(9, 10)
SEEN_MIN = 5
_FAR = 5  # from S/2 by this many times sqrt(S) the posterior is within 2 exp(-50) < 10^-21 of 0 or 1 (Hoeffding)
_EXACT_TO = 2_000
_CONTEXT = Context(prec=28)


@dataclass(frozen=True, slots=True)
class Share:
    """One group on one statement: counts, and the posterior that more than half would agree."""

    agrees: int
    disagrees: int
    seen: int
    majority: Fraction


@dataclass(frozen=True, slots=True)
class Bridge:
    """One statement over all groups.

    Attributes:
        consensus: GIC.
        rooted: GIC^(1/G), 28 digits.
        weakest: the number of the weakest group (ties: the first).
        bridging: whether it bridges.
    """

    statement: str
    consensus: Fraction
    rooted: Decimal
    weakest: int
    shares: tuple[Share, ...]
    bridging: bool


def bridges(votes: Votes, groups: Sequence[int] | Ints) -> tuple[Bridge, ...]:
    """Every statement, in the order of ids.

    Raises:
        InputError, MethodError: see `check_groups`.
    """
    counts = group_counts(votes, groups)
    total = group_informed_consensus_exact(counts)
    out = votes.moderated_out.tolist()
    columns = zip(counts.agrees.T.tolist(), counts.disagrees.T.tolist(), counts.seen.T.tolist(), strict=True)
    found = []
    for n, (agrees, disagrees, seen) in enumerate(columns):
        shares = tuple(Share(a, d, s, majority(a, s)) for a, d, s in zip(agrees, disagrees, seen, strict=True))
        weakest = min(range(len(shares)), key=lambda g: Fraction(shares[g].agrees + 1, shares[g].seen + 2))
        sure = all(share.seen >= SEEN_MIN and share.majority >= SURE for share in shares)
        rooted = root(total[n], len(shares))
        found.append(Bridge(votes.ids[n], total[n], rooted, weakest, shares, sure and not out[n]))
    return tuple(found)


def declared_groups(votes: Votes, labels: dict[str, str] | None = None) -> tuple[Ints, tuple[str, ...]]:
    """Groups by declaration: by member label, or what `labels` says of a member (its region, say).

    Returns the group of each person, numbered in the order of the names, and the names.

    Raises:
        InputError: a member has no label; all that lack one are named.
    """
    if labels is not None:
        missing = sorted({m for m in votes.members if m not in labels}, key=sort_key)
        if missing:
            what = f"{len(missing)} members have no declared group: {', '.join(missing[:10])}."
            raise InputError(what, hint="Give every member a group.", code="no_group")
    said = [m if labels is None else labels[m] for m in votes.members]
    names = sorted(set(said), key=sort_key)
    number = {name: n for n, name in enumerate(names)}
    return check_groups(votes, [number[name] for name in said]), tuple(names)


@lru_cache(maxsize=100_000)
def majority(agrees: int, seen: int) -> Fraction:
    """P(share > 1/2) after A agrees of S, from a uniform prior.

    Exact to S = 2,000; beyond, exact as well unless A is further than 5 sqrt(S) from S/2: then 0 or 1, which is within
    10^-21.
    """
    assert 0 <= agrees <= seen
    if seen > _EXACT_TO and (2 * agrees - seen) ** 2 > 4 * _FAR**2 * seen:
        return Fraction(int(2 * agrees > seen))
    n = seen + 1
    fewer = min(agrees, n - agrees - 1)  # sum to A = 2^n - sum to n - A - 1: the shorter of both is summed
    term = total = 1
    for i in range(1, fewer + 1):
        term = term * (n - i + 1) // i
        total += term
    return Fraction(total if fewer == agrees else 2**n - total, 2**n)


def root(value: Fraction, degree: int) -> Decimal:
    """The root of a positive fraction to 28 digits, rounded the same everywhere.

    >>> root(Fraction(1, 4), 2)
    Decimal('0.5')
    """
    quotient = _CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))
    if degree == 1:
        return quotient
    if degree == 2:
        return _CONTEXT.sqrt(quotient)
    return _CONTEXT.exp(_CONTEXT.divide(_CONTEXT.ln(quotient), Decimal(degree)))
