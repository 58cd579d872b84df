"""A file of certificates, and whether it says the truth about the files it names.

`concordat clearing net --out` writes one: the SHA-256 of the files that were netted, and one certificate for each
currency (queue, divisible) or one for all trades. It says what a `settle` instruction says (section 6 of the
specification), less height and roots, which only a ledger has; some keys differ (`KEYS`). `check` needs those files
and no solver. Whole numbers are decimal text; an unknown or missing key is refused; every figure in the file is
recomputed, save `solver`, which is the solver's word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from concordat.canonical import loads
from concordat.clearing.core.certificates import (
    QueuedPayment,
    QueueProblem,
    TradePrices,
    TradesProblem,
    check_divisible,
    check_queue,
    check_trades,
)
from concordat.clearing.netting.circulation import Cleared
from concordat.clearing.netting.notices import debts_of
from concordat.clearing.netting.pvp import Selected
from concordat.clearing.netting.queue_release import Released, currency_of
from concordat.clearing.netting.tables import Obligations
from concordat.errors import InputError, RuleError, TrustError
from concordat.settings import unknown_key

SCHEMA = "concordat/certificates@1"
KEYS = {
    "divisible": ("kind", "problem", "currency", "set_off", "potentials", "cleared_minor"),
    "queue": ("kind", "problem", "currency", "mode", "chosen", "gained_minor", "bound_minor", "prices_e6", "solver"),
    "trades": (
        "kind",
        "problem",
        "chosen",
        "gained_value",
        "bound_value",
        "short_e6",
        "cover_e6",
        "slope_bp",
        "solver",
    ),
}
ROLES = ("obligations", "balances", "trades", "members", "rates")
BYTES_MAX = 500_000_000
SOLVER_MAX, NAME_MAX = 200, 255


@dataclass(frozen=True, slots=True)
class Proved:
    """What one certificate proves: figures in minor units, or in units of value for trades."""

    problem: str
    currency: str
    count: int
    gained: int
    bound: int | None


def queue_of(debts: Obligations, balances: Mapping[tuple[str, str], int]) -> tuple[list[QueuedPayment], dict[str, int]]:
    """A file of obligations as a queue: accounts `<member>/<currency>`, the order of rows as age.

    A slash in a member's name ("Cia S/A") is written %2F, and a per cent sign %25: the second part is the currency.
    """
    account = [[_account(member, code) for member in debts.members] for code in debts.currencies]
    payments = [
        QueuedPayment(name, account[c][p], account[c][q], amount, priority, held, age)
        for age, (name, p, q, c, amount, priority, held) in enumerate(
            zip(
                debts.ids, debts.payer.tolist(), debts.payee.tolist(), debts.currency.tolist(), debts.amount.tolist(),
                debts.priority.tolist(), debts.held.tolist(), strict=True,
            )
        )
    ]  # fmt: skip
    available = {name: 0 for one in account for name in one}
    available.update((_account(member, code), held) for (member, code), held in balances.items())
    return payments, available


def _account(member: str, code: str) -> str:
    return f"{member.replace('%', '%25').replace('/', '%2F')}/{code}"


def sha256_of(content: bytes) -> str:
    """`sha256:` and the digest."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def write(files: Mapping[str, tuple[str, bytes]], certificates: Sequence[Mapping[str, Any]]) -> str:
    """The file: `files` by role (`obligations`, `balances`, `trades`, `members`, `rates`) as (name, content)."""
    named = {role: {"name": name, "sha256": sha256_of(content)} for role, (name, content) in files.items()}
    facts = {"schema": SCHEMA, "files": named, "certificates": list(certificates)}
    return json.dumps(facts, ensure_ascii=False, indent=0) + "\n"


def of_cleared(cleared: Cleared) -> list[dict[str, Any]]:
    """The certificates of a set-off, one for each currency."""
    debts, made = cleared.debts, []
    for place, code in enumerate(debts.currencies):
        rows = np.flatnonzero((debts.currency == place) & (cleared.set_off > 0)).tolist()
        made.append({
            "kind": "settle", "problem": "divisible", "currency": code,
            "set_off": {debts.ids[n]: str(int(cleared.set_off[n])) for n in rows},
            "potentials": {member: str(value) for member, value in cleared.potentials[code].items()},
            "cleared_minor": str(cleared.cleared[code]),
        })  # fmt: skip
    return made


def of_released(released: Released) -> list[dict[str, Any]]:
    """The certificates of a released queue, one for each currency."""
    return [released.certificate(code) for code in released.by_currency]


def of_selected(selected: Selected) -> list[dict[str, Any]]:
    """The certificate of selected trades."""
    prices = selected.prices
    return [{
        "kind": "settle", "problem": "trades", "chosen": list(selected.chosen),
        "gained_value": str(selected.gained), "bound_value": str(selected.bound),
        "short_e6": {"/".join(key): str(value) for key, value in prices.short.items()},
        "cover_e6": {member: str(value) for member, value in prices.cover.items()},
        "slope_bp": {"/".join(key): str(value) for key, value in prices.slope_bp.items()},
        "solver": f"highs seed {selected.seed}, claims gap {selected.claimed_gap:.2g}",
    }]  # fmt: skip


# --- Checking -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a certificate speaks of, read again by whoever checks."""

    debts: Obligations | None = None
    balances: Mapping[tuple[str, str], int] | None = None
    trades: TradesProblem | None = None


def opened(text: str, *, where: str) -> dict[str, Any]:
    """The document, with the keys that it must have.

    Raises:
        InputError: no JSON, another schema, an unknown or missing key.
    """
    if len(text) > BYTES_MAX:
        raise InputError("The file is larger than 500 MB.", where=where, code="too_large", hint="Split it by currency.")
    try:
        document = loads(text.encode("utf-8"), floats=True)
    except InputError as error:
        raise InputError(error.what, where=f"{where}, {error.where}", hint=error.hint, code=error.code) from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError("This is not a file of certificates.", where=where, code="bad_certificate",
                         hint=f'Its "schema" must be "{SCHEMA}". See: concordat clearing net --out')  # fmt: skip
    _keys(document, ("schema", "files", "certificates"), where)
    if not isinstance(document["certificates"], list) or not isinstance(document["files"], dict):
        _bad(where, "files must be a mapping and certificates a list")
    return document


def check_hashes(document: Mapping[str, Any], read: Callable[[str, str], bytes], *, where: str) -> dict[str, bytes]:
    """The files that the document names, each with the hash that it says.

    Args:
        document: from `opened`.
        read: gives the content of a file, from its role and name.
        where: the certificate's file, for messages.

    Raises:
        TrustError: a file is not the one that was netted.
    """
    found = {}
    for role, named in document["files"].items():
        if role not in ROLES or not isinstance(named, dict):
            _bad(where, f'"{role}" is no file that a certificate names')
        _keys(named, ("name", "sha256"), f"{where}, files, {role}")
        name = named["name"]
        if not isinstance(name, str) or not name.isprintable() or len(name.encode()) > NAME_MAX:
            _bad(where, f"the name of the file of {role} is no name")
        content = read(role, name)
        if (now := sha256_of(content)) != named["sha256"]:
            raise TrustError(f"{name} is not the file that was netted: it hashes to {now}.", where=where,
                             hint="Give the file as it was then.", code="other_file")  # fmt: skip
        found[role] = content
    return found


def check(document: Mapping[str, Any], inputs: Inputs, *, where: str) -> list[Proved]:
    """Check every certificate of a file, and that each currency has one.

    Raises:
        RuleError: the first condition that fails.
    """
    proved, seen = [], []
    queues: dict[str, QueueProblem] = {}
    for number, one in enumerate(document["certificates"], start=1):
        place = f"{where}, certificate {number}"
        problem = one.get("problem") if isinstance(one, dict) else None
        if not isinstance(problem, str) or problem not in KEYS or one.get("kind") != "settle":
            _bad(place, "it is of no problem that I know")
        _keys(one, KEYS[problem], place)
        for key in ("mode", "solver"):
            if not isinstance(one.get(key, ""), str) or len(one.get(key, "")) > SOLVER_MAX:
                _bad(place, f'"{key}" must be text of up to {SOLVER_MAX} letters')
        seen.append((one["problem"], one.get("currency", "")))
        if problem == "queue":
            queues = queues or _queues(inputs, place)  # made once: a file may have a hundred currencies
            proved.append(_queue(one, queues, place))
        else:
            proved.append((_divisible if problem == "divisible" else _trades)(one, inputs, place))
    if inputs.debts is not None:
        expected = [(seen[0][0] if seen else "queue", code) for code in inputs.debts.currencies]
        if seen != expected:
            _bad(where, f"the currencies {', '.join(inputs.debts.currencies)} must have one certificate each, in order")
    elif seen != [("trades", "")]:
        _bad(where, "trades must have one certificate")
    return proved


def _divisible(one: Mapping[str, Any], inputs: Inputs, where: str) -> Proved:
    debts = _needed(inputs.debts, where)
    code = one["currency"]
    if code not in debts.currencies:
        _bad(where, f'there are no obligations in "{code}"')
    owed, _ = debts_of(debts, debts.currencies.index(code))
    set_off, potentials = _integers(one["set_off"], where), _integers(one["potentials"], where)
    total = check_divisible(owed, set_off, potentials)
    _same(one["cleared_minor"], total, "cleared_minor", where)
    return Proved("divisible", code, len(set_off), total, total)


def _queues(inputs: Inputs, where: str) -> dict[str, QueueProblem]:
    """The queue of every currency, in which any set may be chosen."""
    payments, available = queue_of(_needed(inputs.debts, where), _needed(inputs.balances, where))
    waiting: dict[str, list[QueuedPayment]] = {}
    for payment in payments:
        waiting.setdefault(currency_of(payment.payer), []).append(payment)
    own: dict[str, dict[str, int]] = {code: {} for code in waiting}
    for name, held in available.items():
        own.setdefault(currency_of(name), {})[name] = held
    return {code: QueueProblem(queued, own[code], (), "set") for code, queued in waiting.items()}


def _queue(one: Mapping[str, Any], queues: Mapping[str, QueueProblem], where: str) -> Proved:
    code = one["currency"]
    if not isinstance(code, str) or code not in queues:
        _bad(where, f'there are no obligations in "{code}"')
    chosen = _ids(one["chosen"], where)
    checked = check_queue(queues[code]._replace(mode=one["mode"]), chosen, _integers(one["prices_e6"], where))
    _same(one["gained_minor"], checked.gained, "gained_minor", where)
    _same(one["bound_minor"], checked.bound, "bound_minor", where)
    return Proved("queue", code, len(chosen), checked.gained, checked.bound)


def _trades(one: Mapping[str, Any], inputs: Inputs, where: str) -> Proved:
    problem = _needed(inputs.trades, where)
    chosen = _ids(one["chosen"], where)
    short, slope = (_pairs(_integers(one[key], where), where) for key in ("short_e6", "slope_bp"))
    cover = _integers(one["cover_e6"], where)
    parties = {party for trade in problem.trades for party in (trade.party_a, trade.party_b)}
    for member, code in [*short, *slope, *((member, "") for member in cover)]:
        if member not in parties or (code and code not in problem.rates):
            _bad(where, f'there is a price of "{member}" that is no party or no position of one')
    checked = check_trades(problem, chosen, TradePrices(short, cover, slope))
    _same(one["gained_value"], checked.gained, "gained_value", where)
    _same(one["bound_value"], checked.bound, "bound_value", where)
    return Proved("trades", "", len(chosen), checked.gained, checked.bound)


def _needed(given: Any, where: str) -> Any:
    if given is None:
        raise InputError("The files that this certificate speaks of are not named in it.", where=where,
                         code="bad_certificate", hint="See: concordat clearing net --out")  # fmt: skip
    return given


def _keys(facts: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in facts:
        if key not in known:
            raise unknown_key(key, known, where=where)
    if missing := [key for key in known if key not in facts]:
        _bad(where, f'"{missing[0]}" is missing')


def _ids(given: Any, where: str) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        _bad(where, '"chosen" must be a list of ids')
    return given


def _integers(given: Any, where: str) -> dict[str, int]:
    """A mapping to whole numbers, each the one decimal text that stands for it."""
    if not isinstance(given, dict):
        _bad(where, "a mapping to whole numbers is expected")
    try:
        found = {key: int(text) for key, text in given.items() if len(text) < 60}
    except (TypeError, ValueError):
        found = {}
    if len(found) != len(given) or any(str(found[key]) != text for key, text in given.items()):
        _bad(where, "whole numbers are written as decimal text, in one way only")
    return found


def _pairs(given: Mapping[str, int], where: str) -> dict[tuple[str, str], int]:
    found = {}
    for key, value in given.items():
        member, slash, code = key.rpartition("/")
        if not slash:
            _bad(where, f'"{key}" is no <member>/<currency>')
        found[member, code] = value
    return found


def _same(said: object, found: int | None, key: str, where: str) -> None:
    if said != str(found):
        raise RuleError(f"{key} says {said}, and is {found}.", where=where, code=f"certificate_{key}")


def _bad(where: str, what: str) -> NoReturn:
    raise InputError(f"The certificate can't be read: {what}.", where=where, code="bad_certificate",
                     hint="Make it anew: concordat clearing net --out")  # fmt: skip
