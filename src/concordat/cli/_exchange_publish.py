"""`concordat exchange case publish|review|reuse`, `algorithm publish`: what goes from the library to the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli._exchange_home import AS, DEMO, HOME, PASSPHRASE, Seat, seat
from concordat.cli._exchange_library import DATA_DIR, JSON
from concordat.errors import InputError


def register_case(app: typer.Typer) -> None:
    """Hang the commands that log something of a case into their group."""
    app.command("publish")(publish_case)
    app.command("review")(review)
    app.command("reuse")(reuse)


def register_algorithm(app: typer.Typer) -> None:
    """Hang the command that logs a record into its group."""
    app.command("publish")(publish_algorithm)


def publish_case(
    case: str = typer.Argument(..., metavar="ID", help="A case of your own in this machine's library."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    data_dir: Path | None = DATA_DIR,
    json: bool = JSON,
) -> None:
    """Publish a case: its document is kept by the node, and its hash and codes are logged."""
    from concordat.cli.exchange_case import library_of
    from concordat.exchange.cases.entries import case_document, published_body

    found = library_of(data_dir).newest.get(case)
    if found is None:
        library_of(data_dir).case(case)  # says which case was meant
        raise InputError(f"{case} stands for another case.", hint="Name the record itself.", code="unknown_case")
    with seat(home, passphrase_file, speaker, demo) as place:
        body = published_body(found, place.member)
        entry = _publish(place, "CasePublished", body, case_document(found))
    _say(json, f"Published {found.id} v{found.version}", entry, id=found.id, version=found.version)


def review(
    owner: str = typer.Argument(..., metavar="OWNER", help="The member that owns the case."),
    case: str = typer.Argument(..., metavar="ID"),
    grade: list[str] = typer.Option(..., "--grade", help="RESULT=GRADE, such as 0=2; may be repeated."),
    version: int = typer.Option(0, "--version", help="The version that was reviewed; default: the newest."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Grade the evidence of another member's case, result by result."""
    from concordat.exchange.cases.entries import grades_of

    grades = grades_of(grade)
    with seat(home, passphrase_file, speaker, demo) as place:
        number = version or place.exchange.newest("case", (owner, case)).version
        body = {"owner": owner, "case": case, "version": number, "grades": grades}
        entry = place.say("CaseReviewed", body)
    said = ", ".join(f"result {g['result']}: grade {g['grade']}" for g in grades)
    _say(
        json, f"Reviewed {owner}/{case} v{number} ({said})", entry, id=case, owner=owner, version=number, grades=grades
    )


def reuse(
    owner: str = typer.Argument(..., metavar="OWNER", help="The member that owns the case."),
    case: str = typer.Argument(..., metavar="ID"),
    since: str = typer.Option("", "--since", help="The day on which the reuse began; default: today."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Sign that this member reuses another member's case."""
    from concordat import clock
    from concordat.world._dates import as_day

    day = (as_day(since, where="--since") if since else clock.today()).isoformat()
    with seat(home, passphrase_file, speaker, demo) as place:
        newest = place.exchange.newest("case", (owner, case))
        body = {"owner": owner, "case": case, "version": newest.version, "since": day}
        entry = place.say("CaseReused", body)
    _say(json, f"Reused {owner}/{case} v{newest.version} since {day}", entry, id=case, owner=owner, since=day)


def publish_algorithm(
    record: str = typer.Argument(..., metavar="ID", help="A record of this machine's register."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    data_dir: Path | None = DATA_DIR,
    json: bool = JSON,
) -> None:
    """Publish the newest version of a record: its document is kept by the node, and its hash is logged."""
    from concordat.cli.exchange_algorithm import register_of
    from concordat.exchange.algorithms.entries import published_body, record_document

    found = register_of(data_dir).version(record)
    with seat(home, passphrase_file, speaker, demo) as place:
        body = published_body(found, place.member)
        entry = _publish(place, "AlgorithmPublished", body, record_document(found))
    _say(json, f"Published {found.id} v{found.version}", entry, id=found.id, version=found.version)


def _publish(place: Seat, kind: str, body: dict[str, Any], document: bytes) -> Any:
    """Keep the document, then write the entry that names it."""
    from concordat.exchange.events import check_said

    check_said(kind, body, place.member)
    place.node.store.put_blob(body["document"]["hash"], None, document)
    return place.say(kind, body)


def _say(json: bool, text: str, entry: Any, **facts: Any) -> None:
    if json:
        from concordat.cli._node_home import print_json

        print_json({**facts, "entry": entry.id, "author": entry.author, "seq": entry.seq})
    else:
        print(f"{text}. Logged as {entry.author} {entry.seq}.")
