"""What a node knows, in one small answer: `GET /sync/heads`, the beginning of every round.

Canonical JSON: of each log its origin, size, root and the SHA-256 of its newest note (the note itself, with its
cosignatures, lies at `checkpoint`); of each member log the newest head with a quorum; the highest certificate; votes
for views; proofs of misconduct; how far all is final, with the state hash there. With 30 members it takes 8 kB, and a
node whose answer has not changed says so by its ETag. Nothing in it is signed or believed: it says where to look.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from concordat import __version__, canonical
from concordat.errors import InputError
from concordat.ledger.council_log import read_head
from concordat.ledger.note import Note, Signature
from concordat.ledger.replica import Replica

HEADS_BYTES_MAX = 2_000_000
LOGS_MAX = 4_096
LIST_MAX = 1_024
_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[A-Z][A-Z0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class HeadLine:
    """One log: its newest head, and the hash of the whole note."""

    origin: str
    size: int
    root: str
    digest: str


@dataclass(frozen=True, slots=True)
class Heads:
    """A node's answer.

    Attributes:
        bloc, member: whose node it is. program: its version. membership: the newest version it has. view: its view.
        logs: newest heads. submitted: (origin, size, SHA-256 of the note) of the newest head with a quorum.
        certified: (view, size, SHA-256 of the note), or None. votes: SHA-256 of each. accusations: ids.
        final: (view, size) up to which all is final. batch: its number. state: the state hash there, if it is folded.
        recovery: `normal`, or what keeps the node from signing.
    """

    bloc: str
    member: str
    program: str
    membership: int
    view: int
    logs: tuple[HeadLine, ...]
    submitted: tuple[tuple[str, int, str], ...]
    certified: tuple[int, int, str] | None
    votes: tuple[str, ...]
    accusations: tuple[str, ...]
    final: tuple[int, int]
    batch: int
    state: str
    recovery: str

    def to_bytes(self) -> bytes:
        """As it is sent."""
        return canonical.dumps(
            {
                "accusations": list(self.accusations),
                "batch": self.batch,
                "bloc": self.bloc,
                "certified": list(self.certified) if self.certified else None,
                "final": list(self.final),
                "logs": [[line.origin, line.size, line.root, line.digest] for line in self.logs],
                "member": self.member,
                "membership": self.membership,
                "program": self.program,
                "recovery": self.recovery,
                "state": self.state,
                "submitted": [list(item) for item in self.submitted],
                "v": 1,
                "view": self.view,
                "votes": list(self.votes),
            }
        )

    @classmethod
    def parse(cls, data: bytes, where: str) -> Heads:
        """Read an answer.

        Raises:
            InputError: not of the form, or beyond a bound.
        """
        if len(data) > HEADS_BYTES_MAX:
            raise InputError(f"over {HEADS_BYTES_MAX:,} bytes.", where=where, code="heads")
        raw = canonical.loads(data, exact=True)
        try:
            return _read(raw)
        except (KeyError, TypeError, ValueError, IndexError):
            raise InputError("the list of heads is not of its form.", where=where, code="heads") from None


def _read(raw: Any) -> Heads:
    if not isinstance(raw, dict) or len(raw) != 15 or raw["v"] != 1:
        raise ValueError
    logs = tuple(HeadLine(_text(o), _count(n), _hash(r), _hash(d)) for o, n, r, d in _list(raw["logs"], LOGS_MAX))
    submitted = tuple((_text(o), _count(n), _hash(d)) for o, n, d in _list(raw["submitted"], LOGS_MAX))
    certified = None
    if raw["certified"] is not None:
        view, size, digest = _list(raw["certified"], 3)
        certified = (_count(view), _count(size), _hash(digest))
    final_view, final_size = _list(raw["final"], 2)
    if not _ID.fullmatch(_text(raw["bloc"])) or not _ID.fullmatch(_text(raw["member"])):
        raise ValueError
    return Heads(
        raw["bloc"], raw["member"], _text(raw["program"]), _count(raw["membership"]), _count(raw["view"]), logs,
        submitted, certified, tuple(_hash(v) for v in _list(raw["votes"], LIST_MAX)),
        tuple(_hash(a) for a in _list(raw["accusations"], LIST_MAX)), (_count(final_view), _count(final_size)),
        _count(raw["batch"]), _hash(raw["state"]) if raw["state"] else "", _text(raw["recovery"]),
    )  # fmt: skip


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 300:
        raise ValueError
    return value


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _hash(value: Any) -> str:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise ValueError
    return value


def notes_of(replica: Replica) -> dict[str, Note]:
    """The newest head of each log with all cosignatures that are here."""
    found: dict[str, Note] = {}
    for origin, log in sorted(replica.shelf.logs.items()):
        if log.head is None:
            continue
        more: list[Signature] = []
        size = read_head(str(log.head))[1].size
        opened = replica.open.get(size) if log is replica.own else None
        submitted = log.submitted[-1] if log.submitted else None
        for text in (str(opened) if opened else None, replica.shelf.note(submitted[2]) if submitted else None):
            note = Note.parse(text) if text else None
            if note is not None and note.text == log.head.text:
                more += note.signatures
        found[origin] = log.head.with_signatures(more)
    for view, council in sorted(replica.councils.items()):
        note = replica.heads.get(view)
        if note is None:
            continue
        extra = (
            replica.open_council.signatures if replica.open_council and replica.open_council.text == note.text else ()
        )
        certificate = replica.certificates.get((view, read_head(str(note))[1].size))
        whole = replica.shelf.note(certificate.note) if certificate else None
        more = list(extra) + (list(Note.parse(whole).signatures) if whole and whole.startswith(note.text) else [])
        found[council.origin] = note.with_signatures(more)
    return found


def heads_of(replica: Replica, notes: Mapping[str, Note], *, state: tuple[int, str], recovery: str) -> Heads:
    """What a replica knows.

    Args:
        notes: as `notes_of` found them. state: number of the last folded final batch, and the state hash there.
        recovery: the state of recovery.
    """
    logs = []
    for origin, note in sorted(notes.items()):
        head = read_head(str(note))[1]
        logs.append(HeadLine(origin, head.size, head.root.hex(), sha256(str(note).encode()).hexdigest()))
    submitted = tuple((o, log.submitted[-1][0], log.submitted[-1][2]) for o, log in sorted(replica.shelf.logs.items())
                      if log.submitted)  # fmt: skip
    highest = replica.highest
    votes = sorted(sha256(v.data).hexdigest() for by in replica.votes.values() for v in by.values())
    return Heads(
        bloc=replica.bloc, member=replica.me, program=__version__, membership=replica.chain.last.version,
        view=replica.view, logs=tuple(logs), submitted=submitted,
        certified=(highest.view, highest.size, highest.note) if highest else None, votes=tuple(votes[:LIST_MAX]),
        accusations=tuple(sorted(replica.accusations)[:LIST_MAX]), final=replica.final(), batch=state[0],
        state=state[1], recovery=recovery,
    )  # fmt: skip
