"""A fact is shown only where the line it names says so: memberships, areas of a study, findings of a parser."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from concordat.errors import StateError, TrustError
from concordat.evidence._trace_facts import Facts
from concordat.evidence.licences import licence
from concordat.evidence.observation import Observation
from concordat.evidence.provenance import Book, Fact
from concordat.evidence.sources._base import Problem
from concordat.evidence.store import Store, VintageMeta, open_store
from concordat.settings import parse_yaml

BLOCS = "concordat/world/_data/blocs.yaml"
BODY = b'{"Internet users": {"ETH": "n/a", "BRA": "84% (2023 est.)"}}'
SHA256 = hashlib.sha256(BODY).hexdigest()
PLACE = "a.json#/Internet users/ETH"
FINDING = {"rule": "unparsed", "area": "ETH", "indicator": "internet_users_pct", "found": "no figure in it."}
STUDY = b"report: {release: auto-1, vintages: [{vintage: v1}]}\ncountries: [BRA, ETH]\n"


def fact(file: str, sha256: str, locator: str, parts: dict[str, Any]) -> Fact:
    """A record whose id is that of its content, so that only the content can be wrong."""
    book = Book()
    found = book[book.fact(file, sha256, locator, parts)]
    assert isinstance(found, Fact)
    return found


@pytest.fixture
def store(tmp_path: Path, observe: Callable[..., Observation]) -> Iterator[Store]:
    meta = VintageMeta(
        id="v1", dataset_id="demo", source_id="demo", published=None, known_from=date(2026, 3, 1),
        retrieved_at=datetime(2026, 3, 2, tzinfo=UTC), parser_version="1", raw=(SHA256,),
        origin={"producer": "An office", "title": "A table", "url": "https://example.org"},
        licence=licence("CC-BY-4.0").as_dict(),
    )  # fmt: skip
    row = observe(84.0, "BRA", 2023, source="demo", vintage_id="v1", raw_sha256=SHA256,
                  raw_locator="a.json#/Internet users/BRA")  # fmt: skip
    told = [
        Problem("unparsed", "error", PLACE, "no figure in it.", "internet_users_pct", "ETH"),
        Problem("odd_name", "warning", "nowhere in particular", "an odd name.", "", "ETH"),
    ]
    with open_store(tmp_path / "data") as opened:
        opened.raw.put(BODY)
        opened.write_vintage(meta, [row], told)
        yield opened


@pytest.fixture
def facts(store: Store, tmp_path: Path) -> Facts:
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "study.yaml").write_bytes(STUDY)
    (folder / "notes.txt").write_bytes(STUDY)
    listed = {name: hashlib.sha256(STUDY).hexdigest() for name in ("study.yaml", "notes.txt")}
    said = {"schema": "concordat/manifest@1", "concordat": "0.1.0", "release": "", "study_sha256": ""}
    (folder / "manifest.json").write_text(json.dumps({**said, "files": listed}), encoding="utf-8")
    return Facts(store, folder, "provenance.json")


def table() -> tuple[bytes, str]:
    data = files("concordat").joinpath("world/_data/blocs.yaml").read_bytes()
    return data, hashlib.sha256(data).hexdigest()


def membership(**changed: Any) -> tuple[str, dict[str, Any]]:
    """Brazil's row in BRICS, read from the table by this test: (place, parts)."""
    blocs = parse_yaml(table()[0], where="t", numbers_as_text=True).value["blocs"]
    b = next(i for i, row in enumerate(blocs) if row["id"] == "BRICS")
    m = next(i for i, row in enumerate(blocs[b]["memberships"]) if row["area"] == "BRA")
    row = blocs[b]["memberships"][m]
    parts = {name: row.get(name) for name in ("area", "role", "from", "to", "checked")} | {"bloc": "BRICS"}
    return f"#/blocs/{b}/memberships/{m}", parts | changed


# --- What is so ---


def test_a_membership_shows_its_row(facts: Facts) -> None:
    place, parts = membership()
    steps = dict(facts.steps(fact(BLOCS, table()[1], place, parts)))
    assert steps["file"] == f"{BLOCS} (SHA-256 {table()[1]}, checked)"
    assert json.loads(steps["text"])["area"] == "BRA"


def test_an_area_of_the_study_shows_its_line(facts: Facts) -> None:
    assert dict(facts.steps(fact("study.yaml", "", "#/countries/1", {"area": "ETH"})))["text"] == "ETH"


def test_a_finding_of_the_parser_shows_the_bytes_and_who_said_so(facts: Facts) -> None:
    steps = dict(facts.steps(fact(f"raw/{SHA256}", SHA256, PLACE, FINDING)))
    assert (steps["text"], steps["finding"]) == ("n/a", "the parser of demo/v1 said so")


def test_a_finding_about_a_stored_row_shows_the_row_s_place(facts: Facts) -> None:
    about = {"rule": "jump", "area": "BRA", "indicator": "internet_users_pct", "found": "up by 30."}
    steps = dict(facts.steps(fact(f"raw/{SHA256}", SHA256, "a.json#/Internet users/BRA", about)))
    assert steps["finding"] == "about a row of demo/v1 at this place; its words were not kept"


@pytest.mark.parametrize("line", ["#/report/vintages/0/vintage", "#/report/release"])
def test_a_finding_without_a_place_in_bytes_shows_the_vintage_that_holds_it(facts: Facts, line: str) -> None:
    said = {"rule": "odd_name", "area": "ETH", "indicator": "", "found": "an odd name."}
    steps = dict(facts.steps(fact("study.yaml", "", line, {**said, "where": "nowhere in particular"})))
    assert steps["finding"] == "the parser of demo/v1 said so"


# --- What is not so: each record has the id of its own content ---


@pytest.mark.parametrize(
    "changed",
    [
        {"area": "USA"}, {"role": "partner"}, {"from": "1999-01-01"}, {"to": "2026-01-01"}, {"checked": "none"},
        {"bloc": "ASEAN"}, {"bloc": "NOWHERE"}, {"bloc": None}, {"from": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_membership_that_the_row_does_not_say_raises(facts: Facts, changed: dict[str, Any]) -> None:
    place, parts = membership(**changed)
    with pytest.raises(TrustError) as caught:
        facts.steps(fact(BLOCS, table()[1], place, parts))
    assert caught.value.code == "fact"


@pytest.mark.parametrize(
    ("file", "sha256", "locator", "parts", "code"),
    [
        (f"raw/{SHA256}", SHA256, PLACE, {**FINDING, "found": "another text."}, "fact"),
        (f"raw/{SHA256}", SHA256, PLACE, {**FINDING, "area": "BRA"}, "fact"),
        (f"raw/{SHA256}", SHA256, PLACE, {**FINDING, "rule": "jump", "indicator": "population"}, "fact"),
        (f"raw/{SHA256}", SHA256, "a.json#/Internet users/BRA", FINDING, "fact"),
        (f"raw/{SHA256}", SHA256, "a.json#/Internet users/XXX", FINDING, "locator"),
        (f"raw/{SHA256}", SHA256, PLACE, {"area": "ETH"}, "fact"),
        (f"raw/{SHA256}", "0" * 64, PLACE, FINDING, "fact"),
        (f"raw/{'0' * 64}", SHA256, PLACE, FINDING, "fact"),
        (f"raw/{'0' * 64}", "0" * 64, PLACE, FINDING, "raw_body"),
        (f"raw/{SHA256}", "", PLACE, FINDING, "fact"),
        ("raw/abc", "abc", PLACE, FINDING, "fact"),
        ("raw/abc", "", PLACE, FINDING, "fact"),
        ("raw", "", PLACE, FINDING, "record"),
        (f"raw/x/{SHA256}", SHA256, PLACE, FINDING, "record"),
        (f"raw/../raw/{SHA256}", SHA256, PLACE, FINDING, "record"),
        ("study.yaml", "", "#/countries/1", {"area": "BRA"}, "fact"),
        ("study.yaml", "", "#/countries/9", {"area": "BRA"}, "locator"),
        ("study.yaml", "", "#/countries/1", {"area": "ETH", "value": 7}, "fact"),
        ("study.yaml", hashlib.sha256(STUDY).hexdigest(), "#/countries/1", {"area": "ETH"}, "fact"),
        ("study.yaml", "", "#/report/release", {**FINDING, "where": "elsewhere"}, "fact"),
        ("study.yaml", "", "#/countries/1", {**FINDING, "where": PLACE}, "fact"),
        ("notes.txt", "", "#/countries/1", {"area": "ETH"}, "record"),
        ("notes.txt", hashlib.sha256(STUDY).hexdigest(), "line 2", {"area": "ETH"}, "record"),
        ("manifest.json", "", "#/release", {"area": ""}, "record"),
        (BLOCS, "", "#/blocs/0/id", {"area": "BRICS"}, "fact"),
        (BLOCS, "0" * 64, "#/blocs/0/id", {"area": "BRICS"}, "fact_file"),
        (BLOCS, "A" * 64, "#/blocs/0/id", {"area": "BRICS"}, "fact"),
        ("concordat/world/_data/countries.csv", "0" * 64, "row 2", {"area": "BRA"}, "record"),
    ],
)  # fmt: skip
def test_a_fact_that_its_place_does_not_say_raises(
    facts: Facts, file: str, sha256: str, locator: str, parts: dict[str, Any], code: str
) -> None:
    with pytest.raises(TrustError) as caught:
        facts.steps(fact(file, sha256, locator, parts))
    assert caught.value.code == code


def test_a_study_that_is_not_the_manifest_s_raises(facts: Facts) -> None:
    assert facts.report_dir is not None
    (facts.report_dir / "study.yaml").write_bytes(STUDY.replace(b"BRA", b"USA"))
    with pytest.raises(TrustError, match=r"expected SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}"):
        facts.steps(fact("study.yaml", "", "#/countries/1", {"area": "ETH"}))


def test_a_line_of_a_study_needs_a_report(store: Store) -> None:
    with pytest.raises(TrustError, match="which only a report's own folder has"):
        Facts(store, None, "data").steps(fact("study.yaml", "", "#/countries/1", {"area": "ETH"}))


def test_a_finding_in_bytes_that_no_vintage_here_was_made_from_names_what_is_missing(facts: Facts) -> None:
    sha256 = facts.store.raw.put(b'{"x": "1"}')
    with pytest.raises(StateError, match="no vintage in this store was made from"):
        facts.steps(fact(f"raw/{sha256}", sha256, "a.json#/x", FINDING))
