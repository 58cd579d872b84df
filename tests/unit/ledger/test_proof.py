"""The proof file of one entry: its form, what it verifies, and every change of it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import pytest

from concordat.errors import InputError, TrustError
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.note import Note, Signature
from concordat.ledger.policy import Policy
from concordat.ledger.proof import TlogProof
from ledger_kit import NOW, ORIGIN, cosigners, entries_of, head, log_signer, path

ENTRIES = entries_of(23, "p")
TREE = MemoryHashes(leaf_hash(e) for e in ENTRIES)
BRA, IND = cosigners("w.br/BRICS/witness", "bra"), cosigners("w.in/BRICS/witness", "ind")
POLICY = Policy.parse(
    f"log {log_signer().key}\nwitness BRA {BRA[0].key}\nwitness IND {IND[0].key}\ngroup both all BRA IND\nquorum both\n"
)
COSIGNED = head(ENTRIES, log_signer(), *BRA, *IND)


def made(index: int = 17, note: Note = COSIGNED) -> TlogProof:
    return TlogProof(index, tuple(path(index, ENTRIES)), note)


def test_the_file_is_printed_as_the_text_has_it() -> None:
    hashes = "".join(b64encode(h).decode() + "\n" for h in path(17, ENTRIES))
    assert str(made()) == f"c2sp.org/tlog-proof@v1\nindex 17\n{hashes}\n{COSIGNED}"
    with_extra = replace(made(), extra=b"age-v1.2.1")
    assert str(with_extra) == f"c2sp.org/tlog-proof@v1\nextra YWdlLXYxLjIuMQ==\nindex 17\n{hashes}\n{COSIGNED}"
    for proof in (made(), with_extra):
        assert TlogProof.parse(str(proof)) == TlogProof.parse(str(proof).encode()) == proof


def test_a_log_of_one_entry_needs_no_hashes() -> None:
    proof = TlogProof(0, (), head(ENTRIES[:1]))
    assert str(proof).startswith("c2sp.org/tlog-proof@v1\nindex 0\n\n")
    assert TlogProof.parse(str(proof)).verify(ENTRIES[0], [log_signer().key]).checkpoint.size == 1


@pytest.mark.parametrize("index", range(len(ENTRIES)))
def test_every_entry_is_proven_and_no_other(index: int) -> None:
    proof = TlogProof.make(index, TREE, COSIGNED)
    assert proof == made(index)
    assert proof.verify(ENTRIES[index], POLICY).checkpoint == proof.checkpoint
    with pytest.raises(TrustError, match="another root"):
        proof.verify(ENTRIES[index] + b"x", POLICY)
    for other in set(range(len(ENTRIES) + 1)) - {index}:
        with pytest.raises(TrustError):
            replace(proof, index=other).verify(ENTRIES[index], POLICY)


def test_what_it_verifies_is_handed_back() -> None:
    signed = made().verify(ENTRIES[17], POLICY)
    assert signed.times([BRA[0].name, IND[0].name]) == {BRA[0].name: NOW, IND[0].name: NOW}


def test_without_the_quorum_it_is_refused_and_says_who_is_missing() -> None:
    with pytest.raises(TrustError, match="pending: 1 of 2; missing IND"):
        made(note=head(ENTRIES, log_signer(), *BRA)).verify(ENTRIES[17], POLICY)


def test_with_keys_alone_no_quorum_is_asked_for() -> None:
    made(note=head(ENTRIES)).verify(ENTRIES[17], [log_signer().key])
    made(note=head(ENTRIES)).verify(ENTRIES[17], iter([log_signer().key]))


def test_without_the_log_s_signature_it_is_refused() -> None:
    with pytest.raises(TrustError, match="not signed by a known key"):
        made().verify(ENTRIES[17], [s.key for s in BRA])


def test_a_signature_that_fails_refuses_it() -> None:
    lines = [Signature(s.name, s.keyid, s.blob[:-1] + bytes([s.blob[-1] ^ 1])) for s in COSIGNED.signatures]
    for number, broken in enumerate(lines):
        signatures = (*COSIGNED.signatures[:number], broken, *COSIGNED.signatures[number + 1 :])
        keys = [log_signer().key, *(s.key for s in (*BRA, *IND))]
        with pytest.raises(TrustError, match="does not verify"):
            made(note=Note(COSIGNED.text, signatures)).verify(ENTRIES[17], keys)


def test_another_log_will_not_do_where_one_is_named() -> None:
    made().verify(ENTRIES[17], POLICY, origin=ORIGIN)
    with pytest.raises(TrustError, match="not other"):
        made().verify(ENTRIES[17], POLICY, origin="other.example/log")


def test_extra_is_carried_and_believed_by_nobody() -> None:
    """It changes no verdict: whoever has the file can change it."""
    for extra in (None, b"anything"):
        replace(made(), extra=extra).verify(ENTRIES[17], POLICY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v2\n"),
        ("c2sp.org/tlog-proof@v1\n", "\ufeffc2sp.org/tlog-proof@v1\n"),
        ("c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\r\n"),
        ("c2sp.org/tlog-proof@v1\n", ""),
        ("index 17\n", ""),
        ("index 17\n", "index 017\n"),
        ("index 17\n", "index -1\n"),
        ("index 17\n", "index +17\n"),
        ("index 17\n", "index  17\n"),
        ("index 17\n", "index 17 \n"),
        ("index 17\n", "index 1٧\n"),
        ("index 17\n", "index 9223372036854775808\n"),
        ("index 17\n", "index 17\nindex 17\n"),
        ("index 17\n", "index 17\nextra AAAA\n"),
        ("index 17\n", "extra \nindex 17\n"),
        ("index 17\n", "extra AAAA\nextra AAAA\nindex 17\n"),
        ("index 17\n", "extra AB==\nindex 17\n"),
        ("index 17\n", "extra A\nindex 17\n"),
        ("index 17\n", "extra " + "A" * 65_540 + "\nindex 17\n"),
        ("index 17\n", "index 17\n\n"),
        ("index 17\n", "index 17\nAAAA\n"),
        ("index 17\n", "index 17\n" + (b64encode(bytes(32)).decode() + "\n") * 60),
        ("=\n\n", "=\n"),
        ("\n23\n", "\n023\n"),
        ("\n23\n", "\n23\nmore\n"),
        ("— node", "- node"),
    ],
)
def test_what_is_not_of_the_form_is_refused(old: str, new: str) -> None:
    text = str(made())
    assert old in text
    with pytest.raises(InputError):
        TlogProof.parse(text.replace(old, new, 1))


def test_bytes_that_are_no_text_or_too_many_are_refused() -> None:
    for data in (b"", b"\xff", str(made()).encode() + b"\xff", b" " * 2_000_000):
        with pytest.raises(InputError):
            TlogProof.parse(data)


def test_the_largest_that_may_be_is_read() -> None:
    proof = TlogProof(2**63 - 1, (bytes(32),) * 63, COSIGNED, b"x" * 49_152)
    assert TlogProof.parse(str(proof)) == proof
    for larger in (
        replace(proof, index=2**63),
        replace(proof, hashes=(bytes(32),) * 64),
        replace(proof, extra=b"x" * 49_153),
    ):
        with pytest.raises(InputError):
            TlogProof.parse(str(larger))


def test_a_fault_is_told_with_the_file_it_is_in() -> None:
    with pytest.raises(TrustError, match=r"^ballot\.tlog-proof: the inclusion proof leads to another root"):
        made().verify(b"other", POLICY, "ballot.tlog-proof")
