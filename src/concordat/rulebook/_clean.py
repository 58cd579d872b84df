"""What do the bytes of a rule text say, once the marks of its page are taken off?

Text is decoded (UTF-8, else what the file declares, else a guess that is named), soft line breaks are joined, page
numbers and lines repeated at the edge of the pages are dropped, footnote digits glued to a heading are cut off. The
language is guessed by counting function words; sentences are found with their offsets, so that a quotation is always
verbatim.

It works on single lines and words, knows nothing of articles, and corrects no spelling or OCR fault.

    >>> tidy("1. Each Party shall\\nallow transfers.\\n2. This is\\n\\nall.")
    '1. Each Party shall allow transfers.\\n2. This is all.'
    >>> text = "Art. 5 applies. It ends (see No. 3). Enough."
    >>> [text[start:end] for start, end in sentences(text)]
    ['Art. 5 applies.', 'It ends (see No. 3).', 'Enough.']
    >>> guess_language("Cada Parte permitirá el acceso a los datos y a las redes.")[0]
    'es'
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Literal

from concordat.errors import InputError

Blank = Literal["soft", "hard", "always"]
MARGIN_MIN = 0.1  # section 4: below it the person must say which language it is
SAMPLE = 200_000  # characters that the guess of a language looks at
FURNITURE_SHARE = 0.6  # section 4: repeated on so many pages at the same edge
EDGE_LINES = 3
WORD_MAX = 80  # characters of a line's end in which a cut word is looked for
HEADING_MAX = 500  # characters; a longer one is text, and isn't searched for footnote digits

# Function words that few of the other five languages share: a shared one (de, que, la) would only dull the margin.
FUNCTION_WORDS = {
    "en": "the of and to in shall for by with that be is or any this which from not its under each such are it may",
    "es": "el los las del y una con su sus al lo según sin más cada este esta estos dichas dicho sobre podrá deberá",
    "fr": "le les des du et une dans pour par sur est aux au ce cette qui leur leurs elle chaque ou il sont ses dont",
    "pt": "os da das dos e uma um com não em na nas ao aos pelo pela são sua seu deverá poderá ou às nos num",
    "ru": "и в на с по для не от о к что или при их его между из каждая если является к также быть которые",
    "zh": "的 和 在 或 与 不 为 及 其 以 对 由 各 应 方 本 是 有 中",
}
_FUNCTION = {lang: frozenset(words.split()) for lang, words in FUNCTION_WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+")
_HAN = re.compile(r"[\u3400-\u9fff]")

# --- Bytes to text ------------------------------------------------------------------------------------------------

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
GUESSES = ("gb18030", "cp1251", "cp1252")


def decode(data: bytes, *, where: str, declared: str = "") -> tuple[str, str, int, tuple[str, ...]]:
    """Text, its encoding, the length of the byte-order mark, and a warning where the encoding was guessed.

    Raises:
        InputError: neither UTF-8 nor what the file declares, nor one of `GUESSES` with words of its language in it.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding, where, len(mark)), encoding, len(mark), ()
    try:
        return data.decode("utf-8"), "utf-8", 0, ()
    except UnicodeDecodeError as error:
        failed = error.start
    if declared and declared.lower().replace("_", "-") not in ("utf-8", "utf8"):
        return _strictly(data, declared, where, 0), declared, 0, ()
    guess = "" if declared else _guess_encoding(data)
    if not guess:
        raise _undecodable(failed, declared or "UTF-8", where)
    warning = (
        f"{where}: byte {failed} is not UTF-8; read as {guess}, which is a guess. Save the file as UTF-8 to be sure."
    )
    return data.decode(guess), guess, 0, (warning,)


def _strictly(data: bytes, encoding: str, where: str, offset: int) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(offset + error.start, encoding, where) from None
    except LookupError:
        hint = "Save it as UTF-8."
        raise InputError(f'"{encoding}" is not an encoding we know.', where=where, hint=hint, code="encoding") from None


def _undecodable(byte: int, encoding: str, where: str) -> InputError:
    hint = "Save it as UTF-8 and load it again."
    return InputError(f"byte {byte} can't be read as {encoding}.", where=where, hint=hint, code="encoding")


def _guess_encoding(data: bytes) -> str:
    """The encoding in which the bytes hold most function words of a language that is written in it; "" if none."""
    if b"\x00" in data:
        return ""
    expected = {"gb18030": ("zh",), "cp1251": ("ru",), "cp1252": ("en", "es", "fr", "pt")}
    found: list[tuple[int, int, str]] = []
    for order, encoding in enumerate(GUESSES):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        counts = function_words(text)
        found.append((max(counts[lang] for lang in expected[encoding]), -order, encoding))
    best = max(found, default=(0, 0, ""))
    return best[2] if best[0] else ""


# --- Lines to paragraphs ------------------------------------------------------------------------------------------

_SPACES = (
    "\t",
    "\r",
    "\x0b",
    "\x0c",
    "\x85",
    "\xa0",
    "\u1680",
    "\u202f",
    "\u205f",
    "\u3000",
    "\u2028",
    "\u2029",
    *map(chr, range(0x2000, 0x200B)),
)
_NOTHING = (
    "\xad",
    "\u200b",
    "\u200c",
    "\u200d",
    "\u2060",
    "\ufeff",
    *map(chr, range(9)),
    *map(chr, range(0xE, 0x20)),
    "\x7f",
)
# What begins a paragraph or a point: 1. 1) (1) 4.3.1 (a) a) (iv) and bullets; in Chinese 一、 and （一）.
MARK = (
    r"(?:\(?\d{1,3}(?:\.\d{1,3})*[.)](?:\s|$)|\d{1,3}(?:\.\d{1,3})+\s|\d{1,3}\s[-–—]\s|\(\w{1,5}\)|\w{1,2}[).]\s"
    r"|[ivx]{1,5}[).]\s|[•·▪●○–—\-]\s|（|[一二三四五六七八九十]+、|\d{1,3}[、．])"
)
_LOWER = "a-zß-öø-ÿа-яё"
_ENDS = ".;:!?…。；：！？"
# The newline stands first in each pattern, as a search for a literal is many times faster than one for a look-behind.
_SINGLE_SOFT = re.compile(rf"\n(?<![\n{_ENDS}]\n)(?!\n|{MARK})|\n(?<!\n\n)(?=[{_LOWER}0-9])(?!{MARK})")
_BLANK_SOFT = re.compile(rf"\n\n(?<![{_ENDS}”\"’)]\n\n)(?:(?<=[{_LOWER}]\n\n)|(?<=,\n\n)(?=[{_LOWER}]))(?!{MARK})")
_BLANK_SMALL = re.compile(rf"\n\n(?<![{_ENDS}]\n\n)(?=[{_LOWER}])(?!{MARK})")
# A paragraph's mark alone on a line belongs to the line below it.
_LONE_MARK = re.compile(rf"\n(\(\w{{1,4}}\)|\d{{1,3}}(?:\.\d{{1,3}})*\.|\w\))\n(?!{MARK})")
_HAN_JOINT = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\x00(?=[\u3000-\u9fff\uff00-\uffef])")
_LONE_NUMBER = re.compile(r"\n *(?:[-–—] *)?(\d{1,4}) *(?:[-–—] *)?(?=\n|$)")


def plain(text: str) -> str:
    """Composed letters (NFC), every blank a space, no invisible signs; line breaks as `\\n`, no blank beside them."""
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    for sign in _SPACES:
        if sign in text:
            text = text.replace(sign, " ")
    for sign in _NOTHING:
        if sign in text:
            text = text.replace(sign, "")
    while "  " in text:
        text = text.replace("  ", " ")
    return text.replace(" \n", "\n").replace("\n ", "\n").strip()


def tidy(text: str, *, lang: str = "", blank: Blank = "soft") -> str:
    """Normalised text: one line a paragraph or point, soft line breaks joined.

    A break is soft unless the line before ends a sentence or the next one begins with a mark such as `2.` or `(b)`.

    Args:
        lang: in "zh" lines are joined without a blank.
        blank: what a blank line does. "soft": it divides after the end of a sentence or before a mark (text got from
            PDFs, with a blank line after each line); "hard": it divides but before a small letter; "always": so it
            does.
    """
    text = plain(text)
    if "\n" not in text:
        return text
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    if blank != "always" and "\n\n" in text:
        text = (_BLANK_SOFT if blank == "soft" else _BLANK_SMALL).sub("\x00", text)
    text = _SINGLE_SOFT.sub("\x00", text)
    if lang == "zh":
        text = _HAN_JOINT.sub("", text)
    text = text.replace("\x00", " ").replace("\n\n", "\n")
    return _LONE_MARK.sub(r"\n\1 ", f"\n{text}")[1:]


# --- Page furniture -----------------------------------------------------------------------------------------------


def running(numbers: Sequence[int]) -> list[bool]:
    """Which of some lone numbers, in the order of the file, run on: a neighbour is one to three away, in order."""
    steps = [0 < after - before <= 3 for before, after in pairwise(numbers)]
    return [(i > 0 and steps[i - 1]) or (i < len(steps) and steps[i]) for i in range(len(numbers))]


def without_page_numbers(texts: Sequence[str]) -> list[str]:
    """Texts that follow one another in a file, without the running numbers that stand alone on a line."""
    found = [(t, m) for t, text in enumerate(texts) for m in _LONE_NUMBER.finditer(text)]
    keep = running([int(m[1]) for _, m in found])
    cut = list(texts)
    for (t, m), runs in reversed(list(zip(found, keep, strict=True))):
        if runs:
            cut[t] = cut[t][: m.start()] + cut[t][m.end() :]
    return cut


def without_furniture(pages: Sequence[Sequence[str]], heads: re.Pattern[str] | None = None) -> list[list[str]]:
    """Pages of lines without those that at least 60% of them repeat at the same edge, page numbers included.

    Digits count as equal (`Page 3 of 40`), except in a line that `heads` knows: an article may begin on every page.
    """
    if len(pages) < 3:
        return [list(page) for page in pages]

    def key(line: str) -> str:
        return line if heads is not None and heads.match(line) else re.sub(r"\d+", "#", line)

    counts: Counter[tuple[int, str]] = Counter()
    for page in pages:
        counts.update({(place, key(page[at])) for place, at in _edges(page) if page[at]})
    need = FURNITURE_SHARE * len(pages)
    result = []
    for page in pages:
        drop = {at for place, at in _edges(page) if page[at] and counts[place, key(page[at])] >= need}
        result.append([line for at, line in enumerate(page) if at not in drop])
    return result


def _edges(page: Sequence[str]) -> list[tuple[int, int]]:
    """(place from the edge, index) of the outer lines of a page: 1, 2, 3 from above, -1, -2, -3 from below."""
    filled = [at for at, line in enumerate(page) if line]
    above = list(enumerate(filled[:EDGE_LINES], start=1))
    return above + [(-place, at) for place, at in enumerate(reversed(filled[-EDGE_LINES:]), start=1)]


_HYPHEN_END = re.compile(r"([^\W\d_]+)[-‐]$")
_WORD_START = re.compile(r"([^\W\d_]+)(\S*) ?")


def without_hyphens(lines: Sequence[str]) -> list[str]:
    """Lines without words cut at their end: the hyphen goes too, if the whole word occurs elsewhere in the text."""
    known = words("\n".join(lines))
    result = list(lines)
    for at in range(len(result) - 1):
        line = result[at]
        tail = len(line) - min(len(line), WORD_MAX)
        cut = _HYPHEN_END.search(line, tail) if line.endswith(("-", "‐")) else None
        rest = _WORD_START.match(result[at + 1]) if cut else None
        if cut is None or rest is None or not rest[1][0].islower():
            continue
        hyphen = "" if (cut[1] + rest[1]).casefold() in known else "-"
        result[at] = line[: cut.end(1)] + hyphen + rest[1] + rest[2]
        result[at + 1] = result[at + 1][rest.end() :]
    return result


# --- Headings -----------------------------------------------------------------------------------------------------

_DIGIT = re.compile(r"\d")
_GLUED = re.compile(r"([^\W\d_]{3,})\d{1,3}(?:[-,;] ?\d{1,3})*(?=$|[\s,;:.)])")


def listed(text: str) -> frozenset[str]:
    """A set of words from a line of them."""
    return frozenset(text.split())


def words(text: str) -> frozenset[str]:
    """The words of a text, casefolded."""
    return frozenset(_WORD.findall(text.casefold()))


class Known:
    """The words that occur in a text; it is searched only when somebody asks."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts
        self._whole: str | None = None

    def __contains__(self, word: object) -> bool:
        if self._whole is None:
            self._whole = "\n".join(self._texts)
        found = str(word)
        # Plain searches for the ways to write a word take a tenth of folding a whole treaty.
        return any(
            self._stands(way) for way in dict.fromkeys((found, found.lower(), found.capitalize(), found.upper()))
        )

    def _stands(self, word: str) -> bool:
        text = self._whole or ""
        at = text.find(word)
        while at >= 0:
            before, after = text[at - 1 : at] if at else "", text[at + len(word) : at + len(word) + 1]
            if not before.isalnum() and not after.isalnum():
                return True
            at = text.find(word, at + 1)
        return False


def heading(text: str, known: Container[str] = frozenset()) -> str:
    """A heading on one line, without its full stop and without footnote digits glued to a known word.

    >>> heading("New Financial  Services3.", frozenset(("services",)))
    'New Financial Services'
    """
    line = " ".join((text if text.isascii() else plain(text)).split())
    if line[:1] == "(" and line[-1:] == ")" and line.count("(") == 1:
        line = line[1:-1]
    line = line.lstrip(":–—- ").rstrip()
    if len(line) <= HEADING_MAX and _DIGIT.search(line) and _GLUED.search(line):
        line = _GLUED.sub(lambda m: m[1] if m[1].casefold() in known or m[1].casefold() in _lexicon() else m[0], line)
    return line.rstrip(". ") if not line.endswith("..") else line


@cache
def _lexicon() -> frozenset[str]:
    """The words of the taxonomy's names and definitions."""
    from concordat.rulebook.taxonomy import load_taxonomy

    return words(" ".join(f"{p.name} {p.definition}" for p in load_taxonomy().provisions.values()))


# --- Language and sentences ---------------------------------------------------------------------------------------


def function_words(text: str) -> dict[str, int]:
    """How many function words of each of the six languages a text holds (its first 200,000 characters)."""
    sample = text[:SAMPLE].casefold()
    counts = Counter(_WORD.findall(sample))
    found = {lang: sum(counts[word] for word in some) for lang, some in _FUNCTION.items() if lang != "zh"}
    return found | {"zh": sum(sign in _FUNCTION["zh"] for sign in _HAN.findall(sample))}


def guess_language(text: str) -> tuple[str, float]:
    """The language with most function words, and its margin: (first - second) / max(first, 10)."""
    ranked = sorted(function_words(text).items(), key=lambda item: -item[1])
    (best, first), (_, second) = ranked[:2]
    return best, (first - second) / max(first, 10)


def language(text: str, *, given: str, declared: str = "", where: str) -> tuple[str, dict[str, str]]:
    """The language of a text, and how it is known: given, declared, or guessed with its margin.

    Raises:
        InputError: neither given nor declared, and the margin of the guess is below 0.1.
    """
    if given or declared:
        return given or declared, {"language_from": "argument" if given else "file"}
    best, margin = guess_language(text)
    if margin < MARGIN_MIN:
        raise InputError(
            f"can't tell the language: the best guess, {best}, leads by {margin:.2f} (0.1 is needed).",
            where=where,
            hint="Say which it is: --lang en, es, fr, pt, zh or ru.",
            code="language",
        )
    return best, {"language_from": "guess", "language_margin": f"{margin:.2f}"}


_STOP = re.compile(r"[.!?…][\"”»’)\]]*(?=\s|$)|[。！？][”」』）\"]*|\n")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[“\"’'.])(?:arts?|no|nos|para|paras|e\.g|i\.e|etc|cf|vol|fig|ch|sec|seq|mr|mrs|dr|prof|inc|ltd|viz|vs|p|pp|ed"
    r"|núms?|ap|inc|sr|sra|dra|ej|págs?|n|al|ss|cap|lit|par|alin|ex|op|св|ст|п|пп|г|гг|т|е|др|пр|см|стр|гл|ч|абз|[^\W\d_])\.$",
    re.IGNORECASE,
)
_ONLY_MARK = re.compile(r"\(?\w{1,4}[.)]$|\d+(?:\.\d+)*\.$")


def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """Start and end of each sentence, without the blanks around it; a line break always ends one.

    A full stop ends none after an abbreviation (Art. 5, núm. 3, ст. 7), after a paragraph's own number, or before a
    small letter; "etc." and the like before a capital therefore don't either.
    """
    found: list[tuple[int, int]] = []
    start = 0
    for stop in _STOP.finditer(text):
        if stop[0][0] == "." and _goes_on(text, start, stop):
            continue
        _keep(found, text, start, stop.end())
        start = stop.end()
    _keep(found, text, start, len(text))
    return tuple(found)


def _goes_on(text: str, start: int, stop: re.Match[str]) -> bool:
    head = text[max(start, stop.start() - 12) : stop.start() + 1]
    after = text[stop.end() : stop.end() + 2].lstrip(" ")[:1]
    if after.islower():
        return True
    if len(stop[0]) > 1:
        return False
    return bool(_ABBREVIATION.search(head)) or bool(_ONLY_MARK.fullmatch(text[start : stop.end()].strip()))


def _keep(found: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    inner = piece.strip()
    if inner:
        at = start + piece.index(inner[0])
        found.append((at, at + len(inner)))


def first_lines(lines: Iterable[str], count: int = 3) -> str:
    """The first lines that hold something, quoted, for a warning."""
    seen = [line.strip() for line in lines if line.strip()][:count]
    return ", ".join(f'"{line[:60]}"' for line in seen)
