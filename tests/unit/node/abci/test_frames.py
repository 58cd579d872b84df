"""Frames of ABCI by hand: what the bytes are, where they may be cut, which lengths end a connection; addresses."""

from __future__ import annotations

import pytest

pytest.importorskip("google.protobuf", reason="the engine stage needs protobuf: pip install 'concordat[abci]'")

from concordat.errors import InputError, RuleError
from concordat.node.abci import Address, FrameReader, read_request, response, to_frame
from concordat.node.abci_schema import messages, one_of, table

# By hand, from protobuf's encoding: length of the frame | tag (number << 3 | wire type), length | fields.
REQUESTS = [
    ("09 0a07 0a0548656c6c6f", "echo", {"message": "Hello"}),
    ("02 1200", "flush", {}),
    (
        "15 1a13 0a06302e33382e30 100b 1808 2205322e302e30",
        "info",
        {"version": "0.38.0", "block_version": 11, "p2p_version": 8, "abci_version": "2.0.0"},
    ),
    ("0b 2a09 0a020801 120163 3001", "init_chain",
     {"time": {"seconds": 1}, "chain_id": "c", "initial_height": 1}),
    ("05 3203 12012f", "query", {"path": "/"}),
    ("09 4207 0a03616263 1001", "check_tx", {"tx": b"abc", "type": 1}),
    ("02 5a00", "commit", {}),
    ("02 6200", "list_snapshots", {}),
    ("0a 6a08 0a020802 12026161", "offer_snapshot",
     {"snapshot": {"height": 2}, "app_hash": b"aa"}),
    ("08 7206 0802 1001 1803", "load_snapshot_chunk", {"height": 2, "format": 1, "chunk": 3}),
    ("0c 7a0a 0801 1203616263 1a0173", "apply_snapshot_chunk", {"index": 1, "chunk": b"abc", "sender": "s"}),
    ("0e 82010b 08e807 120161 120162 2803", "prepare_proposal",
     {"max_tx_bytes": 1000, "txs": [b"a", b"b"], "height": 3}),
    (
        "0f 8a010c 0a0161 220168 2804 32020805",
        "process_proposal",
        {"txs": [b"a"], "hash": b"h", "height": 4, "time": {"seconds": 5}},
    ),
    ("08 920105 0a0168 1004", "extend_vote", {"hash": b"h", "height": 4}),
    ("07 9a0104 22027879", "verify_vote_extension", {"vote_extension": b"xy"}),
    (
        "13 a20110 0a0161 1206 12040a001802 220168 2804",
        "finalize_block",
        {
            "txs": [b"a"],
            "decided_last_commit": {"votes": [{"validator": {}, "block_id_flag": 2}]},
            "hash": b"h",
            "height": 4,
        },
    ),
]  # fmt: skip
RESPONSES = [
    ("07 0a05 0a03626164", "exception", {"error": "bad"}),
    ("09 1207 0a0548656c6c6f", "echo", {"message": "Hello"}),
    ("02 1a00", "flush", {}),
    ("0b 2209 0a036c6f67 1801 2005", "info", {"data": "log", "app_version": 1, "last_block_height": 5}),
    ("05 3203 1a0168", "init_chain", {"app_hash": b"h"}),
    ("07 3a05 0801 3a0176", "query", {"code": 1, "value": b"v"}),
    ("04 4a02 0805", "check_tx", {"code": 5}),
    ("02 6200", "commit", {"retain_height": 0}),
    ("08 6a06 0a04 0801 1001", "list_snapshots", {"snapshots": [{"height": 1, "format": 1}]}),
    ("04 7202 0803", "offer_snapshot", {"result": 3}),
    ("05 7a03 0a0163", "load_snapshot_chunk", {"chunk": b"c"}),
    (
        "0a 820107 0801 120103 1a00",
        "apply_snapshot_chunk",
        {"result": 1, "refetch_chunks": [3], "reject_senders": [""]},
    ),
    ("06 8a0103 0a0161", "prepare_proposal", {"txs": [b"a"]}),
    ("05 920102 0802", "process_proposal", {"status": 2}),
    ("03 9a0100", "extend_vote", {}),
    ("05 a20102 0801", "verify_vote_extension", {"status": 1}),
    ("0c aa0109 12020805 2a03616263", "finalize_block", {"tx_results": [{"code": 5}], "app_hash": b"abc"}),
]


@pytest.mark.parametrize(("frame", "kind", "fields"), REQUESTS, ids=[kind for _, kind, _ in REQUESTS])
def test_a_request_has_these_bytes(frame: str, kind: str, fields: dict[str, object]) -> None:
    wanted = bytes.fromhex(frame)
    assert to_frame(messages()["Request"](**{kind: fields})) == wanted
    (body,) = FrameReader().feed(wanted)
    found, message = read_request(body)
    assert found == kind
    assert message == messages()[type(message).DESCRIPTOR.name](**fields)


@pytest.mark.parametrize(("frame", "kind", "fields"), RESPONSES, ids=[kind for _, kind, _ in RESPONSES])
def test_a_response_has_these_bytes(frame: str, kind: str, fields: dict[str, object]) -> None:
    assert response(kind, fields) == bytes.fromhex(frame)


def test_every_kind_has_a_frame_by_hand() -> None:
    assert {kind for _, kind, _ in REQUESTS} == set(one_of("Request"))
    assert {kind for _, kind, _ in RESPONSES} == set(one_of("Response"))
    assert set(one_of("Response")) - {"exception"} == set(one_of("Request"))


def test_the_table_names_each_field_once() -> None:
    for name, fields in table().items():
        numbers = [number for _, number, _ in fields]
        assert len(set(numbers)) == len(numbers) == len({field for field, _, _ in fields}), name
        assert all(1 <= number < 2**29 for number in numbers)


# --- Cuts and lengths -------------------------------------------------------------------------------------------------

STREAM = bytes.fromhex("".join(frame for frame, _, _ in REQUESTS).replace(" ", ""))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_frames_may_be_cut_anywhere(size: int) -> None:
    reader = FrameReader()
    found = [frame for at in range(0, len(STREAM), size) for frame in reader.feed(STREAM[at : at + size])]
    assert [read_request(frame)[0] for frame in found] == [kind for _, kind, _ in REQUESTS]
    assert reader.pending == 0


def test_a_frame_cut_at_every_byte_waits_for_its_rest() -> None:
    frame = bytes.fromhex(REQUESTS[11][0])
    for at in range(1, len(frame)):
        reader = FrameReader()
        assert list(reader.feed(frame[:at])) == []
        assert reader.pending == at
        assert list(reader.feed(frame[at:])) == [frame[1:]]


@pytest.mark.parametrize(
    ("length", "code"),
    [
        ("ffffffffffffffff7f", "frame_length"),  # 2^63 - 1
        ("80808080808080808001", "frame_length"),  # 2^63
        ("ffffffffff01", "frame_length"),
        ("8080808000", ""),  # zero in five bytes: long, and read
        ("ffffffff7f", "frame_size"),  # 2^35 - 1
        ("81808008", "frame_size"),  # 16 MiB and one byte
        ("80808008", ""),  # 16 MiB
    ],
)
def test_a_length_that_no_frame_may_have(length: str, code: str) -> None:
    reader = FrameReader()
    if not code:
        assert len(list(reader.feed(bytes.fromhex(length)))) == (length == "8080808000")
        return
    with pytest.raises(InputError) as caught:
        list(reader.feed(bytes.fromhex(length)))
    assert caught.value.code == code


def test_a_length_of_over_five_bytes_is_refused_at_the_fifth() -> None:
    reader = FrameReader()
    assert list(reader.feed(b"\xff" * 4)) == []
    with pytest.raises(InputError, match="over 5 bytes"):
        list(reader.feed(b"\xff"))


def test_what_comes_before_a_bad_length_is_read() -> None:
    frames = FrameReader(limit=100).feed(bytes.fromhex("021200" + "021200" + "e907"))
    assert [next(frames).hex(), next(frames).hex()] == ["1200", "1200"]
    with pytest.raises(InputError):
        next(frames)


def test_an_announced_length_takes_no_memory() -> None:
    reader = FrameReader()
    assert list(reader.feed(bytes.fromhex("80808008") + b"x" * 10)) == []
    assert reader.pending == 14


def test_unknown_fields_are_ignored() -> None:
    """Field 9 in a CheckTx, field 100 of the request beside it: newer engines may send what we don't know."""
    body = bytes.fromhex("42070a03616263" + "4801" + "a20600")
    kind, message = read_request(body)
    assert (kind, message.tx) == ("check_tx", b"abc")


@pytest.mark.parametrize("body", ["", "2200", "3a00", "4a00", "5200", "920300"])  # numbers of older versions, and 50
def test_a_request_that_the_table_does_not_know_has_no_kind(body: str) -> None:
    assert read_request(bytes.fromhex(body))[0] == ""


@pytest.mark.parametrize("body", ["0a", "0a05", "42030a05", "07", "0a030a01ff"])  # cut, wire type 7, text not UTF-8
def test_bytes_that_are_no_message(body: str) -> None:
    with pytest.raises(InputError, match="no request"):
        read_request(bytes.fromhex(body))


# --- Addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tcp://127.0.0.1:26658", "tcp://127.0.0.1:26658"),
        ("tcp://localhost:0", "tcp://127.0.0.1:0"),
        ("tcp://[::1]:26658", "tcp://[::1]:26658"),
        ("tcp://127.8.9.10:1", "tcp://127.8.9.10:1"),
        ("unix:///run/concordat/abci.sock", "unix:///run/concordat/abci.sock"),
    ],
)
def test_an_address_of_this_machine(text: str, shown: str) -> None:
    assert str(Address.parse(text)) == shown


@pytest.mark.parametrize(
    "text",
    ["tcp://0.0.0.0:26658", "tcp://192.0.2.4:1", "tcp://[::]:1", "tcp://node.example:26658", "tcp://198.51.100.1:0"],
)
def test_an_address_that_others_reach_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match="no authentication"):
        Address.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:26658",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:65536",
        "unix://run/x",
        "http://127.0.0.1:1",
        "",
        "unix://",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InputError):
        Address.parse(text)
