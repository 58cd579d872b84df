"""What does a review say of each commitment, in one row? And what moved since the last one?

A row has the human score (mean over members), the evidence (mean over members), the gap over the cells that have both,
the step, and how far coders differ. Human score and evidence stand side by side; no column adds them. Between two
reviews only commitments and members that both scored are compared, so that another choice of the set moves nothing.

    >>> from concordat.council.review.scores import Code, score
    >>> says = [("c-1", "BRA", "x", 1), ("c-1", "BRA", "y", 0), ("c-1", "IND", "x", 1), ("c-1", "IND", "y", 1)]
    >>> scores = score([Code(*one, sources=("0" * 64,)) for one in says])
    >>> row = table(scores)[0]
    >>> row.human, row.evidence, row.step, row.differing
    (Fraction(3, 4), None, 'no evidence', 1)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from concordat.council.review.evidence import Combined, Evidence, values_of
from concordat.council.review.scores import Key, Scores, mean_of
from concordat.council.review.steps import step


@dataclass(frozen=True, slots=True)
class Row:
    """One commitment.

    Attributes:
        human, evidence: means over members with a value; None where there are none. `members_*`: how many.
        gap: evidence - human over the cells that have both; pairs: how many.
        step: of the mean evidence.
        differing: cells whose coders differ. blank: cells without a value.
    """

    commitment: str
    issue: str
    human: Fraction | None
    members_human: int
    evidence: Fraction | None
    members_evidence: int
    gap: Fraction | None
    pairs: int
    step: str
    differing: int
    blank: int

    def as_dict(self) -> dict[str, Any]:
        """Plain data without floats."""
        return {
            "commitment": self.commitment,
            "issue": self.issue,
            "human": _text(self.human),
            "members_human": self.members_human,
            "evidence": _text(self.evidence),
            "members_evidence": self.members_evidence,
            "gap": _text(self.gap),
            "pairs": self.pairs,
            "step": self.step,
            "differing": self.differing,
            "blank": self.blank,
        }


@dataclass(frozen=True, slots=True)
class Move:
    """A score in two reviews, over what both scored: `of` them commitments (for a member) or members."""

    name: str
    before: Fraction
    after: Fraction
    of: int

    @property
    def points(self) -> Fraction:
        """The change in percentage points: 50 (after - before)."""
        return 50 * (self.after - self.before)


def table(scores: Scores, evidence: Iterable[Evidence | Combined] = ()) -> tuple[Row, ...]:
    """A row for each commitment, in the order of their ids.

    Raises:
        InputError: evidence of a commitment twice.
    """
    shown = values_of(evidence)
    return tuple(_row(scores, commitment, shown) for commitment in scores.commitments)


def _row(scores: Scores, commitment: str, shown: Mapping[Key, Fraction]) -> Row:
    cells = {m: scores.cells[commitment, m] for m in scores.members}
    human, seen = scores.commitments[commitment], {m: shown[commitment, m] for m in cells if (commitment, m) in shown}
    gaps = [seen[m] - value for m, cell in cells.items() if (value := cell.value) is not None and m in seen]
    mean = mean_of(seen.values())
    return Row(
        commitment=commitment,
        issue=scores.issue_of.get(commitment, ""),
        human=human.value,
        members_human=human.n,
        evidence=mean.value,
        members_evidence=mean.n,
        gap=mean_of(gaps).value,
        pairs=len(gaps),
        step=step(mean.value),
        differing=sum(bool(c.disagreement) for c in cells.values()),
        blank=sum(c.value is None for c in cells.values()),
    )


def moved(before: Scores, after: Scores) -> tuple[tuple[Move, ...], tuple[Move, ...]]:
    """What changed between two reviews, of commitments and of members, the largest change first."""
    both = [
        (key, old, new)
        for key, cell in after.cells.items()
        if (new := cell.value) is not None
        and (known := before.cells.get(key)) is not None
        and (old := known.value) is not None
    ]
    found = []
    for side in (0, 1):
        names = sorted({key[side] for key, _, _ in both})
        moves = []
        for name in names:
            pairs = [(old, new) for key, old, new in both if key[side] == name]
            old_mean, new_mean = mean_of(o for o, _ in pairs).value, mean_of(n for _, n in pairs).value
            if old_mean is not None and new_mean is not None and old_mean != new_mean:
                moves.append(Move(name, old_mean, new_mean, len(pairs)))
        found.append(tuple(sorted(moves, key=lambda m: (-abs(m.points), m.name))))
    return found[0], found[1]


def _text(value: Fraction | None) -> str | None:
    return None if value is None else f"{value.numerator}/{value.denominator}"
