"""Which bytes are signed or hashed: RFC 8785 (JSON Canonicalization Scheme), written and read strictly.

The model is JSON without surprises: objects with text keys, arrays, text, `true`, `false`, `null`, and integers n with
|n| <= 2^53 - 1 (larger ones are not the same number in every reader: RFC 8785 section 3.2.2.3, RFC 7493 section 2.2).
Without `floats` (ledger entries) a float is refused: a decimal is text, money is integer minor units plus currency; and
text must be composed (Unicode NFC), so that one word has one hash. With `floats=True` (reports) the ECMAScript number
form is written, and text is left as it is, as the RFC asks.

Refused everywhere, with the path of the offender: NaN and infinities, lone surrogates, duplicate keys, depth over 32.
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
from typing import Any

from concordat.errors import InputError

INTEGER_MAX = 2**53 - 1
DEPTH_MAX = 32

# RFC 8785 section 3.2.2.2: the two-character escapes, \u00xx for other controls, nothing else.
_ESCAPES = {i: f"\\u{i:04x}" for i in range(0x20)}
_ESCAPES |= {0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0C: "\\f", 0x0D: "\\r", 0x22: '\\"', 0x5C: "\\\\"}
_NEEDS_ESCAPE = re.compile(r'[\x00-\x1f"\\]')
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def dumps(value: Any, *, floats: bool = False) -> bytes:
    """The one byte string that stands for a value.

    Args:
        value: `dict`, `list` or `tuple`, `str`, `bool`, `None`, `int`; with `floats` also `float`.
        floats: allow finite floats in the ECMAScript form, and text that is not NFC.

    Raises:
        InputError: something outside the model; `where` is its path (`$.body.rate`).
    """
    out: list[str] = []
    _write(value, floats, "$", 1, out)
    return "".join(out).encode("utf-8")


def digest(value: Any, *, floats: bool = False) -> str:
    """Lower-case hexadecimal SHA-256 of the canonical bytes of a value."""
    return hashlib.sha256(dumps(value, floats=floats)).hexdigest()


def number_text(number: float | int) -> str:
    """The shortest text that reads back as the same double, in ECMAScript's form (ECMA-262 section 6.1.6.1.20).

    Raises:
        InputError: NaN or an infinity, which have no text.
    """
    if isinstance(number, int):
        return str(number)
    if not math.isfinite(number):
        raise InputError(f"{number} is not a number that can be written.", hint="Use null with a reason.", code="nan")
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = repr(abs(float(number))).partition("e")
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
        floats: allow numbers with a fraction or an exponent; they become `float`.
        exact: refuse bytes that are not themselves the canonical form.

    Raises:
        InputError: not JSON, not UTF-8, a duplicate key, a number or text outside the model, depth over 32.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        value = json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=float if floats else _no_float,
            parse_int=_bounded_int,
        )
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8.", where="$", code="not_utf8") from None
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}.", where=f"line {error.lineno}", code="not_json") from None
    except RecursionError:
        raise InputError(f"nested deeper than {DEPTH_MAX} levels.", where="$", code="depth") from None
    written = dumps(value, floats=floats)  # checks depth, surrogates, NFC and overflow to infinity
    if exact and written != text.encode("utf-8"):
        raise InputError("the bytes are not in canonical form (RFC 8785).", where="$", code="not_canonical")
    return value


def _write(value: Any, floats: bool, path: str, depth: int, out: list[str]) -> None:
    if isinstance(value, str):
        out.append(_text(value, floats, path))
    elif value is None or value is True or value is False:
        out.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise InputError(f"{value} is beyond 2^53 - 1.", where=path, hint="Write it as text.", code="integer")
        out.append(str(int(value)))
    elif isinstance(value, float):
        if not floats:
            raise InputError(f"{value!r} is a float.", where=path, hint="Write a decimal as text.", code="float")
        if not math.isfinite(value):
            raise InputError(f"{value} is not a number.", where=path, hint="Use null with a reason.", code="nan")
        out.append(number_text(value))
    elif isinstance(value, (dict, list, tuple)):
        if depth > DEPTH_MAX:
            raise InputError(f"nested deeper than {DEPTH_MAX} levels.", where=path, code="depth")
        if isinstance(value, dict):
            _write_object(value, floats, path, depth, out)
        else:
            _write_array(value, floats, path, depth, out)
    else:
        raise InputError(f"a {type(value).__name__} has no canonical form.", where=path, code="type")


def _write_object(value: dict[Any, Any], floats: bool, path: str, depth: int, out: list[str]) -> None:
    for key in value:
        if not isinstance(key, str):
            raise InputError(f"the key {key!r} is not text.", where=path, code="key")
    texts = {key: _text(key, floats, path) for key in value}
    out.append("{")
    for i, key in enumerate(sorted(value, key=lambda k: k.encode("utf-16-be"))):
        out.append(("," if i else "") + texts[key] + ":")
        _write(value[key], floats, f"{path}.{key}", depth + 1, out)
    out.append("}")


def _write_array(value: list[Any] | tuple[Any, ...], floats: bool, path: str, depth: int, out: list[str]) -> None:
    out.append("[")
    for i, item in enumerate(value):
        if i:
            out.append(",")
        _write(item, floats, f"{path}[{i}]", depth + 1, out)
    out.append("]")


def _text(text: str, floats: bool, path: str) -> str:
    if not text.isascii():
        if _SURROGATE.search(text):
            raise InputError("the text holds half a surrogate pair.", where=path, code="surrogate")
        if not floats and not unicodedata.is_normalized("NFC", text):
            raise InputError(
                f"{unicodedata.normalize('NFC', text)!r} is written with separate marks.",
                where=path,
                hint="Send it composed (Unicode NFC).",
                code="not_nfc",
            )
    if _NEEDS_ESCAPE.search(text):
        text = text.translate(_ESCAPES)
    return f'"{text}"'


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InputError(f'the key "{twice}" stands twice.', where="$", code="duplicate_key")
    return result


def _no_constant(text: str) -> Any:
    raise InputError(f"{text} is not JSON.", where="$", hint="Use null with a reason.", code="nan")


def _no_float(text: str) -> Any:
    raise InputError(f"{text} is a float.", where="$", hint="Write a decimal as text.", code="float")


def _bounded_int(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > INTEGER_MAX:
        raise InputError(f"{text[:40]} is beyond 2^53 - 1.", where="$", hint="Write it as text.", code="integer")
    return int(text)
