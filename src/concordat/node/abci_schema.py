"""Which bytes does an ABCI 2.0 engine send and expect: the messages and their field numbers, as one table.

`messages()` makes the classes of the `protobuf` package (extra `[abci]`) from the table below: no compiler, no
generated file, no copied `.proto`. A line is `Message: field number type, ...`; `*` in front of a type means repeated,
`?` a member of the message's one-of. Enumerations are `int32`, which has the same bytes; `Timestamp` is protobuf's own
well-known message. Fields that we neither read nor write are left out: a reader ignores what it doesn't know.

Numbers: ABCI 2.0 as in CometBFT 0.38 (`tendermint/abci/types.proto`, `tendermint/types/*.proto`; the tests hold the
table against `pyabci` 0.1.0 and against published vectors). In a `Response`, `check_tx` is 9; number 8 is reserved.
The last block of the table is what an engine signs: headers, block ids and votes (`node.abci_commit`).

What this does not do: frames, connections (`node.abci`), or any meaning (`node.sequencer_abci`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from concordat.settings import need_extra

PACKAGE = "concordat.abci"

TABLE = """
Request: echo 1 ?RequestEcho, flush 2 ?RequestFlush, info 3 ?RequestInfo, init_chain 5 ?RequestInitChain,
  query 6 ?RequestQuery, check_tx 8 ?RequestCheckTx, commit 11 ?RequestCommit, list_snapshots 12 ?RequestListSnapshots,
  offer_snapshot 13 ?RequestOfferSnapshot, load_snapshot_chunk 14 ?RequestLoadSnapshotChunk,
  apply_snapshot_chunk 15 ?RequestApplySnapshotChunk, prepare_proposal 16 ?RequestPrepareProposal,
  process_proposal 17 ?RequestProcessProposal, extend_vote 18 ?RequestExtendVote,
  verify_vote_extension 19 ?RequestVerifyVoteExtension, finalize_block 20 ?RequestFinalizeBlock
RequestEcho: message 1 string
RequestFlush:
RequestInfo: version 1 string, block_version 2 uint64, p2p_version 3 uint64, abci_version 4 string
RequestInitChain: time 1 Timestamp, chain_id 2 string, consensus_params 3 ConsensusParams,
  validators 4 *ValidatorUpdate, app_state_bytes 5 bytes, initial_height 6 int64
RequestQuery: data 1 bytes, path 2 string, height 3 int64, prove 4 bool
RequestCheckTx: tx 1 bytes, type 2 int32
RequestCommit:
RequestListSnapshots:
RequestOfferSnapshot: snapshot 1 Snapshot, app_hash 2 bytes
RequestLoadSnapshotChunk: height 1 uint64, format 2 uint32, chunk 3 uint32
RequestApplySnapshotChunk: index 1 uint32, chunk 2 bytes, sender 3 string
RequestPrepareProposal: max_tx_bytes 1 int64, txs 2 *bytes, local_last_commit 3 ExtendedCommitInfo,
  misbehavior 4 *Misbehavior, height 5 int64, time 6 Timestamp, next_validators_hash 7 bytes, proposer_address 8 bytes
RequestProcessProposal: txs 1 *bytes, proposed_last_commit 2 CommitInfo, misbehavior 3 *Misbehavior, hash 4 bytes,
  height 5 int64, time 6 Timestamp, next_validators_hash 7 bytes, proposer_address 8 bytes
RequestExtendVote: hash 1 bytes, height 2 int64, time 3 Timestamp, txs 4 *bytes, proposed_last_commit 5 CommitInfo,
  misbehavior 6 *Misbehavior, next_validators_hash 7 bytes, proposer_address 8 bytes
RequestVerifyVoteExtension: hash 1 bytes, validator_address 2 bytes, height 3 int64, vote_extension 4 bytes
RequestFinalizeBlock: txs 1 *bytes, decided_last_commit 2 CommitInfo, misbehavior 3 *Misbehavior, hash 4 bytes,
  height 5 int64, time 6 Timestamp, next_validators_hash 7 bytes, proposer_address 8 bytes

Response: exception 1 ?ResponseException, echo 2 ?ResponseEcho, flush 3 ?ResponseFlush, info 4 ?ResponseInfo,
  init_chain 6 ?ResponseInitChain, query 7 ?ResponseQuery, check_tx 9 ?ResponseCheckTx, commit 12 ?ResponseCommit,
  list_snapshots 13 ?ResponseListSnapshots, offer_snapshot 14 ?ResponseOfferSnapshot,
  load_snapshot_chunk 15 ?ResponseLoadSnapshotChunk, apply_snapshot_chunk 16 ?ResponseApplySnapshotChunk,
  prepare_proposal 17 ?ResponsePrepareProposal, process_proposal 18 ?ResponseProcessProposal,
  extend_vote 19 ?ResponseExtendVote, verify_vote_extension 20 ?ResponseVerifyVoteExtension,
  finalize_block 21 ?ResponseFinalizeBlock
ResponseException: error 1 string
ResponseEcho: message 1 string
ResponseFlush:
ResponseInfo: data 1 string, version 2 string, app_version 3 uint64, last_block_height 4 int64,
  last_block_app_hash 5 bytes
ResponseInitChain: validators 2 *ValidatorUpdate, app_hash 3 bytes
ResponseQuery: code 1 uint32, log 3 string, info 4 string, index 5 int64, key 6 bytes, value 7 bytes, height 9 int64,
  codespace 10 string
ResponseCheckTx: code 1 uint32, data 2 bytes, log 3 string, codespace 8 string
ResponseCommit: retain_height 3 int64
ResponseListSnapshots: snapshots 1 *Snapshot
ResponseOfferSnapshot: result 1 int32
ResponseLoadSnapshotChunk: chunk 1 bytes
ResponseApplySnapshotChunk: result 1 int32, refetch_chunks 2 *uint32, reject_senders 3 *string
ResponsePrepareProposal: txs 1 *bytes
ResponseProcessProposal: status 1 int32
ResponseExtendVote: vote_extension 1 bytes
ResponseVerifyVoteExtension: status 1 int32
ResponseFinalizeBlock: events 1 *Event, tx_results 2 *ExecTxResult, validator_updates 3 *ValidatorUpdate,
  app_hash 5 bytes

Timestamp: seconds 1 int64, nanos 2 int32
Validator: address 1 bytes, power 3 int64
PublicKey: ed25519 1 ?bytes, secp256k1 2 ?bytes
ValidatorUpdate: pub_key 1 PublicKey, power 2 int64
VoteInfo: validator 1 Validator, block_id_flag 3 int32
CommitInfo: round 1 int32, votes 2 *VoteInfo
ExtendedVoteInfo: validator 1 Validator, vote_extension 3 bytes, extension_signature 4 bytes, block_id_flag 5 int32
ExtendedCommitInfo: round 1 int32, votes 2 *ExtendedVoteInfo
Misbehavior: type 1 int32, validator 2 Validator, height 3 int64, time 4 Timestamp, total_voting_power 5 int64
EventAttribute: key 1 string, value 2 string, index 3 bool
Event: type 1 string, attributes 2 *EventAttribute
ExecTxResult: code 1 uint32, data 2 bytes, log 3 string, codespace 8 string
Snapshot: height 1 uint64, format 2 uint32, chunks 3 uint32, hash 4 bytes, metadata 5 bytes
BlockParams: max_bytes 1 int64, max_gas 2 int64
ABCIParams: vote_extensions_enable_height 1 int64
ConsensusParams: block 1 BlockParams, abci 5 ABCIParams

ConsensusVersion: block 1 uint64, app 2 uint64
PartSetHeader: total 1 uint32, hash 2 bytes
BlockID: hash 1 bytes, part_set_header 2 PartSetHeader
CanonicalVote: type 1 int32, height 2 sfixed64, round 3 sfixed64, block_id 4 BlockID, timestamp 5 Timestamp,
  chain_id 6 string
SimpleValidator: pub_key 1 PublicKey, voting_power 2 int64
StringValue: value 1 string
Int64Value: value 1 int64
BytesValue: value 1 bytes
"""

# Numbers that the messages give a name to.
CHECK_NEW, CHECK_RECHECK = 0, 1
ACCEPT, REJECT = 1, 2  # ProcessProposal and VerifyVoteExtension
OFFER_ACCEPT, OFFER_ABORT, OFFER_REJECT, OFFER_REJECT_FORMAT = 1, 2, 3, 4
APPLY_ACCEPT, APPLY_ABORT, APPLY_RETRY, APPLY_REJECT_SNAPSHOT = 1, 2, 3, 5
FLAG_ABSENT, FLAG_COMMIT, FLAG_NIL = 1, 2, 3


def table() -> dict[str, list[tuple[str, int, str]]]:
    """The table read: message -> (field, number, type as written), in order of the numbers.

    >>> table()["RequestCheckTx"]
    [('tx', 1, 'bytes'), ('type', 2, 'int32')]
    """
    found: dict[str, list[tuple[str, int, str]]] = {}
    name = ""
    for line in TABLE.splitlines():
        if line and not line.startswith(" "):
            name, _, line = line.partition(":")
            found[name] = []
        for part in filter(None, (p.strip() for p in line.split(","))):
            field, number, kind = part.split()
            found[name].append((field, int(number), kind))
    return found


def one_of(message: str) -> dict[str, int]:
    """The kinds that a `Request` or `Response` may hold, with their numbers."""
    return {field: number for field, number, kind in table()[message] if kind.startswith("?")}


@lru_cache(maxsize=1)
def messages() -> Mapping[str, Any]:
    """The class of every message of the table, by name.

    Raises:
        MethodError: the extra `[abci]` is not installed.
    """
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError:
        raise need_extra("abci", "An engine's connection") from None
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="concordat/abci.proto", package=PACKAGE, syntax="proto3")
    described = table()
    for name, fields in described.items():
        message = file.message_type.add(name=name)
        if any(kind.startswith("?") for _, _, kind in fields):
            message.oneof_decl.add(name="value")
        for field, number, written in fields:
            kind = written.lstrip("*?")
            added = message.field.add(name=field, number=number)
            added.label = kinds.LABEL_REPEATED if written.startswith("*") else kinds.LABEL_OPTIONAL
            if kind in described:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
            else:
                added.type = getattr(kinds, f"TYPE_{kind.upper()}")
            if written.startswith("?"):
                added.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()  # our own: another package's descriptors of the same messages don't clash
    pool.AddSerializedFile(file.SerializeToString())
    classes = {n: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{n}")) for n in described}
    return MappingProxyType(classes)
