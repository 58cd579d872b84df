"""The certificate finds what is wrong with a result, whoever made it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from concordat import canonical
from concordat.errors import MethodError, TrustError
from concordat.impact.certificate import Hashes
from concordat.impact.sectors import SectorEquilibrium, solve_sectors
from concordat.impact.sectors_certificate import acr_gap, certify, from_value, residuals, verify_sectors
from sectors_kit import random_shock, random_world, toy


@pytest.fixture(scope="module")
def found() -> SectorEquilibrium:
    model = random_world(11)
    return solve_sectors(model, **random_shock(model, 12))  # type: ignore[arg-type]


def test_it_verifies_and_survives_json(found: SectorEquilibrium) -> None:
    certificate = replace(found, hashes=Hashes("d" * 64, "e" * 64, ("p",), ("agtpa-2016",))).certificate
    verify_sectors(certificate, found.model, found)
    text = canonical.dumps(certificate.to_value(), floats=True)
    assert from_value(canonical.loads(text, floats=True)) == certificate
    assert certificate.residual_max < 1e-10
    assert certificate.residual_max == max(residuals(found).values())
    assert certificate.model == found.model.digest


@pytest.mark.parametrize("name", ["wage", "price", "spending", "flows", "income", "revenue"])
def test_a_wrong_number_anywhere_is_found(found: SectorEquilibrium, name: str) -> None:
    values = np.array(getattr(found, name))
    place = np.unravel_index(int(np.argmax(values)), values.shape)
    values[place] *= 1 + 1e-7
    with pytest.raises(MethodError) as caught:
        certify(replace(found, **{name: values}))
    assert caught.value.code == "residual"


def test_not_a_number_is_no_residual(found: SectorEquilibrium) -> None:
    with pytest.raises(MethodError):
        certify(replace(found, wage=found.wage * np.nan))


@pytest.mark.parametrize("name", ["acr_gap", "steps", "shock", "theta_max", "second_solver"])
def test_a_changed_certificate_is_found(found: SectorEquilibrium, name: str) -> None:
    certificate = found.certificate
    changed = {"acr_gap": 0.1, "steps": 1, "shock": "0" * 64, "theta_max": 1.0, "second_solver": 1e-13}[name]
    with pytest.raises(TrustError, match=name):
        verify_sectors(replace(certificate, **{name: changed}), found.model, found)


def test_another_model_is_found(found: SectorEquilibrium) -> None:
    with pytest.raises(TrustError) as caught:
        verify_sectors(found.certificate, found.model.with_theta(5.0), found)
    assert caught.value.code == "model"


def test_of_zero_first_both_steps_are_held_to_the_equations() -> None:
    model = toy()
    found = solve_sectors(model, cost_change=0.9, deficits="zero_first")
    certificate = found.certificate
    assert certificate.base_residual is not None
    assert certificate.base_residual < 1e-10
    assert certificate.model == model.digest
    verify_sectors(certificate, model, found)
    assert found.first_step is not None
    with pytest.raises(TrustError) as caught:
        verify_sectors(certificate, model, replace(found, model=replace(found.model, flows=model.flows)))
    assert caught.value.code == "base"


def test_real_wages_follow_from_home_shares() -> None:
    """Arkolakis, Costinot and Rodriguez-Clare (2012) with materials: an identity that no solver uses."""
    for seed in range(5):
        model = random_world(seed)
        gap, economies = acr_gap(solve_sectors(model, **random_shock(model, seed)))  # type: ignore[arg-type]
        assert gap is not None
        assert gap < 1e-12
        assert economies == 5


def test_where_a_needed_sector_has_no_home_deliveries_the_identity_says_nothing() -> None:
    flows = np.array(toy().flows)
    flows[0, 1, 1] = 0
    flows[0, 1, 0] += 100
    gap, economies = acr_gap(solve_sectors(toy(flows=flows), cost_change=0.9))
    assert gap is not None
    assert gap < 1e-12
    assert economies == 2
