"""Can the change of chair break finality? Every reachable state of a small bloc, searched by machine.

What is checked, for n members of which some lie (docs/explanation/view-change.md says it in plain words):

- **Safety**: with at most f = (n - 1) // 3 liars no two final histories conflict.
- **Accountability**: with f + 1 liars conflicting finals may occur; then the two histories alone (their certificates
  and the votes in their `ViewStarted` entries) name every liar, whichever quorums the liars chose to show.
- **Honour**: the rules that name liars name no honest member, in any state (`explore` alone checks it).

`explore` visits each state of the model in `view_protocol` once, breadth first, so the way to a violation is a
shortest one. `explore_in_order` searches the same runs view by view and forgets what can no longer matter: it reaches
further.

Abstracted away: time (a time-out may fire at any moment), the network (delivery is up to chance, so loss, delay and
partition are all covered), signatures (perfect), what batches hold (two different contents, A and B), changes of
membership, crashes that lose memory, and progress: that something *becomes* final is not checked.

    python tests/simulation/view_model.py        # the whole run, with counterexamples in words
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

if not __package__:  # run as a command: the folder `tests` is not on the path yet
    sys.path.insert(0, str(Path(__file__).parents[1]))

from simulation.view_protocol import NOTHING, PROTOCOL, Case, Model, Rules, State


@dataclass(frozen=True)
class Violation:
    """What went wrong, and the shortest way there."""

    kind: str
    what: str
    trace: tuple[str, ...]


@dataclass
class Report:
    """What a search found.

    Attributes:
        states: reachable states. finals: distinct heads that are final in some state. conflicts: states with
            conflicting finals. violations: the first (so shortest) of each kind. complete: whether the search ran to
            its end. outcomes: each set of certificates that exists in some state, as serials of heads of `model`.
    """

    model: Model

    states: int = 0
    finals: int = 0
    conflicts: int = 0
    violations: list[Violation] = field(default_factory=list)
    complete: bool = True
    seconds: float = 0.0
    outcomes: set[tuple[int, ...]] = field(default_factory=set)

    def add(self, faults: Iterable[tuple[str, str]], trace: Callable[[], tuple[str, ...]] = tuple) -> None:
        """Keep the first fault of each kind."""
        for kind, what in faults:
            if all(kind != known.kind for known in self.violations):
                self.violations.append(Violation(kind, what, trace()))


def explore(case: Case, rules: Rules = PROTOCOL, *, until: str = "") -> Report:
    """Visit every reachable state once and check it.

    Args:
        until: end at the first violation of that kind, which no shorter run reaches.
    """
    began, model = time.perf_counter(), Model(case, rules)
    report = Report(model)
    start = model.alike(model.start())
    came_from: dict[State, State | None] = {start: None}
    waiting = deque([start])
    while waiting and report.complete:
        state = waiting.popleft()
        around = model.surroundings(state)
        report.outcomes.add(around.certified)
        report.conflicts += bool(model.conflict(around.certified))
        report.add(model.faults(state, around.certified), partial(_trace, model, came_from, state))
        report.complete = all(violation.kind != until for violation in report.violations)
        for _, _, after in model.successors(state, around):
            found = model.alike(after)
            if found not in came_from:
                came_from[found] = state
                waiting.append(found)
    report.states = len(came_from)
    return _closed(report, began)


def _closed(report: Report, began: float) -> Report:
    finals = {report.model.final_by(serial) for certified in report.outcomes for serial in certified}
    report.finals, report.seconds = len(finals - {NOTHING}), time.perf_counter() - began
    return report


def _trace(model: Model, came_from: dict[State, State | None], state: State) -> tuple[str, ...]:
    path: list[State] = [state]
    while (before := came_from[path[-1]]) is not None:
        path.append(before)
    return tuple(model.trace(path[::-1]))


class Boundary(NamedTuple):
    """All that later views can see of the views before.

    Attributes:
        certified: the certificates that exist, with whether every liar had to sign. openings: the logs that the next
            view may begin with, with whether every liar had to vote. floors: for each honest member, the place of the
            highest certificate that it cannot but hold.
    """

    certified: tuple[tuple[int, bool], ...]
    openings: tuple[tuple[int, bool], ...]
    promised: frozenset[int]  # `ViewStarted` entries of certified heads that needed every liar's vote
    floors: tuple[tuple[int, int], ...]


def explore_in_order(case: Case, rules: Rules = PROTOCOL) -> Report:
    """Search view by view: all cosignatures of view 1, the votes for view 2, the cosignatures of view 2, and so on.

    No run is lost. Sort the steps of any run by this order, stably: each stays allowed, since a cosignature in view v
    needs certificates of views up to v and votes for v, a vote for t needs certificates of views below t, an honest
    member does nothing for older views after a later vote or cosignature, and holding fewer certificates restricts a
    vote less. What the run ends with is the same, and so is what is final.

    Once a view is closed, voting costs an honest member nothing and a vote for the lowest place that it may name
    opens every log that a vote for a higher one would open, and more; so with a liar (who can name any cut) each
    honest member votes so. Without liars the cut must stand in an honest vote, and all votes are tried.
    """
    undoing = (rules.forget_promise, rules.forget_view, rules.young_cut)
    assert not any(undoing), "these rules undo the order"
    began, model = time.perf_counter(), Model(case, rules)
    report = Report(model)
    first = tuple((serial, False) for serial in model.openings(1, (), ()))
    layer = {Boundary((), first, frozenset(), ((0, 0),) * model.honest)}
    for view in range(1, case.views + 1):
        following: set[Boundary] = set()
        for boundary in layer:
            for longest in _lines(model, view, boundary):
                closed = _close(model, boundary, longest)
                certified = tuple(sorted(serial for serial, _ in closed.certified))
                report.states += 1
                report.outcomes.add(certified)
                if pairs := model.conflict(certified):
                    report.conflicts += 1
                    forced = frozenset(serial for serial, needed in closed.certified if needed)
                    report.add(model.judge(pairs, forced, closed.promised))
                if view < case.views:
                    following.update(_vote(model, view + 1, closed, certified))
        layer = following
    return _closed(report, began)


def _lines(model: Model, view: int, boundary: Boundary) -> Iterator[tuple[int, ...]]:
    """Every way in which the honest members can have cosigned in a view: the longest head of each."""
    one_line = view not in model.case.lying_chairs
    start = (NOTHING,) * model.honest
    seen, waiting = {start}, deque([start])
    while waiting:
        state = waiting.popleft()
        yield state
        certified = model.certified(tuple((longest,) for longest in state))
        begun = {model.heads[longest].chain[0] for longest in state if longest}
        for slot, longest in enumerate(state):
            if not longest:
                nexts = [s for s, _ in boundary.openings if not (one_line and begun) or s in begun]
            else:
                nexts = model.longer(longest, certified)
            for serial in nexts:
                after = _alike(boundary.floors, (*state[:slot], serial, *state[slot + 1 :]))
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)


def _alike(floors: tuple[tuple[int, int], ...], longest: tuple[int, ...]) -> tuple[int, ...]:
    """Members that hold the same are alike: of those with one floor, the order doesn't matter. Floors are sorted."""
    return tuple(head for _, head in sorted(zip(floors, longest, strict=True)))


def _close(model: Model, boundary: Boundary, longest: tuple[int, ...]) -> Boundary:
    """What is left of a view once nobody cosigns in it any more."""
    signed = tuple((head,) for head in longest)
    forced = model.forced(signed)
    certified = model.certified(signed)
    begun = {model.heads[serial].chain[0] for serial in certified}
    promised = boundary.promised | {serial for serial, needed in boundary.openings if needed and serial in begun}
    floors = [
        max(floor, model.heads[model.heads[head].before].place, model.heads[model.heads[head].cut].place)
        for floor, head in zip(boundary.floors, longest, strict=True)
    ]
    known = boundary.certified + tuple((serial, serial in forced) for serial in certified)
    return Boundary(known, (), promised, tuple(sorted(floors)))


def _vote(model: Model, target: int, closed: Boundary, certified: tuple[int, ...]) -> Iterator[Boundary]:
    """Every boundary that the honest members' votes for a view can lead to."""
    needed = model.quorum - (model.case.liars - 1)
    choices = [
        [serial for serial in (NOTHING, *certified) if model.heads[serial].place >= floor] for floor in closed.floors
    ]
    if model.case.liars:
        choices = [[min(able, key=lambda serial: model.heads[serial].place)] for able in choices]
    for votes in {tuple(sorted(chosen)) for chosen in product(*choices)}:
        openings = tuple(
            (serial, model.case.liars > 0 and model.fitting(votes, model.heads[serial].cut) < needed)
            for serial in model.openings(target, certified, votes)
        )
        floors = tuple(sorted(model.heads[vote].place for vote in votes))
        yield closed._replace(
            openings=openings, floors=floors if target < model.case.views else ((0, 0),) * len(floors)
        )


# --- The whole run ---

LIARS_CHAIR = {
    "no view": frozenset[int](),
    "view 1": frozenset({1}),
    "view 2": frozenset({2}),
    "view 3": frozenset({3}),
    "every view": frozenset({1, 2, 3}),
}


def cases(views: int, entries: int, members: int = 4, most: int | None = None) -> list[Case]:
    """Nobody lies, f do, f + 1 do (at most `most`), with all the views that a liar may chair."""
    tolerated = (members - 1) // 3
    found = [Case("no liar", views, entries, members, 0)]
    for liars in range(tolerated, min(tolerated + 1, most or members) + 1):
        for chairs, lying in LIARS_CHAIR.items():
            if len(lying) != 1 or max(lying) <= views:
                name = f"{liars} liar{'s' * (liars > 1)}, chair of {chairs}"
                found.append(Case(name, views, entries, members, liars, lying))
    return found


_NEVER, _FIRST = Case("1 liar, never chair"), Case("1 liar, chair of view 1", lying_chairs=frozenset({1}))
MUTATIONS: dict[str, tuple[Case, Rules]] = {
    "an agreed head is final at once": (_NEVER, Rules(one_step=True)),
    "an agreed head is final at once, nobody lies": (Case("no liar", liars=0), Rules(one_step=True)),
    "one cosignature fewer is a quorum": (_FIRST, Rules(small_quorum=True)),
    "voters forget their promise": (_NEVER, Rules(forget_promise=True)),
    "a chair may pick a lower cut": (_NEVER, Rules(any_cut=True)),
}


def _say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _row(case: Case, report: Report) -> None:
    found = ", ".join(violation.kind for violation in report.violations) or "none"
    conflicts = f"in {report.conflicts:,} states" if report.conflicts else "none"
    numbers = f"{report.states:>9,} states, {report.finals:>3} heads final in some"
    _say(f"{case.name:28}{numbers}; conflicting finals {conflicts:17} violations {found}; {report.seconds:.1f} s")


def main() -> None:
    """Search everything, then show for each broken rule the shortest way to a disaster."""
    _say("Every state: 4 members, 2 views, 3 entries a view")
    for case in cases(2, 3):
        _row(case, explore(case))
    for members, views, entries, most in ((4, 3, 2, 2), (4, 3, 3, 1), (7, 2, 3, 3), (7, 3, 2, 2)):
        _say(f"\nView by view: {members} members, {views} views, {entries} entries a view")
        for case in cases(views, entries, members, most):
            _row(case, explore_in_order(case))
    _say("\nIn what follows a liar cosigns and votes wherever that helps; only the steps of honest members are told.")
    for name, (case, rules) in MUTATIONS.items():
        report = explore(case, rules, until="conflict")
        _say(f"\nBroken rule: {name} ({case.name}; {report.states:,} states, {report.seconds:.1f} s)")
        violation = next(violation for violation in report.violations if violation.kind == "conflict")
        for number, line in enumerate(violation.trace, start=1):
            _say(f"  {number:2}. {line}")
        _say(f"  {violation.what}")


if __name__ == "__main__":
    main()
