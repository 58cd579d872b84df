"""Token buckets against a second method (a list of all that was taken), places at once, who counts as one caller."""

from __future__ import annotations

import random

import pytest

from concordat.node.callers import Callers, LimitError
from concordat.node.limits import LIMITS, Buckets, Limit, Places, cut_address, network_of


@pytest.mark.parametrize("seed", range(20))
def test_no_window_ever_holds_more_than_rate_and_burst(seed: int) -> None:
    """In any stretch of time t at most burst + rate x t were let through: counted over every pair of moments."""
    draw = random.Random(seed)
    buckets = Buckets(Limit("x", rate=3, burst=7))
    now, taken = 0.0, []
    for _ in range(300):
        now += draw.choice((0.0, 0.01, 0.3, 2.0))
        if buckets.take("a", now) == 0:
            taken.append(now)
    for i, first in enumerate(taken):
        for j in range(i, len(taken)):
            assert j - i + 1 <= 7 + 3 * (taken[j] - first) + 1e-6
    assert len(taken) > 50


def test_the_wait_that_is_told_suffices_and_less_does_not() -> None:
    buckets = Buckets(Limit("x", rate=2, burst=1))
    assert buckets.take("a", 10.0) == 0
    wait = buckets.take("a", 10.0)
    assert wait == 0.5
    assert buckets.take("a", 10.0 + wait - 0.01) > 0
    assert buckets.take("a", 10.0 + wait) == 0


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    buckets = Buckets(Limit("x", rate=1, burst=1))
    assert buckets.take("a", 100.0) == 0
    assert buckets.take("a", 50.0) > 0
    assert buckets.take("a", 100.5) > 0
    assert buckets.take("a", 101.0) == 0


def test_cheap_requests_cost_less() -> None:
    buckets = Buckets(Limit("x", rate=1, burst=2))
    assert [buckets.take("a", 0.0, 0.25) for _ in range(9)] == [0.0] * 8 + [0.25]


def test_callers_are_bounded_and_the_oldest_is_forgotten() -> None:
    buckets = Buckets(Limit("x", rate=1, burst=1), keys_max=10)
    for i in range(11):
        assert buckets.take(str(i), 0.0) == 0
    assert len(buckets) == 10
    assert buckets.take("10", 0.0) > 0
    assert buckets.take("0", 0.0) == 0, "forgotten, so it may ask again"


def test_places_come_back() -> None:
    places = Places(2)
    assert [places.enter("a"), places.enter("a"), places.enter("a"), places.enter("b")] == [True, True, False, True]
    places.leave("a")
    assert places.enter("a")


@pytest.mark.parametrize(
    ("address", "network", "cut"),
    [
        ("192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
        ("somebody", "unknown", "unknown"),
        ("", "unknown", "unknown"),
    ],
)
def test_who_counts_as_one(address: str, network: str, cut: str) -> None:
    assert (network_of(address), cut_address(address)) == (network, cut)


def test_only_a_trusted_proxy_may_name_the_client() -> None:
    callers = Callers(("192.0.2.1", "2001:db8::/64"))
    assert callers.address("203.0.113.9", "198.51.100.4") == "203.0.113.9", "anybody can write that header"
    assert callers.address("192.0.2.1", "198.51.100.4, 192.0.2.1") == "198.51.100.4"
    assert callers.address("192.0.2.1", "not-an-address, 198.51.100.4") == "198.51.100.4"
    assert callers.address("2001:db8::7", "") == "2001:db8::7"


def test_members_have_their_own_share() -> None:
    callers = Callers()
    for _ in range(int(LIMITS["heads"].burst)):
        callers.anybody("heads", "192.0.2.7", 0.0)
    with pytest.raises(LimitError) as caught:
        callers.anybody("heads", "192.0.2.7", 0.0)
    assert caught.value.wait_s == 1.0
    for _ in range(int(LIMITS["sync"].burst)):
        with callers.member("BRA", 0.0):
            pass
    with pytest.raises(LimitError), callers.member("BRA", 0.0):
        pass


def test_eight_of_one_member_at_once() -> None:
    callers = Callers()
    running = [callers.member("BRA", 0.0) for _ in range(9)]
    for one in running[:8]:
        one.__enter__()
    with pytest.raises(LimitError):
        running[8].__enter__()
    running[0].__exit__(None, None, None)
    with callers.member("BRA", 0.0):
        pass


def test_claims_that_turn_out_false_count_as_those_of_anybody() -> None:
    """Any word in `Authorization` gives no larger share; the share is the network's, so a /64 has one."""
    callers, burst = Callers(), int(LIMITS["forms"].burst)
    for number in range(burst):
        address = f"2001:db8::{number:x}"
        callers.claims("forms", address, 0.0)
        callers.false_claim("forms", address, 0.0)
    for ask in (callers.claims, callers.anybody):
        with pytest.raises(LimitError) as caught:
            ask("forms", "2001:db8::ffff", 0.0)
        assert caught.value.limit == "forms"
    callers.claims("forms", "2001:db8:0:1::1", 0.0)
    for _ in range(int(LIMITS["sync"].burst)):  # those that are true are bounded as members' requests
        callers.claims("forms", "192.0.2.7", 0.0)
    with pytest.raises(LimitError) as caught:
        callers.claims("forms", "192.0.2.7", 0.0)
    assert caught.value.limit == "sync"


def test_plain_requests_of_a_network_keep_no_member_of_it_out() -> None:
    callers, address = Callers(), "192.0.2.7"
    for _ in range(int(LIMITS["forms"].burst)):
        callers.anybody("forms", address, 0.0)
    with pytest.raises(LimitError):
        callers.anybody("forms", address, 0.0)
    callers.claims("forms", address, 0.0)


def test_looking_at_a_bucket_takes_nothing() -> None:
    buckets = Buckets(Limit("one", 1, 2))
    assert buckets.wait("a", 0.0) == buckets.wait("a", 0.0, 2) == 0.0
    assert buckets.take("a", 0.0, 2) == 0.0
    assert (buckets.wait("a", 0.0), buckets.wait("a", 0.5)) == (1.0, 0.5)
