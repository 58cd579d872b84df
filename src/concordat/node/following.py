"""A worker that doesn't write: it reads the log that another process writes, shows it, and passes on what must be done.

`Follower` is a node without keys (`onlooker`) that goes on reading: after each `acted` it takes what is new, in one
read transaction, and holds the roots of its trees against the tiles of the store. A log that was replaced is read anew
from its beginning. `Following` is the running node's `Service` over it: the same pages and protocol, every step handed
over (`outbox`). While the database can't be reached, or the writer is away, it shows what it has under a bar, and
whoever wants to write is told so (503); forms keep what was typed. Source: node-web.md 2.5.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from concordat import canonical
from concordat.errors import ConcordatError, StateError
from concordat.ledger.council_log import Certificate
from concordat.ledger.entry import Entry
from concordat.ledger.keys import Ed25519Secret
from concordat.ledger.merkle import MemoryHashes
from concordat.ledger.messages import Out
from concordat.ledger.misconduct import Misconduct
from concordat.ledger.note import Note
from concordat.ledger.shelf import not_of_head
from concordat.ledger.views import ViewVote, begin_view
from concordat.node.beside import Beside
from concordat.node.deeds import Deed, HandingIn
from concordat.node.home import Node
from concordat.node.onlooker import Onlooker
from concordat.node.outbox import Outbox
from concordat.node.own_log import Writing
from concordat.node.person_keys import KeyHolder
from concordat.node.postgres import words_of
from concordat.node.recover import Recovery
from concordat.node.service import FOLD_AT_ONCE, Service
from concordat.node.settings import NodeSettings
from concordat.node.states import States
from concordat.node.store import Store
from concordat.node.store_postgres import PostgresStore
from concordat.node.writer import BusyError, Writer

T = TypeVar("T")
AWAY_S = 5.0  # without a word the writer counts as away
DEEDS_AT_ONCE = 16
LOST = "The database can't be reached: this is what was here before, and nothing can be written until it is back."
AWAY = "The process that writes is away: nothing can be written until it is back."


class Follower(Onlooker):
    """A node that reads along.

    Args:
        home: the node's folder. database: `postgresql://...`.

    Raises:
        StateError: no node there, or no connection. TrustError: its log is damaged.
    """

    store: PostgresStore

    def __init__(self, home: Path, database: str) -> None:
        super().__init__(home, database)
        self.store._undo()  # the moment of the first reading is over

    def again(self) -> None:
        """Read everything anew, on a new connection; what is here stays until that is done."""
        fresh, leaves = Follower(self.home, self.database), self._leaves
        self.store.close()
        self.__dict__.update(fresh.__dict__)
        if isinstance(leaves, Beside):
            leaves.close()

    def catch_up(self) -> bool:
        """Read what is new; whether anything is.

        Raises:
            StateError: the connection is lost. TrustError: what is stored is not what its tiles say.
        """
        failures = self.store.failures
        try:
            with self.store.moment():
                self.store._edges.clear()
                return self._news()
        except failures as error:
            raise StateError(f"the database failed: {words_of(error)}.", where=self.store.where, code="store") from None

    def _news(self) -> bool:
        replica, heads = self.replica, self.store.heads()
        if not self._same_logs():
            raise _ReplacedError("a log was replaced.")
        fresh = sum(self._more_entries(origin) for origin in replica.shelf.logs)
        fresh += self._more_notes()
        fresh += self._more_councils()
        changed = heads != self._saved_heads
        for origin, text in heads.items():
            if self._saved_heads.get(origin) != text:
                self._head(origin, Note.parse(text))
        self._saved_heads = heads
        return bool(fresh + self._more_papers()) or changed

    def _same_logs(self) -> bool:
        """Whether each log here is the beginning of the one in the store."""
        trees = {origin: log.tree for origin, log in self.replica.shelf.logs.items()}
        trees |= {log.origin: log.tree for log in self.replica.councils.values()}
        # By the hashes: a leaf that was changed on the disk is given to nobody.
        last = {origin: tree.at(0, tree.size - 1) for origin, tree in trees.items() if tree.size}
        return all(self._leaf(origin, trees[origin].size - 1) == found for origin, found in last.items())

    def _leaf(self, origin: str, index: int) -> bytes:
        return bytes(self.store._db.one("SELECT leaf FROM entry WHERE origin = ? AND idx = ?", (origin, index)) or b"")

    def _more_entries(self, origin: str) -> int:
        log = self.replica.shelf.logs[origin]
        before = log.size
        log.restore(self.store.entries(origin, before))
        if log.size != before:
            try:
                self._require_root(origin, log.tree.root())
            except BaseException:
                log.truncate(before)  # else nobody would ask again whether they are the right ones
                raise
            self._settle_log(log, log.size)
        return log.size - before

    def _require_root(self, origin: str, root: bytes) -> None:
        if self.store.root(origin) != root:
            raise _ReplacedError("a log was replaced.")

    def _more_notes(self) -> int:
        shelf = self.replica.shelf
        if self.store._db.one("SELECT count(*) FROM note") == len(shelf.notes):
            return 0
        digests = [digest for (digest,) in self.store._db.execute("SELECT digest FROM note")]
        fresh = [digest for digest in digests if digest not in shelf.notes]
        rows = self.store._db.execute("SELECT digest, text FROM note WHERE digest = ANY(?)", (fresh,)).fetchall()
        shelf.notes.update(rows)
        for digest, text in sorted(rows):
            self._submitted(digest, text)
        return len(rows)

    def _more_councils(self) -> int:
        replica, fresh = self.replica, 0
        stem = f"{self.chain.last.bloc}/council/"
        views = sorted(int(o.rpartition("/")[2]) for o in self.store.origins() if o.startswith(stem))
        for view in views:
            origin = self.chain.last.council_origin(view)
            held = replica.councils.get(view)
            log, before = held, held.size if held is not None else 0
            if log is None:
                first = next(self.store.entries(origin, 0, 1))
                log = begin_view(view, first, self.chain, replica.councils)[0]
            try:
                for leaf in self.store.entries(origin, log.size):
                    log.replay(leaf)
                if log.size != before:
                    self._require_root(origin, log.tree.root())
            except BaseException:
                while log.size > before:  # as of a member's log, and nothing of them is final by these
                    replica._undo(log)
                raise
            replica.councils[view] = log
            for batch in log.batches[before:]:
                if batch is not None and batch.certificate is not None:
                    replica._learn(batch.certificate, self.now)
            fresh += log.size - before
            replica.view = max(replica.view, view)
        return fresh

    def _head(self, origin: str, note: Note) -> None:
        if origin in self.replica.shelf.logs:
            self._require_head(origin, self.replica.shelf.logs[origin].tree, note)
            self.replica.shelf.logs[origin].head = note
            return
        for view, log in self.replica.councils.items():
            if log.origin == origin:
                self._require_head(origin, log.tree, note)
                self.replica.heads[view] = note

    def _require_head(self, origin: str, tree: MemoryHashes, note: Note) -> None:
        """What was read is under the head that came with it; if not, all is read anew, and then it is said what is."""
        if not self.damage.words and not_of_head(origin, tree, note):
            raise _ReplacedError("the entries are not those of the signed head.")

    def _more_papers(self) -> int:
        fresh, replica = 0, self.replica
        for kind in ("certificate", "vote", "misconduct"):
            keys = [key for (key,) in self.store._db.execute("SELECT key FROM paper WHERE kind = ?", (kind,))]
            new = sorted(key for key in keys if f"{kind} {key}" not in self._saved)
            for key in new:
                query = "SELECT bytes FROM paper WHERE kind = ? AND key = ?"
                self._paper(kind, key, bytes(self.store._db.one(query, (kind, key))))
                self._saved.add(f"{kind} {key}")
            fresh += len(new)
        least = replica.own.submitted_size
        for size in [size for size in replica.open if size <= least]:
            del replica.open[size]
        opened = self.store._db.execute(
            "SELECT key, bytes FROM paper WHERE kind = 'open' AND (key = 'council' OR length(key) >= ?)",
            (len(str(least)),),
        ).fetchall()
        for key, data in opened:
            note = Note.parse(bytes(data))
            if key == "council":
                there = note.text.startswith(f"{self.chain.last.council_origin(replica.view)}\n")
                note_there = note if there else None
                fresh += str(note_there) != str(replica.open_council)
                replica.open_council = note_there
            elif int(key) > least and str(replica.open.get(int(key))) != str(note):
                replica.open[int(key)] = note
                fresh += 1
        return fresh

    def _paper(self, kind: str, key: str, data: bytes) -> None:
        match kind:
            case "certificate":
                certificate = Certificate.parse(canonical.loads(data), f"certificate {key}")
                self.replica._learn(certificate, self.now)
            case "vote":
                vote = ViewVote.parse(data)
                self.replica.votes.setdefault(vote.view, {})[vote.member] = vote
            case "misconduct":
                self.replica.accusations[key] = Misconduct.parse(data)


class Held(Node):
    """The node of a worker that writes: the process that started the workers holds the folder for all of them."""

    def _hold(self) -> int:
        return -1


class _ReplacedError(StateError):
    """What was read before is not the beginning of what is stored now."""


class _Unstored:
    """Where a follower's state hashes go: the writer has stored them."""

    def commit(self) -> Any:
        """Nothing is written."""
        return nullcontext()

    def put_paper(self, *_: object) -> None:
        """Nothing is written."""


class _Passing:
    """What stands in for the writer in a worker that doesn't write (`writer.Writer`): looks here, deeds elsewhere."""

    broken = ""

    def __init__(self, node: Follower, outbox: Outbox, caught_up: Callable[[], None], holder: KeyHolder | None) -> None:
        self._node, self._outbox, self._caught_up, self._holder = node, outbox, caught_up, holder
        self._looks = ThreadPoolExecutor(1, thread_name_prefix="ledger look")
        self._deeds = ThreadPoolExecutor(DEEDS_AT_ONCE, thread_name_prefix="ledger deed")

    def read(self, look: Callable[[Node], T]) -> Future[T]:
        """A look at the replica, on the one thread that touches it."""
        return self._put(self._looks, look, self._node)

    def run(self, step: Callable[[Node], tuple[T, Out]], *, gather: bool = False) -> Future[T]:  # noqa: ARG002
        """Have the writer take a step; its result once it is durable and was read here.

        Raises:
            BusyError: this worker is stopping. StateError: a step that can't be handed over.
        """
        if not isinstance(step, get_args(Deed)):
            raise StateError("only the process that writes does that.", where="worker", code="not_writer")
        return self._put(self._deeds, self._ask, cast(Deed, step))

    def submit(self, entry: Entry) -> Future[tuple[int, bool]]:
        """As `Writer.submit`."""
        return self._put(self._deeds, self._ask, HandingIn(entry.leaf))

    def _ask(self, deed: Deed) -> Any:
        with self._lent(deed) as ready:
            result = self._outbox.ask(ready)
        self._looks.submit(self._caught_up).result()
        return result

    @contextmanager
    def _lent(self, deed: Deed) -> Iterator[Deed]:
        """A key that was opened for this one act lies with the agent while the writer has it sign."""
        if not (isinstance(deed, Writing) and isinstance(deed.key, Ed25519Secret) and self._holder is not None):
            yield deed
            return
        session = f"once {secrets.token_hex(16)}"
        self._holder.unlock(session, deed.key.seed, 0)
        try:
            yield replace(deed, key=self._holder.key(session, deed.key.public, 0))
        finally:
            self._holder.forget(session)

    @staticmethod
    def _put(pool: ThreadPoolExecutor, work: Callable[..., T], *arguments: Any) -> Future[T]:
        try:
            return pool.submit(work, *arguments)
        except RuntimeError:
            raise BusyError(
                "the node is stopping.", where="worker", hint="Try again in a moment.", code="busy"
            ) from None

    def close(self) -> None:
        """Finish what runs."""
        self._deeds.shutdown()
        self._looks.shutdown()


@dataclass(frozen=True, slots=True)
class _Said:
    """A state of recovery as the writer told it."""

    value: str


@dataclass(frozen=True, slots=True)
class _Recovery:
    """What the writer said of its recovery."""

    state: _Said = _Said("normal")
    said: str = ""

    def words(self) -> str:
        """As `Recovery.words`."""
        return self.said


class Following(Service):
    """A running node that another process writes.

    Args:
        node: reads along. holder: of unlocked keys, for all workers. settings and the rest: as of `Service`.
    """

    node: Follower

    def __init__(self, node: Follower, settings: NodeSettings, *, holder: KeyHolder | None = None, **more: Any) -> None:
        self._lost, self._away_s, self._holder = "", 0.0, holder
        self._told: Mapping[str, Any] = {}
        super().__init__(node, settings, **more)
        self.admits_people = False

    def _start_recovery(self) -> Recovery:
        return cast(Recovery, _Recovery())

    def _make_states(self) -> States:
        return States(self.node.replica, cast(Store, _Unstored()))

    def _make_writer(self) -> Writer:
        self.outbox = Outbox(self.settings.database, self._changed, self._connection)
        self._fold()
        return cast(Writer, _Passing(self.node, self.outbox, self._catch_up, self._holder))

    def _hold(self, node: Node) -> None:
        """It holds no keys."""

    async def start(self) -> None:
        """Begin to read along."""
        self._loop = asyncio.get_running_loop()
        self.outbox.start()
        for part in self.beside:
            await part.start()

    def _shut(self) -> None:
        self.writer.close()
        self.outbox.close()
        self.readers.shutdown()
        self.tiles.close()
        self.node.close()

    def _changed(self) -> None:
        """On the outbox's thread: something may be new."""
        if not self.stopping:
            self._away_s, self._told = self.outbox.pulse()
            self._show(self._told)
            self.writer.read(lambda _: self._catch_up()).result()

    def _connection(self, words: str) -> None:
        if words != self._lost:
            self._lost = words
            self._show(self._told)
            self.log("warning" if words else "info", "database", {"what": words or "it answers again"})
            self.changes += 1

    def _show(self, told: Mapping[str, Any]) -> None:
        """What the writer said of itself becomes what is shown here."""
        shown = cast(Recovery, _Recovery(_Said(told.get("recovery", "normal")), told.get("words", "")))
        alarms, disk = dict(told.get("alarms", {})), str(told.get("disk", ""))
        if self.bar():
            alarms["database"] = self.bar()
        if self.node.spoilt:  # which the writer need not have read
            alarms.setdefault("entries", " ".join(self.node.spoilt))
        if (shown, alarms, disk) != (self.recovery, self.alarms, self.disk_low):
            self.recovery, self.alarms, self.disk_low = shown, alarms, disk
            self._dirty, self.changes = True, self.changes + 1

    def _catch_up(self) -> None:
        """On the thread of looks."""
        try:
            fresh = self.node.catch_up()
        except _ReplacedError:
            self._from_new()
            return
        except ConcordatError:
            if self._lost or not self.node.store._db.lost:
                self._dirty, self.changes = True, self.changes + 1  # some of it may have been read
                raise
            self._from_new()
            return
        if fresh or self.states.lost:
            self._fold()
            self._dirty, self.changes = True, self.changes + 1

    def _from_new(self) -> None:
        self.node.again()
        self.states = self._make_states()
        self._fold()
        self._dirty, self.changes = True, self.changes + 1

    def _fold(self) -> None:
        while self.states.behind and not (self.states.fault or self.states.lost):
            self.states.advance(FOLD_AT_ONCE)

    def bar(self) -> str:
        """What stands above every page while this node shows what it has and can't write; empty else."""
        if self._lost:
            return LOST
        return AWAY if self._away_s > AWAY_S else ""

    def failing(self) -> dict[str, str]:
        """As `Service.failing`: of this worker and of the writer."""
        found = dict(self._told.get("failing", {}))
        if self.node.spoilt:
            found["store"] = self.node.spoilt[0]
        if self.bar():
            found["store" if self._lost else "writer"] = self.bar()
        if self.stopping:
            found["stopping"] = "the node is stopping"
        return found

    async def status(self) -> dict[str, Any]:
        """As `Service.status`; the peers are those of the writer."""
        return {**await super().status(), "peers": self._told.get("peers", [])}
