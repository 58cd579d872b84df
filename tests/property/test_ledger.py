"""The ledger's forms: what is printed is read back, and whatever bytes come in, only our own errors come out."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from concordat import canonical
from concordat.errors import ConcordatError
from concordat.ledger.entry import ENTRY_TYPE, Entry, Envelope, sign_envelope
from concordat.ledger.keys import ED25519_LOG, VerifierKey
from concordat.ledger.membership import MEMBERSHIP_TYPE, Membership
from concordat.ledger.merkle import (
    Frontier,
    MemoryHashes,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    subtree_consistency_proof,
    subtree_root,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
)
from concordat.ledger.mirror import AddEntries, MemoryMirror, Mirror, MirrorInfo, Package, package_ranges, request_for
from concordat.ledger.note import Checkpoint, Note, NoteSigner, Signature
from concordat.ledger.policy import Group, Policy
from concordat.ledger.proof import TlogProof
from concordat.ledger.tiles import MemoryTiles, pack_bundle, parse_tile_path, root_from_tiles, tile_path, unpack_bundle
from concordat.ledger.witness import AddCheckpoint, MemoryRecords, Witness, read_cosignatures
from ledger_kit import NOW, ORIGIN, cosigners, ed25519, head, log_signer, mth
from simulation.keys import NAMES, membership_payload, sign_membership

FEW = settings(max_examples=60)

# --- Parts ----------------------------------------------------------------------------------------------------------

hashes = st.binary(min_size=32, max_size=32)
sizes = st.integers(0, 2**63 - 1)
printable = st.characters(exclude_categories=["C", "Z"], exclude_characters="+")
names = st.text(printable, min_size=1, max_size=20)
signatures = st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
texts = st.lists(lines, min_size=1, max_size=4).map(lambda parts: "\n".join(parts) + "\n")
notes = st.builds(Note, texts, st.lists(signatures, min_size=1, max_size=4).map(tuple))
origins = lines.filter(lambda text: text != "")
checkpoints = st.builds(Checkpoint, origins, sizes, hashes)
heads = st.builds(
    lambda checkpoint, signed: Note(checkpoint.text(), tuple(signed)),
    checkpoints,
    st.lists(signatures, min_size=1, max_size=3),
)
proofs = st.builds(
    TlogProof,
    sizes,
    st.lists(hashes, max_size=63).map(tuple),
    heads,
    st.none() | st.binary(min_size=1, max_size=40),
)
entries = st.lists(st.binary(max_size=40), max_size=40)
POOL = [log_signer(f"log{i}.example", f"log{i}").key for i in range(4)]
WITNESSES = [NoteSigner(f"w{i}.example", 4, ed25519(f"w{i}")).key for i in range(8)]


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Witnesses and groups of them, groups of groups, each name used once."""
    words = st.text(printable, min_size=1, max_size=8)
    taken = {"none"}

    def name() -> str:
        taken.add(found := draw(words.filter(lambda word: word not in taken)))
        return found

    witnesses = tuple((name(), key) for key in draw(st.permutations(WITNESSES))[: draw(st.integers(0, 6))])
    free, groups = [found for found, _ in witnesses], []
    for _ in range(draw(st.integers(0, 4))):
        if free:
            members = draw(st.permutations(free))[: draw(st.integers(1, len(free)))]
            free = [word for word in free if word not in members]
            groups.append(Group(name(), draw(st.integers(1, len(members))), tuple(members)))
            free.append(groups[-1].name)
    quorum = draw(st.sampled_from([*(taken - {"none"}), "none"]))
    return Policy(tuple(draw(st.permutations(POOL))[: draw(st.integers(0, 4))]), witnesses, tuple(groups), quorum)


@st.composite
def mirror_requests(draw: st.DrawFn) -> AddEntries:
    """A prefix of the canonical sequence, with entries and proofs that mean nothing."""
    start = draw(st.integers(0, 2**64 - 1))
    end = draw(st.one_of(st.integers(start, min(start + 20, 2**64 - 1)), st.integers(start, 2**64 - 1)))
    ranges = [r for r, _ in zip(package_ranges(start, end), range(draw(st.integers(0, 2))), strict=False)]
    packages = []
    for low, high in ranges:
        seed = draw(st.binary(max_size=3))
        packages.append(Package((seed,) * (high - low), tuple(draw(st.lists(hashes, max_size=3)))))
    return AddEntries(draw(origins), start, end, draw(st.binary(max_size=10)), tuple(packages))


# --- What is printed is read back -----------------------------------------------------------------------------------


@given(notes)
def test_notes(note: Note) -> None:
    assert Note.parse(str(note)) == Note.parse(str(note).encode()) == note


@given(checkpoints)
def test_heads(checkpoint: Checkpoint) -> None:
    assert Checkpoint.parse_text(checkpoint.text()) == checkpoint


@given(proofs)
def test_proof_files(proof: TlogProof) -> None:
    assert TlogProof.parse(str(proof)) == proof


@given(policies())
def test_policies(policy: Policy) -> None:
    assert Policy.parse(str(policy)) == policy


@given(st.sampled_from(WITNESSES + POOL))
def test_verifier_keys(key: VerifierKey) -> None:
    assert VerifierKey.parse(str(key)) == key


@given(st.binary(max_size=200), st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=3, unique=True))
def test_envelopes(payload: bytes, words: list[bytes]) -> None:
    secrets = [(ED25519_LOG, ed25519(word.hex())) for word in words]
    envelope = sign_envelope(ENTRY_TYPE, payload, secrets)
    assert Envelope.parse(envelope.to_bytes(), ENTRY_TYPE) == envelope
    for (keyid, _), public in zip(envelope.signatures, _publics(envelope, secrets), strict=True):
        envelope.verify(keyid, public, "it")


def _publics(envelope: Envelope, secrets: list[Any]) -> list[bytes]:
    from concordat.ledger.keys import entry_keyid

    known = {entry_keyid(secret.public): secret.public for _, secret in secrets}
    return [known[keyid] for keyid, _ in envelope.signatures]


@given(st.one_of(st.integers(0, 7), st.just("entries")), st.integers(0, 2**55), st.integers(1, 256))
def test_tile_paths(level: Any, index: int, width: int) -> None:
    assert parse_tile_path(tile_path(level, index, width)) == (level, index, width)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundles(found: list[bytes]) -> None:
    assert unpack_bundle(pack_bundle(found)) == found


@FEW
@given(mirror_requests())
def test_mirror_requests(asked: AddEntries) -> None:
    assert AddEntries.parse(asked.to_bytes()) == asked


@given(sizes, sizes, st.binary(max_size=40))
def test_mirror_infos(size: int, next_entry: int, ticket: bytes) -> None:
    told = MirrorInfo(size, next_entry, ticket)
    assert MirrorInfo.parse(told.to_bytes()) == told


@given(sizes, st.lists(hashes, max_size=63), heads)
def test_witness_requests(old: int, proof: list[bytes], note: Note) -> None:
    asked = AddCheckpoint(old, tuple(proof), str(note).encode())
    assert AddCheckpoint.parse(asked.to_bytes()) == asked


# --- Whatever comes in, only our own errors come out ----------------------------------------------------------------

GOOD_HEAD = head([b"a", b"b"], log_signer(), *cosigners("w.example", "w"))
MEMBERSHIP = sign_membership(membership_payload(4), NAMES[:3])
GOOD: list[tuple[Callable[[bytes], Any], bytes]] = [
    (Note.parse, str(GOOD_HEAD).encode()),
    (lambda data: Note.parse(_text(data)), str(GOOD_HEAD).encode()),
    (lambda data: Checkpoint.parse(_text(data), [log_signer().key]), str(head([b"a"])).encode()),
    (lambda data: Checkpoint.parse_text(_text(data)), GOOD_HEAD.text.encode()),
    (TlogProof.parse, str(TlogProof(1, (bytes(32),), GOOD_HEAD, b"extra")).encode()),
    (lambda data: TlogProof.parse(_text(data)), str(TlogProof(1, (), GOOD_HEAD)).encode()),
    (lambda data: Policy.parse(_text(data)), f"log {POOL[0]}\nwitness a {WITNESSES[0]}\nquorum a\n".encode()),
    (lambda data: VerifierKey.parse(_text(data)), str(POOL[0]).encode()),
    (lambda data: Signature.parse(_text(data)), GOOD_HEAD.signatures[0].line().encode()),
    (lambda data: parse_tile_path(_text(data)), b"tile/entries/x001/x234/067.p/200"),
    (unpack_bundle, pack_bundle([b"abc", b"", b"d"])),
    (AddEntries.parse, AddEntries("o", 0, 2, b"t", (Package((b"a", b"b"), (bytes(32),)),)).to_bytes()),
    (MirrorInfo.parse, MirrorInfo(5, 3, b"tick").to_bytes()),
    (AddCheckpoint.parse, AddCheckpoint(1, (bytes(32),), str(GOOD_HEAD).encode()).to_bytes()),
    (lambda data: Envelope.parse(data, ENTRY_TYPE), sign_envelope(ENTRY_TYPE, b"{}", [(1, ed25519("a"))]).to_bytes()),
    (Entry.parse, sign_envelope(ENTRY_TYPE, b'{"v":1}', [(1, ed25519("a"))]).to_bytes()),
    (Membership.parse, MEMBERSHIP),
    (
        lambda data: read_cosignatures(data, Checkpoint(ORIGIN, 1, bytes(32)), [log_signer().key]),
        b"\xe2\x80\x94 a AAAA",
    ),
]
IDS = [
    "note", "note text", "head", "head text", "proof", "proof text", "policy", "vkey", "signature", "tile path",
    "bundle", "add-entries", "mirror-info", "add-checkpoint", "envelope", "entry", "membership", "cosignatures",
]  # fmt: skip


def _text(data: bytes) -> str:
    """Bytes as text in which anything may stand, half characters too."""
    return data.decode("utf-8", "surrogateescape")


def _only_ours(parse: Callable[[bytes], Any], data: bytes) -> None:
    with suppress(ConcordatError):
        parse(data)


@pytest.mark.parametrize(("parse", "good"), GOOD, ids=IDS)
@settings(max_examples=50)
@given(data=st.binary(max_size=300))
@example(data=b"")
@example(data=b"9" * 5000)
@example(data=b"[" * 100_000)
def test_any_bytes(parse: Callable[[bytes], Any], good: bytes, data: bytes) -> None:
    _only_ours(parse, data)


@pytest.mark.parametrize(("parse", "good"), GOOD, ids=IDS)
@settings(max_examples=100)
@given(change=st.data())
def test_good_bytes_with_a_change(parse: Callable[[bytes], Any], good: bytes, change: st.DataObject) -> None:
    """A piece of the good form is replaced: more of the parser is reached than with noise."""
    at = change.draw(st.integers(0, len(good)))
    end = change.draw(st.integers(at, min(at + 6, len(good))))
    odd = st.sampled_from([b"\n", b"\n\n", b"=", b"\xff", b"\x00", b"9" * 5000, "٣".encode(), b" ", b"+", b"-1"])
    _only_ours(parse, good[:at] + change.draw(st.binary(max_size=4) | odd) + good[end:])


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3), max_leaves=5))
def test_json_of_any_shape_in_every_field_of_an_envelope(value: Any) -> None:
    shapes = [
        value,
        {"payload": value, "payloadType": ENTRY_TYPE, "signatures": [{"keyid": "0" * 16, "sig": "AAAA"}]},
        {"payload": "AAAA", "payloadType": value, "signatures": [{"keyid": "0" * 16, "sig": "AAAA"}]},
        {"payload": "AAAA", "payloadType": ENTRY_TYPE, "signatures": value},
        {"payload": "AAAA", "payloadType": ENTRY_TYPE, "signatures": [value]},
        {"payload": "AAAA", "payloadType": ENTRY_TYPE, "signatures": [{"keyid": value, "sig": "AAAA"}]},
        {"payload": "AAAA", "payloadType": ENTRY_TYPE, "signatures": [{"keyid": "0" * 16, "sig": value}]},
    ]
    for shape in shapes:
        _only_ours(Entry.parse, json.dumps(shape).encode())
        payload = b64encode(json.dumps(shape, separators=(",", ":")).encode()).decode()
        whole = {"payload": payload, "payloadType": ENTRY_TYPE, "signatures": [{"keyid": "0" * 16, "sig": "AAAA"}]}
        _only_ours(Entry.parse, json.dumps(whole, separators=(",", ":")).encode())


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.sampled_from(["", "BRA", "0" * 64, "AAAA", "é"]),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(["v", "id", "key", "view"]), x, max_size=3),
    max_leaves=6,
)


def _replaced(value: Any, draw: st.DataObject) -> Any:
    """A tree of JSON in which one part, anywhere, is another."""
    if isinstance(value, dict) and value and draw.draw(st.integers(0, 5)):
        key = draw.draw(st.sampled_from(sorted(value)))
        return value | {key: _replaced(value[key], draw)}
    if isinstance(value, list) and value and draw.draw(st.integers(0, 5)):
        at = draw.draw(st.integers(0, len(value) - 1))
        return [*value[:at], _replaced(value[at], draw), *value[at + 1 :]]
    return draw.draw(json_values)


@settings(max_examples=200)
@given(st.data())
def test_a_membership_with_one_part_changed(draw: st.DataObject) -> None:
    payload = _replaced(membership_payload(4), draw)
    data = canonical.dumps(payload)
    envelope = sign_envelope(MEMBERSHIP_TYPE, data, [(ED25519_LOG, ed25519("root"))]).to_bytes()
    _only_ours(Membership.parse, envelope)


@settings(max_examples=200)
@given(st.data())
def test_an_entry_with_one_part_changed(draw: st.DataObject) -> None:
    entry = Entry.new(
        author="BRA", bloc="BRICS", membership=1, person="node", seq=2, prev="0" * 63 + "1", scope="council",
        ts="2026-05-04T13:20:11Z", type="BallotCast", body={"a": ["b", 1]}, secret=ed25519("node"), refs=["1" * 64],
    )  # fmt: skip
    payload = canonical.dumps(_replaced(canonical.loads(entry.payload), draw))
    leaf = sign_envelope(ENTRY_TYPE, payload, [(ED25519_LOG, ed25519("node"))]).to_bytes()
    with suppress(ConcordatError):
        found = Entry.parse(leaf).verify(ed25519("node").public)
        assert found.payload == payload
        assert isinstance(found.chain, tuple)


WITNESS = Witness(cosigners("w.example", "w")[:1], {ORIGIN: [log_signer().key]}, MemoryRecords())


@given(st.binary(max_size=300) | heads.map(lambda note: b"old 0\n\n" + str(note).encode()))
def test_a_witness_answers_anything(body: bytes) -> None:
    assert WITNESS.handle(body, NOW).status in (400, 403, 404)


@given(
    st.binary(max_size=300)
    | st.binary(max_size=60).map(lambda tail: AddEntries(ORIGIN, 0, 5, b"", ()).to_bytes() + tail)
)
def test_a_mirror_answers_anything(body: bytes) -> None:
    store = MemoryMirror()
    first = AddCheckpoint(0, (), str(head([b"x"] * 5)).encode()).to_bytes()
    assert Witness([], {ORIGIN: [log_signer().key]}, store).handle(first, NOW).status == 200
    mirror = Mirror(cosigners("m.example", "m")[:1], [ORIGIN], store)
    for data, packed in ((body, False), (body, True), (gzip.compress(body), True)):
        assert mirror.handle(data, NOW, gzip=packed).status in (400, 404, 409, 422)
    assert store.next_entry(ORIGIN) == 0


# --- Trees ----------------------------------------------------------------------------------------------------------


@FEW
@given(entries, st.data())
def test_proofs_of_any_log_verify(found: list[bytes], data: st.DataObject) -> None:
    tree = MemoryHashes(leaf_hash(entry) for entry in found)
    edge = Frontier()
    for entry in found:
        edge.append(leaf_hash(entry))
    size = len(found)
    assert tree.root() == edge.root() == root_from_tiles(MemoryTiles(found), size) == mth(found)
    if found:
        index = data.draw(st.integers(0, size - 1))
        verify_inclusion(leaf_hash(found[index]), index, size, tree.root(), inclusion_proof(index, size, tree))
        old = data.draw(st.integers(1, size))
        verify_consistency(old, size, mth(found[:old]), tree.root(), consistency_proof(old, size, tree))


@settings(max_examples=30)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=4), st.data())
def test_a_mirror_fed_in_any_steps_holds_the_log(steps: list[int], data: st.DataObject) -> None:
    total = sum(steps)
    log = [b"%d" % i for i in range(total)]
    tree = MemoryHashes(leaf_hash(entry) for entry in log)
    store = MemoryMirror()
    mirror = Mirror(cosigners("m.example", "m")[:1], [ORIGIN], store)
    size = 0
    for step in steps:
        proof = consistency_proof(size, size + step, tree) if size else []
        size += step
        checkpoint = Checkpoint(ORIGIN, size, tree.root(size))
        note = Note(checkpoint.text(), (log_signer().sign(checkpoint),))
        body = AddCheckpoint(size - step, tuple(proof), str(note).encode()).to_bytes()
        assert Witness([], {ORIGIN: [log_signer().key]}, store).handle(body, NOW).status == 200
        while True:
            start = data.draw(st.integers(max(0, store.next_entry(ORIGIN) - 300), store.next_entry(ORIGIN)))
            asked = request_for(ORIGIN, start, size, lambda low, high: log[low:high], tree)
            answer = mirror.handle(asked.to_bytes(), NOW)
            assert answer.status in (200, 202)
            if answer.status == 200:
                break
    assert store.entries[ORIGIN] == log
    assert store.trees[ORIGIN].root() == tree.root()


@FEW
@given(st.integers(1, 300), st.data())
def test_subtrees_of_any_log_verify(size: int, data: st.DataObject) -> None:
    tree = MemoryHashes(leaf_hash(b"%d" % i) for i in range(size))
    level = data.draw(st.integers(0, 8))
    start = data.draw(st.integers(0, (size - 1) >> level)) << level
    end = data.draw(st.integers(start + 1, min(size, start + (1 << level))))
    proof = subtree_consistency_proof(start, end, size, tree)
    verify_subtree(start, end, size, subtree_root(start, end, tree), tree.root(), proof)
