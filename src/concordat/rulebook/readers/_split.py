"""Where do the articles of a text begin, when nothing marks them but their headings? In six languages.

A state machine over lines (before all articles, chapter, heading, body), fed by five steps (specification, section 4):

1. A candidate is a line that begins as a heading does (`Article 5`, `Статья 5`, `第五条`), has at most 120 characters
   and doesn't end in a comma or semicolon.
2. If nothing follows the number, the next line that holds something is the title, if it looks like one.
3. Cross-references wrapped to the start of a line are refused: by what follows, and by how the line before ends.
4. Of the candidates, the best run of increasing numbers is taken; at a chapter or annex it may begin anew. A contents
list
   is dropped before: its bodies are all shorter than 40 characters and its numbers come again.
5. Without a run of two, the text is split at numbered paragraphs or blank lines, and a warning says so.

Beyond the specification: a longer line is taken as well, where its number is the one that is missing between or after
two headings found and a full stop, colon or dash follows it (files that keep a paragraph on one line).

    >>> text = "Article 1\\nScope\\nAll data. See\\nArticle 2 of it.\\n\\nArticle 2: End\\nOn 1 May."
    >>> found = split(lines_of(text), "en")
    >>> [(part.number, part.heading, part.text) for part in found.parts]
    [('1', 'Scope', 'All data. See Article 2 of it.'), ('2', 'End', 'On 1 May.')]
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from concordat.rulebook import _clean
from concordat.rulebook.readers import _heads
from concordat.rulebook.readers._heads import Head
from concordat.rulebook.readers._units import Builder, longest_increasing, slug

CONTENTS_BODY_MAX = 40  # section 4: bodies of a contents list are all shorter
PAGE_NUMBER_MAX = 5  # characters that may stand below an entry of a contents list
STYLE_SHARE = 0.1  # fewer are numbered in another way: they are another text's
RESTART_COST = 1.5  # to begin anew at a number other than 1 must win two articles
_CONTENTS = re.compile(
    r"(?:(?:table of )?contents|[íi]ndice|contenido|tabla de contenido|sommaire|table des mati[èe]res|sum[áa]rio"
    r"|оглавление|содержание|目\s*[录錄])$",
    re.IGNORECASE,
)
_EDGE = re.compile(r"\r\n|[\r\n\f]")
_BLOCK = re.compile(r"^(?:[(（]?(\d{1,3})[.)）、．]|(\d{1,3})\s+[-–—]|([一二三四五六七八九十]{1,3})、)\s*")


class Line(NamedTuple):
    """A line, and where it stands in the raw text (characters)."""

    text: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A preamble, chapter, section, article, annex or paragraph: its lines are those from `first` to before `after`."""

    kind: str
    number: str
    heading: str
    text: str
    first: int
    after: int


@dataclass(frozen=True, slots=True)
class Split:
    """The parts in order, the title of the whole, and warnings."""

    parts: tuple[Part, ...]
    title: str = ""
    warnings: tuple[str, ...] = ()


def lines_of(text: str) -> list[Line]:
    """The lines of a text, blanks folded, with their places."""
    found: list[Line] = []
    start = 0
    for edge in _EDGE.finditer(text):
        found.append(Line(_folded(text[start : edge.start()]), start, edge.end()))
        start = edge.end()
    if start < len(text):
        found.append(Line(_folded(text[start:]), start, len(text)))
    return found


def _folded(line: str) -> str:
    return " ".join(_clean.plain(line).split())


def split(lines: Sequence[Line], lang: str, *, blank: _clean.Blank = "hard", where: str = "") -> Split:
    """The parts of a text.

    Args:
        lang: whose headings are looked for first; if they make no run, all six are tried.
        blank: what a blank line does, as in `_clean.tidy`.
    """
    texts = [line.text for line in lines]
    heads, contents = _chosen(texts, lang)
    if not heads:
        return _by_blocks(texts, lang, blank, where)
    known = _clean.Known(texts)
    parts: list[Part] = []
    first = heads[0].line
    front = ["" if at in contents else text for at, text in enumerate(texts[:first])]
    before = _clean.tidy("\n".join(front), lang=lang, blank=blank)
    title = _title(front)
    if before:
        parts.append(Part("preamble", "", "", before, 0, first))
    ends = [head.line for head in heads[1:]] + [len(texts)]
    for head, end in zip(heads, ends, strict=True):
        body = "\n".join([*([head.rest] if head.rest else []), *texts[head.after : end]])
        text = _clean.tidy(body, lang=lang, blank=blank)
        parts.append(Part(head.kind, head.number, _clean.heading(head.title, known), text, head.line, end))
    return Split(tuple(parts), title)


def _title(texts: Sequence[str]) -> str:
    """The first line that holds something, if it is short enough for a title."""
    line = next((text for text in texts if text), "")
    return line if len(line) <= 200 else ""


# --- Steps 4: which candidates are headings -----------------------------------------------------------------------


def _chosen(texts: Sequence[str], lang: str) -> tuple[list[Head], frozenset[int]]:
    """Chapters, articles and annexes in order; none if no run of two articles is found in any language.

    Behind them, the lines of a contents list.
    """
    for languages in ((lang,), _heads.LANGUAGES):
        most = 1
        best: tuple[list[Head], frozenset[int]] = ([], frozenset())
        found = _heads.candidates(texts, languages)
        for word in sorted({head.word for head in (*found.articles, *found.long)}, key=_heads.WORDS.index):
            heads, contents = _run_of(texts, found, word)
            count = sum(head.kind == "article" for head in heads)
            if count > most:
                most, best = count, (heads, contents)
        if most > 1:
            return best
    return [], frozenset()


def _run_of(texts: Sequence[str], found: _heads.Candidates, word: str) -> tuple[list[Head], frozenset[int]]:
    """The headings if articles are those of one word (article, section, rule, principle); the contents list's lines."""
    articles = [head for head in found.articles if head.word == word]
    fences = [*found.fences, *(head for head in found.articles if word == "article" and head.word == "section")]
    fences = sorted(fences, key=lambda head: head.line)
    seen = [*articles, *fences]
    articles, fences = _without_contents(texts, articles, fences)
    fences = _without_repeats(fences)
    restarts = [head for head in fences if head.kind in ("chapter", "annex")]
    articles = _of_one_style(articles, restarts)
    places = best_run(articles, [head.line for head in restarts])
    run = _with_long_lines([articles[i] for i in places], [h for h in found.long if h.word == word], restarts)
    fences = _true_fences(fences, run)
    section = [_heads.as_section(head) if head.kind == "article" else head for head in fences]
    heads = sorted([*section, *run], key=lambda head: head.line)
    return heads, _contents_lines(texts, seen, heads)


def _contents_lines(texts: Sequence[str], seen: Sequence[Head], heads: Sequence[Head]) -> frozenset[int]:
    """The lines of a contents list in front of the first heading, with its own title."""
    before = [head for head in seen if heads and head.line < heads[0].line]
    listed = [head for head in before if head.kind == "article"]
    if len(listed) < 2:
        return frozenset()
    lines = set(range(min(head.line for head in before), max(head.after for head in listed)))
    for head in before:
        lines |= set(range(head.line, head.after))
    return frozenset(lines | {at for at in range(min(lines)) if _CONTENTS.match(texts[at])})


def best_run(heads: Sequence[Head], fences: Sequence[int]) -> list[int]:
    """The places of the best run: increasing numbers, which may begin anew behind a fence (a chapter's line).

    Each heading counts 1, and a little more if it looks like one; to begin anew at a number whose last part is not 1
    costs 1.5, so that one cross-reference behind a chapter's line doesn't break a numbering that runs through. Of equal
    runs the earlier one wins. A tree of prefix maxima over the ranks of the numbers makes it n log n.
    """
    ranks = {key: rank for rank, key in enumerate(sorted({head.key for head in heads}), start=1)}
    tree: list[tuple[float, int]] = [(0.0, -1)] * (len(ranks) + 1)
    score: list[float] = []
    before: list[int] = []
    top = waiting = (0.0, -1)  # the best run that ends behind, and before, the last fence
    segment = -1
    for at, head in enumerate(heads):
        here = bisect_right(fences, head.line)
        if here != segment:
            segment, waiting = here, top
        best = (0.0, -1)
        rank = ranks[head.key] - 1
        while rank > 0:
            best = max(best, tree[rank], key=_first)
            rank -= rank & -rank
        if waiting[1] >= 0:
            cost = 0.0 if head.key[-1] == (1, 0) else RESTART_COST
            best = max(best, (waiting[0] - cost, waiting[1]), key=_first)
        score.append(best[0] + 1 + head.merit)
        before.append(best[1])
        own = (score[at], at)
        top = max(top, own, key=_first)
        rank = ranks[head.key]
        while rank < len(tree):
            tree[rank] = max(tree[rank], own, key=_first)
            rank += rank & -rank
    run = []
    at = top[1]
    while at >= 0:
        run.append(at)
        at = before[at]
    return run[::-1]


def _first(pair: tuple[float, int]) -> float:
    return pair[0]


def _of_one_style(articles: list[Head], fences: Sequence[Head]) -> list[Head]:
    """Articles without a quoted list of others: few that are numbered in another way (I, II among 4.1, 4.2).

    An annex may number its articles in its own way.
    """
    lines = [head.line for head in fences]

    def style(head: Head) -> tuple[int, bool]:
        return len(head.key), head.number.isalpha()

    counts = Counter(map(style, articles))
    few = {way for way, count in counts.items() if count <= STYLE_SHARE * len(articles)}

    def annexed(head: Head) -> bool:
        place = bisect_right(lines, head.line)
        return place > 0 and fences[place - 1].kind == "annex"

    return [head for head in articles if style(head) not in few or annexed(head)]


def _without_repeats(fences: list[Head]) -> list[Head]:
    """Fences without running heads: the number of the chapter that is open, again."""
    kept: list[Head] = []
    open_: dict[str, tuple[object, str]] = {}
    for head in fences:
        same = open_.get(head.kind) == (head.key, head.word)
        if same and (head.kind in ("chapter", "annex")):
            continue
        open_[head.kind] = (head.key, head.word)
        kept.append(head)
    return kept


def _without_contents(texts: Sequence[str], articles: list[Head], fences: list[Head]) -> tuple[list[Head], list[Head]]:
    """Articles and fences without those of a contents list: at the beginning, or with dotted leaders.

    One entry in ten may have a longer body, but not two in a row: a title so long that its line is no candidate. An
    entry comes again with the same title, or has nothing below it: where chapters number anew, a short article 1 is no
    entry of a list because there is another article 1.
    """
    starts = sorted(head.line for head in (*articles, *fences))
    bodies: list[int] = []
    count = short = long = 0
    for at, head in enumerate(articles, start=1):
        behind = bisect_right(starts, head.line)
        end = starts[behind] if behind < len(starts) else len(texts)
        bodies.append(0 if head.listed else sum(map(len, texts[head.after : end])) + len(head.rest))
        if bodies[-1] < CONTENTS_BODY_MAX:
            short, long, count = short + 1, 0, at + 1
        else:
            long += 1
        if long == 2 or at - short > 0.1 * at + 1:
            break
    later: dict[_heads.Key, set[str]] = {}
    for head in articles[count:]:
        later.setdefault(head.key, set()).add(_same(head.title))
    count = min(count, len(articles))
    # The last one has the preamble for its body, or is the first true heading: if its number comes again, tells.
    while count and not articles[count - 1].listed and articles[count - 1].key not in later:
        count -= 1
        later.setdefault(articles[count].key, set()).add(_same(articles[count].title))
    again = sum(
        head.listed
        or (head.key in later and (body <= PAGE_NUMBER_MAX or _same(head.title or head.rest) in later[head.key]))
        for head, body in zip(articles[:count], [*bodies, 0], strict=False)
    )
    end = articles[count - 1].line if count >= 2 and again >= 0.8 * count else -1
    left = [head for head in articles if head.line > end and not head.listed]
    return left, _listed_fences([head for head in fences if head.line > end and not head.listed], left)


def _same(title: str) -> str:
    """A title without its page number, case and blanks."""
    return "".join(re.sub(r"[\s.…·_]*\d*$", "", title).casefold().split())


def _listed_fences(fences: list[Head], articles: list[Head]) -> list[Head]:
    """Fences without those of a contents list: before the first article, with a number that comes again further on."""
    kept: list[Head] = []
    again: set[tuple[_heads.Key, str]] = set()
    for head in reversed(fences):
        early = not articles or head.line < articles[0].line
        if not (early and ((head.key, head.word) in again or head.kind == "annex")):
            kept.append(head)
        again.add((head.key, head.word))
    return kept[::-1]


def _true_fences(fences: list[Head], run: list[Head]) -> list[Head]:
    """Fences without annexes named in the midst of an article: behind them the numbering goes on."""
    kept: list[Head] = []
    lines = [article.line for article in run]
    for head in fences:
        place = bisect_right(lines, head.line)
        goes_on = 0 < place < len(run) and run[place].key > run[place - 1].key
        if head.kind != "annex" or not goes_on:
            kept.append(head)
    return kept


def _with_long_lines(run: list[Head], long: Sequence[Head], fences: Sequence[Head]) -> list[Head]:
    """A run, with the headings on long lines whose number is exactly the next one."""
    chapters = [head.line for head in fences]
    result, lines = list(run), [head.line for head in run]
    for head in long:
        place = bisect_right(lines, head.line)
        own = bisect_right(chapters, head.line)
        before = result[place - 1] if place else None
        after = result[place] if place < len(result) else None
        follows = before is not None and _heads.follows(before.key, head.key)
        begins = head.key[-1] == (1, 0) and (before is None or bisect_right(chapters, before.line) != own)
        fits = after is None or after.key > head.key or bisect_right(chapters, after.line) != own
        if (follows or begins) and fits:
            result.insert(place, head)
            lines.insert(place, head.line)
    return result


# --- Step 5: no articles ------------------------------------------------------------------------------------------


def _by_blocks(texts: Sequence[str], lang: str, blank: _clean.Blank, where: str) -> Split:
    """Numbered paragraphs if there is a run of two, else what blank lines divide."""
    numbered = [(at, m) for at, line in enumerate(texts) if (m := _BLOCK.match(line))]
    values = [_heads.value(m[1] or m[2] or m[3]) for _, m in numbered]
    run = longest_increasing(values)
    if len(run) >= 2:
        starts = [numbered[i][0] for i in run]
        names = [str(values[i]) for i in run]
        cuts = [numbered[i][1].end() for i in run]
    else:
        starts = [at for at, line in enumerate(texts) if line and (at == 0 or not texts[at - 1])]
        names, cuts = [f"p{n}" for n in range(1, len(starts) + 1)], [0] * len(starts)
    if not starts:
        return Split((), "", ())
    parts: list[Part] = []
    if before := _clean.tidy("\n".join(texts[: starts[0]]), lang=lang, blank=blank):
        parts.append(Part("preamble", "", "", before, 0, starts[0]))
    for start, end, number, cut in zip(starts, [*starts[1:], len(texts)], names, cuts, strict=True):
        text = _clean.tidy("\n".join([texts[start][cut:], *texts[start + 1 : end]]), lang=lang, blank=blank)
        if any(sign.isalnum() for sign in text):
            parts.append(Part("paragraph", number, "", text, start, end))
    warning = (
        f"{where}: no article was found, so it is split into paragraphs. It begins with {_clean.first_lines(texts)}."
    )
    return Split(tuple(parts), _title(texts), (warning.removeprefix(": "),))


# --- Parts to units -----------------------------------------------------------------------------------------------


def build_parts(build: Builder, parts: Sequence[Part], spans: Sequence[tuple[int, int]]) -> None:
    """Tell a builder all parts; `spans` are their byte ranges."""
    chapter = annex = ""
    for part, span in zip(parts, spans, strict=True):
        if part.kind == "chapter":
            annex = ""
            key = chapter_key(part.number, part.heading)
            chapter = build.chapter(key, part.number, part.heading, part.text, span=span)
        elif part.kind == "section":
            key = f"{chapter.rpartition('/ch')[2]}-{slug(part.number)}" if chapter else f"-{slug(part.number)}"
            build.chapter(key, part.number, part.heading, part.text, span=span, parent=annex or chapter)
        elif part.kind == "annex":
            key = f"annex-{slug(part.number)}" if part.number else "annex"
            annex = build.article(part.number, part.heading, part.text, key=key, kind="annex", span=span)
        elif part.kind == "preamble":
            build.article("", "", part.text, key="preamble", kind="paragraph", span=span)
        else:
            parent = annex or chapter
            key = (
                "" if re.match(r"[\dIVXLC]|p\d", part.number) else str(_heads.value(part.number) or "")
            )  # 五 and premier
            build.article(
                part.number, part.heading, part.text, key=key, kind=part.kind, under=annex, parent=parent, span=span
            )


def chapter_key(number: str, heading: str) -> str:
    """What a chapter's id ends with: its number in digits, else its number as it is, else the words of its heading.

    >>> chapter_key("TWENTY ONE", ""), chapter_key("XIV", ""), chapter_key("A", ""), chapter_key("", "Final Provisions")
    ('21', '14', 'A', '-final-provisions')
    """
    if number:
        worth = _heads.value(number)
        return str(worth) if worth else slug(number)
    words = re.findall(r"\w+", heading.casefold())[:6]
    return "-" + ("-".join(words) or "0")
