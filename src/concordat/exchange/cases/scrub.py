"""Which contact details stand in a text, and the text without them.

Taken out, and counted by kind: e-mail addresses, also `mailto:`, percent-encoded (`name%40host.org`), as entities
(`name&#64;host.org`) and spelt (`name (at) host.org`, `name at host dot org`); telephone numbers, that is runs of at
least nine digits with spaces, dots, hyphens or brackets between them; `@handles`. In addresses of the web, and in DOIs,
only e-mail addresses are taken out, since digits and `@` belong there. Each becomes `[contact removed]`; in an address
of the web `[contact%20removed]`, so that it stays one word.

It errs towards taking out: a figure written as `412 000 000` looks like a telephone number, so figures belong in keys
of their own. It does not find names of people, postal addresses, or numbers written in words. Exchange.md, section 6.

    >>> scrub("Ask ana@example.org, +55 61 91234-5678 or @ana; see https://a.org/@ana/2021-03371")[0]
    'Ask [contact removed], [contact removed] or [contact removed]; see https://a.org/@ana/2021-03371'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MARK = "[contact removed]"
MARK_IN_URL = "[contact%20removed]"
ROUNDS_MAX = 5
DATES_MAX = 60  # characters: five days in a row
KINDS = ("email", "telephone", "handle")

# Letters that look like nothing and would hide an address from the patterns: zero-width space, word joiner, byte order
# mark, soft hyphen. (The zero-width joiners stay: Hindi and Persian are written with them.)
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
_AT = r"(?:@|＠|﹫|%(?:25)*40|&#0*64;|&#x0*40;|&commat;)"
_LOCAL = r"[^\s@＠﹫/?=<>()\[\]{},;:\"'|\\]"
# A host may be spelt with other dots (ideographic, full width): browsers and mail programs read them as dots.
_HOST = r"[\w-]{1,63}(?:[.。．｡][\w-]{1,63}){1,12}"
_OPEN, _CLOSE = r"\s{0,3}[(\[{<]\s{0,3}", r"\s{0,3}[)\]}>]\s{0,3}"
_DOT = "(?:dot|ponto|punto|point|punkt)"
_SPELT_DOT = rf"(?:{_OPEN}{_DOT}{_CLOSE}|\s{{1,3}}{_DOT}\s{{1,3}})"
# Every repetition is bounded, so that no text costs more than a constant times its length.
_EMAIL = re.compile(
    rf"mailto:[^\s<>\"']+"
    rf"|(?:\"[^\"\n]{{1,64}}\"|{_LOCAL}{{1,128}}?){_AT}(?:{_HOST}|\[[0-9a-fA-F.:]{{3,60}}\])"
    rf"|[\w.+-]{{1,64}}{_OPEN}(?:at|arroba|a|@){_CLOSE}[\w-]{{1,63}}(?:(?:\.|{_SPELT_DOT})[\w-]{{1,63}}){{1,12}}"
    rf"|[\w.+-]{{1,64}}\s{{1,3}}at\s{{1,3}}[\w-]{{1,63}}(?:\s{{1,3}}dot\s{{1,3}}[\w-]{{1,63}}){{1,12}}",
    re.IGNORECASE,
)
# Without one of these there is no e-mail address in a text.
_HINT = re.compile(
    rf"mailto:|{_AT}|[(\[{{<]\s{{0,3}}(?:at|arroba|a)\s{{0,3}}[)\]}}>]|\sat\s.{{1,70}}\sdot\s", re.I | re.S
)
_WEB = re.compile(
    r"(?:https?|ftp)://[^\s<>\"]+|\bwww\.[^\s<>\"]+|\bdoi:\s?\S+|\b10\.[0-9]{4,9}/\S+"
    r"|(?<![\w.@＠-])(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}/[^\s<>\"]*",
    re.IGNORECASE,
)
# Brackets, dots and hyphens of several scripts may stand between digits; a slash or a comma may not.
# The digits of any script count; letters may follow at once (an extension), and a dot may stand before.
_TELEPHONE = re.compile(
    r"(?<![\w])(?<!\d\.)\(?(?:\+|00)?\s?\(?\d(?:[\s().\u00a0\u2010-\u2015\u2212-]{0,3}\d){8,}(?!\d)"
)
# Years and days in a row have as many digits as a telephone number, and are none.
_DATES = re.compile(r"[\s(]*(?:(?:19|20)[0-9]{2}(?:[-.](?:0?[1-9]|1[0-2])(?:[-.][0-3]?[0-9])?)?[\s()\u2010-\u2015-]*)+")
_HANDLE = re.compile(r"(?<![\w@/.])(?:[@＠]\w(?:[\w.-]*\w)?)+")


@dataclass(frozen=True, slots=True)
class Removed:
    """How many contact details were taken out, by field and kind; false where none was."""

    counts: Mapping[tuple[str, str], int]

    def __bool__(self) -> bool:
        return bool(self.counts)

    @property
    def total(self) -> int:
        """How many in all."""
        return sum(self.counts.values())

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields in which there were any."""
        return tuple(sorted({path for path, _ in self.counts}))

    def plus(self, path: str, counted: Mapping[str, int]) -> Removed:
        """These and those of one more text."""
        counts = dict(self.counts)
        for kind, number in counted.items():
            counts[path, kind] = counts.get((path, kind), 0) + number
        return Removed(counts)

    def by_kind(self) -> dict[str, int]:
        """How many of each kind, in the order of `KINDS`."""
        sums = {kind: sum(n for (_, k), n in self.counts.items() if k == kind) for kind in KINDS}
        return {kind: number for kind, number in sums.items() if number}


def scrub(text: str) -> tuple[str, dict[str, int]]:
    """The text without contact details, and how many of each kind were taken out.

    Texts without any are given back as they are, but for letters that have no width.
    """
    counts: dict[str, int] = {}
    text = _INVISIBLE.sub("", text)
    for _ in range(ROUNDS_MAX):  # what stood beside one that was taken out may now be seen as one itself
        found = _once(text, counts)
        if found == text:
            break
        text = found
    return text, counts


def _once(text: str, counts: dict[str, int]) -> str:
    pieces, end = [], 0
    for found in _WEB.finditer(text):
        pieces.append(_prose(text[end : found.start()], counts))
        pieces.append(_drop(_EMAIL, found.group(), "email", counts, MARK_IN_URL))
        end = found.end()
    pieces.append(_prose(text[end:], counts))
    joined = "".join(pieces)
    # An address may be split by what looked like a link (`a@b.org/c`): what is left of it goes as well.
    return _drop(_EMAIL, joined, "email", counts, MARK)


def _prose(text: str, counts: dict[str, int]) -> str:
    text = _drop(_EMAIL, text, "email", counts, MARK)
    text = _drop(_TELEPHONE, text, "telephone", counts, MARK)
    return _drop(_HANDLE, text, "handle", counts, MARK)


def _drop(pattern: re.Pattern[str], text: str, kind: str, counts: dict[str, int], mark: str) -> str:
    """The text with what the pattern finds replaced; the spaces at the edges of a find stay."""
    if kind == "email" and not _HINT.search(text):
        return text

    def replace(match: re.Match[str]) -> str:
        found = match.group()
        if kind == "telephone" and len(found) <= DATES_MAX and _DATES.fullmatch(found):
            return found
        counts[kind] = counts.get(kind, 0) + 1
        bare = found.strip()
        return found.replace(bare, mark)

    return pattern.sub(replace, text)
