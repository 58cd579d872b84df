"""How names are compared, what is suggested for an unknown one, and how areas are called in the blocs' languages."""

from __future__ import annotations

import pytest

from concordat.errors import InputError
from concordat.world import area_name, normalise
from concordat.world.names import any_of, edit_distance, jaro_winkler, plain_code, suggest

# --- Comparison -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Côte d'Ivoire", "cote d’ivoire"),
        ("Co\u0302te d\u2019Ivoire", "Côte d'Ivoire"),  # combining mark, composed mark
        ("Viet\u200bNam", "VietNam"),  # zero-width space
        ("\ufeffBrazil", "Brazil"),  # byte-order mark
        ("Ger\u00admany", "Germany"),  # soft hyphen
        ("\u200fIran\u200e", "Iran"),  # marks of direction
        ("Ｂｒａｚｉｌ", "Brazil"),  # full width
        ("TÜRKİYE", "Türkiye"),  # capital dotted i
        ("STRASSE", "Straße"),
        ("STRAẞE", "straße"),
        ("Trinidad & Tobago", "Trinidad and Tobago"),
        ("Trinidad&Tobago", "TRINIDAD AND TOBAGO"),
        ("Guinea–Bissau", "Guinea-Bissau"),
        ("U.S.A.", "USA"),
        ("Bosnia  and\tHerzegovina\u00a0", "Bosnia and Herzegovina"),
        ("الصِّين", "الصين"),  # vowel marks
        ("ﷺ", "صلى الله عليه وسلم"),  # one code point, four words
    ],
)
def test_two_spellings_of_one_name_compare_equal(one: str, two: str) -> None:
    assert normalise(one) == normalise(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Niger", "Nigeria"),
        ("Guinea", "Guinea-Bissau"),
        ("Dominica", "Dominican"),
        ("Türkıye", "Türkiye"),  # dotless i is another letter
        ("North Korea", "NorthKorea"),
        ("ايران", "إيران ١"),
    ],
)
def test_nothing_weaker_compares_equal(one: str, two: str) -> None:
    assert normalise(one) != normalise(two)


@pytest.mark.parametrize("empty", ["", " ", ".", "…", "\u200b", "\u0301", "---", "\ufeff\u00a0"])
def test_what_has_no_letter_is_empty(empty: str) -> None:
    assert normalise(empty) == ""


@pytest.mark.parametrize(
    ("text", "code"),
    [("BRA", "bra"), (" bra\u00a0", "bra"), ("\ufeffBRA", "bra"), ("B\u200bRA", "bra"), ("ＢＲＡ", "bra")],
)
def test_codes_lose_what_cannot_be_seen(text: str, code: str) -> None:
    assert plain_code(text) == code


@pytest.mark.parametrize("text", ["n.a.", "N.A.", "n/a", "ñà", "N A"])
def test_codes_keep_dots_and_accents_so_that_not_available_is_not_namibia(text: str) -> None:
    assert plain_code(text) != "na"


# --- Suggestions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("kitten", "sitting", 3),  # Levenshtein's textbook pair
        ("ca", "ac", 1),  # a swap of neighbours counts one (Damerau 1964)
        ("brazil", "brasil", 1),
        ("", "ab", 2),
        ("ab", "", 2),
        ("same", "same", 0),
        ("ca", "abc", 3),  # optimal string alignment, not the unrestricted distance (2)
    ],
)
def test_edit_distance_of_known_pairs(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b, 5) == distance
    assert edit_distance(a, b, 2) == min(distance, 3)


@pytest.mark.parametrize(
    ("a", "b", "similarity"),
    [  # Winkler (1990, 2006), table of examples
        ("martha", "marhta", 0.961),
        ("dwayne", "duane", 0.840),
        ("dixon", "dicksonx", 0.813),
        ("jones", "johnson", 0.832),
        ("abroms", "abrams", 0.922),
        ("shackleford", "shackelford", 0.982),
        ("massey", "massie", 0.933),
        ("abc", "xyz", 0.0),
        ("", "abc", 0.0),
        ("", "", 1.0),
    ],
)
def test_jaro_winkler_of_published_pairs(a: str, b: str, similarity: float) -> None:
    assert jaro_winkler(a, b) == pytest.approx(similarity, abs=0.0006)


def test_suggestions_are_the_closest_three_at_most() -> None:
    index = {"alpha": "A", "alphb": "B", "alphc": "C", "alphd": "D", "omega": "O"}
    assert suggest("alphaa", index) == ["A", "B", "C"]
    assert suggest("alphz", index) == ["A", "B", "C"]


def test_one_target_is_suggested_once_however_many_of_its_names_are_close() -> None:
    assert suggest("brasil", {"brazil": "BRA", "brazill": "BRA"}) == ["BRA"]


def test_a_key_that_is_the_text_itself_stands_alone() -> None:
    assert suggest("B-R-I-C", {"b r i c": "BRICS", "b r i d": "OTHER"}) == ["BRICS"]


@pytest.mark.parametrize("text", ["", " ", "\u200b", "zzzzzzzz", "الصين", "中国", "a" * 101, "alpha" * 100])
def test_nothing_close_gives_no_suggestion(text: str) -> None:
    assert suggest(text, {"alpha": "A", "beta": "B"}) == []


def test_words_are_listed_as_in_speech() -> None:
    assert [any_of(["a", "b", "c"][:n]) for n in (1, 2, 3)] == ["a", "a or b", "a, b or c"]


# --- Display names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("area", "language", "name"),
    [  # Unicode CLDR 48, territories; names of blocs from the table of blocs
        ("CHN", "en", "China"),
        ("CHN", "zh", "中国"),
        ("CHN", "zh-Hans", "中国"),
        ("CHN", "zh_Hans_CN", "中国"),
        ("RUS", "ru", "Россия"),
        ("BRA", "pt", "Brasil"),
        ("BRA", "pt-BR", "Brasil"),
        ("EGY", "ar", "مصر"),
        ("IND", "hi", "भारत"),
        ("ZAF", "fr", "Afrique du Sud"),
        ("ZAF", "es", "Sudáfrica"),
        ("XKX", "ru", "Косово"),
        ("WLD", "en", "World"),
        ("WLD", "fr", "Monde"),
        ("PSE.gz", "en", "Gaza Strip"),
        ("BRICS", "zh", "金砖国家"),
        ("BRICS", "zh-Hans", "金砖国家"),
        ("BRICS", "ar", "بريكس"),
        ("BRICS", "ja", "BRICS"),  # no name in that language: the English one
        ("DCO", "ru", "Digital Cooperation Organization"),
    ],
)
def test_areas_are_called_by_their_names(area: str, language: str, name: str) -> None:
    assert area_name(area, language) == name


@pytest.mark.parametrize("language", ["", "xx", "tlh", "english", "../en", "zh-", "en\u0000", "C", "1"])
def test_an_unknown_language_is_refused(language: str) -> None:
    with pytest.raises(InputError) as caught:
        area_name("CHN", language)
    assert caught.value.code == "unknown_language"
    assert str(caught.value).startswith(f'"{language}" is not a language I know.')


@pytest.mark.parametrize("area", ["", "chn", "CH", "ZZZ", "PSE.xx", "brics"])
def test_an_unknown_area_has_no_name(area: str) -> None:
    with pytest.raises(InputError) as caught:
        area_name(area)
    assert caught.value.code == "unknown_area"
