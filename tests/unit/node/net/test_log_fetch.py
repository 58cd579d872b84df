"""Ranges of a log from any source: what comes out is exactly what was missing, and nothing that its head doesn't name.

The tree is computed a second way here: `MemoryTiles` and `MemoryHashes` over all entries.
"""

from __future__ import annotations

import base64
import random

import pytest

from concordat.errors import TrustError
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.messages import Entries
from concordat.ledger.note import Checkpoint
from concordat.ledger.tiles import MemoryTiles, pack_bundle
from concordat.node.log_fetch import NOTHING, LogFetch, OtherLogError, Piece, Stand
from concordat.node.sources import MemorySource, read_range

ORIGIN = "a.example/log"


def _leaves(size: int, start: int = 0) -> list[bytes]:
    return [b"entry %d" % i for i in range(start, start + size)]


def _note(leaves: list[bytes]) -> str:
    head = Checkpoint(ORIGIN, len(leaves), MemoryHashes(map(leaf_hash, leaves)).root())
    return f"{head.text()}\n— {ORIGIN} {base64.b64encode(bytes(68)).decode()}\n"


def _stand(leaves: list[bytes], size: int) -> Stand:
    return Stand.of(size, MemoryHashes(map(leaf_hash, leaves[:size])))


def _fetched(leaves: list[bytes], held: int, source: MemorySource | None = None, most: int = 10_000) -> list[Entries]:
    note = _note(leaves)
    return list(read_range(source or MemorySource(leaves, note), LogFetch(note, _stand(leaves, held), most)))


def _joined(found: list[Entries]) -> tuple[int, list[bytes]]:
    """The entries of messages that follow each other without a gap."""
    at = found[0].start
    out: list[bytes] = []
    for message in found:
        assert message.start == at + len(out)
        assert 1 <= len(message.leaves) <= 256
        out += message.leaves
    return at, out


SIZES = [(0, 1), (0, 255), (0, 256), (0, 257), (1, 2), (255, 256), (256, 257), (300, 700), (511, 512), (0, 2048)]
LARGE = [(0, 2049), (0, 2304), (0, 2560), (1, 5000), (300, 4097), (2048, 5120), (4000, 6400), (0, 6399)]


@pytest.mark.parametrize(("held", "size"), SIZES + LARGE)
def test_exactly_what_is_missing_comes_out(held: int, size: int) -> None:
    leaves = _leaves(size)
    start, found = _joined(_fetched(leaves, held))
    assert (start, found) == (held, leaves[held:])


def test_across_the_first_tile_of_the_second_level() -> None:
    """65,536 entries make a level-1 tile full: its parent on level 2 must name it."""
    leaves = _leaves(66_100)
    start, found = _joined(_fetched(leaves, 100))
    assert (start, found) == (100, leaves[100:])


class _Lying(MemorySource):
    """A source with one file changed."""

    def tile(self, level: int, n: int, width: int) -> bytes:
        data = super().tile(level, n, width)
        return self.changed(Piece(level, n, width), data)  # type: ignore[attr-defined]

    def bundle(self, n: int, width: int) -> bytes:
        data = super().bundle(n, width)
        return self.changed(Piece(-1, n, width), data)  # type: ignore[attr-defined]


def _pieces(leaves: list[bytes], held: int) -> list[Piece]:
    """Every file that is asked for."""
    asked: list[Piece] = []

    class Noting(MemorySource):
        def tile(self, level: int, n: int, width: int) -> bytes:
            asked.append(Piece(level, n, width))
            return super().tile(level, n, width)

        def bundle(self, n: int, width: int) -> bytes:
            asked.append(Piece(-1, n, width))
            return super().bundle(n, width)

    note = _note(leaves)
    list(read_range(Noting(leaves, note), LogFetch(note, _stand(leaves, held), 10_000)))
    return asked


@pytest.mark.parametrize(("held", "size"), [(0, 300), (200, 700), (0, 2304), (300, 3000)])
def test_every_file_is_checked_a_changed_byte_anywhere_is_found(held: int, size: int) -> None:
    leaves = _leaves(size)
    note = _note(leaves)
    draw = random.Random(size)
    for wrong in _pieces(leaves, held):
        at = draw.randrange(1_000_000)

        def changed(piece: Piece, data: bytes, wrong: Piece = wrong, at: int = at) -> bytes:
            if piece != wrong:
                return data
            place = at % len(data)
            return data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :]

        lying = _Lying(leaves, note)
        lying.changed = changed  # type: ignore[attr-defined]
        good: list[bytes] = []

        def take(lying: MemorySource = lying, good: list[bytes] = good) -> None:
            for message in read_range(lying, LogFetch(note, _stand(leaves, held), 10_000)):
                good += message.leaves

        with pytest.raises(TrustError):
            take()
        assert good == leaves[held : held + len(good)], "what came out before is good"


@pytest.mark.parametrize("cut", [0, 1, 5, 20])
def test_torn_files_are_named(cut: int) -> None:
    leaves = _leaves(10)
    fetch = LogFetch(_note(leaves), NOTHING, 10, where="stick")
    (piece,) = fetch.ask()
    with pytest.raises(TrustError, match=r"stick: tile/entries/000\.p/10: the bundle"):
        fetch.give(piece, pack_bundle(leaves)[:-cut] if cut else b"")


def test_a_tile_of_another_length_is_refused() -> None:
    leaves = _leaves(3000)
    fetch = LogFetch(_note(leaves), NOTHING, 100)
    tile = next(p for p in fetch.ask() if p.level == 1)
    with pytest.raises(TrustError, match="bytes instead of 352"):
        fetch.give(tile, b"x" * 351)


@pytest.mark.parametrize(("common", "mine", "theirs"), [(3, 5, 8), (300, 400, 700), (10, 400, 700), (256, 300, 3000)])
def test_another_log_of_the_same_owner_comes_out_whole(common: int, mine: int, theirs: int) -> None:
    """Its files fit its own head and contradict what is held: the replica gets all of it, and makes the proof."""
    held = _leaves(common) + _leaves(mine - common, 10_000)
    other = _leaves(common) + _leaves(theirs - common, 20_000)
    note = _note(other)
    fetch = LogFetch(note, _stand(held, mine), 10_000)
    start, found = _joined(list(read_range(MemorySource(other, note), fetch)))
    assert (start, found) == (0, other)
    assert fetch.whole


def test_a_head_over_nothing_that_exists_is_refused() -> None:
    leaves = _leaves(700)
    wrong = _note([*leaves[:-1], b"another"])
    with pytest.raises(OtherLogError, match="not those of its head"):
        list(read_range(MemorySource(leaves, wrong), LogFetch(wrong, _stand(leaves, 300), 100)))


def test_few_requests_for_a_long_log() -> None:
    """10,000 entries: 40 bundles, one tile of level 1: no file twice."""
    asked = _pieces(_leaves(10_000), 0)
    assert len(asked) == len(set(asked)) == 41


def test_memory_source_serves_what_tiles_do() -> None:
    leaves = _leaves(600)
    source = MemorySource(leaves, _note(leaves))
    assert source.tile(0, 2, 88) == MemoryTiles(leaves).tile(0, 2, 88)
    assert str(source.head()) == _note(leaves)
