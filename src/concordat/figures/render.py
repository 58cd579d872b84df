"""A Vega-Lite specification becomes a small SVG: drawn by vl-convert without a browser, stripped of ballast.

The picture names one font, that of the package `fontpkg-noto-sans`, and sizes are fixed by the specification, so the
same specification gives the same bytes on any machine. Stripping rounds coordinates to a tenth of a pixel, drops empty
paths, wrappers and per-mark accessibility labels (the page gives the picture one name and a table), and turns the
descriptions `obs:<record>:<part>` into `data-obs` and `data-part` (left out where it is `value`), so that numbers in a
picture lead to their records too. Where many marks of a group are parts of one record, the group names it for them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

VEGALITE = "6.4"
SCALE = 2.0  # pixels of a PNG for each of the picture's own
_SVG = "{http://www.w3.org/2000/svg}"
_ARIA = ("role", "aria-hidden", "aria-roledescription", "aria-label")
_DROP = (*_ARIA, "class", "pointer-events", "stroke-miterlimit", "version")
_DEFAULTS = {
    "opacity": "1",
    "stroke-dasharray": "1,0",
    "text-anchor": "start",
    "fill-opacity": "1",
    "stroke-opacity": "1",
}
_SHARED = ("font-family", "font-size", "font-weight", "fill", "stroke", "stroke-width", "stroke-linecap", "text-anchor")
MERGED_MIN = 12
_TRANSLATE = re.compile(r"translate\((-?[\d.e-]+),(-?[\d.e-]+)\)$")
_CIRCLE = re.compile(r"M([\d.]+),0A\1,\1,0,1,1,-\1,0A\1,\1,0,1,1,\1,0Z?$")
_RECT = re.compile(r"M(-?[\d.]+),(-?[\d.]+)h(-?[\d.]+)v(-?[\d.]+)h-?[\d.]+Z$")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def svg(spec: Mapping[str, Any], figure_id: str, id_length: int = 32) -> str:
    """Draw a specification.

    Args:
        spec: Vega-Lite, with its data inside.
        figure_id: names the figure; ids inside the picture begin with it, so that several fit on one page.
        id_length: how many hex digits of a record's id are written.

    Returns:
        `<svg ...>...</svg>` without a role, title or description: the page adds them.
    """
    return small(drawer("svg", spec), figure_id, id_length)


def convert(form: str, spec: Mapping[str, Any]) -> Any:
    """What the renderer makes of a specification: `svg` as text, `png` as bytes."""
    vl_convert = _renderer()
    if form == "png":
        return vl_convert.vegalite_to_png(dict(spec), vl_version=VEGALITE, scale=SCALE, allowed_base_urls=[])
    return vl_convert.vegalite_to_svg(dict(spec), vl_version=VEGALITE, allowed_base_urls=[])


drawer: Callable[[str, Mapping[str, Any]], Any] = convert  # a server puts another in its place: `figures.drawer`


@cache
def _renderer() -> Any:
    """vl-convert with the font of the package; imported once, when the first figure is drawn."""
    from importlib.resources import files

    import vl_convert

    vl_convert.register_font_directory(str(files("fontpkg_noto_sans") / "files"))
    return vl_convert


def small(raw: str, figure_id: str, id_length: int = 32) -> str:
    """The same picture in fewer bytes."""
    import xml.etree.ElementTree as ElementTree

    root = ElementTree.fromstring(raw)
    _clean(root, id_length)
    for group in list(root.iter(f"{_SVG}g")):
        _share(group)
        _merge(group)
        _columns(group)
    for group in list(root.iter(f"{_SVG}g")):
        _name_once(group)
    _flatten(root)
    width, height = root.attrib["width"], root.attrib["height"]
    root.attrib.clear()
    root.attrib.update({"viewBox": f"0 0 {_short(width)} {_short(height)}"})
    root.attrib.update({"width": _short(width), "height": _short(height)})
    root.attrib.update({"font-family": "Noto Sans,system-ui,sans-serif", "fill": "none"})
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        if element.attrib.get("font-family") == "Noto Sans":
            del element.attrib["font-family"]
        if "id" in element.attrib:
            element.attrib["id"] = f"{figure_id}-{element.attrib['id']}"
        for name in ("clip-path", "href"):
            if name in element.attrib:
                element.attrib[name] = element.attrib[name].replace("#", f"#{figure_id}-", 1)
    text = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    return text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(" />", "/>")


def _clean(element: Element, id_length: int) -> None:
    """Drop what says nothing; write places as plain attributes."""
    label = element.attrib.get("aria-label", "")
    for name in list(element.attrib):
        if name in _DROP or _DEFAULTS.get(name) == element.attrib[name]:
            del element.attrib[name]
    if label.startswith("obs:"):
        _, record, part = label.split(":")
        element.attrib["data-obs"] = record[:id_length]
        if part != "value":
            element.attrib["data-part"] = part
    if element.attrib.get("font-size", "").endswith("px"):
        element.attrib["font-size"] = element.attrib["font-size"][:-2]
    for child in list(element):
        if child.tag == f"{_SVG}path" and (
            not child.get("d") or (_RECT.match(child.get("d", "")) and not _painted(child))
        ):
            element.remove(child)
            continue
        _clean(child, id_length)
        if child.tag == f"{_SVG}g" and len(child) == 0:
            element.remove(child)
    _place(element)
    for name, value in element.attrib.items():
        if name not in ("data-obs", "fill", "stroke", "font-family"):
            element.attrib[name] = _NUMBER.sub(lambda m: _short(m.group()), value)


def _painted(path: Element) -> bool:
    return path.get("fill", "none") != "none" or path.get("stroke", "none") != "none"


def _place(element: Element) -> None:
    """`transform` of a shape becomes its coordinates; circles and rectangles get their own element."""
    kind = element.tag.removeprefix(_SVG)
    move = _TRANSLATE.match(element.get("transform", ""))
    if kind == "g" or (not move and kind != "path"):
        if move and float(move[1]) == float(move[2]) == 0:
            del element.attrib["transform"]
        return
    x, y = (float(move[1]), float(move[2])) if move else (0.0, 0.0)
    if kind == "text":
        del element.attrib["transform"]
        element.attrib.update({"x": _short(x), "y": _short(y)})
    elif kind == "line":
        del element.attrib["transform"]
        x2, y2 = float(element.attrib.pop("x2", 0)), float(element.attrib.pop("y2", 0))
        element.attrib.update({"x1": _short(x), "y1": _short(y), "x2": _short(x + x2), "y2": _short(y + y2)})
    elif kind == "path":
        circle, rect = _CIRCLE.match(element.get("d", "")), _RECT.match(element.get("d", ""))
        if circle or rect:
            element.attrib.pop("transform", None)
            del element.attrib["d"]
        if circle:
            element.tag = f"{_SVG}circle"
            element.attrib.update({"cx": _short(x), "cy": _short(y), "r": _short(circle[1])})
        elif rect:
            element.tag = f"{_SVG}rect"
            left, top, width, height = (float(n) for n in rect.groups())
            element.attrib.update({"x": _short(x + left), "y": _short(y + top)})
            element.attrib.update({"width": _short(width), "height": _short(height)})


def _flatten(element: Element) -> None:
    """Groups without attributes give way to their children; a group alone in a moved group joins it."""
    for child in list(element):
        _flatten(child)
        if child.tag == f"{_SVG}g" and not child.attrib:
            at = list(element).index(child)
            element.remove(child)
            for offset, grandchild in enumerate(list(child)):
                element.insert(at + offset, grandchild)


def _share(group: Element) -> None:
    """What all children of a group say alike is said once, by the group."""
    for name in _SHARED:
        said = {child.get(name) for child in group}
        if len(group) > 1 and len(said) == 1 and None not in said and all(child.tag != group.tag for child in group):
            group.attrib[name] = said.pop() or ""
            for child in group:
                del child.attrib[name]


def _columns(group: Element) -> None:
    """Words under one another say their common x once, as a moved group: a thin link carries a large table in less."""
    words = list(group)
    runs = [list(run) for _, run in groupby(words, key=lambda word: word.get("x"))]
    if len(runs) < 2 or len(words) < MERGED_MIN * len(runs):
        return
    if any(word.tag != f"{_SVG}text" or "x" not in word.attrib for word in words):
        return
    for run in runs:
        column = group.makeelement(f"{_SVG}g", {"transform": f"translate({run[0].get('x')},0)"})
        for word in run:
            group.remove(word)
            del word.attrib["x"]
            for name in ("data-part", "y"):  # last, so that what differs stands together
                if name in word.attrib:
                    word.attrib[name] = word.attrib.pop(name)
            column.append(word)
        group.append(column)


def _name_once(group: Element) -> None:
    """A record of which a group shows many parts is named by the group: an id does not compress.

    A mark with `data-part` alone is then a part of its group's record; a mark with neither is no number.
    """
    marks = [child for child in group if "data-obs" in child.attrib]
    if len(marks) < MERGED_MIN or len({mark.get("data-obs") for mark in marks}) > 1:
        return
    if any("data-part" not in mark.attrib for mark in marks):
        return
    group.attrib["data-obs"] = marks[0].attrib["data-obs"]
    for mark in marks:
        del mark.attrib["data-obs"]


def _merge(group: Element) -> None:
    """Many squares of one size become a path for each colour: they carry no text and lead nowhere."""
    rects = list(group)
    plain = {"x", "y", "width", "height", "fill"}
    if len(rects) < MERGED_MIN or any(r.tag != f"{_SVG}rect" or set(r.attrib) - plain for r in rects):
        return
    places: dict[str, list[str]] = {}
    for rect in rects:
        at = {name: _short(rect.get(name, "0")) for name in ("x", "y", "width", "height")}
        square = f"M{at['x']},{at['y']}h{at['width']}v{at['height']}h-{at['width']}z"
        places.setdefault(rect.get("fill", ""), []).append(square)
        group.remove(rect)
    for fill, squares in places.items():
        path = group.makeelement(f"{_SVG}path", {"fill": fill} if fill else {})
        path.set("d", "".join(squares))
        group.append(path)


def _short(number: float | str) -> str:
    """A coordinate to a tenth."""
    text = f"{round(float(number), 1):.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def png(spec: Mapping[str, Any]) -> bytes:
    """Draw a specification (as for `svg`) as PNG, with two pixels for each of the picture's own."""
    drawn: bytes = drawer("png", spec)
    return drawn
