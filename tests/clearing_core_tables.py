"""The tables of docs/reference/clearing-core.md, from the code: `python tests/clearing_core_tables.py` rewrites them.

Each stands between `<!-- table: name -->` and `<!-- end -->`; a test holds the page to what this gives.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from concordat.clearing.core.codes import CODES
from concordat.clearing.core.fields import FIELDS, NEEDED
from concordat.clearing.core.instructions import ADMINISTRATIVE
from concordat.clearing.core.invariants import INVARIANTS
from concordat.clearing.core.states import MOVES

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "clearing-core.md"


def row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def head(*cells: str) -> list[str]:
    return [row(*cells), "|" + " --- |" * len(cells)]


def states() -> list[str]:
    lines = head("what", "state", "may become")
    for kind, moves in MOVES.items():
        for before, after in moves.items():
            lines.append(row(kind, f"`{before}`", ", ".join(f"`{one}`" for one in after) or "(final)"))
    return lines


def kinds() -> list[str]:
    lines = head("kind", "fields (in brackets: may be left out)", "place in the block")
    for kind, fields in FIELDS.items():
        shown = [f"`{name}`" if default is NEEDED else f"[`{name}`]" for name, (_, default) in fields.items()]
        place = "first" if kind in ADMINISTRATIVE else "second" if kind == "settle" else "last"
        lines.append(row(f"`{kind}`", ", ".join(shown), place))
    return lines


def codes() -> list[str]:
    lines = head("code", "outcome", "ISO (unverified)", "in words")
    return lines + [row(f"`{c.name}`", c.outcome, c.iso or "", c.sentence) for c in CODES.values()]


def invariants() -> list[str]:
    lines = head("name", "what must hold")
    return lines + [row(name, (check.__doc__ or "").strip()) for name, check in INVARIANTS.items()]


TABLES = {"states": states, "kinds": kinds, "codes": codes, "invariants": invariants}
PLACE = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def written(page: str) -> str:
    """The page with its tables as the code has them."""
    return PLACE.sub(lambda m: f"<!-- table: {m[1]} -->\n" + "\n".join(TABLES[m[1]]()) + "\n<!-- end -->", page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
