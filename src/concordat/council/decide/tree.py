"""When is a proposal adopted: the tree of conditions that a decision rule holds, read from YAML and written back.

A leaf asks for a share or a count of members, or of a weight, with one choice (`{share: population, of: all, at_least:
0.65}`); for members of a group who are against (`{against: permanent, at_least: 1}`); or for objections (`{nobody:
objects}`). Joins: `all_of`, `any_of`, `none_of`, `at_least_of`. Numbers are read as text into exact fractions: 0.55 is
11/20, never a float. Source: `docs/reference/decision-rules.md`.

Does not say who is entitled, who is present, or what anybody weighs: `tally` is given that.

    >>> from concordat.settings import Document
    >>> node = read_node(Document({"share": "members", "of": "all", "at_least": "0.55"}, "rule.yaml", {}))
    >>> node.threshold, node.to_value()["at_least"]
    (Fraction(11, 20), '11/20')
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from concordat.errors import InputError
from concordat.settings import Document, nearest, unknown_key

CHOICES = ("yes", "no", "abstain", "not_yes", "not_no")
BASES = ("all", "present", "voting")
COMPARISONS = {"at_least": ">=", "more_than": ">", "at_most": "<=", "less_than": "<"}
JOINS = ("all_of", "any_of", "none_of", "at_least_of")
LEAVES = ("share", "count", "against", "nobody")
DEPTH_MAX = 8  # `canonical` writes 32 levels; a level of the tree takes up to three
NODES_MAX = 1000
DIGITS_MAX = 40
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?|[0-9]+/[0-9]*[1-9][0-9]*")

Path: TypeAlias = tuple[str | int, ...]
Node: TypeAlias = "Leaf | Against | NobodyObjects | Join"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A share or a count of a measure among a base, held against a threshold.

    Attributes:
        share: True for `share` (numerator over base), False for `count` (numerator alone).
        measure: `members`, or the name of a table of weights.
        of: `all`, `present`, `voting`, or the name of a group. comparison: a key of `COMPARISONS`.
    """

    share: bool
    measure: str
    choice: str
    of: str
    comparison: str
    threshold: Fraction

    def to_value(self) -> dict[str, Any]:
        """The leaf with its defaults written out; the threshold as `a/b`."""
        kind = "share" if self.share else "count"
        return {kind: self.measure, "choice": self.choice, "of": self.of, self.comparison: ratio(self.threshold)}

    def holds(self, found: Fraction) -> bool:
        """Whether a share or count stands on the right side of the threshold."""
        if self.comparison == "at_least":
            return found >= self.threshold
        if self.comparison == "more_than":
            return found > self.threshold
        return found <= self.threshold if self.comparison == "at_most" else found < self.threshold


@dataclass(frozen=True, slots=True)
class Against:
    """At least so many members of a group say no."""

    group: str
    at_least: int

    def to_value(self) -> dict[str, Any]:
        """The leaf with its default written out."""
        return {"against": self.group, "at_least": self.at_least}


@dataclass(frozen=True, slots=True)
class NobodyObjects:
    """Nobody present objects formally; a ballot `no` is an objection."""

    def to_value(self) -> dict[str, Any]:
        """The leaf as it is written."""
        return {"nobody": "objects"}


@dataclass(frozen=True, slots=True)
class Join:
    """Conditions joined: `all_of`, `any_of`, `none_of`, or `at_least_of` with its n."""

    kind: str
    parts: tuple[Node, ...]
    n: int = 0

    def to_value(self) -> dict[str, Any]:
        """The join and all below it."""
        parts = [part.to_value() for part in self.parts]
        return {self.kind: {"n": self.n, "of": parts} if self.kind == "at_least_of" else parts}

    def steps(self) -> Iterator[tuple[Path, Node]]:
        """Each part with the steps that lead to it."""
        inner: Path = (self.kind, "of") if self.kind == "at_least_of" else (self.kind,)
        return (((*inner, n), part) for n, part in enumerate(self.parts))


def ratio(number: Fraction) -> str:
    """A fraction as `a/b`, in lowest terms, also where b is 1."""
    return f"{number.numerator}/{number.denominator}"


def walk(node: Node, path: Path = ("adopt",)) -> Iterator[tuple[Path, Node]]:
    """Every node with its path, parents first, in the order of the file."""
    yield path, node
    if isinstance(node, Join):
        for steps, part in node.steps():
            yield from walk(part, (*path, *steps))


# --- Reading ------------------------------------------------------------------------------------------------------


def read_node(document: Document, path: Path = (), depth: int = 1) -> Node:
    """The node at a path of a document.

    Raises:
        InputError: an unknown key (with the nearest one), a missing or doubled comparison, a number that is not exact,
            deeper than 8 levels; with its line.
    """
    value = at(document, path)
    if depth > DEPTH_MAX:
        raise InputError(f"nested deeper than {DEPTH_MAX} levels.", where=document.place(*path), code="depth")
    if not isinstance(value, dict) or not value:
        hint = "Write {share: members, of: all, at_least: 1/2}, or all_of: [...]."
        raise InputError("a condition must be a mapping.", where=document.place(*path), hint=hint, code="condition")
    kinds = [key for key in value if key in (*JOINS, *LEAVES)]
    if len(kinds) > 1:
        what = f"{' and '.join(kinds)} stand in one condition."
        raise InputError(what, where=document.place(*path), hint="Join them with all_of.", code="condition")
    if not kinds:
        first = next(iter(value))
        raise unknown_key(str(first), [*LEAVES, *JOINS], where=document.place(*path, first))
    kind = kinds[0]
    if kind in JOINS:
        return _join(document, path, kind, depth)
    if kind == "against":
        return _against(document, path)
    if kind == "nobody":
        only(document, path, ("nobody",))
        one_of(document, (*path, "nobody"), ("objects",))
        return NobodyObjects()
    return _leaf(document, path, kind)


def _join(document: Document, path: Path, kind: str, depth: int) -> Join:
    only(document, path, (kind,))
    inner: Path = (*path, kind)
    n = 0
    if kind == "at_least_of":
        only(document, inner, ("n", "of"))
        n = whole(document, (*inner, "n"), low=1)
        inner = (*inner, "of")
    parts = at(document, inner)
    if not isinstance(parts, list) or not parts:
        hint = "Write a list: [{...}, {...}]."
        raise InputError(f"{kind} needs conditions.", where=document.place(*inner), hint=hint, code="condition")
    if n > len(parts):
        where = document.place(*path, kind, "n")
        raise InputError(
            f"{n} of {len(parts)} conditions can't be met.", where=where, hint="Lower n.", code="condition"
        )
    return Join(kind, tuple(read_node(document, (*inner, i), depth + 1) for i in range(len(parts))), n)


def _against(document: Document, path: Path) -> Against:
    only(document, path, ("against", "at_least"))
    group = name(document, (*path, "against"))
    if group in BASES:
        what = f'against names a group; "{group}" is none.'
        raise InputError(what, where=document.place(*path, "against"), hint="Use {count: members, choice: no, ...}.")
    least = whole(document, (*path, "at_least"), low=1) if "at_least" in at(document, path) else 1
    return Against(group, least)


def _leaf(document: Document, path: Path, kind: str) -> Leaf:
    only(document, path, (kind, "choice", "of", *COMPARISONS))
    value = at(document, path)
    comparison = comparison_of(document, path)
    threshold = number(document, (*path, comparison))
    check_threshold(document, (*path, comparison), threshold, share=kind == "share")
    choice = one_of(document, (*path, "choice"), CHOICES) if "choice" in value else "yes"
    of = name(document, (*path, "of")) if "of" in value else "all"
    return Leaf(kind == "share", name(document, (*path, kind)), choice, of, comparison, threshold)


def comparison_of(document: Document, path: Path) -> str:
    """The one comparison that a leaf holds."""
    found = [key for key in COMPARISONS if key in at(document, path)]
    if len(found) != 1:
        what = "has no threshold." if not found else f"has {len(found)} thresholds: {', '.join(found)}."
        hint = f"Give one of {', '.join(COMPARISONS)}."
        raise InputError(f"the condition {what}", where=document.place(*path), hint=hint, code="threshold")
    return found[0]


def check_threshold(document: Document, path: Path, threshold: Fraction, *, share: bool) -> None:
    """A share lies between 0 and 1; a count is whole."""
    where = document.place(*path)
    if share and threshold > 1:
        hint = "Write 55 % as 0.55. For a number of members use count."
        raise InputError(f"a share is at most 1, not {threshold}.", where=where, hint=hint, code="threshold")
    if not share and threshold.denominator != 1:
        hint = "For a part of the base use share."
        raise InputError(f"a count is a whole number, not {threshold}.", where=where, hint=hint, code="threshold")


# --- Values -------------------------------------------------------------------------------------------------------


def at(document: Document, path: Path) -> Any:
    """What stands at a path.

    Raises:
        InputError: nothing stands there.
    """
    value = document.value
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            what = f'the key "{step}" is missing.'
            raise InputError(what, where=document.place(*path), hint="Add it.", code="missing_key") from None
    return value


def only(document: Document, path: Path, known: tuple[str, ...]) -> None:
    """No other keys than these stand at a path."""
    value = at(document, path)
    if not isinstance(value, dict):
        hint = f"Keys: {', '.join(known)}."
        raise InputError(f"{path[-1]} must be a mapping.", where=document.place(*path), hint=hint, code="type")
    for key in value:
        if key not in known:
            raise unknown_key(str(key), known, where=document.place(*path, key))


def one_of(document: Document, path: Path, known: tuple[str, ...]) -> str:
    """One of a few words."""
    value = at(document, path)
    if not isinstance(value, str) or value not in known:
        close = nearest(str(value), known)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(known)}."
        what = f'{path[-1]} can\'t be "{_short(value)}".'
        raise InputError(what, where=document.place(*path), hint=hint, code="word")
    return value


def name(document: Document, path: Path) -> str:
    """A name of a rule, group or table of weights: small letters, digits and underscores."""
    value = at(document, path)
    if not isinstance(value, str) or not NAME.fullmatch(value):
        hint = "Small letters, digits and _, a letter first."
        raise InputError(f'"{_short(value)}" is not a name.', where=document.place(*path), hint=hint, code="name")
    return value


def number(document: Document, path: Path) -> Fraction:
    """An exact number, not negative: `3`, `0.55`, `2/3`."""
    value = at(document, path)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > DIGITS_MAX or not _NUMBER.fullmatch(value):
        hint = "Write 3, 0.55 or 2/3."
        what = f'{path[-1]} can\'t be "{_short(value)}".'
        raise InputError(what, where=document.place(*path), hint=hint, code="number")
    return Fraction(value)


def whole(document: Document, path: Path, *, low: int = 0, high: int = 10**6) -> int:
    """A whole number within bounds."""
    found = number(document, path)
    if found.denominator != 1 or not low <= found <= high:
        what = f"{path[-1]} must be a whole number from {low} to {high:,}, not {found}."
        raise InputError(what, where=document.place(*path), code="number")
    return int(found)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
