"""The public export: what is in the folder, what is only pointed at, and that it is written whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from concordat.errors import InputError, RuleError, StateError
from concordat.evidence.citation import Origin
from concordat.evidence.export import MANIFEST, Exported, export_public
from concordat.evidence.licences import licence
from concordat.evidence.observation import COLUMNS, Observation
from concordat.evidence.store import Store, VintageMeta, _files, open_store, tables

Observe = Callable[..., Observation]
Export = Callable[..., Exported]
FILES = ("LICENCES.txt", "data.csv", "data.parquet", "datasets.csv", "pointers.csv", "sources.bib", "sources.csl.json")


def _load(store: Store, dataset: str, licence_id: str, rows: list[Observation], producer: str = "An office") -> None:
    """A dataset of these rows under this licence."""
    origin = Origin(
        dataset_id=dataset, source_id=dataset, producer=producer, title=f"Table {dataset}", published="2026",
        packaged_in="", url=f"https://example.org/{dataset}", licence=licence_id,
    )  # fmt: skip
    meta = VintageMeta(
        id=f"{dataset}-1", dataset_id=dataset, source_id=dataset, published=None, known_from=date(2026, 3, 1),
        retrieved_at=datetime(2026, 3, 2, tzinfo=UTC), parser_version="1", raw=(), origin=asdict(origin),
        licence=licence(licence_id).as_dict(),
    )  # fmt: skip
    store.write_vintage(meta, rows)


def _export(store: Store, folder: Path, **keys: Any) -> Exported:
    release = store.make_release(None, store.vintages(), "0" * 64, "1" * 64)
    return export_public(store, folder, release, **keys)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, observe: Observe) -> Iterator[tuple[Store, dict[str, Observation]]]:
    """A store with one row of each kind, in three datasets; nothing more is written to it."""
    free = observe(50, "BRA", source="free")
    alike = observe(60, "IND", source="alike")
    rows = {
        "free": free,
        "secret": observe(71.125, "CHN", source="free", conf_status="C", note="for nobody"),
        "withheld": observe(None, "ZAF", source="free", missing_reason="withheld", conf_status="C"),
        "alike": alike,
        "unstated": observe(83.375, "RUS", source="unstated"),
        "made": observe(55, "EGY", source="free", derived_from=(free.obs_id, alike.obs_id), derived_by="f@1"),
    }
    with open_store(tmp_path_factory.mktemp("export") / "data") as store:
        _load(store, "free", "CC-BY-4.0", [rows[name] for name in ("free", "secret", "withheld", "made")])
        _load(store, "alike", "ODbL-1.0", [alike])
        _load(store, "unstated", "unstated", [rows["unstated"]])
        yield store, rows


@pytest.fixture
def mixed(shelf: tuple[Store, dict[str, Observation]]) -> dict[str, Observation]:
    return shelf[1]


@pytest.fixture
def export(shelf: tuple[Store, dict[str, Observation]], tmp_path: Path) -> Export:
    """`export(strict=True)`: of the shelf, into a folder `out`."""
    return lambda **keys: _export(shelf[0], keys.pop("folder", tmp_path / "out"), **keys)


@pytest.fixture
def export_of(tmp_path: Path) -> Iterator[Export]:
    """`export_of("nc", "NC", rows)`: of one dataset in a store of its own."""
    with open_store(tmp_path / "data") as store:

        def make(
            dataset: str, licence_id: str, rows: list[Observation], producer: str = "An office", **keys: Any
        ) -> Any:
            _load(store, dataset, licence_id, rows, producer)
            return _export(store, tmp_path / "out", **keys)

        yield make


def _table(done: Exported, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((done.folder / name).read_text(encoding="utf-8"), newline="")))


def test_what_may_leave_is_there_and_the_rest_is_a_pointer(mixed: dict[str, Observation], export: Export) -> None:
    done = export()
    assert [row["obs_id"] for row in _table(done, "data.csv")] == [mixed["free"].obs_id]
    pointers = {row["obs_id"]: row for row in _table(done, "pointers.csv")}
    assert {o.obs_id: pointers[o.obs_id]["reason"] for name, o in mixed.items() if name != "free"} == {
        mixed["secret"].obs_id: "confidential",
        mixed["withheld"].obs_id: "withheld",
        mixed["alike"].obs_id: "share_alike",
        mixed["unstated"].obs_id: "unstated",
        mixed["made"].obs_id: "share_alike",
    }
    one = pointers[mixed["unstated"].obs_id]
    assert (one["url"], one["sha256"]) == ("https://example.org/unstated", mixed["unstated"].raw_sha256)


def test_no_number_of_a_row_that_stays_is_in_any_file(mixed: dict[str, Observation], export: Export) -> None:
    done = export()
    for name in done.files:
        data = (done.folder / name).read_bytes()
        for secret in (b"71.125", b"83.375", b"for nobody", mixed["secret"].row_hash.encode()):
            assert secret not in data, name


def test_share_alike_leaves_when_it_is_accepted_and_then_binds_the_whole(
    mixed: dict[str, Observation], export: Export
) -> None:
    done = export(accept=("share-alike",))
    left = {row["obs_id"] for row in _table(done, "data.csv")}
    assert left == {mixed[name].obs_id for name in ("free", "alike", "made")}
    words = (done.folder / "LICENCES.txt").read_text(encoding="utf-8")
    assert "As a whole these data may be passed on only under: ODbL 1.0 (share-alike)." in words
    assert "Contains information from Table alike by An office, made available under the Open Database" in words
    assert json.loads((done.folder / MANIFEST).read_bytes())["accepted"] == ["share-alike"]


def test_strict_names_the_sources_and_writes_nothing(
    mixed: dict[str, Observation], export: Export, tmp_path: Path
) -> None:
    with pytest.raises(RuleError) as caught:
        export(strict=True)
    assert caught.value.exit_code == 6
    said = str(caught.value)
    assert "alike (1 rows: its licence asks for share-alike, which was not accepted)" in said
    assert "unstated (1 rows: no licence is stated)" in said
    assert "free (3 rows: confidential; its licence asks for share-alike, which was not accepted; withheld" in said
    assert "With --accept share-alike" in said
    assert not (tmp_path / "out").exists()


def test_strict_writes_all_when_all_may_leave(observe: Observe, export_of: Export) -> None:
    done = export_of("free", "CC-BY-4.0", [observe(50, "BRA", source="free")], strict=True)
    assert done.selection.pointers == ()


def test_the_two_tables_say_the_same_in_the_same_columns(mixed: dict[str, Observation], export: Export) -> None:
    done = export(accept=("share-alike",))
    found = duckdb.sql(f"SELECT * FROM read_parquet('{done.folder / 'data.parquet'}')")
    assert tuple(found.columns) == COLUMNS
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in found.fetchall()]
    texts = _table(done, "data.csv")
    assert tuple(texts[0]) == COLUMNS
    assert [(r["obs_id"], r["value"]) for r in rows] == [(t["obs_id"], float(t["value"])) for t in texts]
    made = next(t for t in texts if t["obs_id"] == mixed["made"].obs_id)
    assert made["derived_from"].split(";") == [mixed["free"].obs_id, mixed["alike"].obs_id]


def test_a_row_is_judged_by_all_it_is_made_from_though_only_a_bloc_is_asked_for(
    mixed: dict[str, Observation], export: Export
) -> None:
    done = export(areas={"BRA", "EGY"}, scope="BRICS on 2026-11-22")
    assert [o.area for o in done.selection.rows] == ["BRA"]
    assert [(p.obs_id, p.reason) for p in done.selection.pointers] == [(mixed["made"].obs_id, "share_alike")]
    assert json.loads((done.folder / MANIFEST).read_bytes())["scope"] == "BRICS on 2026-11-22"


def test_the_manifest_names_every_file_and_the_release(mixed: dict[str, Observation], export: Export) -> None:
    done = export()
    manifest = json.loads((done.folder / MANIFEST).read_bytes())
    assert sorted(path.name for path in done.folder.iterdir()) == sorted((*FILES, MANIFEST))
    assert manifest["files"] == {name: hashlib.sha256((done.folder / name).read_bytes()).hexdigest() for name in FILES}
    assert manifest["release"]["hash"] == done.selection.release.hash
    assert manifest["rows"] == 1
    assert manifest["pointers"]["free"] == {"confidential": 1, "share_alike": 1, "withheld": 1}


def test_twice_gives_the_same_bytes_and_replaces_the_first(
    mixed: dict[str, Observation], export: Export, tmp_path: Path
) -> None:
    first = {path.name: path.read_bytes() for path in export().folder.iterdir()}
    (tmp_path / "other").mkdir()
    other = {path.name: path.read_bytes() for path in export(folder=tmp_path / "other").folder.iterdir()}
    again = {path.name: path.read_bytes() for path in export().folder.iterdir()}
    assert first == other == again


@pytest.mark.parametrize("place", ["file", "link", "strangers", "extra"])
def test_nothing_of_others_is_replaced(
    mixed: dict[str, Observation], export: Export, tmp_path: Path, place: str
) -> None:
    out = tmp_path / "out"
    if place == "file":
        out.write_text("mine")
    elif place == "link":
        out.symlink_to(tmp_path)
    elif place == "strangers":
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
    else:
        export()
        (out / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"is not a folder|is there already and is not an export of ours"):
        export()
    assert out.read_text() == "mine" if place == "file" else True
    assert (out / "thesis.txt").read_text() == "mine" if place in ("strangers", "extra") else True


@pytest.mark.parametrize("broken", ["parquet", "manifest"])
def test_an_export_that_breaks_off_leaves_what_was_there(
    mixed: dict[str, Observation], export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    before = {path.name: path.read_bytes() for path in export().folder.iterdir()}

    def fail(path: Path, *_: Any) -> None:
        raise _files.disk_full(path)

    if broken == "parquet":
        monkeypatch.setattr(tables, "write_table", lambda _, path, *__: fail(path))
    else:
        write = _files.write_bytes
        monkeypatch.setattr(_files, "write_bytes", lambda p, d: fail(p) if p.name == MANIFEST else write(p, d))
    with pytest.raises(StateError, match="no space is left"):
        export(accept=("share-alike",))
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_release_without_rows_of_these_areas_is_an_error(mixed: dict[str, Observation], export: Export) -> None:
    with pytest.raises(InputError, match=r"no row to export\. Load data, or name another bloc\."):
        export(areas={"FRA"})


def test_when_nothing_may_leave_there_are_only_pointers(observe: Observe, export_of: Export) -> None:
    done = export_of("unstated", "unstated", [observe(50, source="unstated")])
    assert _table(done, "data.csv") == []
    assert len(_table(done, "pointers.csv")) == 1
    assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{done.folder / 'data.parquet'}')").fetchall() == [(0,)]


def test_each_dataset_is_cited_with_its_licence_and_counts(mixed: dict[str, Observation], export: Export) -> None:
    by_id = {row["dataset_id"]: row for row in _table(export(), "datasets.csv")}
    assert (by_id["free"]["licence"], by_id["free"]["rows"], by_id["free"]["pointers"]) == ("CC-BY-4.0", "1", "3")
    assert by_id["alike"]["share_alike"] == "yes"
    assert by_id["free"]["attribution"] == "An office, Table free, licensed under CC BY 4.0."
    assert by_id["free"]["citation"].startswith("An office (2026). Table free, free-1. Retrieved 2026-03-02.")


def test_text_that_a_spreadsheet_would_run_is_guarded(observe: Observe, export_of: Export) -> None:
    row = observe(-5, "BRA", source="free", note="=HYPERLINK(1)", indicator_id="gdp_growth_pct", unit="percent")
    done = export_of("free", "CC-BY-4.0", [row], producer="@office")
    (said,) = _table(done, "data.csv")
    assert (said["note"], said["value"]) == ("'=HYPERLINK(1)", "-5")
    assert _table(done, "datasets.csv")[0]["producer"] == "'@office"


def test_what_may_not_be_sold_is_said(observe: Observe, export_of: Export) -> None:
    words = (export_of("nc", "NC", [observe(50, source="nc")]).folder / "LICENCES.txt").read_text(encoding="utf-8")
    assert "Not for commercial use, because of: Table nc." in words
