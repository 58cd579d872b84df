"""SDMX services by their plain form, CSV: OECD, Eurostat, ILO, IMF, BIS, ECB, UNICEF, and any other by a map of yours.

A connector is an object per agency (`sdmx_csv:eurostat`): it asks `/data/{flow}/{key}?startPeriod=` and reads what
comes by the agency's map (`_data/sdmx/<agency>.yaml`). Read are SDMX-CSV 1.0 (`DATAFLOW`), 2.0 (`STRUCTURE,
STRUCTURE_ID, ACTION`) and the files of services that begin with `KEY`; with `,` `;` or tab between cells, decimal
commas, `ID: label` in headers and cells, or names in columns of their own; without needing a DSD. (SDMX-CSV field
guides 1.0 and 2.0, SDMX-TWG.)

Where services differ from the standard: a wrong version of an OECD flow is a 404; Eurostat answers a large question
with a note where the answer will be, later; UNICEF's ignores paging, so everything is one request, and an answer whose
first row comes again is read up to there.

    >>> from concordat.evidence.sources import sdmx_csv
    >>> table = sdmx_csv.read_table(b"DATAFLOW,GEO,TIME_PERIOD,OBS_VALUE\\nESTAT:X(1.0),EL,2020,7.5\\n", "x.csv")
    >>> table.rows[0].cells["GEO"], table.rows[0].place, table.form
    ('EL', 'row 2, OBS_VALUE', 'SDMX-CSV 1.0')
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from concordat.errors import SourceError
from concordat.evidence.sources._base import Meta, Problem, Query, Request, Series
from concordat.evidence.sources._sdmx_maps import AGENCIES, agency_map, read_map
from concordat.evidence.sources._sdmx_read import last_update as last_update
from concordat.evidence.sources._sdmx_read import read_table as read_table
from concordat.evidence.sources._sdmx_read import refusal, words_of
from concordat.evidence.sources._sdmx_rows import EUROSTAT_CODES, observations_of

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation
    from concordat.evidence.sources._sdmx_model import Flow, SdmxFile

PARSER_VERSION = "1"

# --- The connector --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SdmxConnector:
    """One agency's service. See `_base.Connector` for what the functions promise."""

    DATASET: str
    maps: SdmxFile
    PARSER_VERSION: str = PARSER_VERSION

    def discover(self) -> tuple[Series, ...]:
        """The series that the map knows, with the flow as their code."""
        return tuple(dict.fromkeys(series for flow in self.maps.flows for series in _series(flow)))

    def plan(self, query: Query) -> list[Request]:
        """One request a flow; nobody pages.

        Raises:
            SourceError: the map has no flow for any of the indicators.
        """
        wanted = set(query.indicators)
        flows = [f for f in self.maps.flows if not wanted or wanted & {s.indicator for s in f.series}]
        if not flows:
            what = f"the map of {self.DATASET} has no flow for {', '.join(query.indicators) or 'any indicator'}."
            hint = "Say in a map of your own (schema concordat/sdmx@1) which rows of which flow are which indicator."
            raise SourceError(what, hint=hint, code="no_code")
        return [self._request(flow, query) for flow in flows]

    def parse(self, body: bytes, meta: Meta) -> Iterator[Observation | Problem]:
        """The figures in one answer, and what was passed over.

        Raises:
            SourceError: the body is no SDMX-CSV, or is a refusal, or has a flow or columns that the map lacks.
        """
        yield from self.unverified(meta)
        yield from observations_of(read_table(body, meta.name), self.maps, meta)

    def unverified(self, meta: Meta) -> Iterator[Problem]:
        """That a flow's map has not been checked, so that it shows wherever its figures do."""
        for flow in self.maps.flows:
            if flow.status == "unverified":
                names = ", ".join(s.indicator for s in flow.series)
                yield Problem("unverified_code", "info", meta.name, f"the map of {flow.id} ({names}) is unverified")

    def published(self, body: bytes) -> date | None:
        """The day in Eurostat's column LAST UPDATE, the newest; None where the answer has no such column."""
        return last_update(body)

    def follow(self, request: Request, body: bytes) -> list[Request]:
        """Nothing more to ask; a refusal in the place of data is an error.

        Raises:
            SourceError: see `refusal`.
        """
        if error := refusal(body, request.label):
            raise error
        return []

    def split(self, request: Request) -> list[Request]:
        """A question that was too large, by halves of its years; nothing where it has one year or none."""
        return halves(request)

    def explain(self, request: Request, status: int, body: bytes) -> SourceError | None:
        """What a status other than 200 means at these services, where it is final."""
        return explain(self.DATASET, request, status, body)

    def _request(self, flow: Flow, query: Query) -> Request:
        agency = self.maps.agency
        assert agency is not None or query.service, "a map without an agency needs a service"
        years = query.years
        parameters = dict(agency.parameters) if agency else {}
        if years:
            parameters |= {"startPeriod": str(years[0]), "endPeriod": str(years[1])}
        key = quote(flow.key.replace("{areas}", "+".join(area_codes(query.areas, flow))), safe="+.,")
        url = (
            f"{query.service or (agency.service if agency else '')}/data/{quote(flow.flow, safe=',@$')}/{key or 'all'}"
        )
        accept = agency.accept if agency else "application/vnd.sdmx.data+csv;labels=id"
        return Request(
            url=f"{url}?{urlencode(sorted(parameters.items()))}".rstrip("?"),
            accept=(accept, "text/csv", *(agency.also_accept if agency else ())),
            label=f"{self.DATASET} {flow.id}",
            name=f"{self.DATASET}-{flow.id}.csv",
        )


def _series(flow: Flow) -> Iterator[Series]:
    for series in flow.series:
        parts = ";".join(sorted(series.breakdown))
        yield Series(flow.id, series.indicator, parts, series.unit, flow.status)


def area_codes(areas: Sequence[str], flow: Flow) -> list[str]:
    """The codes of countries in the flow's scheme; countries for which the scheme has none are left out."""
    from concordat.world import country

    scheme = flow.area.scheme
    own = {iso3: code for code, iso3 in EUROSTAT_CODES.items()} if scheme == "eurostat" else {}
    found = (country(area, scheme="iso3") for area in areas)
    attribute = "iso2" if scheme == "eurostat" else scheme
    return [code for c in found if (code := own.get(c.iso3) or getattr(c, attribute))]


def connector_of(body: bytes, where: str) -> SdmxConnector:
    """A connector from a person's own map: any dataflow of any service.

    Raises:
        InputError: the map breaks its schema.
    """
    maps = read_map(body, where)
    return SdmxConnector(name_of(maps), maps)


def name_of(maps: SdmxFile) -> str:
    """The dataset that a map makes: a person's own, or the agency's."""
    if maps.origin:
        return maps.origin.dataset_id
    assert maps.agency is not None, "the schema asks for one of the two"
    return maps.agency.id


def __getattr__(name: str) -> Any:
    """`sdmx_csv.eurostat`: the connector of an agency, its map read when first asked for."""
    if name in AGENCIES:
        return SdmxConnector(name, agency_map(name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# --- Refusals -------------------------------------------------------------------------------------------------------

_SMALLER = "Ask for fewer years or fewer countries at once."


def explain(dataset: str, request: Request, status: int, body: bytes) -> SourceError | None:
    """The error for a status that is final: a wrong flow or version, too much at once. Else None.

    An hour's quota (429) is no final answer: the client waits as long as the service says.
    """
    said = words_of(body)
    if status == 404:
        hint = "Check the flow and its version in the map: at the OECD a wrong version is 404, as is an empty answer."
        what = f'{dataset} knows no such data (HTTP 404): "{said}".'
        return SourceError(what, where=request.label, hint=hint, code="unknown_flow")
    if status == 413:
        what = f'{dataset} finds the question too large (HTTP 413): "{said}".'
        return SourceError(what, where=request.label, hint=_SMALLER, code="refused")
    return None


def halves(request: Request) -> list[Request]:
    """The same request for the first and for the second half of its years."""
    match = _YEARS.search(request.url)
    if match is None or match[1] == match[2]:
        return []
    first, last = int(match[2]), int(match[1])  # endPeriod stands before startPeriod
    middle = (first + last) // 2
    return [_for_years(request, match, *years) for years in ((first, middle), (middle + 1, last))]


_YEARS = re.compile(r"endPeriod=([0-9]{4})(?=&)(?:.*?)&startPeriod=([0-9]{4})")


def _for_years(request: Request, match: re.Match[str], first: int, last: int) -> Request:
    between = match[0].replace(f"endPeriod={match[1]}", f"endPeriod={last}", 1)
    between = between.replace(f"startPeriod={match[2]}", f"startPeriod={first}", 1)
    stem = re.sub(r"-[0-9]{4}-[0-9]{4}$", "", request.file_name.removesuffix(".csv"))
    return replace(
        request,
        url=request.url.replace(match[0], between, 1),
        label=re.sub(r", [0-9]{4}-[0-9]{4}$", "", request.label) + f", {first}-{last}",
        name=f"{stem}-{first}-{last}.csv",
    )
