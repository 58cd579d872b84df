"""How sure a figure of `concordat divide` is: the intervals of the library, or the reason why there is none."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from concordat.cli import main
from concordat.cli._divide_tables import digits, ends
from concordat.observatory.divide import convergence_clubs, decompose, sigma_convergence

Run = Callable[..., str]
SPEEDS = [(float(i % 7 + 1) + i % 3, "a" if i < 40 else "b") for i in range(80)]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `concordat divide ...` in a fresh folder; it must succeed. What it printed."""
    monkeypatch.chdir(tmp_path)

    def divide(*arguments: str) -> str:
        assert main(["divide", *arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return divide


def table(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def series(units: dict[str, Iterable[float]], first: int = 2000) -> str:
    rows = [f"{u},{first + i},{v}" for u, values in units.items() for i, v in enumerate(values)]
    return "\n".join(["unit,year,value", *rows]) + "\n"


# --- Intervals ----------------------------------------------------------------------------------------------------


def test_parts_of_a_divide_are_printed_with_their_intervals(run: Run) -> None:
    Path("speed.csv").write_text("speed,town\n" + "".join(f"{v},{g}\n" for v, g in SPEEDS))
    asked = ("decompose", "--data", "speed.csv", "--value", "speed", "--groups", "town", "--measure", "theil_t")
    d = decompose([v for v, _ in SPEEDS], groups=[g for _, g in SPEEDS], measure="theil_t")
    line = next(line for line in run(*asked).splitlines() if line.startswith("theil_t "))
    for m in (d.total, d.between, d.within):
        assert m.lower is not None
        assert f"{digits(m.value)}  {ends(m.lower, m.upper)}" in line
    assert "Intervals: 95 %." in run(*asked).splitlines()
    whole = table(run(*asked, "--csv"))[0]
    for name, m in (("total", d.total), ("between", d.between), ("within", d.within)):
        assert [float(whole[f"{name}_{k}"]) for k in ("se", "lower", "upper")] == [m.se, m.lower, m.upper]


def test_parts_of_countries_say_that_they_are_no_sample(run: Run, evidence_dir: Path) -> None:
    out = run("decompose", "internet_users_pct", "--by", "income", "--data-dir", str(evidence_dir))
    assert "Intervals: 95 % as if drawn from a wider population." in out.splitlines()


def test_trend_of_the_spread_and_slopes_of_clubs_are_printed_with_their_intervals(run: Run) -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    units = {
        name: (start + 2 * np.arange(16) + rng.normal(size=16)).tolist()
        for name, start in zip("ABCDE", range(5, 30, 5), strict=True)
    }
    Path("meet.csv").write_text(series(units))
    panel = {u: (list(range(2000, 2016)), v) for u, v in units.items()}
    trend, whole = sigma_convergence(panel, 2000, 2015).trend, convergence_clubs(panel, 2000, 2015).whole
    assert trend is not None
    rows = {(r["part"], r["item"]): r for r in table(run("converge", "--data", "meet.csv", "--csv"))}
    sigma, clubs = rows["sigma", "trend per year"], rows["clubs", "slope b of all"]
    t = 2.144786688  # Student, 14 degrees of freedom, 97.5 %: a printed table
    assert [float(sigma[k]) for k in ("lower", "upper")] == pytest.approx(
        [trend.slope - t * trend.se, trend.slope + t * trend.se], rel=1e-8
    )
    assert [float(clubs[k]) for k in ("lower", "upper")] == pytest.approx(
        [whole.b - 1.959964 * whole.se, whole.b + 1.959964 * whole.se], rel=1e-6
    )
    line = next(line for line in run("converge", "--data", "meet.csv").splitlines() if "trend per year" in line)
    assert ends(trend.lower, trend.upper) in line


def test_members_alike_in_the_last_year_have_no_slope_and_it_is_said(run: Run) -> None:
    Path("alike.csv").write_text(
        series({u: [start, *[50.0] * 11] for u, start in (("A", 10.0), ("B", 20.0), ("C", 30.0))})
    )
    found = json.loads(run("converge", "--data", "alike.csv", "--json"))
    assert (found["clubs"]["whole"]["lower"], found["clubs"]["whole"]["converges"]) == (None, True)
    line = next(line for line in run("converge", "--data", "alike.csv").splitlines() if "slope b of all" in line)
    assert line.endswith("no interval: members are alike in the first or the last year")


# --- None, and why ------------------------------------------------------------------------------------------------


def test_a_curve_that_is_fastest_in_no_observed_year_says_none_and_why(run: Run) -> None:
    """Growth that falls from the start, as of 1 - e^-t, has no fastest year; a middle in 2007 is one."""
    falling = [80 * (1 - math.exp(-0.2 * t)) for t in range(1, 16)]
    rising = [80 / (1 + math.exp(-0.5 * (t - 7))) for t in range(15)]
    for name, values in (("falling", falling), ("rising", rising)):
        Path(f"{name}.csv").write_text(series({"A": values}))
    asked = ("diffuse", "--data", "falling.csv", "--curve", "bass")
    line = run(*asked).splitlines()[3]
    assert "none" in line.split()
    assert line.endswith("fastest: growth falls from the start")
    (row,) = table(run(*asked, "--csv"))
    assert (row["inflection"], row["inflection_reason"]) == ("", "falling_from_the_start")
    found = json.loads(run(*asked, "--json"))["units"]["A"]
    assert (found["inflection"], found["inflection_reason"]) == (None, "falling_from_the_start")
    line = run("diffuse", "--data", "rising.csv", "--curve", "logistic").splitlines()[3]
    assert "none" not in line.split()
    assert "2007" in line.split()
