"""Is a council log on the disk the one that was logged? Entries against the hashes beside them, all against its head.

What `Node` asks of the council's logs when it opens. They stay in memory whole, so nothing of them is asked later.
Whether their entries are signed and follow each other was asked when they came in, and is again by `verify_disk`.
"""

from __future__ import annotations

from concordat.errors import InputError, TrustError
from concordat.ledger.council_log import CouncilLog
from concordat.ledger.leaves import not_logged
from concordat.ledger.merkle import leaf_hash
from concordat.ledger.note import Checkpoint
from concordat.ledger.replica import Replica
from concordat.ledger.views import begin_view
from concordat.node.store import Store


def read_council(store: Store, replica: Replica, view: int) -> tuple[CouncilLog, TrustError | None]:
    """The log of a view from the store, and what is wrong with its first entry that was changed there.

    Raises:
        InputError, TrustError: an entry that is none, or is missing: nothing can be opened with it.
    """
    origin = replica.chain.last.council_origin(view)
    leaves: list[bytes] = []
    changed = None
    for noted, leaf in (row for lot in store.rows(origin) for row in lot):
        if changed is None and leaf_hash(leaf) != noted:
            changed = not_logged(origin, len(leaves))
        leaves.append(leaf)
    try:
        log = replica.councils[1] if view == 1 else begin_view(view, leaves[0], replica.chain, replica.councils)[0]
        for leaf in leaves[log.size :]:
            log.replay(leaf)
    except (InputError, TrustError) as error:
        raise changed or error from None
    return log, changed


def require_heads(replica: Replica) -> None:
    """Each council log is that of its chair's head, and of its newest certificate, which counts for more than a head.

    Raises:
        TrustError: one is not.
    """
    for view, log in replica.councils.items():
        roots = {}
        if view in replica.heads:
            head = Checkpoint.parse_text(replica.heads[view].text)
            roots[head.size] = head.root
        newest = max((size for of, size in replica.certificates if of == view and size <= log.size), default=0)
        if newest:
            roots[newest] = replica.certificates[view, newest].root
        if any(size <= log.size and log.tree.root(size) != root for size, root in roots.items()):
            what, hint = "the entries are not those of the signed head.", "Run: concordat node verify"
            raise TrustError(what, where=log.origin, hint=hint, code="head")
