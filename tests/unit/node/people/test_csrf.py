"""Form tokens: bound to a cookie, different in each response, and the browser's own word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concordat.errors import RuleError
from concordat.node.csrf import check_form_token, check_origin, form_token


@given(st.text(min_size=1, max_size=60), st.binary(min_size=32, max_size=32))
def test_a_token_belongs_to_its_cookie(cookie: str, mask: bytes) -> None:
    token = form_token(cookie, mask)
    check_form_token(cookie, token)
    with pytest.raises(RuleError, match="not made for this browser"):
        check_form_token(cookie + "x", token)


def test_a_token_is_masked_anew_each_time() -> None:
    tokens = {form_token("cookie") for _ in range(100)}
    assert len(tokens) == 100
    halves = {half for token in tokens for half in (token[:40], token[-40:])}
    assert len(halves) == 200  # neither half is ever the same


@pytest.mark.parametrize(
    "written",
    ["", "x", "A" * 86, "é" * 86, "=" * 86, form_token("cookie")[:-1], "A" * 10_000],
    ids=["empty", "short", "letters", "not ASCII", "padding", "cut", "long"],
)
def test_what_is_no_token(written: str) -> None:
    with pytest.raises(RuleError) as caught:
        check_form_token("cookie", written)
    assert caught.value.code == "form_token"


def test_without_a_cookie_no_token_is_good() -> None:
    with pytest.raises(RuleError):
        check_form_token("", form_token(""))


def test_every_changed_letter_is_found() -> None:
    token = form_token("cookie", bytes(32))
    for place in range(len(token) - 1):  # the last letter has bits that no byte reads
        changed = token[:place] + ("B" if token[place] != "B" else "C") + token[place + 1 :]
        with pytest.raises(RuleError):
            check_form_token("cookie", changed)


OWN = "https://node.example.br"


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ({}, True),
        ({"origin": OWN}, True),
        ({"origin": OWN, "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://node.example.br"}, False),
        ({"origin": "https://node.example.br:444", "sec-fetch-site": "same-origin"}, False),
        ({"origin": OWN, "sec-fetch-site": "cross-site"}, False),
    ],
)
def test_what_the_browser_says(headers: dict[str, str], good: bool) -> None:
    if good:
        check_origin(headers, OWN)
        return
    with pytest.raises(RuleError, match="another site"):
        check_origin(headers, OWN)
