"""What may be done with figures: the strictest of the inputs, and a table that can't change in silence."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import pytest

from concordat.errors import ConcordatError, InputError, TrustError
from concordat.evidence.licences import (
    DEMANDS,
    PERMITS,
    Flags,
    licence,
    licences,
    read_licences,
    require_same_licence,
    strictest,
)

ROW = """
  - id: {id}
    name: Some licence
    redistribute: true
    derive: true
    commercial: true
    share_alike: false
    attribution: true
    public_api: true
    attribution_text: "{{producer}}"
    url: ""
    status: verified
"""


def table(*ids: str, **changed: str) -> bytes:
    text = "schema: concordat/licences@1\nlicences:" + "".join(ROW.format(id=i) for i in ids)
    for key, value in changed.items():
        lines = text.splitlines()
        text = "\n".join(f"    {key}: {value}" if line.strip().startswith(f"{key}:") else line for line in lines)
    return text.encode()


def test_the_first_rows_are_those_of_the_specification() -> None:
    assert list(licences()) == [
        "Public-Domain-US-Gov", "CC-BY-4.0", "CC-BY-3.0-IGO", "ODbL-1.0", "NC", "unstated", "terms-not-read",
        "member-confidential",
    ]  # fmt: skip
    assert set(PERMITS + DEMANDS) == {f.name for f in fields(Flags)}


@pytest.mark.parametrize(
    ("ids", "wanted"),
    [
        # redistribute, derive, commercial, public_api, share_alike, attribution
        ([], (False, False, False, False, False, False)),
        (["Public-Domain-US-Gov"], (True, True, True, True, False, False)),
        (["Public-Domain-US-Gov", "CC-BY-4.0"], (True, True, True, True, False, True)),
        (["CC-BY-4.0", "ODbL-1.0"], (True, True, True, False, True, True)),
        (["CC-BY-4.0", "NC"], (True, True, False, False, False, True)),
        (["Public-Domain-US-Gov", "unstated"], (False, True, False, False, False, True)),
        (["Public-Domain-US-Gov", "member-confidential"], (False, False, False, False, False, True)),
        (["ODbL-1.0", "NC", "unstated", "member-confidential"], (False, False, False, False, True, True)),
    ],
)
def test_a_derived_value_takes_the_strictest_flags_of_its_inputs(ids: list[str], wanted: tuple[bool, ...]) -> None:
    flags = strictest(ids)
    assert tuple(getattr(flags, name) for name in (*PERMITS, *DEMANDS)) == wanted
    assert strictest(ids[::-1] * 2) == flags


def test_adding_a_licence_never_allows_more_nor_demands_less() -> None:
    for one in licences():
        for other in licences():
            alone, both = strictest([one]), strictest([one, other])
            assert all(getattr(alone, flag) >= getattr(both, flag) for flag in PERMITS)
            assert all(getattr(alone, flag) <= getattr(both, flag) for flag in DEMANDS)


def test_an_unknown_licence_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match='"CC-BY-4" is not a licence I know') as caught:
        licence("CC-BY-4", where="import.yaml, line 3")
    assert (caught.value.where, caught.value.hint) == ("import.yaml, line 3", 'Did you mean "CC-BY-4.0"?')
    with pytest.raises(InputError):
        strictest(["CC-BY-4.0", ""])


@pytest.mark.parametrize("flag", [f.name for f in fields(Flags)])
@pytest.mark.parametrize("licence_id", ["Public-Domain-US-Gov", "ODbL-1.0"])
def test_a_flag_that_differs_from_the_stored_one_stops_the_work(licence_id: str, flag: str) -> None:
    stored: dict[str, Any] = licence(licence_id).as_dict()
    require_same_licence(stored, where="cia_factbook/1")
    changed = stored | {flag: not stored[flag]}
    with pytest.raises(TrustError, match=f"{flag} was {changed[flag]} when the data were stored, now {stored[flag]}"):
        require_same_licence(changed, where="cia_factbook/1")
    with pytest.raises(TrustError):
        require_same_licence({k: v for k, v in stored.items() if k != flag}, where="cia_factbook/1")
    with pytest.raises(TrustError):
        require_same_licence(stored | {flag: int(stored[flag])}, where="cia_factbook/1")


def test_a_vintage_under_no_known_licence_stops_the_work() -> None:
    for stored in ({}, asdict(licence("CC-BY-4.0")) | {"id": "CC0"}):
        with pytest.raises(ConcordatError, match="is not a licence I know"):
            require_same_licence(stored, where="x")


def test_a_table_of_our_own_is_read_in_its_order() -> None:
    assert list(read_licences(table("b", "a"))) == ["b", "a"]
    with pytest.raises(TypeError):
        read_licences(table("a"))["b"] = licence("NC")  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (table("a", "a"), '"a" stands twice'),
        (table("a", redistribute='"yes"'), "redistribute must be true or false"),
        (table("a", redistribute="1"), "redistribute must be true or false"),
        (table("a", redistribute="yes"), "redistribute must be true or false"),  # YAML 1.2: a word
        (table("a", name="2"), "name must be text"),
        (table("a", status="perhaps"), 'status "perhaps" is not one of verified, unverified, own'),
        (table("a").replace(b"    url", b"    uri"), "missing or unknown keys: uri, url"),
        (b"schema: concordat/licences@1\nlicences: [a]", "missing or unknown keys"),
        (b"schema: concordat/licences@2\nlicences: []", "licences@1"),
    ],
)
def test_a_table_that_is_not_as_it_must_be_is_refused_at_its_line(body: bytes, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_licences(body, where="own.yaml")
    assert words in str(caught.value)
    assert str(caught.value).startswith("own.yaml")
