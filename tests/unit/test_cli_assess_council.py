"""`assess --council`: from an export that members signed to the report, and from its study back to its bytes."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from concordat.cli import main
from concordat.cli._node_demo import run as demo
from concordat.errors import TrustError
from concordat.evidence.store import open_store
from concordat.report.check import check_report

QUIET = ("--quiet", "--on", "2026-11-22")


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two members signed: the rules and the first commitments (`early`), and one thing more (`later`)."""
    folder = tmp_path_factory.mktemp("bloc")
    root = folder / "demo"
    demo(root, "BRICS", ["BRA", "IND"], lambda _: None)
    assert main(["council", "import-seed", "--as", "BRA", "--demo", str(root)]) == 0
    shutil.copytree(root / "BRA" / "public", folder / "early")
    assert main(["council", "bind", "t20-f4a", "1", "internet_users_pct", "--as", "IND", "--demo", str(root)]) == 0
    shutil.copytree(root / "IND" / "public", folder / "later")
    return folder


@pytest.fixture
def here(tmp_path: Path, exports: Path, monkeypatch: pytest.MonkeyPatch, evidence_dir: Path) -> Path:
    """A working folder with an export of its own; the store of evidence is the session's."""
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
    assert said(capsys, "BRICS", "--council", "export", "--out", "one", *QUIET)[0] == 0
    study = (here / "one" / "study.yaml").read_text("utf-8")
    assert "export: export\n" in study
    assert ">93</b> commitments are registered" in (here / "one" / "report.html").read_text("utf-8")
    shutil.copytree(exports / "later", here / "later")
    words = ("--study", "one/study.yaml", "--council", "later", "--out", "two", "--quiet")
    assert said(capsys, *words)[0] == 0
    assert files_of(here / "one") == files_of(here / "two")
    _checked_and_changed(here / "two", evidence_dir)
    _refused(here, capsys, study)


def _checked_and_changed(folder: Path, evidence_dir: Path) -> None:
    """Every record leads to its place; a row that was changed, with its manifest, is found out."""
    with open_store(evidence_dir) as store:
        checked = check_report(folder, store)
        assert (checked.faults, checked.lacking) == ((), ())
        assert checked.followed == checked.records
        data = (folder / "council.json").read_bytes().replace(b'"events":', b'"Events":', 1)
        (folder / "council.json").write_bytes(data)
        assert [str(f) for f in check_report(folder, store).faults if "council.json" in str(f)]
        manifest = json.loads((folder / "manifest.json").read_bytes())
        manifest["files"]["council.json"] = sha256(data).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest))
        faults = check_report(folder, store).faults
    assert faults
    assert all(isinstance(f, TrustError) and "not what the report was made with" in str(f) for f in faults)


def _refused(here: Path, capsys: pytest.CaptureFixture[str], study: str) -> None:
    state = study.partition("state: ")[2][:64]
    (here / "state.yaml").write_text(study.replace(state, "cd" * 32), "utf-8")
    assert said(capsys, "--study", "state.yaml", "--out", "no", "--quiet")[0] == 5
    batch = study.partition("batch: ")[2].partition("}")[0]
    (here / "batch.yaml").write_text(study.replace(f"batch: {batch}}}", "batch: 999}"), "utf-8")
    code, err = said(capsys, "--study", "batch.yaml", "--out", "no", "--quiet")
    assert (code, f"it ends at batch {batch} of view 1" in err) == (7, True)
    assert not (here / "no").exists()


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("BRICS", "--council", "nowhere"), 2, "nowhere: there is no such folder."),
        (("G20", "--council", "export"), 2, "the log is of the council of BRICS, the study of G20."),
        (("--countries", "BRA,IND", "--council", "export"), 2, "the study of a list of countries."),
        (("BRICS", "--council", "export", "--trust", "abc"), 2, '"abc" is no hash.'),
        (("BRICS", "--trust", "ab" * 32), 2, "there is no council to trust."),
        (("BRICS", "--council", "export", "--trust", "ab" * 32), 5, "is pinned"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(
    here: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, what: str
) -> None:
    found, err = said(capsys, *words, *QUIET)
    assert found == code
    assert what in err
    assert sorted(p.name for p in here.iterdir()) == ["export"]


def test_a_changed_export_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tile = next(p for p in sorted((here / "export").rglob("*")) if "entries" in p.parts and p.is_file())
    data = bytearray(tile.read_bytes())
    data[len(data) // 2] ^= 1
    tile.write_bytes(bytes(data))
    code, _ = said(capsys, "BRICS", "--council", "export", *QUIET)
    assert code == 5
    assert sorted(p.name for p in here.iterdir()) == ["export"]


def test_a_path_stands_from_the_study_s_folder_first(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "studies").mkdir()
    (here / "export").rename(here / "studies" / "kept")
    text = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\ncouncil: {export: %s}\n"
    (here / "studies" / "s.yaml").write_text(text % "kept", "utf-8")
    from concordat.cli._assess_council import open_council
    from concordat.report.study import read_study

    study = read_study(text % "kept")
    held = open_council(study, here / "studies" / "s.yaml", "", "")
    assert held is not None
    assert held.batches
    monkeypatch.chdir(here / "studies")
    assert open_council(study, None, "", "") is not None
    code, err = said(capsys, "--study", "s.yaml", "--council", "kept2", "--quiet")
    assert (code, "kept2: there is no such folder" in err) == (2, True)
