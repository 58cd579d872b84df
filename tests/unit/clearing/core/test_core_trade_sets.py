"""Trades that settle together by a certificate: a case worked out by hand, every field spoilt, and a second method.

The case. C has 10 BRL, nobody has anything else. C pays D 100 BRL for 1,000 INR; G pays D 1,000 INR for 100 BRL; C
pays G 1,000 INR for 90 BRL. In INR everybody gets what he pays. In BRL: C -100 + 90, D 100 - 100, G 100 - 90. None of
the three can settle alone, nor any two; all three can, and leave C 0 and G 10 BRL.
"""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from clearing_core_kit import DAY, HOUR, LIST, NOON, A, B, C, D, G, Room, document, trade_legs
from concordat.clearing.core.certificates import TradePrices, check_trades
from concordat.clearing.core.settle_trades import left_out, trades_problem, trades_root

CASE = [("T1", C, D, 100, 1_000), ("T2", D, G, 100, 1_000), ("T3", G, C, 90, 1_000)]
RATES = {"name": "fix-a", "unit": "USD", "denominator": "1000", "numerators": {"BRL": "200", "INR": "20"}}
LSM = {"mode": "bypass", "haircut_bp": 800, "rates": RATES}


def matched(room: Room, trades: list[tuple[str, str, str, int, int]] = CASE, **facts: Any) -> list[str]:
    """Both sides of each trade (the first party pays BRL); their keys, ascending."""
    said = []
    for name, one, other, brl, inr in trades:
        legs = trade_legs(one, other, brl, inr)
        said += [room.say("trade", party, trade_id=name, legs=legs, **facts) for party in (one, other)]
    room.block(*said)
    assert all(trade.state == "matched" for trade in room.state.trade.values())
    return sorted("/".join((name, *sorted((one, other)))) for name, one, other, _, _ in trades)


def case(**parts: Any) -> tuple[Room, list[str]]:
    room = Room(**parts)
    room.fund("CCCCBRSP/BRL", 10)
    return room, matched(room)


def certificate(room: Room, keys: list[str], **changes: Any) -> dict[str, Any]:
    """What a proposer would send for these trades, its sums found by adding up here."""
    sums: dict[str, int] = {}
    for key in keys:
        for leg in room.state.trade[key].legs if key in room.state.trade else ():
            code = leg.payer[9:12]
            sums[code] = sums.get(code, 0) + leg.amount
    made = {
        "problem": "trades", "height": room.state.height + 1, "state_root": room.state.root(),
        "trades_root": trades_root(room.state), "chosen": sorted(keys),
        "gained_minor": {code: str(amount) for code, amount in sums.items()}, "solver": "by hand",
    }  # fmt: skip
    rates = room.state.scheme.rates
    if rates:
        made |= {"rates": rates.name}
        made |= {"gained_value": str(sum(rates.numerators.get(code, 0) * amount for code, amount in sums.items()))}
    return {key: part for key, part in (made | changes).items() if part is not None}


def refused_by(room: Room, made: dict[str, Any]) -> str:
    """The check that refuses a certificate; nothing of it was applied."""
    balances = {name: one.values() for name, one in room.state.accounts.items()}
    waiting = dict(room.state.trade)
    told = room.block(room.say("settle", A, certificate=made))
    assert [one.code for one in told] == ["certificate_refused"]
    assert {name: one.values() for name, one in room.state.accounts.items()} == balances
    assert dict(room.state.trade) == waiting
    return str(told[0].facts["check"])


@pytest.mark.parametrize("parts", [{}, {"lsm": LSM}])
def test_three_trades_that_cannot_settle_one_by_one_settle_together(parts: dict[str, Any]) -> None:
    room, keys = case(**parts)
    assert room.block() == []  # none can alone
    for some in (*itertools.combinations(keys, 1), *itertools.combinations(keys, 2)):
        assert refused_by(room, certificate(room, list(some))) in ("overdraft", "short_limit")
    found = room.block(room.say("settle", A, certificate=certificate(room, keys)))
    assert [(one.kind, one.code) for one in found] == [("settle", "settled")] + [("trade", "settled")] * 6
    facts = found[0].facts
    assert (facts["trades"], facts["gained_minor"]) == ("3", {"BRL": "290", "INR": "3000"})
    # 290 * 200 + 3,000 * 20 thousandths of a US cent
    assert facts.get("gained_value") == ("118000" if parts else None)
    ends = {name: one.balance for name, one in room.state.accounts.items() if name[12:] != "/issue"}
    assert {name: balance for name, balance in ends.items() if balance} == {"GGGGINBB/BRL": 10}
    assert room.state.trade == {}
    assert room.state.trades_of == {}


def test_who_ends_below_its_line_refuses_the_set_and_the_line_is_the_short_limit() -> None:
    room = Room()
    keys = matched(room)  # C has nothing, so 10 BRL are missing
    assert refused_by(room, certificate(room, keys)) == "short_limit"
    room.code("line_set", A, account="CCCCBRSP/BRL", amount_minor="9")
    assert refused_by(room, certificate(room, keys)) == "short_limit"
    room.code("line_set", A, account="CCCCBRSP/BRL", amount_minor="10")
    assert room.code("settle", A, certificate=certificate(room, keys)) == "settled"
    assert room.balance("CCCCBRSP/BRL") == -10


def test_reserved_money_is_not_there() -> None:
    room, keys = case()
    room.code("reserve", C, payer="CCCCBRSP/BRL", payee="DDDDINBB/BRL", amount_minor="1", expires=room.now + HOUR)
    assert refused_by(room, certificate(room, keys)) == "short_limit"


def test_money_on_another_account_of_the_member_does_not_count_for_the_one_that_pays() -> None:
    room, keys = case()
    room.pay("CCCCBRSP/BRL", "CCCCBRSP/BRL/ops", 1)
    assert refused_by(room, certificate(room, keys)) == "overdraft"


@pytest.mark.parametrize(("inr", "check"), [(0, "cover"), (586, "cover"), (587, "")])
def test_a_member_must_be_covered_after_the_haircut(inr: int, check: str) -> None:
    """C ends 50 BRL short: 50 * 200 * 10,800 = 108,000,000; 587 INR count for 587 * 20 * 9,200 = 108,008,000."""
    room = Room(lsm=LSM)
    room.code("line_set", A, account="CCCCBRSP/BRL", amount_minor="50")
    if inr:
        room.fund("CCCCBRSP/INR", inr)
    keys = matched(room, [*CASE[:2], ("T3", G, C, 50, 1_000)])
    made = certificate(room, keys)
    if check:
        assert refused_by(room, made) == check
    else:
        assert room.code("settle", A, certificate=made) == "settled"


def test_a_trade_without_a_rate_stays_out_and_the_reason_is_given() -> None:
    lsm = {**LSM, "rates": {**RATES, "numerators": {"BRL": "200"}}}
    room, keys = case(lsm=lsm)
    assert left_out(room.state, room.now, 9) == dict.fromkeys(keys, "no_rate INR")
    told = room.receipt("settle", A, certificate=certificate(room, keys))
    assert (told.code, told.facts["check"], told.facts["trade"]) == ("certificate_refused", "rate", keys[0])


def test_a_held_or_half_trade_can_not_be_chosen() -> None:
    room, keys = case()
    facts = {"target": "trade", "of": keys[1], "reason_class": "band", "list_hash": LIST, "until": room.now + HOUR}
    room.code("hold", B, **facts)
    assert left_out(room.state, room.now, 9) == {keys[1]: "held"}
    assert refused_by(room, certificate(room, keys)) == "held"
    half = room.say("trade", D, trade_id="T4", legs=trade_legs(G, D, 1, 1))
    room.block(half, room.say("release", B, target="trade", of=keys[1]))
    assert refused_by(room, certificate(room, [*keys, f"T4/{D}/{G}"])) == "unknown_trade"
    assert room.code("settle", A, certificate=certificate(room, keys)) == "settled"


@pytest.mark.parametrize("why", ["account_frozen", "window_closed", "over_limit"])
def test_a_trade_that_no_sum_can_help_can_not_be_chosen(why: str) -> None:
    parts = document()
    parts["currencies"]["INR"]["hours_utc"] = "00:00-12:01"
    room, keys = case(currencies=parts["currencies"])
    if why == "account_frozen":
        room.code("freeze", A, account="GGGGINBB/BRL")
    elif why == "over_limit":
        room.code("limit_set", G, account="GGGGINBB/BRL", limit="payment", amount_minor="89")
    else:
        room.now = NOON + HOUR
        for key in keys:
            assert room.state.trade[key].until > room.now
    assert why in left_out(room.state, room.now + 1_000, 9).values()
    assert refused_by(room, certificate(room, keys)) == "held"


@pytest.mark.parametrize(
    ("limit", "figure", "good"),
    [("day_out", 99, False), ("day_out", 100, True), ("multilateral", 9, False), ("multilateral", 10, True),
     ("bilateral", 99, False), ("bilateral", 100, True)],
)  # fmt: skip
def test_limits_count_the_set_as_one_step(limit: str, figure: int, good: bool) -> None:
    """C pays 100 and gets 90 BRL: 100 go out, 100 of them to D, 10 in net."""
    room = Room()
    room.fund("CCCCBRSP/BRL", 10)
    room.now += DAY  # the 10 that came in count for the net of their day
    keys = matched(room)
    payee = {"payee": "DDDDINBB/BRL"} if limit == "bilateral" else {}
    room.code("limit_set", C, account="CCCCBRSP/BRL", limit=limit, amount_minor=str(figure), **payee)
    if good:
        assert room.code("settle", A, certificate=certificate(room, keys)) == "settled"
    else:
        assert refused_by(room, certificate(room, keys)) == "limit"


def test_a_set_that_together_passes_the_cap_of_a_corridor_is_refused_whole() -> None:
    way = {
        "id": "all",
        "from": ["BR", "IN"],
        "to": ["BR", "IN"],
        "pairs": ["BRL", "BRL/INR"],
        "hours_utc": "00:00-24:00",
    }
    inr = {**way, "id": "inr", "pairs": ["INR"]}
    for cap, good in (("2999", False), ("3000", True)):
        room, keys = case(corridors=[{**way, "cap_day_minor": {"INR": cap}}, inr])
        if good:
            assert room.code("settle", A, certificate=certificate(room, keys)) == "settled"
        else:
            assert refused_by(room, certificate(room, keys)) == "sum"


def spoilt_certificates(made: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every field missing, and with values that are near, of another kind, or absurd."""
    values: dict[str, list[Any]] = {
        "problem": ["queue", "divisible", "", None, 3], "height": [made["height"] + 1, 0, str(made["height"]), True],
        "state_root": ["ab" * 32, "", None], "trades_root": ["ab" * 32, "", made["state_root"]],
        "chosen": [
            [], made["chosen"][:2], made["chosen"][::-1], [*made["chosen"], made["chosen"][-1]],
            [*made["chosen"], "U/X/Y"], [*made["chosen"][:2], "é"], "T1", [1, 2, 3], {},
        ],
        "gained_minor": [{}, {"BRL": "290"}, {"BRL": "291", "INR": "3000"}, {"BRL": 290, "INR": 3_000}, "290", None],
        "rates": ["fix-b", "", None, 1], "gained_value": ["117999", "", 118_000, None, "1e9"],
        "prices": [{}, None, {"short": {}, "cover": {}}, {"short": {"X/BRL": "1"}, "cover": {}, "slope_bp": {}}],
        "bound_value": ["118000", None], "more": [1], "currency": ["BRL"],
    }  # fmt: skip
    without = [(key, {k: v for k, v in made.items() if k != key}) for key in made if key != "solver"]
    return without + [(key, {**made, key: value}) for key, some in values.items() for value in some]


def test_whatever_is_changed_in_a_certificate_refuses_it_whole() -> None:
    room, keys = case(lsm=LSM)
    spoilt = spoilt_certificates(certificate(room, keys))
    assert len(spoilt) > 45
    for number in range(len(spoilt)):  # each made anew for the height at which it is said
        key, made = spoilt_certificates(certificate(room, keys))[number]
        assert refused_by(room, made), key
    assert room.code("settle", A, certificate=certificate(room, keys)) == "settled"


@pytest.mark.parametrize("extra", ["rates", "gained_value", "prices", "bound_value"])
def test_without_rates_a_certificate_may_not_speak_of_value(extra: str) -> None:
    room, keys = case()
    values = {"rates": "fix-a", "gained_value": "118000", "bound_value": "1", "prices": {}}
    assert refused_by(room, certificate(room, keys, **{extra: values[extra]})) == "form"


def test_a_bound_is_computed_again() -> None:
    """One price, 1 unit of value for each BRL that C may be short: the bound by hand, and nothing else is taken."""
    room, keys = case(lsm=LSM)
    prices = {"short": {f"{C}/BRL": "1000000"}, "cover": {}, "slope_bp": {}}
    problem = trades_problem(room.state, room.now, room.state.height + 1)
    bound = check_trades(problem, keys, TradePrices({(C, "BRL"): 1_000_000}, {}, {})).bound
    # 10 BRL at 1; the three trades at their value, less 100 and plus 90 times the price
    assert bound == 10 + (40_000 - 100) + 40_000 + (38_000 + 90)
    assert refused_by(room, certificate(room, keys, prices=prices, bound_value=str(bound + 1))) == "claim"
    assert refused_by(room, certificate(room, keys, bound_value=str(bound))) == "form"
    told = room.receipt("settle", A, certificate=certificate(room, keys, prices=prices, bound_value=str(bound)))
    assert (told.code, told.facts["bound_value"]) == ("settled", str(bound))


def test_a_second_certificate_of_the_same_block_finds_other_trades() -> None:
    room, keys = case()
    made = certificate(room, keys)
    one, two = room.say("settle", A, certificate=made), room.say("settle", B, certificate=made)
    told = {r.code: r.facts.get("check") for r in room.block(one, two) if r.kind == "settle"}
    assert told == {"settled": None, "certificate_refused": "trades_root"}


def test_what_an_administrative_instruction_changes_first_refuses_the_set() -> None:
    room, keys = case()
    room.block(
        room.say("freeze", A, account="DDDDINBB/BRL"), room.say("settle", A, certificate=certificate(room, keys))
    )
    assert len(room.state.trade) == 3


def may_settle(room: Room, chosen: list[tuple[str, str, str, int, int]]) -> bool:
    """The rule a second time, straight from the definition."""
    rates, haircut = {"BRL": 200, "INR": 20}, 800
    held = {(one.id[:8], one.id[9:12]): one.balance for one in room.state.accounts.values() if one.id[12:] != "/issue"}
    lines = {(one.id[:8], one.id[9:12]): one.line for one in room.state.accounts.values()}
    for _, one, other, brl, inr in chosen:
        for who, code, change in ((one, "BRL", -brl), (other, "BRL", brl), (other, "INR", -inr), (one, "INR", inr)):
            held[who, code] = held.get((who, code), 0) + change
    if any(held[key] < -lines.get(key, 0) for key in held):
        return False
    for who in {party for _, one, other, _, _ in chosen for party in (one, other)}:
        worth = [held.get((who, code), 0) * rates[code] for code in rates]
        if sum(min((10_000 - haircut) * u, (10_000 + haircut) * u) for u in worth) < 0:
            return False
    return True


def test_every_subset_is_taken_or_refused_as_the_definition_says() -> None:
    """All subsets of made-up trades, on 12 small markets; what the definition allows settles, nothing else."""
    from concordat.clearing.core.apply import build, undo

    seen = {True: 0, False: 0}
    for seed in range(12):
        draw = random.Random(seed)
        room = Room(watch=False, lsm=LSM)
        for who in (C, D, G):
            for code, issuer in (("BRL", A), ("INR", B)):
                if draw.random() < 0.5:
                    room.fund(f"{who}/{code}", draw.randint(1, 20))
                if draw.random() < 0.7:
                    room.code("line_set", issuer, account=f"{who}/{code}", amount_minor=str(draw.randint(1, 25)))
        pairs = [(C, D), (D, G), (G, C), (D, C)]
        trades = [(f"T{n}", *pairs[n], draw.randint(45, 55), draw.randint(490, 510)) for n in range(4)]
        said = []
        for name, one, other, brl, inr in trades:
            legs = trade_legs(one, other, brl, inr)
            said += [room.say("trade", party, trade_id=name, legs=legs) for party in (one, other)]
        room.block(*said)
        for size in range(1, 5):
            for some in itertools.combinations([t for t in trades if _key(t) in room.state.trade], size):
                made = certificate(room, [_key(t) for t in some])
                _, applied = build(room.state, room.now + 1, [room.say("settle", A, certificate=made)])
                settled = applied.receipts[0].code == "settled"
                undo(room.state, applied)
                assert settled == may_settle(room, list(some)), (seed, some)
                seen[settled] += 1
    assert seen[True] >= 5
    assert seen[False] >= 50


def _key(trade: tuple[str, str, str, int, int]) -> str:
    return "/".join((trade[0], *sorted(trade[1:3])))
