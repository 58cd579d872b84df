"""Between the worker that writes and those that don't: deeds in a table, woken by `NOTIFY`, each done once or not.

A worker puts a deed into `outbox` and waits on `LISTEN acted`. The writer is woken by `posted`, marks the deeds as
begun in one statement, runs them as its own steps, puts down what came of each and notifies `acted`. A deed whose asker
has gone before it was begun is dropped; one that was begun when the writer died is answered with *interrupted*, and
never run again: whether it reached the log is looked up there, as after any crash (`acts`). So no deed is done twice.

The writer also tells how it stands (`pulse`), and notifies when something changed, so that the others read it. Source:
node-web.md 2.5.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from concordat.errors import ConcordatError, StateError
from concordat.ledger.entry import Entry
from concordat.node.deeds import Deed, HandingIn, Taking, pack_deed, pack_error, pack_result, unpack_deed, unpack_result
from concordat.node.letters import pack_some
from concordat.node.postgres import Session, words_of
from concordat.node.writer import BusyError

if TYPE_CHECKING:
    from concordat.node.service import Service

WAIT_S = 10.0  # for an answer
WAKE_S = 0.05
PULSE_EVERY_S = 1.0
AT_ONCE = 200
AGAIN_S = 0.5
_POST = "INSERT INTO outbox (kind, body, asker, state) VALUES (?, ?, ?, 'waiting') RETURNING n"
_PULSE = """INSERT INTO pulse VALUES ('writer', extract(epoch FROM clock_timestamp()), ?)
ON CONFLICT (key) DO UPDATE SET at = excluded.at, facts = excluded.facts"""
_LOOK = "SELECT extract(epoch FROM clock_timestamp()) - at, facts FROM pulse WHERE key = 'writer'"
_BEGIN = """WITH next AS (SELECT n FROM outbox WHERE state = 'waiting' ORDER BY n LIMIT ?)
UPDATE outbox SET state = CASE WHEN asker IN (SELECT pid FROM pg_stat_activity) THEN 'begun' ELSE 'gone' END
FROM next WHERE outbox.n = next.n RETURNING outbox.n, kind, body, state"""
_INTERRUPTED = StateError(
    "the writing process ended meanwhile.", hint="Look whether it was recorded before you send it again.",
    code="interrupted",
)  # fmt: skip


class Taker:
    """The writer's end: a thread with a session to listen, and a session to answer.

    Args:
        service: the running node. address: of the database.
    """

    def __init__(self, service: Service, address: str) -> None:
        self._service = service
        self._ears, self._mouth = Session(address, "outbox"), Session(address, "answers")
        self.failures = self._ears.failures
        self._schema = str(self._ears.schema)
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._told, self._pulsed = -1, 0.0
        self._settle()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def _settle(self) -> None:
        """What an earlier writer had begun is answered as interrupted; what nobody waits for goes."""
        self._ears.execute("LISTEN posted")
        self._mouth.execute(
            "UPDATE outbox SET state = 'done', result = ? WHERE state = 'begun'", (pack_error(_INTERRUPTED),)
        )
        self._mouth.execute("DELETE FROM outbox WHERE asker NOT IN (SELECT pid FROM pg_stat_activity)")
        self._notify("settled")

    async def start(self) -> None:
        """Begin to take deeds."""
        self._thread.start()

    async def close(self) -> None:
        """Stop taking; what was begun is answered first."""
        self._stopping.set()
        self._thread.join(WAIT_S)
        self._ears.close()
        self._mouth.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._round()
            except self.failures as error:
                self._service.log("error", "outbox", {"what": words_of(error)})
                return  # the writer notices the same, and its process begins anew
            except ConcordatError as error:
                self._service.log("error", "outbox", {"what": str(error)})
            except Exception as error:  # the others must not wait for a thread that has ended
                self._service.fault("outbox", error)
                self._stopping.wait(AGAIN_S)

    def _round(self) -> None:
        taken = self._ears.execute(_BEGIN, (AT_ONCE,)).fetchall()
        for n, kind, body, state in sorted(taken):
            if state == "begun":
                self._do(n, kind, bytes(body))
        self._tell()
        if len(taken) < AT_ONCE:
            self._ears.notes(WAKE_S)

    def _do(self, n: int, kind: str, body: bytes) -> None:
        """Hand a deed to the writer's thread; its result is put down when it is durable."""
        try:
            deed = unpack_deed(kind, body, self._service.cosigner)
            future = self._queue(deed)
        except Exception as error:  # whatever it is, its asker hears of it
            self._answer(n, pack_error(error))
            return
        future.add_done_callback(lambda done: self._finished(n, deed, done))

    def _queue(self, deed: Deed) -> Future[Any]:
        if isinstance(deed, HandingIn):
            return self._service.writer.submit(Entry.parse(deed.leaf))
        return self._service.writer.run(deed, gather=not isinstance(deed, Taking))

    def _finished(self, n: int, deed: Deed, done: Future[Any]) -> None:
        """On the writer's thread."""
        error = done.exception()
        try:
            result = pack_error(error) if error is not None else self._packed(deed, done.result())
        except ConcordatError as fault:
            result = pack_error(fault)
        try:
            self._answer(n, result)
        except self.failures as failure:
            self._service.log("error", "outbox", {"what": words_of(failure)})

    def _packed(self, deed: Deed, result: Any) -> bytes:
        if isinstance(deed, Taking) and result:
            _, count = pack_some(self._service.member, result)
            self._service._durable([(deed.sender, message) for message in result[count:]])
            result = result[:count]
        return pack_result(self._service.member, result)

    def _answer(self, n: int, result: bytes) -> None:
        with self._lock:
            self._mouth.execute("UPDATE outbox SET state = 'done', result = ? WHERE n = ?", (result, n))
            self._notify(str(n))

    def _notify(self, words: str) -> None:
        self._mouth.execute("SELECT pg_notify('acted', ?)", (f"{self._schema} {words}",))

    def _tell(self) -> None:
        """Say that something changed, and each second how this node stands."""
        changes = self._service.changes
        if changes != self._told:
            with self._lock:
                self._notify("changed")
            self._told = changes
        if time.monotonic() - self._pulsed >= PULSE_EVERY_S:
            self._pulsed = time.monotonic()
            facts = json.dumps(pulse_of(self._service))
            with self._lock:
                self._mouth.execute(_PULSE, (facts,))


def pulse_of(service: Service) -> dict[str, Any]:
    """How the writing process stands, as the others show it."""
    failing = service.failing()
    failing.pop("stopping", None)
    now, published = service.monotonic(), service._published
    return {
        "alarms": dict(service.alarms), "disk": service.disk_low, "failing": failing,
        "peers": [service._peer_facts(peer, published, now) for peer in service.peers],
        "recovery": service.recovery.state.value, "words": service.recovery.words(),
    }  # fmt: skip


class Outbox:
    """A worker's end: a session to post, and a thread with a session to listen.

    Args:
        address: of the database. changed: called when the writer says that something changed, and at least each
            second. lost: told in words that the database can't be reached, and with none that it is back.
    """

    def __init__(self, address: str, changed: Callable[[], None], lost: Callable[[str], None]) -> None:
        self._address, self._changed, self._lost = address, changed, lost
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._waiting: dict[int, Future[bytes]] = {}
        self._mouth, self._ears = self._opened()
        self.failures, self._schema = self._mouth.failures, str(self._mouth.schema)
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def _opened(self) -> tuple[Session, Session]:
        mouth, ears = Session(self._address, "worker"), Session(self._address, "listener")
        ears.execute("LISTEN acted")
        return mouth, ears

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stopping.set()
        self._thread.join(WAIT_S)
        self._mouth.close()
        self._ears.close()

    def ask(self, deed: Deed) -> Any:
        """Have the writer do a deed; its result, once it is durable.

        Raises:
            StateError: no answer within 10 seconds; the database can't be reached. And whatever the deed raises.
        """
        kind, body = pack_deed(deed)
        answer: Future[bytes] = Future()
        try:
            with self._lock:
                n = self._mouth.one(_POST, (kind, body, self._mouth.pid))
                self._waiting[n] = answer
                self._mouth.execute("SELECT pg_notify('posted', '')")
            try:
                result = answer.result(WAIT_S)
            except TimeoutError:
                result = self._withdraw(n)
        except self.failures as error:
            what = f"the database can't be reached: {words_of(error)}."
            raise StateError(what, where=self._mouth.where, hint="Try again in a moment.", code="store") from None
        return unpack_result(kind, result)

    def _withdraw(self, n: int) -> bytes:
        """No answer came: a deed that was not begun never will be."""
        with self._lock:
            self._waiting.pop(n, None)
            gone = self._mouth.one("DELETE FROM outbox WHERE n = ? AND state = 'waiting' RETURNING n", (n,))
            done = self._mouth.one("DELETE FROM outbox WHERE n = ? AND state = 'done' RETURNING result", (n,))
        if done is not None:
            return bytes(done)
        if gone is not None:
            what = "the process that writes does not answer; nothing was written."
            raise BusyError(what, where="outbox", hint="Try again in a moment.", code="busy")
        raise _INTERRUPTED

    def pulse(self) -> tuple[float, Mapping[str, Any]]:
        """(seconds since the writer's last word, what it said); infinity before its first.

        Raises:
            StateError: the database can't be reached.
        """
        try:
            with self._lock:
                row = self._mouth.execute(_LOOK).fetchone()
        except self.failures as error:
            raise StateError(words_of(error), where=self._mouth.where, code="store") from None
        return (float(row[0]), json.loads(row[1])) if row else (float("inf"), {})

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                notes = self._ears.notes(PULSE_EVERY_S)
                pairs = [note.partition(" ") for note in notes]
                words = {said for schema, _, said in pairs if schema == self._schema}
                self._deliver({int(word) for word in words if word.isdecimal()}, everything="settled" in words)
                if words or not notes:
                    self._changed()
            except self.failures as error:
                self._reopen(words_of(error))
            except ConcordatError as error:
                self._reopen(error.what)
            except Exception as error:  # what is shown would stay as it is, and nobody would know
                self._reopen(f"a fault of the program ({type(error).__name__})")

    def _deliver(self, numbers: set[int], *, everything: bool) -> None:
        with self._lock:
            for n in sorted(self._waiting if everything else numbers & self._waiting.keys()):
                row = self._mouth.one("DELETE FROM outbox WHERE n = ? AND state = 'done' RETURNING result", (n,))
                if row is not None:
                    self._waiting.pop(n).set_result(bytes(row))

    def _reopen(self, words: str) -> None:
        """The connection is lost: whoever waits hears of it, and it is tried again until the database answers."""
        self._lost(words)
        with self._lock:
            for n in list(self._waiting):
                self._waiting.pop(n).set_result(pack_error(_INTERRUPTED))
            self._mouth.close()
            self._ears.close()
        while not self._stopping.wait(AGAIN_S):
            try:
                mouth, ears = self._opened()
            except ConcordatError:
                continue
            with self._lock:
                self._mouth, self._ears = mouth, ears
            self._lost("")
            return
