"""Which clauses does the coder that ships learn from? Our own, written for it: none is taken from a treaty.

Each provision has clauses in English, soft and binding ones, and some in each of the other five languages; `OTHER` has
articles of trade agreements that are about nothing digital. Treaty texts are free in most states, but the editions that
coders were trained on are not: what ships may be fitted on this file alone (section 5 of the specification). A test
holds the file against the user's copy of such an edition: no run of eight words may be equal.

    >>> clauses = load_exemplars()
    >>> sorted({clause.lang for clause in clauses})
    ['en', 'es', 'fr', 'pt', 'ru', 'zh']
    >>> shared_runs("Each shall allow the transfer of data by wire", "shall allow the transfer of data by wire now")
    ('shall allow the transfer of data by wire',)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.errors import InputError
from concordat.rulebook.model import OTHER
from concordat.rulebook.taxonomy import DATA, Taxonomy, load_taxonomy
from concordat.settings import parse_yaml, validate

RUN_WORDS = 8
_WORD = re.compile(r"\w+")


class ExemplarKeys(BaseModel):
    """One clause."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(pattern=r"^[A-Z]{2}-[A-Z]{4}/[a-z]+[0-9]+$|^OTHER/[a-z]+[0-9]+$")
    code: str
    lang: Literal["en", "es", "fr", "pt", "zh", "ru"]
    depth: Literal[0, 1, 2]
    flags: list[Literal["exceptions", "dispute_settlement", "transition", "self_judging", "committee"]] = []
    text: str = Field(min_length=20)


class ExemplarsFile(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    schema_: Literal["concordat/exemplars@1"] = Field(alias="schema")
    note: str = ""
    exemplars: list[ExemplarKeys] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A clause, the provision it stands for, and how hard it is (0: not judged)."""

    id: str
    code: str
    lang: str
    depth: int
    flags: tuple[str, ...]
    text: str


def parse_exemplars(text: str | bytes, taxonomy: Taxonomy, *, where: str = "exemplars.yaml") -> tuple[Exemplar, ...]:
    """The clauses of a file, in its order.

    Raises:
        InputError: an unknown key or provision, an id twice, an id that isn't of its provision; with the line.
    """
    document = parse_yaml(text, where=where, schema="exemplars@1")
    found: dict[str, Exemplar] = {}
    for n, keys in enumerate(validate(document, ExemplarsFile).exemplars):
        place = document.place("exemplars", n, "id")
        if keys.code != OTHER:
            try:
                taxonomy[keys.code]
            except InputError as error:
                error.where = document.place("exemplars", n, "code")
                raise
        if keys.id in found:
            raise InputError(f'"{keys.id}" stands twice.', where=place, hint="Keep one.", code="duplicate")
        if keys.id.partition("/")[0] != keys.code:
            hint = f"Begin it with {keys.code}/."
            raise InputError(f'"{keys.id}" is not an id of {keys.code}.', where=place, hint=hint, code="invalid")
        found[keys.id] = Exemplar(keys.id, keys.code, keys.lang, keys.depth, tuple(keys.flags), keys.text)
    return tuple(found.values())


@cache
def load_exemplars() -> tuple[Exemplar, ...]:
    """The packaged clauses."""
    where = "concordat/rulebook/data/exemplars.yaml"
    return parse_exemplars((DATA / "exemplars.yaml").read_bytes(), load_taxonomy(), where=where)


def runs(text: str, words: int = RUN_WORDS) -> dict[str, None]:
    """The runs of so many words in a text, small letters and no punctuation, in order."""
    found = _WORD.findall(text.casefold())
    return dict.fromkeys(" ".join(found[at : at + words]) for at in range(len(found) - words + 1))


def shared_runs(text: str, other: str, words: int = RUN_WORDS) -> tuple[str, ...]:
    """The runs of words that two texts share, in the order of the first."""
    known = runs(other, words)
    return tuple(run for run in runs(text, words) if run in known)


def copied(exemplars: Sequence[Exemplar], texts: Iterable[str], words: int = RUN_WORDS) -> dict[str, tuple[str, ...]]:
    """By id, the runs of words that clauses share with any of some texts."""
    wanted: dict[str, list[str]] = {}
    for clause in exemplars:
        for run in runs(clause.text, words):
            wanted.setdefault(run, []).append(clause.id)
    found: dict[str, dict[str, None]] = {}
    for text in texts:
        for run in runs(text, words).keys() & wanted.keys():
            for name in wanted[run]:
                found.setdefault(name, {})[run] = None
    return {name: tuple(sorted(found[name])) for name in sorted(found)}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a file of exemplars."""
    schema = ExemplarsFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/exemplars@1", **schema}
