"""`concordat assess`: what it prints, where it writes, and how it ends when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from concordat.cli import main


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["assess", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evidence_dir: Path) -> Path:
    """A working folder of its own; the store of evidence is the session's."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(evidence_dir))
    return folder


def test_it_says_who_what_and_how_sure_and_writes_the_folder(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "BRICS")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("BRICS on 2026-11-22: 10 members, 1 invited (SAU). Release auto-")
    assert "68.1% (67.6–68.6) in BRICS (10)" in out.replace("\u00a0", " ")
    assert "Gini 0.109 (0.105–0.113) weighted by population, 0.151 (0.148–0.154) unweighted" in out.replace(
        "\u00a0", " "
    )
    assert lines[-1] == "Rebuild with: concordat assess --study brics-2026/study.yaml"
    assert (here / "brics-2026" / "report.html").is_file()
    code, again, _ = run(capsys, "BRICS")
    assert (code, again) == (0, out)
    assert sorted(p.name for p in here.iterdir()) == ["brics-2026"]


def test_json_lists_what_was_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--countries", "Brazil, IND,za", "--json", "--out", "three")
    facts = json.loads(out)
    assert code == 0
    assert facts["members"] == ["BRA", "IND", "ZAF"]
    assert facts["bloc"] is None
    assert {p.relative_to(here / "three").as_posix() for p in (here / "three").rglob("*") if p.is_file()} == set(
        facts["files"]
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["BRIC"], 2, '"BRIC" is not a bloc I know. Did you mean "BRICS"? See: concordat bloc list'),
        (["BRICS", "--on", "2005-01-01"], 2, "BRICS had no members on 2005-01-01; its first interval starts in 2009."),
        (["BRICS", "--on", "tomorrow"], 2, '"tomorrow" is not a day.'),
        ([], 2, "nothing to assess was named. Name a bloc, or --countries A,B,C, or --study FILE."),
        (["BRICS", "--countries", "BRA"], 2, "a bloc and --countries can't go together."),
        (["--countries", "Brasilia"], 2, '"Brasilia" is not a country I know.'),
        (["--countries", "BRA,BRA"], 2, '"BRA" (BRA) stands twice.'),
        (["--study", "nothing.yaml"], 2, "nothing.yaml: can't be read: No such file or directory."),
        (["--study", "x.yaml", "--on", "2026-01-01"], 2, "--on and --study can't go together."),
        (["BRICS", "--factbook", "."], 2, "holds no Factbook."),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    found, out, err = run(capsys, *words)
    assert (found, out) == (code, "")
    assert said in err
    assert list(here.iterdir()) == []


def test_json_tells_a_mistake_as_json_too(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "BRIC", "--json")
    assert code == 2
    assert json.loads(out)["code"] == "unknown_bloc"


def test_a_folder_of_somebody_else_is_left_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "brics-2026").mkdir()
    (here / "brics-2026" / "thesis.txt").write_text("years of work", encoding="utf-8")
    code, _, err = run(capsys, "BRICS")
    assert code == 2
    assert "--force" in err
    assert (here / "brics-2026" / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_file_in_the_place_of_the_folder_is_left_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out").write_text("a file", encoding="utf-8")
    code, _, err = run(capsys, "BRICS", "--out", "out")
    assert code == 2
    assert "out" in err
    assert (here / "out").read_text(encoding="utf-8") == "a file"


def test_progress_is_silent_where_standard_error_is_no_terminal(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--countries", "TUV")[2] == ""


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    environment = dict(os.environ) | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "concordat", "assess", *words]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=_hears_interrupts,
    )  # fmt: skip


def _hears_interrupts() -> None:
    """A shell starts what runs behind it with SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_two_at_once_for_one_place_both_end_well(here: Path) -> None:
    runs = [start(here, "--countries", "BRA,IND", "--out", "one", "--data-dir", str(here / "data")) for _ in range(2)]
    for process in runs:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert (here / "one" / "manifest.json").is_file()
    assert sorted(p.name for p in here.iterdir()) == ["data", "one"]


def test_an_interrupted_run_leaves_nothing_half_written(here: Path) -> None:
    process = start(here, "BRICS", "--out", "report", "--data-dir", str(here / "data"))
    deadline = time.monotonic() + 60
    while not (here / "data").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode in (130, -signal.SIGINT), err
    assert not (here / "report").exists()
    again = start(here, "BRICS", "--out", "report", "--data-dir", str(here / "data"))
    _, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert sorted(p.name for p in here.iterdir()) == ["data", "report"]


def test_a_full_disk_is_told_and_leaves_the_old_report(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from concordat.report import bundle

    assert run(capsys, "--countries", "TUV", "--out", "r")[0] == 0
    before = (here / "r" / "manifest.json").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "r")

    monkeypatch.setattr(bundle.os, "fsync", full)
    code, _, err = run(capsys, "--countries", "TUV", "--out", "r", "--on", "2026-10-01")
    assert code == 7
    assert "disk" in err.lower() or "space" in err.lower()
    assert (here / "r" / "manifest.json").read_bytes() == before
