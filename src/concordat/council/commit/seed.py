"""What do the five source documents propose, and does each anchor and indicator code lead somewhere?

`rulebook.seeds` reads the documents' items; here they are registered: 93 as proposed commitments, 11 as reading matter
(rule areas, principles, statements, diagnoses promise nothing). A file in one of two forms is taken: our own
(`schema: concordat/seeds@1`), and the plain list (`version: 1`, `documents`, `commitments`), whose ids are lowered.

- Each anchor is looked up in its document, if the user gives the documents' texts (they don't ship): `found` word for
  word, `close` at four words of five, `not found`; without the text `not checked`.
- Each World Bank code was written from memory: it is `resolved` against the codes that the evidence knows, else listed
  as `unresolved`; without such a list `not checked`.

What it doesn't do: it invents no baseline, target or date where the document sets none (it sets none anywhere).

    >>> register_of()[0].id, register_of()[0].due, str(register_of()[0].anchor)
    ('t20-f1a', 'annual', 'anchor not checked')
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat.council.commit.register import NO_DATE, Anchor, Commitment, Measure
from concordat.errors import InputError
from concordat.rulebook.seeds import (
    DRAFTED,
    Found,
    Item,
    ItemKeys,
    SeedDocument,
    Seeds,
    load_seeds,
    locate,
    parse_seeds,
)
from concordat.settings import Document, nearest, parse_yaml, validate

SOURCES = (
    "wb", "sdg", "itu", "oecd", "unctad", "un", "unesco", "ilo", "fatf", "fsb", "gta", "findex", "platform", "rulebook",
    "exchange", "council", "clearing", "qualitative",
)  # fmt: skip
LOOKED_UP = "wb"
_WORD = re.compile(r"\w+")


def register_of(
    seeds: Seeds | str | bytes | None = None,
    *,
    documents: Mapping[str, str] | None = None,
    known_codes: Collection[str] | Mapping[str, str] | None = None,
) -> tuple[Commitment, ...]:
    """The items of the register, in the order of the documents.

    Args:
        seeds: what `rulebook.seeds` read, or the text of a file; the packaged documents without.
        documents: the user's own texts by document id (`t20-brics-brief`); documents that are absent are not checked.
        known_codes: the World Bank codes that the evidence knows; a mapping also gives the indicator's id.

    Raises:
        InputError: a text of a document that is not among them, a source that is not known, a measure without code.
    """
    found = load_seeds() if seeds is None else seeds if isinstance(seeds, Seeds) else read_seeds(seeds)
    if isinstance(known_codes, (str, bytes)):
        raise InputError("known codes are one text.", hint="Give a list or a mapping of codes.", code="type")
    texts = dict(documents or {})
    names = [d.instrument.id for d in found.documents]
    for name in texts:
        if name not in names:
            close = nearest(name, names)
            hint = f'Did you mean "{close[0]}"?' if close else f"Documents: {', '.join(names)}."
            raise InputError(f'"{name}" is not one of the documents.', hint=hint, code="unknown_document")
    return tuple(
        _commitment(document.instrument.id, item, anchor, known_codes)
        for document in found.documents
        for item, anchor in zip(document.items, _anchors(document, texts), strict=True)
    )


def _anchors(document: SeedDocument, texts: Mapping[str, str]) -> list[Anchor]:
    text = texts.get(document.instrument.id)
    if text is None:
        return [Anchor(item.anchor) for item in document.items]
    return [
        _anchor(item.anchor, place, text) for item, place in zip(document.items, locate(document, text), strict=True)
    ]


def _anchor(words: str, place: Found, text: str) -> Anchor:
    if place.span is None:
        return Anchor(words, "not found", None, place.overlap)
    same = _folded(words) == _folded(text[slice(*place.span)])
    return Anchor(words, "found" if same else "close", place.span, place.overlap)


def _folded(text: str) -> list[str]:
    """The words of a text, without spaces, quotation marks and case."""
    return [unicodedata.normalize("NFKC", word).casefold() for word in _WORD.findall(text)]


def _commitment(
    document: str, item: Item, anchor: Anchor, known: Collection[str] | Mapping[str, str] | None
) -> Commitment:
    dated = item.due != "none"
    return Commitment(
        id=item.id,
        document=document,
        kind=item.kind,
        topic=item.topic,
        who=item.who,
        what=item.what,
        beneficiary=item.beneficiary,
        anchor=anchor,
        due=item.due if dated else None,
        due_reason="" if dated else NO_DATE,
        review_level=item.review_level,
        measures=tuple(_measure(item.id, n, m, known) for n, m in enumerate(item.measures, 1)),
        agenda=item.agenda,
        state="registered" if item.kind in DRAFTED else "",
    )


def _measure(
    item: str, number: int, keys: Mapping[str, str], known: Collection[str] | Mapping[str, str] | None
) -> Measure:
    source, code = keys["source"], keys.get("code", "")
    where = f"{item}, measure {number}"
    if source not in SOURCES:
        close = nearest(source, SOURCES)
        hint = f'Did you mean "{close[0]}"?' if close else f"Sources: {', '.join(SOURCES)}."
        raise InputError(f'"{source}" is not a source of measures.', where=where, hint=hint, code="unknown_source")
    status = indicator = ""
    if source == LOOKED_UP:
        if not code:
            raise InputError("has no code.", where=where, hint="Give the World Bank's indicator code.", code="no_code")
        status = "not checked" if known is None else "resolved" if code in known else "unresolved"
        if status == "resolved":
            indicator = known[code] if isinstance(known, Mapping) else code
    return Measure(number, source, code, keys.get("tells", ""), keys.get("note", ""), status, indicator)


# --- The plain list ---------------------------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class ListedDocument(_Strict):
    """A document of the plain list."""

    id: str
    file: str = ""
    title: str


class ListedItem(ItemKeys):
    """An item of the plain list: the same keys, an id in capitals, and the document it stands in."""

    id: str = Field(pattern=r"^[A-Za-z0-9]+-[A-Za-z0-9]+$")
    doc: str
    file: str = ""


class ListedFile(_Strict):
    """The plain list."""

    version: Literal[1]
    documents: list[ListedDocument]
    commitments: list[ListedItem]


def read_seeds(text: str | bytes, *, where: str = "seeds.yaml") -> Seeds:
    """The documents from a file in either form.

    Raises:
        InputError: neither form, an unknown key or document, an id twice; with the line.
    """
    document = parse_yaml(text, where=where)
    if isinstance(document.value, dict) and "commitments" in document.value:
        return parse_seeds(json.dumps(_plain_list(document), ensure_ascii=False), where=where)
    return parse_seeds(text, where=where)


def _plain_list(document: Document) -> dict[str, Any]:
    """The plain list in our own form. A document whose items are all ours keeps our name for it."""
    model = validate(document, ListedFile)
    items: dict[str, list[dict[str, Any]]] = {keys.id: [] for keys in model.documents}
    seen: set[str] = set()
    for n, item in enumerate(model.commitments):
        if item.doc not in items:
            place = document.place("commitments", n, "doc")
            raise InputError(f'"{item.doc}" is not one of its documents.', where=place, hint="Add it to documents.")
        name = item.id.lower()
        if name in seen:
            place = document.place("commitments", n, "id")
            raise InputError(f'"{item.id}" stands twice.', where=place, hint="Ids are never reused.", code="duplicate")
        seen.add(name)
        kept = item.model_dump(by_alias=True, exclude={"doc", "file"})
        items[item.doc].append(kept | {"id": name})
    ours = {i.id: d.instrument for d in load_seeds().documents for i in d.items}
    found = []
    for keys in model.documents:
        homes = {ours[i["id"]].id if i["id"] in ours else "" for i in items[keys.id]}
        known = ours[items[keys.id][0]["id"]] if len(homes) == 1 and "" not in homes else None
        found.append(
            {
                "id": known.id if known else keys.id.lower(),
                "name": known.name if known else keys.title,
                "short_name": known.short_name if known else keys.title,
                "form": known.form if known else "declaration",
                "items": items[keys.id],
            }
        )
    return {"schema": "concordat/seeds@1", "documents": found}
