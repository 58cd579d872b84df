"""What the parts of the chapter on the divide share: who is measured, a measure as a number, members named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from concordat.evidence.provenance import Derived
from concordat.figures.numbers import COMPACT_FROM, end_part
from concordat.report import cells
from concordat.report.chapter import Num, Runs
from concordat.report.inputs import Inputs

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator

NAMED_MAX = 3  # members named in a cell
RATIOS = ("ratio", "cv", "gini", "gini_shortfall")


@dataclass(frozen=True, slots=True)
class Group:
    """The areas that one set of lines measures: members, or members and invited countries; with all their records."""

    areas: tuple[str, ...]
    name: str
    row_id: str
    records: Mapping[str, Derived] = field(default_factory=dict)


def unit_of(indicator: Indicator, measure: str) -> str:
    """Differences of percentages are points; ratios have no unit."""
    if measure in RATIOS:
        return "ratio"
    return "points" if measure in ("gap", "sd") and indicator.unit == "percent" else indicator.unit


def measure_num(record: Derived, name: str, unit: str) -> Num:
    """A measure with its interval. One that nothing bounds above is printed as "more than" its lower end."""
    value, lower, upper = (record.parts[f"{name}{end}"] for end in ("", "_lower", "_upper"))
    if upper is None:
        value = None
    num = cells.interval_num(value, lower, upper, unit, record.id, name)
    if name.startswith("share_"):
        return replace(num, decimals=1)
    small = unit == "count" and max(n for n in (value, lower, upper) if n is not None) < COMPACT_FROM
    return replace(num, decimals=0) if small else num


def in_words(inputs: Inputs, num: Num) -> Runs:
    """A number for a sentence; one known only as an interval as two numbers, each with its unit."""
    if num.value is not None or num.lower is None or num.upper is None:
        return (num,)
    alone = replace(num, lower=None, upper=None)
    low = replace(alone, value=num.lower, part=end_part(num.part, "lower"))
    high = replace(alone, value=num.upper, part=end_part(num.part, "upper"))
    return inputs.words.text("divide.open", low=low, high=high)


def names_or_several(inputs: Inputs, areas: Iterable[str]) -> str:
    """The names of a few members, or that they are several."""
    areas = list(areas)
    if len(areas) > NAMED_MAX:
        return inputs.words.plain("divide.several")
    return cells.names_of(inputs, areas)


def reason_text(inputs: Inputs, reason: str | None) -> str:
    """Why there is no measure, or no figure of a member, in words."""
    key = f"divide.reason.{reason}"
    return inputs.words.plain(key) if key in inputs.words else cells.reason_text(inputs, reason)
