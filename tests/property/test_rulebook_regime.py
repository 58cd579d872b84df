"""Heterogeneity from 0 to 1, reuse that adds up, depths that more instruments don't lower, the force of `binds`."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from concordat.rulebook._regime_read import read
from concordat.rulebook.binds import acts, between
from concordat.rulebook.model import Truth
from concordat.rulebook.regime import Scales, deepest, depth_score, heterogeneities
from concordat.rulebook.reuse import Text, reuse_network
from concordat.rulebook.taxonomy import load_taxonomy
from rulebook_build import coding, instrument, store_of

SCALES = Scales.of(load_taxonomy())
LEVEL = {Truth.NO: 0, Truth.UNKNOWN: 1, Truth.YES: 2}
days = st.dates(date(2000, 1, 1), date(2030, 12, 31))
answers = st.one_of(st.integers(0, 2).map(float), st.just(float("nan")))


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(2, 6), st.integers(1, 8), st.booleans())
def test_heterogeneity_is_from_0_to_1_symmetric_and_0_on_itself(
    data: st.DataObject, members: int, provisions: int, graded: bool
) -> None:
    profiles = data.draw(arrays(float, (members, provisions), elements=answers))
    weights = data.draw(arrays(float, provisions, elements=st.floats(0.01, 100)))
    h = heterogeneities(profiles, np.full(provisions, 2.0), weights, graded=graded)
    told = ~np.isnan(profiles)
    assert (np.isnan(h) == ((told.astype(int) @ told.T.astype(int)) == 0)).all()
    known = h[~np.isnan(h)]
    assert (known >= 0).all()
    assert (known <= 1 + 1e-12).all()
    assert np.allclose(h, h.T, equal_nan=True, rtol=0, atol=1e-12)
    assert all(h[i, i] == 0 or np.isnan(h[i, i]) for i in range(members))


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 5))
def test_one_more_instrument_never_lowers_a_depth(data: st.DataObject, count: int) -> None:
    size = len(SCALES.codes)
    ordinals = data.draw(arrays(np.int8, (count + 1, size), elements=st.integers(0, 2)))
    sets = data.draw(arrays(bool, (4, count + 1)))
    more = sets.copy()
    more[:, count] = True
    few, many = (depth_score(deepest(ordinals, s), SCALES) for s in (sets, more))
    assert (many >= few).all()
    assert (many <= 1).all()


words = st.lists(st.sampled_from("abcde"), max_size=40).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), words), min_size=1, max_size=6))
def test_reuse_shares_add_up_and_are_those_of_plain_sets(made: list[tuple[int, str]]) -> None:
    texts = [Text(f"t{n}", day, text) for n, (day, text) in enumerate(made)]
    found = reuse_network(texts)
    runs = {t.id: {tuple(w[k : k + 8]) for k in range(len(w) - 7)} for t in texts for w in [t.text.split()]}
    signed = {t.id: t.signed for t in texts}
    place = {name: n for n, name in enumerate(found.ids)}
    for i in runs:
        expected = dict.fromkeys(runs, 0.0)
        for run in runs[i]:
            have = [j for j in runs if run in runs[j]]
            first = [j for j in have if signed[j] == min(signed[k] for k in have)]
            for j in first:
                expected[j] += 1 / len(first) / len(runs[i])
        shares = {j: found.share[place[j], place[i]] for j in runs}
        assert sum(shares.values()) <= 1 + 1e-9
        assert all(abs(shares[j] - expected[j]) < 1e-9 for j in runs if j != i)
        novelty = found.novelty[i]
        assert novelty is None if not runs[i] else novelty is not None and abs(novelty - expected[i]) < 1e-9


PARTIES = ("BRA", "CHN", "FRA", "DEU", "SGP")


@st.composite
def a_row(draw: st.DrawFn, party: str) -> str:
    begin, cut = draw(days), draw(st.sampled_from((4, 7, 10)))
    parts = [f"party: {party}", f"role: {(role := draw(st.sampled_from(('party', 'signatory', 'applicant'))))}"]
    others = st.sampled_from([p for p in (*PARTIES, "EU") if p != party])
    if draw(st.booleans()) and role != "applicant":
        parts.append(f'in_force: "{begin.isoformat()[:cut]}"')
        if draw(st.booleans()):
            parts.append(f'withdrawn: "{(begin + timedelta(days=800)).isoformat()[:cut]}"')
    else:
        field = draw(st.sampled_from(("ratified", "provisional", "")))
        parts += [f'{field}: "{begin.isoformat()[:cut]}"'] if field else []
        parts += ["unknown: [in_force]"] if draw(st.booleans()) else []
    if draw(st.integers(0, 3)) == 0 and role != "applicant":
        parts.append(f'in_force_towards: {{{draw(others)}: "{draw(days).isoformat()}"}}')
    if draw(st.integers(0, 3)) == 0:
        parts.append(f"directed_to: [{draw(others)}]")
    return ", ".join(parts)


@settings(max_examples=120, deadline=None)
@given(st.data(), days, st.booleans(), st.sampled_from(("binding", "soft")))
def test_force_on_arrays_is_that_of_binds(data: st.DataObject, on: date, complete: bool, binding: str) -> None:
    who = data.draw(st.lists(st.sampled_from((*PARTIES, "EU")), min_size=1, max_size=5, unique=True))
    rows = [data.draw(a_row(p)) for p in who]
    with store_of(instrument("x", rows="\n".join(rows), complete=complete, binding=binding)) as store:
        members = (*PARTIES, "EU")
        force = read(store, members, on).forces
        found = force.between(0)[0]
        for i, a in enumerate(members):
            for j, b in enumerate(members):
                if i < j:
                    expected = LEVEL[between(store, "x", a, b, on).answer]
                    named = force.has_row[0, 0, i] or force.has_row[0, 0, j]
                    each = {f.direction: LEVEL[f.answer] for f in acts(store, "x", a, b, on)}
                    ways = [found[i, j], found[j, i]]
                    assert max(ways) == (expected if named else 0), (a, b)
                    both = each.get("both")
                    told = [each.get("a_to_b", 0), each.get("b_to_a", 0)] if both is None else [both, both]
                    assert ways == (told if named else [0, 0]), (a, b)


@settings(max_examples=40, deadline=None)
@given(st.data(), days)
def test_more_instruments_never_lower_the_depth_between_two(data: st.DataObject, on: date) -> None:
    def made(name: str) -> str:
        return instrument(name, rows="\n".join(data.draw(a_row(p)) for p in ("BRA", "CHN")))

    def depth(text: str, names: tuple[str, ...]) -> float:
        with store_of(text, {n: [("1", "Data may move.")] for n in names}) as store:
            store.add_codings([coding(f"{n}/1", "DF-FLOW", 1 + (n == "y")) for n in names])
            regime = read(store, ("BRA", "CHN"), on)
            sets = regime.pair_sets(regime.forces.between(0))
            return float(depth_score(deepest(regime.hardest, sets), regime.scales).mean())

    one, other = made("x"), made("y")
    assert depth(one + other, ("x", "y")) >= depth(one, ("x",))
