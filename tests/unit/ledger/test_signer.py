"""What keys refuse to sign, whatever the database says; the words they refuse with; the file beside them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from concordat.errors import StateError
from concordat.ledger.council_log import Certificate
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.note import Checkpoint
from concordat.ledger.signer import Floor, Signer
from simulation.keys import signer

NOW = 1_900_000_000
TREE, OTHER = (MemoryHashes(leaf_hash(bytes([i, b])) for i in range(9)) for b in (0, 1))


def at(size: int, tree: MemoryHashes = TREE, origin: str = "BRICS/council/2") -> Checkpoint:
    return Checkpoint(origin, size, tree.root(size))


def certificate(view: int, size: int) -> Certificate:
    return Certificate(view, size, bytes(32), (), "0" * 64)


@pytest.fixture
def keys() -> Signer:
    it = signer("BRA", stub=True)
    it.cosign("mirror", at(5), NOW, TREE.root, 2)
    return it


@pytest.mark.parametrize(
    ("head", "tree", "view", "words"),
    [
        (at(4), TREE, 2, "has 4 entries, but its keys have signed 5"),
        (at(5, OTHER), OTHER, 2, "has signed another log of 5 entries"),
        (at(7, OTHER), OTHER, 2, "has signed another log of 5 entries"),
        (at(1, origin="BRICS/council/1"), TREE, 1, "promised to cosign nothing below view 2"),
    ],
)
def test_refused(keys: Signer, head: Checkpoint, tree: MemoryHashes, view: int, words: str) -> None:
    with pytest.raises(StateError, match=words):
        keys.cosign("mirror", head, NOW, tree.root, view)


def test_time_never_goes_back(keys: Signer) -> None:
    (line,) = keys.cosign("mirror", at(6), NOW - 500, TREE.root, 2)
    assert int.from_bytes(line.blob[:8], "big") == NOW


def test_a_vote_names_no_less_than_a_cosigned_head_carried(keys: Signer) -> None:
    with pytest.raises(StateError, match="view 3 naming less than view 2, size 4"):
        keys.vote("BRICS", 3, certificate(2, 3))
    assert keys.vote("BRICS", 3, certificate(2, 4)).place == (2, 4)
    with pytest.raises(StateError, match="below view 3"):
        keys.cosign("mirror", at(6), NOW, TREE.root, 2)


def test_the_first_head_of_a_later_view_does_not_forget_what_was_cosigned_before(keys: Signer) -> None:
    """It carries no certificate of its view: the floor of the view before stays."""
    keys.cosign("mirror", at(1, origin="BRICS/council/4"), NOW, TREE.root, 4)
    with pytest.raises(StateError, match="less than view 2, size 4"):
        keys.vote("BRICS", 5, certificate(1, 9))


def test_the_floor_is_saved_before_a_signature_leaves() -> None:
    saved: list[dict] = []
    it = signer("BRA", stub=True)
    it._save = lambda floor: saved.append(floor.as_json())
    it.cosign("mirror", at(3), NOW, TREE.root, 2, certificate(2, 2))
    assert saved[-1]["heads"] == [["mirror", "BRICS/council/2", 3, TREE.root(3).hex()]]
    assert Floor.from_json(saved[-1]) == it.floor
    restored = signer("BRA", stub=True, floor=Floor.from_json(saved[-1]))
    assert restored.vote("BRICS", 3, restored.floor.certificate).place == (2, 2)
    with pytest.raises(StateError, match="concordat node sync --from FOLDER"):
        restored.cosign("mirror", at(2), NOW, TREE.root, 3)


def test_its_own_mark_is_an_hmac_of_its_own_key_and_moves_no_floor() -> None:
    """Against another implementation of HMAC (RFC 2104)."""

    def other(key: bytes, data: bytes) -> bytes:
        made = HMAC(key, SHA256())
        made.update(data)
        return made.finalize()

    keys = signer("BRA")
    before = keys.floor.as_json()
    seed = keys._keys["log"][0].secret.seed
    wanted = other(other(seed, b"concordat own mark v1"), b"what was noted")
    assert keys.own_mark(b"what was noted") == keys.own_mark(b"what ", memoryview(b"was noted")) == wanted
    assert signer("IND").own_mark(b"what was noted") != wanted
    assert keys.floor.as_json() == before
