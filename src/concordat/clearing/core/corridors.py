"""May this payer pay this payee now: corridors, their windows, caps and purposes, and the hours of the currency.

A corridor leads from payers to payees (countries or members) in currencies or pairs. A payment between accounts of one
member needs none. Of several that fit, the first in the scheme's order that is open and has room is used. Caps are per
payment (`cap_minor`: beyond is refused) and per UTC day (`cap_day_minor`: beyond waits). Closing never voids what
waits.
"""

from __future__ import annotations

from concordat.clearing.core.model import Used, currency_of, owner_of
from concordat.clearing.core.run import Fault, Run, fault
from concordat.clearing.core.scheme import Corridor, Scheme, is_open


def standing_way(
    run: Run, payer: str, payee: str, amount: int, purpose: str, pair: tuple[str, str] | None
) -> Fault | None:
    """Why no corridor takes the payment at any hour; None if one does."""
    if owner_of(payer) == owner_of(payee):
        return None
    found = _routes(run.state.scheme, payer, payee, pair)
    currency = currency_of(payer)
    if not found:
        near = run.state.scheme.nearest_corridor(owner_of(payer), owner_of(payee), currency)
        return fault("no_corridor", nearest_corridor=near)
    fitting = [c for c in found if not c.purposes or purpose in c.purposes or pair is not None]
    if not fitting:
        return fault("purpose_not_allowed", corridor=found[0].id)
    if all(amount > c.cap.get(currency, amount) for c in fitting):
        widest = max(fitting, key=lambda c: c.cap[currency])
        return fault("over_limit", need=amount, have=widest.cap[currency], limit="corridor", corridor=widest.id)
    return None


def passing_way(
    run: Run, payer: str, payee: str, amount: int, purpose: str, pair: tuple[str, str] | None
) -> Fault | None:
    """Why the payment must wait for an hour or a day; None if it need not."""
    scheme = run.state.scheme
    currency = currency_of(payer)
    if not is_open(scheme.currencies[currency].windows, run.time_ms):
        return fault("window_closed", closed=currency)
    if owner_of(payer) == owner_of(payee):
        return None
    return None if _way(run, payer, payee, amount, purpose, pair) else _closed(run, payer, payee, amount, pair)


def _routes(scheme: Scheme, payer: str, payee: str, pair: tuple[str, str] | None) -> tuple[Corridor, ...]:
    if pair is None:
        return scheme.routes(owner_of(payer), owner_of(payee), currency_of(payer))
    return scheme.pair_routes(owner_of(payer), owner_of(payee), *pair)


def _way(run: Run, payer: str, payee: str, amount: int, purpose: str, pair: tuple[str, str] | None) -> Corridor | None:
    currency = currency_of(payer)
    for corridor in _routes(run.state.scheme, payer, payee, pair):
        if corridor.purposes and purpose not in corridor.purposes and pair is None:
            continue
        if amount > corridor.cap.get(currency, amount) or not is_open(corridor.windows, run.time_ms):
            continue
        if amount <= _room(run, corridor, currency, amount):
            return corridor
    return None


def _room(run: Run, corridor: Corridor, currency: str, amount: int) -> int:
    """What the corridor's cap of the day still lets through; the amount itself where there is none."""
    cap = corridor.cap_day.get(currency)
    if cap is None:
        return amount
    used = run.state.used.get(f"{corridor.id}/{currency}")
    return cap - (used.amount if used and used.day == run.day else 0)


def _closed(run: Run, payer: str, payee: str, amount: int, pair: tuple[str, str] | None) -> Fault:
    currency = currency_of(payer)
    routes = _routes(run.state.scheme, payer, payee, pair)
    for corridor in routes:
        if is_open(corridor.windows, run.time_ms) and amount > _room(run, corridor, currency, amount):
            have = _room(run, corridor, currency, amount)
            return fault("over_limit", need=amount, have=have, limit="corridor_day", corridor=corridor.id)
    return fault("window_closed", closed=routes[0].id if routes else currency)


def use_way(run: Run, payer: str, payee: str, amount: int, purpose: str, pair: tuple[str, str] | None) -> None:
    """Count a payment that settles against the corridor that it takes."""
    if owner_of(payer) == owner_of(payee):
        return
    corridor = _way(run, payer, payee, amount, purpose, pair)
    currency = currency_of(payer)
    if corridor is not None and currency in corridor.cap_day:
        key = f"{corridor.id}/{currency}"
        used = run.state.used.get(key)
        before = used.amount if used and used.day == run.day else 0
        run.state.put(run.state.used, key, Used(run.day, before + amount))


def is_plain(run: Run, payer: str, payee: str, purpose: str) -> bool:
    """Whether the first corridor takes any such payment now, without a cap to count against."""
    if owner_of(payer) == owner_of(payee):
        return True
    currency = payer[9:12]
    found = run.state.scheme.routes(payer[:8], payee[:8], currency)
    if not found:
        return False
    first = found[0]
    key = (first.id, currency, purpose)
    plain = run.plain.get(key)
    if plain is None:
        plain = currency not in first.cap and currency not in first.cap_day and is_open(first.windows, run.time_ms)
        run.plain[key] = plain = plain and (not first.purposes or purpose in first.purposes)
    return plain


def openness(scheme: Scheme, time_ms: int) -> tuple[bool, ...]:
    """Which currencies and corridors are open at a moment, in a fixed order."""
    return tuple(
        is_open(windows, time_ms)
        for windows in (*(c.windows for c in scheme.currencies.values()), *(c.windows for c in scheme.corridors))
    )
