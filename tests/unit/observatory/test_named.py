"""Named indices say the truth about themselves, and whoever reproduces one from a bad table is told the line."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from concordat.errors import InputError, MethodError, SourceError
from concordat.observatory.bind import from_table
from concordat.observatory.named import named, named_ids, named_text
from concordat.observatory.reproduce import LeftOut, reproduce
from concordat.observatory.run import run
from concordat.observatory.spec import IndexSpec, Indicator

IDS = named_ids()
OF_OTHERS = [i for i in IDS if named(i).status != "own"]
DASHBOARDS = {"digital-readiness-cisco", "going-digital-oecd", "mci-gsma"}

MEAN = """
schema: concordat/index@1
index: mean
title: Mean of two
tree:
  - pillar: both
    indicators: [{id: a, direction: up}, {id: b, direction: up}]
steps:
  - aggregate: {min_share: 1}
"""


def mean(extra: str = "") -> IndexSpec:
    return IndexSpec.from_yaml(MEAN + extra, where="mean.yaml")


# --- The files ---


def test_every_index_that_the_specification_lists_is_there() -> None:
    wanted = {
        "hdi", "idi-2010", "idi-2015", "idi-2016", "idi-2017", "idi-2023", "egdi-2010", "egdi-2018", "egdi-2022",
        "egdi-tii-2018", "egdi-tii-2022", "egdi-hci-2022", "b2c-2018", "desi-2016", "desi-2021", "nri-wef-2015",
        "nri-portulans", "mci-gsma", "digital-readiness-cisco", "frontier-unctad", "going-digital-oecd",
    }  # fmt: skip
    assert wanted <= set(IDS)
    assert list(IDS) == sorted(IDS)


@pytest.mark.parametrize("index", OF_OTHERS)
def test_a_file_says_where_it_comes_from_and_what_is_not_known(index: str) -> None:
    spec = named(index)
    assert spec.id == index
    assert spec.sources
    assert spec.edition
    assert spec.licence
    assert len(spec.note) > 80
    assert all(i.source and i.rationale for i in spec.indicators)
    if spec.status == "unverified":
        assert spec.title.endswith("-style")
        assert "ot verified" in spec.note or "ot known" in spec.note or "too little" in spec.note
    else:
        assert spec.status == "verified"
        assert spec.note.startswith("Reproduced")


@pytest.mark.parametrize("index", [i for i in OF_OTHERS if named(i).status == "unverified"])
def test_no_unverified_file_may_take_the_official_name(index: str) -> None:
    text = named_text(index)
    assert text.count("-style\n") == 1
    with pytest.raises(InputError, match="-style"):
        IndexSpec.from_yaml(text.replace("-style\n", "\n"))


def test_what_can_not_be_a_score_is_a_dashboard() -> None:
    assert {i for i in IDS if named(i).kind == "dashboard"} == DASHBOARDS
    assert all(named(i).step("aggregate") is None for i in DASHBOARDS)


def test_the_reference_page_lists_every_file_with_its_status() -> None:
    text = (Path(__file__).parents[3] / "docs" / "reference" / "named-indices.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    said = {name: row[2].strip("` ") for row in rows if len(row) == 6 for name in re.findall(r"`([^`]+)`", row[0])}
    assert said == {i: named(i).status for i in IDS}


def test_an_unknown_index_is_met_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r'Did you mean "frontier-unctad"'):
        named("frontier-unctd")
    with pytest.raises(InputError, match=r"Known: .*hdi"):
        named("../secrets")


EFFECTIVE = {
    "hdi": {"life_expectancy_years": 1 / 3, "mean_schooling_years": 1 / 6, "gni_ppp_per_person": 1 / 3},
    "idi-2010": {"fixed_lines_per_100": 0.08, "internet_users_pct": 0.4 / 3, "literacy_adult_pct": 0.2 / 3},
    "idi-2017": {"bandwidth_bits_per_user": 0.08, "fixed_broadband_per_100": 0.4 / 3, "mean_schooling_years": 0.2 / 3},
    "idi-2023": {"internet_users_pct": 1 / 6, "mobile_coverage_4g_pct": 0.6 / 12, "mobile_basket_pct_gni": 1 / 12},
    "egdi-2010": {"osi": 0.34, "tii": 0.33, "hci": 0.33},
    "egdi-2018": {"osi": 1 / 3, "tii": 1 / 3, "hci": 1 / 3},
    "egdi-2022": {"osi_services_provision": 0.45 / 3, "osi_technology": 0.05 / 3, "osi_participation": 0.35 / 3},
    "egdi-tii-2018": {"fixed_lines_per_100": 1 / 5, "internet_users_pct": 1 / 5},
    "egdi-tii-2022": {"internet_users_pct": 1 / 4, "mobile_subscriptions_per_100": 1 / 4},
    "egdi-hci-2022": {"literacy_adult_pct": 1 / 3, "enrolment_gross_pct": 2 / 9, "mean_schooling_years": 2 / 9},
    "b2c-2018": {"account_ownership_pct": 1 / 4, "secure_servers_per_million": 1 / 4},
    "desi-2016": {"connectivity_score": 0.25, "internet_use_score": 0.15, "integration_score": 0.2},
    "desi-2021": {"connectivity_score": 0.25, "public_services_score": 0.25},
    "nri-wef-2015": {"political_regulatory": 1 / 8, "affordability": 1 / 12, "social_impact": 1 / 8},
}


@pytest.mark.parametrize("index", sorted(EFFECTIVE))
def test_weights_are_those_of_the_definition(index: str) -> None:
    tree = named(index).tree
    effective = dict(zip(tree.names, tree.effective(tree.normalised()), strict=False))
    for name, weight in EFFECTIVE[index].items():
        assert effective[name] == pytest.approx(weight, abs=1e-12), name


# Every input at its best goalpost (a tenth beyond it where that may be) gives the top of the scale.
FULL = {"hdi": 1, "idi-2010": 10, "idi-2015": 10, "idi-2016": 10, "idi-2017": 10, "egdi-2010": 1, "egdi-2018": 1}
FULL |= {"egdi-2022": 1, "nri-portulans": 100}


@pytest.mark.parametrize("index", sorted(FULL))
def test_whoever_is_at_all_goalposts_has_the_full_score_and_no_more(index: str) -> None:
    spec = named(index)
    head, row = ["unit"], ["BEST"]
    for i in spec.indicators:
        assert i.direction == 1
        best = (i.column.goalposts or (0.0, 0.0))[1]
        head.append(i.id)
        row.append(repr(best if i.bounds and i.bounds[1] is not None else best * 1.1))
    result = run(spec, from_table(spec, ",".join(head) + "\n" + ",".join(row) + "\n"))
    assert result.scores[0] == pytest.approx(FULL[index], abs=1e-12)


# What each file is fed with here lies inside of what it accepts; the ranks are those of the inputs, as all rise
# together (or fall, where less is better).
@pytest.mark.parametrize("index", IDS)
def test_every_file_runs_and_ranks_units_as_all_their_inputs_say(index: str) -> None:
    spec = named(index)
    rows = ["unit," + ",".join(i.id for i in spec.indicators)]
    shares = {"U1": 0.2, "U2": 0.45, "U3": 0.5, "U4": 0.9}
    for unit, share in shares.items():
        cells = []
        for i in spec.indicators:
            low, high = _ends(i)
            at = share if i.direction == 1 else 1 - share
            cells.append(repr(low + at * (high - low)))
        rows.append(f"{unit}," + ",".join(cells))
    result = run(spec, from_table(spec, "\n".join(rows)))
    if index in DASHBOARDS:
        assert np.isnan(result.scores).all()
        last = result.trail.stacks[-1][-1]
        assert last[3] == pytest.approx(100)
        assert last[0] == pytest.approx(0)
        return
    assert [result.units[u] for u in result.order()] == ["U4", "U3", "U2", "U1"]
    assert np.isfinite(result.scores).all()


def _ends(i: Indicator) -> tuple[float, float]:
    """Two ends inside of goalposts and bounds both."""
    low, high = i.bounds or (None, None)
    worst, best = i.column.goalposts or (0.0, 100.0)
    return (worst if low is None else max(worst, low), best if high is None else min(best, high))


def test_a_component_that_can_not_be_is_refused() -> None:
    with pytest.raises(SourceError, match=r"osi of SWE is 1\.2"):
        run(named("egdi-2018"), from_table(named("egdi-2018"), "unit,osi,tii,hci\nSWE,1.2,0.5,0.5\n"))


def test_a_zero_before_the_geometric_mean_of_the_hdi_is_named() -> None:
    text = "unit,life_expectancy_years,school_life_expectancy_years,mean_schooling_years,gni_ppp_per_person\n"
    with pytest.raises(MethodError, match="XXX"):
        run(named("hdi"), from_table(named("hdi"), text + "XXX,60,10,5,90\n"))


# --- Reproduction ---


def test_differences_are_counted_and_their_sign_is_kept() -> None:
    found = reproduce(mean(), "unit,a,b,p\nX,1,3,2.0\nY,1,2,1.4\nZ,5,5,5.5\n", published="p", tolerance=0.1)
    assert found.units == ("X", "Y", "Z")
    assert found.differences.tolist() == pytest.approx([0, 0.1, -0.5])
    assert found.agrees == (True, True, False)
    assert (found.within, found.verdict) == (2, "differs")
    assert found.max_difference == pytest.approx(0.5)
    assert found.mean_difference == pytest.approx(0.2)
    assert found.left_out == ()


def test_a_difference_of_just_the_tolerance_agrees() -> None:
    # In floating point 0.3 - 0.2 is above 0.1.
    found = reproduce(mean(), "unit,a,b,p\nX,0.3,0.3,0.2\n", published="p", tolerance=0.1)
    assert found.verdict == "reproduced"
    assert reproduce(mean(), "unit,a,b,p\nX,0.3,0.3,0.2\n", published="p", tolerance=0.0999).verdict == "differs"


def test_who_can_not_be_compared_is_listed_with_the_reason() -> None:
    text = "unit,a,b,p\nX,1,3,2\nNO_B,1,,1\nNO_P,1,2,\nNO_A_B,,,4\nNOTHING,,,..\n"
    found = reproduce(mean(), text, published="p")
    assert found.units == ("X",)
    assert found.verdict == "reproduced"
    reasons = {o.unit: o.reason for o in found.left_out}
    assert reasons == {
        "NO_B": "not ranked: 1 of 2 indicators have a figure",
        "NO_P": "no published score",
        "NO_A_B": "not ranked: 0 of 2 indicators have a figure",
        "NOTHING": "not ranked: 0 of 2 indicators have a figure, and no published score",
    }


def test_each_year_is_computed_from_its_own_figures_alone() -> None:
    text = "unit,year,a,b,p\nX,2014,1,3,2\nX,2016,,3,9\nX,2018,5,,5\nY,2016,1,1,1\nY,2018,,,\n"
    found = reproduce(mean(), text, published="p")
    assert list(zip(found.units, found.years, strict=True)) == [("X", 2014), ("Y", 2016)]
    assert found.within == 2
    # In 2018 nobody has b: whoever is in the table is left out, and the cause is named.
    assert found.left_out == (
        LeftOut("X", 2016, "not ranked: 1 of 2 indicators have a figure"),
        LeftOut("X", 2018, "no unit has a figure of b"),
        LeftOut("Y", 2018, "no unit has a figure of b, and no published score"),
    )


def test_min_max_is_taken_within_each_year() -> None:
    spec = mean().content | {"steps": [{"normalise": {"method": "minmax"}}, {"aggregate": {}}]}
    rows = [
        "unit,year,a,b,p",
        "X,1,0,10,0",
        "Y,1,5,15,50",
        "Z,1,10,20,100",
        "X,2,0,0,0",
        "Y,2,90,50,50",
        "Z,2,180,100,100",
    ]
    assert reproduce(IndexSpec.from_data(spec), "\n".join(rows), published="p").verdict == "reproduced"


def test_an_index_over_years_is_run_on_all_of_them() -> None:
    normalise = {"normalise": {"method": "minmax", "over": "all_years"}}
    spec = mean().content | {"steps": [normalise, {"aggregate": {}}], "data": {"take": "panel", "years": "2001..2009"}}
    rows = ["unit,year,a,b,p", "X,2001,0,0,0", "Y,2001,1,1,25", "X,2003,2,2,50", "Y,2003,4,4,100"]
    found = reproduce(IndexSpec.from_data(spec), "\n".join(rows), published="p")
    assert (found.verdict, found.years) == ("reproduced", (2001, 2001, 2003, 2003))


def test_the_units_and_years_of_the_file_give_way_to_those_of_the_table() -> None:
    spec = mean("units: {countries: [BRA, IND]}\ndata: {years: 2025}\n")
    assert reproduce(spec, "unit,a,b,p\nAtlantis,1,3,2\n", published="p").units == ("Atlantis",)


def test_other_columns_and_empty_rows_are_passed_over() -> None:
    text = '\ufeffiso3, a ,name,b,published\nX,1,"Island, an",3,2\n\n,,,,\nY,2,other,4,3\n'
    assert reproduce(mean(), text).units == ("X", "Y")


def test_denominators_are_inputs_too() -> None:
    step = {"denominate": {"a": {"by": "people", "per": 100}}}
    spec = IndexSpec.from_data(mean().content | {"steps": [step, {"aggregate": {}}]})
    found = reproduce(spec, "unit,a,b,people,p\nX,5,3,250,2.5\n", published="p")
    assert found.verdict == "reproduced"
    with pytest.raises(InputError, match='no column "people"'):
        reproduce(spec, "unit,a,b,p\nX,5,3,2.5\n", published="p")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "t.csv, line 1: the table has no column unit. Begin with: unit,a,b,p"),
        ("land,a,b,p\nX,1,2,1\n", "t.csv, line 1: the table has no column unit."),
        ("unit,a,p\nX,1,1\n", 't.csv, line 1: the table has no column "b", an input of mean.'),
        ("unit,a,b,score\nX,1,2,1\n", 't.csv, line 1: the table has no column "p", the published score.'),
        ("unit,a,b,b,p\nX,1,2,2,1\n", 't.csv, line 1: the column "b" stands twice.'),
        ("unit,a,b,p\n", "t.csv: the table has no rows."),
        ("unit,a,b,p\nX,1,3,2\nY,1,three,2\n", 't.csv, line 3: b: "three" is not a number.'),
        ("unit,a,b,p\nX,1,3,2\n\nY,1,3,high\n", 't.csv, line 4: p: "high" is not a number.'),
        ("unit,a,b,p\nX,1,3,inf\n", 't.csv, line 2: p: "inf" is not a number.'),
        ("unit,a,b,p\nX,1,3,2\nX,1,3,2\n", "t.csv, line 3: X stands twice."),
        ("unit,year,a,b,p\nX,2014,1,3,2\nX,2014,1,3,2\n", "t.csv, line 3: X, 2014 stands twice."),
        ("unit,year,a,b,p\nX,MMXIV,1,3,2\n", 't.csv, line 2: "MMXIV" is not a year.'),
        ("unit,a,b,p\n,1,3,2\n", "t.csv, line 2: the row names no unit."),
        ("unit,a,b,p\nX,1,3,2,7\n", "t.csv, line 2: the row has 5 cells, the first row 4."),
    ],
)
def test_a_bad_table_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        reproduce(mean(), text, published="p", where="t.csv")
    assert said in str(error.value)


def test_a_misspelt_column_is_met_with_the_nearest() -> None:
    head = "unit,life_expectancy_years,school_life_expectancy_years,mean_schoolng_years,gni_ppp_per_person,hdi"
    with pytest.raises(InputError, match='Did you mean "mean_schoolng_years"'):
        reproduce(named("hdi"), head + "\n", published="hdi")


def test_what_has_no_score_or_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="is a dashboard"):
        reproduce(named("mci-gsma"), "unit,published\nX,1\n")
    with pytest.raises(InputError, match="is an input"):
        reproduce(mean(), "unit,a,b\nX,1,2\n", published="a")
    for tolerance in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="tolerance"):
            reproduce(mean(), "unit,a,b,p\nX,1,3,2\n", published="p", tolerance=tolerance)


def test_nothing_to_compare_is_no_success() -> None:
    found = reproduce(mean(), "unit,a,b,p\nX,1,3,\n", published="p")
    assert (found.verdict, found.max_difference, found.mean_difference, found.within) == (
        "nothing to compare",
        None,
        None,
        0,
    )
    assert any("Nothing to compare" in line for line in found.lines())


def test_the_result_is_plain_data_with_the_worst_first() -> None:
    found = reproduce(mean(), "unit,year,a,b,p\nX,2014,1,3,2\nY,2014,1,2,1\nZ,2014,1,,1\n", published="p")
    data = json.loads(json.dumps(found.as_data(), allow_nan=False))
    assert [u["unit"] for u in data["units"]] == ["Y", "X"]
    assert data["units"][0] == {
        "unit": "Y", "year": 2014, "computed": 1.5, "published": 1.0, "difference": 0.5, "within": False,
    }  # fmt: skip
    assert (data["compared"], data["within"], data["verdict"]) == (2, 1, "differs")
    assert data["left_out"][0]["unit"] == "Z"
    assert data["spec_sha256"] == mean().hash
    said = "\n".join(found.lines())
    assert "1 of 2 published scores reproduced to 0.0005; largest difference 0.5, mean 0.25." in said
    assert "Y, 2014: computed 1.5, published 1" in said
    assert "Z, 2014: not ranked: 1 of 2 indicators have a figure" in said
