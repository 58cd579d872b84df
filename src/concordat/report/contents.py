"""The chapters of the report in their order, one line each, imported when the report is built.

A room that appears hands its results to one file in `report.chapters` and gets its line's module here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concordat.report.chapter import Chapter, Missing
    from concordat.report.inputs import Inputs


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents. Without a module the chapter's room is not in this version."""

    id: str
    module: str = ""  # below concordat.report.chapters
    function: str = "chapter"

    def load(self) -> Callable[[Inputs], Chapter | Missing]:
        """The function that writes the chapter."""
        found: Callable[[Inputs], Chapter | Missing] = getattr(
            importlib.import_module(f"concordat.report.chapters.{self.module}"), self.function
        )
        return found


CONTENTS: tuple[Entry, ...] = (
    Entry("standing", "evidence", "standing"),
    Entry("index", "observatory", "index"),
    Entry("moved", "moved"),
    Entry("divide", "observatory"),
    Entry("size", "impact", "size"),
    Entry("rules", "rulebook"),
    Entry("commitments", "council"),
    Entry("exchange", "exchange"),
    Entry("scenarios", "impact", "scenarios"),
    Entry("connectivity", "impact", "connectivity"),
    Entry("quality", "evidence", "quality"),
    Entry("method", "evidence", "method"),
)
# The files that own keys of the study, in the order in which a written study shows them.
READERS = ("evidence", "observatory", "moved", "rulebook", "council", "exchange", "impact")
