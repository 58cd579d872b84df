"""What became of what I sent: an act is one form, sent once or ten times, and ends as exactly one entry or as a draft.

A form carries an act id, 128 random bits made when it was shown. What is sent is kept as a draft first, in the store of
people; then the entry is written, then its receipt. Sending again under the same id gives the same receipt. A crash
between any two steps is healed by looking into the own log: before the write the act notes how long the log is and what
it will say, so that afterwards the entry is found (it says the same, by the same person, behind that place, and no
other act has claimed it) or is not there, and may be written. Nothing signed is stored here before it is in the log.

States: *draft* (kept, with the reason if it could not be said), *unsigned* (its payload was handed out to be signed
away), then as the ledger has it: *recorded*, *taken up*, *final*, *refused*. The payload that is handed out holds the
log's next number. If another entry takes that number first, the draft is stale and a new payload is given: the old
file, if it was signed, must be destroyed, since two signatures under one number prove a fork. Entries that the node
writes by itself wait 15 minutes for such a draft; people do not.

Times are passed in. Source: node-web.md 3.2 and 3.4.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from concordat import canonical
from concordat.errors import ConcordatError, InputError, RuleError
from concordat.ledger.entry import Entry
from concordat.ledger.tiles import ENTRY_BYTES_MAX
from concordat.node.own_log import OwnLog, Recorded, Said, Standing
from concordat.node.people_store import PeopleStore
from concordat.node.person_keys import SigningKey

ACT_BYTES = 16
AWAY_S = 15 * 60  # how long automatic entries leave the next number to a draft that is being signed away
DRAFTS_MAX = 200  # of one owner
FIELDS_BYTES_MAX = 256_000
KEPT_DAYS = 30
Fields = Mapping[str, Sequence[str]]
_ACT = re.compile(r"[0-9a-f]{32}")
_COLUMNS = (
    "act, owner, type, scope, person, state, fields, version, problem, content, base, payload, entry, idx, recorded,"
    " created, changed"
)


class StaleError(RuleError):
    """Somebody else changed the draft since this form was shown: both texts, to choose from."""

    def __init__(self, stored: Fields, version: str, sent: Fields) -> None:
        super().__init__("this draft was changed elsewhere.", hint="Compare both and send again.", code="stale")
        self.stored, self.version, self.sent = stored, version, sent


@dataclass(frozen=True, slots=True)
class Receipt:
    """That an act is an entry: which, where, since when (seconds; this node's clock)."""

    act: str
    entry: str
    origin: str
    index: int
    recorded: int


@dataclass(frozen=True, slots=True)
class ActView:
    """What `/act/<act>` tells.

    Attributes:
        state: `draft`, `unsigned`, `recorded`, `taken_up`, `final` or `refused`. type: of the entry. fields: as sent.
        version: of the fields. problem: why it could not be said (`ConcordatError.as_dict`), or empty.
        receipt, standing: once it is an entry.
    """

    act: str
    owner: str
    state: str
    type: str
    fields: Fields
    version: str
    problem: Mapping[str, Any]
    receipt: Receipt | None
    standing: Standing | None
    changed: int


@dataclass(frozen=True, slots=True)
class _Stored:
    """A row."""

    act: str
    owner: str
    type: str
    scope: str
    person: str
    state: str
    fields: str
    version: str
    problem: str
    content: str
    base: int
    payload: bytes | None
    entry: str
    idx: int
    recorded: int
    created: int
    changed: int


def new_act() -> str:
    """A fresh act id for a form."""
    return secrets.token_hex(ACT_BYTES)


def act_beside(act: str, fields: Fields) -> str:
    """The act under which a text is kept that can't take the place of what an act holds already."""
    return hashlib.sha256(f"{act} beside {version_of(fields)}".encode()).hexdigest()[: 2 * ACT_BYTES]


def version_of(fields: Fields) -> str:
    """The version that a form carries of the fields it was filled with."""
    return hashlib.sha256(_fields_text(fields).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Acts:
    """All acts of a node.

    Args:
        store: where drafts and receipts are kept. log: the member's log.
    """

    def __init__(self, store: PeopleStore, log: OwnLog) -> None:
        self._store, self._log = store, log

    # --- Drafts -------------------------------------------------------------------------------------------------------

    def save(
        self, act: str, owner: str, type: str, fields: Fields, now: int, *, version: str = "", problem: str = ""  # noqa: A002
    ) -> ActView:  # fmt: skip
        """Keep what a form holds; an entry that was written is left as it is.

        Args:
            owner: account id, or `visitor:<pseudonym>`. type: of the entry it is to become. fields: as sent.
            version: of what the form was filled with, if it was: a draft that changed since is not overwritten.

        Raises:
            InputError: no act id, or too much. StaleError: changed elsewhere. RuleError: too many drafts.
        """
        text = _fields_text(fields)
        if len(text) > FIELDS_BYTES_MAX:
            raise InputError(
                f"over {FIELDS_BYTES_MAX:,} characters.", where="form", hint="Attach it.", code="too_large"
            )
        with self._store.alone(), self._store.commit():
            stored = self._settled(self._row(act, owner, missing_ok=True))
            if stored is None:
                self._require_room(owner)
                self._store.run(
                    f"INSERT INTO act ({_COLUMNS}) VALUES"
                    " (?, ?, ?, '', '', 'draft', ?, ?, ?, '', 0, NULL, '', -1, 0, ?, ?)",
                    _checked(act), owner, type, text, version_of(fields), problem, now, now,
                )  # fmt: skip
            elif stored.state in ("draft", "unsigned"):
                if version and version != stored.version and stored.fields != text:
                    raise StaleError(json.loads(stored.fields), stored.version, fields)
                self._store.run(
                    "UPDATE act SET state = 'draft', type = ?, fields = ?, version = ?, problem = ?, payload = NULL,"
                    " changed = ? WHERE act = ?",
                    type, text, version_of(fields), problem, now, act,
                )  # fmt: skip
        return self.look(act, owner)

    def _require_room(self, owner: str) -> None:
        count = self._store.one("SELECT count(*) FROM act WHERE owner = ? AND state IN ('draft', 'unsigned')", owner)
        if count[0] >= DRAFTS_MAX:
            hint = "Send or drop some of them first."
            raise RuleError(f"{DRAFTS_MAX} drafts are kept for you already.", hint=hint, code="too_many")

    def drop(self, act: str, owner: str) -> None:
        """Erase a draft."""
        with self._store.alone(), self._store.commit():
            stored = self._settled(self._row(act, owner))
            assert stored is not None
            if stored.state not in ("draft", "unsigned"):
                raise RuleError("this act is an entry, and entries stay.", code="recorded")
            self._store.run("DELETE FROM act WHERE act = ?", act)

    def hand_over(self, act: str, owner: str, to: str, now: int) -> None:
        """Give a draft to somebody else: what a secretary prepared becomes the delegate's, to change, sign or drop.

        Args:
            to: account id; that it is a colleague of the same member is asked before (`authorise`, act `prepare`).

        Raises:
            InputError: no such act of the owner's. RuleError: it is an entry, or the other has too many drafts.
        """
        with self._store.alone(), self._store.commit():
            stored = self._settled(self._row(act, owner))
            assert stored is not None
            if stored.state not in ("draft", "unsigned"):
                raise RuleError("this act is an entry, and entries stay.", code="recorded")
            self._require_room(to)
            self._store.run(
                "UPDATE act SET owner = ?, state = 'draft', payload = NULL, changed = ? WHERE act = ?", to, now, act
            )  # fmt: skip

    # --- Sending ------------------------------------------------------------------------------------------------------

    def submit(
        self, act: str, owner: str, said: Said, fields: Fields, now: int, *, person: str, key: SigningKey | None,
        version: str = "",
    ) -> Receipt:  # fmt: skip
        """Draft, entry, receipt: the first time all three, every other time the same receipt.

        Args:
            owner, fields, version: as `save`. said: what the form comes to. person, key: whose key signs; `node` and
                None for the node's own (hosted opinions).

        Raises:
            StaleError: as `save`. InputError, RuleError: it can't be said: the draft is kept, with the reason.
            RuleError: the act is an entry already, and said something else.
        """
        with self._store.alone():
            content = canonical.dumps(said.value(person)).decode()
            stored = self._row(act, owner, missing_ok=True)
            if stored is not None and stored.state in ("writing", "recorded"):
                receipt = self._healed(stored, now)
                if receipt is not None:
                    return _same(receipt, stored, content)
            self.save(act, owner, said.type, fields, now, version=version)
            with self._keeping_problem(act, now):
                self._log.check(said, person)
                self._intend(act, said, person, content, now)
                found = self._log.write(said, person, key)
            return self._receive(act, found, now)

    def prepare(
        self, act: str, owner: str, said: Said, fields: Fields, now: int, *, person: str, version: str = ""
    ) -> bytes:
        """The exact unsigned payload, to be signed away; the draft waits for the envelope.

        Raises:
            StaleError, InputError, RuleError: as `submit`.
        """
        with self._store.alone():
            stored = self._row(act, owner, missing_ok=True)
            if stored is not None and stored.state in ("writing", "recorded") and self._healed(stored, now):
                raise RuleError("this act is an entry already.", hint=f"See /act/{act}", code="recorded")
            self.save(act, owner, said.type, fields, now, version=version)
            with self._keeping_problem(act, now):
                self._log.check(said, person)
                payload = self._log.payload(said, person, now)
            content = canonical.dumps(said.value(person)).decode()
            self._store.run(
                "UPDATE act SET state = 'unsigned', scope = ?, person = ?, content = ?, base = ?, payload = ?,"
                " changed = ? WHERE act = ?",
                said.scope, person, content, self._log.size, payload, now, act,
            )  # fmt: skip
            return payload

    def upload(self, act: str, owner: str, envelope: bytes, now: int) -> Receipt:
        """Take the envelope of a draft that was signed away; sent again, it gives the same receipt.

        Raises:
            InputError: not an envelope, or not of this draft byte for byte. TrustError: another key. RuleError: nothing
                waits for one, or the log has gone on: a new payload must be signed, and this file destroyed.
        """
        with self._store.alone():
            stored = self._row(act, owner)
            assert stored is not None
            if len(envelope) > ENTRY_BYTES_MAX:
                raise InputError(f"over {ENTRY_BYTES_MAX:,} bytes.", where="envelope", code="entry_size")
            entry = Entry.parse(envelope, "envelope")
            if stored.state in ("writing", "recorded"):
                receipt = self._healed(stored, now)
                if receipt is not None:
                    if receipt.entry != entry.id:
                        raise RuleError("this act is another entry already.", code="act_used")
                    return receipt
            if stored.payload is None:
                raise RuleError("no draft of this act waits to be signed.", hint="Prepare it again.", code="no_draft")
            _require_same(stored.payload, entry.payload)
            self._log.verify(entry)
            if entry.seq != self._log.size + 1:
                self._store.run("UPDATE act SET state = 'draft', payload = NULL WHERE act = ?", act)
                what = f"entry {entry.seq:,} was written meanwhile by somebody else."
                hint = "Fetch the draft again and sign that; destroy this file: two signatures under one number are"
                raise RuleError(what, hint=f"{hint} held against the member.", code="gone_on")
            self._store.run(
                "UPDATE act SET state = 'writing', entry = ?, changed = ? WHERE act = ?", entry.id, now, act
            )
            with self._keeping_problem(act, now):
                found = self._log.append(envelope)
            return self._receive(act, found, now)

    def quiet(self, now: int) -> bool:
        """Whether the node may write an entry by itself now: nobody is signing the next number away."""
        row = self._store.one(
            "SELECT count(*) FROM act WHERE state = 'unsigned' AND base = ? AND changed > ?",
            self._log.size, now - AWAY_S,
        )  # fmt: skip
        return not row[0]

    def _intend(self, act: str, said: Said, person: str, content: str, now: int) -> None:
        self._store.run(
            "UPDATE act SET state = 'writing', scope = ?, person = ?, content = ?, base = ?, payload = NULL,"
            " problem = '', entry = '', changed = ? WHERE act = ?",
            said.scope, person, content, self._log.size, now, act,
        )  # fmt: skip

    def _receive(self, act: str, found: Recorded, now: int) -> Receipt:
        self._store.run(
            "UPDATE act SET state = 'recorded', entry = ?, idx = ?, recorded = ?, problem = '', payload = NULL,"
            " changed = ? WHERE act = ?",
            found.entry, found.index, now, now, act,
        )  # fmt: skip
        return Receipt(act, found.entry, found.origin, found.index, now)

    def _keeping_problem(self, act: str, now: int) -> _KeepProblem:
        return _KeepProblem(self._store, act, now)

    # --- Healing ------------------------------------------------------------------------------------------------------

    def _healed(self, stored: _Stored, now: int) -> Receipt | None:
        """The receipt of an act that was being written; None if nothing of it reached the log."""
        found = self._found(stored)
        if found is None:
            self._store.run(
                "UPDATE act SET state = 'draft', entry = '' WHERE act = ? AND state = 'writing'", stored.act
            )
            return None
        if stored.state == "recorded":
            return Receipt(stored.act, found.entry, found.origin, found.index, stored.recorded)
        return self._receive(stored.act, found, now)

    def _settled(self, stored: _Stored | None) -> _Stored | None:
        """A row whose writing failed is a draft again, unless its entry is in the log; to be called while alone."""
        if stored is None or stored.state != "writing" or self._found(stored) is not None:
            return stored
        self._store.run("UPDATE act SET state = 'draft', entry = '', payload = NULL WHERE act = ?", stored.act)
        return replace(stored, state="draft", entry="", payload=None)

    def _found(self, stored: _Stored) -> Recorded | None:
        """The entry of an act in the own log; nothing is changed."""
        if stored.entry:
            return self._log.find(stored.entry, stored.idx)
        for found, entry in self._log.since(stored.base):
            said = Said(entry.type, entry.body, entry.scope, entry.refs)
            same = canonical.dumps(said.value(entry.person)).decode() == stored.content
            if same and not self._store.one("SELECT act FROM act WHERE entry = ?", found.entry):
                return found
        return None

    def recover(self, now: int) -> int:
        """After a start: settle every act that was being written when the process ended; how many became entries."""
        with self._store.alone():
            rows = self._store.rows(f"SELECT {_COLUMNS} FROM act WHERE state = 'writing' ORDER BY base, created, act")
            return sum(self._healed(_stored(row), now) is not None for row in rows)

    # --- Looking ------------------------------------------------------------------------------------------------------

    def look(self, act: str, owner: str) -> ActView:
        """What became of an act.

        Raises:
            InputError: no such act, or somebody else's.
        """
        stored = self._row(act, owner)
        assert stored is not None
        found = self._found(stored) if stored.state in ("writing", "recorded") else None
        state, standing, receipt = stored.state, None, None
        if found is not None:
            standing = self._log.standing(found.index)
            receipt = Receipt(act, found.entry, found.origin, found.index, stored.recorded or stored.changed)
            state = standing.state
        elif state == "writing":
            state = "draft"
        problem = json.loads(stored.problem) if stored.problem else {}
        fields: Fields = json.loads(stored.fields)
        return ActView(
            act, owner, state, stored.type, fields, stored.version, problem, receipt, standing, stored.changed
        )

    def draft_file(self, act: str, owner: str) -> bytes:
        """The payload that waits to be signed away, once more.

        Raises:
            InputError: no such act. RuleError: nothing waits.
        """
        stored = self._row(act, owner)
        assert stored is not None
        if stored.payload is None or stored.base != self._log.size:
            raise RuleError("no draft of this act waits to be signed.", hint="Prepare it again.", code="no_draft")
        return stored.payload

    def of(self, owner: str, limit: int = 100) -> list[ActView]:
        """The newest acts of a person, newest first."""
        rows = self._store.rows(
            "SELECT act FROM act WHERE owner = ? ORDER BY changed DESC, act LIMIT ?", owner, limit
        )  # fmt: skip
        return [self.look(row[0], owner) for row in rows]

    def forget(self, now: int, days: int = KEPT_DAYS) -> int:
        """Erase drafts that nobody touched for that long; how many. Receipts stay."""
        return self._store.run(
            "DELETE FROM act WHERE state IN ('draft', 'unsigned') AND changed < ?", now - 86_400 * days
        )  # fmt: skip

    def _row(self, act: str, owner: str, *, missing_ok: bool = False) -> _Stored | None:
        row = self._store.one(f"SELECT {_COLUMNS} FROM act WHERE act = ?", _checked(act))
        if not row and missing_ok:
            return None
        if not row or row[1] != owner:  # the same words for both: nobody learns what others have
            raise InputError("there is no such act of yours.", where=act[:40], code="unknown_act")
        return _stored(row)


class _KeepProblem:
    """Keeps with the draft why it could not be said. What may have reached the log stays `writing`, to be healed."""

    def __init__(self, store: PeopleStore, act: str, now: int) -> None:
        self._store, self._act, self._now = store, act, now

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        if isinstance(error, ConcordatError):
            problem = json.dumps(error.as_dict(), sort_keys=True)
            self._store.run(
                "UPDATE act SET problem = ?, changed = ? WHERE act = ?", problem, self._now, self._act
            )  # fmt: skip


def _same(receipt: Receipt, stored: _Stored, content: str) -> Receipt:
    """The receipt, if what is sent again is what was written.

    Raises:
        RuleError: something else.
    """
    if stored.content != content:
        what = "this form was sent before, with other words, and is an entry."
        raise RuleError(what, hint=f"See /act/{stored.act}; open a new form for something else.", code="act_used")
    return receipt


def _require_same(draft: bytes, signed: bytes) -> None:
    """The signed payload is the draft's, byte for byte.

    Raises:
        InputError: it is not, and the first field that differs.
    """
    if draft == signed:
        return
    ours, theirs = canonical.loads(draft), canonical.loads(signed)
    odd = next((key for key in sorted(ours) if ours[key] != theirs.get(key)), "")
    what = f"the signed file is not this draft: {odd or 'its bytes'} differs."
    raise InputError(what, where="envelope", hint="Sign the file that this page gives.", code="other_draft")


def _checked(act: str) -> str:
    if not _ACT.fullmatch(act):
        raise InputError("an act id has 32 hexadecimal digits.", where=act[:40], code="unknown_act")
    return act


def _fields_text(fields: Fields) -> str:
    return json.dumps({key: list(values) for key, values in fields.items()}, sort_keys=True)


def _stored(row: tuple[Any, ...]) -> _Stored:
    values = list(row)
    values[11] = None if values[11] is None else bytes(values[11])
    return _Stored(*values)
