"""Vectors that others published: Merkle proofs of RFC 6962, a witness's nine requests, and pymerkle's roots.

Sources: transparency-dev/merkle (Apache-2.0), its inclusion and consistency vectors with their verdicts; the test of
litewitness in FiloSottile/torchwood (ISC), nine requests in order: all but one with the status that it expects there.
For the unknown origin it expects 403; the text of tlog-witness of July 2026 says 404. Tolerance: none.
"""

from __future__ import annotations

import importlib.util
import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import TrustError
from concordat.ledger.keys import ED25519_COSIGNATURE, ED25519_LOG, VerifierKey
from concordat.ledger.merkle import (
    MemoryHashes,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from concordat.ledger.note import Checkpoint, Note, NoteSigner, verify_note
from concordat.ledger.witness import MemoryRecords, Witness, read_cosignatures
from ledger_kit import NOW, ed25519, entries_of


def _read(shared_data: Path, name: str) -> Any:
    return json.loads((shared_data / "exchange" / "log" / name).read_text(encoding="utf-8"))


def _hashes(encoded: list[str] | None) -> list[bytes]:
    return [b64decode(h) for h in encoded or []]


def _verdict(verify: Any, *arguments: Any) -> bool:
    try:
        verify(*arguments)
    except TrustError:
        return False
    return True


def test_inclusion_vectors(shared_data: Path) -> None:
    vectors = _read(shared_data, "rfc6962-inclusion-vectors.json")["vectors"]
    assert len(vectors) > 60
    assert {v["wantErr"] for v in vectors} == {True, False}
    for v in vectors:
        leaf, root = b64decode(v["leafHash"]), b64decode(v["root"])
        good = _verdict(verify_inclusion, leaf, v["leafIdx"], v["treeSize"], root, _hashes(v["proof"]))
        assert good is not v["wantErr"], v["name"]


def test_consistency_vectors(shared_data: Path) -> None:
    vectors = _read(shared_data, "rfc6962-consistency-vectors.json")["vectors"]
    assert len(vectors) > 70
    assert {v["wantErr"] for v in vectors} == {True, False}
    for v in vectors:
        roots = b64decode(v["root1"]), b64decode(v["root2"])
        good = _verdict(verify_consistency, v["size1"], v["size2"], *roots, _hashes(v["proof"]))
        assert good is not v["wantErr"], v["name"]


# --- Nine requests --------------------------------------------------------------------------------------------------


def _scenario(shared_data: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    data = _read(shared_data, "witness-add-checkpoint-scenario.json")
    return data, next(v for v in data.values() if isinstance(v, list))


def test_nine_requests_to_a_witness(shared_data: Path) -> None:
    data, requests = _scenario(shared_data)
    public = bytes.fromhex(data["log_public_key_hex"])
    origin = f"sigsum.org/v1/tree/{sha256(public).hexdigest()}"
    signer = NoteSigner(data["witness_name"], ED25519_COSIGNATURE, ed25519("example.com/witness"))
    assert data["witness_name"] == "example.com/witness"
    witness = Witness([signer], {origin: [VerifierKey(origin, ED25519_LOG, public)]}, MemoryRecords())
    statuses = []
    for number, request in enumerate(requests):
        body = request["body"].encode()
        answer = witness.handle(body, NOW + number)
        statuses.append(answer.status)
        told = answer.body.decode()
        if "unknown log" in request["expect"]:
            assert (answer.status, request["expect_status"]) == (404, 403)
        else:
            assert answer.status == request["expect_status"], number
        kind, wanted = request["expect"].removeprefix("body ").split(" ", 1)
        assert told == json.loads(wanted) if kind == "==" else json.loads(wanted) in told, number
        if answer.status == 200:
            note = Note.parse(body.partition(b"\n\n")[2])
            checkpoint = Checkpoint.parse_text(note.text)
            (line,) = read_cosignatures(answer.body, checkpoint, [signer.key])
            (verified,) = verify_note(note.with_signatures([line]), checkpoint, [signer.key])
            assert verified.time == NOW + number
    assert statuses == [200, 403, 404, 422, 422, 200, 409, 200, 409]


# --- Another library's tree -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pymerkle() -> Any:
    if not importlib.util.find_spec("pymerkle"):
        pytest.skip("needs the package pymerkle (the extra [oracles])")
    return importlib.import_module("pymerkle")


def test_roots_equal_pymerkle_for_all_sizes_to_2000(pymerkle: Any) -> None:
    entries = entries_of(2000, "pymerkle")
    theirs, ours = pymerkle.InmemoryTree(algorithm="sha256"), MemoryHashes()
    assert ours.root() == theirs.get_root()
    for size, entry in enumerate(entries, start=1):
        theirs.append_entry(entry)
        ours.append(leaf_hash(entry))
        assert ours.root() == theirs.get_root(size), size


def test_inclusion_proofs_of_pymerkle_are_ours_behind_the_leaf(pymerkle: Any) -> None:
    """Its consistency proofs are another list (the old tree's subtrees, then the rest): not compared."""
    size = 300
    entries = entries_of(size, "pymerkle")
    theirs = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in entries:
        theirs.append_entry(entry)
    ours = MemoryHashes(leaf_hash(e) for e in entries)
    for index in range(0, size, 7):
        found = theirs.prove_inclusion(index + 1, size).path
        assert [leaf_hash(entries[index]), *inclusion_proof(index, size, ours)] == list(found)
