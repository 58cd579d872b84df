"""A pull whose consumer is quicker than its own answer: the token that came with our Start says that the Start arrived.

The consumer may ask for the data before its answer to the Start is here, or where that answer is lost. The intention on
the disk is then taken as acknowledged, as by any message of a peer that only makes sense after one of ours (`Engine`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from concordat.exchange.dataspace import transfer
from concordat.exchange.dataspace.messages import Kind, Role, kind_of
from concordat.node.exchange_engine import Engine
from concordat.node.exchange_machines import keep, machine_of, own_facts, parse_own, pushes, step
from concordat.node.exchange_parts import File
from concordat.node.exchange_store import Agreement


def reserved(
    engine: Engine, pid: str, bearer: str, digest: str, part: Callable[[File], tuple[int, int]], now: datetime
) -> tuple[Agreement, File, int, int]:
    """What a token opens now, as `Engine.reserve`, also before the Start that brought it was answered.

    Raises:
        As `Engine.reserve`; nothing changes then.
    """
    with engine.turn(pid), engine.store.commit():
        _arrived(engine, pid, bearer, now)
        return engine.reserve(pid, bearer, digest, part, now)


def _arrived(engine: Engine, pid: str, bearer: str, now: datetime) -> None:
    pending, process = engine.store.intended(pid), engine.store.process(pid)
    machine = machine_of(process) if process else None
    if pending is None or process is None or machine is None or process.state == transfer.State.STARTED:
        return
    own = parse_own(pending.body)
    if kind_of(own) is not Kind.START or process.role != Role.PROVIDER or pushes(machine):
        return
    if not bearer or engine.store.token_pid(bearer, int(now.timestamp())) != pid:
        return
    engine.store.answered(pending)
    keep(process, step(process.kind, machine, own, Role.PROVIDER, own_facts(process, engine.side.member)))
    engine.arrived(process, now)
    engine.soon(pid)
