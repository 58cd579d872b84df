"""Ledger time passes where something is due: by the chair at once, then by the others, no oftener than needed."""

from __future__ import annotations

from concordat.node.passing_time import AGAIN_S, AT_ONCE, TURN_S, PassingTime, rank_of

DUE, NOW = 1_000, 1_001


def test_nothing_is_said_before_something_is_due() -> None:
    found = PassingTime()
    assert not found.speaks(None, NOW, 1, 0, 0.0)
    assert not found.speaks(DUE, DUE, 1, 0, 0.0)
    assert found.speaks(DUE, NOW, 1, 0, 0.0)


def test_a_second_word_waits_until_the_first_is_final() -> None:
    found = PassingTime()
    assert [found.speaks(DUE, NOW, batch, 0, 0.0) for batch in (7, 7, 7, 8, 8)] == [True, False, False, True, False]


def test_the_others_wait_their_turn_and_say_nothing_once_it_is_settled() -> None:
    found = PassingTime()
    assert not found.speaks(DUE, NOW, 7, 1, 100.0)
    assert not found.speaks(DUE, NOW, 7, 1, 100.0 + TURN_S - 1)
    assert found.speaks(DUE, NOW, 7, 1, 100.0 + TURN_S)
    settled = PassingTime()
    assert not settled.speaks(DUE, NOW, 7, 1, 100.0)
    assert not settled.speaks(DUE + 5_000, NOW, 9, 1, 100.0 + TURN_S)


def test_where_clocks_differ_it_is_said_three_times_and_then_once_an_hour() -> None:
    found = PassingTime()
    said = [found.speaks(DUE, NOW, batch, 0, float(batch)) for batch in range(10)]
    assert said.count(True) == AT_ONCE
    assert not found.speaks(DUE, NOW, 11, 0, AGAIN_S - 1)
    assert found.speaks(DUE, NOW, 12, 0, AGAIN_S + 3)


def test_the_next_moment_begins_anew() -> None:
    found = PassingTime()
    assert found.speaks(DUE, NOW, 7, 0, 0.0)
    assert found.speaks(DUE + 10, NOW + 20, 7, 0, 1.0)


def test_each_view_has_its_order() -> None:
    rota = ("BRA", "IND", "ZAF")
    for view in range(1, 8):
        assert sorted(rank_of(member, rota, view) for member in rota) == [0, 1, 2]
        assert rank_of(rota[(view - 1) % 3], rota, view) == 0
    assert rank_of("OBS", rota, 1) == 3
