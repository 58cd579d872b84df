"""A delegate at one of three nodes: what the page of her act says while others are away, and once all have it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

from concordat import canonical
from concordat.council.decide.rules import FOLDER
from concordat.node.found import adopt, read_root, renewed_payload, sign_payload
from concordat.node.home import Node
from concordat.node.people import People
from concordat.node.people_service import PeopleService
from concordat.node.person_keys import person_request, read_request
from concordat.web.app import create_app
from concordat.web.desk.app import Desk
from desk_kit import PHRASE, T0, Browser, Patient
from live_nodes import Bloc
from people_kit import CHEAP, Telephone, join
from unit_node import IDS, found


def certified(homes: dict[str, Path]) -> Telephone:
    """A delegate of BRA with a held key that all three members' roots have certified."""
    people = People.open(homes["BRA"], cost=CHEAP)
    account, phone = join(people, "delegate", ["delegate"], label="del-04")
    public = people.keys.make(account.id, PHRASE, T0)
    people.close()
    _, member, person = read_request(person_request("BRICS", "BRA", "del-04", public), "request")
    with Node(homes["BRA"]) as node:
        last = node.chain.last
    payload = canonical.dumps(renewed_payload(last, [], [], last.expires, (1, 1), [(member, person)]))
    envelope = None
    for home in homes.values():
        envelope = sign_payload(payload, [read_root(p) for p in sorted((home / "roots").iterdir())[:2]], envelope)
    assert envelope is not None
    for home in homes.values():
        adopt(home, [envelope.to_bytes()])
    return phone


def test_table_and_cast_at_one_of_three_nodes(tmp_path: Path) -> None:
    homes = dict(zip(IDS, found(tmp_path), strict=True))
    phone = certified(homes)

    async def work() -> None:
        bloc = Bloc(homes)
        people = None
        try:
            for member in IDS:
                await bloc.start(member)
            service = bloc.running["BRA"].service

            async def ready() -> bool:
                return not any(one.service.failing() for one in bloc.running.values())

            await bloc.until(ready)
            people = PeopleService(service, cost=CHEAP)
            await people.start()
            rules = {
                "rules": [
                    (FOLDER / f"{n}.yaml").read_text(encoding="utf-8") for n in ("amend_rules", "simple_majority")
                ]
            }
            said = [await bloc.running[m].service.write("RuleAdopted", rules, "council") for m in IDS]
            said.append(await service.write("FullPowersIssued", {"person": "del-04", "scope": ["all"]}, "council"))
            await bloc.all_final({s.id for s in said})
            await bloc.until(lambda: _powers(service))
            desk = Desk(service, people, Patient())
            maria = Browser(create_app(lambda: pytest.fail("no cached page"), desk=desk), service.public_url)
            await people.do(lambda p, _: p.store.run("UPDATE account SET totp_step = -1"))
            await maria.login("delegate", phone)
            assert "one node: no witness" not in maria.text

            await maria.get("/table")
            await maria.send("f", "check", {"title": "Together", "rule": "simple_majority", "text.1": "One."})
            await maria.send("s", "sign", {"phrase": PHRASE})
            act = str(maria.page.url)
            receipt = await people.do(lambda p, _: p.acts and p.acts.look(act.rpartition("/")[2], _owner(p)).receipt)
            assert receipt
            await bloc.all_final({receipt.entry})
            await bloc.until(lambda: _tabled(service))  # final, and known here what it came to
            await maria.get(act)
            assert "Final: it can’t be undone." in maria.text

            for member in IDS[1:]:
                await bloc.stop(member)
            await maria.get("/table")
            await maria.send("f", "check", {"title": "Alone", "rule": "simple_majority", "text.1": "One."})
            await maria.send("s", "sign")
            assert "pending: 1 of 3; missing IND, ZAF" in maria.text
            assert "Final: it can’t be undone." not in maria.text
            assert "It is not final yet" in maria.text
        finally:
            if people is not None:
                await people.close()
            await bloc.close()

    asyncio.run(work())


def _owner(people: People) -> str:
    return people.accounts.by_login("delegate").id


async def _powers(service: object) -> bool:
    return bool(await service.read(lambda _: service.states.council.find("powers", "BRA.del-04")))  # type: ignore[attr-defined]


async def _tabled(service: object) -> bool:
    return bool(await service.read(lambda _: service.states.council.find("proposal", "p-2026-001")))  # type: ignore[attr-defined]
