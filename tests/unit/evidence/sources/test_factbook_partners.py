"""Rule 8: which partners a text on trade names, with which shares. A person read the expected lists off the texts."""

from __future__ import annotations

import pytest

from concordat.evidence.sources._factbook_grammar import TEXT_MAX
from concordat.evidence.sources._factbook_partners import parse_partners
from concordat.world import country


def shares(text: str) -> list[tuple[str, float | None, float | None]]:
    return [(p.name, p.value, p.upper) for p in parse_partners(text)[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("China 26%, USA 11.5%, UAE 4% (2023)", [("China", 26, None), ("USA", 11.5, None), ("UAE", 4, None)]),
        ("China <1% (2023)", [("China", None, 1)]),
        ("<p>China&nbsp;26%, Cote d&#39;Ivoire 5%</p> (2023)", [("China", 26, None), ("Cote d'Ivoire", 5, None)]),
        # A comma in parentheses, a name turned round, and one that only looks so.
        ("Serbia (Belgrade, Nis) 9%, Italy 8% (2023)", [("Serbia (Belgrade, Nis)", 9, None), ("Italy", 8, None)]),
        ("Bahamas, The 5%, China 4% (2023)", [("The Bahamas", 5, None), ("China", 4, None)]),
        ("Korea, Republic of <1% (2023)", [("Republic of Korea", None, 1)]),
        ("Congo, Democratic Republic of the 5%", [("Democratic Republic of the Congo", 5, None)]),
        ("Mali, Thailand 5%", [("Mali", None, None), ("Thailand", 5, None)]),
        # Named without a share.
        ("Italy, Spain (2021)", [("Italy", None, None), ("Spain", None, None)]),
        ("almost entirely United Kingdom (2022)", [("United Kingdom", None, None)]),
        # Not a name and a share: kept whole, so that it can be told.
        ("China 1234% (2023)", [("China 1234%", None, None)]),
        ("China 12,5% (2023)", [("China 12", None, None), ("", 5, None)]),
        ("", []),
        ("(2023)", []),
        (", , (2023)", []),
    ],
)  # fmt: skip
def test_each_part_is_a_name_and_a_share(text: str, expected: list[tuple[str, float | None, float | None]]) -> None:
    assert shares(text) == expected


def test_the_year_and_the_roundings_are_those_printed() -> None:
    dated, partners = parse_partners("China 26%, India 5.5%, Peru <1% (2023 est.)")
    assert (dated.year, dated.estimate) == (2023, True)
    assert [p.precision for p in partners] == [0.5, 0.05, 0.5]


# Names as the Factbook prints them in these lists.
@pytest.mark.parametrize(
    ("text", "iso3"),
    [
        ("USA 5%", "USA"), ("UK 5%", "GBR"), ("UAE 5%", "ARE"), ("almost entirely United Kingdom", "GBR"),
        ("Bahamas, The 5%", "BHS"), ("Congo, Republic of the 5%", "COG"), ("Burma 5%", "MMR"), ("Turkey 5%", "TUR"),
        ("Czechia 5%", "CZE"), ("South Korea 5%", "KOR"), ("Taiwan 5%", "TWN"), ("Hong Kong 5%", "HKG"),
        ("Cote d'Ivoire 5%", "CIV"), ("North Macedonia 5%", "MKD"), ("DRC 5%", "COD"),
    ],
)  # fmt: skip
def test_partner_names_are_known_by_their_aliases(text: str, iso3: str) -> None:
    (partner,) = parse_partners(text)[1]
    assert country(partner.name).iso3 == iso3


@pytest.mark.parametrize("text", ["," * TEXT_MAX, "1" * TEXT_MAX, "(" * TEXT_MAX, "a,(" * 7_000, "x <" * 7_000])
def test_a_hostile_list_ends(text: str) -> None:
    assert all(p.value is None for p in parse_partners(text)[1])
