"""ABCI 2.0 against outside judges: vectors that CometBFT publishes with its tests, and the package pyABCI 0.1.0.

CometBFT (Apache-2.0), `types/block_test.go` TestHeaderHash, `types/vote_test.go` TestVoteSignBytesTestVectors; the
values below are theirs, as bytes. pyABCI (MIT) carries the messages with their numbers in classes of another protobuf
implementation (pure-protobuf): every message that both know is written by each and read by the other.
"""

from __future__ import annotations

import dataclasses
from hashlib import sha256
from typing import Any, get_args, get_type_hints

import pytest

pytest.importorskip("google.protobuf", reason="the engine stage needs protobuf: pip install 'concordat[abci]'")

from concordat.node.abci import to_frame
from concordat.node.abci_commit import BlockId, Header, Stamp
from concordat.node.abci_ledger import data_hash
from concordat.node.abci_schema import messages, one_of, table


def hashed(text: str) -> bytes:
    return sha256(text.encode()).digest()


def test_the_hash_of_a_published_header() -> None:
    names = ("last_commit_hash", "data_hash", "validators_hash", "next_validators_hash", "consensus_hash", "app_hash",
             "last_results_hash", "evidence_hash")  # fmt: skip
    hashes = {**{name: hashed(name) for name in names}, "proposer_address": hashed("proposer_address")[:20]}
    last = BlockId(bytes(32), 6, bytes(32))
    header = Header((1, 2), "chainId", 3, Stamp.parse("2019-10-13T16:14:44Z", ""), last, hashes)
    assert header.hash().hex().upper() == "F740121F553B5418C3EFBD343C2DBFE9E007BB67B0D020A0741374BAB65242A4"


ZERO_TIME = "2a0b088092b8c398feffffff01"  # field 5: the year 1
ONE = "1101000000000000001901000000000000" + "00"  # height 1, round 1, eight bytes each


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, "0d" + ZERO_TIME),
        ({"height": 1, "round": 1, "type": 2}, "21" + "0802" + ONE + ZERO_TIME),
        ({"height": 1, "round": 1, "type": 1}, "21" + "0801" + ONE + ZERO_TIME),
        ({"height": 1, "round": 1}, "1f" + ONE + ZERO_TIME),
        (
            {"height": 1, "round": 1, "chain_id": "test_chain_id"},
            "2e" + ONE + ZERO_TIME + "320d746573745f636861696e5f6964",
        ),
    ],
)
def test_what_is_signed_of_a_published_vote(fields: dict[str, Any], wanted: str) -> None:
    vote = messages()["CanonicalVote"](**fields, timestamp=Stamp.parse("0001-01-01T00:00:00Z", "").fields())
    assert to_frame(vote).hex() == wanted


def test_the_hash_of_no_transactions_is_that_of_nothing() -> None:
    """TestNilDataHashDoesntCrash: SHA-256 of the empty string."""
    assert data_hash([]) == sha256(b"").digest()


# --- pyABCI -----------------------------------------------------------------------------------------------------------

# What pyABCI names otherwise than CometBFT's own file does.
ALIASES = {("RequestLoadSnapshotChunk", "chunk"): "chunks"}
NOT_THERE = {"ABCIParams", "BlockParams", "ConsensusParams"}  # held against CometBFT's text alone: see the page


def peer() -> dict[str, Any]:
    pytest.importorskip("abci.proto.tendermint.abci", reason="pyABCI is not installed (extra oracles)")
    from abci.proto.google.protobuf import Timestamp
    from abci.proto.tendermint import crypto, types
    from abci.proto.tendermint.abci import request, response
    from abci.proto.tendermint.abci import types as kinds

    found: dict[str, Any] = {"Timestamp": Timestamp}
    for module in (types, crypto, kinds, request, response):
        found.update({name: value for name, value in vars(module).items() if dataclasses.is_dataclass(value)})
    return found


def number_of(cls: Any, field: str) -> int:
    hint = get_type_hints(cls, include_extras=True)[field]
    (about,) = [extra for extra in get_args(hint)[1:] if hasattr(extra, "number")]
    return int(about.number)


COMPARED = [name for name, fields in table().items() if fields and name.startswith(("Request", "Response"))]
COMPARED += ["Timestamp", "Validator", "ValidatorUpdate", "VoteInfo", "CommitInfo", "ExtendedVoteInfo",
             "ExtendedCommitInfo", "Misbehavior", "EventAttribute", "Event", "ExecTxResult", "Snapshot"]  # fmt: skip


@pytest.mark.parametrize("name", COMPARED)
def test_numbers_are_those_of_pyabci(name: str) -> None:
    cls = peer()[name]
    ours = {ALIASES.get((name, field), field): number for field, number, _ in table()[name]}
    theirs = {field.name: number_of(cls, field.name) for field in dataclasses.fields(cls)}
    assert {field: theirs.get(field) for field in ours} == ours


def test_a_check_tx_response_is_nine_in_pyabci_too() -> None:
    """Number 8 is reserved in CometBFT 0.38: an engine would not understand it."""
    assert number_of(peer()["Response"], "check_tx") == one_of("Response")["check_tx"] == 9


SAMPLES: list[tuple[str, dict[str, Any]]] = [
    ("RequestInfo", {"version": "0.38.0", "block_version": 11, "p2p_version": 8, "abci_version": "2.0.0"}),
    ("RequestQuery", {"data": b"d", "path": "/head", "height": 7, "prove": True}),
    ("RequestApplySnapshotChunk", {"index": 3, "chunk": bytes(300), "sender": "peer"}),
    (
        "ResponseInfo",
        {"data": "c", "version": "1", "app_version": 1, "last_block_height": 9, "last_block_app_hash": b"h"},
    ),
    ("ResponseCheckTx", {"code": 5, "data": b"x", "log": "é", "codespace": "concordat"}),
    ("ResponseCommit", {"retain_height": 4}),
    ("ResponsePrepareProposal", {"txs": [b"a", b"", bytes(200)]}),
    ("ResponseApplySnapshotChunk", {"result": 3, "refetch_chunks": [0, 1, 300], "reject_senders": ["a", "b"]}),
]


@pytest.mark.parametrize(("name", "fields"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_each_reads_what_the_other_writes(name: str, fields: dict[str, Any]) -> None:
    from io import BytesIO

    cls = peer()[name]
    mine = messages()[name](**fields)
    read = cls.read_from(BytesIO(mine.SerializeToString()))
    assert {field: getattr(read, field) for field in fields} == fields
    again = messages()[name]()
    again.ParseFromString(bytes(read.dumps()))  # with fields that we don't know, as gas: ignored
    assert {
        f: list(getattr(again, f)) if isinstance(v, list) else getattr(again, f) for f, v in fields.items()
    } == fields
