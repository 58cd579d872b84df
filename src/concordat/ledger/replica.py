"""One member's part in the protocol, without sockets, files or clock: `handle(sender, message, now)` says what to send.

A replica writes its member's log, witnesses and mirrors the others, chairs when its turn comes, votes for a new view
when it waits too long or holds a proof against the chair, and knows what is final. The node makes its state durable
before it sends what `handle` returned; a message that is lost, repeated or reordered does no harm.

Rules it keeps, in the order in which they are asked: nothing is cosigned that `MemberLog.read`, `CouncilLog.check` or
`check_view_started` refuses; nothing that `Signer` forbids; nothing while its clock is over 120 seconds behind the last
ledger time. What it learns of others' lies becomes a `Misconduct`, once, and goes to all. Whatever a peer can make grow
here is bounded, or grows only with what a quorum has signed.

One file because the roles share one state, and the order of the rules is the protocol: whoever checks
it reads from top to bottom. What decides nothing stands elsewhere: `catching_up` sends again what was lost, `rivals`
compares two logs under one name, `watch` remembers who signed what, `signer` what the own keys may sign.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

from concordat.errors import InputError, RuleError, StateError, TrustError
from concordat.ledger import catching_up, council_log, misconduct
from concordat.ledger.catching_up import ENTRIES_MAX, RESEND_MAX_S, RESEND_S
from concordat.ledger.council_log import (
    REFS_MAX,
    Batch,
    Certificate,
    CouncilLog,
    ForkedError,
    Missing,
    OvertakenError,
    Progress,
    Ref,
    cosigned_head,
    read_cosignatures,
    read_head,
    submission_time,
    submitted_under,
)
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import ED25519_LOG, Ed25519Secret
from concordat.ledger.membership import MembershipChain, Point
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.messages import (
    Accusation,
    Certified,
    Cosigned,
    Entries,
    Hello,
    Message,
    Out,
    Submitted,
    Vote,
    Want,
    WantNote,
)
from concordat.ledger.misconduct import Misconduct
from concordat.ledger.note import Checkpoint, Note, SignedCheckpoint
from concordat.ledger.proof import TlogProof
from concordat.ledger.rivals import Rivals, contradiction
from concordat.ledger.shelf import MemberLog, Shelf
from concordat.ledger.signer import Signer
from concordat.ledger.views import ViewStarted, ViewVote, begin_view, check_view_started, choose_votes, patience
from concordat.ledger.watch import Watch

CLOCK_BEHIND_S = 120
BATCH_BYTES, REF_BYTES = 40_000, 260  # of refs in a batch: a payload has 48,000, a certificate of 30 mirrors 6,000
NOTE_WAIT_S = 2  # a note that a batch names is probably on its way
PROOFS_MAX = 4  # of one kind against one member: more say nothing new
REFUSALS_MAX = 1000
OPEN_MAX = 256  # own heads that wait for witnesses
VIEWS_AHEAD = 64  # votes for views further ahead are not kept
VIEWS_BEHIND = 4  # nor are votes for views further back


@dataclass(frozen=True)
class Refusal:
    """Why a message was not taken: the local log of a node."""

    time: int
    sender: str
    what: str


@dataclass(frozen=True)
class Stalled:
    """Entries that wait for something named in them.

    Attributes:
        ready: whether it is here. want: what to ask the sender for, and since when nobody has.
    """

    message: Entries
    ready: Callable[[], bool]
    want: WantNote | None
    since: int


class Replica:
    """One member's state.

    Args:
        signer: its keys. chain: the membership.
    """

    def __init__(self, signer: Signer, chain: MembershipChain) -> None:
        self.signer, self.chain = signer, chain
        self.me = signer.member
        self.bloc = chain.last.bloc
        self.shelf = Shelf(chain)
        self.open: dict[int, Note] = {}  # own heads by size, until a quorum of witnesses cosigned
        self.view = 1
        self.councils: dict[int, CouncilLog] = {1: CouncilLog(1, chain.of_view(1), Progress())}
        self.heads: dict[int, Note] = {}  # the largest head of each council log that its chair signed
        self.open_council: Note | None = None
        self.certificates: dict[tuple[int, int], Certificate] = {}
        self.highest: Certificate | None = None
        self.votes: dict[int, dict[str, ViewVote]] = {}
        self.accusations: dict[str, Misconduct] = {}
        self.refusals: list[Refusal] = []
        self.since: int | None = None  # waiting for the chair since
        self.sent = 0  # when unfinished work was sent last
        self.voted = 0  # when a vote was sent last
        self.rivals = Rivals(chain)
        self.watch = Watch(chain)
        self._final = (0, 0)
        self._pause = RESEND_S  # until unfinished work is sent again
        self._handed: dict[str, tuple[str, int]] = {}  # which head was passed on to the chair, and how often
        self._stalled: dict[str, Stalled] = {}  # one a sender
        self._overtaken: dict[int, Entry] = {}  # the last entry of a council log before a quorum showed another
        self._found: list[Misconduct] = []  # proofs made while a message was taken
        self._forked: set[tuple[str, str]] = set()  # whose numbering was proved forked here, or which view late
        self._own_origin = chain.last.member(self.me).origin

    # --- What a node asks of it ---------------------------------------------------------------------------------------

    @property
    def own(self) -> MemberLog:
        """The member's own log."""
        return self.shelf.logs[self._own_origin]

    @property
    def peers(self) -> list[str]:
        """All other active members."""
        return [m.id for m in self.chain.last.active if m.id != self.me]

    def write(
        self,
        type: str,  # noqa: A002 - the field's name in the format
        body: Mapping[str, Any],
        scope: str,
        now: int,
        *,
        person: str = "node",
        secret: Ed25519Secret | None = None,
        refs: Sequence[str] = (),
    ) -> tuple[Entry, Out]:
        """Write an entry into the own log; never waits for anyone.

        Raises:
            InputError: a body that breaks the format. StateError: the log here is shorter than the keys have signed.
        """
        self._require_writable(now)
        last = self.own.entries[-1] if self.own.entries else None
        entry = self._next(last, type, body, scope, now, person, secret or self.signer.node, refs)
        self.own.append(entry)
        return entry, self._publish(now)

    def write_all(self, said: Sequence[tuple[str, Mapping[str, Any], str]], now: int) -> tuple[list[Entry], Out]:
        """As `write`, many at once under one head, each said by the node.

        Args:
            said: type, body and scope of each.

        Raises:
            InputError: the first body that breaks the format; nothing is added then. StateError: as `write`.
        """
        assert said
        self._require_writable(now)
        last = self.own.entries[-1] if self.own.entries else None
        entries: list[Entry] = []
        for type_, body, scope in said:
            last = self._next(last, type_, body, scope, now, "node", self.signer.node, ())
            entries.append(last)
        for entry in entries:
            self.own.append(entry)
        return entries, self._publish(now, len(entries))

    def _next(
        self, last: Entry | None, type_: str, body: Mapping[str, Any], scope: str, now: int, person: str,
        secret: Ed25519Secret, refs: Sequence[str],
    ) -> Entry:  # fmt: skip
        """The entry behind the last one, signed; nothing is added yet."""
        if scope == "order":
            what, hint = "entries of scope order stand in council logs alone.", "Write it for council or exchange."
            raise InputError(what, where="scope", hint=hint, code="scope")
        return Entry.new(
            author=self.me, bloc=self.bloc, membership=self.chain.last.version, person=person,
            seq=last.seq + 1 if last else 1, prev=last.id if last else FIRST, scope=scope, ts=utc(now), type=type_,
            body=body, secret=secret, refs=refs,
        )  # fmt: skip

    def append(self, leaf: bytes, now: int) -> tuple[Entry, Out]:
        """Take an entry of the own log that one of the member's people signed elsewhere; checked as anybody's.

        Raises:
            InputError: not an entry. TrustError: another member's, not the next in number, or no key that may sign it.
            StateError: the log here is shorter than the keys have signed.
        """
        self._require_writable(now)
        (entry,) = self.own.read(self.own.size, [leaf], self.chain)
        self.own.append(entry)
        return entry, self._publish(now)

    def take_up(self, entries: Sequence[Entry], now: int) -> Out:
        """As `append`, many at once under one head.

        Raises:
            InputError, TrustError: the first that may not stand here next; nothing is added then. StateError: as above.
        """
        assert entries
        self._require_writable(now)
        for entry in self.own.read(self.own.size, [entry.leaf for entry in entries], self.chain):
            self.own.append(entry)
        return self._publish(now, len(entries))

    def _require_writable(self, now: int) -> None:
        self.signer.require_free()
        if self.own.size < self.signer.size_signed(self.own.origin):
            self.signer.head(self.own.checkpoint(), now, self.own.tree.root)  # raises, with what to do
        council = self.councils.get(self.view)
        if council is not None:
            self._require_clock(council, council.size, now)

    def handle(self, sender: str, message: Message, now: int) -> Out:
        """Take one message; what to send. What can't be taken is kept in `refusals`, and nothing changes."""
        return self._handle(sender, message, now) + self._report(now)

    def _handle(self, sender: str, message: Message, now: int) -> Out:
        try:
            self.chain.last.member(sender)
            return self._take(sender, message, now)
        except Missing as missing:
            return self._wait_for(sender, message, missing, now)
        except ForkedError as forked:
            self.rivals.wanted[forked.origin] = forked.note
            origin, wanted = forked.origin, self.rivals.wanted
            if isinstance(message, Entries):
                self._stalled[sender] = Stalled(message, lambda: origin not in wanted, None, now)
            self.rivals.open(self.shelf.logs[origin])
            return [(sender, Want(origin, 0))]
        except OvertakenError as overtaken:
            self._learn(overtaken.certificate, now)
            view, size = overtaken.certificate.place
            log = self.councils.get(view)
            return (
                [(sender, Want(self.chain.last.council_origin(view), size - 1))] if not log or log.size < size else []
            )
        except (InputError, TrustError, StateError) as error:
            self._refuse(now, sender, error)
            return []

    def _wait_for(self, sender: str, message: Message, missing: Missing, now: int) -> Out:
        """Keep entries until what they name is here. A log is asked for at once, a note if it doesn't come soon."""
        want, origin = WantNote(missing.note), missing.origin
        if isinstance(message, Entries):
            if origin:
                ready = lambda: self._size(origin) >= missing.size  # noqa: E731
            else:
                ready = lambda: missing.note in self.shelf.notes  # noqa: E731
            self._stalled[sender] = Stalled(message, ready, None if origin else want, now)
        return [(sender, Want(origin, self._size(origin)))] if origin else []

    def _retry(self, now: int) -> Out:
        """Take what waited and need not wait any more."""
        ready = {sender: stalled for sender, stalled in sorted(self._stalled.items()) if stalled.ready()}
        for sender in ready:
            del self._stalled[sender]
        return [item for sender, stalled in ready.items() for item in self._handle(sender, stalled.message, now)]

    def tick(self, now: int) -> Out:
        """Time has passed: send unfinished work again, ask for a new view if the chair is silent."""
        try:
            return self._tick(now) + self._report(now)
        except (InputError, TrustError, StateError, Missing) as error:
            self._refuse(now, self.me, error)
            return []

    def _resume(self, now: int) -> Out:
        """After a crash between an entry and its head: sign what stands in the own log, as chair in the council's.

        A chair that came back from a backup has its newest council head from the others, and not whose cosignatures it
        had gathered: it signs the same head once more and asks again. Nobody else could, and no batch would follow.
        """
        out: Out = []
        own = read_head(str(self.own.head))[1].size if self.own.head else 0
        if self.own.size > own and self.own.size >= self.signer.size_signed(self.own.origin):
            out += self._publish(now)
        elif own > self.own.submitted_size and own not in self.open:
            out += self._reopen(now)  # it came back while the keys were held, or while something else failed
        log = self.councils.get(self.view)
        if log is None or log.chair != self.me or not self.signer.may_cosign(log.view):
            return out
        known = read_head(str(self.heads[log.view]))[1].size if log.view in self.heads else 0
        lost = log.size > 0 and (log.view, log.size) not in self.certificates and not self._has_open(log)
        if (log.size > known or lost) and log.size >= self.signer.size_signed(log.origin):
            out += self._sign_council(log, now)
        return out

    def _has_open(self, log: CouncilLog) -> bool:
        """Whether cosignatures are gathered for the newest head of a council log."""
        head = Checkpoint(log.origin, log.size, log.tree.root())
        return self.open_council is not None and self.open_council.text == head.text()

    def _tick(self, now: int) -> Out:
        out: Out = []
        try:
            out += self._resume(now)
        except StateError as error:
            self._refuse(now, self.me, error)
        if now - self.sent >= self._pause:
            self.sent = now
            out += catching_up.again(self, now)
            self._pause = min(2 * self._pause, RESEND_MAX_S)
        for sender, stalled in sorted(self._stalled.items()):
            if stalled.want is not None and now - stalled.since >= NOTE_WAIT_S:
                out.append((sender, stalled.want))
                self._stalled[sender] = Stalled(stalled.message, stalled.ready, stalled.want, now + RESEND_S)
        try:
            out += self._propose(now) if self.view in self.councils else self._start(self.view, now)
        except (InputError, TrustError, StateError) as error:
            self._refuse(now, self.me, error)
        due = self.chain.last.effective.view  # a version that changes who counts opens a view of its own
        if due > self.signer.floor.promised:
            out += self._vote_for(due, now)
        # What waits because the copy here is damaged is not the chair's doing.
        waiting = not self.shelf.aside and (self.pending() or self.signer.floor.promised > self.view)
        if not waiting:
            self.since = None
        elif self.since is None:
            self.since = now
        elif now - self.since >= self._patience():
            out += self._vote_for(self.signer.floor.promised + 1, now)
        return out

    def _moved(self) -> None:
        """Something went on: what is unfinished now is sent again soon."""
        self._pause = min(self._pause, RESEND_S)

    def hurry(self) -> None:
        """What is unfinished goes out again with the next tick, then after 1, 2, 4 seconds: all may just have begun."""
        self._pause, self.sent = 1, 0

    def _refuse(self, now: int, sender: str, error: Exception) -> None:
        self.refusals.append(Refusal(now, sender[:16], str(error)[:500]))
        del self.refusals[:-REFUSALS_MAX]

    def hello(self) -> Hello:
        """How far this replica is."""
        return catching_up.hello(self)

    def pending(self) -> list[str]:
        """The origins with submitted work that is not final yet."""
        view, size = self.final()
        cursors = self.councils[view].progress_at(size).cursors if view else {}
        found = []
        active = self.chain.of_view(self.view).origins
        for origin, log in self.shelf.logs.items():
            if log.submitted and origin in active:
                start, end = cursors.get(origin, 0), log.submitted[-1][0]
                if end > start and (log.size < end or log.council_between(start, end)):
                    found.append(origin)
        return sorted(found)

    def final(self) -> tuple[int, int]:
        """(view, size) of the head up to which everything is final; (0, 0) if nothing is."""
        return self._final

    def history(self, place: tuple[int, int] | None = None) -> list[tuple[Point, Batch]]:
        """Every batch up to a head, by default up to the final one, in the order that counts."""
        view, size = place or self.final()
        parts: list[list[tuple[Point, Batch]]] = []
        while view:
            log = self.councils[view]
            parts.append(log.points(size))
            view, size = log.cut
        return [item for part in reversed(parts) for item in part]

    def taken_up_at(self, origin: str, index: int, place: tuple[int, int]) -> Point | None:
        """Which batch up to a head took up an entry of a member's log; None if none did."""
        view, size = place
        while view:
            log = self.councils[view]
            found = log.place_of(origin, index)
            batch = log.batches[found] if found is not None and found < size else None
            if batch is not None:
                return Point(view, batch.number)
            view, size = log.cut
        return None

    def events(self) -> list[tuple[Point, Ref, Entry]]:
        """Every final entry that counts, with the batch that took it up, in order."""
        refused = {entry.id for _, entry, _ in self.refused()}
        return [item for item in self._taken_up() if item[2].id not in refused]

    def refused(self) -> list[tuple[Point, Entry, str]]:
        """Entries that were taken up when their key was not valid any more, or not yet; and why they don't count."""
        found: list[tuple[Point, Entry, str]] = []
        if not self.chain.keys_change:
            return found
        for point, _, entry in self._taken_up():
            try:
                self.chain.check_taken_up(entry, point)
            except TrustError as error:
                found.append((point, entry, str(error)))
        return found

    def _taken_up(self) -> list[tuple[Point, Ref, Entry]]:
        return [(p, ref, self.shelf.entry(ref.origin, ref.index)) for p, batch in self.history() for ref in batch.refs]

    # --- Messages -----------------------------------------------------------------------------------------------------

    def _take(self, sender: str, message: Message, now: int) -> Out:
        match message:
            case Entries():
                return self._entries(sender, message, now)
            case Cosigned():
                return self._cosigned(message, now)
            case Submitted():
                return self._submitted(sender, message.note, now)
            case Certified():
                return self._certified(sender, message, now)
            case Vote():
                return self._voted(sender, message, now)
            case Accusation():
                return self._accused(message.data, now)
            case Want():
                return catching_up.wanted(self, sender, message)
            case WantNote():
                text = self.shelf.note(message.digest)
                return [(sender, Submitted(text))] if text else []
            case Hello():
                return catching_up.greeted(self, sender, message)

    def _entries(self, sender: str, message: Entries, now: int) -> Out:
        if not 0 < len(message.leaves) <= ENTRIES_MAX:
            raise InputError(f"a message brings 1 to {ENTRIES_MAX} entries.", where=sender, code="peer")
        view = self._view_of(message.origin)
        out = self._council_entries(sender, message, view, now) if view else self._member_entries(sender, message, now)
        return out + self._retry(now)

    def _member_entries(self, sender: str, message: Entries, now: int) -> Out:
        log = self.shelf.logs.get(message.origin)
        if log is None:
            raise TrustError(f"{message.origin[:60]} is no member's log.", where=sender, code="origin")
        signed = cosigned_head(message.head, self.chain.last_with(log.owner).member_ring(log.owner))
        head = signed.checkpoint
        if head.origin != message.origin or message.start + len(message.leaves) > head.size:
            raise InputError("entries beyond their head, or of another log.", where=sender, code="peer")
        self._found += self.watch.saw(signed)
        if message.origin in self.rivals.logs and self.rivals.expects(message):
            out = self._rival_entries(sender, log, message, signed, now)
            if out is not None:
                return out
        if message.start > log.size:
            return [(sender, Want(log.origin, log.size))]
        if not log.follows(message.start, message.leaves):
            return self._contradicted(sender, log, message, signed, now)
        size = log.size
        for entry in log.read(message.start, message.leaves, self.chain):
            log.append(entry)
        if log.size < head.size:
            return [(sender, Want(log.origin, log.size))]
        if log.tree.root(head.size) != head.root:
            log.truncate(size)
            return self._contradicted(sender, log, message, signed, now)
        if log.head is None or read_head(str(log.head))[1].size < head.size:
            log.head = signed.note
        if log.owner == self.me:
            return self._reopen(now)
        return self._witness(log, head, now)

    def _witness(self, log: MemberLog, head: Checkpoint, now: int) -> Out:
        """Cosign a member's head, if this log is all that it ever showed us, and is whole here."""
        if log.disowned or log.aside:
            return []
        council = self.councils.get(self.view)
        if council is not None:
            self._require_clock(council, council.size, now)
        size = self.signer.floor.heads.get(("witness", log.origin), (0, b""))[0]
        if head.size < size:
            return []
        signatures = self.signer.cosign("witness", head, now, log.tree.root)
        if log.head is not None and log.head.text == head.text():
            log.head = log.head.with_signatures(signatures)
        return [(log.owner, Cosigned(log.origin, head.size, head.root, tuple(s.line() for s in signatures)))]

    def _publish(self, now: int, count: int = 1) -> Out:
        """Sign the own head, witness it oneself, send it to all with the last entries."""
        head = self.own.checkpoint()
        note = self.signer.head(head, now, self.own.tree.root)
        self.own.head = note
        own = self.signer.cosign("witness", head, now, self.own.tree.root)
        self.open[head.size] = note.with_signatures(own)
        while len(self.open) > OPEN_MAX:
            del self.open[min(self.open)]
        self._moved()
        leaves = tuple(self.own.entries.leaves[-min(count, ENTRIES_MAX) :])
        sent = Entries(self.own.origin, head.size - len(leaves), leaves, str(note))
        out: Out = [(peer, sent) for peer in self.peers]
        return out + self._own_quorum(head.size, now)

    def _reopen(self, now: int) -> Out:
        """Own entries came back after a loss: ask the witnesses for their newest head again."""
        assert self.own.head is not None
        head = read_head(str(self.own.head))[1]
        if head.size <= self.own.submitted_size or head.size in self.open:
            return []
        note = self.own.head
        if head.size >= self.signer.floor.heads.get(("witness", self.own.origin), (0, b""))[0]:
            note = note.with_signatures(self.signer.cosign("witness", head, now, self.own.tree.root))
        self.open[head.size] = note  # without the own line if the keys have signed more: others may still do
        self._moved()
        return self._own_quorum(head.size, now)

    def _cosigned(self, message: Cosigned, now: int) -> Out:
        """Cosignatures of an own head, or as chair of a council head; lines of unknown keys count for nothing."""
        view = self._view_of(message.origin)
        if message.origin == self.own.origin:
            ring = self.chain.last.member_ring(self.me)
        elif view in self.councils and self.councils[view].chair == self.me:
            ring = self.chain.of_view(view).council_ring(view)
        else:
            return []
        head = Checkpoint(message.origin, message.size, message.root)
        if self._has_quorum(head, view):
            return []
        lines = read_cosignatures(head, message.lines[:4], ring)
        text = head.text()
        self._found += self.watch.saw(SignedCheckpoint(head, Note(text, tuple(lines)), tuple(lines.values())), view)
        if not view and message.size in self.open and self.open[message.size].text == text:
            self.open[message.size] = self.open[message.size].with_signatures(lines)
            return self._own_quorum(message.size, now)
        if view and view == self.view and self.open_council is not None and self.open_council.text == text:
            self.open_council = self.open_council.with_signatures(lines)
            return self._council_quorum(now)
        return []

    def _has_quorum(self, head: Checkpoint, view: int) -> bool:
        """Whether cosignatures of a head come too late to matter."""
        if view:
            certificate = self.certificates.get((view, head.size))
            return certificate is not None and certificate.root == head.root
        return head.size <= min(self.own.submitted_size, self.own.size) and self.own.tree.root(head.size) == head.root

    def _own_quorum(self, size: int, now: int) -> Out:
        version = self.chain.of_view(self.view)
        if len({s.name for s in self.open[size].signatures} & version.witness_names.keys()) < version.quorum:
            return []
        text = str(self.open[size])
        _, time = submission_time(text, version, self.me)
        for other in [s for s in self.open if s <= size]:
            del self.open[other]
        self.own.submit(size, time, self.shelf.keep(text))
        self._moved()
        return [(peer, Submitted(text)) for peer in self.peers] + self._propose(now)

    def _submitted(self, sender: str, text: str, now: int) -> Out:
        origin, _, rest = text.partition("\n")
        view = self._view_of(origin)
        if view:  # a certified council head, asked for by its hash
            size = rest.partition("\n")[0]
            place = (view, int(size)) if size.isdecimal() and len(size) < 16 else (0, 0)
            return self._keep_certified(self.certificates.get(place), text)
        log = self.shelf.logs.get(origin)
        if log is None:
            raise TrustError(f"{origin[:60]} is no member's log.", where=sender, code="origin")
        version, head, time = submitted_under(text, self.chain, log.owner)
        digest = sha256(text.encode()).hexdigest()
        if digest not in self.shelf.notes:
            self._found += self.watch.saw(cosigned_head(text, version.member_ring(log.owner)))
            asked = any(s.want is not None and s.want.digest == digest for s in self._stalled.values())
            if log.submit(head.size, time, digest) or asked:
                self.shelf.keep(text)
        out: Out = []
        if log.size < head.size:
            out.append((sender, Want(origin, log.size)))
        elif log.tree.root(head.size) != head.root and origin not in self.rivals.wanted:
            raise ForkedError(origin, text)
        return out + self._propose(now) + self._retry(now)

    # --- Council log --------------------------------------------------------------------------------------------------

    def _propose(self, now: int) -> Out:
        """As chair: the next batch; what keeps it from writing keeps it from nothing else."""
        try:
            return self._next_batch(now)
        except StateError as error:
            self._refuse(now, self.me, error)
            return []

    def _next_batch(self, now: int) -> Out:
        """The next batch, once the one before is agreed and there is something to say."""
        log = self.councils.get(self.view)
        if log is None or log.chair != self.me or self.signer.floor.promised > self.view:
            return []
        if log.size and (self.view, log.size) not in self.certificates:
            return []
        try:
            refs, cursors = self._refs(log.progress_at(log.size))
        except TrustError as error:  # an entry on the disk that is not the one that was logged
            self._refuse(now, self.me, error)
            return []
        unsettled = log.size > 0 and (log.batches[-1] is None or bool(log.batches[-1].refs))
        if not refs and not unsettled:
            return []
        certificate = self.certificates[self.view, log.size] if log.size else None
        number = log.progress_at(log.size).number + 1
        body = Batch(self.view, number, tuple(refs), cursors, certificate).body()
        return self._extend(log, "Batch", body, now)

    def _refs(self, last: Progress) -> tuple[list[Ref], dict[str, int]]:
        """What can be taken up: of each log the submitted entries behind its cursor, until the batch is full."""
        refs: list[Ref] = []
        cursors = dict(last.cursors)
        active = self.chain.of_view(self.view).origins
        room = BATCH_BYTES - sum(len(origin) + 20 for origin in active.keys() | cursors)
        for origin, log in sorted(self.shelf.logs.items()):
            end = min(log.submitted_size, log.size) if origin in active and not log.aside else 0
            for index in log.council_between(cursors.get(origin, 0), end):
                proof = log.proof_of(index)
                room -= len(origin) + REF_BYTES
                if room < 0 or len(refs) == REFS_MAX or proof is None or not self._matches(log, proof):
                    break
                refs.append(Ref(origin, index, leaf_hash(log.entries.leaves[index]).hex(), proof[2], proof[1]))
                cursors[origin] = index + 1
        return refs, cursors

    def _matches(self, log: MemberLog, proof: tuple[int, int, str]) -> bool:
        """Whether the copy here is the log that a head with a quorum names."""
        size, _, digest = proof
        text = self.shelf.note(digest)
        assert text is not None
        return size <= log.size and log.tree.root(size) == read_head(text)[1].root

    def _extend(self, log: CouncilLog, type: str, body: Mapping[str, Any], now: int) -> Out:  # noqa: A002
        """As chair: write an entry, sign the head, cosign it as a mirror, send it to all."""
        self.signer.require_free()  # an entry is signed too: made on less than these keys have signed, it is a fork
        self._require_clock(log, log.size, now)
        self._require_in_force(log, now)
        if log.size < self.signer.size_signed(log.origin):
            what = f"the copy here has {log.size} entries; this node has signed {self.signer.size_signed(log.origin)}."
            raise StateError(what, where=log.origin, code="rollback")
        entry = Entry.new(
            author=self.me, bloc=self.bloc, membership=log.version.version, person="node", seq=log.size + 1,
            prev=log.entries[-1].id if log.entries else FIRST, scope="order", ts=utc(now), type=type, body=body,
            secret=self.signer.node,
        )  # fmt: skip
        if type == "Batch":
            log.append(*log.check(entry.leaf, self.chain, self.shelf))
        else:
            cut_log = self.councils.get(ViewStarted.parse(body, log.origin).cut.view) if body["cut"] else None  # type: ignore[union-attr]
            _, started, progress = check_view_started(log, entry.leaf, self.chain, cut_log)
            log.append(entry, None, progress)
            log.cut = started.cut.place if started.cut else (0, 0)
        self.councils[log.view] = log
        return self._sign_council(log, now)

    def _sign_council(self, log: CouncilLog, now: int) -> Out:
        """As chair: sign the head of the council log, cosign it as a mirror, send it to all."""
        head = Checkpoint(log.origin, log.size, log.tree.root())
        note = self.signer.head(head, now, log.tree.root)
        self.heads[log.view] = note
        lines = self.signer.cosign("mirror", head, now, log.tree.root, log.view, self._carried(log))
        self.open_council = note.with_signatures(lines)
        self._moved()
        out: Out = [(peer, Entries(log.origin, log.size - 1, (log.leaves[-1],), str(note))) for peer in self.peers]
        return out + self._council_quorum(now)

    def _require_clock(self, log: CouncilLog, size: int, now: int) -> None:
        """Nothing is signed while the own clock is too far behind the last ledger time."""
        ledger = log.progress_at(size).time
        if now + CLOCK_BEHIND_S < ledger:
            what = f"this node's clock says {utc(now)}, the ledger {utc(ledger)}: {ledger - now} s behind."
            raise StateError(what, where=log.origin, hint="Set the clock; until then nothing is signed.", code="clock")

    def _require_in_force(self, log: CouncilLog, now: int) -> None:
        """After the membership's end nothing new becomes final: batches are neither written nor cosigned.

        Raises:
            StateError: it has ended, and what to do.
        """
        version = self.chain.at(Point(log.view, log.progress_at(log.size).number + 1))
        try:
            version.require_in_force(utc(now))
        except RuleError as error:
            raise StateError(error.what, where=error.where, hint=error.hint, code="expired") from None

    def _council_quorum(self, now: int) -> Out:
        assert self.open_council is not None
        version = self.chain.of_view(self.view)
        if len({s.name for s in self.open_council.signatures} & version.mirror_names.keys()) < version.quorum:
            return []
        text = str(self.open_council)
        certificate = Certificate.of_note(text, version, self.view)
        if certificate is None or certificate.place in self.certificates:
            return []
        self.shelf.keep(text)
        self._learn(certificate, now)
        batch = self._propose(now)
        if batch and len(certificate.cosignatures) + 1 == len(read_head(text)[0].signatures):
            return batch  # it carries the certificate, and all that the note holds
        return [(peer, Certified(certificate, text)) for peer in self.peers] + batch

    def _learn(self, certificate: Certificate, now: int) -> None:
        """A certificate that was verified."""
        if certificate.place not in self.certificates:
            version = self.chain.of_view(certificate.view)
            self._found += self.watch.saw(certificate.signed(version)[0], certificate.view)
            self.certificates[certificate.place] = certificate
            self._moved()
            self._overtake(certificate)
            self._settle(certificate.view)
        if self.highest is None or certificate.place > self.highest.place:
            self.highest = certificate
            self.since = now if self.since is not None else None

    def restore_certificates(self, view: int, now: int) -> None:
        """Learn the certificates that the batches of a council log from this node's own store carry.

        They were verified before they were stored. Verified again are the newest that name each mirror, as far as
        `watch` remembers what a mirror signed last; from the newest back, so that what is final is found at once.
        """
        known: set[str] = set()
        for batch in reversed(self.councils[view].batches):
            certificate = batch.certificate if batch is not None else None
            if certificate is None:
                continue
            names = certificate.names()
            if names <= known:
                self.certificates.setdefault(certificate.place, certificate)
            else:
                self._learn(certificate, now)
                known |= names

    def _overtake(self, certificate: Certificate) -> None:
        """A quorum cosigned another entry than the last one here: only a few were shown that, and it goes.

        The entry before is under a certificate that the last one carries, and at most f liars allow one a size only.
        """
        log = self.councils.get(certificate.view)
        if log is None or log.size != certificate.size or log.tree.root() == certificate.root:
            return
        self._overtaken[log.view] = log.entries[-1]
        self.heads.pop(log.view, None)
        if log.size == 1 and log.view > 1:
            del self.councils[log.view]
        else:
            self.councils[log.view] = log.without_last()

    def _keep_certified(self, certificate: Certificate | None, text: str) -> Out:
        """Keep the whole note of a certificate, if it is that."""
        if certificate is None or sha256(text.encode()).hexdigest() != certificate.note:
            return []
        if Certificate.of_note(text, self.chain.of_view(certificate.view), certificate.view) == certificate:
            self.shelf.keep(text)
        return []

    def _settle(self, view: int) -> None:
        """What a certificate or an entry of a view has made final."""
        log = self.councils.get(view)
        if log is None or (view, log.size) <= self._final:
            return
        floor = self._final[1] + 1 if self._final[0] == view else 1
        for size in range(log.size, floor, -1):
            certified = self.certificates.get((view, size))
            if certified is not None and log.tree.root(size) == certified.root:
                self._final = (view, size - 1)
                return

    def _certified(self, sender: str, message: Certified, now: int) -> Out:
        certificate = message.certificate
        certificate.verify(self.chain.of_view(certificate.view))
        self._learn(certificate, now)
        if message.note:
            self._keep_certified(self.certificates.get(certificate.place), message.note)
        log = self.councils.get(certificate.view)
        if log is None or log.size < certificate.size:
            origin = self.chain.last.council_origin(certificate.view)
            return [(sender, Want(origin, log.size if log else 0))]
        return []

    def _council_entries(self, sender: str, message: Entries, view: int, now: int) -> Out:
        version = self.chain.of_view(view)
        signed = cosigned_head(message.head, version.council_ring(view))
        head = signed.checkpoint
        if head.origin != message.origin or message.start + len(message.leaves) > head.size:
            raise InputError("entries beyond their head, or of another log.", where=sender, code="peer")
        self._found += self.watch.saw(signed, view)
        log = self.councils.get(view)
        if log is None:
            if message.start:
                return [(sender, Want(message.origin, 0))]
            log = self._new_view(view, message.leaves[0], now)
        if message.start > log.size:
            return [(sender, Want(log.origin, log.size))]
        for index in range(message.start, min(log.size, message.start + len(message.leaves))):
            if log.leaves[index] != message.leaves[index - message.start]:
                return self._chair_contradicted(sender, log, message, index, signed, now)
        for leaf in message.leaves[log.size - message.start :]:
            entry, batch, progress = log.check(leaf, self.chain, self.shelf)
            log.append(entry, batch, progress)
            if log.size == head.size and log.tree.root() != head.root:
                self._undo(log)
                raise TrustError("the head is not of these entries.", where=sender, code="head")
            self._require_certified(log, sender)
            self._compare_overtaken(log)
            if batch and batch.certificate:
                self._learn_carried(log, batch.certificate, now)
        self._settle(view)
        if log.size < head.size:
            return [(sender, Want(log.origin, log.size))]
        if log.tree.root(head.size) != head.root:
            return self._heads_contradict(log, signed)
        if view not in self.heads or read_head(str(self.heads[view]))[1].size < head.size:
            self.heads[view] = signed.note
        self._late(log)
        return self._mirror(log, head, now)

    def _require_certified(self, log: CouncilLog, sender: str) -> None:
        """A quorum has not cosigned another entry than the last one."""
        known = self.certificates.get((log.view, log.size))
        if known is not None and known.root != log.tree.root():
            self._overtake(known)
            raise TrustError("a quorum has cosigned another entry.", where=sender, code="overtaken")

    def _learn_carried(self, log: CouncilLog, certificate: Certificate, now: int) -> None:
        """A certificate that an entry brings; its note is made again from the chair's head, if that is all it holds."""
        if certificate.place not in self.certificates and certificate.note not in self.shelf.notes:
            head = self.heads.get(log.view)
            if head is not None and head.text == certificate.signed(log.version)[0].note.text:
                chair = [s for s in head.signatures if s.name == log.origin]
                whole = Note(head.text, tuple(chair)).with_signatures(
                    certificate.signed(log.version)[0].note.signatures
                )
                if sha256(str(whole).encode()).hexdigest() == certificate.note:
                    self.shelf.keep(str(whole))
        self._learn(certificate, now)

    def _undo(self, log: CouncilLog) -> None:
        for part in (log.leaves, log.entries, log.batches, log.progress):
            part.pop()
        log.tree.truncate(log.size)

    def _new_view(self, view: int, leaf: bytes, now: int) -> CouncilLog:
        """The log of a view whose first entry has come.

        Raises:
            Missing: the log of the cut is not here up to it. InputError, TrustError: no honest mirror takes it.
        """
        started = ViewStarted.parse(council_log.parse_entry(leaf).body, self.chain.last.council_origin(view))
        if started.cut:
            started.cut.verify(self.chain.of_view(started.cut.view))
            self._learn(started.cut, now)
        self._cut_log(started.cut)
        log, started = begin_view(view, leaf, self.chain, self.councils)
        self.councils[view] = log
        self._require_certified(log, log.chair)
        if view > self.view:
            self._enter(view)
        return log

    def _cut_log(self, cut: Certificate | None) -> CouncilLog | None:
        if cut is None:
            return None
        log = self.councils.get(cut.view)
        if log is None or log.size < cut.size:
            raise Missing(self.chain.last.council_origin(cut.view), cut.size)
        if log.tree.root(cut.size) != cut.root:
            raise TrustError("the cut is of another log than the one held here.", where=log.origin, code="cut_root")
        return log

    def _base(self, cut: Certificate | None, log: CouncilLog | None) -> Progress:
        return log.progress_at(cut.size) if cut and log else Progress()

    def _enter(self, view: int) -> None:
        self.view = view
        self.since = None
        self.open_council = None
        self.signer.promise(view)
        for old in [v for v in self.votes if v <= view - VIEWS_BEHIND]:
            del self.votes[old]
        self._moved()

    def _mirror(self, log: CouncilLog, head: Checkpoint, now: int) -> Out:
        """Cosign a council head, unless a later view was promised or the clock is behind."""
        if log.chair == self.me or not self.signer.may_cosign(log.view):
            return []
        self._require_clock(log, head.size, now)
        self._require_in_force(log, now)
        size = self.signer.floor.heads.get(("mirror", log.origin), (0, b""))[0]
        if head.size < size:
            return []
        signatures = self.signer.cosign("mirror", head, now, log.tree.root, log.view, self._carried(log))
        if self.heads[log.view].text == head.text():
            self.heads[log.view] = self.heads[log.view].with_signatures(signatures)
        return [(log.chair, Cosigned(log.origin, head.size, head.root, tuple(s.line() for s in signatures)))]

    def _carried(self, log: CouncilLog) -> Certificate | None:
        """The certificate that the last entry of a council log carries."""
        batch = log.batches[-1]
        return batch.certificate if batch else None

    # --- Views --------------------------------------------------------------------------------------------------------

    def _patience(self) -> int:
        agreed = self.highest.view if self.highest else 1
        return patience(self.signer.floor.promised - max(1, agreed))

    def _vote_for(self, view: int, now: int) -> Out:
        self.since = now
        kept = self.signer.floor.certificate
        if kept is not None and (self.highest is None or kept.place > self.highest.place):
            self._learn(kept, now)  # the keys remember more than a restored database
        if not self.signer.may_vote(view, self.highest):  # restored from a backup: others know what it has cosigned
            return [(peer, self.hello()) for peer in self.peers]
        vote = self.signer.vote(self.bloc, view, self.highest)
        self.voted = now
        self.votes.setdefault(view, {})[self.me] = vote
        self._moved()
        message = Vote(vote.data, self.highest)
        return [(peer, message) for peer in self.peers] + self._start(view, now)

    def _voted(self, sender: str, message: Vote, now: int) -> Out:
        vote = ViewVote.parse(message.vote)
        vote.verify(self.chain.of_view(vote.view))
        self._found += self.watch.voted(vote)
        if vote.view <= self.view or vote.view > self.view + VIEWS_AHEAD:
            return [(sender, self.hello())]
        if vote.place > (0, 0):
            certificate = message.certificate
            named = (vote.highest.view, vote.highest.size, vote.highest.root) if vote.highest else None
            if certificate is None or (certificate.view, certificate.size, certificate.root) != named:
                raise InputError("a vote without the certificate that it names.", where=sender, code="vote")
            certificate.verify(self.chain.of_view(certificate.view))
            self._learn(certificate, now)
        known = self.votes.setdefault(vote.view, {}).get(vote.member)
        if known is None or vote.place > known.place:
            self.votes[vote.view][vote.member] = vote
        return self._start(vote.view, now) + self._follow(now)

    def _follow(self, now: int) -> Out:
        """Vote for the highest view for which more than f members, so one honest at least, have voted."""
        newest: dict[str, int] = {}
        for view, by in self.votes.items():
            for member in by:
                newest[member] = max(view, newest.get(member, 0))
        version = self.chain.of_view(self.view)
        faulty = len(version.active) - version.quorum
        views = sorted(newest.values(), reverse=True)
        if len(views) > faulty and views[faulty] > max(self.signer.floor.promised, self.view):
            return self._vote_for(views[faulty], now)
        return []

    def _start(self, view: int, now: int) -> Out:
        """As chair of a view: start it once the votes suffice."""
        version = self.chain.of_view(view)
        late = view < max(self.view, self.signer.floor.promised)
        if version.chair(view) != self.me or late or view in self.councils or self.signer.held:
            return []
        votes = choose_votes([v for v in self.votes.get(view, {}).values() if self._holds(v)], self.chain, view)
        if votes is None:
            return []
        place = max(vote.place for vote in votes)
        cut = self.certificates.get(place)
        try:
            cut_log = self._cut_log(cut)
        except Missing as missing:
            return [(peer, Want(missing.origin, self._size(missing.origin))) for peer in self.peers]
        base = self._base(cut, cut_log)
        started = ViewStarted(view, base.number, votes, cut)
        started.verify(self.chain)
        self._enter(view)
        return self._extend(CouncilLog(view, version, base), "ViewStarted", started.body(), now)

    def _holds(self, vote: ViewVote) -> bool:
        """Whether the certificate that a vote names is here."""
        if vote.highest is None:
            return True
        certificate = self.certificates.get(vote.place)
        return certificate is not None and certificate.root == vote.highest.root

    # --- Misconduct ---------------------------------------------------------------------------------------------------

    def _contradicted(self, sender: str, log: MemberLog, message: Entries, signed: SignedCheckpoint, now: int) -> Out:
        """Entries or a head of a member's log that contradict the copy here: what that proves, and a rival to fetch."""
        index = log.first_difference(message.start, message.leaves)
        if index is not None:
            log.disowned |= self._prove_fork(log.entries[index], message.leaves[index - message.start])
        self._heads_contradict(log, signed)
        if message.origin not in self.rivals.logs or not self.rivals.expects(message):
            self.rivals.open(log)
            if message.start:
                return [(sender, Want(log.origin, 0))]
        out = self._rival_entries(sender, log, message, signed, now)
        return out or []

    def _rival_entries(
        self, sender: str, log: MemberLog, message: Entries, signed: SignedCheckpoint, now: int
    ) -> Out | None:
        """Entries of a rival log. None once it turns out to be no rival: it and the copy here go together."""
        more = self.rivals.grow(message, signed.checkpoint)
        rival = self.rivals.logs[log.origin]
        adopted = self.rivals.adopt(log, self.shelf.note(log.submitted[-1][2]) if log.submitted else None)
        if adopted is not None:
            self._heads_contradict(log, signed, adopted.tree)
            self.shelf.logs[log.origin] = adopted
            return self._retry(now)
        if more is not None:
            return [(sender, Want(log.origin, more))]
        if log.origin not in self.rivals.wanted:
            del self.rivals.logs[log.origin]
        common = min(log.size, rival.size)
        if log.tree.root(common) == rival.tree.root(common):
            return None
        self._heads_contradict(log, signed, rival.tree)
        return []

    def _prove_fork(self, mine: Entry, leaf: bytes) -> bool:
        """Two entries of one author under one number, unless they differ in their signatures alone."""
        theirs = council_log.parse_entry(leaf)
        self.chain.verify_entry(theirs)
        forked = theirs.id != mine.id and theirs.chain == mine.chain and theirs.seq == mine.seq
        if forked and (mine.author, mine.chain[1]) not in self._forked:
            self._forked.add((mine.author, mine.chain[1]))
            self._found.append(misconduct.author_fork(self.chain, mine, theirs))
        return forked

    def _heads_contradict(
        self, log: MemberLog | CouncilLog, signed: SignedCheckpoint, tree: MemoryHashes | None = None
    ) -> Out:
        """A signed head against the one held here; of a larger one the tree is needed."""
        mine = self.heads.get(log.view) if isinstance(log, CouncilLog) else log.head
        if mine is None:
            return []
        held = read_head(str(mine))[1].size
        if held > log.tree.size or (signed.checkpoint.size > held and tree is None):
            return []
        key = next(v.key for v in signed.verified if v.key.kind == ED25519_LOG and v.key.name == log.origin)
        found = contradiction(self.chain, key, mine, log.tree, signed.note, tree or log.tree)
        if found:
            self._found.append(found)
            if isinstance(log, MemberLog):
                log.disowned = True
        return []

    def _chair_contradicted(
        self, sender: str, log: CouncilLog, message: Entries, index: int, signed: SignedCheckpoint, now: int
    ) -> Out:
        """Entries of a council log that contradict those here; they are taken if they bring a certificate."""
        self._prove_fork(log.entries[index], message.leaves[index - message.start])
        tree = MemoryHashes([leaf_hash(leaf) for leaf in log.leaves[: message.start]])
        for leaf in message.leaves:
            tree.append(leaf_hash(leaf))
        if tree.size == signed.checkpoint.size and tree.root() == signed.checkpoint.root:
            self._heads_contradict(log, signed, tree)
        after = index + 1 - message.start
        if index == log.size - 1 and after < len(message.leaves):
            entry = council_log.parse_entry(message.leaves[after])
            certificate = council_log.parse_batch(entry, log.origin).certificate if entry.type == "Batch" else None
            if certificate is not None and certificate.place == (log.view, log.size):
                certificate.verify(log.version)
                self._learn(certificate, now)
                if self.councils.get(log.view) is not log:
                    return self._handle(sender, message, now)
        return []

    def _compare_overtaken(self, log: CouncilLog) -> None:
        """The entry that a quorum cosigned, against the one held here before: the chair wrote both."""
        old = self._overtaken.get(log.view)
        if old is not None and log.size >= old.seq:
            del self._overtaken[log.view]
            self._prove_fork(old, log.leaves[old.seq - 1])

    def _late(self, log: CouncilLog) -> None:
        """A merge delay that has passed, proved by the certificate that the newest batch carries."""
        batch, head = log.batches[-1], read_head(str(self.heads[log.view]))[1]
        done = (log.chair, f"late {log.view}") in self._forked
        if batch is None or batch.certificate is None or head.size != log.size or done:
            return
        limit = batch.certificate.verify(log.version) - log.version.merge_delay_hours * 3600
        for origin, copy in sorted(self.shelf.logs.items()):
            start, end = batch.cursors.get(origin, 0), min(copy.submitted_size, copy.size)
            for index in copy.council_between(start, end)[:1] if start < end else ():
                proof = copy.proof_of(index)
                if proof is None or proof[1] >= limit or not self._matches(copy, proof):
                    continue
                note = read_head(self.shelf.notes[proof[2]])[0]
                member = TlogProof.make(index, copy.tree, note)
                council = TlogProof.make(log.size - 1, log.tree, self.heads[log.view])
                with suppress(InputError, TrustError, StateError):
                    late = misconduct.merge_delay(self.chain, copy.entries[index], member, log.entries[-1], council)
                    self._found.append(late)
                    self._forked.add((log.chair, f"late {log.view}"))
                return

    def _report(self, now: int) -> Out:
        """Tell the others of the proofs made since the last time."""
        out: Out = []
        while self._found:
            found = self._found.pop(0)
            try:
                out += self._accused(found.data(), now)
            except (InputError, TrustError, StateError, Missing) as error:
                self._refuse(now, self.me, error)
        return out

    def _accused(self, data: bytes, now: int) -> Out:
        """Take a proof: pass it on once, and leave a chair that it names."""
        if sha256(data).hexdigest() in self.accusations:
            return []
        found = Misconduct.parse(data)
        about = (found.accused, found.kind, found.subject())
        same = [a for a in self.accusations.values() if (a.accused, a.kind, a.subject()) == about]
        if len(same) >= PROOFS_MAX:
            return []
        found.check(self.chain.pinned, self.chain)
        self.accusations[found.id] = found
        out: Out = [(peer, Accusation(data)) for peer in self.peers]
        chair = self.chain.of_view(self.view).chair(self.view)
        if found.accused == chair and self._about_view(found) and self.signer.floor.promised == self.view:
            out += self._vote_for(self.view + 1, now)
        return out

    def _about_view(self, found: Misconduct) -> bool:
        """Whether the proof is about the chair's work in the present view."""
        origin = self.chain.last.council_origin(self.view)
        if found.kind in ("same_size", "inconsistent"):
            key = str(found.evidence["key"])
            return key.partition("+")[0] == origin
        if found.kind == "merge_delay":
            return str(found.evidence["council_proof"]).find(f"\n{origin}\n") >= 0
        if found.kind == "author_fork":
            return found.forked_chain() == (found.accused, str(self.view))
        return False

    # --- Names and sizes ----------------------------------------------------------------------------------------------

    def _view_of(self, origin: str) -> int:
        """The view whose council log has that origin; 0 for a member log."""
        stem, _, view = origin.rpartition("/")
        known = stem == f"{self.bloc}/council" and view.isascii() and view.isdecimal() and len(view) < 10
        return int(view) if known else 0

    def _size(self, origin: str) -> int:
        view = self._view_of(origin)
        if view:
            return self.councils[view].size if view in self.councils else 0
        return self.shelf.logs[origin].size if origin in self.shelf.logs else 0


@lru_cache(maxsize=256)  # one moment is asked for with every head that is signed
def utc(seconds: int) -> str:
    """A time in seconds as entries write it."""
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}Z"
