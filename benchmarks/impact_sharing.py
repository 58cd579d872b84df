"""How fast and how right are the Shapley value, the nucleolus and the core test, beside coopgame-py?

    CONCORDAT_SHARED_DATA=... OPENBLAS_NUM_THREADS=1 python benchmarks/impact_sharing.py --write

Time: the exact Shapley value of 65,536 coalitions (16 members) beside the peer's and beside the raw limit, 16
subtractions of one half of the table from the other. Core test and nucleolus (which includes Kohlberg's check) of
random, bankruptcy, voting and cost games of 8, 12 and 16 members, and of 16 from real trade flows, beside the peer's
nucleolus alone and with its own check. Agreement: 600 games of 3 to 5 members, half of them full of ties, against the
peer's nucleolus in exact fractions; the game of the specification, from the shared trade data, against its printed
values. Medians of five runs behind a first one, one BLAS thread. The peer, coopgame-py 0.3 (Rust), is in the extra
`oracles`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import coopgame
import numpy as np
from startup import RESULTS, machine

from concordat.impact.batch import CoalitionShocks, solve_batch
from concordat.impact.sharing import Game, core, game_of_equilibria, nucleolus, shapley
from concordat.impact.trade_readers import parse_trade_csv

RUNS = 5
LIMITS = {"agreement": 1e-6, "shapley_65536_ms": "a few", "core test and nucleolus": "to 16 members"}
CONE = ("ARG", "BRA", "CHL", "URY")
SIXTEEN = (*CONE, "BOL", "COL", "ECU", "MEX", "CRI", "PAN", "USA", "CAN", "CHN", "JPN", "KOR", "IND")
SHARED = os.environ.get("CONCORDAT_SHARED_DATA")
PRINTED = {
    "shapley": (509.669384, 581.236974, 230.912894, 98.915421),
    "nucleolus": (502.993022, 595.541638, 225.519223, 96.680790),
    "epsilon": -96.680790,
}


def milliseconds(run: Callable[[], object]) -> float:
    """Median of `RUNS` runs after one that is thrown away."""
    run()
    took = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        took.append(1000 * (time.perf_counter() - start))
    return round(statistics.median(took), 3)


def games(n: int, seed: int) -> Iterator[tuple[str, Game]]:
    """One of each kind, with n members."""
    rng = np.random.Generator(np.random.PCG64(seed))
    bits = (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(float)
    weights = rng.integers(1, 20, n).astype(float)
    links = np.triu(rng.integers(0, 5, (n, n)), 1).astype(float)
    kinds = {
        "random": rng.integers(0, 1000, 1 << n).astype(float),
        "bankruptcy": np.maximum(0, weights.sum() // 2 - (1 - bits) @ weights),
        "vote": (bits @ weights >= weights.sum() // 2 + 1).astype(float),
        "costs": bits @ weights - (bits * weights).max(axis=1),
        "pairs": ((bits @ links) * bits).sum(axis=1),
    }
    for kind, values in kinds.items():
        values[0] = 0.0
        yield kind, Game(tuple(f"p{i}" for i in range(n)), values)


def trade(members: tuple[str, ...]) -> Game:
    """The game of members of the shared panel, 2002: one equilibrium a coalition."""
    assert SHARED
    data = (Path(SHARED) / "trade" / "agtpa_panel_69.csv.gz").read_bytes()
    table = parse_trade_csv(data, where="agtpa_panel_69.csv.gz", year=2002)
    batch = solve_batch(table, CoalitionShocks(members, 0.557185), theta=5.0)
    return game_of_equilibria(table, members, batch.real_income)[0]


def peer_of(game: Game) -> Any:
    """The same game for the peer."""
    return coopgame.Game(game.values[1:].tolist(), order="binary")


# --- Time -------------------------------------------------------------------------------------------------------------


def halves(values: np.ndarray) -> None:
    """The raw limit of a Shapley value: what each member adds to every coalition, and nothing done with it."""
    for i in range(16):
        pairs = values.reshape(-1, 2, 1 << i)
        np.subtract(pairs[:, 1], pairs[:, 0])


def shapley_times() -> dict[str, float]:
    """65,536 coalitions."""
    game = next(iter(games(16, 1)))[1]
    peer = peer_of(game)
    ours, theirs = milliseconds(lambda: shapley(game)), milliseconds(lambda: coopgame.shapley(peer))
    raw = milliseconds(lambda: halves(game.values))
    off = float(np.abs(shapley(game) - coopgame.shapley(peer)).max() / np.abs(game.values).max())
    return {
        "ours_ms": ours,
        "coopgame_ms": theirs,
        "raw_ms": raw,
        "ours_to_peer": round(ours / theirs, 3),
        "ours_to_raw": round(ours / raw, 2),
        "off": off,
    }


def nucleolus_times() -> list[dict[str, Any]]:
    """Each kind of game at three sizes; ours always checks, so the peer is shown with its check too."""
    rows = []
    for n in (8, 12, 16):
        for kind, game in [*games(n, n), *([("trade", trade(SIXTEEN))] if n == 16 and SHARED else [])]:
            peer = peer_of(game)
            found = nucleolus(game)
            domain = "imputation" if found.over == "imputations" else "preimputation"

            def theirs(peer: Any = peer, domain: str = domain) -> list[float]:
                return list(coopgame.nucleolus(peer, domain=domain)["allocation"])

            answer = theirs()
            ours_ms, peer_ms = milliseconds(lambda game=game: nucleolus(game)), milliseconds(theirs)
            checked = milliseconds(
                lambda theirs=theirs, peer=peer, domain=domain: coopgame.verify(peer, theirs(), domain)
            )
            rows.append(
                {
                    "members": n,
                    "game": kind,
                    "core_ms": milliseconds(lambda game=game: core(game)),
                    "ours_ms": ours_ms,
                    "coopgame_ms": peer_ms,
                    "coopgame_checked_ms": checked,
                    "ours_to_peer_checked": round(ours_ms / checked, 2),
                    "off": float(np.abs(found.value - answer).max() / np.abs(game.values).max()),
                }
            )
    return rows


# --- Agreement --------------------------------------------------------------------------------------------------------


def agreement(count: int) -> dict[str, Any]:
    """The largest difference to exact fractions, in units of each game's largest value."""
    worst, done = 0.0, 0
    for seed in range(count):
        n = 3 + seed % 3
        rng = np.random.Generator(np.random.PCG64(seed))
        high = 4 if seed % 2 else 1000
        values = rng.integers(0, high, 1 << n).astype(float)
        values[0] = 0.0
        game = Game(tuple(f"p{i}" for i in range(n)), values)
        found = nucleolus(game)
        domain = "imputation" if found.over == "imputations" else "preimputation"
        exact = coopgame.nucleolus_exact([int(v) for v in values[1:]], domain, "binary")["allocation"]
        worst = max(worst, float(np.abs(found.value - [float(x) for x in exact]).max() / max(values.max(), 1)))
        done += 1
    return {"games": done, "largest difference": worst}


def printed() -> dict[str, Any]:
    """The specification's game, from flows to shares."""
    game = trade(CONE)
    return {
        "shapley": float(np.abs(shapley(game) - PRINTED["shapley"]).max()),
        "nucleolus": float(np.abs(nucleolus(game).value - PRINTED["nucleolus"]).max()),
        "epsilon": abs(core(game).epsilon - float(PRINTED["epsilon"])),
        "unit": "USD million, of 1,420.73; printed to 1e-6",
    }


def main() -> int:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=600, help="of the agreement with exact fractions")
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    about = machine() | {"scipy": version("scipy"), "coopgame-py": version("coopgame-py")}
    report = {
        "benchmark": "impact_sharing",
        "version": version("concordat"),
        "limits": LIMITS,
        "shapley, 65,536 coalitions": shapley_times(),
        "nucleolus": nucleolus_times(),
        "agreement with exact fractions": agreement(arguments.games),
        "difference to the specification's printed values": printed()
        if "CONCORDAT_SHARED_DATA" in os.environ
        else None,
        "machine": about,
    }
    text = json.dumps(report, indent=1) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        name = f"impact_sharing-{about['system'].lower().replace(' ', '-')}-{about['cores']}-cores.json"
        (RESULTS / name).write_text(text, encoding="utf-8")
    rows = report["nucleolus"]
    assert isinstance(rows, list)
    return int(max(r["off"] for r in rows) > LIMITS["agreement"])  # type: ignore[operator]


if __name__ == "__main__":
    raise SystemExit(main())
