"""The site's pages as people meet them: accessible, the same without scripts, light, whole on a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from browser_kit import findings, tab
from concordat.web.export import export
from web_council_kit import year_site
from web_kit import site_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from concordat.web.respond import Site

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = ["index", "place/BRA", "indicator/internet_users_pct", "index/digital-readiness", "divide", "rules", "quality"]


@pytest.fixture(scope="module")
def folder(evidence_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static export of BRICS: the pages as they are, without a server."""
    place = tmp_path_factory.mktemp("site") / "site"
    export(site_of(evidence_dir), place)
    return place


@contextmanager
def opened(browser: Browser, file: Path, *, width: int, scripts: bool = True, scheme: str = "light") -> Iterator[Page]:
    with tab(browser, file.as_uri(), width=width, height=740, scheme=scheme, scripts=scripts) as page:
        yield page


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("language", "width", "scheme"), [("", 1280, "light"), ("ar", 360, "dark")])
def test_axe_finds_nothing(browser: Browser, folder: Path, name: str, language: str, width: int, scheme: str) -> None:
    with opened(browser, folder / language / f"{name}.html", width=width, scheme=scheme) as page:
        found = findings(page, TAGS)
    assert found == []


@pytest.mark.parametrize("name", PAGES)
def test_without_scripts_a_page_says_the_same(browser: Browser, folder: Path, name: str) -> None:
    with (
        opened(browser, folder / f"{name}.html", width=1280) as page,
        opened(browser, folder / f"{name}.html", width=1280, scripts=False) as plain,
    ):
        said, without = page.inner_text("body"), plain.inner_text("body")
        assert page.locator("script, style, iframe").count() == 0
    assert len(without) > 300
    assert without == said


@pytest.mark.parametrize("name", PAGES)
def test_on_a_telephone_only_tables_and_charts_scroll_sideways(browser: Browser, folder: Path, name: str) -> None:
    for language in ("", "ar"):
        with opened(browser, folder / language / f"{name}.html", width=360) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_first_screen_of_a_telephone_holds_the_answer(browser: Browser, folder: Path) -> None:
    with opened(browser, folder / "index.html", width=360) as page:
        lead = page.locator("p.lead").bounding_box()
        heading = page.locator("h1").bounding_box()
    assert heading is not None
    assert lead is not None
    assert lead["y"] + lead["height"] <= 740


# --- The council's and the ledger's pages, over a year of its record ---

COUNCIL = [
    "/agenda", "/due", "/item/p-2026-001", "/consult/c-2026-001", "/decision/v-2026-004", "/commitment/t20-f4a",
    "/disputes", "/dispute/d-2026-001", "/log/BRA", "/check", "/status", "/api", "/help", "/cite/agenda",
]  # fmt: skip
LOOKS = [("en", 1280, "light"), ("ar", 360, "dark")]


@contextmanager
def served(
    browser: Browser, site: Site, address: str, language: str, width: int, scheme: str, *, scripts: bool = True
) -> Iterator[Page]:
    """A page of a site as its answers are, without a socket."""

    def answer(route: Route) -> None:
        asked = urlsplit(route.request.url)
        found = site.answer("GET", asked.path, asked.query, {"accept-language": language})
        route.fulfill(status=found.status, headers=dict(found.headers), body=found.body)

    site.answer("GET", address, "", {"accept-language": language})  # made before the browser's clock runs
    whole, look = f"http://node.example{address}", {"width": width, "height": 740, "scheme": scheme}
    with tab(browser, whole, **look, scripts=scripts, answer=answer) as page:  # type: ignore[arg-type]
        yield page


@pytest.mark.parametrize("address", COUNCIL)
def test_axe_finds_nothing_on_the_pages_of_the_record(browser: Browser, evidence_dir: Path, address: str) -> None:
    site = year_site(evidence_dir)
    for language, width, scheme in LOOKS:
        with served(browser, site, address, language, width, scheme) as page:
            found = findings(page, TAGS)
            assert found == [], (language, width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("address", ["/agenda", "/decision/v-2026-004", "/check"])
def test_without_scripts_a_page_of_the_record_says_the_same(browser: Browser, evidence_dir: Path, address: str) -> None:
    site = year_site(evidence_dir)
    with (
        served(browser, site, address, "en", 1280, "light") as page,
        served(browser, site, address, "en", 1280, "light", scripts=False) as plain,
    ):
        assert page.inner_text("body") == plain.inner_text("body")
        assert page.locator("script, style, iframe").count() == 0
