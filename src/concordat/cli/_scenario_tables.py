"""A scenario's result for people: who gains, who pays, how sure that is, and how it was solved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from concordat.cli._evidence_tables import columns

if TYPE_CHECKING:
    from concordat.impact.compare import Comparison
    from concordat.impact.monte_carlo import Quantiles
    from concordat.impact.results import ScenarioResult

GAP = "   "


def percent(value: float) -> str:
    """Two decimals, or two digits that say something.

    >>> percent(2.278), percent(-0.0461), percent(0.0), percent(12.0)
    ('2.28', '-0.046', '0.00', '12.00')
    """
    if value == 0 or abs(value) >= 0.095:
        return f"{value:.2f}"
    return f"{float(f'{value:.2g}'):.12f}".rstrip("0")


def money(value: float) -> str:
    """Whole millions, or two digits that say something.

    >>> money(1234.6), money(-0.0461)
    ('1,235', '-0.046')
    """
    return f"{value:,.0f}" if abs(value) >= 9.5 else percent(value) if abs(value) < 0.095 else f"{value:.1f}"


def signed(text: str) -> str:
    """With its sign in front."""
    return text if text.startswith("-") else f"+{text}"


def banded(middle: float, found: Quantiles | None, text: Any) -> str:
    """`2.28 (1.34-3.65)`; without enough draws the central value alone."""
    if found is None or not found.band:
        return str(text(middle))
    low, high = text(found.low), text(found.high)
    between = "-" if found.low >= 0 else " to "
    return f"{text(found.median)} ({low}{between}{high})"


def gaining(found: Quantiles | None) -> str:
    """The share of draws that gain; never rounded to all or none."""
    if found is None:
        return ""
    if not found.band:
        return f"{round(found.gaining * found.draws)} of {found.draws}"
    share = 100 * found.gaining
    return f"{share:.0f} %" if share in (0, 100) else f"{min(max(share, 0.1), 99.9):.1f} %"


def wide(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns three spaces apart."""
    widths = [max(len(r[i]) for r in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        yield GAP.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()


def result_lines(result: ScenarioResult) -> list[str]:
    """The whole answer."""
    scenario = result.scenario
    rule = scenario.closure if scenario.model == "one_sector" else f"deficits {scenario.deficits}"
    lines = [
        f"{scenario.id}{GAP}{scenario.model}, {rule}, {result.count:,} draws, seed {scenario.seed}",
        *wide(_head(result), [_member(result, m) for m in result.by_gain()]),
    ]
    lines += [f"{m}{GAP}not computed: in the bloc, no trade data" for m in result.missing]
    lines += _outsiders(result)
    stamp = f": {result.stamp}" if result.stamp else ""
    lines.append(f"certificate: {result.certificate.line()}{GAP}grades {', '.join(result.grades)}{stamp}")
    return [*lines, "", *_together(result), *_beside(result), "", *result.notes, *result.limits]


def _head(result: ScenarioResult) -> tuple[str, ...]:
    told = "median (5-95 %)" if result.band else "central"
    unit = "USD m" if result.unit == "USD million" else result.unit
    return ("economy", f"real income %, {told}", f"{unit}, {told}", "draws gaining")


def _member(result: ScenarioResult, code: str) -> tuple[str, ...]:
    share, cash = (result.of(name, code) for name in ("real_income_pct", "real_income_usd"))
    return (code, banded(*share, percent), banded(*cash, money), gaining(share[1]))


def _outsiders(result: ScenarioResult) -> list[str]:
    found = result.outsiders()
    if found is None:
        return ["outsiders: none"]
    lose = "loses" if found.losing == 1 else "lose"
    by = "mean of draws" if result.band else "central values"
    worst = f"worst {found.worst} {percent(found.worst_pct)} %"
    return [f"outsiders: {found.losing} of {found.count} {lose}; {worst}; net USD {signed(money(found.net))} m ({by})"]


def _together(result: ScenarioResult) -> list[str]:
    """What stands beside real income in every result."""
    bloc = result.bloc()
    weighted, plain, total = (bloc[k] for k in ("weighted_pct", "unweighted_pct", "total_usd"))
    both = f"{banded(*weighted, percent)} % weighted by expenditure, {banded(*plain, percent)} % as the mean of members"
    lines = [f"bloc: real income {both}; USD {banded(*total, money)} m"]
    wages = ", ".join(f"{m} {percent(result.headline('real_wage_pct', m))}" for m in result.by_gain())
    if "tariff_revenue_usd" in result.central:
        revenue = ", ".join(f"{m} {signed(money(result.headline('tariff_revenue_usd', m)))}" for m in result.by_gain())
        revenue = f"tariff revenue, change in USD m: {revenue}"
    else:
        from concordat.impact.result_parts import NO_REVENUE

        revenue = f"tariff revenue: {NO_REVENUE}"
    lines += [f"real wage %: {wages}", revenue]
    if result.band:
        found = [q for m in result.members if (q := result.of("real_income_pct", m)[1]) is not None]
        largest = (percent(max(q.errors[k] for q in found)) for k in (2, 0, 4))
        words = zip(("median", "5 %", "95 %"), largest, strict=True)
        lines.append(f"Monte Carlo error, largest of a member: {', '.join(f'{w} {v}' for w, v in words)}")
    if result.first_order is not None:
        told = ", ".join(f"{m} {percent(result.first_order.total[m])}" for m in result.by_gain())
        lines.append(f"{result.first_order.label} ({result.first_order.change}), % of income: {told}")
    if "trade_among_members_pct" in bloc:
        lines.append(f"trade among members: {banded(*bloc['trade_among_members_pct'], percent)} % by value")
    return lines


def _beside(result: ScenarioResult) -> list[str]:
    lines = []
    for t in result.transfers:
        word = "receives" if t.amount > 0 else "gives"
        given = f"{t.economy} {word} USD {money(abs(t.amount))} m, worth {signed(money(t.worth))}"
        lines.append(f"transfer alone: {given}; prices add {signed(money(t.secondary))}")
    lines += [f"investment: {words}" for words in result.investments]
    lines += [f"stated by the scenario: {words}" for words in result.stated]
    for parameter in result.quoted:
        source = parameter.source.where if parameter.source else ""
        lines.append(f"quoted, not computed: {parameter.id} ({source})")
        lines += [
            f"    {f.case}: {f.value:+g} {f.unit}{f' ({f.note})' if f.note else ''}"
            for f in parameter.figures
            if f.value is not None
        ]
    return lines


def compared_lines(found: Comparison, members: Sequence[str]) -> list[str]:
    """The second scenario less the first, draw by draw, for members."""
    rows = [r for r in found.rows if r.economy in members]
    by = {(r.economy, r.measure): r for r in rows}
    table = []
    for code in dict.fromkeys(r.economy for r in rows):
        share, cash = by[code, "real_income_pct"], by[code, "real_income_usd"]
        table.append(
            (code, banded(share.central, share.draws, percent), banded(cash.central, cash.draws, money),
             gaining(share.draws))
        )  # fmt: skip
    shared = f"common draws of: {', '.join(found.shared) or 'nothing'}"
    stamp = f"{GAP}{found.stamp}" if found.stamp else ""
    head = ("economy", "real income, percentage points", "USD m", "draws in which it gains more")
    return ["", f"{found.second} less {found.first}, draw by draw; {shared}{stamp}", *wide(head, table)]


# --- Parameters -------------------------------------------------------------------------------------------------------

PARAMETER_HEAD = (
    "id", ">value", "quantity", "spread", "unit", "per", "direction", "scope", "covers", "population", ">year",
    "source", "where", "url_or_doi", "grade", "mark", "note",
)  # fmt: skip


def parameter_rows(parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """One row a record, below `PARAMETER_HEAD`."""
    rows = []
    for p in parameters:
        source = (p.source.id, p.source.where, p.source.url_or_doi) if p.source else ("", "", "")
        rows.append(
            (p.id, p.value, p.quantity, p.distribution.words() if p.distribution else "", p.unit,
             f"{p.per.change:g} {p.per.unit}" if p.per else "", p.direction, p.scope, ", ".join(p.covers), p.population,
             p.year, *source, p.grade, p.mark, p.note)
        )  # fmt: skip
    return rows


def parameter_list(parameters: Sequence[Any]) -> list[str]:
    """The records in short."""
    rows = [
        (p.id, "" if p.value is None else f"{p.value:g}", p.distribution.words() if p.distribution else "-",
         p.grade or "-", p.mark, p.source.id if p.source else "-")
        for p in parameters
    ]  # fmt: skip
    return [*columns(("id", ">value", "spread", "grade", "mark", "source"), rows)]


def parameter_lines(p: Any) -> list[str]:
    """One record in full."""
    from concordat.impact.parameters import GRADES, QUANTITIES

    per = f", for {p.per.change:g} {p.per.unit}" if p.per else ""
    size = "none is shipped" if p.value is None else f"{p.value:g}"
    of = f", of a {p.scope}" if p.scope else ""
    trade = f", trade in {', '.join(p.covers)}" if p.covers else ""
    lines = [
        p.id,
        f"  value         {size}: {p.unit}{per}",
        f"  quantity      {p.quantity}: {QUANTITIES[p.quantity]}",
        f"  spread        {p.distribution.words() if p.distribution else 'none'}",
        f"  grade         {p.grade or 'none'}{f': {GRADES[p.grade]}' if p.grade else ''}",
        f"  mark          {p.mark}",
        f"  works on      {p.direction}{of}{trade}",
    ]
    lines += [f"  population    {p.population}"] if p.population else []
    lines += (
        [f"  source        {p.source.id}: {p.source.where}", f"                {p.source.url_or_doi}"]
        if p.source
        else []
    )
    note = p.distribution.note if p.distribution else ""
    lines += [f"  of the spread {note}"] if note else []
    lines += [f"  note          {p.note}"] if p.note else []
    for f in p.figures:
        value = "" if f.value is None else f"{f.value:g} "
        lines.append(f"  figure        {f.case}: {value}{f.unit}{f' ({f.note})' if f.note else ''}")
    if p.associational:
        lines.append("  associational: no causal effect was identified")
    if p.unverified:
        lines.append("  UNVERIFIED: runs only with allow_unverified: true, and stamps every output")
    return lines
