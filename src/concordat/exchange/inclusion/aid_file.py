"""The files in which members ask for help and offer it: `concordat/aid-request@1` and `concordat/aid-offer@1`.

Read strictly, as every declarative file: unknown keys are errors with the nearest one, amounts are decimal text, codes
are those of the DAC's lists, countries and blocs those that `world` knows. A file names no person. Its hash is that of
the canonical form of its values, so that layout and order of keys don't matter.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from concordat import canonical, world
from concordat.errors import InputError
from concordat.exchange.inclusion.aid import TIED, Offer, Request, Size, Window, region_names
from concordat.exchange.inclusion.codelists import codes
from concordat.settings import Document, nearest, parse_yaml, validate

COUNT_MAX = 2**53 - 1
REQUEST, OFFER = "concordat/aid-request@1", "concordat/aid-offer@1"

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{0,127}$")]
Member = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,15}$")]
Key = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,15}/[a-z][a-z0-9._-]{0,127}$")]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Title = Annotated[dict[Language, Annotated[str, Field(min_length=1, max_length=300)]], Field(min_length=1)]
Some = Annotated[list[str], Field(min_length=1, max_length=300)]
Tied = Literal["partially_tied", "tied", "untied"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _WindowModel(_Model):
    from_: Day = Field(alias="from")
    to: Day


class _SizeModel(_Model):
    amount: str | None = None
    currency: str | None = None
    person_days: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> _SizeModel:
        money = self.amount is not None and self.currency is not None
        if money == (self.person_days is not None) or (self.amount is None) != (self.currency is None):
            raise ValueError("give amount and currency, or person_days")
        return self


class _Common(_Model):
    schema_: str = Field(alias="schema")
    id: Id
    version: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    member: Member
    title: Title
    kind: Literal["money", "people", "software"]
    sectors: Some | None = None
    languages: Annotated[list[Language], Field(min_length=1)] | None = None
    window: _WindowModel | None = None
    size: _SizeModel | None = None
    ranking: Annotated[list[Key], Field(max_length=5_000)] = []
    only_ranked: bool = False


class _RequestModel(_Common):
    aid_type: str | None = None
    countries: Some | None = None
    accepts_tied: Annotated[list[Tied], Field(min_length=1)] | None = None


class _PlacesModel(_Model):
    countries: Some | None = None
    regions: Some | None = None
    everywhere: bool = False


class _OfferModel(_Common):
    aid_types: Some | None = None
    places: _PlacesModel | None = None
    tied: Tied | None = None
    capacity: Annotated[int, Field(ge=1, le=10_000)] = 1
    eligible: Some | None = None


def load_request(text: str | bytes, *, where: str) -> Request:
    """A request from its file.

    Raises:
        InputError: not of the form, or a code, country or currency that is not known; with the line.
    """
    document = parse_yaml(text, where=where, schema="aid-request@1")
    model = validate(document, _RequestModel)
    _country(model.member, document, "member")
    return Request(
        key=f"{model.member}/{model.id}",
        member=model.member,
        kind=model.kind,
        sha256=canonical.digest(document.value),
        title=dict(model.title),
        sectors=_codes(model.sectors, "Sector", document, "sectors"),
        aid_type=_codes([model.aid_type] if model.aid_type else None, "AidType", document, "aid_type")[0]
        if model.aid_type
        else "",
        countries=tuple(sorted({_country(c, document, "countries") for c in model.countries or [model.member]})),
        languages=tuple(model.languages or ()),
        window=_window(model.window, document),
        size=_size(model.size, document),
        accepts_tied=tuple(t for t in TIED if t in (model.accepts_tied or ())),
        ranking=_ranking(model.ranking, document),
        only_ranked=model.only_ranked,
        version=model.version,
    )


def load_offer(text: str | bytes, *, where: str) -> Offer:
    """An offer from its file.

    Raises:
        InputError: as `load_request`.
    """
    document = parse_yaml(text, where=where, schema="aid-offer@1")
    model = validate(document, _OfferModel)
    _country(model.member, document, "member")
    places = model.places or _PlacesModel()
    if model.places is not None and not (places.countries or places.regions or places.everywhere):
        hint = "Name countries or regions, or say everywhere: true; or leave the key out."
        raise InputError("places names none.", where=document.place("places"), hint=hint, code="invalid")
    return Offer(
        key=f"{model.member}/{model.id}",
        member=model.member,
        kind=model.kind,
        sha256=canonical.digest(document.value),
        title=dict(model.title),
        sectors=_codes(model.sectors, "Sector", document, "sectors"),
        aid_types=_codes(model.aid_types, "AidType", document, "aid_types"),
        countries=tuple(sorted({_country(c, document, "places", "countries") for c in places.countries or ()})),
        regions=_regions(places.regions, document),
        open=places.everywhere,
        languages=tuple(model.languages or ()),
        window=_window(model.window, document),
        size=_size(model.size, document),
        tied=model.tied or "",
        capacity=model.capacity,
        eligible=_eligible(model.eligible, document),
        ranking=_ranking(model.ranking, document),
        only_ranked=model.only_ranked,
        version=model.version,
    )


def load_aid(text: str | bytes, *, where: str) -> Request | Offer:
    """A request or an offer, as the file says.

    Raises:
        InputError: as `load_request`; or neither of the two.
    """
    document = parse_yaml(text, where=where)
    said = document.value.get("schema") if isinstance(document.value, dict) else None
    if said == REQUEST:
        return load_request(text, where=where)
    if said == OFFER:
        return load_offer(text, where=where)
    hint = f"Begin with: schema: {REQUEST}, or: schema: {OFFER}"
    raise InputError(
        f"is neither a request nor an offer of aid (schema {said!s:.60}).",
        where=document.place("schema"),
        hint=hint,
        code="schema",
    )


def _codes(given: list[str] | None, name: str, document: Document, key: str) -> tuple[str, ...]:
    known = codes(name) if name != "Sector" else codes("SectorCategory") | codes("Sector")
    for code in given or ():
        if code not in known:
            close = nearest(code, known, 3)
            hint = f"Near: {', '.join(f'{c} ({known[c]})' for c in close)}." if close else "See: concordat exchange aid"
            what = f'{key}: "{code[:40]}" is not a code of the DAC\'s list.'
            raise InputError(what, where=document.place(key), hint=hint, code="unknown_code")
    return tuple(sorted(set(given or ())))


def _country(code: str, document: Document, *path: str) -> str:
    return world.country(code, scheme="iso3", where=document.place(*path)).iso3


def _regions(given: list[str] | None, document: Document) -> tuple[str, ...]:
    known = (*region_names(), *world.bloc_ids())
    for word in given or ():
        if word not in known:
            close = nearest(word, known)
            hint = f'Did you mean "{close[0]}"?' if close else "Regions are those of UN M49, by name, or ids of blocs."
            raise InputError(
                f'"{word[:60]}" is not a region I know.',
                where=document.place("places", "regions"),
                hint=hint,
                code="unknown_region",
            )
    return tuple(sorted(set(given or ())))


def _eligible(given: list[str] | None, document: Document) -> tuple[str, ...] | None:
    if given is None:
        return None
    if given == ["all"]:
        return ("all",)
    for word in given:
        if word not in world.bloc_ids():
            _country(word, document, "eligible")
    return tuple(sorted(set(given)))


def _window(model: _WindowModel | None, document: Document) -> Window | None:
    if model is None:
        return None
    try:
        first, last = date.fromisoformat(model.from_), date.fromisoformat(model.to)
    except ValueError:
        raise InputError("the window has a day that doesn't exist.", where=document.place("window")) from None
    if last < first:
        raise InputError("the window ends before it begins.", where=document.place("window"), code="window")
    return Window(first, last)


def _size(model: _SizeModel | None, document: Document) -> Size | None:
    if model is None:
        return None
    where = document.place("size")
    if model.person_days is not None:
        return Size(_count(model.person_days, 2, where, "person_days"), "person_days")
    assert model.amount is not None
    assert model.currency is not None
    currency = world.currency(model.currency, where=where)
    if currency.minor_units is None:
        raise InputError(f"{currency.code} is no money that aid is paid in.", where=where, code="currency")
    return Size(_count(model.amount, currency.minor_units, where, "amount"), currency.code)


def _count(text: str, digits: int, where: str, key: str) -> int:
    import re

    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,4})?", text):
        hint = 'Write digits, with a point before decimals, in quotes: "250000.00"'
        raise InputError(f'{key}: "{text[:40]}" is not a decimal number.', where=where, hint=hint, code="number")
    count = Decimal(text).scaleb(digits)
    if count != count.to_integral_value():
        raise InputError(f"{key}: {text} has more than {digits} decimals.", where=where, code="number")
    if not 0 < count <= COUNT_MAX:
        raise InputError(f"{key}: {text} is zero or too large.", where=where, code="number")
    return int(count)


def _ranking(given: list[str], document: Document) -> tuple[str, ...]:
    if len(set(given)) != len(given):
        raise InputError("the ranking names one twice.", where=document.place("ranking"), code="duplicate_id")
    return tuple(given)
