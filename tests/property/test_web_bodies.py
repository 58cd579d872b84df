"""Bodies of forms: what is written comes back, noise raises an error of ours, and another parser reads the same."""

from __future__ import annotations

import contextlib
import unicodedata
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.errors import InputError
from concordat.web.bodies import MULTIPART, URLENCODED, parse

texts = st.text(st.characters(codec="utf-8"), max_size=40)
names = st.text(st.characters(codec="utf-8", exclude_characters='"\r\n%\\'), min_size=1, max_size=20)
pairs = st.lists(st.tuples(names, texts), max_size=12)
HEAD = b'------b0undary\r\nContent-Disposition: form-data; name="'
KIND = f"{MULTIPART}; boundary=----b0undary"


def plain(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


def grouped(found: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    made: dict[str, tuple[str, ...]] = {}
    for name, text in found:
        made[name] = (*made.get(name, ()), plain(text))
    return made


@given(pairs)
def test_urlencoded_comes_back_and_agrees_with_the_standard_library(found: list[tuple[str, str]]) -> None:
    data = urlencode(found).encode()
    assert parse(URLENCODED, data).fields == grouped(found)
    assert parse(URLENCODED, data).fields == grouped(parse_qsl(data.decode(), keep_blank_values=True))


@given(pairs)
def test_multipart_comes_back(found: list[tuple[str, str]]) -> None:
    data = b"".join(HEAD + name.encode() + b'"\r\n\r\n' + text.encode() + b"\r\n" for name, text in found)
    assert parse(KIND, data + b"------b0undary--\r\n").fields == grouped(found)


@given(st.binary(max_size=300), st.sampled_from([URLENCODED, KIND]))
def test_noise_is_read_or_refused(data: bytes, kind: str) -> None:
    with contextlib.suppress(InputError):
        parse(kind, data, files={"f": 10})


@given(
    st.lists(
        st.sampled_from(
            [
                b"------b0undary",
                b"--",
                b"\r\n",
                b'Content-Disposition: form-data; name="a"',
                b"\r\n\r\n",
                b"x",
                b'; filename="f"',
                b"Content-Type: text/plain",
                b"\n",
                b":",
            ]
        ),
        max_size=30,
    )
)
def test_pieces_of_a_multipart_in_any_order(pieces: list[bytes]) -> None:
    try:
        sent = parse(KIND, b"".join(pieces), files={"a": 100})
    except InputError:
        return
    assert set(sent.fields) | set(sent.files) <= {"a"}


@given(pairs.filter(bool))
def test_another_parser_reads_the_same(found: list[tuple[str, str]]) -> None:
    multipart = pytest.importorskip("python_multipart", reason="needs the extra [web]")
    data = (
        b"".join(HEAD + name.encode() + b'"\r\n\r\n' + text.encode() + b"\r\n" for name, text in found)
        + b"------b0undary--\r\n"
    )
    seen: list[bytes] = []
    now = bytearray()
    parser = multipart.MultipartParser(
        b"----b0undary",
        {
            "on_part_begin": now.clear,
            "on_part_data": lambda chunk, start, end: now.extend(chunk[start:end]),
            "on_part_end": lambda: seen.append(bytes(now)),
        },
    )
    parser.write(data)
    parser.finalize()
    ours = parse(KIND, data).fields
    assert sorted(plain(b.decode()) for b in seen) == sorted(v for values in ours.values() for v in values)
