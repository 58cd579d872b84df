"""What every connector shares: how a fault in a publisher's data is told, what is asked for, what is answered.

A publisher's text that can't be used as it stands is never dropped in silence and never stops the other 35,000 figures:
it becomes a `Problem`, kept with the vintage and listed in the report's annex. Faults of the whole source (bytes that
are not JSON, a hash that differs) are raised as `SourceError` instead.

A connector is a module with three functions: `discover`, what a service has; `plan(query)`, a list of `Request` (pure);
and `parse(body, meta)`, which yields observations and problems (pure, never opens a connection). `_http` fetches,
`evidence.loading` stores the bodies and then what was parsed out of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from concordat.evidence.observation import Observation, make_observation

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
    """

    url: str
    accept: tuple[str, ...] = ("application/json",)
    label: str = ""
    method: Literal["GET", "POST"] = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


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
