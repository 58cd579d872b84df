"""The library of cases: versions, merges, splits, and what a damaged file says."""

from __future__ import annotations

from typing import Any

import pytest

from concordat.errors import InputError, StateError
from concordat.exchange.cases.case import Case
from concordat.exchange.cases.library import Library

WORDS = "a tool that helps nurses to keep records of vaccines given to children in villages"


def _case(key: str, name: str = "Ledger", words: str = WORDS, **more: Any) -> Case:
    origin = {"registry": "r", "ids": [key.removeprefix("dpg-")], "websites": ["https://l.example"]}
    value = {"id": key, "kind": "practice", "title": {"en": name}, "summary": {"en": words}, "origin": origin}
    return Case.from_value({**value, **more})


def test_the_file_is_read_back_and_the_same_in_any_order() -> None:
    cases = [_case("b", "B"), _case("a"), _case("c")]
    one = Library().add(cases)[0].join_duplicates()[0]
    two = Library().add(cases[::-1])[0].join_duplicates()[0]
    assert one.to_bytes() == two.to_bytes()
    assert Library.parse(one.to_bytes()).to_bytes() == one.to_bytes()
    assert len(one.joined) == 1


def test_a_record_that_says_something_else_becomes_the_next_version() -> None:
    library, added = Library().add([_case("a")])
    assert added.new == ("a",)
    library, added = library.add([_case("a")])
    assert added.same == ("a",)
    library, added = library.add([_case("a", words=f"{WORDS} and towns")])
    assert added.changed == ("a",)
    assert [c.version for c in library.records["a"]] == [1, 2]
    assert library.newest["a"].summary["en"].endswith("and towns")


def test_a_members_own_case_says_its_version_itself() -> None:
    mine = {"origin": None, "member": "BRA", "owner": {"name": "M", "type": "government"}}
    library = Library().add([_case("a", **mine)])[0]
    with pytest.raises(InputError, match="Write version: 2"):
        library.add([_case("a", words="Something else.", **mine)])
    later = library.add([_case("a", words="Something else.", version=2, **mine)])[0]
    assert [c.version for c in later.records["a"]] == [1, 2]


def test_a_merge_is_shown_and_undone_for_good() -> None:
    library = Library().add([_case("dpg-a"), _case("dpg-b")])[0].join_duplicates()[0]
    assert list(library.cases) == ["dpg-a"]
    assert library.case("dpg-b").ids == ("a", "b", "dpg-a", "dpg-b")
    apart = library.split(["dpg-b", "dpg-a"])
    assert list(apart.cases) == ["dpg-a", "dpg-b"]
    again = Library.parse(apart.to_bytes()).add([_case("dpg-a", words=f"{WORDS} now")])[0].join_duplicates()[0]
    assert list(again.cases) == ["dpg-a", "dpg-b"]
    assert len(again.records) == 2


@pytest.mark.parametrize(
    ("ids", "words"),
    [(["dpg-a", "dpg-c"], "are not joined"), (["dpg-a"], "not joined"), (["dpg-aa", "dpg-b"], '"dpg-a"')],
)
def test_a_split_of_what_is_not_joined(ids: list[str], words: str) -> None:
    library = Library().add([_case("dpg-a"), _case("dpg-b"), _case("dpg-c", "Other", "Something else.")])[0]
    with pytest.raises(InputError, match=words):
        library.join_duplicates()[0].split(ids)


def test_an_unknown_case_gets_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "dpg-ledger"'):
        Library().add([_case("dpg-ledger")])[0].case("dpg-leger")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{}\n", "first line"), (b'{"schema":"concordat/case-library@2"}\n', "first line"),
        (b'{"schema":"concordat/case-library@1"}\n{"case":{"id":"a"}}\n', "line 2"),
        (b'{"schema":"concordat/case-library@1"}\nnonsense\n', "line 2"),
        (b'{"schema":"concordat/case-library@1"}\n{"some":1}\n', "line 2"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_with_its_line(data: bytes, words: str) -> None:
    with pytest.raises(StateError, match=words):
        Library.parse(data)
