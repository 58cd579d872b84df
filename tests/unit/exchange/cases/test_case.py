"""A case file is read strictly, without contact details, and printed back the same."""

from __future__ import annotations

import pytest

from concordat.errors import InputError
from concordat.exchange.cases.case import Case, read_case
from concordat.exchange.cases.entries import published_body
from concordat.exchange.events import check_said

TEXT = """schema: concordat/case@1
id: case-bra-0007
version: 3
kind: practice
title: {en: "Shared masts", pt: "Torres compartilhadas"}
summary: {en: "Three operators share masts.", pt: "Torres divididas."}
member: BRA
owner: {name: "Ministry of Communications", type: government}
facets: {dpg: ["Digital/Data/Tech"], dac: ["22040"], sdgs: [9, 4], wsis: [C2], fintech_area: []}
period: {start: "2021-03", end: null}
reach: {value: "412000", unit: persons, as_of: "2025-06", method: "billing records"}
results: [{indicator: internet_users_pct, baseline: "61.0", value: "74.2", years: [2021, 2024]}]
cost: {amount_minor: 1250000000, currency: BRL, year: 2024, covers: "five years, all"}
reuse: {licence: Apache-2.0, repository: "https://example.org/code", links: []}
"""


def test_the_example_is_read_and_printed_back() -> None:
    case = Case.load(TEXT)
    assert (case.id, case.version, case.languages) == ("case-bra-0007", 3, ("en", "pt"))
    assert case.cost is not None
    assert case.cost.amount_minor == 1_250_000_000
    assert Case.load(case.text()) == case
    assert Case.from_value(case.to_value()) == case


def test_a_course_says_what_it_teaches_in_codes_alone() -> None:
    codes = "{code: '3.4', level: 2}, {framework: sdg441, code: pcpr}, {code: '3.4', level: 5}"
    taught = f"competences: [{codes}], taught_in: [hi], dpg:"
    case = Case.load(TEXT.replace("dpg:", taught))
    body = published_body(case, "BRA")
    check_said("CasePublished", body, "BRA")
    assert body["competences"] == [{"framework": "digcomp", "code": "3.4"}, {"framework": "sdg441", "code": "pcpr"}]
    assert body["languages"] == ["hi"], "not those that it is described in"
    plain = published_body(Case.load(TEXT), "BRA")
    assert ("competences" in plain, plain["languages"]) == (False, ["en", "pt"])
    with pytest.raises(InputError, match="taught_in which languages"):
        Case.load(TEXT.replace("dpg:", "competences: [{code: '3.4'}], dpg:"))


def test_words_in_a_language_else_english_else_any() -> None:
    case = Case.load(TEXT)
    assert case.words("title", "pt") == "Torres compartilhadas"
    assert case.words("title", "zh") == "Shared masts"
    assert case.words("problem") == ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind: practice", "kind: practise", "kind"),
        ("summary:", "sumary:", 'Did you mean "summary"?'),
        ("member: BRA", "member: BRZ", "BRZ"),
        ("currency: BRL", "currency: BRX", "BRX"),
        ("sdgs: [9, 4]", "sdgs: [18]", "facets.sdgs.0"),
        ('dac: ["22040"]', 'dac: ["2204"]', "facets.dac.0"),
        ("sdgs: [9, 4]", "competences: [{code: '9.9'}], taught_in: [en]", "9.9 is not a code of digcomp"),
        ("years: [2021, 2024]", "years: [2024, 2021]", "years must be in order"),
        ("end: null", 'end: "2020"', "before the start"),
        ("owner: {name:", "owner: {email: a, name:", '"email" is not a key'),
        ("years: [2021, 2024]}", "years: [2021, 2024], grade: 3}", '"grade" is not a key'),
        ("amount_minor: 1250000000", "amount_minor: 12.5", "amount_minor"),
        ("id: case-bra-0007", "id: Case 7", "id"),
        ("schema: concordat/case@1", "schema: concordat/case@2", "case@1"),
        ("member: BRA\n", "", "needs member and owner"),
    ],
)
def test_what_can_not_be_is_refused(old: str, new: str, words: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError) as caught:
        Case.load(TEXT.replace(old, new), where="masts.yaml")
    assert words in str(caught.value)
    assert "masts.yaml" in str(caught.value)


def test_a_summary_has_a_thousand_characters_at_most() -> None:
    with pytest.raises(InputError, match="summary"):
        Case.load(TEXT.replace("Three operators share masts.", "x" * 1001))


def test_contact_details_are_taken_out_and_counted_by_field() -> None:
    text = TEXT.replace("share masts.", "share masts; ask ana@example.br.").replace("billing records", "by @ana")
    read = read_case(text)
    assert read.case.summary["en"] == "Three operators share masts; ask [contact removed]."
    assert read.removed.counts == {("summary.en", "email"): 1, ("reach.method", "handle"): 1}


def test_an_address_of_the_web_stays_one_when_a_contact_is_taken_out() -> None:
    case = Case.load(TEXT.replace("links: []", 'links: ["https://example.org/?m=ana@example.org"]'))
    assert case.reuse.links == ["https://example.org/?m=[contact%20removed]"]


def test_a_text_that_becomes_too_long_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"summary\.en is too long once its contact details are taken out"):
        Case.load(TEXT.replace("Three operators share masts.", "x" * 995 + " @ab"))


def test_an_unknown_dac_code_is_kept_and_told() -> None:
    read = read_case(TEXT.replace('"22040"', '"22041"'))
    assert read.case.facets.dac == ["22041"]
    assert read.notes == (
        "DAC code 22041 is not in the list. Did you mean 22040 (Information and communication technology (ICT))?",
    )


def test_figures_and_dates_are_no_telephone_numbers() -> None:
    text = TEXT.replace('value: "412000"', 'value: "412000000000"')
    assert read_case(text).removed.total == 0


def test_the_hash_follows_the_words() -> None:
    one, two = Case.load(TEXT), Case.load(TEXT.replace("Three", "Four"))
    assert one.sha256 != two.sha256
    assert one.sha256 == Case.load(one.text()).sha256
