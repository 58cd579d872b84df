"""Steps 1 to 3 of an audit: is the index argued for, are its figures there, how many were filled in?

What is observed is judged after denominating and before anything is filled in. The spread over draws of multiple
imputation is that of the index as stated, with the very draws of its uncertainty analysis: between-draw variance of
each unit's score (divisor m - 1; Rubin, *Multiple Imputation for Nonresponse in Surveys*, 1987), their mean over the
variance of scores between units. It is 0 where nothing is filled in, and 1 where scores are noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from concordat.errors import MethodError
from concordat.evidence.licences import licence, strictest
from concordat.observatory import _audit_limits as limits
from concordat.observatory._audit_model import (
    NEEDS_INDEX,
    Case,
    Check,
    counted,
    listed,
    near_one,
    not_computed,
    percent,
    told,
)
from concordat.observatory.panel import Array
from concordat.observatory.pooling import scores_over_draws
from concordat.observatory.spec import Indicator
from concordat.observatory.stages.screen import availability, statistics


def framework(case: Case) -> list[Check]:
    """Step 1: a reason and a source for each indicator, parents of a size to be understood."""
    return [
        _stated(case, "rationale", lambda i: i.rationale),
        _stated(case, "source", lambda i: i.source),
        _children(case),
    ]


def selection(case: Case) -> list[Check]:
    """Step 2: figures of most units and indicators, with something to tell apart, recent, and free to use."""
    return [_data_indicator(case), _data_unit(case), _values(case), _age(case), _licence(case)]


def imputation(case: Case) -> list[Check]:
    """Step 3: how much was filled in, and how far scores depend on with what."""
    return [_imputed(case), _draws(case)]


# --- 1 Framework --------------------------------------------------------------------------------------------------


def _stated(case: Case, what: str, of: Callable[[Indicator], str]) -> Check:
    every = case.result.spec.indicators
    without = [i.id for i in every if not of(i).strip()]
    numbers = {"indicators": len(every), "without": without}
    if not without:
        return told(1, what, f"each of {counted(len(every), 'indicator')} has a {what}.", numbers)
    sentence = f"{len(without)} of {counted(len(every), 'indicator')} without a {what}: {listed(without)}."
    return told(1, what, sentence, numbers, warn=True, fail=len(without) == len(every))


def _children(case: Case) -> Check:
    tree = case.result.spec.tree
    sizes = {tree.names[n]: len(tree.children(n)) for n in tree.inner}
    outside = {k: n for k, n in sizes.items() if not limits.CHILDREN_MIN <= n <= limits.CHILDREN_MAX}
    range_ = f"{limits.CHILDREN_MIN} to {limits.CHILDREN_MAX} children"
    if not outside:
        return told(1, "children", f"each of {counted(len(sizes), 'parent')} has {range_}.", {"children": sizes})
    text = listed([f"{name} ({n})" for name, n in outside.items()])
    return told(1, "children", f"without {range_}: {text}.", {"children": sizes}, warn=True)


# --- 2 Selection --------------------------------------------------------------------------------------------------


def _observed(case: Case) -> Array:
    return np.asarray(case.result.graph.observed()[-1])


def _data_indicator(case: Case) -> Check:
    there = np.isfinite(_observed(case))
    shares = dict(zip(case.indicators, (there.sum(axis=0) / max(len(there), 1)).tolist(), strict=True))
    return _enough("data_indicator", shares, limits.DATA_INDICATOR_MIN, "indicator", "units")


def _data_unit(case: Case) -> Check:
    data = availability(_observed(case))[0]
    shares = {u: float(data[n]) for n, u in enumerate(case.result.units) if case.judged[n]}
    if not shares:
        return not_computed(2, "data_unit", "units that are ranked: none is")
    return _enough("data_unit", shares, limits.DATA_UNIT_MIN, "ranked unit", "indicators")


def _enough(name: str, shares: dict[str, float], least: float, one: str, many: str) -> Check:
    """Shares of data against what is asked for; less than half is a failure."""
    low = sorted((k for k, v in shares.items() if v < least), key=lambda k: (shares[k], k))
    numbers = {"shares": shares, "least": least, "below": low}
    if not low:
        worst = min(shares, key=lambda k: (shares[k], k))
        sentence = f"each {one} has figures of {percent(least)} of the {many} or more; the least, {worst}, of "
        return told(2, name, f"{sentence}{percent(shares[worst])}.", numbers)
    text = listed([f"{k} {percent(shares[k])}" for k in low])
    sentence = f"figures of less than {percent(least)} of the {many} have {len(low)} of {counted(len(shares), one)}: "
    return told(2, name, f"{sentence}{text}.", numbers, warn=True, fail=shares[low[0]] < limits.DATA_FAIL)


def _values(case: Case) -> Check:
    found = statistics(near_one(_observed(case)), case.result.graph.frame)
    numbers = {s.indicator: {"nonzero": s.nonzero, "unique": s.unique} for s in found}
    zeros = [s.indicator for s in found if "zeros" in s.flags]
    same = [s.indicator for s in found if "repeated" in s.flags]
    words = [f"not zero in less than {percent(limits.ZEROS_MIN)} of all units: {listed(zeros)}"] if zeros else []
    if same:
        words.append(f"different values fewer than {percent(limits.REPEATED_MIN)} of all units: {listed(same)}")
    if not words:
        words = ["each indicator is not zero in half of all units or more, and has half as many different values"]
    return told(2, "values", f"{'; '.join(words)}.", numbers, warn=bool(zeros or same))


def _age(case: Case) -> Check:
    panel, spec = case.result.panel, case.result.spec
    dated = (panel.source_years[-1] > 0) & np.isfinite(panel.values[-1]) & case.judged[:, None]
    if not dated.any():
        return not_computed(2, "age", "figures with years")
    ages = panel.years[-1] - panel.source_years[-1].astype(np.int64)
    old = dated & (ages > limits.AGE_MAX)
    some = ages[dated]
    named = [i for i, any_ in zip(case.indicators, old.any(axis=0), strict=True) if any_]
    numbers: dict[str, Any] = {
        "figures": int(dated.sum()),
        "median": float(np.median(some)),
        "oldest": int(some.max()),
        "older": int(old.sum()),
        "indicators": named,
        "limit": limits.AGE_MAX,
        "max_age": spec.data.max_age,
    }
    sentence = f"figures are {np.median(some):g} years old in the median, the oldest {counted(int(some.max()), 'year')}"
    if named:
        sentence += f"; {int(old.sum())} of {int(dated.sum())} are older than {limits.AGE_MAX}: {listed(named)}"
    return told(2, "age", f"{sentence}.", numbers, warn=bool(named))


def _licence(case: Case) -> Check:
    given = {i: case.licences[i] for i in case.indicators if i in case.licences}
    if not given:
        return not_computed(2, "licence", "the licence of each indicator's figures")
    rows = {name: licence(name, where="audit, licences") for name in sorted(set(given.values()))}
    flags = strictest(rows)
    bad = {
        "can't be built on": [n for n, r in rows.items() if not r.derive],
        "can't be passed on": [n for n, r in rows.items() if not r.redistribute],
        "not for commercial use": [n for n, r in rows.items() if not r.commercial],
        "read by nobody here": [n for n, r in rows.items() if r.status == "unverified"],
    }
    words = [f"{what}: {listed(names)}" for what, names in bad.items() if names]
    gaps = [f"{i} (no licence)" for i in case.indicators if i not in given]
    sentence = "; ".join(words) or f"figures may be built on and passed on, under {listed(list(rows))}"
    numbers = {"licences": given, "share_alike": flags.share_alike, **{k: v for k, v in bad.items() if v}}
    return told(2, "licence", f"{sentence}.", numbers, warn=bool(words), fail=not flags.derive, gaps=gaps)


# --- 3 Imputation -------------------------------------------------------------------------------------------------


def _imputed(case: Case) -> Check:
    result = case.result
    used = np.isfinite(result.trail.stacks[-1][-1])
    filled = (result.imputed & used).sum(axis=1)
    counts = used.sum(axis=1)
    shares = {u: float(filled[n] / max(counts[n], 1)) for n, u in enumerate(result.units) if case.judged[n]}
    if not shares:
        return not_computed(3, "imputed", "units that are ranked: none is")
    high = sorted((u for u, s in shares.items() if s > limits.IMPUTED_WARN), key=lambda u: (-shares[u], u))
    total = int(filled[case.judged].sum()), int(counts[case.judged].sum())
    numbers = {"shares": shares, "filled": total[0], "used": total[1], "above": high}
    sentence = f"{total[0]} of {total[1]} figures ({percent(total[0] / max(total[1], 1))}) were filled in"
    if high:
        text = listed([f"{u} {percent(shares[u])}" for u in high])
        sentence += f"; more than {percent(limits.IMPUTED_WARN)} of those of {text}"
    elif total[0]:
        most = max(shares, key=lambda u: (shares[u], u))
        sentence += f", of no unit more than {percent(shares[most])} ({most})"
    fail = bool(high) and shares[high[0]] > limits.IMPUTED_FAIL
    return told(3, "imputed", f"{sentence}.", numbers, warn=bool(high), fail=fail)


def _draws(case: Case) -> Check:
    if not case.aggregated:
        return not_computed(3, "draws", NEEDS_INDEX)
    spec, judged = case.result.spec, case.judged
    if not (case.result.imputed & np.isfinite(case.result.trail.stacks[-1][-1]))[judged].any() and judged.any():
        return told(3, "draws", "nothing was filled in, so that no draw could move a score.", {"share": 0.0})
    factor = next((v for v in spec.uncertainty.vary if v.kind == "draw"), None) if spec.uncertainty else None
    if case.doubt is None or factor is None:
        return not_computed(3, "draws", "an uncertainty analysis that varies impute.draw")
    try:
        scores = scores_over_draws(case.result, factor.step)[:, judged]
    except MethodError as error:
        return not_computed(3, "draws", f"draws that can all be run: {error}")
    if len(scores) < 2 or scores.shape[1] < 3 or not np.isfinite(scores).all():
        return not_computed(3, "draws", "two draws in which the same three units or more are ranked")
    spread = scores.std(axis=0, ddof=1)
    between = float(case.result.scores[judged].var(ddof=1))
    if not between > 0:
        return not_computed(3, "draws", "scores that differ")
    share = float((spread**2).mean()) / between
    units = case.names_of(judged)
    most = int(np.argmax(spread))
    numbers = {"draws": len(scores), "share": share, "sd": dict(zip(units, spread.tolist(), strict=True))}
    sentence = f"{len(scores)} draws make {percent(share)} of the variance of scores; most moved is {units[most]}, "
    sentence += f"with a standard deviation of {spread[most]:.3g}."
    return told(
        3, "draws", sentence, numbers, warn=share > limits.DRAWS_WARN, fail=share > limits.DRAWS_FAIL
    )  # fmt: skip
