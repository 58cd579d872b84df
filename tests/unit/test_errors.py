"""The error tree: exit codes, messages in three parts, and the drawing in the docstring."""

from __future__ import annotations

import pickle
import re

import pytest

from concordat import errors
from concordat.errors import ConcordatError, InputError

EXIT_CODES = {
    "InputError": 2, "SourceError": 3, "MethodError": 4, "TrustError": 5, "RuleError": 6, "StateError": 7,
}  # fmt: skip


def test_every_branch_has_its_exit_code_and_stands_in_the_drawing() -> None:
    branches = {cls.__name__: cls.exit_code for cls in ConcordatError.__subclasses__()}
    assert branches == EXIT_CODES
    drawn = dict(re.findall(r"(?:├──|└──) (\w+)\s+(\d)", errors.__doc__ or ""))
    assert {name: int(code) for name, code in drawn.items()} == EXIT_CODES
    assert ConcordatError("x").exit_code == 1


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InputError("is empty.", where="a.yaml, line 3", hint="Add a key."), "a.yaml, line 3: is empty. Add a key."),
        (InputError("is empty.", where="a.yaml"), "a.yaml: is empty."),
        (InputError("is empty.", hint="Add a key."), "is empty. Add a key."),
        (InputError("is empty."), "is empty."),
    ],
)
def test_a_message_says_where_what_and_what_to_do(error: InputError, text: str) -> None:
    assert str(error) == text


def test_the_same_facts_for_programs() -> None:
    error = errors.TrustError("the hash differs.", where="raw/ab", hint="Load it again.", code="hash")
    assert error.as_dict() == {
        "error": "TrustError",
        "exit_code": 5,
        "code": "hash",
        "what": "the hash differs.",
        "where": "raw/ab",
        "hint": "Load it again.",
    }


def test_errors_survive_a_trip_between_processes() -> None:
    error = pickle.loads(pickle.dumps(InputError("is empty.", where="a.yaml", hint="Add a key.", code="empty")))
    assert (str(error), error.code) == ("a.yaml: is empty. Add a key.", "empty")
