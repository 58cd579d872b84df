"""The chapter on scenarios: who gains, who pays, which side payments hold it together, which rules have a known effect.

Every number is a row of the report's own `impact.json`, which building the report again from the same files gives
again. The year of the data comes first, not in a footnote. Without a scenario in the study only the rules in force are
counted (`impact_provisions`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from concordat.figures import numbers
from concordat.figures.dots import DotRow, dot_plot
from concordat.report import impact_provisions
from concordat.report.chapter import (
    Block,
    Cell,
    Chapter,
    Code,
    Column,
    Figure,
    Headline,
    Missing,
    Note,
    Num,
    Paragraph,
    Row,
    Runs,
    Table,
)
from concordat.report.inputs import IMPACT_FILE, Inputs

if TYPE_CHECKING:
    from concordat.report.impact_held import Held

ROWS_ON_PAGE, DOTS_MAX = 30, 30
INCOME, MONEY, REVENUE, WAGE = "real_income_pct", "real_income_usd", "tariff_revenue_usd", "real_wage_pct"
FIGURES_MAX = 4
RESULTS = ("effect", "bloc", "share", "stabilising", "rule")  # kinds whose numbers rest on the parameters,
OUTSIDE = ("losing", "net", "worst_pct")  # and so do these of a scenario's own row


class Rows:
    """The rows of one report's runs, each with its record."""

    def __init__(self, inputs: Inputs, held: Held) -> None:
        self.inputs, self.held = inputs, held

    def rows(self, kind: str, **keep: Any) -> list[tuple[int, dict[str, Any]]]:
        """Rows of a kind with their numbers, those that say `keep`."""
        found = enumerate(self.held.rows(kind))
        return [(n, row) for n, row in found if all(row.get(k) == v for k, v in keep.items())]

    def record(self, kind: str, number: int) -> str:
        """The record of a row."""
        row = self.held.rows(kind)[number]
        return self.inputs.book.fact(IMPACT_FILE, self.held.sha256, f"#/rows/{kind}/{number}", row)

    def num(
        self, kind: str, number: int, part: str = "value", unit: str = "percent", decimals: int | None = None
    ) -> Num | None:
        """A number of a row, with its interval where it has one."""
        row = self.held.rows(kind)[number]
        value = row.get(part)
        if value is None:
            return None
        ends = (row.get("lower"), row.get("upper")) if part == "value" else (None, None)
        marks = ("unverified",) if (kind in RESULTS or part in OUTSIDE) and self.unverified(row) else ()
        return Num(value, *ends, unit, self.record(kind, number), marks, part, decimals)

    def unverified(self, row: dict[str, Any]) -> bool:
        """Whether the scenario of a row rests on a parameter that nobody has checked."""
        return any(head["unverified"] for _, head in self.rows("scenario", scenario=row.get("scenario")))

    def cell(
        self, kind: str, number: int, part: str = "value", unit: str = "percent", decimals: int | None = None
    ) -> Cell:
        """The same as a cell."""
        found = self.num(kind, number, part, unit, decimals)
        return Cell(text=self.inputs.words.plain("scenarios.nothing")) if found is None else Cell(main=found)

    def name(self, code: str) -> str:
        """An economy's name; its code where it is no country."""
        from concordat.world import countries

        return self.inputs.area_name(code) if code in {c.iso3 for c in countries()} else code


def write(inputs: Inputs, held: Held | None) -> Chapter | Missing:
    """The chapter, or what it needs."""
    words = inputs.words
    title = words.plain("chapter.scenarios")
    asked = held is not None and (held.rows("scenario") or [f for f in held.rows("fault") if f["part"] == "scenario"])
    if held is None or not asked:
        return _without(inputs, title)
    runs = Rows(inputs, held)
    blocks: list[Block] = [Paragraph(words.text("scenarios.intro"))]
    for _, fault in runs.rows("fault"):
        if fault["part"] in ("scenario", "sharing"):
            told = {"name": Code(fault["name"]), "message": fault["what"]}
            blocks.append(Note(words.text(f"scenarios.fault_{fault['part']}", **told), "warning"))
    drawn = 0
    for number, head in runs.rows("scenario"):
        made = list(_scenario(runs, number, head, pictures=drawn < FIGURES_MAX - 1))
        drawn += sum(isinstance(b, Figure) for b in made)
        blocks += made
    blocks += impact_provisions.blocks(inputs)
    return Chapter("scenarios", title, tuple(blocks), tuple(_headlines(runs)))


def _without(inputs: Inputs, title: str) -> Chapter | Missing:
    """Without a scenario: what to load, and, where there are two or more members, the rules in force all the same."""
    words = inputs.words
    load = f"concordat assess {inputs.who.id or 'BLOC'} --scenario FILE"
    if len(inputs.who.members) < 2 or inputs.rules is None or inputs.rules.fault is not None:
        return Missing("scenarios", title, words.plain("scenarios.none"), load)
    asks = words.sentences(words.text("scenarios.none"), words.text("page.missing_load", load=Code(load)))
    return Chapter("scenarios", title, (Note(asks), *impact_provisions.blocks(inputs)))


def _headlines(runs: Rows) -> Iterator[Headline]:
    """Of the first scenario: what the bloc gains together, and how many outsiders lose."""
    words = runs.inputs.words
    for number, head in runs.rows("scenario")[:1]:
        bloc = next(
            (n for n, r in runs.rows("bloc", scenario=head["scenario"]) if r["measure"] == "weighted_pct"), None
        )
        if bloc is None or head.get("losing") is None:
            continue
        gain = runs.num("bloc", bloc, decimals=2)
        assert gain is not None
        told: dict[str, Any] = {"gain": gain, "losing": runs.num("scenario", number, "losing", "count")}
        told |= {"outside": runs.num("scenario", number, "outside", "count"), "title": head["title"]}
        told |= {"year": runs.num("scenario", number, "year", "year")}
        told["members"] = words.listed(runs.name(m) for m in head["members"])
        yield Headline(64, words.text("scenarios.headline", **told))


# --- One scenario -----------------------------------------------------------------------------------------------------


def _scenario(runs: Rows, number: int, head: dict[str, Any], *, pictures: bool) -> Iterator[Block]:
    words, id_ = runs.inputs.words, head["scenario"]
    year = runs.num("scenario", number, "year", "year")
    names = words.listed(runs.name(m) for m in head["members"])
    assert year is not None
    told: dict[str, Any] = {"title": head["title"], "year": year, "members": names, "source": head["source"]}
    yield Paragraph(words.text("scenarios.base", **told))
    if head["unverified"]:
        yield Note(words.text("scenarios.unverified", grades=", ".join(head["grades"])), "warning")
    if head["missing"]:
        lacking = words.listed(runs.name(m) for m in head["missing"])
        yield Note(words.text("scenarios.missing", names=lacking))
    table = _gains(runs, number, head)
    if pictures and len(head["members"]) <= DOTS_MAX:
        yield _gains_figure(runs, head, table)
    yield table
    yield from _outsiders(runs, number, head)
    if not head["has_revenue"]:
        yield Paragraph(words.text("scenarios.no_revenue"))
    sharing = runs.rows("share", scenario=id_)
    if sharing:
        yield from _sharing(runs, head, pictures=pictures)
    else:
        yield Note(words.text("scenarios.no_sharing", name=Code("sharing")))
    yield _parameters(runs, head)
    yield from _certificate(runs, head)


def _effect(runs: Rows, scenario: str, economy: str, measure: str) -> int | None:
    found = runs.rows("effect", scenario=scenario, economy=economy, measure=measure)
    return found[0][0] if found else None


def _gains(runs: Rows, number: int, head: dict[str, Any]) -> Table:
    """Members by gain, the bloc weighted and unweighted: percent, money, revenue apart, draws that gain."""
    words, id_ = runs.inputs.words, head["scenario"]
    measures = [INCOME, MONEY, *([REVENUE] if head["has_revenue"] else [])]
    units = {INCOME: "percent", MONEY: "usd_current", REVENUE: "usd_current"}
    rows = []
    for code in _members_by_gain(runs, head):
        line = []
        for measure in measures:
            place = _effect(runs, id_, code, measure)
            assert place is not None
            line.append(runs.cell("effect", place, unit=units[measure], decimals=2 if measure == INCOME else None))
        income = _effect(runs, id_, code, INCOME)
        assert income is not None
        line.append(runs.cell("effect", income, "gaining", "percent", 0))
        rows.append(Row(code, runs.name(code), tuple(line), "member"))
    rows += _bloc_rows(runs, head, len(measures))
    columns = [Column(m, words.plain(f"scenarios.column.{m}"), units[m]) for m in measures]
    columns.append(Column("gaining", words.plain("scenarios.column.gaining"), "percent"))
    draws = runs.num("scenario", number, "draws", "count")
    band = next((r for _, r in runs.rows("effect", scenario=id_) if r["lower"] is not None), None)
    note = words.text("scenarios.gains_note", draws=draws or "") if band else words.text("scenarios.no_band")
    title, first = words.plain("scenarios.gains", title=head["title"]), words.plain("scenarios.economy")
    notes: tuple[Runs, ...] = (note, *_error_note(runs, head))
    return Table(f"scenario-{id_}", title, first, tuple(columns), tuple(rows), notes, on_page=len(rows) <= ROWS_ON_PAGE)


def _members_by_gain(runs: Rows, head: dict[str, Any]) -> list[str]:
    return [r["economy"] for _, r in runs.rows("effect", scenario=head["scenario"], measure=INCOME) if r["member"]]


def _bloc_rows(runs: Rows, head: dict[str, Any], width: int) -> list[Row]:
    """The bloc weighted by expenditure with its money, and as a plain mean of members."""
    words = runs.inputs.words
    places = {r["measure"]: n for n, r in runs.rows("bloc", scenario=head["scenario"])}
    rows = []
    for measure in ("weighted_pct", "unweighted_pct"):
        line = [runs.cell("bloc", places[measure], decimals=2)]
        money = runs.cell("bloc", places["total_usd"], unit="usd_current") if measure == "weighted_pct" else Cell()
        line += [money, *[Cell()] * (width - 2), runs.cell("bloc", places[measure], "gaining", "percent", 0)]
        rows.append(Row(measure, words.plain(f"scenarios.{measure}"), tuple(line), "bloc"))
    return rows


def _error_note(runs: Rows, head: dict[str, Any]) -> Iterator[Runs]:
    """How far the ends of the widest band could lie elsewhere by chance of the draws."""
    rows = [(n, r) for n, r in runs.rows("effect", scenario=head["scenario"], measure=INCOME) if r.get("error_upper")]
    members = [(n, r) for n, r in rows if r["member"]]
    if members:
        place, _ = max(members, key=lambda pair: pair[1]["error_upper"])
        error = runs.num("effect", place, "error_upper", "points", 2)
        yield runs.inputs.words.text("scenarios.error_note", error=error or "")


def _gains_figure(runs: Rows, head: dict[str, Any], table: Table) -> Figure:
    """Real income of the members with bands, and the outsider that loses most."""
    words, language, id_ = runs.inputs.words, runs.inputs.study.language, head["scenario"]
    codes = [*_members_by_gain(runs, head), *([head["worst"]] if head.get("losing") else [])]
    rows = []
    for code in codes:
        place = _effect(runs, id_, code, INCOME)
        assert place is not None
        found = runs.num("effect", place, decimals=2)
        assert found is not None
        value, low, high = (None if v is None else float(v) for v in (found.value, found.lower, found.upper))
        text = numbers.format_num(Num(found.value, unit="percent", decimals=2), language, style="cell")
        outside = code not in head["members"]
        label = words.plain("scenarios.outsider", name=runs.name(code)) if outside else runs.name(code)
        rows.append(DotRow(label, value, low, high, text, found.id, kind="invited" if outside else "member"))
    spec = dot_plot(rows, unit="percent", language=language, stamp=_stamp(runs, head))
    alt = words.plain("scenarios.figure_alt", count=len(rows))
    heading = words.plain("scenarios.figure", title=head["title"])
    return Figure(f"scenario-{id_}", heading, spec, table, alt, words.text("scenarios.figure_caption"))


def _stamp(runs: Rows, head: dict[str, Any]) -> str:
    """What stands above a picture that rests on a parameter nobody has checked."""
    return runs.inputs.words.plain("scenarios.stamp") if head["unverified"] else ""


def _outsiders(runs: Rows, number: int, head: dict[str, Any]) -> Iterator[Block]:
    """Who isn't in the bloc: how many lose, who most, what they have together; all of them in the data files."""
    words, id_ = runs.inputs.words, head["scenario"]
    if head.get("outside") is None:
        yield Paragraph(words.text("scenarios.no_outsiders"))
        return
    told: dict[str, Any] = {
        "losing": runs.num("scenario", number, "losing", "count"),
        "outside": runs.num("scenario", number, "outside", "count"),
        "worst": runs.name(head["worst"]),
        "pct": runs.num("scenario", number, "worst_pct", "percent", 3),
        "net": runs.num("scenario", number, "net", "usd_current"),
    }
    yield Paragraph(words.text("scenarios.outsiders", **told))
    rows = []
    others = [(n, r) for n, r in runs.rows("effect", scenario=id_, measure=INCOME) if not r["member"]]
    for place, row in others:
        money = _effect(runs, id_, row["economy"], MONEY)
        assert money is not None
        line = (runs.cell("effect", place, decimals=3), runs.cell("effect", money, unit="usd_current"))
        rows.append(Row(row["economy"], runs.name(row["economy"]), line))
    columns = (
        Column(INCOME, words.plain(f"scenarios.column.{INCOME}"), "percent"),
        Column(MONEY, words.plain(f"scenarios.column.{MONEY}"), "usd_current"),
    )
    title = words.plain("scenarios.outsiders_table", title=head["title"])
    first = words.plain("scenarios.economy")
    yield Table(f"scenario-{id_}-outside", title, first, columns, tuple(rows), on_page=False)


# --- Sharing ----------------------------------------------------------------------------------------------------------


def _sharing(runs: Rows, head: dict[str, Any], *, pictures: bool) -> Iterator[Block]:
    """What each rule pays whom, with what it promises; the smallest transfers that hold the bloc together."""
    words, id_ = runs.inputs.words, head["scenario"]
    rules = [(n, r) for n, r in runs.rows("rule", scenario=id_)]
    shown = [r for _, r in rules if not r["reason"]]
    table = _shares(runs, head, [r["rule"] for r in shown])
    yield Paragraph(words.text("scenarios.sharing"))
    if pictures and len(shown) * len(head["members"]) <= DOTS_MAX:
        yield _shares_figure(runs, head, [r["rule"] for r in shown], table)
    yield table
    yield _promises(runs, head, rules)
    yield from _stabilising(runs, head)


def _rule(runs: Rows, rule: str) -> str:
    words = runs.inputs.words
    return words.plain(f"scenarios.rule.{rule}")


def _shares(runs: Rows, head: dict[str, Any], rules: list[str]) -> Table:
    words, id_ = runs.inputs.words, head["scenario"]
    rows = []
    for member in head["members"]:
        line = []
        for rule in rules:
            place, _ = runs.rows("share", scenario=id_, rule=rule, member=member)[0]
            line.append(runs.cell("share", place, "payment", "usd_current"))
        rows.append(Row(member, runs.name(member), tuple(line), "member"))
    columns = tuple(Column(rule, _rule(runs, rule), "usd_current") for rule in rules)
    title, first = words.plain("scenarios.shares", title=head["title"]), words.plain("scenarios.member")
    notes = (words.text("scenarios.shares_note"),)
    name = f"scenario-{id_}-shares"
    return Table(name, title, first, columns, tuple(rows), notes, on_page=len(rows) <= ROWS_ON_PAGE)


def _shares_figure(runs: Rows, head: dict[str, Any], rules: list[str], table: Table) -> Figure:
    """What each member receives (or pays, left of zero) under each rule."""
    words, language, id_ = runs.inputs.words, runs.inputs.study.language, head["scenario"]
    rows = []
    for member in head["members"]:
        for rule in rules:
            place, _ = runs.rows("share", scenario=id_, rule=rule, member=member)[0]
            found = runs.num("share", place, "payment", "usd_current")
            if found is None or found.value is None:
                continue
            text = numbers.format_num(Num(found.value, unit="usd_current"), language, style="cell")
            label = words.plain("scenarios.dot", member=runs.name(member), rule=_rule(runs, rule))
            rows.append(DotRow(label, float(found.value), None, None, text, found.id, "payment"))
    spec = dot_plot(rows, unit="count", language=language, stamp=_stamp(runs, head))
    alt = words.plain("scenarios.shares_alt", count=len(rows))
    heading = words.plain("scenarios.shares_figure", title=head["title"])
    return Figure(f"scenario-{id_}-shares", heading, spec, table, alt, words.text("scenarios.shares_caption"))


def _promises(runs: Rows, head: dict[str, Any], rules: list[tuple[int, dict[str, Any]]]) -> Table:
    """The menu: what each rule promises, whether a group would do better alone, and what to beware of."""
    words, id_ = runs.inputs.words, head["scenario"]
    rows = []
    for place, rule in rules:
        kept = words.listed((words.plain(f"scenarios.promise.{p}") for p in rule["keeps"]), "page.list_semicolon")
        stable = words.plain("scenarios.nothing")
        if rule["in_core"] is not None:
            blocked = words.listed(runs.name(m) for m in rule["blocked_by"] or ())
            stable = (
                words.plain("scenarios.in_core") if rule["in_core"] else words.plain("scenarios.blocked", names=blocked)
            )
        if rule["reason"]:
            stable = rule["reason"]
        line = (Cell(text=kept), Cell(text=stable), runs.cell("rule", place, "max_excess", "usd_current"))
        rows.append(Row(rule["rule"], _rule(runs, rule["rule"]), line))
    columns = (
        Column("promises", words.plain("scenarios.column.promises")),
        Column("stable", words.plain("scenarios.column.stable")),
        Column("excess", words.plain("scenarios.column.excess"), "usd_current"),
    )
    title, first = words.plain("scenarios.menu", title=head["title"]), words.plain("scenarios.column.rule")
    notes = (words.text("scenarios.menu_note"),)
    return Table(f"scenario-{id_}-menu", title, first, columns, tuple(rows), notes)


def _stabilising(runs: Rows, head: dict[str, Any]) -> Iterator[Block]:
    """The smallest transfer for each goal, or who stands in the way."""
    words = runs.inputs.words
    rows = []
    for place, found in runs.rows("stabilising", scenario=head["scenario"]):
        goals = words.listed((words.plain(f"scenarios.goal.{g}") for g in found["goals"]), "page.list_semicolon")
        if not found["feasible"]:
            groups = [words.listed(runs.name(m) for m in group) for group in found["blocking"]]
            blocking = words.listed(groups, "page.list_semicolon")
            paid = words.plain("scenarios.impossible", groups=blocking or words.plain("scenarios.nothing"))
            line = (Cell(text=words.plain("scenarios.nothing")), Cell(text=paid))
        else:
            line = (runs.cell("stabilising", place, unit="usd_current"), _paid(runs, place, found))
        rows.append(Row("-".join(found["goals"]), goals, line))
    if not rows:
        return
    columns = (
        Column("moved", words.plain("scenarios.column.moved"), "usd_current"),
        Column("paid", words.plain("scenarios.column.paid")),
    )
    title, first = words.plain("scenarios.stabilising", title=head["title"]), words.plain("scenarios.column.goal")
    notes = (words.text("scenarios.stabilising_note"),)
    yield Table(f"scenario-{head['scenario']}-stabilising", title, first, columns, tuple(rows), notes)


def _paid(runs: Rows, place: int, found: dict[str, Any]) -> Cell:
    """Who receives and who pays (below zero), with the amounts."""
    words, language = runs.inputs.words, runs.inputs.study.language
    if not found["paid"]:
        return Cell(text=words.plain("scenarios.none_needed"))
    record = runs.inputs.book.fact(
        IMPACT_FILE, runs.held.sha256, f"#/rows/stabilising/{place}/paid", dict(found["paid"])
    )
    runs_: list[Any] = []
    for member, amount in sorted(found["paid"].items(), key=lambda pair: (pair[1], pair[0])):
        num = Num(amount, unit="usd_current", id=record, part=member)
        runs_ += [f"{', ' if runs_ else ''}{runs.name(member)} ", num]
    text = "".join(r if isinstance(r, str) else numbers.format_num(r, language, style="cell") for r in runs_)
    return Cell(text=text, runs=tuple(runs_))


# --- What it rests on -------------------------------------------------------------------------------------------------


def _parameters(runs: Rows, head: dict[str, Any]) -> Table:
    words, id_ = runs.inputs.words, head["scenario"]
    rows = []
    for place, p in runs.rows("parameter", scenario=id_):
        value = (
            Num(p["value"], id=runs.record("parameter", place), part="value", decimals=4)
            if p["value"] is not None
            else None
        )
        cell = Cell(text=words.plain("scenarios.nothing")) if value is None else Cell(main=value)
        line = (cell, Cell(text=p["spread"]), Cell(text=p["unit"]), Cell(text=p["grade"]), Cell(text=p["source"]))
        rows.append(Row(p["id"], p["id"], line))
    names = ("value", "spread", "unit", "grade", "source")
    columns = tuple(Column(n, words.plain(f"scenarios.column.{n}")) for n in names)
    title, first = words.plain("scenarios.parameters", title=head["title"]), words.plain("scenarios.column.parameter")
    stated = tuple((text,) for text in head["stated"])
    return Table(
        f"scenario-{id_}-parameters", title, first, columns, tuple(rows), (words.text("scenarios.grades"), *stated)
    )


def _certificate(runs: Rows, head: dict[str, Any]) -> Iterator[Block]:
    """How it was solved, what isn't proved, and what the bands leave out."""
    words = runs.inputs.words
    told: dict[str, Any] = {"line": Code(head["line"]), "closure": Code(head["closure"]), "file": Code(IMPACT_FILE)}
    yield Paragraph(words.text("scenarios.certificate", **told))
    if not head["starts_agree"] and head["starts"]:
        yield Note(words.text("scenarios.disagree"), "warning")
    limits = [*head["notes"], *head["limits"]]
    if limits:
        yield Note((words.plain("scenarios.limits") + " " + " ".join(limits),))
