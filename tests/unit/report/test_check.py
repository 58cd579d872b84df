"""A whole report checked: files, ids, derived numbers, cells, study, release; with a store down to the bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat import canonical
from concordat.cli import main
from concordat.errors import InputError, StateError, TrustError
from concordat.evidence.store import open_store
from concordat.report.check import Checked, check_report


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, evidence_dir: Path) -> Path:
    study = tmp_path_factory.mktemp("whole") / "small.yaml"
    study.write_text("schema: concordat/study@1\ncountries: [ETH, BRA]\ncompare_with: []\n", encoding="utf-8")
    folder = study.with_name("report")
    command = ["assess", "--study", str(study), "--out", str(folder), "--data-dir", str(evidence_dir), "--quiet"]
    assert main(command) == 0
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def _rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the records and make the manifest fit, as a careful forger would."""
    path = folder / "provenance.json"
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
    _list_files(folder)


def _list_files(folder: Path) -> None:
    path = folder / "manifest.json"
    said = json.loads(path.read_bytes())
    said["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in said["files"]}
    path.write_text(json.dumps(said), encoding="utf-8")


def _codes(checked: Checked) -> list[str]:
    return [fault.code for fault in checked.faults]


def _of(document: dict[str, Any], kind: str, **wanted: str) -> tuple[str, dict[str, Any]]:
    return next(
        (i, r) for i, r in document["records"].items()
        if r["kind"] == kind and all(r.get(k, "").startswith(v) for k, v in wanted.items())
    )  # fmt: skip


def test_a_whole_report_holds_without_a_store_and_says_what_it_was_not_compared_with(whole: Path) -> None:
    checked = check_report(whole)
    said = json.loads((whole / "provenance.json").read_bytes())
    kinds = [r["kind"] for r in said["records"].values()]
    assert checked.faults == ()
    assert checked.files == len([p for p in whole.rglob("*") if p.is_file()]) - 1
    assert (checked.records, checked.computed) == (len(kinds), kinds.count("derived"))
    assert (checked.cells, checked.followed) == (len(said["cells"]), 0)
    assert set(checked.lacking) == set(said["vintages"])


def test_with_the_store_every_record_is_followed_to_its_bytes(whole: Path, evidence_dir: Path) -> None:
    with open_store(evidence_dir) as store:
        checked = check_report(whole, store)
    assert (checked.faults, checked.lacking) == ((), ())
    assert checked.followed == checked.records > 100


def test_an_empty_store_lacks_the_vintages(whole: Path, tmp_path: Path) -> None:
    with open_store(tmp_path / "data") as store:
        checked = check_report(whole, store)
    assert (checked.followed, len(checked.lacking)) == (0, 1)


def test_every_changed_file_is_told_and_nothing_inside_is_believed(copy: Path) -> None:
    for name in ("report.html", "data.csv"):
        (copy / name).write_bytes(b"")
    checked = check_report(copy)
    assert _codes(checked) == ["report_file", "report_file"]
    assert (checked.records, checked.computed) == (0, 0)


def _divide(document: dict[str, Any]) -> Any:
    return _of(document, "derived", function="observatory.")[1]["parts"].update(sd=1.0)


def _study(document: dict[str, Any]) -> None:
    record_id, record = _of(document, "fact", file="study.yaml")
    del document["records"][record_id]
    record["parts"] = {"area": "USA"}
    content = [record["file"], record["sha256"], record["locator"], record["parts"]]
    document["records"][canonical.digest(content, floats=True)[:32]] = record


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_divide, "recompute"),
        (lambda d: next(iter(d["cells"].values())).update(part="none"), "record"),
        (lambda d: next(iter(d["cells"].values())).update(id="0" * 32), "record"),
        (lambda d: d["release"].update(name="2026-11"), "study"),
        (lambda d: d["release"].update(hash="0" * 64), "study"),
        (lambda d: d["release"]["vintages"][0].update(logical_hash="0" * 64), "study"),
        (lambda d: d["release"].clear(), "study"),
    ],
    ids=["result", "a cell's part", "a cell's id", "release renamed", "release's hash", "vintage", "no release"],
)
def test_records_changed_together_with_the_manifest_are_found(
    copy: Path, change: Callable[[dict[str, Any]], Any], code: str
) -> None:
    _rewrite(copy, change)
    assert _codes(check_report(copy)) == [code]


def test_a_forged_fact_is_found_with_the_store(copy: Path, evidence_dir: Path) -> None:
    _rewrite(copy, _study)
    with open_store(evidence_dir) as store:
        assert "fact" in _codes(check_report(copy, store))


def test_a_record_that_is_not_itself_ends_the_check(copy: Path) -> None:
    _rewrite(copy, lambda d: _of(d, "observation")[1].update(value=1.0))
    with pytest.raises(TrustError, match="a record is not what it was"):
        check_report(copy)


def test_a_function_that_this_program_lacks_names_the_version_to_install(copy: Path) -> None:
    def rename(document: dict[str, Any]) -> None:
        content = ["observatory.other.f@1", [], {}]
        record = {"kind": "derived", "function": content[0], "inputs": [], "parameters": {}, "parts": {}}
        document["records"][canonical.digest(content, floats=True)[:32]] = record

    _rewrite(copy, rename)
    with pytest.raises(StateError, match="Install the version of concordat named in the report's manifest"):
        check_report(copy)


@pytest.mark.parametrize(
    ("old", "new"),
    [("not_after: 2026", "not_after: 2025"), ("release: auto-", "release: auto_"), ("schema: ", "schema: x")],
)
def test_a_study_changed_together_with_the_manifest_is_found(copy: Path, old: str, new: str) -> None:
    path = copy / "study.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    _list_files(copy)
    assert _codes(check_report(copy)) == ["study"]


def test_a_report_without_its_study_is_none(copy: Path) -> None:
    (copy / "study.yaml").unlink()
    path = copy / "manifest.json"
    said = json.loads(path.read_bytes())
    del said["files"]["study.yaml"]
    path.write_text(json.dumps(said), encoding="utf-8")
    with pytest.raises(TrustError, match=r"names no study\.yaml"):
        check_report(copy)


def test_a_folder_that_is_no_report_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Name the folder that assess wrote"):
        check_report(tmp_path)
