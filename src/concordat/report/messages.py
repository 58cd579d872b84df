"""The words of the report, by language: message catalogues in `report/_data/messages/<language>/*.yaml`.

All files of a language are merged; each owner keeps one file (`page.yaml`, `standing.yaml`, ...) and no key may stand
in two. A message is text with named places, `"{bloc} has {count} members"`, or a mapping of CLDR plural forms chosen by
the number `count`: `{one: "{count} member", other: "{count} members"}`. Numbers enter only as `Num`, so that each stays
traceable; a language without a key falls back to English; a missing key or value is a fault of the program.

    >>> Messages("en").plain("page.contents")
    'Contents'
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from typing import TypeAlias

from concordat.figures.numbers import format_num, locale_of
from concordat.report.chapter import Cite, Code, Num, Run, Runs
from concordat.settings import parse_yaml

Value: TypeAlias = str | Num | Code | Cite | Runs
Entry: TypeAlias = str | dict[str, str]

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

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def text(self, key: str, **values: Value) -> Runs:
        """The message as runs: its words, with numbers, codes and citations in their places."""
        template = self._template(key, values)
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

    def plain(self, key: str, **values: str) -> str:
        """The message as one text, for titles, labels and alternative texts whose numbers stand in a table beside."""
        return "".join(run for run in self.text(key, **values) if isinstance(run, str))

    def number(self, num: Num) -> str:
        """A number as text in this language, for alternative texts (prefer runs wherever a reader sees it)."""
        return format_num(num, self.language)

    def _template(self, key: str, values: dict[str, Value]) -> str:
        assert key in self._entries, f"no message {key}"
        entry = self._entries[key]
        if isinstance(entry, str):
            return entry
        count = values.get("count")
        assert isinstance(count, Num), f"{key}: count must be a Num"
        assert count.value is not None, f"{key}: count has no value"
        form = str(locale_of(self.language).plural_form(count.value))
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


@lru_cache(maxsize=32)
def _catalogue(language: str) -> dict[str, Entry]:
    folder = resources.files("concordat.report") / "_data" / "messages" / language
    entries: dict[str, Entry] = {}
    if not language.replace("-", "").isalnum() or not folder.is_dir():
        assert language != "en"
        return entries
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".yaml"):
            continue
        document = parse_yaml(file.read_bytes(), where=file.name, schema="messages@1")
        for key, entry in document.value["messages"].items():
            assert key not in entries, f"{document.place('messages', key)}: {key} stands in another file too"
            assert isinstance(entry, str) or "other" in entry, f"{document.place('messages', key)}: no text"
            entries[key] = entry
    return entries
