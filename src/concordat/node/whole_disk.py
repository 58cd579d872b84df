"""Everything on a node's disk once more, from bytes to finality: `concordat node verify`, a drill, and tests.

Nothing that was noted is gone by: each entry is read, parsed and verified, and the order made from them again.
"""

from __future__ import annotations

from hashlib import sha256

from concordat.errors import TrustError
from concordat.ledger.council_log import CouncilLog, Progress, submitted_under
from concordat.ledger.note import Checkpoint
from concordat.ledger.shelf import Shelf
from concordat.ledger.views import begin_view
from concordat.node.home import Node


def verify_disk(node: Node) -> list[str]:
    """Everything on the disk once more, from bytes to finality; one line a log.

    Raises:
        TrustError: the first thing that doesn't verify. StateError: the file is damaged.
    """
    node.store.check()
    lines = []
    shelf = Shelf(node.chain)
    for origin, log in sorted(node.replica.shelf.logs.items()):
        fresh = type(log)(origin, log.owner)
        leaves = list(node.store.entries(origin))
        for entry in fresh.read(0, leaves, node.chain):
            fresh.append(entry)
        if log.head is not None:
            ring = node.chain.last_with(log.owner).member_ring(log.owner)
            signed = Checkpoint.parse(str(log.head), ring.keys, origin)
            size = signed.checkpoint.size
            if size > fresh.size or fresh.tree.root(size) != signed.checkpoint.root:
                raise TrustError("the signed head is not of these entries.", where=origin, code="head")
        if node.store.root(origin) != fresh.tree.root():
            raise TrustError("the tiles are not of these entries.", where=origin, code="tile")
        shelf.logs[origin] = fresh
        lines.append(f"{log.owner} {fresh.size:,}")
    _verify_order(node, shelf)
    for words in node.spoilt:  # what a start holds against heads and the hashes beside the entries, and found wrong
        hint = "Bring the node back from a backup: concordat node restore"
        raise TrustError(words.partition(" Run: ")[0], hint=hint, code="entry")
    for view, council in sorted(node.replica.councils.items()):
        if council.size:
            lines.append(f"council/{view} {council.size:,}")
    return lines


def _verify_order(node: Node, shelf: Shelf) -> None:
    """Every note and every council entry again, as if it had just come in."""
    for digest, text in sorted(node.replica.shelf.notes.items()):
        if sha256(text.encode()).hexdigest() != digest:
            raise TrustError("a note has another hash than its name.", where=digest[:16], code="note")
        log = shelf.logs.get(text.partition("\n")[0])
        if log is not None:
            submitted_under(text, node.chain, log.owner)
    shelf.notes = dict(node.replica.shelf.notes)
    councils: dict[int, CouncilLog] = {}
    for view, council in sorted(node.replica.councils.items()):
        if not council.size:
            continue
        if view == 1:
            again = CouncilLog(1, council.version, Progress())
        else:
            again, _ = begin_view(view, council.leaves[0], node.chain, councils)
        for leaf in council.leaves[again.size :]:
            again.append(*again.check(leaf, node.chain, shelf))
        if again.progress != council.progress:
            raise TrustError("its entries lead to another order than was read.", where=council.origin, code="council")
        councils[view] = again
