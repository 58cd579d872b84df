"""Which figures stand in one field of a Factbook file, and of which year and unit is each?

A field (`Communications/Broadband - fixed subscriptions`) holds a few keys with a text each, a text of its own, and
notes. `FieldReader` reads the keys that the catalogue asks for, all at once, because they lend each other what they
lack:

- a year in the text wins over one in the key (`Exports 2024`), and a difference is told;
- a text without a year takes that of the indicator's total in the same field or, if that has none, the one that its
  dated breakdowns agree on (`year_inherited`); never the package's;
- the field's note says in which money it is (`_factbook_units`).

Rows without a figure and without a year stand on the edition's day with `freq` U. Method: specification of evidence,
section 6, rules 7 to 9.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from concordat.evidence.observation import Observation, make_observation
from concordat.evidence.sources._base import Problem, Severity
from concordat.evidence.sources._factbook_grammar import (
    REMARK_CENSORS,
    REMARK_CONTRADICTS_YEAR,
    TEXT_MAX,
    Parsed,
    clean_text,
    parse,
)
from concordat.evidence.sources._factbook_partners import Partner, parse_partners
from concordat.evidence.sources._factbook_units import Money, money_unit

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue, Indicator

_YEAR_KEY = re.compile(r" ?((?:19|20)\d\d)", re.ASCII)
_DOLLARS = ("", "$", "US$", "US $")
_SHOWN = 120

Years = tuple[int, int]
FieldSteps = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """One place the catalogue asks for: an indicator's total or breakdown, at a key of a field.

    Attributes:
        key: the key, or what it starts with if `any_year`; empty for the field's own text.
        or_text: the field's own text is read where the key is missing and the text holds these words.
        rounded_to: figures are multiples of it, whatever digits are printed.
    """

    indicator: Indicator
    breakdown: str
    key: str
    any_year: bool
    or_text: str | None
    series_key: str
    rounded_to: float | None = None


def targets_by_field(catalogue: Catalogue, source: str) -> dict[FieldSteps, list[Target]]:
    """What is asked for, by section and field, an indicator's total before its breakdowns."""
    plan: dict[FieldSteps, list[Target]] = {}
    for indicator in catalogue.indicators.values():
        place = indicator.maps.get(source)
        if place is None or indicator.retired:
            continue
        for breakdown, steps in [("", place.path), *sorted(place.breakdowns.items())]:
            if not steps or isinstance(steps, str):
                continue
            section, name, *rest = steps
            key = rest[0] if rest else ""
            or_text = None if breakdown else place.or_text
            any_year = key.endswith("*")
            target = Target(
                indicator, breakdown, key.removesuffix("*"), any_year, or_text, "/".join(steps), place.rounded_to
            )
            plan.setdefault((section, name), []).append(target)
    return plan


@dataclass(slots=True)
class Reading:
    """What a walk shares with the readers of its fields, and what they find.

    Attributes:
        partner_area: the name of a trade partner -> area id, or None.
        known_from: the day on which rows without any year stand.
        columns: what all rows of a file share: area, hash of the file, source, vintage.
    """

    partner_area: Callable[[str], str | None]
    known_from: date
    columns: dict[str, Any]
    rows: list[Observation] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


@lru_cache(maxsize=4096)
def pointer(*steps: str) -> str:
    """A JSON pointer (RFC 6901) behind `#`, as `raw_locator` holds it.

    >>> pointer("Energy", "a/b")
    '#/Energy/a~1b'
    """
    return "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


@lru_cache(maxsize=1024)
def _clean_note(note: str) -> str:
    return clean_text(note[:TEXT_MAX])


_money_unit = lru_cache(maxsize=1024)(money_unit)


class FieldReader:
    """Reads one field of one file: all targets in it, with the field's note and the years that siblings lend."""

    def __init__(
        self, reading: Reading, path: str, steps: FieldSteps, content: Mapping[str, Any], targets: list[Target]
    ) -> None:
        self.reading = reading
        self.path = path
        self.steps = steps
        self.content = content
        self.targets = targets
        note = content.get("note")
        self.note = _clean_note(note) if isinstance(note, str) else ""
        self.years: dict[str, Years | None] = {}
        self.told: set[tuple[str, str]] = set()

    def read(self) -> None:
        """Write a row, or tell a problem, for each text that the targets name."""
        for target in self.targets:
            money = _money_unit(target.indicator.unit, self.note)
            for keys, text, key_year in self._texts(target):
                where = self.path + pointer(*self.steps, *keys)
                if not isinstance(text, str):
                    said = f"a text is expected, found {type(text).__name__}."
                    self._tell("wrong_type", "error", where, said, target)
                elif target.indicator.breakdowns == ("partner",):
                    self._partners(target, text, where)
                else:
                    self._figure(target, parse(text), money, key_year, where, text)

    def _texts(self, target: Target) -> Iterator[tuple[tuple[str, ...], Any, int | None]]:
        """What stands where a target points: keys below the field, the text, and the year in the key."""
        own = self.content.get("text")
        if not target.key:
            if own is not None:
                yield ("text",), own, None
        elif target.any_year:
            for key, leaf in self.content.items():
                if key.startswith(target.key):
                    found = _YEAR_KEY.fullmatch(key, len(target.key))
                    if found is not None:
                        yield *_text_of(key, leaf), int(found[1])
        elif target.key in self.content:
            yield *_text_of(target.key, self.content[target.key]), None
        elif target.or_text is not None and isinstance(own, str) and target.or_text in own:
            yield ("text",), own, None

    def _tell(
        self, rule: str, severity: Severity, where: str, text: str, target: Target, *, once: bool = False
    ) -> None:
        if once:
            if (rule, target.indicator.id) in self.told:
                return
            self.told.add((rule, target.indicator.id))
        area = self.reading.columns["area"]
        self.reading.problems.append(Problem(rule, severity, where, text, target.indicator.id, area))

    def _add(self, target: Target, where: str, years: Years | None, columns: Mapping[str, Any]) -> None:
        if years is None:
            start = end = self.reading.known_from
            freq = "U"
        else:
            start, end = date(years[0], 1, 1), date(years[1], 12, 31)
            freq = "A" if years[1] - years[0] <= 1 else "U"
        row = {
            **self.reading.columns,
            "indicator_id": target.indicator.id,
            "unit": target.indicator.unit,
            "breakdown": target.breakdown,
            "series_key": target.series_key,
            "raw_locator": where,
            "period_start": start,
            "period_end": end,
            "freq": freq,
            **columns,
        }
        self.reading.rows.append(make_observation(**row))

    def _figure(
        self, target: Target, p: Parsed, money: Money | None, key_year: int | None, where: str, text: str
    ) -> None:
        notes = [n for n in (p.remark, self.note) if n]
        years = self._years(target, p, key_year, where, notes)
        if p.flag in ("missing", "text"):
            if p.reason == "unparsed":
                self._tell("unparsed", "error", where, f"no figure found in {_shown(text)}.", target)
            status = "M" if p.reason == "uninhabited" else "O"
            note = "; ".join([clean_text(text[:TEXT_MAX])[:200], *notes])
            self._add(target, where, years, {"obs_status": status, "missing_reason": p.reason, "note": note})
            return
        if years is None:
            self._tell("no_year", "error", where, f"{_shown(text)} has no year, and no sibling lends one.", target)
            self._add(target, where, None, {"obs_status": "O", "missing_reason": "unparsed", "note": "no year"})
            return
        if REMARK_CONTRADICTS_YEAR in p.marks:
            said = f'the figure is of {years[1]}; a remark says "{p.remark}".'
            self._tell(REMARK_CONTRADICTS_YEAR, "warning", where, said, target)
        if REMARK_CENSORS in p.marks:
            said = f"{_shown(text)} prints a figure and a limit; the limit is believed."
            self._tell(REMARK_CENSORS, "warning", where, said, target)
            p = replace(parse(p.remark), estimate=p.estimate)
        columns = {
            "value": p.value,
            "lower": p.lower,
            "upper": p.upper,
            "censoring": "below" if p.flag == "censored_below" else "none",
            "precision": _precision(p, target.rounded_to),
            "decimals": p.decimals,
            "unit": self._unit(target, p, money, where),
            "obs_status": "E" if p.estimate else "A",
            "note": "; ".join(notes),
        }
        self._add(target, where, years, columns)

    def _years(self, target: Target, p: Parsed, key_year: int | None, where: str, notes: list[str]) -> Years | None:
        """The period of a figure: its text's year, else its key's, else a sibling's; differences are told."""
        if p.year is not None and p.year_end is not None:
            if key_year is not None and not p.year <= key_year <= p.year_end:
                said = f"the key says {key_year}, the text {p.year}; the text is believed."
                self._tell("key_contradicts_year", "warning", where, said, target)
            return p.year, p.year_end
        if key_year is not None:
            return key_year, key_year
        lent = self._lent(target.indicator)
        if lent is not None and p.flag not in ("missing", "text"):
            notes.insert(0, "year inherited")
            self._tell("year_inherited", "info", where, f"no year of its own; {lent[1]} is its sibling's.", target)
        return lent

    def _lent(self, indicator: Indicator) -> Years | None:
        """The year of the indicator's total in this field; if that has none either, of its only dated breakdowns."""
        if indicator.id not in self.years:
            found: dict[str, Years] = {}
            for sibling in self.targets:
                if sibling.indicator is indicator:
                    for _, text, _ in self._texts(sibling):
                        p = parse(text) if isinstance(text, str) else None
                        if p is not None and p.year is not None and p.year_end is not None:
                            found[sibling.breakdown] = (p.year, p.year_end)
            agreed = next(iter(found.values())) if len(set(found.values())) == 1 else None
            self.years[indicator.id] = found.get("", agreed)
        return self.years[indicator.id]

    def _unit(self, target: Target, p: Parsed, money: Money | None, where: str) -> str:
        if money is None:
            if p.currency:
                said = f'a sum of money ("{p.currency}") where {target.indicator.unit} is expected.'
                self._tell("unit_unknown", "error", where, said, target)
                return "unknown"
            return target.indicator.unit
        if p.currency not in _DOLLARS:
            self._tell("unit_unknown", "error", where, f'printed in "{p.currency}", not in dollars.', target)
            return "unknown"
        if money.rule:
            severity: Severity = "error" if money.rule == "unit_unknown" else "warning"
            self._tell(money.rule, severity, where, money.text, target, once=True)
        return money.unit

    def _partners(self, target: Target, text: str, where: str) -> None:
        dated, partners = parse_partners(text)
        if dated.year is None or dated.year_end is None:
            self._tell("no_year", "error", where, f"{_shown(text)} has no year.", target)
            return
        years = (dated.year, dated.year_end)
        covered = sum(p.value or 0.0 for p in partners)
        note = f"the partners named make up {covered:g} %; the rest is missing, not zero"
        known: set[str] = set()
        for partner in partners:
            area = self.reading.partner_area(partner.name)
            if area is None:
                said = f'the partner "{partner.name[:_SHOWN]}" is not a country I know.'
                self._tell("partner_unknown", "error", where, said, target)
            elif area in known:
                said = f"the partner {area} stands twice; the first is used."
                self._tell("partner_twice", "error", where, said, target)
            else:
                known.add(area)
                self._partner(target, partner, area, where, years, dated.estimate, note)

    def _partner(
        self, target: Target, p: Partner, area: str, where: str, years: Years, estimate: bool, note: str
    ) -> None:
        status = "E" if estimate else "A"
        columns: dict[str, Any] = {"breakdown": f"partner={area}", "note": note, "precision": p.precision}
        if p.value is not None:
            columns |= {"value": p.value, "obs_status": status}
        elif p.upper is not None:
            columns |= {"lower": 0.0, "upper": p.upper, "censoring": "below", "obs_status": status}
        else:
            columns |= {"missing_reason": "not_published", "obs_status": "O", "note": p.text}
            self._tell("partner_without_share", "info", where, f'"{p.text}" is named without a share.', target)
        self._add(target, where, years, columns)


def _text_of(key: str, leaf: Any) -> tuple[tuple[str, ...], Any]:
    """The text below a key; what stands there instead, if it is no object with a text."""
    return ((key, "text"), leaf.get("text")) if isinstance(leaf, dict) else ((key,), leaf)


def _precision(p: Parsed, rounded_to: float | None) -> float | None:
    """Half of the last printed digit, or of the coarser step a publisher rounds to, where the figure keeps to it.

    >>> _precision(parse("$9,800 (2023 est.)"), 100.0), _precision(parse("$9,812 (2023 est.)"), 100.0)
    (50.0, 0.5)
    """
    if rounded_to is None or p.precision is None or p.value is None or p.value % rounded_to:
        return p.precision
    return max(p.precision, rounded_to / 2)


def _shown(text: str) -> str:
    return f'"{clean_text(text[:TEXT_MAX])[:_SHOWN]}"'
