"""Which cells of a survey may leave the node: none so small that a person could be seen in it.

A cell is withheld when too few people stand behind it. One withheld cell could be found by subtraction from the total
that it is part of, so then the next smallest part of that total is withheld too, and further ones until the people
withheld together are no small group either (complementary suppression; Hundepool and others, *Statistical Disclosure
Control*, 2012, chapter 4). A total is any published margin that another one divides: all people by sex, a region by
its districts, both sexes by place. People whose domain is not known are a part too, though nobody publishes it.

The rule guards against subtraction along one total at a time, inside one set of margins; not against somebody who
solves many totals at once, or who joins this survey's figures with another's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Codes: TypeAlias = npt.NDArray[np.int64]
Key: TypeAlias = tuple[int, int]  # number of the margin, number of the cell in it

SMALL, COMPLEMENTARY = "small_cell", "complementary"
NOBODY = -1  # the code of a person who is in no cell of a margin


@dataclass(frozen=True, slots=True)
class Part:
    """A cell as far as withholding goes.

    Attributes:
        n: the people behind it.
        safe: enough of them to be published.
    """

    n: int
    safe: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A total and what it is divided into.

    Attributes:
        parts: the cells that add up to the total, but for `rest`.
        rest: the people of the total who are in none of the parts; None if there are none.
    """

    parts: tuple[Key, ...]
    rest: Part | None = None


def withheld(parts: Mapping[Key, Part], lines: Sequence[Line], least: int) -> dict[Key, str]:
    """The cells that may not be published, each with the reason.

    Args:
        least: the smallest group that may be seen.
    """
    hidden = {key: SMALL for key, part in parts.items() if not part.safe}
    shortest_first = sorted(lines, key=lambda line: (len(line.parts), line.parts))  # a district before the country
    for _ in range(len(parts) + 1):  # each turn hides a cell more
        found = (_next(parts, line, hidden, least) for line in shortest_first)
        smallest = next((key for key in found if key is not None), None)
        if smallest is None:
            break
        hidden[smallest] = COMPLEMENTARY
    return hidden


def _next(parts: Mapping[Key, Part], line: Line, hidden: Mapping[Key, str], least: int) -> Key | None:
    """The cell that must go too, so that what is withheld of this total can't be found; None when none must."""
    gone = [key for key in line.parts if key in hidden]
    unknown = len(gone) + (line.rest is not None)
    people = sum(parts[key].n for key in gone) + (line.rest.n if line.rest else 0)
    if not gone and (line.rest is None or line.rest.safe):
        return None
    if unknown >= 2 and people >= least:
        return None
    shown = [key for key in line.parts if key not in hidden]
    return min(shown, key=lambda key: (parts[key].n, key)) if shown else None


def divides(fine: Codes, coarse: Codes) -> dict[int, tuple[int, ...]] | None:
    """Which cells of one margin make up each cell of another; None when some cell has people of two of them."""
    known = (fine != NOBODY) & (coarse != NOBODY)
    pairs = np.unique(np.stack([fine[known], coarse[known]], axis=1), axis=0)
    if len(pairs) == 0 or len(np.unique(pairs[:, 0])) != len(pairs):
        return None
    found: dict[int, list[int]] = {}
    for part, total in pairs.tolist():
        found.setdefault(total, []).append(part)
    return {total: tuple(cells) for total, cells in found.items()}
