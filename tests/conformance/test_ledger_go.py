"""Go's x/mod/sumdb judges the ledger: our heads open, our proofs and tiles hold, changed ones are refused.

Oracle: golang.org/x/mod/sumdb/note and tlog (BSD-3-Clause), which check Go's own checksum database, from the Debian
package golang-golang-x-mod-dev. It knows Ed25519 keys of type 0x01 alone, so cosignatures pass as lines of unknown
keys. A thousand proofs of each kind are judged here, ten thousand by `python tests/ledger_go.py 10000`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ledger_go
from concordat.errors import ConcordatError
from concordat.ledger.keys import ED25519_LOG
from concordat.ledger.merkle import MemoryHashes, inclusion_proof, leaf_hash
from concordat.ledger.note import Checkpoint, Note, NoteSigner, Signature, sign_checkpoint
from concordat.ledger.tiles import MemoryTiles, tile_path, tiles_of
from ledger_kit import NOW, ORIGIN, cosigners, ed25519, entries_of, head, log_signer, mth


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if ledger_go.missing():
        pytest.skip(ledger_go.missing())
    return ledger_go.build(tmp_path_factory.mktemp("judge"))


def test_go_accepts_a_thousand_proofs_of_each_kind_and_refuses_what_is_changed(program: Path) -> None:
    true, other = ledger_go.judged(program, 1000, seed=20261126)
    assert true == 2000
    assert other > 12_000


def _note(note: Note, signer: NoteSigner) -> dict[str, Any]:
    return {"kind": "note", "note": str(note), "vkey": str(signer.key), "text": note.text}


def test_go_opens_our_heads(program: Path) -> None:
    signers = [log_signer(), *cosigners("w.example/BRICS/witness", "w"), *cosigners("m.example/BRICS/mirror", "m")]
    names = ["a", "node.example.br/BRICS/member", "BRICS/council/3", "é/ü", "名前"]
    questions = [_note(head(entries_of(size), *signers), log_signer()) for size in (0, 1, 2, 255, 256, 700)]
    for name in names:
        signer = NoteSigner(name, ED25519_LOG, ed25519(name))
        questions.append(_note(sign_checkpoint(Checkpoint(name, 2**63 - 1, mth([b"x"])), [signer], NOW), signer))
    many = head(entries_of(3)).with_signatures(Signature(f"{i}", b"abcd", bytes(2420)) for i in range(99))
    questions.append(_note(many, log_signer()))
    assert ledger_go.ask(program, questions) == ["yes"] * len(questions)


def test_go_refuses_changed_heads_as_we_do(program: Path) -> None:
    note, signer = head(entries_of(3)), log_signer()
    (line,) = note.signatures
    broken = Signature(line.name, line.keyid, line.blob[:-1] + bytes([line.blob[-1] ^ 1]))
    changed = [
        Note(note.text.replace("\n3\n", "\n4\n"), note.signatures),
        Note(note.text, (broken,)),
        Note(note.text, (Signature(line.name, b"abcd", line.blob),)),
        Note(note.text, (Signature("other", line.keyid, line.blob),)),
        Note(note.text.replace("\n", "\r\n"), note.signatures),
        head(entries_of(3), log_signer(ORIGIN, "stranger")),
        note.with_signatures(Signature(f"{i}", b"abcd", b"x") for i in range(100)),
    ]
    answers = ledger_go.ask(program, [_note(one, signer) for one in changed])
    assert all(answer.startswith("no: ") for answer in answers), answers
    for one in changed:
        with pytest.raises(ConcordatError):
            Checkpoint.parse(str(one), [signer.key])


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600, 1025])
def test_go_reads_our_tiles(program: Path, size: int) -> None:
    entries = entries_of(size, "g")
    reader, tree = MemoryTiles(entries), MemoryHashes(leaf_hash(e) for e in entries)
    tiles = {
        tile_path(t.level, t.index, t.width): ledger_go.encoded(reader.tile(t.level, t.index, t.width))
        for t in tiles_of(size)
    }
    questions = []
    for index in sorted({0, size // 2, size - 1}):
        question = {"kind": "tiles", "size": size, "root": ledger_go.encoded(mth(entries)), "tiles": tiles}
        question |= {"index": index, "entry": ledger_go.encoded(entries[index])}
        question["proof"] = [ledger_go.encoded(h) for h in inclusion_proof(index, size, tree)]
        questions.append(question)
    assert ledger_go.ask(program, questions) == ["yes"] * len(questions)
    other = questions[0] | {"root": ledger_go.encoded(bytes(32))}
    assert ledger_go.ask(program, [other])[0].startswith("no: ")


def test_go_names_the_same_tiles(program: Path) -> None:
    pairs = [(0, n) for n in (1, 255, 256, 257, 65_535, 65_536, 70_000, 300_000)]
    pairs += [(1, 2), (255, 256), (256, 257), (300, 70_000), (65_535, 65_537)]
    questions = [
        {"kind": "paths", "old": old, "size": new, "paths": [tile_path(t.level, t.index, t.width) for t in tiles]}
        for old, new in pairs
        for tiles in [list(tiles_of(new, old))]
    ]
    assert ledger_go.ask(program, questions) == ["yes"] * len(questions)
