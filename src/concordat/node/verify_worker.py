"""A process that verifies entries for a node: `python -m concordat.node.verify_worker`, on pipes (`verify_pool`).

First comes the pinned hash and the membership files, then lots of leaves; each lot is answered by one byte a leaf, 1
where `MembershipChain.verify_entry` passes it. It ends when its input does, so also when the node is killed.
"""

from __future__ import annotations

import signal
import struct
import sys
from typing import BinaryIO

from concordat.errors import ConcordatError
from concordat.ledger.entry import Entry
from concordat.ledger.membership import MembershipChain

_NUMBER = struct.Struct(">I")


def main() -> int:
    """Answer lots until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the node, which closes the pipe
    given, answers = sys.stdin.buffer, sys.stdout.buffer
    first = unpacked(given)
    if not first:
        return 0
    chain = MembershipChain.verify(first[1:], first[0].decode())
    while lot := unpacked(given):
        answers.write(bytes(passes(chain, leaf) for leaf in lot))
        answers.flush()
    return 0


def passes(chain: MembershipChain, leaf: bytes) -> bool:
    """Whether an entry is good; why it isn't is said by whoever refuses it."""
    try:
        chain.verify_entry(Entry.parse(leaf))
    except ConcordatError:
        return False
    return True


def unpacked(given: BinaryIO) -> list[bytes]:
    """The next parts; none at the end of the input, also where it ends in the middle."""
    head = given.read(_NUMBER.size)
    parts = []
    for _ in range(_NUMBER.unpack(head)[0] if len(head) == _NUMBER.size else 0):
        size = given.read(_NUMBER.size)
        part = given.read(_NUMBER.unpack(size)[0]) if len(size) == _NUMBER.size else b""
        if not part:
            return []
        parts.append(part)
    return parts


if __name__ == "__main__":
    sys.exit(main())
