"""`concordat clearing simulate`: disasters from seeds, and days of payments against the money they begin with."""

from __future__ import annotations

import json as json_
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli._clearing_keys import JSON, text_of
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.clearing.settlement import Row
    from concordat.clearing.simulate.day import Curve, Opening, PointOfCurve

SWEEP = "1,2,5,10,20,40"
_WAYS = {
    "gross": "gross, strictly in turn",
    "bypass": "queue with bypass",
    "netting": "queue and certificates",
}


def register(app: typer.Typer) -> None:
    """Hang this command into the group."""
    app.command("simulate")(simulate)


def simulate(
    seeds: int = typer.Option(0, "--seeds", min=0, help="Disasters: run so many seeds, from --first on."),
    first: int = typer.Option(0, "--first", min=0, help="Disasters: the first seed."),
    instructions: int = typer.Option(
        220, "--instructions", min=1, max=5_000, help="Disasters: how many are made in a run."
    ),
    day: Path | None = typer.Option(None, "--day", metavar="CSV", help="A day: its payments, as obligations of `net`."),
    balances: Path | None = typer.Option(None, "--balances", metavar="CSV", help="A day: how opening money is spread."),
    payments: int = typer.Option(
        0, "--payments", min=0, help="A day: generate so many payments instead, anew in each run."
    ),
    members: int = typer.Option(
        0, "--members", min=0, help="A day: of so many members; default: as the reference data have."
    ),
    sweep: str = typer.Option(SWEEP, "--sweep", metavar="PCT,...", help="A day: opening money in % of gross value."),
    way: list[str] = typer.Option(
        [], "--way", metavar="WAY", help="A day: gross, bypass or netting; default: all three."
    ),
    runs: int = typer.Option(
        20, "--runs", min=1, max=1_000, help="A day: how many days a point, each with other arrivals."
    ),
    seed: int = typer.Option(0, "--seed", min=0, help="A day: the seed of arrivals and generated payments."),
    csv: Path | None = typer.Option(None, "--csv", metavar="FILE", help="A day: write the table as CSV."),
    svg: Path | None = typer.Option(None, "--svg", metavar="FILE", help="A day: write the picture as SVG."),
    json: bool = JSON,
) -> None:
    """Simulate: with --seeds, lost messages, crashes and liars; with --day or --payments, what money a day needs.

    A seed that breaks a promise is named; that seed alone (--seeds 1 --first N) tells the same story anywhere.
    """
    if seeds and (day or payments):
        raise InputError(
            "disasters or a day, not both.", hint="Give --seeds, or --day, or --payments.", code="two_questions"
        )
    if seeds:
        _disasters(seeds, first, instructions, json=json)
        return
    if not day and not payments:
        raise InputError("what is to be simulated?", hint="Give --seeds N, --day CSV or --payments N.", code="missing")
    if day and (payments or members):
        hint = "--payments and --members are for days that are generated."
        raise InputError("a given day or generated ones, not both.", hint=hint, code="two_questions")
    if balances and not day:
        raise InputError("balances are a given day's.", where="--balances", hint="Give --day.", code="two_questions")
    for path in (csv, svg):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            what = "is a folder." if path.is_dir() else "its folder is not there."
            raise InputError(what, where=str(path), hint="Name a file in a folder that is there.", code="not_a_file")
    found = _curve(_maker(day, balances, payments, members, seed), _percents(sweep), way, runs, seed)
    if csv is not None:
        csv.write_text("".join(f"{','.join(row)}\n" for row in _rows(found)), encoding="utf-8")
    if svg is not None:
        svg.write_text(_picture(found), encoding="utf-8")
    if json:
        print(json_.dumps(_facts(found), indent=1))
        return
    for line in _lines(found):
        print(line)


# --- Disasters --------------------------------------------------------------------------------------------------------


def _disasters(seeds: int, first: int, instructions: int, *, json: bool) -> None:
    from concordat.clearing.simulate.seeds import run_seed
    from concordat.errors import ConcordatError, TrustError

    events = blocks = starts = 0
    counts: Counter[str] = Counter()
    broken: list[dict[str, Any]] = []
    for seed in range(first, first + seeds):
        try:
            run = run_seed(seed, instructions=instructions)
        except Exception as error:  # whatever ends a run, a fault of the program too, is told with its seed
            code, what = "fault", f"{type(error).__name__}: {error}"
            if isinstance(error, ConcordatError):
                code, what = error.code, str(error)
            broken.append({"seed": seed, "code": code, "what": what})
            print(f"seed {seed}: {what}", file=sys.stderr)
            continue
        events, blocks, starts = events + run.events, blocks + run.blocks, starts + run.starts - 1
        counts.update(run.counts)
        if (seed - first + 1) % 50 == 0:
            print(f"{seed - first + 1:,} seeds", file=sys.stderr)
    facts = {
        "seeds": seeds,
        "first": first,
        "instructions": instructions,
        "events": events,
        "blocks": blocks,
        "crashes": starts,
        "broken": broken,
    }
    if json:
        print(json_.dumps({**facts, "counts": dict(sorted(counts.items()))}, ensure_ascii=False, indent=1))
    else:
        lies = sum(count for name, count in counts.items() if name.startswith("lie "))
        print(f"{seeds:,} seeds from {first}: {events:,} events, {blocks:,} blocks, {counts['lost']:,} messages lost,")
        print(f"{starts:,} crashes, {lies:,} lies. Promises broken: {len(broken)}.")
    if broken:
        again = f"concordat clearing simulate --seeds 1 --first {broken[0]['seed']} --instructions {instructions}"
        print(f"Tell the story of the first again: {again}", file=sys.stderr)
        raise typer.Exit(TrustError.exit_code)


# --- A day ------------------------------------------------------------------------------------------------------------


def _percents(text: str) -> list[float]:
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 <= one <= 1_000 for one in found) or found != sorted(set(found)):
        raise InputError(
            f'"{text[:40]}" is no list of rising shares.', where="--sweep", hint="Such as 1,2,5,10.", code="bad_sweep"
        )
    return found


def _maker(
    day: Path | None, balances: Path | None, payments: int, members: int, seed: int
) -> Callable[[int], tuple[Sequence[Row], Opening]]:
    """Run -> payments and how opening money is spread."""
    from concordat.clearing.netting.generate import generate_obligations
    from concordat.clearing.netting.tables import parse_balances, parse_obligations
    from concordat.clearing.settlement import rows_of

    if day is None:

        def generated(run: int) -> tuple[Sequence[Row], Opening]:
            made, opening = generate_obligations(payments, members=members or None, seed=seed + run)
            return list(rows_of(made)), opening

        return generated
    rows = list(rows_of(parse_obligations(text_of(day), where=str(day))))
    given: Opening = {}
    if balances is not None:
        given = parse_balances(text_of(balances), where=str(balances))
    return lambda _: (rows, given)


def _curve(
    make: Callable[[int], tuple[Sequence[Row], Opening]],
    percents: Sequence[float],
    way: Sequence[str],
    runs: int,
    seed: int,
) -> Curve:
    from concordat.clearing.simulate.day import WAYS, sweep
    from concordat.settings import unknown_key

    for one in way:
        if one not in WAYS:
            raise unknown_key(one, WAYS, where="--way")
    chosen = tuple(one for one in WAYS if not way or one in way)
    return sweep(
        make, percents, runs=runs, seed=seed, ways=chosen, progress=lambda text: print(text, file=sys.stderr)
    )  # fmt: skip


def _number(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}f}"


def _rows(curve: Curve) -> list[tuple[str, ...]]:
    head = ("way", "opening_pct_gross", "runs", "settled_pct_p05", "settled_pct_median", "settled_pct_p95")
    rows: list[tuple[str, ...]] = [(*head, "delay_p05", "delay_median", "delay_p95")]
    for one in curve.points:
        settled = (_number(100 * value, 3) for value in (one.settled.low, one.settled.median, one.settled.high))
        delay = (_number(value, 5) for value in (one.delay.low, one.delay.median, one.delay.high))
        rows.append((one.way, f"{one.percent:g}", str(one.runs), *settled, *delay))
    return rows


def _facts(curve: Curve) -> dict[str, Any]:
    def spread(one: Any) -> dict[str, float]:
        return {"p05": round(one.low, 6), "median": round(one.median, 6), "p95": round(one.high, 6)}

    points = [
        {
            "way": p.way,
            "opening_pct_gross": p.percent,
            "runs": p.runs,
            "settled_share": spread(p.settled),
            "delay": spread(p.delay),
        }
        for p in curve.points
    ]
    return {"payments": curve.payments, "members": curve.members, **curve.options, "points": points}


def _lines(curve: Curve) -> list[str]:
    runs = curve.options["runs"]
    lines = [f"{curve.payments:,} payments a day, {curve.members:,} members, {runs} days a point: median (5 to 95 %)"]
    lines.append(f"{'opening money':>14}  {'way':<24}  {'settled, % of value':>22}  {'delay, 0 to 1':>22}")
    for one in sorted(curve.points, key=lambda p: p.percent):
        settled = _band(100 * one.settled.low, 100 * one.settled.median, 100 * one.settled.high, 1)
        delay = _band(one.delay.low, one.delay.median, one.delay.high, 2)
        lines.append(f"{one.percent:>12g} %  {_WAYS[one.way]:<24}  {settled:>22}  {delay:>22}")
    return lines


def _band(low: float, median: float, high: float, digits: int) -> str:
    return f"{_number(median, digits)} ({_number(low, digits)} to {_number(high, digits)})"


def _picture(curve: Curve) -> str:
    from concordat.figures.render import svg
    from concordat.figures.steps import Line, steps

    percents = sorted({one.percent for one in curve.points})
    series = []
    for way in dict.fromkeys(one.way for one in curve.points):
        own = {one.percent: one for one in curve.points if one.way == way}
        points = [_point(n, own[percent]) for n, percent in enumerate(percents)]
        series.append(Line(_WAYS[way], points, _number(100 * own[percents[-1]].settled.median)))
    drawn = svg(steps([f"{percent:g} %" for percent in percents], series, unit="pct"), "settled-share")
    title = "Share of value settled by the close (%), by opening money in % of gross value"
    head, rest = drawn.split(">", 1)
    return f'{head} role="img" aria-label="{title}"><title>{title}</title>{rest}\n'


def _point(place: int, one: PointOfCurve) -> Any:
    from concordat.figures.lines import Point

    return Point(place, 100 * one.settled.median, 100 * one.settled.low, 100 * one.settled.high)
