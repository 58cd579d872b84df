"""The provisions that articles are coded by: 12 topics, 98 provisions, each with its definition, scale and terms.

The taxonomy is a reviewed file (`schema: concordat/taxonomy@1`). A scale says how hard a provision can bind:

    standard     0 none, 1 soft, 2 binding
    exceptions   0 none, 1 soft, 2 binding with exceptions, 3 binding without listed exceptions
    dispute      0 none, 1 cooperation only, 2 binding and enforceable under dispute settlement
    committee    0 none, 1 consultative, 2 decision-making
    security     0 none, 1 general, 2 general and self-judging security
    structural   no depth

`Coding.depth` stays 0, 1 or 2; the third level of `exceptions` is depth 2 without the flag `exceptions`, which is what
`ordinal` computes. Terms are patterns a language (section 5 of the specification): `must` +2, `any` +1, `not` vetoes.

    >>> taxonomy = load_taxonomy()
    >>> len(taxonomy.topics), len(taxonomy.provisions), taxonomy["DF-FLOW"].scale
    (12, 98, 'exceptions')
    >>> taxonomy["DF-FLOW"].ordinal(2, {"exceptions": True}), taxonomy["DF-FLOW"].ordinal(2, {})
    (2, 3)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from concordat import canonical
from concordat.errors import InputError
from concordat.rulebook.model import LANGUAGES
from concordat.settings import nearest, parse_yaml, validate

DATA = Path(__file__).parent / "data"
Scale = Literal["standard", "exceptions", "structural", "dispute", "committee", "security"]
HIGHEST = {"standard": 2, "exceptions": 3, "structural": 0, "dispute": 2, "committee": 2, "security": 2}
Code = Annotated[str, Field(pattern=r"^[A-Z]{2}-[A-Z]{4}$")]
_NESTED = re.compile(r"[+*}]\)[+*{]|\.\*|\.\+|\(\?<")


class TermKeys(BaseModel):
    """Patterns of one provision in one language."""

    model_config = ConfigDict(extra="forbid")
    must: list[str] = []
    any: list[str] = []
    not_: list[str] = Field([], alias="not")

    @field_validator("must", "any", "not_")
    @classmethod
    def _patterns(cls, patterns: list[str], info: ValidationInfo) -> list[str]:
        for pattern in () if (info.context or {}).get("packaged") else patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f'"{pattern}" is not a pattern: {error}') from None
            if _NESTED.search(pattern):
                raise ValueError(f'"{pattern}" has a nested or unbounded repetition: write .{{0,60}}')
        return patterns


class ExampleKeys(BaseModel):
    """An article that holds the provision, and whether somebody read it."""

    model_config = ConfigDict(extra="forbid")
    instrument: str
    article: str
    evidence: str
    mark: Literal["verified", "unverified"]


class ProvisionKeys(BaseModel):
    """One provision."""

    model_config = ConfigDict(extra="forbid")
    code: Code
    name: str
    definition: str
    depth_scale: Scale
    depth_words: list[str] = []
    example: ExampleKeys | None = None
    terms: dict[Literal["en", "es", "fr", "pt", "zh", "ru"], TermKeys] = {}
    maps: dict[Literal["taped", "depa", "deal", "dstri", "caict"], list[str]] = {}


class TopicKeys(BaseModel):
    """One topic."""

    model_config = ConfigDict(extra="forbid")
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    name: str
    caict: str = ""
    provisions: list[ProvisionKeys] = Field(min_length=1)


class TaxonomyFile(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    schema_: Literal["concordat/taxonomy@1"] = Field(alias="schema")
    note: str = ""
    sources: list[str] = []
    topics: list[TopicKeys] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """Patterns of one provision in one language, for casefolded text; compiled when they are asked for."""

    written: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]  # must, any, veto

    @property
    def must(self) -> tuple[re.Pattern[str], ...]:
        return _compiled(self.written[0])

    @property
    def any(self) -> tuple[re.Pattern[str], ...]:
        return _compiled(self.written[1])

    @property
    def veto(self) -> tuple[re.Pattern[str], ...]:
        return _compiled(self.written[2])


@cache
def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """Only when somebody codes a text: a report needs names alone, and thousands of patterns cost a second."""
    return tuple(re.compile(pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Provision:
    """A provision: what an article can be about.

    Attributes:
        topic: the two letters of its topic, which need not be those of its code (IP-ISPL belongs to CO).
        scale: one of the scales above; highest: its largest ordinal, 0 where it has no depth.
        example: (instrument, article, evidence, mark), or None.
    """

    code: str
    topic: str
    name: str
    definition: str
    scale: str
    highest: int
    depth_words: tuple[str, ...]
    example: tuple[str, str, str, str] | None
    terms: Mapping[str, Terms]
    maps: Mapping[str, tuple[str, ...]]

    @property
    def structural(self) -> bool:
        """Whether it is about the chapter itself (definitions, scope) and has no depth."""
        return self.scale == "structural"

    def ordinal(self, depth: int | None, flags: Mapping[str, bool]) -> int | None:
        """Depth on the provision's own scale, 0 to `highest`; None where it was not judged."""
        if depth is None or self.structural:
            return None
        if self.scale == "exceptions" and depth == 2:
            return 2 if flags.get("exceptions") else 3
        return min(depth, self.highest)


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """All provisions, in the order of the file; `taxonomy["DF-FLOW"]` is one of them."""

    topics: Mapping[str, str]
    provisions: Mapping[str, Provision]
    hash: str
    caict: Mapping[str, str]

    def __getitem__(self, code: str) -> Provision:
        """A provision by its code.

        Raises:
            InputError: no such code; with the nearest one.
        """
        if code not in self.provisions:
            close = nearest(code, self.provisions)
            hint = f"did you mean {close[0]}?" if close else f"topics: {', '.join(self.topics)}."
            raise InputError(f'"{code}" is not a provision: {hint}', code="unknown_code")
        return self.provisions[code]

    def of(self, topic: str) -> tuple[Provision, ...]:
        """The provisions of a topic (`DF`), or the one of a code (`DF-FLOW`).

        Raises:
            InputError: neither a topic nor a code.
        """
        if topic in self.topics:
            return tuple(p for p in self.provisions.values() if p.topic == topic)
        return (self[topic],)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """All codes, in order."""
        return tuple(self.provisions)


def parse_taxonomy(text: str | bytes, *, where: str = "taxonomy.yaml", packaged: bool = False) -> Taxonomy:
    """A taxonomy from its file; of the packaged one, the tests have tried the patterns.

    Raises:
        InputError: an unknown key, a code twice, a pattern that can't be used; with the line.
    """
    document = parse_yaml(text, where=where, schema="taxonomy@1")
    model = validate(document, TaxonomyFile, packaged=packaged)
    found: dict[str, Provision] = {}
    for t, topic in enumerate(model.topics):
        for n, keys in enumerate(topic.provisions):
            if keys.code in found:
                place = document.place("topics", t, "provisions", n, "code")
                raise InputError(f'"{keys.code}" stands twice.', where=place, hint="Keep one.", code="duplicate")
            found[keys.code] = _provision(keys, topic.code)
    topics = {t.code: t.name for t in model.topics}
    caict = {t.code: t.caict for t in model.topics if t.caict}
    return Taxonomy(topics, found, canonical.digest(document.value, floats=True), caict)


def _provision(keys: ProvisionKeys, topic: str) -> Provision:
    example = keys.example
    return Provision(
        code=keys.code,
        topic=topic,
        name=keys.name,
        definition=keys.definition,
        scale=keys.depth_scale,
        highest=HIGHEST[keys.depth_scale],
        depth_words=tuple(keys.depth_words),
        example=None if example is None else (example.instrument, example.article, example.evidence, example.mark),
        terms={lang: _terms(keys.terms[lang]) for lang in LANGUAGES if lang in keys.terms},
        maps={name: tuple(some) for name, some in sorted(keys.maps.items())},
    )


def _terms(keys: TermKeys) -> Terms:
    return Terms((tuple(keys.must), tuple(keys.any), tuple(keys.not_)))


@cache
def load_taxonomy() -> Taxonomy:
    """The packaged taxonomy."""
    text = (DATA / "taxonomy.yaml").read_bytes()
    return parse_taxonomy(text, where="concordat/rulebook/data/taxonomy.yaml", packaged=True)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a taxonomy file."""
    schema = TaxonomyFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/taxonomy@1", **schema}
