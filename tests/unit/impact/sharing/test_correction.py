"""Transfers that move prices: corrected in a few rounds, and honest about what is left."""

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.sharing import transfers_in_equilibrium
from impact_sharing_kit import CONE_NUCLEOLUS, CONE_OWN, cone

OWN = np.array(CONE_OWN) + (cone().total - sum(CONE_OWN)) / 4
WANTED = np.array(CONE_NUCLEOLUS) + (cone().total - sum(CONE_NUCLEOLUS)) / 4


def test_without_price_effects_the_first_try_is_right() -> None:
    found = transfers_in_equilibrium(cone(), WANTED, OWN, lambda t: OWN + t)
    assert found.rounds == 1
    assert found.converged
    assert found.transfers == pytest.approx(WANTED - OWN, abs=1e-9)
    assert found.secondary == pytest.approx(np.zeros(4), abs=1e-9)
    assert found.shortfall == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_what_a_payment_moves_is_learnt(seed: int) -> None:
    """Linear effects of up to 10 %: five rounds bring the gap, but for the shared part, to a thousandth at most."""
    effect = np.eye(4) + np.random.Generator(np.random.PCG64(seed)).uniform(-0.1, 0.1, (4, 4))
    found = transfers_in_equilibrium(cone(), WANTED, OWN, lambda t: OWN + effect @ t)
    assert found.rounds <= 5
    assert found.transfers.sum() == pytest.approx(0, abs=1e-9)
    assert found.history[-1] <= 1e-3 * found.history[0]
    own_part = found.gap - found.gap.mean()
    assert np.abs(own_part).max() == pytest.approx(min(found.history), abs=1e-9)
    assert found.shortfall == pytest.approx((WANTED - found.achieved).sum(), abs=1e-9)
    assert found.achieved == pytest.approx(OWN + found.transfers + found.secondary, abs=1e-9)


def test_what_members_lose_together_stays_a_gap_and_is_said() -> None:
    found = transfers_in_equilibrium(cone(), WANTED, OWN, lambda t: OWN + t - 2.0)
    assert found.gap == pytest.approx([2, 2, 2, 2], abs=1e-9)
    assert found.shortfall == pytest.approx(8, abs=1e-9)
    assert "members together have 8 less than without transfers" in found.words()


def test_rounds_are_bounded_and_the_best_is_kept() -> None:
    asked = []

    def wild(t: np.ndarray) -> np.ndarray:
        asked.append(t)
        size = [1.0, 40.0, -40.0, 70.0, -70.0][len(asked) - 1]
        return OWN + t + size * np.array([1, -1, 1, -1])

    found = transfers_in_equilibrium(cone(), WANTED, OWN, wild)
    assert len(asked) == found.rounds == 5
    assert not found.converged
    assert np.abs(found.gap).max() == pytest.approx(1, abs=1e-9)
    assert found.transfers.tolist() == asked[0].tolist()


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(MethodError, match="no gains"):
        transfers_in_equilibrium(cone(), WANTED, OWN, lambda t: np.full(4, np.nan))
    with pytest.raises(InputError, match="adds up to"):
        transfers_in_equilibrium(cone(), WANTED + 1, OWN, lambda t: OWN + t)
    with pytest.raises(InputError, match="0 rounds"):
        transfers_in_equilibrium(cone(), WANTED, OWN, lambda t: OWN + t, rounds=0)
