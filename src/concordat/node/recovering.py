"""Bring a node up to date before it signs again: from the folders that others wrote, and from those that still run.

`concordat node sync --recover`. Each folder is taken as any folder is; that a member saw this node's log at some size
is believed where that member's witness has cosigned the head in it. Then each peer gets rounds until nothing is
missing, or nobody has anything more. What may be signed is decided by `recover` alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from concordat.errors import ConcordatError
from concordat.ledger.council_log import cosigned_head
from concordat.ledger.note import Note
from concordat.node.home import Node
from concordat.node.recover import Health, Recovery
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.node.sources import FolderSource
from concordat.node.sync import sync

PASSES_MAX = 8


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came of it.

    Attributes:
        state: of recovery. words: why nothing is signed, or empty. before, after: entries of the own log.
        answered: members that answered. problems: what was refused or failed, in words.
    """

    state: str
    words: str
    before: int
    after: int
    answered: tuple[str, ...]
    problems: tuple[str, ...]


def recover(node: Node, settings: NodeSettings, folders: Sequence[Path]) -> Recovered:
    """Fetch what is missing of the own log, and let the node sign again if enough members agree; the node is closed.

    Raises:
        StateError: the store can't be written.
    """
    before = node.replica.own.size
    problems = list(sync(node, folders).problems) if folders else []
    seen = [answer for folder in folders for answer in _answers(node, folder)]
    return asyncio.run(_ask_all(node, settings, seen, before, problems))


def _answers(node: Node, folder: Path) -> list[tuple[str, int]]:
    """(member, size) for each member whose witness cosigned the head of this node's log that a folder holds."""
    own, version = node.replica.own.origin, node.chain.last
    source, found = FolderSource(folder), []
    try:
        for base in source.checkpoints():
            data = source.read(f"{base}/checkpoint" if base != "." else "checkpoint")
            if not data.startswith(f"{own}\n".encode()):
                continue
            signed = cosigned_head(str(Note.parse(data, base)), version.member_ring(node.identity.member))
            names = {s.key.name for s in signed.verified} & version.witness_names.keys()
            found += [(version.witness_names[name], signed.checkpoint.size) for name in sorted(names)]
    except ConcordatError:
        return found  # `sync` has said what is wrong with it
    return found


async def _ask_all(
    node: Node, settings: NodeSettings, seen: Sequence[tuple[str, int]], before: int, problems: list[str]
) -> Recovered:
    service = Service(node, settings)
    recovery = service.recovery
    try:
        for member, size in seen:
            recovery.answered(member, size)
        for _ in range(PASSES_MAX):
            size = await _pass(service, recovery)
            if recovery.state is Health.NORMAL or size == recovery.size:
                break
        await service.run(service._tick)
        problems += [f"{peer.member}: {peer.machine.note}" for peer in service.peers if peer.machine.note]
        answered = tuple(sorted(recovery.heard))
        return Recovered(
            recovery.state.value, recovery.words(), before, recovery.size, answered, tuple(dict.fromkeys(problems))
        )
    finally:
        await service.close()


async def _pass(service: Service, recovery: Recovery) -> int:
    """One round with every peer that may be asked; the size of the own log before it."""
    before = recovery.size
    for peer in service.peers:
        peer.machine.next_at = 0.0
        peer.heads_tag = ""
        peer.machine.begin(service.monotonic())
    await asyncio.gather(*(service.rounds.round(peer) for peer in service.peers))
    await service.run(service._tick)
    return before
