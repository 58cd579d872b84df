"""An index file can't be misspecified: each fault is told with file, line and nearest name before anything runs."""

from __future__ import annotations

import pytest

from concordat.errors import InputError
from concordat.observatory._spec_model import json_schema
from concordat.observatory.spec import IndexSpec

FILE = """\
schema: concordat/index@1
index: brics-digital-2026
kind: index
status: own
title: Digital readiness of BRICS members
edition: 2026
units: {bloc: BRICS, as_of: 2026-01-01, compare_with: [G20, WLD]}
data: {release: 2026-06, years: 2010..2025, take: latest, max_age: 3}
tree:
  - pillar: access
    weight: 1
    rationale: Being connected comes first.
    indicators:
      - {id: internet_users_pct, direction: up, goalposts: [0, 100], error: {sd: 1.5}, source: "wb:IT.NET.USER.ZS"}
      - {id: fixed_broadband_per_100, direction: up, transform: log1p, goalposts: [0, 50]}
      - {id: mobile_subscriptions, direction: up, goalposts: [0, 150]}
  - pillar: affordability
    weight: 1
    indicators:
      - {id: mobile_basket_pct_gni, direction: down, transform: log, goalposts: [0.5, 20], error: {relative_sd: 0.05}}
steps:
  - denominate: {mobile_subscriptions: {by: population, per: 100}}
  - impute: {method: em, within: pillar, draws: 20}
  - screen: {min_share: 0.66, min_nonzero: 0.05, keep: [ETH]}
  - treat: {rule: skew_kurtosis, skew: 2, kurtosis: 3.5, winsorise_max: 5, then: log_ct}
  - normalise: {method: goalposts, scale: 100, floor: 1}
  - weights: {method: given}
  - aggregate: {default: arithmetic, top: geometric, min_share: 0.5}
uncertainty:
  runs: 16384
  seed: 2026
  vary:
    treat.winsorise_max: [1, 2, 3, 4, 5]
    normalise.method: [goalposts, minmax]
    weights.noise: {plus_minus: 0.25, levels: [2, 3], draws: 100}
    aggregate.top: [arithmetic, geometric]
    impute.draw: all
    data.error: {draws: 256}
  target: [rank, score, mean_abs_rank_change]
"""


def test_the_example_of_the_specification_is_read_whole() -> None:
    spec = IndexSpec.from_yaml(FILE, where="ex.yaml")
    assert spec.tree.names[:4] == (
        "internet_users_pct",
        "fixed_broadband_per_100",
        "mobile_subscriptions",
        "mobile_basket_pct_gni",
    )
    assert [s.stage for s in spec.steps] == [
        "denominate",
        "impute",
        "screen",
        "treat",
        "normalise",
        "weights",
        "aggregate",
    ]
    assert spec.uncertainty is not None
    kinds = {v.path: (v.kind, v.draws or len(v.levels)) for v in spec.uncertainty.vary}
    assert kinds == {
        "treat.winsorise_max": ("option", 5),
        "normalise.method": ("option", 2),
        "weights.noise": ("noise", 100),
        "aggregate.top": ("option", 2),
        "impute.draw": ("draw", 20),
        "data.error": ("error", 256),
    }
    assert spec.data.first == 2010
    assert spec.data.last == 2025


FAULTS = [
    # what is written, what instead, on which line that is told ("": where it stands), words of the message
    ("winsorise_max: 5, then", "winsorize_max: 5, then", "", 'Did you mean "winsorise_max"?'),
    ("treat.winsorise_max", "treat.winsorize_max", "", 'Did you mean "winsorise_max"?'),
    ("normalise.method", "normalize.method", "", 'Did you mean "normalise.method"?'),
    ("[goalposts, minmax]", "[goalposts, minmx]", "", "level 'minmx'"),
    ("[1, 2, 3, 4, 5]", "[1, 2, -3]", "", "level -3"),
    ("[1, 2, 3, 4, 5]", "[1, 2, 2]", "", "a level stands twice"),
    ("[1, 2, 3, 4, 5]", "{levels: [1, 2], probabilities: [0.5, 0.6]}", "", "sum to 1"),
    ("[1, 2, 3, 4, 5]", "{uniform: [1, 5]}", "", "can vary continuously"),
    ("[1, 2, 3, 4, 5]", "{levles: [1, 2]}", "", 'Did you mean "levels"?'),
    ("[1, 2, 3, 4, 5]", "[]", "", "empty"),
    ("plus_minus: 0.25", "plus_minus: 1.5", "", "share between 0 and 1"),
    ("data.error: {draws: 256}", "data.error: {draws: 1}", "", "whole number from 2"),
    ("direction: down", "direction: dwn", "", "'up' or 'down'"),
    (
        "id: mobile_basket_pct_gni",
        "id: internet_users_pct",
        "internet_users_pct, direction: down",
        "stands first in ex.yaml, line 14",
    ),
    ("pillar: affordability", "pillar: access", "  - pillar: access\n    weight: 1\n    indicators", "stands twice"),
    ("weight: 1\n    rationale", "weight: -1\n    rationale", "", 'the weight of "access"'),
    ("goalposts: [0.5, 20]", "goalposts: [0, 20]", "", "has no log"),
    ("goalposts: [0, 150]", "goalposts: [150, 0]", "", "not in order"),
    ("goalposts: [0.5, 20], ", "", "- normalise:", "mobile_basket_pct_gni: method goalposts needs goalposts"),
    ("status: own", "status: unverified", "schema:", '"-style"'),
    ("mobile_subscriptions: {by", "mobile_subs: {by", "", 'Did you mean "mobile_subscriptions"?'),
    ("draws: 20}", "draws: 0}", "impute.draw: all", "makes no draws"),
    ("method: em,", "method: mean,", "", "need method: em"),
    ("aggregate: {default", "agregate: {default", "", 'Did you mean "aggregate"?'),
    (
        "  - weights: {method: given}\n",
        "  - weights: {method: given}\n  - weights: {method: equal}\n",
        "- weights: {method: equal}",
        "twice",
    ),
    ("years: 2010..2025", "years: 2025..2010", "", "run backwards"),
    ("{bloc: BRICS, as_of", "{bloc: BRICS, countries: [BRA], as_of", "", "one of bloc, countries"),
    ("error: {sd: 1.5}", "error: {sd: 1.5, relative_sd: 0.1}", "", "one of sd"),
    ("[goalposts, minmax]", "all", "", "Write a list, or {uniform"),
    ("[goalposts, minmax]", "{uniform: [0, 1], probabilities: [1]}", "", "probabilities can't be given here"),
    ("[goalposts, minmax]", "{levels: [goalposts], draws: 3}", "", "draws can't be given here"),
    ("[goalposts, minmax]", "{levels: goalposts}", "", "Write a list"),
    ("impute.draw: all", "impute.draw: {all: true, draws: 3}", "", "draws can't be given here"),
    ("data.error: {draws: 256}", "data.error: {draws: 256, levels: [1]}", "", "levels can't be given here"),
    (
        "    normalise.method: [goalposts",
        "    weights.file: [a.csv]\n    normalise.method: [goalposts",
        "    weights.file",
        "Vary each ballot instead",
    ),
    (
        "    normalise.method: [goalposts, minmax]\n",
        "    normalise.lower: [0, 50]\n    normalise.upper: [40, 100]\n",
        "    normalise.upper",
        "with normalise.lower: 50, normalise.upper: 40".replace("normalise.", ""),
    ),
    (
        "    normalise.method: [goalposts, minmax]\n",
        "    normalise.lower: {uniform: [0, 50]}\n    normalise.upper: {uniform: [40, 100]}\n",
        "    normalise.upper",
        "upper must be above lower",
    ),
    ("default: arithmetic, top", "default: owa, owa: weights, owa_weights: [1, 1], top", "", "3 are needed"),
    ("default: arithmetic, top", "default: owa, owa: at_least_j, owa_j: 2, top", "", "there are 1 children"),
    (
        "goalposts: [0, 150]",
        "method: categorical, categories: [[0, 0], [2, 50], [0, 100]]",
        "",
        "the category 0 stands",
    ),
    (
        "goalposts: [0.5, 20]",
        "method: piecewise, points: [[0, 0], [20, 9]]",
        "",
        "a value of 0 under points has no log",
    ),
    ("goalposts: [0.5, 20]", "method: dist2targ, target: -2", "", "a value of -2 under target has no log"),
    ("goalposts: [0.5, 20]", "method: categorical, categories: [[2, 0], [0, 9]]", "", "under categories has no log"),
    ("goalposts: [0, 50]", "goalposts: [-3, 50]", "", "a value of -3 under goalposts has no log1p"),
    (
        "direction: up, goalposts: [0, 150]",
        "direction: up, method: piecewise, points: [[0, 0], [9, 9]], truncate: false",
        "- normalise:",
        "mobile_subscriptions: truncate: false goes with goalposts",
    ),
]


@pytest.mark.parametrize(("old", "new", "marker", "words"), FAULTS, ids=[str(n) for n in range(len(FAULTS))])
def test_a_fault_is_told_with_its_line_and_the_nearest_name(old: str, new: str, marker: str, words: str) -> None:
    assert old in FILE
    text = FILE.replace(old, new, 1)
    line = text[: text.index(marker or new)].count("\n") + 1
    with pytest.raises(InputError) as told:
        IndexSpec.from_yaml(text, where="ex.yaml")
    assert words in str(told.value), str(told.value)
    assert told.value.where == f"ex.yaml, line {line}", str(told.value)


def test_one_option_is_not_varied_under_two_names() -> None:
    text = FILE.replace("  - normalise: {", "  - {name: scale, normalise: {").replace("floor: 1}", "floor: 1}}")
    text = text.replace("    weights.noise", "    scale.method: [goalposts]\n    weights.noise")
    with pytest.raises(InputError, match=r"scale.method: it varies what normalise.method varies"):
        IndexSpec.from_yaml(text)


def test_groups_of_two_kinds_are_not_mixed() -> None:
    more = (
        "  - impute: {method: group_mean, group: region}\n  - {name: b, impute: {method: group_mean, group: income}}\n"
    )
    text = FILE.replace("  - impute: {method: em, within: pillar, draws: 20}\n", more).replace(
        "    impute.draw: all\n", ""
    )
    with pytest.raises(InputError, match="different groups, income and region"):
        IndexSpec.from_yaml(text)


@pytest.mark.parametrize(("gone", "words"), [("up", "direction down needs"), ("down", "a transform needs")])
def test_what_acts_in_normalise_alone_is_refused_without_it(gone: str, words: str) -> None:
    text = FILE.replace("  - normalise: {method: goalposts, scale: 100, floor: 1}\n", "")
    text = text.replace("    normalise.method: [goalposts, minmax]\n", "")
    if gone == "down":
        text = text.replace("direction: down", "direction: up")
    else:
        text = text.replace("transform: log1p, ", "")
    with pytest.raises(InputError, match=words):
        IndexSpec.from_yaml(text)


def test_a_dashboard_has_nothing_to_vary() -> None:
    text = FILE.replace("kind: index", "kind: dashboard").replace(
        "default: arithmetic, top: geometric", "default: none"
    )
    text = text.replace("    aggregate.top: [arithmetic, geometric]\n", "")
    with pytest.raises(InputError, match="a dashboard has no scores"):
        IndexSpec.from_yaml(text)


def test_a_method_of_all_years_does_not_stand_beside_one_of_each_year() -> None:
    text = FILE.replace("take: latest", "take: panel").replace(
        "aggregate.top: [arithmetic, geometric]", "treat.skew: [2, 3]"
    )
    text = text.replace("default: arithmetic, top: geometric", "default: ampi, top: copeland")
    with pytest.raises(InputError, match="ampi is scored over all years together and copeland in each year"):
        IndexSpec.from_yaml(text)
    IndexSpec.from_yaml(text.replace("years: 2010..2025", "years: 2025"))


def test_leaving_out_takes_what_the_steps_say_of_it_too() -> None:
    matrix = "access: [[1, 2, 4], [0.5, 1, 2], [0.25, 0.5, 1]], affordability: [[1]]"
    text = FILE.replace("{method: given}", "{method: ahp, matrices: {" + matrix + "}}")
    text = text.replace("top: geometric", "top: geometric, nodes: {affordability: median}, shares: {affordability: {}}")
    spec, gone = IndexSpec.from_yaml(text).without({"mobile_basket_pct_gni", "mobile_subscriptions"})
    assert spec is not None
    assert gone == ("affordability",)
    assert [s.stage for s in spec.steps] == ["impute", "screen", "treat", "normalise", "weights", "aggregate"]
    assert spec.content["steps"][4]["weights"]["matrices"] == {"access": [[1, 2], [0.5, 1]]}
    assert spec.content["steps"][5]["aggregate"]["nodes"] == spec.content["steps"][5]["aggregate"]["shares"] == {}
    assert spec.uncertainty is not None
    assert "data.error" in [v.path for v in spec.uncertainty.vary]  # internet_users_pct has one
    spec, _ = spec.without({"internet_users_pct"})
    assert spec is not None
    assert spec.uncertainty is not None
    assert "data.error" not in [v.path for v in spec.uncertainty.vary]


def test_leaving_out_keeps_the_ballots_of_what_stays() -> None:
    text = FILE.replace("{method: given}", "{method: ballots, file: b.csv}")
    rows = "ballot,member,indicator,points\n1,BRA,internet_users_pct,60\n1,BRA,mobile_subscriptions,40\n"
    spec, _ = IndexSpec.from_yaml(text, read=lambda _: rows).without({"mobile_subscriptions"})
    assert spec is not None
    assert spec.steps[-2].options.ballots == (("1", "BRA", (("internet_users_pct", 60.0),)),)  # type: ignore[union-attr]


PIECES = """\
schema: concordat/index@1
index: pieces
title: Pieces
tree:
  - pillar: a
    indicators: [{id: x, direction: up, points: [[0, 0], [5, 80], [10, 100]], goalposts: [0, 10]}]
steps:
  - normalise: {method: piecewise, truncate: false}
  - aggregate: {}
"""


def test_truncate_false_is_refused_where_the_step_itself_is_piecewise() -> None:
    with pytest.raises(
        InputError, match=r"pieces.yaml, line 8: x: truncate: false goes with goalposts.*points further"
    ):
        IndexSpec.from_yaml(PIECES, where="pieces.yaml")
    IndexSpec.from_yaml(PIECES.replace(", truncate: false", ""))
    # A column of its own method is held at its ends by the formula; the step's word is for those with goalposts.
    mixed = PIECES.replace("direction: up,", "direction: up, method: piecewise,").replace(
        "method: piecewise, trunc", "method: goalposts, trunc"
    )
    IndexSpec.from_yaml(mixed)


def test_weights_that_are_all_zero_name_the_parent() -> None:
    text = FILE.replace("    weight: 1\n", "    weight: 0\n")
    with pytest.raises(InputError, match='all weights under "brics-digital-2026" are zero'):
        IndexSpec.from_yaml(text)


def test_a_parent_without_children_is_named() -> None:
    text = FILE.replace(
        "    indicators:\n      - {id: mobile_basket_pct_gni, direction: down, transform: log, goalposts: [0.5, 20],"
        " error: {relative_sd: 0.05}}\n",
        "    indicators: []\n",
    )
    assert text != FILE
    with pytest.raises(InputError, match='"affordability" has neither indicators nor pillars'):
        IndexSpec.from_yaml(text)


def test_a_name_for_a_step_used_twice() -> None:
    twice = FILE.replace("  - weights", "  - treat: {winsorise_max: 1}\n  - weights")
    with pytest.raises(InputError, match='the step "treat" stands twice'):
        IndexSpec.from_yaml(twice)
    named = FILE.replace("  - weights", "  - {name: again, treat: {winsorise_max: 1}}\n  - weights")
    spec = IndexSpec.from_yaml(named.replace("treat.winsorise_max", "again.winsorise_max"))
    assert spec.uncertainty is not None
    assert spec.steps[spec.uncertainty.vary[0].step].name == "again"


def test_the_hash_is_that_of_the_content_not_of_the_layout() -> None:
    spec = IndexSpec.from_yaml(FILE)
    again = IndexSpec.from_yaml(FILE.replace("kind: index\n", "kind: index   # a remark\n"))
    other = IndexSpec.from_yaml(FILE.replace("seed: 2026", "seed: 2027"))
    assert spec.hash == again.hash
    assert spec.hash != other.hash
    assert len(spec.hash) == 64


def test_the_json_schema_that_ships_is_that_of_the_model() -> None:
    import json
    from importlib.resources import files

    shipped = json.loads((files("concordat.observatory") / "schema" / "index-1.json").read_text(encoding="utf-8"))
    assert shipped == json_schema()
