"""In force, for whom, on which day: three answers, each with what it rests on or lacks."""

from __future__ import annotations

from datetime import date

import pytest

from concordat.rulebook.catalogue import load_catalogue
from concordat.rulebook.model import PartialDate, Truth, all_of, any_of, weakest
from concordat.rulebook.status import standing, status
from rulebook_build import instrument, store_of

CASES = [
    # what it is about, rows of participation, in force (instrument), party, towards, day, answer, missing, via
    ("own date", 'party: SGP, in_force: "2011-05-03"', "2010-01-01", "SGP", "", "2011-05-02", "no", "", ""),
    ("own date, that day", 'party: SGP, in_force: "2011-05-03"', "2010-01-01", "SGP", "", "2011-05-03", "yes", "", ""),
    ("month known", 'party: SGP, in_force: "2011-05"', "2010-01-01", "SGP", "", "2011-05-15", "unknown",
     "in_force", ""),
    ("month over", 'party: SGP, in_force: "2011-05"', "2010-01-01", "SGP", "", "2011-05-31", "yes", "", ""),
    ("instrument's date", "party: SGP", "2010-01-01", "SGP", "", "2010-01-01", "yes", "", ""),
    ("no date at all", "party: SGP", "", "SGP", "", "2020-01-01", "unknown", "in_force", ""),
    ("known to be unknown", "party: SGP, unknown: [in_force]", "2010-01-01", "SGP", "", "2020-01-01", "unknown",
     "in_force", ""),
    ("signed only", "party: SGP, role: signatory", "2010-01-01", "SGP", "", "2020-01-01", "no", "", ""),
    ("applied", "party: CHN, role: applicant", "2010-01-01", "CHN", "", "2020-01-01", "no", "", ""),
    ("withdrawn", 'party: SGP, withdrawn: "2015-06-01"', "2010-01-01", "SGP", "", "2015-06-01", "no", "", ""),
    ("before withdrawal", 'party: SGP, withdrawn: "2015-06-01"', "2010-01-01", "SGP", "", "2015-05-31", "yes", "", ""),
    ("withdrawn in a year", 'party: SGP, withdrawn: "2015"', "2010-01-01", "SGP", "", "2015-05-31", "unknown",
     "withdrawn", ""),
    ("withdrawal not read", "party: SGP, unknown: [withdrawn]", "2010-01-01", "SGP", "", "2015-05-31", "unknown",
     "withdrawn", ""),
    ("provisional", 'party: SGP, unknown: [in_force], provisional: "2009-01-01"', "", "SGP", "", "2012-01-01",
     "unknown", "in_force", ""),
    ("suspended", 'party: SGP, suspended: ["2012-01-01", "2013-01-01"]', "2010-01-01", "SGP", "", "2012-06-01", "no",
     "", ""),
    ("after suspension", 'party: SGP, suspended: ["2012-01-01", "2013-01-01"]', "2010-01-01", "SGP", "", "2013-01-01",
     "yes", "", ""),
    ("suspended still", 'party: SGP, suspended: ["2012-01-01"]', "2010-01-01", "SGP", "", "2020-01-01", "no", "", ""),
    ("towards one, later", 'party: GBR, in_force: "2024-12-15", in_force_towards: {AUS: "2024-12-24"}', "2018-12-30",
     "GBR", "AUS", "2024-12-20", "no", "", ""),
    ("towards others", 'party: GBR, in_force: "2024-12-15", in_force_towards: {AUS: "2024-12-24"}', "2018-12-30", "GBR",
     "NZL", "2024-12-20", "yes", "", ""),
    ("towards one, not read", 'party: GBR, in_force: "2024-12-15", in_force_towards: {MEX: unknown}', "2018-12-30",
     "GBR", "MEX", "2025-12-20", "unknown", "in_force", ""),
    ("before its ratification", 'party: JPN, ratified: "2024-05-01"', "2015-01-01", "JPN", "", "2018-06-01", "no", "",
     ""),
    ("ratified later than that", 'party: JPN, ratified: "2024-05-01"', "2015-01-01", "JPN", "", "2024-06-01",
     "unknown", "in_force", ""),
    ("ratified before that", 'party: JPN, ratified: "2014-05-01"', "2015-01-01", "JPN", "", "2018-06-01", "yes", "",
     ""),
    ("ratified in that year", 'party: JPN, ratified: "2015"', "2015-03-01", "JPN", "", "2015-06-01", "unknown",
     "in_force", ""),
    ("before its signature", 'party: JPN, signed: "2020-01-01"', "2015-01-01", "JPN", "", "2018-06-01", "no", "", ""),
    ("not read, before ratified", 'party: JPN, ratified: "2024-05-01", unknown: [in_force]', "2015-01-01", "JPN", "",
     "2018-06-01", "no", "", ""),
    ("before it was provisional", 'party: BRA, provisional: "2023-01-01"', "2015-01-01", "BRA", "", "2018-06-01",
     "no", "", ""),
    ("provisional alone", 'party: BRA, provisional: "2013-01-01"', "2015-01-01", "BRA", "", "2018-06-01", "unknown",
     "in_force", ""),
    ("not read, but withdrawn", 'party: BRA, unknown: [in_force], withdrawn: "2018-01-01"', "2015-01-01", "BRA", "",
     "2018-06-01", "no", "", ""),
    ("towards the Union, before", 'party: JPN, in_force: "2019", in_force_towards: {EU: "2023"}\nparty: EU',
     "2015-01-01", "JPN", "FRA", "2021-06-01", "no", "", ""),
    ("towards the Union, after", 'party: JPN, in_force: "2019", in_force_towards: {EU: "2023"}\nparty: EU',
     "2015-01-01", "JPN", "FRA", "2024-01-01", "yes", "", ""),
    ("towards one that left it", 'party: JPN, in_force: "2019", in_force_towards: {EU: "2023"}\nparty: EU',
     "2015-01-01", "JPN", "GBR", "2021-06-01", "yes", "", ""),
    ("the other's date for it", 'party: NZL, in_force: "2018"\nparty: JPN, in_force_towards: {NZL: "2017-01-01"}',
     "2019-01-01", "NZL", "JPN", "2017-06-01", "yes", "", ""),
    ("that date, and no party", 'party: NZL, role: signatory\nparty: JPN, in_force_towards: {NZL: "2017-01-01"}',
     "2019-01-01", "NZL", "JPN", "2017-06-01", "no", "", ""),
    ("through the Union", "party: EU", "2019-02-01", "FRA", "", "2024-01-01", "yes", "", "EU"),
    ("left the Union", "party: EU", "2019-02-01", "GBR", "", "2021-01-01", "no", "", ""),
    ("while in the Union", "party: EU", "2019-02-01", "GBR", "", "2019-06-01", "yes", "", "EU"),
    ("not listed, list complete", "party: SGP", "2010-01-01", "BRA", "", "2020-01-01", "no", "", ""),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_whether_it_is_in_force(case: tuple[str, ...]) -> None:
    _, rows, in_force, party, towards, day, answer, missing, via = case
    with store_of(instrument("x", in_force=in_force, rows=rows)) as store:
        found = standing(store, "x", party, date.fromisoformat(day), towards)
    assert (found.answer.value, found.missing, found.via) == (answer, missing, via)


def test_absence_from_a_list_that_is_not_complete_is_not_known() -> None:
    with store_of(instrument("x", "SGP", complete=False)) as store:
        found = standing(store, "x", "BRA", date(2020, 1, 1))
    assert (found.answer, found.missing) == (Truth.UNKNOWN, "parties")


def test_no_incomplete_list_of_the_catalogue_says_that_a_country_is_not_a_party() -> None:
    catalogue = load_catalogue()
    incomplete = [i for i in catalogue.instruments.values() if not i.complete]
    assert len(incomplete) >= 29  # the shared file marks 29; lists that are empty are no more complete than these
    for one in incomplete:
        listed = {p.party for p in catalogue.of(one.id)}
        for party in {"BRA", "ZAF", "NPL"} - listed:
            assert standing(catalogue, one.id, party, date(2026, 11, 1)).answer is Truth.UNKNOWN


def test_a_soft_instrument_counts_for_who_signed_later_from_then() -> None:
    rows, more = 'party: SGP, signed: "2021-05-01"', '    adopted: "2019-06-28"'
    with store_of(instrument("x", binding="soft", in_force="", rows=rows, more=more)) as store:
        days = [standing(store, "x", "SGP", date(2021, m, 1)) for m in (4, 5)]
    assert [(f.answer.value, f.since.text if f.since else "") for f in days] == [
        ("no", "2021-05-01"), ("yes", "2021-05-01"),
    ]  # fmt: skip


def test_what_is_provisional_stands_apart_and_dates_by_pair_stand_in_the_table() -> None:
    rows = 'party: BRA, provisional: "2023-01-01"\n'
    rows += 'party: GBR, in_force: "2024-12-15", in_force_towards: {AUS: "2024-12-24", MEX: unknown}'
    with store_of(instrument("x", rows=rows)) as store:
        bra, gbr = status(store, "x", date(2025, 1, 1))
    assert (bra.in_force, bra.answer, bra.missing, bra.provisional) == ("unknown", "unknown", "in_force", "2023-01-01")
    assert (gbr.in_force, gbr.towards) == ("2024-12-15", {"AUS": "2024-12-24", "MEX": "unknown"})


def test_two_sources_of_one_party_are_noted_only_where_they_disagree() -> None:
    def notes(second: str) -> list[str]:
        rows = f'party: BRA, in_force: "2020", source: a\nparty: BRA, in_force: "{second}", source: b'
        with store_of(instrument("x", rows=rows)) as store:
            return [r.conflict for r in status(store, "x", date(2025, 1, 1))]

    assert notes("2021") == ["another source says otherwise"] * 2
    assert notes("2020") == ["", ""]


def test_what_is_soft_by_nature_counts_from_its_adoption() -> None:
    more = '    adopted: "2019-06-28"'
    with store_of(instrument("x", "SGP", binding="soft", in_force="", more=more)) as store:
        days = [standing(store, "x", "SGP", date(2019, 6, d)).answer.value for d in (27, 28)]
    assert days == ["no", "yes"]


def test_a_date_that_is_the_instruments_own_is_marked_unverified() -> None:
    rows = 'party: KOR, in_force: "2024-05-03", confidence: verified\nparty: SGP, confidence: verified'
    with store_of(instrument("x", rows=rows)) as store:
        marks = [standing(store, "x", p, date(2025, 1, 1)).mark for p in ("KOR", "SGP")]
        table = {r.party: r for r in status(store, "x", date(2025, 1, 1))}
    assert marks == ["verified", "unverified"]
    assert (table["KOR"].in_force, table["SGP"].in_force) == ("2024-05-03", "2010-01-01")
    assert table["SGP"].mark == "unverified"


FACTS = [  # that a report must not get wrong (specification, section 2): instrument, party, day, answer
    ("depa", "KOR", "2024-05-02", "no"),
    ("depa", "KOR", "2024-05-03", "yes"),
    ("depa", "CHN", "2026-11-01", "no"),
    ("cptpp", "GBR", "2024-12-14", "no"),
    ("cptpp", "GBR", "2024-12-15", "yes"),
    ("cptpp", "CHN", "2026-11-01", "no"),
    ("uncc", "VNM", "2026-11-01", "no"),
    ("uncc", "RUS", "2026-11-01", "no"),
    ("malabo", "GHA", "2023-06-07", "no"),
    ("tpp", "USA", "2026-11-01", "no"),
    ("rcep", "MMR", "2026-11-01", "unknown"),
    ("rcep", "PHL", "2023-06-01", "no"),
    ("rcep", "PHL", "2023-06-02", "yes"),
    ("eu-jpn", "DEU", "2026-11-01", "yes"),
    ("sco-iis", "CHN", "2026-11-01", "unknown"),
]


@pytest.mark.parametrize(("name", "party", "day", "answer"), FACTS)
def test_facts_that_a_report_must_not_get_wrong(name: str, party: str, day: str, answer: str) -> None:
    assert standing(load_catalogue(), name, party, date.fromisoformat(day)).answer.value == answer


def test_the_moratorium_has_lapsed() -> None:
    ended = load_catalogue()["wto-moratorium"].ended
    assert ended is not None
    assert ended.by(date(2026, 3, 15)) is Truth.UNKNOWN
    assert ended.by(date(2026, 3, 31)) is Truth.YES


def test_cptpp_has_twelve_parties_and_depa_four() -> None:
    catalogue = load_catalogue()
    for name, count in (("cptpp", 12), ("depa", 4)):
        rows = status(catalogue, name, date(2026, 11, 1))
        assert sum(r.answer == "yes" for r in rows) == count


def test_three_answers() -> None:
    y, n, u = Truth.YES, Truth.NO, Truth.UNKNOWN
    assert [all_of(p) for p in ((y, y), (y, u), (u, n), ())] == [y, u, n, y]
    assert [any_of(p) for p in ((n, n), (n, u), (u, y), ())] == [n, u, y, n]
    assert weakest(("verified", "unverified", "partly")) == "unverified"
    assert PartialDate.parse("2020-02").last == date(2020, 2, 29)
    assert PartialDate.parse("2021").after(PartialDate.parse("2020-12-31")) is y
    assert PartialDate.parse("2020").after(PartialDate.parse("2020-06")) is u
