"""`concordat exchange question`: supervisors ask each other, answer, decline; `sandbox` counts sandbox records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli._exchange_home import AS, DEMO, HOME, JSON, PASSPHRASE, Seat, seat
from concordat.cli._node_home import plain, print_json, read
from concordat.errors import InputError, RuleError

app = typer.Typer(
    help="Questions among members, and their answers.", rich_markup_mode=None, add_completion=False,
    no_args_is_help=True,
)  # fmt: skip
REASONS = ("confidential", "no_information", "no_mandate", "other", "resources")
LABEL = typer.Option("AMBER", "--label", help="TLP label of the text: CLEAR, GREEN, AMBER, AMBER+STRICT or RED.")


def questions_in(place: Seat) -> list[Any]:
    """All questions that this node knows."""
    from concordat.exchange.supervision import questions_of, supervisors_of

    active = place.node.chain.last.active
    return questions_of(place.exchange, [m.id for m in active], supervisors_of(active))


@app.command()
def ask(
    name: str = typer.Argument(..., help="A short id for it, as q-stablecoin-reserves."),
    file: Path = typer.Argument(..., help="The question's text; only its salted hash is logged."),
    to: str = typer.Option("", "--to", help="Members: BRA,IND."),
    group: str = typer.Option("", "--group", help="Or a group: supervision, or bloc."),
    area: str = typer.Option("", "--area", help="big_data_ai, blockchain_currency, crowd_p2p or third_party_payment."),
    due: str = typer.Option("", "--due", help="The last day for an answer; default: in 14 days."),
    label: str = LABEL,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Ask members, or a group of them."""
    from concordat.exchange.incidents.tlp import Tlp
    from concordat.exchange.supervision import default_due, end_of_day
    from concordat.node.incidents import keep_text

    marked, text = Tlp.read(label, "--label"), read(file)
    members = [one.strip() for one in to.split(",") if one.strip()]
    if bool(members) == bool(group):
        raise InputError("a question is put to members (--to) or to a group (--group).", where="--to", code="to")
    if due:
        end_of_day(due)
    with seat(home, passphrase_file, speaker, demo) as place:
        known = {member.id for member in place.node.chain.last.active}
        strangers = sorted(set(members) - known)
        if strangers:
            what = f"{', '.join(strangers)[:80]}: not of this bloc."
            raise RuleError(what, where="--to", hint=f"Members: {', '.join(sorted(known))}.", code="not_a_member")
        if any(q.id == name and q.asker == place.member for q in questions_in(place)):
            raise RuleError(f"{name} was asked before.", where="question", hint="Choose another id.", code="known")
        last = due or default_due(int(place.node.now))
        body: dict[str, Any] = {"due": last, "label": marked.text, "question": name}
        body |= {"to": sorted(set(members))} if members else {"group": group}
        body |= {"area": area} if area else {}
        entry = place.say("QuestionAsked", {**body, "document": keep_text(place.node, text, marked)})
    whom = ", ".join(sorted(set(members))) or f"the group {group}"
    if json:
        print_json({"due": last, "entry": entry.id, "question": name})
    else:
        print(f"Asked {whom}: {name}, TLP:{marked.text}, due {last}. Logged as {entry.author} {entry.seq}.")


@app.command()
def answer(
    asker: str = typer.Argument(..., help="The member that asked."),
    name: str = typer.Argument(..., help="The question's id."),
    file: Path = typer.Argument(None, help="The answer's text; only its salted hash is logged."),
    decline: str = typer.Option("", "--decline", help=f"Instead of an answer, why not: {', '.join(REASONS)}."),
    label: str = LABEL,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Answer a question, or decline with a reason."""
    from concordat.exchange.incidents.tlp import Tlp
    from concordat.node.incidents import keep_text

    if (file is None) == (not decline):
        raise InputError("give an answer's file, or --decline and why.", where="answer", code="answer")
    if decline and decline not in REASONS:
        hint = f"One of {', '.join(REASONS)}."
        raise InputError(f'"{decline[:40]}" is not a reason.', where="--decline", hint=hint, code="reason")
    marked, text = Tlp.read(label, "--label"), read(file) if file is not None else b""
    with seat(home, passphrase_file, speaker, demo) as place:
        found = next((q for q in questions_in(place) if (q.asker, q.id) == (asker, name)), None)
        if found is None:
            what = f'{asker} has asked no "{name[:60]}".'
            raise InputError(what, where="question", hint="See: concordat exchange question list", code="unknown_id")
        if place.member not in found.asked_of:
            raise RuleError(f"{place.member} was not asked.", where=name, code="not_asked")
        body: dict[str, Any] = {"asker": asker, "question": name}
        if decline:
            body["declined"] = decline
        else:
            body |= {"document": keep_text(place.node, text, marked), "label": marked.text}
        entry = place.say("AnswerGiven", body, [found.entry])
        late = int(place.node.now) > found.due
    words = f"declined: {decline.replace('_', ' ')}" if decline else f"answered, TLP:{marked.text}"
    if json:
        print_json({"entry": entry.id, "late": late, "question": name})
    else:
        print(f"{name} of {asker} {words}{', late' if late else ''}. Logged as {entry.author} {entry.seq}.")


@app.command("read")
def read_(
    asker: str = typer.Argument(..., help="The member that asked."),
    name: str = typer.Argument(..., help="The question's id."),
    answer: str = typer.Option("", "--answer", help="The member whose answer is wanted, instead of the question."),
    out: Path = typer.Option(None, "--out", "-o", help="Write the text into this file instead."),
    speaker: str = typer.Option("", "--as", help="The member whose node asks; default: whoever's node it is."),
    home: Path = HOME,
    ops_listen: str = typer.Option(None, "--ops-listen", help="Where the running node takes orders; as in settings."),
    json: bool = JSON,
) -> None:
    """Read a question put to this member, or an answer to its own, from its writer's node; this node must run."""
    import base64

    from concordat.cli._exchange_get import SPARE_S, _order
    from concordat.cli._node_home import write

    wanted = {"answer": answer, "asker": asker, "question": name}
    found = _order("question", wanted, speaker, home, ops_listen, 2 * SPARE_S)
    content = base64.b64decode(found.pop("text"))
    if out is not None:
        write(out, content)
    if json:
        print_json(found | ({} if out is not None else {"text": content.decode("utf-8", "replace")}))
        return
    print(f"TLP:{found['label']}, as logged: {found['entry']}; the hash is equal.")
    if out is not None:
        print(f"{out}: {len(content):,} bytes.")
        return
    for line in content.decode("utf-8", "replace").splitlines():
        print(plain(line))


@app.command("list")
def list_(
    area: str = typer.Option("", "--area", help="Only those of one fintech area."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """List questions: who asked whom, who has answered, until when."""
    from concordat.exchange.incidents.deadlines import instant_text

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        found = [q for q in questions_in(place) if area in ("", q.area)]
    if json:
        rows = [{"answered": dict(q.answered), "area": q.area, "asked_of": list(q.asked_of), "asker": q.asker,
                 "declined": dict(q.declined), "due": instant_text(q.due), "id": q.id, "label": q.label,
                 "open_for": list(q.open_for)} for q in found]  # fmt: skip
        print_json({"questions": rows})
        return
    for q in found:
        about = f" on {q.area}" if q.area else ""
        print(f"{q.asker} {q.id}{about}, TLP:{q.label}, due {instant_text(q.due)}")
        said = [f"{m} answered" for m in sorted(q.answered)]
        said += [f"{m} declined ({q.declined[m].replace('_', ' ')})" for m in sorted(q.declined)]
        said += [f"{m} owes an answer" for m in q.open_for]
        print(f"  {'; '.join(said) or 'nobody was asked'}")
    if not found:
        print("No questions yet.")


def sandbox(
    files: list[Path] = typer.Argument(..., help="Files of sandbox records (concordat/sandbox@1)."),
    json: bool = JSON,
) -> None:
    """Check sandbox records and count them by member and fintech area; firms stay salted hashes."""
    from concordat.exchange.supervision import read_sandboxes, sandbox_counts

    counts = sandbox_counts([read_sandboxes(read(path), str(path)) for path in files])
    if json:
        rows = [{"area": c.area, "incidents": c.incidents, "item": c.item, "member": c.member,
                 "outcomes": dict(c.outcomes)} for c in counts]  # fmt: skip
        print_json({"sandboxes": rows})
        return
    for c in counts:
        incidents = "incidents not said by all" if c.incidents is None else f"{c.incidents:,} incidents"
        outcomes = ", ".join(f"{number} {outcome}" for outcome, number in c.outcomes.items())
        print(plain(f"{c.member} {c.area} ({c.item}): {outcomes}; {incidents}"))
    if not counts:
        print("No records in it.")
