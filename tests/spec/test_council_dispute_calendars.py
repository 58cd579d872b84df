"""Every deadline of `expedited` and `dsu` as a person finds it with a paper calendar: the YAML file says how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from concordat.council.disputes import Case, CaseEvent, Procedure, advance, ahead, step
from concordat.council.disputes.calendars import instant, text_of
from concordat.errors import RuleError
from concordat.settings import parse_yaml

FILE = Path(__file__).with_name("council_dispute_calendars.yaml")
TABLE: dict[str, list[dict[str, Any]]] = parse_yaml(FILE.read_bytes(), where=FILE.name).value
CASES = [(name, case) for name, cases in TABLE.items() for case in cases]
MERGE_DELAY = 24 * 3600


def _chain(name: str, case: dict[str, Any]) -> list[dict[str, Any]]:
    """The case and those it comes after, the first first."""
    if "after" not in case:
        return [case]
    before = next(c for c in TABLE[name] if c["case"] == case["after"])
    return [*_chain(name, before), case]


def _filed(name: str, chain: list[dict[str, Any]]) -> Case:
    calendar = {key: value for part in chain for key, value in part.get("calendar", {}).items()}
    procedure = Procedure.shipped(name)
    return Case.file(
        procedure.adapted(calendar=calendar) if calendar else procedure,
        "d-2026-001",
        "BRA",
        "IND",
        instant(chain[0]["filed"]),
        urgent=chain[0].get("urgent", False),
        agreement="clause 9" if procedure.agreement else "",
    )


def _check(case: Case, words: list[Any]) -> None:
    if words[0] == "due":
        _, stage, day, end, _ = words
        assert case.due is not None
        assert (case.stage, case.due.day.isoformat(), text_of(case.due.at)) == (stage, day, end)
        assert any((a.stage, a.end) == (stage, case.due) for a in ahead(case))
    elif words[0] == "none":
        assert (case.stage, case.due) == (words[1], None)
    else:
        assert case.due is not None
        assert words[0] == "note"
        assert any(words[1] in note for note in case.due.notes)


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda part: part if isinstance(part, str) else part["case"])
def test_deadlines_are_those_of_the_paper_calendar(name: str, case: dict[str, Any]) -> None:
    chain = _chain(name, case)
    now = _filed(name, chain)
    for part in chain:
        for words in part["do"]:
            if words[0] == "act":
                now = step(now, CaseEvent(words[1], words[2], instant(words[3]), words[4]))
            elif words[0] == "refused":
                with pytest.raises(RuleError):
                    step(now, CaseEvent(words[1], words[2], instant(words[3]), words[4]))
            elif words[0] == "clock":
                now = advance(now, instant(words[1]), MERGE_DELAY)
            elif part is case:
                _check(now, words)
    assert now.no_effect == ()
    assert Case.from_value(now.to_value(), now.procedure) == now


def test_there_are_twenty_cases_of_each() -> None:
    assert {name: len(cases) >= 20 for name, cases in TABLE.items()} == {"expedited": True, "dsu": True}


@pytest.mark.parametrize("name", ["expedited", "dsu"])
def test_every_deadline_of_the_procedure_stands_in_the_table(name: str) -> None:
    timed = {s.name for s in Procedure.shipped(name).stages if s.deadline}
    assert timed <= {words[1] for case in TABLE[name] for words in case["do"] if words[0] == "due"}
