"""Steps 7 to 10 of an audit: how sure are the ranks, what makes the scores, what do they go with, can they be traced?

Variance of the index by pillar: `cov(part of the pillar, score) / var(score)`, over ranked units, parts being the sum
of its indicators' contributions; shares add to 1 with that of the baseline, which is 0 where all means are arithmetic.
Links: correlation of the scores with ln GDP per head, and with each validator, ln GDP per head held fixed.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from concordat.errors import MethodError
from concordat.evidence._elementary import log
from concordat.observatory import _audit_limits as limits
from concordat.observatory._audit_model import (
    NEEDS_INDEX,
    Case,
    Check,
    counted,
    listed,
    not_computed,
    percent,
    told,
)
from concordat.observatory.association import correlations, partial_correlation
from concordat.observatory.panel import Array

GDP = re.compile(r"gdp\w*_per_(person|head|capita)\w*")
NEEDS_RUNS = "an uncertainty analysis of ranks"
FEW = 3  # units


def uncertainty(case: Case) -> list[Check]:
    """Step 7: widths of the 90 % rank intervals, and which assumption makes them."""
    if case.doubt is None:
        return [not_computed(7, name, NEEDS_RUNS) for name in ("width", "assumptions", "runs")]
    return [_width(case), _assumptions(case), _runs(case)]


def back_to_data(case: Case) -> list[Check]:
    """Step 8: which pillar makes the differences between scores."""
    return [_dominance(case)]


def links(case: Case) -> list[Check]:
    """Step 9: whether the index says more than income does, and goes with what it should go with."""
    return [_gdp(case), *_validators(case)]


def presentation(case: Case) -> list[Check]:
    """Step 10: what a reader needs to find the index again and to see its gaps."""
    return [_hash(case), _status(case), _free(case), _missing(case)]


# --- 7 Uncertainty ------------------------------------------------------------------------------------------------


def _width(case: Case) -> Check:
    assert case.doubt is not None
    table = case.doubt.table
    ranked = np.isfinite(table.low)
    if ranked.sum() < 2:
        return not_computed(7, "width", "two units that are ranked in the runs")
    widths = (table.high - table.low)[ranked]
    median, places = float(np.median(widths)), int(ranked.sum())
    shares = {k: float((widths < k).mean()) for k in limits.WIDTHS}
    of = median / places
    numbers = {
        "median": median,
        "of_places": of,
        "under": {str(k): s for k, s in shares.items()},
        "widths": dict(zip(case.names_of(ranked), widths.tolist(), strict=True)),
    }
    text = ", ".join(f"{percent(s)} under {k}" for k, s in shares.items())
    sentence = f"90 % rank intervals of {places} units are {median:g} places wide in the median; {text}."
    return told(7, "width", sentence, numbers, warn=of > limits.WIDTH_WARN, fail=of > limits.WIDTH_FAIL)


def _assumptions(case: Case) -> Check:
    assert case.doubt is not None
    names = list(case.doubt.design.names)
    effects = case.doubt.shapley.get("mean_abs_rank_change")
    if effects is None:
        return not_computed(7, "assumptions", "Shapley effects, which the analysis left out", {"varied": names})
    shares = dict(case.doubt.drivers())
    few = len(names) < limits.ASSUMPTIONS_MIN
    numbers: dict[str, Any] = {"varied": names, "shapley": shares, "exact": effects.exact, "runs": effects.runs}
    if not shares:
        if "missing" in effects.reasons[0]:
            return not_computed(7, "assumptions", "a ranking in every run, as none may be dropped", numbers)
        sentence = f"none of {counted(len(names), 'assumption')} that were varied moves the ranking: {listed(names)}."
    else:
        text = ", ".join(f"{name} {max(share, 0.0):.2f}" for name, share in shares.items())  # no "-0.00"
        sentence = f"Shapley shares of what moves the ranking: {text}."
    if few:
        sentence += " A single assumption was varied; nothing is known of the others."
    return told(7, "assumptions", sentence, numbers, warn=few)


def _runs(case: Case) -> Check:
    doubt = case.doubt
    assert doubt is not None
    how = "all combinations" if doubt.exact else "a sample"
    numbers = {"runs": doubt.runs, "exact": doubt.exact, "dropped": len(doubt.failed)}
    sentence = f"{doubt.runs:,} runs ({how}), {len(doubt.failed)} dropped"
    if doubt.failed:
        sentence += f", the first: {doubt.failed[0].message.rstrip('.')}"
    return told(7, "runs", f"{sentence}.", numbers, warn=bool(doubt.failed))


# --- 8 Back to the data -------------------------------------------------------------------------------------------


def _dominance(case: Case) -> Check:
    if not case.aggregated:
        return not_computed(8, "dominance", NEEDS_INDEX)
    result, tree = case.result, case.result.spec.tree
    scores = result.scores[case.judged]
    parts = result.contributions[case.judged]
    if len(scores) < FEW or not scores.max() > scores.min():
        return not_computed(8, "dominance", f"{FEW} units with scores that differ")
    parts = np.where(np.isfinite(parts), parts, 0.0)  # an indicator that a unit lacks has no part in its score
    off = scores - scores.mean()
    variance = float((off * off).sum())

    def share(part: Array) -> float:
        return float(((part - part.mean()) * off).sum()) / variance

    table = {
        name: {"mean": float(parts[:, i].mean()), "variance_share": share(parts[:, i])}
        for i, name in enumerate(case.indicators)
    }
    pillars = {tree.names[n]: share(parts[:, list(tree.below(n))].sum(axis=1)) for n in tree.children(tree.root)}
    high = [k for k, s in pillars.items() if s > limits.PILLAR_MAX]
    numbers = {"pillars": pillars, "indicators": table, "baseline": share(result.baseline[case.judged])}
    text = listed([f"{k} {percent(s)}" for k, s in pillars.items()], most=limits.CHILDREN_MAX)
    sentence = f"variance of the index by pillar: {text}"
    if high:
        sentence += f"; one makes more than {percent(limits.PILLAR_MAX)}: {high[0]}"
    return told(8, "dominance", f"{sentence}.", numbers, warn=bool(high))


# --- 9 Links ------------------------------------------------------------------------------------------------------


def _figures(case: Case, name: str) -> Array | None:
    """Figures of an indicator `[unit]`: those handed over, else the index's own."""
    if name in case.links:
        return np.asarray(case.links[name], dtype=np.float64)
    if name in case.indicators:
        return np.asarray(case.result.panel.values[-1, :, case.indicators.index(name)])
    return None


def _income(case: Case) -> tuple[str, Array] | None:
    """Name and ln of GDP per head; None where there are no figures, or not of three ranked units."""
    known = [n for n in (*case.links, *case.indicators) if GDP.fullmatch(n)]
    for name in sorted(set(known), key=lambda n: ("ppp" not in n, known.index(n))):  # comparable prices first
        values = _figures(case, name)
        if values is None:
            continue
        values = np.where(case.judged & (values > 0), values, np.nan)
        if np.isfinite(values).sum() >= FEW:
            return name, log(values)
    return None


def _index(case: Case) -> Array:
    return np.asarray(case.nodes[:, case.result.spec.tree.root])


def _gdp(case: Case) -> Check:
    if not case.aggregated:
        return not_computed(9, "gdp", NEEDS_INDEX)
    found = _income(case)
    if found is None:
        return not_computed(9, "gdp", "figures of GDP per head (such as gdp_ppp_per_person_intl_2021)")
    name, income = found
    pair = correlations(np.column_stack([_index(case), income]))
    r, n = float(pair.r[0, 1]), int(pair.n[0, 1])
    if np.isnan(r):
        return not_computed(9, "gdp", f"scores and {name} that differ between units")
    inside = " (itself in the index)" if name in case.indicators else ""
    sentence = f"correlation of the index with ln {name}{inside}: {r:.2f} over {n} units"
    if r > limits.GDP_SAME:
        sentence += f"; above {limits.GDP_SAME:g}, it says little that income does not"
    numbers = {"indicator": name, "r": r, "p": float(pair.p[0, 1]), "n": n, "in_index": name in case.indicators}
    return told(9, "gdp", f"{sentence}.", numbers, warn=r > limits.GDP_SAME)


def _validators(case: Case) -> list[Check]:
    stated = case.result.spec.validators
    wanted = [*stated, *(n for n in case.links if n not in stated and not GDP.fullmatch(n))]
    if not case.aggregated:
        return [not_computed(9, "validators", NEEDS_INDEX)]
    if not wanted:
        return [not_computed(9, "validators", "validators: indicator ids in the index file")]
    absent = [n for n in wanted if _figures(case, n) is None]
    present = [n for n in wanted if n not in absent]
    if not present:
        return [not_computed(9, "validators", f"figures of {listed(absent)}")]
    income = _income(case)
    gaps = [f"{n} (figures)" for n in absent]
    rows: dict[str, dict[str, Any]] = {}
    for name in present:
        rows[name], gap = _link(case, name, income)
        gaps += [f"{name} ({gap})"] if gap else []
    known = {k: row["partial"] for k, row in rows.items() if row["partial"] is not None}
    low = [k for k, r in known.items() if abs(r) < limits.LINK_MIN]
    parts = [f"{k} {row['r']:.2f}" + (f", partial {known[k]:.2f}" if k in known else "") for k, row in rows.items()]
    sentence = f"correlation of the index, and partial with ln GDP per head held fixed: {listed(parts)}"
    if low:
        sentence += f"; below {limits.LINK_MIN:g} beyond income: {listed(low)}"
    return [told(9, "validators", f"{sentence}.", {"validators": rows}, warn=bool(low), gaps=gaps)]


def _link(case: Case, name: str, income: tuple[str, Array] | None) -> tuple[dict[str, Any], str]:
    """Correlation and partial correlation of the index with a validator, and what the latter lacks."""
    values = _figures(case, name)
    assert values is not None
    pair = correlations(np.column_stack([_index(case), values]))
    row: dict[str, Any] = {"r": float(pair.r[0, 1]), "p": float(pair.p[0, 1]), "n": int(pair.n[0, 1])}
    row |= {"in_index": name in case.indicators, "partial": None, "partial_p": None, "partial_n": None}
    if income is None:
        return row, "figures of GDP per head"
    try:
        found = partial_correlation(_index(case), values, income[1][:, None])
    except MethodError as error:
        return row, error.what.rstrip(".")
    if np.isnan(found.r):
        return row, "figures that differ when income is held fixed"
    return row | {"partial": found.r, "partial_p": found.p, "partial_n": found.n}, ""


# --- 10 Presentation ----------------------------------------------------------------------------------------------


def _hash(case: Case) -> Check:
    """The hash is of the file; units that were asked for in place of the file's are not in it."""
    spec = case.result.spec
    written = spec.content.get("units") or {}
    units = spec.units
    now = ("", "", []) if units is None else (units.bloc, units.as_of, list(units.countries))
    then = (str(written.get("bloc", "")), str(written.get("as_of", "")), list(written.get("countries", [])))
    numbers = {"sha256": spec.hash, "edition": spec.edition, "covers_units": now == then}
    sentence = f"SHA-256 of the file {spec.hash}"
    if now != then:
        who = f"{now[0] or listed(now[2])} {now[1]}".rstrip()
        sentence += f"; it does not cover the units, which were asked for in place of the file's: {who}"
    return told(10, "hash", f"{sentence}.", numbers, warn=now != then)


def _status(case: Case) -> Check:
    status = case.result.spec.status
    words = {
        "own": "own: an index of its author's, no official one",
        "verified": "verified: published scores were recomputed by a test",
        "calibrated": "calibrated: some numbers were found from published scores, not read in a method paper",
        "unverified": "unverified: not held against published scores",
    }
    return told(10, "status", f"{words[status]}.", {"status": status}, warn=status in ("calibrated", "unverified"))


def _free(case: Case) -> Check:
    """Whether the index itself says under what it may be used."""
    stated = case.result.spec.licence.strip()
    numbers = {"licence": stated, "sources": list(case.result.spec.sources)}
    if not stated:
        return told(10, "index_licence", "the file states no licence.", numbers, warn=True)
    bound = bool(re.search(r"\b(NC|ND)\b", stated.upper()))
    more = ": its figures must not be passed on with it" if bound else ""
    return told(10, "index_licence", f"the file is under {stated}{more}.", numbers, warn=bound)


def _missing(case: Case) -> Check:
    result = case.result
    gaps = np.isnan(result.graph.observed()[-1])
    lists = {
        unit: [i for i, gap in zip(case.indicators, gaps[u], strict=True) if gap]
        for u, unit in enumerate(result.units)
        if gaps[u].any()
    }
    out = case.names_of(~case.judged)
    numbers = {"missing": lists, "cells": int(gaps.sum()), "of": int(gaps.size), "unranked": out}
    all_in = "every unit is ranked" if case.aggregated else "every unit has a figure"
    if not lists and not out:
        return told(10, "missing", f"none of {gaps.size} figures is missing, and {all_in}.", numbers)
    text = listed([f"{u} ({len(names)})" for u, names in lists.items()])
    sentence = f"{int(gaps.sum())} of {gaps.size} figures are missing" + (f": {text}" if lists else "")
    left = f"{'not ranked' if case.aggregated else 'without any figure'}: {listed(out)}" if out else all_in
    sentence += f"; {left}"
    return told(10, "missing", f"{sentence}.", numbers, warn=True)
