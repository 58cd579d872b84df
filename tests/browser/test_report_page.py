"""The page as people meet it: accessible, the same without scripts, light, and whole on a telephone."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser_kit import findings, tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

REPORTS = {"BRICS": ("BRICS",), "WTO": ("WTO",), "one country": ("--countries", "IND")}
PAGE_BYTES, FIRST_CHAPTERS_BYTES = 100_000, 35_000
# The index; the divide against the world and over time; the rules; what is shared; the digital economy; scenarios;
# connectivity.
LATER, LATER_BYTES = 7, 10_000


@contextmanager
def opened(
    browser: Browser, folder: Path, *, scripts: bool = True, width: int = 1280, name: str = "report.html"
) -> Iterator[Page]:
    with tab(browser, (folder / name).as_uri(), width=width, height=900, scripts=scripts) as page:
        yield page


def test_faults_would_be_found(browser: Browser, report: Callable[..., Path]) -> None:
    with opened(browser, report("--countries", "IND")) as page:
        page.evaluate(
            """document.querySelectorAll('p').forEach(p => { p.style.color = '#aaa' });
               document.documentElement.removeAttribute('lang'); document.querySelector('h1').remove()"""
        )
        found = findings(page)
    assert sorted(line.split(":")[0] for line in found) == ["color-contrast", "html-has-lang", "page-has-heading-one"]


# The largest page and the smallest are judged on one screen each: axe takes seconds for every thousand cells.
@pytest.mark.parametrize(
    ("words", "width"), [(("BRICS",), 1280), (("BRICS",), 360), (("WTO",), 360), (("--countries", "IND"), 1280)]
)
def test_axe_finds_nothing(browser: Browser, report: Callable[..., Path], words: tuple[str, ...], width: int) -> None:
    with opened(browser, report(*words), width=width) as page:
        found = findings(page)
    assert found == []


@pytest.mark.parametrize(("name", "width"), [("report.html", 360), ("report.zh.html", 1280)])
def test_axe_finds_nothing_in_other_scripts_either(
    browser: Browser, report: Callable[..., Path], name: str, width: int
) -> None:
    folder = report("BRICS", "--language", "ar,zh")
    with opened(browser, folder, width=width, name=name) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = findings(page)
    assert found == []


def test_on_an_arabic_page_the_first_column_stays_at_the_right(browser: Browser, report: Callable[..., Path]) -> None:
    with opened(browser, report("BRICS", "--language", "ar,zh"), width=360) as page:
        places = page.evaluate(
            """(() => { const box = document.querySelector('#standing .scroll'); box.scrollIntoView();
               const head = box.querySelector('tbody th'), before = head.getBoundingClientRect();
               box.scrollLeft = -200; const after = head.getBoundingClientRect();
               return [before.right, after.right, box.getBoundingClientRect().right, box.scrollLeft] })()"""
        )
    before, after, edge, scrolled = places
    assert scrolled < 0
    assert before == pytest.approx(edge, abs=1)
    assert after == pytest.approx(edge, abs=1)


@pytest.mark.parametrize("words", REPORTS.values(), ids=REPORTS)
def test_without_scripts_the_page_says_the_same(
    browser: Browser, report: Callable[..., Path], words: tuple[str, ...]
) -> None:
    with opened(browser, report(*words)) as page, opened(browser, report(*words), scripts=False) as plain:
        with_scripts, without = page.inner_text("body"), plain.inner_text("body")
        assert page.locator("script").count() == 0
    assert len(without) > 3_000
    assert without == with_scripts


@pytest.mark.parametrize("words", REPORTS.values(), ids=REPORTS)
def test_on_a_telephone_only_tables_and_charts_scroll_sideways(
    browser: Browser, report: Callable[..., Path], words: tuple[str, ...]
) -> None:
    with opened(browser, report(*words), width=360) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        wide = page.evaluate(
            """[...document.querySelectorAll('p, li, h1, h2, h3, figcaption, .note')]
               .filter(e => e.getBoundingClientRect().right > 361 && !e.closest('.scroll, .chart'))
               .map(e => e.textContent.slice(0, 60))"""
        )
        assert wide == []


def test_the_first_screen_says_where_the_bloc_stands_and_how_sure_we_are(
    browser: Browser, report: Callable[..., Path]
) -> None:
    with opened(browser, report("BRICS")) as page:
        seen = page.evaluate(
            """[...document.querySelectorAll('.brief li')]
               .filter(e => e.getBoundingClientRect().bottom <= 900).map(e => e.innerText)"""
        )
        chart = page.locator(".brief svg").bounding_box()
    text = "\n".join(seen)
    assert "68.1% (67.6–68.6) in BRICS (10)" in text.replace("\u00a0", " ")
    assert "How sure we are" in text
    assert chart is not None
    assert chart["y"] + chart["height"] <= 900


@pytest.mark.parametrize(
    "words",
    [("BRICS",), ("WTO",), ("G20",), ("AU", "--language", "en,ru"), ("BRICS", "--language", "ar,zh")],
    ids=" ".join,
)
def test_the_page_weighs_less_than_100_kb(report: Callable[..., Path], words: tuple[str, ...]) -> None:
    for page in report(*words).glob("report*.html"):
        assert len(gzip.compress(page.read_bytes(), 9)) <= PAGE_BYTES, page.name


def test_the_first_chapters_of_brics_keep_to_their_budget(report: Callable[..., Path]) -> None:
    body = (report("BRICS") / "report.html").read_bytes()
    assert len(gzip.compress(body, 9)) <= FIRST_CHAPTERS_BYTES + LATER * LATER_BYTES
