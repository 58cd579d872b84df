"""A node that runs while tests visit it: people, pages and protocol behind its edge, without a socket.

Its loop turns only during a visit, so nothing happens between two. `ask` sends requests as they are given; `run` does
some work with the people's side (`desk_kit.World`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from concordat.node.edge import Edge, LogLines
from concordat.node.home import Node
from concordat.node.people_service import PeopleService
from concordat.node.server import routes
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.web.app import create_app
from concordat.web.checking import check_route
from concordat.web.desk.app import Desk
from concordat.web.live import LiveSite
from desk_kit import URL, Patient, World
from people_kit import CHEAP
from web_kit import reader_of


class Standing:
    """The node.

    Args:
        made: a folder of a node whose council has begun, and its telephones (`desk_kit.founded`). evidence: a store.
    """

    def __init__(self, made: Any, evidence: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.lines: list[dict[str, Any]] = []
        self.log = LogLines(lambda line: self.lines.append(json.loads(line)))
        home, phones = made
        settings = NodeSettings.load(
            {"disk_reserve_mb": 0, "public_url": URL, "commit_gather_ms": 5}, environment={}, file=home / "absent.toml"
        )
        self.service = Service(Node(home), settings, log=self.log)
        self.loop.run_until_complete(self.service.start())
        self.people = PeopleService(self.service, cost=CHEAP)
        self.loop.run_until_complete(self.people.start())
        desk, live = Desk(self.service, self.people, Patient()), LiveSite(self.service, lambda: reader_of(evidence))
        self.site = live()
        protocol = [*routes(self.service, Patient()), check_route(lambda: self.site, lambda _: 0.0)]
        self.app = Edge(create_app(lambda: self.site, protocol, None, desk), URL, self.log, lambda: 1.0)
        self.world = World(self.service, self.people, self.app, desk, phones)

    def run(self, work: Callable[[World], Awaitable[None]]) -> None:
        """Do some work."""
        self.loop.run_until_complete(work(self.world))

    def ask(self, *requests: tuple[str, str] | httpx.Request) -> list[httpx.Response]:
        """Answers to requests, each (method, address) or whole."""

        async def work() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=("192.0.2.77", 5))
            async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
                built = [r if isinstance(r, httpx.Request) else client.build_request(*r) for r in requests]
                return [await client.send(r) for r in built]

        return self.loop.run_until_complete(work())

    def close(self) -> None:
        """Stop it."""
        self.loop.run_until_complete(self.people.close())
        self.loop.run_until_complete(self.service.close())
        self.loop.close()


def raw(path: str, method: str = "GET", **sent: str) -> httpx.Request:
    """A request whose path is sent as it stands here."""
    request = httpx.Request(method, URL + "/", headers=sent)
    request.url = request.url.copy_with(raw_path=path.encode("ascii"))
    return request
