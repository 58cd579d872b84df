"""The engine: one run from file to rank, and a thousand runs that are each what one run would be."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import InputError, MethodError, SourceError
from concordat.observatory.batch import Batch, stream
from concordat.observatory.bind import from_table
from concordat.observatory.graph import Graph
from concordat.observatory.run import run, weights_of
from concordat.observatory.spec import IndexSpec
from concordat.observatory.stages.aggregate import aggregate_tree
from concordat.observatory.uncertainty import uncertainty

FILE = """\
schema: concordat/index@1
index: demo
title: A demonstration
tree:
  - pillar: access
    weight: 2
    indicators:
      - {id: users, direction: up, goalposts: [0, 100], error: {sd: 3}, bounds: [0, 100]}
      - {id: lines, direction: up, weight: 2, goalposts: [0, 60], error: {relative_sd: 0.1}}
      - {id: basket, direction: down, transform: log, goalposts: [0.2, 30]}
  - pillar: skills
    indicators:
      - {id: literacy, direction: up, goalposts: [0, 100]}
      - {id: schooling, direction: up, goalposts: [0, 18]}
steps:
  - impute: {method: em, within: all, draws: 5}
  - screen: {min_share: 0.5}
  - treat: {winsorise_max: 2, then: log_ct}
  - normalise: {method: minmax, lower: 0, upper: 100, floor: 1}
  - weights: {method: given}
  - aggregate: {default: arithmetic, top: geometric}
uncertainty:
  runs: 512
  seed: 7
  vary:
    impute.draw: all
    treat.winsorise_max: [0, 1, 5]
    treat.then: [log_ct, none]
    normalise.method: [minmax, zscore, goalposts]
    weights.noise: {plus_minus: 0.3, draws: 8}
    weights.method: [given, equal, pca]
    aggregate.top: [geometric, arithmetic]
    data.error: {draws: 6}
"""


def table(units: int = 14, seed: int = 3) -> str:
    rng = np.random.default_rng(seed)
    lines = ["unit,users,lines,basket,literacy,schooling"]
    level = rng.normal(0, 1, units)
    for n in range(units):
        users = 100 / (1 + np.exp(-level[n] - rng.normal(0, 0.3)))
        values = [users, np.exp(level[n] + rng.normal(0, 0.6)) * 5, np.exp(-level[n] + rng.normal(0, 0.4)) + 0.3]
        values += [min(100.0, 80 + 8 * level[n] + rng.normal(0, 4)), 13 + level[n] + rng.normal(0, 1)]
        cells = [f"{v:.4f}" for v in values]
        if n % 5 == 2:
            cells[n % 4] = ""
        lines.append(",".join([f"U{n:02d}", *cells]))
    return "\n".join(lines)


@pytest.fixture(scope="module")
def batch() -> Batch:
    # z-scores are lifted to the floor of 1 before the geometric mean
    spec = IndexSpec.from_yaml(FILE)
    return Batch(Graph(spec, from_table(spec, table())))


def alone(batch: Batch, levels: list[int]) -> np.ndarray:
    """One run by the nominal route: its own options, figures, weights, aggregation."""
    graph, spec = batch.graph, batch.graph.spec
    steps = list(spec.steps)
    base = graph.panel.values
    shake = np.ones(len(spec.tree.names))
    draw = 0
    for factor, level in zip(batch.factors, levels, strict=True):
        if factor.kind == "option":
            value = getattr(factor.levels[level], factor.field)
            options = replace(steps[factor.step].options, **{factor.field: value})
            steps[factor.step] = replace(steps[factor.step], options=options)
        elif factor.kind == "error":
            base = batch.base[level]
        elif factor.kind == "noise":
            shake = batch.shakes[batch.factors.index(factor)][level]
        elif factor.kind == "draw":
            draw = level
    changed = replace(spec, steps=tuple(steps))
    other = Graph(changed, graph.panel)
    stack = base[None]
    for step, number in other.steps:
        if step.stage == "impute":  # pre-drawn fills stand where a figure is missing; the others keep their value
            stack = np.where(np.isnan(stack), batch.fills[number][draw], stack)
        else:
            stack = other.apply(step, stack, step.options).values
    columns = stack[0, -1]
    weights = weights_of(other, steps[4].options, columns).weights  # type: ignore[arg-type]
    weights = spec.tree.normalised(weights * shake)
    return aggregate_tree(columns, weights, spec.tree, steps[5].options)[:, spec.tree.root]  # type: ignore[arg-type]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*(st.integers(0, n - 1) for n in (2, 6, 5, 3, 2, 3, 3, 8))), min_size=1, max_size=12))
def test_a_batch_is_what_each_run_alone_would_be(batch: Batch, runs: list[tuple[int, ...]]) -> None:
    together = batch.scores(np.array(runs, dtype=np.float64))
    for levels, row in zip(runs, together, strict=True):
        np.testing.assert_allclose(row, alone(batch, list(levels)), rtol=1e-11, atol=1e-10)


def test_runs_do_not_depend_on_the_runs_beside_them(batch: Batch) -> None:
    rng = stream(1, "levels")
    sizes = [2, 6, 5, 3, 2, 3, 3, 8]
    levels = np.stack([rng.integers(0, n, 300) for n in sizes], axis=1).astype(np.float64)
    whole = batch.scores(levels)
    order = rng.permutation(300)
    np.testing.assert_allclose(batch.scores(levels[order]), whole[order], rtol=1e-12, atol=1e-10)


def test_scores_and_ranks_of_a_small_index_by_hand() -> None:
    text = """\
schema: concordat/index@1
index: hand
title: By hand
tree:
  - pillar: a
    weight: 3
    indicators: [{id: x, direction: up, goalposts: [0, 10]}, {id: y, direction: down, goalposts: [0, 4]}]
  - pillar: b
    weight: 1
    indicators: [{id: z, direction: up, goalposts: [0, 100]}]
steps:
  - normalise: {method: goalposts}
  - aggregate: {default: arithmetic}
"""
    spec = IndexSpec.from_yaml(text)
    result = run(spec, from_table(spec, "unit,x,y,z\nP,5,1,40\nQ,10,4,80\nR,12,,20\nS,,,90\n"))
    # P: a = (50 + 75)/2 = 62.5, b = 40: 0.75*62.5 + 0.25*40 = 56.875. Q: a = (100 + 0)/2 = 50, b = 80: 57.5.
    # R: a = 100 (cut at the goalpost, y missing: half are there), b = 20: 80. S: a has neither: not ranked.
    np.testing.assert_allclose(result.scores, [56.875, 57.5, 80.0, math.nan])
    np.testing.assert_equal(result.ranks, [3, 2, 1, math.nan])
    said = [n.text for n in result.notes if n.code == "unranked"]
    assert said == ["not ranked: 1 of 3 indicators have a figure, none of a"]
    assert np.isnan(result.contributions[3]).all()
    # Effective weights of P: x 0.375, y 0.375, z 0.25.
    np.testing.assert_allclose(result.contributions[0], [18.75, 28.125, 10.0])
    rows = result.provenance("Q", "hand")
    assert [r["value"] for r in rows] == [10.0, 4.0, 80.0]
    assert rows[0]["observation"] == "Q:x"


def test_a_unit_with_too_little_is_left_unranked_with_the_reason() -> None:
    spec = IndexSpec.from_yaml(FILE.replace("min_share: 0.5", "min_share: 0.9"))
    result = run(spec, from_table(spec, table()))
    lacking = [u for u in range(14) if u % 5 == 2]
    assert np.isnan(result.scores[lacking]).all()
    said = {n.unit: n.text for n in result.notes if n.code == "unranked"}
    assert set(said) == {f"U{u:02d}" for u in lacking}
    assert said["U02"] == "not ranked: 4 of 5 indicators have a figure"


def test_a_figure_that_its_unit_makes_impossible_is_refused_and_can_be_accepted() -> None:
    spec = IndexSpec.from_yaml(FILE)
    wrong = table().replace("U00,", "U00,103.5;", 1).replace("103.5;" + table().split("U00,")[1].split(",")[0], "103.5")
    with pytest.raises(SourceError, match=r"observation U00:users: users of U00 is 103\.5, outside of 0 to 100"):
        from_table(spec, wrong)
    accepting = IndexSpec.from_yaml(FILE.replace("tree:\n", "data: {allow: ['U00:users']}\ntree:\n", 1))
    assert from_table(accepting, wrong).values[0, 0, 0] == 103.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the table is empty"),
        ("country,users\nA,1\n", "no column unit"),
        ("unit,users,users\nA,1,2\n", "a column stands twice"),
        ("unit,users,lines,basket,literacy\nA,1,2,3,4\n", 'no figures of "schooling"'),
        ("unit,users,lines,basket,literacy,schoolng\nA,1,2,3,4,5\n", 'Did you mean "schoolng"?'),
        ("unit,users,lines,basket,literacy,schooling\nA,1,2,x,4,5\n", 'line 2: basket: "x" is not a number'),
        ("unit,users,lines,basket,literacy,schooling\nA,1,2,1e999,4,5\n", "not finite"),
        ("unit,users,lines,basket,literacy,schooling\nA,1,2,3,4,5\nA,1,2,3,4,5\n", "line 3: users of A stands twice"),
        ("unit,users,lines,basket,literacy,schooling\n,1,2,3,4,5\n", "the row names no unit"),
        ("unit,year,indicator,value\nA,20x5,users,3\n", '"20x5" is not a year'),
    ],
)
def test_a_table_that_cannot_be_read_says_where(text: str, words: str) -> None:
    with pytest.raises(InputError) as told:
        from_table(IndexSpec.from_yaml(FILE), text, where="mine.csv")
    assert words in str(told.value)
    assert str(told.value).startswith("mine.csv")


def test_a_run_that_fails_names_run_step_indicator_and_unit_or_is_dropped_and_counted() -> None:
    varied = "    normalise.floor: {levels: [1, null], probabilities: [0.5, 0.5]}\n"
    text = FILE.replace("    data.error: {draws: 6}\n", varied).replace("    treat.winsorise_max: [0, 1, 5]\n", "")
    text = text.replace("    weights.noise: {plus_minus: 0.3, draws: 8}\n", "").replace(
        "[minmax, zscore, goalposts]", "[minmax]"
    )
    spec = IndexSpec.from_yaml(text)
    result = run(spec, from_table(spec, table()))
    with pytest.raises(MethodError, match=r"skills|access"):  # the lowest of minmax is 0, which has no log
        uncertainty(result)
    dropping = IndexSpec.from_yaml(text.replace("  seed: 7", "  seed: 7\n  on_error: drop"))
    found = uncertainty(run(dropping, from_table(dropping, table())))
    assert 0 < len(found.failed) < found.runs
    assert found.as_data()["dropped"] == len(found.failed)
    assert np.isnan(found.scores[[f.run for f in found.failed]]).all()


def test_the_same_file_and_figures_give_the_same_bits() -> None:
    spec = IndexSpec.from_yaml(FILE)
    results = [uncertainty(run(spec, from_table(spec, table()))) for _ in range(2)]
    assert results[0].scores.tobytes() == results[1].scores.tobytes()
    assert results[0].as_data() == results[1].as_data()


def test_the_order_of_rows_and_columns_changes_nothing() -> None:
    spec = IndexSpec.from_yaml(FILE)
    rows = table().split("\n")
    other = "\n".join([rows[0], *reversed(rows[1:])])
    first, second = (run(spec, from_table(spec, t)) for t in (table(), other))
    np.testing.assert_array_equal(first.scores, second.scores)


def test_a_panel_of_years_is_normalised_over_all_of_them_or_by_a_base_year() -> None:
    head = "schema: concordat/index@1\nindex: p\ntitle: P\ndata: {years: 2020..2022, take: panel}\n"
    tree = "tree:\n  - pillar: a\n    indicators: [{id: x, direction: up}]\n"
    rows = [f"{u},{y},x,{v}" for u, vs in (("A", (0, 5, 10)), ("B", (10, 15, 20)), ("C", (4, 4, 8)))
            for y, v in zip((2020, 2021, 2022), vs, strict=True)]  # fmt: skip
    data = "\n".join(["unit,year,indicator,value", *rows])
    pooled = IndexSpec.from_yaml(head + tree + "steps:\n  - normalise: {over: all_years}\n  - aggregate: {}\n")
    scores = run(pooled, from_table(pooled, data)).nodes[:, :, -1]
    np.testing.assert_allclose(scores, [[0, 50, 20], [25, 75, 20], [50, 100, 40]])
    base = "steps:\n  - normalise: {over: base_year, base_year: 2020}\n  - aggregate: {}\n"
    based = IndexSpec.from_yaml(head + tree + base)
    scores = run(based, from_table(based, data)).nodes[:, :, -1]
    np.testing.assert_allclose(scores, [[0, 100, 40], [50, 150, 40], [100, 200, 80]])
    missing = IndexSpec.from_yaml(head + tree + base.replace("base_year: 2020", "base_year: 1999"))
    with pytest.raises(InputError, match="base year 1999"):
        run(missing, from_table(missing, data))


def test_a_unit_without_any_figure_is_listed_and_not_ranked() -> None:
    spec = IndexSpec.from_yaml(FILE)
    result = run(spec, from_table(spec, table() + "\nNOTHING,,,,,\n"))
    assert "NOTHING" in result.units
    assert np.isnan(result.ranks[result.units.index("NOTHING")])


def test_a_direction_is_turned_round_once_however_often_columns_are_normalised() -> None:
    head = "schema: concordat/index@1\nindex: t\ntitle: T\ntree:\n  - pillar: a\n"
    tree = "    indicators: [{id: x, direction: down, goalposts: [0, 10]}]\n"
    steps = "steps:\n  - normalise: {method: goalposts}\n  - {name: again, normalise: {method: minmax}}\n"
    steps += "  - aggregate: {}\n"
    spec = IndexSpec.from_yaml(head + tree + steps)
    scores = run(spec, from_table(spec, "unit,x\nA,1\nB,5\nC,9\n")).scores
    np.testing.assert_allclose(scores, [100, 50, 0])  # 1 is best, and stays best


def test_a_scale_that_moves_with_new_data_is_warned_of_when_years_are_compared() -> None:
    head = "schema: concordat/index@1\nindex: p\ntitle: P\ndata: {years: 2020..2022, take: panel}\n"
    tree = "tree:\n  - pillar: a\n    indicators: [{id: x, direction: up, goalposts: [0, 20]}]\n"
    data = "unit,year,indicator,value\n" + "\n".join(
        f"{u},{y},x,{v + y - 2020}" for u, v in (("A", 1), ("B", 5), ("C", 9)) for y in (2020, 2021, 2022)
    )
    said = {}
    for method in ("minmax", "goalposts"):
        spec = IndexSpec.from_yaml(f"{head}{tree}steps:\n  - normalise: {{method: {method}}}\n  - aggregate: {{}}\n")
        said[method] = [n.text for n in run(spec, from_table(spec, data)).notes if n.code == "moving_scale"]
    assert said["goalposts"] == []
    assert said["minmax"] == ["scores of 2020 will change when data after 2022 arrive: x take their scale from data"]


def test_a_reference_that_is_no_unit_is_told_before_anything_runs() -> None:
    head = "schema: concordat/index@1\nindex: t\ntitle: T\ntree:\n  - pillar: a\n"
    tree = "    indicators: [{id: x, direction: up, method: dist2ref, reference: ZZ}]\n"
    spec = IndexSpec.from_yaml(head + tree + "steps:\n  - normalise: {method: minmax}\n  - aggregate: {}\n")
    with pytest.raises(InputError, match='the reference "ZZ" is not a unit'):
        Graph(spec, from_table(spec, "unit,x\nA,1\nB,5\nC,9\n"))


TWO = """\
schema: concordat/index@1
index: t
title: T
tree:
  - pillar: a
    indicators: [{id: x, direction: up, goalposts: [0, 10]}, {id: y, direction: up, goalposts: [0, 10]}]
  - pillar: b
    indicators: [{id: z, direction: up, goalposts: [0, 10]}]
"""


@pytest.mark.parametrize(
    ("steps", "vary", "words"),
    [
        ("", "aggregate.top: [arithmetic, wroclaw]", "a distance, of which less is better"),
        (
            "  - impute: {method: em, draws: 3}\n",
            "impute.draw: all\n    impute.within: [pillar, all]",
            "its draws rest",
        ),
        ("  - impute: {method: mean, group: region}\n", "impute.group: [region, income]", "groups are read once"),
        ("", "normalise.method: {levels: [minmax, rank], group: [a]}", "group is ['a']"),
    ],
)
def test_what_can_not_be_varied_together_is_refused_before_anything_runs(steps: str, vary: str, words: str) -> None:
    more = (
        f"steps:\n{steps}  - normalise: {{method: goalposts}}\n  - aggregate: {{}}\nuncertainty:\n  vary:\n    {vary}\n"
    )
    with pytest.raises(InputError) as told:
        IndexSpec.from_yaml(TWO + more)
    assert words in str(told.value), str(told.value)


def test_figures_are_not_filled_in_after_they_were_normalised() -> None:
    steps = "steps:\n  - normalise: {method: goalposts}\n  - impute: {method: mean}\n  - aggregate: {}\n"
    with pytest.raises(InputError, match="filled in after they were normalised"):
        IndexSpec.from_yaml(TWO + steps)


def test_a_row_with_more_cells_than_the_head_is_refused() -> None:
    spec = IndexSpec.from_yaml(TWO + "steps:\n  - normalise: {method: goalposts}\n  - aggregate: {}\n")
    with pytest.raises(InputError, match=r"line 3: the row has 5 cells, the head 4"):
        from_table(spec, "unit,x,y,z\nA,1,2,3\nB,1,234,5,6\n")


def test_weights_from_data_follow_the_aggregation_of_their_own_run() -> None:
    steps = "steps:\n  - normalise: {method: goalposts, floor: 1}\n  - weights: {method: critic}\n"
    unc = "uncertainty:\n  vary:\n    aggregate.default: [arithmetic, geometric]\n"
    table_ = "unit,x,y,z\n" + "\n".join(f"U{i},{(7 * i) % 9 + 1},{(5 * i) % 8 + 1},{(3 * i) % 7 + 1}" for i in range(9))
    spec = IndexSpec.from_yaml(TWO + steps + "  - aggregate: {default: arithmetic}\n" + unc)
    batch_ = Batch(Graph(spec, from_table(spec, table_)))
    other = IndexSpec.from_yaml(TWO + steps + "  - aggregate: {default: geometric}\n")
    np.testing.assert_allclose(
        batch_.scores(np.array([[1.0]]))[0], run(other, from_table(other, table_)).scores, atol=1e-9
    )


YEARS = """\
schema: concordat/index@1
index: paced
title: A panel
data: {years: 2023..2024, take: panel}
tree:
  - pillar: a
    indicators: [{id: x, direction: up, goalposts: [0, 100]}, {id: y, direction: up, goalposts: [0, 100]}]
steps:
  - normalise: {method: goalposts}
  - aggregate: {default: arithmetic, nodes: {a: ampi}}
uncertainty: {runs: 8, vary: {aggregate.sign: [1, -1]}}
"""
PACED = "unit,year,x,y\nP,2023,10,30\nQ,2023,20,40\nR,2023,60,20\nP,2024,50,70\nQ,2024,30,80\nR,2024,90,60\n"


def ampi_by_hand(x: list[float], y: list[float], everyone: list[list[float]], centre: list[float]) -> list[float]:
    """Mazziotta & Pareto (2016) with the range of all units in all years, one unit after another."""
    found = []
    for pair in zip(x, y, strict=True):
        scaled = []
        for value, column, middle in zip(pair, everyone, centre, strict=True):
            half = (max(column) - min(column)) / 2
            scaled.append(70 + 60 * (value - (middle - half)) / (2 * half))
        mean = sum(scaled) / 2
        variance = sum((s - mean) ** 2 for s in scaled) / 2
        found.append(mean - variance / mean)
    return found


def test_ampi_takes_its_scale_from_the_whole_panel() -> None:
    x, y = [10.0, 20, 60, 50, 30, 90], [30.0, 40, 20, 70, 80, 60]
    expected = ampi_by_hand(x, y, [x, y], [sum(x) / 6, sum(y) / 6])
    spec = IndexSpec.from_yaml(YEARS)
    result = run(spec, from_table(spec, PACED))
    np.testing.assert_allclose(result.nodes[:, :, spec.tree.root].ravel(), expected, rtol=1e-12)
    # The first of the two runs is the index as stated; the contributions add to the score.
    np.testing.assert_allclose(uncertainty(result).scores[0], expected[3:], rtol=1e-12)
    np.testing.assert_allclose(result.baseline + result.contributions.sum(axis=1), expected[3:], rtol=1e-12)
    assert set(result.without()) == {"x", "y", "a"}


def test_ampi_puts_the_reference_units_first_year_at_100() -> None:
    spec = IndexSpec.from_yaml(YEARS.replace("nodes: {a: ampi}", "nodes: {a: ampi}, reference: Q"))
    x, y = [10.0, 20, 60, 50, 30, 90], [30.0, 40, 20, 70, 80, 60]
    result = run(spec, from_table(spec, PACED))
    found = result.nodes[:, :, spec.tree.root]
    np.testing.assert_allclose(found.ravel(), ampi_by_hand(x, y, [x, y], [20.0, 40.0]), rtol=1e-12)
    assert found[0, 1] == pytest.approx(100.0)


def test_a_unit_without_any_figure_of_a_pillar_is_unranked_in_every_run() -> None:
    lines = FILE.replace("impute: {method: em, within: all, draws: 5}", "impute: {method: none}")
    spec = IndexSpec.from_yaml(lines.replace("    impute.draw: all\n", ""))
    rows = table().split("\n")
    head, row = rows[0], rows[1].split(",")
    text = "\n".join([head, ",".join([*row[:4], "", ""]), *rows[2:]])
    result = run(spec, from_table(spec, text))
    assert np.isnan(result.scores[0])
    found = uncertainty(result).scores
    assert np.isnan(found[:, 0]).all()
    assert np.isfinite(found[:, 1]).all()


SMALL = """\
schema: concordat/index@1
index: demo
title: A demonstration
tree:
  - pillar: p
    indicators: [{id: a, direction: up}, {id: b, direction: up}]
  - pillar: q
    indicators: [{id: c, direction: up}]
steps:
  - normalise: {method: minmax, lower: 0, upper: 100}
  - aggregate: {default: arithmetic}
uncertainty:
  runs: 64
  vary:
    normalise.lower: [1, 0]
    aggregate.default: [arithmetic, geometric]
"""
THREE = "unit,a,b,c\nX,1,2,3\nY,2,1,5\nZ,4,4,9\n"


def test_a_run_that_has_no_mean_is_named() -> None:
    spec = IndexSpec.from_yaml(SMALL)
    result = run(spec, from_table(spec, THREE))
    with pytest.raises(MethodError, match=r"geometric mean needs values above 0") as told:
        uncertainty(result)
    # factors by path: aggregate.default, normalise.lower; the last of four runs is (geometric, 0)
    assert told.value.where.endswith(", run 4"), str(told.value)


def test_dropped_runs_are_counted_once() -> None:
    spec = IndexSpec.from_yaml(SMALL.replace("  runs: 64\n", "  runs: 64\n  on_error: drop\n"))
    found = uncertainty(run(spec, from_table(spec, THREE)))
    assert [f.run for f in found.failed] == [3]


def test_ampi_refuses_a_reference_that_is_no_unit_and_takes_one_that_is() -> None:
    text = SMALL[: SMALL.index("uncertainty:")].replace("default: arithmetic", "default: ampi, reference: W")
    spec = IndexSpec.from_yaml(text)
    with pytest.raises(InputError, match=r'"W" is not a unit of this index'):
        run(spec, from_table(spec, THREE))
    spec = IndexSpec.from_yaml(text.replace("reference: W", "reference: Z"))
    # Z is the best of all in each column: 100 in each, no penalty; and so on the top
    assert run(spec, from_table(spec, THREE)).scores[2] == pytest.approx(100.0)


def test_order_weights_may_be_asked_for_by_their_word() -> None:
    text = SMALL[: SMALL.index("uncertainty:")].replace(
        "default: arithmetic", "default: arithmetic, nodes: {p: owa}, owa: weights, owa_weights: [3, 1]"
    )
    spec = IndexSpec.from_yaml(text)
    result = run(spec, from_table(spec, THREE))
    # Y: a = 100/3, b = 0; the better one weighs 3 of 4
    assert result.nodes[-1, 1, spec.tree.names.index("p")] == pytest.approx(25.0)
