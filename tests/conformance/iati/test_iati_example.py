"""IATI 2.03: the standard's own annotated example goes in and out again, judged by its schema and by canonical XML."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from concordat.exchange.inclusion import iati_model
from concordat.exchange.inclusion.codelists import LISTS, codes
from concordat.exchange.inclusion.iati import parse_iati, print_iati

etree = pytest.importorskip("lxml.etree", reason="needs the extra [exchange] or [test]")
XS = "{http://www.w3.org/2001/XMLSchema}"


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "exchange" / "iati"


@pytest.fixture(scope="module")
def example(folder: Path) -> bytes:
    return (folder / "activity-standard-example-annotated.xml").read_bytes()


@pytest.fixture(scope="module")
def schema(folder: Path) -> Any:
    return etree.XMLSchema(etree.parse(str(folder / "iati-activities-schema.xsd")))


def test_in_and_out_and_in_again_is_the_same(example: bytes) -> None:
    found = parse_iati(example, where="example.xml")
    written = print_iati(found.file)
    again = parse_iati(written, where="written.xml")
    assert again.file == found.file
    assert print_iati(again.file) == written
    assert [n.code for n in found.notes] == ["contact_removed", "budget_not_provided"]
    assert [n.code for n in again.notes] == ["budget_not_provided"]


def test_what_is_written_is_valid_by_the_schema_of_the_publisher(example: bytes, schema: Any) -> None:
    written = etree.fromstring(print_iati(parse_iati(example).file))
    assert schema.validate(written), schema.error_log


def test_nothing_but_contact_data_is_lost(example: bytes) -> None:
    """Second method: canonical XML of both, made by lxml alone, with white space between elements taken away."""

    def form(data: bytes) -> str:
        parser = etree.XMLParser(remove_comments=True, remove_pis=True)
        root = etree.fromstring(data, parser)
        for contact in list(root.iter("contact-info")):
            contact.getparent().remove(contact)
        for element in root.iter():
            if len(element):
                assert not (element.text or "").strip()
                element.text = None
            element.tail = None
        return etree.tostring(root, method="c14n").decode()

    assert form(print_iati(parse_iati(example).file)) == form(example)


def test_figures_of_the_example(example: bytes) -> None:
    activity = parse_iati(example).file.activities[0]
    assert activity.id == "AA-AAA-123456789-ABC123"
    assert [(c.code, c.percentage) for c in activity.countries] == [("AF", "25"), ("AG", "25")]
    assert [(s.vocabulary, s.code) for s in activity.sectors] == [("2", "111"), ("2", "112"), ("99", "A1")]
    assert (activity.orgs[0].ref, activity.orgs[0].role) == ("BB-BBB-123456789", "1")
    assert activity.budgets[0].value is not None
    assert activity.budgets[0].value.number == 3000
    transaction = activity.transactions[0]
    assert transaction.value is not None
    assert (transaction.value.amount, transaction.value.currency) == ("1000", "EUR")
    period = activity.results[0].indicators[0].periods[0]
    assert (period.targets[0].value, period.actuals[0].value) == ("10", "11")
    assert activity.tied_status is not None
    assert activity.tied_status.code == "3"


def test_the_packaged_files_are_the_published_ones(folder: Path) -> None:
    packaged = Path(iati_model.__file__).parents[1] / "_data" / "iati"
    names = sorted(p.name for p in packaged.iterdir() if p.name != "NOTICE.md")
    assert len(names) == 3 + len(LISTS)
    for name in names:
        assert (packaged / name).read_bytes() == (folder / name).read_bytes(), name
    with (folder / "codelist-Sector.csv").open(encoding="utf-8") as file:
        assert codes("Sector") == {row["code"]: row["name_en"] for row in csv.DictReader(file)}


# --- The tables against the schema ---


def _schema_elements(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    tops: dict[str, Any] = {}
    types: dict[str, Any] = {}
    for name in ("iati-activities-schema.xsd", "iati-common.xsd"):
        for part in etree.parse(str(folder / name)).getroot():
            if part.tag == f"{XS}element":
                tops[part.get("name")] = part
            elif part.tag == f"{XS}complexType":
                types[part.get("name")] = part
    return tops, types


def _compare(element: Any, shape: iati_model.Shape, tops: dict[str, Any], types: dict[str, Any]) -> int:
    """Attributes and sequence of one element and of all below it; how many shapes were compared."""
    kind = element.find(f"{XS}complexType")
    kind = types[element.get("type")] if kind is None else kind
    inner = kind.find(f"{XS}simpleContent/{XS}extension")
    own = kind if inner is None else inner
    named = [a.get("name") or a.get("ref") for a in own.findall(f"{XS}attribute")]
    attributes = {iati_model.LANG if name == "xml:lang" else name for name in named}
    assert set(shape.attributes) == attributes, element.get("name")
    sequence = kind.find(f"{XS}sequence")
    children = [] if sequence is None else sequence.findall(f"{XS}element")
    names = [c.get("name") or c.get("ref") for c in children]
    assert [n for n in names if n not in shape.dropped] == list(shape.children), element.get("name")
    compared = 1
    for child, name in zip(children, names, strict=True):
        part = shape.children.get(name)
        if part is not None:
            assert part[2] == (child.get("maxOccurs") == "unbounded"), name
            compared += _compare(tops[name] if child.get("ref") else child, part[1], tops, types)
    return compared


def test_the_tables_are_the_schema(folder: Path) -> None:
    tops, types = _schema_elements(folder)
    assert _compare(tops["iati-activities"], iati_model.ACTIVITIES, tops, types) > 60
