"""What every stage of the ledger promises to whoever appends: an order, and the same proof files.

Three stages give entries an order (spec: ledger 9): one node by itself (`node.embedded`), a federation of witnesses and
mirrors (`replica`), an external engine. The proof of an entry has one form in all three, so audit never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from concordat.ledger.entry import Entry
from concordat.ledger.merkle import Hashes
from concordat.ledger.note import Note
from concordat.ledger.proof import TlogProof


@dataclass(frozen=True)
class Receipt:
    """What an append answers: the entries are durable, and stand under a signed head.

    Attributes:
        origin: of which log. start: index of the first entry. ids: of the entries, in order. head: the signed head.
    """

    origin: str
    start: int
    ids: tuple[str, ...]
    head: Note
    hashes: Hashes

    def proof(self, place: int = 0) -> TlogProof:
        """The proof file of one of the entries, by its place in the batch."""
        assert 0 <= place < len(self.ids)
        return TlogProof.make(self.start + place, self.hashes, self.head)


class Sequencer(Protocol):
    """Whoever gives entries their order."""

    def append(self, batch: Sequence[Entry]) -> Receipt:
        """Append entries that were verified; durable, and under a signed head, when it returns.

        Raises:
            StateError: not durable; nothing was signed.
        """
        ...
