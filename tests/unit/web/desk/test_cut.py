"""A link that drops in the middle of a form: cut at every 512 bytes and around the answer, then sent again.

Row 13 of node-web.md 10, over a real socket: whatever arrived, afterwards there is exactly one entry, or a filled form,
and no draft is lost. The long form cuts at every byte: set `STEP` below to 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

import uvicorn

from concordat.node.acts import new_act
from concordat.node.csrf import form_token
from desk_kit import PASSWORD, PHRASE, Browser, World, run

STEP = 512  # bytes between two cuts


@contextlib.asynccontextmanager
async def served(world: World) -> Any:
    """The application behind a socket: its port."""
    from concordat.node.http_bounds import bounded

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(world.app, http=bounded(), lifespan="off", log_level="error", access_log=False)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext
    task = asyncio.get_running_loop().create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listener.close()


def request_of(browser: Browser, path: str, data: dict[str, Any]) -> bytes:
    body = urlencode([(k, v) for k, values in data.items() for v in ([values] if isinstance(values, str) else values)])
    cookies = "; ".join(f"{k}={v}" for k, v in browser.client.cookies.items())
    head = (
        f"POST {path} HTTP/1.1\r\nhost: node.example\r\ncookie: {cookies}\r\norigin: http://node.example\r\n"
        f"sec-fetch-site: same-origin\r\ncontent-type: application/x-www-form-urlencoded\r\nconnection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body.encode()


async def send(port: int, data: bytes, *, read: bool) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    with contextlib.suppress(ConnectionError):
        await writer.drain()
    found = b""
    if read:
        found = await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return found


def cuts(size: int) -> list[int]:
    return sorted({*range(STEP, size, STEP), 1, size - 1, size})


def test_cut_at_every_step_then_sent_again(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        token = form_token(maria.client.cookies["s"])
        text = "\n\n".join(f"Paragraph {n}: " + "words and more words " * 12 for n in range(14))
        async with served(world) as port:
            signed = 0
            for place, cut in enumerate(cuts(len(_filled(maria, token, "0" * 32, text)))):
                act = new_act()
                form = _filled(maria, token, act, f"{text}\n\nNumber {place}.")
                cut = min(cut, len(form))
                await send(port, form[:cut], read=False)  # the link drops; at the end: before the answer is read
                answer = await send(port, form, read=True)  # the page is sent again
                assert answer.startswith(b"HTTP/1.1 303"), answer[:2000]
                assert f"location: /act/{act}".encode() in answer
                await maria.get(f"/act/{act}/change")
                assert maria.form("f").fields["text.1"] == [f"{text}\n\nNumber {place}."]
                if place % 4:
                    continue
                await maria.get(f"/act/{act}")
                sign = maria.form("s")
                data = {**sign.fields, "do": ["sign"], "phrase": [PHRASE]}
                whole = request_of(maria, sign.action, data)
                for part in (len(whole) // 2, len(whole) - 1, len(whole)):
                    await send(port, whole[:part], read=False)
                receipts = {await send(port, whole, read=True) for _ in range(2)}
                assert all(r.startswith(b"HTTP/1.1 303") for r in receipts), receipts
                signed += 1
                tabled = [e for e in await world.entries() if e.type == "ProposalTabled" and e.person == "del-04"]
                assert len(tabled) == signed
        drafts = await world.people.do(
            lambda people, _: people.store.rows("SELECT state, count(*) FROM act GROUP BY 1")
        )
        assert dict(drafts)["recorded"] == signed
        assert set(dict(drafts)) == {"draft", "recorded"}

    run(made, tmp_path, work)


def test_every_form_of_an_act_cut_off_is_no_draft_and_sent_again_is_one(made: Any, tmp_path: Path) -> None:
    """Each address that keeps a draft, and the form of the draft itself: nothing before the whole of it has come."""
    from concordat.web.desk.act_forms import ADDRESSES, Address
    from concordat.web.desk.questions import names_of

    async def work(world: World) -> None:
        chair = await world.logged_in("chair")
        token = form_token(chair.client.cookies["s"])
        long = "words and more words " * 30
        forms = [a for a in ADDRESSES if not a.path.startswith(("/commitment/{", "/dispute/{"))]  # there are none here
        assert len(forms) > 9
        more = [Address("/say/MeetingOpened", "MeetingOpened"), Address("/act/{act}/change", "ProposalTabled")]
        async with served(world) as port:
            for address in [*forms, *more]:
                path, names = address.path, address.names
                asked = [name for name in names_of(address.type) if name != names][:2]
                act = new_act()
                if "{act}" in path:
                    await chair.raw("/table", {"token": token, "act-id": act, "do": "save", "title": "before"})
                key = "v-2026-001" if names == "vote" else "p-2026-001"
                there = path.replace("{id}", key).replace("{act}", act)
                form = request_of(chair, there, {"token": token, "act-id": act, "do": "save",
                                                 **dict.fromkeys(asked or ["padding"], long)})  # fmt: skip
                before = await _acts(world)
                for cut in cuts(len(form))[:-1]:
                    await send(port, form[:cut], read=False)
                    assert await _acts(world) == before, (path, cut)
                answers = [await send(port, form, read=True) for _ in range(2)]
                assert all(a.startswith(b"HTTP/1.1 303") for a in answers), (path, answers[0][:300])
                after = await _acts(world)
                assert sorted(after) == sorted({**before, act: ""}), path
                assert "words and more words" in after[act] or not asked, path

    run(made, tmp_path, work)


def test_a_ballot_of_the_public_cut_off_says_nothing_and_sent_again_says_it_once(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        anyone = world.browser()
        await anyone.get("/consult/c-2026-001/vote?n=10")
        form = anyone.form("o")
        said = {**form.fields, **{f"opinion.{n}": ["agree"] for n in (1, 2, 3)}, "padding": ["x" * 1_500]}
        whole = request_of(anyone, form.action, said)
        async with served(world) as port:
            for cut in cuts(len(whole))[:-1]:
                await send(port, whole[:cut], read=False)
                assert await _opinions(world) == []
            for _ in range(2):
                assert (await send(port, whole, read=True)).startswith(b"HTTP/1.1 303")
                assert [row[:2] for row in await _opinions(world)] == [(1, "agree"), (2, "agree"), (3, "agree")]

    run(made, tmp_path, work)


def test_a_form_of_the_account_cut_off_changes_nothing(made: Any, tmp_path: Path) -> None:
    """A new password, a key, an account: cut off, no store differs by a byte."""

    async def work(world: World) -> None:
        operator = await world.logged_in("operator")
        token = form_token(operator.client.cookies["s"])
        more = {"token": token, "padding": "x" * 1_200}
        forms = [
            ("/account", {**more, "do": "password", "old": PASSWORD, "new": "nine otters", "again": "nine otters"}),
            ("/account", {**more, "do": "make", "old": PASSWORD, "new_phrase": PHRASE, "phrase_again": PHRASE}),
            ("/operate", {**more, "do": "lock", "who": "delegate"}),
            ("/logout", more),
            ("/login", {**more, "login": "delegate", "password": "no no no no"}),
            ("/welcome/x", {**more, "password": "no no no no", "again": "no no no no"}),
        ]
        before = await world.dump()
        async with served(world) as port:
            for path, data in forms:
                whole = request_of(operator, path, data)
                for cut in cuts(len(whole))[:-1]:
                    await send(port, whole[:cut], read=False)
                assert await world.dump() == before, path

    run(made, tmp_path, work)


async def _acts(world: World) -> dict[str, str]:
    rows = await world.people.do(lambda people, _: people.store.rows("SELECT act, fields FROM act"))
    return {str(act): str(fields) for act, fields in rows}


async def _opinions(world: World) -> list[Any]:
    query = "SELECT statement, choice, voter FROM opinion ORDER BY statement"
    return list(await world.people.do(lambda people, _: people.store.rows(query)))


def _filled(browser: Browser, token: str, act: str, text: str) -> bytes:
    data = {
        "token": token,
        "act-id": act,
        "do": "check",
        "title": "On a thin link",
        "rule": "simple_majority",
        "language.1": "en",
        "text.1": text,
    }
    return request_of(browser, "/table", data)


def test_a_file_cut_off_is_no_file(made: Any, tmp_path: Path) -> None:
    """A multipart body whose end is missing is refused, also when the length says that it is whole."""

    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        act, token = new_act(), form_token(maria.client.cookies["s"])
        await maria.raw("/table", {"token": token, "act-id": act, "do": "save", "title": "x"})
        boundary = "----x"
        body = (
            f'--{boundary}\r\ncontent-disposition: form-data; name="token"\r\n\r\n{token}\r\n--{boundary}\r\n'
            f'content-disposition: form-data; name="envelope"; filename="a.json"\r\n\r\n{{"payload":"abc'
        )
        headers = {"content-type": f"multipart/form-data; boundary={boundary}", "origin": "http://node.example"}
        answer = await maria.client.post(f"/act/{act}/upload", content=body.encode(), headers=headers)
        assert answer.status_code == 400
        assert "it was cut off" in answer.text
        assert urlsplit(str(answer.url)).path == f"/act/{act}/upload"

    run(made, tmp_path, work)
