"""`concordat node serve` on PostgreSQL: the processes that serve, one of which writes."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from concordat.node.settings import NodeSettings

FAR = datetime(9000, 1, 1, tzinfo=UTC)  # when terms that begin one day have begun


def run_workers(home: Path, passphrase: str, settings: NodeSettings, *, pages: bool) -> None:
    """Serve until a signal; ends the program with the workers' exit code if they failed.

    Raises:
        StateError: another process holds the node's folder, a port is taken, or the database can't be used.
    """
    from concordat.node.edge import LogLines
    from concordat.node.identity import locked, read_identity
    from concordat.node.key_agent import AgentKeys, start_agent
    from concordat.node.listening import listen
    from concordat.node.postgres import Session
    from concordat.node.workers import Workers

    require_one_for_exchange(home, settings)
    identity = read_identity(home)
    session = Session(settings.database, "start")  # what is wrong with it is said before anything starts
    try:
        session.lock(identity.name("log"), START_WAIT_S)
    finally:
        session.close()
    log = LogLines(sys.stderr.write)
    with ExitStack() as stack:
        stack.callback(os.close, locked(home))
        sockets = [listen(*settings.address, "listen"), listen(*settings.ops_address, "ops_listen")]
        for sock in sockets:
            stack.callback(sock.close)
        holder = None
        if settings.workers > 1:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="concordat-keys-"))
            path = Path(folder) / "agent"
            agent = start_agent(path)
            stack.callback(agent.wait)
            stack.callback(agent.stdin.close)  # type: ignore[union-attr]
            holder = AgentKeys(path)

        def work(number: int) -> int:
            return _work(number, home, passphrase, settings, holder, sockets, log, pages=pages)

        code = Workers(settings.workers, work, log).run()
    if code:
        raise typer.Exit(code)


def require_one_for_exchange(home: Path, settings: NodeSettings) -> None:
    """The exchange keeps its states in one process; several don't start where others, or this member, wait for it.

    That is: an open process, a final agreement whose terms still permit something, a promise of ours not yet logged.

    Raises:
        RuleError: there is one, or the exchange is under test, and the settings name several processes.
    """
    from concordat import clock
    from concordat.errors import RuleError
    from concordat.node.exchange_store import FILE, ExchangeStore

    if settings.workers == 1:
        return
    if settings.exchange_conformance:
        what = f"a node whose exchange is under test runs in one process, not in {settings.workers}."
        raise RuleError(what, where="exchange_conformance", hint="Set workers = 1.", code="exchange_workers")
    if not (home / FILE).is_file():
        return
    store = ExchangeStore(home / FILE)
    try:
        open_ = len(store.processes(open_only=True))
        final = sum(_in_force(store, agreement, clock.now()) for agreement in store.agreements())
    finally:
        store.close()
    if open_ or final:
        what = (
            f"the exchange runs in one process, and the settings say {settings.workers}: {final} agreements and"
            f" {open_} open processes with other members would stand still."
        )
        hint = (
            "Set workers = 1. An agreement no longer counts once its terms permit nothing more and our promises are"
            " logged (concordat exchange duty); open processes are ended with: concordat exchange answer PROCESS"
            " terminate"
        )
        raise RuleError(what, where="workers", hint=hint, code="exchange_workers")


def _in_force(store: Any, agreement: Any, now: Any) -> bool:
    """Whether somebody may still need the exchange for an agreement: its terms permit a use now, or we owe a promise.

    A use that may come later (terms with `from`) counts as one; what the other side promised needs nothing of ours.
    """
    from concordat.exchange.dataspace.deciding import Verdict, context_of, decide
    from concordat.exchange.dataspace.messages import Role
    from concordat.exchange.dataspace.terms import until_of

    if not agreement.final:
        return False
    if agreement.role == Role.CONSUMER and any(done is None for *_, done in store.duties(agreement.id)):
        return True
    sent = store.served(agreement.id).values()
    bodies = max((-(-bytes_ // max(1, size)) for bytes_, size in sent), default=0)
    ours = (p for p in store.processes("transfer") if p.facts.get("agreement") == agreement.id)
    pulled = sum(process.state == "COMPLETED" for process in ours)
    uses, text = bodies if agreement.role == Role.PROVIDER else pulled, agreement.text
    member, label, until = str(text.get("assignee", "")), agreement.facts.get("label"), until_of(text)
    moments = [now, FAR, *([until - timedelta(seconds=1)] if until is not None and until > now else [])]
    return any(decide(text, context_of(text, member, at, uses, label)).verdict is Verdict.PERMIT for at in moments)


def _work(
    number: int, home: Path, passphrase: str, settings: NodeSettings, holder: Any, sockets: Any, log: Any, *,
    pages: bool,
) -> int:  # fmt: skip
    """One worker, from its start to its end; its exit code."""
    from concordat.cli._node_serve import (
        _exchange,
        _exchange_routes,
        _jobs,
        _metrics,
        _owned,
        _with_pages,
        up_lines,
    )
    from concordat.node.callers import Callers
    from concordat.node.exchange_routes import absent_routes, exchange_ops_routes
    from concordat.node.following import LOST, Follower, Following, Held
    from concordat.node.harvest_store import abandon_left
    from concordat.node.outbox import Taker
    from concordat.node.people_service import PeopleService
    from concordat.node.postgres import Session
    from concordat.node.serve import serve, until_ready
    from concordat.node.server import application, ops_application
    from concordat.node.service import Service
    from concordat.node.workers import AGAIN, until_back

    began, again = time.monotonic(), []
    writes = number == 0
    service: Any
    if writes:
        node = _owned(Held(home, passphrase, settings.database, wait_s=LOCK_WAIT_S), settings)
        service = Service(node, settings, metrics=_metrics(), log=log)
        service.beside.append(Taker(service, settings.database))

        def start_again() -> None:
            again.append(True)
            os.kill(os.getpid(), signal.SIGTERM)

        def lost() -> None:
            service.alarms["database"] = LOST

        def look() -> None:
            Session(settings.database, "look").close()

        until_back(lambda: bool(service.writer.broken), lost, look, start_again)
    else:
        service = Following(_follower(Follower, home, settings.database), settings, holder=holder, log=log)
    people = PeopleService(service, holder=holder, ticking=writes)
    service.beside.append(people)
    callers = Callers(settings.trusted_proxies)

    async def told(up: Any) -> None:
        failing = await until_ready(service)
        if writes:
            for line in up_lines(service, up, time.monotonic() - began, failing):
                print(line, flush=True)
            if settings.workers > 1:
                print(f"exchange: not offered by {settings.workers} processes; with workers = 1 it is", flush=True)

    orders: list[Any] = []
    if settings.workers == 1:
        exchange = _exchange(service)
        abandon_left(home, service.node.now)
        service.beside.append(exchange)
        dsp, orders = _exchange_routes(exchange, callers), exchange_ops_routes(exchange)
    else:
        dsp = absent_routes(settings.workers)
    app = _with_pages(service, people, callers, dsp)[0] if pages else application(service, callers, dsp)
    with _jobs(service, log) if pages and writes else nullcontext():
        ops = ops_application(service, orders) if writes else None
        serve(service, app, ops, log, told, sockets=sockets if writes else sockets[:1])
    return AGAIN if again else 0


START_WAIT_S = 5.0  # for the lock, before it is said who has it
LOCK_WAIT_S = 30.0  # for the lock of a writer that has died
TABLES_WAIT_S = 30.0


def _follower(kind: Any, home: Path, database: str) -> Any:
    """The node that reads along, once the database answers."""
    from concordat.errors import StateError

    until = time.monotonic() + TABLES_WAIT_S
    while True:
        try:
            return kind(home, database)
        except StateError as error:
            if error.code != "store" or time.monotonic() > until:
                raise
            time.sleep(0.5)
