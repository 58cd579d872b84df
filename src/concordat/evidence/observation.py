"""What one observation is: a value, for an area and a period, from a source, as known on a day, out of given bytes.

The record follows SDMX: status codes are kept verbatim, attributes ride with the value. Missing is `value=None` with a
reason, never a blank; a censored value ("less than 1") is an interval. `obs_id` names *what is measured* (so two
vintages of one figure share it), `row_hash` names *what was said*. The unit is inside `obs_id`: dollars of 2014 and
dollars of 2021 are two series and can never look like a revision.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Literal

from concordat.canonical import number_text
from concordat.errors import SourceError

MISSING_REASONS = (
    "not_published", "not_applicable", "censored", "withheld", "source_conflict", "low_coverage", "unparsed", "stale",
    "uninhabited", "parts_of_different_years",
)  # fmt: skip
AREA_TYPES = ("country", "part", "bloc", "world", "group")
CENSORING = ("none", "below", "above", "interval")
NATURES = ("C", "CA", "E", "G", "M", "N")
CONFIDENTIALITY = ("F", "N", "C")
# SDMX code list CL_OBS_STATUS 2.2. A code outside it is kept and flagged by `evidence.quality`, never mapped to A.
OBS_STATUS = ("A", "B", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "S", "U", "V", "W", "X")

_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One row of evidence; the Parquet files hold the same columns in this order.

    Attributes:
        obs_id: first 32 hex digits of SHA-256 over what is measured (see `obs_id_of`).
        area: ISO 3166-1 alpha-3, a bloc's id, `WLD`, or a part such as `PSE.gz`.
        period_start, period_end: first and last day, both inclusive.
        freq: A(nnual), Q(uarterly), M(onthly), U(nknown).
        value, lower, upper: in `unit` times 10**`unit_mult`; `lower` and `upper` without a value mean censored.
        precision: half a unit of the last printed digit; None where the printing is not known.
        breakdown: `sex=F;loc=rural`, keys sorted; empty for the total.
        nature: C country, CA adjusted, E estimated, G monitoring, M modelled, N not specified.
        conf_status: F free, N not for publication, C confidential.
        known_from: the day from which the vintage could be known.
        raw_sha256, raw_locator: the bytes it came from, and the place in them (JSON pointer, `row N`, `sheet!cell`).
        derived_from, derived_by: ids of inputs and `function@version`, for processing level minor or major.
        row_hash: first 32 hex digits of SHA-256 over what was said (see `row_hash_of`).
    """

    obs_id: str
    indicator_id: str
    area: str
    area_type: str = "country"
    period_start: date
    period_end: date
    freq: Literal["A", "Q", "M", "U"] = "A"
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    censoring: str = "none"
    precision: float | None = None
    unit: str
    unit_mult: int = 0
    decimals: int | None = None
    breakdown: str = ""
    obs_status: str = "A"
    nature: str = "N"
    conf_status: str = "F"
    missing_reason: str | None = None
    note: str = ""
    source_id: str
    dataset_id: str
    series_key: str = ""
    vintage_id: str
    known_from: date
    retrieved_at: datetime
    raw_sha256: str
    raw_locator: str
    parser_version: str
    processing_level: Literal["raw", "minor", "major"] = "raw"
    derived_from: tuple[str, ...] = ()
    derived_by: str = ""
    row_hash: str

    @property
    def year(self) -> int:
        """The calendar year the period ends in."""
        return self.period_end.year

    @property
    def key(self) -> tuple[str, str, str, date, date]:
        """What the figure is about, whoever says it: indicator, area, breakdown, period."""
        return (self.indicator_id, self.area, self.breakdown, self.period_start, self.period_end)


COLUMNS = tuple(f.name for f in fields(Observation))


def obs_id_of(
    *,
    indicator_id: str,
    area: str,
    period_start: date,
    period_end: date,
    breakdown: str,
    unit: str,
    source_id: str,
    dataset_id: str,
) -> str:
    """The id of what is measured: the same for every vintage that speaks of it.

    Raises:
        SourceError: a text holds the separator, so that two different figures could share an id.
    """
    start, end = period_start.isoformat(), period_end.isoformat()
    texts = (indicator_id, area, start, end, breakdown, unit, source_id, dataset_id)
    text = _SEPARATOR.join(texts)
    if text.count(_SEPARATOR) != len(texts) - 1:
        what = f"{indicator_id!r} of {area!r}: a text of the key holds the separator U+001F."
        raise SourceError(what, where=f"{source_id} {dataset_id}", code="invariant")
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def row_hash_of(
    *,
    obs_id: str,
    value: float | None,
    lower: float | None,
    upper: float | None,
    censoring: str,
    obs_status: str,
    conf_status: str,
) -> str:
    """The hash of what was said: it changes when the publisher says something else about the same thing.

    Raises:
        InputError: a number is NaN or infinite.
    """
    # As doubles, which is what the tables keep: 2**60 read back from a file has the hash it was written with.
    numbers = ("" if number is None else number_text(float(number)) for number in (value, lower, upper))
    text = _SEPARATOR.join((obs_id, *numbers, censoring, obs_status, conf_status))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def make_observation(**columns: object) -> Observation:
    """An observation with its two hashes computed and its invariants checked.

    Raises:
        SourceError: an invariant of the record is broken (see `check_observation`).
        InputError: a number is NaN or infinite.
    """
    get = columns.get
    obs_id = obs_id_of(
        indicator_id=columns["indicator_id"],  # type: ignore[arg-type]
        area=columns["area"],  # type: ignore[arg-type]
        period_start=columns["period_start"],  # type: ignore[arg-type]
        period_end=columns["period_end"],  # type: ignore[arg-type]
        breakdown=get("breakdown", ""),  # type: ignore[arg-type]
        unit=columns["unit"],  # type: ignore[arg-type]
        source_id=columns["source_id"],  # type: ignore[arg-type]
        dataset_id=columns["dataset_id"],  # type: ignore[arg-type]
    )
    row_hash = row_hash_of(
        obs_id=obs_id,
        value=get("value"),  # type: ignore[arg-type]
        lower=get("lower"),  # type: ignore[arg-type]
        upper=get("upper"),  # type: ignore[arg-type]
        censoring=get("censoring", "none"),  # type: ignore[arg-type]
        obs_status=get("obs_status", "A"),  # type: ignore[arg-type]
        conf_status=get("conf_status", "F"),  # type: ignore[arg-type]
    )
    observation = Observation(obs_id=obs_id, row_hash=row_hash, **columns)  # type: ignore[arg-type]
    check_observation(observation)
    return observation


def from_columns(columns: Mapping[str, Sequence[Any]]) -> list[Observation]:
    """Many rows from their columns, unchecked: ids, hashes and invariants are the caller's, and the store's on writing.

    Slots are set directly: the frozen `__init__` takes 5 microseconds a row, this takes 2.
    """
    rows = [object.__new__(Observation) for _ in range(len(columns["obs_id"]))]
    for name in COLUMNS:
        deque(map(getattr(Observation, name).__set__, rows, columns[name]), maxlen=0)
    return rows


def check_observation(o: Observation) -> None:
    """Refuse a row that says nothing, or two things at once.

    A row has a value, or a censored interval, or a reason for being missing: never none of them, and never a reason
    beside a number. `lower <= value <= upper` where they exist; numbers are finite; the period does not end before it
    starts.

    Raises:
        SourceError: naming the row and the rule.
    """
    interval = o.lower is not None and o.upper is not None and o.censoring != "none"
    said = (o.value is not None) + (o.missing_reason is not None) + (interval and o.value is None)
    ends = o.lower is not None or o.upper is not None
    numbers = (o.value, o.lower, o.upper, o.precision)
    rules = (
        (all(n is None or math.isfinite(n) for n in numbers), "a number is NaN or infinite"),
        (o.precision is None or o.precision >= 0, "precision is below zero"),
        (o.missing_reason is None or not ends, "has a missing reason beside a bound"),
        (said == 1, "must have exactly one of a value, a censored interval, a missing reason"),
        (o.missing_reason is None or o.missing_reason in MISSING_REASONS, "unknown reason {o.missing_reason!r}"),
        (o.censoring in CENSORING, "unknown censoring {o.censoring!r}"),
        (o.area_type in AREA_TYPES, "unknown area type {o.area_type!r}"),
        (o.nature in NATURES, "unknown nature {o.nature!r}"),
        (o.conf_status in CONFIDENTIALITY, "unknown conf_status {o.conf_status!r}"),
        (o.period_start <= o.period_end, "ends before it starts"),
        (o.lower is None or o.value is None or o.lower <= o.value, "lower is above the value"),
        (o.upper is None or o.value is None or o.value <= o.upper, "upper is below the value"),
        (o.lower is None or o.upper is None or o.lower <= o.upper, "lower is above upper"),
    )
    for holds, rule in rules:
        if not holds:
            what = f"{o.indicator_id} of {o.area} in {o.year}: {rule.format(o=o)}."
            raise SourceError(what, where=f"{o.source_id} {o.raw_locator}", code="invariant")


def breakdown_text(parts: Mapping[str, str]) -> str:
    """`{"sex": "F", "loc": "rural"}` as the record writes it: `loc=rural;sex=F`."""
    return ";".join(f"{key}={parts[key]}" for key in sorted(parts))
