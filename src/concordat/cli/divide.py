"""`concordat divide`: how far apart units are on one figure, where the divide lies, how it changes, who is poor.

Figures come from the store, the newest of each area, or from a file with `--data`. Results go to standard output as a
table to read, four digits each, or in full with `--json` and `--csv`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli import _divide_asked as asked
from concordat.cli import _index_input as shared
from concordat.errors import InputError

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="How far apart countries or people are, where the divide lies, and how it changes.",
)

INDICATOR = typer.Argument("", help="An indicator's id, such as internet_users_pct; not for a file of one figure.")
BLOC = typer.Option("", "--bloc", help="A bloc's members; see: concordat bloc list")
COUNTRIES = typer.Option("", "--countries", help="Instead of a bloc: countries (or units of the file), with commas.")
ON = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today.")
INVITED = typer.Option(False, "--with-invited", help="Count invited countries as members.")
DATA = typer.Option(None, "--data", help="Instead of the store: a table, .csv or .parquet, a row a person or country.")
SERIES = typer.Option(None, "--data", help="Instead of the store: a long table, unit,year,value.")
VALUE = typer.Option("", "--value", help="The file's column of values.")
WEIGHT = typer.Option("", "--weight", help="The file's column of weights.")
GROUPS = typer.Option("", "--groups", help="The file's column of groups.")
STRATA = typer.Option("", "--strata", help="The file's column of strata.")
PSU = typer.Option("", "--psu", help="The file's column of primary sampling units.")
MIN_CELL = typer.Option(30, "--min-cell", min=1, help="Cells of a file with fewer rows are suppressed.")
MEASURE = typer.Option([], "--measure", help="Only this measure (gini, theil_t, ...); may be repeated.")
JSON = typer.Option(False, "--json", help="Print one JSON object.")
CSV = typer.Option(False, "--csv", help="Print a table as CSV.")
OUT = typer.Option(None, "--out", help="Write to this file instead of the screen.")
DATA_DIR = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings")


@app.command()
def measures(
    indicator: str = INDICATOR,
    bloc: str = BLOC,
    countries: str = COUNTRIES,
    on: str = ON,
    with_invited: bool = INVITED,
    data: Path | None = DATA,
    value: str = VALUE,
    weight: str = WEIGHT,
    groups: str = GROUPS,
    rank_by: str = typer.Option("", "--rank-by", help="Rank by this column (or indicator): concentration indices."),
    strata: str = STRATA,
    psu: str = PSU,
    bounds: str = typer.Option("", "--bounds", help="Lowest and highest value of the file's figure: 0,100."),
    measure: list[str] = MEASURE,
    min_cell: int = MIN_CELL,
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """All measures of one divide with their intervals, weighted and not."""
    from concordat.cli import _divide_measures as compute
    from concordat.cli import _divide_tables as tables

    columns: dict[str, str] = {"value": value, "weight": weight, "groups": groups, "strata": strata, "psu": psu}
    if data is None:
        asked.refuse({**columns, "bounds": bounds}, "is of a file: add --data.")
        found, made = compute.of_store(
            indicator, asked.whom(bloc, countries, on, with_invited, data_dir), rank_by=rank_by, names=measure or None
        )
        title = list(found.title)
        foot = compute.without_lines(found, made)
        facts = asked.figures(found) | {"rank_by": rank_by or None}
    else:
        asked.refuse({"indicator": indicator, "bloc": bloc, "countries": countries, "on": on}, "can't go with --data.")
        named = compute.Columns(**columns, rank_by=rank_by)
        made = compute.of_file(data, named, bounds=asked.bounds(bounds), names=measure or None, min_cell=min_cell)
        title, foot = [f"{value}, from {data}."], []
        facts = {"data": str(data), "value": value, **named.given(), "min_cell": min_cell}
    facts |= {kind: tables.measure_facts(table) for kind, table in made.items()}
    lines = [*title, "", *tables.measure_lines(made), *foot]
    shared.out(facts, lines, json=json, csv=csv, table=tables.safe(tables.measure_rows(made)), out=out)


@app.command()
def decompose(
    indicator: str = INDICATOR,
    by: str = typer.Option("", "--by", help="bloc (against all others), income or region; for a file: --groups."),
    bloc: str = BLOC,
    countries: str = COUNTRIES,
    on: str = ON,
    with_invited: bool = INVITED,
    data: Path | None = DATA,
    value: str = VALUE,
    weight: str = WEIGHT,
    groups: str = GROUPS,
    strata: str = STRATA,
    psu: str = PSU,
    measure: list[str] = MEASURE,
    min_cell: int = MIN_CELL,
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """How much of a divide lies between groups, and how much within them."""
    from concordat.cli import _divide_measures as compute
    from concordat.cli import _divide_tables as tables

    names = asked.splittable(measure)
    columns = {"value": value, "weight": weight, "groups": groups, "strata": strata, "psu": psu}
    if data is None:
        asked.refuse(columns, "is of a file: add --data.")
        if not by:
            raise InputError("by which groups?", hint="Add --by bloc, income or region.", code="by")
        found, made, why = compute.split_store(
            indicator, asked.whom(bloc, countries, on, with_invited, data_dir), by, names
        )
        title, foot = list(found.title), compute.without_lines(found, made)
        facts = asked.figures(found) | {"by": by}
    else:
        asked.refuse(
            {"indicator": indicator, "by": by, "bloc": bloc, "countries": countries, "on": on}, "can't go with --data."
        )
        made, why = compute.split_file(data, compute.Columns(**columns), names, min_cell)
        title, foot = [f"{value} by {groups}, from {data}."], []
        facts = {"data": str(data), **{k: v for k, v in columns.items() if v}, "min_cell": min_cell}
    facts |= {"parts": tables.plain(made), "not_computed": why}
    for kind, by_measure in made.items():
        for name, d in by_measure.items():
            facts["parts"][kind][name]["share_between"] = d.share_between
    lines = [*title, "", *tables.parts_lines(made, why, wider=data is None), *(["", *foot] if foot else [])]
    shared.out(facts, lines, json=json, csv=csv, table=tables.safe(tables.parts_rows(made)), out=out)


@app.command("time-distance")
def time_distance(
    indicator: str = INDICATOR,
    leader: str = typer.Option("KOR", "--leader", help="Whose series the others are held against."),
    bloc: str = BLOC,
    countries: str = COUNTRIES,
    on: str = ON,
    with_invited: bool = INVITED,
    data: Path | None = SERIES,
    less: bool = typer.Option(False, "--less-is-better", help="Of a file: lower figures are ahead."),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """How many years each is behind the leader, beside the gap and the ratio of the same year."""
    from concordat.cli import _divide_store as store
    from concordat.cli import _divide_tables as tables
    from concordat.observatory.divide import time_distance as distance

    if data is None:
        asked.refuse({"less-is-better": less}, "is of a file: add --data.")
    whom = asked.whom(bloc, countries, on, with_invited, data_dir)
    panel = store.panel(indicator, whom, data, leader)
    first = leader if leader in panel.series else store._code(leader)
    found = distance(panel.series, first, direction=-1 if less else panel.direction)
    keys = ("year", "level", "value", "reached", "gap", "ratio", "reason")
    rows = [
        (area, tables.year(d.year), *(tables.digits(v) for v in (d.level, d.value)), tables.year(d.reached),
         *(tables.digits(v) for v in (d.gap, d.ratio)), tables.words(d.reason))
        for area, d in found.items() if area != first
    ]  # fmt: skip
    head = ("unit", ">year", ">value", ">years behind", f">{first} had it", ">gap", ">ratio", "")
    table = [(area, *(tables.full(getattr(d, k)) for k in keys)) for area, d in found.items()]
    names = ("unit", "year", "value", "years_behind", "reached", "gap", "ratio", "reason")
    facts = asked.asked(indicator, data) | {"leader": first, "units": [tables.plain(d) for d in found.values()]}
    foot = "Gap and ratio are of the unit's last year; a gap can shrink while the years behind grow."
    lines = [*panel.title, "", *shared.columns(head, rows), "", foot]
    shared.out(facts, lines, json=json, csv=csv, table=tables.safe((names, table)), out=out)


@app.command()
def converge(
    indicator: str = INDICATOR,
    bloc: str = BLOC,
    countries: str = COUNTRIES,
    on: str = ON,
    with_invited: bool = INVITED,
    data: Path | None = SERIES,
    first: int | None = typer.Option(None, "--from", help="First year; default: the first that most units have."),
    last: int | None = typer.Option(None, "--to", help="Last year; default: the last that most units have."),
    scale: str = typer.Option("", "--scale", help="log, or logit (the default of percentages)."),
    bound: float = typer.Option(100.0, "--bound", help="The highest value, for logit."),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Whether those behind catch up (beta), the spread shrinks (sigma), and who converges with whom (clubs)."""
    from concordat.cli import _divide_change as compute
    from concordat.cli import _divide_store as store
    from concordat.cli import _divide_tables as tables

    panel = store.panel(indicator, asked.whom(bloc, countries, on, with_invited, data_dir), data)
    used = scale or ("logit" if panel.share else "log")
    found = compute.converge(panel, first, last, used, bound)
    rows = tables.converge_rows(found.beta, found.sigma, found.clubs)
    shown = [
        (part, item, tables.digits(v), tables.ends(low, high), tables.short(note))
        for part, item, v, low, high, note in rows
    ]
    lines = [*panel.title, f"{found.first:g} to {found.last:g}, {used}s.", ""]
    lines += shared.columns(("part", "item", ">value", ">95 % interval", ""), shown)
    lines += ["", *(f"Not computed: {why}" for why in found.why)] if found.why else []
    table = [tuple(tables.full(v) for v in row) for row in rows]
    facts = asked.asked(indicator, data) | tables.converge_facts(found)
    names = ("part", "item", "value", "lower", "upper", "note")
    shared.out(facts, lines, json=json, csv=csv, table=tables.safe((names, table)), out=out)


@app.command()
def diffuse(
    indicator: str = INDICATOR,
    bloc: str = BLOC,
    countries: str = COUNTRIES,
    on: str = ON,
    with_invited: bool = INVITED,
    data: Path | None = SERIES,
    level: float = typer.Option(90.0, "--level", help="The level whose year is asked for."),
    curve: str = typer.Option("auto", "--curve", help="logistic, gompertz, bass or richards; auto: by AICc."),
    ceiling: float | None = typer.Option(None, "--ceiling", help="The highest it can go; 100 for percentages."),
    seed: int = typer.Option(0, "--seed", min=0, help="Where the search starts from."),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """Fit a curve of adoption to each series: its ceiling, its fastest year, and when it reaches a level."""
    from concordat.cli import _divide_change as compute
    from concordat.cli import _divide_store as store
    from concordat.cli import _divide_tables as tables

    if not level > 0:
        raise InputError(f"the level is {level:g}.", hint="Give one above zero, such as 90.", code="level")
    panel = store.panel(indicator, asked.whom(bloc, countries, on, with_invited, data_dir), data)
    highest = 100.0 if ceiling is None and panel.share else ceiling
    fits, why = compute.diffuse(panel, curve, highest, seed)
    facts = {unit: tables.diffusion_facts(fit, level) for unit, fit in fits.items()}
    rows = tables.diffusion_rows(panel.series, facts, why)
    shown = tables.diffusion_shown(rows, level)
    foot = ["Of the curve, if it is the right one; a forecast for readers is made elsewhere."]
    lines = [*panel.title, "", *shown, "", *foot]
    said = asked.asked(indicator, data) | {
        "level": level,
        "ceiling": highest,
        "seed": seed,
        "units": facts,
        "without": why,
    }
    table = [tuple(tables.full(v) for v in row) for row in rows]
    shared.out(said, lines, json=json, csv=csv, table=tables.safe((tables.DIFFUSION, table)), out=out)


@app.command()
def poverty(
    data: Path = typer.Argument(..., metavar="TABLE", help="A table, .csv or .parquet, a row a person."),
    plan: Path = typer.Option(..., "--plan", help="The reviewed plan (YAML): deprivations, weights, cutoff."),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
) -> None:
    """Who is digitally poor, and how poor: the Alkire-Foster measures by a reviewed plan."""
    from concordat.cli import _divide_poverty as compute
    from concordat.cli import _divide_tables as tables

    reviewed, found, hidden = compute.poverty(data, plan)
    head = [f"{reviewed.title} ({reviewed.id}, plan {reviewed.hash[:8]}), from {data}.", ""]
    facts: dict[str, Any] = {
        "plan": reviewed.id,
        "plan_sha256": reviewed.hash,
        "title": reviewed.title,
        "data": str(data),
    }
    facts |= {"min_cell": reviewed.min_cell, **compute.facts(found, hidden)}
    lines = [*head, *compute.lines(found, hidden, reviewed.min_cell)]
    shared.out(facts, lines, json=json, csv=csv, table=tables.safe(compute.rows(found, hidden, reviewed.hash)), out=out)
