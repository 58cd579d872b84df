"""The test kit's part of the Dataspace Protocol: plays a scenario over HTTP against a running node, in either role.

Written from the scenarios' step lists (`tck-scenarios.json`, Apache-2.0) and exchange.md 5.7, with nothing of the
node's own code but the published schemas. A message that the node sends is held until the step before it was checked,
so that the state between two steps can be asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from concordat.exchange.dataspace.schemas import CONTEXT, parse

WAIT_S = 20.0
AFTER = {  # message -> the state that it leads to
    "ContractRequestMessage": "REQUESTED",
    "ContractOfferMessage": "OFFERED",
    "ContractNegotiationEventMessage:accepted": "ACCEPTED",
    "ContractAgreementMessage": "AGREED",
    "ContractAgreementVerificationMessage": "VERIFIED",
    "ContractVerificationMessage": "VERIFIED",
    "ContractNegotiationEventMessage:finalized": "FINALIZED",
    "ContractNegotiationTerminationMessage": "TERMINATED",
    "TransferRequestMessage": "REQUESTED",
    "TransferStartMessage": "STARTED",
    "TransferSuspensionMessage": "SUSPENDED",
    "TransferCompletionMessage": "COMPLETED",
    "TransferTerminationMessage": "TERMINATED",
}
MOVES = {
    "ContractRequestMessage": "request",
    "ContractOfferMessage": "offer",
    "ContractNegotiationEventMessage:accepted": "accept",
    "ContractAgreementMessage": "agree",
    "ContractAgreementVerificationMessage": "verify",
    "ContractVerificationMessage": "verify",
    "ContractNegotiationEventMessage:finalized": "finalize",
    "ContractNegotiationTerminationMessage": "terminate",
    "TransferStartMessage": "start",
    "TransferSuspensionMessage": "suspend",
    "TransferCompletionMessage": "complete",
    "TransferTerminationMessage": "terminate",
}
TAILS = {
    "ContractRequestMessage": "request",
    "ContractOfferMessage": "offers",
    "ContractNegotiationEventMessage:accepted": "events",
    "ContractAgreementMessage": "agreement",
    "ContractAgreementVerificationMessage": "agreement/verification",
    "ContractVerificationMessage": "agreement/verification",
    "ContractNegotiationEventMessage:finalized": "events",
    "ContractNegotiationTerminationMessage": "termination",
    "TransferStartMessage": "start",
    "TransferSuspensionMessage": "suspension",
    "TransferCompletionMessage": "completion",
    "TransferTerminationMessage": "termination",
}
Step = dict[str, Any]


def steps_of(scenario: dict[str, Any]) -> tuple[list[Step], list[Step]]:
    """The steps that are played, and those that contradict the protocol's text.

    In CN:01-03 a termination stands behind FINALIZED, without the reply between: after FINALIZED nothing is played but
    the reply to it.
    """
    played: list[Step] = []
    left: list[Step] = []
    over = False
    for step in scenario["steps"]:
        if over and not (step["reply"] and not left):
            left.append(step)
            continue
        played.append(step)
        over = over or step["message"].endswith(":finalized")
    return played, left


def script_of(scenario: dict[str, Any]) -> list[dict[str, str]]:
    """What the node must send of itself, as a script of `concordat/behaviours@1`."""
    state, script = "", []
    for step in steps_of(scenario)[0]:
        message = step["message"]
        if step["reply"] or message not in AFTER:
            continue
        if step["from"] != "TCK" and state:
            script.append({state: MOVES[message]})
        state = AFTER[message]
    return script


def behaviours(scenarios: list[dict[str, Any]]) -> str:
    """The node's file of behaviours for all scenarios; each has a dataset, or agreement, of its own."""
    datasets: dict[str, Any] = {"CAT": {"offer": "offer"}}
    agreements: dict[str, Any] = {}
    for scenario in scenarios:
        name = scenario["id"]
        if name.startswith("CN"):
            datasets[name] = {"offer": f"offer {name}", "negotiation": script_of(scenario)}
        elif name.startswith("TP"):
            agreements[name] = {"transfer": script_of(scenario)}
    return json.dumps({"schema": "concordat/behaviours@1", "agreements": agreements, "datasets": datasets})


class Inbox:
    """The kit's own server: what the node sends, each held until the player lets it be answered."""

    def __init__(self) -> None:
        self.came: queue.Queue[tuple[str, bytes, Callable[[int, bytes], None]]] = queue.Queue()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                answer: queue.Queue[tuple[int, bytes]] = queue.Queue()
                inbox.came.put((self.path, body, lambda status, data: answer.put((status, data))))
                try:
                    status, data = answer.get(timeout=WAIT_S)
                except queue.Empty:
                    status, data = 503, b""
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Not a word."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        """End the server."""
        self.server.shutdown()
        self.server.server_close()


def ask(method: str, url: str, message: dict[str, Any] | None = None) -> tuple[int, bytes]:
    """One request of the kit."""
    data = None if message is None else json.dumps(message).encode()
    headers = {"content-type": "application/json"} if data else {}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Player:
    """One scenario against one node.

    Args:
        node: the node's address. scenario: of the file. state: the node's own record of a transfer, by our pid for it.
    """

    def __init__(self, node: str, scenario: dict[str, Any], inbox: Inbox, state: Callable[[str], str]) -> None:
        self.node, self.scenario, self.inbox, self._record = node, scenario, inbox, state
        self.name: str = scenario["id"]
        self.provider = "(provider)" in scenario["roles"]["TCK"]  # the kit's own role
        self.family = "negotiations" if self.name.startswith("CN") else "transfers"
        self.own, self.theirs = f"urn:uuid:{uuid.uuid4()}", ""
        self.callback = ""
        self.offer: dict[str, Any] = {
            "@id": f"offer {self.name}", "@type": "Offer", "target": self.name, "permission": [{"action": "use"}],
        }  # fmt: skip
        self.replies: list[tuple[str, bytes]] = []
        self.bodies = 0

    def play(self) -> None:
        """All steps, each checked."""
        for step in steps_of(self.scenario)[0]:
            message = step["message"]
            if step["reply"]:
                self._reply(step)
            elif step["from"] == "TCK":
                self._send(message)
            else:
                self._receive(message)

    # --- Steps --------------------------------------------------------------------------------------------------------

    def _send(self, message: str) -> None:
        if message.startswith("Signal"):
            self._trigger()
        elif message == "CatalogRequestMessage":
            made = {"@context": [CONTEXT], "@type": message}
            self._asked(200, *ask("POST", f"{self.node}/dsp/2025-1/catalog/request", made))
        elif message == "CatalogDatasetMessage":
            missing = "not found" in self.scenario["title"]
            name = "urn:uuid:00000000-0000-4000-8000-000000000000" if missing else "CAT"
            wanted = 404 if missing else 200
            self._asked(wanted, *ask("GET", f"{self.node}/dsp/2025-1/catalog/datasets/{name}"))
        elif message == "MetadataRequest":
            self._asked(200, *ask("GET", f"{self.node}/.well-known/dspace-version"))
        else:
            first = not self.theirs
            made = self._made(message)
            parse(json.dumps(made).encode(), made["@type"])
            tail = "request" if first else f"{self.theirs}/{TAILS[message]}"
            base = self.callback if self.provider else f"{self.node}/dsp/2025-1"
            self._asked(201 if first else 200, *ask("POST", f"{base}/{self.family}/{tail}", made))
            if first:
                self.theirs = json.loads(self.replies[-1][1])["providerPid"]
            self._stands(AFTER[message])

    def _asked(self, wanted: int, status: int, body: bytes) -> None:
        assert status == wanted, (self.name, status, body[:300])
        self.replies.append(("", body))

    def _trigger(self) -> None:
        place = {"providerId": "TCK", "connectorAddress": self.inbox.base}
        if self.family == "negotiations":
            said = {"datasetId": self.name, "offerId": f"offer {self.name}"}
        else:
            said = {"agreementId": self.name, "format": "HttpData-PULL"}
        status, body = ask("POST", f"{self.node}/conformance/{self.family}", said | place)
        assert status == 200, body

    def _receive(self, message: str) -> None:
        path, body, answer = self.inbox.came.get(timeout=WAIT_S)
        parsed = parse(body, message.partition(":")[0].replace("ContractVerification", "ContractAgreementVerification"))
        self.bodies += 1
        if ":" in message:
            assert parsed["eventType"] == message.partition(":")[2].upper()
        first = not self.theirs
        if first:
            assert self.provider
            assert path == f"/{self.family}/request", path
            self.theirs, self.callback = parsed["consumerPid"], parsed["callbackAddress"].rstrip("/")
        else:
            assert path == f"/{self.family}/{self.own}/{TAILS[message]}", path
        if "offer" in parsed:
            self.offer = parsed["offer"]
        family = "ContractNegotiation" if self.family == "negotiations" else "TransferProcess"
        stated = first or message == "ContractRequestMessage"
        state = {"@context": [CONTEXT], "@type": family, "state": AFTER[message], **self._pids()}
        data = json.dumps(state).encode() if stated else b""
        answer(201 if first else 200, data)
        self.replies.append((message, data))
        self._stands(AFTER[message])

    def _reply(self, step: Step) -> None:
        """The answer of the step before: its type and schema, if it has a body."""
        _, body = self.replies[-1]
        wanted = step["message"]
        if wanted == "MetadataResponse":
            parse(body, "VersionResponse")
        elif "not found" in self.scenario["title"]:
            parse(body, "CatalogError")
        elif wanted in ("Catalog", "Dataset", "ContractNegotiation", "TransferProcess"):
            parse(body, wanted)
        elif wanted == "TransferRequest":  # as the kit's diagrams call the answer to a transfer request
            parse(body, "TransferProcess")
        else:
            assert wanted == "200 OK", wanted
            return
        self.bodies += 1

    # --- State --------------------------------------------------------------------------------------------------------

    def _stands(self, state: str) -> None:
        """The node comes to stand in a state, as its GET says; a transfer's consumer has none, and is looked up."""
        found, end = "", time.monotonic() + WAIT_S
        while time.monotonic() < end:
            found = self._state()
            if found == state:
                return
            time.sleep(0.01)
        raise AssertionError(f"{self.name}: stands in {found}, not {state}")

    def _state(self) -> str:
        if self.provider and self.family == "transfers":
            return self._record(self.theirs)
        base = self.callback if self.provider else f"{self.node}/dsp/2025-1"
        status, body = ask("GET", f"{base}/{self.family}/{self.theirs}")
        if status == 404:  # the first answer is still on its way to the node
            return ""
        assert status == 200, (self.name, status, body[:200])
        family = "ContractNegotiation" if self.family == "negotiations" else "TransferProcess"
        self.bodies += 1
        return str(parse(body, family)["state"])

    # --- Messages -----------------------------------------------------------------------------------------------------

    def _pids(self) -> dict[str, str]:
        mine, theirs = ("providerPid", "consumerPid") if self.provider else ("consumerPid", "providerPid")
        return {mine: self.own} | ({theirs: self.theirs} if self.theirs else {})

    def _made(self, message: str) -> dict[str, Any]:
        kind, _, event = message.partition(":")
        kind = kind.replace("ContractVerification", "ContractAgreementVerification")
        made: dict[str, Any] = {"@context": [CONTEXT], "@type": kind, **self._pids()}
        if event:
            made["eventType"] = event.upper()
        match kind:
            case "ContractRequestMessage":
                made |= {"offer": self.offer} | ({} if self.theirs else {"callbackAddress": self.inbox.base})
            case "ContractOfferMessage":
                made["offer"] = self.offer
            case "ContractAgreementMessage":
                terms = {key: self.offer[key] for key in ("permission", "target")}
                made["agreement"] = {
                    "@id": f"urn:uuid:{uuid.uuid4()}", "@type": "Agreement", "assigner": "TCK", "assignee": "BRA",
                    "timestamp": "2026-11-27T12:00:00Z", **terms,
                }  # fmt: skip
            case "TransferRequestMessage":
                made |= {"agreementId": self.name, "format": "HttpData-PULL", "callbackAddress": self.inbox.base}
            case "TransferStartMessage" if self.provider:
                properties = {"authorization": "token", "authType": "bearer"}
                made["dataAddress"] = {
                    "@type": "DataAddress", "endpoint": f"{self.inbox.base}/data",
                    "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
                    "endpointProperties": [
                        {"@type": "EndpointProperty", "name": n, "value": v} for n, v in properties.items()
                    ],
                }  # fmt: skip
        return made


# --- The node under test ------------------------------------------------------------------------------------------


@contextmanager
def node_under_test(home: Path, text: str) -> Iterator[tuple[str, Any]]:
    """A node that runs with these behaviours on a free port: its address and its exchange."""
    import uvicorn

    from concordat.exchange.dataspace.behaviours import read_behaviours
    from concordat.node.callers import Callers
    from concordat.node.exchange_conformance import ScriptedOffers, trigger_routes
    from concordat.node.exchange_routes import exchange_routes
    from concordat.node.exchange_service import ExchangeService
    from concordat.node.home import Node
    from concordat.node.server import application
    from concordat.node.service import Service
    from concordat.node.settings import NodeSettings
    from live_nodes import free_socket

    listener = free_socket()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    up: queue.Queue[Any] = queue.Queue()

    async def run() -> None:
        settings = NodeSettings(public_url=base, peers_private=True, disk_reserve_mb=0)
        service = Service(Node(home), settings)
        service.listening = base
        said = read_behaviours(text)
        exchange = ExchangeService(service, offers=ScriptedOffers(said), auth=False, scripts=said.scripts)
        service.beside.append(exchange)
        callers = Callers()
        callers.anybody = lambda *_: None  # type: ignore[method-assign]
        app = application(service, callers, [*exchange_routes(exchange, callers), *trigger_routes(exchange)])
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        await service.start()
        serving = asyncio.ensure_future(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        up.put((exchange, server))
        try:
            await serving
        finally:
            await service.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    exchange, server = up.get(timeout=WAIT_S)
    try:
        yield base, exchange
    finally:
        server.should_exit = True
        thread.join(WAIT_S)
        listener.close()
