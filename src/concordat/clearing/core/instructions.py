"""What may be said to the ledger: every kind of instruction, its fields, its bounds, and its one canonical form.

An instruction is canonical JSON (RFC 8785): `kind, uetr, member, valid_from, valid_until` (times in ms UTC as JSON
integers) and the fields of `FIELDS[kind]`. Amounts are decimal strings without sign, leading zero or exponent, from 1
to 10^18 - 1. The bytes are signed, so they must be canonical as they come; a field that is unknown, missing or of
another form is refused here, by name, before anything else is asked. Whether an instruction may take effect is not
asked here.

    >>> data = instruction_bytes({"kind": "void", "uetr": "0b9c64f6-0f3b-4b7e-9a35-7a4f5b2f4c11", "member": "CCCCBRSP",
    ...     "valid_from": 0, "valid_until": 1, "reservation": "1f3a2b6c-2d4e-4f60-8a7b-9c0d1e2f3a4b"})
    >>> parse(data).kind
    'void'
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from concordat import canonical
from concordat.clearing.core.fields import FIELDS, NEEDED, Rows, WrongField, check_bic, check_time, check_uetr, one_of
from concordat.clearing.core.model import (
    BIC8,
    INSTRUCTION_BYTES_MAX,
    LARGE_BYTES_MAX,
    UUID4,
    VALIDITY_MAX_MS,
    currency_of,
    is_issue,
    owner_of,
)
from concordat.errors import InputError, StateError

LARGE = ("transfer_batch", "settle", "scheme_change")

__all__ = ["ADMINISTRATIVE", "FIELDS", "KINDS", "Instruction", "Rows", "instruction_bytes", "parse", "rank"]


class Instruction(NamedTuple):
    """One instruction, read. `facts` holds the fields of its kind, amounts as integers, optional ones filled in."""

    kind: str
    uetr: str
    member: str
    valid_from: int
    valid_until: int
    facts: Mapping[str, Any]


KINDS = tuple(FIELDS)
# Taken first in a block, whatever their hash; then the certificate; then all others. `release` is with the others, as a
# payment may settle by it: what an issuer or owner forbids in the same block comes before.
ADMINISTRATIVE = frozenset(
    ("issue", "redeem", "line_set", "freeze", "unfreeze", "quota_set", "band_set", "limit_set", "hold",
     "member_add", "member_suspend", "member_leave", "key_rotate", "scheme_change", "day_close")
)  # fmt: skip
_COMMON: dict[str, Callable[[Any], Any]] = {
    "kind": one_of(*KINDS), "uetr": check_uetr, "member": check_bic, "valid_from": check_time,
    "valid_until": check_time,
}  # fmt: skip
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def rank(kind: str) -> int:
    """The place of a kind inside a block: 0 administrative, 1 certificates, 2 all others."""
    return 0 if kind in ADMINISTRATIVE else 1 if kind == "settle" else 2


def instruction_bytes(facts: Mapping[str, Any]) -> bytes:
    """The canonical bytes of an instruction; it is checked as `parse` checks it.

    Raises:
        InputError: as `parse`.
    """
    data = canonical.dumps(dict(facts))
    parse(data)
    return data


def parse(data: bytes) -> Instruction:
    """Read the bytes of an instruction strictly.

    Raises:
        InputError: too long, not canonical JSON, an unknown kind, or a field that is unknown, missing or of another
            form (`where` names it); valid for more than 35 days.
        StateError: `quote`, `order_commit` or `order_reveal`, which this version doesn't know yet.
    """
    plain = _plain_transfer(data)
    return _parse(data) if plain is None else plain


_TRANSFER = re.compile(
    (
        r'\{"amount_minor":"([1-9][0-9]{0,17})"(?:,"if_short":"(reject|queue)")?,"kind":"transfer",'
        r'"member":"([A-Z]{6}[A-Z0-9]{2})",'
        r'"payee":"([A-Z]{6}[A-Z0-9]{2}/([A-Z]{3})(?:/(?!issue")[a-z0-9]{1,12})?)",'
        r'"payer":"([A-Z]{6}[A-Z0-9]{2}/\5(?:/(?!issue")[a-z0-9]{1,12})?)"(?:,"payload_hash":"(sha256:[0-9a-f]{64})")?'
        r'(?:,"priority":([123]))?(?:,"purpose":"([A-Z0-9]{4})")?,"uetr":"(' + UUID4 + r')",'
        r'"valid_from":(0|[1-9][0-9]{0,14}),"valid_until":(0|[1-9][0-9]{0,14})\}'
    ).encode()
)  # fmt: skip


def _plain_transfer(data: bytes) -> Instruction | None:
    """The most frequent instruction by one pattern over its canonical bytes; None for all else, which is read slowly.

    What it takes, `_parse` takes with the same result (a test holds them together).
    """
    found = _TRANSFER.fullmatch(data)
    if found is None:
        return None
    amount, if_short, member, payee, _, payer, payload, priority, purpose, uetr, since, until = found.groups()
    valid_from, valid_until = int(since), int(until)
    if payer == payee or not 0 <= valid_until - valid_from <= VALIDITY_MAX_MS:
        return None
    facts = {
        "payer": payer.decode(),
        "payee": payee.decode(),
        "amount_minor": int(amount),
        "if_short": "reject" if if_short is None else if_short.decode(),
        "priority": 3 if priority is None else int(priority),
        "obligation": "",
        "payload_hash": "" if payload is None else payload.decode(),
        "purpose": "" if purpose is None else purpose.decode(),
    }
    return Instruction("transfer", uetr.decode(), member.decode(), valid_from, valid_until, facts)


def _parse(data: bytes) -> Instruction:
    if len(data) > LARGE_BYTES_MAX:
        raise InputError(f"{len(data):,} bytes, over {LARGE_BYTES_MAX:,}.", where="instruction", code="full")
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError("not JSON.", where="instruction", code="not_json") from None
    if not isinstance(raw, dict):
        raise InputError("not an object.", where="instruction", code="not_object")
    kind = raw.get("kind")
    if kind in ("quote", "order_commit", "order_reveal"):
        what = f'"{kind}" is of a later version of the scheme.'
        raise StateError(what, where="instruction", hint="Install a newer Concordat.", code="newer")
    read: dict[str, Any] = {}
    for name, check in _COMMON.items():
        read[name] = _field(raw, name, check, NEEDED)
    if len(data) > INSTRUCTION_BYTES_MAX and kind not in LARGE:
        raise InputError(f"{len(data):,} bytes, over {INSTRUCTION_BYTES_MAX:,}.", where="instruction", code="full")
    fields = FIELDS[read["kind"]]
    facts = {name: _field(raw, name, check, default) for name, (check, default) in fields.items()}
    for name in raw:
        if name not in fields and name not in _COMMON:
            raise InputError(f'"{name[:60]}" is no field of {kind}.', where="instruction", code="unknown_field")
    _check_canonical(raw, data, read["kind"])
    if not 0 <= read["valid_until"] - read["valid_from"] <= VALIDITY_MAX_MS:
        what = "it is valid for a negative time, or for more than 35 days."
        raise InputError(what, where="valid_until", code="validity")
    _check_together(read["kind"], read, facts)
    return Instruction(read["kind"], read["uetr"], read["member"], read["valid_from"], read["valid_until"], facts)


def _field(raw: Mapping[str, Any], name: str, check: Callable[[Any], Any], default: Any) -> Any:
    if name not in raw:
        if default is NEEDED:
            raise InputError(f"{name} is missing.", where=name, code="missing_field")
        return default
    try:
        return check(raw[name])
    except WrongField as wrong:
        shown = json.dumps(raw[name])[:60]
        raise InputError(f"{shown} is not as {name} must be: {wrong}.", where=name, code="field") from None


def _check_canonical(raw: dict[str, Any], data: bytes, kind: str) -> None:
    """All checked fields hold text of known alphabets and small integers; free objects go through `canonical`."""
    try:
        same = (canonical.dumps(raw) if kind in ("settle", "scheme_change") else _encode(raw).encode()) == data
    except (ValueError, InputError):
        same = False
    if not same:
        raise InputError("the bytes are not in canonical form (RFC 8785).", where="instruction", code="not_canonical")


_HELD = {
    "payment": re.compile(f"{UUID4}/{BIC8.pattern}"),
    "trade": re.compile(f"[A-Za-z0-9-]{{1,36}}/({BIC8.pattern})/({BIC8.pattern})"),
}


def _check_together(kind: str, read: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """What no field shows alone: an account on both sides, two currencies, an issue account that would pay."""

    def refuse(where: str, what: str) -> InputError:
        return InputError(what, where=where, code="field")

    if kind in ("transfer", "reserve"):
        _check_sides(facts["payer"], (facts["payee"],))
        if kind == "reserve" and not 0 <= facts["expires"] - read["valid_from"] <= VALIDITY_MAX_MS:
            raise refuse("expires", "a reservation stands for 35 days at most.")
    elif kind == "transfer_batch":
        _check_sides(facts["payer"], sorted(set(facts["rows"].payee)))
    elif kind == "trade":
        for leg in facts["legs"]:
            _check_sides(leg.payer, (leg.payee,))
        if read["member"] not in [owner_of(leg.payer) for leg in facts["legs"]]:
            raise refuse("legs", "the member pays none of the legs.")
    elif kind == "limit_set":
        if (facts["limit"] == "bilateral") != bool(facts["payee"]):
            raise refuse("payee", "a bilateral limit names a payee, the others do not.")
        if facts["payee"]:
            _check_sides(facts["account"], (facts["payee"],))
    elif kind in ("hold", "release"):
        found = _HELD[facts["target"]].fullmatch(facts["of"])
        if found is None or (facts["target"] == "trade" and not found[1] < found[2]):
            raise refuse("of", f"{facts['of']} is not the key of a {facts['target']}.")
    elif kind == "owe" and facts["creditor"] == read["member"]:
        raise refuse("creditor", "nobody owes himself.")


def _check_sides(payer: str, payees: tuple[str, ...] | list[str]) -> None:
    currency = currency_of(payer)
    if is_issue(payer):
        raise InputError("an issue account pays by `issue` alone.", where="payer", code="field")
    for payee in payees:
        if payee == payer:
            raise InputError("payer and payee are the same account.", where="payee", code="field")
        if currency_of(payee) != currency:
            raise InputError("payer and payee have different currencies.", where="payee", code="field")
        if is_issue(payee):
            raise InputError("an issue account is paid by `redeem` alone.", where="payee", code="field")
