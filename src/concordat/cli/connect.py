"""`concordat connect`: what connecting everyone costs, how fast people come online, where a budget does most.

Figures come from the store, or from a file with `--series`. Results go to standard output as a table to read, in full
with `--json` and `--csv`, or in all forms to a new folder with `--out`.
"""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="What connecting everyone costs, how fast people come online, where a budget does most.",
)

AREA = typer.Argument(..., metavar="AREA", help="A country by code or name, or a bloc: all its members.")
ON = typer.Option("", "--on", help="The day whose members of a bloc count, as 2026-11-22; default: today.")
INDICATOR = typer.Option("", "--indicator", help="Which figure; default: internet_users_pct, or the file's only one.")
GROUPS = typer.Option("world", "--groups", help="world (income groups of 2026), none, or a figure of GDP per head.")
SCALE = typer.Option(
    "", "--scale", help="percent (of a whole) or log (no ceiling); default: as the figure's unit says."
)
SEED = typer.Option(20260101, "--seed", min=0, help="Where random draws start.")
JSON = typer.Option(False, "--json", help="Print one JSON object.")
CSV = typer.Option(False, "--csv", help="Print a table as CSV.")
OUT = typer.Option(None, "--out", metavar="DIR", help="Write all forms to this new folder instead of the screen.")
DATA_DIR = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings")


@app.command()
def cost(
    area: str = AREA,
    scope: str = typer.Option("all", "--scope", help="all, or the one to be told first: three are always printed."),
    target: float = typer.Option(100.0, "--target", help="The percentage online to reach."),
    population: float | None = typer.Option(None, "--population", help="Of one country: instead of the store's."),
    online: float | None = typer.Option(None, "--online", help="Of one country: percentage online, not the store's."),
    parameters: Path | None = typer.Option(None, "--parameters", help="Sizes of your own: a parameter file."),
    allow_unverified: bool = typer.Option(False, "--allow-unverified", help="Use unverified sizes, and say so."),
    years: int = typer.Option(10, "--years", min=1, max=100, help="Years that running costs count for."),
    device_years: int = typer.Option(4, "--device-years", min=1, max=50, help="How long a device lasts."),
    seed: int = SEED,
    on: str = ON,
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """What connecting a country's people costs, in three scopes, published estimates beside."""
    from concordat.cli import _connect_cost as compute

    asked = compute.Asked(area, scope, target, population, online, on, data_dir)
    sizes = compute.Sizes(parameters, allow_unverified, years, device_years, seed)
    compute.run(asked, sizes, json=json, csv=csv, out=out)


@app.command()
def forecast(
    area: str = AREA,
    to: int = typer.Option(..., "--to", help="The last year wanted, at most twenty years ahead."),
    indicator: str = INDICATOR,
    series: Path | None = typer.Option(None, "--series", help="Instead of the store: a table, iso3,year,value."),
    groups: str = GROUPS,
    scale: str = SCALE,
    origin: int | None = typer.Option(
        None, "--origin", help="Use nothing after this year; default: the last there is."
    ),
    on: str = ON,
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """How a share will grow, with a band if such bands held before."""
    from concordat.cli import _connect_forecast as compute

    asked = compute.Asked(indicator, series, "auto", groups, scale, data_dir)
    compute.forecast(area, to, asked, origin=origin, on=on, json=json, csv=csv, out=out)


@app.command()
def backtest(
    data: str = typer.Argument(..., metavar="FILE|RELEASE", help="A table, or a release's name; auto: the newest."),
    indicator: str = INDICATOR,
    horizon: int = typer.Option(7, "--horizon", min=1, max=20, help="Years ahead."),
    origins: str = typer.Option("", "--origins", help="Years to forecast from, with commas; default: all possible."),
    groups: str = GROUPS,
    scale: str = SCALE,
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
    data_dir: str | None = DATA_DIR,
) -> None:
    """How the forecast did at earlier origins, beside the reference baseline and the last value."""
    from concordat.cli import _connect_forecast as compute

    path = Path(data)
    is_file = path.suffix.lower() == ".csv" or path.exists()
    asked = compute.Asked(indicator, path if is_file else None, "" if is_file else data, groups, scale, data_dir)
    compute.backtest(asked, horizon=horizon, origins=origins, json=json, csv=csv, out=out)


@app.command()
def allocate(
    plan: Path = typer.Argument(..., metavar="PLAN", help="A plan file; see: docs/reference/connectivity.md"),
    parameters: list[Path] = typer.Option([], "--parameters", help="A parameter file of your own; may be repeated."),
    json: bool = JSON,
    csv: bool = CSV,
    out: Path | None = OUT,
) -> None:
    """Where a budget does most, by the plan's objective, and how stable the order of countries is."""
    from concordat.cli import _connect_allocate as compute

    compute.run(plan, parameters, json=json, csv=csv, out=out)
