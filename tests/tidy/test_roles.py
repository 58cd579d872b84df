"""Each type of entry that the council knows stands in one act of the role table, or is written by no account."""

from __future__ import annotations

from pathlib import Path

from concordat.council.events import load_all
from concordat.node.authorise import roles


def test_every_type_of_the_council_has_its_act() -> None:
    table = roles()
    placed = [kind for act in table.acts.values() for kind in act.entries]
    placed += [*table.by_root_keys, *table.by_the_node]
    assert len(placed) == len(set(placed))
    assert set(load_all()) - set(placed) == set()
    assert set(placed) - set(load_all()) == {"AuditHead"}  # the node's own


def test_what_an_act_may_also_write_stands_elsewhere_too() -> None:
    table = roles()
    first = {kind for act in table.acts.values() for kind in act.entries}
    assert {kind for act in table.acts.values() for kind in act.also} <= first


def test_the_reference_page_shows_the_table_that_the_program_reads() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "people-and-roles.md").read_text(encoding="utf-8")
    lines = page.partition("<!-- roles -->\n")[2].partition("\n\n")[0].splitlines()
    head, rows = lines[0], lines[2:]
    table = roles()
    assert [cell.strip() for cell in head.strip("|").split("|")] == ["act", *table.roles]
    shown = {row[0].strip("` "): [c.strip() for c in row[1:]] for row in (line.strip("|").split("|") for line in rows)}
    wanted = {
        name: [f"{c} !" if c == "own" and act.phrase else c for c in act.cells.values()]
        for name, act in table.acts.items()
    }
    assert shown == wanted
