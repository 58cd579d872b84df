"""What does one pay to import us, and to import the named peers? And are the codes of groups whole?

Import time of `concordat.world` and of `concordat.evidence` with its first source, beside wbgapi, sdmx1 and
country_converter, in one interpreter each, medians of 11 after one that is thrown away. Then every code of every group
of worldcountrygroups and of our blocs is looked up in ISO 3166-1. A peer that is not installed is "not compared".
To measure: pip install wbgapi sdmx1 country_converter worldcountrygroups, in an environment with this package.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from startup import RESULTS, RUNS, machine

OURS = {
    "concordat.world": "from concordat import world; world.country('Brazil'); world.members('BRICS', '2026-07-01')",
    "concordat.evidence": "from concordat.evidence import load_catalogue; import concordat.evidence.sources.factbook; "
    "load_catalogue()",
}
PEERS = {"wbgapi": "import wbgapi", "sdmx1": "import sdmx", "country_converter": "import country_converter"}


def seconds(code: str) -> dict[str, object]:
    """Median seconds of a new interpreter that runs the code; or that it fails."""
    runs = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
        runs.append(round(time.perf_counter() - start, 4))
        if done.returncode:
            return {"fails": done.stderr.strip().splitlines()[-1]}
    return {"median_s": round(statistics.median(runs[1:]), 4), "runs_s": runs[1:]}


def codes_of_ours() -> dict[str, object]:
    """Areas of our blocs that are no ISO 3166-1 code, no bloc and not user-assigned."""
    from concordat import world

    known = {c.iso3 for c in world.countries()} | set(world.bloc_ids())
    entries = [m for b in world.blocs() for m in b.memberships]
    wrong = sorted({f"{m.bloc}:{m.area}" for m in entries if m.area not in known})
    return {"blocs": len(world.bloc_ids()), "entries": len(entries), "wrong": wrong}


def codes_of_worldcountrygroups() -> dict[str, object] | str:
    """Files of worldcountrygroups in which a member has no ISO code, or one that ISO 3166-1 does not have."""
    spec = find_spec("worldcountrygroups")
    if spec is None or not spec.submodule_search_locations:
        return "not compared: not installed"
    from concordat import world

    known = {c.iso3 for c in world.countries()}
    files = sorted(p for p in Path(spec.submodule_search_locations[0]).rglob("*.json"))
    holes: dict[str, list[str]] = {}
    for file in files:
        for row in _rows(json.loads(file.read_text(encoding="utf-8"))):
            codes = [str(row[key] or "") for key in row if key.lower() in ("iso3", "iso_3", "iso-3", "alpha3", "code3")]
            if codes and codes[0].strip() not in known:
                holes.setdefault(file.stem, []).append(str(row.get("name") or row.get("country") or codes[0]))
    return {"files": len(files), "files_with_holes": len(holes), "holes": {k: v[:5] for k, v in sorted(holes.items())}}


def _rows(tree: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    open_parts = [tree]
    while open_parts:
        part = open_parts.pop()
        if isinstance(part, dict):
            found.append(part)
            open_parts.extend(part.values())
        elif isinstance(part, list):
            open_parts.extend(part)
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def main() -> None:
    """Measure, print, and store when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the result in benchmarks/results/")
    arguments = parser.parse_args()
    measured: dict[str, object] = {name: seconds(code) for name, code in OURS.items()}
    for package, code in PEERS.items():
        known = _version(package)
        measured[f"{package} {known}".strip()] = seconds(code) if known else "not compared: not installed"
    report = {
        "benchmark": "peers",
        "version": version("concordat"),
        "import": measured,
        "bare_python": seconds("pass"),
        "codes": {
            "concordat": codes_of_ours(),
            f"worldcountrygroups {_version('worldcountrygroups')}".strip(): codes_of_worldcountrygroups(),
        },
        "machine": machine(),
    }
    text = json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    print(text, end="")
    if arguments.write:
        RESULTS.mkdir(exist_ok=True)
        cores, system = machine()["cores"], str(machine()["system"]).replace(" ", "-").lower()
        (RESULTS / f"peers-{system}-{cores}-cores.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
