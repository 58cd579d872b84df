"""What the rows of a CSV file become, and what is said about those that can't be read."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.errors import InputError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.observation import Observation
from concordat.evidence.sources import tabular
from concordat.evidence.sources._base import Meta, Problem

HEAD = """\
schema: concordat/import@1
file: t.csv
dataset: {id: t, title: T, producer: P, published: 2026-05-02, licence: CC-BY-4.0, class: member_official}
"""
META = Meta("member_official.t", "t", "v1", date(2026, 5, 2), datetime(2026, 5, 3, tzinfo=UTC), "ab" * 32, "t.csv", "1")
INTERNET = "value_is: {indicator: internet_users_pct, unit: percent}\n"
PLAIN = "columns: {area: {column: c}, period: {column: y}, value: {column: v}}\n" + INTERNET


def parse(table: str | bytes, mapping: str = PLAIN, map_name: str = "map.yaml") -> tuple[list[Any], list[Problem]]:
    importer = tabular.read_mapping((HEAD + mapping).encode(), load_catalogue(), where=map_name)
    body = table.encode() if isinstance(table, str) else table
    found = list(importer.parse(body, META))
    return [o for o in found if isinstance(o, Observation)], [p for p in found if isinstance(p, Problem)]


def one(table: str | bytes, mapping: str = PLAIN) -> Observation:
    rows, problems = parse(table, mapping)
    assert problems == []
    (row,) = rows
    assert isinstance(row, Observation)
    return row


def fault(table: str | bytes, mapping: str = PLAIN) -> str:
    rows, problems = parse(table, mapping)
    assert rows == []
    (problem,) = problems
    assert (problem.rule, problem.severity) == ("row_unread", "error")
    return f"{problem.where}: {problem.text}"


def numbers(value: str, form: str = "{}", unit: str = "percent", multiply: float = 1) -> str:
    indicator = "internet_users_pct" if unit == "percent" else "population"
    mapping = f"format: {form}\n" + PLAIN.replace(INTERNET, "")
    return mapping + f"value_is: {{indicator: {indicator}, unit: {unit}, multiply: {multiply}}}\n"


# --- Numbers ---


@pytest.mark.parametrize(
    ("written", "form", "value"),
    [
        ("83.2", "{}", 83.2),
        (" 83 ", "{}", 83.0),
        ("-0", "{}", 0.0),
        (".5", "{}", 0.5),
        ("8.32e1", "{}", 83.2),
        ("83.2%", "{}", 83.2),
        ("83.2 %", "{}", 83.2),
        ('"83,2"', "{decimal: ','}", 83.2),
        ("1.234,5", "{decimal: ',', thousands: '.', delimiter: ;}", 1234.5),
        ('"1,234,567"', "{thousands: ','}", 1234567.0),
        ("1 234", "{thousands: ' '}", 1234.0),
        ("1\u202f234", "{thousands: ' '}", 1234.0),
        ("1234", "{thousands: ' '}", 1234.0),
        ("\u22125", "{}", -5.0),
    ],
)
def test_a_number_is_read_as_the_mapping_declares(written: str, form: str, value: float) -> None:
    sign = ";" if "delimiter" in form else ","
    row = one(sign.join("cyv") + "\n" + sign.join(("ZAF", "2023", written)) + "\n", numbers(written, form))
    assert row.value == value
    assert math.copysign(1, row.value) == math.copysign(1, value)


NOT_A_NUMBER = "If it stands for missing, list it under format.missing."


@pytest.mark.parametrize(
    ("written", "form", "message"),
    [
        ("about 80", "{}", f'"about 80" is not a number. {NOT_A_NUMBER}'),
        ("NaN", "{}", f'"NaN" is not a number. {NOT_A_NUMBER}'),
        ("inf", "{}", f'"inf" is not a number. {NOT_A_NUMBER}'),
        ("1e999", "{}", '"1e999" is too large for a number.'),
        ('"83,2"', "{}", '"83,2" is not a number. Set format.decimal: "," in the mapping.'),
        (
            '"1,234,567"',
            "{}",
            '"1,234,567" is not a number. Set format.thousands (and format.decimal) in the mapping.',
        ),
        ('"12,34,567"', "{thousands: ','}", f'"12,34,567" is not a number. {NOT_A_NUMBER}'),
        ("83.2*", "{}", f'"83.2*" is not a number. {NOT_A_NUMBER}'),
        ("0x1F", "{}", f'"0x1F" is not a number. {NOT_A_NUMBER}'),
        ("1_000", "{}", f'"1_000" is not a number. {NOT_A_NUMBER}'),
        ("\u0663", "{}", f'"\u0663" is not a number. {NOT_A_NUMBER}'),
        ("", "{missing: ['..']}", 'the value is empty. List "" under format.missing if it stands for missing.'),
    ],
)
def test_what_is_no_number_is_told_and_never_guessed(written: str, form: str, message: str) -> None:
    assert fault(f"c,y,v\nZAF,2023,{written}\n", numbers(written, form)) == f"row 2, v: {message}"


def test_a_percent_sign_where_the_unit_is_another_is_a_fault() -> None:
    assert fault("c,y,v\nZAF,2023,8%\n", numbers("8%", unit="count")) == (
        'row 2, v: "8%" has a percent sign. Only a value in percent, with multiply: 1, may carry the sign.'
    )


def test_a_factor_adds_no_noise_of_binary_fractions() -> None:
    assert 0.57 * 100 != 57
    assert one("c,y,v\nZAF,2023,0.57\n", numbers("0.57", multiply=100)).value == 57.0


@pytest.mark.parametrize(
    ("said", "written", "multiply", "precision"),
    [
        ("unknown", "83.20", 1, None),
        ("printed", "83.20", 1, 0.005),
        ("printed", "84", 1, 0.5),
        ("printed", "0.57", 100, 0.5),
        ("0.05", "83.20", 1, 0.05),
    ],
)
def test_precision_is_what_the_mapping_says_of_it(
    said: str, written: str, multiply: float, precision: float | None
) -> None:
    mapping = numbers(written, multiply=multiply).replace(
        "value: {column: v}", f"value: {{column: v, precision: {said}}}"
    )
    assert one(f"c,y,v\nZAF,2023,{written}\n", mapping).precision == precision


# --- Missing, intervals, codes ---


def test_a_missing_code_is_a_row_without_a_value_and_with_a_reason() -> None:
    mapping = 'format: {missing: {empty: not_published, "n/a": not_applicable, c: withheld}}\n' + PLAIN
    rows, problems = parse("c,y,v\nZAF,2021,\nZAF,2022,n/a\nZAF,2023,c\nZAF,2024,0\n", mapping)
    assert problems == []
    assert [(o.value, o.missing_reason, o.obs_status) for o in rows] == [
        (None, "not_published", "O"),
        (None, "not_applicable", "O"),
        (None, "withheld", "O"),
        (0.0, None, "A"),
    ]


INTERVAL = PLAIN.replace("value: {column: v}", "value: {column: v}, lower: {column: l}, upper: {column: u}")


def test_an_interval_stands_beside_a_value_or_instead_of_one() -> None:
    rows, problems = parse("c,y,v,l,u\nZAF,2022,50,45,55\nZAF,2023,,0,1\nZAF,2024,50,,\n", INTERVAL)
    assert problems == []
    assert [(o.value, o.lower, o.upper, o.censoring, o.missing_reason) for o in rows] == [
        (50.0, 45.0, 55.0, "none", None),
        (None, 0.0, 1.0, "interval", None),
        (50.0, None, None, "none", None),
    ]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("50,55,60", "lower, value and upper are not in this order."),
        (",5,1", "lower, value and upper are not in this order."),
        (",0,", "one end of the interval and no value. Give both ends, or the value."),
    ],
)
def test_an_interval_that_can_t_be_is_a_fault(cells: str, message: str) -> None:
    assert fault(f"c,y,v,l,u\nZAF,2022,{cells}\n", INTERVAL) == f"row 2, v: {message}"


CODED = """\
columns:
  area: {column: c}
  period: {column: y}
  value: {column: v}
  status: {column: s}
  nature: {column: n, values: {c: C, e: E, empty: M}}
  unit: {column: u, values: {PERCENT: percent}}
  note: {column: remark}
value_is: {indicator: internet_users_pct, unit: percent}
"""


def test_status_nature_unit_and_note_have_columns_of_their_own() -> None:
    row = one("c,y,v,s,n,u,remark\nZAF,2022,50,Q-odd,e,PERCENT,estimated by us\n", CODED)
    assert (row.obs_status, row.nature, row.unit, row.note) == ("Q-odd", "E", "percent", "estimated by us")
    row = one("c,y,v,s,n,u,remark\nZAF,2022,50,,,PERCENT,\n", CODED)
    assert (row.obs_status, row.nature) == ("A", "M")


def test_a_code_that_is_not_listed_is_a_fault() -> None:
    assert fault("c,y,v,s,n,u,remark\nZAF,2022,50,A,x,PERCENT,\n", CODED) == (
        'row 2, n: "x" is not among the values of nature. List it in the mapping under nature.values.'
    )


SEX = PLAIN.replace(
    "value: {column: v}", "value: {column: v}, breakdown: {sex: {column: s, values: {1: M, 2: F, t: total}}}"
)


def test_codes_of_sex_become_breakdowns() -> None:
    rows, problems = parse("c,y,v,s\nZAF,2022,1,1\nZAF,2022,2,2\nZAF,2022,3,t\n", SEX)
    assert problems == []
    assert {o.breakdown: o.value for o in rows} == {"sex=M": 1.0, "sex=F": 2.0, "": 3.0}


def test_a_sex_that_is_not_mapped_is_a_fault() -> None:
    assert fault("c,y,v,s\nZAF,2022,1,9\n", SEX) == (
        'row 2, s: "9" is not among the values of sex. '
        "List it in the mapping under sex.values, as a code of letters and digits or as total."
    )


# --- Areas and periods ---


def scheme(name: str, more: str = "") -> str:
    return PLAIN.replace("area: {column: c}", f"area: {{column: c, scheme: {name}}}") + more


@pytest.mark.parametrize(
    ("text", "mapping", "area"),
    [
        ("NA", scheme("iso2"), "NAM"),
        ("na ", scheme("iso2"), "NAM"),
        ("ch", scheme("gec"), "CHN"),
        ("CH", scheme("iso2"), "CHE"),
        ("76", scheme("m49"), "BRA"),
        ("4", scheme("m49"), "AFG"),
        ("Côte d'Ivoire", scheme("name"), "CIV"),
        ("WLD", scheme("iso3"), "WLD"),
        ("Kosovo*", scheme("name", "aliases: {Kosovo*: XKX}\n"), "XKX"),
        ("The Bloc", scheme("name", "aliases: {the bloc: BRICS}\n"), "BRICS"),
    ],
)
def test_an_area_is_what_the_scheme_or_an_alias_says(text: str, mapping: str, area: str) -> None:
    assert one(f'c,y,v\n"{text}",2022,1\n', mapping).area == area


def test_an_unknown_country_is_told_with_the_nearest_and_where_the_alias_goes() -> None:
    assert fault("c,y,v\nBrazl,2022,1\n", scheme("name")) == (
        'row 2, c: "Brazl" is not a country I know. Did you mean "BRA" (Brazil)? '
        "Add an alias in map.yaml under aliases."
    )
    assert fault("c,y,v\nBrazil,2022,1\n", scheme("iso3")) == (
        'row 2, c: "Brazil" is not a country I know. It would be BRA under another scheme than iso3. '
        "Add an alias in map.yaml under aliases."
    )


def test_sums_of_countries_that_the_mapping_names_are_left_out_and_counted() -> None:
    mapping = PLAIN.replace("area: {column: c}", "area: {column: c, skip: [Arab World]}")
    rows, problems = parse("c,y,v\nZAF,2022,1\nArab World,2022,2\narab world,2023,2\n", mapping)
    assert [o.area for o in rows] == ["ZAF"]
    assert [p.text for p in problems if "Arab" in p.text] == ['"Arab World": 1 row left out, as the mapping says.']
    assert {p.severity for p in problems} == {"info"}


def period(said: str) -> str:
    return PLAIN.replace("period: {column: y}", f"period: {said}")


@pytest.mark.parametrize(
    ("said", "cells", "start", "end", "freq"),
    [
        ("{column: y}", "2024,", "2024-01-01", "2024-12-31", "A"),
        ("{always: 2024}", ",", "2024-01-01", "2024-12-31", "A"),
        ("{column: y, form: quarter}", "2024-Q2,", "2024-04-01", "2024-06-30", "Q"),
        ("{column: y, form: quarter}", "2024q4,", "2024-10-01", "2024-12-31", "Q"),
        ("{column: y, form: month}", "2024-02,", "2024-02-01", "2024-02-29", "M"),
        ("{column: y, form: month}", "2024M11,", "2024-11-01", "2024-11-30", "M"),
        ("{column: y, form: date}", "2024-05-09,", "2024-01-01", "2024-12-31", "A"),
        ("{column: y, form: date, freq: Q, format: '%d.%m.%Y'}", "09.05.2024,", "2024-04-01", "2024-06-30", "Q"),
        ("{start: y, end: z}", "2024-01-01,2024-12-31", "2024-01-01", "2024-12-31", "A"),
        ("{start: y, end: z}", "2024-04-01,2025-03-31", "2024-04-01", "2025-03-31", "U"),
        ("{start: y, end: z}", "2024-10-01,2024-12-31", "2024-10-01", "2024-12-31", "Q"),
    ],
)
def test_a_period_is_a_year_quarter_month_date_or_two_dates(
    said: str, cells: str, start: str, end: str, freq: str
) -> None:
    row = one(f"c,y,z,v\nZAF,{cells},1\n", period(said))
    assert (row.period_start.isoformat(), row.period_end.isoformat(), row.freq) == (start, end, freq)


@pytest.mark.parametrize(
    ("said", "cells", "message"),
    [
        ("{column: y}", "24,", '"24" is not a year. Write 2025; for quarters, months and dates set period.form.'),
        ("{column: y}", "2024/25,", '"2024/25" is not a year. '),
        ("{column: y, form: month}", "2024-13,", '"2024-13" is not a month.'),
        ("{column: y, form: quarter}", "2024-Q5,", '"2024-Q5" is not a quarter.'),
        ("{column: y, form: date}", "05/09/2024,", '"05/09/2024" is not a date such as 2026-05-02.'),
        ("{column: y, form: date}", "2023-02-29,", '"2023-02-29" is not a date such as 2026-05-02.'),
        (
            "{start: y, end: z}",
            "2024-02-01,2024-01-01",
            "the period ends on 2024-01-01, before it starts on 2024-02-01.",
        ),
    ],
)
def test_a_period_that_can_t_be_read_is_a_fault(said: str, cells: str, message: str) -> None:
    assert fault(f"c,y,z,v\nZAF,{cells},1\n", period(said)).startswith(f"row 2, y: {message}")


# --- The file ---


def test_delimiter_quotes_encoding_and_a_header_below_a_title_are_declared() -> None:
    mapping = "format: {encoding: windows-1252, delimiter: ';', quote: \"'\", header_row: 3, last_row: 4}\n"
    table = "Ministère;;\n;;\nc;y;v\n'Côte d''Ivoire';2022;1\nSource: nous;;\n".encode("cp1252")
    row = one(table, mapping + scheme("name"))
    assert (row.area, row.raw_locator) == ("CIV", "row 4, v")


def test_the_mark_of_utf_8_and_lines_of_any_end_are_no_part_of_the_table() -> None:
    rows, problems = parse(b"\xef\xbb\xbfc,y,v\r\nZAF,2022,1\r\n\r\nBRA,2022,2")
    assert problems == []
    assert [(o.area, o.raw_locator) for o in rows] == [("ZAF", "row 2, v"), ("BRA", "row 4, v")]


def test_a_file_without_a_header_has_columns_by_number() -> None:
    mapping = "format: {header_row: 0}\ncolumns: {area: {column: 1}, period: {column: 2}, value: {column: 3}}\n"
    assert one("ZAF,2022,1\n", mapping + INTERNET).raw_locator == "row 1, column 3"


def test_a_row_of_another_length_is_a_fault() -> None:
    assert fault("c,y,v\nZAF,2022\n") == "row 2: 2 cells; the header has 3. Look at the quotes."


@pytest.mark.parametrize(
    ("table", "mapping", "message"),
    [
        (b"", PLAIN, "t.csv: the file is empty. Export it again."),
        (
            b"c,y,v\n",
            PLAIN,
            ("t.csv: no row below the header. Look at format.header_row and format.sheet in the mapping."),
        ),
        (b"\n\n", PLAIN, "t.csv: row 1 has no names of columns. Set format.header_row in the mapping."),
        (b"c,y,w\nZAF,2022,1\n", PLAIN, 't.csv: there is no column "v". Columns here: c, y, w.'),
        (
            b"c,years,v\nZAF,2022,1\n",
            PLAIN.replace("column: y", "column: year"),
            ('t.csv: there is no column "year". Did you mean "years"?'),
        ),
        (
            b"c,y,v,v\nZAF,2022,1,2\n",
            PLAIN,
            ('t.csv: the column "v" stands 2 times in the header. Name it by its number in map.yaml, or rename one.'),
        ),
        (
            b"c,y,v\nZAF,2022,\xff\n",
            PLAIN,
            (
                "t.csv: the bytes are not utf-8 (about line 2). "
                "Set format.encoding in the mapping; --suggest names one that fits."
            ),
        ),
        (
            b"c,y,v\nZAF,2022,1\n",
            "format: {encoding: utf-88}\n" + PLAIN,
            ('t.csv: "utf-88" is not an encoding I know. Use a name such as utf-8, windows-1252 or utf-16.'),
        ),
        (
            b'c,y,v\nZAF,2022,"1"x\n',
            PLAIN,
            (
                "t.csv, line 2: not CSV: ',' expected after '\"'. "
                "Look at the quotes of this line; set format.quote if they are others."
            ),
        ),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_whole(table: bytes, mapping: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse(table, mapping)
    assert str(error.value) == message


MANY = """\
columns:
  area: {column: c}
  period: {column: y}
  value: {column: v}
  indicator:
    column: i
    values:
      net: {indicator: internet_users_pct, unit: percent}
      youth_f: {indicator: unemployment_youth_pct, unit: percent, breakdown: {sex: F}}
"""


def test_an_indicator_column_says_what_each_row_measures() -> None:
    rows, problems = parse("c,y,i,v\nZAF,2022,net,1\nZAF,2022,youth_f,2\n", MANY)
    assert problems == []
    assert [(o.indicator_id, o.breakdown) for o in rows] == [
        ("internet_users_pct", ""),
        ("unemployment_youth_pct", "sex=F"),
    ]


def test_indicators_that_are_not_listed_are_refused_or_left_out_and_counted() -> None:
    assert fault("c,y,i,v\nZAF,2022,hdi,1\n", MANY) == (
        'row 2, i: "hdi" is not among the indicators of the mapping. '
        "List it in map.yaml under columns.indicator.values, or set others: leave_out."
    )
    rows, problems = parse(
        "c,y,i,v\nZAF,2022,net,1\nZAF,2022,hdi,1\nZAF,2023,hdi,1\n", MANY + "    others: leave_out\n"
    )
    assert len(rows) == 1
    assert [(p.rule, p.severity, p.text) for p in problems] == [
        ("left_out", "info", '"hdi": 2 rows left out, as the mapping says.')
    ]
