"""What a page is, and which there are: one registry makes routes, navigation, map, budgets and the cases of tests.

A page answers one question. `query` is the model of its address, `view` answers from a reader alone, `layout` turns the
answer into blocks that HTML prints; JSON is the view itself, CSV the layout's main table. `PAGES` is the only list.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from concordat.report.chapter import Block, Runs, Source, Table
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

Group = Literal["know", "rules", "decide", "share", "settle", "about"]
GROUPS: tuple[Group, ...] = ("know", "rules", "decide", "share", "settle")


class Query(BaseModel):
    """The model of a page's address: the parts of its path and the keys behind `?`. Each page refines it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Link:
    """Words in a line of text that lead to a page: its name and what its address says."""

    text: str
    page: str
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a heading; the first section of a page needs none."""

    id: str
    blocks: tuple[Block, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Laid:
    """A page as blocks.

    Attributes:
        title: the page's question answered; its heading. lead: the first paragraph.
        main: the table that is the page's CSV; None where the page has none.
        links_rows: row id -> the page that a table's row leads to. links_columns: likewise for columns.
        sources: as cited by the blocks, numbered in this order.
    """

    title: Runs
    sections: tuple[Section, ...]
    lead: Runs = ()
    main: Table | None = None
    links_rows: Mapping[str, Link] = field(default_factory=dict)
    links_columns: Mapping[str, Link] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        name: stable, as in the registry and in metrics. path: `/place/{area}`; parts in braces are keys of the query.
        group: which of the frame's entries it stands under.
        view: the answer, a frozen dataclass; pure over the reader's snapshot.
        layout: the answer as blocks, in a language.
        budget_kb: what the page may weigh over the wire, without the style sheet.
        instances: the queries of the pages that a static export of the bloc holds.
    """

    name: str
    path: str
    group: Group
    query: type[Query]
    view: Callable[[Reader, Any], Any]
    layout: Callable[[Any, Reader, Words], Laid]
    budget_kb: int
    instances: Callable[[Reader], Iterable[Mapping[str, str]]]

    @property
    def keys(self) -> tuple[str, ...]:
        """The parts of the path, in order."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


def once(_reader: Reader) -> Iterable[Mapping[str, str]]:
    """A page that an export holds once."""
    return ({},)


# Each module has `PAGE`; the order is that of navigation and of the map.
MODULES = (
    "home", "place", "indicator", "index", "divide", "rules", "commitments", "scenarios", "quality", "method",
    "downloads", "about", "accessibility",
)  # fmt: skip


def pages() -> tuple[Page, ...]:
    """All pages, in order."""
    found = [importlib.import_module(f"concordat.web.pages.{module}").PAGE for module in MODULES]
    assert len({page.name for page in found}) == len(found)
    return tuple(found)
