"""`concordat connect forecast` and `backtest`: paths with their bands, and how the same method did before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _connect_data as data
from concordat.cli import _index_input as tables
from concordat.cli import _scenario_files as shared
from concordat.errors import InputError, MethodError

if TYPE_CHECKING:
    from concordat.impact.connectivity.backtests import Backtest
    from concordat.impact.connectivity.forecasts import AreaForecast, Forecast

SCALES = {"percent": "a percentage of a whole", "log": "without a ceiling, in logarithms"}
FORECAST = (
    "area",
    "group",
    ">figures",
    ">last_year",
    ">last_value",
    ">year",
    ">value",
    ">lower_90",
    ">upper_90",
    "marks",
)
BACKTEST = (">origin", ">horizon", ">areas", ">error", ">error_baseline", ">error_last", ">coverage_90", ">judged")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which series, how grouped, on what scale."""

    indicator: str
    series: Path | None
    release: str
    groups: str
    scale: str
    data_dir: str | None

    def read(self) -> data.Found:
        """The series."""
        return data.read(self.indicator, self.series, self.release, self.data_dir)

    def scale_of(self, found: data.Found) -> str:
        """The scale asked for, or the one that the figure's unit says; percent where nothing says it."""
        if self.scale and self.scale not in SCALES:
            raise InputError(f'"{self.scale}" is not a scale.', hint="Use percent or log.", code="scale")
        return self.scale or ("log" if found.share is False else "percent")

    def grouped(self) -> Any:
        """As `forecast` takes it: a word, None, or a function of the origin made from GDP per head."""
        if self.groups in ("world", "none"):
            return None if self.groups == "none" else "world"
        from concordat.cli import _divide_files as files
        from concordat.impact.connectivity.series import income_quartiles

        if self.series is not None and "indicator" not in files.read_table(self.series).columns:
            what = f'the table has one figure, so no "{self.groups}" to form income groups from.'
            hint = "Use --groups world or none, or add rows of GDP per head with a column indicator."
            raise InputError(what, where=str(self.series), hint=hint, code="groups")
        return income_quartiles(data.read(self.groups, self.series, self.release, self.data_dir).series)

    def regions(self) -> Any:
        """Regions go with any groups but none."""
        return None if self.groups == "none" else "world"


def forecast(
    area: str, to: int, asked: Asked, *, origin: int | None, on: str, json: bool, csv: bool, out: Path | None
) -> None:
    """Forecast and print."""
    from concordat.impact.connectivity.forecasts import forecast as compute

    found = asked.read()
    title, codes = data.whom(area, on, found.series)
    if max((len(by_year) for by_year in found.series.values()), default=0) < 2:
        what = f"not computed: needs several years of {found.indicator}, and each area here has one at most"
        hint = "Load them with concordat evidence pull worldbank or import, or name a file with --series."
        raise MethodError(f"{what}.", hint=hint, code="years")
    made = compute(
        found.series, asked.grouped(), to=to, regions=asked.regions(), origin=origin, scale=asked.scale_of(found),  # type: ignore[arg-type]
        areas=codes,
    )  # fmt: skip
    facts = {"asked": area, "title": title, "indicator": found.indicator, "source": found.source, **made.to_value()}
    rows = (FORECAST, list(_forecast_rows(made)))
    lines = [
        f"{found.indicator}, {title}, to {made.to}. From {found.source}.",
        *_forecast_lines(made, len(found.series)),
    ]
    shared.answer(facts, lines, rows, json=json, csv=csv, out=out, name="forecast")


def backtest(asked: Asked, *, horizon: int, origins: str, json: bool, csv: bool, out: Path | None) -> None:
    """Forecast at earlier origins and print."""
    from concordat.impact.connectivity.backtests import backtest as compute

    found = asked.read()
    years = None if not origins else [_year(text) for text in origins.split(",")]
    made = compute(
        found.series,
        asked.grouped(),
        horizon=horizon,
        origins=years,
        regions=asked.regions(),
        scale=asked.scale_of(found),  # type: ignore[arg-type]
    )
    facts = {"indicator": found.indicator, "source": found.source, **made.to_value()}
    rows = (BACKTEST, [
        (o.origin, made.horizon, o.areas, o.error, o.error_baseline, o.error_last, o.coverage, o.judged)
        for o in made.origins
    ])  # fmt: skip
    lines = [f"{found.indicator}, {made.horizon} years ahead. From {found.source}.", *_backtest_lines(made)]
    shared.answer(facts, lines, rows, json=json, csv=csv, out=out, name="backtest")


def _year(text: str) -> int:
    if not text.strip().isdecimal():
        raise InputError(f'--origins: "{text.strip()}" is not a year.', hint="Write 2010,2013.", code="year")
    return int(text)


# --- Printing -----------------------------------------------------------------------------------------------------


def _forecast_lines(made: Forecast, areas: int) -> Iterator[str]:
    yield f"Origin {made.origin}; the trend of {made.drift_areas} of {areas} areas; {SCALES[made.scale]}."
    yield f"Grouped by: {made.grouped_by}."
    yield ""
    if len(made.areas) == 1:
        yield from _one(made.areas[0])
    else:
        yield from _many(made)
    yield from ("", "How the method did at the last five origins that can be judged:")
    rows = [
        (
            str(c.horizon),
            "-" if c.coverage is None else f"{100 * c.coverage:.1f}",
            *(_digits(v) for v in (c.error, c.error_baseline, c.error_last)),
            str(c.judged),
            c.reason,
        )
        for c in made.horizons
    ]
    head = (">years ahead", ">90 % band held %", ">mean error", ">baseline", ">last value", ">figures", "")
    yield from tables.columns(head, rows)
    yield ""
    yield from made.notes


def _one(area: AreaForecast) -> Iterator[str]:
    last = f"last figure {area.last_value:.4g} in {area.last_year}" if area.last_value is not None else "no figure"
    yield f"{area.area}: {area.figures} figures, {last}; group: {area.group or 'none'}."
    yield from (f"  {mark}" for mark in area.marks)
    rows = [
        (str(y), _digits(v), _ends(low, high))
        for y, v, low, high in zip(area.years, area.values, area.lower, area.upper, strict=True)
    ]
    yield from ("", *tables.columns((">year", ">forecast", "90 % band"), rows))


def _many(made: Forecast) -> Iterator[str]:
    rows = [
        (
            a.area,
            a.group or "-",
            "-" if a.last_value is None else f"{a.last_value:.4g} ({a.last_year})",
            _digits(a.values[-1]),
            _ends(a.lower[-1], a.upper[-1]),
            "; ".join(a.marks),
        )
        for a in made.areas
    ]
    yield from tables.columns(("area", "group", ">last", f">{made.to}", "90 % band", ""), rows)


def _ends(low: float | None, high: float | None) -> str:
    return "not calibrated" if low is None or high is None else f"{_digits(low)}-{_digits(high)}"


def _digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _forecast_rows(made: Forecast) -> Iterator[tuple[Any, ...]]:
    for a in made.areas:
        for y, v, low, high in zip(a.years, a.values, a.lower, a.upper, strict=True):
            yield (a.area, a.group, a.figures, a.last_year, a.last_value, y, v, low, high, "; ".join(a.marks))


def _backtest_lines(made: Backtest) -> Iterator[str]:
    yield f"Mean absolute error on one sample at each origin; {SCALES[made.scale]}."
    yield f"Grouped by: {made.grouped_by}."
    rows = [
        (
            str(o.origin), str(o.areas), *(f"{v:.2f}" for v in (o.error, o.error_baseline, o.error_last)),
            "-" if o.coverage is None else f"{100 * o.coverage:.1f}",
        )
        for o in made.origins
    ]  # fmt: skip
    held = "-" if made.coverage is None else f"{100 * made.coverage:.1f}"
    rows.append(("mean", "", *(f"{v:.2f}" for v in (made.error, made.error_baseline, made.error_last)), held))
    yield from (
        "",
        *tables.columns((">origin", ">areas", ">forecast", ">baseline", ">last value", ">90 % band held %"), rows),
    )
    yield ""
    above = [str(o.origin) for o in made.origins if o.error > o.error_baseline]
    if above:
        count = f"{len(above)} of {len(made.origins)} origins"
        yield f"The forecast is above the reference baseline at {count}: {', '.join(above)}."
    else:
        yield "The forecast is at no origin above the reference baseline."
    yield f"The 90 % bands are {'' if made.calibrated else 'not '}calibrated (85 to 95 % held)."
