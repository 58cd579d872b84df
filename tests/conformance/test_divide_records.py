"""The divide against the world and over time, through the records that reports print, against the specification.

Section 8 of the specification prints Theil's T between and within BRICS and years behind South Korea, computed from two
files of the shared data. Here both files go through import, book and report; tolerance is half of the last digit
printed there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from concordat import world
from concordat.cli import main
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.observation import Observation
from concordat.evidence.prov import Provenance, read_provenance
from concordat.evidence.provenance import Book, Derived
from concordat.evidence.sources import tabular
from concordat.evidence.sources._base import Meta
from concordat.observatory.divide.records import derive_split

ON = "2026-11-22"
PANEL, PEOPLE = "wdi_panel_gapminder_2026.csv", "population_un.csv"
MAPS = {
    PANEL: "class: worldbank_wdi}\ncolumns: {area: {column: iso3}, period: {column: year}, value: {column: value}, "
    "indicator: {column: indicator, others: leave_out, values: {internet_users: {indicator: internet_users_pct, "
    "unit: percent}}}}\n",
    PEOPLE: "class: un_wpp}\ncolumns: {area: {column: iso3}, period: {column: year}, value: {column: population}}\n"
    "value_is: {indicator: population, unit: count}\n",
}


def mapping(file: str) -> str:
    about = f"id: {Path(file).stem.replace('_', '-')}, title: T, producer: P, published: 2026-03-01, licence: CC-BY-4.0"
    return f"schema: concordat/import@1\nfile: {file}\ndataset: {{{about}, {MAPS[file]}"


Rows = dict[str, dict[int, dict[str, Observation]]]


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> Rows:
    """File -> year -> area -> its row."""
    found: Rows = {}
    for file in MAPS:
        importer = tabular.read_mapping(mapping(file).encode(), load_catalogue(), where="map.yaml")
        meta = Meta(
            importer.source_id, file, "v1", date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC), "ab" * 32, file, "1"
        )
        by_year = found.setdefault(file, {})
        for row in importer.parse((shared_data / file).read_bytes(), meta):
            if isinstance(row, Observation):
                by_year.setdefault(row.year, {})[row.area] = row
    return found


@pytest.mark.parametrize(
    ("year", "n", "between", "within"),
    [(2000, 193, 0.408895, 0.752581), (2010, 198, 0.024759, 0.320230), (2013, 198, 0.008148, 0.252504)],
)
def test_the_record_of_a_year_says_what_the_specification_says(
    rows: Rows, year: int, n: int, between: float, within: float
) -> None:
    figures = {a: o for a, o in rows[PANEL][year].items() if (o.value or 0.0) > 0 and a in rows[PEOPLE][year]}
    bloc = {*world.members("BRICS", ON), "SAU"}
    groups = {"bloc": {a: "in" if a in bloc else "out" for a in figures}}
    parts = derive_split(Book(), figures, rows[PEOPLE][year], sorted(figures), groups, 0.9, 0.7).parts
    assert parts["n_weighted"] == n
    assert parts["weighted_bloc_between"] == pytest.approx(between, abs=5e-7)
    assert parts["weighted_bloc_within"] == pytest.approx(within, abs=5e-7)
    assert parts["weighted_total"] == pytest.approx(between + within, abs=1e-6)
    assert parts["weighted_bloc_share"] == pytest.approx(100 * between / (between + within), abs=1e-3)


# --- A whole report on these series -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on BRICS with both files imported beside the Factbook."""
    here = tmp_path_factory.mktemp("series")
    place = ["--data-dir", str(here / "data")]
    for file in MAPS:
        shutil.copy(shared_data / file, here / file)
        (here / f"{file}.yaml").write_text(mapping(file), encoding="utf-8")
        assert main(["evidence", "import", str(here / file), "--map", str(here / f"{file}.yaml"), *place]) == 0
    out = here / "report"
    words = ["assess", "BRICS", "--on", ON, "--out", str(out), "--quiet", *place]
    assert main(words) == 0
    assert main(["evidence", "verify", "--report", str(out), *place]) == 0
    return out


@pytest.fixture(scope="module")
def parts_of_function(made: Path) -> Callable[[str], list[dict[str, object]]]:
    said: Provenance = read_provenance((made / "provenance.json").read_bytes())

    def found(name: str) -> list[dict[str, object]]:
        function = f"observatory.divide.records.{name}@1"
        return [dict(r.parts) for r in said.records.values() if isinstance(r, Derived) and r.function == function]

    return found


def test_years_behind_south_korea_are_those_of_the_specification(
    parts_of_function: Callable[[str], list[dict[str, object]]],
) -> None:
    (parts,) = parts_of_function("distance")
    expected = {"BRA": 11.438, "RUS": 7.316, "IND": 21.059, "CHN": 8.286, "ZAF": 17.531, "ETH": 22.410}
    assert {a: parts[f"years_{a}"] for a in expected} == pytest.approx(expected, abs=5e-4)
    assert (parts["years_ARE"], parts["reason_ARE"]) == (None, "never_reached")


def test_years_are_five_apart_and_as_in_the_world_inequality_falls(
    parts_of_function: Callable[[str], list[dict[str, object]]],
) -> None:
    by_year = {p["year_min"]: p for p in parts_of_function("split") if p["year_min"] == p["year_max"]}
    assert sorted(by_year) == [1997, 2002, 2007, 2012, 2017, 2022]
    assert all(p["weighted_reason"] is None for p in by_year.values())
    totals = [by_year[y]["weighted_total"] for y in sorted(by_year)]
    assert totals == sorted(totals, reverse=True)


def test_convergence_watches_the_members_that_have_both_years(
    parts_of_function: Callable[[str], list[dict[str, object]]],
) -> None:
    """Ethiopia's series ends in 2021; India has no figure for that year."""
    (parts,) = parts_of_function("convergence")
    assert (parts["first"], parts["last"], parts["n"]) == (2012, 2022, 9)
    assert [y for y in range(2012, 2023) if f"sd_{y}" not in parts] == [2021]


def test_the_pictures_of_the_chapter_are_four(made: Path) -> None:
    drawn = {f.stem for f in (made / "figures").glob("*.svg")}
    assert {"without", "lorenz", "years-behind", "divide-years"} < drawn
