"""What the pages know of the council: its state up to one final batch, what waits behind it, and the logs' heads.

A `CouncilSnapshot` never changes. `CouncilReader` makes one from a `Source` (a running node, a node's folder, an
export), and another when a new final batch, entry or cosignature has come; it swaps one pointer, so a page is made from
one snapshot alone and is never torn between two. `at` goes back to an earlier batch by folding the record again: what
it shows there never changes, so nothing that waits and no cosignature that may still come is part of it.

Sources are in `council_sources`. Nothing here opens a store or asks what time it is: time is ledger time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from concordat import canonical
from concordat.council.record import Held
from concordat.errors import StateError, TrustError
from concordat.ledger.bundle import bundle_of
from concordat.web.address import NotFoundError

if TYPE_CHECKING:
    from concordat.council.fold import Step
    from concordat.council.state import Council
    from concordat.ledger.council_log import Batch, Certificate, CouncilLog
    from concordat.ledger.entry import Entry
    from concordat.ledger.kept import KeptEntries
    from concordat.ledger.membership import MembershipChain
    from concordat.ledger.note import Note
    from concordat.ledger.shelf import Shelf

T = TypeVar("T")
PINS_KEPT = 8  # earlier batches whose state stays in memory
WAITING_MAX = 2_000  # entries that are not final and are listed one by one


@dataclass(frozen=True)
class Ledger:
    """What a source lends while it is looked at; it may change as soon as the look is over.

    Attributes:
        place: (view, size) of the council head up to which all is folded. notes: the newest head of each log by origin.
        opened: heads of logs by origin that still collect cosignatures. council, steps: as folded up to `place`.
        member: whose node it is; empty for an export.
    """

    chain: MembershipChain
    shelf: Shelf
    councils: dict[int, CouncilLog]
    certificates: dict[tuple[int, int], Certificate]
    notes: Mapping[str, Note]
    place: tuple[int, int]
    council: Council
    steps: Sequence[Step]
    member: str = ""


class Source(Protocol):
    """Where a record is."""

    def changes(self) -> int:
        """A number that grows when something that is shown may have changed; asked before every page."""

    def look(self, look: Callable[[Ledger], T]) -> T:
        """Look at the record while nothing moves in it.

        Raises:
            StateError: it can't be read now.
        """


@dataclass(frozen=True, slots=True)
class Taken:
    """A final entry: the batch that took it up as (view, batch), and when it was submitted, in seconds."""

    entry: Entry
    at: tuple[int, int]
    submitted: int
    number: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry for the council that is not final.

    Attributes:
        stage: `written` (no head of its log shows it), `witnessing` (a head, less than a quorum of witnesses),
            `submitted` (waits for the chair), `ordered` (in a batch that waits for its certificate).
        have, need: cosignatures of witnesses. missing: members whose cosignature is not there.
    """

    id: str
    author: str
    person: str
    type: str
    index: int
    stage: str
    have: int
    need: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """A log as it stands.

    Attributes:
        name: `BRA`, `council-3`. owner: whose key signs its head. size: entries here. head: entries under its newest
            signed head. root: of that head, hexadecimal. cosigned: the members that cosigned it. need: the quorum.
    """

    name: str
    origin: str
    owner: str
    size: int
    head: int
    root: str
    cosigned: tuple[str, ...]
    need: int
    note: str


@dataclass(frozen=True)
class CouncilSnapshot:
    """The council up to one final batch.

    Attributes:
        bloc: whose. member: whose node shows it. trust: the hash of membership version 1. membership: its version.
        active: its active members. quorum: how many make a head agreed. council: the state, not to be changed.
        at: (view, batch). state: the hash of the state. logs: by name. entries: of the members' logs, by log name.
        batches: of the council logs, by log name. waiting: what is not final; `more` of it are not listed.
        pinned: an address names this batch. mark: changes with what is not pinned. changes: as the source counted them
            before it was looked at.
    """

    bloc: str
    member: str
    trust: str
    membership: int
    active: tuple[str, ...]
    quorum: int
    council: Council
    at: tuple[int, int]
    state: str
    logs: Mapping[str, Log]
    entries: Mapping[str, KeptEntries]
    batches: Mapping[str, tuple[Batch | None, ...]]
    waiting: tuple[Waiting, ...]
    more: int
    mark: str
    reader: CouncilReader = field(repr=False, compare=False)
    steps: int = 0
    pinned: bool = False
    changes: int = field(default=0, compare=False)

    @property
    def alone(self) -> bool:
        """One node: no other member witnesses what it signs."""
        return len(self.active) == 1

    @property
    def batch(self) -> str:
        """The batch as addresses say it: `1.543`."""
        return f"{self.at[0]}.{self.at[1]}"

    @property
    def now(self) -> int:
        """Ledger time: what had passed when the last batch was taken up, in seconds since 1970."""
        return self.council.ledger_time

    def taken(self, entry_id: str) -> Taken | None:
        """A final entry by its whole id; None if it isn't final here."""
        found = self.reader.index.get(entry_id)
        return found if found is not None and found.number < self.steps else None

    def stage_of(self, entry: Entry, waits: Mapping[str, str]) -> str:
        """Where an entry stands: `final`, a stage of `Waiting`, `kept` (not for the council), else `not_final`.

        Args:
            waits: id -> stage of what waits. An entry for the council that is neither final nor listed was passed over
                (its key was not valid), or waits behind more than are listed.
        """
        if self.taken(entry.id) is not None:
            return "final"
        return waits.get(entry.id) or ("not_final" if entry.scope == "council" else "kept")

    def find(self, entry_id: str) -> tuple[str, Entry] | None:
        """An entry of a member's log by its whole id: the log's name, and the entry."""
        for name, entries in self.entries.items() if len(entry_id) == 64 else ():
            for index in entries.find(entry_id):
                return name, entries[index]
        return None

    def ids(self, prefix: str) -> list[str]:
        """The ids of the entries here that begin so, sorted: of final ones, and of those of the members' logs."""
        index = list(self.reader.index.items())
        final = {key for key, taken in index if key.startswith(prefix) and taken.number < self.steps}
        return sorted(final.union(*(entries.named(prefix) for entries in self.entries.values())))

    def held(self) -> Held:
        """The council as a report takes it."""
        batches = {key: t.at for key, t in list(self.reader.index.items()) if t.number < self.steps}
        return Held(self.council, self.trust, batches)

    def bundle(self, entry_id: str) -> bytes:
        """The proof bundle of an entry, as far as it is final now.

        Raises:
            InputError: no such entry. StateError: no signed head shows it yet, or the node is busy.
        """
        return self.reader.source.look(lambda ledger: bundle_of(ledger, entry_id).data())


class CouncilReader:
    """The newest snapshot of a source, and earlier ones.

    Args:
        source: where the record is.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.index: dict[str, Taken] = {}  # of every final entry; it only grows
        self._steps: Sequence[Step] = ()
        self._indexed = 0
        self._chain: MembershipChain | None = None
        self._last: CouncilSnapshot | None = None
        self._lock = threading.Lock()
        self._moving = False
        self.before: Callable[[CouncilSnapshot], object] | None = None  # done with a new batch before anybody sees it
        self._pins: OrderedDict[tuple[int, int], CouncilSnapshot] = OrderedDict()
        self._pinning, self._folding = threading.Lock(), threading.Lock()

    def last(self) -> CouncilSnapshot:
        """What was seen last, for what hardly ever changes; the record is asked only if nothing was seen yet.

        Raises:
            StateError: it could never be read.
        """
        return self._last if self._last is not None else self.current()

    def mark(self) -> int:
        """`changes` of the snapshot that `current` would give now, without looking at the record.

        What was made from a snapshot may be given again as long as this is the snapshot's own.
        """
        last = self._last
        return last.changes if self._moving and last is not None else self.source.changes()

    def current(self) -> CouncilSnapshot:
        """The record as it is now; the last that was seen if the source is too busy to say, or for the moment in which
        something is done `before` a new batch is seen.

        Raises:
            StateError: it could never be read.
        """
        changes = self.source.changes()
        last = self._last
        if last is not None and (self._moving or last.changes == changes):
            return last
        with self._lock:  # whoever comes second finds it made
            last = self._last
            if last is not None and (self._moving or last.changes == changes):
                return last
            try:
                made = self.source.look(lambda ledger: self._made(ledger, last, changes))
            except StateError:
                if last is None:
                    raise
                return last
            if last is not None and self.before is not None and made.at != last.at:
                self._moving = True
                threading.Thread(target=self._move, args=(self.before, made), name="new batch", daemon=True).start()
                return last
            self._last = made
        return made

    def _move(self, before: Callable[[CouncilSnapshot], object], made: CouncilSnapshot) -> None:
        """Show a new batch, once what comes before it is done; also when that failed."""
        try:
            before(made)
        finally:
            self._last = made
            self._moving = False

    def _made(self, ledger: Ledger, last: CouncilSnapshot | None, changes: int) -> CouncilSnapshot:
        """A snapshot; the state is copied only if a batch has come."""
        at = (ledger.council.at.view, ledger.council.at.batch)
        if last is not None and last.at == at and len(ledger.steps) == last.steps:
            council, state = last.council, last.state
        else:
            council, state = ledger.council.frozen(), ledger.council.state_hash
        self._index(ledger)
        version = ledger.chain.last
        names = {log.owner: log for log in ledger.shelf.logs.values()}
        logs = _logs(ledger)
        waiting, more = _waiting(ledger)
        mark = canonical.digest([[w.id, w.stage, w.have] for w in waiting] + [[n.name, n.note] for n in logs])
        return CouncilSnapshot(
            version.bloc, ledger.member, ledger.chain.pinned, version.version, tuple(m.id for m in version.active),
            version.quorum, council, at, state, {log.name: log for log in logs},
            {name: log.entries.copy() for name, log in sorted(names.items())},
            {f"council-{view}": tuple(log.batches) for view, log in sorted(ledger.councils.items())},
            waiting, more, mark, self, len(ledger.steps), changes=changes,
        )  # fmt: skip

    def _index(self, ledger: Ledger) -> None:
        self._steps, self._chain = ledger.steps, ledger.chain
        for number in range(self._indexed, len(ledger.steps)):
            step = ledger.steps[number]
            for event in step.events:
                at = (step.point.view, step.point.batch)
                self.index.setdefault(event.entry.id, Taken(event.entry, at, event.submitted, number))
        self._indexed = len(ledger.steps)

    def at(self, view: int, batch: int) -> CouncilSnapshot:
        """The record as it was behind an earlier final batch.

        Raises:
            NotFoundError: no such final batch. StateError: the state of another one is being made: try again later.
        """
        current, at = self.current(), (view, batch)
        if at == current.at:
            return _pinned(current, current.council, current.at, current.state, current.steps)
        kept = self._pinned_before(at)
        if kept is not None:
            return kept
        if not self._folding.acquire(blocking=False):  # the costliest thing that a reader can ask for
            what = "the record is being read back to another batch, one at a time."
            raise StateError(what, hint="Try again in a few seconds.", code="busy")
        try:
            kept = self._pinned_before(at) or self._folded(current, at)
            with self._pinning:
                self._pins[at] = kept
                while len(self._pins) > PINS_KEPT:
                    self._pins.popitem(last=False)
        finally:
            self._folding.release()
        return kept

    def _pinned_before(self, at: tuple[int, int]) -> CouncilSnapshot | None:
        with self._pinning:
            if at in self._pins:
                self._pins.move_to_end(at)
            return self._pins.get(at)

    def _folded(self, current: CouncilSnapshot, at: tuple[int, int]) -> CouncilSnapshot:
        from concordat.node.council import replay_of

        assert self._chain is not None
        steps = self._steps[: current.steps]
        number = next((n for n, s in enumerate(steps) if (s.point.view, s.point.batch) == at), None)
        if number is None:
            hint = f"The last final batch here is {current.batch}."
            raise NotFoundError(f"there is no final batch {at[0]}.{at[1]}.", hint=hint, code="no_batch")
        replay = replay_of(self._chain, [])
        for step in steps[: number + 1]:
            replay.pass_over(step)
        return _pinned(current, replay.council, at, replay.council.state_hash, number + 1)


def _pinned(of: CouncilSnapshot, council: Council, at: tuple[int, int], state: str, steps: int) -> CouncilSnapshot:
    """A snapshot without what may still change."""
    return replace(
        of, council=council, at=at, state=state, steps=steps, pinned=True, waiting=(), more=0, mark="", logs={},
        entries={}, batches={},
    )  # fmt: skip


# --- Logs and what waits ----------------------------------------------------------------------------------------------


def _logs(ledger: Ledger) -> list[Log]:
    version = ledger.chain.last
    found = []
    for _, log in sorted(ledger.shelf.logs.items()):
        names = version.witness_names
        found.append(_log(ledger, log.owner, log.origin, log.owner, log.size, names))
    for view, council in sorted(ledger.councils.items()):
        names = ledger.chain.of_view(view).mirror_names
        found.append(_log(ledger, f"council-{view}", council.origin, council.chair, council.size, names))
    return found


def _log(ledger: Ledger, name: str, origin: str, owner: str, size: int, names: Mapping[str, str]) -> Log:
    """One log; its cosignatures were verified before they were stored."""
    from concordat.ledger.council_log import read_head

    note, need = ledger.notes.get(origin), ledger.chain.last.quorum
    if note is None:
        return Log(name, origin, owner, size, 0, "", (), need, "")
    head = read_head(str(note))[1]
    cosigned = tuple(sorted({names[s.name] for s in note.signatures if s.name in names}))
    return Log(name, origin, owner, size, head.size, head.root.hex(), cosigned, need, str(note))


def _waiting(ledger: Ledger) -> tuple[tuple[Waiting, ...], int]:
    """Entries for the council behind the folded head, in the order of their logs; how many more there are."""
    view, size = ledger.place
    cursors = ledger.councils[view].progress_at(size).cursors if view else {}
    ordered = {
        (ref.origin, ref.index)
        for number, log in ledger.councils.items()
        if number >= view
        for batch in log.batches[size if number == view else 0 :]
        for ref in (batch.refs if batch else ())
    }
    version, more = ledger.chain.last, 0
    found: list[Waiting] = []
    for origin, log in sorted(ledger.shelf.logs.items()):
        for index in log.council_between(cursors.get(origin, 0), log.size):
            if len(found) >= WAITING_MAX:
                more += 1
                continue
            try:
                entry = log.entries[index]
            except TrustError:  # it was changed on the disk: shown to nobody, and no reason to show nothing else
                continue
            seen = _witnesses(ledger, origin, index, version.witness_names)
            stage = (
                "ordered" if (origin, index) in ordered
                else "submitted" if index < log.submitted_size
                else "written" if seen is None
                else "witnessing"
            )  # fmt: skip
            have = tuple(m for m in seen or () if any(m == a.id for a in version.active))
            missing = tuple(a.id for a in version.active if a.id not in have) if stage == "witnessing" else ()
            found.append(
                Waiting(
                    entry.id, entry.author, entry.person, entry.type, index, stage, len(have), version.quorum, missing
                )
            )
    return tuple(found), more


def _witnesses(ledger: Ledger, origin: str, index: int, names: Mapping[str, str]) -> tuple[str, ...] | None:
    """The members that cosigned the newest head over an entry; None if no head covers it."""
    from concordat.ledger.council_log import read_head

    note = ledger.notes.get(origin)
    if note is None or read_head(str(note))[1].size <= index:
        return None
    return tuple(sorted({names[s.name] for s in note.signatures if s.name in names}))
