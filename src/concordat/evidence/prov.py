"""The report's own account of its numbers: every record and every cell, in W3C PROV terms, as `provenance.json`.

- `records`: each record in full, by id; observations with the hash of their bytes, the place in them and the text found
  there, and their vintage (one of an earlier release has an id of its own and says its `obs_id`);
- `vintages`: what all observations of one vintage share;
- `cells`: the name of each printed cell (`T3:BRA:internet_users_pct`) with the id and part of the record it prints;
- `release`: the release with its vintages and hashes.

The file is plain JSON and, by its `@context`, JSON-LD 1.1 in the terms of PROV-O (W3C recommendation of 2013-04-30): a
record is a `prov:Entity` that `wasDerivedFrom` its inputs and `wasGeneratedBy` its function; an observation
`hadPrimarySource` in its publisher's bytes and `wasQuotedFrom` its vintage, which is `wasAttributedTo` the producer.
Nothing is said twice, so that the file stays small.

Keys are sorted; a float is written with its point (`84.0`) and as few digits as give it back, so that a function gets
back what it was given (canonical JSON, which ids are made of, writes 84). `read_provenance` gives the records back as
they were, and checks that each id is the id of its content.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.errors import InputError, TrustError
from concordat.evidence._survey_trace import is_at_node, item_text
from concordat.evidence.locators import Body, Reading, file_of, reading_of
from concordat.evidence.observation import COLUMNS, Observation, obs_id_of, row_hash_of
from concordat.evidence.provenance import Book, Derived, Fact, Record, earlier_id, parts_of

if TYPE_CHECKING:
    from concordat.evidence.store import Release, Store

SCHEMA = "concordat/provenance@2"
CONTEXT = {
    "@version": 1.1,
    "@base": "urn:concordat:id/",
    "@vocab": "urn:concordat:term:",
    "prov": "http://www.w3.org/ns/prov#",
    "kind": "@type",
    "report": "prov:Collection",
    "observation": "prov:Entity",
    "fact": "prov:Entity",
    "derived": "prov:Entity",
    "vintage_of_data": "prov:Entity",
    "records": {"@id": "prov:hadMember", "@container": "@id"},
    "vintages": {"@id": "prov:hadMember", "@container": "@id"},
    "inputs": {"@id": "prov:wasDerivedFrom", "@type": "@id"},
    "derived_from": {"@id": "prov:wasDerivedFrom", "@type": "@id"},
    "function": {"@id": "prov:wasGeneratedBy", "@type": "@vocab"},
    "derived_by": {"@id": "prov:wasGeneratedBy", "@type": "@vocab"},
    "raw_sha256": {"@id": "prov:hadPrimarySource", "@type": "@id"},
    "sha256": {"@id": "prov:hadPrimarySource", "@type": "@id"},
    "vintage": {"@id": "prov:wasQuotedFrom", "@type": "@id"},
    "source_id": {"@id": "prov:wasAttributedTo", "@type": "@id"},
    "cells": None,
    "release": None,
}
# What all observations of one vintage share.
_SHARED = ("source_id", "dataset_id", "vintage_id", "known_from", "retrieved_at", "parser_version")
_DATES = ("period_start", "period_end", "known_from")
_FLOATS = ("value", "lower", "upper", "precision")
# What each observation says for itself, with what is left out: its default.
_OWN = {f.name: f.default for f in fields(Observation) if f.name not in ("obs_id", *_SHARED)}
_own, _shared = attrgetter(*_OWN), attrgetter(*_SHARED)


@dataclass(frozen=True, slots=True)
class Cell:
    """Which part of which record a cell prints."""

    id: str
    part: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What `provenance.json` says. `texts` are the texts at the observations' places."""

    records: Mapping[str, Record]
    cells: Mapping[str, Cell]
    texts: Mapping[str, str]
    release: Mapping[str, Any]


class RawTexts:
    """Reads the texts at observations' places out of a store's bodies, each body once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bodies: dict[tuple[str, str], Body] = {}
        self._readings: dict[tuple[str, str], Reading | None] = {}

    def text_at(self, observation: Observation) -> str:
        """The text at the observation's place; empty when it has no bytes of its own (made from other rows).

        A survey's microdata stay at the member's node; of its figure this is the item in the kept survey file.

        Raises:
            TrustError: the body is missing, was changed, or has no such place.
        """
        sha256 = observation.raw_sha256
        if not sha256:
            return ""
        if is_at_node(observation):
            return item_text(observation, self._store)
        vintage = (observation.dataset_id, observation.vintage_id)
        if vintage not in self._readings:
            known = self._store.catalog.vintage(*vintage)
            self._readings[vintage] = reading_of(known.origin) if known else None
        reading = self._readings[vintage]
        key = (sha256, observation.vintage_id if reading else "")  # one file may have been read in two ways
        if key not in self._bodies:
            name = file_of(observation.raw_locator) or f"{sha256}.json"
            self._bodies[key] = Body(self._store.raw.get(sha256), name, reading)
        return self._bodies[key].text_at(observation.raw_locator)


def provenance(
    book: Book,
    *,
    cells: Mapping[str, Cell],
    store: Store,
    observations: Iterable[Observation] = (),
    release: Release | None = None,
) -> bytes:
    """The content of `provenance.json`.

    Args:
        cells: what each printed cell shows.
        store: holds the bodies; every body used is read and its hash checked.
        observations: rows of the release, for those from which an observation of the book was made; those of an
            earlier release first.

    Raises:
        TrustError: a body is missing or was changed, or an observation is made from a row that nobody has.
    """
    records = _closure(book, observations)
    texts = RawTexts(store)
    written = {i: _record(i, r, texts.text_at(r) if isinstance(r, Observation) else "") for i, r in records.items()}
    said_of: dict[str, tuple[Any, ...]] = {}
    for record in records.values():
        if isinstance(record, Observation):
            shared = _shared(record)
            known = said_of.setdefault(_vintage(record), shared)
            assert known == shared, f"{record.obs_id} says another {shared} than its vintage {known}"
    vintages = {
        name: {"kind": "vintage_of_data"} | dict(zip(_SHARED, map(_plain, shared), strict=True))
        for name, shared in said_of.items()
    }
    for name, cell in cells.items():
        assert cell.id in records, f"{name} prints {cell.id}, which is not in the book"
        assert cell.part in parts_of(records[cell.id]), f"{name} prints a part {cell.part!r} that the record hasn't"
    document = {
        "@context": CONTEXT,
        "schema": SCHEMA,
        "kind": "report",
        "vintages": vintages,
        "records": written,
        "cells": {name: {"id": cell.id, "part": cell.part} for name, cell in cells.items()},
        "release": release.as_dict() if release else {},
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8") + b"\n"


def read_provenance(data: bytes, *, where: str = "provenance.json") -> Provenance:
    """The records, cells and release of a report.

    Raises:
        InputError: not such a file.
        TrustError: a record's id is not the id of its content.
    """
    try:
        document = json.loads(data, parse_constant=_refuse)
        if document["schema"] != SCHEMA:
            hint = "Install the version of concordat named in the report's manifest."
            raise InputError(f"says schema {document['schema']}, not {SCHEMA}.", where=where, hint=hint, code="schema")
        vintages = document["vintages"]
        records = {i: _read_record(i, row, vintages) for i, row in document["records"].items()}
        cells = {name: Cell(cell["id"], cell["part"]) for name, cell in document["cells"].items()}
        texts = {i: str(row["text"]) for i, row in document["records"].items() if "text" in row}
        release = dict(document["release"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        what = f"not a provenance file of a report ({type(error).__name__}: {error})."
        raise InputError(what, where=where, hint="Name the folder that assess wrote.", code="provenance") from None
    for record_id, record in records.items():
        _check_id(record_id, record, where)
    return Provenance(records, cells, texts, release)


def _closure(book: Book, observations: Iterable[Observation]) -> dict[str, Record]:
    """The book's records and, for observations made from other rows, those rows (of the same vintage)."""
    records: dict[str, Record] = dict(book.items())
    open_ids = [i for record_id, r in records.items() for i in made_from(record_id, r) if i not in records]
    rows: dict[str, Observation] = {}
    later = list(observations) if open_ids else []
    for o in later:
        rows[o.obs_id] = o
    while open_ids:
        record_id = open_ids.pop()
        if record_id in records:
            continue
        if record_id not in rows:  # the name of a row of an earlier release: there are some only where two are compared
            rows |= {earlier_id(o.obs_id, o.dataset_id, o.vintage_id): o for o in later}
            later = []
        if record_id not in rows:
            what = f"an observation is made from {record_id}, which is in no row of the release."
            raise TrustError(what, hint="Load the source again in an empty CONCORDAT_DATA_DIR.", code="derived_from")
        records[record_id] = rows[record_id]
        open_ids.extend(made_from(record_id, rows[record_id]))
    return records


def made_from(record_id: str, record: Record) -> tuple[str, ...]:
    """The ids of the records from which an observation was made: rows of its own vintage."""
    if not isinstance(record, Observation):
        return ()
    if record_id == record.obs_id:
        return record.derived_from
    return tuple(earlier_id(i, record.dataset_id, record.vintage_id) for i in record.derived_from)


# --- Records as JSON ----------------------------------------------------------------------------------------------


def _record(record_id: str, record: Record, text: str) -> dict[str, Any]:
    if isinstance(record, Observation):
        said = {
            name: _plain(value)
            for (name, default), value in zip(_OWN.items(), _own(record), strict=True)
            if value != default
        }
        found = {"text": text} if record.raw_sha256 else {}
        earlier = {} if record_id == record.obs_id else {"obs_id": record.obs_id}
        return {"kind": "observation", "vintage": _vintage(record), **earlier, **said, **found}
    if isinstance(record, Fact):
        place = {"file": record.file, "sha256": record.sha256, "locator": record.locator}
        return {"kind": "fact", **place, "parts": dict(record.parts)}
    content = {"parts": dict(record.parts), "parameters": dict(record.parameters)}
    return {"kind": "derived", "function": record.function, "inputs": list(record.inputs), **content}


def _vintage(o: Observation) -> str:
    """The name of an observation's vintage."""
    return f"{o.dataset_id}/{o.vintage_id}"


def _plain(value: Any) -> Any:
    if isinstance(value, date):  # and datetime
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _read_record(record_id: str, row: Mapping[str, Any], vintages: Mapping[str, Mapping[str, Any]]) -> Record:
    kind = row["kind"]
    if kind == "observation":
        return _read_observation(record_id, {**vintages[row["vintage"]], **row})
    if kind == "fact":
        return Fact(record_id, row["file"], row["sha256"], row["locator"], row["parts"])
    if kind == "derived":
        return Derived(record_id, row["function"], tuple(row["inputs"]), row["parameters"], row["parts"])
    raise ValueError(f"a record of kind {kind!r}")


def _read_observation(record_id: str, row: Mapping[str, Any]) -> Observation:
    values: dict[str, Any] = {name: row[name] for name in COLUMNS if name in row}
    for name in _DATES:
        values[name] = date.fromisoformat(values[name])
    for name in _FLOATS:
        if values.get(name) is not None:
            values[name] = float(values[name])
    values["retrieved_at"] = datetime.fromisoformat(values["retrieved_at"])
    values["derived_from"] = tuple(values.get("derived_from", ()))
    return Observation(**{"obs_id": record_id} | values)


def _check_id(record_id: str, record: Record, where: str) -> None:
    if isinstance(record, Observation):
        check_hashes(record, where=where)
        found = earlier_id(record.obs_id, record.dataset_id, record.vintage_id)
        if record_id not in (record.obs_id, found):
            raise _not_itself(record_id, found, where)
        return
    if isinstance(record, Fact):
        content: list[Any] = [record.file, record.sha256, record.locator, dict(record.parts)]
    else:
        content = [record.function, list(record.inputs), dict(record.parameters)]
    found = canonical.digest(content, floats=True)[:32]
    if found != record_id:
        raise _not_itself(record_id, found, where)


def check_hashes(o: Observation, *, where: str) -> None:
    """Check that an observation's id and hash are those of what it says.

    Raises:
        TrustError: one of them is not.
    """
    found = obs_id_of(
        indicator_id=o.indicator_id,
        area=o.area,
        period_start=o.period_start,
        period_end=o.period_end,
        breakdown=o.breakdown,
        unit=o.unit,
        source_id=o.source_id,
        dataset_id=o.dataset_id,
    )
    if found != o.obs_id:
        raise _not_itself(o.obs_id, found, where)
    found = row_hash_of(
        obs_id=o.obs_id,
        value=o.value,
        lower=o.lower,
        upper=o.upper,
        censoring=o.censoring,
        obs_status=o.obs_status,
        conf_status=o.conf_status,
    )
    if found != o.row_hash:
        raise _not_itself(o.row_hash, found, where)


def _not_itself(expected: str, found: str, where: str) -> TrustError:
    return TrustError(
        f"a record is not what it was: expected {expected}, found {found}.",
        where=where,
        hint="The file was changed after it was written; build the report again from its study.yaml.",
        code="record",
    )
