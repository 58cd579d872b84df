"""A plan file: what it may hold, and what is refused with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from concordat.errors import ConcordatError, InputError, MethodError
from concordat.impact.connectivity import plan as module
from concordat.impact.connectivity.plan import parse_plan
from connectivity_kit import area, plan_of, plan_text, response

TWO = [area("AAA", [9000.0, 4000.0], [4.0, 4.0]), area("BBB", [7000.0], [5.0])]


def test_a_plan_is_read() -> None:
    plan = plan_of(TWO, objective="gap", frontier_pct=90.0, earmarks=[{"donor": "D", "areas": ["BBB"], "minimum": 2}])
    assert plan.areas[0].slopes == (9000.0, 4000.0)
    assert plan.areas[0].offline == 8_000_000
    assert plan.areas[1].online == 2_000_000
    assert plan.earmarks[0].areas == ("BBB",)
    assert plan.unverified == ("AAA", "BBB")
    assert len(plan.sha256) == 64


def changed(**more: Any) -> list[dict[str, Any]]:
    return [TWO[0] | more, TWO[1]]


@pytest.mark.parametrize(
    ("areas", "more", "error", "code", "said"),
    [
        (TWO, {"budgit": 5}, InputError, "unknown_key", 'Did you mean "budget"'),
        (changed(absorbtion_max=5), {}, InputError, "unknown_key", 'Did you mean "absorption_max"'),
        ([TWO[0], TWO[0]], {}, InputError, "duplicate_area", "AAA stands twice"),
        (
            changed(response=response([4000.0, 9000.0], [1.0, 1.0])),
            {},
            InputError,
            "not_concave",
            "9000 people a million",
        ),
        (changed(response=response([9000.0], [1000.0])), {}, InputError, "more_than_offline", "8,000,000 are offline"),
        (TWO, {"objective": "gap"}, InputError, "frontier", "needs frontier_pct"),
        (TWO, {"objective": "gap", "frontier_pct": 20}, InputError, "frontier", "at or above the frontier"),
        (
            TWO,
            {"objective": "gdp", "gdp_parameter": "fixed_broadband_gdp"},
            InputError,
            "gdp",
            "gdp_usd_million of AAA",
        ),
        (changed(online_pct=0.0), {"objective": "theil"}, InputError, "nobody", "nobody online"),
        (TWO, {"objective": "welfare"}, InputError, "invalid", "objective"),
        (TWO, {"budget": 0}, InputError, "invalid", "budget"),
        (TWO, {"earmarks": [{"donor": "D", "areas": ["AAB"], "minimum": 1}]}, InputError, "unknown_area", 'mean "AAA"'),
        (TWO, {"earmarks": [{"donor": "D", "areas": ["AAA"]}]}, InputError, "earmark", "neither minimum nor maximum"),
        (
            changed(response=response([1.0], [1.0], grade=None)),
            {},
            MethodError,
            "no_grade",
            "response_AAA has no grade",
        ),
        (changed(response=response([1.0], [1.0], source=None)), {}, MethodError, "no_source", "has no source"),
        (changed(response=response([1.0], [1.0], distribution=None)), {}, MethodError, "no_distribution", "no distr"),
        (TWO, {"allow_unverified": False}, MethodError, "unverified", "response_AAA is unverified"),
        (
            changed(response=response([1.0], [1.0], distribution={"kind": "triangular", "low": 2, "high": 3})),
            {},
            InputError,
            "distribution",
            "lies outside",
        ),
    ],
)
def test_what_is_refused(areas: Any, more: Any, error: type[ConcordatError], code: str, said: str) -> None:
    with pytest.raises(error) as found:
        parse_plan(plan_text(areas, **more), where="plan.yaml")
    assert found.value.code == code
    assert said in str(found.value)
    assert "plan.yaml" in str(found.value)


def test_the_schema_that_ships_is_the_one_of_the_model() -> None:
    stored = Path(module.__file__).parents[1] / "schema" / "allocation-plan-1.json"
    assert json.loads(stored.read_text(encoding="utf-8")) == module.json_schema()


def test_the_hash_is_of_the_bytes() -> None:
    text = plan_text(TWO)
    assert parse_plan(text).sha256 == parse_plan(text.encode()).sha256
    assert parse_plan(text + "\n").sha256 != parse_plan(text).sha256
    assert yaml.safe_load(text)["plan"] == "demo"
