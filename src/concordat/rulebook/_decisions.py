"""What people said of a unit, and what follows from it: the current coding of each provision.

A decision leaves one or two codings by a person: of what the unit holds, and, where this is another provision than the
one decided on, one of depth 0 that says what the unit does not hold. `supersedes` names the coding that was decided on
or the coder's own earlier word, never another person's: that one stands beside. So a rejection does not rest on the id
of a model's coding, which another model would not have: it holds whatever a model says later, of the unit and of its
parts.

Decisions have one subject if they go back to codings of the same unit and provision. Two people who say different
things of one subject, or of one provision, are in dispute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from concordat.rulebook.model import Coding

RANK = {"human": 2, "import": 1}  # of methods; every model's is 0
Place: TypeAlias = tuple[str, str]  # a unit and a provision


def rejected(coding: Coding) -> bool:
    """Whether it says that the unit does not hold the provision: a person's word, with the depth 0."""
    return coding.method == "human" and coding.depth == 0


def current(codings: Sequence[Coding]) -> tuple[Coding, ...]:
    """Of codings in the order they were made, the current one of each unit and provision.

    The last that nothing supersedes, a person's before an import's before a model's. Where two people say different
    things, the last that does not reject the provision is given, with the state "disputed".
    """
    gone = {c.supersedes for c in codings if c.supersedes}
    alive: dict[Place, list[Coding]] = {}
    for coding in codings:
        if coding.id not in gone:
            alive.setdefault((coding.unit, coding.provision), []).append(coding)
    found: list[Coding] = []
    said = latest(codings)
    disputed = _disputed(codings, said) if len({c.coder for c in said}) > 1 else frozenset()
    for place, some in alive.items():
        chosen = some[max(range(len(some)), key=lambda n: (RANK.get(some[n].method, 0), n))]
        if place in disputed:
            standing = [c for c in said if (c.unit, c.provision) == place and not rejected(c)]
            chosen = replace((standing or [chosen])[-1], state="disputed")
        found.append(chosen)
    refused = {(c.unit, c.provision) for c in found if rejected(c)}
    return tuple(c for c in found if c.method in RANK or not _inside(c, refused)) if refused else tuple(found)


def latest(codings: Sequence[Coding]) -> tuple[Coding, ...]:
    """The last word of each person on each unit and provision, of those that nothing supersedes."""
    people = [c for c in codings if c.method == "human"]
    gone = {c.supersedes for c in people if c.supersedes}
    last = {(c.unit, c.provision, c.coder): c for c in people if c.id not in gone}
    return tuple(c for c in people if last.get((c.unit, c.provision, c.coder)) is c)


def root(coding: Coding, by_id: Mapping[str, Coding]) -> Coding:
    """What a decision goes back to: the coding of a model or an import, or the first word of a person."""
    seen = {coding.id}
    while coding.method == "human" and coding.supersedes in by_id and coding.supersedes not in seen:
        coding = by_id[coding.supersedes]
        seen.add(coding.id)
    return coding


def verdicts(codings: Sequence[Coding]) -> dict[Place, dict[str, tuple[Coding, ...]]]:
    """By subject, what each person says of it last: the provisions held; none where all is rejected."""
    return _verdicts(codings, latest(codings))


def _verdicts(codings: Sequence[Coding], said: Iterable[Coding]) -> dict[Place, dict[str, tuple[Coding, ...]]]:
    by_id = {c.id: c for c in codings}
    found: dict[Place, dict[str, tuple[Coding, ...]]] = {}
    for c in said:
        of = found.setdefault((c.unit, root(c, by_id).provision), {})
        of[c.coder] = (*of.get(c.coder, ()), *(() if rejected(c) else (c,)))
    return found


def _disputed(codings: Sequence[Coding], said: Sequence[Coding]) -> frozenset[Place]:
    """The places of which two people say different things; not those that all of them reject."""
    found: set[Place] = set()
    words: dict[Place, dict[str, object]] = {}
    for c in said:
        words.setdefault((c.unit, c.provision), {})[c.coder] = _word(c)
    found |= {place for place, by in words.items() if len(set(by.values())) > 1}
    for by in _verdicts(codings, said).values():
        if len({frozenset((c.provision, _word(c)) for c in some) for some in by.values()}) > 1:
            found |= {(c.unit, c.provision) for some in by.values() for c in some}
    return frozenset(found)


def _word(c: Coding) -> tuple[int | None, tuple[tuple[str, bool], ...]]:
    return c.depth, tuple(sorted(c.flags.items()))


def _inside(coding: Coding, refused: set[Place]) -> bool:
    """Whether a person rejected the provision for what the unit is part of."""
    unit = coding.unit
    while "/" in unit:
        unit = unit.rpartition("/")[0]
        if (unit, coding.provision) in refused:
            return True
    return False
