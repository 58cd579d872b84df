"""`concordat evidence conflicts`: where two sources say different things about the same figure, with both values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from concordat.cli._evidence_tables import Areas
    from concordat.evidence.conflicts import Conflict
    from concordat.evidence.observation import Observation

PULL = "concordat evidence pull worldbank"


def conflicts(
    bloc: str = typer.Option("", "--bloc", help="A bloc's id; see: concordat bloc list"),
    countries: str = typer.Option("", "--countries", help="Instead of a bloc: countries by code or name, with commas."),
    on: str = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today."),
    indicator: str = typer.Option("", "--indicator", help="Of one indicator alone, such as internet_users_pct."),
    as_of: str = typer.Option("", "--as-of", help="With what was known on a day, as 2024-12-31; default: the newest."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
    factbook: str | None = typer.Option(None, "--factbook", help="A folder with another copy of the Factbook's files."),
) -> None:
    """Show where sources disagree beyond their rounding: both values, the gap, and how far apart they may lie."""
    from concordat.cli import evidence as shared
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.conflicts import as_data, find_conflicts

    if indicator:
        shared._known_indicator(indicator)
    areas = shared._areas(bloc, countries, on)
    with shared._loaded(data_dir, factbook) as (store, newest):
        vintages = shared._known_on(store, as_of) if as_of else newest
        rows = [o for v in vintages for o in store.observations(v, every_row=False)]
    rows = [o for o in rows if (not areas.named or o.area in areas.named) and indicator in ("", o.indicator_id)]
    found = find_conflicts(rows, load_catalogue())
    sources = sorted({o.source_id for o in rows})
    facts = areas.as_dict() | {"as_of": as_of or None, "sources": sources, "conflicts": [as_data(c) for c in found]}
    shared._out(json, facts, _lines(areas, sources, rows, found))


def _lines(
    areas: Areas, sources: Sequence[str], rows: Sequence[Observation], found: Sequence[Conflict]
) -> Iterator[str]:
    from concordat.cli._evidence_tables import columns

    yield areas.title()
    if len(sources) < 2:
        yield f"Only one source is loaded, so no conflict can be found. To load another: {PULL}"
        return
    listed, word = ", ".join(sources), "conflict" if len(found) == 1 else "conflicts"
    yield f"{len(sources)} sources: {listed}. {_pairs(rows):,} figures in more than one; {len(found):,} {word}."
    if found:
        yield ""
        head = ("indicator", "area", "year", "part", "preferred", ">says", "other", ">says", ">gap", ">limit")
        yield from columns(head, [_row(c) for c in found])


def _pairs(rows: Sequence[Observation]) -> int:
    """How many figures more than one source gives."""
    said: dict[tuple[object, ...], set[str]] = {}
    for o in rows:
        if o.value is not None or o.lower is not None:
            said.setdefault((*o.key, o.unit), set()).add(o.source_id)
    return sum(len(who) > 1 for who in said.values())


def _row(c: Conflict) -> tuple[str, ...]:
    from concordat.cli._evidence_tables import figure_text, observed_text

    head = (c.indicator_id, c.area, str(c.year), c.breakdown)
    sides = (c.first.source_id, observed_text(c.first), c.second.source_id, observed_text(c.second))
    return (*head, *sides, figure_text(c.gap), figure_text(c.limit))
