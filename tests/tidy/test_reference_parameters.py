"""The page of parameters says what the records say: its table is made from them, and compared here.

What stands above the mark on the page is written by hand; what stands below is written by

    pytest tests/tidy/test_reference_parameters.py --update-golden

and the diff is reviewed like code. Every record that ships is sourced, spread and graded, or says why it can't be used.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from concordat.errors import MethodError
from concordat.impact.parameters import Parameter, load_parameters, usable

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "parameters.md"
MARK = "<!-- From here on made from the records by tests/tidy/test_reference_parameters.py; do not edit. -->"
HEAD = ("id", "value", "what it is", "spread", "grade, mark", "source")


def test_the_table_is_that_of_the_records(update_golden: bool) -> None:
    above, mark, below = PAGE.read_text(encoding="utf-8").partition(MARK)
    assert mark, f"{PAGE.name} has no line {MARK}"
    head = [f"| {' | '.join(HEAD)} |", f"|{' --- |' * len(HEAD)}"]
    wanted = "\n\n## What ships\n\n" + "\n".join([*head, *map(_row, load_parameters())]) + "\n\n" + _figures() + "\n"
    if update_golden:
        PAGE.write_text(above + mark + wanted, encoding="utf-8")
    else:
        assert below == wanted, "the records have changed: run this test with --update-golden and review the diff"


@pytest.mark.parametrize("found", list(load_parameters()), ids=lambda p: p.id)
def test_what_ships_is_sourced_spread_and_graded_or_refused(found: Parameter) -> None:
    """100 % of the parameters that a run can use have source, distribution and grade; the others are refused."""
    if found.value is None:
        with pytest.raises(MethodError):
            usable(found, allow_unverified=True)
        return
    assert usable(found, allow_unverified=True) is found
    assert found.source is not None
    assert found.source.where
    assert found.source.url_or_doi
    assert found.distribution is not None
    assert found.grade in ("A", "B", "C", "D", "U")


def _row(p: Parameter) -> str:
    assert p.source is not None
    per = f", for {p.per.change:g} {p.per.unit}" if p.per else ""
    note = f" {' '.join(p.note.split())}" if p.note else ""
    about = f"`{p.quantity}`: {p.unit}{per}.{f' Found for {p.population}.' if p.population else ''}{note}"
    spread = p.distribution.words() if p.distribution else "none"
    if p.distribution and p.distribution.note:
        spread += f" ({p.distribution.note})"
    where = f"{' '.join(p.source.where.split())}. <{p.source.url_or_doi}>"
    value = "none" if p.value is None else f"{p.value:.6g}"
    cells = (f"`{p.id}`", value, about, spread, f"{p.grade}, {p.mark}", where)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _figures() -> str:
    rows = [
        f"| `{p.id}` | {f.case} | {'' if f.value is None else f'{f.value:g}'} {f.unit} | {f.note} |"
        for p in load_parameters()
        for f in p.figures
    ]
    return "\n".join(["Figures beside:", "", "| of | case | figure | note |", "| --- | --- | --- | --- |", *rows])
