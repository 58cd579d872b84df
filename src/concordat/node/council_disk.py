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
from concordat.ledger.shelf import not_of_head
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


def not_of_heads(replica: Replica) -> str:
    """Why a council log is not that of its chair's head, or of its newest certificate, in words; empty if each is.

    A certificate counts for more than a head: an entry that it overtakes went when it was learned, and its head too.
    """
    for view, log in sorted(replica.councils.items()):
        newest = max((size for of, size in replica.certificates if of == view and size <= log.size), default=0)
        if newest and log.tree.root(newest) != replica.certificates[view, newest].root:
            what = "the entries are not those of the signed head."
            return str(TrustError(what, where=log.origin, hint="Run: concordat node verify", code="head"))
        head = replica.heads.get(view)
        if head is not None and Checkpoint.parse_text(head.text).size != newest:
            found = not_of_head(log.origin, log.tree, head)
            if found:
                return found
    return ""
