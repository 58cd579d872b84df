"""`concordat bloc`: what is printed, its JSON twin, warnings, and the exit code of a table that does not hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from concordat.cli import main
from concordat.world import bloc_checks
from concordat.world._tables import table_bytes

AS_OF = "2026-07-01"
Capture = pytest.CaptureFixture[str]


def _run(capsys: Capture, *arguments: str, code: int = 0) -> str:
    assert main(["bloc", *arguments]) == code
    return capsys.readouterr().out


def _json(capsys: Capture, *arguments: str, code: int = 0) -> dict[str, Any]:
    found = json.loads(_run(capsys, *arguments, "--json", code=code))
    assert isinstance(found, dict)
    return found


# --- show ---


def test_show_prints_role_dates_marks_sources_and_the_day_of_the_table(capsys: Capture) -> None:
    lines = _run(capsys, "show", "brics", "--on", AS_OF).splitlines()
    assert lines[0] == "BRICS on 2026-07-01: BRICS, informal forum."
    assert lines[1] == "10 members. Not counted: 1 invited, 2 invited_partner, 10 partner."
    assert lines[3].split() == ["area", "name", "role", "from", "to", "start", "seen", "status", "sources"]
    rows = {line.split()[0]: line for line in lines[4:27]}
    assert list(rows)[:10] == sorted(list(rows)[:10])
    assert rows["IDN"].split()[1:7] == ["Indonesia", "member", "2025-01-06", "-", "day", "verified"]
    assert rows["BRA"].split()[1:7] == ["Brazil", "member", "2009-06-16", "-", "year", "verified"]
    assert "  SAU: open: invited as from 2024-01-01" in "\n".join(lines)
    assert "  brics_tass_rio: TASS 2025-07-06. https://tass.com/world/1986083" in lines
    assert lines[-1] == "The table knows what happened up to 2026-07-01."


def test_columns_stand_below_their_heads(capsys: Capture) -> None:
    lines = _run(capsys, "show", "AU", "--on", AS_OF).splitlines()
    head = lines[3]
    starts = [head.index(word) for word in ("name", "role", "from", "to ", "start seen", "status", "sources")]
    for line in lines[4 : lines.index("", 4)]:
        assert all(line[start - 2 : start] == "  " and line[start] != " " for start in starts)


@pytest.mark.parametrize(("on", "warned"), [("2026-06-30", False), (AS_OF, False), ("2026-07-02", True), ("", True)])
def test_a_day_after_the_table_is_answered_with_a_warning(on: str, warned: bool, capsys: Capture) -> None:
    """Without `--on` the day is today, which the suite pins to 2026-11-22."""
    chosen = ["--on", on] if on else []
    text = _run(capsys, "show", "BRICS", *chosen)
    day = on or "2026-11-22"
    warning = f"Warning: {day} is later. Whoever joined or left since then is not in this answer."
    assert (warning in text.splitlines()) is warned
    found = _json(capsys, "show", "BRICS", *chosen)
    assert (found["on"], found["table_as_of"], found["after_as_of"]) == (day, AS_OF, warned)


def test_suspended_states_are_members_with_a_second_row(capsys: Capture) -> None:
    text = _run(capsys, "show", "MERCOSUR", "--on", "2013-05-01")
    assert text.splitlines()[1] == "5 members, 1 of them suspended. Not counted: 7 associate."
    rows = [line.split() for line in text.splitlines() if line.startswith("PRY ")]
    assert [row[2] for row in rows] == ["member", "suspended"]
    assert "2013 (not seen)" in text  # the end is known to the year, and no source was seen for it
    assert "verified, unsure" in text


def test_blocs_as_members_are_marked_and_counted_once_and_expanded(capsys: Capture) -> None:
    text = _run(capsys, "show", "G20", "--on", AS_OF)
    said = "21 members, 2 of them blocs (97 areas if replaced by their members). Not counted: 1 guest."
    assert text.splitlines()[1] == said
    assert "African Union (a bloc)" in text
    found = _json(capsys, "show", "G20", "--on", AS_OF)
    assert (found["members"], found["members_expanded"]) == (21, 97)
    assert {e["area"] for e in found["entries"] if e["area_is_bloc"]} == {"AU", "EU"}
    assert "166 members, 1 of them a bloc (" in _run(capsys, "show", "WTO", "--on", AS_OF)


def test_unverified_entries_say_so(capsys: Capture) -> None:
    entries = {(e["area"], e["role"]): e for e in _json(capsys, "show", "G7", "--on", AS_OF)["entries"]}
    europe = entries["EU", "participant"]
    assert (europe["status"], europe["checked"], europe["sources"]) == ("unverified", "none", [])
    row = next(line for line in _run(capsys, "show", "G7", "--on", AS_OF).splitlines() if line.startswith("EU "))
    assert row.split()[-5:] == ["not", "seen", "unverified", "none", "seen"]


def test_a_start_that_is_not_recorded_is_a_question_mark(capsys: Capture) -> None:
    entries = _json(capsys, "show", "G77", "--on", AS_OF)["entries"]
    assert {e["from"] for e in entries} == {None}
    rows = _run(capsys, "show", "G77", "--on", AS_OF).splitlines()[4:138]
    assert all(" member  ?     -   not seen" in row for row in rows)


def test_one_role_or_several_can_be_asked_for(capsys: Capture) -> None:
    found = _json(capsys, "show", "BRICS", "--on", AS_OF, "--role", "partner", "--role", "invited")
    assert {e["role"] for e in found["entries"]} == {"invited", "partner"}
    assert len(found["entries"]) == 11
    assert found["members"] == 10  # the total does not depend on what is shown
    cited = {key for e in found["entries"] for key in e["sources"]}
    assert set(found["sources"]) == cited


def test_nobody_in_that_role_is_said_in_words(capsys: Capture) -> None:
    text = _run(capsys, "show", "IBSA", "--on", AS_OF, "--role", "observer", "--role", "guest")
    assert "No entry has the role observer or guest that day." in text.splitlines()
    assert _json(capsys, "show", "IBSA", "--on", AS_OF, "--role", "observer")["entries"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["show", "BRIC"], "unknown_bloc"),
        (["show", "BRICS", "--role", "partnr"], "unknown_role"),
        (["show", "BRICS", "--on", "2026-7-1"], "bad_date"),
        (["show", "BRICS", "--on", "2005-01-01"], "empty_bloc"),
        (["list", "--on", "yesterday"], "bad_date"),
    ],
)
def test_a_wrong_word_ends_with_exit_code_2_and_says_which(arguments: list[str], code: str, capsys: Capture) -> None:
    assert _json(capsys, *arguments, code=2)["code"] == code


def test_an_entry_can_be_found_again_in_the_table(capsys: Capture) -> None:
    from concordat.settings import parse_yaml

    table = parse_yaml(table_bytes("blocs.yaml"), where="blocs.yaml", numbers_as_text=True).value
    for entry in _json(capsys, "show", "BRICS", "--on", AS_OF)["entries"]:
        file, pointer = entry["locator"].split("#/")
        value: Any = table
        for step in pointer.split("/"):
            value = value[int(step)] if isinstance(value, list) else value[step]
        assert (file, value["area"], value["role"], value["from"]) == (
            "blocs.yaml", entry["area"], entry["role"], entry["from"],
        )  # fmt: skip


# --- list ---


def test_list_has_every_bloc_with_its_total(capsys: Capture) -> None:
    lines = _run(capsys, "list", "--on", AS_OF).splitlines()
    assert lines[0].split() == ["id", "members", "kind", "evidence", "name"]
    assert next(line for line in lines if line.startswith("BRICS ")).split()[1] == "10"
    assert lines[-2:] == [
        "Members on 2026-07-01, full roles only (member, party, state_party).",
        "The table knows what happened up to 2026-07-01.",
    ]
    found = _json(capsys, "list", "--on", AS_OF)["blocs"]
    assert len(found) == 48
    assert [b["id"] for b in found] == [line.split()[0] for line in lines[1:49]] == sorted(b["id"] for b in found)


def test_a_bloc_that_did_not_exist_yet_is_listed_with_nobody(capsys: Capture) -> None:
    found = {b["id"]: b["members"] for b in _json(capsys, "list", "--on", "1950-01-01")["blocs"]}
    assert (found["BRICS"], found["EU"]) == (0, 0)
    assert found["UN"] == 59 - 2  # Czechoslovakia and Yugoslavia have no code any more, and no entry


# --- check ---


def test_check_counts_what_it_checked_and_finds_nothing(capsys: Capture) -> None:
    assert _run(capsys, "check").splitlines() == [
        "48 blocs, 1,463 entries, 142 sources, as of 2026-07-01.",
        "75 published totals counted anew.",
        "Starts seen: 517 to the day, 64 to the month, 258 to the year; not seen: 624.",
        "Unverified, as the start or the membership itself was not seen: 625.",
        "Nothing fails.",
    ]
    found = _json(capsys, "check")
    assert (found["faults"], found["entries"], found["checked"]["none"]) == ([], 1463, 624)


def test_check_ends_with_exit_code_5_when_a_date_was_changed(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    text = table_bytes("blocs.yaml").decode("utf-8")
    changed = text.replace("area: IDN, role: member, from: 2025-01-06", "area: IDN, role: member, from: 2027-01-06")
    monkeypatch.setattr(bloc_checks, "raw_table", lambda _: changed.encode("utf-8"))
    lines = _run(capsys, "check", code=5).splitlines()
    assert lines[0].startswith("blocs.yaml, line ")
    assert "BRICS on 2026-07-01: 9 with the role member, where 10 were published" in lines[0]
    assert lines[1].startswith("blocs.yaml: the table is not the one reviewed for this version")
    assert lines[-1] == "Faults: 2."
    assert [f["rule"] for f in _json(capsys, "check", code=5)["faults"]] == ["total", "not_as_reviewed"]
