"""A council's year as the pages read it: the entries that `council_year` says, in logs that nobody signed.

What the ledger makes sure of is asked on real nodes (`record_of` a demo); what the pages say of a long record is asked
here, where five hundred entries cost nothing to sign.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import council_year
from concordat.council.fold import Step
from concordat.ledger.council_log import Batch, CouncilLog, Progress
from concordat.ledger.entry import Entry
from concordat.ledger.kept import KeptEntries
from concordat.ledger.membership import MembershipChain
from concordat.ledger.shelf import Shelf
from concordat.node.found import pinned_hash
from concordat.node.store import Store
from concordat.web.council_reader import CouncilReader, Ledger
from concordat.web.council_sources import Replicated
from concordat.web.respond import Site
from concordat.web.site import pages
from council_kit import TEN
from unit_node import found
from web_kit import reader_of

T = TypeVar("T")


class Spoken(KeptEntries):
    """Entries that nobody signed: their leaves are no envelopes that they could be read from."""

    __slots__ = ("held",)

    def __init__(self, held: list[Entry] | None = None) -> None:
        self.held = list(held or ())
        super().__init__([entry.leaf for entry in self.held])

    def __getitem__(self, at: Any) -> Any:
        return Spoken(self.held[at]) if isinstance(at, slice) else self.held[at]

    def append(self, entry: Entry) -> None:
        self.held.append(entry)
        self.leaves.append(entry.leaf)

    def copy(self) -> Spoken:
        return Spoken(self.held)

    def _known_ids(self) -> bytes:
        return b"".join(bytes.fromhex(entry.id) for entry in self.held)


class Said:
    """A source over a council without a ledger, which more can be said to.

    Args:
        steps: the batches that are final. chain: a membership of the same members.
    """

    def __init__(self, steps: list[Step], chain: MembershipChain) -> None:
        from concordat.node.council import replay_of

        self.chain, self.shelf = chain, Shelf(chain)
        for log in self.shelf.logs.values():
            log.entries = Spoken()
        self.replay = replay_of(chain, [])
        self.steps: list[Step] = []
        self.council_log = CouncilLog(1, chain.of_view(1), Progress())
        for step in steps:
            self.take(step)

    def take(self, step: Step) -> None:
        """One more final batch."""
        self.replay.pass_over(step)
        self.steps.append(step)
        for event in step.events:
            log = next(log for log in self.shelf.logs.values() if log.owner == event.entry.author)
            log.append(event.entry)
        cursors = {log.origin: log.size for log in self.shelf.logs.values() if log.size}
        batch = Batch(1, step.point.batch, (), cursors, None)
        self.council_log.entries.append(step.events[0].entry)
        self.council_log.batches.append(batch)
        self.council_log.progress.append(Progress(step.point.batch, cursors, step.ledger_time))

    def changes(self) -> int:
        return len(self.steps)

    def look(self, look: Callable[[Ledger], T]) -> T:
        place = (1, len(self.steps))
        council: Any = self.replay.council
        return look(Ledger(self.chain, self.shelf, {1: self.council_log}, {}, {}, place, council, self.steps, "BRA"))


@lru_cache(maxsize=1)
def chain_of_ten() -> MembershipChain:
    """A membership of the ten, with keys of its own."""
    with tempfile.TemporaryDirectory() as folder:
        home = found(Path(folder), TEN)[0]
        store = Store(home / "log.db")
        files = store.papers("membership")
        chain = MembershipChain.verify([files[key] for key in sorted(files, key=int)], pinned_hash(home))
        store.close()
    return chain


@lru_cache(maxsize=2)
def year_record() -> CouncilReader:
    """The whole year, which nothing is added to."""
    return CouncilReader(Said(council_year.year().history, chain_of_ten()))


@lru_cache(maxsize=2)
def year_site(data_dir: Path, public_url: str = "") -> Site:
    """The pages of BRICS with the year's record."""
    return Site(reader_of(data_dir, "BRICS"), pages(), public_url=public_url, council=year_record(), forms=True)


def site_with(data_dir: Path, source: Any) -> Site:
    """The pages over any source."""
    return Site(reader_of(data_dir, "BRICS"), pages(), council=CouncilReader(source), forms=True)


def record_of(replica: Any) -> CouncilReader:
    """The record of a replica that this process holds."""
    return CouncilReader(Replicated(replica))
