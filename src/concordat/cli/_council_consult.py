"""`concordat council consult`: statements, moderation, opinions, and what they come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli._council_home import AS, DEMO, seat
from concordat.cli._node_home import HOME, JSON, PASSPHRASE, print_json
from concordat.cli._node_home import write as write_file
from concordat.errors import InputError

app = typer.Typer(
    help="Consult: statements, opinions, groups, what bridges them.", rich_markup_mode=None, add_completion=False,
    no_args_is_help=True,
)  # fmt: skip
CONSULTATION = typer.Argument(..., help="The consultation's id.")
OPEN_DAYS = 14  # how long a consultation is open where nobody says when it closes
MODE = typer.Option("concordat-1", "--mode", help="concordat-1 (the same bytes everywhere), or polis.")


@app.command("open")
def open_(
    subject: str = typer.Argument(..., help="A proposal's id, or the question in words."),
    closes: str = typer.Option(
        "", "--closes", help=f"When it closes, with its zone: 2026-05-06T18:00+08:00; default: in {OPEN_DAYS} days."
    ),
    public: str = typer.Option("delegations", "--public", help="delegations, or public (citizens, hosted by members)."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Open a consultation of delegations, or of a public; the two are never mixed."""
    from concordat.cli._council_words import in_days, moment
    from concordat.cli.council import told
    from concordat.council.consultations import WHAT_SHOWS

    with seat(home, passphrase_file, speaker, demo) as place:
        proposal = place.council.find("proposal", subject)
        body: dict[str, Any] = {
            "closes": moment(closes, "--closes") if closes else in_days(place.now, OPEN_DAYS),
            "public": public,
            "title": proposal.title if proposal else subject,
        }
        if proposal:
            body["proposal"] = proposal.id
        entry = place.say("ConsultationOpened", body)
        found = place.became("consultation", entry)
        shows = WHAT_SHOWS[0 if public == "delegations" else 1]
        words = f"Consultation {found.id}: {found.title}.\n{shows}" if found else ""
        told(place, entry, words, json, id=found.id if found else None)


@app.command()
def say(
    consultation: str = CONSULTATION,
    text: str = typer.Argument(..., help="The statement, at most 1,000 characters."),
    language: str = typer.Option("en", "--language", help="Its language."),
    translation: bool = typer.Option(False, "--translation", help="It is a translation of another statement."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Submit a statement."""
    from concordat.cli.council import told

    with seat(home, passphrase_file, speaker, demo) as place:
        body = {"consultation": consultation, "language": language, "text": text, "translation": translation}
        entry = place.say("StatementSubmitted", body)
        rows = place.council.get("consultation", consultation).statements
        number = next((s.number for s in rows if s.entry == entry.id), None)
        told(
            place, entry, f"Statement {number} of {consultation} by {entry.author}." if number else "", json, id=number
        )


@app.command()
def vote(
    consultation: str = CONSULTATION,
    opinions: list[str] = typer.Argument(..., help="A statement's number and an opinion: 12 agree 13 pass 14 disagree"),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Say what this delegation thinks of statements: agree, pass or disagree."""
    from concordat.cli.council import told
    from concordat.council._body import plural

    if len(opinions) % 2:
        raise InputError(
            "an opinion is a number and a word.", where="opinions", hint="As 12 agree 13 pass", code="opinion"
        )
    rows: list[list[Any]] = []
    for number, choice in zip(opinions[::2], opinions[1::2], strict=True):
        if not number.isdecimal():
            raise InputError(
                f'"{number[:20]}" is no statement\'s number.', where="opinions", hint="As 12 agree", code="opinion"
            )
        rows.append([int(number), choice])
    with seat(home, passphrase_file, speaker, demo) as place:
        if place.council.get("consultation", consultation).public == "public":
            hint = "Hand the batch over: concordat council say OpinionVoted @FILE, with [voter, statement, choice]."
            raise InputError(f"{consultation} is of a public whom members host.", hint=hint, code="public")
        entry = place.say("OpinionVoted", {"consultation": consultation, "opinions": rows})
        told(place, entry, f"{entry.author}: {plural(len(rows), 'opinion')} in {consultation}.", json)


@app.command()
def moderate(
    consultation: str = CONSULTATION,
    statement: int = typer.Argument(..., help="The statement's number."),
    decision: str = typer.Argument(..., help="accepted, rejected or open."),
    reason: str = typer.Option(..., "--reason", help="Why; it is on the record."),
    meta: bool = typer.Option(False, "--meta", help="It is about the consultation itself, not its subject."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Accept or reject a statement, with the reason on the record (the chair)."""
    from concordat.cli.council import told

    body = {
        "consultation": consultation, "decision": decision, "meta": meta, "reason": reason, "statement": statement,
    }  # fmt: skip
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say("StatementModerated", body)
        told(place, entry, f"Statement {statement} of {consultation}: {decision}.", json)


@app.command()
def show(
    consultation: str = CONSULTATION,
    mode: str = MODE,
    export: Path = typer.Option(
        None, "--export", help="Write comments.csv, participants-votes.csv and result.json there."
    ),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """What a consultation has come to: who agrees on what, opinion groups if they are stable, what bridges them."""
    from concordat.council.consultations import as_votes

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        votes = as_votes(place.council, consultation)
    _analysed(votes, mode, export, json)


@app.command()
def analyse(
    folder: Path = typer.Argument(..., help="An export in Polis's form: comments.csv and participants-votes.csv."),
    mode: str = MODE,
    sign: int = typer.Option(0, "--sign", help="What agree is in the votes: 1, or -1 (old exports)."),
    export: Path = typer.Option(
        None, "--export", help="Write comments.csv, participants-votes.csv and result.json there."
    ),
    json: bool = JSON,
) -> None:
    """Analyse a consultation held elsewhere, from its export."""
    from concordat.cli._council_polis import read_folder

    _analysed(read_folder(folder, sign), mode, export, json)


def _analysed(votes: Any, mode: str, export: Path | None, json: bool) -> None:
    from concordat import canonical
    from concordat.council.consult import analyse as analysis_of
    from concordat.council.consult import comments_csv, matrix_csv, result, summary

    found = analysis_of(votes, mode=mode)  # type: ignore[arg-type]
    if export is not None:
        export.mkdir(parents=True, exist_ok=True)
        write_file(export / "comments.csv", comments_csv(votes, found.groups if found.counts else None).encode())
        write_file(export / "participants-votes.csv", matrix_csv(votes, found.groups).encode())
        write_file(export / "result.json", canonical.dumps(result(found)))
    if json:
        print_json(result(found))
        return
    print("\n".join(summary(found)))
