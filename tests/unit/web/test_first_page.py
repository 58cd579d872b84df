"""What a node's first page costs, as far as it can be told without a clock: what is loaded for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("scipy", "pandas", "xlsxwriter", "typst", "concordat.observatory.divide.explain", "concordat.report.moved")
PROGRAM = """
import sys
from concordat.settings import Settings
from concordat.web.reader import Reader
from concordat.web.respond import Site
from concordat.web.site import pages

answer = Site(Reader(Settings.load()), pages()).answer("GET", "/", "", {})
assert answer.status == 200
print(*[name for name in sys.argv[1:] if name in sys.modules])
"""


def test_nothing_heavy_is_loaded_that_it_does_not_show(evidence_dir: Path) -> None:
    environment = {**os.environ, "CONCORDAT_DATA_DIR": str(evidence_dir)}
    command = [sys.executable, "-c", PROGRAM, *HEAVY]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == []
