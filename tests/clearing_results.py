"""Where the long forms of tests put their results: beside those of the benchmarks."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "benchmarks" / "results"


def store(name: str, found: dict[str, Any]) -> Path:
    """Write a result; its file."""
    system, cores = f"{platform.system()}-{platform.machine()}".lower(), os.cpu_count()
    machine = {"system": platform.platform(), "cores": cores, "python": platform.python_version()}
    path = FOLDER / f"{name}-{system}-{cores}-cores.json"
    path.write_text(json.dumps({**found, "machine": machine}, indent=1) + "\n", encoding="utf-8")
    return path
