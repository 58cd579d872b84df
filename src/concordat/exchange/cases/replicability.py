"""How much of what another member needs to do it again is there? A score of 0 to 100, as an interval, item by item.

    open licence 15, repository or documentation 15, cost stated 10, preconditions 15, a result of grade 2 or more 20,
    reused by another member 15, two languages or more 5, updated within 24 months 5

The lower end counts what is not stated as nothing, the upper end as all of it; what is stated counts the same in both.
The items are always shown with the score, never a bare rank, and the weights are ours: it measures how much is stated
and logged, not whether the case is good or would work elsewhere. Source: exchange.md, section 6.

An item is "not stated" where the case or the log says nothing (no licence, an unreviewed result, no reuse signed);
it counts as absent where it says that there is none (a licence that is not open, results all graded below 2, one
language, a last version older than 24 months).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from concordat.exchange.cases.case import Case
from concordat.exchange.cases.standing import NOTHING_LOGGED, Standing
from concordat.settings import parse_yaml

WEIGHTS = {
    "open licence": 15,
    "repository or documentation": 15,
    "cost stated": 10,
    "preconditions": 15,
    "a result of grade 2 or more": 20,
    "reused by another member": 15,
    "two languages or more": 5,
    "updated within 24 months": 5,
}
GRADE_ENOUGH = 2
MONTHS = 24
TABLE = Path(__file__).parent / "_data" / "open_licences.yaml"


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the score: True, False, or None where nothing is stated; and what that rests on."""

    name: str
    weight: int
    holds: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Replicability:
    """The score: its two ends, and its items."""

    low: int
    high: int
    items: tuple[Item, ...]

    @property
    def text(self) -> str:
        """`45-80 of 100`, or `60 of 100`."""
        return f"{self.low} of 100" if self.low == self.high else f"{self.low}-{self.high} of 100"


def replicability(case: Case, standing: Standing = NOTHING_LOGGED, on: date | None = None) -> Replicability:
    """The score of a case.

    Args:
        case: the case. standing: what the log says of it. on: the day that ends the 24 months; None leaves that item
            unstated.
    """
    found = {
        "open licence": _licence(case.reuse.licence),
        "repository or documentation": _stated(
            bool(case.reuse.repository or case.reuse.documentation), "an address is given"
        ),
        "cost stated": _stated(case.cost is not None, "with what it covers"),
        "preconditions": _stated(bool(case.preconditions), "they are described"),
        "a result of grade 2 or more": _graded(case, standing),
        "reused by another member": _stated(bool(standing.reused_by), f"signed by {', '.join(standing.reused_by)}"),
        "two languages or more": (len(case.languages) > 1, ", ".join(case.languages)),
        "updated within 24 months": _updated(standing.updated, on),
    }
    items = tuple(Item(name, WEIGHTS[name], *found[name]) for name in WEIGHTS)
    low = sum(item.weight for item in items if item.holds)
    return Replicability(low, low + sum(item.weight for item in items if item.holds is None), items)


def _stated(there: bool, why: str) -> tuple[bool | None, str]:
    return (True, why) if there else (None, "not stated")


def _licence(expression: str) -> tuple[bool | None, str]:
    """Of alternatives (OR) one is enough; of parts (AND) all must be open. AND binds more than OR, as SPDX has it."""
    if not expression:
        return None, "not stated"
    if any(" OR " in inner for inner in re.findall(r"\(([^()]*)\)", expression)) and " AND " in expression:
        return None, "brackets around alternatives are not worked out"
    bare = re.sub(r"\s+WITH\s+\S+|[()]", "", expression)
    verdicts = [_all_open(part.split()) for part in re.split(r"\s+OR\s+", bare)]
    if any(holds for holds, _ in verdicts):
        return True, expression
    return next((v for v in verdicts if v[0] is None), verdicts[0])


def _all_open(words: list[str]) -> tuple[bool | None, str]:
    verdicts = {word: is_open(word) for word in words if word != "AND"}
    if False in verdicts.values():
        return False, f"{next(word for word, verdict in verdicts.items() if verdict is False)} is not open"
    unknown = [word for word, verdict in verdicts.items() if verdict is None]
    return (None, f"{unknown[0]} is not in our table") if unknown else (True, " ".join(words))


def is_open(licence: str) -> bool | None:
    """Whether an SPDX id is one of an open licence; None: our table doesn't know it.

    >>> is_open("MIT"), is_open("GPL-3.0-or-later"), is_open("CC-BY-NC-SA-4.0"), is_open("Own-1.0")
    (True, True, False, None)
    """
    known, closed = _table()
    bare = re.sub(r"(-only|-or-later|\+)$", "", licence, flags=re.IGNORECASE).casefold()
    if bare in known:
        return True
    return False if any(part in f"{bare}-" for part in closed) else None


@cache
def _table() -> tuple[frozenset[str], tuple[str, ...]]:
    value = parse_yaml(TABLE.read_bytes(), where=TABLE.name, schema="open-licences@1", numbers_as_text=True).value
    return frozenset(name.casefold() for name in value["open"]), tuple(p.casefold() for p in value["closed_parts"])


def _graded(case: Case, standing: Standing) -> tuple[bool | None, str]:
    grades = [standing.grades(place) for place in range(len(case.results))]
    known = [pair for pair in grades if pair is not None]
    if any(low >= GRADE_ENOUGH for low, _ in known):
        return True, f"grade {max(low for low, _ in known)}"
    if not case.results:
        return None, "no result stated"
    if len(known) < len(grades):
        return None, "0 (not reviewed)"
    if any(high >= GRADE_ENOUGH for _, high in known):
        return None, "reviewers differ"
    return False, f"graded {max(high for _, high in known)} at most"


def _updated(day: str, on: date | None) -> tuple[bool | None, str]:
    if not day or on is None:
        return None, "not stated"
    then = date.fromisoformat(day)
    months = (on.year - then.year) * 12 + on.month - then.month - (on.day < then.day)
    return months < MONTHS or (months == MONTHS and on.day == then.day), f"version of {day}"
