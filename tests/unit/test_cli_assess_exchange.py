"""`assess --exchange`: from an export that members signed to the report, and from its study back to its bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from concordat import clock
from concordat.cli import main
from concordat.cli._node_demo import run as demo
from concordat.evidence.store import open_store
from concordat.node.demo import Demo
from concordat.report.check import check_report
from exchange_kit import blob

QUIET = ("--quiet", "--on", "2026-11-22")


def _record(number: int) -> dict[str, object]:
    return {"algorithm": f"br-{number}", "version": 1, "document": blob("a"), "standard": "nl_1_0"}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two members signed: an algorithm record (`early`), and another one later (`later`)."""
    folder = tmp_path_factory.mktemp("bloc")
    root = folder / "demo"
    with clock.fixed("2026-03-02T10:00:00Z"):
        demo(root, "BRICS", ["BRA", "IND"], lambda _: None)
    for number, name in ((1, "early"), (2, "later")):
        with clock.fixed(f"2026-03-0{2 + number}T10:00:00Z"), Demo(root) as opened:
            opened.say("BRA", "AlgorithmPublished", _record(number), scope="exchange")
            opened.settle()
            opened.publish()
        shutil.copytree(root / ("BRA" if number == 1 else "IND") / "public", folder / name)
    return folder


@pytest.fixture
def here(tmp_path: Path, exports: Path, monkeypatch: pytest.MonkeyPatch, evidence_dir: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(evidence_dir))
    shutil.copytree(exports / "early", tmp_path / "export")
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["assess", *words])
    return code, capsys.readouterr().err


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_report_is_rebuilt_to_the_same_bytes_from_a_later_export(
    here: Path, exports: Path, capsys: pytest.CaptureFixture[str], evidence_dir: Path
) -> None:
    assert said(capsys, "BRICS", "--exchange", "export", "--out", "one", *QUIET) == (0, "")
    study = (here / "one" / "study.yaml").read_text("utf-8")
    assert "exchange: {export: export, " in study
    assert "as_of: '2026-03-03T10:00:00Z'" in study
    assert '"algorithm":"br-1"' in (here / "one" / "exchange.json").read_text("utf-8")
    shutil.copytree(exports / "later", here / "later")
    words = ("--study", "one/study.yaml", "--exchange", "later", "--out", "two", "--quiet")
    assert said(capsys, *words) == (0, "")
    assert files_of(here / "one") == files_of(here / "two")
    with open_store(evidence_dir) as store:
        checked = check_report(here / "two", store)
    assert (checked.faults, checked.lacking) == ((), ())
    assert checked.followed == checked.records
    state = study.partition("state: ")[2][:64]
    (here / "state.yaml").write_text(study.replace(state, "cd" * 32), "utf-8")
    assert said(capsys, "--study", "state.yaml", "--out", "no", "--quiet")[0] == 5


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("BRICS", "--exchange", "nowhere"), 2, "nowhere: there is no such folder."),
        (("G20", "--exchange", "export"), 2, "the log is of BRICS, the study of G20."),
        (("BRICS", "--exchange", "export", "--trust", "abc"), 2, '"abc" is no hash.'),
        (("BRICS", "--exchange", "export", "--trust", "ab" * 32), 5, "is pinned"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, what: str
) -> None:
    found, err = said(capsys, *words, *QUIET)
    assert found == code
    assert what in err
    assert sorted(p.name for p in here.iterdir()) == ["export"]
