"""The self-assessment against OWASP ASVS 5.0.0 is complete, names tests that exist, and says what is open.

`asvs.yaml` has a row for each requirement of levels 1 and 2, and of level 3 for authentication and cryptography.
Chapter by chapter the rows are counted against the published text. A row is held by tests, or says why it isn't about
us, or is open and says what is missing; docs/reference/security.md prints the same counts and every open row. Nobody
but us has judged any of it.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("asvs.yaml")
PAGE = ROOT / "docs" / "reference" / "security.md"
LEVEL_3 = ("V6", "V11")
KEYS = {"id", "level", "asks", "applies", "tests", "reason", "open", "missing"}


@cache
def table() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table()["rows"]
    return found


def chapter(row: dict[str, Any]) -> str:
    return str(row["id"]).partition(".")[0]


@cache
def functions_of(file: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    path = ROOT / "tests" / file
    if not path.is_file():
        return {}
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name: node for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_every_requirement_stands_once_and_counts_are_those_published() -> None:
    assert table()["schema"] == "concordat/asvs@1"
    published = table()["published"]
    assert [sum(c["counts"][level] for c in published.values()) for level in range(3)] == [70, 183, 92]
    ids = [row["id"] for row in rows()]
    assert [i for i, n in Counter(ids).items() if n > 1] == []
    assert ids == sorted(ids, key=lambda i: [int(part) for part in i[1:].split(".")])
    found = Counter((chapter(row), row["level"]) for row in rows())
    for name, about in published.items():
        wanted = [*about["counts"][:2], about["counts"][2] if name in LEVEL_3 else 0]
        assert [found[name, level] for level in (1, 2, 3)] == wanted, name


def test_numbers_of_a_section_have_no_gap_where_all_levels_are_listed() -> None:
    """In V6 and V11 every level is here, so the numbers of each section run from 1 on."""
    sections: dict[str, list[int]] = {}
    for row in rows():
        if chapter(row) in LEVEL_3:
            section, _, number = row["id"].rpartition(".")
            sections.setdefault(section, []).append(int(number))
    assert len(sections) == 15
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in sections.values())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["id"])
def test_a_row_is_held_or_says_why_not(row: dict[str, Any]) -> None:
    assert set(row) <= KEYS
    assert len(row["asks"]) > 3
    named = row.get("tests", [])
    if row.get("open"):
        assert row["applies"] is True
        assert len(row["missing"]) > 20
        assert named == []  # what is open is not half claimed
    elif row["applies"]:
        assert named
        assert "reason" not in row
    else:
        assert len(row["reason"]) > 10
        assert named, "what is said to be absent is shown to be"
    for one in named:
        file, _, name = one.partition("::")
        assert name.startswith("test_"), one
        assert Path(file).name.startswith("test_"), one
        found = functions_of(file).get(name)
        assert found is not None, f"{one} does not exist"
        marks = [ast.unparse(mark) for mark in found.decorator_list]
        assert not [mark for mark in marks if "skip" in mark or "xfail" in mark], one


def test_named_tests_are_collected(request: pytest.FixtureRequest) -> None:
    """Where the named file takes part in this run, so does the test."""
    collected: dict[str, set[str]] = {}
    for item in request.session.items:
        file = item.path.relative_to(ROOT / "tests").as_posix()
        collected.setdefault(file, set()).add(getattr(item, "originalname", item.name))
    whole = not any("::" in str(arg) or arg in ("-k", "-m") for arg in request.config.invocation_params.args)
    for row in rows():
        for one in row.get("tests", ()):
            file, _, name = one.partition("::")
            assert not whole or file not in collected or name in collected[file], one


def test_the_page_prints_the_counts_and_every_open_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    printed = {m[1]: tuple(map(int, m.groups()[2:])) for m in re.finditer(
        r"^\| (V\d+) \| ([^|]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", text, re.M
    )}  # fmt: skip
    counted = {}
    for name in table()["published"]:
        own = [row for row in rows() if chapter(row) == name]
        is_open = sum(bool(row.get("open")) for row in own)
        absent = sum(not row["applies"] for row in own)
        counted[name] = (len(own), len(own) - is_open - absent, absent, is_open)
    assert printed == counted
    sums = [sum(row[i] for row in counted.values()) for i in range(4)]
    words = f"Of {sums[0]} rows {sums[1]} are held by tests, {sums[2]} are about things that are not here, "
    words += f"{sums[3]} are open."
    assert words in " ".join(text.split())
    listed = dict(re.findall(r"^\| (V\d+\.\d+\.\d+) \| \d \| .+? \| (.+?) \|$", text, re.M))
    assert listed == {row["id"]: row["missing"] for row in rows() if row.get("open")}
