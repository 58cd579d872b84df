"""Which bytes are signed or hashed: RFC 8785 (JSON Canonicalization Scheme), written and read strictly.

The model is JSON without surprises: objects with text keys, arrays, text, `true`, `false`, `null`, and integers n with
|n| <= 2^53 - 1 (larger ones are not the same number in every reader: RFC 8785 section 3.2.2.3, RFC 7493 section 2.2).
Without `floats` (ledger entries) a float is refused: a decimal is text, money is integer minor units plus currency; and
text must be composed (Unicode NFC), so that one word has one hash. With `floats=True` (reports) the ECMAScript number
form is written, and text is left as it is, as the RFC asks.

Refused everywhere, with the path of the offender: NaN and infinities, lone surrogates, duplicate keys, depth over 32.
Nothing is rounded without a word: 9007199254740993 is refused, although a lenient reader would make it ...992.
Standard library only; the package `rfc8785` is the oracle in the tests.

    >>> dumps({"b": [True, None, -0], "a": "é"})
    b'{"a":"\\xc3\\xa9","b":[true,null,0]}'
    >>> number_text(1e21), number_text(0.1), number_text(-0.0), number_text(333333333.33333329)
    ('1e+21', '0.1', '0', '333333333.3333333')
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from concordat.errors import InputError

INTEGER_MAX = 2**53 - 1
DEPTH_MAX = 32

# The escapes of RFC 8785 section 3.2.2.2 (two characters for seven, \u00xx for other controls, nothing else) are those
# that the standard library writes where it leaves other scripts as they are.
_quote = json.encoder.encode_basestring
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LITERALS = {None: "null", True: "true", False: "false"}


def dumps(value: Any, *, floats: bool = False) -> bytes:
    """The one byte string that stands for a value.

    Args:
        value: `dict`, `list` or `tuple`, `str`, `bool`, `None`, `int`; with `floats` also `float`.
        floats: allow finite floats in the ECMAScript form, and text that is not NFC.

    Raises:
        InputError: something outside the model; `where` is its path (`$.body.rate`).
    """
    try:
        return _write(value, floats, 0).encode("utf-8")
    except _Refused as refused:
        raise _refuse(refused.what, refused.steps[::-1], refused.code, refused.hint) from None


def digest(value: Any, *, floats: bool = False) -> str:
    """Lower-case hexadecimal SHA-256 of the canonical bytes of a value."""
    return hashlib.sha256(dumps(value, floats=floats)).hexdigest()


def number_text(number: float | int) -> str:
    """The shortest text that reads back as the same double, in ECMAScript's form (ECMA-262 section 6.1.6.1.20).

    Raises:
        InputError: NaN or an infinity, which have no text.
    """
    if isinstance(number, int):
        return str(int(number))
    if not math.isfinite(number):
        raise InputError(f"{number} is not a number that can be written.", hint="Use null with a reason.", code="nan")
    if number == 0:
        return "0"
    shortest = repr(float(number))  # Python and ECMAScript print the same digits
    if "e" not in shortest:
        return shortest.removesuffix(".0")
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = shortest.removeprefix("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)  # the decimal point stands before digits[point]
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    tail = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1:+d}"


def loads(data: bytes | str, *, floats: bool = False, exact: bool = False) -> Any:
    """Read JSON strictly into the model above.

    Args:
        data: UTF-8 bytes without a byte-order mark, or text.
        floats: allow numbers with a fraction or an exponent, and integers beyond 2^53 - 1 that are the shortest text of
            a double (so that what `dumps` wrote is read back); they become `float`.
        exact: refuse bytes that are not themselves the canonical form.

    Raises:
        InputError: not JSON, not UTF-8, a duplicate key, a number or text outside the model, depth over 32.
    """
    twice: list[tuple[dict[str, Any], str]] = []

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            seen: set[str] = set()
            twice.append((result, next(key for key, _ in pairs if key in seen or seen.add(key))))  # type: ignore[func-returns-value]
        return result

    try:
        text = data if isinstance(data, str) else bytes(data).decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=as_object,
            parse_int=_floatable_int if floats else _bounded_int,
            parse_constant=float,
        )
        if twice:
            raise _duplicate(value, twice)
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8.", where="$", code="not_utf8") from None
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}.", where=f"line {error.lineno}", code="not_json") from None
    except RecursionError:
        raise InputError(f"nested deeper than {DEPTH_MAX} levels.", where="$", code="depth") from None
    written = dumps(value, floats=floats)  # refuses what is outside the model, by path
    if exact and written != text.encode("utf-8"):
        raise InputError("the bytes are not in canonical form (RFC 8785).", where="$", code="not_canonical")
    return value


def _duplicate(value: Any, twice: list[tuple[dict[str, Any], str]]) -> InputError:
    """The error for a key that stands twice, at the path of its object (the outermost one, if they are nested)."""
    keys = {id(found): key for found, key in twice}
    stack: list[tuple[Any, tuple[str | int, ...]]] = [(value, ())]
    while stack:
        part, path = stack.pop()
        if id(part) in keys:
            return _refuse(f'the key "{keys[id(part)][:80]}" stands twice.', path, "duplicate_key", "Remove one.")
        if len(path) <= DEPTH_MAX and isinstance(part, (dict, list)):
            steps = part.items() if isinstance(part, dict) else enumerate(part)
            stack.extend((child, (*path, step)) for step, child in steps)
    return _refuse(f"nested deeper than {DEPTH_MAX} levels.", (), "depth")


def _bounded_int(text: str) -> int:
    return int(text[:40])  # 40 digits are beyond the bound as well; `dumps` refuses them by path


def _floatable_int(text: str) -> int | float:
    number = _bounded_int(text)
    exact = abs(number) <= INTEGER_MAX or number_text(float(number)) != text
    return number if exact else float(number)


class _Refused(Exception):  # noqa: N818 - never leaves `dumps`
    """Something outside the model; the steps of its path are added from the inside to the outside."""

    def __init__(self, what: str, code: str, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.code, self.hint = what, code, hint
        self.steps: list[str | int] = []


def _write(value: Any, floats: bool, depth: int) -> str:
    if isinstance(value, str):
        return _text(value, floats)
    if value is None or value is True or value is False:
        return _LITERALS[value]
    if isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            shown = str(int(value)) if value.bit_length() < 100 else "an integer of over 30 digits"
            raise _Refused(f"{shown} is beyond 2^53 - 1.", "integer", "Write it as text.")
        return str(int(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _Refused(f"{float(value)} is not a number.", "nan", "Use null with a reason.")
        if not floats:
            raise _Refused(f"{float(value)!r} is a float.", "float", "Write it as text.")
        return number_text(value)
    if not isinstance(value, (dict, list, tuple)):
        raise _Refused(f"a {type(value).__name__} has no canonical form.", "type")
    if depth >= DEPTH_MAX:
        raise _Refused(f"nested deeper than {DEPTH_MAX} levels.", "depth")
    return _object(value, floats, depth + 1) if isinstance(value, dict) else _array(value, floats, depth + 1)


def _object(value: dict[Any, Any], floats: bool, depth: int) -> str:
    ascii_only = True  # then the order of UTF-16 code units is that of `str`
    for key in value:
        if not isinstance(key, str):
            raise _Refused(f"the key {key!r} is not text.", "key")
        ascii_only = ascii_only and key.isascii()
    if not ascii_only:
        for key in value:
            _text(key, floats)  # refuses what may not be written
    parts, key = [], ""
    try:
        for key in sorted(value) if ascii_only else sorted(value, key=lambda k: k.encode("utf-16-be")):
            parts.append(f"{_quote(key)}:{_item(value[key], floats, depth)}")
    except _Refused as refused:
        refused.steps.append(key)
        raise
    return f"{{{','.join(parts)}}}"


def _array(value: Sequence[Any], floats: bool, depth: int) -> str:
    parts: list[str] = []
    try:
        for item in value:
            parts.append(_item(item, floats, depth))
    except _Refused as refused:
        refused.steps.append(len(parts))
        raise
    return f"[{','.join(parts)}]"


def _item(item: Any, floats: bool, depth: int) -> str:
    """As `_write`; most of what there is needs no second look."""
    kind = type(item)
    if kind is str and item.isascii():
        return _quote(item)
    if kind is int and -INTEGER_MAX <= item <= INTEGER_MAX:
        return repr(item)
    return _write(item, floats, depth)


def _text(text: str, floats: bool) -> str:
    if not text.isascii():
        if _SURROGATE.search(text):
            raise _Refused("the text holds half a surrogate pair.", "surrogate")
        if not floats and not unicodedata.is_normalized("NFC", text):
            raise _not_composed(text)
    return _quote(text)


def _refuse(what: str, path: Sequence[str | int], code: str, hint: str = "") -> InputError:
    """The error for something outside the model, at its path: `$.members[3].rate`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step[:80]}" for step in path)
    where = "$" + "".join(steps).encode("utf-8", "replace").decode("utf-8")
    return InputError(what, where=where, hint=hint, code=code)


def _not_composed(text: str) -> _Refused:
    """The error for text that is not NFC; it shows the first place where the composed form differs.

    Every part of an NFC text is NFC (Unicode Standard Annex 15, section 9), so both ends of that place can be bisected.
    """

    def differs(part: str) -> bool:
        return not unicodedata.is_normalized("NFC", part)

    end = bisect_left(range(len(text)), True, key=lambda n: differs(text[: n + 1])) + 1
    start = end - 1 - bisect_left(range(end), True, key=lambda n: differs(text[end - 1 - n : end]))
    written, composed = text[start:end], unicodedata.normalize("NFC", text[start:end])
    count = {1: "another character", 2: "two characters"}.get(len(written), f"{len(written)} characters")
    codes, wanted = (" ".join(f"U+{ord(c):04X}" for c in part) for part in (written, composed))
    what = f'"{composed}" is written as {count} ({codes}).'
    return _Refused(what, "not_nfc", f"Send it composed (Unicode NFC: {wanted}).")
