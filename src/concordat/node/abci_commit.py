"""Did the engine's validators sign this block: the certificate of a batch under an engine, and what it proves.

A signed header is a CometBFT header with the commit for it. Checked here, from published rules (CometBFT 0.38,
`spec/core/data_structures.md`, `spec/core/encoding.md`): the block hash is the Merkle root (RFC 6962) over the fourteen
encoded fields of the header; each counted signature is Ed25519 over the canonical precommit of that validator, strictly
verified; signers hold more than two thirds of the power that the genesis of our own log states; the header names that
set of validators. Then it is held against a block that this ledger committed: hash, time, transactions, and the app
hash behind the block before.

So the header of height h proves which transactions the batch h had, and that of h + 1 proves root and state behind it.
What it does not prove: that validators are who they say (the genesis lists keys), or anything after their set changed;
no block of ours changes it. Written against the published encoding and its test vectors, not against a running engine.
"""

from __future__ import annotations

import base64
import binascii
import calendar
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from concordat import canonical
from concordat.errors import InputError, TrustError
from concordat.ledger.keys import verify_ed25519
from concordat.ledger.merkle import Frontier, leaf_hash
from concordat.node.abci import to_frame
from concordat.node.abci_genesis import Genesis
from concordat.node.abci_schema import FLAG_COMMIT, messages

PRECOMMIT = 2
SIGNATURES_MAX = 10_000
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z")
_HASHES = ("last_commit_hash", "data_hash", "validators_hash", "next_validators_hash", "consensus_hash", "app_hash",
           "last_results_hash", "evidence_hash", "proposer_address")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as the engine signs it: seconds since 1970 and nanoseconds."""

    seconds: int
    nanos: int

    @classmethod
    def parse(cls, text: Any, where: str) -> Stamp:
        """Read RFC 3339 in UTC.

        Raises:
            InputError: it is none.
        """
        match = _TIME.fullmatch(text) if isinstance(text, str) else None
        try:
            moment = datetime.fromisoformat(match[1]) if match else None
        except ValueError:
            moment = None
        if match is None or moment is None:
            raise InputError(f'"{str(text)[:40]}" is not a time.', where=where, code="time")
        return cls(calendar.timegm(moment.timetuple()), int((match[2] or "").ljust(9, "0")))

    def fields(self) -> dict[str, int]:
        """As protobuf has it."""
        return {"seconds": self.seconds, "nanos": self.nanos}


@dataclass(frozen=True, slots=True)
class BlockId:
    """The hash of a block and that of its parts."""

    hash: bytes
    total: int
    parts: bytes

    def message(self) -> Any:
        """As protobuf has it; the parts stand there even when empty."""
        parts = messages()["PartSetHeader"](total=self.total, hash=self.parts)
        return messages()["BlockID"](hash=self.hash, part_set_header=parts)


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a block, as far as its hash needs it: everything."""

    version: tuple[int, int]
    chain_id: str
    height: int
    time: Stamp
    last: BlockId
    hashes: Mapping[str, bytes]

    def hash(self) -> bytes:
        """The block hash: a Merkle root over the encoded fields, empty ones as empty leaves."""
        kinds = messages()
        stated = [
            kinds["ConsensusVersion"](block=self.version[0], app=self.version[1]),
            kinds["StringValue"](value=self.chain_id),
            kinds["Int64Value"](value=self.height),
            kinds["Timestamp"](**self.time.fields()),
            self.last.message(),
            *(kinds["BytesValue"](value=self.hashes[name]) for name in _HASHES),
        ]
        return _root([message.SerializeToString() for message in stated])


@dataclass(frozen=True, slots=True)
class Precommit:
    """One validator's signature in a commit."""

    flag: int
    address: bytes
    time: Stamp
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedHeader:
    """A header, and the commit for it; nothing is verified until `verify`."""

    header: Header
    round: int
    block: BlockId
    precommits: tuple[Precommit, ...]
    data: bytes

    @classmethod
    def parse(cls, raw: Any, where: str = "signed header") -> SignedHeader:
        """Read what an engine's RPC gives as `signed_header`: `header` and `commit`.

        Raises:
            InputError: missing fields, or fields of other types, with their path.
        """
        header, commit = _of(raw, "header", where), _of(raw, "commit", where)
        version = _of(header, "version", where)
        read = Header(
            (_int(version, "block", where), _int(version, "app", where)),
            _text(header, "chain_id", where),
            _int(header, "height", where),
            Stamp.parse(header.get("time"), f"{where}, time"),
            _block_id(_of(header, "last_block_id", where), where),
            {name: _hex(header, name, where) for name in _HASHES},
        )
        if _int(commit, "height", where) != read.height:
            raise InputError("header and commit are of two heights.", where=where, code="signed_header")
        listed = commit.get("signatures")
        if not isinstance(listed, list) or len(listed) > SIGNATURES_MAX:
            raise InputError("signatures must be a list.", where=where, code="signed_header")
        signed = tuple(_precommit(one, f"{where}, signature {i}") for i, one in enumerate(listed))
        block = _block_id(_of(commit, "block_id", where), where)
        data = canonical.dumps({"commit": commit, "header": header})
        return cls(read, _int(commit, "round", where), block, signed, data)

    def verify(self, genesis: Genesis) -> SignedHeader:
        """The header itself, once more than two thirds of the chain's power are found to have signed it.

        Raises:
            TrustError: another chain or set of validators, a hash or signature that fails, or too little power.
        """
        where = f"{genesis.chain_id}, height {self.header.height}"
        if self.header.chain_id != genesis.chain_id:
            raise TrustError(f"it is of the chain {self.header.chain_id}.", where=where, code="other_chain")
        if self.header.hash() != self.block.hash:
            raise TrustError("the commit is for another header.", where=where, code="header_hash")
        if self.header.hashes["validators_hash"] != validators_hash(genesis.validators):
            what = "its validators are not those of the genesis in this log."
            raise TrustError(what, where=where, hint="Ask the engine's operators what changed.", code="validators")
        known = {address(key): (key, power) for key, power in genesis.validators}
        total, signed = sum(known[a][1] for a in known), 0
        for one in self.precommits:
            if one.flag != FLAG_COMMIT or one.address not in known:
                continue
            key, power = known.pop(one.address)
            what = f"the signature of validator {one.address.hex()} at {where}"
            verify_ed25519(key, one.signature, self.sign_bytes(one), what)
            signed += power
        if 3 * signed <= 2 * total:
            what = f"signed by {signed:,} of {total:,}; more than two thirds are needed."
            raise TrustError(what, where=where, code="power")
        return self

    def sign_bytes(self, one: Precommit) -> bytes:
        """What that validator signed: its canonical precommit behind its length."""
        vote = {
            "type": PRECOMMIT, "height": self.header.height, "round": self.round,
            "timestamp": one.time.fields(), "chain_id": self.header.chain_id,
        }  # fmt: skip
        return to_frame(messages()["CanonicalVote"](**vote, block_id=self.block.message()))

    def require_block(self, paper: Mapping[str, Any]) -> None:
        """The header is that of a block which this ledger committed.

        Args:
            paper: the ledger's own record of the block: hash, time, data, before.

        Raises:
            TrustError: which of them differs.
        """
        hashes = self.header.hashes
        stated = {
            "hash": self.block.hash.hex(), "time": self.header.time.seconds, "data": hashes["data_hash"].hex(),
            "before": hashes["app_hash"].hex(),
        }  # fmt: skip
        for name, value in stated.items():
            if paper[name] != value:
                words = {"data": "transactions", "before": "app hash"}.get(name, name)
                what = f"the engine signed another {words} than this ledger holds."
                raise TrustError(what, where=f"height {self.header.height}", code="certificate")


def address(key: bytes) -> bytes:
    """The twenty bytes by which the engine names a validator."""
    return sha256(key).digest()[:20]


def validators_hash(validators: Sequence[tuple[bytes, int]]) -> bytes:
    """The hash of a set of validators: a Merkle root, the strongest first, equal ones by address."""
    kinds = messages()
    ordered = sorted(validators, key=lambda pair: (-pair[1], address(pair[0])))
    return _root(
        [
            kinds["SimpleValidator"](pub_key={"ed25519": key}, voting_power=power).SerializeToString()
            for key, power in ordered
        ]
    )


def _root(leaves: Sequence[bytes]) -> bytes:
    edge = Frontier()
    for leaf in leaves:
        edge.append(leaf_hash(leaf))
    return edge.root()


# --- JSON -------------------------------------------------------------------------------------------------------------


def _of(raw: Any, name: str, where: str) -> dict[str, Any]:
    found = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(found, dict):
        raise InputError(f"{name} is missing.", where=where, code="signed_header")
    return found


def _text(raw: Mapping[str, Any], name: str, where: str) -> str:
    found = raw.get(name)
    if not isinstance(found, str):
        raise InputError(f"{name} must be text.", where=where, code="signed_header")
    return found


def _int(raw: Mapping[str, Any], name: str, where: str) -> int:
    """A whole number; the engine writes 64-bit ones as text, and leaves a zero out."""
    found = raw.get(name, 0)
    if isinstance(found, str) and re.fullmatch(r"[0-9]{1,19}", found):
        found = int(found)
    if type(found) is not int or not 0 <= found < 2**63:
        raise InputError(f"{name} must be a whole number.", where=where, code="signed_header")
    return found


def _hex(raw: Mapping[str, Any], name: str, where: str) -> bytes:
    found = raw.get(name, "")
    if not isinstance(found, str) or len(found) > 128 or not re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", found):
        raise InputError(f"{name} must be hexadecimal.", where=where, code="signed_header")
    return bytes.fromhex(found)


def _block_id(raw: Mapping[str, Any], where: str) -> BlockId:
    parts = _of(raw, "parts", where)
    total = _int(parts, "total", where)
    if total >= 2**32:
        raise InputError("total is too large.", where=where, code="signed_header")
    return BlockId(_hex(raw, "hash", where), total, _hex(parts, "hash", where))


def _precommit(raw: Any, where: str) -> Precommit:
    if not isinstance(raw, dict):
        raise InputError("not a signature.", where=where, code="signed_header")
    text = raw.get("signature") or ""
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise InputError("signature must be base64.", where=where, code="signed_header") from None
    flag = _int(raw, "block_id_flag", where)
    return Precommit(flag, _hex(raw, "validator_address", where), Stamp.parse(raw.get("timestamp"), where), signature)
