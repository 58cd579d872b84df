"""Dataclasses to rows of the store and back."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from concordat.rulebook.model import Coding, Instrument, PartialDate, Participation, Source, Unit

Row: TypeAlias = Any  # of sqlite3, or a mapping


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _list(text: str) -> tuple[Any, ...]:
    return () if text == "[]" else tuple(json.loads(text))  # most lists are empty, and reading them takes time


def _text(day: PartialDate | None) -> str | None:
    return None if day is None else day.text


def _day(text: str | None) -> PartialDate | None:
    return None if text is None else PartialDate.parse(text)


def instrument_row(i: Instrument) -> tuple[Any, ...]:
    """As `_schema.COLUMNS["instrument"]` has it."""
    dates = tuple(_text(d) for d in (i.adopted, i.signed, i.in_force, i.ended))
    return (
        i.id, i.name, i.short_name, i.type, i.form, *dates, i.status, i.binding, i.binding_note, _json(list(i.topics)),
        i.url, i.parties_note, int(i.complete), _json(list(i.evidence)), i.mark,
    )  # fmt: skip


def instrument_from(r: Row) -> Instrument:
    """The other way round."""
    dates: dict[str, Any] = {d: _day(r[d]) for d in ("adopted", "signed", "in_force", "ended")}
    lists: dict[str, Any] = {k: _list(r[k]) for k in ("topics", "evidence")}
    words = ("id", "name", "short_name", "type", "form", "status", "binding", "binding_note", "url", "parties_note")
    return Instrument(**{k: r[k] for k in words}, **dates, **lists, complete=bool(r["complete"]), mark=r["mark"])


def participation_row(p: Participation) -> tuple[Any, ...]:
    """As `_schema.COLUMNS["participation"]` has it."""
    dates = tuple(_text(d) for d in (p.signed, p.ratified, p.in_force, p.withdrawn, p.provisional))
    suspended = None if p.suspended is None else _json([_text(d) for d in p.suspended])
    towards = _json({k: _text(d) for k, d in p.in_force_towards.items()})
    lists = (_json(list(v)) for v in (p.directed_to, p.reservations, p.unknown))
    return (p.instrument, p.party, p.role, *dates, suspended, towards, *lists, p.source, p.seen_on, p.mark)


def participation_from(r: Row) -> Participation:
    """The other way round."""
    suspended = None
    if r["suspended"] is not None:
        begin, end = (_day(d) for d in json.loads(r["suspended"]))
        assert begin is not None
        suspended = (begin, end)
    dates: dict[str, Any] = {d: _day(r[d]) for d in ("signed", "ratified", "in_force", "withdrawn", "provisional")}
    lists: dict[str, Any] = {k: _list(r[k]) for k in ("directed_to", "reservations", "unknown")}
    towards = r["in_force_towards"]
    return Participation(
        instrument=r["instrument"],
        party=r["party"],
        role=r["role"],
        **dates,
        suspended=suspended,
        in_force_towards={} if towards == "{}" else {k: _day(v) for k, v in json.loads(towards).items()},
        **lists,
        source=r["source"],
        seen_on=r["seen_on"],
        mark=r["mark"],
    )


def unit_row(u: Unit) -> tuple[Any, ...]:
    """As `_schema.COLUMNS["unit"]` has it."""
    source = (u.source.sha256, u.source.start, u.source.end)
    head = (u.id, u.instrument, u.kind, u.number, u.heading, u.lang, u.order, u.parent, u.sha256)
    return (*head, *source, u.alternative_id)


def unit_from(r: Row) -> Unit:
    """The other way round; the row holds the text, too."""
    words = ("id", "instrument", "kind", "number", "heading", "text", "lang", "order", "parent", "sha256")
    source = Source(r["source_sha256"], r["source_start"], r["source_end"])
    return Unit(**{k: r[k] for k in words}, source=source, alternative_id=r["alternative_id"])


def coding_row(c: Coding) -> tuple[Any, ...]:
    """As `_schema.COLUMNS["coding"]` has it."""
    span = c.span if c.span is not None else (None, None)
    return (
        c.id, c.unit, c.provision, c.depth, _json(dict(c.flags)), c.probability, *span, c.method, c.model_version,
        c.coder, c.coded_on, c.reason, c.supersedes, c.state, c.licence,
    )  # fmt: skip


def coding_from(r: Row) -> Coding:
    """The other way round."""
    words = (
        "id", "unit", "provision", "depth", "probability", "method", "model_version", "coder", "coded_on", "reason",
        "supersedes", "state", "licence",
    )  # fmt: skip
    span = None if r["span_start"] is None else (r["span_start"], r["span_end"])
    return Coding(**{k: r[k] for k in words}, flags=json.loads(r["flags"]), span=span)
