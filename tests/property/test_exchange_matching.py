"""Matching: no blocking pair by a plain search, in any order of the input; two ways give the same points."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import exchange_aid_kit as kit
from concordat.errors import MethodError
from concordat.exchange.inclusion.aid import FILTERS, Offer, Request, fit
from concordat.exchange.inclusion.aid_matrix import points
from concordat.exchange.inclusion.assignment import Match, match

Wish = tuple[int, float, bytes]


def _wish(side: Request | Offer, other: Request | Offer, request: Request, offer: Offer) -> Wish:
    """How much a side wants the other, smaller is better: own ranking, then the middle of the points, then the hash."""
    place = side.ranking.index(other.key) if other.key in side.ranking else 10**9
    found = fit(request, offer, kit.DAY)
    middle = 0.0 if place < 10**9 else -(found.low + found.high) / 2
    return place, middle, hashlib.sha256(f'["{request.key}","{offer.key}"]'.encode()).digest()


def blocking_pairs(requests: list[Request], offers: list[Offer], pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Every acceptable pair, one by one: would both rather have each other?"""
    got = dict(pairs)
    of = {o.key: [r for r in requests if got.get(r.key) == o.key] for o in offers}
    by_key = {o.key: o for o in offers}
    found = []
    for r in requests:
        now = by_key.get(got.get(r.key, ""))
        for o in offers:
            if o is now or fit(r, o, kit.DAY).removed_by:
                continue
            if now is not None and _wish(r, now, r, now) < _wish(r, o, r, o):
                continue
            if len(of[o.key]) < o.capacity or any(_wish(o, r, r, o) < _wish(o, h, h, o) for h in of[o.key]):
                found.append((r.key, o.key))
    return found


def _market(seed: int, n: int, m: int) -> tuple[list[Request], list[Offer]]:
    requests, offers = kit.requests(n, seed), kit.offers(m, seed)
    return kit.ranked(requests, offers, seed), kit.ranked(offers, requests, seed + 1)


def _made(requests: list[Request], offers: list[Offer]) -> Match | None:
    try:
        return match(requests, offers, on=kit.DAY)
    except MethodError:
        return None


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 14), st.integers(1, 8))
def test_no_pair_blocks_either_assignment(seed: int, n: int, m: int) -> None:
    requests, offers = _market(seed, n, m)
    made = _made(requests, offers)
    if made is None:
        assert all(fit(r, o, kit.DAY).removed_by for r in requests for o in offers)
        return
    here = [(p.request, p.offer) for p in made.pairs]
    there = list(made.offers_propose) or here
    assert blocking_pairs(requests, offers, here) == []
    assert blocking_pairs(requests, offers, there) == []
    capacity = {o.key: o.capacity for o in offers}
    for pairs in (here, there):
        assert len({r for r, _ in pairs}) == len(pairs)
        assert all(sum(o == key for _, o in pairs) <= most for key, most in capacity.items())
    assert {r for r, _ in here} == {r for r, _ in there}  # the rural hospitals theorem (Roth, 1986)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(seed: int, g: random.Random) -> None:
    requests, offers = _market(seed, 12, 6)
    made = _made(requests, offers)
    g.shuffle(requests)
    g.shuffle(offers)
    assert _made(requests, offers) == made


@settings(max_examples=15)
@given(st.integers(0, 10**6))
def test_requests_get_at_least_as_much_when_they_propose(seed: int) -> None:
    requests, offers = _market(seed, 12, 6)
    made = _made(requests, offers)
    if made is None or not made.offers_propose:
        return
    here, there = {p.request: p.offer for p in made.pairs}, dict(made.offers_propose)
    by_key = {o.key: o for o in offers}
    for r in requests:
        if r.key in here:
            one, other = by_key[here[r.key]], by_key[there[r.key]]
            assert _wish(r, one, r, one) <= _wish(r, other, r, other)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_pairs_at_once_have_the_points_of_each_pair(seed: int) -> None:
    requests, offers = _market(seed, 30, 20)
    found = points(requests, offers, kit.DAY)
    for n, r in enumerate(requests):
        for k, o in enumerate(offers):
            one = fit(r, o, kit.DAY)
            assert (int(found.low[n, k]), int(found.high[n, k])) == (one.low, one.high)
            removed = int(found.removed[n, k])
            assert (FILTERS[removed - 1] if removed else "") == one.removed_by


def test_many_ties_are_looked_at_in_bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.exchange.inclusion import assignment

    requests, offers = tied(30, 10)
    broken = match(requests, offers, on=kit.DAY)
    monkeypatch.setattr(assignment, "_places", lambda *_: None)  # as where the beginnings of two hashes are alike
    plain = match(requests, offers, on=kit.DAY)
    monkeypatch.setattr(assignment, "FEW", 0)
    assert match(requests, offers, on=kit.DAY) == plain == broken
    assert blocking_pairs(requests, offers, [(p.request, p.offer) for p in plain.pairs]) == []


def tied(requests: int, offers: int) -> tuple[list[Request], list[Offer]]:
    """Requests and offers without facts: all pairs have the same points."""
    one = [Request(r.key, r.member, "people", r.sha256, {}) for r in kit.requests(requests, 5)]
    return one, [Offer(o.key, o.member, "people", o.sha256, {}, capacity=2) for o in kit.offers(offers, 5)]


def test_where_all_pairs_are_tied_no_hash_is_looked_up_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two million look-ups for 2,000 requests and 500 offers; one by one they took two thirds of the time."""
    from concordat.exchange.inclusion.assignment import _Market

    looked: list[tuple[int, int]] = []
    tie = _Market.tie
    monkeypatch.setattr(_Market, "tie", lambda self, r, o: looked.append((r, o)) or tie(self, r, o))
    made = match(*tied(60, 20), on=kit.DAY)
    assert made.pairs
    assert looked == []


def test_hashes_that_begin_alike_are_not_decided_by_their_beginning() -> None:
    from concordat.exchange.inclusion.assignment import _places

    wants, first = np.array([[5, 7, 5], [1, 1, 2]]), np.array([[4, 9, 3], [8, 8, 8]], np.uint64)
    assert _places(wants[:1], first[:1]).tolist() == [[0, 2, 1]]  # type: ignore[union-attr]
    assert _places(wants, first) is None
    apart = np.array([[4, 9, 3], [8, 7, 8]], np.uint64)  # alike where the points differ: they decide
    assert _places(wants, apart).tolist() == [[0, 2, 1], [0, 1, 2]]  # type: ignore[union-attr]


def test_the_search_finds_a_blocking_pair_where_there_is_one() -> None:
    """The check that runs with every match is itself checked: two pairs exchanged must be found."""
    from concordat.exchange.inclusion.assignment import _Market

    requests, offers = kit.requests(20, 7), kit.offers(8, 7)
    requests, offers = sorted(requests, key=lambda r: r.key), sorted(offers, key=lambda o: o.key)
    market = _Market(requests, offers, points(requests, offers, kit.DAY))
    stable = market.propose_requests()
    assert market.blocking(stable) == []
    wrong = 0
    for one in stable:
        spoiled = {r: o for r, o in stable.items() if r != one}
        named = [(requests[r].key, offers[o].key) for r, o in spoiled.items()]
        found = sorted((requests[r].key, offers[o].key) for r, o in market.blocking(spoiled))
        assert found == sorted(blocking_pairs(requests, offers, named))
        wrong += len(found)
    assert wrong >= len(stable)
