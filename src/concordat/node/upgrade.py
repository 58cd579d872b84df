"""How the stores of an older program are brought to this one: a backup first, then numbered steps, each checked.

A step runs in one transaction together with its new version number: it is done or not done, also when the power goes.
While it runs SQLite itself refuses to write to signed bytes, tiles, heads and the audit chain; after it these are
hashed again, all rows are counted, and pages and foreign keys are checked; only then it is committed. A store that is
newer than the program is refused before anything is touched, in all stores.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from concordat.errors import ConcordatError, StateError, TrustError
from concordat.node.backup import Made, backup
from concordat.node.identity import locked, read_identity
from concordat.node.onlooker import chain_of, check_heads
from concordat.node.store import Store
from concordat.node.store_kinds import StoreKind, present, reading, require_known, require_whole, version_of

MIGRATIONS = Path(__file__).parent / "migrations"
_NAME = re.compile(r"([0-9]{3})_([a-z][a-z0-9_]*)\.py")
# Statements that would end the transaction or lead around the watch.
_OUTSIDE = {
    sqlite3.SQLITE_ATTACH,
    sqlite3.SQLITE_DETACH,
    sqlite3.SQLITE_PRAGMA,
    sqlite3.SQLITE_SAVEPOINT,
    sqlite3.SQLITE_TRANSACTION,
}
_WRITES = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_DROP_TABLE}
_OF_TABLE_SECOND = {sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_CREATE_TEMP_TRIGGER, sqlite3.SQLITE_CREATE_TRIGGER}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: to which version, its name, what it changes in words, the file."""

    version: int
    name: str
    words: str
    path: Path


@dataclass(frozen=True, slots=True)
class Changed:
    """What one step did: store, from and to which version, in words, rows before and after where they differ."""

    store: str
    step: Step
    rows: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade did; with no steps nothing was to be done, and no backup was made."""

    changed: tuple[Changed, ...]
    backup: Made | None


def steps_of(kind: StoreKind, root: Path = MIGRATIONS) -> list[Step]:
    """The steps of a store in order; a gap or a version beyond the program's is a fault of the program."""
    found = []
    for path in sorted((root / kind.name).glob("[0-9]*.py")):
        match = _NAME.fullmatch(path.name)
        assert match, f"{path.name}: a step is named NNN_name.py"
        words = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
        found.append(Step(int(match[1]), match[2], words, path))
    versions = [step.version for step in found]
    assert versions == list(range(2, 2 + len(versions))), f"{kind.name}: the steps do not follow each other"
    assert kind.version == 1 + len(versions), f"{kind.name}: version {kind.version} has no step of its own"
    return found


def upgrade(
    home: Path,
    target: Path,
    *,
    now: datetime,
    program: str,
    root: Path = MIGRATIONS,
    settings: bytes = b"",
) -> Upgraded:
    """Bring a node that is stopped to the versions of this program.

    Args:
        home: the node's folder. target: the folder of backups that one is made in first. now: UTC. program: this
            version. root: where the steps are. settings: as for `backup`.

    Raises:
        StateError: the node runs; a store is of a newer program; the backup can't be made; a step failed: then its
            store is as it was before the step. TrustError: a step that touched what it may not, undone as well.
    """
    read_identity(home)
    lock = locked(home)
    try:
        stores = _due(home, root)
        if not any(steps for _, _, steps in stores):
            return Upgraded((), None)
        made = backup(home, target, now=now, program=program, settings=settings, record=False)
        changed = []
        for kind, path, steps in stores:
            for step in steps:
                changed.append(_run(home, kind, path, step, made))
        return Upgraded(tuple(changed), made)
    finally:
        os.close(lock)


def _due(home: Path, root: Path) -> list[tuple[StoreKind, Path, list[Step]]]:
    """Every store with the steps that it lacks; all are asked before any is touched."""
    found = []
    for kind, path in present(home):
        db = reading(path)
        try:
            version = version_of(db, str(path))
        finally:
            db.close()
        require_known(kind, version, str(path))
        found.append((kind, path, [step for step in steps_of(kind, root) if step.version > version]))
    return found


def _run(home: Path, kind: StoreKind, path: Path, step: Step, made: Made) -> Changed:
    module = _module(kind, step)
    where = f"{kind.name} {step.version:03}_{step.name}"
    db = sqlite3.connect(path, isolation_level=None, timeout=10)
    try:
        db.execute("PRAGMA synchronous=FULL")
        db.execute("BEGIN IMMEDIATE")
        rows, before = _counts(db), _fingerprint(db, kind)
        _watched(db, kind, module.up)
        db.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(step.version),))
        changed = _require_counts(rows, _counts(db), module.CHANGES, where)
        if _fingerprint(db, kind) != before:
            what = "the step changed what is signed or hashed for ever."
            raise TrustError(what, where=where, code="signed")
        if db.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise TrustError("a row names another that is not there.", where=where, code="foreign_key")
        require_whole(db, where)
        db.execute("COMMIT")
    except sqlite3.Error as error:
        _undo(db)
        hint = f"This store is as it was before the step. The backup: {made.folder}"
        raise StateError(f"the step failed: {error}.", where=where, hint=hint, code="upgrade") from None
    except ConcordatError as error:
        _undo(db)
        error.hint = f"This store is as it was before the step. The backup: {made.folder}"
        raise
    finally:
        db.close()
    if kind.name == "log":
        _require_heads(home, path, made)
    return Changed(kind.name, step, changed)


def _undo(db: sqlite3.Connection) -> None:
    if db.in_transaction:
        db.execute("ROLLBACK")


def _module(kind: StoreKind, step: Step) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"concordat_step_{kind.name}_{step.version:03}", step.path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _watched(db: sqlite3.Connection, kind: StoreKind, up: Callable[[sqlite3.Connection], None]) -> None:
    """Run a step while SQLite refuses what it may not do."""

    def allow(action: int, first: str | None, second: str | None, *_: object) -> int:
        table = second if action in _OF_TABLE_SECOND else first
        denied = action in _OUTSIDE or (action in _WRITES | _OF_TABLE_SECOND and table in kind.protected)
        return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK

    db.set_authorizer(allow)
    try:
        up(db)
    finally:
        db.set_authorizer(None)


def _tables(db: sqlite3.Connection) -> list[str]:
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [name for (name,) in db.execute(names)]


def _counts(db: sqlite3.Connection) -> dict[str, int]:
    return {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in _tables(db)}


def _fingerprint(db: sqlite3.Connection, kind: StoreKind) -> str:
    """SHA-256 over every protected row, with its table's definition."""
    digest = sha256()
    for name in kind.protected:
        (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        digest.update(repr((name, sql)).encode())
        width = len(db.execute(f'SELECT * FROM "{name}" LIMIT 0').description)
        order = ", ".join(str(i + 1) for i in range(width))
        for row in db.execute(f'SELECT * FROM "{name}" ORDER BY {order}'):
            digest.update(repr(row).encode())
    return digest.hexdigest()


def _require_counts(
    before: dict[str, int], after: dict[str, int], may_change: Sequence[str], where: str
) -> tuple[tuple[str, int, int], ...]:
    changed = tuple(
        (name, before.get(name, 0), after.get(name, 0))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )
    odd = [name for name, _, _ in changed if name not in may_change]
    if odd:
        rows = next((b, a) for name, b, a in changed if name == odd[0])
        what = f"the step changed the rows of {odd[0]} from {rows[0]:,} to {rows[1]:,} and does not say so."
        raise TrustError(what, where=where, code="counts")
    return changed


def _require_heads(home: Path, path: Path, made: Made) -> None:
    """The log is under the same signed heads as in the backup."""
    log = Store(path, readonly=True)
    try:
        if check_heads(log, chain_of(home, log)) != dict(made.manifest.heads):
            hint = f"Restore the backup: concordat node restore {made.folder}"
            raise TrustError("the log is not that of the backup any more.", where=str(path), hint=hint, code="head")
    finally:
        log.close()
