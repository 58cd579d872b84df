"""`assess` with scenarios, tables and a plan of the study: the chapters, their way back, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from concordat import canonical, clock
from concordat.cli import main
from concordat.evidence.store import open_store
from concordat.report.check import check_report

EXAMPLE = Path(__file__).parents[2] / "examples" / "southern-cone"
QUIET = ("--quiet", "--on", "2026-11-22")
TABLE = """# kind: io_table
# year: 2018
domestic,a,b,final
a,10,20,70
b,30,10,60
value_added,60,70,
"""
STUDY = """schema: concordat/study@1
bloc: {id: BRICS, date: 2026-11-22}
impact:
  scenarios: [scenario.yaml]
  tables: [{area: BRA, files: [table.csv], digital_set: SET}]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence_dir: Path) -> Path:
    """A working folder with the example's scenario; the store of evidence is the session's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(evidence_dir))
    for name in ("scenario.yaml", "trade-2006.csv"):
        shutil.copy(EXAMPLE / name, tmp_path / name)
    text = (tmp_path / "scenario.yaml").read_text("utf-8").replace("draws: 1000", "draws: 200")
    (tmp_path / "scenario.yaml").write_text(text, "utf-8")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with clock.fixed("2026-11-22"):
        code = main(["assess", *words])
    return code, capsys.readouterr().err


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_scenario_is_in_the_report_and_the_report_rebuilds_from_its_study(
    here: Path, capsys: pytest.CaptureFixture[str], evidence_dir: Path
) -> None:
    assert said(capsys, "BRICS", "--scenario", "scenario.yaml", "--out", "one", *QUIET)[0] == 0
    study = (here / "one" / "study.yaml").read_text("utf-8")
    assert "trade-2006.csv: " in study
    assert "scenario.yaml: " in study
    kept = canonical.loads((here / "one" / "impact.json").read_bytes(), floats=True)
    page = (here / "one" / "report.html").read_text("utf-8")
    for words in (
        "Gains and losses: A common rule",
        "UNVERIFIED",
        "The trade data are of",
        "Transfers under each rule",
    ):
        assert words in page
    assert said(capsys, "--study", "one/study.yaml", "--out", "two", "--quiet")[0] == 0
    assert files_of(here / "one") == files_of(here / "two")
    with open_store(evidence_dir) as store:
        checked = check_report(here / "one", store)
    assert (checked.faults, checked.lacking) == ((), ())
    assert checked.followed == checked.records
    _same_as_the_command(kept, capsys)
    _changed_files_are_refused(here, capsys)


def _same_as_the_command(kept: dict, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[type-arg]
    """The report's numbers are those of `scenario run`."""
    assert main(["scenario", "run", "scenario.yaml", "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    by_code = {row["economy"]: row for row in alone["economies"]}
    rows = [r for r in kept["rows"]["effect"] if r["measure"] == "real_income_pct"]
    assert len(rows) == 69
    for row in rows:
        wanted = by_code[row["economy"]]["real_income_pct"]["quantiles"]
        assert [row["lower"], row["value"], row["upper"]] == pytest.approx(
            [wanted["q05"], wanted["q50"], wanted["q95"]], abs=1e-7
        )


def _changed_files_are_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (here / "scenario.yaml").read_text("utf-8")
    (here / "scenario.yaml").write_text(text.replace("seed: 20260101", "seed: 20260102"), "utf-8")
    code, err = said(capsys, "--study", "one/study.yaml", "--out", "no", "--quiet")
    assert (code, "scenario.yaml has another content than when the study was written" in err) == (5, True)
    assert not (here / "no").exists()


def test_a_table_of_the_study_gives_a_rung_of_the_ladder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Value: (backward + forward - double count) / GDP = (60 + 70 - 50.4) / 130 by hand."""
    digital = TABLE.replace("domestic,a,b,final", "domestic,a,b,final").replace(
        "# year: 2018", "# year: 2018\n# digital: b"
    )
    (here / "table.csv").write_text(digital, "utf-8")
    text = STUDY.replace("  scenarios: [scenario.yaml]\n", "").replace(", digital_set: SET", "")
    (here / "study.yaml").write_text(text, "utf-8")
    assert said(capsys, "--study", "study.yaml", "--out", "one", "--quiet")[0] == 0
    rows = canonical.loads((here / "one" / "impact.json").read_bytes(), floats=True)["rows"]["ladder"]
    assert [(r["area"], r["rung"], r["year"]) for r in rows] == [("BRA", "b", 2018)]
    assert rows[0]["percent"] == pytest.approx(100 * (60 + 70 - 50.4) / 130, rel=1e-8)
    assert "BRA 2018: input-output" in (here / "one" / "report.html").read_text("utf-8")


def test_a_fault_of_one_part_is_told_and_the_report_is_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "table.csv").write_text(TABLE.replace("a,10,20,70", "a,10,20,7"), "utf-8")
    text = STUDY.replace("  scenarios: [scenario.yaml]\n", "").replace(", digital_set: SET", "")
    (here / "study.yaml").write_text(text, "utf-8")
    assert said(capsys, "--study", "study.yaml", "--out", "one", "--quiet")[0] == 0
    page = (here / "one" / "report.html").read_text("utf-8")
    assert "the tables of the study gave no figure" in page


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("BRICS", "--scenario", "nowhere.yaml"), 2, "nowhere.yaml: can't be read"),
        (
            ("BRICS", "--scenario", "scenario.yaml", "--scenario", "copy.yaml"),
            2,
            'two scenarios are called "southern-cone',
        ),
        (("BRICS", "--scenario", "trade-2006.csv"), 2, "trade-2006.csv"),
        (("--study", "unknown.yaml"), 2, 'Did you mean "scenarios"'),
        (("--study", "twice.yaml"), 2, "two tables of BRA"),
        (("--study", "indicator.yaml"), 2, "internet_user_pct"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, what: str
) -> None:
    shutil.copy(here / "scenario.yaml", here / "copy.yaml")
    head = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\nimpact: "
    (here / "unknown.yaml").write_text(head + "{scenario: [scenario.yaml]}\n", "utf-8")
    (here / "twice.yaml").write_text(head + "{tables: [{area: BRA, files: [a]}, {area: BRA, files: [b]}]}\n", "utf-8")
    (here / "indicator.yaml").write_text(head + "{connect: {indicator: internet_user_pct}}\n", "utf-8")
    day = ("--quiet",) if "--study" in words else QUIET
    found, err = said(capsys, *words, "--out", "no", *day)
    assert found == code
    assert what in err
    assert not (here / "no").exists()


def test_without_a_scenario_nothing_is_run_and_the_chapter_says_what_it_needs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "BRICS", "--out", "one", *QUIET)[0] == 0
    assert not (here / "one" / "impact.json").exists()
    page = (here / "one" / "report.html").read_text("utf-8")
    assert "not computed: needs a scenario" in page
    assert "--scenario FILE" in page
