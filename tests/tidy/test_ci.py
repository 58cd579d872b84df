"""The check script and what it relies on: skips fail in CI, versions are pinned, no host is named."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPPING = """
import pytest

def test_passes():
    pass

def test_needs_a_browser():
    pytest.skip("no chromium here")

def test_needs_shared_data(shared_data):
    pass
"""
SKIPPING_FILE = 'import pytest\npytest.importorskip("a_module_that_is_not_there")\n'


def _last_line(folder: Path, *, skipping_file: bool, **variables: str) -> str:
    """What pytest says at the end of a small suite that skips, under our conftest."""
    for name in ("conftest.py", "remembered.py"):
        (folder / name).write_bytes((ROOT / "tests" / name).read_bytes())
    (folder / "test_skipping.py").write_text(SKIPPING, encoding="utf-8")
    if skipping_file:
        (folder / "test_file.py").write_text(SKIPPING_FILE, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CONCORDAT_")} | variables
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # each takes longer than these tests, and none is needed
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("skipping_file", "variables", "words"),
    [
        (True, {"CONCORDAT_SHARED_DATA": "absent"}, "1 passed, 3 skipped"),
        (True, {"CONCORDAT_SHARED_DATA": "absent", "CONCORDAT_CI": "1"}, "1 error"),
        (False, {"CONCORDAT_SHARED_DATA": "absent", "CONCORDAT_CI": "1"}, "1 failed, 1 passed, 1 skipped"),
        (False, {"CONCORDAT_SHARED_DATA": ".", "CONCORDAT_CI": "1"}, "1 failed, 2 passed"),
    ],
)
def test_skips_are_failures_in_ci(tmp_path: Path, skipping_file: bool, variables: dict[str, str], words: str) -> None:
    assert words in _last_line(tmp_path, skipping_file=skipping_file, **variables)


def test_constraints_are_exact_versions_and_name_no_host() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 30
    for line in pins:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line), line


def test_constraints_cover_what_pyproject_asks_for() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["test"], *extras["oracles"]]
    pinned = {_name(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()}
    assert {_name(line) for line in asked} <= pinned


def _name(requirement: str) -> str:
    return re.split(r"[\[=<>!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_the_check_script_parses_and_ends_with_pytest() -> None:
    script = ROOT / ".ci" / "run"
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=10)
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    for check in ('ruff" check', "format --check", "mypy", "lint-imports", "pytest"):
        assert check in text
    assert "://" not in text
    assert text.rindex("step ") == text.index('step "tests"')


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "CITATION.cff"])
def test_the_house_has_its_papers(name: str) -> None:
    assert (ROOT / name).stat().st_size > 300


def test_the_files_that_run_first_are_there() -> None:
    """A file that was renamed would quietly run last again, with one worker idle."""
    source = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    names = re.findall(r'^    "([\w/]+\.py)",$', source.partition("LONGEST = (")[2].partition("\n)")[0], re.MULTILINE)
    assert len(names) > 5
    assert [name for name in names if not (ROOT / "tests" / name).exists()] == []
