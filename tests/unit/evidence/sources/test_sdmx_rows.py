"""From rows to observations by a map: what is selected, what rides along, what is told and never guessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.errors import SourceError
from concordat.evidence.observation import Observation
from concordat.evidence.sources._base import Meta, Problem
from concordat.evidence.sources._sdmx_rows import area_of
from concordat.evidence.sources.sdmx_csv import connector_of

MAP = """schema: concordat/sdmx@1
origin: {dataset_id: demo, source_id: demo, producer: Office, title: Demo, licence: CC-BY-4.0}
flows:
  - flow: X
    status: unverified
    area: {dimension: GEO, scheme: eurostat, groups: [EU27_2020]}
    series:
      - indicator: internet_users_pct
        unit: percent
        where: {UNIT: PC}
        breakdown: {sex: {dimension: SEX, values: {T: "", F: F, M: M}}}
"""
META = Meta("demo", "demo", "v", date(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC), "ab" * 32, "x.csv", "1")
HEAD = ["DATAFLOW", "FREQ", "UNIT", "SEX", "GEO", "TIME_PERIOD", "OBS_VALUE"]
ROW = dict(zip(HEAD, ["E:X(1.0)", "A", "PC", "T", "EL", "2020", "7.5"], strict=True))

Parse = Callable[..., tuple[list[Observation], list[Problem]]]


@pytest.fixture
def parse() -> Parse:
    """`parse({"GEO": "UK"}, ...)`: rows that differ from ROW as said, and the columns that they add."""

    def run(*changes: dict[str, str], text: str = MAP) -> tuple[list[Observation], list[Problem]]:
        head = [*HEAD, *dict.fromkeys(k for c in changes for k in c if k not in HEAD)]
        lines = [",".join({**ROW, **c}.get(k, "") for k in head) for c in changes]
        found = list(connector_of(text.encode(), "map.yaml").parse("\n".join([",".join(head), *lines]).encode(), META))
        problems = [p for p in found if isinstance(p, Problem) and p.rule != "unverified_code"]
        return [o for o in found if isinstance(o, Observation)], problems

    return run


def test_a_row_becomes_an_observation_with_its_place_and_key(parse: Parse) -> None:
    rows, problems = parse({}, {"SEX": "F", "OBS_VALUE": "6"})
    assert [(o.area, o.year, o.value, o.precision, o.breakdown) for o in rows] == [
        ("GRC", 2020, 7.5, 0.05, ""),
        ("GRC", 2020, 6.0, 0.5, "sex=F"),
    ]
    assert [o.raw_locator for o in rows] == ["row 2, OBS_VALUE", "row 3, OBS_VALUE"]
    assert rows[0].series_key == "X:A.PC.T.EL"
    assert problems == []


@pytest.mark.parametrize(
    ("code", "scheme", "iso3"),
    [
        ("EL", "eurostat", "GRC"), ("UK", "eurostat", "GBR"), ("XK", "eurostat", "XKX"), ("NA", "iso2", "NAM"),
        ("FR", "iso2", "FRA"), ("076", "m49", "BRA"), ("76", "m49", "BRA"), ("ZAF", "iso3", "ZAF"),
        ("EL", "iso2", None), ("UK", "iso2", None), ("EU27_2020", "eurostat", None), ("EA", "eurostat", None),
        ("fr", "iso2", None), ("Brazil", "iso3", None), ("001", "m49", None), ("W00", "iso3", None), ("", "iso2", None),
        ("U2", "iso2", None), ("CH", "iso2", "CHE"),
    ],
)  # fmt: skip
def test_an_area_is_read_in_its_declared_scheme_alone(code: str, scheme: str, iso3: str | None) -> None:
    assert area_of(code, scheme) == iso3


def test_a_group_and_an_unknown_code_are_told_once_each(parse: Parse) -> None:
    rows, problems = parse({"GEO": "EU27_2020"}, {"GEO": "EU27_2020", "TIME_PERIOD": "2021"}, {"GEO": "QQ"}, {})
    assert [o.area for o in rows] == ["GRC"]
    assert [(p.rule, p.severity, p.text) for p in problems] == [
        ("not_an_area", "info", '"EU27_2020" is a group of countries; 2 rows passed over'),
        ("not_an_area", "warning", '"QQ" is not a country\'s code in the scheme eurostat; 1 row passed over'),
    ]


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        ({"OBS_STATUS": "E"}, {"obs_status": "E"}),
        ({"OBS_STATUS": "ZZ"}, {"obs_status": "ZZ"}),  # kept as it is; evidence.quality flags it
        ({"OBS_FLAG": "b"}, {"obs_status": "B", "note": "OBS_FLAG=b"}),
        ({"OBS_FLAG": "bp"}, {"obs_status": "bp", "note": "OBS_FLAG=bp"}),
        ({"OBS_FLAG": "s"}, {"obs_status": "s", "note": "OBS_FLAG=s"}),
        ({"OBS_FLAG": "c", "OBS_VALUE": ""}, {"missing_reason": "withheld", "conf_status": "C", "value": None}),
        ({"OBS_FLAG": "z", "OBS_VALUE": ":"}, {"missing_reason": "not_applicable"}),
        ({"OBS_VALUE": ""}, {"missing_reason": "not_published", "obs_status": "O"}),
        ({"OBS_VALUE": "NaN", "OBS_STATUS": "M"}, {"missing_reason": "not_applicable", "obs_status": "M"}),
        ({"OBS_VALUE": "", "OBS_STATUS": "Q"}, {"missing_reason": "withheld", "obs_status": "Q"}),
        ({"CONF_STATUS": "F"}, {"conf_status": "F"}),
        ({"CONF_STATUS": "N"}, {"conf_status": "N"}),
        ({"CONF_STATUS_OBS": "C"}, {"conf_status": "C"}),
        ({"CONF_STATUS": "A"}, {"conf_status": "C", "note": "CONF_STATUS=A"}),
        ({"UNIT_MULT": "6"}, {"unit_mult": 6, "value": 7.5}),
        ({"DECIMALS": "1"}, {"decimals": 1}),
        ({"COMMENT_OBS": "new method", "SOURCE": "survey"}, {"note": "COMMENT_OBS=new method; SOURCE=survey"}),
        ({"TIME_PERIOD": "2020-Q1", "FREQ": "Q"}, {"freq": "Q", "period_end": date(2020, 3, 31)}),
    ],
    ids=lambda value: ",".join(f"{k}={v}" for k, v in value.items()),
)
def test_attributes_ride_along(parse: Parse, cells: dict[str, str], columns: dict[str, Any]) -> None:
    rows, problems = parse(cells)
    assert {name: getattr(rows[0], name) for name in columns} == columns
    assert problems == []


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({"OBS_VALUE": "12;4"}, '"12;4" is not a number'),
        ({"TIME_PERIOD": "FY20"}, '"FY20" is no time period'),
        ({"TIME_PERIOD": "2020-01-01"}, 'the period "2020-01-01" is not of the frequency A that the row states'),
        ({"UNIT_MULT": "millions"}, 'UNIT_MULT is "millions", not a small whole number'),
        ({"TIME_PERIOD": ""}, '"" is no time period'),
    ],
)
def test_a_row_that_can_not_be_read_is_told_with_its_place(parse: Parse, cells: dict[str, str], text: str) -> None:
    rows, problems = parse(cells, {"GEO": "FR"})
    assert [o.area for o in rows] == ["FRA"]
    assert [(p.rule, p.severity, p.text, p.where) for p in problems] == [
        ("unparsed", "error", text, "x.csv: row 2, OBS_VALUE")
    ]


def test_rows_of_other_series_are_counted(parse: Parse) -> None:
    rows, problems = parse({}, {"UNIT": "THS"}, {"SEX": "X"})
    assert len(rows) == 1
    assert [p.text for p in problems] == ["2 of 3 rows of X are of series that the map does not name; passed over"]


def test_a_dimension_that_the_map_forgot_refuses_the_series(parse: Parse) -> None:
    text = MAP.replace("where: {UNIT: PC}", "where: {}")
    rows, problems = parse({}, {"UNIT": "THS", "OBS_VALUE": "900"}, text=text)
    assert rows == []
    assert [(p.rule, p.severity, p.text) for p in problems] == [
        ("dimension_unmapped", "error", "UNIT has 2 values (PC, THS) among the rows; the map must say which is meant")
    ]
    free = text.replace("    series:", "    free_dimensions: [UNIT]\n    series:")
    assert len(parse({}, {"UNIT": "THS", "GEO": "FR"}, text=free)[0]) == 2


def test_a_withdrawn_figure_is_no_figure(parse: Parse) -> None:
    text = "STRUCTURE,STRUCTURE_ID,ACTION,UNIT,SEX,GEO,TIME_PERIOD,OBS_VALUE\n"
    rows = ["I,PC,T,EL,2020,7", "D,PC,T,EL,2020,", "I,PC,T,FR,2020,8", "D,PC,T,,2020,", "I,PC,T,EL,2021,9"]
    body = text + "".join(f"dataflow,E:X(1.0),{row}\n" for row in rows)
    found = list(connector_of(MAP.encode(), "map.yaml").parse(body.encode(), META))
    assert [(o.area, o.year) for o in found if isinstance(o, Observation)] == [("FRA", 2020), ("GRC", 2021)]
    told = {p.rule: (p.severity, p.where) for p in found if isinstance(p, Problem)}
    assert told["withdrawn"] == ("info", "x.csv: row 3, OBS_VALUE")
    assert told["withdrawn_range"] == ("error", "x.csv: row 5, OBS_VALUE")


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"DATAFLOW": "E:Y(1.0)"}, "unknown_flow", 'the rows are of the flow "E:Y(1.0)", which the map does not have.'),
        ({"DATAFLOW": ""}, None, ""),
    ],
)
def test_the_flow_of_the_rows_is_the_maps(parse: Parse, change: dict[str, str], code: str | None, text: str) -> None:
    if code is None:
        assert len(parse(change)[0]) == 1  # a map of one flow, and a body that names none
        return
    with pytest.raises(SourceError) as caught:
        parse(change)
    assert caught.value.code == code
    assert text in str(caught.value)


def test_a_column_that_the_map_names_must_be_there(parse: Parse) -> None:
    with pytest.raises(SourceError) as caught:
        parse({}, text=MAP.replace("UNIT: PC", "AGE: Y15"))
    assert caught.value.code == "missing_column"
    assert "the map of X names AGE, which the answer does not have" in str(caught.value)


def test_an_answer_of_a_header_alone_is_empty_and_not_nothing(parse: Parse) -> None:
    with pytest.raises(SourceError, match="the answer holds no row") as caught:
        parse()
    assert caught.value.code == "empty_answer"


def test_a_factor_too_large_for_a_number_is_told(parse: Parse) -> None:
    rows, problems = parse(
        {"OBS_VALUE": "1e200"}, text=MAP.replace("unit: percent", "unit: percent\n        multiply: 1.0e200")
    )
    assert rows == []
    assert [p.rule for p in problems] == ["unparsed"]
