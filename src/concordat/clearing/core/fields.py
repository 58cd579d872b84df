"""Which fields each kind of instruction has, and what each may hold: one table of checks.

Amounts are decimal strings without sign, leading zero or exponent, from 1 to 10^18 - 1; times are milliseconds UTC and
heights whole numbers, as JSON integers. A check gives the value as the core uses it (amounts as integers, legs and rows
as records) or says what it must be. `core.instructions` names the field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from concordat.clearing.core.model import ACCOUNT, BATCH_ROWS_MAX, BIC8, UUID4, Leg, currency_of, owner_of

_UETR = re.compile(UUID4)
_UETRS = re.compile(f"{UUID4}(?:,{UUID4})*")
_AMOUNT = re.compile(r"[1-9][0-9]{0,17}")
_AMOUNTS = re.compile(r"[1-9][0-9]{0,17}(?:,[1-9][0-9]{0,17})*")
_NATURAL = re.compile(r"0|[1-9][0-9]{0,17}")
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_PUBLIC = re.compile(r"[0-9a-f]{64}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PAIR = re.compile(r"[A-Z]{3}/[A-Z]{3}")
_DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_PURPOSE = re.compile(r"[A-Z0-9]{4}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TRADE = re.compile(r"[A-Za-z0-9-]{1,36}")
_LEI = re.compile(r"[0-9A-Z]{18}[0-9]{2}")
TIME_MAX = 2**53 - 1


class Rows(NamedTuple):
    """The columns of a batch; amounts in minor units."""

    uetr: list[str]
    payee: list[str]
    amount_minor: list[int]


class WrongField(Exception):  # noqa: N818 - becomes an InputError that names the field
    """A field is not of its form: what it must be."""


def _matching(pattern: re.Pattern[str], wanted: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise WrongField(wanted)
        return value

    return check


def _amount(value: Any) -> int:
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise WrongField("minor units as decimal text, 1 to 10^18 - 1, without sign, leading zero, point or exponent")
    return int(value)


def _natural(value: Any) -> int:
    if not isinstance(value, str) or not _NATURAL.fullmatch(value):
        raise WrongField("minor units as decimal text, 0 to 10^18 - 1")
    return int(value)


def _amount_or_none(value: Any) -> int | None:
    return None if value is None else _amount(value)


def one_of(*words: Any) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not any(value is word or (type(value) is type(word) and value == word) for word in words):
            raise WrongField("one of " + ", ".join(json.dumps(word) for word in words))
        return value

    return check


def check_time(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= TIME_MAX:
        raise WrongField("a time in milliseconds since 1970, UTC")
    return value


def _height(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= TIME_MAX:
        raise WrongField("a height, a whole number from 1 on")
    return value


def _account(value: Any) -> str:
    if not isinstance(value, str) or not ACCOUNT.fullmatch(value):
        raise WrongField("an account such as CCCCBRSP/BRL or CCCCBRSP/BRL/tag")
    return value


def _date(value: Any) -> str:
    import datetime

    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise WrongField("a date such as 2027-03-31")
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        raise WrongField("a date that is in the calendar") from None
    return value


def _legs(value: Any) -> tuple[Leg, ...]:
    if not isinstance(value, list) or len(value) != 2:
        raise WrongField("two legs")
    legs = []
    for leg in value:
        if not isinstance(leg, dict) or set(leg) != {"payer", "payee", "amount_minor"}:
            raise WrongField("legs with payer, payee and amount_minor")
        legs.append(Leg(_account(leg["payer"]), _account(leg["payee"]), _amount(leg["amount_minor"])))
    one, two = legs
    if {owner_of(one.payer), owner_of(one.payee)} != {owner_of(two.payer), owner_of(two.payee)}:
        raise WrongField("two legs between the same two members")
    if owner_of(one.payer) == owner_of(one.payee) or owner_of(one.payer) == owner_of(two.payer):
        raise WrongField("two legs of two members, one each way")
    for leg in legs:
        if currency_of(leg.payer) != currency_of(leg.payee):
            raise WrongField("legs in one currency each")
    if currency_of(one.payer) == currency_of(two.payer):
        raise WrongField("two legs in two currencies")
    if currency_of(one.payer) > currency_of(two.payer):
        raise WrongField("legs in the order of their currencies")
    return tuple(legs)


def _fractions(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) != 2:
        raise WrongField("a fraction as [numerator, denominator]")
    return tuple(_amount(part) for part in value)


def _currencies(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or sorted(set(map(str, value))) != value:
        raise WrongField("a sorted list of currencies")
    return tuple(_matching(_CURRENCY, "a currency of ISO 4217")(part) for part in value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise WrongField("an object")
    return value


def _rows(value: Any) -> Rows:
    if not isinstance(value, dict) or set(value) != set(Rows._fields):
        raise WrongField("columns uetr, payee and amount_minor")
    uetrs, payees, amounts = value["uetr"], value["payee"], value["amount_minor"]
    if not all(isinstance(column, list) for column in (uetrs, payees, amounts)):
        raise WrongField("columns that are lists")
    if not 1 <= len(uetrs) <= BATCH_ROWS_MAX or not len(uetrs) == len(payees) == len(amounts):
        raise WrongField(f"columns of equal length, 1 to {BATCH_ROWS_MAX:,} rows")
    if not (_fits(_UETRS, uetrs) and _fits(_AMOUNTS, amounts)) or len(set(uetrs)) != len(uetrs):
        _name_row(uetrs, amounts)
    for payee in sorted(set(map(str, payees))):
        _account(payee)
    if set(map(type, payees)) != {str}:
        raise WrongField("a column of accounts")
    return Rows(uetrs, payees, list(map(int, amounts)))


def _fits(pattern: re.Pattern[str], column: list[Any]) -> bool:
    """Whether all values have their form: one match over the whole column is a third of the work.

    A value that holds a comma itself would pass for two, so the commas are counted.
    """
    try:
        joined = ",".join(column)
    except TypeError:
        return False
    return pattern.fullmatch(joined) is not None and joined.count(",") == len(column) - 1


def _name_row(uetrs: list[Any], amounts: list[Any]) -> None:
    seen: set[Any] = set()
    for number, (uetr, amount) in enumerate(zip(uetrs, amounts, strict=True)):
        for check, value in ((check_uetr, uetr), (_amount, amount)):
            try:
                check(value)
            except WrongField as wrong:
                raise WrongField(f"in row {number}: {wrong}") from None
        if uetr in seen:
            raise WrongField(f"ids that stand once each; that of row {number} stands twice")
        seen.add(uetr)


check_uetr = _matching(_UETR, "a lower-case UUID of version 4")
check_bic = _matching(BIC8, "a BIC of eight letters")
_currency = _matching(_CURRENCY, "a currency of ISO 4217")
_hash = _matching(_HASH, 'a hash "sha256:" and 64 hexadecimal digits')
_purpose = _matching(_PURPOSE, "a purpose code of four letters")
_word = _matching(_WORD, "a lower-case word")
NEEDED = object()

_SHORT = (one_of("reject", "queue"), "reject")
_PRIORITY = (one_of(1, 2, 3), 3)
_PURPOSES = (_purpose, "")
_TERMS: dict[str, tuple[Callable[[Any], Any], Any]] = {"payload_hash": (_hash, ""), "purpose": _PURPOSES}

# Field -> (its check, its default; `NEEDED` where it must be given).
FIELDS: dict[str, dict[str, tuple[Callable[[Any], Any], Any]]] = {
    "issue": {"currency": (_currency, NEEDED), "amount_minor": (_amount, NEEDED)},
    "redeem": {"currency": (_currency, NEEDED), "amount_minor": (_amount, NEEDED)},
    "line_set": {"account": (_account, NEEDED), "amount_minor": (_natural, NEEDED)},
    "freeze": {"account": (_account, NEEDED)},
    "unfreeze": {"account": (_account, NEEDED)},
    "quota_set": {
        "currency": (_currency, NEEDED),
        "purpose": (_purpose, NEEDED),
        "resident": (one_of(True, False), NEEDED),
        "amount_minor": (_amount_or_none, NEEDED),
    },
    "band_set": {
        "pair": (_matching(_PAIR, "a pair such as BRL/INR"), NEEDED),
        "low": (_fractions, NEEDED),
        "high": (_fractions, NEEDED),
    },
    "limit_set": {
        "account": (_account, NEEDED),
        "limit": (one_of("payment", "day_out", "bilateral", "multilateral"), NEEDED),
        "payee": (_account, ""),
        "amount_minor": (_amount_or_none, NEEDED),
    },
    "transfer": {
        "payer": (_account, NEEDED),
        "payee": (_account, NEEDED),
        "amount_minor": (_amount, NEEDED),
        "if_short": _SHORT,
        "priority": _PRIORITY,
        "obligation": (check_uetr, ""),
        **_TERMS,
    },
    "transfer_batch": {
        "payer": (_account, NEEDED),
        "rows": (_rows, NEEDED),
        "linked": (one_of(True, False), False),
        "if_short": _SHORT,
        "priority": _PRIORITY,
        **_TERMS,
    },
    "reserve": {
        "payer": (_account, NEEDED),
        "payee": (_account, NEEDED),
        "amount_minor": (_amount, NEEDED),
        "expires": (check_time, NEEDED),
        **_TERMS,
    },
    "post": {"reservation": (check_uetr, NEEDED), "amount_minor": (_amount, NEEDED)},
    "void": {"reservation": (check_uetr, NEEDED)},
    "cancel": {"payment": (check_uetr, NEEDED)},
    "reprioritise": {"payment": (check_uetr, NEEDED), "priority": (one_of(1, 2, 3), NEEDED)},
    "return": {"payment": (check_uetr, NEEDED), "payer_member": (check_bic, NEEDED), "amount_minor": (_amount, NEEDED)},
    "owe": {
        "creditor": (check_bic, NEEDED),
        "currency": (_currency, NEEDED),
        "amount_minor": (_amount, NEEDED),
        "due": (_date, NEEDED),
    },
    "recall": {"payment": (check_uetr, NEEDED), "reason": (_purpose, NEEDED)},
    "recall_answer": {
        "payment": (check_uetr, NEEDED),
        "payer_member": (check_bic, NEEDED),
        "answer": (one_of("accepted", "refused"), NEEDED),
    },
    "trade": {
        "trade_id": (_matching(_TRADE, "1 to 36 letters, digits and hyphens"), NEEDED),
        "legs": (_legs, NEEDED),
    },
    "hold": {
        "target": (one_of("payment", "trade"), NEEDED),
        "of": (_matching(re.compile(r"[A-Za-z0-9/-]{1,64}"), "the key of a payment or trade"), NEEDED),
        "reason_class": (_word, NEEDED),
        "list_hash": (_hash, NEEDED),
        "until": (check_time, NEEDED),
    },
    "release": {
        "target": (one_of("payment", "trade"), NEEDED),
        "of": (_matching(re.compile(r"[A-Za-z0-9/-]{1,64}"), "the key of a payment or trade"), NEEDED),
    },
    "settle": {"certificate": (_object, NEEDED)},
    "member_add": {
        "bic8": (check_bic, NEEDED),
        "lei": (_matching(_LEI, "an LEI of 20 characters"), NEEDED),
        "currencies": (_currencies, NEEDED),
        "public": (_matching(_PUBLIC, "a key of 64 hexadecimal digits"), NEEDED),
        "from_height": (_height, NEEDED),
        "decision": (_hash, NEEDED),
    },
    "member_suspend": {"bic8": (check_bic, NEEDED), "from_height": (_height, NEEDED), "decision": (_hash, NEEDED)},
    "member_leave": {"bic8": (check_bic, NEEDED), "from_height": (_height, NEEDED), "decision": (_hash, NEEDED)},
    "key_rotate": {
        "bic8": (check_bic, NEEDED),
        "public": (_matching(_PUBLIC, "a key of 64 hexadecimal digits"), NEEDED),
        "from_height": (_height, NEEDED),
    },
    "scheme_change": {"document": (_object, NEEDED), "from_height": (_height, NEEDED), "decision": (_hash, NEEDED)},
    "day_close": {"currency": (_currency, NEEDED), "date": (_date, NEEDED)},
}  # fmt: skip
