"""The divide and the bloc figures of BRICS, from the embedded Factbook through the whole pipeline.

Expected numbers: specification of evidence, sections 10 and 12 (measured with other programs on the same edition), and
of the observatory, section 8, for the kernels on the World Bank's series of internet use. Tolerance: half of the last
digit printed there.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from concordat import world
from concordat.evidence.aggregate import derive_bloc, derive_with_other, gini, ordered, pick_weights, theil_l, theil_t
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.observation import Observation, make_observation
from concordat.evidence.provenance import Book, Derived, recompute
from concordat.evidence.resolve import resolve, yearly_series
from concordat.evidence.sources.factbook import parse_edition, read_edition
from concordat.observatory.divide import derive_divide

ON, YEAR = "2026-11-22", 2026
INTERNET, MOBILE, BROADBAND = "internet_users_pct", "mobile_subscriptions_per_100", "fixed_broadband_per_100"
BRICS = world.members("BRICS", ON)
WITH_SAUDI = (*BRICS, "SAU")

Measure = Callable[[str, Sequence[str]], Derived]


def printed(digits: int, value: float) -> object:
    return pytest.approx(value, abs=0.5 * 10**-digits)


@pytest.fixture(scope="module")
def rows() -> list[Observation]:
    wanted = {INTERNET, MOBILE, BROADBAND, "population"}
    return [o for o in parse_edition(read_edition(), load_catalogue())[0] if o.indicator_id in wanted]


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


def _measure(function: Callable[..., Derived], rows: list[Observation], book: Book) -> Measure:
    catalogue = load_catalogue()
    chosen = resolve(rows, catalogue, not_after=YEAR)
    series = yearly_series(rows, catalogue, ["population"], not_after=YEAR)

    def measure(indicator_id: str, areas: Sequence[str]) -> Derived:
        indicator = catalogue.indicators[indicator_id]
        figures = {a: chosen[indicator_id, a, ""] for a in areas}
        weights = pick_weights(indicator, figures, series, areas, not_after=YEAR)
        return function(book, indicator, figures, weights, areas, 0.9, 0.7)

    return measure


@pytest.fixture(scope="module")
def bloc(rows: list[Observation], book: Book) -> Measure:
    return _measure(derive_bloc, rows, book)


@pytest.fixture(scope="module")
def divided(rows: list[Observation], book: Book) -> Measure:
    return _measure(derive_divide, rows, book)


# --- Section 12: the divide table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("indicator_id", "areas", "measure", "expected"),
    [
        (INTERNET, BRICS, "min", printed(3, 17)),
        (INTERNET, BRICS, "min_areas", "ETH"),
        (INTERNET, BRICS, "max", printed(3, 100)),
        (INTERNET, BRICS, "max_areas", "ARE"),
        (INTERNET, BRICS, "gap", printed(3, 83)),
        (INTERNET, BRICS, "ratio", printed(3, 5.882)),
        (INTERNET, BRICS, "sd", printed(3, 21.754)),
        (INTERNET, BRICS, "cv", printed(4, 0.3001)),
        (INTERNET, BRICS, "weighted_cv", printed(4, 0.2149)),
        (INTERNET, BRICS, "gini", printed(4, 0.1513)),
        (INTERNET, BRICS, "weighted_gini", printed(4, 0.1090)),
        (INTERNET, WITH_SAUDI, "cv", printed(4, 0.2960)),
        (INTERNET, WITH_SAUDI, "gini", printed(4, 0.1512)),
        (INTERNET, WITH_SAUDI, "weighted_cv", printed(4, 0.2176)),
        (INTERNET, WITH_SAUDI, "weighted_gini", printed(4, 0.1108)),
        (MOBILE, BRICS, "gini", printed(4, 0.1943)),
        (MOBILE, BRICS, "weighted_gini", printed(4, 0.1521)),
    ],
)
def test_the_divide_table(
    divided: Measure, indicator_id: str, areas: Sequence[str], measure: str, expected: object
) -> None:
    parts = divided(indicator_id, areas).parts
    assert len(areas) in (10, 11)
    assert (parts["n"], parts["n_total"]) == (len(areas), len(areas))
    assert parts[measure] == expected
    if not measure.endswith("_areas"):
        assert parts[f"{measure}_lower"] < parts[measure] or measure == "max"
        assert parts[f"{measure}_lower"] <= parts[measure] <= parts[f"{measure}_upper"]


@pytest.mark.parametrize(
    ("part", "scale", "expected"),
    [
        ("people", 1e-6, printed(1, 1232.3)),
        ("share_IND", 1, printed(1, 50.7)),
        ("share_CHN", 1, printed(1, 25.1)),
        ("share_ETH", 1, printed(1, 8.2)),
        ("share_IDN", 1, printed(1, 7.1)),
    ],
)
def test_people_who_do_not_use_the_internet(divided: Measure, part: str, scale: float, expected: object) -> None:
    assert divided(INTERNET, BRICS).parts[part] * scale == expected


def test_ethiopia_is_known_only_below_1_for_broadband_so_every_measure_is_an_interval(divided: Measure) -> None:
    """Its total places it at about 0.5; nothing bounds the ratio above while it may be at zero."""
    parts = divided(BROADBAND, BRICS).parts
    assert parts["unsure_areas"] == "ETH"
    assert (parts["min_lower"], parts["min_upper"]) == (0.0, 1.0)
    assert parts["ratio_upper"] is None
    for name in ("mean", "gap", "sd", "cv", "gini", "weighted_mean", "weighted_cv", "weighted_gini"):
        assert parts[f"{name}_lower"] < parts[name] < parts[f"{name}_upper"], name
    assert parts["people_reason"] == "not_for_unit"


def test_every_record_is_made_again_from_its_inputs(divided: Measure, book: Book) -> None:
    for indicator_id in (INTERNET, MOBILE, BROADBAND):
        record = divided(indicator_id, WITH_SAUDI)
        assert recompute(record, book.__getitem__) == record.parts


# --- Section 10: the bloc's figures -------------------------------------------------------------------------------


@pytest.mark.parametrize(("areas", "weighted", "unweighted"), [(BRICS, 68.13, 72.50), (WITH_SAUDI, 68.42, 75.00)])
def test_internet_use_of_the_bloc(
    bloc: Measure, divided: Measure, areas: Sequence[str], weighted: float, unweighted: float
) -> None:
    record, divide = bloc(INTERNET, areas).parts, divided(INTERNET, areas).parts
    assert (record["value"], record["mean"]) == (printed(2, weighted), printed(2, unweighted))
    for end in ("", "_lower", "_upper"):
        assert divide[f"weighted_mean{end}"] == record[end.strip("_") or "value"]
        assert divide[f"mean{end}"] == record[f"mean{end}"]


@pytest.mark.parametrize(("areas", "weighted", "unweighted"), [(BRICS, 72.71, 73.76), (WITH_SAUDI, 72.97, 76.15)])
def test_internet_use_of_the_bloc_with_china_at_90_6(
    bloc: Measure, book: Book, areas: Sequence[str], weighted: float, unweighted: float
) -> None:
    other = make_observation(
        value=90.6,
        area="CHN",
        indicator_id=INTERNET,
        period_start=date(2023, 1, 1),
        period_end=date(2023, 12, 31),
        unit="percent",
        source_id="worldbank_wdi",
        dataset_id="worldbank_wdi",
        vintage_id="worldbank_wdi-2026-03-01",
        known_from=date(2026, 3, 1),
        retrieved_at=datetime(2026, 3, 1, tzinfo=UTC),
        raw_sha256="ab" * 32,
        raw_locator="row 2",
        parser_version="1",
    )
    then = derive_with_other(book, bloc(INTERNET, areas), other)
    assert then is not None
    assert (then.parts["value"], then.parts["mean"]) == (printed(2, weighted), printed(2, unweighted))


# --- Observatory, section 8: the kernels on the shared series -----------------------------------------------------


@pytest.mark.parametrize(
    ("year", "areas", "mean", "g", "t", "l"),
    [
        ("2000", 193, 6.697527, 0.753631, 1.161476, 1.542104),
        ("2010", 198, 28.926614, 0.450847, 0.344989, 0.488999),
        ("2013", 198, 35.824519, 0.392363, 0.260653, 0.349026),
    ],
)
def test_internet_use_of_the_world(
    shared_data: Path,
    year: str,
    areas: int,
    mean: float,
    g: float,
    t: float,
    l: float,  # noqa: E741
) -> None:
    with (shared_data / "population_un.csv").open(encoding="utf-8", newline="") as stream:
        people = {r["iso3"]: float(r["population"]) for r in csv.DictReader(stream) if r["year"] == year}
    with (shared_data / "wdi_panel_gapminder_2026.csv").open(encoding="utf-8", newline="") as stream:
        series = [r for r in csv.DictReader(stream) if r["indicator"] == "internet_users" and r["year"] == year]
    used = {r["iso3"]: float(r["value"]) for r in series if r["value"] and r["iso3"] in people}
    positive = {area: x for area, x in used.items() if x > 0}
    o = ordered(list(positive.values()), [people[area] for area in positive])
    assert len(positive) == areas
    assert (o.mean, gini(o), theil_t(o), theil_l(o)) == pytest.approx((mean, g, t, l), abs=5e-7)
    if year == "2013":
        assert gini(ordered(list(positive.values()))) == pytest.approx(0.398481, abs=5e-7)
