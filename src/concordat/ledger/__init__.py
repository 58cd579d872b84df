"""What was said, by whom, in what order, provably: signed entries in Merkle logs that no member owns.

Each member writes its own log and the others witness and mirror it; a council log orders what counts for all. A lie
leaves a proof that a third party can check, and whoever has only the files can audit them decades later. The room knows
nothing about policy: what an entry means belongs to the room that registered its type. It is pure: no files, sockets or
clock, nothing but the standard library and `cryptography`.

    entry = Entry.new(author="BRA", ..., secret=secret)        # one signed entry
    Checkpoint.parse(note, keys)                               # a head, its signatures verified
    MembershipChain.verify(files, pinned)                      # whose keys count, from a pinned hash on

The format is docs/reference/ledger-format.md; `offline_verify.py` is a second reader that shares no code with this one.
"""

from __future__ import annotations

from concordat.ledger.entry import Entry, Envelope
from concordat.ledger.keys import VerifierKey
from concordat.ledger.membership import Membership, MembershipChain, Point
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.policy import Policy

__all__ = ["Checkpoint", "Entry", "Envelope", "Membership", "MembershipChain", "Note", "Point", "Policy", "VerifierKey"]
