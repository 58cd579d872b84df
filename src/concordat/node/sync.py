"""Members that exchange folders: what each takes from the others, and a bloc of many on one machine.

One round of a node: read each folder, let the replica judge what it says, let time pass, write its own folder. Nobody
needs to be online; a round trip is a stick carried there and back. An entry is final after a few rounds: written, its
head witnessed, taken up by the chair, mirrored, and certified by the next batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from concordat.errors import ConcordatError, InputError
from concordat.ledger.note import Checkpoint
from concordat.ledger.policy import pending
from concordat.ledger.replica import Replica
from concordat.node.folder import messages
from concordat.node.home import Node
from concordat.node.publish import export
from concordat.node.sources import FolderSource

ROUNDS_MAX = 40


@dataclass(frozen=True)
class Taken:
    """What a sync brought.

    Attributes:
        sizes: (name, entries before, entries after) of each log. unreadable: folders that ended in an error.
        problems: what was refused, in words. accusations: new proofs of misconduct, in words with their file names.
        behind: folders whose logs are shorter than those here, in words.
    """

    sizes: tuple[tuple[str, int, int], ...]
    problems: tuple[str, ...]
    accusations: tuple[tuple[str, str], ...]
    unreadable: int = 0
    behind: tuple[str, ...] = ()


def sizes_of(replica: Replica) -> dict[str, int]:
    """Entries by member id and council view."""
    found = {log.owner: log.size for _, log in sorted(replica.shelf.logs.items())}
    return {**found, **{f"council/{v}": c.size for v, c in sorted(replica.councils.items())}}


def sync(node: Node, folders: Sequence[Path]) -> Taken:
    """Take what other members' folders say. A bad folder is told and left out; the others count.

    Raises:
        StateError: our own store can't be written.
    """
    before, known = sizes_of(node.replica), set(node.replica.accusations)
    node.replica.refusals.clear()
    problems: list[str] = []
    unreadable = 0
    peers = node.replica.peers or [node.identity.member]
    with node.together():
        for number, folder in enumerate(folders):
            sender = peers[number % len(peers)]  # whose folder it is doesn't matter: what is signed proves itself
            try:
                for message in messages(FolderSource(folder), node.replica, node.seen):
                    node.handle(sender, message)
            except ConcordatError as error:
                problems.append(str(error))
                unreadable += isinstance(error, InputError)
            problems += [f"{folder}: {refusal.what}" for refusal in node.replica.refusals]
            node.replica.refusals.clear()
        node.tick()
    problems += [refusal.what for refusal in node.replica.refusals]
    if problems:
        node.seen.clear()  # what waited for something else is asked again
    after = sizes_of(node.replica)
    proofs = node.replica.accusations
    fresh = sorted(set(proofs) - known, key=lambda key: (proofs[key].sentence(), key))
    return Taken(
        tuple((name, before.get(name, 0), after[name]) for name in after),
        tuple(dict.fromkeys(problems)),
        tuple((proofs[key].sentence(), f"misconduct/{key}.json") for key in fresh),
        unreadable,
        tuple(words for folder in folders for words in _behind(node.replica, folder)),
    )


def _behind(replica: Replica, folder: Path) -> list[str]:
    """The logs of a folder that are shorter than those here: it is an older one, and says nothing new of them."""
    logs: dict[str, tuple[str, int]] = {o: (log.owner, log.size) for o, log in replica.shelf.logs.items()}
    logs |= {log.origin: (f"council/{view}", log.size) for view, log in replica.councils.items()}
    source, found = FolderSource(folder), []
    try:
        for base in source.checkpoints():
            head = Checkpoint.parse_text(source.log(base).head().text)
            name, size = logs.get(head.origin, ("", 0))
            if head.size < size:
                found.append(f"{folder} is behind: {name} {head.size:,} of {size:,}")
    except ConcordatError:
        return found  # what is wrong with it stands among the problems
    return found


def standing(replica: Replica, origin_owner: str) -> str:
    """Where a member's newest entries stand: final, or pending with who is missing."""
    log = next(log for log in replica.shelf.logs.values() if log.owner == origin_owner)
    version = replica.chain.last
    if log.head is None:
        return "empty"
    note = replica.open.get(log.size, log.head) if log is replica.own else log.head
    names = {s.name for s in note.signatures}
    signed = [m.id for m in version.active if m.witness[0].name in names]
    if log.submitted_size < log.size:
        return pending(signed, version.quorum, [m.id for m in version.active if m.id not in signed])
    return "witnessed"


def exchange(nodes: Sequence[Node], folders: Sequence[Path], done: Callable[[], bool]) -> int:
    """Rounds of folder exchange until `done`; how many it took.

    Raises:
        StateError: a store that can't be written.
    """
    for number in range(1, ROUNDS_MAX + 1):
        for node, own in zip(nodes, folders, strict=True):
            sync(node, [folder for folder in folders if folder != own and folder.exists()])
            export(node.replica, own)
            if done():
                return number
    return ROUNDS_MAX
