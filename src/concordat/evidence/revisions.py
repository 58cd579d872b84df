"""What was known when, and what moved between two vintages: `latest`, `as_of`, `in_release`, `revisions`. Pure.

A dataset is kept by vintage. What is known on a day D is, for each figure, the row of the newest vintage of its dataset
with `known_from <= D`; a figure that a later vintage of the same dataset leaves out is gone from then on. So `as_of(D)`
is the rows of one vintage a dataset, whatever the order in which vintages were loaded. Of two vintages known from the
same day the one retrieved later counts, then the greater id.

A *revision* is the same `obs_id` (same figure, period, unit, source and dataset) with other things said about it:

- `changed`: another value or censor interval, told with its size in units and in precisions;
- `added`, `withdrawn`: a figure on one side alone (a row that only says why there is none counts as no figure);
- `restatused`: the same figure under another status of observation or of confidentiality.

The size in precisions is the size divided by both rows' halves of the last printed digit together: up to 1, rounding
alone could explain it. Figures are compared in their unit, so that thousands told as units are no revision. The unit is
part of `obs_id`: dollars of another year are another series and never a revision. (Specification of evidence,
sections 4 and 7; the idea of a value "as known on a day" is ALFRED's.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from concordat.evidence.conflicts import latest_first, unit_scale
from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Parts, derivation

if TYPE_CHECKING:
    from concordat.evidence.store import Release, VintageMeta

_V = TypeVar("_V", bound="VintageMeta")
Kind: TypeAlias = Literal["changed", "added", "withdrawn", "restatused"]
KINDS: tuple[Kind, ...] = ("changed", "added", "withdrawn", "restatused")
_SAME = 1e-12  # relative; two ways to write one number in its unit


@dataclass(frozen=True, slots=True)
class Revision:
    """What a later vintage says otherwise about one figure.

    Attributes:
        before, after: the two rows; None where a side has no row of this figure.
        size: the later value less the earlier, in the figure's unit; of censor intervals the distance that is not
            explained by them (0 where they overlap); None unless both sides have a figure.
        precisions: how many times both roundings together the size is; None where a rounding is not known.
    """

    kind: Kind
    before: Observation | None
    after: Observation | None
    size: float | None = None
    precisions: float | None = None

    @property
    def row(self) -> Observation:
        """The later row, or the earlier where the figure was withdrawn."""
        found = self.after if self.after is not None else self.before
        assert found is not None
        return found

    @property
    def obs_id(self) -> str:
        """The figure that was revised."""
        return self.row.obs_id

    @property
    def confidential(self) -> bool:
        """Whether a side may not be shown."""
        return any(o is not None and o.conf_status != "F" for o in (self.before, self.after))

    def as_dict(self) -> dict[str, Any]:
        """For a program; what is confidential keeps its value to itself."""
        o = self.row
        hidden = self.confidential
        return {
            "kind": self.kind,
            "obs_id": o.obs_id,
            "indicator": o.indicator_id,
            "area": o.area,
            "breakdown": o.breakdown,
            "year": o.year,
            "unit": o.unit,
            "source": o.source_id,
            "dataset": o.dataset_id,
            "before": None if hidden else _side(self.before),
            "after": None if hidden else _side(self.after),
            "size": None if hidden else self.size,
            "precisions": None if hidden else self.precisions,
            "confidential": hidden,
        }


def _side(o: Observation | None) -> dict[str, Any] | None:
    if o is None:
        return None
    figure = {"value": o.value, "lower": o.lower, "upper": o.upper, "unit_mult": o.unit_mult}
    return figure | {"missing_reason": o.missing_reason, "obs_status": o.obs_status, "vintage": o.vintage_id}


# --- What was known when ------------------------------------------------------------------------------------------


def as_of(rows: Iterable[Observation], day: date) -> list[Observation]:
    """What was known on a day, out of the rows of many vintages; sorted by dataset, then as the rows came.

    A vintage without any row can't be seen here: ask the store for vintages where that matters (`vintages_as_of`).
    """
    known = [o for o in rows if o.known_from <= day]
    newest: dict[str, tuple[Any, ...]] = {}
    for o in known:
        newest[o.dataset_id] = max(newest.get(o.dataset_id, ()), _recency(o, o.vintage_id))
    return [o for o in known if _recency(o, o.vintage_id) == newest[o.dataset_id]]


def latest(rows: Iterable[Observation]) -> list[Observation]:
    """What the newest vintage of every dataset says."""
    return as_of(rows, date.max)


def vintages_as_of(vintages: Iterable[_V], day: date = date.max) -> list[_V]:
    """The newest vintage of every dataset that was known on a day, by dataset."""
    newest: dict[str, _V] = {}
    for v in vintages:
        known = newest.get(v.dataset_id)
        if v.known_from <= day and (known is None or _recency(known, known.id) < _recency(v, v.id)):
            newest[v.dataset_id] = v
    return [newest[dataset_id] for dataset_id in sorted(newest)]


def in_release(rows: Iterable[Observation], release: Release) -> list[Observation]:
    """The rows of a release's vintages."""
    named = {(v.dataset_id, v.vintage_id) for v in release.vintages}
    return [o for o in rows if (o.dataset_id, o.vintage_id) in named]


def _recency(o: Observation | VintageMeta, vintage_id: str) -> tuple[Any, ...]:
    return (o.known_from, o.retrieved_at, vintage_id)


# --- What moved ---------------------------------------------------------------------------------------------------


def revisions(a_rows: Iterable[Observation], b_rows: Iterable[Observation]) -> list[Revision]:
    """All revisions from one vintage (or release) to another, sorted by indicator, area, breakdown and period.

    Where one side says a figure twice, its row known latest is compared; within one vintage both are in quarantine, and
    the choice only makes the answer the same every time.
    """
    before, after = _by_figure(a_rows), _by_figure(b_rows)
    found: list[Revision] = []
    for obs_id in before.keys() | after.keys():
        a, b = before.get(obs_id), after.get(obs_id)
        revision = compare(a, b)
        if revision is not None:
            found.append(revision)
    return sorted(found, key=_order)


def compare(a: Observation | None, b: Observation | None) -> Revision | None:
    """The revision from one row of a figure to another; None where they say the same."""
    had, has = _has_figure(a), _has_figure(b)
    if had != has:
        return Revision("added" if has else "withdrawn", a, b)
    if a is None or b is None:
        return None  # a row that says "missing" came or went: no figure on either side
    assert a.obs_id == b.obs_id, "rows of two figures can't be a revision"
    if has and not _same_figure(a, b):
        return Revision("changed", a, b, *_size(a, b))
    if (a.obs_status, a.conf_status) != (b.obs_status, b.conf_status):
        return Revision("restatused", a, b, 0.0 if has else None)
    return None


def _by_figure(rows: Iterable[Observation]) -> dict[str, Observation]:
    found: dict[str, Observation] = {}
    for o in rows:
        known = found.get(o.obs_id)
        if known is None or latest_first(o) < latest_first(known):
            found[o.obs_id] = o
    return found


def _has_figure(o: Observation | None) -> bool:
    return o is not None and (o.value is not None or o.lower is not None or o.upper is not None)


def _figure(o: Observation) -> tuple[float | None, float | None, float | None]:
    """Value and ends in the figure's unit."""
    scale = unit_scale(o)
    return (
        None if o.value is None else o.value * scale,
        None if o.lower is None else o.lower * scale,
        None if o.upper is None else o.upper * scale,
    )


def _same_figure(a: Observation, b: Observation) -> bool:
    if a.censoring != b.censoring:
        return False
    if a.unit_mult == b.unit_mult:
        return (a.value, a.lower, a.upper) == (b.value, b.lower, b.upper)
    return all(_near(x, y) for x, y in zip(_figure(a), _figure(b), strict=True))


def _near(x: float | None, y: float | None) -> bool:
    if x is None or y is None:
        return x is y
    return abs(x - y) <= _SAME * max(abs(x), abs(y))


def _size(a: Observation, b: Observation) -> tuple[float, float | None]:
    """(size in units, size in precisions)."""
    (a_low, a_high), (b_low, b_high) = _ends(a), _ends(b)
    if a.value is not None and b.value is not None:
        size = b_low - a_low
    else:
        size = max(b_low - a_high, 0.0) - max(a_low - b_high, 0.0)
    if a.precision is None or b.precision is None:
        return size, None
    both = a.precision * unit_scale(a) + b.precision * unit_scale(b)
    return size, abs(size) / both if both > 0 else None


def _ends(o: Observation) -> tuple[float, float]:
    """A value as an interval of no width, or the censor interval; an end that is not given is open."""
    value, lower, upper = _figure(o)
    if value is not None:
        return value, value
    return (float("-inf") if lower is None else lower), (float("inf") if upper is None else upper)


def _order(r: Revision) -> tuple[Any, ...]:
    o = r.row
    return (o.indicator_id, o.area, o.breakdown, o.period_start, o.period_end, o.dataset_id, o.obs_id)


def largest(found: Iterable[Revision], count: int) -> list[Revision]:
    """The largest changes first, beside the largest figure of their indicator: units differ, shares do not."""
    changed = [r for r in found if r.kind == "changed"]
    base: dict[str, float] = {}
    for r in changed:
        figures = (abs(n) for o in (r.before, r.after) if o is not None for n in _figure(o) if n is not None)
        base[r.row.indicator_id] = max(base.get(r.row.indicator_id, 0.0), *figures)

    def share(r: Revision) -> tuple[float, tuple[Any, ...]]:
        whole = base[r.row.indicator_id]
        return (-abs(r.size or 0.0) / whole if whole else 0.0, _order(r))

    return sorted(changed, key=share)[:count]


def count_kinds(found: Sequence[Revision]) -> Mapping[Kind, int]:
    """How many revisions there are of each kind, kinds in their fixed order."""
    counts = Counter(r.kind for r in found)
    return {kind: counts[kind] for kind in KINDS}


# --- The record in the report's book ------------------------------------------------------------------------------


@derivation("evidence.revisions.change")
def change(inputs: Sequence[Parts], _parameters: Mapping[str, Any]) -> dict[str, Any]:
    """How far a figure moved: the second input less the first, with the widest interval that their ends allow.

    Inputs: two chosen figures or two bloc figures, in one unit. Parts: `value`, `lower`, `upper`, each None where a
    side has none.
    """
    before, after = inputs

    def less(end: str, other_end: str) -> float | None:
        first, then = before.get(other_end), after.get(end)
        return None if first is None or then is None else then - first

    return {"value": less("value", "value"), "lower": less("lower", "upper"), "upper": less("upper", "lower")}
