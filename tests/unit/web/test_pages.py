"""Every page over the packaged data: it answers, weighs little, leads somewhere, and its three forms agree."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from concordat.evidence.observation import Observation
from concordat.figures.numbers import agrees
from concordat.web.check import check, pages_of
from concordat.web.respond import Site
from web_kit import get, site_of, text

ADDRESSES = [
    "/", "/place/BRA", "/indicator/internet_users_pct", "/index/digital-readiness", "/divide", "/rules", "/commitments",
    "/scenarios", "/quality", "/method", "/downloads", "/about", "/accessibility", "/?bloc=G20",
    "/indicator/electricity_access_pct?bloc=ASEAN", "/place/CHE", "/indicator/internet_users_pct?year=2022",
]  # fmt: skip


@pytest.fixture(scope="module")
def site(evidence_dir: Path) -> Site:
    return site_of(evidence_dir)


class _Numbers(HTMLParser):
    """(record, part) -> the texts printed for it, outside pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self._open: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "b" and said.get("data-obs"):
            self._open = (str(said["data-obs"]), said.get("data-part") or "value")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found.append((*self._open, data))

    def handle_endtag(self, tag: str) -> None:
        if tag == "b":
            self._open = None


def printed(page: str) -> list[tuple[str, str, str]]:
    reader = _Numbers()
    reader.feed(page)
    return reader.found


def numbers_in(data: Any) -> list[dict[str, Any]]:
    """All numbers of a view: objects with `obs`."""
    if isinstance(data, dict):
        own = [data] if "obs" in data else []
        return own + [n for one in data.values() for n in numbers_in(one)]
    if isinstance(data, list):
        return [n for one in data for n in numbers_in(one)]
    return []


def test_every_page_of_an_export_is_light_well_formed_and_leads_somewhere(site: Site) -> None:
    found, faults = check(site, pages_of(site))
    assert faults == ()
    assert len(found) > 50
    weights = sorted(page.wire for page in found)
    assert weights[len(weights) // 2] <= 15 * 1024  # node-web.md 10, row 1: the ambitious figures
    assert weights[-1] <= 60 * 1024


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("language", ["en", "pt", "ar"])
def test_a_page_answers_in_each_language(site: Site, address: str, language: str) -> None:
    answer = get(site, address, accept_language=language)
    page = text(answer)
    assert answer.status == 200
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page
    assert "\x00" not in page
    assert not re.search(r"\{[a-z_]+\}", re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)), "a place was not filled"


@pytest.mark.parametrize("address", [a for a in ADDRESSES if a.startswith(("/place", "/indicator"))])
def test_html_json_and_csv_give_the_same_numbers(site: Site, address: str) -> None:
    path, _, query = address.partition("?")
    behind = f"?{query}" if query else ""
    page = text(get(site, address))
    view = json.loads(text(get(site, f"{path}.json{behind}")))
    held = {(n["obs"], n["part"]): n for n in numbers_in(view["data"])}
    assert len(printed(page)) > 5
    for record, part, said in printed(page):
        whole = [n for (obs, own), n in held.items() if obs.startswith(record) and part.startswith(own.split("_")[0])]
        ends = [n for (obs, _), n in held.items() if obs.startswith(record)]
        values = [v for n in whole + ends for v in (n["value"], n["lower"], n["upper"]) if v is not None]
        assert any(agrees(said.strip("()–"), v) for v in values), (record, part, said)
    rows = list(csv.DictReader(io.StringIO(text(get(site, f"{path}.csv{behind}")))))
    with_value = [row for row in rows if row["value"]]
    assert with_value
    for row in with_value:
        assert float(row["value"]) == held[row["obs"], row["part"]]["value"]


def test_a_member_s_figure_is_the_one_in_the_release(site: Site) -> None:
    view = json.loads(text(get(site, "/place/BRA.json")))
    found = next(f for f in view["data"]["figures"] if f["indicator"] == "internet_users_pct")
    rows = [
        o
        for o in site.reader.inputs().observations
        if (o.indicator_id, o.area, o.breakdown) == ("internet_users_pct", "BRA", "")
    ]
    newest: Observation = max(rows, key=lambda o: o.year)
    assert found["value"]["value"] == newest.value
    assert found["year"]["value"] == newest.year
    assert found["value"]["obs"] == newest.obs_id


def test_a_page_agrees_with_the_report_of_the_same_release(site: Site) -> None:
    standing = site.reader.chapter("standing")
    first = standing.headlines[0].runs
    view = json.loads(text(get(site, "/home.json")))
    assert view["data"]["sentences"][0]["chapter"] == "standing"
    numbers = [run.id for run in first if hasattr(run, "id")]
    assert [n["obs"] for n in numbers_in(view["data"]["sentences"][0])] == numbers


def test_pictures_carry_no_style_no_script_and_ids_of_their_own(site: Site) -> None:
    for address in ("/", "/divide", "/rules", "/index/digital-readiness"):
        page = text(get(site, address))
        pictures = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
        assert pictures
        for picture in pictures:
            assert not re.search(r"<(script|style|foreignObject|image)\b|\bstyle=|\bon\w+=|javascript:", picture)
            assert re.search(r'<title id="[^"]+">[^<]{10,}</title>', picture)
        ids = re.findall(r'\bid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
