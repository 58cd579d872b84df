"""What every connector shares: how a fault in a publisher's data is told, what is asked for, what is answered.

A publisher's text that can't be used as it stands is never dropped in silence and never stops the other 35,000 figures:
it becomes a `Problem`, kept with the vintage and listed in the report's annex. Faults of the whole source (bytes that
are not JSON, a hash that differs) are raised as `SourceError` instead.

A connector is a module with three functions: `discover`, what a service has that the catalogue knows; `plan(query)`, a
list of `Request` (pure); and `parse(body, meta)`, which yields observations and problems (pure, never opens a
connection). A `Transport` sends the requests (`_http`, or `_cassette` from a record), `evidence.pulling` keeps each
answer as it comes, and `evidence.loading` stores what was parsed out of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from concordat.errors import SourceError
from concordat.evidence.observation import Observation, make_observation

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue

Severity = Literal["info", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing found wrong, odd or unusual in a publisher's data.

    Attributes:
        rule: the id of the rule that found it (`unit_unknown`, `year_inherited`, ...).
        severity: `info` changes nothing, `warning` asks for care, `error` means the text gave no usable figure.
        where: file and place in it, in the same form as an observation's `raw_locator`.
        text: what was found, in a sentence.
        indicator_id, area: what it is about, where it is about one indicator or area.
    """

    rule: str
    severity: Severity
    where: str
    text: str
    indicator_id: str = ""
    area: str = ""


# --- Connectors -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask a service for; made by a connector's pure `plan`.

    Attributes:
        url: whole, with its query; secrets are added by the client, never here.
        accept: the content types that are an answer, the wanted one first.
        label: what it is, for progress and messages (`IT.NET.USER.ZS, page 1`).
        headers: more headers, without secrets.
        body: for POST.
        name: what locators call the answer (`worldbank-IT.NET.USER.ZS-1.json`); made from the label if empty.
    """

    url: str
    accept: tuple[str, ...] = ("application/json",)
    label: str = ""
    method: Literal["GET", "POST"] = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    name: str = ""

    @property
    def file_name(self) -> str:
        """The name of its answer."""
        return self.name or "".join(c if c.isalnum() or c in ".-_+" else "-" for c in self.label) or "answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """A body as served, or as read from a file, with how it came.

    Attributes:
        name: what locators call it: `worldbank-IT.NET.USER.ZS-1.json`, `connectivity_2025.csv`.
        url: without secrets.
        last_updated: what the source says about its own age.
    """

    body: bytes
    name: str
    url: str
    retrieved_at: datetime
    method: str = "GET"
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    etag: str = ""
    last_updated: str = ""


@dataclass(frozen=True, slots=True)
class Meta:
    """What all rows parsed from one body share."""

    source_id: str
    dataset_id: str
    vintage_id: str
    known_from: date
    retrieved_at: datetime
    raw_sha256: str
    name: str
    parser_version: str

    def row(self, locator: str, **columns: Any) -> Observation:
        """An observation out of this body; `locator` is the place in it.

        Raises:
            SourceError: the columns break an invariant of the record.
        """
        return make_observation(
            source_id=self.source_id,
            dataset_id=self.dataset_id,
            vintage_id=self.vintage_id,
            known_from=self.known_from,
            retrieved_at=self.retrieved_at,
            raw_sha256=self.raw_sha256,
            raw_locator=locator,
            parser_version=self.parser_version,
            **columns,
        )


@dataclass(frozen=True, slots=True)
class Query:
    """What a person asks a service for.

    Attributes:
        indicators: ids of the catalogue; empty: all that it has a code for.
        areas: ISO 3166-1 alpha-3, sorted; empty: everyone.
        years: the first and the last, both inclusive; None: all there are.
        service: the address of a mirror or a test server instead of the service's own; without a slash at the end.
    """

    indicators: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    service: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """One code that a service is asked for, and the indicator and part that the catalogue says it is."""

    code: str
    indicator_id: str
    breakdown: str
    unit: str
    status: str


def mapped_series(catalogue: Catalogue, source: str, indicators: tuple[str, ...] = ()) -> tuple[Series, ...]:
    """The codes that the catalogue knows for a source, in its order; of these indicators alone, if any are named.

    Raises:
        InputError: an indicator is unknown.
        SourceError: the source has no code for any of them.
    """
    wanted = [catalogue.get(i) for i in indicators] if indicators else list(catalogue.indicators.values())
    found: list[Series] = []
    for indicator in wanted:
        place = indicator.maps.get(source)
        if place is None or indicator.retired:
            continue
        coded = {"": place.code, **place.breakdowns}
        found += [Series(str(c), indicator.id, b, indicator.unit, place.status) for b, c in coded.items() if c]
    if not found:
        what = f"the catalogue has no code of {source} for {', '.join(indicators) or 'any indicator'}."
        hint = "docs/reference/indicators.md lists which source has which."
        raise SourceError(what, hint=hint, code="no_code")
    return tuple(dict.fromkeys(found))


class Transport(Protocol):
    """What sends requests: live, recording, or from a record. One interface, so that nobody needs to know which."""

    def send(self, request: Request) -> Answer:
        """The answer to a request.

        Raises:
            SourceError: there is none that can be used.
        """
        ...


class Connector(Protocol):
    """What `evidence.pulling` needs of a service's module.

    A module may also have these functions, all pure:

    - `follow(request, body) -> list[Request]`: what else to ask, now that this was answered (further pages). It raises
      `SourceError` where the body is a refusal, of code `refused` if other requests may still be answered;
    - `split(request) -> list[Request]`: the smaller requests as which a refused one can be asked;
    - `page_key(body) -> str`: what makes a page differ from the others; a repeated one ends the pull with an error;
    - `published(body) -> date | None`: the source's own date of what it says;
    - `explain(request, status, body) -> SourceError | None`: what an answer other than 200 means, if that is final.
    """

    DATASET: str
    PARSER_VERSION: str

    def discover(self) -> tuple[Series, ...]:
        """The series that the catalogue knows and the service should have."""
        ...

    def plan(self, query: Query) -> list[Request]:
        """What to ask first."""
        ...

    def parse(self, body: bytes, meta: Meta) -> Iterator[Observation | Problem]:
        """The figures in one answer."""
        ...
