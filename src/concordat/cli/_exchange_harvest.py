"""`concordat exchange harvest` and `runs`: read other catalogues, and see how that went."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from concordat.cli._exchange_home import AS, DEMO, HOME, JSON, PASSPHRASE, Seat, seat
from concordat.cli._node_home import plain, print_json

ENDED_BADLY = ("abandoned", "failed", "timed_out")


def harvest(
    kind: str = typer.Argument(..., metavar="KIND", help="ckan, dcat, csv, oai-pmh or dsp."),
    address: str = typer.Argument(
        ..., metavar="ADDRESS", help="Of the portal or file; of csv a folder, of dsp a member."
    ),
    name: str = typer.Option("", "--name", help="This member's name of the source; default: made of the address."),
    accept_removals: bool = typer.Option(
        False, "--accept-removals", help="Remove what is gone at the source, however much it is."
    ),
    whole: bool = typer.Option(
        False, "--whole", help="Read all from the beginning, not from where the last run stopped or what changed since."
    ),
    minutes: int = typer.Option(30, "--minutes", min=1, max=360, help="When to stop; the next run goes on there."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Read a catalogue of others to its end, keep what it added, changed and removed, and log what that came to."""
    from concordat.node.harvest_sources import name_of

    named = f"dsp-{address.lower()}"[:64] if kind == "dsp" else name_of(kind, address)
    with seat(home, passphrase_file, speaker, demo) as place:
        run = _harvest(place, kind, address, name or named, minutes, accept_removals, whole)
    seconds = (run.finished or run.started) - run.started
    if json:
        print_json(facts_of(run))
    else:
        see = f" (see exchange runs {run.id})" if run.failed or run.waiting or run.reason else ""
        print(f"{plain(run.words)}{see}, {seconds} s")
    if run.state in ENDED_BADLY:
        raise typer.Exit(3)


def _harvest(
    place: Seat, kind: str, address: str, name: str, minutes: int, accept_removals: bool, whole: bool
) -> Any:  # fmt: skip
    import asyncio
    import secrets

    from concordat.node.harvest_dsp import MemberCatalogue, catalogue_of
    from concordat.node.harvest_sources import source_of
    from concordat.node.harvest_store import FILE, HarvestStore
    from concordat.node.harvester import Harvester, log_runs
    from concordat.node.outbound import Outbound
    from concordat.node.settings import NodeSettings

    async def read(store: HarvestStore) -> Any:
        settings = NodeSettings.load()
        outbound = Outbound((), private=settings.peers_private)
        try:
            source: Any
            if kind == MemberCatalogue.kind:
                source = catalogue_of(place.node, address, settings, outbound)
            else:
                mark = "" if whole else store.mark(name, kind, address)
                source = source_of(kind, address, outbound, mark)
            owner = secrets.token_hex(16)
            harvester = Harvester(store, lambda: place.node.now, owner, deadline_s=60 * minutes)
            log_runs(place.node, store, place.say)
            return await harvester.run(name, source, accept_removals=accept_removals, whole=whole)
        finally:
            await outbound.close()

    with HarvestStore(place.node.home / FILE) as store:
        run = asyncio.run(read(store))
        log_runs(place.node, store, place.say)
        return run


def runs(
    run: int = typer.Argument(0, metavar="RUN", help="The number of a run; without it all are listed."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """List the runs of the harvester, or show one: what it changed, what failed and why."""
    from concordat.node.harvest_store import FILE, HarvestStore

    with seat(home, passphrase_file, speaker, demo) as place, HarvestStore(place.node.home / FILE) as store:
        store.abandon("", place.node.now)  # whoever ran them held the node that is open here now
        if run:
            _show(store, run, json)
            return
        found = store.runs()
    if json:
        print_json({"runs": [facts_of(one) for one in found]})
        return
    for one in found:
        print(f"{one.id:5}  {day_of(one.started)}  {one.source:24} {plain(one.words)}")
    if not found:
        print("Nothing was harvested yet.")


def _show(store: Any, number: int, json: bool) -> None:
    run, failed, changes = store.run(number), store.failures(number), store.changes(number)
    if json:
        rows = [{"key": f.key, "reason": f.reason} for f in failed]
        keys = {what: [key for key, _ in found] for what, found in changes.items()}
        print_json({**facts_of(run), "changes": keys, "failures": rows, "unmapped": unmapped_of(store, run)})
        return
    print(f"Run {run.id} of {run.source} ({run.kind}, {plain(run.address)}), {day_of(run.started)}, {run.pages} pages.")
    print(plain(run.words))
    for what, found in changes.items():
        for key, _ in found[:20]:
            print(f"  {what:8} {plain(key)}")
        if len(found) > 20:
            print(f"  {what:8} and {len(found) - 20:,} more")
    for failure in failed:
        print(f"  failed   {plain(failure.key)}: {plain(failure.reason)}")
    if kept := unmapped_of(store, run):
        print("  kept, not mapped: " + ", ".join(f"{plain(name)} ({count:,} records)" for name, count in kept.items()))


def unmapped_of(store: Any, run: Any) -> dict[str, int]:
    """What the records that a run brought keep beside the model, by name -> number of records (OAI-PMH alone)."""
    from collections import Counter

    from concordat.exchange.catalogue.oai import unmapped
    from concordat.node.harvest_oai import KIND

    if run.kind != KIND:
        return {}
    return dict(sorted(Counter(name for record in store.brought(run.id) for name in unmapped(record)).items()))


def facts_of(run: Any) -> dict[str, Any]:
    """A run for a program."""
    names = ("added", "address", "changed", "entry", "failed", "finished", "id", "kind", "pages", "reason", "removed",
             "source", "started", "state", "waiting")  # fmt: skip
    return {name: getattr(run, name) for name in names}


def day_of(seconds: int) -> str:
    """An instant as people read it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
