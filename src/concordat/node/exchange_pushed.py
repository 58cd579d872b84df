"""The consumer's order for a push: have the files of a dataset sent to this node, and wait until they are here.

A push that runs is taken up; before that its provider is asked whether it has ended it meanwhile. While pieces come the
wait goes on, whatever they take together. Why nothing comes is said as what it is: a disk of this node that refuses is
no fault of the provider, and where all files are here that is said too. Source: exchange.md 5.4, 12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from concordat.errors import ConcordatError, RuleError, StateError, TrustError
from concordat.exchange.dataspace import transfer
from concordat.exchange.dataspace.messages import PUSH, Role
from concordat.node.exchange_asking import running
from concordat.node.exchange_receive import FAILED, Receiving, Wanted, all_whole, request_push, wanted_of
from concordat.node.exchange_store import Process

if TYPE_CHECKING:
    from concordat.node.exchange_service import ExchangeService

SLICE_S = 2.0  # how often whoever waits looks whether this disk refuses


async def pushed(
    exchange: ExchangeService, member: str, agreement: str, files: Sequence[Wanted], wait: float
) -> tuple[list[dict[str, Any]], str]:
    """The files of a dataset, pushed to this node by its provider: by a push that runs, or a new one.

    Raises:
        RuleError: the provider does not start it, or ends it. TrustError: a file is another one. StateError: nothing
            more came for so long; it goes on in the background.
    """
    receiving = exchange.pushing.receiving
    pid = await _taken_up(exchange, member, agreement)
    if not pid:
        pid = await exchange.now(lambda at: request_push(exchange.mover, member, agreement, files, at))
    process = await exchange.until(pid, ("STARTED",), wait)
    await receiving.again(pid)
    exchange.engine.woken.append(pid)  # a Completion that was refused is made again at once
    had, left = -1, wait
    while process.state != transfer.State.COMPLETED:
        if process.state == transfer.State.TERMINATED:
            raise _end_of(receiving, process, member, agreement)
        try:
            process = await exchange.until(pid, ("COMPLETED",), min(left, SLICE_S))
        except StateError as error:
            if error.code != "waiting":
                raise
            current: Process | None = await exchange.do(lambda: exchange.store.process(pid))
            process = current or process
            here = await exchange.do(lambda: receiving.came(pid))
            had, left = (here, wait) if here > had else (had, left - SLICE_S)
            held = receiving.held(process)
            if held is not None:
                raise held from None
            if left <= 0:
                raise _silence(receiving, process, member, wait, error.hint) from None
    folder = exchange.pushing.receiving.folder(process)
    return [{"bytes": f.bytes, "path": str(folder / f.name), "sha256": f.sha256} for f in wanted_of(process)], pid


async def _taken_up(exchange: ExchangeService, member: str, agreement: str) -> str:
    """The push that runs already, unless its provider has ended it meanwhile; or one that has everything."""
    store = exchange.store

    def found() -> Process | None:
        ready = [
            p
            for p in store.processes("transfer", open_only=True)
            if p.role == Role.CONSUMER and p.peer == member and p.facts.get("format") == PUSH
            and p.facts.get("agreement") == agreement and p.state == transfer.State.STARTED and all_whole(p)
        ]  # fmt: skip
        return ready[0] if ready else running(store, member, agreement, PUSH)

    open_ = await exchange.do(found)
    if open_ is None:
        return ""
    if open_.state and not all_whole(open_):
        await exchange.pushing.receiving.ask(open_)
        current = await exchange.do(lambda: store.process(open_.pid))
        if current is None or current.state == transfer.State.TERMINATED:
            return ""
    return open_.pid


def _silence(receiving: Receiving, process: Process, member: str, wait: float, hint: str) -> StateError:
    """Nobody moved for so long."""
    if all_whole(process):
        what = f"all files are here ({receiving.folder(process)}); {member} has not acknowledged it in {wait:g} s."
        return StateError(what, where=process.pid, hint=hint, code="waiting")
    what = f"nothing more came in {wait:g} s ({process.state or 'not answered'}; {process.flag})."
    return StateError(what, where=process.pid, hint=hint, code="waiting")


def _end_of(receiving: Receiving, process: Process, member: str, agreement: str) -> ConcordatError:
    """Why a push ended before it was complete."""
    failed: Mapping[str, str] | None = process.facts.get(FAILED)
    if failed is not None:
        return TrustError(failed["what"], where=failed["where"], hint=failed["hint"], code="checksum")
    held = receiving.held(process)
    if held is not None:
        return held
    said = process.flag or process.body.get("code") or process.facts.get("code") or "no reason given"
    code = str(process.facts.get("code") or process.body.get("code") or "not_pushed")
    if all_whole(process):
        what = f"all files are here ({receiving.folder(process)}), but {member} ended the transfer: {said}."
        return RuleError(what, where=agreement, code=code)
    return RuleError(f"{member} did not push the data: {said}.", where=agreement, code=code)
