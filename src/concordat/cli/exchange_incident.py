"""`concordat exchange incident`: share incidents under TLP, meet stages in time, show who reported what."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli import _exchange_incident_store
from concordat.cli._exchange_home import AS, DEMO, HOME, JSON, PASSPHRASE, Seat, seat
from concordat.cli._node_home import plain, print_json, read
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.exchange.incidents.deadlines import IncidentRecord, StageStatus, Timeline

app = typer.Typer(
    help="Share incidents under TLP, meet stages in time, see who reported what.", rich_markup_mode=None,
    add_completion=False, no_args_is_help=True,
)  # fmt: skip
app.command("collection")(_exchange_incident_store.collection)
app.command("subscribe")(_exchange_incident_store.subscribe)
app.command("account")(_exchange_incident_store.account)
TIMELINE = typer.Option([], "--timeline", help="A file concordat/incident-timeline@1; repeatable. Default: our own.")
INCIDENT = typer.Argument(..., help="The incident's STIX id, or its beginning.")
OUTCOMES = ("false_alarm", "merged", "other", "resolved")
WAIVERS = ("below_threshold", "by_authority", "not_applicable", "superseded")


def timelines_of(files: list[Path]) -> dict[str, Timeline]:
    """The timelines of files beside the default one, by name; a file of the same name takes its place."""
    from concordat.exchange.incidents.deadlines import Timeline

    default = Timeline.default()
    found = {default.name: default}
    for path in files:
        one = Timeline.load(read(path), str(path))
        found[one.name] = one
    return found


def record_of(place: Seat, incident: str, member: str = "") -> IncidentRecord:
    """One incident of this member's, or of another's, by its id or the beginning of it.

    Raises:
        InputError: none, or several.
    """
    from concordat.exchange.incidents.deadlines import records_of

    records = [r for r in records_of(place.exchange) if r.incident.startswith(incident) and member in ("", r.member)]
    if len(records) != 1:
        what = f'"{incident[:60]}" is no incident here.' if not records else f'{len(records)} begin with "{incident}".'
        raise InputError(what, where="incident", hint="See: concordat exchange incident list", code="unknown_id")
    return records[0]


@app.command()
def share(
    file: Path = typer.Argument(..., help="A STIX bundle with one incident, its report and what it refers to."),
    to: str = typer.Option("", "--to", help="Recipients: BRA,IND; of AMBER+STRICT BRA/cert-br; of RED BRA:label."),
    stage: str = typer.Option("", "--stage", help="The stage that this meets, as early_warning."),
    became_aware: str = typer.Option("", "--became-aware", help="When this member became aware, in UTC."),
    topic: str = typer.Option("incidents", "--topic", help="The collection's topic."),
    timeline: list[Path] = TIMELINE,
    check: bool = typer.Option(False, "--check", help="Only say what the bundle is marked with."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Share an incident with those its label allows; what is logged is its hash, label and times, never its text."""
    from concordat.exchange.incidents.objects import grade_bundle, marking_notes, read_bundle

    bundle = read_bundle(read(file), str(file))
    notes = [*bundle.notes, *marking_notes(bundle)]
    if check:
        graded = grade_bundle(bundle)
        if json:
            print_json({"because": graded.because, "label": graded.label.text, "notes": notes})
            return
        print(f"TLP:{graded.label.text} by its strictest object ({_short(graded.because)}).")
        _print_notes(notes)
        return
    from concordat.node.incidents import share as shared
    from concordat.node.taxii_routes import open_taxii

    lines = timelines_of(timeline)
    name = next(reversed(lines)) if timeline else "default"
    named = [one.strip() for one in to.split(",") if one.strip()]
    if stage:
        _known_stage(lines[name].stages, stage)
    with seat(home, passphrase_file, speaker, demo) as place:
        store = open_taxii(place.node.home)
        try:
            options = {"topic": topic, "stage": stage, "became_aware": became_aware, "timeline": name}
            ready, entry = shared(place.node, store, bundle, named, place.say, **options)
        finally:
            store.close()
        reached = ready.body.get("stage", "")
        if reached:
            said: dict[str, Any] = {
                key: ready.body[key] for key in ("incident", "stage", "became_aware") if key in ready.body
            }
            place.say("IncidentStage", said, [entry.id])
        record = record_of(place, ready.incident, place.member)
        now = int(place.node.now)
        unsubscribed = _unsubscribed(ready, named)
    notes += [f"not stored: {name}: {why}" for name, why in ready.refused]
    if unsubscribed:
        hint = "concordat exchange incident subscribe"
        notes.append(f"can't read it before it states a need ({hint}): {', '.join(unsubscribed)}")
    statuses = _statuses(lines, record, now)
    if json:
        facts = {"because": ready.graded.because, "label": ready.graded.label.text, "notes": notes}
        stages = [_facts(status) for status in statuses]
        print_json({"collection": ready.collection.id, "entry": entry.id, "incident": ready.incident,
                    "recipients": len(named), "stages": stages, **facts})  # fmt: skip
        return
    whom = f"{len(named)} recipient{'s' if len(named) != 1 else ''}" if named else "all whom the label allows"
    print(f"TLP:{ready.graded.label.text} by its strictest object ({_short(ready.graded.because)}). {whom}.")
    print(plain(_met_words(record, statuses, reached, now)))
    _print_notes(notes)


def _unsubscribed(ready: Any, named: list[str]) -> list[str]:
    from concordat.exchange.incidents.tlp import Tlp

    if ready.graded.label is not Tlp.AMBER:
        return []
    return sorted({n for n in named if not ready.collection.subscribers.get(n.replace(":", "/").partition("/")[0])})


def _statuses(lines: dict[str, Timeline], record: IncidentRecord, now: int) -> tuple[StageStatus, ...]:
    from concordat.exchange.incidents.deadlines import stage_status

    return stage_status(lines[record.timeline], record, now) if record.timeline in lines else ()


def _met_words(record: IncidentRecord, statuses: tuple[StageStatus, ...], reached: str, now: int) -> str:
    """`Early warning 19 h 12 min after awareness: in time. Next: notification by 2026-05-07 09:30 UTC.`"""
    from concordat.exchange.incidents.deadlines import hours_text, instant_text

    if record.became_aware is None:
        return "No deadline runs: nobody said when this member became aware (--became-aware)."
    words = []
    mine = next((s for s in statuses if s.stage == reached), None)
    if mine is not None:
        at = mine.submitted if mine.submitted is not None else now
        late = mine.due is not None and at > mine.due
        found = f"late by {hours_text(at - (mine.due or 0))}" if late else "in time"
        waits = "" if mine.submitted is not None else " (once witnesses have seen it)"
        words.append(f"{_title(reached)} {hours_text(at - record.became_aware)} after awareness: {found}{waits}.")
    following = next(
        (s for s in statuses if s.state in ("open", "late") and s.stage != reached and not s.pending), None
    )
    if following is not None and following.submitted is None and following.due is not None:
        words.append(f"Next: {following.stage.replace('_', ' ')} by {instant_text(following.due)}.")
    return " ".join(words) or "All stages are done."


def _title(stage: str) -> str:
    return stage.replace("_", " ").capitalize()


def _short(name: str) -> str:
    kind, _, rest = name.partition("--")
    return f"{kind}--{rest[:4]}.."


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        print(plain(f"  {note}"))


def _facts(status: StageStatus) -> dict[str, Any]:
    from concordat.exchange.incidents.deadlines import instant_text

    return {
        "due": instant_text(status.due), "entry": status.entry, "late_hours": round(status.late_s / 3600, 2),
        "pending": status.pending, "stage": status.stage, "state": status.state, "why": status.why,
        "submitted": instant_text(status.submitted),
    }  # fmt: skip


@app.command()
def fetch(
    member: str = typer.Argument(..., help="The member that shares, as BRA."),
    again: bool = typer.Option(False, "--again", help="Read from the beginning, whatever was read before."),
    out: Path = typer.Option(None, "--out", "-o", help="Write all that is held of that member, as a STIX bundle."),
    taken_back: bool = typer.Option(False, "--taken-back", help="With --out: also what it took back."),
    speaker: str = typer.Option("", "--as", help="The member whose node asks; default: whoever's node it is."),
    home: Path = HOME,
    ops_listen: str = typer.Option(None, "--ops-listen", help="Where the running node takes orders; as in settings."),
    json: bool = JSON,
) -> None:
    """Read what a member shares with this one over TAXII, and keep it under the same labels; this node must run."""
    from concordat.cli._exchange_get import SPARE_S, _order
    from concordat.cli._node_home import write

    wanted = {"again": again, "member": member, "taken_back": taken_back, "whole": out is not None}
    found = _order("incidents", wanted, speaker, home, ops_listen, 20 * SPARE_S)
    bundle = found.pop("bundle", "")
    if out is not None:
        write(out, bundle.encode())
    if json:
        print_json(found)
        return
    for line in _fetched_words(found):
        print(plain(line))
    if out is not None:
        print(f"{out}: {len(bundle.encode()):,} bytes, each object under its own label.")


def _fetched_words(found: dict[str, Any]) -> Iterable[str]:
    places = f"{found['collections']} collection{'s' if found['collections'] != 1 else ''}"
    yield f"{found['member']}: {found['objects']:,} objects from {places}, kept in {found['kept_in']}."
    for one in found["incidents"]:
        said = f"logged as {one['logged']}, TLP:{one['label']}" if one["logged"] else "not on its log, as known here"
        yield f"  {one['id']}: {said}"
    for name, why in found["refused"]:
        yield f"  not kept: {name}: {why}"
    if found["refused_count"] > len(found["refused"]):
        yield f"  and {found['refused_count'] - len(found['refused']):,} more not kept"
    for name in found["taken_back"]:
        yield f"  no longer given by {found['member']}, set aside here: {name}"
    if found["taken_back_count"] > len(found["taken_back"]):
        yield f"  and {found['taken_back_count'] - len(found['taken_back']):,} more set aside"
    if found["more"]:
        yield "  There is more: fetch again."


@app.command("list")
def list_(
    member: str = typer.Option("", "--member", help="Only those of one member."),
    timeline: list[Path] = TIMELINE,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """List incidents: who reported them, their label, and how each stage stands."""
    from concordat.exchange.incidents.deadlines import instant_text, records_of

    lines = timelines_of(timeline)
    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        records = [r for r in records_of(place.exchange) if member in ("", r.member)]
        now = int(place.node.now)
    rows = [(record, _statuses(lines, record, now)) for record in records]
    if json:
        print_json({"incidents": [_record_facts(r, s) for r, s in rows], "unverified": _unverified(lines, records)})
        return
    for record, statuses in rows:
        aware = (
            f"aware {instant_text(record.became_aware)} by its own word" if record.became_aware else "aware: not said"
        )
        shared = f"shared {instant_text(record.shared)}" if record.shared else "not yet witnessed"
        print(f"{record.member} {record.incident} TLP:{record.label}, {aware}, {shared}" + _ended(record))
        if record.timeline not in lines:
            print(f"  follows the timeline {record.timeline}: name its file with --timeline")
        for status in statuses:
            print(f"  {status.stage.replace('_', ' ')}: {status.words}")
    if not rows:
        print("No incident was shared.")
    for name in _unverified(lines, records):
        print(f"Timeline {name}: unverified, from memory of its source.")


def _ended(record: IncidentRecord) -> str:
    return f", closed: {record.outcome.replace('_', ' ')}" if record.outcome else ""


def _unverified(lines: dict[str, Timeline], records: list[IncidentRecord]) -> list[str]:
    return sorted({r.timeline for r in records if r.timeline in lines and lines[r.timeline].unverified})


def _record_facts(record: IncidentRecord, statuses: tuple[StageStatus, ...]) -> dict[str, Any]:
    from concordat.exchange.incidents.deadlines import instant_text

    return {
        "became_aware": instant_text(record.became_aware), "entries": list(record.entries),
        "incident": record.incident, "label": record.label, "member": record.member, "outcome": record.outcome,
        "sectors": list(record.sectors), "severity": record.severity, "shared": instant_text(record.shared),
        "stages": [_facts(status) for status in statuses], "timeline": record.timeline,
    }  # fmt: skip


@app.command()
def stage(
    incident: str = INCIDENT,
    name: str = typer.Argument(..., help="The stage, as notification, final_report or progress_report."),
    waive: str = typer.Option("", "--waive", help=f"It needn't be met: {', '.join(WAIVERS)}."),
    timeline: list[Path] = TIMELINE,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Say that a stage is met by this entry, or waived with a reason."""
    if waive and waive not in WAIVERS:
        hint = f"One of {', '.join(WAIVERS)}."
        raise InputError(f'"{waive[:40]}" is not a reason.', where="--waive", hint=hint, code="reason")
    lines = timelines_of(timeline)
    with seat(home, passphrase_file, speaker, demo) as place:
        record = record_of(place, incident, place.member)
        _check_stage(lines, record, name)
        body = {"incident": record.incident, "stage": name, **({"waived": waive} if waive else {})}
        entry = place.say("IncidentStage", body, [record.entries[0]])
        after, now = record_of(place, record.incident, place.member), int(place.node.now)
    statuses = _statuses(lines, after, now)
    if json:
        print_json({"entry": entry.id, "incident": record.incident, "stages": [_facts(s) for s in statuses]})
    elif waive:
        print(f"{_title(name)} waived: {waive.replace('_', ' ')}. Logged as {entry.author} {entry.seq}.")
    else:
        print(plain(_met_words(after, statuses, name, now)))


def _check_stage(lines: dict[str, Timeline], record: IncidentRecord, name: str) -> None:
    if record.timeline in lines:
        _known_stage(lines[record.timeline].stages, name)


def _known_stage(stages: Iterable[str], name: str) -> None:
    from concordat.exchange.incidents.deadlines import PROGRESS
    from concordat.settings import nearest

    known = [*stages, PROGRESS]
    if name not in known:
        close = nearest(name, known)
        hint = f'Did you mean "{close[0]}"?' if close else f"Stages: {', '.join(known)}."
        raise InputError(f'"{name[:40]}" is not a stage of this timeline.', where="stage", hint=hint, code="stage")


@app.command()
def close(
    incident: str = INCIDENT,
    outcome: str = typer.Option(..., "--outcome", help=f"{', '.join(OUTCOMES)}."),
    merged_into: str = typer.Option("", "--merged-into", help="The incident's STIX id that it is now part of."),
    hours: int = typer.Option(
        None, "--services-down-hours", min=0, help="How long services were down, if it is known."
    ),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Say that an incident of this member's is over."""
    if outcome not in OUTCOMES:
        raise InputError(
            f'"{outcome[:40]}" is not an outcome.', where="--outcome", hint=f"One of {', '.join(OUTCOMES)}."
        )
    with seat(home, passphrase_file, speaker, demo) as place:
        record = record_of(place, incident, place.member)
        body: dict[str, Any] = {"incident": record.incident, "outcome": outcome}
        body |= {"merged_into": merged_into} if merged_into else {}
        body |= {"services_down_hours": hours} if hours is not None else {}
        entry = place.say("IncidentClosed", body, [record.entries[0]])
    if json:
        print_json({"entry": entry.id, "incident": record.incident, "outcome": outcome})
    else:
        print(f"Closed {record.incident}: {outcome.replace('_', ' ')}. Logged as {entry.author} {entry.seq}.")


@app.command()
def statistics(
    public: bool = typer.Option(False, "--public", help="As it may be published: counts below 3 are hidden."),
    timeline: list[Path] = TIMELINE,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Count incidents by member, quarter, sector and label, and stages by how they were met."""
    from concordat.exchange.incidents.deadlines import records_of
    from concordat.exchange.incidents.statistics import statistics as tables_of

    lines = timelines_of(timeline)
    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        records, now = records_of(place.exchange), int(place.node.now)
    tables = tables_of(records, lines, now, public=public)
    if json:
        print_json({
            **({} if public else {"entries": list(tables[0].entries)}), "public": public, "tables": [
                {"by": t.by, "cells": [{"count": c.count, "hours": c.hours, "key": c.key, "shown": c.shown}
                                       for c in t.cells], "total": t.shown, "withheld": t.withheld} for t in tables],
        })  # fmt: skip
        return
    entries = "" if public else f" ({len(tables[0].entries)} entries)"
    print(f"Counts of what was logged{entries}: willingness to report, not attacks.")
    for table in tables:
        total = f" ({table.shown})" if table.shown else ""
        words = [_cell(cell) for cell in table.cells]
        if table.withheld:
            words.append("the rest withheld: too few to show" if words else "withheld: too few to show")
        print(f"By {table.by}{total}: " + (", ".join(words) or "none"))


def _cell(cell: Any) -> str:
    hours = f" (median {cell.hours:.1f} h)" if cell.hours is not None else ""
    return f"{cell.key} {cell.shown}{hours}"
