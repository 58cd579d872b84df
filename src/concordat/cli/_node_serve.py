"""`concordat node serve` and `concordat node status`: run the node, and ask the one that runs how it stands."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import typer

from concordat.cli._node_home import (
    HOME,
    JSON,
    PASSPHRASE,
    database_of,
    home_of,
    open_node,
    passphrase_of,
    plain,
    print_json,
    read,
    write,
)
from concordat.settings import Settings

LISTEN = typer.Option(None, "--listen", help="Host and port of the site and the protocol, as 127.0.0.1:8080.")
OPS_LISTEN = typer.Option(None, "--ops-listen", help="Host and port for the operator: metrics, status.")
PUBLIC_URL = typer.Option(None, "--public-url", help="The address under which others know the node.")


def serve_node(
    listen: str = LISTEN,
    ops_listen: str = OPS_LISTEN,
    public_url: str = PUBLIC_URL,
    no_web: bool = typer.Option(False, "--no-web", help="The protocol alone, without pages: a bare ledger peer."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
) -> None:
    """Run the node: serve its log, sync with the others, witness and mirror, until SIGTERM or Ctrl-C."""
    given: dict[str, object] = {"listen": listen, "ops_listen": ops_listen, "public_url": public_url}
    _run(home, passphrase_file, given, pages=not no_web)


def node_status(ops_listen: str = OPS_LISTEN, json: bool = JSON) -> None:
    """Ask the running node how it stands with each peer; exit 7 if none runs here."""
    _status({"ops_listen": ops_listen}, json=json)


def recover(
    home: Path | None,
    passphrase_file: Path | None,
    folders: list[Path],
    answers: list[Path],
    ask: Path | None,
    *,
    json: bool,
) -> None:
    """`node sync --recover`: bring the own log up to date, and let the node sign again.

    Raises:
        StateError: too few members have answered: the node still signs nothing.
    """
    from concordat.errors import StateError
    from concordat.node.recovering import question_of
    from concordat.node.recovering import recover as fetch
    from concordat.node.settings import NodeSettings

    node, settings, written = open_node(home, passphrase_file), NodeSettings.load(), {}
    try:
        written = {str(path): read(path) for path in answers}
        if ask is not None:
            write(ask, question_of(node).sign(node.signer.node))
    except BaseException:
        node.close()
        raise
    found = fetch(node, settings, folders, written)
    if json:
        facts = {"after": found.after, "answered": list(found.answered), "before": found.before}
        print_json({**facts, "problems": list(found.problems), "state": found.state, "words": found.words})
    else:
        for words in found.problems:
            print(f"not good: {plain(words)}")
        print(f"own log {found.before:,} -> {found.after:,}; answered: {', '.join(found.answered) or 'nobody'}")
        if ask is not None:
            print(f"{ask}: this node's question. Each member answers it: concordat node answer {ask} --out FILE")
    if found.words:
        hint = "A folder may be old, so it answers for nobody. Write a question: --ask FILE; bring back: --answer FILE"
        raise StateError(found.words, hint=hint, code=found.state)
    if not json:
        print("This node may sign.")


def answer_node(
    question: Path = typer.Argument(..., help="The question of a node that recovers."),
    out: Path = typer.Option(..., "--out", help="The answer to write."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Answer a member that recovers and can't be reached: how far this node, running or not, knows the logs."""
    from concordat.node.identity import read_node_key
    from concordat.node.onlooker import Onlooker
    from concordat.node.recovery_papers import Answer, Question

    place = home_of(home)
    with Onlooker(place, database_of()) as node:
        if node.mark is not None:
            raise node.mark.refuse()
        asked = Question.read(read(question), node.chain, str(question))
        answer = Answer.of(node.replica, asked)
        size = answer.size(node.chain)
        write(out, answer.sign(read_node_key(place, passphrase_of(passphrase_file))))
    if json:
        print_json({"asker": asked.asker, "by": answer.by, "file": str(out), "size": size})
        return
    print(f"{out}: {answer.by} knows {size:,} entries of {asked.asker}. Carry it back, with this node's export.")


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    app.command("answer")(answer_node)
    app.command("serve")(serve_node)
    app.command("status")(node_status)


def _run(home: Path | None, passphrase_file: Path | None, given: dict[str, object], *, pages: bool) -> None:
    from concordat.node.postgres import is_postgres
    from concordat.node.settings import NodeSettings

    began = time.monotonic()
    # Else pydantic reads what every installed package says of itself, for plugins that would see all that is checked.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    settings = NodeSettings.load(given)
    _require_federated(settings)
    kept = Settings.load()  # what stands beside the table [node] must be right as well
    if is_postgres(settings.database):
        from concordat.cli._node_workers import run_workers

        run_workers(home_of(home), passphrase_of(passphrase_file), settings, pages=pages)
        return
    collects = gc.isenabled()
    gc.disable()  # until all is opened: it stays, and a tenth of the time would go into looking through it
    try:
        _serve(_owned(open_node(home, passphrase_file), settings), settings, kept, began, pages=pages)
    finally:
        if collects:
            gc.enable()


def _serve(node: Any, settings: Any, kept: Settings, began: float, *, pages: bool) -> None:
    """Run an opened node. What other processes can do is begun first: this one has much to read before it is ready."""
    from concordat.node.edge import LogLines
    from concordat.node.heap import few_heaps

    few_heaps()
    log = LogLines(sys.stderr.write)
    with ExitStack() as stack:
        stack.callback(node.close)  # closing a closed one does nothing
        if pages:
            from concordat.figures.drawer import drawing_elsewhere

            drawer = stack.enter_context(drawing_elsewhere())
            _before_drawing(_load_evidence(kept), drawer.begin)
        from concordat.node.callers import Callers
        from concordat.node.exchange_routes import exchange_ops_routes
        from concordat.node.harvest_store import abandon_left
        from concordat.node.people_service import PeopleService
        from concordat.node.serve import Up, serve
        from concordat.node.server import application, ops_application
        from concordat.node.service import Service

        service = Service(node, settings, metrics=_metrics(), log=log)
        people = PeopleService(service)
        exchange = _exchange(service)
        abandon_left(service.node.home, service.node.now)
        service.beside += [people, exchange]
        callers = Callers(settings.trusted_proxies)
        dsp = _exchange_routes(exchange, callers)
        app, warm = _with_pages(service, people, callers, dsp) if pages else (application(service, callers, dsp), None)

        async def told(up: Up) -> None:
            await _told(service, up, began, warm)

        if pages:
            stack.enter_context(_jobs(service, log))
        serve(service, app, ops_application(service, exchange_ops_routes(exchange)), log, told)


async def _told(service: Any, up: Any, began: float, warm: Callable[[], None] | None) -> None:
    """Say that the node is up, once it is; then, also where nobody can read that, make the first page."""
    from concordat.node.serve import until_ready

    try:
        failing = await until_ready(service)
        for line in up_lines(service, up, time.monotonic() - began, failing):
            print(line, flush=True)
    finally:
        threading.Thread(target=_warmed, args=(warm,), name="first page").start()


def _warmed(warm: Callable[[], None] | None) -> None:
    """Make the first page, and from then on look for what can be thrown away, but not in what was opened by then."""
    try:
        if warm is not None:
            warm()
    finally:
        gc.freeze()
        gc.enable()


def _load_evidence(settings: Settings) -> Any:
    """Where there is no store of evidence yet, let another process fill one with what is packaged, on another core.

    Whoever opens the first page takes its lock, and so waits for it; where it fails, that is done and told there.
    """
    if (settings.data_dir / "raw").exists():
        return None
    from multiprocessing import get_context

    from concordat.evidence.filling import fill

    process = get_context("spawn").Process(target=fill, args=(settings.data_dir, settings.factbook), daemon=True)
    process.start()
    return process


def _before_drawing(filling: Any, begin: Callable[[], None]) -> None:
    """Load the renderer once the evidence is there: the first page needs that first, and a small machine has two cores.

    Args:
        filling: the process that fills the store; None where there is none. begin: starts the one that draws.
    """

    def wait() -> None:
        filling.join()
        begin()

    if filling is None:
        begin()
    else:
        threading.Thread(target=wait, name="before drawing", daemon=True).start()


def _exchange(service: Any) -> Any:
    """The exchange beside the node, or one under test where the settings name a file of behaviours."""
    from concordat.node.exchange_service import ExchangeService

    file = service.settings.exchange_conformance
    if not file:
        return ExchangeService(service)
    from concordat.exchange.dataspace.behaviours import read_behaviours
    from concordat.node.exchange_conformance import ScriptedOffers
    from concordat.node.exchange_service import require_loopback

    require_loopback(f"http://{service.settings.listen}")
    behaviours = read_behaviours(read(Path(file)), where=file)
    return ExchangeService(service, offers=ScriptedOffers(behaviours), auth=False, scripts=behaviours.scripts)


def _exchange_routes(exchange: Any, callers: Any) -> list[Any]:
    """What other members ask of the exchange, of catalogues and of incidents."""
    from concordat.node.catalog_routes import catalog_routes
    from concordat.node.exchange_conformance import trigger_routes
    from concordat.node.exchange_routes import exchange_routes
    from concordat.node.taxii_routes import mounted

    found = [*exchange_routes(exchange, callers), *([] if exchange.auth else trigger_routes(exchange))]
    return [*found, *catalog_routes(exchange.service, callers), *mounted(exchange.service, callers)]


def _require_federated(settings: Any) -> None:
    """What this command runs is the stage that the settings name.

    Raises:
        RuleError: they name another one: entries would be ordered by other rules than the operator meant.
    """
    from concordat.errors import RuleError

    if settings.sequencer != "federated":
        hint = 'An engine is answered by: concordat node abci. Here set sequencer = "federated".'
        what = f"node serve orders entries with the other members; the settings say {settings.sequencer}."
        raise RuleError(what, where="sequencer", hint=hint, code="sequencer")


def _with_pages(service: Any, people: Any, callers: Any, dsp: Sequence[Any] = ()) -> Any:
    """The protocol, and below it the private pages and those over this machine's evidence, under the same limits.

    The evidence is opened when the first page is asked for: a node without pages to show is a peer all the same.
    """
    from concordat.node.callers import LimitError
    from concordat.node.server import routes
    from concordat.web.app import create_app
    from concordat.web.checking import check_route
    from concordat.web.desk.app import Desk
    from concordat.web.live import LiveSite, limit_of

    def evidence() -> Any:
        from concordat.web.reader import Reader  # all that computes figures: nothing of it is needed before

        return Reader(Settings.load(), service.bloc)

    site = LiveSite(service, evidence, looking=True)

    def admit(scope: Any, limit: str = "") -> float:
        forwarded = next((value for name, value in scope["headers"] if name == b"x-forwarded-for"), b"")
        client = scope["client"][0] if scope.get("client") else ""
        limit = limit or limit_of(scope["path"], scope["query_string"])
        try:
            callers.anybody(limit, callers.address(client, forwarded.decode("latin-1")), service.monotonic())
        except LimitError as error:
            if service.metrics is not None:
                service.metrics.rejected(error.limit)
            return float(error.wait_s)
        return 0.0

    beside = [*dsp, check_route(site, lambda scope: admit(scope, "search"))]
    protocol = [*routes(service, callers), *beside]
    return create_app(site, protocol, admit, Desk(service, people, callers)), site.first_page


def _jobs(service: Any, log: Any) -> AbstractContextManager[Any]:
    """The queue of work in the background, done while the node runs."""
    from concordat.node.job_runner import working
    from concordat.web.jobs import KINDS

    def tell(facts: dict[str, Any]) -> None:
        log("info", str(facts["event"]), {key: value for key, value in facts.items() if key != "event"})

    return working(service.node.home, KINDS, lambda: service.node.now, tell, service.settings.database)


def _metrics() -> Any:
    from concordat.node.limits import LIMITS
    from concordat.node.metrics import Metrics
    from concordat.node.server import PATTERNS

    return Metrics((*PATTERNS, "pages", "forms"), LIMITS)


def _owned(node: Any, settings: Any) -> Any:
    """The node, if it is the one that the settings name.

    Raises:
        InputError: they name another bloc or member.
    """
    from concordat.errors import InputError

    for name, found in (("bloc", node.identity.bloc), ("member", node.identity.member)):
        said = getattr(settings, name)
        if said and said != found:
            node.close()
            what = f"the settings say {name} {said}, this node is of {found}."
            raise InputError(what, where="[node]", hint="Change one of them.", code="other_node")
    return node


def up_lines(service: Any, up: Any, seconds: float, failing: dict[str, str]) -> list[str]:
    """What a started node says of itself."""
    tls = f" (TLS to {up.tls_until:%Y-%m-%d})" if up.tls_until else ""
    replica = service.node.replica
    view, _ = replica.final()
    final = f"final to council/{view} {service.states.batch:,}" if view else "nothing final"
    there = sum(peer.machine.last_contact is not None for peer in service.peers)
    peers = f"{len(service.peers)} peers, {there} reachable." if len(service.peers) else "One node: no witness."
    where = f"on {up.url}{tls}, ops {up.ops_url.removeprefix('http://')}."
    line = f"Node {service.member} of {service.bloc} {where} Log {replica.own.size:,}, {final}. {peers}"
    if failing:
        return [line, f"Not ready after {seconds:.1f} s: {'; '.join(failing.values())}"]
    return [f"{line} Ready in {seconds:.1f} s."]


def _status(given: dict[str, object], *, json: bool) -> None:
    from concordat.node.ops_client import ask
    from concordat.node.settings import NodeSettings

    found = ask(NodeSettings.load(given).ops_address, "/status")
    if json:
        print_json(found)
        return
    final = found["final"]
    print(f"Node {found['member']} of {found['bloc']}: {found['recovery']}, final to batch {final['batch']:,}.")
    for name, words in sorted(found["failing"].items()):
        print(f"not ready: {name}: {plain(words)}")
    for words in found["alarms"].values():
        print(f"ALARM: {plain(words)}")
    if not found["peers"]:
        print("One node: no peers.")
        return
    rows = [("peer", "log", "lag", "state", "last contact", "note"), *(_peer_row(peer) for peer in found["peers"])]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]).rstrip())


def _peer_row(peer: dict[str, Any]) -> tuple[str, ...]:
    """One peer as `node status` shows it."""
    contact = peer["last_contact_s"]
    state = f"waiting {peer['waits_s']} s" if peer["state"] == "waiting" else peer["state"]
    note = plain(peer["note"])
    if peer["failures"] > 1:
        note += f" ({peer['failures']} times)"
    seen = "never" if contact is None else f"{contact:,} s ago"
    return (peer["member"], f"{peer['log']:,}", f"{peer['lag']:,}", state, seen, note)
