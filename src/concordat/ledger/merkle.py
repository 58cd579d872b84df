"""Is this entry in the log, and is this log the continuation of that one: Merkle trees of RFC 6962.

Leaf H(0x00 || entry), node H(0x01 || left || right), empty tree H(""), H = SHA-256; the tree over n leaves splits at
the largest power of two below n (RFC 6962 section 2.1). Proofs are lists of 32-byte hashes in the order of RFC 6962
sections 2.1.1 and 2.1.2; verification follows RFC 9162 sections 2.1.3.2 and 2.1.4.2. A proof for a tree of size zero
is an error here: whoever allows "old 0" (a witness) handles it before asking.

Proofs are made from a `Hashes` reader, which gives MTH(D[index 2^level : (index+1) 2^level]) for complete subtrees; it
may read memory, tiles in files, or a database. `Frontier` appends with log2(n) hashes in memory.

    >>> leaves = [leaf_hash(bytes([i])) for i in range(7)]
    >>> tree = MemoryHashes(leaves)
    >>> proof = inclusion_proof(5, 7, tree)
    >>> verify_inclusion(leaves[5], 5, 7, root_of(7, tree), proof)
    >>> verify_consistency(3, 7, root_of(3, tree), root_of(7, tree), consistency_proof(3, 7, tree))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Protocol

from concordat.errors import TrustError

EMPTY_ROOT = sha256(b"").digest()
PROOF_MAX = 63  # hashes; a tree of 2^63 leaves needs no more
HASH = 32  # bytes


def leaf_hash(entry: bytes) -> bytes:
    """H(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """H(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Hashes(Protocol):
    """Whoever knows the hashes of complete subtrees."""

    def at(self, level: int, index: int) -> bytes:
        """MTH(D[index 2^level : (index+1) 2^level])."""
        ...


class MemoryHashes:
    """All levels of a growing tree in memory, each level as one row of bytes: 64 bytes a leaf."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.levels: list[bytearray] = [bytearray()]
        self.extend(leaves)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self.levels[0]) // HASH

    def append(self, leaf: bytes) -> int:
        """Add one leaf hash; its index."""
        levels = self.levels
        level, index = 0, len(levels[0]) // HASH
        first, node = index, leaf
        while True:
            if level == len(levels):
                levels.append(bytearray())
            row = levels[level]
            row += node
            if not index & 1:
                return first
            node = sha256(b"\x01" + row[-2 * HASH :]).digest()
            level, index = level + 1, index >> 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add many leaf hashes: level by level, which takes half the time of one after the other."""
        self.load(b"".join(leaves))

    def load(self, leaves: bytes) -> None:
        """Add many leaf hashes that lie one behind the other, as they do in a tile."""
        assert len(leaves) % HASH == 0
        self.levels[0] += leaves
        level = 0
        while len(row := self.levels[level]) > HASH:
            level += 1
            if level == len(self.levels):
                self.levels.append(bytearray())
            above = self.levels[level]
            pairs = range(2 * len(above), len(row) - HASH, 2 * HASH)
            above += b"".join([sha256(b"\x01" + row[at : at + 2 * HASH]).digest() for at in pairs])

    def begin(self, levels: Iterable[bytes | memoryview]) -> None:
        """Nothing is here yet: take all levels of a tree, from the leaves up, as they were worked out before."""
        assert not self.size
        self.levels = [bytearray(row) for row in levels] or [bytearray()]

    def truncate(self, size: int) -> None:
        """Forget the leaves from `size` on."""
        for level, row in enumerate(self.levels):
            del row[HASH * (size >> level) :]

    def at(self, level: int, index: int) -> bytes:
        row = self.levels[level]
        if not 0 <= index < len(row) // HASH:
            raise IndexError(f"level {level} has no hash {index}")
        return bytes(row[HASH * index : HASH * (index + 1)])

    def leaves(self, start: int, end: int) -> list[bytes]:
        """The leaf hashes from `start` to below `end`."""
        row = bytes(self.levels[0][HASH * start : HASH * end])
        return [row[at : at + HASH] for at in range(0, len(row), HASH)]

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves."""
        return root_of(self.size if size is None else size, self)


class Frontier:
    """The right edge of a tree: enough to append and to give the root, log2(n) hashes."""

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """`edge`: the roots of the complete subtrees of a tree of `size` leaves, left to right."""
        assert len(edge) == size.bit_count()
        self.size = size
        self.edge = list(edge)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add one leaf hash; the (level, index, hash) of every subtree that it completed, from the leaf up."""
        done = [(0, self.size, leaf)]
        node, size, level = leaf, self.size, 0
        while size & 1:
            node = node_hash(self.edge.pop(), node)
            size >>= 1
            level += 1
            done.append((level, size, node))
        self.edge.append(node)
        self.size += 1
        return done

    def root(self) -> bytes:
        """MTH of all leaves so far."""
        return _fold_right(self.edge) if self.edge else EMPTY_ROOT


def _fold_right(parts: Sequence[bytes]) -> bytes:
    node = parts[-1]
    for part in reversed(parts[:-1]):
        node = node_hash(part, node)
    return node


def complete_subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """(level, index) of the largest complete subtrees that make up the leaves from `start` to `end`, left to right."""
    parts = []
    while start < end:
        level = min((start & -start).bit_length() - 1 if start else 64, (end - start).bit_length() - 1)
        parts.append((level, start >> level))
        start += 1 << level
    return parts


def root_of(size: int, hashes: Hashes) -> bytes:
    """MTH over the first `size` leaves."""
    return subtree_root(0, size, hashes) if size else EMPTY_ROOT


def subtree_root(start: int, end: int, hashes: Hashes) -> bytes:
    """MTH(D[start:end]) where that is a subtree of RFC 6962: `start` is a multiple of a power of two >= end - start."""
    return _fold_right([hashes.at(level, index) for level, index in complete_subtrees(start, end)])


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def inclusion_proof(index: int, size: int, hashes: Hashes) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 section 2.1.1: the sibling hashes from the leaf up."""
    assert 0 <= index < size
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree_root(middle, end, hashes))
            end = middle
        else:
            path.append(subtree_root(start, middle, hashes))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, hashes: Hashes) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962 section 2.1.2; empty where the sizes are equal."""
    assert 0 < old <= new
    return _subproof(0, old, new, hashes)


def subtree_consistency_proof(start: int, end: int, size: int, hashes: Hashes) -> list[bytes]:
    """That MTH(D[start:end]) is a subtree of the tree over `size` leaves (C2SP tlog-mirror): SUBTREE_PROOF."""
    assert 0 <= start < end <= size
    return _subproof(start, end, size, hashes)


def _subproof(start: int, end: int, size: int, hashes: Hashes) -> list[bytes]:
    """From the node that covers [start, end) up to the root; one hash more where the range ends inside a node."""
    path: list[bytes] = []
    low, high, known = 0, size, True
    while not (low == start and high == end):
        middle = low + _split(high - low)
        if end <= middle:
            path.append(subtree_root(middle, high, hashes))
            high = middle
        elif start >= middle:
            path.append(subtree_root(low, middle, hashes))
            low = middle
        else:  # [start, end) straddles: the left part is whole inside it, and goes on to the right
            assert start == low, "not a subtree"
            path.append(subtree_root(low, middle, hashes))
            low = start = middle
            known = False
    if not known:
        path.append(subtree_root(low, high, hashes))
    return path[::-1]


# --- Verification ---------------------------------------------------------------------------------------------------


def verify_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """The leaf hash stands at `index` of the tree of `size` leaves with that root (RFC 9162 section 2.1.3.2).

    Raises:
        TrustError: index out of range, wrong number or size of hashes, or another root.
    """
    _verify(root_from_inclusion(leaf, index, size, proof), root, "inclusion")


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to.

    Raises:
        TrustError: index out of range, or a proof of the wrong shape.
    """
    if not 0 <= index < size:
        raise TrustError(f"index {index} is not below the size {size}.", code="proof")
    _check_hashes([leaf, *proof])
    fn, sn, node = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            raise TrustError("the inclusion proof is too long.", code="proof")
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn:
        raise TrustError("the inclusion proof is too short.", code="proof")
    return node


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """The tree of `new` leaves begins with the tree of `old` leaves (RFC 9162 section 2.1.4.2).

    Raises:
        TrustError: a size of zero, old > new, a proof of the wrong shape, or another root.
    """
    if not 0 < old <= new:
        raise TrustError(f"no proof leads from size {old} to size {new}.", code="proof")
    if old == new:
        if proof:
            raise TrustError("a proof between equal sizes must be empty.", code="proof")
        _verify(old_root, new_root, "consistency")
        return
    verify_subtree(0, old, new, old_root, new_root, proof)


def verify_subtree(start: int, end: int, size: int, node: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """`node` = MTH(D[start:end]) is a subtree of the tree of `size` leaves with that root (C2SP tlog-mirror).

    With start = 0 this is the consistency proof of RFC 9162.

    Raises:
        TrustError: not a range of a subtree, a proof of the wrong shape, or another root.
    """
    if not 0 <= start < end <= size or (start and start & ((1 << (end - start - 1).bit_length()) - 1)):
        raise TrustError(f"[{start}, {end}) is no subtree of a tree of {size} leaves.", code="proof")
    _check_hashes([node, root, *proof])
    fn, sn, tn = start, end - 1, size - 1
    if sn == tn:  # the range is a right edge: climb while it is a right child of the same height
        while fn != sn:
            fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    else:
        while fn != sn and sn & 1:
            fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    rest = list(proof)
    if fn == sn:
        old = new = node
    else:
        if not rest:
            raise TrustError("the consistency proof is too short.", code="proof")
        old = new = rest.pop(0)
    for sibling in rest:
        if tn == 0:
            raise TrustError("the consistency proof is too long.", code="proof")
        if sn & 1 or sn == tn:
            if fn < sn:
                old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not sn & 1 and sn:
                fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
        else:
            new = node_hash(new, sibling)
        fn, sn, tn = fn >> 1, sn >> 1, tn >> 1
    if tn:
        raise TrustError("the consistency proof is too short.", code="proof")
    _verify(old, node, "consistency (old root)")
    _verify(new, root, "consistency (new root)")


def _verify(found: bytes, wanted: bytes, what: str) -> None:
    if found != wanted:
        raise TrustError(f"the {what} proof leads to another root: {found.hex()[:12]}... .", code="proof")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if len(hashes) > PROOF_MAX + 2:
        raise TrustError(f"a proof of over {PROOF_MAX} hashes.", code="proof")
    if any(len(h) != 32 for h in hashes):
        raise TrustError("a hash that doesn't have 32 bytes.", code="proof")
