"""Is this entry in the record, and who signed it? Its state in one line, what it says, what it did, and its proof.

What is shown of signatures was verified just now: the page makes the entry's proof bundle and verifies it as anybody
would, from the hash of membership version 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from concordat import canonical
from concordat.errors import StateError
from concordat.ledger.bundle import Bundle
from concordat.report.chapter import Cell, Code, Column, Note, Paragraph, Row, Table
from concordat.web.address import NotFoundError
from concordat.web.pages._council import link_to, linked, log_of, moment, record, trail
from concordat.web.site import FileForm, Laid, Link, Page, Query, Said, Section, line, never

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from concordat.ledger.entry import Entry
    from concordat.report.chapter import Block, Runs
    from concordat.report.council_section import Log
    from concordat.web.council_reader import CouncilSnapshot
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

FIELD_MAX = 2_000  # characters of one field on the page; the whole entry is in the JSON


class EntryQuery(Query):
    """An entry, by its whole id."""

    id: str = Field(description="the id of an entry: 64 hexadecimal digits", pattern="^[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class View:
    """An entry.

    Attributes:
        stage: `final`, or where it waits (`council_reader.Waiting`); `kept` for one that is not for the
            council; `not_final` for one that is, and was passed over or waits beyond what is listed.
        log, index: where it stands. batch: (view, batch) that took it up. witnesses, mirrors: who cosigned, verified;
            empty where the batch is pinned, for more may come. effect: why it had none; made: ids of what it made.
    """

    id: str
    author: str
    person: str
    keyid: str
    type: str
    scope: str
    seq: int
    prev: str
    ts: str
    membership: int
    body: Mapping[str, Any]
    stage: str
    log: str
    index: int
    batch: tuple[int, int] | None
    submitted: int
    witnesses: tuple[str, ...]
    mirrors: tuple[str, ...]
    have: int
    need: int
    missing: tuple[str, ...]
    effect: str
    made: tuple[str, ...]


def view(reader: Reader, query: EntryQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such entry here; the nearest ids are named. TrustError: its proof doesn't hold.
    """
    held = record(reader, query.id)
    taken = held.taken(query.id)
    place = held.find(query.id)
    if taken is None and place is None:
        raise NotFoundError(f"there is no entry {query.id[:16]}.. here.", hint=_near(held, query.id), code="no_entry")
    entry = taken.entry if taken is not None else place[1] if place is not None else None
    assert entry is not None
    waiting = next((w for w in held.waiting if w.id == entry.id), None)
    stage = held.stage_of(entry, {waiting.id: waiting.stage} if waiting is not None else {})
    witnesses, mirrors = ((), ()) if held.pinned else _signers(held, entry)
    return View(
        entry.id, entry.author, entry.person, entry.keyid, entry.type, entry.scope, entry.seq, entry.prev, entry.ts,
        entry.membership, entry.body, stage, entry.author, entry.seq - 1, taken.at if taken else None,
        taken.submitted if taken else 0, witnesses, mirrors,
        waiting.have if waiting else len(witnesses), held.quorum, waiting.missing if waiting else (),
        _no_effect(held, entry.id), tuple(_made(held, entry.id)),
    )  # fmt: skip


def _near(held: CouncilSnapshot, entry_id: str) -> str:
    known = sorted(key for key in list(held.reader.index) if key.startswith(entry_id[:6]))[:3]
    return f"Near it are: {', '.join(known)}." if known else "See the logs: /status."


def _signers(held: CouncilSnapshot, entry: Entry) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who cosigned, from the proof as anybody verifies it; nobody while no signed head shows the entry."""
    try:
        data = held.bundle(entry.id)
    except StateError:
        return (), ()
    verdict = Bundle.parse(data).verify(held.trust)
    return verdict.witnesses, verdict.mirrors


def _no_effect(held: CouncilSnapshot, entry_id: str) -> str:
    return next((n.reason for n in held.council.no_effect if n.entry == entry_id), "")


def _made(held: CouncilSnapshot, entry_id: str) -> Iterator[str]:
    """What the entry brought into being."""
    for kind in ("proposal", "amendment", "vote", "consultation", "silence", "commitment"):
        for key, thing in sorted(held.council.things.get(kind, {}).items()):
            if thing.entry == entry_id:
                yield key
    for key, thing in sorted(held.council.things.get("dispute", {}).items()):
        if thing.entries[:1] == (entry_id,):
            yield key


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    log, held = log_of(reader, words.language), record(reader)
    title = words.text("web.title_entry", type=Code(view.type), name=log.name(view.author), state=_state(view, words))
    facts = _facts(view, log, words)
    blocks: list[Block] = []
    if view.effect:
        blocks.append(Note(line(*words.text("web.no_effect"), " ", Said(view.effect, "en")), "warning"))
    made = [link for link in (link_to(held.council, key) for key in view.made) if link]
    if made:
        runs: list[Any] = [words.plain("web.made"), " "]
        for n, link in enumerate(made[:12]):
            runs += [", ", link] if n else [link]
        blocks.append(Paragraph(line(*runs)))
    sections = [Section("said", (*blocks, _body(view, words))), Section("facts", (facts,))]
    if not held.pinned:
        link = Link(words.plain("web.proof_file"), "entry", {"id": view.id}, "proof")
        command = Code(f"concordat ledger verify {view.id}.json --trust {held.trust}")
        proof = Paragraph(line(link, ". ", *words.text("web.verify_with", command=command)))
        sections.append(Section("check", (proof,), words.plain("web.check_yourself")))
    above = trail(words, ("frame.decide", "agenda"))
    in_log = Link(view.log, "log", {"name": view.log})
    return Laid(title, tuple(sections), _lead(view, log, words), main=facts, trail=(*above, in_log))


def _state(view: View, words: Words) -> str:
    return words.plain(f"web.stage.{view.stage}")


def _lead(view: View, log: Log, words: Words) -> Runs:
    if view.batch is not None:
        batch, number = str(view.batch[1]), str(view.batch[0])
        said = words.text("web.entry_final", batch=batch, view=number, day=moment(log, view.submitted))
        if view.mirrors:
            told = {"have": str(len(view.mirrors)), "need": str(view.need)}
            return words.sentences(said, words.text("web.entry_mirrors", **told))
        return said
    if view.stage == "witnessing":
        told = {"have": str(view.have), "need": str(view.need), "names": log.names(view.missing)}
        return words.text("web.entry_witnessing", **told)
    return words.text(f"web.entry_{view.stage}")


def _body(view: View, words: Words) -> Table:
    """What it says, field by field, as it is signed."""
    rows = []
    for key, value in sorted(view.body.items()):
        text = value if isinstance(value, str) else canonical.dumps(value).decode("utf-8")
        short = text if len(text) <= FIELD_MAX else f"{text[:FIELD_MAX]} […]"
        rows.append(
            Row(
                key,
                key,
                (
                    Cell(
                        text=short,
                        runs=line(
                            Said(short),
                        ),
                    ),
                ),
            )
        )
    columns = (Column("value", words.plain("web.column.value")),)
    return Table("body", words.plain("web.what_it_says"), words.plain("web.column.field"), columns, tuple(rows))


def _facts(view: View, log: Log, words: Words) -> Table:
    nothing = words.plain("council.nothing")
    said = [("id", view.id), ("key", f"{view.person} {view.keyid}"), ("scope", view.scope), ("ts", view.ts),
            ("prev", view.prev), ("membership", str(view.membership))]  # fmt: skip
    rows = [Row(key, words.plain(f"web.fact.{key}"), (Cell(text=text, code=True),)) for key, text in said]
    where = linked(Link(words.plain("web.log_place", name=view.log, number=str(view.seq)), "log", {"name": view.log}))
    rows.append(Row("log", words.plain("web.fact.log"), (where,)))
    for key, names in (("witnesses", view.witnesses), ("mirrors", view.mirrors)):
        rows.append(Row(key, words.plain(f"web.fact.{key}"), (Cell(text=log.names(names) or nothing),)))
    columns = (Column("value", words.plain("web.column.value")),)
    return Table("entry", words.plain("web.who_signed"), words.plain("web.column.field"), columns, tuple(rows))


def proof(view: View, reader: Reader, _words: Words) -> bytes:
    """The proof bundle.

    Raises:
        StateError: no signed head shows the entry yet.
    """
    return record(reader).bundle(view.id)


PAGE = Page(
    "entry", "/entry/{id}", "decide", EntryQuery, view, layout, 10, never, ("council", "waiting"),
    {"proof": FileForm("application/json", proof, "{}.json")},
)  # fmt: skip
