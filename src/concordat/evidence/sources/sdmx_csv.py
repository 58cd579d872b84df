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

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from concordat.errors import SourceError
from concordat.evidence.locators import csv_delimiter
from concordat.evidence.sources._base import Meta, Problem, Query, Request, Series
from concordat.evidence.sources._sdmx import LEAD, VALUE, Row, Table
from concordat.evidence.sources._sdmx_maps import AGENCIES, agency_map, read_map
from concordat.evidence.sources._sdmx_rows import observations_of

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
    from concordat.evidence.sources._sdmx_rows import EUROSTAT_CODES
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
    said = _words(body)
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


def refusal(body: bytes, where: str) -> SourceError | None:
    """The error that a body is, if it stands where data should: a queue's note, a service's error, a page, a JSON."""
    head = body[:2_000].decode("utf-8-sig", errors="replace").lstrip()
    if head.startswith("<"):
        from concordat.evidence.sources._sdmx_xml import message_error

        return message_error(body, where) or _other(f"not CSV: it begins with {head[:80]!r}.", where)
    if head.startswith(("{", "[")):
        return _other(f'not CSV: the service says "{_words(body)}".', where)
    return None


def _other(what: str, where: str) -> SourceError:
    return SourceError(what, where=where, hint="Ask for SDMX-CSV, or check the address.", code="not_sdmx_csv")


def _words(body: bytes) -> str:
    """The first words of an error's body; of JSON its labels and messages."""
    text = body[:20_000].decode("utf-8-sig", errors="replace")
    try:
        found = _labels(json.loads(text), 0)
    except (ValueError, RecursionError):
        found = [text]
    return " ".join(" ".join(found).split())[:300]


def _labels(value: Any, depth: int) -> list[str]:
    if depth > 8:
        return []
    if isinstance(value, dict):
        own = [v for k in ("label", "message", "title", "detail", "text") if isinstance(v := value.get(k), str)]
        return own + [w for v in value.values() if isinstance(v, (dict, list)) for w in _labels(v, depth + 1)]
    return [w for v in value for w in _labels(v, depth + 1)] if isinstance(value, list) else []


# --- Reading --------------------------------------------------------------------------------------------------------

_FIRST = ("DATAFLOW", "STRUCTURE", "KEY")
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9_@$-]*)(?:\[(.)\])?(?::\s*(.*))?", re.DOTALL)
_LABELLED = re.compile(r"([^\s:]+(?::[^\s:]+)*): (.*)", re.DOTALL)
_ACTIONS = frozenset("IARMD")


@dataclass(frozen=True, slots=True)
class _Column:
    id: str
    header: str
    labelled: bool


def read_table(body: bytes, name: str) -> Table:
    """The rows of an SDMX-CSV body.

    Raises:
        SourceError: it is something else, or not UTF-8, or its header is not one of SDMX-CSV.
    """
    if error := refusal(body, name):
        raise error
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise SourceError(f"byte {fault.start} is not UTF-8.", where=name, code="not_utf8") from None
    delimiter = csv_delimiter(text)
    try:
        records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return _table(records, delimiter, name)
    except csv.Error as fault:
        raise SourceError(f"not CSV: {fault}.", where=name, code="not_sdmx_csv") from None


def _table(records: Iterator[list[str]], delimiter: str, name: str) -> Table:
    header = next(records, [])
    columns = _columns(header, name)
    ids = tuple(c.id for c in columns if c.id)
    first = columns[0].id
    rows: list[Row] = []
    problems: list[Problem] = []
    pages = _Pages(header)
    for number, record in enumerate(records, start=2):
        if not any(record) or pages.repeats(record):
            continue
        if len(record) != len(columns):
            text = f"has {len(record)} cells; the header has {len(columns)}"
            problems.append(Problem("ragged", "error", f"{name}: row {number}", text))
            continue
        rows.append(_row(record, columns, number, first))
        action = rows[-1].cells.get("ACTION", "I")
        if action not in _ACTIONS:
            problems.append(Problem("action", "error", f"{name}: row {number}", f'the action "{action}" is unknown'))
            rows.pop()
    if pages.count:
        text = f"the service repeats its first row; {pages.count} rows that were there before were left out"
        problems.append(Problem("repeated_page", "warning", name, text))
    return Table(
        form={"DATAFLOW": "SDMX-CSV 1.0", "STRUCTURE": "SDMX-CSV 2.0", "KEY": "CSV with keys"}[first],
        columns=ids,
        rows=rows,
        dimensions=_dimensions(ids),
        comma=delimiter == ";",
        problems=tuple(problems),
    )


def _columns(header: list[str], name: str) -> list[_Column]:
    match = _HEADER.fullmatch(header[0].strip()) if header else None
    if match is None or match[1] not in _FIRST:
        shown = ",".join(header)[:80]
        raise _other(f'not SDMX-CSV: it begins with "{shown}", not with {", ".join(_FIRST)}.', name)
    columns = [_column(text.strip()) for text in header]
    if any(c.id == "STRUCTURE_NAME" for c in columns):
        columns = _without_names(columns, name)
    ids = [c.id for c in columns if c.id]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice or VALUE not in ids:
        what = f"the header names {', '.join(twice)} twice." if twice else f"the header has no {VALUE}."
        raise SourceError(what, where=f"{name}: row 1", code="not_sdmx_csv")
    return columns


def _column(text: str) -> _Column:
    match = _HEADER.fullmatch(text)
    if match is None:
        return _Column(text, text, False)
    return _Column(match[1], text, match[3] is not None)


def _without_names(columns: list[_Column], name: str) -> list[_Column]:
    """Columns of ids alone, where each is followed by one of names (`labels=name`): the names get no id."""
    lead = next((i for i, c in enumerate(columns) if c.id not in LEAD), len(columns))
    rest = columns[lead:]
    if len(rest) % 2:
        what = "the header has a column of names without its column of ids."
        raise SourceError(what, where=f"{name}: row 1", code="not_sdmx_csv")
    named = [_Column(c.id if i % 2 == 0 else "", c.header, c.labelled) for i, c in enumerate(rest)]
    return columns[:lead] + named


def _dimensions(ids: tuple[str, ...]) -> tuple[str, ...]:
    """What stands before the value is a dimension, what stands behind it an attribute (both field guides)."""
    return tuple(i for i in ids[: ids.index(VALUE)] if i not in LEAD)


def _row(record: list[str], columns: list[_Column], number: int, first: str) -> Row:
    cells: dict[str, str] = {}
    texts: dict[str, str] = {}
    value_header = VALUE
    for column, text in zip(columns, record, strict=True):
        if column.id == VALUE:
            value_header = column.header
        if not column.id or not text.strip():
            continue
        cells[column.id] = text.strip()
        if column.labelled and (match := _LABELLED.fullmatch(text.strip())):
            cells[column.id], texts[column.id] = match[1], text.strip()
    flow = cells.get("STRUCTURE_ID" if first == "STRUCTURE" else first, "") if first != "KEY" else ""
    return Row(cells, f"row {number}, {value_header}", flow, cells.get("ACTION") == "D", texts)


class _Pages:
    """Rows that come again after the first row, or the header, came again: pages of a service that ignores paging."""

    def __init__(self, header: list[str]) -> None:
        self.count = 0
        self._header = tuple(header)
        self._seen = {self._header}
        self._first: tuple[str, ...] | None = None
        self._again = False

    def repeats(self, record: list[str]) -> bool:
        row = tuple(record)
        if row == self._header or row == self._first:
            self._again = True
        self._first = self._first or row
        if self._again and row in self._seen:
            self.count += 1
            return True
        self._seen.add(row)
        return False


def last_update(body: bytes) -> date | None:
    """The newest day in Eurostat's column LAST UPDATE (`11/04/24 23:00:00`, day first)."""
    try:
        text = body.decode("utf-8-sig")
        records = csv.reader(io.StringIO(text, newline=""), delimiter=csv_delimiter(text))
        at = next(records, []).index("LAST UPDATE")
        days = {record[at] for record in records if len(record) > at}
        return max((datetime.strptime(d, "%d/%m/%y %H:%M:%S").date() for d in days), default=None)  # noqa: DTZ007
    except (ValueError, csv.Error):  # no such column, or another form: then the day of retrieval counts
        return None
