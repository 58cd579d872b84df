"""What is to be reached, from where, by when, by whom?

A target file names a commitment, an indicator (its id in the evidence, joined outside this room), the direction, the
baseline, and the target with its milestones, for all or by member:

    schema: concordat/target@1
    commitment: t20-f3a
    indicator: internet_users_pct
    unit: percent                              # if given, the series must have it
    direction: up                              # up | down | keep (within tolerance)
    baseline: {year: 2023, value: from_release}
    target: {year: 2030, by: member, values: {IND: 90, ETH: 60}, milestones: {2026: 60%}}
    gap_rule: halve_distance_to_best           # optional: the target of members without a value, from the release
    missing: not_assessed

A milestone in percent is a share of the way from baseline to target; a plain number is a value of the indicator. The
way is piecewise linear from the baseline through the milestones to the target, and level after its year.
`halve_distance_to_best` gives x_0 + (best - x_0) / 2, with the best baseline among the members of the series.

A target that equals its baseline asks nothing, unless something is to be kept: then a tolerance must say how far it may
move. Numbers are read as exact decimals. What it doesn't do: it fetches no data; `Target.paths` takes a `Series`.

    >>> target = Target.load('''
    ... commitment: t20-f3a
    ... indicator: internet_users_pct
    ... direction: up
    ... baseline: {year: 2023, value: 50}
    ... target: {year: 2030, value: 90, milestones: {2026: 60%}}
    ... ''')
    >>> path = target.ways(Series("internet_users_pct", "percent", {"IND": {2023: 50}}))["IND"]
    >>> [str(path.due(year)) for year in (2023, 2024, 2026, 2028, 2031)]
    ['50', '58', '74', '82', '90']
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat import canonical
from concordat.council.commit._series import FROM_RELEASE, Series, Way, exact, shown
from concordat.errors import InputError
from concordat.settings import Document, parse_yaml, validate

Direction = Literal["up", "down", "keep"]
RULES = ("halve_distance_to_best",)
SCHEMA = "concordat/target@1"
_YEAR = r"^[12][0-9]{3}$"
MEMBERS_MAX, MILESTONES_MAX = 100, 50  # so that a file is read in milliseconds

__all__ = ["Series", "Target", "Way", "json_schema"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class BaselineKeys(_Strict):
    """Where the way begins: a year, and a value for all or by member; `from_release` is that of the data."""

    year: str = Field(pattern=_YEAR)
    value: str | None = None
    values: dict[str, str] = {}


class TargetKeys(_Strict):
    """Where the way ends."""

    year: str = Field(pattern=_YEAR)
    by: Literal["member", "all"] | None = None
    value: str | None = None
    values: dict[str, str] = {}
    milestones: dict[str, str | dict[str, str]] = {}
    tolerance: str | None = None


class TargetFile(_Strict):
    """The file. Without its first key, this version is meant."""

    schema_: Literal["concordat/target@1"] | None = Field(default=None, alias="schema")
    commitment: str = Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
    indicator: str = Field(pattern=r"^[A-Za-z0-9_.:-]+$")
    unit: str = ""
    direction: Direction
    baseline: BaselineKeys
    target: TargetKeys
    gap_rule: Literal["halve_distance_to_best"] | None = None
    missing: Literal["not_assessed"] = "not_assessed"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Milestone:
    """What is due in a year: a value, or a share of the way."""

    year: int
    value: Fraction
    is_share: bool


@dataclass(frozen=True)
class Target:
    """A target as its file states it.

    Attributes:
        baseline: by member; under "" for all. None: from the release.
        values: by member; under "" for all. Without any (`keep`, or a `gap_rule`) they follow from the baseline.
        milestones: by member, in the order of years; under "" for all.
        tolerance: how far what is kept may move, in the indicator's unit.
    """

    commitment: str
    indicator: str
    unit: str
    direction: Direction
    baseline_year: int
    baseline: Mapping[str, Fraction | None]
    year: int
    values: Mapping[str, Fraction]
    milestones: Mapping[str, tuple[Milestone, ...]] = field(default_factory=dict)
    tolerance: Fraction | None = None
    gap_rule: str = ""
    where: str = "target.yaml"
    hash: str = ""

    @classmethod
    def load(cls, text: str | bytes, *, where: str = "target.yaml") -> Target:
        """The target of a file.

        Raises:
            InputError: an unknown key, a value that is no number, years that don't follow each other, milestones off
                the way, over 100 members or 50 milestones, a target that equals its baseline without tolerance; with
                the line.
        """
        document = parse_yaml(text, where=where, numbers_as_text=True)
        if not isinstance(document.value, dict):
            hint = f"Begin with: schema: {SCHEMA}"
            raise InputError("holds no keys.", where=where, hint=hint, code="schema")
        keys = validate(document, TargetFile)
        _check_size(document, keys)
        made = cls(
            commitment=keys.commitment,
            indicator=keys.indicator,
            unit=keys.unit,
            direction=keys.direction,
            baseline_year=int(keys.baseline.year),
            baseline=_baseline(document, keys.baseline),
            year=int(keys.target.year),
            values=_values(document, keys),
            milestones=_milestones(document, keys),
            tolerance=_tolerance(document, keys),
            gap_rule=keys.gap_rule or "",
            where=where,
            hash=canonical.digest(document.value),
        )
        for member in sorted({*made.values, *made.baseline, *made.milestones} - {""}) or [""]:
            start = made._start(member, None)
            goal = made._stated_goal(member, start)
            if start is not None and goal is not None:
                made._way(member, start, goal, document.place("target"), computed=False)
        return made

    @property
    def members(self) -> tuple[str, ...]:
        """The members that the file names; none where it speaks of all alike."""
        return tuple(sorted({*self.values, *self.baseline, *self.milestones} - {""}))

    def ways(self, series: Series) -> dict[str, Way | str]:
        """The way of each member of the file and the series; a text says why a member has none.

        Raises:
            InputError: another indicator or unit; a target that equals the baseline of the release, without tolerance.
        """
        self.check_series(series)
        found: dict[str, Way | str] = {}
        for member in sorted({*self.members, *series.values}):
            start = self._start(member, series)
            if start is None:
                reason = series.reason(member, self.baseline_year)
                found[member] = f"no baseline: {reason}"
                continue
            goal = self._stated_goal(member, start)
            computed = goal is None and bool(self.gap_rule)
            if computed:
                goal = self._halved(start, series)
            if goal is None:
                found[member] = "no target is set for this member"
            elif computed and goal == start and self.tolerance is None:
                found[member] = "is the best already: the rule asks nothing of it (a tolerance would hold it there)"
            else:
                found[member] = self._way(member, start, goal, self.where, computed=computed)
        return found

    def check_series(self, series: Series) -> None:
        """Whether a series measures what the target is about.

        Raises:
            InputError: another indicator, or another unit.
        """
        if series.indicator != self.indicator:
            hint = "Give the series of the target's indicator."
            what = f"the series is {series.indicator}, the target is about {self.indicator}."
            raise InputError(what, where=self.where, hint=hint, code="indicator")
        if self.unit and series.unit != self.unit:
            what = (
                f"the target of {self.commitment} is in {self.unit}, {series.indicator} in {series.unit or 'no unit'}."
            )
            hint = "Write the target in the unit of the series, or choose the indicator that has its unit."
            raise InputError(what, where=self.where, hint=hint, code="unit")

    def _start(self, member: str, series: Series | None) -> Fraction | None:
        stated = self.baseline.get(member, self.baseline.get(""))
        if stated is None and series is not None:
            return series.value(member, self.baseline_year)
        return stated

    def _stated_goal(self, member: str, start: Fraction | None) -> Fraction | None:
        """What the file sets; where something is to be kept, the baseline."""
        goal = self.values.get(member, self.values.get(""))
        return start if goal is None and self.direction == "keep" else goal

    def _halved(self, start: Fraction, series: Series) -> Fraction:
        known = [v for m in series.values if (v := series.value(m, self.baseline_year)) is not None]
        best = max([start, *known]) if self.direction == "up" else min([start, *known])
        return start + (best - start) / 2

    def _way(self, member: str, start: Fraction, goal: Fraction, place: str, *, computed: bool) -> Way:
        whose = f"of {member} " if member else ""
        if goal == start and self.tolerance is None:
            hint = "Is it to be kept? Then say how far it may move: target: {tolerance: ...}. Else set another target."
            what = f"the target {whose}for {self.commitment} equals its baseline ({shown(start)})."
            raise InputError(what, where=place, hint=hint, code="tolerance")
        if goal != start and self.direction != ("up" if goal > start else "down"):
            what = f"the target {whose}is {shown(goal)} and the baseline {shown(start)}: that is not {self.direction}."
            hint = "Correct the direction, or the numbers."
            raise InputError(what, where=place, hint=hint, code="direction")
        points = [(self.baseline_year, start)]
        for milestone in self.milestones.get(member, self.milestones.get("", ())):
            due = start + milestone.value * (goal - start) if milestone.is_share else milestone.value
            if not min(start, goal) <= due <= max(start, goal) or (goal - start) * (due - points[-1][1]) < 0:
                said = f"the milestone {whose}of {milestone.year} ({shown(due)})"
                what = f"{said} does not lie on the way to {shown(goal)}."
                raise InputError(what, where=place, hint="Each is at or beyond the one before.", code="milestone")
            points.append((milestone.year, due))
        points.append((self.year, goal))
        return Way(tuple(points), self.direction, self.tolerance if goal == start else None, computed)


# --- From keys to numbers ---


def _check_size(document: Document, keys: TargetFile) -> None:
    milestones = keys.target.milestones
    named = {*keys.baseline.values, *keys.target.values}
    named.update(member for said in milestones.values() if isinstance(said, dict) for member in said)
    for what, count, most in (("members", len(named), MEMBERS_MAX), ("milestones", len(milestones), MILESTONES_MAX)):
        if count > most:
            place = document.place("target")
            raise InputError(
                f"{count:,} {what}; at most {most}.", where=place, hint="Leave some out.", code="too_large"
            )


def _read(document: Document, text: str, *path: str) -> Fraction:
    if text.strip().endswith("%"):
        hint = "Write the number, and unit: percent. Percent signs are for milestones, as a share of the way."
        raise InputError(f'"{text[:40]}" has a percent sign.', where=document.place(*path), hint=hint, code="percent")
    return exact(text, where=document.place(*path))


def _baseline(document: Document, keys: BaselineKeys) -> dict[str, Fraction | None]:
    given = {**({} if keys.value is None else {"": keys.value}), **keys.values}
    if not given:
        place = document.place("baseline")
        raise InputError("the baseline has no value.", where=place, hint=f"Write value: {FROM_RELEASE}, or a number.")
    found: dict[str, Fraction | None] = {}
    for member, text in given.items():
        path = ("baseline", "values", member) if member else ("baseline", "value")
        found[member] = None if text == FROM_RELEASE else _read(document, text, *path)
    return found


def _values(document: Document, keys: TargetFile) -> dict[str, Fraction]:
    target, place = keys.target, document.place("target")
    if target.year <= keys.baseline.year:
        what = f"the target's year {target.year} is not after the baseline's, {keys.baseline.year}."
        raise InputError(what, where=document.place("target", "year"), hint="Correct one of them.", code="year")
    if target.by == "member" and not target.values:
        raise InputError("by: member, and no values.", where=place, hint="Write values: {BRA: ...}.", code="no_values")
    if target.by == "all" and target.values:
        raise InputError("by: all, and values of members.", where=place, hint="Write by: member.", code="by")
    given = {**({} if target.value is None else {"": target.value}), **target.values}
    if not given and keys.direction != "keep" and not keys.gap_rule:
        hint = "Write value, values by member, or a gap_rule."
        raise InputError("the target has no value.", where=place, hint=hint, code="no_target")
    if keys.gap_rule and keys.direction == "keep":
        hint = "Write direction: up, or down."
        raise InputError("a gap is halved up or down, not kept.", where=document.place("gap_rule"), hint=hint)
    paths = {member: ("target", "values", member) if member else ("target", "value") for member in given}
    return {member: _read(document, text, *paths[member]) for member, text in given.items()}


def _milestones(document: Document, keys: TargetFile) -> dict[str, tuple[Milestone, ...]]:
    found: dict[str, list[Milestone]] = {}
    for year in sorted(keys.target.milestones):
        said = keys.target.milestones[year]
        path = ("target", "milestones", year)
        if not re.fullmatch(_YEAR, year) or not keys.baseline.year < year < keys.target.year:
            what = f'the milestone "{year[:40]}" is not a year between baseline and target.'
            raise InputError(what, where=document.place(*path), hint="Correct its year.", code="milestone")
        for member, text in (said if isinstance(said, dict) else {"": said}).items():
            found.setdefault(member, []).append(_milestone(document, int(year), text, path))
    for member in found:
        if member:  # what holds for all holds for it as well, but for the years in which it has its own
            own = {m.year for m in found[member]}
            found[member] = sorted([*found[member], *(m for m in found.get("", ()) if m.year not in own)], key=_year)
    return {member: tuple(milestones) for member, milestones in found.items()}


def _year(milestone: Milestone) -> int:
    return milestone.year


def _milestone(document: Document, year: int, text: str, path: Sequence[str]) -> Milestone:
    is_share = text.endswith("%")
    number = _read(document, text.removesuffix("%").strip(), *path)
    if is_share and not 0 <= number <= 100:
        hint = "A share of the way is from 0% to 100%."
        raise InputError(f"{text[:40]} is not a share.", where=document.place(*path), hint=hint, code="milestone")
    return Milestone(year, number / 100 if is_share else number, is_share)


def _tolerance(document: Document, keys: TargetFile) -> Fraction | None:
    if keys.target.tolerance is None:
        if keys.direction == "keep":
            hint = "Say how far it may move: target: {tolerance: ...}."
            what = f"{keys.commitment} is to be kept, and has no tolerance."
            raise InputError(what, where=document.place("target"), hint=hint, code="tolerance")
        return None
    tolerance = _read(document, keys.target.tolerance, "target", "tolerance")
    if tolerance < 0:
        place = document.place("target", "tolerance")
        raise InputError("the tolerance is negative.", where=place, hint="Write 0 or more.", code="tolerance")
    return tolerance


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    schema = TargetFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}
