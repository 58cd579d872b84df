"""What kind of thing an area id is, which file of the Factbook speaks of it, and where it stands on the tile map.

Area ids: ISO 3166-1 alpha-3; ids of blocs; `XKX` (Kosovo) and `WLD` (the world), both user-assigned; and parts of a
country that a source treats apart, `PSE.gz` and `PSE.we`.

The Factbook names its files by GEC codes (ex FIPS 10-4), which look like ISO codes and are not. Of its 256 codes 249
have an area here: 246 files of ISO countries and of the two parts of PSE, `ee` (the bloc EU), `xx` (WLD) and `kv`.
The specification's "Not mapped: ... `kv`" is read as "has no ISO code": the same section lists XKX as an area id, so
Kosovo keeps its data under XKX instead of losing them. Several files may name one area (SJM, UMI); only those of PSE
are parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from concordat.errors import InputError
from concordat.world._tables import read_csv
from concordat.world.blocs import bloc_ids
from concordat.world.countries import by_iso3

USER_ASSIGNED = ("WLD", "XKX")


@cache
def _gec() -> tuple[Mapping[str, str], Mapping[str, str]]:
    rows = read_csv("gec.csv")
    mapped = {row["gec"]: row["area"] for row in rows if row["area"]}
    unmapped = {row["gec"]: row["note"] for row in rows if not row["area"]}
    return MappingProxyType(mapped), MappingProxyType(unmapped)


def gec_to_area() -> Mapping[str, str]:
    """The area of each Factbook file code that has one.

    >>> [gec_to_area()[code] for code in ("ch", "sf", "gz", "ee", "kv", "xx")]
    ['CHN', 'ZAF', 'PSE.gz', 'EU', 'XKX', 'WLD']
    """
    return _gec()[0]


def gec_unmapped() -> Mapping[str, str]:
    """The Factbook file codes without an area, each with the reason."""
    return _gec()[1]


@cache
def parts() -> Mapping[str, str]:
    """Each part that a source treats apart, and the country it belongs to: `PSE.gz` -> `PSE`."""
    return MappingProxyType({a: a.partition(".")[0] for a in sorted(gec_to_area().values()) if "." in a})


def area_type(area_id: str) -> str:
    """`country`, `part`, `bloc` or `world`, as observations record it.

    Raises:
        InputError: no area has that id.
    """
    if area_id in by_iso3():
        return "country"
    if area_id in parts():
        return "part"
    if area_id == "WLD":
        return "world"
    if area_id in bloc_ids():
        return "bloc"
    raise InputError(
        f'"{area_id}" is not an area I know.', hint="Give an ISO3 code or a bloc's id.", code="unknown_area"
    )


@cache
def tiles() -> Mapping[str, tuple[int, int]]:
    """The place of each country on the map of equal tiles: ISO3 -> (column from the west, row from the north).

    Our own layout of all 249 entries of ISO 3166-1 and XKX: no two share a tile; neighbours stay near each other; size,
    coast and border say nothing.
    """
    return MappingProxyType({row["iso3"]: (int(row["column"]), int(row["row"])) for row in read_csv("tiles.csv")})
