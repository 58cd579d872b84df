"""Which datasets stand on a page of the catalogue: at most 100, and no more than another node takes in one message.

A dataset may have 256 files and texts in 32 languages. What a message may hold is bounded in bytes and in parts
(`dataspace.schemas`); a page ends well before either, for the page's own words and a longer address. One dataset always
stands on a page; one that alone is over is refused when it is offered (`check_fits`). Source: exchange.md 5.2, pages of
100.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from concordat.errors import InputError
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.schemas import MESSAGE_BYTES_MAX, NODES_MAX, parts_of

MOST = 100
BYTES_MAX = MESSAGE_BYTES_MAX * 4 // 5
PARTS_MAX = NODES_MAX * 3 // 4


class Size(NamedTuple):
    """How large a dataset is in a message: bytes as it is sent, and parts (values, at whatever depth)."""

    bytes: int
    parts: int


def size_of(shown: Mapping[str, Any]) -> Size:
    """The size of a dataset, given as catalogues show it."""
    return Size(len(messages.encode(dict(shown))), sum(1 for _ in parts_of(shown)))


def check_fits(shown: Mapping[str, Any], *, where: str) -> None:
    """A dataset can be shown to others at all.

    Raises:
        InputError: alone it is over what a page may hold.
    """
    size = size_of(shown)
    if size.bytes > BYTES_MAX or size.parts > PARTS_MAX:
        what = (
            f"in the catalogue the dataset takes {size.bytes:,} bytes in {size.parts:,} parts; other nodes read"
            f" {BYTES_MAX:,} and {PARTS_MAX:,}."
        )
        hint = "Offer it as several datasets, or with fewer files, languages and words."
        raise InputError(what, where=where, hint=hint, code="too_large")


def pages(sizes: Sequence[Size]) -> Iterator[range]:
    """The places of the datasets of each page, given the size of each; one empty page if there are none.

    >>> list(pages([Size(1, 1), Size(BYTES_MAX, 1), Size(2, PARTS_MAX), Size(2, 1)]))
    [range(0, 1), range(1, 2), range(2, 3), range(3, 4)]
    """
    start = total = parts = 0
    for place, size in enumerate(sizes):
        over = total + size.bytes > BYTES_MAX or parts + size.parts > PARTS_MAX
        if place - start == MOST or (place > start and over):
            yield range(start, place)
            start, total, parts = place, 0, 0
        total += size.bytes
        parts += size.parts
    yield range(start, len(sizes))
