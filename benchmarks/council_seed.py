"""How long does it take to register the 104 items of the documents? `python benchmarks/council_seed.py [--write]`.

Measured are: the register from the packaged documents, in a process that has the modules and nothing read yet; the
same with every anchor looked up in the user's texts and every code in a list (needs the shared data); and a new
interpreter that imports, registers and prints the summary. Beside them stand the raw limits: the same file through
PyYAML's C loader alone, and a bare interpreter. Medians of 11 after one that is thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from startup import RESULTS, RUNS, machine

from concordat.council.commit.register import Register
from concordat.rulebook import seeds
from concordat.rulebook.taxonomy import DATA

LIMIT_S, WISH_S = 0.5, 0.2
SUMMARY = "from concordat.council.commit import Register; print(Register.load_seed().summary())"


def median_s(work: Callable[[], object]) -> float:
    """Median seconds of some work."""
    found = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return round(statistics.median(found[1:]), 4)


def register(documents: dict[str, str] | None = None, known: tuple[str, ...] | None = None) -> Register:
    """The register, from the file anew."""
    seeds.load_seeds.cache_clear()
    return Register.load_seed(documents=documents, known_codes=known)


def main() -> None:
    """Measure, print, and store if asked."""
    import yaml

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    text = (DATA / "seeds.yaml").read_text(encoding="utf-8")
    made = register()
    folder = os.environ.get("CONCORDAT_SHARED_DATA", "")
    files = sorted((Path(folder) / "seeds").glob("0*.txt")) if folder else []
    names = [d.instrument.id for d in seeds.load_seeds().documents]
    texts = {name: file.read_text(encoding="utf-8") for name, file in zip(names, files, strict=False)}
    codes = tuple(c.code for c in made.codes)
    checked = register(texts, codes) if texts else None
    result = {
        "benchmark": "council_seed",
        "items": len(made),
        "limit_s": LIMIT_S,
        "wish_s": WISH_S,
        "register_s": median_s(register),
        "register_with_anchors_and_codes_s": median_s(lambda: register(texts, codes)) if texts else "not measured",
        "checks": list(checked.checks()) if checked else "not measured",
        "new_interpreter_s": median_s(lambda: subprocess.run([sys.executable, "-c", SUMMARY], capture_output=True)),
        "peers": {
            "yaml.load(CSafeLoader) of the same file, s": median_s(lambda: yaml.load(text, yaml.CSafeLoader)),
            "bare interpreter, s": median_s(lambda: subprocess.run([sys.executable, "-c", "pass"])),
        },
        "machine": machine(),
    }
    shown = json.dumps(result, indent=1) + "\n"
    print(shown, end="")
    if asked.write:
        (RESULTS / "council_seed-linux-x86_64-2-cores.json").write_text(shown, encoding="utf-8")


if __name__ == "__main__":
    main()
