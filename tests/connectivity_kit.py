"""Small series and plans that the tests on connectivity share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import yaml

from concordat.impact.connectivity.plan import Plan, parse_plan

Series = dict[str, dict[int, float]]


def spread_of(seed: int, *, areas: int = 40, first: int = 1990, last: int = 2020, noise: float = 0.15) -> Series:
    """Shares that rise on the logit scale, each area from a level and at a pace of its own, with noise."""
    rng = np.random.default_rng(seed)
    years = np.arange(first, last + 1)
    level, pace = rng.normal(-3.0, 1.0, areas), rng.normal(0.18, 0.03, areas)
    made: Series = {}
    for i in range(areas):
        z = level[i] + pace[i] * (years - first) + noise * rng.standard_t(4, years.size)
        made[f"A{i:02d}"] = {int(y): float(100 / (1 + np.exp(-v))) for y, v in zip(years, z, strict=True)}
    return made


def response(slopes: Iterable[float], widths: Iterable[float], **more: Any) -> dict[str, Any]:
    """A response as a plan has it, illustrative."""
    return {
        "segments": [{"width": w, "people_per_million": s} for s, w in zip(slopes, widths, strict=True)],
        "distribution": {"kind": "lognormal", "sigma": 0.3},
        "source": {"id": "demo", "where": "illustrative", "url_or_doi": "none"},
        "grade": "D",
    } | more


def area(name: str, slopes: Iterable[float], widths: Iterable[float], **more: Any) -> dict[str, Any]:
    """A country as a plan has it; `more` may hold `response`."""
    base = {"area": name, "population": 10_000_000.0, "online_pct": 20.0, "figures_source": "illustrative"}
    return base | {"response": response(slopes, widths)} | more


def plan_text(areas: list[dict[str, Any]], **more: Any) -> str:
    """The text of a plan."""
    base = {"schema": "concordat/allocation-plan@1", "plan": "demo", "title": "A demo", "budget": 10.0}
    tail = {"objective": "people", "draws": 0, "allow_unverified": True, "areas": areas}
    whole = json.loads(json.dumps(base | tail | more))  # a record used twice is written twice, not as an alias
    return yaml.safe_dump(whole, sort_keys=False)


def plan_of(areas: list[dict[str, Any]], **more: Any) -> Plan:
    """A plan, parsed."""
    return parse_plan(plan_text(areas, **more))


def random_plan(seed: int, *, count: int = 4, segments: int = 3, **more: Any) -> Plan:
    """A plan of random countries whose responses stay below the people offline."""
    rng = np.random.default_rng(seed)
    areas = []
    for i in range(count):
        slopes = np.sort(rng.integers(1, 9, segments) * 1000.0)[::-1]
        widths = rng.integers(1, 5, segments).astype(float)
        areas.append(
            area(
                f"A{i}",
                [float(s) for s in slopes],
                [float(w) for w in widths],
                population=float(rng.integers(2, 40)) * 1e6,
                online_pct=float(rng.integers(10, 80)),
                gdp_usd_million=float(rng.integers(1, 90)) * 1e3,
            )
        )
    return plan_of(areas, **more)
