"""What a page is, and which there are: one registry makes routes, navigation, map, budgets and the cases of tests.

A page answers one question. `query` is the model of its address, `view` answers from a reader alone, `layout` turns the
answer into blocks that HTML prints; JSON is the view itself, CSV the layout's main table. `pages` gives the only list.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from concordat.report.chapter import Block, Run, Runs, Source, Table
    from concordat.web.languages import Words
    from concordat.web.reader import Reader

Group = Literal["know", "rules", "decide", "share", "settle", "about"]
Part = Literal["evidence", "council", "waiting", "node"]
GROUPS: tuple[Group, ...] = ("know", "rules", "decide", "share", "settle")


class Query(BaseModel):
    """The model of a page's address: the parts of its path and the keys behind `?`. Each page refines it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Link:
    """Words in a line of text that lead to a page: its name and what its address says; `form` if to a file of it."""

    text: str
    page: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """Words that lead to a form of the node: its path. A form is no page of the registry; an export has none."""

    text: str
    path: str


@dataclass(frozen=True, slots=True)
class Doors:
    """What a reader may do from here, as one block: forms of the node."""

    doors: tuple[Door, ...]


@dataclass(frozen=True, slots=True)
class CheckForm:
    """The two forms of `/check` as one block: an entry's id, or a file. asked: the id that was asked for."""

    asked: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A field of a question put to a page: key, label, what stands in it; options: (value, words) to choose from."""

    name: str
    label: str
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """A form that asks a page (by its name) with these keys, as one block; it sends nothing but an address."""

    page: str
    fields: tuple[Choice, ...]
    button: str


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody's own words, in a language of theirs where it is known; never translated. whole: kept on one line."""

    text: str
    language: str = ""
    whole: bool = False


def line(*runs: Run | Link | Said | Door) -> Runs:
    """A line of text with links and others' words in it: the report's blocks hold it, the pages print it."""
    return cast("Runs", runs)


def block(found: Doors | CheckForm | Choices) -> Block:
    """A block that pages alone have, among those of the report."""
    return cast("Block", found)


@dataclass(frozen=True, slots=True)
class FileForm:
    """A page's answer as a file of another kind than JSON and CSV.

    Attributes:
        content_type: what it is. make: its bytes, from the view. name: under which a browser keeps it; `{}` is the
            address's last part. shown: whether a browser may show it instead.
    """

    content_type: str
    make: Callable[[Any, Reader, Words], bytes]
    name: str
    shown: bool = False


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
        sources: as cited by the blocks, numbered in this order. trail: the pages above this one.
    """

    title: Runs
    sections: tuple[Section, ...]
    lead: Runs = ()
    main: Table | None = None
    links_rows: Mapping[str, Link] = field(default_factory=dict)
    links_columns: Mapping[str, Link] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    trail: tuple[Link, ...] = ()


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
        reads: the parts of the snapshot that its bytes depend on: `evidence`, `council` (its state up to the last final
            batch), `waiting` (what is not final, and the logs' heads), `node` (how the running node stands).
        files: its answer as other files, by the ending of the address.
        glance: the view as far as the layout prints it, where the whole costs much more; JSON is made of the whole.
    """

    name: str
    path: str
    group: Group
    query: type[Query]
    view: Callable[[Reader, Any], Any]
    layout: Callable[[Any, Reader, Words], Laid]
    budget_kb: int
    instances: Callable[[Reader], Iterable[Mapping[str, str]]]
    reads: tuple[Part, ...] = ("evidence",)
    files: Mapping[str, FileForm] = field(default_factory=dict)
    glance: Callable[[Reader, Any], Any] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The parts of the path, in order."""
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))


def once(_reader: Reader) -> Iterable[Mapping[str, str]]:
    """A page that an export holds once."""
    return ({},)


def never(_reader: Reader) -> Iterable[Mapping[str, str]]:
    """A page that no export holds."""
    return ()


# Each module has `PAGE`; the order is that of navigation and of the map.
MODULES = (
    "home", "place", "indicator", "index", "divide", "rules", "binds", "instrument", "article", "compare",
    "search", "agenda", "due", "item", "consult", "decision",
    "commitments", "commitment", "disputes", "dispute", "entry", "log", "check", "scenarios", "quality", "method",
    "downloads", "figure", "cite", "trace", "status", "api", "help", "about", "accessibility",
)  # fmt: skip


def pages() -> tuple[Page, ...]:
    """All pages, in order."""
    found = [importlib.import_module(f"concordat.web.pages.{module}").PAGE for module in MODULES]
    assert len({page.name for page in found}) == len(found)
    return tuple(found)
