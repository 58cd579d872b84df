"""Has silence adopted the text: the state of a silence procedure from its acts and a time, never from a clock.

`running -> broken | extended | expired -> adopted -> announced -> journalled`. An objection in time breaks the silence;
so does an amendment where the rule says it. The chair (or a group) may extend it while it runs, so many times as the
rule allows. When the deadline has passed it is expired; once no entry with a submission time before the deadline can
turn up any more (deadline + merge delay) it is adopted and final. The announcement is a duty of the chair, not a
condition. After the OSCE Rules of Procedure (2006), Annex 1 (*unverified*); specification, section 4.

All times are whole UTC seconds, those of acts are submission times. In time is what was submitted up to and including
the second of the deadline. The state follows from the acts sorted by submission time, so their order of arrival does
not matter. A deadline may be given as hours that pass, or as local time in the rule's zone; a local time that a change
of the clock skips or doubles means the later instant, and says so. Does not check who is entitled: the caller asks
`breaker` and `extender` with the members and groups of that day.

    >>> from concordat.council.decide.rules import shipped
    >>> running = start(shipped("silence"), 1_772_000_000, hours=48)
    >>> running.local, running.state(1_772_000_100, merge_delay=3600).name
    ('2026-02-27T14:13:20+08:00', 'running')
    >>> running.objection("IND", 1_772_000_200).state(1_772_000_300, merge_delay=3600).name
    'broken'
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from concordat.council._zones import zone as zone_of
from concordat.council.decide.rule_parts import SilenceKeys
from concordat.council.decide.rules import Rule
from concordat.errors import InputError, RuleError

HOUR = 3600
ACTS_MAX = 1_000
TIME_MAX = 221_845_392_000  # the year 9000: a century of extensions behind it can still be written in any zone
STATES = ("running", "extended", "broken", "expired", "adopted", "announced", "journalled")


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """What somebody did: `extension`, `amendment`, `objection`, at a submission time; `hours` of an extension."""

    at: int
    kind: str
    member: str
    hours: int = 0


@dataclass(frozen=True, slots=True)
class SilenceState:
    """Where a silence procedure stands.

    Attributes:
        name: one of `STATES`. deadline: the one in force. final_from: from when on nothing can change it.
        broken_by: the acts that broke it, first the earliest. no_effect: each act that changed nothing, and why.
    """

    name: str
    deadline: int
    final_from: int
    final: bool
    broken_by: tuple[Act, ...]
    no_effect: tuple[tuple[Act, str], ...]

    @property
    def adopted(self) -> bool:
        """Whether the text is adopted; true from `adopted` on."""
        return self.name in ("adopted", "announced", "journalled")


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence procedure: its rule, its first deadline, and what was done since.

    Attributes:
        started, deadline: UTC seconds; `deadline` is the first one. note: what was said of a doubled or skipped hour.
        announced, journalled: when; None before.
    """

    rule: Rule
    started: int
    deadline: int
    note: str = ""
    acts: tuple[Act, ...] = ()
    announced: int | None = None
    journalled: int | None = None

    @property
    def local(self) -> str:
        """The first deadline in the rule's zone, ISO 8601 with offset."""
        return local_text(self.deadline, _keys(self.rule).deadline_zone)

    def objection(self, member: str, at: int) -> Silence:
        """The procedure with a formal objection."""
        return self._with(Act(_second(at), "objection", member))

    def amendment(self, member: str, at: int) -> Silence:
        """The procedure with an amendment to the text."""
        return self._with(Act(_second(at), "amendment", member))

    def extension(self, by: str, at: int, hours: int) -> Silence:
        """The procedure with more hours behind the deadline in force.

        Raises:
            RuleError: the rule allows no extension, or not so many hours.
        """
        keys = _keys(self.rule)
        if not keys.extend_times:
            raise RuleError(f'the rule "{self.rule.name}" allows no extension.', code="silence")
        if isinstance(hours, bool) or not isinstance(hours, int) or hours not in keys.hours:
            what = f"{hours} hours are not within {keys.hours.to_value()}."
            raise RuleError(what, where="extension", hint="Give hours that the rule allows.", code="silence")
        return self._with(Act(_second(at), "extension", by, hours))

    def announce(self, at: int, *, merge_delay: int) -> Silence:
        """The procedure announced by the chair.

        Raises:
            RuleError: it is not adopted at that time.
        """
        if self.state(_second(at), merge_delay=merge_delay).name != "adopted":
            name = self.state(at, merge_delay=merge_delay).name
            raise RuleError(f"only what is adopted can be announced; this is {name}.", code="silence")
        return replace(self, announced=at)

    def journal(self, at: int) -> Silence:
        """The announced procedure, entered in the journal.

        Raises:
            RuleError: it is not announced, or was entered before.
        """
        if self.announced is None or self.journalled is not None or _second(at) < self.announced:
            raise RuleError("only what is announced can be entered in the journal, once, afterwards.", code="silence")
        return replace(self, journalled=at)

    def state(self, now: int, *, merge_delay: int) -> SilenceState:
        """Where the procedure stands at a time (in the fold: ledger time), `merge_delay` in seconds."""
        now, delay = _second(now), _second(merge_delay)
        deadline, broken, idle, extended = self._replay(now)
        final = now > deadline + delay
        if broken:
            name = "broken"
        elif now <= deadline:
            name = "extended" if extended else "running"
        elif not final:
            name = "expired"
        else:
            name = (
                "journalled"
                if self.journalled is not None
                else "announced"
                if self.announced is not None
                else "adopted"
            )
        return SilenceState(name, deadline, deadline + delay + 1, final, broken, idle)

    def _replay(self, now: int) -> tuple[int, tuple[Act, ...], tuple[tuple[Act, str], ...], int]:
        """Deadline in force, what broke the silence, what had no effect, and how often it was extended."""
        keys = _keys(self.rule)
        deadline, extended = self.deadline, 0
        broken: list[Act] = []
        idle: list[tuple[Act, str]] = []
        for act in self.acts:
            if act.at > now:
                continue
            if act.at < self.started:
                idle.append((act, "before the start"))
            elif act.at > deadline:
                idle.append((act, f"late: the deadline was {local_text(deadline, keys.deadline_zone)}"))
            elif act.kind != "extension":
                if act.kind == "amendment" and not keys.amendment_breaks:
                    idle.append((act, "under this rule an amendment does not break the silence"))
                else:
                    broken.append(act)
            elif broken:
                idle.append((act, "the silence was broken"))
            elif extended >= keys.extend_times:
                idle.append((act, f"extended {extended} of {keys.extend_times} times already"))
            else:
                deadline, extended = deadline + act.hours * HOUR, extended + 1
        return deadline, tuple(broken), tuple(idle), extended

    def _with(self, act: Act) -> Silence:
        if act in self.acts:
            return self
        if len(self.acts) >= ACTS_MAX:
            raise RuleError(f"over {ACTS_MAX:,} acts in one silence procedure.", code="silence")
        return replace(self, acts=tuple(sorted((*self.acts, act))))

    def to_value(self) -> dict[str, Any]:
        """The procedure as a value that `canonical` writes."""
        acts = [{"at": a.at, "kind": a.kind, "member": a.member, "hours": a.hours} for a in self.acts]
        return {
            "rule": self.rule.hash,
            "started": self.started,
            "deadline": self.deadline,
            "note": self.note,
            "acts": acts,
            "announced": self.announced,
            "journalled": self.journalled,
        }


def start(rule: Rule, at: int, *, hours: int | None = None, deadline: str | None = None) -> Silence:
    """A silence procedure begins.

    Args:
        at: submission time of the start. hours: how long it runs; if the rule names one number, that one by default.
        deadline: instead of hours, the local time in the rule's zone, `2026-05-06T18:00`.

    Raises:
        InputError: both or neither are given, or the deadline is no time. RuleError: not a rule of silence, or the
            duration is not within its hours.
    """
    keys = _keys(rule)
    if hours is None and deadline is None and keys.hours.low == keys.hours.high:
        hours = keys.hours.low
    if (hours is None) == (deadline is None):
        hint = f"The rule allows {keys.hours.to_value()} hours."
        raise InputError("give either hours or a deadline.", where="silence", hint=hint, code="silence")
    if deadline is not None:
        end, note = local_instant(deadline, keys.deadline_zone)
        seconds = end - _second(at)
    else:
        if isinstance(hours, bool) or not isinstance(hours, int):
            raise InputError(f"{hours!r} are not whole hours.", where="silence", code="silence")
        seconds, note = hours * HOUR, ""
    low, high = keys.hours.low * HOUR, None if keys.hours.high is None else keys.hours.high * HOUR
    if seconds < low or (high is not None and seconds > high):
        what = f"{seconds / HOUR:g} hours are not within {keys.hours.to_value()}."
        raise RuleError(what, where="silence", hint="Give a time that the rule allows.", code="silence")
    return Silence(rule, _second(at), _second(at + seconds), note)


def breaker(rule: Rule, member: str, entitled: Collection[str], groups: Mapping[str, Collection[str]]) -> str:
    """Why this member can't break the silence; empty if it can."""
    group = _keys(rule).who_may_break
    if member not in entitled:
        return "has no vote"
    return "" if group == "members" or member in groups.get(group, ()) else f"not in the group {group}"


def extender(rule: Rule, member: str, chair: str, groups: Mapping[str, Collection[str]]) -> str:
    """Why this member can't extend the silence; empty if it can."""
    by = _keys(rule).extend_by
    if by == "chair":
        return "" if member == chair else "only the chair extends"
    return "" if member in groups.get(by, ()) else f"not in the group {by}"


def _keys(rule: Rule) -> SilenceKeys:
    if rule.silence is None:
        raise RuleError(f'"{rule.name}" is a rule of method {rule.method}, not of silence.', code="silence")
    return rule.silence


def _second(at: int) -> int:
    if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at <= TIME_MAX:
        raise InputError(f"{at!r} is not a time in whole UTC seconds.", where="silence", code="time")
    return at


# --- Local time ---------------------------------------------------------------------------------------------------


def local_text(at: int, zone: str) -> str:
    """An instant in a zone, ISO 8601 with offset."""
    return datetime.fromtimestamp(at, zone_of(zone)).isoformat()


def local_instant(text: str, zone: str) -> tuple[int, str]:
    """UTC seconds of a local time, and what has to be said of it: a skipped or doubled hour means the later instant.

    A skipped time counts with the offset from before the change, as if the clock had not been moved.

    >>> local_instant("2026-03-29T02:30", "Europe/Vienna")
    (1774747800, '02:30 is skipped on that day: 03:30 counts')
    >>> local_instant("2026-10-25T02:30", "Europe/Vienna")
    (1792891800, '02:30 comes twice on that day: the later one counts')

    Raises:
        InputError: not a local time, or a zone that is not known.
    """
    there = zone_of(zone, where="deadline")
    hint = "Write it as 2026-05-06T18:00, without an offset."
    try:
        naive = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise InputError(f'"{text}" is not a time.', where="deadline", hint=hint, code="time") from None
    if naive.tzinfo is not None or naive.microsecond or not 1970 < naive.year < 9999 or "T" not in text:
        raise InputError(f'"{text}" is not a local time.', where="deadline", hint=hint, code="time")
    first, second = (naive.replace(tzinfo=there, fold=fold) for fold in (0, 1))
    instants = [int(moment.astimezone(UTC).timestamp()) for moment in (first, second)]
    later = max(instants)
    shown = naive.strftime("%H:%M")
    if instants[0] == instants[1]:
        return later, ""
    back = datetime.fromtimestamp(later, there).replace(tzinfo=None)
    if back != naive:
        return later, f"{shown} is skipped on that day: {back:%H:%M} counts"
    assert naive - back == timedelta(0)
    return later, f"{shown} comes twice on that day: the later one counts"
