"""Tracing imports what registers a report's functions, by a table, and nothing that a report merely names."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import concordat
from concordat.evidence.trace import DERIVATIONS
from concordat.report.derivations import MODULES

SOURCE = Path(concordat.__file__).parent


def _registered() -> dict[str, set[str]]:
    """The names that each module registers, by what its source says."""
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for mark in getattr(node, "decorator_list", ()):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func).split(".")[-1] == "derivation":
                    found.setdefault(module, set()).add(ast.literal_eval(mark.args[0]))
    return found


def test_the_table_holds_every_module_that_registers_a_function_and_no_other() -> None:
    assert set(_registered()) == set(MODULES)
    assert len(MODULES) == len(set(MODULES))


def test_evidence_knows_its_own_alone() -> None:
    assert {m for m in MODULES if m.startswith("evidence.")} == set(DERIVATIONS)


def test_a_function_is_named_after_the_module_that_registers_it() -> None:
    for module, names in _registered().items():
        assert {name.rpartition(".")[0] for name in names} == {module}


def test_no_statistic_is_registered_where_things_are_only_laid_out() -> None:
    assert {m.partition(".")[0] for m in MODULES} <= {
        "evidence",
        "observatory",
        "impact",
        "council",
        "clearing",
        "exchange",
        "rulebook",
    }


def test_a_fresh_program_finds_a_function_by_the_table_and_imports_nothing_else() -> None:
    code = """
import sys
from concordat.report import derivations
from concordat.evidence.provenance import _FUNCTIONS
assert "observatory.divide.measures.divide@1" not in _FUNCTIONS
before = set(sys.modules)
for name in ("__main__.entry@1", "cli.assess.assess@1", "report.build.build@1", "antigravity.x@1"):
    derivations.load(name)
assert set(sys.modules) == before
derivations.load("observatory.divide.measures.divide@1")
assert "observatory.divide.measures.divide@1" in _FUNCTIONS
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_the_program_s_main_module_runs_nothing() -> None:
    code = "import concordat.__main__; print('imported')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr
