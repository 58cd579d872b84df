"""A report in several languages: which, in which order, what is shared, and how names and lists are written in each."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from concordat.errors import InputError
from concordat.report import build, render_html, render_pdf
from concordat.report import messages as module
from concordat.report.chapter import Num, Report
from concordat.report.inputs import order_of
from concordat.report.messages import Messages, lowered
from concordat.report.outline import own_name
from concordat.report.study import LANGUAGES, check_languages, read_study, study_for_bloc, study_for_countries

BRICS = "schema: concordat/study@1\nbloc: {id: BRICS, date: 2026-11-22}\n"


# --- The study ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "options", "languages"),
    [
        ("", {}, ("en",)),
        ("", {"language": "pt"}, ("pt",)),  # the setting, where neither study nor option says
        ("report: {languages: [ar, en]}\n", {"language": "pt"}, ("ar", "en")),
        ("report: {languages: [ar, en]}\n", {"language": "pt", "languages": ("zh",)}, ("zh",)),
    ],
)
def test_option_then_study_then_setting_say_the_languages(
    written: str, options: dict[str, Any], languages: tuple[str, ...]
) -> None:
    study = read_study(BRICS + written, **options)
    assert (study.languages, study.language) == (languages, languages[0])
    assert read_study(study.as_yaml(), language="hi").languages == languages


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_default_title_follows_the_language_and_a_title_of_ones_own_stays(language: str) -> None:
    study = study_for_bloc("BRICS", languages=("en", language) if language != "en" else ("en",))
    other = study.in_language(language)
    assert "2026" in other.title
    assert (other.title == study.title) == (language == "en")
    assert other.hash == study.hash  # of the one study file that stands beside both pages
    own = replace(study, title="Our title").in_language(language)
    assert own.title == "Our title"


@pytest.mark.parametrize(
    ("languages", "words"),
    [
        (["xx"], 'reports are not written in "xx". Give one or more of: en, zh, ru, pt, ar, hi, fr, es.'),
        (["EN"], 'reports are not written in "EN"'),
        (["en", ""], 'reports are not written in ""'),
        (["en", "ar", "en"], "a language stands twice. Name each once."),
    ],
)
def test_a_wrong_language_is_refused(languages: list[str], words: str) -> None:
    with pytest.raises(InputError) as found:
        check_languages(languages, where="--language")
    assert words in str(found.value)


def test_pages_are_named_by_language_and_the_first_has_the_plain_name() -> None:
    study = study_for_bloc("BRICS", languages=("pt", "en"))
    assert [build.page_name(study, lang, "html") for lang in study.languages] == ["report.html", "report.en.html"]


# --- Words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "countries", "who"),
    [
        ("en", ["BRA", "IND", "ZAF"], "Brazil, India and South Africa"),
        ("es", ["BRA", "IND"], "Brasil e India"),  # "y" before the sound i
        ("es", ["BRA", "ZAF"], "Brasil y Sudáfrica"),
        ("fr", ["BRA", "IND"], "Brésil et Inde"),
        ("zh", ["BRA", "IND", "ZAF"], "巴西、印度和南非"),
        ("ar", ["BRA", "IND"], "البرازيل والهند"),
        ("ru", ["BRA", "CHN", "EGY", "ETH", "IND"], "5 стран"),
        ("ru", ["BRA", "CHN"], "Бразилия и Китай"),
    ],
)
def test_lists_of_names_are_joined_as_the_language_joins_them(language: str, countries: list[str], who: str) -> None:
    assert who in study_for_countries(countries, languages=(language,)).title


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("fr", ["Afrique du Sud", "Égypte", "Éthiopie", "Inde"]),
        ("pt", ["África do Sul", "Brasil", "Índia", "Irã"]),
        ("ru", ["Бразилия", "Ёмен", "Индия"]),
        ("zh", ["阿拉伯联合酋长国", "埃及", "巴西", "俄罗斯", "中国"]),  # a, ai, ba, e, zhong
        ("en", ["Djibouti", "DR Congo", "Eritrea"]),
    ],
)
def test_names_are_sorted_as_readers_of_the_language_expect(language: str, names: list[str]) -> None:
    shuffled = [*names[1:], names[0]]
    assert sorted(shuffled, key=lambda name: order_of(name, language)) == names


def test_a_name_inside_a_sentence_keeps_its_abbreviation() -> None:
    assert [lowered(n) for n in ("Population", "GDP", "ВВП", "Население", "人口", "", "3G network", "A")] == [
        "population", "GDP", "ВВП", "население", "人口", "", "3G network", "a",
    ]  # fmt: skip


def test_a_number_given_as_an_integer_chooses_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {"k": {"one": "{count} член", "few": "{count} члена", "many": "{count} членов", "other": "{count} x"}}
    monkeypatch.setattr(module, "_catalogue", {"en": entries, "ru": entries}.get)
    assert [Messages("ru").plain("k", count=n) for n in (1, 3, 5, 21, 1234567)] == [
        "1 член", "3 члена", "5 членов", "21 член", "1,23\u00a0миллиона членов",
    ]  # fmt: skip


def test_chinese_sentences_follow_without_a_space() -> None:
    pair = (("一。",), ("二。",))
    assert Messages("zh").sentences(*pair) == ("一。", "二。")
    assert Messages("ru").sentences(*pair) == ("一。", " ", "二。")
    assert Messages("ru").sentences() == ()


def test_every_language_but_english_is_unread_and_calls_itself_by_its_own_name() -> None:
    assert [language for language in LANGUAGES if not Messages(language).unread] == ["en"]
    assert [own_name(language) for language in ("pt", "ar", "zh")] == ["português", "العربية", "中文"]


# --- Pages --------------------------------------------------------------------------------------------------------


@pytest.fixture
def arabic(sample: ModuleType) -> Report:
    return replace(sample.sample_report(), language="ar", others=(("en", "report.html"),))


def test_numbers_keep_their_order_on_a_page_that_runs_from_right_to_left(arabic: Report) -> None:
    page = render_html.BlocksHtml(arabic, Messages("ar"), {})
    both = str(page.num(Num(68.1, 67.6, 68.6, "percent", arabic.sources[0].dataset_id * 4)))
    assert both.startswith('<bdi dir="ltr"><b ')
    assert '<span class="iv">\u00a0<bdi dir="ltr">(<b ' in both  # the gap stays between the number and its interval
    words = str(page.num(Num(1.23e9, unit="count", id="ab" * 16)))
    assert words.startswith('<bdi dir="rtl">')  # "1.23 مليار" is read from the right


def test_the_arabic_page_runs_from_right_to_left_and_links_to_its_twin(arabic: Report) -> None:
    text = render_html.render(arabic, Messages("ar")).decode()
    assert '<html lang="ar" dir="rtl">' in text
    assert '<a href="report.html" hreflang="en" lang="en">English</a>' in text
    assert "svg,code{direction:ltr" in text
    assert "svg,code{direction:ltr" not in render_html.render(replace(arabic, language="pt"), Messages("pt")).decode()


def test_in_the_pdf_a_number_is_a_box_of_its_own_direction() -> None:
    sample = Report("t", "", "ar", (), (), (), (), 8, "2026-11-22T00:00:00Z")
    document = render_pdf._Document(sample, Messages("ar"), {})
    assert document.data()["rtl"] is True
    found = document.num(Num(68.1, 67.6, 68.6, "percent", "ab" * 16))
    assert (found["text"], found["interval"], found["alone"]) == ("68.1%", "(67.6–68.6)", True)
    assert document.num(Num(1.23e9, unit="count", id="ab" * 16))["alone"] is False
