"""What does the record come to: final entries replayed into the state of the council, the same at every member.

    council = fold(history, founders=("BRA", "RUS", ...), bloc="BRICS")
    council.state_hash                     # equal at every member that folded the same batches

An entry whose guard fails is kept with its reason and changes nothing. An entry of a type that is not the council's is
left to the room that knows it. Deadlines are asked in ledger time: what fell due is settled before an entry that was
submitted later (ledger 6.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from concordat.council._body import read_body
from concordat.council._registry import KINDS
from concordat.council.constitution import Member, check_author
from concordat.council.events import PASSING, load_all
from concordat.council.papers import note_taken
from concordat.council.state import Council
from concordat.errors import ConcordatError, StateError
from concordat.ledger.fold import Event, Fold
from concordat.ledger.membership import Point


def start(bloc: str, founders: Sequence[str], *, chair: str = "", merge_delay_hours: int = 24) -> Council:
    """The council before anything was said: the founders are members, nothing is agreed.

    Args:
        founders: the active members of membership version 1. chair: the first of its rota.
        merge_delay_hours: that of the membership file.
    """
    from concordat.council._zones import zone_names

    zone_names()  # without the package of time zones deadlines would differ from those of others: stop here
    council = Council(bloc, tuple(founders), chair, merge_delay_hours * 3600)
    for member in council.founders:
        council.put("member", Member(member, "active"))
    return council


def take(council: Council, event: Event) -> Council:
    """One entry: the state behind it (the same object, changed).

    The handlers are loaded with the first one: a council in which nothing was said needs none of them.
    """
    if not council.passing:
        load_all()
        council.passing.update(PASSING)  # before anything is there that can fall due
    entry = event.entry
    council.at = event.point
    council.advance(event.ledger_time)
    council.events += 1
    kind = KINDS[entry.type]
    try:
        check_author(council, event, kind.observers, kind.suspended)
        body = read_body(kind.body, entry.body, entry.type)
        kind.take(council, event, body)
        note_taken(council, event, body)
    except Exception as error:  # also a fault of ours: one entry must not stop the record of all honest members
        fault = error
        if not isinstance(fault, ConcordatError):
            fault = StateError(f"the program failed on it ({type(error).__name__}).", code="fault")
        council.refuse(entry.id, entry.author, entry.type, str(fault))
        council.fault = fault
        from concordat.council.events import note_refusal

        # What stands with the vote is hashed: there, no words of a library that another release puts otherwise.
        note_refusal(council, event, "its body is not as it should be." if fault.code == "body" else str(fault))
    return council


def handlers() -> dict[str, Callable[[Any, Event], Any]]:
    """The council's part of a replay: a handler for each type it knows."""
    load_all()
    return dict.fromkeys(KINDS, take)


@dataclass(frozen=True)
class Step:
    """One final batch: its place, what had passed before it (seconds since 1970), its entries in order."""

    point: Point
    ledger_time: int
    events: tuple[Event, ...]


class Replay:
    """A council that can go on batch by batch.

    Attributes:
        council: the state so far. fold: the ledger's replay under it; `fold.hashes` has one state hash a batch.
    """

    def __init__(self, council: Council) -> None:
        self.council = council
        self._fold: Fold | None = None

    @property
    def fold(self) -> Fold:
        """Made with the first batch, as it loads all handlers."""
        if self._fold is None:
            self._fold = Fold(handlers(), self.council)
        return self._fold

    def step(self, step: Step) -> str:
        """Take one batch; the state hash behind it."""
        self._begin(step)
        return self.fold.batch(step.point, step.events)

    def pass_over(self, step: Step) -> None:
        """Take one batch whose hash nobody asks for: most of the time of a replay goes into hashes."""
        self._begin(step)
        self.fold.take(step.events)

    def _begin(self, step: Step) -> None:
        self.council.at = step.point
        self.council.advance(step.ledger_time)


def fold(
    history: Iterable[Step],
    *,
    bloc: str,
    founders: Sequence[str],
    chair: str = "",
    merge_delay_hours: int = 24,
    progress: Callable[[int], None] | None = None,
) -> Council:
    """The council after all final batches.

    Args:
        history: every final batch in order, empty ones too: time passes in them. progress: told how many entries are
            folded.
    """
    replay = Replay(start(bloc, founders, chair=chair, merge_delay_hours=merge_delay_hours))
    for step in history:
        replay.step(step)
        if progress is not None:
            progress(replay.council.events)
    return replay.council
