"""`concordat council dispute`: file, act, show, calendar, and the shipped procedures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli._council_home import AS, DEMO, seat
from concordat.cli._node_home import HOME, JSON, PASSPHRASE, print_json, read_text
from concordat.errors import InputError

app = typer.Typer(
    help="File a dispute, act in it, see its deadlines.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
DISPUTE = typer.Argument(..., help="The dispute's id.")


@app.command("file")
def file_(
    procedure: str = typer.Argument(
        ..., help="A shipped procedure (odr, expedited, dsu, icdpaso, council-default), or a file."
    ),
    against: str = typer.Option(..., "--against", help="The member it is filed against."),
    subject: str = typer.Option("", "--subject", help="What it is about, in a line; default: who against whom."),
    urgent: bool = typer.Option(False, "--urgent", help="An urgent case, where the procedure has shorter periods."),
    agreement: str = typer.Option(
        "", "--agreement", help="What the parties agreed on, where the procedure asks for it."
    ),
    roster: list[str] = typer.Option([], "--roster", help="Whom a fallback may appoint; repeatable."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """File a dispute under a written procedure."""
    from concordat.cli.council import told

    path = Path(procedure)
    own = path.suffix in (".yaml", ".yml")
    body: dict[str, Any] = {
        "agreement": agreement, "procedure": path.stem if own else procedure, "respondent": against, "roster": roster,
        "text": read_text(path) if own else "", "urgent": urgent,
    }  # fmt: skip
    with seat(home, passphrase_file, speaker, demo) as place:
        body["subject"] = subject or f"{place.member} against {against}"
        entry = place.say("DisputeFiled", body)
        found = next((d for d in place.council.all("dispute") if entry.id in d.entries), None)
        words = ""
        if found is not None:
            words = f"Dispute {found.id}: {entry.author} against {against} under {found.case.procedure.name}."
            words += "\nAn aid, not legal advice: check the current text of the rules."
        told(place, entry, words, json, id=found.id if found else None)


@app.command()
def act(
    dispute: str = DISPUTE,
    kind: str = typer.Argument(..., help="ResponseFiled, NeutralAppointed, SettlementReached, DecisionIssued, ..."),
    body: str = typer.Argument("{}", help="The rest of its body as JSON."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Act in a dispute: respond, appoint, challenge, extend, suspend, settle, withdraw, decide."""
    from concordat import canonical
    from concordat.cli._council_words import dispute_lines
    from concordat.cli.council import told

    value = canonical.loads(body.encode("utf-8", "surrogateescape"))
    if not isinstance(value, dict):
        raise InputError("the body must be an object.", where="body", hint='As {"neutral": "KEN"}', code="body")
    key = "subject" if kind == "StageAdvanced" else "dispute"
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say(kind, {key: dispute, **value})
        told(place, entry, "\n".join(dispute_lines(place.council.get("dispute", dispute))), json)


@app.command()
def show(
    dispute: str = DISPUTE,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Where a dispute is, what each party must do next, and what was in time."""
    from concordat.cli._council_words import dispute_lines
    from concordat.council.disputes.duties import deadlines, kept

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        found = place.council.get("dispute", dispute)
        duties = deadlines(found.case, place.now)
    if json:
        rows = [{"party": d.party, "stage": d.stage, "until": d.at, "what": d.what} for d in duties]
        print_json({"due": rows, "id": dispute, **found.case.to_value()})
        return
    print("\n".join(dispute_lines(found)))
    for d in duties:
        print(
            f"{d.party}: {d.what}"
            f"{' by the end of ' + d.day.isoformat() if d.day else ''}{' (overdue)' if d.overdue else ''}"
        )
        for note in d.notes:
            print(f"  {note}")
    for row in kept(found.case):
        when = f"{abs(row.days)} days {'late' if row.days > 0 else 'early'}" if row.days else "on the last day"
        print(
            f"{row.stage.replace('_', ' ')}: due {row.due.day}, "
            f"{'missed' if row.late and row.done is None else when} ({row.how})"
        )


@app.command()
def calendar(
    dispute: str = DISPUTE,
    ics: bool = typer.Option(False, "--ics", help="Print it as an iCalendar file."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """All dates of a dispute: past, due, and what follows if nobody acts."""
    from concordat.council.disputes.duties import ahead
    from concordat.council.disputes.ics import calendar_ics

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        case = place.council.get("dispute", dispute).case
        now = place.now
    if ics:
        print(calendar_ics(case, created=now), end="")
        return
    visits = [(v.stage, v.entered.day.isoformat(), v.left.day.isoformat() if v.left else "") for v in case.state.visits]
    rows = [(a.title or a.stage, a.end.day.isoformat(), a.then) for a in ahead(case)]
    if json:
        print_json({"ahead": [list(r) for r in rows], "id": dispute, "stages": [list(v) for v in visits]})
        return
    for stage, entered, left in visits:
        print(f"{entered}  {stage.replace('_', ' ')}{' until ' + left if left else ''}")
    for stage, day, then in rows:
        print(f"{day}  {stage.replace('_', ' ')} ends{'; then ' + then.replace('_', ' ') if then else ''}")


@app.command()
def procedures(json: bool = JSON) -> None:
    """The procedures that come with Concordat, and what each says of itself."""
    from concordat.council.disputes.procedure import SHIPPED, Procedure

    found = [Procedure.shipped(name) for name in SHIPPED]
    if json:
        print_json({"procedures": [{"hash": p.hash, "name": p.name, "note": p.note} for p in found]})
        return
    for p in found:
        print(f"{p.name:16} {len(p.stages)} stages, {p.hash[:16]}\n  {p.note}")
