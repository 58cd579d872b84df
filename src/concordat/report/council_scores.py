"""The scores of a review: coverage, agreement, members, commitments, cells, and what moved since the review before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from concordat.figures import numbers
from concordat.figures.dots import DotRow, Rule, dot_plot
from concordat.figures.heat import HeatCell, heat_table_spec
from concordat.report.chapter import Block, Cell, Column, Figure, Note, Num, Paragraph, Row, Runs, Table
from concordat.report.inputs import LARGE_BLOC

if TYPE_CHECKING:
    from concordat.evidence.provenance import Derived
    from concordat.report.council_section import Log

ROWS_ON_PAGE = 30
COLUMNS_MAX = 25
NONE = "·"
REASONS = ("no_target", "proposed", "no_figure", "no_indicator")
STEPS = {
    "no evidence": "none",
    "not started": "not_started",
    "limited": "limited",
    "substantial": "substantial",
    "complete": "complete",
}


def blocks(log: Log) -> Iterator[Block]:
    """All of it; where no review is far enough, a line that says so."""
    words = log.inputs.words
    if log.review is None or log.cycle is None:
        count = log.inputs.count(log.facts("commitment"))
        yield Paragraph(words.text("council.no_review", count=count))
        return
    yield Paragraph(_coverage(log, log.review, log.cycle))
    yield Paragraph(agreement(log, log.review))
    yield Note(words.text("council.limits"), "warning")
    yield from _members(log, log.review)
    yield from _commitments(log, log.review, log.cycle)
    yield from _cells(log, log.review, log.cycle)
    yield from _evidence(log, log.review, log.cycle)
    yield from _moved(log)


def _coverage(log: Log, review: Derived, cycle: Mapping[str, Any]) -> Runs:
    from concordat.report.council_section import sure

    words = log.inputs.words
    told: dict[str, Any] = {name: sure(review, name) for name in ("assessed", "registered")}
    told |= {"year": str(cycle["year"]), "selection": cycle["selection"]}
    runs = words.text("council.coverage", **told)
    if cycle["status"] not in ("final", "adopted"):
        runs = words.sentences(runs, words.text("council.draft"))
    return runs


def label(review: Derived) -> str:
    """The end of the keys of what is said of figures that rest on codes: `_tentative`, `_unreliable` or nothing."""
    return f"_{review.parts['label']}" if review.parts["label"] in ("tentative", "unreliable") else ""


def agreement(log: Log, review: Derived) -> Runs:
    """How many coded, and how far they agree."""
    from concordat.report.council_section import num, sure

    words = log.inputs.words
    told: dict[str, Any] = {name: sure(review, name) for name in ("coders", "codes", "differ", "cells", "blank")}
    runs = words.text("council.coders", **told)
    alpha = num(review, "alpha", "ratio", 2)
    if alpha is None:
        return words.sentences(runs, words.text("council.alpha_undefined"))
    return words.sentences(runs, words.text(f"council.alpha{label(review)}", alpha=alpha))


def _short(log: Log, review: Derived, cycle: Mapping[str, Any] | None) -> Runs:
    """The same in few words, below every table of scores."""
    from concordat.report.council_section import num, sure

    words = log.inputs.words
    alpha = num(review, "alpha", "ratio", 2)
    if alpha is None:
        return words.text("council.alpha_undefined")
    told: dict[str, Any] = {"year": str((cycle or {}).get("year", "")), "coders": sure(review, "coders")}
    return words.text(f"council.alpha_note{label(review)}", alpha=alpha, **told)


def _cell(log: Log, record: Derived, part: str, unit: str, decimals: int | None = None) -> Cell:
    from concordat.report.council_section import num

    found = num(record, part, unit, decimals)
    return Cell(text=log.inputs.words.plain("council.nothing")) if found is None else Cell(main=found)


# --- Members ------------------------------------------------------------------------------------------------------


def _members(log: Log, review: Derived) -> Iterator[Block]:
    table = _members_table(log, review)
    if not log.inputs.who.large:
        yield _members_figure(log, review, table)
    yield table


def _scored(log: Log, review: Derived) -> list[str]:
    """The members of the review: by name; with a league table by rank."""
    found = [n.removeprefix("n_") for n in review.parts if n.startswith("n_") and f"member_{n[2:]}" in review.parts]
    by_name = sorted(found, key=log.by_name)
    if not log.options.league:
        return by_name
    return sorted(by_name, key=lambda m: review.parts.get(f"rank_{m}", len(by_name) + 1))


def _members_table(log: Log, review: Derived) -> Table:
    words, league = log.inputs.words, log.options.league
    names = ("score", *(("rank",) if league else ()), "n", "human", "evidence", "gap")
    rows = [_members_row(log, review, m, f"_{m}", log.name(m), "member") for m in _scored(log, review)]
    rows.append(_members_row(log, review, log.inputs.who.id, "", log.inputs.bloc_label, "bloc"))
    columns = tuple(Column(n, words.plain(f"council.column.{n}")) for n in names)
    notes = (_short(log, review, log.cycle), words.text("council.members_note"))
    title = words.plain("council.members_table")
    on_page = len(rows) <= LARGE_BLOC + 1
    return Table(
        "commitments-members", title, words.plain("council.member"), columns, tuple(rows), notes, on_page=on_page
    )


def _members_row(log: Log, review: Derived, key: str, end: str, title: str, kind: Any) -> Row:
    words, parts = log.inputs.words, review.parts
    line = [_cell(log, review, f"member{end}" if end else "bloc", "percent", 0)]
    if log.options.league:
        rank = parts.get(f"rank{end}")
        ends = (parts.get(f"rank{end}_lower"), parts.get(f"rank{end}_upper"))
        place = Num(None, *ends, "rank", review.id, part=f"rank{end}")
        line.append(Cell(text=words.plain("council.nothing")) if rank is None else Cell(main=place))
    line.append(_cell(log, review, f"n{end}" if end else "assessed", "count"))
    line += [_cell(log, review, f"{name}{end}", "ratio", 2) for name in ("human", "evidence", "gap")]
    if parts.get(f"flagged{end}"):
        line[-1] = replace(line[-1], text=words.plain("council.flagged"))
    return Row(key, title, tuple(line), kind)


def _members_figure(log: Log, review: Derived, table: Table) -> Figure:
    from concordat.report.council_section import num

    words, language = log.inputs.words, log.inputs.study.language
    rows = []
    for member in _scored(log, review):
        found = num(review, f"member_{member}", "percent", 0)
        if found is None:
            rows.append(DotRow(log.name(member), None, None, None, words.plain("council.nothing")))
            continue
        text = numbers.format_num(Num(found.value, unit="percent", decimals=0), language, style="cell")
        value, low, high = (None if v is None else float(v) for v in (found.value, found.lower, found.upper))
        rows.append(DotRow(log.name(member), value, low, high, text, found.id, found.part))
    bloc = num(review, "bloc", "percent", 0)
    rules = []
    if bloc is not None and bloc.value is not None:
        text = numbers.in_sentence(
            numbers.format_num(Num(bloc.value, unit="percent", decimals=0), language, style="cell"), language
        )
        rules.append(Rule(log.inputs.bloc_label, float(bloc.value), text, bloc.id, "bloc"))
    spec = dot_plot(rows, unit="percent", rules=rules, language=language, bounds=(0, 100))
    title, alt = words.plain("council.figure_members"), words.plain("council.figure_members_alt", count=len(rows))
    return Figure("commitments-members", title, spec, table, alt, words.text("council.figure_members_caption"))


# --- Commitments --------------------------------------------------------------------------------------------------


def _commitments(log: Log, review: Derived, cycle: Mapping[str, Any]) -> Iterator[Block]:
    """Every commitment with step and score; below, those with evidence, coders and evidence side by side."""
    words, parts = log.inputs.words, review.parts
    year, head = str(cycle["year"]), words.plain("council.commitment")
    rows, shown = [], []
    for key in cycle["chosen"]:
        pledge = log.find("commitment", key)
        assert pledge is not None
        line = [Cell(text=_step(log, review, key)), _cell(log, review, f"score_{key}", "percent", 0)]
        line += [_cell(log, review, f"{part}_{key}", "count") for part in ("n", "differ")]
        rows.append(Row(key, pledge["what"], tuple(line)))
        if parts[f"g_{key}"] is not None:
            line = [_cell(log, review, f"{part}_{key}", "ratio", 2) for part in ("h", "e", "g")]
            line.append(_cell(log, review, f"en_{key}", "count"))
            shown.append(Row(key, pledge["what"], tuple(line)))
    short, names = _short(log, review, cycle), ("step", "score", "members", "differ")
    columns = tuple(Column(n, words.plain(f"council.column.{n}")) for n in names)
    title, notes = words.plain("council.commitments_table", year=year), (short, words.text("council.commitments_note"))
    yield Table("commitments", title, head, columns, tuple(rows), notes, on_page=len(rows) <= ROWS_ON_PAGE)
    if shown:
        names = ("human", "evidence", "gap", "members_with")
        columns = tuple(Column(n, words.plain(f"council.column.{n}")) for n in names)
        title, notes = words.plain("council.gaps_table", year=year), (short, words.text("council.gaps_note"))
        yield Table("commitments-gaps", title, head, columns, tuple(shown), notes, on_page=len(shown) <= ROWS_ON_PAGE)


def _step(log: Log, review: Derived, key: str) -> str:
    """The step of a commitment, or why there is no evidence."""
    words, parts = log.inputs.words, review.parts
    step = words.plain(f"council.step.{STEPS[parts[f'step_{key}']]}")
    why = str(parts[f"why_{key}"])
    if not why:
        return step
    reason = words.plain(f"council.why.{why}") if why in REASONS else why
    return words.plain("page.in_brackets", text=step, inside=reason)


def _cells(log: Log, review: Derived, cycle: Mapping[str, Any]) -> Iterator[Block]:
    """The cells of a review, each with its score, as a picture where it can be read."""
    words, language = log.inputs.words, log.inputs.study.language
    members = sorted(_scored(log, review), key=log.by_name)
    marks, rows = [], []
    for key in cycle["chosen"]:
        pledge = log.find("commitment", key)
        assert pledge is not None
        line = []
        for member in members:
            value = review.parts.get(f"code_{key}_{member}")
            if value is None:
                line.append(Cell(text=words.plain("council.nothing")))
                marks.append(HeatCell(pledge["what"], member, None, NONE))
                continue
            found = Num(value, unit="ratio", id=review.id, part=f"code_{key}_{member}")
            line.append(Cell(main=found))
            text = numbers.format_num(found, language, style="bare")
            marks.append(HeatCell(pledge["what"], member, round(2 * value) + 2, text, found.id, found.part))
        rows.append(Row(key, pledge["what"], tuple(line)))
    columns = tuple(Column(m, log.name(m)) for m in members)
    title = words.plain("council.cells_table")
    head, notes = words.plain("council.commitment"), (_short(log, review, cycle),)
    table = Table("commitments-cells", title, head, columns, tuple(rows), notes, on_page=False)
    if len(members) > COLUMNS_MAX or len(rows) > COLUMNS_MAX:
        yield table
        return
    spec = heat_table_spec(marks, low=words.plain("council.cells_low"), high=words.plain("council.cells_high"))
    alt = words.plain("council.figure_cells_alt", count=len(members), rows=len(rows))
    caption = words.text("council.figure_cells_caption")
    yield Figure("commitments-cells", words.plain("council.figure_cells"), spec, table, alt, caption)


def _evidence(log: Log, review: Derived, cycle: Mapping[str, Any]) -> Iterator[Block]:
    """Member by member what each indicator showed and what was due; in the data files."""
    words, parts, catalogue = log.inputs.words, review.parts, log.inputs.catalogue.indicators
    names = ("commitment", "indicator", "baseline", "observed", "year", "due", "evidence", "step")
    rows = []
    for part in parts:
        if not part.startswith("x_"):
            continue
        key, member, indicator = part.removeprefix("x_").split("_", 2)
        known = catalogue.get(log.options.indicators.get(indicator, indicator))
        unit, place = (known.unit if known else ""), f"{key}_{member}_{indicator}"
        line = [
            Cell(text=key, code=True),
            Cell(text=known.name(log.inputs.study.language) if known else indicator),
            _cell(log, review, f"from_{place}", unit),
            _cell(log, review, f"x_{place}", unit),
            _cell(log, review, f"year_{place}", "year"),
            _cell(log, review, f"due_{place}", unit),
            Cell(text=str(parts[f"why_{place}"]))
            if parts[f"why_{place}"]
            else _cell(log, review, f"ei_{place}", "ratio", 2),
            Cell(text=words.plain(f"council.step.{STEPS[parts[f'step_{key}_{member}']]}")),
        ]
        rows.append(Row(f"{member}.{key}.{indicator}", log.name(member), tuple(line), "member"))
    if rows:
        yield Table(
            "commitments-evidence",
            words.plain("council.evidence_table"),
            words.plain("council.member"),
            tuple(Column(n, words.plain(f"council.column.{n}")) for n in names),
            tuple(rows),
            _frozen(log, cycle),
            on_page=False,
        )


def _frozen(log: Log, cycle: Mapping[str, Any]) -> tuple[Runs, ...]:
    """Whether the evidence is of the release that the review froze."""
    release = log.inputs.release
    same = cycle["release"] == release.hash
    key = "council.release_same" if same else "council.release_other"
    told = {} if same else {"frozen": cycle["release"][:16]}
    return (log.inputs.words.text(key, name=release.name, **told),)


# --- What moved ---------------------------------------------------------------------------------------------------


def _moved(log: Log) -> Iterator[Block]:
    from concordat.report.council_section import sure

    words, moved = log.inputs.words, log.moved()
    if moved is None or log.before is None or log.review is None or log.cycle is None or log.cycle_before is None:
        yield Paragraph(words.text("council.moved_none"))
        return
    years = {"before": str(log.cycle_before["year"]), "now": str(log.cycle["year"])}
    members = [m for m in log.members if moved.parts.get(f"member_{m}") is not None]
    told = {"both": sure(moved, "both"), "assessed": sure(log.review, "assessed")}
    apart = [m for m in members if moved.parts[f"apart_{m}"]]
    runs = words.text("council.moved", **years, **told)
    key = "council.moved_apart" if apart else "council.moved_close"
    yield Paragraph(words.sentences(runs, words.text(key, **({"names": log.names(apart)} if apart else {}))))
    rows = []
    for key, part, title, kind in [
        *((m, f"member_{m}", log.name(m), "member") for m in members),
        (log.inputs.who.id, "bloc", log.inputs.bloc_label, "bloc"),
    ]:
        line = (
            _cell(log, log.before, part, "percent", 0),
            _cell(log, log.review, part, "percent", 0),
            _cell(log, moved, part, "points", 0),
        )
        rows.append(Row(key, title, line, kind))  # type: ignore[arg-type]
    columns = (
        Column("before", words.plain("council.column.review", year=years["before"])),
        Column("now", words.plain("council.column.review", year=years["now"])),
        Column("change", words.plain("council.column.change")),
    )
    notes = (_short(log, log.before, log.cycle_before), _short(log, log.review, log.cycle))
    title = words.plain("council.moved_table")
    on_page = len(rows) <= LARGE_BLOC + 1
    yield Table("commitments-moved", title, words.plain("council.member"), columns, tuple(rows), notes, on_page=on_page)
