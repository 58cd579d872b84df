"""Reading the text at a place; a place that the bytes do not have is a breach of trust, never an empty answer."""

from __future__ import annotations

import json

import pytest

from concordat.errors import TrustError
from concordat.evidence.locators import SHOWN_MAX, Body, file_of

# The document and pointers of RFC 6901, section 5.
RFC = b'{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\\\j":5,"k\\"l":6," ":7,"m~n":8}'
CSV = (
    '\ufeffiso3,name,"# users",per cent\nBRA,"Brazil, the\nFederative Republic",5,"1,5"\nCIV,Côte d’Ivoire,,\n'.encode()
)


@pytest.mark.parametrize(
    ("pointer", "text"),
    [
        ("/foo", '["bar","baz"]'),
        ("/foo/0", "bar"),
        ("/", "0"),
        ("/a~1b", "1"),
        ("/c%d", "2"),
        ("/e^f", "3"),
        ("/g|h", "4"),
        ("/i\\j", "5"),
        ('/k"l', "6"),
        ("/ ", "7"),
        ("/m~0n", "8"),
    ],
)
def test_the_pointers_of_rfc_6901(pointer: str, text: str) -> None:
    assert Body(RFC, "x.json").text_at(f"x.json#{pointer}") == text


def test_an_empty_pointer_is_the_whole_document() -> None:
    assert json.loads(Body(b'{"a": 1.50}', "x.json").text_at("#")) == {"a": 1.5}


def test_tilde_one_is_undone_before_tilde_zero() -> None:
    assert Body(b'{"~1": "x"}', "x.json").text_at("#/~01") == "x"


@pytest.mark.parametrize(
    ("locator", "text"),
    [
        ("row 1", "iso3,name,# users,per cent"),
        ("row 2, iso3", "BRA"),
        ("row 2, name", "Brazil, the\nFederative Republic"),
        ("row 2, # users", "5"),
        ("row 2, per cent", "1,5"),
        ("row 3, name", "Côte d’Ivoire"),
        ("row 3, # users", ""),
        ("line 2", 'BRA,"Brazil, the'),
    ],
)
def test_rows_are_records_and_lines_are_lines(locator: str, text: str) -> None:
    assert Body(CSV, "x.csv").text_at(locator) == text


def test_a_yaml_file_is_read_by_pointers() -> None:
    body = Body(b"blocs:\n  - {id: NO, from: 2009-06-16}\n", "concordat/world/_data/blocs.yaml")
    assert body.text_at("blocs.yaml#/blocs/0/id") == "NO"
    assert body.text_at("blocs.yaml#/blocs/0/from") == "2009-06-16"


def test_long_objects_are_cut_and_texts_are_not() -> None:
    body = Body(json.dumps({"list": [1] * 5000, "text": "x" * 5000}).encode(), "x.json")
    assert len(body.text_at("#/list")) == SHOWN_MAX
    assert len(body.text_at("#/text")) == 5000


@pytest.mark.parametrize(
    ("data", "locator"),
    [
        (RFC, "#/nothing"),
        (RFC, "#foo"),
        (RFC, "#/foo/2"),
        (RFC, "#/foo/-1"),
        (RFC, "#/foo/-"),
        (RFC, "#/foo/00"),
        (RFC, "#/foo/1_0"),
        (RFC, "#/foo/٠"),
        (RFC, "#/foo/0/0"),
        (RFC, "#/a~1b/0"),
        (RFC, "nowhere"),
        (RFC, ""),
        (b"{", "#/foo"),
        (b"\xff\xfe", "#/foo"),
        (b"", "#/foo"),
        (b'{"a": 1e999}', "#/a"),
        (b"[" * 100_000, "#/0"),
        (CSV, "row 0"),
        (CSV, "row 4"),
        (CSV, "row -1"),
        (CSV, "row 2, nothing"),
        (CSV, "row ٢"),
        (CSV, "line 0"),
        (CSV, "line 99"),
        (b"a,b\n1\n", "row 2, b"),
        (b"", "row 1"),
        (b"\xff", "row 1"),
        (b"a\n" + b"x" * 200_000, "row 2"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_a_place_that_is_not_there_is_a_breach_of_trust(data: bytes, locator: str) -> None:
    with pytest.raises(TrustError) as caught:
        Body(data, "x.json").text_at(locator)
    assert caught.value.code == "locator"
    assert f"nothing stands at {locator} (" in str(caught.value)


@pytest.mark.parametrize(
    ("locator", "name"),
    [("africa/et.json#/a/b#c", "africa/et.json"), ("#/a", ""), ("row 2", ""), ("row 2, # users", ""), ("", "")],
)
def test_the_file_in_a_locator(locator: str, name: str) -> None:
    assert file_of(locator) == name
