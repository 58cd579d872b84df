"""Why a score or a rank changed: shares that add up, held to every order of switching by hand-made mixtures."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import MethodError
from concordat.observatory import compare, run
from concordat.observatory.bind import from_table
from concordat.observatory.result import IndexResult
from concordat.observatory.spec import IndexSpec

TREE = """\
  - pillar: a
    weight: {wa}
    indicators: [{{id: x, direction: up}}, {{id: y, direction: {dy}}}]
  - pillar: b
    weight: 1
    indicators: [{{id: z, direction: up}}]
"""


def edition(
    table: str, *, wa: float = 1, dy: str = "up", method: str = "minmax", top: str = "arithmetic", index: str = "e"
) -> IndexResult:
    text = (
        f"schema: concordat/index@1\nindex: {index}\ntitle: E\ndata: {{years: 2019..2021}}\n"
        f"tree:\n{TREE.format(wa=wa, dy=dy)}"
        f"steps:\n  - normalise: {{method: {method}, floor: 1}}\n  - aggregate: {{default: arithmetic, top: {top}}}\n"
    )
    spec = IndexSpec.from_yaml(text)
    return run(spec, from_table(spec, table))


def long(cells: dict[tuple[str, str], tuple[int, float]]) -> str:
    return "unit,year,indicator,value\n" + "\n".join(f"{u},{y},{i},{v}" for (u, i), (y, v) in cells.items())


BASE = {(u, i): (2020, float(v)) for u, row in {"P": (5, 2, 9), "Q": (7, 4, 1), "R": (1, 9, 5), "S": (3, 3, 3)}.items()
        for i, v in zip("xyz", row, strict=True)}  # fmt: skip


def test_shares_are_the_means_over_every_order_of_switching() -> None:
    revised = BASE | {("Q", "x"): (2020, 2.0)}
    earlier, later = edition(long(BASE)), edition(long(revised), wa=3, top="geometric", index="other")
    found = compare(later, earlier).attribute()
    assert set(found.score.components) == {"weights", "aggregate", "revised data"}

    def mixed(taken: frozenset[str]) -> np.ndarray:
        table = long(revised if "revised data" in taken else BASE)
        wa, top = (3 if "weights" in taken else 1), ("geometric" if "aggregate" in taken else "arithmetic")
        result = edition(table, wa=wa, top=top)
        return np.stack([result.scores, result.ranks])

    names = found.score.components
    shares = np.zeros((3, 2, 4))
    for order in permutations(names):
        taken: frozenset[str] = frozenset()
        for name in order:
            more = taken | {name}
            shares[names.index(name)] += (mixed(more) - mixed(taken)) / 6
            taken = more
    np.testing.assert_allclose(found.score.shares.T, shares[:, 0], atol=1e-9)
    np.testing.assert_allclose(found.rank.shares.T, shares[:, 1], atol=1e-9)
    np.testing.assert_allclose(found.score.shares.sum(axis=1), later.scores - earlier.scores, atol=1e-9)
    assert found.score.exact


def test_revised_and_new_figures_are_told_apart() -> None:
    later = BASE | {("Q", "x"): (2020, 2.0), ("R", "z"): (2021, 6.0)}
    found = compare(edition(long(later)), edition(long(BASE)))
    assert found.components == ("revised data", "new data")
    lost = {k: v for k, v in BASE.items() if k != ("S", "y")}
    assert compare(edition(long(lost)), edition(long(BASE))).components == ("new data",)


def test_entrants_and_leavers_are_listed_and_the_common_units_explained() -> None:
    others = {(("T" if u == "S" else u), i): v for (u, i), v in BASE.items()} | {("T", "x"): (2020, 30.0)}
    comparison = compare(edition(long(others)), edition(long(BASE)))
    assert (comparison.entrants, comparison.leavers, comparison.units) == (("T",), ("S",), ("P", "Q", "R"))
    found = comparison.attribute()
    assert found.score.components == ("units",)
    np.testing.assert_allclose(found.score.shares[:, 0], found.score.total)
    assert np.abs(found.score.total).max() > 1  # T stretches the range of x


def test_two_equal_editions_have_no_components() -> None:
    comparison = compare(edition(long(BASE)), edition(long(BASE), index="renamed"))
    found = comparison.attribute()
    assert comparison.components == ()
    assert found.score.components == ()
    np.testing.assert_array_equal(found.score.total, np.zeros(4))
    assert found.score.rows()[0]["total"] == 0


def test_no_common_unit_is_an_error() -> None:
    others = {(u + u, i): v for (u, i), v in BASE.items()}
    with pytest.raises(MethodError, match="no unit is in both"):
        compare(edition(long(others)), edition(long(BASE))).attribute()


def test_mixtures_that_cannot_be_run_merge_two_components_and_say_so() -> None:
    # A geometric mean of min-max scores without the floor has no value: floor and geometric mean belong together.
    plain = edition(long(BASE))
    text = "schema: concordat/index@1\nindex: e\ntitle: E\ndata: {years: 2019..2021}\ntree:\n" + TREE.format(
        wa=1, dy="up"
    )
    bare = text + "steps:\n  - normalise: {method: minmax}\n  - aggregate: {default: arithmetic}\n"
    spec = IndexSpec.from_yaml(bare)
    earlier = run(spec, from_table(spec, long(BASE)))
    later = edition(long(BASE), top="geometric", wa=2)
    found = compare(later, earlier).attribute()
    assert "normalise and aggregate" in found.score.components
    assert found.merged == ("normalise and aggregate",)
    np.testing.assert_allclose(found.score.shares.sum(axis=1), later.scores - earlier.scores, atol=1e-9)
    assert "normalise and aggregate" not in compare(plain, earlier).attribute().score.components


def test_another_framework_takes_its_weights_with_it() -> None:
    other = (
        "schema: concordat/index@1\nindex: e\ntitle: E\ndata: {years: 2019..2021}\ntree:\n  - pillar: a\n"
        "    indicators: [{id: x, direction: up, weight: 3}, {id: z, direction: up}]\n"
        "steps:\n  - normalise: {method: minmax, floor: 1}\n  - aggregate: {default: arithmetic}\n"
    )
    spec = IndexSpec.from_yaml(other)
    comparison = compare(run(spec, from_table(spec, long(BASE))), edition(long(BASE)))
    assert comparison.components == ("framework",) or set(comparison.components) == {"framework", "aggregate"}
    assert "framework and weights" in comparison.attribute().merged[0]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_shares_add_up_to_every_change(data: st.DataObject) -> None:
    cells = dict(BASE)
    for key in data.draw(st.lists(st.sampled_from(sorted(BASE)), unique=True, max_size=5)):
        year = data.draw(st.sampled_from([2020, 2021]))
        cells[key] = (year, data.draw(st.floats(0.5, 20).map(lambda v: round(v, 2))))
    options = {
        "wa": data.draw(st.sampled_from([1, 2, 5])),
        "dy": data.draw(st.sampled_from(["up", "down"])),
        "method": data.draw(st.sampled_from(["minmax", "rank", "prank"])),
        "top": data.draw(st.sampled_from(["arithmetic", "geometric"])),
    }
    later, earlier = edition(long(cells), **options), edition(long(BASE))
    found = compare(later, earlier).attribute()
    for table in (found.score, found.rank):
        np.testing.assert_allclose(table.shares.sum(axis=1), table.total, atol=1e-9)
    np.testing.assert_allclose(found.score.total, later.scores - earlier.scores, atol=1e-9)
    np.testing.assert_allclose(found.rank.total, later.ranks - earlier.ranks, atol=1e-9)


def whole(steps: str, table: str, *, tree: str = "", index: str = "e", head: str = "") -> IndexResult:
    head = head or "data: {years: 2019..2021}\n" if "year," in table else head
    text = (
        f"schema: concordat/index@1\nindex: {index}\ntitle: E\n{head}tree:\n{tree or TREE.format(wa=1, dy='up')}{steps}"
    )
    spec = IndexSpec.from_yaml(text)
    return run(spec, from_table(spec, table))


def test_steps_of_one_kind_keep_their_places() -> None:
    twice = "steps:\n  - normalise: {method: minmax}\n  - treat: {skew: 0.1, kurtosis: 0.1}\n"
    twice += "  - {name: again, normalise: {method: zscore}}\n  - aggregate: {}\n"
    other = twice.replace("kurtosis: 0.1", "kurtosis: 0.1, winsorise_max: 1")
    earlier, later = whole(twice, long(BASE)), whole(other, long(BASE))
    found = compare(later, earlier).attribute().score
    assert set(found.components) <= {"steps"}
    np.testing.assert_allclose(found.before, earlier.scores, atol=1e-9)
    np.testing.assert_allclose(found.after, later.scores, atol=1e-9)


def test_a_step_that_one_edition_alone_has_in_an_unusual_place_keeps_it() -> None:
    table = "unit,year,indicator,value\n" + long({k: v for k, v in BASE.items() if k != ("Q", "y")}).split("\n", 1)[1]
    plain = whole("steps:\n  - normalise: {}\n  - aggregate: {}\n", table)
    late = whole(
        "steps:\n  - treat: {rule: none}\n  - impute: {method: mean}\n  - normalise: {}\n  - aggregate: {}\n", table
    )
    found = compare(late, plain).attribute().score
    np.testing.assert_allclose(found.after, late.scores, atol=1e-9)
    np.testing.assert_allclose(found.shares.sum(axis=1), late.scores - plain.scores, atol=1e-9)


def test_entrants_are_filled_in_by_their_own_group() -> None:
    steps = "steps:\n  - impute: {method: group_mean, group: income}\n  - normalise: {}\n  - aggregate: {}\n"
    rows = {"BRA": (5, 2, 9), "RUS": (None, 4, 1), "IND": (1, 9, 5), "CHN": (3, 3, 3), "ETH": (2, 8, 4)}
    more = {**{k: v for k, v in rows.items() if k != "BRA"}, "ARE": (9, None, 8), "IDN": (4, 6, 7), "SAU": (8, 7, 2)}

    def table(values: dict[str, tuple[float | None, ...]]) -> str:
        return "unit,x,y,z\n" + "\n".join(
            f"{u}," + ",".join("" if v is None else str(v) for v in row) for u, row in values.items()
        )

    earlier, later = whole(steps, table(rows)), whole(steps, table(more))
    found = compare(later, earlier).attribute()
    kept = [later.units.index(u) for u in found.score.units]
    np.testing.assert_allclose(found.score.after, later.scores[kept], atol=1e-9)
    np.testing.assert_allclose(found.rank.after, later.ranks[kept], atol=1e-9)


def test_options_that_fit_one_tree_only_are_merged_with_it() -> None:
    three = TREE.format(wa=1, dy="up") + "  - pillar: c\n    indicators: [{id: v, direction: up}]\n"
    table = "unit,x,y,z,v\nP,5,2,9,3\nQ,7,4,1,6\nR,1,9,5,1\nS,3,3,3,9\n"
    steps = "steps:\n  - normalise: {}\n  - aggregate: {default: arithmetic, top: owa, owa_weights: [%s]}\n"
    earlier, later = whole(steps % "0.3, 0.7", table), whole(steps % "0.3, 0.3, 0.4", table, tree=three)
    found = compare(later, earlier).attribute()
    assert found.score.components == ("framework and aggregate",)
    np.testing.assert_allclose(found.score.shares[:, 0], later.scores - earlier.scores, atol=1e-9)


def test_changed_denominators_are_a_cause_of_their_own() -> None:
    steps = "steps:\n  - denominate: {x: {by: pop, per: 1}}\n  - normalise: {}\n  - aggregate: {}\n"
    first = "unit,x,y,z,pop\nP,5,2,9,1\nQ,7,4,1,1\nR,1,9,5,1\n"
    earlier, later = whole(steps, first), whole(steps, first.replace("P,5,2,9,1", "P,5,2,9,5"))
    found = compare(later, earlier).attribute().score
    assert found.components == ("denominators",)
    assert np.abs(found.total).max() > 1


def test_a_distance_is_not_subtracted_from_a_score() -> None:
    steps = "steps:\n  - normalise: {}\n  - aggregate: {top: %s}\n"
    with pytest.raises(MethodError, match="is a distance"):
        compare(whole(steps % "wroclaw", long(BASE)), whole(steps % "arithmetic", long(BASE)))


def test_comparisons_of_pairs_know_the_index_by_either_name() -> None:
    steps = "steps:\n  - normalise: {}\n  - weights: {method: ahp, matrices: {%s: [[1, 3], [0.333333333333, 1]]}}\n"
    steps += "  - aggregate: {}\n"
    one, two = (whole(steps % name, long(BASE), index=name) for name in ("old", "new"))
    assert compare(two, one).components == ()
