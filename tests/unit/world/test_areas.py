"""What kind of thing an area id is, which file of the Factbook speaks of it, and the map of equal tiles."""

from __future__ import annotations

from collections import Counter

import pytest

from concordat.errors import InputError
from concordat.world import (
    area_name,
    area_type,
    bloc_ids,
    countries,
    gec_to_area,
    gec_unmapped,
    parts,
    table_hash,
    tiles,
)
from concordat.world._tables import TABLES, read_csv, table_bytes


@pytest.mark.parametrize(
    ("area", "kind"),
    [
        ("BRA", "country"),
        ("PSE", "country"),
        ("XKX", "country"),
        ("PSE.gz", "part"),
        ("WLD", "world"),
        ("BRICS", "bloc"),
        ("EU", "bloc"),
    ],
)
def test_an_area_id_says_what_it_is(area: str, kind: str) -> None:
    assert area_type(area) == kind


@pytest.mark.parametrize("area", ["", "bra", "BR", "ZZZ", "PSE.xx", "PSE.", ".gz", "brics", "076"])
def test_anything_else_is_no_area(area: str) -> None:
    with pytest.raises(InputError, match="is not an area I know"):
        area_type(area)


def test_no_id_of_a_bloc_is_a_code_of_a_country_or_part() -> None:
    codes = {c.iso3 for c in countries(user_assigned=True)} | set(parts()) | {"WLD"}
    assert not codes & set(bloc_ids())


def test_every_file_of_the_factbook_has_an_area_or_a_reason() -> None:
    mapped, unmapped = gec_to_area(), gec_unmapped()
    assert (len(mapped), len(unmapped)) == (249, 7)
    assert not set(mapped) & set(unmapped)
    assert all(len(reason) > 10 for reason in unmapped.values())
    assert set(unmapped) == {"at", "ax", "cr", "dx", "ip", "pf", "pg"}
    kinds = Counter(area_type(area) for area in mapped.values())
    assert kinds == {"country": 245, "part": 2, "bloc": 1, "world": 1}


def test_file_codes_are_gec_and_not_iso() -> None:
    looks = {"ch": "CHN", "sf": "ZAF", "rs": "RUS", "as": "AUS", "au": "AUT", "gm": "DEU", "ja": "JPN", "sz": "CHE"}
    others = {"ee": "EU", "xx": "WLD", "kv": "XKX", "gz": "PSE.gz", "we": "PSE.we"}
    assert {gec: gec_to_area()[gec] for gec in looks | others} == looks | others


def test_several_files_of_one_country_are_parts_only_for_palestine() -> None:
    assert dict(parts()) == {"PSE.gz": "PSE", "PSE.we": "PSE"}
    several = {area for area, n in Counter(gec_to_area().values()).items() if n > 1}
    assert several == {"SJM", "UMI"}


def test_every_country_has_its_own_tile() -> None:
    assert set(tiles()) == {c.iso3 for c in countries(user_assigned=True)}
    assert len(set(tiles().values())) == len(tiles())
    assert all(column >= 0 and row >= 0 for column, row in tiles().values())


@pytest.mark.parametrize(
    ("west", "east"), [("USA", "GBR"), ("BRA", "ZAF"), ("FRA", "RUS"), ("IND", "CHN"), ("CHN", "JPN")]
)
def test_west_is_left_on_the_map_of_tiles(west: str, east: str) -> None:
    assert tiles()[west][0] < tiles()[east][0]


@pytest.mark.parametrize(("north", "south"), [("NOR", "ITA"), ("CAN", "MEX"), ("EGY", "ZAF"), ("CHN", "AUS")])
def test_north_is_up_on_the_map_of_tiles(north: str, south: str) -> None:
    assert tiles()[north][1] < tiles()[south][1]


def test_every_area_has_an_english_name_of_its_own() -> None:
    areas = [c.iso3 for c in countries(user_assigned=True)] + list(parts()) + list(bloc_ids()) + ["WLD"]
    names = [area_name(area) for area in areas]
    assert all(names)
    assert [name for name, n in Counter(names).items() if n > 1] == []


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_clean_utf8_and_its_hash_follows_its_bytes(table: str) -> None:
    import hashlib

    data = table_bytes(table)
    assert not data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data
    assert data.decode("utf-8").endswith("\n")
    assert table_hash(table) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("table", [name for name in TABLES if name.endswith(".csv")])
def test_no_row_of_a_table_is_short_or_long(table: str) -> None:
    for row in read_csv(table):
        assert None not in row
        assert None not in row.values()
