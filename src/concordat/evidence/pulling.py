"""From a question to a stored vintage: ask a service page by page, keep each answer as it comes, then parse and store.

The order of work: `plan` says what to ask; each answer is kept in the store before anything else is done with it; the
connector says what to ask next; when all is there, `loading` parses the bodies and stores one vintage. So a pull that
is interrupted has lost nothing: run again on the same day, it takes the answers that are kept and asks for the rest.

A vintage is all that is used of its dataset, so a pull for other countries would take the figures of the ones before
out of use. That is why a pull also asks for what the newest vintage of the dataset holds, unless it is told not to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from concordat import clock
from concordat.errors import SourceError
from concordat.evidence.citation import origin_of
from concordat.evidence.loading import Loaded, keep, load
from concordat.evidence.sources._answers import wrong_content
from concordat.evidence.sources._base import Answer, Connector, Query, Request, Transport
from concordat.evidence.sources._urls import normal_url

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.store import Store

REQUESTS_MAX = 2_000
BYTES_MAX = 2**30
AREAS_LISTED_MAX = 100  # beyond, everyone is asked for

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull brought.

    Attributes:
        query: what was asked for in the end.
        answers: how many answers it rests on; `kept` of them were there already.
        refused: what the service refused, a code at a time; the others were stored.
    """

    loaded: Loaded
    query: Query
    answers: int
    kept: int
    refused: tuple[SourceError, ...]


def pull(
    connector: Connector,
    query: Query,
    transport: Transport,
    store: Store,
    catalogue: Catalogue,
    *,
    reuse: bool = True,
    only: bool = False,
    progress: Tell | None = None,
) -> Pulled:
    """Ask a service, and store what it answers as one vintage.

    Args:
        reuse: take answers that were kept today instead of asking again.
        only: don't ask for what the newest vintage of the dataset holds beyond the query.
        progress: told in words what is done.

    Raises:
        SourceError: the service can't be reached, refuses all, pages without end, or has no figure at all.
        StateError: the store can't be written.
    """
    tell: Tell = progress or (lambda _: None)
    if not only:
        query = widened(query, connector.DATASET, store, tell)
    asking = _Asking(connector, transport, store, reuse, tell)
    asking.all(connector.plan(query))
    days = asking.days()
    if asking.kept and len(days) > 1:
        tell(f"{connector.DATASET} was updated since the kept answers came; asking for all of it again.")
        asking = _Asking(connector, transport, store, False, tell)
        asking.all(connector.plan(query))
        days = asking.days()
    answers, refused = asking.answers, asking.refused
    if not answers:
        raise _all_refused(refused)
    published = max((day for day in days if day is not None), default=None)
    if published is not None and published > max(a.retrieved_at for a in answers).date():
        tell(f"{connector.DATASET} says that it was published on {published}, after today; the day is not used.")
        published = None
    origin = replace(origin_of(connector.DATASET), published=published.isoformat() if published else "")
    loaded = load(
        store,
        catalogue,
        origin,
        answers,
        connector.parse,
        parser_version=connector.PARSER_VERSION,
        published=published,
        skip_bad=True,
    )
    return Pulled(loaded, query, len(answers), asking.kept, tuple(refused))


def widened(query: Query, dataset_id: str, store: Store, tell: Tell) -> Query:
    """The query, and with it what the newest vintage of the dataset holds."""
    vintages = [v for v in store.vintages() if v.dataset_id == dataset_id]
    if not vintages:
        return query
    newest = max(vintages, key=lambda v: (v.known_from, v.retrieved_at, v.id))
    rows = store.observations(newest, every_row=False)
    years = [o.year for o in rows]
    areas = sorted({*query.areas, *(o.area for o in rows)}) if query.areas else []
    wider = replace(
        query,
        indicators=tuple(dict.fromkeys((*query.indicators, *sorted({o.indicator_id for o in rows}))))
        if query.indicators
        else (),
        areas=tuple(areas) if len(areas) <= AREAS_LISTED_MAX else (),
        years=(min(query.years[0], *years), max(query.years[1], *years)) if query.years and years else query.years,
    )
    if wider != query:
        tell(f"Asking also for what {newest.ref} holds, so that nothing of it drops out of use (--only leaves it out).")
    return wider


class _Asking:
    """The answers to a list of requests and to all that follow from them."""

    def __init__(self, connector: Connector, transport: Transport, store: Store, reuse: bool, tell: Tell) -> None:
        self._connector = connector
        self._transport = transport
        self._store = store
        self._tell = tell
        self._source_id = origin_of(connector.DATASET).source_id
        self._kept_today = _kept_today(store) if reuse else {}
        self._pages: dict[str, int] = {}
        self.answers: list[Answer] = []
        self.refused: list[SourceError] = []
        self.kept = 0

    def all(self, requests: list[Request]) -> None:
        """Ask them one after the other; the pages that follow from one come before the next."""
        queue = deque((request, True) for request in requests)
        asked = 0
        while queue:
            if asked >= REQUESTS_MAX or sum(len(a.body) for a in self.answers) > BYTES_MAX:
                what = f"more than {REQUESTS_MAX:,} pages or {BYTES_MAX:,} bytes; the pull was ended."
                hint = "Ask for fewer indicators, countries or years."
                raise SourceError(what, where=self._connector.DATASET, hint=hint, code="too_many_pages")
            request, first = queue.popleft()
            asked += 1
            if first:
                self._pages.clear()
            more, are_first = self._one(request, first, f"{asked} of {asked + len(queue)}")
            queue.extendleft((r, are_first) for r in reversed(more))

    def days(self) -> set[date | None]:
        """The days on which the source says that it published its answers."""
        published = getattr(self._connector, "published", None)
        return {published(answer.body) if published is not None else None for answer in self.answers}

    def _one(self, request: Request, first: bool, number: str) -> tuple[list[Request], bool]:
        """Ask for one thing; what else to ask, and whether each of that begins anew."""
        label = request.label or request.file_name
        kept = self._kept(request)
        if kept is not None:
            try:
                more = self._accept(request, kept)
            except SourceError:
                pass  # it was no use then either: ask again
            else:
                self.kept += 1
                self._tell(f"{number}: {label}: kept from {kept.retrieved_at:%H:%M} UTC")
                return more, False
        try:
            answer = self._transport.send(request)
            keep(self._store, self._source_id, [answer], self._connector.PARSER_VERSION)
            more = self._accept(request, answer)
        except SourceError as error:
            if error.code != "refused" or not first:
                raise
            split = getattr(self._connector, "split", None)
            parts: list[Request] = split(request) if split is not None else []
            if not parts:
                self.refused.append(error)
            self._tell(f"{number}: {label}: {f'refused; asking in {len(parts)} parts' if parts else error}")
            return parts, True
        self._tell(f"{number}: {label}: {len(answer.body):,} bytes")
        return more, False

    def _accept(self, request: Request, answer: Answer) -> list[Request]:
        """Take an answer in; what else to ask.

        Raises:
            SourceError: it is a refusal, or a page that was there before.
        """
        follow = getattr(self._connector, "follow", None)
        more: list[Request] = follow(request, answer.body) if follow is not None else []
        page_key = getattr(self._connector, "page_key", None)
        key = page_key(answer.body) if page_key is not None else ""
        if key:
            digest = sha256(key.encode()).hexdigest()
            if digest in self._pages:
                what = f"the service repeats page {self._pages[digest]}; it ignores paging"
                raise SourceError(what, where=request.label, code="repeated_page")
            self._pages[digest] = len(self._pages) + 1
        self.answers.append(answer)
        return more

    def _kept(self, request: Request) -> Answer | None:
        """The answer to the same request that was kept today, if it is of the kind that is asked for."""
        record = self._kept_today.get(normal_url(request.url)) if request.method == "GET" else None
        if record is None:
            return None
        body = self._store.raw.get(record["sha256"])
        if wrong_content(request.accept, record["headers"].get("content-type", ""), body):
            return None
        return Answer(
            body=body,
            name=request.file_name,
            url=record["url"],
            retrieved_at=datetime.fromisoformat(record["retrieved_at"]),
            method=record["method"],
            status=record["status"],
            headers=tuple(record["headers"].items()),
            etag=record["etag"],
            last_updated=record["last_updated"],
        )


def _kept_today(store: Store) -> dict[str, dict[str, Any]]:
    """The records of today's good answers, by normalised address, the newest of each."""
    import json

    today = clock.today()
    query = "SELECT record FROM retrievals WHERE retrieved_at >= ? AND retrieved_at < ? ORDER BY retrieved_at, record"
    rows = store.catalog.rows(query, (today.isoformat(), (today + timedelta(days=1)).isoformat()))
    records = (json.loads(row[0]) for row in rows)
    return {r["url"]: r for r in records if r["method"] == "GET" and r["status"] == 200}


def _all_refused(refused: list[SourceError]) -> SourceError:
    if len(refused) == 1:
        return refused[0]
    what = f"all {len(refused)} codes were refused; the first: {refused[0].what}" if refused else "nothing was asked."
    return SourceError(what, hint=refused[0].hint if refused else "", code="refused")
