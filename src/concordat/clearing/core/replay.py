"""Is this log what it says: every block applied again from the start (or from a snapshot), each root compared.

The log is the truth and the state its fold: the same blocks give the same root on every machine. `replay` raises at the
first block that doesn't fit, naming its height, and repairs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from concordat.clearing.core.apply import Block, advance
from concordat.clearing.core.receipts import Receipts
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Verify, verify_all
from concordat.clearing.core.state import State

Watch = Callable[[State, Block, Receipts], None]


def replay(
    start: Scheme | State, blocks: Iterable[Block], verify: Verify = verify_all, watch: Watch | None = None
) -> State:
    """Apply blocks one after the other.

    Args:
        start: the first scheme, or a state, which is moved on in place. blocks: in the order of their heights.
        verify: of signatures. watch: called behind each block with the state, the block and its receipts.

    Raises:
        TrustError: a block does not follow, is signed wrongly, or gives another root than its header says.
    """
    state = start if isinstance(start, State) else State.genesis(start)
    for block in blocks:
        applied = advance(state, block, verify)
        if watch is not None:
            watch(state, block, applied.receipts)
    return state
