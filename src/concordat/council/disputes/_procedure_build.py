"""From the keys of a procedure file to what they mean: each name looked up, each period read, the whole checked.

Every fault is an `InputError` with the file's line and, for a name, the nearest one known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from concordat.council._zones import zone
from concordat.council.disputes._procedure_keys import (
    CalendarKeys,
    ElseKeys,
    ExtensionKeys,
    MoveKeys,
    NeutralKeys,
    ProcedureFile,
    StageKeys,
)
from concordat.council.disputes._procedure_model import (
    ACTORS,
    ANCHORS,
    ENDS,
    MOVES,
    Also,
    Appointment,
    Extension,
    Move,
    Stage,
    Timer,
)
from concordat.council.disputes.calendars import Calendar, Period
from concordat.errors import InputError
from concordat.settings import Document, nearest

_FROM = re.compile(r"(?P<period>\S+)( from (?P<anchor>[A-Za-z_][A-Za-z0-9_]*)(#(?P<number>[1-9][0-9]?))?)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOVE = re.compile(r"(?P<event>[A-Za-z]+)(/(?P<outcome>[a-z][a-z0-9_]*))?")


@dataclass(frozen=True)
class Names:
    """Where in the file, and which names may stand there."""

    document: Document
    keys: ProcedureFile

    @cached_property
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


def calendar_of(names: Names, keys: CalendarKeys) -> Calendar:
    zone(keys.zone, where=names.document.place("calendar", "zone"))
    for day in (d for d in keys.weekend if keys.weekend.count(d) > 1):
        raise InputError(
            f'"{day}" stands twice.', where=names.document.place("calendar", "weekend"), hint="Remove one."
        )
    try:
        return Calendar(
            zone=keys.zone,
            holidays=_days(names, "holidays", keys.holidays),
            weekend=tuple(keys.weekend),
            working=_days(names, "working", keys.working),
            roll=keys.if_not_working_day == "next",
        )
    except InputError as error:
        if error.where not in ("weekend", "holidays", "working"):
            raise
        place = names.document.place("calendar", error.where)
        raise InputError(error.what, where=place, hint=error.hint, code=error.code) from None


def _days(names: Names, key: str, texts: list[str]) -> frozenset[date]:
    found = []
    for number, text in enumerate(texts):
        try:
            if not _DAY.fullmatch(text):
                raise ValueError
            found.append(date.fromisoformat(text))
        except ValueError:
            place = names.document.place("calendar", key, number)
            raise InputError(
                f'"{text[:40]}" is not a day.', where=place, hint="Write 2026-10-01.", code="day"
            ) from None
    return frozenset(found)


def stage_of(names: Names, name: str, keys: StageKeys) -> Stage:
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


def _moves(names: Names, name: str, keys: StageKeys, owes: str) -> tuple[Move, ...]:
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


def _move(names: Names, key: str, to: str | MoveKeys, *path: str) -> Move:
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


def _extension(names: Names, keys: ExtensionKeys, *path: str) -> Extension:
    if keys.at_most is None and keys.in_all is None:
        hint = "Add at_most (all extensions together) or in_all (the whole period)."
        raise InputError("an extension has no limit.", where=names.document.place(*path), hint=hint, code="no_limit")
    return Extension(
        by=names.actor(keys.by, *path, "by"),
        at_most=names.period(keys.at_most, *path, "at_most") if keys.at_most else None,
        in_all=names.timer(keys.in_all, *path, "in_all") if keys.in_all else None,
        times=keys.times,
    )


def _appointment(names: Names, keys: NeutralKeys, *path: str) -> Appointment:
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


def _check_stage(names: Names, stage: Stage, *path: str) -> None:
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


def check_reachable(names: Names, stages: tuple[Stage, ...], start: str) -> None:
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


def check_circles(names: Names, stages: tuple[Stage, ...]) -> None:
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
