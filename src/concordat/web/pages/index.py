"""Who is ahead, and is that certain? The index of the bloc, as the yearly report has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from concordat.web.address import NotFoundError
from concordat.web.pages._chapter import View, layout_of, view_of
from concordat.web.pages._shared import BlocQuery
from concordat.web.site import Page

if TYPE_CHECKING:
    from concordat.web.reader import Reader


class IndexQuery(BlocQuery):
    """The index that the report prints, by its name."""

    id: str = Field(description="an index's id", pattern="^[a-z][a-z0-9_-]*$")


def view(reader: Reader, query: IndexQuery) -> View:
    """The answer.

    Raises:
        NotFoundError: the report prints another index.
    """
    named = reader.index_name(query.bloc)
    if query.id != named:
        raise NotFoundError(f"no index {query.id[:60]} is printed here.", hint=f"There is {named}.", code="no_index")
    return view_of("index")(reader, query)


def instances(reader: Reader) -> Iterable[Mapping[str, str]]:
    """The one index of the report."""
    return ({"id": reader.index_name()},)


PAGE = Page("index", "/index/{id}", "know", IndexQuery, view, layout_of("index"), 40, instances)
