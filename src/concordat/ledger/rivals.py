"""Two logs under one name: the copy held here, and a rival that its owner signed as well.

The first entry at which they part is a proof already (two entries under one number). A head is a second one: it needs
the tree of the larger log, so a rival is fetched from its beginning, in as many messages as it takes, until whole. If
a quorum of witnesses saw the rival and not the copy here, the rival takes its place: at most f of a quorum lie, so no
other log of that member can have a quorum.

One rival a log at a time, and none beyond `RIVAL_MAX` entries. A rival grows by entries alone that its owner signed.
"""

from __future__ import annotations

from concordat.errors import TrustError
from concordat.ledger import misconduct
from concordat.ledger.council_log import read_head
from concordat.ledger.keys import VerifierKey
from concordat.ledger.membership import MembershipChain
from concordat.ledger.merkle import MemoryHashes, consistency_proof
from concordat.ledger.messages import Entries
from concordat.ledger.misconduct import Misconduct
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.shelf import MemberLog

RIVAL_MAX = 65_536


class Rivals:
    """The rivals that one member is fetching, and the quorums that demand one."""

    def __init__(self, chain: MembershipChain) -> None:
        self.chain = chain
        self.logs: dict[str, MemberLog] = {}
        self.wanted: dict[str, str] = {}  # origin -> the note with a quorum that contradicts the copy here

    def expects(self, message: Entries) -> bool:
        """Whether entries may belong to the rival of their log."""
        rival = self.logs.get(message.origin)
        return rival is not None and rival.follows(message.start, message.leaves)

    def open(self, log: MemberLog) -> None:
        """Begin to fetch a rival of a log, from its first entry."""
        self.logs[log.origin] = MemberLog(log.origin, log.owner, disowned=True)

    def grow(self, message: Entries, head: Checkpoint) -> int | None:
        """Take entries; from where to ask for more, or None once the rival is whole under their head.

        Raises:
            InputError, TrustError: an entry that its owner didn't sign, a head that is not of these entries.
        """
        rival = self.logs[message.origin]
        for entry in rival.read(message.start, message.leaves, self.chain):
            rival.append(entry)
        if rival.size > RIVAL_MAX:
            del self.logs[message.origin]
            raise TrustError(f"a rival log of over {RIVAL_MAX:,} entries.", where=message.origin, code="rival")
        if rival.size < head.size:
            return rival.size
        if rival.tree.root(head.size) != head.root:
            del self.logs[message.origin]
            raise TrustError("the head is not of these entries.", where=message.origin, code="head")
        return None

    def adopt(self, log: MemberLog, newest: str | None) -> MemberLog | None:
        """The rival that takes the place of a log, if a quorum demands it.

        Args:
            newest: the newest note with a quorum that is known of the log.
        """
        rival, text = self.logs[log.origin], self.wanted.get(log.origin, newest)
        if text is None:
            return None
        note, head = read_head(text)
        if not _holds(rival, head) or _holds(log, head):
            return None
        rival.head, rival.submitted = note, log.submitted
        self.logs.pop(log.origin)
        self.wanted.pop(log.origin, None)
        return rival


def _holds(log: MemberLog, head: Checkpoint) -> bool:
    """Whether a log is the one that a head names, and whole."""
    return head.size <= log.size and log.tree.root(head.size) == head.root


def contradiction(
    chain: MembershipChain, key: VerifierKey, mine: Note, my_tree: MemoryHashes, other: Note, other_tree: MemoryHashes
) -> Misconduct | None:
    """The proof that one key signed two heads of one log that contradict each other; None if they don't.

    Args:
        my_tree, other_tree: each holds at least the entries under its head; that of the smaller head isn't read.
    """
    a, b = Checkpoint.parse_text(mine.text), Checkpoint.parse_text(other.text)
    if a.size == b.size:
        return misconduct.same_key_contradiction(chain, key, mine, other, None) if a.root != b.root else None
    small, large, tree = (a, b, other_tree) if a.size < b.size else (b, a, my_tree)
    old_root = tree.root(small.size)
    if old_root == small.root:
        return None
    pair = (mine, other) if a.size < b.size else (other, mine)
    link = (old_root, consistency_proof(small.size, large.size, tree))
    return misconduct.same_key_contradiction(chain, key, *pair, link)
