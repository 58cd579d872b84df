"""A passkey from its making to its end, in Chromium with a device of its own, at a node behind a real socket.

The device is the browser's virtual authenticator (WebAuthn level 2, section 11), with user verification and
discoverable credentials, as a telephone has them. The pages' policy holds all the while.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from browser_kit import CALL_MS, findings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

    from desk_kit import World

pytest.importorskip("starlette", reason="needs the extra [web]")
pytest.importorskip("uvicorn", reason="needs the extra [web]")
pytest.importorskip("webauthn", reason="needs the extra [passkeys]")

from concordat.web.languages import words_of
from concordat.web.respond import Site
from concordat.web.site import pages

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
START_S = 300  # on a machine that has much else to do
DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@dataclass
class Live:
    """A node that runs in a thread, and its address."""

    url: str = ""
    world: Any = None
    loop: Any = None
    ready: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def code(self) -> str:
        """A code of the delegate's telephone that is good now."""
        from desk_kit import T0

        asyncio.run_coroutine_threadsafe(self.world.forget_codes(), self.loop).result(30)
        return str(self.world.phones["delegate"].code(T0))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The node on loopback, with its style sheet and script."""
    from desk_kit import founded, run, standing_clock
    from live_nodes import free_socket

    found, folder, listener = Live(), tmp_path_factory.mktemp("passkeys"), free_socket()
    found.url = f"http://localhost:{listener.getsockname()[1]}"
    (folder / "made").mkdir()

    def work() -> None:
        made, site = founded(folder / "made"), Site(None, pages())  # type: ignore[arg-type]  # no page of it is asked for
        with standing_clock():
            run(made, folder, lambda world: serve(world, found, listener), found.url, lambda: site)

    def attempt() -> None:
        try:
            work()
        finally:
            found.ready.set()  # also where it failed: nobody waits for what won't come

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    try:
        assert found.ready.wait(START_S), "the node did not start in time"
        assert found.world is not None, "the node could not start"
        yield found
    finally:
        found.done.set()
        thread.join(60)


async def serve(world: World, found: Live, listener: Any) -> None:
    """Answer on the socket until the tests are done."""
    import uvicorn

    from concordat.node.edge import Edge

    app = Edge(world.app, found.url, lambda *_: None, lambda: 1.0)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", access_log=False))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    found.world, found.loop = world, asyncio.get_running_loop()
    found.ready.set()
    await asyncio.to_thread(found.done.wait)
    server.should_exit = True
    await task


@contextmanager
def window(
    browser: Browser, *, scripts: bool = True, before: str = "", bypass: bool = False
) -> Iterator[tuple[Page, list[str]]]:
    """A window of its own, and what its policy or its scripts complained of."""
    context = browser.new_context(java_script_enabled=scripts, bypass_csp=bypass)
    context.set_default_timeout(CALL_MS)
    if before:
        context.add_init_script(before)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    try:
        yield page, faults
    finally:
        context.close()


def device(page: Page) -> tuple[CDPSession, str]:
    """Give the browser a device."""
    wire = page.context.new_cdp_session(page)
    wire.send("WebAuthn.enable", {"enableUI": False})
    return wire, wire.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]


def log_in(page: Page, node: Live) -> None:
    from desk_kit import PASSWORD

    page.goto(f"{node.url}/login")
    page.fill("#l-login", "delegate")
    page.fill("#l-password", PASSWORD)
    page.fill("#l-code", node.code())
    page.click("#l button")
    page.wait_for_url("**/account*")


def log_out(page: Page) -> None:
    page.click("form[action='/logout'] button")
    page.wait_for_url("**/login*")


def offer(page: Page, password: str, code: str) -> None:
    page.fill("#pk-device", "my telephone")
    page.fill("#pk-old", password)
    page.fill("#pk-code", code)
    page.click("#pk button")


def told(page: Page, words: str) -> None:
    """The page says so, in its own living region."""
    page.locator("#pk [role=status]", has_text=words).wait_for()


def test_a_passkey_is_made_lets_in_is_removed_and_then_refused(node: Live, browser: Browser) -> None:
    from desk_kit import PASSWORD

    with window(browser) as (page, faults):
        wire, key = device(page)

        def held() -> int:
            return len(wire.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"])

        def verified(yes: bool) -> None:
            wire.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": yes})

        page.goto(f"{node.url}/login")
        page.click("#pk button")
        told(page, "has no passkey for this node")  # the device has none for this node
        log_in(page, node)
        offer(page, PASSWORD, "000000")
        told(page, "Error: password or code is wrong")
        assert page.title().startswith("Error: ")
        assert page.evaluate("document.activeElement.id") == "pk-old"
        for name in ("old", "code"):
            field = page.locator(f"#pk-{name}")
            assert field.get_attribute("aria-invalid") == "true"
            assert "pk-status" in str(field.get_attribute("aria-describedby")).split()
        assert page.locator("#pk [role=status] bdi").get_attribute("lang") == "en", "the node's words are English"
        assert held() == 0, "a mistyped code must leave no passkey on the device"
        verified(False)
        offer(page, PASSWORD, node.code())
        told(page, "was told to stop")
        assert page.locator("#pk-old").get_attribute("aria-invalid") == "false"
        verified(True)
        page.click("#pk button")  # the code is used, and the question that it paid for is asked again
        page.locator("#t-passkeys").wait_for()
        assert held() == 1
        offer(page, PASSWORD, node.code())
        told(page, "This device has a passkey for this account already.")

        log_out(page)
        page.goto(f"{node.url}/login?next=%2Fdrafts")
        page.click("#pk button")
        page.wait_for_url("**/drafts")
        page.goto(f"{node.url}/account")
        assert page.locator("#t-sessions").count() == 1
        page.select_option("#pr-passkey", index=1)
        page.fill("#pr-old", PASSWORD)
        page.fill("#pr-code", node.code())
        page.click("#pr button")
        page.locator("#pr").wait_for(state="detached")

        log_out(page)
        page.click("#pk button")
        page.locator("[role=alert]", has_text="this passkey is not known here").wait_for()
        page.goto(f"{node.url}/account")
        assert page.url.startswith(f"{node.url}/login"), "a removed passkey lets nobody in"
        assert faults == []


def answers(name: str) -> str:
    """A device that says no in this way, and is given time that can be moved on."""
    return f"""
        let late = 0;
        const now = Date.now.bind(Date);
        Date.now = () => now() + late;
        navigator.credentials.create = async (asked) => {{
            window.given = asked.publicKey.timeout;
            late += window.takes || 0;
            throw new DOMException("", "{name}");
        }};
        delete Element.prototype.replaceChildren; // as in browsers of before 2020
    """


def test_a_code_that_is_used_and_a_question_that_is_too_old_are_told(node: Live, browser: Browser) -> None:
    from desk_kit import PASSWORD

    with window(browser, before=answers("NotAllowedError")) as (page, faults):
        log_in(page, node)
        offer(page, PASSWORD, node.code())
        told(page, "was told to stop. Try again.")
        assert 280_000 < page.evaluate("window.given") < 300_000
        page.evaluate("window.takes = 300_000")
        page.click("#pk button")
        told(page, "Your code is used: type the password and the next code.")
        assert [page.input_value(f"#pk-{name}") for name in ("old", "code")] == ["", ""]
        offer(page, PASSWORD, node.code())  # the clock stands, so it is the same: what is used is not asked again
        told(page, "Your code is used")
        assert faults == []


@pytest.mark.parametrize("name", ["NotSupportedError", "SecurityError", "UnknownError"])
def test_a_device_that_can_t_is_not_told_as_the_node_s_fault(node: Live, browser: Browser, name: str) -> None:
    from desk_kit import PASSWORD

    with window(browser, before=answers(name)) as (page, faults):
        log_in(page, node)
        offer(page, PASSWORD, node.code())
        told(page, "This device can’t make or use a passkey here.")
        assert faults == []


@pytest.mark.parametrize(
    ("kind", "language", "scripts", "before"),
    [("off", "ar", False, ""), ("none", "pt", True, "delete window.PublicKeyCredential")],
)
def test_where_no_script_or_no_passkey_can_run_a_sentence_says_so(
    node: Live, browser: Browser, kind: str, language: str, scripts: bool, before: str
) -> None:
    with window(browser, scripts=scripts, before=before) as (page, faults):
        page.goto(f"{node.url}/login?lang={language}")
        note = page.locator("#pk [data-off]")
        assert note.text_content() == words_of(language).plain(f"desk.passkey_{kind}")
        assert note.is_visible()
        assert not page.locator("#pk button").is_visible()
        assert page.locator("#l button").is_visible()
        assert faults == []


@pytest.mark.parametrize(
    ("path", "language", "width", "scheme"), [("/login", "en", 1280, "light"), ("/account", "ar", 360, "dark")]
)
def test_axe_finds_nothing_where_the_script_runs(
    node: Live, browser: Browser, path: str, language: str, width: int, scheme: str
) -> None:
    """Each page in one look; without the script `test_form_pages.py` looks at them."""
    with window(browser, bypass=True) as (page, _):
        page.set_viewport_size({"width": width, "height": 740})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if path == "/account":
            log_in(page, node)
        page.goto(f"{node.url}{path}?lang={language}")
        assert page.locator("#pk button").is_visible()
        if path == "/account":
            offer(page, "no no no no", "000000")
            told(page, "password or code is wrong")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert findings(page, TAGS) == []
