"""The words of the report, by language: message catalogues in `report/_data/messages/<language>/*.yaml`.

All files of a language are merged; each owner keeps one file (`page.yaml`, `standing.yaml`, ...) and no key may stand
in two. A message is text with named places, `"{bloc} has {count} members"`, or a mapping of CLDR plural forms chosen by
the number `count`: `{one: "{count} member", other: "{count} members"}`. Numbers enter only as `Num`, so that each stays
traceable; a language without a key falls back to English; a missing key or value is a fault of the program.

English is what the others are translated from. A file of another language says `status: unverified` until a speaker has
read it, and the report says so (`unread`).

    >>> Messages("en").plain("page.contents")
    'Contents'
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, TypeAlias

from concordat.figures.numbers import format_num, in_sentence, locale_of, number_text
from concordat.report.chapter import Cite, Code, Num, Run, Runs
from concordat.settings import Document, parse_yaml

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

Value: TypeAlias = str | Num | Code | Cite | Runs
Entry: TypeAlias = str | dict[str, str]

STATUSES = ("verified", "unverified")

# In YAML a doubled brace stands for the brace itself, as in Python's own templates.
_PLACE = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")


class Messages:
    """The catalogue of one language, English where it has no words of its own."""

    def __init__(self, language: str = "en") -> None:
        self.language = language
        entries = dict(_catalogue("en"))
        base = language.split("-")[0].split("_")[0]
        for name in dict.fromkeys((base, language)):
            if name != "en":
                entries |= _catalogue(name)
        self._entries: dict[str, Entry] = entries
        self.unread = any(catalogue_status(name) == "unverified" for name in (base, language))

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def text(self, key: str, **values: Value) -> Runs:
        """The message as runs: its words, with numbers, codes and citations in their places."""
        return self._filled(key, self._template(key, values.get("count")), values)

    def _filled(self, key: str, template: str, values: dict[str, Value]) -> Runs:
        used: set[str] = set()
        runs: list[Run] = []
        end = 0
        for place in _PLACE.finditer(template):
            runs.append(template[end : place.start()])
            end = place.end()
            name = place.group(1)
            if name is None:
                runs.append(place.group()[0])
                continue
            assert name in values, f"{key}: no value for {{{name}}}"
            used.add(name)
            value = values[name]
            runs.extend(value if isinstance(value, tuple) else (value,))
        runs.append(template[end:])
        unused = set(values) - used - {"count"}
        assert not unused, f"{key}: has no place for {sorted(unused)}"
        return joined(runs)

    def plain(self, key: str, **values: str | int) -> str:
        """The message as one text, for titles, labels and alternative texts whose numbers stand in a table beside."""
        template = self._template(key, values.get("count"))
        said: dict[str, Value] = {
            name: number_text(value, "count", self.language) if isinstance(value, int) else value
            for name, value in values.items()
        }
        return "".join(run for run in self._filled(key, template, said) if isinstance(run, str))

    def listed(self, names: Iterable[str], separator: str = "page.list_comma") -> str:
        """Names in a list: `Brazil, India, South Africa`."""
        return self.plain(separator).join(names)

    def listed_and(self, names: Iterable[str]) -> str:
        """Names in a list that a sentence ends: `Brazil, India and South Africa`."""
        *first, last = names
        if not first:
            return last
        # Spanish: "y" becomes "e" before the sound i (Ortografía de la lengua española, 2010, on conjunctions).
        before_i = last[:1] in ("I", "Í", "i", "í")
        joint = self.plain("page.list_last_before_i" if before_i else "page.list_last")
        return self.listed(first) + joint + last

    def sentences(self, *sentences: Runs) -> Runs:
        """Sentences one after the other; some scripts leave no space between them."""
        gap = self.plain("page.sentence_gap")
        runs: list[Run] = []
        for sentence in sentences:
            runs += [gap, *sentence] if runs and gap else sentence
        return tuple(runs)

    def number(self, num: Num) -> str:
        """A number as text in this language, for alternative texts (prefer runs wherever a reader sees it)."""
        return in_sentence(format_num(num, self.language), self.language)

    def _template(self, key: str, count: object) -> str:
        assert key in self._entries, f"no message {key}"
        entry = self._entries[key]
        if isinstance(entry, str):
            return entry
        number = count.value if isinstance(count, Num) else count
        assert isinstance(number, (int, float)), f"{key}: count must be a number"
        form = str(locale_of(self.language).plural_form(number))
        return entry.get(form, entry["other"])


def joined(runs: list[Run] | Runs) -> Runs:
    """Runs with neighbouring texts made one and empty ones left out."""
    merged: list[Run] = []
    for run in runs:
        if isinstance(run, str):
            if not run:
                continue
            if merged and isinstance(merged[-1], str):
                merged[-1] += run
                continue
        assert isinstance(run, (str, Num, Code, Cite)), f"{run!r} is not a run; a number must be a Num"
        merged.append(run)
    return tuple(merged)


def lowered(name: str) -> str:
    """A name inside a sentence: its first letter small, unless it begins with an abbreviation.

    >>> lowered("Population"), lowered("GDP at purchasing power parity")
    ('population', 'GDP at purchasing power parity')
    """
    return name if name[1:2].isupper() or name[1:2].isdigit() else name[:1].lower() + name[1:]


@lru_cache(maxsize=32)
def catalogue_status(language: str) -> str:
    """`unverified` while some file of a language has not been read by a speaker; else `verified`."""
    found = {_read(file).value.get("status", "verified") for file in _files(language)}
    assert found <= set(STATUSES), f"{language}: status must be one of {STATUSES}"
    return "unverified" if "unverified" in found else "verified"


@lru_cache(maxsize=32)
def _catalogue(language: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for file in _files(language):
        document = _read(file)
        for key, entry in document.value["messages"].items():
            assert key not in entries, f"{document.place('messages', key)}: {key} stands in another file too"
            assert isinstance(entry, str) or "other" in entry, f"{document.place('messages', key)}: no text"
            entries[key] = entry
    return entries


def _files(language: str) -> list[Traversable]:
    """The files of a language; none for a tag without a folder."""
    folder = resources.files("concordat.report") / "_data" / "messages" / language
    if not language.replace("-", "").isalnum() or not folder.is_dir():
        assert language != "en"
        return []
    return sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)


@lru_cache(maxsize=64)
def _read(file: Traversable) -> Document:
    document = parse_yaml(file.read_bytes(), where=file.name, schema="messages@1")
    unknown = set(document.value) - {"schema", "status", "messages"}
    assert not unknown, f"{file.name}: unknown keys {sorted(unknown)}"
    return document
