"""Which country a text means: exact code, exact name, or an error with suggestions; never a guess."""

from __future__ import annotations

from collections import Counter

import pytest

from concordat.errors import InputError
from concordat.world import countries, country


def test_there_are_the_249_entries_of_iso_3166() -> None:
    found = countries()
    assert len(found) == 249
    assert [c.iso3 for c in found] == sorted({c.iso3 for c in found})
    assert {c.assigned_by for c in found} == {"iso"}
    for code in ("iso2", "iso3", "m49"):
        assert max(Counter(getattr(c, code) for c in found).values()) == 1


def test_kosovo_is_user_assigned_unverified_and_only_listed_on_request() -> None:
    extra = {c.iso3 for c in countries(user_assigned=True)} - {c.iso3 for c in countries()}
    assert extra == {"XKX"}
    kosovo = country("Kosovo")
    assert (kosovo.iso3, kosovo.m49, kosovo.assigned_by) == ("XKX", "", "concordat-or-worldbank")
    assert not kosovo.verified
    assert country("BRA").verified


def test_columns_are_read_into_their_types() -> None:
    nepal, cuba, holy_see = country("NPL"), country("CUB"), country("VAT")
    assert (nepal.m49, nepal.iso2, nepal.un_member_since, nepal.region) == ("524", "NP", "1955-12-14", "Asia")
    assert (nepal.ldc, nepal.lldc, nepal.sids, nepal.flags_as_of) == (True, True, "", "2026-07-01")
    assert (cuba.ldc, cuba.sids, country("ABW").sids) == (False, "un", "associate")
    assert (holy_see.un_observer, holy_see.un_member_since, cuba.un_observer) == (True, "", False)
    assert (country("TWN").m49, country("TWN").in_m49, cuba.in_m49) == ("158", False, True)
    assert country("Bulgaria").currencies == ("EUR",)  # ISO 4217, from 2026
    assert sorted(country("PSE").gec) == ["GZ", "WE"]
    assert sorted(country("UMI").gec) == ["BQ", "UM", "WQ"]


@pytest.mark.parametrize(
    ("text", "iso3"),
    [
        ("BR", "BRA"),
        ("bra", "BRA"),
        ("076", "BRA"),
        ("Brazil", "BRA"),
        (" brazil\u200b ", "BRA"),
        ("\ufeffBRA", "BRA"),  # the first cell of a file saved with a byte-order mark
        ("NA", "NAM"),  # never "not available"
        ("na", "NAM"),
        ("NO", "NOR"),  # never false
        ("AU", "AUS"),  # without a declared scheme two letters are ISO, and never the African Union
        ("CH", "CHE"),
        ("SF", ""),
        ("UK", "GBR"),  # no ISO code, so the alias
        ("GB", "GBR"),
        ("USA", "USA"),
        ("UAE", "ARE"),
        ("U.A.E.", "ARE"),
        ("almost entirely United Kingdom", "GBR"),
        ("S. Korea", "KOR"),
        ("Korea, North", "PRK"),
        ("Congo", "COG"),  # its UN name
        ("TÜRKİYE", "TUR"),
        ("Turkey", "TUR"),
        ("Co\u0302te d’Ivoire", "CIV"),
        ("Ivory Coast", "CIV"),
        ("Swaziland", "SWZ"),
        ("Burma", "MMR"),
        ("Viet-Nam", "VNM"),
        ("Curaçao", "CUW"),
        ("ÅLAND ISLANDS", "ALA"),
        ("XKX", "XKX"),
    ],
)
def test_a_text_means_one_country_or_none(text: str, iso3: str) -> None:
    if iso3:
        assert country(text).iso3 == iso3
    else:
        with pytest.raises(InputError):
            country(text)


@pytest.mark.parametrize(
    ("gec", "iso3"),
    [
        ("ch", "CHN"),
        ("sf", "ZAF"),
        ("rs", "RUS"),
        ("as", "AUS"),
        ("au", "AUT"),
        ("gm", "DEU"),
        ("ja", "JPN"),
        ("sz", "CHE"),
        ("gz", "PSE"),
        ("we", "PSE"),
        ("kv", "XKX"),
    ],
)
def test_gec_codes_look_like_iso_codes_and_are_read_only_when_declared(gec: str, iso3: str) -> None:
    assert country(gec, scheme="gec").iso3 == iso3
    assert country(gec.upper(), scheme="gec").iso3 == iso3
    try:
        undeclared = country(gec).iso3
    except InputError:
        undeclared = ""
    assert undeclared != iso3


@pytest.mark.parametrize("not_a_country", ["ee", "xx", "ax", "dx", "at", "zz", "", "china", "CHN"])
def test_a_declared_gec_column_takes_nothing_else(not_a_country: str) -> None:
    with pytest.raises(InputError) as caught:
        country(not_a_country, scheme="gec", where="trade.csv, row 2")
    assert str(caught.value) == (
        f'trade.csv, row 2: "{not_a_country}" is not a GEC code I know. GEC codes are the Factbook\'s file names.'
    )


@pytest.mark.parametrize(
    ("scheme", "right", "wrong"),
    [
        ("iso2", "NA", ["NAM", "516", "Namibia", "UK", ""]),
        ("iso3", "nam", ["NA", "516", "Namibia", "UAE", ""]),
        ("m49", "516", ["NAM", "NA", "0516", "-516", "516.0", "５１ ６", "²", ""]),
        ("name", "Namibia", ["NA", "NAM", "516", ""]),
    ],
)
def test_a_declared_column_is_read_in_its_scheme_alone(scheme: str, right: str, wrong: list[str]) -> None:
    assert country(right, scheme=scheme).iso3 == "NAM"  # type: ignore[arg-type]
    for text in wrong:
        with pytest.raises(InputError):
            country(text, scheme=scheme)  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "iso3"), [("4", "AFG"), ("04", "AFG"), ("004", "AFG"), ("76", "BRA")])
def test_leading_zeros_that_a_spreadsheet_dropped_are_put_back_in_a_declared_column(text: str, iso3: str) -> None:
    assert country(text, scheme="m49").iso3 == iso3
    if len(text) < 3:
        with pytest.raises(InputError):
            country(text)


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("Chinna", ["CHN"]),
        ("Brasil", ["BRA"]),
        ("Türkıye", ["TUR"]),
        ("Korea", ["KOR", "PRK"]),  # two states bear the name: left out of the aliases on purpose
        ("Micronesia (Fed. St.)", ["FSM"]),
    ],
)
def test_an_unknown_name_gets_suggestions_and_is_never_taken_for_them(text: str, suggested: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        country(text, where="members.csv, row 14")
    said = str(caught.value)
    assert said.startswith(f'members.csv, row 14: "{text}" is not a country I know. Did you mean "{suggested[0]}"')
    assert said.endswith("Add an alias in study.yaml under aliases.")
    assert [code for code in suggested if f'"{code}"' in said] == suggested
    assert caught.value.code == "unknown_country"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "-",
        "\u200b",
        "n.a.",
        "n/a",
        "..",
        "World",
        "EU",
        "BRICS",
        "Total",
        "الصين",
        "中国",
        "x" * 10_000,
        "🇧🇷",
    ],
)
def test_what_is_no_country_is_refused_without_a_guess(text: str) -> None:
    with pytest.raises(InputError) as caught:
        country(text)
    assert "Did you mean" not in str(caught.value)
