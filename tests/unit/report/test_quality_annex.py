"""The annex with a second source: both values of a conflict, which is used, what the other would change; places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.citation import Origin
from concordat.evidence.loading import load
from concordat.evidence.provenance import Book, Fact
from concordat.evidence.quality import Finding
from concordat.evidence.sources._base import Answer, Meta
from concordat.evidence.store import open_store
from concordat.report import build
from concordat.report.chapter import Cell, Chapter, Table
from concordat.report.inputs import Inputs, who_is_in
from concordat.report.quality_places import Places
from concordat.report.study import study_for_bloc
from concordat.settings import Settings

ORIGIN = Origin(
    dataset_id="wdi",
    source_id="worldbank_wdi",
    producer="World Bank",
    title="World Development Indicators",
    published="2026",
    packaged_in="",
    url="https://example.org/",
    licence="CC-BY-4.0",
)


def parse(body: bytes, meta: Meta) -> Iterator[Any]:
    for number, line in enumerate(body.decode().splitlines(), 1):
        indicator, area, value, unit = line.split(",")
        columns: dict[str, Any] = {"period_start": date(2023, 1, 1), "period_end": date(2023, 12, 31), "unit": unit}
        yield meta.row(f"row {number}", indicator_id=indicator, area=area, value=float(value), **columns)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Inputs, Chapter]:
    """China's internet use of 2023 is 90.6 in one source, and 78 in the Factbook; another code is unverified."""
    folder = tmp_path_factory.mktemp("annex") / "data"
    body = b"internet_users_pct,CHN,90.6,percent\nfixed_lines_per_100,CHN,12.1,per_100\n"
    answer = Answer(body, "wdi.csv", "file:wdi.csv", datetime(2026, 3, 1, tzinfo=UTC))
    study, book = study_for_bloc("BRICS", on="2026-11-22"), Book()
    with open_store(folder) as store:
        load(store, load_catalogue(), ORIGIN, [answer], parse, parser_version="1", published=date(2026, 3, 1))
        inputs = build.gather(study, who_is_in(study, book), Settings(folder), store, book)
        report = build.compose(inputs, build.citations_of(inputs))
    chapter = next(c for c in report.chapters if c.id == "quality")
    assert isinstance(chapter, Chapter)
    return inputs, chapter


def table(chapter: Chapter, table_id: str) -> dict[str, dict[str, Cell]]:
    found = next(b for b in chapter.blocks if isinstance(b, Table) and b.id == table_id)
    return {r.id: dict(zip((c.id for c in found.columns), r.cells, strict=True)) for r in found.rows}


def test_a_conflict_shows_both_values_the_one_in_use_and_the_blocs_figure_with_the_other(
    told: tuple[Inputs, Chapter],
) -> None:
    """With the Factbook's 78 the figure of BRICS (10) is 68.13, specification of evidence, section 10."""
    row = table(told[1], "quality-conflicts")["CHN.internet_users_pct.2023"]
    assert row["first"].main is not None
    assert row["second"].main is not None
    assert row["with_other"].main is not None
    assert (row["first"].main.value, row["second"].main.value) == (90.6, 78.0)
    assert row["used"].text == "the preferred one"
    assert row["with_other"].main.value == pytest.approx(68.13, abs=0.005)


def test_codes_that_nobody_has_checked_are_listed_with_their_dataset(told: tuple[Inputs, Chapter]) -> None:
    rows = table(told[1], "quality-codes")
    assert {r["dataset"].text for r in rows.values()} == {"wdi"}
    titles = [r.title for b in told[1].blocks if isinstance(b, Table) and b.id == "quality-codes" for r in b.rows]
    assert titles == [load_catalogue().indicators["fixed_lines_per_100"].name("en")]


def test_without_an_earlier_release_the_annex_says_how_there_will_be_one(told: tuple[Inputs, Chapter]) -> None:
    texts = [str(run) for b in told[1].blocks if hasattr(b, "runs") for run in b.runs]  # type: ignore[union-attr]
    assert any("compared with no earlier release" in text for text in texts)
    assert any("concordat evidence release 2026-11" in text for text in texts)


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("row 2", "row 2"),
        ("row 2, value", "row 2, value"),
        ("wdi.csv, row 2", "row 2"),
        ("line 2", "line 2"),
        ("Sheet1!B7", "Sheet1!B7"),
    ],
)
def test_a_finding_of_a_vintage_with_one_body_leads_into_it(
    told: tuple[Inputs, Chapter], where: str, place: str
) -> None:
    inputs = told[0]
    (vintage,) = [v for v in inputs.vintages if v.dataset_id == "wdi"]
    fact = place_of(inputs, where, vintage.id)
    assert (fact.file, fact.locator) == (f"raw/{vintage.raw[0]}", place)


def test_a_finding_whose_bytes_cannot_be_told_leads_to_the_line_of_the_study_that_names_its_vintage(
    told: tuple[Inputs, Chapter],
) -> None:
    inputs = told[0]
    factbook = next(v for v in inputs.vintages if v.dataset_id == "cia_factbook")
    number = [v.dataset for v in inputs.study.vintages].index("cia_factbook")
    fact = place_of(inputs, "row 3", factbook.id)
    assert (fact.file, fact.locator) == ("study.yaml", f"#/report/vintages/{number}/vintage")
    assert fact.parts["where"] == "row 3"
    assert place_of(inputs, "somewhere", "").locator == "#/report/release"


def test_of_several_bodies_the_one_with_a_row_at_the_place_is_meant(told: tuple[Inputs, Chapter]) -> None:
    inputs = told[0]
    (vintage,) = [v for v in inputs.vintages if v.dataset_id == "wdi"]
    several = replace(inputs, vintages=(replace(vintage, raw=("ab" * 32, *vintage.raw)),))
    assert place_of(several, "row 2", vintage.id).file == f"raw/{vintage.raw[0]}"
    assert place_of(several, "row 9", vintage.id).file == "study.yaml"


def place_of(inputs: Inputs, where: str, vintage_id: str) -> Fact:
    finding = Finding("bounds", "error", True, "internet_users_pct", "CHN", where, "odd", (), vintage_id)
    record = inputs.book[Places.of(inputs).fact(finding)]
    assert isinstance(record, Fact)
    return record
