"""What do the files of obligations, balances, trades and members say: strict CSV in, columns of integers out.

The forms are those of the reference data (section 6 of the specification):

    obligations   id, payer, payee, currency, amount_minor | amount, [priority], [held]
    balances      participant, currency, balance_minor | balance
    trades        id, party_a, party_b, a_sells_ccy, a_sells_minor, b_sells_ccy, b_sells_minor, [held]
    members       member, currency, balance_minor, short_limit_minor

`amount` and `balance` are in major units, with at most the decimals of ISO 4217 for the currency; the `_minor` columns
are whole minor units. The order of rows is the order of age: the first row has waited longest. Every refusal names the
file, the row (the header is row 1), the value and what to do. Text only: the caller opens files.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from unicodedata import normalize

import numpy as np

from concordat.clearing.core.certificates import Trade
from concordat.errors import InputError
from concordat.settings import unknown_key
from concordat.world import currency as iso_currency

AMOUNT_MAX = 10**18 - 1  # spec section 3: 1 <= a < 10^18
TOTAL_MAX = 9 * 10**18  # of one currency; so that every sum of it fits 64 bits
PRIORITIES = {"1": 1, "2": 2, "3": 3}
YES_NO = {"0": False, "1": True, "": False}
ROWS_MAX = 5_000_000
DIGITS_MAX = 40

OBLIGATIONS = (("id", "payer", "payee", "currency"), ("amount_minor", "amount"), ("priority", "held"))
BALANCES = (("participant", "currency"), ("balance_minor", "balance"), ())
TRADES = (("id", "party_a", "party_b", "a_sells_ccy", "a_sells_minor", "b_sells_ccy", "b_sells_minor"), (), ("held",))
MEMBERS = (("member", "currency", "balance_minor", "short_limit_minor"), (), ())


@dataclass(frozen=True, slots=True)
class Obligations:
    """Obligations of any number of currencies, as columns of equal length, oldest first.

    Attributes:
        ids: unique names.
        members, currencies: sorted; `payer`, `payee` and `currency` are positions in them.
        amount: minor units, int64, 1 <= amount < 10^18.
        priority: classes, 1 is the most urgent.
        held: whether an obligation may not settle now.
    """

    ids: Sequence[str]
    members: tuple[str, ...]
    currencies: tuple[str, ...]
    payer: np.ndarray
    payee: np.ndarray
    currency: np.ndarray
    amount: np.ndarray
    priority: np.ndarray
    held: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def parse_obligations(text: str, *, where: str) -> Obligations:
    """Read a file of obligations.

    Raises:
        InputError: with file, row, value and what to do; codes `duplicate_id`, `same_member`, `unknown_currency`,
            `wrong_decimals`, `bad_amount`, `bad_priority`, `missing_column`, `currency_too_large`, ...
    """
    column, count = _columns(text, OBLIGATIONS, where)
    ids = column["id"]
    _unique(ids, where)
    members, payer, payee = _coded(column["payer"], column["payee"], where)
    if (same := np.flatnonzero(payer == payee)).size:
        row = int(same[0])
        hint = "Take the row out: nobody owes itself."
        raise InputError(f'Payer and payee are both "{members[payer[row]]}".', where=_row(where, row), hint=hint,
                         code="same_member")  # fmt: skip
    currencies = _currencies(column["currency"], where)
    place = {code: n for n, code in enumerate(currencies)}
    currency = np.fromiter(map(place.__getitem__, column["currency"]), np.int64, count)
    amounts = _amounts(column, "amount", where, least=1)
    check_totals(amounts, currency, currencies, where)
    priority = _choice(column.get("priority"), PRIORITIES, count, "priority", "1 (most urgent), 2 or 3", where)
    held = _choice(column.get("held"), YES_NO, count, "held", "0 or 1", where)
    return Obligations(ids, members, currencies, payer, payee, currency, amounts, priority, held)


def parse_balances(text: str, *, where: str) -> dict[tuple[str, str], int]:
    """Read a file of balances: (participant, currency) -> minor units, 0 or more."""
    column, _ = _columns(text, BALANCES, where)
    _names([column["participant"]], where)
    _currencies(column["currency"], where)
    amounts = _amounts(column, "balance", where, least=0)
    keys = list(zip(column["participant"], column["currency"], strict=True))
    return _once(keys, amounts.tolist(), where)


def parse_members(text: str, *, where: str) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Read balances and short limits of trading members: two mappings from (member, currency) to minor units."""
    column, _ = _columns(text, MEMBERS, where)
    _names([column["member"]], where)
    _currencies(column["currency"], where)
    keys = list(zip(column["member"], column["currency"], strict=True))
    balances = _once(keys, _whole(column["balance_minor"], "balance_minor", where, least=0).tolist(), where)
    limits = _once(keys, _whole(column["short_limit_minor"], "short_limit_minor", where, least=0).tolist(), where)
    return balances, limits


def parse_trades(text: str, *, where: str) -> list[Trade]:
    """Read trades: party_a pays a_sells_minor of a_sells_ccy, party_b pays b_sells_minor of b_sells_ccy."""
    column, count = _columns(text, TRADES, where)
    _unique(column["id"], where)
    _coded(column["party_a"], column["party_b"], where)
    for name in ("a_sells_ccy", "b_sells_ccy"):
        _currencies(column[name], where)
    a = _whole(column["a_sells_minor"], "a_sells_minor", where, least=1).tolist()
    b = _whole(column["b_sells_minor"], "b_sells_minor", where, least=1).tolist()
    held = _choice(column.get("held"), YES_NO, count, "held", "0 or 1", where).tolist()
    trades = []
    for row, (name, one, two, ccy_a, ccy_b) in enumerate(
        zip(*(column[c] for c in ("id", "party_a", "party_b", "a_sells_ccy", "b_sells_ccy")), strict=True)
    ):
        if one == two:
            raise InputError(f'Both parties are "{one}".', where=_row(where, row), hint="Take the row out.",
                             code="same_member")  # fmt: skip
        if ccy_a == ccy_b:
            raise InputError(f"Both legs are in {ccy_a}.", where=_row(where, row), code="same_currency",
                             hint="A trade swaps two currencies; one alone is a payment.")  # fmt: skip
        trades.append(Trade(name, one, two, ccy_a, a[row], ccy_b, b[row], held[row]))
    return trades


def write_csv(header: Sequence[str], columns: Sequence[Iterable[Any]]) -> str:
    """A table as CSV, from its columns."""
    texts = [list(map(str, column)) for column in columns]
    everything = "".join(map("".join, texts))
    if not any(mark in everything for mark in '",\r\n'):
        return "\n".join([",".join(header), *map(",".join, zip(*texts, strict=True)), ""])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(zip(*texts, strict=True))
    return out.getvalue()


# --- Columns ------------------------------------------------------------------------------------------------------


def _row(where: str, index: int) -> str:
    return f"{where}, row {index + 2}"


def _columns(text: str, form: tuple[tuple[str, ...], ...], where: str) -> tuple[dict[str, Sequence[str]], int]:
    """The columns of a table by name, all of one length, none missing or unknown."""
    required, either, optional = form
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    rows: list[list[str]] | None = None
    if '"' in text or "\r" in text:
        rows = _quoted(text, where)
        header, count = (rows[0] if rows else []), len(rows) - 1
    else:
        lines = text.removesuffix("\n").split("\n") if text else []
        header, count = (lines[0].split(",") if lines else []), len(lines) - 1
    for name in header:
        if name not in required + either + optional:
            raise unknown_key(name, required + either + optional, where=f"{where}, header")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InputError(f'The column "{twice}" stands twice.', where=f"{where}, header", code="duplicate_column",
                         hint="Keep one of them.")  # fmt: skip
    missing = [name for name in required if name not in header]
    if either and sum(name in header for name in either) != 1:
        missing = [f"{either[0]} (or {either[1]}, but not both)"]
    if missing:
        raise InputError(f'The column "{missing[0]}" is missing.', where=f"{where}, header", code="missing_column",
                         hint=f"The columns are: {', '.join(required + either[:1] + optional)}.")  # fmt: skip
    if count > ROWS_MAX:
        raise InputError(f"{count:,} rows are more than the {ROWS_MAX:,} that one file may have.", where=where,
                         hint="Split it by currency: currencies never mix.", code="too_many_rows")  # fmt: skip
    if count < 1:
        return dict.fromkeys(header, ()), 0
    if rows is None:
        return _plain(header, lines[1:], where), count
    widths = [len(row) for row in rows[1:]]
    _check_widths(widths, len(header), where)
    return dict(zip(header, zip(*rows[1:], strict=True), strict=True)), count


def _quoted(text: str, where: str) -> list[list[str]]:
    """The rows of a table with quotes."""
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        return list(reader)
    except csv.Error as error:
        raise InputError(f"This is not CSV: {error}.", where=f"{where}, line {reader.line_num}", code="bad_csv",
                         hint="Put commas between fields, quotes around fields with commas.") from None  # fmt: skip


def _plain(header: Sequence[str], lines: Sequence[str], where: str) -> dict[str, Sequence[str]]:
    """The columns of a table without quotes, cut out of one list: no object for each row."""
    width = len(header)
    _check_widths([line.count(",") + 1 for line in lines], width, where)
    cells = ",".join(lines).split(",")
    return {name: cells[n::width] for n, name in enumerate(header)}


def _check_widths(widths: list[int], width: int, where: str) -> None:
    if min(widths) != width or max(widths) != width:
        bad = next(n for n, one in enumerate(widths) if one != width)
        raise InputError(f"The row has {widths[bad]} fields, the header {width}.", code="bad_row",
                         where=_row(where, bad), hint="A comma is missing, or a line is empty.")  # fmt: skip


def _unique(ids: Sequence[str], where: str) -> None:
    """Every id is there, and stands once."""
    if len(set(ids)) == len(ids) and "" not in ids:
        return
    first: dict[str, int] = {}
    for row, name in enumerate(ids):
        if not name:
            raise InputError("The id is empty.", where=_row(where, row), hint="Give every row its own id.",
                             code="missing_id")  # fmt: skip
        if (before := first.setdefault(name, row)) != row:
            raise InputError(f'The id "{name}" stands in row {before + 2} already.', where=_row(where, row),
                             hint="An id names one obligation for ever: give this one another, or take it out.",
                             code="duplicate_id")  # fmt: skip


def _coded(one: Sequence[str], two: Sequence[str], where: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Two columns of members as positions in the sorted names."""
    members = _names([one, two], where)
    place = {name: n for n, name in enumerate(members)}
    count = len(one)
    return (
        members,
        np.fromiter(map(place.__getitem__, one), np.int64, count),
        np.fromiter(map(place.__getitem__, two), np.int64, count),
    )


def _names(columns: Sequence[Sequence[str]], where: str) -> tuple[str, ...]:
    """The sorted members of some columns.

    Names that only look the same would be two members, whose debts never meet: so spaces around a name are refused, as
    they are around an amount, and two ways to write one name (an accent as a letter of its own, or not).
    """
    members = tuple(sorted(set().union(*columns)))
    written: dict[str, str] = {}
    for name in members:
        other = written.setdefault(name if name.isascii() else normalize("NFC", name), name)
        if name.strip() and name == name.strip() and name == other:
            continue
        row = min(column.index(name) for column in columns if name in column)
        if not name.strip():
            raise InputError("A member's name is empty.", where=_row(where, row), hint="Name every member.",
                             code="missing_member")  # fmt: skip
        what = f'"{name}" begins or ends with a space.'
        hint = "Take the spaces out: they would make another member of it."
        if name == name.strip():
            what, hint = f'"{name}" is written in two ways in this file.', "Write it in one (Unicode form NFC)."
        raise InputError(what, where=_row(where, row), hint=hint, code="bad_member")
    return members


def _currencies(codes: Sequence[str], where: str) -> tuple[str, ...]:
    """The sorted codes of a column; each is a current currency with minor units."""
    found = tuple(sorted(set(codes)))
    for code in found:
        row = codes.index(code)
        if iso_currency(code, where=_row(where, row)).minor_units is None:
            what = f'"{code}" has no minor units: it is a metal, a fund or a test code.'
            hint = "Money settles in currencies only."
            raise InputError(what, where=_row(where, row), hint=hint, code="unknown_currency")
    return found


def _choice(
    column: Sequence[str] | None, known: Mapping[str, int], count: int, name: str, said: str, where: str
) -> np.ndarray:
    """A column of few values; absent means the first of them."""
    if column is None:
        return np.full(count, next(iter(known.values())))
    try:
        return np.array([known[value] for value in column])
    except KeyError as missing:
        row = column.index(missing.args[0])
        raise InputError(f'"{missing.args[0]}" is no {name}.', where=_row(where, row), hint=f"Write {said}.",
                         code=f"bad_{name}") from None  # fmt: skip


def _once(keys: list[tuple[str, str]], values: list[int], where: str) -> dict[tuple[str, str], int]:
    """Keys and values as a mapping; a key that stands twice is refused."""
    found = dict(zip(keys, values, strict=True))
    if len(found) == len(keys):
        return found
    first: dict[tuple[str, str], int] = {}
    row = next(n for n, key in enumerate(keys) if first.setdefault(key, n) != n)
    raise InputError(f"{' '.join(keys[row])} stands in row {first[keys[row]] + 2} already.", code="duplicate_id",
                     where=_row(where, row), hint="Give one row for a participant and currency.")  # fmt: skip


# --- Amounts ------------------------------------------------------------------------------------------------------


def _amounts(column: Mapping[str, Sequence[str]], name: str, where: str, *, least: int) -> np.ndarray:
    """The amounts of a file in minor units, from whichever of its two columns it has."""
    if f"{name}_minor" in column:
        return _whole(column[f"{name}_minor"], f"{name}_minor", where, least=least)
    digits = {code: iso_currency(code).minor_units or 0 for code in set(column["currency"])}
    minor = [
        _minor(text, digits[code], code, name, row, where)
        for row, (text, code) in enumerate(zip(column[name], column["currency"], strict=True))
    ]
    return _in_bounds(minor, column[name], name, where, least)


def _whole(texts: Sequence[str], name: str, where: str, *, least: int) -> np.ndarray:
    """A column of whole numbers, strictly: digits only."""
    joined = "".join(texts)
    if "" in texts or (texts and not (joined.isascii() and joined.isdigit())):
        row = next(n for n, text in enumerate(texts) if not (text.isascii() and text.isdigit()))
        _bad_amount(texts[row], name, where, row)
    if max(map(len, texts), default=0) > DIGITS_MAX:
        row = next(n for n, text in enumerate(texts) if len(text) > DIGITS_MAX)
        _bad_amount(texts[row][:DIGITS_MAX] + "...", name, where, row)
    return _in_bounds(list(map(int, texts)), texts, name, where, least)


def _minor(text: str, digits: int, code: str, name: str, row: int, where: str) -> int:
    """An amount in major units as minor units; more decimals than the currency has are refused."""
    found = _DECIMAL.fullmatch(text)
    if not found or len(text) > DIGITS_MAX:
        _bad_amount(text[:DIGITS_MAX], name, where, row)
    whole, part = found.group(1), found.group(2) or ""
    if len(part) > digits:
        hint = "Round it at the source: nothing is rounded here."
        what = f'"{text}" has {len(part)} decimals; {code} has {digits}.'
        raise InputError(what, where=_row(where, row), hint=hint, code="wrong_decimals")
    return int(whole) * int(10**digits) + int(part.ljust(digits, "0") or "0")


_DECIMAL = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


def _in_bounds(values: list[int], texts: Sequence[str], name: str, where: str, least: int) -> np.ndarray:
    """Whole numbers as int64; outside [least, 10^18) they are refused."""
    if values and (min(values) < least or max(values) > AMOUNT_MAX):
        row = next(n for n, value in enumerate(values) if not least <= value <= AMOUNT_MAX)
        _bad_amount(texts[row], name, where, row)
    return np.array(values, np.int64)


def _bad_amount(text: str, name: str, where: str, row: int) -> NoReturn:
    form = "a whole number of minor units" if name.endswith("_minor") else "a decimal number in major units"
    hint = f"Write {form}, digits only, without sign, space, thousands separator or exponent; less than 10^18."
    raise InputError(f'"{text}" is no amount for {name}.', where=_row(where, row), hint=hint, code="bad_amount")


def check_totals(amounts: np.ndarray, currency: np.ndarray, currencies: Sequence[str], where: str) -> None:
    """The sum of a currency fits 64 bits; found in floating point with room to spare, then exactly.

    Raises:
        InputError: `currency_too_large`.
    """
    about = np.bincount(currency, weights=amounts, minlength=len(currencies))
    for n in np.flatnonzero(about > TOTAL_MAX / 2).tolist():
        if (total := sum(amounts[currency == n].tolist())) >= TOTAL_MAX:
            what = f"{currencies[n]} adds up to {total}, beyond 9 x 10^18 minor units."
            hint = "Check the amounts; such a sum exceeds every account."
            raise InputError(what, where=where, hint=hint, code="currency_too_large")
