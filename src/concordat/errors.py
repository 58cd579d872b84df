"""Every error that Concordat raises on purpose, and the exit code each branch ends the program with.

    ConcordatError            1   (never raised itself; 1 is left to faults of the program)
    ├── InputError            2   the person's file or argument
    ├── SourceError           3   a publisher's data, or the way to it
    ├── MethodError           4   the number can't be computed honestly, or an extra is missing
    ├── TrustError            5   a signature, hash or replica disagrees
    ├── RuleError             6   the constitution, scheme or licence forbids it
    └── StateError            7   our own store: locked, full, newer than this program

A message says what was wrong, where, and what to do, in whole sentences:

    >>> raise InputError('"BRIC" is not a bloc I know.', hint='Did you mean "BRICS"? See: concordat bloc list')
    Traceback (most recent call last):
    ...
    concordat.errors.InputError: "BRIC" is not a bloc I know. Did you mean "BRICS"? See: concordat bloc list

Programmer mistakes are `assert`s and are not caught.
"""

from __future__ import annotations


class ConcordatError(Exception):
    """The root of the tree: what was wrong, where it was, and what to do.

    Args:
        what: what was wrong, as a sentence.
        where: file and line, row, key or address; printed in front.
        hint: what to do about it, as a sentence; printed behind.
        code: a stable short name for programs (`unknown_bloc`), shown by `--json`.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "", code: str = "") -> None:
        self.what = what
        self.where = where
        self.hint = hint
        self.code = code
        super().__init__(what)

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        tail = f" {self.hint}" if self.hint else ""
        return f"{head}{self.what}{tail}"

    def as_dict(self) -> dict[str, str | int]:
        """The same facts for a program: `--json` prints them, the web will send them as problem+json."""
        kind = type(self).__name__
        return {
            "error": kind,
            "exit_code": self.exit_code,
            "code": self.code,
            "what": self.what,
            "where": self.where,
            "hint": self.hint,
        }


class InputError(ConcordatError):
    """The person's file or argument is wrong."""

    exit_code = 2


class SourceError(ConcordatError):
    """A publisher's data, or the service that gives it, is not as it must be."""

    exit_code = 3


class MethodError(ConcordatError):
    """The number can't be computed honestly, or the extra that computes it is not installed."""

    exit_code = 4


class TrustError(ConcordatError):
    """A signature, a hash or a replica disagrees. Work stops: nothing that follows could be believed."""

    exit_code = 5


class RuleError(ConcordatError):
    """The constitution, the scheme or a licence forbids it."""

    exit_code = 6


class StateError(ConcordatError):
    """Our own store is locked, full, incomplete, or written by a newer program."""

    exit_code = 7
