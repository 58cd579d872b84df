"""Where does a yearly review stand, and what must be there before it goes on?

    opened -> guidelines_fixed -> coding -> drafts -> comments (14 days) -> final -> adopted

What is +1, 0 and -1, the terms and the depth stand in a guideline, fixed by its hash before anybody codes. The data
release is frozen by its hash when coding begins: evidence is computed from it and from no later one. The set to be
assessed is chosen with a reason for each commitment (balance over issues, centrality, measurability); how many of the
register that is, is printed. Members comment for 14 days before a report can be final. What is not listed here is
refused and nothing changes. Peers may recommend to each other; a recommendation is accepted or noted, and is followed
up in the next cycle.

Times are seconds of ledger time, handed in by the caller. What it doesn't do: it keeps no events, it computes no score.

    >>> cycle = Cycle("2026", registered=104).fixed("ab" * 32)
    >>> cycle.state
    'guidelines_fixed'
    >>> check_transition("opened", "coding")
    Traceback (most recent call last):
    ...
    concordat.errors.RuleError: from opened one goes to guidelines_fixed, not to coding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from concordat.council.commit.register import listed
from concordat.council.review.steps import coverage
from concordat.errors import InputError, RuleError
from concordat.settings import nearest

TRANSITIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "opened": ("guidelines_fixed",),
        "guidelines_fixed": ("coding",),
        "coding": ("drafts",),
        "drafts": ("comments",),
        "comments": ("final",),
        "final": ("adopted",),
        "adopted": (),
    }
)
COMMENT_DAYS = 14
DAY = 86_400
ANSWERS = ("accepted", "noted")
OUTCOMES = ("done", "partly", "not done")
_HASH = re.compile(r"[0-9a-f]{64}")


def check_transition(old: str, new: str) -> None:
    """Whether a review may go from one stage to another.

    Raises:
        RuleError: it may not; the message says where it goes.
        InputError: a stage that is none.
    """
    for state in (old, new):
        if state not in TRANSITIONS:
            close = nearest(state, TRANSITIONS)
            hint = f'Did you mean "{close[0]}"?' if close else f"Stages: {', '.join(TRANSITIONS)}."
            raise InputError(f'"{state}" is not a stage of a review.', hint=hint, code="unknown_state")
    allowed = TRANSITIONS[old]
    if new not in allowed:
        ways = f"to {listed(allowed)}, not to {new}" if allowed else f"nowhere, as it is an end; not to {new}"
        raise RuleError(f"from {old} one goes {ways}.", code="transition")


@dataclass(frozen=True, slots=True)
class Comment:
    """What a member said on the draft."""

    member: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Cycle:
    """One review.

    Attributes:
        registered: how many items the register had at the opening.
        selection: the commitments to be assessed, each with the reason why.
        guideline, release, report: SHA-256; empty until fixed.
        comments_end: the second from which the report may be final; None until comments opened.
    """

    id: str
    registered: int
    state: str = "opened"
    selection: Mapping[str, str] = field(default_factory=dict)
    guideline: str = ""
    release: str = ""
    report: str = ""
    comments_end: int | None = None
    comments: tuple[Comment, ...] = ()

    def selected(self, reasons: Mapping[str, str]) -> Cycle:
        """After the set was chosen; it may be chosen anew until coding begins.

        Raises:
            RuleError: coding began; a commitment without a reason.
            InputError: no commitment, or more than the register has.
        """
        if self.state not in ("opened", "guidelines_fixed"):
            hint = "Choose another set in the next cycle."
            raise RuleError(f"the set is fixed once coding began ({self.state}).", where=self.id, hint=hint, code="set")
        if not reasons:
            raise InputError("no commitment was chosen.", where=self.id, hint="Name those to be assessed.", code="set")
        for name in sorted(reasons):
            if not reasons[name].strip():
                hint = "Reasons are balance over issues, centrality, measurability, or your own."
                raise RuleError(f"{name} was chosen without a reason.", where=self.id, hint=hint, code="no_reason")
        coverage(len(reasons), self.registered)
        return replace(self, selection=dict(sorted(reasons.items())))

    def fixed(self, guideline: str) -> Cycle:
        """After the guideline was fixed by its hash."""
        self._check("guidelines_fixed")
        return replace(self, state="guidelines_fixed", guideline=_hash(guideline, "guideline", self.id))

    def coding(self, release: str) -> Cycle:
        """After the data release was frozen by its hash, and coding began.

        Raises:
            RuleError: no set was chosen; not from this stage.
        """
        self._check("coding")
        if not self.selection:
            hint = "Choose the set first, with a reason for each commitment."
            raise RuleError("coding can't begin: no set was chosen.", where=self.id, hint=hint, code="set")
        return replace(self, state="coding", release=_hash(release, "release", self.id))

    def drafted(self) -> Cycle:
        """After the draft was made."""
        self._check("drafts")
        return replace(self, state="drafts")

    def opened_for_comments(self, at: int) -> Cycle:
        """After the draft went to the members, at a second of ledger time."""
        self._check("comments")
        return replace(self, state="comments", comments_end=at + COMMENT_DAYS * DAY)

    def commented(self, member: str, text: str, at: int) -> Cycle:
        """After a member commented.

        Raises:
            RuleError: not the stage of comments, or after its end.
        """
        if self.state != "comments" or self.comments_end is None:
            hint = "Members comment on the draft, for 14 days."
            raise RuleError(f"no comments are taken in the stage {self.state}.", where=self.id, hint=hint, code="stage")
        if at >= self.comments_end:
            hint = "Say it when the report is adopted, or in the next cycle."
            raise RuleError(f"the {COMMENT_DAYS} days for comments are over.", where=self.id, hint=hint, code="late")
        return replace(self, comments=(*self.comments, Comment(member, text, at)))

    def finished(self, report: str, at: int) -> Cycle:
        """After the final report was published, by its hash.

        Raises:
            RuleError: the 14 days are not over; not from this stage.
        """
        self._check("final")
        if self.comments_end is None or at < self.comments_end:
            left = COMMENT_DAYS * DAY if self.comments_end is None else self.comments_end - at
            hint = "Publish it when they are over."
            what = f"members may comment for another {-(-left // DAY)} of {COMMENT_DAYS} days."
            raise RuleError(what, where=self.id, hint=hint, code="early")
        return replace(self, state="final", report=_hash(report, "report", self.id))

    def adopted(self) -> Cycle:
        """After the members adopted the report."""
        self._check("adopted")
        return replace(self, state="adopted")

    def check_codable(self, commitment: str) -> None:
        """Whether codes of a commitment are taken now.

        Raises:
            RuleError: not the stage of coding, or not one of the set.
        """
        if self.state != "coding":
            raise RuleError(f"no codes are taken in the stage {self.state}.", where=self.id, code="stage")
        if commitment not in self.selection:
            hint = f"This review has: {', '.join(self.selection)}."
            raise RuleError(f"{commitment} is not in the set to be assessed.", where=self.id, hint=hint, code="set")

    def coverage(self) -> str:
        """How many of the register are assessed, in words: printed with every table."""
        return coverage(len(self.selection), self.registered)

    def as_dict(self) -> dict[str, Any]:
        """Plain data without floats."""
        return {
            "id": self.id,
            "state": self.state,
            "registered": self.registered,
            "selection": dict(self.selection),
            "guideline": self.guideline,
            "release": self.release,
            "report": self.report,
            "comments_end": self.comments_end,
            "comments": [{"member": c.member, "text": c.text, "at": c.at} for c in self.comments],
        }

    def _check(self, new: str) -> None:
        try:
            check_transition(self.state, new)
        except RuleError as error:
            raise RuleError(error.what, where=self.id, code=error.code) from None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What one member recommends to another. `specific`: it says what is to be done, so that one can see if it was."""

    id: str
    sender: str
    to: str
    text: str
    specific: bool
    answer: str = ""
    reason: str = ""
    followed_in: str = ""
    outcome: str = ""

    def __post_init__(self) -> None:
        if self.sender == self.to:
            hint = "Recommend to another member, or make a commitment of your own."
            raise RuleError(f"{self.sender} recommends to itself.", where=self.id, hint=hint, code="to_itself")
        if not self.text.strip():
            raise InputError("the recommendation is empty.", where=self.id, hint="Say what is recommended.")

    def answered(self, by: str, answer: str, reason: str = "") -> Recommendation:
        """After it was accepted or noted; what is only noted needs a reason.

        Raises:
            RuleError: answered before, by another member, or noted without a reason.
            InputError: another answer.
        """
        if by != self.to:
            raise RuleError(f"{by} answers what was recommended to {self.to}.", where=self.id, code="not_asked")
        if self.answer:
            hint = "An answer stands; what changed is said in the next cycle."
            raise RuleError(f"it was {self.answer} before.", where=self.id, hint=hint, code="answered")
        if answer not in ANSWERS:
            hint = f"A recommendation is {listed(ANSWERS)}."
            raise InputError(f'"{answer}" is not an answer.', where=self.id, hint=hint, code="answer")
        if answer == "noted" and not reason.strip():
            raise RuleError("noted without a reason.", where=self.id, hint="Say why.", code="no_reason")
        return replace(self, answer=answer, reason=reason)

    def followed(self, cycle: str, outcome: str) -> Recommendation:
        """After a later review looked at what came of it: `done`, `partly` or `not done`.

        Raises:
            RuleError: it was not accepted, or is too general to be followed.
            InputError: another outcome.
        """
        if self.answer != "accepted" or not self.specific:
            hint = "Followed up are accepted recommendations that say what is to be done."
            raise RuleError("there is nothing to follow up.", where=self.id, hint=hint, code="not_followed")
        if outcome not in OUTCOMES:
            hint = f"It is {listed(OUTCOMES)}."
            raise InputError(f'"{outcome}" is not an outcome.', where=self.id, hint=hint, code="outcome")
        return replace(self, followed_in=cycle, outcome=outcome)


def _hash(text: str, what: str, where: str) -> str:
    if not _HASH.fullmatch(text):
        hint = "Give its SHA-256, 64 lower-case hexadecimal digits."
        raise InputError(f'"{text}" is not the hash of a {what}.', where=where, hint=hint, code="hash")
    return text
