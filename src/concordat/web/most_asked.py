"""Which pages are asked for most: they are made again before a new batch of the record is shown.

Counts by page and language; when a batch has come, all are halved, so that what was asked for long ago fades. At most
`KEPT` pages are counted: the one that was not asked for the longest goes first. Nothing is known of who asked. Source:
node-web.md 5 ("the most asked 50 pages are made again before the pointer moves"). What this does not do: make a page.
"""

from __future__ import annotations

from collections import OrderedDict

KEPT, REMADE = 1_000, 50
Asking = tuple[str, str]  # an address, and the language of its answer


class MostAsked:
    """The counts.

    >>> asks = MostAsked()
    >>> for page in ("/due", "/agenda", "/agenda"):
    ...     asks.count((page, "en"))
    >>> asks.most()
    [('/agenda', 'en'), ('/due', 'en')]
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._counts: OrderedDict[Asking, float] = OrderedDict()

    def count(self, page: Asking) -> None:
        """Somebody asked for a page, and there was one."""
        self._counts[page] = self._counts.pop(page, 0.0) + 1.0
        while len(self._counts) > self._kept:
            self._counts.popitem(last=False)

    def most(self, most: int = REMADE) -> list[Asking]:
        """The pages asked for most, the first of them most; where two are alike, by address."""
        found = sorted(self._counts.copy().items(), key=lambda asked: (-asked[1], asked[0]))
        return [page for page, _ in found[:most]]

    def fade(self) -> None:
        """What was asked for until now counts half from here on."""
        for page, count in self._counts.copy().items():
            if page in self._counts:
                self._counts[page] = count / 2
