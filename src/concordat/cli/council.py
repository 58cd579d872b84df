"""`concordat council`: consult, decide, promise, review and settle on the bloc's own record.

Commands that say something write an entry into this member's log once it would have an effect; in a demo's folder
(`--as BRA`) it is exchanged until it is final everywhere. Commands that ask read what is final.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli import _council_commit, _council_consult, _council_dispute, _council_review, _council_vote
from concordat.cli._council_home import AS, DEMO, Seat, seat
from concordat.cli._node_home import HOME, JSON, PASSPHRASE, print_json, read
from concordat.errors import InputError, RuleError

app = typer.Typer(
    help="Consult, decide, promise, review and settle on a record that no member owns.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)
app.add_typer(_council_vote.app, name="vote")
app.add_typer(_council_consult.app, name="consult")
app.add_typer(_council_review.app, name="review")
app.add_typer(_council_dispute.app, name="dispute")
app.command("import-seed")(_council_commit.import_seed)
app.command("target")(_council_commit.target)
app.command("bind")(_council_commit.bind)
app.command("extract")(_council_commit.extract)
app.command("score")(_council_review.score)
app.command("cast")(_council_vote.cast)
app.command("reveal")(_council_vote.reveal)
app.command("result")(_council_vote.result)
app.command("verify")(_council_vote.verify)
app.command("power")(_council_vote.power)
app.command("what-if")(_council_vote.what_if)


def told(seat: Seat, entry: Any, words: str, json: bool, **facts: Any) -> None:
    """Say what an entry came to: its effect, or that it waits to become final.

    Raises:
        RuleError: it is final and had no effect.
    """
    why = seat.effect(entry)
    if why:
        hint = "It stays on the record; see: concordat council show"
        raise RuleError(f"no effect: {why}", where=f"{entry.type} {entry.id[:16]}", hint=hint, code="no_effect")
    if json:
        print_json({"entry": entry.id, "no_effect": None, "type": entry.type, **facts})
    else:
        print(words or f"{entry.type} of {entry.author}: entry {entry.id[:16]}.")


@app.command()
def adopt(
    files: list[Path] = typer.Argument(..., help="Rules (concordat/rule@1), or one table of weights, or one group."),
    decision: str = typer.Option("", "--decision", help="The vote that decided it; the founders need none."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Adopt rules, weights or a group: by every founder's word at first, by a decision under amend_rules later."""
    from concordat.cli._council_files import act_of
    from concordat.council.constitution import act_hash, founded

    kind, body = act_of(files)
    if decision:
        body["decision"] = decision
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say(kind, body)
        act = place.council.find("act", act_hash(kind, body))  # as far as it is final: this entry may not be yet
        signed = {entry.author, *(act.signed if act else ())}
        waiting = [] if founded(place.council) else [m for m in place.council.founders if m not in signed]
        words = f"{kind} of {entry.author}." + (f" Waiting for {', '.join(waiting)}." if waiting else "")
        told(place, entry, words, json, waiting=waiting)


@app.command()
def table(
    file: Path = typer.Argument(..., help="The text: a title (# ...), then paragraphs with empty lines between."),
    rule: str = typer.Option(..., "--rule", help="The rule under which it is to be decided."),
    amendment_rule: str = typer.Option("", "--amendment-rule", help="That of its amendments; default: the same rule."),
    kind: str = typer.Option(
        "proposal", "--kind", help="proposal, report, rule, weights, group, member, chair, commitment."
    ),
    language: str = typer.Option("en", "--language", help="The language of the text."),
    translation: list[str] = typer.Option([], "--translation", help="Another authentic language: zh=FILE. Repeatable."),
    act: str = typer.Option("", "--act", help="What a yes allows: TYPE=FILE (a rule or YAML), or TYPE=@BODY.json"),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Table a proposal: its text by paragraphs, in one language or several that count alike."""
    from concordat.cli._council_files import act_hash_of, paragraphs

    title, texts = "", {}
    for name, path in [(language, file), *(_pair(t, "--translation") for t in translation)]:
        found, rows = paragraphs(read(Path(path)), str(path))
        title = title or found
        texts[name] = rows
    body: dict[str, Any] = {
        "authentic": sorted(texts), "kind": kind, "rule": rule, "texts": texts, "title": title or file.stem,
    }  # fmt: skip
    if amendment_rule:
        body["amendment_rule"] = amendment_rule
    if act:
        body["act"] = act_hash_of(*_pair(act, "--act"))
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say("ProposalTabled", body)
        proposal = place.became("proposal", entry)
        words = f"Tabled by {entry.author}: entry {entry.id[:16]}; its id is issued once it is final (node sync)."
        if proposal is not None:
            text = proposal.text.hash[:4]
            words = f"Proposal {proposal.id} tabled by {entry.author} (text {text}..). Needs: certify, then vote."
        told(place, entry, words, json, id=proposal.id if proposal else None)


def _pair(text: str, where: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name or not value:
        raise InputError(f'"{text[:60]}" is not NAME=VALUE.', where=where, code="pair")
    return name, value


@app.command()
def amend(
    proposal: str = typer.Argument(..., help="The proposal's id."),
    op: str = typer.Argument(..., help="replace, insert_after or delete."),
    paragraph: str = typer.Argument(..., help="The paragraph's id; of an insertion the one before, or start."),
    text: list[str] = typer.Option([], "--text", help="The words: LANGUAGE=WORDS; repeatable."),
    new_id: str = typer.Option("", "--id", help="The id of an inserted paragraph."),
    base: str = typer.Option("", "--base", help="The version it stands against; default: the newest."),
    reason: str = typer.Option("", "--reason", help="Why."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Table an amendment to one paragraph of a proposal."""
    change: dict[str, Any] = {"op": op, "paragraph": paragraph, "text": dict(_pair(t, "--text") for t in text)}
    if new_id:
        change["id"] = new_id
    with seat(home, passphrase_file, speaker, demo) as place:
        against = base or place.council.get("proposal", proposal).text.hash
        entry = place.say(
            "AmendmentTabled", {"base": against, "change": change, "proposal": proposal, "reason": reason}
        )
        found = place.became("amendment", entry)
        words = f"Amendment {found.id} to {proposal} {paragraph} by {entry.author}." if found else ""
        told(place, entry, words, json, id=found.id if found else None)


@app.command()
def certify(
    proposal: str = typer.Argument(..., help="The proposal's id."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Certify a proposal's text in all its authentic languages, so that it can be voted on (the chair)."""
    from concordat.council.texts import hash_of

    with seat(home, passphrase_file, speaker, demo) as place:
        found = place.council.get("proposal", proposal)
        languages = {language: hash_of(found.text.texts[language]) for language in found.authentic}
        entry = place.say("TextCertified", {"languages": languages, "proposal": proposal, "version": found.text.hash})
        told(place, entry, f"{proposal} certified in {', '.join(found.authentic)}: {found.text.hash}.", json)


@app.command()
def text(
    proposal: str = typer.Argument(..., help="The proposal's id."),
    member: str = typer.Option("", "--for", help="As it binds this member: without its reservations and opt-outs."),
    language: str = typer.Option("", "--language", help="Which language version; default: the first authentic one."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Print a proposal's text, or what it comes to for one member."""
    from concordat.council.standings import consolidated

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        found = place.council.get("proposal", proposal)
        if member:
            place.council.get("member", member)
        if language and language not in found.text.texts:
            raise InputError(
                f"there is no {language} text.", hint=f"There is {', '.join(found.text.texts)}.", code="language"
            )
        rows = consolidated(place.council, proposal, member, language)
    if json:
        facts = [{"binds": binds, "id": key, "text": words} for key, words, binds in rows]
        print_json({"for": member or None, "paragraphs": facts, "proposal": proposal, "version": found.text.hash})
        return
    for key, words, binds in rows:
        print(f"{key:6} {words if binds else '[does not bind ' + member + '] ' + words}")


@app.command()
def due(
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    everyone: bool = typer.Option(False, "--all", help="What everybody owes, not this member alone."),
    json: bool = JSON,
) -> None:
    """List what this member owes: votes, replies, comments, codes, duties in disputes, each with its deadline."""
    from concordat.council._body import utc
    from concordat.council.due import due as owed

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        rows = owed(place.council, place.now, "" if everyone else place.member)
    if json:
        print_json(
            {"due": [{"member": o.member, "subject": o.subject, "until": o.until, "what": o.what} for o in rows]}
        )
        return
    for o in rows:
        print(f"{o.member}  {utc(o.until) if o.until else 'no deadline':20}  {o.subject:14} {o.what}")
    if not rows:
        print("Nothing is due.")


@app.command()
def agenda(
    home: Path = HOME, passphrase_file: Path = PASSPHRASE, speaker: str = AS, demo: Path = DEMO, json: bool = JSON
) -> None:
    """Print the agenda in its order."""
    from concordat.council.agenda import agenda as items

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        rows = items(place.council)
    if json:
        print_json({"items": [{"item": i.id, "kind": i.kind, "subject": i.subject, "title": i.title} for i in rows]})
        return
    for n, item in enumerate(rows, 1):
        print(f"{n:3}. {item.title} ({item.kind}{', ' + item.subject if item.subject else ''})")
    if not rows:
        print("The agenda is empty.")


@app.command()
def show(
    kind: str = typer.Argument("", help="proposal, vote, amendment, commitment, cycle, dispute, rule, member, ..."),
    thing: str = typer.Argument("", help="Its id; without it all of the kind are listed."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Show the state of the council: what there is, all of a kind, or one thing."""
    from concordat.cli._council_words import brief, thing_lines
    from concordat.council.state import value_of

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        council = place.council
    if kind and kind not in council.things:
        from concordat.settings import nearest

        close = nearest(kind, council.things)
        hint = f'Did you mean "{close[0]}"?' if close else f"There are: {', '.join(sorted(council.things))}."
        if its := next((k for k in sorted(council.things) if kind in council.things[k]), ""):
            hint = f"It is the id of a {its}: concordat council show {its} {kind}"
        raise InputError(f"there is no {kind} here.", hint=hint, code="unknown_kind")
    if json:
        whole = council.to_value()
        one = value_of(council.get(kind, thing)) if thing else None
        print_json(one if one is not None else whole["things"][kind] if kind else whole)
        return
    if kind and thing:
        print("\n".join(thing_lines(kind, council.get(kind, thing))))
    elif kind:
        print("\n".join(brief(kind, t) for t in council.all(kind)))
    else:
        print(f"{council.bloc}, {council.at}; chair {council.chair}; state {council.state_hash[:16]}.")
        for name in sorted(council.things):
            print(f"{len(council.things[name]):5}  {name}")
        for n in council.no_effect[-5:]:
            print(f"no effect: {n.type} of {n.author}: {n.reason}")


@app.command()
def events(
    kind: str = typer.Argument("", help="A type; without it all types are listed."),
    json: bool = JSON,
) -> None:
    """List the types of entry that the council knows, or print the JSON Schema of one."""
    from concordat.cli._council_words import unknown
    from concordat.council.events import load_all, schema

    names = load_all()
    if kind and kind not in names:
        raise unknown(kind, names, "a type of entry of the council")
    if kind or json:
        print_json(schema(kind) if kind else {"types": list(names)})
        return
    print("\n".join(names))


@app.command()
def say(
    kind: str = typer.Argument(..., help="The type of entry; see: concordat council events"),
    body: str = typer.Argument("{}", help="Its body as JSON, or @FILE."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Say anything that the council knows: reservations, objections, powers, meetings, silence, recommendations."""
    from concordat import canonical

    data = read(Path(body[1:])) if body.startswith("@") else body.encode("utf-8", "surrogateescape")
    value = canonical.loads(data)
    if not isinstance(value, dict):
        raise InputError("the body must be an object.", where="body", hint='As {"proposal": "p-2026-001"}', code="body")
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say(kind, value)
        told(place, entry, "", json)
