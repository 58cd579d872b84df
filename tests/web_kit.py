"""One site over the packaged data for all tests of the pages: it costs seconds to open, so it is made once."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

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
