"""The chapters of the report in their order, one line each, imported when the report is built.

A room that appears hands its results to one file in `report.chapters` and gets its line's module here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concordat.report.chapter import Brief, Chapter, Headline, Missing
    from concordat.report.inputs import Inputs


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents. Without a module the chapter's room is not in this version.

    Attributes:
        telling: the highest priority that a headline of the chapter may have; 0 where it has none. Who shows only the
            most telling sentences need not write a chapter that can't have one of them.
        shortly: the function that writes what a first screen shows of the chapter; empty where that takes as long.
    """

    id: str
    module: str = ""  # below concordat.report.chapters
    function: str = "chapter"
    telling: int = 0
    shortly: str = ""

    def load(self) -> Callable[[Inputs], Chapter | Missing]:
        """The function that writes the chapter."""
        found: Callable[[Inputs], Chapter | Missing] = getattr(
            importlib.import_module(f"concordat.report.chapters.{self.module}"), self.function
        )
        return found

    def write(self, inputs: Inputs) -> Chapter | Missing:
        """The chapter, whose headlines are no more telling than the contents say."""
        written = self.load()(inputs)
        self._check(getattr(written, "headlines", ()))
        return written

    def brief(self, inputs: Inputs) -> Brief:
        """What a first screen shows of the chapter, of which the contents name the function."""
        module = importlib.import_module(f"concordat.report.chapters.{self.module}")
        found: Brief = getattr(module, self.shortly)(inputs)
        self._check(found.headlines)
        return found

    def _check(self, headlines: Iterable[Headline]) -> None:
        for headline in headlines:
            assert headline.priority <= self.telling, f"{self.id}: a headline of {headline.priority}"


CONTENTS: tuple[Entry, ...] = (
    Entry("standing", "evidence", "standing", 100, "standing_in_brief"),
    Entry("index", "observatory", "index", 70),
    Entry("moved", "moved", telling=65),
    Entry("divide", "observatory", telling=90, shortly="divide_in_brief"),
    Entry("size", "impact", "size", 35),
    Entry("rules", "rulebook", telling=62),
    Entry("commitments", "council", telling=61),
    Entry("exchange", "exchange", telling=39),
    Entry("scenarios", "impact", "scenarios", 64),
    Entry("connectivity", "impact", "connectivity"),
    Entry("quality", "evidence", "quality", 70),
    Entry("method", "evidence", "method"),
)
# The files that own keys of the study, in the order in which a written study shows them.
READERS = ("evidence", "observatory", "moved", "rulebook", "council", "exchange", "impact")
