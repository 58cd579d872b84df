"""A report's manifest names every file; a file that is changed, lost or added raises, with both hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError, TrustError
from concordat.evidence import manifest
from concordat.evidence.manifest import check_files, file_faults, read_manifest
from concordat.report import bundle

FILES = {"report.html": b"<p>", "figures/dots.svg": b"<svg/>", "a b.txt": b""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "report"
    bundle.write(place, FILES, study_sha256="5" * 64, release="auto-12345678")
    return place


def _said(folder: Path, **changed: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changed}), encoding="utf-8")


def test_what_the_bundle_writes_is_read_and_holds(folder: Path) -> None:
    found = check_files(folder)
    assert found.files == {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    assert (found.study_sha256, found.release) == ("5" * 64, "auto-12345678")
    assert (manifest.MANIFEST, manifest.SCHEMA) == (bundle.MANIFEST, bundle.SCHEMA)


def test_all_faults_are_told_the_changed_and_lost_before_the_added(folder: Path) -> None:
    (folder / "report.html").write_bytes(b"<p> ")
    (folder / "a b.txt").unlink()
    (folder / "figures" / "more.svg").write_bytes(b"")
    faults = list(file_faults(folder, read_manifest(folder)))
    assert [(Path(f.where).name, f.code) for f in faults] == [
        ("a b.txt", "report_file"), ("report.html", "report_file"), ("more.svg", "report_file"),
    ]  # fmt: skip
    expected, found = (hashlib.sha256(data).hexdigest() for data in (b"<p>", b"<p> "))
    assert f"expected SHA-256 {expected}, found SHA-256 {found}." in str(faults[1])
    with pytest.raises(TrustError, match="found no file"):
        check_files(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "report.html").unlink() or (f / "report.html").mkdir(),
        lambda f: (f / "report.html").unlink() or (f / "report.html").symlink_to("figures/dots.svg"),
        lambda f: (f / "figures" / "away").symlink_to("/"),
        lambda f: (f / ".hidden").write_bytes(b""),
        lambda f: (f / "report.html").rename(f / "Report.html"),
    ],
    ids=["a folder in its place", "a link in its place", "a link added", "a hidden file", "another case"],
)
def test_whatever_stands_in_the_place_of_a_file_is_a_fault(folder: Path, damage: Callable[[Path], Any]) -> None:
    damage(folder)
    with pytest.raises(TrustError) as caught:
        check_files(folder)
    assert caught.value.code == "report_file"


def test_empty_folders_are_no_files(folder: Path) -> None:
    (folder / "empty").mkdir()
    check_files(folder)


def test_a_folder_without_a_manifest_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Name the folder that assess wrote"):
        check_files(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "concordat/manifest@9"},
        {"files": []},
        {"files": {"report.html": 7}},
        {"files": {"report.html": "abc"}},
        {"files": {"report.html": "A" * 64}},
        {"files": {"../report.html": "a" * 64}},
        {"files": {"/etc/passwd": "a" * 64}},
        {"files": {"a\\b": "a" * 64}},
        {"files": {"": "a" * 64}},
        {"release": None},
    ],
    ids=str,
)
def test_a_manifest_that_can_not_be_raises(folder: Path, changed: dict[str, Any]) -> None:
    _said(folder, **changed)
    with pytest.raises(TrustError) as caught:
        read_manifest(folder)
    assert caught.value.code == "manifest"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff", b'{"files": {}, "files": {}}'])
def test_bytes_that_are_no_manifest_raise(folder: Path, data: bytes) -> None:
    (folder / "manifest.json").write_bytes(data)
    with pytest.raises(TrustError, match="not the manifest of a report"):
        read_manifest(folder)
