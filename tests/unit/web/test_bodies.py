"""Bodies of forms: what browsers send is read, what breaks a rule or a bound is refused, never guessed at."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from concordat.errors import InputError
from concordat.web.bodies import (
    FIELDS_MAX,
    MULTIPART,
    URLENCODED,
    CutError,
    Sent,
    TooLargeError,
    UnknownKindError,
    parse,
    read_body,
)

KIND = f"{MULTIPART}; boundary=xYzZY"


def multipart(*parts: tuple[str, bytes], end: bytes = b"--xYzZY--\r\n") -> bytes:
    return b"".join(b"--xYzZY\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in parts) + end


def field(name: str, body: bytes = b"v") -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"', body


def file(name: str, body: bytes, filename: str = "a.json") -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: text/plain', body


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"", {}),
        (b"a=1&b=2&a=3", {"a": ("1", "3"), "b": ("2",)}),
        (b"a=%C3%A9+x%26y&b", {"a": ("é x&y",), "b": ("",)}),
        (b"a=e%CC%81", {"a": ("é",)}),  # composed, as entries hold it
        (b"a=1%0D%0A2%0D3%0A4", {"a": ("1\n2\n3\n4",)}),
        (b"a=%41%zz%", {"a": ("A%zz%",)}),
        (b"&&a=1&", {"a": ("1",)}),
    ],
)
def test_urlencoded(data: bytes, fields: dict[str, Any]) -> None:
    assert parse(URLENCODED, data).fields == fields


def test_multipart_with_a_file() -> None:
    data = multipart(
        field("a", "é".encode()), field("a", b"2"), file("envelope", b'{"x":\r\n1}'), file("other", b"", "")
    )
    sent = parse(KIND, data, files={"envelope": 100, "other": 1})
    assert sent.fields == {"a": ("é", "2")}
    assert sent.files == {"envelope": b'{"x":\r\n1}'}
    assert sent.one("a") == "é"
    assert sent.one("b", "-") == "-"


def test_a_boundary_inside_a_value_is_text() -> None:
    data = multipart(field("a", b"--xYzZ\r\n-xYzZY--"))
    assert parse(KIND, data).fields == {"a": ("--xYzZ\n-xYzZY--",)}


def test_the_name_of_a_field_may_be_quoted_as_browsers_do() -> None:
    assert parse(KIND, multipart(field("a%22b", b"1"))).fields == {'a"b': ("1",)}


@pytest.mark.parametrize(
    ("kind", "data", "error"),
    [
        ("text/plain", b"a=1", UnknownKindError),
        ("", b"a=1", UnknownKindError),
        ("application/json", b"{}", UnknownKindError),
        (URLENCODED, b"a=%ff", InputError),
        (URLENCODED, b"&".join([b"a=1"] * (FIELDS_MAX + 1)), InputError),
        (URLENCODED, b"=1", InputError),
        (URLENCODED, b"a" * 129 + b"=1", InputError),
        (MULTIPART, multipart(field("a")), InputError),
        (f"{MULTIPART}; boundary=", multipart(field("a")), InputError),
        (f"{MULTIPART}; boundary={'x' * 71}", multipart(field("a")), InputError),
        (KIND, b"", InputError),
        (KIND, multipart(field("a"), end=b""), InputError),
        (KIND, multipart(field("a"), end=b"--xYzZY\r\n"), InputError),
        (KIND, multipart(("Content-Disposition: form-data", b"1")), InputError),
        (KIND, multipart(('Content-Disposition: attachment; name="a"', b"1")), InputError),
        (KIND, multipart(("Content-Type: text/plain", b"1")), InputError),
        (KIND, multipart(("x" * 3_000, b"1")), InputError),
        (
            KIND,
            multipart(('Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64', b"MQ==")),
            InputError,
        ),
        (
            KIND,
            multipart(('Content-Disposition: form-data; name="a"\r\nContent-Type: multipart/mixed', b"1")),
            InputError,
        ),
        (KIND, multipart(field("a", b"\xff")), InputError),
        (KIND, multipart(file("strange", b"1")), InputError),
        (KIND, multipart(file("envelope", b"1"), file("envelope", b"2")), InputError),
        (KIND, multipart(file("envelope", b"x" * 101)), TooLargeError),
        (KIND, multipart(*[field("a")] * (FIELDS_MAX + 2)), InputError),
    ],
)
def test_what_breaks_a_rule(kind: str, data: bytes, error: type[InputError]) -> None:
    with pytest.raises(error):
        parse(kind, data, files={"envelope": 100})


def receiving(*chunks: bytes | None) -> Any:
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        chunk = left.pop(0)
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    return receive


def test_a_body_is_counted_while_it_comes() -> None:
    assert asyncio.run(read_body(receiving(b"ab", b"", b"c"), 3)) == b"abc"
    with pytest.raises(TooLargeError, match="over 3 bytes"):
        asyncio.run(read_body(receiving(b"ab", b"cd", b"never read"), 3))
    with pytest.raises(CutError):
        asyncio.run(read_body(receiving(b"ab", None), 3))


def test_files_are_not_in_the_repr() -> None:
    assert "secret" not in repr(Sent(files={"a": b"secret"}))
