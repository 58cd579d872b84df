"""What was said, by whom, in what order, provably: signed entries in Merkle logs that no member owns.

Each member writes its own log and the others witness and mirror it; a council log orders what counts for all. A lie
leaves a proof that a third party can check, and whoever has only the files can audit them decades later. The room knows
nothing about policy: what an entry means belongs to the room that registered its type. It is pure: no files, sockets or
clock, nothing but the standard library and `cryptography`.

    entry = Entry.new(author="BRA", ..., secret=secret)        # one signed entry
    MembershipChain.verify(files, pinned)                      # whose keys count, from a pinned hash on
    replica.handle(sender, message, now)                       # one member's part in the protocol
    Fold(handlers, state).batch(point, events)                 # what final entries come to
    Bundle.parse(data).verify(pinned)                          # the whole proof of one entry

The format is docs/reference/ledger-format.md; `offline_verify.py` is a second reader that shares no code with this one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.ledger.audit import compare
    from concordat.ledger.bundle import Bundle, bundle_of
    from concordat.ledger.entry import Entry, Envelope
    from concordat.ledger.fold import Event, Fold
    from concordat.ledger.keys import VerifierKey
    from concordat.ledger.membership import Membership, MembershipChain, Point
    from concordat.ledger.mirror import Mirror
    from concordat.ledger.misconduct import Misconduct
    from concordat.ledger.note import Checkpoint, Note
    from concordat.ledger.policy import Policy
    from concordat.ledger.proof import TlogProof
    from concordat.ledger.replica import Replica
    from concordat.ledger.sequencer import Receipt, Sequencer
    from concordat.ledger.signer import Signer
    from concordat.ledger.witness import Witness

__all__ = [
    "Bundle",
    "Checkpoint",
    "Entry",
    "Envelope",
    "Event",
    "Fold",
    "Membership",
    "MembershipChain",
    "Mirror",
    "Misconduct",
    "Note",
    "Point",
    "Policy",
    "Receipt",
    "Replica",
    "Sequencer",
    "Signer",
    "TlogProof",
    "VerifierKey",
    "Witness",
    "bundle_of",
    "compare",
]

# A command that needs a key need not load all that a replica does: a name is looked for in its module when it is used.
_HOMES = {
    "Bundle": "bundle", "Checkpoint": "note", "Entry": "entry", "Envelope": "entry", "Event": "fold", "Fold":
    "fold", "Membership": "membership", "MembershipChain": "membership", "Mirror": "mirror", "Misconduct":
    "misconduct", "Note": "note", "Point": "membership", "Policy": "policy", "Receipt": "sequencer", "Replica":
    "replica", "Sequencer": "sequencer", "Signer": "signer", "TlogProof": "proof", "VerifierKey": "keys", "Witness":
    "witness", "bundle_of": "bundle", "compare": "audit",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
