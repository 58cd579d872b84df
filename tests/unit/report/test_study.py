"""A study is read strictly, filled in, and written so that reading it gives the same study."""

from __future__ import annotations

from datetime import date

import pytest

from concordat.errors import InputError
from concordat.report.build import read_options
from concordat.report.study import read_study, study_for_bloc, study_for_countries

HEAD = "schema: concordat/study@1\n"
BRICS = HEAD + "bloc: {id: BRICS, date: 2026-11-22}\n"


def test_the_default_study_of_a_bloc_is_of_today() -> None:
    study = study_for_bloc("brics")
    assert (study.bloc_id, study.on, study.year) == ("BRICS", date(2026, 11, 22), 2026)
    assert study.title == "State of digital governance in BRICS 2026"
    assert study.folder_name == "brics-2026"
    assert study.with_invited
    assert study.compare_with_world


@pytest.mark.parametrize(
    ("names", "areas", "folder", "title"),
    [
        (["IND", "Brazil", "za"], ("BRA", "IND", "ZAF"), "bra-ind-zaf-2026", "in Brazil, India and South Africa 2026"),
        (["Namibia"], ("NAM",), "nam-2026", "in Namibia 2026"),
        (["NA"], ("NAM",), "nam-2026", "in Namibia 2026"),
        (["BRA", "IND", "ZAF", "CHN", "RUS", "EGY"], None, "group-of-6-2026", "in 6 countries 2026"),
    ],
)
def test_countries_are_named_by_code_or_name(
    names: list[str], areas: tuple[str, ...] | None, folder: str, title: str
) -> None:
    study = study_for_countries(names)
    assert areas is None or study.countries == areas
    assert study.folder_name == folder
    assert study.title.endswith(title)


@pytest.mark.parametrize(
    "text",
    [
        BRICS,
        HEAD + "countries: [BRA, IND]\ndate: 2020-02-29\n",
        BRICS + "report: {title: 'Строка, 标题: #1', year: 2025}\ntime: {mode: common, not_after: 2020}\n",
        BRICS + "aggregate: {min_coverage: 0.5}\ndivide: {indicators: [internet_users_pct]}\ncompare_with: []\n",
        BRICS + "indicators: {only: [gini_index], topics: [inclusion], headline_first: false}\n",
        HEAD + "countries: [Grande-Bretagne]\naliases: {Grande-Bretagne: GBR}\n",
        HEAD + "bloc: {id: G20, date: 2026-01-01, with: [], expand: true}\n",
    ],
)
def test_what_is_written_reads_as_the_same_study(text: str) -> None:
    from dataclasses import replace

    first = read_study(text)
    first = replace(first, resolved=read_options(first))
    again = read_study(first.as_yaml())
    again = replace(again, resolved=read_options(again))
    assert again.as_yaml() == first.as_yaml()
    assert again.hash == first.hash


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD + "blok: {id: BRICS}\n", 'study.yaml, line 2: "blok" is not a key I know here. Did you mean "bloc"?'),
        (HEAD + "bloc: {id: BRIC}\n", '"BRIC" is not a bloc I know. Did you mean "BRICS"?'),
        (HEAD + "bloc: {id: BRICS, dat: 2026-01-01}\n", "dat"),
        (HEAD + "bloc: {id: BRICS, date: 2026-02-30}\n", '"2026-02-30" is not a day.'),
        (HEAD + "bloc: {id: BRICS}\ncountries: [BRA]\n", "names a bloc and countries"),
        (HEAD, "names neither a bloc nor countries"),
        (HEAD + "countries: []\n", "the list of countries is empty"),
        (HEAD + "countries: [BRA, Brazil]\n", '"Brazil" (BRA) stands twice'),
        (HEAD + "countries: [Brasilia]\n", '"Brasilia" is not a country I know'),
        (HEAD + "countries: BRA\n", "countries"),
        (BRICS + "date: 2026-01-01\n", "a bloc's day stands under bloc"),
        (BRICS + "report: {languages: [xx]}\n", "reports are complete in en, zh, ru, pt, ar, hi, fr, es only"),
        (BRICS + "compare_with: [EU]\n", "compare_with"),
        ("schema: concordat/blocs@1\n", "this must be concordat/study@1"),
        ("bloc: {id: BRICS}\n", "does not say its schema"),
        ("", "holds no keys"),
        (BRICS + "bloc: {id: G20}\n", "bloc"),
    ],
)
def test_a_wrong_study_says_what_is_wrong_and_where(text: str, words: str) -> None:
    with pytest.raises(InputError) as found:
        read_study(text)
    assert words in str(found.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (
            "indicators: {topics: [conectivity]}\n",
            'line 3: "conectivity" is not a topic I know. Did you mean "connectivity"',
        ),
        ("indicators: {only: [internet_user_pct]}\n", 'Did you mean "internet_users_pct"'),
        ("divide: {indicators: [gini]}\n", '"gini" is not an indicator I know'),
        ("time: {mode: newest}\n", "mode"),
        ("time: {not_after: 1066}\n", "not_after"),
        ("aggregate: {min_coverage: 0.4}\n", "min_coverage"),
        ("aggregate: {min_coverage: yes}\n", "min_coverage"),
        ("divide: {indicator: []}\n", 'Did you mean "indicators"?'),
    ],
)
def test_the_chapters_check_their_own_keys(keys: str, words: str) -> None:
    with pytest.raises(InputError) as found:
        read_options(read_study(BRICS + keys))
    assert words in str(found.value)
