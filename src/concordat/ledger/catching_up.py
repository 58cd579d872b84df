"""How a member that missed something gets it: it says how far it is, and others send what it lacks.

Nothing here is trusted: what is sent proves itself when it arrives. Unfinished work is sent again after 20 seconds,
then after 40, 80, ... up to 320, and at 20 again once something has moved; votes after 5, 5, 10, 20, ... minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from concordat.errors import TrustError
from concordat.ledger.council_log import read_head
from concordat.ledger.messages import Certified, Entries, Hello, Out, Submitted, Vote, Want

if TYPE_CHECKING:
    from concordat.ledger.replica import Replica

ENTRIES_MAX = 256  # in one message; more is asked for
RESEND_S, RESEND_MAX_S = 20, 320
VOTE_AGAIN_S = 300
HANDED_MAX = 2  # how often a head of another member is passed on to the chair


def hello(replica: Replica) -> Hello:
    """How far a replica is."""
    logs = sorted(replica.shelf.logs.items())
    sizes = [(origin, log.size) for origin, log in logs]
    sizes += [(log.origin, log.size) for _, log in sorted(replica.councils.items())]
    submitted = tuple((origin, log.submitted_size) for origin, log in logs)
    return Hello(tuple(sizes), submitted, replica.highest.place if replica.highest else (0, 0), replica.view)


def wanted(replica: Replica, sender: str, message: Want) -> Out:
    """Entries that were asked for, as far as a signed head covers them."""
    view = replica._view_of(message.origin)
    if view:
        council = replica.councils.get(view)
        note = replica.heads.get(view)
        leaves: Sequence[bytes] = council.leaves if council else []
    else:
        copy = replica.shelf.logs.get(message.origin)
        note = copy.head if copy else None
        leaves = []
        if copy is not None and note is not None:
            leaves = copy.entries.leaves
    if note is None:
        return []
    text = str(note)
    stop = min(message.start + ENTRIES_MAX, read_head(text)[1].size, len(leaves))
    if stop <= message.start:
        return []
    return [(sender, Entries(message.origin, message.start, tuple(leaves[message.start : stop]), text))]


def greeted(replica: Replica, sender: str, message: Hello) -> Out:
    """Send what the other lacks, and ask for what it has more of."""
    theirs, known = dict(message.sizes), dict(message.submitted)
    out: Out = []
    for origin, log in sorted(replica.shelf.logs.items()):
        if log.size > theirs.get(origin, 0):
            with suppress(TrustError):  # of a copy that was changed on the disk; the other logs go out all the same
                out += wanted(replica, sender, Want(origin, theirs.get(origin, 0)))
        elif log.size < theirs.get(origin, 0):
            out.append((sender, Want(origin, log.size)))
        if log.submitted_size > known.get(origin, 0):
            text = replica.shelf.note(log.submitted[-1][2])
            out += [(sender, Submitted(text))] if text else []
    for _, council in sorted(replica.councils.items()):
        if council.size > theirs.get(council.origin, 0):
            out += wanted(replica, sender, Want(council.origin, theirs.get(council.origin, 0)))
        elif council.size < theirs.get(council.origin, 0):
            out.append((sender, Want(council.origin, council.size)))
    if message.view > replica.view:
        out.append((sender, Want(replica.chain.last.council_origin(message.view), 0)))
    if replica.highest and replica.highest.place > message.certified:
        out.append((sender, Certified(replica.highest, replica.shelf.note(replica.highest.note) or "")))
    return out


def again(replica: Replica, now: int) -> Out:
    """What is unfinished, once more."""
    chair = replica.chain.of_view(replica.view).chair(replica.view)
    pending = replica.pending()
    out = _own_head(replica)
    if _behind(replica, chair):
        out += [(peer, hello(replica)) for peer in replica.peers]
    if chair == replica.me:
        out += _council_head(replica, bool(pending))
    else:
        out += _submissions(replica, chair, pending)
    return out + _vote(replica, now)


def _behind(replica: Replica, chair: str) -> bool:
    """Whether the own keys have signed more of a log than is here: a backup was restored."""
    origins = [replica.own.origin] + ([replica.chain.last.council_origin(replica.view)] if chair == replica.me else [])
    return any(replica._size(origin) < replica.signer.size_signed(origin) for origin in origins)


def _own_head(replica: Replica) -> Out:
    """The own newest head, for those that haven't cosigned it."""
    own = replica.own
    if not replica.open or own.head is None:
        return []
    size = max(replica.open)
    if size > own.size:  # restored from a backup: the rest is coming back from the others
        return []
    signed = {s.name for s in replica.open[size].signatures}
    names = replica.chain.last.witness_names
    behind = [m for name, m in names.items() if name not in signed and m != replica.me]
    head = own.head if own.head.text == replica.open[size].text else replica.open[size]
    message = Entries(own.origin, size - 1, (own.entries.leaves[size - 1],), str(head))
    return [(member, message) for member in behind]


def _submissions(replica: Replica, chair: str, pending: list[str]) -> Out:
    """Heads with a quorum that the chair has not taken up; those of others a few times only."""
    out: Out = []
    for origin in pending:
        digest = replica.shelf.logs[origin].submitted[-1][2]
        seen, count = replica._handed.get(origin, ("", 0))
        count = count if seen == digest else 0
        if origin == replica.own.origin or count < HANDED_MAX:
            replica._handed[origin] = (digest, count + 1)
            text = replica.shelf.note(digest)
            out += [(chair, Submitted(text))] if text else []
    if replica.own.origin in pending:
        out.append((chair, hello(replica)))
    return out


def _council_head(replica: Replica, pending: bool) -> Out:
    """As chair: the newest head for those that haven't cosigned it, or its certificate."""
    log = replica.councils.get(replica.view)
    if replica.open_council is None or log is None or replica.view not in replica.heads:
        return []
    if (replica.view, log.size) in replica.certificates:
        return [(peer, Certified(replica.highest, "")) for peer in replica.peers] if pending and replica.highest else []
    signed = {s.name for s in replica.open_council.signatures}
    names = replica.chain.of_view(replica.view).mirror_names
    behind = [m for name, m in names.items() if name not in signed and m != replica.me]
    message = Entries(log.origin, log.size - 1, (log.leaves[-1],), str(replica.heads[replica.view]))
    return [(member, message) for member in behind]


def _vote(replica: Replica, now: int) -> Out:
    """The own vote for a view that has not begun."""
    promised = replica.signer.floor.promised
    vote = replica.votes.get(promised, {}).get(replica.me)
    waited = replica.voted - (replica.since or replica.voted)
    if vote is None or promised <= replica.view or now - replica.voted < max(VOTE_AGAIN_S, waited):
        return []
    replica.voted = now
    certificate = replica.certificates.get(vote.place) if vote.highest else None
    return [(peer, Vote(vote.data, certificate)) for peer in replica.peers]
