"""The tables of the assessment's chapter on rules, each from a `Regime` and the force between members on the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from concordat.rulebook._regime_force import Levels
from concordat.rulebook._regime_read import PEOPLE, UNKNOWN, YES, Regime
from concordat.rulebook.model import MARKS, Participation, Truth
from concordat.rulebook.regime import NO_INSTRUMENT, NO_TEXT, Figure, deepest, depth_score, pairs_of


@dataclass(frozen=True, slots=True)
class RuleCell:
    """Two members.

    Attributes:
        binding, soft: instruments in force between them. unknown: of which it is not known.
        directed: (instrument, who owes it) of acts that go one way. topics: of the instruments in force.
        deepest: the topic of the largest D_T, "" where depth is not known; depth: D over topics.
        mark: the weakest of the facts used. note: "no instrument known to us" where none is in force.
    """

    a: str
    b: str
    binding: tuple[str, ...]
    soft: tuple[str, ...]
    unknown: tuple[str, ...]
    directed: tuple[tuple[str, str], ...]
    topics: tuple[str, ...]
    deepest: str
    depth: Figure
    mark: str
    note: str


@dataclass(frozen=True, slots=True)
class TopicCell:
    """What a member owes to fellow members on a topic.

    Attributes:
        depth: the hardest rule: 0 none in the texts coded, 1 soft, 2 binding; None with the reason.
        provision, instrument: where that stands. fellows: towards how many members it is as hard as that.
        binding, soft: instruments of the topic in force with any fellow member; binding_fellows: with how many.
        unknown: instruments of the topic of which it is not known. mark: the weakest of the facts used.
    """

    topic: str
    member: str
    depth: int | None
    provision: str
    instrument: str
    fellows: int
    binding: tuple[str, ...]
    soft: tuple[str, ...]
    binding_fellows: int
    unknown: tuple[str, ...]
    mark: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outside:
    """An instrument that two or more, and half of the others, joined; who is outside, and of whom it is not known."""

    instrument: str
    binding: bool
    joined: tuple[str, ...]
    outside: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A member that could join a binding instrument.

    Attributes:
        why: applied | signed | half of the others joined. joined: members for which it is in force.
        new, deeper: provisions that it would add or harden; None where the text is not coded.
    """

    member: str
    instrument: str
    why: str
    joined: int
    new: int | None
    deeper: int | None


@dataclass(frozen=True, slots=True)
class Pending:
    """An instrument that is not in force for some members, and how it stands for them."""

    instrument: str
    kind: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToLoad:
    """An instrument in force between members whose text is not coded."""

    instrument: str
    binding: bool
    pairs: int
    topics: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the chapter rests on.

    Attributes:
        instruments: of the catalogue; in_force: between any two members; with_text, coded: of these.
        pair_share: share of instruments in force between pairs that is coded, over all pairs; None without any.
        codings: of the instruments in force; by_hand: share of them that people made; uncalibrated: of them without a
            probability. unverified: share of the instruments in force whose facts are
            marked so. incomplete: instruments of the catalogue whose list of parties is. mode: who coded.
    """

    instruments: int
    in_force: int
    with_text: int
    coded: int
    pair_share: float | None
    codings: int
    by_hand: float | None
    unverified: float | None
    incomplete: int
    mode: str
    accuracy: str
    uncalibrated: int = 0


def matrix(regime: Regime, force: Levels, depths: Sequence[Figure]) -> tuple[RuleCell, ...]:
    """The cells of all pairs."""
    one, other = pairs_of(len(regime.members))
    forth, back = force[:, one, other], force[:, other, one]
    best = np.maximum(forth, back)
    scores = depth_score(deepest(regime.hardest, regime.pair_sets(force)), regime.scales)
    weakest = np.maximum(regime.forces.marks[:, one], regime.forces.marks[:, other])
    ids = np.array([i.id for i in regime.instruments])
    found = []
    for p, (a, b) in enumerate(combinations(regime.members, 2)):
        yes = best[:, p] == YES
        here = np.flatnonzero(yes)
        topics = np.atleast_1d(regime.topics[here].any(axis=0))
        ways = [k for k in regime.forces.directed if yes[k] and forth[k, p] != back[k, p]]
        top = int(np.argmax(scores[p]))
        known = depths[p].value is not None and scores[p, top] > 0
        found.append(
            RuleCell(
                a=a,
                b=b,
                binding=tuple(ids[yes & ~regime.soft].tolist()),
                soft=tuple(ids[yes & regime.soft].tolist()),
                unknown=tuple(ids[best[:, p] == UNKNOWN].tolist()),
                directed=tuple((str(ids[k]), a if forth[k, p] == YES else b) for k in ways),
                topics=tuple(t for t, about in zip(regime.scales.topics, topics, strict=True) if about),
                deepest=regime.scales.topics[top] if known else "",
                depth=depths[p],
                mark=MARKS[int(weakest[here, p].max())] if len(here) else "",
                note="" if len(here) else NO_INSTRUMENT,
            )
        )
    return tuple(found)


def topic_cells(regime: Regime, force: Levels) -> tuple[TopicCell, ...]:
    """The deepest obligation of each member on each topic, topics first."""
    owed = [_owed(regime, force, i) for i in range(len(regime.members))]
    return tuple(
        _topic_cell(regime, force, t, i, owed[i])
        for t in range(len(regime.scales.topics))
        for i in range(len(regime.members))
    )


def _owed(regime: Regime, force: Levels, i: int) -> Levels:
    """a_p that a member owes to each other one `[other, provision]`."""
    n = len(regime.members)
    return deepest(regime.hardest, regime.owed_sets(force, np.full(n, i, dtype=np.intp), np.arange(n)))


def _topic_cell(regime: Regime, force: Levels, t: int, i: int, owed: Levels) -> TopicCell:
    about = regime.topics[:, t]
    level = np.maximum(force[:, i, :], force[:, :, i]) * about[:, None]
    with_any = level.max(axis=1)
    yes = with_any == YES
    columns = np.flatnonzero(regime.scales.topic == t)
    hardest = np.minimum(owed[:, columns], 2)
    depth, provision, source, fellows, reason = None, "", "", 0, ""
    if not (yes & regime.coded).any():
        reason = NO_TEXT if yes.any() else NO_INSTRUMENT
    else:
        depth = int(hardest.max(initial=0))
        if depth:
            fellows = int((hardest.max(axis=1) >= depth).sum())
            provision, source = _deepest_rule(regime, force, i, owed, columns)
    used = np.flatnonzero(yes)
    partners = (level[yes & ~regime.soft] == YES).any(axis=0) if (yes & ~regime.soft).any() else np.zeros(1, dtype=bool)
    ids = [x.id for x in regime.instruments]
    return TopicCell(
        topic=regime.scales.topics[t],
        member=regime.members[i],
        depth=depth,
        provision=provision,
        instrument=source,
        fellows=fellows,
        binding=tuple(ids[k] for k in used if not regime.soft[k]),
        soft=tuple(ids[k] for k in used if regime.soft[k]),
        binding_fellows=int(partners.sum()),
        unknown=tuple(ids[k] for k in np.flatnonzero(with_any == UNKNOWN)),
        mark=MARKS[int(regime.forces.marks[used, i].max())] if len(used) else "",
        reason=reason,
    )


def _deepest_rule(regime: Regime, force: Levels, i: int, owed: Levels, columns: NDArray[np.intp]) -> tuple[str, str]:
    """The provision of the largest share of its scale, and the first instrument that holds it as hard."""
    hardest = owed[:, columns].max(axis=0)
    column = int(columns[np.argmax(hardest / regime.scales.highest[columns] + 10.0 * (hardest >= 2))])
    for k in np.flatnonzero(regime.coded & (force[:, i, :] == YES).any(axis=1)):
        if regime.hardest[regime.variant_of[k, i], column] == owed[:, column].max():
            return regime.scales.codes[column], regime.instruments[k].id
    return regime.scales.codes[column], ""


def uncovered(regime: Regime, cells: Sequence[RuleCell]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Topics that no instrument in force between two members is about, and those that only soft ones are about."""
    about = {i.id: regime.topics[k] for k, i in enumerate(regime.instruments)}
    hard = {name for c in cells for name in c.binding}
    soft = {name for c in cells for name in c.soft}
    any_hard = np.any([about[n] for n in hard], axis=0) if hard else np.zeros(len(regime.scales.topics), dtype=bool)
    any_soft = np.any([about[n] for n in soft], axis=0) if soft else np.zeros(len(regime.scales.topics), dtype=bool)
    named = list(zip(regime.scales.topics, any_hard, any_soft, strict=True))
    return tuple(t for t, h, s in named if not h and not s), tuple(t for t, h, s in named if s and not h)


def outside(regime: Regime) -> tuple[Outside, ...]:
    """Instruments that two members or more, and at least half of the others, joined; with who did not.

    (What one member alone joined is with outsiders: in a bloc of three that would be half of the others.)
    """
    state, n = regime.forces.state[-1], len(regime.members)
    found = []
    for k, instrument in enumerate(regime.instruments):
        joined = state[k] == YES
        if joined.all() or joined.sum() < 2 or 2 * joined.sum() < n - 1 or k in regime.forces.directed:
            continue

        def named(mask: NDArray[np.bool_]) -> tuple[str, ...]:
            return tuple(m for m, here in zip(regime.members, mask, strict=True) if here)

        not_, open_ = named(state[k] == 0), named(state[k] == UNKNOWN)
        found.append(Outside(instrument.id, not bool(regime.soft[k]), named(joined), not_, open_))
    found.sort(key=lambda o: (not o.binding, -len(o.joined), o.instrument))
    return tuple(found)


def candidates(regime: Regime) -> tuple[Candidate, ...]:
    """Who could join a binding instrument: those that applied or signed, or whose fellows mostly joined it."""
    state = regime.forces.state[-1]
    most = {(m, o.instrument) for o in outside(regime) if o.binding for m in o.outside}
    profile = deepest(regime.hardest, regime.held_sets(len(regime.days) - 1))
    found = []
    for k, instrument in enumerate(regime.instruments):
        if regime.soft[k] or (instrument.ended is not None and instrument.ended.by(regime.on) is Truth.YES):
            continue
        roles = {r.party: r.role for r in regime.participations.get(instrument.id, ()) if r.withdrawn is None}
        for i, member in enumerate(regime.members):
            if state[k, i] != 0:
                continue
            why = {"applicant": "applied", "signatory": "signed"}.get(roles.get(member, ""), "")
            if not why and (member, instrument.id) in most:
                why = "half of the others joined"
            if why:
                new, deeper = _asked(regime, k, i, profile[i])
                found.append(Candidate(member, instrument.id, why, int((state[k] == YES).sum()), new, deeper))
    order = ("applied", "signed", "half of the others joined")
    return tuple(sorted(found, key=lambda c: (order.index(c.why), -c.joined, c.instrument, c.member)))


def _asked(regime: Regime, k: int, i: int, has: Levels) -> tuple[int | None, int | None]:
    """How many provisions of an instrument a member has not, or has less hard, in the texts that are coded."""
    if not regime.coded[k]:
        return None, None
    asks = regime.hardest[regime.variant_of[k, i]]
    return int(((asks > 0) & (has == 0)).sum()), int(((asks > has) & (has > 0)).sum())


def pending(regime: Regime) -> tuple[Pending, ...]:
    """What members signed, applied for or had, and is not in force for them."""
    state = regime.forces.state[-1]
    found: dict[tuple[str, str], list[str]] = {}
    for k, instrument in enumerate(regime.instruments):
        lapsed = instrument.ended is not None and instrument.ended.by(regime.on) is not Truth.NO
        rows: dict[str, Participation] = {}
        for row in regime.participations.get(instrument.id, ()):
            rows.setdefault(row.party, row)
        for i, member in enumerate(regime.members):
            own = rows.get(member) or (rows.get("EU") if regime.forces.has_row[-1, k, i] else None)
            if own is not None and state[k, i] != YES:
                kind = "lapsed" if lapsed else _kind(own, int(state[k, i]), regime)
                found.setdefault((instrument.id, kind), []).append(member)
        if lapsed and not any(name == instrument.id for name, _ in found):
            found[(instrument.id, "lapsed")] = []
    return tuple(Pending(name, kind, tuple(some)) for (name, kind), some in sorted(found.items()))


def _kind(row: Participation, state: int, regime: Regime) -> str:
    if row.withdrawn is not None and row.withdrawn.by(regime.on) is Truth.YES:
        return "withdrawn"
    if row.provisional is not None and row.provisional.by(regime.on) is Truth.YES:
        return "applied provisionally"
    words = {"signatory": "signed, not in force", "applicant": "applied", "observer": "takes part in talks"}
    if row.role in words:
        return words[row.role]
    return "entry into force not known" if state == UNKNOWN else "not in force"


def to_load(regime: Regime, force: Levels) -> tuple[ToLoad, ...]:
    """Instruments in force between members without a coded text: binding ones and those of most pairs first."""
    one, other = pairs_of(len(regime.members))
    pairs = (np.maximum(force[:, one, other], force[:, other, one]) == YES).sum(axis=1)
    found = [
        ToLoad(
            i.id,
            not bool(regime.soft[k]),
            int(pairs[k]),
            i.topics,
            "text not coded" if i.id in regime.with_text else "text not loaded",
        )
        for k, i in enumerate(regime.instruments)
        if pairs[k] and not regime.coded[k]
    ]
    return tuple(sorted(found, key=lambda x: (not x.binding, -x.pairs, x.instrument)))


def coverage(regime: Regime, force: Levels, accuracy: str) -> Coverage:
    """What the figures rest on."""
    one, other = pairs_of(len(regime.members))
    pairs = (np.maximum(force[:, one, other], force[:, other, one]) == YES).sum(axis=1)
    here = pairs > 0
    used = [i for i, yes in zip(regime.instruments, here, strict=True) if yes]
    total = int(pairs.sum())
    made = [c for i in used for c in regime.codings.get(i.id, ())]
    return Coverage(
        instruments=len(regime.instruments),
        in_force=len(used),
        with_text=sum(i.id in regime.with_text for i in used),
        coded=int((here & regime.coded).sum()),
        pair_share=float(pairs[regime.coded].sum()) / total if total else None,
        codings=len(made),
        by_hand=sum(c.method in PEOPLE for c in made) / len(made) if made else None,
        unverified=sum(i.mark == "unverified" for i in used) / len(used) if used else None,
        incomplete=sum(not i.complete for i in regime.instruments),
        mode=", ".join(sorted({c.coder for c in made})) or "none",
        uncalibrated=sum(c.probability is None and c.method not in PEOPLE for c in made),
        accuracy=accuracy,
    )
