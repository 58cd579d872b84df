"""Which queued payments settle now, together, so that as much value as possible does: problem B.

Payments are indivisible, all chosen ones settle at one instant, and no account may end below 0: the bank clearing
problem (Guntzer, Jungnickel and Leclerc, *EJOR* 106, 1998), NP-hard. The queue is split into parts that share no
account (currencies, then components); payments of accounts that can't run short are fixed; each part gets time by the
value at stake and is solved in a process of its own (`tasks`): linear relaxation and prices, bypass as a floor, levels
or a dive (`levels`), neighbourhoods and chains (`neighbourhood`). The whole is made maximal, and checked as a validator
would before it is handed over.

With `work` and no deadline the result depends on nothing but the queue and the seed. With a deadline, it depends on the
machine as well. The certificate is exact in either case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from concordat.clearing.core.certificates import (
    MODES,
    PRICE_ONE,
    Limit,
    QueuedPayment,
    QueueProblem,
    Rooms,
    check_queue,
    place_in_queue,
)
from concordat.clearing.netting.budget import INFINITE, Budget
from concordat.clearing.netting.part import Part, make_part
from concordat.clearing.netting.tables import AMOUNT_MAX, TOTAL_MAX
from concordat.clearing.netting.tasks import Crew, Found, Task
from concordat.errors import InputError

WORK_DEFAULT = 10**7
MARGIN_S, MARGIN_A_PAYMENT_S = 0.4, 25e-6  # of the deadline, kept for putting parts together and checking them
LEAST_S = 0.3  # for a part, however small
STAKE_POWER = 0.8  # time goes by gross value to this power: the largest part is not twice as hard at twice the value
CLASSES = ("together", "first")
ROUNDS = 50


@dataclass(frozen=True, slots=True)
class CurrencyResult:
    """What became of one currency; minor units.

    `bound` is certified: anyone can recompute it from `prices_e6`. `claim` is what the solver says that no set exceeds:
    tighter, and to be believed or not.
    """

    currency: str
    payments: int
    held: int
    gross: int
    chosen: tuple[str, ...]
    gained: int
    bound: int
    claim: int
    prices_e6: Mapping[str, int]

    @property
    def claimed_gap(self) -> float:
        """By how much of itself the result can fall short of the best, if the solver is right; nothing: infinite."""
        return max(0, self.claim - self.gained) / self.gained if self.gained else INFINITE if self.claim else 0.0


@dataclass(frozen=True, slots=True)
class Released:
    """A set to settle. `chosen` are ids, ascending; `by_currency` has the certificates' contents."""

    chosen: tuple[str, ...]
    gained: int
    bound: int
    claim: int
    mode: str
    by_currency: Mapping[str, CurrencyResult]
    seed: int

    def certificate(self, currency: str) -> dict[str, object]:
        """The settlement certificate of one currency, less height and roots, which the proposer's ledger knows."""
        one = self.by_currency[currency]
        return {
            "kind": "settle", "problem": "queue", "currency": currency, "mode": self.mode, "chosen": list(one.chosen),
            "gained_minor": str(one.gained), "bound_minor": str(one.bound),
            "prices_e6": {account: str(price) for account, price in one.prices_e6.items()},
            "solver": f"highs seed {self.seed}, claims gap {one.claimed_gap:.2g}",
        }  # fmt: skip


@dataclass(slots=True)
class _Piece:
    """A part on its way: its payments by row, its result."""

    rows: np.ndarray
    accounts: np.ndarray
    part: Part
    stake: float
    classes: np.ndarray | None
    found: Found | None = None


def currency_of(account: str) -> str:
    """The currency of an account `<member>/<currency>[/<tag>]`; empty where the name has another form."""
    words = account.split("/")
    return words[1] if len(words) > 1 else ""


def release_queue(
    payments: Sequence[QueuedPayment], available: Mapping[str, int], *, limits: Sequence[Limit] = (),
    mode: str = "bypass", classes: str = "together", work: float | None = None, seed: int = 0,
    deadline_s: float | None = None, workers: int = 2,
    progress: Callable[[str, int, int], None] | None = None,
) -> Released:  # fmt: skip
    """The best set found of queued payments, with its certificate.

    Args:
        payments: the queue; accounts of any number of currencies (`<member>/<currency>`).
        available: what each account can spend, minor units; an account that is missing has nothing.
        limits: what payers may pay at most (`certificates.Limit`).
        mode: `bypass`, `strict_fifo` or `set` (`certificates.QueueProblem`).
        classes: `together`: every minor unit counts the same; `first`: the value of class 1 comes first and is kept
            while class 2 is served, and so on. Why the first is the default: docs/explanation/netting.md, Classes.
        work: units of work to spend (`budget`); default 10^7 without a deadline, else no limit.
        seed: of everything drawn.
        deadline_s: seconds of wall clock.
        workers: processes.
        progress: hears currency, minor units chosen, and the solver's claim, whenever a part is done.

    Raises:
        InputError: a mode or classes that don't exist, an id twice, an amount outside [1, 10^18), a payment between two
            currencies, work or seconds that are no finite number.
    """
    check_limits(work, deadline_s)
    if mode not in MODES or classes not in CLASSES:
        wrong, known = (mode, MODES) if mode not in MODES else (classes, CLASSES)
        raise InputError(
            f'"{wrong}" is not a choice.', hint=f"Choose one of {', '.join(known)}.", code="unknown_choice"
        )
    total = Budget(
        seconds=INFINITE if deadline_s is None else max(0.0, deadline_s - MARGIN_S - MARGIN_A_PAYMENT_S * len(payments))
    )
    work = (WORK_DEFAULT if deadline_s is None else INFINITE) if work is None else work
    with Crew(workers if len(payments) > 200 else 1) as crew:
        queue = _Queue(payments, available, limits, mode, classes == "first")
        _solve(crew, queue, total, work, seed, max(1, workers), progress)
    return queue.result(seed)


def check_limits(work: float | None, deadline_s: float | None) -> None:
    """Work and seconds of a search are finite: without either it would never end."""
    for name, value in (("work", work), ("deadline_s", deadline_s)):
        if value is not None and not 0 <= value < INFINITE:
            raise InputError(f"{value} is no {name}.", hint="Give a finite number, 0 or more.", code="bad_limit")


class _Queue:
    """The queue as columns, cut into pieces."""

    def __init__(
        self, payments: Sequence[QueuedPayment], available: Mapping[str, int], limits: Sequence[Limit], mode: str,
        by_class: bool,
    ) -> None:  # fmt: skip
        self.payments = sorted(payments, key=place_in_queue)
        if len({p.id for p in payments}) < len(payments):
            raise InputError("An id stands twice in the queue.", code="duplicate_id",
                             hint="An id names one payment for ever.")  # fmt: skip
        if wrong := next((p for p in payments if not 1 <= p.amount <= AMOUNT_MAX), None):
            raise InputError(f"An amount of {wrong.amount} minor units can't settle.", where=wrong.id,
                             hint="Amounts are whole minor units, 1 or more, less than 10^18.",
                             code="bad_amount")  # fmt: skip
        names = sorted({*available, *(p.payer for p in payments), *(p.payee for p in payments)})
        self.accounts = names
        self.available = {name: int(available.get(name, 0)) for name in names}
        place = {name: n for n, name in enumerate(names)}
        self.limits, self.mode = tuple(limit for limit in limits if limit.payer in place), mode
        self.place = place
        self.payer = np.array([place[p.payer] for p in self.payments], np.int64)
        self.payee = np.array([place[p.payee] for p in self.payments], np.int64)
        self.amount = np.array([p.amount for p in self.payments], np.int64)
        self.x = np.zeros(len(payments), bool)
        held = np.array([p.held for p in self.payments], bool)
        searched = self._searched(held)
        self.beyond = np.flatnonzero(~held & ~searched)
        # More than an account has to pay is of no use to it: so capped, no sum of funds leaves 64 bits.
        owed = np.zeros(len(names), np.int64)
        np.add.at(owed, self.payer[searched], self.amount[searched])
        funds = np.array(
            [max(-1, min(self.available[name], most)) for name, most in zip(names, owed.tolist(), strict=True)],
            np.int64,
        )
        # An account below its floor pays nothing until the last pass, when what it gets is known.
        self.open = searched & (funds[self.payer] >= 0) if len(payments) else held
        self.funds = np.maximum(funds, 0)
        if mode != "strict_fifo":
            self._fix_what_always_fits()
        self.pieces = self._cut(by_class)

    def _searched(self, held: np.ndarray) -> np.ndarray:
        """Which payments are decided by the search: what is not held and, in each currency, adds up within 64 bits.

        Anybody may queue payments that nobody has the money for. Where they come to 9 x 10^18 the largest are left to
        the last pass, and the others settle as if they weren't there.
        """
        codes = [currency_of(name) for name in self.accounts]
        known = sorted(set(codes))
        number = {code: n for n, code in enumerate(known)}
        code = np.array([number[one] for one in codes], np.int64)
        if (mixed := np.flatnonzero(code[self.payer] != code[self.payee])).size:
            wrong = self.payments[int(mixed[0])]
            raise InputError(f"{wrong.payer} and {wrong.payee} are of two currencies.", where=wrong.id,
                             hint="A payment has one; two make a trade.", code="mixed_currencies")  # fmt: skip
        searched = ~held
        of_row = code[self.payer]
        about = np.bincount(of_row[searched], self.amount[searched], len(known))
        for n in np.flatnonzero(about > TOTAL_MAX / 2).tolist():
            total = 0
            rows = np.flatnonzero(searched & (of_row == n)).tolist()
            for row in sorted(rows, key=self.amount.tolist().__getitem__):
                total += int(self.amount[row])
                searched[row] = total < TOTAL_MAX
        if self.mode == "strict_fifo" and not searched[~held].all():
            stopped: set[tuple[int, int]] = set()
            for row in np.flatnonzero(~held).tolist():
                place = (int(self.payer[row]), self.payments[row].priority)
                if not searched[row]:
                    stopped.add(place)
                searched[row] = place not in stopped
        return searched

    def _fix_what_always_fits(self) -> None:
        """Choose the payments of accounts that could pay everything at once, until there are no more such."""
        bound = np.zeros(len(self.accounts), bool)
        for limit in self.limits:
            bound[self.place[limit.payer]] = True
        for _ in range(ROUNDS):
            rows = np.flatnonzero(self.open)
            owed = np.zeros(len(self.accounts), np.int64)
            np.add.at(owed, self.payer[rows], self.amount[rows])
            sure = (owed <= self.funds) & ~bound
            fixed = rows[sure[self.payer[rows]]]
            if not len(fixed):
                return
            self.x[fixed] = True
            self.open[fixed] = False
            np.subtract.at(self.funds, self.payer[fixed], self.amount[fixed])
            np.add.at(self.funds, self.payee[fixed], self.amount[fixed])

    def _cut(self, by_class: bool) -> list[_Piece]:
        """Pieces that share no account, largest stake first."""
        rows = np.flatnonzero(self.open)
        if not len(rows):
            return []
        label = _components(len(self.accounts), self.payer[rows], self.payee[rows])
        of_row = label[self.payer[rows]]
        order = np.argsort(of_row, kind="stable")
        cuts = np.flatnonzero(np.diff(of_row[order])) + 1
        pieces = [self._piece(np.sort(rows[group]), by_class) for group in np.split(order, cuts)]
        return sorted(pieces, key=lambda piece: (-piece.stake, int(piece.rows[0])))

    def _piece(self, rows: np.ndarray, by_class: bool) -> _Piece:
        accounts = np.unique(np.r_[self.payer[rows], self.payee[rows]])
        local = {int(account): n for n, account in enumerate(accounts.tolist())}
        limits = [
            (limit, local[self.place[limit.payer]], local.get(self.place.get(limit.payee or "", -1)))
            for limit in self.limits
            if self.place[limit.payer] in local
        ]
        before = self._before(rows) if self.mode == "strict_fifo" else None
        part = make_part(
            self.amount[rows], np.searchsorted(accounts, self.payer[rows]), np.searchsorted(accounts, self.payee[rows]),
            self.funds[accounts], limits, before,
        )  # fmt: skip
        classes = np.array([self.payments[n].priority for n in rows.tolist()]) if by_class else None
        return _Piece(rows, accounts, part, float(self.amount[rows].sum()) ** STAKE_POWER, classes)

    def _before(self, rows: np.ndarray) -> np.ndarray:
        """For each payment, the position of the one before it in the queue of its payer and class, or -1."""
        last: dict[tuple[str, int], int] = {}
        before = []
        for n, row in enumerate(rows.tolist()):
            key = (self.payments[row].payer, self.payments[row].priority)
            before.append(last.get(key, -1))
            last[key] = n
        return np.array(before, np.int64)

    def result(self, seed: int) -> Released:
        """Put the pieces together, add what fits beside them, check, and give every currency its own result."""
        prices = np.zeros(len(self.accounts))
        claims: dict[str, float] = {}
        for row in np.flatnonzero(self.x).tolist():
            code = currency_of(self.payments[row].payer)
            claims[code] = claims.get(code, 0.0) + float(self.amount[row])
        for row in self.beyond.tolist():
            code = currency_of(self.payments[row].payer)
            claims[code] = claims.get(code, 0.0) + float(self.amount[row])
        for piece in self.pieces:
            if piece.found is not None:
                self.x[piece.rows] = piece.found.x
                prices[piece.accounts] = piece.found.prices[: len(piece.accounts)]
            code = currency_of(self.payments[int(piece.rows[0])].payer)
            claims[code] = claims.get(code, 0.0) + (piece.found.claim if piece.found else float("inf"))
        chosen = {self.payments[n].id for n in np.flatnonzero(self.x).tolist()}
        self._add_what_fits(chosen)
        return self._by_currency(chosen, np.rint(prices * PRICE_ONE).astype(np.int64).tolist(), claims, seed)

    def _add_what_fits(self, chosen: set[str]) -> None:
        """Make the whole maximal, oldest first: accounts below their floor may have got enough by now."""
        end = dict(self.available)
        rooms = Rooms(self.limits)
        picked = [p for p in self.payments if p.id in chosen]
        for p in picked:
            end[p.payer] -= p.amount
            end[p.payee] += p.amount
        rooms.spend(picked)
        added = self.mode != "strict_fifo"
        while added:
            added = False
            for p in self.payments:
                if end[p.payer] < p.amount or p.id in chosen or p.held or rooms.refuses(p):
                    continue
                chosen.add(p.id)
                end[p.payer] -= p.amount
                end[p.payee] += p.amount
                rooms.spend([p])
                added = True

    def _by_currency(self, chosen: set[str], price: list[int], claims: Mapping[str, float], seed: int) -> Released:
        grouped: dict[str, list[QueuedPayment]] = {}
        for p in self.payments:
            grouped.setdefault(currency_of(p.payer), []).append(p)
        results = {}
        for code in sorted(grouped):
            own = {name: held for name, held in self.available.items() if currency_of(name) == code}
            mine = [limit for limit in self.limits if currency_of(limit.payer) == code]
            problem = QueueProblem(grouped[code], own, mine, self.mode)
            picked = tuple(sorted(p.id for p in grouped[code] if p.id in chosen))
            prices = {name: price[self.place[name]] for name in own if price[self.place[name]] > 0}
            checked = check_queue(problem, picked, prices)
            assert checked.bound is not None
            claim = min(checked.bound, int(min(claims.get(code, 0.0), 9e18)) + 1)
            results[code] = CurrencyResult(
                code, len(grouped[code]), sum(p.held for p in grouped[code]), sum(p.amount for p in grouped[code]),
                picked, checked.gained, checked.bound, max(claim, checked.gained), prices,
            )  # fmt: skip
        return Released(
            tuple(sorted(chosen)), sum(r.gained for r in results.values()), sum(r.bound for r in results.values()),
            sum(r.claim for r in results.values()), self.mode, results, seed,
        )  # fmt: skip


def _components(count: int, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """A label for each account: equal where payments connect them. Labels fall to the least one of a component."""
    label = np.arange(count)
    while True:
        least = np.minimum(label[one], label[two])
        new = label.copy()
        np.minimum.at(new, one, least)
        np.minimum.at(new, two, least)
        new = new[new]
        if (new == label).all():
            return label
        label = new


def _solve(
    crew: Crew, queue: _Queue, total: Budget, work: float, seed: int, workers: int,
    progress: Callable[[str, int, int], None] | None,
) -> None:  # fmt: skip
    """A first round over all pieces, time by stake; while a deadline leaves time, rounds where most is missing."""
    pieces = queue.pieces
    stakes = sum(piece.stake for piece in pieces)
    ahead = stakes
    running: dict[int, float] = {}  # piece -> how much time of the whole will be left when its own is over

    def done(number: int, found: Found) -> None:
        piece = pieces[number]
        running.pop(number, None)
        if piece.found is not None:
            found.claim = min(found.claim, piece.found.claim)
        piece.found = found
        if progress is not None:
            code = currency_of(queue.payments[int(piece.rows[0])].payer)
            progress(code, piece.part.total(found.x), int(min(found.claim, float(piece.part.amount.sum()))))

    def first(number: int) -> Task:
        nonlocal ahead
        piece, left = pieces[number], total.seconds
        promised = sum(left - end for end in list(running.values())) if left < INFINITE else 0.0
        seconds = min(left, max(LEAST_S, (workers * left - promised) * piece.stake / max(ahead, 1e-9)))
        ahead -= piece.stake
        running[number] = left - seconds if left < INFINITE else 0.0
        return Task(piece.part, seconds, work * piece.stake / max(stakes, 1e-9), seed, classes=piece.classes)

    crew.do([partial(first, n) for n in range(len(pieces))], done)
    turn = 1
    while work == INFINITE and total.seconds > LEAST_S and (again := _most_missing(pieces, workers)):
        _again(crew, pieces, again, total, total.seconds if turn > 3 else total.seconds / 2, seed + turn, done)
        turn += 1


def _again(
    crew: Crew, pieces: list[_Piece], again: list[int], total: Budget, seconds: float, seed: int,
    done: Callable[[int, Found], None],
) -> None:  # fmt: skip
    """One more round, each piece from where it stands."""

    def make(number: int) -> Task:
        piece = pieces[number]
        assert piece.found is not None
        return Task(piece.part, min(seconds, total.seconds), INFINITE, seed, piece.found.x)

    crew.do([partial(make, n) for n in again], lambda turn, found: done(again[turn], found))


def _most_missing(pieces: list[_Piece], workers: int) -> list[int]:
    """The pieces whose solver claims that most is missing, one for each worker."""
    missing = [
        (piece.found.claim - piece.part.total(piece.found.x), n)
        for n, piece in enumerate(pieces)
        if piece.found is not None and piece.classes is None
    ]
    worst = sorted((entry for entry in missing if entry[0] > 1e-4 * pieces[entry[1]].part.amount.sum()), reverse=True)
    return [n for _, n in worst[:workers]]
