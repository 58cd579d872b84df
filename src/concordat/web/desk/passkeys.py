"""Passkeys on the two pages that know them: the way in at `/login`, and one's own at `/account`.

A device is asked by `static/passkey.js`, the only script there is: it fetches the question from `/login/passkey` or
`/account/passkey` (POST, the token of the form, JSON), hands it to the device, and sends the answer with the page's own
form, so that everything after it is a form like any other. Where no script runs, where the browser or this node has no
passkeys, a sentence says so; a login, a code and the removal of a passkey need none of it.

Words for the script stand in the page, in its language. Source: node-web.md 3.1 and 4.6; WebAuthn level 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from concordat.errors import InputError, RuleError
from concordat.node.guessing import WaitError
from concordat.node.passkeys import LABEL_MAX, PASSKEYS_MAX, Passkeys
from concordat.node.secret import Secret
from concordat.web.desk.asked import Answer, At, Json
from concordat.web.desk.proof import proof_fields
from concordat.web.forms import Asks, Block, Button, Cell, Field, Form, Heading, Note, Option, Para, Rows
from concordat.web.respond import problem

DO, FORGET = "passkey", "forget"
WORDS = ("none", "wait", "cancelled", "failed", "exists", "unable", "used")  # what the script may have to say
REFUSED = 422
ISOLATE, ISOLATED = "\u2068", "\u2069"  # first strong isolate, and its end (Unicode annex 9)


def _of(at: At) -> Passkeys:
    return at.people.passkeys(at.service.public_url)


def _here(at: At) -> Passkeys:
    """The passkeys of this node.

    Raises:
        InputError: it offers none.
    """
    found = _of(at)
    if found.hindrance:
        raise InputError("this node offers no passkeys.", hint="Password and code are enough.", code="no_page")
    return found


# --- What is shown ----------------------------------------------------------------------------------------------------


def way_in(at: At, onward: str) -> Block:
    """The part of the login page: a button for whom a device can answer, else a sentence.

    Args:
        onward: where to go after the login.
    """
    hindrance = _of(at).hindrance
    if hindrance:
        return Note(at.t(f"desk.passkey_{hindrance}"))
    fields = (Field("next", "", "hidden", (onward,)), *_hidden())
    button = Button(at.t("desk.passkey_login"), quiet=True)
    asks = _asks(at, "/login/passkey", "help.passkey_login")
    return Form("pk", at.href("/login"), fields, (button,), at.token(), at.t("desk.passkey_in"), asks=asks)


def own(at: At, errors: Mapping[str, str]) -> list[Block]:
    """The part of the account's page: which there are, a form to make one, a form to remove one."""
    passkeys = _of(at)
    found, hindrance = passkeys.of(at.who.id), passkeys.hindrance
    title = at.t("desk.passkeys")
    blocks: list[Block] = [Heading(title), Para(at.t("desk.passkeys_none"))]
    if found:
        columns = (at.t("desk.passkey_label"), at.t("desk.passkey_day"))
        blocks = [Rows("passkeys", title, columns, [[Cell(p.label), Cell(_day(p.made))] for p in found])]
    if hindrance:
        blocks.append(Note(at.t(f"desk.passkey_{hindrance}")))
    elif len(found) >= PASSKEYS_MAX:
        blocks.append(Note(at.t("desk.passkeys_full", n=PASSKEYS_MAX)))
    else:
        blocks.append(_make_form(at, errors))
    if found:
        # A name may run the other way than the page, and turn the day around; here no markup can keep them apart.
        named = [Option(p.id, f"{ISOLATE}{p.label}{ISOLATED}, {_day(p.made)}") for p in found]
        options = [Option("", at.t("desk.choose")), *named]
        which = Field("passkey", at.t("desk.passkey_which"), "select", (), "", errors.get("passkey", ""), options,
                      required=True)  # fmt: skip
        fields = [which, *proof_fields(at, FORGET, errors)]
        words = at.t("desk.passkey_remove")
        blocks.append(Form("pr", at.href("/account"), fields, (Button(words, FORGET, quiet=True),), at.token(), words))
    return blocks


def _make_form(at: At, errors: Mapping[str, str]) -> Form:
    label = Field("device", at.t("desk.passkey_label"), "text", (at.sent.one("device"),), at.t("help.passkey_label"),
                  required=True, max_length=LABEL_MAX)  # fmt: skip
    fields = [label, *proof_fields(at, DO, errors), *_hidden()]
    words = at.t("desk.passkey_make")
    asks = _asks(at, "/account/passkey", "help.passkey_make")
    return Form("pk", at.href("/account"), fields, (Button(words),), at.token(), words, asks=asks)


def _hidden() -> tuple[Field, ...]:
    return Field("do", "", "hidden", (DO,)), Field("answer", "", "hidden", ("",))


def _asks(at: At, path: str, help_key: str) -> Asks:
    words = {"error": at.t("desk.error"), **{name: at.t(f"desk.passkey_{name}") for name in WORDS}}
    return Asks(at.href(path), at.t("desk.passkey_off"), at.t(help_key), words)


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


# --- What the script asks ---------------------------------------------------------------------------------------------


def post_ask(at: At) -> Answer:
    """The question to any passkey of this site; nothing changes.

    Raises:
        InputError: this node offers none.
    """
    return Json(_here(at).ask(at.now, at.cookies.get("v", "")).encode())


def post_offer(at: At) -> Answer:
    """The question to make one, for whoever proves once more who she is.

    Raises:
        InputError: this node offers none. WaitError: too many failures.
    """
    assert at.session is not None
    passkeys, sent = _here(at), at.sent
    try:
        asked = passkeys.offer(at.session, sent.one("old"), at.now, sent.one("code"), at.certificate)
    except WaitError:
        raise
    except RuleError as error:
        return Json(problem(REFUSED, error.what, error.hint, error.code), REFUSED)
    return Json(asked.encode())


# --- What the pages' own forms send -----------------------------------------------------------------------------------


def come_in(at: At) -> Secret:
    """Let in whose passkey answered: the id for the cookie.

    Raises:
        InputError, RuleError: as `Passkeys.login`. WaitError: too many failures.
    """
    return _here(at).login(
        at.sent.one("answer"), at.now, address=at.address, old=at.cookies.get("s", ""), certificate=at.certificate,
        browser=at.cookies.get("v", ""),
    )[1]  # fmt: skip


def keep(at: At) -> None:
    """Keep the passkey that the device made.

    Raises:
        InputError, RuleError: as `Passkeys.make`.
    """
    assert at.session is not None
    _here(at).make(at.session, at.sent.one("answer"), at.sent.one("device"), at.now)


def forget(at: At) -> None:
    """Remove one of hers, and end her other sessions: works without a script, and where no new one can be made.

    Raises:
        InputError, RuleError: as `Passkeys.remove`. WaitError: too many failures.
    """
    assert at.session is not None
    sent = at.sent
    ended = _of(at).remove(
        at.session, sent.one("passkey"), sent.one("old"), at.now, sent.one("code"), at.certificate
    )  # fmt: skip
    at.people.lock_keys(ended)
