"""`concordat exchange agreements`, `answer` and `duty`: what was agreed, what waits for a person, what was promised."""

from __future__ import annotations

import base64
import json as json_
from pathlib import Path
from typing import Any

import typer

from concordat.cli._exchange_get import AS, OPS_LISTEN, SPARE_S, _order
from concordat.cli._node_home import HOME, JSON, plain, print_json, read
from concordat.errors import InputError

MOVES = ("accept", "agree", "offer", "request", "terminate")


def agreements(
    agreement: str = typer.Argument("", help="One agreement or open process, whole; default: all, in short."),
    speaker: str = AS,
    home: Path = HOME,
    ops_listen: str = OPS_LISTEN,
    json: bool = JSON,
) -> None:
    """What this node has agreed with others: terms, log entries, promises, uses, and what waits for a person."""
    wanted = {"only": agreement, "text": json or bool(agreement)}
    found = _order("agreements", wanted, speaker, home, ops_listen, SPARE_S)
    if json:
        print_json(found)
        return
    for row in found["agreements"]:
        for line in _agreement_lines(row, whole=bool(agreement)):
            print(plain(line))
    for row in found["processes"]:
        for line in _process_lines(row, whole=bool(agreement)):
            print(plain(line))
    if not found["agreements"] and not found["processes"]:
        print("No agreements yet.")


def _agreement_lines(row: dict[str, Any], *, whole: bool) -> list[str]:
    side = "to" if row["role"] == "provider" else "from"
    state = "final" if row["final"] else "not final"
    uses = f", used {row['uses']} times" if row["uses"] is not None else ""
    version = f" v{row['version']}" if row["version"] else ""
    whom = row["with"] if row["member"] else f"{row['with']} (not a member)"
    lines = [f"{row['id'].removeprefix('urn:uuid:')}  {row['dataset']}{version} {side} {whom}, {state}{uses}"]
    lines.append(f"  terms: {row['terms']}")
    lines.append(f"  kept by the software: {'; '.join(row['enforced']) or 'nothing'}")
    lines.append(f"  promised, not enforced: {'; '.join(row['promised']) or 'nothing'}")
    if row["not_enforced"]:
        lines.append(f"  outside our profile: {'; '.join(row['not_enforced'])}")
    lines += [f"  duty {duty['number']}: {duty['what']} ({_duty_words(duty)})" for duty in row["duties"]]
    lines += [f"  {e['type']}: {e['author']} {e['seq']}, entry {e['entry']}" for e in row["entries"]]
    if whole:
        lines.append(f"  SHA-256 of the canonical text, as both logs hold it: {row['hash']}")
        lines += _text_lines(row["text"])
    return lines


def _duty_words(duty: dict[str, Any]) -> str:
    if duty["state"] == "done":
        logged = "" if duty["entry"] else ", not yet seen in the log"
        return f"done {duty['done']}{logged}"
    return f"{duty['state']}, due {duty['due']}" if duty["due"] else str(duty["state"])


def _process_lines(row: dict[str, Any], *, whole: bool) -> list[str]:
    flag = f": {row['flag']}" if row["flag"] else ""
    lines = [f"{row['pid']}  {row['kind']} with {row['with']}, {row['state'] or 'not answered yet'}{flag}"]
    if "terms" in row:
        version = f" v{row['version']}" if row["version"] else ""
        asked = "offered" if row["state"] == "OFFERED" else "asked for"
        lines += [f"  {row['dataset']}{version}, {asked}: {row['terms']}", f"  the terms now say: {row['decision']}"]
        if whole:
            lines += _text_lines(row["text"])
    return lines


def _text_lines(text: dict[str, Any]) -> list[str]:
    return [f"  {line}" for line in json_.dumps(text, indent=2, sort_keys=True, ensure_ascii=False).splitlines()]


def answer(
    process: str = typer.Argument(..., help="The negotiation, as in: concordat exchange agreements"),
    move: str = typer.Argument(..., help="A provider: agree, offer or terminate. A consumer: accept, request, ..."),
    why: str = typer.Option("", "--why", help="A reason, told to the other side."),
    terms: Path = typer.Option(None, "--terms", help="An offer file whose policy is offered; default: the catalogued."),
    purpose: list[str] = typer.Option([], "--purpose", help="With request: as in `get`; repeatable."),
    residency: list[str] = typer.Option([], "--residency", help="With request: as in `get`; repeatable."),
    onward: str = typer.Option("", "--onward", help="With request: as in `get`."),
    speaker: str = AS,
    home: Path = HOME,
    ops_listen: str = OPS_LISTEN,
    json: bool = JSON,
) -> None:
    """Answer a negotiation that waits for a person."""
    if move not in MOVES:
        raise InputError(
            f'"{move[:20]}" is no answer.', where="answer", hint=f"One of {', '.join(MOVES)}.", code="move"
        )
    declared = {"onward": onward, "purpose": purpose, "residency": residency}
    if any(declared.values()) and move != "request":
        raise InputError("only a request declares something.", where="answer", code="move")
    if terms is not None and move != "offer":
        raise InputError("only an offer has terms.", where="--terms", code="move")
    pid = process if process.startswith("urn:uuid:") else f"urn:uuid:{process}"
    wanted = {"move": move, "pid": pid, "policy": _policy(terms), "why": why, **declared}
    found = _order("answer", wanted, speaker, home, ops_listen, SPARE_S)
    if json:
        print_json(found)
    else:
        print(f"{pid}: {move}." if found["moved"] else f"{pid}: it has gone on meanwhile; nothing was sent.")


def _policy(terms: Path | None) -> dict[str, Any] | None:
    if terms is None:
        return None
    from concordat.exchange.catalogue.offer import Offer

    return Offer.load(read(terms), str(terms)).policy


def duty(
    agreement: str = typer.Argument(..., help="The agreement, as in: concordat exchange agreements"),
    number: int = typer.Argument(..., min=1, max=64, help="The duty's number in it."),
    on: str = typer.Option("", "--on", help="The day on which it was done; default: today."),
    evidence: Path = typer.Option(None, "--evidence", help="A document that shows it; kept beside the log, salted."),
    speaker: str = AS,
    home: Path = HOME,
    ops_listen: str = OPS_LISTEN,
    json: bool = JSON,
) -> None:
    """Log that this member has done what it promised in an agreement: the entry DutyDone."""
    import mimetypes

    name = agreement if agreement.startswith("urn:uuid:") else f"urn:uuid:{agreement}"
    wanted: dict[str, Any] = {"agreement": name, "number": number, "on": on}
    if evidence is not None:
        wanted["evidence"] = base64.b64encode(read(evidence)).decode()
        wanted["media_type"] = mimetypes.guess_type(evidence.name)[0] or ""
    found = _order("duty", wanted, speaker, home, ops_listen, SPARE_S)
    if json:
        print_json(found)
        return
    body = found["body"]
    shown = f", evidence {body['document']['hash'][:16]}.. kept here" if "document" in body else ""
    print(
        f"Done: duty {body['number']} ({body['duty']}) on {body['on']}{shown}."
        f" Logged as {found['author']} {found['seq']}."
    )
