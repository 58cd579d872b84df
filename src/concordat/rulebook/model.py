"""What the rulebook speaks of: instruments, who takes part since when, their units of text, and how these are coded.

Frozen dataclasses of plain values; ids are strings and are never reused. Two things differ from the usual record:

- A date may be cut to a month or a year because no more is known. `PartialDate` is the interval of days that it can
  mean, and every question about dates has three answers: yes if each reading says yes, no if none does, else unknown.
- A mark goes with every fact: verified, partly or unverified. What is made of several facts carries the weakest.

    >>> entry = PartialDate.parse("2021-01")
    >>> entry.first.isoformat(), entry.last.isoformat()
    ('2021-01-01', '2021-01-31')
    >>> entry.by(date(2021, 1, 15)).value, entry.by(date(2021, 2, 1)).value
    ('unknown', 'yes')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from concordat.world._dates import span

TYPES = (
    "trade_agreement_chapter", "digital_agreement", "convention", "declaration", "soft_principles", "mechanism",
    "standard", "model_law", "regulation",
)  # fmt: skip
BINDING = ("binding", "mixed", "soft", "voluntary", "model", "none")
SOFT = frozenset(("soft", "voluntary", "model", "none"))  # these cap the legal depth at 1
ROLES = ("party", "signatory", "applicant", "adherent", "observer")
RELATIONS = ("amends", "replaces", "incorporates", "builds_on", "implements", "conflicts", "suspends")
UNIT_KINDS = ("chapter", "article", "paragraph", "annex", "footnote")
METHODS = ("lexicon", "model", "few_shot", "human", "import")
FLAGS = ("exceptions", "dispute_settlement", "transition", "self_judging", "committee")
MARKS = ("verified", "partly", "unverified")  # from the strongest to the weakest
LANGUAGES = ("en", "es", "fr", "pt", "zh", "ru")
OTHER = "OTHER"  # an article that is not about a digital matter


# --- Three answers ------------------------------------------------------------------------------------------------


class Truth(StrEnum):
    """An answer that may be unknown."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, known: bool) -> Truth:
        """Yes or no."""
        return cls.YES if known else cls.NO


def all_of(answers: Iterable[Truth]) -> Truth:
    """No if one is no, yes if all are yes, else unknown (Kleene's strong logic)."""
    found = set(answers)
    if Truth.NO in found:
        return Truth.NO
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.YES


def any_of(answers: Iterable[Truth]) -> Truth:
    """Yes if one is yes, no if all are no, else unknown."""
    found = set(answers)
    if Truth.YES in found:
        return Truth.YES
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.NO


def negated(answer: Truth) -> Truth:
    """The opposite; of unknown, unknown."""
    return {Truth.YES: Truth.NO, Truth.NO: Truth.YES}.get(answer, Truth.UNKNOWN)


def weakest(marks: Iterable[str]) -> str:
    """The weakest of some marks; verified of none."""
    return max(marks, key=MARKS.index, default=MARKS[0])


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date as written, and the first and the last day that it can mean."""

    text: str
    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> PartialDate:
        """From `2020`, `2020-06` or `2020-06-12`.

        Raises:
            InputError: no such date.
        """
        first, after = span(text)
        return cls(text, first, after - timedelta(days=1))

    def by(self, day: date) -> Truth:
        """Whether it has come by the end of a day."""
        if self.last <= day:
            return Truth.YES
        return Truth.NO if self.first > day else Truth.UNKNOWN

    def after(self, other: PartialDate) -> Truth:
        """Whether it is a later day than another."""
        if self.first > other.last:
            return Truth.YES
        return Truth.NO if self.last <= other.first else Truth.UNKNOWN


# --- Instruments and who takes part ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instrument:
    """A treaty or one of its chapters, an agreement, declaration, standard or model law.

    Attributes:
        type: one of `TYPES`. form: how it was published (policy_brief, editorial, ...), where that says more.
        adopted, signed, in_force, ended: None where not known, or where it has not come.
        status: the words of the catalogue. binding: one of `BINDING`; binding_note: the original words.
        parties_note: what is to be known of the list of parties; complete: whether absence from it means anything.
        evidence: where the facts were read. mark: verified, partly or unverified.
    """

    id: str
    name: str
    short_name: str
    type: str
    form: str
    adopted: PartialDate | None
    signed: PartialDate | None
    in_force: PartialDate | None
    ended: PartialDate | None
    status: str
    binding: str
    binding_note: str
    topics: tuple[str, ...]
    url: str
    parties_note: str
    complete: bool
    evidence: tuple[str, ...]
    mark: str


@dataclass(frozen=True, slots=True)
class Participation:
    """One party's part in an instrument: an ISO 3166 alpha-3 code or `EU`, its role, its dates.

    Attributes:
        provisional: from when it is applied before it is in force.
        in_force_towards: entry into force towards single parties, None where not known; it overrides `in_force`.
        directed_to: of a one-way act, who it concerns; empty: all.
        reservations: in the words of the source.
        unknown: dates that are known not to be known: the instrument's own date does not stand in for them.
        suspended: from when to when (None: still).
        dated: whether the row has a date of its own; where not, the instrument's is used and marked unverified.
    """

    instrument: str
    party: str
    role: str
    signed: PartialDate | None = None
    ratified: PartialDate | None = None
    in_force: PartialDate | None = None
    withdrawn: PartialDate | None = None
    provisional: PartialDate | None = None
    suspended: tuple[PartialDate, PartialDate | None] | None = None
    in_force_towards: Mapping[str, PartialDate | None] = field(default_factory=dict)
    directed_to: tuple[str, ...] = ()
    reservations: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    source: str = ""
    seen_on: str = ""
    mark: str = "unverified"

    @property
    def dated(self) -> bool:
        """Whether the row says itself when it came into force."""
        return self.in_force is not None


@dataclass(frozen=True, slots=True)
class Relation:
    """What one instrument does to another: one of `RELATIONS`."""

    from_id: str
    to_id: str
    kind: str
    source: str = ""


# --- Texts and codings ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """Where a unit's text stands: the SHA-256 of the raw file, and a range of its bytes (empty where not known)."""

    sha256: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of text with an address: `depa/4.3/1` is paragraph 1 of article 4.3.

    Attributes:
        kind: one of `UNIT_KINDS`. number: as printed, without its word ("4.3"); heading: empty where there is none.
        text: normalised. parent: the id of the unit that it is part of, "" at the top. order: of the whole instrument.
        sha256: of the text.
    """

    id: str
    instrument: str
    kind: str
    number: str
    heading: str
    text: str
    lang: str
    order: int
    parent: str
    sha256: str
    source: Source
    alternative_id: str = ""


@dataclass(frozen=True, slots=True)
class Coding:
    """That a unit holds a provision, how hard, and how sure that is.

    Attributes:
        depth: 0 not addressed, 1 soft, 2 binding; None where it was not judged.
        flags: of `FLAGS`: True or False; one that isn't there is not known.
        probability: None where no method gives one (reason "uncalibrated").
        span: start and end of the quoted place in the unit's text.
        method: one of `METHODS`. coder: who or which mode. supersedes: the coding that this one replaces.
        state: auto, review or disputed.
    """

    id: str
    unit: str
    provision: str
    depth: int | None
    flags: Mapping[str, bool]
    probability: float | None
    span: tuple[int, int] | None
    method: str
    model_version: str
    coder: str
    coded_on: str
    reason: str = ""
    supersedes: str = ""
    state: str = "auto"
    licence: str = ""


@dataclass(frozen=True, slots=True)
class ParsedInstrument:
    """What a reader makes of a file: the units in order, facts that the file states of itself, and warnings."""

    id: str
    title: str
    lang: str
    units: tuple[Unit, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    parties: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommitmentDraft:
    """A proposal that a document makes and `council` may take up: never a commitment by itself."""

    id: str
    instrument: str
    unit: str
    kind: str
    who: str
    what: str
    beneficiary: str
    anchor: str
    due: str | None
    due_reason: str
    review_level: str
    measures: tuple[Mapping[str, str], ...]
    force: str = "soft"
    agenda: bool = False


@dataclass(frozen=True, slots=True)
class TextChange:
    """What a new version of a text did to its units, by their ids, and to what people decided of them.

    Attributes:
        changed: units whose words, heading, number, kind, language or place are others.
        replaced: whether there was a text before, of other bytes.
        lapsed: decisions on words that are gone or changed, now in the history. revived: on words that are back.
    """

    added: tuple[str, ...]
    gone: tuple[str, ...]
    changed: tuple[str, ...]
    replaced: bool = False
    lapsed: tuple[Coding, ...] = ()
    revived: tuple[Coding, ...] = ()
