"""Can the change of chair break finality? Every reachable state of a small bloc, searched by machine.

What is checked, for n members of which some lie (docs/explanation/view-change.md says it in plain words):

- **Safety**: with at most f = (n - 1) // 3 liars no two final histories conflict.
- **Accountability**: with f + 1 liars conflicting finals may occur; then the two histories alone (their certificates and
  the votes in their `ViewStarted` entries) name every liar, whichever quorums the liars chose to show.
- **Honour**: the rules that name liars name no honest member, in any state.

Method: breadth-first search with a memo. A state holds what each *honest* member cosigned and voted. `Rules` can break
one rule of the protocol at a time, to show that the search would have seen it.

Abstracted away: time (a time-out may fire at any moment), the network (delivery is up to chance, so loss, delay and
partition are all covered), signatures (perfect), what batches hold (two different contents, A and B), changes of
membership, crashes that lose memory, and progress: that something *becomes* final is not checked.

Reductions, and why none of them loses a violation:

1. *A liar's cosignature is always there.* Liars may sign anything, more signatures never disable a step, and a certificate
   needs honest cosigners too; so a head is agreed once q - liars honest members cosigned it. In the same way a liar votes
   for every view, and for whatever certificate suits the chair. Which signatures a liar really had to give matters for
   accountability alone, and is worked out from the counts there (`Model.unnamed`).
2. *Members cosign sizes one by one.* Whoever may cosign size s may cosign s - 1 just before: the certificate of s - 1 has an
   honest cosigner, who saw that of s - 2. The extra cosignature disables nothing. So the longest head a member cosigned
   in each view says which heads it cosigned.
3. *Honest members are alike.* The rota is fixed by `Case.lying_chairs`, and an honest chair differs from a mirror only in
   that its view has one line; so states are compared after sorting the members.
4. *Two contents suffice, and after B only B follows.* Take a run with conflicting finals F and G. Write A for each entry on
   the way to F and B for every other. Prefixes stay prefixes and certificates stay certificates, so it is still a run; F
   and G still part ways; and no A stands after a B. The one line of an honest chair needs no B at all.
5. *An honest chair appends in no hurry.* What it may append stays allowed until it does, so its step is taken together
   with the first honest cosignature on it, and which votes a `ViewStarted` holds is settled then. The entries of one cut
   that differ in their votes alone count as equal: that allows more runs, not fewer.
6. *A certificate is delivered when it matters.* Holding one changes nothing until the next vote, so a vote may name any that
   exists by then and is not below what the voter must hold.

    python tests/simulation/view_model.py        # the whole run, with counterexamples in words
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from typing import NamedTuple

NOT_VOTED, NOTHING = -1, 0  # in a member's votes; NOTHING is also the serial of "no head", "no certificate"


@dataclass(frozen=True)
class Case:
    """Who lies, who chairs, and how far the search goes.

    Attributes:
        views, entries: bounds; a view's log grows to at most that many entries. liars: how many of the members.
        lying_chairs: the views whose chair is a liar. symmetric, few_marks: reductions 3 and 4, off to test them.
    """

    name: str
    views: int = 2
    entries: int = 3
    members: int = 4
    liars: int = 1
    lying_chairs: frozenset[int] = frozenset()
    symmetric: bool = True
    few_marks: bool = True

    @property
    def tolerated(self) -> int:
        return (self.members - 1) // 3


@dataclass(frozen=True)
class Rules:
    """The protocol's rules; each field that is True breaks one of them.

    Attributes:
        one_step: an agreed head is final at once. small_quorum: one cosignature fewer makes a certificate (and a view).
        forget_promise: members cosign in an older view after their vote. any_cut: a chair may go on from any certificate
            among its votes, not the highest. young_cut: votes and cuts may name certificates of the new view or later.
        forget_view: members cosign in an older view after cosigning in a newer one, unless they voted.
        name_by_size: a vote is called a lie if its voter cosigned a *size* above the one reported (ledger 8, to the letter).
    """

    one_step: bool = False
    small_quorum: bool = False
    forget_promise: bool = False
    any_cut: bool = False
    young_cut: bool = False
    forget_view: bool = False
    name_by_size: bool = False


PROTOCOL = Rules()


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
        states: reachable states. finals: distinct heads that are final in some state. conflicts: states with conflicting
            finals. violations: the first (so shortest) of each kind. complete: whether the search ran to its end.
    """

    states: int = 0
    finals: int = 0
    conflicts: int = 0
    violations: list[Violation] = field(default_factory=list)
    complete: bool = True
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Head:
    """The head of a council log: all entries up to the last, which is `mark`.

    Attributes:
        before: serial of the head one smaller, NOTHING at size 1. cut: of the `ViewStarted` that the log begins with.
        chain: serials of this view's heads up to this one. history: those, the cut's, and so on down.
        pure: all marks so far are A.
    """

    view: int
    size: int
    mark: str
    before: int
    cut: int
    chain: tuple[int, ...]
    history: frozenset[int]
    pure: bool

    @property
    def place(self) -> tuple[int, int]:
        """Certificates are compared by it."""
        return (self.view, self.size)


Member = tuple[
    int, ...
]  # the longest head cosigned in views 1, 2, ..., then the certificate named in the votes for 2, 3, ...
State = tuple[Member, ...]


class Step(NamedTuple):
    """One honest member cosigns a head, or votes for a view."""

    vote_for: int  # 0 for a cosignature
    head: int


class Surroundings(NamedTuple):
    """All that a member's next steps depend on besides itself."""

    certified: tuple[int, ...]
    openings: tuple[int, ...]  # heads of size 1 that an honest mirror may be shown


class Model:
    """The protocol of one case under given rules."""

    def __init__(self, case: Case, rules: Rules = PROTOCOL) -> None:
        self.case, self.rules = case, rules
        self.honest = case.members - case.liars
        self.quorum = case.members - case.tolerated - rules.small_quorum
        assert self.quorum > case.liars, "liars alone are a quorum; reductions 1 and 2 don't hold"
        nothing = Head(0, 0, "", NOTHING, NOTHING, (), frozenset(), pure=True)
        self.heads, self._serials = [nothing], {(0, "", NOTHING, NOTHING): NOTHING}
        # Answers depend on their arguments alone, so they are remembered.
        self.steps, self.certified = cache(self._steps), cache(self._certified)
        self.conflict, self.named_honest = cache(self._conflict), cache(self._named_honest)

    # --- Heads ---

    def head(self, view: int, mark: str, before: int, cut: int) -> int:
        """The serial of a head; the same head has the same one."""
        key = (view, mark, before, cut)
        if key not in self._serials:
            serial, last, base = len(self.heads), self.heads[before], self.heads[cut]
            history = (last.history if before else base.history) | {serial}
            pure = mark == "A" and (last.pure if before else base.pure)
            self.heads.append(Head(view, last.size + 1, mark, before, cut, (*last.chain, serial), history, pure))
            self._serials[key] = serial
        return self._serials[key]

    def marks(self, view: int, base: int) -> str:
        """The contents that the next entry on `base` may have (reduction 4)."""
        if view not in self.case.lying_chairs:
            return "A"
        return "AB" if self.heads[base].pure or not self.case.few_marks else "B"

    def conflicting(self, one: int, other: int) -> bool:
        """Neither history is a prefix of the other."""
        return one not in self.heads[other].history and other not in self.heads[one].history

    def final_by(self, certified: int) -> int:
        """The head that the certificate of this one makes final: the one before, whose certificate it carries."""
        return certified if self.rules.one_step else self.heads[certified].before

    # --- What is agreed, final, and open to be cosigned ---

    def cosigners(self, signed: tuple[Member, ...]) -> dict[int, int]:
        """How many honest members cosigned each head."""
        counts: dict[int, int] = {}
        for member in signed:
            for longest in member:
                for serial in self.heads[longest].chain:
                    counts[serial] = counts.get(serial, 0) + 1
        return counts

    def _certified(self, signed: tuple[Member, ...]) -> tuple[int, ...]:
        needed = max(1, self.quorum - self.case.liars)
        return tuple(sorted(serial for serial, count in self.cosigners(signed).items() if count >= needed))

    def signed(self, state: State) -> tuple[Member, ...]:
        return tuple([member[: self.case.views] for member in state])

    def votes(self, state: State, view: int) -> list[int]:
        """The certificates that honest members named in their votes for a view."""
        at = self.case.views + view - 2
        return [member[at] for member in state if member[at] != NOT_VOTED]

    def older(self, serial: int, view: int) -> bool:
        """Whether a vote for the view may name that certificate."""
        return self.heads[serial].view < view or self.rules.young_cut

    def voters_for(self, state: State, view: int, cut: int) -> int:
        """How many honest votes fit in a `ViewStarted` with that cut."""
        named = self.votes(state, view)
        if self.rules.any_cut:
            return len(named)
        place = self.heads[cut].place
        return sum(self.heads[vote].place <= place for vote in named)

    def surroundings(self, state: State) -> Surroundings:
        """Which certificates exist, and which logs may be begun."""
        certified = self.certified(self.signed(state))
        openings = [self.head(1, mark, NOTHING, NOTHING) for mark in self.marks(1, NOTHING)]
        for view in range(2, self.case.views + 1):
            begun = {self.heads[member[view - 1]].chain[0] for member in state if member[view - 1]}
            if begun and view not in self.case.lying_chairs:
                openings += begun  # an honest chair begins its view once
                continue
            for cut in (NOTHING, *certified):
                # The cut must stand in one of the votes: a liar's, if there is any, else an honest one's.
                named = self.case.liars > 0 or cut in self.votes(state, view)
                enough = self.voters_for(state, view, cut) + self.case.liars >= self.quorum
                if named and enough and self.older(cut, view):
                    openings += [self.head(view, mark, NOTHING, cut) for mark in self.marks(view, cut)]
        return Surroundings(certified, tuple(openings))

    # --- Steps of honest members ---

    def _steps(self, member: Member, around: Surroundings) -> tuple[tuple[Step, Member], ...]:
        """All that an honest member may do next."""
        return tuple([*self._cosigning(member, around), *self._voting(member, around)])

    def _cosigning(self, member: Member, around: Surroundings) -> Iterator[tuple[Step, Member]]:
        views, rules = self.case.views, self.rules
        for view in range(1, views + 1):
            voted_above = any(vote != NOT_VOTED for vote in member[views + view - 1 :])
            signed_above = any(member[view:views])
            if (voted_above and not rules.forget_promise) or (signed_above and not rules.forget_view):
                continue
            longest = member[view - 1]
            if not longest:
                nexts = [serial for serial in around.openings if self.heads[serial].view == view]
            elif longest in around.certified and self.heads[longest].size < self.case.entries:  # lockstep
                cut = self.heads[longest].cut
                nexts = [self.head(view, mark, longest, cut) for mark in self.marks(view, longest)]
            else:
                continue
            for serial in nexts:
                yield Step(0, serial), (*member[: view - 1], serial, *member[view:])

    def held(self, member: Member, target: int) -> tuple[int, int]:
        """The place of the highest certificate that a member cannot but hold, of those a vote for the target may name."""
        places = [(0, 0)]
        for longest in member[: self.case.views]:
            head = self.heads[longest]
            places += [self.heads[serial].place for serial in (head.before, head.cut) if self.older(serial, target)]
        named = [vote for vote in member[self.case.views :] if vote != NOT_VOTED]
        return max(places + [self.heads[vote].place for vote in named if self.older(vote, target)])

    def _voting(self, member: Member, around: Surroundings) -> Iterator[tuple[Step, Member]]:
        views = self.case.views
        for target in range(2, views + 1):
            at = views + target - 2
            if any(vote != NOT_VOTED for vote in member[at:]):
                continue
            floor = self.held(member, target)
            for serial in (NOTHING, *around.certified):
                if self.heads[serial].place >= floor and self.older(serial, target):
                    yield Step(target, serial), (*member[:at], serial, *member[at + 1 :])

    def start(self) -> State:
        member = (NOTHING,) * self.case.views + (NOT_VOTED,) * (self.case.views - 1)
        return (member,) * self.honest

    def alike(self, state: State) -> State:
        """The state that stands for all that differ in the members' names alone (reduction 3)."""
        return tuple(sorted(state)) if self.case.symmetric else state

    def successors(self, state: State) -> Iterator[tuple[int, Step, State]]:
        """Each step of each member, and the state after it, members in their places."""
        around = self.surroundings(state)
        for slot, member in enumerate(state):
            if self.case.symmetric and member in state[:slot]:
                continue  # the same steps by a member in the same situation
            for step, after in self.steps(member, around):
                yield slot, step, (*state[:slot], after, *state[slot + 1 :])

    # --- What must never be ---

    def _conflict(self, certified: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
        """Pairs of certified heads that make conflicting heads final."""
        proofs = [serial for serial in certified if self.final_by(serial)]
        pairs = combinations(proofs, 2)
        return tuple((a, b) for a, b in pairs if self.conflicting(self.final_by(a), self.final_by(b)))

    def lies(self, vote: int, target: int, cosigned: int) -> bool:
        """`double_promise`: the vote hides a certificate that the cosigned head carries."""
        head, named = self.heads[cosigned], self.heads[vote]
        hidden = head.place if self.rules.name_by_size else (head.view, head.size - 1)
        return head.view < target and hidden[1] > 0 and hidden > named.place

    def _named_honest(self, member: Member) -> bool:
        """Whether the rules call an honest member a liar. It signs one line a view: only its votes can be held against it."""
        views = self.case.views
        votes = [(target, vote) for target, vote in enumerate(member[views:], start=2) if vote != NOT_VOTED]
        return any(self.lies(vote, target, longest) for target, vote in votes for longest in member[:views] if longest)

    def unnamed(self, state: State, pair: tuple[int, int]) -> bool:
        """Whether some liar can stay unnamed by two conflicting final histories.

        A liar that wants to stay unnamed lets the others sign wherever their signatures suffice, and votes for the cut
        itself where its vote is needed. All liars are alike, so one can stay unnamed if what it is forced to sign is free
        of contradictions. Counts taken in a later state force less: that makes the check stricter, not weaker.
        """
        others, counts = self.case.liars - 1, self.cosigners(self.signed(state))
        shown = self.heads[pair[0]].history | self.heads[pair[1]].history
        forced = [serial for serial in shown if counts[serial] + others < self.quorum]
        for one, other in combinations(forced, 2):
            if self.heads[one].view == self.heads[other].view and self.conflicting(one, other):
                return False
        for first in shown:
            view, cut = self.heads[first].view, self.heads[first].cut
            if self.heads[first].size == 1 and view > 1 and self.voters_for(state, view, cut) + others < self.quorum:
                if any(self.lies(cut, view, serial) for serial in forced):
                    return False
        return True

    def faults(self, state: State) -> Iterator[tuple[str, str]]:
        """Kind and words of each property that the state breaks."""
        pairs = self.conflict(self.certified(self.signed(state)))
        if pairs and self.case.liars <= self.case.tolerated:
            one, other = (self.final_by(proof) for proof in pairs[0])
            yield "conflict", f"final at once: {self.say(one)}; {self.say(other)}"
        elif any(self.unnamed(state, pair) for pair in pairs):
            one, other = next((self.final_by(a), self.final_by(b)) for a, b in pairs if self.unnamed(state, (a, b)))
            yield "unnamed", f"a liar stays unnamed behind {self.say(one)}; {self.say(other)}"
        if any(self.named_honest(member) for member in state):
            yield "slander", "an honest member is named as a liar"

    # --- In words ---

    def say(self, serial: int) -> str:
        """A head, as "view 2 [ViewStarted A on (view 1 [A A]), A]"."""
        if not serial:
            return "nothing"
        head = self.heads[serial]
        marks = [self.heads[part].mark for part in head.chain]
        if head.view > 1:
            marks[0] = f"ViewStarted {marks[0]} on ({self.say(head.cut)})"
        return f"view {head.view} [{', '.join(marks)}]"

    def trace(self, path: list[State]) -> Iterator[str]:
        """The way through states that `alike` made anonymous, told with members that keep their names."""
        state = self.start()
        for aim in path[1:]:
            slot, step, after = next(found for found in self.successors(state) if self.alike(found[2]) == aim)
            agreed = set(self.certified(self.signed(after))) - set(self.certified(self.signed(state)))
            if step.vote_for:
                what = f"votes for view {step.vote_for}; highest certificate it names: {self.say(step.head)}"
            else:
                what = f"cosigns {self.say(step.head)}"
            news = [f"agreed: {self.say(serial)}" for serial in sorted(agreed)]
            news += [f"final: {self.say(self.final_by(serial))}" for serial in sorted(agreed) if self.final_by(serial)]
            yield "; ".join([f"member {slot + 1} {what}", *news])
            state = after


def explore(case: Case, rules: Rules = PROTOCOL, *, until: str = "") -> Report:
    """Visit every reachable state once and check it.

    Args:
        until: end at the first violation of that kind, which no shorter run reaches.
    """
    began = time.perf_counter()
    model, report, finals = Model(case, rules), Report(), set[int]()
    start = model.alike(model.start())
    came_from: dict[State, State | None] = {start: None}
    waiting = deque([start])
    kinds: set[str] = set()
    while waiting:
        state = waiting.popleft()
        certified = model.certified(model.signed(state))
        finals.update(model.final_by(serial) for serial in certified)
        report.conflicts += bool(model.conflict(certified))
        for kind, what in model.faults(state):
            if kind not in kinds:
                kinds.add(kind)
                report.violations.append(Violation(kind, what, _trace(model, came_from, state)))
        if until in kinds:
            report.complete = False
            break
        for _, _, after in model.successors(state):
            found = model.alike(after)
            if found not in came_from:
                came_from[found] = state
                waiting.append(found)
    report.states, report.finals = len(came_from), len(finals - {NOTHING})
    report.seconds = time.perf_counter() - began
    return report


def _trace(model: Model, came_from: dict[State, State | None], state: State) -> tuple[str, ...]:
    path: list[State] = [state]
    while (before := came_from[path[-1]]) is not None:
        path.append(before)
    return tuple(model.trace(path[::-1]))
