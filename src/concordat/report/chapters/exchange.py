"""Where the exchange hands its results to the report: what members share. It owns the study's key `exchange`.

The study names an export of the members' logs, the hash it is trusted by, and, once a report was made, the instant up
to which entries counted and the hash of the state then: so the report rebuilds to the same bytes from any later export
of the same logs, and from no other. The export is opened by the command line, which hands over `exchange.record.Held`.
How much trade hangs on few partners needs the evidence alone, and is shown without any export.
The page is made by `report.exchange_section` and `report.exchange_exposure`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError, MethodError, StateError, TrustError
from concordat.report.chapter import Chapter, Code, Missing, Note
from concordat.report.inputs import Inputs
from concordat.report.study import Study
from concordat.settings import validate

if TYPE_CHECKING:
    from concordat.exchange.record import Held

KEY = "exchange"
_HASH = r"^[0-9a-f]{64}$"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_REBUILD = "Take the export that the report was made from, or remove as_of and state from the study's key exchange."
DAY_SECONDS = 86_400


class ExchangeKeys(BaseModel):
    """The study's key `exchange`.

    Attributes:
        export: the folder of the export, from the study's folder or the working folder. trust: the hash of membership
            version 1. as_of: the last day that counts, or an instant in UTC; by default the report's day, or where the
            log ends. public: no incident by name, small counts hidden. state: the hash of the state; written by
            `assess`, with the instant.
    """

    model_config = ConfigDict(extra="forbid")
    export: str = Field("", max_length=1000)
    trust: str = Field("", pattern=rf"^$|{_HASH}")
    as_of: str = Field("", max_length=30)
    public: bool = True
    state: str = Field("", pattern=rf"^$|{_HASH}")


@dataclass(frozen=True, slots=True)
class Options:
    """The key `exchange`, with its defaults; as `ExchangeKeys`. until: the last second that counts, or None."""

    export: str
    trust: str
    until: int | None
    public: bool
    state: str

    def as_data(self) -> dict[str, object]:
        """The key as it is written into the report's study; nothing without an export."""
        if not self.export:
            return {}
        said: dict[str, object] = {"export": self.export}
        if self.trust:
            said["trust"] = self.trust
        if self.until is not None:
            said["as_of"] = datetime.fromtimestamp(self.until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if self.state:
            said["state"] = self.state
        return {KEY: said | {"public": self.public}}


def read(study: Study) -> Options:
    """The exchange's own key of the study.

    Raises:
        InputError: an unknown key, or a value that can't be, with its line.
    """
    document = study.document
    keys = validate(document, ExchangeKeys, KEY) if KEY in document.value else ExchangeKeys()  # type: ignore[call-arg]
    if KEY in document.value and not keys.export:
        hint = "Give export: FOLDER, what concordat node export wrote."
        raise InputError("the key exchange names no export.", where=document.place(KEY), hint=hint, code="exchange")
    until = _instant(keys.as_of, document.place(KEY, "as_of")) if keys.as_of else None
    if keys.state and until is None:
        hint = "They belong together: give as_of too, or remove state."
        raise InputError("state without as_of.", where=document.place(KEY), hint=hint, code="exchange")
    return Options(keys.export, keys.trust, until, keys.public, keys.state)


def _instant(text: str, where: str) -> int:
    """The last second of a day, or an instant with its zone."""
    try:
        if _DAY.fullmatch(text):
            return last_second(date.fromisoformat(text))
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return int(found.timestamp())
    except ValueError:
        pass
    hint = "Write a day, as 2026-11-22, or an instant, as 2026-11-22T10:00:00Z."
    raise InputError(f'"{text}" is neither a day nor an instant.', where=where, hint=hint, code="as_of")


def last_second(day: date) -> int:
    """The last second of a day in UTC, since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + DAY_SECONDS - 1


def resolve(study: Study, held: Held | None) -> Options:
    """The options, with the instant and the hashes of the export that was read.

    Raises:
        InputError: as `read`; the log is another bloc's.
        StateError: the export ends before the instant that the study names.
        TrustError: another trust or state than the study names.
    """
    options = read(study)
    if held is None or not options.export:
        return options
    place = study.document.place(KEY)
    if study.bloc_id != held.bloc:
        who = study.bloc_id or "a list of countries"
        what = f"the log is of {held.bloc}, the study of {who}."
        raise InputError(what, where=place, hint=f"Assess {held.bloc}, or take its own log.", code="bloc")
    if options.trust and options.trust != held.trust:
        what = f"the export is trusted by {held.trust}, the study names {options.trust}."
        raise TrustError(what, where=place, hint=_REBUILD, code="trust")
    found = replace(options, trust=held.trust, until=held.until, state=held.state_hash)
    if options.state and options.until != held.until:
        what = "the export ends before the instant up to which the study is made."
        raise StateError(what, where=place, hint=_REBUILD, code="exchange")
    if options.state and options.state != held.state_hash:
        what = f"up to that instant the state is {held.state_hash}, the study says {options.state}."
        raise TrustError(what, where=place, hint=_REBUILD, code="state")
    return found


def chapter(inputs: Inputs) -> Chapter | Missing:
    """What was shared, from the log; and how much trade hangs on few partners, from the evidence.

    Raises:
        MethodError: the study names an export, and nobody opened it.
    """
    from concordat.report import exchange_exposure

    words, options = inputs.words, read(inputs.study)
    title = words.plain("chapter.exchange")
    if options.export:
        if inputs.exchange is None:
            hint = "Build the report with: concordat assess --study study.yaml"
            raise MethodError(f"the export {options.export} was not opened.", hint=hint, code="exchange")
        from concordat.report.exchange_section import write

        return write(inputs, inputs.exchange)
    load = f"concordat assess {inputs.who.id or 'BLOC'} --exchange FOLDER"
    exposed = tuple(exchange_exposure.blocks(inputs))
    if not exposed:
        return Missing("exchange", title, words.plain("exchange.missing"), load)
    told = {"export": Code("concordat node export"), "place": Code("exchange"), "file": Code("study.yaml")}
    note = Note(words.text("exchange.none", command=Code(load), **told))
    return Chapter("exchange", title, (note, *exposed), sources=exchange_exposure.sources(inputs))
