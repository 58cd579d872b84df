"""The same expressions through Ibis's own backends against NumPy: Spark in local mode, and DuckDB.

Both backends need pyarrow; a DuckDB relation, which most will give, does not (tests/unit). PySpark brings 450 MB and
needs Java, so the suite is whole without: the tests are skipped where one is missing, and in CI, where nothing may
skip, they are not collected then.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import Any

import numpy as np
import pytest

from concordat.observatory.divide import MeasureTable, measures

READY = bool(shutil.which("java")) and all(importlib.util.find_spec(name) for name in ("ibis", "pyspark", "pyarrow"))
# Spark's own warnings about the versions of pandas and its closing sockets are not ours to mend.
pytestmark = [
    pytest.mark.skipif(not READY, reason="needs the extra [spark] and Java"),
    pytest.mark.filterwarnings("ignore"),
]

if READY or not os.environ.get("CONCORDAT_CI"):

    @pytest.fixture(scope="module")
    def spark() -> Any:
        from pyspark.sql import SparkSession

        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            # Rows are few and expressions large: compiling each to Java takes far longer than interpreting it.
            .config("spark.sql.codegen.wholeStage", "false")
            .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
            .config("spark.sql.adaptive.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate()
        )
        yield session
        session.stop()

    @pytest.mark.parametrize("ranges", [None, [1.0, 4.0, 9.0]])
    def test_spark_and_numpy_agree(spark: Any, ranges: Any) -> None:
        import ibis

        y, w, g = persons()
        frame = spark.createDataFrame(list(zip(y.tolist(), w.tolist(), g.tolist(), strict=True)), ["y", "w", "g"])
        frame.cache().createOrReplaceTempView("persons")  # else each scan asks a Python worker again
        table = ibis.pyspark.connect(spark).table("persons")
        agree(measures(table, "w", groups="g", value="y", engine="ibis", ranges=ranges), measures(y, w, groups=g))

    def test_an_ibis_table_on_duckdb_and_numpy_agree() -> None:
        import duckdb
        import ibis

        y, w, g = persons()
        connection = duckdb.connect()
        connection.execute("CREATE TABLE persons (y DOUBLE, w DOUBLE, g VARCHAR)")
        rows = list(zip(y.tolist(), w.tolist(), g.tolist(), strict=True))
        connection.executemany("INSERT INTO persons VALUES (?, ?, ?)", rows)
        table = ibis.duckdb.from_connection(connection).table("persons")
        expected = measures(y, w, groups=g)
        agree(measures(table, "w", groups="g", value="y", engine="ibis"), expected)
        small = measures(table, "w", groups="g", value="y")
        assert small["gini"] == expected["gini"]  # read, and computed with as any arrays: the same bits

    def persons() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.Generator(np.random.PCG64(7))
        y = np.round(rng.lognormal(1.5, 1, 400), 2)
        y[::17] = 0
        y[5] = np.nan
        return y, rng.uniform(0.5, 2, 400), rng.choice(["A", "B"], 400)

    def agree(found: MeasureTable, expected: MeasureTable) -> None:
        pairs = [(expected, found), *((expected.groups[key], found.groups[key]) for key in ("A", "B"))]
        for one, other in pairs:
            for name, m in one.items():
                assert other[name].n == m.n
                for part in ("value", "se", "lower", "upper"):
                    left, right = getattr(m, part), getattr(other[name], part)
                    assert (left is None) == (right is None), (name, part)
                    assert left is None or right == pytest.approx(left, rel=1e-9, abs=1e-9), (name, part)
        for name, parts in expected.decompositions.items():
            assert found.decompositions[name].between.value == pytest.approx(parts.between.value, abs=1e-9)
