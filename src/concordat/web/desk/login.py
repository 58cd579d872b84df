"""Coming in and going out: `/login`, `/logout`, and the page behind a one-time link.

One form asks login, password and code together, so that nobody learns which of them was wrong (`node.login`); below it
stands the way in with a passkey, which needs a script (`passkeys`). After either
the browser has a fresh session, and goes where it wanted to go: to a path of this site, nowhere else. The page of a
link shows what the telephone needs; sending it opens the account, shows ten recovery codes once, and the link is used.
These answers are never compressed and never kept. Source: node-web.md 3.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from concordat.errors import InputError, RuleError
from concordat.node.guessing import WaitError
from concordat.node.secret import Secret, token_hash
from concordat.web.desk import passkeys
from concordat.web.desk.asked import Answer, At, Redirect
from concordat.web.desk.proof import PASSWORD_MAX
from concordat.web.forms import Block, Button, Cell, Exact, Fact, Facts, Field, Form, Links, Note, Screen, Square

if TYPE_CHECKING:
    from concordat.node.accounts import Welcome

_PATH = re.compile(r"/(?!/)[A-Za-z0-9/._~?=&%+:-]{0,400}")


def safe_path(text: str) -> str:
    """Where to go on after a login: a path of this site, else the account's page.

    >>> safe_path("/act/0f"), safe_path("//evil.example"), safe_path("https://evil.example")
    ('/act/0f', '/account', '/account')
    """
    return text if _PATH.fullmatch(text) and "/../" not in text else "/account"


def get_login(at: At) -> Answer:
    """The form."""
    return login_screen(at, at.query.get("next", ""), "")


def login_screen(at: At, onward: str, login: str, *, status: int = 200, summary: tuple[str, ...] = ()) -> Screen:
    """The page, with what went wrong."""
    fields = (
        Field(
            "login", at.t("desk.login_name"), "text", (login,), required=True, autocomplete="username", max_length=100,
        ),
        Field(
            "password", at.t("desk.password"), "password", required=True, autocomplete="current-password",
            max_length=PASSWORD_MAX,
        ),
        Field(
            "code", at.t("desk.code"), "text", (), at.t("help.code"), autocomplete="one-time-code", max_length=40,
        ),
        Field("next", "", "hidden", (onward,)),
    )  # fmt: skip
    form = Form("l", at.href("/login"), fields, (Button(at.t("desk.log_in")),), at.token())
    notes: list[Block] = [Note(at.t("desk.then_kept"), "plain")] if onward.startswith("/act/") else []
    blocks = (*notes, form, passkeys.way_in(at, onward), Note(at.t("desk.no_account"), "plain"))
    return Screen(at.t("desk.log_in"), blocks, status=status, summary=summary)


def post_login(at: At) -> Answer:
    """Prove who one is.

    Raises:
        WaitError: too many failures. StateError: too many people are logging in.
    """
    sent, onward = at.sent, at.sent.one("next")
    by_passkey = sent.one("do") == passkeys.DO
    try:
        if by_passkey:
            return _entered(at, onward, passkeys.come_in(at))
        _, fresh, _ = at.people.logins.login(
            sent.one("login"), sent.one("password"), sent.one("code"), at.now, address=at.address,
            old=at.cookies.get("s", ""), certificate=at.certificate,
        )  # fmt: skip
    except WaitError:
        raise
    except (RuleError, InputError) as error:
        if isinstance(error, InputError) and not by_passkey:
            raise
        words = " ".join(part for part in (error.what, error.hint) if part)
        return login_screen(at, onward, sent.one("login")[:100], status=422, summary=(words,))
    return _entered(at, onward, fresh)


def _entered(at: At, onward: str, fresh: Secret) -> Answer:
    """On with the fresh session; the one that the browser had has ended, and its key is locked."""
    if at.cookies.get("s"):
        at.people.lock_keys([token_hash(at.cookies["s"])])
    return at.go(safe_path(onward), session=fresh)


def post_logout(at: At) -> Answer:
    """End this session; its id stays in the browser and opens nothing, so that a form shown before isn't lost."""
    at.people.logout(at.cookies.get("s", ""), at.now)
    return Redirect("/login", headers=(("clear-site-data", '"cache", "storage"'),))


# --- Behind a one-time link -------------------------------------------------------------------------------------------


def get_welcome(at: At) -> Answer:
    """The page of a link; nothing changes.

    Raises:
        RuleError: used, too old, or none of ours.
    """
    shown = at.people.accounts.welcome(at.parts["token"], at.now)
    return _welcome_screen(at, shown, {})


def _welcome_screen(at: At, shown: Welcome, errors: dict[str, str], status: int = 200) -> Screen:
    fields = [
        Field(
            "password", at.t("desk.new_password"), "password", (), at.t("help.new_password"),
            errors.get("password", ""), required=True, autocomplete="new-password", max_length=PASSWORD_MAX,
        ),
        Field(
            "again", at.t("desk.password_again"), "password", (), "", errors.get("again", ""), required=True,
            autocomplete="new-password", max_length=PASSWORD_MAX,
        ),
    ]  # fmt: skip
    blocks: list[Block] = [Facts([Fact(at.t("desk.login_name"), shown.account.login, mono=True),
                                  Fact(at.t("desk.roles"), ", ".join(shown.account.roles))])]  # fmt: skip
    if shown.totp is not None and shown.totp_uri is not None:
        blocks += [Note(at.t("desk.scan"), "plain"), Square(shown.totp_uri.value, at.t("desk.square")),
                   Exact(shown.totp.value, at.t("desk.type_it"))]  # fmt: skip
        fields.append(
            Field(
                "code", at.t("desk.first_code"), "text", (), at.t("help.first_code"), errors.get("code", ""),
                required=True, autocomplete="one-time-code", max_length=12, inputmode="numeric",
            )
        )  # fmt: skip
    form = Form("w", at.href(at.path), fields, (Button(at.t("desk.open_account")),), at.token())
    return Screen(at.t("desk.welcome"), (*blocks, form), lead=at.t("desk.lead_welcome"), status=status, secret=True)


def post_welcome(at: At) -> Answer:
    """Open the account; the recovery codes are shown in this answer and never again.

    Raises:
        RuleError: the link doesn't hold.
    """
    token, password = at.parts["token"], at.sent.one("password")
    shown = at.people.accounts.welcome(token, at.now)
    if password != at.sent.one("again"):
        return _welcome_screen(at, shown, {"again": at.t("desk.differ")}, 422)
    try:
        account, codes = at.people.accounts.accept(token, password, at.sent.one("code"), at.now)
    except InputError as error:
        return _welcome_screen(at, shown, {"password": " ".join(p for p in (error.what, error.hint) if p)}, 422)
    except RuleError as error:
        if error.code != "wrong":
            raise
        return _welcome_screen(at, shown, {"code": error.what}, 422)
    return codes_screen(at, at.t("desk.opened", login=account.login), codes)


def codes_screen(at: At, title: str, codes: list[str]) -> Screen:
    """Recovery codes, to be written down."""
    blocks: list[Block] = []
    if codes:
        blocks += [Note(at.t("desk.codes_once"), "warning"), Exact("\n".join(codes), at.t("desk.codes"))]
    onward = Cell(at.t("desk.account" if at.account is not None else "desk.log_in"),
                  at.href("/account" if at.account is not None else "/login"))  # fmt: skip
    return Screen(title, (*blocks, Links([onward])), secret=True)
