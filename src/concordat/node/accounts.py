"""Whose account is this: made by the operator, opened by its person through a one-time link.

An account is made with a link (48 hours, once, 128 bits; its hash is stored). Behind the link its person chooses a
password and, for every role above expert, sets up a one-time code (`passwords`) and gets ten recovery codes. The secret
of the code is computed from the link, so that showing the page changes nothing; it is stored, sealed, when a first code
proves that the telephone has it.

Names of people stand in this store alone. Every change is a row of the audit chain in the same transaction. Times are
passed in, in seconds. What this does not do: let anybody in (`login`), sign (`person_keys`), decide who may what
(`authorise`). Source: node-web.md 3.1.
"""

from __future__ import annotations

import json
import re
import secrets as random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from concordat.errors import ConcordatError, InputError, RuleError
from concordat.node.audit_log import AuditLog
from concordat.node.authorise import Person, check_roles, needs_second_factor
from concordat.node.leaked import check_not_leaked
from concordat.node.passwords import (
    COST,
    SECRET_BYTES,
    Cost,
    HashGate,
    check_new_password,
    dummy_hash,
    hash_password,
    new_recovery_codes,
    totp_step,
    totp_text,
    totp_uri,
    verify_password,
)
from concordat.node.people_store import PeopleStore
from concordat.node.secret import PeopleSecrets, Secret, seal, token, token_hash
from concordat.node.sessions import Sessions

LINK_S = 48 * 3_600
LINK_BITS = 128
FOR_GOOD = 2**53 - 1  # `locked_until` of an account that the operator locked without a day
NAME_MAX = 200
_LOGIN = re.compile(r"[a-z][a-z0-9._-]{1,31}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
COLUMNS = (
    "id, login, name, member, roles, password_phc, totp_sealed, totp_step, recovery, certificate, key_label,"
    " key_public, created, locked_until"
)


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account, as stored.

    Attributes:
        id: random. login: what is typed. name: the person's, kept here alone. member: whose person. roles: in order.
        totp_step: the newest step used. recovery: hashes of the codes left. certificate: SHA-256 of a client
            certificate that stands for the code, or empty. key_label, key_public: of the person key.
        created, locked_until: seconds since 1970; `locked_until` is the operator's, guessing never sets it.
    """

    id: str
    login: str
    name: str = field(repr=False)
    member: str
    roles: tuple[str, ...]
    password_phc: str = field(repr=False)
    totp_sealed: bytes | None = field(repr=False)
    totp_step: int
    recovery: tuple[str, ...] = field(repr=False)
    certificate: str
    key_label: str
    key_public: bytes | None
    created: int
    locked_until: int

    def person(self) -> Person:
        """What `authorise` asks."""
        return Person(self.id, self.member, self.roles, self.key_label)

    @property
    def open(self) -> bool:
        """Whether its link was used."""
        return bool(self.password_phc)


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the page behind a one-time link shows.

    Attributes:
        account: whose. kind: `welcome` or `reset`. totp, totp_uri: what to type into a telephone, or for a square of
            dots (`passwords.totp_svg`); None where no code is asked.
    """

    account: Account
    kind: str
    totp: Secret | None
    totp_uri: Secret | None


class Accounts:
    """All accounts of a node.

    Args:
        store: where they are kept. secrets: the key that seals them. member: whose node. words: what a password must
            not be made of, besides the login: names of bloc and member. cost: of a hash; tests take less.
    """

    def __init__(
        self, store: PeopleStore, secrets: PeopleSecrets, member: str, words: Sequence[str] = (), cost: Cost = COST
    ) -> None:
        self.store, self.member = store, member
        self.audit = AuditLog(store)
        self.sessions = Sessions(store)
        self.gate = HashGate()
        self.secrets, self.words, self.cost = secrets, tuple(words), cost
        self.dummy = dummy_hash(cost)
        self.leaked = ""  # the list of leaked passwords, if the operator has one

    # --- The operator's part ------------------------------------------------------------------------------------------

    def add(
        self, login: str, name: str, roles: Sequence[str], now: int, *, member: str = "", key_label: str = "",
        certificate: str = "",
    ) -> tuple[Account, Secret]:  # fmt: skip
        """Make an account: (the account, the token of its one-time link).

        Args:
            member: whose person, if not this node's. key_label: of the person key she will have. certificate: SHA-256
                of a client certificate, in hexadecimal digits, that stands for the code.

        Raises:
            InputError: a login, name, label or role that can't be. RuleError: taken, or roles that don't go together.
        """
        _check(_LOGIN, login, "a login", "Small letters, digits, dot and dash, as maria or m.silva")
        if not 1 <= len(name.strip()) <= NAME_MAX or not name.isprintable():
            raise InputError(f"a name has 1 to {NAME_MAX} printable characters.", where="name", code="name")
        if certificate:
            _check(_FINGERPRINT, certificate, "the SHA-256 of a certificate", "64 hexadecimal digits")
        if key_label:
            check_label(key_label)
        kept = json.dumps(check_roles(roles))
        account_id = random.token_hex(8)
        with self.store.commit():
            if self.store.one("SELECT id FROM account WHERE login = ?", login):
                raise RuleError(f"there is an account {login} already.", where="login", code="taken")
            if key_label and self.store.one("SELECT id FROM account WHERE key_label = ?", key_label):
                raise RuleError(f"another account has the key label {key_label}.", where="key label", code="taken")
            self.store.run(
                f"INSERT INTO account ({COLUMNS}) VALUES (?, ?, ?, ?, ?, '', NULL, -1, '[]', ?, ?, NULL, ?, 0)",
                account_id, login, name.strip(), member or self.member, kept, certificate, key_label, now,
            )  # fmt: skip
            self.audit.append("account_added", account_id, now, roles=json.loads(kept))
            link = self._link(account_id, "welcome", now)
        return self.account(account_id), link

    def reset(self, login: str, now: int) -> tuple[Account, Secret]:
        """A new one-time link: password, code and sessions of before end at once.

        Raises:
            InputError: no such login.
        """
        account = self.by_login(login)
        with self.store.commit():
            self.store.run(
                "UPDATE account SET password_phc = '', totp_sealed = NULL, totp_step = -1, recovery = '[]'"
                " WHERE id = ?",
                account.id,
            )
            self.store.run("DELETE FROM passkey WHERE account = ?", account.id)
            self.sessions.end_all(account.id, now)
            self.audit.append("account_reset", account.id, now)
            link = self._link(account.id, "reset", now)
        return self.account(account.id), link

    def set_roles(self, login: str, roles: Sequence[str], now: int) -> tuple[Account, int]:
        """Give other roles: (the account, how many passkeys were forgotten); all sessions end.

        A passkey that was made while one factor was enough can't stand for two: when a second one is asked from now on,
        the account's passkeys are forgotten, and the row of the audit chain says how many.

        Raises:
            InputError, RuleError: as `add`.
        """
        kept = check_roles(roles)
        with self.store.commit():
            account, facts, gone = self.by_login(login), dict[str, Any](), 0
            if needs_second_factor(kept) and not needs_second_factor(account.roles):
                gone = self.store.run("DELETE FROM passkey WHERE account = ?", account.id)
                facts = {"passkeys_removed": gone} if gone else {}
            self.store.run("UPDATE account SET roles = ? WHERE id = ?", json.dumps(kept), account.id)
            self.sessions.end_all(account.id, now)
            self.audit.append("roles_set", account.id, now, before=list(account.roles), after=list(kept), **facts)
        return self.account(account.id), gone

    def lock(self, login: str, until: int, now: int) -> Account:
        """Lock an account until a moment, or open it again with 0; its sessions end."""
        account = self.by_login(login)
        with self.store.commit():
            self.store.run("UPDATE account SET locked_until = ? WHERE id = ?", until, account.id)
            if until > now:
                self.sessions.end_all(account.id, now)
            self.audit.append("account_locked" if until > now else "account_unlocked", account.id, now)
        return self.account(account.id)

    def account(self, account_id: str) -> Account:
        """One account by its id.

        Raises:
            InputError: no such account.
        """
        return self._one("id", account_id)

    def by_login(self, login: str) -> Account:
        """One account by its login.

        Raises:
            InputError: no such login.
        """
        return self._one("login", login)

    def all(self) -> list[Account]:
        """Every account, by login."""
        return [read_account(row) for row in self.store.rows(f"SELECT {COLUMNS} FROM account ORDER BY login")]

    def _one(self, column: str, value: str) -> Account:
        row = self.store.one(f"SELECT {COLUMNS} FROM account WHERE {column} = ?", value)
        if not row:
            hint = "See: concordat node account list"
            raise InputError(f'there is no account "{value[:40]}".', hint=hint, code="unknown_account")
        return read_account(row)

    # --- Behind the link ----------------------------------------------------------------------------------------------

    def _link(self, account_id: str, kind: str, now: int) -> Secret:
        link = token(LINK_BITS)
        self.store.run("DELETE FROM link WHERE account = ?", account_id)
        self.store.run(
            "INSERT INTO link VALUES (?, ?, ?, ?, ?, 0)",
            token_hash(link.value), account_id, kind, now, now + LINK_S,
        )  # fmt: skip
        return link

    def welcome(self, link: str, now: int) -> Welcome:
        """What the page of a link shows; nothing changes.

        Raises:
            RuleError: used, too old, or none of ours.
        """
        row = self.store.one("SELECT account, kind, expires, used FROM link WHERE hash = ?", token_hash(link[:200]))
        if not row or row[3] or now >= row[2]:
            hint = "Ask the operator for a new one: concordat node account reset"
            raise RuleError("this link was used, is over 48 hours old, or is not ours.", hint=hint, code="link")
        account = self.account(row[0])
        if not self._asks_code(account):
            return Welcome(account, row[1], None, None)
        secret = self._totp_of(link)
        uri = totp_uri(secret, account.login, f"Concordat {self.member}")
        return Welcome(account, row[1], Secret(totp_text(secret)), Secret(uri))

    def accept(self, link: str, password: str, code: str, now: int) -> tuple[Account, list[str]]:
        """Use a link: the password is chosen, and the telephone shows a first code: (account, recovery codes).

        Args:
            code: of the telephone; empty where none is asked. The recovery codes are shown now and never again.

        Raises:
            RuleError: the link doesn't hold, or the code is wrong. InputError: a password that can't be chosen.
        """
        shown = self.welcome(link, now)
        account = shown.account
        self.check_new(password, (account.login, *self.words))
        step, sealed = -1, None
        printed: list[str] = []
        kept: list[str] = []
        if shown.totp is not None:
            secret = self._totp_of(link)
            step = totp_step(secret, code, now, -1)
            sealed = seal(self.secrets.subkey("totp"), secret, account.id)
            printed, kept = new_recovery_codes()
        with self.gate.turn():
            phc = hash_password(password, self.cost)
        with self.store.commit():
            if not self.store.run("UPDATE link SET used = ? WHERE hash = ? AND used = 0", now, token_hash(link)):
                raise RuleError("this link was used.", code="link")
            self.store.run(
                "UPDATE account SET password_phc = ?, totp_sealed = ?, totp_step = ?, recovery = ? WHERE id = ?",
                phc, sealed, step, json.dumps(kept), account.id,
            )  # fmt: skip
            self.sessions.end_all(account.id, now)
            self.audit.append("link_used", account.id, now, kind=shown.kind)
        return self.account(account.id), printed

    def check_new(self, text: str, words: Sequence[str], what: str = "the password") -> None:
        """A password or phrase that somebody may choose.

        Raises:
            InputError: as `check_new_password`, or known from a leak. StateError: the list of leaks can't be read.
        """
        check_new_password(text, words, what)
        check_not_leaked(self.leaked, text, what)

    def _totp_of(self, link: str) -> bytes:
        return bytes.fromhex(self.secrets.keyed("link totp", link))[:SECRET_BYTES]

    def _asks_code(self, account: Account) -> bool:
        return needs_second_factor(account.roles) and not account.certificate

    def check_password(self, account_id: str, text: str) -> None:
        """A text is the account's password (a signing phrase must not be).

        Raises:
            RuleError: it is not.
        """
        phc = self.account(account_id).password_phc
        with self.gate.turn():
            verify_password(text, phc or self.dummy)

    def forget(self, now: int, sessions_days: int = 30) -> None:
        """Erase links, guesses and ended sessions that mean nothing any more."""
        with self.store.commit():
            self.store.run("DELETE FROM link WHERE expires < ?", now)
            self.store.run("DELETE FROM spent WHERE expires < ?", now)
            self.store.run("DELETE FROM guess WHERE until < ? AND changed < ?", now, now - 86_400)
            self.sessions.forget(now, sessions_days * 86_400)


def check_label(label: str) -> str:
    """A key label as entries may name it.

    Raises:
        InputError: another form, or the node's own.
    """
    _check(re.compile(r"[a-z][a-z0-9-]{0,31}"), label, "a key label", "As del-04")
    if label == "node":
        raise InputError("node is the label of the node's own key.", where="key label", hint="As del-04", code="label")
    return label


def member_words(bloc: str, member: str, host: str) -> tuple[str, ...]:
    """What a password must not be made of, besides the login: bloc, member, its name and its node's."""
    from concordat.world import country

    names: list[str] = []
    with suppress(ConcordatError):  # a member need not be a country
        names.append(country(member).name)
    return (bloc, member, "concordat", *names, *host.partition(":")[0].split("."))


def read_account(row: tuple[Any, ...]) -> Account:
    """An account from its row."""
    values = list(row)
    values[4], values[8] = tuple(json.loads(values[4])), tuple(json.loads(values[8]))
    values[6], values[11] = (None if v is None else bytes(v) for v in (values[6], values[11]))
    return Account(*values)


def _check(pattern: re.Pattern[str], text: str, what: str, hint: str) -> None:
    if not pattern.fullmatch(text):
        raise InputError(f'"{text[:40]}" is not {what}.', where=what.partition(" ")[2], hint=hint, code="form")
