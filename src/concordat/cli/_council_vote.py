"""`concordat council vote`, and what belongs to it: cast, reveal, result, verify, power, what-if."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli._council_home import AS, DEMO, seat
from concordat.cli._node_home import HOME, JSON, PASSPHRASE, print_json, read
from concordat.cli._node_home import write as write_file
from concordat.errors import InputError

app = typer.Typer(
    help="Open, close and declare votes.", rich_markup_mode=None, add_completion=False, no_args_is_help=True
)
VOTE = typer.Argument(..., help="The vote's id.")


def _told(place: Any, entry: Any, words: str, json: bool, **facts: Any) -> None:
    from concordat.cli.council import told

    told(place, entry, words, json, **facts)


@app.command("open")
def open_(
    subject: str = typer.Argument(..., help='A proposal, an amendment, "withdraw ID", "adopt ID", or a free question.'),
    closes: str = typer.Option(..., "--closes", help="When it closes, with its zone: 2026-05-06T18:00+08:00"),
    rule: str = typer.Option("", "--rule", help="Under which rule; default: the one that its subject names."),
    title: str = typer.Option("", "--title", help="The question in words."),
    meeting: str = typer.Option("", "--meeting", help="The meeting whose attendance counts."),
    candidate: list[str] = typer.Option([], "--candidate", help="Of an election: MEMBER.label; repeatable."),
    reveal_until: str = typer.Option("", "--reveal-until", help="A sealed election: until when ballots are opened."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Open a vote (the chair): the rule, weights and members of this moment decide it."""
    from concordat.cli._council_words import moment
    from concordat.council.voting import rule_for, text_of

    with seat(home, passphrase_file, speaker, demo) as place:
        under = rule or rule_for(place.council, subject)
        if not under:
            raise InputError("under which rule?", hint="Name it: --rule NAME", code="rule")
        body: dict[str, Any] = {
            "candidates": candidate, "closes": moment(closes, "--closes"), "rule": under, "subject": subject,
            "text": text_of(place.council, subject, title), "title": title,
        }  # fmt: skip
        if meeting:
            body["meeting"] = meeting
        if reveal_until:
            body["reveal_until"] = moment(reveal_until, "--reveal-until")
        entry = place.say("VoteOpened", body)
        vote = place.became("vote", entry)
        words = ""
        if vote:
            words = f"Vote {vote.id} on {subject} under {vote.rule} {vote.rule_version}, {len(vote.entitled)} entitled."
            if vote.reveal_until and len(vote.entitled) < 30:
                words += "\nWith few voters the result can tell who voted how (a unanimous one does)."
        _told(place, entry, words, json, id=vote.id if vote else None)


@app.command()
def close(
    vote: str = VOTE,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Close a vote before its hour, once everybody has voted (the chair)."""
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say("VoteClosed", {"vote": vote})
        _told(place, entry, f"{vote} is closed.", json)


@app.command()
def declare(
    vote: str = VOTE,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Declare the result as it is computed here: outcome, its hash, and every ballot's entry."""
    with seat(home, passphrase_file, speaker, demo) as place:
        found = place.council.get("vote", vote)
        ballots = {m: b.entry for m, b in found.ballots.items()}
        body = {
            "ballots": ballots,
            "outcome": found.outcome or "none",
            "result": found.result_hash or "0" * 64,
            "vote": vote,
        }
        entry = place.say("ResultDeclared", body)
        _told(place, entry, f"{vote}: declared as {found.outcome} by {entry.author}.", json, outcome=found.outcome)


@app.command()
def challenge(
    vote: str = VOTE,
    reason: str = typer.Option(..., "--reason", help="Why."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Challenge a result in its challenge time: it is counted again."""
    with seat(home, passphrase_file, speaker, demo) as place:
        entry = place.say("ResultChallenged", {"reason": reason, "vote": vote})
        _told(place, entry, f"{vote} is challenged by {entry.author}.", json)


def cast(
    vote: str = VOTE,
    choice: list[str] = typer.Argument(
        ..., help="yes, no, abstain, object, ...; of an election the ranking or approvals."
    ),
    proxy_for: str = typer.Option("", "--for", help="The member whose proxy this one holds."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Cast a ballot: signed, open, for the certified text under the rule at the opening; sealed where the vote is."""
    with seat(home, passphrase_file, speaker, demo) as place:
        found = place.council.get("vote", vote)
        body: dict[str, Any] = {"rule": found.rule_hash, "text": found.text, "vote": vote}
        if found.reveal_until:
            entry = _commit(place, found, body, choice)
            _told(place, entry, f"{entry.author} committed to a ballot in {vote}; open it after the closing.", json)
            return
        body["choice"] = list(choice) if found.method == "election" else choice[0]
        if found.method != "election" and len(choice) != 1:
            raise InputError(f"one choice, not {len(choice)}.", hint="Such as: yes, no or abstain.", code="choice")
        if proxy_for:
            body["proxy_for"] = proxy_for
        entry = place.say("BallotCast", body)
        _told(place, entry, f"{proxy_for or entry.author} votes {', '.join(choice)} in {vote}.", json)


def _commit(place: Any, vote: Any, body: dict[str, Any], choice: list[str]) -> Any:
    """Seal a ballot; what opens it stays in this member's own store, beside those of earlier ballots.

    Kept by its commitment: a ballot that comes too late must not cost the one that was sealed in time.
    """
    import secrets

    from concordat import canonical
    from concordat.council.decide.sealed import commitment
    from concordat.council.voting import check_choice

    ballot = check_choice(vote, list(choice))
    nonce = secrets.token_bytes(32)
    kept = canonical.dumps({"ballot": ballot, "nonce": nonce.hex()})
    sealed = commitment(vote.id, place.member, nonce, ballot)
    place.node.store.put_paper("sealed", f"{vote.id} {sealed}", kept)
    return place.say("BallotCommitted", {**body, "commitment": sealed})


def reveal(
    vote: str = VOTE,
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Open this member's sealed ballot after the closing."""
    from concordat import canonical

    with seat(home, passphrase_file, speaker, demo) as place:
        found = place.council.find("vote", vote)
        sealed = found.sealed.get(place.member) if found else None
        kept = place.node.store.papers("sealed").get(f"{vote} {sealed.commitment}") if sealed else None
        if kept is None:
            raise InputError(
                f"this node sealed no ballot in {vote}.", hint="It is opened where it was sealed.", code="sealed"
            )
        entry = place.say("BallotRevealed", {"vote": vote, **canonical.loads(kept)})
        _told(place, entry, f"{entry.author} opened its ballot in {vote}.", json)


def result(
    vote: str = VOTE,
    out: Path = typer.Option(None, "--out", "-o", help="Write the result with every proof into a file for anybody."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Show a vote's result as this member computes it: counts, quorum, each condition, and when it is final."""
    from concordat.cli._council_words import result_lines
    from concordat.council.state import value_of

    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        found = place.council.get("vote", vote)
        lines = result_lines(found)
        if out is not None:
            from concordat.council.result import document_of
            from concordat.ledger.bundle import bundle_of

            replica, trust = place.node.replica, place.node.chain.pinned
            write_file(out, document_of(place.council, vote, lambda key: bundle_of(replica, key).data(), trust))
            lines.append(
                f"{out}: {out.stat().st_size:,} bytes. "
                f"Check it anywhere: concordat council verify {out} --trust {trust}"
            )
    if json:
        print_json(value_of(found))
        return
    print("\n".join(lines))


def verify(
    file: Path = typer.Argument(..., help="A result file (council result --out)."),
    trust: str = typer.Option("", "--trust", help="The hash of membership version 1; default: the one in the file."),
    export: Path = typer.Option(None, "--export", help="Hold it to a whole record as well: no ballot left out."),
    json: bool = JSON,
) -> None:
    """Check a result without a node: every signature and proof, the rule, and the count asked again."""
    from concordat.council.result import compare
    from concordat.council.result import verify as check

    data = read(file)
    found = check(data, trust, str(file))
    if export is not None:
        from concordat.node.council import council_of_export

        council, _ = council_of_export(export, trust or None)
        compare(data, council, str(file))
    if json:
        facts = {"ballots": found.ballots, "open": [] if export else list(found.open), "outcome": found.outcome}
        print_json({**facts, "proofs": found.proofs, "rule": list(found.rule), "vote": found.vote})
        return
    print(found.sentence())
    if not trust:
        print("Trusted: the membership hash in the file itself. With --trust HASH the one you know is asked.")
    if export is not None:
        print("The whole record says the same: no ballot is left out, and the members are as it has them.")
    else:
        print(f"Not shown by the file alone: {'; '.join(found.open)}. With --export FOLDER the whole record is asked.")


def power(
    rule: str = typer.Argument(..., help="A rule in force, a shipped rule, or a file."),
    weights: list[Path] = typer.Option([], "--weights", help="A table of weights (YAML), instead of those in force."),
    members: str = typer.Option(
        "", "--members", help="Members with commas; default: those of the council, or the bloc's."
    ),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """How much power each member has under a rule: Banzhaf, Shapley-Shubik, and Coleman's indices."""
    from concordat.cli._council_power import power_lines, question

    found, tables, entitled, groups = question(rule, weights, members, home, passphrase_file, speaker, demo)
    facts, lines = power_lines(found, tables, entitled, groups)
    if json:
        print_json(facts)
        return
    print("\n".join(lines))


def what_if(
    rule: str = typer.Argument(..., help="A rule in force, a shipped rule, or a file."),
    blocks_with: str = typer.Option(
        "", "--blocks-with", help="The smallest coalitions that block with this member in them."
    ),
    wins_with: str = typer.Option(
        "", "--wins-with", help="The smallest coalitions that adopt with this member in them."
    ),
    vote: str = typer.Option("", "--vote", help="Which ballots of this vote would have to change."),
    weights: list[Path] = typer.Option([], "--weights", help="A table of weights (YAML), instead of those in force."),
    members: str = typer.Option(
        "", "--members", help="Members with commas; default: those of the council, or the bloc's."
    ),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Who can adopt or block with whom, and which ballots would have to change."""
    from concordat.cli._council_power import question, what_if_lines

    found, tables, entitled, groups = question(rule, weights, members, home, passphrase_file, speaker, demo)
    ballots: dict[str, str] = {}
    if vote:
        with seat(home, passphrase_file, speaker, demo, reads=True) as place:
            ballots = {m: str(b.choice) for m, b in place.council.get("vote", vote).ballots.items()}
    facts, lines = what_if_lines(found, tables, entitled, groups, blocks_with, wins_with, ballots)
    if json:
        print_json(facts)
        return
    print("\n".join(lines))
