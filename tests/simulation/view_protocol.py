"""The change of chair as a model: what honest members may do, what liars can, what must never be.

A state holds what each *honest* member cosigned and voted (ledger, section 6.2; signatures are perfect). `Rules` can
break one rule at a time, to show that a search would see it. `view_model` searches; this file says what a step is.

Reductions, and why none of them loses a violation:

1. *A liar's cosignature is always there.* Liars may sign anything, more signatures never disable a step, and a
   certificate needs honest cosigners too; so a head is agreed once q - liars honest members cosigned it. In the same
   way a liar votes for every view, and for whatever certificate suits the chair. Which signatures a liar really had
   to give matters for accountability alone, and is worked out from the counts there (`Model.unnamed`).
2. *Members cosign sizes one by one.* Whoever may cosign size s may cosign s - 1 just before: the certificate of s - 1
   has an honest cosigner, who saw that of s - 2. The extra cosignature disables nothing. So the longest head a member
   cosigned in each view says which heads it cosigned.
3. *Honest members are alike.* The rota is fixed by `Case.lying_chairs`, and an honest chair differs from a mirror
   only in that its view has one line; so states are compared after sorting the members.
4. *Two contents suffice, and after B only B follows.* Take a run with conflicting finals F and G. Write A for each
   entry on the way to F and B for every other. Prefixes stay prefixes and certificates stay certificates, so it is
   still a run; F and G still part ways; and no A stands after a B. The one line of an honest chair needs no B at all.
5. *An honest chair appends in no hurry.* What it may append stays allowed until it does, so its step is taken
   together with the first honest cosignature on it, and which votes a `ViewStarted` holds is settled then. The
   entries of one cut that differ in their votes alone count as equal: that allows more runs, not fewer.
6. *A certificate is delivered when it matters.* Holding one changes nothing until the next vote, so a vote may name
   any that exists by then and is not below what the voter must hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
        one_step: an agreed head is final at once. small_quorum: one cosignature fewer makes a certificate (and a
        view). forget_promise: members cosign in an older view after their vote. any_cut: a chair may go on from any
        certificate among its votes, not the highest. young_cut: votes and cuts may name certificates of the new view
        or later. forget_view: members cosign in an older view after cosigning in a newer one, unless they voted.
        name_by_size: a vote is called a lie if its voter cosigned a *size* above the one reported (ledger 8, to the
        letter).
        forks_only: nobody is named for a double promise.
    """

    one_step: bool = False
    small_quorum: bool = False
    forget_promise: bool = False
    any_cut: bool = False
    young_cut: bool = False
    forget_view: bool = False
    name_by_size: bool = False
    forks_only: bool = False


PROTOCOL = Rules()


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
        self.steps, self.certified, self.openings = cache(self._steps), cache(self._certified), cache(self._openings)
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

    def votes(self, state: State, view: int) -> tuple[int, ...]:
        """The certificates that honest members named in their votes for a view."""
        at = self.case.views + view - 2
        return tuple([member[at] for member in state if member[at] != NOT_VOTED])

    def older(self, serial: int, view: int) -> bool:
        """Whether a vote for the view may name that certificate."""
        return self.heads[serial].view < view or self.rules.young_cut

    def fitting(self, votes: tuple[int, ...], cut: int) -> int:
        """How many of the votes fit in a `ViewStarted` with that cut."""
        place = self.heads[cut].place
        return len(votes) if self.rules.any_cut else sum(self.heads[vote].place <= place for vote in votes)

    def _openings(self, view: int, certified: tuple[int, ...], votes: tuple[int, ...]) -> tuple[int, ...]:
        """The heads of size 1 that an honest mirror of the view may be shown.

        Args:
            certified: the certificates that exist. votes: those that honest members named in their votes for the view.
        """
        if view == 1:
            return tuple(self.head(1, mark, NOTHING, NOTHING) for mark in self.marks(1, NOTHING))
        found: list[int] = []
        for cut in (NOTHING, *certified):
            # The cut must stand in one of the votes: a liar's, if there is any, else an honest one's.
            named = self.case.liars > 0 or cut in votes
            if named and self.older(cut, view) and self.fitting(votes, cut) + self.case.liars >= self.quorum:
                found += [self.head(view, mark, NOTHING, cut) for mark in self.marks(view, cut)]
        return tuple(found)

    def surroundings(self, state: State) -> Surroundings:
        """Which certificates exist, and which logs may be begun."""
        certified = self.certified(self.signed(state))
        openings: list[int] = []
        for view in range(1, self.case.views + 1):
            begun = {self.heads[member[view - 1]].chain[0] for member in state if member[view - 1]}
            if begun and view not in self.case.lying_chairs:
                openings += begun  # an honest chair begins its view once
            else:
                openings += self.openings(view, certified, self.votes(state, view))
        return Surroundings(certified, tuple(openings))

    # --- Steps of honest members ---

    def _steps(self, member: Member, around: Surroundings) -> tuple[tuple[Step, Member], ...]:
        """All that an honest member may do next."""
        return (*self._cosigning(member, around), *self._voting(member, around))

    def _cosigning(self, member: Member, around: Surroundings) -> Iterator[tuple[Step, Member]]:
        views, rules = self.case.views, self.rules
        for view in range(1, views + 1):
            voted_above = any(vote != NOT_VOTED for vote in member[views + view - 1 :])
            signed_above = any(member[view:views])
            if (voted_above and not rules.forget_promise) or (signed_above and not rules.forget_view):
                continue
            longest = member[view - 1]
            if longest:
                nexts = self.longer(longest, around.certified)
            else:
                nexts = [serial for serial in around.openings if self.heads[serial].view == view]
            for serial in nexts:
                yield Step(0, serial), (*member[: view - 1], serial, *member[view:])

    def longer(self, longest: int, certified: tuple[int, ...]) -> list[int]:
        """The heads that may be cosigned after that one: the entry to come carries its certificate (lockstep)."""
        head = self.heads[longest]
        if longest not in certified or head.size >= self.case.entries:
            return []
        return [self.head(head.view, mark, longest, head.cut) for mark in self.marks(head.view, longest)]

    def held(self, member: Member, target: int) -> tuple[int, int]:
        """The place of the highest certificate that a member must hold, of those a vote for the target may name."""
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

    def successors(self, state: State, around: Surroundings | None = None) -> Iterator[tuple[int, Step, State]]:
        """Each step of each member, and the state after it, members in their places.

        Args:
            around: the state's surroundings, where they are known.
        """
        around = around or self.surroundings(state)
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
        hides = head.view < target and hidden[1] > 0 and hidden > named.place
        return hides and not self.rules.forks_only

    def _named_honest(self, member: Member) -> bool:
        """Whether an honest member is called a liar. It signs one line a view: only its votes can speak against it."""
        views = self.case.views
        votes = [(target, vote) for target, vote in enumerate(member[views:], start=2) if vote != NOT_VOTED]
        return any(self.lies(vote, target, longest) for target, vote in votes for longest in member[:views] if longest)

    def unnamed(self, pair: tuple[int, int], forced: frozenset[int], forced_votes: frozenset[int]) -> bool:
        """Whether some liar can stay unnamed by two conflicting final histories.

        A liar that wants to stay unnamed lets the others sign wherever their signatures suffice, and votes for the
        cut itself where its vote is needed. All liars are alike, so one can stay unnamed if what it is forced to sign
        is free of contradictions. Counts taken in a later state force less: that makes the check stricter, not
        weaker.

        Args:
            pair: certified heads that make the two histories final.
            forced: heads whose certificates need every liar. forced_votes: `ViewStarted` entries that do.
        """
        shown = self.heads[pair[0]].history | self.heads[pair[1]].history
        cosigned = sorted(shown & forced)
        for one, other in combinations(cosigned, 2):
            if self.heads[one].view == self.heads[other].view and self.conflicting(one, other):
                return False
        promises = [self.heads[first] for first in shown & forced_votes]
        return not any(self.lies(first.cut, first.view, serial) for first in promises for serial in cosigned)

    def forced(self, signed: tuple[Member, ...]) -> frozenset[int]:
        """Certified heads whose certificates need every liar."""
        counts = self.cosigners(signed)
        needed = self.quorum - (self.case.liars - 1)
        return frozenset(serial for serial in self.certified(signed) if counts[serial] < needed)

    def forced_votes(self, state: State) -> frozenset[int]:
        """The `ViewStarted` entries cosigned in a state that need every liar's vote."""
        begun = {self.heads[longest].chain[0] for member in self.signed(state) for longest in member if longest}
        first = [(serial, self.heads[serial]) for serial in begun if self.heads[serial].view > 1]
        needed = self.quorum - (self.case.liars - 1)
        return frozenset(s for s, head in first if self.fitting(self.votes(state, head.view), head.cut) < needed)

    def faults(self, state: State, certified: tuple[int, ...]) -> Iterator[tuple[str, str]]:
        """Kind and words of each property that the state breaks; `certified`: its certificates."""
        if pairs := self.conflict(certified):
            yield from self.judge(pairs, self.forced(self.signed(state)), self.forced_votes(state))
        if any(self.named_honest(member) for member in state):
            yield "slander", "an honest member is named as a liar"

    def judge(
        self, pairs: tuple[tuple[int, int], ...], forced: frozenset[int], forced_votes: frozenset[int]
    ) -> Iterator[tuple[str, str]]:
        """What conflicting finals break: safety with few liars; accountability if one of more liars stays unnamed."""
        for pair in pairs:
            both = "; ".join(self.say(self.final_by(proof)) for proof in pair)
            if self.case.liars <= self.case.tolerated:
                yield "conflict", f"final at once: {both}"
            elif self.unnamed(pair, forced, forced_votes):
                yield "unnamed", f"a liar stays unnamed behind {both}"

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
