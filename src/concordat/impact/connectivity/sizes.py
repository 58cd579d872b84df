"""Which sizes does a cost of one's own need, and are they fit to be used?

Sizes are records of a parameter file (`concordat/parameters@1`) under fixed ids, all in US dollars:

    connect_capital_per_person              networks and their share of the backbone, for each person connected
    connect_running_per_person_year         keeping them running, a year
    connect_capital_rate                    weighted cost of capital a year, as a share (0.08)
    connect_device_price                    the cheapest device that serves
    connect_data_price_month                1-2 GB a month
    connect_income_month                    gross national income a head and month
    connect_skills_per_person               training, once
    connect_policy                          policy and regulation, once for each country

A country of several settings (density classes, technologies) has, for each, `connect_share_<setting>`,
`connect_capital_per_person_<setting>` and `connect_running_per_person_year_<setting>`; shares add up to 1.
The first three are needed for any result; without the others a wider scope says what it lacks.

What this does not do: fill a missing size from another country.
"""

from __future__ import annotations

from dataclasses import dataclass

from concordat.errors import InputError, MethodError
from concordat.impact.parameters import Parameter, ParameterBook, usable
from concordat.settings import unknown_key

CAPITAL, RUNNING, SHARE = "connect_capital_per_person", "connect_running_per_person_year", "connect_share"
RATE = "connect_capital_rate"
OTHERS = {
    "device": "connect_device_price",
    "data_price": "connect_data_price_month",
    "income": "connect_income_month",
    "skills": "connect_skills_per_person",
    "policy": "connect_policy",
}
NEEDED = {"affordable": ("device", "data_price", "income"), "meaningful": ("skills", "policy")}
PREFIX = "connect_"


@dataclass(frozen=True, slots=True)
class Setting:
    """People of one density class or technology: their share (None for everyone), capital and running cost a person."""

    name: str
    share: Parameter | None
    capital: Parameter
    running: Parameter


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """Sizes of one country, each with its record."""

    settings: tuple[Setting, ...]
    capital_rate: Parameter
    device: Parameter | None = None
    data_price: Parameter | None = None
    income: Parameter | None = None
    skills: Parameter | None = None
    policy: Parameter | None = None

    def all(self) -> tuple[Parameter, ...]:
        """Every record, in a fixed order."""
        some = [p for s in self.settings for p in (s.share, s.capital, s.running)]
        return tuple(p for p in (*some, self.capital_rate, *(getattr(self, n) for n in OTHERS)) if p is not None)

    def missing(self, scope: str) -> str:
        """The ids that a scope lacks, in words, those of narrower scopes among them."""
        needed = NEEDED["affordable"] + (NEEDED["meaningful"] if scope == "meaningful" else ())
        return ", ".join(OTHERS[name] for name in needed if getattr(self, name) is None)


def unit_costs(book: ParameterBook, *, allow_unverified: bool = False) -> UnitCosts:
    """The sizes of a parameter file.

    Raises:
        InputError: an id that begins with `connect_` and is none of these; shares that don't add up to 1.
        MethodError: a needed size is missing; a record lacks source, distribution or grade, or is unverified without
            permission.
    """
    names = sorted(p.id for p in book if p.id.startswith(PREFIX))
    kinds = _setting_names(names)
    known = {RATE, *OTHERS.values(), *(f"{stem}{k}" for k in kinds or ("",) for stem in (CAPITAL, RUNNING))}
    known |= {f"{SHARE}{k}" for k in kinds}
    for name in names:
        if name not in known:
            raise unknown_key(name, sorted(known), where=book.get(name).place)

    def of(name: str) -> Parameter:
        if name not in names:
            what = f"{name} is missing: no cost of one's own can be computed without it."
            raise MethodError(what, hint="Add its record, or leave the parameters out.", code="missing_size")
        return usable(book.get(name), allow_unverified=allow_unverified)

    settings = tuple(
        Setting(
            k.removeprefix("_") or "everyone",
            of(f"{SHARE}{k}") if k else None,
            of(f"{CAPITAL}{k}"),
            of(f"{RUNNING}{k}"),
        )
        for k in kinds or ("",)
    )
    _check_shares(settings)
    others = {field: of(name) for field, name in OTHERS.items() if name in names}
    return UnitCosts(settings, of(RATE), **others)


def _setting_names(names: list[str]) -> list[str]:
    """Suffixes of the settings, with their underscore; none where everyone is in one."""
    return [name.removeprefix(SHARE) for name in names if name.startswith(f"{SHARE}_")]


def _check_shares(settings: tuple[Setting, ...]) -> None:
    shares = [s.share.value for s in settings if s.share is not None and s.share.value is not None]
    if shares and abs(sum(shares) - 1.0) > 1e-6:
        first = settings[0].share
        what = f"the shares of {len(shares)} settings add up to {sum(shares):g}, not to 1."
        raise InputError(what, where=first.place if first else "", hint="Correct connect_share_...", code="shares")
