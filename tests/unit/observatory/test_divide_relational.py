"""Measures of tables: the engine's figures are those of arrays; small cells, gaps, wrong columns, missing extras."""

from __future__ import annotations

import math
import sys
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import InputError, MethodError
from concordat.observatory.divide import MeasureTable, decompose, measures, relational

ibis = pytest.importorskip("ibis", reason="needs the extra [large]")

FIGURES = ("value", "se", "lower", "upper", "n_eff", "share_zero", "share_missing")
ENDS = ("se", "lower", "upper")


def table(connection: duckdb.DuckDBPyConnection, **columns: Any) -> duckdb.DuckDBPyRelation:
    """A relation of these columns; NaN stays NaN and None becomes NULL."""
    kinds = {"f": "DOUBLE", "i": "BIGINT", "U": "VARCHAR", "O": "DOUBLE"}
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    listed = ", ".join(f'unnest(?::{kinds[a.dtype.kind]}[]) AS "{name}"' for name, a in arrays.items())
    connection.execute(f"CREATE OR REPLACE TABLE rows AS SELECT {listed}", [a.tolist() for a in arrays.values()])
    return connection.table("rows")


def assert_same(one: MeasureTable, other: MeasureTable) -> None:
    assert list(one) == list(other)
    for name in one:
        a, b = one[name], other[name]
        assert a.n == b.n, name
        assert bool(a.reason) == bool(b.reason), (name, a.reason, b.reason)
        if "a quantile" in a.reason:  # told apart: ties, or one heavy row
            assert a.reason == b.reason, name
        for part in FIGURES:
            left, right = getattr(a, part), getattr(b, part)
            assert (left is None) == (right is None), (name, part)
            if left is not None:
                assert right == pytest.approx(left, rel=1e-8 if part in ENDS else 1e-10, abs=1e-10), (name, part)


def figures(n: int, seed: int, kind: str) -> dict[str, Any]:
    """Columns y, w, g, k, h, c with zeros, ties, gaps, a group of equal figures or a heavy row, as `kind` says."""
    rng = np.random.Generator(np.random.PCG64(seed))
    y = np.minimum(rng.lognormal(2, 1, n), 100)
    w, g = rng.uniform(0.5, 2, n), rng.choice(["A", "B", "C"], n)
    k = np.round(y + rng.normal(size=n), 1)
    if "zeros" in kind:
        y[rng.random(n) < 0.2] = 0
    if "ties" in kind:
        y = np.round(y)
    if "gaps" in kind:
        y[rng.random(n) < 0.1] = math.nan
        k[rng.random(n) < 0.1] = math.nan
        w[rng.random(n) < 0.1] = 0
    if "equal" in kind:
        y[g == "B"] = 7.0  # zeros and gaps are then of A, C and the whole
    if "heavy" in kind:
        y[g == "A"] = np.where(y[g == "A"] < 8, 4.0, 20.0)  # tied, none of them heavy
        w[np.argmax(np.where(g == "B", y, 0))] = 600.0  # most of the weight of B, and nearly half of all
    return {"y": y, "w": w, "g": g, "k": k, "h": rng.integers(0, 2, n), "c": rng.integers(0, 9, n)}


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


RANGES = [2.0, 5.0, 5.5, 30.0]


@pytest.mark.parametrize(
    ("kind", "ranges"),
    [("ties", RANGES), ("zeros gaps equal", None), ("heavy", RANGES)],  # groups without an oddity are in each
)
def test_the_engine_and_arrays_agree(connection: duckdb.DuckDBPyConnection, kind: str, ranges: Any) -> None:
    at = figures(600, 11, kind)
    rows = table(connection, **at)
    by = None if kind == "heavy" else "k"  # one row's rank is then nearly all of it, and rounding the rest
    arrays = measures(at["y"], at["w"], groups=at["g"], rank_by=by and at[by], bounds=(0, 100))
    found = measures(
        rows, "w", groups="g", rank_by=by, value="y", bounds=(0, 100), engine="ibis", ranges=ranges
    )  # fmt: skip
    assert found.rounded
    assert_same(arrays, found)
    if kind == "heavy":
        reasons = [found.groups[key]["p90_p10"].reason.partition(" at ")[0] for key in "AB"]
        assert reasons == ["too many values are tied", "one row holds too much of the weight"]
    if "gaps" in kind:
        assert_same(arrays.unweighted(), found.unweighted())
    assert list(arrays.groups) == list(found.groups)
    for key in arrays.groups:
        assert_same(arrays.groups[key], found.groups[key])
    assert set(arrays.decompositions) == set(found.decompositions)
    for name, parts in arrays.decompositions.items():
        other = found.decompositions[name]
        assert other.between.value == pytest.approx(parts.between.value, abs=1e-11)
        assert other.within.value == pytest.approx(parts.within.value, abs=1e-11)
        for a, b in zip(parts.parts, other.parts, strict=True):
            assert a.group == b.group
            assert b.inside == pytest.approx(a.inside, abs=1e-10)
            assert b.overlap == (None if a.overlap is None else pytest.approx(a.overlap, rel=1e-9))


def test_survey_errors_come_from_units_totals(connection: duckdb.DuckDBPyConnection) -> None:
    at = figures(600, 12, "zeros")
    arrays = measures(at["y"], at["w"], groups=at["g"], strata=at["h"], psu=at["c"])
    rows = table(connection, **at)
    found = measures(rows, "w", groups="g", value="y", strata="h", psu="c", engine="ibis")
    assert_same(arrays, found)
    for key in arrays.groups:
        assert_same(arrays.groups[key], found.groups[key])


@settings(max_examples=6, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.integers(0, 30).map(float), st.floats(0.01, 100)), st.floats(0.1, 10)),
        min_size=3,
        max_size=40,
    )
)
def test_numpy_is_duckdb(drawn: list[tuple[float, float]]) -> None:
    y, w = (np.array(column) for column in zip(*drawn, strict=True))
    if not y.any():
        return
    rows = table(duckdb.connect(), y=y, w=w)
    names = ("mean", "gini", "theil_t", "theil_l", "ge2", "atkinson_05", "atkinson_1", "hoover", "p90_p10", "wolfson")
    one = measures(y, w, names=names)
    other = measures(rows, "w", value="y", names=names, engine="ibis", errors=False, min_cell=1)
    for name in names:
        expected = one[name].value
        assert other[name].value == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9)), name


def test_small_tables_are_computed_as_arrays(connection: duckdb.DuckDBPyConnection) -> None:
    at = figures(300, 14, "gaps")
    rows = table(connection, **at)
    found = measures(rows, "w", groups="g", rank_by="k", value="y")
    arrays = measures(at["y"], at["w"], groups=at["g"], rank_by=at["k"])
    assert dict(found) == dict(arrays)
    assert found.unweighted()["gini"] == arrays.unweighted()["gini"]


@pytest.mark.parametrize("engine", ["numpy", "ibis"])
def test_cells_of_fewer_than_thirty_rows_are_suppressed(connection: duckdb.DuckDBPyConnection, engine: str) -> None:
    y = np.arange(1.0, 61.0)
    g = np.array(["big"] * 31 + ["small"] * 29)
    rows = table(connection, y=y, g=g)
    names = ["mean", "gini", "theil_t"]  # which ones is all the same to what hides them
    found = measures(rows, groups="g", value="y", engine=engine, names=names)
    assert found.groups["big"]["gini"].n == 31
    hidden = found.groups["small"]["gini"]
    assert (hidden.value, hidden.n, hidden.reason) == (None, None, "fewer than 30 rows")
    assert not found.decompositions
    assert found["gini"].n == 60
    shown = measures(rows, groups="g", value="y", engine=engine, min_cell=3, names=names)
    assert shown.groups["small"]["gini"].n == 29
    with pytest.raises(InputError, match="small"):
        decompose(rows, groups="g", value="y", engine=engine)
    parts = decompose(rows, groups="g", value="y", engine=engine, min_cell=3)
    assert parts.between.value == pytest.approx(decompose(y, groups=g).between.value, rel=1e-10)
    tiny = measures(table(connection, y=y[:29]), value="y", engine=engine, names=names)
    assert tiny["gini"].reason == "fewer than 30 rows"


def test_without_errors_and_without_the_whole(connection: duckdb.DuckDBPyConnection) -> None:
    rows = table(connection, **figures(300, 15, "plain"))
    found = measures(rows, "w", groups="g", value="y", engine="ibis", errors=False, overall=False)
    assert not dict(found)
    one = found.groups["A"]["gini"]
    assert one.value is not None
    assert (one.se, one.reason) == (None, "errors were not asked for")


def test_columns_may_have_any_name_and_whole_numbers_as_values(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("""CREATE TABLE odd AS
        SELECT i::DECIMAL(9,2) AS "a ""b", DATE '2020-01-01' + (i % 2)::INT AS "Tag" FROM range(1, 101) t(i)""")
    found = measures(connection.table("odd"), value='a "b', groups="Tag", engine="ibis")
    assert list(found.groups) == ["2020-01-01", "2020-01-02"]
    assert found["gini"].value == pytest.approx(99 / 300, rel=1e-10)  # of 1..n: (n - 1) / 3n


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        ({"y": [1.0, 2, 3]}, {"value": "z"}, 'no column "z"'),
        ({"speed": [1.0, 2, 3]}, {"value": "sped"}, 'Did you mean "speed"'),
        ({"y": [1.0, 2, 3]}, {"value": ""}, "no column of values"),
        ({"y": [1.0, 2, 3]}, {"value": "y", "engine": "spark"}, "is not an engine"),
        ({"y": [1.0, 2, 3], "w": [1.0, -1, 1]}, {"value": "y", "weight": "w"}, "weight"),
        ({"y": [1.0, 2, 3], "w": [1.0, None, 1]}, {"value": "y", "weight": "w"}, "weight"),
        ({"y": [1.0, math.inf, 3]}, {"value": "y"}, "not finite"),
        ({"y": [1.0, 200, 3]}, {"value": "y", "bounds": (0, 100)}, "not from 0 to 100"),
        ({"y": [1.0, 2, 3], "w": [0.0, 0, 0]}, {"value": "y", "weight": "w"}, "sum to zero"),
        ({"y": [math.nan] * 3}, {"value": "y"}, "no row has a value"),
        ({"y": [1.0, 2, 3]}, {"value": "y", "names": ["ginni"]}, "Did you mean"),
    ],
)
def test_tables_that_no_figure_can_be_made_of(
    connection: duckdb.DuckDBPyConnection, columns: Any, options: Any, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        measures(table(connection, **columns), **{"engine": "ibis", "min_cell": 1} | options)
    assert words in str(caught.value)


def test_what_is_neither_array_nor_table() -> None:
    class Frame:
        columns = ("y",)

    with pytest.raises(InputError, match="neither a DuckDB relation nor an Ibis table"):
        measures(Frame(), value="y")


def test_without_ibis_a_large_table_says_what_to_install(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = table(connection, **figures(100, 16, "plain"))
    monkeypatch.setitem(sys.modules, "ibis", None)
    assert measures(rows, "w", value="y")["gini"].value is not None  # small: by NumPy
    monkeypatch.setattr(relational, "SMALL_ROWS", 50)
    with pytest.raises(MethodError, match=r"pip install 'concordat\[large\]'"):
        measures(rows, "w", value="y")
