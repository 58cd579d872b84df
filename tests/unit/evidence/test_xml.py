"""XML of others: what makes it dangerous is refused before a tree is built; places in it are found by path."""

from __future__ import annotations

import pytest

from concordat.errors import SourceError, TrustError
from concordat.evidence import _xml
from concordat.evidence._xml import parse_xml
from concordat.evidence.locators import Body

LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><lolz>&lol2;</lolz>"""
OUTSIDE = b'<!DOCTYPE foo [<!ENTITY xxe SYSTEM "file:///etc/hostname">]><foo>&xxe;</foo>'


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (LAUGHS, "it has a document type (DTD)"),
        (OUTSIDE, "it has a document type (DTD)"),
        (b"<!DOCTYPE html><html/>", "it has a document type (DTD)"),
        (b"<a>" * 65 + b"</a>" * 65, "nested deeper than 64 elements"),
    ],
)
def test_dangers_are_refused(body: bytes, text: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_xml(body, "x.xml")
    assert caught.value.code == "unsafe_xml"
    assert str(caught.value).startswith(f"x.xml: XML refused: {text}.")


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_xml, "XML_ELEMENTS_MAX", 10)
    with pytest.raises(SourceError, match="more than 10 elements"):
        parse_xml(b"<a>" + b"<b/>" * 10 + b"</a>", "x.xml")
    monkeypatch.setattr(_xml, "XML_BYTES_MAX", 10)
    with pytest.raises(SourceError, match="over 10 bytes"):
        parse_xml(b"<a>1234567</a>", "x.xml")


@pytest.mark.parametrize("body", [b"", b"text", b"<a>", b"<a/><b/>", b"<a>&nothing;</a>", b"\x00", b"<a>\xff</a>"])
def test_what_is_not_well_formed_is_a_typed_error(body: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        parse_xml(body, "x.xml")
    assert (caught.value.code, caught.value.where) == ("not_xml", "x.xml")


def test_an_encoding_that_the_parser_does_not_know_is_a_typed_error() -> None:
    with pytest.raises(SourceError, match="not XML"):
        parse_xml(b'<?xml version="1.0" encoding="klingon"?><a/>', "x.xml")


PLACES = b"""<r xmlns="u:n" xmlns:p="u:p"><p:s i="1"><o v="a"/></p:s>
<p:s i="2"><o v="b"/><q/><o p:v="c">t<e>x</e>t</o></p:s></r>"""


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("/r/s[1]/@i", "1"),
        ("/r/s/@i", "1"),
        ("/r/s[2]/o[1]/@v", "b"),
        ("/r/s[2]/o[2]/@v", "c"),
        ("/r/s[2]/o[2]", "txt"),
    ],
)
def test_a_path_of_local_names_finds_its_text(place: str, text: str) -> None:
    assert Body(PLACES, "x.xml").text_at(place) == text


@pytest.mark.parametrize(
    "place",
    ["/s", "/r/s[3]", "/r/s[0]/@i", "/r/s[1]/@j", "/r/x", "/r//s", "/r/s[-1]", "/r/s[1]/o/@v/@v", "r/s", "/", "/r/@"],
)
def test_a_path_that_is_not_there_is_a_breach_of_trust(place: str) -> None:
    with pytest.raises(TrustError, match="nothing stands at"):
        Body(PLACES, "x.xml").text_at(place)


def test_a_path_into_dangerous_xml_is_a_breach_of_trust() -> None:
    with pytest.raises(TrustError, match="XML refused"):
        Body(LAUGHS, "x.xml").text_at("/lolz")


def test_one_body_may_be_asked_in_several_ways() -> None:
    body = Body(b'{"a": "b"}', "x.json")
    assert body.text_at("#/a") == "b"
    with pytest.raises(TrustError):
        body.text_at("/a")
    assert body.text_at("#/a") == "b"
