"""The size of the digital economy: a ladder of definitions, never one number.

For one area all five rungs are given, always: each with its definition, the year, the release, the source, and the
status `computed` (from tables of the user), `published` (a figure that ships, with how far its source was seen) or
`not available`, with the reason and what to load. Figures of different rungs answer different questions: China in 2018
is 7.1, 17.2, 32.6 and 34.8 % of GDP in four publications. They are not averaged, ranked or reconciled here.

A table that can't give a rung honestly (no imports matrix, a singular one) leaves it `not available`, with the error
kept on the rung; what the user asked wrongly (an unknown set, a table of another country) is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from concordat.errors import ConcordatError, InputError, MethodError, SourceError
from concordat.impact.accounts.computed import (
    growth_figures,
    ict_figures,
    linkages_figures,
    satellite_figures,
    services_figures,
)
from concordat.impact.accounts.deliverable import ServicesTrade
from concordat.impact.accounts.digital_sets import ProductSet, product_sets
from concordat.impact.accounts.growth import GrowthData
from concordat.impact.accounts.ict_sector import IctValueAdded
from concordat.impact.accounts.inputs import Table
from concordat.impact.accounts.io_table import Imports
from concordat.impact.accounts.ladder_records import (
    COMPUTED,
    NOT_AVAILABLE,
    PUBLISHED,
    LadderFigure,
    LadderRung,
)
from concordat.impact.accounts.published import PublishedFigure, published_figures
from concordat.impact.accounts.rungs import OTHER, RUNGS, Rung
from concordat.impact.accounts.satellite import DigitalShares


def digital_ladder(
    area: str,
    *,
    year: int | None = None,
    table: Table | None = None,
    digital_set: str | ProductSet | Sequence[ProductSet] = "",
    imports: Imports = "",
    ict: IctValueAdded | None = None,
    growth: GrowthData | None = None,
    shares: DigitalShares | None = None,
    services: ServicesTrade | None = None,
) -> tuple[LadderRung, ...]:
    """All rungs of the ladder for one area, a to e; a sixth where figures by other definitions are known.

    Args:
        area: ISO alpha-3, or WLD. year: of the figures; without it, published ones of every year.
        table: for rung b, and with `shares` for d. digital_set: one set's id, or sets; without it every set of the
            table's classification, or the codes that the user's own table calls digital.
        imports: "proportional" for a table without an imports matrix.
        ict, growth, services: for rungs a, c and e.

    Raises:
        InputError: an unknown set, a code of it that the table lacks, or data of another area.

    >>> [(rung.id, rung.status) for rung in digital_ladder("IND", year=2019)][:2]
    [('a', 'not available'), ('b', 'published')]
    """
    for data in (ict, growth, services):
        if data is not None and data.area != area:
            hint = f"Ask for {data.area}, or give data of {area}."
            raise InputError(f"data of {data.area}, asked for {area}.", where=data.source, hint=hint, code="area")
    chosen = _chosen(digital_set)
    found: dict[str, list[LadderFigure]] = {rung.id: [] for rung in (*RUNGS, OTHER)}
    errors: dict[str, ConcordatError] = {}
    steps: dict[str, Callable[[], Iterable[LadderFigure]]] = {
        "a": lambda: ict_figures(ict) if ict else (),
        "b": lambda: linkages_figures(area, table, chosen, imports) if table is not None else (),
        "c": lambda: growth_figures(growth) if growth else (),
        "d": lambda: satellite_figures(table, shares) if shares else (),
        "e": lambda: services_figures(services) if services else (),
    }
    for rung, compute in steps.items():
        try:
            figures = list(compute())
            _of_year(figures, year)
            found[rung] += figures
        except (MethodError, SourceError) as error:
            errors[rung] = error
    for published in published_figures(area, year=year):
        found[published.rung].append(_published(published))
    rungs = [_rung(rung, area, year, found[rung.id], errors.get(rung.id)) for rung in RUNGS]
    return (*rungs, _rung(OTHER, area, year, found["other"], None)) if found["other"] else tuple(rungs)


def _chosen(digital_set: str | ProductSet | Sequence[ProductSet]) -> tuple[ProductSet, ...]:
    """The sets that were named; none for all of the table's classification."""
    if isinstance(digital_set, str):
        return (product_sets().get(digital_set),) if digital_set else ()
    return (digital_set,) if isinstance(digital_set, ProductSet) else tuple(digital_set)


def _of_year(figures: Sequence[LadderFigure], year: int | None) -> None:
    for figure in figures:
        if year not in (None, figure.year):
            what = f"the data given are of {figure.year}, and {year} was asked for."
            raise MethodError(what, where=figure.source, hint="Give data of that year.", code="year")


def _rung(
    rung: Rung, area: str, year: int | None, figures: Sequence[LadderFigure], error: ConcordatError | None
) -> LadderRung:
    computed = any(figure.status == COMPUTED for figure in figures)
    status = COMPUTED if computed else PUBLISHED if figures else NOT_AVAILABLE
    reason = "" if error is None else str(error)
    if not figures and not reason:
        others = sorted({f.year for f in published_figures(area, rung=rung.id)})
        if others:
            reason = f"no figure of {year}; published for {', '.join(str(y) for y in others)}"
        else:
            reason = f"no published figure of {area} that this package knows, and nothing to compute one from"
    return LadderRung(
        rung.id,
        area,
        rung.title,
        rung.definition,
        rung.formula,
        status,
        tuple(figures),
        reason,
        rung.needs,
        rung.unverified,
        error,
    )


def _published(figure: PublishedFigure) -> LadderFigure:
    notes = (*((f"covers {figure.coverage}",) if figure.coverage else ()), *((figure.note,) if figure.note else ()))
    return LadderFigure(
        figure.label,
        figure.year,
        PUBLISHED,
        figure.mark,
        figure.percent,
        figure.percent_low,
        figure.percent_high,
        figure.of,
        figure.amount,
        figure.amount_unit,
        figure.released,
        figure.source,
        figure.address,
        notes=notes,
    )
