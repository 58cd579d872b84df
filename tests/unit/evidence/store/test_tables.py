"""A vintage's rows as Parquet: what is written is what is read, to the last bit and the last quote, or it raises."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from concordat.errors import ConcordatError, InputError, SourceError, StateError, TrustError
from concordat.evidence.observation import COLUMNS, Observation
from concordat.evidence.store import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeRow = Callable[..., Observation]

DIFFICULT_TEXTS = [
    "", "NULL", "null", "\\N", "\\\\N", " ", '"', '""', "'", ",", "a,b", "\n", "\r\n", "\r", 'a "b"\n,c', "\x1e",
    "\x1f", "a\x1eb\x1ec", "\x00", "a\x00b", "\t", "\x7f", "é", "e\u0301", "العربية", "中国", "हिन्दी",
    "\U0001f30d", "\u2028", "\ufeff",
    "\u200b", "nan", "Infinity", "-", "=1+1", "%s", "x" * 1_000_000,
]  # fmt: skip
NUMBERS = [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1e308, 1.7976931348623157e308, -1e308, 0.1, 1 / 3, 2**53 + 2.0,
           333333333.33333329, -61.194e9, 1e-7, 123456789012345.67]  # fmt: skip


def _round_trip(rows: Sequence[Observation], folder: Path) -> list[Observation]:
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    path = folder / "rows.parquet"
    sha256 = tables.write_table(rows, path, folder / "tmp")
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert list((folder / "tmp").iterdir()) == []
    return tables.read_table(path, expected=tables.logical_hash(o.row_hash for o in rows), file_sha256=sha256)


# --- What is written is read ---


def test_every_column_comes_back_with_its_type(row: MakeRow, tmp_path: Path) -> None:
    full = row(
        area_type="part", freq="Q", lower=16.5, upper=17.5, censoring="interval", precision=0.5, unit_mult=-3,
        decimals=0,
        breakdown="loc=rural;sex=F", obs_status="E", nature="CA", conf_status="C", note="a note", series_key="x",
        raw_sha256="ab" * 32, raw_locator="africa/et.json#/a~1b", processing_level="minor",
        derived_from=("ab" * 16, "cd" * 16), derived_by="demo@1",
    )  # fmt: skip
    bare = row("BRA", missing_reason="not_published")
    back = _round_trip([full, bare], tmp_path)
    assert back == [full, bare]
    for name in COLUMNS:
        assert type(getattr(back[0], name)) is type(getattr(full, name)), name
    assert [f.name for f in fields(Observation) if getattr(back[1], f.name) is None] == [
        "value", "lower", "upper", "precision", "decimals",
    ]  # fmt: skip


@pytest.mark.parametrize("text", DIFFICULT_TEXTS, ids=lambda t: ascii(t)[:20])
def test_text_comes_back_as_it_was(row: MakeRow, tmp_path: Path, text: str) -> None:
    rows = [row("ARE", note=text), row("BRA", note="plain"), row("CHN", note="", series_key=text, raw_locator=text)]
    assert _round_trip(rows, tmp_path) == rows


def test_no_value_an_empty_text_and_the_word_null_stay_three_things(row: MakeRow, tmp_path: Path) -> None:
    rows = [
        row("ARE", missing_reason="withheld", note="NULL"),
        row("BRA", missing_reason="not_published", note=""),
        row("CHN", note="\\N"),
    ]
    back = _round_trip(rows, tmp_path)
    assert [(o.value, o.missing_reason, o.note) for o in back] == [
        (None, "withheld", "NULL"),
        (None, "not_published", ""),
        (17.0, None, "\\N"),
    ]


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_numbers_come_back_bit_for_bit(row: MakeRow, tmp_path: Path, number: float) -> None:
    back = _round_trip([row(value=number, precision=abs(number))], tmp_path)
    assert back[0].value is not None
    assert back[0].value.hex() == number.hex()
    assert back[0].precision == abs(number)


def test_a_time_of_another_zone_is_the_same_moment(row: MakeRow, tmp_path: Path) -> None:
    local = datetime(2026, 1, 1, 2, 30, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    back = _round_trip([row(retrieved_at=local)], tmp_path)
    assert back[0].retrieved_at == local
    assert back[0].retrieved_at.tzinfo is UTC


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1900, 2, 28), date(9999, 12, 31)])
def test_days_far_away_come_back(row: MakeRow, tmp_path: Path, day: date) -> None:
    rows = [row(period_start=day, period_end=day, known_from=day)]
    assert _round_trip(rows, tmp_path) == rows


def test_no_rows_are_a_vintage_too(tmp_path: Path) -> None:
    assert _round_trip([], tmp_path) == []


def test_more_rows_than_one_group_keep_their_order(row: MakeRow, tmp_path: Path) -> None:
    base = row()
    rows = [replace(base, note=f"{n}", raw_locator=f"row {n}") for n in range(45_000)]  # a group holds 20,480
    assert _round_trip(rows, tmp_path) == rows


def test_a_folder_with_signs_of_patterns_and_quotes_is_read_as_named(row: MakeRow, tmp_path: Path) -> None:
    rows = [row()]
    assert _round_trip(rows, tmp_path / "it's [a] *folder?* ñ") == rows


def test_other_readers_find_the_columns_in_order_and_nulls_as_nulls(row: MakeRow, tmp_path: Path) -> None:
    _round_trip([row("ARE"), row("BRA", missing_reason="withheld")], tmp_path)
    with duckdb.connect() as engine:
        found = engine.execute(f"SELECT * FROM '{tmp_path / 'rows.parquet'}'")
        assert [column[0] for column in found.description] == list(COLUMNS)
        assert [(r[COLUMNS.index("value")], r[COLUMNS.index("missing_reason")]) for r in found.fetchall()] == [
            (17.0, None),
            (None, "withheld"),
        ]


def test_nothing_of_the_engine_is_kept(row: MakeRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _round_trip([row()], tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["rows.parquet", "tmp"]


# --- Order and hashes ---


def test_rows_in_any_order_are_the_same_vintage_and_the_same_file(row: MakeRow, tmp_path: Path) -> None:
    rows = [row(area, year) for area in ("ARE", "BRA", "CHN", "ETH") for year in range(2000, 2020)]
    files, hashes = set(), set()
    for seed in range(4):
        random.Random(seed).shuffle(rows)
        in_order = tables.sort_rows(rows)
        hashes.add(tables.logical_hash(o.row_hash for o in rows))
        _round_trip(in_order, tmp_path / str(seed))
        files.add((tmp_path / str(seed) / "rows.parquet").read_bytes())
    assert len(hashes) == len(files) == 1


def test_the_logical_hash_is_of_the_sorted_row_hashes_one_a_line() -> None:
    assert tables.logical_hash(["b", "a"]) == hashlib.sha256(b"a\nb\n").hexdigest()
    assert tables.logical_hash([]) == hashlib.sha256(b"").hexdigest()
    assert tables.logical_hash(["a", "a"]) != tables.logical_hash(["a"]), "a row said twice is not said once"


# --- What may not be written ---


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("column", ["value", "precision"])
def test_what_is_no_number_is_refused_and_nothing_is_left(
    row: MakeRow, tmp_path: Path, number: float, column: str
) -> None:
    with pytest.raises(InputError, match="not a number"):
        _round_trip([replace(row(), **{column: number})], tmp_path)
    assert not (tmp_path / "rows.parquet").exists()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_half_a_surrogate_pair_is_refused(row: MakeRow, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="half a surrogate pair"):
        _round_trip([row(note="bad \ud83c text")], tmp_path)


def test_a_row_too_long_for_the_engine_is_refused_as_the_sources_fault(row: MakeRow, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="row 2"):
        _round_trip([row(note="x" * (5 * 2**20))], tmp_path)
    assert not (tmp_path / "rows.parquet").exists()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_row_whose_hash_is_not_its_own_is_refused(row: MakeRow) -> None:
    with pytest.raises(TrustError, match="expected"):
        tables.check_rows([replace(row(), value=18.0)], where="demo/v1")


def test_a_row_that_says_two_things_is_refused(row: MakeRow) -> None:
    with pytest.raises(SourceError, match="exactly one"):
        tables.check_rows([replace(row(), missing_reason="withheld")], where="demo/v1")


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "no space is left"), (errno.EACCES, "may not read or write")]
)
def test_a_refusal_of_the_system_leaves_no_file(
    row: MakeRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StateError, match=words):
        _round_trip([row()], tmp_path)
    assert not (tmp_path / "rows.parquet").exists()
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ('IO Error: Could not write file "x": No space left on device', "disk_full"),
        ("Out of Memory Error: disk full while spilling", "disk_full"),
        ("IO Error: something else", "engine"),
    ],
)
def test_what_the_engine_says_becomes_an_error_of_ours(
    row: MakeRow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, code: str
) -> None:
    class Engine:
        def __enter__(self) -> Engine:
            return self

        def __exit__(self, *_: object) -> None: ...

        def execute(self, _: str) -> None:
            raise duckdb.IOException(said)

    monkeypatch.setattr(tables, "engine", Engine)
    with pytest.raises(StateError) as caught:
        _round_trip([row()], tmp_path)
    assert caught.value.code == code
    assert not (tmp_path / "rows.parquet").exists()


# --- What was changed is seen ---


def _stored(rows: Sequence[Observation], folder: Path) -> tuple[Path, dict[str, str]]:
    (folder / "tmp").mkdir(parents=True)
    path = folder / "rows.parquet"
    sha256 = tables.write_table(rows, path, folder / "tmp")
    return path, {"expected": tables.logical_hash(o.row_hash for o in rows), "file_sha256": sha256}


@pytest.mark.parametrize("place", [0, 4, 0.25, 0.5, 0.75, -5, -1], ids=str)
def test_any_changed_byte_of_the_file_raises(row: MakeRow, tmp_path: Path, place: float) -> None:
    path, hashes = _stored([row(year=year) for year in range(1990, 2020)], tmp_path)
    data = bytearray(path.read_bytes())
    at = int(len(data) * place) if isinstance(place, float) else place
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(TrustError) as caught:
        tables.read_table(path, **hashes)
    found = hashlib.sha256(data).hexdigest()
    assert str(caught.value).startswith(
        f"{path}: the file is not what was stored: expected {hashes['file_sha256']}, found {found}."
    )


def test_a_missing_file_raises(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match=f"expected {'0' * 64}, found no file"):
        tables.read_table(tmp_path / "none.parquet", expected="", file_sha256="0" * 64)


def _forged(rows: Sequence[Observation], path: Path) -> dict[str, str]:
    """The hash of the file that someone put in place, as if the catalogue had been changed with it."""
    other, hashes = _stored(rows, path.parent / "other")
    shutil.copy(other, path)
    return {"file_sha256": hashes["file_sha256"]}


@pytest.mark.parametrize(
    "change", [{"value": 18.0}, {"obs_status": "E"}, {"conf_status": "C"}, {"obs_id": "0" * 32}, {"lower": 1.0}]
)
def test_a_changed_row_raises_even_when_the_hash_of_the_file_was_changed_with_it(
    row: MakeRow, tmp_path: Path, change: dict[str, Any]
) -> None:
    path, hashes = _stored([row(), row("BRA")], tmp_path)
    with pytest.raises(TrustError, match=r"the row \w+ is not what was stored"):
        tables.read_table(path, **hashes | _forged([replace(row(), **change), row("BRA")], path))


@pytest.mark.parametrize("left", [1, 3], ids=["a row lost", "a row twice"])
def test_a_lost_or_repeated_row_raises(row: MakeRow, tmp_path: Path, left: int) -> None:
    path, hashes = _stored([row(), row("BRA")], tmp_path)
    with pytest.raises(TrustError, match="the list of rows is not what was stored"):
        tables.read_table(path, **hashes | _forged([row(), row("BRA"), row("BRA")][:left], path))


def test_a_file_that_is_no_table_of_ours_raises(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    with duckdb.connect() as engine:
        engine.execute(f"COPY (SELECT 1 AS one) TO '{path}' (FORMAT parquet)")
    with pytest.raises(ConcordatError, match="not the Parquet file that was stored"):
        tables.read_table(path, expected="", file_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
