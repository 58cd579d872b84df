"""A mutated table of blocs is found out: each rule is broken once, and the check names it and its line."""

from __future__ import annotations

import pytest

from concordat.errors import InputError
from concordat.world import table_hash
from concordat.world._tables import REVIEWED, table_bytes
from concordat.world.bloc_checks import TableCheck, check_table

TABLE = table_bytes("blocs.yaml").decode("utf-8")

SMALL = """\
schema: concordat/blocs@1
as_of: 2026-07-01
sources:
  s: {title: A list, url: "https://example.org"}
blocs:
  - id: ONE
    names: {en: First}
    aliases: []
    kind: informal forum
    url: null
    weights_default: population
    confidence: verified
    evidence: a list
    checks:
      - {date: 2020-01-01, role: member, count: 2, source: s, what: a list}
    memberships:
      - {area: BRA, role: member, from: 2010, checked: year, sources: [s]}
      - {area: IND, role: member, from: 2010-05-01, to: 2022-03, checked: month, checked_to: none, sources: [s]}
      - {area: IND, role: suspended, from: 2021-01, to: 2022-03, checked: none, checked_to: none, sources: []}
      - {area: TWO, role: observer, from: null, checked: none, sources: []}
  - id: TWO
    names: {en: Second}
    aliases: [Deuce]
    kind: informal forum
    url: null
    weights_default: population
    confidence: partly
    evidence: none
    checks: []
    memberships: []
"""


def _check(text: str) -> TableCheck:
    return check_table(text.encode("utf-8"))


def _rules(text: str) -> list[tuple[str, str]]:
    """Rules broken, each with its line; that the bytes are not the reviewed ones goes without saying."""
    faults = _check(text).faults
    assert faults[-1].rule == "not_as_reviewed"
    return [(fault.rule, fault.where.removeprefix("blocs.yaml, line ")) for fault in faults[:-1]]


def test_the_packaged_table_holds_and_is_the_reviewed_one() -> None:
    found = check_table()
    assert found.faults == ()
    assert found.sha256 == table_hash("blocs.yaml") == REVIEWED["blocs.yaml"]


def test_a_small_table_is_counted() -> None:
    found = _check(SMALL)
    assert [fault.rule for fault in found.faults] == ["not_as_reviewed"]
    assert (found.blocs, found.entries, found.sources, found.totals, found.unverified) == (2, 4, 1, 1, 2)
    assert found.checked == {"day": 0, "month": 1, "year": 1, "none": 2}
    assert found.unused_sources == ()
    assert _check(SMALL.replace("[s]", "[]").replace("source: s", "source: null")).unused_sources == ("s",)


BRA = "{area: BRA, role: member, from: 2010, checked: year, sources: [s]}"
SUSPENDED = "{area: IND, role: suspended, from: 2021-01, to: 2022-03, checked: none, checked_to: none, sources: []}"


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ("count: 2", "count: 3", [("total", "15")]),
        ("count: 2", "count: two", [("bad_count", "15")]),
        ("count: 2", "count: -2", [("bad_count", "15")]),
        ("date: 2020-01-01", "date: 2009-12-31", [("total", "15")]),
        ("date: 2020-01-01", "date: 2020-01", [("bad_date", "15")]),
        ("date: 2020-01-01", "date: 2020-02-30", [("bad_date", "15")]),
        ("source: s,", "source: t,", [("unknown_source", "15")]),
        ("checked: year, sources: [s]", "checked: year, sources: [t]", [("unknown_source", "17")]),
        ("checked: year, sources: [s]", "checked: year, sources: s", [("form", "17")]),
        ("checked: year, sources: [s]", "checked: year, sources: [{s: s}]", [("form", "17")]),
        ("area: BRA", "area: BR", [("unknown_area", "17")]),
        ("area: BRA", "area: BRICS", [("unknown_area", "17")]),  # no bloc of this table
        ("from: 2010,", "from: 2010-13,", [("bad_date", "17")]),
        ("from: 2010,", "from: [2010],", [("bad_date", "17")]),
        ("from: 2010,", "from: 2021,", [("total", "15")]),
        ("role: member, from: 2010,", "role: membr, from: 2010,", [("unknown_role", "17"), ("total", "15")]),
        ("from: 2010, checked: year", "from: 2010, checked: day", [("bad_precision", "17")]),
        ("from: 2010, checked: year", "from: 2010, checked: yes", [("bad_precision", "17")]),
        ("from: null, checked: none", "from: null, checked: year", [("bad_precision", "20")]),
        ("checked: month, checked_to: none", "checked: month, checked_to: day", [("bad_precision", "18")]),
        ("from: 2021-01, to: 2022-03", "from: 2021-01, to: 2020", [("order", "19")]),
        ("from: 2021-01, to: 2022-03", "from: 2021-01-05, to: 2021-01-05", [("order", "19")]),
        (BRA, BRA + "\n      - " + BRA, [("overlap", "18")]),
        (BRA, BRA + "\n      - " + BRA.replace("member", "observer"), [("overlap", "18")]),
        (SUSPENDED, SUSPENDED + "\n      - " + SUSPENDED, [("overlap", "20")]),
        ("from: 2021-01, to: 2022-03", "from: 2010-04, to: 2022-03", [("suspended_outside", "19")]),
        ("from: 2021-01, to: 2022-03", "from: 2021-01, to: 2022-04", [("suspended_outside", "19")]),
        (", to: 2022-03, checked: none, checked_to: none", ", checked: none", [("suspended_outside", "19")]),
        ("from: 2010, checked", "form: 2010, checked", [("missing_key", "17"), ("unknown_key", "17")]),
        ("evidence: none", "evidense: none", [("missing_key", "21"), ("unknown_key", "21")]),
        ("names: {en: Second}", "names: {fr: Deux}", [("no_name", "22")]),
        ("aliases: [Deuce]", "aliases: Deuce", [("form", "21")]),
        ("    checks: []\n", "    checks: null\n", [("form", "29")]),
        ("id: TWO", "id: ONE", [("id_twice", "blocs.yaml"), ("unknown_area", "20")]),
    ],
)
def test_each_broken_rule_is_named_with_its_line(old: str, new: str, rules: list[tuple[str, str]]) -> None:
    assert SMALL.count(old) == 1
    assert sorted(_rules(SMALL.replace(old, new))) == sorted(rules)


def test_a_bloc_inside_itself_is_found_before_expand_could_run_for_ever() -> None:
    inside = "    memberships:\n      - {area: ONE, role: member, from: 2000, checked: none, sources: []}\n"
    circle = SMALL.replace("    memberships: []\n", inside)
    assert [rule for rule, _ in _rules(circle)] == ["circle", "circle"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{area: BRA, role: member, from: 2009-06-16,", "{area: BRA, role: member, from: 2009-06-17,"),
        ("IDN, role: member, from: 2025-01-06, checked: day", "IDN, role: member, from: 2025-01-06, checked: month"),
        ("{area: SAU, role: invited, from: 2023-08-24,", "{area: SAU, role: invited, from: 2024-01-01,"),
    ],
)  # fmt: skip
def test_a_date_moved_by_a_day_breaks_no_rule_and_is_found_all_the_same(old: str, new: str) -> None:
    assert TABLE.count(old) == 1
    faults = _check(TABLE.replace(old, new)).faults
    assert [fault.rule for fault in faults] == ["not_as_reviewed"]
    assert REVIEWED["blocs.yaml"] in faults[0].what


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{area: SAU, role: invited, ", "{area: SAU, role: member, ", "BRICS on 2026-07-01: 11 with the role member"),
        ("{area: IDN, role: member, from: 2025-01-06,", "{area: IDN, role: member, from: 2026-08,", "9 with the role"),
    ],
)
def test_a_member_made_or_lost_breaks_a_published_total(old: str, new: str, said: str) -> None:
    assert TABLE.count(old) == 1 or old.startswith("{area: IDN")
    faults = _check(TABLE.replace(old, new, 1)).faults
    assert any(fault.rule == "total" and said in fault.what for fault in faults)


HEAD = "schema: concordat/blocs@1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "\x00",
        "blocs: []",
        HEAD,
        HEAD.replace("@1", "@2") + "\nsources: {}\nblocs: []",
        HEAD + "\nsources: {}\nblocs: 3",
        HEAD + "\nsources: []\nblocs: []",
        SMALL.replace("id: ONE", "id: ONE\n    id: TWO"),  # a key that stands twice
        SMALL.replace("sources: [s]", "sources: &anchor [s]", 1),
    ],
)
def test_what_is_no_table_of_blocs_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        _check(text)
