"""What a text says: paragraphs with stable ids in every language version, their hashes, and what an amendment makes.

A version is hashed by the hashes of its languages, each of which is that of the list of (id, words). Ids stay with
their paragraph for ever (`p3.2`); an insertion brings a new id. Language versions share their ids, so that one
amendment changes all of them or leaves the others without words, which then must be supplied before the text is
certified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from concordat import canonical
from concordat.council._body import Body, Language, Words
from concordat.errors import InputError, RuleError

ParagraphId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,15}(\.[a-z0-9]{1,8}){0,4}$")]
Paragraph = tuple[str, str]
Texts = Mapping[str, Sequence[Paragraph]]


def check_paragraph(key: str) -> str:
    """An id of a paragraph; `start` is the place before the first.

    Raises:
        ValueError: that is no id (pydantic tells it).
    """
    if key == "start":
        raise ValueError("start is the place before the first paragraph, and no id")
    return key


class ParagraphBody(Body):
    """One paragraph."""

    id: Annotated[ParagraphId, AfterValidator(check_paragraph)]
    text: Words


class ChangeBody(Body):
    """One change: replace a paragraph, insert one after another (or `start`), delete one."""

    op: Literal["replace", "insert_after", "delete"]
    paragraph: ParagraphId
    id: Annotated[ParagraphId, AfterValidator(check_paragraph)] | None = None
    text: dict[Language, Words] = {}


@dataclass(frozen=True)
class Version:
    """A version of a text. hash: of all languages. texts: language -> paragraphs; an empty text is not supplied yet."""

    hash: str
    texts: dict[str, tuple[Paragraph, ...]]
    why: str = ""

    def to_value(self) -> dict[str, str]:
        """As plain data: the hash stands for the words, which the entries hold."""
        return {"hash": self.hash, "why": self.why}

    @property
    def ids(self) -> tuple[str, ...]:
        """The paragraphs' ids, in order."""
        return tuple(key for key, _ in next(iter(self.texts.values())))

    def lacking(self) -> list[str]:
        """`zh p3.2` for each paragraph that a language lacks."""
        return [f"{language} {key}" for language, rows in sorted(self.texts.items()) for key, text in rows if not text]


def hash_of(language_text: Sequence[Paragraph]) -> str:
    """The hash of one language version."""
    return canonical.digest([[key, text] for key, text in language_text])


def version_of(texts: Texts, why: str = "") -> Version:
    """A version, its languages compared.

    Raises:
        InputError: no paragraph, an id twice, or languages whose ids differ.
    """
    if not texts or not all(texts.values()):
        raise InputError("a text has at least one paragraph in one language.", where="$.body.texts", code="text")
    ids: list[str] | None = None
    first = sorted(texts)[0]
    for language in sorted(texts):
        keys = [key for key, _ in texts[language]]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice:
            raise InputError(f"paragraph {twice} stands twice.", where=f"$.body.texts.{language}", code="twice")
        if ids is not None and keys != ids:
            odd = sorted(set(keys) ^ set(ids)) or keys
            what = f"{language} has other paragraphs than {first} ({odd[0]}), or another order."
            raise InputError(what, where=f"$.body.texts.{language}", hint="Number them alike.", code="paragraphs")
        ids = keys
    rows = {language: tuple((key, text) for key, text in texts[language]) for language in sorted(texts)}
    return Version(canonical.digest({language: hash_of(text) for language, text in rows.items()}), rows, why)


def changed(version: Version, change: ChangeBody, why: str = "") -> Version:
    """The text with one change made.

    Raises:
        RuleError: no such paragraph, an id that is taken, no words, or a text that would be empty.
    """
    if change.paragraph not in version.ids and not (change.op == "insert_after" and change.paragraph == "start"):
        raise RuleError(f"there is no paragraph {change.paragraph}.", hint=f"There are {', '.join(version.ids)}.")
    if change.op == "delete" and len(version.ids) == 1:
        raise RuleError("a text keeps at least one paragraph.", hint="Withdraw the proposal instead.", code="text")
    if change.op != "delete" and not change.text:
        raise RuleError(f"{change.op} needs words.", hint="Give text: {en: ...}.", code="text")
    if change.op == "insert_after" and (change.id is None or change.id in version.ids):
        raise RuleError("an insertion needs a new id.", hint=f"Not one of {', '.join(version.ids)}.", code="twice")
    strange = sorted(set(change.text) - set(version.texts))
    if strange:
        raise RuleError(f"the text has no {strange[0]} version.", hint=f"It has {', '.join(version.texts)}.")
    texts: dict[str, tuple[Paragraph, ...]] = {}
    for language, rows in version.texts.items():
        words = change.text.get(language, "")
        new: list[Paragraph] = (
            [(str(change.id), words)] if change.op == "insert_after" and change.paragraph == "start" else []
        )
        for key, text in rows:
            if key != change.paragraph:
                new.append((key, text))
            elif change.op == "replace":
                new.append((key, words))
            elif change.op == "insert_after":
                new += [(key, text), (str(change.id), words)]
        texts[language] = tuple(new)
    return version_of(texts, why)


def supplied(version: Version, language: str, words: Mapping[str, str]) -> Version:
    """The text with a language version's missing words put in.

    Raises:
        RuleError: a paragraph that has words already, or that isn't there.
    """
    if language not in version.texts:
        texts = {**version.texts, language: tuple((key, "") for key in version.ids)}
    else:
        texts = dict(version.texts)
    if not words:
        raise RuleError("it supplies no words.", code="text")
    rows = dict(texts[language])
    for key, text in words.items():
        if key not in rows:
            raise RuleError(f"there is no paragraph {key}.", hint=f"There are {', '.join(version.ids)}.")
        if rows[key]:
            raise RuleError(f"{key} has words in {language} already.", hint="Table an amendment.", code="twice")
        rows[key] = text
    texts[language] = tuple(rows.items())
    return version_of(texts, f"words in {language}")


def rebase(change: ChangeBody, base: Version, now: Version) -> tuple[ChangeBody | None, str]:
    """The same change against a newer version, if its paragraph is as it was; else None, and why."""
    if change.paragraph != "start" and change.paragraph not in now.ids:
        return None, f"{change.paragraph} was deleted since."
    if change.op != "insert_after":
        for language, rows in base.texts.items():
            if dict(rows).get(change.paragraph) != dict(now.texts.get(language, ())).get(change.paragraph):
                return None, f"{change.paragraph} says something else now."
    if change.op == "insert_after" and change.id in now.ids:
        return None, f"{change.id} is taken now."
    return change, f"the same change holds against version {now.hash[:16]}."
