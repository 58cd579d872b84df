"""What binds one party towards another on a day, and how hard? Instruments first, then each rule with its article.

The answer is `rulebook.binds`; what is not known stands beside it, never left out: instruments whose text is not
coded, and those of which it isn't known whether they are in force. "No instrument known to us", never "none".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.report.chapter import Cell, Column, Paragraph, Row, Table
from concordat.web.pages import _rulebook as rules
from concordat.web.site import Laid, Link, Page, Section

if TYPE_CHECKING:
    from concordat.rulebook.binds import Binds
    from concordat.rulebook.store import RuleStore
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

PARTY = r"^[A-Z]{2,3}$"


class BindsQuery(rules.DayQuery):
    """Two parties, and a day."""

    a: str = Field(pattern=PARTY, description="ISO 3166-1 alpha-3 code, or EU")
    b: str = Field(pattern=PARTY, description="another")


@dataclass(frozen=True, slots=True)
class Known:
    """An instrument in force between the two: rules is how many of its rules are coded."""

    id: str
    name: str
    binding: str
    topics: tuple[str, ...]
    since: str
    mark: str
    rules: int
    note: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: where it stands, whose duty it is (`both`, `a_to_b`, `b_to_a`), how sure that is."""

    provision: str
    name: str
    depth: int
    instrument: str
    unit: str
    article: str
    since: str
    direction: str
    probability: float | None
    via: str
    state: str
    note: str
    dispute_settlement: bool | None
    quote: str
    language: str


@dataclass(frozen=True, slots=True)
class Open:
    """An instrument of which it isn't known whether it binds both: who lacks what."""

    id: str
    name: str
    who: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The answer, with what it leaves open. beside: (id, name, what one has done, what the other has)."""

    a: str
    b: str
    on: str
    instruments: tuple[Known, ...]
    rules: tuple[Rule, ...]
    unknown: tuple[Open, ...]
    beside: tuple[tuple[str, str, str, str], ...]


def view(reader: Reader, query: BindsQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: no such party, or twice the same.
    """
    from concordat.rulebook.binds import binds

    a, b = rules.known_party(query.a), rules.known_party(query.b)
    on = rules.day(reader, query)
    with reader.rules() as store:
        found = binds(store, a, b, on=on)
        made = tuple(_rules(store, found))
        unknown = tuple(Open(u.instrument, store[u.instrument].short_name, u.who, u.missing) for u in found.unknown)
        beside = tuple((s.instrument, store[s.instrument].short_name, s.a, s.b) for s in found.beside)
        return View(a, b, on.isoformat(), tuple(_instruments(store, found, made)), made, unknown, beside)


def _rules(store: RuleStore, found: Binds) -> Iterable[Rule]:
    from concordat.rulebook.taxonomy import load_taxonomy

    book = load_taxonomy()
    shown = {(c.unit, c.provision) for r in {r.instrument for r in found.rows} for c in rules.open_codings(
        store.codings(r))}  # fmt: skip
    for r in found.rows:
        if (r.unit, r.provision) not in shown:
            continue
        article = rules.to_article(store, r.unit).text
        yield Rule(
            r.provision, book[r.provision].name, r.depth, r.instrument, r.unit, article, r.since, r.direction,
            r.probability, r.via, r.state, r.note, r.flags.get("dispute_settlement"), r.quote, store.unit(r.unit).lang,
        )  # fmt: skip


def _instruments(store: RuleStore, found: Binds, made: tuple[Rule, ...]) -> Iterable[Known]:
    """Binding ones first, then the newest: those with coded rules and those without."""
    counts: dict[str, int] = {}
    for rule in made:
        counts[rule.instrument] = counts.get(rule.instrument, 0) + 1
    facts = {r.instrument: (r.since, r.mark, r.note) for r in reversed(found.rows)}
    facts |= {u.instrument: (u.since, u.mark, u.note) for u in found.uncoded}
    for name in sorted(
        facts, key=lambda n: (store[n].binding != "binding", facts[n][0] == "", _newest(facts[n][0]), n)
    ):
        i, (since, mark, note) = store[name], facts[name]
        yield Known(name, i.short_name, i.binding, i.topics, since, mark, counts.get(name, 0), note)


def _newest(since: str) -> tuple[int, ...]:
    return tuple(-int(part) for part in since.split("-") if part)


def layout(view: View, reader: Reader, words: Words) -> Laid:
    """The answer as blocks."""
    a, b = (rules.name_of(reader, party, words.language) for party in (view.a, view.b))
    lead = words.text("web.binds_none", a=a, b=b, on=view.on)
    if view.instruments:
        counts = {"binding": sum(i.binding == "binding" for i in view.instruments), "all": len(view.instruments)}
        lead = words.text("web.binds_lead", a=a, b=b, on=view.on, **{key: str(n) for key, n in counts.items()})
    table = _instrument_table(view, words)
    sections = [Section("instruments", (table,))] if view.instruments else []
    if view.rules:
        sections.append(Section("rules", (_rule_table(view, a, b, words),)))
    elif view.instruments:
        sections.append(Section("rules", (Paragraph(words.text("web.no_rules_coded")),)))
    if view.unknown:
        rows = tuple(Row(u.id, u.name, (Cell(text=_lacking(u, words)),)) for u in view.unknown)
        columns = (Column("missing", words.plain("web.column.lacking")),)
        open_ = Table("unknown", words.plain("web.binds_unknown"), words.plain("web.column.instrument"), columns, rows)
        sections.append(Section("unknown", (open_,)))
    if view.beside:
        rows = tuple(Row(f"{i}-beside", name, (Cell(text=x), Cell(text=y))) for i, name, x, y in view.beside)
        both = (Column("a", a), Column("b", b))
        beside = Table("beside", words.plain("web.binds_beside"), words.plain("web.column.instrument"), both, rows)
        sections.append(Section("beside", (beside,)))
    named = [*((i.id, i.name) for i in view.instruments), *((u.id, u.name) for u in view.unknown)]
    links = {i: Link(name, "instrument", {"id": i}) for i, name in named}
    links |= {f"{i}-beside": Link(name, "instrument", {"id": i}) for i, name, _, _ in view.beside}
    return Laid(
        words.text("web.title_binds", a=a, b=b),
        (*sections, rules.not_advice(words)),
        lead,
        main=table if view.instruments else None,
        links_rows=links,
        trail=(Link(words.plain("frame.rules"), "rules"),),
    )


def _lacking(found: Open, words: Words) -> str:
    return "; ".join(f"{w}: {words.plain(f'web.missing.{m}')}" for w, m in zip(found.who, found.missing, strict=True))


def _instrument_table(view: View, words: Words) -> Table:
    names = ("binding", "topics", "since", "rules", "mark")
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in names)
    rows = tuple(
        Row(
            i.id,
            i.name,
            (
                Cell(text=words.plain(f"web.binding.{i.binding}") + (f" ({i.note})" if i.note else "")),
                Cell(text=", ".join(i.topics)),
                Cell(text=i.since or words.plain("web.unknown")),
                Cell(text=str(i.rules) if i.rules else words.plain("web.not_coded")),
                Cell(text=rules.mark(words, i.mark)),
            ),
        )
        for i in view.instruments
    )
    title = words.plain("web.binds_table", on=view.on)
    return Table("binds", title, words.plain("web.column.instrument"), columns, rows)


def _rule_table(view: View, a: str, b: str, words: Words) -> Table:
    names = ("depth", "article", "who", "sure", "words")
    columns = tuple(Column(n, words.plain(f"web.column.{n}")) for n in names)
    owed = {"both": words.plain("web.owed.both"), "a_to_b": a, "b_to_a": b}
    rows = tuple(
        Row(
            f"{r.provision}-{r.unit}",
            f"{r.name} ({r.provision})",
            (
                Cell(text=rules.depth(words, r.depth)),
                rules.linked(
                    Link(r.instrument, "instrument", {"id": r.instrument}), " ",
                    Link(r.article, "article", {"id": r.instrument, "article": r.unit.split("/")[1]}),
                ),
                Cell(text=owed[r.direction] + (f" ({r.via})" if r.via else "")),
                Cell(text=_sure(r, words)),
                rules.quoted(r.quote, r.language),
            ),
        )
        for r in view.rules
    )  # fmt: skip
    return Table("rules", words.plain("web.rules_coded"), words.plain("web.column.provision"), columns, rows)


def _sure(rule: Rule, words: Words) -> str:
    said = [words.plain("web.by_person") if rule.probability is None else f"P {rule.probability:.2f}"]
    if rule.state != "auto":
        said.append(words.plain(f"web.coding.{rule.state}"))
    if rule.dispute_settlement is False:
        said.append(words.plain("web.no_dispute_settlement"))
    return "; ".join([*said, *([rule.note] if rule.note else [])])


def instances(reader: Reader) -> Iterable[Mapping[str, str]]:
    """Every pair of members, each once; of a large bloc none, as they would be thousands."""
    members = sorted(reader.inputs().who.members)
    if len(members) > 20:
        return ()
    return tuple({"a": a, "b": b} for n, a in enumerate(members) for b in members[n + 1 :])


PAGE = Page("binds", "/binds/{a}/{b}", "rules", BindsQuery, view, layout, 25, instances)
