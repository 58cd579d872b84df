"""PPML on the Guide's panel against published coefficients and errors, and against pyfixest.

Published: the logs of the Stata programs of Yotov et al. 2016 (UNCTAD and WTO), seven digits, chapter 2, applications 1
and 2; the table of chapter 1, four decimals. All years: a run of pyfixest, six decimals. The clustered error of the
agreement, 0.1038, is not in the log, which prints the unclustered 0.055771: it is pyfixest's with clusters of unordered
pairs, and the same in ours.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from concordat.impact.estimation import FORMULAS, NOT_CORRECTED, Estimate, estimate
from concordat.impact.estimation_panel import TradePanel, parse_trade_panel
from concordat.impact.estimation_records import parameter_book

PUBLISHED = {  # coefficients, absolute tolerance, rows, rows left out
    "border_cross_section": ([-0.7912879, 0.6736456, -2.474450], 5e-7, 4761, 0),
    "rta_every_fourth_year": ([0.5571853], 5e-8, 28482, 84),
    "rta_all_years": ([0.547386], 5e-7, 99981, 0),
    "international_gravity": ([-0.8409, 0.4374, 0.2475, -0.2225], 5e-5, 28152, 0),
}
ERRORS = {  # formula, kind -> errors, absolute tolerance
    ("border_cross_section", "robust"): ([0.0501494, 0.1073719, 0.1193816], 1e-7),
    ("rta_every_fourth_year", "robust"): ([0.055771], 5e-7),
    ("rta_every_fourth_year", "pair"): ([0.1038], 5e-5),
    ("international_gravity", "pair"): ([0.0317, 0.0832, 0.0765, 0.1162], 5e-5),
}


@pytest.fixture(scope="module")
def panel(shared_data: Path) -> TradePanel:
    return parse_trade_panel((shared_data / "trade" / "agtpa_panel_69.csv.gz").read_bytes(), where="agtpa_panel_69")


@pytest.mark.parametrize("name", FORMULAS)
def test_published_coefficients(panel: TradePanel, name: str) -> None:
    values, tolerance, rows, left_out = PUBLISHED[name]
    found = estimate(panel, name)
    assert found.values == pytest.approx(values, abs=tolerance)
    assert (found.rows, len(found.dropped)) == (rows, left_out)
    assert found.converged
    assert (NOT_CORRECTED in found.notes) == name.startswith("rta")


@pytest.mark.parametrize(("name", "kind"), ERRORS)
def test_published_errors(panel: TradePanel, name: str, kind: str) -> None:
    errors, tolerance = ERRORS[name, kind]
    found = estimate(panel, name, covariance=kind)  # type: ignore[arg-type]
    assert found.standard_errors == pytest.approx(errors, abs=tolerance)


@pytest.mark.parametrize("name", ["border_cross_section", "rta_every_fourth_year", "international_gravity"])
def test_pyfixest_agrees_in_coefficients_covariance_and_rows(panel: TradePanel, name: str) -> None:
    pytest.importorskip("pyfixest", reason="needs the extra [gravity] or [oracles]")
    ours, theirs = estimate(panel, name), estimate(panel, name, engine="pyfixest")
    assert ours.values == pytest.approx(theirs.values, rel=1e-8)
    assert ours.covariance == pytest.approx(theirs.covariance, rel=1e-6, abs=1e-9)
    assert [d.line for d in ours.dropped] == [d.line for d in theirs.dropped]
    assert theirs.versions["pyfixest"]


def test_the_rows_left_out_are_the_seven_pairs_that_the_log_excludes(panel: TradePanel) -> None:
    """Of the log: "NER-PAN, MWI-MAC, NPL-MWI, PAN-MWI, NPL-CMR", 84 observations, 7 pair effects."""
    found = estimate(panel, "rta_every_fourth_year")
    pairs = {frozenset((d.exporter, d.importer)) for d in found.dropped}
    assert len(pairs) == 7
    named = [("NER", "PAN"), ("MWI", "MAC"), ("NPL", "MWI"), ("PAN", "MWI"), ("NPL", "CMR")]
    assert {frozenset(p) for p in named} <= pairs
    assert {d.reason for d in found.dropped} == {"in a group without any trade"}


def test_coefficients_become_parameters_with_their_covariance(panel: TradePanel) -> None:
    found: Estimate = estimate(panel, "international_gravity")
    book = parameter_book(found, covers=["goods"])
    record = book["international_gravity_lang"]
    assert record.value == pytest.approx(0.2475, abs=5e-5)
    assert record.distribution is not None
    assert record.distribution.sd == pytest.approx(0.0765, abs=5e-5)
    assert record.source is not None
    assert found.sha256 in record.source.url_or_doi
    ((ids, covariance),) = book.joint.values()
    assert ids[2] == "international_gravity_lang"
    assert np.array(covariance) == pytest.approx(found.covariance, rel=1e-12)
