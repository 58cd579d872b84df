"""The rulebook's facts for other programs: CSV with CSVW metadata, JSON-LD, Akoma Ntoso, a TAPED-like sheet.

Codings under a licence that forbids it (imports of CC BY-NC-SA, models fitted on such texts) are left out unless asked
for, and how many is told. Nothing is exported that the store has not; unverified marks travel with their facts.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from concordat.errors import InputError
from concordat.evidence.csv_text import guarded
from concordat.rulebook.model import Coding, Instrument, Unit
from concordat.rulebook.readers._akn_own import SPLIT
from concordat.rulebook.taxonomy import Taxonomy, load_taxonomy

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

COLUMNS = (
    "instrument", "unit", "number", "heading", "provision", "depth", "exceptions", "dispute_settlement", "transition",
    "self_judging", "committee", "probability", "state", "method", "coder", "coded_on", "model_version", "quote",
    "licence",
)  # fmt: skip
_META = """<?xml version="1.0" encoding="UTF-8"?>
<akomaNtoso xmlns="http://docs.oasis-open.org/legaldocml/ns/akn/3.0">
<act name={name}>
<meta>
<identification source="#concordat">
<FRBRWork>
<FRBRthis value="{work}/!main"/><FRBRuri value="{work}"/><FRBRdate date="{date}" name="signed"/>
<FRBRauthor href="#parties"/><FRBRcountry value="un"/>
</FRBRWork>
<FRBRExpression>
<FRBRthis value="{work}/{lang}/!main"/><FRBRuri value="{work}/{lang}"/><FRBRdate date="{date}" name="signed"/>
<FRBRauthor href="#parties"/><FRBRlanguage language="{lang}"/>
</FRBRExpression>
<FRBRManifestation>
<FRBRthis value="{work}/{lang}/!main.xml"/><FRBRuri value="{work}/{lang}.xml"/><FRBRdate date="{date}" name="signed"/>
<FRBRauthor href="#concordat"/>
</FRBRManifestation>
</identification>
<references source="#concordat">
<TLCOrganization eId="concordat" href="/ontology/organization/concordat" showAs="Concordat"/>
<TLCOrganization eId="parties" href="/ontology/organization/parties" showAs="The parties"/>
</references>
</meta>
<preface><p><docTitle>{title}</docTitle></p></preface>"""
WORDS = {None: "", 0: "none", 1: "soft", 2: "hard"}


@dataclass(frozen=True, slots=True)
class Exported:
    """A file's text and what was left out of it for its licence."""

    text: str
    withheld: int


def free(codings: Sequence[Coding], everything: bool) -> tuple[list[Coding], int]:
    """The codings that may be handed on, and how many may not."""
    kept = [c for c in codings if everything or not c.licence or "NC" not in c.licence]
    return kept, len(codings) - len(kept)


def to_csv(store: RuleStore, names: Sequence[str] = (), *, everything: bool = False) -> Exported:
    """All current codings, a row each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    withheld = 0
    for name in names or store.ids():
        kept, left = free(store.codings(name), everything)
        withheld += left
        units = store.units_of_codings(name) if kept else {}
        writer.writerows(_row(name, c, units[c.unit]) for c in kept)
    return Exported(text.getvalue(), withheld)


def _row(name: str, c: Coding, unit: Unit) -> list[str]:
    flags = [{True: "yes", False: "no", None: ""}[c.flags.get(f)] for f in COLUMNS[6:11]]
    quote = " ".join(unit.text[slice(*c.span)].split()) if c.span is not None else ""
    sure = "" if c.probability is None else repr(c.probability)
    depth = "" if c.depth is None else str(c.depth)
    said = [name, c.unit, unit.number, unit.heading, c.provision, depth, *flags, sure, c.state, c.method, c.coder,
            c.coded_on, c.model_version, quote, c.licence]  # fmt: skip
    return [guarded(cell) for cell in said]


def csvw(url: str, book: Taxonomy | None = None) -> str:
    """CSV on the Web metadata (W3C, 2015) of `to_csv`'s table."""
    taxonomy = book or load_taxonomy()
    kinds = {"depth": "integer", "probability": "number", "coded_on": "date"}
    columns = [{"name": c, "titles": c, "datatype": kinds.get(c, "string")} for c in COLUMNS]
    data = {
        "@context": "http://www.w3.org/ns/csvw",
        "url": url,
        "dc:title": "Codings of provisions",
        "dc:source": f"taxonomy {taxonomy.hash}",
        "tableSchema": {"columns": columns, "primaryKey": ["unit", "provision"]},
    }
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def to_json_ld(store: RuleStore, names: Sequence[str] = (), *, everything: bool = False) -> Exported:
    """Instruments with parties and codings as JSON-LD (terms of schema.org where they fit, ours elsewhere)."""
    graph: list[dict[str, Any]] = []
    withheld = 0
    for name in names or store.ids():
        kept, left = free(store.codings(name), everything)
        withheld += left
        graph.append(_node(store, store[name], kept))
    context = {
        "@vocab": "https://schema.org/",
        "c": "urn:concordat:rulebook:",
        "provision": "c:provision",
        "depth": "c:depth",
        "mark": "c:mark",
        "parties": "c:parties",
        "codings": "c:codings",
    }
    text = json.dumps({"@context": context, "@graph": graph}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return Exported(text, withheld)


def _node(store: RuleStore, i: Instrument, codings: Sequence[Coding]) -> dict[str, Any]:
    dates = {k: d.text for k, d in (("adopted", i.adopted), ("signed", i.signed), ("in_force", i.in_force)) if d}
    parties = [
        {"party": p.party, "role": p.role, "in_force": p.in_force.text if p.in_force else None, "mark": p.mark,
         "source": p.source}
        for p in store.of(i.id)
    ]  # fmt: skip
    made = [
        {"unit": c.unit, "provision": c.provision, "depth": c.depth, "flags": dict(c.flags), "method": c.method,
         "probability": c.probability, "state": c.state, "license": c.licence or None}
        for c in codings
    ]  # fmt: skip
    return {
        "@id": f"urn:concordat:rulebook:{i.id}",
        "@type": "Legislation",
        "name": i.name,
        "legislationType": i.type,
        "url": i.url or None,
        **dates,
        "mark": i.mark,
        "parties": parties,
        "codings": made,
    }


def to_akn(store: RuleStore, name: str) -> str:
    """An instrument's text as Akoma Ntoso 3.0: chapters, articles, their content; addresses as eIds.

    Raises:
        InputError: an unknown instrument, or one whose text is not loaded.
    """
    instrument, units = store[name], store.units(name)
    if not units:
        hint = f"Load it: concordat rulebook load FILE --as {name}"
        raise InputError(f"the text of {name} is not loaded.", hint=hint, code="no_text")
    lang = {"en": "eng", "es": "spa", "fr": "fra", "pt": "por", "zh": "zho", "ru": "rus"}.get(
        units[0].lang if units else "en", "und"
    )
    day = instrument.signed or instrument.adopted or instrument.in_force
    date = day.first.isoformat() if day is not None else "1900-01-01"
    body = _body(units)
    work = f"/akn/un/act/{date}/{name}"
    head = _META.format(work=work, lang=lang, date=date, name=quoteattr(name), title=escape(instrument.name))
    return "\n".join([head, "<body>", *body, "</body>", "</act>", "</akomaNtoso>", ""])


def _body(units: Sequence[Unit]) -> list[str]:
    inside: dict[str, list[Unit]] = {}
    for unit in units:
        inside.setdefault(unit.parent, []).append(unit)

    def element(unit: Unit) -> list[str]:
        own = inside.get(unit.id, [])
        split = unit.kind != "chapter" and any(u.kind == "paragraph" for u in own)
        children = [u for u in own if not (split and u.kind == "paragraph")]
        name = unit.kind if unit.kind in ("chapter", "article") else "hcontainer"
        said = {"eId": _eid(unit), "wId": _rest(unit), "GUID": unit.alternative_id, "class": SPLIT if split else ""}
        said |= {"name": unit.kind} if name == "hcontainer" else {}
        attributes = "".join(f" {key}={quoteattr(value)}" for key, value in said.items() if value)
        lines = [f"<{name}{attributes}>", f"<num>{escape(unit.number)}</num>"]
        lines += [f"<heading>{escape(unit.heading)}</heading>"] if unit.heading else []
        if unit.text or not children:
            paragraphs = "".join(f"<p>{escape(line)}</p>" for line in unit.text.split("\n"))
            holder = "intro" if children else "content"
            lines.append(f"<{holder}>{paragraphs}</{holder}>")
        for child in children:
            lines += element(child)
        return [*lines, f"</{name}>"]

    return [line for unit in inside.get("", []) for line in element(unit)]


def _rest(unit: Unit) -> str:
    """An address without its instrument: `4.3` of `depa/4.3`."""
    return unit.id.split("/", 1)[1] if "/" in unit.id else unit.id


def _eid(unit: Unit) -> str:
    """An address as an eId: `depa/4.3` is `art_4.3`."""
    before = {"chapter": "chp_", "annex": "chp_", "article": "art_"}.get(unit.kind, "hcontainer_")
    return before + _rest(unit).replace("/", "__")


def to_taped(store: RuleStore, names: Sequence[str] = (), *, everything: bool = False) -> Exported:
    """A sheet like TAPED's: a row an agreement, a column a provision: none, soft, hard."""
    book = load_taxonomy()
    codes = [c for c, p in book.provisions.items() if not p.structural]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "name", "year", *codes))
    withheld = 0
    for name in names or store.with_text():
        kept, left = free(store.codings(name), everything)
        withheld += left
        deepest: dict[str, int] = {}
        for coding in kept:
            deepest[coding.provision] = max(deepest.get(coding.provision, 0), coding.depth or 0)
        instrument = store[name]
        day = instrument.signed or instrument.adopted or instrument.in_force
        year = str(day.first.year) if day is not None else ""
        writer.writerow((name, guarded(instrument.name), year, *(WORDS[deepest.get(c, 0)] for c in codes)))
    return Exported(text.getvalue(), withheld)
