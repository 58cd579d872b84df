"""Which words of a picture can typst not set inside an SVG? They are taken out, and the document sets them itself.

PDF/UA-1 wants every glyph to lead back to its letters. Inside an SVG typst loses that way where letters join (Arabic,
Devanagari and its kin, combining accents), and refuses the whole document; in its own text it does not. So such words
leave the picture, with place, size, weight and colour, and are drawn over it.
"""

from __future__ import annotations

import cmath
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SVG = "http://www.w3.org/2000/svg"
_STEP = re.compile(r"(translate|rotate)\(([-\d.e]+)(?:[ ,]+([-\d.e]+))?\)")
_LOOK = {"font-size": "13", "font-weight": "400", "fill": "#000000", "text-anchor": "start"}


def lifted(picture: str) -> tuple[str, list[dict[str, Any]]]:
    """The picture without the texts whose letters join, and those texts; most pictures come back as they are."""
    import xml.etree.ElementTree as ElementTree

    if not any(_joins(letter) for letter in picture):
        return picture, []
    root = ElementTree.fromstring(picture)
    found: list[dict[str, Any]] = []
    _lift(root, complex(0), complex(1), _LOOK, found)
    ElementTree.register_namespace("", _SVG)
    return ElementTree.tostring(root, encoding="unicode"), found


def _joins(letter: str) -> bool:
    """Whether a letter is a mark on another one, or belongs to a script that runs from right to left."""
    if letter < "\u0300":
        return False
    return unicodedata.category(letter) in ("Mn", "Mc", "Me") or unicodedata.bidirectional(letter) in ("R", "AL")


def _lift(
    element: Element, place: complex, turn: complex, look: Mapping[str, str], found: list[dict[str, Any]]
) -> None:
    """Walk down with the place, the rotation and the look that a group gives to what is in it."""
    look = {name: element.get(name, value) for name, value in look.items()}
    for kind, first, second in _STEP.findall(element.get("transform", "")):
        if kind == "translate":
            place += turn * complex(float(first), float(second or 0))
        else:
            turn *= cmath.exp(1j * math.radians(float(first)))
    if element.tag == f"{{{_SVG}}}text":
        at = place + turn * complex(float(element.get("x", 0)), float(element.get("y", 0)))
        found.append(
            {
                "text": element.text,
                "x": round(at.real, 2),
                "y": round(at.imag, 2),
                "angle": round(math.degrees(cmath.phase(turn)), 2),
                "size": float(look["font-size"]),
                "weight": int(look["font-weight"]),
                "fill": look["fill"],
                "anchor": {"start": 0.0, "middle": 0.5, "end": 1.0}[look["text-anchor"]],
            }
        )
    for child in list(element):
        is_text = child.tag == f"{{{_SVG}}}text"
        if is_text and not any(map(_joins, child.text or "")):
            continue
        _lift(child, place, turn, look, found)
        if is_text:
            element.remove(child)
