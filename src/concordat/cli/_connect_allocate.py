"""`concordat connect allocate`: a plan solved, with its price, what binds, and how stable the order is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _index_input as tables
from concordat.cli import _scenario_files as shared

if TYPE_CHECKING:
    from concordat.impact.connectivity.allocation import Allocation

COLUMNS = (
    "plan", "objective", "area", ">usd_million", ">share", ">people", ">online_pct_before", ">online_pct_after",
    ">in_top", ">top", ">draws", "unverified",
)  # fmt: skip


def run(plan: Path, parameters: Sequence[Path], *, json: bool, csv: bool, out: Path | None) -> None:
    """Solve and print."""
    from concordat.impact.connectivity.allocation import allocate
    from concordat.impact.connectivity.plan import parse_plan
    from concordat.impact.parameter_file import parse_parameters
    from concordat.impact.parameters import load_parameters

    asked = parse_plan(shared.read(plan), where=str(plan))
    book = load_parameters()
    for path in parameters:
        book = book.plus(parse_parameters(shared.read(path), where=str(path)))
    found = allocate(asked, parameters=book)
    sources = {a.area: (a.figures_source, a.response) for a in asked.areas}
    facts: dict[str, Any] = found.to_value() | {
        "responses": [{"figures_source": said, **record.to_value()} for said, record in sources.values()]
    }
    stamped = set(found.unverified)
    rows = [
        (
            found.plan, found.objective, a.area, a.money, a.share, a.people, a.online_before, a.online_after, a.in_top,
            found.top, found.draws, a.area in stamped,
        )
        for a in found.areas
    ]  # fmt: skip
    lines = [*_lines(found), "", "Figures and responses:"]
    for area, (said, record) in sources.items():
        source = f"{record.source.id}, {record.source.where}" if record.source else ""
        lines.append(f"  {area}: {said}; response grade {record.grade}, {record.mark}: {source}")
    shared.answer(facts, lines, (COLUMNS, rows), json=json, csv=csv, out=out, name="allocation")


def _lines(found: Allocation) -> Iterator[str]:
    yield f"{found.title} ({found.plan}, plan {found.sha256[:8]}). Objective: {found.measured_in}."
    if found.unverified:
        yield f"UNVERIFIED: {', '.join(found.unverified)}."
    yield ""
    place = f">in the top {found.top}, % of {found.draws} draws"
    rows = [
        (
            a.area, f"{a.money:,.1f}", f"{100 * a.share:.1f}", f"{a.people:,.0f}", f"{a.online_before:.2f}",
            f"{a.online_after:.2f}", "-" if a.in_top is None else f"{100 * a.in_top:.0f}",
        )
        for a in sorted(found.areas, key=lambda a: (-a.money, a.area))
    ]  # fmt: skip
    head = ("area", ">USD million", ">%", ">people", ">online % before", ">after", place)
    yield from tables.columns(head, rows)
    yield ""
    yield f"{found.measured_in}: {_size(found.value)} for USD {_size(found.spent)} of {_size(found.budget)} million."
    if found.theil_before is not None and found.theil_after is not None:
        before, after = found.theil_before, found.theil_after
        yield f"Theil index of shares online between the countries: {before:.5f} before, {after:.5f} after."
    unit = "of the weighted objective" if found.cvar_weight else found.measured_in
    more = found.price_per_dollar
    yield f"One more dollar: {more:.4g}; one more million: {_size(1e6 * more)} ({unit})."
    if found.mean_draws is not None and found.worst_mean is not None:
        worst = f"mean of the worst {100 * (1 - found.cvar_level):g} %: {_size(found.worst_mean)}"
        yield f"Over draws: mean {_size(found.mean_draws)}; {worst}; weight on the worst {found.cvar_weight:g}."
    for b in found.binding:
        yield f"Binds: {b.name} (price {b.price:.4g})."
    checks = [f"duality gap {found.duality_gap:.1e}"]
    if found.greedy_agrees is not None:
        checks.append("equal to filling the best segments first" if found.greedy_agrees else "NOT equal to greedy")
    if found.draws_infeasible:
        checks.append(f"{found.draws_infeasible} draws had no solution and are left out of the ranking")
    yield f"Checks: {'; '.join(checks)}."
    yield ""
    yield from found.notes


def _size(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
