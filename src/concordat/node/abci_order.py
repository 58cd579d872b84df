"""Which entries may stand in a block, and in which order: the rules that every replica under an engine shares.

A transaction is one signed envelope. It may be taken up if it can be read, is signed by a key that the membership
version it names lists for its author and scope, its author is an active member, the membership is in force at the
block's time, and it is its author's next entry: `seq` follows and `prev` names the one before. So the engine's order is
an order of the members' logs themselves, and index = seq - 1 holds everywhere. All scopes but `order` pass through.

A proposal holds each entry once, sorted by author and number, at most 128, and nothing that would be refused. Who
proposes chooses in rounds, one entry of each author in turn, so that one member's flood can't keep the others out; who
checks asks the same rules of what it was given and rejects any difference. A finalised block gives every transaction a
code (`CODES`), also those refused; a refused one changes nothing and may come again.

What this does not decide: whether an entry counts (its key was valid at that batch: `ledger.fold`), or what it means.
An entry whose key had ended is taken up, since its author's next one names it, and does not count. The clock is never
asked: time is the block's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from concordat.errors import ConcordatError, InputError, RuleError, StateError, TrustError
from concordat.ledger.council_log import REFS_MAX
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.membership import MembershipChain, Point
from concordat.ledger.tiles import ENTRY_BYTES_MAX

OK, MALFORMED, SIGNATURE, MEMBER, KNOWN, SEQUENCE, FULL, EXPIRED, NEWER, NOT_COUNTED = 0, 1, 2, 3, 4, 5, 6, 7, 8, 20
CODES: Mapping[int, str] = {
    OK: "taken up",
    MALFORMED: "not an entry, or over 65,535 bytes",
    SIGNATURE: "signed by no key that may sign it, or the signature fails",
    MEMBER: "its author is no active member",
    KNOWN: "taken up already",
    SEQUENCE: "not its author's next entry",
    FULL: "the batch is full: it may come again",
    EXPIRED: "the membership has expired",
    NEWER: "needs a newer program, or a membership version that is not here",
    NOT_COUNTED: "taken up, and does not count",
}
AHEAD_MAX = 1_000  # entries of one author that may wait for the ones before them
READ_MAX = 10_000  # entries remembered once their signature was verified


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a member's log stands in the engine's order: how many entries, and the id of the last."""

    size: int = 0
    last: str = FIRST


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one transaction: its code, why in words, and the entry if it could be read."""

    code: int
    words: str = ""
    entry: Entry | None = None
    forked: bool = False


class Desk:
    """The rules, for a ledger that stands at some batch.

    Args:
        chain: the membership versions that are here. tails: by member; the caller keeps it. id_at: the id of an entry
            that was taken up, by member and number.
    """

    def __init__(self, chain: MembershipChain, tails: Mapping[str, Tail], id_at: Callable[[str, int], str]) -> None:
        self.chain, self.tails, self._id_at = chain, tails, id_at
        self._read: OrderedDict[bytes, Entry] = OrderedDict()

    # --- One entry ----------------------------------------------------------------------------------------------------

    def read(self, tx: bytes) -> Entry:
        """An entry whose signature was verified, remembered by its bytes.

        Raises:
            InputError: no entry. TrustError: its signature, key or scope. StateError: a newer format, or a membership
                version that is not here.
        """
        key = sha256(tx).digest()
        if key in self._read:
            self._read.move_to_end(key)
            return self._read[key]
        if len(tx) > ENTRY_BYTES_MAX:
            raise InputError(f"{len(tx):,} bytes; the limit is {ENTRY_BYTES_MAX:,}.", where="entry", code="entry_size")
        entry = Entry.parse(tx)
        if entry.membership > len(self.chain.versions):
            what = f"entry {entry.author} {entry.seq} names membership version {entry.membership}, which is not here."
            hint = "Adopt it, then start again: concordat node adopt"
            raise StateError(what, where=self.chain.last.bloc, hint=hint, code="membership_missing")
        if entry.scope == "order":
            raise InputError("an entry of an ordering log can't be ordered by another.", where="entry", code="scope")
        self.chain.verify_entry(entry)
        self._read[key] = entry
        if len(self._read) > READ_MAX:
            self._read.popitem(last=False)
        return entry

    def _verdict(self, tx: bytes, point: Point, time: int, tail: Callable[[str], Tail]) -> Verdict:
        """As things stand before it; a `StateError` is the caller's."""
        try:
            entry = self.read(tx)
        except InputError as error:
            return Verdict(MALFORMED, str(error))
        except TrustError as error:
            return Verdict(MEMBER if error.code == "not_a_member" else SIGNATURE, str(error))
        version = self.chain.at(point)
        if all(member.id != entry.author for member in version.active):
            what = f"{entry.author} is no active member under membership version {version.version}."
            return Verdict(MEMBER, what, entry)
        try:
            version.require_in_force(datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        except RuleError as error:
            return Verdict(EXPIRED, str(error), entry)
        return self._in_sequence(entry, tail(entry.author))

    def _in_sequence(self, entry: Entry, tail: Tail) -> Verdict:
        name = f"{entry.author} {entry.seq}"
        if entry.seq <= tail.size:
            if self._id_at(entry.author, entry.seq) == entry.id:
                return Verdict(KNOWN, f"{name} was taken up already.", entry)
            return Verdict(SEQUENCE, f"another entry {name} was taken up.", entry, forked=True)
        if entry.seq > tail.size + 1:
            return Verdict(SEQUENCE, f"{name} comes before {entry.author} {tail.size + 1}.", entry)
        if entry.prev != tail.last:
            return Verdict(SEQUENCE, f"{name} names another predecessor than the one taken up.", entry)
        return Verdict(OK, "", entry)

    def check(self, tx: bytes, point: Point, time: int) -> Verdict:
        """CheckTx: may it wait for a block? An author's later entries may, up to 1,000 ahead."""
        try:
            found = self._verdict(tx, point, time, self._tail)
        except StateError as error:
            return Verdict(NEWER, str(error))
        entry = found.entry
        if found.code == SEQUENCE and entry is not None:
            before = entry.seq - self._tail(entry.author).size - 1
            if 0 < before < AHEAD_MAX:
                return Verdict(OK, f"waits for {before} entries before it.", entry)
        return found

    def _tail(self, author: str) -> Tail:
        return self.tails.get(author, Tail())

    # --- A block ------------------------------------------------------------------------------------------------------

    def walk(self, txs: Sequence[bytes], point: Point, time: int) -> list[Verdict]:
        """FinalizeBlock: what becomes of each transaction, in the order given.

        Raises:
            StateError: one of them can't be judged here, though the others judged it: this node must stop.
        """
        after: dict[str, Tail] = {}
        ids: dict[tuple[str, int], str] = {}
        verdicts, taken = [], 0
        for tx in txs:
            found = self._verdict(tx, point, time, lambda author: after.get(author, self._tail(author)))
            entry = found.entry
            if entry is not None and found.forked and ids.get((entry.author, entry.seq)) == entry.id:
                found = Verdict(KNOWN, f"{entry.author} {entry.seq} stands twice in the block.", entry)
            if found.code == OK and entry is not None:
                if taken == REFS_MAX:
                    found = Verdict(FULL, f"a batch holds {REFS_MAX} entries.", entry)
                else:
                    taken += 1
                    after[entry.author] = Tail(entry.seq, entry.id)
                    ids[entry.author, entry.seq] = entry.id
            verdicts.append(found)
        return verdicts

    def arrange(self, txs: Sequence[bytes], bytes_max: int, point: Point, time: int) -> list[bytes]:
        """PrepareProposal: what this node proposes of these, sorted by author and number."""
        queues = self._queues(txs, point, time)
        chosen: list[tuple[str, int, bytes]] = []
        room = bytes_max
        while queues and len(chosen) < REFS_MAX:
            for author in sorted(queues):
                tx = queues[author][0]
                room_after = room - in_block(tx)
                if room_after < 0 or len(chosen) == REFS_MAX:
                    del queues[author]  # its later ones name this one
                    continue
                room = room_after
                entry = self.read(tx)
                chosen.append((author, entry.seq, tx))
                queues[author].pop(0)
                if not queues[author]:
                    del queues[author]
        return [tx for _, _, tx in sorted(chosen)]

    def _queues(self, txs: Sequence[bytes], point: Point, time: int) -> dict[str, list[bytes]]:
        """The entries of each author that could be taken up one after the other."""
        entries = []
        for tx in dict.fromkeys(txs):
            try:
                entries.append((self.read(tx), tx))
            except ConcordatError:
                continue  # refused by CheckTx as well; whoever sent it is told there
        entries.sort(key=lambda pair: (pair[0].author, pair[0].seq, pair[0].id))
        queues: dict[str, list[bytes]] = {}
        after: dict[str, Tail] = {}
        for entry, tx in entries:
            found = self._verdict(tx, point, time, lambda author: after.get(author, self._tail(author)))
            if found.code == OK:
                after[entry.author] = Tail(entry.seq, entry.id)
                queues.setdefault(entry.author, []).append(tx)
        return queues

    def require_arranged(self, txs: Sequence[bytes], point: Point, time: int) -> None:
        """ProcessProposal: the block is one that an honest node could have proposed.

        Raises:
            TrustError: which transaction stands where none may, and why. StateError: as `walk`.
        """
        if len(txs) > REFS_MAX:
            raise TrustError(f"{len(txs)} entries; a batch holds {REFS_MAX}.", where="proposal", code="proposal")
        places = []
        for index, found in enumerate(self.walk(txs, point, time)):
            if found.code != OK or found.entry is None:
                raise TrustError(found.words, where=f"proposal, transaction {index}", code="proposal")
            places.append((found.entry.author, found.entry.seq))
        if places != sorted(places):
            raise TrustError("not sorted by author and number.", where="proposal", code="proposal")


def in_block(tx: bytes) -> int:
    """The bytes that a transaction takes in a block: its tag, its length, itself."""
    return 1 + max(1, -(-len(tx).bit_length() // 7)) + len(tx)
