"""How far along is a commitment, in one of five words? And how many were looked at?

    no evidence | not started (e <= 0.05) | limited (e < 0.5) | substantial (e < 1) | complete (e >= 1)

from the evidence e of `evidence.movement`. The names of the steps are those of the Open Government Partnership's
reviews; the limits are ours. Since e compares with what is due by then, `complete` before the target's year says that
all that was due so far is done. For commitments without an indicator, coders choose the step, with sources: at least
two, one not of the member; the step is the one in the middle, of an even number the lower of the two in the middle, so
that nobody is promoted by a tie.

    >>> from fractions import Fraction
    >>> [step(e) for e in (None, Fraction(1, 20), Fraction(1, 2), 1)]
    ['no evidence', 'not started', 'substantial', 'complete']
    >>> coverage(15, 104)
    'assessed 15 of 104'
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from concordat.council.review.scores import CODERS_MIN, Code, check_code
from concordat.errors import InputError, RuleError
from concordat.settings import nearest

STEPS = ("no evidence", "not started", "limited", "substantial", "complete")
NOT_STARTED, LIMITED, COMPLETE = Fraction(5, 100), Fraction(1, 2), 1


def step(value: Fraction | float | None) -> str:
    """The step of an evidence value.

    Raises:
        InputError: not a number; missing evidence is None.
    """
    if value is None:
        return STEPS[0]
    if isinstance(value, float) and math.isnan(value):
        raise InputError("nan is not evidence.", hint="Missing evidence is None.", code="number")
    if value <= NOT_STARTED:
        return STEPS[1]
    return STEPS[2] if value < LIMITED else STEPS[3] if value < COMPLETE else STEPS[4]


@dataclass(frozen=True, slots=True)
class StepCode:
    """The step that a coder chose for a commitment without an indicator; `coder_member` is the coder's own."""

    commitment: str
    member: str
    coder: str
    step: str
    coder_member: str = ""
    sources: tuple[str, ...] = ()


def chosen_step(codes: Iterable[StepCode]) -> tuple[str, str]:
    """The step of one member and commitment that coders chose, and why there is none, else an empty text.

    Raises:
        InputError: a step that is none, codes of several cells.
        RuleError: a coder twice, a code without sources.
    """
    given = sorted(codes, key=lambda c: c.coder)
    if len({(c.commitment, c.member) for c in given}) > 1:
        raise InputError("codes of several cells.", hint="Give those of one member and commitment.", code="cells")
    for n, code in enumerate(given):
        where = f"{code.commitment}, {code.member}, coder {code.coder}"
        if code.step not in STEPS:
            close = nearest(code.step, STEPS)
            hint = f'Did you mean "{close[0]}"?' if close else f"Steps: {', '.join(STEPS)}."
            raise InputError(f'"{code.step}" is not a step.', where=where, hint=hint, code="unknown_step")
        if n and given[n - 1].coder == code.coder:
            raise RuleError("coded it twice.", where=where, hint="Keep one code for each coder.", code="coded_twice")
        if code.step != STEPS[0] or code.sources:  # the same rules as for a code of -1, 0, +1
            check_code(Code(code.commitment, code.member, code.coder, 0, code.coder_member, code.sources))
    places = sorted(STEPS.index(c.step) for c in given if c.step != STEPS[0])
    if len(places) < CODERS_MIN:
        return STEPS[0], f"{len(places)} of at least {CODERS_MIN} coders chose a step"
    if all(c.coder_member == c.member for c in given if c.step != STEPS[0]):
        return STEPS[0], f"coded by {given[0].member} alone"
    return STEPS[places[(len(places) - 1) // 2]], ""


def coverage(assessed: int, registered: int) -> str:
    """How many commitments of the register were assessed, in words.

    Raises:
        InputError: more than there are, or fewer than none.
    """
    if not 0 <= assessed <= registered:
        hint = "Count each commitment of the register once."
        raise InputError(f"{assessed} of {registered} can't have been assessed.", hint=hint, code="coverage")
    return f"assessed {assessed} of {registered}"
