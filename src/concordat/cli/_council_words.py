"""How the objects of the council are said in a few lines, for `council show` and the commands that change them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from concordat.council._body import utc, utc_day
from concordat.council.state import value_of
from concordat.errors import InputError
from concordat.settings import nearest


def result_lines(vote: Any) -> list[str]:
    """A vote: what was cast, whether it counts, when it is final."""
    lines = [f"{vote.id}: {vote.subject}{' (' + vote.title + ')' if vote.title else ''}, under {vote.rule}."]
    if not vote.result:
        cast = len(vote.ballots) + len([s for s in vote.sealed.values() if not s.opened])
        lines.append(f"{vote.status}: {cast} of {len(vote.entitled)} have voted; it closes {utc(vote.closes)}.")
    elif "tally" in vote.result:
        lines.append(" ".join(vote.result["tally"]["lines"]) + _when(vote))
        if (vote.outcome, vote.result["tally"].get("outcome")) == ("not_adopted", "tie_to_chair"):
            lines.append("The chair did not decide in its time: not adopted.")
    else:
        lines += _election_lines(vote.result)
        if vote.result.get("void"):
            lines.append(f"Void (never opened): {', '.join(vote.result['void'])}.")
        lines.append(vote.outcome + _when(vote))
    lines += [f"not counted: {member}, {reason}" for _, member, reason in vote.not_counted]
    for author, _ in vote.false_declarations:
        lines.append(f"FALSE DECLARATION by {author}: the result here is {vote.outcome} ({vote.result_hash[:16]}).")
    return lines


def _election_lines(result: dict[str, Any]) -> list[str]:
    """An election's rounds, or why there were none."""
    if "missing" in result:
        return [f"No quorum: {', '.join(result['missing'])} missing."]
    election = result.get("election", result)
    return list(election.get("lines", [election.get("reason", "")]))


def _when(vote: Any) -> str:
    if vote.status == "final":
        return f"; final {utc_day(vote.final_at)}."
    if vote.outcome == "adjourned":
        return "."
    if not vote.final_at:
        return "; the chair decides."
    return f"; final {utc_day(vote.final_at)} (merge delay, challenge time)."


def proposal_lines(proposal: Any) -> list[str]:
    """A proposal and its text."""
    lines = [f"{proposal.id}: {proposal.title}, tabled by {proposal.author}, {proposal.status}, under {proposal.rule}."]
    lines.append(
        f"Version {len(proposal.versions)}, {proposal.text.hash[:16]}; authentic: {', '.join(proposal.authentic)}."
    )
    for key, text in proposal.text.texts[proposal.authentic[0]]:
        lines.append(f"  {key}  {text}")
    return lines


def thing_lines(kind: str, thing: Any) -> list[str]:
    """Any object in words; its fields where there are none."""
    if kind == "vote":
        return result_lines(thing)
    if kind == "proposal":
        return proposal_lines(thing)
    if kind == "dispute":
        return dispute_lines(thing)
    if kind == "commitment":
        lines = [f"{thing.id}: {thing.what} ({thing.document}; {thing.state})."]
        lines.append(f"Who: {thing.who}. For: {thing.beneficiary or 'all'}. Due: {thing.due or 'no date'}.")
        lines += [
            f"Target of {t.author}{', adopted by ' + t.decision if t.decision else ', proposed'}."
            for t in thing.targets
        ]
        return lines
    value = {k: v for k, v in value_of(thing).items() if k not in ("batch", "entry")}
    return [f"{key}: {_short(found)}" for key, found in value.items()]


def dispute_lines(dispute: Any) -> list[str]:
    """A dispute: parties, stage, deadline."""
    case = dispute.case
    lines = [f"{dispute.id}: {case.filing.complainant} against {case.filing.respondent}, {dispute.subject}."]
    state = f"ended: {case.stage.replace('_', ' ')}" if case.ended else f"stage {case.stage.replace('_', ' ')}"
    due = case.due
    until = f", until {utc(due.at)}" if due is not None and not case.ended else ""
    lines.append(f"{case.procedure.name}: {state}{until}{'; suspended' if case.suspended else ''}.")
    lines += [f"no effect: {event.type} of {event.by}: {reason}" for event, reason in case.no_effect]
    return lines


def brief(kind: str, thing: Any) -> str:
    """One line for a list."""
    told = {
        "vote": lambda t: f"{t.subject}, {t.status}{' ' + t.outcome if t.outcome else ''}",
        "proposal": lambda t: f"{t.title}, {t.status}",
        "amendment": lambda t: f"{t.proposal} {t.change.op} {t.change.paragraph}, {t.status}",
        "commitment": lambda t: f"{t.what}, {t.state}",
        "consultation": lambda t: f"{t.title}, {len(t.statements)} statements, {t.status}",
        "dispute": lambda t: f"{t.case.filing.complainant} against {t.case.filing.respondent}, {t.case.stage}",
        "cycle": lambda t: f"{t.title}, {t.coverage}, {t.status}",
        "rule": lambda t: f"version {t.version}, {t.hash[:16]}",
        "member": lambda t: t.status,
        "item": lambda t: f"{t.kind}: {t.title}",
    }.get(kind)
    return f"{thing.id:14} {told(thing) if told else ''}".rstrip()


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 300 else text[:297] + "..."


def unknown(word: str, known: Iterable[str], what: str, where: str = "") -> InputError:
    """The error for a word that names nothing here; it suggests the nearest one, or lists them all."""
    names = sorted(set(known))
    close = nearest(word, names)
    hint = f'Did you mean "{close[0]}"?' if close else f"There are: {', '.join(names)}."
    return InputError(f'"{word[:64]}" is not {what}.', where=where, hint=hint, code="unknown_name")


def in_days(now: int, days: int) -> str:
    """The instant a number of days after now (seconds since 1970), as entries write it."""
    return f"{datetime.fromtimestamp(now, UTC) + timedelta(days=days):%Y-%m-%dT%H:%MZ}"


def moment(text: str, where: str) -> str:
    """An instant as entries write it, from what a person writes.

    Raises:
        InputError: no instant, or one without its zone: it would be another hour for every member.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f'"{text[:40]}" is not an instant.', where=where, hint="As 2026-05-06T18:00+08:00") from None
    if found.tzinfo is None:
        hint = "As 2026-05-06T18:00+08:00, or 2026-05-06T10:00Z"
        raise InputError(f'"{text[:40]}" has no zone.', where=where, hint=hint, code="zone")
    return found.isoformat(timespec="minutes").replace("+00:00", "Z")
