"""How much of a member's trade hangs on one partner, at first and at second hand, and how concentrated it is.

    lists = lists_of(chosen, "import_partner_pct")    # of evidence.resolve: each area's newest list of partners
    for row in exposure(lists, members, to="CHN"):
        print(row.area, row.share, row.second, row.hhi)

Partner shares are of **all goods, not ICT**. Sources list the first partners only, so concentration is an interval.
With listed shares s, their rest r = 1 - sum s and the smallest listed share m, no partner that is not listed has more
than m: HHI is between sum s^2 (the rest spread without end) and sum s^2 + floor(r/m) m^2 + (r - m floor(r/m))^2 (the
rest in as few hands as can be). "Not listed" is at most m, and at most r; it is never 0. Second hand: E2 = sum over
partners j with a list of their own of s_ij s_jp, with the share of i's trade that those partners cover.

A vulnerability is a hit where a member's own list of components (CycloneDX) names the product. A large import share
from the supplier's country is a hint only. Source: exchange.md, section 8.5. What this does not say: which components
cross which border, or who would be harmed.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from concordat.errors import InputError, MethodError

ALL_GOODS = "Partner shares are of all goods, not ICT; sources list the first partners only."
LARGE = 0.20  # an import share from which on a hint is given; our own line
COMPONENTS_MAX = 200_000
_PARTNER = re.compile(r"partner=([A-Z]{3})")


@dataclass(frozen=True, slots=True)
class Partners:
    """An area's list of partners in one year.

    Attributes:
        year: of all its shares. shares: partner -> share of 1. ids: partner -> observation id.
    """

    area: str
    year: int
    shares: Mapping[str, float]
    ids: Mapping[str, str]

    @property
    def rest(self) -> float:
        """The share that nobody listed has; 0 where rounding makes the list more than 1."""
        return max(0.0, 1.0 - math.fsum(self.shares.values()))

    @property
    def smallest(self) -> float:
        """The smallest listed share."""
        return min(self.shares.values())


def lists_of(chosen: Mapping[tuple[str, str, str], Any], indicator: str) -> dict[str, Partners]:
    """The newest list of each area, from the figures that `evidence.resolve` chose.

    Only shares of one year go together: a partner of an older list is not in the newer one.
    """
    found: dict[str, list[tuple[int, str, float, str]]] = {}
    for (name, area, breakdown), one in sorted(chosen.items()):
        partner = _PARTNER.fullmatch(breakdown)
        if name == indicator and partner and one.value is not None and one.value > 0:
            found.setdefault(area, []).append((one.year, partner[1], one.value / 100, one.observation.obs_id))
    lists = {}
    for area, rows in sorted(found.items()):
        year = max(row[0] for row in rows)
        newest = [row for row in rows if row[0] == year]
        lists[area] = Partners(area, year, {p: share for _, p, share, _ in newest}, {p: obs for _, p, _, obs in newest})
    return lists


def hhi(partners: Partners) -> tuple[float, float]:
    """The interval of the Herfindahl-Hirschman index, of shares of 1.

    >>> low, high = hhi(Partners("BRA", 2023, {"CHN": 0.3, "USA": 0.2}, {}))
    >>> round(low, 4), round(high, 4)                # rest 0.5: two of 0.2 and one of 0.1 at most
    (0.13, 0.22)
    """
    low = math.fsum(s * s for s in sorted(partners.shares.values()))
    rest, smallest = partners.rest, partners.smallest
    whole = math.floor(rest / smallest + 1e-12)  # 0.6 / 0.2 is 2.9999999999999996
    left = max(0.0, rest - smallest * whole)
    return low, low + whole * smallest**2 + left**2


@dataclass(frozen=True, slots=True)
class Exposed:
    """One member's exposure to one partner.

    Attributes:
        share: of 1; None if the partner is not listed. upper: what it is at most. second: at second hand. covered: the
            share of trade whose partners have a list of their own. hhi: interval. year: of the list. ids: observations.
        largest: the three largest partners with their shares.
    """

    area: str
    share: float | None
    upper: float
    second: float
    covered: float
    hhi: tuple[float, float]
    year: int
    ids: tuple[str, ...]
    largest: tuple[tuple[str, float], ...]


def exposure(lists: Mapping[str, Partners], members: Iterable[str], to: str) -> list[Exposed]:
    """The exposure of each member that has a list, other than the partner itself; by member.

    Raises:
        MethodError: no member has a list.
    """
    wanted = sorted(set(members) - {to})
    found = [_exposed(lists, lists[area], to) for area in wanted if area in lists]
    if not found:
        what = "no list of partners is known for any of these members."
        hint = "Load one: concordat evidence show import_partner_pct tells what is loaded."
        raise MethodError(what, where=to, hint=hint, code="no_partners")
    return found


def _exposed(lists: Mapping[str, Partners], mine: Partners, to: str) -> Exposed:
    second, covered, ids = [], [], set(mine.ids.values())
    for partner, share in sorted(mine.shares.items()):
        theirs = lists.get(partner)
        if theirs is None or partner == to:
            continue
        covered.append(share)
        if to in theirs.shares:
            second.append(share * theirs.shares[to])
            ids.add(theirs.ids[to])
    share_of = mine.shares.get(to)
    upper = share_of if share_of is not None else min(mine.smallest, mine.rest)
    largest = tuple(sorted(mine.shares.items(), key=lambda item: (-item[1], item[0]))[:3])
    return Exposed(
        mine.area, share_of, upper, math.fsum(second), math.fsum(covered), hhi(mine), mine.year, tuple(sorted(ids)),
        largest,
    )  # fmt: skip


# --- Who holds a component --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Component:
    """A line of a component list, or a product that a vulnerability is in; what is not said is empty."""

    name: str
    version: str = ""
    supplier: str = ""
    cpe: str = ""


def components_of(data: bytes, where: str = "components") -> list[Component]:
    """The components of a CycloneDX list in JSON, those inside others too.

    Raises:
        InputError: not CycloneDX, or over 200,000 components.
    """
    from concordat.exchange.incidents.objects import read_json

    value = read_json(data, where)
    if not isinstance(value, dict) or value.get("bomFormat") != "CycloneDX":
        raise InputError("not a CycloneDX list.", where=where, hint='It begins {"bomFormat": "CycloneDX"}.', code="bom")
    found: list[Component] = []
    waiting = [value.get("components", [])]
    while waiting:
        listed = waiting.pop()
        if not isinstance(listed, list):
            raise InputError("components is not a list.", where=where, code="bom")
        for one in listed:
            if not isinstance(one, dict) or not isinstance(one.get("name"), str):
                raise InputError(f"a component without a name: {json.dumps(one)[:60]}", where=where, code="bom")
            supplier = one.get("supplier") or one.get("manufacturer") or {}
            said = supplier.get("name") if isinstance(supplier, dict) else None
            maker = str(said or one.get("publisher") or one.get("group") or "")
            found.append(Component(one["name"], str(one.get("version") or ""), maker, str(one.get("cpe") or "")))
            waiting.append(one.get("components", []))
        if len(found) > COMPONENTS_MAX:
            raise InputError(f"over {COMPONENTS_MAX:,} components.", where=where, code="too_large")
    return found


def products_of(objects: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[Component]]:
    """The vulnerability in a bundle, and the software that it speaks of, with its vendors.

    Raises:
        InputError: no vulnerability, several, or no software beside it.
    """
    vulnerabilities = [dict(one) for one in objects if one.get("type") == "vulnerability"]
    software = [one for one in objects if one.get("type") == "software"]
    if len(vulnerabilities) != 1 or not software:
        what = f"{len(vulnerabilities)} vulnerabilities and {len(software)} software objects in it."
        hint = "Give one vulnerability with the software it is in (STIX software: name, vendor, cpe)."
        raise InputError(what, where="bundle", hint=hint, code="vulnerability")
    listed = [Component(*(str(one.get(key) or "") for key in ("name", "version", "vendor", "cpe"))) for one in software]
    return vulnerabilities[0], listed


def holds(components: Iterable[Component], products: Sequence[Component]) -> list[Component]:
    """The components that are one of the products: same vendor and product in the CPE, or same name, and same supplier
    and version wherever both say one."""
    return [one for one in components if any(_same(one, product) for product in products)]


def _same(one: Component, product: Component) -> bool:
    if one.version and product.version and one.version != product.version:
        return False
    mine, theirs = _cpe(one.cpe), _cpe(product.cpe)
    if mine and theirs:
        return mine == theirs
    if _folded(one.name) != _folded(product.name):
        return False
    return not (one.supplier and product.supplier) or _folded(one.supplier) == _folded(product.supplier)


def _cpe(text: str) -> tuple[str, str] | None:
    """Vendor and product of a CPE 2.3 name."""
    parts = re.split(r"(?<!\\):", text)
    return (parts[3].lower(), parts[4].lower()) if len(parts) == 13 and parts[:2] == ["cpe", "2.3"] else None


def _folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


@dataclass(frozen=True, slots=True)
class Hit:
    """A member to tell. components: its own that hold the product; empty with a hint only. share: of its imports."""

    area: str
    components: tuple[Component, ...]
    share: float | None = None

    @property
    def hint_only(self) -> bool:
        """Nothing but a trade share speaks for it."""
        return not self.components


def affected(
    lists: Mapping[str, Sequence[Component]], products: Sequence[Component], partners: Mapping[str, Partners],
    members: Iterable[str], supplier_country: str = "",
) -> list[Hit]:  # fmt: skip
    """Members whose list holds a product, then those with a hint: a share of imports of 20 % or more; by member."""
    hits = {area: Hit(area, tuple(found)) for area in sorted(lists) if (found := holds(lists[area], products))}
    for area in sorted(set(members) - set(hits)):
        mine = partners.get(area)
        share = mine.shares.get(supplier_country) if mine and supplier_country else None
        if share is not None and share >= LARGE:
            hits[area] = Hit(area, (), share)
    return sorted(hits.values(), key=lambda hit: (hit.hint_only, hit.area))
