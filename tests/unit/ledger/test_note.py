"""Signed notes, heads and cosignatures: a published note, the text's worked bytes, and every form that is none."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from concordat.errors import InputError, TrustError
from concordat.ledger import note as note_module
from concordat.ledger.keys import (
    ED25519_COSIGNATURE,
    ED25519_LOG,
    MLDSA44_COSIGNATURE,
    Ed25519Secret,
    VerifierKey,
    verify_ed25519,
    verify_mldsa44,
)
from concordat.ledger.note import (
    Checkpoint,
    Note,
    NoteSigner,
    Signature,
    cosigned_message,
    decode_hash,
    median_time,
    sign_checkpoint,
    verify_note,
)
from ledger_kit import NOW, ORIGIN, cosigners, ed25519, entries_of, head, log_signer, mldsa44

# The worked example of Go's x/mod/sumdb/note, with its private key (the seed behind the type byte).
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SEED = b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
GO_LINE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
# The head and the cosignature that tlog-checkpoint and tlog-cosignature print.
SOFA = Checkpoint("example.com/behind-the-sofa", 20852163, b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="))
SOFA_LINE = (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+"
    "mbIUBkBIfZ+qnA=="
)
ROOT = b64encode(bytes(32)).decode()


# --- Notes ----------------------------------------------------------------------------------------------------------


def test_the_note_that_go_publishes() -> None:
    note = Note.parse(f"{GO_TEXT}\n{GO_LINE}\n")
    key = VerifierKey.parse(GO_KEY)
    (signature,) = note.signatures
    assert (note.text, signature.name, signature.keyid) == (GO_TEXT, key.name, key.id)
    verify_ed25519(key.public, signature.blob, note.text.encode())
    assert str(note) == f"{GO_TEXT}\n{GO_LINE}\n"
    secret = Ed25519Secret(GO_SEED)
    assert secret.public == key.public
    assert Signature(key.name, key.id, secret.sign(GO_TEXT.encode())).line() == GO_LINE


def test_the_text_is_what_stands_before_the_last_empty_line() -> None:
    for text in ("a\n", "a\n\nb\n", "\n", "a\n\n", "— not a signature\n"):
        note = Note.parse(f"{text}\n{GO_LINE}\n")
        assert note.text == text
        assert len(note.signatures) == 1


def test_bytes_and_text_are_read_alike() -> None:
    text = f"{GO_TEXT}\n{GO_LINE}\n"
    assert Note.parse(text) == Note.parse(text.encode())


@pytest.mark.parametrize(
    "data",
    [
        "", "\n", "a", "a\n", "a\n\n", f"a\n{GO_LINE}\n", f"a\n\n{GO_LINE}", f"a\n\n{GO_LINE}\n\n",
        f"a\n\n{GO_LINE}\nwords\n", f"a\n\nwords\n{GO_LINE}\n", f"a\x00\n\n{GO_LINE}\n", f"a\t\n\n{GO_LINE}\n",
        f"a\r\n\r\n{GO_LINE}\r\n", f"a\x1f\n\n{GO_LINE}\n", f"\ud800\n\n{GO_LINE}\n", b"\xff\n\n" + GO_LINE.encode(),
        b"\xc0\x80\n\n" + GO_LINE.encode() + b"\n", b"\xed\xa0\x80\n\n" + GO_LINE.encode() + b"\n",
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(data: str | bytes) -> None:
    with pytest.raises(InputError):
        Note.parse(data)


@pytest.mark.parametrize(
    "line",
    [
        "- a AAAAAAAAAA==", "—a AAAAAAAAAA==", "— a", "— a ", "— AAAAAAAAAA==", "—  AAAAAAAAAA==", "— a  AAAAAAAAAA==",
        "— a b AAAAAAAAAA==", "— a+b AAAAAAAAAA==", "— a\u00a0b AAAAAAAAAA==", "— a AAAAAA==", "— a AAAAAAAAAA",
        "— a AAAAAAAAAB==", "— a AAAAAAAAAA==A", "— a AAAA-AAAAA==", "— a AAAAAAAAAA== ", "— a éAAA",
        " — a AAAAAAAAAA==",
        "— a " + "A" * 16_384,
    ],
)  # fmt: skip
def test_what_is_no_signature_line_is_refused(line: str) -> None:
    with pytest.raises(InputError):
        Signature.parse(line)
    with pytest.raises(InputError):
        Note.parse(f"text\n\n{line}\n")


def test_100_signatures_and_a_megabyte_are_read_and_no_more() -> None:
    """The text asks for 16, the witness for 64 of nearly 5 kB; Go's reader stops at 100."""
    lines = [Signature(f"{i}", b"abcd", bytes(4_992)).line() for i in range(101)]
    assert len(Note.parse("text\n\n" + "\n".join(lines[:100]) + "\n").signatures) == 100
    with pytest.raises(InputError, match="101 signatures"):
        Note.parse("text\n\n" + "\n".join(lines) + "\n")
    end = f"\n\n{GO_LINE}\n"
    assert Note.parse("t" * (1_000_000 - len(end)) + end).signatures
    with pytest.raises(InputError, match="bytes"):
        Note.parse("t" * (1_000_001 - len(end)) + end)
    longest = "— a " + "A" * 16_380
    assert len(Signature.parse(longest).line()) == 16_384


def test_signatures_are_added_once() -> None:
    note = head(entries_of(3))
    more = [signer.sign(Checkpoint.parse_text(note.text), NOW) for signer in cosigners("w", "w")]
    both = note.with_signatures(more)
    assert both.signatures == (*note.signatures, *more)
    assert both.with_signatures([*more, *more, *note.signatures]) == both
    assert note.with_signatures([more[0], more[0]]).signatures == (*note.signatures, more[0])


# --- Heads ----------------------------------------------------------------------------------------------------------


def test_the_head_that_the_text_prints() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert SOFA.text() == text
    assert Checkpoint.parse_text(text) == SOFA


@pytest.mark.parametrize("origin", ["a", "with a space", "plus+plus", "é", "Armory Drive Prod 2", "— a"])
def test_an_origin_is_any_line(origin: str) -> None:
    assert Checkpoint.parse_text(f"{origin}\n0\n{ROOT}\n").origin == origin


@pytest.mark.parametrize(
    "text",
    [
        "", "a\n", f"a\n0\n{ROOT}", f"\n0\n{ROOT}\n", f"a\n\n{ROOT}\n", f"a\n00\n{ROOT}\n", f"a\n01\n{ROOT}\n",
        f"a\n-1\n{ROOT}\n", f"a\n+1\n{ROOT}\n", f"a\n1 \n{ROOT}\n", f"a\n1.0\n{ROOT}\n", f"a\n١\n{ROOT}\n",
        f"a\n9223372036854775808\n{ROOT}\n", f"a\n{'9' * 5000}\n{ROOT}\n", "a\n1\nAAAA\n", f"a\n1\n{ROOT[:-1]}\n",
        f"a\n1\n{ROOT[:-2]}B=\n", f"a\n1\n{ROOT} \n", f"a\n1\n{ROOT}\n\n", f"a\n1\n{ROOT}\nextension\n",
    ],
)  # fmt: skip
def test_what_is_no_head_is_refused(text: str) -> None:
    """Extension lines are of the format, but no log of ours has any, and ML-DSA-44 would not sign them."""
    with pytest.raises(InputError):
        Checkpoint.parse_text(text)


def test_sizes_up_to_2_63_are_read() -> None:
    assert Checkpoint.parse_text(f"a\n9223372036854775807\n{ROOT}\n").size == 2**63 - 1


@pytest.mark.parametrize(
    "encoded", ["", "A", "====", ROOT[:-1], ROOT + "A", ROOT.replace("A", "-"), "é" * 44, ROOT + "\n"]
)
def test_what_is_no_hash_is_refused(encoded: str) -> None:
    with pytest.raises(InputError):
        decode_hash(encoded, "here")


# --- Signatures -----------------------------------------------------------------------------------------------------


def keys_of(*signers: NoteSigner) -> list[VerifierKey]:
    return [signer.key for signer in signers]


W = cosigners("w.example/BRICS/witness", "w")
HEAD = Checkpoint(ORIGIN, 3, bytes(range(32)))
NOTE = sign_checkpoint(HEAD, [log_signer(), *W], NOW)


def test_every_known_key_is_verified_and_has_its_time() -> None:
    signed = Checkpoint.parse(str(NOTE), keys_of(log_signer(), *W))
    assert [(v.key.kind, v.time) for v in signed.verified] == [
        (ED25519_LOG, None), (ED25519_COSIGNATURE, NOW), (MLDSA44_COSIGNATURE, NOW)
    ]  # fmt: skip
    assert signed.times([W[0].name, "nobody"]) == {W[0].name: NOW}
    assert signed.times([W[0].name], MLDSA44_COSIGNATURE) == {W[0].name: NOW}


def test_lines_of_unknown_keys_are_passed_over_even_with_a_known_name_or_id() -> None:
    line = NOTE.signatures[0]
    odd = [
        Signature(line.name, b"abcd", line.blob),
        Signature("other.example", line.keyid, line.blob),
        Signature("x", b"abcd", b"y"),
    ]
    signed = Checkpoint.parse(str(Note(NOTE.text, (*odd, line))), keys_of(log_signer()))
    assert [v.key for v in signed.verified] == keys_of(log_signer())


def test_a_known_key_whose_signature_fails_refuses_the_note() -> None:
    for number, line in enumerate(NOTE.signatures):
        for at in (0, 7, 8, len(line.blob) - 1):
            broken = Signature(line.name, line.keyid, line.blob[:at] + bytes([line.blob[at] ^ 1]) + line.blob[at + 1 :])
            lines = (*NOTE.signatures[:number], broken, *NOTE.signatures[number + 1 :])
            with pytest.raises(TrustError):
                Checkpoint.parse(str(Note(NOTE.text, lines)), keys_of(log_signer(), *W))


def test_what_verified_is_not_verified_again_and_what_failed_is(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bytes] = []
    real = note_module.verify_ed25519
    monkeypatch.setattr(note_module, "verify_ed25519", lambda *given: tried.append(given[1]) or real(*given))
    head = Checkpoint(ORIGIN, 4, bytes(range(1, 33)))
    note = sign_checkpoint(head, [log_signer(), W[0]], NOW)
    keys = keys_of(log_signer(), W[0])
    assert verify_note(note, head, keys) == verify_note(note, head, keys)
    assert tried == [note.signatures[0].blob, note.signatures[1].blob[8:]]
    other = Checkpoint(ORIGIN, 4, bytes(32))  # the same signatures below another head are other ones
    for count in (3, 4):
        with pytest.raises(TrustError):
            verify_note(Note(other.text(), note.signatures), other, keys)
        assert len(tried) == count


def test_a_cosignature_of_another_length_refuses_the_note() -> None:
    for line in NOTE.signatures[1:]:
        for blob in (line.blob[:-1], line.blob + b"x", line.blob[8:], b"x"):
            with pytest.raises(TrustError):
                verify_note(Note(NOTE.text, (Signature(line.name, line.keyid, blob),)), HEAD, keys_of(*W))


def test_a_note_without_a_known_signature_of_the_log_is_refused() -> None:
    for keys in ([], keys_of(*W), keys_of(log_signer(ORIGIN, "another"))):
        with pytest.raises(TrustError, match="not signed by a known key"):
            Checkpoint.parse(str(NOTE), keys)
    stranger = log_signer("other.example/log", "other")
    with pytest.raises(TrustError, match="not signed"):
        Checkpoint.parse(str(sign_checkpoint(HEAD, [stranger], NOW)), keys_of(stranger))


def test_a_key_signs_once() -> None:
    with pytest.raises(TrustError, match="signed twice"):
        verify_note(Note(NOTE.text, NOTE.signatures[:1] * 2), HEAD, keys_of(log_signer()))


def test_a_signature_of_one_role_is_none_of_another() -> None:
    """One secret, three types: the ids differ, and so do the signed bytes."""
    secret = ed25519("one secret")
    log, cosigner = NoteSigner(ORIGIN, ED25519_LOG, secret), NoteSigner(ORIGIN, ED25519_COSIGNATURE, secret)
    assert log.key.id != cosigner.key.id
    swapped = Signature(ORIGIN, cosigner.key.id, NOW.to_bytes(8, "big") + log.sign(HEAD).blob)
    with pytest.raises(TrustError):
        verify_note(Note(HEAD.text(), (swapped,)), HEAD, [cosigner.key])


# --- Cosignatures: the bytes that are signed ------------------------------------------------------------------------


def test_the_bytes_of_an_ed25519_cosignature_are_those_that_the_text_prints() -> None:
    wanted = (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert cosigned_message(SOFA, "witness.example.com/w1", 1679315147, ED25519_COSIGNATURE) == wanted


def test_the_time_of_the_cosignature_that_the_text_prints() -> None:
    line = Signature.parse(SOFA_LINE)
    assert len(line.blob) == 72
    assert int.from_bytes(line.blob[:8], "big") == 1679315147


def test_the_bytes_of_an_mldsa_cosignature() -> None:
    """Field by field from the structure of tlog-cosignature, in the presentation language of RFC 8446."""
    fields = [
        b"subtree/v1\n\x00", b"\x16", b"witness.example.com/w1", (1679315147).to_bytes(8, "big"), b"\x1b",
        b"example.com/behind-the-sofa", (0).to_bytes(8, "big"), (20852163).to_bytes(8, "big"), SOFA.root,
    ]  # fmt: skip
    assert len(fields[0]) == 12
    message = b"".join(fields)
    assert cosigned_message(SOFA, "witness.example.com/w1", 1679315147, MLDSA44_COSIGNATURE) == message
    signer = NoteSigner("witness.example.com/w1", MLDSA44_COSIGNATURE, mldsa44("w1"))
    blob = signer.sign(SOFA, 1679315147).blob
    assert len(blob) == 8 + 2420
    assert blob[:8] == fields[3]
    verify_mldsa44(signer.key.public, blob[8:], message)


def test_names_and_origins_of_over_255_bytes_have_no_mldsa_form() -> None:
    long = "o" * 256
    with pytest.raises(InputError):
        cosigned_message(Checkpoint(long, 1, bytes(32)), "w", 1, MLDSA44_COSIGNATURE)
    with pytest.raises(InputError):
        cosigned_message(SOFA, long, 1, MLDSA44_COSIGNATURE)
    both = cosigned_message(Checkpoint(long[1:], 1, bytes(32)), long[1:], 1, MLDSA44_COSIGNATURE)
    assert both.count(b"\xff" + b"o" * 255) == 2


@pytest.mark.parametrize("time", [0, 2**63, 2**64 - 1])
@pytest.mark.parametrize("signer", W, ids=["Ed25519", "ML-DSA-44"])
def test_a_time_of_zero_or_beyond_2_63_is_refused_even_where_it_is_signed(signer: NoteSigner, time: int) -> None:
    signed = signer.secret.sign(cosigned_message(HEAD, signer.name, time, signer.kind))
    line = Signature(signer.name, signer.key.id, time.to_bytes(8, "big") + signed)
    with pytest.raises(TrustError, match="no time"):
        verify_note(Note(HEAD.text(), (line,)), HEAD, [signer.key])


@pytest.mark.parametrize("time", [1, 2**63 - 1])
@pytest.mark.parametrize("signer", W, ids=["Ed25519", "ML-DSA-44"])
def test_every_time_between_is_read(signer: NoteSigner, time: int) -> None:
    (verified,) = verify_note(sign_checkpoint(HEAD, [signer], time), HEAD, [signer.key])
    assert verified.time == time


def test_times_are_of_the_names_and_the_kind_that_are_asked_for() -> None:
    other = cosigners("v.example/BRICS/witness", "v")
    note = Note(NOTE.text, (*NOTE.signatures, *(s.sign(HEAD, NOW + i) for i, s in enumerate(other, 1))))
    signed = Checkpoint.parse(str(note), keys_of(log_signer(), *W, *other))
    assert signed.times([W[0].name]) == {W[0].name: NOW}
    assert signed.times([other[0].name]) == {other[0].name: NOW + 1}
    assert signed.times([other[0].name], MLDSA44_COSIGNATURE) == {other[0].name: NOW + 2}
    assert signed.times([ORIGIN]) == {}


def test_without_mldsa_such_lines_are_passed_over_and_never_taken_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(note_module, "has_mldsa", lambda: False)
    signed = Checkpoint.parse(str(NOTE), keys_of(log_signer(), *W))
    assert [v.key.kind for v in signed.verified] == [ED25519_LOG, ED25519_COSIGNATURE]


def test_a_cosigner_gives_a_time() -> None:
    with pytest.raises(AssertionError):
        W[0].sign(HEAD)


@pytest.mark.parametrize(
    ("times", "median"), [([5], 5), ([1, 9], 1), ([9, 1, 5], 5), ([1, 2, 3, 100], 2), ([7] * 4, 7)]
)
def test_the_median_is_the_lower_one(times: list[int], median: int) -> None:
    assert median_time(times) == median
    assert median_time({str(i): t for i, t in enumerate(times)}) == median
