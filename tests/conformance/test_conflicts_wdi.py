"""The Factbook against the World Bank's series of internet use, and the e-government index that codes missing as zero.

Figures printed in the specification of evidence (sections 1, 7 and 15), measured on the shared data: Gapminder's copy
of the World Development Indicators of 2026-03-01 (CC BY 4.0) and the UN's E-Government Development Index 2010 to 2018.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from concordat import world
from concordat.evidence.aggregate import derive_bloc, derive_with_other, pick_weights
from concordat.evidence.catalogue import Catalogue, load_catalogue
from concordat.evidence.conflicts import Conflict, find_conflicts
from concordat.evidence.observation import Observation, make_observation
from concordat.evidence.provenance import Book
from concordat.evidence.quality import check_quality, quarantine
from concordat.evidence.resolve import resolve, yearly_series
from concordat.evidence.sources.factbook import parse_edition, read_edition

INTERNET = "internet_users_pct"
# area, year, Factbook, World Bank: the six pairs that lie further apart than 0.5 + 0.1.
SIX = {
    ("CHN", 2023, 78.0, 90.6),
    ("HUN", 2024, 92.0, 93.78),
    ("JAM", 2023, 83.0, 89.47),
    ("PAN", 2023, 78.0, 68.55),
    ("LCA", 2022, 74.0, 65.35),
    ("ASM", 1990, 40.3, 0.0),
}
# Country-years in both, by entry of the Factbook: Gaza Strip and West Bank are two entries of one area, so 205 areas.
PAIRS = 206


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def imported(file: Path, source_id: str, indicator_id: str, unit: str, column: str) -> Iterator[Observation]:
    """The rows of a shared file for one indicator, as the import of a CSV file would write them."""
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    with file.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), 2):
            if row.get("indicator", "internet_users") != "internet_users" or not row[column]:
                continue
            year = int(row["year"])
            yield make_observation(
                indicator_id=indicator_id,
                area=row["iso3"],
                period_start=date(year, 1, 1),
                period_end=date(year, 12, 31),
                value=float(row[column]),
                unit=unit,
                source_id=source_id,
                dataset_id=source_id,
                vintage_id=f"{source_id}-2026-03-01",
                known_from=date(2026, 3, 1),
                retrieved_at=datetime(2026, 3, 1, tzinfo=UTC),
                raw_sha256=sha256,
                raw_locator=f"row {number}",
                parser_version="1",
            )


@pytest.fixture(scope="module")
def wdi(shared_data: Path) -> list[Observation]:
    file = shared_data / "wdi_panel_gapminder_2026.csv"
    return list(imported(file, "worldbank_wdi", INTERNET, "percent", "value"))


@pytest.fixture(scope="module")
def factbook(catalogue: Catalogue) -> list[Observation]:
    rows, _ = parse_edition(read_edition(), catalogue)
    return [o for o in rows if o.indicator_id in (INTERNET, "population")]


@pytest.fixture(scope="module")
def conflicts(wdi: list[Observation], factbook: list[Observation], catalogue: Catalogue) -> list[Conflict]:
    return find_conflicts([*factbook, *wdi], catalogue)


def test_six_of_206_pairs_conflict(
    conflicts: list[Conflict], wdi: list[Observation], factbook: list[Observation]
) -> None:
    years = {(o.area, o.year) for o in wdi}
    entries = [o for o in factbook if o.indicator_id == INTERNET and o.value is not None and not o.derived_by]
    assert sum((o.area.partition(".")[0], o.year) in years for o in entries) == PAIRS
    assert len({o.key for o in factbook if o.value is not None} & {o.key for o in wdi}) == PAIRS - 1
    assert all((c.first.source_id, c.second.source_id) == ("worldbank_wdi", "cia_factbook") for c in conflicts)
    assert {(c.area, c.year, c.second.value, round(c.first.value or 0.0, 2)) for c in conflicts} == SIX
    assert len(conflicts) == len(SIX)


def test_the_limit_for_an_integer_of_the_factbook_is_0_6(conflicts: list[Conflict]) -> None:
    assert {c.area: round(c.limit, 9) for c in conflicts if c.area != "ASM"} == dict.fromkeys(
        ("CHN", "HUN", "JAM", "LCA", "PAN"), 0.6
    )


def test_shuffled_rows_give_the_same_conflicts(
    conflicts: list[Conflict], wdi: list[Observation], factbook: list[Observation], catalogue: Catalogue
) -> None:
    assert find_conflicts([*reversed(wdi), *reversed(factbook)], catalogue) == conflicts


def test_china_s_conflict_moves_the_bloc_most(
    wdi: list[Observation], factbook: list[Observation], catalogue: Catalogue
) -> None:
    """As seen in a study of 2023, the year on which the two sources differ; in 2024 only the World Bank speaks."""
    rows = [*factbook, *wdi]
    brics = world.members("BRICS", "2026-11-22")
    chosen = resolve(rows, catalogue, not_after=2023)
    figures = {area: chosen[INTERNET, area, ""] for area in brics}
    series = yearly_series(rows, catalogue, ["population"], not_after=2026)
    indicator = catalogue.indicators[INTERNET]
    weights = pick_weights(indicator, figures, series, brics, not_after=2026)
    book = Book()
    record = derive_bloc(book, indicator, figures, weights, brics)
    assert len(brics) == 10
    assert record.parts["conflict_area"] == "CHN"
    (other,) = figures["CHN"].conflicts
    then = derive_with_other(book, record, other)
    assert then is not None
    assert then.parts["value"] == pytest.approx(record.parts["conflict_value"])
    # 12.6 points of China are about 4.6 points of the bloc: from 68.1 to 72.7 (section 1).
    assert record.parts["conflict_shift"] == pytest.approx(-4.6, abs=0.05)
    assert (figures["CHN"].lower, figures["CHN"].upper) == (78.0, 90.6)


def test_china_s_jump_is_found_in_the_world_bank_s_own_series(wdi: list[Observation], catalogue: Catalogue) -> None:
    found = check_quality([o for o in wdi if o.area == "CHN"], catalogue, not_after=2026)
    assert [f.text for f in found if f.rule == "jump"] == [
        "internet_users_pct of CHN in 2023: 75.6113 in 2022, 90.6 in 2023; over 10 a year."
    ]


def test_the_zeros_of_the_e_government_index_are_quarantined(shared_data: Path, catalogue: Catalogue) -> None:
    file = shared_data / "egdi_2010_2018.csv"
    rows = list(imported(file, "un_desa", "egovernment_index", "index_0_1", "egdi"))
    refused = quarantine(rows, catalogue)
    assert {o.area for o in rows if o.year == 2012 and (o.vintage_id, o.obs_id) in refused} == {"CAF", "GIN", "LBY"}
    assert all(o.value == 0 for o in rows if (o.vintage_id, o.obs_id) in refused)
    with file.open(encoding="utf-8", newline="") as stream:
        one_component = {
            (row["iso3"], int(row["year"]))
            for row in csv.DictReader(stream)
            if row["egdi"] and float(row["egdi"]) > 0 and any(row[c] and float(row[c]) == 0 for c in ("epi", "osi"))
        }
    kept = {(o.area, o.year) for o in rows if (o.vintage_id, o.obs_id) not in refused}
    assert one_component
    assert one_component <= kept
