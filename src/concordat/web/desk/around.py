"""What stands beside an act's form and its check page: what it is about, in words, as the council has it now.

A ballot: the question, the rule with its text, what is voted on, until when, who sees it. An amendment: the paragraphs
as they are. The check page: every part of the body with its label, and a sentence that says who says what. Pure over
the state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from concordat.council._body import utc
from concordat.web.desk.documents import is_here
from concordat.web.desk.questions import Answers, ballot_of
from concordat.web.forms import Block, Cell, Exact, Fact, Facts, Note, Rows

if TYPE_CHECKING:
    from concordat.council.state import Council
    from concordat.web.desk.asked import At


def around(at: At, council: Council, kind: str, answers: Answers) -> tuple[Block, ...]:
    """The blocks that stand before a form."""
    key = {name: (values[0] if values else "") for name, values in answers.items()}
    if kind in ("BallotCast", "BallotCommitted", "BallotRevealed", "ExplanationGiven", "ResultChallenged"):
        vote = council.find("vote", key.get("vote", ""))
        return _vote(at, council, kind, vote) if vote is not None else ()
    if kind in ("AmendmentTabled", "ReservationMade", "OptOutMade", "TranslationSupplied", "TextCertified"):
        proposal = council.find("proposal", key.get("proposal", ""))
        return _text(at, proposal) if proposal is not None else ()
    if kind == "OpinionVoted":
        consultation = council.find("consultation", key.get("consultation", ""))
        if consultation is not None:
            facts = [Fact(at.t("ask.title"), consultation.title), Fact(at.t("ask.closes"), utc(consultation.closes))]
            return (Facts(facts), Note(at.t("desk.reveals_all"), "plain"))
    return ()


def _vote(at: At, council: Council, kind: str, vote: Any) -> tuple[Block, ...]:
    from concordat.council.voting import rule_of

    rule = rule_of(council, vote)
    subject = vote.title or vote.subject
    proposal = council.find("proposal", vote.subject)
    facts = [
        Fact(at.t("ask.vote"), vote.id, mono=True),
        Fact(
            at.t("desk.on"),
            f"{subject}{': ' + proposal.title if proposal else ''}",
            href=at.href(f"/item/{vote.subject}") if proposal else "",
        ),
        Fact(at.t("ask.rule"), f"{rule.name} {rule.version}"),
        Fact(at.t("ask.closes"), utc(vote.closes)),
        Fact(at.t("desk.have_voted"), f"{len({*vote.ballots, *vote.sealed})} / {len(vote.entitled)}"),
    ]
    before = vote.ballots.get(at.service.member)
    if before is not None:
        facts.append(Fact(at.t("desk.voted_before"), _choice(at, before.choice)))
    if rule.note:
        facts.append(Fact(at.t("desk.rule_says"), " ".join(rule.note.split()), long=True))
    shows = {"BallotCommitted": "desk.reveals_sealed"}.get(kind, "desk.reveals_all")
    blocks: list[Block] = [Facts(facts), Note(at.t(shows), "plain")]
    if kind in ("BallotCast", "BallotCommitted"):
        blocks.append(
            Exact(council.get("rule_version", vote.rule_hash).text.strip(), at.t("desk.rule_text"), fold=True)
        )
        if proposal is not None:
            blocks += _text(at, proposal)
    return tuple(blocks)


def _choice(at: At, choice: Any) -> str:
    return at.t(f"word.{choice}") if isinstance(choice, str) else ", ".join(choice)


def _text(at: At, proposal: Any) -> tuple[Block, ...]:
    language = proposal.authentic[0]
    rows = [[Cell(key), Cell(text)] for key, text in proposal.text.texts[language]]
    title = at.t("desk.text_of", id=proposal.id, language=language)
    return (Rows("text", title, (at.t("ask.change.paragraph"), at.t("ask.text")), rows),)


def about(at: At, council: Council, kind: str, answers: Answers) -> tuple[Block, ...]:
    """What stands beside the words that will be signed: what they are about, without the texts in full.

    Of a sealed ballot the words are a hash: what it seals is read here, and nowhere in the record.
    """
    found: list[Block] = [block for block in around(at, council, kind, answers) if isinstance(block, Facts)]
    choice = ballot_of(answers) if kind == "BallotCommitted" else None
    if choice is not None:
        found.append(Facts([Fact(at.t("ask.choice"), _choice(at, choice))]))
    return tuple(found)


# --- The words that will be signed ------------------------------------------------------------------------------------


def words_of(at: At, kind: str, body: Any, label: str) -> list[Fact]:
    """A body as lines: who says what, then each part with its label."""
    found = [
        Fact(at.t("desk.says"), at.t("desk.says_who", member=at.service.member, label=label, kind=at.t(f"say.{kind}")))
    ]
    for name, value in body.items():
        found += _lines(at, name, value)
    return found


def _lines(at: At, name: str, value: Any) -> list[Fact]:
    key = f"ask.{name}"
    label = at.t(key) if key in at.words else name
    if isinstance(value, dict) and value:
        return [Fact(f"{label}: {k}", _flat(at, v), long=True) for k, v in value.items()]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [Fact(f"{label} {n}", _flat(at, row), long=True) for n, row in enumerate(value, start=1)]
    hashes = isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
    href = at.href(f"/file/{value}") if hashes and is_here(at, value) else ""
    return [Fact(label, _flat(at, value), mono=hashes, long=not hashes, href=href)]


def _flat(at: At, value: Any) -> str:
    if value is None:
        return at.t("word.none")
    if isinstance(value, bool):
        return at.t("word.yes" if value else "word.no")
    if isinstance(value, dict):
        return "\n".join(f"{k}: {_flat(at, v)}" for k, v in value.items())
    if isinstance(value, list):
        flat = all(not isinstance(v, (dict, list)) for v in value)
        parts = [_flat(at, v) for v in value]
        return ", ".join(parts) if flat and sum(map(len, parts)) < 300 else "\n".join(parts)
    text = str(value)
    said = at.t(f"word.{text}") if text in _SAID else text
    return said if said == text else f"{said} ({text})"


_SAID = ("abstain", "no", "object", "yes", "present_not_voting", "not_participating", "agree", "pass", "disagree")
