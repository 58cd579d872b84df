"""Who helps whom: a stable assignment of requests to offers that any member can compute again.

Each side's own ranking comes first; what it did not rank follows by points (the middle of the interval), ties by the
SHA-256 of the pair of ids. Requests propose, offers have capacities, pairs that a filter leaves out are excluded:
deferred acceptance gives the assignment that is best for every request among the stable ones (Gale and Shapley, 1962).
It is computed again with offers proposing; where the two differ, both are shown. A pair *blocks* if both would rather
have each other than what they got; that none does is looked up pair by pair in the same run, up to 10^6 pairs.

The order in which requests and offers are given doesn't matter. Nothing binds until both sides sign `MatchAccepted`.

Source: D. Gale, L. S. Shapley, "College admissions and the stability of marriage", American Mathematical Monthly 69
(1962); exchange.md, section 9. It does not split a request among several offers, and it weighs no need.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat import canonical
from concordat.errors import InputError, MethodError
from concordat.exchange.inclusion.aid import FILTER_WORDS, FILTERS, Fit, Offer, Request, check_twice, fit
from concordat.exchange.inclusion.aid_matrix import Points, Whole, points

TAKEN = "taken"  # why a request has nothing though no filter left every offer out
BRUTE_FORCE_MAX = 1_000_000
PAIRS_MAX = 10_000_000
FEW = 10_000  # pairs that a hash decides: so many are looked at one by one, more of them in bulk first
_RANKED = 1 << 40  # above any points: what a side ranked itself comes first


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A request that got nothing.

    Attributes:
        acceptable: offers that no filter leaves out, all taken by requests that they prefer. removed: filter -> offers
            that it left out. cause: the commonest of these, or `taken`. reason: that in words.
    """

    request: str
    acceptable: int
    removed: dict[str, int]
    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class Match:
    """What a matching comes to.

    Attributes:
        on: the day for which blocs were expanded. pairs: who helps whom, with every term, by key of the request.
        offers_propose: pairs of keys when offers propose, where they differ from `pairs`; else empty.
        only_here, only_there: pairs that are in one of the two only.
        unmatched: requests that got nothing. free: key of an offer -> places left.
        pairs_checked: pairs looked through for a blocking one; 0 where there were more than 10^6.
        unknown_ranked: keys in rankings that are not among what was given.
        inputs, result: what `MatchComputed` signs: SHA-256 of the canonical list of the inputs' hashes, and of pairs.
    """

    on: date
    requests: int
    offers: int
    pairs: tuple[Fit, ...]
    offers_propose: tuple[tuple[str, str], ...]
    only_here: tuple[tuple[str, str], ...]
    only_there: tuple[tuple[str, str], ...]
    unmatched: tuple[Unmatched, ...]
    free: dict[str, int]
    pairs_checked: int
    unknown_ranked: tuple[str, ...]
    inputs: str
    result: str


def match(requests: Sequence[Request], offers: Sequence[Offer], *, on: date) -> Match:
    """The assignment of requests to offers; blocs have the members of the day `on`.

    Raises:
        InputError: an id given twice; more than ten million pairs.
        MethodError: no pair is acceptable; how many each filter removed.
    """
    requests, offers = sorted(requests, key=lambda r: r.key), sorted(offers, key=lambda o: o.key)
    _check(requests, offers)
    found = points(requests, offers, on)
    if not (found.removed == 0).any():
        raise _nothing(found)
    market = _Market(requests, offers, found)
    pairs = market.propose_requests()
    there = market.propose_offers()
    checked = len(requests) * len(offers)
    if checked <= BRUTE_FORCE_MAX:
        for made in (pairs, there):
            assert not market.blocking(made), "a blocking pair: deferred acceptance is wrong"
    fits = tuple(fit(requests[r], offers[o], on) for r, o in sorted(pairs.items()))
    named = [_keyed(market, made) for made in (pairs, there)]
    return Match(
        on=on,
        requests=len(requests),
        offers=len(offers),
        pairs=fits,
        offers_propose=named[1] if named[0] != named[1] else (),
        only_here=tuple(sorted(set(named[0]) - set(named[1]))),
        only_there=tuple(sorted(set(named[1]) - set(named[0]))),
        unmatched=tuple(_unmatched(market, r) for r in range(len(requests)) if r not in pairs),
        free=_free(market, pairs),
        pairs_checked=checked if checked <= BRUTE_FORCE_MAX else 0,
        unknown_ranked=market.unknown_ranked,
        inputs=canonical.digest(sorted([*(r.sha256 for r in requests), *(o.sha256 for o in offers)])),
        result=canonical.digest([list(pair) for pair in named[0]]),
    )


def _check(requests: Sequence[Request], offers: Sequence[Offer]) -> None:
    check_twice([r.key for r in requests], "request")
    check_twice([o.key for o in offers], "offer")
    if not requests or not offers:
        what = "no requests" if not requests else "no offers"
        raise MethodError(f"there are {what} to match.", hint="Give files of both kinds.", code="nothing_to_match")
    if len(requests) * len(offers) > PAIRS_MAX:
        what = f"{len(requests):,} requests and {len(offers):,} offers make more than {PAIRS_MAX:,} pairs."
        raise InputError(what, hint="Match one sector or one kind at a time.", code="too_large")


def _nothing(found: Points) -> MethodError:
    counts = _counts(found.removed)
    said = "; ".join(f"{count:,} because {FILTER_WORDS[name]}" for name, count in counts.items())
    return MethodError(f"no pair is acceptable: of {found.removed.size:,}, {said}.", code="no_pairs")


def _counts(removed: NDArray[np.int8]) -> dict[str, int]:
    """How many pairs each filter removed, in the order of the filters."""
    counts = np.bincount(removed.ravel(), minlength=len(FILTERS) + 1)[1:]
    return {name: int(count) for name, count in zip(FILTERS, counts, strict=True) if count}


def _keyed(market: _Market, pairs: dict[int, int]) -> tuple[tuple[str, str], ...]:
    return tuple((market.requests[r].key, market.offers[o].key) for r, o in sorted(pairs.items()))


def _unmatched(market: _Market, row: int) -> Unmatched:
    removed = market.points.removed[row]
    counts = _counts(removed)
    acceptable = int((removed == 0).sum())
    if acceptable:
        cause, reason = TAKEN, "every acceptable offer is taken by requests that it prefers"
    else:
        cause = max(counts, key=lambda name: (counts[name], -FILTERS.index(name)))
        reason = FILTER_WORDS[cause]
    return Unmatched(market.requests[row].key, acceptable, counts, cause, reason)


def _free(market: _Market, pairs: dict[int, int]) -> dict[str, int]:
    taken: dict[int, int] = {}
    for o in pairs.values():
        taken[o] = taken.get(o, 0) + 1
    left = {offer.key: offer.capacity - taken.get(o, 0) for o, offer in enumerate(market.offers)}
    return {key: count for key, count in left.items() if count}


class _Market:
    """Both sides' preferences, and the three things that are done with them.

    Attributes:
        asks, gives: [request, offer], how much the request wants the offer and the offer the request: larger is
            better, equal means that the hash decides. Where most pairs are equal, it has decided already.
    """

    def __init__(self, requests: Sequence[Request], offers: Sequence[Offer], found: Points) -> None:
        self.requests, self.offers, self.points = requests, offers, found
        self.acceptable = found.removed == 0
        middle = found.low + found.high  # twice the middle
        row, column = {r.key: n for n, r in enumerate(requests)}, {o.key: n for n, o in enumerate(offers)}
        self.asks = _ranked(middle, [r.ranking for r in requests], column)
        self.gives = _ranked(middle.T, [o.ranking for o in offers], row).T
        wanted = {key for r in requests for key in r.ranking} - set(column)
        wanted |= {key for o in offers for key in o.ranking} - set(row)
        self.unknown_ranked = tuple(sorted(wanted))
        self._ties: dict[tuple[int, int], bytes] = {}
        if 2 * max(_tied(self.asks, self.acceptable), _tied(self.gives.T, self.acceptable.T)) > self.asks.size:
            self._break_ties()

    def _break_ties(self) -> None:
        """Put places in an order without equals in the place of points: most pairs are tied, and a hash that is looked
        up when it is asked for costs five times as much as one of a million. It changes no comparison."""
        asks, gives = _places(self.asks, self._first), _places(self.gives.T, self._first.T)
        if asks is not None and gives is not None:
            self.asks, self.gives = asks, gives.T

    def tie(self, r: int, o: int) -> bytes:
        """What decides between equals: the smaller SHA-256 of the canonical pair of keys comes first."""
        found = self._ties.get((r, o))
        if found is None:
            # Keys hold no letter that JSON escapes, so this is the canonical form.
            pair = f'["{self.requests[r].key}","{self.offers[o].key}"]'
            found = self._ties[r, o] = hashlib.sha256(pair.encode("ascii")).digest()
        return found

    def propose_requests(self) -> dict[int, int]:
        """Request -> offer, when requests propose."""
        lists = _Lists(self.asks, self.acceptable, self.tie)
        held: list[list[tuple[int, _Tie, int]]] = [[] for _ in self.offers]  # worst first
        waiting = list(range(len(self.requests)))[::-1]
        gives = self.gives.tolist()  # a list answers ten times as fast as an array, one cell at a time
        while waiting:
            r = waiting.pop()
            for o in lists.of(r):
                mine = (gives[r][o], _Tie(self.tie, (r, o)), r)
                if len(held[o]) < self.offers[o].capacity:
                    heapq.heappush(held[o], mine)
                    break
                if held[o][0] < mine:
                    waiting.append(heapq.heapreplace(held[o], mine)[2])
                    break
        return {r: o for o, some in enumerate(held) for _, _, r in some}

    def propose_offers(self) -> dict[int, int]:
        """Request -> offer, when offers propose."""
        lists = _Lists(self.gives.T, self.acceptable.T, lambda o, r: self.tie(r, o))
        has: dict[int, tuple[int, _Tie, int]] = {}
        free = [offer.capacity for offer in self.offers]
        waiting = list(range(len(self.offers)))[::-1]
        asks = self.asks.tolist()
        while waiting:
            o = waiting.pop()
            for r in lists.of(o):
                mine = (asks[r][o], _Tie(self.tie, (r, o)), o)
                now = has.get(r)
                if now is None or now < mine:
                    has[r] = mine
                    free[o] -= 1
                    if now is not None:
                        free[now[2]] += 1
                        waiting.append(now[2])
                if not free[o]:
                    break
        return {r: o for r, (_, _, o) in has.items()}

    def blocking(self, pairs: dict[int, int]) -> list[tuple[int, int]]:
        """Pairs that would both rather have each other: every pair is looked at."""
        n, m = self.acceptable.shape
        rows, columns = np.arange(n), np.arange(m)
        mine = np.array([pairs.get(r, -1) for r in range(n)])
        now = np.where(mine >= 0, self.asks[rows, mine], np.iinfo(np.int64).min)
        worst, free = self._worst(pairs)
        low = np.where(free, np.iinfo(np.int64).min, self.gives[worst, columns])
        wants, likes = self.asks >= now[:, None], self.gives >= low[None, :]
        maybe = self.acceptable & wants & likes
        maybe[rows[mine >= 0], mine[mine >= 0]] = False
        sure = maybe & (self.asks > now[:, None]) & (self.gives > low[None, :])
        found = [(int(r), int(o)) for r, o in np.argwhere(sure)]
        for r, o in self._undecided(maybe & ~sure, mine, now, worst, low):
            asks = self.asks[r, o] > now[r] or self.tie(r, o) < self.tie(r, int(mine[r]))
            gives = self.gives[r, o] > low[o] or self.tie(r, o) < self.tie(int(worst[o]), o)
            if asks and gives:
                found.append((r, o))
        return found

    def _undecided(
        self, open_: NDArray[np.bool_], mine: Whole, now: Whole, worst: Whole, low: Whole
    ) -> list[tuple[int, int]]:
        """Of pairs in which a hash decides, those that the first eight bytes of the hashes don't clear."""
        if np.count_nonzero(open_) > FEW:
            first = self._first
            n, m = first.shape
            better = (self.asks > now[:, None]) | (first <= first[np.arange(n), mine][:, None])
            liked = (self.gives > low[None, :]) | (first <= first[worst, np.arange(m)][None, :])
            open_ = open_ & better & liked
        return [(int(r), int(o)) for r, o in np.argwhere(open_)]

    @cached_property
    def _first(self) -> NDArray[np.uint64]:
        """The first eight bytes of every pair's hash, as a whole number."""
        sha256, keys = hashlib.sha256, [f'"{o.key}"]'.encode("ascii") for o in self.offers]
        heads = (f'["{r.key}",'.encode("ascii") for r in self.requests)
        data = b"".join([sha256(head + key).digest()[:8] for head in heads for key in keys])
        return np.frombuffer(data, ">u8").reshape(self.acceptable.shape).astype(np.uint64)

    def _worst(self, pairs: dict[int, int]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """For each offer the request it likes least of those it has, and whether it has room for another."""
        held: dict[int, list[int]] = {}
        for r, o in pairs.items():
            held.setdefault(o, []).append(r)
        worst, free = np.zeros(len(self.offers), np.int64), np.zeros(len(self.offers), bool)
        for o, offer in enumerate(self.offers):
            some = held.get(o, [])
            free[o] = len(some) < offer.capacity
            if some:
                worst[o] = min(some, key=lambda r, o=o: (int(self.gives[r, o]), _Tie(self.tie, (r, o))))  # type: ignore[misc]
        return worst, free


class _Tie:
    """A pair's standing among equals: larger the smaller its hash, which is computed only when it is asked for."""

    __slots__ = ("hash_of", "pair")

    def __init__(self, hash_of: Callable[[int, int], bytes], pair: tuple[int, int]) -> None:
        self.hash_of, self.pair = hash_of, pair

    def __lt__(self, other: _Tie) -> bool:
        return self.hash_of(*self.pair) > other.hash_of(*other.pair)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Tie) and self.pair == other.pair

    __hash__ = None  # type: ignore[assignment]


def _tied(wants: Whole, acceptable: NDArray[np.bool_]) -> int:
    """How many pairs are as good as another for the side in the rows."""
    line = np.sort(np.where(acceptable, wants, -1), axis=1)
    return int(np.count_nonzero((line[:, 1:] == line[:, :-1]) & (line[:, 1:] >= 0)))


def _places(wants: Whole, first: NDArray[np.uint64]) -> Whole | None:
    """Each pair's place in its row, the best with the largest: by points, then the smaller hash first.

    None where the first eight bytes of two hashes are alike and decide: then the whole hash must be looked at.
    """
    order = np.lexsort((~first, wants), axis=-1)
    line, hashes = np.take_along_axis(wants, order, 1), np.take_along_axis(first, order, 1)
    if ((line[:, 1:] == line[:, :-1]) & (hashes[:, 1:] == hashes[:, :-1])).any():
        return None
    made = np.empty_like(wants)
    np.put_along_axis(made, order, np.arange(wants.shape[1], dtype=np.int64)[None, :], axis=1)
    return made


def _ranked(middle: Whole, rankings: Sequence[Sequence[str]], known: dict[str, int]) -> Whole:
    """Preferences of the side in the rows: its own ranking first, then the points."""
    made = np.array(middle, np.int64)
    for n, ranking in enumerate(rankings):
        for place, key in enumerate(ranking):
            if key in known:
                made[n, known[key]] = _RANKED - place
    return made


class _Lists:
    """Each proposer's list, best first, handed out one by one; a tie is broken only when it is reached."""

    def __init__(self, wants: Whole, acceptable: NDArray[np.bool_], tie: Callable[[int, int], bytes]) -> None:
        self._wants, self._tie = wants, tie
        order = np.argsort(-np.where(acceptable, wants, -1), axis=1, kind="stable")
        self._order, self._length = order, acceptable.sum(axis=1)
        self._next: dict[int, Iterator[int]] = {}

    def of(self, n: int) -> Iterator[int]:
        """The rest of a proposer's list: those it hasn't asked yet."""
        if n not in self._next:
            self._next[n] = self._walk(n)
        return self._next[n]

    def _walk(self, n: int) -> Iterator[int]:
        order: list[int] = self._order[n, : self._length[n]].tolist()
        wants: list[int] = self._wants[n, order].tolist()
        start = 0
        while start < len(order):
            end = start + 1
            while end < len(order) and wants[end] == wants[start]:
                end += 1
            group: Any = order[start:end]
            if len(group) > 1:
                group = sorted(group, key=lambda other: self._tie(n, other))
            yield from group
            start = end
