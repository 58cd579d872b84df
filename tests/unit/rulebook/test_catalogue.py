"""The files of the rulebook can't be misspecified, and what ships of facts carries its marks."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

import concordat.rulebook as room
from concordat.errors import InputError
from concordat.rulebook import catalogue, seeds, taxonomy
from concordat.rulebook.catalogue import load_catalogue, normal_binding, parse_catalogue
from concordat.rulebook.seeds import load_seeds, locate, parse_seeds
from concordat.rulebook.status import status
from concordat.rulebook.taxonomy import load_taxonomy, parse_taxonomy
from rulebook_build import HEAD, instrument, store_of

FAULTS = [
    ("an unknown key", instrument("x", "BRA").replace("topics:", "topic:"), 'Did you mean "topics"'),
    ("an unknown topic", instrument("x", "BRA", topics="DG"), '"DG" is not a topic'),
    ("an unknown party", instrument("x", "BRX"), '"BRX" is not a country or EU'),
    ("a party twice", instrument("x", "BRA, BRA"), "BRA stands twice"),
    ("a party in both lists", instrument("x", "BRA", rows="party: BRA"), "BRA stands twice"),
    ("an id twice", instrument("x", "BRA") + instrument("x", "BRA"), '"x" stands twice'),
    ("31 June", instrument("x", "BRA", in_force="2020-06-31"), "2020-06-31"),
    ("in force before signed", instrument("x", "BRA", more='    signed: "2011-01-01"'), "in_force (2010-01-01) is"),
    ("withdrawn before in force", instrument("x", rows='party: BRA, in_force: "2012", withdrawn: "2011"'),
     "withdrawn (2011) is before in_force (2012)"),
    ("withdrawn before the instrument's own", instrument("x", rows='party: BRA, withdrawn: "2009"'),
     "withdrawn (2009) is before in_force (2010-01-01)"),
    ("a suspension that ends before it begins", instrument("x", rows='party: BRA, suspended: ["2022", "2021"]'),
     "suspended until 2021, before 2022"),
    ("an observer in force", instrument("x", rows='party: BRA, role: observer, in_force: "2016"'),
     "an observer has no entry into force"),
    ("an applicant in force", instrument("x", rows='party: BRA, role: applicant, in_force_towards: {CHN: "2016"}'),
     "an applicant has no entry into force"),
    ("two rows of one source", instrument("x", rows="party: BRA, source: a\nparty: BRA, source: a"),
     "BRA stands twice"),
    ("two acts towards one",
     instrument("x", rows="party: BRA, directed_to: [CHN]\nparty: BRA, directed_to: [CHN, IND]"), "BRA stands twice"),
    ("a blank binding", instrument("x", "BRA", binding='"  "'), '"  " is no kind of binding'),
    ("a comma for binding", instrument("x", "BRA", binding='","'), '"," is no kind of binding'),
    ("a date and unknown", instrument("x", rows='party: BRA, in_force: "2012", unknown: [in_force]'), "keep one"),
    ("no kind of binding", instrument("x", "BRA", binding="hardish"), '"hardish" is no kind of binding'),
    ("a relation to nothing", instrument("x", "BRA", more="    relations: [{to: y, kind: amends}]"),
     '"y" is not an instrument'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_of_a_catalogue_is_told_with_its_line(text: str, words: str) -> None:
    with pytest.raises(InputError) as told:
        parse_catalogue(HEAD + text, where="mine.yaml")
    assert words in str(told.value)
    assert told.value.where.startswith("mine.yaml, line ")


def test_two_sources_of_one_party_and_acts_towards_different_ones_stand_side_by_side() -> None:
    rows = 'party: BRA, in_force: "2021", source: b\nparty: BRA, in_force: "2020", source: a\n'
    rows += "party: EU, directed_to: [CHN]\nparty: EU, directed_to: [IND]"
    text = HEAD + instrument("x", rows=rows)
    found = parse_catalogue(text).of("x")
    assert [(r.party, r.source, r.directed_to) for r in found] == [
        ("BRA", "a", ()), ("BRA", "b", ()), ("EU", "", ("CHN",)), ("EU", "", ("IND",)),
    ]  # fmt: skip
    with store_of(instrument("x", rows=rows)) as store:
        assert store.of("x") == found
        assert [r.conflict for r in status(store, "x", date(2025, 1, 1))] == ["another source says otherwise"] * 2 + [
            "", "",
        ]  # fmt: skip


def test_who_withdrew_before_entry_or_while_it_was_provisional_is_no_fault() -> None:
    rows = 'party: USA, role: signatory, withdrawn: "2009"\nparty: BRA, provisional: "2007", withdrawn: "2009"'
    assert len(parse_catalogue(HEAD + instrument("x", rows=rows)).of("x")) == 2


def test_an_instrument_may_relate_to_one_that_is_known_elsewhere() -> None:
    text = HEAD + instrument("mine", "FRA, BRA", more="    relations: [{to: cptpp, kind: builds_on}]")
    found = parse_catalogue(text, known=("cptpp", "depa"))
    assert [(r.from_id, r.to_id) for r in found.relations] == [("mine", "cptpp")]
    with pytest.raises(InputError, match='Did you mean "cptpp"'):
        parse_catalogue(text.replace("to: cptpp", "to: cptp"), known=("cptpp", "depa"))


def test_a_cut_date_is_refused_only_where_no_day_of_it_fits() -> None:
    text = instrument("x", "BRA", in_force="2010", more='    signed: "2010-06"')
    assert parse_catalogue(HEAD + text)["x"].in_force is not None


def test_the_catalogue_holds_what_the_specification_counts() -> None:
    made = load_catalogue()
    marks = [i.mark for i in made.instruments.values()]
    assert (len(marks), marks.count("verified"), marks.count("partly"), marks.count("unverified")) == (132, 116, 14, 2)
    assert all(i.evidence or i.mark == "unverified" for i in made.instruments.values())
    assert all(row.source for rows in made.participations.values() for row in rows)


def test_words_of_binding_become_one_of_six_kinds() -> None:
    words = {"binding once in force": "binding", "mixed; ch. 12 outside": "mixed", "political": "soft", "-": "none"}
    words |= {"soft, reviewed": "soft", "voluntary certification": "voluntary", "model": "model"}
    assert {w: normal_binding(w) for w in words} == words
    assert normal_binding("perhaps") is None


def test_the_taxonomy_holds_twelve_topics_and_ninety_eight_provisions() -> None:
    book = load_taxonomy()
    scales = [p.scale for p in book.provisions.values()]
    assert (len(book.topics), len(scales)) == (12, 98)
    counts = {s: scales.count(s) for s in set(scales)}
    assert counts == {"standard": 73, "exceptions": 19, "structural": 3, "dispute": 1, "committee": 1, "security": 1}
    examples = [p.example for p in book.provisions.values() if p.example]
    assert sum(e[3] == "unverified" for e in examples) == 46


PROVISION = """\
schema: concordat/taxonomy@1
topics:
  - code: DF
    name: Data
    provisions:
      - {code: DF-FLOW, name: Flow, definition: Data move., depth_scale: exceptions, terms: {en: {must: ["data flow"]}}}
"""
TERMS = [
    ("(data+)+x", "nested or unbounded"), ("data.*flow", "nested or unbounded"), ("(data", "is not a pattern"),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "words"), TERMS)
def test_a_pattern_that_could_run_for_ever_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_taxonomy(PROVISION.replace("data flow", pattern))


def test_ordinals() -> None:
    flow = parse_taxonomy(PROVISION)["DF-FLOW"]
    assert [flow.ordinal(d, {}) for d in (0, 1, 2)] == [0, 1, 3]
    assert flow.ordinal(2, {"exceptions": True}) == 2
    assert flow.ordinal(None, {}) is None
    assert load_taxonomy()["EC-DEFI"].ordinal(2, {}) is None
    with pytest.raises(InputError, match="did you mean DF-FLOW"):
        load_taxonomy()["DF-FLOWS"]


@pytest.mark.parametrize("name", ["taxonomy", "instruments", "seeds"])
def test_the_json_schemas_that_ship_are_those_of_the_models(name: str) -> None:
    module = {"taxonomy": taxonomy, "instruments": catalogue, "seeds": seeds}[name]
    stored = (Path(room.__file__).parent / "schema" / f"{name}-1.json").read_text(encoding="utf-8")
    assert json.loads(stored) == module.json_schema()


def test_the_five_documents_hold_104_items_of_which_93_are_drafts() -> None:
    made = load_seeds()
    assert [d.instrument.form for d in made.documents] == [
        "policy_brief", "editorial", "article", "declaration", "white_paper",
    ]  # fmt: skip
    assert (sum(len(d.items) for d in made.documents), len(made.drafts())) == (104, 93)
    assert (
        sum(d.agenda for d in made.drafts())
        + sum(
            i.agenda
            for d in made.documents
            for i in d.items
            if i.kind in ("rule area", "principle", "statement", "diagnosis")
        )
        == 64
    )  # proposed for the first agenda
    assert all(d.force == "soft" for d in made.drafts())
    assert all((d.due is None) == bool(d.due_reason) for d in made.drafts())
    assert all(len(i.anchor.split()) <= 12 for d in made.documents for i in d.items)
    assert {d.instrument.binding for d in made.documents} == {"none"}


ONE = """\
schema: concordat/seeds@1
documents:
  - id: d
    name: D
    short_name: D
    form: editorial
    items:
      - {id: d-1, kind: goal, agenda: true, topic: t, who: w, what: x, for: y, anchor: "create a fair and just order",
         due: none, review_level: outcome}
"""


@pytest.mark.parametrize(
    ("text", "overlap", "quoted"),
    [
        ("We must create a FAIR and just\norder now.", 1.0, "create a FAIR and just\norder"),
        ("Let us create a fair, just and new order", 5 / 6, "create a fair, just and new"),
        ("Nothing of the kind: a fair day.", 2 / 6, None),
        ("", 0.0, None),
    ],
)
def test_an_anchor_is_found_word_for_word_or_by_most_of_its_words(
    text: str, overlap: float, quoted: str | None
) -> None:
    found = locate(parse_seeds(ONE).documents[0], text)[0]
    assert found.overlap == pytest.approx(overlap)
    assert (text[slice(*found.span)] if found.span else None) == quoted


def test_a_long_anchor_is_refused() -> None:
    with pytest.raises(InputError, match="at most 12 words"):
        parse_seeds(ONE.replace("create a fair", "one two three four five six seven eight create a fair"))


def test_every_anchor_is_found_in_the_documents_themselves(shared_data: Path) -> None:
    files = sorted((shared_data / "seeds").glob("0*.txt"))
    for document, file in zip(load_seeds().documents, files, strict=True):
        found = locate(document, file.read_text(encoding="utf-8"))
        assert [f.item for f in found if f.span is None] == []


def test_the_patterns_of_the_packaged_taxonomy_can_all_be_used() -> None:
    """The program doesn't try them when it starts: here they are."""
    checked = parse_taxonomy((taxonomy.DATA / "taxonomy.yaml").read_bytes())
    assert checked.provisions == load_taxonomy().provisions
    for provision in checked.provisions.values():
        for terms in provision.terms.values():
            compiled = [p.pattern for p in (*terms.must, *terms.any, *terms.veto)]
            assert compiled == [p for some in terms.written for p in some]
