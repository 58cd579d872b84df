"""The register of schemas on the disk: nothing half, nothing doubled, nothing under another name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from concordat.clearing.iso.profile import profile
from concordat.clearing.iso.schemas import Schema, register
from concordat.errors import InputError, StateError, TrustError
from concordat.node.clearing.schemas import SchemaStore, files_of_package

pytest.importorskip("lxml", reason="needs the extra [clearing]")
BANK, CUSTOMER = "pacs.009.001.08", "pacs.008.001.08"


def schema(message: str = BANK, behind: bytes = b"") -> Schema:
    return register(profile(message).to_xsd() + behind, "a.xsd")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SchemaStore.under(tmp_path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="No space left"):
        store.add(schema())
    assert list(store.folder.iterdir()) == []


def test_a_cut_between_the_new_file_and_the_old_one_judges_nothing(tmp_path: Path) -> None:
    """Which of the two was meant nobody knows; adding one again clears it."""
    store = SchemaStore.under(tmp_path)
    store.add(schema())
    second = schema(behind=b"\n")
    (store.folder / f"{BANK}.{second.sha256}.xsd").write_bytes(second.data)
    with pytest.raises(StateError, match=f"two schemas of {BANK}"):
        store.load()
    store.add(second)
    assert [one.sha256 for one in store.load()] == [second.sha256]


def test_a_schema_under_the_name_of_another_version(tmp_path: Path) -> None:
    store = SchemaStore.under(tmp_path)
    store.add(schema())
    (path,) = store.folder.iterdir()
    path.rename(path.with_name(path.name.replace(BANK, CUSTOMER)))
    with pytest.raises(TrustError, match="not those that were registered"):
        store.load()


def test_what_can_not_be_read_is_named(tmp_path: Path) -> None:
    store = SchemaStore.under(tmp_path)
    (store.folder / f"{BANK}.{'0' * 64}.xsd").mkdir(parents=True)
    with pytest.raises(StateError, match="can't be read: Is a directory"):
        store.load()


def test_a_package_without_a_name() -> None:
    with pytest.raises(InputError, match='no package "" is installed'):
        list(files_of_package(""))
