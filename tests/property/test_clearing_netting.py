"""Netting held to other methods: flows to networkx, queues to HiGHS, trades to all subsets, certificates to changes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.clearing.core.certificates import QueuedPayment, Trade, TradesProblem, check_divisible
from concordat.clearing.netting.certificate_file import (
    Inputs,
    check,
    of_cleared,
    of_released,
    of_selected,
    opened,
    queue_of,
    write,
)
from concordat.clearing.netting.circulation import clear_divisible
from concordat.clearing.netting.notices import check_cleared, check_same_positions, debts_of, positions
from concordat.clearing.netting.pvp import select_trades
from concordat.clearing.netting.queue_release import release_queue
from concordat.clearing.netting.tables import Obligations, parse_obligations
from concordat.errors import InputError, RuleError

MEMBERS = "ABCDEF"


@st.composite
def files(draw: st.DrawFn, most: int = 40, members: str = MEMBERS, top: int = 60) -> str:
    """A file of obligations among a few members in two currencies."""
    rows = draw(st.integers(1, most))
    lines = ["id,payer,payee,currency,amount_minor,priority"]
    for n in range(rows):
        payer = draw(st.sampled_from(members))
        payee = draw(st.sampled_from(members.replace(payer, "")))
        code = draw(st.sampled_from(["BRL", "INR"]))
        lines.append(f"{n},{payer},{payee},{code},{draw(st.integers(1, top))},{draw(st.integers(1, 3))}")
    return "\n".join(lines) + "\n"


def networkx_optimum(debts: Obligations) -> int:
    """The largest circulation by networkx's network simplex."""
    networkx = pytest.importorskip("networkx", reason="needs the extra [oracles]")
    network = networkx.DiGraph()
    for p, q, c, a in zip(debts.payer, debts.payee, debts.currency, debts.amount, strict=True):
        one, two = (int(p), int(c)), (int(q), int(c))
        old = network.get_edge_data(one, two, {"capacity": 0})["capacity"]
        network.add_edge(one, two, capacity=old + int(a), weight=-1)
    return -int(networkx.network_simplex(network)[0])


@settings(max_examples=60)
@given(files())
def test_set_off_is_the_optimum_of_another_code(text: str) -> None:
    debts = parse_obligations(text, where="x")
    best = networkx_optimum(debts)
    for engine in ("auto", "highs", "none"):
        cleared = clear_divisible(debts, engine=engine)
        assert check_cleared(cleared) == best
        check_same_positions(debts, cleared.set_off)
        for one in positions(cleared):
            assert one.owed - one.owes == (one.owed - one.set_off) - (one.owes - one.set_off)


@settings(max_examples=40)
@given(files(), st.randoms(use_true_random=False))
def test_what_remains_has_no_cycle_of_debts(text: str, random: Any) -> None:
    """After the largest set-off, following debts that remain never leads back: else more could be set off."""
    networkx = pytest.importorskip("networkx", reason="needs the extra [oracles]")
    debts = parse_obligations(text, where="x")
    cleared = clear_divisible(debts)
    left = networkx.DiGraph()
    rest = debts.amount - cleared.set_off
    left.add_edges_from(
        ((int(debts.payer[n]), int(debts.currency[n])), (int(debts.payee[n]), int(debts.currency[n])))
        for n in np.flatnonzero(rest).tolist()
    )
    assert networkx.is_directed_acyclic_graph(left)


def highs_best(payments: list[QueuedPayment], funds: dict[str, int]) -> int:
    """The best set by HiGHS on the whole queue, through SciPy's public function."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    accounts = sorted(funds)
    matrix = np.zeros((len(accounts), len(payments)))
    for n, p in enumerate(payments):
        matrix[accounts.index(p.payer), n] += p.amount
        matrix[accounts.index(p.payee), n] -= p.amount
    value = np.array([p.amount for p in payments])
    rows = LinearConstraint(matrix, -np.inf, [funds[a] for a in accounts])
    found = milp(-value, constraints=rows, integrality=np.ones(len(payments)), bounds=Bounds(0, 1))
    return round(-found.fun)


@settings(max_examples=40)
@given(files(), st.lists(st.integers(0, 40), min_size=12, max_size=12))
def test_small_queues_are_solved_to_the_optimum(text: str, money: list[int]) -> None:
    payments, funds = queue_of(parse_obligations(text, where="x"), {})
    funds = {account: money[n % 12] for n, account in enumerate(sorted(funds))}
    found = release_queue(payments, funds, work=2e6, workers=1)
    best = highs_best(payments, funds)
    assert found.gained <= best <= found.bound
    # HiGHS stops within 10^-4, and so do the parts: on sums of at most 2,400 units that is the optimum.
    assert found.gained == best


def highs_in_turn(payments: list[QueuedPayment], funds: dict[str, int]) -> list[int]:
    """The best value of each class, after that of all before it, by HiGHS on the whole queue."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    accounts = sorted(funds)
    matrix = np.zeros((len(accounts), len(payments)))
    for n, p in enumerate(payments):
        matrix[accounts.index(p.payer), n] += p.amount
        matrix[accounts.index(p.payee), n] -= p.amount
    rows = [LinearConstraint(matrix, -np.inf, [funds[a] for a in accounts])]
    best = []
    for one in sorted({p.priority for p in payments}):
        value = np.array([p.amount if p.priority == one else 0 for p in payments])
        found = milp(-value, constraints=rows, integrality=np.ones(len(payments)), bounds=Bounds(0, 1))
        best.append(round(-found.fun))
        rows.append(LinearConstraint(value[None, :], best[-1] - 0.5, np.inf))
    return best


@settings(max_examples=25)
@given(files(most=20), st.lists(st.integers(0, 40), min_size=12, max_size=12))
def test_every_class_gets_the_best_that_those_before_it_leave(text: str, money: list[int]) -> None:
    payments, funds = queue_of(parse_obligations(text, where="x"), {})
    funds = {account: money[n % 12] for n, account in enumerate(sorted(funds))}
    found = release_queue(payments, funds, work=3e6, workers=1, classes="first")
    chosen = set(found.chosen)
    reached = [
        sum(p.amount for p in payments if p.id in chosen and p.priority == one)
        for one in sorted({p.priority for p in payments})
    ]
    assert reached == highs_in_turn(payments, funds)
    assert found.gained <= found.claim <= found.bound


@settings(max_examples=40)
@given(files(), st.integers(1, 5))
def test_potentials_are_the_largest_and_no_others_prove(text: str, by: int) -> None:
    """By a second method: shortest distances from a point that reaches every member at 0, by networkx."""
    networkx = pytest.importorskip("networkx", reason="needs the extra [oracles]")
    debts = parse_obligations(text, where="x")
    cleared = clear_divisible(debts)
    for place, code in enumerate(debts.currencies):
        owed, rows = debts_of(debts, place)
        residual, given_up = networkx.DiGraph(), cleared.set_off[rows].tolist()
        members = sorted({member for debt in owed for member in (debt.payer, debt.payee)})
        residual.add_weighted_edges_from(("", member, 0) for member in members)
        for debt, done in zip(owed, given_up, strict=True):
            for one, two, cost, there in (
                (debt.payer, debt.payee, -1, done < debt.amount),
                (debt.payee, debt.payer, 1, done > 0),
            ):
                if there:
                    old = residual.get_edge_data(one, two, {"weight": cost})["weight"]
                    residual.add_edge(one, two, weight=min(old, cost))
        distance = networkx.single_source_bellman_ford_path_length(residual, "")
        potentials = cleared.potentials[code]
        assert potentials == {member: distance[member] for member in members}
        set_off = {debt.id: done for debt, done in zip(owed, given_up, strict=True) if done}
        whole = networkx.Graph((debt.payer, debt.payee) for debt in owed)
        for island in networkx.connected_components(whole):
            shifted = {member: value - by * (member in island) for member, value in potentials.items()}
            with pytest.raises(RuleError, match="largest potential"):
                check_divisible(owed, set_off, shifted)


@settings(max_examples=20)
@given(st.data())
def test_small_markets_are_solved_to_the_optimum(data: st.DataObject) -> None:
    """Against every subset of up to eight trades."""
    from itertools import combinations

    from concordat.clearing.core.certificates import check_trades

    trades = []
    for n in range(data.draw(st.integers(1, 8))):
        a, b = data.draw(st.permutations("PQU"))[:2]
        x, y = data.draw(st.permutations("RST"))[:2]
        worth = data.draw(st.integers(5, 40))
        trades.append(Trade(str(n), a, b, x, worth, y, worth + data.draw(st.integers(-2, 2))))
    funds = {(m, c): data.draw(st.integers(0, 20)) for m in "PQU" for c in "RST"}
    limits = {(m, c): data.draw(st.integers(0, 30)) for m in "PQU" for c in "RST"}
    problem = TradesProblem(trades, funds, limits, {"R": 3, "S": 2, "T": 1}, 800)
    best = 0
    for size in range(len(trades) + 1):
        for group in combinations([t.id for t in trades], size):
            try:
                best = max(best, check_trades(problem, group).gained)
            except RuleError:
                continue
    found = select_trades(problem, work=1e6, workers=1)
    assert found.gained == best <= found.bound


# --- Certificates -------------------------------------------------------------------------------------------------


def changes(value: Any) -> list[Any]:
    """Every way to change one field of a certificate: a figure by one, an id, a key, an entry left out or added."""
    if isinstance(value, dict):
        found = [{k: v for k, v in value.items() if k != key} for key in value]
        found += [{**value, "new": "1"}]
        found += [{**value, key: other} for key, old in value.items() for other in changes(old)]
        return found
    if isinstance(value, list):
        found = [value[:n] + value[n + 1 :] for n in range(len(value))] + [[*value, "new"]]
        found += [[*value[:n], other, *value[n + 1 :]] for n, old in enumerate(value) for other in changes(old)]
        return found
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return [str(int(value) + 1), str(int(value) - 1), "0" + value, ""]
    return [value + "x", ""]


def refused(certificates: list[Any], inputs: Inputs) -> None:
    document = opened(write({}, certificates), where="c.json")
    check(document, inputs, where="c.json")
    words = {"solver"}  # what the solver says of itself is text, and proves nothing
    for n, one in enumerate(certificates):
        for key in one:
            if key in words:
                continue
            for other in changes(one[key]):
                changed = json.loads(json.dumps(document))
                changed["certificates"][n][key] = other
                try:
                    check(changed, inputs, where="c.json")
                except (InputError, RuleError):
                    continue
                # Another price may prove the same bound, to the rounded unit: then it says nothing untrue.
                assert key in ("prices_e6", "short_e6", "cover_e6", "slope_bp"), (key, other)


@settings(max_examples=8)
@given(files(most=15), st.lists(st.integers(0, 40), min_size=12, max_size=12))
def test_every_change_of_a_certificate_is_refused(text: str, money: list[int]) -> None:
    debts = parse_obligations(text, where="x")
    refused(of_cleared(clear_divisible(debts)), Inputs(debts))
    payments, funds = queue_of(debts, {})
    balances = {(a[0], a[2:]): money[n % 12] for n, a in enumerate(sorted(funds))}
    found = release_queue(payments, queue_of(debts, balances)[1], work=1e5, workers=1)
    refused(of_released(found), Inputs(debts, balances))


def test_every_change_of_a_certificate_of_trades_is_refused() -> None:
    trades = [Trade("1", "P", "Q", "BRL", 60, "INR", 60), Trade("2", "P", "Q", "BRL", 80, "INR", 80)]
    funds = {("Q", "INR"): 1_000, ("P", "INR"): 1_000}
    problem = TradesProblem(trades, funds, {("P", "BRL"): 100}, {"BRL": 1, "INR": 1}, 800)
    refused(of_selected(select_trades(problem, work=1e5, workers=1)), Inputs(trades=problem))


@settings(max_examples=30)
@given(files(most=25))
def test_rows_in_another_order_clear_the_same(text: str) -> None:
    head, *rows = text.splitlines()
    turned = "\n".join([head, *reversed(rows)]) + "\n"
    one, other = (clear_divisible(parse_obligations(t, where="x")) for t in (text, turned))
    assert one.cleared == other.cleared
    assert check_divisible([], {}, {}) == 0
