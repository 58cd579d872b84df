"""Passkeys at `/login` and `/account`: the one script and where it may run, its questions, and what no script needs."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

from concordat.node import passkeys as engine
from concordat.node.acts import new_act
from concordat.node.csrf import form_token
from concordat.web.desk.addresses import PAGES
from concordat.web.desk.passkeys import WORDS
from concordat.web.languages import OFFERED, words_of
from concordat.web.static_files import SCRIPT_MAX, passkey_script
from desk_kit import PASSWORD, T0, URL, Browser, Forms, World, run

TWO = ("/login", "/account")
OWN_SITE = {"sec-fetch-site": "same-origin", "origin": URL}


@pytest.fixture
def phone() -> Any:
    """A device of this node's site."""
    pytest.importorskip("webauthn", reason="needs the extra [passkeys]")
    from passkey_kit import Authenticator

    return Authenticator(origin=URL, rp="node.example")


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node without the extra [passkeys]."""
    monkeypatch.setattr(engine, "find_spec", lambda _: None)


async def question(browser: Browser, form: str, values: dict[str, str] | None = None) -> httpx.Response:
    """What the script of the page does first: it sends the form's fields to where the form says."""
    tags = Forms(browser.text).tags
    address = next(found["data-ask"] for tag, found in tags if tag == "form" and found.get("id") == form)
    fields = {name: said[0] for name, said in browser.form(form).fields.items()}
    return await browser.client.post(address, data={**fields, **(values or {})}, headers=OWN_SITE)


async def make(world: World, browser: Browser, phone: Any, label: str = "my telephone") -> httpx.Response:
    await world.forget_codes()
    await browser.get("/account")
    proof = {"device": label, "old": PASSWORD, "code": world.phones["delegate"].code(T0)}
    asked = await question(browser, "pk", proof)
    assert asked.status_code == 200, asked.text
    return await browser.send("pk", values={"device": label, "answer": phone.make(asked.text)})


async def come_in(browser: Browser, phone: Any, onward: str = "") -> httpx.Response:
    await browser.get("/login" + (f"?next={onward}" if onward else ""))
    asked = await question(browser, "pk")
    assert asked.status_code == 200, asked.text
    return await browser.send("pk", values={"answer": phone.answer(asked.text)}, follow=False)


def scripts(answer: httpx.Response) -> list[dict[str, str]]:
    return [found for tag, found in Forms(answer.text).tags if tag == "script"]


# --- The way of a passkey ---------------------------------------------------------------------------------------------


def test_it_is_made_lets_in_is_removed_and_then_refused(made: Any, tmp_path: Path, phone: Any) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/account")
        assert "You have none." in maria.text
        assert (await make(world, maria, phone)).status_code == 200
        listed = re.search(r'<th scope="row">my telephone</th>\s*<td class="w">([^<]*)</td>', maria.text)
        assert listed
        assert listed[1] == "2026-11-22"
        assert "passkey made" in maria.text
        await maria.send("logout")
        answer = await come_in(maria, phone, "/drafts")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/drafts"
        assert answer.headers["set-cookie"].startswith("s=")
        assert (await maria.get("/account")).status_code == 200
        assert ">passkey<" in maria.text  # how this session was proved
        await world.forget_codes()
        chosen = next(
            o["value"] for tag, o in Forms(maria.text).tags if tag == "option" and o["value"] not in ("", "others")
        )
        wrong = {"passkey": chosen, "old": "no no no no", "code": world.phones["delegate"].code(T0)}
        assert (await maria.send("pr", "forget", wrong)).status_code == 422
        assert "password or code is wrong" in maria.text
        await maria.send("pr", "forget", {**wrong, "old": PASSWORD})
        assert "You have none." in maria.text
        assert "passkey removed" in maria.text
        answer = await come_in(world.browser(), phone)
        assert answer.status_code == 422
        assert "this passkey is not known here" in answer.text
        assert "set-cookie" not in answer.headers or not answer.headers["set-cookie"].startswith("s=")

    run(made, tmp_path, work)


def test_a_session_that_ends_while_a_form_comes_makes_no_passkey(made: Any, tmp_path: Path, phone: Any) -> None:
    """A body may take minutes to come; who sends it is asked again when it has."""

    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await world.forget_codes()
        await maria.get("/account")
        asked = await question(maria, "pk", {"old": PASSWORD, "code": world.phones["delegate"].code(T0)})
        fields = {name: said[0] for name, said in maria.form("pk").fields.items()}
        body = urlencode({**fields, "device": "mine", "answer": phone.make(asked.text)}).encode()

        async def slowly() -> AsyncIterator[bytes]:
            yield body[:50]
            await world.people.do(lambda people, now: people.accounts.reset("delegate", now))
            yield body[50:]

        sent = {**OWN_SITE, "content-type": "application/x-www-form-urlencoded"}
        answer = await maria.client.post("/account", content=slowly(), headers=sent, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
        assert await world.people.do(lambda people, _: people.store.rows("SELECT id FROM passkey")) == []

    run(made, tmp_path, work)


def test_whoever_removes_one_closes_her_other_browsers_and_their_keys(made: Any, tmp_path: Path, phone: Any) -> None:
    async def work(world: World) -> None:
        maria, lost, forgotten = await world.logged_in("delegate"), world.browser(), []
        assert (await make(world, maria, phone)).status_code == 200
        assert (await come_in(lost, phone)).status_code == 303
        assert (await lost.get("/account")).status_code == 200
        ended = await world.people.do(lambda people, now: [s.handle for s in people.accounts.sessions.of(
            people.accounts.by_login("delegate").id, now) if s.how == "passkey"])  # fmt: skip
        await world.people.do(lambda people, _: setattr(people.keys.holder, "forget", forgotten.append))
        await world.forget_codes()
        await maria.get("/account")
        chosen = re.search(r'<select id="pr-passkey".*?<option value="([^"]+)"', maria.text, re.S)
        assert chosen
        proof = {"passkey": chosen[1], "old": PASSWORD, "code": world.phones["delegate"].code(T0)}
        assert "You have none." in (await maria.send("pr", "forget", proof)).text
        assert forgotten == ended
        assert len(ended) == 1
        assert (await lost.get("/account")).status_code == 303

    run(made, tmp_path, work)


def test_what_the_device_did_not_answer_is_refused_in_words(made: Any, tmp_path: Path, phone: Any) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/account")
        answer = await maria.send("pk", values={"device": "mine", "answer": "not JSON"})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert "not the answer of a browser" in answer.text
        assert maria.form("pk").fields["device"] == ["mine"]
        assert (await make(world, maria, phone)).status_code == 200
        assert (await make(world, maria, phone, "again")).status_code == 422  # one that is known
        anyone = world.browser()
        for given in ("", "{}", "x" * 30_000):
            await anyone.get("/login?next=/drafts")
            answer = await anyone.send("pk", values={"answer": given})
            assert answer.status_code == 422, given[:5]
            assert anyone.form("l").fields["next"] == ["/drafts"]
            assert scripts(answer), "the next attempt needs the script as well"
        await anyone.get("/login")
        asked = await question(anyone, "pk")
        answers = phone.answer(asked.text)
        assert (await anyone.send("pk", values={"answer": answers})).status_code == 200
        assert (await anyone.send("logout")).status_code == 200
        await anyone.get("/login")
        assert "this answer was used" in (await anyone.send("pk", values={"answer": answers})).text

    run(made, tmp_path, work)


def test_an_answer_comes_from_the_browser_that_asked(made: Any, tmp_path: Path, phone: Any) -> None:
    """Its question is bound to what its form is bound to; another browser's form is as good as any, and refused."""

    async def work(world: World) -> None:
        assert (await make(world, await world.logged_in("delegate"), phone)).status_code == 200
        anyone, stranger = world.browser(), world.browser()
        await anyone.get("/login")
        answer = phone.answer((await question(anyone, "pk")).text)
        await stranger.get("/login")
        refused = await stranger.send("pk", values={"answer": answer})
        assert refused.status_code == 422
        assert "to no question of ours" in refused.text
        assert (await anyone.send("pk", values={"answer": answer}, follow=False)).status_code == 303

    run(made, tmp_path, work)


# --- Questions --------------------------------------------------------------------------------------------------------


def test_questions_are_json_for_our_own_page_alone(made: Any, tmp_path: Path, phone: Any) -> None:
    async def work(world: World) -> None:
        anyone, maria = world.browser(), await world.logged_in("delegate")
        await anyone.get("/login")
        before = await world.dump()
        asked = await question(anyone, "pk")
        assert asked.headers["content-type"] == "application/json"
        assert asked.headers["cache-control"] == "private, no-store"
        assert asked.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in asked.headers
        assert "script-src" not in asked.headers["content-security-policy"]
        assert set(asked.json()) >= {"challenge", "rpId", "userVerification"}
        assert await world.dump() == before
        token = anyone.form("pk").fields["token"][0]
        hers = form_token(maria.client.cookies["s"])
        attempts: list[tuple[Browser, str, dict[str, str], dict[str, str], int]] = [
            (anyone, "/login/passkey", {"next": "/drafts"}, {}, 403),
            (anyone, "/login/passkey", {"token": hers}, {}, 403),
            (anyone, "/login/passkey", {"token": token}, {"sec-fetch-site": "cross-site"}, 403),
            (anyone, "/login/passkey", {"token": token}, {"origin": "https://evil.example"}, 403),
            (anyone, "/login/passkey?x=1", {"token": token}, {}, 400),
            (anyone, "/account/passkey", {"token": token}, {}, 403),
            (maria, "/account/passkey", {"token": hers}, {"origin": "https://evil.example"}, 403),
            (maria, "/account/passkey", {"token": hers, "old": "no no no no"}, {}, 422),
            (maria, "/account/passkey", {"token": hers, "old": PASSWORD, "code": "000000"}, {}, 422),
        ]
        for browser, address, fields, headers, status in attempts:
            answer = await browser.client.post(address, data=fields, headers={**OWN_SITE, **headers})
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), address
            assert answer.headers["cache-control"] == "private, no-store"
            said = answer.json()
            assert said["status"] == status
            assert said["title"]
            assert "challenge" not in answer.text
        for path in ("/login/passkey", "/account/passkey"):
            answer = await maria.get(path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")

    run(made, tmp_path, work)


def test_guesses_at_the_proof_wait_like_those_at_a_login(made: Any, tmp_path: Path, phone: Any) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/account")
        codes = [await question(maria, "pk", {"old": "no no no no", "code": "000000"}) for _ in range(6)]
        assert [c.status_code for c in codes] == [422] * 4 + [429] * 2
        assert codes[-1].headers["retry-after"] == "60"
        assert codes[-1].headers["content-type"] == "application/problem+json"

    run(made, tmp_path, work)


def test_an_ended_session_is_told_so_not_led_away(made: Any, tmp_path: Path, phone: Any) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/account")
        shown, text = maria.page, maria.client.cookies["s"]
        await maria.send("logout")
        maria.page = shown
        maria.client.cookies.set("s", text, domain="node.example")
        answer = await question(maria, "pk", {"old": PASSWORD, "code": world.phones["delegate"].code(T0)})
        assert (answer.status_code, answer.json()["code"]) == (403, "no_session")

    run(made, tmp_path, work)


# --- Where the script may run -----------------------------------------------------------------------------------------


def test_the_script_runs_on_two_pages_and_no_other(made: Any, tmp_path: Path, phone: Any) -> None:
    async def work(world: World) -> None:
        browsers = [world.browser(), await world.logged_in("delegate"), await world.logged_in("operator")]
        seen = set()
        for browser in browsers:
            for page in PAGES:
                if page.get is None:
                    continue
                path = page.path.replace("{type}", "BallotCast").replace("{act}", new_act()).replace("{token}", "x")
                answer = await browser.get(path.replace("{id}", "c-2026-001").replace("{hash}", "0" * 64))
                policy = answer.headers["content-security-policy"]
                if page.path in TWO and answer.status_code == 200:
                    assert policy.endswith("; script-src 'self'; connect-src 'self'"), path
                    assert [s["src"] for s in scripts(answer)] == [passkey_script().path]
                    seen.add(page.path)
                else:
                    assert "script-src" not in policy, path
                    assert scripts(answer) == [], path
        assert seen == set(TWO)
        maria = browsers[1]
        await world.forget_codes()
        await maria.get("/account")
        proof = {"old": PASSWORD, "code": world.phones["delegate"].code(T0)}
        answer = await maria.send("rc", "codes", proof)
        assert "Recovery codes" in answer.text or "recovery codes" in answer.text
        assert scripts(answer) == []  # not beside what is secret, though its address is that of the account
        assert "script-src" not in answer.headers["content-security-policy"]
        answer = await maria.get("/account?nxt=1")
        assert (answer.status_code, scripts(answer)) == (400, [])

    run(made, tmp_path, work)


def test_without_a_script_a_sentence_says_so_and_the_rest_is_there(made: Any, tmp_path: Path, phone: Any) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        for path in TWO:
            for language in OFFERED:
                browser = maria if path == "/account" else world.browser()
                text = (await browser.get(f"{path}?lang={language}")).text
                form = re.search(r'<form [^>]*id="pk".*?</form>', text, re.S)
                assert form
                off, hidden = re.search(r"<p [^>]*data-off>(.*?)</p>\s*<div hidden>(.*)</div>", form[0], re.S).groups()  # type: ignore[union-attr]
                assert off == words_of(language).plain("desk.passkey_off")
                assert "<button" in hidden
                said = next(f for t, f in Forms(form[0]).tags if t == "form")
                told = {name: words_of(language).plain(f"desk.passkey_{name}") for name in WORDS}
                assert {name: said[f"data-{name}"] for name in WORDS} == told
                assert said["data-ask"] == f"{path}/passkey?lang={language}"
                assert 'role="status" aria-live="polite" id="pk-status"' in hidden  # what the script says is wrong

    run(made, tmp_path, work)


@pytest.mark.usefixtures("absent")
def test_without_the_extra_nothing_is_there_but_a_sentence(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await world.people.do(lambda people, now: people.store.run(
            "INSERT INTO passkey SELECT 'abc', id, x'00', 0, 'old telephone', ? FROM account WHERE login = 'delegate'",
            now))  # fmt: skip
        for path in TWO:
            browser = maria if path == "/account" else world.browser()
            answer = await browser.get(path)
            assert "its operator has not installed them" in answer.text
            assert scripts(answer) == []
            assert "script-src" not in answer.headers["content-security-policy"]
            assert "pk" not in Forms(answer.text).forms
            token = browser.form("pr" if path == "/account" else "l").fields["token"]
            asked = await browser.client.post(f"{path}/passkey", data={"token": token}, headers=OWN_SITE)
            assert (asked.status_code, asked.json()["code"]) == (404, "no_page")
            answer = await browser.raw(path, {"token": token, "do": "passkey", "answer": "{}"})
            assert answer.status_code == 422
            assert "this node offers no passkeys" in answer.text
        await world.forget_codes()
        await maria.get("/account")
        assert "old telephone" in maria.text
        proof = {"passkey": "abc", "old": PASSWORD, "code": world.phones["delegate"].code(T0)}
        assert (await maria.send("pr", "forget", {**proof, "passkey": "another's"})).status_code == 422
        assert "no such passkey of yours" in maria.text
        await maria.send("pr", "forget", proof)  # removing one needs neither script nor extra
        assert "old telephone" not in maria.text.partition('id="record"')[0]
        assert "pr" not in Forms(maria.text).forms

    run(made, tmp_path, work)


def test_a_node_without_a_name_says_why_it_offers_none(made: Any, tmp_path: Path, phone: Any) -> None:
    async def work(world: World) -> None:
        answer = await world.browser().get("/login")
        assert "A passkey belongs to a name" in answer.text
        assert scripts(answer) == []

    run(made, tmp_path, work, "http://127.0.0.1:8080")


def test_an_account_holds_ten(made: Any, tmp_path: Path, phone: Any) -> None:
    async def work(world: World) -> None:
        def fill(people: Any, now: int) -> None:
            for n in range(engine.PASSKEYS_MAX):
                people.store.run(
                    "INSERT INTO passkey SELECT ?, id, x'00', 0, ?, ? FROM account WHERE login = 'delegate'",
                    f"k{n}", f"key {n}", now,
                )  # fmt: skip

        maria = await world.logged_in("delegate")
        await world.people.do(fill)
        await maria.get("/account")
        assert "There are 10, and an account has no more." in maria.text
        assert "pk" not in Forms(maria.text).forms
        assert scripts(maria.page) == []
        token = maria.form("pr").fields["token"]
        asked = await maria.client.post("/account/passkey", data={"token": token}, headers=OWN_SITE)
        assert (asked.status_code, asked.json()["title"]) == (422, "there are 10 already.")

    run(made, tmp_path, work)


# --- The script itself ------------------------------------------------------------------------------------------------


def test_the_script_is_small_and_writes_text_alone() -> None:
    """node-web.md 4.6; ASVS 5.0.0 V3.2.2 and V15.3.6: no markup, no names of others' choosing, nothing kept."""
    text = passkey_script().body.decode("ascii")
    assert len(text) < SCRIPT_MAX == 5_000
    for banned in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval", "Function(", "setTimeout",
                   "Object.assign", "__proto__", "localStorage", "sessionStorage", "document.cookie", "postMessage",
                   "addEventListener(\"message\"", "import ", "http:", "https:"):  # fmt: skip
        assert banned not in text, banned
    assert set(re.findall(r"words\.(\w+)", text)) == {"error", *WORDS}
    code = re.sub(r'"[^"]*"', '""', text)
    assert re.findall(r"\w\[[^\]]*\w\]", code) == []  # no property is named by a value


def test_its_name_is_the_beginning_of_its_hash() -> None:
    from hashlib import sha256

    file = passkey_script()
    assert file.path == f"/static/{sha256(file.body).hexdigest()[:16]}.js"
    assert json.dumps(file.content_type) == '"text/javascript; charset=utf-8"'
