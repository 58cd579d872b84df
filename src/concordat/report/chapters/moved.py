"""What moved since the last release, handed to the report: it owns the study's key `moved`.

The release compared with is part of the study that is written beside the report, with its vintages, so that the report
rebuilds to the same bytes wherever they are. The page is made by `report.moved`; `report.earlier` reads the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel, ConfigDict

from concordat.errors import InputError
from concordat.report.chapter import Chapter, Missing
from concordat.report.inputs import Inputs
from concordat.report.study import Study, Vintage
from concordat.settings import validate

AUTO = "auto"  # the newest named release that was made before the one used


class MovedKeys(BaseModel):
    """The study's key `moved`: the earlier release that figures are compared with, its day, and what it consists of."""

    model_config = ConfigDict(extra="forbid")
    since: str | None = AUTO
    on: str = ""
    vintages: list[Vintage] = []


@dataclass(frozen=True, slots=True)
class Options:
    """The key `moved`, with its default.

    Attributes:
        since: a release's name, `auto`, or None to compare with none.
        on: the day of the earlier release, on which the members of the bloc are counted too; None: when it was made.
    """

    since: str | None
    on: date | None
    vintages: tuple[Vintage, ...]

    def as_data(self) -> dict[str, object]:
        """The key as it is written into the report's study."""
        said: dict[str, object] = {"since": self.since}
        if self.on is not None:
            said["on"] = self.on.isoformat()
        if self.vintages:
            said["vintages"] = [v.model_dump() for v in self.vintages]
        return {"moved": said}


def read(study: Study) -> Options:
    """The chapter's own key of the study.

    Raises:
        InputError: an unknown key, or no day, with its line.
    """
    document = study.document
    keys = validate(document, MovedKeys, "moved") if "moved" in document.value else MovedKeys()
    try:
        on = date.fromisoformat(keys.on) if keys.on else None
    except ValueError:
        place, hint = document.place("moved", "on"), "Write it as 2025-11-22."
        raise InputError(f'"{keys.on}" is not a day.', where=place, hint=hint, code="bad_date") from None
    if keys.vintages and (on is None or keys.since in (None, AUTO)):
        what = "vintages of an earlier release need its name (since) and its day (on)."
        raise InputError(what, where=document.place("moved"), hint="Or name the release alone.", code="moved")
    return Options(keys.since, on, tuple(keys.vintages))


def chapter(inputs: Inputs) -> Chapter | Missing:
    """The bloc's and the members' figures before and now, and why they moved."""
    from concordat.report.chapters.evidence import read as read_evidence
    from concordat.report.moved import write

    return write(inputs, read_evidence(inputs.study))
