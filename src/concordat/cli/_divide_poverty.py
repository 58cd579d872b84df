"""`concordat divide poverty`: a table of persons under a reviewed plan, as it is printed, small cells held back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _divide_files as files
from concordat.cli import _index_input as shared
from concordat.cli._divide_tables import BLANK, Rows, Shown, digits, ends, full, plain
from concordat.errors import InputError, MethodError

if TYPE_CHECKING:
    from concordat.observatory.divide import AlkireFoster, PovertyPlan
    from concordat.observatory.divide._poverty_model import ReviewedPlan


def poverty(data: Path, plan: Path) -> tuple[ReviewedPlan, AlkireFoster, tuple[str, ...]]:
    """The plan, its measures, and the groups that hold too few persons to be shown.

    Raises:
        InputError: a plan or a table that can't be read, a column the table lacks.
        MethodError: nobody has all answers, or fewer persons than a cell needs.
    """
    from concordat.observatory.divide import alkire_foster
    from concordat.observatory.divide._poverty_model import read_plan

    reviewed = read_plan(shared.read(plan), where=str(plan))
    columns, lines = _columns(data, reviewed.plan)
    with files.located(data, lines):
        found = alkire_foster(columns, reviewed.plan)
    if found.n < reviewed.min_cell:
        hint = "The plan's min_cell says so."
        raise MethodError(f"fewer than {reviewed.min_cell} persons.", where=str(data), hint=hint, code="min_cell")
    return reviewed, found, tuple(g.name for g in found.groups if g.n < reviewed.min_cell)


def _columns(data: Path, plan: PovertyPlan) -> tuple[dict[str, Any], list[int]]:
    if not files.is_parquet(data):
        table = files.read_table(data)
        if plan.weight is not None:
            table.numbers(plan.weight, least=0, blank=False)  # told with the line
        return dict(table.columns), table.lines
    wanted = [i.column for d in plan.deprivations for i in d.items]
    wanted += [c for c in (plan.weight, plan.groups, plan.strata, plan.psu) if c is not None]
    with files.parquet(data) as relation:
        present = [name for name in dict.fromkeys(wanted) if name in relation.columns]
        if not present:
            raise InputError("the table has none of the plan's columns.", where=str(data), code="columns")
        quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in present)
        rows = relation.project(quoted).fetchall()
    return {name: [row[i] for row in rows] for i, name in enumerate(present)}, []


# --- Printing -----------------------------------------------------------------------------------------------------


def lines(found: AlkireFoster, hidden: Sequence[str], min_cell: int) -> Iterator[str]:
    """H, A and M0, what makes them up, and where."""
    whole = [[name, digits(e.value), ends(e.lower, e.upper)] for name, e in _whole(found) if e is not None]
    yield from shared.columns(["measure", ">value", ">95 % interval"], whole)
    yield ""
    parts = [
        [p.name, digits(p.weight), digits(p.raw.value), digits(p.censored.value),
         BLANK if p.contribution is None else f"{100 * p.contribution.value:.1f} %"]
        for p in found.parts
    ]  # fmt: skip
    yield from shared.columns(["deprivation", ">weight", ">of all", ">poor and deprived", ">of M0"], parts)
    if found.groups:
        yield ""
        shown = [
            [g.name, f"fewer than {min_cell}", BLANK, BLANK, BLANK, ""] if g.name in hidden
            else [g.name, BLANK if hidden else f"{g.n:,}", digits(g.headcount.value), digits(g.m0.value),
                  ends(g.m0.lower, g.m0.upper), "" if hidden else f"{100 * g.share:.1f} %"]
            for g in found.groups
        ]  # fmt: skip
        yield from shared.columns(["group", ">persons", ">H", ">M0", ">interval", ">share"], shown)
    yield ""
    left = f"{found.dropped:,} left out for a missing answer ({100 * found.dropped_share:.1f} % of the weight)"
    yield f"k = {found.k:g}; {found.n:,} persons; {left}."


def _whole(found: AlkireFoster) -> list[tuple[str, Any]]:
    return [("headcount H", found.headcount), ("intensity A", found.intensity), ("M0 = H A", found.m0)]


def rows(found: AlkireFoster, hidden: Sequence[str], plan: str) -> Shown:
    """All of it, a number a line, each with the hash of the plan."""
    found_rows: Rows = []

    def add(part: str, name: str, measure: str, e: Any) -> None:
        cells = ("", "", "", "") if e is None else tuple(full(v) for v in (e.value, e.se, e.lower, e.upper))
        found_rows.append((part, name, measure, *cells, plan))

    for measure, e in (("headcount", found.headcount), ("intensity", found.intensity), ("m0", found.m0)):
        add("all", "", measure, e)
    for p in found.parts:
        for measure in ("raw", "censored", "contribution"):
            add("deprivation", p.name, measure, getattr(p, measure))
    for g in found.groups:
        for measure in ("headcount", "intensity", "m0", *(() if hidden else ("contribution",))):
            add("group", g.name, measure, None if g.name in hidden else getattr(g, measure))
    return ("part", "name", "measure", "value", "se", "lower", "upper", "plan"), found_rows


def facts(found: AlkireFoster, hidden: Sequence[str]) -> dict[str, Any]:
    """All of it for a program; with a hidden group nothing from which it could be had."""
    said: dict[str, Any] = plain(found)
    for group in said["groups"]:
        for key in list(group) if group["name"] in hidden else ("n", "share", "contribution") if hidden else ():
            group[key] = group[key] if key == "name" else None
    return said | {"hidden": list(hidden)}
