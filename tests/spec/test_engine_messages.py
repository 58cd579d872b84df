"""The page of the engine's messages says what the table and the codes say."""

from __future__ import annotations

import re
from pathlib import Path

from concordat.node.abci_order import CODES
from concordat.node.abci_schema import one_of, table

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "engine-messages.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_message_stands_on_the_page_with_its_numbers() -> None:
    said = {name: [] if fields == "none" else fields.split(", ") for name, fields in rows("Messages")}
    assert said == {n: [f"{f} {i} {k.lstrip('?')}" for f, i, k in fields] for n, fields in table().items()}


def test_every_code_stands_on_the_page() -> None:
    assert {int(code): words for code, words in rows("Codes of a transaction")} == dict(CODES)


def test_every_call_is_described() -> None:
    calls = {part for row in rows("What each call does") for part in row[0].split(", ")}
    assert {re.sub(r"(?<!^)(?=[A-Z])", "_", call).lower() for call in calls} == set(one_of("Request"))
