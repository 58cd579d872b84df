"""Canonical bytes: what was written is read back, and the package `rfc8785` writes the same."""

from __future__ import annotations

import json
import math
import unicodedata

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat import canonical
from concordat.canonical import INTEGER_MAX

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
composed = any_text.map(lambda text: unicodedata.normalize("NFC", text))
integers = st.integers(-INTEGER_MAX, INTEGER_MAX)
doubles = st.floats(allow_nan=False, allow_infinity=False)


def _trees(leaves: st.SearchStrategy, keys: st.SearchStrategy[str]) -> st.SearchStrategy:
    return st.recursive(
        st.none() | st.booleans() | leaves,
        lambda parts: st.lists(parts, max_size=4) | st.dictionaries(keys, parts, max_size=4),
        max_leaves=20,
    )


entries = _trees(integers | composed, composed)
reports = _trees(integers | doubles | any_text, any_text)


@settings(max_examples=150)
@given(entries)
def test_entries_are_read_back_and_equal_the_oracle(value: object) -> None:
    written = canonical.dumps(value)
    assert canonical.loads(written, exact=True) == value
    assert written == rfc8785.dumps(value)  # type: ignore[arg-type]


@settings(max_examples=150)
@given(reports)
def test_reports_are_read_back_and_equal_the_oracle(value: object) -> None:
    written = canonical.dumps(value, floats=True)
    assert canonical.loads(written, floats=True, exact=True) == value
    assert written == rfc8785.dumps(value)  # type: ignore[arg-type]


@settings(max_examples=500)
@given(doubles)
def test_number_text_reads_back_as_the_same_double(number: float) -> None:
    text = canonical.number_text(number)
    assert float(text) == number
    assert text.encode() == rfc8785.dumps(number)
    assert len(text.strip("-").replace(".", "").split("e")[0].strip("0")) <= 17


@settings(max_examples=200)
@given(st.integers(-(10**24), 10**24))
def test_an_integer_is_never_read_as_another(number: int) -> None:
    try:
        read = canonical.loads(str(number), floats=True)
    except canonical.InputError:
        return
    assert int(read) == number or canonical.number_text(read) == str(number)


@settings(max_examples=100)
@given(st.dictionaries(composed, integers, min_size=2, max_size=6), st.randoms())
def test_order_and_spaces_do_not_matter(value: dict[str, int], random: object) -> None:
    items = list(value.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    shuffled = json.dumps(dict(items), indent=2, ensure_ascii=True)
    assert canonical.dumps(canonical.loads(shuffled)) == canonical.dumps(value)
    assert canonical.digest(dict(items)) == canonical.digest(value)


@settings(max_examples=200)
@given(any_text)
def test_text_is_refused_exactly_when_it_is_not_composed(text: str) -> None:
    if unicodedata.is_normalized("NFC", text):
        assert json.loads(canonical.dumps([text])) == [text]
        return
    with pytest.raises(canonical.InputError) as caught:
        canonical.dumps([text])
    assert (caught.value.code, caught.value.where) == ("not_nfc", "$[0]")


@settings(max_examples=300)
@given(st.text(max_size=40) | st.binary(max_size=40))
def test_reading_anything_gives_a_value_or_our_error(data: str | bytes) -> None:
    for floats in (False, True):
        try:
            value = canonical.loads(data, floats=floats)
        except canonical.InputError:
            continue
        assert not (isinstance(value, float) and not math.isfinite(value))
        canonical.dumps(value, floats=floats)
