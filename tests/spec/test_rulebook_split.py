"""How texts without marks are split: each case of the YAML file is a text and the parts a person would see in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from concordat.rulebook.readers import _split

CASES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("rulebook_split_cases.yaml").read_text(encoding="utf-8")
)


def _begins_and_ends(text: str, wanted: str) -> bool:
    begin, _, end = wanted.partition(" ... ")
    folded = " ".join(text.split())
    return folded == wanted or bool(end and folded.startswith(begin) and folded.endswith(end))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['lang']}: {case['case']}")
def test_a_text_is_split_as_a_person_would(case: dict[str, Any]) -> None:
    found = _split.split(_split.lines_of(case["text"]), case["lang"])
    assert [[part.kind, part.number, part.heading] for part in found.parts] == [part[:3] for part in case["parts"]]
    for part, (*_, wanted) in zip(found.parts, case["parts"], strict=True):
        assert _begins_and_ends(part.text, wanted), (part.number, part.text)
    assert bool(found.warnings) == ("warns" in case)
    assert all(case["warns"] in warning for warning in found.warnings)


def test_all_six_languages_have_a_case() -> None:
    assert {case["lang"] for case in CASES} == {"en", "es", "fr", "pt", "ru", "zh"}
