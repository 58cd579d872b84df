"""Whatever bytes a service sends, a connector yields figures and problems, or raises a typed error, and nothing else.

Bodies are good ones with bytes cut out, doubled, replaced or moved, which is what broken proxies and changed services
send. Mutations are small, so that most reach beyond the first check.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from concordat.errors import SourceError
from concordat.evidence.observation import Observation
from concordat.evidence.sources import itu, sdmx_csv, sdmx_ml, un_sdg
from concordat.evidence.sources._base import Meta, Problem
from concordat.evidence.sources._sdmx import number_of, period_of

META = Meta("own", "own", "v", date(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC), "ab" * 32, "x", "1")
MAP = b"""schema: concordat/sdmx@1
origin: {dataset_id: own, source_id: own, producer: Office, title: Demo, licence: unstated}
flows:
  - flow: X
    status: seen
    area: {dimension: GEO, scheme: iso3}
    series: [{indicator: internet_users_pct, unit: percent}]
"""
CSV_1 = "DATAFLOW,GEO,TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_MULT\nA:X(1.0),BRA,2020,7.5,A,0\nA:X(1.0),ZAF,2020,,M,0\n"
CSV_2 = """STRUCTURE[|];STRUCTURE_ID;ACTION;GEO: Pays;TIME_PERIOD;OBS_VALUE;OBS_FLAG
dataflow;A:X(1.0);I;BRA: Brésil;2020-Q1;7,5;b
"""
XML = """<m:StructureSpecificData xmlns:m="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message"
xmlns:s="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/structurespecific"
xmlns:c="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/common"><m:Header><m:ID>1</m:ID><m:Test>false</m:Test>
<m:Prepared>2026-01-01T00:00:00</m:Prepared><m:Sender id="A"/><m:Structure structureID="S"
dimensionAtObservation="TIME_PERIOD"><c:Structure><Ref agencyID="A" id="X" version="1.0"/></c:Structure></m:Structure>
</m:Header><m:DataSet s:structureRef="S"><Series GEO="BRA"><Obs TIME_PERIOD="2020" OBS_VALUE="1.5"/></Series>
</m:DataSet></m:StructureSpecificData>"""
JSON = {
    "header": {"id": "1", "prepared": "2026-01-01T00:00:00Z", "sender": {"id": "A"}},
    "structure": {
        "links": [{"href": "https://x/dataflow/A/X/1.0", "rel": "dataflow"}],
        "dimensions": {
            "dataSet": [],
            "series": [{"id": "GEO", "name": "Area", "values": [{"id": "BRA", "name": "Brazil"}]}],
            "observation": [{"id": "TIME_PERIOD", "name": "Time", "values": [{"id": "2020", "name": "2020"}]}],
        },
        "attributes": {"dataSet": [], "series": [], "observation": []},
    },
    "dataSets": [{"action": "Information", "series": {"0": {"attributes": [], "observations": {"0": [1.5]}}}}],
}
ITU = [{"codeID": 11624, "code": "i99H", "isoCode": "ABW", "dataYear": 2001, "answer": [{"value": "17.1", "id": 1}]}]
SDG = {
    "pageNumber": 1,
    "totalPages": 1,
    "data": [
        {"series": "IT_MOB_OWN", "geoAreaCode": "76", "timePeriodStart": 2018.0, "value": "79.3", "nature": "C",
         "units": "PERCENT", "dimensions": {"Sex": "FEMALE"}}
    ],
}  # fmt: skip

Parse = Callable[[bytes, Meta], Any]
CONNECTORS: dict[str, tuple[bytes, Parse]] = {
    "csv 1.0": (CSV_1.encode(), sdmx_csv.connector_of(MAP, "map.yaml").parse),
    "csv 2.0": (CSV_2.encode(), sdmx_csv.connector_of(MAP, "map.yaml").parse),
    "xml": (XML.encode(), sdmx_ml.connector_of(MAP, "map.yaml").parse),
    "json": (json.dumps(JSON).encode(), sdmx_ml.connector_of(MAP, "map.yaml").parse),
    "itu": (json.dumps(ITU).encode(), itu.parse),
    "un_sdg": (json.dumps(SDG).encode(), un_sdg.parse),
}
NEEDS_SDMX1 = pytest.mark.skipif(find_spec("sdmx") is None, reason="needs the extra [sdmx] or [oracles]")
TREES = [pytest.param("json", JSON, marks=NEEDS_SDMX1), ("itu", ITU), ("un_sdg", SDG)]
NAMES = [pytest.param(name, marks=NEEDS_SDMX1 if name in ("xml", "json") else ()) for name in CONNECTORS]
PIECES = [b"", b"\x00", b'"', b",", b";", b"\n", b"<", b">", b"&", b"{", b"}", b"[", b"]", b":", b"0", b"-1", b"1e999",
          b"NaN", b"null", b"true", b"\xff", "é".encode(), b"9" * 40, b"2020", b"D", b"0:0"]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 6)))
        body = body[:start] + draw(st.sampled_from(PIECES)) + body[end:]
    return body


def only_what_is_promised(name: str, body: bytes) -> bool:
    """Whether a body gives observations and problems alone, or a typed error; anything else is raised."""
    try:
        found = list(CONNECTORS[name][1](body, META))
    except SourceError as error:
        return bool(error.code and error.what)
    return all(isinstance(one, (Observation, Problem)) for one in found)


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_body_gives_a_figure(name: str) -> None:
    body, parse = CONNECTORS[name]
    assert any(isinstance(one, Observation) and one.value is not None for one in parse(body, META))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_broken_body_gives_rows_problems_or_a_typed_error(name: str, data: st.DataObject) -> None:
    body, _ = CONNECTORS[name]
    assert only_what_is_promised(name, data.draw(mutated(body)))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above, *(p for key, inner in items for p in paths(inner, (*above, key)))]


@pytest.mark.parametrize(("name", "tree"), TREES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_part_of_another_type_gives_rows_problems_or_a_typed_error(
    name: str, tree: Any, data: st.DataObject
) -> None:
    values = st.sampled_from([None, True, -1, 10**30, 1.5, "", "x", [], [None], {}, {"id": None}])
    body = json.dumps(replaced(tree, data.draw(st.sampled_from(paths(tree))), data.draw(values))).encode()
    assert only_what_is_promised(name, body)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_a_printed_number_comes_back_with_half_its_last_digit(number: Any) -> None:
    found = number_of(str(number))
    assert found.value == float(number)
    assert found.precision == 0.0005


@given(st.dates(min_value=date(1, 1, 1)), st.sampled_from(["%Y-%m-%d", "%Y-%m", "%Y"]))
def test_a_day_lies_in_its_own_day_month_and_year(day: date, form: str) -> None:
    text = day.isoformat()[: {"%Y-%m-%d": 10, "%Y-%m": 7, "%Y": 4}[form]]
    start, end, _ = period_of(text)
    assert start <= day <= end
    assert start.isoformat().startswith(text)


@given(st.text(max_size=30))
def test_any_text_is_a_period_or_a_value_error(text: str) -> None:
    try:
        start, end, _ = period_of(text)
    except ValueError:
        return
    assert start <= end
