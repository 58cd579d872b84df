"""Every stage and method of an index against a plain loop over units and columns, on a 51 x 49 panel.

Source of the expected values: `plain_index.py` beside this file, written from section 4 of the specification.
Tolerance: 1e-9 on a scale of 0 to 100; ranks and winsorised values are exact. The peer's own figures need R and COINr,
which are not always at hand; its conventions are those of the specification.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from concordat.observatory import compat
from concordat.observatory.panel import Array, Frame
from concordat.observatory.stages.denominate import denominate
from concordat.observatory.stages.normalise import normalise
from concordat.observatory.stages.options import COINR, Column, Denominate, Normalise, Screen, Treat
from concordat.observatory.stages.screen import availability, screen, statistics
from concordat.observatory.stages.transform import transform
from concordat.observatory.stages.treat import kurtosis, skewness, treat


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("plain_index", Path(__file__).with_name("plain_index.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


plain = _load()
UNITS, COLUMNS, SLICES = 51, 49, 3
TOLERANCE = 1e-9


def make_panel(seed: int = 4) -> Array:
    """A panel `[slice, unit, indicator]` with every shape that a treatment may meet."""
    rng = np.random.Generator(np.random.PCG64(seed))
    x = rng.normal(50, 12, (SLICES, UNITS, COLUMNS))
    shapes: list[Callable[[], Any]] = [
        lambda: np.exp(rng.normal(0, 1.6, UNITS)),  # lognormal: few large values
        lambda: 100 - np.exp(rng.normal(0, 1.5, UNITS)),  # few small ones
        lambda: _spiked(rng, 400.0),  # one spike
        lambda: _spiked(rng, -400.0),  # one spike below
        lambda: np.round(np.exp(rng.normal(0, 1.3, UNITS))),  # ties and zeros
        lambda: -np.round(np.exp(rng.normal(0, 1.3, UNITS))),  # the same below
        lambda: np.where(rng.random(UNITS) < 0.9, 0.0, rng.exponential(5, UNITS)),  # mostly zero
        lambda: np.concatenate([np.full(4, 900.0), rng.normal(10, 1, UNITS - 4)]),  # four tied spikes
        lambda: np.concatenate([np.full(7, 900.0), rng.normal(10, 1, UNITS - 7)]),  # more than may be winsorised
        lambda: rng.standard_cauchy(UNITS),  # spikes on both sides
        lambda: (rng.random(UNITS) < 0.05) * 1.0,  # two values only
        lambda: np.round(rng.normal(0, 1, UNITS)),  # ties, nothing to treat
    ]
    for s in range(SLICES):
        for i in range(36):
            x[s, :, i] = shapes[i % len(shapes)]()
    x[rng.random(x.shape) < 0.07] = np.nan
    x[:, :2, 10] = [0.0, 1.0]  # the column of two values has both
    return x


def _spiked(rng: np.random.Generator, spike: float) -> Array:
    values = rng.normal(20, 3, UNITS)
    values[rng.integers(UNITS)] = spike
    return values


PANEL = make_panel()
DIRECTIONS = [-1.0 if i % 3 == 1 else 1.0 for i in range(COLUMNS)]
FRAME = Frame(
    units=tuple(f"U{u:02}" for u in range(UNITS)),
    indicators=tuple(f"i{i:02}" for i in range(COLUMNS)),
    directions=np.array(DIRECTIONS),
    pillars=tuple(i // 7 for i in range(COLUMNS)),
    slices=("2020", "2021", "2022"),
)
ONE = replace(FRAME, slices=())
WHOLE = np.where(np.isnan(PANEL), 20.0, PANEL)  # no gaps: for what needs a value of a certain unit


def cells(column: Array) -> list[float | None]:
    """A column as the plain loop takes it."""
    return [None if np.isnan(v) else float(v) for v in column]


def back(column: list[float | None]) -> Array:
    return np.array([np.nan if v is None else v for v in column], dtype=np.float64)


def by_loop(x: Array, function: Callable[[int, list[float | None]], list[float | None]]) -> Array:
    """The plain loop over slices and columns."""
    found = np.empty(x.shape)
    for s in range(x.shape[0]):
        for i in range(x.shape[2]):
            found[s, :, i] = back(function(i, cells(x[s, :, i])))
    return found


def close(found: Array, expected: Array) -> None:
    """Equal to 1e-9, relative to 100 or the expected value, and blank in the same places."""
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=TOLERANCE)


# --- Before treatment ---


def test_denominate() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    people = rng.uniform(1, 1e6, (SLICES, UNITS))
    people[:, 3], people[:, 4] = 0.0, np.nan
    options = Denominate((("i00", "people", 100.0), ("i02", "people", 1000.0)))
    found = denominate(PANEL, FRAME, options, {"people": people}).values
    for i, per in ((0, 100.0), (2, 1000.0)):
        for s in range(SLICES):
            close(found[s, :, i], back(plain.denominate(cells(PANEL[s, :, i]), cells(people[s]), per)))
    np.testing.assert_array_equal(found[:, :, 1], PANEL[:, :, 1])


def test_availability_and_screening() -> None:
    x = PANEL.copy()
    x[0, 5, 10:], x[1, 6, :], x[2, 7, :47] = np.nan, np.nan, 0.0
    x[0, 8, :7] = np.nan
    data, nonzero = availability(x)
    for options in (Screen(), Screen(min_share=0.9), Screen(None, 0.2), Screen(0.95, 0.8)):
        keep = screen(x, FRAME, options).keep
        for s in range(SLICES):
            for u in range(UNITS):
                share, rest = plain.availability(cells(x[s, u]))
                assert data[s, u] == pytest.approx(share, abs=1e-12)
                assert np.isnan(nonzero[s, u]) if rest is None else nonzero[s, u] == pytest.approx(rest, abs=1e-12)
                assert keep[s, u] == plain.keeps(cells(x[s, u]), options.min_share, options.min_nonzero)


def test_statistics_and_flags() -> None:
    x = PANEL[0].copy()
    x[:30, 40] = np.nan
    seen = set()
    for i, found in enumerate(statistics(x, ONE)):
        assert set(found.flags) == plain.flags(cells(x[:, i]))
        seen |= set(found.flags)
    assert seen == {"few_values", "zeros", "repeated", "outliers"}


@pytest.mark.parametrize("name", ["log", "log1p", "log10", "sqrt"])
def test_transform(name: str) -> None:
    x = np.abs(PANEL) + 1e-9
    found = transform(x, (name, "none") * 24 + (name,), FRAME).values
    expected = by_loop(x, lambda i, column: plain.transform(column, name if i % 2 == 0 else "none"))
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


def test_skewness_and_kurtosis() -> None:
    skews, kurtoses = skewness(PANEL), kurtosis(PANEL)
    for s in range(SLICES):
        for i in range(COLUMNS):
            values = plain.present(cells(PANEL[s, :, i]))
            assert skews[s, i] == pytest.approx(plain.skewness(values), rel=1e-11, abs=1e-11)
            assert kurtoses[s, i] == pytest.approx(plain.kurtosis(values), rel=1e-11, abs=1e-11)


# --- Treat ---

TREATMENTS = [
    Treat(),
    Treat(winsorise_max=0),
    Treat(winsorise_max=1),
    Treat(winsorise_max=3, then="none"),
    Treat(winsorise_max=60, then="none"),
    Treat(winsorise_max=4, then="log_ct_plus"),
    Treat(winsorise_max=0, then="log_ct_plus"),
    Treat(winsorise_max=2, then="log_ct_orig"),
    Treat(winsorise_max=1, then="box_cox"),
    Treat(winsorise_max=1, then="box_cox", box_cox_lambda=0.3),
    Treat(winsorise_max=1, then="box_cox", box_cox_lambda=-0.5),
    Treat(winsorise_max=2, combine=True),
    Treat(winsorise_max=2, combine=True, then="log_ct_plus"),
    Treat(skew=1.0, kurtosis=1.0, winsorise_max=8),
    Treat(winsorise_max=1, then="log_gii", compat=COINR),
]


def _keywords(options: Treat) -> dict[str, Any]:
    names = ("skew", "kurtosis", "winsorise_max", "then", "box_cox_lambda", "combine")
    return {**{name: getattr(options, name) for name in names}, "compat": options.compat == COINR}


@pytest.mark.parametrize("options", TREATMENTS, ids=str)
def test_treat(options: Treat) -> None:
    found = treat(PANEL, FRAME, options).values
    expected = by_loop(PANEL, lambda _, column: plain.treat(column, **_keywords(options)))
    close(found, expected)
    if options.then in ("none", "log_gii"):
        np.testing.assert_array_equal(found, expected)  # winsorised values are values of the column: exact
    assert (found != PANEL)[~np.isnan(PANEL)].any(), "nothing was treated: the panel does not test this"


def test_treat_log_gii() -> None:
    x = PANEL + 1000.0  # its maxima must be above 1
    options = Treat(winsorise_max=1, then="log_gii")
    close(treat(x, FRAME, options).values, by_loop(x, lambda _, column: plain.treat(column, **_keywords(options))))


@pytest.mark.parametrize("options", [Treat(over="all_years"), Treat(over="all_years", winsorise_max=9, then="none")])
def test_treat_all_years_together(options: Treat) -> None:
    found = treat(PANEL, FRAME, options).values
    for i in range(COLUMNS):
        pooled = cells(PANEL[:, :, i].reshape(-1))
        close(found[:, :, i].reshape(-1), back(plain.treat(pooled, **_keywords(options))))
    assert not np.array_equal(found, treat(PANEL, FRAME, replace(options, over="year")).values, equal_nan=True)


# --- Normalise ---

METHODS: list[Normalise] = [
    Normalise(),
    Normalise(lower=1.0, upper=7.0),
    Normalise(floor=20.0),
    Normalise("zscore"),
    Normalise("zscore", mean=100.0, sd=10.0),
    Normalise("rank"),
    Normalise("rank", ties="max"),
    Normalise("rank", ties="average"),
    Normalise("borda"),
    Normalise("borda", ties="average"),
    Normalise("prank"),
    Normalise("prank", ties="max"),
    Normalise("dist2max"),
    Normalise("scaled", scaled_from=(-20.0, 80.0)),
    Normalise("scaled", scaled_from=(1.0, 7.0), scale=10.0),
]


def _given(options: Normalise) -> dict[str, Any]:
    names = (
        "method", "scale", "lower", "upper", "mean", "sd", "scaled_from", "ties", "cap", "truncate", "floor",
    )  # fmt: skip
    return {name: getattr(options, name) for name in names}


@pytest.mark.parametrize("options", METHODS, ids=str)
def test_normalise(options: Normalise) -> None:
    found = normalise(PANEL, FRAME, options).values
    expected = by_loop(PANEL, lambda i, column: plain.normalise(column, DIRECTIONS[i], **_given(options)))
    close(found, expected)
    if options.method in ("rank", "borda"):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("options", [o for o in METHODS if o.method != "scaled"], ids=str)
def test_normalise_all_years_together(options: Normalise) -> None:
    found = normalise(PANEL, FRAME, replace(options, over="all_years")).values
    for i in range(COLUMNS):
        pooled = cells(PANEL[:, :, i].reshape(-1))
        close(found[:, :, i].reshape(-1), back(plain.normalise(pooled, DIRECTIONS[i], **_given(options))))


@pytest.mark.parametrize("method", ["minmax", "zscore", "dist2max"])
def test_normalise_by_a_base_year(method: str) -> None:
    options = Normalise(method, over="base_year", base_year=1)
    found = normalise(PANEL, FRAME, options).values
    expected = by_loop(
        PANEL,
        lambda i, column: plain.normalise(column, DIRECTIONS[i], base=cells(PANEL[1, :, i]), **_given(options)),
    )
    close(found, expected)


def _deviates(column: list[float | None]) -> bool:
    """Whether a column has a median deviation that isn't zero."""
    values = plain.present(column)
    return bool(median([abs(v - median(values)) for v in values]) > 0)


SPREAD = [i for i in range(COLUMNS) if all(_deviates(cells(PANEL[s, :, i])) for s in range(SLICES))]


@pytest.mark.parametrize("base_year", [None, 2])
def test_normalise_robust(base_year: int | None) -> None:
    x, d = PANEL[:, :, SPREAD], [DIRECTIONS[i] for i in SPREAD]
    assert len(d) > 40
    frame = replace(
        FRAME, indicators=tuple(FRAME.indicators[i] for i in SPREAD), directions=np.array(d), pillars=(0,) * len(d)
    )
    options = Normalise("robust", over="year" if base_year is None else "base_year", base_year=base_year)
    base = None if base_year is None else x[base_year]
    expected = by_loop(
        x,
        lambda i, column: plain.normalise(column, d[i], "robust", base=None if base is None else cells(base[:, i])),
    )
    close(normalise(x, frame, options).values, expected)


def test_normalise_fracmax() -> None:
    x = np.abs(PANEL) + 1.0
    up = replace(FRAME, directions=np.ones(COLUMNS))
    close(normalise(x, up, Normalise("fracmax")).values, by_loop(x, lambda _, c: plain.normalise(c, 1.0, "fracmax")))
    literal = normalise(x, FRAME, Normalise("fracmax", compat=COINR)).values
    close(literal, by_loop(x, lambda i, c: plain.normalise(c, DIRECTIONS[i], "fracmax", compat=True)))


@pytest.mark.parametrize("cap", [False, True])
@pytest.mark.parametrize("over", ["year", "base_year"])
def test_normalise_by_distance_to_a_unit(over: str, cap: bool) -> None:
    x = WHOLE + np.random.Generator(np.random.PCG64(3)).normal(0, 0.01, WHOLE.shape)
    # In each column the unit that is never near the worst value, in any slice.
    places = (x * DIRECTIONS).argsort(axis=1).argsort(axis=1).min(axis=0)
    middle = [int(u) for u in places.argmax(axis=0)]
    columns = tuple(Column(reference=FRAME.units[u]) for u in middle)
    base_year = 1 if over == "base_year" else None
    options = Normalise("dist2ref", cap=cap, over=over, base_year=base_year, columns=columns)
    expected = by_loop(
        x,
        lambda i, column: plain.normalise(
            column,
            DIRECTIONS[i],
            "dist2ref",
            cap=cap,
            reference=middle[i],
            base=cells(x[1, :, i]) if base_year else None,
        ),
    )
    close(normalise(x, FRAME, options).values, expected)


@pytest.mark.parametrize("cap", [False, True])
def test_normalise_by_distance_to_a_target(cap: bool) -> None:
    targets = [float(np.nanmedian(PANEL[:, :, i]) + (0.5 if d > 0 else -0.5)) for i, d in enumerate(DIRECTIONS)]
    options = Normalise("dist2targ", cap=cap, columns=tuple(Column(target=t) for t in targets))
    expected = by_loop(PANEL, lambda i, c: plain.normalise(c, DIRECTIONS[i], "dist2targ", cap=cap, target=targets[i]))
    close(normalise(PANEL, FRAME, options).values, expected)


@pytest.mark.parametrize("floor", [None, 1.0])
@pytest.mark.parametrize("truncate", [True, False])
@pytest.mark.parametrize("log", [False, True])
def test_normalise_by_goalposts(truncate: bool, log: bool, floor: float | None) -> None:
    x = np.abs(PANEL) + 0.5 if log else PANEL
    posts = [(1.0 + i, 30.0 + 2 * i) for i in range(COLUMNS)]
    columns = tuple(Column(goalposts=p, log=log, truncate=None if i % 4 else truncate) for i, p in enumerate(posts))
    options = Normalise("goalposts", truncate=truncate, floor=floor, columns=columns, over="given")

    def expect(i: int, column: list[float | None]) -> Any:
        given = {"goalposts": posts[i], "log": log, "truncate": truncate, "floor": floor}
        return plain.normalise(column, DIRECTIONS[i], "goalposts", **given)

    close(normalise(x, FRAME, options).values, by_loop(x, expect))


def test_normalise_by_points_and_categories() -> None:
    points = ((0.0, 1.0), (10.0, 2.0), (25.0, 6.0), (60.0, 7.0))
    options = Normalise("piecewise", columns=(Column(points=points),) * COLUMNS)
    expected = by_loop(PANEL, lambda i, c: plain.normalise(c, DIRECTIONS[i], "piecewise", points=points))
    close(normalise(PANEL, FRAME, options).values, expected)
    classes = np.where(np.isnan(PANEL), np.nan, np.clip(np.floor(PANEL / 25), 0, 3))
    table = ((0.0, 5.0), (1.0, 20.0), (2.0, 75.0), (3.0, 100.0))
    options = Normalise("categorical", columns=(Column(categories=table),) * COLUMNS)
    expected = by_loop(classes, lambda i, c: plain.normalise(c, DIRECTIONS[i], "categorical", categories=table))
    close(normalise(classes, FRAME, options).values, expected)


def test_normalise_each_column_in_its_own_way() -> None:
    """Methods mixed within one step give each column what it would get alone."""
    x = np.abs(PANEL) + 0.5
    kinds: list[tuple[Column, dict[str, Any]]] = [
        (Column(), {"method": "zscore", "mean": 50.0, "sd": 20.0}),
        (Column(method="minmax"), {"method": "minmax"}),
        (Column("goalposts", (2.0, 60.0), truncate=False), {"method": "goalposts", "goalposts": (2.0, 60.0),
                                                           "truncate": False}),
        (Column("goalposts", (2.0, 60.0), log=True), {"method": "goalposts", "goalposts": (2.0, 60.0), "log": True}),
        (Column("rank"), {"method": "rank"}),
        (Column("piecewise", points=((0.0, 0.0), (50.0, 1.0))), {"method": "piecewise",
                                                                 "points": ((0.0, 0.0), (50.0, 1.0))}),
        (Column("dist2max"), {"method": "dist2max"}),
    ]  # fmt: skip
    options = Normalise("zscore", mean=50.0, sd=20.0, columns=tuple(kinds[i % 7][0] for i in range(COLUMNS)))
    expected = by_loop(x, lambda i, column: plain.normalise(column, DIRECTIONS[i], **kinds[i % 7][1]))
    close(normalise(x, FRAME, options).values, expected)


# --- The chain, and the peer's defects ---


def test_treat_then_normalise_then_rank() -> None:
    """A whole run: the loop's scores from our columns are the loop's own, and ranks are exact."""
    tree = {"children": [{"children": [{"column": 7 * p + k, "weight": 1.0 + k} for k in range(7)], "weight": 1.0 + p}
                         for p in range(7)]}  # fmt: skip
    treated = treat(PANEL, FRAME, Treat()).values
    scores = normalise(treated, FRAME, Normalise()).values
    for s in range(SLICES):
        rows = [cells(row) for row in PANEL[s]]
        expected, places = plain.plain_run(rows, tree, {"directions": DIRECTIONS})
        ours = [plain.aggregate(tree, cells(row)) for row in scores[s]]
        close(back(ours), back(expected))
        assert plain.rank_min(ours) == places


def test_the_peers_defects() -> None:
    rng = np.random.Generator(np.random.PCG64(9))
    x = np.round(rng.uniform(1, 9, (20, 6)))
    x[rng.random(x.shape) < 0.1] = np.nan
    w = rng.uniform(0.5, 2, 6)
    rows = [cells(row) for row in x]
    np.testing.assert_allclose(compat.outrank_matrix(x, w), plain.outrank_matrix(rows, w), rtol=0, atol=1e-12)
    for p in (-1.0, 0.5, 2.0, 3.0):
        expected = back([plain.power_blank(row, w, p) for row in rows])
        np.testing.assert_allclose(compat.power_blank(x, w, p), expected, rtol=1e-12)
