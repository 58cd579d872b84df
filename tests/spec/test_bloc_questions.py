"""Questions about blocs that users ask, and the answers they rely on.

The founding years, accessions and withdrawals are those the blocs themselves published; the totals are the published
figures that each bloc's `checks` name in the table. Read the tables; the code below them only asks.
"""

from __future__ import annotations

import pytest

from concordat.cli import main
from concordat.errors import InputError
from concordat.world import bloc, bloc_ids, bloc_table_as_of, members, roles_on

AS_OF = "2026-07-01"

# --- Who is in BRICS? ---

FOUNDERS = "BRA CHN IND RUS"
FIVE = f"{FOUNDERS} ZAF"
NINE = f"{FIVE} ARE EGY ETH IRN"
TEN = f"{NINE} IDN"

BRICS = [
    ("2009-06-16", "member", FOUNDERS),
    ("2010-12-31", "member", FOUNDERS),
    ("2011-01-01", "member", FIVE),  # known to the year: counted from its first day, marked unsure until its last
    ("2023-07-01", "member", FIVE),
    ("2023-12-31", "member", FIVE),
    ("2024-01-01", "member", NINE),
    ("2024-06-01", "member", NINE),
    ("2025-01-05", "member", NINE),
    ("2025-01-06", "member", TEN),
    (AS_OF, "member", TEN),
    ("2023-07-01", "invited", ""),
    ("2023-10-01", "invited", "ARG SAU"),
    ("2024-01-01", "invited", "SAU"),  # Argentina had declined
    (AS_OF, "invited", "SAU"),
    (AS_OF, "invited_partner", "DZA TUR"),
    (AS_OF, "partner", "BLR BOL CUB KAZ MYS NGA THA UGA UZB VNM"),
]


@pytest.mark.parametrize(("on", "role", "areas"), BRICS)
def test_who_is_in_brics(on: str, role: str, areas: str) -> None:
    assert members("BRICS", on, role) == tuple(sorted(areas.split()))


# --- Who joined, left, or was suspended, and on which day? ---

# bloc, area, the last day before, the first day after, what happened
CHANGES = [
    ("ASEAN", "TLS", "2025-10-25", "2025-10-26", "joins"),
    ("G20", "AU", "2023-09-08", "2023-09-09", "joins"),
    ("OECD", "CRI", "2021-05-24", "2021-05-25", "joins"),
    ("EU", "HRV", "2013-06-30", "2013-07-01", "joins"),
    ("SCO", "IRN", "2023-07-03", "2023-07-04", "joins"),
    ("WTO", "COM", "2024-08-20", "2024-08-21", "joins"),
    ("CPTPP", "GBR", "2024-12-14", "2024-12-15", "joins"),
    ("UN", "SSD", "2011-07-13", "2011-07-14", "joins"),
    ("ECOWAS", "MLI", "2025-01-28", "2025-01-29", "leaves"),
    ("ECOWAS", "NER", "2025-01-28", "2025-01-29", "leaves"),
    ("LDC", "BTN", "2023-12-31", "2024-01-01", "leaves"),  # known to the year: counts until its last day
    ("COMESA", "AGO", "2007-12-31", "2008-01-01", "leaves"),
]


@pytest.mark.parametrize(("bloc_id", "area", "before", "after", "what"), CHANGES)
def test_who_joined_or_left_on_which_day(bloc_id: str, area: str, before: str, after: str, what: str) -> None:
    found = (area in members(bloc_id, before), area in members(bloc_id, after))
    assert found == {"joins": (False, True), "leaves": (True, False)}[what]


# bloc, day, who is suspended (and stays a member)
SUSPENDED = [
    ("AU", AS_OF, "BFA GNB MDG MLI NER SDN"),
    ("AU", "2026-01-21", "BFA GIN GNB MDG MLI NER SDN"),
    ("AU", "2026-01-22", "BFA GNB MDG MLI NER SDN"),  # Guinea was readmitted
    ("MERCOSUR", AS_OF, "VEN"),
    ("ECOWAS", AS_OF, "GNB"),
    ("LAS", "2012-01-01", "SYR"),
    ("BRICS", AS_OF, ""),
]


@pytest.mark.parametrize(("bloc_id", "on", "areas"), SUSPENDED)
def test_a_suspended_state_stays_a_member(bloc_id: str, on: str, areas: str) -> None:
    assert members(bloc_id, on, "suspended") == tuple(areas.split())
    assert set(areas.split()) <= set(members(bloc_id, on))


# bloc, area, role: listed, and never counted
NOT_MEMBERS = [
    ("CIS", "TKM", "associate"),
    ("G20", "POL", "guest"),
    ("G7", "EU", "participant"),
    ("UN", "VAT", "observer"),
    ("UN", "PSE", "observer"),
    ("AFCFTA", "ERI", ""),
]


@pytest.mark.parametrize(("bloc_id", "area", "role"), NOT_MEMBERS)
def test_a_lesser_role_is_listed_and_never_counted(bloc_id: str, area: str, role: str) -> None:
    assert [m.role for m in roles_on(bloc_id, AS_OF) if m.area == area] == ([role] if role else [])
    assert area not in members(bloc_id, AS_OF)


# --- How many are they? ---

# Full members on 2026-07-01, as published.
TOTALS = {
    "AES": 3, "AFCFTA": 47, "APEC": 21, "ASEAN": 11, "AU": 55, "BALTIC": 3, "BIMSTEC": 7, "BRICS": 10, "CARICOM": 15,
    "CELAC": 33, "CIS": 9, "COMESA": 21, "COMMONWEALTH": 56, "CPTPP": 12, "D8": 9, "DCO": 16, "DEPA": 4,
    "DIGITAL_NATIONS": 10, "EAC": 8, "EAEU": 5, "ECCAS": 10, "ECOWAS": 12, "EU": 27, "G20": 21, "G7": 7, "G77": 134,
    "GCC": 6, "IBSA": 3, "IGAD": 7, "LAS": 22, "LDC": 44, "LLDC": 32, "MERCOSUR": 6, "NORDIC": 5, "OECD": 38,
    "OIC": 57, "PACIFIC_ALLIANCE": 4, "PIF": 18, "RCEP": 15, "SAARC": 8, "SADC": 16, "SCO": 10, "SIDS": 37, "UMA": 5,
    "UN": 193, "USMCA": 3, "V4": 4, "WTO": 166,
}  # fmt: skip

EARLIER = [
    ("EU", "1973-01-01", 9),
    ("EU", "2004-05-01", 25),
    ("EU", "2013-07-01", 28),
    ("APEC", "1989-12-31", 12),
    ("OECD", "2010-05-31", 31),
    ("WTO", "2015-11-30", 162),
    ("COMMONWEALTH", "2014-06-30", 53),
    ("LDC", "2021-11-25", 46),
    ("CPTPP", "2018-12-30", 6),
]


def test_the_totals_of_all_blocs_are_the_published_ones() -> None:
    assert bloc_table_as_of().isoformat() == AS_OF
    assert {bloc_id: len(members(bloc_id, AS_OF)) for bloc_id in bloc_ids()} == TOTALS


@pytest.mark.parametrize(("bloc_id", "on", "total"), EARLIER)
def test_earlier_totals_are_the_published_ones(bloc_id: str, on: str, total: int) -> None:
    assert len(members(bloc_id, on)) == total


# --- How sure is it? ---

# bloc, area, day: verified?, unsure on the day?
SURENESS = [
    ("BRICS", "ZAF", "2011-03-01", True, True),
    ("BRICS", "ZAF", "2012-03-01", True, False),
    ("BRICS", "EGY", "2024-01-01", True, False),
    ("LDC", "BTN", "2023-12-31", True, True),
    ("G20", "FRA", AS_OF, False, False),  # since when was never seen
    ("G7", "EU", AS_OF, False, False),  # nor was that it is one
    ("AU", "SDN", "2021-10-20", False, False),  # as a member; its suspension is another entry
]


@pytest.mark.parametrize(("bloc_id", "area", "on", "verified", "unsure"), SURENESS)
def test_how_sure_an_entry_is(bloc_id: str, area: str, on: str, verified: bool, unsure: bool) -> None:
    entry = next(m for m in roles_on(bloc_id, on) if m.area == area)
    assert (entry.verified, entry.unsure_on(on)) == (verified, unsure)


# --- What is said when there is no answer? ---

REFUSALS = [
    ("BRIC", AS_OF, '"BRIC" is not a bloc I know. Did you mean "BRICS"? See: concordat bloc list'),
    ("BRICS", "2005-01-01", "BRICS had no members on 2005-01-01; its first interval starts in 2009."),
    ("BRICS", "2024", '"2024" is not a day. Write it as 2026-11-22.'),
]


@pytest.mark.parametrize(("bloc_id", "on", "text"), REFUSALS)
def test_what_is_said_when_there_is_no_answer(
    bloc_id: str, on: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError) as caught:
        members(bloc_id, on)
    assert str(caught.value) == text
    assert main(["bloc", "show", bloc_id, "--on", on]) == 2
    out, err = capsys.readouterr()
    assert (out, err.replace("--on: ", "")) == ("", f"concordat: {text}\n")


def test_a_name_is_never_taken_for_an_id() -> None:
    for bloc_id in bloc_ids():
        for name in (bloc(bloc_id).name, *bloc(bloc_id).aliases):
            if name.upper() not in bloc_ids():
                with pytest.raises(InputError, match=f'Did you mean "{bloc_id}"'):
                    bloc(name)
