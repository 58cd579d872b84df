"""Walking an SDMX-JSON 1.0 message: every observation with the pointer to its value.

Numbers are kept as printed (`40.3000`), so that their rounding is known. SDMX-JSON 2.0 is told by its schema and
refused: sdmx1 2.28 can't read it, and nothing is read here without that second reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from concordat.errors import SourceError
from concordat.evidence.sources._sdmx import VALUE, Row, Table

_SMALLER = "Ask for SDMX-CSV instead."


def read_json(body: bytes, where: str) -> Table:
    """The observations of a data message.

    Raises:
        SourceError: not JSON, not SDMX-JSON 1.0, or an index beyond its list.
    """
    message = _loads(body, where)
    if not isinstance(message, dict):
        raise _shape("it holds no data sets", where)
    version = str(message.get("meta", {}).get("schema", "")) if isinstance(message.get("meta"), dict) else ""
    if "data" in message:
        said = "2.0" if "/2." in version else "of a version that I don't know"
        what = f"SDMX-JSON {said} is not read."
        raise SourceError(what, where=where, hint=_SMALLER, code="unsupported_form")
    if "dataSets" not in message:
        said = json.dumps(message)[:200]
        raise SourceError(f"no data sets; the service says {said}", where=where, hint=_SMALLER, code="service_error")
    try:
        return _table(message, where)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _shape(f"{type(error).__name__} {error}", where) from None


def _loads(body: bytes, where: str) -> Any:
    try:
        return json.loads(body, parse_float=str, parse_int=_integer, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"not JSON: {error}.", where=where, code="not_json") from None


def _integer(text: str) -> int:
    if len(text) > 300:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _shape(what: str, where: str) -> SourceError:
    return SourceError(f"not SDMX-JSON as I know it: {what}.", where=where, hint=_SMALLER, code="not_sdmx_json")


def _table(message: Mapping[str, Any], where: str) -> Table:
    structure = message["structure"]
    dimensions, attributes = structure["dimensions"], structure["attributes"]
    flow = _flow(structure)
    rows: list[Row] = []
    said: dict[str, str] = {}
    for number, data_set in enumerate(message["dataSets"]):
        own = _attributes(attributes.get("dataSet", []), data_set.get("attributes", []))
        shared = {**_constants(dimensions.get("dataSet", [])), **own}
        said.update(own)
        withdrawn = data_set.get("action") == "Delete"
        path = f"{where}#/dataSets/{number}"
        for at, cells, observations in _series(data_set, dimensions, attributes, path):
            for key, values in observations.items():
                found = {**shared, **cells, **_key(key, dimensions.get("observation", []))}
                found |= _attributes(attributes.get("observation", []), values[1:])
                if values[0] is not None:
                    found[VALUE] = str(values[0])
                rows.append(Row(found, f"{at}/observations/{key}/0", flow, withdrawn))
    ids = [d["id"] for level in ("dataSet", "series", "observation") for d in dimensions.get(level, [])]
    others = [a["id"] for level in ("series", "observation") for a in attributes.get(level, [])]
    columns = tuple(dict.fromkeys([*ids, VALUE, *others]))
    return Table("SDMX-JSON 1.0", columns, rows, tuple(dict.fromkeys(ids)), said)


def _flow(structure: Mapping[str, Any]) -> str:
    """`ECB:EXR` out of the link to the dataflow, `.../dataflow/ECB/EXR/1.0`; without an agency at old addresses."""
    for link in structure.get("links") or []:
        _, found, path = str(link.get("href", "")).partition("/dataflow/")
        if found:
            parts = path.split("/")
            return f"{parts[0]}:{parts[1]}" if len(parts) > 2 else parts[0]
    return ""


def _series(
    data_set: Mapping[str, Any], dimensions: Mapping[str, Any], attributes: Mapping[str, Any], path: str
) -> Iterator[tuple[str, dict[str, str], Mapping[str, Any]]]:
    if "observations" in data_set:
        yield path, {}, data_set["observations"]
    for key, series in data_set.get("series", {}).items():
        cells = _key(key, dimensions.get("series", []))
        cells |= _attributes(attributes.get("series", []), series.get("attributes", []))
        yield f"{path}/series/{key}", cells, series["observations"]


def _constants(dimensions: list[Any]) -> dict[str, str]:
    return {d["id"]: str(d["values"][0]["id"]) for d in dimensions}


def _key(key: str, dimensions: list[Any]) -> dict[str, str]:
    """`0:3` -> the codes at these places of the dimensions' lists."""
    places = key.split(":")
    if len(places) != len(dimensions):
        raise ValueError(f"the key {key} has {len(places)} parts for {len(dimensions)} dimensions")
    return {d["id"]: str(_at(d["values"], int(place))["id"]) for d, place in zip(dimensions, places, strict=True)}


def _attributes(attributes: list[Any], places: list[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for attribute, place in zip(attributes, places, strict=False):
        if place is not None and attribute["values"]:  # without a list of values a place means nothing
            value = _at(attribute["values"], place)
            found[attribute["id"]] = str(value.get("id", value.get("name", "")))
    return found


def _at(values: list[Any], place: int) -> Any:
    if not 0 <= place < len(values):
        raise IndexError(f"the place {place} in a list of {len(values)}")
    return values[place]
