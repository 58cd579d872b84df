"""Which lines look like the heading of an article, a chapter, a section or an annex, and what is their title?

One pattern a language and kind (specification, section 4), with the ordinals that its treaties use (`Article
premier`, `Artigo 1.º`, `第五条之一`). What is refused here is what a line says of itself and how the line before ends;
whether its number fits among the others is for `_split`.

    >>> found = candidates(["Article IV", "Digital Trade", "1. Under", "Article 7 of this Agreement."], ("en",))
    >>> [(head.number, head.key, head.title) for head in found.articles]
    [('IV', ((4, 0),), 'Digital Trade')]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from concordat.rulebook.readers._languages import BY_LANGUAGE
from concordat.rulebook.readers._units import chinese

LINE_MAX = 120  # section 4
TITLE_WORDS_MAX = 12
TITLE_SIGNS_MAX = 24  # in Chinese, where a word has about two signs
LANGUAGES = ("en", "es", "fr", "pt", "ru", "zh")
WORDS = ("article", "section", "rule", "principle")
Key = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A heading: its kind and word, number as printed and as a key that sorts, title, first words of its body.

    Attributes:
        line: where it stands. after: the first line of its body. merit: how much it looks like
            one, far below 1. listed: dotted leaders show that it stands in a contents list.
    """

    kind: str
    word: str
    number: str
    key: Key
    title: str
    rest: str
    line: int
    after: int
    merit: float = 0.0
    listed: bool = False


class Candidates(NamedTuple):
    """Articles, articles on long lines, and fences: chapters, sections and annexes."""

    articles: list[Head]
    long: list[Head]
    fences: list[Head]


_BIS = r"(?:\s?(?:bis|ter|quater|quinquies|sexies))"
_NUMBER = rf"\d{{1,4}}{_BIS}?(?:[.\-]\d{{1,3}})*(?:{_BIS}\b|-?[a-zа-я](?!\w))?|[A-Z][.\-]\d+|[IVXLC]+"
_SEPARATOR = r"[\s:.\-–—：．、]*"
_ORDINAL_SIGN = r"(?:\s?er|\.?\s?[ºª°])?"
_ZH_NUMBER = r"(?:[0-9０-９]{1,4}(?:[.．][0-9０-９]{1,3})+|[0-9０-９〇零一二三四五六七八九十百]+)"
_ZH_REFERS = re.compile(
    r"[的所、，,；;。]|第|规定|中[的，]|及|和|与|或|至|款|项|之|以[及外]|[而均]|内|[下前]款|[则时]|不?适用|同样|应适用"
)
_ZH_JOINT = re.compile(r"(?:按照|根据|依照|依据|符合|遵守|违反|适用|和|与|及|或|在|除|至|本协定|本章|本公约|见|的)$")
_LEADERS = re.compile(r"(?:\.\s?){4,}\s*\d*\s*$|…{2,}\s*\d*\s*$|…\s*\d+\s*$|\t\d+$|·{4,}\s*\d*$|_{4,}\s*\d*$")
_ASIDE = re.compile(r"[(（]\s*(?:\d+|[a-zа-я]{1,3})\s*[)）]|[(（][^)）]*[)）]\s*\S", re.IGNORECASE)
_ROMAN = re.compile(r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})$", re.IGNORECASE)
_MARKED = re.compile(r"\d|[(（]|[•·▪●○–—\-]\s|[a-z][.)]\s")
_HAN = re.compile(r"[\u3400-\u9fff]")
_STOPS = (".", "。", ":", "：", ";", "；", ",", "，")


def candidates(texts: Sequence[str], languages: Sequence[str]) -> Candidates:
    """All lines that may be headings, of one or several languages, in the order of the text."""
    found = Candidates([], [], [])
    patterns = [(lang, _patterns(lang)) for lang in languages if lang in BY_LANGUAGE]
    taken = 0  # lines before are a heading's title
    for at, line in enumerate(texts):
        if at < taken or not line:
            continue
        leaders = _LEADERS.search(line) if len(line) <= 2 * LINE_MAX else None
        for lang, pattern in patterns:
            m = pattern.match(line[: leaders.start()] if leaders else line)
            head = _head(texts, at, m, lang) if m else None
            if head is None:
                continue
            if leaders:
                head = replace(head, after=at + 1, listed=True)
            taken = head.after
            if head.kind == "article":
                (found.long if len(line) > LINE_MAX else found.articles).append(head)
            elif len(line) <= LINE_MAX:
                found.fences.append(head)
            break
    return found


@cache
def _patterns(lang: str) -> re.Pattern[str]:
    """One pattern for all kinds of headings of a language; its groups tell the kind."""
    if lang == "zh":
        return re.compile(
            rf"(?:第\s*(?P<num>{_ZH_NUMBER})\s*(?:(?P<article>[条條])(?:之(?P<bis>[一二三四五六七八九]))?"
            rf"|(?P<chapter>[章编編部])|(?P<section>[节節]))|(?P<annex>附件|附录|附錄)\s*(?P<annexnum>{_ZH_NUMBER}|[A-Z]\b)?)"
            rf"(?P<sep>{_SEPARATOR})(?P<rest>.*)$"
        )
    words = BY_LANGUAGE[lang]
    spelled = "|".join(words.ordinals) or "(?!)"
    number = rf"(?:(?:{_NUMBER}|{spelled}){_ORDINAL_SIGN})(?!\w)"
    letter = rf"(?:{number}|[A-Z](?:-\d+)?(?!\w)|\d+-[A-Z](?!\w)|(?:{spelled})(?:[\s-]\w+)?(?!\w))"
    return re.compile(
        rf"(?:(?P<article>{words.articles})(?:\s+|(?<=\.))(?P<num>{number})"
        rf"|(?P<chapter>{words.chapters})\s+(?P<chapternum>{letter})"
        rf"|(?P<section>{words.sections})\s+(?P<sectionnum>{letter})"
        rf"|(?P<annex>{words.annexes})(?:\s+(?:№|n[.º°o]*\s)?\s*(?P<annexnum>{letter}))?(?!\w))(?P<sep>{_SEPARATOR})(?P<rest>.*)$",
        re.IGNORECASE,
    )


def head_pattern(lang: str) -> re.Pattern[str]:
    """What a heading of a language begins with."""
    return _patterns(lang)


def _head(texts: Sequence[str], at: int, m: re.Match[str], lang: str) -> Head | None:
    """The heading that a line is, or None where it is none."""
    groups = m.groupdict()
    kind = next(name for name in ("article", "chapter", "section", "annex") if groups.get(name))
    number = " ".join((groups.get(f"{kind}num") or groups.get("num") or "").split()) if kind != "article" else m["num"]
    if kind == "annex" and not groups["annexnum"]:
        number = ""
    line, rest, separator = m.string, m["rest"].strip(), m["sep"].strip()
    if line.endswith((",", ";", "，", "；")) and len(line) <= LINE_MAX:
        return None
    number = re.sub(r"(?:(?<=\d)\s?er|\.?\s?[ºª°])$", "", number, flags=re.IGNORECASE)
    key = key_of(number, groups.get("bis") or "")
    if key is None or (len(number) == 1 and number.islower()):
        return None
    if kind == "annex" and not number and ((rest and not separator) or m["annex"][0].islower()):
        return None
    if _refers(rest, m["sep"] if lang == "zh" else separator, _before(texts, at), lang):
        return None
    if len(line) > LINE_MAX and (not separator or not (rest[:1].isupper() or _HAN.match(rest))) and lang != "zh":
        return None
    title, rest, after = _title(texts, at, rest, lang)
    word = _word(m[kind].casefold(), kind)
    merit = 1e-4 * ((at == 0 or not texts[at - 1]) * 2 + bool(title) + m.string[0].isupper() + bool(separator))
    printed = number if not groups.get("bis") else f"{number}之{groups['bis']}"
    return Head(kind, word, printed, key, title, rest, at, after, merit)


def _word(word: str, kind: str) -> str:
    """The kind of article ("section" is not "article"); of chapters and annexes their first letters."""
    if kind != "article":
        return word[:4]
    if word.startswith(("sec", "rule", "prin")):
        return {"s": "section", "r": "rule", "p": "principle"}[word[0]]
    return "rule" if word.startswith(("règle", "regle")) else "article"


def _before(texts: Sequence[str], at: int) -> str:
    return next((texts[i] for i in range(at - 1, max(at - 4, -1), -1) if texts[i]), "")


def _refers(rest: str, separator: str, before: str, lang: str) -> bool:
    """Step 3: whether the line is a cross-reference that was wrapped to its start."""
    if lang == "zh":
        # A title stands behind a blank; a reference goes on at once.
        return bool(_ZH_REFERS.match(rest) and not separator) or bool(_ASIDE.match(rest) or _ZH_JOINT.search(before))
    words = BY_LANGUAGE[lang]
    first = re.match(r"[^\W\d_]+", rest)
    if rest[:1].islower() or rest[:1] in (",", ";", ")", "]", "/", "%") or _ASIDE.match(rest):
        return True
    if first and first[0].casefold() in words.refer and (lang == "en" or not separator):
        return True
    return _open(before, lang)


def _open(line: str, lang: str) -> bool:
    """Whether a line ends with a preposition or conjunction: a small one, or a line of capitals ends with it."""
    last = re.search(r"([^\W\d_]+)[’']?$", line[-60:])
    if last is None or not (last[1].islower() or (line.isupper() and " " in line)):
        return False  # a title may end in a capital A
    return last[1].casefold() in BY_LANGUAGE[lang].joints


# --- Titles (step 2) ----------------------------------------------------------------------------------------------


def _title(texts: Sequence[str], at: int, rest: str, lang: str) -> tuple[str, str, int]:
    """Title, first words of the body, and the line behind the heading."""
    follower = texts[at + 1] if at + 1 < len(texts) else ""
    if rest:
        if not _is_title(rest, follower, lang, stop=True):
            return "", rest, at + 1
        return _continued(texts, rest, at + 1, lang)
    place = next((i for i in range(at + 1, len(texts)) if texts[i]), len(texts))
    if place == len(texts) or any(_patterns(one).match(texts[place]) for one in {lang, "en"}):
        return "", "", at + 1
    follower = texts[place + 1] if place + 1 < len(texts) else ""
    if not _is_title(texts[place], follower, lang, stop=False):
        return "", "", at + 1
    return _continued(texts, texts[place], place + 1, lang)


def _is_title(line: str, follower: str, lang: str, *, stop: bool) -> bool:
    """At most 12 words, no digit or bracket in front, no stop behind, and not the first line of a wrapped sentence.

    Args:
        stop: on the line of the number itself a short title may end in a full stop, and stand in brackets.
    """
    words = len(line.split())
    if len(line) > 2 * LINE_MAX:
        return False
    if lang == "zh" and _HAN.search(line):
        return (
            len(line) <= TITLE_SIGNS_MAX
            and not _MARKED.match(line.lstrip("（") if stop else line)
            and line[-1] not in _STOPS
        )
    if words > TITLE_WORDS_MAX or (_MARKED.match(line) and not (stop and line[0] == "(" and line[-1] == ")")):
        return False
    if line.endswith(_STOPS) and not (stop and words <= 4 and line[-1] == "." and not _modal(line, lang)):
        return False
    return not (follower[:1].islower() and (words >= 8 or _modal(line, lang)))


def _modal(line: str, lang: str) -> bool:
    return re.search(rf"\b(?:{BY_LANGUAGE[lang].modals})\b", line, re.IGNORECASE) is not None


def _continued(texts: Sequence[str], title: str, after: int, lang: str) -> tuple[str, str, int]:
    """A title, with its second line where it is cut behind a preposition or goes on in small letters."""
    line = texts[after] if after < len(texts) else ""
    beyond = texts[after + 1] if after + 1 < len(texts) else ""
    cut = _open(title, lang) or line[:1].islower()
    if (
        lang == "zh"
        or not line
        or not cut
        or _patterns(lang).match(line)
        or beyond[:1].islower()
        or line.endswith(_STOPS)
        or _MARKED.match(line)
    ):
        return title, "", after
    if len(line.split()) > 8 or len(title.split()) + len(line.split()) > TITLE_WORDS_MAX + 4 or _modal(line, lang):
        return title, "", after
    return f"{title} {line}", "", after + 1


# --- Numbers ------------------------------------------------------------------------------------------------------


def value(number: str) -> int:
    """What a number is worth in digits, Roman or Chinese numerals, or words; 0 if it is none (a letter).

    >>> value("12"), value("XIV"), value("二十"), value("TWENTY ONE"), value("premier"), value("B"), value("CIVIL")
    (12, 14, 20, 21, 1, 0, 0)
    """
    if number.isdecimal():
        return int(number)
    if _ROMAN.match(number) and (len(number) > 1 or number.upper() in "IVX"):
        worth = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[sign] for sign in number.upper()]
        return sum(-a if a < b else a for a, b in zip(worth, [*worth[1:], 0], strict=True))
    ranks = [_spelled().get(word, 0) for word in re.split(r"[\s-]+", number.casefold())]
    return sum(ranks) if all(ranks) else chinese(number)


@cache
def _spelled() -> dict[str, int]:
    found = {w: n for words in BY_LANGUAGE.values() for n, w in enumerate(words.ordinals, start=1)}
    return found | {"thirty": 30, "forty": 40, "fifty": 50, "primera": 1, "segunda": 2, "tercera": 3, "único": 1}


_SUFFIXES = {
    "bis": 10_002,
    "ter": 10_003,
    "quater": 10_004,
    "quinquies": 10_005,
    "sexies": 10_006,
}  # behind all letters


def key_of(number: str, bis: str = "") -> Key | None:
    """A number as something that sorts: 4.9 < 4.10, 5 < 5a < 5 bis < 6; None if it is no number."""
    if not number:
        return ((0, 0),)
    parts: list[tuple[int, int]] = []
    for part in re.split(r"[.\-]", number):
        m = re.fullmatch(r"(\d+)\s?(bis|ter|quater|quinquies|sexies|[^\W\d_])?", part, re.IGNORECASE)
        if m:
            suffix = (m[2] or "").casefold()
            parts.append((int(m[1]), _SUFFIXES.get(suffix) or (ord(suffix) if suffix else 0)))
        elif worth := value(part):
            parts.append((worth, 0))
        elif len(part) == 1 and part.isalpha():
            parts.append((ord(part.upper()), 0))
        else:
            return None
    if bis:
        parts[-1] = (parts[-1][0], chinese(bis))
    return tuple(parts)


def follows(before: Key, after: Key) -> bool:
    """Whether a number is the very next one: 4.3 after 4.2."""
    return len(before) == len(after) and before[:-1] == after[:-1] and after[-1] == (before[-1][0] + 1, 0)


def as_section(head: Head) -> Head:
    """A heading `Section B` among articles: a part of a chapter."""
    return replace(head, kind="section")
