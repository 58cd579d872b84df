"""Where does this number come from? Its record, the function and inputs it was made from, down to bytes or entries.

A derived number is computed again before it is shown; an observation's row and bytes are compared with the store
(`evidence.trace`); a row of the council's record names its entries. What does not agree is said, never passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from concordat import canonical
from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Derived, parts_of, recompute
from concordat.report.chapter import Cell, Code, Column, Note, Paragraph, Row, Table
from concordat.web.address import NotFoundError
from concordat.web.pages._council import RECORD_FILE, linked
from concordat.web.site import Laid, Link, Page, Query, Said, Section, line, never

if TYPE_CHECKING:
    from concordat.evidence.provenance import Record
    from concordat.report.chapter import Block
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

INPUTS_MAX = 200
PARTS_MAX = 40


class TraceQuery(Query):
    """A record, by the beginning of its id, as `data-obs` on a page and `obs` in JSON and CSV give it."""

    id: str = Field(description="the beginning of a record's id", pattern="^[0-9a-f]{8,64}$")


@dataclass(frozen=True, slots=True)
class View:
    """A record.

    Attributes:
        kind: observation, fact or derived. parts: what it holds. inputs: (id, kind, what it is); `more` are not listed.
        steps: (what was looked at, what was found), each checked. entries: of the council's record that it comes from.
    """

    id: str
    kind: str
    title: str
    parts: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, str, str], ...]
    more: int
    steps: tuple[tuple[str, str], ...]
    entries: tuple[str, ...]


def view(reader: Reader, query: TraceQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no page of this site has printed such a number. TrustError: it is not what it was.
    """
    found = reader.record(query.id)
    if found is None:
        hint = "Open the page that prints it, then look again; ids of another release or batch are not here."
        raise NotFoundError(f"no number here has an id that begins with {query.id[:16]}.", hint=hint, code="no_record")
    record_id = found.obs_id if isinstance(found, Observation) else found.id
    parts = tuple((k, _text(v)) for k, v in sorted(parts_of(found).items()) if not isinstance(v, Mapping))[:PARTS_MAX]
    kind = "observation" if isinstance(found, Observation) else "derived" if isinstance(found, Derived) else "fact"
    inputs: tuple[tuple[str, str, str], ...] = ()
    steps: list[tuple[str, str]] = []
    if isinstance(found, Derived):
        recompute(found, reader.lookup)
        steps = [("function", found.function), ("computed again", "gives the same parts")]
        if found.parameters:
            steps.append(("parameters", _text(dict(found.parameters))))
        inputs = tuple(_input(reader, i) for i in found.inputs[:INPUTS_MAX])
    elif isinstance(found, Observation):
        steps = list(reader.checked(found))
    else:
        hashed = "hash of the state" if found.file == RECORD_FILE else "SHA-256 of the file"
        steps = [("file", found.file), (hashed, found.sha256), ("place in it", found.locator)]
    more = max(0, len(found.inputs) - INPUTS_MAX) if isinstance(found, Derived) else 0
    return View(record_id, kind, _title(found), parts, inputs, more, tuple(steps), _entries(reader, found))


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else canonical.dumps(value, floats=True).decode("utf-8")
    return text if len(text) <= 300 else text[:297] + "..."


def _title(found: Record) -> str:
    if isinstance(found, Observation):
        return f"{found.indicator_id}, {found.area}, {found.year}"
    return found.function if isinstance(found, Derived) else f"{found.file} {found.locator}"


def _input(reader: Reader, record_id: str) -> tuple[str, str, str]:
    found = reader.lookup(record_id)
    kind = "observation" if isinstance(found, Observation) else "derived" if isinstance(found, Derived) else "fact"
    return record_id, kind, _title(found)


def _entries(reader: Reader, found: Record) -> tuple[str, ...]:
    """The entries of the council's record whose ids a row names."""
    held = reader.council
    row = parts_of(found).get("row", parts_of(found)) if not isinstance(found, (Observation, Derived)) else {}
    if held is None or not row:
        return ()
    from concordat.council.record import _texts

    return tuple(dict.fromkeys(text for text in _texts(dict(row)) if held.taken(text)))[:INPUTS_MAX]


def layout(view: View, _reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    made = [_pairs("parts", view.parts, words), _pairs("steps", view.steps, words), _inputs(view, words)]
    sections = [Section(t.id, (t,)) for t in made if t.rows]
    if view.entries:
        columns = (Column("entry", words.plain("web.column.entry")),)
        rows = tuple(Row(e, e[:12], (linked(Link(words.plain("web.look_at", name=e[:12]), "entry", {"id": e})),))
                     for e in view.entries)  # fmt: skip
        table = Table("entries", words.plain("web.trace_entries"), words.plain("web.column.id"), columns, rows)
        sections.append(Section("entries", (table,)))
    if view.more:
        note: Block = Note(words.text("web.trace_more", count=str(view.more)))
        sections.append(Section("more", (note,)))
    lead = words.text(f"web.trace_{view.kind}", title=Code(view.title))
    sections.append(Section("id", (Paragraph((Code(view.id),)),)))
    return Laid(words.text("web.title_trace"), tuple(sections), lead, main=made[2] if view.inputs else made[0])


def _pairs(name: str, pairs: tuple[tuple[str, str], ...], words: Words) -> Table:
    columns = (Column("value", words.plain("web.column.value")),)
    rows = tuple(
        Row(f"{n}-{key}", key, (Cell(text=text, runs=line(Said(text, "en"))),)) for n, (key, text) in enumerate(pairs)
    )
    return Table(f"trace-{name}", words.plain(f"web.trace_{name}"), words.plain("web.column.field"), columns, rows)


def _inputs(view: View, words: Words) -> Table:
    columns = (Column("kind", words.plain("web.column.kind")), Column("title", words.plain("web.column.what")))
    rows = tuple(
        Row(key, key[:12], (Cell(text=kind), linked(Link(title, "trace", {"id": key}))))
        for key, kind, title in view.inputs
    )
    return Table("trace-inputs", words.plain("web.trace_inputs"), words.plain("web.column.id"), columns, rows)


PAGE = Page("trace", "/trace/{id}", "about", TraceQuery, view, layout, 15, never, ("evidence", "council"))
