"""What became of an instruction: the receipt, its bytes, and the proof that it stands in a block.

A receipt is one canonical JSON object (RFC 8785) with integers as decimal strings, but `height` and `index`. Always
there: `code`, `height`, `index`, `kind`, `uetr`, `member`; where money moved or would have, `payer`, `payee`,
`amount_minor`, and the payer's balance `before` and `after`. A refusal names what was needed and what was there
(`need`, `have`), whose limit it was, or which field differed; balances of other members never show. A receipt given
again for a resent instruction carries `repeat: true` and is otherwise the first one. `block_hash` is added when a
receipt is handed out: it can't stand in the bytes from which that hash is made.

The receipts of a block are the leaves of a Merkle tree (RFC 6962, as in `ledger.merkle`), each row of a batch a leaf of
its own, so that the proof of one payment shows no other. Its root stands in the header: `prove`, `check_proof`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, overload

from concordat import canonical
from concordat.clearing.core.codes import CODES
from concordat.errors import InputError, TrustError
from concordat.ledger.merkle import EMPTY_ROOT, root_from_inclusion


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt. `facts` holds all that its bytes hold; the common parts have names.

    Attributes:
        facts: the JSON object. block_hash: hexadecimal hash of the block's header, empty where it is not known yet.
    """

    facts: Mapping[str, Any]
    block_hash: str = ""

    @classmethod
    def parse(cls, leaf: bytes, block_hash: str = "") -> Receipt:
        """Read the bytes of a receipt of ours."""
        return cls(json.loads(leaf), block_hash)

    @property
    def uetr(self) -> str:
        return str(self.facts["uetr"])

    @property
    def member(self) -> str:
        return str(self.facts["member"])

    @property
    def kind(self) -> str:
        return str(self.facts["kind"])

    @property
    def code(self) -> str:
        return str(self.facts["code"])

    @property
    def height(self) -> int:
        return int(self.facts["height"])

    @property
    def index(self) -> int:
        return int(self.facts["index"])

    @property
    def repeat(self) -> bool:
        """Whether this is the first receipt of an instruction that was sent again."""
        return bool(self.facts.get("repeat", False))

    @property
    def before(self) -> int | None:
        """The payer's balance before, in minor units."""
        return self._number("before")

    @property
    def after(self) -> int | None:
        """The payer's balance after, in minor units."""
        return self._number("after")

    @property
    def amount_minor(self) -> int | None:
        return self._number("amount_minor")

    def _number(self, name: str) -> int | None:
        text = self.facts.get(name)
        return None if text is None else int(text)

    @property
    def sentence(self) -> str:
        """The code in words."""
        return CODES[self.code].sentence

    @property
    def reason_iso(self) -> str | None:
        """The ISO 20022 reason, where something failed or waits."""
        return CODES[self.code].iso

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: all facts, and the hash of the block."""
        return {**self.facts, **({"block_hash": self.block_hash} if self.block_hash else {})}


class Receipts(Sequence[Receipt]):
    """The receipts of a block, read from their bytes only when they are looked at."""

    __slots__ = ("block_hash", "leaves")

    def __init__(self, leaves: Sequence[bytes], block_hash: str) -> None:
        self.leaves = leaves
        self.block_hash = block_hash

    def __len__(self) -> int:
        return len(self.leaves)

    @overload
    def __getitem__(self, index: int) -> Receipt: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Receipt]: ...

    def __getitem__(self, index: int | slice) -> Receipt | Sequence[Receipt]:
        if isinstance(index, slice):
            return Receipts(self.leaves[index], self.block_hash)
        return Receipt.parse(self.leaves[index], self.block_hash)

    def __iter__(self) -> Iterator[Receipt]:
        return (Receipt.parse(leaf, self.block_hash) for leaf in self.leaves)


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def receipt_leaf(facts: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a receipt.

    All keys and values of a receipt are text of known alphabets, booleans and small integers, for which the standard
    encoder with sorted keys writes what RFC 8785 asks (the tests hold it to `canonical.dumps`).
    """
    return _encode(facts).encode()


def repeated(leaf: bytes) -> bytes:
    """The first receipt as it is given again."""
    return receipt_leaf({**json.loads(leaf), "repeat": True})


# --- The tree -------------------------------------------------------------------------------------------------------


def _levels(leaves: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Each level of the tree, from the leaf hashes up: pairs are joined, an odd one goes up alone (RFC 6962, 2.1)."""
    row = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    yield row
    while len(row) > 1:
        even = len(row) & ~1
        above = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, even, 2)]
        row = above + row[even:]
        yield row


def leaves_root(leaves: Sequence[bytes]) -> bytes:
    """The root over the bytes of receipts, or of instructions."""
    row = [EMPTY_ROOT]
    for row in _levels(leaves):  # noqa: B007 - the last level is the root
        pass
    return row[0] if row else EMPTY_ROOT


def leaf_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The sibling hashes from one leaf up to the root."""
    path = []
    for row in _levels(leaves):
        sibling = index ^ 1
        if len(row) > 1 and sibling < len(row):
            path.append(row[sibling])
        index >>= 1
    return path


PROOF_KEYS = ("header", "index", "path", "receipt", "receipts")


def prove(leaves: Sequence[bytes], index: int, header: Mapping[str, Any]) -> dict[str, Any]:
    """The proof that a receipt stands in a block.

    Args:
        leaves: the bytes of all receipts of the block. index: which one. header: the block's header as JSON.

    Returns:
        `{header, index, path, receipt, receipts}`: the receipt's own JSON and the sibling hashes in hexadecimal.
    """
    return {
        "header": dict(header),
        "index": index,
        "path": [part.hex() for part in leaf_path(leaves, index)],
        "receipt": json.loads(leaves[index]),
        "receipts": len(leaves),
    }


def check_proof(proof: Mapping[str, Any], block_hash: str) -> Receipt:
    """Check receipt -> receipts_root -> header -> the hash of a block that the reader trusts.

    Args:
        proof: what `prove` gave. block_hash: hexadecimal hash of the header, from a witnessed checkpoint or the
        reader's
            own node.

    Raises:
        InputError: not of that form.
        TrustError: the path leads to another root, or the header has another hash.
    """
    if not isinstance(proof, Mapping) or set(proof) != set(PROOF_KEYS):
        raise InputError("a proof has the keys " + ", ".join(PROOF_KEYS) + ".", where="proof", code="proof")
    try:
        leaf = canonical.dumps(proof["receipt"])
        path = [bytes.fromhex(part) for part in proof["path"]]
        index, size = proof["index"], proof["receipts"]
        if type(index) is not int or type(size) is not int:
            raise TypeError("index and receipts are whole numbers")
        header = dict(proof["header"])
        claimed = bytes.fromhex(header["receipts_root"])
        receipt = Receipt(dict(proof["receipt"]), block_hash)
        facts = (receipt.height, receipt.index, header["height"], receipt.code)
    except (KeyError, TypeError, ValueError):
        raise InputError("a part of the proof is missing or not of its form.", where="proof", code="proof") from None
    if canonical.digest(header) != block_hash:
        raise TrustError("the header of the proof has another hash.", where="proof", code="proof_header")
    root = root_from_inclusion(sha256(b"\x00" + leaf).digest(), index, size, path)
    if root != claimed:
        raise TrustError("the receipt is not in that block.", where="proof", code="proof_receipt")
    if not receipt.repeat and (facts[0] != facts[2] or facts[1] != index):
        raise TrustError("the receipt names another place than the proof.", where="proof", code="proof_receipt")
    return receipt
