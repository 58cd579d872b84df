"""One round with one peer, as a state machine without sockets, files or clock.

    idle -> heads -> tiles -> verify -> cosign -> compare -> idle;  any failure -> waiting

`heads` asks what the peer knows. `tiles` fetches what is missing here: notes, ranges of logs checked against their
heads (`log_fetch`), votes, proofs of misconduct. `verify` hands what came to the replica, which checks every signature,
stores and cosigns; `cosign` fetches what the replica asked for in reply. `compare` puts the state hashes of the highest
common final batch side by side, and bisects to the first that differs.

The driver performs what `asks` gives, hands the answers to `take`, the messages of `deliver` to the replica, and the
replies to `delivered`. Bounds: 64 requests a round, wherever they come from; what is left waits for the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256

from concordat.errors import ConcordatError, InputError, TrustError
from concordat.ledger.council_log import Certificate, parse_batch, parse_entry, read_head
from concordat.ledger.membership import MembershipChain
from concordat.ledger.messages import Accusation, Certified, Cosigned, Message, Submitted, Vote, Want, WantNote
from concordat.ledger.note import Note
from concordat.ledger.views import ViewVote
from concordat.node.heads import HeadLine, Heads
from concordat.node.log_fetch import LogFetch, Piece, Stand
from concordat.node.outbound import PeerLimitError

REQUESTS_MAX = 64
WAIT_MAX_S = 600.0
COSIGN_TURNS_MAX = 8
NOTES_MAX = 128  # in one request
# In which order the replica is given what came: whose entries must be here comes before who names them.
MEMBER_LOGS, NOTES, COUNCILS, REST = 1, 2, 10, 10**12


class State(Enum):
    """Where a round stands."""

    IDLE = "idle"
    HEADS = "heads"
    TILES = "tiles"
    VERIFY = "verify"
    COSIGN = "cosign"
    COMPARE = "compare"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Get:
    """What to fetch of a peer: `heads`; `checkpoint` or `piece` of a log; `vote`, `misconduct`, `state` by key;
    `notes` by their SHA-256, many in one request."""

    what: str
    origin: str = ""
    piece: Piece | None = None
    key: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """What is held here, as far as a peer's heads speak of it.

    Attributes:
        chain: the membership. me: this member. own: the origin of its log. signed: the largest size that its log keys
            have signed.
        stands: how much of each log is held. roots: (origin, size) -> root, for sizes that the peer named.
        settled: digests of notes whose cosignatures are all here.
        notes, votes, accusations: what is known. certified: place of the highest certificate.
        chairing: origin of the council log that this member chairs, or empty. wanting: origins whose newest head lacks
            cosignatures that this member collects.
        states: state hash of each folded final batch by (view, number of the batch).
    """

    chain: MembershipChain
    me: str
    own: str
    stands: Mapping[str, Stand]
    roots: Mapping[tuple[str, int], bytes]
    notes: Collection[str]
    votes: Collection[str]
    accusations: Collection[str]
    certified: tuple[int, int]
    wanting: Collection[str]
    states: Mapping[int, str]
    batch: int


@dataclass
class _Round:
    """What belongs to one round."""

    left: int = REQUESTS_MAX
    asks: list[Get] = field(default_factory=list)
    open: int = 0
    fetches: dict[str, LogFetch] = field(default_factory=dict)
    messages: list[tuple[int, Message]] = field(default_factory=list)
    turns: int = 0
    low: int = 0
    high: int = 0
    asked: set[Get] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)
    skipped: bool = False


def is_blame(error: ConcordatError) -> bool:
    """Whether a failure is the peer's own: a broken limit or proof, and no silence."""
    return isinstance(error, (PeerLimitError, TrustError, InputError))


class PeerMachine:
    """The rounds with one peer.

    Args:
        peer: its member id. sync_every_s: seconds between rounds. draw: a number in [0.5, 1.5] for each wait.
    """

    def __init__(self, peer: str, sync_every_s: float, draw: Callable[[], float]) -> None:
        self.peer, self._every, self._draw = peer, sync_every_s, draw
        self.state = State.IDLE
        self.failures = 0
        self.next_at = 0.0
        self.last_contact: float | None = None
        self._heard, self._heard_in_vain = float("-inf"), 0
        self.note = ""  # the last thing that went wrong, in words
        self.blamed = False  # it broke a limit or a proof
        self.heads: Heads | None = None
        self.held: Held | None = None
        self.difference: int | None = None  # number of the first batch at which the states differ
        self._round = _Round()

    # --- When ---------------------------------------------------------------------------------------------------------

    def may_begin(self, now: float) -> bool:
        """Whether a round may begin."""
        return self.state in (State.IDLE, State.WAITING) and now >= self.next_at

    @property
    def in_round(self) -> bool:
        """Whether a round runs."""
        return self.state not in (State.IDLE, State.WAITING)

    def hurry(self, now: float) -> None:
        """There may be news: the next round begins at once, unless the peer has to wait."""
        if self.state is State.IDLE:
            self.next_at = min(self.next_at, now)

    def heard(self, now: float) -> bool:
        """The peer has asked us for something, so it is up: a wait for its silence ends.

        For a peer that reaches us and can't be reached, that is once in a usual interval at first, and then in waits
        that double like any other. Who broke a limit or a proof waits on.
        """
        wait = min(WAIT_MAX_S, self._every * 2.0 ** min(self._heard_in_vain, 16))
        if self.state is not State.WAITING or self.blamed or now < self._heard + wait:
            return False
        self._heard, self.next_at = now, min(self.next_at, now)
        self._heard_in_vain += 1
        return True

    def begin(self, now: float) -> None:
        """A round begins."""
        assert self.may_begin(now)
        self.state = State.HEADS
        self._round = _Round()
        self.held = None
        self._ask(Get("heads"))

    def fail(self, error: ConcordatError, now: float) -> None:
        """The round ends in a failure; the peer waits."""
        self.failures += 1
        blamed = is_blame(error)
        wait = min(WAIT_MAX_S, self._every * 2.0 ** min(self.failures, 16)) * self._draw()
        self.next_at = now + (WAIT_MAX_S if blamed else wait)
        self.blamed, self.note = blamed, str(error)
        self.state = State.WAITING

    def finish(self, now: float) -> None:
        """The round is over."""
        self.failures, self.blamed, self.note, self._heard_in_vain = 0, False, "", 0
        self.last_contact = now
        self.next_at = now + self._every
        self.state = State.IDLE

    def same(self, now: float) -> None:
        """The peer says that nothing has changed since the last round."""
        self._round.open -= 1
        self.finish(now)

    # --- What to fetch ------------------------------------------------------------------------------------------------

    def asks(self) -> list[Get]:
        """What to fetch now; each has to be answered by `take`, or the round by `fail`."""
        found, self._round.asks = self._round.asks, []
        self._round.open += len(found)
        return found

    def _ask(self, *gets: Get) -> None:
        for get in gets:
            if self._round.left > 0 and get not in self._round.asked:
                self._round.left -= 1
                self._round.asked.add(get)
                self._round.asks.append(get)

    def take(self, get: Get, data: bytes) -> None:
        """An answer has come.

        Raises:
            InputError, TrustError: it is not what it must be; the driver ends the round with `fail`.
        """
        self._round.open -= 1
        if get.what == "heads":
            self.heads = Heads.parse(data, self.peer)
            return
        assert self.held is not None
        if get.what == "checkpoint":
            self._checkpoint(get.origin, data)
        elif get.what == "piece":
            assert get.piece is not None
            self._piece(get.origin, get.piece, data)
        elif get.what == "state":
            self._state(int(get.key), data)
        else:
            self._paper(get, data)

    def known(self, held: Held, busy: Collection[str] = ()) -> None:
        """What is held here, after the peer's heads: the round goes on to `tiles`.

        Args:
            busy: logs that a round with another peer is fetching just now.

        Raises:
            TrustError: the heads are of another bloc or member.
        """
        assert self.state is State.HEADS
        assert self.heads is not None
        if (self.heads.bloc, self.heads.member) != (held.chain.last.bloc, self.peer):
            what = f"it says it is {self.heads.member} of {self.heads.bloc}."
            raise TrustError(what, where=self.peer, hint="Look at its address under peers.", code="other_peer")
        self.held = held
        self.state = State.TILES
        for line in self.heads.logs:
            if line.origin in held.stands and self._interesting(line):
                if line.origin in busy:
                    self._round.skipped = True
                else:
                    self._ask(Get("checkpoint", line.origin))
        wanted = [digest for _, _, digest in self.heads.submitted]
        if self.heads.certified and self.heads.certified[:2] > held.certified:
            wanted.append(self.heads.certified[2])
        self._ask_notes(wanted)
        self._ask(*(Get("vote", key=v) for v in self.heads.votes if v not in held.votes))
        self._ask(*(Get("misconduct", key=a) for a in self.heads.accusations if a not in held.accusations))

    def _ask_notes(self, digests: Sequence[str]) -> None:
        """Notes that are not here and were not asked for in this round."""
        assert self.held is not None
        fresh = [d for d in dict.fromkeys(digests) if d not in self.held.notes and d not in self._round.notes]
        self._round.notes.update(fresh)
        for i in range(0, len(fresh), NOTES_MAX):
            self._ask(Get("notes", keys=tuple(fresh[i : i + NOTES_MAX])))

    def _interesting(self, line: HeadLine) -> bool:
        """More than is held, something else than is held, or cosignatures that are being collected."""
        assert self.held is not None
        stand = self.held.stands[line.origin]
        if line.size > stand.size:
            return True
        if self.held.roots.get((line.origin, line.size), bytes(32)).hex() != line.root:
            return True
        return line.origin in self.held.wanting and line.size == stand.size

    def _checkpoint(self, origin: str, data: bytes) -> None:
        """The head of a log: a range to fetch, and cosignatures."""
        assert self.held is not None
        note = Note.parse(data, f"{self.peer}, {origin}")
        head = read_head(str(note))[1]
        if head.origin != origin or not head.size:
            raise PeerLimitError(f"the head is of {head.origin[:80]}.", where=self.peer, code="origin")
        lines = [s.line() for s in note.signatures if s.name != origin]
        if origin in self.held.wanting:
            for i in range(0, len(lines), 4):
                self._say(REST, Cosigned(origin, head.size, head.root, tuple(lines[i : i + 4])))
        stand = self.held.stands[origin]
        same = self.held.roots.get((origin, head.size)) == head.root
        if head.size <= stand.size and same:
            return
        whole = head.size <= stand.size and (origin, head.size) in self.held.roots
        fetch = LogFetch(str(note), stand, self._round.left, whole=whole, where=f"{self.peer}, {origin}")
        self._round.fetches[origin] = fetch
        self._ask(*(Get("piece", origin, piece) for piece in fetch.ask()))

    def _piece(self, origin: str, piece: Piece, data: bytes) -> None:
        fetch = self._round.fetches[origin]
        fetch.give(piece, data)
        assert self.held is not None
        stem, _, view = origin.rpartition("/")
        council = stem == f"{self.held.chain.last.bloc}/council"
        for message in fetch.ready():
            self._say(COUNCILS + int(view) if council else MEMBER_LOGS, message)
            if council:
                self._ask_notes(notes_named(message.leaves))
        self._ask(*(Get("piece", origin, more) for more in fetch.ask()))

    def take_notes(self, get: Get, messages: Sequence[Message]) -> None:
        """Notes have come, those that the peer has.

        Raises:
            PeerLimitError: one that was not asked for.
        """
        self._round.open -= 1
        for message in messages:
            if not isinstance(message, Submitted):
                continue
            if sha256(message.note.encode()).hexdigest() not in get.keys:
                raise PeerLimitError("a note that was not asked for.", where=self.peer, code="hash")
            self._note(Note.parse(message.note, self.peer))

    def absent(self, get: Get) -> None:
        """The peer has no such file any more, or not yet: the round goes on without.

        Raises:
            PeerLimitError: it named the file itself a moment ago, and without it nothing can be verified.
        """
        if get.what in ("heads", "piece"):
            raise PeerLimitError("a file that its head needs is missing.", where=self.peer, code="missing")
        self._round.open -= 1

    def _paper(self, get: Get, data: bytes) -> None:
        """A vote or proof that was asked for by its hash.

        Raises:
            PeerLimitError: another one.
        """
        assert self.held is not None
        if sha256(data).hexdigest() != get.key:
            raise PeerLimitError(f"not the {get.what} that was asked for.", where=self.peer, code="hash")
        if get.what == "misconduct":
            self._say(REST + 2, Accusation(data))
        else:
            self._say(REST + 1, Vote(ViewVote.parse(data, self.peer).data, None))

    def _note(self, note: Note) -> None:
        assert self.held is not None
        stem, _, number = note.text.partition("\n")[0].rpartition("/")
        if stem != f"{self.held.chain.last.bloc}/council":
            self._say(NOTES, Submitted(str(note)))
            return
        view = int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 0
        certificate = Certificate.of_note(str(note), self.held.chain.of_view(view), view) if view else None
        if certificate is None:
            self._say(NOTES, Submitted(str(note)))
        else:
            self._say(REST, Certified(certificate, str(note)))

    def _say(self, order: int, message: Message) -> None:
        self._round.messages.append((order, message))

    # --- Handing over -------------------------------------------------------------------------------------------------

    def deliver(self) -> list[Message] | None:
        """The messages for the replica once nothing is under way; None while something is."""
        if self.state is State.HEADS or self._round.open or self._round.asks:
            return None
        if self.state is State.TILES:
            self.state = State.VERIFY
        found = [message for _, message in sorted(self._round.messages, key=lambda item: item[0])]
        self._round.messages.clear()
        return found

    def delivered(self, replies: Sequence[Message], held: Held) -> None:
        """The replica took what was handed over; what it asks this peer for in reply is fetched."""
        self.held = held
        self._round.turns += 1
        if self.state is State.VERIFY:
            self.state = State.COSIGN
        if self._round.turns <= COSIGN_TURNS_MAX:
            for message in replies:
                if isinstance(message, WantNote):
                    self._ask_notes([message.digest])
                elif isinstance(message, Want) and message.origin in held.stands:
                    self._ask(Get("checkpoint", message.origin))
        if not self._round.asks and self.state is State.COSIGN:
            self.state = State.COMPARE
            self._compare()

    # --- Comparing ----------------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        """Ask for the state hash at the highest batch that is final at both."""
        assert self.held is not None
        assert self.heads is not None
        common = min(self.heads.batch, self.held.batch)
        self.difference = None
        if common < 1 or not self.heads.state or common not in self.held.states:
            return
        if common == self.heads.batch:
            self._compared(common, self.heads.state)
        else:
            self._ask(Get("state", key=str(common)))

    def _state(self, number: int, data: bytes) -> None:
        found = data.decode("ascii", "replace").strip()
        if len(found) != 64:
            raise PeerLimitError("no state hash.", where=self.peer, code="state")
        self._compared(number, found)

    def _compared(self, number: int, theirs: str) -> None:
        """One comparison: equal ends it at once, a difference is bisected to the first batch that differs.

        Raises:
            TrustError: names that batch.
        """
        assert self.held is not None
        now = self._round
        same = self.held.states.get(number) == theirs
        if now.high == 0:
            if same:
                return
            now.low, now.high = 0, number  # equal at low (before the first batch), different at high
        elif same:
            now.low = number
        else:
            now.high = number
        known = [n for n in range(now.low + 1, now.high) if n in self.held.states]
        if not known:
            self.difference = now.high
            what = f"the states of {self.peer} and this node differ from batch {now.high} on."
            hint = "Compare the programs' versions, then: concordat node verify"
            raise TrustError(what, where=f"batch {now.high}", hint=hint, code="state_differs")
        now.left = max(now.left, 1)
        self._ask(Get("state", key=str(known[len(known) // 2])))

    @property
    def complete(self) -> bool:
        """Whether everything that the peer's heads named was fetched: nothing is left for the next round."""
        fetched = all(fetch.done for fetch in self._round.fetches.values())
        return self._round.left > 0 and self._round.turns <= COSIGN_TURNS_MAX and fetched and not self._round.skipped


def notes_named(leaves: Sequence[bytes]) -> list[str]:
    """The notes that batches name as proof of their references, and those of the certificates inside them."""
    found = []
    for leaf in leaves:
        try:
            entry = parse_entry(leaf)
            batch = parse_batch(entry, "batch") if entry.type == "Batch" else None
        except ConcordatError:  # the replica says what is wrong with it
            continue
        if batch is not None:
            found += [ref.proof for ref in batch.refs]
            found += [batch.certificate.note] if batch.certificate else []
    return found
