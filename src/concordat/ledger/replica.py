"""One member's part in the protocol, without sockets, files or clock: `handle(sender, message, now)` says what to send.

A replica writes its member's log, witnesses and mirrors the others, chairs when its turn comes, votes for a new view
when it waits too long or holds a proof against the chair, and knows what is final. The node makes its state durable
before it sends what `handle` returned; a message that is lost, repeated or reordered does no harm.

Rules it keeps, in the order in which they are asked: nothing is cosigned that `MemberLog.read`, `CouncilLog.check` or
`check_view_started` refuses; nothing that `Signer` forbids; nothing while its clock is over 120 seconds behind the last
ledger time. What it learns of others' lies becomes a `Misconduct`, once, and goes to all.

One file because the roles share one state, and the order of the rules is the protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from concordat.errors import InputError, StateError, TrustError
from concordat.ledger import council_log, misconduct
from concordat.ledger.council_log import (
    REFS_MAX,
    Batch,
    Certificate,
    CouncilLog,
    ForkedError,
    Missing,
    Progress,
    Ref,
    cosigned_head,
    submission_time,
)
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import ED25519_LOG, Ed25519Secret, VerifierKey
from concordat.ledger.membership import MembershipChain, Point
from concordat.ledger.merkle import MemoryHashes, consistency_proof, leaf_hash
from concordat.ledger.messages import (
    Accusation,
    Certified,
    Cosigned,
    Entries,
    Hello,
    Message,
    Submitted,
    Vote,
    Want,
    WantNote,
)
from concordat.ledger.misconduct import Misconduct
from concordat.ledger.note import Checkpoint, Note, Signature
from concordat.ledger.proof import TlogProof
from concordat.ledger.shelf import MemberLog, Shelf
from concordat.ledger.signer import Signer
from concordat.ledger.views import ViewStarted, ViewVote, check_view_started, choose_votes, patience

CLOCK_BEHIND_S = 120
ENTRIES_MAX = 256  # in one message; more is asked for
RESEND_S = 20
VOTE_AGAIN_S = 300
PROOFS_MAX = 4  # of one kind against one member: more say nothing new
Out = list[tuple[str, Message]]


@dataclass(frozen=True)
class Refusal:
    """Why a message was not taken: the local log of a node."""

    time: int
    sender: str
    what: str


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
        self.own = self.shelf.logs[chain.last.member(self.me).origin]
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
        self._final = (0, 0)
        self._pending: list[str] | None = None
        self._handed: dict[str, int] = {}  # how often a head with a quorum was passed on to the chair
        self._forks: dict[str, str] = {}
        self._stalled: dict[str, Entries] = {}

    # --- What a node asks of it ---------------------------------------------------------------------------------------

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
        if self.own.size < self.signer.size_signed(self.own.origin):
            self.signer.head(self.own.checkpoint(), now, self.own.tree.root)  # raises, with what to do
        entry = Entry.new(
            author=self.me, bloc=self.bloc, membership=self.chain.last.version, person=person, seq=self.own.size + 1,
            prev=self.own.entries[-1].id if self.own.entries else FIRST, scope=scope, ts=utc(now), type=type, body=body,
            secret=secret or self.signer.node, refs=refs,
        )  # fmt: skip
        self.own.append(entry)
        self._pending = None
        return entry, self._publish(now)

    def handle(self, sender: str, message: Message, now: int) -> Out:
        """Take one message; what to send. What can't be taken is kept in `refusals`, and nothing changes."""
        self._pending = None
        try:
            return self._take(sender, message, now)
        except Missing as missing:
            if isinstance(message, Entries):
                self._stalled[sender] = message
            if missing.origin:
                return [(sender, Want(missing.origin, self._size(missing.origin)))]
            return [(sender, WantNote(missing.note))]
        except ForkedError as forked:
            self._forks[forked.origin] = forked.note
            if isinstance(message, Entries):
                self._stalled[sender] = message
            return [(sender, Want(forked.origin, 0))]
        except (InputError, TrustError, StateError) as error:
            self._refuse(now, sender, error)
            return []

    def tick(self, now: int) -> Out:
        """Time has passed: send unfinished work again, ask for a new view if the chair is silent."""
        try:
            return self._tick(now)
        except (InputError, TrustError, StateError, Missing) as error:
            self._refuse(now, self.me, error)
            return []

    def _tick(self, now: int) -> Out:
        out: Out = []
        if now - self.sent >= RESEND_S:
            self.sent = now
            out += self._again(now)
        out += self._propose(now) if self.view in self.councils else self._start(self.view, now)
        waiting = self.pending() or self.signer.floor.promised > self.view
        if not waiting:
            self.since = None
        elif self.since is None:
            self.since = now
        elif now - self.since >= self._patience():
            out += self._vote_for(self.signer.floor.promised + 1, now)
        return out

    def _refuse(self, now: int, sender: str, error: Exception) -> None:
        self.refusals.append(Refusal(now, sender, str(error)))
        del self.refusals[:-1000]

    def hello(self) -> Hello:
        """How far this replica is."""
        sizes = [(o, log.size) for o, log in sorted(self.shelf.logs.items())]
        sizes += [(log.origin, log.size) for _, log in sorted(self.councils.items())]
        submitted = tuple((o, log.submitted_size) for o, log in sorted(self.shelf.logs.items()))
        return Hello(tuple(sizes), submitted, self.highest.place if self.highest else (0, 0), self.view)

    def pending(self) -> list[str]:
        """The origins with submitted work that is not final yet."""
        if self._pending is None:
            self._pending = self._find_pending()
        return self._pending

    def _find_pending(self) -> list[str]:
        view, size = self.final()
        cursors = self.councils[view].progress_at(size).cursors if view else {}
        found = []
        for origin, log in sorted(self.shelf.logs.items()):
            start, end = cursors.get(origin, 0), log.submitted_size
            if end > start and (log.size < end or any(e.scope == "council" for e in log.entries[start:end])):
                found.append(origin)
        return found

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

    def events(self) -> list[tuple[Point, Ref, Entry]]:
        """Every final entry with the batch that took it up, in order."""
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
                return self._wanted(sender, message)
            case WantNote():
                text = self.shelf.note(message.digest)
                return [(sender, Submitted(text))] if text else []
            case Hello():
                return self._greeted(sender, message)

    def _entries(self, sender: str, message: Entries, now: int) -> Out:
        if len(message.leaves) > ENTRIES_MAX:
            raise InputError(f"over {ENTRIES_MAX} entries in one message.", where=sender, code="peer")
        view = self._view_of(message.origin)
        out = self._council_entries(sender, message, view, now) if view else self._member_entries(sender, message, now)
        stalled, self._stalled = self._stalled, {}
        for other, waiting in sorted(stalled.items()):
            out += self.handle(other, waiting, now)
        return out

    def _member_entries(self, sender: str, message: Entries, now: int) -> Out:
        log = self.shelf.logs.get(message.origin)
        if log is None:
            raise TrustError(f"{message.origin} is no member's log.", where=sender, code="origin")
        keys = self.chain.last.member(log.owner).log
        head = cosigned_head(message.head, self.chain.last.member_ring(log.owner)).checkpoint
        if head.origin != message.origin or message.start + len(message.leaves) > head.size:
            raise InputError("entries beyond their head, or of another log.", where=sender, code="peer")
        if message.start > log.size:
            return [(sender, Want(log.origin, log.size))]
        differs = self._first_difference(log, message)
        if differs is None:
            new = log.read(message.start, message.leaves, self.chain)
            for entry in new:
                log.append(entry)
            if head.size > log.size:
                return [(sender, Want(log.origin, log.size))]
            if log.tree.root(head.size) != head.root:
                del log.entries[log.size - len(new) :]
                log.tree.truncate(log.size)
                return self._contradicted(sender, log, message, head, keys, now)
            self._set_head(log, message.head)
            return self._witness(log, head, now)
        return self._contradicted(sender, log, message, head, keys, now)

    def _first_difference(self, log: MemberLog, message: Entries) -> int | None:
        for index in range(message.start, min(log.size, message.start + len(message.leaves))):
            if log.entries[index].leaf != message.leaves[index - message.start]:
                return index
        return None

    def _set_head(self, log: MemberLog, text: str) -> None:
        note = Note.parse(text)
        size = Checkpoint.parse_text(note.text).size
        if log.head is None or Checkpoint.parse_text(log.head.text).size < size:
            log.head = note

    def _witness(self, log: MemberLog, head: Checkpoint, now: int) -> Out:
        """Cosign a member's head, if this log is all that it ever showed us."""
        if log.owner == self.me or log.disowned:
            return []
        size = self.signer.floor.heads.get(("witness", log.origin), (0, b""))[0]
        if head.size < size:
            return []
        lines = self.signer.cosign("witness", head, now, log.tree.root)
        if log.head is not None and log.head.text == head.text():
            log.head = log.head.with_signatures(lines)
        return [(log.owner, Cosigned(log.origin, head.size, head.root, tuple(s.line() for s in lines)))]

    def _publish(self, now: int) -> Out:
        """Sign the own head, witness it oneself, send it to all."""
        head = self.own.checkpoint()
        note = self.signer.head(head, now, self.own.tree.root)
        self.own.head = note
        own = self.signer.cosign("witness", head, now, self.own.tree.root)
        self.open[head.size] = note.with_signatures(own)
        leaf = self.own.entries[-1].leaf
        out: Out = [(peer, Entries(self.own.origin, head.size - 1, (leaf,), str(note))) for peer in self.peers]
        return out + self._own_quorum(head.size, now)

    def _cosigned(self, message: Cosigned, now: int) -> Out:
        signatures = [Signature.parse(line) for line in message.lines[:4]]
        if message.origin == self.own.origin and message.size in self.open:
            note = self.open[message.size].with_signatures(signatures)
            cosigned_head(str(note), self.chain.last.member_ring(self.me))
            self.open[message.size] = note
            return self._own_quorum(message.size, now)
        view = self._view_of(message.origin)
        open_head = self.open_council
        if view == self.view and open_head is not None:
            head = Checkpoint.parse_text(open_head.text)
            if (head.origin, head.size, head.root) == (message.origin, message.size, message.root):
                note = open_head.with_signatures(signatures)
                cosigned_head(str(note), self.chain.of_view(view).council_ring(view))
                self.open_council = note
                return self._council_quorum(now)
        return []

    def _own_quorum(self, size: int, now: int) -> Out:
        try:
            _, time = submission_time(str(self.open[size]), self.chain.of_view(self.view), self.me)
        except TrustError:
            return []
        text = str(self.open[size])
        for other in [s for s in self.open if s <= size]:
            del self.open[other]
        self.own.submit(size, time, self.shelf.keep(text))
        return [(peer, Submitted(text)) for peer in self.peers] + self._propose(now)

    def _submitted(self, sender: str, text: str, now: int) -> Out:
        origin = text.partition("\n")[0]
        if self._view_of(origin):  # a certified council head, asked for by its hash
            self.shelf.keep(text)
            return self._retry(now)
        log = self.shelf.logs.get(origin)
        if log is None:
            raise TrustError(f"{origin[:60]} is no member's log.", where=sender, code="origin")
        head, time = submission_time(text, self.chain.of_view(self.view), log.owner)
        log.submit(head.size, time, self.shelf.keep(text))
        out: Out = []
        if log.size < head.size:
            out.append((sender, Want(origin, log.size)))
        elif log.tree.root(head.size) != head.root:
            raise ForkedError(origin, text)
        return out + self._propose(now) + self._retry(now)

    def _retry(self, now: int) -> Out:
        stalled, self._stalled = self._stalled, {}
        return [item for other, waiting in sorted(stalled.items()) for item in self.handle(other, waiting, now)]

    # --- Council log --------------------------------------------------------------------------------------------------

    def _propose(self, now: int) -> Out:
        """As chair: the next batch, once the one before is agreed and there is something to say."""
        log = self.councils.get(self.view)
        if log is None or log.chair != self.me or self.signer.floor.promised > self.view:
            return []
        if log.size and (self.view, log.size) not in self.certificates:
            return []
        refs, cursors = self._refs(log.progress_at(log.size))
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
        for origin, log in sorted(self.shelf.logs.items()):
            for index in range(cursors.get(origin, 0), min(log.submitted_size, log.size)):
                if log.entries[index].scope == "council":
                    proof = log.proof_of(index)
                    if len(refs) == REFS_MAX or proof is None or not self._matches(log, proof):
                        break
                    refs.append(Ref(origin, index, leaf_hash(log.entries[index].leaf).hex(), proof[2], proof[1]))
                    cursors[origin] = index + 1
        return refs, cursors

    def _matches(self, log: MemberLog, proof: tuple[int, int, str]) -> bool:
        """Whether the copy here is the log that a head with a quorum names."""
        size, _, digest = proof
        text = self.shelf.note(digest)
        assert text is not None
        return size <= log.size and log.tree.root(size) == Checkpoint.parse_text(Note.parse(text).text).root

    def _extend(self, log: CouncilLog, type: str, body: Mapping[str, Any], now: int) -> Out:  # noqa: A002
        """As chair: write an entry, sign the head, cosign it as a mirror, send it to all."""
        entry = Entry.new(
            author=self.me, bloc=self.bloc, membership=log.version.version, person="node", seq=log.size + 1,
            prev=log.entries[-1].id if log.entries else FIRST, scope="order", ts=utc(now), type=type, body=body,
            secret=self.signer.node,
        )  # fmt: skip
        if now + CLOCK_BEHIND_S < log.progress_at(log.size).time:
            raise StateError("this node's clock is behind.", where=log.origin, code="clock")
        if log.size < self.signer.size_signed(log.origin):
            what = f"the copy here has {log.size} entries; this node has signed {self.signer.size_signed(log.origin)}."
            raise StateError(what, where=log.origin, code="rollback")
        if type == "Batch":
            log.append(*log.check(entry.leaf, self.chain, self.shelf))
        else:
            cut_log = self.councils.get(ViewStarted.parse(body, log.origin).cut.view) if body["cut"] else None  # type: ignore[union-attr]
            _, started, progress = check_view_started(log, entry.leaf, self.chain, cut_log)
            log.append(entry, None, progress)
            log.cut = started.cut.place if started.cut else (0, 0)
        self.councils[log.view] = log
        head = Checkpoint(log.origin, log.size, log.tree.root())
        note = self.signer.head(head, now, log.tree.root)
        self.heads[log.view] = note
        lines = self.signer.cosign("mirror", head, now, log.tree.root, log.view)
        self.open_council = note.with_signatures(lines)
        out: Out = [(peer, Entries(log.origin, log.size - 1, (entry.leaf,), str(note))) for peer in self.peers]
        return out + self._council_quorum(now)

    def _council_quorum(self, now: int) -> Out:
        assert self.open_council is not None
        text = str(self.open_council)
        certificate = Certificate.of_note(text, self.chain.of_view(self.view), self.view)
        if certificate is None or certificate.place in self.certificates:
            return []
        self.shelf.keep(text)
        self._learn(certificate, now)
        return [(peer, Certified(certificate, text)) for peer in self.peers] + self._propose(now)

    def _learn(self, certificate: Certificate, now: int) -> None:
        """A certificate that was verified."""
        if certificate.place not in self.certificates:
            self.certificates[certificate.place] = certificate
            self._settle(certificate.view)
        if self.highest is None or certificate.place > self.highest.place:
            self.highest = certificate
            self.since = now if self.since is not None else None

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
                self._pending = None
                return

    def _certified(self, sender: str, message: Certified, now: int) -> Out:
        certificate = message.certificate
        certificate.verify(self.chain.of_view(certificate.view))
        if message.note and sha256(message.note.encode()).hexdigest() == certificate.note:
            self.shelf.keep(message.note)
        self._learn(certificate, now)
        log = self.councils.get(certificate.view)
        if log is None or log.size < certificate.size:
            origin = self.chain.last.council_origin(certificate.view)
            return [(sender, Want(origin, log.size if log else 0))]
        return []

    def _council_entries(self, sender: str, message: Entries, view: int, now: int) -> Out:
        version = self.chain.of_view(view)
        head = cosigned_head(message.head, version.council_ring(view)).checkpoint
        if head.origin != message.origin or message.start + len(message.leaves) > head.size:
            raise InputError("entries beyond their head, or of another log.", where=sender, code="peer")
        log = self.councils.get(view)
        if log is None:
            if message.start or not message.leaves:
                return [(sender, Want(message.origin, 0))]
            log = self._new_view(view, message.leaves[0], now)
        if message.start > log.size:
            return [(sender, Want(log.origin, log.size))]
        for index in range(message.start, min(log.size, message.start + len(message.leaves))):
            if log.leaves[index] != message.leaves[index - message.start]:
                return self._chair_contradicted(sender, log, message, head, now)
        for leaf in message.leaves[log.size - message.start :]:
            entry, batch, progress = log.check(leaf, self.chain, self.shelf)
            log.append(entry, batch, progress)
            if log.size == head.size and log.tree.root() != head.root:
                self._undo(log)
                raise TrustError("the head is not of these entries.", where=sender, code="head")
            if batch and batch.certificate:
                self._learn(batch.certificate, now)
        self._settle(view)
        if log.size < head.size:
            return [(sender, Want(log.origin, log.size))]
        if log.tree.root(head.size) != head.root:
            return self._chair_contradicted(sender, log, message, head, now)
        if view not in self.heads or Checkpoint.parse_text(self.heads[view].text).size < head.size:
            self.heads[view] = Note.parse(message.head)
        return self._late(log, now) + self._mirror(log, head, now)

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
        cut_log = self._cut_log(started.cut)
        log = CouncilLog(view, self.chain.of_view(view), self._base(started.cut, cut_log))
        entry, started, progress = check_view_started(log, leaf, self.chain, cut_log)
        log.append(entry, None, progress)
        self.councils[view] = log
        if started.cut:
            log.cut = started.cut.place
            self._learn(started.cut, now)
        if view > self.view:
            self._enter(view)
        return log

    def _cut_log(self, cut: Certificate | None) -> CouncilLog | None:
        if cut is None:
            return None
        log = self.councils.get(cut.view)
        if log is None or log.size < cut.size:
            raise Missing(self.chain.last.council_origin(cut.view), cut.size)
        return log

    def _base(self, cut: Certificate | None, log: CouncilLog | None) -> Progress:
        return log.progress_at(cut.size) if cut and log else Progress()

    def _enter(self, view: int) -> None:
        self.view = view
        self.since = None
        self.open_council = None
        self.signer.promise(view)

    def _mirror(self, log: CouncilLog, head: Checkpoint, now: int) -> Out:
        """Cosign a council head, unless a later view was promised or the clock is behind."""
        if log.chair == self.me or log.view < self.signer.floor.promised:
            return []
        if now + CLOCK_BEHIND_S < log.progress_at(head.size).time:
            behind = log.progress_at(head.size).time - now
            raise StateError(f"this node's clock is {behind} s behind the ledger.", where=log.origin, code="clock")
        size = self.signer.floor.heads.get(("mirror", log.origin), (0, b""))[0]
        if head.size < size:
            return []
        lines = self.signer.cosign("mirror", head, now, log.tree.root, log.view)
        if self.heads[log.view].text == head.text():
            self.heads[log.view] = self.heads[log.view].with_signatures(lines)
        return [(log.chair, Cosigned(log.origin, head.size, head.root, tuple(s.line() for s in lines)))]

    # --- Views --------------------------------------------------------------------------------------------------------

    def _patience(self) -> int:
        agreed = self.highest.view if self.highest else 1
        return patience(self.signer.floor.promised - max(1, agreed))

    def _vote_for(self, view: int, now: int) -> Out:
        vote = self.signer.vote(self.bloc, view, self.highest)
        self.since = self.voted = now
        self.votes.setdefault(view, {})[self.me] = vote
        message = Vote(vote.data, self.highest)
        return [(peer, message) for peer in self.peers] + self._start(view, now)

    def _voted(self, sender: str, message: Vote, now: int) -> Out:
        vote = ViewVote.parse(message.vote)
        vote.verify(self.chain.of_view(vote.view))
        if vote.view <= self.view or vote.view > self.view + 64:
            return self._wanted(sender, Want(self.chain.last.council_origin(self.view), 0))
        if vote.place > (0, 0):
            certificate = message.certificate
            if certificate is None or certificate.place != vote.place:
                raise InputError("a vote without the certificate that it names.", where=sender, code="vote")
            certificate.verify(self.chain.of_view(certificate.view))
            self._learn(certificate, now)
        known = self.votes.setdefault(vote.view, {}).get(vote.member)
        if known is None or vote.place > known.place:
            self.votes[vote.view][vote.member] = vote
        out = self._start(vote.view, now)
        version = self.chain.of_view(self.view)
        faulty = len(version.active) - version.quorum
        newest = sorted((max(v for v, by in self.votes.items() if m in by) for m in self._voters()), reverse=True)
        if len(newest) > faulty and newest[faulty] > self.signer.floor.promised:
            out += self._vote_for(newest[faulty], now)
        return out

    def _voters(self) -> set[str]:
        return {m for view, by in self.votes.items() if view > self.view for m in by}

    def _start(self, view: int, now: int) -> Out:
        """As chair of a view: start it once the votes suffice."""
        version = self.chain.of_view(view)
        if version.chair(view) != self.me or view < self.view or view in self.councils:
            return []
        votes = choose_votes(list(self.votes.get(view, {}).values()), self.chain, view)
        if votes is None:
            return []
        best = max(votes, key=lambda vote: vote.place)
        cut = self.certificates.get(best.place) if best.highest else None
        try:
            cut_log = self._cut_log(cut)
        except Missing as missing:
            return [(peer, Want(missing.origin, self._size(missing.origin))) for peer in self.peers]
        log = CouncilLog(view, version, self._base(cut, cut_log))
        number = self._base(cut, cut_log).number
        self._enter(view)
        return self._extend(log, "ViewStarted", ViewStarted(view, number, votes, cut).body(), now)

    # --- Misconduct ---------------------------------------------------------------------------------------------------

    def _contradicted(
        self, sender: str, log: MemberLog, message: Entries, head: Checkpoint, keys: Iterable[VerifierKey], now: int
    ) -> Out:
        """A head of a member's log that contradicts the copy here: a proof, once its tree is whole here."""
        if log.head is None:
            return []
        tree = MemoryHashes([leaf_hash(e.leaf) for e in log.entries[: message.start]])
        for leaf in message.leaves:
            tree.append(leaf_hash(leaf))
        whole = tree.size == head.size and tree.root() == head.root
        if not whole:
            return [(sender, Want(log.origin, 0))] if message.start else []
        key = next(k for k in keys if k.kind == ED25519_LOG)
        out = self._prove(key, log.head, log.tree, Note.parse(message.head), tree, now)
        log.disowned = True
        quorum = self._forks.get(log.origin)
        if quorum and message.start == 0:
            wanted = Checkpoint.parse_text(Note.parse(quorum).text)
            if wanted.size <= tree.size and tree.root(wanted.size) == wanted.root:
                fresh = MemberLog(log.origin, log.owner, disowned=True, submitted=log.submitted)
                for entry in fresh.read(0, message.leaves, self.chain):
                    fresh.append(entry)
                fresh.head = Note.parse(message.head)
                self.shelf.logs[log.origin] = fresh
                del self._forks[log.origin]
        return out

    def _chair_contradicted(self, sender: str, log: CouncilLog, message: Entries, head: Checkpoint, now: int) -> Out:
        """Two council heads of one chair that contradict each other."""
        tree = MemoryHashes([leaf_hash(leaf) for leaf in log.leaves[: message.start]])
        for leaf in message.leaves:
            tree.append(leaf_hash(leaf))
        if tree.size != head.size or tree.root() != head.root:
            return [(sender, Want(log.origin, 0))] if message.start else []
        key = self.chain.of_view(log.view).council_keys(log.view)[0]
        if log.view not in self.heads:
            return []
        return self._prove(key, self.heads[log.view], log.tree, Note.parse(message.head), tree, now)

    def _prove(
        self, key: VerifierKey, mine: Note, my_tree: MemoryHashes, other: Note, other_tree: MemoryHashes, now: int
    ) -> Out:
        a, b = Checkpoint.parse_text(mine.text), Checkpoint.parse_text(other.text)
        if a.size == b.size:
            link = None
            pair = (mine, other)
            if a.root == b.root:
                return []
        else:
            pair = (mine, other) if a.size < b.size else (other, mine)
            small, big, tree = (a, b, other_tree) if a.size < b.size else (b, a, my_tree)
            old_root = tree.root(small.size)
            if old_root == small.root:
                return []
            link = (old_root, consistency_proof(small.size, big.size, tree))
        return self._accuse(misconduct.same_key_contradiction(self.chain, key, *pair, link), now)

    def _late(self, log: CouncilLog, now: int) -> Out:
        """A merge delay that has passed, proved by the certificate that the newest batch carries."""
        batch = log.batches[-1]
        if batch is None or batch.certificate is None:
            return []
        limit = batch.certificate.verify(log.version) - log.version.merge_delay_hours * 3600
        for origin, copy in sorted(self.shelf.logs.items()):
            start = batch.cursors.get(origin, 0)
            for index in range(start, min(copy.submitted_size, copy.size)):
                proof = copy.proof_of(index)
                if copy.entries[index].scope != "council" or proof is None or proof[1] >= limit:
                    continue
                text = self.shelf.note(proof[2])
                assert text is not None
                member = TlogProof.make(index, copy.tree, Note.parse(text))
                council = TlogProof.make(log.size - 1, log.tree, self.heads[log.view])
                found = misconduct.merge_delay(self.chain, copy.entries[index], member, log.entries[-1], council)
                return self._accuse(found, now)
        return []

    def _accuse(self, found: Misconduct, now: int) -> Out:
        if found.id in self.accusations:
            return []
        return self._accused(found.data(), now)

    def _accused(self, data: bytes, now: int) -> Out:
        """Take a proof: pass it on once, and leave a chair that it names."""
        found = Misconduct.parse(data)
        same = [a for a in self.accusations.values() if (a.accused, a.kind) == (found.accused, found.kind)]
        if found.id in self.accusations or len(same) >= PROOFS_MAX:
            return []
        found.check(self.chain.pinned)
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
            return str(found.evidence["notes"][0]).partition("\n")[0] == origin
        if found.kind == "merge_delay":
            return str(found.evidence["council_proof"]).find(f"\n{origin}\n") >= 0
        return False

    # --- Catching up --------------------------------------------------------------------------------------------------

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

    def _wanted(self, sender: str, message: Want) -> Out:
        view = self._view_of(message.origin)
        if view:
            log, head = self.councils.get(view), self.heads.get(view)
            if log is None or head is None or log.size <= message.start:
                return []
            stop = min(message.start + ENTRIES_MAX, Checkpoint.parse_text(head.text).size)
            return [(sender, Entries(log.origin, message.start, tuple(log.leaves[message.start : stop]), str(head)))]
        copy = self.shelf.logs.get(message.origin)
        if copy is None or copy.head is None or copy.size <= message.start:
            return []
        stop = min(message.start + ENTRIES_MAX, Checkpoint.parse_text(copy.head.text).size)
        leaves = tuple(e.leaf for e in copy.entries[message.start : stop])
        return [(sender, Entries(copy.origin, message.start, leaves, str(copy.head)))]

    def _greeted(self, sender: str, hello: Hello) -> Out:
        """Send what the other lacks, and ask for what it has more of."""
        theirs, known = dict(hello.sizes), dict(hello.submitted)
        out: Out = []
        for origin, log in sorted(self.shelf.logs.items()):
            if log.size > theirs.get(origin, 0):
                out += self._wanted(sender, Want(origin, theirs.get(origin, 0)))
            elif log.size < theirs.get(origin, 0):
                out.append((sender, Want(origin, log.size)))
            if log.submitted_size > known.get(origin, 0):
                text = self.shelf.note(log.submitted[-1][2])
                out += [(sender, Submitted(text))] if text else []
        for _, council in sorted(self.councils.items()):
            if council.size > theirs.get(council.origin, 0):
                out += self._wanted(sender, Want(council.origin, theirs.get(council.origin, 0)))
            elif council.size < theirs.get(council.origin, 0):
                out.append((sender, Want(council.origin, council.size)))
        if hello.view > self.view:
            out.append((sender, Want(self.chain.last.council_origin(hello.view), 0)))
        if self.highest and self.highest.place > hello.certified:
            out.append((sender, Certified(self.highest, self.shelf.note(self.highest.note) or "")))
        return out

    def _again(self, now: int) -> Out:
        """What is unfinished, once more."""
        out: Out = []
        if self.open and self.own.head is not None:
            size = max(self.open)
            signed = {s.name for s in self.open[size].signatures}
            names = self.chain.last.witness_names
            behind = [m for name, m in names.items() if name not in signed and m != self.me]
            leaf = (self.own.entries[-1].leaf,)
            out += [(m, Entries(self.own.origin, self.own.size - 1, leaf, str(self.own.head))) for m in behind]
        log = self.councils.get(self.view)
        chair = self.chain.of_view(self.view).chair(self.view)
        for origin in self.pending() if chair != self.me else []:
            digest = self.shelf.logs[origin].submitted[-1][2]
            if origin == self.own.origin or self._handed.get(digest, 0) < 2:
                self._handed[digest] = self._handed.get(digest, 0) + 1
                text = self.shelf.note(digest)
                out += [(chair, Submitted(text))] if text else []
        if chair != self.me and self.own.origin in self.pending():
            out.append((chair, self.hello()))
        if self.open_council is not None and log is not None and log.chair == self.me:
            if (self.view, log.size) not in self.certificates:
                signed = {s.name for s in self.open_council.signatures}
                names = self.chain.of_view(self.view).mirror_names
                behind = [m for name, m in names.items() if name not in signed and m != self.me]
                head = str(self.heads[self.view])
                out += [(m, Entries(log.origin, log.size - 1, (log.leaves[-1],), head)) for m in behind]
            elif self.highest:
                out += [(peer, Certified(self.highest, "")) for peer in self.peers] if self.pending() else []
        promised = self.signer.floor.promised
        if promised > self.view and self.me in self.votes.get(promised, {}) and now - self.voted >= VOTE_AGAIN_S:
            self.voted = now
            message = Vote(self.votes[promised][self.me].data, self._named(self.votes[promised][self.me]))
            out += [(peer, message) for peer in self.peers]
        return out

    def _named(self, vote: ViewVote) -> Certificate | None:
        return self.certificates.get(vote.place) if vote.highest else None


def utc(seconds: int) -> str:
    """A time in seconds as entries write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
