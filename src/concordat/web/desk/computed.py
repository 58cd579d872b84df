"""What the node adds to an act's answers from the council's state, and what a form offers to choose from.

`shown_of` gives what is printed into the form and sent back (the text and rule that a ballot names, the version that an
amendment stands against), so that a change meanwhile is refused, not signed unseen. `made_of` gives what is computed
when the body is built. `options_of` offers the things of the council that an id may name. All are pure over the state.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from concordat.council.texts import hash_of
from concordat.errors import ConcordatError, InputError
from concordat.web.desk.questions import Answers, Ask, ballot_of
from concordat.web.forms import Option

if TYPE_CHECKING:
    from concordat.council.state import Council
    from concordat.council.voting import Vote

OPTIONS_MAX = 200
BRIEF = 100  # characters of a title in a list
_MEMBER_ID = "^[A-Z]"
# Field -> the kind of thing whose id it is.
_NAMES: Mapping[str, str] = {
    "amendment": "amendment", "amendment_rule": "rule", "commitment": "commitment", "consultation": "consultation",
    "cycle": "cycle", "dispute": "dispute", "meeting": "meeting", "proposal": "proposal",
    "recommendation": "recommendation", "reservation": "standing", "rule": "rule", "silence": "silence",
    "vote": "vote",
}  # fmt: skip


def _get(answers: Answers, name: str) -> str:
    values = answers.get(name, ())
    return values[0].strip() if values else ""


def shown_of(council: Council, kind: str, answers: Answers) -> dict[str, str]:
    """The fields that are printed and sent back, as the state has them; those it can't tell yet are left out."""
    if kind in ("BallotCast", "BallotCommitted"):
        vote = council.find("vote", _get(answers, "vote"))
        if vote is None:
            return {}
        found = {"rule": vote.rule_hash, "text": vote.text}
        if kind == "BallotCommitted":
            found["nonce"] = _get(answers, "nonce") or secrets.token_hex(32)
        return found
    proposal = council.find("proposal", _get(answers, "proposal"))
    if kind in ("AmendmentTabled", "TranslationSupplied"):
        return {"base": proposal.text.hash} if proposal else {}
    if kind == "TextCertified":
        return {"version": proposal.text.hash} if proposal else {}
    if kind == "SilenceStarted":
        return {"text": proposal.certified} if proposal and proposal.certified else {}
    if kind == "ResultDeclared":
        vote = council.find("vote", _get(answers, "vote"))
        return {"outcome": vote.outcome or "none", "result": vote.result_hash or "0" * 64} if vote else {}
    return {}


def made_of(council: Council, kind: str, member: str, answers: Answers, papers: Mapping[str, bytes]) -> dict[str, Any]:
    """The fields of the body that the node computes.

    Args:
        papers: what opens the ballots that this node sealed, by vote and commitment.

    Raises:
        InputError: no such thing, or nothing was sealed here. RuleError: it can't be voted on.
    """
    match kind:
        case "ProposalTabled":
            languages = {_get(answers, f"language.{n}") for n in range(1, 4) if _get(answers, f"text.{n}")}
            return {"authentic": sorted(languages - {""})}
        case "TextCertified":
            proposal = council.get("proposal", _get(answers, "proposal"))
            return {"languages": {x: hash_of(proposal.text.texts[x]) for x in proposal.authentic}}
        case "VoteOpened":
            from concordat.council.voting import text_of

            subject = _get(answers, "subject")
            return {"text": text_of(council, subject, _get(answers, "title"))} if subject else {}
        case "ResultDeclared":
            vote = council.get("vote", _get(answers, "vote"))
            return {"ballots": {m: b.entry for m, b in sorted(vote.ballots.items())}}
        case "BallotCommitted":
            return _committed(council, member, answers)
        case "BallotRevealed":
            return _revealed(council, member, answers, papers)
    return {}


def sealed_of(council: Council, member: str, answers: Answers) -> tuple[str, bytes]:
    """(the name, the bytes) of what opens a sealed ballot: kept by the node that sealed it."""
    from concordat import canonical

    sealed = _committed(council, member, answers)["commitment"]
    kept = canonical.dumps({"ballot": _ballot(council, answers), "nonce": _get(answers, "nonce")})
    return f"{_get(answers, 'vote')} {sealed}", kept


def _committed(council: Council, member: str, answers: Answers) -> dict[str, Any]:
    from concordat.council.decide.sealed import commitment

    vote, nonce = council.get("vote", _get(answers, "vote")), _get(answers, "nonce")
    if len(nonce) != 64 or not set(nonce) <= set("0123456789abcdef"):
        raise InputError("no seal came with this form.", where="nonce", hint="Open the page again.", code="sealed")
    return {"commitment": commitment(vote.id, member, bytes.fromhex(nonce), _ballot(council, answers))}


def _ballot(council: Council, answers: Answers) -> Any:
    from concordat.council.voting import check_choice

    vote = council.get("vote", _get(answers, "vote"))
    choice = ballot_of(answers)
    if choice is None:
        raise InputError("there is no choice.", where="choice", hint="Number at least one candidate.", code="choice")
    return check_choice(vote, choice)


def _revealed(council: Council, member: str, answers: Answers, papers: Mapping[str, bytes]) -> dict[str, Any]:
    from concordat import canonical

    vote = council.get("vote", _get(answers, "vote"))
    sealed = vote.sealed.get(member)
    kept = papers.get(f"{vote.id} {sealed.commitment}") if sealed else None
    if kept is None:
        what = f"this node sealed no ballot in {vote.id}."
        raise InputError(what, where="vote", hint="It is opened where it was sealed.", code="sealed")
    return dict(canonical.loads(kept))


# --- What there is to choose from -------------------------------------------------------------------------------------


def options_of(council: Council, ask: Ask) -> list[Option]:
    """What a field may name, newest first; empty where it is to be typed."""
    if ask.kind != "line":
        return []
    kind = _NAMES.get(ask.name, "member" if ask.pattern.startswith(_MEMBER_ID) else "")
    things = council.things.get(kind, {})
    if not things or len(things) > OPTIONS_MAX:
        return []
    rows = council.all(kind)
    named = kind in ("member", "rule")
    return [Option(t.id, t.id if named else f"{t.id}: {brief(t)}") for t in (rows if named else reversed(rows))]


def brief(thing: Any) -> str:
    """A thing of the council in a few words."""
    for name in ("title", "what", "subject", "text"):
        words = getattr(thing, name, "")
        if isinstance(words, str) and words:
            return words if len(words) <= BRIEF else words[: BRIEF - 1] + "…"
    state = getattr(thing, "status", getattr(thing, "state", ""))
    return " ".join(part for part in (getattr(thing, "proposal", ""), str(state)) if part)


def vote_on(council: Council, key: str) -> Vote:
    """The vote that an address means: by its own id, or the newest one on a proposal, an amendment or an item.

    Raises:
        InputError: there is none.
    """
    vote: Vote | None = council.find("vote", key)
    if vote is not None:
        return vote
    item = council.find("item", key)
    subjects = {key, item.subject} if item is not None else {key}
    if item is not None and item.subject and council.find("vote", item.subject):
        return vote_on(council, item.subject)
    found: list[Vote] = [v for v in council.all("vote") if v.subject in subjects]
    if not found:
        what = f'there is no vote on "{key[:64]}".'
        raise InputError(what, where="address", hint="The chair opens it; see the agenda.", code="unknown_id")
    return max(found, key=lambda v: (v.status == "open", v.opened, v.id))


def proposal_of(council: Council, key: str) -> str:
    """The proposal that an address means: by its own id, or the one that an item of the agenda is about.

    Raises:
        InputError: there is none.
    """
    item = council.find("item", key)
    named = item.subject if item is not None and item.subject else key
    vote = council.find("vote", named)
    try:
        return str(council.get("proposal", vote.subject if vote is not None else named).id)
    except ConcordatError as error:
        error.where = "address"
        raise
