"""Netting against the reference data: exact figures for divisible debts, to be reached or bettered for the others.

The references were made by other programs: min-cost flow and HiGHS on the whole instance (see the data's README).
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from concordat.clearing.netting.certificate_file import queue_of
from concordat.clearing.netting.circulation import clear_divisible
from concordat.clearing.netting.curve import one_by_one
from concordat.clearing.netting.notices import check_cleared
from concordat.clearing.netting.queue_release import release_queue
from concordat.clearing.netting.tables import Obligations, parse_balances, parse_obligations


@pytest.fixture(params=["dev_1k", "dev_10k"])
def instance(request: pytest.FixtureRequest, shared_data: Path) -> tuple[Obligations, dict[tuple[str, str], int], Any]:
    folder, name = shared_data / "clearing", request.param
    debts = parse_obligations((folder / f"{name}_obligations.csv").read_text(), where=name)
    balances = parse_balances((folder / f"{name}_balances.csv").read_text(), where=name)
    return debts, balances, json.loads((folder / f"{name}_reference.json").read_text())


def greedy_cycles(debts: Obligations) -> int:
    """A second method that is not exact: cancel cycles of remaining debts one after the other, until there are none."""
    left: dict[tuple[int, int], dict[tuple[int, int], int]] = {}
    for p, q, c, a in zip(*(x.tolist() for x in (debts.payer, debts.payee, debts.currency, debts.amount)), strict=True):
        row = left.setdefault((p, c), {})
        row[q, c] = row.get((q, c), 0) + a
    cleared = 0
    for start in sorted(left):
        while True:
            path, seen, node = [start], {start: 0}, start
            while (after := next((n for n, v in left.get(node, {}).items() if v), None)) is not None:
                if after in seen:
                    cycle = [*path[seen[after] :], after]
                    size = min(left[u][v] for u, v in pairwise(cycle))
                    for u, v in pairwise(cycle):
                        left[u][v] -= size
                        cleared += size
                        if not left[u][v]:
                            del left[u][v]
                    break
                seen[after] = len(path)
                path.append(after)
                node = after
            else:
                if node == start:
                    break
                left[path[-2]].pop(node)  # a dead end: nothing leads on from there, ever
    return cleared


def test_set_off_is_exact_to_the_unit(instance: tuple[Obligations, dict[tuple[str, str], int], Any]) -> None:
    debts, _, reference = instance
    gross = int(debts.amount.sum())
    assert (len(debts), len(debts.members), gross) == (
        reference["obligations"], reference["participants"], reference["gross_minor"],
    )  # fmt: skip
    for engine in ("auto", "highs"):
        cleared = clear_divisible(debts, engine=engine)
        total = check_cleared(cleared)
        assert gross - total == reference["mtcs_remaining_minor"]
        assert total / gross == pytest.approx(reference["mtcs_cleared_share"], rel=1e-12)
        assert gross - sum(cleared.bilateral.values()) == reference["bilateral_remaining_minor"]


def test_greedy_cycles_clear_less_than_the_optimum(
    instance: tuple[Obligations, dict[tuple[str, str], int], Any],
) -> None:
    """Greedy depends on its order; the reference's clears 32.4 and 27.7 % of gross, the optimum 35.8 and 31.4 %."""
    debts, _, reference = instance
    gross, greedy = int(debts.amount.sum()), greedy_cycles(debts)
    assert reference["bilateral_cleared_share"] < greedy / gross < reference["mtcs_cleared_share"]
    assert greedy / gross == pytest.approx(reference["greedy_cycle_cleared_share"], abs=0.03)


def test_one_by_one_as_the_reference_does_it(instance: tuple[Obligations, dict[tuple[str, str], int], Any]) -> None:
    debts, balances, reference = instance
    payments, funds = queue_of(debts, balances)
    assert sum(funds.values()) == reference["opening_balance_minor"]
    assert one_by_one(payments, funds, passing=False) == reference["rtgs_fifo"]["value_minor"]
    # With bypass the outcome depends on how often one looks; ours looks until nothing moves, and settles a little more.
    passing = one_by_one(payments, funds, passing=True)
    assert 1.0 <= passing / reference["rtgs_fifo_bypass"]["value_minor"] < 1.1


def test_a_released_queue_lies_between_bypass_and_the_references_bounds(
    instance: tuple[Obligations, dict[tuple[str, str], int], Any],
) -> None:
    """A short search (the long one is benchmarks/clearing_netting.py): well above bypass, never above a bound."""
    debts, balances, reference = instance
    payments, funds = queue_of(debts, balances)
    found = release_queue(payments, funds, work=1e6, workers=1)
    assert found.gained >= 1.2 * reference["rtgs_fifo_bypass"]["value_minor"]
    assert found.gained <= reference["milp_value"]["dual_bound"] * (1 + 1e-9)
    # The certified bound is that of the linear relaxation, to a millionth.
    assert found.bound == pytest.approx(reference["milp_value"]["lp_bound"], rel=1e-6)
    assert found.bound >= reference["milp_value"]["lp_bound"] * (1 - 1e-9)


# The 603 payments in BRL of dev_1k: what HiGHS finds as the most for class 1 alone, to the last unit (branch and bound,
# gap 0), and what the certificate in section 6 of the specification settles of all classes.
CLASS_ONE_MOST, WITHOUT_CLASSES = 305_820_493, 4_074_481_773


def test_classes_first_serves_class_one_to_the_unit_and_leaves_little_unused(shared_data: Path) -> None:
    """The price of the order of classes is a few per cent of the best without it, not a third."""
    folder = shared_data / "clearing"
    debts = parse_obligations((folder / "dev_1k_obligations.csv").read_text(), where="dev_1k")
    balances = parse_balances((folder / "dev_1k_balances.csv").read_text(), where="dev_1k")
    payments, funds = queue_of(debts, balances)
    payments = [p for p in payments if p.payer.endswith("/BRL")]
    assert len(payments) == 603
    funds = {account: held for account, held in funds.items() if account.endswith("/BRL")}
    found = release_queue(payments, funds, work=2e5, workers=1, classes="first")
    chosen = set(found.chosen)
    assert sum(p.amount for p in payments if p.id in chosen and p.priority == 1) == CLASS_ONE_MOST
    assert 0.85 * WITHOUT_CLASSES < found.gained < WITHOUT_CLASSES
