"""How long does it take to say which rules bind two parties, among 1,000 instruments?

A store in memory with 1,000 instruments of 20 parties each, half of them with ten coded articles. Measured: `binds` of
two parties, the best and the median of 21 calls after one that is thrown away; and how many instruments it joined.

    .venv/bin/python benchmarks/binds.py
    .venv/bin/python benchmarks/binds.py --write
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sqlite3
import statistics
import time
from datetime import date
from pathlib import Path

import numpy as np

from concordat.rulebook.binds import binds
from concordat.rulebook.catalogue import parse_catalogue
from concordat.rulebook.model import Coding, ParsedInstrument, Source, Unit
from concordat.rulebook.store import RuleStore
from concordat.rulebook.taxonomy import load_taxonomy
from concordat.world import countries

RESULTS = Path(__file__).parent / "results"
INSTRUMENTS, PARTIES, ARTICLES, CALLS = 1000, 20, 10, 21
LIMITS_S = {"accepted": 0.1, "ambitious": 0.03}


def filled() -> RuleStore:
    """The store: parties drawn from all countries, provisions from the taxonomy."""
    rng = np.random.Generator(np.random.PCG64(7))
    areas = sorted(c.iso3 for c in countries())
    codes = [c for c, p in load_taxonomy().provisions.items() if not p.structural]
    lines = ["schema: concordat/instruments@1", "instruments:"]
    for n in range(INSTRUMENTS):
        who = sorted({"BRA", "IND"} if n % 8 == 0 else set()) + list(rng.choice(areas, PARTIES, replace=False))
        lines += [f"  - id: i{n}", f"    name: I{n}", "    type: digital_agreement", "    binding: binding"]
        lines += [f'    in_force: "{1995 + n % 30}-03-01"', "    topics: [DF, EC]", "    parties_complete: true"]
        lines += [f"    parties: [{', '.join(sorted(set(who)))}]", "    evidence: [made up]"]
    store = RuleStore.memory()
    store.put_catalogue(parse_catalogue("\n".join(lines)))
    for n in range(0, INSTRUMENTS, 2):
        units, codings = [], []
        for a in range(ARTICLES):
            text = f"Article {a} of instrument {n}: each Party shall do what it says here, and tell the others of it."
            sha = hashlib.sha256(text.encode()).hexdigest()
            unit = f"i{n}/{a}"
            units.append(Unit(unit, f"i{n}", "article", str(a), "", text, "en", a, "", sha, Source(sha)))
            code = codes[(n * 7 + a * 11) % len(codes)]
            on = "2026-01-01"
            codings.append(Coding(unit + code, unit, code, 1 + a % 2, {}, 0.9, (0, 40), "model", "v", "m", on))
        store.put_text(ParsedInstrument(f"i{n}", f"I{n}", "en", tuple(units)), str(n).encode())
        store.add_codings(codings)
    return store


def main() -> None:
    """Measure, print, and with `--write` store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result")
    write = parser.parse_args().write
    with filled() as store:
        found = binds(store, "BRA", "IND", on=date(2026, 1, 1))
        times = []
        for _ in range(CALLS):
            start = time.perf_counter()
            binds(store, "BRA", "IND", on=date(2026, 1, 1))
            times.append(time.perf_counter() - start)
    system = f"{platform.system().lower()}-{platform.machine()}-{os.cpu_count()}-cores"
    result = {
        "benchmark": "binds",
        "limits_s": LIMITS_S,
        "best_s": round(min(times), 4),
        "median_s": round(statistics.median(times), 4),
        "rows": len(found.rows),
        "instruments": len({r.instrument for r in found.rows} | {u.instrument for u in found.uncoded}),
        "machine": {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "system": system},
    }
    print(json.dumps(result, indent=1))
    if write:
        (RESULTS / f"binds-{system}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
