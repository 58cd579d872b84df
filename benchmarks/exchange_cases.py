"""How long does a search over 20,000 cases take, and an import of the registry? Rows 12, 13 and 17 of the exchange.

    CONCORDAT_SHARED_DATA=... python benchmarks/exchange_cases.py [--cases 20000] [--write]

The cases are made from the texts of the registry of Digital Public Goods: each takes sentences of several entries, by a
seeded draw, so that words are as frequent as there. Questions of one to eight words, common and rare, are asked with
and without filters, in turn with SQLite's FTS5 on the same texts (words alone: it has no filters and no facets here).
Milliseconds, medians and the slowest of all; the first round is thrown away. The import and the duplicates are those
of the registry itself. Acceptance: a search in 100 ms, the wish is 30; the import in a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from startup import RESULTS, machine

from concordat.exchange.cases.case import Case
from concordat.exchange.cases.dpg import import_dpg
from concordat.exchange.cases.duplicates import duplicates
from concordat.exchange.cases.search import Filters, Index, search, words

ACCEPT_MS, WISH_MS = 100.0, 30.0
ROUNDS = 9
SEED = 20261126
QUERIES = (
    "vaccine records", "health", "open source software for the people of a country", "biodiversity", "maps of schools",
    "payments in rural areas", "data", "machine learning for satellite images",
)  # fmt: skip
FILTERS = {"none": Filters(), "goal and country": Filters(sdg=3, country="IND"), "sector": Filters(dac="121")}


def made(seeds: tuple[Case, ...], count: int) -> list[Case]:
    """Cases whose texts are drawn from those of others."""
    generator = np.random.Generator(np.random.PCG64(SEED))
    pieces = [piece for case in seeds for piece in case.words("summary").split(". ")]
    found = []
    for number in range(count):
        case = seeds[int(generator.integers(len(seeds)))]
        drawn = [pieces[int(place)] for place in generator.integers(len(pieces), size=4)]
        text = ". ".join(drawn)[:1000]
        found.append(case.model_copy(update={"id": f"c{number:05}", "summary": {"en": text or "None"}}))
    return found


def fts(cases: list[Case]) -> sqlite3.Connection:
    """The same texts in SQLite's FTS5."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5(id UNINDEXED, title, aliases, summary, rest)")
    for case in cases:
        rest = " ".join(claim.text for claim in case.claims)
        row = (case.id, case.words("title"), " ".join(case.aliases), case.words("summary"), rest)
        db.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)", row)
    return db


def asked(db: sqlite3.Connection, query: str) -> list[Any]:
    """Ten best by FTS5."""
    match = " OR ".join(f'"{word}"' for word in words(query))
    sql = "SELECT id FROM t WHERE t MATCH ? ORDER BY bm25(t, 0, 4, 4, 2, 1) LIMIT 10"
    return db.execute(sql, (match,)).fetchall()


def timed(works: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Milliseconds of each piece of work, in turn; the first round is left out."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: found[1:] for name, found in times.items()}


def measure(data: bytes, count: int) -> dict[str, Any]:
    """All times."""
    start = time.perf_counter()
    imported = import_dpg(data)
    import_s = time.perf_counter() - start
    start = time.perf_counter()
    groups = duplicates(imported.cases).groups
    duplicates_s = time.perf_counter() - start
    cases = made(imported.cases, count)
    start = time.perf_counter()
    index = Index(cases)
    build_s = time.perf_counter() - start
    db = fts(cases)
    works: dict[str, Callable[[], Any]] = {}
    for query in QUERIES:
        for name, filters in FILTERS.items():
            works[f"{query} | {name}"] = lambda query=query, filters=filters: search(index, query, filters)
        works[f"{query} | fts5"] = lambda query=query: asked(db, query)
    times = timed(works)
    ours = {name: found for name, found in times.items() if not name.endswith("fts5")}
    theirs = {name: found for name, found in times.items() if name.endswith("fts5")}
    return {
        "cases": count,
        "imported": len(imported.cases),
        "groups": [list(ids) for ids in groups],
        "import_s": round(import_s, 3),
        "duplicates_s": round(duplicates_s, 3),
        "index_s": round(build_s, 2),
        "search_ms": {name: round(statistics.median(found), 2) for name, found in times.items()},
        "search_ms_median": round(statistics.median(t for found in ours.values() for t in found), 2),
        "search_ms_slowest_median": round(max(statistics.median(found) for found in ours.values()), 2),
        "fts5_ms_median": round(statistics.median(t for found in theirs.values() for t in found), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    given = parser.parse_args()
    folder = Path(os.environ["CONCORDAT_SHARED_DATA"])
    result = measure((folder / "exchange" / "cases" / "dpg-registry.jsonl").read_bytes(), given.cases)
    result |= {"accept_ms": ACCEPT_MS, "wish_ms": WISH_MS, "machine": machine()}
    print(f"import of {result['imported']} cases {result['import_s']} s, duplicates {result['duplicates_s']} s")
    print(f"index of {given.cases:,} cases {result['index_s']} s")
    for name, value in result["search_ms"].items():
        print(f"{value:8.2f} ms  {name}")
    print(
        f"search: median {result['search_ms_median']} ms, slowest {result['search_ms_slowest_median']} ms"
        f" (accept {ACCEPT_MS:g}, wish {WISH_MS:g}); FTS5 {result['fts5_ms_median']} ms"
    )
    if given.write:
        path = RESULTS / "exchange_cases-linux-x86_64-2-cores.json"
        path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
