"""What a host of the ledger must do, in the shape of ABCI, and the one that lives in memory.

Hosts differ in how a block becomes durable and agreed, in nothing else: all of them apply blocks through
`clearing.core`.

    host.check(signed)       CheckTx: form, bounds, signatures, id; changes nothing
    host.submit(signed)      check, then keep for the next block
    host.propose(time_ms)    PrepareProposal: the next block; changes nothing that counts
    host.verify(block)       ProcessProposal: a whole check; leaves no trace
    host.finalise(block)     FinalizeBlock: apply; the receipts
    host.commit()            Commit: from here on it is final

The time of a block is handed in: nothing here asks a clock. A single host moves on with `step`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from concordat.clearing.core import snapshot as snapshots
from concordat.clearing.core.apply import Applied, Block, advance, build, check_signatures, undo
from concordat.clearing.core.model import BLOCK_BYTES_MAX, INSTRUCTIONS_MAX
from concordat.clearing.core.receipts import Receipt, Receipts, prove
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import Signed, Verify, verify_all
from concordat.clearing.core.snapshot import Snapshot
from concordat.clearing.core.state import State
from concordat.errors import ConcordatError, InputError, StateError, TrustError

POOL_MAX = 8 * INSTRUCTIONS_MAX


class Host(Protocol):
    """A ledger behind one door."""

    def check(self, signed: Signed) -> None:
        """Whether an instruction may be submitted.

        Raises:
            InputError, TrustError: it may not.
        """
        ...

    def submit(self, signed: Signed) -> Receipt | None:
        """Keep an instruction for the next block; the first receipt if it was taken already.

        Raises:
            InputError, TrustError: as `check`. StateError: too many wait.
        """
        ...

    def propose(self, time_ms: int) -> Block:
        """The next block out of what was submitted."""
        ...

    def verify(self, block: Block) -> None:
        """A whole check of somebody's block.

        Raises:
            InputError, TrustError: it is not what the rules give.
        """
        ...

    def finalise(self, block: Block) -> Receipts:
        """Apply a block; nothing is final before `commit`."""
        ...

    def commit(self) -> str:
        """Make the finalised block final; the state root."""
        ...

    def state_root(self) -> str:
        """Of the last committed block."""
        ...

    def receipt(self, uetr: str, member: str | None = None) -> list[Receipt]:
        """All receipts of an id, in order."""
        ...

    def prove(self, uetr: str, member: str | None = None) -> dict[str, Any]:
        """The proof of the last receipt of an id, for `check_proof`."""
        ...

    def snapshot(self) -> Snapshot:
        """The committed state in chunks."""
        ...

    def load(self, snapshot: Snapshot, block_hash: str) -> None:
        """Start from a snapshot of a block whose hash is trusted."""
        ...


def _same(one: Block, other: Block) -> bool:
    """Whether two blocks are equal in header and body."""
    bodies = ([signed.data for signed in block.instructions] for block in (one, other))
    return one.hash == other.hash and next(bodies) == next(bodies)


class MemoryHost:
    """A host without a disk: for simulation, tests, and as the part that other hosts share.

    Attributes:
        state: after the last finalised block. blocks, leaves: of the committed ones, by height from 1 on.
        verify_signatures: how signatures are verified; a faster one may be handed in.
    """

    def __init__(self, scheme: Scheme, verify_signatures: Verify = verify_all) -> None:
        self.state = State.genesis(scheme)
        self.verify_signatures = verify_signatures
        self.first_height = 1
        self.blocks: list[Block] = []
        self.leaves: list[list[bytes]] = []
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._indexed = 0
        self._pool: dict[bytes, Signed] = {}
        self._prepared: tuple[Block, Applied] | None = None
        self._finalised: tuple[Block, Applied] | None = None

    # --- Instructions ---------------------------------------------------------------------------------------------

    def check(self, signed: Signed) -> None:
        """Form and bounds were checked when it was read; here: scheme, signatures, id. Nothing changes."""
        self._check_scheme(signed)
        check_signatures(self._settled_state(), (signed,), self.verify_signatures)
        self._check_id(signed)

    def _check_scheme(self, signed: Signed) -> None:
        if signed.scheme != self._settled_state().scheme.name:
            raise InputError(f"signed for the scheme {signed.scheme}.", where="scheme", code="scheme")

    def _check_id(self, signed: Signed) -> None:
        state, said = self.state, signed.instruction
        known = state.find_id(said.uetr, said.member, said.kind)
        if known is not None and (known.digest != signed.digest or known.rows):
            what = f"{said.uetr} was used for another instruction."
            raise InputError(what, where="uetr", hint="The first one stands; take a new id.", code="id_reused")
        if known is None and said.valid_until < state.time_ms:  # what had its effect is told so while its id is kept
            what = f"valid until {said.valid_until}; the last block's time is {state.time_ms}."
            raise InputError(what, where="valid_until", code="expired")

    def submit(self, signed: Signed) -> Receipt | None:
        """Check, and keep for the next block; the first receipt if the same bytes were taken before."""
        self.check(signed)
        return self._keep(signed)

    def _keep(self, signed: Signed) -> Receipt | None:
        """Keep what was checked; the first receipt if it had its effect before."""
        said = signed.instruction
        known = self.state.find_id(said.uetr, said.member, said.kind)
        if known is not None:
            first = Receipt.parse(known.leaves[0])
            return Receipt({**first.facts, "repeat": True}, self._block_hash(first.height))
        self._take_in(signed)
        return None

    def _take_in(self, signed: Signed) -> None:
        kept = self._pool.get(signed.digest)
        if kept is None and len(self._pool) >= POOL_MAX:
            raise StateError(
                f"{POOL_MAX:,} instructions wait.", hint="Send it again after the next block.", code="full"
            )
        # The same words with fewer signatures must not displace those that others have signed too.
        if kept is None or len(signed.signatures) > len(kept.signatures):
            self._pool[signed.digest] = signed

    def submit_all(self, many: Sequence[Signed]) -> list[Receipt | ConcordatError | None]:
        """Submit many at once, their signatures verified together; for each what `submit` gives or raises."""
        good = False
        with suppress(TrustError):  # if one of them is bad, each is checked by itself below
            check_signatures(self._settled_state(), many, self.verify_signatures)
            good = True
        found: list[Receipt | ConcordatError | None] = []
        for signed in many:
            try:
                if good:
                    self._check_scheme(signed)
                    self._check_id(signed)
                    found.append(self._keep(signed))
                else:
                    found.append(self.submit(signed))
            except ConcordatError as error:
                found.append(error)
        return found

    # --- Blocks ---------------------------------------------------------------------------------------------------

    def propose(self, time_ms: int) -> Block:
        """The next block: what was submitted, up to the bounds; it is applied beforehand and undone on demand."""
        state = self._settled_state()
        taken: list[Signed] = []
        size = 0
        for signed in self._pool.values():
            size += len(signed.data)
            if size > BLOCK_BYTES_MAX or len(taken) == INSTRUCTIONS_MAX:
                break
            taken.append(signed)
        try:
            check_signatures(state, taken, self.verify_signatures)
        except TrustError:  # somebody's key has run out since
            taken = [signed for signed in taken if self._still_signed(signed)]
        self._prepared = build(state, time_ms, taken)
        return self._prepared[0]

    def _still_signed(self, signed: Signed) -> bool:
        """Whether the keys of an instruction count for the next block; if not, it is dropped."""
        try:
            check_signatures(self.state, (signed,), self.verify_signatures)
        except TrustError:
            del self._pool[signed.digest]
            return False
        return True

    def verify(self, block: Block) -> None:
        """Apply and undo."""
        state = self._settled_state()
        undo(state, advance(state, block, self.verify_signatures))

    def finalise(self, block: Block) -> Receipts:
        """Apply a block (again, unless it is the one just proposed)."""
        if self._finalised is not None:
            raise StateError("a finalised block waits to be committed.", code="not_committed")
        if self._prepared is not None and _same(self._prepared[0], block):
            self._finalised, self._prepared = (block, self._prepared[1]), None
        else:
            self._finalised = (block, advance(self._settled_state(), block, self.verify_signatures))
        return self._finalised[1].receipts

    def commit(self) -> str:
        """Keep the block and its receipts."""
        if self._finalised is None:
            raise StateError("no finalised block to commit.", code="not_finalised")
        block, applied = self._finalised
        self._finalised = None
        self.blocks.append(block)
        self.leaves.append(applied.leaves)
        for signed in block.instructions:
            self._pool.pop(signed.digest, None)
        return block.header.state_root

    def step(self, time_ms: int) -> Receipts:
        """Propose, finalise and commit in one: all that a single host needs."""
        receipts = self.finalise(self.propose(time_ms))
        self.commit()
        return receipts

    def _settled_state(self) -> State:
        """The state after the last finalised block: what was only proposed is undone."""
        if self._prepared is not None:
            undo(self.state, self._prepared[1])
            self._prepared = None
        return self.state

    # --- Asking ---------------------------------------------------------------------------------------------------

    def state_root(self) -> str:
        """Of the state after the last finalised block."""
        return self._settled_state().root()

    def receipt(self, uetr: str, member: str | None = None) -> list[Receipt]:
        """All receipts of an id (of one member, if it is named), in order."""
        found = [self._at(height, index) for height, index in self._find(uetr)]
        return [one for one in found if member is None or one.member == member]

    def prove(self, uetr: str, member: str | None = None) -> dict[str, Any]:
        """The proof of the last receipt of an id.

        Raises:
            InputError: no receipt of that id is kept here.
        """
        places = [place for place in self._find(uetr) if member is None or self._at(*place).member == member]
        if not places:
            raise InputError(f"no receipt of {uetr} is kept here.", where="uetr", code="unknown_payment")
        height, index = places[-1]
        block = self.blocks[height - self.first_height]
        return prove(self.leaves[height - self.first_height], index, block.header.as_dict())

    def _find(self, uetr: str) -> Sequence[tuple[int, int]]:
        """Where the receipts of an id stand; blocks that came since are looked through first."""
        for number in range(self._indexed, len(self.leaves)):
            for index, leaf in enumerate(self.leaves[number]):
                name = leaf[leaf.rindex(b'"uetr":"') + 8 :][:36].decode()
                self._places.setdefault(name, []).append((number + self.first_height, index))
        self._indexed = len(self.leaves)
        return self._places.get(uetr, ())

    def _at(self, height: int, index: int) -> Receipt:
        place = height - self.first_height
        return Receipt.parse(self.leaves[place][index], self.blocks[place].hash)

    def _block_hash(self, height: int) -> str:
        place = height - self.first_height
        return self.blocks[place].hash if 0 <= place < len(self.blocks) else ""

    # --- Snapshots ------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The committed state in chunks.

        Raises:
            StateError: there is no block yet, or one is finalised and not committed.
        """
        state = self._settled_state()
        if self._finalised is not None:
            raise StateError("a finalised block waits to be committed.", code="not_committed")
        if not self.blocks:
            raise StateError("there is no block yet to take a snapshot of.", code="no_block")
        return snapshots.take(state, self.blocks[-1].header)

    def load(self, snapshot: Snapshot, block_hash: str) -> None:
        """Start from a snapshot; receipts of earlier blocks are not kept here."""
        self.state = snapshots.load(snapshot.manifest, snapshot.chunks, block_hash)
        self.first_height = self.state.height + 1
        self.blocks, self.leaves, self._places, self._pool, self._indexed = [], [], {}, {}, 0
        self._prepared = self._finalised = None
