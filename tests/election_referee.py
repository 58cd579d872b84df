"""Elections from their definitions, voter by voter, by none of the package's code: `elect` is held against them.

Each function gives every possible set of winners, all ways of breaking ties followed, as sets of names. Slow on
purpose: no grouping of ballots, no twins, no bounds. A ballot is a tuple of names (a tuple inside shares a place),
`groups` a list of (candidates, least).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, permutations
from typing import Any

Committee = frozenset[str]
Groups = list[tuple[set[str], int]]


def fits(chosen: set[str], seats: int, groups: Groups) -> bool:
    return len(chosen) + sum(max(0, least - len(chosen & group)) for group, least in groups) <= seats


def pav(ballots: list[tuple[str, ...]], names: list[str], seats: int, groups: Groups) -> set[Committee]:
    scores = {}
    for committee in combinations(names, seats):
        if all(len(group.intersection(committee)) >= least for group, least in groups):
            common = [len(set(ballot).intersection(committee)) for ballot in ballots]
            scores[frozenset(committee)] = sum(sum(Fraction(1, r) for r in range(1, n + 1)) for n in common)
    return {committee for committee, score in scores.items() if score == max(scores.values())}


def sequential_pav(ballots: list[tuple[str, ...]], names: list[str], seats: int, groups: Groups) -> set[Committee]:
    def go_on(chosen: tuple[str, ...]) -> Iterator[Committee]:
        if len(chosen) == seats:
            yield frozenset(chosen)
            return
        gains = {}
        for c in names:
            if c not in chosen and fits({*chosen, c}, seats, groups):
                gains[c] = sum(Fraction(1, 1 + len(set(b) & set(chosen))) for b in ballots if c in b)
        for c, gain in gains.items():
            if gain == max(gains.values()):
                yield from go_on((*chosen, c))

    return set(go_on(()))


def phragmen(
    ballots: list[tuple[str, ...]],
    names: list[str],
    seats: int,
    groups: Groups,
    chosen: tuple[str, ...] = (),
    loads: tuple[Any, ...] | None = None,
) -> set[Committee]:
    if len(chosen) == seats:
        return {frozenset(chosen)}
    loads = tuple(Fraction(0) for _ in ballots) if loads is None else loads
    highest: dict[str, Any] = {}
    for c in names:
        if c not in chosen and fits({*chosen, c}, seats, groups):
            behind = [load for ballot, load in zip(ballots, loads, strict=True) if c in ballot]
            highest[c] = (1 + sum(behind)) / Fraction(len(behind)) if behind else float("inf")
    found: set[Committee] = set()
    for c, load in highest.items():
        if load == min(highest.values()):
            after = tuple(load if c in b else old for b, old in zip(ballots, loads, strict=True))
            found |= phragmen(ballots, names, seats, groups, (*chosen, c), after)
    return found


def equal_shares(ballots: list[tuple[str, ...]], names: list[str], seats: int, groups: Groups) -> set[Committee]:
    def price(c: str, budgets: tuple[Fraction, ...]) -> Fraction | None:
        """The rho at which supporters pay exactly 1: tried at each number of supporters who give all they have."""
        held = sorted(budget for ballot, budget in zip(ballots, budgets, strict=True) if c in ballot)
        for poor in range(len(held)):
            rho = (1 - sum(held[:poor])) / Fraction(len(held) - poor)
            if (poor == 0 or held[poor - 1] <= rho) and rho <= held[poor]:
                return rho
        return None

    def go_on(chosen: tuple[str, ...], budgets: tuple[Fraction, ...]) -> set[Committee]:
        if len(chosen) == seats:
            return {frozenset(chosen)}
        prices = {}
        for c in names:
            if c not in chosen and fits({*chosen, c}, seats, groups):
                rho = price(c, budgets)
                if rho is not None:
                    prices[c] = rho
        if not prices:
            return phragmen(ballots, names, seats, groups, chosen, tuple(-budget for budget in budgets))
        found: set[Committee] = set()
        for c, rho in prices.items():
            if rho == min(prices.values()):
                paid = tuple(b - min(b, rho) if c in v else b for v, b in zip(ballots, budgets, strict=True))
                found |= go_on((*chosen, c), paid)
        return found

    return go_on((), tuple(Fraction(seats, len(ballots)) for _ in ballots))


# --- Rankings -----------------------------------------------------------------------------------------------------


def place(ballot: tuple[Any, ...], c: str) -> int:
    """The place of a candidate on a ballot; all left out share the last."""
    return next((n for n, p in enumerate(ballot) if c == p or (not isinstance(p, str) and c in p)), len(ballot))


def borda_above(ballots: list[tuple[Any, ...]], names: list[str]) -> set[tuple[str, str]]:
    """Points as half of (ranked below - ranked above), which differs from places by a constant."""
    points = dict.fromkeys(names, 0)
    for ballot in ballots:
        for a in names:
            for b in names:
                points[a] += (place(ballot, a) < place(ballot, b)) - (place(ballot, a) > place(ballot, b))
    return {(a, b) for a in names for b in names if points[a] > points[b]}


def schulze_above(ballots: list[tuple[Any, ...]], names: list[str]) -> set[tuple[str, str]]:
    """A path of strength s exists when b is reached from a over links of strength s or more."""
    wins = {(a, b): sum(place(v, a) < place(v, b) for v in ballots) for a in names for b in names}
    links = {pair: n for pair, n in wins.items() if n > wins[pair[1], pair[0]]}

    def strongest(a: str, b: str) -> int:
        for strength in sorted(set(links.values()), reverse=True):
            reached, grown = {a}, True
            while grown:
                more = {y for (x, y), n in links.items() if n >= strength and x in reached} - reached
                reached |= more
                grown = bool(more)
            if b in reached:
                return strength
        return 0

    return {(a, b) for a in names for b in names if a != b and strongest(a, b) > strongest(b, a)}


def down_the_rankings(above: set[tuple[str, str]], names: list[str], seats: int, groups: Groups) -> set[Committee]:
    """Every full order that agrees with the relation, read from the top with quotas kept."""
    found = set()
    for order in permutations(names):
        at = {c: n for n, c in enumerate(order)}
        if all(at[a] < at[b] for a, b in above):
            chosen: set[str] = set()
            for c in order:
                if fits(chosen | {c}, seats, groups):
                    chosen.add(c)
            found.add(frozenset(chosen))
    return found


def stv(ballots: list[tuple[str, ...]], names: list[str], seats: int, groups: Groups) -> set[Committee]:
    papers = [[ballot, Fraction(1)] for ballot in ballots if ballot]
    quota = len(papers) // (seats + 1) + 1
    found: set[Committee] = set()
    seen = set()

    def count(papers: list[Any], hopeful: set[str], elected: tuple[str, ...], due: tuple[str, ...]) -> None:
        """A paper is cut as it moves, so that its first name is always its holder; `due` have a surplus to pass on."""
        state = (frozenset(elected), frozenset(hopeful), frozenset(due), tuple((tuple(b), v) for b, v in papers))
        if state in seen:
            return
        seen.add(state)
        left = seats - len(elected)
        if left == 0:
            found.add(frozenset(elected))
            return
        if len(hopeful) <= left:
            found.add(frozenset(elected) | hopeful)
            return
        owed = {n: max(0, least - len(group.intersection(elected))) for n, (group, least) in enumerate(groups)}
        if groups and sum(owed.values()) == left:
            kept = {c for c in hopeful for n, (group, _) in enumerate(groups) if c in group and owed[n]}
            if kept != hopeful:
                count(moved(papers, hopeful, hopeful - kept, 1), kept, elected, due)
                return
        votes = {c: sum(v for b, v in papers if b and b[0] == c) for c in (*hopeful, *due)}
        there = [c for c in hopeful if votes[c] >= quota]
        if there:
            if fits({*elected, *there}, seats, groups):
                count(papers, hopeful - set(there), (*elected, *there), (*due, *there))
                return
            fitting = [c for c in there if fits({*elected, c}, seats, groups)]
            for c in fitting:
                if votes[c] == max(votes[x] for x in fitting):
                    count(papers, hopeful - {c}, (*elected, c), (*due, c))
            return
        if due:
            for c in due:
                if votes[c] == max(votes[x] for x in due):
                    share = (votes[c] - quota) / votes[c]
                    count(moved(papers, hopeful, {c}, share), hopeful, elected, tuple(x for x in due if x != c))
            return
        loose = []
        for c in hopeful:
            own = [(group, owed[n]) for n, (group, _) in enumerate(groups) if c in group]
            if all(len(hopeful & group) > need for group, need in own):
                loose.append(c)
        for c in loose:
            if votes[c] == min(votes[x] for x in loose):
                count(moved(papers, hopeful - {c}, {c}, 1), hopeful - {c}, elected, due)

    def moved(papers: list[Any], stay: set[str], leave: set[str], share: Any) -> list[Any]:
        after = []
        for ballot, value in papers:
            if ballot and ballot[0] in leave:
                rest = ballot[1:]
                while rest and (rest[0] not in stay or rest[0] in leave):
                    rest = rest[1:]
                after.append((rest, value * share))
            else:
                after.append((ballot, value))
        return after

    count(papers, set(names), (), ())
    return found


def outcomes(
    system: str, ballots: list[tuple[Any, ...]], names: list[str], seats: int, groups: Groups | None = None
) -> set[Committee]:
    """Every possible set of winners by one of the systems."""
    groups = groups or []
    if system == "borda":
        return down_the_rankings(borda_above(ballots, names), names, seats, groups)
    if system == "schulze":
        return down_the_rankings(schulze_above(ballots, names), names, seats, groups)
    by = {"pav": pav, "phragmen": phragmen, "equal_shares": equal_shares, "stv": stv, "sequential_pav": sequential_pav}
    return by[system](ballots, names, seats, groups)  # type: ignore[operator]
