"""The supervisors' exchange on fintech: questions among members and their answers, sandbox records, who owes what.

    for question in questions_of(exchange, members, supervisors):
        print(question.id, question.open_for)        # who has neither answered nor declined
    rows = read_sandboxes(text)                      # records of schema concordat/sandbox@1

No new system: questions and answers are entries (`QuestionAsked`, `AnswerGiven`) whose texts lie beside the log and go
out under TLP as incidents do; cases are those of section 6 with a fintech area; sandbox records are datasets on terms
(`purpose: supervision`, `onward: none`). A question is put to members or to a group: `supervision` are the members with
a key that may sign for `exchange:supervision`. A day is due at its end, in UTC. Source: exchange.md, section 10.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError
from concordat.settings import parse_yaml, validate

DUE_DAYS = 14
MAY = "exchange:supervision"
AREAS = ("big_data_ai", "blockchain_currency", "crowd_p2p", "third_party_payment")
# Which item of the T20/BRICS policy brief speaks of an area (`seed_commitments.yaml`, FIN-d to FIN-f).
ITEMS = {"crowd_p2p": "FIN-d", "third_party_payment": "FIN-e", "blockchain_currency": "FIN-f", "big_data_ai": "FIN-f"}
_DAY = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


@dataclass(frozen=True, slots=True)
class Question:
    """A question and how far it was answered.

    Attributes:
        asker, id: whose it is. area: fintech area, or empty. label: TLP. due: the end of its last day, in seconds.
        asked_of: members that owe an answer. answered, declined: member -> entry, member -> reason. entry: that asked.
    """

    asker: str
    id: str
    area: str
    label: str
    due: int
    asked_of: tuple[str, ...]
    answered: Mapping[str, str]
    declined: Mapping[str, str]
    entry: str

    @property
    def open_for(self) -> tuple[str, ...]:
        """The members that have neither answered nor declined."""
        return tuple(m for m in self.asked_of if m not in self.answered and m not in self.declined)


def supervisors_of(members: Iterable[Any]) -> frozenset[str]:
    """The members with a key that may sign for `exchange:supervision` (`ledger.membership`)."""
    return frozenset(m.id for m in members if any(MAY in key.may for key in m.persons))


def questions_of(exchange: Any, members: Iterable[str], supervisors: Iterable[str]) -> list[Question]:
    """All questions of an exchange's state, by asker and id."""
    groups = {"bloc": frozenset(members), "supervision": frozenset(supervisors)}
    found = []
    for key in exchange.keys("question"):
        asked = exchange.of("question", key, "published")
        if not asked:
            continue  # answers to what nobody here has seen yet
        body = min(asked, key=lambda fact: (fact.seq, fact.entry)).body
        to = frozenset(body.to) if body.to else groups[body.group]
        answers = exchange.of("question", key, "answered")
        given = {f.author: f.entry for f in reversed(answers) if f.body.document is not None}
        declined = {f.author: f.body.declined for f in reversed(answers) if f.body.declined and f.author not in given}
        found.append(
            Question(key[0], key[1], body.area or "", body.label, end_of_day(body.due), tuple(sorted(to - {key[0]})),
                     given, declined, asked[0].entry)
        )  # fmt: skip
    return found


def end_of_day(day: str) -> int:
    """24:00 UTC of a day, in seconds since 1970.

    Raises:
        InputError: not a day.
    """
    try:
        found = date.fromisoformat(day)
    except ValueError:
        raise InputError(f'"{day[:40]}" is not a day.', where="due", hint="As 2026-12-31.", code="day") from None
    return int(datetime.combine(found + timedelta(days=1), datetime.min.time(), UTC).timestamp())


def default_due(now: int) -> str:
    """The day two weeks on: when a question is due that says nothing."""
    return (datetime.fromtimestamp(now, UTC).date() + timedelta(days=DUE_DAYS)).isoformat()


# --- Sandbox records --------------------------------------------------------------------------------------------------


class Sandbox(BaseModel):
    """One firm in one sandbox. firm_ref: a salted hash, never a name. rules_relaxed: codes of provisions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    firm_ref: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    product: Annotated[str, Field(min_length=1, max_length=200)]
    fintech_area: Literal["big_data_ai", "blockchain_currency", "crowd_p2p", "third_party_payment"]
    start: _DAY
    end: _DAY | None = None
    rules_relaxed: list[Annotated[str, Field(pattern=r"^[A-Z]{2}-[A-Z0-9]{2,8}$")]] = []
    customers_max: Annotated[int, Field(ge=0)] | None = None
    incidents: Annotated[int, Field(ge=0)] | None = None
    outcome: Literal["authorised", "changed", "running", "stopped"]
    lessons: Annotated[str, Field(max_length=2_000)] = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    schema_: str = Field(alias="schema")
    member: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    records: Annotated[list[Sandbox], Field(max_length=10_000)]


def read_sandboxes(text: str | bytes, where: str = "sandbox") -> tuple[str, list[Sandbox]]:
    """The member and the records of a file (`concordat/sandbox@1`).

    Raises:
        InputError: not such a file, an unknown key, an end before its start, or a contact in a text.
    """
    document = parse_yaml(text, where=where, schema="sandbox@1")
    found = validate(document, _File)
    for number, record in enumerate(found.records):
        place = document.place("records", number)
        for day in (record.start, record.end):
            if day is not None:
                end_of_day(day)
        if record.end is not None and record.end < record.start:
            raise InputError(f"it ends {record.end}, before it starts.", where=place, code="dates")
        if (record.outcome == "running") == (record.end is not None):
            what = f"it is {record.outcome}, and has {'an' if record.end else 'no'} end."
            raise InputError(what, where=place, hint="Only what has ended has an end.", code="dates")
        if re.search(r"\S@\S+\.\S", f"{record.product} {record.lessons}"):
            raise InputError("an e-mail address in the text.", where=place, hint="Leave it out.", code="contact")
    return found.member, list(found.records)


@dataclass(frozen=True, slots=True)
class SandboxCount:
    """Sandboxes of one member in one area: how many, by outcome; incidents where each record says how many."""

    member: str
    area: str
    item: str
    outcomes: Mapping[str, int]
    incidents: int | None


def sandbox_counts(files: Sequence[tuple[str, Sequence[Sandbox]]]) -> list[SandboxCount]:
    """Statistics by member and area; the firms stay where they are."""
    found = []
    grouped: dict[tuple[str, str], list[Sandbox]] = {}
    for member, records in files:
        for record in records:
            grouped.setdefault((member, record.fintech_area), []).append(record)
    for (member, area), records in sorted(grouped.items()):
        kinds: list[str] = sorted({r.outcome for r in records})
        outcomes = {kind: sum(r.outcome == kind for r in records) for kind in kinds}
        said = [r.incidents for r in records if r.incidents is not None]
        incidents = sum(said) if len(said) == len(records) else None
        found.append(SandboxCount(member, area, ITEMS[area], outcomes, incidents))
    return found
