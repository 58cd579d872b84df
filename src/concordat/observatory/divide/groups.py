"""How far apart groups are: women and men, town and country, the richest and the poorest fifth.

With shares p_g and means mu_g of the groups, u the share of a row that has it (y between its bounds), U and N all who
have it and all who do not:

    gap               mu_1 - mu_2                       ratio   mu_1 / mu_2
    parity            the ratio, or 2 - 1 / ratio where it is above 1 (the adjusted parity index: 0 to 2, 1 is parity)
    between_variance  sum p_g (mu_g - mu)^2             dissimilarity   sum |U_g / U - N_g / N| / 2

Errors by influence functions; of a mean `1(g)(y - mu_g) / p_g`, of the others by the chain rule. Sources: UNESCO
Institute for Statistics, *Adjusted gender parity index* (2018); Duncan and Duncan, ASR 20 (1955), 210-217
(dissimilarity).

    >>> found = group_measures([60.0, 80.0, 20.0, 40.0], groups=["m", "m", "w", "w"], compare=("w", "m"))
    >>> found["gap"].value, round(found["parity"].value, 12), found["between_variance"].value
    (-40.0, 0.428571428571, 400.0)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from concordat.errors import InputError
from concordat.evidence.kernels import Array
from concordat.observatory.divide._between import by_group
from concordat.observatory.divide._estimate import Measure, estimated
from concordat.observatory.divide._sample import Bounds, Ints, Sample, kish_n, labels, sample
from concordat.observatory.divide.inference import LEVEL


def group_measures(
    y: Any,
    weight: Any = None,
    *,
    groups: Any,
    compare: tuple[Any, Any] | None = None,
    bounds: tuple[float, float] | None = None,
    strata: Any = None,
    psu: Any = None,
    level: float = LEVEL,
) -> dict[str, Measure]:
    """The distances between groups, by name.

    Args:
        compare: the two groups of gap, ratio and parity; None: the two there are, in the order of their names (with
            more than two there is no gap then).
        bounds: lowest and highest value of y, which make it a share that has something: adds the dissimilarity.

    Raises:
        InputError: a group to compare that is not there, or one without a value.
    """
    limits = None if bounds is None else Bounds(*bounds)
    s = sample(y, weight, bounds=limits, strata=strata, psu=psu)
    names, every = labels(groups, "group", s.given)
    codes = every[s.rows]
    share = by_group(codes, s.o.p, len(names))
    empty = np.flatnonzero(share == 0)
    if empty.size:
        row = int(np.flatnonzero(every == empty[0])[0]) + 1
        raise InputError(
            f'no value with a weight in the group "{names[empty[0]]}".', where=f"row {row}", hint="Leave it out.",
            code="empty_group",
        )  # fmt: skip
    mean = by_group(codes, s.o.p * s.o.y, len(names)) / share
    pair = compare if compare is not None else tuple(names) if len(names) == 2 else None
    found = {} if pair is None else _pair(s, codes, share, mean, [_place(name, names) for name in pair], level)
    off = mean - s.o.mean
    spread = float((share * off * off).sum())
    z = off[codes] ** 2 - spread + 2 * off[codes] * (s.o.y - mean[codes])
    found["between_variance"] = estimated("between_variance", spread, s.o.p * z, s, level=level, low=0.0)
    if limits is not None:
        found["dissimilarity"] = _dissimilarity(s, codes, len(names), limits, level)
    return found


def _place(name: Any, names: list[Any]) -> int:
    if name not in names:
        known = ", ".join(str(n) for n in names[:12])
        raise InputError(f'"{name}" is not one of the groups.', hint=f"They are: {known}.", code="unknown_group")
    return names.index(name)


def _pair(s: Sample, codes: Ints, share: Array, mean: Array, pair: list[int], level: float) -> dict[str, Measure]:
    """Gap, ratio and parity of two groups."""
    one, two = pair
    z_one, z_two = ((codes == g) * (s.o.y - mean[g]) / share[g] for g in pair)
    first, second = float(mean[one]), float(mean[two])
    found = {"gap": estimated("gap", first - second, s.o.p * (z_one - z_two), s, level=level)}
    if second <= 0 or first < 0:
        reason = "the mean of a group is not above zero"
        facts = (s.n, kish_n(s.o.p), s.o.share_zero, s.share_missing, reason)
        return found | {name: Measure(name, None, None, None, None, *facts) for name in ("ratio", "parity")}
    ratio = first / second
    z = (z_one - ratio * z_two) / second
    parity, slope = (ratio, 1.0) if ratio <= 1 else (2 - 1 / ratio, 1 / ratio**2)
    found["ratio"] = estimated("ratio", ratio, s.o.p * z, s, level=level, low=0.0)
    found["parity"] = estimated("parity", parity, s.o.p * slope * z, s, level=level, low=0.0, high=2.0)
    return found


def _dissimilarity(s: Sample, codes: Ints, size: int, limits: Bounds, level: float) -> Measure:
    """How many of those who have it would have to change groups for all groups to have it alike."""
    has = (s.o.y - limits.low) / (limits.high - limits.low)
    all_with = float((s.o.p * has).sum())
    name = "dissimilarity"
    if not 0 < all_with < 1:
        reason = "everybody has it, or nobody"
        return Measure(name, None, None, None, None, s.n, kish_n(s.o.p), s.o.share_zero, s.share_missing, reason)
    without = 1 - has
    all_without = float((s.o.p * without).sum())
    part_with = by_group(codes, s.o.p * has, size) / all_with
    part_without = by_group(codes, s.o.p * without, size) / all_without
    sign = np.sign(part_with - part_without)
    value = float(np.abs(part_with - part_without).sum()) / 2
    z = (sign[codes] - float((sign * part_with).sum())) * has / all_with
    z -= (sign[codes] - float((sign * part_without).sum())) * without / all_without
    return estimated(name, value, s.o.p * z / 2, s, level=level, low=0.0, high=1.0)
