"""Where the council hands its results to the report: commitments and decisions. It owns the study's key `council`.

The study names an export of the council's log, the hash it is trusted by, and, once a report was made, the last batch
that was read and the hash of the state behind it: so the report rebuilds to the same bytes from any later export of the
same log, and from no other. The export itself is opened by the command line, which hands over `council.record.Held`.
The page is made by `report.council_section`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError, MethodError, StateError, TrustError
from concordat.report.chapter import Chapter, Missing
from concordat.report.inputs import Inputs
from concordat.report.study import Study
from concordat.settings import validate

if TYPE_CHECKING:
    from concordat.council.record import Held

KEY = "council"
_HASH = r"^[0-9a-f]{64}$"
_REBUILD = "Take the export that the report was made from, or remove final and state from the study's key council."


class FinalKeys(BaseModel):
    """The last batch that counts."""

    model_config = ConfigDict(extra="forbid")
    view: int = Field(ge=0)
    batch: int = Field(ge=0)


class CouncilKeys(BaseModel):
    """The study's key `council`.

    Attributes:
        export: the folder of the export, from the study's folder or the working folder. trust: the hash of membership
            version 1. final, state: the last batch and the hash of the state; written by `assess`.
        indicators: an indicator's id in commitments -> the one of the evidence that it stands for.
        league: rank the members, with intervals.
    """

    model_config = ConfigDict(extra="forbid")
    export: str = Field("", max_length=1000)
    trust: str = Field("", pattern=rf"^$|{_HASH}")
    final: FinalKeys | None = None
    state: str = Field("", pattern=rf"^$|{_HASH}")
    indicators: dict[str, str] = {}
    league: bool = False
    resamples: int = Field(200, ge=1, le=10_000)
    draws: int = Field(2000, ge=100, le=100_000)
    seed: int = Field(1, ge=0)


@dataclass(frozen=True, slots=True)
class Options:
    """The key `council`, with its defaults; as `CouncilKeys`. final: (view, batch), or None."""

    export: str
    trust: str
    final: tuple[int, int] | None
    state: str
    indicators: Mapping[str, str]
    league: bool
    resamples: int
    draws: int
    seed: int

    def as_data(self) -> dict[str, object]:
        """The key as it is written into the report's study; nothing without an export."""
        if not self.export:
            return {}
        said: dict[str, object] = {"export": self.export}
        if self.trust:
            said["trust"] = self.trust
        if self.final is not None:
            said["final"] = {"view": self.final[0], "batch": self.final[1]}
        if self.state:
            said["state"] = self.state
        if self.indicators:
            said["indicators"] = dict(sorted(self.indicators.items()))
        said |= {"league": self.league, "resamples": self.resamples, "draws": self.draws, "seed": self.seed}
        return {KEY: said}


def read(study: Study) -> Options:
    """The council's own key of the study.

    Raises:
        InputError: an unknown key or indicator, or a value that can't be, with its line.
    """
    from concordat.evidence.catalogue import load_catalogue
    from concordat.settings import unknown_key

    document = study.document
    keys = validate(document, CouncilKeys, KEY) if KEY in document.value else CouncilKeys()  # type: ignore[call-arg]
    if KEY in document.value and not keys.export:
        hint = "Give export: FOLDER, what concordat node export wrote."
        raise InputError("the key council names no export.", where=document.place(KEY), hint=hint, code="council")
    if (keys.final is None) != (not keys.state):
        hint = "They belong together: give both, or neither."
        raise InputError("final without state, or the reverse.", where=document.place(KEY), hint=hint, code="council")
    known = load_catalogue().indicators
    for name, stands_for in keys.indicators.items():
        if stands_for not in known:
            raise unknown_key(stands_for, known, where=document.place(KEY, "indicators", name))
    final = (keys.final.view, keys.final.batch) if keys.final else None
    return Options(
        keys.export, keys.trust, final, keys.state, keys.indicators, keys.league, keys.resamples, keys.draws, keys.seed
    )


def resolve(study: Study, held: Held | None) -> Options:
    """The options, with the batch and the hashes of the council that was read.

    Raises:
        InputError: as `read`; the council is another bloc's.
        StateError: the export ends before the batch that the study names.
        TrustError: another trust or state than the study names.
    """
    options = read(study)
    if held is None or not options.export:
        return options
    council, place = held.council, study.document.place(KEY)
    if study.bloc_id != council.bloc:
        who = study.bloc_id or "a list of countries"
        what = f"the log is of the council of {council.bloc}, the study of {who}."
        raise InputError(what, where=place, hint=f"Assess {council.bloc}, or take its own log.", code="bloc")
    if options.trust and options.trust != held.trust:
        what = f"the export is trusted by {held.trust}, the study names {options.trust}."
        raise TrustError(what, where=place, hint=_REBUILD, code="trust")
    at = (council.at.view, council.at.batch)
    if options.final is not None and at != options.final:
        wanted, found = (f"batch {b} of view {v}" for v, b in (options.final, at))
        raise StateError(f"the study is made up to {wanted}, the export up to {found}.", where=place, hint=_REBUILD)
    if options.state and options.state != council.state_hash:
        what = f"up to batch {at[1]} the state is {council.state_hash}, the study says {options.state}."
        raise TrustError(what, where=place, hint=_REBUILD, code="state")
    return replace(options, trust=held.trust, final=at, state=council.state_hash)


def chapter(inputs: Inputs) -> Chapter | Missing:
    """Commitments with scores and evidence, decisions, power, consultations, disputes.

    Raises:
        MethodError: the study names an export, and nobody opened it.
    """
    words = inputs.words
    options = read(inputs.study)
    if not options.export:
        bloc = inputs.who.id or "BLOC"
        load = f"concordat assess {bloc} --council FOLDER"
        return Missing("commitments", words.plain("chapter.commitments"), words.plain("council.none"), load)
    if inputs.council is None:
        hint = "Build the report with: concordat assess --study study.yaml"
        raise MethodError(f"the export {options.export} was not opened.", hint=hint, code="council")
    from concordat.report.council_section import write

    return write(inputs, inputs.council, options)
