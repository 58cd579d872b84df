"""Tables of `concordat rulebook search`, `compare` and `clause`; `import taped` and `export`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _rulebook_store as kept
from concordat.cli._evidence_tables import columns
from concordat.cli._rulebook_tables import Answer, coded, coding_facts
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.rulebook.compare import Cell
    from concordat.rulebook.search import Filters
    from concordat.rulebook.store import RuleStore

FORMATS = ("csv", "csvw", "jsonld", "akn", "taped")


def found(store: RuleStore, query: str, filters: Filters, limit: int) -> Answer:
    """Articles for a question."""
    from concordat.rulebook.search import search
    from concordat.rulebook.taxonomy import load_taxonomy

    answer = search(store, query, filters=filters, limit=limit, encoder=_encoder())
    book = load_taxonomy()
    lines = [f"Taken to be about {', '.join(f'{c} {book[c].name} {p:.2f}' for c, p in answer.provisions)}."]
    for n, hit in enumerate(answer.hits, 1):
        heading = f": {hit.unit.heading}" if hit.unit.heading else ""
        lines += ["", f"{n}. {hit.unit.id}{heading}  ({hit.score:.2f})", f'   "{_cut(hit.quote)}"']
        lines += [f"   {coded(hit.codings)}"] if hit.codings else []
    if not answer.hits:
        lines += ["", "No article found."]
    lines += ["", f"Searched by {answer.how}."]
    head = (">rank", "unit", "heading", ">score", "quote", "codings")
    table = [
        (str(n), h.unit.id, h.unit.heading, repr(h.score), h.quote, coded(h.codings))
        for n, h in enumerate(answer.hits, 1)
    ]
    facts = {
        "query": answer.query,
        "how": answer.how,
        "provisions": [{"provision": c, "probability": p} for c, p in answer.provisions],
        "hits": [
            {"unit": h.unit.id, "heading": h.unit.heading, "score": h.score, "quote": h.quote,
             "codings": [coding_facts(c) for c in h.codings]}
            for h in answer.hits
        ],
    }  # fmt: skip
    return facts, lines, (head, table)


def _encoder() -> Any:
    """Sentence vectors, where they are installed."""
    from concordat.rulebook.coder import minilm

    return minilm.load() if minilm.available() else None


def compared(store: RuleStore, names: Sequence[str], topic: str, words: bool) -> Answer:
    """Instruments side by side."""
    from concordat.rulebook.compare import compare
    from concordat.rulebook.taxonomy import load_taxonomy

    book = load_taxonomy()
    both = compare(store, names, topic=topic)
    head = ("provision", "name", *names)
    rows = [(c, book[c].name[:44], *(_cell(store, x) for x in row)) for c, row in both.cells.items()]
    lines = [*columns(head, rows)] if rows else ["No provision is coded in any of them."]
    lines += [f"{n}: no coded text." for n in both.uncoded]
    if both.stability is not None:
        lines += ["", f"Stable: {100 * both.stability:.0f} % of the cells lie outside of the band of review."]
    lines += _aligned(store, both.alignment, names, words) if both.alignment is not None else []
    table = [(c, book[c].name, *(_cell(store, x) for x in row)) for c, row in both.cells.items()]
    facts = {
        "instruments": list(names),
        "uncoded": list(both.uncoded),
        "stability": both.stability,
        "differences": both.differences(),
        "cells": {
            c: {n: None if x is None else asdict(x) | {"flags": dict(x.flags)} for n, x in zip(names, row, strict=True)}
            for c, row in both.cells.items()
        },
        "alignment": None if both.alignment is None else asdict(both.alignment),
    }
    return facts, lines, (head, table)


def _address(store: RuleStore, unit: str) -> str:
    """An address as a reader knows it: the article's printed number, and its paragraph."""
    instrument, article, *rest = unit.split("/")
    number = store.unit(f"{instrument}/{article}").number or article
    return "/".join([number, *rest])


def _cell(store: RuleStore, cell: Cell | None) -> str:
    if cell is None:
        return "-"
    depth = {0: "present", 1: "soft", 2: "binding"}[cell.depth]
    exceptions = " exc." if cell.flags.get("exceptions") else ""
    sure = "" if cell.probability is None else f" {cell.probability:.2f}"
    return f"{depth}{exceptions} {_address(store, cell.unit)}{sure}"


def _aligned(store: RuleStore, alignment: Any, names: Sequence[str], words: bool) -> list[str]:
    from concordat.rulebook.align import word_diff

    headings = {u.id: u.heading for n in names[:2] for u in store.units(n, ("article",))}
    rows = [
        (_address(store, p.a), _address(store, p.b), f"{p.score:.2f}", headings[p.a][:40], headings[p.b][:40])
        for p in alignment.pairs
    ]
    lines = [
        "",
        "Articles that answer to each other:",
        *columns((names[0], names[1], ">alike", "heading", "heading"), rows),
    ]
    lines += [f"Split or merged: {p.a} and {p.b} ({p.score:.2f})" for p in alignment.links]
    lines += [f"Moved: {p.a} stands as {p.b}" for p in alignment.moved]
    counts = [
        f"{len(side)} articles of {n} alone"
        for side, n in zip((alignment.only_a, alignment.only_b), names, strict=False)
    ]
    lines.append("; ".join(counts) + ".")
    if words:
        for pair in alignment.pairs:
            texts = [store.unit(u).text.split() for u in (pair.a, pair.b)]
            marks = {"same": "{}", "gone": "[-{}-]", "new": "{{+{}+}}"}
            runs = [marks[kind].format(" ".join(run)) for kind, run in word_diff(*texts)]
            lines += ["", f"{pair.a} against {pair.b}:", " ".join(runs)]
    return lines


def paired(store: RuleStore, a: str, b: str, words: bool) -> Answer:
    """The articles of two instruments that answer to each other; their codings are used where they have some."""
    from concordat.rulebook.compare import aligned
    from concordat.rulebook.taxonomy import load_taxonomy

    for name in (a, b):
        _ = store[name]  # an unknown one is told with the nearest
    found = aligned(store, a, b, load_taxonomy())
    lines = _aligned(store, found, (a, b), words)[1:]
    table = [(_address(store, p.a), _address(store, p.b), repr(p.score)) for p in found.pairs]
    table += [(_address(store, u), "", "") for u in found.only_a] + [("", _address(store, u), "") for u in found.only_b]
    return {"instruments": [a, b], "alignment": asdict(found)}, lines, ((a, b, ">alike"), table)


def clause(store: RuleStore, code: str, depth: int | None) -> Answer:
    """The drafting families of a provision."""
    from concordat.rulebook.compare import clauses

    families = [f for f in clauses(store, code) if depth is None or f.depth == depth]
    lines: list[str] = []
    for f in families:
        kind = {0: "no depth", 1: "soft", 2: "binding"}[f.depth]
        lines += [
            f"{f.medoid} ({kind}; {len(f.members)} articles, first in {f.first})",
            f"    {' '.join(f.text.split())}",
        ]
        others = [m for m in f.members if m != f.medoid]
        lines += [f"    variants: {', '.join(others)}", ""] if others else [""]
    head = ("provision", ">depth", "medoid", "first", ">articles", "members", "text")
    table = [
        (f.provision, str(f.depth), f.medoid, f.first, str(len(f.members)), " ".join(f.members), f.text)
        for f in families
    ]
    return (
        {"provision": code, "families": [asdict(f) for f in families]},
        lines or ["No family of that depth."],
        (head, table),
    )


def imported(store: RuleStore, path: Path, map_: Path | None) -> tuple[dict[str, Any], list[str]]:
    """A TAPED file into the store."""
    from concordat import clock
    from concordat.rulebook.readers.taped import import_taped, read_map

    columns_ = read_map(None if map_ is None else kept.read(map_), where=str(map_ or "taped_map.yaml"))
    got = import_taped(
        kept.read(path),
        name=str(path),
        instruments=store.instruments(),
        participations=store.participations(),
        columns=columns_,
        coded_on=clock.today().isoformat(),
    )
    for name in sorted({c.unit.split("/")[0] for c in got.codings}):
        store.put_whole(name)
    new = store.add_codings(got.beside(store.codings()))
    lines = [f"{len(got.matched)} agreements matched, {new} new codings (CC BY-NC-SA 4.0: kept out of exports)."]
    lines += [
        f"row {n}: {name}: not taken, {'it may be ' + ' or '.join(c) if c else 'no instrument matches'}."
        for n, name, c in got.uncertain
    ]
    lines += [f"column {c} is not in the file." for c in got.absent]
    facts = {
        "matched": len(got.matched),
        "new": new,
        "uncertain": [list(u) for u in got.uncertain],
        "absent": list(got.absent),
    }
    return facts, lines


def exported(store: RuleStore, names: Sequence[str], form: str, everything: bool) -> tuple[str, int]:
    """The text of an export, and how many codings were held back for their licence."""
    from concordat.rulebook import export

    if form not in FORMATS:
        raise InputError(f'"{form}" is not a format.', hint=f"One of: {', '.join(FORMATS)}.", code="format")
    if form == "csvw":
        return export.csvw("codings.csv"), 0
    if form == "akn":
        if len(names) != 1:
            raise InputError("Akoma Ntoso holds one instrument.", hint="Name one.", code="akn")
        return export.to_akn(store, names[0]), 0
    for name in names:
        _ = store[name]
    make = {"csv": export.to_csv, "jsonld": export.to_json_ld, "taped": export.to_taped}[form]
    made = make(store, names, everything=everything)
    return made.text, made.withheld


def _cut(text: str, most: int = 240) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
