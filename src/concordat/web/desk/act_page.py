"""What became of my act: `/act/<act>`, one address from the first draft to what is final.

A draft is shown in the words that will be signed, with its exact bytes, and a form to sign: by the phrase where the
role table asks it each time or the key is locked, away on one's own machine, or not yet. What is signed is what was
shown: the form carries the hash of it, and anything else is refused. An entry shows where it stands (recorded, taken
up, final), who is missing, and its proof bundle. Sending again gives the same receipt. Source: node-web.md 3.2 and 3.4.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.errors import ConcordatError, InputError, RuleError, StateError
from concordat.node.deeds import Keeping
from concordat.node.guessing import WaitError
from concordat.web.desk.act_forms import existing, right_to, said_of
from concordat.web.desk.around import about, words_of
from concordat.web.desk.asked import Answer, At, Download
from concordat.web.desk.computed import sealed_of
from concordat.web.forms import (
    Block,
    Button,
    Cell,
    Exact,
    Fact,
    Facts,
    Field,
    Form,
    Links,
    Note,
    Option,
    Rows,
    Screen,
    Steps,
)

if TYPE_CHECKING:
    from concordat.council.state import Council
    from concordat.node.acts import ActView
    from concordat.node.own_log import Said, Standing
    from concordat.node.person_keys import SigningKey
    from concordat.web.desk.act_forms import Right

SIGN, AWAY, HAND = "sign", "away", "hand"
UPLOADS = {"envelope": 65_535}  # bytes


def get_act(at: At) -> Answer:
    """Where an act stands.

    Raises:
        InputError: no such act of this person's.
    """
    view = at.acts.look(at.parts["act"], at.who.id)
    return _entry_screen(at, view) if view.receipt is not None else _draft_screen(at, view)


# --- An entry ---------------------------------------------------------------------------------------------------------


def _entry_screen(at: At, view: ActView) -> Screen:
    assert view.receipt is not None
    assert view.standing is not None
    receipt, standing = view.receipt, view.standing
    index = receipt.index + 1
    folded, effect = at.look(lambda c: _effect(c, standing, receipt.entry))
    state = view.state if folded else "taken_up"
    facts = [
        Fact(at.t("desk.state"), at.t(f"state.{state}")),
        Fact(at.t("desk.stands"), standing.words if folded else at.t("desk.not_folded", batch=standing.batch)),
        Fact(at.t("desk.entry"), receipt.entry, mono=True, href=at.href(f"/entry/{receipt.entry}")),
        Fact(at.t("desk.log"), f"{receipt.origin}, {index:,}"),
        Fact(at.t("desk.recorded_at"), moment(receipt.recorded)),
    ]
    blocks: list[Block] = [_steps(at, 3), Facts(facts)]
    if effect:
        blocks.append(Note(at.t("desk.no_effect", reason=effect), "warning"))
    if state in ("recorded", "taken_up"):
        blocks.append(Note(at.t("desk.not_final"), "plain"))
    links = [Cell(at.t("desk.proof"), at.href(f"/act/{view.act}/proof.bundle"))]
    links.append(Cell(at.t("desk.look_again"), at.href(f"/act/{view.act}")))
    command = f"concordat ledger verify {view.act[:8]}.bundle --trust {at.service.chain.pinned}"
    blocks += [Links(links), Exact(command, at.t("desk.verify"))]
    title = at.t("desk.title_entry", kind=at.t(f"say.{view.type}"), state=at.t(f"state.{state}"))
    return Screen(title, blocks, lead=at.t(f"desk.lead_{state}"))


def _effect(council: Council, standing: Standing, entry: str) -> tuple[bool, str]:
    """Whether the council here has come as far as the batch of a final entry, and why the entry had no effect.

    The order of the record is known a moment before what comes of it; until then nobody is told that it is final.
    """
    reached = standing.state != "final" or (council.at.view, council.at.batch) >= (standing.view, standing.batch)
    return reached, next((n.reason for n in council.no_effect if n.entry == entry), "")


def get_proof(at: At) -> Answer:
    """The proof bundle of an act that is an entry, as far as it has come.

    Raises:
        InputError: no such act. RuleError: it is a draft.
    """
    from concordat.ledger.bundle import bundle_of

    view = at.acts.look(at.parts["act"], at.who.id)
    if view.receipt is None:
        raise RuleError("a draft has no proof.", hint="It has one once it is signed.", code="no_entry")
    entry = view.receipt.entry
    data = at.node(lambda node: bundle_of(node.replica, entry).data())
    return Download(f"{view.act[:8]}.bundle", data)


# --- A draft ----------------------------------------------------------------------------------------------------------


def _draft_screen(
    at: At, view: ActView, *, status: int = 200, errors: dict[str, str] | None = None, summary: tuple[str, ...] = ()
) -> Screen:
    """The words that will be signed, and the ways to sign; or why it can't be said yet."""
    right = right_to(at, view.type)
    said, wrong = _try(at, view, right)
    blocks: list[Block] = [_steps(at, 2)]
    if said is None:
        blocks.append(Note(at.t("desk.cannot", reason=wrong), "warning"))
        blocks.append(Facts([Fact(name, "\n".join(v), long=True) for name, v in sorted(view.fields.items()) if any(v)]))
    else:
        label = at.who.key_label or "-"
        blocks.append(Facts(words_of(at, view.type, said.body, label)))
        blocks += at.look(lambda council: about(at, council, view.type, view.fields))
        blocks.append(Note(at.t("desk.for_ever"), "plain"))
        blocks.append(Exact(canonical.dumps(said.value(label)).decode(), at.t("desk.exact"), fold=True))
        if right.signs:
            blocks += _ways(at, view, right, said, errors or {})
    blocks += _rest(at, view)
    title = at.t("desk.title_draft", kind=at.t(f"say.{view.type}"))
    return Screen(title, blocks, lead=at.t("desk.lead_draft"), status=status, summary=summary)


def _try(at: At, view: ActView, right: Right) -> tuple[Said | None, str]:
    """What a draft comes to; None and the reason, if it can't be said as things stand."""
    try:
        said, errors = said_of(at, view.type, view.fields)
        if errors:
            return None, "; ".join(f"{name}: {words}" for name, words in errors.items())
        assert at.people.log is not None
        at.people.log.check(said, at.who.key_label if right.signs and at.who.key_label else "node")
    except (InputError, RuleError) as error:
        return None, " ".join(part for part in (error.what, error.hint) if part)
    return said, ""


def digest_of(said: Said, label: str) -> str:
    """What a form to sign carries of what it shows."""
    return canonical.digest(said.value(label))


def _ways(at: At, view: ActView, right: Right, said: Said, errors: dict[str, str]) -> list[Block]:
    account = at.who
    if account.key_public is None:
        return [Note(at.t("desk.no_key"), "warning"), Links([Cell(at.t("desk.make_key"), at.href("/account"))])]
    waits = not_certified(at, said.scope)
    if waits:
        return [Note(waits, "warning")]
    assert right.grant is not None
    blocks: list[Block] = []
    shown = Field("content", "", "hidden", (digest_of(said, account.key_label),))
    held = at.people.keys.is_held(account.id)
    if held:
        fields = [shown]
        if right.grant.phrase or locked(at):
            help_text = at.t("help.phrase_each" if right.grant.phrase else "help.phrase_unlock")
            fields.append(
                Field("phrase", at.t("desk.phrase"), "password", (), help_text, errors.get("phrase", ""), required=True,
                      max_length=256)
            )  # fmt: skip
        buttons = [Button(at.t("desk.sign"), SIGN)]
        blocks.append(
            Form("s", at.href(f"/act/{view.act}"), fields, buttons, at.token(), at.t("desk.sign_here"), view.act,
                 view.version)
        )  # fmt: skip
    blocks += _away(at, view, shown, errors)
    return blocks


def _away(at: At, view: ActView, shown: Field, errors: dict[str, str]) -> list[Block]:
    action = at.href(f"/act/{view.act}")
    title = at.t("desk.sign_away")
    button = Button(at.t("desk.prepare_away" if view.state != "unsigned" else "desk.prepare_again"), AWAY, quiet=True)
    form = Form("a", action, [shown], [button], at.token(), title, view.act, view.version)
    if view.state != "unsigned":
        return [form]
    upload = Form(
        "u", at.href(f"/act/{view.act}/upload"),
        [Field("envelope", at.t("desk.envelope"), "file", (), at.t("help.envelope"), errors.get("envelope", ""),
               required=True)],
        [Button(at.t("desk.upload"))], at.token(), at.t("desk.bring_back"), view.act,
    )  # fmt: skip
    return [
        Note(at.t("desk.away_waits"), "plain"),
        Links([Cell(at.t("desk.payload"), at.href(f"/act/{view.act}/draft.json"))]),
        Exact(f"concordat ledger sign {view.act[:8]}.json --key {at.who.key_label or 'FILE'}.key"),
        upload, form,
    ]  # fmt: skip


def _rest(at: At, view: ActView) -> list[Block]:
    """Change it, hand it over, drop it."""
    blocks: list[Block] = [Links([Cell(at.t("desk.change"), at.href(f"/act/{view.act}/change"))])]
    others = colleagues(at)
    if others:
        options = [
            Option("", at.t("desk.choose")),
            *(Option(a.id, f"{a.login} ({', '.join(a.roles)})") for a in others),
        ]
        field = Field("to", at.t("desk.colleague"), "select", (), options=options, required=True)
        button = Button(at.t("desk.hand_over"), HAND, quiet=True)
        blocks.append(Form("h", at.href(f"/act/{view.act}"), [field], [button], at.token(), act=view.act))
    drop = Button(at.t("desk.drop"), "drop", quiet=True)
    blocks.append(Form("d", at.href(f"/act/{view.act}"), [], [drop], at.token(), act=view.act))
    return blocks


def colleagues(at: At) -> list[Any]:
    """To whom a draft may be given: delegates and chairs of this node's member, where this person may prepare."""
    try:
        at.grant("prepare")
    except RuleError:
        return []
    member = at.service.member
    return [
        a for a in at.people.accounts.all()
        if a.member == member and a.id != at.who.id and a.open and {"delegate", "chair"} & set(a.roles)
    ]  # fmt: skip


def locked(at: At) -> bool:
    """Whether the key is locked in this session."""
    assert at.session is not None
    try:
        at.people.keys.signing_key(at.who.id, at.session.handle, at.now)
    except RuleError:
        return True
    return False


def not_certified(at: At, scope: str) -> str:
    """Why the key may not sign yet, with the day on which it was made; empty if it may."""
    from concordat.node.person_keys import require_certified

    account = at.who
    assert account.key_public is not None
    try:
        require_certified(at.service.chain.last, at.service.member, account.key_label, account.key_public, scope)
    except ConcordatError as error:
        rows = [r for r in at.people.audit.of(account.id) if r.kind in ("request_exported", "key_made")]
        made = at.t("desk.asked_on", day=moment(rows[0].at)) if rows else ""
        return " ".join(part for part in (error.what, made, error.hint) if part)
    return ""


# --- What is done with a draft ----------------------------------------------------------------------------------------


def post_act(at: At) -> Answer:
    """Sign, prepare to be signed away, hand over, or drop.

    Raises:
        InputError: no such act. RuleError: not for this person.
    """
    act = at.parts["act"]
    view = at.acts.look(act, at.who.id)
    if view.receipt is not None:
        return at.go(f"/act/{act}")
    match at.sent.one("do"):
        case "drop":
            at.acts.drop(act, at.who.id)
            return at.go("/drafts")
        case "hand":
            return _hand(at, view)
        case "away":
            return _prepare(at, view)
        case "sign":
            return _sign(at, view)
    raise InputError("this form asks for nothing that can be done.", where="do", code="form")


def _hand(at: At, view: ActView) -> Answer:
    to = at.sent.one("to")
    at.grant("prepare")
    if to not in {a.id for a in colleagues(at)}:
        raise InputError("choose a delegate or chair of your member.", where="to", code="unknown_account")
    at.acts.hand_over(view.act, at.who.id, to, at.now)
    return at.go("/drafts")


def _ready(at: At, view: ActView) -> tuple[Said, Right] | Answer:
    """What is to be signed, if it is what was shown."""
    right = right_to(at, view.type)
    if not right.signs:
        raise RuleError("you prepare; a delegate signs.", hint="Hand the draft over.", code="role")
    said, wrong = _try(at, view, right)
    if said is None:
        return _entered(at, view) or _draft_screen(at, view, status=409, summary=(wrong,))
    if at.sent.one("content") != digest_of(said, at.who.key_label):
        return _draft_screen(at, view, status=409, summary=(at.t("desk.other_words"),))
    return said, right


def _entered(at: At, view: ActView) -> Answer | None:
    """On to the act, if it became an entry meanwhile (sent twice at once, or from two windows): no draft is shown."""
    again = existing(at, view.act)
    return at.go(f"/act/{view.act}") if again is None or again.receipt is not None else None


def _sign(at: At, view: ActView) -> Answer:
    ready = _ready(at, view)
    if not isinstance(ready, tuple):
        return ready
    said, right = ready
    assert right.grant is not None
    try:
        key = _key(at, phrase_each=right.grant.phrase)
    except WaitError:
        raise
    except RuleError as error:
        words = " ".join(part for part in (error.what, error.hint) if part)
        return _draft_screen(at, view, status=422, errors={"phrase": words})
    _keep_seal(at, view)
    try:
        at.acts.submit(view.act, at.who.id, said, view.fields, at.now, person=at.who.key_label, key=key,
                       version=view.version)  # fmt: skip
    except (InputError, RuleError, StateError) as error:
        words = " ".join(part for part in (error.what, error.hint) if part)
        status = 503 if isinstance(error, StateError) else 409
        return _entered(at, view) or _draft_screen(
            at, at.acts.look(view.act, at.who.id), status=status, summary=(words, at.t("desk.kept"))
        )  # fmt: skip
    return at.go(f"/act/{view.act}")


def _key(at: At, *, phrase_each: bool) -> SigningKey:
    """The key, by the phrase: for this once, or for the session.

    Raises:
        RuleError: the phrase is missing or wrong. WaitError: too many failures.
    """
    keys, account, phrase = at.people.keys, at.who, at.sent.one("phrase")
    assert at.session is not None
    if phrase_each:
        if not phrase:
            raise RuleError("the signing phrase is missing.", code="wrong")
        return keys.open_once(account.id, phrase, at.now)
    if phrase:
        keys.unlock(account.id, at.session.handle, phrase, at.now)
    return keys.signing_key(account.id, at.session.handle, at.now)


def _keep_seal(at: At, view: ActView) -> None:
    """What opens a sealed ballot is on this node's disk before the ballot is in its log."""
    if view.type != "BallotCommitted":
        return
    name, kept = at.look(lambda council: sealed_of(council, at.service.member, view.fields))
    at.service.writer.run(Keeping("sealed", name, kept)).result()


def _prepare(at: At, view: ActView) -> Answer:
    ready = _ready(at, view)
    if not isinstance(ready, tuple):
        return ready
    _keep_seal(at, view)
    at.acts.prepare(view.act, at.who.id, ready[0], view.fields, at.now, person=at.who.key_label, version=view.version)
    return at.go(f"/act/{view.act}")


def get_draft_file(at: At) -> Answer:
    """The exact bytes to be signed.

    Raises:
        InputError: no such act. RuleError: nothing waits to be signed away.
    """
    return Download(f"{at.parts['act'][:8]}.json", at.acts.draft_file(at.parts["act"], at.who.id))


def post_upload(at: At) -> Answer:
    """The envelope of a draft that was signed away.

    Raises:
        InputError: no such act. RuleError: not for this person.
    """
    act = at.parts["act"]
    view = at.acts.look(act, at.who.id)
    right = right_to(at, view.type)
    if not right.signs:
        raise RuleError("you prepare; a delegate signs.", hint="Hand the draft over.", code="role")
    try:
        if "envelope" not in at.sent.files:
            raise InputError("choose the file that you signed.", where="envelope", code="missing")
        at.acts.upload(act, at.who.id, at.sent.files["envelope"], at.now)
    except StateError:
        raise
    except ConcordatError as error:
        words = " ".join(part for part in (error.what, error.hint) if part)
        again = at.acts.look(act, at.who.id)
        status = 422 if isinstance(error, InputError) else 409
        shown = {"envelope": words} if again.state == "unsigned" else {}
        return _draft_screen(at, again, status=status, errors=shown, summary=() if shown else (words,))
    return at.go(f"/act/{act}")


# --- The list ---------------------------------------------------------------------------------------------------------


def get_drafts(at: At) -> Answer:
    """What this person has begun and done, newest first."""
    rows = [
        [
            Cell(at.t(f"say.{v.type}"), at.href(f"/act/{v.act}")), Cell(at.t(f"state.{v.state}")),
            Cell(v.standing.words if v.standing else ""), Cell(moment(v.changed)),
        ]
        for v in at.acts.of(at.who.id)
    ]  # fmt: skip
    columns = (at.t("desk.what"), at.t("desk.state"), at.t("desk.stands"), at.t("desk.when"))
    table = Rows("acts", at.t("desk.drafts"), columns, rows, at.t("desk.no_drafts"))
    return Screen(at.t("desk.drafts"), (table, Links([Cell(at.t("desk.forms"), at.href("/say"))])))


def _signs(at: At, act: str, kind: str) -> bool:
    try:
        at.grant(act, kind)
    except RuleError:
        return False
    return True


def get_forms(at: At) -> Answer:
    """Every form that this person may fill in, by what it is for."""
    from concordat.council.events import load_all
    from concordat.node.authorise import roles
    from concordat.web.desk.act_forms import ADDRESSES
    from concordat.web.forms import Heading

    known = set(load_all())
    plain = {a.type: a.path for a in ADDRESSES if "{" not in a.path}
    blocks: list[Block] = []
    for name, act in roles().acts.items():
        kinds = [k for k in act.entries if k in known and (_signs(at, name, k) or _prepares(at, act))]
        if not kinds or name == "opine_public":
            continue
        blocks.append(Heading(at.t(f"act.{name}")))
        links = [Cell(at.t(f"say.{k}"), at.href(plain.get(k, f"/say/{k}"))) for k in kinds]
        blocks.append(Links(links))
    return Screen(at.t("desk.forms"), blocks or (Note(at.t("desk.no_forms"), "plain"),), lead=at.t("desk.lead_forms"))


def _prepares(at: At, act: Any) -> bool:
    try:
        at.grant("prepare")
    except RuleError:
        return False
    return any(act.cells[role] != "-" for role in ("delegate", "chair"))


def moment(seconds: int) -> str:
    """A moment as people read it, in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _steps(at: At, place: int) -> Steps:
    return Steps([at.t("desk.step_fill"), at.t("desk.step_check"), at.t("desk.step_receipt")], place)
