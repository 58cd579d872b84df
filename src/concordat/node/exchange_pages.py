"""Which datasets stand on a page of the catalogue: at most 100, and about 4 MiB of them.

A dataset may have 256 files and texts in 32 languages, so that a hundred of them may be more than another node reads at
once (8 MiB). A page ends before the dataset that would make it too large; one dataset always fits. Source: exchange.md
5.2, pages of 100.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MOST = 100
BYTES_MAX = 4 * 2**20


def pages(sizes: Sequence[int]) -> Iterator[range]:
    """The places of the datasets of each page, given the bytes of each; one empty page if there are none.

    >>> list(pages([1, BYTES_MAX, 2]))
    [range(0, 1), range(1, 2), range(2, 3)]
    """
    start = total = 0
    for place, size in enumerate(sizes):
        if place - start == MOST or (place > start and total + size > BYTES_MAX):
            yield range(start, place)
            start, total = place, 0
        total += size
    yield range(start, len(sizes))
