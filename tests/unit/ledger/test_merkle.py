"""Merkle trees against the recursive text of RFC 6962, known roots, and every proof that must fail."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from concordat.errors import TrustError
from concordat.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    MemoryHashes,
    complete_subtrees,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_from_inclusion,
    root_of,
    subtree_consistency_proof,
    subtree_root,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
)
from ledger_kit import entries_of, k_of, mth, path, proof

SIZE = 40
ENTRIES = entries_of(SIZE)
TREE = MemoryHashes(leaf_hash(e) for e in ENTRIES)
ROOTS = [mth(ENTRIES[:n]) for n in range(SIZE + 1)]

# The eight entries and the roots of the reference tests of Certificate Transparency (google/certificate-transparency).
CT_ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_known_roots_of_eight_entries() -> None:
    entries = [bytes.fromhex(e) for e in CT_ENTRIES]
    hashes = MemoryHashes(leaf_hash(e) for e in entries)
    assert [hashes.root(n).hex() for n in range(9)] == CT_ROOTS
    assert [mth(entries[:n]).hex() for n in range(9)] == CT_ROOTS  # the second method too
    assert EMPTY_ROOT.hex() == CT_ROOTS[0]


def test_roots_in_memory_and_at_the_edge_are_those_of_the_recursive_tree() -> None:
    edge = Frontier()
    for size, root in enumerate(ROOTS):
        assert TREE.root(size) == root_of(size, TREE) == edge.root() == root
        assert Frontier(edge.size, edge.edge).root() == root
        if size < SIZE:
            for level, index, node in edge.append(leaf_hash(ENTRIES[size])):
                assert node == mth(ENTRIES[index << level : (index + 1) << level])


@pytest.mark.parametrize("first", range(9))
def test_many_leaves_at_once_are_the_same_tree_as_one_after_the_other(first: int) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(40)]
    for size in range(first, len(leaves) + 1):
        grown = MemoryHashes(leaves[:first])
        grown.extend(iter(leaves[first:size]))
        assert grown.levels == MemoryHashes(leaves[:size]).levels
        grown.append(EMPTY_ROOT)
        assert grown.root() == MemoryHashes([*leaves[:size], EMPTY_ROOT]).root()


def test_a_tree_can_forget_its_end() -> None:
    tree = MemoryHashes(leaf_hash(e) for e in ENTRIES)
    for size in (39, 32, 17, 3, 0):
        tree.truncate(size)
        assert (tree.size, tree.root()) == (size, ROOTS[size])
        again = MemoryHashes(leaf_hash(e) for e in ENTRIES[:size])
        assert [row for row in tree.levels if row] == [row for row in again.levels if row]
    assert [tree.append(leaf_hash(e)) for e in ENTRIES[:3]] == [0, 1, 2]


def test_complete_subtrees_cover_a_range_once() -> None:
    for start in range(20):
        for end in range(start, 33):
            parts = complete_subtrees(start, end)
            assert [i for level, n in parts for i in range(n << level, n + 1 << level)] == list(range(start, end))


# --- Inclusion ------------------------------------------------------------------------------------------------------


def test_inclusion_proofs_are_those_of_the_recursive_text_and_verify() -> None:
    for size in range(1, SIZE + 1):
        for index in range(size):
            made = inclusion_proof(index, size, TREE)
            assert made == path(index, ENTRIES[:size])
            verify_inclusion(leaf_hash(ENTRIES[index]), index, size, ROOTS[size], made)


def test_an_inclusion_proof_fails_for_every_other_index_size_root_and_leaf() -> None:
    for size in (1, 2, 3, 7, 8, 13):
        for index in range(size):
            made, leaf = inclusion_proof(index, size, TREE), leaf_hash(ENTRIES[index])
            for other in set(range(-1, size + 2)) - {index}:
                assert not holds(verify_inclusion, leaf, other, size, ROOTS[size], made)
            for root in ROOTS[:size] + ROOTS[size + 1 :]:
                assert not holds(verify_inclusion, leaf, index, size, root, made)
            assert not holds(verify_inclusion, leaf_hash(b"other"), index, size, ROOTS[size], made)
            for changed in changes(made):
                assert not holds(verify_inclusion, leaf, index, size, ROOTS[size], changed)


def test_an_inclusion_proof_may_fit_several_sizes_but_only_with_their_roots() -> None:
    """The path fixes the shape near the leaf alone: the size is bound by the signed head, not by the proof."""
    made = inclusion_proof(0, 3, TREE)
    assert holds(
        verify_inclusion, leaf_hash(ENTRIES[0]), 0, 4, root_from_inclusion(leaf_hash(ENTRIES[0]), 0, 4, made), made
    )
    assert not holds(verify_inclusion, leaf_hash(ENTRIES[0]), 0, 4, ROOTS[4], made)


# --- Consistency ----------------------------------------------------------------------------------------------------


def test_consistency_proofs_are_those_of_the_recursive_text_and_verify() -> None:
    for new in range(1, SIZE + 1):
        for old in range(1, new + 1):
            made = consistency_proof(old, new, TREE)
            assert made == proof(old, ENTRIES[:new])
            verify_consistency(old, new, ROOTS[old], ROOTS[new], made)


def test_a_consistency_proof_fails_for_every_other_size_and_root() -> None:
    for new in (2, 3, 7, 8, 13):
        for old in range(1, new):
            made = consistency_proof(old, new, TREE)
            for other in set(range(-1, new + 2)) - {old}:
                if other != new or made:
                    assert not holds(verify_consistency, other, new, ROOTS[old], ROOTS[new], made)
            for root in set(ROOTS[: SIZE + 1]) - {ROOTS[old]}:
                assert not holds(verify_consistency, old, new, root, ROOTS[new], made)
            for root in set(ROOTS[: SIZE + 1]) - {ROOTS[new]}:
                assert not holds(verify_consistency, old, new, ROOTS[old], root, made)
            for changed in changes(made):
                assert not holds(verify_consistency, old, new, ROOTS[old], ROOTS[new], changed)


def test_size_zero_is_an_error_and_equal_sizes_have_an_empty_proof() -> None:
    assert not holds(verify_consistency, 0, 5, EMPTY_ROOT, ROOTS[5], [])
    assert not holds(verify_consistency, 0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    assert not holds(verify_consistency, 5, 4, ROOTS[5], ROOTS[4], [])
    assert holds(verify_consistency, 5, 5, ROOTS[5], ROOTS[5], [])
    assert not holds(verify_consistency, 5, 5, ROOTS[5], ROOTS[4], [])
    assert not holds(verify_consistency, 5, 5, ROOTS[5], ROOTS[5], [ROOTS[5]])


# --- Subtrees -------------------------------------------------------------------------------------------------------


def subtree_proof(start: int, end: int, entries: Sequence[bytes], known: bool = True) -> list[bytes]:
    """SUBTREE_PROOF of draft-ietf-plants-merkle-tree-certs, section 4.4, recursive as it is defined."""
    n = len(entries)
    if (start, end) == (0, n):
        return [] if known else [mth(entries)]
    k = k_of(n)
    if end <= k:
        return [*subtree_proof(start, end, entries[:k], known), mth(entries[k:])]
    if k <= start:
        return [*subtree_proof(start - k, end - k, entries[k:], known), mth(entries[:k])]
    return [*subtree_proof(0, end - k, entries[k:], False), mth(entries[:k])]


def subtrees(size: int) -> list[tuple[int, int]]:
    """[start, end) where start is a multiple of the least power of two that is not below end - start."""
    out = []
    for start in range(size):
        for end in range(start + 1, size + 1):
            power = 1
            while power < end - start:
                power *= 2
            if start % power == 0:
                out.append((start, end))
    return out


def test_subtree_proofs_are_those_of_the_recursive_text_and_verify() -> None:
    for size in range(1, 34):
        for start, end in subtrees(size):
            made = subtree_consistency_proof(start, end, size, TREE)
            assert made == subtree_proof(start, end, ENTRIES[:size])
            node = subtree_root(start, end, TREE)
            assert node == mth(ENTRIES[start:end])
            verify_subtree(start, end, size, node, ROOTS[size], made)


def test_subtree_proofs_fail_when_anything_is_changed() -> None:
    for size in (5, 8, 13):
        for start, end in subtrees(size):
            made, node = subtree_consistency_proof(start, end, size, TREE), mth(ENTRIES[start:end])
            assert not holds(verify_subtree, start, end, size, leaf_hash(b"other"), ROOTS[size], made)
            assert not holds(verify_subtree, start, end, size, node, ROOTS[size - 1], made)
            for changed in changes(made):
                assert not holds(verify_subtree, start, end, size, node, ROOTS[size], changed)
            for low, high in set(subtrees(size)) - {(start, end)}:
                assert not holds(verify_subtree, low, high, size, node, ROOTS[size], made)


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (0, 0), (3, 3), (4, 3), (0, 14), (1, 3), (2, 5), (4, 9), (12, 15)])
def test_what_is_no_subtree_is_refused(start: int, end: int) -> None:
    assert not holds(verify_subtree, start, end, 13, ROOTS[1], ROOTS[13], [])


# --- Shapes ---------------------------------------------------------------------------------------------------------


def test_hashes_of_another_length_and_endless_proofs_are_refused() -> None:
    for odd in (b"", bytes(31), bytes(33)):
        assert not holds(verify_inclusion, leaf_hash(ENTRIES[0]), 0, 2, ROOTS[2], [odd])
        assert not holds(verify_inclusion, odd, 0, 1, odd, [])
        assert not holds(verify_consistency, 1, 2, ROOTS[1], ROOTS[2], [odd])
    assert not holds(verify_inclusion, leaf_hash(ENTRIES[0]), 0, 2**63 - 1, ROOTS[2], [bytes(32)] * 66)


def test_the_largest_tree_has_proofs_of_63_hashes() -> None:
    hashes = [bytes([i]) * 32 for i in range(63)]
    root = root_from_inclusion(ROOTS[1], 0, 2**63 - 1, hashes)
    verify_inclusion(ROOTS[1], 0, 2**63 - 1, root, hashes)


def holds(verify: object, *arguments: object) -> bool:
    try:
        verify(*arguments)  # type: ignore[operator]
    except TrustError:
        return False
    return True


def changes(made: list[bytes]) -> list[list[bytes]]:
    """A proof with one hash gone, one more, two swapped, or one bit of any hash turned."""
    out = [[*made, bytes(32)], [bytes(32), *made]]
    for i, h in enumerate(made):
        out.append(made[:i] + made[i + 1 :])
        out.append([*made[:i], bytes([h[0] ^ 1]) + h[1:], *made[i + 1 :]])
        if i and made[i - 1] != h:
            out.append([*made[: i - 1], h, made[i - 1], *made[i + 1 :]])
    return out
