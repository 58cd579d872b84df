"""Canonical bytes: what is refused, where, and in which words."""

from __future__ import annotations

import ast
import enum
import hashlib
from pathlib import Path
from typing import Any

import pytest

from concordat import canonical
from concordat.errors import InputError

WRITER = {"dumps", "number_text", "_Refused", "_write", "_object", "_array", "_text"}


class Level(enum.IntEnum):
    HIGH = 3


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "code", "where", "words"),
    [
        ({"body": {"rate": 0.55}}, "float", "$.body.rate", "0.55 is a float. Write it as text."),
        ([1, 2**53], "integer", "$[1]", "9007199254740992 is beyond 2^53 - 1. Write it as text."),
        ([-(2**53)], "integer", "$[0]", "beyond"),
        pytest.param(10**6000, "integer", "$", "over 30 digits", id="huge"),
        ({"a": [float("nan")]}, "nan", "$.a[0]", "Use null with a reason."),
        (float("-inf"), "nan", "$", "-inf is not a number."),
        ({"a": "\ud800"}, "surrogate", "$.a", "half a surrogate pair"),
        ({"a": {"\udfff": 1}}, "surrogate", "$.a", "half a surrogate pair"),
        ({"a": {1: 2}}, "key", "$.a", "the key 1 is not text"),
        ({"a": b"x"}, "type", "$.a", "a bytes has no canonical form"),
        ({"a": {1, 2}}, "type", "$.a", "a set has no canonical form"),
        ({"a": "cafe\u0301"}, "not_nfc", "$.a", '"é" is written as two characters (U+0065 U+0301).'),
        (
            {"a": "\u212bngström"},
            "not_nfc",
            "$.a",
            "is written as another character (U+212B). Send it composed (Unicode NFC: U+00C5).",
        ),
        ({"a": "x\u1100\u1161\u11a8y"}, "not_nfc", "$.a", "is written as two characters (U+1100 U+1161)"),
        ({"cafe\u0301": 1}, "not_nfc", "$", "Send it composed (Unicode NFC: U+00E9)."),
    ],
)
def test_refused(value: object, code: str, where: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        canonical.dumps(value)
    assert (caught.value.code, caught.value.where) == (code, where)
    assert words in str(caught.value)


def test_depth_is_32_levels_and_no_more() -> None:
    assert canonical.loads(canonical.dumps(deep(32))) == deep(32)
    with pytest.raises(InputError, match="deeper than 32"):
        canonical.dumps(deep(33))
    for text in ("[" * 33 + "]" * 33, "[" * 100_000):
        with pytest.raises(InputError, match=r"deeper than 32|not JSON"):
            canonical.loads(text)


def test_subclasses_are_written_as_what_they_are() -> None:
    assert canonical.dumps([Level.HIGH, True, (1, 2)]) == b"[3,true,[1,2]]"
    assert canonical.number_text(Level.HIGH) == "3"


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        ('{"a": {"x": [{"b": 1, "b": 2}]}}', "duplicate_key", "$.a.x[0]"),
        ('{"a": {"b": 1, "b": 2}, "a": 3}', "duplicate_key", "$"),
        ('{"\\u0061": 1, "a": 2}', "duplicate_key", "$"),
        ('{"a": [1, 0.5]}', "float", "$.a[1]"),
        ('{"a": 1e3}', "float", "$.a"),
        ("[9007199254740993]", "integer", "$[0]"),
        ("9" * 6000, "integer", "$"),
        ('{"a": NaN}', "nan", "$.a"),
        ("[1e400]", "nan", "$[0]"),
        ('{"a": "\\ud800"}', "surrogate", "$.a"),
        ('["\\ud800\\u0041"]', "surrogate", "$[0]"),
        (b"\xff", "not_utf8", "$"),
        (b"\xef\xbb\xbf1", "not_json", "line 1"),
        ('"a\nb"', "not_json", "line 1"),
        ("{'a': 1}", "not_json", "line 1"),
        ("[1,]", "not_json", "line 1"),
        ("[1]\n[2]", "not_json", "line 2"),
        ("", "not_json", "line 1"),
    ],
)
def test_reading_refuses(data: str | bytes, code: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        canonical.loads(data)
    assert (caught.value.code, caught.value.where) == (code, where)


def test_reading_with_floats_never_rounds_in_silence() -> None:
    assert canonical.loads("[100000000000000000000, 0.1, -0.0]", floats=True) == [1e20, 0.1, 0.0]
    with pytest.raises(InputError, match="beyond"):
        canonical.loads("9007199254740993", floats=True)  # a lenient reader makes it ...992


def test_exact_reading_accepts_canonical_bytes_only() -> None:
    assert canonical.loads(b'{"a":1,"b":[]}', exact=True) == {"a": 1, "b": []}
    for other in (b'{"b":[],"a":1}', b'{"a": 1,"b":[]}', b'{"\\u0061":1,"b":[]}', b'{"a":1,"b":[]}\n', b"-0"):
        with pytest.raises(InputError, match="not in canonical form"):
            canonical.loads(other, exact=True)


def test_escapes_are_those_of_the_rfc_and_no_others() -> None:
    text = "".join(map(chr, range(0x20))) + '"\\/\x7f\u2028'
    written = canonical.dumps(text).decode()
    assert written.startswith('"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e')
    assert written.endswith('\\u001f\\"\\\\/\x7f\u2028"')


def test_digest_is_sha256_of_the_bytes() -> None:
    assert canonical.digest({"b": 1, "a": "é"}) == hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()


def test_long_keys_do_not_make_paths_costly() -> None:
    # With a path built for every item this is 20 GB of copying; a stack of steps makes it nothing.
    assert len(canonical.dumps({"k" * 1_000_000: [0] * 20_000})) == 1_000_000 + 40_000 + 6


def test_the_writer_stays_small_enough_to_audit() -> None:
    """At most 90 lines without docstrings and blank lines, and only the standard library."""
    tree = ast.parse(Path(canonical.__file__).read_text(encoding="utf-8"))
    lines: set[int] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in WRITER:
            skipped = node.body[0] if ast.get_docstring(node) else None
            inside = range(skipped.lineno, (skipped.end_lineno or 0) + 1) if skipped else ()
            lines |= set(range(node.lineno, (node.end_lineno or 0) + 1)) - set(inside)
    source = Path(canonical.__file__).read_text(encoding="utf-8").splitlines()
    assert 50 < len([n for n in lines if source[n - 1].strip()]) <= 90
