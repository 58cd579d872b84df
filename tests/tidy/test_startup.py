"""`concordat --help` answers at once: it imports nothing heavy. (What is imported is tested; time is benchmarked.)"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from concordat.cli import main
code = main(sys.argv[1:])
heavy = ("numpy duckdb scipy babel yaml pydantic httpx jinja2 typst vl_convert xlsxwriter cryptography").split()
print("IMPORTED", *sorted(set(heavy) & set(sys.modules)))
sys.exit(code)
"""


def _imported(folder: Path, *arguments: str) -> tuple[int, set[str]]:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert "IMPORTED" in done.stdout, done.stderr
    return done.returncode, set(done.stdout.strip().splitlines()[-1].split()[1:])


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    assert _imported(tmp_path, *arguments) == (0, set())


def test_settings_import_nothing_heavy(tmp_path: Path) -> None:
    code, imported = _imported(tmp_path, "settings")
    assert (code, imported - {"pydantic"}) == (0, set())  # typer itself imports pydantic when a command runs


def test_blocs_are_shown_without_the_store(tmp_path: Path) -> None:
    code, imported = _imported(tmp_path, "bloc", "show", "BRICS", "--on", "2026-11-22")
    assert code == 0
    assert not imported & {"numpy", "duckdb", "scipy", "httpx", "typst", "vl_convert"}
