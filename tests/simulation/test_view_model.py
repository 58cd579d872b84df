"""The change of chair is safe within the bounds of the model, and the model would see it if it were not.

The whole run, with counterexamples in words, is `python tests/simulation/view_model.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from simulation import view_model
from simulation.view_model import MUTATIONS, Report, cases
from simulation.view_protocol import PROTOCOL, Case, Rules

SHORT = cases(views=2, entries=2)
EVERY_CHAIR = frozenset({1, 2, 3})


Search = Callable[..., Report]


def once(search: Search) -> Search:
    """A search of one case under one set of rules finds the same each time, whatever the case is called."""
    known = cache(search)
    return lambda case, rules=PROTOCOL, **until: known(replace(case, name=""), rules, **until)


explore, explore_in_order = once(view_model.explore), once(view_model.explore_in_order)


def named(case: Case) -> str:
    return f"{case.members} members, {case.views} views, {case.entries} entries, {case.name}"


def outcomes(report: Report) -> set[frozenset[str]]:
    """The sets of agreed heads that can come about, in words: serials differ from search to search."""
    return {frozenset(map(report.model.say, certified)) for certified in report.outcomes}


@pytest.mark.parametrize("case", [*SHORT, *cases(views=2, entries=3, most=1)], ids=named)
def test_every_state_is_sound(case: Case) -> None:
    report = explore(case)
    assert report.complete
    assert not report.violations
    assert report.finals > 0
    assert bool(report.conflicts) == (case.liars > case.tolerated), "f + 1 liars can do harm, f can't"


@pytest.mark.parametrize(
    "case",
    [
        *cases(views=3, entries=2, most=1),
        *cases(views=2, entries=3),
        *cases(views=2, entries=2, members=7),
        Case("1 liar, chair of every view", 3, 3, lying_chairs=EVERY_CHAIR),
    ],
    ids=named,
)
def test_view_by_view_is_sound(case: Case) -> None:
    report = explore_in_order(case)
    assert not report.violations
    assert report.finals > 0
    assert bool(report.conflicts) == (case.liars > case.tolerated)


# --- The searches agree, so what one leaves out is not missed ---


@pytest.mark.parametrize("case", [*SHORT, Case("2 liars, chair of no view", 3, 2, liars=2)], ids=named)
def test_the_order_of_views_loses_nothing(case: Case) -> None:
    assert outcomes(explore_in_order(case)) == outcomes(explore(case))


@pytest.mark.parametrize("lying", [frozenset({1}), frozenset({2})], ids=["chair of 1", "chair of 2"])
def test_names_of_members_lose_nothing(lying: frozenset[int]) -> None:
    case = Case("", entries=2, lying_chairs=lying)
    plain = explore(replace(case, symmetric=False))
    report = explore(case)
    assert outcomes(plain) == outcomes(report)
    assert plain.states > report.states


@pytest.mark.parametrize("liars", [1, 2])
def test_two_contents_at_every_place_change_no_verdict(liars: int) -> None:
    case = Case("", entries=2, liars=liars, lying_chairs=EVERY_CHAIR)
    free, few = explore_in_order(replace(case, few_marks=False)), explore_in_order(case)
    assert not free.violations
    assert outcomes(few) < outcomes(free)
    assert bool(free.conflicts) == bool(few.conflicts)


# --- Teeth: each broken rule lets two conflicting heads become final ---


@pytest.mark.parametrize(
    ("rule", "steps"),
    [
        ("an agreed head is final at once", 6),
        ("an agreed head is final at once, nobody lies", 9),
        ("one cosignature fewer is a quorum", 4),
        ("voters forget their promise", 10),
        ("a chair may pick a lower cut", 10),
    ],
)
def test_a_broken_rule_is_found(rule: str, steps: int) -> None:
    report = explore(*MUTATIONS[rule], until="conflict")
    found = next(violation for violation in report.violations if violation.kind == "conflict")
    assert len(found.trace) == steps


def test_forks_alone_do_not_name_every_liar() -> None:
    """Two liars can sign one line in each view and hide a certificate between them: only their votes betray them."""
    two = Case("", entries=2, liars=2)
    assert [found.kind for found in explore(two, Rules(forks_only=True), until="unnamed").violations] == ["unnamed"]


def test_a_size_above_the_one_reported_is_no_lie() -> None:
    """Who cosigned size 1 holds no certificate yet; to compare sizes would name an honest member."""
    report = explore(Case("", entries=2), Rules(name_by_size=True), until="slander")
    assert len(report.violations[0].trace) == 2
