"""Do the 90 % intervals of a review hold what they promise? `python benchmarks/council_intervals.py [--write]`.

Reviews are made up whose truth is known: each member keeps each commitment with given odds, with probability 0.4 all
members fare alike on a commitment, and each coder errs by one step with a given probability. The truth is the expected
median of the coders, by enumeration. Then it is counted how often the interval holds it: of single members, of the bloc
(their mean), and of the gap between an error-prone indicator and the coders.

Beside it, in the same reviews, stands the plain bootstrap: commitments drawn with replacement, one coder for each cell,
5 % and 95 % of the draws. Accepted is a coverage of 85 to 95 % from 15 to 100 commitments, wished for is 88 to 92 %.
The rows of 5 commitments are for information: an issue may have so few.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
from startup import RESULTS, machine

from concordat.council.review.evidence import Combined
from concordat.council.review.intervals import intervals
from concordat.council.review.scores import Code, score

MEMBERS = 5
SHARED = 0.4  # probability that a member fares on a commitment as all do
MIXES = {  # odds of -1, 0, +1
    "mixed": (0.2, 0.3, 0.5),
    "mostly kept": (0.05, 0.15, 0.8),
    "nearly all kept": (0.02, 0.05, 0.93),
    "kept or not": (0.3, 0.0, 0.7),
}
CODERS = {"2 coders, 10 % err": (2, 0.1), "2 coders, 30 % err": (2, 0.3), "3 coders, 20 % err": (3, 0.2)}
COMMITMENTS = (15, 30, 100)
SOURCE = ("0" * 64,)
FIGURES = ("member", "bloc", "gap of a member", "gap of the bloc", "plain", "plain bloc")


def coded(truth: Any, coders: int, err: float, rng: np.random.Generator) -> Any:
    """What coders say `[..., coder]`: one step off where they err; from 0 either way."""
    said = np.repeat(truth[..., None], coders, axis=-1)
    step = np.where(rng.random(said.shape) < 0.5, -1, 1)
    wrong = np.where(said == 0, step, 0)
    return np.where(rng.random(said.shape) < err, wrong, said)


def expected_cell(mix: tuple[float, ...], coders: int, err: float) -> float:
    """The expected median of the coders, by enumeration."""
    total = 0.0
    for truth, odds in zip((-1, 0, 1), mix, strict=True):
        says = {truth: 1 - err} | ({0: err} if truth else {-1: err / 2, 1: err / 2})
        for codes in itertools.product(says, repeat=coders):
            total += odds * math.prod(says[c] for c in codes) * float(np.median(codes))
    return total


def expected_evidence(mix: tuple[float, ...], sd: float) -> float:
    """The expectation of clip(0.8 truth + normal error, -1, 1)."""
    total = 0.0
    for truth, odds in zip((-1, 0, 1), mix, strict=True):
        mean = 0.8 * truth
        a, b = (-1 - mean) / sd, (1 - mean) / sd
        inside = mean * (_cdf(b) - _cdf(a)) - sd * (_pdf(b) - _pdf(a))
        total += odds * (inside - _cdf(a) + 1 - _cdf(b))
    return total


def _cdf(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def _pdf(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def plain(codes: Any, rng: np.random.Generator, draws: int = 2000) -> tuple[Any, tuple[float, float]]:
    """The plain bootstrap of codes `[commitment, member, coder]`: ends by member `[2, member]`, and of the bloc."""
    n, members, coders = codes.shape
    rows = rng.integers(0, n, (draws, n, 1))
    one = codes[rows, np.arange(members), rng.integers(0, coders, (draws, n, members))]
    ends = np.quantile(one.mean(axis=1), [0.05, 0.95], axis=0)
    low, high = np.quantile(one.mean(axis=(1, 2)), [0.05, 0.95])
    return ends, (float(low), float(high))


def cover(n: int, mix: str, how: str, repeats: int) -> dict[str, Any]:
    """Shares of reviews in which the truth is inside."""
    odds, (coders, err), sd = MIXES[mix], CODERS[how], 0.4
    rng = np.random.default_rng([n, sorted(MIXES).index(mix), sorted(CODERS).index(how)])
    truth, shown = expected_cell(odds, coders, err), expected_evidence(odds, sd)
    hits = dict.fromkeys(("member", "bloc", "gap of a member", "gap of the bloc", "plain", "plain bloc"), 0)
    widths = [0.0, 0.0]
    for r in range(repeats):
        alike = rng.choice([-1, 0, 1], size=(n, 1), p=odds)
        own = rng.choice([-1, 0, 1], size=(n, MEMBERS), p=odds)
        latent = np.where(rng.random((n, MEMBERS)) < SHARED, alike, own)
        codes = coded(latent, coders, err, rng)
        e = np.clip(0.8 * latent + sd * rng.standard_normal(latent.shape), -1, 1)
        made = [
            Code(f"c{c:03}", f"m{m}", f"k{k}", int(codes[c, m, k]), sources=SOURCE)
            for c, m, k in np.ndindex(codes.shape)
        ]
        cells = [{f"m{m}": Fraction(float(e[c, m])) for m in range(MEMBERS)} for c in range(n)]
        parts = [Combined(f"c{c:03}", 2026, values, ()) for c, values in enumerate(cells)]
        found = intervals(score(made), parts, seed=r)
        ends, (low, high) = plain(codes, rng)
        for m in range(MEMBERS):
            one, gap = found.members[f"m{m}"], found.gaps[f"m{m}"]
            assert one.low is not None
            assert one.high is not None
            hits["member"] += one.low <= truth <= one.high
            hits["gap of a member"] += _inside(gap.gap, shown - truth)
            hits["plain"] += bool(ends[0, m] - 1e-12 <= truth <= ends[1, m] + 1e-12)
            widths[0] += 50 * (one.high - one.low) / MEMBERS
            widths[1] += 50 * float(ends[1, m] - ends[0, m]) / MEMBERS
        hits["bloc"] += _inside(found.bloc, truth)
        hits["gap of the bloc"] += _inside(found.gap.gap, shown - truth)
        hits["plain bloc"] += low - 1e-12 <= truth <= high + 1e-12
    by_member = ("member", "gap of a member", "plain")
    shares = {k: round(100 * v / (repeats * (MEMBERS if k in by_member else 1)), 1) for k, v in hits.items()}
    told = {"width of a member, points": round(widths[0] / repeats, 1), "plain width": round(widths[1] / repeats, 1)}
    return {"commitments": n, "codes": mix, "coders": how, **shares, **told}


def _inside(found: Any, truth: float) -> bool:
    return bool(found.low - 1e-12 <= truth <= found.high + 1e-12)


def _one(job: tuple[int, str, str, int]) -> dict[str, Any]:
    return cover(*job)


def summary(rows: list[dict[str, Any]], repeats: dict[int, int]) -> dict[str, Any]:
    """Means over the mixes and coders by number of commitments, and the lowest and highest row.

    A row of the bloc has one interval a repeat, so its own standard error stands beside; members have five.
    """
    counted = [row for row in rows if row["commitments"] in COMMITMENTS]
    by_n = {
        n: {f: round(float(np.mean([r[f] for r in rows if r["commitments"] == n])), 1) for f in FIGURES}
        for n in repeats
    }
    return {
        "mean coverage by commitments": by_n,
        "lowest and highest row, 15 to 100 commitments": {
            f: [min(r[f] for r in counted), max(r[f] for r in counted)] for f in FIGURES
        },
        "standard error of a row of the bloc": {
            n: round(100 * math.sqrt(0.9 * 0.1 / k), 1) for n, k in repeats.items()
        },
    }


def main() -> None:
    """Simulate, print, and store if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    start = time.perf_counter()
    repeats = {n: asked.repeats // 2 if n >= 100 else asked.repeats for n in (5, *COMMITMENTS)}  # large ones are slow
    jobs = [(n, mix, how, repeats[n]) for n in repeats for mix in MIXES for how in CODERS]
    with ProcessPoolExecutor(asked.processes) as pool:
        rows = list(pool.map(_one, jobs))
    result = {
        "benchmark": "council_intervals",
        "repeats": repeats,
        "level": 90,
        "accepted": "85 to 95, 15 to 100 commitments",
        **summary(rows, repeats),
        "rows": rows,
        "seconds": round(time.perf_counter() - start),
        "machine": machine(),
    }
    text = json.dumps(result, indent=1) + "\n"
    print(text, end="")
    if asked.write:
        (RESULTS / "council_intervals-linux-x86_64-2-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
