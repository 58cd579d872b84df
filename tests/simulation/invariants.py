"""What must hold in every run (spec: ledger 14), each by its number there."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from concordat.ledger.audit import compare
from concordat.ledger.misconduct import LATE
from concordat.ledger.replica import Replica

if TYPE_CHECKING:
    from simulation.world import World


def _fail(world: World, what: str) -> None:
    from simulation.world import BrokenInvariant

    raise BrokenInvariant(f"seed {world.plan.seed}, {world.now:.0f} s: {what}")


def _chain_of(replica: Replica) -> list[tuple[str, str]]:
    """The final history as (entry id of the batch, ids taken up)."""
    found = []
    for point, batch in replica.history():
        log = replica.councils[point.view]
        index = next(i for i, b in enumerate(log.batches) if b is batch)
        found.append((log.entries[index].id, ",".join(r.leaf for r in batch.refs)))
    return found


def after_step(world: World, member: int) -> None:
    """1: no two conflicting final heads. 2: beyond f, they name their makers."""
    replica = world.nodes[member][0]
    final = replica.final()
    if final == world.final_seen.get(member) or world.conflict is not None:
        return
    if final < world.final_seen.get(member, (0, 0)):
        _fail(world, f"member {member} went back from {world.final_seen[member]} to {final}")
    world.final_seen[member] = final
    mine = _chain_of(replica)
    common = min(len(mine), len(world.history))
    if mine[:common] != world.history[:common]:
        if not world.plan.too_many:
            _fail(world, f"1: member {member}'s final history contradicts another's")
        world.conflict = (member, _other_side(world, member, mine))
        return
    if len(mine) > len(world.history):
        world.history = mine
    times = replica.events()
    _check_events(world, replica, times)


def _check_events(world: World, replica: Replica, events: list) -> None:
    """3: every final event was written by its author. 8: times lie between honest clocks."""
    low = min(world.plan.skew_s[m] for m in world.plan.honest)
    high = max(world.plan.skew_s[m] for m in world.plan.honest)
    from simulation.world import EPOCH

    for _, ref, entry in events[-5:]:
        known = world.written.get(entry.id)
        if known is None:
            _fail(world, f"3: final event {entry.author} {entry.seq} was never written")
        elif not known[0] + low <= ref.time - EPOCH <= world.now + high:
            _fail(world, f"8: {entry.author} {entry.seq} has time {ref.time - EPOCH}, written {known[0]}")


def _other_side(world: World, member: int, mine: list) -> int:
    for other in world.plan.honest:
        theirs = _chain_of(world.nodes[other][0])
        common = min(len(mine), len(theirs))
        if theirs[:common] != mine[:common]:
            return other
    return member


def state_hash(replica: Replica) -> str:
    """A state over the final events: what two replicas compare."""
    state = hashlib.sha256()
    for point, ref, entry in replica.events():
        state.update(f"{point.view} {point.batch} {ref.origin} {ref.index} {ref.time} {entry.id}\n".encode())
    return state.hexdigest()


def unfinished(world: World) -> list[str]:
    """What honest members wrote for the council and is not final at one of them."""
    ids = {
        entry_id
        for entry_id, (_, member, scope) in world.written.items()
        if member in world.plan.honest and scope == "council"
    }
    lost = {e for e in ids if not _in_own_log(world, e)}
    done = {entry.id for _, _, entry in world.nodes[world.plan.honest[0]][0].events()}
    return sorted(ids - lost - done)


def _in_own_log(world: World, entry_id: str) -> bool:
    """Whether the author's log still has it: what was sent to nobody before a restore is gone."""
    member = world.written[entry_id][1]
    return any(entry.id == entry_id for entry in world.nodes[member][0].own.entries)


def at_the_end(world: World) -> None:
    """2, 4, 6, 7 and: no honest member is ever accused."""
    liars = {m for m in world.plan.roles}
    from simulation.keys import NAMES

    names = {NAMES[m] for m in liars}
    for member in world.plan.honest:
        replica = world.nodes[member][0]
        for proof in replica.accusations.values():
            if proof.accused not in names and proof.kind != LATE:
                _fail(world, f"{proof.accused} is accused of {proof.kind} and is honest")
            proof.check(world.chain.pinned)
    if world.conflict is not None:
        a, b = world.conflict
        accused = {p.accused for p in compare(world.nodes[a][0], world.nodes[b][0])}
        if not accused <= names:
            _fail(world, f"2: honest members are named: {sorted(accused - names)}")
        if len(accused) <= world.plan.faulty:
            _fail(world, f"2: conflicting finals name only {sorted(accused)}")
        return
    if world.plan.too_many:
        return
    hashes = {state_hash(world.nodes[m][0]) for m in world.plan.honest}
    ends = {world.nodes[m][0].final() for m in world.plan.honest}
    if not world.settled():
        waiting = {m: world.nodes[m][0].pending() for m in world.plan.honest}
        views = {m: (world.nodes[m][0].view, world.nodes[m][0].signer.floor.promised) for m in world.plan.honest}
        _fail(world, f"6: not settled: final {ends}, views {views}, pending {waiting}, open {unfinished(world)[:3]}")
    if len(hashes) != 1:
        _fail(world, "4: equal final heads, different states")
    views = max(world.nodes[m][0].view for m in world.plan.honest)
    if views > world.healed_view + 3 * world.plan.n:
        _fail(world, f"6: {views - world.healed_view} views after the healing")
