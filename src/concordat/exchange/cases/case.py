"""What is a case, as a file: `schema: concordat/case@1`, read strictly, free of contact details, printed back the same.

A case says what was done, where, for whom, with what result, at what cost, and what another member may reuse. Languages
are read from the keys of its texts. Reading takes out e-mail addresses, telephone numbers and handles (`scrub`) and
counts what it took; whoever reads a case through this module can't keep them. Source: exchange.md, section 6.

    >>> case = Case.load('''schema: concordat/case@1
    ... id: case-bra-0007
    ... version: 1
    ... kind: practice
    ... title: {en: "Shared masts"}
    ... summary: {en: "Write to ana@example.br for the contract."}
    ... member: BRA
    ... owner: {name: "Ministry of Communications", type: government}
    ... ''')
    >>> case.summary["en"]
    'Write to [contact removed] for the contract.'
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from concordat import canonical
from concordat.errors import InputError
from concordat.exchange.cases import _parts as parts
from concordat.exchange.cases.scrub import Removed, scrub
from concordat.settings import parse_yaml, validate

SCHEMA = "concordat/case@1"
TEXTS = ("title", "summary", "problem", "intervention", "preconditions")

Texts = Annotated[dict[parts.Language, parts.Words], Field(max_length=40)]


class Case(parts.Part):
    """A case. Use `Case.load`, or `read_case` to learn what was taken out."""

    schema_: Literal["concordat/case@1"] = Field("concordat/case@1", alias="schema")
    id: parts.Id
    version: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    kind: parts.Kind
    title: Annotated[dict[parts.Language, parts.Line], Field(min_length=1, max_length=40)]
    summary: Annotated[dict[parts.Language, parts.Summary], Field(min_length=1, max_length=40)]
    problem: Texts = {}
    intervention: Texts = {}
    preconditions: Texts = {}
    member: parts.Iso3 | None = None
    owner: parts.Owner | None = None
    facets: parts.Facets = parts.Facets()
    period: parts.Period = parts.Period()
    reach: parts.Reach | None = None
    results: Annotated[list[parts.Result], Field(max_length=100)] = []
    cost: parts.Cost | None = None
    reuse: parts.Reuse = parts.Reuse()
    aliases: parts.Lines = []
    countries: parts.Used = parts.Used()
    organisations: Annotated[list[parts.Organisation], Field(max_length=parts.LIST_MAX)] = []
    claims: Annotated[list[parts.Claim], Field(max_length=parts.LIST_MAX)] = []
    origin: parts.Origin | None = None

    @field_validator("member")
    @classmethod
    def _member(cls, code: str | None) -> str | None:
        return None if code is None else parts.check_country(code)

    @model_validator(mode="after")
    def _whose(self) -> Case:
        if self.origin is None and (self.member is None or self.owner is None):
            raise ValueError("a case that no registry gave needs member and owner")
        for codes in (self.countries.made, self.countries.used):
            for code in codes:
                parts.check_country(code)
        return self

    @classmethod
    def load(cls, text: str | bytes, *, where: str = "case.yaml") -> Case:
        """A case from its file, without contact details.

        Raises:
            InputError: not YAML, or a key or value that can't be, with its line and the nearest known key.
        """
        return read_case(text, where=where).case

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> Case:
        """A case from what `to_value` gave; it is checked again.

        Raises:
            pydantic.ValidationError: it is not one.
        """
        return cls.model_validate_json(json.dumps(value))

    def to_value(self) -> dict[str, Any]:
        """The case as JSON with the keys of its file; keys that were not written are left out."""
        found = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"schema_"})
        return {"schema": SCHEMA, **found}

    def text(self) -> str:
        """The case as a file that `load` reads back to the same case (JSON, which is YAML as well)."""
        return json.dumps(self.to_value(), ensure_ascii=False, indent=1) + "\n"

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical bytes: what an entry `CasePublished` names."""
        return canonical.digest(self.to_value(), floats=True)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages in which there is both a title and a summary."""
        return tuple(sorted(set(self.title) & set(self.summary)))

    @property
    def ids(self) -> tuple[str, ...]:
        """Its own id and, of a merged case, those that it stands for."""
        return tuple(sorted({self.id, *(self.origin.ids if self.origin else ())}))

    def words(self, name: str, language: str = "en") -> str:
        """A text in a language, else in English, else in the first language that there is; empty without one."""
        texts: Mapping[str, str] = getattr(self, name)
        known = (language, "en", *sorted(texts))
        return next((texts[code] for code in known if code in texts), "")


@dataclass(frozen=True, slots=True)
class Read:
    """A case, and what was taken out of its texts or seems wrong in it."""

    case: Case
    removed: Removed
    notes: tuple[str, ...]


def read_case(text: str | bytes, *, where: str = "case.yaml") -> Read:
    """A case from its file, with what was taken out of it and which codes are not in the shipped lists.

    Raises:
        InputError: not YAML, or a key or value that can't be, with its line and the nearest known key.
    """
    from concordat.exchange.cases.sectors import unknown_dac

    case, removed = scrubbed(validate(parse_yaml(text, where=where, schema="case@1"), Case))
    return Read(case, removed, tuple(unknown_dac(case.facets.dac)))


def scrubbed(case: Case) -> tuple[Case, Removed]:
    """The case without contact details in any text that a person may have written, and their number by field."""
    removed = Removed({})

    def clean(text: str, path: str) -> str:
        nonlocal removed
        found, counted = scrub(text)
        removed = removed.plus(path, counted)
        return found

    value = _texts(case.to_value(), "", clean)
    if not removed:
        return case, removed
    try:
        return Case.from_value(value), removed
    except ValidationError as error:  # "[contact removed]" is longer than some handles
        path = ".".join(str(step) for step in error.errors()[0]["loc"])
        hint = "Shorten it, or take the address out yourself."
        what = f"{path} is too long once its contact details are taken out."
        raise InputError(what, where=case.id, hint=hint, code="too_long") from None


# Codes and figures are no prose: a period is no telephone number.
_CODES = frozenset(
    {"schema", "id", "kind", "member", "value", "baseline", "as_of", "start", "end", "currency", "ids", "dac", "wsis"}
)


def _texts(value: Any, path: str, clean: Callable[[str, str], str]) -> Any:
    if isinstance(value, str):
        return clean(value, path)
    if isinstance(value, list):
        return [_texts(item, path, clean) for item in value]
    if isinstance(value, dict):
        inside = f"{path}." if path else ""
        return {key: item if key in _CODES else _texts(item, inside + key, clean) for key, item in value.items()}
    return value
