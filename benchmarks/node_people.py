"""What do a login and an act cost; does a login tell which names exist? `python benchmarks/node_people.py [--write]`.

Measured are: the answer time of a wrong login for a name that exists and for one that doesn't, turn by turn, with a
rank test (Mann-Whitney) of the two samples; the Argon2id hash alone, which is most of it; an act from the call to its
durable receipt (draft, dry run left out, entry, head, receipt: four commits), turn by turn with a bare entry of the
same node and with a bare durable commit of SQLite. Times in ms; the first of each is thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from startup import RESULTS, machine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from concordat.errors import RuleError
from concordat.node.acts import new_act
from concordat.node.home import Node
from concordat.node.own_log import NodeLog, Said
from concordat.node.passwords import hash_password
from concordat.node.people import People
from people_kit import PASSWORD, PHRASE, T0, certify, join, make_home

LIMIT_ACT_P99_MS, WISH_ACT_P99_MS = 150, 50


def ms(work: Callable[[], object]) -> float:
    """Milliseconds of some work."""
    start = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - start)


def turns(count: int, *works: Callable[[], object]) -> list[list[float]]:
    """Times of works done in turn, one list each, without the first turn."""
    found = [[ms(work) for work in works] for _ in range(count + 1)][1:]
    return [list(column) for column in zip(*found, strict=True)]


def summary(times: list[float]) -> dict[str, float]:
    """Median, 99th percentile and largest."""
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    return {"p50": round(statistics.median(ordered), 2), "p99": round(p99, 2), "max": round(ordered[-1], 2)}


def logins(people: People, count: int) -> dict[str, object]:
    """Wrong logins for names that exist and names that don't."""
    from scipy.stats import mannwhitneyu

    join(people, "maria", ["delegate"])

    def wrong(login: str) -> None:
        people.store.run("DELETE FROM guess")  # waits are told at once: they would be no comparison
        try:
            people.logins.login(login, "a wrong password", "123456", T0 + 60)
        except RuleError:
            return

    known, unknown = turns(count, lambda: wrong("maria"), lambda: wrong("nobody"))
    p_value = float(mannwhitneyu(known, unknown).pvalue)
    return {"known": summary(known), "unknown": summary(unknown), "rank_test_p": round(p_value, 3), "each": count}


def acts(node: Node, people: People, count: int, folder: Path) -> dict[str, object]:
    """Acts beside bare entries and bare commits."""
    assert people.acts is not None
    account = people.accounts.by_login("maria")
    key = people.keys.open_once(account.id, PHRASE, T0)
    send = people.acts.submit
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE t (x BLOB)")
    said = Said("Said", {"word": "yes" * 100})
    act, entry, commit = turns(
        count,
        lambda: send(new_act(), account.id, said, {"word": ["yes" * 100]}, T0, person="del-04", key=key),
        lambda: node.write("Said", {"word": "yes" * 100}, "council"),
        lambda: bare.execute("INSERT INTO t VALUES (?)", (b"x" * 1_000,)),
    )
    bare.close()
    ratio = statistics.median(act) / statistics.median(entry)
    return {
        "act_ms": summary(act),
        "bare_entry_ms": summary(entry),
        "bare_commit_ms": summary(commit),
        "act_over_entry": round(ratio, 2),
        "each": count,
    }


def main() -> None:
    """Measure, print, and store if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--logins", type=int, default=60)
    parser.add_argument("--acts", type=int, default=300)
    asked = parser.parse_args()
    os.environ["CONCORDAT_NOW"] = "2026-11-22"
    with tempfile.TemporaryDirectory() as place:
        home = make_home(Path(place))
        hashes = turns(5, lambda: hash_password(PASSWORD))[0]
        beside = People.open(home)
        answers = logins(beside, asked.logins)
        account = beside.accounts.by_login("maria")
        public = beside.keys.make(account.id, PHRASE, T0, label="del-04")
        beside.close()
        certify(home, "del-04", public)
        with Node(home) as node:
            people = People.open(home, NodeLog(node))
            made = acts(node, people, asked.acts, Path(place))
            people.close()
    result = {
        "benchmark": "node_people",
        "limit_act_p99_ms": LIMIT_ACT_P99_MS,
        "wish_act_p99_ms": WISH_ACT_P99_MS,
        "hash_ms": summary(hashes),
        "wrong_login_ms": answers,
        "acts": made,
        "machine": machine(),
    }
    print(json.dumps(result, indent=1))
    if asked.write:
        path = RESULTS / "node_people-linux-x86_64-2-cores.json"
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
