"""The founding of a demo's council: every member adopts the shipped rules and the table of populations.

In a real bloc each member says so itself (`council adopt`); a demo has all of them in one folder, and does it once.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from concordat.errors import MethodError

if TYPE_CHECKING:
    from concordat.node.demo import Demo

RULES = ("amend_rules", "qualified", "simple_majority", "two_thirds", "consensus", "silence")
TABLE = "population"


def populations(members: tuple[str, ...]) -> tuple[str, str, dict[str, int]]:
    """Day, source and number of people by member, from the evidence of this machine.

    Raises:
        MethodError: a member has no figure.
    """
    from concordat import clock
    from concordat.cli._index_input import observations
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.resolve import resolve

    rows, release = observations("auto", None)
    year = clock.today().year
    chosen = resolve([o for o in rows if o.indicator_id == TABLE], load_catalogue(), not_after=year, areas=members)
    values, years = {}, set()
    for member in members:
        found = chosen.get((TABLE, member, ""))
        if found is None or found.value is None:
            hint = "Load a source (concordat evidence), or adopt a table of your own."
            raise MethodError(f"there is no population of {member}.", hint=hint, code="no_figures")
        values[member] = round(found.value)
        years.add(found.year)
    return f"{max(years)}-07-01", release, values


def found_council(demo: Demo) -> None:
    """Let every member of a demo adopt the same rules and weights, until they are final."""
    from concordat.council.decide.rules import FOLDER

    print("concordat: the founders adopt the shipped rules and the populations ...", file=sys.stderr)
    weights: dict[str, object] | None = None
    try:
        day, source, values = populations(demo.members)
        weights = {"day": day, "source": source, "table": TABLE, "unit": "people", "values": values}
    except MethodError as error:  # a union among the members has no people of its own: rules by weight wait, no other
        print(f"concordat: no table of populations: {error.what}", file=sys.stderr)
    rules = {"rules": [(FOLDER / f"{name}.yaml").read_text(encoding="utf-8") for name in RULES]}
    for member in demo.members:
        if weights is not None:
            demo.say(member, "WeightsAdopted", weights, dry=False)
        demo.say(member, "RuleAdopted", rules, dry=False)
    demo.settle()
