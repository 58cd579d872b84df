"""The tables of the chapter on rules: pairs, what one more signature would change, what is pending, the proposals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from concordat.report.chapter import Block, Cell, Code, Column, Num, Row, Table

if TYPE_CHECKING:
    from concordat.report.rules_section import Rules
    from concordat.rulebook._assessment_tables import RuleCell
    from concordat.rulebook.model import CommitmentDraft

ROWS_ON_PAGE = 30
# Words of the rulebook -> keys of the message catalogue.
WHY = {"applied": "applied", "signed": "signed", "half of the others joined": "most"}
STATES = {
    "applied": "applied",
    "signed, not in force": "signed",
    "takes part in talks": "talks",
    "applied provisionally": "provisional",
    "withdrawn": "withdrawn",
    "lapsed": "lapsed",
    "entry into force not known": "unknown",
    "not in force": "not",
}


def instruments(rules: Rules) -> Iterator[Block]:
    """What is in force between any two members: binding ones first, then those between most pairs."""
    from concordat.rulebook.record import between

    words, facts = rules.inputs.words, rules.wide.instruments
    found = between(rules.found)
    soft = rules.found.soft
    rows = []
    for name in sorted(found, key=lambda n: (n in soft, -found[n][0], rules.instrument(n))):
        line = [
            Cell(text=words.plain("rules.column.soft" if name in soft else "rules.column.binding")),
            Cell(main=rules.num(f"members_{name}")),
            Cell(main=rules.num(f"between_{name}")),
            Cell(text=rules.topics(facts[name].topics) or words.plain("rules.nothing")),
            Cell(text=words.plain(f"rules.mark.{facts[name].mark}")),
        ]
        short, full = rules.instrument(name), facts[name].name
        title = short if short == full else words.plain("page.in_brackets", text=full, inside=short)
        rows.append(Row(name, title, tuple(line)))
    if rows:
        names = ("kind", "members_in", "between", "topics", "mark")
        yield Table(
            "rules-instruments",
            words.plain("rules.instruments"),
            words.plain("rules.column.instrument"),
            tuple(Column(n, words.plain(f"rules.column.{n}")) for n in names),
            tuple(rows),
            on_page=len(rows) <= ROWS_ON_PAGE,
        )


def pairs(rules: Rules) -> Iterator[Block]:
    """Pairs with a binding instrument on the page, where they are not too many; all pairs in the data files."""
    words = rules.inputs.words
    if rules.inputs.who.large:  # more than 1,770 pairs; the table of instruments says between how many each is
        return
    every = [rules.cells[frozenset(pair)] for pair in combinations(rules.areas, 2)]
    bound = [c for c in every if c.binding]
    if bound:
        title = words.plain("rules.pairs_table")
        yield _pairs(rules, "rules-pairs", title, bound, on_page=len(bound) <= ROWS_ON_PAGE)
    yield _pairs(rules, "rules-pairs-all", words.plain("rules.pairs_all"), every, on_page=False)


def _pairs(rules: Rules, table_id: str, title: str, found: Iterable[RuleCell], *, on_page: bool) -> Table:
    words, whole = rules.inputs.words, not on_page
    coded = rules.found.coverage.coded > 0
    names = ["binding", "soft" if whole else "soft_count", "unknown"]
    names += (["depth", "deepest"] if coded else []) + (["topics"] if whole else []) + ["mark"]
    rows = []
    for c in found:
        soft = Cell(text=rules.named(c.soft) or words.plain("rules.nothing"))
        if not whole:
            soft = Cell(main=rules.pair_num("soft", c.a, c.b))
        line = [
            Cell(text=_binding(rules, c)),
            soft,
            Cell(text=rules.named(c.unknown) or words.plain("rules.nothing")),
            *(_depth(rules, c) if coded else ()),
            *([Cell(text=rules.topics(c.topics) or words.plain("rules.nothing"))] if whole else []),
            Cell(text=words.plain(f"rules.mark.{c.mark}") if c.mark else words.plain("rules.nothing")),
        ]
        kind = "member" if rules.counted(c.a, c.b) else "invited"
        one, other = sorted((c.a, c.b))
        rows.append(Row(f"{one}.{other}", rules.pair_name(c.a, c.b), tuple(line), kind))  # type: ignore[arg-type]
    columns = tuple(Column(n, words.plain(f"rules.column.{n}")) for n in names)
    return Table(table_id, title, words.plain("rules.pair"), columns, tuple(rows), on_page=on_page)


def _binding(rules: Rules, c: RuleCell) -> str:
    """The names of binding instruments, with who owes those that go one way; the reason where there are none."""
    words = rules.inputs.words
    if not c.binding:
        return words.plain("rules.no_instrument")
    one_way = dict(c.directed)
    said = []
    for name in c.binding:
        short = rules.instrument(name)
        if name in one_way:
            who = rules.inputs.area_name(one_way[name])
            short = words.plain("rules.towards", instrument=short, name=who)
        said.append(short)
    return words.listed(said)


def _depth(rules: Rules, c: RuleCell) -> Iterator[Cell]:
    words = rules.inputs.words
    if c.depth.value is None:
        key = {"no text coded": "no_text", "no instrument known to us": "no_instrument"}.get(c.depth.reason)
        yield Cell(text=words.plain(f"rules.{key or 'low_coverage'}"))
    else:
        part = rules.pair_part("depth", c.a, c.b)
        yield Cell(main=rules.num(part, "index_0_1", wide=not rules.counted(c.a, c.b)))
    yield Cell(text=rules.topic(c.deepest) if c.deepest else words.plain("rules.nothing"))


def candidates(rules: Rules) -> Iterator[Block]:
    """Who could join a binding instrument, why, and what it would add."""
    words, record = rules.inputs.words, rules.record
    names = ["instrument", "why", "joined"]
    coded = any(c.new is not None for c in rules.found.candidates)
    names += ["new", "deeper"] if coded else []
    rows = []
    for c in sorted(rules.found.candidates, key=lambda c: (rules.inputs.by_name(c.member), c.instrument)):
        line = [Cell(text=rules.instrument(c.instrument)), Cell(text=words.plain(f"rules.why.{WHY[c.why]}"))]
        told: list[tuple[str, int | None]] = [("joining", c.joined)]
        told += [("new", c.new), ("deeper", c.deeper)] if coded else []
        for part, value in told:
            num = Num(value, unit="count", id=record.id, part=f"{part}_{c.instrument}_{c.member}")
            line.append(Cell(text=words.plain("rules.no_text")) if value is None else Cell(main=num))
        rows.append(Row(f"{c.member}.{c.instrument}", rules.inputs.area_name(c.member), tuple(line), "member"))
    if rows:
        yield Table(
            "rules-candidates",
            words.plain("rules.candidates"),
            words.plain("rules.candidate"),
            tuple(Column(n, words.plain(f"rules.column.{n}")) for n in names),
            tuple(rows),
            (words.text("rules.candidates_note"),),
            on_page=len(rows) <= ROWS_ON_PAGE,
        )


def pending(rules: Rules) -> Iterator[Block]:
    """What members signed, applied for or had, and is not in force for them."""
    words, inputs = rules.inputs.words, rules.inputs
    rows = []
    for p in rules.found.pending:
        state = STATES[p.kind]
        members = inputs.words.listed(inputs.area_name(m) for m in sorted(p.members, key=inputs.by_name))
        line = (Cell(text=words.plain(f"rules.state.{state}")), Cell(text=members or words.plain("rules.nothing")))
        rows.append(Row(f"{p.instrument}.{state}", rules.instrument(p.instrument), line))
    if rows:
        yield Table(
            "rules-pending",
            words.plain("rules.pending"),
            words.plain("rules.column.instrument"),
            tuple(Column(n, words.plain(f"rules.column.{n}")) for n in ("state", "members")),
            tuple(rows),
            on_page=len(rows) <= ROWS_ON_PAGE,
        )


def drafts(
    rules: Rules, documents: Iterable[tuple[str, str, list[tuple[CommitmentDraft | None, bool, str]]]]
) -> Iterator[Block]:
    """How much the source documents propose; `council` alone makes commitments of it."""
    words, count = rules.inputs.words, rules.inputs.count
    rows = []
    for name, short, items in documents:
        chosen = (
            [fact for _, _, fact in items],
            [fact for draft, _, fact in items if draft is not None],
            [fact for _, agenda, fact in items if agenda],
        )
        rows.append(Row(name, short, tuple(Cell(main=count(some)) for some in chosen)))
    yield Table(
        "rules-drafts",
        words.plain("rules.drafts"),
        words.plain("rules.document"),
        tuple(Column(n, words.plain(f"rules.column.{n}")) for n in ("items", "proposals", "agenda")),
        tuple(rows),
        (words.text("rules.drafts_note", command=Code("concordat rulebook drafts")),),
    )
