"""How does a share change along a few chosen amounts? A line each with its band, over equal steps that are named below.

For curves whose amounts grow by factors (1, 2, 5, 10, 20 %): the steps are equal on the page and not to scale, which is
why each has its name. Lines, bands and names at the right are those of `lines`.

    >>> spec = steps(["1", "5"], [Line("gross", [Point(0, 2.0, 1.0, 3.0), Point(1, 9.0, 8.0, 11.0)], "9")], unit="pct")
    >>> spec["width"] + spec["padding"]["left"] + spec["padding"]["right"]
    496
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures import lines as drawn
from concordat.figures._plane import Plane
from concordat.figures.dots import round_ticks
from concordat.figures.lines import Line, Point
from concordat.figures.numbers import number_text

__all__ = ["Line", "Point", "steps"]


def steps(
    names: Sequence[str], series: Sequence[Line], *, unit: str, language: str = "en", below: str = ""
) -> dict[str, Any]:
    """Lines over named steps as a Vega-Lite specification.

    Args:
        names: of the steps, in order. series: one to four; `Point.year` is the number of the step, from 0. unit: of the
            values, whose scale begins at 0. below: what the steps are, and in which unit, in words under their names.
    """
    top = max(max(point.value or 0.0, point.upper or 0.0) for line in series for point in line.points)
    ticks = round_ticks(0.0, top or 1.0)
    words = [number_text(tick, unit, language, style="cell") for tick in ticks]
    left = math.ceil(max(layout.room(word, style.SMALL) for word in words)) + 10
    number = math.ceil(max(layout.room(line.end_text) for line in series)) + 8
    most = min(drawn.NAMES_MOST, math.ceil(max(layout.room(line.label) for line in series)) + 2)
    wrapped = [layout.wrapped(line.label, most) for line in series]
    sizes = [layout.LINE * len(name) + 3 for name in wrapped]
    height = max(drawn.HEIGHT, sum(sizes))
    right = drawn.TIE + drawn.SAMPLE + 6 + number + most
    plot = layout.WIDTH - left - right
    plane = Plane(0, len(names) - 1, ticks[0], ticks[-1], plot, height)
    return layout.picture(
        [*plane.levels(ticks, words), *drawn.layers(series, wrapped, sizes, plane, number), _axis(names, below, plane)],
        width=plot, height=height, left=left, top=12, bottom=44 if below else 26, right=right,
    )  # fmt: skip


def _axis(names: Sequence[str], below: str, plane: Plane) -> layout.Layer:
    values = [{"x": plane.x(n), "y": plane.height + 8, "text": name} for n, name in enumerate(names)]
    if below:
        values.append({"x": plane.plot / 2, "y": plane.height + 26, "text": below})
    return layout.texts(values, align="center", baseline="top", size=style.SMALL, color=style.SOFT)
