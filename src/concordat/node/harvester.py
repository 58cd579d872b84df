"""How another catalogue is read without ever getting stuck: page by page, each committed with its token, to an end.

    with HarvestStore(home / FILE) as store:
        run = await Harvester(store, now, owner).run("br-portal", source)
        log_runs(node, store)                        # one entry HarvestFinished for each run that ended

What a run comes to is `exchange.catalogue.harvest`'s; this module fetches, commits and ends. Every run ends: after the
deadline (30 minutes, at most 6 hours, looked at between pages; a request takes at most 30 seconds), with a fault of the
source, or whole. A process that is killed leaves a run that the next start calls `abandoned`. The next run goes on at
the token, or afresh if the source does not know it any more. A source that is busy is asked again when it says so,
within the deadline. Source: exchange.md 4.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from concordat.errors import InputError, SourceError, StateError, TrustError
from concordat.exchange.catalogue.harvest import Page, Walk
from concordat.exchange.events import SCOPE
from concordat.node.exchange import exchange_of, say
from concordat.node.harvest_store import HarvestStore, Run
from concordat.node.home import Node

DEADLINE_S = 30 * 60
DEADLINE_MAX_S = 6 * 3600
REQUEST_MAX_S = 30.0
REASON_MAX = 300
WAITS_MAX = 20  # times that one page is asked for of a source that is busy
_LOST = ("busy", "connection", "timeout", "no_address", "private_address")  # nothing is learnt about a token from these


class BusyError(SourceError):
    """The source asks to come again later.

    Attributes:
        wait_s: in how many seconds; at least 1.
    """

    def __init__(self, wait_s: int, *, where: str = "") -> None:
        self.wait_s = max(1, wait_s)
        super().__init__(f"it is busy, and may be asked again in {self.wait_s:,} s.", where=where, code="busy")


class Source(Protocol):
    """Where pages come from.

    Attributes:
        kind: `ckan`, `dcat`, `csv`, `dsp` or `oai-pmh`. address: of the source.
    """

    kind: str
    address: str

    async def page(self, token: str) -> Page:
        """The page that a token leads to; the first one for an empty token.

        Raises:
            SourceError, InputError, TrustError: what the source is not as it must be.
        """
        ...


class Harvester:
    """Runs one source after the other.

    Args:
        store: where runs and records are. now: seconds since 1970. owner: the start token of this process; runs of
            others that are still `running` are ended when this is made.
        deadline_s: for a run. step: told what is about to happen, for tests that kill there. sleep: waits for a source
            that is busy.
    """

    def __init__(
        self, store: HarvestStore, now: Callable[[], int], owner: str, *, deadline_s: int = DEADLINE_S,
        step: Callable[[str], None] | None = None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        if not 0 < deadline_s <= DEADLINE_MAX_S:
            hint = f"At most {DEADLINE_MAX_S // 3600} hours."
            raise InputError(f"a deadline of {deadline_s} s.", where="deadline", hint=hint, code="deadline")
        self._store, self._now, self._owner, self._deadline = store, now, owner, deadline_s
        self._step, self._sleep = step or (lambda _what: None), sleep
        store.abandon(owner, now())

    async def run(
        self, name: str, source: Source, *, accept_removals: bool = False, whole: bool = False
    ) -> Run:  # fmt: skip
        """Read a source to an end; the run as it ended.

        Args:
            name: this member's name of the source. whole: from the beginning, wherever the last run stopped.
        """
        began = self._now()
        run = self._store.begin(name, source.kind, source.address, self._owner, began)
        if whole and run.token:
            run = self._store.afresh(run)
        try:
            return await self._pages(run, source, began + self._deadline, accept_removals)
        except BusyError as error:  # it is no fault of the source that the time is up
            return self._store.end(run, "timed_out", self._now(), reason=f"{error} The next run goes on."[:REASON_MAX])
        except (SourceError, InputError, TrustError) as error:
            token = "" if error.code == "endless" else None
            return self._store.end(run, "failed", self._now(), reason=str(error)[:REASON_MAX], token=token)

    async def _pages(self, run: Run, source: Source, until: int, accept_removals: bool) -> Run:
        run, page = await self._first(run, source, until)
        walk = Walk(self._store.snapshot(run.source), *self._store.seen(run))
        while True:
            part = walk.take(page)
            self._step("commit")
            self._store.page(run, page, part)
            if not page.token:
                break
            if self._now() >= until:
                reason = f"not read to its end within {self._deadline // 60} minutes; the next run goes on"
                return self._store.end(run, "timed_out", self._now(), reason=reason)
            self._step("fetch")
            page = await self._fetched(source, page.token, until)
        self._step("end")
        earlier = self._store.failed_before(run.id)
        before = f"{earlier:,} of them failed in the runs that it went on from" if earlier else ""
        end = walk.finish(accept_removals)
        state = (
            "partial" if self._store.run(run.id).failed else "complete"
        )  # a pass is as good as all its runs together
        mark = page.mark if state == "complete" and not end.waiting else ""
        return self._store.end(run, state, self._now(), reason=before, end=end, mark=mark)

    async def _fetched(self, source: Source, token: str, until: int) -> Page:
        """A page, once the source is not busy.

        Raises:
            BusyError: it is busy beyond the deadline, or has been too often.
        """
        for attempt in range(1, WAITS_MAX + 1):
            try:
                return await source.page(token)
            except BusyError as busy:
                if attempt == WAITS_MAX or self._now() + busy.wait_s >= until:
                    raise
                await self._sleep(busy.wait_s)
        raise AssertionError("a page is given, or its error is raised")

    async def _first(self, run: Run, source: Source, until: int) -> tuple[Run, Page]:
        """The first page: where the last run stopped, or from the beginning."""
        self._step("fetch")
        if not run.token:
            return run, await self._fetched(source, "", until)
        try:
            return run, await self._fetched(source, run.token, until)
        except (SourceError, InputError, TrustError) as error:
            if error.code in _LOST:
                raise
        return self._store.afresh(run), await self._fetched(source, "", until)


def log_runs(node: Node, store: HarvestStore, write: Callable[[str, dict[str, Any]], Any] | None = None) -> list[Run]:
    """Log every run that ended and is in no entry yet; those runs.

    A run whose entry was written just before a crash is found in the log by its number, and not logged again.

    Args:
        write: writes an entry of a type; default: into this node's log.
    """
    waiting = store.runs(unlogged=True)
    if not waiting:
        return []
    state, member = exchange_of(node.replica), node.identity.member
    for run in waiting:
        known = state.of("harvest", (member, run.source, str(run.id)))
        body = finished_body(run, store.changes_hash(run.id))
        entry = known[0].entry if known else _written(node, body, write)
        store.logged(run.id, entry)
    return waiting


def _written(node: Node, body: dict[str, Any], write: Callable[[str, dict[str, Any]], Any] | None) -> str:
    made = write("HarvestFinished", body) if write is not None else say(node, "HarvestFinished", body)
    assert made.scope == SCOPE
    return str(made.id)


def finished_body(run: Run, changes: str) -> dict[str, Any]:
    """The body of the entry that logs a run.

    Raises:
        StateError: it has not ended.
    """
    if run.finished is None:
        raise StateError(f"run {run.id} is going on.", where=run.source, code="running")
    return {
        "added": run.added, "changed": run.changed, "changes": changes, "failed": run.failed,
        "finished": _instant(run.finished), "kind": run.kind, "outcome": run.state, "removed": run.removed,
        "run": run.id, "source": run.source, "started": _instant(run.started),
    }  # fmt: skip


def _instant(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
