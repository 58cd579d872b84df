"""The two tables of `concordat evidence`: what each area's figure is, and for how many areas there is one.

Both are made from the newest vintages by the rules that a report uses (`evidence.resolve`), so what stands here is what
a report would print. An *entity* is whatever a source prints a figure for: countries, but also the parts of one, the
European Union and the world; figures that we derived are not counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError
from concordat.settings import nearest

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue, Indicator
    from concordat.evidence.observation import Observation
    from concordat.evidence.resolve import Chosen
    from concordat.report.inputs import Who

_NO_FIGURE = "-"


@dataclass(frozen=True, slots=True)
class Areas:
    """Whom a table shows. Without members and countries: every area that has a row."""

    on: date
    bloc: str = ""
    members: tuple[str, ...] = ()
    invited: tuple[str, ...] = ()

    @classmethod
    def of(cls, who: Who) -> Areas:
        """The areas of a report's study."""
        return cls(who.on, who.id, who.members, who.invited)

    @property
    def named(self) -> tuple[str, ...]:
        """Members and invited countries; empty for everyone."""
        return (*self.members, *self.invited)

    def title(self) -> str:
        """`BRICS on 2026-11-22: 10 members, 1 invited.`"""
        on = self.on.isoformat()
        if not self.members:
            return f"All areas, {on}."
        if not self.bloc:
            return f"{_counted(len(self.members), 'country', 'countries')}, {on}."
        invited = f", {len(self.invited)} invited ({', '.join(self.invited)})" if self.invited else ""
        return f"{self.bloc} on {on}: {_counted(len(self.members), 'member', 'members')}{invited}."

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "bloc": self.bloc or None,
            "on": self.on.isoformat(),
            "members": list(self.members),
            "invited": list(self.invited),
        }


# --- Figures of one indicator ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    """One area's line. `chosen` is None where no loaded source has a row for the area."""

    area: str
    role: str
    chosen: Chosen | None

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader must know about the figure, or why there is none."""
        c = self.chosen
        if c is None:
            return (_words("no_row"),)
        if c.missing:
            return (_words(c.reason),)
        found = [f"stale, {c.age} years"] if c.stale else []
        found += [f"conflict: {o.source_id} says {observed_text(o)}" for o in c.conflicts]
        if c.observation.value is None:
            found.append(f"censored, placed at {figure_text(c.value)}" if c.imputed else "censored")
        return tuple(found)

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        c = self.chosen
        head: dict[str, Any] = {"area": self.area, "role": self.role, "marks": list(self.marks)}
        if c is None:
            return head | {"id": None, "value": None, "reason": "no_row"}
        o = c.observation
        return head | {
            "id": o.obs_id,
            "value": c.value,
            "lower": c.lower,
            "upper": c.upper,
            "printed": o.value,
            "unit": o.unit,
            "year": c.year,
            "stale": c.stale,
            "imputed": c.imputed,
            "reason": c.reason,
            "obs_status": o.obs_status,
            "nature": o.nature,
            "source": o.source_id,
            "vintage": f"{o.dataset_id}/{o.vintage_id}",
            "conflicts": [other.obs_id for other in c.conflicts],
        }


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one indicator."""

    indicator: Indicator
    breakdown: str
    areas: Areas
    figures: tuple[Figure, ...]
    id_length: int

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        i = self.indicator
        head = {"indicator": i.id, "name": i.name(), "unit": i.unit, "breakdown": self.breakdown}
        return head | self.areas.as_dict() | {"figures": [f.as_dict() for f in self.figures]}

    def lines(self) -> Iterator[str]:
        """For the screen."""
        of = f" ({self.breakdown})" if self.breakdown else ""
        yield f"{self.indicator.id}{of}: {self.indicator.name()}, {self.indicator.unit}"
        yield f"{self.areas.title()} Newest figures, not after {self.areas.on.year}."
        yield ""
        head = ("area", ">figure", ">interval", "year", "status", "source", "id", "marks")
        yield from columns(head, [self._row(f) for f in self.figures])
        ids = [f.chosen.observation.obs_id for f in self.figures if f.chosen is not None]
        if ids:
            yield ""
            yield f"Trace one to its bytes with: concordat evidence trace {ids[0][: self.id_length]}"

    def _row(self, f: Figure) -> tuple[str, ...]:
        c = f.chosen
        marks = ["invited"] * (f.role == "invited") + list(f.marks)
        if c is None:
            return (f.area, _NO_FIGURE, "", "", "", "", "", "; ".join(marks))
        o = c.observation
        interval = "" if c.missing else f"{figure_text(c.lower)} to {figure_text(c.upper)}"
        year = "" if c.missing else str(c.year)
        shown = (_printed(c), interval, year, o.obs_status, o.source_id, o.obs_id[: self.id_length])
        return (f.area, *shown, "; ".join(marks))


def show(
    catalogue: Catalogue, indicator: Indicator, breakdown: str, areas: Areas, observations: Sequence[Observation]
) -> Figures:
    """Each area's figure of an indicator, as a report would choose it.

    Raises:
        InputError: no loaded source has this breakdown of it.
    """
    from concordat.evidence.resolve import resolve
    from concordat.evidence.trace import id_length

    rows = [o for o in observations if o.indicator_id == indicator.id]
    known = sorted({o.breakdown for o in rows})
    if known and breakdown not in known:
        raise _no_breakdown(indicator, breakdown, known)
    chosen = resolve(rows, catalogue, not_after=areas.on.year)
    found = {area: c for (_, area, split), c in chosen.items() if split == breakdown}
    role = {**dict.fromkeys(areas.members, "member"), **dict.fromkeys(areas.invited, "invited")}
    wanted = areas.named or tuple(sorted(found))
    figures = tuple(Figure(area, role.get(area, "area"), found.get(area)) for area in wanted)
    return Figures(indicator, breakdown, areas, figures, id_length(o.obs_id for o in observations))


def _no_breakdown(indicator: Indicator, breakdown: str, known: Sequence[str]) -> InputError:
    if not breakdown:
        what = f"{indicator.id} has no total here."
        return InputError(what, hint=f"Name one with --breakdown: {', '.join(known[:8])}.", code="no_total")
    close = nearest(breakdown, known)
    listed = ", ".join(k for k in known[:8] if k) or "none"
    hint = f'Did you mean "{close[0]}"?' if close and close[0] else f"Known here: {listed}."
    what = f'{indicator.id} has no breakdown "{breakdown}" here.'
    return InputError(what, hint=hint, code="no_breakdown")


# --- Coverage -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Covered:
    """For whom one indicator has a figure.

    Attributes:
        entities: for how many a source prints one, of any year.
        have: the named areas with a figure that a report would use; `without`: the others, with the reason.
    """

    id: str
    topic: str
    entities: int
    have: tuple[str, ...]
    without: Mapping[str, str]
    sources: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        head: dict[str, Any] = {"indicator": self.id, "topic": self.topic, "entities": self.entities}
        return head | {"have": list(self.have), "without": dict(self.without), "sources": list(self.sources)}


@dataclass(frozen=True, slots=True)
class Coverage:
    """The table of all indicators."""

    areas: Areas
    indicators: tuple[Covered, ...]

    def as_dict(self) -> dict[str, Any]:
        """For a program; `loaded` counts the indicators with a loaded source."""
        loaded = sum(1 for c in self.indicators if c.sources)
        return self.areas.as_dict() | {"loaded": loaded, "indicators": [c.as_dict() for c in self.indicators]}

    def lines(self) -> Iterator[str]:
        """For the screen."""
        loaded = [c for c in self.indicators if c.sources]
        yield f"{self.areas.title()} {len(self.indicators)} indicators, {len(loaded)} with a loaded source."
        yield ""
        members = self.areas.members
        head = ("indicator", ">entities", *((">members", "without a figure") if members else ()))
        yield from columns(head, [self._row(c) for c in self.indicators])

    def _row(self, c: Covered) -> tuple[str, ...]:
        members = self.areas.members
        if not members:
            return (c.id, str(c.entities) if c.sources else "no source loaded")
        have = f"{len(set(c.have) & set(members))}/{len(members)}"
        lacking = [f"{a} ({_words(reason)})" for a, reason in c.without.items()]
        return (c.id, str(c.entities), have, ", ".join(lacking) if c.sources else "no source loaded")


def coverage(catalogue: Catalogue, areas: Areas, observations: Sequence[Observation]) -> Coverage:
    """For how many entities, and which of the named areas, each indicator has a figure."""
    from concordat.evidence.resolve import resolve

    chosen = resolve(observations, catalogue, not_after=areas.on.year)
    printed: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))  # indicator, breakdown, entities
    sources: dict[str, set[str]] = defaultdict(set)
    for o in observations:
        sources[o.indicator_id].add(o.source_id)
        if not o.derived_by and (o.value is not None or o.lower is not None):
            printed[o.indicator_id][o.breakdown].add(o.area)
    splits: dict[str, set[str]] = defaultdict(set)
    for indicator_id, _, breakdown in chosen:
        splits[indicator_id].add(breakdown)
    table = []
    for indicator in catalogue.indicators.values():
        if indicator.retired:
            continue
        by_split = printed[indicator.id]
        entities = by_split[""] or set().union(*by_split.values())
        wanted = ("",) if "" in splits[indicator.id] else tuple(sorted(splits[indicator.id]))
        figures = {a: [chosen.get((indicator.id, a, split)) for split in wanted] for a in areas.named}
        have = tuple(a for a, cs in figures.items() if any(c is not None and not c.missing for c in cs))
        without = {a: _why(cs) for a, cs in figures.items() if a not in have}
        found = tuple(sorted(sources[indicator.id]))
        table.append(Covered(indicator.id, indicator.topic, len(entities), have, without, found))
    return Coverage(areas, tuple(table))


def _why(chosen: Iterable[Chosen | None]) -> str:
    return next((c.reason for c in chosen if c is not None and c.reason), "no_row")


# --- Text -----------------------------------------------------------------------------------------------------------


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table in columns; a heading that begins with `>` is of numbers, which end together.

    >>> print("\\n".join(columns(("area", ">figure"), [("ETH", "17"), ("ARE", "100")])))
    area  figure
    ETH       17
    ARE      100
    """
    right = [name.startswith(">") for name in head]
    table = [tuple(name.removeprefix(">") for name in head), *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    for row in table:
        cells = (cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True))
        yield "  ".join(cells).rstrip()


def observed_text(o: Observation) -> str:
    """What a source says, in the indicator's unit: its figure, or the interval of a censored one."""
    value, lower, upper = (None if n is None else n * 10**o.unit_mult for n in (o.value, o.lower, o.upper))
    return figure_text(value) if value is not None else f"{figure_text(lower)} to {figure_text(upper)}"


def figure_text(number: float | None) -> str:
    """A number to read on a screen: at most 12 digits that say something, thousands apart.

    >>> figure_text(1451613000.0), figure_text(0.1 + 0.2), figure_text(None)
    ('1,451,613,000', '0.3', '-')
    """
    return _NO_FIGURE if number is None else f"{Decimal(f'{number + 0.0:.12g}'):,f}"  # -0 is 0


def _printed(c: Chosen) -> str:
    """The figure as it was published: a number, a limit, or none."""
    if c.missing:
        return _NO_FIGURE
    if c.observation.value is not None:
        return figure_text(c.value)
    limit = {"below": f"less than {figure_text(c.upper)}", "above": f"more than {figure_text(c.lower)}"}
    return limit.get(c.observation.censoring, _NO_FIGURE)


def _words(reason: str | None) -> str:
    return {"stale": "too old", "no_row": "no figure"}.get(reason or "", (reason or "not_published").replace("_", " "))


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
