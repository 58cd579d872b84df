"""Everything a node answers, asked at its edge: a running node with its people, its pages and the protocol.

Threat table of node-web.md 6 and the rows of `asvs.yaml` that are about answers: methods, files, redirects, headers
that must not count, faults, log lines, cookies. One node runs for the whole file; each test is one visit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

import httpx
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from concordat.node.callers import Callers
from concordat.node.edge import HEADERS, Edge
from concordat.web import headers as web_headers
from concordat.web.app import create_app
from concordat.web.desk.addresses import PAGES
from concordat.web.desk.app import Desk
from concordat.web.site import pages
from concordat.web.static_files import passkey_script
from desk_kit import URL, Browser, Forms, World, founded, standing_clock
from standing_node import Standing, raw

MARKER = "INSIDE-4c1d"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, evidence_dir: Path) -> Iterator[Standing]:
    made = founded(tmp_path_factory.mktemp("standing"))
    with standing_clock():
        found = Standing(made, evidence_dir)
        try:
            yield found
        finally:
            found.close()


# --- What is answered at all -----------------------------------------------------------------------------------------


def test_methods_that_nobody_needs_are_refused(node: Standing) -> None:
    paths = ("/about", "/login", "/account", "/entries", "/log/BRICS/BRA/checkpoint", "/check", "/openapi.json")
    wanted = [(method, path) for path in paths for method in ("TRACE", "CONNECT", "OPTIONS", "PATCH", "PUT", "DELETE")]
    for asked, answer in zip(wanted, node.ask(*wanted), strict=True):
        assert answer.status_code == 405, asked
        assert answer.headers["allow"], asked


PATHS = (
    "/.git/config", "/.git/HEAD", "/.env", "/concordat.toml", "/people.db", "/keys/people.json", "/keys/node.json",
    "/static/", "/static/site.css", "/log/", "/log/BRICS/", "/log/BRICS/BRA/", "/templates/frame.html", "/web/app.py",
    "/../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/..%2f..%2fpeople.db", "/static/%2e%2e/site.css",
    "/log/BRICS/BRA/tile/../../../people.db", "/log/BRICS/BRA/tile/%2e%2e/%2e%2e/people.db", "/place/..%5c..%5cx",
    "/log/BRICS/..%2fBRA/checkpoint", "/sync/notes/..%2f..%2fpeople.db", "/sync/notes/%00", "/place/%00", "/\\..\\x",
    "/act/..%2f..%2fpeople.db", "/welcome/..%2f..%2fpeople.db", "/figure/..%2f..%2fetc%2fpasswd.svg", "//etc/passwd",
    "/sync/misconduct//etc/passwd", "/log/BRICS/BRA/tile/0//etc/passwd", "/log/BRICS/BRA/tile/0/x001/%2e%2e/000",
)  # fmt: skip


def test_no_file_of_the_machine_is_served(node: Standing) -> None:
    """Threat: path traversal. Source, settings, keys, stores; encoded dots, backslashes, NUL, absolute paths."""
    for path, answer in zip(PATHS, node.ask(*map(raw, PATHS)), strict=True):
        assert answer.status_code in (303, 308, 400, 403, 404), path
        if answer.status_code in (303, 308):
            assert re.match(r"/(?![/\\])", answer.headers["location"]), path
        for inside in (b"root:", b"SQLite format", b"[core]", b"PRIVATE", b"def ", b"Index of"):
            assert inside not in answer.content, path


def test_what_the_operator_sees_is_not_at_the_public_address(node: Standing) -> None:
    for answer in node.ask(("GET", "/metrics"), ("GET", "/ready"), ("GET", "/debug"), ("GET", "/docs")):
        assert answer.status_code == 404
    (status,) = node.ask(("GET", "/status.json"))
    assert str(node.service.node.home) not in status.text
    (ready,) = node.ask(("GET", "/health/ready"))
    assert ready.text in ("ready\n", "not ready\n")


def test_every_kind_of_answer_has_all_headers_once(node: Standing) -> None:
    asked = [
        ("GET", p) for p in ("/about", "/about.json", "/none", "/login", "/account", "/health/live", "/about/", "/say")
    ]
    asked += [("PUT", "/about"), ("PUT", "/login"), ("POST", "/entries"), ("POST", "/check"), ("GET", "/static/x.css")]
    asked += [("GET", "/log/BRICS/BRA/checkpoint"), ("GET", "/sync/heads"), ("GET", node.site.sheet_name)]
    asked += [("GET", passkey_script().path)]
    for one, answer in zip(asked, node.ask(*asked), strict=True):
        for name in HEADERS:
            assert len(answer.headers.get_list(name)) == 1, (one, name)
        assert answer.headers["x-content-type-options"] == "nosniff"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, one
        assert "frame-ancestors 'none'" in policy, one
        assert "script-src" not in policy or (one == ("GET", "/login") and "script-src 'self'; connect" in policy), one
        assert "server" not in answer.headers, one


def test_the_edge_says_what_the_pages_say(node: Standing) -> None:
    """Two lists of the same headers: but for the policy, which pages loosen for their own style, they agree."""
    own = dict(web_headers.headers_for(web_headers.HTML, "no-store"))
    assert {name: own[name] for name in HEADERS if name != "content-security-policy"} == {
        name: value for name, value in HEADERS.items() if name != "content-security-policy"
    }
    assert own["content-security-policy"] == web_headers.POLICY


def test_text_names_its_letters(node: Standing) -> None:
    """Answers that are text or XML say in which letters; JSON is UTF-8 by its own standard (RFC 8259)."""
    asked = [
        ("GET", p) for p in ("/about", "/none", "/login", "/health/live", "/log/BRICS/BRA/checkpoint", "/none.json")
    ]
    asked += [("PUT", "/about"), ("PUT", "/login"), ("GET", node.site.sheet_name), ("GET", "/downloads.csv")]
    kinds = {answer.headers["content-type"] for answer in node.ask(*asked) if answer.content}
    kinds |= {file.content_type for page in pages() for file in page.files.values()}
    kinds |= {web_headers.HTML, web_headers.CSV, web_headers.CSS, web_headers.SVG}
    assert len(kinds) > 8
    for kind in kinds:
        if kind.startswith("text/") or kind.partition(";")[0].endswith(("+xml", "/xml")):
            assert "charset=utf-8" in kind, kind


# --- What counts of a request ----------------------------------------------------------------------------------------

NAMES = (
    "accept", "authorization", "cache-control", "cookie", "forwarded", "from", "if-modified-since", "origin", "pragma",
    "range", "referer", "user-agent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-prefix",
    "x-forwarded-proto", "x-http-method-override", "x-original-url", "x-real-ip", "x-rewrite-url",
)  # fmt: skip
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)


@bounded(max_examples=25)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
def test_random_headers_change_no_byte(node: Standing, sent: dict[str, str]) -> None:
    """Threat: a poisoned cache. What one reader gets, another would get; nothing of these headers is in it."""
    for path in ("/about", "/downloads.json"):
        plain, other = node.ask(raw(path), raw(path, **sent))
        assert other.status_code == plain.status_code
        assert other.content == plain.content
        own = ("date", "x-request-id")
        assert [h for h in other.headers.items() if h[0] not in own] == [
            h for h in plain.headers.items() if h[0] not in own
        ]


@bounded(max_examples=25)
@given(st.one_of(VALUES, st.sampled_from(["pt", "ar, en;q=0.5", "*", "pt;q=9, en", "x" * 900, "en-GB-oed;q=0.1"])))
def test_a_language_comes_from_a_closed_list(node: Standing, accepted: str) -> None:
    one, *all_of_them = node.ask(raw("/about", **{"accept-language": accepted}), *[
        raw("/about", **{"accept-language": language}) for language in node.site.offered
    ])  # fmt: skip
    assert one.status_code == 200
    assert one.content in [answer.content for answer in all_of_them]
    assert "Accept-Language" in one.headers["vary"]


@pytest.mark.parametrize(
    "host", ["evil.example", "node.example.evil.example", "node.example:99", "[::1]", "localhost", ""]
)
def test_a_foreign_host_is_answered_with_nothing_of_ours(node: Standing, host: str) -> None:
    for path in ("/about", "/login", "/sync/heads", "/openapi.json"):
        (answer,) = node.ask(raw(path, host=host))
        assert answer.status_code == 421
        assert answer.text == "this node has another name\n"


def test_a_bearer_token_changes_nothing(node: Standing) -> None:
    """No token of any kind is taken: by itself it opens nothing, and beside a page it is not read."""
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJvcGVyYXRvciIsInJvbGVzIjpbIm9wZXJhdG9yIl19."
    sent = {"authorization": f"Bearer {token}", "x-api-key": token, "cookie": f"token={token}; jwt={token}"}
    plain, other = node.ask(raw("/about"), raw("/about", **sent))
    assert plain.content == other.content
    for path in ("/account", "/operate", f"/operate?access_token={token}"):
        (answer,) = node.ask(raw(path, **sent))
        assert answer.status_code in (303, 400)
    message, entry = node.ask(raw("/sync/messages", "POST", **sent), raw("/entries", "POST", **sent))
    assert message.status_code == 403
    assert entry.status_code in (400, 403)


def test_an_address_is_decoded_once(node: Standing) -> None:
    once, twice = node.ask(raw("/place/%42RA.json"), raw("/place/%2542RA.json"))
    assert once.status_code in (200, 308)
    assert twice.status_code in (400, 404)


def test_nothing_leads_to_another_host(node: Standing) -> None:
    paths = ("//evil.example/", "//evil.example/about/", "/%2f%2fevil.example/about/", "/\\evil.example/", "/about//")
    paths += (
        "/%5cevil.example/",
        "/%5c/evil.example/",
        "///evil.example/",
        "/%09/evil.example/",
        "/r/x//evil.example/",
    )
    for path, answer in zip(paths, node.ask(*map(raw, paths)), strict=True):
        where = answer.headers.get("location", "/")
        assert re.match(r"/(?![/\\])", where), (path, where)
        assert re.fullmatch(r"[!-~]+", where), (path, where)


def test_file_names_and_headers_hold_no_line_of_their_own(node: Standing) -> None:
    for path in ("/about%0d%0aSet-Cookie:%20x=1/", "/login?next=/a%0d%0aX-Evil:%201", "/place/BRA%0d%0aX-Evil:1.json"):
        (answer,) = node.ask(raw(path))
        assert "x-evil" not in answer.headers
        assert "set-cookie" not in answer.headers or answer.headers["set-cookie"].startswith("v=")
        assert all("\n" not in value and "\r" not in value for value in answer.headers.values())
    made = [file.name.format("0f-x") for page in pages() for file in page.files.values()]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in made)


def test_a_key_given_twice_decides_nothing(node: Standing) -> None:
    """Of a page it is refused; of a session's cookie the first counts, which a browser sends for the longest path."""
    page, *_ = node.ask(raw("/?bloc=G20&bloc=G7"))
    assert page.status_code == 400

    async def work(world: World) -> None:
        browser = await world.logged_in("delegate")
        own = browser.client.cookies["s"]
        for header, status in ((f"s={own}; s=x", 200), (f"s=x; s={own}", 303)):
            async with httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url=URL) as client:
                assert (await client.get("/account", headers={"cookie": header})).status_code == status

    node.run(work)


# --- People's pages --------------------------------------------------------------------------------------------------


def test_no_page_brings_a_script(node: Standing) -> None:
    """No frame, nothing of another site, and no script but that of passkeys on the page of the login (and that of the
    account: `unit/web/desk/test_passkey_pages.py`), from this site's own file; the package ships no other."""
    for answer in node.ask(
        ("GET", "/about"), ("GET", "/downloads"), ("GET", "/login"), ("GET", "/check"), ("GET", "/none")
    ):
        found = Forms(answer.text)
        brought = [given_ for tag, given_ in found.tags if tag == "script"]
        ours = [{"src": passkey_script().path, "defer": ""}] if answer.url.path == "/login" else []
        assert brought in ([], ours), answer.url
        assert not [tag for tag, _ in found.tags if tag in ("iframe", "object", "embed", "applet", "base")]
        assert not [name for _, given_ in found.tags for name in given_ if name.startswith("on") or name == "style"]
        sources = [g["src"] for _, g in found.tags if "src" in g] + [g["href"] for t, g in found.tags if t == "link"]
        assert all(re.match(r"/(?!/)|http://node\.example/", source) for source in sources), sources
    package = Path(web_headers.__file__).parent
    assert [path.name for path in package.rglob("*.js")] == ["passkey.js"]
    for template in package.rglob("*.html"):
        written = re.findall(r"<script.*", template.read_text(encoding="utf-8"))
        assert written == (['<script src="{{ script }}" defer></script>'] if template.name == "desk.html" else [])


def test_links_lead_to_paths_of_this_site_alone(node: Standing) -> None:
    """Or to a source that a release names, by HTTPS or HTTP: never to a scheme that runs something."""
    for answer in node.ask(("GET", "/about"), ("GET", "/downloads"), ("GET", "/place/BRA"), ("GET", "/login")):
        links = Forms(answer.text).links
        assert links
        assert all(re.match(r"/(?!/)|#|https?://", link) for link in links)


def test_password_fields_are_masked_and_left_to_password_managers(node: Standing) -> None:
    async def work(world: World) -> None:
        browser = await world.logged_in("delegate")
        seen: dict[str, str] = {}
        for path in ("/login", "/account"):
            for tag, given_ in Forms((await browser.get(path)).text).tags:
                if tag == "input" and given_.get("name") in ("password", "old", "new", "again", "phrase"):
                    assert given_["type"] == "password"
                    assert int(given_["maxlength"]) == 256
                    seen[given_["name"]] = given_["autocomplete"]
        assert (seen["password"], seen["old"], seen["new"]) == ("current-password", "current-password", "new-password")

    node.run(work)


def test_no_form_asks_for_hints(node: Standing) -> None:
    async def work(world: World) -> None:
        browser = await world.logged_in("operator")
        for path in ("/login", "/account", "/operate"):
            names = {g["name"] for _, g in Forms((await browser.get(path)).text).tags if "name" in g}
            assert not [name for name in names if re.search(r"hint|question|mother|birth|mail|phone", name)], path

    node.run(work)


def test_every_private_page_offers_to_log_out(node: Standing) -> None:
    async def work(world: World) -> None:
        browser, seen = await world.logged_in("operator"), 0
        for page in PAGES:
            if page.session and page.get and "{" not in page.path:
                answer = await browser.get(page.path)
                seen += 1
                assert "logout" in Forms(answer.text).forms, page.path
                assert Forms(answer.text).forms["logout"].action == "/logout"
        assert seen > 5

    node.run(work)


def test_logging_out_empties_what_the_browser_kept(node: Standing) -> None:
    async def work(world: World) -> None:
        browser = await world.logged_in("expert")
        await browser.get("/account")
        answer = await browser.send("logout", follow=False)
        assert answer.status_code == 303
        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        assert (await browser.get("/account")).status_code == 303

    node.run(work)


def test_the_session_s_id_stands_in_its_cookie_alone(node: Standing) -> None:
    async def work(world: World) -> None:
        browser = await world.logged_in("delegate")
        own = browser.client.cookies["s"]
        for path in ("/account", "/drafts", "/say", "/table"):
            answer = await browser.get(path)
            assert own not in answer.text + str(answer.url) + str(answer.headers), path

    node.run(work)


def test_private_answers_are_for_this_site_alone(node: Standing) -> None:
    async def work(world: World) -> None:
        browser = await world.logged_in("delegate")
        for path in ("/account", "/drafts", "/login"):
            answer = await browser.get(path, origin="https://other.example")
            assert "access-control-allow-origin" not in answer.headers
            assert "access-control-allow-credentials" not in answer.headers
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"

    node.run(work)


def test_files_to_keep_are_attachments(node: Standing) -> None:
    async def work(world: World) -> None:
        browser: Browser = await world.logged_in("delegate")
        await browser.get("/account")
        answer = await browser.send("kr", "request", follow=False)
        assert answer.headers["content-disposition"] == 'attachment; filename="person-request-del-04.json"'
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"

    node.run(work)


# --- What is told, and to whom ---------------------------------------------------------------------------------------


def test_a_fault_tells_nothing_of_the_inside(node: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a page, of a private page: status 500, a number, and no word of the exception; the log has kind and place."""

    def broken(*_: object, **__: object) -> Any:
        raise ZeroDivisionError(MARKER)

    monkeypatch.setattr(node.site, "answer", broken)
    monkeypatch.setattr(node.world.desk, "_ask", broken)
    node.lines.clear()
    for path in ("/accessibility", "/login"):  # the first was not asked before: what is ready is given without asking
        (answer,) = node.ask(raw(path))
        assert answer.status_code == 500
        for inside in (MARKER, "ZeroDivision", "Traceback", "concordat.", ".py", str(node.service.node.home)):
            assert inside not in answer.text, (path, inside)
        number = answer.headers["x-request-id"]
        told = [line for line in node.lines if line.get("id") == number and line["event"] != "http"]
        assert len(told) == 1, path
        assert told[0]["level"] == "error"
        assert "ZeroDivisionError in test_security_answers.py" in told[0]["what"]
    assert MARKER not in json.dumps(node.lines)


def test_refusals_are_told_with_reason_account_and_number(node: Standing) -> None:
    """A role that may not, a form of another site, too many attempts: a line each; nothing of what was sent."""

    async def work(world: World) -> None:
        browser = await world.logged_in("expert")
        node.lines.clear()
        answer = await browser.get("/operate")
        assert answer.status_code == 403
        foreign = await browser.raw(
            "/logout", {"token": MARKER}, headers={"origin": "https://evil.example"}, follow=False
        )
        assert foreign.status_code == 403
        told = [line for line in node.lines if line["event"] == "refused"]
        account = await world.people.do(lambda people, _: people.accounts.by_login("expert").id)
        assert [line["id"] for line in told] == [a.headers["x-request-id"] for a in (answer, foreign)]
        assert {line["account"] for line in told} == {account}
        assert all(line["code"] and line["level"] == "warning" and line["from"] for line in told)
        assert told[1]["code"] in ("other_site", "form_token")
        assert MARKER not in json.dumps(node.lines)

    node.run(work)


def test_logins_good_and_bad_are_recorded(node: Standing) -> None:
    async def work(world: World) -> None:
        browser = await world.logged_in("secretary")
        await browser.get("/account")
        await browser.send("logout", follow=False)
        await browser.get("/login")
        await browser.send("l", values={"login": "secretary", "password": "wrong password here", "code": "000000"})
        rows = await world.people.do(
            lambda people, _: people.store.rows("SELECT kind, facts FROM audit ORDER BY n DESC LIMIT 3")
        )
        assert [row[0] for row in rows] == ["login_failed", "logout", "login"]
        assert json.loads(rows[2][1])["how"] == "totp"

    node.run(work)


def test_limits_are_answered_with_words_and_when_to_come_back(node: Standing) -> None:
    """Threat: floods. A private page under the real limits: 20 forms at once of one address, then 429."""
    desk = Desk(node.service, node.people, Callers())
    app = Edge(create_app(lambda: node.site, [], None, desk), URL, node.log, lambda: 1.0)

    async def work(_: World) -> None:
        browser = Browser(app)
        await browser.get("/login")
        statuses = [(await browser.raw("/login", {"token": "x"}, follow=False)).status_code for _ in range(22)]
        assert statuses[:20] == [403] * 20
        assert statuses[-1] == 429
        assert int(browser.page.headers["retry-after"]) >= 1
        assert "too many requests" in browser.text

    node.run(work)
