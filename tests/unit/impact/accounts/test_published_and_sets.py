"""The reviewed files: what ships is whole, sources resolve, and a faulty file is refused by name."""

from __future__ import annotations

import pytest

from concordat.errors import InputError
from concordat.impact.accounts.digital_sets import parse_product_sets, product_sets
from concordat.impact.accounts.published import parse_published, published_by_area, published_figures

# Every published figure that the room's specification lists (section 7): rung, area, year, percent or amount.
LISTED = [
    ("a", "WLD", 2019, (4.5, 15.5)), ("b", "IND", 2014, 5.4), ("b", "IND", 2019, 8.5), ("b", "IND", 2019, 22),
    ("b", "IND", 2019, 62.4), ("b", "CHN", 2018, 7.14), ("c", "CHN", 2018, 17.16), ("c", "CHN", 2018, 34.8),
    ("other", "CHN", 2018, 32.58), ("c", "CHN", 2019, 36.2), ("c", "CHN", 2019, 35.8), ("c", "CHN", 2019, 7.1),
    ("c", "CHN", 2019, 28.8), ("c", "CHN", 2021, 39.8), ("c", "CHN", 2021, 45.5), ("c", "CHN", 2019, 37.8),
    ("c", "CHN", 2019, 19.5), ("c", "CHN", 2019, 8.2), ("c", "WLD", 2018, 30.2), ("c", "WLD", 2018, 40.3),
    ("c", "USA", 2018, 12.34), ("c", "CHN", 2018, 4.73), ("c", "CHN", 2018, 15.776), ("c", "CHN", 2018, 7.3),
    ("c", "CHN", 2018, 8.5), ("d", "USA", 2016, 6.5), ("d", "USA", 2019, 9.6), ("d", "USA", 2019, 2051.6),
    ("d", "USA", 2019, 9.3), ("d", "USA", 2021, 10.3), ("d", "USA", 2021, 2.41), ("e", "WLD", 2019, 3.3),
    ("e", "WLD", 2021, 3.8), ("e", "USA", 2019, 59.1), ("e", "USA", 2019, 517.5), ("e", "USA", 2019, 50.6),
    ("e", "WLD", 2018, 24), ("e", "WLD", 2018, 5.1),
]  # fmt: skip


@pytest.mark.parametrize(("rung", "area", "year", "number"), LISTED)
def test_every_listed_figure_ships(rung: str, area: str, year: int, number: object) -> None:
    found = published_figures(area, year=year, rung=rung)
    assert any(number in (f.percent, f.amount, (f.percent_low, f.percent_high)) for f in found)


def test_every_figure_says_its_source_and_how_far_it_was_seen() -> None:
    figures = published_figures()
    assert len(figures) == len({f.id for f in figures})
    for f in figures:
        assert f.source
        assert f.mark in ("verified", "secondary", "unverified")
        assert f.address.startswith("http") or f.mark == "unverified"
        assert f.released or f.mark == "unverified", "a figure is known by its release"


def test_figures_of_many_areas_at_once() -> None:
    found = published_by_area(["IND", "BRA"], year=2019)
    assert list(found) == ["IND", "BRA"]
    assert found["BRA"] == ()
    assert {f.year for f in found["IND"]} == {2019}


FIGURES = """schema: concordat/ladder-published@1
sources:
  s: {title: A source, url: "https://example.org"}
figures:
  - {id: x, rung: b, area: BRA, year: 2018, label: y, percent: 3.5, of: GDP, source: s, mark: verified,
     released: "2019"}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("source: s,", "source: t,", '"t" is not a key I know'),
        ("percent: 3.5, of: GDP, ", "", "x has no number"),
        ("of: GDP, ", "", "does not say of what"),
        ("rung: b", "rung: f", "figures.0.rung"),
        ("mark: verified", "mark: sure", "figures.0.mark"),
        ("label: y", "labell: y", 'Did you mean "label"'),
        ('released: "2019"', "released: soon", 'released "soon"'),
        ("ladder-published@1", "ladder@1", "must be concordat/ladder-published@1"),
        ("of: GDP,", "of: GDP, part_of: z,", '"z" is not a key I know'),
    ],
)
def test_a_faulty_file_of_figures_is_refused(old: str, new: str, said: str) -> None:
    assert len(parse_published(FIGURES, where="own.yaml")) == 1
    with pytest.raises(InputError, match=said):
        parse_published(FIGURES.replace(old, new), where="own.yaml")


def test_an_id_twice_is_refused() -> None:
    with pytest.raises(InputError, match="x stands twice"):
        parse_published(FIGURES + "\n".join(FIGURES.splitlines()[-2:]), where="own.yaml")


# --- Sets ---


def test_sets_name_their_source_and_mark_and_known_classifications() -> None:
    sets = product_sets()
    known = {name for name, _ in sets.recognised_by}
    for one in sets.sets:
        assert one.source
        assert one.mark in ("verified", "secondary", "unverified", "own")
        assert one.classification in known
    assert sets.get("us-core").codes == ("334", "511", "513", "514", "5415")
    assert [s.codes for s in sets.of("wiod35")] == [("c27",), ("c14", "c27"), ("c14", "c27", "c30")]


@pytest.mark.parametrize(
    ("codes", "classification"),
    [
        ([f"c{n}" for n in range(1, 36)], "wiod35"),
        (["111CA", "334", "5412OP", "GFGD"], "bea_summary"),
        (["A01_02", "C26", "J58T60", "J61", "J62_63"], "icio_2023"),
        (["01T02", "26", "58T60", "61", "62T63"], "icio_2021"),
        (["farms", "telecom"], ""),
    ],
)
def test_a_table_tells_its_classification(codes: list[str], classification: str) -> None:
    assert product_sets().classification(codes) == classification


SETS = """schema: concordat/digital-products@1
sets:
  - {id: mine, title: t, kind: industries, classification: own, codes: [a, b], source: s, mark: own}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[a, b]", "[a, a]", "mine has a twice"),
        ("[a, b]", "[]", "sets.0.codes"),
        ("mark: own", "mark: ours", "sets.0.mark"),
        ("kind: industries", "kinds: industries", 'Did you mean "kind"'),
    ],
)
def test_a_faulty_file_of_sets_is_refused(old: str, new: str, said: str) -> None:
    assert parse_product_sets(SETS, where="own.yaml").get("mine").codes == ("a", "b")
    with pytest.raises(InputError, match=said):
        parse_product_sets(SETS.replace(old, new), where="own.yaml")


def test_an_unknown_set_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "wiod-medium"'):
        product_sets().get("wiod-medum")
