"""Which of all codings ever made of a unit counts: a person's before an import's before a model's, the last of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from concordat.rulebook.model import Coding

RANK = {"human": 2, "import": 1}  # of methods; every model's is 0


def current(codings: Sequence[Coding]) -> tuple[Coding, ...]:
    """Of codings in the order they were made, the current one of each unit and provision.

    The last that nothing supersedes, a person's before an import's before a model's. Where two people say different
    things and neither supersedes the other, the later is given with the state "disputed".
    """
    gone = {c.supersedes for c in codings if c.supersedes}
    alive: dict[tuple[str, str], list[Coding]] = {}
    for coding in codings:
        if coding.id not in gone:
            alive.setdefault((coding.unit, coding.provision), []).append(coding)
    found: list[Coding] = []
    for some in alive.values():
        best = max(range(len(some)), key=lambda n: (RANK.get(some[n].method, 0), n))
        chosen = some[best]
        last = {c.coder: (c.depth, tuple(sorted(c.flags.items()))) for c in some if c.method == "human"}
        if len(set(last.values())) > 1:
            chosen = replace(chosen, state="disputed")
        found.append(chosen)
    return tuple(found)
