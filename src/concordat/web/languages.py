"""The words of the pages, by language: `messages/<language>.po`, and below them those of the yearly report.

A message is named by its context (`msgctxt`), its English text stands as `msgid`, its translation as `msgstr`; the
usual tools for translators read such files. What has no translation yet appears in English. A file that no speaker has
read says so in its header (`X-Status: unverified`), and the footer of every page in it says it too.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from io import BytesIO

from concordat.report.messages import Messages

# The languages on offer, in the order of the list on every page; the first is the one to fall back on.
OFFERED = ("en", "pt", "ar")


class Words(Messages):
    """All words that a page may need in one language."""

    def __init__(self, language: str = "en") -> None:
        super().__init__(language)
        own = _catalogue(language)
        self._entries = {**self._entries, **_catalogue("en"), **own}
        self.missing = frozenset(set(_catalogue("en")) - set(own)) if language != "en" else frozenset()
        self.unread = self.unread or (language != "en" and _status(language) == "unverified")


@lru_cache(maxsize=16)
def words_of(language: str) -> Words:
    """The words of a language on offer."""
    return Words(language)


def choose(accept: str, offered: tuple[str, ...] = OFFERED) -> str:
    """The language on offer that a browser likes best (RFC 9110, 12.5.4); the first one where it likes none.

    >>> choose("de;q=0.9, pt-BR;q=0.8, en;q=0.2"), choose("xx"), choose("ar-EG")
    ('pt', 'en', 'ar')
    """
    best, liked = offered[0], 0.0
    for part in accept[:256].split(","):
        tag, _, rest = part.partition(";")
        base = tag.strip().lower().split("-")[0]
        weight = rest.strip().removeprefix("q=") if rest.strip().startswith("q=") else "1"
        try:
            quality = float(weight)
        except ValueError:
            continue
        if base in offered and liked < quality <= 1.0:
            best, liked = base, quality
    return best


@lru_cache(maxsize=16)
def _catalogue(language: str) -> dict[str, str]:
    return {key: text for key, text in _read(language)[0].items() if text}


def _status(language: str) -> str:
    return _read(language)[1]


@lru_cache(maxsize=16)
def _read(language: str) -> tuple[dict[str, str], str]:
    from babel.messages.pofile import read_po

    file = resources.files("concordat.web") / "messages" / f"{language}.po"
    catalogue = read_po(BytesIO(file.read_bytes()), locale=language.replace("-", "_"))
    headers = dict(catalogue.mime_headers)
    found: dict[str, str] = {}
    for message in catalogue:
        if message.context is None:
            continue
        text = message.id if language == "en" else ("" if message.fuzzy else message.string)
        assert isinstance(text, str), f"{language}.po: {message.context} has plural forms"
        found[message.context] = text
    return found, str(headers.get("X-Status", "verified"))
