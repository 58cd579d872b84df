"""A mapping file is refused, at its line and with what to do, before a byte of the table is read."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from concordat.errors import InputError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.sources import tabular
from concordat.evidence.sources._tabular_model import import_schema

MAPPING = """\
schema: concordat/import@1
file: connectivity.csv
dataset:
  id: za-ict-2025
  title: "ICT in South Africa 2025"
  producer: "Department of Examples"
  published: 2026-05-02
  licence: CC-BY-4.0
  class: member_official
format: {delimiter: ";", decimal: ",", missing: ["", "..", "n/a"]}
columns:
  area: {column: country, scheme: iso3}
  period: {column: year}
  value: {column: pct}
  breakdown: {sex: {column: sex, values: {1: M, 2: F}}}
value_is: {indicator: internet_users_pct, unit: percent, multiply: 1}
"""


def read(text: str) -> tabular.Importer:
    return tabular.read_mapping(text.encode(), load_catalogue(), where="map.yaml")


def test_the_example_of_the_specification_is_read() -> None:
    importer = read(MAPPING)
    assert importer.source_id == "member_official.za-ict-2025"
    assert (importer.origin.producer, importer.origin.licence) == ("Department of Examples", "CC-BY-4.0")
    assert importer.reading.as_dict() == {
        "kind": "csv", "encoding": "utf-8", "delimiter": ";", "quote": '"', "header_row": 1, "sheet": "",
    }  # fmt: skip


def test_a_publisher_names_the_source() -> None:
    assert read(MAPPING.replace("class: member", "publisher: za-dcdt\n  class: member")).source_id == (
        "member_official.za-dcdt"
    )


def test_another_mapping_of_the_same_file_is_another_parser_and_comments_are_none() -> None:
    version = read(MAPPING).parser_version
    assert read("# remark\n" + MAPPING).parser_version == version
    assert read(MAPPING.replace("multiply: 1", "multiply: 100")).parser_version != version


CASES = [
    (
        "  area: {column: country, scheme: iso3}",
        "  area: {colum: country, scheme: iso3}",
        'map.yaml, line 12: "colum" is not a key I know here. Did you mean "column"?',
    ),
    ("value_is:", "valueis:", 'map.yaml, line 16: "valueis" is not a key I know here. Did you mean "value_is"?'),
    (
        "CC-BY-4.0",
        "CC-BY-4",
        'map.yaml, line 8: "CC-BY-4" is not a licence I know. Did you mean "CC-BY-4.0"?',
    ),
    (
        "class: member_official",
        "class: member_oficial",
        'map.yaml, line 9: "member_oficial" is not a class of source. Did you mean "member_official"?',
    ),
    (
        "internet_users_pct",
        "internet_user_pct",
        'map.yaml, line 16: "internet_user_pct" is not an indicator I know. Did you mean "internet_users_pct"?',
    ),
    (
        "unit: percent",
        "unit: per_100",
        (
            'map.yaml, line 16: internet_users_pct is in percent in the catalogue, not in "per_100". '
            "Write unit: percent, and with multiply how your figures become it."
        ),
    ),
    (
        "sex: {column: sex, values: {1: M, 2: F}}",
        "skill: {column: sex}",
        "map.yaml, line 16: internet_users_pct has no breakdown by skill. Breakdowns of it: sex, age, loc, income.",
    ),
    (
        "{1: M, 2: F}",
        "{1: man, 2: F}",
        (
            'map.yaml, line 15: "man" is not a code of sex. '
            "sex is F, M or total; map it in the mapping under sex.values."
        ),
    ),
    (
        "id: za-ict-2025",
        "id: cia_factbook",
        (
            'map.yaml, line 4: "cia_factbook" is a dataset that Concordat loads itself. '
            "Choose an id of your own, such as za-ict-2025."
        ),
    ),
    ("2026-05-02", "2026-05-32", 'map.yaml, line 7: "2026-05-32" is not a day.'),
    (
        "file: connectivity.csv",
        "file: connectivity.xls",
        (
            'map.yaml, line 2: I can\'t tell what "connectivity.xls" is. '
            "Known endings: .csv, .tsv, .txt, .xlsx, .xlsm, .parquet; for others set format.kind. Save .xls as .xlsx."
        ),
    ),
    (
        "{column: country, scheme: iso3}",
        "{always: ZAG, scheme: iso3}",
        'map.yaml, line 12: "ZAG" is not a country I know. Add an alias in map.yaml under aliases.',
    ),
    (
        "value_is: {indicator: internet_users_pct, unit: percent, multiply: 1}",
        "",
        "map.yaml, line 1: say what is measured once: in value_is, or by columns.indicator.",
    ),
    (
        'decimal: ","',
        'decimal: ",", thousands: ","',
        "map.yaml, line 10: format: thousands and decimal are the same sign.",
    ),
]


@pytest.mark.parametrize(("was", "now", "message"), CASES, ids=lambda value: value[:30])
def test_a_fault_is_told_with_its_line(was: str, now: str, message: str) -> None:
    assert MAPPING.count(was) == 1
    with pytest.raises(InputError) as error:
        read(MAPPING.replace(was, now))
    assert str(error.value) == message


def test_an_alias_must_lead_to_an_area() -> None:
    with pytest.raises(InputError, match=r'^map.yaml, line 17: "XYZ" is not an area I know.'):
        read(MAPPING + "aliases: {Atlantis: XYZ}\n")


def test_the_schema_file_is_that_of_the_model() -> None:
    stored = (files("concordat.evidence") / "_data" / "schema" / "import-1.json").read_text(encoding="utf-8")
    assert json.loads(stored) == import_schema()


def test_classes_are_those_of_the_catalogue_s_source_orders() -> None:
    known = tabular.classes(load_catalogue())
    assert {"member_official", "itu", "worldbank_wdi", "un_sdg", "other"} <= set(known)
