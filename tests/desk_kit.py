"""The private pages for tests: a node of one member with its people, an open vote, and a browser without scripts.

The browser keeps cookies, reads forms out of the page as they stand, fills them in and sends them; it follows no link
by itself. What a test sends is what a person could send, unless it says `raw`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from concordat import clock
from concordat.council.decide.rules import FOLDER
from concordat.node.callers import Callers
from concordat.node.home import Node
from concordat.node.people import People
from concordat.node.people_service import PeopleService
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.web.app import create_app
from concordat.web.desk.app import Desk
from people_kit import CHEAP, PASSWORD, PHRASE, STEP_S, T0, Telephone, certify, join, make_home, opened

URL = "http://node.example"
RULES = ("amend_rules", "simple_majority", "consensus", "silence", "election")
ROLES = ("expert", "delegate", "chair", "secretary", "supervisor", "operator")
TITLE = "Open data by default"
Work = Callable[["World"], Awaitable[None]]


@dataclass
class Page:
    """One form as it stands in a page."""

    action: str
    multipart: bool
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


class Forms(HTMLParser):
    """Every form of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: dict[str, Page] = {}
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._form: Page | None = None
        self._area: str | None = None
        self._select = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = {k: v or "" for k, v in attrs}
        self.tags.append((tag, found))
        if tag == "a":
            self.links.append(found["href"])
        if tag == "form":
            self._form = Page(found["action"], found.get("enctype") == "multipart/form-data")
            self.forms[found.get("id", "logout")] = self._form
        if self._form is None or ("name" not in found and tag != "option"):
            return
        if tag == "option":
            if "selected" in dict(attrs):
                self._form.fields[self._select] = [found["value"]]
            return
        name, value, kind = found["name"], found.get("value", ""), found.get("type", "")
        self._form.names.add(name)
        if tag == "button":
            self._form.buttons.append((name, value))
        elif kind in ("radio", "checkbox"):
            if "checked" in dict(attrs):
                self._form.fields.setdefault(name, []).append(value)
        elif tag == "textarea":
            self._area = name
            self._form.fields[name] = [""]
        elif tag == "select":
            self._select = name
            self._form.fields[name] = [""]
        elif kind != "file":
            self._form.fields.setdefault(name, []).append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None and self._form is not None:
            before = self._form.fields[self._area][0]
            self._form.fields[self._area] = [data.removeprefix("\n") if not before else before + data]


class Browser:
    """A browser of one person: cookies, the page it shows, and nothing that runs."""

    def __init__(self, app: Any, url: str = URL) -> None:
        parts = urlsplit(url)
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=self.url, timeout=30)
        self.page = httpx.Response(200)

    async def get(self, address: str, **headers: str) -> httpx.Response:
        self.page = await self.client.get(address, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return self.page

    @property
    def text(self) -> str:
        return self.page.text

    def form(self, name: str) -> Page:
        return Forms(self.text).forms[name]

    async def send(
        self, name: str, do: str = "", values: Mapping[str, str | Sequence[str]] | None = None, *, follow: bool = True,
        files: Mapping[str, bytes] | None = None, headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        """Fill a form of the page in and send it; go where the answer leads."""
        form = self.form(name)
        data: dict[str, Any] = {k: list(v) for k, v in form.fields.items()}
        data.update({k: [v] if isinstance(v, str) else list(v) for k, v in (values or {}).items()})
        if do:
            assert ("do", do) in form.buttons, (do, form.buttons)
            data["do"] = [do]
        return await self.raw(form.action, data, follow=follow, files=files, headers=headers)

    async def raw(
        self, action: str, data: Mapping[str, Any], *, follow: bool = True, files: Mapping[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:  # fmt: skip
        """Send anything anywhere, as a browser on our own page would."""
        said = {"sec-fetch-site": "same-origin", "origin": self.url, **(headers or {})}
        sent = {k: (n, v) for k, v in (files or {}).items() for n in (f"{k}.json",)} or None
        self.page = await self.client.post(action, data=dict(data), files=sent, headers=said)
        if follow and self.page.status_code == 303:
            await self.get(self.page.headers["location"])
        return self.page

    async def login(self, login: str, phone: Telephone, now: int = T0, password: str = PASSWORD) -> None:
        await self.get("/login")
        code = phone.code(now) if phone.secret else ""
        await self.send("l", values={"login": login, "password": password, "code": code})
        assert self.page.status_code == 200, self.text


@dataclass
class World:
    """A running node, its people, and the application."""

    service: Service
    people: PeopleService
    app: Any
    desk: Desk
    phones: Mapping[str, Telephone]
    used: int = 0

    def browser(self) -> Browser:
        return Browser(self.app, self.service.public_url)

    async def logged_in(self, login: str) -> Browser:
        found = self.browser()
        await self.forget_codes()
        await found.login(login, self.phones[login], T0)
        return found

    async def forget_codes(self) -> None:
        """Let a code of this half minute be used once more: the tests' clock stands."""
        await self.people.do(lambda people, _: people.store.run("UPDATE account SET totp_step = -1"))

    async def dump(self) -> dict[str, list[Any]]:
        """Every row of both stores, but for when a session was last seen."""
        found: dict[str, list[Any]] = {}
        for path in (self.service.node.home / "people.db", self.service.node.store.path):
            with closing(sqlite3.connect(path)) as db:
                tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
                for table in tables:
                    rows = db.execute(f"SELECT * FROM {table}").fetchall()
                    if table == "session":
                        rows = [(*row[:3], *row[4:]) for row in rows]
                    found[f"{path.name} {table}"] = sorted(rows, key=repr)
        return found

    async def settle(self) -> None:
        """Let the second hand go on until what was said is final."""
        for _ in range(6):
            await self.service.run(self.service._tick)

    async def council(self, ask: Callable[[Any], Any]) -> Any:
        return await self.service.read(lambda _: ask(self.service.states.council))

    async def entries(self) -> list[Any]:
        return await self.service.read(lambda node: [e for e in node.replica.own.entries if e.type != "AuditHead"])


def make(folder: Path, *, sealed: bool = True) -> tuple[Path, dict[str, Telephone]]:
    """The folder of a node of BRA: accounts of every role, a delegate and a chair with certified held keys."""
    home = make_home(folder)
    phones: dict[str, Telephone] = {}
    keys: dict[str, bytes] = {}
    with opened(home) as (_, people):
        for role in ROLES:
            label = {"delegate": "del-04", "chair": "del-01", "secretary": "sec-01", "expert": "exp-01"}.get(role, "")
            account, phones[role] = join(people, role, [role], label=label)
            if label:
                keys[label] = people.keys.make(account.id, PHRASE, T0)
    for label, public in keys.items():
        certify(home, label, public)
    return home, phones


async def found_council(world: World) -> None:
    """Rules, full powers, a certified proposal with an open vote, and a public consultation of three statements."""
    service = world.service
    rules = {"rules": [(FOLDER / f"{name}.yaml").read_text(encoding="utf-8") for name in RULES[:2]]}
    await service.write("RuleAdopted", rules, "council")
    for label in ("del-01", "del-04", "sec-01", "exp-01"):
        await service.write("FullPowersIssued", {"person": label, "scope": ["all"]}, "council")
    body = {
        "authentic": ["en"], "rule": "simple_majority", "title": TITLE,
        "texts": {
            "en": [{"id": "p1", "text": "Data of public bodies are open."}, {"id": "p2", "text": "Reasons are given."}]
        },
    }  # fmt: skip
    await service.write("ProposalTabled", body, "council")
    await service.write("ProposalTabled", {**body, "title": "A second text"}, "council")
    await world.settle()
    proposal = await world.council(lambda c: c.all("proposal")[0])
    from concordat.council.texts import hash_of

    certified = {
        "proposal": proposal.id, "version": proposal.text.hash, "languages": {"en": hash_of(proposal.text.texts["en"])},
    }  # fmt: skip
    await service.write("TextCertified", certified, "council")
    await service.write(
        "ConsultationOpened",
        {"title": "What should be open?", "public": "public", "closes": "2026-12-20T10:00Z"},
        "council",
    )
    await service.write(
        "ConsultationOpened", {"title": "Among delegations", "public": "delegations", "closes": "2026-12-20T10:00Z"},
        "council",
    )  # fmt: skip
    await world.settle()
    opened = {
        "subject": proposal.id, "rule": "simple_majority", "closes": "2026-12-01T10:00Z",
        "text": (await world.council(lambda c: c.get("proposal", proposal.id).certified)),
    }  # fmt: skip
    await service.write("VoteOpened", opened, "council")
    for key in ("c-2026-001", "c-2026-002"):
        for text in ("All data should be open.", "Only statistics.", "Fees are fair."):
            await service.write("StatementSubmitted", {"consultation": key, "text": text}, "council")
    await world.settle()
    assert await world.council(lambda c: [v.status for v in c.all("vote")]) == ["open"]
    assert await world.council(lambda c: c.no_effect) == []


async def _run(home: Path, phones: Mapping[str, Telephone], work: Work, url: str, site: Callable[[], Any]) -> None:
    arguments = {"disk_reserve_mb": 0, "public_url": url, "commit_gather_ms": 5}
    settings = NodeSettings.load(arguments, environment={}, file=home / "absent.toml")
    service = Service(Node(home), settings)
    await service.start()
    people = PeopleService(service, cost=CHEAP)
    try:
        await people.start()
        desk = Desk(service, people, Patient())
        await work(World(service, people, create_app(site, desk=desk), desk, phones))
    finally:
        await people.close()
        await service.close()


class Patient(Callers):
    """Limits that let a test ask as often as it likes."""

    def count(self, *_: object, **__: object) -> None:
        return None


def _no_site() -> Any:
    raise AssertionError("no cached page is asked for here")


def run(
    made: tuple[Path, Mapping[str, Telephone]], folder: Path, work: Work, url: str = URL,
    site: Callable[[], Any] = _no_site,
) -> None:  # fmt: skip
    """Some work with a copy of the node, running; `site`: opens the pages beside the private ones."""
    home, phones = made
    copy = Path(shutil.copytree(home, folder / home.name))
    asyncio.run(_run(copy, phones, work, url, site))


def founded(folder: Path) -> tuple[Path, dict[str, Telephone]]:
    """A node whose council has begun, at rest."""
    with standing_clock():
        home, phones = make(folder)
        asyncio.run(_run(home, phones, found_council, URL, _no_site))
    return home, phones


@contextmanager
def standing_clock(now: str = "2026-11-22") -> Iterator[None]:
    """The clock stands for every thread, also where a fixture lives longer than one test."""
    before = os.environ.get("CONCORDAT_NOW")
    os.environ["CONCORDAT_NOW"] = now
    try:
        with clock.fixed(now):
            yield
    finally:
        os.environ.pop("CONCORDAT_NOW")
        if before is not None:
            os.environ["CONCORDAT_NOW"] = before


def people_of(home: Path) -> People:
    """The people of a node at rest."""
    return People.open(home, cost=CHEAP)


__all__ = ["PASSWORD", "PHRASE", "STEP_S", "T0", "TITLE", "URL", "Browser", "Forms", "World", "founded", "run"]
