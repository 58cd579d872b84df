"""The record: what its two hashes are over, which rows are refused, what is kept as it was given."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.errors import InputError, SourceError
from concordat.evidence.observation import (
    COLUMNS,
    MISSING_REASONS,
    Observation,
    breakdown_text,
    check_observation,
    obs_id_of,
    row_hash_of,
)

Observe = Callable[..., Observation]
DAY, OTHER_DAY = date(2023, 1, 1), date(2023, 12, 31)
# Specification of evidence, section 4.
COLUMNS_OF_SPECIFICATION = (
    "obs_id indicator_id area area_type period_start period_end freq value lower upper censoring precision unit "
    "unit_mult decimals breakdown obs_status nature conf_status missing_reason note source_id dataset_id series_key "
    "vintage_id known_from retrieved_at raw_sha256 raw_locator parser_version processing_level derived_from derived_by "
    "row_hash"
)
REASONS_OF_SPECIFICATION = {
    "not_published", "not_applicable", "censored", "withheld", "source_conflict", "low_coverage", "unparsed", "stale",
    "uninhabited", "parts_of_different_years",
}  # fmt: skip


def sha(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def test_columns_are_those_of_the_specification_in_its_order() -> None:
    assert " ".join(COLUMNS) == COLUMNS_OF_SPECIFICATION


def test_obs_id_is_the_hash_of_what_is_measured(observe: Observe) -> None:
    o = observe(78.0, "CHN", 2023, source="cia_factbook", breakdown="sex=F")
    wanted = sha(
        "internet_users_pct", "CHN", "2023-01-01", "2023-12-31", "sex=F", "percent", "cia_factbook", "cia_factbook"
    )
    assert o.obs_id == wanted


def test_row_hash_is_the_hash_of_what_was_said(observe: Observe) -> None:
    o = observe(78.5, lower=78.0, upper=79.0, obs_status="E", conf_status="N")
    assert o.row_hash == sha(o.obs_id, "78.5", "78", "79", "none", "E", "N")
    censored = observe(None, lower=0.0, upper=1.0, censoring="below")
    assert censored.row_hash == sha(censored.obs_id, "", "0", "1", "below", "A", "F")


@pytest.mark.parametrize(
    ("one", "other"),
    [(0.0, -0.0), (78, 78.0), (2**60, float(2**60)), (10**21, 1e21), (0.1 + 0.2, 0.30000000000000004)],
)
def test_equal_numbers_have_one_hash(observe: Observe, one: float, other: float) -> None:
    assert observe(one).row_hash == observe(other).row_hash


def test_neighbouring_doubles_have_two_hashes(observe: Observe) -> None:
    assert observe(78.5).row_hash != observe(math.nextafter(78.5, 79)).row_hash


def test_dollars_of_two_years_are_two_series_never_a_revision(observe: Observe) -> None:
    of_2014 = observe(9.0, indicator_id="gdp_ppp_intl_2021", unit="intl_usd_2014")
    of_2021 = observe(9.0, indicator_id="gdp_ppp_intl_2021", unit="intl_usd_2021")
    assert of_2014.obs_id != of_2021.obs_id


def test_two_vintages_of_one_figure_share_its_id_and_not_its_hash(observe: Observe) -> None:
    old, new = observe(58.0, "IRQ", 2015, vintage_id="2020-10"), observe(15.2, "IRQ", 2015, vintage_id="2026-03")
    assert old.obs_id == new.obs_id
    assert old.row_hash != new.row_hash


@pytest.mark.parametrize("name", ["indicator_id", "area", "breakdown", "unit", "source_id", "dataset_id"])
def test_a_text_that_could_shift_the_key_is_refused(name: str) -> None:
    key: dict[str, Any] = dict.fromkeys(("indicator_id", "area", "breakdown", "unit", "source_id", "dataset_id"), "x")
    with pytest.raises(SourceError, match=r"U\+001F"):
        obs_id_of(**(key | {name: "x\x1fy"}), period_start=DAY, period_end=OTHER_DAY)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "exactly one of a value, a censored interval, a missing reason"),
        ({"value": 5.0, "missing_reason": "withheld"}, "exactly one of"),
        ({"lower": 0.0, "censoring": "below"}, "exactly one of"),
        ({"upper": 1.0, "censoring": "below"}, "exactly one of"),
        ({"lower": 0.0, "upper": 1.0}, "exactly one of"),
        ({"lower": 0.0, "upper": 1.0, "censoring": "below", "missing_reason": "censored"}, "beside a bound"),
        ({"lower": 0.0, "missing_reason": "withheld"}, "beside a bound"),
        ({"lower": 0.0, "upper": 1.0, "missing_reason": "withheld"}, "beside a bound"),
        ({"missing_reason": "lost"}, "unknown reason 'lost'"),
        ({"missing_reason": ""}, "unknown reason ''"),
        ({"value": 5.0, "lower": 6.0}, "lower is above the value"),
        ({"value": 5.0, "upper": 4.0}, "upper is below the value"),
        ({"lower": 2.0, "upper": 1.0, "censoring": "interval"}, "lower is above upper"),
        ({"value": 5.0, "period_start": date(2025, 1, 1)}, "ends before it starts"),
        ({"value": 5.0, "censoring": "left"}, "unknown censoring 'left'"),
        ({"value": 5.0, "area_type": "continent"}, "unknown area type 'continent'"),
        ({"value": 5.0, "nature": "X"}, "unknown nature 'X'"),
        ({"value": 5.0, "conf_status": "f"}, "unknown conf_status 'f'"),
        ({"value": 5.0, "precision": -0.5}, "precision is below zero"),
        ({"value": 5.0, "precision": math.nan}, "a number is NaN or infinite"),
        ({"value": 5.0, "precision": math.inf}, "a number is NaN or infinite"),
    ],
)
def test_a_row_that_says_nothing_or_two_things_is_refused_with_its_place(
    observe: Observe, columns: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceError) as caught:
        observe(**{"value": None, **columns})
    assert caught.value.code == "invariant"
    assert words in str(caught.value)
    assert str(caught.value).startswith("worldbank_wdi row 2: internet_users_pct of BRA in 2024")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["value", "lower", "upper"])
def test_nan_and_infinities_have_no_hash_and_pass_no_check(observe: Observe, name: str, number: float) -> None:
    said: dict[str, Any] = {"value": None, "lower": None, "upper": None} | {name: number}
    with pytest.raises(InputError, match="not a number that can be written"):
        row_hash_of(obs_id="x", **said, censoring="interval", obs_status="A", conf_status="F")
    good = observe(5.0)
    columns = {column: getattr(good, column) for column in COLUMNS} | {name: number}
    with pytest.raises(SourceError, match="a number is NaN or infinite"):
        check_observation(Observation(**columns))


@pytest.mark.parametrize("reason", sorted(REASONS_OF_SPECIFICATION))
def test_each_missing_reason_stands_alone(observe: Observe, reason: str) -> None:
    o = observe(None, missing_reason=reason)
    assert (o.value, o.missing_reason) == (None, reason)


def test_there_is_no_other_missing_reason() -> None:
    assert set(MISSING_REASONS) == REASONS_OF_SPECIFICATION


@pytest.mark.parametrize("code", [*"ABDEFGHIJKLMNOPQSUVWX", "Z", "e", "", "?", "預"])
def test_status_codes_are_kept_as_they_were_given(observe: Observe, code: str) -> None:
    assert observe(5.0, obs_status=code).obs_status == code


def test_a_fiscal_year_counts_as_the_year_it_ends_in(observe: Observe) -> None:
    assert observe(5.0, period_start=date(2022, 7, 1), period_end=date(2023, 6, 30)).year == 2023


def test_one_day_is_a_period(observe: Observe) -> None:
    assert observe(5.0, period_start=DAY, period_end=DAY).key[3:] == (DAY, DAY)


def test_a_row_can_not_be_changed(observe: Observe) -> None:
    with pytest.raises(FrozenInstanceError):
        observe(5.0).value = 6.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("parts", "text"),
    [({}, ""), ({"sex": "F"}, "sex=F"), ({"sex": "F", "loc": "rural"}, "loc=rural;sex=F")],
)
def test_breakdowns_are_written_with_sorted_keys(parts: dict[str, str], text: str) -> None:
    assert breakdown_text(parts) == text
    assert breakdown_text(dict(reversed(parts.items()))) == text


def test_the_moment_of_retrieval_is_in_no_hash(observe: Observe) -> None:
    early = observe(5.0, retrieved_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert (early.obs_id, early.row_hash) == (observe(5.0).obs_id, observe(5.0).row_hash)
