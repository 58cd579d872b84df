"""`concordat council review` and `score`: the yearly review, and the arithmetic of other people's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli._council_home import AS, DEMO, seat
from concordat.cli._node_home import HOME, JSON, PASSPHRASE, print_json, read, read_text

app = typer.Typer(
    help="Review how far commitments are kept.", rich_markup_mode=None, add_completion=False, no_args_is_help=True
)
CYCLE = typer.Argument(..., help="The cycle's id.")


@app.command("open")
def open_(
    title: str = typer.Argument(..., help="Its title."),
    year: int = typer.Option(..., "--year", help="The year that is reviewed."),
    commitment: list[str] = typer.Option(..., "--commitment", help="A commitment that is assessed; repeatable."),
    selection: str = typer.Option(..., "--selection", help="Why these: balance, centrality, measurability."),
    rule: str = typer.Option(..., "--rule", help="The rule under which the report is to be adopted."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Open a cycle of review with the commitments that are assessed, and why (the chair)."""
    from concordat.cli.council import told

    body = {
        "commitments": sorted(set(commitment)), "rule": rule, "selection": selection, "title": title, "year": year,
    }  # fmt: skip
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say("CycleOpened", body)
        found = place.became("cycle", entry)
        words = f"Cycle {found.id}: {found.coverage}." if found else ""
        told(place, entry, words, json, id=found.id if found else None)


@app.command()
def guideline(
    cycle: str = CYCLE,
    file: Path = typer.Argument(..., help="The guideline: what is +1, 0, -1, the terms, the depth."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Fix the guideline before anything is coded (the chair)."""
    from concordat.cli.council import told

    text = read_text(file)
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say("GuidelineFixed", {"cycle": cycle, "text": text})
        told(place, entry, f"The guideline of {cycle} is fixed.", json)


@app.command()
def advance(
    cycle: str = CYCLE,
    to: str = typer.Argument(..., help="coding, drafts, comments, final or adopted."),
    release: str = typer.Option("", "--release", help="Of coding: the hash of the data release that is frozen."),
    decision: str = typer.Option("", "--decision", help="Of adopted: the vote that adopted the report."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Move a cycle to its next stage (the chair)."""
    from concordat.cli.council import told

    body: dict[str, Any] = {"subject": cycle, "to": to}
    body |= {"release": release} if release else {}
    body |= {"decision": decision} if decision else {}
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say("StageAdvanced", body)
        told(place, entry, f"{cycle}: {place.council.get('cycle', cycle).status}.", json)


@app.command(context_settings={"ignore_unknown_options": True})  # so that -1 is a code
def code(
    cycle: str = CYCLE,
    commitment: str = typer.Argument(..., help="The commitment."),
    member: str = typer.Argument(..., help="The member that is assessed."),
    value: str = typer.Argument(..., help="-1, 0, +1, or none (does not apply, with --reason)."),
    source: list[str] = typer.Option([], "--source", help="The hash (SHA-256) of a source; repeatable."),
    reason: str = typer.Option("", "--reason", help="Why; needed where no code applies."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Code one cell: what a member did about a commitment, with sources. A coder codes a cell once."""
    from concordat.cli.council import told
    from concordat.errors import InputError

    values = {"-1": -1, "0": 0, "+1": 1, "1": 1, "none": None}
    if value not in values:
        raise InputError(f'"{value[:20]}" is no code.', where="value", hint="-1, 0, +1 or none.", code="code")
    body = {
        "code": values[value], "commitment": commitment, "cycle": cycle, "member": member, "reason": reason,
        "sources": sorted(set(source)),
    }  # fmt: skip
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say("CodeAssigned", body)
        told(place, entry, f"{commitment} of {member}: {value}, by {entry.author}.{entry.person}.", json)


@app.command()
def show(
    cycle: str = CYCLE,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """What the codes come to: scores by member and commitment, agreement, disagreements, blanks."""
    from concordat.council.reviews import scores_of
    from concordat.council.state import value_of

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        found = place.council.get("cycle", cycle)
        scores = scores_of(place.council, cycle) if found.codes else None
    if json:
        print_json({"cycle": value_of(found), "scores": scores.as_dict() if scores else None})
        return
    print(f"{found.id}: {found.title}, {found.status}; {found.coverage} ({found.selection}).")
    if scores is None:
        print("Nothing is coded yet.")
        return
    print(f"Coders: {len(scores.coders)}. {scores.alpha}")
    from concordat.council.review.intervals import intervals

    sure = intervals(scores, seed=found.id)
    for name, between in sure.members.items():
        print(f"{name:8} {between}")
    print(
        "In brackets: 90 % intervals. With 15 commitments a member's 95 % interval is about 18 points to either side."
    )
    for cell in scores.disagreements[:10]:
        print(f"coders differ: {cell.commitment} of {cell.member}: {', '.join(f'{g:+d}' for g in cell.given)}")
    for cell in scores.blanks[:10]:
        print(f"blank: {cell.commitment} of {cell.member}: {cell.reason}")


def score(
    file: Path = typer.Argument(..., help="A table of codes with published averages (CSV)."),
    json: bool = JSON,
) -> None:
    """Recompute the averages of somebody's coding table; name wrong rows and malformed cells, repair nothing."""
    from concordat.council.review.foreign import score_table

    found = score_table(read(file), where=str(file))
    if json:
        facts = {
            "malformed": [str(m) for m in found.malformed], "notes": list(found.notes),
            "rows": [str(line) for line in found.rows], "wrong": [str(line) for line in found.wrong],
        }  # fmt: skip
        print_json(facts)
        return
    print(found.report())
