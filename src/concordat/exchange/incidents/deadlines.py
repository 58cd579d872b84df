"""Until when each stage of an incident is due, and whether it was met: early warning, notification, final report.

    timeline = Timeline.load(text)
    for status in stage_status(timeline, record, now):
        print(status.stage, status.state, status.due)

Periods run from when the reporter became aware, by its own word. Counting is that of council.md 7, and one test holds
both to the same table: `h` runs from the instant; `d` and `mo` end at 24:00 of their last day in the timeline's zone,
`mo` on the same day of the month, or its last day where there is none. Days off don't matter here. A stage is met by
an entry whose submission time (ledger.md 6.3) is at or before that end; else it is late, also while nothing has come.
An entry that too few witnesses have cosigned has no submission time yet: the stage stays open, marked as pending.

Extension: while the incident goes on when the final report falls due, progress reports are due then and at each period
after it instead, and the final report one period after the end. A progress report meets one due date: the first that no
other met, and only if it came after the due date before that. The final report ends them; while the incident goes on it
stands in the place of the one that is due next, and that due date stays its own. Source: exchange.md, section 8.4.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError
from concordat.settings import parse_yaml, validate

PROGRESS = "progress_report"
COUNT_MAX = {"h": 24 * 366, "d": 3660, "mo": 120}
PROGRESS_MAX = 240  # progress reports of one incident
_PERIOD = re.compile(r"([1-9][0-9]{0,5})(h|d|mo)")
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*){0,2}")
_Text = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _Extension(BaseModel):
    model_config = ConfigDict(extra="forbid")
    progress_report_each: str
    while_: Literal["ongoing"] = Field(alias="while")


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    schema_: str = Field(alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{0,127}$")]
    status: Literal["verified", "unverified"] = "verified"
    from_: Literal["became_aware"] = Field(alias="from")
    zone: str = "UTC"
    stages: Annotated[dict[_Text, str], Field(min_length=1, max_length=20)]
    extension: dict[_Text, _Extension] = {}


@dataclass(frozen=True, slots=True)
class Timeline:
    """Which stages there are, and how long each takes.

    Attributes:
        name: by which incidents name it. stages: stage -> period, in order. each: stage -> period of progress reports
            while the incident goes on. zone: IANA name, where days end. unverified: the facts behind it were not
            compared with their source.
    """

    name: str
    stages: Mapping[str, str]
    each: Mapping[str, str]
    zone: str = "UTC"
    unverified: bool = False

    @classmethod
    def load(cls, text: str | bytes, where: str = "timeline") -> Timeline:
        """A timeline from its file (`concordat/incident-timeline@1`).

        Raises:
            InputError: not such a file, an unknown key, a period or zone that can't be.
        """
        document = parse_yaml(text, where=where, schema="incident-timeline@1")
        found = validate(document, _File)
        for stage, period in found.stages.items():
            parse_period(period, document.place("stages", stage))
        for stage, extension in found.extension.items():
            place = document.place("extension", stage)
            if stage not in found.stages:
                known = ", ".join(found.stages)
                raise InputError(f'"{stage}" is not one of the stages.', where=place, hint=f"Stages: {known}.")
            parse_period(extension.progress_report_each, place)
        zone_of(found.zone, document.place("zone"))
        each = {stage: extension.progress_report_each for stage, extension in found.extension.items()}
        return cls(found.name, found.stages, each, found.zone, found.status == "unverified")

    @classmethod
    def default(cls) -> Timeline:
        """The one that is used where a bloc has set none; its source is unverified."""
        file = resources.files("concordat.exchange") / "_data" / "timelines" / "default.yaml"
        return cls.load(file.read_bytes(), "default.yaml")


def parse_period(text: str, where: str = "") -> tuple[int, str]:
    """`72h`, `14d`, `1mo` as a count and a unit.

    Raises:
        InputError: of another form, or over ten years.
    """
    found = _PERIOD.fullmatch(text)
    if found is None or int(found[1]) > COUNT_MAX[found[2]]:
        hint = "Write a count and a unit: 24h (hours), 14d (days), 1mo (months); at most ten years."
        raise InputError(f'"{text[:40]}" is not a period.', where=where, hint=hint, code="period")
    return int(found[1]), found[2]


@cache
def zone_of(name: str, where: str = "") -> ZoneInfo:
    """A zone by its IANA name, as the package `tzdata` has it: what a machine has beside it may be of another year.

    Raises:
        InputError: unknown.
    """
    try:
        if not _ZONE.fullmatch(name):
            raise ValueError(name)
        place = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
        with place.open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except (ValueError, OSError):
        hint = "Write an IANA name, as Africa/Johannesburg."
        raise InputError(f'"{name[:40]}" is not a time zone.', where=where, hint=hint, code="zone") from None


def period_end(start: int, period: str, zone: str = "UTC") -> int:
    """When a period from an instant ends; both in seconds since 1970.

    >>> at = int(datetime(2026, 1, 31, 9, 30, tzinfo=UTC).timestamp())
    >>> instant_text(period_end(at, "72h")), instant_text(period_end(at, "1mo"))
    ('2026-02-03 09:30 UTC', '2026-03-01 00:00 UTC')
    """
    count, unit = parse_period(period)
    if unit == "h":
        return start + 3600 * count
    return _end_of(_last_day(_day_of(start, zone), count, unit), zone)


def _day_of(at: int, zone: str) -> date:
    return datetime.fromtimestamp(at, zone_of(zone)).date()


def _last_day(day: date, count: int, unit: str) -> date:
    if unit == "d":
        return day + timedelta(days=count)
    years, month = divmod(day.month - 1 + count, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _end_of(day: date, zone: str) -> int:
    """24:00 of a day; where daylight saving skips or doubles it, the later instant."""
    midnight = datetime.combine(day + timedelta(days=1), time(), zone_of(zone))
    return int(max(midnight.replace(fold=0).timestamp(), midnight.replace(fold=1).timestamp()))


def _after_end(end: int, period: str, zone: str) -> int:
    """The end of a period that runs from the last day of another one."""
    count, unit = parse_period(period)
    return end + 3600 * count if unit == "h" else _end_of(_last_day(_day_of(end - 1, zone), count, unit), zone)


# --- Incidents and their stages ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StageSaid:
    """An entry about a stage. submitted: in seconds; None while too few witnesses saw it. waived: why, if it is."""

    stage: str
    entry: str
    submitted: int | None
    waived: str = ""


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """What the record says of one incident.

    Attributes:
        member, incident: whose it is, its STIX id. label: strictest that was shared. became_aware: the earliest that
            the reporter named, in seconds; None if none. shared: first submission time. stages: what was said, in order
            of the log. closed: submission time of its end. outcome: of the end. severity, sectors: as last shared.
        entries: ids of all entries about it.
    """

    member: str
    incident: str
    label: str
    timeline: str = "default"
    became_aware: int | None = None
    shared: int | None = None
    stages: tuple[StageSaid, ...] = ()
    closed: int | None = None
    outcome: str = ""
    severity: int | None = None
    sectors: tuple[str, ...] = ()
    cross_border: bool | None = None
    entries: tuple[str, ...] = ()


def records_of(exchange: Any) -> list[IncidentRecord]:
    """The incidents of an exchange's state (`exchange.fold`), by member and id."""
    return [_record(key, exchange.of("incident", key)) for key in exchange.keys("incident")]


def _record(key: tuple[str, ...], facts: Iterable[Any]) -> IncidentRecord:
    from concordat.exchange.incidents.tlp import Tlp

    ordered = sorted(facts, key=lambda fact: (fact.seq, fact.entry))
    shared = [f for f in ordered if f.says == "published"]
    closed = [f for f in ordered if f.says == "closed"]
    aware = [instant_of(f.body.became_aware) for f in ordered if getattr(f.body, "became_aware", None)]
    said = [
        StageSaid(f.body.stage, f.entry, f.submitted, getattr(f.body, "waived", None) or "")
        for f in ordered
        if getattr(f.body, "stage", None)
    ]
    last = max(shared, key=lambda f: (f.version, f.seq)).body if shared else None
    times = [f.submitted for f in shared if f.submitted is not None]
    ends = [f.submitted for f in closed if f.submitted is not None]
    labels = [Tlp.read(f.body.label) for f in shared]
    return IncidentRecord(
        key[0], key[1], max(labels).text if labels else "", last.timeline if last else "default",
        min(aware, default=None), min(times, default=None), tuple(said), min(ends, default=None),
        closed[0].body.outcome if closed else "", last.severity if last else None,
        tuple(last.sectors) if last else (), last.cross_border if last else None, tuple(f.entry for f in ordered),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How one stage stands.

    Attributes:
        stage: its name. state: met, late, open or waived. due: in seconds; None while nobody can say. submitted: of the
            entry that met it, late or not. late_s: seconds over the end. pending: an entry waits for witnesses.
        why: reason of a waiver. entry: the entry that decided.
    """

    stage: str
    state: Literal["met", "late", "open", "waived"]
    due: int | None
    submitted: int | None = None
    late_s: int = 0
    pending: bool = False
    why: str = ""
    entry: str = ""

    @property
    def words(self) -> str:
        """For people: `late by 5 h`, `open, due 2026-05-07 09:30 UTC`."""
        match self.state:
            case "waived":
                return f"waived: {self.why.replace('_', ' ')}"
            case "met":
                return "in time"
            case "late":
                return f"late by {hours_text(self.late_s)}" + ("" if self.submitted is not None else ", still missing")
        due = f"due {instant_text(self.due)}" if self.due is not None else "no end is set yet"
        return f"open, {due}" + (" (logged, not yet witnessed)" if self.pending else "")


def stage_status(timeline: Timeline, record: IncidentRecord, now: int) -> tuple[StageStatus, ...]:
    """Every stage of an incident, in the timeline's order; progress reports stand before the stage they put off.

    Raises:
        InputError: the incident names another timeline.
    """
    if record.timeline != timeline.name:
        hint = f"Give its file: --timeline FILE (this one is {timeline.name})."
        what = f'{record.incident} follows the timeline "{record.timeline}".'
        raise InputError(what, where=record.member, hint=hint, code="timeline")
    found: list[StageStatus] = []
    for stage, period in timeline.stages.items():
        said = [s for s in record.stages if s.stage == stage]
        due = period_end(record.became_aware, period, timeline.zone) if record.became_aware is not None else None
        each = timeline.each.get(stage)
        if each and due is not None and _goes_on(record, said, due, now):
            final = min((s.submitted for s in said if s.submitted is not None), default=None)
            progress, due = _progress(timeline, record, each, due, now, final)
            found += progress
        found.append(_status(stage, said, due, now))
    return tuple(found)


def _goes_on(record: IncidentRecord, said: list[StageSaid], due: int, now: int) -> bool:
    """Whether the incident was still going on at an end, and the stage had not come by then."""
    if any(s.submitted is not None and s.submitted <= due for s in said):
        return False
    return now > due and (record.closed is None or record.closed > due)


def _progress(
    timeline: Timeline, record: IncidentRecord, each: str, first: int, now: int, final: int | None
) -> tuple[list[StageStatus], int | None]:
    """The progress reports that were or are due, and when the stage they put off is due. final: when that one came."""
    said, closed = _progress_said(record), record.closed
    found: list[StageStatus] = []
    due, before = first, None
    while len(found) < PROGRESS_MAX and (closed is None or due <= closed) and (final is None or due < final):
        said = [s for s in said if s.submitted is None or before is None or s.submitted > before]
        found.append(_status(PROGRESS, said[:1], due, now))
        said = said[1:]
        if due > now:
            break
        due, before = _after_end(due, each, timeline.zone), due
    if final is not None and (closed is None or final < closed):
        return found, due if due >= final else None
    return found, None if closed is None else period_end(closed, each, timeline.zone)


def _progress_said(record: IncidentRecord) -> list[StageSaid]:
    """Progress reports by submission, one an instant: an incident shared with a stage says so in two entries."""
    by_instant: dict[int | None, StageSaid] = {}
    for said in record.stages:
        if said.stage == PROGRESS:
            by_instant.setdefault(said.submitted, said)
    return sorted(by_instant.values(), key=lambda s: (s.submitted is None, s.submitted or 0))


def _status(stage: str, said: list[StageSaid], due: int | None, now: int) -> StageStatus:
    waived = next((s for s in said if s.waived), None)
    done = [s for s in said if s.submitted is not None and not s.waived]
    if done:
        first = min(done, key=lambda s: (s.submitted, s.entry))
        at = first.submitted or 0
        late = 0 if due is None else max(0, at - due)
        return StageStatus(stage, "late" if late else "met", due, at, late, entry=first.entry)
    if waived is not None:
        return StageStatus(stage, "waived", due, waived.submitted, why=waived.waived, entry=waived.entry)
    pending = bool(said)
    if due is not None and now > due and not pending:
        return StageStatus(stage, "late", due, None, now - due)
    return StageStatus(stage, "open", due, pending=pending, entry=said[0].entry if said else "")


# --- Words ------------------------------------------------------------------------------------------------------------


def instant_of(text: str) -> int:
    """Seconds since 1970 of a time with its zone.

    Raises:
        InputError: not a time, or without a zone.
    """
    try:
        found: datetime | None = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        hint = "Write a time with its zone, as 2026-05-04T09:30:00Z."
        raise InputError(f'"{text[:40]}" is not a time.', hint=hint, code="time")
    return int(found.timestamp())


def instant_text(at: int | None) -> str:
    """`2026-05-07 09:30 UTC`; empty of None."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def hours_text(seconds: int) -> str:
    """A length of time in hours and minutes, minutes rounded up, so that a second late is not "0 min".

    >>> hours_text(69_120), hours_text(18_000), hours_text(1)
    ('19 h 12 min', '5 h', '1 min')
    """
    hours, minutes = divmod(-(-seconds // 60), 60)
    parts = [f"{hours:,} h"] if hours else []
    if minutes or not hours:
        parts.append(f"{minutes} min")
    return " ".join(parts)
