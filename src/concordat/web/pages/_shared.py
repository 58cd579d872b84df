"""What several pages say alike: which bloc, which area, which indicator, and the lines of a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.report.chapter import Chapter, Figure, Missing, Note, Table
from concordat.settings import nearest
from concordat.web.address import NotFoundError
from concordat.web.site import Link, Query, Section

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Indicator
    from concordat.report.chapter import Block
    from concordat.web.languages import Words
    from concordat.web.reader import Reader


class BlocQuery(Query):
    """A page about a bloc; without a name that of this site."""

    bloc: str = Field("", pattern="^[A-Z][A-Z0-9_]*$|^$", description="a bloc's id: BRICS, G20, ...")


def known_bloc(reader: Reader, bloc: str) -> str:
    """The bloc's id.

    Raises:
        NotFoundError: no bloc has it.
    """
    from concordat.world import bloc_ids

    if not bloc:
        return reader.bloc
    if bloc not in bloc_ids():
        close = nearest(bloc, bloc_ids())
        raise NotFoundError(
            f"{bloc} is not a bloc I know.", hint=f"Near it is {close[0]}." if close else "", code="no_bloc"
        )
    return bloc


def known_area(area: str) -> str:
    """The country's code.

    Raises:
        NotFoundError: no country has it.
    """
    from concordat.world import countries

    codes = [*(c.iso3 for c in countries()), "XKX"]
    if area not in codes:
        close = nearest(area, codes)
        hint = f"Near it is {close[0]}." if close else "Give an ISO 3166-1 code of three letters, such as BRA."
        raise NotFoundError(f"{area[:40]} is not a country's code.", hint=hint, code="no_area")
    return area


def known_indicator(reader: Reader, indicator_id: str) -> Indicator:
    """The indicator.

    Raises:
        NotFoundError: none has this id.
    """
    known = reader.inputs().catalogue.indicators
    if indicator_id not in known:
        close = nearest(indicator_id, known)
        hint = f"Near it is {close[0]}." if close else ""
        raise NotFoundError(f"{indicator_id[:60]} is not an indicator I know.", hint=hint, code="no_indicator")
    return known[indicator_id]


def area_links(reader: Reader, areas: Iterable[str], language: str) -> Mapping[str, Link]:
    """Rows of a table that are countries lead to their pages."""
    inputs = reader.inputs(language=language)
    return {area: Link(inputs.area_name(area), "place", {"area": area}) for area in areas}


def indicator_links(reader: Reader, ids: Iterable[str], language: str, bloc: str = "") -> Mapping[str, Link]:
    """Indicators lead to their pages."""
    known = reader.inputs().catalogue.indicators
    more = {"bloc": bloc} if bloc and bloc != reader.bloc else {}
    return {i: Link(known[i].name(language), "indicator", {"id": i, **more}) for i in ids if i in known}


def sections_of(chapter: Chapter | Missing, words: Words) -> tuple[Section, ...]:
    """A chapter of the report as a section; a missing one says why and what to load."""
    if isinstance(chapter, Missing):
        said = words.text("page.missing", reason=chapter.reason)
        if chapter.what_to_load:
            said = words.sentences(said, words.text("page.missing_load", load=chapter.what_to_load))
        return (Section(chapter.id, (Note(said),)),)
    return (Section(chapter.id, chapter.blocks),)


def tables_in(blocks: Iterable[Block]) -> list[Table]:
    """The tables of blocks, those of figures too, in order."""
    found = []
    for block in blocks:
        if isinstance(block, Table):
            found.append(block)
        elif isinstance(block, Figure):
            found.append(block.table)
    return found
