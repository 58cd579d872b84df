"""The mirror: each check, its answer, their order; packages; what is stored and when; bombs; two clients at once."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import pytest

from concordat.errors import InputError, RuleError
from concordat.ledger.keys import ED25519_COSIGNATURE, MLDSA44_COSIGNATURE
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.mirror import (
    AddEntries,
    Body,
    EndedError,
    MemoryMirror,
    Mirror,
    MirrorInfo,
    Package,
    package_ranges,
    request_for,
)
from concordat.ledger.note import Checkpoint, Note, Signature, verify_note
from concordat.ledger.witness import AddCheckpoint, Answer, Record, Witness
from ledger_kit import NOW, ORIGIN, cosigners, entries_of, head, log_signer, mth, proof

MIRROR = cosigners("m.example/BRICS/mirror", "mirror")
SIZE = 1400
ENTRIES = entries_of(SIZE, "m")
TREE = MemoryHashes(leaf_hash(e) for e in ENTRIES)
INFO = "text/x.tlog.mirror-info"


@cache
def signed(size: int) -> str:
    return str(head(ENTRIES[:size]))


def mirror(*sizes: int, records: MemoryMirror | None = None, check: object = None) -> tuple[Mirror, MemoryMirror]:
    """A mirror that took in the heads of these sizes."""
    store = MemoryMirror() if records is None else records
    before = 0
    for size in sizes:
        take_in(store, before, size)
        before = size
    return Mirror(MIRROR, [ORIGIN], store, check), store  # type: ignore[arg-type]


def take_in(store: MemoryMirror, old: int, new: int) -> None:
    hashes = tuple(proof(old, ENTRIES[:new])) if old else ()
    body = AddCheckpoint(old, hashes, signed(new).encode()).to_bytes()
    assert Witness([], {ORIGIN: [log_signer().key]}, store).handle(body, NOW) == Answer(
        200, "text/plain; charset=utf-8", b""
    )


def some(low: int, high: int) -> Sequence[bytes]:
    return ENTRIES[low:high]


def request(start: int, end: int) -> AddEntries:
    return request_for(ORIGIN, start, end, some, TREE)


def info(answer: Answer) -> tuple[int, int, int]:
    """Status, size, next entry of an answer with three lines."""
    assert answer.content_type == INFO
    told = MirrorInfo.parse(answer.body)
    assert told.ticket == b""
    return answer.status, told.size, told.next_entry


def complete(answer: Answer, size: int, time: int = NOW) -> None:
    """The answer is 200 with both keys' cosignatures on the head of that size."""
    assert answer.status == 200, answer.body
    note = Note.parse(signed(size) + answer.body.decode())
    verified = verify_note(note, Checkpoint.parse_text(note.text), [s.key for s in MIRROR])
    assert [(v.key.kind, v.time) for v in verified] == [(ED25519_COSIGNATURE, time), (MLDSA44_COSIGNATURE, time)]


# --- The form of a request ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "ranges"),
    [
        (0, 0, []),
        (300, 300, []),
        (0, 1, [(0, 1)]),
        (0, 256, [(0, 256)]),
        (0, 257, [(0, 256), (256, 257)]),
        (255, 257, [(255, 256), (256, 257)]),
        (256, 512, [(256, 512)]),
        (300, 400, [(300, 400)]),
        (250, 1024, [(250, 256), (256, 512), (512, 768), (768, 1024)]),
    ],
)
def test_packages_end_at_multiples_of_256(start: int, end: int, ranges: list[tuple[int, int]]) -> None:
    assert list(package_ranges(start, end)) == ranges
    # The text's own formula, with its number of packages.
    low, high = start // 256 * 256, (end + 255) // 256 * 256
    count = (high - low) // 256 if start < end else 0
    spans = [(max(start, low + i * 256), min(end, low + (i + 1) * 256)) for i in range(count)]
    assert spans == ranges


def test_the_bytes_of_a_request() -> None:
    asked = AddEntries("o.example", 254, 258, b"tk", (Package((b"a", b""), (b"h" * 32,)), Package((b"bcd", b"e"), ())))
    assert asked.to_bytes() == (
        b"\x00\x09o.example" + (254).to_bytes(8, "big") + (258).to_bytes(8, "big") + b"\x00\x02tk"
        b"\x00\x01a\x00\x00\x01" + b"h" * 32 + b"\x00\x03bcd\x00\x01e\x00"
    )
    assert AddEntries.parse(asked.to_bytes()) == asked


def test_a_client_sends_at_most_32_packages() -> None:
    """Proofs are of the right number; the hashes themselves are checked by the mirror below."""

    class Zeros:
        def at(self, *_: int) -> bytes:
            return bytes(32)

    asked = request_for(ORIGIN, 5, 256 * 100, lambda low, high: [b"x"] * (high - low), Zeros())
    assert len(asked.packages) == 32
    assert [len(p.entries) for p in asked.packages[:2]] == [251, 256]


def test_a_request_that_ends_early_or_late_is_refused_when_read_whole() -> None:
    data = request(250, 520).to_bytes()
    ends = [n for n in range(len(data)) if not refused(data[:n])]
    starts = len(replace(request(250, 520), packages=()).to_bytes())
    lengths = [len(p.to_bytes()) for p in request(250, 520).packages]
    assert ends == [starts, starts + lengths[0], starts + lengths[0] + lengths[1]]
    assert refused(data + b"\x00")
    assert refused(replace(request(0, 0), start=1).to_bytes())
    assert refused(data.replace(ORIGIN.encode(), b"\xff" * len(ORIGIN)))


def test_the_largest_that_may_be_is_read() -> None:
    for asked in (
        AddEntries("o", 5, 5, b"", ()),
        AddEntries("", 0, 0, bytes(65_535), ()),
        AddEntries("o", 0, 1, b"", (Package((b"",), (bytes(32),) * 63),)),
        AddEntries("o", 2**64 - 1, 2**64 - 1, b"", ()),
    ):
        assert AddEntries.parse(asked.to_bytes()) == asked
    assert refused(AddEntries("o", 0, 1, b"", (Package((b"",), (bytes(32),) * 64),)).to_bytes())
    largest = MirrorInfo(2**63 - 1, 2**63 - 1)
    assert MirrorInfo.parse(largest.to_bytes()) == largest


def refused(data: bytes) -> bool:
    try:
        AddEntries.parse(data)
    except InputError:
        return True
    return False


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1\n2\n",
        b"1\n2\n\n\n",
        b"1\n2\nAA\n",
        b"1\n2\nAB==\n",
        b"1\n2\n=\n",
        b"01\n2\n\n",
        b"1\n-2\n\n",
        b"1\r\n2\r\n\r\n",
        b"9223372036854775808\n0\n\n",
        "١\n2\n\n".encode(),
    ],
)
def test_three_lines_are_read_strictly(body: bytes) -> None:
    with pytest.raises(InputError):
        MirrorInfo.parse(body)


def test_three_lines_are_printed_as_the_text_has_them() -> None:
    assert MirrorInfo(20852163, 20852014, b"ticket").to_bytes() == b"20852163\n20852014\ndGlja2V0\n"
    assert MirrorInfo(1, 0).to_bytes() == b"1\n0\n\n"
    assert MirrorInfo.parse(b"1\n0\n\n") == MirrorInfo(1, 0)


# --- A mirror fills -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes", [[1], [255], [256], [257], [512], [700], [1, 2, 255, 256, 257, 300, 1023, 1024, 1400]]
)
def test_a_mirror_that_follows_a_log_cosigns_each_head(sizes: list[int]) -> None:
    one, store = mirror()
    before = 0
    for size in sizes:
        take_in(store, before, size)
        complete(one.handle(request(before, size).to_bytes(), NOW), size)
        assert store.entries[ORIGIN] == ENTRIES[:size]
        assert store.committed[ORIGIN] == Record(size, mth(ENTRIES[:size]), signed(size), NOW)
        before = size


def test_taking_a_head_in_signs_nothing_and_keeps_the_log_s_signature() -> None:
    """`take_in` asserts the empty answer."""
    _, store = mirror(7)
    assert store.committed == {}
    assert store.records[ORIGIN].note == signed(7)


def test_the_empty_tree_is_held_at_once() -> None:
    one, _ = mirror(0)
    answer = one.handle(request(0, 0).to_bytes(), NOW)
    complete(answer, 0)


def test_a_mirror_can_stop_and_go_on_at_any_package() -> None:
    one, store = mirror(700, 1400)
    asked = request(0, 1400)
    next_entry = 0
    for count in range(1, 7):
        part = request(next_entry, 1400)
        part = replace(part, packages=part.packages[:1])
        answer = one.handle(part.to_bytes(), NOW)
        if count < 6:
            next_entry = 256 * count
            assert info(answer) == (202, 1400, next_entry)
        else:
            complete(answer, 1400)
    assert len(asked.packages) == 6
    assert store.entries[ORIGIN] == ENTRIES


def test_bytes_of_a_package_that_did_not_end_are_dropped() -> None:
    data = request(0, 1400).to_bytes()
    first = len(replace(request(0, 1400), packages=request(0, 1400).packages[:1]).to_bytes())
    for cut, answered in [(first - 1, 400), (first, 202), (first + 1, 202), (len(data) - 1, 202)]:
        one, store = mirror(1400)
        answer = one.handle(data[:cut], NOW)
        assert answer.status == answered
        assert store.next_entry(ORIGIN) == (0 if answered == 400 else 256 if cut < first + 2 else 1280)
        if answered == 202:
            complete(one.handle(request(info(answer)[2], 1400).to_bytes(), NOW), 1400)


def test_entries_before_the_start_come_from_what_is_held() -> None:
    """The subtree of a package begins at a multiple of 256, whatever the start is."""
    one, store = mirror(300, 500)
    complete(one.handle(request(0, 300).to_bytes(), NOW), 300)
    complete(one.handle(request(300, 500).to_bytes(), NOW), 500)
    other, store = mirror(300, 500)
    complete(other.handle(request(0, 300).to_bytes(), NOW), 300)
    store.entries[ORIGIN][260] = b"something else"
    store.trees[ORIGIN] = MemoryHashes(leaf_hash(e) for e in store.entries[ORIGIN])
    assert other.handle(request(300, 500).to_bytes(), NOW).status == 422


def test_entries_that_are_held_are_not_stored_again() -> None:
    @dataclass
    class Counted(MemoryMirror):
        added: list[tuple[int, int]] = field(default_factory=list)

        def add(self, origin: str, start: int, entries: Sequence[bytes]) -> None:
            self.added.append((start, len(entries)))
            super().add(origin, start, entries)

    store = Counted()
    one, _ = mirror(300, 600, records=store)
    complete(one.handle(request(0, 300).to_bytes(), NOW), 300)
    complete(one.handle(request(200, 600).to_bytes(), NOW), 600)
    assert store.added == [(0, 256), (256, 44), (300, 212), (512, 88)]
    complete(one.handle(request(0, 600).to_bytes(), NOW), 600)
    assert len(store.added) == 4


def test_an_older_pending_head_will_do_as_long_as_nothing_larger_is_held() -> None:
    one, _ = mirror(300, 600, 900)
    complete(one.handle(request(0, 300).to_bytes(), NOW), 300)
    complete(one.handle(request(300, 600).to_bytes(), NOW), 600)
    assert info(one.handle(request(300, 300).to_bytes(), NOW)) == (409, 900, 600)
    complete(one.handle(request(600, 600).to_bytes(), NOW), 600)


def test_16_pending_heads_are_remembered() -> None:
    one, _ = mirror(*range(1, 19))
    assert info(one.handle(request(0, 2).to_bytes(), NOW)) == (409, 18, 0)
    complete(one.handle(request(0, 3).to_bytes(), NOW), 3)


# --- Each refusal ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 2, 10, 45])
def test_a_header_that_ends_early_is_400(length: int) -> None:
    one, _ = mirror(5)
    whole = len(replace(request(0, 5), packages=()).to_bytes())
    assert whole == 2 + len(ORIGIN) + 16 + 2
    assert one.handle(request(0, 5).to_bytes()[: min(length, whole - 1)], NOW).status == 400


def test_an_unknown_origin_is_404() -> None:
    one, _ = mirror(5)
    assert one.handle(replace(request(0, 5), origin="other.example").to_bytes(), NOW).status == 404
    assert one.handle(request(0, 5).to_bytes().replace(ORIGIN.encode(), b"\xff" * len(ORIGIN)), NOW).status == 404


def test_a_start_above_the_end_is_400() -> None:
    one, _ = mirror(5)
    assert one.handle(AddEntries(ORIGIN, 6, 5, b"", ()).to_bytes(), NOW).status == 400


@pytest.mark.parametrize("end", [0, 4, 6, 2**63, 2**64 - 1])
def test_an_end_that_is_no_pending_head_is_409_with_where_to_go_on(end: int) -> None:
    one, _ = mirror(5)
    assert info(one.handle(AddEntries(ORIGIN, 0, end, b"", ()).to_bytes(), NOW)) == (409, 5, 0)


def test_a_mirror_that_knows_nothing_says_so() -> None:
    one, _ = mirror()
    assert info(one.handle(AddEntries(ORIGIN, 0, 0, b"", ()).to_bytes(), NOW)) == (409, 0, 0)


def test_a_start_above_the_next_entry_is_409_with_the_client_s_own_end() -> None:
    one, _ = mirror(300, 600)
    complete(one.handle(request(0, 300).to_bytes(), NOW), 300)
    assert info(one.handle(request(301, 600).to_bytes(), NOW)) == (409, 600, 300)


def test_a_start_far_below_the_next_entry_is_409() -> None:
    class Full(MemoryMirror):
        def next_entry(self, origin: str) -> int:
            return 8193 if origin == ORIGIN else 0

    one, _ = mirror(700, records=Full())
    assert info(one.handle(request(0, 700).to_bytes(), NOW)) == (409, 700, 8193)
    assert one.handle(request(1, 700).to_bytes()[:60], NOW).status == 400  # goes on to the packages


def test_a_wrong_package_is_422_and_what_came_before_stays() -> None:
    asked = request(0, 600)
    first, second, third = asked.packages
    changed = [
        replace(second, entries=(*second.entries[:-1], b"another entry")),
        replace(second, proof=second.proof[:-1]),
        replace(second, proof=(*second.proof, bytes(32))),
        replace(second, proof=(bytes(32), *second.proof[1:])),
        replace(second, entries=second.entries[::-1]),
    ]
    for package in changed:
        one, store = mirror(600)
        answer = one.handle(replace(asked, packages=(first, package, third)).to_bytes(), NOW)
        assert answer.status == 422
        assert store.entries[ORIGIN] == ENTRIES[:256]
        assert store.committed == {}
        complete(one.handle(request(256, 600).to_bytes(), NOW), 600)


def test_a_package_with_64_hashes_is_400() -> None:
    one, _ = mirror(5)
    asked = replace(request(0, 5), packages=(Package(tuple(ENTRIES[:5]), (bytes(32),) * 64),))
    assert one.handle(asked.to_bytes(), NOW).status == 400


def test_the_first_check_that_fails_answers() -> None:
    one, _ = mirror(300, 600)
    complete(one.handle(request(0, 300).to_bytes(), NOW), 300)
    bad = (Package((b"x",), ()),)
    cases = [
        (AddEntries("other.example", 9, 8, b"", bad), 404),  # origin, before start > end
        (AddEntries(ORIGIN, 9, 8, b"", bad), 400),  # start > end, before the unknown end
        (AddEntries(ORIGIN, 310, 400, b"", bad), 409),  # unknown end and start above the next entry
        (AddEntries(ORIGIN, 310, 600, b"", bad), 409),  # start, before the package
        (AddEntries(ORIGIN, 300, 600, b"", bad), 400),  # 212 entries are wanted: the body ends
    ]
    assert [one.handle(asked.to_bytes(), NOW).status for asked, _ in cases] == [status for _, status in cases]


def test_a_ticket_is_skipped() -> None:
    one, _ = mirror(300)
    complete(one.handle(replace(request(0, 300), ticket=b"t" * 65_535).to_bytes(), NOW), 300)


# --- Content --------------------------------------------------------------------------------------------------------


def test_content_is_checked_once_in_order_and_before_it_is_stored() -> None:
    seen: list[tuple[str, int, tuple[bytes, ...], int]] = []
    store = MemoryMirror()
    one, _ = mirror(
        300, 600, records=store, check=lambda o, s, e: seen.append((o, s, tuple(e), store.next_entry(ORIGIN)))
    )
    complete(one.handle(request(0, 300).to_bytes(), NOW), 300)
    complete(one.handle(request(256, 600).to_bytes(), NOW), 600)
    assert [(origin, start, stored) for origin, start, _, stored in seen] == [
        (ORIGIN, 0, 0), (ORIGIN, 256, 256), (ORIGIN, 300, 300), (ORIGIN, 512, 512)
    ]  # fmt: skip
    assert [e for _, _, entries, _ in seen for e in entries] == ENTRIES[:600]


def test_content_that_is_refused_is_neither_stored_nor_cosigned_until_it_is_good() -> None:
    known = False

    def check(origin: str, start: int, entries: Sequence[bytes]) -> None:
        if start + len(entries) > 256 and not known:
            raise RuleError("entry 256 refers to what I don't have.")

    one, store = mirror(300, check=check)
    answer = one.handle(request(0, 300).to_bytes(), NOW)
    assert (answer.status, b"entry 256 refers" in answer.body) == (422, True)
    assert store.next_entry(ORIGIN) == 256
    assert store.committed == {}
    known = True
    complete(one.handle(request(256, 300).to_bytes(), NOW), 300)


# --- Storing and times ----------------------------------------------------------------------------------------------


@dataclass
class Journal(MemoryMirror):
    done: list[str] = field(default_factory=list)

    def add(self, origin: str, start: int, entries: Sequence[bytes]) -> None:
        super().add(origin, start, entries)
        self.done.append(f"entries to {self.next_entry(origin)}")

    def commit(self, origin: str, head: Record) -> bool:
        stored = super().commit(origin, head)
        self.done.append(f"head {head.size}" if stored else "refused")
        return stored


def test_entries_then_head_then_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Journal()
    one, _ = mirror(300, records=store)
    sign = type(MIRROR[0]).sign

    def watched(self: object, checkpoint: Checkpoint, time: int = 0) -> Signature:
        store.done.append("signed")
        return sign(self, checkpoint, time)  # type: ignore[arg-type]

    monkeypatch.setattr(type(MIRROR[0]), "sign", watched)
    assert one.handle(request(0, 300).to_bytes(), NOW).status == 200
    assert store.done == ["entries to 256", "entries to 300", "head 300", "signed", "signed"]


def test_a_head_that_another_request_overtook_is_409_and_not_signed() -> None:
    class Raced(MemoryMirror):
        def commit(self, origin: str, head: Record) -> bool:
            if head.size == 300:
                complete(Mirror(MIRROR, [ORIGIN], self).handle(request(300, 600).to_bytes(), NOW), 600)
            return super().commit(origin, head)

    one, store = mirror(300, 600, records=Raced())
    assert info(one.handle(request(0, 300).to_bytes(), NOW)) == (409, 600, 600)
    assert store.committed[ORIGIN].size == 600


def test_two_clients_may_bring_the_same_entries_at_once() -> None:
    """The second's whole request comes in between the packages of the first."""
    one, store = mirror(600)
    data = request(0, 600).to_bytes()
    first = len(replace(request(0, 600), packages=request(0, 600).packages[:1]).to_bytes())

    def chunks() -> Iterator[bytes]:
        yield data[:first]
        complete(Mirror(MIRROR, [ORIGIN], store).handle(data, NOW), 600)
        yield data[first:]

    complete(one.handle(chunks(), NOW), 600)
    assert store.entries[ORIGIN] == ENTRIES[:600]


def test_times_never_fall() -> None:
    one, store = mirror(300, 600, 900)
    complete(one.handle(request(0, 300).to_bytes(), NOW), 300)
    complete(one.handle(request(300, 600).to_bytes(), NOW - 5), 600, NOW)
    assert one.handle(request(600, 900).to_bytes(), NOW - 121).status == 503
    assert store.committed[ORIGIN].size == 600
    complete(one.handle(request(900, 900).to_bytes(), NOW + 1), 900, NOW + 1)


def test_a_store_that_keeps_refusing_is_asked_a_bounded_number_of_times() -> None:
    class Stuck(Journal):
        def commit(self, origin: str, head: Record) -> bool:
            self.done.append(f"asked for {head.size}")
            return origin == ""

    one, store = mirror(5, records=Stuck())
    assert one.handle(request(0, 5).to_bytes(), NOW).status == 409
    assert store.done[1:] == ["asked for 5"] * 4  # type: ignore[attr-defined]


# --- Bytes as they come ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 4096, 10**6])
@pytest.mark.parametrize("packed", [False, True])
def test_a_body_may_come_in_any_pieces(size: int, packed: bool) -> None:
    data = request(0, 600).to_bytes()
    data = gzip.compress(data) if packed else data
    one, _ = mirror(600)
    pieces = (data[i : i + size] for i in range(0, len(data), size))
    complete(one.handle(pieces, NOW, gzip=packed), 600)


def test_several_gzip_members_are_one_body() -> None:
    data = request(0, 600).to_bytes()
    one, _ = mirror(600)
    complete(one.handle(gzip.compress(data[:1000]) + gzip.compress(data[1000:]), NOW, gzip=True), 600)


@pytest.mark.parametrize(
    "data", [b"", b"no gzip", gzip.compress(b"", mtime=0)[:10], gzip.compress(request(0, 600).to_bytes(), mtime=0)[:50]]
)
def test_gzip_that_is_none_or_ends_early_is_400(data: bytes) -> None:
    one, _ = mirror(600)
    assert one.handle(data, NOW, gzip=True).status == 400


def test_a_bomb_is_refused_at_the_bound_and_costs_little() -> None:
    """1 GiB of zeros in 1 MB: they read as 256 empty entries without hashes, which is no package of this log."""
    squeeze = zlib.compressobj(9, wbits=31)
    read: list[int] = []

    def chunks() -> Iterator[bytes]:
        header = replace(request(0, 600), packages=()).to_bytes()
        yield squeeze.compress(header)
        for _ in range(1024):
            read.append(1)
            yield squeeze.compress(bytes(1024 * 1024))

    one, _ = mirror(600)
    assert one.handle(chunks(), NOW, gzip=True).status == 422
    assert len(read) < 200  # zlib itself holds back some


def drain(body: Body, taken: list[int]) -> None:
    while True:
        taken.append(len(body.take(65_536)))


def test_no_more_than_the_bound_is_inflated() -> None:
    squeezed = gzip.compress(bytes(100_000_000))
    assert len(squeezed) < 100_000
    body = Body([squeezed], gzip=True)
    taken: list[int] = []
    with pytest.raises(EndedError):
        drain(body, taken)
    assert sum(taken) == 64 * 1024 * 1024


def test_a_body_over_the_bound_ends_there_and_what_was_stored_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.ledger import mirror as module

    data = request(0, 600).to_bytes()
    first = len(replace(request(0, 600), packages=request(0, 600).packages[:1]).to_bytes())
    monkeypatch.setattr(module.Body.__init__, "__kwdefaults__", {"gzip": False, "limit": first + 10})
    one, _ = mirror(600)
    assert info(one.handle(data, NOW)) == (202, 600, 256)


def test_bytes_behind_the_last_package_are_not_read() -> None:
    def chunks() -> Iterator[bytes]:
        yield request(0, 600).to_bytes()
        raise AssertionError("read on")

    one, _ = mirror(600)
    complete(one.handle(chunks(), NOW), 600)


def test_an_early_answer_does_not_wait_for_the_body() -> None:
    def chunks() -> Iterator[bytes]:
        yield replace(request(0, 600), packages=()).to_bytes()
        raise AssertionError("read on")

    one, _ = mirror(300)
    assert one.handle(chunks(), NOW).status == 409


def test_the_largest_entries_make_the_largest_package() -> None:
    big = [bytes([i]) * 65_535 for i in range(256)]
    tree = MemoryHashes(leaf_hash(e) for e in big)
    store = MemoryMirror()
    body = AddCheckpoint(0, (), str(head(big)).encode()).to_bytes()
    assert Witness([], {ORIGIN: [log_signer().key]}, store).handle(body, NOW).status == 200
    asked = request_for(ORIGIN, 0, 256, lambda low, high: big[low:high], tree)
    assert Mirror(MIRROR, [ORIGIN], store).handle(asked.to_bytes(), NOW).status == 200


def test_a_mirror_has_cosigner_keys() -> None:
    with pytest.raises(AssertionError, match="cosigns"):
        Mirror([], [ORIGIN], MemoryMirror())
    with pytest.raises(AssertionError, match="cosigns"):
        Mirror([log_signer()], [ORIGIN], MemoryMirror())
    with pytest.raises(AssertionError):
        Mirror(MIRROR, ["o" * 256], MemoryMirror())
    for signers, length in ((MIRROR, 255), (MIRROR[:1], 256)):
        Mirror(signers, ["o" * length], MemoryMirror())
