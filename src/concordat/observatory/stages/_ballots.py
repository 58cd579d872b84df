"""Points that members give to indicators, read from the text of a CSV file: `ballot,member,indicator,points`.

One row for each ballot and indicator (or pillar); a member may have several ballots, a ballot one member. Opening the
file is the caller's; what points mean is said in `stages.weights`, which re-exports these names.

    >>> parse_ballots("ballot,member,indicator,points\\nb1,BRA,users,60\\nb1,BRA,lines,40\\n", "ballots.csv")
    (('b1', 'BRA', (('users', 60.0), ('lines', 40.0))),)
"""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Collection
from typing import TypeAlias

from concordat.errors import InputError

Ballots: TypeAlias = tuple[tuple[str, str, tuple[tuple[str, float], ...]], ...]
_COLUMNS = ("ballot", "member", "indicator", "points")


def parse_ballots(
    text: str, where: str, members: Collection[str] | None = None, indicators: Collection[str] | None = None
) -> Ballots:
    """Ballots from the text of a CSV file with the columns ballot, member, indicator, points.

    Args:
        where: what messages call the file.
        members, indicators: who and what may stand in it; None: anything. Pillars may have points as well.

    Raises:
        InputError: names the row and what is wrong with it.
    """
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    made: dict[str, tuple[str, dict[str, float]]] = {}
    try:
        header = tuple(cell.strip() for cell in next(rows, []))
        if header != _COLUMNS:
            what = f"the columns are {', '.join(header) or 'missing'}."
            raise InputError(what, where=f"{where}, row 1", hint=f"They are {','.join(_COLUMNS)}.", code="ballots")
        for cells in rows:
            if any(cell.strip() for cell in cells):
                _one_row([c.strip() for c in cells], f"{where}, row {rows.line_num}", made, members, indicators)
    except csv.Error as fault:
        raise InputError(f"not CSV: {fault}.", where=f"{where}, row {rows.line_num}", code="ballots") from fault
    if not made:
        raise InputError("there are no ballots.", where=where, hint="Add a row for each indicator.", code="ballots")
    return tuple((ballot, member, tuple(points.items())) for ballot, (member, points) in made.items())


def _one_row(
    cells: list[str],
    where: str,
    made: dict[str, tuple[str, dict[str, float]]],
    members: Collection[str] | None,
    indicators: Collection[str] | None,
) -> None:
    if len(cells) != len(_COLUMNS) or not all(cells):
        what = f"{len(cells)} cells, or an empty one: {','.join(cells)}."
        raise InputError(what, where=where, hint=f"Each row has {','.join(_COLUMNS)}.", code="ballots")
    ballot, member, indicator, points = cells
    if members is not None and member not in members:
        raise unknown(member, members, "a member", where)
    if indicators is not None and indicator not in indicators:
        raise unknown(indicator, indicators, "in the tree of this index", where)
    owner, given_points = made.setdefault(ballot, (member, {}))
    if owner != member:
        raise InputError(f"ballot {ballot} is {owner}'s, and here {member}'s.", where=where, hint="One member each.")
    if indicator in given_points:
        raise InputError(f"ballot {ballot} has {indicator} twice.", where=where, hint="Keep one row.", code="duplicate")
    try:
        number = float(points)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise InputError(f'"{points}" points for {indicator}.', where=where, hint="Points are numbers, 0 or more.")
    given_points[indicator] = number


def unknown(word: str, known: Collection[str], what: str, where: str) -> InputError:
    """The error of a name that nobody knows, with the nearest one that somebody does."""
    near = difflib.get_close_matches(word, sorted(known), 1)
    hint = f'Did you mean "{near[0]}"?' if near else f"I know {', '.join(sorted(known)[:12])}."
    return InputError(f'"{word}" is not {what}.', where=where, hint=hint, code="unknown")
