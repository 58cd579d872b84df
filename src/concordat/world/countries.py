"""Which countries and territories there are, and which one a text means.

The 249 entries of ISO 3166-1 with their codes, UN M49 regions, currencies, and dated groups; and Kosovo under the
user-assigned code XKX, which ISO does not list: it is found by code and name, marked `assigned_by`, and left out of
`countries()` unless asked for. Sources: ISO 3166-1, UN M49 (names and regions), ISO 4217, World Bank income groups.

Matching never guesses: exact code, then exact name or alias after normalisation, else an error with suggestions. A
two-letter text without a declared scheme is an ISO code first (`AU` is Australia) and an alias second (`UK` is no ISO
code, so it is the alias of GBR). The Factbook's GEC codes look like ISO codes and are not (`ch` is China), so they are
read only with `scheme="gec"`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from concordat.errors import InputError
from concordat.world._tables import read_csv
from concordat.world.names import any_of, normalise, plain_code, suggest

Scheme = Literal["iso2", "iso3", "m49", "gec", "name"]
SCHEMES: tuple[Scheme, ...] = ("iso2", "iso3", "m49", "gec", "name")


@dataclass(frozen=True, slots=True)
class Country:
    """One country or territory.

    Attributes:
        m49: three digits, as text; empty for XKX. TWN has ISO's number, which UN M49 does not use (`in_m49`).
        name: the UN M49 short form; `short_name` is what tables print.
        gec: the Factbook's file codes in capitals, none to three of them.
        currencies: ISO 4217 codes, the main one first.
        un_member_since: ISO date, or empty.
        un_observer: True for the two observer States.
        income_group: World Bank, fiscal year 2026: low, lower-middle, upper-middle, high, not classified (ETH, VEN), or
            empty where the Bank has no entry. income_region: one of its seven regions.
        ldc, lldc: listed on `flags_as_of`; for other days ask `members("LDC", on)`.
        sids: `un`, `associate` or empty.
        assigned_by: `iso`, or `concordat-or-worldbank` for a user-assigned code.
        status: `unverified` where the row was not seen in a source, else empty.
    """

    iso3: str
    iso2: str
    m49: str
    name: str
    short_name: str
    gec: tuple[str, ...]
    currencies: tuple[str, ...]
    region: str
    subregion: str
    intermediate_region: str
    un_member_since: str
    un_observer: bool
    income_group: str
    income_region: str
    ldc: bool
    lldc: bool
    sids: str
    flags_as_of: str
    in_m49: bool
    assigned_by: str
    status: str

    @property
    def verified(self) -> bool:
        """Whether the row was seen in a source."""
        return self.status != "unverified"


@cache
def _countries() -> dict[str, Country]:
    codes: dict[str, list[str]] = {}
    for row in read_csv("gec.csv"):
        codes.setdefault(row["area"].partition(".")[0], []).append(row["gec"].upper())
    return {row["iso3"]: _country(row, tuple(codes.get(row["iso3"], ()))) for row in read_csv("countries.csv")}


def _country(row: dict[str, str], gec: tuple[str, ...]) -> Country:
    return Country(
        iso3=row["iso3"],
        iso2=row["iso2"],
        m49=row["m49"],
        name=row["name"],
        short_name=row["name_short"],
        gec=gec,
        currencies=tuple(code for code in row["currencies"].split(";") if code),
        region=row["region"],
        subregion=row["subregion"],
        intermediate_region=row["intermediate_region"],
        un_member_since=row["un_member_since"],
        un_observer=bool(row["un_observer"]),
        income_group=row["income_fy26"],
        income_region=row["wb_region_fy26"],
        ldc=row["ldc"] == "1",
        lldc=row["lldc"] == "1",
        sids=row["sids"],
        flags_as_of=row["flags_as_of"],
        in_m49=row["in_m49"] == "1",
        assigned_by=row["assigned_by"],
        status=row["status"],
    )


def countries(*, user_assigned: bool = False) -> tuple[Country, ...]:
    """The 249 entries of ISO 3166-1, sorted by ISO3; with `user_assigned` also XKX."""
    found = (c for c in _countries().values() if user_assigned or c.assigned_by == "iso")
    return tuple(sorted(found, key=lambda c: c.iso3))


def by_iso3() -> dict[str, Country]:
    """Every country, XKX included, by its three-letter code."""
    return dict(_countries())


@cache
def _index(scheme: Scheme) -> dict[str, str]:
    """What a text in one scheme means: normalised text -> ISO3."""
    rows = _countries().values()
    if scheme == "gec":
        return {code.lower(): c.iso3 for c in rows for code in c.gec}
    if scheme == "name":
        names = {normalise(name): c.iso3 for c in rows for name in (c.name, c.short_name)}
        return names | {normalise(row["alias"]): row["iso3"] for row in read_csv("aliases.csv")}
    return {getattr(c, scheme).lower(): c.iso3 for c in rows if getattr(c, scheme)}


def country(text: str, *, scheme: Scheme | None = None, where: str = "") -> Country:
    """The country that a text names, never guessed.

    Args:
        text: a code or a name. Case, accents and punctuation of names do not matter.
        scheme: what the column holds, if that is known; with None a code is tried first (ISO2, ISO3, M49), then names.
        where: file and row, for the message.

    Raises:
        InputError: no country has that code or name; up to three suggestions.

    >>> country("Viet Nam").iso3, country("UK").iso3, country("ch", scheme="gec").iso3, country("NA").iso3
    ('VNM', 'GBR', 'CHN', 'NAM')
    """
    assert scheme is None or scheme in SCHEMES, scheme
    iso3 = _find(text, scheme)
    if iso3 is None:
        raise _unknown(text, scheme, where)
    return _countries()[iso3]


def _find(text: str, scheme: Scheme | None) -> str | None:
    code = plain_code(text)
    if scheme == "name":
        return _index("name").get(normalise(text))
    if scheme == "m49" and code.isascii() and code.isdigit():
        return _index("m49").get(code.zfill(3))  # spreadsheets drop leading zeros
    if scheme is not None:
        return _index(scheme).get(code)
    by_length: dict[int, tuple[Scheme, ...]] = {2: ("iso2",), 3: ("iso3", "m49")}
    for codes in by_length.get(len(code), ()):
        if code in _index(codes):
            return _index(codes)[code]
    return _index("name").get(normalise(text))


def _unknown(text: str, scheme: Scheme | None, where: str) -> InputError:
    if scheme in ("iso2", "iso3", "m49", "gec"):
        label = {
            "iso2": "an ISO 3166 two-letter",
            "iso3": "an ISO 3166 three-letter",
            "m49": "a UN M49",
            "gec": "a GEC",
        }[scheme]
        hint = "See: concordat.world.countries()." if scheme != "gec" else "GEC codes are the Factbook's file names."
        return InputError(f'"{text}" is not {label} code I know.', where=where, hint=hint, code="unknown_country")
    close = suggest(text, _index("name"))
    advice = "Add an alias in study.yaml under aliases."
    if close:
        shown = [f'"{iso3}" ({_countries()[iso3].short_name})' for iso3 in close]
        advice = f"Did you mean {any_of(shown)}? {advice}"
    return InputError(f'"{text}" is not a country I know.', where=where, hint=advice, code="unknown_country")
