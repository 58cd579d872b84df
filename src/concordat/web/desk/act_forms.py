"""Every form by which something is said in the council: one machinery over a table of addresses.

    /table  /item/<id>/vote  /item/<id>/amend  /commitment/new  /dispute/new ...   `ADDRESSES`
    /say/<Type>                                       any other type of entry, its fields filled by the address's keys

GET shows the form with a fresh act. POST keeps what was sent as a draft first, builds the body, asks the council what
it would come to, and leads to `/act/<act>`, where it is read once more in words, signed, or taken away to be signed
elsewhere. What can't be said is 422, with every value kept; what the state forbids is 409, and the draft stays. A draft
that was changed in another window is never overwritten unseen: both texts are shown.

Who may open a form is the role table's word (`node.authorise`); who may only prepare (the secretary) fills drafts and
hands them over. Source: node-web.md 3.3, 3.4 and 4.6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from concordat.council.events import load_all
from concordat.errors import ConcordatError, InputError, RuleError, StateError
from concordat.node.acts import StaleError, new_act
from concordat.node.authorise import act_of, roles
from concordat.node.own_log import Said
from concordat.settings import nearest
from concordat.web.desk.around import around
from concordat.web.desk.asked import Answer, At
from concordat.web.desk.computed import made_of, proposal_of, shown_of, vote_on
from concordat.web.desk.documents import kept
from concordat.web.desk.fields import errors_of, fields_of
from concordat.web.desk.questions import Answers, WrongError, asks_of, body_of, kept_answers, names_of
from concordat.web.forms import Block, Button, Fact, Facts, Form, Note, Screen, Steps

if TYPE_CHECKING:
    from concordat.council.state import Council
    from concordat.node.authorise import Grant

FORM = "f"
ALSO_KEPT = ("lang",)
REFUSED = ("harmful", "scanner")  # a document that is not taken; the form is kept all the same
NO_VERSION = "none"  # of a form that named none: no draft has it, so that both texts are shown


@dataclass(frozen=True, slots=True)
class Address:
    """A form with an address of its own: the type of entry, and what the address says of it (`key` of the path)."""

    path: str
    type: str
    names: str = ""


# What stands in the path goes into the field of that name; a vote and a proposal are found from an item's id as well.
ADDRESSES = (
    Address("/table", "ProposalTabled"),
    Address("/item/{id}/vote", "BallotCast", "vote"),
    Address("/item/{id}/amend", "AmendmentTabled", "proposal"),
    Address("/item/{id}/reserve", "ReservationMade", "proposal"),
    Address("/item/{id}/opt-out", "OptOutMade", "proposal"),
    Address("/item/{id}/withdraw", "ProposalWithdrawn", "proposal"),
    Address("/item/{id}/explain", "ExplanationGiven", "vote"),
    Address("/item/{id}/reveal", "BallotRevealed", "vote"),
    Address("/item/{id}/challenge", "ResultChallenged", "vote"),
    Address("/commitment/new", "CommitmentRegistered"),
    Address("/commitment/{id}/target", "TargetSet", "commitment"),
    Address("/commitment/{id}/evidence", "EvidenceSubmitted", "commitment"),
    Address("/dispute/new", "DisputeFiled"),
    Address("/dispute/{id}/respond", "ResponseFiled", "dispute"),
    Address("/dispute/{id}/settle", "SettlementReached", "dispute"),
    Address("/dispute/{id}/withdraw", "DisputeWithdrawn", "dispute"),
)


@dataclass(frozen=True, slots=True)
class Right:
    """What a person may do with a form: sign (`grant`), or only prepare."""

    grant: Grant | None
    act: str

    @property
    def signs(self) -> bool:
        """Whether she may sign it herself."""
        return self.grant is not None


def right_to(at: At, kind: str) -> Right:
    """Whether this person may fill in the form of a type.

    Raises:
        RuleError: neither sign nor prepare. InputError: no form writes that type.
    """
    act = act_of(kind, at.person)
    try:
        return Right(at.grant(act, kind), act)
    except RuleError as refusal:
        rows = roles().acts_of(kind)
        prepared_for = any(row.cells[role] != "-" for row in rows for role in ("delegate", "chair"))
        if not prepared_for or at.account is None:
            raise
        try:
            at.grant("prepare")
        except RuleError:
            raise refusal from None
        return Right(None, act)


# --- Showing ----------------------------------------------------------------------------------------------------------


def show(at: At, kind: str, answers: Answers, fixed: Collection[str] = ()) -> Answer:
    """A fresh form.

    Args:
        answers: what it is filled with. fixed: which of them the address says.

    Raises:
        RuleError: not for this person. InputError: no such type, or the address names what isn't there.
    """
    right = right_to(at, kind)
    filled = at.look(lambda council: _with_shown(council, kind, _defaults(council, at, kind, answers)))
    return _screen(at, kind, filled, right, act=new_act(), fixed=fixed)


def give_back(at: At, kind: str, answers: Answers, act: str = "") -> Screen:
    """A form that was made for another session, with what was typed in it: nothing of it is kept yet.

    Args:
        act: of the draft that it changes. The form goes on carrying the version of the draft that it was filled with,
            so that what was changed meanwhile in another window is not overwritten unseen. Empty: a fresh act.

    Raises:
        RuleError, InputError: as `show`.
    """
    right = right_to(at, kind)
    filled = at.look(lambda council: _with_shown(council, kind, answers))
    if not act:
        return _screen(at, kind, filled, right, act=new_act())
    version = at.sent.one("act-version") or NO_VERSION
    return _screen(at, kind, filled, right, act=act, version=version)


def _with_shown(council: Council, kind: str, answers: Answers) -> dict[str, tuple[str, ...]]:
    found = {key: tuple(values) for key, values in answers.items()}
    for key, value in shown_of(council, kind, answers).items():
        if not found.get(key, ("",))[0]:
            found[key] = (value,)
    return found


def _defaults(council: Council, at: At, kind: str, answers: Answers) -> dict[str, tuple[str, ...]]:
    """What a fresh form is filled with, where nothing is said."""
    from concordat.council.voting import rule_for

    found: dict[str, tuple[str, ...]] = {key: tuple(values) for key, values in answers.items()}
    if kind == "VoteOpened" and found.get("subject") and not found.get("rule"):
        named = rule_for(council, found["subject"][0])
        if named:
            found["rule"] = (named,)
    if kind == "ProposalTabled" and "language.1" not in found:
        found["language.1"] = (at.words.language,)
    return found


def _screen(
    at: At, kind: str, answers: Answers, right: Right, *, act: str, version: str = "", status: int = 200,
    errors: Mapping[str, str] | None = None, summary: tuple[str, ...] = (), before: tuple[Any, ...] = (),
    fixed: Collection[str] = (),
) -> Screen:  # fmt: skip
    errors = errors or {}
    fields, blocks = at.look(
        lambda council: (fields_of(at, council, kind, answers, errors, fixed), around(at, council, kind, answers))
    )
    placed = {f.name for f in fields if f.kind != "hidden"}
    loose = tuple(f"{name}: {words}" for name, words in errors.items() if name not in placed)
    buttons = (Button(at.t("desk.go_on"), "check"), Button(at.t("desk.save"), "save", quiet=True))
    form = Form(FORM, at.href(at.path), fields, buttons, at.token(), act=act, version=version)
    steps = Steps([at.t("desk.step_fill"), at.t("desk.step_check"), at.t("desk.step_receipt")], 1)
    told = () if right.signs else (Note(at.t("desk.prepares"), "plain"),)
    first: list[Block] = [b for b in blocks if isinstance(b, (Facts, Note))]
    rest = [b for b in blocks if b not in first]
    if kind not in ("BallotCast", "BallotCommitted"):  # an amendment is written with its text in sight
        first, rest = [*first, *rest], []
    told_all = (steps, *before, *told, *first, form, *rest)
    return Screen(at.t(f"say.{kind}"), told_all, status=status, summary=(*summary, *loose))


# --- Taking -----------------------------------------------------------------------------------------------------------


def take(at: At, kind: str, fixed: Answers, act: str = "") -> Answer:
    """What was sent: kept, checked, and led on to its act.

    Args:
        fixed: what the address itself says. act: of a draft that is changed; else the form says it.

    Raises:
        RuleError: not for this person. InputError: no act, or no such type.
    """
    right = right_to(at, kind)
    act, version = act or at.sent.one("act-id"), at.sent.one("act-version")
    answers = {**kept_answers(kind, at.sent.fields), **{k: tuple(v) for k, v in fixed.items()}}
    refused = None
    try:
        answers.update(kept(at, kind))
    except (InputError, StateError) as error:
        if error.code not in REFUSED:
            raise
        refused = error
    before = existing(at, act)
    if before is not None and before.receipt is not None:
        return at.go(f"/act/{act}")  # sent again after it was written: the same receipt
    try:
        at.acts.save(act, at.who.id, kind, answers, at.now, version=version)
    except StaleError as stale:
        return _stale(at, kind, stale, right, act)
    except (InputError, RuleError) as error:  # it can't even be kept: nothing typed is lost all the same
        words = " ".join(part for part in (error.what, error.hint) if part)
        status = 409 if isinstance(error, RuleError) else 422
        return _screen(at, kind, answers, right, act=new_act(), status=status, summary=(words,), fixed=tuple(fixed))
    if refused is not None:
        words = " ".join(part for part in (refused.what, refused.hint) if part)
        status = 503 if isinstance(refused, StateError) else 422
        return _again(at, kind, answers, right, act, status, {}, (words,), tuple(fixed))
    if at.sent.one("do") == "save":
        return at.go(f"/act/{act}")
    return _check(at, kind, answers, right, act, tuple(fixed))


def existing(at: At, act: str) -> Any | None:
    """An act of this person's, if it is there."""
    try:
        return at.acts.look(act, at.who.id)
    except InputError:
        return None


def _check(at: At, kind: str, answers: Answers, right: Right, act: str, fixed: Collection[str]) -> Answer:
    try:
        said, errors = said_of(at, kind, answers)
        if not errors:
            label = at.who.key_label if right.signs and at.who.key_label else "node"
            assert at.people.log is not None
            at.people.log.check(said, label)
    except (InputError, RuleError) as error:
        name = error.where.removeprefix("$.body.").partition("[")[0].partition(".")[0]
        known = {name: str(error.what)} if name in names_of(kind) else {}
        _keep_problem(at, kind, answers, act, error)
        status = 409 if isinstance(error, RuleError) else 422
        words = " ".join(part for part in (error.what, error.hint) if part)
        return _again(at, kind, answers, right, act, status, known, () if known else (words,), fixed)
    if errors:
        return _again(at, kind, answers, right, act, 422, errors, (), fixed)
    return at.go(f"/act/{act}")


def _keep_problem(at: At, kind: str, answers: Answers, act: str, error: ConcordatError) -> None:
    import json

    at.acts.save(act, at.who.id, kind, answers, at.now, problem=json.dumps(error.as_dict(), sort_keys=True))


def _again(
    at: At, kind: str, answers: Answers, right: Right, act: str, status: int, errors: Mapping[str, str],
    summary: tuple[str, ...], fixed: Collection[str],
) -> Screen:  # fmt: skip
    version = at.acts.look(act, at.who.id).version
    return _screen(
        at, kind, answers, right, act=act, version=version, status=status, errors=errors,
        summary=(*summary, at.t("desk.kept")) if status == 409 else summary, fixed=fixed,
    )  # fmt: skip


def _stale(at: At, kind: str, stale: StaleError, right: Right, act: str) -> Screen:
    """Both texts, field by field; what is sent again from here takes the place of the stored one."""
    names = [
        n for n in sorted({*stale.stored, *stale.sent}) if list(stale.stored.get(n, ())) != list(stale.sent.get(n, ()))
    ]
    rows = []
    for name in names:
        rows.append(Fact(at.t("desk.stale_stored", name=name), "\n".join(stale.stored.get(name, ())), long=True))
        rows.append(Fact(at.t("desk.stale_sent", name=name), "\n".join(stale.sent.get(name, ())), long=True))
    before = (Note(at.t("desk.stale"), "warning"), Facts(rows))
    return _screen(
        at, kind, stale.sent, right, act=act, version=stale.version, status=409, before=before,
        summary=(at.t("desk.stale_summary"),),
    )  # fmt: skip


def said_of(at: At, kind: str, answers: Answers) -> tuple[Said, dict[str, str]]:
    """What the answers come to as an entry, and what is wrong with them by field.

    Raises:
        InputError, RuleError: what the node computes of it can't be computed.
    """
    try:
        made = at.node(
            lambda node: made_of(
                at.service.states.council, kind, at.service.member, answers,
                node.store.papers("sealed") if kind == "BallotRevealed" else {},
            )
        )  # fmt: skip
    except WrongError as wrong:
        return Said(kind, {}), errors_of(at, {wrong.name: (wrong.code, wrong.detail)})
    built = body_of(kind, answers, made)
    return Said(kind, built.body), errors_of(at, built.errors)


def change(at: At, act: str) -> Answer:
    """The form of a draft, filled with what is kept.

    Raises:
        InputError: no such act. RuleError: it is an entry.
    """
    view = at.acts.look(act, at.who.id)
    if view.receipt is not None:
        raise RuleError("this act is an entry, and entries stay.", code="recorded")
    return _screen(at, view.type, view.fields, right_to(at, view.type), act=act, version=view.version)


def take_change(at: At, act: str) -> Answer:
    """What was sent from the form of a draft.

    Raises:
        InputError: no such act.
    """
    view = at.acts.look(act, at.who.id)
    return take(at, view.type, {}, act)


# --- Addresses --------------------------------------------------------------------------------------------------------


def fixed_by(at: At, address: Address) -> tuple[str, dict[str, tuple[str, ...]]]:
    """(the type of entry, what the path says of it): a sealed vote is committed to, not cast.

    Raises:
        InputError: the path names what isn't there.
    """
    if not address.names:
        return address.type, {}
    key = at.parts["id"]
    if address.names == "vote":
        vote = at.look(lambda council: vote_on(council, key))
        kind = "BallotCommitted" if address.type == "BallotCast" and vote.reveal_until else address.type
        return kind, {"vote": (vote.id,)}
    if address.names == "proposal":
        return address.type, {"proposal": (at.look(lambda council: proposal_of(council, key)),)}
    return address.type, {address.names: (at.look(lambda council: str(council.get(address.names, key).id)),)}


def get_address(at: At, address: Address) -> Answer:
    """GET of a form with an address of its own."""
    right_to(at, address.type)
    kind, fixed = fixed_by(at, address)
    return show(at, kind, {**_keys(at, kind), **fixed}, tuple(fixed))


def post_address(at: At, address: Address) -> Answer:
    """POST of it."""
    right_to(at, address.type)
    kind, fixed = fixed_by(at, address)
    return take(at, kind, fixed)


def known_type(name: str) -> str:
    """A type of entry that some form writes.

    Raises:
        InputError: none does; the nearest is suggested.
    """
    table = roles()
    written = [t for a in table.acts.values() for t in a.entries if t in load_all()]
    if name not in written:
        close = nearest(name, written)
        hint = f"Near it is {close[0]}." if close else "See the list of forms: /say"
        raise InputError(f'"{name[:64]}" is not written by a form.', where="address", hint=hint, code="unknown_id")
    return name


def get_say(at: At) -> Answer:
    """GET of `/say/<Type>`."""
    kind = known_type(at.parts["type"])
    return show(at, kind, _keys(at, kind))


def post_say(at: At) -> Answer:
    """POST of `/say/<Type>`."""
    return take(at, known_type(at.parts["type"]), {})


def _keys(at: At, kind: str) -> dict[str, tuple[str, ...]]:
    """What the address's keys fill in: never what the node shows or draws itself, such as the seal of a ballot.

    Raises:
        InputError: a key that is no field of this form.
    """
    shown = {ask.name for ask in asks_of(kind) if ask.kind == "shown"}
    known = [name for name in names_of(kind) if name not in shown]
    for key in at.query:
        if key not in known and key not in ALSO_KEPT:
            close = nearest(key, known)
            hint = f'Did you mean "{close[0]}"?' if close else f"This form knows: {', '.join(known)}."
            raise InputError(f"{key[:40]!r} is not a key of this form.", where="address", hint=hint, code="unknown_key")
    return {key: (value,) for key, value in at.query.items() if key not in ALSO_KEPT}


def renamed(form: Form, token: str) -> Form:
    """A form with a fresh act and token: for somebody whose earlier one was made for another session."""
    return replace(form, act=new_act(), token=token)
