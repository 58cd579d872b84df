"""The register of commitments: the 104 items of the source documents, their anchors and codes, where each may go."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from concordat.council.commit import register as module
from concordat.council.commit.register import TRANSITIONS, Register, check_transition
from concordat.council.commit.seed import SOURCES, read_seeds, register_of
from concordat.errors import InputError, RuleError
from concordat.rulebook.seeds import load_seeds

LISTED = """\
version: 1
documents:
  - {id: D9, file: x.txt, title: "A paper"}
commitments:
  - id: NEW-1
    doc: D9
    kind: goal
    agenda: true
    topic: t
    who: w
    what: do it
    for: all
    anchor: "create a fair and just order"
    due: "2030"
    review_level: outcome
    measures:
      - {source: wb, code: SI.POV.GINI, tells: Gini}
      - {source: qualitative, note: judged}
  - id: NEW-2
    doc: D9
    kind: principle
    agenda: false
    topic: t
    who: w
    what: think of it
    for: all
    anchor: "to each their own"
    due: none
    review_level: process
    measures: [{source: qualitative, note: judged}]
"""


@pytest.fixture(scope="module")
def register() -> Register:
    return Register.load_seed()


def test_the_summary_is_the_line_of_the_specification(register: Register) -> None:
    assert register.summary() == (
        "104 items: 93 commitments proposed, 64 on the agenda. 5 have no measure but judgement. "
        '94 have no date: item 1 is "set baseline, target, date".'
    )


def test_the_figures_are_those_of_the_shared_list(register: Register, shared_data: Path) -> None:
    """Counted anew from the list itself, by a plain reader."""
    items = yaml.safe_load((shared_data / "seed_commitments.yaml").read_text(encoding="utf-8"))["commitments"]
    assert [i.id for i in register.items] == [i["id"].lower() for i in items]
    nothing_promised = {"rule area", "principle", "statement", "diagnosis"}
    assert [c.id for c in register.commitments] == [i["id"].lower() for i in items if i["kind"] not in nothing_promised]
    assert [i.id for i in register.items if i.agenda] == [i["id"].lower() for i in items if i["agenda"]]
    assert [i.id for i in register.items if i.due is None] == [i["id"].lower() for i in items if i["due"] == "none"]
    judged = [i["id"].lower() for i in items if {m["source"] for m in i["measures"]} == {"qualitative"}]
    assert [i.id for i in register.items if i.judged_only] == judged
    codes = {m["code"] for i in items for m in i["measures"] if m["source"] == "wb"}
    assert [c.code for c in register.codes] == sorted(codes)
    assert {m["source"] for i in items for m in i["measures"]} <= set(SOURCES)
    levels = [i.review_level for i in register.items]
    assert [levels.count(x) for x in ("output", "process", "outcome")] == [38, 32, 34]  # specification, section 5


def test_the_plain_list_gives_the_same_register(register: Register, shared_data: Path) -> None:
    text = (shared_data / "seed_commitments.yaml").read_bytes()
    assert Register.load_seed(text).digest() == register.digest()


def test_each_anchor_is_found_in_its_document_or_said_not_to_be_checked(register: Register, shared_data: Path) -> None:
    assert {str(i.anchor) for i in register.items} == {"anchor not checked"}
    files = sorted((shared_data / "seeds").glob("0*.txt"))
    names = [d.instrument.id for d in load_seeds().documents]
    texts = {name: f.read_text(encoding="utf-8") for name, f in zip(names, files, strict=True)}
    checked = Register.load_seed(documents=texts)
    assert len(checked.anchors("found")) == 104
    for item in checked.items:
        start, end = item.anchor.span or (0, 0)
        said = "".join(c for c in texts[item.document][start:end].casefold() if c.isalnum())
        assert said == "".join(c for c in item.anchor.words.casefold() if c.isalnum())
    some = Register.load_seed(documents={names[0]: texts[names[1]]})  # the wrong text
    assert len(some.anchors("not found")) >= 45
    assert len(some.anchors("not checked")) == 54
    assert f"Anchors not found: {len(some.anchors('not found'))}: t20-f1a" in some.checks()[0]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("We must “create a FAIR\n  and just order”.", "found"),
        ("We must create a fair, just and new order.", "close"),
        ("Nothing of the kind.", "not found"),
        ("", "not found"),
    ],
)
def test_an_anchor_is_found_close_or_not_found(text: str, status: str) -> None:
    (first, _) = register_of(LISTED, documents={"d9": text})
    assert first.anchor.status == status
    assert (first.anchor.span is None) == (status == "not found")


def test_codes_are_resolved_listed_or_not_checked(register: Register) -> None:
    assert {c.status for c in register.codes} == {"not checked"}
    assert register.checks() == ("Anchors not checked: 104.", "World Bank codes not checked: 26.")
    known = {"SI.POV.GINI": "gini_index", "IT.NET.USER.ZS": "internet_users_pct"}
    found = Register.load_seed(known_codes=known)
    resolved = {c.code: c.indicator for c in found.codes if c.status == "resolved"}
    assert resolved == known
    assert len(found.unresolved()) == 24
    assert found.checks()[-1].startswith("World Bank codes unresolved: 24: BX.GSR.CCIS.CD, ")
    assert not Register.load_seed(known_codes={c.code for c in register.codes}).unresolved()
    assert len(Register.load_seed(known_codes=()).unresolved()) == 26
    uses = {c.code: c.items for c in register.codes}
    assert all(uses.values())


def test_the_first_item_of_the_agenda_asks_for_baseline_target_and_date(register: Register) -> None:
    first, *rest = register.agenda
    assert first.title == "set baseline, target, date"
    assert first.about == tuple(c.id for c in register.commitments)
    assert len(rest) == 64
    assert register.moved("t20-f1a", "specified").agenda[0].about == first.about[1:]


def test_a_new_list_is_read_and_its_ids_lowered() -> None:
    made = Register.load_seed(LISTED)
    assert [(i.id, i.document, i.state) for i in made.items] == [("new-1", "d9", "registered"), ("new-2", "d9", "")]
    assert made.summary() == (
        "2 items: 1 commitments proposed, 1 on the agenda. 1 has no measure but judgement. "
        '1 has no date: item 1 is "set baseline, target, date".'
    )
    assert (made["new-1"].due, made["new-2"].due) == ("2030", None)
    assert made["new-2"].due_reason == "the text sets no date"


# --- Where a commitment may go ---

WAYS = {
    ("registered", "specified"), ("specified", "active"), ("active", "reviewed"), ("reviewed", "reviewed"),
    *((old, new) for old in ("active", "reviewed") for new in ("completed", "lapsed", "superseded")),
    *((old, new) for old in ("registered", "specified") for new in ("lapsed", "superseded")),
}  # fmt: skip


@pytest.mark.parametrize("old", TRANSITIONS)
@pytest.mark.parametrize("new", TRANSITIONS)
def test_what_is_not_listed_is_refused(old: str, new: str) -> None:
    if (old, new) in WAYS:
        check_transition(old, new)
    else:
        with pytest.raises(RuleError, match=f"^from {old} one goes (to|nowhere)"):
            check_transition(old, new)


def test_a_state_that_is_none_is_an_error_with_the_nearest() -> None:
    with pytest.raises(InputError, match='Did you mean "active"'):
        check_transition("registered", "activ")
    with pytest.raises(InputError, match="States: registered"):
        check_transition("?", "active")


def test_a_commitment_goes_its_way_and_the_old_register_stays(register: Register) -> None:
    later = register.moved("brics-1e", "specified").moved("brics-1e", "active").moved("brics-1e", "reviewed")
    assert later["brics-1e"].state == "reviewed"
    assert register["brics-1e"].state == "registered"
    assert later.digest() != register.digest()
    with pytest.raises(RuleError, match="brics-1e: from reviewed one goes to reviewed, completed, lapsed"):
        later.moved("brics-1e", "specified")
    end = later.moved("brics-1e", "completed")
    with pytest.raises(RuleError, match="nowhere, as it is an end"):
        end.moved("brics-1e", "active")


def test_reading_matter_never_becomes_a_commitment(register: Register) -> None:
    diagnosis = next(i for i in register.items if i.kind == "diagnosis")
    with pytest.raises(RuleError, match="is a diagnosis, which can't become a commitment"):
        register.moved(diagnosis.id, "specified")


def test_an_issued_id_is_never_reused(register: Register) -> None:
    (new, other) = register_of(LISTED)
    more = register.added(new, other)
    assert len(more) == 106
    assert "new-1" in more
    with pytest.raises(RuleError, match="in the register already"):
        more.added(new)
    with pytest.raises(RuleError, match="stands twice"):
        Register((new, new))


def test_an_unknown_item_is_an_error_with_the_nearest(register: Register) -> None:
    with pytest.raises(InputError, match='Did you mean "t20-f1a"'):
        register["t20-f1aa"]
    with pytest.raises(InputError, match="The register has 104 items"):
        register["?"]


# --- Bad files ---


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("source: wb", "source: wbb", 'new-1, measure 1: "wbb" is not a source of measures. Did you mean "wb"?'),
        ("code: SI.POV.GINI, ", "", "new-1, measure 1: has no code"),
        ("NEW-2", "new-1", 'seeds.yaml, line 19: "new-1" stands twice'),
        ("doc: D9\n    kind: goal", "doc: D8\n    kind: goal", 'line 6: "D8" is not one of its documents'),
        ("topic: t", "topics: t", 'line 9: "topics" is not a key I know here. Did you mean "topic"?'),
        ("kind: goal", "kind: wish", "line 7: commitments.0.kind"),
        ("fair and just order", "fair and just order of one two three four five six seven", "at most 12 words"),
        ("version: 1", "version: 2", "line 1"),
        ("id: NEW-1", "id: NEW 1", "line 5"),
    ],
)
def test_a_bad_list_names_its_line(old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        register_of(LISTED.replace(old, new, 1))
    assert said in str(caught.value)


def test_other_bad_input() -> None:
    with pytest.raises(InputError, match='Did you mean "t20-brics-brief"'):
        register_of(documents={"t20-brics-brif": ""})
    with pytest.raises(InputError, match="known codes are one text"):
        register_of(known_codes="SI.POV.GINI")
    with pytest.raises(InputError, match="does not say its schema"):
        read_seeds("documents: []")
    with pytest.raises(InputError):
        read_seeds("")
    assert Register().summary().startswith("0 items: 0 commitments proposed")
    assert Register().agenda == ()
    assert module.listed(("a",)) == "a"
