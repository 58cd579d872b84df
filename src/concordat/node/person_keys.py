"""Who signs: a delegate's own Ed25519 key, held here under her phrase, or away on her own machine; the same bytes.

*Held*: the seed lies in her account, sealed by ChaCha20-Poly1305 under Argon2id(phrase, own salt, 64 MiB, 3 passes),
with account id and key label as associated data. The phrase is not the password. An unlocked key stays in the memory of
one process for one session, 15 minutes or until logout, and never goes to a store, a log or a core dump. *Away*: she
takes the exact unsigned payload as a file, signs it with `concordat ledger sign` and brings the envelope back (`acts`).

A key counts once the membership file lists it for her label, with a `may` that covers the scope: root keys decide that
(ledger.md 7), from the request that `person_request` writes. PKCS#11 keys are not handled here: they are the node's.

What this can't do: while a held key is unlocked, the operator of this machine could take it (node-web.md 12).
Source: node-web.md 3.2.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from concordat import canonical
from concordat.errors import InputError, RuleError, StateError, TrustError
from concordat.ledger.entry import ENTRY_TYPE, Entry, sign_envelope
from concordat.ledger.keys import ED25519_LOG, Ed25519Secret, check_public, entry_keyid
from concordat.ledger.membership import Membership
from concordat.node.accounts import Accounts, check_label
from concordat.node.attempts import Attempt
from concordat.node.identity import key_file, write_private
from concordat.node.passwords import SALT_BYTES, Cost, derive_key
from concordat.node.secret import seal, unseal

UNLOCKED_S = 15 * 60
UNLOCKED_MAX = 200  # keys in memory at once
MAY = ("council", "exchange")
SCOPES = ("clearing", "council", "exchange")


class SigningKey(Protocol):
    """What signs an entry: `ledger.keys.Ed25519Secret`, or a key that another process holds."""

    @property
    def public(self) -> bytes: ...
    def sign(self, message: bytes) -> bytes: ...


class KeyHolder(Protocol):
    """Where unlocked keys lie: the memory of this process (`UnlockedKeys`), or an agent (`key_agent`)."""

    def unlock(self, session: str, seed: bytes, now: int) -> None: ...
    def key(self, session: str, public: bytes, now: int) -> SigningKey: ...
    def forget(self, session: str) -> None: ...


class UnlockedKeys:
    """Unlocked keys in the memory of this process, one a session, for 15 minutes."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[Ed25519Secret, int]] = {}
        self._lock = threading.Lock()

    def unlock(self, session: str, seed: bytes, now: int) -> None:
        """Keep a key for a session."""
        with self._lock:
            self._drop(now)
            if len(self._keys) >= UNLOCKED_MAX:
                raise StateError("too many keys are unlocked.", hint="Try again in a few minutes.", code="busy")
            self._keys[session] = (Ed25519Secret(seed), now + UNLOCKED_S)

    def key(self, session: str, public: bytes, now: int) -> Ed25519Secret:
        """The key of a session.

        Raises:
            RuleError: it was never unlocked, its time is over, or it is another key.
        """
        with self._lock:
            self._drop(now)
            found = self._keys.get(session)
        if found is None or found[0].public != public:
            raise RuleError("your key is locked.", hint="Give the signing phrase.", code="key_locked")
        return found[0]

    def forget(self, session: str) -> None:
        """Lock the key of a session again."""
        with self._lock:
            self._keys.pop(session, None)

    def _drop(self, now: int) -> None:
        for session in [s for s, (_, until) in self._keys.items() if now >= until]:
            del self._keys[session]

    def __repr__(self) -> str:
        return "UnlockedKeys(***)"


class PersonKeys:
    """The held keys of a node's people.

    Args:
        accounts: whose. holder: where unlocked keys lie.
    """

    def __init__(self, accounts: Accounts, holder: KeyHolder | None = None) -> None:
        self._accounts, self.holder = accounts, holder or UnlockedKeys()

    def check_new(self, account_id: str, phrase: str, label: str = "") -> str:
        """A phrase and a label with which a key can be made, as far as no secret is looked at; the label.

        Raises:
            InputError, RuleError: as `make`.
        """
        account = self._accounts.account(account_id)
        label = check_label(label or account.key_label or _no_label())
        if account.key_public is not None and account.key_label == label:
            what = f"there is a key {label} already."
            raise RuleError(what, hint="A new key needs a new label: the old one stays in the record.", code="has_key")
        self._accounts.check_new(phrase, (account.login,), "the signing phrase")
        return label

    def make(self, account_id: str, phrase: str, now: int, label: str = "") -> bytes:
        """Make a key for an account and seal it under a phrase; its public key.

        Args:
            label: of the key, if the account has none yet.

        Raises:
            InputError: a phrase that can't be chosen, or no label. RuleError: there is a key under that label already.
        """
        label = self.check_new(account_id, phrase, label)
        try:
            self._accounts.check_password(account_id, phrase)
        except RuleError:
            pass
        else:
            raise InputError("the signing phrase must not be the password.", where="phrase", code="same")
        seed, salt = secrets.token_bytes(32), secrets.token_bytes(SALT_BYTES)
        cost = self._accounts.cost
        with self._accounts.gate.turn():
            sealed = seal(derive_key(phrase, salt, cost), seed, _owner(account_id, label))
        public = Ed25519Secret(seed).public
        kept = json.dumps({"m": cost.memory_kib, "p": cost.lanes, "t": cost.passes, "v": 1}).encode()
        self._keep(account_id, label, public, kept + b"\n" + salt + sealed, now)
        return public

    def check_public(self, account_id: str, public: bytes, label: str = "") -> str:
        """A public key and a label that can be noted; the label.

        Raises:
            InputError, TrustError: as `enrol`.
        """
        check_public(public)
        return check_label(label or self._accounts.account(account_id).key_label or _no_label())

    def enrol(self, account_id: str, public: bytes, now: int, label: str = "") -> None:
        """Note the public key of somebody who signs away: nothing secret is here.

        Raises:
            InputError: not the bytes of a public key, or no label. TrustError: a weak key.
        """
        self._keep(account_id, self.check_public(account_id, public, label), public, None, now)

    def _keep(self, account_id: str, label: str, public: bytes, sealed: bytes | None, now: int) -> None:
        store = self._accounts.store
        with store.commit():
            if store.one("SELECT id FROM account WHERE key_label = ? AND id <> ?", label, account_id):
                raise RuleError(f"another account has the key label {label}.", where="key label", code="taken")
            store.run(
                "UPDATE account SET key_label = ?, key_public = ?, key_sealed = ? WHERE id = ?",
                label, public, sealed, account_id,
            )  # fmt: skip
            self._accounts.audit.append("key_made", account_id, now, keyid=entry_keyid(public), label=label)

    def is_held(self, account_id: str) -> bool:
        """Whether the account's key lies here."""
        return self._sealed(account_id) is not None

    def _sealed(self, account_id: str) -> bytes | None:
        row = self._accounts.store.one("SELECT key_sealed FROM account WHERE id = ?", account_id)
        return bytes(row[0]) if row and row[0] is not None else None

    def _open(self, account_id: str, phrase: str) -> bytes:
        """The seed, if the phrase is right."""
        account = self._accounts.account(account_id)
        sealed = self._sealed(account_id)
        if sealed is None:
            hint = "Make one at your account page, or sign on your own machine: concordat ledger sign"
            raise RuleError("no key of yours is held here.", hint=hint, code="no_key")
        head, _, rest = sealed.partition(b"\n")
        raw = json.loads(head)
        cost = Cost(raw["m"], raw["t"], raw["p"])
        with self._accounts.gate.turn():
            key = derive_key(phrase, rest[:SALT_BYTES], cost)
        try:
            return unseal(key, rest[SALT_BYTES:], _owner(account_id, account.key_label))
        except TrustError:
            raise RuleError("the signing phrase is wrong.", code="wrong") from None

    def open_once(self, account_id: str, phrase: str, now: int) -> Ed25519Secret:
        """The key for one signature, by the phrase that acts marked `!` ask each time; it is kept nowhere.

        Raises:
            RuleError: the phrase is wrong (with the attempts left), or no key is held. WaitError: too many failures.
        """
        with Attempt(
            self._accounts.store, self._accounts.secrets, self._accounts.audit, [("phrase", account_id)], now
        ) as attempt:
            try:
                seed = self._open(account_id, phrase)
            except RuleError as error:
                if error.code != "wrong":
                    attempt.good()
                    raise
                attempt.wrong("the signing phrase is wrong.", account=account_id)
            attempt.good()
        self._accounts.audit.append("key_unlocked", account_id, now)
        return Ed25519Secret(seed)

    def unlock(self, account_id: str, session: str, phrase: str, now: int) -> None:
        """Open the key for a session, for 15 minutes or until logout.

        Raises:
            RuleError, WaitError: as `open_once`.
        """
        self.holder.unlock(session, self.open_once(account_id, phrase, now).seed, now)

    def signing_key(self, account_id: str, session: str, now: int) -> SigningKey:
        """The unlocked key of a session.

        Raises:
            RuleError: it is locked, or there is none.
        """
        account = self._accounts.account(account_id)
        if account.key_public is None:
            raise RuleError("you have no key yet.", hint="Make one at your account page.", code="no_key")
        return self.holder.key(session, account.key_public, now)

    def is_phrase(self, account_id: str, text: str) -> bool:
        """Whether a text is the account's signing phrase: the password must not become it."""
        if not self.is_held(account_id):
            return False
        try:
            self._open(account_id, text)
        except RuleError:
            return False
        return True


def _owner(account_id: str, label: str) -> str:
    return f"concordat person key v1 {account_id} {label}"


def _no_label() -> str:
    raise InputError("the account has no key label.", hint="Give one: --key-label del-04", code="label")


# --- The membership file ----------------------------------------------------------------------------------------------


def person_request(bloc: str, member: str, label: str, public: bytes, may: Sequence[str] = MAY) -> bytes:
    """The file that asks the member's root signers to certify a key: `concordat node renew --person FILE`."""
    strange = sorted(set(may) - set(SCOPES))
    if strange or not may:
        raise InputError(f"a person signs for {', '.join(SCOPES)}.", where="may", code="may")
    check_public(public)
    person = {"key": base64.b64encode(public).decode(), "label": check_label(label), "may": sorted(set(may))}
    text = json.dumps({"bloc": bloc, "member": member, "person": person, "v": 1}, indent=1, sort_keys=True)
    return text.encode() + b"\n"


def read_request(data: bytes, where: str) -> tuple[str, str, dict[str, Any]]:
    """(bloc, member, person) of a request.

    Raises:
        InputError: not such a file. TrustError: a weak key.
    """
    try:
        raw = json.loads(data)
        person = raw["person"]
        found = str(raw["bloc"]), str(raw["member"]), {k: person[k] for k in ("key", "label", "may")}
        public = base64.b64decode(person["key"], validate=True)
        again = person_request(found[0], found[1], person["label"], public, person["may"])
    except InputError as error:
        error.where = f"{where}, {error.where}"
        raise
    except (ValueError, KeyError, TypeError, RecursionError):
        hint = "Ask for the file that concordat node account request wrote."
        raise InputError("not a request for a person's key.", where=where, hint=hint, code="request") from None
    if json.loads(again) != raw:
        raise InputError("not a request for a person's key: something is added.", where=where, code="request")
    return found


def require_certified(last: Membership, member: str, label: str, public: bytes, scope: str) -> None:
    """The newest membership file lists a key for a label, for entries of a scope.

    Raises:
        RuleError: not yet, another key, or another scope.
    """
    known = next((p for p in last.member(member).persons if p.label == label), None)
    if known is None or known.public != public:
        what = f"the key {entry_keyid(public)} is not in membership version {last.version} as {label}."
        hint = "It waits for the root signatures: concordat node renew --person, then node sign and node adopt."
        raise RuleError(what, hint=hint, code="not_certified")
    if known.end is not None:
        raise RuleError(f"the key {label} ends at {known.end}.", hint="Ask for a new key.", code="revoked")
    if scope.partition(":")[0] not in known.may and scope not in known.may:
        raise RuleError(f"the key {label} may not sign for {scope}: {', '.join(known.may)}.", code="may")


# --- Away -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Draft:
    """An unsigned payload, read: what would be signed, in its parts."""

    payload: bytes
    fields: dict[str, Any]

    def sentence(self) -> str:
        """What is signed, in words."""
        f = self.fields
        return f"{f['author']} {f['person']} says {f['type']}, entry {f['seq']:,} of {f['bloc']}, scope {f['scope']}."


def read_draft(data: bytes, where: str = "draft") -> Draft:
    """Read the file of an unsigned payload, as strictly as an entry.

    Raises:
        InputError: not the exact bytes of a payload that keeps the rules.
    """
    probe = sign_envelope(ENTRY_TYPE, data, [(ED25519_LOG, Ed25519Secret(bytes(32)))])
    entry = Entry.parse(probe.to_bytes(), where)  # reads and checks every field; the probe's signature is thrown away
    fields: dict[str, Any] = canonical.loads(entry.payload, exact=True)
    return Draft(data, fields)


def sign_draft(draft: Draft, secret: Ed25519Secret) -> bytes:
    """The signed envelope of a draft, on the signer's own machine."""
    return sign_envelope(ENTRY_TYPE, draft.payload, [(ED25519_LOG, secret)]).to_bytes()


def make_key_file(path: Path, passphrase: str) -> bytes:
    """Make a key on one's own machine: a file like the node's, 0600, sealed if there is a passphrase; the public key.

    Raises:
        StateError: there is a file already, or it can't be written.
    """
    if path.exists():
        raise StateError("there is a file already.", where=str(path), hint="Choose another name.", code="exists")
    seed = secrets.token_bytes(32)
    write_private(path, key_file({"ed25519": seed}, passphrase))
    return Ed25519Secret(seed).public


def forbid_core_dumps() -> None:
    """No core file of this process: unlocked keys lie in its memory."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
