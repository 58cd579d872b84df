"""The naive model is a second implementation: it takes nothing from the core that it is held against."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from concordat.clearing.standard import naive


def test_the_naive_model_imports_the_standard_library_and_nothing_else() -> None:
    tree = ast.parse(Path(naive.__file__).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(node.module or "")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("__import__", "exec", "eval")
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
    assert "importlib" not in names
