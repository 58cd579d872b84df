"""How right is the coder that ships, and was it this very coder that was measured?

The figures stand in `accuracy.yaml`, which `benchmarks/coder.py --shipped --write` writes from a user's labelled
articles: macro and micro F1 with and without MiniLM, n, and a 90% interval over agreements, beside the SHA-256 of the
clauses and terms that the coder was fitted on. Where those have changed since, the figures are of another version, and
that is said instead.

Labels follow from headings, and whoever wrote the clauses had seen the kind of text they are judged on: the figures say
how the coder does on trade agreements of 1990 to 2016, not on a text unlike these.

    >>> measured = parse_accuracy(
    ...     "schema: concordat/rulebook-accuracy@1\\nsha256: x\\nmeasured_on: '3 texts'\\nmodes:\\n"
    ...     "  - {mode: shipped, minilm: false, figures: [{name: macro F1, n: 3, value: 0.5, low: 0.25, high: 1.0}]}\\n"
    ... )
    >>> measured.words("shipped", minilm=False, sha256="x")
    'macro F1 0.50 [0.25, 1.00] on 3 texts'
    >>> measured.words("shipped", minilm=False, sha256="y")
    'accuracy measured for another version of the clauses and terms'
    >>> measured.words("shipped", minilm=True, sha256="x")
    'accuracy not measured here'
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.rulebook.taxonomy import DATA
from concordat.settings import parse_yaml, validate

MEASURED = ("exemplars.yaml", "taxonomy.yaml")  # what the shipped coder learns from
TOLD = "macro F1"
NOT_MEASURED = "accuracy not measured here"
ANOTHER = "accuracy measured for another version of the clauses and terms"
Mode = Literal["shipped", "lexicon"]
Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class FigureKeys(_Strict):
    """One figure with its 90% interval."""

    name: str
    n: Annotated[int, Field(ge=1)]
    value: Share
    low: Share | None = None
    high: Share | None = None


class ModeKeys(_Strict):
    """The figures of one mode of the coder."""

    mode: Mode
    minilm: bool
    figures: list[FigureKeys] = Field(min_length=1)


class AccuracyFile(_Strict):
    """The file."""

    schema_: Literal["concordat/rulebook-accuracy@1"] = Field(alias="schema")
    note: str = ""
    sha256: str
    measured_on: str
    modes: list[ModeKeys]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The measured figures by (mode, with MiniLM or without), and what they are figures of."""

    sha256: str
    measured_on: str
    modes: dict[tuple[str, bool], dict[str, FigureKeys]]

    def words(self, mode: str, *, minilm: bool, sha256: str | None = None) -> str:
        """What was measured of a mode, or that nothing was, or that another version was.

        Args:
            sha256: of the clauses and terms in use; those that ship where None.
        """
        found = self.modes.get((mode, minilm))
        if found is None or TOLD not in found:
            return NOT_MEASURED
        if self.sha256 != (data_sha256() if sha256 is None else sha256):
            return ANOTHER
        one = found[TOLD]
        interval = "" if one.low is None or one.high is None else f" [{one.low:.2f}, {one.high:.2f}]"
        return f"{TOLD} {one.value:.2f}{interval} on {self.measured_on}"


def parse_accuracy(text: str | bytes, *, where: str = "accuracy.yaml") -> Accuracy:
    """The figures of a file.

    Raises:
        InputError: an unknown key, a figure that is no share; with the line.
    """
    found = validate(parse_yaml(text, where=where, schema="rulebook-accuracy@1"), AccuracyFile)
    modes: dict[tuple[str, bool], dict[str, FigureKeys]] = {}
    for m in found.modes:
        modes[m.mode, m.minilm] = {f.name: f for f in m.figures}
    return Accuracy(found.sha256, found.measured_on, modes)


@cache
def load_accuracy() -> Accuracy:
    """The figures that ship."""
    return parse_accuracy((DATA / "accuracy.yaml").read_bytes(), where="concordat/rulebook/data/accuracy.yaml")


@cache
def data_sha256() -> str:
    """SHA-256 of the clauses and terms that ship, one file after the other."""
    digest = hashlib.sha256()
    for name in MEASURED:
        digest.update((DATA / name).read_bytes())
    return digest.hexdigest()


def accuracy_words(mode: str, *, minilm: bool) -> str:
    """What was measured of a mode of the coder that ships, in words for a line of its own."""
    return load_accuracy().words(mode, minilm=minilm)


def coders_words(coders: Iterable[str]) -> str:
    """The line under an answer that rests on codings: who coded, and how right those are that were measured.

    Codings don't say whether MiniLM was there, so both figures are told where they differ.
    """
    told = []
    for coder in sorted(set(coders)):
        if coder not in ("shipped", "lexicon"):
            told.append(coder)
            continue
        plain, meaning = (accuracy_words(coder, minilm=with_it) for with_it in (False, True))
        if coder == "lexicon" or plain == meaning:
            told.append(f"{coder} ({plain})")
        else:
            told.append(f"{coder} (with MiniLM {meaning}; without {plain.partition(' on ')[0]})")
    return f"Coded by: {', '.join(told)}." if told else ""


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    schema = AccuracyFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/rulebook-accuracy@1", **schema}
