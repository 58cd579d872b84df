"""Every language of the report says everything that English says, with the same places, and says that it is unread."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from concordat.evidence.catalogue import load_catalogue
from concordat.figures.numbers import locale_of
from concordat.report import messages
from concordat.report.study import LANGUAGES
from concordat.settings import parse_yaml

OTHERS = [language for language in LANGUAGES if language != "en"]
FOLDER = resources.files("concordat.report") / "_data" / "messages"
PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def forms_of(entry: messages.Entry) -> dict[str, str]:
    return {"other": entry} if isinstance(entry, str) else entry


def test_the_folders_are_the_languages_of_a_study() -> None:
    assert {f.name for f in FOLDER.iterdir() if f.is_dir()} == set(LANGUAGES)


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_exactly_the_keys_of_english(language: str) -> None:
    english, found = messages._catalogue("en"), messages._catalogue(language)
    missing, unknown = sorted(set(english) - set(found)), sorted(set(found) - set(english))
    assert (missing, unknown) == ([], [])


@pytest.mark.parametrize("language", OTHERS)
def test_each_key_stands_in_the_file_of_its_english_twin(language: str) -> None:
    def places(name: str) -> dict[str, list[str]]:
        files = sorted((f for f in (FOLDER / name).iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
        return {f.name: sorted(parse_yaml(f.read_bytes(), where=f.name).value["messages"]) for f in files}

    assert places(language) == places("en")


@pytest.mark.parametrize("language", OTHERS)
def test_every_form_of_a_message_has_the_places_of_english(language: str) -> None:
    wrong = {}
    for key, entry in messages._catalogue(language).items():
        wanted = {frozenset(PLACE.findall(form)) for form in forms_of(messages._catalogue("en")[key]).values()}
        found = {form: set(PLACE.findall(text)) for form, text in forms_of(entry).items()}
        if any(places not in wanted for places in found.values()):
            wrong[key] = found
    assert wrong == {}


@pytest.mark.parametrize("language", OTHERS)
def test_a_message_in_forms_has_all_forms_that_the_language_counts_with(language: str) -> None:
    forms = {*locale_of(language).plural_form.tags, "other"}
    entries = messages._catalogue(language)
    assert {key: set(e) for key, e in entries.items() if isinstance(e, dict) and set(e) != forms} == {}
    without_count = [k for k, e in entries.items() if isinstance(e, dict) and "{count}" not in e["other"]]
    assert without_count == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_nobody_has_read_says_so_in_every_file(language: str) -> None:
    files = [f for f in (FOLDER / language).iterdir() if f.name.endswith(".yaml")]
    said = {f.name: parse_yaml(f.read_bytes(), where=f.name).value.get("status") for f in files}
    assert set(said.values()) <= set(messages.STATUSES), said
    assert messages.Messages(language).unread == ("unverified" in said.values())
    assert messages.catalogue_status("en") == "verified"


@pytest.mark.parametrize("language", OTHERS)
def test_no_message_was_left_in_english(language: str) -> None:
    english, found = messages._catalogue("en"), messages._catalogue(language)
    prose = [k for k, e in english.items() if isinstance(e, str) and len(PLACE.sub("", e).split()) > 3]
    assert len(prose) > 100
    assert [key for key in prose if found[key] == english[key]] == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_indicator_has_a_name_in_the_language(language: str) -> None:
    assert [i.id for i in load_catalogue().indicators.values() if not i.names.get(language)] == []
