"""Keys on disk: closed, sealed if wished, and never without their memory."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from concordat.errors import InputError, StateError
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.note import Checkpoint
from concordat.node.identity import (
    Identity,
    make_keys,
    member_record,
    read_floor,
    read_identity,
    read_seeds,
    read_signer,
)

WHO = Identity("BRICS", "BRA", "node.example.br")


def test_keys_are_closed_to_others_and_made_once(tmp_path: Path) -> None:
    make_keys(tmp_path, WHO)
    for path in [*(tmp_path / "keys").iterdir(), *(tmp_path / "roots").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_identity(tmp_path) == WHO
    with pytest.raises(StateError, match="a node already"):
        make_keys(tmp_path, WHO)


def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    make_keys(tmp_path, WHO)
    (tmp_path / "keys" / "log.json").chmod(0o644)
    with pytest.raises(StateError, match=r"others can read this key file.*chmod 600"):
        read_signer(tmp_path, WHO)


def test_sealed_keys_need_their_passphrase(tmp_path: Path) -> None:
    make_keys(tmp_path, WHO, "correct horse")
    assert b"seeds" not in (tmp_path / "keys" / "log.json").read_bytes()
    first = read_seeds(tmp_path / "keys" / "log.json", "correct horse")
    assert len(first["ed25519"]) == 32
    with pytest.raises(InputError, match="sealed by a passphrase"):
        read_signer(tmp_path, WHO)
    with pytest.raises(InputError, match="passphrase is wrong"):
        read_signer(tmp_path, WHO, "correct horses")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"v": 1}', '{"seeds": {"ed25519": "?"}}', '{"seeds": 3}'])
def test_a_damaged_key_file_is_named(tmp_path: Path, text: str) -> None:
    make_keys(tmp_path, WHO)
    (tmp_path / "keys" / "node.json").write_text(text)
    with pytest.raises(StateError, match=r"node\.json: the key file is damaged"):
        read_signer(tmp_path, WHO)


def test_keys_without_their_memory_sign_nothing(tmp_path: Path) -> None:
    make_keys(tmp_path, WHO)
    (tmp_path / "keys" / "floor.json").unlink()
    with pytest.raises(StateError, match="what the keys have signed is not known"):
        read_signer(tmp_path, WHO)


def test_what_was_signed_is_remembered_before_the_signature_leaves(tmp_path: Path) -> None:
    make_keys(tmp_path, WHO)
    signer = read_signer(tmp_path, WHO)
    tree = MemoryHashes([leaf_hash(b"a"), leaf_hash(b"b")])
    signer.head(Checkpoint(WHO.name("log"), 2, tree.root()), 1_900_000_000, tree.root)
    assert read_floor(tmp_path).heads == {("log", WHO.name("log")): (2, tree.root())}
    again = read_signer(tmp_path, WHO)
    with pytest.raises(StateError, match=r"keys have signed 2\..*missing 1 from another member"):
        again.head(Checkpoint(WHO.name("log"), 1, tree.root(1)), 1_900_000_100, tree.root)
    other = MemoryHashes([leaf_hash(b"a"), leaf_hash(b"c"), leaf_hash(b"d")])
    with pytest.raises(StateError, match="signed another log of 2 entries"):
        again.head(Checkpoint(WHO.name("log"), 3, other.root()), 1_900_000_200, other.root)


def test_the_record_for_others_holds_no_secret(tmp_path: Path) -> None:
    make_keys(tmp_path, WHO)
    text = json.dumps(member_record(tmp_path, WHO))
    for name in ("log", "witness", "mirror", "node"):
        for seed in json.loads((tmp_path / "keys" / f"{name}.json").read_bytes())["seeds"].values():
            assert seed not in text
