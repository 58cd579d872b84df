"""What the commands on the divide take from the store: each area's newest figure and weight, and series of years.

Figures are chosen as a report and `concordat evidence show` choose them; weights are those that the catalogue names, of
the value's year or the nearest within five. Without a bloc and without countries: every country that has a row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from concordat.cli import _divide_files as files
from concordat.errors import InputError, MethodError
from concordat.settings import nearest

if TYPE_CHECKING:
    from concordat.cli._evidence_tables import Areas
    from concordat.evidence.catalogue import Catalogue, Indicator
    from concordat.evidence.observation import Observation


@dataclass(frozen=True, slots=True)
class Whom:
    """Whose figures are asked for, as the options say."""

    bloc: str = ""
    countries: str = ""
    on: str = ""
    invited: bool = False
    data_dir: str | None = None

    @property
    def named(self) -> bool:
        return bool(self.bloc or self.countries)

    def areas(self) -> Areas:
        """The areas, resolved to codes.

        Raises:
            InputError: an unknown bloc or country, or both kinds at once.
        """
        from concordat.cli import evidence

        return evidence._areas(self.bloc, self.countries, self.on)

    def members(self, areas: Areas) -> tuple[str, ...]:
        """The areas that count; nobody named: none."""
        return (*areas.members, *(areas.invited if self.invited else ()))


@dataclass(frozen=True, slots=True)
class Figures:
    """Newest figures of one indicator.

    Attributes:
        title: two lines that say what and whom.
        units: the areas with a value; `values`, `years` and `weights` are theirs, a weight NaN where there is none.
        without: the areas without a value, with the reason. weight: the id of what weighs, "" where nothing does.
    """

    indicator: Indicator
    title: tuple[str, ...]
    members: tuple[str, ...]
    units: tuple[str, ...]
    values: tuple[float, ...]
    years: tuple[int, ...]
    weights: tuple[float, ...]
    weight: str
    without: Mapping[str, str]

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Of a percentage that can't leave 0 to 100."""
        from concordat.observatory.divide import is_share

        return (0.0, 100.0) if is_share(self.indicator) else None


@contextmanager
def _opened(indicator: str, whom: Whom) -> Iterator[tuple[Catalogue, Areas, list[Observation]]]:
    from concordat.cli import evidence
    from concordat.evidence.catalogue import load_catalogue

    if not indicator:
        hint = "See: concordat evidence coverage"
        raise InputError("name an indicator, or a file with --data.", hint=hint, code="indicator")
    evidence._known_indicator(indicator)
    areas = whom.areas()  # a mistyped bloc is told before anything is opened
    with evidence._loaded(whom.data_dir, None) as (store, vintages):
        yield load_catalogue(), areas, [o for v in vintages for o in store.observations(v, every_row=False)]


def figures(indicator: str, whom: Whom, *, world: bool = False) -> Figures:
    """Each area's newest figure with its weight.

    Args:
        world: of all countries, the bloc's among them.

    Raises:
        InputError: an unknown indicator, bloc or country; fewer than two areas with a value.
    """
    from concordat.evidence.aggregate import pick_weights
    from concordat.evidence.resolve import resolve, yearly_series

    with _opened(indicator, whom) as (catalogue, areas, rows):
        record = catalogue.indicators[indicator]
        last = areas.on.year
        found = resolve([o for o in rows if o.indicator_id == indicator], catalogue, not_after=last)
        chosen = {area: c for (_, area, split), c in found.items() if not split}
        series = yearly_series(rows, catalogue, {record.aggregate_weight} - {""}, not_after=last)
    wanted = () if world else whom.members(areas)
    wanted = wanted or tuple(sorted(a for a in chosen if _is_country(a)))
    values = {a: float(c.value) for a in wanted if (c := chosen.get(a)) is not None and c.value is not None}
    weights = pick_weights(record, chosen, series, values, not_after=last)
    without = {a: (chosen[a].reason or "no_row") if a in chosen else "no_row" for a in wanted if a not in values}
    if len(values) < 2:
        what = f"{len(values)} of {len(wanted)} areas have a figure of {indicator}."
        raise InputError(what, hint="Name more countries, or load a source.", code="too_few")
    years = {a: chosen[a].year for a in values}
    span = " to ".join(str(y) for y in sorted({min(years.values()), max(years.values())}))
    title = (
        f"{record.id}: {record.name()}, {record.unit}",
        f"{_title(areas, whom, world)} {len(values)} of {len(wanted)} have a figure; newest of each, {span}.",
    )
    return Figures(
        record,
        title,
        tuple(areas.members),
        tuple(values),
        tuple(values.values()),
        tuple(years.values()),
        tuple(_weight(weights.get(a), years[a]) for a in values),
        record.aggregate_weight,
        without,
    )


def _title(areas: Areas, whom: Whom, world: bool = False) -> str:
    if world or not whom.named:
        return f"All countries, {areas.on.isoformat()}."
    if not areas.bloc:
        return areas.title()
    also = f" and {', '.join(areas.invited)} (invited)" if whom.invited and areas.invited else ""
    return f"{areas.bloc} on {areas.on.isoformat()}: {len(areas.members)} members{also}."


def _weight(o: Observation | None, year: int) -> float:
    from concordat.evidence._aggregate import WEIGHT_YEARS_MAX

    near = o is not None and o.value is not None and abs(o.year - year) <= WEIGHT_YEARS_MAX
    return _in_unit(o) if near and o is not None else math.nan


def _in_unit(o: Observation) -> float:
    assert o.value is not None
    return float(o.value * 10.0**o.unit_mult if o.unit_mult else o.value)


def _is_country(area: str) -> bool:
    from concordat.world import area_type

    return area_type(area) == "country"


# --- Series -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Panel:
    """Series of some units, from the store or a file.

    Attributes:
        title: lines that say what and whom.
        series: unit -> years and values; a unit that was named and has none is there with nothing.
        weights: unit -> year -> weight, empty where there are none.
        share: figures are percentages that can't leave 0 to 100. direction: -1 where less is better.
    """

    title: tuple[str, ...]
    series: dict[str, tuple[list[float], list[float]]]
    weights: Mapping[str, Mapping[int, float]]
    share: bool = False
    direction: int = 1


def panel(indicator: str, whom: Whom, data: Path | None, also: str = "") -> Panel:
    """The series asked for.

    Args:
        also: a unit to read beside them (the leader).

    Raises:
        InputError: an unknown indicator or unit, a table that can't be read.
        MethodError: nobody has two years.
    """
    found = _from_file(indicator, whom, data, also) if data is not None else _from_store(indicator, whom, also)
    if max((sum(v == v for v in values) for _, values in found.series.values()), default=0) < 2:
        what = f"not computed: needs several years of {indicator or 'the figure'}"
        raise MethodError(
            f"{what}; load them with concordat evidence pull worldbank or import.", where=str(data or ""), code="years"
        )
    return found


def _from_store(indicator: str, whom: Whom, also: str) -> Panel:
    from concordat.evidence.resolve import yearly_series
    from concordat.observatory.divide import is_share

    with _opened(indicator, whom) as (catalogue, areas, rows):
        record = catalogue.indicators[indicator]
        wanted = {indicator, record.aggregate_weight} - {""}
        found = yearly_series(rows, catalogue, wanted, not_after=areas.on.year)
    own = {a: {y: _in_unit(o) for y, o in by.items()} for a, by in found[indicator].items()}
    weights = {a: {y: _in_unit(o) for y, o in by.items()} for a, by in found.get(record.aggregate_weight, {}).items()}
    units = whom.members(areas) or tuple(a for a in sorted(own) if _is_country(a))
    series = {a: ([float(y) for y in sorted(own.get(a, {}))], [own[a][y] for y in sorted(own.get(a, {}))])
              for a in dict.fromkeys((*units, *([_code(also)] if also else [])))}  # fmt: skip
    title = (f"{record.id}: {record.name()}, {record.unit}", _title(areas, whom))
    return Panel(title, series, weights, is_share(record), -1 if record.polarity == "lower_is_better" else 1)


def _code(area: str) -> str:
    from concordat.world import country

    return country(area).iso3


def _from_file(indicator: str, whom: Whom, path: Path, also: str) -> Panel:
    found = files.read_series(path, indicator)
    wanted = _units_of(whom, found.panel, path) or list(found.panel)
    if also and also not in wanted:
        wanted = [*wanted, _known(also, found.panel, path)]
    series = {unit: found.panel.get(unit, ([], [])) for unit in wanted}
    return Panel((f"{indicator or 'value'}, from {path}",), series, found.weights)


def _units_of(whom: Whom, known: Mapping[str, object], path: Path) -> list[str]:
    if whom.countries and not whom.bloc:
        return [_known(name.strip(), known, path) for name in whom.countries.split(",") if name.strip()]
    return list(whom.members(whom.areas())) if whom.named else []


def _known(unit: str, known: Mapping[str, object], path: Path) -> str:
    if unit in known:
        return unit
    close = nearest(unit, known)
    hint = f'Did you mean "{close[0]}"?' if close else f"It has: {', '.join(sorted(known)[:12])}."
    raise InputError(f'the table has no unit "{unit}".', where=str(path), hint=hint, code="unknown_unit")


def paired(values: Sequence[float], weights: Sequence[float]) -> list[int]:
    """The places that have a value and a weight."""
    return [i for i, (v, w) in enumerate(zip(values, weights, strict=True)) if v == v and w == w]
