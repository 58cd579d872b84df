"""A review in a report's book: one record of scores, evidence and gaps, from codes, targets and observations.

`review` takes rows of `council.record` and observations of a release. The evidence of a member is that of the newest
year, not after the review's, in which the release has a figure of it, held against what was due in that same year;
where the printing of the figure is known, its rounding (a uniform error of half a unit of the last digit) gives the
interval. Only targets that a decision adopted count. Scores and evidence stand side by side, never mixed.

Percentages are 50 (mean + 1); means, evidence and gaps are on -1 to +1 (gaps -2 to +2). Intervals of members and the
bloc are those of `review.intervals`. Those of one commitment come from its coders alone: a coder drawn for each cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from concordat import canonical
from concordat.council.commit.targets import Series, Target
from concordat.council.record import row_of, tidy
from concordat.council.review.evidence import Combined, EvidenceCell, evidence, stream
from concordat.council.review.intervals import Interval, Intervals, Place, intervals, league
from concordat.council.review.scores import Code, Scores, score
from concordat.council.review.steps import step
from concordat.errors import InputError
from concordat.evidence.provenance import Parts, derivation

Key = tuple[str, str]


@dataclass(frozen=True)
class Shown:
    """The evidence of one commitment.

    Attributes:
        cells: member -> indicator -> (cell, year). why: why there is none: `no_target`, `proposed`, `no_indicator` or
            what is wrong with it; empty where there is some.
        indicators: those of its adopted targets. targets: their hashes.
    """

    cells: Mapping[str, Mapping[str, tuple[EvidenceCell, int]]]
    why: str
    indicators: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, Fraction]:
        """The plain mean over indicators, of members with a value."""
        found: dict[str, Fraction] = {}
        for member, by_indicator in self.cells.items():
            known = [c.value for c, _ in by_indicator.values() if c.value is not None]
            if known:
                found[member] = sum(known, Fraction(0)) / len(known)
        return found


@dataclass(frozen=True)
class Reviewed:
    """A review as it is printed."""

    scores: Scores
    intervals: Intervals
    evidence: Mapping[str, Shown]
    places: tuple[Place, ...]
    registered: int
    seed: int
    draws: int


@derivation("council.review.record.review")
def review(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a review.

    Inputs: the rows of the cycle, its commitments and its cells, then observations. Parameters: `members`; `observed`,
    the indicator of each observation in order; `units` of the indicators; `names`, indicator ids of the commitments
    that stand for others; `seed`, `draws`, `league`.

    Parts, with `_lower` and `_upper` where there is an interval: `bloc` and `member_BRA` (percent), `n_BRA`
    (commitments); `human`, `evidence`, `gap`, `pairs` of the bloc and `human_BRA` .. of a member, over the cells that
    have both; of a commitment `score_brics-2a` (percent), `e_`, `h_`, `g_` (means over the members that have both),
    `em_` and `en_` (mean evidence and how many members have one), `step_`, `why_` (no evidence), `differ_`; of a cell
    `code_brics-2a_BRA`, `ev_brics-2a_BRA` and `step_`; `alpha`, `label`, `coders`, `codes`, `cells`, `differ`,
    `blank`, `assessed`, `registered`; `rank_BRA` with a league table.
    """
    return dict(_parts(review_of(inputs, parameters)))


def review_of(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> Reviewed:
    """The review itself, with what stands behind the numbers."""
    return _review(canonical.dumps({"inputs": [dict(i) for i in inputs], "parameters": dict(parameters)}, floats=True))


@lru_cache(maxsize=8)
def _review(said: bytes) -> Reviewed:
    import json

    document = json.loads(said)
    inputs, parameters = document["inputs"], document["parameters"]
    rows = [row_of(i) for i in inputs if "row" in i]
    observations = [i for i in inputs if "row" not in i]
    cycle = next(r for r in rows if "chosen" in r)
    pledges = [r for r in rows if "targets" in r]
    scores = score(
        [_code(row, code) for row in rows if "member" in row for code in row["codes"]],
        commitments=cycle["chosen"],
        members=parameters["members"],
        issues={p["id"]: p["topic"] or "other" for p in pledges},
    )
    series = _series(observations, parameters)
    shown = {p["id"]: _shown(p, series, parameters, int(cycle["year"])) for p in pledges}
    combined = [Combined(c, int(cycle["year"]), s.values, ()) for c, s in sorted(shown.items()) if s.values]
    seed, draws = parameters["seed"], parameters["draws"]
    return Reviewed(
        scores=scores,
        intervals=intervals(scores, combined, seed=seed, draws=draws),
        evidence=shown,
        places=league(scores, seed=seed, draws=draws) if parameters["league"] else (),
        registered=int(cycle["registered"]),
        seed=seed,
        draws=draws,
    )


def _code(row: Mapping[str, Any], code: Mapping[str, Any]) -> Code:
    return Code(
        row["commitment"], row["member"], code["coder"], code["value"], code["member"], tuple(code["sources"]),
        code["reason"],
    )  # fmt: skip


# --- Evidence -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Known:
    """The figures of one indicator, and half a unit of the last printed digit of each."""

    series: Series
    precision: Mapping[tuple[str, int], float]


def _series(observations: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, _Known]:
    """The figures of each indicator, by member and year."""
    values: dict[str, dict[str, dict[int, float]]] = {i: {} for i in parameters["units"]}
    precision: dict[str, dict[tuple[str, int], float]] = {i: {} for i in parameters["units"]}
    for indicator, o in zip(parameters["observed"], observations, strict=True):
        if o["value"] is None:
            continue
        scale = 10 ** o["unit_mult"]
        values[indicator].setdefault(o["area"], {})[o["year"]] = o["value"] * scale
        if o["precision"]:
            precision[indicator][o["area"], o["year"]] = o["precision"] * scale
    return {i: _Known(Series(i, unit, values[i]), precision[i]) for i, unit in sorted(parameters["units"].items())}


def adopted_targets(pledge: Mapping[str, Any]) -> dict[str, str]:
    """The newest target that a decision adopted, by its indicator: the text of its file."""
    found = {}
    for text in pledge["targets"]:
        if text["decision"]:
            found[Target.load(text["text"]).indicator] = text["text"]
    return dict(sorted(found.items()))


def _shown(pledge: Mapping[str, Any], series: Mapping[str, _Known], parameters: Mapping[str, Any], year: int) -> Shown:
    targets = adopted_targets(pledge)
    if not targets:
        return Shown({}, "proposed" if pledge["targets"] else "no_target")
    cells: dict[str, dict[str, tuple[EvidenceCell, int]]] = {}
    why = "no_figure"
    for name, text in targets.items():
        indicator = parameters["names"].get(name, name)
        known = series.get(indicator)
        if known is None:
            why = "no_indicator"
            continue
        found = Series(name, known.series.unit, known.series.values)
        try:
            for member, cell in _cells(Target.load(text), found, known.precision, parameters, year):
                cells.setdefault(member, {})[name] = cell
        except InputError as error:  # another unit, a target that equals the baseline of the release
            why = error.what
    members = set(parameters["members"])
    kept = {m: by for m, by in sorted(cells.items()) if m in members}
    has = any(c.value is not None for by in kept.values() for c, _ in by.values())
    return Shown(kept, "" if has else why, tuple(targets))


def _cells(
    target: Target, series: Series, precision: Mapping[tuple[str, int], float], parameters: Mapping[str, Any], year: int
) -> Iterator[tuple[str, tuple[EvidenceCell, int]]]:
    """Each member's evidence in the newest year that has a figure of it."""
    newest = {m: max((y for y in by if y <= year), default=0) for m, by in series.values.items()}
    for at in sorted({y for y in newest.values() if y}):
        errors = {m: precision[m, at] / math.sqrt(3) for m, y in newest.items() if y == at and (m, at) in precision}
        found = evidence(target, series, at=at, error=errors, seed=parameters["seed"])
        for member, cell in found.cells.items():
            if newest.get(member) == at:
                yield member, (cell, at)


# --- Parts --------------------------------------------------------------------------------------------------------


def _parts(found: Reviewed) -> Iterator[tuple[str, Any]]:
    scores, sure = found.scores, found.intervals
    yield "value", None
    yield from _counts(found)
    yield from _percent("bloc", sure.bloc)
    for member, interval in sure.members.items():
        yield from _percent(f"member_{member}", interval)
        yield f"n_{member}", interval.n
    for name, gap in [("", sure.gap), *((f"_{m}", g) for m, g in sure.gaps.items())]:
        yield f"human{name}", tidy(gap.human)
        yield f"evidence{name}", tidy(gap.evidence)
        yield f"pairs{name}", gap.pairs
        yield from _interval(f"gap{name}", gap.gap)
        yield f"flagged{name}", int(gap.flagged)
    for place in found.places:
        yield f"rank_{place.member}", place.rank
        yield f"rank_{place.member}_lower", place.low
        yield f"rank_{place.member}_upper", place.high
    for commitment in scores.commitments:
        yield from _commitment(found, commitment)
    for (commitment, member), cell in scores.cells.items():
        yield f"code_{commitment}_{member}", tidy(cell.value)


def _counts(found: Reviewed) -> Iterator[tuple[str, Any]]:
    scores = found.scores
    yield "assessed", len(scores.commitments)
    yield "registered", found.registered
    yield "coders", len(scores.coders)
    yield "codes", sum(len(c.given) for c in scores.cells.values())
    yield "cells", len(scores.cells)
    yield "differ", len(scores.disagreements)
    yield "blank", len(scores.blanks)
    yield "alpha", tidy(scores.alpha.value)
    yield "label", scores.alpha.label
    yield "why_alpha", scores.alpha.reason


def _commitment(found: Reviewed, name: str) -> Iterator[tuple[str, Any]]:
    scores, shown = found.scores, found.evidence.get(name, Shown({}, "no_target"))
    human = {m: v for (c, m), cell in scores.cells.items() if c == name and (v := cell.value) is not None}
    values = shown.values
    both = sorted(set(human) & set(values))
    low, high = _coders(found, name, sorted(human))
    mean = scores.commitments[name].value
    yield f"score_{name}", tidy(None if mean is None else 50 * (mean + 1))
    yield f"score_{name}_lower", _end(mean, low, 50, (0, 100), 50)
    yield f"score_{name}_upper", _end(mean, high, 50, (0, 100), 50)
    yield f"em_{name}", tidy(_mean(values.values()))
    yield f"en_{name}", len(values)
    yield f"n_{name}", len(human)
    yield f"step_{name}", step(_mean(values.values()))
    yield f"why_{name}", shown.why
    yield f"differ_{name}", sum(bool(c.disagreement) for (c_, _), c in scores.cells.items() if c_ == name)
    low, high = _coders(found, name, both)
    gap = _mean([values[m] - human[m] for m in both])
    yield f"h_{name}", tidy(_mean([human[m] for m in both]))
    yield f"e_{name}", tidy(_mean([values[m] for m in both]))
    yield f"g_{name}", tidy(gap)
    yield f"g_{name}_lower", _end(gap, -high, 1, (-2, 2))
    yield f"g_{name}_upper", _end(gap, -low, 1, (-2, 2))
    for member, by_indicator in shown.cells.items():
        yield f"ev_{name}_{member}", tidy(values.get(member))
        yield f"step_{name}_{member}", step(values.get(member))
        for indicator, (cell, at) in by_indicator.items():
            place = f"{name}_{member}_{indicator}"
            yield f"x_{place}", tidy(cell.observed)
            yield f"due_{place}", tidy(cell.due)
            yield f"from_{place}", tidy(cell.baseline)
            yield f"year_{place}", at
            yield f"ei_{place}", tidy(cell.value)
            yield f"why_{place}", cell.reason
            yield f"ei_{place}_lower", tidy(cell.low)
            yield f"ei_{place}_upper", tidy(cell.high)


def _coders(found: Reviewed, name: str, members: Sequence[str]) -> tuple[float, float]:
    """How far the mean over these members moves with other coders: the 5 % and 95 % points of its deviation."""
    given = [found.scores.cells[name, m].given for m in members]
    if not given:
        return 0.0, 0.0
    rng = stream(found.seed, f"record:{name}:{','.join(members)}")
    drawn = np.zeros(found.draws)
    for codes in given:
        drawn += np.array(codes)[rng.integers(0, len(codes), found.draws)] - sum(codes) / len(codes)
    low, high = np.quantile(drawn / len(given), [0.05, 0.95])
    return float(low), float(high)


def _end(mean: Fraction | None, deviation: float, scale: int, bounds: tuple[int, int], shift: int = 0) -> float | None:
    if mean is None:
        return None
    return tidy(max(bounds[0], min(bounds[1], scale * (float(mean) + deviation) + shift)))


def _mean(values: Any) -> Fraction | None:
    known = list(values)
    return sum(known, Fraction(0)) / len(known) if known else None


def _percent(name: str, interval: Interval) -> Iterator[tuple[str, float | None]]:
    yield name, tidy(None if interval.value is None else 50 * (interval.value + 1))
    yield f"{name}_lower", tidy(None if interval.low is None else 50 * (interval.low + 1))
    yield f"{name}_upper", tidy(None if interval.high is None else 50 * (interval.high + 1))


def _interval(name: str, interval: Interval) -> Iterator[tuple[str, float | None]]:
    yield name, tidy(interval.value)
    yield f"{name}_lower", tidy(interval.low)
    yield f"{name}_upper", tidy(interval.high)


@derivation("council.review.record.moved")
def moved(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What moved between two reviews, in points: `bloc`, `member_BRA`, `score_brics-2a`; `both` were in both.

    Inputs: the records of the earlier and of the later review. Parameters: `members` and `commitments` of both. Where
    the two intervals lie apart, `apart_BRA` is 1.
    """
    then, now = inputs
    parts: dict[str, Any] = {"value": None, "bloc": _change(then, now, "bloc"), "both": len(parameters["commitments"])}
    for member in parameters["members"]:
        name = f"member_{member}"
        parts[name] = _change(then, now, name)
        parts[f"apart_{member}"] = int(_apart(then, now, name))
    for commitment in parameters["commitments"]:
        parts[f"score_{commitment}"] = _change(then, now, f"score_{commitment}")
    return parts


def _change(then: Parts, now: Parts, name: str) -> float | None:
    a, b = then.get(name), now.get(name)
    return None if a is None or b is None else tidy(b - a)


def _apart(then: Parts, now: Parts, name: str) -> bool:
    ends = [float(p[key]) for p in (then, now) for key in (f"{name}_lower", f"{name}_upper") if p.get(key) is not None]
    return len(ends) == 4 and (ends[1] < ends[2] or ends[3] < ends[0])
