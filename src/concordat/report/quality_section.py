"""The data-quality annex: what covers whom, from which years, what is stale, censored, odd, out of use, in conflict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from concordat.evidence.aggregate import derive_with_other
from concordat.evidence.conflicts import Conflict, find_conflicts
from concordat.evidence.resolve import Chosen, enter
from concordat.report import cells, quality_places, quality_revisions
from concordat.report.cells import Counting
from concordat.report.chapter import Block, Cell, Chapter, Code, Column, Headline, Note, Num, Paragraph, Row, Table
from concordat.report.inputs import Inputs
from concordat.report.standing import coverage_num

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.evidence.observation import Observation
    from concordat.evidence.quality import Finding
    from concordat.report.chapters.evidence import Options

PULL = "concordat evidence pull worldbank"
LISTED = ("zero_suspicious", "bounds", "duplicate_key", "unit_unknown", "total_outside_parts", "jump", "dropped_old",
          "remark_contradicts_year")  # fmt: skip
MARKED = ("stale",)  # marked beside the figure wherever it is printed, so the list itself is kept off the page
ROWS_ON_PAGE = 40


def write(inputs: Inputs, options: Options) -> Chapter:
    """The chapter."""
    words, who = inputs.words, inputs.who
    counting = Counting.of(inputs, options.min_coverage, options.min_members, options.not_after)
    indicators = [i for topic in options.topics for i in inputs.catalogue.by_topic(topic)]
    if options.only:
        indicators = [i for i in indicators if i.id in options.only]
    loaded = {o.indicator_id for o in inputs.observations if not o.breakdown}
    with_source = [i for i in indicators if i.id in loaded]
    conflicts = [c for c in find_conflicts(inputs.observations, inputs.catalogue) if c.area in who.all]
    findings = [f for f in inputs.findings if f.area in who.all or f.rule == "unverified_code"]
    blocks: list[Block] = [Paragraph(words.text("quality.intro"))]
    blocks.append(_coverage(counting, with_source))
    blocks.append(_rules(inputs, findings))
    blocks += _listed(inputs, findings, LISTED, "listed")
    blocks += _listed(inputs, findings, MARKED, "marked")
    others = [f for f in inputs.findings if f.quarantined and f.area not in who.all]
    blocks += _listed(inputs, others, sorted({f.rule for f in others}), "elsewhere")
    blocks += _codes(inputs)
    blocks += _conflicts(counting, conflicts)
    blocks += _printed_world(counting, with_source)
    blocks += quality_revisions.write(inputs)
    headlines = tuple(_headlines(counting, with_source, conflicts))
    return Chapter("quality", words.plain("quality.title"), tuple(blocks), headlines)


def _coverage(counting: Counting, indicators: Sequence[Indicator]) -> Table:
    """A row per indicator: who has a figure, how much weight that is, which years, how many stale and censored."""
    inputs, words, language = counting.inputs, counting.inputs.words, counting.inputs.study.language
    names = ("have", "covered", "oldest", "newest", "stale", "censored")
    columns = tuple(Column(n, words.plain(f"quality.column_{n}"), "share" if n == "covered" else "") for n in names)
    rows: list[Row] = []
    for indicator in indicators:
        record = counting.bloc(indicator, inputs.who.members)
        figures = counting.figures(indicator, inputs.who.members)
        years = [
            Cell(main=Num(record.parts[part], unit="year", id=record.id, part=part))
            if record.parts[part] is not None
            else Cell(text=words.plain("standing.none"))
            for part in ("year_min", "year_max")
        ]
        found = (
            Cell(main=Num(record.parts["have"], unit="count", id=record.id, part="have")),
            Cell(main=coverage_num(record)),
            *years,
            _count(inputs, [c for c in figures.values() if c.stale]),
            _count(inputs, [c for c in figures.values() if c.observation.value is None]),
        )
        rows.append(Row(indicator.id, indicator.name(language), found))
    title, head = words.plain("quality.coverage_table"), words.plain("quality.row_indicator")
    return Table("quality-coverage", title, head, columns, tuple(rows))


def _count(inputs: Inputs, chosen: Iterable[Chosen]) -> Cell:
    return Cell(main=inputs.count([enter(inputs.book, c) for c in chosen]))


def _rules(inputs: Inputs, findings: Sequence[Finding]) -> Table:
    """A row per rule: how often it fired for these members."""
    from concordat.evidence.quality import RULES

    words = inputs.words
    fired = Counter(f.rule for f in findings)
    found = {o.obs_id: o for o in inputs.observations}
    columns = (
        Column("figures", words.plain("quality.column_figures")),
        Column("meaning", words.plain("quality.column_meaning")),
    )
    places = quality_places.Places.of(inputs)
    rows = []
    for rule in RULES:
        about = [f for f in findings if f.rule == rule]
        ids = sorted({f.observations[-1] for f in about if f.observations and f.observations[-1] in found})
        if len(ids) == fired[rule]:
            number = Cell(main=inputs.count([inputs.book.observe(found[i]) for i in ids]))
        else:
            number = Cell(main=inputs.count([places.fact(f) for f in about]))
        rows.append(
            Row(
                rule, words.plain(f"quality.rule_name.{rule}"), (number, Cell(text=words.plain(f"quality.rule.{rule}")))
            )
        )
    title, head = words.plain("quality.rules_table"), words.plain("quality.row_rule")
    return Table("quality-rules", title, head, columns, tuple(rows))


def _listed(inputs: Inputs, findings: Sequence[Finding], rules: Sequence[str], key: str) -> Iterator[Table]:
    """Each finding of some rules about a member's figure, with the figure."""
    words, language = inputs.words, inputs.study.language
    found = {o.obs_id: o for o in inputs.observations}
    rows: list[Row] = []
    numbers: Counter[str] = Counter()
    about_rules = [f for f in findings if f.rule in rules]
    for f in sorted(about_rules, key=lambda f: (rules.index(f.rule), f.indicator_id, f.area)):
        o = found.get(f.observations[-1]) if f.observations else None
        if o is None:
            continue
        row_id = f"{f.rule}.{f.area}.{f.indicator_id}"
        numbers[row_id] += 1
        if numbers[row_id] > 1:
            row_id += f".{numbers[row_id]}"
        indicator = inputs.catalogue.indicators.get(f.indicator_id)
        name = indicator.name(language) if indicator else f.indicator_id
        name = cells.with_breakdown(inputs, name, o.breakdown)
        cell = _observed(inputs, o)
        about = (Cell(text=inputs.area_name(f.area)), Cell(text=name), cell, *_others(inputs, f, found))
        rows.append(Row(row_id, words.plain(f"quality.rule_name.{f.rule}"), about))
    if rows:
        names = ("area", "indicator", "figure", "part_1", "part_2")
        columns = tuple(Column(n, words.plain(f"quality.column_{n}")) for n in names)
        title, head = words.plain(f"quality.{key}_table"), words.plain("quality.row_rule")
        short = key != "marked" and len(rows) <= ROWS_ON_PAGE
        yield Table(f"quality-{key}", title, head, columns, tuple(rows), on_page=short)


def _observed(inputs: Inputs, o: Observation) -> Cell:
    if o.value is None and o.lower is None:
        return Cell(text=cells.reason_text(inputs, o.missing_reason))
    value, lower, upper = (None if n is None else n * 10**o.unit_mult for n in (o.value, o.lower, o.upper))
    censored = o.value is None
    num = Num(value, lower if censored else None, upper if censored else None, o.unit, inputs.book.observe(o))
    return Cell(main=num, year=Num(o.year, unit="year", id=num.id, part="year"), source=o.dataset_id)


def _others(inputs: Inputs, finding: Finding, found: dict[str, Observation]) -> Iterator[Cell]:
    """The figures that the finding compares with: parts of a total, the year before a jump."""
    others = [found[i] for i in finding.observations[:-1] if i in found][:2]
    for o in others:
        yield _observed(inputs, o)
    for _ in range(2 - len(others)):
        yield Cell()


def _codes(inputs: Inputs) -> Iterator[Table]:
    """The sources' codes that nobody has checked, with the indicator that each is read as."""
    words, language = inputs.words, inputs.study.language
    rows: list[Row] = []
    found = {(f.indicator_id, f.where, f.vintage_id) for f in inputs.findings if f.rule == "unverified_code"}
    datasets = {v.id: v.dataset_id for v in inputs.vintages}
    for indicator_id, place, vintage_id in sorted(found):
        indicator = inputs.catalogue.indicators.get(indicator_id)
        name = indicator.name(language) if indicator else indicator_id
        source = Cell(text=datasets.get(vintage_id, ""), code=True)
        rows.append(Row(f"code.{len(rows) + 1}", name, (source, Cell(text=place, code=True))))
    if rows:
        columns = tuple(Column(n, words.plain(f"quality.column_{n}")) for n in ("dataset", "code"))
        title, head = words.plain("quality.codes_table"), words.plain("quality.row_indicator")
        yield Table("quality-codes", title, head, columns, tuple(rows), on_page=len(rows) <= ROWS_ON_PAGE)


def _conflicts(counting: Counting, conflicts: Sequence[Conflict]) -> Iterator[Block]:
    """Both values, which was chosen, and what the bloc's figure would be with the other; or why none can be found."""
    inputs, words, language = counting.inputs, counting.inputs.words, counting.inputs.study.language
    if not conflicts:
        one = len({o.source_id for o in inputs.observations}) == 1
        yield Note(words.text("quality.one_source" if one else "quality.no_conflicts", command=Code(PULL)))
        return
    rows: list[Row] = []
    numbers: Counter[str] = Counter()
    for c in conflicts:
        chosen = inputs.chosen.get((c.indicator_id, c.area, c.breakdown))
        used = chosen is not None and chosen.observation.obs_id in (c.first.obs_id, c.second.obs_id)
        other = c.second if chosen is None or chosen.observation.obs_id == c.first.obs_id else c.first
        cell = Cell(text=words.plain("quality.not_used"))
        indicator = inputs.catalogue.indicators[c.indicator_id]
        if used:
            cell = Cell(text=words.plain("standing.none"))
        if used and not c.breakdown:
            areas = inputs.who.members if c.area in inputs.who.members else inputs.who.all
            changed = derive_with_other(inputs.book, counting.bloc(indicator, areas), other)
            if changed is not None and changed.parts["lower"] is not None:
                cell = Cell(main=cells.bloc_num(changed, indicator.unit))
        chose = words.plain("quality.not_used")
        if used:
            chose = words.plain("quality.used_second" if other is c.first else "quality.used_first")
        name = cells.with_breakdown(inputs, indicator.name(language), c.breakdown)
        about = (Cell(text=name), _observed(inputs, c.first), _observed(inputs, c.second), Cell(text=chose), cell)
        row_id = f"{c.area}.{c.indicator_id}.{c.year}"
        numbers[row_id] += 1
        row_id += f".{numbers[row_id]}" if numbers[row_id] > 1 else ""
        rows.append(Row(row_id, inputs.area_name(c.area), about))
    names = ("indicator", "first", "second", "used", "with_other")
    columns = tuple(Column(n, words.plain(f"quality.column_{n}")) for n in names)
    title, head = words.plain("quality.conflicts_table"), words.plain("standing.row_title")
    yield Table("quality-conflicts", title, head, columns, tuple(rows), on_page=len(rows) <= ROWS_ON_PAGE)


def _printed_world(counting: Counting, indicators: Sequence[Indicator]) -> Iterator[Block]:
    """The publisher's own figure for the world beside ours on the bloc's rule; nothing above uses the printed one."""
    inputs, words, language = counting.inputs, counting.inputs.words, counting.inputs.study.language
    rows = []
    for indicator in indicators:
        chosen = inputs.chosen.get((indicator.id, "WLD", ""))
        if chosen is None or chosen.missing or not indicator.headline:
            continue
        ours = cells.bloc_cell(inputs, counting.bloc(indicator, inputs.world), indicator.unit)
        printed = _observed(inputs, chosen.observation)
        rows.append(Row(indicator.id, indicator.name(language), (ours, printed)))
    if rows and inputs.study.compare_with_world:
        columns = tuple(Column(n, words.plain(f"quality.column_{n}")) for n in ("world_ours", "world_printed"))
        title, head = words.plain("quality.world_table"), words.plain("quality.row_indicator")
        yield Table("quality-world", title, head, columns, tuple(rows))


def _headlines(
    counting: Counting, indicators: Sequence[Indicator], conflicts: Sequence[Conflict]
) -> Iterator[Headline]:
    """How sure we are: coverage, stale and censored figures, conflicts."""
    inputs, words, who = counting.inputs, counting.inputs.words, counting.inputs.who
    all_figures = [c for i in indicators for c in counting.figures(i, who.members).values()]
    if not all_figures:
        return
    records = [counting.bloc(i, who.members) for i in indicators]
    whole = [r.id for r in records if r.parts["have"] == r.parts["n_total"]]

    def counted(chosen: Iterable[Chosen]) -> Num:
        return inputs.count([enter(inputs.book, c) for c in chosen])

    stale, censored = (
        counted(c for c in all_figures if c.stale),
        counted(c for c in all_figures if c.observation.value is None),
    )
    one = len({o.source_id for o in inputs.observations}) == 1
    runs = words.text(
        "quality.headline_one_member" if len(who.members) == 1 else "quality.headline",
        whole=inputs.count(whole),
        loaded=inputs.count([r.id for r in records]),
        stale=stale,
        censored=censored,
    )
    tail = (
        words.text("quality.headline_one_source")
        if one
        else words.text("quality.headline_conflicts", conflicts=_conflict_count(inputs, conflicts))
    )
    yield Headline(70, words.sentences(runs, tail))


def _conflict_count(inputs: Inputs, conflicts: Sequence[Conflict]) -> Num:
    return inputs.count([inputs.book.observe(c.first) for c in conflicts])
