"""Is every page what it promises: within its weight, well formed, without script or style inside, with links that lead?

Looks at the pages of a static export, in memory. Weight is what goes over the wire: gzipped, with headers, without the
style sheet that all pages share. It is no check of accessibility; that is done in a browser (tests/browser).
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from concordat.errors import ConcordatError
from concordat.web.address import Asked, MovedError

if TYPE_CHECKING:
    from concordat.web.respond import Answer, Site

CEILING_KB = 100
VOID = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
HANDLED = ("on",)  # what names of attributes with a handler begin with
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a page."""

    address: str
    what: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A page as it was found: bytes over the wire, bytes plain."""

    address: str
    wire: int
    plain: int
    budget: int


def check(
    site: Site, asked: list[Asked], progress: Progress | None = None
) -> tuple[tuple[Checked, ...], tuple[Fault, ...]]:
    """Look at pages.

    Args:
        asked: the pages; `pages_of` gives all. progress: told (pages done, pages in all, the address of this one).
    """
    found: list[Checked] = []
    faults: list[Fault] = []
    for number, one in enumerate(asked):
        address = site.addresses.address(one)
        if progress is not None:
            progress(number, len(asked), address)
        path, _, query = address.partition("?")
        answer = site.answer("GET", site.prefix + path, query, {"accept-encoding": "gzip"})
        if answer.status != 200:
            faults.append(Fault(address, f"answers {answer.status}"))
            continue
        page = gzip.decompress(answer.body)
        budget = one.page.budget_kb * 1024
        found.append(Checked(address, wire_bytes(answer), len(page), budget))
        if found[-1].wire > min(budget, CEILING_KB * 1024):
            faults.append(Fault(address, f"weighs {found[-1].wire:,} bytes, of {budget:,} allowed"))
        faults += [Fault(address, what) for what in _wrong(site, page.decode("utf-8"))]
    return tuple(found), tuple(faults)


def pages_of(site: Site) -> list[Asked]:
    """Every page of a static export, in the first language."""
    return [
        Asked(page, page.query.model_validate(dict(values)))
        for page in site.addresses.pages
        for values in page.instances(site.reader)
    ]


def wire_bytes(answer: Answer) -> int:
    """An answer's weight over HTTP/1.1: status line, headers, body."""
    head = len("HTTP/1.1 200 OK\r\n\r\n") + sum(len(n) + len(v) + 4 for n, v in answer.headers)
    return head + len(answer.body)


def _wrong(site: Site, text: str) -> Iterator[str]:
    reader = _Outline()
    reader.feed(text)
    reader.close()
    yield from reader.faults
    yield from (f"<{tag}> is left open" for tag in reader.open)
    for link in sorted(set(reader.links)):
        yield from _dead(site, link, reader.ids)


def _dead(site: Site, link: str, ids: set[str]) -> Iterator[str]:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return
    if not parts.path:
        if parts.fragment not in ids:
            yield f"#{parts.fragment} is not on the page"
        return
    path = parts.path.removeprefix(site.prefix) or "/"
    if path == site.sheet_name or _is_form(path):
        return
    try:
        one = site.addresses.parse(path, parts.query)
        if one.page.name == "trace":  # to compute every number again would take minutes; that it is known is enough
            known = site.reader_for(one).record(one.query.id)  # type: ignore[attr-defined]
            if known is None:
                yield f"{link} names no number of this site"
            return
        if one.page.name != "cite":  # it would make the cited page once more
            one.page.view(site.reader_for(one), one.query)
    except MovedError as moved:
        yield f"{link} is spelled {moved.address}"
    except ConcordatError as error:
        yield f"{link} leads nowhere: {unquote(error.what)}"


def _is_form(path: str) -> bool:
    """Whether a path is one of the node's own forms, which are no pages of the registry."""
    from concordat.web.desk.app import PAGES

    return any(page.pattern.fullmatch(path) for page in PAGES)


class _Outline(HTMLParser):
    """Open elements, ids, links, and what a page may not hold."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self._look(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing that is open")

    def _look(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "iframe", "object", "embed"):
            self.faults.append(f"<{tag}> on a page")
        for name, value in attrs:
            if name == "style" or name.startswith(HANDLED):
                self.faults.append(f"{name} on <{tag}>")
            elif name == "id" and value:
                if value in self.ids:
                    self.faults.append(f"two things are called {value}")
                self.ids.add(value)
            elif value and _leads(tag, name, value):
                self.links.append(value)


def _leads(tag: str, name: str, value: str) -> bool:
    """Whether an attribute makes a browser go somewhere, or fetch something."""
    if name == "href" and tag in ("a", "link"):
        return True
    return name in ("src", "xlink:href") and not value.startswith(("data:", "#"))
