"""Imports: the fast path makes what `Meta.row` makes, the order of rows says nothing, numbers come back as written."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.canonical import number_text
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.locators import Body
from concordat.evidence.observation import Observation
from concordat.evidence.sources import tabular
from concordat.evidence.sources._base import Meta
from concordat.evidence.sources._tabular_numbers import half_digit, scaled, value_text
from concordat.evidence.store import open_store

MAPPING = """\
schema: concordat/import@1
file: t.csv
dataset: {id: t, title: T, producer: P, published: 2026-05-02, licence: CC-BY-4.0, class: member_official}
format: {missing: ["", ".."], delimiter: ";"}
columns:
  area: {column: c}
  period: {column: y}
  value: {column: v, precision: printed}
  breakdown: {sex: {column: s, values: {f: F, m: M, t: total}}}
  note: {column: n}
value_is: {indicator: internet_users_pct, unit: percent}
"""
META = Meta("member_official.t", "t", "v1", date(2026, 5, 2), datetime(2026, 5, 3, tzinfo=UTC), "ab" * 32, "t.csv", "1")
IMPORTER = tabular.read_mapping(MAPPING.encode(), load_catalogue(), where="map.yaml")
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
PERCENT = st.decimals(0, 100, places=2).map(str)
NOTES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=12)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["ZAF", "BRA", "NAM", "CHN"]),
        st.integers(1990, 2025).map(str),
        st.one_of(PERCENT, st.sampled_from(["", ".."])),
        st.sampled_from(["f", "m", "t"]),
        NOTES,
    ),
    min_size=1,
    max_size=12,
)


def written(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([("c", "y", "v", "s", "n"), *rows])
    return text.getvalue().encode()


def parsed(body: bytes) -> list[Observation]:
    found = list(IMPORTER.parse(body, META))
    assert all(isinstance(o, Observation) for o in found)
    return [o for o in found if isinstance(o, Observation)]


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_each_row_is_what_meta_row_would_make(rows: list[tuple[str, ...]]) -> None:
    expected = []
    for number, (area, year, value, sex, note) in enumerate(rows, 2):
        missing = value in ("", "..")
        expected.append(
            META.row(
                f"row {number}, v",
                indicator_id="internet_users_pct",
                area=area,
                period_start=date(int(year), 1, 1),
                period_end=date(int(year), 12, 31),
                value=None if missing else float(value),
                precision=None if missing else 0.005,
                missing_reason="not_published" if missing else None,
                obs_status="O" if missing else "A",
                unit="percent",
                breakdown={"f": "sex=F", "m": "sex=M", "t": ""}[sex],
                note=note.strip(),
            )
        )
    assert parsed(written(rows)) == expected


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_every_figure_is_found_again_in_the_bytes(rows: list[tuple[str, ...]]) -> None:
    data = Body(written(rows), "t.csv", IMPORTER.reading)
    assert [data.text_at(o.raw_locator) for o in parsed(data.data)] == [row[2] for row in rows]


@given(st.data(), ROWS)
@settings(max_examples=8, deadline=None)
def test_shuffled_rows_have_the_same_logical_hash(data: st.DataObject, rows: list[tuple[str, ...]]) -> None:
    rows.append(("ZAF", "2023", "83.20", "t", ""))
    shuffled = data.draw(st.permutations(rows))
    with TemporaryDirectory() as folder, open_store(Path(folder) / "data") as store:
        hashes = set()
        for one in (rows, shuffled):
            path = Path(folder) / "t.csv"
            path.write_bytes(written(one))
            hashes.add(tabular.import_file(store, path, IMPORTER).vintage.logical_hash)
    assert len(hashes) == 1


@given(DOUBLES)
@settings(max_examples=300)
def test_the_quick_text_of_a_number_is_the_canonical_one(number: float) -> None:
    assert value_text(number) == number_text(number)


@given(st.decimals(-(10**6), 10**6, places=4), st.sampled_from([1, 100, 1000, 0.1, 1e6]))
@settings(max_examples=200)
def test_a_factor_is_applied_to_the_decimal_number_and_rounded_once(number: Decimal, multiply: float) -> None:
    assert scaled(str(number), float(multiply)) == float(number * Decimal(str(multiply)))
    assert half_digit(str(number), 1.0) == 0.00005
