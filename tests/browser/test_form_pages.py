"""The forms of a node, and the pages on rules, as people meet them: accessible, and whole on a telephone.

Each page gets one look, in turns wide and light in English, narrow and dark in Arabic. The forms are answered by a node
before the browser starts (its event loop stands in the way of the node's), and shown as they were sent.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from browser_kit import findings, tab
from concordat.web.static_files import passkey_script
from rule_pages_kit import rule_site
from web_kit import get

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from concordat.web.respond import Site

pytest.importorskip("starlette", reason="needs the extra [web]")

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LOOKS = (("en", 1280, "light"), ("ar", 360, "dark"))
# Who asks for which form.
FORMS = {
    "": ("/login", "/consult/c-2026-001/vote", "/consult/c-2026-001/vote?n=10"),
    "delegate": (
        "/account", "/drafts", "/say", "/table", "/item/p-2026-001/vote", "/item/p-2026-001/amend", "/commitment/new",
        "/dispute/new", "/item/nothing/vote",
    ),
    "chair": ("/preside", "/say/VoteOpened", "/say/MeetingOpened"),
    "operator": ("/operate",),
}  # fmt: skip
STEPS = ("a form with mistakes", "a draft to be signed", "an act that is final")
RULES = (
    "/binds/BRA/CHN", "/binds/RUS/ZAF", "/instrument/pact", "/instrument/bare", "/instrument/pact/4.3",
    "/compare?a=accord&b=pact", "/search", "/search?q=transfer", "/search?q=nowhere",
)  # fmt: skip
REFUSED = {"/item/nothing/vote": 404, STEPS[0]: 422}
NAMES = [address for addresses in FORMS.values() for address in addresses] + list(STEPS)


@dataclass(frozen=True)
class Shot:
    """What a browser was sent: page and style sheet, in a language."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def look_of(name: str, names: tuple[str, ...] | list[str]) -> tuple[str, int, str]:
    return LOOKS[names.index(name) % len(LOOKS)]


@pytest.fixture(scope="module")
def site(evidence_dir: Path) -> Site:
    """The pages over a small rulebook."""
    return rule_site(evidence_dir)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shot]:
    """Every form, each as its look asks it."""
    from desk_kit import founded, run, standing_clock

    found: dict[str, Shot] = {}
    folder = tmp_path_factory.mktemp("forms")

    def work() -> None:
        made = founded(folder / "made")
        with standing_clock():
            run(made, folder, lambda world: visit(world, found))

    (folder / "made").mkdir()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(120)
    assert sorted(found) == sorted(NAMES)
    assert {name: shot.status for name, shot in found.items() if shot.status != 200} == REFUSED
    assert b"/proof.bundle" in found[STEPS[2]].body
    return found


async def visit(world: Any, found: dict[str, Shot]) -> None:
    """Go through the forms as people of each role."""
    from desk_kit import PHRASE

    def keep(name: str, answer: Any) -> None:
        said = {k: v for k, v in answer.headers.items() if k not in ("content-encoding", "content-length")}
        found[name] = Shot(answer.status_code, said, answer.content)

    def asked(address: str, name: str = "") -> str:
        language = look_of(name or address, NAMES)[0]
        return f"{address}{'&' if '?' in address else '?'}lang={language}"

    browsers = {role: await world.logged_in(role) if role else world.browser() for role in FORMS}
    for role, addresses in FORMS.items():
        for address in addresses:
            keep(address, await browsers[role].get(asked(address)))
    maria = browsers["delegate"]
    await maria.get(asked("/table", STEPS[0]))
    keep(STEPS[0], await maria.send("f", "check", {}))
    await maria.get(asked("/item/p-2026-001/vote", STEPS[1]))
    keep(STEPS[1], await maria.send("f", "check", {"choice": "yes"}))
    address = urlsplit(str(maria.page.url)).path
    await maria.send("s", "sign", {"phrase": PHRASE})
    await world.settle()
    keep(STEPS[2], await maria.get(asked(address, STEPS[2])))


@contextmanager
def shown(browser: Browser, shot: Shot, sheet: bytes, width: int, scheme: str) -> Iterator[Page]:
    """A page as it was sent, with the style sheet."""

    def answer(route: Route) -> None:
        if route.request.url.endswith(".css"):
            route.fulfill(status=200, headers={"content-type": "text/css"}, body=sheet)
        elif route.request.url.endswith(".js"):
            route.fulfill(status=200, headers={"content-type": "text/javascript"}, body=passkey_script().body)
        else:
            route.fulfill(status=shot.status, headers=dict(shot.headers), body=shot.body)

    with tab(browser, "http://node.example/page", width=width, height=740, scheme=scheme, answer=answer) as page:
        yield page


def sheet() -> bytes:
    from importlib import resources

    return (resources.files("concordat.web") / "static" / "site.css").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing_on_a_form(answers: dict[str, Shot], browser: Browser, name: str) -> None:
    language, width, scheme = look_of(name, NAMES)
    with shown(browser, answers[name], sheet(), width, scheme) as page:
        assert page.locator("html").get_attribute("lang") == language
        assert page.locator("form, table, ul, .note").count() > 0
        assert findings(page, TAGS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("address", RULES)
def test_axe_finds_nothing_on_the_pages_of_rules(browser: Browser, site: Site, address: str) -> None:
    language, width, scheme = look_of(address, RULES)
    answer = get(site, address, accept_language=language)
    assert answer.status == 200
    shot = Shot(answer.status, dict(answer.headers), answer.body)
    with shown(browser, shot, sheet(), width, scheme) as page:
        assert page.locator("html").get_attribute("lang") == language
        assert findings(page, TAGS) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
