"""Who may import whom: import-linter's contracts hold, and they name every room there is or will be."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Rooms that the architecture names; those not yet built stand in parentheses in the contract.
ROOMS = {
    "cli", "web", "node", "report", "figures", "observatory", "impact", "council", "exchange", "clearing", "rulebook",
    "evidence", "ledger", "world", "errors", "settings", "canonical", "clock",
}  # fmt: skip


def _contracts() -> list[dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def test_contracts_hold() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    kept = re.search(r"Contracts: (\d+) kept, 0 broken", done.stdout)
    assert kept
    assert int(kept.group(1)) == len(_contracts())


def test_the_layers_name_every_room() -> None:
    layers = next(c["layers"] for c in _contracts() if c["type"] == "layers")
    named = [name for layer in layers for name in re.findall(r"\(?\w+\)?", layer)]
    assert {name.strip("()") for name in named} == ROOMS
    for name in named:
        room = name.strip("()")
        built = any((ROOT / "src" / "concordat" / place).exists() for place in (room, f"{room}.py"))
        assert built != name.startswith("("), f"{name}: rooms not yet built stand in parentheses, the others don't"


def test_no_room_but_sources_and_node_is_left_out_of_the_rule_on_connections() -> None:
    """The contract covers whole packages, so a new module is under it; `evidence.sources` alone is let off."""
    contract = next(c for c in _contracts() if c["name"].startswith("Only evidence.sources and node"))
    built = {r for r in ROOMS if any((ROOT / "src" / "concordat" / p).exists() for p in (r, f"{r}.py"))}
    assert {f"concordat.{room}" for room in (built | {"__main__"}) - {"node"}} == set(contract["source_modules"])
    assert contract["ignore_imports"]
    for ignored in contract["ignore_imports"]:
        # Of urllib the pages use what takes addresses apart (test_network.py).
        assert ignored.startswith("concordat.evidence.sources.** -> ") or ignored == "concordat.web.** -> urllib"
