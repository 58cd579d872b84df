"""Walking an SDMX-ML 2.1 message: every observation with the path of its value, and what is said of the data set.

The walk knows both forms, generic and structure specific, with groups, flat or in series. It does not validate: that is
sdmx1's part (`sdmx_ml`), and the two are held against each other. Messages without data are told apart: an error, a
structure, a footer that says where the answer will be.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from concordat.errors import SourceError
from concordat.evidence._xml import parse_xml
from concordat.evidence.sources._base import Problem
from concordat.evidence.sources._sdmx import TIME, VALUE, Row, Table

_SPECIFIC = ("StructureSpecificData", "StructureSpecificTimeSeriesData")
_GENERIC = ("GenericData", "GenericTimeSeriesData")
_HTTP = re.compile(r"https?://[^\s<>\"]+")
_SMALLER = "Ask for fewer years or fewer countries at once"


def local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2]


def message_error(body: bytes, where: str) -> SourceError | None:
    """The error that an XML body tells, if it tells one: an error message, or a footer without data."""
    try:
        root = parse_xml(body, where)
    except SourceError:
        return None  # a page of HTML: whoever asked says what else it is not
    if local(root.tag) == "Error":
        messages = [e for e in root.iter() if local(e.tag) == "ErrorMessage"]
        return _service_error(messages or [root], where)
    if any(local(e.tag) == "Obs" for e in root.iter()):
        return None
    return next(filter(None, (_footer_error(e, where) for e in _footer(root))), None)


def _footer(root: Element) -> list[Element]:
    footers = [e for e in root if local(e.tag) == "Footer"]
    return [m for footer in footers for m in footer if local(m.tag) == "Message"]


def _footer_error(message: Element, where: str) -> SourceError | None:
    text = _text(message)
    if message.get("code") == "413" or "asynchronous" in text.lower():
        found = _HTTP.search(text)
        hint = f"{_SMALLER}, or fetch it later from {found[0]} and load the file." if found else f"{_SMALLER}."
        what = f'the service put the question in a queue: "{text[:300]}"'
        return SourceError(what, where=where, hint=hint, code="refused")
    return _service_error([message], where) if message.get("code") or text else None


def _service_error(messages: list[Element], where: str) -> SourceError:
    said = "; ".join(f"{m.get('code') or ''} {_text(m)}".strip() for m in messages)[:300]
    hint = "Check the flow, the key and the years that were asked for."
    return SourceError(f'the service answers: "{said}".', where=where, hint=hint, code="service_error")


def _text(element: Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


# --- Data -----------------------------------------------------------------------------------------------------------


@dataclass
class _Series:
    cells: dict[str, str]
    dimensions: tuple[str, ...] = ()
    element: Element | None = None
    path: str = ""


@dataclass
class _Message:
    """What is gathered while walking one message."""

    where: str
    generic: bool
    time_of: Mapping[str, str]
    flow_of: Mapping[str, str]
    rows: list[Row] = field(default_factory=list)
    columns: dict[str, None] = field(default_factory=dict)
    dimensions: dict[str, None] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)


def read_message(body: bytes, where: str) -> Table:
    """The observations of a data message.

    Raises:
        SourceError: not XML, unsafe, an error, a queue's note, a message of another kind.
    """
    root = parse_xml(body, where)
    kind = local(root.tag)
    if error := message_error(body, where):
        raise error
    if kind == "Structure":
        what = "a message of structures, which holds no figures."
        hint = "Ask for /data/ instead; sdmx_ml.read_structures counts what is in it."
        raise SourceError(what, where=where, hint=hint, code="structure_message")
    if kind not in (*_SPECIFIC, *_GENERIC):
        what = f"the form {kind} is not one that I read."
        hint = "Ask for SDMX-CSV, or for SDMX-ML 2.1."
        raise SourceError(what, where=where, hint=hint, code="unsupported_form")
    message = _Message(where, kind in _GENERIC, *_headers(root))
    for path, data_set in _children(root, f"/{kind}"):
        if local(data_set.tag) == "DataSet":
            _data_set(message, data_set, path)
    notes = [Problem("service_note", "info", where, _text(m)[:1_000]) for m in _footer(root)]
    return Table(
        form=f"SDMX-ML 2.1 {'generic' if message.generic else 'structure specific'}",
        columns=tuple(message.columns),
        rows=message.rows,
        dimensions=tuple(message.dimensions) if message.generic else (),
        attributes=message.attributes,
        problems=tuple(notes),
    )


def _headers(root: Element) -> tuple[dict[str, str], dict[str, str]]:
    """By structure id: the dimension that stands at the observation, and the flow."""
    times: dict[str, str] = {}
    flows: dict[str, str] = {}
    for structure in (e for header in root for e in header if local(e.tag) == "Structure"):
        key = structure.get("structureID", "")
        times[key] = structure.get("dimensionAtObservation", TIME)
        ref = next((e for e in structure.iter() if local(e.tag) == "Ref"), None)
        if ref is not None:
            flows[key] = f"{ref.get('agencyID', '')}:{ref.get('id', '')}({ref.get('version', '1.0')})"
    return times, flows


def _children(element: Element, path: str) -> Iterator[tuple[str, Element]]:
    """Each child with its path; the number among siblings of one name is left out where it is 1 and alone."""
    total = Counter(local(child.tag) for child in element)
    seen: Counter[str] = Counter()
    for child in element:
        name = local(child.tag)
        seen[name] += 1
        yield f"{path}/{name}" + (f"[{seen[name]}]" if total[name] > 1 else ""), child


def _data_set(message: _Message, data_set: Element, path: str) -> None:
    ref = next((v for k, v in data_set.attrib.items() if local(k) == "structureRef"), "")
    flow = message.flow_of.get(ref, "")
    time = message.time_of.get(ref, TIME)
    own = {k: v for k, v in data_set.attrib.items() if "}" not in k and k not in ("action", "structureRef")}
    shared = (_values(data_set, "Attributes") if message.generic else own) or {}
    message.attributes.update(shared)
    withdrawn = data_set.get("action") == "Delete"
    groups = [_group(message, e) for e in data_set if local(e.tag) == "Group"]
    for at, element in _children(data_set, path):
        if local(element.tag) == "Series":
            series = _series(message, element)
            for obs_at, obs in _children(element, at):
                if local(obs.tag) == "Obs":
                    _add(message, obs, obs_at, {**shared, **series}, groups, flow, time, withdrawn)
        elif local(element.tag) == "Obs":
            _add(message, element, at, dict(shared), groups, flow, time, withdrawn)


def _values(element: Element, name: str) -> dict[str, str]:
    """`<Value id= value=/>` under the child of that name."""
    parent = next((e for e in element if local(e.tag) == name), None)
    if parent is None:
        return {}
    return {v.get("id", ""): v.get("value", "") for v in parent if local(v.tag) == "Value"}


def _group(message: _Message, element: Element) -> tuple[dict[str, str], dict[str, str]]:
    """The key of a group and its attributes; in the specific form they stand in one list."""
    if message.generic:
        return _values(element, "GroupKey"), _values(element, "Attributes")
    both = {k: v for k, v in element.attrib.items() if "}" not in k}
    return both, both


def _series(message: _Message, element: Element) -> dict[str, str]:
    if not message.generic:
        return {k: v for k, v in element.attrib.items() if "}" not in k}
    key = _values(element, "SeriesKey")
    message.dimensions.update(dict.fromkeys(key))
    return {**key, **_values(element, "Attributes")}


def _add(
    message: _Message,
    obs: Element,
    path: str,
    above: dict[str, str],
    groups: list[tuple[dict[str, str], dict[str, str]]],
    flow: str,
    time: str,
    withdrawn: bool,
) -> None:
    cells, place = _observation(message, obs, path, time)
    cells = {**above, **cells}
    for key, attributes in groups:
        common = [k for k in key if k in cells]
        if common and all(cells[k] == key[k] for k in common):
            cells = {**attributes, **cells}
    cells = {k: v for k, v in cells.items() if v != ""}
    message.columns.update(dict.fromkeys(k for k in cells if k not in message.attributes))
    message.rows.append(Row(cells, place, flow, withdrawn))


def _observation(message: _Message, obs: Element, path: str, time: str) -> tuple[dict[str, str], str]:
    """The cells of one observation, and the place of its value."""
    if not message.generic:
        at = f"{path}/@{VALUE}" if VALUE in obs.attrib else path
        return {k: v for k, v in obs.attrib.items() if "}" not in k}, at
    cells = {**_values(obs, "ObsKey"), **_values(obs, "Attributes")}
    message.dimensions.update(dict.fromkeys(_values(obs, "ObsKey")))
    place = path
    for child in obs:
        if local(child.tag) == "ObsDimension":
            cells[child.get("id") or time] = child.get("value", "")
            message.dimensions[child.get("id") or time] = None
        elif local(child.tag) == "ObsValue":
            cells[VALUE] = child.get("value", "")
            place = f"{path}/ObsValue/@value"
    return cells, place
