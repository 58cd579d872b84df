"""How hard a sentence binds: the table that users rely on, sixty sentences in six languages."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from concordat.rulebook.coder.depth import depth_of, flags_of, legal_depth, operatives

TABLE = yaml.safe_load((Path(__file__).parent / "rulebook_depth_cases.yaml").read_text(encoding="utf-8"))
CASES = [(lang, depth, text) for lang, rows in TABLE.items() for depth, text in rows]


@pytest.mark.parametrize(("lang", "depth", "text"), CASES)
def test_depth_of_a_sentence(lang: str, depth: int, text: str) -> None:
    assert depth_of(text, lang) == depth


TRICKY = yaml.safe_load((Path(__file__).parent / "rulebook_depth_tricky.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("lang", "depth", "text", "why"), [(lang, *row) for lang, rows in TRICKY.items() for row in rows]
)
def test_depth_of_a_tricky_sentence(lang: str, depth: int, text: str, why: str) -> None:
    assert depth_of(text, lang) == depth, why


def test_sixty_sentences_in_six_languages() -> None:
    assert len(CASES) >= 60
    assert {lang for lang, _, _ in CASES} == {"en", "es", "fr", "pt", "zh", "ru"}
    assert all({depth for d_lang, depth, _ in CASES if d_lang == lang} == {1, 2} for lang in TABLE)


def test_a_point_of_a_list_is_read_with_its_introduction() -> None:
    text = "Each Party shall:\n(a) publish its laws on electronic commerce; and\n(b) name a contact point."
    assert depth_of(text, "en", [1]) == 2
    softer = text.replace("shall:", "shall endeavour to:")
    assert depth_of(softer, "en", [1]) == 1


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("Nothing in this Chapter shall prevent a Party from acting.", {"exceptions": True}),
        ("A Party may take any action that it considers necessary.", {"self_judging": True}),
        ("Until three years after the date of entry into force a Party may wait.", {"transition": True}),
        ("No Party shall have recourse to dispute settlement under this Article.", {"dispute_settlement": False}),
        ("The Joint Committee shall meet once a year.", {"committee": True}),
        ("Each Party shall publish its laws.", {}),
    ],
)
def test_flags_that_a_text_states(text: str, flags: dict[str, bool]) -> None:
    assert flags_of(text, "en") == flags


def test_a_soft_instrument_binds_nobody_whatever_its_words() -> None:
    assert [legal_depth(2, b) for b in ("binding", "mixed", "soft", "voluntary", "model", "none")] == [2, 2, 1, 1, 1, 1]
    assert legal_depth(None, "soft") is None


def test_far_words_of_an_endless_sentence_are_not_read() -> None:
    """A list without stops is read in pieces, so that time grows with the text alone; its duties stay duties."""
    once = "The Parties shall allow the transfer of information and the "
    assert depth_of(once * 400, "en") == 2
    assert depth_of("The Parties shall endeavour to allow the transfer and the " * 400, "en") == 1


@pytest.mark.parametrize(
    ("lang", "text"),
    [
        ("en", "2. Nothing in this Article shall prevent a Party from measures that serve a public policy objective."),
        ("es", "2. Nada de lo dispuesto en este artículo impedirá que una Parte adopte medidas de política pública."),
        ("fr", "Aucune disposition du présent article ne doit empêcher une Partie de prendre des mesures."),
        ("pt", "Nada neste artigo impedirá que uma Parte adote medidas de política pública."),
        ("ru", "Ничто в настоящей статье не должно препятствовать Стороне принимать меры."),
        ("zh", "本条任何规定不得阻止缔约方采取措施。"),
    ],
)
def test_what_prevents_nothing_is_no_duty(lang: str, text: str) -> None:
    """A soft rule with an exception stays soft, however its exception is put."""
    assert operatives(text, lang).hard == 0
    assert depth_of(text, lang) == 0


def test_a_soft_rule_with_an_exception_is_soft() -> None:
    rule = "1. Each Party shall endeavour to allow transfers of information.\n2. Nothing in this Article shall prevent"
    assert depth_of(f"{rule} a Party from measures to achieve a legitimate public policy objective.", "en") == 1
