"""Splitting: what is joined comes apart again in six languages; parts are verbatim; what is read twice is the same."""

from __future__ import annotations

import contextlib
import hashlib
import textwrap
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import ConcordatError
from concordat.rulebook import _clean, readers
from concordat.rulebook.readers import _split
from concordat.rulebook.readers._units import longest_increasing, paragraphs

WORDS = {
    "en": "each party shall allow the transfer of information data networks between them by electronic means",
    "es": "cada parte permitirá la transferencia de los datos entre las redes por medios electrónicos y su uso",
    "fr": "chaque partie autorise le transfert des données entre les réseaux par des moyens électroniques",
    "pt": "cada parte permitirá a transferência dos dados entre as redes por meios eletrônicos e o seu uso",
    "ru": "каждая сторона разрешает передачу информации и данных между сетями с помощью электронных средств",
    "zh": "各 方 应 当 允 许 通 过 电 子 方 式 跨 境 传 输 信 息 数 据 网 络",
}
HEADS = {
    "en": ("Article {n}", ":"), "es": ("Artículo {n}", "."), "fr": ("Article {n}", " –"),
    "pt": ("Artigo {n}.º", " -"), "ru": ("Статья {n}", "."), "zh": ("第{n}条", " "),
}  # fmt: skip
Article = tuple[str, str, str]


def _sentence(words: list[str], lang: str) -> str:
    if lang == "zh":
        return "".join(words) + "。"
    return (" ".join(words) + ".").capitalize()


@st.composite
def articles(draw: st.DrawFn, lang: str) -> list[Article]:
    """Articles with increasing numbers, titles and paragraphs, as a reader should give them back."""
    word = st.sampled_from([w for w in WORDS[lang].split() if len(w) > 2 or lang == "zh"])
    chapter = draw(st.integers(0, 9))
    numbers = sorted(draw(st.sets(st.integers(1, 40), min_size=2, max_size=6)))
    result = []
    for number in numbers:
        title = draw(st.lists(word.filter(lambda w: w != "shall"), min_size=1, max_size=3))  # it marks a reference
        body = draw(st.lists(st.lists(word, min_size=4, max_size=30), min_size=1, max_size=4))
        sentences = [_sentence(words, lang) for words in body]
        if len(sentences) > 1 and draw(st.booleans()):
            sentences = [f"{place}. {sentence}" for place, sentence in enumerate(sentences, start=1)]
        heading = "".join(title) if lang == "zh" else " ".join(title).capitalize()
        result.append(
            (f"{chapter}.{number}" if chapter and lang != "zh" else str(number), heading, "\n".join(sentences))
        )
    return result


def _wrapped(text: str, width: int, lang: str) -> str:
    """Each paragraph cut into lines: at blanks, in Chinese anywhere."""
    cut = []
    for paragraph in text.split("\n"):
        if lang == "zh":
            lines = [paragraph[at : at + width] for at in range(0, len(paragraph), width)]
        else:
            lines = textwrap.wrap(paragraph, width)
        cut.append("\n".join(lines))
    return "\n\n".join(cut)


def _joined(wanted: list[Article], lang: str, *, below: bool, width: int) -> str:
    pattern, separator = HEADS[lang]
    out = []
    for number, heading, text in wanted:
        head = pattern.format(n=number)
        out.append(f"{head}\n{heading}" if below else f"{head}{separator} {heading}")
        out.append(_wrapped(text, width, lang))
    return "\n\n".join(out)


@pytest.mark.parametrize("lang", sorted(WORDS))
@given(data=st.data())
@settings(max_examples=60)
def test_articles_that_are_joined_come_apart_again(lang: str, data: st.DataObject) -> None:
    wanted = data.draw(articles(lang))
    below = data.draw(st.booleans())
    width = data.draw(st.integers(30, 120))
    found = _split.split(_split.lines_of(_joined(wanted, lang, below=below, width=width)), lang)
    assert [(part.number, part.heading, part.text) for part in found.parts] == wanted


@pytest.mark.parametrize("lang", sorted(WORDS))
@given(data=st.data())
@settings(max_examples=25)
def test_units_are_hashed_verbatim_and_stable(lang: str, data: st.DataObject) -> None:
    raw = _joined(data.draw(articles(lang)), lang, below=False, width=60).encode()
    parsed = readers.parse(raw, name="x.txt", id="x", lang=lang)
    assert parsed == readers.parse(raw, name="x.txt", id="x", lang=lang)
    texts = {unit.id: unit.text for unit in parsed.units}
    assert len(texts) == len(parsed.units)
    for place, unit in enumerate(parsed.units):
        assert unit.order == place
        assert unit.sha256 == hashlib.sha256(unit.text.encode()).hexdigest()
        if unit.kind == "paragraph":
            assert unit.text in texts[unit.parent]
        else:
            piece = raw[unit.source.start : unit.source.end].decode()
            assert "".join(unit.text.split()) in "".join(piece.split())


@given(st.text(max_size=400))
def test_sentences_cover_a_text_and_do_not_overlap(text: str) -> None:
    last = 0
    spans = _clean.sentences(text)
    for start, end in spans:
        assert last <= start < end
        assert text[last:start].strip() == ""
        assert text[start:end] == text[start:end].strip()
        last = end
    assert text[last:].strip() == ""


@given(st.text(alphabet="aZé \n\t\xa0.,;:1(2)b一。", max_size=200), st.sampled_from(["soft", "hard", "always"]))
def test_tidying_changes_blanks_alone_and_twice_is_once(text: str, blank: _clean.Blank) -> None:
    once = _clean.tidy(text, blank=blank)
    assert "".join(once.split()) == "".join(text.split())
    assert "  " not in once
    assert "\n\n" not in once
    assert once == once.strip()


@given(st.lists(st.integers(0, 12), max_size=9))
def test_the_longest_increasing_run_is_that_of_all_subsets(values: list[int]) -> None:
    run = longest_increasing(values)
    assert all(values[a] < values[b] and a < b for a, b in pairwise(run))
    best = 0
    for mask in range(1 << len(values)):
        chosen = [value for i, value in enumerate(values) if mask >> i & 1]
        if all(a < b for a, b in pairwise(chosen)):
            best = max(best, len(chosen))
    assert len(run) == best


@given(st.text(alphabet="12. ()ab\nxyz", max_size=120))
def test_parts_of_an_article_lie_in_it_in_order(text: str) -> None:
    tidy = _clean.tidy(text)
    last = 0
    for _, start, end, points in paragraphs(tidy):
        assert last <= start < end <= len(tidy)
        inner = start
        for _, first, stop in points:
            assert inner <= first < stop <= end
            inner = stop
        last = end


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    for front in (b"", b"<treaty>", b"<html>", b"%PDF-1.4\n", b"Article 1\n"):
        with contextlib.suppress(ConcordatError):  # any other exception fails
            assert readers.parse(front + data, name="x", id="x", lang="en").units
