"""A whole report that is compared with an earlier release: rebuilt to the same bytes, each number traced, small.

Two invented editions of internet use as CSV beside the Factbook, with a row that can't be read: the annex must lead its
findings to the bytes of the CSV too.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from concordat import clock
from concordat.cli import main
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.citation import Origin
from concordat.evidence.loading import load
from concordat.evidence.observation import Observation
from concordat.evidence.prov import Provenance, read_provenance
from concordat.evidence.provenance import Derived, Fact, Record
from concordat.evidence.sources._base import Answer, Meta, Problem
from concordat.evidence.store import open_store
from concordat.evidence.trace import Tracer

COUNTRIES = "BRA,ETH,IND"
EDITIONS = {
    date(2025, 6, 1): "area,year,value\nBRA,2024,80.5\nETH,2024,20.5\nIND,2024,60.5\n",
    date(2026, 6, 1): "area,year,value\nBRA,2024,81.5\nETH,2024,19.5\nIND,2025,66.5\nIND,2026,n/a\n",
}
ORIGIN = Origin(
    dataset_id="office-ict",
    source_id="member_official",
    producer="An office",
    title="Internet use, invented",
    published="2026",
    packaged_in="",
    url="https://example.org/",
    licence="CC-BY-4.0",
)


def parse(body: bytes, meta: Meta) -> Iterator[Observation | Problem]:
    for number, row in enumerate(csv.DictReader(io.StringIO(body.decode())), 2):
        where, year = f"row {number}, value", int(row["year"])
        if row["value"] == "n/a":
            text = f"{row['value']} is no number."
            yield Problem("year_inherited", "info", where, text, "internet_users_pct", row["area"])
            continue
        yield meta.row(
            where,
            indicator_id="internet_users_pct",
            area=row["area"],
            period_start=date(year, 1, 1),
            period_end=date(year, 12, 31),
            unit="percent",
            value=float(row["value"]),
            precision=0.05,
        )


def add(data_dir: Path, published: date) -> None:
    answer = Answer(EDITIONS[published].encode(), "ict.csv", "file:ict.csv", datetime(2026, 11, 1, tzinfo=UTC))
    with open_store(data_dir) as store:
        load(store, load_catalogue(), ORIGIN, [answer], parse, parser_version="1", published=published)


def run(*words: str) -> None:
    assert main([*words]) == 0, words


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("moved-report") / "data"
    first, second = EDITIONS
    with clock.fixed("2025-11-22"):
        add(folder, first)
        run("evidence", "release", "2025-11", "--data-dir", str(folder))
    add(folder, second)
    return folder


@pytest.fixture(scope="module")
def folder(data_dir: Path) -> Path:
    out = data_dir.parent / "report"
    with clock.fixed("2026-11-22"):
        run("assess", "--countries", COUNTRIES, "--out", str(out), "--data-dir", str(data_dir), "--quiet")
    return out


@pytest.fixture(scope="module")
def said(folder: Path) -> Provenance:
    return read_provenance((folder / "provenance.json").read_bytes())


def hashes(folder: Path) -> dict[str, str]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_report_is_rebuilt_to_the_same_bytes_although_another_release_was_named_since(
    data_dir: Path, folder: Path, tmp_path: Path
) -> None:
    with clock.fixed("2027-03-01"):
        run("evidence", "release", "2027-03", "--data-dir", str(data_dir))
        study = str(folder / "study.yaml")
        run("assess", "--study", study, "--out", str(tmp_path / "again"), "--data-dir", str(data_dir), "--quiet")
    assert hashes(tmp_path / "again") == hashes(folder)


def test_a_store_with_the_vintages_alone_and_no_release_rebuilds_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    data_dir = str(tmp_path / "data")
    for published in EDITIONS:
        add(tmp_path / "data", published)
    run("evidence", "coverage", "--data-dir", data_dir)  # loads the Factbook
    words = ("--study", str(folder / "study.yaml"), "--out", str(tmp_path / "again"), "--data-dir", data_dir)
    run("assess", *words, "--quiet")
    assert hashes(tmp_path / "again") == hashes(folder)


def test_records_of_both_releases_changes_and_findings_are_traced_to_bytes(
    data_dir: Path, folder: Path, said: Provenance
) -> None:
    def about(record_id: str, record: Record) -> bool:
        if isinstance(record, Derived):
            return record.function.startswith("evidence.revisions.")
        return isinstance(record, Fact) if not isinstance(record, Observation) else record.obs_id != record_id

    wanted = [i for i, record in said.records.items() if about(i, record)]
    assert len(wanted) > 10
    with open_store(data_dir) as store:
        tracer = Tracer(store, said, folder)
        assert all(tracer.whole(record_id, "").id == record_id for record_id in wanted)


def test_figures_of_the_earlier_release_say_what_its_own_bytes_say(folder: Path, said: Provenance) -> None:
    first = EDITIONS[date(2025, 6, 1)]
    lines = list(csv.reader(io.StringIO(first)))
    earlier = {i: r for i, r in said.records.items() if isinstance(r, Observation) and r.obs_id != i}
    assert {r.area for r in earlier.values()} == {"BRA", "ETH", "IND"}
    for record in earlier.values():
        assert record.raw_sha256 == hashlib.sha256(first.encode()).hexdigest()
        row = lines[int(re.fullmatch(r"row (\d+), value", record.raw_locator)[1]) - 1]  # type: ignore[index]
        assert (row[0], int(row[1]), float(row[2])) == (record.area, record.year, record.value)
    printed = (folder / "report.html").read_text(encoding="utf-8")
    assert all(f"data-obs={i[:8]}" in printed for i in earlier)


def test_a_finding_about_a_row_of_a_csv_file_leads_into_that_file(said: Provenance) -> None:
    body = EDITIONS[date(2026, 6, 1)].encode()
    (fact,) = [r for r in said.records.values() if isinstance(r, Fact) and r.parts.get("found") == "n/a is no number."]
    assert fact.file == f"raw/{hashlib.sha256(body).hexdigest()}"
    assert fact.locator == "row 5, value"


def test_licence_and_title_of_an_imported_dataset_stand_in_the_method(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    method = page[page.index('id="method"') :]
    assert "Internet use, invented" in method
    assert re.search(r"Internet use, invented.*?CC BY 4\.0", method, re.S)


def test_the_annex_counts_the_revisions_of_figures_in_use(folder: Path) -> None:
    with (folder / "data.csv").open(encoding="utf-8", newline="") as file:
        rows = {r["cell"].partition(":")[2]: r for r in csv.DictReader(file)}
    counted = {k.partition(":")[0]: float(r["value"]) for k, r in rows.items()
               if re.fullmatch(r"(changed|beyond|restatused|added|withdrawn):figures", k)}  # fmt: skip
    # Changed: Brazil and Ethiopia. India's 2024 is gone, its 2025 is new.
    assert counted == {"changed": 2, "beyond": 2, "restatused": 0, "added": 1, "withdrawn": 1}


def test_the_chapter_weighs_no_more_than_its_budget(data_dir: Path) -> None:
    from concordat.evidence.provenance import Book
    from concordat.report import build, render_html
    from concordat.report.chapter import Chapter, Figure, Report
    from concordat.report.inputs import who_is_in
    from concordat.report.study import study_for_bloc
    from concordat.settings import Settings

    study, book = study_for_bloc("BRICS", on="2026-11-22"), Book()
    with clock.fixed("2026-11-22"), open_store(data_dir) as store:
        inputs = build.gather(study, who_is_in(study, book), Settings(data_dir), store, book)
        report = build.compose(inputs, build.citations_of(inputs))
    without = replace(report, chapters=tuple(c for c in report.chapters if c.id != "moved"))

    def weigh(one: Report) -> int:
        return len(gzip.compress(render_html.render(one, inputs.words)))

    assert weigh(report) - weigh(without) <= 10_000
    (chapter,) = [c for c in report.chapters if c.id == "moved"]
    assert isinstance(chapter, Chapter)
    assert sum(isinstance(b, Figure) for b in chapter.blocks) <= 4
