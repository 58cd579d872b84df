"""`concordat exchange passport`: a seller's goods checked, ready for which channel, under which known rules.

Faults of the table end it with exit code 2, all rows named. What is ready or missing, and what rules are known on the
way to a destination, is printed; never that something is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli._node_home import JSON, plain, print_json, read
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.exchange.inclusion.passport import Good
    from concordat.exchange.inclusion.readiness import Destination, Ready

DEPTH = {1: "soft", 2: "binding"}
QUOTED = 160


def passport(
    file: Path = typer.Argument(..., help="The table of goods, CSV or XLSX; with --template only its columns matter."),
    to: str = typer.Option("", "--to", help="A destination (ISO3): which rules are known between origin and it."),
    channel: list[str] = typer.Option([], "--channel", help="Only this channel; may be repeated. Default: all."),
    on: str = typer.Option("", "--on", help="The day for rules; default: today."),
    de_minimis: Path | None = typer.Option(
        None, "--de-minimis", help="Your table: country,amount,currency,kind,source,seen_on."
    ),
    jsonld: Path | None = typer.Option(
        None, "--jsonld", help="Write the goods as schema.org JSON-LD to this new file."
    ),
    ubl: Path | None = typer.Option(None, "--ubl", help="Write them as a UBL 2.1 Catalogue to this new file."),
    provider: str = typer.Option("", "--provider", help="Of the catalogue: the seller's identifier, scheme:value."),
    receiver: str = typer.Option("", "--receiver", help="Of the catalogue: the buyer's identifier, scheme:value."),
    xsd: Path | None = typer.Option(None, "--xsd", help="Check the catalogue by your copy of UBL-Catalogue-2.1.xsd."),
    template: bool = typer.Option(False, "--template", help="Write an empty table with all columns to FILE instead."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where the rulebook's store is."),
    json: bool = JSON,
) -> None:
    """Check a table of goods, say for which channels each is ready, and write it in the forms that shops read."""
    from concordat.exchange.inclusion import readiness as ready
    from concordat.exchange.inclusion.passport import COLUMNS, check, read_table

    if template:
        _write(file, (",".join(COLUMNS) + "\n").encode())
        return
    rows = read_table(read(file), where=str(file))
    checked = check(rows)
    if checked.faults:
        raise _faulty(checked.faults, str(file))
    if not checked.goods:
        raise InputError("the table holds no goods.", where=str(file), code="empty")
    ways = [ready.channel(name) for name in channel] or list(ready.channels().values())
    states = [ready.readiness(good, way) for good in checked.goods for way in ways]
    places = _destinations(checked.goods, to, on, de_minimis, data_dir) if to else []
    written = _forms(checked.goods, jsonld, ubl, provider, receiver, xsd, on)
    if json:
        print_json(_facts(checked, states, places, ways))
        return
    print("\n".join(_lines(checked, states, places, ways)))
    for line in written:
        print(line)


def _write(file: Path, data: bytes) -> str:
    if file.exists():
        raise InputError("is there already.", where=str(file), hint="Name a new file.", code="exists")
    file.write_bytes(data)
    return f"Wrote {file}."


def _faulty(faults: Sequence[Any], where: str) -> InputError:
    said = "\n  ".join(plain(str(f)) for f in faults[:50])
    more = f"And {len(faults) - 50} more." if len(faults) > 50 else "Nothing was written."
    return InputError(f"{len(faults)} to put right:\n  {said}", where=where, hint=f"\n{more}", code="passport")


def _destinations(
    goods: Sequence[Good], to: str, on: str, table: Path | None, data_dir: str | None
) -> list[Destination]:
    from concordat import world
    from concordat.cli._rulebook_store import day, opened
    from concordat.exchange.inclusion.readiness import destination, read_deminimis

    target = world.country(to, where="--to").iso3
    known = read_deminimis(read(table), where=str(table)) if table is not None else ()
    origins = sorted({good.origin for good in goods} - {target})
    with opened(data_dir) as store:
        return [destination(store, origin, target, on=day(on), de_minimis=known) for origin in origins]


def _forms(
    goods: Sequence[Good],
    jsonld: Path | None,
    ubl: Path | None,
    provider: str,
    receiver: str,
    xsd: Path | None,
    on: str,
) -> list[str]:
    import json as json_

    from concordat.cli._rulebook_store import day
    from concordat.exchange.inclusion.passport import schema_org
    from concordat.exchange.inclusion.ubl import CUSTOMIZATION, IDS_STATUS, catalogue, check_ubl

    said = []
    if jsonld is not None:
        graph = {"@context": "https://schema.org", "@graph": [schema_org(good) for good in goods]}
        said.append(_write(jsonld, (json_.dumps(graph, ensure_ascii=False, indent=1) + "\n").encode()))
    if ubl is not None:
        issued = day(on)
        number = f"{issued.isoformat()}-1"
        data = catalogue(goods, number=number, issued=issued, provider=provider, receiver=receiver)
        if xsd is not None:
            check_ubl(data, xsd, where=str(ubl))
        judged = "valid by your schema" if xsd is not None else "not checked by a schema (--xsd)"
        said.append(f"{_write(ubl, data)} It is {judged}; its customisation id {CUSTOMIZATION} is {IDS_STATUS}.")
    return said


def _facts(checked: Any, states: Sequence[Ready], places: Sequence[Destination], ways: Sequence[Any]) -> dict[str, Any]:
    return {
        "channels": [{"id": w.id, "name": w.name, "source": w.source, "status": w.status} for w in ways],
        "destinations": [
            {
                "de_minimis": [
                    {name: getattr(d, name) for name in ("amount", "currency", "kind", "seen_on", "source")}
                    for d in p.de_minimis
                ],
                "destination": p.destination,
                "not_coded": list(p.uncoded),
                "on": p.on.isoformat(),
                "origin": p.origin,
                "rules": [
                    {
                        "depth": DEPTH[r.depth], "instrument": r.instrument, "mark": r.mark, "provision": r.provision,
                        "quote": r.quote, "since": r.since, "unit": r.unit,
                    }
                    for r in p.rules
                ],
                "without_known_rule": list(p.without),
            }
            for p in places
        ],
        "goods": len(checked.goods),
        "notes": [str(n) for n in checked.notes],
        "readiness": [
            {
                "channel": s.channel,
                "missing": [{"field": m.field, "fix": m.fix, "row": m.row} for m in s.missing],
                "ready": not s.missing,
                "sku": s.sku,
            }
            for s in states
        ],
    }  # fmt: skip


def _lines(checked: Any, states: Sequence[Ready], places: Sequence[Destination], ways: Sequence[Any]) -> Iterator[str]:
    count = len(checked.goods)
    yield f"{count} {'good' if count == 1 else 'goods'}, every row in order."
    for note in checked.notes:
        yield f"note: {plain(str(note))}"
    for way in ways:
        mark = "" if way.status == "ours" else f" [{way.status}]"
        yield ""
        yield f"{way.id}: {way.name}{mark}"
        for state in (s for s in states if s.channel == way.id):
            yield f"  {plain(state.sku):20} {state.words}"
            for lack in state.missing:
                yield f"    row {lack.row}, {lack.field}: {lack.fix}"
    for place in places:
        yield ""
        yield from _rules(place)


def _rules(place: Destination) -> Iterator[str]:
    from concordat.cli._rulebook_store import marked
    from concordat.exchange.inclusion.readiness import NOT_KNOWN

    yield f"From {place.origin} to {place.destination} on {place.on}: what is known, not what is allowed."
    for rule in place.rules:
        words = " ".join(plain(rule.quote).split())
        cut = words if len(words) <= QUOTED else f"{words[:QUOTED]}.."
        yield f'  {rule.provision} {DEPTH[rule.depth]} {rule.instrument} {rule.unit} {marked(rule.mark)} "{cut}"'
    if place.without:
        yield f"  no rule known to us: {', '.join(place.without)}"
    if place.uncoded:
        yield f"  in force, text not loaded or not coded: {', '.join(place.uncoded)}"
    if not place.de_minimis:
        yield f"  values below which no duty is due: {NOT_KNOWN} (national law; give your table with --de-minimis)"
    for row in place.de_minimis:
        where = f"{plain(row.source)}, {plain(row.seen_on)}"
        yield f"  {plain(row.kind)}: {row.amount} {row.currency}, as your table says ({where})"
