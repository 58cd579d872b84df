"""Who is linked to whom, and how strongly? Members on a circle, a line for each tie, the wider the stronger.

Strong ties are full lines in five widths; weak ones are dashed and grey. A member without a strong tie is a hollow
dot. The number of a tie stands in its middle while there are few of them; otherwise the table has the numbers. The
order on the circle is the one given, the first at the top, clockwise: no layout that would suggest a distance.

    >>> nodes = [Node("Brazil", "BRA"), Node("China", "CHN"), Node("India", "IND")]
    >>> words = NetworkWords("binding", "soft alone", "wider: more")
    >>> spec = network(nodes, [Edge("BRA", "CHN", 2, "2")], words=words)
    >>> spec["layer"][0]["mark"]["strokeWidth"]
    2.1
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style

NODES_MAX = 25
NUMBERED_MAX = 8  # ties with their number; of more, numbers would stand on other lines
RADIUS = 132
LABEL = 16  # from the circle to a name
SIDE = (layout.WIDTH - 2 * RADIUS) / 2
THIN, STEP, WIDEST = 1.0, 1.1, 5.4
DASH = [3, 3]


@dataclass(frozen=True, slots=True)
class Node:
    """A member: its name, and the code that ties name it by."""

    label: str
    code: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A tie between two members.

    Attributes:
        weight: how strong, 1 or more. text: its number as printed.
        id, part: the record that the text prints, and which part of it. dashed: a weak tie.
    """

    a: str
    b: str
    weight: int
    text: str
    id: str = ""
    part: str = "value"
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class NetworkWords:
    """Words of the legend: what full and dashed lines are, and what their width says."""

    solid: str
    dashed: str
    width: str


def network(nodes: Sequence[Node], edges: Sequence[Edge], *, words: NetworkWords) -> dict[str, Any]:
    """The network as a Vega-Lite specification.

    Args:
        nodes: in the order of the circle, 2 to 25. edges: each pair at most once.
    """
    count = len(nodes)
    assert 2 <= count <= NODES_MAX, f"a network of {count} members can't be read"
    turns = [2 * math.pi * i / count for i in range(count)]
    at = {n.code: (RADIUS * math.sin(t), -RADIUS * math.cos(t)) for n, t in zip(nodes, turns, strict=True)}
    middle_x, middle_y = layout.WIDTH / 2, RADIUS + 30

    def place(code: str, times: float = 1.0) -> tuple[float, float]:
        x, y = at[code]
        return round(middle_x + times * x, 2), round(middle_y + times * y, 2)

    strong = [e for e in edges if not e.dashed]
    weak = [e for e in edges if e.dashed]
    layers: list[layout.Layer] = []
    for some, look in ((weak, {"color": style.SOFT, "strokeDash": DASH, "strokeWidth": 0.9}), *_by_width(strong)):
        values = []
        for e in some:
            (x, y), (x2, y2) = place(e.a), place(e.b)
            values.append({"x": x, "y": y, "x2": x2, "y2": y2})
        if values:
            layers.append(layout.rules(values, **look))
    if len(strong) <= NUMBERED_MAX:
        layers += _numbers(strong, place)
    tied = {code for e in strong for code in (e.a, e.b)}
    for linked in (True, False):
        spots = [{"x": place(n.code)[0], "y": place(n.code)[1]} for n in nodes if (n.code in tied) is linked]
        look = {} if linked else {"filled": True, "color": "#ffffff", "stroke": style.ACCENT, "strokeWidth": 1.6}
        layers.append(layout.dots(spots, **look))
    layers += _names(nodes, turns, place)
    height = 2 * middle_y
    keys = [
        layout.Key(words.solid, "line"),
        *([layout.Key(words.dashed, "line", style.SOFT, (3, 3))] if weak else []),
        layout.Key(words.width, "bar", style.ACCENT),
    ]
    found, deep = layout.legend(keys, left=0, top=height + 6)
    return layout.picture([*layers, *found], width=layout.WIDTH, height=height, left=0, top=4, bottom=10 + deep)


def _by_width(edges: Sequence[Edge]) -> list[tuple[list[Edge], dict[str, Any]]]:
    """Ties of the same width together, the widest on top."""
    found: dict[float, list[Edge]] = {}
    for e in edges:
        assert e.weight >= 1, "a tie has a weight"
        found.setdefault(round(min(WIDEST, THIN + STEP * (e.weight - 1)), 2), []).append(e)
    return [
        (some, {"color": style.ACCENT, "strokeWidth": w, "strokeCap": "round"}) for w, some in sorted(found.items())
    ]


def _numbers(edges: Sequence[Edge], place: Any) -> list[layout.Layer]:
    """Numbers on white, a third of the way along each tie, so that those of long ties don't meet in the middle."""
    words, grounds = [], []
    for n, e in enumerate(edges):
        (x, y), (x2, y2) = place(e.a), place(e.b)
        share = (0.36, 0.5, 0.64)[n % 3]
        mx, my = round(x + share * (x2 - x), 2), round(y + share * (y2 - y), 2)
        half = layout.room(e.text, style.SMALL) / 2 + 2
        grounds.append({"x": mx - half, "x2": mx + half, "y": my - 7, "y2": my + 7, "fill": "#ffffff"})
        words.append({"x": mx, "y": my, "text": e.text, "mark": style.mark(e.id, e.part)})
    if not words:
        return []
    ground = layout.boxes(grounds, opacity=0.9)
    return [ground, layout.texts(words, align="center", size=style.SMALL)]


def _names(nodes: Sequence[Node], turns: Sequence[float], place: Any) -> list[layout.Layer]:
    """Names outside the circle: to the right of its right half, to the left of its left one, above and below."""
    sides: dict[layout.Align, list[layout.Datum]] = {"left": [], "right": [], "center": []}
    for node, turn in zip(nodes, turns, strict=True):
        x, y = place(node.code, (RADIUS + LABEL) / RADIUS)
        across = math.sin(turn)
        side: layout.Align = "center" if abs(across) < 0.1 else "left" if across > 0 else "right"
        if side == "center":
            y += -4 if y < place(node.code)[1] else 4
            sides[side].append({"x": x, "y": round(y, 2), "text": node.label})
            continue
        lines = layout.wrapped(node.label, SIDE - LABEL + RADIUS * (1 - abs(across)), style.SIZE)
        sides[side] += layout.stacked(lines, x, y, layout.LINE - 2)
    return [layout.texts(values, align=align) for align, values in sides.items() if values]
