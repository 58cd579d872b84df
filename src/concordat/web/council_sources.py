"""Where a record of the council is read from: the node that serves the pages, a node's folder, an exported folder.

`Running` asks the writer of a running node, so that nothing is seen before it is durable. `Folder` reads what
`concordat node export` wrote, once, after auditing it. `AtHome` looks at a node's own folder without its keys and
without stopping it. The last two see one moment.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import TimeoutError as Late
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from concordat.council.fold import Replay, Step
from concordat.errors import StateError
from concordat.node.council import replay_of, steps_of
from concordat.web.council_reader import Ledger

if TYPE_CHECKING:
    from concordat.ledger.council_log import Certificate, CouncilLog
    from concordat.ledger.note import Note
    from concordat.ledger.replica import Replica
    from concordat.ledger.shelf import Shelf
    from concordat.node.home import Node
    from concordat.node.service import Service

T = TypeVar("T")
WAIT_S = 10.0


class Running:
    """A running node.

    Args:
        service: the node, as it runs.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def changes(self) -> int:
        """As the service counts them."""
        return self._service.changes

    def look(self, look: Callable[[Ledger], T]) -> T:
        """Look at the replica on its writer's thread.

        Raises:
            StateError: the writer is stopping, or too busy.
        """
        states = self._service.states

        def at(node: Node) -> T:
            replica = node.replica
            return look(_of_replica(replica, states.place, states.council, states.steps, replica.me))

        try:
            return self._service.writer.read(at).result(WAIT_S)
        except Late:
            raise StateError("the node is busy.", hint="Try again in a moment.", code="busy") from None


class Replicated:
    """A replica that this process holds: a demo's, a test's, or one that was opened to look on.

    Args:
        replica: folded here, as far as it is final; only one thread may use it at a time.
    """

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._replay: Replay = replay_of(replica.chain, [])
        self._steps: list[Step] = []

    def changes(self) -> int:
        """The number of entries and signatures that are here."""
        from concordat.node.heads import notes_of

        replica = self._replica
        signatures = sum(len(note.signatures) for note in notes_of(replica).values())
        sizes = sum(log.size for log in replica.shelf.logs.values())
        sizes += sum(log.size for log in replica.councils.values())
        return sizes * 1_000 + signatures + replica.final()[1]

    def look(self, look: Callable[[Ledger], T]) -> T:
        """Fold what is new, and look."""
        replica = self._replica
        steps = steps_of(replica.chain, replica.shelf, replica.councils, replica.final())
        for step in steps[len(self._steps) :]:
            self._replay.pass_over(step)
            self._steps.append(step)
        return look(_of_replica(replica, replica.final(), self._replay.council, self._steps, replica.me))


class Folder:
    """An exported folder, audited when it is opened.

    Args:
        folder: what `concordat node export` wrote. pinned: the hash it is trusted by; without it, its own.

    Raises:
        InputError, TrustError: it is no export, or not a good one.
    """

    def __init__(self, folder: Path, pinned: str | None = None) -> None:
        from concordat.node.audit import open_export

        record = open_export(folder, pinned)
        steps = steps_of(record.chain, record.shelf, record.councils, record.place)
        replay = replay_of(record.chain, [])
        for step in steps:
            replay.pass_over(step)
        notes = {origin: log.head for origin, log in record.shelf.logs.items() if log.head is not None}
        notes |= _certified(record.certificates, record.councils, record.shelf)
        self._ledger = Ledger(
            record.chain, record.shelf, record.councils, record.certificates, notes, record.place, replay.council, steps
        )

    def changes(self) -> int:
        """Nothing ever changes in it."""
        return 0

    def look(self, look: Callable[[Ledger], T]) -> T:
        """Look at it."""
        return look(self._ledger)


def at_home(home: Path, database: str = "sqlite") -> Replicated:
    """The record in a node's own folder, read without its keys and without stopping it.

    Raises:
        StateError: no node there, or its files are damaged. TrustError: its log is.
    """
    from concordat.node.onlooker import Onlooker

    return Replicated(Onlooker(home, database).replica)


def _of_replica(replica: Replica, place: tuple[int, int], council: object, steps: list[Step], member: str) -> Ledger:
    from concordat.council.state import Council
    from concordat.node.heads import notes_of

    assert isinstance(council, Council)
    notes = notes_of(replica)
    return Ledger(
        replica.chain, replica.shelf, replica.councils, replica.certificates, notes, place, council, steps, member
    )


def _certified(
    certificates: dict[tuple[int, int], Certificate], councils: dict[int, CouncilLog], shelf: Shelf
) -> dict[str, Note]:
    """The newest certified head of each council log of an export."""
    from concordat.ledger.note import Note

    found: dict[str, Note] = {}
    for (view, _), certificate in sorted(certificates.items()):
        text = shelf.note(certificate.note)
        if text is not None and view in councils:
            found[councils[view].origin] = Note.parse(text)
    return found
