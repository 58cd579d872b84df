"""`concordat connect cost`: population and share online of the store, three scopes, published estimates beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _connect_data as data
from concordat.cli import _index_input as tables
from concordat.cli import _scenario_files as shared
from concordat.errors import InputError, MethodError

if TYPE_CHECKING:
    from concordat.impact.connectivity.cost import ConnectivityCost, Place, PlaceCost
    from concordat.impact.connectivity.sizes import UnitCosts

POPULATION, ONLINE = "population", "internet_users_pct"
COLUMNS = (
    "area", ">population", ">online_pct", ">target_pct", ">people", "scope", ">usd_low", ">usd_central", ">usd_high",
    "reason", ">usd_capital", ">usd_annuity_year", ">usd_running_year", "grade", "unverified", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose cost, of what."""

    area: str
    scope: str
    target: float
    population: float | None
    online: float | None
    on: str
    data_dir: str | None


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of one's own, if any, and how they are used."""

    parameters: Path | None
    allow_unverified: bool
    years: int
    device_years: int
    seed: int


def run(asked: Asked, sizes: Sizes, *, json: bool, csv: bool, out: Path | None) -> None:
    """Compute and print."""
    from concordat.impact.connectivity.anchors import SCOPES
    from concordat.impact.connectivity.cost import connectivity_cost

    if asked.scope not in ("all", *SCOPES):
        hint = f"Use all, {', '.join(SCOPES)}: the three are printed together."
        raise InputError(f'"{asked.scope}" is not a scope.', hint=hint, code="scope")
    title, codes = data.whom(asked.area, asked.on)
    costs, files = _unit_costs(sizes)
    places, without = _places(asked, codes)
    found = connectivity_cost(
        places,
        target_pct=asked.target,
        unit_costs=costs,
        years=sizes.years,
        device_years=sizes.device_years,
        seed=sizes.seed,
    )
    facts: dict[str, Any] = {
        "asked": asked.area,
        "title": title,
        "without": without,
        "seed": sizes.seed,
        "files": files,
    }
    facts |= found.to_value()
    rows = (COLUMNS, list(_rows(found)))
    shared.answer(
        facts, list(_lines(title, found, without, asked.scope)), rows, json=json, csv=csv, out=out, name="cost"
    )


def _unit_costs(sizes: Sizes) -> tuple[UnitCosts | None, dict[str, str]]:
    if sizes.parameters is None:
        return None, {}
    from concordat.impact.connectivity.sizes import unit_costs
    from concordat.impact.parameter_file import parse_parameters

    book = parse_parameters(shared.read(sizes.parameters), where=str(sizes.parameters))
    return unit_costs(book, allow_unverified=sizes.allow_unverified), dict(book.files)


def _places(asked: Asked, codes: tuple[str, ...]) -> tuple[list[Place], dict[str, str]]:
    """Countries with both figures, and the others with the reason."""
    from concordat.impact.connectivity.cost import Place

    if asked.population is not None or asked.online is not None:
        if len(codes) > 1:
            raise InputError("--population and --online are of one country.", hint="Leave them out.", code="who")
        if asked.population is not None and asked.online is not None:
            return [Place(codes[0], asked.population, asked.online, "figures of your own")], {}
    figures = _newest(asked.data_dir)
    places, without = [], {}
    for code in codes:
        values, told = {}, []
        for name, own in ((POPULATION, asked.population), (ONLINE, asked.online)):
            if own is not None:
                values[name] = own
                told.append(f"{name}: your own")
            elif (name, code) in figures:
                values[name], year, source = figures[name, code]
                told.append(f"{name}: {source}, {year}")
            else:
                without[code] = f"not computed: no figure of {name}"
        if len(values) == 2:
            places.append(Place(code, values[POPULATION], values[ONLINE], "; ".join(told)))
    if not places:
        hint = "Load a source, or give --population and --online."
        raise MethodError(f"{'; '.join(f'{c}: {why}' for c, why in without.items())}.", hint=hint, code="no_figures")
    return places, without


def _newest(data_dir: str | None) -> dict[tuple[str, str], tuple[float, int, str]]:
    """(indicator, area) -> value, year and dataset of the newest figure, chosen as a report chooses it."""
    from concordat import clock
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.resolve import resolve

    rows, _ = tables.observations("auto", data_dir)
    some = [o for o in rows if o.indicator_id in (POPULATION, ONLINE) and not o.breakdown]
    chosen = resolve(some, load_catalogue(), not_after=clock.today().year)
    return {
        (name, area): (float(c.value), c.year, c.observation.dataset_id)
        for (name, area, split), c in chosen.items()
        if not split and c.value is not None
    }


# --- Printing -----------------------------------------------------------------------------------------------------


def _lines(title: str, found: ConnectivityCost, without: dict[str, str], first: str) -> Iterator[str]:
    yield f"{title}: what it costs to bring {found.target_pct:g} % of people online."
    yield f"Grade {found.grade}: {found.basis}."
    if found.unverified:
        yield "UNVERIFIED: rests on sizes that were not checked against a source."
    shown = [*found.places, *([found.total] if found.total else [])]
    yield ""
    if len(shown) == 1:
        yield from _one(shown[0], first)
    else:
        yield from _many(shown)
    yield from (f"{code}: {why}." for code, why in without.items())
    yield from ("", *_basis(found), "", "Published estimates for the world, USD billion, each with its scope:")
    yield from _anchors(found)
    yield ""
    yield from found.notes


def _one(place: PlaceCost, first: str) -> Iterator[str]:
    yield f"{place.people:,.0f} people to connect: of {place.population:,.0f}, {place.online_pct:.4g} % are online."
    yield from ([f"  {place.note}"] if place.note else [])
    order = sorted(place.scopes, key=lambda s: s.scope != first)
    rows = [(s.scope, *_cells(s.low, s.central, s.high), s.reason) for s in order]
    yield from ("", *tables.columns(("scope", ">USD million", "low-high", ""), rows))
    if place.annuity is not None and place.capital is not None and place.running is not None:
        yield ""
        yield f"Capital USD {place.capital / 1e6:,.0f} million, or {place.annuity / 1e6:,.0f} million a year;"
        yield f"running costs USD {place.running / 1e6:,.0f} million a year (medians)."


def _many(places: list[PlaceCost]) -> Iterator[str]:
    head = ("area", ">people to connect", ">online %", *(f">{s.scope}, USD million" for s in places[0].scopes))
    rows = [
        (p.area, f"{p.people:,.0f}", f"{p.online_pct:.4g}", *(_span(s.low, s.central, s.high) for s in p.scopes))
        for p in places
    ]
    yield from tables.columns(head, rows)
    yield from dict.fromkeys(f"{s.scope}: {s.reason}." for p in places for s in p.scopes if s.reason)


def _cells(low: float | None, central: float | None, high: float | None) -> tuple[str, str]:
    if low is None or central is None or high is None:
        return "-", ""
    return f"{central / 1e6:,.0f}", f"{low / 1e6:,.0f}-{high / 1e6:,.0f}"


def _span(low: float | None, central: float | None, high: float | None) -> str:
    one, two = _cells(low, central, high)
    return f"{one} ({two})" if two else one


def _basis(found: ConnectivityCost) -> Iterator[str]:
    if found.years is not None:
        yield f"Present values over {found.years} years; devices last {found.device_years} years;"
        yield f"median and 5 to 95 % of {found.draws:,} draws."
        for p in found.parameters:
            source = f"{p.source.id}, {p.source.where}" if p.source else ""
            yield f"  {p.id} {p.value:g} {p.unit}, grade {p.grade}, {p.mark}: {source}"
        return
    from concordat.impact.connectivity.anchors import implied_unit_costs

    for cost in implied_unit_costs().values():
        yield f"  {cost.scope}: USD {cost.central:,.0f} a person ({cost.low:,.0f}-{cost.high:,.0f}), {cost.basis}"


def _anchors(found: ConnectivityCost) -> Iterator[str]:
    rows = []
    for a in found.anchors:
        total = f"{a.low:,.0f}" if a.low == a.high else f"{a.low:,.0f}-{a.high:,.0f}"
        rows.append((a.id, a.scope, total, a.mark, a.covers))
        for p in a.parts:
            part = f"{p.low:,g}" if p.low == p.high else f"{p.low:,g}-{p.high:,g}"
            rows.append(("", f"  {p.part}", part, p.mark, p.note))
        rows += [("", "", "", "", f"{case}: {change}") for case, change in a.cases]
    yield from tables.columns(("estimate", "scope", ">USD billion", "seen", "covers"), rows)


def _rows(found: ConnectivityCost) -> Iterator[tuple[Any, ...]]:
    for p in (*found.places, *([found.total] if found.total else [])):
        for s in p.scopes:
            yield (
                p.area, p.population, p.online_pct, found.target_pct, p.people, s.scope, s.low, s.central, s.high,
                s.reason, p.capital, p.annuity, p.running, found.grade, found.unverified, p.note,
            )  # fmt: skip
