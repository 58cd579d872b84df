"""How fast and how right are power indices, and does every rule agree with a referee that shares no code with it?

    CONCORDAT_SHARED_DATA=... python benchmarks/council_decide.py power [--write]
    PYTHONPATH=tests python benchmarks/council_decide.py referee [--write]

power: the double majority of 27 members with its blocking clause (populations of 2013, United Nations, from the shared
data) against the enumeration of all 2^27 coalitions, written here; the peer `powerindices` on the same game without the
blocking clause, which it can't take, with populations in units of 100,000; 190 members of 5 million votes with one
quota, evenly and unevenly spread, and the same method on games whose exact values come from a table, with all weights
times 100 so that the arrays are as long. Processor time, best of several runs, one BLAS thread.

referee: 10,000 random votes under each shipped rule and 100,000 random rules, one vote each.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import csv
import json
import platform
import random
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

from concordat.council.decide import _quota
from concordat.council.decide.power import power
from concordat.council.decide.rules import FOLDER, Rule, shipped, shipped_names

RESULTS = Path(__file__).parent / "results"
LIMITS = {"eu27_s": 1.0, "eu27_ambitious_s": 0.2, "quota_s": 60, "quota_ambitious_s": 20, "digits": [4, 6]}
EU27 = [
    "AUT", "BEL", "BGR", "CYP", "CZE", "DEU", "DNK", "ESP", "EST", "FIN", "FRA", "GRC", "HRV", "HUN", "IRL", "ITA",
    "LTU", "LUX", "LVA", "MLT", "NLD", "POL", "PRT", "ROU", "SVK", "SVN", "SWE",
]  # fmt: skip
YEAR = "2013"
SPLIT = 20  # bits of a chunk of coalitions
VOTES, TREES = 10_000, 100_000


def populations() -> dict[str, int]:
    """Populations of the 27."""
    file = Path(os.environ["CONCORDAT_SHARED_DATA"]) / "population_un.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        rows = {r["iso3"]: int(r["population"]) for r in csv.DictReader(lines) if r["year"] == YEAR}
    return {country: rows[country] for country in EU27}


# --- Enumeration: every coalition, none of Concordat's code ---------------------------------------------------------


def enumerate_all(weights: list[int], *, block: int = 3) -> dict[str, Any]:
    """Both indices of the double majority with its blocking clause, from all coalitions.

    A coalition wins with at least 55 % of the members and 65 % of the weight, or if at most `block` are missing.
    """
    n = len(weights)
    split = min(SPLIT, n)
    total = sum(weights)
    masks = np.arange(1 << split, dtype=np.int64)
    inside = [(masks >> i & 1).astype(bool) for i in range(split)]
    low_weight = np.zeros(1 << split, dtype=np.int64)
    for i in range(split):
        low_weight += inside[i] * weights[i]
    low_size = np.bitwise_count(masks).astype(np.int64)
    with_i = np.zeros((n, n + 1), dtype=np.int64)
    every = np.zeros(n + 1, dtype=np.int64)
    for high in range(1 << (n - split)):
        members = [split + i for i in range(n - split) if high >> i & 1]
        size = low_size + len(members)
        weight = low_weight + sum(weights[i] for i in members)
        wins = ((100 * size >= 55 * n) & (100 * weight >= 65 * total)) | (n - size <= block)
        found = np.bincount(size[wins], minlength=n + 1)
        every += found
        for i in range(split):
            with_i[i] += np.bincount(size[wins & inside[i]], minlength=n + 1)
        for i in members:
            with_i[i] += found
    swings = [[int(with_i[i, s + 1] - (every[s] - with_i[i, s])) for s in range(n)] for i in range(n)]
    banzhaf = [sum(row) for row in swings]
    shapley = [sum(row[s] / comb(n - 1, s) for s in range(n)) / n for row in swings]
    return {"banzhaf": [b / sum(banzhaf) for b in banzhaf], "shapley": shapley, "winning": int(every.sum())}


def eu27() -> dict[str, Any]:
    """The 27 members: our time, and how far from the enumeration."""
    people = populations()
    rule = shipped("eu_double_majority")
    found = power(rule, {"population": people})
    taken = best(lambda: power(rule, {"population": people}), 5)
    start = time.process_time()
    truth = enumerate_all([people[c] for c in found.members])
    slow = time.process_time() - start
    off = {
        "banzhaf": max(abs(float(found.banzhaf_share[c]) - t) for c, t in zip(EU27, truth["banzhaf"], strict=True)),
        "shapley": max(abs(float(found.shapley[c]) - t) for c, t in zip(EU27, truth["shapley"], strict=True)),
    }
    return {
        "best_s": round(taken, 4),
        "enumeration_s": round(slow, 2),
        "off": off,
        "winning_coalitions": truth["winning"],
        "values": {
            c: [round(b, 8), round(s, 8)] for c, b, s in zip(EU27, truth["banzhaf"], truth["shapley"], strict=True)
        },
    }


def peer() -> dict[str, Any]:
    """`powerindices` and this program on one game, in one run."""
    try:
        import powerindices
    except ImportError:
        return {"powerindices": "not installed"}
    people = {c: round(p / 100_000) for c, p in populations().items()}
    weights, total = [people[c] for c in EU27], sum(people.values())
    quota, size = -(-65 * total // 100), -(-55 * 27 // 100)
    rule = Rule.load(
        "rule: double\nversion: 1\nmethod: vote\nadopt:\n  all_of:\n"
        "    - {share: members, at_least: 0.55}\n    - {share: population, at_least: 0.65}\n"
    )
    start = time.process_time()
    theirs_b = powerindices.compute_pbi(quota, list(weights), size)
    theirs_s = powerindices.compute_ssi(quota, list(weights), size)
    theirs = time.process_time() - start
    ours = best(lambda: power(rule, {"population": people}), 5)
    found = power(rule, {"population": people})
    off_b = max(abs(float(found.banzhaf[c]) - theirs_b[k]) for k, c in enumerate(EU27))
    off_s = max(abs(float(found.shapley[c]) - theirs_s[k]) for k, c in enumerate(EU27))
    return {
        "powerindices_s": round(theirs, 3),
        "ours_s": round(ours, 4),
        "ratio": round(theirs / ours),
        "off": {"banzhaf": off_b, "shapley": off_s},
    }


# --- One quota ------------------------------------------------------------------------------------------------------


def spread(rng: random.Random, exponent: float, total: int, n: int = 190) -> list[int]:
    """Weights that add up to a total; the larger the exponent, the more uneven."""
    raw = [rng.random() ** exponent for _ in range(n)]
    weights = [max(1, int(r / sum(raw) * total)) for r in raw]
    weights[0] += total - sum(weights)
    return weights


def quota_games() -> list[dict[str, Any]]:
    """190 members with 5 million votes."""
    rows = []
    for name, exponent in (("even", 0.1), ("uniform", 1), ("uneven", 6)):
        for share in ("1/2", "0.85"):
            rng = random.Random(f"{name} {share}")
            table = {"quota": {f"m{k:03}": w for k, w in enumerate(spread(rng, exponent, 5_000_000))}}
            rule = Rule.load(f"rule: r\nversion: 1\nmethod: vote\nadopt: {{share: quota, at_least: {share}}}")
            start = time.process_time()
            found = power(rule, table)
            taken = time.process_time() - start
            assert found.method == "quota"
            rows.append({"weights": name, "quota": share, "s": round(taken, 2), "error": found.error})
    return rows


def quota_against_table() -> list[dict[str, Any]]:
    """The same method against exact values: weights times 100 make the arrays as long as 5 million."""
    rows = []
    for name, exponent in (("even", 0.1), ("uniform", 1), ("uneven", 6)):
        for share in (50, 85):
            rng = random.Random(f"{name} {share} small")
            small = spread(rng, exponent, 50_000)
            quota = -(-share * sum(small) // 100)
            table = {"quota": {f"m{k:03}": w for k, w in enumerate(small)}}
            text = f"rule: r\nversion: 1\nmethod: vote\nadopt: {{count: quota, at_least: {quota}}}"
            exact = power(Rule.load(text), table, method="table")
            found = _quota.swings(tuple(100 * w for w in small), 100 * quota)
            off_s = max(abs(float(exact.shapley[m]) - found.shapley[k]) for k, m in enumerate(exact.members))
            every = found.banzhaf.sum()
            off_b = max(
                abs(float(exact.banzhaf_share[m]) - found.banzhaf[k] / every) for k, m in enumerate(exact.members)
            )
            rows.append({"weights": name, "quota": share / 100, "off_shapley": off_s, "off_banzhaf_share": off_b})
    return rows


# --- Referee --------------------------------------------------------------------------------------------------------


def referee(votes: int = VOTES, trees: int = TREES) -> dict[str, Any]:
    """Random votes under every shipped rule, and random rules; a disagreement stops the run."""
    from council_referee import check, random_rule, random_vote

    start = time.process_time()
    rows: dict[str, dict[str, int]] = {}
    for name in shipped_names():
        if name != "election":
            rng = random.Random(f"{name} in full")
            text, rule = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), shipped(name)
            rows[name] = counted(check(text, random_vote(rng, rule), rule) for _ in range(votes))
    rng = random.Random("trees in full")

    def one() -> str:
        text = random_rule(rng)
        rule = Rule.load(text)
        return check(text, random_vote(rng, rule), rule)

    tree_rows = counted(one() for _ in range(trees))
    return {
        "votes_a_rule": votes,
        "rules": rows,
        "random_rules": trees,
        "outcomes": tree_rows,
        "disagreements": 0,
        "s": round(time.process_time() - start, 1),
    }


def counted(outcomes: Any) -> dict[str, int]:
    """How often each outcome came."""
    found: dict[str, int] = {}
    for outcome in outcomes:
        found[outcome] = found.get(outcome, 0) + 1
    return dict(sorted(found.items()))


def best(work: Callable[[], Any], runs: int) -> float:
    """The shortest of several runs, in seconds."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Measure, print, and with `--write` store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("power", "referee"))
    parser.add_argument("--write", action="store_true", help="store the result")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"benchmark": f"council_decide {arguments.part}", "limits": LIMITS}
    if arguments.part == "power":
        result |= {"eu27": eu27(), "peer": peer(), "one_quota": quota_games(), "exact": quota_against_table()}
    else:
        result |= referee()
    system = f"{platform.system().lower()}-{platform.machine()}-{os.cpu_count()}-cores"
    machine = {"python": platform.python_version(), "numpy": np.__version__, "system": system}
    with suppress(PackageNotFoundError):
        machine["powerindices"] = version("powerindices")
    result["machine"] = machine
    print(json.dumps(result, indent=1))
    if arguments.write:
        file = RESULTS / f"council_decide_{arguments.part}-{system}.json"
        file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
