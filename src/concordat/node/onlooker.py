"""A node's log read without its keys and without stopping it: for drills, checks of a backup, and `doctor`.

`Onlooker` is a node that loads and verifies as every node does, but holds no key, takes no lock and sees the store as
it was at one moment (one read transaction), while the node itself goes on. `check_heads` asks less and is quick: are
the tiles and entries in the file those that the signed heads name?
"""

from __future__ import annotations

import secrets
from pathlib import Path

from concordat.council.fold import Replay
from concordat.errors import TrustError
from concordat.ledger.keys import Ed25519Secret, VerifierKey
from concordat.ledger.leaves import LeafStore
from concordat.ledger.membership import MembershipChain, Point
from concordat.ledger.merkle import leaf_hash, root_of
from concordat.ledger.note import Checkpoint
from concordat.ledger.signer import Signer
from concordat.ledger.tiles import BITS, HASH, WIDTH, TileHashes
from concordat.node.council import replay_of, steps_of
from concordat.node.found import pinned_hash
from concordat.node.home import Node
from concordat.node.store import Store
from concordat.node.stores import SQLITE, open_log


class Onlooker(Node):
    """A node seen from outside: `replica`, `store` and `chain` as in `Node`; it can sign and write nothing.

    Args:
        home: the node's folder. database: where its log is, as in the settings.

    Raises:
        StateError: no node there, or its files are damaged. TrustError: its log is.
    """

    def __init__(self, home: Path, database: str = SQLITE) -> None:
        super().__init__(home, database=database)

    def _hold(self) -> int:
        return -1

    def _open_store(self) -> Store:
        in_files = self.database == SQLITE
        store = super()._open_store() if in_files else open_log(self.home, self.database, readonly=True)
        store.freeze()
        return store

    def _leaf_store(self) -> LeafStore:
        """In the one file all is read in the store's own moment; a server is asked by every thread for itself."""
        return self.store if self.database == SQLITE else super()._leaf_store()

    def _noted_files(self) -> None:
        """It has no keys that know again what was noted, and looks at every entry for itself."""

    def _read_signer(self, passphrase: str) -> Signer:  # noqa: ARG002 - there is nothing to open
        node = Ed25519Secret(secrets.token_bytes(32))  # signs nothing, and is thrown away
        return Signer(self.identity.member, log=(), witness=(), mirror=(), node=node)

    def _keep(self, floor: object) -> None:
        """It makes no promise that would have to be kept."""

    def _save(self) -> None:
        raise AssertionError("an onlooker writes nothing")


def state_hashes(node: Node) -> list[tuple[Point, str]]:
    """(batch, state hash behind it) of every final batch, in order: two nodes compare them.

    Raises:
        StateError: the zones of time are not installed.
    """
    replica = node.replica
    replay: Replay = replay_of(replica.chain, steps_of(replica.chain, replica.shelf, replica.councils, replica.final()))
    return replay.fold.hashes


def check_heads(store: Store, chain: MembershipChain) -> dict[str, tuple[int, str]]:
    """Every signed head against the tiles, and the tiles against the entries; (entries, root) by origin.

    Signatures of heads are checked under the keys of the membership; those of entries are left to `verify_disk`.

    Raises:
        TrustError: the first log of which one is not that of the other.
    """
    found = {}
    heads = store.heads()
    for origin in sorted({*heads, *store.origins()}):
        size = store.size(origin)
        hashes = TileHashes(store.reader(origin), size)
        _check_entries(store, origin, size)
        root = root_of(size, hashes)
        if origin in heads:
            signed = Checkpoint.parse(heads[origin], _keys(chain, origin), origin).checkpoint
            if signed.origin != origin or signed.size > size:
                what = f"the head is of {signed.size:,} entries; {size:,} are here."
                raise TrustError(what, where=origin, code="head")
            if root_of(signed.size, hashes) != signed.root:
                raise TrustError("the tiles are not those of the signed head.", where=origin, code="head")
        found[origin] = (size, root.hex())
    return found


def chain_of(home: Path, store: Store) -> MembershipChain:
    """The membership that a store holds, from the pinned hash on.

    Raises:
        StateError: nothing is pinned. TrustError: the chain is broken.
    """
    files = store.papers("membership")
    return MembershipChain.verify([files[key] for key in sorted(files, key=int)], pinned_hash(home))


def _check_entries(store: Store, origin: str, size: int) -> None:
    reader = store.reader(origin)
    for start in range(0, size, WIDTH):
        width = min(WIDTH, size - start)
        tile = reader.tile(0, start >> BITS, width)
        try:
            leaves = list(store.entries(origin, start, start + width))
        except TypeError:
            what = "what should be bytes is something else."
            raise TrustError(what, where=f"{origin}, from entry {start}", code="damaged") from None
        if len(leaves) != width:
            what = f"{len(leaves)} entries where {width} should be."
            raise TrustError(what, where=f"{origin}, entry {start}", code="entry")
        for place, leaf in enumerate(leaves):
            if leaf_hash(leaf) != tile[HASH * place : HASH * (place + 1)]:
                what = "the entry is not that of the tile."
                raise TrustError(what, where=f"{origin}, entry {start + place}", code="entry")


def _keys(chain: MembershipChain, origin: str) -> tuple[VerifierKey, ...]:
    stem, _, view = origin.rpartition("/")
    if stem == f"{chain.last.bloc}/council" and view.isascii() and view.isdecimal():
        return chain.of_view(int(view)).council_ring(int(view)).keys
    owners = {m.origin: m.id for version in chain.versions for m in version.members}
    if origin not in owners:
        raise TrustError("a log that no member has.", where=origin, code="origin")
    return chain.last_with(owners[origin]).member_ring(owners[origin]).keys
