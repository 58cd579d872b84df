"""The packaged reading of the Factbook is used where it is the one that is wanted, and else passed over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import StateError, TrustError
from concordat.evidence import embedded
from concordat.evidence._read_before import NOTE, ROWS, read_before
from concordat.evidence.catalogue import Catalogue
from concordat.evidence.embedded import ensure_embedded
from concordat.evidence.sources import factbook
from concordat.evidence.sources.factbook import Edition, read_edition, vintage_id
from concordat.evidence.store import Store, open_store

PACKAGED = Path(str(files("concordat.evidence"))) / "_data" / "factbook"


@pytest.fixture(scope="module")
def edition() -> Edition:
    return read_edition()


@pytest.fixture
def wanted(edition: Edition, catalogue: Catalogue) -> str:
    return vintage_id(edition, catalogue)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the two files, to do harm to."""
    return Path(shutil.copytree(PACKAGED, tmp_path / "factbook"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "data") as opened:
        yield opened


def test_the_reading_that_is_wanted_is_found(edition: Edition, wanted: str, copy: Path) -> None:
    found = read_before(edition, wanted, copy)
    assert found is not None
    assert found == read_before(edition, wanted)
    assert found.file == (PACKAGED / ROWS).read_bytes()


def test_another_vintage_or_another_text_is_not_found(edition: Edition, wanted: str, copy: Path) -> None:
    assert read_before(edition, wanted[:-1] + "x", copy) is None
    assert read_before(replace(edition, content_hash=edition.content_hash[:8] + "0" * 56), wanted, copy) is None


def _said(copy: Path, **changes: Any) -> None:
    said = json.loads((copy / NOTE).read_bytes())
    (copy / NOTE).write_text(json.dumps(said | changes), encoding="utf-8")


HARM = {
    "no note": lambda copy: (copy / NOTE).unlink(),
    "no rows": lambda copy: (copy / ROWS).unlink(),
    "a note cut short": lambda copy: (copy / NOTE).write_bytes((copy / NOTE).read_bytes()[:-2]),
    "a note that is no object": lambda copy: (copy / NOTE).write_bytes(b"[]"),
    "a note of another form": lambda copy: _said(copy, schema="concordat/factbook-read@2"),
    "a note without a key": lambda copy: (copy / NOTE).write_bytes(b'{"schema": "concordat/factbook-read@1"}'),
    "rows cut short": lambda copy: (copy / ROWS).write_bytes((copy / ROWS).read_bytes()[:-1]),
    "rows with a bit turned": lambda copy: (copy / ROWS).write_bytes(
        (body := (copy / ROWS).read_bytes())[:5000] + bytes([body[5000] ^ 1]) + body[5001:]
    ),
    "other problems": lambda copy: _said(copy, problems=[]),
    "a problem of another form": lambda copy: _said(copy, problems=[["unit_unknown", {}]]),
    "problems that are none": lambda copy: _said(copy, problems=7),
}


@pytest.mark.parametrize("harm", HARM)
def test_what_is_damaged_is_as_if_it_were_not_there(edition: Edition, wanted: str, copy: Path, harm: str) -> None:
    HARM[harm](copy)
    assert read_before(edition, wanted, copy) is None


def test_without_it_the_text_is_parsed(
    store: Store, catalogue: Catalogue, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(embedded, "read_before", lambda _, vintage: asked.append(vintage))
    monkeypatch.setattr(factbook, "parse_edition", lambda *_: ([], []))
    assert ensure_embedded(store, catalogue).row_count == 0
    assert asked == [wanted]


def test_a_table_that_was_deleted_is_put_back(
    store: Store, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factbook, "parse_edition", lambda *_: pytest.fail("parsed"))
    first = ensure_embedded(store, catalogue)
    store.path(first).unlink()
    assert ensure_embedded(store, catalogue) == first
    assert store.path(first).read_bytes() == (PACKAGED / ROWS).read_bytes()


def test_one_that_was_written_by_another_engine_is_made_again_by_this_one(
    store: Store, catalogue: Catalogue, edition: Edition, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store keeps the file that it was made with: where that is lost, other bytes don't pass for it."""
    meta = embedded._meta(edition, wanted)
    first = store.adopt_vintage(meta, b"another file", 0, "0" * 64)
    store.path(first).unlink()
    asked: list[Any] = []

    def parsed(*given: Any) -> tuple[list[Any], list[Any]]:
        asked.append(given)
        return [], []

    monkeypatch.setattr(factbook, "parse_edition", parsed)
    with pytest.raises(StateError, match="already stored with other rows"):
        ensure_embedded(store, catalogue)
    assert len(asked) == 1


def test_a_file_that_is_not_what_is_said_of_it_is_refused_when_it_is_read(
    store: Store, catalogue: Catalogue, edition: Edition, wanted: str
) -> None:
    whole = ensure_embedded(store, catalogue)
    meta = replace(embedded._meta(edition, wanted), id="other")
    forged = store.adopt_vintage(meta, store.path(whole).read_bytes(), whole.row_count, "0" * 64)
    with pytest.raises(TrustError, match="the list of rows is not what was stored"):
        store.observations(forged, every_row=False)


def test_a_lost_file_is_put_back_though_what_is_said_of_it_was_reworded(
    store: Store, edition: Edition, wanted: str
) -> None:
    meta = embedded._meta(edition, wanted)
    first = store.adopt_vintage(meta, b"a file", 3, "0" * 64)
    store.path(first).unlink()
    reworded = replace(meta, origin={**meta.origin, "title": "another title"})
    assert store.adopt_vintage(reworded, b"a file", 3, "0" * 64) == first
    assert store.path(first).read_bytes() == b"a file"
    for file, rows, digest in ((b"another", 3, "0" * 64), (b"a file", 4, "0" * 64), (b"a file", 3, "1" * 64)):
        with pytest.raises(StateError, match="is already stored, and not as this file"):
            store.adopt_vintage(meta, file, rows, digest)


def test_a_vintage_never_changes(store: Store, catalogue: Catalogue, edition: Edition, wanted: str) -> None:
    first = ensure_embedded(store, catalogue)
    with pytest.raises(StateError, match="is already stored, and not as this file"):
        store.adopt_vintage(embedded._meta(edition, wanted), b"another file", first.row_count, first.logical_hash)
    assert store.path(first).read_bytes() == (PACKAGED / ROWS).read_bytes()
