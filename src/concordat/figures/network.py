"""Who is tied to whom? Members on a circle, a straight line for each tie, wider for more.

Members stand in the order given, the first at the top, then clockwise: places on the circle mean nothing else. A line
grows by a pixel with each unit of weight, up to 5 pixels; where the greatest weight is above 5, in proportion. Ties of
a weaker kind are dashed and grey; a member without any tie is hollow. Up to 20 ties print their number, as near to the
middle as it does not touch another; more ties print none, and their lines carry the records. Names stand outside the
circle, broken into lines; where they take more than the height there is, codes stand for all. At most 25 members.

    >>> nodes = [Node("India", "IND"), Node("Brazil", "BRA"), Node("Egypt", "EGY")]
    >>> words = NetworkWords("binding", "not binding", "number of agreements")
    >>> spec = network(nodes, [Edge("IND", "BRA", 3, "3")], words=words)
    >>> spec["width"] + spec["padding"]["left"] + spec["padding"]["right"]
    496
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from concordat.figures import _layout as layout
from concordat.figures import _style as style
from concordat.figures._circle import Circle

NODES_MAX = 25
PRINTED_MAX = 20  # ties; more print no number
HEIGHT_MAX = 460
WIDEST = 5
PLACES = (0.5, 0.45, 0.55, 0.4, 0.6, 0.36, 0.64, 0.32, 0.68, 0.28, 0.72, 0.24, 0.76)  # of a number on its line
DASH = (4, 3)
TALL = 15  # the white box behind a number


@dataclass(frozen=True, slots=True)
class Node:
    """One member: its name, and the code that ties call it by."""

    label: str
    code: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One tie.

    Attributes:
        a, b: codes of two members, in any order; each pair once.
        weight: how many, at least 1.
        text: the number as printed.
        id, part: the record of the number, and which part of it.
        dashed: of the weaker kind only.
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
    """What solid lines, dashed lines and their width (and number) mean."""

    solid: str
    dashed: str
    width: str


def network(nodes: Sequence[Node], edges: Sequence[Edge], *, words: NetworkWords) -> dict[str, Any]:
    """A network as a Vega-Lite specification.

    Args:
        nodes: in the order around the circle.
        edges: in any order; no tie at all is a picture, too.
        words: the legend; of solid and of dashed lines where there are some.
    """
    _check(nodes, edges)
    keys = _keys({edge.dashed for edge in edges}, words)
    _, deep = layout.legend(keys, left=0, top=0, width=layout.WIDTH - 4)
    circle = Circle.of([n.label for n in nodes], [n.code for n in nodes], HEIGHT_MAX - deep - 12)
    found, _ = layout.legend(keys, left=0, top=circle.height + 12, width=layout.WIDTH - 4)
    place = {node.code: circle.place(i) for i, node in enumerate(nodes)}
    tied = {code for edge in edges for code in (edge.a, edge.b)}
    layers = _lines(edges, place)
    if len(edges) <= PRINTED_MAX:
        layers += _numbers(edges, place)
    for filled in (True, False):
        at = [{"x": place[n.code].real, "y": place[n.code].imag} for n in nodes if (n.code in tied) is filled]
        look = {} if filled else {"filled": True, "color": "#ffffff", "stroke": style.ACCENT, "strokeWidth": 1.6}
        layers.append(layout.dots(at, **look))
    layers += circle.labels()
    return layout.picture(layers + found, width=layout.WIDTH - 4, height=circle.height, left=0, top=0, bottom=12 + deep)


def _check(nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
    codes = {node.code for node in nodes}
    assert 1 <= len(nodes) <= NODES_MAX, f"a network of {len(nodes)} nodes can't be read"
    assert len(codes) == len(nodes), "a node stands once"
    for edge in edges:
        assert {edge.a, edge.b} <= codes, f"{edge.a}, {edge.b}: a tie is between nodes"
        assert edge.a != edge.b, f"{edge.a} is tied to itself"
        assert edge.weight >= 1, f"{edge.a}, {edge.b}: a tie has a weight"
    assert len({frozenset((edge.a, edge.b)) for edge in edges}) == len(edges), "a pair is tied once"


def _keys(kinds: Set[bool], words: NetworkWords) -> list[layout.Key]:
    solid = layout.Key(words.solid, sign="line")
    dashed = layout.Key(words.dashed, sign="line", color=style.SOFT, dash=DASH)
    width = layout.Key(words.width, sign="widths", color=style.ACCENT if False in kinds else style.SOFT)
    return [key for key, shown in ((solid, False in kinds), (dashed, True in kinds), (width, bool(kinds))) if shown]


def _lines(edges: Sequence[Edge], place: dict[str, complex]) -> list[layout.Layer]:
    """The weaker kind below, thin lines above wide ones; with the record where no number is printed."""
    step = min(1.0, (WIDEST - 1) / max([1, *(edge.weight - 1 for edge in edges)]))
    layers = []
    for dashed in (True, False):
        values = [
            {
                "x": place[edge.a].real,
                "y": place[edge.a].imag,
                "x2": place[edge.b].real,
                "y2": place[edge.b].imag,
                "pair": f"{edge.a} {edge.b}",
                "width": round(1 + step * (edge.weight - 1), 2),
                "mark": style.mark(edge.id, edge.part) if len(edges) > PRINTED_MAX else "",
            }
            for edge in sorted(edges, key=lambda edge: -edge.weight)
            if edge.dashed is dashed
        ]
        look: layout.Datum = {"color": style.SOFT, "strokeDash": list(DASH)} if dashed else {"color": style.ACCENT}
        layer = layout.rules(values, **look)
        layer["mark"]["aria"] = any(value["mark"] for value in values)
        layer["encoding"]["strokeWidth"] = {"field": "width", "type": "quantitative", "scale": None}
        if layer["mark"]["aria"]:
            layer["encoding"]["description"] = {"field": "mark"}
        layers.append(layer)
    return layers


def _numbers(edges: Sequence[Edge], place: dict[str, complex]) -> list[layout.Layer]:
    """Each on white, near the middle of its line, where it touches no other number and, if it can, no other line."""
    printed = [edge for edge in edges if edge.text]
    boxes: list[tuple[complex, float]] = []
    for edge in printed:
        half = layout.room(edge.text, style.SMALL) / 2 + 3
        start, end = place[edge.a], place[edge.b]
        others = [(place[other.a], place[other.b]) for other in edges if other is not edge]
        tried = [(start + share * (end - start), half, abs(share - 0.5)) for share in PLACES]
        costs = [_cost(at, half, boxes, others, place.values()) + 6 * off for at, half, off in tried]
        boxes.append(tried[costs.index(min(costs))][:2])
    white, texts = [], []
    for edge, (at, half) in zip(printed, boxes, strict=True):
        x, y = round(at.real, 1), round(at.imag, 1)
        sides = {"x": x - half, "x2": x + half, "y": y - TALL / 2, "y2": y + TALL / 2}
        white.append(sides | {"fill": "#ffffff"})
        texts.append({"x": x, "y": y, "text": edge.text, "mark": style.mark(edge.id, edge.part)})
    return [layout.boxes(white, cornerRadius=4), layout.texts(texts, align="center", size=style.SMALL)]


def _cost(
    at: complex,
    half: float,
    boxes: Sequence[tuple[complex, float]],
    lines: Sequence[tuple[complex, complex]],
    points: Iterable[complex],
) -> int:
    """What a number touches at a place: another number weighs 10,000, a point 100, a line 1."""
    numbers = sum(abs(at.real - o.real) < half + h and abs(at.imag - o.imag) < TALL for o, h in boxes)
    covered = sum(abs(at - point) < half + 7 for point in points)
    return 10_000 * numbers + 100 * covered + sum(_distance(at, *line) < half + 2 for line in lines)


def _distance(point: complex, start: complex, end: complex) -> float:
    """From a point to a line between two others.

    >>> _distance(1 + 2j, 0j, 4 + 0j), _distance(-3 + 4j, 0j, 4 + 0j)
    (2.0, 5.0)
    """
    along = (point - start) * (end - start).conjugate() / abs(end - start) ** 2
    share = min(1.0, max(0.0, along.real))
    return abs(point - start - share * (end - start))
