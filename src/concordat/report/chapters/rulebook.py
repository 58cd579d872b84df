"""Where the rulebook hands its results to the report: the rules between members. It owns the study's key `rules`.

What the study doesn't find in the packaged catalogue it keeps itself: the codings of the user's own texts and her own
instruments, so that the report rebuilds to the same bytes without her store. The page is made by
`report.rules_section`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError, StateError
from concordat.report.chapter import Chapter, Missing
from concordat.report.inputs import Inputs
from concordat.report.study import Study
from concordat.settings import nearest, validate

if TYPE_CHECKING:
    from pathlib import Path

STORE = "rulebook.sqlite"
# unit, provision, depth, flags, probability, method, coder
Coded = tuple[
    str,
    str,
    Annotated[int, Field(ge=0, le=2)] | None,
    str,
    Annotated[float, Field(ge=0, le=1)] | None,
    Literal["lexicon", "model", "few_shot", "human", "import"],
    str,
]


class RulesKeys(BaseModel):
    """The study's key `rules`: the years and draws of its figures, and what is not in the packaged catalogue.

    Without `codings` those of this machine's store are taken; `codings: {}` takes none.
    """

    model_config = ConfigDict(extra="forbid")
    first_year: int = Field(1995, ge=1900, le=2200)
    draws: int = Field(1000, ge=100, le=100_000)
    seed: int = Field(1, ge=0)
    codings: dict[str, list[Coded]] | None = None
    instruments: list[dict[str, Any]] = []
    left_out: int = Field(0, ge=0)


@dataclass(frozen=True, slots=True)
class Options:
    """The key `rules`, with its defaults.

    Attributes:
        codings: by instrument; None: those of the store of this machine. instruments: rows of a catalogue.
        left_out: codings that their licence kept out of the study. fault: why this machine's store can't be read.
    """

    first_year: int
    draws: int
    seed: int
    codings: Mapping[str, list[list[Any]]] | None
    instruments: tuple[Mapping[str, Any], ...] = ()
    left_out: int = 0
    fault: StateError | None = None

    def as_data(self) -> dict[str, object]:
        """The key as it is written into the report's study."""
        said: dict[str, object] = {"first_year": self.first_year, "draws": self.draws, "seed": self.seed}
        if self.codings is not None:
            said["codings"] = dict(self.codings)
        if self.instruments:
            said["instruments"] = [dict(i) for i in self.instruments]
        if self.left_out:
            said["left_out"] = self.left_out
        return {"rules": said}


def read(study: Study) -> Options:
    """The rulebook's own key of the study.

    Raises:
        InputError: an unknown key, or a value that can't be, with its line.
    """
    keys = validate(study.document, RulesKeys, "rules") if "rules" in study.document.value else RulesKeys()
    codings: dict[str, list[list[Any]]] | None = None
    if keys.codings is not None:
        codings = {name: [list(row) for row in some] for name, some in sorted(keys.codings.items())}
        _check(study, codings, keys.instruments)
    return Options(keys.first_year, keys.draws, keys.seed, codings, tuple(keys.instruments), keys.left_out)


def _check(study: Study, codings: Mapping[str, list[list[Any]]], instruments: Sequence[Mapping[str, Any]]) -> None:
    """Every coding is of a known instrument, of a unit of it, and of a provision of the taxonomy."""
    from concordat.rulebook.catalogue import load_catalogue, unknown_instrument
    from concordat.rulebook.taxonomy import load_taxonomy

    known = load_taxonomy().provisions
    names = {*load_catalogue().instruments, *(str(i.get("id")) for i in instruments)}
    for name, some in codings.items():
        if name not in names:
            raise unknown_instrument(name, names, study.document.place("rules", "codings", name))
        for n, (unit, provision, *_) in enumerate(some):
            place = study.document.place("rules", "codings", name, n)
            if not unit.startswith(f"{name}/"):
                hint = f"A unit is called {name}/ and its number."
                raise InputError(f'"{unit}" is not a unit of {name}.', where=place, hint=hint, code="unit")
            if provision not in known:
                close = nearest(provision, known)
                hint = f'Did you mean "{close[0]}"?' if close else "See: concordat rulebook provisions"
                raise InputError(f'"{provision}" is not a provision.', where=place, hint=hint, code="unknown_provision")


def resolve(study: Study, data_dir: Path) -> Options:
    """The options, with the codings of this machine's store where the study leaves them to it.

    A store that can't be read costs the chapter, not the report.

    Raises:
        InputError: as `read`.
    """
    options = read(study)
    if options.codings is not None:
        return options
    path = data_dir / STORE
    if not path.is_file():
        return replace(options, codings={})
    from concordat.rulebook.record import own
    from concordat.rulebook.store import RuleStore

    try:
        with RuleStore.open(path) as store:
            found = own(store, internal="internal" in study.accept)
    except StateError as error:
        return replace(options, fault=error)
    known = {str(i.get("id")) for i in options.instruments}
    added = tuple(i for i in found.instruments if i["id"] not in known)
    return replace(
        options, codings=dict(found.codings or {}), instruments=(*options.instruments, *added), left_out=found.left_out
    )


def chapter(inputs: Inputs) -> Chapter | Missing:
    """Who is bound to whom: matrix, topics, network, gaps, what is pending, over time."""
    from concordat.report.rules_section import write

    return write(inputs)
