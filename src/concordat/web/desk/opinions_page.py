"""May I have a say: `/consult/<id>/vote`, one statement and three buttons, or ten on one page; no account, no script.

A browser has a pseudonym in the cookie `__Host-v`, set when this form is first shown; its voice on a statement is the
last one it gave. What was recorded is read back from the store above the next statement: nothing looks lost. Statements
come in an order drawn for each browser, by the consultation's priorities where they can be counted at once. Opinions
wait here until a batch goes into the record (500, or an hour). Delegations say what they think by a signed entry; the
same address leads them to that form. Source: node-web.md 3.4 and 4.6, council.md 9.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from concordat.council._body import utc
from concordat.errors import InputError, RuleError
from concordat.node.authorise import VISITOR, Target, authorise
from concordat.web.desk.act_page import moment
from concordat.web.desk.asked import Answer, At, Redirect
from concordat.web.desk.fields import opinion_field
from concordat.web.forms import Block, Button, Cell, Fact, Facts, Form, Links, Note, Rows, Screen

if TYPE_CHECKING:
    from concordat.council.consultations import Consultation, Statement

AT_ONCE_MAX = 50
CELLS_MAX = 20_000  # opinions, up to which the priorities are counted while the reader waits
COUNTED_MAX = 32  # states of consultations whose priorities are remembered
_COUNTED: OrderedDict[tuple[str, str, int], Mapping[int, float]] = OrderedDict()
CHOICES = ("agree", "pass", "disagree")


def get_vote(at: At) -> Answer:
    """The next statements, and what this browser has said.

    Raises:
        InputError: no such consultation. RuleError: not for this person, or not at this node.
    """
    consultation = _consultation(at)
    if consultation.public != "public":
        return _delegations(at, consultation)
    _require_may(at)
    return _screen(at, consultation)


def post_vote(at: At) -> Answer:
    """Keep what was said.

    Raises:
        InputError: no such consultation, statement or choice. RuleError: not for this person, or it is over.
    """
    consultation = _consultation(at)
    if consultation.public != "public":
        hint = "Delegations say it by the form of their member."
        raise RuleError(f"{consultation.id} is of delegations.", hint=hint, code="role")
    _require_may(at)
    _require_open(at, consultation)
    known = {s.number for s in consultation.statements if s.moderated >= 0}
    said = _said(at)
    for number, choice in said:
        if number not in known:
            raise InputError(f"there is no statement {number}.", where="statement", code="unknown_id")
        if choice not in CHOICES:
            raise InputError(f'"{choice[:20]}" is no opinion.', where="choice", hint="agree, pass or disagree.")
    opinions = at.people.opinions
    assert opinions is not None
    with at.people.store.commit():
        for number, choice in said:
            opinions.vote(at.visitor(), consultation.id, number, choice, at.now)
    keys = {"n": at.query["n"]} if "n" in at.query else {}
    put_off = [name.removeprefix("opinion.") for name, values in at.sent.fields.items() if values[0] == "skip"]
    later = [*_skipped(at), *(int(number) for number in put_off if number.isdecimal() and len(number) < 6)]
    if later:
        keys["skip"] = "-".join(dict.fromkeys(str(number) for number in later[-200:]))
    return Redirect(at.href(f"/consult/{consultation.id}/vote", **keys).removeprefix(at.prefix))


def _said(at: At) -> list[tuple[int, str]]:
    found = []
    for name, values in at.sent.fields.items():
        number = name.removeprefix("opinion.")
        if name.startswith("opinion.") and number.isdecimal() and len(number) < 6 and values[0] not in ("", "skip"):
            found.append((int(number), values[0]))
    return found


def _consultation(at: At) -> Consultation:
    key = at.parts["id"]
    found: Consultation = at.look(lambda council: council.get("consultation", key))
    return found


def _require_may(at: At) -> None:
    """Citizens and experts, at a node that takes opinions."""
    if not at.service.settings.public_opinions:
        raise RuleError("this node takes no opinions of the public.", hint="Ask another member's node.", code="closed")
    account = at.account.id if at.account is not None else ""
    person = at.person if at.account is not None else VISITOR
    authorise(person, "opine_public", Target(at.service.member, at.service.member, account))


def _require_open(at: At, consultation: Consultation) -> None:
    if consultation.status != "open" or at.now > consultation.closes:
        raise RuleError(
            f"{consultation.id} closed {utc(consultation.closes)}; it is {utc(at.now)}.", code="no_effect",
            hint="What it came to is on its page.",
        )  # fmt: skip


def _delegations(at: At, consultation: Consultation) -> Answer:
    """A delegation's form; whoever is not logged in is led to the login by the page of the act."""
    return Redirect(at.href("/say/OpinionVoted", consultation=consultation.id).removeprefix(at.prefix))


def _screen(at: At, consultation: Consultation) -> Screen:
    opinions = at.people.opinions
    assert opinions is not None
    visitor = at.visitor()
    seen = opinions.of(visitor, consultation.id) if at.fresh is None else {}
    live = [s for s in consultation.statements if s.moderated >= 0]
    later = _skipped(at)
    left = [s for s in _ordered(at, consultation, live, visitor) if s.number not in seen]
    left = [*(s for s in left if s.number not in later), *(s for s in left if s.number in later)]
    over = consultation.status != "open" or at.now > consultation.closes
    n = _how_many(at)
    blocks: list[Block] = []
    if seen:
        blocks.append(
            Note(at.t("desk.recorded_n", n=len([s for s in live if s.number in seen]), all=len(live)), "good")
        )
    if over:
        blocks.append(Note(at.t("desk.consult_over", when=utc(consultation.closes)), "warning"))
    elif left:
        blocks += _ask(at, consultation, left, n)
    blocks += _receipt(at, seen, live)
    blocks.append(Note(at.t("desk.one_browser"), "plain"))
    facts = [Fact(at.t("ask.closes"), utc(consultation.closes)),
             Fact(at.t("desk.statements_left"), f"{0 if over else len(left)} / {len(live)}")]  # fmt: skip
    blocks.append(Facts(facts))
    lead = at.t("desk.consult_done") if not left and not over else ""
    return Screen(consultation.title, blocks, lead=lead)


def _ask(at: At, consultation: Consultation, left: Sequence[Statement], n: int) -> list[Block]:
    """One statement with a button for each answer; or several on one page and one submit, for a slow link."""
    keys = {key: at.query[key] for key in ("n", "skip") if key in at.query}
    action = at.href(f"/consult/{consultation.id}/vote", **keys)
    if n > 1:
        fields = [opinion_field(at, s.number, s.text, ()) for s in left[:n]]
        return [Form("o", action, fields, (Button(at.t("desk.send_opinion")),), at.token())]
    first = left[0]
    name = f"opinion.{first.number}"
    buttons = [Button(at.t(f"word.{c}"), c, name=name) for c in CHOICES]
    if len(left) > 1:
        buttons.append(Button(at.t("word.skip"), "skip", quiet=True, name=name))
    form = Form("o", action, (), buttons, at.token(), f"{first.number}. {first.text}")
    ten = at.href(f"/consult/{consultation.id}/vote", n="10")
    return [form, Links([Cell(at.t("desk.ten_at_once"), ten)])] if len(left) > 1 else [form]


def _skipped(at: At) -> list[int]:
    """Statements that this browser has put off: they come last."""
    return [int(part) for part in at.query.get("skip", "").split("-")[:200] if part.isdecimal() and len(part) < 6]


def _how_many(at: At) -> int:
    text = at.query.get("n", "1")
    if not text.isdecimal() or not 1 <= int(text[:4]) <= AT_ONCE_MAX:
        raise InputError(f"n is a number from 1 to {AT_ONCE_MAX}.", where="address", code="unreadable")
    return int(text)


def _receipt(at: At, seen: dict[int, Any], live: Sequence[Statement]) -> list[Block]:
    """What was recorded here, and where each opinion is."""
    opinions = at.people.opinions
    assert opinions is not None
    if not seen:
        return []
    rows = []
    for statement in live:
        opinion = seen.get(statement.number)
        if opinion is None:
            continue
        entry = opinions.entry_of(opinion) if opinion.batch else ""
        where = Cell(at.t("desk.waits_for_batch"))
        if entry in ("refused",):
            where = Cell(at.t("desk.came_late"))
        elif entry:
            where = Cell(entry[:16], at.href(f"/entry/{entry}"))
        rows.append([Cell(f"{statement.number}. {statement.text}"), Cell(at.t(f"word.{opinion.choice}")),
                     Cell(moment(opinion.at)), where])  # fmt: skip
    columns = (at.t("desk.statement"), at.t("desk.opinion"), at.t("desk.when"), at.t("desk.where"))
    return [Rows("said", at.t("desk.you_said"), columns, rows)]


# --- The order --------------------------------------------------------------------------------------------------------


def _ordered(at: At, consultation: Consultation, live: Sequence[Statement], visitor: str) -> list[Statement]:
    """Drawn for this browser: without putting back, each statement with the weight of its priority.

    Each gets u^(1/weight) with u in (0, 1) from its own hash; the highest come first (Efraimidis and Spirakis, 2006).
    """
    opinions = at.people.opinions
    assert opinions is not None
    voter = opinions.pseudonym(visitor, consultation.id)
    weights = _weights(at, consultation)
    keyed = []
    for statement in live:
        raw = hashlib.sha256(f"{voter} {statement.number}".encode()).digest()
        u = (int.from_bytes(raw[:7], "big") + 0.5) / 2**56
        weight = max(weights.get(statement.number, 1.0), 1e-6)
        keyed.append((u ** (1 / weight), -statement.number, statement))
    return [statement for _, _, statement in sorted(keyed, key=lambda row: row[:2], reverse=True)]


def _weights(at: At, consultation: Consultation) -> Mapping[int, float]:
    """Statement -> priority; empty (all alike) where nothing was said yet, or too much to count while one waits.

    The opinions are copied on the writer's thread and counted here, once for each state of the consultation.
    """
    place = (consultation.id, consultation.digest, len(consultation.statements))
    if place not in _COUNTED:
        votes = at.look(lambda council: _few_votes(council, consultation.id))
        _COUNTED[place] = _priorities(votes) if votes is not None else {}
        while len(_COUNTED) > COUNTED_MAX:
            _COUNTED.popitem(last=False)
    return _COUNTED[place]


def _few_votes(council: Any, key: str) -> Any | None:
    from concordat.council.consultations import as_votes, votes_of

    cells = sum(len(c) for c in votes_of(council, key).cells.values())
    return as_votes(council, key) if 0 < cells <= CELLS_MAX else None


def _priorities(votes: Any) -> Mapping[int, float]:
    from concordat.council.consult import analyse
    from concordat.errors import ConcordatError

    try:
        found = analyse(votes)
    except ConcordatError:  # too few voters to analyse: all alike
        return {}
    return {int(key): float(p) for key, p in zip(votes.ids, found.priorities.tolist(), strict=True)}
