"""Rules of many pairs at once: the same as `binds` says of each pair, by hand and over the packaged catalogue."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import pytest

from concordat.errors import InputError
from concordat.rulebook.binds import binds
from concordat.rulebook.catalogue import load_catalogue
from concordat.rulebook.model import ParsedInstrument
from concordat.rulebook.pairs import PairRules, pair_rules
from concordat.rulebook.store import RuleStore
from concordat.rulebook.taxonomy import load_taxonomy
from rulebook_build import coding, instrument, store_of, unit

ON = date(2026, 11, 1)
TEXTS = {"deal": [("1", "Data flows."), ("2", "Source code.")]}


def between(store: RuleStore, a: str, b: str) -> PairRules:
    (found,) = pair_rules(store, [a, b], ON)
    return found


def test_the_hardest_depth_of_each_instrument_counts_and_soft_ones_stay_soft() -> None:
    both = instrument("deal", "BRA, CHN") + instrument("pledge", "BRA, CHN, IND", binding="soft")
    some = [coding("deal/1", "DF-FLOW", 1), coding("deal/2", "DF-FLOW", 2), coding("pledge/1", "DF-FLOW", 2)]
    with store_of(both, TEXTS | {"pledge": [("1", "Data flows, in peace.")]}) as store:
        store.add_codings(some)
        assert between(store, "BRA", "CHN").depths == {"DF-FLOW": {"deal": 2, "pledge": 1}}
        assert between(store, "BRA", "IND").depths == {"DF-FLOW": {"pledge": 1}}


def test_a_provision_is_gone_where_each_that_owes_it_has_reserved_it() -> None:
    reserved = 'in_force: "2010-01-01", reservation: ["DF-FLOW: not here"]'
    rows = f'party: BRA, {reserved}\nparty: CHN, {reserved}\nparty: IND, in_force: "2010-01-01"'
    with store_of(instrument("deal", rows=rows), TEXTS) as store:
        store.add_codings([coding("deal/1", "DF-FLOW"), coding("deal/2", "SC-CODE")])
        assert sorted(between(store, "BRA", "CHN").depths) == ["SC-CODE"]
        assert sorted(between(store, "BRA", "IND").depths) == ["DF-FLOW", "SC-CODE"]


def test_what_another_instrument_replaces_does_not_stand_between_the_same_two() -> None:
    newer = instrument("newer", "BRA, CHN", more="    relations: [{kind: replaces, to: deal}]")
    with store_of(instrument("deal", "BRA, CHN, IND") + newer, TEXTS) as store:
        store.add_codings([coding("deal/1", "DF-FLOW")])
        found = between(store, "BRA", "CHN")
        assert (found.standing, found.depths, found.uncoded) == (("newer",), {}, ("newer",))
        assert sorted(between(store, "BRA", "IND").depths) == ["DF-FLOW"]


def test_an_agreement_stands_whose_coded_text_holds_no_provision() -> None:
    with store_of(instrument("deal", "BRA, CHN"), TEXTS) as store:
        store.add_codings([coding("deal/1", "OTHER", 0)])
        found = between(store, "BRA", "CHN")
    assert (found.standing, found.depths, found.uncoded) == (("deal",), {}, ())


def test_entry_into_force_is_told_of_instruments_asked_for() -> None:
    rows = 'party: BRA, in_force: "2012-05"\nparty: CHN, in_force: "2014-07-01"'
    with store_of(instrument("deal", rows=rows) + instrument("pact", "BRA, CHN"), TEXTS) as store:
        (found,) = pair_rules(store, ["BRA", "CHN"], ON, dated=["deal"])
    assert found.since == {"deal": "2014-07-01"}


@pytest.mark.parametrize("members", [["BRA"], ["BRA", "BRA"], ["BRA", "XXX"]])
def test_who_are_no_pair_is_refused(members: list[str]) -> None:
    with store_of(instrument("deal", "BRA, CHN")) as store, pytest.raises(InputError):
        list(pair_rules(store, members, ON))


def test_all_pairs_of_the_catalogue_are_as_binds_says() -> None:
    """Members of the Union among them, one-way acts, a country with dates by pair; every third instrument coded."""
    members = ["AUS", "BRA", "CAN", "CHN", "DEU", "EU", "FRA", "IDN", "JPN", "KOR", "SGP", "USA"]
    codes = [c for c, p in load_taxonomy().provisions.items() if not p.structural]
    catalogue = load_catalogue()
    agreements = [n for n, i in catalogue.instruments.items() if i.type == "trade_agreement_chapter"]
    with RuleStore.memory() as store:
        store.put_catalogue(catalogue)
        for k, name in enumerate(sorted(catalogue.instruments)[::3]):
            store.put_text(ParsedInstrument(name, name, "en", (unit(name, "1", name),)), name.encode())
            store.add_codings(coding(f"{name}/1", codes[(k + n) % len(codes)], 1 + n % 2) for n in range(3))
        seen = 0
        found = pair_rules(store, members, ON, dated=agreements)
        for (a, b), got in zip(combinations(members, 2), found, strict=True):
            wanted = PairRules.of(binds(store, a, b, on=ON))
            assert (got.depths, got.standing, got.uncoded) == (wanted.depths, wanted.standing, wanted.uncoded), (a, b)
            assert got.since == {n: day for n, day in wanted.since.items() if n in agreements}, (a, b)
            seen += bool(got.depths)
    assert seen > 30
