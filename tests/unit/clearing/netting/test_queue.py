"""Queued payments: small queues whose best set is known, modes, classes, limits, what is fixed, the same twice."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.clearing.core.certificates import Limit, QueuedPayment, QueueProblem, check_queue
from concordat.clearing.netting import engine, tasks
from concordat.clearing.netting.budget import Budget
from concordat.clearing.netting.certificate_file import queue_of
from concordat.clearing.netting.curve import one_by_one, settled_shares
from concordat.clearing.netting.generate import generate_obligations
from concordat.clearing.netting.levels import dive, relax
from concordat.clearing.netting.neighbourhood import Search
from concordat.clearing.netting.part import make_part
from concordat.clearing.netting.queue_release import Released, release_queue
from concordat.errors import InputError

WORK = 300_000.0


def pay(
    name: str, payer: str, payee: str, amount: int, priority: int = 1, age: int = 0, held: bool = False
) -> QueuedPayment:
    return QueuedPayment(name, f"{payer}/BRL", f"{payee}/BRL", amount, priority, held, age)


def released(payments: list[QueuedPayment], funds: dict[str, int], **options: object) -> Released:
    available = {f"{member}/BRL": held for member, held in funds.items()}
    return release_queue(payments, available, work=WORK, workers=1, **options)  # type: ignore[arg-type]


GRIDLOCK = [pay("1", "A", "B", 30), pay("2", "B", "C", 25, age=1), pay("3", "C", "A", 28, age=2)]


def test_a_gridlock_dissolves() -> None:
    found = released(GRIDLOCK, {"A": 10, "C": 3})
    assert (found.chosen, found.gained) == (("1", "2", "3"), 83)
    one = found.by_currency["BRL"]
    assert found.gained <= one.claim <= one.bound


def test_large_before_small_where_only_one_fits() -> None:
    payments = [pay("small", "A", "B", 4), pay("large", "A", "B", 9, age=1), pay("rest", "A", "B", 2, age=2)]
    assert released(payments, {"A": 11}).chosen == ("large", "rest")


def test_what_always_fits_is_fixed_and_feeds_others() -> None:
    payments = [pay("1", "A", "B", 10), pay("2", "B", "C", 10), pay("3", "C", "D", 11)]
    assert released(payments, {"A": 10}).chosen == ("1", "2")


def test_held_payments_stay() -> None:
    found = released([pay("1", "A", "B", 5, held=True), pay("2", "A", "B", 4)], {"A": 100})
    assert found.chosen == ("2",)
    assert found.by_currency["BRL"].held == 1


def test_strict_order() -> None:
    """A's first is too large for its funds, so nothing of A's class settles; another class of A does."""
    payments = [pay("1", "A", "B", 20), pay("2", "A", "B", 5, age=1), pay("3", "A", "B", 4, priority=2, age=2)]
    assert released(payments, {"A": 10}, mode="strict_fifo").chosen == ("3",)
    assert released(payments, {"A": 10}).chosen == ("2", "3")


def test_classes_first() -> None:
    """Together the best is the large payment of class 3; first come first served is the small one of class 1."""
    payments = [pay("1", "A", "B", 6, priority=1), pay("2", "A", "B", 10, priority=3, age=1)]
    assert released(payments, {"A": 10}).gained == 10
    assert released(payments, {"A": 10}, classes="first").chosen == ("1",)


def test_classes_first_may_use_what_later_classes_bring() -> None:
    """B can pay its class 1 only with what A's class 3 brings: a class is served with the help of all."""
    payments = [
        pay("1", "B", "C", 8, priority=1),
        pay("2", "A", "B", 9, priority=3),
        pay("3", "A", "D", 10, priority=2),
    ]
    found = released(payments, {"A": 10}, classes="first")
    assert found.chosen == ("1", "2")


@pytest.mark.parametrize(
    ("limit", "chosen"),
    [
        (Limit("day_out", "A/BRL", None, 29), ()),
        (Limit("bilateral", "A/BRL", "B/BRL", 29), ()),
        (Limit("multilateral", "A/BRL", None, 1), ()),
        (Limit("multilateral", "A/BRL", None, 2), ("1", "2", "3")),
    ],
)
def test_limits(limit: Limit, chosen: tuple[str, ...]) -> None:
    assert released(GRIDLOCK, {"A": 10, "C": 3}, limits=[limit]).chosen == chosen


def test_an_account_below_its_floor_pays_from_what_it_gets() -> None:
    payments = [pay("1", "A", "B", 50), pay("2", "B", "C", 30)]
    assert released(payments, {"A": 50, "B": -20}).chosen == ("1", "2")
    assert released(payments, {"A": 50, "B": -21}).chosen == ("1",)


def test_currencies_do_not_mix() -> None:
    payments = [QueuedPayment("1", "A/BRL", "B/BRL", 5), QueuedPayment("2", "A/CNY", "B/CNY", 5)]
    found = release_queue(payments, {"A/BRL": 5, "A/CNY": 4}, work=WORK, workers=1)
    assert found.chosen == ("1",)
    assert {code: one.gained for code, one in found.by_currency.items()} == {"BRL": 5, "CNY": 0}


def test_nothing_to_settle() -> None:
    assert release_queue([], {}, work=WORK).chosen == ()


@pytest.mark.parametrize(
    ("payments", "options", "code"),
    [
        ([pay("1", "A", "B", 1), pay("1", "A", "B", 1)], {}, "duplicate_id"),
        ([pay("1", "A", "B", 0)], {}, "bad_amount"),
        ([], {"mode": "fifo"}, "unknown_choice"),
        ([], {"classes": "last"}, "unknown_choice"),
    ],
)
def test_bad_input(payments: list[QueuedPayment], options: dict[str, str], code: str) -> None:
    with pytest.raises(InputError) as caught:
        released(payments, {}, **options)
    assert caught.value.code == code


@pytest.fixture(scope="module")
def day() -> tuple[list[QueuedPayment], dict[str, int]]:
    debts, balances = generate_obligations(250, seed=7)
    return queue_of(debts, balances)


def test_the_same_work_and_seed_give_the_same_set(day: tuple[list[QueuedPayment], dict[str, int]]) -> None:
    payments, funds = day
    one = release_queue(payments, funds, work=3e5, seed=3, workers=1)
    other = release_queue(list(reversed(payments)), dict(reversed(funds.items())), work=3e5, seed=3, workers=2)
    assert one.chosen == other.chosen
    assert one.certificate("BRL") == other.certificate("BRL")


def test_netting_settles_more_than_one_by_one(day: tuple[list[QueuedPayment], dict[str, int]]) -> None:
    payments, funds = day
    found = release_queue(payments, funds, work=3e5, workers=1)
    assert found.gained > one_by_one(payments, funds, passing=True) >= one_by_one(payments, funds, passing=False)


@pytest.mark.parametrize("mode", ["bypass", "strict_fifo", "set"])
@pytest.mark.parametrize("classes", ["together", "first"])
def test_every_mode_gives_a_set_that_holds(
    day: tuple[list[QueuedPayment], dict[str, int]], mode: str, classes: str
) -> None:
    """The result was checked on the way; here again, from its certificate, per currency."""
    payments, funds = day
    found = release_queue(payments, funds, work=1e5, workers=1, mode=mode, classes=classes)
    for code, one in found.by_currency.items():
        mine = [p for p in payments if p.payer.endswith(code)]
        own = {account: held for account, held in funds.items() if account.endswith(code)}
        checked = check_queue(QueueProblem(mine, own, (), mode), one.chosen, one.prices_e6)
        assert (checked.gained, checked.bound) == (one.gained, one.bound)


def test_the_curve_rises(day: tuple[list[QueuedPayment], dict[str, int]]) -> None:
    payments, funds = day
    points = settled_shares(payments, funds, [0.0, 5.0, 100.0], work=1e5, workers=1)
    assert [p.opening for p in points] == [0.0, 5.0, 100.0]
    shares = [p.released for p in points]
    assert shares == sorted(shares)
    assert all(p.in_order <= p.bypass <= p.bound and p.released <= p.bound for p in points)
    with pytest.raises(InputError, match="AED"):
        settled_shares(payments, {}, [1.0])


def test_a_dive_and_its_mending(day: tuple[list[QueuedPayment], dict[str, int]]) -> None:
    """What queues of more than 6,000 payments go through, on a small one: the mended set settles and is maximal."""
    debts, balances = generate_obligations(300, members=20, seed=5)
    rows = debts.currency == debts.currencies.index("BRL")
    funds = np.array([balances.get((member, "BRL"), 0) for member in debts.members])
    part = make_part(debts.amount[rows], debts.payer[rows], debts.payee[rows], funds)
    relaxed, prices = relax(part)
    begun = dive(part, Budget(work=1e7))
    assert part.value[begun.x].sum() <= 1.5 * relaxed.value
    search = Search(part, begun.x, 1, relaxed.x)
    search.mend(Budget(work=1e6))
    search.chains(Budget(work=1e5))
    left = part.left(search.x)
    assert (left >= 0).all()
    out = ~search.x
    assert (left[part.payer[out]] < part.amount[out]).all()
    assert part.value[search.x].sum() <= relaxed.value + 1e-6
    assert (prices >= 0).all()


def test_without_the_binding_scipy_answers(
    day: tuple[list[QueuedPayment], dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SciPy's public functions find sets that hold as well."""
    payments, funds = day
    monkeypatch.setattr(engine, "binding", lambda: None)
    found = release_queue(payments, funds, work=3e5, workers=1)
    assert one_by_one(payments, funds, passing=True) < found.gained <= found.bound


def test_a_worker_that_dies_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task is done by another process; the result is the one of this process alone."""
    debts, balances = generate_obligations(300, seed=2)
    payments, funds = queue_of(debts, balances)
    alone = release_queue(payments, funds, work=3e5, workers=1)
    started = tasks._start

    def dying() -> object:
        child = started()
        child.kill()
        return child

    monkeypatch.setattr(tasks, "_start", dying)
    assert release_queue(payments, funds, work=3e5, workers=2).chosen == alone.chosen
