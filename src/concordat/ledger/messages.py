"""What members send each other, whatever carries it: a socket, a folder on a stick, a simulation.

Every message is safe to lose, repeat and reorder: whoever needs an answer asks again, and what is signed inside proves
itself. Bounds are those of the parsers that read the parts.
"""

from __future__ import annotations

from dataclasses import dataclass

from concordat.ledger.council_log import Certificate


@dataclass(frozen=True)
class Entries:
    """Entries of a log from `start` on, and the signed head that covers them."""

    origin: str
    start: int
    leaves: tuple[bytes, ...]
    head: str


@dataclass(frozen=True)
class Cosigned:
    """Cosignature lines of a head, for its writer."""

    origin: str
    size: int
    root: bytes
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Submitted:
    """A member head with a quorum of witnesses: its entries of scope council may be taken up, with this time."""

    note: str


@dataclass(frozen=True)
class Certified:
    """The certificate of a council head, and the whole note if the sender has it."""

    certificate: Certificate
    note: str


@dataclass(frozen=True)
class Vote:
    """A vote for a view, with the certificate that it names in full."""

    vote: bytes
    certificate: Certificate | None


@dataclass(frozen=True)
class Accusation:
    """A proof of misconduct."""

    data: bytes


@dataclass(frozen=True)
class Want:
    """A request for the entries of a log from `start` on."""

    origin: str
    start: int


@dataclass(frozen=True)
class WantNote:
    """A request for a note by its SHA-256."""

    digest: str


@dataclass(frozen=True)
class Hello:
    """How far the sender is: sizes of the logs it holds, and of their heads with a quorum; its highest certificate; its
    view."""

    sizes: tuple[tuple[str, int], ...]
    submitted: tuple[tuple[str, int], ...]
    certified: tuple[int, int]
    view: int


Message = Entries | Cosigned | Submitted | Certified | Vote | Accusation | Want | WantNote | Hello
Out = list[tuple[str, Message]]  # to whom, what
