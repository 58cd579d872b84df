"""May a node sign: every state of recovery, and the ways between them."""

from __future__ import annotations

import itertools

import pytest

from concordat.node.recover import ASK_S, Health, Recovery

OTHERS = ["CHN", "IND", "RUS", "ZAF"]  # five members with this one: q = 4
NORMAL, SUSPICIOUS, RECOVERING = Health.NORMAL, Health.SUSPICIOUS, Health.RECOVERING


def _node(size: int = 10, remembered: int = 10, restored: bool = False, others: list[str] = OTHERS) -> Recovery:
    quorum = {5: 4, 1: 1}[len(others) + 1]
    return Recovery("BRA", others, quorum, size, remembered, restored, began=100.0)


def test_alone_it_signs_at_once() -> None:
    assert _node(others=[]).state is NORMAL


def test_it_asks_before_it_signs() -> None:
    node = _node()
    assert node.state is SUSPICIOUS
    assert "asks the others" in node.words()
    for member in ("CHN", "IND"):
        node.answered(member, 10)
        assert node.step(101.0) is SUSPICIOUS
    node.answered("RUS", 9)
    assert node.step(101.0) is NORMAL, "with itself that are q who know of nothing larger"
    assert node.words() == ""


def test_nobody_has_to_answer_for_ever() -> None:
    node = _node()
    assert node.step(100.0 + ASK_S - 1) is SUSPICIOUS
    assert node.step(100.0 + ASK_S) is NORMAL
    node = _node()
    for member in OTHERS:
        node.failed(member)
    assert node.step(100.1) is NORMAL, "all were tried"


def test_fewer_than_q_answers_keep_it_suspicious_and_say_who_is_missing() -> None:
    node = _node()
    node.answered("IND", 12)
    assert node.step(101.0) is SUSPICIOUS
    assert node.step(100.0 + 10 * ASK_S) is SUSPICIOUS, "time alone helps nothing once there is a reason"
    assert node.words() == (
        "This node's log has 10 entries, but 1 members saw 12. 2 more must answer; missing: CHN, RUS, ZAF."
        " Until then it signs nothing."
    )
    node.answered("RUS", 11)
    assert node.step(101.0) is SUSPICIOUS
    node.answered("ZAF", 0)
    assert node.step(101.0) is RECOVERING
    assert node.words().endswith("2 members saw 12. The missing 2 are being fetched.")


def test_it_is_normal_once_the_largest_head_is_reached() -> None:
    node = _node()
    for member, size in (("IND", 12), ("RUS", 11), ("ZAF", 10)):
        node.answered(member, size)
    assert node.step(101.0) is RECOVERING
    node.grown(11, 10)
    assert node.step(102.0) is RECOVERING
    node.grown(12, 10)
    assert node.step(103.0) is NORMAL
    node.answered("CHN", 13)
    assert node.step(104.0) is RECOVERING, "also later"
    node.grown(13, 10)
    assert node.step(105.0) is NORMAL


def test_the_keys_memory_counts_as_somebody_s() -> None:
    node = _node(size=10, remembered=15)
    assert node.step(100.0 + ASK_S) is SUSPICIOUS
    assert "its keys have signed 15" in node.words()
    for member in ("IND", "RUS", "ZAF"):
        node.answered(member, 14)
    assert node.step(101.0) is RECOVERING
    node.grown(15, 15)
    assert node.step(101.0) is NORMAL


def test_a_head_that_turned_up_is_wanted_and_answers_for_nobody() -> None:
    """A folder may be older than what was signed since: it can only make the node wait for more."""
    node = _node()
    for member in OTHERS:
        node.failed(member)
    node.shown(12)
    assert node.step(100.0 + 10 * ASK_S) is SUSPICIOUS
    assert (node.wanted, node.heard, node.missing) == (12, {}, OTHERS)
    assert "its keys have signed 12. 3 more must answer" in node.words()
    node.grown(12, 12)
    assert node.step(100.0 + 11 * ASK_S) is NORMAL, "what it showed is here, and nothing else is doubted"
    node = _node(restored=True)
    node.shown(10)
    assert node.step(100.0 + 10 * ASK_S) is SUSPICIOUS, "after a restoration q members must have answered"


def test_a_restored_backup_waits_for_q_even_if_nothing_seems_to_be_missing() -> None:
    node = _node(restored=True)
    assert node.step(100.0 + 100 * ASK_S) is SUSPICIOUS
    assert "brought back from a backup. 3 more must answer; missing: CHN, IND, RUS, ZAF." in node.words()
    for member in ("IND", "RUS", "ZAF"):
        node.answered(member, 10)
    assert node.step(101.0) is NORMAL
    assert not node.restored


def test_a_restored_node_signs_nothing_before_it_has_all_that_q_members_showed() -> None:
    """Its own log may be whole, and batches that it chaired be missing: numbered again they would be a fork."""
    node = _node(restored=True)
    for member in ("CHN", "IND", "RUS", "ZAF"):
        node.answered(member, 10, whole=False)
    assert node.step(101.0) is RECOVERING
    for member in ("IND", "RUS"):
        node.answered(member, 0)
    assert node.step(102.0) is RECOVERING
    node.answered("ZAF", 0)
    assert node.step(103.0) is NORMAL
    assert _node().step(100.0 + 2 * ASK_S) is NORMAL  # who lost nothing waits for nobody


def test_strangers_and_smaller_sizes_change_nothing() -> None:
    node = _node()
    node.answered("XXX", 99)
    node.answered("IND", 10)
    node.answered("IND", 3)
    assert node.heard == {"IND": 10}
    assert node.wanted == 10


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_of_answers_decides_nothing(order: tuple[int, ...]) -> None:
    answers = [("CHN", 10), ("IND", 12), ("RUS", 0), ("ZAF", 11)]
    node = _node()
    for i in order:
        node.answered(*answers[i])
        node.step(101.0)
    assert (node.state, node.wanted) == (RECOVERING, 12)
    node.grown(12, 10)
    assert node.step(102.0) is NORMAL


def test_it_never_signs_below_what_anybody_showed() -> None:
    """Every short history: while a larger size was shown than the log has, the state is not normal."""
    steps = ["hear 11", "hear 10", "fail", "grow", "wait"]
    for history in itertools.product(steps, repeat=5):
        node, now, size = _node(restored=history[0] == "wait"), 100.0, 10
        for i, step in enumerate(history):
            now += 40.0 if step == "wait" else 0.1
            if step.startswith("hear"):
                node.answered(OTHERS[i % 4], int(step[5:]))
            elif step == "fail":
                node.failed(OTHERS[i % 4])
            elif step == "grow":
                size += 1
                node.grown(size, 10)
            state = node.step(now)
            assert (state is NORMAL) <= (size >= max([10, *node.heard.values()]))
            assert bool(node.words()) == (state is not NORMAL)
