"""The chapter on what moved: which release it compares with, why each figure moved, and steps that add up.

An invented office gives internet use of the ten members of BRICS twice; the rest is the Factbook, the same in both
releases. Bloc figures are computed a second time here, from the populations in the release.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.errors import InputError, StateError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.citation import Origin
from concordat.evidence.embedded import latest_vintages
from concordat.evidence.loading import load
from concordat.evidence.provenance import Book
from concordat.evidence.sources._base import Answer, Meta
from concordat.evidence.store import Release, ReleaseVintage, open_store
from concordat.report import build
from concordat.report.chapter import Cell, Chapter, Figure, Missing, Num, Table
from concordat.report.chapters.moved import read
from concordat.report.earlier import default_release
from concordat.report.inputs import Inputs, who_is_in
from concordat.report.study import Study, read_study
from concordat.settings import Settings
from concordat.world import table_hash

MEMBERS = ("ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "IRN", "RUS", "ZAF")
THEN = {"ARE": 99, "BRA": 80, "CHN": 90, "EGY": 74, "ETH": 20, "IDN": 70, "IND": 60, "IRN": 80, "RUS": 93, "ZAF": 70}
FIRST = [(area, 2024, value) for area, value in THEN.items()]
# Brazil is revised; India has a new year; China has one too, and its former year is revised; South Africa's is gone.
SECOND = [
    *((area, 2024, value) for area, value in THEN.items() if area not in ("BRA", "CHN", "ZAF")),
    ("BRA", 2024, 82), ("IND", 2025, 64), ("CHN", 2024, 88), ("CHN", 2025, 92),
]  # fmt: skip
NOW = THEN | {"BRA": 82, "IND": 64, "CHN": 92, "ZAF": 76}  # South Africa: the Factbook's 76 of 2023
ORIGIN = Origin(
    dataset_id="office-ict",
    source_id="worldbank_wdi",
    producer="An office",
    title="Internet use, invented",
    published="2025",
    packaged_in="",
    url="https://example.org/",
    licence="CC-BY-4.0",
)
STUDY = """schema: concordat/study@1
bloc: {{id: BRICS, date: 2026-11-22, with: []}}
indicators: {{only: [internet_users_pct, fixed_broadband_per_100]}}
{moved}
"""


def parse(body: bytes, meta: Meta) -> Iterator[Any]:
    for number, row in enumerate(csv.DictReader(io.StringIO(body.decode())), 2):
        year = int(row["year"])
        yield meta.row(
            f"row {number}, value",
            indicator_id="internet_users_pct",
            area=row["area"],
            period_start=date(year, 1, 1),
            period_end=date(year, 12, 31),
            unit="percent",
            value=float(row["value"]),
            precision=0.5,
        )


def add(data_dir: Path, rows: list[tuple[str, int, int]], published: date) -> None:
    body = "area,year,value\n" + "".join(f"{a},{y},{v}\n" for a, y, v in rows)
    answer = Answer(body.encode(), "ict.csv", "file:ict.csv", datetime(2026, 11, 1, tzinfo=UTC))
    with open_store(data_dir) as store:
        load(store, load_catalogue(), ORIGIN, [answer], parse, parser_version="1", published=published)


def name_release(data_dir: Path, name: str) -> None:
    with open_store(data_dir) as store:
        newest = latest_vintages(store, load_catalogue())
        store.make_release(name, newest, load_catalogue().hash, table_hash("blocs.yaml"))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the release 2025-11 and a newer vintage of one of its datasets."""
    folder = tmp_path_factory.mktemp("moved") / "data"
    with clock.fixed("2025-11-22"):
        add(folder, FIRST, date(2025, 6, 1))
        name_release(folder, "2025-11")
    add(folder, SECOND, date(2026, 6, 1))
    return folder


def composed(data_dir: Path, moved: str = "", **changes: Any) -> tuple[Inputs, Chapter | Missing]:
    study: Study = replace(read_study(STUDY.format(moved=moved)), **changes)
    book = Book()
    with clock.fixed("2026-11-22"), open_store(data_dir) as store:
        inputs = build.gather(study, who_is_in(study, book), Settings(data_dir), store, book)
        report = build.compose(inputs, build.citations_of(inputs))
    return inputs, next(c for c in report.chapters if c.id == "moved")


@pytest.fixture(scope="module")
def told(data_dir: Path) -> tuple[Inputs, Chapter]:
    inputs, chapter = composed(data_dir)
    assert isinstance(chapter, Chapter)
    return inputs, chapter


def table(chapter: Chapter | Missing, table_id: str) -> dict[str, dict[str, Cell]]:
    assert isinstance(chapter, Chapter)
    found = next(b for b in chapter.blocks if isinstance(b, Table) and b.id == table_id)
    return {r.id: dict(zip((c.id for c in found.columns), r.cells, strict=True)) for r in found.rows}


def weighted(inputs: Inputs, values: dict[str, int], areas: tuple[str, ...] = MEMBERS) -> float:
    """The mean of the members' values weighted by population, by hand."""
    people = {o.area: o.value for o in inputs.observations if (o.indicator_id, o.breakdown) == ("population", "")}
    return sum(people[a] * values[a] for a in areas) / sum(people[a] for a in areas)  # type: ignore[operator,misc]


# --- Causes and steps -----------------------------------------------------------------------------------------------


def test_each_member_whose_figure_moved_is_listed_with_the_reason(told: tuple[Inputs, Chapter]) -> None:
    rows = table(told[1], "moved-members")
    said = {row_id: (cells["before"].main, cells["now"].main, cells["cause"].text) for row_id, cells in rows.items()}
    found = {area.partition(".")[0]: (a.value, b.value, why) for area, (a, b, why) in said.items() if a and b}
    assert found == {
        "BRA": (80.0, 82.0, "the publisher revised the value"),
        "CHN": (90.0, 92.0, "another year; the former was revised too"),
        "IND": (60.0, 64.0, "another year"),
        "ZAF": (70.0, 76.0, "another source"),
    }
    change = rows["BRA.internet_users_pct"]["change"].main
    assert change is not None
    assert (change.value, change.lower, change.upper, change.unit) == (2.0, 1.0, 3.0, "points")  # 0.5 of each edition


def test_the_blocs_figure_is_taken_apart_into_steps_that_add_up(told: tuple[Inputs, Chapter]) -> None:
    inputs, chapter = told
    row = table(chapter, "moved-bloc")["internet_users_pct"]
    revised = THEN | {"BRA": 82, "CHN": 88}
    newer = revised | {"CHN": 92, "IND": 64}
    stages = [weighted(inputs, values) for values in (THEN, revised, newer, NOW)]
    wanted = {"before": stages[0], "now": stages[-1], "change": stages[-1] - stages[0]}
    wanted |= dict(zip(("revised", "newer", "source"), (b - a for a, b in pairwise(stages)), strict=True))
    found = {name: cell.main.value for name, cell in row.items() if cell.main is not None}
    assert found == {name: pytest.approx(value) for name, value in wanted.items()}
    assert "fixed_broadband_per_100" not in table(chapter, "moved-bloc"), "what did not move is named in a line"


def test_the_counts_in_the_text_are_those_of_the_causes(told: tuple[Inputs, Chapter]) -> None:
    inputs, chapter = told
    (runs,) = [b.runs for b in chapter.blocks if hasattr(b, "runs") and sum(isinstance(r, Num) for r in b.runs) == 5]
    assert [r.value for r in runs if isinstance(r, Num)] == [1, 2, 1, 0, 0]
    (headline,) = chapter.headlines
    numbers = [r for r in headline.runs if isinstance(r, Num)]
    assert numbers[0].value == 10  # BRICS (10)
    assert numbers[1].value == pytest.approx(weighted(inputs, THEN))
    assert numbers[2].value == pytest.approx(weighted(inputs, NOW))


def test_the_slope_shows_every_member_and_its_words_name_the_largest_move(told: tuple[Inputs, Chapter]) -> None:
    (figure,) = [b for b in told[1].blocks if isinstance(b, Figure)]
    assert {r.id for r in figure.table.rows} == set(MEMBERS)
    assert "Brazil, from 80% to 82%" in figure.alt


def test_an_earlier_row_is_a_record_of_its_own_and_an_unmoved_one_is_not(told: tuple[Inputs, Chapter]) -> None:
    inputs, chapter = told
    row = table(chapter, "moved-members")["BRA.internet_users_pct"]
    assert row["before"].main is not None
    assert row["now"].main is not None
    before, now = inputs.book[row["before"].main.id], inputs.book[row["now"].main.id]
    assert before.obs_id == now.obs_id == row["now"].main.id != row["before"].main.id  # type: ignore[union-attr]
    factbook = [i for i, r in inputs.book.items() if getattr(r, "dataset_id", "") == "cia_factbook"]
    assert all(inputs.book[i].obs_id == i for i in factbook)  # type: ignore[union-attr]


def test_who_joined_since_is_a_step_of_its_own(data_dir: Path) -> None:
    inputs, chapter = composed(data_dir, "moved: {since: 2025-11, on: 2025-01-01}")
    row = table(chapter, "moved-bloc")["internet_users_pct"]
    without = tuple(a for a in MEMBERS if a != "IDN")  # joined in January 2025
    assert row["before"].main is not None
    assert row["members"].main is not None
    joined = weighted(inputs, NOW) - weighted(inputs, NOW, without)
    assert row["members"].main.value == pytest.approx(joined)
    texts = [r for b in chapter.blocks if hasattr(b, "runs") for r in b.runs]  # type: ignore[union-attr]
    assert any("Members now and not on January 1, 2025: Indonesia." in str(r) for r in texts)


# --- Which release --------------------------------------------------------------------------------------------------


def test_without_an_earlier_release_the_chapter_says_how_to_name_one(evidence_dir: Path) -> None:
    _, chapter = composed(evidence_dir)
    assert isinstance(chapter, Missing)
    assert chapter.reason == "no earlier release is named here to compare with."
    assert chapter.what_to_load == "concordat evidence release 2026-11"


def test_a_study_may_compare_with_none(data_dir: Path) -> None:
    inputs, chapter = composed(data_dir, "moved: {since: null}")
    assert isinstance(chapter, Missing)
    assert inputs.study.resolved["moved"] == {"since": None}


def test_a_release_that_is_not_here_stops_the_report(data_dir: Path) -> None:
    with pytest.raises(StateError, match="there is no release 2019-11"):
        composed(data_dir, "moved: {since: 2019-11}")


def test_the_written_study_names_the_vintages_and_missing_ones_stop_the_report(data_dir: Path, tmp_path: Path) -> None:
    inputs, _ = composed(data_dir)
    written = inputs.study.as_yaml()
    again = read_study(written)
    assert read(again).as_data() == {"moved": inputs.study.resolved["moved"]}
    assert [v.dataset for v in read(again).vintages] == ["cia_factbook", "office-ict"]
    add(tmp_path / "data", SECOND, date(2026, 6, 1))
    with pytest.raises(StateError, match="the release 2025-11 needs vintages that are not here: office-ict/2025-06-01"):
        composed(tmp_path / "data", "moved: " + str(inputs.study.resolved["moved"]).replace("'", '"'))


@pytest.mark.parametrize(
    ("moved", "message"),
    [
        ("moved: {sinc: 2025-11}", 'line 4.*"sinc"'),
        ("moved: {since: 2025-11, on: November}", '"November" is not a day'),
        ("moved: {vintages: [{dataset: a, vintage: b, logical_hash: c}]}", "need its name"),
    ],
)
def test_a_wrong_key_names_its_line_and_what_to_do(moved: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(read_study(STUDY.format(moved=moved)))
    assert re.search(message, str(error.value))


def release(name: str, day: int, vintage: str) -> Release:
    named = (ReleaseVintage("d", vintage, "h"),)
    made = datetime(2026, 1, day, tzinfo=UTC)
    return Release(name=name, made_at=made, catalogue_hash="", blocs_hash="", vintages=named, hash=name)


@pytest.mark.parametrize(
    ("used", "here", "found"),
    [
        (("auto-1", 9, "v3"), [], None),
        (("auto-1", 9, "v3"), [("auto-0", 1, "v1")], None),
        (("auto-1", 9, "v3"), [("2025-10", 1, "v1"), ("2025-11", 2, "v2")], "2025-11"),
        (("auto-1", 9, "v3"), [("2025-10", 1, "v1"), ("2025-11", 2, "v3")], "2025-10"),
        (("2025-11", 2, "v2"), [("2025-10", 1, "v1"), ("2025-11", 2, "v2"), ("2026-11", 3, "v3")], "2025-10"),
        (("2025-10", 1, "v1"), [("2025-10", 1, "v1"), ("2026-11", 3, "v3")], None),
    ],
)
def test_the_default_is_the_newest_earlier_named_release_with_other_data(
    used: tuple[str, int, str], here: list[tuple[str, int, str]], found: str | None
) -> None:
    chosen = default_release(release(*used), [release(*one) for one in here])
    assert (chosen.name if chosen else None) == found
