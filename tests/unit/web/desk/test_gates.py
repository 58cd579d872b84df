"""Who gets through: every role by form and by direct POST, forms of other sites and sessions, GET that changes nothing.

Rows 14 and the first of the threats in node-web.md 6. The role table is read from the shipped YAML, which a spec test
holds to the specification's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

from concordat.council.events import load_all
from concordat.node.acts import new_act
from concordat.node.authorise import roles
from concordat.node.csrf import form_token
from concordat.web.desk.act_forms import ADDRESSES
from concordat.web.desk.addresses import PAGES
from desk_kit import PHRASE, ROLES, Browser, Forms, World, run

KINDS = {act.name: [k for k in act.entries if k in load_all()] for act in roles().acts.values()}
# What the specification has the secretary's person key sign: no expert's own, whatever her account.
NOBODYS = {"GuidelineFixed", "ReportPublished", "IndicatorBound"}

# Every address of a form, and what it is: the form of an act (its draft is kept), a step of an act, or of the account.
# Who adds one adds it here, and to the tests below that let each role try it and cut it off.
POSTS = {
    **{address.path: "form" for address in ADDRESSES}, "/say/{type}": "form", "/act/{act}/change": "form",
    "/act/{act}": "step", "/act/{act}/upload": "step",
    "/account": "own", "/login": "own", "/logout": "own", "/welcome/{token}": "own",
    "/login/passkey": "own", "/account/passkey": "own",
    "/consult/{id}/vote": "public", "/operate": "operator",
}  # fmt: skip
# What no browser's form is sent to: a file to look at, and what nodes and signers send each other.
BY_MACHINES = {
    "/check", "/entries", "/mirror/add-checkpoint", "/mirror/add-entries", "/sync/messages", "/witness/add-checkpoint",
}  # fmt: skip


def may(role: str, kind: str) -> tuple[bool, bool]:
    """(may open the form, may sign) by the table: a cell that isn't `-`; whoever prepares may open and not sign."""
    table = roles()
    cells = [act.cells[role] for act in table.acts_of(kind)]
    signs = any(cell != "-" and not (cell == "own" and kind in NOBODYS) for cell in cells)
    prepared = any(act.cells[r] != "-" for act in table.acts_of(kind) for r in ("delegate", "chair"))
    return signs or (prepared and table.acts["prepare"].cells[role] != "-"), signs


async def drafts(world: World) -> int:
    return int(await world.people.do(lambda people, _: people.store.one("SELECT count(*) FROM act")[0]))


def session_token(browser: Browser) -> str:
    return form_token(browser.client.cookies["s"])


@pytest.mark.parametrize("role", ROLES)
def test_each_cell_by_form_and_by_direct_post(role: str, made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        browser = await world.logged_in(role)
        for act, kinds in KINDS.items():
            for n, kind in enumerate(kinds):
                opens, signs = may(role, kind)
                if n == 0:
                    shown = await browser.get(f"/say/{kind}")
                    assert shown.status_code == (200 if opens else 403), (act, kind)
                before = await drafts(world)
                one = new_act()
                sent = {"token": session_token(browser), "act-id": one, "do": "save"}
                answer = await browser.raw(f"/say/{kind}", sent, follow=False)
                assert answer.status_code == (303 if opens else 403), (act, kind)
                assert await drafts(world) == before + opens, kind
                if not opens or n:
                    continue
                forced = {"token": session_token(browser), "do": "sign", "content": "0" * 64, "phrase": PHRASE}
                answer = await browser.raw(f"/act/{one}", forced, follow=False)
                assert answer.status_code == (403 if not signs else 409), (
                    act,
                    kind,
                )  # 409: an empty form can't be said
        seen = [page.path for page in PAGES if page.get and "{" not in page.path]
        for path in seen:
            answer = await browser.get(path)
            wanted = 200 if path != "/operate" or role == "operator" else 403
            if path in ("/table", "/commitment/new", "/dispute/new"):
                opens = may(
                    role,
                    {"/table": "ProposalTabled", "/commitment/new": "CommitmentRegistered"}.get(path, "DisputeFiled"),
                )[0]
                wanted = 200 if opens else 403
            assert answer.status_code == wanted, path
        assert len([e for e in await world.entries() if e.person != "node"]) == 0

    run(made, tmp_path, work)


def test_every_address_that_takes_a_post_is_known() -> None:
    from concordat.node.server import POSTS as OF_THE_NODE
    from concordat.web.checking import PATH as CHECK
    from concordat.web.openapi import operations

    assert {page.path for page in PAGES if page.post is not None} == set(POSTS)
    assert {path for path, _ in OF_THE_NODE} | {CHECK} == BY_MACHINES
    assert {one.path for one in operations() if one.method == "POST"} == BY_MACHINES


def test_each_role_at_every_address_of_a_form(made: Any, tmp_path: Path) -> None:
    """Also by its own address, in a draft that is changed, and with an envelope: the role alone decides."""

    async def work(world: World) -> None:
        for role in ROLES:
            browser = await world.logged_in(role)
            token = session_token(browser)
            for path in sorted(path for path, kind in POSTS.items() if kind == "form" and path not in
                               ("/say/{type}", "/act/{act}/change")):  # fmt: skip
                kind = next(address.type for address in ADDRESSES if address.path == path)
                opens, signs = may(role, kind)
                one, before = new_act(), await drafts(world)
                sent = {"token": token, "act-id": one, "do": "save"}
                key = "v-2026-001" if path.endswith("/vote") else "p-2026-001"
                answer = await browser.raw(path.replace("{id}", key), sent, follow=False)
                # 404: who may open it is told that there is no such commitment or dispute
                assert answer.status_code in ((303, 404) if opens else (403,)), (role, path, answer.text)
                assert await drafts(world) == before + (answer.status_code == 303), (role, path)
                if answer.status_code != 303:
                    continue
                changed = await browser.raw(f"/act/{one}/change", sent, follow=False)
                assert changed.status_code == 303, (role, path)
                envelope = await browser.raw(
                    f"/act/{one}/upload", {"token": token}, follow=False, files={"envelope": b"{}"}
                )
                assert envelope.status_code == (403 if not signs else 422), (role, path)
                await world.people.do(lambda people, now, act=one: _give_to_operator(people, act))
                for step in ("", "/change", "/upload"):
                    answer = await browser.raw(f"/act/{one}{step}", {**sent, "do": "sign"}, follow=False)
                    assert answer.status_code == 404, (role, path, step)
            answer = await browser.raw("/operate", {"token": token, "do": "add"}, follow=False)
            assert answer.status_code == (422 if role == "operator" else 403), role
            answer = await browser.raw("/account", {"token": token, "do": "add"}, follow=False)
            assert answer.status_code == 400, role
        assert [e for e in await world.entries() if e.person != "node"] == []

    run(made, tmp_path, work)


def _give_to_operator(people: Any, act: str) -> None:
    """Make a draft somebody else's, as if it had been hers from the start."""
    people.store.run("UPDATE act SET owner = 'somebody else' WHERE act = ?", act)


def test_the_public_is_led_to_the_login_and_may_speak_in_public_consultations(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        anyone = world.browser()
        for page in PAGES:
            path = page.path.replace("{type}", "BallotCast").replace("{id}", "c-2026-001").replace("{act}", new_act())
            path = path.replace("{token}", "x")
            answer = await anyone.get(path)
            if page.session and page.get:
                assert answer.status_code == 303, path
                assert answer.headers["location"].startswith("/login?next="), path
        assert (await anyone.get("/consult/c-2026-001/vote")).status_code == 200
        token = anyone.form("o").fields["token"][0]
        for kind in ("BallotCast", "ProposalTabled"):
            answer = await anyone.raw(f"/say/{kind}", {"token": token, "act-id": new_act()}, follow=False)
            assert answer.status_code == 403
        assert await drafts(world) == 0
        for role in ("delegate", "chair", "secretary", "supervisor", "operator"):
            browser = await world.logged_in(role)
            assert (await browser.get("/consult/c-2026-001/vote")).status_code == 403, role
        assert (await (await world.logged_in("expert")).get("/consult/c-2026-001/vote")).status_code == 200

    run(made, tmp_path, work)


def test_a_form_of_another_site_browser_or_session_does_nothing(made: Any, tmp_path: Path) -> None:
    """Each POST route without a token, with a foreign one, with another session's, from another site."""

    async def work(world: World) -> None:
        maria, chair = await world.logged_in("delegate"), await world.logged_in("operator")
        await maria.get("/table")
        draft = maria.form("f").fields["act-id"][0]
        await maria.send("f", "save", {"title": "Mine"})
        foreign = form_token("another browser")
        own_site = {"sec-fetch-site": "same-origin", "origin": "http://node.example"}
        attempts: list[tuple[str, dict[str, str]]] = [
            ("", own_site),
            (foreign, own_site),
            (session_token(chair), own_site),
            ("A" * 90, own_site),
            (session_token(maria), {"sec-fetch-site": "cross-site"}),
            (session_token(maria), {"sec-fetch-site": "same-site"}),
            (session_token(maria), {"origin": "https://evil.example"}),
            (session_token(maria), {"origin": "null"}),
            (session_token(maria), {"sec-fetch-site": "same-origin", "origin": "http://node.example.evil"}),
        ]
        before = await world.dump()
        posts = [page for page in PAGES if page.post is not None]
        assert len(posts) > 20
        for page in posts:
            path = page.path.replace("{type}", "ProposalTabled").replace("{act}", draft).replace("{token}", "x")
            path = path.replace("{id}", "c-2026-001" if "consult" in path else "p-2026-001")
            for token, headers in attempts:
                data = {"token": token, "act-id": new_act(), "do": "drop", "login": "x", "opinion.1": "agree"}
                answer = await maria.client.post(path, data=data, headers=headers)
                assert answer.status_code in (403, 404), (page.path, token[:4], headers)
                if headers is not own_site:
                    assert "Mine" not in answer.text
        assert await world.dump() == before

    run(made, tmp_path, work)


def test_get_changes_nothing(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        browser = await world.logged_in("delegate")
        await browser.get("/table")
        await browser.send("f", "save", {"title": "Mine"})
        act = str(browser.page.url).rpartition("/")[2]
        paths = []
        for page in PAGES:
            if page.get is None:
                continue
            path = page.path.replace("{type}", "BallotCast").replace("{act}", act).replace("{token}", "x")
            paths += [
                path.replace("{id}", key) for key in ("c-2026-001", "c-2026-002", "p-2026-001", "v-2026-001", "none")
            ]
        before = await world.dump()
        for path in sorted(set(paths)) * 2:
            for method in ("GET", "HEAD"):
                answer = await browser.client.request(method, path)
                assert answer.status_code < 500, (path, answer.text)
                if method == "HEAD":
                    assert answer.content == b""
        assert await world.dump() == before
        for page in PAGES:
            refused = await browser.client.request("PUT", page.path.replace("{act}", act))
            assert refused.status_code == 405
            assert refused.headers["allow"] == ", ".join(page.methods)

    run(made, tmp_path, work)


def test_every_answer_is_private_and_carries_the_policy(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        browser = await world.logged_in("delegate")
        for path in ("/account", "/table", "/say/NoSuchType", "/act/zz", "/operate", "/item/v-2026-001/vote"):
            answer = await browser.get(path)
            assert answer.headers["cache-control"] == "private, no-store", path
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "form-action 'self'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            banned = ("style", "iframe", "img") if path == "/account" else ("script", "style", "iframe", "img")
            assert not [t for t, _ in Forms(answer.text).tags if t in banned]  # /account: test_passkey_pages.py
            assert not [a for _, found in Forms(answer.text).tags for a in found if a == "style" or a.startswith("on")]

    run(made, tmp_path, work)


def test_an_address_with_a_strange_key_is_refused_with_the_nearest(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        browser = await world.logged_in("delegate")
        assert (await browser.get("/account?nxt=1")).status_code == 400
        assert (await browser.get("/account?lang=pt&lang=en")).status_code == 400
        assert (await browser.get("/account?" + "&".join(f"k{n}=1" for n in range(200)))).status_code == 400
        answer = await browser.get("/say/BallotCast?vot=v-2026-001")
        assert answer.status_code == 400
        assert "Did you mean &#34;vote&#34;?" in answer.text
        answer = await browser.get("/say/BalotCast")
        assert answer.status_code == 404
        assert "BallotCast" in answer.text

    run(made, tmp_path, work)


def test_limits_of_an_address_of_an_account_and_of_opinions(made: Any, tmp_path: Path) -> None:
    """Section 6's rows: forms 1/s and 20 at once for an address, 2/s for an account; 600 opinions an hour."""
    from concordat.node.callers import Callers
    from concordat.web.app import create_app
    from concordat.web.desk.app import Desk

    async def work(world: World) -> None:
        now = [1_000.0]
        object.__setattr__(world.service, "monotonic", lambda: now[0])
        app = create_app(lambda: pytest.fail("no cached page"), desk=Desk(world.service, world.people, Callers()))
        anyone = Browser(app)
        await anyone.get("/consult/c-2026-001/vote?n=10")
        form = anyone.form("o")
        answers = [await anyone.raw(form.action, dict(form.fields), follow=False) for _ in range(21)]
        assert [a.status_code for a in answers] == [303] * 20 + [429]
        assert answers[-1].headers["retry-after"] == "1"
        assert "too many requests" in answers[-1].text
        now[0] += 1.0
        assert (await anyone.raw(form.action, dict(form.fields), follow=False)).status_code == 303
        many = {**form.fields, **{f"opinion.{n}": ["skip"] for n in range(1, 400)}}
        codes = []
        for _ in range(3):
            now[0] += 1.0
            codes.append((await anyone.raw(form.action, many, follow=False)).status_code)
        assert codes == [303, 429, 429]
        now[0] += 3_600.0
        assert (await anyone.raw(form.action, many, follow=False)).status_code == 303

    run(made, tmp_path, work)
