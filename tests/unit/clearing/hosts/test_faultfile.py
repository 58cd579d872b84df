"""The file layer itself: what was flushed is always found, and every other call can be lost, torn or out of order."""

from __future__ import annotations

import pytest

from concordat.node.clearing.faultfile import WAYS, FaultDisk, Step, cuts


def ways(steps: list[Step], start: dict[str, bytes] | None = None) -> dict[str, dict[str, bytes]]:
    """The files by way, behind the last step."""
    return {cut.way: cut.files for cut in cuts(steps, start, behind=len(steps))}


def test_what_was_flushed_is_found_in_every_way() -> None:
    steps = [Step("write", "a", 0, b"abcd"), Step("flush", "a")]
    assert ways(steps) == {"kept": {"a": b"abcd"}}


def test_every_way_of_two_writes() -> None:
    steps = [Step("write", "a", 0, b"12345678"), Step("write", "a", 8, b"abcdefgh")]
    assert ways(steps) == {
        "kept": {"a": b"12345678abcdefgh"},
        "lost": {},
        "torn": {"a": b"12345678abcde"},
        "garbage": {"a": b"12345678abcde\xa5\xa5\xa5"},
        "last": {"a": bytes(8) + b"abcdefgh"},
    }
    third = [*steps, Step("write", "a", 16, b"!")]
    assert ways(third)["holes"] == {"a": bytes(8) + b"abcdefgh"}
    assert set(WAYS) == {*ways(steps), "holes"}


def test_a_deletion_that_was_not_flushed_can_come_back() -> None:
    steps = [Step("delete", "a")]
    assert ways(steps, {"a": b"x"}) == {"kept": {}, "lost": {"a": b"x"}}
    assert ways([*steps, Step("flush", "a")], {"a": b"x"}) == {"kept": {}}


def test_truncation_and_files_beside_each_other() -> None:
    steps = [Step("write", "b", 0, b"zz"), Step("truncate", "a", 2), Step("flush", "a")]
    assert ways(steps, {"a": b"abcd"})["lost"] == {"a": b"ab"}
    assert ways(steps, {"a": b"abcd"})["kept"] == {"a": b"ab", "b": b"zz"}


def test_what_was_said_comes_with_each_cut() -> None:
    disk = FaultDisk()
    disk.note(Step("write", "a", 0, b"1"))
    disk.said(b"first")
    disk.note(Step("flush", "a"))
    assert [cut.said for cut in cuts(disk.steps) if cut.way == "kept"] == [(), (b"first",), (b"first",)]


@pytest.mark.parametrize(("failure", "kind"), [("flush", "flush"), ("write", "write"), ("full", "write")])
def test_the_call_of_that_number_fails_and_nothing_is_taken_after_it(failure: str, kind: str) -> None:
    disk = FaultDisk(fail_at=2, failure=failure)
    assert disk.note(Step(kind, "a", 0, b"12")) == ""
    assert disk.note(Step("truncate", "a", 0)) == ""
    assert disk.note(Step(kind, "a", 0, b"3456")) == failure
    assert disk.note(Step("write", "a", 0, b"7")) == "dead"
    assert (disk.failed, disk.tried_after) == (True, 1)
    assert [step.data for step in disk.steps] == [b"12", b"", b"34"] if failure == "write" else [b"12", b""]
