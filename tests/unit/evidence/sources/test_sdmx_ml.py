"""SDMX-ML and SDMX-JSON: two readers that must agree, attributes of the whole data set, and what is refused."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest

from concordat.errors import MethodError, SourceError
from concordat.evidence.locators import Body
from concordat.evidence.observation import Observation
from concordat.evidence.sources import sdmx_ml
from concordat.evidence.sources._base import Meta, Query, Request

pytestmark = pytest.mark.usefixtures("sdmx1")

MESSAGE = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message"
SPECIFIC = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/structurespecific"
COMMON = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/common"
GENERIC = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/generic"
HEADER = """<m:Header><m:ID>1</m:ID><m:Test>false</m:Test><m:Prepared>2026-01-01T00:00:00</m:Prepared>
<m:Sender id="A"/><m:Structure structureID="S" dimensionAtObservation="TIME_PERIOD"><c:Structure>
<Ref agencyID="A" id="X" version="1.0"/></c:Structure></m:Structure></m:Header>"""


def specific(data: str, attributes: str = "") -> bytes:
    return f"""<m:StructureSpecificData xmlns:m="{MESSAGE}" xmlns:c="{COMMON}" xmlns:s="{SPECIFIC}">{HEADER}
<m:DataSet s:structureRef="S" {attributes}>{data}</m:DataSet></m:StructureSpecificData>""".encode()


def generic(data: str, action: str = "Information") -> bytes:
    return f"""<m:GenericData xmlns:m="{MESSAGE}" xmlns:c="{COMMON}" xmlns:g="{GENERIC}">{HEADER}
<m:DataSet structureRef="S" action="{action}">{data}</m:DataSet></m:GenericData>""".encode()


SERIES = '<Series GEO="BRA" UNIT="PC"><Obs TIME_PERIOD="2020" OBS_VALUE="1.50"/><Obs TIME_PERIOD="2021"/></Series>'
FLAT = '<Obs GEO="BRA" UNIT="PC" TIME_PERIOD="2020" OBS_VALUE="1.50"/>'
GENERIC_SERIES = """<g:Series><g:SeriesKey><g:Value id="GEO" value="BRA"/></g:SeriesKey>
<g:Attributes><g:Value id="UNIT" value="PC"/></g:Attributes>
<g:Obs><g:ObsDimension value="2020"/><g:ObsValue value="1.50"/></g:Obs></g:Series>"""
JSON: dict[str, Any] = {
    "header": {"id": "1", "prepared": "2026-01-01T00:00:00Z", "sender": {"id": "A"}},
    "structure": {
        "links": [{"href": "https://x/dataflow/A/X/1.0", "rel": "dataflow"}],
        "dimensions": {
            "dataSet": [{"id": "UNIT", "name": "Unit", "values": [{"id": "PC", "name": "Percent"}]}],
            "series": [{"id": "GEO", "name": "Area", "values": [{"id": "BRA", "name": "Brazil"}]}],
            "observation": [{"id": "TIME_PERIOD", "name": "Time", "values": [{"id": "2020", "name": "2020"}]}],
        },
        "attributes": {"dataSet": [], "series": [], "observation": []},
    },
    "dataSets": [{"action": "Information", "series": {"0": {"attributes": [], "observations": {"0": [1.5]}}}}],
}


@pytest.mark.parametrize(
    ("body", "form", "place"),
    [
        (specific(SERIES), "SDMX-ML 2.1 structure specific", "/StructureSpecificData/DataSet/Series/Obs[1]/@OBS_VALUE"),
        (specific(FLAT), "SDMX-ML 2.1 structure specific", "/StructureSpecificData/DataSet/Obs/@OBS_VALUE"),
        (generic(GENERIC_SERIES), "SDMX-ML 2.1 generic", "/GenericData/DataSet/Series/Obs/ObsValue/@value"),
        (json.dumps(JSON).encode(), "SDMX-JSON 1.0", "x#/dataSets/0/series/0/observations/0/0"),
    ],
    ids=["series", "flat", "generic", "json"],
)
def test_each_form_gives_the_same_row_and_its_place(body: bytes, form: str, place: str) -> None:
    table = sdmx_ml.read_table(body, "x")
    row = table.rows[0]
    assert (table.form, row.place) == (form, place)
    assert {k: row.cells[k] for k in ("GEO", "UNIT", "TIME_PERIOD")} == {
        "GEO": "BRA",
        "UNIT": "PC",
        "TIME_PERIOD": "2020",
    }
    assert row.flow.startswith("A:X")
    assert float(Body(body, "x").text_at(row.place)) == float(row.cells["OBS_VALUE"]) == 1.5


def test_a_value_is_kept_as_printed_and_a_missing_one_has_no_cell() -> None:
    rows = sdmx_ml.read_table(specific(SERIES), "x.xml").rows
    assert [row.cells.get("OBS_VALUE") for row in rows] == ["1.50", None]
    assert rows[1].place == "/StructureSpecificData/DataSet/Series/Obs[2]"


def test_attributes_of_the_data_set_are_not_lost() -> None:
    table = sdmx_ml.read_table(specific(SERIES, 'LICENSE="All rights reserved" UNIT_MULT="6"'), "x.xml")
    assert table.attributes == {"LICENSE": "All rights reserved", "UNIT_MULT": "6"}
    assert table.rows[0].cells["UNIT_MULT"] == "6"


def test_attributes_of_a_group_reach_its_series_alone() -> None:
    group = '<Group GEO="BRA" TITLE="Brazil"/>'
    series = SERIES.replace("BRA", "ZAF") + SERIES
    rows = sdmx_ml.read_table(specific(group + series), "x.xml").rows
    assert [(r.cells["GEO"], r.cells.get("TITLE")) for r in rows[::2]] == [("ZAF", None), ("BRA", "Brazil")]


def test_a_data_set_that_deletes_withdraws_its_rows() -> None:
    assert [r.withdrawn for r in sdmx_ml.read_table(generic(GENERIC_SERIES, "Delete"), "x.xml").rows] == [True]


def changed(path: list[str | int], value: Any) -> bytes:
    message = json.loads(json.dumps(JSON))
    *steps, last = path
    part: Any = message
    for step in steps:
        part = part[step]
    part[last] = value
    return json.dumps(message).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<", "not_xml"),
        (b"<a><b></a>", "not_xml"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "unsafe_xml"),
        (b"<a>" * 100 + b"</a>" * 100, "unsafe_xml"),
        (b"<CompactData/>", "unsupported_form"),
        (b"<html><body/></html>", "unsupported_form"),
        (b"<Error><ErrorMessage code='140'>Syntax</ErrorMessage></Error>", "service_error"),
        (specific(SERIES).replace(b"</m:DataSet>", b"<x>"), "not_xml"),
        (b"{", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "not_sdmx_json"),
        (b"{}", "service_error"),
        (b'{"errors": [{"code": 404}]}', "service_error"),
        (b'{"data": {}}', "unsupported_form"),
        (b'{"dataSets": []}', "not_sdmx_json"),
        (changed(["dataSets"], 7), "not_sdmx_json"),
        (changed(["dataSets", 0, "series"], {"1": {"observations": {"0": [1]}}}), "not_sdmx_json"),
        (changed(["dataSets", 0, "series"], {"-1": {"observations": {"0": [1]}}}), "not_sdmx_json"),
        (changed(["dataSets", 0, "series"], {"0:0": {"observations": {"0": [1]}}}), "not_sdmx_json"),
        (changed(["dataSets", 0, "series"], {"0": {"observations": {"0": []}}}), "not_sdmx_json"),
        (changed(["structure", "dimensions"], None), "not_sdmx_json"),
        (changed(["header"], None), "unreadable_sdmx"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_failure_is_typed_and_names_the_file(body: bytes, code: str) -> None:
    with pytest.raises(SourceError) as caught:
        sdmx_ml.read_table(body, "x.xml")
    assert (caught.value.code, caught.value.where) == (code, "x.xml")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sdmx", None)
    with pytest.raises(MethodError) as caught:
        sdmx_ml.read_table(specific(SERIES), "x.xml")
    assert str(caught.value) == (
        "x.xml: reading SDMX-ML and SDMX-JSON needs the package sdmx1. Install it with: pip install 'concordat[sdmx]'"
    )


def test_readers_that_disagree_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sdmx

    other = sdmx.read_sdmx
    monkeypatch.setattr(sdmx, "read_sdmx", lambda body: other(type(body)(body.read().replace(b"1.50", b"1.51"))))
    with pytest.raises(SourceError, match=r"at .*, OBS_VALUE: sdmx1 reads '1\.51', the walk '1\.50'"):
        sdmx_ml.read_table(specific(SERIES), "x.xml")
    monkeypatch.setattr(sdmx, "read_sdmx", lambda body: other(type(body)(specific(FLAT))))
    with pytest.raises(SourceError, match="sdmx1 reads 1 observations, the walk 2"):
        sdmx_ml.read_table(specific(SERIES), "x.xml")


def test_what_sdmx1_logs_is_told_and_not_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    attribute = {"id": "TIME_FORMAT", "name": "Time format", "values": []}
    body = changed(["structure", "attributes", "observation"], [attribute])
    table = sdmx_ml.read_table(body, "x.json")
    assert [p.rule for p in table.problems] == ["reader_note"]
    assert "TIME_FORMAT" in table.problems[0].text
    assert capfd.readouterr().err == ""


MAP = """schema: concordat/sdmx@1
origin: {dataset_id: own, source_id: own, producer: Office, title: Demo, licence: unstated}
agency: {id: own, name: Office, service: "https://sdmx.example.org", parameters: {format: csv}, status: seen}
flows:
  - flow: X
    status: seen
    area: {dimension: GEO, scheme: iso3}
    series: [{indicator: internet_users_pct, unit: percent, where: {UNIT: PC}}]
"""
META = Meta("own", "own", "v", date(2026, 1, 1), datetime(2026, 1, 2, tzinfo=UTC), "ab" * 32, "x", "1")


@pytest.mark.parametrize(
    "body", [specific(SERIES), generic(GENERIC_SERIES), json.dumps(JSON).encode(),
             b"KEY,GEO,UNIT,TIME_PERIOD,OBS_VALUE\nk,BRA,PC,2020,1.5\n"], ids=["xml", "generic", "json", "csv"]
)  # fmt: skip
def test_one_map_reads_every_form(body: bytes) -> None:
    found = [o for o in sdmx_ml.connector_of(MAP.encode(), "map.yaml").parse(body, META) if isinstance(o, Observation)]
    assert (found[0].indicator_id, found[0].area, found[0].year, found[0].value) == (
        "internet_users_pct",
        "BRA",
        2020,
        1.5,
    )
    assert [o.missing_reason for o in found[1:]] in ([], ["not_published"])


def test_a_plan_for_xml_does_not_ask_for_csv() -> None:
    request = sdmx_ml.connector_of(MAP.encode(), "map.yaml").plan(Query(years=(2020, 2021)))[0]
    assert request.url == "https://sdmx.example.org/data/X/all?endPeriod=2021&startPeriod=2020"
    assert request.accept[0].startswith("application/vnd.sdmx.structurespecificdata+xml")
    assert request.file_name == "own-X.xml"
    assert sdmx_ml.connector_of(MAP.encode(), "map.yaml").plan(Query())[0].url == "https://sdmx.example.org/data/X/all"


def test_a_queues_note_is_no_answer() -> None:
    note = b"<S><Footer><Message code='413'>a file at https://example.org/q</Message></Footer></S>"
    with pytest.raises(SourceError, match="put the question in a queue"):
        sdmx_ml.imf.follow(Request("https://x", label="WEO"), note)
    assert sdmx_ml.imf.follow(Request("https://x", label="WEO"), specific(SERIES)) == []
