"""From articles to units with addresses: who is whose part, what is numbered how, and where it stands in the file.

An id is `<instrument>/<number>[/<paragraph>[/<point>]]`; a chapter is `<instrument>/ch<number>`, an annex
`<instrument>/annex-<number>`. A number that stands twice gets `~2`, `~3`. Ids depend on the bytes alone.

Numbered paragraphs are the longest increasing run of numbers at the start of a line, points the run a, b, c below them:
a footnote's number or a Roman sub-point between them belongs to neither and stays in the text it stands in. The text of
a paragraph is a verbatim piece of its article's, without its own number.

    >>> build = Builder("depa", "en", "0" * 64, where="depa.txt")
    >>> _ = build.article("4.3", "Data", "1. Each Party shall allow it.\\n2. Save:\\n(a) to protect;\\n(b) to tax.")
    >>> [(unit.id, unit.text) for unit in build.units[1:]]  # doctest: +NORMALIZE_WHITESPACE
    [('depa/4.3/1', 'Each Party shall allow it.'), ('depa/4.3/2', 'Save:\\n(a) to protect;\\n(b) to tax.'),
     ('depa/4.3/2/a', 'to protect;'), ('depa/4.3/2/b', 'to tax.')]
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from concordat.errors import InputError
from concordat.rulebook.model import ParsedInstrument, Source, Unit

UNITS_MAX = 20_000
BYTES_MAX = 50_000_000

# The ways to number a paragraph: 1. (1) 1) 1 - 一、 （一） and, in article 4.3, 4.3.1. The first that makes a run is
# taken. A line break is looked at, not taken, as the next number begins with it.
_NUMBERED = re.compile(
    r"\n(?:(\d{1,3})\.(?: |(?=\n)|$)|[(（](\d{1,3})[)）] ?|(\d{1,3})[)）、．] ?|(\d{1,3}) [-–—] "
    r"|([一二三四五六七八九十]{1,3})、 ?|[(（]([一二三四五六七八九十]{1,3})[)）] ?|(\d{1,3}(?:\.\d{1,3})+)\.? )"
)
_DOTTED = 7
_POINT = re.compile(r"\n\(?([a-zа-яё]{1,4})\)(?: |(?=\n)|$)")
_POINT_HERE = re.compile(r"\(([aа])\)(?: |(?=\n))")
_CYRILLIC = "абвгдежзиклмнопрстуфхцчшщэюя"
_LATIN = "abcdefghijklmnopqrstuvwxyz"


class Builder:
    """Collects the units of one instrument in the order of the file.

    Args:
        blob: SHA-256 of the raw file. where: the file's name, for messages.
        ranges: whether byte ranges of the raw file are known.
    """

    def __init__(self, instrument: str, lang: str, blob: str, *, where: str, ranges: bool = True) -> None:
        self.instrument = instrument
        self.lang = lang
        self.where = where
        self.units: list[Unit] = []
        self._blob = blob
        self._ranges = ranges
        self._nowhere = Source(blob)
        self._taken: dict[str, int] = {}
        self._twice: list[str] = []

    def add(
        self,
        key: str,
        kind: str,
        number: str,
        heading: str,
        text: str,
        *,
        parent: str = "",
        span: tuple[int, int] = (0, 0),
        alternative: str = "",
    ) -> str:
        """One unit; its id.

        Args:
            key: the id without a mark for duplicates. span: bytes of the raw file.

        Raises:
            InputError: more than 20,000 units.
        """
        source = Source(self._blob, *span) if self._ranges and span[1] else self._nowhere
        return self._add(key, kind, number, heading, text, parent, source, alternative)

    def _add(
        self, key: str, kind: str, number: str, heading: str, text: str, parent: str, source: Source, alternative: str
    ) -> str:
        order = len(self.units)
        if order == UNITS_MAX:
            what = f"holds more than {UNITS_MAX:,} units (articles, paragraphs, points)."
            raise InputError(what, where=self.where, hint="Split the file and load its parts.", code="too_large")
        name = key
        if key in self._taken:
            self._taken[key] += 1
            name = f"{key}~{self._taken[key]}"
            if kind == "article":
                self._twice.append(name.removeprefix(f"{self.instrument}/"))
        else:
            self._taken[key] = 1
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        inst, lang = self.instrument, self.lang
        self.units.append(
            Unit(name, inst, kind, number, heading, text, lang, order, parent, digest, source, alternative)
        )
        return name

    def chapter(
        self,
        key: str,
        number: str,
        heading: str,
        text: str = "",
        *,
        parent: str = "",
        span: tuple[int, int] = (0, 0),
        alternative: str = "",
    ) -> str:
        """A chapter, or a section of one; its text is what stands before its first article."""
        full = f"{self.instrument}/ch{key}"
        return self.add(full, "chapter", number, heading, text, parent=parent, span=span, alternative=alternative)

    def article(
        self,
        number: str,
        heading: str,
        text: str,
        *,
        key: str = "",
        kind: str = "article",
        under: str = "",
        parent: str = "",
        span: tuple[int, int] = (0, 0),
        alternative: str = "",
    ) -> str:
        """An article (or annex, or paragraph of a text without articles) with its paragraphs and points.

        Args:
            key: what its id ends with, where that isn't its number. under: an annex whose id stands in front of it.
        """
        full = f"{under or self.instrument}/{key or slug(number)}"
        name = self.add(full, kind, number, heading, text, parent=parent, span=span, alternative=alternative)
        source = self.units[-1].source
        for own, start, end, letters in paragraphs(text, number):
            below = name
            if own:
                below = self._add(f"{name}/{own}", "paragraph", own, "", text[start:end], name, source, "")
            for letter, first, last in letters:
                self._add(f"{below}/{letter}", "paragraph", letter, "", text[first:last], below, source, "")
        return name

    def done(
        self, title: str, facts: Mapping[str, str], warnings: Sequence[str] = (), parties: Sequence[str] = ()
    ) -> ParsedInstrument:
        """All that was collected.

        Raises:
            InputError: not one unit.
        """
        if not self.units:
            hint = "Look whether it is the right file."
            raise InputError("no text is in it.", where=self.where, hint=hint, code="empty")
        told = list(warnings)
        if self._twice:
            some = ", ".join(self._twice[:5]) + (", ..." if len(self._twice) > 5 else "")
            told.append(f"{self.where}: article numbers that stand more than once are kept with a mark: {some}.")
        known = {name: value for name, value in facts.items() if value}
        return ParsedInstrument(
            self.instrument, title, self.lang, tuple(self.units), known, tuple(parties), tuple(told)
        )


def blob_of(data: bytes, where: str) -> str:
    """The SHA-256 of a raw file that isn't empty or too large.

    Raises:
        InputError: it is one of these.
    """
    if not data.strip():
        raise InputError("the file is empty.", where=where, hint="Load the file with the text.", code="empty")
    if len(data) > BYTES_MAX:
        what = f"has {len(data):,} bytes; the limit is {BYTES_MAX:,}."
        raise InputError(what, where=where, hint="Load its parts one by one.", code="too_large")
    return hashlib.sha256(data).hexdigest()


def slug(number: str) -> str:
    """A number as part of an id: no blanks, no slashes; "0" where there is none.

    >>> slug("9 bis"), slug("13.4"), slug("")
    ('9bis', '13.4', '0')
    """
    return re.sub(r"[\s/]+", "", number) or "0"


Part = tuple[str, int, int, list[tuple[str, int, int]]]


def paragraphs(text: str, article: str = "") -> list[Part]:
    """(number, start, end, points) of each numbered paragraph; number "" for points of an article without any."""
    # Patterns that begin with a line break are searched far faster than ones that begin with ^. With a break before
    # the text, a match starts where its line starts in the text, and ends one behind.
    broken = f"\n{text}"
    pointed = "a)" in text or "а)" in text  # Latin, Cyrillic
    letters = list(_POINT.finditer(broken)) if pointed else []
    styles: dict[int, list[re.Match[str]]] = {}
    for m in _NUMBERED.finditer(broken):
        style = m.lastindex or 0
        if style != _DOTTED or m[style].startswith(f"{article}."):
            styles.setdefault(style, []).append(m)
    for style in sorted(styles):
        found = styles[style]
        values = [chinese(m[style].rpartition(".")[2]) for m in found]
        run = range(len(values)) if values == list(range(1, len(values) + 1)) else longest_increasing(values)
        first = values[run[0]]
        if first > 2 or (len(run) == 1 and first != 1):
            continue
        ends = [found[i].start() - 1 for i in run[1:]] + [len(text)]
        starts = [found[i].end() - 1 for i in run]
        return [
            (str(values[i]), _past(text, start), end, points(text, start, end, letters) if pointed else [])
            for i, start, end in zip(run, starts, ends, strict=True)
            if start < end
        ]
    alone = points(text, 0, len(text), letters) if pointed else []
    return [("", 0, len(text), alone)] if alone else []


def _past(text: str, at: int) -> int:
    """The place behind a line break, where one stands there."""
    return at + (text[at] == "\n")


def points(text: str, start: int, end: int, found: Sequence[re.Match[str]]) -> list[tuple[str, int, int]]:
    """(letter, start, end) of the points a, b, c between two places, of all that begin a line."""
    inside = [(m[1], m.start(), m.end() - 1) for m in found if start <= m.start() < end]
    here = _POINT_HERE.match(text, start, end) if start and text[start - 1] != "\n" else None  # 1. (a) on one line
    if here:
        inside.insert(0, (here[1], start, here.end()))
    if not inside:
        return []
    letters = _CYRILLIC if inside[0][0] == "а" else _LATIN
    chosen: list[tuple[str, int, int]] = []
    for at, point in enumerate(inside):
        roman = point[0] == "i" and inside[at + 1 : at + 2] and inside[at + 1][0] == "ii"
        if point[0] == _letter(letters, len(chosen)) and not roman:
            chosen.append(point)
    ends = [begin - 1 for _, begin, _ in chosen[1:]] + [end]
    return [
        (letter, _past(text, first), stop)
        for (letter, _, first), stop in zip(chosen, ends, strict=False)
        if first < stop
    ]


def _letter(letters: str, count: int) -> str:
    """a to z, then aa to zz."""
    round_, place = divmod(count, len(letters))
    return letters[place] * (round_ + 1)


_DIGITS = {sign: value for value, sign in enumerate("〇一二三四五六七八九")}


def chinese(number: str) -> int:
    """The value of a number in digits or in Chinese numerals up to 999; 0 if it is none.

    >>> [chinese(number) for number in ("12", "十", "二十三", "一百零五")]
    [12, 10, 23, 105]
    """
    if number.isdecimal():
        return int(number)
    total = digit = 0
    for sign in number:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
        elif sign in "十百":
            total += (digit or 1) * (10 if sign == "十" else 100)
            digit = 0
        elif sign != "零":
            return 0
    return total + digit


def longest_increasing(values: Sequence[int]) -> list[int]:
    """The places of a longest strictly increasing run (patience sorting); of several, the one with the smallest values.

    >>> longest_increasing([1, 6, 2, 3])
    [0, 2, 3]
    """
    tails: list[int] = []
    places: list[int] = []
    before: list[int] = []
    for at, value in enumerate(values):
        height = bisect_left(tails, value)
        before.append(places[height - 1] if height else -1)
        if height == len(tails):
            tails.append(value)
            places.append(at)
        elif value < tails[height]:
            tails[height] = value
            places[height] = at
    run = []
    at = places[-1] if places else -1
    while at >= 0:
        run.append(at)
        at = before[at]
    return run[::-1]
