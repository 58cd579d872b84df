"""What is wrong, old or odd in the figures at hand: the quality rules, each with an id, a severity and a text.

Rules that only mark leave the figure in use; rules that quarantine take it out of every choice and every sum, are
counted on screen and listed in the report's annex (specification of evidence, section 7). What only the parser can see
(a year inherited from a sibling, a remark that names another year) arrives as a `Problem` and becomes a `Finding` like
the rest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from concordat.evidence.conflicts import is_implied_rate, unit_scale
from concordat.evidence.observation import OBS_STATUS, Observation

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue, Indicator
    from concordat.evidence.sources._base import Problem


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: how severe a breach is, whether it takes the figure out of use, and what it says."""

    id: str
    severity: str
    quarantines: bool
    text: str


_RULES = (
    Rule("stale", "info", False, "the newest figure is older than the indicator's stale age; used and marked"),
    Rule("dropped_old", "warning", False, "the newest figure is older than the indicator's limit; counts as missing"),
    Rule("jump", "warning", False, "the change in a year is larger than expected; a possible break in the series"),
    Rule("total_outside_parts", "warning", False, "the total does not lie between its parts, or is not their sum"),
    Rule("zero_suspicious", "error", True, "zero where a zero usually stands for missing"),
    Rule("bounds", "error", True, "outside what the indicator can be"),
    Rule("year_inherited", "info", False, "no year of its own; taken from its sibling total"),
    Rule("remark_contradicts_year", "warning", False, "a remark names another year than the figure"),
    Rule(
        "denominator_conflict", "info", False, "the rate implied by the total lies outside the printed rate's rounding"
    ),
    Rule("unit_unknown", "warning", False, "not in the indicator's unit; not used"),
    Rule("duplicate_key", "error", True, "the same figure twice in one vintage; neither is used"),
    Rule("unverified_code", "info", False, "the source's code for it has not been checked"),
)
RULES = {rule.id: rule for rule in _RULES}


@dataclass(frozen=True, slots=True)
class Finding:
    """A breach of a rule.

    Attributes:
        rule: an id of `RULES`, or a parser's own.
        severity: info, warning or error.
        quarantined: the figures are out of use.
        indicator_id, area: what it is about; empty where it is not about one.
        where: place in the source.
        text: what was found, in a sentence.
        observations: ids of the rows concerned, those at fault last.
        vintage_id: of those rows.
    """

    rule: str
    severity: str
    quarantined: bool
    indicator_id: str
    area: str
    where: str
    text: str
    observations: tuple[str, ...] = ()
    vintage_id: str = ""


def check_quality(
    observations: Iterable[Observation],
    catalogue: Catalogue,
    *,
    not_after: int,
    problems: Iterable[Problem] = (),
    problems_of: Mapping[str, Iterable[Problem]] | None = None,
) -> list[Finding]:
    """All findings, sorted by rule (in the order of `RULES`), indicator and area.

    Args:
        problems: what a parser had to say, of no known vintage.
        problems_of: the same by vintage id, so that a finding leads to the vintage's bytes.
    """
    rows = list(observations)
    found = [*_quarantines(rows, catalogue), *_from_parser(problems)]
    for vintage_id, told in (problems_of or {}).items():
        found += _from_parser(told, vintage_id)
    refused = {(f.vintage_id, o) for f in found if f.quarantined for o in f.observations}
    found += _units_and_codes(rows, catalogue)
    usable = [o for o in rows if _usable(o, catalogue) and (o.vintage_id, o.obs_id) not in refused]
    found += _ages(usable, catalogue, not_after)
    found += _jumps(usable, catalogue)
    found += _totals(usable, catalogue)
    place = {rule: i for i, rule in enumerate(RULES)}
    return sorted(found, key=lambda f: (place.get(f.rule, len(place)), f.rule, f.indicator_id, f.area, f.where, f.text))


def quarantine(observations: Sequence[Observation], catalogue: Catalogue) -> frozenset[tuple[str, str]]:
    """(vintage id, observation id) of every row that a quarantining rule takes out of use."""
    return frozenset((f.vintage_id, o) for f in _quarantines(observations, catalogue) for o in f.observations)


def quarantines(observations: Sequence[Observation], catalogue: Catalogue) -> list[Finding]:
    """The findings that take rows out of use, with what each says."""
    return list(_quarantines(observations, catalogue))


def _finding(rule: str, o: Observation, text: str, others: Sequence[str] = ()) -> Finding:
    r = RULES[rule]
    ids = (*others, o.obs_id)
    return Finding(rule, r.severity, r.quarantines, o.indicator_id, o.area, o.raw_locator, text, ids, o.vintage_id)


def _about(o: Observation) -> str:
    return f"{o.indicator_id} of {o.area}" + (f" ({o.breakdown})" if o.breakdown else "") + f" in {o.year}"


def _usable(o: Observation, catalogue: Catalogue) -> bool:
    """Whether a row may be compared with others in public; confidential rows are in no choice and in no text."""
    indicator = catalogue.indicators.get(o.indicator_id)
    has_figure = o.value is not None or o.lower is not None
    in_unit = indicator is not None and o.unit == indicator.unit
    return has_figure and in_unit and o.conf_status == "F" and not is_implied_rate(o)


def _quarantines(rows: Sequence[Observation], catalogue: Catalogue) -> Iterator[Finding]:
    count = Counter((o.vintage_id, o.obs_id) for o in rows)
    twice = {key for key, n in count.items() if n > 1}
    reported: set[tuple[str, str]] = set()
    for o in rows:
        key = (o.vintage_id, o.obs_id)
        if key in twice and key not in reported:
            reported.add(key)
            yield _finding("duplicate_key", o, f"{_about(o)} stands {count[key]} times in vintage {o.vintage_id}.")
        indicator = catalogue.indicators.get(o.indicator_id)
        if indicator is None or o.unit != indicator.unit:
            continue
        if o.value == 0 and indicator.check_zero != "plausible":
            word = "is impossible" if indicator.check_zero == "impossible" else "usually stands for missing"
            yield _finding("zero_suspicious", o, f"{_about(o)} is 0, which {word}.")
        floor, ceiling = indicator.bounds
        low, high = (o.lower, o.upper) if o.value is None else (o.value, o.value)
        scale = unit_scale(o)
        if (floor is not None and high is not None and high * scale < floor) or (
            ceiling is not None and low is not None and low * scale > ceiling
        ):
            limits = " to ".join("any" if b is None else f"{b:g}" for b in indicator.bounds)
            said = "confidential" if o.conf_status != "F" else f"{low:g}" if low == high else f"{low:g} to {high:g}"
            yield _finding("bounds", o, f"{_about(o)} is {said}; it can be {limits}.")


def _from_parser(problems: Iterable[Problem], vintage_id: str = "") -> Iterator[Finding]:
    for p in problems:
        quarantines = RULES[p.rule].quarantines if p.rule in RULES else False
        yield Finding(p.rule, p.severity, quarantines, p.indicator_id, p.area, p.where, p.text, (), vintage_id)


def _units_and_codes(rows: Iterable[Observation], catalogue: Catalogue) -> Iterator[Finding]:
    codes: set[tuple[str, str]] = set()
    for o in rows:
        indicator = catalogue.indicators.get(o.indicator_id)
        if indicator is None:
            yield _finding("unit_unknown", o, f"{_about(o)}: the catalogue has no such indicator.")
        elif o.unit != indicator.unit:
            yield _finding("unit_unknown", o, f'{_about(o)} is in "{o.unit}"; the catalogue says "{indicator.unit}".')
        else:
            mapped = indicator.maps.get(o.source_id)
            if mapped is not None and mapped.status == "unverified" and (indicator.id, o.source_id) not in codes:
                codes.add((indicator.id, o.source_id))
                yield _code(o, f"the code that {o.source_id} has for {indicator.id} has not been checked.")
        if o.obs_status not in OBS_STATUS:
            yield _finding(
                "unverified_code", o, f'{_about(o)} has the status "{o.obs_status}", which SDMX does not list.'
            )


def _code(o: Observation, text: str) -> Finding:
    rule = RULES["unverified_code"]
    return Finding(rule.id, rule.severity, False, o.indicator_id, "", o.series_key, text, (), o.vintage_id)


def _ages(rows: Iterable[Observation], catalogue: Catalogue, not_after: int) -> Iterator[Finding]:
    newest: dict[tuple[str, str, str], Observation] = {}
    for o in rows:
        if o.year <= not_after:
            key = (o.indicator_id, o.area, o.breakdown)
            if key not in newest or (newest[key].year, newest[key].obs_id) < (o.year, o.obs_id):
                newest[key] = o
    for o in newest.values():
        indicator = catalogue.indicators[o.indicator_id]
        age = not_after - o.year
        if age > indicator.age_drop:
            yield _finding(
                "dropped_old", o, f"{_about(o)} is {age} years old; over {indicator.age_drop} it is not used."
            )
        elif age > indicator.age_stale:
            yield _finding("stale", o, f"{_about(o)} is {age} years old; over {indicator.age_stale} it is marked.")


def _jumps(rows: Iterable[Observation], catalogue: Catalogue) -> Iterator[Finding]:
    """Within one vintage's yearly series: |change| per year beyond the catalogue's limit."""
    series: dict[tuple[str, ...], dict[int, Observation]] = defaultdict(dict)
    for o in rows:
        if o.value is not None and o.freq == "A" and catalogue.indicators[o.indicator_id].check_jump is not None:
            series[o.indicator_id, o.area, o.breakdown, o.source_id, o.dataset_id, o.vintage_id][o.year] = o
    for by_year in series.values():
        years = sorted(by_year)
        for before, after in pairwise(years):
            a, b = by_year[before], by_year[after]
            assert a.value is not None
            assert b.value is not None
            limit = catalogue.indicators[b.indicator_id].check_jump
            assert limit is not None
            first, then = a.value * unit_scale(a), b.value * unit_scale(b)
            if abs(then - first) > limit * (after - before) * (1 + 1e-12):
                text = f"{_about(b)}: {first:g} in {before}, {then:g} in {after}; over {limit:g} a year."
                yield _finding("jump", b, text, [a.obs_id])


def _totals(rows: Iterable[Observation], catalogue: Catalogue) -> Iterator[Finding]:
    """A rate's total lies between its parts; a sum's total is their sum. Parts: both sexes, or town and country."""
    groups: dict[tuple[object, ...], dict[str, Observation]] = defaultdict(dict)
    for o in rows:
        if o.value is not None and o.breakdown in _WHOLE:
            groups[o.indicator_id, o.area, o.period_start, o.period_end, o.dataset_id, o.vintage_id][o.breakdown] = o
    for group in groups.values():
        total = group.get("")
        for first, second in _SPLITS:
            if total is not None and first in group and second in group:
                yield from _total(total, group[first], group[second], catalogue.indicators[total.indicator_id])


_SPLITS = (("loc=rural", "loc=urban"), ("sex=F", "sex=M"))
_WHOLE = frozenset({"", *(key for split in _SPLITS for key in split)})


def _total(total: Observation, one: Observation, two: Observation, indicator: Indicator) -> Iterator[Finding]:
    (t, slack), (a, slack_a), (b, slack_b) = _scaled(total), _scaled(one), _scaled(two)
    slack *= 1 + 1e-9
    if indicator.aggregate_rule == "sum":
        allowed = slack + slack_a + slack_b
        outside, low, high = abs(t - a - b) > allowed * (1 + 1e-9), a + b, a + b
    else:
        (low, slack_low), (high, slack_high) = sorted(((a, slack_a), (b, slack_b)))
        outside = t < low - slack - slack_low or t > high + slack + slack_high
    if outside:
        said = (
            f"its parts sum to {low:g}" if low == high and indicator.aggregate_rule == "sum" else f"{low:g} to {high:g}"
        )
        text = f"{_about(total)} is {t:g}; {said}."
        yield _finding("total_outside_parts", total, text, [one.obs_id, two.obs_id])


def _scaled(o: Observation) -> tuple[float, float]:
    """Value and rounding of a row in its indicator's unit."""
    assert o.value is not None
    return o.value * unit_scale(o), (o.precision or 0.0) * unit_scale(o)
