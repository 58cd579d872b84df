"""Records: what is kept, what is warned of, what is filled, what changed, who has the same supplier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from concordat.errors import InputError, StateError
from concordat.exchange.algorithms.completeness import completeness
from concordat.exchange.algorithms.diff import diff, fold_supplier, history, same_supplier, word_diff
from concordat.exchange.algorithms.entries import published_body
from concordat.exchange.algorithms.record import AlgorithmRecord
from concordat.exchange.algorithms.register import AlgorithmRegister
from concordat.exchange.events import check_said

NL: dict[str, Any] = {
    "name": "Route planner", "description_short": "Plans routes.", "organization": "City", "status": "In gebruik",
    "contact_email": "algorithms@city.example", "publication_category": "Overige algoritmes",
    "source_data_grouping": [{"title": "Roads", "link": "https://data.example/roads"}], "lang": "NLD",
    "category": ["Transport"], "begin_date": "2024-03", "goal": "Fewer kilometres", "provider": "Acme B.V.",
    "end_date": "", "risks": "tbd", "own_field": "kept",
}  # fmt: skip
UK: dict[str, Any] = {
    "name": "Sorter", "description": "Sorts letters", "organisation": "Post", "external_supplier": ["Acme", "Beta Ltd"],
    "external_supplier_identifier": ["123-4"], "scope": "All letters", "source_data_name": ["Addresses", "Codes"],
    "risk_name": "Loss", "risk_mitigation": "Copies",
}  # fmt: skip


def _nl(**more: Any) -> AlgorithmRecord:
    return AlgorithmRecord.from_nl({**NL, **more}, id="br-014", member="BRA")


def test_mapped_fields_come_back_without_the_source_record() -> None:
    known = {name: value for name, value in NL.items() if name != "own_field"}
    assert replace(_nl(), source_record={}).to_nl() == known
    assert _nl().to_nl() == NL
    uk = AlgorithmRecord.from_uk(UK, id="sorter")
    assert replace(uk, source_record={}).to_uk() == UK


def test_between_the_standards_a_value_goes_where_both_ask_for_it() -> None:
    written = _nl().written("uk")
    assert written.fields == {
        "name": "Route planner", "description": "Plans routes.", "organisation": "City",
        "external_supplier": ["Acme B.V."], "contact_email": "algorithms@city.example", "phase": "In gebruik",
    }  # fmt: skip
    assert "purpose.goal" in written.left
    assert AlgorithmRecord.from_uk(UK, id="s").to_nl()["provider"] == "Acme; Beta Ltd"


def test_by_concept_other_questions_are_filled_and_said() -> None:
    written = _nl().written("uk", by_concept=True)
    assert written.fields["scope"] == "Fewer kilometres"
    assert written.joined["scope"] == ("purpose.goal",)
    assert "purpose.goal" not in written.left
    back = AlgorithmRecord.from_uk(UK, id="s").written("nl", by_concept=True)
    assert back.fields["risks"] == "Loss\nCopies"


def test_a_record_is_printed_and_read_back() -> None:
    record = replace(_nl(), translations={"en": {"purpose.goal": "Fewer kilometres"}})
    assert AlgorithmRecord.load(record.text()) == record
    assert record.sha256 != replace(record, version=2).sha256


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contact_email": "jan.jansen@city.example"}, "person's mailbox"), ({"begin_date": "2024"}, "no month"),
        ({"website": "city.example"}, "no address"), ({"name": "n" * 101}, "101 characters, 100 at most"),
    ],
)  # fmt: skip
def test_warnings_of_an_import(change: dict[str, Any], words: str) -> None:
    assert _nl().warnings == ()
    (warning,) = _nl(**change).warnings
    assert words in warning


def test_numbers_and_nulls_of_a_register() -> None:
    record = _nl(lars=12345, website=None, source_data_grouping=[{"title": "Roads", "link": None}])
    assert record.values["local.register_id"] == "12345"
    assert "public_page.url" not in record.values
    assert record.values["data.sources"] == [{"title": "Roads"}]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: _nl(goal=True), "True is no text"), (lambda: _nl(goal={"a": "b"}), "is no text"),
        (lambda: _nl(goal="x" * 50_001), "over 50,000"), (lambda: replace(_nl(), id="Br 14"), "id of a record"),
        (lambda: replace(_nl(), version=0), "version 0"), (lambda: replace(_nl(), language="Dutch!"), "language"),
        (lambda: replace(_nl(), values={"purpose.gaol": "x"}), 'Did you mean "purpose.goal"'),
        (lambda: replace(_nl(), source_standard="eu"), '"eu" is not a standard'),
        (lambda: AlgorithmRecord.from_value({"id": "a"}), "id and values"),
        (lambda: AlgorithmRecord.from_value({"id": "a", "values": {"name": "x"}}), "by concept and sub-key"),
        (lambda: AlgorithmRecord.from_value({"id": "a", "values": {}, "vresion": 1}), 'Did you mean "version"'),
        (lambda: AlgorithmRecord.load("schema: concordat/algorithm@2\nid: a\nvalues: {}\n"), "algorithm@1"),
    ],
    ids=range(12),
)  # fmt: skip
def test_what_can_not_be_a_record(make: Any, words: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert words in str(caught.value)


def test_completeness_counts_what_says_something() -> None:
    found = completeness(_nl(), "nl")
    assert found.text == "12 of 31 fields, 8 of 8 required"  # 14 known fields, of which end_date and risks say nothing
    assert completeness(_nl(contact_email=" N/A "), "nl").missing == ("contact_email",)
    # name, description, operator, provider, contact, theme, risk class, status, dates, purpose, data, local
    assert completeness(_nl()).text == "12 of 27 concepts"
    uk = completeness(AlgorithmRecord.from_uk(UK, id="s"), "uk")
    assert (uk.text, uk.required) == ("9 of 37 fields", 0)
    with pytest.raises(InputError):
        completeness(_nl(), "cn")


def test_completeness_by_language() -> None:
    record = replace(_nl(), translations={"en": {"purpose.goal": "Less", "name.name": "-"}})
    assert completeness(record).languages == {"nld": 12, "en": 1}


def test_differences_part_by_part() -> None:
    later = _nl(goal="Fewer litres", begin_date="", website="https://city.example")
    assert [(c.key, c.how) for c in diff(_nl(), later)] == [
        ("public_page.url", "added"), ("dates.begin", "removed"), ("purpose.goal", "changed"),
    ]  # fmt: skip
    assert diff(_nl(), later)[-1].words == "Fewer [-kilometres-] {+litres+}"
    assert diff(_nl(), _nl()) == ()


def test_word_differences() -> None:
    assert word_diff("", "new text") == "{+new text+}"
    assert word_diff("old text", "") == "[-old text-]"
    assert word_diff("same", "same") == "same"


def test_the_history_of_a_part() -> None:
    versions = [replace(_nl(provider=p), version=v) for v, p in enumerate(["Acme", "Acme", "", "Beta"], start=1)]
    assert history(versions[::-1], "provider.name") == ((1, "Acme"), (3, None), (4, "Beta"))


def test_suppliers_are_candidates_by_number_and_by_name() -> None:
    one = _nl(provider="Acme B.V.; Gamma")
    others = [
        AlgorithmRecord.from_uk(UK, id="sorter"),
        AlgorithmRecord.from_uk({**UK, "external_supplier": ["Delta"]}, id="delta"),
        replace(_nl(provider="ACME Ltd"), id="br-015"), replace(_nl(provider="Acmeos"), id="br-016"), one,
    ]  # fmt: skip
    assert [(c.record, c.by) for c in same_supplier(one, others)] == [("br-015", "name"), ("sorter", "name")]
    found = same_supplier(others[0], others)
    assert (found[0].record, found[0].by) == ("delta", "identifier")
    assert same_supplier(replace(one, values={}), others) == ()


def test_a_name_of_legal_forms_alone_stays() -> None:
    assert fold_supplier("S.A.") == "sa"
    assert fold_supplier("The Company Ltd") == "the"


def test_the_entry_holds_id_version_hash_and_what_is_filled_and_no_contact() -> None:
    body = published_body(_nl(), "BRA")
    check_said("AlgorithmPublished", body, "BRA")
    assert set(body) == {"algorithm", "version", "document", "standard", "filled"}
    filled = {one["standard"]: (one["filled"], one["fields"]) for one in body["filled"]}
    # The Dutch list has 31 fields, and we 27 concepts (exchange.md, section 7); "tbd" says nothing.
    assert filled["nl"] == (sum(name != "own_field" and value not in ("", "tbd") for name, value in NL.items()), 31)
    assert filled["core"][1] == 27
    assert set(filled) == {"core", "nl"}
    assert "@" not in str(body)
    with pytest.raises(Exception, match="BRA's, not ZAF's"):
        published_body(_nl(), "ZAF")


# --- The register -----------------------------------------------------------------------------------------------------


def test_the_register_keeps_versions_and_is_read_back() -> None:
    register, said = AlgorithmRegister().add([_nl()])
    assert said == {"br-014": "new"}
    register, said = register.add([_nl()])
    assert said == {"br-014": "same"}
    register, said = register.add([_nl(goal="Fewer litres")])
    assert said == {"br-014": "changed"}
    assert [r.version for r in register.versions("br-014")] == [1, 2]
    assert AlgorithmRegister.parse(register.to_bytes()).to_bytes() == register.to_bytes()
    assert register.version("br-014").values["purpose.goal"] == "Fewer litres"
    assert register.version("br-014", 1).values["purpose.goal"] == "Fewer kilometres"


def test_what_the_register_does_not_have() -> None:
    register = AlgorithmRegister().add([_nl()])[0]
    with pytest.raises(InputError, match='Did you mean "br-014"'):
        register.version("br-14")
    with pytest.raises(InputError, match="Versions: 1"):
        register.version("br-014", 7)


@pytest.mark.parametrize(
    "data", [b'{"schema":"x"}\n', b'{"schema":"concordat/algorithm-register@1"}\n{"id":"a"}\n', b"nonsense\n"]
)
def test_a_damaged_register_is_refused(data: bytes) -> None:
    with pytest.raises(StateError, match="not a line of a register"):
        AlgorithmRegister.parse(data)
