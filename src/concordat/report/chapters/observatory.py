"""Where the observatory hands its results to the report: in this version, the divide between members.

It owns the study's key `divide`. The page is made by `report.divide_section`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from concordat.evidence.catalogue import load_catalogue
from concordat.report.chapter import Chapter, Missing
from concordat.report.chapters.evidence import check_words
from concordat.report.inputs import Inputs
from concordat.report.study import Study
from concordat.settings import validate

DEFAULT_INDICATORS = (
    "internet_users_pct",
    "fixed_broadband_per_100",
    "mobile_subscriptions_per_100",
    "electricity_access_pct",
)


class DivideKeys(BaseModel):
    """The study's key `divide`: the indicators whose spread between members is measured."""

    model_config = ConfigDict(extra="forbid")
    indicators: list[str] = list(DEFAULT_INDICATORS)


@dataclass(frozen=True, slots=True)
class Options:
    """The key `divide`, with its default."""

    indicators: tuple[str, ...]

    def as_data(self) -> dict[str, object]:
        """The key as it is written into the report's study."""
        return {"divide": {"indicators": list(self.indicators)}}


def read(study: Study) -> Options:
    """The observatory's own key of the study.

    Raises:
        InputError: an unknown indicator, with its line.
    """
    keys = study.document.value
    divide = validate(study.document, DivideKeys, "divide") if "divide" in keys else DivideKeys()
    check_words(study, divide.indicators, load_catalogue().indicators, "indicator", "divide", "indicators")
    return Options(tuple(divide.indicators))


def chapter(inputs: Inputs) -> Chapter | Missing:
    """The divide between members: measures with intervals, weighted and unweighted, and who is left out."""
    from concordat.report.divide_section import write

    return write(inputs, read(inputs.study))
