"""Cases and records: no planted address survives, printing and reading change nothing, order does not matter."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.exchange.algorithms.crosswalk import crosswalk
from concordat.exchange.algorithms.record import AlgorithmRecord
from concordat.exchange.algorithms.tables import atrs_csv, nl_fields, read_nl, read_uk
from concordat.exchange.cases.case import Case, scrubbed
from concordat.exchange.cases.duplicates import duplicates
from concordat.exchange.cases.scrub import scrub

# An oracle of its own, plainer than the scrubber's: something, an at sign, words with dots between them.
EMAIL = re.compile(r"[^\s@]@[\w-]+(\.[\w-]+)+")
letters = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=12)
hosts = st.lists(letters, min_size=1, max_size=3).map(lambda parts: ".".join([*parts, "org"]))
ats = st.sampled_from(["@", "%40", "%2540", "&#64;", " (at) ", "[at]", " @ ".strip(), "＠"])
addresses = st.tuples(st.lists(letters, min_size=1, max_size=3).map(".".join), ats, hosts)
prose = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="@＠﹫%&"), max_size=60)


@settings(max_examples=60)
@given(before=prose, planted=addresses, between=st.sampled_from([" ", ", ", "\n", " <"]), after=prose)
def test_no_planted_address_survives(before: str, planted: tuple[str, str, str], between: str, after: str) -> None:
    local, at, host = planted
    found, counts = scrub(f"{before} {local}{at}{host}{between}{after}")
    assert counts.get("email", 0) >= 1
    assert f"{local}{at}{host}" not in found
    assert not EMAIL.search(found)


@settings(max_examples=60)
@given(st.text(alphabet="ab.@ /:()-0123456789+%4", max_size=60))
def test_scrubbing_ends_and_leaves_no_address(text: str) -> None:
    found, _ = scrub(text)
    assert scrub(found)[0] == found
    outside = re.sub(r"\S*[/:]\S*", " ", found)  # in addresses of the web an @ may stand before a path
    assert not EMAIL.search(outside)


words = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=40)
texts = st.dictionaries(st.sampled_from(["en", "pt", "zh", "ru", "ar", "hi"]), words, min_size=1, max_size=3)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    value: dict[str, Any] = {
        "id": draw(st.sampled_from(["a", "b-1", "dpg-x.y", "case-bra-0007"])),
        "version": draw(st.integers(1, 9)),
        "kind": draw(st.sampled_from(["practice", "regulatory", "sandbox"])),
        "title": draw(texts),
        "summary": draw(texts),
        "problem": draw(texts | st.just({})),
        "member": "BRA",
        "owner": {"name": draw(words), "type": "government"},
        "facets": {"sdgs": draw(st.lists(st.integers(1, 17), max_size=3)), "dpg": draw(st.lists(words, max_size=2))},
        "results": [{"indicator": draw(words), "value": "1.50", "years": [2020]}],
        "reuse": {"licence": draw(st.sampled_from(["", "MIT", "MIT AND CC-BY-4.0"]))},
    }
    return scrubbed(Case.from_value(value))[0]


@settings(max_examples=25)
@given(cases())
def test_a_case_is_printed_and_read_back(case: Case) -> None:
    assert Case.load(case.text()) == case
    assert Case.from_value(json.loads(json.dumps(case.to_value()))) == case


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from("PQ"), st.sampled_from("xyz"), st.sampled_from("mno")), max_size=6), st.randoms()
)
def test_duplicates_do_not_depend_on_order(keys: list[tuple[str, str, str]], random: Any) -> None:
    found = [
        Case.from_value({
            "id": f"c{number}", "kind": "practice", "title": {"en": name}, "summary": {"en": name},
            "origin": {"registry": "r", "ids": [str(number)], "websites": [f"https://{site}.org"],
                       "repositories": [f"https://git.org/{place}"]},
        })
        for number, (name, site, place) in enumerate(keys)
    ]  # fmt: skip
    shuffled = list(found)
    random.shuffle(shuffled)
    assert duplicates(found) == duplicates(shuffled)


# --- Records of algorithms ------------------------------------------------------------------------------------------

values = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C",)), max_size=40)
links = st.lists(st.dictionaries(st.sampled_from(["title", "link"]), values, min_size=1), max_size=3)


@st.composite
def fields_of(draw: st.DrawFn, standard: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, part in crosswalk().fields(standard).items():
        if draw(st.booleans()):
            many = part.fields[standard].many if standard == "uk" else part.many and name != "provider"
            listed = links if part.type == "links" else st.lists(values, max_size=3)
            found[name] = draw(listed if many else values)
    return found


@settings(max_examples=25)
@given(fields_of("nl"))
def test_dutch_fields_come_back_one_by_one(fields: dict[str, Any]) -> None:
    record = AlgorithmRecord.from_nl(fields, id="br-014")
    assert replace(record, source_record={}).to_nl() == fields
    assert AlgorithmRecord.load(record.text()) == record


@settings(max_examples=25)
@given(fields_of("uk"))
def test_british_fields_come_back_one_by_one(fields: dict[str, Any]) -> None:
    record = AlgorithmRecord.from_uk(fields, id="uk-1")
    assert replace(record, source_record={}).to_uk() == fields
    assert AlgorithmRecord.load(record.text()) == record


@settings(max_examples=25)
@given(fields_of("uk"))
def test_a_british_table_is_read_back(fields: dict[str, Any]) -> None:
    """But for empty lists, of which a table has no row; a name makes the record."""
    fields = {"name": "N", **{name: value for name, value in fields.items() if value != []}}
    (found,) = read_uk(atrs_csv([AlgorithmRecord.from_uk(fields, id="uk-1")]).encode())
    assert found.to_uk() == fields


@settings(max_examples=25)
@given(fields_of("nl"))
def test_a_dutch_list_in_json_is_read_back(fields: dict[str, Any]) -> None:
    required = {n: p for n, p in crosswalk().fields("nl").items() if p.fields["nl"].required}
    for name in required:
        fields[name] = "x" if required[name].type != "links" else [{"title": "x"}]
    fields = {name: value for name, value in fields.items() if name not in ("begin_date", "end_date")}
    record = AlgorithmRecord.from_nl(fields, id="br-014")
    (found,) = read_nl(json.dumps(nl_fields(record)).encode())
    assert found.to_nl() == fields


@settings(max_examples=20)
@given(fields_of("nl"), fields_of("uk"))
def test_every_concept_with_a_field_on_both_sides_goes_both_ways(nl: dict[str, Any], uk: dict[str, Any]) -> None:
    """With `by_concept` no concept that both lists ask for is lost: it goes over or is said to be left."""
    for record, to in ((AlgorithmRecord.from_nl(nl, id="a"), "uk"), (AlgorithmRecord.from_uk(uk, id="b"), "nl")):
        written = record.written(to, by_concept=True)
        carried = {key for keys in written.joined.values() for key in keys}
        for part in crosswalk().parts:
            if record.values.get(part.key):
                there = to in part.fields and part.fields[to].name in written.fields
                assert there or part.key in carried or part.key in written.left
