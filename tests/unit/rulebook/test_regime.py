"""Depth, heterogeneity, convergence, fragmentation, links: by hand; what is None, and why; the assessment's tables."""

from __future__ import annotations

from datetime import date
from itertools import combinations

import numpy as np
import pytest

from concordat.errors import InputError, MethodError
from concordat.rulebook._regime_draws import drawn_ordinals, interval, stream
from concordat.rulebook._regime_metrics import metrics
from concordat.rulebook._regime_read import Rules, read
from concordat.rulebook.assessment import assessment
from concordat.rulebook.model import CommitmentDraft
from concordat.rulebook.regime import (
    Figure,
    Scales,
    components,
    convergence,
    depth_score,
    fragmentation,
    heterogeneities,
    heterogeneity,
    links,
)
from concordat.rulebook.store import RuleStore
from concordat.rulebook.taxonomy import load_taxonomy
from rulebook_build import coding, instrument, store_of

ON = date(2025, 6, 1)
TOPICS = 12
WORDS = [("1", "Each Party shall allow transfers."), ("2", "The Parties recognise spam.")]
IN_DF = sum(not p.structural for p in load_taxonomy().of("DF"))
IN_EC = sum(not p.structural for p in load_taxonomy().of("EC"))


def coded(*texts: str, provision: str = "DF-FLOW", probability: float = 1.0, depth: int = 2) -> RuleStore:
    """A store with instruments x, y, ... as given, each coded with one provision."""
    names = [t.split("\n")[0].removeprefix("  - id: ") for t in texts]
    store = store_of("".join(texts), dict.fromkeys(names, WORDS))
    store.add_codings([coding(f"{n}/1", provision, depth, probability=probability) for n in names])
    return store


# --- Pure functions ---


def test_depth_is_the_mean_share_of_the_scales_reached() -> None:
    scales = Scales.of(load_taxonomy())
    levels = np.zeros(len(scales.codes))
    levels[scales.codes.index("DF-FLOW")] = 2  # of 3
    found = depth_score(levels, scales)
    assert found[scales.topics.index("DF")] == pytest.approx(2 / 3 / IN_DF)
    assert found.sum() == pytest.approx(2 / 3 / IN_DF)
    assert depth_score(scales.highest, scales) == pytest.approx(np.ones(TOPICS))
    assert scales.weights.sum() == pytest.approx(1.0)
    assert "EC-DEFI" not in scales.codes


def test_heterogeneity_without_a_common_answer_is_none_and_odd_weights_are_refused() -> None:
    nan = float("nan")
    assert heterogeneity([1, nan], [nan, 1], [2, 2]) is None
    assert heterogeneity([1, nan], [0, 1], [2, 2], graded=True) == 0.5
    for weights in ([0, 0], [-1, 2], [nan, 1]):
        with pytest.raises(MethodError, match="weights of provisions"):
            heterogeneity([1, 1], [0, 1], [2, 2], weights)


def test_fragmentation_and_components_by_hand() -> None:
    level = np.zeros((4, 4), dtype=np.int8)
    level[0, 1] = 2
    level[2, 1] = 1  # owed one way is a rule between the two
    found = fragmentation(level)
    assert (found.soft, found.binding) == (pytest.approx(4 / 6), pytest.approx(5 / 6))
    assert (found.components_soft, found.components_binding) == (2, 3)
    assert components(np.zeros((3, 3), dtype=bool)) == 3
    with pytest.raises(MethodError, match="two members"):
        fragmentation(np.zeros((1, 1), dtype=np.int8))


def test_convergence_is_judged_by_leaving_out_one_member_at_a_time() -> None:
    rng = np.random.Generator(np.random.PCG64(7))
    n = 6
    before, after = (_square(rng.uniform(low, low + 0.1, n * (n - 1) // 2)) for low in (0.6, 0.2))
    found = convergence([2000, 2001], np.stack([before, after]), np.stack([before, after]))

    def change(who: list[int]) -> float:
        pairs = list(combinations(who, 2))
        return sum(after[p] for p in pairs) / len(pairs) - sum(before[p] for p in pairs) / len(pairs)

    without = [change([m for m in range(n) if m != left]) for left in range(n)]
    mean = sum(without) / n
    error = ((n - 1) / n * sum((w - mean) ** 2 for w in without)) ** 0.5
    t95_5 = 2.0150483733  # Student's t, 5 degrees of freedom, 0.95 (any printed table)
    assert found.change == pytest.approx(change(list(range(n))))
    assert (found.low, found.high) == pytest.approx((found.change - t95_5 * error, found.change + t95_5 * error))
    assert found.verdict == "converging"
    assert convergence([0, 1], np.stack([after, before]), np.stack([after, before])).verdict == "diverging"
    assert convergence([0, 1], np.stack([after, after]), np.stack([after, after])).verdict.startswith("no change")
    assert found.spread[0] == pytest.approx(np.std([before[p] for p in combinations(range(n), 2)], ddof=1))


def test_convergence_says_what_it_lacks_and_shows_changing_membership_apart() -> None:
    h = np.full((3, 3, 3), np.nan)
    assert convergence([1, 2, 3], h, h).reason == "fewer than two years have a figure"
    h[0, 0, 1] = h[0, 1, 0] = h[2, 0, 1] = h[2, 1, 0] = 0.5
    found = convergence([1, 2, 3], h, h, present=np.array([[1, 1, 0], [1, 1, 1], [1, 0, 1]], dtype=bool))
    assert (found.change, found.verdict) == (0.0, "")
    assert "leave one member out" in found.reason
    assert found.varying == (0.5, None, None)
    with pytest.raises(MethodError, match="each year"):
        convergence([1, 2], h, h)


def test_links_are_told_only_where_intervals_do_not_overlap_the_median_pair() -> None:
    figures = [Figure(0.1, 0.05, 0.15), Figure(0.5, 0.4, 0.6), Figure(0.9, 0.55, 0.95)]
    found = links(["A", "B", "C"], figures)
    assert (found.weakest, found.strongest) == (("A", "B"), None)
    assert found.strongest_note == "not distinguishable"
    assert links(["A", "B", "C"], [*figures[:2], Figure(None)]).weakest_note == "fewer than three pairs have a depth"


def _square(values: np.ndarray) -> np.ndarray:
    n = int((1 + (1 + 8 * len(values)) ** 0.5) / 2)
    found = np.zeros((n, n))
    found[np.triu_indices(n, 1)] = values
    return found + found.T


# --- Draws ---


def test_draws_take_the_hardest_of_the_codings_that_are_there() -> None:
    rules = Rules(np.array([0, 0, 1]), np.array([0, 0, 1]), np.array([1, 2, 2], dtype=np.int8), np.array([0.6, 0.3, 1]))
    drawn = drawn_ordinals(rules, (2, 2), 20_000, stream(5, "test"))
    shares = [(drawn[0, :, 0] == level).mean() for level in (0, 1, 2)]
    assert shares == pytest.approx([0.7 * 0.4, 0.7 * 0.6, 0.3], abs=0.015)  # over four standard errors
    assert (drawn[1, :, 1] == 2).all()
    assert not drawn[1, :, 0].any()


def test_streams_differ_by_name_and_seed_and_stay() -> None:
    first = stream(1, "a").random(3).tolist()
    assert stream(1, "a").random(3).tolist() == first
    assert first not in (stream(2, "a").random(3).tolist(), stream(1, "b").random(3).tolist())


def test_an_interval_holds_its_value_and_both_cases() -> None:
    assert interval([np.full(9, 0.2), np.full(9, 0.4)], 0.5) == pytest.approx((0.2, 0.5))
    assert interval([np.full(9, -1e-17)], 0.0) == (0.0, 0.0)
    assert interval([], 0.5) == (None, None)


# --- From a store ---


def test_without_coded_text_depth_is_none_and_cells_still_tell() -> None:
    with store_of(instrument("x", "BRA, CHN") + instrument("s", "BRA, CHN, IND", binding="soft", topics="AI")) as store:
        found = assessment(store, ["BRA", "CHN", "IND"], ON, 1)
    assert found.metrics.depth == Figure(None, coverage=0.0, reason="no text coded")
    cell = found.cell("CHN", "BRA")
    assert (cell.binding, cell.soft, cell.topics, cell.mark) == (("x",), ("s",), ("DF", "AI"), "unverified")
    assert found.cell("BRA", "IND").binding == ()
    assert [(t.instrument, t.pairs, t.reason) for t in found.to_load] == [
        ("x", 1, "text not loaded"),
        ("s", 3, "text not loaded"),
    ]
    assert found.shared_soft == ("s",)
    assert found.topics_soft_only == ("AI",)
    assert "DF" not in found.topics_without
    assert len(found.topics_without) == TOPICS - 2
    assert found.coverage.mode == "none"


def test_an_empty_store_and_a_day_before_there_was_a_union_are_empty_and_no_fault() -> None:
    with RuleStore.memory() as store:
        empty = assessment(store, ["BRA", "CHN"], ON, 1)
    with store_of(instrument("x", "EU, CHN")) as store:
        early = assessment(store, ["FRA", "CHN"], date(1900, 1, 1), 1)
    for found in (empty, early):
        assert [c.note for c in found.matrix] == ["no instrument known to us"]
        assert found.metrics.depth == Figure(None, reason="no instrument known to us")
    assert empty.coverage.pair_share is None


def test_an_empty_cell_says_no_instrument_known_to_us() -> None:
    with store_of(instrument("x", "BRA, SGP")) as store:
        found = assessment(store, ["BRA", "CHN"], ON, 1)
    assert [c.note for c in found.matrix] == ["no instrument known to us"]
    assert {t.reason for t in found.topics} == {"no instrument known to us"}


def test_depth_of_a_pair_and_a_bloc_by_hand() -> None:
    with coded(instrument("x", "BRA, CHN")) as store:
        found = assessment(store, ["BRA", "CHN", "IND"], ON, 1)
    whole = 3 / 3 / IN_DF / TOPICS  # binding without exceptions is 3 of 3
    assert found.cell("BRA", "CHN").depth == Figure(
        pytest.approx(whole), pytest.approx(whole), pytest.approx(whole), 1.0
    )
    assert found.cell("BRA", "CHN").deepest == "DF"
    assert found.cell("BRA", "IND").depth.reason == "no instrument known to us"
    assert found.metrics.depth.value == pytest.approx(whole / 3)
    assert found.metrics.scattered["DF"].binding.value == pytest.approx(2 / 3)
    assert found.metrics.scattered["DF"].components_binding == 2
    assert found.metrics.scattered["AI"].soft.reason == "no instrument known to us"
    cell = next(t for t in found.topics if (t.topic, t.member) == ("DF", "BRA"))
    assert (cell.depth, cell.provision, cell.instrument, cell.fellows) == (2, "DF-FLOW", "x", 1)


def test_weights_of_members_weigh_pairs() -> None:
    with coded(instrument("x", "BRA, CHN")) as store:
        regime = read(store, ["BRA", "CHN", "IND"], ON)
        found = metrics(regime, 1, weights={"BRA": 1, "CHN": 2, "IND": 3}, draws=10)
        with pytest.raises(InputError, match="IND has no weight above 0"):
            metrics(regime, 1, weights={"BRA": 1, "CHN": 2}, draws=10)
    assert found.depth_weighted is not None
    assert found.depth_weighted.value == pytest.approx(1 / IN_DF / TOPICS * 2 / (2 + 3 + 6))


def test_below_the_coverage_everything_is_none_with_the_reason() -> None:
    other = "".join(instrument(n, "BRA, CHN") for n in ("y", "z"))
    store = store_of(instrument("x", "BRA, CHN") + other, {"x": WORDS})
    with store:
        store.add_codings([coding("x/1", "DF-FLOW", 2)])
        found = metrics(read(store, ["BRA", "CHN"], ON), 1, draws=10)
        for figure in (found.depth, found.pair_depth[0], found.distance, found.depth_by_topic["DF"]):
            assert figure.value is None
            assert figure.coverage == pytest.approx(1 / 3)
            assert figure.reason == "only 33% of the instruments in force are coded; 60% are needed"
        assert np.isnan(found.heterogeneity).all()
        assert found.scattered["DF"].components_soft is None


def test_a_coding_that_may_be_wrong_and_a_party_that_may_not_be_one_widen_the_interval() -> None:
    whole = 1 / IN_DF / TOPICS
    with coded(instrument("x", "BRA, CHN"), probability=0.5) as store:
        figure = metrics(read(store, ["BRA", "CHN"], ON), 1).pair_depth[0]
    assert (figure.low, figure.value, figure.high) == (0.0, pytest.approx(whole), pytest.approx(whole))
    open_ = instrument("y", rows="party: BRA\nparty: CHN, unknown: [in_force]")
    store = store_of(instrument("x", "BRA, CHN") + open_, {"x": WORDS, "y": WORDS})
    with store:
        store.add_codings([coding("x/1", "DF-FLOW", 1, method="human"), coding("y/1", "DF-FLOW", 2, method="human")])
        figure = metrics(read(store, ["BRA", "CHN"], ON), 1).pair_depth[0]
    assert (figure.low, figure.value, figure.high) == pytest.approx((whole / 3, whole / 3, whole))


def test_a_soft_instrument_caps_the_depth() -> None:
    with coded(instrument("x", "BRA, CHN", binding="soft")) as store:
        assert metrics(read(store, ["BRA", "CHN"], ON), 1).depth.value == pytest.approx(1 / 3 / IN_DF / TOPICS)


def test_a_reservation_frees_the_one_that_made_it() -> None:
    rows = 'party: BRA, reservation: ["DF-FLOW: minors"]\nparty: CHN'
    with coded(instrument("x", rows=rows)) as store:
        found = assessment(store, ["BRA", "CHN"], ON, 1)
        regime = read(store, ["BRA", "CHN"], ON)
    cells = {t.member: t.depth for t in found.topics if t.topic == "DF"}
    assert cells == {"BRA": 0, "CHN": 2}
    assert found.metrics.depth.value == pytest.approx(1 / IN_DF / TOPICS)
    assert regime.hardest[regime.variant_of[0]].max(axis=1).tolist() == [0, 3]
    assert found.metrics.distance.value == pytest.approx(1 / IN_DF)  # of DF's provisions one differs


def test_an_act_of_one_towards_the_other_binds_one_way() -> None:
    with coded(instrument("x", rows="party: BRA, directed_to: [CHN]")) as store:
        found = assessment(store, ["BRA", "CHN", "IND"], ON, 1)
    assert found.cell("BRA", "CHN").directed == (("x", "BRA"),)
    assert {t.member: t.depth for t in found.topics if t.topic == "DF"} == {"BRA": 2, "CHN": 0, "IND": None}


def test_members_of_the_union_do_not_bind_each_other_through_it() -> None:
    with coded(instrument("x", "EU, CHN")) as store:
        found = assessment(store, ["DEU", "FRA", "CHN"], ON, 1)
        assert found.cell("DEU", "FRA").note == "no instrument known to us"
        assert found.cell("DEU", "CHN").binding == ("x",)


def test_provisions_towards_anyone_make_the_profile() -> None:
    with coded(instrument("x", "BRA, SGP"), instrument("y", "CHN, SGP"), depth=2) as store:
        regime = read(store, ["BRA", "CHN"], ON)
        h = metrics(regime, 1, draws=10)
    assert h.distance.value == 0.0  # both owe the same, to somebody else
    assert h.depth.reason == "no instrument known to us"


def test_figures_over_the_years() -> None:
    with coded(instrument("x", "BRA, CHN", in_force="2020-05-01")) as store:
        found = assessment(store, ["BRA", "CHN"], ON, 1, first_year=2018)
    years = {y.year: y for y in found.metrics.years}
    assert sorted(years) == list(range(2018, 2026))
    assert years[2019].depth.reason == "no instrument known to us"
    assert years[2020].depth.value == pytest.approx(1 / IN_DF / TOPICS)
    assert (years[2019].binding_per_pair, years[2020].binding_per_pair) == (0, 1)
    assert years[2020].fragmentation_binding.value == pytest.approx((TOPICS - 1) / TOPICS)


def test_what_is_pending_and_who_is_outside() -> None:
    text = (
        instrument("a", rows="party: BRA\nparty: CHN\nparty: IND, role: signatory\nparty: ZAF, role: applicant")
        + instrument("b", "BRA, CHN, IND")
        + instrument("c", rows='party: BRA, withdrawn: "2020-01-01"\nparty: CHN, unknown: [in_force]', complete=False)
        + instrument("d", "BRA, CHN", more='    ended: "2021-01-01"')
    )
    with store_of(text, {"b": WORDS}) as store:
        store.add_codings([coding("b/1", "DF-FLOW", 2), coding("b/2", "EC-SPAM", 1)])
        found = assessment(store, ["BRA", "CHN", "IND", "ZAF"], ON, 1)
    assert [(p.instrument, p.kind, p.members) for p in found.pending] == [
        ("a", "applied", ("ZAF",)),
        ("a", "signed, not in force", ("IND",)),
        ("c", "entry into force not known", ("CHN",)),
        ("c", "withdrawn", ("BRA",)),
        ("d", "lapsed", ("BRA", "CHN")),
    ]
    assert [(o.instrument, o.joined, o.outside) for o in found.outside] == [
        ("b", ("BRA", "CHN", "IND"), ("ZAF",)),
        ("a", ("BRA", "CHN"), ("IND", "ZAF")),
    ]
    assert [(c.member, c.instrument, c.why, c.new, c.deeper) for c in found.candidates] == [
        ("ZAF", "a", "applied", None, None),
        ("IND", "a", "signed", None, None),
        ("ZAF", "b", "half of the others joined", 2, 0),
    ]


def test_the_same_seed_gives_the_same_figures_and_drafts_are_handed_through() -> None:
    draft = CommitmentDraft("d", "t", "t/d", "goal", "all", "do", "all", "", None, "", "output", ())
    with coded(instrument("x", "BRA, CHN"), instrument("y", "CHN, IND"), probability=0.7) as store:
        first, again, other = (assessment(store, ["BRA", "CHN", "IND"], ON, s, drafts=[draft]) for s in (1, 1, 2))
    assert first.metrics.years == again.metrics.years
    assert first.matrix == again.matrix == other.matrix  # of one coding each, the percentiles are 0 and all
    assert first.drafts == (draft,)


def test_who_may_be_members() -> None:
    with store_of(instrument("x", "BRA, CHN")) as store:
        for members in (["BRA"], ["BRA", "BRA"]):
            with pytest.raises(InputError, match="two or more different members"):
                read(store, members, ON)
        with pytest.raises(InputError, match='"BRZ" is not a country'):
            read(store, ["BRA", "BRZ"], ON)
        with pytest.raises(InputError, match="after 2025"):
            read(store, ["BRA", "CHN"], ON, first_year=2030)


def test_codings_without_probability_are_told() -> None:
    with store_of(instrument("x", "BRA, CHN"), {"x": WORDS}) as store:
        store.add_codings([coding("x/1", "DF-FLOW", 2, method="lexicon", probability=None)])  # type: ignore[arg-type]
        found = assessment(store, ["BRA", "CHN"], ON, 1)
    assert any("1 codings have no probability (uncalibrated)" in n for n in found.notes)
    assert found.metrics.depth.low == found.metrics.depth.high == found.metrics.depth.value


def test_h_of_many_is_that_of_each_two() -> None:
    table = np.array([[0.0, 1, 2], [2, 1, 0], [1, 1, 1]])
    h = heterogeneities(table, [2, 2, 2], graded=True)
    for i, j in combinations(range(3), 2):
        plain = sum(abs(table[i, p] - table[j, p]) / 2 for p in range(3)) / 3
        assert h[i, j] == pytest.approx(plain)
