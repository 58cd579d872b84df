"""What do the coders' judgements say of each commitment and member?

A code is -1 (not kept), 0 (partly, or under way), +1 (kept), or blank (does not apply, with the reason). A cell is one
member and one commitment:

    cell = median of its codes (of an even number, the mean of the two in the middle: halves occur)
    commitment = mean over members with a value        member = mean over commitments with a value
    bloc, issue = mean over their commitments          percent = 50 (mean + 1)

A cell needs codes of at least two coders, at least one of them not of the member itself; else it stays blank, with the
reason. How far coders differ is kept in each cell. All figures are exact fractions. Method: the scale is that of the
research groups that follow the G20's and G7's promises; median, rule of two and blanks are ours.

What it doesn't do: it never mixes these judgements with `evidence`, which stands beside them.

    >>> hash_ = "0" * 64
    >>> found = score([Code("c-1", "BRA", coder, value, sources=(hash_,)) for coder, value in (("x", 1), ("y", 0))])
    >>> found.cells["c-1", "BRA"].value, found.members["BRA"].percent
    (Fraction(1, 2), Fraction(75, 1))
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from concordat.council.review.agreement import Alpha, alpha
from concordat.errors import InputError, RuleError

VALUES = (-1, 0, 1)
CODERS_MIN = 2
_HASH = re.compile(r"[0-9a-f]{64}")
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Code:
    """One coder's judgement of one member and commitment.

    Attributes:
        value: -1, 0, +1, or None: does not apply, with the `reason`.
        coder_member: the member that the coder belongs to; empty for one who belongs to none.
        sources: SHA-256 of what the judgement rests on; at least one where there is a value.
    """

    commitment: str
    member: str
    coder: str
    value: int | None
    coder_member: str = ""
    sources: tuple[str, ...] = ()
    reason: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One member and commitment.

    Attributes:
        value: the median of the codes; None where it is blank, with the reason.
        codes: all of them, in the order of the coders' names, those that do not count among them.
    """

    commitment: str
    member: str
    value: Fraction | None
    codes: tuple[Code, ...]
    reason: str = ""

    @property
    def given(self) -> tuple[int, ...]:
        """The codes with a value."""
        return tuple(c.value for c in self.codes if c.value is not None)

    @property
    def disagreement(self) -> int | None:
        """Highest less lowest code, 0 to 2; None where fewer than two have a value."""
        given = self.given
        return max(given) - min(given) if len(given) >= 2 else None


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over cells or commitments; None where there are none."""

    value: Fraction | None
    n: int

    @property
    def percent(self) -> Fraction | None:
        """50 (mean + 1)."""
        return None if self.value is None else 50 * (self.value + 1)


@dataclass(frozen=True)
class Scores:
    """What the codes say. Keys are sorted."""

    cells: Mapping[Key, Cell]
    commitments: Mapping[str, Mean]
    members: Mapping[str, Mean]
    issues: Mapping[str, Mean]
    bloc: Mean
    alpha: Alpha
    issue_of: Mapping[str, str]

    @property
    def disagreements(self) -> tuple[Cell, ...]:
        """The cells whose coders differ, the farthest apart first."""
        return tuple(sorted((c for c in self.cells.values() if c.disagreement), key=lambda c: -(c.disagreement or 0)))

    @property
    def blanks(self) -> tuple[Cell, ...]:
        """The cells without a value; each says why."""
        return tuple(c for c in self.cells.values() if c.value is None)

    @property
    def coders(self) -> tuple[str, ...]:
        """All who coded."""
        return tuple(sorted({code.coder for cell in self.cells.values() for code in cell.codes}))

    def as_dict(self) -> dict[str, Any]:
        """Plain data without floats, for hashes."""
        cells = [
            {
                "commitment": c.commitment,
                "member": c.member,
                "value": _text(c.value),
                "reason": c.reason,
                "codes": [[code.coder, code.value] for code in c.codes],
                "disagreement": c.disagreement,
            }
            for c in self.cells.values()
        ]
        means = {
            name: {key: {"mean": _text(mean.value), "n": mean.n} for key, mean in group.items()}
            for name, group in (("commitments", self.commitments), ("members", self.members), ("issues", self.issues))
        }
        bloc = {"mean": _text(self.bloc.value), "n": self.bloc.n}
        return {"cells": cells, **means, "bloc": bloc, "agreement": self.alpha.as_dict()}


def check_code(code: Code) -> None:
    """Whether a code may be taken up.

    Raises:
        InputError: a value that is none of -1, 0, +1 and blank, a name that is empty, a source that is no SHA-256.
        RuleError: a blank without a reason, a value without a source.
    """
    where = f"{code.commitment}, {code.member}, coder {code.coder}"
    for name in ("commitment", "member", "coder"):
        if not getattr(code, name):
            raise InputError(f"a code without {name}.", where=where, hint="Say whose it is, and of what.", code="empty")
    if code.value is not None and (type(code.value) is not int or code.value not in VALUES):
        hint = "Codes are -1, 0, +1, or blank with a reason."
        raise InputError(f"{code.value!r} is not a code.", where=where, hint=hint, code="code")
    if code.value is None and not code.reason.strip():
        raise RuleError("a blank needs a reason.", where=where, hint="Say why it does not apply.", code="no_reason")
    if code.value is not None and not code.sources:
        hint = "Name the SHA-256 of at least one source."
        raise RuleError("a code needs its sources.", where=where, hint=hint, code="no_source")
    for source in code.sources:
        if not _HASH.fullmatch(source):
            hint = "Give 64 lower-case hexadecimal digits."
            raise InputError(f'"{source}" is not a SHA-256.', where=where, hint=hint, code="hash")


def score(
    codes: Iterable[Code],
    *,
    commitments: Sequence[str] = (),
    members: Sequence[str] = (),
    issues: Mapping[str, str] | None = None,
) -> Scores:
    """Cells, means and agreement.

    Args:
        codes: in any order.
        commitments, members: those that are to be coded; those that the codes name without. Cells of theirs that
            nobody coded are blank.
        issues: the issue of each commitment, for means by issue.

    Raises:
        InputError, RuleError: as `check_code`; a code on something that is not to be coded.
        RuleError: a coder codes a cell twice.
    """
    given = sorted(codes, key=lambda c: (c.commitment, c.member, c.coder))
    by_cell: dict[Key, list[Code]] = {}
    for code in given:
        check_code(code)
        _check_asked(code, commitments, members)
        cell = by_cell.setdefault((code.commitment, code.member), [])
        if cell and cell[-1].coder == code.coder:
            where = f"{code.commitment}, {code.member}"
            hint = "Keep one code for each coder and cell."
            raise RuleError(f"{code.coder} coded it twice.", where=where, hint=hint, code="coded_twice")
        cell.append(code)
    rows = sorted(set(commitments) or {c for c, _ in by_cell})
    columns = sorted(set(members) or {m for _, m in by_cell})
    cells = {(c, m): _cell(c, m, tuple(by_cell.get((c, m), ()))) for c in rows for m in columns}
    by_row = {c: mean_of([cells[c, m].value for m in columns]) for c in rows}
    issue_of = {c: issues[c] for c in rows if issues and c in issues}
    return Scores(
        cells=cells,
        commitments=by_row,
        members={m: mean_of([cells[c, m].value for c in rows]) for m in columns},
        issues={
            issue: mean_of([by_row[c].value for c in rows if issue_of.get(c) == issue])
            for issue in sorted(set(issue_of.values()))
        },
        bloc=mean_of([mean.value for mean in by_row.values()]),
        alpha=alpha([cell.given for cell in cells.values()]),
        issue_of=issue_of,
    )


def _check_asked(code: Code, commitments: Sequence[str], members: Sequence[str]) -> None:
    for name, value, asked in (("commitment", code.commitment, commitments), ("member", code.member, members)):
        if asked and value not in asked:
            hint = f"Coded are: {', '.join(sorted(asked)[:20])}."
            raise InputError(f'"{value}" is not a {name} to be coded.', hint=hint, code=f"unknown_{name}")


def _cell(commitment: str, member: str, codes: tuple[Code, ...]) -> Cell:
    valued = [c for c in codes if c.value is not None]
    if not codes:
        reason = "not coded"
    elif not valued:
        reason = "does not apply: " + "; ".join(sorted({c.reason for c in codes}))
    elif len(valued) < CODERS_MIN:
        others = len(codes) - 1
        reason = "one coder only" + (f"; {others} found that it does not apply" if others else "")
    elif all(c.coder_member == member for c in valued):
        reason = f"coded by {member} alone"
    else:
        return Cell(commitment, member, median([c.value for c in valued if c.value is not None]), codes)
    return Cell(commitment, member, None, codes, reason)


def median(values: Sequence[int]) -> Fraction:
    """The middle value; of an even number, the mean of the two in the middle."""
    ordered = sorted(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return Fraction(low + high, 2)


def mean_of(values: Iterable[Fraction | None]) -> Mean:
    """The mean of the values that are there."""
    known = [v for v in values if v is not None]
    return Mean(sum(known, Fraction(0)) / len(known) if known else None, len(known))


def _text(value: Fraction | None) -> str | None:
    return None if value is None else f"{value.numerator}/{value.denominator}"
