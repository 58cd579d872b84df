"""Bring a node up to date before it signs again: from the folders that others wrote, and from those that still run.

`concordat node sync --recover`. Each folder is taken as any folder is. It may be older than what this node has signed
since, so it answers for nobody: what it shows of this node's log is wanted, and the node stays suspicious until members
have answered: over the network, or in writing to the question that this node wrote (`recovery_papers`). Then each peer
gets rounds until nothing is missing, or nobody has anything more. What may be signed is decided by `recover` alone.

Who runs this doubts what is here, so the node is marked until enough members have said what they saw.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from concordat import clock
from concordat.errors import ConcordatError
from concordat.ledger.council_log import cosigned_head
from concordat.ledger.note import Note
from concordat.node.home import Node
from concordat.node.recover import Health, Recovery
from concordat.node.recovery_mark import Mark, put_mark
from concordat.node.recovery_papers import Answer, Question
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


def question_of(node: Node) -> Question:
    """The question of a node that recovers; the node is marked, if it was not.

    Raises:
        StateError: the mark can't be written.
    """
    mark = node.mark or Mark(
        "suspicious", "its operator asks what the others saw.", f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"
    )
    if node.mark is None or not mark.nonce:
        node.mark = put_mark(node.home, mark)
        node.signer.held = str(node.mark.refuse())
    return Question(node.identity.member, node.chain.last.bloc, node.mark.nonce)


def recover(
    node: Node, settings: NodeSettings, folders: Sequence[Path], answers: Mapping[str, bytes] | None = None
) -> Recovered:
    """Fetch what is missing of the own log, and let the node sign again if enough members agree; the node is closed.

    Args:
        folders: exports of members. answers: what members wrote to this node's question, by where it was found.

    Raises:
        StateError: the store can't be written.
    """
    before = node.replica.own.size
    question = question_of(node) if node.replica.peers else None
    problems = list(sync(node, folders).problems) if folders else []
    shown = [size for folder in folders for size in _shown(node, folder)]
    heard = []
    for where, data in (answers or {}).items():
        if question is None:  # alone in the bloc: there is nobody who could answer
            break
        try:
            answer = Answer.read(data, node.chain, question, where)
            heard.append((answer, answer.size(node.chain)))
        except ConcordatError as error:
            problems.append(str(error))
    return asyncio.run(_ask_all(node, settings, heard, max(shown, default=0), before, problems))


def _shown(node: Node, folder: Path) -> list[int]:
    """The sizes of this node's log under heads in a folder that its own keys have signed."""
    own, version = node.replica.own.origin, node.chain.last
    source, found = FolderSource(folder), []
    try:
        for base in source.checkpoints():
            data = source.read(f"{base}/checkpoint" if base != "." else "checkpoint")
            if data.startswith(f"{own}\n".encode()):
                signed = cosigned_head(str(Note.parse(data, base)), version.member_ring(node.identity.member))
                found.append(signed.checkpoint.size)
    except ConcordatError:
        return found  # `sync` has said what is wrong with it
    return found


async def _ask_all(
    node: Node,
    settings: NodeSettings,
    heard: Sequence[tuple[Answer, int]],
    shown: int,
    before: int,
    problems: list[str],
) -> Recovered:
    service = Service(node, settings)
    recovery = service.recovery
    try:
        recovery.shown(shown)
        for _ in range(PASSES_MAX):
            for answer, size in heard:
                whole = await service.read(_whole(answer))
                recovery.answered(answer.by, size, whole=whole)
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


def _whole(answer: Answer) -> Callable[[Node], bool]:
    return lambda node: answer.all_here(node.replica)


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
