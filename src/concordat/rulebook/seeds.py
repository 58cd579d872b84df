"""What do the five source documents ask for, and where in them does it stand?

Each document is an instrument of type `declaration` that binds nobody; each of its 104 items is a unit in our own
wording, with an anchor: a quotation of at most 12 words. Recommendations, goals, norms, pledges, focus items and
mechanisms (93) become `CommitmentDraft`s: proposals with the id of the item, which only `council` can make commitments,
with a member and a date. Rule areas, principles, statements and diagnoses (11) stay readable units. The documents'
texts are not shipped: with the user's own file each anchor is found in it (exactly, after normalising, else as the
window of the best token overlap from 0.8 on) and becomes the span; one that is not found is listed.

    >>> seeds = load_seeds()
    >>> len(seeds.documents), sum(len(d.items) for d in seeds.documents), len(seeds.drafts())
    (5, 104, 93)
    >>> seeds.drafts()[0].id
    't20-f1a'
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from concordat import canonical
from concordat.errors import InputError
from concordat.rulebook.model import CommitmentDraft, Instrument, PartialDate, Source, Unit
from concordat.rulebook.taxonomy import DATA
from concordat.settings import parse_yaml, validate

DRAFTED = ("recommendation", "goal", "norm", "pledge", "focus", "mechanism")
ANCHOR_WORDS = 12
OVERLAP = 0.8
_WORD = re.compile(r"\w+")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class MeasureKeys(_Strict):
    """How an item may be measured: a source, its code, what it tells."""

    source: str
    code: str = ""
    tells: str = ""
    note: str = ""


class ItemKeys(_Strict):
    """One item, in our own wording."""

    id: str = Field(pattern=r"^[a-z0-9]+-[a-z0-9]+$")
    kind: Literal[
        "recommendation", "goal", "norm", "pledge", "focus", "mechanism", "rule area", "principle", "statement",
        "diagnosis",
    ]  # fmt: skip
    agenda: bool
    topic: str
    who: str
    what: str
    for_: str = Field(alias="for")
    anchor: str
    due: str
    review_level: Literal["output", "outcome", "process", "impact", "input"]
    measures: list[MeasureKeys] = []

    @field_validator("anchor")
    @classmethod
    def _short(cls, anchor: str) -> str:
        if len(anchor.split()) > ANCHOR_WORDS:
            raise ValueError(f"an anchor has at most {ANCHOR_WORDS} words")
        return anchor


class DocumentKeys(_Strict):
    """One document."""

    id: str
    name: str
    short_name: str
    form: Literal["policy_brief", "editorial", "article", "declaration", "white_paper"]
    adopted: str | None = None
    items: list[ItemKeys]


class SeedsFile(_Strict):
    """The file."""

    schema_: Literal["concordat/seeds@1"] = Field(alias="schema")
    note: str = ""
    documents: list[DocumentKeys]


@dataclass(frozen=True, slots=True)
class Item:
    """What a document asks for, in our own wording."""

    id: str
    kind: str
    agenda: bool
    topic: str
    who: str
    what: str
    beneficiary: str
    anchor: str
    due: str
    review_level: str
    measures: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class SeedDocument:
    """A document as an instrument, and its items."""

    instrument: Instrument
    items: tuple[Item, ...]

    def units(self) -> tuple[Unit, ...]:
        """Each item as a paragraph."""
        return tuple(_unit(self.instrument.id, item, n) for n, item in enumerate(self.items))


@dataclass(frozen=True)
class Seeds:
    """All five documents."""

    documents: tuple[SeedDocument, ...]
    hash: str

    def __getitem__(self, name: str) -> SeedDocument:
        """A document by its id."""
        for document in self.documents:
            if document.instrument.id == name:
                return document
        known = ", ".join(d.instrument.id for d in self.documents)
        raise InputError(f'"{name}" is not a source document.', hint=f"Known: {known}.", code="unknown_instrument")

    def drafts(self) -> tuple[CommitmentDraft, ...]:
        """The proposals, in the order of the documents."""
        return tuple(
            _draft(document.instrument.id, item)
            for document in self.documents
            for item in document.items
            if item.kind in DRAFTED
        )


def parse_seeds(text: str | bytes, *, where: str = "seeds.yaml") -> Seeds:
    """The documents from their file.

    Raises:
        InputError: an unknown key, an anchor that is too long, an id twice; with the line.
    """
    document = parse_yaml(text, where=where, schema="seeds@1")
    model = validate(document, SeedsFile)
    seen: set[str] = set()
    found: list[SeedDocument] = []
    for d, keys in enumerate(model.documents):
        for n, item in enumerate(keys.items):
            if item.id in seen:
                place = document.place("documents", d, "items", n, "id")
                raise InputError(f'"{item.id}" stands twice.', where=place, hint="Ids are never reused.")
            seen.add(item.id)
        found.append(SeedDocument(_instrument(keys), tuple(_item(i) for i in keys.items)))
    return Seeds(tuple(found), canonical.digest(document.value, floats=True))


@cache
def load_seeds() -> Seeds:
    """The packaged documents."""
    return parse_seeds((DATA / "seeds.yaml").read_bytes(), where="concordat/rulebook/data/seeds.yaml")


def _instrument(keys: DocumentKeys) -> Instrument:
    return Instrument(
        id=keys.id,
        name=keys.name,
        short_name=keys.short_name,
        type="declaration",
        form=keys.form,
        adopted=PartialDate.parse(keys.adopted) if keys.adopted else None,
        signed=None,
        in_force=None,
        ended=None,
        status="published",
        binding="none",
        binding_note="binds nobody",
        topics=("MG",),
        url="",
        parties_note="a document of its authors; no state is a party",
        complete=True,
        evidence=("the document itself",),
        mark="verified",
    )


def _item(keys: ItemKeys) -> Item:
    measures = tuple({k: v for k, v in m.model_dump().items() if v} for m in keys.measures)
    return Item(
        id=keys.id,
        kind=keys.kind,
        agenda=keys.agenda,
        topic=keys.topic,
        who=keys.who,
        what=keys.what,
        beneficiary=keys.for_,
        anchor=keys.anchor,
        due=keys.due,
        review_level=keys.review_level,
        measures=measures,
    )


def _unit(instrument: str, item: Item, order: int) -> Unit:
    text = f"{item.who}: {item.what}."
    digest = hashlib.sha256(text.encode()).hexdigest()
    name = f"{instrument}/{item.id}"
    return Unit(name, instrument, "paragraph", item.id, item.topic, text, "en", order, "", digest, Source(digest))


def _draft(instrument: str, item: Item) -> CommitmentDraft:
    dated = item.due != "none"
    return CommitmentDraft(
        id=item.id,
        instrument=instrument,
        unit=f"{instrument}/{item.id}",
        kind=item.kind,
        who=item.who,
        what=item.what,
        beneficiary=item.beneficiary,
        anchor=item.anchor,
        due=item.due if dated else None,
        due_reason="" if dated else "the text sets no date",
        review_level=item.review_level,
        measures=item.measures,
        force="soft",
        agenda=item.agenda,
    )


# --- Anchors in the user's own file ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """Where an anchor stands in a text: start and end, and how much of it is there (1: word for word)."""

    item: str
    span: tuple[int, int] | None
    overlap: float


def locate(document: SeedDocument, text: str) -> tuple[Found, ...]:
    """Each item's anchor in a text: the words themselves, else the window that shares most of them, from 0.8 on.

    Anchors that are not found have no span.
    """
    words = [(_folded(m.group()), m.start(), m.end()) for m in _WORD.finditer(text)]
    tokens = [w for w, _, _ in words]
    places: dict[str, list[int]] = {}
    for n, token in enumerate(tokens):
        places.setdefault(token, []).append(n)
    found = []
    for item in document.items:
        start, size, overlap = _window([_folded(w) for w in _WORD.findall(item.anchor)], tokens, places)
        span = (words[start][1], words[start + size - 1][2]) if overlap >= OVERLAP else None
        found.append(Found(item.id, span, overlap))
    return tuple(found)


def _folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()


def _window(anchor: Sequence[str], tokens: Sequence[str], places: dict[str, list[int]]) -> tuple[int, int, float]:
    """Start and size of the window of the anchor's length that has most of its words, and their share."""
    size = min(len(anchor), len(tokens))
    if not size:
        return 0, 0, 0.0
    starts = {max(0, min(n - k, len(tokens) - size)) for k, word in enumerate(anchor) for n in places.get(word, ())}
    best: tuple[float, int, int] = (0.0, 0, 0)
    for start in sorted(starts):
        window = list(tokens[start : start + size])
        in_place = sum(a == b for a, b in zip(window, anchor, strict=False))
        rest = list(window)
        for word in anchor:
            if word in rest:
                rest.remove(word)
        share = (size - len(rest)) / len(anchor)
        if (share, in_place) > best[:2]:
            best = (share, in_place, start)
        if in_place == len(anchor):
            break
    return best[2], size, best[0]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    schema = SeedsFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/seeds@1", **schema}
