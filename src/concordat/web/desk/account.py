"""My own page: who I am here, my sessions, key, passkeys, rows of the node's record, and every entry under my label.

The key is made here under a signing phrase, or only its public half is given by somebody who signs away; either way its
request for the root signers is a file. What changes how one proves who one is, or who signs for her, asks password and
code once more, counted like a login; ending a session elsewhere asks the password. What was odd about her login, and
what was changed, stands first until she has said that she saw it. Source: node-web.md 3.1 to 3.3; OWASP ASVS 5.0.0
V6.3.5, V6.3.7, V7.5.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from concordat.errors import ConcordatError, InputError, RuleError
from concordat.ledger.keys import entry_keyid
from concordat.node.audit_log import Row
from concordat.node.guessing import WaitError
from concordat.web.desk import passkeys
from concordat.web.desk.act_page import locked, moment, not_certified
from concordat.web.desk.asked import Answer, At, Download
from concordat.web.desk.login import codes_screen
from concordat.web.desk.proof import PASSWORD_MAX, proof_fields
from concordat.web.forms import (
    Block,
    Button,
    Cell,
    Fact,
    Facts,
    Field,
    Form,
    Heading,
    Links,
    Note,
    Option,
    Rows,
    Screen,
)

ROWS = 50
ALL_OTHERS = "others"
PROOF = "proof"  # where a mistake was made


def get_account(at: At) -> Answer:
    """The page."""
    return account_screen(at)


def account_screen(
    at: At, *, status: int = 200, errors: Mapping[str, str] | None = None, done: str = "", summary: tuple[str, ...] = ()
) -> Screen:
    """The page, with what went wrong or what was done."""
    errors = errors or {}
    account = at.who
    blocks: list[Block] = [Note(done, "good")] if done else []
    blocks += _news(at)
    facts = [
        Fact(at.t("desk.login_name"), account.login, mono=True),
        Fact(at.t("desk.name"), account.name),
        Fact(at.t("desk.roles"), ", ".join(account.roles)),
        Fact(at.t("desk.member"), account.member),
    ]
    blocks += [
        Facts(facts),
        Links([Cell(at.t("desk.forms"), at.href("/say")), Cell(at.t("desk.drafts"), at.href("/drafts"))]),
    ]
    blocks += [Heading(at.t("desk.key")), *_key(at, errors)]
    blocks += _sessions(at, errors)
    blocks += [Heading(at.t("desk.secrets")), *_secrets(at, errors)]
    blocks += passkeys.own(at, errors)
    blocks += _record(at)
    return Screen(at.t("desk.account"), blocks, status=status, group="decide", summary=summary)


def _form(at: At, name: str, fields: list[Field], button: str, do: str, title: str = "", quiet: bool = False) -> Form:
    return Form(name, at.href("/account"), fields, (Button(button, do, quiet),), at.token(), title)


def _key(at: At, errors: Mapping[str, str]) -> list[Block]:
    account, keys = at.who, at.people.keys
    if account.key_public is None:
        return _make(at, errors)
    held = keys.is_held(account.id)
    waits = not_certified(at, "council")
    facts = [
        Fact(at.t("desk.key_label"), account.key_label, mono=True),
        Fact(at.t("desk.key_id"), entry_keyid(account.key_public), mono=True),
        Fact(at.t("desk.key_where"), at.t("desk.key_held" if held else "desk.key_away")),
        Fact(at.t("desk.key_state"), waits or at.t("desk.key_good", version=at.service.chain.last.version)),
    ]
    blocks: list[Block] = [Facts(facts)]
    blocks.append(_form(at, "kr", [], at.t("desk.request_file"), "request", quiet=True))
    if held and locked(at):
        phrase = Field("phrase", at.t("desk.phrase"), "password", (), at.t("help.phrase_unlock"),
                       errors.get("phrase", ""), required=True, max_length=PASSWORD_MAX)  # fmt: skip
        blocks.append(_form(at, "ku", [phrase], at.t("desk.unlock"), "unlock", at.t("desk.unlock")))
    elif held:
        blocks += [Note(at.t("desk.unlocked"), "plain"), _form(at, "kl", [], at.t("desk.lock"), "lock")]
    return blocks


def _make(at: At, errors: Mapping[str, str]) -> list[Block]:
    label = [] if at.who.key_label else [
        Field("label", at.t("desk.key_label"), "text", (at.sent.one("label"),), at.t("help.key_label"),
              errors.get("label", ""), required=True, max_length=32)
    ]  # fmt: skip
    phrase = [
        Field("new_phrase", at.t("desk.new_phrase"), "password", (), at.t("help.new_phrase"),
              errors.get("new_phrase", ""), required=True, max_length=PASSWORD_MAX),
        Field("phrase_again", at.t("desk.phrase_again"), "password", (), "", errors.get("phrase_again", ""),
              required=True, max_length=PASSWORD_MAX),
    ]  # fmt: skip
    public = Field("public", at.t("desk.public_key"), "text", (at.sent.one("public"),), at.t("help.public_key"),
                   errors.get("public", ""), required=True, max_length=64, mono=True)  # fmt: skip
    return [
        Note(at.t("desk.no_key_yet"), "plain"),
        _form(at, "km", [*label, *phrase, *proof_fields(at, "make", errors)], at.t("desk.make_key"), "make",
              at.t("desk.make_here")),
        _form(at, "ke", [*label, public, *proof_fields(at, "enrol", errors)], at.t("desk.enrol"), "enrol",
              at.t("desk.enrol_away"), quiet=True),
    ]  # fmt: skip


def _news(at: At) -> list[Block]:
    """What she is to be told of, and a button by which she has seen it."""
    found = at.people.audit.news(at.who.id)
    if not found:
        return []
    columns = (at.t("desk.row"), at.t("desk.when"), at.t("desk.what"), at.t("desk.details"))
    upto = Field("upto", "", "hidden", (str(found[0].n),))
    return [
        Note(at.t("desk.news_help"), "warning"),
        Rows("news", at.t("desk.news"), columns, [_row(at, row) for row in found]),
        _form(at, "n", [upto], at.t("desk.news_seen"), "seen", quiet=True),
    ]


def _row(at: At, row: Row) -> list[Cell]:
    details = ", ".join(f"{k} {_plain(v)}" for k, v in sorted(row.facts.items()))
    return [Cell(str(row.n)), Cell(moment(row.at)), Cell(at.t(f"audit.{row.kind}")), Cell(details)]


def _sessions(at: At, errors: Mapping[str, str]) -> list[Block]:
    assert at.session is not None
    blocks: list[Block] = []
    rows, others = [], []
    for session in at.people.accounts.sessions.of(at.who.id, at.now):
        here = session.handle == at.session.handle
        rows.append([Cell(at.t("desk.this_browser") if here else session.handle[:8]), Cell(moment(session.began)),
                     Cell(moment(session.seen)), Cell(session.how)])  # fmt: skip
        if not here:
            others.append(Option(session.handle, f"{session.handle[:8]}, {moment(session.seen)}"))
    if others:
        options = [Option(ALL_OTHERS, at.t("desk.all_others")), *others]
        which = Field("handle", at.t("desk.which_session"), "select", (ALL_OTHERS,), "", errors.get("handle", ""),
                      options, required=True)  # fmt: skip
        fields = [which, *proof_fields(at, "end", errors, whole=False)]
        words = at.t("desk.end_sessions")
        blocks.append(_form(at, "x", fields, words, "end", words, quiet=True))
    columns = (at.t("desk.browser"), at.t("desk.began"), at.t("desk.seen"), at.t("desk.how"))
    return [Rows("sessions", at.t("desk.sessions"), columns, rows), *blocks]


def _secrets(at: At, errors: Mapping[str, str]) -> list[Block]:
    def password(name: str, key: str, complete: str) -> Field:
        return Field(name, at.t(key), "password", (), "", errors.get(name, ""), required=True, autocomplete=complete,
                     max_length=PASSWORD_MAX)  # fmt: skip

    change = [
        *proof_fields(at, "password", errors), password("new", "desk.new_password", "new-password"),
        password("again", "desk.password_again", "new-password"),
    ]  # fmt: skip
    blocks: list[Block] = [
        _form(at, "pw", change, at.t("desk.change_password"), "password", at.t("desk.change_password"))
    ]
    if at.who.totp_sealed is not None:
        left = at.t("desk.codes_left", n=len(at.who.recovery))
        fields = proof_fields(at, "codes", errors)
        blocks.append(_form(at, "rc", fields, at.t("desk.new_codes"), "codes", left, quiet=True))
    return blocks


def _record(at: At) -> list[Block]:
    label = at.who.key_label
    rows = [_row(at, row) for row in at.people.audit.of(at.who.id, ROWS)]
    columns = (at.t("desk.row"), at.t("desk.when"), at.t("desk.what"), at.t("desk.details"))
    blocks: list[Block] = [Rows("record", at.t("desk.record"), columns, rows, at.t("desk.no_rows"))]
    if label:
        entries = at.node(lambda node: node.replica.own.entries.copy())
        found = entries.of_person(label, ROWS)  # read here: the writer's thread has others to serve
        listed = [
            [Cell(f"{e.seq:,}"), Cell(at.t(f"say.{e.type}") if f"say.{e.type}" in at.words else e.type), Cell(e.ts),
             Cell(e.id[:16], at.href(f"/entry/{e.id}"))]
            for e in found
        ]  # fmt: skip
        heads = (at.t("desk.number"), at.t("desk.what"), at.t("desk.when"), at.t("desk.entry"))
        title = at.t("desk.under_label", label=label)
        blocks.append(Rows("entries", title, heads, listed, at.t("desk.no_entries", label=label)))
    return blocks


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# --- What is done here ------------------------------------------------------------------------------------------------


def post_account(at: At) -> Answer:
    """Make, give, unlock or lock a key; end sessions; change the password; new codes, passkeys; the request file; news.

    Raises:
        WaitError: too many failures. InputError: nothing of these.
    """
    do = _DO.get(at.sent.one("do"))
    if do is None:
        raise InputError("this form asks for nothing that can be done.", where="do", code="form")
    field, work = do
    try:
        return work(at)
    except WaitError:
        raise
    except (InputError, RuleError) as error:
        words = " ".join(part for part in (error.what, error.hint) if part)
        if error.where == PROOF:
            return account_screen(at, status=422, errors={f"{at.sent.one('do')}.old": words})
        placed = {"phrase": "new_phrase", "label": "label", "key label": "label"}.get(error.where, field)
        if at.sent.one("do") == "enrol" and placed == "new_phrase":
            placed = "public"
        return account_screen(
            at, status=422, errors={placed: words} if placed else {}, summary=() if placed else (words,)
        )


@contextmanager
def _proving() -> Iterator[None]:
    """A mistake in the proof is told beside the proof's own fields."""
    try:
        yield
    except WaitError:
        raise
    except RuleError as error:
        if error.code == "wrong":
            error.where = PROOF
        raise


def _prove(at: At) -> None:
    assert at.session is not None
    with _proving():
        at.people.logins.prove(at.session, at.sent.one("old"), at.sent.one("code"), at.now, at.certificate)


def _make_key(at: At) -> Answer:
    phrase, label = at.sent.one("new_phrase"), at.sent.one("label")
    if phrase != at.sent.one("phrase_again"):
        raise InputError(at.t("desk.differ"), code="differ")
    at.people.keys.check_new(at.who.id, phrase, label)  # before the code is used up
    _prove(at)
    at.people.keys.make(at.who.id, phrase, at.now, label)
    return at.go("/account")


def _enrol(at: At) -> Answer:
    try:
        public = base64.b64decode(at.sent.one("public").strip(), validate=True)
    except (binascii.Error, ValueError):
        raise InputError("not a public key.", hint="The one line of the .pub file.", code="key") from None
    label = at.sent.one("label")
    try:
        at.people.keys.check_public(at.who.id, public, label)
    except ConcordatError as error:
        raise InputError(error.what, where=error.where, hint=error.hint, code=error.code) from None
    _prove(at)
    at.people.keys.enrol(at.who.id, public, at.now, label)
    return at.go("/account")


def _unlock(at: At) -> Answer:
    assert at.session is not None
    at.people.keys.unlock(at.who.id, at.session.handle, at.sent.one("phrase"), at.now)
    return at.go("/account")


def _lock(at: At) -> Answer:
    assert at.session is not None
    at.people.keys.holder.forget(at.session.handle)
    return at.go("/account")


def _request(at: At) -> Answer:
    from concordat.node.person_keys import person_request

    account = at.who
    if account.key_public is None:
        raise InputError("you have no key yet.", hint="Make one first.", code="no_key")
    data = person_request(at.service.bloc, account.member, account.key_label, account.key_public)
    at.people.audit.append("request_exported", account.id, at.now, label=account.key_label)
    return Download(f"person-request-{account.key_label}.json", data)


def _end(at: At) -> Answer:
    assert at.session is not None
    chosen, sessions = at.sent.one("handle"), at.people.accounts.sessions
    others = [s.handle for s in sessions.of(at.who.id, at.now) if s.handle != at.session.handle]
    handles = others if chosen == ALL_OTHERS else [handle for handle in others if handle == chosen]
    if not handles:
        raise InputError("there is no such session of yours.", code="unknown_session")
    with _proving():
        at.people.logins.confirm(at.session, at.sent.one("old"), at.now)
    with at.people.store.commit():
        for handle in handles:
            sessions.end(handle, at.now)
            at.people.audit.append("session_ended", at.who.id, at.now)
    at.people.lock_keys(handles)
    return at.go("/account")


def _seen(at: At) -> Answer:
    upto = at.sent.one("upto")
    told = {str(row.n): row.n for row in at.people.audit.news(at.who.id)}
    if upto in told:  # what came after the page was made is told the next time
        at.people.audit.append("news_seen", at.who.id, at.now, upto=told[upto])
    return at.go("/account")


def _password(at: At) -> Answer:
    assert at.session is not None
    if at.sent.one("new") != at.sent.one("again"):
        raise InputError(at.t("desk.differ"), code="differ")
    keys = at.people.keys
    with _proving():
        ended = at.people.logins.change_password(
            at.session, at.sent.one("old"), at.sent.one("new"), at.now, lambda text: keys.is_phrase(at.who.id, text),
            at.sent.one("code"), at.certificate,
        )  # fmt: skip
    at.people.lock_keys(ended)
    return at.go("/account")


def _codes(at: At) -> Answer:
    assert at.session is not None
    with _proving():
        codes = at.people.logins.new_codes(at.session, at.sent.one("old"), at.now, at.sent.one("code"), at.certificate)
    return codes_screen(at, at.t("desk.new_codes"), codes)


def _passkey(at: At) -> Answer:
    passkeys.keep(at)
    return at.go("/account")


def _forget(at: At) -> Answer:
    with _proving():
        passkeys.forget(at)
    return at.go("/account")


# do -> (the field beside which a mistake is told, the work)
_DO: Mapping[str, tuple[str, Callable[[At], Answer]]] = {
    "make": ("new_phrase", _make_key), "enrol": ("public", _enrol), "unlock": ("phrase", _unlock), "lock": ("", _lock),
    "request": ("", _request), "end": ("handle", _end), "password": ("new", _password), "codes": ("codes.old", _codes),
    "seen": ("", _seen), passkeys.DO: ("", _passkey), passkeys.FORGET: ("passkey", _forget),
}  # fmt: skip
