"""`concordat exchange due` and `exposure`: what a member owes the others, and how much hangs on one partner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli._exchange_home import AS, DEMO, HOME, JSON, PASSPHRASE, Seat, seat
from concordat.cli._node_home import plain, print_json, read
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.exchange.incidents.exposure import Exposed, Hit

TIMELINE = typer.Option([], "--timeline", help="A file concordat/incident-timeline@1; repeatable. Default: our own.")


def due(
    member: str = typer.Argument("", help="Whose duties; default: this member's. ALL: everybody's."),
    timeline: list[Path] = TIMELINE,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """List what a member owes: stages of its incidents, answers to questions, duties of its agreements."""
    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        whose = "" if member == "ALL" else member or place.member
        now = int(place.node.now)
        rows, notes = _stages(place, whose, timeline, now)
        rows += _answers(place, whose) + _duties(place, whose)
    rows.sort(key=lambda row: (row["at"] or 2**60, row["member"], row["what"], row["subject"]))
    if json:
        print_json({"due": [{**row, "late": _late(row, now)} for row in rows], "notes": notes})
        return
    for row in rows:
        print(plain(f"{row['member']}  {row['what']}  {row['subject']}  {_until(row, now)}"))
    if not rows:
        print("Nothing is owed.")
    for note in notes:
        print(plain(note))


def _stages(place: Seat, whose: str, timeline: list[Path], now: int) -> tuple[list[dict[str, Any]], list[str]]:
    from concordat.cli.exchange_incident import timelines_of
    from concordat.exchange.incidents.deadlines import records_of, stage_status

    lines, rows, notes = timelines_of(timeline), [], set()
    for record in records_of(place.exchange):
        if whose not in ("", record.member):
            continue
        if record.timeline not in lines:
            notes.add(f"Not listed: incidents of the timeline {record.timeline}; name its file with --timeline.")
            continue
        if lines[record.timeline].unverified:
            notes.add(f"Timeline {record.timeline}: unverified, from memory of its source.")
        for status in stage_status(lines[record.timeline], record, now):
            if status.submitted is None and status.state in ("open", "late") and not status.pending:
                rows.append(_row(record.member, status.stage.replace("_", " "), record.incident, status.due))
    return rows, sorted(notes)


def _answers(place: Seat, whose: str) -> list[dict[str, Any]]:
    from concordat.cli.exchange_question import questions_in

    return [
        _row(member, f"answer to {question.asker}", question.id, question.due)
        for question in questions_in(place)
        for member in question.open_for
        if whose in ("", member)
    ]


def _duties(place: Seat, whose: str) -> list[dict[str, Any]]:
    """Promises of agreements that this node is a side of, as its store keeps them; those of others are in their nodes.

    The consumer promised them, whichever side this is; what its log says is done is owed no more.
    """
    from concordat.exchange.supervision import end_of_day
    from concordat.node.exchange_store import FILE, ExchangeStore

    path = place.node.home / FILE
    if not path.exists():
        return []
    store = ExchangeStore(path)
    try:
        kept, rows = {one.id: one for one in store.agreements()}, store.duties()
    finally:
        store.close()
    done = {(f.key[1], f.body.hash, f.author, f.body.number) for f in place.exchange.all("agreement", "duty")}
    found = []
    for agreement, number, action, day, words, marked in rows:
        of = kept[agreement]
        member = str(of.text["assignee"])
        if marked or whose not in ("", member) or (agreement, of.hash, member, number) in done:
            continue
        subject = f"{agreement.removeprefix('urn:uuid:')[:8]} {number} {words}".strip()
        found.append(_row(member, f"duty: {action}", subject, end_of_day(day[:10]) if day else None))
    return found


def _row(member: str, what: str, subject: str, at: int | None) -> dict[str, Any]:
    from concordat.exchange.incidents.deadlines import instant_text

    return {"at": at, "due": instant_text(at), "member": member, "subject": subject, "what": what}


def _late(row: dict[str, Any], now: int) -> bool:
    return row["at"] is not None and now > row["at"]


def _until(row: dict[str, Any], now: int) -> str:
    from concordat.exchange.incidents.deadlines import hours_text

    if row["at"] is None:
        return "no end is set"
    return f"due {row['due']}" + (f", late by {hours_text(now - row['at'])}" if _late(row, now) else "")


# --- Exposure ---------------------------------------------------------------------------------------------------------


def exposure(
    to: str = typer.Argument(..., help="The partner, as CHN."),
    bloc: str = typer.Option("", "--bloc", help="Whose exposure: a bloc's members."),
    countries: str = typer.Option("", "--countries", help="Or countries, as BRA,IND."),
    exports: bool = typer.Option(False, "--exports", help="By shares in exports; default: in imports."),
    vulnerability: Path = typer.Option(
        None, "--vulnerability", help="A STIX bundle: a vulnerability and its software."
    ),
    components: list[str] = typer.Option([], "--components", help="MEMBER=FILE, a CycloneDX list; repeatable."),
    on: str = typer.Option("", "--on", help="The day whose members and figures count; default: today."),
    data_dir: str = typer.Option(None, "--data-dir", help="The data folder; default: as in concordat settings."),
    json: bool = JSON,
) -> None:
    """How much of members' trade hangs on one partner: share, second hand, concentration as an interval (all goods)."""
    from concordat.exchange.incidents.exposure import ALL_GOODS, affected, lists_of, products_of
    from concordat.exchange.incidents.exposure import exposure as exposed

    if bool(components) != (vulnerability is not None):
        what = "a vulnerability is looked for in lists of components."
        raise InputError(what, where="--vulnerability", hint="Give both, or none.", code="vulnerability")
    indicator = "export_partner_pct" if exports else "import_partner_pct"
    chosen, members, partner = _chosen(indicator, bloc, countries, on, data_dir, to)
    lists = lists_of(chosen, indicator)
    wanted = members or sorted(lists)
    rows = exposed(lists, wanted, partner)
    hits: list[Hit] = []
    name = ""
    if vulnerability is not None:
        from concordat.exchange.incidents.objects import read_bundle

        found, products = products_of(read_bundle(read(vulnerability), str(vulnerability)).objects)
        name = str(found.get("name", found["id"]))
        hits = affected(_listed(components), products, lists, wanted, partner)
    without = sorted(set(wanted) - {row.area for row in rows} - {partner})
    if json:
        print_json({"hits": [_hit_facts(h) for h in hits], "indicator": indicator, "note": ALL_GOODS, "to": partner,
                    "rows": [_facts(row) for row in rows], "without": without, "vulnerability": name})  # fmt: skip
        return
    print(ALL_GOODS)
    for row in rows:
        print(_words(row, partner))
    if without:
        print(f"No list is known of {', '.join(without)}.")
    for hit in hits:
        print(plain(f"{name}: {_hit_words(hit, partner)}"))
    if vulnerability is not None and not hits:
        print(plain(f"{name}: no list holds it, and no large share hints at it."))


def _chosen(
    indicator: str, bloc: str, countries: str, on: str, data_dir: str | None, to: str
) -> tuple[Any, list[str], str]:
    from concordat.cli import evidence
    from concordat.cli._divide_store import Whom, _opened
    from concordat.evidence.resolve import resolve
    from concordat.world import country

    partner = country(to).iso3
    whom = Whom(bloc, countries, on, data_dir=data_dir)
    evidence._known_indicator(indicator)
    with _opened(indicator, whom) as (catalogue, areas, rows):
        mine = [row for row in rows if row.indicator_id == indicator]
        return resolve(mine, catalogue, not_after=areas.on.year), list(whom.members(areas)), partner


def _listed(components: list[str]) -> dict[str, Any]:
    from concordat.exchange.incidents.exposure import components_of

    found = {}
    for one in components:
        member, sign, path = one.partition("=")
        if not sign or not member or not path:
            raise InputError(f'"{one[:60]}" is not MEMBER=FILE.', where="--components", code="pair")
        found[member] = components_of(read(Path(path)), path)
    return found


def _words(row: Exposed, partner: str) -> str:
    share = f"{100 * row.share:.1f} %" if row.share is not None else f"not listed, at most {100 * row.upper:.1f} %"
    low, high = row.hhi
    largest = ", ".join(f"{p} {100 * s:.0f} %" for p, s in row.largest)
    second = f"at second hand {100 * row.second:.1f} % (of {100 * row.covered:.0f} % of its trade)"
    return f"{row.area} {row.year}: {partner} {share}; {second}; HHI {low:.3f} to {high:.3f}; largest {largest}"


def _facts(row: Exposed) -> dict[str, Any]:
    return {
        "area": row.area, "covered": row.covered, "hhi": list(row.hhi), "ids": list(row.ids), "year": row.year,
        "largest": [list(pair) for pair in row.largest], "second": row.second, "share": row.share, "upper": row.upper,
    }  # fmt: skip


def _hit_facts(hit: Hit) -> dict[str, Any]:
    names = [f"{c.name} {c.version}".strip() for c in hit.components]
    return {"area": hit.area, "components": names, "hint_only": hit.hint_only, "share": hit.share}


def _hit_words(hit: Hit, partner: str) -> str:
    if hit.hint_only:
        return f"{hit.area}: hint only: {100 * (hit.share or 0):.0f} % of its imports come from {partner}"
    return f"{hit.area} holds it: {', '.join(f'{c.name} {c.version}'.strip() for c in hit.components[:5])}"
