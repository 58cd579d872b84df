"""Questions in plain words: what they are about, what is found, what the filters leave."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from concordat.errors import InputError
from concordat.rulebook.search import Filters, search
from concordat.rulebook.store import RuleStore
from rulebook_build import coding, instrument, store_of

DATA = "1. Recalling their ties.\n2. Each Party shall allow the transfer of information by electronic means."
SPAM = "Each Party shall adopt measures on unsolicited commercial electronic messages."
DATOS = "Cada Parte permitirá la transferencia transfronteriza de información por medios electrónicos."


def filled() -> RuleStore:
    text = instrument("a", "BRA, SGP", more='    signed: "2001"') + instrument(
        "b", "CHL", in_force="2020", more='    signed: "2019-05"'
    )
    store = store_of(text, {"a": [("1", DATA), ("2", SPAM)], "b": [("1", DATOS)]})
    store.add_codings([coding("a/1", "DF-FLOW"), coding("a/2", "EC-SPAM", 1), coding("b/1", "DF-FLOW")])
    return store


class Fake:
    """Sentence vectors by hand: the first number is "about data", the second "about spam"."""

    sha256 = "f" * 64

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: list[str]) -> np.ndarray:
        self.asked += texts
        rows = [[0.0, 1.0] if "messages" in t or "junk" in t else [1.0, 0.0] for t in texts]
        return np.array(rows, dtype=np.float32)


def test_the_words_of_a_question_find_its_article_and_quote_it() -> None:
    with filled() as store:
        found = search(store, "unsolicited commercial messages")
    assert found.hits[0].unit.id == "a/2"
    assert found.hits[0].quote == SPAM
    assert "no sentence vectors" in found.how


def test_the_sentence_that_answers_is_quoted() -> None:
    with filled() as store:
        hit = next(h for h in search(store, "transfer of information").hits if h.unit.id == "a/1")
    assert hit.quote.endswith("by electronic means.")
    assert "Recalling" not in hit.quote


def test_sentence_vectors_are_made_once_and_weigh_with_the_provisions() -> None:
    fake = Fake()
    with filled() as store:
        found = search(store, "junk", encoder=fake)
        once = len(fake.asked)
        assert {DATA, SPAM, DATOS} < set(fake.asked)
        assert len(set(fake.asked)) == once
        search(store, "junk", encoder=fake)
        assert fake.asked[once:] == ["junk"]  # the question alone
    assert found.hits[0].unit.id == "a/2"
    assert found.hits[0].score == pytest.approx(0.3 * 1.0 + 0.6 * found.hits[0].provisions + 0.1 * 0.0)


def test_what_a_question_means_decides_its_provision_where_it_shares_no_word() -> None:
    class Ledger(Fake):
        """All that speaks of numbers, and the question, have one direction."""

        def embed(self, texts: list[str]) -> np.ndarray:
            near = [("number" in t.casefold() and "port" in t.casefold()) or "switch" in t for t in texts]
            return np.array([[0.0, 1.0] if n else [1.0, 0.0] for n in near], dtype=np.float32)

    question = "will they call me after a switch?"
    with filled() as store:
        assert search(store, question, encoder=Ledger()).provisions[0][0] == "TE-NUMP"
        assert search(store, question).provisions[0][0] != "TE-NUMP"


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        (Filters(party="CHL"), {"b/1"}),
        (Filters(topic="EC"), {"a/2"}),
        (Filters(topic="DF-FLOW"), {"a/1", "b/1"}),
        (Filters(depth=2), {"a/1", "b/1"}),
        (Filters(since=2010), {"b/1"}),
        (Filters(until=2010), {"a/1", "a/2"}),
        (Filters(instruments=("a",)), {"a/1", "a/2"}),
        (Filters(in_force_on=date(2005, 1, 1)), set()),
        (Filters(type="convention"), set()),
    ],
)
def test_filters(filters: Filters, left: set[str]) -> None:
    with filled() as store:
        found = search(store, "electronic información", filters=filters, encoder=Fake())
    assert {h.unit.id for h in found.hits} == left


def test_questions_that_can_not_be_asked() -> None:
    with filled() as store:
        for query in ("", "  ", "?!"):
            with pytest.raises(InputError, match="no words"):
                search(store, query)
        with pytest.raises(InputError, match='"BRX"'):
            search(store, "data", filters=Filters(party="BRX"))
        assert search(store, 'data" OR "x AND NEAR(').hits is not None  # signs of the query language are words here
        assert search(store, "数据").hits == ()


def test_filters_are_applied_before_the_lists_are_cut() -> None:
    many = [(str(n), f"Spam spam spam {n}.") for n in range(1, 260)]
    text = instrument("a", "BRA", more='    signed: "2001"')
    text += instrument("b", "CHL", in_force="2020", more='    signed: "2019"')
    few = [("1", f"Much is said of other things, and of spam. {DATA}"), ("2", f"跨境 spam {SPAM}")]
    with store_of(text, {"a": many, "b": few}) as store:
        store.add_codings(coding(f"a/{n}", "EC-SPAM", 1) for n, _ in many)
        store.add_codings([coding("b/1", "EC-SPAM", 2), coding("b/2", "EC-SPAM", 1, probability=0.2)])
        for filters in (Filters(party="CHL"), Filters(since=2010), Filters(instruments=("b",))):
            for encoder in (None, Fake()):
                found = search(store, "spam", filters=filters, encoder=encoder)
                assert {h.unit.id for h in found.hits} == {"b/1", "b/2"}
                assert max(h.words for h in found.hits) == 1.0  # a place among what was asked for
        (hit,) = search(store, "spam", filters=Filters(depth=2)).hits
        assert (hit.unit.id, hit.provisions > 0) == ("b/1", True)


def test_a_part_of_a_word_is_looked_for_in_what_the_filters_leave() -> None:
    text = instrument("a", "BRA") + instrument("b", "CHL")
    many = [(str(n), f"跨境数据传输 {n}") for n in range(250)]
    with store_of(text, {"a": many, "b": [("1", "本章不适用于跨境数据传输。")]}) as store:
        for query in ("数据", "数据传输"):
            assert [h.unit.id for h in search(store, query, filters=Filters(party="CHL")).hits] == ["b/1"]


def test_a_party_is_who_joined_by_itself_or_through_the_union() -> None:
    rows = "party: SGP\nparty: CHN, role: applicant\nparty: KOR, role: signatory\nparty: PER, role: observer"
    text = instrument("eu-x", "EU, JPN") + instrument("open", rows=rows)
    with store_of(text, {"eu-x": [("1", DATA)], "open": [("1", DATA)]}) as store:

        def found(party: str, on: date | None = None) -> set[str]:
            hits = search(store, "transfer of information", filters=Filters(party=party, in_force_on=on)).hits
            return {h.unit.instrument for h in hits}

        assert (found("EU"), found("FRA"), found("JPN")) == ({"eu-x"}, {"eu-x"}, {"eu-x"})
        assert found("GBR") == set()
        assert found("GBR", date(2015, 1, 1)) == {"eu-x"}  # a member then
        assert (found("SGP"), found("KOR"), found("CHN"), found("PER")) == ({"open"}, {"open"}, set(), set())


def test_a_type_that_is_none_gets_the_nearest() -> None:
    with filled() as store, pytest.raises(InputError, match="not a type") as told:
        search(store, "spam", filters=Filters(type="digital_agrement"))
    assert told.value.hint == 'Did you mean "digital_agreement"?'
