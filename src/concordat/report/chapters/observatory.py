"""Where the observatory hands its results to the report: the index, and the divide between members.

It owns the study's keys `index` and `divide`. The pages are made by `report.index_section` and `report.divide_section`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from concordat.errors import InputError, TrustError
from concordat.evidence.catalogue import load_catalogue
from concordat.report.chapter import Brief, Chapter, Missing
from concordat.report.chapters.evidence import check_words
from concordat.report.inputs import Inputs
from concordat.report.study import Study
from concordat.settings import Document, validate

if TYPE_CHECKING:
    from concordat.observatory.spec import IndexSpec

NAMED = "digital-readiness"
LEADER = "KOR"  # whose path years behind are counted along
DEFAULT_INDICATORS = (
    "internet_users_pct",
    "fixed_broadband_per_100",
    "mobile_subscriptions_per_100",
    "electricity_access_pct",
)


class DivideKeys(BaseModel):
    """The study's key `divide`: the indicators whose spread between members is measured, and who leads in time."""

    model_config = ConfigDict(extra="forbid")
    indicators: list[str] = list(DEFAULT_INDICATORS)
    leader: str = LEADER


class IndexKeys(BaseModel):
    """The study's key `index`: a named index with the hash of its file, or a whole index file."""

    model_config = ConfigDict(extra="forbid")
    named: str = ""
    sha256: str = ""
    definition: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """The keys `index` and `divide`, with their defaults."""

    indicators: tuple[str, ...]
    index: IndexSpec
    named: str = NAMED
    leader: str = LEADER

    def as_data(self) -> dict[str, object]:
        """The keys as they are written into the report's study."""
        index: dict[str, object] = {"named": self.named, "sha256": self.index.hash}
        if not self.named:
            index = {"definition": dict(self.index.content)}
        return {"index": index, "divide": {"indicators": list(self.indicators), "leader": self.leader}}


def read(study: Study) -> Options:
    """The observatory's own keys of the study.

    Raises:
        InputError: an unknown indicator, country or index, or a fault of the index's definition, with its line.
        TrustError: the named index is not the one that the study was made with.
    """
    keys = study.document.value
    divide = validate(study.document, DivideKeys, "divide") if "divide" in keys else DivideKeys()
    check_words(study, divide.indicators, load_catalogue().indicators, "indicator", "divide", "indicators")
    named, spec = _index(study)
    return Options(tuple(divide.indicators), spec, named, _leader(study, divide.leader))


def _leader(study: Study, written: str) -> str:
    """The leader's code, from a code or a name."""
    from concordat.world import country

    return country(written, where=study.document.place("divide", "leader")).iso3


def _index(study: Study) -> tuple[str, IndexSpec]:
    """The name and the file of the index that the report prints."""
    from concordat.observatory.named import named
    from concordat.observatory.spec import IndexSpec

    document = study.document
    keys = validate(document, IndexKeys, "index") if "index" in document.value else IndexKeys()
    if keys.definition is not None:
        if keys.named or keys.sha256:
            what = "the index is both named and defined."
            raise InputError(what, where=document.place("index"), hint="Give named or definition.", code="index")
        lines = {path[2:]: line for path, line in document.lines.items() if path[:2] == ("index", "definition")}
        return "", IndexSpec.from_document(Document(keys.definition, document.where, lines))
    name = keys.named or NAMED
    try:
        spec = named(name)
    except InputError as error:
        place = document.place("index", "named")
        raise InputError(error.what, where=place, hint=error.hint, code=error.code) from None
    if keys.sha256 and keys.sha256 != spec.hash:
        raise TrustError(
            f"the index {name} of this version ({spec.hash[:16]}) is not the one of the study ({keys.sha256[:16]}).",
            where=document.place("index", "sha256"),
            hint="Install the version that the report names, or remove sha256 to use today's index.",
            code="index",
        )
    return name, spec


def index(inputs: Inputs) -> Chapter | Missing:
    """The index over the release's indicators: ranks with intervals, contributions, what moves the order."""
    from concordat.report.chapters.evidence import read as read_limits
    from concordat.report.index_section import write

    return write(inputs, read(inputs.study).index, read_limits(inputs.study).not_after)


def chapter(inputs: Inputs) -> Chapter | Missing:
    """The divide between members: measures with intervals, weighted and unweighted, and who is left out."""
    from concordat.report.divide_section import write

    return write(inputs, read(inputs.study))


def divide_in_brief(inputs: Inputs) -> Brief:
    """How far apart the members are, and how many people are without."""
    from concordat.report.divide_section import brief

    return brief(inputs, read(inputs.study))
