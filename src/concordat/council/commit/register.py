"""Which commitments are there, where does each come from, and how far along is it?

A commitment is discrete, specific, public, collective and about the future. It begins as a proposal out of a document
(`seed`), or out of a decision, and goes

    registered -> specified (baseline, target, indicator) -> active -> reviewed* -> completed | lapsed | superseded

A document may be replaced, or its date may pass, before anybody set a target: so each state that is not an end may also
go to `lapsed` or `superseded`. Items that promise nothing (rule areas, principles, statements, diagnoses) stand in the
register as reading matter and agenda, and never change their state. An issued id is never reused.

What it doesn't do: it keeps no events and asks no clock; the fold over the council's events calls it.

    >>> check_transition("registered", "specified")
    >>> check_transition("registered", "completed")
    Traceback (most recent call last):
    ...
    concordat.errors.RuleError: from registered one goes to specified, lapsed or superseded, not to completed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from concordat import canonical
from concordat.errors import InputError, RuleError
from concordat.rulebook.seeds import DRAFTED, Seeds
from concordat.settings import nearest

TRANSITIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "registered": ("specified", "lapsed", "superseded"),
        "specified": ("active", "lapsed", "superseded"),
        "active": ("reviewed", "completed", "lapsed", "superseded"),
        "reviewed": ("reviewed", "completed", "lapsed", "superseded"),
        "completed": (),
        "lapsed": (),
        "superseded": (),
    }
)
FIRST_AGENDA = "set baseline, target, date"
JUDGEMENT = "qualitative"  # the source of a measure that needs a person's judgement
NO_DATE = "the text sets no date"


def check_transition(old: str, new: str) -> None:
    """Whether a commitment may go from one state to another.

    Raises:
        RuleError: it may not; the message lists where it may go.
        InputError: a state that is none.
    """
    for state in (old, new):
        if state not in TRANSITIONS:
            close = nearest(state, TRANSITIONS)
            hint = f'Did you mean "{close[0]}"?' if close else f"States: {', '.join(TRANSITIONS)}."
            raise InputError(f'"{state}" is not a state of a commitment.', hint=hint, code="unknown_state")
    allowed = TRANSITIONS[old]
    if new not in allowed:
        ways = f"to {listed(allowed)}, not to {new}" if allowed else f"nowhere, as it is an end; not to {new}"
        raise RuleError(f"from {old} one goes {ways}.", code="transition")


def listed(words: Collection[str]) -> str:
    """Words as a list in a sentence: "a, b or c"."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


@dataclass(frozen=True, slots=True)
class Anchor:
    """Whether the quotation that finds an item's place stands in the user's own copy of the document.

    Attributes:
        status: `found` (word for word, but for spaces, quotation marks and case), `close` (at least four words of
            five), `not found`, `not checked` (no text was given).
        span: start and end in the text, where there is a place.
        overlap: the share of its words that stand there.
    """

    words: str
    status: str = "not checked"
    span: tuple[int, int] | None = None
    overlap: float | None = None

    def __str__(self) -> str:
        return f"anchor {self.status}"


@dataclass(frozen=True, slots=True)
class Measure:
    """How an item may be measured. `status` tells of codes that the evidence should know (source `wb`).

    Attributes:
        number: its place among the item's measures, from 1.
        status: `resolved`, `unresolved`, `not checked`, or empty for sources whose codes are not looked up here.
        indicator: the id that a `resolved` code stands for.
    """

    number: int
    source: str
    code: str = ""
    tells: str = ""
    note: str = ""
    status: str = ""
    indicator: str = ""


@dataclass(frozen=True, slots=True)
class Commitment:
    """One item of the register.

    Attributes:
        state: one of `TRANSITIONS`; empty for reading matter, which is no commitment.
        due: as the text says, None with `due_reason` where it sets no date.
        agenda: proposed for the first agenda.
    """

    id: str
    document: str
    kind: str
    topic: str
    who: str
    what: str
    beneficiary: str
    anchor: Anchor
    due: str | None
    due_reason: str
    review_level: str
    measures: tuple[Measure, ...]
    agenda: bool
    state: str = "registered"

    @property
    def proposed(self) -> bool:
        """Whether it is a commitment or can become one."""
        return bool(self.state)

    @property
    def judged_only(self) -> bool:
        """Whether it has no measure but somebody's judgement."""
        return all(m.source == JUDGEMENT for m in self.measures)

    def as_dict(self) -> dict[str, Any]:
        """The item as plain data without floats, for events and hashes."""
        return {
            "id": self.id,
            "document": self.document,
            "kind": self.kind,
            "topic": self.topic,
            "who": self.who,
            "what": self.what,
            "for": self.beneficiary,
            "anchor": self.anchor.words,
            "due": self.due,
            "due_reason": self.due_reason,
            "review_level": self.review_level,
            "measures": [{"source": m.source, "code": m.code, "tells": m.tells, "note": m.note} for m in self.measures],
            "agenda": self.agenda,
            "state": self.state,
        }


@dataclass(frozen=True, slots=True)
class AgendaItem:
    """What the meeting is asked to take up, and which items of the register it is about."""

    title: str
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """An indicator code of the source `wb`: which items name it, and whether the evidence knows it."""

    code: str
    items: tuple[str, ...]
    status: str
    indicator: str = ""


@dataclass(frozen=True)
class Register:
    """All items, in the order of their registration."""

    items: tuple[Commitment, ...] = ()
    _places: Mapping[str, int] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        places = {item.id: n for n, item in enumerate(self.items)}
        if len(places) < len(self.items):
            twice = next(item.id for n, item in enumerate(self.items) if places[item.id] != n)
            raise RuleError(f'"{twice}" stands twice in the register.', hint="Issued ids are never reused.")
        object.__setattr__(self, "_places", places)

    @classmethod
    def load_seed(
        cls,
        seeds: Seeds | str | bytes | None = None,
        *,
        documents: Mapping[str, str] | None = None,
        known_codes: Collection[str] | Mapping[str, str] | None = None,
    ) -> Register:
        """The register that the five source documents give: `seed.register_of` says how.

        >>> print(Register.load_seed().summary())  # doctest: +NORMALIZE_WHITESPACE
        104 items: 93 commitments proposed, 64 on the agenda. 5 have no measure but judgement. 94 have no date:
        item 1 is "set baseline, target, date".
        """
        from concordat.council.commit import seed

        return cls(seed.register_of(seeds, documents=documents, known_codes=known_codes))

    def __getitem__(self, name: str) -> Commitment:
        """An item by its id.

        Raises:
            InputError: no such item.
        """
        if name in self._places:
            return self.items[self._places[name]]
        close = nearest(name, self._places)
        hint = f'Did you mean "{close[0]}"?' if close else f"The register has {len(self.items)} items."
        raise InputError(f'"{name}" is not in the register.', hint=hint, code="unknown_commitment")

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self.items)

    def added(self, *items: Commitment) -> Register:
        """The register with further items.

        Raises:
            RuleError: an id that was issued before.
        """
        for item in items:
            if item.id in self._places:
                hint = "Issued ids are never reused: give another one."
                raise RuleError(f'"{item.id}" is in the register already.', hint=hint, code="duplicate")
        return Register((*self.items, *items))

    def moved(self, name: str, state: str) -> Register:
        """The register after one of its commitments went to another state.

        Raises:
            InputError: no such item or state.
            RuleError: not a commitment, or not from where it is.
        """
        item = self[name]
        if not item.proposed:
            can = ", ".join(DRAFTED)
            hint = f"Of a document's items, these can become commitments: {can}."
            raise RuleError(f'"{name}" is a {item.kind}, which can\'t become a commitment.', hint=hint, code="kind")
        try:
            check_transition(item.state, state)
        except RuleError as error:
            raise RuleError(error.what, where=name, hint=error.hint, code=error.code) from None
        place = self._places[name]
        return Register((*self.items[:place], replace(item, state=state), *self.items[place + 1 :]))

    @property
    def commitments(self) -> tuple[Commitment, ...]:
        """Items that are commitments, or proposed as such."""
        return tuple(item for item in self.items if item.proposed)

    @property
    def agenda(self) -> tuple[AgendaItem, ...]:
        """The first agenda: first what is to be set for each commitment without a target, then the marked items."""
        bare = tuple(item.id for item in self.items if item.state == "registered")
        marked = tuple(AgendaItem(item.what, (item.id,)) for item in self.items if item.agenda)
        return ((AgendaItem(FIRST_AGENDA, bare),) if bare else ()) + marked

    @property
    def codes(self) -> tuple[CodeCheck, ...]:
        """The distinct indicator codes of the source `wb`, in alphabetical order."""
        named: dict[str, list[tuple[str, Measure]]] = {}
        for item in self.items:
            for measure in item.measures:
                if measure.source == "wb":
                    named.setdefault(measure.code, []).append((item.id, measure))
        found = []
        for code, uses in sorted(named.items()):
            first = uses[0][1]
            found.append(CodeCheck(code, tuple(dict.fromkeys(i for i, _ in uses)), first.status, first.indicator))
        return tuple(found)

    def unresolved(self) -> tuple[CodeCheck, ...]:
        """The codes that the evidence does not know."""
        return tuple(c for c in self.codes if c.status == "unresolved")

    def anchors(self, status: str) -> tuple[Commitment, ...]:
        """The items whose anchor has a status: `found`, `close`, `not found`, `not checked`."""
        return tuple(item for item in self.items if item.anchor.status == status)

    def summary(self) -> str:
        """The register in one line, as `council import-seed` prints it."""
        marked = sum(item.agenda for item in self.items)
        judged = sum(item.judged_only for item in self.items)
        undated = sum(item.due is None for item in self.items)
        first = [f'item {n} is "{a.title}"' for n, a in enumerate(self.agenda, 1) if a.title == FIRST_AGENDA]
        told = f": {first[0]}" if first and undated else ""
        return (
            f"{len(self.items)} items: {len(self.commitments)} commitments proposed, {marked} on the agenda. "
            f"{judged} {'has' if judged == 1 else 'have'} no measure but judgement. "
            f"{undated} {'has' if undated == 1 else 'have'} no date{told}."
        )

    def checks(self) -> tuple[str, ...]:
        """What became of the anchors and codes, a line each; what was not found is listed by name."""
        lines = []
        for status in ("found", "close", "not found", "not checked"):
            items = self.anchors(status)
            if items:
                names = "" if status in ("found", "not checked") else ": " + ", ".join(i.id for i in items)
                lines.append(f"Anchors {status}: {len(items)}{names}.")
        for status in ("resolved", "unresolved", "not checked"):
            codes = [c.code for c in self.codes if c.status == status]
            if codes:
                names = ": " + ", ".join(codes) if status == "unresolved" else ""
                lines.append(f"World Bank codes {status}: {len(codes)}{names}.")
        return tuple(lines)

    def digest(self) -> str:
        """SHA-256 of the register's canonical form; anchors and codes that were looked up here do not enter it."""
        return canonical.digest([item.as_dict() for item in self.items])
