"""What another member's export says to us: a USB stick as a peer.

Every log, cosignature, submitted head, certificate, vote and accusation in the folder becomes the message that a
network would have carried, so that the same replica judges it. Symbolic links are not followed; files over a bound, a
folder that ends in the middle and files that say nothing known are refused by name. Which member the folder came from
doesn't matter: what is signed inside proves itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from concordat.errors import ConcordatError, InputError, TrustError
from concordat.ledger.council_log import Batch, Certificate, Tree
from concordat.ledger.entry import Entry
from concordat.ledger.membership import MembershipChain
from concordat.ledger.messages import Accusation, Certified, Cosigned, Entries, Message, Submitted, Vote
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.replica import Replica
from concordat.ledger.views import ViewStarted, ViewVote
from concordat.node.log_fetch import NOTHING, LogFetch, Stand
from concordat.node.sources import FolderSource, read_range

FILES_TO_READ = 2**40  # of one log: whatever its head needs


def messages(source: FolderSource, replica: Replica, seen: set[bytes]) -> Iterator[Message]:
    """What the folder says that a replica does not know yet, in an order in which most can be taken at once.

    Args:
        seen: hashes of heads that were taken in full before, from any folder; those of this one are added.

    Raises:
        InputError, TrustError: a file that can't be read, by name.
    """
    chain, own = replica.chain, replica.own.origin
    bases = source.checkpoints()
    if not bases and not (source.path / "manifest.json").is_file():
        hint = "An export has logs/<origin>/checkpoint; write one with: concordat node export DIR"
        raise InputError("there is no log in this folder.", where=str(source.path), hint=hint, code="folder")
    heads = [(base, note) for base in bases if (note := source.head(base, seen)) is not None]
    councils = [(base, note) for base, note in heads if _view(note, chain)]
    for base, note in heads:
        if not _view(note, chain):
            yield from _log(source, base, note, replica)
    fresh = [name for name in source.names("notes") if name.rpartition("/")[2] not in replica.shelf.notes]
    for name in fresh:
        note = Note.parse(source.read(name), name)
        if not _view(note, chain):
            yield Submitted(str(note))
    certificates = dict(replica.certificates)
    for base, note in sorted(councils, key=lambda item: _view(item[1], chain)):
        for message in _log(source, base, note, replica):
            for leaf in message.leaves:
                _collect(leaf, certificates)
            yield message
    for name in fresh:
        note = Note.parse(source.read(name), name)
        view = _view(note, chain)
        certificate = Certificate.of_note(str(note), chain.of_view(view), view) if view else None
        if certificate is not None:
            certificates.setdefault(certificate.place, certificate)
            yield Certified(certificate, str(note))
    for _, note in heads:
        head = Checkpoint.parse_text(note.text)
        if head.origin == own or _view(note, chain):
            lines = [s.line() for s in note.signatures if s.name != head.origin]
            for i in range(0, len(lines), 4):
                yield Cosigned(head.origin, head.size, head.root, tuple(lines[i : i + 4]))
    votes = {vote.data for by in replica.votes.values() for vote in by.values()}
    for name in source.names("votes"):
        if source.read(name) in votes:
            continue
        vote = ViewVote.parse(source.read(name), name)
        yield Vote(vote.data, certificates.get(vote.place))
    for name in source.names("misconduct"):
        if name.rpartition("/")[2].removesuffix(".json") in replica.accusations:
            continue
        yield Accusation(source.read(name))


def _view(note: Note, chain: MembershipChain) -> int:
    stem, _, view = note.text.partition("\n")[0].rpartition("/")
    known = stem == f"{chain.last.bloc}/council" and view.isascii() and view.isdecimal() and len(view) < 10
    return int(view) if known else 0


def _log(source: FolderSource, base: str, note: Note, replica: Replica) -> Iterator[Entries]:
    """The entries of a log, from the first bundle that holds something new; all of them where heads contradict."""
    head = Checkpoint.parse_text(note.text)
    size, known = _held(head, replica)
    if known and head.size == size and _settled(head, replica):
        return
    if known and head.size == size:
        try:
            leaf = _last_leaf(head, replica)
        except TrustError:  # it was changed on the disk here: no head over it is cosigned, and other logs count
            return
        yield Entries(head.origin, head.size - 1, (leaf,), str(note))
        return
    tree = _tree(head.origin, replica)
    stand = Stand.of(size, tree) if tree else NOTHING
    place = str(source.path / base)
    yield from read_range(source.log(base), LogFetch(str(note), stand, FILES_TO_READ, whole=not known, where=place))


def _tree(origin: str, replica: Replica) -> Tree | None:
    log = replica.shelf.logs.get(origin) or next((c for c in replica.councils.values() if c.origin == origin), None)
    return log.tree if log else None


def _collect(leaf: bytes, found: dict[tuple[int, int], Certificate]) -> None:
    """The certificates inside a council entry; the replica verifies them when it takes the entry."""
    try:
        entry = Entry.parse(leaf)
        if entry.type == "ViewStarted":
            cut = ViewStarted.parse(entry.body, "folder").cut
        else:
            cut = Batch.parse(entry.body, "folder").certificate
    except ConcordatError:
        return
    if cut is not None:
        found.setdefault(cut.place, cut)


def _settled(head: Checkpoint, replica: Replica) -> bool:
    """Whether the head is ours, or the one held here, cosigned by us."""
    log = replica.shelf.logs.get(head.origin)
    held = log.head if log is not None else replica.heads.get(_view(Note(head.text(), ()), replica.chain))
    if log is replica.own or held is None:
        return log is replica.own
    member = replica.chain.last.member(replica.me)
    return (
        held.text == head.text()
        and {member.witness[0].name, member.mirror[0].name} & {s.name for s in held.signatures} != set()
    )


def _last_leaf(head: Checkpoint, replica: Replica) -> bytes:
    log = replica.shelf.logs.get(head.origin)
    if log is not None:
        return log.entries.leaves[head.size - 1]
    return next(c for c in replica.councils.values() if c.origin == head.origin).leaves[head.size - 1]


def _held(head: Checkpoint, replica: Replica) -> tuple[int, bool]:
    """How much of a log is held here, and whether what is held doesn't contradict the head as far as can be seen."""
    log = replica.shelf.logs.get(head.origin)
    if log is not None:
        return log.size, head.size > log.size or log.tree.root(head.size) == head.root
    for council in replica.councils.values():
        if council.origin == head.origin:
            return council.size, head.size > council.size or council.tree.root(head.size) == head.root
    return 0, True
