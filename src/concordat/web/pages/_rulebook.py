"""What the pages on rules share: a day, a party, an instrument, codings in words, articles as links.

Nothing here is legal advice, and every page says so. Codings whose licence forbids it are not shown: these pages are
for everybody. The articles' own words stay in their language.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from concordat.errors import InputError
from concordat.report.chapter import Cell, Note
from concordat.rulebook.model import MARKS
from concordat.settings import nearest
from concordat.web.address import NotFoundError
from concordat.web.site import Link, Query, Said, Section, line

if TYPE_CHECKING:
    from concordat.rulebook.model import Coding, Instrument
    from concordat.rulebook.store import RuleStore
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

SIGNS = dict(zip(MARKS, "●◐○", strict=True))
QUOTED = 240  # characters of an article's words in a table
ID = r"^[a-z0-9][a-z0-9-]{0,63}$"


class DayQuery(Query):
    """A page about a day; without one, the day of this site."""

    on: str = Field("", description="the day, as 2026-11-22")

    @field_validator("on")
    @classmethod
    def _a_day(cls, on: str) -> str:
        if on:
            date.fromisoformat(on)
        return on


def day(reader: Reader, query: DayQuery) -> date:
    """The day that was asked for."""
    return date.fromisoformat(query.on) if query.on else reader.on


def known_party(party: str) -> str:
    """A country's code, or EU.

    Raises:
        NotFoundError: there is no such party.
    """
    from concordat.rulebook.catalogue import check_party

    try:
        return check_party(party)
    except InputError as error:
        raise NotFoundError(error.what, hint=error.hint, code="no_area") from None


def known_instrument(store: RuleStore, name: str) -> Instrument:
    """The instrument.

    Raises:
        NotFoundError: there is none of this id; the nearest ones are named.
    """
    if name not in store:
        close = nearest(name, store.ids(), 3)
        hint = f"Near it are: {', '.join(close)}." if close else "All are in the table of /rules."
        raise NotFoundError(f"{name[:64]!r} is not an instrument I know.", hint=hint, code="no_instrument")
    return store[name]


def open_codings(codings: Iterable[Coding]) -> list[Coding]:
    """Those that may be shown to everybody."""
    return [coding for coding in codings if not coding.licence]


def mark(words: Words, name: str) -> str:
    """How sure a fact of the catalogue is, as sign and word."""
    return f"{SIGNS[name]} {words.plain(f'web.mark.{name}')}"


def depth(words: Words, level: int | None) -> str:
    """How hard a rule is, in a word."""
    return words.plain(f"web.depth.{level or 0}")


def quoted(text: str, language: str = "", most: int = QUOTED) -> Cell:
    """Words of an article, cut where they are long, in their own language."""
    short = text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"
    return Cell(text=short, runs=line(Said(short, language)))


def linked(*links: Link | str) -> Cell:
    """Links, with what stands between them."""
    return Cell(text="".join(one if isinstance(one, str) else one.text for one in links), runs=line(*links))


def name_of(reader: Reader, party: str, language: str) -> str:
    """The name of a country or of the Union."""
    return reader.inputs(language=language).area_name(party)


def to_instrument(instrument: Instrument) -> Link:
    """The instrument's page."""
    return Link(instrument.short_name or instrument.name, "instrument", {"id": instrument.id})


def number_of(unit: str, printed: str) -> str:
    """An article as a reader knows it: its printed number and the paragraph."""
    return "/".join([printed or unit.split("/")[1], *unit.split("/")[2:]])


def to_article(store: RuleStore, unit: str) -> Link:
    """The page of the article that a unit is, or is a part of."""
    instrument, article = unit.split("/")[:2]
    printed = store.unit(f"{instrument}/{article}").number
    return Link(number_of(unit, printed), "article", {"id": instrument, "article": article})


def not_advice(words: Words) -> Section:
    """The last words of every page on rules."""
    return Section("advice", (Note(words.text("web.rules_not_advice")),))
