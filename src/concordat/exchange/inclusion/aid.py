"""What a member asks for and what another offers, and how well the two fit: filters with reasons, points with terms.

A pair is left out only by what is known: not eligible, windows that don't meet, another kind, a tied status that the
asker doesn't accept. Where a fact is missing, the filter stays open and says so. The points of a pair are
100 x sum of weight x fit:

    sector 35     same DAC code 1, same 3-digit category 0.6, same first two digits 0.3 (best of all codes named)
    window 15     days in common / days asked for
    size 15       smaller / larger of asked and offered, in one currency or in person-days
    aid type 15   same 1, same letter 0.5
    place 10      named 1, in a named region 0.7, open to all 0.5; mean over the countries asked for
    language 10   a language in common 1

A missing fact gives its term from 0 to its weight, so the points are an interval and the order goes by its middle.
Points are counted in whole ten-thousandths (each term rounded to the nearest, halves to even), so that sums and ties
are exact; the one division in floating point (size) is a single IEEE 754 division of two whole numbers below 2^53.

Source: the weights are ours (exchange.md, section 9). It converts no currencies and judges no need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Literal

from concordat import world
from concordat.errors import InputError

Kind = Literal["money", "people", "software"]
KINDS: tuple[Kind, ...] = ("money", "people", "software")
# IATI's codes of tied status: 3 partially tied, 4 tied, 5 untied.
TIED = ("partially_tied", "tied", "untied")
TERMS = ("sector", "window", "size", "aid_type", "place", "language")
UNIT = 10_000  # ten-thousandths of a point
WEIGHTS = dict(zip(TERMS, (35, 15, 15, 15, 10, 10), strict=True))
FILTERS = ("own", "kind", "eligible", "window", "tied", "ranking")
FILTER_WORDS = {
    "own": "it is the asker's own offer",
    "kind": "another kind of help",
    "eligible": "the asker is not eligible",
    "window": "the windows don't meet",
    "tied": "the tied status is not accepted",
    "ranking": "a side accepts only what it ranked",
}


@dataclass(frozen=True, slots=True)
class Window:
    """Days from first to last, both counted."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def common(self, other: Window) -> int:
        """How many days both have."""
        return max(0, (min(self.last, other.last) - max(self.first, other.first)).days + 1)


@dataclass(frozen=True, slots=True)
class Size:
    """How much: a whole number of minor units of a currency, or of hundredths of person-days (`unit` person_days)."""

    count: int
    unit: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a member asks for. `None` and empty mean not stated.

    Attributes:
        key: `ETH/aid-ict-1`, the member and its own id. sha256: of the canonical form of the file.
        countries: ISO3, where the help is needed. accepts_tied: accepted tied statuses; empty: not stated.
        ranking: keys of offers, best first. only_ranked: no other offer is accepted.
    """

    key: str
    member: str
    kind: Kind
    sha256: str
    title: Mapping[str, str]
    sectors: tuple[str, ...] = ()
    aid_type: str = ""
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    window: Window | None = None
    size: Size | None = None
    accepts_tied: tuple[str, ...] = ()
    ranking: tuple[str, ...] = ()
    only_ranked: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class Offer:
    """What a member offers. `None` and empty mean not stated.

    Attributes:
        countries, regions, open: the places: ISO3 codes; M49 regions by name or ids of blocs; every place.
        capacity: how many requests it can serve. tied: its tied status.
        eligible: ISO3 codes and ids of blocs of who may ask; `None`: not stated; `("all",)`: anyone.
    """

    key: str
    member: str
    kind: Kind
    sha256: str
    title: Mapping[str, str]
    sectors: tuple[str, ...] = ()
    aid_types: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    open: bool = False
    languages: tuple[str, ...] = ()
    window: Window | None = None
    size: Size | None = None
    tied: str = ""
    capacity: int = 1
    eligible: tuple[str, ...] | None = None
    ranking: tuple[str, ...] = ()
    only_ranked: bool = False
    version: int = 1


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a pair's points, in ten-thousandths of a point: from low to high, and why."""

    name: str
    low: int
    high: int
    why: str


@dataclass(frozen=True, slots=True)
class Fit:
    """How a request and an offer fit.

    Attributes:
        removed_by: the first filter that leaves the pair out, or empty. open_filters: filters that a missing fact
            leaves open, in words. terms: all six, in the order of the module.
    """

    request: str
    offer: str
    removed_by: str
    open_filters: tuple[str, ...]
    terms: tuple[Term, ...]

    @property
    def low(self) -> int:
        """The points if every missing fact is unfavourable, in ten-thousandths."""
        return sum(t.low for t in self.terms)

    @property
    def high(self) -> int:
        """The points if every missing fact is favourable, in ten-thousandths."""
        return sum(t.high for t in self.terms)


def fit(request: Request, offer: Offer, on: date) -> Fit:
    """Filters and points of one pair; blocs have the members of the day `on`.

    Raises:
        InputError: a bloc or region that is not known.
    """
    removed, still_open = filters(request, offer, on)
    terms = (
        _sector(request, offer), _window(request, offer), _size(request, offer), _aid_type(request, offer),
        _place(request, offer, on), _language(request, offer),
    )  # fmt: skip
    return Fit(request.key, offer.key, removed, still_open, terms)


def filters(request: Request, offer: Offer, on: date) -> tuple[str, tuple[str, ...]]:
    """The first filter that leaves a pair out (or empty), and those that a missing fact leaves open."""
    still_open = []
    if offer.eligible is None:
        still_open.append("the offer does not say who may ask")
    if request.window is None or offer.window is None:
        still_open.append(f"the {_who(request.window is None, offer.window is None)} has no window")
    if not request.accepts_tied or not offer.tied:
        still_open.append(f"the {_who(not request.accepts_tied, not offer.tied)} says nothing of tied aid")
    removed = ""
    if request.member == offer.member:
        removed = "own"
    elif request.kind != offer.kind:
        removed = "kind"
    elif offer.eligible is not None and request.member not in eligible(offer.eligible, on):
        removed = "eligible"
    elif request.window and offer.window and not request.window.common(offer.window):
        removed = "window"
    elif request.accepts_tied and offer.tied and offer.tied not in request.accepts_tied:
        removed = "tied"
    elif (request.only_ranked and offer.key not in request.ranking) or (
        offer.only_ranked and request.key not in offer.ranking
    ):
        removed = "ranking"
    return removed, tuple(still_open)


def _who(request: bool, offer: bool) -> str:
    if request and offer:
        return "request, and the offer alike,"
    return "request" if request else "offer"


class _Everyone(frozenset[str]):
    def __contains__(self, item: object) -> bool:
        return True


@cache
def eligible(listed: tuple[str, ...], on: date) -> frozenset[str]:
    """The countries that a list of codes and blocs means on a day; `("all",)` holds every one."""
    return _Everyone() if listed == ("all",) else expanded(listed, on)


@cache
def expanded(listed: tuple[str, ...], on: date) -> frozenset[str]:
    """ISO3 codes of a list of countries, M49 regions by name and blocs.

    Raises:
        InputError: a word that is none of these.
    """
    regions = _regions()
    found: set[str] = set()
    for word in listed:
        if word in regions:
            found |= regions[word]
        elif word in world.bloc_ids():
            found |= set(world.members(word, on, expand=True))
        else:
            found.add(world.country(word, scheme="iso3").iso3)
    return frozenset(found)


@cache
def _regions() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for country in world.countries():
        for name in (country.region, country.subregion, country.intermediate_region):
            if name:
                found.setdefault(name, set()).add(country.iso3)
    return {name: frozenset(members) for name, members in found.items()}


def region_names() -> tuple[str, ...]:
    """The M49 regions that an offer may name, sorted."""
    return tuple(sorted(_regions()))


# --- Terms ---------------------------------------------------------------------------------------------------------


def _full(name: str) -> int:
    return WEIGHTS[name] * UNIT


def rounded(numerator: int, denominator: int) -> int:
    """The nearest whole number of a quotient of whole numbers, halves to even."""
    whole, rest = divmod(numerator, denominator)
    return whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2))


def _missing(name: str, request: bool, offer: bool) -> Term:
    return Term(name, 0, _full(name), f"not stated by the {_who(request, offer).rstrip(',')}")


def _sector(request: Request, offer: Offer) -> Term:
    if not request.sectors or not offer.sectors:
        return _missing("sector", not request.sectors, not offer.sectors)
    best = (0, "no sector in common")
    for asked in request.sectors:
        for given in offer.sectors:
            if asked == given and len(asked) == 5:
                one = (10, f"same code {asked}")
            elif asked[:3] == given[:3]:
                one = (6, f"same category {asked[:3]}")
            elif asked[:2] == given[:2]:
                one = (3, f"same first digits {asked[:2]}")
            else:
                continue
            if one[0] > best[0]:
                best = one
    points = rounded(best[0] * _full("sector"), 10)
    return Term("sector", points, points, best[1])


def _window(request: Request, offer: Offer) -> Term:
    if request.window is None or offer.window is None:
        return _missing("window", request.window is None, offer.window is None)
    common, asked = request.window.common(offer.window), request.window.days
    points = rounded(common * _full("window"), asked)
    return Term("window", points, points, f"{common} of {asked} days")


def _size(request: Request, offer: Offer) -> Term:
    if request.size is None or offer.size is None:
        return _missing("size", request.size is None, offer.size is None)
    if request.size.unit != offer.size.unit:
        why = f"{request.size.unit} asked, {offer.size.unit} offered: no rate is applied"
        return Term("size", 0, _full("size"), why)
    small, large = sorted((request.size.count, offer.size.count))
    points = round(small / large * _full("size"))
    return Term("size", points, points, f"{size_text(request.size)} asked, {size_text(offer.size)} offered")


def _aid_type(request: Request, offer: Offer) -> Term:
    if not request.aid_type or not offer.aid_types:
        return _missing("aid_type", not request.aid_type, not offer.aid_types)
    if request.aid_type in offer.aid_types:
        return Term("aid_type", _full("aid_type"), _full("aid_type"), f"same type {request.aid_type}")
    if request.aid_type[0] in {t[0] for t in offer.aid_types}:
        half = _full("aid_type") // 2
        return Term("aid_type", half, half, f"same letter {request.aid_type[0]}")
    return Term("aid_type", 0, 0, "another type")


def place_tenths(country: str, offer: Offer, on: date) -> int:
    """How well an offer fits one country, in tenths: named 10, in a named region 7, open to all 5, else 0."""
    if country in offer.countries:
        return 10
    if offer.regions and country in expanded(offer.regions, on):
        return 7
    return 5 if offer.open else 0


def _place(request: Request, offer: Offer, on: date) -> Term:
    said = bool(offer.countries or offer.regions or offer.open)
    if not request.countries or not said:
        return _missing("place", not request.countries, not said)
    tenths = [place_tenths(c, offer, on) for c in request.countries]
    words = {10: "named", 7: "in a named region", 5: "open to all", 0: "not covered"}
    why = ", ".join(f"{c} {words[t]}" for c, t in zip(request.countries, tenths, strict=True))
    points = rounded(sum(tenths) * _full("place"), 10 * len(tenths))
    return Term("place", points, points, why)


def main_language(tag: str) -> str:
    """The first part of a language tag: `pt` of `pt-BR`."""
    return tag.partition("-")[0].casefold()


def _language(request: Request, offer: Offer) -> Term:
    if not request.languages or not offer.languages:
        return _missing("language", not request.languages, not offer.languages)
    common = sorted({main_language(t) for t in request.languages} & {main_language(t) for t in offer.languages})
    points = _full("language") if common else 0
    return Term("language", points, points, f"in common: {', '.join(common)}" if common else "none in common")


def size_text(size: Size) -> str:
    """A size as people read it: `250,000.00 USD`, `60 person-days`."""
    if size.unit == "person_days":
        return f"{size.count / 100:,.2f}".removesuffix(".00") + " person-days"
    digits = world.currency(size.unit).minor_units or 0
    whole, part = divmod(size.count, 10**digits)
    return f"{whole:,}{f'.{part:0{digits}}' if digits else ''} {size.unit}"


def points_text(low: int, high: int) -> str:
    """Points as people read them: `72.4`, or `57.4 to 72.4`."""
    first, last = f"{low / UNIT:.1f}", f"{high / UNIT:.1f}"
    return first if low == high else f"{first} to {last}"


def unknown_keys(ranking: tuple[str, ...], known: Any) -> list[str]:
    """Keys of a ranking that name nothing here."""
    return [key for key in ranking if key not in known]


def check_twice(keys: list[str], what: str) -> None:
    """Each key stands once.

    Raises:
        InputError: two of one key.
    """
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise InputError(
                f"two {what}s have the id {key}.", hint="Give the newest version only.", code="duplicate_id"
            )
        seen.add(key)
