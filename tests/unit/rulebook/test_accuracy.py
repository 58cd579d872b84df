"""What is said of the accuracy of the coder that ships: measured figures, of this version, or neither."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from concordat import rulebook as room
from concordat.errors import InputError
from concordat.rulebook import accuracy

FILE = """\
schema: concordat/rulebook-accuracy@1
sha256: abc
measured_on: 1,214 labelled articles of 73 trade agreements, English and Spanish, headings as labels
modes:
  - {mode: shipped, minilm: true, figures: [{name: macro F1, n: 1214, value: 0.9087, low: 0.871, high: 0.93}]}
  - {mode: shipped, minilm: false, figures: [{name: macro F1, n: 1214, value: 0.88}]}
"""
ON = "on 1,214 labelled articles of 73 trade agreements, English and Spanish, headings as labels"


def test_the_sentence_has_figure_interval_and_what_it_was_measured_on() -> None:
    found = accuracy.parse_accuracy(FILE)
    assert found.words("shipped", minilm=True, sha256="abc") == f"macro F1 0.91 [0.87, 0.93] {ON}"
    assert found.words("shipped", minilm=False, sha256="abc") == f"macro F1 0.88 {ON}"


@pytest.mark.parametrize("mode", ["fitted", "lexicon"])
def test_what_was_not_measured_is_said_to_be_so(mode: str) -> None:
    assert accuracy.parse_accuracy(FILE).words(mode, minilm=False, sha256="abc") == "accuracy not measured here"


def test_figures_of_other_clauses_are_not_told() -> None:
    found = accuracy.parse_accuracy(FILE).words("shipped", minilm=True)
    assert found == "accuracy measured for another version of the clauses and terms"


def test_a_share_above_one_is_refused_with_its_line() -> None:
    with pytest.raises(InputError, match=r"accuracy\.yaml, line 6"):
        accuracy.parse_accuracy(FILE.replace("0.88}", "88}"))


def test_who_coded_is_said_with_both_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    known = accuracy.parse_accuracy(FILE.replace("abc", accuracy.data_sha256()))
    monkeypatch.setattr(accuracy, "load_accuracy", lambda: known)
    said = accuracy.coders_words(["shipped", "Ana", "shipped"])
    assert said == f"Coded by: Ana, shipped (with MiniLM macro F1 0.91 [0.87, 0.93] {ON}; without macro F1 0.88)."
    assert accuracy.coders_words(["lexicon"]) == "Coded by: lexicon (accuracy not measured here)."
    assert accuracy.coders_words([]) == ""


def test_the_file_that_ships_is_read_and_has_its_schema() -> None:
    found = accuracy.load_accuracy()
    assert set(found.modes) == {("shipped", True), ("shipped", False), ("lexicon", False)}
    assert all({"macro F1", "micro F1"} <= set(figures) for figures in found.modes.values())
    stored = (Path(room.__file__).parent / "schema" / "rulebook-accuracy-1.json").read_text(encoding="utf-8")
    assert json.loads(stored) == accuracy.json_schema()
