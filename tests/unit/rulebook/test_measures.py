"""What the rulebook tells of commitments: each line of the documents has its row; counts and shares by hand."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import yaml

import concordat.rulebook as room
from concordat.errors import InputError
from concordat.rulebook import measures
from concordat.rulebook._regime_read import Regime, read
from concordat.rulebook.measures import NAMES, load_measures, measure, measure_line, parse_measures
from concordat.rulebook.seeds import load_seeds
from rulebook_build import coding, instrument, store_of

ON = date(2025, 6, 1)
HEAD = "schema: concordat/rulebook-measures@1\nlines:\n"


def regime(text: str, members: tuple[str, ...] = ("BRA", "CHN", "IND"), *, coded: tuple[str, ...] = ()) -> Regime:
    with store_of(text, {name: [("1", "Data may move.")] for name in coded}) as store:
        store.add_codings([coding(f"{n}/1", "DF-FLOW", 2, method="human") for n in coded])
        return read(store, members, ON)


# --- The table ---


def test_each_line_of_the_documents_with_the_source_rulebook_has_a_row() -> None:
    lines = {
        (item.id, n): m["code"]
        for document in load_seeds().documents
        for item in document.items
        for n, m in enumerate(item.measures, 1)
        if m["source"] == "rulebook"
    }
    assert {(x.commitment, x.number): x.code for x in load_measures().lines} == lines
    assert len(lines) == 30


def test_the_rows_are_those_of_the_shared_documents(shared_data: Path) -> None:
    document = yaml.safe_load((shared_data / "seed_commitments.yaml").read_text(encoding="utf-8"))
    lines = {
        (c["id"].lower(), n): m["code"]
        for c in document["commitments"]
        for n, m in enumerate(c["measures"], 1)
        if m["source"] == "rulebook"
    }
    assert {(x.commitment, x.number): x.code for x in load_measures().lines} == lines


def test_all_thirteen_measures_are_used_and_can_be_asked_for() -> None:
    used = {m.name for line in load_measures().lines for m in line.measures}
    assert used == set(NAMES)
    assert len(NAMES) == 13
    made = regime(instrument("x", "BRA, CHN"))
    for name in NAMES:
        about = {"topics": ("DF",)} if name == "provision_in_force" else {}
        found = measure(made, name, draws=10, **about)
        assert (found.value is None) == bool(found.reason), name


def test_an_unmapped_line_says_that_it_can_not_be_measured_yet() -> None:
    made = regime(instrument("x", "BRA, CHN"))
    for commitment, number in (("dsr-10", 1), ("ggg-4", 1), ("t20-f1a", 1), ("nothing", 9)):
        (found,) = measure_line(made, commitment, number)
        assert found.value is None
        assert found.reason.startswith("not measurable by the rulebook yet")
    assert [m.asked.topics for m in measure_line(made, "dsr-4", 1)] == [("DF",), ("CY",), ()]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("  - {commitment: a-1, number: 1, code: c, measures: [{name: parties}]}", "parties_count"),
        ("  - {commitment: a-1, number: 1, code: c, measures: [{name: fragmentation, topics: [X]}]}", "not a topic"),
        ("  - {commitment: a-1, number: 1, code: c, measures: []}", "says why there are none"),
        ("  - {commitment: a-1, number: 1, code: c, measures: [], why: x}\n" * 2, "stands twice"),
    ],
)  # fmt: skip
def test_a_table_with_a_fault_is_refused(lines: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_measures(HEAD + lines)


def test_a_measure_that_does_not_exist_names_the_nearest() -> None:
    made = regime(instrument("x", "BRA, CHN"))
    with pytest.raises(InputError, match="Did you mean fragmentation"):
        measure(made, "fragmentations")
    with pytest.raises(InputError, match="Did you mean DF-FLOW"):
        measure(made, "provision_in_force", provisions=["DF-FLOWS"])
    with pytest.raises(InputError, match="needs a provision"):
        measure(made, "provision_in_force")
    with pytest.raises(InputError, match="of one topic"):
        measure(made, "fragmentation", topics=["DF", "CY"])


def test_the_json_schema_that_ships_is_that_of_the_model() -> None:
    stored = (Path(room.__file__).parent / "schema" / "rulebook-measures-1.json").read_text(encoding="utf-8")
    assert json.loads(stored) == measures.json_schema()


# --- The measures ---

OPEN = "party: BRA\nparty: CHN, unknown: [in_force]"


def test_instruments_and_parties_have_what_is_not_known_as_their_upper_end() -> None:
    made = regime(instrument("x", "BRA, CHN") + instrument("y", rows=OPEN) + instrument("z", "BRA, CHN", topics="AI"))
    found = measure(made, "instruments_in_force_by_topic", topics=["DF"])
    assert (found.value, found.low, found.high, found.inputs) == (1, 1, 2, ("x",))
    assert measure(made, "instruments_in_force_by_topic", types=["convention"]).value == 0
    open_ = measure(regime(instrument("y", rows=OPEN)), "parties_count")
    assert (open_.value, open_.low, open_.high, open_.unit) == (1, 1, 2, "members")


def test_new_instruments_are_counted_in_the_year_of_signature() -> None:
    text = (
        instrument("a", "BRA, CHN", more='    signed: "2025-02-01"', in_force="")
        + instrument("b", "BRA, CHN, IND", more='    signed: "2020"', in_force="")
        + instrument("c", "BRA, SGP", more='    signed: "2025-02-01"', in_force="")  # one member alone
        + instrument("d", "BRA, CHN", in_force="2021-05-01")
    )
    found = measure(regime(text), "instruments_new_by_year")
    assert (found.value, found.inputs, found.by_year) == (1, ("a",), {2020: 1, 2021: 1, 2025: 1})


def test_shares_rest_on_coded_texts() -> None:
    made = regime(instrument("x", "BRA, CHN"), coded=("x",))
    found = measure(made, "provision_in_force", provisions=["DF-FLOW"], draws=20)
    assert (found.value, found.low, found.high, found.coverage) == (
        pytest.approx(1 / 3),
        *[pytest.approx(1 / 3)] * 2,
        1,
    )
    assert found.inputs == ("x",)
    assert measure(made, "provision_in_force", provisions=["DF-LOCA"], draws=20).value == 0
    assert measure(made, "fragmentation", topics=["DF"], draws=20).value == pytest.approx(2 / 3)
    assert measure(made, "topic_share_binding", draws=20).value == pytest.approx(1 / 3 / 12)
    distance = measure(made, "regime_distance", draws=20)
    assert distance.value == 0.0  # answered for two members, who owe the same
    assert measure(regime(instrument("x", "BRA, CHN")), "fragmentation", topics=["DF"]).reason == "no text coded"


def test_what_the_catalogue_does_not_record_is_none_and_not_nothing() -> None:
    made = regime(instrument("x", "BRA, CHN"))
    for name in ("standards_adopted", "norms_endorsed", "uncitral_parties"):
        assert "does not record" in measure(made, name).reason
    for name in ("memoranda_pairs", "joint_proposals", "national_strategy"):
        assert "the catalogue holds no" in measure(made, name).reason


def test_adoptions_memoranda_proposals_and_strategies() -> None:
    def of(name: str, who: str, kind: str, form: str = "", **more: str) -> str:
        made = instrument(name, who, **more).replace("type: digital_agreement", f"type: {kind}")
        return made.replace("    topics:", f"    form: {form}\n    topics:") if form else made

    made = regime(
        of("s", "BRA", "standard", binding="voluntary")
        + of("n", "BRA, CHN", "declaration", binding="soft")
        + of("ecc", "CHN, IND", "convention")
        + of("m", "BRA, CHN", "mechanism", "memorandum")
        + of("p", "BRA, IND", "declaration", "joint_proposal", binding="none")
        + of("g", "IND", "regulation", "national_strategy")
    )
    values = {
        "standards_adopted": 1,
        "norms_endorsed": 2,
        "uncitral_parties": 2,
        "memoranda_pairs": 1,
        "joint_proposals": 1,
        "national_strategy": pytest.approx(1 / 3),
    }
    assert {name: measure(made, name).value for name in values} == values
