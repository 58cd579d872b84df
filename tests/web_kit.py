"""One site over the packaged data for all tests of the pages: it costs seconds to open, so it is made once."""

from __future__ import annotations

import gzip
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from concordat.settings import Settings
from concordat.web.reader import Reader
from concordat.web.respond import Answer, Site
from concordat.web.site import pages

ON = "2026-11-22"


@lru_cache(maxsize=4)
def site_of(data_dir: Path, bloc: str = "BRICS", public_url: str = "") -> Site:
    """The pages of a bloc on the suite's day."""
    return Site(reader_of(data_dir, bloc), pages(), public_url=public_url)


@lru_cache(maxsize=4)
def reader_of(data_dir: Path, bloc: str = "BRICS") -> Reader:
    """The snapshot that the pages show."""
    return Reader(Settings(data_dir=data_dir), bloc, on=ON)


def get(site: Site, address: str, **sent: str) -> Answer:
    """The answer to GET; `accept_language="pt"` sends a header."""
    path, _, query = address.partition("?")
    return site.answer("GET", path, query, {name.replace("_", "-"): value for name, value in sent.items()})


def text(answer: Answer) -> str:
    """The body as text."""
    said = dict(answer.headers)
    body = gzip.decompress(answer.body) if said.get("content-encoding") == "gzip" else answer.body
    return body.decode("utf-8-sig")


class _Numbers(HTMLParser):
    """(record, part) -> the texts printed for it, outside pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self._open: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "b" and said.get("data-obs"):
            self._open = (str(said["data-obs"]), said.get("data-part") or "value")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found.append((*self._open, data))

    def handle_endtag(self, tag: str) -> None:
        if tag == "b":
            self._open = None


def printed(page: str) -> list[tuple[str, str, str]]:
    reader = _Numbers()
    reader.feed(page)
    return reader.found


def numbers_in(data: Any) -> list[dict[str, Any]]:
    """All numbers of a view: objects with `obs`."""
    if isinstance(data, dict):
        own = [data] if "obs" in data else []
        return own + [n for one in data.values() for n in numbers_in(one)]
    if isinstance(data, list):
        return [n for one in data for n in numbers_in(one)]
    return []
