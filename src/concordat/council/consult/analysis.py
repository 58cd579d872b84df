"""All that is computed of one consultation, by one call.

`concordat-1` (the default) gives the same bytes everywhere; `polis` follows Polis from a batch. Given groups (the
source's, or any) replace the search, and the published formulas are computed on them. What is said about few voters is
said first: under 30 the groups are unstable, and each member's agrees and disagrees come before anything else.

    >>> from concordat.council.consult.votes import Opinion, Statement, from_opinions
    >>> said = {"BRA": (1, 1, -1), "IND": (1, -1, -1), "RUS": (1, 1, 1), "ZAF": (1, -1, 1)}
    >>> votes = from_opinions(
    ...     [Opinion(m, str(s), v, (s,)) for m, vs in said.items() for s, v in enumerate(vs)],
    ...     [Statement(str(s)) for s in range(3)],
    ...     public="delegations",
    ... )
    >>> for line in summary(analyse(votes, resamples=20)):
    ...     print(line)
    Opinion groups are unstable: 4 voters, fewer than 30.
    BRA: agrees 0, 1; disagrees 2.
    IND: agrees 0; disagrees 1, 2.
    RUS: agrees 0, 1, 2; disagrees none.
    ZAF: agrees 0, 2; disagrees 1.
    4 delegations, 3 statements, 12 votes.
    No groups: the best mean silhouette is 0.17, below 0.25.
    Bridging (all as one group): none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from concordat.council.consult.bridging import Bridge, bridges, declared_groups
from concordat.council.consult.deterministic import PLACE_UNIT, Places, concordat_groups
from concordat.council.consult.exact import (
    NO_GROUP,
    Array,
    Counts,
    Ints,
    Shared,
    Space,
    check_enough,
    check_groups,
    consensus,
    given_groups,
    group_counts,
    priorities,
    space,
)
from concordat.council.consult.groups import Grouping, polis_groups
from concordat.council.consult.repness import Representative, representative
from concordat.council.consult.stability import PATTERN, RESAMPLES, Host, Stability, by_host, stability
from concordat.council.consult.votes import Votes, frozen
from concordat.errors import InputError

Mode = Literal["concordat-1", "polis"]
FEW_VOTERS = 30
MODES = ("concordat-1", "polis")


@dataclass(frozen=True, slots=True)
class MemberVotes:
    """What one member said: statement ids; several voters of one member are listed together, with repetition."""

    member: str
    agrees: tuple[str, ...]
    disagrees: tuple[str, ...]
    passes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Analysis:
    """The result of `analyse`.

    Attributes:
        warnings: sentences that every output shows first.
        members: the table by member; empty from 30 voters on.
        space: where people and statements stand (inside signs, see `exact`).
        units: the whole-number places of `concordat-1`; None in mode `polis`.
        grouping: who is in which group; `basis` says where that is from: "found", "given" or "none".
        counts: by group, None without groups.
        representative: for each group.
        agreed, rejected: consensus of all, on either side.
        priorities: `[statement]`, how much each deserves to be shown next; the drawing itself is unverified.
        stability: None without groups, or without resamples.
        hosts: what changes without each host.
        bridging: every statement; `bridging_basis` is "found", "given", "declared" or "all" (as one group).
        group_names: of the declared groups that bridging is over, "" otherwise.
    """

    votes: Votes
    mode: str
    warnings: tuple[str, ...]
    members: tuple[MemberVotes, ...]
    space: Space
    units: Places | None
    grouping: Grouping
    basis: str
    counts: Counts | None
    representative: tuple[tuple[Representative, ...], ...]
    agreed: tuple[Shared, ...]
    rejected: tuple[Shared, ...]
    priorities: Array
    stability: Stability | None
    hosts: tuple[Host, ...]
    bridging: tuple[Bridge, ...]
    bridging_basis: str
    group_names: tuple[str, ...]

    @property
    def groups(self) -> Ints:
        """The group of each person, -1 for none."""
        return self.grouping.groups

    @property
    def shown(self) -> tuple[bool, ...]:
        """Of each group, whether it is drawn: it was given, or its stability is at least a pattern."""
        if self.basis == "given" or self.stability is None:
            return (True,) * self.grouping.count
        return tuple(value >= PATTERN for value in self.stability.groups)


def analyse(
    votes: Votes,
    mode: Mode = "concordat-1",
    given_groups: Sequence[int] | Ints | Literal["source"] | None = None,
    *,
    resamples: int = RESAMPLES,
    declared: Mapping[str, str] | None = None,
) -> Analysis:
    """Groups, what represents them, what all share, what bridges, and how stable that is.

    Args:
        mode: "concordat-1" or "polis".
        given_groups: the group of each person (-1 none) instead of a search, or "source": those of the file.
        resamples: of the stability; 0 leaves it out.
        declared: member -> name of a declared group; bridging is then over these.

    Raises:
        MethodError: fewer than 2 voters or 2 statements, or no two voters differ; with the counts.
        InputError: an unknown mode; groups that don't fit.
    """
    if mode not in MODES:
        hint = f"Modes: {', '.join(MODES)}."
        raise InputError(f'"{mode}" is not a mode of analysis.', hint=hint, code="unknown_mode")
    if type(resamples) is not int or resamples < 0:
        raise InputError(f"{resamples!r} is not a number of resamples.", hint="0 or more.", code="resamples")
    check_enough(votes)
    place, units, grouping, basis = _placed(votes, mode, given_groups)
    groups = grouping.groups
    has = grouping.count > 0
    one = frozen(np.zeros(len(votes.participants), dtype=np.int64))
    found = stability(votes, groups, resamples=resamples) if has and resamples else None
    drawn = basis == "given" or found is None or any(value >= PATTERN for value in found.groups)
    over, bridging_basis = (groups, basis) if has and drawn else (one, "all")
    names: tuple[str, ...] = ()
    if declared is not None:
        over, names = declared_groups(votes, dict(declared))
        bridging_basis = "declared"
    agreed, rejected = consensus(votes)
    return Analysis(
        votes=votes,
        mode=mode,
        warnings=_warnings(votes, mode, grouping, found),
        members=member_table(votes) if _voters(votes) < FEW_VOTERS else (),
        space=place,
        units=units,
        grouping=grouping,
        basis=basis,
        counts=group_counts(votes, groups) if has else None,
        representative=representative(votes, groups) if has else (),
        agreed=agreed,
        rejected=rejected,
        priorities=priorities(votes, place.extremity, groups if has else one),
        stability=found,
        hosts=by_host(votes, groups) if has else (),
        bridging=bridges(votes, over),
        bridging_basis=bridging_basis,
        group_names=names,
    )


def _placed(
    votes: Votes, mode: Mode, given: Sequence[int] | Ints | Literal["source"] | None
) -> tuple[Space, Places | None, Grouping, str]:
    """Where people stand, and their groups."""
    units: Places | None = None
    if mode == "polis":
        place = space(votes)
        found = polis_groups(votes, place) if given is None else None
    else:
        searched, units = concordat_groups(votes)
        place = _as_space(votes, units)
        found = searched if given is None else None
    if found is not None:
        return place, units, found, "found" if found.count else "none"
    if isinstance(given, str):
        if given != "source":
            hint = 'Give one number for each voter, or "source".'
            raise InputError(f'"{given}" is not a grouping.', hint=hint, code="bad_group")
        groups, _ = given_groups(votes)
    else:
        groups = check_groups(votes, np.asarray(given))
    none = frozen(np.full(len(groups), NO_GROUP, dtype=np.int64))
    clustered = frozen((groups >= 0).astype(np.int64))
    return place, units, Grouping(frozen(groups.copy()), none, (), 0.0, clustered), "given"


def _as_space(votes: Votes, units: Places) -> Space:
    """The places of `concordat-1` in the form and with the signs of `exact`."""
    length = np.sqrt(np.maximum(1, np.square(units.components).sum(axis=1)).astype(np.float64))
    components = units.components / length[:, None]
    means = -units.means + 0.0
    size = float(len(votes.statements))
    statements = np.sqrt(size) * (-1.0 - means)[:, None] * components.T
    extremity = np.sqrt(np.square(statements[:, 0]) + np.square(statements[:, 1]))
    out = votes.moderated_out
    seen = votes.seen[:, ~out].sum(axis=1, dtype=np.int64) + int(out.sum())
    people = -units.people / PLACE_UNIT + 0.0
    return Space(*map(frozen, (means, components, people, statements, extremity, seen)))


def member_table(votes: Votes) -> tuple[MemberVotes, ...]:
    """Each member's agrees, disagrees and passes, in the order of the votes."""
    rows: dict[str, list[int]] = {}
    for n, member in enumerate(votes.members):
        rows.setdefault(member, []).append(n)
    table = []
    for member, places in rows.items():
        said = [
            tuple(votes.ids[c] for n in places for c in np.flatnonzero(votes.seen[n] & (votes.matrix[n] == value)))
            for value in (1, -1, 0)
        ]
        table.append(MemberVotes(member, *said))
    return tuple(table)


def _voters(votes: Votes) -> int:
    return int(votes.seen.any(axis=1).sum())


def _warnings(votes: Votes, mode: str, grouping: Grouping, found: Stability | None) -> tuple[str, ...]:
    said = []
    if _voters(votes) < FEW_VOTERS:
        said.append(f"Opinion groups are unstable: {_voters(votes)} voters, fewer than {FEW_VOTERS}.")
    if not grouping.count:
        said.append(f"No groups: {grouping.reason}.")
    elif found is not None and max(found.groups) < PATTERN:
        said.append(f"No group is stable (best {max(found.groups):.2f}, below {PATTERN:.2f}): none is drawn.")
    if mode == "polis":
        said.append("A batch has no memory of the order of arrival: Polis itself may have found other groups.")
    if not votes.meta_known:
        said.append("The source does not say which statements are meta: places and groups may differ from Polis's.")
    return tuple(said)


def summary(analysis: Analysis) -> tuple[str, ...]:
    """The result in lines: under 30 voters the warning, then each member's votes, before anything else."""
    votes = analysis.votes
    few = analysis.members
    first = list(analysis.warnings[:1]) if few else []
    for row in few:
        agrees, disagrees = (", ".join(ids) or "none" for ids in (row.agrees, row.disagrees))
        first.append(f"{row.member}: agrees {agrees}; disagrees {disagrees}.")
    who = "delegations" if votes.public == "delegations" else "people"
    first.append(f"{_voters(votes):,} {who}, {len(votes.statements):,} statements, {votes.count:,} votes.")
    first.extend(analysis.warnings[1:] if few else analysis.warnings)
    for g, shown in enumerate(analysis.shown):
        first.append(_group_line(analysis, g) if shown else _hidden_line(analysis, g))
    basis = {"all": " (all as one group)", "declared": " (declared groups)"}.get(analysis.bridging_basis, "")
    bridging = [b.statement for b in analysis.bridging if b.bridging]
    first.append(f"Bridging{basis}: {', '.join(bridging) or 'none'}.")
    return tuple(first)


def _hidden_line(analysis: Analysis, g: int) -> str:
    assert analysis.stability is not None
    return f"Group {g} is not drawn: its stability is {analysis.stability.groups[g]:.2f}, below {PATTERN:.2f}."


def _group_line(analysis: Analysis, g: int) -> str:
    size = int((analysis.groups == g).sum())
    sure = ""
    if analysis.stability is not None:
        sure = f" ({analysis.stability.words[g]}, {analysis.stability.groups[g]:.2f})"
    # The best agree is chosen for its agrees, even where its disagrees stand out more against few others'.
    sides = [("agree" if r.best_agree else r.side, r.statement) for r in analysis.representative[g]]
    said = ", ".join(f"{side}s with {statement}" for side, statement in sides)
    return f"Group {g}{sure}: {size:,} people; {said or 'nothing stands out'}."
