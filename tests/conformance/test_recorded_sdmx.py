"""Every recorded SDMX body parses, or fails with a typed error. Counts and sums are taken from the bodies by a second
method (ElementTree, json, split lines), and sdmx1 is asked where it reads.

Bodies: khaeru/sdmx-test-data @ cd789934, agencies' own answers; see the README beside them. Which of the 21 hold data,
and how many observations, is that README's.
"""

from __future__ import annotations

import io
import json
import math
import warnings
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from concordat.errors import SourceError
from concordat.evidence.locators import Body
from concordat.evidence.sources import sdmx_csv, sdmx_ml
from concordat.evidence.sources._base import Meta, Problem
from concordat.evidence.sources._sdmx import Table
from concordat.evidence.sources._sdmx_maps import read_map

# Observations as the README of the recorded bodies says, or as counted below.
DATA = {
    "ecb_exr_generic.xml": 12,
    "ecb_exr_structure_specific.xml": 12,
    "ecb_exr_timeseries.json": 4,
    "ecb_exr_flat.json": 4,
    "oecd_data_part2.json": 7,
    "estat_nama_10_gdp_ss.xml": 4,
    "imf_weo_data.xml": 1,
    "imf_pcps.xml": 1,
    "wb_gh78.xml": 1,
    "istat_recorded_data.xml": 22,
    "sdmxcsv2_example01.csv": 2,
    "sdmxcsv2_example04.csv": 2,
}
STRUCTURES = (
    "ecb_exr_structure.xml", "oecd_actualconstraint.xml", "imf_availableconstraint_cpi.xml",
    "unicef_global_dataflow_structure.xml", "unsd_codelist_partial.xml", "bis_error_gh180.xml",
    "istat_recorded_dataflow.xml",
)  # fmt: skip
REFUSED = {"estat_footer.xml": "refused", "sdmxjson2_exr_timeseries.json": "unsupported_form"}
ELEMENTS = {
    "codelist": "Codelist", "concept_scheme": "ConceptScheme", "dataflow": "Dataflow",
    "constraint": "ContentConstraint", "category_scheme": "CategoryScheme", "categorisation": "Categorisation",
    "structure": "DataStructure",
}  # fmt: skip


def read(folder: Path, name: str) -> tuple[bytes, Table]:
    body = (folder / "recorded" / "sdmx" / name).read_bytes()
    return body, (sdmx_csv if name.endswith(".csv") else sdmx_ml).read_table(body, name)


def local(tag: str) -> str:
    return tag.rpartition("}")[2]


def second_reading(body: bytes, name: str) -> list[float]:
    """The values in a body, in its order, by another way than the module's."""
    if name.endswith(".csv"):
        lines = body.decode().splitlines()
        semicolons = ";" in lines[0]
        at = next(i for i, h in enumerate(lines[0].split(";" if semicolons else ",")) if h.startswith("OBS_VALUE"))
        return [float(line.split(";" if semicolons else ",")[at].replace(",", ".")) for line in lines[1:]]
    if name.endswith(".json"):
        sets = json.loads(body)["dataSets"]
        groups = [g for s in sets for g in [s, *s.get("series", {}).values()]]
        return [float(v[0]) for g in groups for v in g.get("observations", {}).values()]
    root = ElementTree.fromstring(body)
    specific = [e.get("OBS_VALUE") for e in root.iter() if local(e.tag) == "Obs" and "OBS_VALUE" in e.attrib]
    generic = [e.get("value") for e in root.iter() if local(e.tag) == "ObsValue"]
    return [float(v) for v in [*specific, *generic] if v is not None]


def test_the_table_below_names_every_recorded_body(shared_data: Path) -> None:
    found = {p.name for p in (shared_data / "recorded" / "sdmx").iterdir() if not p.name.endswith(".http.json")}
    assert found == {*DATA, *STRUCTURES, *REFUSED}
    assert len(found) == 21


@pytest.mark.parametrize(("name", "count"), DATA.items())
def test_a_body_with_data_gives_each_value_in_its_order(shared_data: Path, name: str, count: int) -> None:
    body, table = read(shared_data, name)
    values = [float(row.cells["OBS_VALUE"].replace(",", ".")) for row in table.rows]
    assert len(values) == count
    assert values == second_reading(body, name)


@pytest.mark.parametrize("name", DATA)
def test_each_value_stands_where_its_locator_says(shared_data: Path, name: str) -> None:
    body, table = read(shared_data, name)
    document = Body(body, name)
    for row in table.rows:
        found, said = document.text_at(row.place), row.cells["OBS_VALUE"]
        assert found == said or float(found) == float(said)


@pytest.mark.parametrize("name", [n for n in DATA if not n.endswith(".csv")])
def test_sdmx1_reads_the_same_values_and_periods(sdmx1: None, shared_data: Path, name: str) -> None:
    import sdmx

    body, table = read(shared_data, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        observations = [o for d in sdmx.read_sdmx(io.BytesIO(body)).data for o in d.obs]
    keys = [{k: v.value for k, v in o.key.values.items()} for o in observations]
    assert [float(o.value) for o in observations] == [float(row.cells["OBS_VALUE"]) for row in table.rows]
    assert [k.get("TIME_PERIOD") for k in keys] == [row.cells.get("TIME_PERIOD") for row in table.rows]


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_body_of_structures_is_no_data_and_is_counted(shared_data: Path, name: str) -> None:
    body = (shared_data / "recorded" / "sdmx" / name).read_bytes()
    with pytest.raises(SourceError) as caught:
        sdmx_ml.read_table(body, name)
    assert caught.value.code == "structure_message"
    assert caught.value.where == name
    counts = sdmx_ml.read_structures(body, name)
    there = Counter(local(e.tag) for e in ElementTree.fromstring(body).iter() if "agencyID" in e.attrib)
    wanted = {kind: there[tag] for kind, tag in ELEMENTS.items() if there[tag]}
    # sdmx1 counts also what is only referred to, so kinds that the message does not hold are left out.
    assert wanted
    assert {kind: counts[kind] for kind in wanted} == wanted


@pytest.mark.parametrize(("name", "code"), REFUSED.items())
def test_what_can_not_be_read_is_a_typed_error(shared_data: Path, name: str, code: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(shared_data, name)
    assert (caught.value.code, caught.value.where) == (code, name)


def test_eurostats_note_names_where_the_answer_will_be(shared_data: Path) -> None:
    body = (shared_data / "recorded" / "sdmx" / "estat_footer.xml").read_bytes()
    for reader in (sdmx_ml, sdmx_csv):
        with pytest.raises(SourceError, match="put the question in a queue") as caught:
            reader.read_table(body, "answer")
        assert "http://ec.europa.eu/eurostat/SDMX/diss-web/file/wHsvjs7hQCy7Dqf4" in caught.value.hint


# --- By a map, to observations ---

ORIGIN = "origin: {dataset_id: demo, source_id: demo, producer: P, title: T, licence: unstated}\n"
ESTAT = """flows:
  - flow: NAMA_10_GDP
    status: seen
    area: {dimension: geo, scheme: eurostat}
    series: [{indicator: gdp_current_usd, unit: eur_current, where: {unit: CP_MEUR, na_item: B1GQ}, multiply: 1000000}]
"""
WEO = """flows:
  - flow: "IMF.RES,WEO,"
    status: seen
    unit_mult: null
    area: {dimension: COUNTRY, scheme: iso3}
    series: [{indicator: gdp_constant_2015_usd, unit: lcu_constant, where: {INDICATOR: NGDP_R}}]
"""
WITS = """flows:
  - flow: TARIFF_TRAINS
    status: seen
    area: {dimension: REPORTER, scheme: m49}
    series: [{indicator: gini_index, unit: percent, where: {DATASOURCE: TRN, PRODUCTCODE: "020110"}}]
"""


def observe(folder: Path, name: str, flows: str) -> tuple[list[Any], list[Problem]]:
    body, table = read(folder, name)
    day = date(2026, 11, 22)
    meta = Meta("demo", "demo", "v", day, datetime(2026, 11, 22, tzinfo=UTC), "ab" * 32, name, "1")
    maps = read_map(f"schema: concordat/sdmx@1\n{ORIGIN}{flows}".encode(), "map.yaml")
    found = list(sdmx_ml.parse(body, meta, maps))
    assert table.rows
    return [o for o in found if not isinstance(o, Problem)], [o for o in found if isinstance(o, Problem)]


def test_luxembourgs_output_in_millions_becomes_whole_euros(shared_data: Path) -> None:
    rows, problems = observe(shared_data, "estat_nama_10_gdp_ss.xml", ESTAT)
    assert [(o.area, o.year) for o in rows] == [("LUX", 2012), ("LUX", 2013), ("LUX", 2014), ("LUX", 2015)]
    assert math.isclose(rows[0].value, 46_526_200_000, rel_tol=1e-15)  # as printed: 46526.2 million
    assert math.isclose(rows[0].precision, 50_000)
    assert problems == []


def test_the_imfs_scale_is_no_multiplier_and_its_licence_is_told(shared_data: Path) -> None:
    rows, problems = observe(shared_data, "imf_weo_data.xml", WEO)
    assert [(o.area, o.year, o.value, o.unit_mult) for o in rows] == [("SVK", 2018, 94_669_000_000, 0)]
    assert "SCALE=9" in rows[0].note
    said = next(p.text for p in problems if p.rule == "dataset_attributes")
    assert "LICENSE=© International Monetary Fund Copyright. All Rights Reserved." in said


def test_an_attribute_of_the_data_set_selects_rows(shared_data: Path) -> None:
    rows, _ = observe(shared_data, "wb_gh78.xml", WITS)
    assert [(o.area, o.year, o.value) for o in rows] == [("USA", 1989, 0.0)]
    assert rows[0].series_key == "TARIFF_TRAINS:A.Reported.020110.000.840"
