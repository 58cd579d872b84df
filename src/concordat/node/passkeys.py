"""Passkeys (WebAuthn level 2, extra [passkeys]): a login that can't be phished, beside password and one-time code.

The authenticator must verify its user, so a passkey stands for both factors. A challenge is made without storing
anything (128 random bits, the second, and an HMAC under the node's key), holds for five minutes, and is spent when it
is used: its hash is kept until then, so that an answer can't be sent twice. That of a login is good in the browser that
asked for it alone. The counter of an authenticator that counts must grow, which is asked once more in the transaction
that stores it. Nobody has typed a login, so the device must name the account too. Origin and relying-party id are those
of `public_url`, and no page of another site may have asked from a frame; attestation is not asked for: who made the
device is nobody's business here.

To make one, its person proves once more who she is **before** her device is asked, so that a mistyped code leaves no
passkey on the device that nobody here knows; the challenge that she gets for it is good in that session alone, and
only as long as it goes on: what ends her sessions (a reset, a lock, other roles, a new password) ends it too. When one
is removed, all other sessions end with it, since one that it opened may be on the device that was lost. Where the
operator asks a client certificate of an account, a passkey does not stand in for it.

This is the one thing that needs a script in the browser; without it everything else works. Source: node-web.md 3.1.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import json
import re
import secrets as random
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from concordat.errors import InputError, RuleError
from concordat.node.accounts import Account, Accounts
from concordat.node.attempts import Attempt, cut_for_guesses
from concordat.node.audit_log import cut_address
from concordat.node.csrf import origin_of
from concordat.node.login import Logins
from concordat.node.secret import Secret
from concordat.node.sessions import Session
from concordat.settings import need_extra

CHALLENGE_S = 300
PASSKEYS_MAX = 10  # of one account
ASK_MS = (CHALLENGE_S - 10) * 1_000  # what a device is given; then its answer can still arrive in time
ANSWER_MAX = 20_000
LABEL_MAX = 60
ID_MAX = 1_023  # bytes of a credential's id (WebAuthn level 2, section 4)
_ID = re.compile(r"[A-Za-z0-9_-]{1,1364}")  # as base64url
_RANDOM, _TIME = 16, 8


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey of an account, as its owner sees it."""

    id: str
    label: str
    made: int


@dataclass(frozen=True, slots=True)
class _Known:
    """A passkey as it is stored: its id, whose it is, the public key, and the counter of its last use."""

    id: str
    account: str
    public: bytes
    count: int


class Passkeys:
    """The passkeys of a node's people.

    Args:
        accounts: whose. public_url: of the node, as `https://node.example.br`.
    """

    def __init__(self, accounts: Accounts, public_url: str) -> None:
        self._accounts = accounts
        self._origin, self._rp = origin_of(public_url), urlsplit(public_url).hostname or ""

    @property
    def hindrance(self) -> str:
        """Why nobody can use one here: `extra` (it is not installed), `number` (a node without a name); else empty.

        A passkey belongs to a domain name: browsers refuse one for an IP address (WebAuthn level 2, 5.1.3 step 7).
        """
        if find_spec("webauthn") is None:
            return "extra"
        try:
            ipaddress.ip_address(self._rp)
        except ValueError:
            return ""
        return "number"

    # --- Making one ---------------------------------------------------------------------------------------------------

    def offer(self, session: Session, password: str, now: int, code: str = "", certificate: str = "") -> str:
        """What the browser is asked to make, as JSON, for whoever proves once more who she is.

        Args:
            password, code, certificate: as `Logins.prove`: a passkey opens the account for good.

        Raises:
            MethodError: the extra [passkeys] is not installed. RuleError: password or code is wrong, or there are
                enough passkeys. WaitError: too many failures.
        """
        webauthn = _library()
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        known = [PublicKeyCredentialDescriptor(id=_bytes(p.id)) for p in self.of(session.account)]
        if len(known) >= PASSKEYS_MAX:  # before a code is used up
            raise _refused(f"there are {PASSKEYS_MAX} already.", "Remove one first.")
        account = Logins(self._accounts).prove(session, password, code, now, certificate)
        wanted = AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        )
        options = webauthn.generate_registration_options(
            rp_id=self._rp, rp_name="Concordat", user_name=account.login, user_id=account.id.encode(),
            challenge=self._challenge(_making(session), now), authenticator_selection=wanted,
            exclude_credentials=known, timeout=ASK_MS,
        )  # fmt: skip
        return str(webauthn.options_to_json(options))

    def make(self, session: Session, answer: str, label: str, now: int) -> Passkey:
        """Keep the passkey that the browser made.

        Raises:
            RuleError: not an answer to what this session was asked after its proof; without user verification, of
                another site, or known; the session has ended since, or the account is locked. InputError: not an answer
                at all.
        """
        webauthn, account_id = _library(), session.account
        challenge = self._spend(answer, _making(session), now)
        try:
            found = webauthn.verify_registration_response(
                credential=answer, expected_challenge=challenge, expected_rp_id=self._rp, expected_origin=self._origin,
                require_user_verification=True,
            )  # fmt: skip
        except _failures() as error:
            raise _refused("the passkey can't be taken.") from error
        if len(found.credential_id) > ID_MAX:
            raise _refused("the passkey can't be taken.")
        made = Passkey(_text(found.credential_id), label.strip()[:LABEL_MAX] or "passkey", now)
        store = self._accounts.store
        with store.commit():
            Logins(self._accounts).require_going_on(session, now)
            if len(self.of(account_id)) >= PASSKEYS_MAX or store.one("SELECT id FROM passkey WHERE id = ?", made.id):
                raise _refused(f"it is known, or there are {PASSKEYS_MAX} already.")
            store.run(
                "INSERT INTO passkey VALUES (?, ?, ?, ?, ?, ?)",
                made.id, account_id, found.credential_public_key, found.sign_count, made.label, now,
            )  # fmt: skip
            self._accounts.audit.append("passkey_made", account_id, now)
        return made

    def of(self, account_id: str) -> list[Passkey]:
        """The passkeys of an account, oldest first."""
        rows = self._accounts.store.rows(
            "SELECT id, label, made FROM passkey WHERE account = ? ORDER BY made, id", account_id
        )
        return [Passkey(*row) for row in rows]

    def remove(
        self, session: Session, passkey: str, password: str, now: int, code: str = "", certificate: str = ""
    ) -> list[str]:
        """Forget one of one's own, and end all her other sessions; needs no extra.

        Returns:
            The handles of the sessions that ended, so that the keys that they unlocked are locked.

        Raises:
            InputError: there is no such passkey of hers. RuleError, WaitError: as `Logins.prove`.
        """
        store = self._accounts.store
        if passkey not in [p.id for p in self.of(session.account)]:  # before a code is used up
            raise InputError("there is no such passkey of yours.", where="passkey", code="unknown_passkey")
        Logins(self._accounts).prove(session, password, code, now, certificate)
        sessions = self._accounts.sessions
        with store.commit():
            Logins(self._accounts).require_going_on(session, now)
            others = [s.handle for s in sessions.of(session.account, now) if s.handle != session.handle]
            if store.run("DELETE FROM passkey WHERE id = ? AND account = ?", passkey, session.account):
                self._accounts.audit.append("passkey_removed", session.account, now)
            sessions.end_all(session.account, now, keep=session.handle)
        return others

    # --- Using one ----------------------------------------------------------------------------------------------------

    def ask(self, now: int, browser: str = "") -> str:
        """What the browser is asked at the login, as JSON: any passkey of this site; nothing changes.

        Args:
            browser: the value of the cookie that its form is bound to: the answer must come with the same.
        """
        webauthn = _library()
        from webauthn.helpers.structs import UserVerificationRequirement

        options = webauthn.generate_authentication_options(
            rp_id=self._rp, challenge=self._challenge(_coming_in(browser), now),
            user_verification=UserVerificationRequirement.REQUIRED, timeout=ASK_MS,
        )  # fmt: skip
        return str(webauthn.options_to_json(options))

    def login(
        self, answer: str, now: int, *, address: str = "", old: str = "", certificate: str = "", browser: str = ""
    ) -> tuple[Account, Secret, Session]:
        """Let in whose passkey answered: (account, the id for the cookie, the session).

        Args:
            answer: of the browser, JSON. address: of the browser. old: the session's id that it brought.
            certificate: SHA-256 of the client certificate that TLS proved, if any. browser: as `ask`.

        Raises:
            RuleError: not an answer to a challenge of ours, or not good. WaitError: too many failures.
        """
        accounts, whose = self._accounts, ""
        keys = [("address", cut_for_guesses(address))]
        with Attempt(accounts.store, accounts.secrets, accounts.audit, keys, now) as attempt:
            try:
                challenge = self._spend(answer, _coming_in(browser), now)
                known = self._known(answer)
                whose = known.account  # from here on a refusal is told to its owner
                count = self._verify(answer, challenge, known)
                with accounts.store.commit():
                    account = self._entitled(whose, certificate, now)
                    self._count(known, count)
                    fresh, session = accounts.sessions.open(account.id, "passkey", now, old)
                    accounts.audit.append("login", account.id, now, address=cut_address(address), how="passkey")
                    attempt.good()
            except RuleError as error:
                attempt.wrong(error.what, cut_address(address), whose)
                raise
        return account, fresh, session

    def _known(self, answer: str) -> _Known:
        """The stored passkey that an answer names."""
        passkey, row = str(json.loads(answer).get("id", "")), ()
        if _ID.fullmatch(passkey):  # else no store could be asked for it
            row = self._accounts.store.one("SELECT account, public, count FROM passkey WHERE id = ?", passkey)
        if not row:
            raise _refused("this passkey is not known here.")
        return _Known(passkey, str(row[0]), bytes(row[1]), int(row[2]))

    def _verify(self, answer: str, challenge: bytes, known: _Known) -> int:
        """The counter of an answer that this passkey signed."""
        webauthn, handle = _library(), json.loads(answer)["response"].get("userHandle", "")
        if handle != _text(known.account.encode()):  # WebAuthn level 2, 7.2 step 6: it must be there
            raise _refused("this passkey names another account, or none.")
        try:
            found = webauthn.verify_authentication_response(
                credential=answer, expected_challenge=challenge, expected_rp_id=self._rp, expected_origin=self._origin,
                credential_public_key=known.public, credential_current_sign_count=known.count,
                require_user_verification=True,
            )  # fmt: skip
        except _failures() as error:
            raise _refused("the passkey does not prove who you are.") from error
        return int(found.new_sign_count)

    def _entitled(self, account_id: str, certificate: str, now: int) -> Account:
        """The account, if it may be entered now by its passkey."""
        account = self._accounts.account(account_id)
        if account.locked_until > now or not account.open:
            raise _refused("this account is locked by the operator.")
        if account.certificate and not hmac.compare_digest(account.certificate.encode(), certificate.lower().encode()):
            raise _refused("this account asks for its client certificate as well.")
        return account

    def _count(self, known: _Known, count: int) -> None:
        """Store a counter that grew; of two answers at once with one count, the second finds it stored already.

        A device that does not count says 0 for ever (WebAuthn level 2, 7.2 step 21); its passkey must still be here.
        """
        grown = "UPDATE passkey SET count = ? WHERE id = ? AND account = ? AND count < ?"
        alike = "UPDATE passkey SET count = ? WHERE id = ? AND account = ? AND count = ?"
        if not self._accounts.store.run(grown if count else alike, count, known.id, known.account, count):
            raise _refused("the passkey does not prove who you are.")

    # --- Challenges ---------------------------------------------------------------------------------------------------

    def _challenge(self, purpose: str, now: int) -> bytes:
        head = random.token_bytes(_RANDOM) + now.to_bytes(_TIME, "big")
        return head + self._mac(head, purpose)

    def _mac(self, head: bytes, purpose: str) -> bytes:
        return hmac.new(self._accounts.secrets.subkey("challenge"), head + purpose.encode(), sha256).digest()

    def _spend(self, answer: str, purpose: str, now: int) -> bytes:
        """The challenge that an answer is to: ours, for this, fresh, and used only now.

        Raises:
            InputError: not an answer. RuleError: another's, too old, or used.
        """
        challenge = _challenge_of(answer)
        head, mac = challenge[: _RANDOM + _TIME], challenge[_RANDOM + _TIME :]
        made = int.from_bytes(head[_RANDOM:], "big")
        if not hmac.compare_digest(mac, self._mac(head, purpose)) or not made <= now < made + CHALLENGE_S:
            raise _refused("this answer is to no question of ours, or came too late.")
        digest, store = sha256(challenge).hexdigest(), self._accounts.store
        with store.commit():
            if store.one("SELECT hash FROM spent WHERE hash = ?", digest):
                raise _refused("this answer was used.")
            store.run("INSERT INTO spent VALUES (?, ?)", digest, made + CHALLENGE_S)
        return challenge


def _making(session: Session) -> str:
    """What a challenge to make a passkey is for: this account, in the session that proved it."""
    return f"make {session.account} {session.handle}"


def _coming_in(browser: str) -> str:
    """What a challenge of the login is for: a browser that nobody knows yet."""
    return f"login {browser}"


def _challenge_of(answer: str) -> bytes:
    try:
        if len(answer) > ANSWER_MAX:
            raise ValueError("too long")
        said = json.loads(_bytes(json.loads(answer)["response"]["clientDataJSON"]))
        challenge, crossed = _bytes(said["challenge"]), said.get("crossOrigin", False)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError("not the answer of a browser.", where="passkey", code="passkey") from None
    if crossed:  # WebAuthn level 3, 7.1 and 7.2; the library doesn't look
        raise _refused("a page of another site asked for this answer.")
    return challenge


def _library() -> Any:
    try:
        import webauthn
    except ImportError:
        raise need_extra("passkeys", "a passkey") from None
    return webauthn


def _failures() -> tuple[type[Exception], ...]:
    from webauthn.helpers.exceptions import WebAuthnException

    return (WebAuthnException, ValueError, LookupError, TypeError, AttributeError)


def _refused(what: str, hint: str = "Try again; password and code do as well.") -> RuleError:
    return RuleError(what, hint=hint, code="passkey")


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
