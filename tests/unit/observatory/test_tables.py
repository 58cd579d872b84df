"""Figures of one's own and of a release become one panel by the same rules: years, bounds, intervals, empty cells."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from concordat.errors import InputError, SourceError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.observation import Observation, make_observation
from concordat.observatory.batch import error_draws, stream
from concordat.observatory.bind import bind, from_table
from concordat.observatory.graph import Graph
from concordat.observatory.panel import Panel, Reason
from concordat.observatory.reference import reference_scores
from concordat.observatory.run import run
from concordat.observatory.spec import IndexSpec
from concordat.observatory.uncertainty import uncertainty

LAST = "  - normalise: {method: minmax}\n  - aggregate: {default: arithmetic}\n"


def spec(indicators: str, *, data: str = "", steps: str = "", more: str = "", units: str = "") -> IndexSpec:
    head = "schema: concordat/index@1\nindex: t\ntitle: T\n"
    head += f"data: {{{data}}}\n" if data else ""
    head += f"units: {{countries: [{units}]}}\n" if units else ""
    tree = f"tree:\n  - pillar: a\n    indicators: [{indicators}]\n"
    return IndexSpec.from_yaml(f"{head}{tree}steps:\n{steps}{LAST}{more}", where="t.yaml")


def told(made: IndexSpec, text: str) -> InputError:
    with pytest.raises(InputError) as error:
        from_table(made, text, where="mine.csv")
    return error.value


# --- Denominators ---

PER_HEAD = "  - denominate: {lines: {by: people, per: 100}}\n"
LINES = "{id: lines, direction: up}"


@pytest.mark.parametrize(
    ("rule", "people"), [("take: latest", [200, 400]), ("take: latest, max_age: 2", [200, np.nan])]
)
def test_a_denominator_is_of_the_latest_year_as_an_indicator_is(rule: str, people: list[float]) -> None:
    made = spec(LINES, data=f"years: 2015..2024, {rule}", steps=PER_HEAD)
    text = "unit,year,lines,people\nP,2024,20,\nP,2022,10,200\nP,2014,1,1\nQ,2024,40,\nQ,2021,5,400\nQ,2025,9,9\n"
    panel = from_table(made, text)
    np.testing.assert_array_equal(panel.denominators["people"], [people])
    np.testing.assert_array_equal(panel.values[0, :, 0], [20, 40])


def test_in_a_panel_a_denominator_is_of_the_very_year() -> None:
    made = spec(LINES, data="years: 2023..2024, take: panel", steps=PER_HEAD)
    panel = from_table(made, "unit,year,lines,people\nP,2023,1,200\nP,2024,20,\nQ,2023,2,400\nQ,2024,4,500\n")
    np.testing.assert_array_equal(panel.denominators["people"], [[200, 400], [np.nan, 500]])


def test_the_newest_year_is_that_of_an_indicator_not_of_what_it_is_divided_by() -> None:
    made = spec(LINES, steps=PER_HEAD)
    panel = from_table(made, "unit,year,lines,people\nP,2023,1,200\nP,2026,,300\nQ,2023,2,400\n")
    assert panel.years == (2023,)
    np.testing.assert_array_equal(panel.denominators["people"], [[200, 400]])


def test_what_is_already_relative_is_not_divided_in_a_table_either() -> None:
    made = spec("{id: lines, direction: up, unit: percent}", steps=PER_HEAD)
    assert "already relative" in str(told(made, "unit,lines,people\nP,1,2\nQ,2,3\n"))


# --- take: common ---

TWO = "{id: x, direction: up}, {id: y, direction: up}"
PACED = "unit,year,x,y\n" + "".join(
    f"{u},{year},{x},{y}\n"
    for u, year, x, y in [
        ("P", 2022, 1, 10), ("P", 2023, 2, 20), ("P", 2024, 3, ""),
        ("Q", 2022, 4, 40), ("Q", 2023, 5, ""), ("Q", 2024, "", 60),
        ("R", 2022, 7, 70), ("R", 2023, 8, 80), ("R", 2024, 9, 90),
    ]
)  # fmt: skip


def test_common_takes_for_each_indicator_the_newest_year_that_nine_in_ten_units_have() -> None:
    panel = from_table(spec(TWO, data="years: 2020..2024, take: common"), PACED)
    np.testing.assert_array_equal(panel.values[0], [[2, 10], [5, 40], [8, 70]])
    np.testing.assert_array_equal(panel.source_years[0], [[2023, 2022]] * 3)


def test_one_unit_in_ten_may_lack_the_common_year_and_is_then_empty() -> None:
    rows = [f"U{n},2023,{n}\nU{n},2024,{n + 10 if n else ''}" for n in range(10)]
    made = spec("{id: x, direction: up}", data="years: 2020..2024, take: common")
    panel = from_table(made, "\n".join(["unit,year,x", *rows]))
    np.testing.assert_array_equal(panel.values[0, :, 0], [np.nan, *range(11, 20)])
    fewer = from_table(made, "\n".join(["unit,year,x", *rows, "U10,2023,1"]))  # 9 of 11 are too few
    np.testing.assert_array_equal(fewer.source_years[0, :, 0], [2023] * 11)


def test_a_common_year_obeys_max_age_and_the_denominator_has_one_too() -> None:
    made = spec(LINES, data="years: 2015..2024, take: common, max_age: 2", steps=PER_HEAD)
    text = "unit,year,lines,people\nP,2024,20,\nP,2022,10,200\nQ,2024,40,600\nQ,2022,5,400\n"
    panel = from_table(made, text)
    np.testing.assert_array_equal(panel.denominators["people"], [[200, 400]])
    np.testing.assert_array_equal(panel.values[0, :, 0], [20, 40])
    old = from_table(made, text.replace("2022", "2021"))
    np.testing.assert_array_equal(old.denominators["people"], [[np.nan, np.nan]])


def test_without_a_common_year_the_indicator_and_the_best_year_are_told() -> None:
    made = spec(TWO, data="years: 2020..2024, take: common")
    error = told(made, "unit,year,x,y\nP,2024,1,1\nP,2023,1,2\nQ,2024,2,\nQ,2023,2,\nR,2024,3,3\n")
    assert error.code == "common"
    assert "no year has a figure of y for 3 of the 3 units; 2024 comes nearest, with 2" in str(error)
    assert "take: latest" in str(error)


def observed(indicator: str, area: str, year: int, value: float) -> Observation:
    columns: dict[str, Any] = {
        "period_start": date(year, 1, 1),
        "period_end": date(year, 12, 31),
        "unit": load_catalogue().indicators[indicator].unit,
        "source_id": "itu",
        "dataset_id": "itu",
        "vintage_id": "itu-1",
        "known_from": date(2026, 3, 1),
        "retrieved_at": datetime(2026, 3, 2, tzinfo=UTC),
        "raw_sha256": "ab" * 32,
        "raw_locator": "row 2",
        "parser_version": "1",
    }
    return make_observation(value=value, area=area, indicator_id=indicator, **columns)


def bound(made: IndexSpec, rows: list[tuple[str, str, int, float]]) -> Panel:
    return bind(made, [observed(*row) for row in rows], load_catalogue())


REAL = "{id: internet_users_pct, direction: up}, {id: literacy_adult_pct, direction: up}"
ROWS = [
    ("internet_users_pct", "BRA", 2023, 80.0), ("internet_users_pct", "BRA", 2024, 84.0),
    ("internet_users_pct", "IND", 2023, 50.0), ("literacy_adult_pct", "BRA", 2022, 94.0),
    ("literacy_adult_pct", "IND", 2022, 76.0), ("literacy_adult_pct", "IND", 2024, 78.0),
]  # fmt: skip


def test_common_means_the_same_for_a_release() -> None:
    made = spec(REAL, data="years: 2020..2024, take: common", units="BRA, IND")
    panel = bound(made, ROWS)
    np.testing.assert_array_equal(panel.values[0], [[80, 94], [50, 76]])
    table = "unit,year,indicator,value\n" + "\n".join(f"{u},{year},{i},{v}" for i, u, year, v in ROWS)
    same = from_table(made, table)
    np.testing.assert_array_equal(panel.values, same.values)
    np.testing.assert_array_equal(panel.source_years, same.source_years)


def test_a_release_without_a_common_year_is_refused_as_a_table_is() -> None:
    made = spec(REAL, data="years: 2020..2024, take: common", units="BRA, IND")
    with pytest.raises(InputError, match="no year has a figure of literacy_adult_pct for 2 of the 2 units") as error:
        bound(made, ROWS[:4])
    assert "2022 comes nearest, with 1" in str(error.value)
    with pytest.raises(InputError, match="no year has a figure of literacy_adult_pct for 2 of the 2 units"):
        bound(made, ROWS[:3])


def test_a_group_without_a_common_year_is_told_as_not_computed() -> None:
    made = spec(REAL.replace("up}", "up, goalposts: [0, 100]}"), data="years: 2020..2024, take: common")
    content = dict(made.content) | {"units": {"countries": ["BRA", "IND"], "compare_with": ["WLD"]}}
    content["steps"] = [{"normalise": {"method": "goalposts"}}, {"aggregate": {"default": "arithmetic"}}]
    other = IndexSpec.from_data(content)
    groups = reference_scores(other, [observed(*row) for row in ROWS], load_catalogue())
    assert "no year has a figure of internet_users_pct" in groups[0].line()


def test_an_accepted_observation_of_a_release_is_used_and_any_other_impossible_one_is_not() -> None:
    rows = [("internet_users_pct", "BRA", 2024, 104.0), ("internet_users_pct", "IND", 2024, 50.0)]
    name = observed(*rows[0]).obs_id
    indicator = "{id: internet_users_pct, direction: up}"
    refusing = spec(indicator, data="years: 2024", units="BRA, IND")
    np.testing.assert_array_equal(bound(refusing, rows).values[0, :, 0], [np.nan, 50])
    accepting = spec(indicator, data=f"years: 2024, allow: ['{name}']", units="BRA, IND")
    np.testing.assert_array_equal(bound(accepting, rows).values[0, :, 0], [104, 50])


# --- Years ---

ONE = "{id: x, direction: up}"


@pytest.mark.parametrize("take", ["latest", "common", "panel"])
def test_a_table_without_years_is_refused_where_the_file_names_years(take: str) -> None:
    made = spec(ONE, data=f"years: 2020..2024, take: {take}")
    for text in ("unit,x\nP,1\nQ,2\nR,3\n", "unit,year,x\nP,,1\nQ,,2\nR,,3\n"):
        error = told(made, text)
        assert error.code == "years"
        assert 'column "year"' in str(error)
        assert "2020..2024" in str(error)
        assert str(error).startswith("mine.csv")


def test_a_row_without_its_year_among_others_is_refused() -> None:
    error = told(spec(ONE), "unit,year,x\nP,2024,1\nQ,,2\nR,2024,3\n")
    assert (error.code, str(error).startswith("mine.csv, line 3")) == ("year", True)


@pytest.mark.parametrize("year", ["0", "99999", "-5", "2_024", "2024.5"])
def test_what_is_no_year_is_told(year: str) -> None:
    assert f'"{year}" is not a year' in str(told(spec(ONE), f"unit,year,x\nP,{year},1\n"))


def test_a_table_without_years_says_no_year_anywhere() -> None:
    made = spec(ONE, steps="  - impute: {method: latest}\n  - screen: {min_share: 1}\n")
    result = run(made, from_table(made, "unit,x\nP,1\nQ,2\nR,3\nS,\n"))
    facts = result.as_data()
    assert facts["year"] is None
    assert [n.slice for n in result.notes] == [""] * len(result.notes)
    assert [r["observation"] for r in result.provenance("P", "a")] == ["P:x"]
    assert result.provenance("P", "a")[0]["year"] is None


# --- Bounds ---


@pytest.mark.parametrize(
    ("unit", "value", "ends"),
    [
        ("percent", 100.5, "outside of 0 to 100"), ("percent", -1, "outside of 0 to 100"), ("count", -3, "below 0"),
        ("index_0_1", 1.2, "outside of 0 to 1"), ("index_0_100", 101, "outside of 0 to 100"),
        ("years", -2, "below 0"), ("per_100", -0.1, "below 0"),
    ],
)  # fmt: skip
def test_the_unit_that_the_file_states_bounds_the_figures_of_a_table(unit: str, value: float, ends: str) -> None:
    made = spec(f"{{id: x, direction: up, unit: {unit}}}")
    with pytest.raises(SourceError, match=f"observation Q:x:2024: x of Q is {value:g}, {ends}"):
        from_table(made, f"unit,year,x\nP,2024,0.5\nQ,2024,{value}\n")
    accepting = spec(f"{{id: x, direction: up, unit: {unit}}}", data="allow: ['Q:x:2024']")
    assert from_table(accepting, f"unit,year,x\nP,2024,0.5\nQ,2024,{value}\n").values[0, 1, 0] == value


def test_bounds_of_the_file_go_before_those_of_the_unit_and_money_has_none() -> None:
    text = "unit,x\nP,-20\nQ,150\n"
    for more in ("unit: percent, bounds: [-100, null]", "unit: usd_current", "unit: own_words"):
        assert from_table(spec(f"{{id: x, direction: up, {more}}}"), text).values[0, 1, 0] == 150


def test_an_indicator_of_the_catalogue_in_its_unit_has_the_catalogues_bounds() -> None:
    basket = next(  # a price in percent of income may be above 100
        i for i in load_catalogue().indicators.values() if i.unit == "percent" and tuple(i.bounds) == (0, None)
    )
    made = spec(f"{{id: {basket.id}, direction: down, unit: percent}}")
    assert from_table(made, f"unit,{basket.id}\nP,120\nQ,3\n").values[0, 0, 0] == 120
    with pytest.raises(SourceError):
        from_table(made, f"unit,{basket.id}\nP,-1\nQ,3\n")


# --- Intervals ---

EVIDENCE = "{id: x, direction: up, error: {interval: evidence}}, {id: y, direction: up}"


@pytest.mark.parametrize(
    "text",
    [
        "unit,x,y\nP,1,2\nQ,3,4\nR,5,6\n",
        "unit,indicator,value\nP,x,1\nQ,x,2\nR,x,3\nP,y,3\nQ,y,1\nR,y,4\n",
        "unit,indicator,value,lower,upper\nP,x,1,,\nQ,x,2,,\nR,x,3,,\nP,y,3,2,4\nQ,y,1,,\nR,y,4,,\n",
    ],
)
def test_an_evidence_interval_needs_ends_in_the_table(text: str) -> None:
    made = spec(EVIDENCE, more="uncertainty:\n  vary:\n    data.error: {draws: 4}\n")
    result = run(made, from_table(made, text))  # which is what it is without them
    with pytest.raises(InputError, match=r"x has error: \{interval: evidence\}, and no figure of it") as error:
        uncertainty(result)
    assert error.value.code == "interval"
    assert "lower,upper" in error.value.hint


def test_ends_of_some_rows_are_enough_and_a_figure_without_value_stands_in_the_middle() -> None:
    text = "unit,indicator,value,lower,upper\nP,x,5,4,7\nQ,x,2,,\nR,x,,1,3\nS,x,,,\nP,y,1,,\nQ,y,1,,\n"
    panel = from_table(spec(EVIDENCE), text)
    assert panel.lower is not None
    assert panel.upper is not None
    np.testing.assert_array_equal(panel.values[0, :, 0], [5, 2, 2, np.nan])
    np.testing.assert_array_equal(panel.lower[0, :, 0], [4, 2, 1, np.nan])
    np.testing.assert_array_equal(panel.upper[0, :, 0], [7, 2, 3, np.nan])


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Q,x,5,6,7", "lower 6 is above the value 5"), ("Q,x,5,4,4.5", "upper 4.5 is below the value 5"),
        ("Q,x,,4,3", "lower 4 is above upper 3"), ("Q,x,,4,", "has one end and no value"),
    ],
)  # fmt: skip
def test_an_interval_that_does_not_hold_its_value_is_told_with_its_line(row: str, words: str) -> None:
    error = told(spec(EVIDENCE), f"unit,indicator,value,lower,upper\nP,x,1,0,2\n{row}\nP,y,1,,\n")
    assert str(error).startswith("mine.csv, line 3")
    assert words in str(error)


# --- Columns that are not used ---


def test_columns_that_the_file_does_not_use_are_not_read() -> None:
    text = "iso3,country name,note,x,other,other,,\nPPP,Peru,see below,1,n/a,1e999,,\nQQQ,Qatar,,2,,,,\n"
    panel = from_table(spec(ONE), text)
    assert panel.units == ("PPP", "QQQ")
    np.testing.assert_array_equal(panel.values[0, :, 0], [1, 2])
    rows = "unit,year,indicator,value,source\nP,2020,x,1,WB\nP,2024,remark,see below,WB\nQ,2020,x,2,WB\n"
    assert from_table(spec(ONE), rows).years == (2020,)


def test_a_column_that_the_file_uses_is_read_strictly() -> None:
    assert 'line 2: x: "see below" is not a number' in str(told(spec(ONE), "unit,name,x\nP,Peru,see below\n"))
    assert 'x: "1_000" is not a number' in str(told(spec(ONE), "unit,x\nP,1_000\n"))
    assert "a column stands twice: x" in str(told(spec(ONE), "unit,x,x\nP,1,2\n"))
    assert 'no figures of "x"' in str(told(spec(ONE), "unit,x\nP,\nQ,\n"))


# --- Why a cell is empty ---


def test_a_cell_without_its_denominator_says_so() -> None:
    made = spec(f"{LINES}, {ONE}", steps=PER_HEAD)
    result = run(
        made, from_table(made, "unit,lines,people,x\nP,20,200,1\nQ,40,0,2\nR,60,,3\nS,5,100,4\nT,,1,5\nU,1,5,6\n")
    )
    reasons = {unit: result.provenance(unit, "a")[0]["reason"] for unit in result.units}
    assert reasons == {
        "P": "observed", "Q": "no_denominator", "R": "no_denominator", "S": "observed", "T": "missing",
        "U": "observed",
    }  # fmt: skip
    empty = {row["unit"]: row["empty"] for row in result.as_data()["units"]}
    assert empty == {
        "P": {}, "Q": {"lines": "no_denominator"}, "R": {"lines": "no_denominator"}, "S": {}, "T": {"lines": "missing"},
        "U": {},
    }  # fmt: skip
    assert result.reasons[1, 0] == Reason.NO_DENOMINATOR


def test_a_cell_that_was_screened_says_so_and_one_that_was_filled_in_too() -> None:
    steps = "  - impute: {method: mean}\n  - screen: {min_share: 0.6}\n"
    made = spec(f"{TWO}, {{id: z, direction: up}}", steps=steps)
    result = run(made, from_table(made, "unit,x,y,z\nP,1,2,3\nQ,2,,4\nR,3,,\nS,4,5,6\n"))
    found = {u: [r["reason"] for r in result.provenance(u, "a")] for u in result.units}
    assert found["P"] == ["observed"] * 3
    assert found["Q"] == ["observed", "imputed", "observed"]
    assert found["R"] == ["screened", "missing", "missing"]
    assert [r["imputed"] for r in result.as_data()["units"] if r["unit"] == "R"] == [[]]


def test_a_figure_older_than_the_index_is_given_with_its_year() -> None:
    made = spec(TWO, data="years: 2020..2024, max_age: 3")
    text = "unit,year,x,y\nP,2024,1,2\nQ,2023,5,\nQ,2024,,7\nR,2024,3,\nR,2020,,4\nS,2024,6,8\n"
    result = run(made, from_table(made, text))
    assert {r["unit"]: r["older"] for r in result.as_data()["units"]} == {"P": {}, "Q": {"x": 2023}, "R": {}, "S": {}}
    assert [(r["year"], r["reason"]) for r in result.provenance("R", "a")] == [(2024, "observed"), (2020, "too_old")]
    assert result.provenance("Q", "a")[0]["year"] == 2023


# --- Errors of accepted figures ---


@pytest.mark.parametrize("error", ["{sd: 2}", "{relative_sd: 0.02}"])
def test_draws_around_an_accepted_figure_are_not_cut_below_it(error: str) -> None:
    indicator = f"{{id: x, direction: up, bounds: [0, 100], error: {error}}}"
    made = spec(indicator, data="allow: ['P:x', 'Q:x']")
    graph = Graph(made, from_table(made, "unit,x\nP,104\nQ,-3\nR,99.5\nS,50\n"))
    drawn = error_draws(graph, 4000, stream(1, "data.error"))[:, 0, :, 0]
    np.testing.assert_allclose(drawn.max(axis=0)[[0, 2]], [104, 100])  # bounds widen for that cell alone
    np.testing.assert_allclose(drawn.min(axis=0)[1], -3)
    assert (drawn[:, 0] < 104).mean() == pytest.approx(0.5, abs=0.03)
