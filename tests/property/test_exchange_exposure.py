"""The interval of concentration holds whatever the shares that are not listed may be."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from concordat.exchange.incidents.exposure import Partners, exposure, hhi


@st.composite
def worlds(draw: st.DrawFn) -> tuple[dict[str, float], list[float]]:
    """Listed shares in whole per mille, and a completion: shares that nobody listed, none above the smallest listed."""
    listed = draw(st.lists(st.integers(10, 300), min_size=1, max_size=8))
    while sum(listed) > 1_000:
        listed.pop()
    rest, smallest, others = 1_000 - sum(listed), min(listed), []
    while rest > 0:
        one = draw(st.integers(max(1, smallest // 4), smallest))
        others.append(min(one, rest))
        rest -= others[-1]
    names = [chr(65 + number) * 3 for number in range(len(listed))]
    return {name: share / 1_000 for name, share in zip(names, listed, strict=True)}, [share / 1_000 for share in others]


@given(worlds())
def test_every_completion_lies_inside(world: tuple[dict[str, float], list[float]]) -> None:
    shares, others = world
    low, high = hhi(Partners("XXX", 2023, shares, {}))
    true = math.fsum(share**2 for share in [*shares.values(), *others])
    assert low - 1e-12 <= true <= high + 1e-9


@given(worlds())
def test_the_ends_are_reached(world: tuple[dict[str, float], list[float]]) -> None:
    """The upper end by as many of the smallest as the rest holds, the lower one by dust."""
    shares, _ = world
    low, high = hhi(Partners("XXX", 2023, shares, {}))
    rest, smallest = round(1_000 * (1 - sum(shares.values()))), round(1_000 * min(shares.values()))
    few = [smallest] * (rest // smallest) + [rest % smallest]
    listed = math.fsum(share**2 for share in shares.values())
    assert math.isclose(high, listed + math.fsum((one / 1_000) ** 2 for one in few), abs_tol=1e-9)
    assert math.isclose(low, listed, abs_tol=1e-12)


@given(worlds())
def test_who_is_not_listed_has_at_most_the_upper_bound(world: tuple[dict[str, float], list[float]]) -> None:
    shares, others = world
    (row,) = exposure({"XXX": Partners("XXX", 2023, shares, {name: name for name in shares})}, ["XXX"], to="ZZZ")
    assert row.share is None
    assert max(others, default=0.0) <= row.upper + 1e-9
