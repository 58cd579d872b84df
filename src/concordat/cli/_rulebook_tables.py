"""Tables of `concordat rulebook`: instruments, provisions, an instrument's own page, its parties, the drafts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

from concordat.cli._evidence_tables import columns
from concordat.cli._rulebook_store import marked
from concordat.rulebook._decisions import rejected
from concordat.rulebook.model import Coding, Instrument, Unit

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

Table: TypeAlias = tuple[Sequence[str], Sequence[Sequence[str]]]
Answer: TypeAlias = tuple[dict[str, Any], list[str], Table]
EXAMPLE = ("instrument", "article", "evidence", "mark")


def listed(store: RuleStore, topic: str, party: str) -> Answer:
    """All instruments, or those of a topic or party."""
    from concordat.rulebook.catalogue import check_party
    from concordat.rulebook.taxonomy import load_taxonomy

    if topic:
        load_taxonomy().of(topic)
    rows = store.participations()
    if party:
        check_party(party)
    loaded = set(store.with_text())
    found = [
        i
        for i in store.instruments().values()
        if (not topic or topic[:2] in i.topics) and (not party or any(p.party == party for p in rows[i.id]))
    ]
    head = ("id", "name", "type", "binding", "in force", ">parties", "text", "mark")
    table = [
        (
            i.id,
            i.short_name,
            i.type,
            i.binding,
            i.in_force.text if i.in_force else "",
            f"{len({p.party for p in rows[i.id]})}{'' if i.complete else '+'}",
            "loaded" if i.id in loaded else "",
            i.mark,
        )
        for i in found
    ]
    short = [(*r[:1], cut(r[1], 40), *r[2:]) for r in table]
    foot = ["", f"{len(found)} instruments, {len(loaded)} with text. +: the list of parties is not complete."]
    facts = {"instruments": [{**instrument_facts(i), "text": i.id in loaded} for i in found]}
    return facts, [*columns(head, short), *foot], (head, table)


def instrument_facts(i: Instrument) -> dict[str, Any]:
    """An instrument for a program."""
    dates = {
        d: day.text if (day := getattr(i, d)) is not None else None for d in ("adopted", "signed", "in_force", "ended")
    }
    words = ("id", "name", "short_name", "type", "form", "status", "binding", "binding_note", "url", "parties_note")
    lists = {"topics": list(i.topics), "evidence": list(i.evidence)}
    return {w: getattr(i, w) for w in words} | dates | lists | {"complete": i.complete, "mark": i.mark}


def provisions(topic: str) -> Answer:
    """The taxonomy."""
    from concordat.rulebook.taxonomy import load_taxonomy

    book = load_taxonomy()
    found = book.of(topic) if topic else tuple(book.provisions.values())
    head = ("code", "topic", "name", "scale", "definition")
    table = [(p.code, book.topics[p.topic], p.name, p.scale, p.definition) for p in found]
    facts = {
        "taxonomy_sha256": book.hash,
        "provisions": [
            {
                **dict(zip(head, (p.code, p.topic, p.name, p.scale, p.definition), strict=True)),
                "example": None if p.example is None else dict(zip(EXAMPLE, p.example, strict=True)),
            }
            for p in found
        ],
    }  # fmt: skip
    lines: list[str] = []
    last = ""
    for p in found:
        if p.topic != last:
            lines += ["", f"{p.topic}  {book.topics[p.topic]}"]
            last = p.topic
        lines += [f"  {p.code}  {p.name} ({p.scale})", f"      {p.definition}"]
    return facts, lines[1:], (head, table)


def shown(store: RuleStore, name: str, number: str) -> tuple[dict[str, Any], list[str]]:
    """An instrument's own page, or one of its articles in full."""
    instrument = store[name]
    if number:
        return _unit(store, name, number)
    parties = store.of(name)
    lines = [
        f"{instrument.name} ({name})",
        f"{instrument.type}, {instrument.binding}"
        + (f" ({instrument.binding_note})" if instrument.binding_note else "")
        + f"; {marked(instrument.mark)}",
        f"Status: {instrument.status or 'not known'}",
    ]
    for word in ("adopted", "signed", "in_force", "ended"):
        if (day := getattr(instrument, word)) is not None:
            lines.append(f"{word.replace('_', ' ').capitalize()}: {day.text}")
    lines.append(f"Topics: {', '.join(instrument.topics) or 'not known'}")
    who = ", ".join(sorted({p.party for p in parties})) or "none listed"
    lines.append(f"Parties and others: {who}{'' if instrument.complete else ' (the list is not complete)'}")
    lines += [f"Note: {instrument.parties_note}"] if instrument.parties_note else []
    lines += [f"Evidence: {e}" for e in instrument.evidence]
    articles = store.units(name, ("article", "annex"))
    codings = by_unit(store.codings(name))
    if not articles:
        lines += ["", f"No text is loaded. To load one: concordat rulebook load FILE --as {name}"]
    else:
        rows = [(u.number, cut(u.heading, 60), coded(codings.get(u.id, ()))) for u in articles]
        lines += ["", *columns(("article", "heading", "coded as"), rows)]
    facts = instrument_facts(instrument) | {
        "articles": [
            {
                "unit": u.id,
                "number": u.number,
                "heading": u.heading,
                "codings": [coding_facts(c) for c in codings.get(u.id, ())],
            }
            for u in articles
        ]
    }
    return facts, lines


def _unit(store: RuleStore, name: str, number: str) -> tuple[dict[str, Any], list[str]]:
    from concordat.errors import InputError
    from concordat.settings import nearest

    units = {u.number: u for u in store.units(name, ("article", "annex"))}
    if number not in units:
        close = nearest(number, units)
        hint = f'Did you mean "{close[0]}"?' if close else "See: concordat rulebook show " + name
        raise InputError(f'{name} has no article "{number}".', hint=hint, code="unknown_unit")
    unit = units[number]
    codings = store.codings(unit=unit.id)
    lines = [f"{name}, article {unit.number}{': ' + unit.heading if unit.heading else ''}", "", unit.text, ""]
    lines += [f"Coded {coded((c,))}" for c in codings] or ["Not coded."]
    facts = {"unit": unit.id, "heading": unit.heading, "text": unit.text, "sha256": unit.sha256}
    return facts | {"codings": [coding_facts(c) for c in codings]}, lines


def by_unit(codings: Sequence[Coding]) -> dict[str, tuple[Coding, ...]]:
    """Codings by their unit."""
    found: dict[str, list[Coding]] = {}
    for coding in codings:
        found.setdefault(coding.unit, []).append(coding)
    return {unit: tuple(some) for unit, some in found.items()}


def coded(codings: Sequence[Coding]) -> str:
    """Codings in a few words: provision, depth, probability, state; "not" before what a person rejected."""
    words = []
    for c in sorted(codings, key=lambda c: (-(c.probability or 0.0), c.provision)):
        depth = {None: "", 0: "", 1: " soft", 2: " binding"}[c.depth]
        sure = f" {c.probability:.2f}" if c.probability is not None else f" ({c.method})"
        no = "not " if rejected(c) else ""
        words.append(f"{no}{c.provision}{depth}{sure}{'' if c.state == 'auto' else ' ' + c.state}")
    return "; ".join(words)


def coding_facts(c: Coding) -> dict[str, Any]:
    """A coding for a program."""
    words = (
        "id", "unit", "provision", "depth", "probability", "method", "model_version", "coder", "coded_on", "reason",
        "supersedes", "state", "licence",
    )  # fmt: skip
    return {w: getattr(c, w) for w in words} | {"flags": dict(c.flags), "span": list(c.span) if c.span else None}


def status_table(store: RuleStore, name: str, on: date) -> Answer:
    """The parties of an instrument on a day."""
    from dataclasses import asdict

    from concordat.rulebook.status import status

    instrument = store[name]
    rows = status(store, name, on)
    head = ("party", "role", "signed", "ratified", "in force", "answer", "withdrawn", "mark", "source")
    table = [
        (
            r.party, r.role, r.signed, r.ratified, _since(r.in_force, r.towards), r.answer, r.withdrawn, r.mark,
            r.source,
        )
        for r in rows
    ]  # fmt: skip
    shown_rows = [(*r[:7], marked(r[7]), cut(r[8], 60)) for r in table]
    lines = [f"{instrument.name} ({name}) on {on}: {marked(instrument.mark)}", f"Status: {instrument.status}", ""]
    lines += columns(head, shown_rows) if rows else ["No party is listed."]
    for r in rows:
        if r.provisional:
            lines.append(f"{r.party}: applied provisionally from {r.provisional}.")
        lines += [f"{r.party} made a reservation: {w}" for w in r.reservations]
        lines += [f"{r.party}: {r.conflict}."] if r.conflict else []
    if not instrument.complete:
        lines += ["", "The list is not complete: whoever is not in it may be a party all the same."]
    facts = {
        "instrument": name,
        "on": on.isoformat(),
        "complete": instrument.complete,
        "rows": [asdict(r) for r in rows],
    }
    return facts, lines, (head, table)


def _since(day: str, towards: Mapping[str, str]) -> str:
    """Entry into force, and towards whom it differs: "2024-12-15; AUS 2024-12-24; CAN, MEX not known"."""
    some = [f"{party} {since}" for party, since in towards.items() if since != "unknown"]
    open_ = ", ".join(party for party, since in towards.items() if since == "unknown")
    words = (day, *some, f"{open_} not known" if open_ else "")
    return "; ".join(w for w in words if w)


def drafts(document: str, agenda: bool) -> Answer:
    """The proposals of the five source documents."""
    from dataclasses import asdict

    from concordat.rulebook.seeds import load_seeds

    seeds = load_seeds()
    if document:
        _ = seeds[document]
    found = [d for d in seeds.drafts() if (not document or d.instrument == document) and (d.agenda or not agenda)]
    head = ("id", "document", "kind", "who", "what", "due")
    table = [(d.id, d.instrument, d.kind, d.who, d.what, d.due or "none") for d in found]
    lines = [
        *columns(
            ("id", "kind", "due", "what"),
            [(d.id, d.kind, d.due or "none", cut(f"{d.who}: {d.what}", 100)) for d in found],
        )
    ]
    lines += ["", f"{len(found)} drafts. A draft is a proposal; only the council makes it a commitment."]
    return {"seeds_sha256": seeds.hash, "drafts": [asdict(d) for d in found]}, lines, (head, table)


def quoted(unit: Unit, span: tuple[int, int] | None, most: int = 160) -> str:
    """The words of a span, on one line."""
    return cut(" ".join((unit.text[slice(*span)] if span else unit.text).split()), most)


def cut(text: str, most: int) -> str:
    """A text of at most so many characters; one that was longer ends in "…"."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
