"""The mapping that `--suggest` prints: what it sees, how sure it says it is, and what it leaves open."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import xlsxwriter

from concordat.errors import InputError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.sources import tabular
from concordat.evidence.sources._tabular_suggest import suggest
from concordat.settings import parse_yaml

SEMICOLON = """\
Pays;Année;Sexe;Part des internautes
Côte d'Ivoire;2023;femmes;38,4
Sénégal;2023;hommes;..
Sénégal;2022;hommes;60,1
"""


def suggested(body: bytes, name: str = "table.csv") -> tuple[str, dict[str, object]]:
    text = suggest(body, name, load_catalogue())
    return text, parse_yaml(text, where="suggested").value


def test_a_semicolon_file_with_decimal_commas_and_names_is_seen() -> None:
    text, mapping = suggested(SEMICOLON.encode())
    assert mapping["format"] == {
        "encoding": "utf-8", "delimiter": ";", "header_row": 1, "decimal": ",", "missing": ["", ".."],
    }  # fmt: skip
    columns = mapping["columns"]
    assert isinstance(columns, dict)
    assert columns["area"] == {"column": "Pays", "scheme": "name"}
    assert columns["period"] == {"column": "Année"}
    assert columns["value"] == {"column": "Part des internautes"}
    assert '# likely: 67% of the cells are numbers; not: ".."' in text


def test_old_bytes_are_said_to_be_unsure() -> None:
    text, mapping = suggested(SEMICOLON.encode("cp1252"))
    assert "encoding: windows-1252  # unsure: it is not UTF-8; look whether accents are right" in text
    assert mapping["columns"]["area"] == {"column": "Pays", "scheme": "name"}  # type: ignore[index]


def test_codes_sexes_and_rival_columns_are_seen() -> None:
    body = b"iso3,year,sex,count,rate_pct\nZAF,2023,female,5,38.4\nZAF,2023,male,6,40\nNAM,2023,total,7,39\n"
    text, mapping = suggested(body)
    assert mapping["columns"] == {
        "area": {"column": "iso3", "scheme": "iso3"},
        "period": {"column": "year"},
        "value": {"column": "rate_pct"},
        "breakdown": {"sex": {"column": "sex", "values": {"female": "F", "male": "M", "total": "total"}}},
    }
    assert "# unsure: these hold numbers too: count" in text


def test_a_national_table_without_countries_leaves_the_area_open() -> None:
    _, mapping = suggested(b"year,value\n2022,80\n2023,83\n")
    assert mapping["columns"]["area"] == {"always": "CHANGE_ME"}  # type: ignore[index]


def test_a_title_above_the_header_is_passed_over() -> None:
    _, mapping = suggested(b"Table 4,,\n,,\niso3,year,value\nZAF,2023,83\nBRA,2023,84\n")
    assert mapping["format"]["header_row"] == 3  # type: ignore[index]


def test_the_fullest_sheet_of_a_workbook_is_taken() -> None:
    data = io.BytesIO()
    book = xlsxwriter.Workbook(data)
    book.add_worksheet("Notes").write(0, 0, "see Table 4")
    sheet = book.add_worksheet("Table 4")
    for number, row in enumerate([("iso3", "year", "share"), ("ZAF", 2023, 0.832), ("BRA", 2023, 0.845)]):
        sheet.write_row(number, 0, row)
    book.close()
    text, mapping = suggested(data.getvalue(), "ministry.xlsx")
    assert mapping["format"]["sheet"] == "Table 4"  # type: ignore[index]
    assert "unsure: the fullest of 2 sheets" in text
    assert "multiply: 1  # all figures lie between 0 and 1: for a percentage write 100" in text


def test_nothing_open_is_ever_imported(tmp_path: Path) -> None:
    """A suggestion as it stands is refused: it holds CHANGE_ME where only a person knows."""
    text, _ = suggested(SEMICOLON.encode())
    with pytest.raises(InputError, match='"CHANGE_ME" is not a licence I know'):
        tabular.read_mapping(text.encode(), load_catalogue(), where="map.yaml")


def test_a_corrected_suggestion_is_a_mapping() -> None:
    text, _ = suggested(b"iso3,year,value\nZAF,2023,83\n")
    for key, right in (
        ("licence", "CC-BY-4.0"), ("indicator", "internet_users_pct"), ("unit", "percent"),
    ):  # fmt: skip
        text = text.replace(f"{key}: CHANGE_ME", f"{key}: {right}")
    assert tabular.read_mapping(text.encode(), load_catalogue(), where="map.yaml").mapping.file == "table.csv"


@pytest.mark.parametrize(
    ("body", "what"),
    [(b"", "the file is empty"), (b"a,b\n", "no row below the header"), (b'"', "no row below the header")],
)
def test_an_empty_table_gets_no_suggestion(body: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what):
        suggest(body, "table.csv", load_catalogue())


@pytest.mark.parametrize("body", [b"\x00\x01\x02", b"a\n\n\n1\n", "ملف;1\n".encode()])
def test_odd_bytes_get_a_suggestion_that_leaves_the_rest_open(body: bytes) -> None:
    text, mapping = suggested(body)
    assert mapping["schema"] == "concordat/import@1"
    assert "CHANGE_ME" in text


def test_bytes_of_no_encoding_get_a_reason() -> None:
    with pytest.raises(InputError, match="the bytes are not utf-16"):
        suggest(b"\xff\xfe\x00", "table.csv", load_catalogue())


def test_figures_with_a_mark_are_not_taken_as_missing() -> None:
    names = ("Brazil", "China", "India", "Egypt", "Iran")
    rows = "".join(f"{name},2020,{i}.5\n" for i, name in enumerate(names))
    text, mapping = suggested(f"country,year,pct\n{rows}Ethiopia,2020,19.4*\nRussia,2020,٧٥\n".encode())
    assert isinstance(mapping["format"], dict)
    assert mapping["format"]["missing"] == [""]
    assert 'correct them in the table: "19.4*", "٧٥"' in text
