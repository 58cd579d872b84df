"""What tests of TAXII share: a store and a caller's requests, a node behind a real socket, small STIX objects."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from concordat.exchange.incidents.taxii import MEDIA, Collection, Request, Response, Site, handle
from concordat.exchange.incidents.tlp import TLP2, Caller, Tlp
from concordat.node.taxii_store import TaxiiStore

MEMBERS = frozenset({"BRA", "IND", "ZAF"})
HEADERS = {"accept": MEDIA, "content-type": MEDIA}
START = 1_777_887_000_000_000  # 2026-05-04T09:30:00Z
NAMES = uuid.UUID("7d4ab3a6-5c0e-4d8e-9d3e-3a0d5f0a4a11")


def name(kind: str, number: int) -> str:
    """An id that depends on its number alone."""
    return f"{kind}--{uuid.uuid5(NAMES, f'{kind} {number}')}"


def campaign(number: int, label: Tlp | None = None, version: int = 0, **more: Any) -> dict[str, Any]:
    """A campaign in one version, marked or not."""
    made = {
        "type": "campaign", "spec_version": "2.1", "id": name("campaign", number), "name": f"campaign {number}",
        "created": "2026-05-01T00:00:00.000Z", "modified": f"2026-05-01T00:00:{version:02d}.000Z", **more,
    }  # fmt: skip
    return made if label is None else {**made, "object_marking_refs": [TLP2[label]]}


def relationship(number: int, source: str, target: str, label: Tlp | None = None) -> dict[str, Any]:
    """A relationship between two ids."""
    made = {
        "type": "relationship", "spec_version": "2.1", "id": name("relationship", number),
        "relationship_type": "related-to", "created": "2026-05-01T00:00:00.000Z",
        "modified": "2026-05-01T00:00:00.000Z", "source_ref": source, "target_ref": target,
    }  # fmt: skip
    return made if label is None else {**made, "object_marking_refs": [TLP2[label]]}


class Desk:
    """A store in a folder, and requests to it as a caller would make them.

    Attributes:
        now: microseconds; a test moves it on.
    """

    def __init__(self, folder: Path, members: frozenset[str] = MEMBERS) -> None:
        self.now, self.members = START, members
        self.store = TaxiiStore(folder / "exchange.sqlite", lambda: self.now)

    def collection(self, ceiling: Tlp = Tlp.RED, topic: str = "indicators", writers: str = "BRA ZAF") -> Collection:
        """A collection whose subscriber is IND."""
        made = self.store.make_collection("brics", topic, ceiling, topic.title(), writers.split())
        self.store.subscribe(made.id, "IND", "protects the payment system")
        return next(c for c in self.store.collections("brics") if c.id == made.id)

    def ask(
        self, method: str, path: str, caller: Caller, body: Any = None, headers: Mapping[str, str] = HEADERS,
        **query: Any,
    ) -> Response:  # fmt: skip
        """One request; `match_type` stands for `match[type]`."""
        pairs = tuple((f"match[{k[6:]}]" if k.startswith("match_") else k, str(v)) for k, v in query.items())
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        site = Site({"brics": "Incidents of BRICS"}, self.members, self.now)
        return handle(
            Request(method, path, "https://h.example/taxii2/", pairs, headers, data, caller), self.store, site
        )

    def post(self, collection: Collection, caller: Caller, *objects: Any) -> dict[str, Any]:
        """Add objects; the status."""
        answer = self.ask("POST", f"brics/collections/{collection.id}/objects/", caller, {"objects": list(objects)})
        assert answer.status == 202, answer.body
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def share(
        self, collection: Collection, caller: Caller, recipients: set[str], *objects: dict[str, Any]
    ) -> list[str]:
        """Add objects for named recipients, as the command does; why each was refused."""
        from concordat.exchange.incidents.taxii import New, add_objects

        new = [New(one["id"], str(one.get("modified", "")), one) for one in objects]
        site = Site({"brics": "x"}, self.members, self.now)
        with self.store.change():
            found = add_objects(collection, caller, self.store, site, new, frozenset(recipients))
        return [why for _, _, why in found]

    def read(self, collection: Collection, caller: Caller, what: str = "objects", **query: Any) -> list[Any]:
        """All that a caller gets, page by page."""
        found: list[Any] = []
        after: dict[str, str] = {}
        for _ in range(10_000):
            answer = self.ask("GET", f"brics/collections/{collection.id}/{what}/", caller, **query, **after)
            assert answer.status in (200, 401, 404), answer.body
            page = json.loads(answer.body) if answer.status == 200 else {}
            found += page.get("objects", [])
            if not page.get("more"):
                return found
            after = {"next": page["next"]}
        raise AssertionError("the pages don't end")


@contextlib.contextmanager
def running(home: Path) -> Iterator[tuple[str, Any]]:
    """A node that runs behind a socket of loopback: its address, and its store."""
    import uvicorn
    from starlette.applications import Starlette

    from concordat.node.callers import Callers
    from concordat.node.edge import Edge
    from concordat.node.home import Node
    from concordat.node.server import routes
    from concordat.node.service import Service
    from concordat.node.settings import NodeSettings
    from concordat.node.taxii_routes import open_taxii, taxii_routes
    from live_nodes import free_socket

    listener = free_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    store = open_taxii(home)
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ending: list[Any] = []

    async def serve() -> None:
        settings = NodeSettings.load(
            {"disk_reserve_mb": 0, "public_url": url}, environment={}, file=home / "absent.toml"
        )
        service, callers = Service(Node(home), settings), Callers()
        app = Starlette(routes=[*routes(service, callers), *taxii_routes(service, callers, store)])
        edge = Edge(app, url, lambda *_: None, service.monotonic)
        config = uvicorn.Config(edge, lifespan="off", log_level="error", access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        await service.start()
        ending.append(server)
        task = asyncio.ensure_future(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        ready.set()
        await task
        await service.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(120), "the node did not start"
        yield url, store
    finally:
        for server in ending:
            server.should_exit = True
        thread.join()
        loop.close()
        store.close()
        listener.close()
