"""Is this the person: login, password and code at once, every mistake answered in the same words after the same work.

An unknown login runs the same hash against a dummy, so that the time of the answer tells nothing. Failures make the
next attempts wait (`guessing`). A code's step and a recovery code are used up in the transaction that opens the
session, so that of two who are equally quick with one code, one is let in; whose password, roles or lock changed while
the hash was computed is not let in by what was good before. The session's id is always fresh: see `sessions`. Before
anything changes by which somebody proves who she is, she proves it once more, by every factor she has (`prove`), and
her session must go on until it is kept; to end a session elsewhere the password is enough (`confirm`). Both count as
attempts like a login.

The second factor is asked of every role above expert: a code of a telephone, a recovery code, or the client certificate
that the operator asked of this account. Times are passed in, in seconds. Source: node-web.md 3.1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hmac import compare_digest
from typing import Any

from concordat.errors import InputError, RuleError
from concordat.node.accounts import COLUMNS, Account, Accounts, read_account
from concordat.node.attempts import Attempt, cut_for_guesses
from concordat.node.audit_log import cut_address
from concordat.node.authorise import needs_second_factor
from concordat.node.passwords import (
    RECOVERY_LETTERS,
    hash_password,
    needs_rehash,
    new_recovery_codes,
    totp_step,
    use_recovery_code,
    verify_password,
)
from concordat.node.secret import Secret, token_hash, unseal
from concordat.node.sessions import Session

WRONG = "login, password or code is wrong."
WRONG_AGAIN = "password or code is wrong."


class Logins:
    """Who is let in.

    Args:
        accounts: whose.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def login(
        self, login: str, password: str, code: str, now: int, *, address: str = "", old: str = "", certificate: str = ""
    ) -> tuple[Account, Secret, Session]:
        """Prove who one is: (account, the id for the cookie, the session).

        Args:
            code: of the telephone, or a recovery code. address: of the browser. old: the session's id that it brought.
            certificate: SHA-256 of the client certificate that TLS proved, if any.

        Raises:
            WaitError: too many failures. RuleError: something is wrong; the words don't say what.
            StateError: too many people are logging in.
        """
        login = login.strip().casefold()[:100]
        keys = [("login", login)] + ([("address", cut_for_guesses(address))] if address else [])
        with self._attempt(keys, now) as attempt:
            account, how, changes = self._prove(login, password, code, certificate, now)
            if account is None:
                attempt.wrong(WRONG, cut_address(address), self._whose(login))
            assert account is not None
            if account.locked_until > now:
                attempt.wrong("this account is locked by the operator.", cut_address(address), account.id)
            with self._accounts.store.commit():
                self._require_unchanged(account)
                self._use(account, changes)
                fresh, session = self._accounts.sessions.open(account.id, how, now, old)
                self._accounts.audit.append("login", account.id, now, address=cut_address(address), how=how)
                attempt.good()
        return account, fresh, session

    def _whose(self, login: str) -> str:
        """The account that was tried, so that its person sees it among her rows; empty for a login that isn't here."""
        row = self._accounts.store.one("SELECT id FROM account WHERE login = ?", login)
        return str(row[0]) if row else ""

    def _prove(
        self, login: str, password: str, code: str, certificate: str, now: int
    ) -> tuple[Account | None, str, dict[str, Any]]:
        """The account, how it was proved, what that uses up; None for the account if anything is wrong."""
        row = self._accounts.store.one(f"SELECT {COLUMNS} FROM account WHERE login = ?", login)
        account = read_account(row) if row else None
        phc = account.password_phc if account and account.open else self._accounts.dummy
        changes: dict[str, Any] = {}
        good = True
        try:
            with self._accounts.gate.turn():
                verify_password(password, phc)
        except RuleError:
            good = False
        how = "password"
        if account is not None and needs_second_factor(account.roles):
            try:
                how, changes = self._second(account, code, certificate, now)
            except RuleError:
                good = False
        if account is None or not account.open or not good:
            return None, "", {}
        if needs_rehash(phc, self._accounts.cost):
            with self._accounts.gate.turn():
                changes["password_phc"] = hash_password(password, self._accounts.cost)
        return account, how, changes

    def _second(self, account: Account, code: str, certificate: str, now: int) -> tuple[str, dict[str, Any]]:
        if account.certificate:
            if compare_digest(account.certificate.encode(), certificate.lower().encode()):
                return "certificate", {}
            raise RuleError("the certificate is not yours.", code="wrong")
        if account.totp_sealed is None:
            raise RuleError("no code is set up.", code="wrong")
        if sum(c.isalnum() for c in code) == RECOVERY_LETTERS:
            left = use_recovery_code(code, account.recovery)
            return "recovery", {"recovery": json.dumps(left)}
        secret = unseal(self._accounts.secrets.subkey("totp"), account.totp_sealed, account.id)
        return "totp", {"totp_step": totp_step(secret, code, now, account.totp_step)}

    def _require_unchanged(self, account: Account) -> None:
        """What was proved is still asked: hashing takes long enough for a reset, a lock or other roles to come between.

        Raises:
            RuleError: something is different now.
        """
        now = self._accounts.account(account.id)
        for name in ("password_phc", "roles", "certificate", "locked_until"):
            if getattr(now, name) != getattr(account, name):
                raise RuleError(WRONG, code="wrong")

    def require_going_on(self, session: Session, now: int) -> None:
        """A session that proved itself has not ended since; to be asked in the transaction that keeps what it changes.

        Raises:
            RuleError: it has, or its account is locked or was reset.
        """
        account = self._accounts.account(session.account)
        going_on = {s.handle for s in self._accounts.sessions.of(account.id, now)}
        if session.handle not in going_on or not account.open or account.locked_until > now:
            what = "the session that asked for this has ended."
            raise RuleError(what, hint="Log in, and do it once more.", code="no_session")

    def _use(self, account: Account, changes: dict[str, Any]) -> None:
        """Use up a step or a recovery code, unless somebody was quicker."""
        if "totp_step" in changes:
            step = changes["totp_step"]
            done = self._accounts.store.run(
                "UPDATE account SET totp_step = ? WHERE id = ? AND totp_step < ?", step, account.id, step
            )  # fmt: skip
            if not done:
                raise RuleError(WRONG, code="wrong")
        if "recovery" in changes:
            before = json.dumps(list(account.recovery))
            done = self._accounts.store.run(
                "UPDATE account SET recovery = ? WHERE id = ? AND recovery = ?",
                changes["recovery"], account.id, before,
            )  # fmt: skip
            if not done:
                raise RuleError(WRONG, code="wrong")
        if "password_phc" in changes:
            self._accounts.store.run(
                "UPDATE account SET password_phc = ? WHERE id = ?", changes["password_phc"], account.id
            )

    def change_password(
        self, session: Session, old: str, new: str, now: int, same_phrase: Callable[[str], bool], code: str = "",
        certificate: str = "",
    ) -> list[str]:  # fmt: skip
        """Choose another password; all other sessions end.

        Args:
            same_phrase: whether a text is the account's signing phrase (`person_keys.PersonKeys.is_phrase`).
            code, certificate: as `prove`.

        Returns:
            The handles of the sessions that ended, so that the keys that they unlocked are locked.

        Raises:
            RuleError: the old one or the code is wrong, or the session has ended. InputError: the new one can't be
                chosen. WaitError: too many failures.
        """
        self._accounts.check_new(new, (self._accounts.account(session.account).login, *self._accounts.words))
        account = self.prove(session, old, code, now, certificate)
        if same_phrase(new):
            raise InputError("the password must not be the signing phrase.", where="password", code="same")
        with self._accounts.gate.turn():
            phc = hash_password(new, self._accounts.cost)
        with self._accounts.store.commit():
            self.require_going_on(session, now)
            others = [s.handle for s in self._accounts.sessions.of(account.id, now) if s.handle != session.handle]
            self._accounts.store.run("UPDATE account SET password_phc = ? WHERE id = ?", phc, account.id)
            self._accounts.sessions.end_all(account.id, now, keep=session.handle)
            self._accounts.audit.append("password_changed", account.id, now)
        return others

    def confirm(self, session: Session, password: str, now: int) -> Account:
        """The password once more: one factor, as ending a session elsewhere asks it (ASVS 5.0.0 V7.5.2).

        Raises:
            RuleError: it is wrong, with the attempts left. WaitError: too many failures.
        """
        account = self._accounts.account(session.account)
        with self._attempt([("login", account.login)], now) as attempt:
            if not self._is_password(account, password):
                attempt.wrong("the password is wrong.", "", account.id)
            attempt.good()
        return account

    def prove(self, session: Session, password: str, code: str, now: int, certificate: str = "") -> Account:
        """Every factor once more, before anything changes by which she proves who she is (ASVS 5.0.0 V7.5.1).

        Args:
            code: of the telephone, in a half minute that was not used yet, or a recovery code; no matter where no
                second factor is asked. certificate: as `login`, of this very connection.

        Raises:
            RuleError: something is wrong, with the attempts left. WaitError: too many failures.
        """
        account = self._accounts.account(session.account)
        with self._attempt([("login", account.login)], now) as attempt:
            good, changes = self._is_password(account, password), dict[str, Any]()
            asks_more = needs_second_factor(account.roles)
            if asks_more:
                try:
                    _, changes = self._second(account, code, certificate, now)
                except RuleError:
                    good = False
            if not good:
                attempt.wrong(WRONG_AGAIN if asks_more else "the password is wrong.", "", account.id)
            with self._accounts.store.commit():
                self._require_unchanged(account)
                self._use(account, changes)
                attempt.good()
        return account

    def _is_password(self, account: Account, password: str) -> bool:
        try:
            with self._accounts.gate.turn():
                verify_password(password, account.password_phc or self._accounts.dummy)
        except RuleError:
            return False
        return True

    def new_codes(self, session: Session, password: str, now: int, code: str = "", certificate: str = "") -> list[str]:
        """Ten fresh recovery codes; those of before end.

        Raises:
            RuleError, WaitError: as `prove`.
        """
        self.prove(session, password, code, now, certificate)
        printed, kept = new_recovery_codes()
        with self._accounts.store.commit():
            self.require_going_on(session, now)
            self._accounts.store.run("UPDATE account SET recovery = ? WHERE id = ?", json.dumps(kept), session.account)
            self._accounts.audit.append("codes_made", session.account, now)
        return printed

    def logout(self, value: str, now: int) -> None:
        """End the session of a cookie."""
        owner = self._accounts.sessions.was(value)
        if owner:
            with self._accounts.store.commit():
                self._accounts.sessions.end(token_hash(value), now)
                self._accounts.audit.append("logout", owner, now)

    def of_session(self, value: str, now: int) -> tuple[Account, Session]:
        """The account and session of a cookie.

        Raises:
            RuleError: nobody is logged in, or the operator locked the account.
        """
        session = self._accounts.sessions.find(value, now)
        account = self._accounts.account(session.account)
        if account.locked_until > now:
            raise RuleError("this account is locked by the operator.", code="locked")
        return account, session

    def _attempt(self, keys: Sequence[tuple[str, str]], now: int) -> Attempt:
        return Attempt(self._accounts.store, self._accounts.secrets, self._accounts.audit, keys, now)
