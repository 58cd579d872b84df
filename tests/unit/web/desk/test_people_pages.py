"""Coming in, one's own page, the operator's page: links, codes, waits, cookies, keys, sessions, roles."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")
pytest.importorskip("segno", reason="needs the extra [web]")

from concordat.errors import StateError
from concordat.ledger.keys import Ed25519Secret
from concordat.node.passwords import STEP_S
from concordat.node.person_keys import read_request
from desk_kit import PASSWORD, PHRASE, T0, Browser, Forms, Telephone, World, run

NEW = "eleven chairs in a lake"


def secret_of(text: str) -> Telephone:
    found = re.search(r"<h3>The secret in letters</h3>\s*<pre[^>]*>([A-Z2-7 ]+)</pre>", text)
    assert found
    return Telephone(base64.b32decode(found[1].replace(" ", "")))


def test_from_the_operator_s_link_to_the_first_login(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        operator = await world.logged_in("operator")
        await operator.get("/operate")
        answer = await operator.send("add", "add", {"login": "Eva!", "name": "Eva", "role.delegate": "yes"})
        assert answer.status_code == 422
        assert operator.form("add").fields["login"] == ["Eva!"]
        answer = await operator.send(
            "add",
            "add",
            {
                "login": "eva",
                "name": "Eva Ndlovu",
                "key_label": "del-07",
                "role.delegate": "yes",
                "role.operator": "yes",
            },
        )
        assert answer.status_code == 422
        assert "never one person" in answer.text
        await operator.get("/operate")
        await operator.send(
            "add", "add", {"login": "eva", "name": "Eva Ndlovu", "key_label": "del-07", "role.delegate": "yes"}
        )
        link = re.search(r"http://node\.example(/welcome/[\w-]+)", operator.text)
        assert link
        eva = world.browser()
        answer = await eva.get(link[1], accept_encoding="gzip")
        assert "content-encoding" not in answer.headers  # a page with a secret is never compressed
        phone = secret_of(eva.text)
        assert "<svg" in eva.text
        assert "style=" not in eva.text
        again = await eva.get(link[1])
        assert secret_of(again.text) == phone  # showing it changes nothing
        wrong = {"password": NEW, "again": NEW + "!", "code": phone.code(T0)}
        assert (await eva.send("w", values=wrong)).status_code == 422
        assert (await eva.send("w", values={**wrong, "password": "short", "again": "short"})).status_code == 422
        assert (await eva.send("w", values={**wrong, "again": NEW, "code": "000000"})).status_code == 422
        await eva.send("w", values={**wrong, "again": NEW})
        codes = re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{2,4}){3,8}", eva.text)
        assert len(codes) == 10
        assert (await eva.get(link[1])).status_code == 403
        await eva.get("/login")
        await eva.send("l", values={"login": "eva", "password": NEW, "code": codes[3]})
        assert "My account" in eva.text
        assert "Eva Ndlovu" in eva.text
        await eva.get("/operate")
        assert eva.page.status_code == 403

    run(made, tmp_path, work)


def test_wrong_logins_are_told_in_the_same_words_and_then_wait(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        anyone = world.browser()
        words = []
        for login in ("delegate", "nobody"):
            await anyone.get("/login")
            answer = await anyone.send("l", values={"login": login, "password": "wrong wrong wrong", "code": "1"})
            assert answer.status_code == 422
            words.append(re.findall(r'<div class="summary".*?</div>', answer.text, re.S))
            assert anyone.form("l").fields["login"] == [login]
        assert words[0] == words[1]
        for _ in range(4):
            answer = await anyone.send("l", values={"login": "nobody", "password": "wrong wrong wrong", "code": "1"})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) == 60

    run(made, tmp_path, work)


@pytest.mark.parametrize(
    ("onward", "place"),
    [
        ("/act/0f0f", "/act/0f0f"),
        ("/say/BallotCast?vote=v-2026-001", "/say/BallotCast?vote=v-2026-001"),
        ("//evil.example", "/account"),
        ("https://evil.example/", "/account"),
        ("/\\evil.example", "/account"),
        ("/x/../../y", "/account"),
        ("javascript:alert(1)", "/account"),
        ("", "/account"),
        ("/a\r\nset-cookie: x", "/account"),
    ],
)
def test_after_a_login_the_browser_stays_on_this_site(onward: str, place: str) -> None:
    from concordat.web.desk.login import safe_path

    assert safe_path(onward) == place


def test_cookies_and_links_under_tls_and_a_prefix(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        browser = world.browser()
        answer = await browser.client.get("/concordat/login")
        line = answer.headers["set-cookie"]
        assert line.startswith("__Host-v=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; "))
        assert answer.headers["strict-transport-security"]
        links = [link for link in Forms(answer.text).links if not link.startswith("#")]
        assert links
        assert all(link.startswith("/concordat/") for link in links)
        await world.forget_codes()
        await browser.get("/concordat/login?next=%2Fdrafts&lang=pt")
        assert 'lang="pt"' in answer.text or "Entrar" in browser.text
        browser.url = "https://node.example"
        await browser.send(
            "l", values={"login": "chair", "password": PASSWORD, "code": world.phones["chair"].code(T0)}, follow=False
        )
        assert browser.page.headers["location"] == "/concordat/drafts?lang=pt"
        cookie = browser.page.headers["set-cookie"]
        assert cookie.startswith("__Host-s=")
        assert "Max-Age" not in cookie

    run(made, tmp_path, work, "https://node.example/concordat")


def test_a_login_makes_a_fresh_session_and_logout_ends_it(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = world.browser()
        maria.client.cookies.set("s", "A" * 43, domain="node.example")
        await world.forget_codes()
        await maria.login("delegate", world.phones["delegate"])
        first = maria.client.cookies["s"]
        assert first != "A" * 43
        await maria.get("/account")
        answer = await maria.send("logout", follow=False)
        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        assert (await maria.get("/account")).status_code == 303
        maria.client.cookies.set("s", first, domain="node.example")
        assert (await maria.get("/account")).status_code == 303  # replayed after logout

    run(made, tmp_path, work)


def test_the_account_page(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria, other = await world.logged_in("delegate"), await world.logged_in("delegate")
        await maria.get("/account")
        assert "it stands in membership version" in maria.text
        request = await maria.send("kr", "request", follow=False)
        assert read_request(request.content, "request")[1] == "BRA"
        await maria.get("/account")
        assert (await maria.send("ku", "unlock", {"phrase": "wrong words again"})).status_code == 422
        await maria.send("ku", "unlock", {"phrase": PHRASE})
        assert "Your key is unlocked" in maria.text
        assert "key unlocked" in maria.text
        assert "wrong signing phrase" in maria.text
        await maria.send("kl", "lock")
        assert "Your key is unlocked" not in maria.text
        assert (await maria.send("x", "end", {"old": "no no no no"})).status_code == 422
        assert (await other.get("/account")).status_code == 200
        await maria.get("/account")
        await maria.send("x", "end", {"old": PASSWORD})
        assert (await other.get("/account")).status_code == 303
        assert "x" not in Forms(maria.text).forms  # no other session goes on
        await world.forget_codes()
        good = {"old": PASSWORD, "code": world.phones["delegate"].code(T0), "new": NEW, "again": NEW}
        for wrong in ({"old": "no no no no"}, {"code": ""}, {"new": PHRASE, "again": PHRASE}, {"again": NEW + "!"}):
            assert (await maria.send("pw", "password", {**good, **wrong})).status_code == 422
            await world.forget_codes()
        await maria.send("pw", "password", good)
        assert "password changed" in maria.text
        again = {"old": NEW, "code": good["code"]}
        assert (await maria.send("rc", "codes", again, follow=False)).status_code == 422  # the code was used just now
        await world.forget_codes()
        await maria.send("rc", "codes", again, follow=False)
        assert len(re.findall(r"[a-z2-7]{4}(?:-[a-z2-7]{2,4}){3,8}", maria.text)) == 10

    run(made, tmp_path, work)


def test_a_key_is_made_here_or_given(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        supervisor, operator = await world.logged_in("supervisor"), await world.logged_in("operator")
        await supervisor.get("/account")
        await world.forget_codes()
        code = world.phones["supervisor"].code(T0)
        bad = {"label": "Sup 1", "new_phrase": PHRASE, "phrase_again": PHRASE, "old": PASSWORD, "code": code}
        assert (await supervisor.send("km", "make", bad)).status_code == 422
        assert (await supervisor.send("km", "make", {**bad, "label": "sup-1", "phrase_again": "x"})).status_code == 422
        good = {**bad, "label": "sup-1"}
        assert (await supervisor.send("km", "make", {**good, "old": "no no no no"})).status_code == 422
        assert "password or code is wrong" in supervisor.text
        assert (await supervisor.send("km", "make", {**good, "code": "000000"})).status_code == 422
        same = {**good, "new_phrase": PASSWORD, "phrase_again": PASSWORD}
        assert (await supervisor.send("km", "make", same)).status_code == 422
        assert (
            await supervisor.send("km", "make", good)
        ).status_code == 422  # its half minute was used by the last one
        await world.forget_codes()
        await supervisor.send("km", "make", good)
        assert "held by this node under your phrase" in supervisor.text
        assert "is not in membership version" in supervisor.text
        await operator.get("/account")
        assert (await operator.send("ke", "enrol", {"label": "op-1", "public": "no key"})).status_code == 422
        public = base64.b64encode(Ed25519Secret(b"p" * 32).public).decode()
        away = {"label": "op-1", "public": public, "old": PASSWORD, "code": world.phones["operator"].code(T0)}
        for wrong in ({"old": ""}, {"old": "no no no no"}, {"code": "000000"}, {"code": ""}):
            assert (await operator.send("ke", "enrol", {**away, **wrong})).status_code == 422
            assert "password or code is wrong" in operator.text
        assert (await operator.send("ke", "enrol", {**away, "old": "no no no no"})).status_code == 429  # the fifth
        await world.people.do(lambda people, _: people.store.run("DELETE FROM guess"))
        await operator.get("/account")
        await operator.send("ke", "enrol", away)
        assert "you sign on your own machine" in operator.text

    run(made, tmp_path, work)


def test_a_certificate_stands_for_the_code_also_when_something_is_changed(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        mark = "ab" * 32
        await world.people.do(
            lambda people, _: people.store.run(
                "UPDATE account SET certificate = ?, totp_sealed = NULL WHERE login = 'operator'", mark
            )
        )
        shown = [""]

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await world.app({**scope, "client_certificate": shown[0]}, receive, send)

        browser = Browser(app)
        for certificate, status in (("", 422), ("cd" * 32, 422), (mark, 200)):
            shown[0] = certificate
            await browser.get("/login")
            answer = await browser.send("l", values={"login": "operator", "password": PASSWORD, "code": ""})
            assert answer.status_code == status, certificate
        assert "code" not in browser.form("pw").names
        change = {"old": PASSWORD, "new": NEW, "again": NEW}
        shown[0] = ""  # the same cookie from another machine
        assert (await browser.send("pw", "password", change)).status_code == 422
        shown[0] = mark
        assert (await browser.send("pw", "password", change)).status_code == 200

    run(made, tmp_path, work)


def test_what_is_new_about_a_login_is_told_until_it_was_seen(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        assert "New about your login" in maria.text  # the kit made her key
        await maria.send("n", "seen")
        assert "New about your login" not in maria.text
        stranger = world.browser()
        await stranger.get("/login")
        await stranger.send("l", values={"login": "delegate", "password": "wrong wrong wrong", "code": "1"})
        await maria.get("/drafts")
        assert "New about your login since you last looked: 1" in maria.text
        await maria.get("/account")
        shown = maria.form("n")
        await stranger.send("l", values={"login": "delegate", "password": "wrong wrong wrong", "code": "1"})
        await maria.raw("/account", {**shown.fields, "do": ["seen"]})
        assert 'id="news"' in maria.text or "login failed" in maria.text
        await maria.get("/drafts")
        assert "since you last looked: 1" in maria.text  # the second came after the page was made
        other = await world.logged_in("chair")
        await other.get("/drafts")
        before = other.text
        await other.raw("/account", {"token": other.form("logout").fields["token"], "do": ["seen"], "upto": ["9999"]})
        await other.get("/drafts")
        assert ("New about your login" in other.text) == ("New about your login" in before)

    run(made, tmp_path, work)


def test_the_operator_changes_accounts_and_sees_no_draft(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        await maria.get("/table")
        await maria.send("f", "save", {"title": "Secret plans"})
        operator = await world.logged_in("operator")
        await operator.get("/operate")
        assert "The node is ready" in operator.text
        assert "Secret plans" not in operator.text
        await operator.send("chg", "lock", {"who": "delegate"})
        assert (await maria.get("/account")).status_code == 303
        assert "locked" in operator.text
        await operator.send("chg", "unlock", {"who": "delegate"})
        await operator.send("chg", "roles", {"who": "expert", "new.secretary": "yes"}, follow=False)
        assert "give a new link" in operator.text
        await operator.get("/operate")
        await operator.send("chg", "reset", {"who": "expert"}, follow=False)
        assert "/welcome/" in operator.text
        await operator.get("/operate")
        assert (await operator.send("chg", "roles", {"who": "", "new.chair": "yes"})).status_code == 422
        for do in ("add", "roles", "lock", "cancel"):
            form = {"token": maria.client.cookies["s"], "do": do}
            assert (await maria.raw("/operate", form)).status_code in (303, 403)

    run(made, tmp_path, work)


def test_what_ends_a_session_locks_its_key(made: Any, tmp_path: Path) -> None:
    """A new password, a login in the same browser, a reset, a lock; an agent that is away keeps nobody out."""

    async def work(world: World) -> None:
        forgotten: list[str] = []
        await world.people.do(lambda people, _: setattr(people.keys.holder, "forget", forgotten.append))

        async def ends(step: Any) -> bool:
            """Whether a step ends sessions of hers, and locks the keys of just those."""

            def going_on(people: Any, now: int) -> set[str]:
                found = people.accounts.sessions.of(people.accounts.by_login("delegate").id, now)
                return {session.handle for session in found}

            before = await world.people.do(going_on)
            forgotten.clear()
            await step
            after = await world.people.do(going_on)
            assert sorted(forgotten) == sorted(before - after)
            return bool(forgotten)

        async def again(browser: Any) -> None:
            await world.forget_codes()
            await browser.login("delegate", world.phones["delegate"], password=new)

        new = "eleven ducks in a row"
        elsewhere, maria = await world.logged_in("delegate"), await world.logged_in("delegate")
        await world.forget_codes()
        await maria.get("/account")
        change = {"old": PASSWORD, "code": world.phones["delegate"].code(T0), "new": new, "again": new}
        assert await ends(maria.send("pw", "password", change))
        assert (await elsewhere.get("/account")).status_code == 303
        assert await ends(again(maria))
        operator = await world.logged_in("operator")
        await operator.get("/operate")
        assert await ends(operator.send("chg", "lock", {"who": "delegate"}))
        await operator.send("chg", "unlock", {"who": "delegate"})
        await again(maria)
        assert await ends(operator.send("chg", "roles", {"who": "delegate", "new.chair": "yes"}))
        await again(maria)

        def away(_: str) -> None:
            raise StateError("the key agent does not answer.")

        await world.people.do(lambda people, _: setattr(people.keys.holder, "forget", away))
        await again(maria)
        await maria.send("logout")
        assert (await maria.get("/account")).status_code == 303
        await operator.get("/operate")
        await operator.send("chg", "reset", {"who": "delegate"}, follow=False)
        assert "/welcome/" in operator.text

    run(made, tmp_path, work)


def test_the_operator_is_told_of_passkeys_that_other_roles_end(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.people.do(lambda people, now: people.store.run(
            "INSERT INTO passkey SELECT 'AAAA', id, x'00', 0, 'telephone', ? FROM account WHERE login = 'expert'", now
        ))  # fmt: skip
        operator = await world.logged_in("operator")
        await operator.get("/operate")
        await operator.send("chg", "roles", {"who": "expert", "new.secretary": "yes"}, follow=False)
        assert "Passkeys removed: 1." in operator.text
        assert "give a new link" in operator.text

    run(made, tmp_path, work)


def test_the_walk_in_arabic_is_right_to_left_and_keeps_its_language(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.forget_codes()
        maria = world.browser()
        await maria.get("/login?lang=ar")
        await maria.send(
            "l", values={"login": "delegate", "password": PASSWORD, "code": world.phones["delegate"].code(T0)}
        )
        assert 'dir="rtl"' in maria.text
        assert str(maria.page.url).endswith("/account?lang=ar")
        await maria.get("/item/v-2026-001/vote?lang=ar")
        await maria.send("f", "check", {"choice": "no"})
        assert 'lang="ar"' in maria.text
        assert "lang=ar" in str(maria.page.url)
        facts = json.dumps(maria.text)
        assert "del-04" in facts

    run(made, tmp_path, work)


def test_a_code_of_the_telephone_is_good_once(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        await world.forget_codes()
        one, two = world.browser(), world.browser()
        await one.login("delegate", world.phones["delegate"])
        await two.get("/login")
        code = world.phones["delegate"].code(T0)
        answer = await two.send("l", values={"login": "delegate", "password": PASSWORD, "code": code})
        assert answer.status_code == 422
        answer = await two.send(
            "l", values={"login": "delegate", "password": PASSWORD, "code": world.phones["delegate"].code(T0 + STEP_S)}
        )
        assert answer.status_code == 200

    run(made, tmp_path, work)


def test_the_private_pages_offer_the_languages_of_the_settings(made: Any, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        from dataclasses import replace

        world.service.settings = replace(world.service.settings, languages=("pt", "en"))
        somebody = world.browser()
        assert '<html lang="pt"' in (await somebody.get("/login", **{"accept-language": "ar, fr"})).text
        assert '<html lang="en"' in (await somebody.get("/login?lang=en")).text
        assert "lang=ar" not in (await somebody.get("/login")).text
        refused = await somebody.get("/login?lang=ar")
        assert refused.status_code == 400
        assert "There are: pt, en." in refused.text

    run(made, tmp_path, work)
