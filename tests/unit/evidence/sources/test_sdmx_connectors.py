"""The agencies' connectors: what is asked for, what a status means, and a person's own map; a pull from end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from concordat.errors import InputError, SourceError
from concordat.evidence import open_store
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.citation import origin_of
from concordat.evidence.licences import licence
from concordat.evidence.prov import RawTexts
from concordat.evidence.pulling import pull
from concordat.evidence.sources import sdmx_csv
from concordat.evidence.sources._base import Answer, Query, Request
from concordat.evidence.sources._connectors import connector
from concordat.evidence.sources._sdmx_maps import AGENCIES, agency_map, read_map
from concordat.evidence.sources._sdmx_model import sdmx_schema

OWN = """schema: concordat/sdmx@1
origin: {dataset_id: own, source_id: own, producer: Office, title: Demo, licence: unstated}
flows:
  - flow: "AG,DSD@DF,1.0"
    key: "A.{areas}."
    status: unverified
    area: {scheme: m49}
    series: [{indicator: internet_users_pct, unit: percent}]
"""


@pytest.mark.parametrize("agency", AGENCIES)
def test_each_agency_has_a_map_an_origin_and_a_connector(agency: str) -> None:
    maps = agency_map(agency)
    assert maps.agency is not None
    assert maps.agency.id == agency
    assert agency == connector(agency).DATASET
    assert origin_of(agency).source_id == agency
    assert licence(origin_of(agency).licence).redistribute is False  # nobody here has read their terms yet


@pytest.mark.parametrize("agency", AGENCIES)
def test_nothing_in_our_maps_is_called_checked(agency: str) -> None:
    maps = agency_map(agency)
    assert maps.agency is not None
    assert {maps.agency.status, *(flow.status for flow in maps.flows)} == {"unverified"}


@pytest.mark.parametrize("agency", AGENCIES)
def test_our_maps_speak_the_catalogues_units(agency: str) -> None:
    catalogue = load_catalogue()
    for flow in agency_map(agency).flows:
        for series in flow.series:
            assert series.unit == catalogue.get(series.indicator).unit


def test_eurostats_flows_are_those_of_the_catalogue() -> None:
    ours = {(s.indicator, flow.id) for flow in agency_map("eurostat").flows for s in flow.series}
    listed = {(i.id, i.maps["eurostat"].code) for i in load_catalogue().indicators.values() if "eurostat" in i.maps}
    assert ours == {pair for pair in listed if not pair[1].endswith("*")}


def test_the_schema_beside_the_maps_is_the_models() -> None:
    stored = (files("concordat.evidence") / "_data" / "schema" / "sdmx-1.json").read_text(encoding="utf-8")
    assert json.loads(stored) == sdmx_schema()


@pytest.mark.parametrize(
    ("agency", "url"),
    [
        ("eurostat", "/isoc_ci_ifp_iu/all?endPeriod=2024&format=SDMX-CSV&startPeriod=2015"),
        ("oecd", "/data/OECD.STI.STP,DSD_MSTI@DF_MSTI,/all?endPeriod=2024&startPeriod=2015"),
        ("bis", "/data/BIS,WS_XRU,1.0/A...A?endPeriod=2024&format=csv&startPeriod=2015"),
    ],
)
def test_a_plan_is_one_request_a_flow(agency: str, url: str) -> None:
    request = connector(agency).plan(Query(years=(2015, 2024)))[0]
    assert request.url.startswith("https://")
    assert request.url.endswith(url)
    assert request.accept[0].startswith("application/vnd.sdmx.data+csv")


def test_a_plan_takes_the_flows_of_the_indicators_alone() -> None:
    requests = sdmx_csv.eurostat.plan(Query(indicators=("households_internet_pct",)))
    assert [r.url.rpartition("/data/")[2] for r in requests] == ["isoc_ci_in_h/all?format=SDMX-CSV"]


@pytest.mark.parametrize(("agency", "asked"), [("unicef", ()), ("eurostat", ("gini_index",))])
def test_a_map_without_the_indicator_is_an_error(agency: str, asked: tuple[str, ...]) -> None:
    with pytest.raises(SourceError, match=f"the map of {agency} has no flow for") as caught:
        connector(agency).plan(Query(indicators=asked))
    assert caught.value.code == "no_code"


def test_a_map_of_ones_own_reads_any_service() -> None:
    own = sdmx_csv.connector_of(OWN.encode(), "map.yaml")
    request = own.plan(Query(areas=("BRA", "XKX", "ZAF"), service="https://sdmx.example.org/rest"))[0]
    assert request.url == "https://sdmx.example.org/rest/data/AG,DSD@DF,1.0/A.076+710."  # Kosovo has no M49 number
    assert own.DATASET == "own"
    assert [(s.code, s.indicator_id, s.status) for s in own.discover()] == [
        ("DSD@DF", "internet_users_pct", "unverified")
    ]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("internet_users_pct", "internet_user_pct", 'Did you mean "internet_users_pct"?'),
        ("unit: percent", "units: percent", 'Did you mean "unit"?'),
        ("scheme: m49", "scheme: fips", "map.yaml, line 7"),
        ("unit: percent", "unit: percent, breakdown: {skill: {dimension: S, values: {}}}", 'has no breakdown "skill"'),
        ("unit: percent", "unit: percent, multiply: 0", "multiply must not be 0"),
        ("origin: {", "agency_: {", "agency_"),
        ("concordat/sdmx@1", "concordat/sdmx@2", "this must be concordat/sdmx@1"),
    ],
)
def test_a_fault_in_a_map_has_its_line_and_a_hint(old: str, new: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_map(OWN.replace(old, new).encode(), "map.yaml")
    assert text in str(caught.value)
    assert "map.yaml" in caught.value.where


def test_a_flow_stands_in_a_map_once() -> None:
    twice = OWN + OWN.partition("flows:\n")[2].replace("DSD@DF", "dsd@df")
    with pytest.raises(InputError, match='the flow "dsd@df" stands twice'):
        read_map(twice.encode(), "map.yaml")


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (404, "unknown_flow", 'oecd knows no such data (HTTP 404): "Could not find Dataflow".'),
        (413, "refused", 'oecd finds the question too large (HTTP 413): "Could not find Dataflow".'),
        (429, None, ""),
        (500, None, ""),
    ],
)
def test_a_final_status_has_its_meaning(status: int, code: str | None, text: str) -> None:
    error = sdmx_csv.oecd.explain(Request("https://x", label="x"), status, b"Could not find Dataflow")
    assert (error.code if error else None) == code
    assert text in str(error or "")


def test_a_question_that_is_too_large_is_halved_by_years() -> None:
    request = sdmx_csv.eurostat.plan(Query(years=(2015, 2017)))[0]
    halves = sdmx_csv.eurostat.split(request)
    years = [(r.url.partition("startPeriod=")[2], r.url.partition("endPeriod=")[2][:4]) for r in halves]
    assert years == [("2015", "2016"), ("2017", "2017")]
    assert [r.label for r in halves] == ["eurostat isoc_ci_ifp_iu, 2015-2016", "eurostat isoc_ci_ifp_iu, 2017-2017"]
    assert len({r.file_name for r in halves}) == 2
    assert [len(sdmx_csv.eurostat.split(r)) for r in halves] == [2, 0]
    assert sdmx_csv.eurostat.split(sdmx_csv.eurostat.plan(Query())[0]) == []


# --- From end to end ---

HEAD = "DATAFLOW,LAST UPDATE,freq,indic_is,unit,ind_type,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG\n"
CELLS = "ESTAT:ISOC_CI_IFP_IU(1.0),11/04/24 23:00:00,A,I_IU3,PC_IND,{part},{geo},{year},{value},{flag}\n"
QUEUED = b"<S><Footer><Message code='413'><Text>a file at https://example.org/q</Text></Message></Footer></S>"


class Eurostat:
    """Answers one flow: questions of more than two years go into the queue."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def send(self, request: Request) -> Answer:
        self.asked.append(request.url)
        first, last = (int(request.url.partition(f"{end}Period=")[2][:4]) for end in ("start", "end"))
        body = QUEUED if last - first > 1 else (HEAD + "".join(self.rows(first, last))).encode()
        return Answer(body, request.file_name, request.url, datetime(2026, 11, 22, tzinfo=UTC), status=200)

    @staticmethod
    def rows(first: int, last: int) -> Iterator[str]:
        for year in range(first, last + 1):
            for part, value in (("IND_TOTAL", 80 + year % 10), ("F_Y16_74", 79)):
                yield CELLS.format(part=part, geo="EL", year=year, value=value, flag="b" if year == 2020 else "")
            yield CELLS.format(part="IND_TOTAL", geo="EU27_2020", year=year, value=90, flag="")


def test_a_pull_splits_stores_and_traces(tmp_path: Path) -> None:
    service = Eurostat()
    query = Query(indicators=("internet_users_pct",), years=(2018, 2021))
    with open_store(tmp_path) as store:
        pulled = pull(sdmx_csv.eurostat, query, service, store, load_catalogue())
        vintage = pulled.loaded.vintage
        rows = store.observations(vintage)
        texts = RawTexts(store)
        found = sorted((o.year, o.breakdown, o.value, texts.text_at(o), o.obs_status) for o in rows)
    assert len(service.asked) == 3  # four years were too many, two and two were not
    assert vintage.known_from.isoformat() == "2024-04-11"
    assert {o.area for o in rows} == {"GRC"}
    assert [f for f in found if f[0] == 2020] == [(2020, "", 80.0, "80", "B"), (2020, "sex=F", 79.0, "79", "B")]
    assert len(found) == 8
    assert {p.rule for p in pulled.loaded.problems} == {"not_an_area", "unverified_code"}
