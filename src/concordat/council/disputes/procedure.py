"""Which written procedure does a dispute follow: stages, deadlines, who may do what, read from a file and checked.

A procedure is a stage machine as data (docs/reference/dispute-procedures.md lists every key). The loader refuses what
could leave a case without a way: a stage that nothing reaches, a deadline without `on_expiry`, stages that expire in a
circle, names that are neither stages nor ends, an unknown key, actor, event or zone (with the nearest one). The hash is
that of the file's canonical form, so layout and remarks do not count; every case carries it.

Shipped: `council-default` and `odr` (numbers are ours), `expedited` (UNCITRAL Expedited Arbitration Rules 2021),
`dsu` (WTO Dispute Settlement Understanding, mostly from general knowledge: unverified), `icdpaso` (numbers are
placeholders for the parties' own). They are aids and no legal advice: check the current text.

    >>> dsu = Procedure.shipped("dsu")
    >>> dsu.status, str(dsu.stage("consultations").deadline), dsu.stage("consultations").on_expiry
    ('unverified', '60d from DisputeFiled', 'panel_request')
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.council.disputes._procedure_keys import (
    CalendarKeys,
    ElseKeys,
    ExtensionKeys,
    MoveKeys,
    NeutralKeys,
    ProcedureFile,
    StageKeys,
)
from concordat.council.disputes.calendars import Calendar, Period, zone
from concordat.errors import InputError
from concordat.settings import Document, nearest, parse_yaml, validate

FOLDER = Path(__file__).parent / "procedures"
SHIPPED = ("council-default", "dsu", "expedited", "icdpaso", "odr")

# What may stand under `events` of a stage, and who makes it where the file does not say.
MOVES = {
    "ResponseFiled": "respondent",
    "StageAdvanced": "both",
    "DecisionIssued": "neutral",
    "DecisionAdopted": "council",
    "DecisionRejected": "council",
    "SettlementReached": "both",
    "DisputeWithdrawn": "complainant",
}
ANCHORS = (*MOVES, "DisputeFiled", "NeutralAppointed")
# Names that need no declaration. `yearly_review`: the case goes on the agenda of the yearly review.
ACTORS = ("both", "either", "complainant", "respondent", "neutral", "any", "chair", "council")
ENDS = {
    "settled": "the parties settled",
    "withdrawn": "the complainant withdrew",
    "rejected": "the decision was not adopted",
    "closed": "the procedure ended",
    "yearly_review": "handed over to the yearly review",
}
_FROM = re.compile(r"(?P<period>\S+)( from (?P<anchor>[A-Za-z_][A-Za-z0-9_]*)(#(?P<number>[1-9][0-9]?))?)?")
_MOVE = re.compile(r"(?P<event>[A-Za-z]+)(/(?P<outcome>[a-z][a-z0-9_]*))?")


@dataclass(frozen=True, slots=True)
class Timer:
    """A period and what it is counted from: an event, the k-th neutral, a stage; empty: entering the stage."""

    period: Period
    anchor: str = ""

    def __str__(self) -> str:
        return f"{self.period} from {self.anchor}" if self.anchor else str(self.period)


@dataclass(frozen=True, slots=True)
class Extension:
    """Who may extend; all extensions together at most; the whole never longer than; how many times."""

    by: str
    at_most: Period | None
    in_all: Timer | None
    times: int | None


@dataclass(frozen=True, slots=True)
class Appointment:
    """Who appoints, from `roster` or `anyone`, and who may instead after some time."""

    by: str
    source: str
    fallback: str = ""
    fallback_source: str = "anyone"
    after: Period | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """An event (with an outcome, if named) that leads to a stage or an end.

    It counts from the day `not_before` names on, or once the period `after` has ended.
    """

    event: str
    outcome: str
    to: str
    by: str
    not_before: Timer | None
    after: Timer | None

    @property
    def key(self) -> str:
        """As it is written in the file."""
        return f"{self.event}/{self.outcome}" if self.outcome else self.event


@dataclass(frozen=True, slots=True)
class Also:
    """A duty beside the stage's own: told with its date, and moves nothing."""

    what: str
    by: str
    timer: Timer


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, as the file says and with what it leaves to defaults."""

    name: str
    title: str
    mark: str
    note: str
    deadline: Timer | None
    urgent: Timer | None
    may_set: bool
    on_expiry: str
    extension: Extension | None
    bench: str
    appointment: Appointment | None
    neutrals: int
    complete: str
    decide: str
    expects: str
    owes: str
    final: bool
    also: tuple[Also, ...]
    moves: tuple[Move, ...]

    def targets(self) -> tuple[str, ...]:
        """The stages and ends that come after this one."""
        return tuple(t for t in (self.on_expiry, self.complete, *(m.to for m in self.moves)) if t)


@dataclass(frozen=True)
class Procedure:
    """A checked procedure; `document` is the file with its first stage said, `hash` that of its canonical bytes."""

    name: str
    version: int
    title: str
    status: str
    note: str
    agreement: bool
    calendar: Calendar
    roles: tuple[str, ...]
    challenges: int
    start: str
    stages: tuple[Stage, ...]
    ends: Mapping[str, str]
    document: Mapping[str, Any]
    hash: str

    @classmethod
    def load(cls, text: str | bytes, *, where: str = "procedure.yaml") -> Procedure:
        """The procedure from its file.

        Raises:
            InputError: not such a file, or one of the faults the module docstring names; with line and nearest name.
        """
        return _build(parse_yaml(text, where=where, schema="procedure@1"))

    @classmethod
    def shipped(cls, name: str) -> Procedure:
        """One of the packaged procedures.

        Raises:
            InputError: no such procedure.
        """
        if name not in SHIPPED:
            close = nearest(str(name), SHIPPED)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(SHIPPED)}."
            raise InputError(f'"{str(name)[:40]}" is not a procedure I ship.', hint=hint, code="unknown_procedure")
        return _shipped(name)

    @classmethod
    def from_value(cls, value: Mapping[str, Any], *, where: str = "procedure") -> Procedure:
        """The procedure from what `document` holds."""
        return _build(Document(dict(value), where, {}))

    def stage(self, name: str) -> Stage:
        """A stage by its name.

        Raises:
            InputError: no such stage.
        """
        found = self.by_name.get(name)
        if found is None:
            close = nearest(name, self.by_name)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(self.by_name)}."
            raise InputError(f'"{name}" is not a stage of {self.name}.', hint=hint, code="unknown_stage")
        return found

    @property
    def by_name(self) -> dict[str, Stage]:
        """Stages by name."""
        cached: dict[str, Stage] = self.__dict__.setdefault("_by_name", {s.name: s for s in self.stages})
        return cached

    def __hash__(self) -> int:
        return hash(self.hash)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Procedure) and self.hash == other.hash

    def adapted(
        self, *, calendar: Mapping[str, Any] | None = None, deadlines: Mapping[str, str] | None = None
    ) -> Procedure:
        """The same procedure with the parties' own calendar or numbers; another file, so another hash.

        Args:
            calendar: keys of `calendar` to replace.
            deadlines: stage to the text of its deadline (`45d`, `3mo from NeutralAppointed#1`).
        """
        document = dict(self.document)
        document["calendar"] = {**document["calendar"], **(calendar or {})}
        document["stages"] = {name: dict(keys) for name, keys in document["stages"].items()}
        for name, text in (deadlines or {}).items():
            document["stages"][self.stage(name).name]["deadline"] = text
        return Procedure.from_value(document, where=f"{self.name}, adapted")


@cache
def _shipped(name: str) -> Procedure:
    file = FOLDER / f"{name}.yaml"
    return Procedure.load(file.read_bytes(), where=f"concordat/council/disputes/procedures/{name}.yaml")


# --- From keys to meaning -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Names:
    """Where in the file, and which names may stand there."""

    document: Document
    keys: ProcedureFile

    @property
    def targets(self) -> tuple[str, ...]:
        return (*self.keys.stages, *self.keys.ends, *ENDS)

    def known(self, word: str, words: tuple[str, ...], what: str, *path: str | int) -> str:
        if word in words:
            return word
        close = nearest(word, words)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(dict.fromkeys(words))}."
        place = self.document.place(*path)
        raise InputError(f'"{word[:60]}" is not {what} I know here.', where=place, hint=hint, code="unknown_name")

    def target(self, word: str, *path: str | int) -> str:
        return self.known(word, self.targets, "a stage or an end", *path)

    def actor(self, word: str, *path: str | int) -> str:
        return self.known(word, (*ACTORS, *self.keys.roles), "an actor", *path)

    def period(self, text: str, *path: str) -> Period:
        return Period.parse(text, where=self.document.place(*path))

    def timer(self, text: str, *path: str | int) -> Timer:
        found = _FROM.fullmatch(text)
        place = self.document.place(*path)
        if not found:
            hint = "Write a period, or a period and its start: 14d, 4mo from NeutralAppointed#3, 30d from consultation."
            raise InputError(f'"{text[:60]}" is not a deadline.', where=place, hint=hint, code="period")
        period, anchor = Period.parse(found["period"], where=place), found["anchor"] or ""
        if anchor:
            self.known(anchor, (*ANCHORS, *self.keys.stages), "an event or a stage", *path)
        if found["number"] and anchor != "NeutralAppointed":
            raise InputError("only neutrals are numbered.", where=place, hint="Leave out the #.", code="period")
        if anchor == "NeutralAppointed":
            anchor += f"#{found['number'] or 1}"
        return Timer(period, anchor)


def _build(document: Document) -> Procedure:
    keys = validate(document, ProcedureFile)
    names = _Names(document, keys)
    if keys.parties != ["complainant", "respondent"]:
        hint = "Write parties: [complainant, respondent]."
        raise InputError("a procedure has two parties.", where=document.place("parties"), hint=hint, code="parties")
    for end in (e for e in keys.ends if e in keys.stages):
        raise InputError(f'"{end}" is a stage and an end.', where=document.place("ends", end), hint="Rename one.")
    for role in (r for r in keys.roles if r in ACTORS):
        raise InputError(f'"{role}" needs no declaration.', where=document.place("roles"), hint="Leave it out.")
    stages = tuple(_stage(names, name, stage) for name, stage in keys.stages.items())
    start = names.known(keys.start or stages[0].name, tuple(keys.stages), "a stage", "start")
    # Canonical bytes sort their keys, so the first stage must be said, or two files with one hash could differ.
    written = {**document.value, "start": start}
    _check_reachable(names, stages, start)
    _check_circles(names, stages)
    return Procedure(
        name=keys.procedure,
        version=keys.version,
        title=keys.title,
        status=keys.status,
        note=keys.note,
        agreement=keys.agreement == "required",
        calendar=_calendar(names, keys.calendar),
        roles=tuple(keys.roles),
        challenges=keys.challenges,
        start=start,
        stages=stages,
        ends={**ENDS, **keys.ends},
        document=written,
        hash=canonical.digest(written),
    )


def _calendar(names: _Names, keys: CalendarKeys) -> Calendar:
    zone(keys.zone, where=names.document.place("calendar", "zone"))
    for day in (d for d in keys.weekend if keys.weekend.count(d) > 1):
        raise InputError(
            f'"{day}" stands twice.', where=names.document.place("calendar", "weekend"), hint="Remove one."
        )
    if len(keys.weekend) == 7 and keys.if_not_working_day == "next":
        place = names.document.place("calendar", "weekend")
        raise InputError("no day of the week is a working day.", where=place, hint="Leave one out.", code="weekend")
    return Calendar(
        zone=keys.zone,
        holidays=_days(names, "holidays", keys.holidays),
        weekend=tuple(keys.weekend),
        working=_days(names, "working", keys.working),
        roll=keys.if_not_working_day == "next",
    )


def _days(names: _Names, key: str, texts: list[str]) -> frozenset[date]:
    found = []
    for number, text in enumerate(texts):
        try:
            if len(text) != 10:
                raise ValueError
            found.append(date.fromisoformat(text))
        except ValueError:
            place = names.document.place("calendar", key, number)
            raise InputError(
                f'"{text[:40]}" is not a day.', where=place, hint="Write 2026-10-01.", code="day"
            ) from None
    return frozenset(found)


def _stage(names: _Names, name: str, keys: StageKeys) -> Stage:
    at = ("stages", name)
    owes = names.actor(keys.by, *at, "by") if keys.by else ("respondent" if keys.expects else "")
    deadline = names.timer(keys.deadline, *at, "deadline") if keys.deadline else None
    stage = Stage(
        name=name,
        title=keys.title or name.replace("_", " "),
        mark=keys.mark or "",
        note=keys.note,
        deadline=deadline,
        urgent=names.timer(keys.urgent, *at, "urgent") if keys.urgent else None,
        may_set=keys.may_set,
        on_expiry=names.target(keys.on_expiry, *at, "on_expiry") if keys.on_expiry else "",
        extension=_extension(names, keys.extension, *at, "extension") if keys.extension else None,
        bench=keys.bench or "",
        appointment=_appointment(names, keys.neutral, *at, "neutral") if keys.neutral else None,
        neutrals=keys.neutrals or (1 if keys.neutral else 0),
        complete=names.target(keys.complete, *at, "complete") if keys.complete else "",
        decide=keys.decide or "",
        expects=keys.expects or "",
        owes=owes,
        final=keys.final,
        also=tuple(
            Also(a.what, names.actor(a.by, *at, "also", n, "by"), names.timer(a.deadline, *at, "also", n, "deadline"))
            for n, a in enumerate(keys.also)
        ),
        moves=_moves(names, name, keys, owes),
    )
    _check_stage(names, stage, *at)
    return stage


def _moves(names: _Names, name: str, keys: StageKeys, owes: str) -> tuple[Move, ...]:
    """The file's moves, and those that `decide` and `then` stand for."""
    moves = [_move(names, key, to, "stages", name, "events", key) for key, to in keys.events.items()]
    written = {m.key for m in moves}
    extra: dict[str, tuple[str, str]] = {}
    if keys.decide:
        extra["DecisionAdopted"] = (keys.on_expiry or "closed", "council")
        extra["DecisionRejected"] = ("rejected", "council")
    if keys.then and keys.expects:
        extra[f"ResponseFiled/{keys.expects}"] = (keys.then, owes)
    elif keys.then:
        extra["StageAdvanced"] = (keys.then, "chair")
    for key, (to, by) in extra.items():
        if key not in written:
            moves.append(_move(names, key, MoveKeys(to=to, by=by), "stages", name, "then"))
    return tuple(sorted(moves, key=lambda m: m.key))


def _move(names: _Names, key: str, to: str | MoveKeys, *path: str) -> Move:
    found = _MOVE.fullmatch(key)
    event = names.known(found["event"] if found else key, tuple(MOVES), "an event that moves a case", *path)
    keys = MoveKeys(to=to) if isinstance(to, str) else to
    by = names.actor(keys.by, *path, "by") if keys.by else MOVES[event]
    if event == "DecisionIssued" and by in ("both", "either", "complainant", "respondent", "any"):
        raise InputError(
            f'"{by}" can\'t decide its own case.', where=names.document.place(*path), hint="Name a neutral."
        )
    if event in ("SettlementReached", "DisputeWithdrawn") and "/" in key:
        raise InputError(f"{event} has no outcomes.", where=names.document.place(*path), hint="Leave out the /.")
    if event in ("SettlementReached", "DisputeWithdrawn") and (by != MOVES[event] or keys.not_before or keys.after):
        hint = "Write only where it leads."
        raise InputError(f"{event} is open to the parties at every time.", where=names.document.place(*path), hint=hint)
    not_before = names.timer(keys.not_before, *path, "not_before") if keys.not_before else None
    after = names.timer(keys.after, *path, "after") if keys.after else None
    outcome = (found["outcome"] or "") if found else ""
    return Move(event, outcome, names.target(keys.to, *path), by, not_before, after)


def _extension(names: _Names, keys: ExtensionKeys, *path: str) -> Extension:
    if keys.at_most is None and keys.in_all is None:
        hint = "Add at_most (all extensions together) or in_all (the whole period)."
        raise InputError("an extension has no limit.", where=names.document.place(*path), hint=hint, code="no_limit")
    return Extension(
        by=names.actor(keys.by, *path, "by"),
        at_most=names.period(keys.at_most, *path, "at_most") if keys.at_most else None,
        in_all=names.timer(keys.in_all, *path, "in_all") if keys.in_all else None,
        times=keys.times,
    )


def _appointment(names: _Names, keys: NeutralKeys, *path: str) -> Appointment:
    by = names.actor(keys.appoint, *path, "appoint")
    other: ElseKeys | None = keys.else_
    if other is None:
        return Appointment(by, keys.from_)
    fallback = names.actor(other.by, *path, "else", "by")
    if fallback in ("both", "either", "complainant", "respondent", "neutral", "any"):
        place = names.document.place(*path, "else", "by")
        raise InputError("the fallback must not be a party.", where=place, hint="Name the chair or another role.")
    return Appointment(by, keys.from_, fallback, other.from_, names.period(other.after, *path, "else", "after"))


# --- Checks ---------------------------------------------------------------------------------------------------------


def _check_stage(names: _Names, stage: Stage, *path: str) -> None:
    place = names.document.place(*path)
    if stage.deadline and not stage.on_expiry:
        hint = "Add on_expiry: where the case goes when it passes."
        raise InputError(f"the deadline of {stage.name} has no on_expiry.", where=place, hint=hint, code="no_expiry")
    for word, given in (
        ("on_expiry", stage.on_expiry),
        ("urgent", stage.urgent),
        ("extension", stage.extension),
        ("may_set", stage.may_set),
    ):
        if given and not stage.deadline:
            raise InputError(
                f"{stage.name} has {word} but no deadline.", where=place, hint="Add one.", code="no_deadline"
            )
    if stage.expects and not any(m.event == "ResponseFiled" and m.outcome in ("", stage.expects) for m in stage.moves):
        hint = "Add then: where the case goes when it comes."
        raise InputError(f"{stage.name} expects {stage.expects} and goes nowhere with it.", where=place, hint=hint)
    if stage.complete and not stage.neutrals:
        raise InputError(f"{stage.name} has complete but no neutrals.", where=place, hint="Add neutrals.")


def _check_reachable(names: _Names, stages: tuple[Stage, ...], start: str) -> None:
    by_name = {s.name: s for s in stages}
    seen, waiting = {start}, [start]
    while waiting:
        for target in by_name[waiting.pop()].targets():
            if target in by_name and target not in seen:
                seen.add(target)
                waiting.append(target)
    for stage in stages:
        if stage.name not in seen:
            place = names.document.place("stages", stage.name)
            hint = "Lead to it by on_expiry, complete, then or events, or remove it."
            raise InputError(f'nothing leads to the stage "{stage.name}".', where=place, hint=hint, code="unreachable")


def _check_circles(names: _Names, stages: tuple[Stage, ...]) -> None:
    """No way round by expiries alone: the case would turn without anybody acting."""
    following = {s.name: s.on_expiry for s in stages}
    for stage in stages:
        path, at = [stage.name], following[stage.name]
        while at in following and at not in path:
            path.append(at)
            at = following[at]
        if at in path:
            circle = [*path[path.index(at) :], at]
            place = names.document.place("stages", at, "on_expiry")
            hint = "Let one of them end in a stage that waits for an event, or in an end."
            raise InputError(
                f"stages expire in a circle: {' -> '.join(circle)}.", where=place, hint=hint, code="circle"
            )
