"""Points of a pair by hand, filters with their reasons, and the files of requests and offers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from concordat.errors import InputError
from concordat.exchange.inclusion.aid import Fit, Offer, Request, Size, Window, fit, points_text, rounded
from concordat.exchange.inclusion.aid_file import load_aid, load_offer, load_request

ON = date(2027, 1, 1)
REQUEST = """schema: concordat/aid-request@1
id: ict-teachers
member: ETH
title: {en: "Trainers for 40 school laboratories"}
kind: people
sectors: ["22040", "11130"]
aid_type: D02
languages: [en, am]
window: {from: "2027-02-01", to: "2027-07-31"}
size: {person_days: "120"}
accepts_tied: [untied]
"""
OFFER = """schema: concordat/aid-offer@1
id: trainers
member: BRA
title: {en: "ICT trainers"}
kind: people
sectors: ["22040"]
aid_types: [D01]
places: {regions: [Africa]}
languages: [pt, en-GB]
window: {from: "2027-04-01", to: "2027-12-31"}
size: {person_days: "90"}
tied: untied
capacity: 2
eligible: [BRICS]
"""
ASKED = load_request(REQUEST, where="r.yaml")
GIVEN = load_offer(OFFER, where="o.yaml")


def terms(request: Request, offer: Offer) -> dict[str, tuple[int, int]]:
    return {t.name: (t.low, t.high) for t in fit(request, offer, ON).terms}


def test_points_by_hand() -> None:
    # sector 35 x 1; window: April to July is 122 of 181 days, 15 x 122/181 = 10.11050 (to four digits);
    # size 15 x 90/120 = 11.25; aid type: same letter, 15 x 0.5; place: in a named region, 10 x 0.7; language 10.
    assert terms(ASKED, GIVEN) == {
        "sector": (350_000, 350_000),
        "window": (101_105, 101_105),
        "size": (112_500, 112_500),
        "aid_type": (75_000, 75_000),
        "place": (70_000, 70_000),
        "language": (100_000, 100_000),
    }
    found = fit(ASKED, GIVEN, ON)
    assert (found.removed_by, found.open_filters) == ("", ())
    assert points_text(found.low, found.high) == "80.9"


@pytest.mark.parametrize(
    ("asked", "given", "points"),
    [
        (("22040",), ("22040", "11110"), 350_000),
        (("22040",), ("22010",), 210_000),
        (("22040",), ("220",), 210_000),
        (("220",), ("220",), 210_000),
        (("22040",), ("23010",), 0),
        (("22040",), ("22510",), 105_000),
        (("22040", "11110"), ("11120",), 210_000),
    ],
)
def test_sectors(asked: tuple[str, ...], given: tuple[str, ...], points: int) -> None:
    assert terms(replace(ASKED, sectors=asked), replace(GIVEN, sectors=given))["sector"] == (points, points)


@pytest.mark.parametrize(
    ("request_", "offer", "term", "high"),
    [
        (replace(ASKED, sectors=()), GIVEN, "sector", 350_000),
        (ASKED, replace(GIVEN, window=None), "window", 150_000),
        (replace(ASKED, size=Size(100, "USD")), replace(GIVEN, size=Size(100, "EUR")), "size", 150_000),
        (replace(ASKED, aid_type=""), GIVEN, "aid_type", 150_000),
        (ASKED, replace(GIVEN, regions=()), "place", 100_000),
        (ASKED, replace(GIVEN, languages=()), "language", 100_000),
    ],
    ids=["sector", "window", "two-currencies", "aid-type", "place", "language"],
)
def test_a_missing_fact_gives_an_interval(request_: Request, offer: Offer, term: str, high: int) -> None:
    assert terms(request_, offer)[term] == (0, high)


def test_places_are_a_mean_over_the_countries_asked_for() -> None:
    offer = replace(GIVEN, countries=("ETH",), regions=("Africa",), open=True)
    # named 1, in the region 0.7, open 0.5: (1 + 0.7 + 0.5) / 3 x 10 = 7.3333
    assert terms(replace(ASKED, countries=("ETH", "KEN", "IND")), offer)["place"] == (73_333, 73_333)
    assert terms(replace(ASKED, countries=("IND",)), replace(GIVEN, regions=("BRICS",)))["place"] == (70_000, 70_000)


@pytest.mark.parametrize(
    ("request_", "offer", "removed"),
    [
        (replace(ASKED, member="BRA"), GIVEN, "own"),
        (replace(ASKED, kind="money"), GIVEN, "kind"),
        (replace(ASKED, member="KEN"), GIVEN, "eligible"),
        (replace(ASKED, window=Window(date(2026, 1, 1), date(2027, 3, 31))), GIVEN, "window"),
        (ASKED, replace(GIVEN, tied="tied"), "tied"),
        (replace(ASKED, only_ranked=True), GIVEN, "ranking"),
        (ASKED, replace(GIVEN, only_ranked=True, ranking=("KEN/x",)), "ranking"),
        (replace(ASKED, window=Window(date(2026, 1, 1), date(2027, 4, 1))), GIVEN, ""),
        (replace(ASKED, member="KEN"), replace(GIVEN, eligible=("all",)), ""),
        (replace(ASKED, member="KEN"), replace(GIVEN, eligible=("BRICS", "KEN")), ""),
    ],
)
def test_filters(request_: Request, offer: Offer, removed: str) -> None:
    assert fit(request_, offer, ON).removed_by == removed


def test_what_is_not_stated_leaves_a_filter_open_and_says_so() -> None:
    offer = replace(GIVEN, eligible=None, window=None, tied="")
    found: Fit = fit(replace(ASKED, accepts_tied=()), offer, ON)
    assert found.removed_by == ""
    assert found.open_filters == (
        "the offer does not say who may ask",
        "the offer has no window",
        "the request, and the offer alike, says nothing of tied aid",
    )


def test_a_bloc_has_the_members_of_the_day() -> None:
    assert fit(ASKED, GIVEN, date(2023, 6, 1)).removed_by == "eligible"  # Ethiopia joined on 1 January 2024
    assert fit(ASKED, GIVEN, date(2024, 1, 1)).removed_by == ""


@pytest.mark.parametrize(("n", "d", "whole"), [(5, 2, 2), (7, 2, 4), (1, 3, 0), (2, 3, 1), (6, 3, 2)])
def test_halves_go_to_even(n: int, d: int, whole: int) -> None:
    assert rounded(n, d) == whole


# --- Files ---


def test_a_file_says_which_of_the_two_it_is() -> None:
    assert load_aid(REQUEST, where="r") == ASKED
    assert load_aid(OFFER, where="o") == GIVEN
    with pytest.raises(InputError, match="neither a request nor an offer"):
        load_aid("schema: concordat/case@1\n", where="c")


def test_the_hash_is_of_the_values_not_of_the_layout() -> None:
    swapped = REQUEST.replace("aid_type: D02\nlanguages: [en, am]\n", 'languages: ["en", "am"]\naid_type: "D02"\n')
    assert swapped != REQUEST
    assert load_request(swapped, where="r").sha256 == ASKED.sha256
    assert load_request(REQUEST.replace("120", "121"), where="r").sha256 != ASKED.sha256


def test_money_is_counted_in_minor_units() -> None:
    text = REQUEST.replace('{person_days: "120"}', '{amount: "1250.5", currency: IQD}')
    assert load_request(text, where="r").size == Size(1_250_500, "IQD")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("aid_type: D02", "aid_typ: D02", 'Did you mean "aid_type"?'),
        ('"22040"', '"22041"', "22040 (Information and communication technology (ICT))"),
        ("D02", "D09", "is not a code of the DAC's list"),
        ("member: ETH", "member: ETX", '"ETX" is not an ISO 3166 three-letter code'),
        ('"120"', "120", "size.person_days"),
        ('"120"', '"1.125"', "more than 2 decimals"),
        ('"120"', '"-5"', "not a decimal number"),
        ('"120"', '"0"', "zero or too large"),
        ('{person_days: "120"}', '{amount: "5"}', "give amount and currency, or person_days"),
        ('{person_days: "120"}', '{amount: "5", currency: XAU}', "no money that aid is paid in"),
        ('to: "2027-07-31"', 'to: "2027-01-31"', "ends before it begins"),
        ('to: "2027-07-31"', 'to: "2027-02-30"', "a day that doesn't exist"),
        ("kind: people", "kind: peopel", "kind"),
        ("[untied]", "[untied]\nranking: [BRA/a, BRA/a]", "names one twice"),
    ],
)
def test_what_is_wrong_in_a_request_is_named_with_its_line(old: str, new: str, said: str) -> None:
    assert old in REQUEST
    with pytest.raises(InputError) as caught:
        load_request(REQUEST.replace(old, new), where="r.yaml")
    assert said in str(caught.value)
    assert "r.yaml, line" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[Africa]", "[Afrika]", 'Did you mean "Africa"?'),
        ("places: {regions: [Africa]}", "places: {}", "places names none"),
        ("[BRICS]", "[BRIX]", '"BRIX" is not'),
        ("capacity: 2", "capacity: 0", "capacity"),
    ],
)
def test_what_is_wrong_in_an_offer_is_named_with_its_line(old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_offer(OFFER.replace(old, new), where="o.yaml")
    assert said in str(caught.value)
    assert "o.yaml, line" in str(caught.value)
