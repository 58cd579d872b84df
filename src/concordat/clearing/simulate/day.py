"""A day of payments through the ledger's own core: how much settles, and how late, for how much money to begin with.

Payments arrive over the first nine tenths of the opening hours, at moments drawn from a seed, and each day is run block
by block through `core` (signatures are empty and not looked at, nothing else is simplified), with the money that each
account opens with scaled to a share of gross value, currency by currency. Three ways to settle:

    gross    each payer's payments strictly in turn: one that is too large for the moment stops those of its class
    bypass   one that can't settle stands in nobody's way (the scheme's default)
    netting  as bypass, and every hour a certificate releases what can settle together: one run of HiGHS on the queue
             of a currency, cut off after a few nodes and mended to a maximal set; given longer, `netting.queue_release`
             finds more

Two figures a day, the usual ones of such studies: the share of value settled by the close, and the delay indicator of
Leinonen and Soramaki (*Optimizing liquidity usage and settlement speed in payment systems*, Bank of Finland discussion
paper 16/1999): value times delay over value times the longest possible delay, what never settles counted to the close.
`sweep` repeats days over seeds and gives median and 5 to 95 % of both, for each way and each opening share. Shares add
minor units over currencies; a day's figures in money are per currency and are not added.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from concordat import canonical
from concordat.clearing.core.apply import build
from concordat.clearing.core.instructions import parse
from concordat.clearing.core.model import INSTRUCTIONS_MAX
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.settle import queue_problem, queue_root
from concordat.clearing.core.signatures import Signed, payload_type
from concordat.clearing.core.state import State
from concordat.clearing.settlement import Row, row_uetr
from concordat.clearing.simulate.draws import Draw
from concordat.clearing.simulate.room import central_bank, invented_bics, made_up_scheme, secrets_of
from concordat.errors import InputError, RuleError
from concordat.ledger.entry import Envelope
from concordat.ledger.keys import entry_keyid

WAYS = ("gross", "bypass", "netting")
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
OPENS, CLOSES = 20_000 * DAY_MS + 8 * HOUR_MS, 20_000 * DAY_MS + 18 * HOUR_MS
ARRIVE_UNTIL = 0.9  # of the opening hours
Opening = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class DayResult:
    """One day.

    Attributes:
        settled_share: of value, 0 to 1. delay: the indicator, 0 (all at once) to 1 (nothing before the close).
        settled_minor, gross_minor: by currency. certificates: how many settled.
    """

    settled_share: float
    delay: float
    settled_minor: Mapping[str, int]
    gross_minor: Mapping[str, int]
    certificates: int


@dataclass(frozen=True)
class Day:
    """A day's payments, ready to be run again with other money: instructions signed once, by arrival.

    Attributes:
        rows: under invented BICs. arrivals: ms, rising. signed: the transfers. opening: minor units as given.
        schemes: mode of the queue -> scheme (of the same name, so that signatures fit both).
    """

    rows: tuple[Row, ...]
    arrivals: tuple[int, ...]
    signed: tuple[Signed, ...]
    opening: Opening
    schemes: Mapping[str, Scheme]


def prepare(rows: Sequence[Row], opening: Opening, seed: int) -> Day:
    """A day out of payments: who they are, when they come.

    Args:
        rows: the payments, in any order. opening: (member, currency) -> minor units; empty: by what each has to pay.
        seed: of the moments of arrival.

    Raises:
        InputError: no payments.
    """
    if not rows:
        raise InputError("there are no payments.", hint="Give a file with rows, or generate some.", code="empty")
    bics = invented_bics(sorted({name for row in rows for name in (row.payer, row.payee)}))
    held: dict[str, set[str]] = {bic8: set() for bic8 in bics.values()}
    for row in rows:
        held[bics[row.payer]].add(row.currency)
        held[bics[row.payee]].add(row.currency)
    draw = Draw(f"clearing day {seed}")
    last = int((CLOSES - OPENS) * ARRIVE_UNTIL)
    timed = sorted((OPENS + 1 + draw.below(last), n) for n in range(len(rows)))
    named = [replace(row, payer=bics[row.payer], payee=bics[row.payee]) for row in rows]
    ordered = tuple(named[n] for _, n in timed)
    banks = sorted({central_bank(row.currency) for row in rows})
    secrets = secrets_of([*banks, *held])
    members = {bic8: sorted(codes) for bic8, codes in held.items()}
    schemes = {mode: made_up_scheme(members, secrets, lsm={"mode": mode}) for mode in ("bypass", "strict_fifo")}
    given = {(bics[m], code): amount for (m, code), amount in opening.items() if m in bics}
    keyids = {bic8: entry_keyid(secret.public) for bic8, secret in secrets.items()}
    signed = tuple(_transfer(row, keyids) for row in ordered)
    return Day(ordered, tuple(at for at, _ in timed), signed, given or _by_turnover(ordered), schemes)


def _by_turnover(rows: Sequence[Row]) -> dict[tuple[str, str], int]:
    out: dict[tuple[str, str], int] = {}
    for row in rows:
        out[row.payer, row.currency] = out.get((row.payer, row.currency), 0) + row.amount
    return out


def _seal(facts: dict[str, object], member: str, keyids: Mapping[str, str]) -> Signed:
    """An instruction with an empty signature: blocks are built here, and nobody else takes them."""
    payload = canonical.dumps(
        {"valid_from": OPENS - HOUR_MS, "valid_until": CLOSES + HOUR_MS, "member": member, **facts}
    )
    kind = payload_type("made-up-room")
    envelope = Envelope(kind, payload, ((keyids[member], bytes(64)),))
    return Signed(envelope, envelope.to_bytes(), "made-up-room", parse(payload))


def _transfer(row: Row, keyids: Mapping[str, str]) -> Signed:
    facts = {
        "kind": "transfer", "uetr": row_uetr("day", (row.id,), "pay"), "payer": f"{row.payer}/{row.currency}",
        "payee": f"{row.payee}/{row.currency}", "amount_minor": str(row.amount), "if_short": "queue",
        "priority": row.priority,
    }  # fmt: skip
    return _seal(facts, row.payer, keyids)


def scaled(day: Day, percent: float) -> dict[tuple[str, str], int]:
    """What accounts open with when each currency has this share of its gross value, spread as the day's file does it.

    A currency of which the file gives nobody anything is spread by what each has to pay.
    """
    gross: dict[str, int] = {}
    for row in day.rows:
        gross[row.currency] = gross.get(row.currency, 0) + row.amount
    turnover = _by_turnover(day.rows)
    found: dict[tuple[str, str], int] = {}
    for code, total in gross.items():
        base = {key: amount for key, amount in day.opening.items() if key[1] == code and amount}
        base = base or {key: amount for key, amount in turnover.items() if key[1] == code}
        whole, target = sum(base.values()), int(total * percent / 100)
        found |= {key: amount * target // whole for key, amount in base.items()}
    return {key: amount for key, amount in sorted(found.items()) if amount}


def run_day(
    day: Day, percent: float, way: str, *, block_s: int = 60, every_s: int = 3_600, nodes: int = 20
) -> DayResult:
    """Run a day.

    Args:
        day: as `prepare` made it. percent: opening money, of gross value. way: one of `WAYS`.
        block_s: seconds between blocks that have something to do. every_s: between rounds of certificates.
        nodes: of the solver's tree, per certificate.

    Raises:
        RuleError: the core refused a certificate.
    """
    state = State.genesis(day.schemes["strict_fifo" if way == "gross" else "bypass"])
    keyids = {bic8: entry_keyid(bytes.fromhex(key)) for bic8, key in state.scheme.keys.items()}
    settled_at: dict[str, int] = {}
    _fund(state, scaled(day, percent), keyids)
    certificates = 0
    for time_ms, chunk, round_ in _steps(day, block_s * 1_000, every_s * 1_000 if way == "netting" else 0):
        if chunk:
            _block(state, time_ms, chunk, settled_at)
        if round_:
            certificates += _certificates(state, time_ms, keyids, settled_at, nodes)
    return _result(day, settled_at, certificates)


def _fund(state: State, opening: Opening, keyids: Mapping[str, str]) -> None:
    totals: dict[str, int] = {}
    for (_, code), amount in opening.items():
        totals[code] = totals.get(code, 0) + amount
    issued, paid = [], []
    for code, amount in totals.items():
        facts: dict[str, object] = {"kind": "issue", "currency": code, "amount_minor": str(amount)}
        issued.append(_seal({**facts, "uetr": row_uetr("day", (code,), "issue")}, central_bank(code), keyids))
    for (bic8, code), amount in opening.items():
        bank = central_bank(code)
        facts = {"kind": "transfer", "payer": f"{bank}/{code}", "payee": f"{bic8}/{code}", "amount_minor": str(amount)}
        paid.append(_seal({**facts, "uetr": row_uetr("day", (bic8, code), "fund")}, bank, keyids))
    at = OPENS - HOUR_MS
    for signed in (issued, *(paid[n : n + INSTRUCTIONS_MAX] for n in range(0, len(paid), INSTRUCTIONS_MAX))):
        at += 1
        build(state, at, signed)


def _steps(day: Day, block_ms: int, every_ms: int) -> Iterator[tuple[int, Sequence[Signed], bool]]:
    """The moments at which something is to do: blocks of arrivals, and rounds of certificates behind some of them."""
    place, count = 0, len(day.signed)
    for time_ms in range(OPENS + block_ms, CLOSES + 1, block_ms):
        first = place
        while place < count and day.arrivals[place] <= time_ms and place - first < INSTRUCTIONS_MAX:
            place += 1
        due = bool(every_ms) and (time_ms - OPENS) % every_ms < block_ms
        if place > first or due:
            yield time_ms, day.signed[first:place], due


def _block(state: State, time_ms: int, signed: Sequence[Signed], settled_at: dict[str, int]) -> list[bytes]:
    _, applied = build(state, max(time_ms, state.time_ms + 1), signed)
    for leaf in applied.leaves:
        if b'"code":"settled"' in leaf and b'"kind":"transfer"' in leaf:
            settled_at.setdefault(json.loads(leaf)["uetr"], time_ms)
    state.journal.clear()
    return applied.leaves


def _certificates(state: State, time_ms: int, keyids: Mapping[str, str], settled_at: dict[str, int], nodes: int) -> int:
    """One certificate for each currency with a queue; how many settled."""
    done = 0
    for code in sorted({payment.payer[9:12] for payment in state.payment.values()}):
        at = max(time_ms, state.time_ms + 1)
        certificate = quick_certificate(state, code, at, nodes)
        if certificate is None:
            continue
        uetr = row_uetr("day", (code, state.height), "settle")
        member = state.issuer_of(code)
        signed = _seal({"kind": "settle", "uetr": uetr, "certificate": certificate}, member, keyids)
        leaves = _block(state, at, [signed], settled_at)
        facts = json.loads(leaves[0])
        if facts["code"] != "settled":
            raise RuleError(f"the core refused a certificate: {facts.get('why')}", where=code, code=facts["code"])
        done += 1
    return done


def quick_certificate(state: State, code: str, time_ms: int, nodes: int) -> dict[str, object] | None:
    """A certificate for a currency's queue, found quickly; None if nothing can settle together."""
    import numpy as np

    from concordat.clearing.netting.engine import solve
    from concordat.clearing.netting.part import make_part

    problem = queue_problem(state, code, time_ms, state.height + 1)
    waiting = [payment for payment in problem.payments if not payment.held]
    if len(waiting) < 2:
        return None
    names = sorted({name for payment in waiting for name in (payment.payer, payment.payee)})
    place = {name: n for n, name in enumerate(names)}
    part = make_part(
        np.array([payment.amount for payment in waiting], np.int64),
        np.array([place[payment.payer] for payment in waiting], np.int64),
        np.array([place[payment.payee] for payment in waiting], np.int64),
        np.array([max(0, problem.available[name]) for name in names], np.int64),
    )
    free = np.arange(len(waiting))
    program, _, _ = part.program(free, part.room, np.ones(len(waiting), bool))
    answer = solve(program, nodes=nodes, gap=1e-3)
    if answer.x is None:
        return None
    chosen = part.mend(answer.x[: len(waiting)] > 0.5)
    ids = sorted(payment.id for payment, taken in zip(waiting, chosen.tolist(), strict=True) if taken)
    if not ids:
        return None
    return {
        "problem": "queue", "currency": code, "height": state.height + 1, "state_root": state.root(),
        "queue_root": queue_root(state, code), "mode": problem.mode, "chosen": ids,
        "gained_minor": str(part.total(chosen)), "solver": f"highs, {nodes} nodes",
    }  # fmt: skip


def _result(day: Day, settled_at: Mapping[str, int], certificates: int) -> DayResult:
    settled: dict[str, int] = {}
    gross: dict[str, int] = {}
    late = longest = 0
    for row, arrival, signed in zip(day.rows, day.arrivals, day.signed, strict=True):
        at = settled_at.get(signed.instruction.uetr)
        gross[row.currency] = gross.get(row.currency, 0) + row.amount
        settled[row.currency] = settled.get(row.currency, 0) + (row.amount if at is not None else 0)
        late += row.amount * ((CLOSES if at is None else at) - arrival)
        longest += row.amount * (CLOSES - arrival)
    share = sum(settled.values()) / sum(gross.values())
    return DayResult(share, late / longest, settled, gross, certificates)


# --- Many days --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and 5 to 95 % over runs."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class PointOfCurve:
    """One way at one opening share: percent of gross, runs, settled share (0 to 1), delay (0 to 1)."""

    way: str
    percent: float
    runs: int
    settled: Spread
    delay: Spread


@dataclass(frozen=True)
class Curve:
    """All points, by way and opening share."""

    points: tuple[PointOfCurve, ...]
    payments: int
    members: int
    options: Mapping[str, int] = field(default_factory=dict)


def spread_of(values: Sequence[float]) -> Spread:
    """Quantiles by linear interpolation between order statistics (type 7 of Hyndman and Fan, 1996)."""

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        below = math.floor(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

    ordered = sorted(values)
    return Spread(at(0.05), at(0.5), at(0.95))


def sweep(
    make: Callable[[int], tuple[Sequence[Row], Opening]],
    percents: Sequence[float],
    *,
    runs: int = 20,
    seed: int = 0,
    ways: Sequence[str] = WAYS,
    progress: Callable[[str], None] = lambda _: None,
    **options: int,
) -> Curve:
    """The curve of settled share and delay against opening money.

    Args:
        make: run -> payments and opening balances; the same each time for a given day, or newly generated.
        percents: opening money, of gross value. runs: days a point. seed: of all draws. ways: of `WAYS`.
        progress: hears what is going on. options: as `run_day`.
    """
    found: dict[tuple[str, float], list[DayResult]] = {(way, percent): [] for way in ways for percent in percents}
    members: set[str] = set()
    payments = 0
    for run in range(runs):
        rows, opening = make(run)
        day = prepare(rows, opening, seed + run)
        payments, members = len(day.rows), members | {name for row in day.rows for name in (row.payer, row.payee)}
        for (way, percent), results in found.items():
            results.append(run_day(day, percent, way, **options))
        progress(f"day {run + 1} of {runs}")
    points = tuple(
        PointOfCurve(
            way, percent, len(results), spread_of([one.settled_share for one in results]),
            spread_of([one.delay for one in results]),
        )
        for (way, percent), results in found.items()
    )  # fmt: skip
    return Curve(points, payments, len(members), {"runs": runs, "seed": seed, **options})
