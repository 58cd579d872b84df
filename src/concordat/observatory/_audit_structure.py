"""Steps 4 to 6 of an audit: do indicators belong together, what did scaling do to them, do weights mean what they say?

Correlations, alpha and components are of the columns as they enter the aggregate (normalised, more being better).
Importance: eta^2 of each element for the index (`multivariate`), divided by their sum, beside its weight, divided by
theirs (Paruolo, Saisana & Saltelli, JRSS A 176, 2013): indicators with effective weights, pillars with their own.

A geometric or harmonic mean takes no zero, so an index that ran has none; what the floor lifted is counted in place.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

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
from concordat.observatory.association import correlations
from concordat.observatory.batch import stream
from concordat.observatory.multivariate import PillarReport, denominator_flags, importance, of_pillars, pair_flags
from concordat.observatory.panel import Array
from concordat.observatory.run import aggregate_options, weights_options
from concordat.observatory.spec import DATA_DRIVEN
from concordat.observatory.stages import options as o
from concordat.observatory.stages._scales import FROM_DATA
from concordat.observatory.stages.aggregate import method_of
from concordat.observatory.stages.normalise import method_of as scale_of
from concordat.observatory.stages.normalise import truncated
from concordat.observatory.stages.screen import statistics
from concordat.observatory.stages.weights import told as told_of

FEW = 3  # units; fewer have no correlation worth the name


def multivariate(case: Case) -> list[Check]:
    """Step 4: each pillar one thing, no indicator twice, none against the others, none a mere size."""
    frame = replace(case.result.graph.frame, directions=np.ones(len(case.indicators)))
    reports = of_pillars(case.columns, frame, stream(0, "audit"))
    shared = [r for r in reports if len(r.indicators) > 1]
    return [_alpha(case, shared), _component(case, shared), *_pairs(case), _denominators(case)]


def normalisation(case: Case) -> list[Check]:
    """Step 5: outliers left, values cut at the goalposts, zeros before a geometric mean, a scale that moves."""
    return [_outliers(case), _truncated(case), _zeros(case), _scale(case)]


def weighting(case: Case) -> list[Check]:
    """Step 6: importance against nominal weight, and elements that work against their parent."""
    tree = case.result.spec.tree
    if not case.aggregated:
        return [not_computed(6, name, NEEDS_INDEX) for name in ("importance", "importance_pillars", "against")]
    effective = tree.effective(case.result.weights)
    tops = list(tree.children(tree.root))
    return [
        _importance(case, "importance", list(range(tree.n_indicators)), effective),
        _importance(case, "importance_pillars", tops, case.result.weights[tops]),
        _against(case),
        *_weights(case),
    ]


# --- 4 Multivariate -----------------------------------------------------------------------------------------------


def _reason(report: PillarReport, part: str) -> str:
    return next((text for name, text in report.problems if name == part), "")


def _alpha(case: Case, reports: list[PillarReport]) -> Check:
    if not reports:
        return not_computed(4, "alpha", "a pillar of two indicators or more")
    names = case.result.spec.tree.names
    found = {names[r.pillar]: r.alpha for r in reports}
    gaps = [f"{names[r.pillar]} ({_reason(r, 'alpha')})" for r in reports if r.alpha is None]
    known = {k: a for k, a in found.items() if a is not None}
    outside = [k for k, a in known.items() if not limits.ALPHA_MIN <= a <= limits.ALPHA_MAX]
    numbers = {"alpha": found, "omega": {names[r.pillar]: r.omega for r in reports}, "outside": outside}
    text = listed([f"{k} {a:.2f}" for k, a in known.items()]) or "none"
    sentence = f"Cronbach's alpha by pillar: {text}"
    if outside:
        sentence += f"; outside of {limits.ALPHA_MIN:g} to {limits.ALPHA_MAX:g}: {listed(outside)}"
    return told(4, "alpha", f"{sentence}.", numbers, warn=bool(outside), gaps=gaps)


def _component(case: Case, reports: list[PillarReport]) -> Check:
    if not reports:
        return not_computed(4, "component", "a pillar of two indicators or more")
    names = case.result.spec.tree.names
    found = {names[r.pillar]: r.first_share for r in reports}
    gaps = [f"{names[r.pillar]} ({_reason(r, 'first_share')})" for r in reports if r.first_share is None]
    known = {k: s for k, s in found.items() if s is not None}
    low = [k for k, s in known.items() if not s > limits.FIRST_COMPONENT_MIN]
    numbers = {"first_share": found, "components": {names[r.pillar]: r.components for r in reports}, "low": low}
    text = listed([f"{k} {percent(s)}" for k, s in known.items()]) or "none"
    sentence = f"variance in the first component by pillar: {text}"
    if low:
        sentence += f"; not above {percent(limits.FIRST_COMPONENT_MIN)}: {listed(low)}"
    return told(4, "component", f"{sentence}.", numbers, warn=bool(low), gaps=gaps)


def _pairs(case: Case) -> list[Check]:
    """The three flags of pairs inside a pillar: r > 0.92, 0 <= r < 0.3, r < 0."""
    frame, ids = case.result.graph.frame, case.indicators
    found = correlations(case.columns)
    inside = [(i, j) for j in range(len(ids)) for i in range(j) if frame.pillars[i] == frame.pillars[j]]
    kinds = {"same": f"above {limits.PAIR_SAME:g}", "weak": f"below {limits.PAIR_WEAK:g}", "negative": "below 0"}
    if not inside:
        return [not_computed(4, kind, "a pillar of two indicators or more") for kind in kinds]
    blank = [f"{ids[i]} and {ids[j]}" for i, j in inside if np.isnan(found.r[i, j]) or found.n[i, j] < FEW]
    flags = [f for f in pair_flags(found, frame) if found.n[ids.index(f.first), ids.index(f.second)] >= FEW]
    checks = []
    for kind, limit in kinds.items():
        mine = [f for f in flags if f.kind == kind]
        pairs = [{"first": f.first, "second": f.second, "r": f.r, "p": f.p, "n": f.n} for f in mine]
        text = listed([f"{f.first} and {f.second} {f.r:.2f}" for f in mine])
        sentence = f"correlations {limit} inside a pillar: {len(mine)} of {counted(len(inside), 'pair')}"
        sentence += f": {text}." if mine else "."
        numbers = {"pairs": pairs, "of": len(inside)}
        gaps = [f"{b} (figures that differ, of {FEW} units with both)" for b in blank]
        checks.append(told(4, kind, sentence, numbers, warn=bool(mine), gaps=gaps))
    return checks


def _denominators(case: Case) -> Check:
    panel = case.result.panel
    if not panel.denominators:
        return not_computed(4, "denominators", "denominators, which a step denominate names")
    observed = np.where(case.judged[:, None], case.result.graph.observed()[-1], np.nan)
    last = {name: values[-1] for name, values in panel.denominators.items()}
    flags = [f for f in denominator_flags(observed, case.result.graph.frame, last) if f.n >= FEW]
    rows = [{"indicator": f.indicator, "denominator": f.denominator, "r": f.r, "p": f.p, "n": f.n} for f in flags]
    if not rows:
        sentence = f"no indicator goes with {listed(sorted(last))} by more than {limits.DENOMINATOR_MAX:g}."
        return told(4, "denominators", sentence, {"pairs": rows}, gaps=_sizes(observed, last))
    text = listed([f"{f.indicator} with {f.denominator} {f.r:.2f}" for f in flags])
    sentence = f"indicators that go with a size by more than {limits.DENOMINATOR_MAX:g}, divided or not: {text}."
    return told(4, "denominators", sentence, {"pairs": rows}, warn=True, gaps=_sizes(observed, last))


def _sizes(observed: Array, last: dict[str, Array]) -> list[str]:
    """Denominators without three units that any indicator shares with them."""
    there = np.isfinite(observed)
    short = [n for n in sorted(last) if (there & np.isfinite(last[n])[:, None]).sum(axis=0).max(initial=0) < FEW]
    return [f"{name} ({FEW} units with a figure)" for name in short]


# --- 5 Normalisation ----------------------------------------------------------------------------------------------


def _outliers(case: Case) -> Check:
    treated = near_one(np.where(case.judged[:, None], case.result.treated, np.nan))
    found = statistics(treated, case.result.graph.frame)
    left = [s for s in found if "outliers" in s.flags]
    gaps = [f"{s.indicator} (four figures that differ)" for s in found if s.skew is None or s.kurtosis is None]
    numbers = {s.indicator: {"skew": s.skew, "kurtosis": s.kurtosis} for s in found}
    limit = f"|skewness| above {limits.SKEW:g} and kurtosis above {limits.KURTOSIS:g}"
    sentence = f"{len(left)} of {counted(len(found), 'indicator')} with {limit} after treatment"
    if left:
        sentence += ": " + listed([f"{s.indicator} ({s.skew:.1f}, {s.kurtosis:.1f})" for s in left])
    return told(5, "outliers", f"{sentence}.", numbers, warn=bool(left), gaps=gaps)


def _truncated(case: Case) -> Check:
    graph, trail = case.result.graph, case.result.trail
    cut = np.zeros(len(case.indicators), dtype=np.int64)
    n = np.zeros(len(case.indicators), dtype=np.int64)
    there = False
    for place, (step, _) in enumerate(graph.steps):
        if not isinstance(step.options, o.Normalise):
            continue
        there = True
        before = trail.stacks[place][-1:][:, case.judged]  # the stack that the step was given
        frame = replace(graph.frame, units=tuple(case.names_of(case.judged)), slices=())
        cut += truncated(before, frame, step.options)[0].sum(axis=0)
        n = np.isfinite(before[0]).sum(axis=0)
    if not there:
        return not_computed(5, "truncated", "a step normalise")
    shares = {i: float(c / max(m, 1)) for i, c, m in zip(case.indicators, cut.tolist(), n.tolist(), strict=True)}
    high = sorted((i for i, s in shares.items() if s >= limits.TRUNCATED_MAX), key=lambda i: (-shares[i], i))
    numbers = {"shares": shares, "cut": int(cut.sum()), "of": int(n.sum())}
    sentence = f"{int(cut.sum())} of {int(n.sum())} values lie outside of goalposts or points and are held at the ends"
    if high:
        text = listed([f"{i} {percent(shares[i])}" for i in high])
        sentence += f"; {percent(limits.TRUNCATED_MAX)} or more of {text}"
    return told(5, "truncated", f"{sentence}.", numbers, warn=bool(high))


def _zeros(case: Case) -> Check:
    if not case.aggregated:
        return not_computed(5, "zeros", NEEDS_INDEX)
    tree, options = case.result.spec.tree, aggregate_options(case.result.spec)
    picky = [n for n in tree.inner if _takes_no_zero(method_of(tree, n, options), options)]
    if not picky:
        sentence = "no parent is a geometric or harmonic mean, which zeros would pull down."
        return told(5, "zeros", sentence, {"lifted": {}})
    scaled = case.result.spec.step("normalise")
    floor = scaled.options.floor if scaled is not None and isinstance(scaled.options, o.Normalise) else None
    children = [c for n in picky for c in tree.children(n) if case.result.weights[c] > 0]
    scores = case.result.nodes[-1][case.judged][:, children]
    low = scores <= (-np.inf if floor is None else floor)  # without a floor, zeros would have stopped the run
    lifted = {tree.names[c]: int(k) for c, k in zip(children, low.sum(axis=0).tolist(), strict=True) if k}
    count, parents = int(low.sum()), listed([tree.names[n] for n in picky])
    numbers = {"floor": floor, "lifted": lifted, "of": int(np.isfinite(scores).sum())}
    if floor is None or not count:
        sentence = f"no score stands at the floor before the geometric or harmonic mean of {parents}."
        return told(5, "zeros", sentence, numbers)
    text = listed([f"{name} ({k})" for name, k in lifted.items()])
    sentence = f"the floor of {floor:g}, not a figure, decides {counted(count, 'score')} before the geometric or "
    return told(5, "zeros", f"{sentence}harmonic mean of {parents}: {text}.", numbers, warn=True)


def _takes_no_zero(how: str, options: o.Aggregate) -> bool:
    return how in ("geometric", "harmonic") or (how == "power" and options.p <= 0)


def _scale(case: Case) -> Check:
    """Goalposts from data while years or groups are compared (specification, section 12)."""
    spec, years = case.result.spec, case.result.panel.years
    groups = spec.units.compare_with if spec.units is not None else ()
    moving, pooled = _from_data(case)
    driven = weights_options(spec).method if case.aggregated else ""
    names = [*moving, *([f"weights ({driven})"] if driven in DATA_DRIVEN else [])]
    numbers = {"from_data": names, "years": list(years), "compare_with": list(groups)}
    if not names:
        return told(5, "scale", "scales and weights are given, not taken from the data.", numbers)
    if len(years) < 2 and not groups:
        text = f"from the data: {listed(names)}; nothing is compared between years or with other groups."
        return told(5, "scale", text, numbers)
    first, last = years[0], years[-1]
    coming = f"scores of {first or 'this edition'} will change when {last + 1 if last else 'new'} data arrive"
    if len(years) > 1 and moving and not pooled:
        coming = f"scores of {first} and {last} are not on one scale, and {coming} even where no figure does"
    whom = f", and those of {listed(list(groups))} are on another scale" if groups and moving else ""
    return told(5, "scale", f"{coming}{whom}: from the data come {listed(names)}.", numbers, warn=True)


def _from_data(case: Case) -> tuple[list[str], bool]:
    """Indicators whose scale comes from the data, each with its method; and whether all years are pooled for it."""
    found: dict[str, str] = {}
    pooled = True
    for step, _ in case.result.graph.steps:
        if not isinstance(step.options, o.Normalise) or step.options.over in ("given", "base_year"):
            continue
        for number, name in enumerate(case.indicators):
            how = scale_of(number, step.options)
            if how in FROM_DATA:
                found.setdefault(name, how)
                pooled = pooled and step.options.over == "all_years"
    return [f"{name} ({how})" for name, how in found.items()], pooled


# --- 6 Weighting --------------------------------------------------------------------------------------------------


def _importance(case: Case, name: str, nodes: list[int], weights: Array) -> Check:
    """eta^2 of elements beside their weights, each as a share of all."""
    names = case.result.spec.tree.names
    used = [(n, float(w)) for n, w in zip(nodes, weights.tolist(), strict=True) if w > 0]
    index = case.nodes[:, case.result.spec.tree.root]
    eta = importance(case.nodes[:, [n for n, _ in used]], index).tolist()
    gaps = [f"{names[n]} (five units and figures that differ)" for (n, _), e in zip(used, eta, strict=True) if e != e]
    known = [(names[n], w, e) for (n, w), e in zip(used, eta, strict=True) if e == e]
    total, all_weight = sum(e for _, _, e in known), sum(w for _, w, _ in known)
    if len(known) < 2 or not total > 0:
        lacks = "two elements with figures that differ, of five units or more, that go with the index"
        return not_computed(6, name, lacks)
    rows = {
        k: {"eta2": e, "importance": e / total, "weight": w / all_weight, "ratio": e / total / (w / all_weight)}
        for k, w, e in known
    }
    factor = limits.IMPORTANCE_FACTOR
    off = [k for k, row in rows.items() if not 1 / factor <= row["ratio"] <= factor]
    if not off:
        sentence = f"importance and weight of each of {len(rows)} elements are within a factor of {factor:g}."
        return told(6, name, sentence, {"elements": rows}, gaps=gaps)
    text = listed([f"{k} {percent(rows[k]['importance'])} for {percent(rows[k]['weight'])}" for k in off])
    sentence = f"importance (share of eta^2) more than a factor of {factor:g} from the weight: {text}."
    return told(6, name, sentence, {"elements": rows}, warn=True, gaps=gaps)


def _weights(case: Case) -> list[Check]:
    """What the method of weighting says of itself: contradictions of comparisons, a target that is not reached."""
    found = case.result.weighting
    if not found:
        return []
    warned = [n for n in case.result.notes if n.stage == "weights" and n.warning]
    sentence = "; ".join(f"{n.indicator}: {n.text}" for n in told_of(found)) or f"weights by {found[0].method}"
    numbers = {d.parent: {"method": d.method, **dict(d.numbers)} for d in found}
    gaps = [f"{d.parent} (a random index)" for d in found if d.method == "ahp" and "cr" not in dict(d.numbers)]
    off = f"; over the limit: {listed([n.indicator for n in warned])}" if warned else ""
    return [told(6, "weights", f"{sentence}{off}.", numbers, warn=bool(warned), gaps=gaps)]


def _against(case: Case) -> Check:
    tree = case.result.spec.tree
    found: dict[str, float | None] = {}
    gaps = []
    for node in range(tree.root):
        if not case.result.weights[node] > 0:
            continue
        pair = correlations(case.nodes[:, [node, tree.parents[node]]])
        r = float(pair.r[0, 1]) if pair.n[0, 1] >= FEW else float("nan")
        found[tree.names[node]] = r
        if np.isnan(r):
            gaps.append(f"{tree.names[node]} ({FEW} units with scores that differ)")
    bad = [f"{name} {r:.2f}" for name, r in found.items() if r is not None and r < 0]
    sentence = f"{len(bad)} of {counted(len(found), 'element')} against their parent (correlation below 0)"
    sentence += f": {listed(bad)}." if bad else "."
    return told(6, "against", sentence, {"r": found}, fail=bool(bad), gaps=gaps)
