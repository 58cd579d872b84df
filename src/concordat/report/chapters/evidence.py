"""Where the evidence room hands its results to the report: where members stand, data quality, method and sources.

It owns the study's keys `indicators`, `time` and `aggregate`. The pages themselves are made by the pure modules
`report.standing`, `report.quality_section` and `report.method_section`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError
from concordat.evidence.catalogue import TOPICS, load_catalogue
from concordat.report.chapter import Brief, Chapter, Missing
from concordat.report.inputs import Inputs
from concordat.report.study import Study
from concordat.settings import nearest, validate

DEFAULT_TOPICS = ("connectivity", "affordability", "skills", "people", "energy", "economy", "inclusion")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class IndicatorKeys(_Strict):
    """The study's key `indicators`: which topics, or exactly which indicators, and in which order."""

    topics: list[str] = list(DEFAULT_TOPICS)
    only: list[str] = []
    headline_first: bool = True


class TimeKeys(_Strict):
    """The study's key `time`: newest figure of each area, or the newest year that nearly all share."""

    mode: Literal["latest", "common"] = "latest"
    not_after: int | None = Field(None, ge=1900, le=2200)


class AggregateKeys(_Strict):
    """The study's key `aggregate`: from which share of the weight on a bloc figure is shown."""

    min_coverage: float = Field(0.90, ge=0.50, le=1.0)
    min_members: float = Field(0.70, ge=0.50, le=1.0)


@dataclass(frozen=True, slots=True)
class Options:
    """The three keys, with their defaults."""

    topics: tuple[str, ...]
    only: tuple[str, ...]
    headline_first: bool
    mode: str
    not_after: int
    min_coverage: float
    min_members: float

    def as_data(self) -> dict[str, object]:
        """The keys as they are written into the report's study."""
        indicators: dict[str, object] = {"topics": list(self.topics), "headline_first": self.headline_first}
        if self.only:
            indicators["only"] = list(self.only)
        return {
            "indicators": indicators,
            "time": {"mode": self.mode, "not_after": self.not_after},
            "aggregate": {"min_coverage": self.min_coverage, "min_members": self.min_members},
        }


def read(study: Study) -> Options:
    """The evidence chapter's own keys of the study.

    Raises:
        InputError: an unknown topic or indicator, or a value outside its bounds, with its line.
    """
    keys = study.document.value
    indicators = validate(study.document, IndicatorKeys, "indicators") if "indicators" in keys else IndicatorKeys()
    time = validate(study.document, TimeKeys, "time") if "time" in keys else TimeKeys()
    aggregate = validate(study.document, AggregateKeys, "aggregate") if "aggregate" in keys else AggregateKeys()
    check_words(study, indicators.topics, TOPICS, "topic", "indicators", "topics")
    if not indicators.topics:
        where = study.document.place("indicators", "topics")
        raise InputError("no topic is named.", where=where, hint=f"Name some of: {', '.join(TOPICS)}.", code="empty")
    check_words(study, indicators.only, load_catalogue().indicators, "indicator", "indicators", "only")
    return Options(
        topics=tuple(indicators.topics),
        only=tuple(indicators.only),
        headline_first=indicators.headline_first,
        mode=time.mode,
        not_after=time.not_after or study.on.year,
        min_coverage=aggregate.min_coverage,
        min_members=aggregate.min_members,
    )


def check_words(study: Study, words: list[str], known: object, kind: str, *path: str) -> None:
    """Refuse a word that is not among the known ones, suggesting the nearest.

    Raises:
        InputError: with the word's line in the study.
    """
    known_words = list(known)  # type: ignore[call-overload]
    for i, word in enumerate(words):
        if word not in known_words:
            close = nearest(word, known_words)
            hint = f'Did you mean "{close[0]}"?' if close else "See docs/reference/indicators.md."
            raise InputError(
                f'"{word}" is not {"an" if kind[0] in "aeiou" else "a"} {kind} I know.',
                where=study.document.place(*path, i),
                hint=hint,
                code="unknown_word",
            )


def standing(inputs: Inputs) -> Chapter | Missing:
    """Where members stand: a table per topic, bloc lines below, figures of the lead indicator."""
    from concordat.report.standing import write

    return write(inputs, read(inputs.study))


def standing_in_brief(inputs: Inputs) -> Brief:
    """Where the bloc stands on the lead indicator, and its tile map."""
    from concordat.report.standing import brief

    return brief(inputs, read(inputs.study))


def quality(inputs: Inputs) -> Chapter | Missing:
    """The data-quality annex: coverage, years, stale, censored, conflicts, quarantined, unverified."""
    from concordat.report.quality_section import write

    return write(inputs, read(inputs.study))


def method(inputs: Inputs) -> Chapter | Missing:
    """How the numbers were made, from which sources, under which licences."""
    from concordat.report.method_section import write

    return write(inputs, read(inputs.study))
