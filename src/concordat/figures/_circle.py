"""Where do points on a circle and the names around it stand, so that no two names touch?

The first point is at the top, the others follow clockwise at equal angles. Its name stands above, that of a point at
the very foot below, all others beside the circle, moved up or down as little as it takes and tied to their points where
they had to move. Names break into lines of a width that weighs a great circle against few lines; where the names of a
side are higher than any circle, codes stand in their place.

    >>> circle = Circle.of(["India", "Brazil", "Egypt", "China"], ["IND", "BRA", "EGY", "CHN"], 400)
    >>> top, right, foot, left = map(circle.place, range(4))
    >>> top.imag < right.imag == left.imag < foot.imag and left.real < top.real == foot.real < right.real
    True
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass

from concordat.figures import _layout as layout
from concordat.figures import _style as style

MIDDLE = (layout.WIDTH - 4) / 2
RADIUS_MAX, RADIUS_MIN = 165, 92
OUT = 13  # from the circle to a name beside it
ABOVE = 9  # from the circle to the name above or below it
STEP = 14  # from one line of a name to the next
FREE = 4  # between two names
LINES_NARROW = 60  # no narrower lines
MOVED = 10  # a name farther from its point is tied to it
LINE_COST = 18  # pixels of the radius that one more line of a name is worth


@dataclass(frozen=True, slots=True)
class Circle:
    """The places around a circle.

    Attributes:
        names: what stands at each point, in lines.
        radius: of the circle.
        center: of the circle; x is real, y is imaginary and grows downward.
        height: of all, with the names.
    """

    names: tuple[tuple[str, ...], ...]
    radius: float
    center: complex
    height: float

    @classmethod
    def of(cls, labels: Sequence[str], codes: Sequence[str], height: float) -> Circle:
        """The greatest circle that names, else codes, leave within a height."""
        for texts in (labels, codes):
            widest = math.ceil(max(layout.room(text, style.SMALL) for text in texts))
            narrow = max(LINES_NARROW, *(math.ceil(layout.widest_word(text, style.SMALL)) for text in texts))
            tried = (_fitted(texts, width, height) for width in range(max(widest, narrow), narrow - 1, -6))
            found = max(filter(None, tried), key=_worth, default=None)
            if found:
                return found
        raise AssertionError("codes are too long to stand around a circle")

    def place(self, index: int) -> complex:
        """A point."""
        point = self.center + self.radius * _direction(index, len(self.names))
        return complex(round(point.real, 2), round(point.imag, 2))

    def labels(self) -> list[layout.Layer]:
        """Names, and thin lines to those that had to move."""
        count = len(self.names)
        upright = {i: 2 * i == count for i in range(count) if i == 0 or 2 * i == count}  # whether at the foot
        values: dict[layout.Align, list[layout.Datum]] = {"left": [], "right": [], "center": []}
        for i, foot in upright.items():
            out = self.radius + ABOVE + _tall(self.names[i]) / 2
            y = self.center.imag + (out if foot else -out)
            values["center"] += layout.stacked(self.names[i], MIDDLE, y, STEP)
        ties: list[layout.Datum] = []
        for side in (1, -1):
            mine = [i for i in range(count) if i not in upright and (2 * i < count) is (side == 1)]
            sizes = [_tall(self.names[i]) + FREE for i in mine]
            band = self.radius + ABOVE
            wanted = [(self.place(i) - self.center).imag * (1 + OUT / self.radius) for i in mine]
            for i, y in zip(mine, layout.spread(wanted, sizes, -band, band), strict=True):
                near = max(0.0, abs(y) - _tall(self.names[i]) / 2)  # where the circle is closest to the name
                x = round(MIDDLE + side * math.sqrt((self.radius + OUT) ** 2 - near**2), 2)
                y = round(self.center.imag + y, 2)
                values["left" if side == 1 else "right"] += layout.stacked(self.names[i], x, y, STEP)
                start = self.center + (self.radius + 7) * _direction(i, count)
                end = complex(x - 3 * side, y)
                if abs(end - start) > MOVED:
                    ends = {"x": start.real, "y": start.imag, "x2": end.real, "y2": end.imag}
                    ties.append({name: round(at, 1) for name, at in ends.items()})
        words = [layout.texts(data, align=align, size=style.SMALL) for align, data in values.items()]
        return [layout.rules(ties, color=style.SOFT, strokeWidth=0.8), *words]


def _direction(index: int, count: int) -> complex:
    point = cmath.rect(1, 2 * math.pi * index / count - math.pi / 2)
    return complex(round(point.real, 6), round(point.imag, 6))  # the last digits of a sine depend on the machine


def _tall(lines: Sequence[str]) -> float:
    return STEP * len(lines)


def _wide(lines: Sequence[str]) -> float:
    return max(layout.room(line, style.SMALL) for line in lines)


def _fitted(texts: Sequence[str], width: float, height: float) -> Circle | None:
    """The greatest circle where the names beside it break at a width; None where it would be too small."""
    count = len(texts)
    beside = [i for i in range(1, count) if 2 * i != count]
    names = [layout.wrapped(text, width, style.SMALL) for text in texts]
    widest = max([0.0, *(_wide(names[i]) for i in beside)])
    radius = min(RADIUS_MAX, MIDDLE - OUT - widest)
    for i in set(range(count)) - set(beside):
        names[i] = layout.wrapped(texts[i], max(width, 1.8 * radius), style.SMALL)
    above = ABOVE + _tall(names[0])
    below = ABOVE + (_tall(names[count // 2]) if count % 2 == 0 else 0)
    radius = math.floor(min(radius, (height - above - below) / 2))
    sides = ([i for i in beside if 2 * i < count], [i for i in beside if 2 * i > count])
    need = max(sum(_tall(names[i]) + FREE for i in side) / 2 for side in sides)
    if radius < RADIUS_MIN or need > radius + ABOVE:
        return None
    return Circle(tuple(names), radius, complex(MIDDLE, radius + above), 2 * radius + above + below)


def _worth(circle: Circle) -> float:
    return circle.radius - LINE_COST * max(map(len, circle.names))
