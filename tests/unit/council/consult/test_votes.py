"""Votes in any order become one object; what can't be is refused with its row."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.council.consult.votes import Opinion, Statement, Votes, from_opinions, sort_key
from concordat.errors import InputError

TWO = [Statement("1", "Fees are published."), Statement("2", "Fees are capped.")]


def test_the_last_vote_in_council_order_counts_whatever_arrives_first() -> None:
    said = [Opinion("BRA", "1", 1, (1, 0)), Opinion("BRA", "1", -1, (2, 0)), Opinion("IND", "2", 0, (1, 1))]
    one, other = from_opinions(said, TWO), from_opinions(said[::-1], TWO[::-1])
    assert one.matrix.tolist() == other.matrix.tolist() == [[-1, 0], [0, 0]]
    assert one.seen.tolist() == [[True, False], [False, True]]  # a pass is seen, no vote is not
    assert one.hash == other.hash
    assert one.count == 2


def test_whole_numbers_are_sorted_by_value_before_other_text() -> None:
    assert sorted(["10", "9", "été", "BRA", "010", "0"], key=sort_key) == ["0", "9", "10", "010", "BRA", "été"]


def test_the_hash_tells_votes_moderation_public_and_host_apart() -> None:
    said = [Opinion("BRA", "1", 1, (1,)), Opinion("IND", "2", 0, (2,))]
    base = from_opinions(said, TWO)
    others = [
        from_opinions([Opinion("BRA", "1", 0, (1,)), said[1]], TWO),
        from_opinions(said[:1], TWO),
        from_opinions(said, [Statement("1", TWO[0].text, moderation=-1), TWO[1]]),
        from_opinions(said, [Statement("1", "Fees are secret."), TWO[1]]),
        from_opinions(said, [Statement("1", TWO[0].text, language="en", translated_from="zh"), TWO[1]]),
        from_opinions(said, TWO, public="delegations"),
        from_opinions([Opinion("BRA", "1", 1, (1,), host="h1"), said[1]], TWO),
        from_opinions(said, TWO, events=["a1", "b2"]),
    ]
    assert len({v.hash for v in [base, *others]}) == 9
    assert from_opinions(said, TWO, events=["b2", "a1"]).hash == others[-1].hash


def test_votes_can_not_be_changed() -> None:
    votes = from_opinions([Opinion("BRA", "1", 1, (1,))], TWO)
    with pytest.raises(ValueError):
        votes.matrix[0, 0] = -1
    with pytest.raises(AttributeError):
        votes.public = "delegations"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ([Opinion("A", "3", 1, (1,))], 'votes, row 1: there is a vote on statement "3", which is not in the list'),
        ([Opinion("A", "1", 2, (1,))], "votes, row 1: 2 is not a vote. Write 1 (agree), 0 (pass) or -1 (disagree)."),
        ([Opinion("A", "1", True, (1,))], "votes, row 1: True is not a vote."),
        ([Opinion("A", "1", float("nan"), (1,))], "votes, row 1: nan is not a vote."),  # type: ignore[arg-type]
        ([Opinion("", "1", 1, (1,))], "votes, row 1: '' is not the id of a voter."),
        ([Opinion("e\u0301", "1", 1, (1,))], "is not the id of a voter. An id is text of 1 to 200 printable"),
        ([Opinion("A\n", "1", 1, (1,))], "votes, row 1: 'A\\n' is not the id of a voter."),
        (
            [Opinion("A", "1", 1, (1,)), Opinion("A", "1", 0, (1,))],
            'votes, row 2: voter "A" has two votes on statement "1" with the same order.',
        ),
        (
            [Opinion("A", "1", 1, (1,), host="x"), Opinion("A", "2", 0, (2,), host="y")],
            'votes, row 2: voter "A" has another member or host than before.',
        ),
    ],
)
def test_a_bad_vote_is_refused_with_its_row(said: list[Opinion], message: str) -> None:
    with pytest.raises(InputError) as error:
        from_opinions(said, TWO)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([TWO[0], Statement("1")], 'statements, row 2: statement "1" stands twice.'),
        ([Statement("1", "x" * 1_001)], 'statements, row 1: statement "1" has 1,001 characters. At most 1,000'),
        ([Statement("1", "\ud800")], 'statements, row 1: statement "1" holds half a surrogate pair.'),
        ([Statement("1", language="en_GB")], "statements, row 1: 'en_GB' is not a language."),
        ([Statement("1", moderation=2)], "statements, row 1: 2 is not a moderation."),
        ([Statement(str(n)) for n in range(10_001)], "statements: there are 10,001 statements. At most 10,000"),
    ],
)
def test_a_bad_list_of_statements_is_refused(listed: list[Statement], message: str) -> None:
    with pytest.raises(InputError) as error:
        from_opinions([], listed)
    assert message in str(error.value)


def test_limits_are_reached_but_not_passed() -> None:
    assert len(from_opinions([], [Statement(str(n), "ж" * 1_000) for n in range(10_000)]).statements) == 10_000
    said = [Opinion(str(n), "1", 1, (n,)) for n in range(100_001)]
    assert len(from_opinions(said[:-1], TWO[:1]).participants) == 100_000
    with pytest.raises(InputError, match=r"there are 100,001 voters\. At most 100,000 are allowed"):
        from_opinions(said, TWO[:1])


def test_the_two_publics_are_the_only_ones() -> None:
    with pytest.raises(InputError, match=r'"experts" is not a public\. Write "delegations" or "public"'):
        from_opinions([], TWO, public="experts")  # type: ignore[arg-type]


def test_no_votes_at_all_are_votes_too() -> None:
    votes = from_opinions([], [])
    assert votes.matrix.shape == (0, 0)
    assert votes.matrix.dtype == np.int8
    assert len(votes.hash) == 64


def test_votes_made_by_hand_are_checked() -> None:
    votes = from_opinions([Opinion("A", "1", 1, (1,)), Opinion("B", "2", 1, (1,))], TWO)
    made = Votes(votes.participants, votes.statements, votes.matrix, votes.seen)
    assert made.hash == votes.hash
    with pytest.raises(AssertionError):
        Votes(("B", "A"), votes.statements, votes.matrix, votes.seen)
    with pytest.raises(AssertionError):
        Votes(("A",), votes.statements, votes.matrix, votes.seen)
