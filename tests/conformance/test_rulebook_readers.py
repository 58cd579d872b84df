"""The reader of ToTA held against a plain walk by ElementTree, and against the labelled texts that were made by others.

Source: ToTA 0.5.0, commit 2558ee5e (CC BY-NC 4.0), 75 agreements; `articles_dev.jsonl`, 1,214 articles whose text was
taken from the same files by another program. The counts (75 files, 15,547 articles, 625 of them without a heading) are
those of the specification, section 1. No tolerance but for what the reader takes away on purpose: blanks, and page
numbers alone on a line. The splitter is held against the same agreements, printed as plain text: it must find 99.5% of
all numbers.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from concordat.rulebook import readers
from concordat.rulebook.model import ParsedInstrument, Unit

# The labels' text begins behind words that repeat the heading; the file's own text holds them.
CUT_IN_LABELS = {
    "pta_151/13694": "Indirect materials",
    "pta_367/27574": "Additional commitments",
    "pta_404/34263": "Interconnection",
}


@cache
def _files(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.xml"))}


@cache
def _parsed(folder: Path) -> dict[str, ParsedInstrument]:
    return {name: readers.parse(data, name=f"{name}.xml", id=name) for name, data in _files(folder).items()}


@pytest.fixture
def folder(shared_data: Path) -> Path:
    return shared_data / "tota" / "xml"


def _folded(text: str) -> str:
    return " ".join(text.split())


def _without_numbers(text: str) -> str:
    """Without numbers alone on a line, whatever they mean."""
    return _folded("\n".join(line for line in text.split("\n") if not re.fullmatch(r"[-–\s]*\d{1,4}[-–\s]*", line)))


def _articles(parsed: ParsedInstrument) -> list[Unit]:
    return [unit for unit in parsed.units if unit.kind == "article"]


def test_all_files_have_the_articles_and_chapters_that_a_plain_walk_finds(folder: Path) -> None:
    parsed = _parsed(folder)
    unnamed = 0
    for name, data in _files(folder).items():
        tree = ElementTree.fromstring(data)
        chapters, articles = list(tree.iter("chapter")), list(tree.iter("article"))
        units = parsed[name].units
        assert sum(unit.kind == "chapter" for unit in units) == len(chapters)
        assert [unit.id for unit in _articles(parsed[name])] == [
            f"{name}/{a.get('article_identifier')}" for a in articles
        ]
        above = {article: chapter for chapter in chapters for article in chapter}
        ids = {unit.id: unit for unit in units}
        for article, unit in zip(articles, _articles(parsed[name]), strict=True):
            assert ids[unit.parent].alternative_id == above[article].get("chapter_identifier", "")
        unnamed += sum(not unit.heading for unit in _articles(parsed[name]))
        assert list(parsed[name].parties) == [code.text for code in tree.iterfind("meta/parties/partyisocode")]
        assert parsed[name].lang == tree.findtext("meta/language")
    assert (len(parsed), sum(len(_articles(p)) for p in parsed.values()), unnamed) == (75, 15_547, 625)


def test_texts_are_those_of_the_file_but_for_blanks_and_page_numbers(folder: Path) -> None:
    parsed = _parsed(folder)
    different = 0
    for name, data in _files(folder).items():
        for article, unit in zip(ElementTree.fromstring(data).iter("article"), _articles(parsed[name]), strict=True):
            raw = article.text or ""
            different += _folded(raw) != _folded(unit.text)
            assert _without_numbers(raw) == _without_numbers(unit.text) or _letters(raw) == _letters(unit.text)
    assert different < 600  # of 15,547: the articles in which numbers stand alone on a line


def _letters(text: str) -> str:
    """Letters alone, composed: a number alone on its line in the file stands beside a word in the unit's text."""
    return re.sub(r"[\s\d\W]|_", "", unicodedata.normalize("NFC", text).replace("\xad", ""))


def test_labelled_articles_have_the_labelled_texts_and_headings(folder: Path) -> None:
    texts = {unit.id: unit for parsed in _parsed(folder).values() for unit in _articles(parsed)}
    lines = (folder.parent / "articles_dev.jsonl").read_text(encoding="utf-8").splitlines()
    exact = 0
    for line in lines:
        label = json.loads(line)
        unit = texts[label["id"]]
        cut = CUT_IN_LABELS.get(label["id"], "")
        wanted, found = _folded(f"{cut} {label['text']}"), _folded(unit.text)
        exact += wanted == found
        assert wanted == found or _words(label["text"]) == _words(unit.text)
        assert unit.heading == label["heading"] or re.sub(r"\d+$", "", label["heading"]) == unit.heading
    assert len(lines) == 1214
    assert exact >= 1160  # the rest hold numbers alone on a line


def _words(text: str) -> list[str]:
    """All words but numbers."""
    return [word for word in text.split() if not re.fullmatch(r"\d{1,4}", word)]


def test_headings_have_no_footnote_digits(folder: Path) -> None:
    glued = [
        unit.heading
        for parsed in _parsed(folder).values()
        for unit in parsed.units
        if unit.kind in ("article", "chapter") and re.search(r"[^\W\d_]{3}\d", unit.heading)
    ]
    assert glued == []


def test_places_are_those_of_the_elements(folder: Path) -> None:
    for name, data in _files(folder).items():
        for unit in _articles(_parsed(folder)[name]):
            element = ElementTree.fromstring(data[unit.source.start : unit.source.end])
            assert (element.tag, f"{name}/{element.get('article_identifier')}") == ("article", unit.id)


def test_paragraphs_are_those_whose_numbers_run_on(folder: Path) -> None:
    """Where all numbers at the start of a line are 1, 2, 3 ..., each is a paragraph: counted by a plain loop."""
    for parsed in _parsed(folder).values():
        children = Counter(unit.parent for unit in parsed.units if unit.kind == "paragraph")
        for unit in _articles(parsed):
            numbers = [int(line.split(".")[0]) for line in unit.text.split("\n") if re.match(r"\d{1,3}\.(?: |$)", line)]
            if numbers and numbers == list(range(1, len(numbers) + 1)):
                assert children[unit.id] == len(numbers), unit.id


def test_agreements_printed_as_plain_text_are_split_as_they_are_marked(folder: Path) -> None:
    printed = found = extra = 0
    for name, data in list(_files(folder).items())[::3]:
        tree = ElementTree.fromstring(data)
        out, wanted = [], Counter[str]()
        for chapter in tree.iter("chapter"):
            number = chapter.get("number", "")
            if number:
                out.append(f"\n{'CHAPTER ' if number[0].isdigit() else ''}{number}\n{chapter.get('name', '')}\n")
            for article in chapter.iter("article"):
                if head := article.get("number"):
                    out.append(f"\n{head}\n{article.get('name', '')}\n")
                    wanted[re.sub(r"^\D+\s", "", head) if head[0] == "A" else head] += 1
                out.append(article.text or "")
        lang = tree.findtext("meta/language") or ""
        parsed = readers.parse("\n".join(out).encode(), name=f"{name}.txt", id=name, lang=lang)
        got = Counter(unit.number for unit in _articles(parsed))
        printed += wanted.total()
        found += (wanted & got).total()
        extra += (got - wanted).total()
    assert found >= 0.995 * printed
    assert extra <= 0.005 * printed
