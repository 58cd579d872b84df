"""The catalogue of instruments: a reviewed file of facts, each with its evidence and its mark.

`schema: concordat/instruments@1`. Parties are listed bare (`parties: [SGP, NZL]`: a role, no dates) or one by one
(`participation`), with dates, what they rest on, and a mark. A date known to be unknown is listed in `unknown`
(`unknown: [in_force]`): it then answers "unknown", never the instrument's own date. `parties_complete: false` says that
absence from the list means nothing.

What can't be is refused with its line: entry into force before signature, withdrawal before entry, a suspension that
ends before it begins, an observer or applicant with an entry into force, a party or instrument that does not exist, a
party twice. Two rows of one party stand side by side where each names its own source, or where they are acts towards
different others. A catalogue of the user's own may relate its instruments to those that are known already.

    >>> catalogue = load_catalogue()
    >>> len(catalogue.instruments), catalogue["depa"].binding
    (132, 'mixed')
    >>> [p.party for p in catalogue.of("depa") if p.role == "party"]
    ['CHL', 'KOR', 'NZL', 'SGP']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from concordat import canonical
from concordat.errors import InputError
from concordat.rulebook.model import Instrument, PartialDate, Participation, Relation, Truth
from concordat.rulebook.taxonomy import DATA
from concordat.settings import Document, nearest, parse_yaml, validate

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=60)]
Day = Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]
Mark = Literal["verified", "partly", "unverified"]
Role = Literal["party", "signatory", "applicant", "adherent", "observer"]
BARE = "list of the catalogue"  # the source of a party of a bare list
DATES = ("signed", "ratified", "in_force", "provisional", "withdrawn")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class PartiesKeys(_Strict):
    """Bare parties of one role."""

    role: Role = "party"
    who: list[str] = Field(min_length=1)


class ParticipationKeys(_Strict):
    """One party, with what is known of its part."""

    party: str
    role: Role = "party"
    signed: Day | None = None
    ratified: Day | None = None
    in_force: Day | None = None
    provisional: Day | None = None
    withdrawn: Day | None = None
    suspended: list[Day] = Field([], max_length=2)
    in_force_towards: dict[str, Day | Literal["unknown"]] = {}
    directed_to: list[str] = []
    reservation: list[str] = []
    unknown: list[Literal["signed", "ratified", "in_force", "provisional", "withdrawn"]] = []
    source: str = ""
    seen_on: str = ""
    confidence: Mark = "unverified"

    @model_validator(mode="after")
    def _one_or_other(self) -> ParticipationKeys:
        for name in self.unknown:
            if getattr(self, name) is not None:
                raise ValueError(f"{name} has a date and is listed as unknown: keep one")
        return self


class RelationKeys(_Strict):
    """What the instrument does to another one."""

    to: str
    kind: Literal["amends", "replaces", "incorporates", "builds_on", "implements", "conflicts", "suspends"]
    source: str = ""


class InstrumentKeys(_Strict):
    """One instrument."""

    id: Id
    name: str = Field(min_length=1)
    short_name: str = ""
    type: Literal[
        "trade_agreement_chapter", "digital_agreement", "convention", "declaration", "soft_principles", "mechanism",
        "standard", "model_law", "regulation",
    ]  # fmt: skip
    form: str = ""
    adopted: Day | None = None
    signed: Day | None = None
    in_force: Day | None = None
    ended: Day | None = None
    status: str = ""
    binding: str
    binding_note: str = ""
    topics: list[str] = []
    url: str = ""
    parties: list[str] | PartiesKeys = []
    parties_note: str = ""
    parties_complete: bool = False
    participation: list[ParticipationKeys] = []
    relations: list[RelationKeys] = []
    evidence: list[str] = []
    confidence: Mark = "unverified"


class InstrumentsFile(_Strict):
    """The file."""

    schema_: Literal["concordat/instruments@1"] = Field(alias="schema")
    as_of: str = ""
    note: str = ""
    instruments: list[InstrumentKeys] = Field(min_length=1)


@dataclass(frozen=True)
class Catalogue:
    """Instruments with their participations and relations; `catalogue["depa"]` is one of them."""

    instruments: Mapping[str, Instrument]
    participations: Mapping[str, tuple[Participation, ...]]
    relations: tuple[Relation, ...]
    hash: str
    as_of: str

    def __getitem__(self, name: str) -> Instrument:
        """An instrument by its id.

        Raises:
            InputError: no such instrument; with the nearest id.
        """
        if name not in self.instruments:
            raise unknown_instrument(name, self.instruments)
        return self.instruments[name]

    def of(self, name: str) -> tuple[Participation, ...]:
        """Who takes part in an instrument, sorted by party and role."""
        return self.participations[self[name].id]


def unknown_instrument(name: str, known: Iterable[str], where: str = "") -> InputError:
    """The error of an instrument that isn't there."""
    names = list(known)
    close = nearest(name, names) or nearest(name.lower(), names)
    hint = f'Did you mean "{close[0]}"?' if close else "See: concordat rulebook list"
    return InputError(f'"{name}" is not an instrument I know.', where=where, hint=hint, code="unknown_instrument")


def parse_catalogue(text: str | bytes, *, where: str = "instruments.yaml", known: Iterable[str] = ()) -> Catalogue:
    """A catalogue from its file.

    Args:
        known: ids of instruments that are elsewhere, to which those of the file may relate.

    Raises:
        InputError: an unknown key, topic, party or instrument; dates in an impossible order; with the line.
    """
    return catalogue_of(parse_yaml(text, where=where, schema="instruments@1"), known)


def catalogue_of(document: Document, known: Iterable[str] = ()) -> Catalogue:
    """A catalogue from its parsed file, or from rows that a study holds.

    Raises:
        InputError: as `parse_catalogue`.
    """
    model = validate(document, InstrumentsFile)
    found: dict[str, Instrument] = {}
    rows: dict[str, tuple[Participation, ...]] = {}
    relations: list[Relation] = []
    for n, keys in enumerate(model.instruments):
        place = ("instruments", n)
        if keys.id in found:
            raise _error(document, f'"{keys.id}" stands twice.', (*place, "id"), "Every id may be used once.")
        found[keys.id] = _instrument(document, keys, place)
        rows[keys.id] = _participations(document, keys, found[keys.id], place)
        relations += [Relation(keys.id, r.to, r.kind, r.source) for r in keys.relations]
    targets = {*found, *known}
    for n, keys in enumerate(model.instruments):
        for m, relation in enumerate(keys.relations):
            if relation.to not in targets:
                where_ = document.place("instruments", n, "relations", m, "to")
                raise unknown_instrument(relation.to, sorted(targets), where_)
    ordered = tuple(sorted(relations, key=lambda r: (r.from_id, r.to_id, r.kind)))
    return Catalogue(found, rows, ordered, canonical.digest(document.value, floats=True), model.as_of)


@cache
def load_catalogue() -> Catalogue:
    """The packaged catalogue."""
    return parse_catalogue((DATA / "instruments.yaml").read_bytes(), where="concordat/rulebook/data/instruments.yaml")


def row_of(instrument: Instrument, participations: Iterable[Participation]) -> dict[str, Any]:
    """An instrument and who takes part in it, as a row of a catalogue; reading the row gives the same."""

    def text(day: PartialDate | None) -> str | None:
        return None if day is None else day.text

    row: dict[str, Any] = {
        "id": instrument.id,
        "name": instrument.name,
        "short_name": instrument.short_name,
        "type": instrument.type,
        "form": instrument.form,
        **{d: text(getattr(instrument, d)) for d in ("adopted", "signed", "in_force", "ended")},
        "status": instrument.status,
        "binding": instrument.binding,
        "binding_note": instrument.binding_note,
        "topics": list(instrument.topics),
        "url": instrument.url,
        "parties_note": instrument.parties_note,
        "parties_complete": instrument.complete,
        "participation": [_participation_row(p, text) for p in participations],
        "evidence": list(instrument.evidence),
        "confidence": instrument.mark,
    }
    return {key: value for key, value in row.items() if value not in (None, "", [], {}, False)}


def _participation_row(p: Participation, text: Callable[[PartialDate | None], str | None]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "party": p.party,
        "role": p.role,
        **{d: text(getattr(p, d)) for d in DATES},
        "suspended": [text(day) for day in p.suspended or () if day is not None],
        "in_force_towards": {k: text(day) or "unknown" for k, day in sorted(p.in_force_towards.items())},
        "directed_to": list(p.directed_to),
        "reservation": list(p.reservations),
        "unknown": list(p.unknown),
        "source": p.source,
        "seen_on": p.seen_on,
        "confidence": p.mark,
    }
    return {key: value for key, value in row.items() if value not in (None, "", [], {})}


def _error(document: Document, what: str, path: tuple[str | int, ...], hint: str = "", code: str = "") -> InputError:
    return InputError(what, where=document.place(*path), hint=hint, code=code or "invalid")


def _date(document: Document, text: str | None, path: tuple[str | int, ...]) -> PartialDate | None:
    if text is None:
        return None
    try:
        return PartialDate.parse(text)
    except InputError as error:
        raise _error(document, error.what, path, error.hint, error.code) from None


def _instrument(document: Document, keys: InstrumentKeys, place: tuple[str | int, ...]) -> Instrument:
    from concordat.rulebook.taxonomy import load_taxonomy

    dates = {d: _date(document, getattr(keys, d), (*place, d)) for d in ("adopted", "signed", "in_force", "ended")}
    _in_order(document, dates, ("signed", "in_force", "ended"), place, keys.id)
    note, binding = keys.binding_note, normal_binding(keys.binding)
    if binding is None:
        hint = "Write binding, mixed, soft, voluntary, model or none; the original words go into binding_note."
        raise _error(document, f'"{keys.binding}" is no kind of binding.', (*place, "binding"), hint)
    if keys.binding != binding and not note:
        note = keys.binding
    topics = load_taxonomy().topics
    for t, topic in enumerate(keys.topics):
        if topic not in topics:
            close = nearest(topic, topics)
            hint = f'Did you mean "{close[0]}"?' if close else f"Topics: {', '.join(topics)}."
            raise _error(document, f'"{topic}" is not a topic.', (*place, "topics", t), hint, "unknown_topic")
    return Instrument(
        id=keys.id,
        name=keys.name,
        short_name=keys.short_name or keys.name,
        type=keys.type,
        form=keys.form,
        **dates,
        status=keys.status,
        binding=binding,
        binding_note=note,
        topics=tuple(keys.topics),
        url=keys.url,
        parties_note=keys.parties_note,
        complete=keys.parties_complete,
        evidence=tuple(keys.evidence),
        mark=keys.confidence if keys.evidence else "unverified",
    )


def normal_binding(words: str) -> str | None:
    """One of `model.BINDING` from the words of a catalogue ("binding once in force"), or None."""
    from concordat.rulebook.model import BINDING

    if words in ("-", ""):
        return "none"
    first = next(iter(words.replace(",", " ").replace(";", " ").split()), "")
    return {"political": "soft"}.get(first, first) if first in (*BINDING, "political") else None


def _participations(
    document: Document, keys: InstrumentKeys, instrument: Instrument, place: tuple[str | int, ...]
) -> tuple[Participation, ...]:
    given = keys.parties
    named = isinstance(given, PartiesKeys)
    bare: list[str] = given.who if isinstance(given, PartiesKeys) else given
    role = given.role if isinstance(given, PartiesKeys) else "party"
    seen: dict[str, list[tuple[Participation, tuple[str | int, ...]]]] = {}
    for n, party in enumerate(bare):
        path = (*place, "parties", *(("who",) if named else ()), n)
        check_party(party, document.place(*path))
        row = Participation(keys.id, party, role, source=BARE, mark=instrument.mark)
        _claim(document, row, seen, path)
    for n, given_row in enumerate(keys.participation):
        path = (*place, "participation", n)
        check_party(given_row.party, document.place(*path, "party"))
        _claim(document, _participation(document, keys.id, given_row, instrument, path), seen, (*path, "party"))
    rows = [row for some in seen.values() for row, _ in some]
    return tuple(sorted(rows, key=lambda r: (r.party, r.role, r.source)))


def _claim(
    document: Document,
    row: Participation,
    seen: dict[str, list[tuple[Participation, tuple[str | int, ...]]]],
    path: tuple[str | int, ...],
) -> None:
    """Take a row in; a second one of a party must be another source's, or an act towards others."""
    for other, first in seen.get(row.party, ()):
        sources = row.source != other.source and row.source and other.source and other.source != BARE
        apart = row.directed_to and other.directed_to and not set(row.directed_to) & set(other.directed_to)
        if not sources and not apart:
            hint = f"It stands first in {document.place(*first)}. If two sources disagree, give each row its source."
            raise _error(document, f"{row.party} stands twice.", path, hint, "duplicate")
    seen.setdefault(row.party, []).append((row, path))


@cache
def _parties() -> frozenset[str]:
    from concordat.world import countries

    return frozenset((*(c.iso3 for c in countries()), "XKX", "EU"))  # Kosovo's code is not ISO's, and in wide use


def check_party(party: str, where: str = "") -> str:
    """An ISO 3166 alpha-3 code, or EU.

    Raises:
        InputError: neither; with the nearest code.
    """
    if party not in _parties():
        close = nearest(party, sorted(_parties()))
        hint = f'Did you mean "{close[0]}"?' if close else "Write an ISO 3166 alpha-3 code, or EU."
        raise InputError(f'"{party}" is not a country or EU.', where=where, hint=hint, code="unknown_party")
    return party


def _participation(
    document: Document, instrument: str, row: ParticipationKeys, whole: Instrument, path: tuple[str | int, ...]
) -> Participation:
    dates = {d: _date(document, getattr(row, d), (*path, d)) for d in DATES}
    _in_order(document, {**dates, "signed": dates["signed"] or whole.signed}, ("signed", "in_force", "withdrawn"), path,
              f"{instrument}, {row.party}")  # fmt: skip
    if row.role in ("observer", "applicant") and (row.in_force is not None or row.in_force_towards):
        what = f"{instrument}, {row.party}: an {row.role} has no entry into force."
        key = "in_force" if row.in_force is not None else "in_force_towards"
        raise _error(document, what, (*path, key), "Correct its role, or take the date away.", "role")
    own = row.in_force is not None or row.provisional is not None or bool(row.in_force_towards)
    if row.role in ("party", "adherent") and not own:  # the instrument's date stands in
        _in_order(document, {"in_force": whole.in_force, "withdrawn": dates["withdrawn"]}, ("in_force", "withdrawn"),
                  path, f"{instrument}, {row.party}")  # fmt: skip
    towards: dict[str, PartialDate | None] = {}
    for other, text in sorted(row.in_force_towards.items()):
        check_party(other, document.place(*path, "in_force_towards", other))
        given = None if text == "unknown" else text
        towards[other] = _date(document, given, (*path, "in_force_towards", other))
    for n, other in enumerate(row.directed_to):
        check_party(other, document.place(*path, "directed_to", n))
    ends = [_date(document, day, (*path, "suspended", n)) for n, day in enumerate(row.suspended)]
    suspended = (ends[0], ends[1] if len(ends) > 1 else None) if ends and ends[0] is not None else None
    if suspended is not None and suspended[1] is not None and suspended[0].after(suspended[1]) is Truth.YES:
        what = f"{instrument}, {row.party}: suspended until {suspended[1].text}, before {suspended[0].text}."
        raise _error(document, what, (*path, "suspended", 1), "Correct one of the two dates.", "date_order")
    return Participation(
        instrument=instrument,
        party=row.party,
        role=row.role,
        **dates,
        suspended=suspended,
        in_force_towards=towards,
        directed_to=tuple(row.directed_to),
        reservations=tuple(row.reservation),
        unknown=tuple(sorted(row.unknown)),
        source=row.source,
        seen_on=row.seen_on,
        mark=row.confidence,
    )


def _in_order(
    document: Document,
    dates: Mapping[str, PartialDate | None],
    order: tuple[str, ...],
    path: tuple[str | int, ...],
    who: str,
) -> None:
    """Refuse dates that can't follow each other whatever their missing days are."""
    known = [(name, dates[name]) for name in order if dates.get(name) is not None]
    for (one, first), (other, second) in pairwise(known):
        assert first is not None
        assert second is not None
        if first.after(second) is Truth.YES:
            what = f"{who}: {other} ({second.text}) is before {one} ({first.text})."
            raise _error(document, what, (*path, other), "Correct one of the two dates.", "date_order")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a catalogue file."""
    schema = InstrumentsFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/instruments@1", **schema}
