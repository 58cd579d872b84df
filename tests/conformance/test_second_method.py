"""The statistics that a report prints, computed again by another method, from the figures of members as printed.

Nothing of the program's arithmetic is used: fractions of whole numbers for means and sums, the definition by all pairs
for the Gini coefficient, and counting by hand for ranks. The members' figures are read out of the publisher's texts;
that each of them stands there is shown by `test_traceability`.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from concordat.evidence.catalogue import Indicator, load_catalogue
from concordat.evidence.observation import Observation
from concordat.evidence.store import open_store

BRICS = ("ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "IRN", "RUS", "ZAF")
CLOSE = 1e-12


@dataclass(frozen=True)
class Figure:
    value: float | None
    lower: float
    upper: float
    year: int


@dataclass(frozen=True)
class Printed:
    """A report's cells and the records behind them, and the rows that its weights come from."""

    cells: Mapping[str, Mapping[str, str]]
    records: Mapping[str, Any]
    rows: Mapping[tuple[str, str], Mapping[int, Observation]]

    def number(self, name: str) -> float | None:
        """What a cell prints."""
        cell = self.cells[name]
        found: float | None = self.records[cell["id"]]["parts"][cell["part"]]
        return found

    def figure(self, indicator: Indicator, area: str) -> Figure | None:
        """A member's figure, from the cell that prints it; its interval from the digits that were printed."""
        found = [self.cells[n] for n in self.cells if n.endswith(f":{area}:{indicator.id}") and n[:3] != "T1:"]
        records = [self.records[cell["id"]] for cell in found]
        rows = [r for r in records if r["kind"] == "observation"]
        placed = [r for r in records if r["kind"] == "derived" and r["parts"].get("imputed")]
        if placed:
            return self.placed(placed[0])
        if not rows:
            return None
        (row,) = {json.dumps(r, sort_keys=True): r for r in rows}.values()
        year = int(row["period_start"][:4])
        if row.get("value") is None:
            return Figure(None, row["lower"], row["upper"], year)
        half = row.get("precision") or 0.0
        floor, ceiling = indicator.bounds
        low = row["value"] - half if floor is None else max(floor, row["value"] - half)
        high = row["value"] + half if ceiling is None else min(ceiling, row["value"] + half)
        return Figure(row["value"], low, high, year)

    def placed(self, record: Any) -> Figure:
        """A figure printed as "less than 1" that the report places inside that interval: 100 * total / population."""
        printed, implied = (self.records[i] for i in record["inputs"])
        total, people, growth = (self.records[i]["value"] for i in implied["derived_from"][:3])
        year, counted = (int(self.records[i]["period_start"][:4]) for i in implied["derived_from"][:2])
        then = Fraction(people) * (1 + Fraction(growth) / 100) ** (year - counted)
        return Figure(float(100 * Fraction(total) / then), printed["lower"], printed["upper"], year)

    def weight(self, indicator: Indicator, area: str, year: int) -> float | None:
        """The weight of the figure's year, or of the nearest within five; the earlier of two as near."""
        years = self.rows[indicator.aggregate_weight, area]
        nearest = min(years, key=lambda y: (abs(y - year), y))
        return years[nearest].value if abs(nearest - year) <= 5 else None


@pytest.fixture(scope="module")
def printed(report: Callable[..., Path], evidence_dir: Path) -> Printed:
    document = json.loads((report("BRICS") / "provenance.json").read_bytes())
    rows: dict[tuple[str, str], dict[int, Observation]] = {}
    with open_store(evidence_dir) as store:
        for o in store.observations(store.vintages()[-1]):
            if not o.breakdown and o.value is not None and o.freq == "A":
                rows.setdefault((o.indicator_id, o.area), {})[o.year] = o
    return Printed(document["cells"], document["records"], rows)


def members(printed: Printed, indicator: Indicator) -> dict[str, Figure]:
    found = {area: printed.figure(indicator, area) for area in BRICS}
    return {area: figure for area, figure in found.items() if figure is not None}


def cells_of(printed: Printed, row: str) -> Iterator[tuple[str, Indicator]]:
    """The cells of one row of the topic tables, each with its indicator; not their ends, nor those of other tables."""
    indicators = load_catalogue().indicators
    for name in printed.cells:
        _, found, *rest = name.split(":")
        if found == row and len(rest) == 1 and rest[0] in indicators:
            yield name, indicators[rest[0]]


def agree(found: float | None, wanted: Fraction | float, where: str) -> None:
    assert found is not None, where
    assert math.isclose(found, float(wanted), rel_tol=CLOSE, abs_tol=CLOSE), f"{where}: {found}, by hand {wanted}"


def mean_of(values: list[float], weights: list[float]) -> Fraction:
    total = sum(map(Fraction, weights))
    return sum((Fraction(w) * Fraction(v) for v, w in zip(values, weights, strict=True)), Fraction(0)) / total


def weighed(
    printed: Printed, indicator: Indicator, found: Mapping[str, Figure], values: list[float]
) -> tuple[list[float], list[float]]:
    """The figures that have a weight, with it."""
    weights = [printed.weight(indicator, area, f.year) for area, f in found.items()]
    pairs = [(v, w) for v, w in zip(values, weights, strict=True) if w is not None]
    return [v for v, _ in pairs], [w for _, w in pairs]


# --- Figures of the bloc ----------------------------------------------------------------------------------------------


def test_means_sums_and_medians_of_the_bloc(printed: Printed) -> None:
    compared = dict.fromkeys(("weighted_mean", "sum", "median"), 0)
    for name, indicator in cells_of(printed, "BRICS.weighted"):
        found = members(printed, indicator)
        record = printed.records[printed.cells[name]["id"]]
        rule = record["parameters"]["used"]
        compared[rule] += 1
        for end in ("value", "lower", "upper"):
            values = [getattr(figure, end) for figure in found.values()]
            if None in values:
                assert record["parts"]["value"] is None, name
                continue
            if rule == "sum":
                assert len(values) == len(BRICS), name
                wanted = sum(map(Fraction, values), Fraction(0))
            elif rule == "median":
                wanted = statistics.median(map(Fraction, values))
            else:
                wanted = mean_of(*weighed(printed, indicator, found, values))
            agree(record["parts"][end], wanted, f"{name} {end}")
    assert compared["weighted_mean"] >= 10, compared
    assert compared["sum"] >= 5, compared


@pytest.mark.parametrize(
    ("row", "function"), [("BRICS.unweighted", statistics.mean), ("BRICS.median", statistics.median)]
)
def test_figures_that_count_each_member_once(printed: Printed, row: str, function: Callable[..., Fraction]) -> None:
    compared = 0
    for name, indicator in cells_of(printed, row):
        values = [figure.value for figure in members(printed, indicator).values()]
        if None not in values:
            agree(printed.number(name), function([Fraction(v) for v in values if v is not None]), name)
            compared += 1
    assert compared > 20


def test_how_many_members_have_a_figure(printed: Printed) -> None:
    for name, indicator in cells_of(printed, "BRICS.have"):
        assert printed.number(name) == len(members(printed, indicator)), name


# --- Ranks ------------------------------------------------------------------------------------------------------------


def test_ranks_by_counting_who_is_surely_better_and_who_is_surely_worse(printed: Printed) -> None:
    compared = 0
    for indicator in load_catalogue().indicators.values():
        found = members(printed, indicator)
        for area, me in found.items():
            names = [n for n in printed.cells if n.endswith(f":{area}:{indicator.id}:rank:lower")]
            for name in names:
                others = [f for a, f in found.items() if a != area]
                higher = sum(f.lower > me.upper for f in others)
                lower = sum(f.upper < me.lower for f in others)
                better, worse = (higher, lower) if indicator.polarity == "higher_is_better" else (lower, higher)
                ends = (printed.number(name), printed.number(name.removesuffix("lower") + "upper"))
                assert ends == (1 + better, len(BRICS) - worse), name
                compared += 1
    assert compared > 100


# --- The divide -------------------------------------------------------------------------------------------------------


def gini_by_pairs(values: list[float], weights: list[float]) -> float:
    """Half the mean absolute difference of all pairs, over the mean."""
    total, mean = sum(map(Fraction, weights)), mean_of(values, weights)
    pairs = sum(
        Fraction(w) * Fraction(u) * abs(Fraction(v) - Fraction(x))
        for v, w in zip(values, weights, strict=True)
        for x, u in zip(values, weights, strict=True)
    )
    return float(pairs / total**2 / 2 / mean)


def deviation(values: list[float], weights: list[float]) -> float:
    """The root of the mean square less the square of the mean."""
    mean, square = mean_of(values, weights), mean_of([v**2 for v in values], weights)
    exact = sum(Fraction(w) * (Fraction(v) - mean) ** 2 for v, w in zip(values, weights, strict=True)) / sum(
        map(Fraction, weights)
    )
    assert math.isclose(float(square - mean**2), float(exact), rel_tol=1e-9)
    return math.sqrt(exact)


MEASURES: dict[str, Callable[[list[float], list[float]], float]] = {
    "mean": lambda v, w: float(mean_of(v, w)),
    "min": lambda v, _: min(v),
    "max": lambda v, _: max(v),
    "gap": lambda v, _: max(v) - min(v),
    "ratio": lambda v, _: max(v) / min(v),
    "sd": deviation,
    "cv": lambda v, w: deviation(v, w) / float(mean_of(v, w)),
    "gini": gini_by_pairs,
    "gini_shortfall": lambda v, w: gini_by_pairs([100 - x for x in v], w),
}


@pytest.mark.parametrize("measure", MEASURES)
def test_measures_of_the_divide(printed: Printed, measure: str) -> None:
    compared = 0
    for weighted in ("", ".weighted"):
        for name, indicator in cells_of(printed, f"BRICS.{measure}{weighted}"):
            found = members(printed, indicator)
            values = [f.value for f in found.values() if f.value is not None]
            if len(values) < len(found) or printed.cells[name]["part"].endswith("_lower"):  # "at least"
                continue
            both = weighed(printed, indicator, found, values) if weighted else (values, [1.0] * len(values))
            agree(printed.number(name), MEASURES[measure](*both), name)
            low, high = printed.number(f"{name}:lower"), printed.number(f"{name}:upper")
            assert low is not None
            assert high is not None
            assert low <= float(printed.number(name) or 0.0) <= high, name
            compared += 1
    assert compared >= 2


def test_people_without(printed: Printed) -> None:
    indicators = load_catalogue().indicators
    compared = 0
    for name in printed.cells:
        _, row, *rest = name.split(":")
        if row != "BRICS.people" or len(rest) != 1:
            continue
        indicator = indicators[rest[0].partition(".")[0]]
        found = members(printed, indicator)
        without = {
            area: Fraction(printed.weight(indicator, area, f.year) or 0) * (1 - Fraction(f.value) / 100)
            for area, f in found.items()
            if f.value is not None
        }
        assert set(without) == set(BRICS)
        agree(printed.number(name), sum(without.values()), name)
        table = name.partition(":")[0]
        for area, people in without.items():
            if people:
                agree(printed.number(f"{table}:{area}:{indicator.id}.people"), people, area)
                share = 100 * people / sum(without.values())
                agree(printed.number(f"{table}:{area}:{indicator.id}.share"), share, area)
        compared += 1
    assert compared >= 2
