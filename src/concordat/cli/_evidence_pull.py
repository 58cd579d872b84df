"""`concordat evidence pull`: ask a service for figures, and store what it answers as a vintage.

Progress goes to standard error. Every answer is kept as it comes: a pull that was interrupted goes on from there when
the same command is run again on the same day. `--record` keeps the answers in a folder as well, `--replay` takes them
from one, without any network.
"""

from __future__ import annotations

import json as json_
import os
import re
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.errors import ConcordatError, InputError
from concordat.settings import Settings

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.observation import Observation
    from concordat.evidence.pulling import Pulled
    from concordat.evidence.sources._base import Answer, Connector, Query, Request, Transport
    from concordat.evidence.store import Store

_YEARS = re.compile(r"([12][0-9]{3})(?::([12][0-9]{3}))?")
SHOWN_MAX = 20


def pull(
    source: str = typer.Argument(..., help="Which service: worldbank, ...; see: docs/reference/connectors.md"),
    bloc: str = typer.Option("", "--bloc", help="For the members and invited countries of a bloc."),
    countries: str = typer.Option("", "--countries", help="Instead of a bloc: countries by code or name, with commas."),
    on: str = typer.Option("", "--on", help="The day whose members count, as 2026-11-22; default: today."),
    years: str = typer.Option("", "--years", help="One year, or the first and the last: 2000:2025; default: all."),
    indicators: str = typer.Option(
        "", "--indicators", help="Ids of indicators, with commas; default: all that the source has a code for."
    ),
    only: bool = typer.Option(False, "--only", help="Don't ask also for what earlier pulls of this source brought."),
    fresh: bool = typer.Option(False, "--fresh", help="Ask again for what was answered today."),
    record: Path | None = typer.Option(None, "--record", help="Keep all answers in this folder as well."),
    replay: Path | None = typer.Option(None, "--replay", help="Take the answers from this folder; no network."),
    service: str = typer.Option("", "--service", help="Ask this address, a mirror of the service or a test server."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    quiet: bool = typer.Option(False, "--quiet", help="Show no progress."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
) -> None:
    """Ask a service for figures and store them beside those of other sources."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.pulling import pull as run
    from concordat.evidence.sources._connectors import connector
    from concordat.evidence.store import open_store

    if record is not None and replay is not None:
        raise InputError("--record and --replay can't go together.", hint="Name one of them.", code="transport")
    module, catalogue = connector(source), load_catalogue()
    query = _query(bloc, countries, on, years, indicators, service)
    lacking = _without_code(module, catalogue, query)
    tell = (lambda _: None) if quiet else _tell
    settings = Settings.load({"data_dir": data_dir})
    with open_store(settings.data_dir, progress=tell) as store, ExitStack() as open_:
        sending = _transport(module, query, store, record, replay, tell, open_)
        reuse = record is None and replay is None and not fresh
        try:
            pulled = run(module, query, sending, store, catalogue, reuse=reuse, only=only, progress=tell)
        except (ConcordatError, KeyboardInterrupt):
            if sending.answered and replay is None and not quiet:
                _tell(f"{_count(sending.answered, 'answer')} kept; the same command goes on from there today.")
            raise
        rows = store.observations(pulled.loaded.vintage, every_row=False)
    if json:
        facts = _facts(source, pulled, rows, catalogue, lacking)
        print(json_.dumps(facts, ensure_ascii=False, sort_keys=True))
    else:
        print("\n".join(_lines(pulled, rows, catalogue, lacking)))


class _Counted:
    """Sends by another transport and counts what was answered."""

    def __init__(self, inner: Transport) -> None:
        self.answered = 0
        self._inner = inner

    def send(self, request: Request) -> Answer:
        """The answer."""
        answer = self._inner.send(request)
        self.answered += 1
        return answer


def _transport(
    module: Connector, query: Query, store: Store, record: Path | None, replay: Path | None, tell: Any, open_: ExitStack
) -> _Counted:
    from concordat.evidence.sources._cassette import Player, Recorder

    if replay is not None:
        return _Counted(Player(replay))
    from concordat.evidence.sources._http import HttpTransport
    from concordat.evidence.store.buckets import Buckets

    live = HttpTransport(
        service=query.service,
        explain=getattr(module, "explain", None),
        buckets=Buckets(store.catalog),
        proxy=os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy") or "",
        ca_file=os.environ.get("SSL_CERT_FILE", ""),
        progress=tell,
    )
    open_.enter_context(live)
    return _Counted(live if record is None else Recorder(live, record))


# --- What was asked -----------------------------------------------------------------------------------------------


def _query(bloc: str, countries: str, on: str, years: str, indicators: str, service: str) -> Query:
    from concordat.cli.evidence import _areas
    from concordat.evidence.sources._base import Query

    areas: tuple[str, ...] = ()
    if bloc or countries:
        who = _areas(bloc, countries, on)
        areas = tuple(sorted({*who.members, *who.invited}))
    named = tuple(dict.fromkeys(i.strip() for i in indicators.split(",") if i.strip()))
    return Query(indicators=named, areas=areas, years=_years(years), service=service.rstrip("/"))


def _years(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    found = _YEARS.fullmatch(text)
    if found is None:
        raise InputError(f'"{text}" are no years.', where="--years", hint="Write 2023 or 2000:2025.", code="years")
    first, last = int(found[1]), int(found[2] or found[1])
    if first > last:
        what = f"{first} comes after {last}."
        raise InputError(what, where="--years", hint=f"Write {last}:{first}.", code="years")
    return first, last


def _without_code(module: Connector, catalogue: Catalogue, query: Query) -> list[str]:
    """The indicators that were named and that this source has no code for."""
    for indicator in query.indicators:
        catalogue.get(indicator, where="--indicators")
    known = {s.indicator_id for s in module.discover()}
    return [i for i in query.indicators if i not in known]


# --- What came ----------------------------------------------------------------------------------------------------


def _lines(pulled: Pulled, rows: list[Observation], catalogue: Catalogue, lacking: list[str]) -> list[str]:
    vintage, problems = pulled.loaded.vintage, pulled.loaded.problems
    origin = vintage.origin
    updated = f", published {vintage.published}" if vintage.published else ""
    indicators, areas = {o.indicator_id for o in rows}, {o.area for o in rows}
    years = sorted({o.year for o in rows})
    kept = f" ({pulled.kept} kept from before)" if pulled.kept else ""
    brought = f"{_count(len(rows), 'figure')} of {_count(len(indicators), 'indicator')}"
    brought += f" for {_count(len(areas), 'area')}, {years[0]} to {years[-1]}"
    lines = [
        f"{origin['producer']}: {origin['title']}{updated}.",
        f"{brought}, from {_count(pulled.answers, 'answer')}{kept}.",
        f"{'Stored as' if pulled.loaded.new else 'Already stored as'} {vintage.ref}.",
    ]
    lines += [f"No code of this source: {', '.join(lacking)}."] if lacking else []
    lines += [f"Refused: {error}" for error in pulled.refused]
    unverified = _unverified(rows, catalogue)
    if unverified:
        codes = f"{len(unverified)} codes have" if len(unverified) > 1 else "1 code has"
        lines.append(f"{codes} not been checked (unverified): {', '.join(unverified)}.")
    bad = [p for p in problems if p.severity == "error"]
    if bad:
        lines.append(f"{_count(len(bad), 'row')} could not be used:")
        lines += [f"  {p.where}: {p.text}" for p in bad[:SHOWN_MAX]]
    lines += [f"{p.where}: {p.text}" for p in problems if p.severity == "warning"][:SHOWN_MAX]
    left_out = Counter(rule for rule, _ in {(p.rule, p.text.partition(" is no ")[0]) for p in problems})
    lines += [f"Left out: {_LEFT_OUT[rule]}: {n:,}." for rule, n in sorted(left_out.items()) if rule in _LEFT_OUT]
    lines.append(f"See them with: concordat evidence show {min(indicators)}")
    return lines


_LEFT_OUT = {
    "not_a_country": "areas that are no country (regions, income groups)",
    "unknown_code": "codes that the catalogue does not have",
}


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _unverified(rows: list[Observation], catalogue: Catalogue) -> list[str]:
    """The codes among the rows that nobody has checked."""
    found = set()
    for o in rows:
        indicator = catalogue.indicators.get(o.indicator_id)
        place = indicator.maps.get(o.source_id) if indicator is not None else None
        if place is not None and place.status == "unverified" and o.series_key:
            found.add(o.series_key)
    return sorted(found)


def _facts(
    source: str, pulled: Pulled, rows: list[Observation], catalogue: Catalogue, lacking: list[str]
) -> dict[str, Any]:
    from concordat.cli.evidence import _facts as vintage_facts

    return {
        **vintage_facts(pulled.loaded.vintage),
        "pulled": source,
        "new": pulled.loaded.new,
        "answers": pulled.answers,
        "answers_kept_from_before": pulled.kept,
        "areas": sorted({o.area for o in rows}),
        "indicators": sorted({o.indicator_id for o in rows}),
        "without_code": lacking,
        "refused": [error.as_dict() for error in pulled.refused],
        "unverified_codes": _unverified(rows, catalogue),
        "problems": [
            {"rule": p.rule, "severity": p.severity, "where": p.where, "text": p.text} for p in pulled.loaded.problems
        ],
    }


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
