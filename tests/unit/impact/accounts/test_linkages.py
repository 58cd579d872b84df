"""Rung b: the three terms on a table small enough to check by hand, identities, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from concordat.errors import InputError, MethodError, SourceError
from concordat.impact.accounts.io_table import IOTable, build, domestic
from concordat.impact.accounts.linkages import digital_linkages, linkage_matrix

# By hand: A = [[.1, .2], [.3, .1]], det(I - A) = .75, B = [[1.2, 4/15], [.4, 1.2]], y = (70, 60), v = (.6, .7), so
# M = [[50.4, 9.6], [19.6, 50.4]].
TWO = IOTable(
    "AAA", ("a", "b"), np.array([[10.0, 20.0], [30.0, 10.0]]), np.array([60.0, 70.0]), np.full(2, 100.0), 2020
)


def test_the_three_terms_by_hand() -> None:
    found = digital_linkages(TWO, ["b"])
    assert found.backward == pytest.approx(9.6 + 50.4, rel=1e-12)
    assert found.forward == pytest.approx(19.6 + 50.4, rel=1e-12)
    assert found.double_count == pytest.approx(50.4, rel=1e-12)
    assert found.total == pytest.approx(79.6, rel=1e-12)
    assert found.direct == 70.0
    assert found.gdp == 130.0
    assert found.extraction == pytest.approx(130 - 0.6 / 0.9 * 70, rel=1e-12)
    assert found.percent() == pytest.approx(100 * 79.6 / 130, rel=1e-12)
    assert found.percent("backward") == pytest.approx(100 * 60 / 130, rel=1e-12)
    assert found.fixed_capital is None


def test_the_matrix_by_hand_and_its_sums() -> None:
    m = linkage_matrix(TWO)
    np.testing.assert_allclose(m, [[50.4, 9.6], [19.6, 50.4]], rtol=1e-12)
    np.testing.assert_allclose(m.sum(axis=1), TWO.value_added, rtol=1e-12)


def test_all_digital_is_gdp_and_nothing_is_left_by_extraction() -> None:
    found = digital_linkages(TWO, ["a", "b"])
    assert found.total == pytest.approx(130.0, rel=1e-12)
    assert found.extraction == 130.0


def test_the_fourth_term_is_off_and_stamped_where_it_is_given() -> None:
    found = digital_linkages(TWO, ["b"], fixed_capital_term=lambda table, mask: float(table.output[mask].sum()) / 10)
    assert found.fixed_capital == 10.0
    assert found.total == pytest.approx(89.6, rel=1e-12)
    assert any("unverified" in note for note in found.notes)
    assert not any("unverified" in note for note in digital_linkages(TWO, ["b"]).notes)


def test_negative_value_added_is_kept_and_listed() -> None:
    table = build(
        "AAA", ["a", "b", "c"], np.diag([0.0, 0.0, 0.0]) + 1, np.array([-2.0, 4.0, 5.0]), np.array([9.0, 8, 9]), year=1
    )
    found = digital_linkages(table, ["a"])
    assert [str(k) for k in found.kept] == ["negative value added: a (-2)"]
    assert found.direct == -2.0


def test_an_industry_without_output_is_dropped_and_named() -> None:
    z = np.zeros((3, 3))
    z[0, 1], z[2, 1] = 5.0, 1.0
    table = build("AAA", ["a", "b", "c"], z, np.array([10.0, 4.0, 0.0]), np.array([10.0, 10.0, 0.0]), year=1)
    assert table.industries == ("a", "b")
    assert table.dropped == ("c",)
    assert [str(k) for k in table.kept] == ["dropped with its flows, as it has no output: c (1)"]
    found = digital_linkages(table, ["b", "c"])
    assert (found.digital, found.absent) == (("b",), ("c",))


@pytest.mark.parametrize(
    ("codes", "said"),
    [([], "no industry is digital"), (["B"], 'Did you mean "b"'), (["zz"], "It has a, b")],
)
def test_unknown_codes_are_refused(codes: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        digital_linkages(TWO, codes)


def test_a_singular_table_is_refused_with_its_industry() -> None:
    z = np.array([[50.0, 100.0], [25.0, 50.0]])  # (1 - .5)^2 = .25 = A_ab A_ba
    with pytest.raises(SourceError, match=r"singular.*b buys 1\.5 of its output.*merge"):
        digital_linkages(replace(TWO, z=z, tolerance=1.0), ["b"])


def test_a_table_that_uses_up_more_than_it_makes_is_refused() -> None:
    with pytest.raises(SourceError, match="use up more than they make"):
        digital_linkages(replace(TWO, z=np.array([[50.0, 80.0], [80.0, 50.0]]), tolerance=2.0), ["b"])


def test_inputs_and_value_added_above_output_are_refused() -> None:
    more = np.array([30.0, 100.0])  # a spends 70 of 100, which imports may explain; b 130
    with pytest.raises(SourceError, match=r"15 % of total output; most in b: 130 and 100.*--tolerance") as caught:
        replace(TWO, value_added=more)
    assert caught.value.code == "unbalanced"
    assert digital_linkages(replace(TWO, value_added=more, tolerance=0.16), ["b"]).direct == 100.0
    assert replace(TWO, value_added=np.array([30.0, 70.0])).kept == ()


def test_negative_use_is_listed_of_a_table_from_memory_too() -> None:
    odd = replace(TWO, z=np.array([[10.0, -20.0], [30.0, 10.0]]))
    assert [str(k) for k in digital_linkages(odd, ["b"]).kept] == ["negative domestic use: a in b (-20)"]
    assert replace(odd, year=2021).kept == odd.kept


def test_no_gdp_is_refused() -> None:
    with pytest.raises(SourceError, match="GDP is -10"):
        digital_linkages(replace(TWO, value_added=np.array([10.0, -20.0])), ["b"])


# --- Total flows ---

# Of product a 80 are imported and 20 exported: used at home 100 + 80 - 20 = 160, half of it made at home. Of b nothing
# comes from abroad.
TOTAL = replace(
    TWO, flows="total", treatment="", imports=np.array([80.0, 0.0]), exports=np.array([20.0, 10.0]),
)  # fmt: skip


def test_total_flows_are_refused_until_a_rule_is_chosen() -> None:
    with pytest.raises(MethodError, match="imports: proportional") as caught:
        digital_linkages(TOTAL, ["b"])
    assert caught.value.code == "no_imports_matrix"


def test_proportional_takes_the_same_share_out_of_every_use_and_is_stamped() -> None:
    home = domestic(TOTAL, "proportional")
    np.testing.assert_allclose(home.z, [[5.0, 10.0], [30.0, 10.0]])
    found = digital_linkages(TOTAL, ["b"], imports="proportional")
    assert found.treatment == "proportional"
    assert any(note.startswith("imports: proportional") for note in found.notes)
    assert found.total == pytest.approx(digital_linkages(replace(TWO, z=home.z), ["b"]).total, rel=1e-14)


def test_a_domestic_table_is_not_touched_by_the_rule() -> None:
    assert domestic(TWO, "proportional") is TWO


def test_a_share_outside_its_range_is_cut_off_and_listed() -> None:
    home = domestic(replace(TOTAL, imports=np.array([80.0, -5.0]), exports=np.array([150.0, 0.0])), "proportional")
    np.testing.assert_allclose(home.z, [[0.0, 0.0], [30.0, 10.0]])  # a: 1 - 80/30 < 0; b: 1 + 5/95 > 1
    assert [k.place for k in home.kept] == ["a", "b"]


def test_the_rule_needs_imports_and_exports() -> None:
    with pytest.raises(MethodError, match="needs imports and exports"):
        domestic(replace(TOTAL, exports=None), "proportional")


# --- The record ---


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"z": np.ones((2, 3))}, r"z has \(2, 3\)"),
        ({"value_added": np.array([1.0, np.nan])}, "value_added has an empty or infinite cell at b"),
        ({"industries": ("a", "a")}, "a twice"),
    ],
)
def test_a_table_checks_itself(change: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(TWO, **change)


def test_output_below_zero_is_kept_and_listed_and_no_output_refused() -> None:
    """Rounding and inventories make such cells: two industries of Luxembourg in WIOD 2011 have an output of -1."""
    z = np.array([[10.0, 0.0], [0.0, 0.0]])
    table = build("LUX", ["a", "b"], z, np.array([80.0, -1.0]), np.array([100.0, -1.0]), year=2011)
    assert [str(k) for k in table.kept] == ["negative output: b (-1)", "negative value added: b (-1)"]
    assert digital_linkages(table, ["b"]).forward == -1.0
    with pytest.raises(InputError, match="no output of b"):
        replace(TWO, output=np.array([100.0, 0.0]))


def test_a_table_without_any_output_is_refused() -> None:
    with pytest.raises(InputError, match="no industry has output"):
        build("AAA", ["a"], np.zeros((1, 1)), np.zeros(1), np.zeros(1), year=1)
