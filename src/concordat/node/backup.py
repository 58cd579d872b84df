"""How a running node is copied so that it can be brought back: all stores of one moment, checked, whole or not at all.

A backup is a folder `<member>-<time>` below the one that was named. It is written as `<...>.part`, its manifest last,
and then renamed: what has its name is complete. Blobs (results, uploads) lie beside it in `blobs/`, each once for all
backups. The stores are copied by SQLite's backup call from a read transaction each; while these begin the writer is
kept out, for milliseconds, and never longer than 50. Each copy is checked before it counts: pages, tiles, signed heads.

Keys are left out unless asked for, and then sealed (`sealed_keys`). Settings go without passwords. Removing a backup is
removing its folder; blobs that no backup names any more go with the next one (an erased blob is not kept for ever).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from concordat.errors import ConcordatError, StateError
from concordat.node.backup_folder import (
    BLOBS,
    failed,
    free_name,
    held,
    made_folder,
    prune,
    require_apart,
    require_room,
    sweep,
)
from concordat.node.hashed_files import HashedFiles, sync_folder, write_new
from concordat.node.identity import Identity, read_identity
from concordat.node.manifest import NAME, Manifest, blob_path, hash_of
from concordat.node.move_store import taken_out
from concordat.node.onlooker import chain_of, check_heads
from concordat.node.records import BackupMade, write_record
from concordat.node.sealed_keys import NAME as KEYS
from concordat.node.sealed_keys import read_keys, seal
from concordat.node.store import Store
from concordat.node.store_kinds import StoreKind, reading, require_known, require_whole, version_of
from concordat.node.stores import SQLITE, open_people

FILES = "files"  # in the node's folder
PLAIN = ("identity.json", "member.json", "pinned.txt")
SETTINGS = "settings.toml"
PAUSE_MAX_S = 0.05  # for which a writer is kept out, at most
FIRST_S, OTHERS_S = 5.0, 0.02  # for which we wait for the first lock, and with that in hand for another
TRIES = 50


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made.

    Attributes:
        folder: where. manifest: what is in it. new_blobs: how many blobs had not been there. paused_ms: how long the
            writer was kept out. removed: older backups that were deleted.
    """

    folder: Path
    manifest: Manifest
    new_blobs: int
    paused_ms: float
    removed: tuple[str, ...] = ()


def backup(
    home: Path,
    target: Path,
    *,
    now: datetime,
    program: str,
    keys_passphrase: str = "",
    settings: bytes = b"",
    keep: int = 0,
    record: bool = True,
    database: str = SQLITE,
) -> Made:
    """Copy a node, running or not, into a folder of backups.

    Args:
        home: the node's folder. target: the folder of backups; made if it is not there. now: UTC. program: this
            version. keys_passphrase: seals the keys into the backup; empty leaves them out. settings: the settings
            file without its secrets. keep: how many backups of this node stay, the newest; 0 keeps all. record:
            whether `doctor` and the audit shall know. database: where the stores are, as in the settings; from
            PostgreSQL they are copied into files first, of one moment, and the writer waits for nothing.

    Raises:
        InputError: the folder lies in the node's own, or the passphrase is too short. StateError: another backup is
            being written there, the disk is full, or a store is damaged or newer. TrustError: what is stored here is
            not under its signed heads: no backup is made of that. In each case earlier backups stay as they are.
    """
    identity = read_identity(home)
    require_apart(home, target)
    keys = seal(read_keys(home), keys_passphrase, about(identity, now)) if keys_passphrase else b""
    with made_folder(target), held(target), taken_out(home, database) as stores:
        sweep(target)
        require_room(HashedFiles(home / FILES), target, [path for _, path in stores])
        name = free_name(target, f"{identity.member}-{now:%Y%m%dT%H%M%SZ}")
        part = target / f"{name}.part"
        try:
            made = _write(home, target, part, identity, now, program, stores, keys, settings)
            for folder in sorted((path for path in part.rglob("*") if path.is_dir()), reverse=True):
                sync_folder(folder)
            sync_folder(part)
            part.rename(target / name)
            sync_folder(target)
        except (ConcordatError, KeyboardInterrupt):
            shutil.rmtree(part, ignore_errors=True)
            raise
        except (OSError, sqlite3.Error) as error:
            shutil.rmtree(part, ignore_errors=True)
            raise failed(error, target) from None
        removed = prune(target, identity, keep)
    paused = made.paused_ms if database == SQLITE else 0.0
    made = Made(target / name, made.manifest, made.new_blobs, paused, removed)
    if record:
        write_record(home, BackupMade(made.manifest.made, str((target / name).absolute()), made.manifest.entries))
        _note(home, now, made.manifest, database)
    return made


def about(identity: Identity, now: datetime) -> str:
    """The words that bind sealed keys to one backup."""
    return f"{identity.bloc}/{identity.member} {now:%Y-%m-%dT%H:%M:%SZ}"


# --- One backup -------------------------------------------------------------------------------------------------------


def _write(
    home: Path,
    target: Path,
    part: Path,
    identity: Identity,
    now: datetime,
    program: str,
    stores: Sequence[tuple[StoreKind, Path]],
    keys: bytes,
    settings: bytes,
) -> Made:
    part.mkdir(mode=0o700)
    versions, paused = _copy_stores(stores, part)
    for name in PLAIN:
        if (home / name).is_file() and not (home / name).is_symlink():
            write_new(part / name, (home / name).read_bytes())
    for name, data in ((SETTINGS, settings), (KEYS, keys)):
        if data:
            write_new(part / name, data)
    heads = _checked(part, stores)
    blobs, fresh = _copy_blobs(HashedFiles(home / FILES), target / BLOBS)
    written = sorted(path for path in part.rglob("*") if path.is_file())
    files = {p.relative_to(part).as_posix(): (p.stat().st_size, hash_of(p)) for p in written}
    made = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    who = (identity.bloc, identity.member, made, program)
    manifest = Manifest(*who, files=files, stores=versions, heads=heads, blobs=blobs, keys=bool(keys))
    write_new(part / NAME, manifest.to_bytes())
    return Made(part, manifest, fresh, paused)


def _copy_stores(stores: Sequence[tuple[StoreKind, Path]], part: Path) -> tuple[dict[str, int], float]:
    """Every store as it was at one moment; (versions, milliseconds for which the writer was kept out)."""
    versions = {}
    with moment([path for _, path in stores]) as (sources, paused):
        for (kind, path), source in zip(stores, sources, strict=True):
            versions[kind.name] = version_of(source, str(path))
            require_known(kind, versions[kind.name], str(path))
            if "/" in kind.file:
                (part / kind.file).parent.mkdir(mode=0o700)
            copy = sqlite3.connect(part / kind.file, isolation_level=None)
            try:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")  # one file that needs nothing beside it
            finally:
                copy.close()
            (part / kind.file).chmod(0o600)
            _flush(part / kind.file)
    return versions, paused


@contextmanager
def moment(paths: Sequence[Path]) -> Iterator[tuple[list[sqlite3.Connection], float]]:
    """A reading connection to each store, all of one moment, and the milliseconds for which writers waited.

    One store by itself needs no pause. Of several, the write locks are taken, the read transactions begun, and the
    locks given back. For the first lock we wait our turn, which keeps nobody out; who then can't have the others at
    once lets go and begins again.

    Raises:
        StateError: a store can't be opened, or its writer never rested.
    """
    with ExitStack() as stack:
        sources = [stack.enter_context(_closing(reading(path))) for path in paths]
        writers = [
            stack.enter_context(_closing(_writer(path, OTHERS_S if place else FIRST_S)))
            for place, path in enumerate(paths if len(paths) > 1 else ())
        ]
        for _ in range(TRIES):
            since = _all_locked(writers)
            if since is not None:
                _pin(sources, paths)
                waited = (time.monotonic() - since) * 1000 if writers else 0.0
                _let_go(writers)
                yield sources, waited
                _let_go(sources)
                return
            _let_go(writers)
            time.sleep(0.01)
        what = "the stores were never at rest together."
        raise StateError(what, where=str(paths[0].parent), hint="Try again in a moment.", code="busy")


def _all_locked(writers: Sequence[sqlite3.Connection]) -> float | None:
    """Take every write lock; since when the first is held, or None if one could not be had in time."""
    since = time.monotonic()
    try:
        for place, db in enumerate(writers):
            db.execute("BEGIN IMMEDIATE")
            since = since if place else time.monotonic()
    except sqlite3.OperationalError:
        return None
    return since if time.monotonic() - since < PAUSE_MAX_S else None


def _pin(sources: Sequence[sqlite3.Connection], paths: Sequence[Path]) -> None:
    for db, path in zip(sources, paths, strict=True):
        try:
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the transaction begins with the first read
        except sqlite3.Error as error:
            raise StateError(f"can't be read: {error}.", where=str(path), code="store") from None


def _let_go(connections: Sequence[sqlite3.Connection]) -> None:
    for db in connections:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _writer(path: Path, timeout_s: float) -> sqlite3.Connection:
    """A connection that takes the write lock within a time or not at all, and writes nothing."""
    return sqlite3.connect(path, isolation_level=None, timeout=timeout_s)


@contextmanager
def _closing(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield db
    finally:
        db.close()


def _checked(part: Path, stores: Sequence[tuple[StoreKind, Path]]) -> dict[str, tuple[int, str]]:
    """The copies are whole, and the log in them is under its signed heads; (entries, root) by origin."""
    for kind, _ in stores:
        with _closing(reading(part / kind.file)) as db:
            require_whole(db, str(part / kind.file))
    log = Store(part / "log.db", readonly=True)
    try:
        return check_heads(log, chain_of(part, log))
    finally:
        log.close()


def _copy_blobs(files: HashedFiles, shelf: Path) -> tuple[dict[str, int], int]:
    """Blobs that are not on the shelf yet; (all by hash, how many were new)."""
    blobs, fresh = dict(files.all()), 0
    for digest, size in sorted(blobs.items()):
        path = blob_path(shelf, digest)
        if path.is_file() and not path.is_symlink() and path.stat().st_size == size and hash_of(path) == digest:
            continue
        write_new(path, files.get(digest))
        fresh += 1
    return blobs, fresh


def _note(home: Path, now: datetime, manifest: Manifest, database: str) -> None:
    """A row of the audit, where this node keeps one that this program may write."""
    from concordat.node.audit_log import AuditLog
    from concordat.node.people_store import SCHEMA

    if manifest.stores.get("people") == SCHEMA:
        people = open_people(home, database)
        try:
            facts = {"entries": manifest.entries, "keys": manifest.keys}
            AuditLog(people).append("backup_made", "", int(now.timestamp()), **facts)
        finally:
            people.close()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
