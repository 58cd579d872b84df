"""The page with the chapter on commitments: accessible, whole on a telephone, within its weight."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import council_year
from browser_kit import findings
from concordat import clock
from concordat.council.record import Held
from concordat.report.build import build
from concordat.report.study import read_study
from concordat.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

STUDY = """schema: concordat/study@1
bloc: {id: BRICS, date: 2026-11-22}
council: {export: the-export}
"""
WIDTH = 360


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, evidence_dir: Path) -> Path:
    """The report with a year of a council that assessed fifteen commitments."""
    bloc = council_year.year(9)
    held = Held(bloc.council, "ab" * 32, council_year.places(bloc))
    out = tmp_path_factory.mktemp("year") / "brics"
    with clock.fixed("2026-11-22"):
        build(read_study(STUDY), Settings(evidence_dir), out, council=held)
    return out


def test_axe_finds_nothing_on_a_telephone(browser: Browser, folder: Path) -> None:
    page = browser.new_page(viewport={"width": WIDTH, "height": 900})
    try:
        page.goto((folder / "report.html").as_uri())
        found = findings(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
        assert page.locator("section#commitments, #commitments").count() > 0
    finally:
        page.close()
    assert found == []


def test_the_page_weighs_less_than_100_kb(folder: Path) -> None:
    for page in folder.glob("report*.html"):
        assert len(gzip.compress(page.read_bytes(), 9)) <= 100_000, page.name
