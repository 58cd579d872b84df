"""Concentration as an interval, second hand, and who holds a component."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest

from concordat.errors import InputError, MethodError
from concordat.exchange.incidents.exposure import (
    Component,
    Partners,
    affected,
    components_of,
    exposure,
    hhi,
    holds,
    lists_of,
    products_of,
)


def partners(area: str, **shares: float) -> Partners:
    """A list with ids of observations."""
    return Partners(area, 2023, shares, {p: f"{area}-{p}" for p in shares})


LISTS = {
    "BRA": partners("BRA", CHN=0.3, USA=0.2, ARG=0.1),
    "ARG": partners("ARG", BRA=0.25, CHN=0.2),
    "USA": partners("USA", CAN=0.2, MEX=0.15, CHN=0.1),
    "IND": partners("IND", RUS=0.5, ARE=0.5),
}

# Worked out by hand after exchange.md 8.5.
INTERVALS = [
    ({"CHN": 0.3, "USA": 0.2}, 0.13, 0.13 + 2 * 0.04 + 0.01),  # rest 0.5: two of 0.2, one of 0.1
    ({"CHN": 0.6}, 0.36, 0.36 + 0.16),  # rest 0.4, below the smallest: one hand
    ({"CHN": 0.5, "USA": 0.5}, 0.5, 0.5),  # nothing left
    ({"CHN": 0.25}, 0.0625, 0.25),  # three more like it
    ({"CHN": 0.6, "USA": 0.42}, 0.36 + 0.1764, 0.36 + 0.1764),  # rounding: the list is more than 1
]


@pytest.mark.parametrize(("shares", "low", "high"), INTERVALS)
def test_concentration_is_an_interval(shares: dict[str, float], low: float, high: float) -> None:
    found = hhi(Partners("BRA", 2023, shares, {}))
    assert math.isclose(found[0], low, abs_tol=1e-12)
    assert math.isclose(found[1], high, abs_tol=1e-9)


def test_first_and_second_hand() -> None:
    rows = {row.area: row for row in exposure(LISTS, ["BRA", "IND", "ZAF"], to="CHN")}
    brazil, india = rows["BRA"], rows["IND"]
    assert brazil.share == 0.3
    assert math.isclose(brazil.second, 0.2 * 0.1 + 0.1 * 0.2)  # through the USA and Argentina
    assert math.isclose(brazil.covered, 0.3)  # they are 30 % of its trade; China's own list isn't asked
    assert brazil.largest == (("CHN", 0.3), ("USA", 0.2), ("ARG", 0.1))
    assert set(brazil.ids) == {"BRA-CHN", "BRA-USA", "BRA-ARG", "USA-CHN", "ARG-CHN"}
    assert (india.share, india.second, india.covered) == (None, 0, 0)
    assert "ZAF" not in rows


def test_not_listed_is_at_most_the_smallest_and_at_most_the_rest() -> None:
    wide = exposure({"BRA": partners("BRA", USA=0.4, ARG=0.05)}, ["BRA"], to="CHN")[0]
    full = exposure({"BRA": partners("BRA", USA=0.9, ARG=0.08)}, ["BRA"], to="CHN")[0]
    assert wide.upper == 0.05
    assert math.isclose(full.upper, 0.02)


def test_without_a_list_nothing_is_computed() -> None:
    with pytest.raises(MethodError, match="no list"):
        exposure(LISTS, ["ZAF"], to="CHN")


def test_only_the_newest_year_of_an_area_goes_together() -> None:
    def one(year: int, value: float | None) -> Any:
        return SimpleNamespace(year=year, value=value, observation=SimpleNamespace(obs_id=f"o{year}{value}"))

    chosen = {
        ("import_partner_pct", "BRA", "partner=CHN"): one(2023, 30.0),
        ("import_partner_pct", "BRA", "partner=USA"): one(2021, 20.0),  # of an older list
        ("import_partner_pct", "BRA", "partner=ARG"): one(2023, None),
        ("export_partner_pct", "BRA", "partner=DEU"): one(2023, 9.0),
        ("import_partner_pct", "BRA", ""): one(2023, 100.0),
    }
    assert lists_of(chosen, "import_partner_pct") == {"BRA": Partners("BRA", 2023, {"CHN": 0.3}, {"CHN": "o202330.0"})}


# --- Components -------------------------------------------------------------------------------------------------------

CPE = "cpe:2.3:a:acme:switch_os:{}:*:*:*:*:*:*:*"


def bom(*components: dict[str, Any]) -> bytes:
    """A CycloneDX list."""
    return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": list(components)}).encode()


def test_a_list_of_components_is_read_to_its_depths() -> None:
    inner = {"name": "zlib", "version": "1.3", "publisher": "zlib.net"}
    found = components_of(
        bom({"name": "Switch-OS", "version": "4.1", "supplier": {"name": "Acme"}, "components": [inner]})
    )
    assert found == [Component("Switch-OS", "4.1", "Acme"), Component("zlib", "1.3", "zlib.net")]


@pytest.mark.parametrize("data", [b"{}", b"[]", bom({"version": "1"}), b'{"bomFormat": "CycloneDX", "components": 1}'])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        components_of(data)


PRODUCT = Component("Switch OS", "4.1", "Acme", CPE.format("4.1"))
SAME = [
    (Component("other name", "4.1", "", CPE.format("4.1")), True),  # the CPE decides
    (Component("switch-os", "4.1", "ACME"), True),
    (Component("switch-os", "", ""), True),  # nothing contradicts it
    (Component("switch-os", "4.2", "Acme"), False),
    (Component("switch-os", "4.1", "Other Ltd"), False),
    (Component("switch-os", "4.1", "Acme", "cpe:2.3:a:acme:router_os:4.1:*:*:*:*:*:*:*"), False),
    (Component("switch", "4.1", "Acme"), False),
]


@pytest.mark.parametrize(("component", "same"), SAME, ids=[str(i) for i in range(len(SAME))])
def test_which_component_is_the_product(component: Component, same: bool) -> None:
    assert bool(holds([component], [PRODUCT])) is same


def test_a_vulnerability_names_holders_first_and_hints_after() -> None:
    lists = {"BRA": [PRODUCT], "ZAF": [Component("unrelated")]}
    trade = {"IND": partners("IND", CHN=0.25), "ZAF": partners("ZAF", CHN=0.19), "BRA": LISTS["BRA"]}
    hits = affected(lists, [PRODUCT], trade, ["BRA", "IND", "ZAF"], "CHN")
    assert [(hit.area, hit.hint_only, hit.share) for hit in hits] == [("BRA", False, None), ("IND", True, 0.25)]


def test_a_bundle_tells_vulnerability_and_software() -> None:
    software = {"type": "software", "name": "Switch OS", "version": "4.1", "vendor": "Acme", "cpe": CPE.format("4.1")}
    found, products = products_of([{"type": "vulnerability", "name": "CVE-2026-1"}, software])
    assert (found["name"], products) == ("CVE-2026-1", [PRODUCT])
    with pytest.raises(InputError, match="0 software"):
        products_of([{"type": "vulnerability", "name": "CVE-2026-1"}])
