"""Which rules bind two parties: rows, directions, the legal depth, what is open; and the gap to an agreement."""

from __future__ import annotations

from datetime import date

import pytest

from concordat.errors import InputError, MethodError
from concordat.rulebook._regime_read import read
from concordat.rulebook.accession import AccessionGap, accession_gap
from concordat.rulebook.binds import acts, between, binds
from concordat.rulebook.catalogue import load_catalogue
from concordat.rulebook.store import RuleStore
from rulebook_build import coding, instrument, store_of

ON = date(2025, 1, 1)
WORDS = "Each Party shall allow transfers of information by electronic means."


def two(rows: str = "party: BRA\nparty: SGP", **more: str) -> RuleStore:
    """One instrument with article 1 on data flows, binding with exceptions, and 2 on spam, soft."""
    store = store_of(instrument("x", rows=rows, **more), {"x": [("1", WORDS), ("2", "The Parties recognise spam.")]})
    store.add_codings([coding("x/1", "DF-FLOW", 2, flags={"exceptions": True}), coding("x/2", "EC-SPAM", 1)])
    return store


def test_a_rule_has_its_article_depth_and_date() -> None:
    with two() as store:
        found = binds(store, "BRA", "SGP", on=ON)
    assert [(r.provision, r.depth, r.ordinal, r.unit) for r in found.rows] == [
        ("DF-FLOW", 2, 2, "x/1"),
        ("EC-SPAM", 1, 1, "x/2"),
    ]
    assert found.rows[0].quote == WORDS
    assert (found.rows[0].since, found.rows[0].direction, found.rows[0].mark) == ("2010-01-01", "both", "unverified")
    assert not found.unknown
    assert not found.uncoded


def test_a_topic_or_a_provision_may_be_asked_for() -> None:
    with two() as store:
        assert [r.provision for r in binds(store, "BRA", "SGP", on=ON, topic="EC").rows] == ["EC-SPAM"]
        assert [r.provision for r in binds(store, "BRA", "SGP", on=ON, topic="DF-FLOW").rows] == ["DF-FLOW"]
        with pytest.raises(InputError, match="did you mean DF-FLOW"):
            binds(store, "BRA", "SGP", on=ON, topic="DF-FLOWS")
        with pytest.raises(InputError, match='"BRZ" is not a country'):
            binds(store, "BRZ", "SGP", on=ON)
        with pytest.raises(InputError, match="a rule binds two"):
            binds(store, "SGP", "SGP", on=ON)


def test_a_soft_instrument_makes_nothing_harder_than_soft() -> None:
    with two(binding="soft", more='    adopted: "2012-01-01"', in_force="") as store:
        row = binds(store, "BRA", "SGP", on=ON).rows[0]
    assert (row.depth, row.textual, row.ordinal) == (1, 2, 1)


def test_a_reservation_leaves_the_rule_one_way() -> None:
    rows = 'party: BRA, reservation: ["DF-FLOW: personal data of minors"]\nparty: SGP'
    with two(rows) as store:
        found = {r.provision: r.direction for r in binds(store, "BRA", "SGP", on=ON).rows}
        back = {r.provision: r.direction for r in binds(store, "SGP", "BRA", on=ON).rows}
    assert found == {"DF-FLOW": "b_to_a", "EC-SPAM": "both"}
    assert back == {"DF-FLOW": "a_to_b", "EC-SPAM": "both"}


def test_an_act_directed_to_others_binds_one_way() -> None:
    with two("party: EU, directed_to: [BRA, KOR]") as store:
        found = binds(store, "EU", "BRA", on=ON)
        assert {r.direction for r in found.rows} == {"a_to_b"}
        member = binds(store, "BRA", "FRA", on=ON)
        assert {(r.direction, r.via) for r in member.rows} == {("b_to_a", "EU")}
        assert not binds(store, "BRA", "KOR", on=ON).rows
        assert not binds(store, "EU", "SGP", on=ON).rows


MUTUAL = 'party: EU, in_force: "2019-01-23", directed_to: [JPN]\nparty: JPN, in_force: "2020-02-01", directed_to: [EU]'


def test_acts_in_both_directions_each_bind_one_way() -> None:
    with two(MUTUAL) as store:
        for a, b in (("EU", "JPN"), ("JPN", "EU"), ("FRA", "JPN"), ("JPN", "FRA")):
            owed = {"a_to_b": a, "b_to_a": b}
            rows = [r for r in binds(store, a, b, on=ON).rows if r.provision == "DF-FLOW"]
            found = {(owed[r.direction].replace("FRA", "EU"), r.since) for r in rows}
            assert found == {("EU", "2019-01-23"), ("JPN", "2020-02-01")}
            assert between(store, "x", a, b, ON).direction == "both"
        early = binds(store, "JPN", "EU", on=date(2019, 6, 1))
        assert {r.direction for r in early.rows} == {"b_to_a"}
    with store_of(instrument("x", rows=MUTUAL)) as store:
        assert {u.direction for u in binds(store, "EU", "JPN", on=ON).uncoded} == {"a_to_b", "b_to_a"}


def test_an_act_that_has_lapsed_does_not_hide_the_one_that_answers_it() -> None:
    rows = 'party: BRA, withdrawn: "2020-01-01", directed_to: [ARG]\nparty: ARG, directed_to: [BRA]'
    with two(rows) as store:
        assert {r.direction for r in binds(store, "BRA", "ARG", on=ON).rows} == {"b_to_a"}
        assert {r.direction for r in binds(store, "ARG", "BRA", on=ON).rows} == {"a_to_b"}
        assert between(store, "x", "BRA", "ARG", ON).answer.value == "yes"
        regime = read(store, ["BRA", "ARG"], ON)
    assert regime.forces.between(0)[0].tolist() == [[0, 0], [2, 0]]


def test_of_two_acts_that_are_not_known_each_lacks_its_date() -> None:
    rows = "party: BRA, unknown: [in_force], directed_to: [ARG]\nparty: ARG, unknown: [in_force], directed_to: [BRA]"
    with two(rows) as store:
        found = binds(store, "BRA", "ARG", on=ON).unknown
    assert [(u.instrument, u.who, u.missing) for u in found] == [("x", ("BRA", "ARG"), ("in_force", "in_force"))]


def test_a_date_for_the_pair_stands_for_both() -> None:
    rows = 'party: JPN, in_force: "2018-12-30", in_force_towards: {NZL: "2017-01-01", EU: "2023-01-01"}\n'
    rows += 'party: NZL, in_force: "2018-12-30"\nparty: EU, in_force: "2018-12-30"'
    with two(rows) as store:
        for a, b in (("JPN", "NZL"), ("NZL", "JPN")):
            found = between(store, "x", a, b, date(2018, 6, 1))
            assert (found.answer.value, found.since.text if found.since else "") == ("yes", "2017-01-01")
        for b in ("EU", "FRA"):
            days = [between(store, "x", "JPN", b, date(y, 6, 1)).answer.value for y in (2020, 2023)]
            assert days == ["no", "yes"]
        forces = read(store, ["JPN", "NZL", "FRA"], date(2018, 6, 1)).forces.between(0)[0]
    assert forces.tolist() == [[0, 2, 0], [2, 0, 0], [0, 0, 0]]


def test_what_is_about_no_topic_known_is_kept_when_a_topic_is_asked_for() -> None:
    rows = "party: BRA, unknown: [in_force]\nparty: SGP"
    text = instrument("bare", rows=rows, topics="") + instrument("coded", rows=rows, topics="EC")
    text += instrument("other", rows=rows, topics="EC") + instrument("plain", "BRA, SGP", topics="")
    with store_of(text, {"coded": [("1", WORDS)]}) as store:
        store.add_codings([coding("coded/1", "DF-FLOW", 2)])
        found = binds(store, "BRA", "SGP", on=ON, topic="DF")
    assert [u.instrument for u in found.unknown] == ["bare", "coded"]
    assert [u.instrument for u in found.uncoded] == ["plain"]


@pytest.mark.parametrize(("kind", "word"), [("replaces", "replaced"), ("suspends", "suspended")])
def test_what_another_replaces_or_suspends_is_marked(kind: str, word: str) -> None:
    text = instrument("old", "CHL, PER, MEX") + instrument(
        "new", "CHL, PER", in_force="2020-01-01", more=f"    relations: [{{to: old, kind: {kind}}}]"
    )
    articles = [("1", WORDS)]
    with store_of(text, {"old": articles, "new": articles}) as store:
        store.add_codings([coding("old/1", "DF-FLOW", 2), coding("new/1", "DF-FLOW", 1)])
        found = binds(store, "CHL", "PER", on=ON)
        before, other = binds(store, "CHL", "PER", on=date(2019, 1, 1)), binds(store, "CHL", "MEX", on=ON)
    assert [(r.instrument, r.note) for r in found.rows] == [("new", ""), ("old", f"{word} by new")]
    assert found.strongest["DF-FLOW"].instrument == "new"
    assert [r.note for r in (*before.rows, *other.rows)] == ["", ""]
    with store_of(text) as store:
        notes = {u.instrument: u.note for u in binds(store, "CHL", "PER", on=ON).uncoded}
    assert notes == {"old": f"{word} by new", "new": ""}


def test_an_agreement_of_the_union_with_others_is_none_inside_it() -> None:
    pairs = [("FRA", "DEU"), ("DEU", "ITA"), ("EU", "FRA"), ("EU", "DEU"), ("FRA", "JPN"), ("DEU", "JPN")]
    with two("party: FRA\nparty: EU\nparty: JPN") as store:
        found = [acts(store, "x", a, b, ON)[0].answer.value for a, b in pairs]
        forces = read(store, ["FRA", "DEU", "ITA", "JPN"], ON).forces.between(0)[0]
    assert found == ["no", "no", "no", "no", "yes", "yes"]
    assert forces.tolist() == [[0, 0, 0, 2], [0, 0, 0, 2], [0, 0, 0, 2], [2, 2, 2, 0]]
    with two("party: FRA\nparty: DEU\nparty: EU") as store:  # each is a party of its own
        assert between(store, "x", "FRA", "DEU", ON).answer.value == "yes"


def test_members_of_the_union_do_not_bind_each_other_through_it() -> None:
    with two("party: EU\nparty: JPN") as store:
        assert {r.via for r in binds(store, "FRA", "JPN", on=ON).rows} == {"EU"}
        assert not binds(store, "FRA", "DEU", on=ON).rows


def test_what_is_not_known_stands_apart() -> None:
    text = instrument("may", rows="party: BRA, unknown: [in_force]\nparty: SGP") + instrument(
        "list", "SGP", complete=False
    )
    text += instrument("plain", "BRA, SGP") + instrument("talks", rows="party: BRA\nparty: SGP, role: applicant")
    with store_of(text) as store:
        found = binds(store, "BRA", "SGP", on=ON)
    assert [(u.instrument, u.who, u.missing) for u in found.unknown] == [
        ("list", ("BRA",), ("parties",)),
        ("may", ("BRA",), ("in_force",)),
    ]
    assert [(u.instrument, u.reason) for u in found.uncoded] == [("plain", "text not loaded")]
    assert [(s.instrument, s.a, s.b) for s in found.beside] == [("talks", "in force", "applied")]


def test_later_and_narrower_instruments_stand_first_and_conflicts_are_shown() -> None:
    text = instrument("old", "BRA, SGP, CHL", in_force="2001-01-01") + instrument(
        "new", "BRA, SGP", in_force="2020-01-01"
    )
    with store_of(text, {"old": [("1", WORDS)], "new": [("7", WORDS)]}) as store:
        store.add_codings([coding("old/1", "DF-FLOW", 2), coding("new/7", "DF-FLOW", 2, flags={"exceptions": True})])
        found = binds(store, "BRA", "SGP", on=ON)
    assert [r.instrument for r in found.rows] == ["new", "old"]
    assert found.overlaps == {"DF-FLOW": ("new", "old")}
    assert found.strongest["DF-FLOW"].instrument == "old"  # without listed exceptions
    assert [(c[0], c[1], c[2]) for c in found.conflicts] == [("DF-FLOW", "old", "new")]


def test_what_a_person_coded_stands_before_what_a_model_did() -> None:
    with two() as store:
        store.add_codings([coding("x/1", "DF-FLOW", 1, method="human", coder="ana", n=1)])
        assert next(r for r in binds(store, "BRA", "SGP", on=ON).rows if r.provision == "DF-FLOW").depth == 1
        store.add_codings([coding("x/1", "DF-FLOW", 2, method="human", coder="bob", n=2)])
        row = next(r for r in binds(store, "BRA", "SGP", on=ON).rows if r.provision == "DF-FLOW")
    assert (row.depth, row.state) == (2, "disputed")


def test_with_the_catalogue_alone_binding_instruments_between_members_of_brics_are_few() -> None:
    # Specification, section 11: which binding or mixed instruments list two or more members.
    with RuleStore.memory() as store:
        store.put_catalogue(load_catalogue())
        chn_idn = binds(store, "CHN", "IDN", on=date(2026, 11, 1))
        are_egy = binds(store, "ARE", "EGY", on=date(2026, 11, 1))
        chn_rus = binds(store, "CHN", "RUS", on=date(2026, 11, 1))
    hard = {"binding", "mixed"}
    assert {u.instrument for u in chn_idn.uncoded if u.binding in hard} == {"rcep", "wto-ita", "wct", "wppt"}
    assert "arab-cyber" in {u.instrument for u in are_egy.unknown}
    assert "sco-iis" in {u.instrument for u in chn_rus.unknown}


def test_the_gap_to_an_agreement() -> None:
    text = instrument("t", "CHL, SGP", topics="DF, EC") + instrument("own", "BRA, SGP", topics="DF, EC")
    articles = [("1", WORDS), ("2", WORDS), ("3", WORDS), ("4", WORDS), ("5", WORDS)]
    with store_of(text, {"t": articles, "own": articles}) as store:
        store.add_codings(
            [
                coding("t/1", "DF-FLOW", 2), coding("t/2", "DF-LOCA", 2), coding("t/3", "EC-SPAM", 1),
                coding("t/4", "EC-DEFI", 0), coding("own/1", "DF-FLOW", 1), coding("own/3", "EC-SPAM", 2),
            ]
        )  # fmt: skip
        gap = accession_gap(store, "BRA", "t", ON)
        member = accession_gap(store, "CHL", "t", ON)
        with pytest.raises(MethodError, match="the text of t is not coded"):
            accession_gap(store_of(text), "BRA", "t", ON)
    kinds = {r.provision: r.kind for r in gap.rows}
    assert kinds == {"DF-LOCA": "new", "DF-FLOW": "deeper", "EC-SPAM": "wider"}
    assert next(r for r in gap.rows if r.kind == "wider").not_towards == ("CHL",)
    assert next(r for r in gap.rows if r.kind == "deeper").has.unit == "own/1"  # type: ignore[union-attr]
    assert {r.kind for r in member.rows} == {"done"}
    assert member.member


def test_an_unread_instrument_makes_a_gap_of_its_topic_unknown() -> None:
    text = instrument("t", "CHL, SGP", topics="DF") + instrument("unread", "BRA, SGP", topics="DF")
    text += instrument("words", "BRA", binding="soft", topics="DF", more='    adopted: "2001"')
    with store_of(text, {"t": [("1", WORDS), ("2", WORDS)]}) as store:
        store.add_codings([coding("t/1", "DF-FLOW", 2), coding("t/2", "EC-SPAM", 2)])
        gap = accession_gap(store, "BRA", "t", ON)
    assert {r.provision: r.kind for r in gap.rows} == {"DF-FLOW": "unknown", "EC-SPAM": "new"}
    assert gap.unread == ("unread", "words")


def gap_to(text: str, party: str, codings: dict[str, int], target: str = "t") -> AccessionGap:
    """The gap to an instrument, of instruments with one article on data flows as deep as given."""
    with store_of(text, {name: [("1", WORDS)] for name in codings}) as store:
        store.add_codings([coding(f"{name}/1", "DF-FLOW", depth) for name, depth in codings.items()])
        return accession_gap(store, party, target, ON)


TARGET = instrument("t", "CHL, SGP")


@pytest.mark.parametrize(
    ("what", "other", "codings", "kind", "told"),
    [
        ("a list that is not complete", instrument("may", "PER", complete=False), {"t": 2}, "new", True),
        ("of no known topic", instrument("may", "PER", complete=False, topics=""), {"t": 2}, "new", True),
        ("of another topic", instrument("may", "PER", complete=False, topics="AI"), {"t": 2}, "new", False),
        ("soft, a hard rule asked", instrument("may", "PER", complete=False, binding="soft"), {"t": 2}, "new", False),
        ("coded as hard", instrument("may", "PER", complete=False, topics=""), {"t": 2, "may": 2}, "unknown", False),
        ("coded, and softer", instrument("may", "PER", complete=False), {"t": 2, "may": 1}, "new", False),
    ],
)
def test_an_instrument_that_one_may_be_party_to_makes_a_gap_unknown_where_it_is_coded(
    what: str, other: str, codings: dict[str, int], kind: str, told: bool
) -> None:
    gap = gap_to(TARGET + other, "ECU", codings)
    assert [r.kind for r in gap.rows] == [kind], what
    assert gap.unread == (("may",) if kind == "unknown" else ())
    assert gap.unlisted == (("may",) if told else ())


def test_what_a_party_has_reserved_it_does_not_owe() -> None:
    own = 'party: BRA, reservation: ["DF-FLOW: none of it"]\nparty: CHL\nparty: SGP'
    gap = gap_to(TARGET + instrument("own", rows=own), "BRA", {"t": 2, "own": 2})
    assert [(r.kind, r.has) for r in gap.rows] == [("new", None)]
    free = gap_to(TARGET + instrument("own", "BRA, CHL, SGP"), "BRA", {"t": 2, "own": 2})
    assert [r.kind for r in free.rows] == ["done"]


def test_a_member_of_the_union_is_party_to_the_agreements_of_the_union() -> None:
    gap = gap_to(instrument("t", "EU, CHL"), "FRA", {"t": 2})
    assert gap.member
    assert ([r.kind for r in gap.rows], gap.parties) == (["done"], ("CHL", "EU"))


def test_what_others_owe_to_a_party_is_no_duty_of_its_own() -> None:
    own = "party: CHL, directed_to: [BRA]\nparty: BRA, directed_to: [SGP]"
    gap = gap_to(TARGET + instrument("own", rows=own), "BRA", {"t": 2, "own": 2})
    assert [(r.kind, r.not_towards) for r in gap.rows] == [("wider", ("CHL",))]
