"""What does an Akoma Ntoso document hold? Articles, paragraphs and points as marked, notes and quoted amendments apart.

Akoma Ntoso (OASIS LegalDocML 1.0, namespace .../akn/3.0; 2.0 and drafts alike): levels with `num`, `heading` and
`content`. `eId` (2.0: `id`) is kept as the alternative id. An `authorialNote` becomes a footnote unit. What `mod`
quotes (`quotedText`, `quotedStructure`) is the text of another act: it is cut out as `[…]` and kept as a footnote unit,
so that it is never coded as the host's own rule. Without any `article`, `section` stands for it, else `paragraph`.

The limit of 12 levels is one on parts of the text (chapter, article, paragraph, point): inline marks nest freely.

    >>> akn = (b'<akomaNtoso xmlns="http://docs.oasis-open.org/legaldocml/ns/akn/3.0"><act><meta/><body>'
    ...        b'<article eId="art_1"><num>Article 1</num><heading>Scope</heading><paragraph eId="p1"><num>1.</num>'
    ...        b'<content><p>All data.</p></content></paragraph></article></body></act></akomaNtoso>')
    >>> [(unit.id, unit.text, unit.alternative_id) for unit in parse_akn(akn, name="a.xml", id="a", lang="en").units]
    [('a/1', '1. All data.', 'art_1'), ('a/1/1', 'All data.', 'p1')]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from concordat.errors import InputError
from concordat.rulebook import _clean
from concordat.rulebook.model import LANGUAGES, ParsedInstrument
from concordat.rulebook.readers import _akn_own, _xml
from concordat.rulebook.readers._split import chapter_key
from concordat.rulebook.readers._units import Builder, blob_of, slug

LEVELS_MAX = 12
NUMBER_MAX = 60  # characters
_HIGH = _clean.listed(
    "part title book tome chapter subchapter division subdivision subpart subtitle section subsection"
)
_LEVELS = _clean.listed(
    "article rule paragraph subparagraph point indent alinea clause subclause subrule proviso transitional level item "
    "hcontainer subsection section"
)
_BLOCKS = _clean.listed(
    "p content intro wrapUp wrap blockList listIntroduction listWrapUp list li ul ol table tr block blockContainer "
    "heading subheading crossHeading longTitle recital "
    "recitals citation citations formula container docTitle tblock"
)
_QUOTED = frozenset(("quotedText", "quotedStructure", "embeddedStructure"))
_OUTSIDE = frozenset(("meta", "attachments", "components", "annexes"))
_LANGUAGES = {"eng": "en", "spa": "es", "fra": "fr", "fre": "fr", "por": "pt", "zho": "zh", "chi": "zh", "rus": "ru"}
_WORD = re.compile(r"\s*(?:(?![IVXLC]+\b)[^\W\d_]{3,}\.?\s+|art\.\s*|第\s*|§+\s*)(?=\S)", re.IGNORECASE)
_BEFORE_NUMBER = re.compile(r"^[\s(（\[§“”\"'‘]+|[\s)）\].:、”\"'’–—条條章-]+$")
# The United Kingdom and others mark such levels by name only.
_NAMED = {
    "article": "article",
    "regulation": "article",
    "rule": "rule",
    "section": "section",
    "chapter": "chapter",
    "part": "part",
}


@dataclass(slots=True)
class Node:
    """An element with its bytes."""

    tag: str
    attributes: Mapping[str, str]
    start: int
    end: int = 0
    children: list[Node | str] = field(default_factory=list)

    @property
    def nodes(self) -> list[Node]:
        """The elements in it."""
        return [child for child in self.children if isinstance(child, Node)]

    def find(self, *tags: str) -> Node | None:
        """The first element in it, at any depth, that has one of these names."""
        return next((node for node in self.walk() if node.tag in tags), None)

    def walk(self) -> Iterator[Node]:
        """All elements in it, in order; not those of quoted texts and attachments."""
        waiting = list(reversed(self.nodes))
        while waiting:
            node = waiting.pop()
            yield node
            if node.tag not in _QUOTED and node.tag not in _OUTSIDE - {"meta"}:
                waiting += reversed(node.nodes)

    def own(self, tag: str) -> str:
        """The text of a child of that name, on one line; "" if there is none."""
        node = next((child for child in self.nodes if child.tag == tag), None)
        return " ".join(_Text(node).text.split()) if node is not None else ""

    @property
    def id(self) -> str:
        """Its own identifier in the file."""
        return self.attributes.get("eId") or self.attributes.get("id") or ""


@dataclass(slots=True)
class _Part:
    number: str
    depth: int
    id: str
    start: int = -1
    end: int = -1


class _Text:
    """The text of an element: a line a block, with the places of its numbered parts; notes and quotations apart."""

    def __init__(self, node: Node | None, *, skip: frozenset[str] = frozenset(), where: str = "") -> None:
        self.text = ""
        self.parts: list[_Part] = []
        self.notes: list[tuple[str, str, str]] = []
        self.quoted: list[str] = []
        self._where = where
        self._lines: list[str] = []
        self._length = 0
        self._words: list[str] = []
        self._pending: list[tuple[str, _Part]] = []
        if node is not None:
            for child in node.children:
                if isinstance(child, str) or child.tag not in skip:
                    self._render(child, 0)
        self._flush()
        self.text = "\n".join(self._lines)

    def _render(self, node: Node | str, depth: int) -> None:
        if isinstance(node, str):
            self._words.append(node)
        elif node.tag == "authorialNote":
            self.notes.append((node.attributes.get("marker", ""), _Text(node).text.replace("\n", " "), node.id))
        elif node.tag in _QUOTED:
            self._words.append(" […] ")
            self.quoted.append(_Text(node).text)
        elif node.tag in ("meta", "noteRef", *_OUTSIDE):
            return
        elif node.tag in _LEVELS:
            self._level(node, depth + 1)
        elif node.tag in _BLOCKS:
            self._flush()
            self._all(node, depth)
            self._flush()
        else:
            self._words += [" "] if node.tag in ("br", "eol", "td", "th") else []
            self._all(node, depth)

    def _all(self, node: Node, depth: int) -> None:
        for child in node.children:
            self._render(child, depth)

    def _level(self, node: Node, depth: int) -> None:
        if depth > LEVELS_MAX:
            hint = "It is no rule text that we can read."
            what = f"element {node.id or node.tag} lies more than {LEVELS_MAX} levels deep."
            raise InputError(what, where=self._where, hint=hint, code="too_deep")
        self._flush()
        printed = node.own("num")[:NUMBER_MAX]
        part = _Part(_BEFORE_NUMBER.sub("", printed), depth, node.id)
        self.parts.append(part)
        waiting = (printed, part)
        self._pending.append(waiting)
        for child in node.children:
            if isinstance(child, str) or child.tag != "num":
                self._render(child, depth)
        self._flush()
        if waiting in self._pending:
            self._pending.remove(waiting)
        part.end = self._length

    def _flush(self) -> None:
        """The words so far as a line, behind the numbers that wait for it."""
        line = " ".join(_clean.plain("".join(self._words)).split())
        self._words.clear()
        if not line:
            return
        before = ""
        at = self._length + bool(self._lines)
        for printed, part in self._pending:
            before += f"{printed} " if printed else ""
            part.start = at + len(before)
        self._pending.clear()
        self._lines.append(before + line)
        self._length = at + len(before) + len(line)


def parse_akn(data: bytes, *, name: str, id: str, lang: str = "") -> ParsedInstrument:  # noqa: A002
    """The units of an Akoma Ntoso document.

    Raises:
        InputError: no XML, no Akoma Ntoso, over a limit, or in a language that can't be told.
    """
    blob = blob_of(data, name)
    root, told = _tree(data, name)
    if root.tag.casefold() != "akomantoso":
        what = f"begins with <{root.tag}>, which is not Akoma Ntoso."
        raise InputError(what, where=name, hint="Look at --format.", code="unknown_format")
    document = next((node for node in root.nodes if node.tag != "meta"), root)
    facts = _facts(document)
    declared = _LANGUAGES.get(facts.get("language", ""), facts.get("language", "")[:2])
    declared = declared if declared in LANGUAGES else ""
    sample = "" if lang or declared else _Text(document, skip=_OUTSIDE, where=name).text
    spoken, how = _clean.language(sample, given=lang, declared=declared, where=name)
    build = Builder(id, spoken, blob, where=name, ranges=not told)
    if _akn_own.is_own(document.find("meta")):  # type: ignore[arg-type]
        for body in (node for node in document.nodes if node.tag == "body"):
            _akn_own.read(build, body)  # type: ignore[arg-type]
        return build.done(_title(document, facts) or id, facts | how, told)
    reader = _Reader(build, _article_tag(document), name)
    reader.document(document)
    reader.annexes((*root.nodes, *document.nodes), id)
    return build.done(_title(document, facts) or id, facts | how, (*told, *reader.warnings))


def _title(document: Node, facts: Mapping[str, str]) -> str:
    """What the document calls itself, else what its description does."""
    for tag in ("docTitle", "shortTitle"):
        if node := document.find(tag):
            return " ".join(_Text(node).text.split())
    return next((name for key in ("alias", "name") if (name := facts.get(key, "")) not in ("", "Untitled")), "")


def _tree(data: bytes, name: str) -> tuple[Node, tuple[str, ...]]:
    open_: list[Node] = [Node("", {}, 0)]

    def start(tag: str, attributes: Mapping[str, str], at: int) -> None:
        named = _NAMED.get(attributes.get("name", "")) if tag == "hcontainer" else None
        node = Node(named or tag, attributes, at)
        open_[-1].children.append(node)
        open_.append(node)

    def end(_: str, at: int) -> None:
        open_.pop().end = at

    def text(words: str) -> None:
        open_[-1].children.append(words)

    told = _xml.parse(data, where=name, start=start, end=end, text=text)
    return open_[0].nodes[0], told


def _facts(document: Node) -> dict[str, str]:
    """What FRBR says of the work: date, language, country, address, name."""
    facts: dict[str, str] = {}
    meta = document.find("meta")
    wanted = {"FRBRdate": "date", "FRBRuri": "uri", "FRBRcountry": "value", "FRBRname": "value", "FRBRalias": "value"}
    for node in meta.walk() if meta else ():
        if node.tag == "FRBRlanguage":
            facts.setdefault("language", node.attributes.get("language", "").casefold())
        elif node.tag in wanted:
            value = node.attributes.get(wanted[node.tag]) or node.attributes.get("value", "")
            facts.setdefault(node.tag.removeprefix("FRBR"), value)
    return {key: value for key, value in facts.items() if value}


def _article_tag(document: Node) -> str:
    """The element that stands for an article: article, else section, else rule, else paragraph; "" if there is none."""
    seen = {node.tag for node in document.walk()}
    return next((tag for tag in ("article", "section", "rule", "paragraph") if tag in seen), "")


class _Reader:
    """Tells a builder what a document holds."""

    def __init__(self, build: Builder, article: str, where: str) -> None:
        self.build = build
        self.warnings: list[str] = []
        self._article_tag = article
        self._where = where
        if article == "paragraph" or not article:
            self.warnings.append(f"{where}: no article was found, so it is split into paragraphs.")

    def document(self, document: Node) -> None:
        """Preamble, body and conclusions."""
        for node in document.nodes:
            if node.tag in ("preface", "preamble", "conclusions"):
                self._loose(_Text(node, where=self._where), node, node.tag)
            elif node.tag in ("body", "mainBody", "fragmentBody", "debateBody", "portionBody"):
                self._loose(_Text(node, skip=self._skipped(node), where=self._where), node, "text")
                self._walk(node, "", "", 1)

    def _loose(self, text: _Text, node: Node, key: str, parent: str = "") -> None:
        if text.text:
            span = (node.start, node.end)
            full = f"{self.build.instrument}/{key}"
            name = self.build.add(full, "paragraph", "", "", text.text, parent=parent, span=span, alternative=node.id)
            self._notes(name, text)

    def _skipped(self, node: Node) -> frozenset[str]:
        """The children of a level that are units of their own, or its number and heading."""
        return frozenset(
            child.tag for child in node.nodes if child.tag == self._article_tag or self._is_high(child)
        ) | {"num", "heading"}  # fmt: skip

    def _is_high(self, node: Node) -> bool:
        return node.tag != self._article_tag and (node.tag in _HIGH or node.find(self._article_tag) is not None)

    def _walk(self, node: Node, parent: str, under: str, level: int) -> None:
        if level > LEVELS_MAX:
            hint = "It is no rule text that we can read."
            what = f"element {node.id or node.tag} lies more than {LEVELS_MAX} levels deep."
            raise InputError(what, where=self._where, hint=hint, code="too_deep")
        for child in node.nodes:
            if child.tag == self._article_tag:
                self._article(child, parent, under)
            elif self._is_high(child):
                self._walk(child, self._chapter(child, parent), under, level + 1)

    def _chapter(self, node: Node, parent: str) -> str:
        number = _number(node)
        heading = _clean.heading(node.own("heading"))
        key = chapter_key(number, heading)
        key = key if node.tag == "chapter" or key.startswith("-") else f"-{node.tag}-{key}"
        text = _Text(node, skip=self._skipped(node), where=self._where)
        span = (node.start, node.end)
        name = self.build.chapter(key, number, heading, text.text, parent=parent, span=span, alternative=node.id)
        self._notes(name, text)
        return name

    def _article(self, node: Node, parent: str, under: str) -> None:
        number = _number(node)
        heading = _clean.heading(node.own("heading"))
        text = _Text(node, skip=frozenset(("num", "heading")), where=self._where)
        kind = "article" if self._article_tag != "paragraph" else "paragraph"
        base = under or self.build.instrument
        key = f"{base}/{slug(number) if number else node.id or '0'}"
        span = (node.start, node.end)
        name = self.build.add(
            key, kind, number, heading, text.text, parent=parent or under, span=span, alternative=node.id
        )
        self._parts(name, text, span)
        self._notes(name, text)

    def _parts(self, article: str, text: _Text, span: tuple[int, int]) -> None:
        """Numbered paragraphs, and their points; what lies deeper stays in the text of its point."""
        open_: list[tuple[int, str]] = []  # (end, id) of the levels that are told and not yet closed
        for part in text.parts:
            if not part.number or part.start < 0:
                continue
            while open_ and open_[-1][0] <= part.start:
                open_.pop()
            if len(open_) == 2:
                continue
            above = open_[-1][1] if open_ else article
            name = self.build.add(
                f"{above}/{slug(part.number)}", "paragraph", part.number, "", text.text[part.start : part.end],
                parent=above, span=span, alternative=part.id,
            )  # fmt: skip
            open_.append((part.end, name))

    def _notes(self, name: str, text: _Text) -> None:
        for at, (marker, words, own) in enumerate(text.notes, start=1):
            key = f"{name}/fn-{slug(marker) if marker else at}"
            self.build.add(key, "footnote", marker, "", words, parent=name, alternative=own)
        for at, words in enumerate(text.quoted, start=1):
            self.build.add(f"{name}/quoted-{at}", "footnote", "", "Quoted text", words, parent=name)

    def annexes(self, nodes: Iterable[Node], base: str) -> None:
        """The attachments that some elements hold."""
        for holder in nodes:
            if holder.tag in _OUTSIDE - {"meta"}:
                for at, node in enumerate(holder.nodes, start=1):
                    self._annex(node, at, base)

    def _annex(self, node: Node, place: int, base: str) -> None:
        """An attachment, with its own articles and attachments if it has any."""
        heading = _clean.heading(node.own("heading"))
        named = re.match(r"\w+\s+(\d[\w-]*|[A-Z](?:-\w+)?|[IVXLC]+)(?!\w)", heading)
        number = _number(node) or (named[1] if named else str(place))
        inside = self._article_tag != "paragraph" and any(inner.tag == self._article_tag for inner in node.walk())
        text = _Text(None if inside else node, skip=frozenset(("num", "heading")), where=self._where)
        span = (node.start, node.end)
        key = f"{base}/annex-{slug(number)}"
        name = self.build.add(
            key, "annex", number, heading, text.text, parent=base if base != self.build.instrument else "", span=span,
            alternative=node.id,
        )  # fmt: skip
        self._notes(name, text)
        if inside:
            self._walk(node, name, name, 1)
        else:
            self._parts(name, text, span)
        self.annexes((*node.nodes, *(inner for child in node.nodes for inner in child.nodes)), name)


def _number(node: Node) -> str:
    """`num` without its word and its stops: "Article 4.3." is 4.3, 第五条 is 五."""
    printed = node.own("num")[:NUMBER_MAX]
    word = _WORD.match(printed)
    return _BEFORE_NUMBER.sub("", printed[word.end() :] if word else printed)
