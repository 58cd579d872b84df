"""Between which ranks a member stands, given how sure we are of everybody's figure.

From the evidence intervals only (specification of evidence, section 12), for "higher is better":

    best  = 1 + members whose lower is above my upper
    worst = n - members whose upper is below my lower

and mirrored for "lower is better". `n` counts all members: one without a figure may stand anywhere, so it worsens the
worst rank of the others by one place and has no rank itself. Rounding, censoring and conflicting sources are in the
intervals; the publishers give no sampling error. Members that tie share an interval. A neutral indicator has no ranks,
and neither has a bloc of one.

    >>> rank_intervals([1.0, 2.0, 2.5], [1.0, 3.0, 3.5])
    ((3, 3), (1, 2), (1, 2))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat.evidence.provenance import Book, Derived, Parts, derivation
from concordat.evidence.resolve import Chosen, enter

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator

HIGHER, LOWER, NEUTRAL = "higher_is_better", "lower_is_better", "neutral"


def rank_intervals(
    lower: Sequence[float], upper: Sequence[float], polarity: str = HIGHER, missing: int = 0
) -> tuple[tuple[int, int], ...]:
    """(best, worst) rank of each member, in the order given; 1 is best. `missing` members have no figure."""
    lo, hi = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    assert polarity in (HIGHER, LOWER), polarity
    if polarity == LOWER:
        lo, hi = -hi, -lo
    n = len(lo)
    above = n - np.searchsorted(np.sort(lo), hi, side="right")  # members whose lower is above my upper
    below = np.searchsorted(np.sort(hi), lo, side="left")  # members whose upper is below my lower
    return tuple((1 + int(a), n + missing - int(b)) for a, b in zip(above, below, strict=True))


@derivation("evidence.ranks.interval")
def interval(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """All rank intervals of one indicator.

    Parts: `ARE_lower` (best) and `ARE_upper` (worst) for each area; `n` areas with a figure, `certain` of which have
    one rank only; `n_total` areas in all; `widest`, the number of places of the widest interval.
    """
    lower, upper = [i["lower"] for i in inputs], [i["upper"] for i in inputs]
    found = rank_intervals(lower, upper, parameters["polarity"], parameters["missing"])
    places = [worst - best + 1 for best, worst in found]
    counted = {"n": len(inputs), "n_total": len(inputs) + parameters["missing"]}
    parts: dict[str, Any] = {"value": None, **counted, "certain": places.count(1), "widest": max(places)}
    for i, (best, worst) in zip(inputs, found, strict=True):
        parts |= {f"{i['area']}_lower": best, f"{i['area']}_upper": worst}
    return parts


def derive_ranks(
    book: Book, indicator: Indicator, chosen_by_area: Mapping[str, Chosen], areas: Sequence[str]
) -> Derived | None:
    """The rank intervals of all areas that have a figure, as one record; read it with `rank_of`.

    None for a neutral indicator and for fewer than two areas with a figure.
    """
    present = [a for a in sorted(set(areas)) if a in chosen_by_area and chosen_by_area[a].lower is not None]
    if indicator.polarity == NEUTRAL or len(present) < 2:
        return None
    ids = [enter(book, chosen_by_area[area]) for area in present]
    parameters = {"missing": len(set(areas)) - len(present), "polarity": indicator.polarity}
    return book.derive("evidence.ranks.interval@1", ids, parameters)


def rank_of(record: Derived | None, area: str) -> tuple[int, int] | None:
    """(best, worst) rank of an area in a record of `derive_ranks`; None where it has none."""
    if record is None or f"{area}_lower" not in record.parts:
        return None
    return record.parts[f"{area}_lower"], record.parts[f"{area}_upper"]
