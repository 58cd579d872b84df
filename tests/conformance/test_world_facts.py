"""The packaged tables against the reference tables they were compiled from, fact by fact.

Outside judges: `countries.csv` (249 rows), `blocs.yaml` (48 blocs, 1,463 dated entries, 142 sources) and
`factbook_gec_to_iso3.csv` (256 files) of the shared data, as compiled in November 2026; tolerance: none. Where ours
says more on purpose, the difference is written out below.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import InputError
from concordat.settings import parse_yaml
from concordat.world import (
    Membership,
    area_name,
    bloc,
    bloc_ids,
    bloc_sources,
    bloc_table_as_of,
    blocs,
    countries,
    country,
    gec_to_area,
    gec_unmapped,
    members,
)

# Files that the reference leaves without an ISO code, and the area we keep their data under.
GEC_MORE = {"bq": "UMI", "um": "UMI", "wq": "UMI", "jn": "SJM", "sx": "SGS", "ee": "EU", "kv": "XKX", "xx": "WLD"}
GEC_PARTS = {"gz": ("PSE", "PSE.gz"), "we": ("PSE", "PSE.we")}


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture(scope="module")
def country_rows(shared_data: Path) -> list[dict[str, str]]:
    return _rows(shared_data / "countries.csv")


@pytest.fixture(scope="module")
def bloc_table(shared_data: Path) -> dict[str, Any]:
    text = (shared_data / "blocs.yaml").read_bytes()
    table = parse_yaml(text, where="blocs.yaml", numbers_as_text=True).value
    assert isinstance(table, dict)
    return table


# --- Countries ---


def test_every_field_of_every_country_is_the_same(country_rows: list[dict[str, str]]) -> None:
    ours = {
        c.iso3: {
            "iso3": c.iso3,
            "iso2": c.iso2,
            "m49": c.m49,
            "in_m49": str(int(c.in_m49)),
            "name": c.name,
            "gec": ";".join(sorted(c.gec)),
            "currencies": ";".join(c.currencies),
            "un_member_since": c.un_member_since,
            "region": c.region,
            "subregion": c.subregion,
            "intermediate_region": c.intermediate_region,
            "wb_income_fy26": c.income_group,
            "wb_region_fy26": c.income_region,
            "ldc": str(int(c.ldc)),
            "lldc": str(int(c.lldc)),
            "sids": c.sids,
            "flags_as_of": c.flags_as_of,
        }
        for c in countries()
    }
    theirs = {row["iso3"]: {**row, "gec": ";".join(sorted(row["gec"].split(";")))} for row in country_rows}
    assert len(theirs) == 249
    assert set(ours) == set(theirs)
    differ = [
        (iso3, field, value, theirs[iso3][field])
        for iso3, fields in ours.items()
        for field, value in fields.items()
        if value != theirs[iso3][field]
    ]
    assert differ == []
    observers = {row["iso3"] for row in country_rows if row["un_observer"]}
    assert {c.iso3 for c in countries() if c.un_observer} == observers == {"PSE", "VAT"}


def test_every_name_and_alias_means_the_same_country(country_rows: list[dict[str, str]]) -> None:
    aliases = [(alias, row["iso3"]) for row in country_rows for alias in row["aliases"].split(";") if alias]
    assert len(aliases) == 407
    for name, iso3 in [*aliases, *((row["name"], row["iso3"]) for row in country_rows)]:
        assert country(name, scheme="name").iso3 == iso3, name
        assert country(name).iso3 == iso3, name


def test_a_name_that_two_states_bear_is_left_out_on_purpose(country_rows: list[dict[str, str]]) -> None:
    """Bare "Congo" is the UN's name of COG; bare "Korea" is nobody's."""
    assert "Korea" not in {alias for row in country_rows for alias in row["aliases"].split(";")}
    assert country("Congo").iso3 == "COG"
    with pytest.raises(InputError):
        country("Korea")


def test_income_groups_and_flags_add_up_to_the_published_totals() -> None:
    """World Bank, fiscal year 2026; UN lists on 2026-07-01."""
    found = countries(user_assigned=True)
    assert Counter(c.income_group for c in found if c.income_group) == {
        "low": 25, "lower-middle": 50, "upper-middle": 54, "high": 86, "not classified": 2,
    }  # fmt: skip
    assert Counter(c.sids for c in found if c.sids) == {"un": 37, "associate": 16}
    assert sum(1 for c in found if c.un_member_since) == 193


@pytest.mark.parametrize(("flag", "bloc_id"), [("ldc", "LDC"), ("lldc", "LLDC")])
def test_flags_agree_with_the_dated_lists(flag: str, bloc_id: str) -> None:
    flagged = tuple(c.iso3 for c in countries() if getattr(c, flag))
    assert flagged == members(bloc_id, "2026-07-01")


def test_members_of_the_un_agree_with_the_dated_list() -> None:
    listed = {m.area: m.from_ for m in bloc("UN").memberships if m.role == "member"}
    assert listed == {c.iso3: c.un_member_since for c in countries() if c.un_member_since}


# --- The Factbook's files ---


def test_every_file_of_the_factbook_has_the_same_area(shared_data: Path) -> None:
    theirs = {row["gec_code"]: row["iso3"] for row in _rows(shared_data / "factbook_gec_to_iso3.csv")}
    assert len(theirs) == 256
    assert set(theirs) == set(gec_to_area()) | set(gec_unmapped())
    differ = {gec: (iso3, gec_to_area().get(gec, "")) for gec, iso3 in theirs.items()}
    differ = {gec: pair for gec, pair in differ.items() if pair[0] != pair[1]}
    assert differ == {gec: ("", area) for gec, area in GEC_MORE.items()} | GEC_PARTS


# --- Blocs ---


def _area(m: Membership) -> tuple[str | None, str | None]:
    """Under `iso3` or under `bloc`, as the reference has it."""
    return (None, m.area) if m.area_is_bloc else (m.area, None)


def test_every_dated_entry_of_every_bloc_is_the_same(bloc_table: dict[str, Any]) -> None:
    plain = ("iso3", "bloc", "role", "from", "to", "checked", "checked_to")
    theirs = Counter(
        (row["id"], *(m.get(key) for key in plain), *m["source"])
        for row in bloc_table["blocs"]
        for m in row["memberships"]
    )
    ours = Counter(
        (m.bloc, *_area(m), m.role, m.from_, m.to, m.checked, m.checked_to or None, *m.sources)
        for b in blocs()
        for m in b.memberships
    )
    assert sum(theirs.values()) == 1463
    assert sorted((theirs - ours).elements(), key=str) == []
    assert sorted((ours - theirs).elements(), key=str) == []


def test_every_bloc_is_named_and_described_the_same(bloc_table: dict[str, Any]) -> None:
    assert [b.id for b in blocs()] == sorted(b["id"] for b in bloc_table["blocs"])
    for row in bloc_table["blocs"]:
        ours = bloc(row["id"])
        assert (ours.name, ours.kind, ours.url) == (row["name"], row["kind"], row["url"] or "")
        assert (ours.confidence, ours.evidence, list(ours.aliases)) == (
            row["confidence"], row["evidence"], row["aliases"] or [],
        )  # fmt: skip


def test_every_source_and_published_total_is_the_same(bloc_table: dict[str, Any]) -> None:
    theirs = {key: (row["title"], row["url"]) for key, row in bloc_table["sources"].items()}
    assert {key: (s.title, s.url) for key, s in bloc_sources().items()} == theirs
    assert len(theirs) == 142
    as_of = bloc_table["as_of"]
    assert bloc_table_as_of().isoformat() == as_of
    for row in bloc_table["blocs"]:
        published = [(c["role"], int(c["count"]), c["what"], c["source"] or "") for c in row["published_counts"]]
        ours = [(c.role, c.count, c.what, c.source) for c in bloc(row["id"]).checks if c.date.isoformat() == as_of]
        assert ours == published, row["id"]


def test_starts_are_known_as_well_as_the_notes_say() -> None:
    """Seen to the day 517, the month 64, the year 258, not at all 624; and `source: []` on a full entry."""
    entries = [m for b in blocs() for m in b.memberships]
    assert Counter(m.checked for m in entries) == {"day": 517, "month": 64, "year": 258, "none": 624}
    assert sum(m.verified for m in entries) == len(entries) - 624 - 1  # Rwanda in ECCAS: the start seen, no source
    unseen = {(m.bloc, m.area) for m in entries if not m.sources and m.role in ("member", "party", "state_party")}
    assert unseen == {("G7", "RUS"), ("ECOWAS", "MRT"), ("ECCAS", "RWA"), ("PIF", "KIR")}


def test_blocs_are_members_of_blocs_in_four_places_only() -> None:
    inside = {(m.bloc, m.area, m.role) for b in blocs() for m in b.memberships if m.area_is_bloc}
    assert inside == {
        ("G20", "EU", "member"), ("G20", "AU", "member"), ("WTO", "EU", "member"), ("G7", "EU", "participant"),
    }  # fmt: skip


def test_each_area_of_each_bloc_can_be_called_by_name() -> None:
    areas = {m.area for bloc_id in bloc_ids() for m in bloc(bloc_id).memberships}
    assert all(area_name(area) for area in areas)
    assert "XKX" not in areas
