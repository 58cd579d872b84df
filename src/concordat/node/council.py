"""The council as a node, or an export, has it: the final batches in order, folded; a dry run before anything is said.

`council_of` joins the ledger's order with the council's meaning. Whoever has only a folder uses `council_of_export`,
which audits it first. `check` takes an entry on a trial of the state, so that a mistake is told before it is signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from concordat.council._registry import model_of
from concordat.council.fold import Replay, Step, start, take
from concordat.council.state import Council
from concordat.errors import ConcordatError, RuleError, TrustError
from concordat.ledger.council_log import CouncilLog
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.fold import Event
from concordat.ledger.leaves import not_logged
from concordat.ledger.membership import MembershipChain, Point
from concordat.ledger.merkle import leaf_hash
from concordat.ledger.replica import Replica
from concordat.ledger.shelf import Shelf
from concordat.node.audit import Record, open_export
from concordat.node.home import Node


def steps_of(
    chain: MembershipChain, shelf: Shelf, councils: Mapping[int, CouncilLog], place: tuple[int, int]
) -> list[Step]:
    """Every final batch in the order that counts, with its entries; those whose key had ended are left out."""
    view, size = place
    parts: list[list[Step]] = []
    while view:
        log = councils[view]
        part = []
        for index in range(size):
            step = step_at(chain, shelf, log, index)
            if step is not None:
                part.append(step)
        parts.append(part)
        view, size = log.cut
    return [step for part in reversed(parts) for step in part]


def step_at(chain: MembershipChain, shelf: Shelf, log: CouncilLog, index: int) -> Step | None:
    """The batch at an index of a council log, with its entries; None if no batch stands there.

    Raises:
        TrustError: an entry here is not the one that the batch names. StateError: it can't be read.
    """
    batch = log.batches[index]
    if batch is None:
        return None
    point, time = Point(log.view, batch.number), log.progress[index].time
    entries = [(shelf.entry(ref.origin, ref.index), ref) for ref in batch.refs]
    for entry, ref in entries:
        if leaf_hash(entry.leaf).hex() != ref.leaf:
            raise not_logged(ref.origin, ref.index)
    events = tuple(Event(e, point, ref.time, time) for e, ref in entries if counts(chain, e, point))
    return Step(point, time, events)


def counts(chain: MembershipChain, entry: Entry, point: Point) -> bool:
    """Whether an entry's key was valid at the batch that took it up."""
    if not chain.keys_change:
        return True
    try:
        chain.check_taken_up(entry, point)
    except TrustError:
        return False
    return True


def _begin(chain: MembershipChain) -> Council:
    first = chain.versions[0]
    founders = tuple(m.id for m in first.active)
    return start(first.bloc, founders, chair=first.rota[0], merge_delay_hours=first.merge_delay_hours)


def replay_of(chain: MembershipChain, steps: list[Step]) -> Replay:
    """A replay of a bloc's council that has taken these batches and can go on."""
    replay = Replay(_begin(chain))
    for step in steps:
        replay.step(step)
    return replay


def council_of(replica: Replica) -> Council:
    """The council as a member's replica has it, up to the final head."""
    steps = steps_of(replica.chain, replica.shelf, replica.councils, replica.final())
    return replay_of(replica.chain, steps).council


def council_of_export(folder: Path, pinned: str | None = None) -> tuple[Council, Record]:
    """The council in an export, which is audited first.

    Raises:
        InputError, TrustError: the export is not good.
    """
    record = open_export(folder, pinned)
    steps = steps_of(record.chain, record.shelf, record.councils, record.place)
    return replay_of(record.chain, steps).council, record


def check(council: Council, member: str, kind: str, body: Mapping[str, Any], now: int, person: str = "node") -> Council:
    """What the council would come to if a member said this now; nothing is written.

    Raises:
        InputError: the body has another form, or names what isn't there. RuleError: it would have no effect.
    """
    model_of(kind)
    trial = council.frozen()  # objects never change: what the entry touches is put anew in the trial alone
    seen = len(trial.no_effect)
    entry = Entry(
        leaf=b"", id="0" * 64, author=member, bloc=council.bloc, membership=1, person=person, seq=1, prev=FIRST,
        refs=(),
        scope="council", ts="", type=kind, body=dict(body), keyid="0" * 16, signature=b"", payload=b"",
    )  # fmt: skip
    take(trial, Event(entry, council.at, max(now, council.ledger_time), max(now, council.ledger_time)))
    refused = [n for n in trial.no_effect[seen:] if n.entry == entry.id]
    if refused:
        fault = trial.fault
        if isinstance(fault, ConcordatError) and not isinstance(fault, RuleError):
            raise fault
        hint, where = (fault.hint, fault.where) if isinstance(fault, RuleError) else ("", "")
        words = fault.what if isinstance(fault, RuleError) else refused[0].reason
        raise RuleError(f"it would have no effect: {words}", where=where, hint=hint, code="no_effect")
    return trial


def say(node: Node, kind: str, body: Mapping[str, Any], *, council: Council | None = None, dry: bool = True) -> Entry:
    """Write an entry of the council into this member's log, once it would have an effect as things stand.

    Raises:
        InputError, RuleError: it would have none.
    """
    if dry:
        check(council or council_of(node.replica), node.identity.member, kind, body, node.now)
    entry, _ = node.write(kind, body, "council")
    return entry
