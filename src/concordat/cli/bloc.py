"""`concordat bloc`: which blocs there are, who belonged to one on a day and how well that is known, and whether the
table holds together.

Every answer names its day and the day up to which the table knows; a later day is answered, with a warning.
"""

from __future__ import annotations

import json as json_text
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import typer

from concordat import clock
from concordat.errors import TrustError
from concordat.world import (
    FULL_ROLES,
    ROLES,
    Bloc,
    Membership,
    area_name,
    bloc_sources,
    bloc_table_as_of,
    members,
    no_members,
    roles_on,
)
from concordat.world import bloc as bloc_of
from concordat.world import blocs as all_blocs
from concordat.world._dates import as_day
from concordat.world.blocs import OTHER_ROLES, WHERE, known_roles
from concordat.world.names import any_of

app = typer.Typer(
    help="Show blocs and who belongs to them on a day.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
ROLE = typer.Option([], "--role", help="Only this role (member, suspended, invited, ...); may be repeated.")
JSON = typer.Option(False, "--json", help="Print one JSON object.")


@app.command(name="list")
def list_command(
    on: str = typer.Option("", "--on", help="The day whose members are counted, as 2026-07-01; default: today."),
    json: bool = JSON,
) -> None:
    """List every bloc with its number of members on a day."""
    day = _day(on)
    found = [_headline(record, day) for record in all_blocs()]
    if json:
        _print_json({**_about(day), "blocs": found})
        return
    rows = [(b["id"], str(b["members"]), b["kind"], b["confidence"], b["name"]) for b in found]
    _print_lines(_aligned(("id", "members", "kind", "evidence", "name"), rows, right={1}))
    _print_lines(["", f"Members on {day}, full roles only ({', '.join(FULL_ROLES)}).", *_as_of(day)])


@app.command()
def show(
    bloc: str = typer.Argument(..., help="A bloc's id (BRICS, G20, ASEAN, AU, LDC, ...); see: concordat bloc list"),
    on: str = typer.Option("", "--on", help="The day, as 2026-07-01; default: today."),
    role: list[str] = ROLE,
    json: bool = JSON,
) -> None:
    """Show who belongs to a bloc on a day: roles, dates, how well each is known, and from which source."""
    day, record = _day(on), bloc_of(bloc)
    wanted = known_roles(role or ROLES)
    in_force = roles_on(record.id, day)
    if not in_force:
        raise no_members(record, day)
    entries = sorted((m for m in in_force if m.role in wanted), key=lambda m: (ROLES.index(m.role), m.area))
    sources = bloc_sources()
    keys = list(dict.fromkeys(key for m in entries for key in m.sources))
    if json:
        facts = [_facts(m, day) for m in entries]
        cited = {key: {"title": sources[key].title, "url": sources[key].url} for key in keys}
        _print_json({**_about(day), **_headline(record, day), "entries": facts, "sources": cited})
        return
    _print_lines([f"{record.id} on {day}: {record.name}, {record.kind}.", _counts(record, in_force, day), ""])
    if entries:
        columns = ("area", "name", "role", "from", "to", "start seen", "status", "sources")
        _print_lines(_aligned(columns, [_row(m, day) for m in entries]))
    else:
        _print_lines([f"No entry has the role {any_of(role)} that day."])
    _print_lines(_remarks(record, entries))
    if keys:
        _print_lines(["", "Sources:", *(f"  {key}: {sources[key].title}. {sources[key].url}" for key in keys)])
    _print_lines(["", *_as_of(day)])


@app.command()
def check(json: bool = JSON) -> None:
    """Check the table of blocs: its form, its intervals, its sources, and every published total.

    Ends with exit code 5 when something does not hold. Unverified entries are counted, and are no fault.
    """
    from concordat.world.bloc_checks import check_table

    found = check_table()
    if json:
        faults = [{"rule": f.rule, "where": f.where, "what": f.what} for f in found.faults]
        counts = {"blocs": found.blocs, "entries": found.entries, "sources": found.sources, "totals": found.totals}
        known = {"unverified": found.unverified, "checked": dict(found.checked), "sha256": found.sha256}
        _print_json({"faults": faults, **counts, **known, "unused_sources": list(found.unused_sources)})
    else:
        seen = ", ".join(f"{n:,} to the {precision}" for precision, n in found.checked.items() if precision != "none")
        lines = [f"{fault.where}: {fault.what}" for fault in found.faults]
        lines.append(f"{found.blocs} blocs, {found.entries:,} entries, {found.sources} sources, as of {_as_of_day()}.")
        lines.append(f"{found.totals} published totals counted anew.")
        lines.append(f"Starts seen: {seen}; not seen: {found.checked['none']:,}.")
        lines.append(f"Unverified, as the start or the membership itself was not seen: {found.unverified:,}.")
        lines.append("Nothing fails." if not found.faults else f"Faults: {len(found.faults)}.")
        _print_lines(lines)
    if found.faults:
        raise typer.Exit(TrustError.exit_code)


# --- What is said about a bloc and an entry -----------------------------------------------------------------------


def _day(on: str) -> date:
    return as_day(on, where="--on") if on else clock.today()


def _as_of_day() -> str:
    return bloc_table_as_of().isoformat()


def _about(day: date) -> dict[str, Any]:
    return {"on": day.isoformat(), "table_as_of": _as_of_day(), "after_as_of": day > bloc_table_as_of()}


def _as_of(day: date) -> list[str]:
    lines = [f"The table knows what happened up to {_as_of_day()}."]
    if day > bloc_table_as_of():
        lines.append(f"Warning: {day} is later. Whoever joined or left since then is not in this answer.")
    return lines


def _headline(record: Bloc, day: date) -> dict[str, Any]:
    full = {m.area for m in record.memberships if m.role in FULL_ROLES and m.in_force(day)}
    return {
        "id": record.id,
        "name": record.name,
        "kind": record.kind,
        "confidence": record.confidence,
        "members": len(full),
        "members_expanded": len(members(record.id, day, expand=True)) if full else 0,
    }


def _counts(record: Bloc, in_force: Sequence[Membership], day: date) -> str:
    """`55 members, 6 of them suspended. Not counted: ...`: the total, and every other role."""
    head = _headline(record, day)
    total = head["members"]
    said = f"{total} member{'' if total == 1 else 's'}" if total else "No members"
    roles = Counter(m.role for m in in_force)
    if roles["suspended"]:
        said += f", {roles['suspended']} of them suspended"
    inner = sum(m.area_is_bloc for m in in_force if m.role in FULL_ROLES)
    if inner:
        blocs = "a bloc" if inner == 1 else "blocs"
        said += f", {inner} of them {blocs} ({head['members_expanded']} areas if replaced by their members)"
    others = [f"{roles[r]} {r}" for r in OTHER_ROLES if r != "suspended" and roles[r]]
    return said + (f". Not counted: {', '.join(others)}." if others else ".")


def _facts(m: Membership, day: date) -> dict[str, Any]:
    return {
        "area": m.area,
        "name": area_name(m.area),
        "area_is_bloc": m.area_is_bloc,
        "role": m.role,
        "from": m.from_,
        "to": m.to,
        "checked": m.checked,
        "checked_to": m.checked_to or None,
        "status": m.status,
        "unsure": m.unsure_on(day),
        "sources": list(m.sources),
        "note": m.note,
        "locator": f"{WHERE}{m.locator}",
    }


def _row(m: Membership, day: date) -> tuple[str, ...]:
    status = m.status + (", unsure" if m.unsure_on(day) else "")
    name = area_name(m.area) + (" (a bloc)" if m.area_is_bloc else "")
    seen = "not seen" if m.checked == "none" else m.checked
    end = "-" if m.to is None else m.to + (" (not seen)" if m.checked_to == "none" else "")
    return (m.area, name, m.role, m.from_ or "?", end, seen, status, " ".join(m.sources) or "none seen")


def _remarks(record: Bloc, entries: Iterable[Membership]) -> list[str]:
    notes: dict[str, list[str]] = {}
    for m in entries:
        if m.note:
            notes.setdefault(m.note, []).append(m.area)
    lines = [f"  {', '.join(areas)}: {note}" for note, areas in notes.items()]
    if record.note:
        lines.insert(0, f"  {record.note}")
    return ["", "Notes:", *lines] if lines else []


# --- Printing -----------------------------------------------------------------------------------------------------


def _aligned(head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """A table in columns; the last one may be as long as it likes."""
    lines = [head, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    to_right = set(right)

    def cell(i: int, text: str) -> str:
        return text.rjust(widths[i]) if i in to_right else text.ljust(widths[i])

    return ["  ".join(cell(i, text) for i, text in enumerate(line)).rstrip() for line in lines]


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _print_json(value: dict[str, Any]) -> None:
    print(json_text.dumps(value, ensure_ascii=False, sort_keys=True, indent=1))
