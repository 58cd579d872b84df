"""Who is elected: persons for seats, by a written system, with ties told and never drawn.

| system | ballots | method |
| --- | --- | --- |
| `pav` | approvals | proportional approval voting, exact to 20 candidates, else sequential (`_approval_rules`) |
| `phragmen` | approvals | Phragmen's sequential rule |
| `equal_shares` | approvals | method of equal shares, completed by Phragmen |
| `borda` | rankings, ties allowed | Borda's points, the best of them (`_ranking_rules`) |
| `schulze` | rankings, ties allowed | strongest paths by winning votes; several seats go down the ranking |
| `stv` | rankings without ties | Droop quota, weighted inclusive Gregory, exact fractions (`_stv`) |

A voter counts 1. Rankings may be short. Where the method can't decide, `tied` names between whom, and a second round is
held; no name, order of ballots or lot decides. Quotas (`{africa: 1}`) are least numbers of seats for groups of
candidates; `_election_contest` says what they mean. Council specification, section 4 "Elections".

    >>> found = elect("pav", [("A", "B"), ("A", "B"), ("C",)], ["A", "B", "C"], 2)
    >>> found.elected, found.tied, found.seats_left
    ((), ('A', 'B', 'C'), 2)
    >>> found.committees
    (('A', 'B'), ('A', 'C'), ('B', 'C'))
    >>> elect("stv", [("A", "B"), ("A", "B"), ("C",)], ["A", "B", "C"], 1).lines()[1]
    'Elected: A.'
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from concordat.council.decide import _approval_rules, _ranking_rules, _stv
from concordat.council.decide._election_contest import Contest, approvals, contest, rankings
from concordat.council.decide._election_result import ElectionResult, Round
from concordat.errors import InputError
from concordat.settings import nearest

__all__ = ["SYSTEMS", "ElectionResult", "Round", "check_ballot", "check_size", "elect"]

_APPROVAL: dict[str, Callable[[Contest, Any], ElectionResult]] = {
    "pav": _approval_rules.pav,
    "phragmen": _approval_rules.phragmen,
    "equal_shares": _approval_rules.equal_shares,
}
_RANKING: dict[str, Callable[[Contest, Any], ElectionResult]] = {
    "borda": _ranking_rules.borda,
    "schulze": _ranking_rules.schulze,
    "stv": _stv.stv,
}
SYSTEMS = (*_APPROVAL, *_RANKING)
# What every member counts while it folds the record, in less than half a second: candidates, seats, voters.
SIZE_MAX = (200, 100, 200)
SIZE_MAX_OF = {"schulze": (100, 100, 200)}  # it shows two tables of all pairs


def elect(
    system: str,
    ballots: Iterable[Any],
    candidates: Iterable[str],
    seats: int,
    *,
    quotas: Mapping[str, int] | None = None,
    groups: Mapping[str, Collection[str]] | None = None,
) -> ElectionResult:
    """Count an election.

    Args:
        system: one of `SYSTEMS`.
        ballots: one a voter: the names approved of, or the names from best to worst (a tuple or set inside is a shared
            place). An empty one is a voter who names nobody.
        candidates: who stands.
        seats: how many are elected.
        quotas: group to the least seats its candidates get.
        groups: group to its candidates; those without a quota are not looked at.

    Raises:
        InputError: an unknown system, candidate or group; a name twice; seats that can't be; no ballots.
        RuleError: quotas that can't be met.
        MethodError: nothing to count, since every ballot is blank.
    """
    _check_system(system)
    frame = contest(candidates, seats, quotas, groups)
    if system in _APPROVAL:
        return _APPROVAL[system](frame, approvals(ballots, frame.names))
    return _RANKING[system](frame, rankings(ballots, frame.names, ties=system != "stv"))


def check_ballot(system: str, ballot: Any, candidates: Iterable[str]) -> None:
    """Whether one ballot could be counted.

    Raises:
        InputError: what is wrong with it, or with the system or the candidates.
    """
    _check_system(system)
    names = contest(candidates, 1).names
    if system in _APPROVAL:
        approvals([ballot], names)
    else:
        rankings([ballot], names, ties=system != "stv")


def check_size(system: str, candidates: int, seats: int, voters: int) -> None:
    """Whether an election is small enough for the record: asked before it is opened, so that its count never tarries.

    `elect` itself takes larger ones.

    Raises:
        InputError: too many candidates, seats or voters, or more seats than candidates; with the bound.

    >>> check_size("stv", candidates=40, seats=9, voters=30)
    """
    _check_system(system)
    given = {"candidates": candidates, "seats": seats, "voters": voters}
    for (what, number), most in zip(given.items(), SIZE_MAX_OF.get(system, SIZE_MAX), strict=True):
        if number > most:
            hint = "Hold it in parts, or under another system."
            said = f"{number:,} {what}; an election by {system} on the record takes {most}."
            raise InputError(said, where=what, hint=hint, code="too_large")
    if seats > candidates:
        said = f"{seats} seats for {candidates} candidates."
        raise InputError(said, where="seats", hint="Fewer seats, or more candidates.", code="seats")


def _check_system(system: str) -> None:
    if system not in SYSTEMS:
        close = nearest(system, SYSTEMS) if isinstance(system, str) else []
        hint = f'Did you mean "{close[0]}"?' if close else f"Known systems: {', '.join(SYSTEMS)}."
        raise InputError(
            f"{system!r:.80} is not a system of election I know.", where="system", hint=hint, code="system"
        )
