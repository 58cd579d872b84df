"""Frames fuzzed, and what any set of transactions comes to: what one node proposes, every other accepts."""

from __future__ import annotations

import random
from collections import Counter
from functools import lru_cache

import pytest

pytest.importorskip("google.protobuf", reason="the engine stage needs protobuf: pip install 'concordat[abci]'")

from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import ConcordatError, InputError
from concordat.ledger.entry import FIRST
from concordat.ledger.membership import Point
from concordat.node.abci import FrameReader, read_request, to_frame
from concordat.node.abci_commit import SignedHeader
from concordat.node.abci_order import CODES, OK, Desk, Tail, in_block
from concordat.node.abci_schema import messages, one_of
from engine_kit import NAMES, START, Writer, chain
from fakes.engine import varint

POINT = Point(1, 1)


# --- Frames -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=200), max_size=12), st.lists(st.integers(1, 90), min_size=1, max_size=20))
def test_frames_come_out_whole_however_they_are_cut(frames: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(varint(len(frame)) + frame for frame in frames)
    reader, found, at = FrameReader(), [], 0
    while at < len(stream):
        size = cuts[at % len(cuts)]
        found += list(reader.feed(stream[at : at + size]))
        at += size
    assert found == frames
    assert reader.pending == 0


@given(st.binary(max_size=400), st.integers(1, 300))
def test_any_bytes_give_frames_or_a_named_refusal(data: bytes, limit: int) -> None:
    reader, codes = FrameReader(limit), []
    try:
        for frame in reader.feed(data):
            assert len(frame) <= limit
            assert kind_of(frame) in ("refused", "", *one_of("Request"))
    except InputError as error:
        codes.append(error.code)
    assert codes in ([], ["frame_size"], ["frame_length"])
    assert reader.pending <= len(data)


def kind_of(frame: bytes) -> str:
    try:
        return read_request(frame)[0]
    except InputError as error:
        return "refused" if error.code == "not_protobuf" else error.code


@given(st.binary(max_size=70_000))
def test_a_length_is_written_as_protobuf_writes_it(tx: bytes) -> None:
    message = messages()["Request"](check_tx={"tx": tx})
    body = message.SerializeToString()
    assert to_frame(message) == varint(len(body)) + body
    assert in_block(tx) == len(messages()["ResponsePrepareProposal"](txs=[tx]).SerializeToString())


@given(st.data())
def test_a_changed_request_is_read_or_refused(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(one_of("Request"))))
    fields = {"check_tx": {"tx": b"abcdef", "type": 1}, "finalize_block": {"txs": [b"a", b"b"], "height": 9}}
    body = bytearray(messages()["Request"](**{kind: fields.get(kind, {})}).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found, message = read_request(bytes(body))
    except InputError:
        return
    assert found in ("", *one_of("Request"))
    assert found == "" or type(message).DESCRIPTOR.name.startswith("Request")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["header", "commit", "version", "height", "block_id", "last_block_id", "parts", "time", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_a_signed_header_or_a_named_refusal(raw: object) -> None:
    with pytest.raises(InputError):
        SignedHeader.parse(raw)


# --- Order ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def written() -> dict[str, list[bytes]]:
    """Six entries of each of four members, and one that contradicts the third."""
    found = {}
    for member in NAMES[:4]:
        writer = Writer(member)
        found[member] = [writer.say("x" * (7 * number)) for number in range(6)]
        fork = Writer(member)
        fork.entries = writer.entries[:2]
        found[member].append(fork.make("another word").leaf)
    return found


def desk(sizes: dict[str, int] | None = None) -> Desk:
    from concordat.ledger.entry import Entry

    tails = {}
    for member, size in (sizes or {}).items():
        last = Entry.parse(written()[member][size - 1]).id if size else FIRST
        tails[member] = Tail(size, last)
    ids = lambda member, seq: Entry.parse(written()[member][seq - 1]).id  # noqa: E731
    return Desk(chain(4), tails, lambda m, s: ids(m, s) if m in tails and s <= tails[m].size else "")


def pool() -> st.SearchStrategy[list[bytes]]:
    every = [(member, index) for member in NAMES[:4] for index in range(7)]
    chosen = st.lists(st.sampled_from(every), max_size=24)
    return chosen.map(lambda pairs: [written()[member][index] for member, index in pairs])


SIZES = st.fixed_dictionaries({member: st.integers(0, 6) for member in NAMES[:4]})


@settings(max_examples=60)
@given(pool(), SIZES, st.sampled_from([300, 1_500, 4_000, 100_000]))
def test_what_one_node_proposes_every_other_accepts(txs: list[bytes], sizes: dict[str, int], room: int) -> None:
    proposal = desk(sizes).arrange([*txs, b"junk"], room, POINT, START)
    assert sum(map(in_block, proposal)) <= room
    other = desk(sizes)
    other.require_arranged(proposal, POINT, START)
    assert [verdict.code for verdict in other.walk(proposal, POINT, START)] == [OK] * len(proposal)


@settings(max_examples=60)
@given(pool(), SIZES, st.randoms(use_true_random=False))
def test_a_proposal_does_not_depend_on_the_order_of_the_mempool(
    txs: list[bytes], sizes: dict[str, int], rng: random.Random
) -> None:
    shuffled = list(txs)
    rng.shuffle(shuffled)
    assert desk(sizes).arrange(txs, 10**6, POINT, START) == desk(sizes).arrange(shuffled, 10**6, POINT, START)


@settings(max_examples=50)
@given(pool(), SIZES)
def test_every_transaction_has_a_code_and_changes_nothing_by_being_judged(
    txs: list[bytes], sizes: dict[str, int]
) -> None:
    at = desk(sizes)
    before = dict(at.tails)
    first = at.walk(txs, POINT, START)
    assert [v.code for v in at.walk(txs, POINT, START)] == [v.code for v in first]
    assert len(first) == len(txs)
    assert all(v.code in CODES for v in first)
    assert at.tails == before
    good = [(v.entry.author, v.entry.seq, tx) for tx, v in zip(txs, first, strict=True) if v.code == OK and v.entry]
    at.require_arranged([tx for _, _, tx in sorted(good)], POINT, START)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 6), min_size=4, max_size=4), st.integers(1, 20))
def test_room_is_shared_in_rounds(waiting: list[int], rounds: int) -> None:
    """Nobody has two entries in a block while another's next one, no larger, was left out."""
    txs = [written()[m][i] for m, count in zip(NAMES, waiting, strict=False) for i in range(count)]
    room = rounds * 700
    taken = Counter(
        v.entry.author for v in desk().walk(desk().arrange(txs, room, POINT, START), POINT, START) if v.entry
    )
    for member, count in zip(NAMES, waiting, strict=False):
        if taken[member] < count:
            left_out = in_block(written()[member][taken[member]])
            free = room - sum(in_block(written()[m][i]) for m, n in taken.items() for i in range(n))
            assert free < left_out or max(taken.values(), default=0) <= taken[member] + 1


@given(st.data())
def test_a_changed_envelope_is_never_taken_up(data: st.DataObject) -> None:
    tx = bytearray(written()["BRA"][0])
    place = data.draw(st.integers(0, len(tx) - 1))
    tx[place] ^= data.draw(st.integers(1, 255))
    found = desk().check(bytes(tx), POINT, START)
    assert found.code in CODES
    assert found.code != OK
    with pytest.raises(ConcordatError):
        desk().require_arranged([bytes(tx)], POINT, START)
