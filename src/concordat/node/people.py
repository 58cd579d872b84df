"""The people of a node, joined: store, secrets, accounts, keys, acts, opinions and audit, for the server and its pages.

    people = People.open(home, log)
    account, cookie, session = people.logins.login("maria", password, code, now)
    grant = authorise(account.person(), "cast", Target("BRA", "BRA"))
    key = people.keys.open_once(account.id, phrase, now)
    receipt = people.acts.submit(act, account.id, Said("BallotCast", body), fields, now, person="del-04", key=key)

`tick` does what time brings: batches of opinions, the signed head of the audit chain, what is to be forgotten. Without
a log (the operator's commands beside a running server) everything works but what needs one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from concordat.errors import ConcordatError, RuleError, StateError, TrustError
from concordat.ledger.entry import Entry
from concordat.ledger.note import Checkpoint
from concordat.ledger.shelf import MemberLog
from concordat.node.accounts import Accounts, member_words
from concordat.node.acts import Acts, Fields, StaleError, act_beside
from concordat.node.audit_log import HEAD_SCOPE, HEAD_TYPE, AuditHead, AuditLog, head_due
from concordat.node.authorise import authorise_entry
from concordat.node.csrf import check_form_token, check_origin
from concordat.node.home import Node
from concordat.node.identity import read_floor, read_identity
from concordat.node.login import Logins
from concordat.node.opinions import Opinions
from concordat.node.own_log import OwnLog, Recorded, Said
from concordat.node.passwords import COST, Cost
from concordat.node.people_store import PeopleStore
from concordat.node.person_keys import KeyHolder, PersonKeys
from concordat.node.secret import PeopleSecrets
from concordat.node.stores import SQLITE, open_people

if TYPE_CHECKING:
    from concordat.node.passkeys import Passkeys

RETENTION: Mapping[str, int] = {"drafts_days": 30, "sessions_days": 30, "audit_years": 10}
FORGET_EVERY_S = 3_600


@dataclass(slots=True)
class People:
    """Everything a node knows of its people; `log`, `acts` and `opinions` are None without a log."""

    store: PeopleStore
    secrets: PeopleSecrets
    accounts: Accounts
    logins: Logins
    keys: PersonKeys
    audit: AuditLog
    log: OwnLog | None
    acts: Acts | None
    opinions: Opinions | None
    retention: Mapping[str, int]
    _signed: tuple[AuditHead | None, int] = (None, 0)
    _heads: list[AuditHead] = field(default_factory=list)  # all that the log names
    _read: int = 0
    _forgot: int = 0

    @classmethod
    def open(
        cls, home: Path, log: OwnLog | None = None, *, create: bool = True, cost: Cost | None = None,
        holder: KeyHolder | None = None, retention: Mapping[str, int] = RETENTION, database: str = SQLITE,
    ) -> People:  # fmt: skip
        """The people of the node in a folder.

        Args:
            log: the member's log, if it is open. cost: of a hash; tests take less. holder: where unlocked keys lie.
            database: where its store is, as in the settings.

        Raises:
            StateError: no node there, or a file that is damaged or open to others.
        """
        identity = read_identity(home)
        store = open_people(home, database, create=create)
        secrets = PeopleSecrets.open(home)
        words = member_words(identity.bloc, identity.member, identity.host)
        accounts = Accounts(store, secrets, identity.member, words, cost or COST)
        acts = Acts(store, log) if log is not None else None
        opinions = Opinions(store, secrets, acts) if acts is not None else None
        keys = PersonKeys(accounts, holder)
        return cls(store, secrets, accounts, Logins(accounts), keys, accounts.audit, log, acts, opinions, retention)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def passkeys(self, public_url: str) -> Passkeys:
        """The passkeys of these people at an address (extra [passkeys])."""
        from concordat.node.passkeys import Passkeys

        return Passkeys(self.accounts, public_url)

    @staticmethod
    def check_form(cookie: str, written: str, headers: Mapping[str, str], public_origin: str) -> None:
        """A form that was sent comes from a page of ours, in this browser.

        Args:
            cookie: the value it came with. written: the token in it (`csrf.form_token` prints it). headers: in small
                letters. public_origin: scheme, host and port of the node.

        Raises:
            RuleError: it does not.
        """
        check_origin(headers, public_origin)
        check_form_token(cookie, written)

    def check_entry(self, entry: Entry, now: int = 0) -> None:
        """Whether an envelope may enter the member's log here: what `POST /entries` asks before it takes one.

        A node without accounts (a bare peer) knows no roles: there the membership file alone decides.

        Raises:
            RuleError: another member's, of a label that no account has or whose account the operator locked, or of a
                type its roles don't write.
        """
        accounts = self.accounts.all()
        if not accounts:
            return
        persons = [account.person() for account in accounts]
        authorise_entry(persons, entry.author, entry.person, entry.type, self.accounts.member)
        if any(account.key_label == entry.person and account.locked_until > now for account in accounts):
            raise RuleError("this account is locked by the operator.", where=entry.person, code="locked")

    def keep_after_end(
        self, value: str, act: str, type: str, fields: Fields, now: int, *, version: str = ""  # noqa: A002
    ) -> str:  # fmt: skip
        """Keep a form that came after its session had ended, as a draft of whose session it was: under which act.

        Nothing else is done in that person's name, and nothing is shown: after the login the draft is there.

        Args:
            value: of the cookie that came with the form. act, type, fields, version: as `Acts.save`; a draft that was
                changed since is left as it is, and this one is kept beside it.

        Returns:
            The act; empty: nobody's session, and nothing is kept.

        Raises:
            InputError, RuleError: it can't be kept.
        """
        owner = self.accounts.sessions.was(value)
        if not owner or self.acts is None:
            return ""
        try:
            self.acts.save(act, owner, type, fields, now, version=version)
        except StaleError:
            act = act_beside(act, fields)  # sent again, it is the same one
            self.acts.save(act, owner, type, fields, now)
        return act

    def logout(self, value: str, now: int) -> None:
        """End the session of a cookie, and lock its key."""
        from concordat.node.secret import token_hash

        self.lock_keys([token_hash(value)])
        self.logins.logout(value, now)

    def lock_keys(self, ended: Iterable[str]) -> None:
        """Lock the keys that sessions had unlocked which have ended.

        An agent that does not answer keeps nobody from coming or going: without its session a key opens nothing, and
        15 minutes end it.
        """
        with suppress(StateError):
            for handle in ended:
                self.keys.holder.forget(handle)

    def tick(self, now: int) -> list[ConcordatError]:
        """What time brings; what failed, for the log of the server. Each part goes on when another fails."""
        faults: list[ConcordatError] = []
        for part in (self._flush, self.sign_audit_head, self._forget):
            try:
                part(now)
            except ConcordatError as error:
                faults.append(error)
        return faults

    def _flush(self, now: int) -> None:
        if self.opinions is not None:
            closing = self.log.closing(now) if self.log is not None else ()
            self.opinions.flush(now, closing=closing)

    def sign_audit_head(self, now: int, *, due_only: bool = True) -> Recorded | None:
        """Sign the newest hash of the audit chain into the member's log, once an hour if there is news."""
        if self.log is None or self.acts is None:
            return None
        signed, at = self._last_signed()
        head = self.audit.head()
        if due_only and not (head_due(head, signed, at, now) and self.acts.quiet(now)):
            return None
        if signed is not None and signed.count == head.count:
            return None
        found = self.log.write(Said(HEAD_TYPE, head.body(), HEAD_SCOPE), "node", None)
        self._signed = (head, now)
        return found

    def _last_signed(self) -> tuple[AuditHead | None, int]:
        """The newest signed head and when, read from the log once and then only where it grew."""
        assert self.log is not None
        size = self.log.size  # before they are read: what comes in between is looked at twice
        for entry in self.log.of_type(HEAD_TYPE, self._read):
            if head := audit_head(entry):
                self._heads.append(head)
                if entry.person == "node":
                    self._signed = (head, _seconds(entry.ts))
        self._read = size
        return self._signed

    def _forget(self, now: int) -> None:
        if now - self._forgot < FORGET_EVERY_S:
            return
        self._forgot = now
        self.accounts.forget(now, self.retention["sessions_days"])
        if self.acts is not None:
            self.acts.forget(now, self.retention["drafts_days"])
        if self.log is not None:
            self._last_signed()
            self.audit.erase_before(self._heads, now - self.retention["audit_years"] * 366 * 86_400, now)


def audit_head(entry: Entry) -> AuditHead | None:
    """The head that an entry names; None if its body is of another form."""
    count, digest = entry.body.get("count"), entry.body.get("hash")
    if type(count) is int and count > 0 and isinstance(digest, str) and len(digest) == 64:
        return AuditHead(count, digest)
    return None


def signed_heads(node: Node) -> Iterator[AuditHead]:
    """Every head of the audit chain in the member's own log, after the log itself was verified.

    Raises:
        TrustError: an entry that is not the member's, a head that is not of these entries, or a log that is shorter
            than the keys remember.
    """
    own = node.replica.own
    fresh = MemberLog(own.origin, own.owner)
    for entry in fresh.read(0, list(node.store.entries(own.origin)), node.chain):
        fresh.append(entry)
    if own.head is not None:
        ring = node.chain.last_with(own.owner).member_ring(own.owner)
        signed = Checkpoint.parse(str(own.head), ring.keys, own.origin).checkpoint
        if signed.size > fresh.size or fresh.tree.root(signed.size) != signed.root:
            raise TrustError("the signed head is not of these entries.", where=own.origin, code="head")
    remembered = read_floor(node.home).heads.get(("log", own.origin), (0, b""))[0]
    if remembered > fresh.size:
        what = f"{fresh.size:,} entries here; the keys have signed {remembered:,}."
        raise TrustError(what, where=own.origin, hint="Fetch the rest: concordat node sync --recover", code="head")
    for entry in fresh.entries:
        if entry.type == HEAD_TYPE and entry.person == "node" and (head := audit_head(entry)):
            yield head


def _seconds(ts: str) -> int:
    from datetime import datetime

    return int(datetime.fromisoformat(ts.replace("Z", "+00:00")).timestamp())
