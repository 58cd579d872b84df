"""One member's node in one folder: keys, store and replica joined, so that nothing is sent before it is durable.

The order of one step is: entries and tiles to the disk, then what the keys remember, then the signature, then the head;
only then is anything published. A crash between any two leaves a node that goes on: an entry without a head stands
under the next one, a head without its entry can't exist. A lock keeps a second process out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from concordat import canonical, clock
from concordat.errors import StateError
from concordat.ledger.council_log import Certificate, stored_time
from concordat.ledger.entry import Entry
from concordat.ledger.keys import Ed25519Secret
from concordat.ledger.leaves import LeafStore
from concordat.ledger.membership import MembershipChain
from concordat.ledger.merkle import MemoryHashes, leaf_hash
from concordat.ledger.messages import Message, Out
from concordat.ledger.misconduct import Misconduct
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.replica import Replica
from concordat.ledger.shelf import MemberLog, not_of_head
from concordat.ledger.signer import Signer
from concordat.ledger.views import ViewVote
from concordat.node.beside import Beside, Damage
from concordat.node.council_disk import not_of_heads, read_council
from concordat.node.found import pinned_hash
from concordat.node.identity import Identity, check_owner, locked, read_identity, read_signer, save_floor
from concordat.node.noted import NotedFiles
from concordat.node.recovery_mark import clear_mark, read_mark
from concordat.node.store import ROWS_AT_ONCE, Store
from concordat.node.stores import SQLITE, leaves_of, open_log
from concordat.node.verify_pool import PreparedChain

T = TypeVar("T")
ASIDE = "This log is set aside: nothing here says that it is whole. What this node says itself goes on."


class Same:
    """An object that equals itself alone, whatever it holds."""

    __slots__ = ("_it",)

    def __init__(self, it: object) -> None:
        self._it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self._it is other._it

    def __hash__(self) -> int:
        return id(self._it)


class Node:
    """A member's node, opened.

    Args:
        home: its folder. passphrase: of its key files, if they are sealed. database: where its log is, as in the
            settings. wait_s: how long to wait for a writer in PostgreSQL that has just died.

    Raises:
        StateError: no node there, another process holds it, or its files are damaged. TrustError: its log is.
    """

    def __init__(self, home: Path, passphrase: str = "", database: str = SQLITE, *, wait_s: float = 0.0) -> None:
        self.home, self.database, self._wait_s = home, database, wait_s
        self.identity: Identity = read_identity(home)
        self._lock = self._hold()
        try:
            self._open(passphrase)
        except BaseException:
            self.close()
            raise

    def _open(self, passphrase: str) -> None:
        home = self.home
        self.store = self._open_store()
        self.signer = self._read_signer(passphrase)
        self._saved_logs: dict[str, tuple[int, object]] = {}
        self._saved_heads: dict[str, str] = {}
        self._saved: set[str] = set()
        self._deferred = False
        self._floor: dict[str, Any] = {}
        self._saved_waiting = ""
        self.seen: set[bytes] = set()
        self._saved_open: dict[str, Note] = {}
        files = self.store.papers("membership")
        ordered = [files[key] for key in sorted(files, key=int)]
        if not ordered:
            hint = "Make or adopt one: concordat node found, concordat node adopt"
            raise StateError("this node has no membership file yet.", where=str(home), hint=hint, code="no_membership")
        self.chain = PreparedChain(MembershipChain.verify(ordered, pinned_hash(home)).versions)
        check_owner(self.identity, self.chain.last.bloc)
        self.replica = Replica(self.signer, self.chain)
        self._leaves, self.damage, self._noted = self._leaf_store(), Damage(), self._noted_files()
        self._load()
        self.signer._save = self._keep
        self.mark = read_mark(home)
        held = str(self.mark.refuse()) if self.mark else self.damage.words
        self.signer.held = held  # before the keys remember anything new
        if self.mark is None:
            self.signer.promise(self.replica.view)  # a view that stands on the disk is promised, also after a crash
        self._opened = True

    def _hold(self) -> int:
        """The lock that keeps a second process out; who only looks on (`onlooker`) takes none."""
        return locked(self.home)

    def _open_store(self) -> Store:
        return open_log(self.home, self.database, origin=self.identity.name("log"), wait_s=self._wait_s)

    def _leaf_store(self) -> LeafStore:
        """Where the entries are that need not be in memory."""
        return leaves_of(self.store)

    def _noted_files(self) -> NotedFiles | None:
        """What was noted of long logs; None for who has no keys to know it again."""
        return NotedFiles(self.home, self.signer, ROWS_AT_ONCE)

    def _read_signer(self, passphrase: str) -> Signer:
        return read_signer(self.home, self.identity, passphrase)

    def recovered(self) -> None:
        """What the others know of this node's log is here: it may sign again."""
        clear_mark(self.home)
        self.mark = None
        self.signer.held = self.damage.words
        self.signer.promise(self.replica.view)

    def close(self) -> None:
        """Give the folder back."""
        if getattr(self, "_opened", False):
            self._opened = False
            self.note()
        leaves = getattr(self, "_leaves", None)
        if isinstance(leaves, Beside):
            leaves.close()
        if hasattr(self, "store"):
            self.store.close()
        lock, self._lock = self._lock, -1  # the number may be another file's by the second time
        if lock >= 0:
            os.close(lock)

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def now(self) -> int:
        """The clock, in seconds since 1970."""
        return int(clock.now().timestamp())

    # --- Steps --------------------------------------------------------------------------------------------------------

    def write(
        self,
        type: str,  # noqa: A002 - the field's name in the format
        body: Mapping[str, Any],
        scope: str,
        *,
        person: str = "node",
        secret: Ed25519Secret | None = None,
        refs: Sequence[str] = (),
    ) -> tuple[Entry, Out]:
        """Write an entry; it is durable and its head signed when this returns.

        Raises:
            InputError: what breaks the format. RuleError: the membership has expired. StateError: the node is
                recovering, its clock is wrong, or the disk refuses.
        """
        self._require_writable()
        entry, out = self._step(
            lambda: self.replica.write(type, body, scope, self.now, person=person, secret=secret, refs=refs)
        )
        return entry, out

    def write_all(self, said: Sequence[tuple[str, Mapping[str, Any], str]]) -> tuple[list[Entry], Out]:
        """As `write`, many at once under one head: type, body and scope of each, said by the node."""
        self._require_writable()
        return self._step(lambda: self.replica.write_all(said, self.now))

    def append(self, leaf: bytes) -> tuple[Entry, Out]:
        """Take an envelope that one of this member's people signed elsewhere; durable when this returns.

        Raises:
            InputError, TrustError: it may not stand here next. RuleError: the membership has expired.
        """
        self._require_writable()
        return self._step(lambda: self.replica.append(leaf, self.now))

    def take_up(self, entries: Sequence[Entry]) -> Out:
        """As `append`, many at once under one head."""
        self._require_writable()
        return self._step(lambda: self.replica.take_up(entries, self.now))

    def _require_writable(self) -> None:
        if self.mark is not None:
            raise self.mark.refuse()
        if self.now <= 0:
            raise StateError(f"this clock says {clock.now():%Y}.", where="clock", hint="Set the clock.", code="clock")
        self.chain.last.require_in_force(clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"))

    def handle(self, sender: str, message: Message) -> Out:
        """Take a message of another member."""
        return self._step(lambda: self.replica.handle(sender, message, self.now))

    def tick(self) -> Out:
        """Time has passed."""
        return self._step(lambda: self.replica.tick(self.now))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Many steps made durable at once: nothing of them may be published before the block ends."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        self._save_entries()  # what is signed, then what the keys remember of it, and only then the signatures
        self._save_floor(self.signer.floor)
        self._save()

    def stand(self) -> tuple[object, ...]:
        """What of the replica goes to the disk, told apart by which objects there are: equal if a step changed nothing.

        The objects are in it, so that none of them can be taken for a later one at the same address.
        """
        r, floor = self.replica, self.signer.floor
        logs = [(log, log.size, log.head, len(log.submitted), log.disowned) for log in r.shelf.logs.values()]
        logs += [(log, log.size, r.heads.get(view), 0, log.cut) for view, log in r.councils.items()]
        some = [r.open_council, r.highest, *r.open.values()]
        return (
            tuple((Same(log), size, Same(head), *more) for log, size, head, *more in logs), tuple(map(Same, some)),
            (*r.open, r.view, r.since, r.final(), len(r.certificates), len(r.shelf.notes), len(r.accusations)),
            tuple((view, len(by)) for view, by in r.votes.items()), tuple(floor.heads.items()), floor.promised,
            tuple(floor.times.items()),
        )  # fmt: skip

    def _step(self, action: Callable[[], T]) -> T:
        try:
            result = action()
        except StateError:
            if self.store.broken:  # what is in memory was not written: only the disk counts
                self.replica.refusals.clear()
            raise
        if not self._deferred:
            self._save()
        return result

    def _keep(self, floor: Any) -> None:
        """Before a signature leaves: what it is about, then what the keys remember."""
        if self.mark is not None:
            raise self.mark.refuse()
        if self._deferred:
            return
        self._save()
        self._save_floor(floor)

    def _save_floor(self, floor: Any) -> None:
        data = floor.as_json()
        if data != self._floor:
            save_floor(self.home, floor)
            self._floor = data

    # --- Disk ---------------------------------------------------------------------------------------------------------

    def _save_entries(self) -> None:
        """Write the entries that are new since the last time, and notes that batches name; no head of this node.

        A note or an entry may hold a cosignature of ours. It is of a log whose entries stand here in the same commit,
        so the keys can't come to contradict it, even if their memory of it is lost.
        """
        with self.store.commit():
            for origin, log in self.replica.shelf.logs.items():
                self._save_log(origin, log, log.entries.leaves[self._known(origin, log) :])
            for council in self.replica.councils.values():
                self._save_log(council.origin, council, council.leaves[self._known(council.origin, council) :])
            self._save_notes()

    def _save(self) -> None:
        """Write what is new since the last time, in one commit."""
        with self.store.commit():
            self._save_entries()
            for origin, log in self.replica.shelf.logs.items():
                if log.head is not None:
                    self._save_head(origin, log.head)
            for view, council in self.replica.councils.items():
                if view in self.replica.heads:
                    self._save_head(council.origin, self.replica.heads[view])
            self._save_papers()
        self._settle()

    def _known(self, origin: str, log: object) -> int:
        size, saved = self._saved_logs.get(origin, (0, log))
        return size if saved is log else 0

    def _save_log(self, origin: str, log: object, leaves: Sequence[bytes]) -> None:
        size, saved = self._saved_logs.get(origin, (0, log))
        rows = [(leaf_hash(leaf), leaf) for leaf in leaves]
        if saved is not log and size:
            self.store.replace(origin, rows)
            self._saved_heads.pop(origin, None)
            size = 0
        elif rows:
            self.store.append(origin, rows)
        self._saved_logs[origin] = (size + len(rows), log)

    def _save_head(self, origin: str, note: Note) -> None:
        text = str(note)
        if self._saved_heads.get(origin) != text:
            self.store.put_head(origin, Checkpoint.parse_text(note.text).size, text)
            self._saved_heads[origin] = text

    def _save_notes(self) -> None:
        # What is new stands at the end: a commit costs what it adds, however long the record is.
        fresh = list(takewhile(lambda digest: digest not in self._saved, reversed(self.replica.shelf.notes)))
        self.store.put_notes(self.replica.shelf.notes[digest] for digest in reversed(fresh))
        self._saved.update(fresh)

    def _save_papers(self) -> None:
        papers: list[tuple[str, str, bytes]] = []
        for (view, size), certificate in reversed(self.replica.certificates.items()):
            key = f"{view}/{size}"
            if f"certificate {key}" in self._saved:
                break  # all that were learned before it are saved as well, here or in the batches that carry them
            papers.append(("certificate", key, canonical.dumps(certificate.body())))
        for view, by in self.replica.votes.items():
            papers += [("vote", f"{view}/{m}", v.data) for m, v in by.items() if f"vote {view}/{m}" not in self._saved]
        for key, proof in self.replica.accusations.items():
            if f"misconduct {key}" not in self._saved:
                papers.append(("misconduct", key, proof.data()))
        for kind, key, data in papers:
            self.store.put_paper(kind, key, data)
            self._saved.add(f"{kind} {key}")
        waiting = "" if self.replica.since is None else str(self.replica.since)
        if self._saved_waiting != waiting:  # patience runs on between processes
            self.store.put_paper("waiting", "since", waiting.encode())
            self._saved_waiting = waiting
        opened: dict[str, Note | None] = {str(size): note for size, note in self.replica.open.items()}
        opened["council"] = self.replica.open_council
        for key, note in opened.items():
            if note is not None and self._saved_open.get(key) is not note:
                self.store.put_paper("open", key, str(note).encode())
                self._saved_open[key] = note

    def _load(self) -> None:
        replica = self.replica
        heads = self.store.heads()
        for origin, log in replica.shelf.logs.items():
            log.head = Note.parse(heads[origin]) if origin in heads else None
            self._begin(log)
            self._saved_logs[origin] = (log.size, log)
        self._saved_heads = dict(heads)
        replica.shelf.notes = self.store.notes()
        self._saved.update(replica.shelf.notes)
        for digest, text in replica.shelf.notes.items():
            self._submitted(digest, text)
        self._load_councils(heads)
        known = {f"{view}/{size}" for view, size in replica.certificates}
        for key, data in self.store.papers("certificate").items():
            if key not in known:
                replica._learn(Certificate.parse(canonical.loads(data), f"certificate {key}"), self.now)
            self._saved.add(f"certificate {key}")
        for key, data in self.store.papers("vote").items():
            vote = ViewVote.parse(data)
            replica.votes.setdefault(vote.view, {})[vote.member] = vote
            self._saved.add(f"vote {key}")
        for key, data in self.store.papers("misconduct").items():
            replica.accusations[key] = Misconduct.parse(data)
            self._saved.add(f"misconduct {key}")
        self._saved_waiting = self.store.papers("waiting").get("since", b"").decode()
        if self._saved_waiting.isdecimal():
            replica.since = int(self._saved_waiting)
        for key, data in self.store.papers("open").items():
            note = Note.parse(data)
            if key == "council":
                replica.open_council = (
                    note if note.text.startswith(f"{self.chain.last.council_origin(replica.view)}\n") else None
                )
            elif int(key) > replica.own.submitted_size:
                replica.open[int(key)] = note
        self._stop(not_of_heads(replica))

    def _begin(self, log: MemberLog) -> None:
        """Take over a stored log: every row is read once, and the tree made of them held against the signed head."""
        noted = self._noted.read(log.origin) if self._noted is not None else None
        rows = partial(self.store.rows, log.origin)
        if log.begin(rows, self._leaves, lambda words: self._spoilt(log, words), noted) and self._noted and noted:
            self._noted.took(log, noted)
        if log is not self.replica.own:  # how long that was its keys remember: the others have what is missing
            self._stop(not_of_head(log.origin, log.tree, log.head, whole=False))

    def note(self) -> None:
        """Note what was worked out of long logs, for the next start; one thread at a time, beside the writer."""
        if self._noted is not None and not (self.damage.words or self.store.broken):
            for origin, log in list(self.replica.shelf.logs.items()):
                if not log.aside:
                    self._noted.note_or_leave(log, self._known(origin, log))

    def _settle(self) -> None:
        """What is on the disk need not be in memory as well."""
        if not self.store.committing:
            for origin, log in self.replica.shelf.logs.items():
                self._settle_log(log, self._known(origin, log))

    def _settle_log(self, log: MemberLog, stored: int) -> None:
        log.settle(self._leaves, stored, lambda words: self._spoilt(log, words))

    @property
    def spoilt(self) -> list[str]:
        """What on the disk is not what was logged, in words: what stops the signing, then the logs that are set aside.

        Any thread may ask.
        """
        return [words for words in (self.damage.words, *self.replica.shelf.aside) if words]

    def _spoilt(self, log: MemberLog, words: str) -> None:
        """On any thread: an entry of a log on the disk is not the one that was logged.

        Another member's log is set aside, if all its other entries are known to be good. Else nothing is signed.
        """
        if self.replica.shelf.logs.get(log.origin) is not log:
            return  # it was replaced since, on the disk as well
        if log.owner == self.identity.member or not log.is_of_head:
            self._stop(words)
        elif not log.aside:
            log.aside = f"{words} {ASIDE}"

    def _stop(self, words: str) -> None:
        """Nothing is signed any more, if there are words that say why."""
        self.damage.words = self.damage.words or words
        self.signer.held = self.signer.held or words

    def _submitted(self, digest: str, text: str) -> None:
        origin = text.partition("\n")[0]
        log = self.replica.shelf.logs.get(origin)
        if log is None:
            return
        found = stored_time(Note.parse(text), self.chain, log.owner)
        if found is not None:
            log.submit(found[0], found[1], digest)

    def _load_councils(self, heads: Mapping[str, str]) -> None:
        replica, stem, origins = self.replica, f"{self.chain.last.bloc}/council/", self.store.origins()
        for origin in heads.keys() - set(origins):
            if origin.startswith(stem):  # nothing of it is here but its head
                self._stop(not_of_head(origin, MemoryHashes(), Note.parse(heads[origin])))
        views = [int(origin.removeprefix(stem)) for origin in origins if origin.startswith(stem)]
        for view in sorted(views):
            origin = self.chain.last.council_origin(view)
            log, changed = read_council(self.store, replica, view)
            if changed is not None:
                self._stop(str(changed))
            replica.councils[view] = log
            if origin in heads:
                replica.heads[view] = Note.parse(heads[origin])
            replica.restore_certificates(view, self.now)  # an entry that one of them overtakes goes, and its head
            replica.view = max(replica.view, view)
            self._saved_logs[origin] = (log.size, log)
        self._saved_logs.setdefault(replica.councils[1].origin, (0, replica.councils[1]))
