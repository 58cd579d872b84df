"""The heading splitter: traps of treaty texts in six languages, each with what a reader would say."""

from __future__ import annotations

from itertools import pairwise

import pytest

from concordat.rulebook.readers import _heads, _split
from concordat.rulebook.readers._split import Split, lines_of


def _split_text(text: str, lang: str = "en") -> Split:
    return _split.split(lines_of(text), lang, where="x.txt")


def _articles(text: str, lang: str = "en") -> list[tuple[str, str, str]]:
    return [(p.number, p.heading, p.text) for p in _split_text(text, lang).parts if p.kind == "article"]


def _shape(text: str, lang: str = "en") -> list[tuple[str, str, str]]:
    return [(p.kind, p.number, p.heading) for p in _split_text(text, lang).parts]


def test_a_title_stands_on_the_line_of_the_number_or_on_the_next_one() -> None:
    text = "Article 1: Scope\nIt covers all.\n\nArticle 2\n\nFlow of Data\n1. Each Party shall allow it.\n"
    assert _articles(text) == [("1", "Scope", "It covers all."), ("2", "Flow of Data", "1. Each Party shall allow it.")]


@pytest.mark.parametrize(
    "line",
    [
        "1. Each Party shall allow it.",  # a number in front
        "(a) data;",  # a bracket in front
        "The Parties cooperate.",  # a full stop behind
        "The Parties shall work together on the many questions that data raise among them all",  # 15 words
        "Each Party shall:",  # goes on
    ],
)
def test_the_next_line_is_no_title_if_it_looks_like_the_text(line: str) -> None:
    text = f"Article 1\n{line}\nMore follows.\nArticle 2: End\nIt ends.\n"
    first = _articles(text)[0]
    assert first[1] == ""
    assert first[2].startswith(line)


def test_a_title_cut_behind_a_preposition_goes_on() -> None:
    text = "Article 1\nCross-Border Transfer of Information by\nElectronic Means\n1. Yes.\nArticle 2: End\nIt ends.\n"
    assert _articles(text)[0] == ("1", "Cross-Border Transfer of Information by Electronic Means", "1. Yes.")


@pytest.mark.parametrize(
    "wrapped",
    [
        "as it is laid down\nArticle 2 of the WTO Agreement says so.",  # of
        "as it is said,\nArticle 2 and Article 9 say so.",  # and
        "A measure that falls under\nArticle 2 (Exceptions)",  # the line before ends with a preposition
        "It is so pursuant to\n\nArticle 2 National Treatment\nand other rules.",  # also across a blank line
        "The rule is that\nArticle 2 shall not apply.",  # shall
        "The rule stands in\narticle 2 as it is.",  # small letter behind
        "It is so.\nArticle 2(b) rules it.",  # a paragraph of an article
        "It is so.\nArticle 2, paragraph 4, rules it.",
        "It is so.\nArticle 2 (Definitions) gives the words.",
        "It is so by the rules of\nArticle 2",
        "There are two:\nArticle 2;\nArticle 7,\nand no other.",  # a list
    ],
)
def test_a_cross_reference_at_the_start_of_a_line_begins_no_article(wrapped: str) -> None:
    text = f"Article 1: Scope\n{wrapped}\n\nArticle 3: Flow\nFree.\n\nArticle 4: End\nIt ends.\n"
    assert [number for number, _, _ in _articles(text)] == ["1", "3", "4"]
    assert "Article 2" in _articles(text)[0][2].replace("article", "Article")


def test_a_number_that_does_not_fit_is_text() -> None:
    text = "Article 1: Scope\nIt says:\nArticle 17 Fees\nNone.\nArticle 2: Flow\nFree.\nArticle 3: End\nIt ends.\n"
    assert [number for number, _, _ in _articles(text)] == ["1", "2", "3"]


def test_roman_numerals_count_and_words_of_such_letters_do_not() -> None:
    text = "ARTICLE IX\nScope\nAll.\nARTICLE X\nFlow\nFree.\nArticle Civil Code\nARTICLE XI\nEnd\nIt ends.\n"
    assert [(number, heading) for number, heading, _ in _articles(text)] == [
        ("IX", "Scope"),
        ("X", "Flow"),
        ("XI", "End"),
    ]


def test_numbers_begin_anew_at_a_chapter_but_not_elsewhere() -> None:
    text = (
        "CHAPTER 1\nGeneral\nArticle 1: Scope\nAll.\nArticle 2: Words\nData are data.\n"
        "CHAPTER 2\nFlow\nArticle 1: Free\nYes.\nArticle 2: Limits\nNo.\n"
    )
    assert _shape(text) == [
        ("chapter", "1", "General"), ("article", "1", "Scope"), ("article", "2", "Words"),
        ("chapter", "2", "Flow"), ("article", "1", "Free"), ("article", "2", "Limits"),
    ]  # fmt: skip


def test_one_reference_behind_a_chapter_does_not_break_a_numbering_that_runs_through() -> None:
    text = (
        "CHAPTER 1\nGeneral\nArticle 1: Scope\nAll.\nArticle 2: Words\nData.\nArticle 3: More\nYes.\n"
        "CHAPTER 2\nFlow\nArticle 2 Fees\nArticle 4: Free\nYes.\nArticle 5: Limits\nNo.\n"
    )
    assert [number for number, _, _ in _articles(text)] == ["1", "2", "3", "4", "5"]


CONTENTS = """DATA AGREEMENT
{head}
Chapter 1 General{end}
Article 1 Scope{end}
Article 2 Words{end}
Chapter 2 Flow{end}
Article 3 Transfers{end}
Annex 1 Lists{end}

The Parties, wishing to do more together in the digital economy of both, have agreed:

CHAPTER 1
General
Article 1
Scope
It covers measures that affect the digital trade of the Parties.
Article 2
Words
Data are what can be kept, sent and read by a machine or a person.
CHAPTER 2
Flow
Article 3
Transfers
Each Party shall allow them, for the conduct of a covered business.
ANNEX 1
Lists
None is made at this time.
"""


@pytest.mark.parametrize("head", ["CONTENTS", "Table of contents", ""])
@pytest.mark.parametrize("end", ["", " 3", " ........ 3", "\t3"])
def test_a_contents_list_is_dropped(head: str, end: str) -> None:
    text = CONTENTS.format(head=head, end=end)
    assert _shape(text) == [
        ("preamble", "", ""), ("chapter", "1", "General"), ("article", "1", "Scope"), ("article", "2", "Words"),
        ("chapter", "2", "Flow"), ("article", "3", "Transfers"), ("annex", "1", "Lists"),
    ]  # fmt: skip
    assert _split_text(text).parts[0].text == (
        "DATA AGREEMENT\nThe Parties, wishing to do more together in the digital economy of both, have agreed:"
    )


def test_short_articles_that_never_come_again_are_no_contents_list() -> None:
    text = "Article 1: Scope\nAll.\nArticle 2: Flow\nFree.\nArticle 3: End\nIt ends.\n"
    assert [number for number, _, _ in _articles(text)] == ["1", "2", "3"]


def test_a_running_head_is_no_new_chapter() -> None:
    text = (
        "CHAPTER 14\nElectronic Commerce\nArticle 14.1: Scope\nIt covers all that is sent by\nCHAPTER 14\nwire.\n"
        "Article 14.2: Flow\nFree.\n"
    )
    assert [kind for kind, _, _ in _shape(text)] == ["chapter", "article", "article"]


def test_an_annex_numbers_its_own_articles_and_one_that_is_only_named_ends_nothing() -> None:
    text = (
        "Article 1: Scope\nAll, by\nAnnex 1 and by\nAnnex 2\nas it stands.\nArticle 2: Flow\nFree.\n"
        "ANNEX 1\nFees\nArticle 1: None\nNo fee.\nArticle 2: Ever\nNever.\n"
    )
    assert _shape(text) == [
        ("article", "1", "Scope"), ("article", "2", "Flow"), ("annex", "1", "Fees"),
        ("article", "1", "None"), ("article", "2", "Ever"),
    ]  # fmt: skip


def test_a_section_among_articles_is_part_of_its_chapter_and_alone_it_is_an_article() -> None:
    mixed = "Section A\nRules\nArticle 1: Scope\nAll.\nSection B\nAid\nArticle 2: Flow\nFree.\nArticle 3: End\nEnds.\n"
    assert [kind for kind, _, _ in _shape(mixed)] == ["section", "article", "section", "article", "article"]
    alone = "Section 1 Fairness\nBe fair.\nSection 2 Safety\nBe safe.\n"
    assert _articles(alone) == [("1", "Fairness", "Be fair."), ("2", "Safety", "Be safe.")]


@pytest.mark.parametrize("word", ["Rule", "Principle", "Art."])
def test_other_words_for_an_article(word: str) -> None:
    text = f"{word} 1: Fairness\nBe fair.\n{word} 2: Safety\nBe safe.\n"
    assert _articles(text) == [("1", "Fairness", "Be fair."), ("2", "Safety", "Be safe.")]


def test_a_line_over_120_characters_is_taken_only_if_its_number_is_the_missing_one() -> None:
    long = "The Parties shall work together on data " * 4
    text = f"Article 1: Scope\nAll.\nArticle 2. {long}\nArticle 9. {long}\nArticle 3: End\nIt ends.\n"
    assert [number for number, _, _ in _articles(text)] == ["1", "2", "3"]


def test_without_articles_numbered_paragraphs_or_blank_lines_divide_and_it_is_said() -> None:
    numbered = _split_text("Declaration\nWe met.\n1. We shall share\nour data.\n2. We shall meet.\n")
    assert [(p.kind, p.number, p.text) for p in numbered.parts] == [
        ("preamble", "", "Declaration We met."),
        ("paragraph", "1", "We shall share our data."),
        ("paragraph", "2", "We shall meet."),
    ]
    blank = _split_text("We met.\n\nWe shall share\nour data.\n\n---\n")
    assert [(p.number, p.text) for p in blank.parts] == [("p1", "We met."), ("p2", "We shall share our data.")]
    assert len(blank.warnings) == 1
    assert blank.warnings[0].startswith("x.txt: no article was found, so it is split into paragraphs.")
    assert blank.warnings[0].endswith('It begins with "We met.", "We shall share", "our data.".')


SIX = {
    "en": ("Article 1|Scope|It covers data.||Article 2|Flow|See|Article 1 of it.|", ["Scope", "Flow"]),
    "es": (
        "CAPÍTULO I|Reglas|Artículo 1.º|Ámbito|Abarca datos.|Articulo 2.- De los flujos|Según el|Artículo 9 vale.|",
        ["Ámbito", "De los flujos"],
    ),
    "fr": (
        "CHAPITRE PREMIER|But|Article premier|Objet|Il couvre tout.|Article 2 – Flux|En vertu de|Article 9 il vaut.|",
        ["Objet", "Flux"],
    ),
    "pt": (
        "CAPÍTULO I|Regras|Artigo 1.º|Âmbito|Abrange dados.|ARTIGO 2º - Fluxo|Nos termos do|Artigo 9.º vale.|",
        ["Âmbito", "Fluxo"],
    ),
    "ru": (
        "Глава 1|Правила|Статья 1. Сфера|Все данные.|Статья 2|Передача|В соответствии со|Статья 9 Соглашения.|",
        ["Сфера", "Передача"],
    ),
    "zh": ("第一章 规则|第一条 定义|数据是数据。|第2条　流动|各方根据|第九条的规定执行。|", ["定义", "流动"]),
}


@pytest.mark.parametrize("lang", SIX)
def test_headings_and_cross_references_of_six_languages(lang: str) -> None:
    text, headings = SIX[lang][0].replace("|", "\n"), SIX[lang][1]
    found = _split_text(text, lang)
    assert [part.heading for part in found.parts if part.kind == "article"] == headings
    # The language asked for is only tried first: with a wrong one the articles are found all the same.
    other = _split_text(text, "en" if lang != "en" else "ru")
    assert [part.heading for part in other.parts if part.kind == "article"] == headings


def test_chinese_lines_are_joined_without_a_blank_and_titles_may_begin_with_a_particle() -> None:
    text = "第一条 中小企业\n各方应当支\n持企业。\n\n第二条 与其他协定的关系\n不影响。\n\n第三条之一 定义\n数据。\n"
    assert _articles(text, "zh") == [
        ("一", "中小企业", "各方应当支持企业。"), ("二", "与其他协定的关系", "不影响。"), ("三之一", "定义", "数据。"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [("4.9", "4.10"), ("5", "5a"), ("5a", "5 bis"), ("5 bis", "5 ter"), ("5 ter", "6"), ("九", "十一"), ("IX", "X")],
)
def test_numbers_sort_as_they_are_meant(smaller: str, larger: str) -> None:
    low, high = _heads.key_of(smaller), _heads.key_of(larger)
    assert low is not None
    assert high is not None
    assert low < high


def test_nothing_is_found_in_nothing() -> None:
    assert _split_text("").parts == ()
    assert [part.kind for part in _split_text("Article 1\n").parts] == ["paragraph"]


def _longest(keys: list[int], segments: list[int]) -> int:
    """The most headings of a run by trying all subsets: increasing, or anew at 1 in a later segment."""
    best = 0
    for mask in range(1 << len(keys)):
        chosen = [i for i in range(len(keys)) if mask >> i & 1]
        if all(keys[a] < keys[b] or (segments[a] < segments[b] and keys[b] == 1) for a, b in pairwise(chosen)):
            best = max(best, len(chosen))
    return best


@pytest.mark.parametrize(
    ("keys", "fences"),
    [
        ([1, 2, 3], []),
        ([5, 1, 2, 9, 3, 4], []),
        ([1, 2, 1, 2, 3], [2]),
        ([1, 2, 1, 2, 3], []),
        ([3, 1, 4, 1, 5, 9, 2, 6], [3]),
        ([2, 1, 1, 1], [1, 2, 3]),
    ],
)
def test_the_best_run_is_as_long_as_that_of_all_subsets(keys: list[int], fences: list[int]) -> None:
    heads = [
        _heads.Head("article", "article", str(key), ((key, 0),), "", "", line, line + 1)
        for line, key in enumerate(keys)
    ]
    run = _split.best_run(heads, [fence - 0.5 for fence in fences])  # type: ignore[misc]
    assert len(run) == _longest(keys, [sum(fence <= i for fence in fences) for i in range(len(keys))])
