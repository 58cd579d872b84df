"""Leaves that lie in a store are the list that they stand for, and none that was changed there is ever given."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from concordat.errors import TrustError
from concordat.ledger import leaves as module
from concordat.ledger.leaves import Kept, Leaves
from concordat.ledger.merkle import MemoryHashes, leaf_hash

ORIGIN = "node.example/BRICS/member"


class Disk:
    """A store of one log, which counts what it is asked for."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.held, self.asked = list(leaves), 0

    def leaves(self, _: str, start: int, stop: int) -> list[bytes]:
        self.asked += 1
        return self.held[start:stop]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("LOT", 4), ("LOTS_KEPT", 2), ("NEWEST", 6), ("MOST", 12)):
        monkeypatch.setattr(module, name, value)


def some(count: int) -> list[bytes]:
    return [f"leaf {n}".encode() for n in range(count)]


def opened(count: int, disk: Disk) -> tuple[Leaves, MemoryHashes]:
    """Leaves of which the first are in a store, as a node opens them."""
    tree, found = MemoryHashes(map(leaf_hash, some(count))), Leaves()
    before = max(0, count - module.NEWEST)
    found.begin(Kept(disk, ORIGIN, tree), before, disk.held[before:count])
    return found, tree


@pytest.mark.parametrize("count", [0, 1, 5, 6, 7, 9, 10, 30, 31])
def test_they_are_the_list_that_they_stand_for(count: int) -> None:
    plain = some(count)
    found, _ = opened(count, Disk(plain))
    assert (list(found), len(found)) == (plain, count)
    assert [found[i] for i in range(-count, count)] == plain * 2
    for start in range(count + 2):
        for stop in range(count + 2):
            assert list(found[start:stop]) == plain[start:stop]
            assert list(found[start:][: max(0, stop - start)]) == plain[start:][: max(0, stop - start)]
    assert found == plain
    assert found[:3] != [*plain[:2], b"other"]
    for outside in (count, -count - 1):
        with pytest.raises(IndexError):
            found[outside]


def test_only_the_newest_are_in_memory_and_a_lot_is_read_once() -> None:
    disk = Disk(some(30))
    found, _ = opened(30, disk)
    assert (disk.asked, len(found._parts[1])) == (0, 6)
    assert [found[i] for i in (24, 29, -1, -6)] == [disk.held[i] for i in (24, 29, 29, 24)]
    assert disk.asked == 0
    assert [found[i] for i in (4, 7, 5, 6)] == [disk.held[i] for i in (4, 7, 5, 6)]
    assert disk.asked == 1
    for i in range(24):
        assert found[i] == disk.held[i]
    assert len(found._lots) <= 2


def test_what_was_added_leaves_memory_once_it_is_stored() -> None:
    disk, tree, found, plain = Disk([]), MemoryHashes(), Leaves(), some(40)
    for n, leaf in enumerate(plain):
        found.append(leaf)
        tree.append(leaf_hash(leaf))
        if n % 3 == 2:  # a commit of three
            disk.held += plain[n - 2 : n + 1]
            if found.many(n + 1):
                found.settle(Kept(disk, ORIGIN, tree), n + 1)
        assert (len(found), found[-1], found[0]) == (n + 1, leaf, plain[0])
        assert len(found._parts[1]) <= 15
    assert found == plain


def test_a_copy_stays_as_it_was() -> None:
    found, tree = opened(20, Disk(some(30)))
    copied, part = found.copy(), found[3:18]
    found.append(b"one more")
    tree.append(leaf_hash(b"one more"))
    assert (copied == some(20), list(part) == some(20)[3:18], found[20]) == (True, True, b"one more")
    found.truncate(17)
    assert (list(found), list(copied)) == (some(17), some(20))
    found.truncate(9)
    found.append(b"another")
    assert list(found) == [*some(9), b"another"]
    assert found[8] == some(9)[8]


@pytest.mark.parametrize("changed", [0, 5, 12, 23])
def test_a_leaf_that_was_changed_is_not_given(changed: int) -> None:
    disk = Disk(some(30))
    found, _ = opened(30, disk)
    disk.held[changed] = b"changed"
    with pytest.raises(TrustError, match="not the one that was logged") as caught:
        found[changed]
    assert str(changed) in str(caught.value.where)
    for other in {changed - 1, changed + 1} - {-1}:
        assert found[other] == some(30)[other], "its neighbours are given"
    with pytest.raises(TrustError):
        list(found)
    with pytest.raises(TrustError):
        list(found[changed : changed + 1])


def test_a_leaf_that_is_gone_is_missed() -> None:
    disk = Disk(some(30))
    found, _ = opened(30, disk)
    del disk.held[3:]
    assert found[2] == some(3)[2]
    with pytest.raises(TrustError, match="0 entries where 1 should be"):
        found[3]
    with pytest.raises(TrustError, match="3 entries where 4 should be"):
        list(found)


def test_whoever_keeps_the_log_hears_of_a_leaf_that_was_changed() -> None:
    disk, heard = Disk(some(30)), list[str]()
    tree, found = MemoryHashes(map(leaf_hash, some(30))), Leaves()
    found.begin(Kept(disk, ORIGIN, tree, heard.append), 24, some(30)[24:])
    assert (found[3], heard) == (b"leaf 3", [])
    disk.held[9] = b"changed"
    with pytest.raises(TrustError):
        found[9]
    assert all("entry 9: the entry is not the one that was logged" in words for words in heard)
    assert heard


def test_who_reads_while_another_settles_reads_all_of_it() -> None:
    plain = some(20)
    tree, found = MemoryHashes(map(leaf_hash, plain)), Leaves(list(plain))
    reading = iter(found)
    got = [next(reading) for _ in range(3)]
    found.settle(Kept(Disk(plain), ORIGIN, tree), 20)
    assert [*got, *reading] == plain
    assert list(found) == plain
