"""Small markets whose answer is known from outside, and what is said of those who got nothing."""

from __future__ import annotations

from datetime import date

import pytest

from concordat.errors import InputError, MethodError
from concordat.exchange.events import check_said
from concordat.exchange.inclusion.aid import Offer, Request
from concordat.exchange.inclusion.aid_entries import match_body
from concordat.exchange.inclusion.assignment import Match, match

ON = date(2027, 1, 1)


def asks(name: str, *ranking: str, only: bool = True, kind: str = "people") -> Request:
    keys = tuple(f"BRA/{r}" for r in ranking)
    return Request(f"ETH/{name}", "ETH", kind, f"{name:>064}", {}, ranking=keys, only_ranked=only)  # type: ignore[arg-type]


def gives(name: str, *ranking: str, only: bool = True, capacity: int = 1, kind: str = "people") -> Offer:
    keys = tuple(f"ETH/{r}" for r in ranking)
    return Offer(
        f"BRA/{name}", "BRA", kind, f"{name:>064}", {}, ranking=keys, only_ranked=only, capacity=capacity,  # type: ignore[arg-type]
        eligible=("all",),
    )  # fmt: skip


def pairs(made: Match) -> dict[str, str]:
    return {p.request[4:]: p.offer[4:] for p in made.pairs}


def there(made: Match) -> dict[str, str]:
    return {r[4:]: o[4:] for r, o in made.offers_propose} or pairs(made)


# Gale and Shapley (1962), example 1: three men and three women; each man's first choice is stable, and so is each
# woman's. Rankings of the ranking matrix: alpha (1, 2, 3), beta (2, 3, 1), gamma (3, 1, 2) and so on.
EXAMPLE_1 = (
    [asks("alpha", "a", "b", "c"), asks("beta", "b", "c", "a"), asks("gamma", "c", "a", "b")],
    [gives("a", "beta", "gamma", "alpha"), gives("b", "gamma", "alpha", "beta"), gives("c", "alpha", "beta", "gamma")],
)


def test_gale_and_shapley_1962_example_1() -> None:
    made = match(*EXAMPLE_1, on=ON)
    assert pairs(made) == {"alpha": "a", "beta": "b", "gamma": "c"}
    assert there(made) == {"alpha": "c", "beta": "a", "gamma": "b"}
    assert len(made.only_here) == len(made.only_there) == 3
    assert made.pairs_checked == 9


def test_gale_and_shapley_1962_example_2() -> None:
    """Their second example has one stable set of marriages: (alpha, C), (beta, D), (gamma, A), (delta, B)."""
    requests = [
        asks("alpha", "a", "b", "c", "d"),
        asks("beta", "a", "d", "c", "b"),
        asks("gamma", "b", "a", "c", "d"),
        asks("delta", "d", "b", "c", "a"),
    ]
    offers = [
        gives("a", "delta", "gamma", "alpha", "beta"),
        gives("b", "beta", "delta", "alpha", "gamma"),
        gives("c", "delta", "alpha", "beta", "gamma"),
        gives("d", "gamma", "beta", "alpha", "delta"),
    ]
    made = match(requests, offers, on=ON)
    assert pairs(made) == {"alpha": "c", "beta": "d", "gamma": "a", "delta": "b"}
    assert made.offers_propose == ()


def test_capacities() -> None:
    requests = [asks(n, "big", "small") for n in ("r1", "r2", "r3")]
    offers = [gives("big", "r3", "r1", "r2", capacity=2), gives("small", "r2", "r1", "r3", capacity=2)]
    made = match(requests, offers, on=ON)
    assert pairs(made) == {"r1": "big", "r2": "small", "r3": "big"}
    assert made.free == {"BRA/small": 1}


def test_a_ranking_comes_first_and_the_rest_follows_by_points() -> None:
    from dataclasses import replace

    near = replace(gives("near", only=False), sectors=("22040",))
    far = replace(gives("far", only=False), sectors=("11110",))
    asked = replace(asks("r", only=False), sectors=("22040",))
    assert pairs(match([asked], [near, far], on=ON)) == {"r": "near"}
    wishing = replace(asked, ranking=("BRA/far",))
    assert pairs(match([wishing], [near, far], on=ON)) == {"r": "far"}
    other = replace(wishing, key="ETH/q")
    full = match([wishing, other], [near, far], on=ON)
    assert sorted(pairs(full).values()) == ["far", "near"]


def test_ties_go_by_the_hash_of_the_pair() -> None:
    import hashlib

    requests, offers = [asks(f"r{n}", only=False) for n in range(4)], [gives("o", only=False)]
    winner = min((f"r{n}" for n in range(4)), key=lambda r: hashlib.sha256(f'["ETH/{r}","BRA/o"]'.encode()).hexdigest())
    assert pairs(match(requests, offers, on=ON)) == {winner: "o"}


def test_who_got_nothing_and_why() -> None:
    requests = [asks("r1", "o"), asks("r2", "o"), asks("r3", "o", kind="money")]
    made = match(requests, [gives("o", "r2", "r1", "r3")], on=ON)
    assert [(u.request, u.acceptable, u.removed, u.reason) for u in made.unmatched] == [
        ("ETH/r1", 1, {}, "every acceptable offer is taken by requests that it prefers"),
        ("ETH/r3", 0, {"kind": 1}, "another kind of help"),
    ]
    body = match_body(made, "first", b"{}")
    assert body["left"] == [{"reason": "kind", "requests": 1}, {"reason": "taken", "requests": 1}]
    check_said("MatchComputed", body, "BRA")
    for wrong in ([{"reason": "kind", "requests": 1}], [{"reason": "kind", "requests": 1}] * 2):
        with pytest.raises(InputError, match="left"):
            check_said("MatchComputed", {**body, "left": wrong}, "BRA")


def test_a_ranking_may_name_what_is_not_there() -> None:
    made = match([asks("r", "gone", "o")], [gives("o", "r")], on=ON)
    assert (pairs(made), made.unknown_ranked) == ({"r": "o"}, ("BRA/gone",))


def test_no_acceptable_pair_is_an_error_that_counts() -> None:
    requests = [asks("r1", "o"), asks("r2", "o", kind="money"), asks("r3", "o", kind="software")]
    with pytest.raises(MethodError) as caught:
        match(requests, [gives("o", "r2", kind="software")], on=ON)
    said = "of 3, 2 because another kind of help; 1 because a side accepts only what it ranked"
    assert said in caught.value.what
    assert caught.value.exit_code == 4


def test_nothing_to_match_and_ids_given_twice() -> None:
    with pytest.raises(MethodError, match="no offers"):
        match([asks("r")], [], on=ON)
    with pytest.raises(InputError, match="two requests have the id ETH/r"):
        match([asks("r", "o"), asks("r", "o")], [gives("o", "r")], on=ON)


def test_the_hashes_are_what_a_member_signs() -> None:
    from concordat import canonical

    made = match(*EXAMPLE_1, on=ON)
    requests, offers = EXAMPLE_1
    assert made.inputs == canonical.digest(sorted(one.sha256 for one in (*requests, *offers)))
    listed = [["ETH/alpha", "BRA/a"], ["ETH/beta", "BRA/b"], ["ETH/gamma", "BRA/c"]]
    assert made.result == canonical.digest(listed)
