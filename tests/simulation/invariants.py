"""What must hold in every run (spec: ledger 14), each by its number there. Number 7: `keys.RecordingSecret`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from concordat.errors import TrustError
from concordat.ledger import fold
from concordat.ledger.audit import compare
from concordat.ledger.council_log import Batch
from concordat.ledger.fold import Event, Fold
from concordat.ledger.membership import Point
from concordat.ledger.misconduct import LATE
from concordat.ledger.note import Checkpoint
from concordat.ledger.replica import CLOCK_BEHIND_S, Replica
from simulation.keys import NAMES, BrokenInvariant

if TYPE_CHECKING:
    from simulation.world import World

EPOCH = 1_900_000_000


class Seen:
    """What was final at one member when it was looked at last.

    Attributes:
        place: the final head. ids: the ids of the batches' entries. events: ids of the final entries. fold: the replay.
    """

    def __init__(self, world: World) -> None:
        self.place = (0, 0)
        self.ids: list[str] = []
        self.events: set[str] = set()
        self.fold = fresh_fold(world)


def fresh_fold(world: World) -> Fold:
    """A replay with one handler, whose state depends on every entry and its time."""
    return Fold({"Said": _said}, {"count": 0, "last": "", "submitted": 0}, world.chain)


def _said(state: dict[str, Any], event: Event) -> dict[str, Any]:
    return {
        "count": state["count"] + 1,
        "last": f"{state['last'][:16]} {event.entry.id}",
        "submitted": max(state["submitted"], event.submitted),
    }


def _fail(world: World, what: str) -> None:
    raise BrokenInvariant(f"seed {world.plan.seed}, {world.now:.0f} s: {what}")


def _items(replica: Replica, place: tuple[int, int], after: tuple[int, int]) -> list[tuple[str, Point, Batch, int]]:
    """The final batches up to a place, and only those behind `after` if that is in the same view."""
    view, size = place
    found: list[list[tuple[str, Point, Batch, int]]] = []
    while view:
        log = replica.councils[view]
        start = after[1] if view == after[0] == place[0] else 0
        part = []
        for i in range(start, size):
            batch = log.batches[i]
            if batch is not None:
                part.append((log.entries[i].id, Point(view, batch.number), batch, log.progress[i].time))
        found.append(part)
        if start:
            break
        view, size = log.cut
    return [item for part in reversed(found) for item in part]


def after_step(world: World, member: int) -> None:
    """1: no two conflicting final heads. 3, 8: what is newly final. 4: its replay."""
    replica = world.nodes[member][0]
    seen = world.seen[member]
    final = replica.final()
    if final == seen.place or world.conflict is not None:
        return
    if final < seen.place:
        _fail(world, f"member {member} went back from {seen.place} to {final}")
    items = _items(replica, final, seen.place)
    ids = [item[0] for item in items]
    if seen.place[1] and final[0] == seen.place[0]:
        ids = seen.ids + ids
    elif ids[: len(seen.ids)] != seen.ids:
        _conflict(world, member, "leaves out what was final before")
        return
    else:
        items = items[len(seen.ids) :]
    common = min(len(ids), len(world.history))
    start = min(len(seen.ids), common)
    if ids[start:common] != world.history[start:common]:
        _conflict(world, member, "contradicts another's")
        return
    world.history += ids[len(world.history) :]
    seen.place, seen.ids = final, ids
    for _, point, batch, time in items:
        events = [
            Event(replica.shelf.entry(ref.origin, ref.index), point, ref.time, time) for ref in batch.refs
        ]  # fmt: skip
        seen.fold.batch(point, events)
        for event in events:
            seen.events.add(event.entry.id)
            _check_event(world, event)
        _check_certificate(world, batch)


def _conflict(world: World, member: int, what: str) -> None:
    if not world.plan.too_many:
        _fail(world, f"1: member {member}'s final history {what}")
    world.conflict = (member, _other_side(world, member))


def _other_side(world: World, member: int) -> int:
    mine = [item[0] for item in _items(world.nodes[member][0], world.nodes[member][0].final(), (0, 0))]
    for other in world.plan.honest:
        replica = world.nodes[other][0]
        theirs = [item[0] for item in _items(replica, replica.final(), (0, 0))]
        common = min(len(mine), len(theirs))
        if theirs[:common] != mine[:common]:
            return other
    return member


def _check_event(world: World, event: Event) -> None:
    """3: it was written by its author. 8: its time lies between honest clocks."""
    entry = event.entry
    known = world.written.get(entry.id)
    if known is None:
        _fail(world, f"3: final event {entry.author} {entry.seq} was never written")
        return
    low, high = world.skews
    if world.plan.too_many:
        return
    if not known[0] + low <= event.submitted - EPOCH <= world.now + high:
        _fail(world, f"8: {entry.author} {entry.seq} has time {event.submitted - EPOCH}, written {known[0]}")


def _check_certificate(world: World, batch: Batch) -> None:
    """8: the time of a certificate lies between honest clocks."""
    certificate = batch.certificate
    if certificate is None or world.plan.too_many:
        return
    origin = world.chain.last.council_origin(certificate.view)
    shown = world.shown.get(Checkpoint(origin, certificate.size, certificate.root).text())
    low, high = world.skews
    time = certificate.verify(world.chain.last) - EPOCH
    if shown is None or not int(shown) + low <= time <= world.now + high:
        _fail(world, f"8: the certificate of {origin}, size {certificate.size}, has time {time}, shown {shown}")


def clock_kept(world: World, member: int, origin: str, size: int) -> None:
    """No program of ours, with a wrong clock or a right one, cosigns while it is over 120 s behind the ledger."""
    replica = world.nodes[member][0]
    log = replica.councils.get(replica._view_of(origin))
    if log is not None and log.size >= size and world.clock(member) + CLOCK_BEHIND_S < log.progress_at(size).time:
        _fail(world, f"clock: member {member} cosigned {origin}, size {size}, with a clock far behind the ledger")


def unfinished(world: World) -> list[str]:
    """What honest members wrote for the council and is not final at one of them, unless it was lost before."""
    waiting = []
    for member in world.plan.honest:
        done = world.seen[member].events
        waiting += [i for i in world.asked if i not in done]
    return [i for i in sorted(set(waiting)) if _in_own_log(world, i)]


def _in_own_log(world: World, entry_id: str) -> bool:
    """Whether the author's log still has it: what was sent to nobody before a restore is gone."""
    member = world.written[entry_id][1]
    return any(entry.id == entry_id for entry in world.nodes[member][0].own.entries)


def at_the_end(world: World) -> None:
    """2, 4, 5, 6 and: every proof holds, and names no honest member."""
    _check_proofs(world)
    if world.conflict is not None:
        _check_named(world)
    if world.plan.too_few:
        _check_nothing_final(world)
    if world.plan.too_many or world.plan.too_few:
        return
    honest = world.plan.honest
    if not world.settled():
        ends = {world.nodes[m][0].final() for m in honest}
        waiting = {m: world.nodes[m][0].pending() for m in honest}
        views = {m: (world.nodes[m][0].view, world.nodes[m][0].signer.floor.promised) for m in honest}
        _fail(world, f"6: not settled: final {ends}, views {views}, pending {waiting}, open {unfinished(world)[:3]}")
    _check_states(world)
    views = max(world.nodes[m][0].view for m in honest)
    if views > world.healed_view + 3 * world.plan.n:
        _fail(world, f"6: {views - world.healed_view} views after the healing")


def _check_proofs(world: World) -> None:
    names = {NAMES[m] for m in world.plan.roles}
    checked = set()
    for member in world.plan.honest:
        for key, proof in world.nodes[member][0].accusations.items():
            if proof.accused not in names and proof.kind != LATE:
                _fail(world, f"{proof.accused} is accused of {proof.kind} and is honest")
            if key not in checked:
                checked.add(key)
                type(proof).parse(proof.data()).check(world.chain.pinned)


def _check_named(world: World) -> None:
    """2: conflicting finals name more than f members, none of them honest."""
    assert world.conflict is not None
    names = {NAMES[m] for m in world.plan.roles}
    a, b = world.conflict
    accused = {p.accused for p in compare(world.nodes[a][0], world.nodes[b][0])}
    if not accused <= names:
        _fail(world, f"2: honest members are named: {sorted(accused - names)}")
    if len(accused) <= world.plan.faulty:
        _fail(world, f"2: conflicting finals name only {sorted(accused)}")


def _check_nothing_final(world: World) -> None:
    """5: without a quorum nothing is final, and writes went on."""
    for member in world.plan.honest:
        replica = world.nodes[member][0]
        written = sum(1 for _, m, _ in world.written.values() if m == member)
        wanted = sum(1 for when, m, _ in world.plan.writes if m == member)
        if replica.final() != (0, 0) or replica.certificates:
            _fail(world, f"5: member {member} has {replica.final()} final without a quorum")
        if written != wanted or replica.own.size != written:
            _fail(world, f"5: member {member} wrote {written} of {wanted} entries")


def _check_states(world: World) -> None:
    """4: the state that grew step by step, a replay from the beginning, and that of every other member are one."""
    first = world.nodes[world.plan.honest[0]][0]
    replay = fresh_fold(world)
    for _, point, batch, time in _items(first, first.final(), (0, 0)):
        replay.batch(
            point, [Event(first.shelf.entry(r.origin, r.index), point, r.time, time) for r in batch.refs]
        )  # fmt: skip
    for member in world.plan.honest:
        after_step(world, member)
        try:
            fold.require_equal(replay.hashes, world.seen[member].fold.hashes, NAMES[member])
        except TrustError as error:
            _fail(world, f"4: {error}")
        if len(replay.hashes) != len(world.seen[member].fold.hashes):
            _fail(world, f"4: member {member} has {len(world.seen[member].fold.hashes)} of {len(replay.hashes)} states")
        if len(replay.applied) + len(replay.refused) != len(world.seen[member].events):
            _fail(world, "4: entries are held back or lost in the replay")
