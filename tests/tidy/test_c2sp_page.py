"""The table of C2SP's rules is true: it is numbered, complete in its parts, and names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "c2sp-conformance.md"
ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \|$", re.M)
TEXTS = ["Signed note", "Checkpoint", "Cosignature", "Tiles", "Witness", "Mirror", "Policy", "Proof"]


def _rows() -> list[tuple[int, str, str]]:
    return [(int(m[1]), m[2], m[3]) for m in ROW.finditer(PAGE.read_text(encoding="utf-8"))]


@cache
def _tests(file: str) -> set[str]:
    path = ROOT / "tests" / file
    if not path.is_file():
        return set()
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_rows_are_numbered_and_every_text_has_its_own() -> None:
    assert [number for number, _, _ in _rows()] == list(range(1, len(_rows()) + 1))
    assert len(_rows()) >= 90
    assert re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.M) == TEXTS


@pytest.mark.parametrize("row", _rows(), ids=lambda row: str(row[0]))
def test_each_row_names_tests_that_exist_or_says_that_none_holds_it(row: tuple[int, str, str]) -> None:
    _, rule, held_by = row
    assert rule[0].isupper() or rule[0] == "`"
    if held_by.startswith("not held: "):
        assert len(held_by) > 20
        return
    for named in held_by.split("<br>"):
        match = re.fullmatch(r"`([a-z_0-9/]+\.py)::(test_\w+)`", named)
        assert match, named
        assert match[2] in _tests(match[1]), named


def test_the_page_counts_right() -> None:
    held = sum(not held_by.startswith("not held: ") for _, _, held_by in _rows())
    assert f"Of {len(_rows())} rows {held} are held." in " ".join(PAGE.read_text(encoding="utf-8").split())
