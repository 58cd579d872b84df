"""Fitted flows: exact margins, the pattern kept, and resistances that reproduce the flows."""

from __future__ import annotations

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.impact.baseline import fitted
from concordat.impact.measures import bloc_change, outsiders
from impact_kit import small


def test_margins_are_exact_and_resistances_reproduce_the_flows() -> None:
    scores = np.array([[0.0, -2, -3], [-2, 0, -1], [-3, -1, 0]])
    table = small()
    found = fitted(table, scores)
    assert np.abs(found.table.output / table.output - 1).max() < 1e-12
    assert np.abs(found.table.expenditure / table.expenditure - 1).max() < 1e-12
    again = np.exp(scores) * np.outer(table.output, table.expenditure) / np.outer(found.outward, found.inward)
    assert np.abs(again / found.table.flows - 1).max() < 1e-12
    assert found.inward[2] == pytest.approx(1)


def test_equal_scores_give_flows_in_proportion() -> None:
    table = small()
    found = fitted(table, np.zeros((3, 3)))
    share = np.outer(table.output, table.expenditure) / table.output.sum()
    assert np.abs(found.table.flows / share - 1).max() < 1e-12


def test_scores_that_cant_be() -> None:
    with pytest.raises(InputError, match=r"scores of \(2, 2\)"):
        fitted(small(), np.zeros((2, 2)))
    with pytest.raises(InputError, match="values that are no numbers"):
        fitted(small(), np.full((3, 3), np.nan))
    only = np.full((3, 3), -np.inf)
    np.fill_diagonal(only, 0)
    with pytest.raises(MethodError, match="margins stay"):
        fitted(small(), only)


def test_a_bloc_is_shown_weighted_and_unweighted_and_outsiders_by_name() -> None:
    factors = np.array([1.01, 1.03, 0.99])  # expenditure 820, 380, 200
    bloc = bloc_change(small(), factors, ["AAA", "BBB"])
    assert bloc.weighted_pct == pytest.approx(100 * (8.2 + 11.4) / 1200)
    assert bloc.unweighted_pct == pytest.approx(2)
    others = outsiders(small(), factors, ["AAA", "BBB"])
    assert (others.count, others.losing, others.worst) == (1, 1, "CCC")
    assert others.net == pytest.approx(-2)
    assert others.worst_pct == pytest.approx(-1)
    assert outsiders(small(), factors, ["AAA", "BBB", "CCC"]).count == 0
