"""Places in tables of the user's own: read as the vintage says they are, or nothing stands there."""

from __future__ import annotations

import io

import pytest
import xlsxwriter

from concordat.errors import TrustError
from concordat.evidence.locators import Body, Reading, cell_locator, file_of, reading_of, row_locator

SEMICOLON = Reading(encoding="windows-1252", delimiter=";", quote="'", header_row=2)
BYTES = "Titre;;\npays;part, en %;part\n'Côte d''Ivoire';38,4;x\n".encode("cp1252")


@pytest.mark.parametrize(
    ("locator", "text"),
    [
        ("row 3, part, en %", "38,4"),
        ("row 3, pays", "Côte d'Ivoire"),
        ("row 3, column 3", "x"),
        ("row 3", "Côte d'Ivoire,38,4,x"),
        ("row 1", "Titre,,"),
    ],
)
def test_a_row_is_read_with_the_vintage_s_own_signs(locator: str, text: str) -> None:
    assert Body(BYTES, "t.csv", SEMICOLON).text_at(locator) == text


@pytest.mark.parametrize("locator", ["row 4, part", "row 0, part", "row 3, none", "row 3, column 4", "row 3, column 0"])
def test_a_place_that_the_table_has_not_is_a_trust_error(locator: str) -> None:
    with pytest.raises(TrustError, match="nothing stands at"):
        Body(BYTES, "t.csv", SEMICOLON).text_at(locator)


def test_bytes_read_in_another_way_than_they_were_stored_are_no_quiet_success() -> None:
    with pytest.raises(TrustError):
        Body(BYTES, "t.csv").text_at("row 3, part")


def book(*names: str) -> bytes:
    data = io.BytesIO()
    with xlsxwriter.Workbook(data) as made:
        for name in names:
            made.add_worksheet(name).write(2, 27, f"in {name}")
    return data.getvalue()


@pytest.mark.parametrize("sheet", ["Data", "Table 1", "Ministry's", "Q#1", "数据", "a!b", "row 3, x"])
def test_a_cell_is_found_under_any_name_of_its_sheet(sheet: str) -> None:
    locator = cell_locator(sheet, "AB", 3)
    assert Body(book("Other", sheet), "t.xlsx").text_at(locator) == f"in {sheet}"
    assert file_of(locator) == ""


@pytest.mark.parametrize("locator", ["Data!AB4", "Data!AC3", "Nothing!AB3", "Data!AB0"])
def test_a_cell_that_the_workbook_has_not_is_a_trust_error(locator: str) -> None:
    with pytest.raises(TrustError, match="nothing stands at"):
        Body(book("Data"), "t.xlsx").text_at(locator)


def test_a_reading_is_kept_as_data_and_given_back() -> None:
    assert reading_of({"reading": SEMICOLON.as_dict()}) == SEMICOLON
    assert reading_of({"title": "no table"}) is None


def test_a_row_has_a_column_or_none() -> None:
    assert (row_locator(14), row_locator(14, "pct")) == ("row 14", "row 14, pct")
