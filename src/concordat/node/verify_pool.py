"""Signatures of many entries, verified by two processes before the writer takes them: the same rules, the same verdict.

`cryptography` holds the interpreter while it verifies, so threads don't help; processes do. A worker runs the very
`MembershipChain.verify_entry` over the same membership files and says which entries it passed. `PreparedChain` then
lets those pass without asking again; whatever was not passed, for any reason, is verified where it always was, and the
error is the one that it always was. So nothing is decided here but which work was done already.

Lots of 64 to 256 entries; at most 10,000 wait, and what comes beyond is left to the writer. A worker that dies has
verified nothing; another is started with the next lot. Workers end when this process does: their pipe closes. Source:
node-web.md 2 (the table of tasks). Not here: cosignatures of heads, of which there are few.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from concordat.ledger.entry import Entry
from concordat.ledger.membership import MembershipChain

PROCESSES = 2
LOT_MIN, LOT_MAX = 64, 256
WAITING_MAX = 10_000  # signatures
KEPT_MAX = 20_000  # verdicts that nobody has asked for yet
_NUMBER = struct.Struct(">I")


@dataclass(frozen=True)
class PreparedChain(MembershipChain):
    """A chain that remembers which entries a worker has verified under it, each for one use."""

    passed: OrderedDict[bytes, None] = field(default_factory=OrderedDict, compare=False, repr=False)

    def verify_entry(self, entry: Entry) -> Entry:
        """As `MembershipChain.verify_entry`."""
        if self.passed and self.passed.pop(sha256(entry.leaf).digest(), _ABSENT) is None:
            return entry
        return super().verify_entry(entry)

    def prepare(self, leaves: Sequence[bytes]) -> None:
        """These leaves were verified under this chain by a process of ours."""
        for leaf in leaves:
            self.passed[sha256(leaf).digest()] = None
        while len(self.passed) > KEPT_MAX:
            self.passed.popitem(last=False)


_ABSENT = object()


class _Worker:
    """One process, started when it is first needed."""

    def __init__(self, chain: MembershipChain) -> None:
        self._chain, self._turn = chain, asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def verify(self, leaves: Sequence[bytes]) -> bytes:
        """One byte a leaf, 1 for verified; empty if the process died."""
        async with self._turn:
            try:
                process = await self._running()
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(packed(leaves))
                await process.stdin.drain()
                return await process.stdout.readexactly(len(leaves))
            except (OSError, asyncio.IncompleteReadError):
                await self.close()
                return b""
            except BaseException:  # broken off: its answer to this lot would be taken for that to the next
                await self.close()
                raise

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "concordat.node.verify_worker", stdin=pipe, stdout=pipe
            )
            assert self._process.stdin is not None
            files = [version.envelope.to_bytes() for version in self._chain.versions]
            self._process.stdin.write(packed([self._chain.pinned.encode(), *files]))
        return self._process

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            process._transport.close()  # type: ignore[attr-defined]


class VerifyPool:
    """The workers of one node.

    Args:
        chain: the membership; entries are prepared in it.
    """

    def __init__(self, chain: PreparedChain, processes: int = PROCESSES) -> None:
        self._chain = chain
        self._workers = [_Worker(chain) for _ in range(processes)]
        self._turn = self._waiting = 0

    async def prepare(self, leaves: Sequence[bytes]) -> int:
        """Have many entries verified; how many were passed. Few, or too many at once, are left to the writer."""
        if len(leaves) < LOT_MIN or self._waiting + len(leaves) > WAITING_MAX:
            return 0
        self._waiting += len(leaves)
        try:
            lots = [leaves[start : start + LOT_MAX] for start in range(0, len(leaves), LOT_MAX)]
            return sum(await asyncio.gather(*(self._lot(lot) for lot in lots)))
        finally:
            self._waiting -= len(leaves)

    async def _lot(self, lot: Sequence[bytes]) -> int:
        self._turn += 1
        verdicts = await self._workers[self._turn % len(self._workers)].verify(lot)
        good = [leaf for leaf, verdict in zip(lot, verdicts, strict=False) if verdict == 1]
        self._chain.prepare(good)
        return len(good)

    async def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            await worker.close()


def packed(parts: Sequence[bytes]) -> bytes:
    """Parts as a worker reads them: their number, then each with its length, in four bytes."""
    return _NUMBER.pack(len(parts)) + b"".join(_NUMBER.pack(len(part)) + part for part in parts)
