"""What moved since the last release: the bloc's headline figures then and now, step by step, and the members' figures.

A bloc's change is taken apart by exchanging one thing after the other, in a fixed order: values that publishers
revised; years that are new; other sources, with figures new and lost; weights; members who joined or left. Each step
is a bloc figure of its own, by the rule of `evidence.aggregate`, so the steps add up to the whole change and each can
be traced. The order matters for the parts (it would not for a Shapley value, which needs 120 orders): the page says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from concordat.evidence.aggregate import derive_bloc
from concordat.evidence.provenance import BookOfTwo, Derived
from concordat.evidence.resolve import Chosen, enter, resolve
from concordat.evidence.revisions import compare
from concordat.report import cells, moved_figures
from concordat.report.cells import Counting
from concordat.report.chapter import (
    Block,
    Cell,
    Chapter,
    Code,
    Column,
    Headline,
    Missing,
    Note,
    Num,
    Paragraph,
    Row,
    Runs,
    Table,
)
from concordat.report.inputs import Inputs

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.evidence.observation import Observation
    from concordat.report.chapters.evidence import Options
    from concordat.report.earlier import Earlier

LEAD = "internet_users_pct"
STEPS = ("revised", "newer", "source", "weights", "members")
CAUSES = ("revised", "newer", "source", "new", "gone")
ROWS_ON_PAGE = 30
NAME_A_RELEASE = "concordat evidence release {}"


@dataclass(frozen=True, slots=True)
class Move:
    """One member's figure then and now.

    Attributes:
        cause: of `CAUSES`; `revised` means the same year of the same series.
        revised: the former year's figure was revised too.
    """

    indicator: Indicator
    area: str
    before: Chosen | None
    now: Chosen | None
    cause: str
    revised: bool = False


class Comparison:
    """The two sides of the comparison, ready to be counted, in one book."""

    def __init__(self, inputs: Inputs, earlier: Earlier, options: Options) -> None:
        own = [(v.dataset_id, v.vintage_id) for v in inputs.release.vintages]
        self.inputs = replace(inputs, book=BookOfTwo(inputs.book, own))
        self.earlier = earlier
        thresholds = (options.min_coverage, options.min_members)
        then = replace(self.inputs, observations=earlier.observations, chosen=earlier.chosen)
        self.now = Counting.of(self.inputs, *thresholds, options.not_after)
        self.then = Counting.of(then, *thresholds, earlier.not_after)
        self.members_then = earlier.members or inputs.who.members
        self.revised = self._revised()

    def _revised(self) -> Mapping[tuple[str, str, str], Chosen]:
        """The figures of then, of the same year, as their publishers now give them, where that is something else."""
        rows = {o.obs_id: o for o in self.inputs.observations}
        again: list[Observation] = []
        for chosen in self.earlier.chosen.values():
            row = rows.get(chosen.observation.obs_id)
            revision = None if chosen.missing or row is None else compare(chosen.observation, row)
            if row is not None and revision is not None and revision.kind == "changed":
                again.append(row)
        found = resolve(again, self.inputs.catalogue, not_after=self.earlier.not_after)
        return {key: chosen for key, chosen in found.items() if not chosen.missing}

    def moves(self, indicator: Indicator, areas: Iterable[str]) -> Iterator[Move]:
        """The figures of these areas that are not what they were."""
        before, now = self.then.figures(indicator, areas), self.now.figures(indicator, areas)
        for area in areas:
            cause = self._cause(before.get(area), now.get(area))
            if cause:
                revised = cause != "revised" and (indicator.id, area, "") in self.revised
                yield Move(indicator, area, before.get(area), now.get(area), cause, revised)

    def _cause(self, before: Chosen | None, now: Chosen | None) -> str:
        if before is None or now is None:
            return "new" if now is not None else "gone" if before is not None else ""
        a, b = before.observation, now.observation
        if a.obs_id == b.obs_id:
            revision = compare(a, b)
            return "revised" if revision is not None and revision.kind == "changed" else ""
        return "newer" if (a.source_id, a.dataset_id) == (b.source_id, b.dataset_id) else "source"

    def records(self, indicator: Indicator) -> list[Derived]:
        """The bloc's figure then, after each step, and now; without steps where it is a ratio of sums on either side.

        (Its counts and bases would have to be exchanged in step with the rates, and not every source has them.)
        """
        then, today = self.members_then, self.inputs.who.members
        ends = self.then.bloc(indicator, then), self.now.bloc(indicator, today)
        if "ratio_of_sums" in {r.parameters["used"] for r in ends}:
            return list(ends)
        wanted = sorted({*then, *today})
        before, now = self.then.figures(indicator, wanted), self.now.figures(indicator, wanted)
        revised = {a: self.revised.get((indicator.id, a, ""), c) for a, c in before.items()}
        newer = {a: now[a] if a in now and _one_series(c, now[a]) else c for a, c in revised.items()}
        steps = [self._bloc(indicator, figures, self.then, then) for figures in (revised, newer, now)]
        return [ends[0], *steps, self._bloc(indicator, now, self.now, then), ends[1]]

    def _bloc(
        self, indicator: Indicator, figures: Mapping[str, Chosen], weigh: Counting, areas: Sequence[str]
    ) -> Derived:
        """A bloc figure of members' figures out of both releases, by the weights of one of them."""
        inside = {a: c for a, c in figures.items() if a in areas}
        weights = weigh.weights(indicator, inside, areas)
        counting = self.now
        return derive_bloc(
            self.inputs.book, indicator, inside, weights, areas, counting.min_coverage, counting.min_members
        )


def _one_series(a: Chosen, b: Chosen) -> bool:
    one, two = a.observation, b.observation
    return (one.source_id, one.dataset_id) == (two.source_id, two.dataset_id)


def write(inputs: Inputs, options: Options) -> Chapter | Missing:
    """The chapter, or the line that says how to get one next year."""
    words = inputs.words
    earlier = inputs.earlier
    if earlier is None:
        name = f"{inputs.study.on:%Y-%m}"
        return Missing("moved", words.plain("chapter.moved"), words.plain("moved.none"), NAME_A_RELEASE.format(name))
    both = Comparison(inputs, earlier, options)
    indicators = _indicators(inputs, options)
    moves = [m for i in indicators for m in both.moves(i, inputs.who.all)]
    blocks: list[Block] = [*_introduction(both, moves)]
    headlines = [i for i in indicators if i.headline]
    blocks += moved_figures.slopes(both, [m for m in moves if m.indicator.headline])
    if len(inputs.who.members) > 1:
        blocks += _bloc_table(both, headlines)
    blocks += _members_tables(both, moves)
    sources = sorted({c.observation.dataset_id for m in moves for c in (m.before, m.now) if c is not None})
    title = words.plain("chapter.moved")
    return Chapter("moved", title, tuple(blocks), tuple(_headline(both, moves, headlines)), tuple(sources))


def _indicators(inputs: Inputs, options: Options) -> list[Indicator]:
    """Those of the study's topics, headline ones first."""
    found = [i for topic in options.topics for i in inputs.catalogue.by_topic(topic)]
    return sorted((i for i in found if not options.only or i.id in options.only), key=lambda i: not i.headline)


# --- Words --------------------------------------------------------------------------------------------------------


def _introduction(both: Comparison, moves: Sequence[Move]) -> Iterator[Block]:
    from concordat.report.standing import long_date

    inputs, words, earlier = both.inputs, both.inputs.words, both.earlier
    on, name = long_date(inputs, earlier.on), Code(earlier.name)
    yield Paragraph(words.text("moved.intro", name=name, on=on))
    if moves:
        yield Paragraph(words.text("moved.counts", **{cause: _count(both, moves, cause) for cause in CAUSES}))
    else:
        yield Paragraph(words.text("moved.nothing", name=name))
    if inputs.who.id and not earlier.members:
        yield Note(words.text("moved.no_bloc", on=on))
    members, then = set(inputs.who.members), set(both.members_then)
    for key, areas in (("joined", members - then), ("left", then - members)):
        if areas:
            yield Paragraph(words.text(f"moved.{key}", on=on, names=cells.names_of(inputs, areas)))


def _count(both: Comparison, moves: Sequence[Move], cause: str) -> Num:
    """How many figures moved for a reason, as a number that traces to them."""
    book = both.inputs.book
    found = [m.now if m.now is not None else m.before for m in moves if m.cause == cause]
    return both.inputs.count([enter(book, c) for c in found if c is not None])


def _headline(both: Comparison, moves: Sequence[Move], headlines: Sequence[Indicator]) -> Iterator[Headline]:
    """How far the bloc's lead figure moved; nothing when it did not."""
    inputs, words = both.inputs, both.inputs.words
    if not moves:
        return
    told: dict[str, Num | Runs | str] = {"name": both.earlier.name}
    told |= {c: _count(both, moves, c) for c in ("revised", "newer", "source")}
    lead = next((i for i in headlines if i.id == LEAD), headlines[0] if headlines else None)
    records = both.records(lead) if lead is not None and len(inputs.who.members) > 1 else []
    if lead is None or not records or not moved(records[0], records[-1]) or None in (r.parts["value"] for r in records):
        yield Headline(65, words.text("moved.headline_one", **told))
        return
    before, now = (cells.bloc_num(r, lead.unit) for r in (records[0], records[-1]))
    told |= {
        "indicator": lead.name(inputs.study.language),
        "bloc": cells.bloc_name(inputs),
        "before": before,
        "now": now,
    }
    yield Headline(65, words.text("moved.headline", **told))


# --- The bloc -----------------------------------------------------------------------------------------------------


def moved(a: Derived, b: Derived) -> bool:
    """Whether two bloc figures say something else (the same figures counted by another year's ages do not)."""
    return any(a.parts[name] != b.parts[name] for name in ("value", "lower", "upper"))


def change_unit(unit: str) -> str:
    """What a difference of two figures is in: of percentages, points."""
    return "points" if unit in ("percent", "share", "index_0_100") else unit


def _bloc_table(both: Comparison, indicators: Sequence[Indicator]) -> Iterator[Block]:
    """A row for each headline figure that moved: then, the steps, now."""
    inputs, words, language = both.inputs, both.inputs.words, both.inputs.study.language
    rows: list[tuple[Indicator, list[Derived]]] = []
    still: list[str] = []
    for indicator in indicators:
        records = both.records(indicator)
        ends = (records[0], records[-1])
        if all(r.parts["lower"] is None for r in ends):
            continue
        if not moved(*ends):
            still.append(indicator.name(language))
        else:
            rows.append((indicator, records))
    if rows:
        used = [k for k in range(len(STEPS)) if any(len(r) > 2 and moved(r[k], r[k + 1]) for _, r in rows)]
        names = ("before", *(STEPS[k] for k in used), "change", "now")
        columns = tuple(Column(n, words.plain(f"moved.column_{n}")) for n in names)
        title = words.plain("moved.bloc_table", name=cells.as_text(cells.bloc_name(inputs), inputs))
        found = tuple(Row(i.id, i.name(language), tuple(_bloc_cells(both, i, r, used)), "bloc") for i, r in rows)
        yield Table(
            "moved-bloc", title, words.plain("moved.row_indicator"), columns, found, (words.text("moved.steps"),)
        )
    if still:
        yield Note(words.text("moved.unchanged", names=words.listed(still)))


def _bloc_cells(
    both: Comparison, indicator: Indicator, records: Sequence[Derived], used: Sequence[int]
) -> Iterator[Cell]:
    inputs, unit = both.inputs, indicator.unit
    whole_text = inputs.words.plain("moved.not_apart")
    yield cells.bloc_cell(inputs, records[0], unit)
    for k in used:
        yield _step(both, records[k], records[k + 1], unit) if len(records) > 2 else Cell(text=whole_text)
    whole = inputs.book.derive("evidence.revisions.change@1", (records[0].id, records[-1].id))
    yield _change_cell(inputs, whole, unit)
    yield cells.bloc_cell(inputs, records[-1], unit)


def _step(both: Comparison, a: Derived, b: Derived, unit: str) -> Cell:
    if not moved(a, b):
        return Cell(text=both.inputs.words.plain("moved.same"))
    step = both.inputs.book.derive("evidence.revisions.change@1", (a.id, b.id))
    if step.parts["value"] is None:
        return Cell(text=both.inputs.words.plain("standing.none"))
    return Cell(main=Num(step.parts["value"], unit=change_unit(unit), id=step.id))


def _change_cell(inputs: Inputs, change: Derived, unit: str) -> Cell:
    parts = change.parts
    if parts["value"] is None and parts["lower"] is None:
        return Cell(text=inputs.words.plain("standing.none"))
    return Cell(main=cells.interval_num(parts["value"], parts["lower"], parts["upper"], change_unit(unit), change.id))


# --- The members --------------------------------------------------------------------------------------------------


def _members_tables(both: Comparison, moves: Sequence[Move]) -> Iterator[Block]:
    """All moves; where they are many, the largest on the page and the whole in XLSX and CSV."""
    words = both.inputs.words
    if not moves:
        return
    if len(moves) > ROWS_ON_PAGE:
        top = largest([m for m in moves if m.before is not None and m.now is not None] or moves, ROWS_ON_PAGE)
        title = words.plain("moved.members_top", count=len(top))
        yield _members_table(both, "moved-largest", title, top)
    whole = len(moves) <= ROWS_ON_PAGE
    yield _members_table(both, "moved-members", words.plain("moved.members_table"), moves, on_page=whole)


def largest(moves: Iterable[Move], count: int) -> list[Move]:
    """The largest moves, beside the largest figure of each indicator here.

    Revisions come first, for they contradict what was printed; then headline figures.
    """
    moves = list(moves)
    ends = {id(m): [_middle(c) for c in (m.before, m.now) if c is not None] for m in moves}
    base: dict[str, float] = {}
    for m in moves:
        base[m.indicator.id] = max(base.get(m.indicator.id, 0.0), *map(abs, ends[id(m)]))

    def size(m: Move) -> tuple[bool, bool, float, str, str]:
        whole, figures = base[m.indicator.id], ends[id(m)]
        share = abs(figures[-1] - figures[0]) / whole if whole else 0.0
        return (m.cause != "revised", not m.indicator.headline, -share, m.indicator.id, m.area)

    return sorted(moves, key=size)[:count]


def _middle(c: Chosen) -> float:
    return c.value if c.value is not None else ((c.lower or 0.0) + (c.upper or 0.0)) / 2


def _members_table(
    both: Comparison, table_id: str, title: str, moves: Sequence[Move], *, on_page: bool = True
) -> Table:
    inputs, words, language = both.inputs, both.inputs.words, both.inputs.study.language
    names = ("area", "before", "now", "change", "cause")
    columns = tuple(Column(n, words.plain(f"moved.column_{n}")) for n in names)
    rows = tuple(
        Row(
            f"{m.area}.{m.indicator.id}",
            m.indicator.name(language),
            (
                Cell(text=inputs.area_name(m.area)),
                cells.member_cell(both.then.inputs, m.indicator.id, m.area, None),
                cells.member_cell(both.inputs, m.indicator.id, m.area, None),
                _move_cell(both, m),
                Cell(text=_cause_text(both, m)),
            ),
        )
        for m in moves
    )
    return Table(table_id, title, words.plain("moved.row_figure"), columns, rows, on_page=on_page)


def _move_cell(both: Comparison, m: Move) -> Cell:
    """How far the figure moved, with the widest interval that the two evidence intervals allow."""
    if m.before is None or m.now is None:
        return Cell()
    book = both.inputs.book
    change = book.derive("evidence.revisions.change@1", [enter(book, c) for c in (m.before, m.now)])
    return _change_cell(both.inputs, change, m.indicator.unit)


def _cause_text(both: Comparison, m: Move) -> str:
    words = both.inputs.words
    if m.cause == "gone":
        now = both.inputs.chosen.get((m.indicator.id, m.area, ""))
        return words.plain("moved.cause.gone", reason=cells.reason_text(both.inputs, now.reason if now else None))
    return words.plain(f"moved.cause.{m.cause}{'_revised' if m.revised and m.cause == 'newer' else ''}")
