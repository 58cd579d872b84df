"""The witness: each check, its answer, and their order; what it stores, and when; times; bounds."""

from __future__ import annotations

import itertools
from base64 import b64encode
from dataclasses import dataclass, field

import pytest

from concordat.errors import InputError, TrustError
from concordat.ledger.keys import ED25519_COSIGNATURE, ED25519_LOG, MLDSA44_COSIGNATURE
from concordat.ledger.note import Checkpoint, Note, NoteSigner, Signature, sign_checkpoint, verify_note
from concordat.ledger.witness import (
    AddCheckpoint,
    Answer,
    Equivocation,
    MemoryRecords,
    Record,
    Witness,
    read_cosignatures,
)
from ledger_kit import NOW, ORIGIN, cosigners, ed25519, entries_of, head, log_signer, mldsa44, mth, proof

WITNESS = cosigners("w.example/BRICS/witness", "witness")
ENTRIES = entries_of(40)


def witness(records: MemoryRecords | None = None, signers: list[NoteSigner] | None = None) -> Witness:
    return Witness(WITNESS if signers is None else signers, {ORIGIN: [log_signer().key]}, records or MemoryRecords())


def request(old: int, new: int, note: Note | None = None, hashes: list[bytes] | None = None) -> bytes:
    given = (proof(old, ENTRIES[:new]) if old else []) if hashes is None else hashes
    return AddCheckpoint(old, tuple(given), str(note or head(ENTRIES[:new])).encode()).to_bytes()


def words(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body.decode()


def test_a_log_grows_and_each_head_is_cosigned_with_both_keys() -> None:
    one = witness()
    for now, (old, new) in enumerate([(0, 1), (1, 1), (1, 2), (2, 7), (7, 8), (8, 33), (33, 40)], start=NOW):
        answer = one.handle(request(old, new), now)
        assert answer.status == 200
        assert answer.content_type.startswith("text/plain")
        note = Note.parse(str(head(ENTRIES[:new])) + answer.body.decode())
        verified = verify_note(note, Checkpoint.parse_text(note.text), [s.key for s in WITNESS])
        assert [(v.key.kind, v.time) for v in verified] == [(ED25519_COSIGNATURE, now), (MLDSA44_COSIGNATURE, now)]
        lines = answer.body.decode().splitlines(keepends=True)
        assert all(line.startswith("— w.example/BRICS/witness ") and line.endswith("\n") for line in lines)


def test_a_log_may_begin_with_its_empty_tree() -> None:
    one = witness()
    assert one.handle(request(0, 0), NOW).status == 200
    assert one.handle(request(0, 3), NOW).status == 200


def test_the_empty_tree_has_one_root() -> None:
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), [log_signer()], NOW)
    assert witness().handle(request(0, 0, note), NOW).status == 409


def test_a_request_is_printed_as_it_is_read() -> None:
    body = request(3, 7)
    assert AddCheckpoint.parse(body).to_bytes() == body
    lines = body.decode().split("\n")
    assert lines[0] == "old 3"
    assert lines[1:4] == [b64encode(h).decode() for h in proof(3, ENTRIES[:7])][:3]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0",
        b"old 0\n",
        b"old 00\n\n",
        b"old 01\n\n",
        b"old -1\n\n",
        b"old +1\n\n",
        b"old  1\n\n",
        b"old 1 \n\n",
        b"old 1\r\n\r\n",
        b"Old 1\n\n",
        b"old \xd9\xa1\n\n",
        b"old 9223372036854775808\n\n",
        b"old 99999999999999999999\n\n",
        b"\nold 1\n\n",
        b"old 1\nAAAA\n\n",
        b"old 1\n" + b64encode(bytes(31)) + b"\n\n",
        b"old 1\n" + b64encode(bytes(33)) + b"\n\n",
        b"old 1\n" + b64encode(bytes(32))[:-1] + b"\n\n",
        b"old 1\n" + b64encode(bytes(32))[:-2] + b"B=\n\n",  # stray bits
        b"old 1\n" + b"".join(b64encode(bytes(32)) + b"\n" for _ in range(64)) + b"\n",
    ],
)
def test_a_body_that_is_not_of_the_form_is_400(body: bytes) -> None:
    with pytest.raises(InputError):
        AddCheckpoint.parse(body)
    assert witness().handle(body + str(head(ENTRIES[:1])).encode(), NOW).status == 400


def test_the_largest_old_size_is_read() -> None:
    assert AddCheckpoint.parse(b"old 9223372036854775807\n\n").old == 2**63 - 1


@pytest.mark.parametrize(("size", "read"), [(512 * 1024, True), (512 * 1024 + 1, False)])
def test_the_bound_of_a_body_is_512_kib(size: int, read: bool) -> None:
    body = b"old 0\n\n" + b"n" * (size - 7)
    assert len(body) == size
    if read:
        assert len(AddCheckpoint.parse(body).note) == size - 7
    else:
        with pytest.raises(InputError, match="bytes"):
            AddCheckpoint.parse(body)


def test_63_hashes_are_read() -> None:
    body = request(1, 2, hashes=[bytes(32)] * 63)
    assert len(AddCheckpoint.parse(body).proof) == 63


@pytest.mark.parametrize(
    "note",
    [
        "",
        "no note",
        f"{ORIGIN}\n1\n",
        f"{ORIGIN}\n01\n{b64encode(bytes(32)).decode()}\n\n— a AAAAAAAAAA==\n",
        f"{ORIGIN}\n1\nAAAA\n\n— a AAAAAAAAAA==\n",
        f"{ORIGIN}\n1\n{b64encode(bytes(32)).decode()}\n\n- a AAAAAAAAAA==\n",
        f"{ORIGIN}\n1\n{b64encode(bytes(32)).decode()}\n\n— a AAAAAAAAAA==",
        f"{ORIGIN}\n1\n{b64encode(bytes(32)).decode()}\n\n",
        f"{ORIGIN}\n1\n{b64encode(bytes(32)).decode()}\n\n— a b c\n",
        f"{ORIGIN}\t\n1\n{b64encode(bytes(32)).decode()}\n\n— a AAAAAAAAAA==\n",
    ],
)
def test_a_note_that_is_none_is_400(note: str) -> None:
    assert witness().handle(b"old 0\n\n" + note.encode(), NOW).status == 400


def test_an_unknown_origin_is_404() -> None:
    note = head(ENTRIES[:1], log_signer("other.example/log"), origin="other.example/log")
    assert words(witness().handle(request(0, 1, note), NOW)) == (404, "unknown log: other.example/log\n")


def test_no_signature_of_a_known_key_is_403() -> None:
    stranger = log_signer(ORIGIN, "stranger")
    assert witness().handle(request(0, 1, head(ENTRIES[:1], stranger)), NOW).status == 403


def test_a_bad_signature_of_a_known_key_is_403_whatever_stands_beside_it() -> None:
    good = head(ENTRIES[:1])
    (line,) = good.signatures
    broken = Signature(line.name, line.keyid, line.blob[:-1] + bytes([line.blob[-1] ^ 1]))
    for lines in ((broken,), (line, broken), (broken, line)):
        assert witness().handle(request(0, 1, Note(good.text, lines)), NOW).status == 403


def test_lines_of_unknown_keys_are_passed_over_and_not_stored() -> None:
    good = head(ENTRIES[:1])
    (line,) = good.signatures
    strangers = (
        Signature("someone.example", b"abcd", b"anything"),
        Signature(line.name, b"abcd", line.blob),  # the name of a known key
        Signature("someone.example", line.keyid, line.blob),  # its id
    )
    records = MemoryRecords()
    assert witness(records).handle(request(0, 1, Note(good.text, (*strangers, line))), NOW).status == 200
    assert records.records[ORIGIN] == Record(1, mth(ENTRIES[:1]), str(good), NOW)


def test_a_log_with_two_keys_signs_every_head_with_the_first() -> None:
    """Else two heads of one size could have one signature each, by two keys, and nobody could prove it."""
    both = [log_signer(), NoteSigner(ORIGIN, MLDSA44_COSIGNATURE, mldsa44("log"))]
    one = Witness(WITNESS[:1], {ORIGIN: [s.key for s in both]}, MemoryRecords())
    assert one.handle(request(0, 1, head(ENTRIES[:1], both[1])), NOW).status == 403
    assert one.handle(request(0, 1, head(ENTRIES[:1], *both)), NOW).status == 200
    assert one.handle(request(1, 2, head(ENTRIES[:2], both[0])), NOW).status == 200


def test_after_a_change_of_keys_either_will_do() -> None:
    new = log_signer(ORIGIN, "the new key")
    one = Witness(WITNESS[:1], {ORIGIN: [log_signer().key, new.key]}, MemoryRecords())
    assert one.handle(request(0, 1), NOW).status == 200
    assert one.handle(request(1, 2, head(ENTRIES[:2], new)), NOW).status == 200


def test_stray_bits_in_the_last_digit_of_a_signature_are_passed_over() -> None:
    line = head(ENTRIES[:1]).signatures[0].line()
    assert line.endswith("=")
    last = line[-2]
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stray = digits[digits.index(last) ^ 1]
    body = request(0, 1).replace(line.encode(), (line[:-2] + stray + "=").encode())
    records = MemoryRecords()
    assert witness(records).handle(body, NOW).status == 200
    assert records.records[ORIGIN].note == str(head(ENTRIES[:1]))


def test_old_above_the_size_is_400() -> None:
    one = witness()
    assert one.handle(request(2, 1, hashes=[]), NOW).status == 400
    assert one.handle(request(0, 2), NOW).status == 200
    assert one.handle(request(3, 2, hashes=[]), NOW).status == 400


@pytest.mark.parametrize(("first", "old", "new"), [(0, 3, 5), (5, 0, 5), (5, 3, 7), (5, 6, 7), (5, 0, 3), (5, 3, 3)])
def test_another_old_size_than_the_recorded_is_409_with_it(first: int, old: int, new: int) -> None:
    records = MemoryRecords()
    one = witness(records)
    if first:
        assert one.handle(request(0, first), NOW).status == 200
    before = dict(records.records)
    answer = one.handle(request(old, new), NOW)
    assert answer == Answer(409, "text/x.tlog.size", f"{first}\n".encode())
    assert records.records == before


def forged(size: int, root: bytes = bytes(32), *signers: NoteSigner) -> Note:
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), signers or [log_signer()], NOW)


@pytest.mark.parametrize(("old", "status"), [(5, 409), (3, 409), (0, 409)])
def test_two_roots_of_one_size_are_kept_whatever_old_says(old: int, status: int) -> None:
    records = MemoryRecords()
    one = witness(records)
    assert one.handle(request(0, 5), NOW).status == 200
    answer = one.handle(request(old, 5, forged(5), []), NOW)
    assert answer.status == status
    assert (answer.content_type == "text/x.tlog.size") is (old != 5)
    found = records.forks[ORIGIN]
    assert found == Equivocation(ORIGIN, str(head(ENTRIES[:5])), str(forged(5)), (log_signer().key,))
    roots = {Checkpoint.parse(text, found.keys).checkpoint.root for text in (found.first, found.second)}
    assert len(roots) == 2
    assert records.records[ORIGIN].root == mth(ENTRIES[:5])


def test_a_head_of_a_stranger_is_no_fork() -> None:
    records = MemoryRecords()
    one = witness(records)
    assert one.handle(request(0, 5), NOW).status == 200
    stranger = log_signer(ORIGIN, "stranger")
    assert one.handle(request(5, 5, forged(5, bytes(32), stranger), []), NOW).status == 403
    assert one.handle(request(5, 5), NOW).status == 200
    assert not records.forks


def test_a_fork_between_two_keys_can_t_be_proved_and_is_refused_all_the_same() -> None:
    records = MemoryRecords()
    new = log_signer(ORIGIN, "the new key")
    assert witness(records).handle(request(0, 5), NOW).status == 200
    later = Witness(WITNESS, {ORIGIN: [new.key]}, records)
    assert later.handle(request(5, 5, forged(5, bytes(32), new), []), NOW).status == 409
    assert not records.forks


@pytest.mark.parametrize("old", [1, 2, 3, 5, 8])
def test_a_proof_that_fails_is_422_and_nothing_is_signed(old: int) -> None:
    records = MemoryRecords()
    one = witness(records)
    assert one.handle(request(0, old), NOW).status == 200
    before = dict(records.records)
    good = proof(old, ENTRIES[:11])
    bad = [good[:-1], [*good, bytes(32)], [bytes(32), *good[1:]], [], good[::-1]]
    for hashes in [hashes for hashes in bad if hashes != good]:
        answer = one.handle(request(old, 11, hashes=hashes), NOW)
        assert answer.status == 422
        assert b"consistency proof" in answer.body
    assert one.handle(request(old, 11, forged(11)), NOW).status == 422
    assert records.records == before
    assert one.handle(request(old, 11), NOW).status == 200


def test_a_proof_from_nothing_must_be_empty() -> None:
    assert witness().handle(request(0, 3, hashes=[bytes(32)]), NOW).status == 422


def test_a_proof_between_equal_sizes_must_be_empty() -> None:
    one = witness()
    assert one.handle(request(0, 3), NOW).status == 200
    assert one.handle(request(3, 3, hashes=[bytes(32)]), NOW).status == 422


def test_the_first_check_that_fails_answers() -> None:
    """Requests with two faults each: the answer is that of the earlier check."""
    one = witness()
    assert one.handle(request(0, 5), NOW).status == 200
    other = head(ENTRIES[:1], log_signer("other.example/log", "other"), origin="other.example/log")
    stranger = head(ENTRIES[:1], log_signer(ORIGIN, "stranger"))
    cases = [
        (request(9, 1, other, []).replace(b"old 9", b"old 09"), 400),  # form, before the origin
        (request(9, 1, other, []), 404),  # origin, before old > size
        (request(9, 1, stranger, []), 403),  # signature, before old > size
        (request(9, 5, forged(5), []), 400),  # old > size, before the root
        (request(4, 5, forged(5), [bytes(32)]), 409),  # recorded size, before the proof
        (request(5, 5, forged(5), [bytes(32)]), 409),  # root, before the proof
        (request(5, 9, forged(9), [bytes(32)]), 422),
    ]
    assert [one.handle(body, NOW).status for body, _ in cases] == [status for _, status in cases]


# --- Storing --------------------------------------------------------------------------------------------------------


@dataclass
class Journal(MemoryRecords):
    """Records that note what was asked of them; `refuse` answers come first."""

    done: list[str] = field(default_factory=list)
    refuse: list[bool] = field(default_factory=list)

    def replace(self, origin: str, known: Record | None, new: Record) -> bool:
        stored = not (self.refuse and self.refuse.pop(0)) and super().replace(origin, known, new)
        self.done.append(f"stored {new.size}" if stored else "refused")
        return stored


class Telltale(NoteSigner):
    """A signer that notes when it signs."""

    journal: list[str]

    def sign(self, checkpoint: Checkpoint, time: int = 0) -> Signature:
        self.journal.append(f"signed {checkpoint.size}")
        return super().sign(checkpoint, time)


def test_the_head_is_stored_before_it_is_signed() -> None:
    records = Journal()
    signer = Telltale("w.example", ED25519_COSIGNATURE, ed25519("witness"))
    object.__setattr__(signer, "journal", records.done)
    assert witness(records, [signer]).handle(request(0, 4), NOW).status == 200
    assert records.done == ["stored 4", "signed 4"]


def test_a_store_that_fails_leaves_no_signature() -> None:
    class Full(MemoryRecords):
        def replace(self, *_: object) -> bool:
            raise OSError("disk full")

    signer = Telltale("w.example", ED25519_COSIGNATURE, ed25519("witness"))
    journal: list[str] = []
    object.__setattr__(signer, "journal", journal)
    with pytest.raises(OSError, match="disk full"):
        witness(Full(), [signer]).handle(request(0, 4), NOW)
    assert journal == []


def test_a_request_that_lost_the_race_sees_the_new_size() -> None:
    """Two requests for old 2: between check and store of the first, the second is stored."""

    class Raced(MemoryRecords):
        def replace(self, origin: str, known: Record | None, new: Record) -> bool:
            if new.size == 3:
                assert witness(self).handle(request(2, 9), NOW).status == 200
            return super().replace(origin, known, new)

    records = Raced()
    assert witness(records).handle(request(0, 2), NOW).status == 200
    assert witness(records).handle(request(2, 3), NOW) == Answer(409, "text/x.tlog.size", b"9\n")
    assert records.records[ORIGIN].size == 9


def test_a_store_that_refuses_is_asked_a_bounded_number_of_times() -> None:
    records = Journal(refuse=[True] * 100)
    assert witness(records).handle(request(0, 2), NOW).status == 503
    assert records.done == ["refused"] * 4
    assert witness(Journal(refuse=[True])).handle(request(0, 2), NOW).status == 200


# --- Times ----------------------------------------------------------------------------------------------------------


def time_of(answer: Answer, size: int) -> int:
    checkpoint = Checkpoint(ORIGIN, size, mth(ENTRIES[:size]))
    (line, _) = read_cosignatures(answer.body, checkpoint, [s.key for s in WITNESS])
    return int.from_bytes(line.blob[:8], "big")


def test_times_never_fall_also_between_logs() -> None:
    other = "other.example/log"
    records = MemoryRecords()
    one = Witness(WITNESS, {ORIGIN: [log_signer().key], other: [log_signer(other).key]}, records)
    assert one.handle(request(0, 1), NOW).status == 200
    assert one.handle(request(0, 1, head(ENTRIES[:1], origin=other)), NOW - 120).status == 200
    assert records.records[other].time == NOW
    assert time_of(one.handle(request(1, 2), NOW - 1), 2) == NOW
    assert time_of(one.handle(request(2, 3), NOW + 1), 3) == NOW + 1


def test_a_clock_that_went_far_back_does_not_sign() -> None:
    records = MemoryRecords()
    one = witness(records)
    assert one.handle(request(0, 1), NOW).status == 200
    assert one.handle(request(1, 2), NOW - 121).status == 503
    assert one.handle(request(1, 2), 0).status == 503
    assert records.records[ORIGIN].size == 1


# --- Bounds ---------------------------------------------------------------------------------------------------------


def test_64_signatures_of_5_kb_are_read() -> None:
    good = head(ENTRIES[:1])
    many = tuple(Signature(f"{i}." + "n" * 250, b"abcd", bytes(5_116)) for i in range(63))
    body = request(0, 1, Note(good.text, (*many, *good.signatures)), [])
    assert len(body) > 420_000
    assert witness().handle(body, NOW).status == 200


def test_a_longer_body_is_400() -> None:
    good = head(ENTRIES[:1])
    many = tuple(Signature(f"{i}.example", b"abcd", bytes(6_000)) for i in range(70))
    body = request(0, 1, Note(good.text, (*many, *good.signatures)))
    assert len(body) > 512 * 1024
    assert witness().handle(body, NOW).status == 400


def test_over_100_signatures_are_400() -> None:
    good = head(ENTRIES[:1])
    many = tuple(Signature(f"{i}.example", b"abcd", b"x") for i in range(100))
    assert witness().handle(request(0, 1, Note(good.text, (*many, *good.signatures))), NOW).status == 400


def test_a_witness_is_not_built_with_a_log_s_key_or_without_one_of_the_log() -> None:
    with pytest.raises(AssertionError, match="cosigns"):
        witness(signers=[log_signer()])
    with pytest.raises(AssertionError, match="no Ed25519 key"):
        Witness(WITNESS, {ORIGIN: []}, MemoryRecords())
    with pytest.raises(AssertionError):
        Witness(WITNESS, {"o" * 256: [log_signer("o" * 256).key]}, MemoryRecords())
    for signers, length in ((WITNESS, 255), (WITNESS[:1], 256)):
        Witness(signers, {"o" * length: [log_signer("o" * length).key]}, MemoryRecords())


# --- The sender's side ----------------------------------------------------------------------------------------------


def test_the_sender_takes_the_lines_of_known_keys_alone() -> None:
    answer = witness().handle(request(0, 3), NOW)
    checkpoint = Checkpoint(ORIGIN, 3, mth(ENTRIES[:3]))
    assert [s.keyid for s in read_cosignatures(answer.body, checkpoint, [WITNESS[0].key])] == [WITNESS[0].key.id]
    assert read_cosignatures(answer.body, checkpoint, [log_signer().key]) == ()


def test_the_sender_refuses_a_signature_of_a_known_key_that_fails() -> None:
    answer = witness().handle(request(0, 3), NOW)
    with pytest.raises(TrustError):
        read_cosignatures(answer.body, Checkpoint(ORIGIN, 4, mth(ENTRIES[:4])), [s.key for s in WITNESS])


@pytest.mark.parametrize("body", [b"", b"words\n", b"\n\n", b"text\n\n\xe2\x80\x94 a AAAAAAAAAA==\n"])
def test_the_sender_refuses_what_are_no_signature_lines(body: bytes) -> None:
    with pytest.raises(InputError):
        read_cosignatures(body, Checkpoint(ORIGIN, 3, mth(ENTRIES[:3])), [])


def test_a_witness_without_keys_takes_heads_in_and_signs_nothing() -> None:
    records = MemoryRecords()
    assert witness(records, []).handle(request(0, 3), NOW).body == b""
    assert records.records[ORIGIN].size == 3


def test_every_path_of_growth_is_followed() -> None:
    """All ways from 1 to 6 in steps: the same last record."""
    for count in range(5):
        for stops in itertools.combinations(range(2, 6), count):
            one = witness(signers=WITNESS[:1])
            sizes = [0, 1, *stops, 6]
            assert all(one.handle(request(a, b), NOW).status == 200 for a, b in itertools.pairwise(sizes))


def test_the_kinds_of_keys_are_those_of_the_text() -> None:
    assert (ED25519_LOG, ED25519_COSIGNATURE, MLDSA44_COSIGNATURE) == (1, 4, 6)
