"""How a node is brought back from a backup: checked file by file, whole or not at all, and not trusted to sign yet.

Everything is put into `<home>.restoring` beside the place where the node shall be, and gets its name at the end: a
crash leaves either nothing or a whole node. The order: the manifest; each file and blob against it; versions; pages;
tiles against entries and signed heads; keys; the mark (`recovery_mark`) that keeps the node from signing before the
other members were asked. A copy of an older log with younger keys, or the other way round, is harmless under the mark.

Sessions and one-time links of the backup are ended: one that was ended or used after the backup must not open anything
again, and who has them can't be known from a copy.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from concordat.errors import InputError, StateError, TrustError
from concordat.node import store_kinds
from concordat.node.backup import FILES
from concordat.node.backup_folder import BLOBS, newest
from concordat.node.hashed_files import sync_folder
from concordat.node.identity import locked
from concordat.node.manifest import Manifest, blob_path, check_files, read_manifest
from concordat.node.onlooker import chain_of, check_heads
from concordat.node.recovery_mark import Mark, put_mark
from concordat.node.sealed_keys import BYTES_MAX as KEYS_MAX
from concordat.node.sealed_keys import NAME as KEYS
from concordat.node.sealed_keys import put_keys, unseal
from concordat.node.store import Store
from concordat.node.store_kinds import reading, require_known, require_whole, version_of


@dataclass(frozen=True, slots=True)
class Restored:
    """A node that was brought back.

    Attributes:
        home: where. backup: from which folder. manifest: what it held. keys: whether the keys came with it. others: how
            many other members can be asked what was signed since; with none the node may sign at once.
    """

    home: Path
    backup: Path
    manifest: Manifest
    keys: bool
    others: int


def restore(source: Path, home: Path, *, now: datetime, keys_passphrase: str = "") -> Restored:
    """Bring a node back.

    Args:
        source: a backup, or a folder of backups: then the newest. home: where; must not be there, or be empty.
        now: UTC. keys_passphrase: opens the sealed keys; without it they are left out, as they are of a backup that has
            none: put them into `keys/` by hand.

    Raises:
        InputError: no backup there, or the passphrase is wrong. TrustError: a file that is torn or changed, by name; a
            log that is not under its signed heads. StateError: `home` is not empty, or a store is of a newer program.
            Nothing is left of a restoration that failed.
    """
    folder = newest(source)
    manifest = read_manifest(folder)
    _require_empty(home)
    part = home.with_name(f"{home.name}.restoring")
    if part.is_symlink():
        raise StateError("a symbolic link.", where=str(part), hint="Remove it.", code="link")
    try:
        part.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = locked(part)
    except OSError as error:
        with suppress(OSError):
            part.rmdir()  # as far as it is empty
        raise _failed(error, part) from None
    try:
        _clear(part)
        keys = _fill(folder, manifest, part, keys_passphrase)
        others = _checked(part, manifest)
        if others:
            why = f"restored from a backup of {manifest.made}, and the others were not asked yet."
            put_mark(part, Mark("recovering", why, f"{now:%Y-%m-%dT%H:%M:%SZ}"))
        _end_logins(part / "people.db", int(now.timestamp()))
        _sync(part)
        _require_empty(home)
        part.rename(home)  # takes the place of an empty folder, and of nothing else
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise _failed(error, home) from None
    except (InputError, StateError, TrustError, KeyboardInterrupt):
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        os.close(lock)
    try:
        sync_folder(home.parent)
    except OSError as error:
        what = f"restored, but its name may be lost with the power: {error.strerror or error}."
        raise StateError(what, where=str(home), hint="See that the disk is well.", code="not_written") from None
    return Restored(home, folder, manifest, keys, others)


def _require_empty(home: Path) -> None:
    if home.is_symlink() or (home.exists() and not home.is_dir()):
        raise StateError("that is no folder.", where=str(home), hint="Choose another with --home.", code="not_empty")
    if home.is_dir() and any(home.iterdir()):
        what = "the folder is not empty, and nothing in it is overwritten."
        hint = "Choose another with --home, or move this one away if you mean it."
        raise StateError(what, where=str(home), hint=hint, code="not_empty")


def _clear(part: Path) -> None:
    """Remove what an interrupted restoration left, but for the lock that is held."""
    for path in sorted(part.iterdir()):
        if path.name == "lock":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _fill(folder: Path, manifest: Manifest, part: Path, passphrase: str) -> bool:
    """Copy what the backup holds, each file checked on both sides; whether the keys came with it."""
    shelf = folder.parent / BLOBS
    check_files(folder, manifest, shelf)
    for kind in store_kinds.STORES:
        if kind.name in manifest.stores:
            require_known(kind, manifest.stores[kind.name], str(folder / kind.file))
    unknown = sorted(set(manifest.stores) - {kind.name for kind in store_kinds.STORES})
    if unknown:
        what = f'it holds a store "{unknown[0][:40]}" that this program does not know.'
        raise StateError(what, where=str(folder), hint="Install a newer Concordat.", code="newer")
    keys = b""
    for path in sorted(manifest.files):
        if path == KEYS:
            keys = (folder / path).read_bytes()[: KEYS_MAX + 1]
        else:
            _copy(folder / path, part / path, manifest.files[path][1])
    for digest in sorted(manifest.blobs):
        _copy(blob_path(shelf, digest), blob_path(part / FILES, digest), digest)
    if keys and passphrase:
        about = f"{manifest.bloc}/{manifest.member} {manifest.made}"
        put_keys(part, unseal(keys, passphrase, about, str(folder / KEYS)))
    return bool(keys and passphrase)


def _copy(source: Path, target: Path, digest: str) -> None:
    """Copy a file without following links; what arrives has the hash that was checked.

    Raises:
        TrustError: it changed in between. OSError: the disk refuses.
    """
    from hashlib import sha256

    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    found, nofollow = sha256(), getattr(os, "O_NOFOLLOW", 0)
    with (
        os.fdopen(os.open(source, os.O_RDONLY | nofollow), "rb") as reader,
        os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | nofollow, 0o600), "wb") as writer,
    ):
        while chunk := reader.read(1 << 20):
            found.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    if found.hexdigest() != digest:
        raise TrustError("the file changed while it was copied.", where=str(source), code="torn")


def _checked(part: Path, manifest: Manifest) -> int:
    """What was copied is whole and under its signed heads; how many other members there are."""
    for kind in store_kinds.STORES:
        if kind.name not in manifest.stores:
            continue
        db = reading(part / kind.file)
        try:
            require_whole(db, kind.file)
            if version_of(db, kind.file) != manifest.stores[kind.name]:
                raise TrustError("the manifest says another version.", where=kind.file, code="manifest")
        finally:
            db.close()
    log = Store(part / "log.db", readonly=True)
    try:
        chain = chain_of(part, log)
        if check_heads(log, chain) != dict(manifest.heads):
            raise TrustError("the manifest says other heads.", where="log.db", code="manifest")
    finally:
        log.close()
    return len([m for m in chain.last.active if m.id != manifest.member])


def _end_logins(path: Path, now: int) -> None:
    """End every session and one-time link; everybody logs in again, and the operator makes new links.

    Raises:
        StateError: not written.
    """
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous=FULL")
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE session SET ended = ? WHERE ended = 0", (now,))
            db.execute("UPDATE link SET expires = ? WHERE used = 0 AND expires > ?", (now, now))
            db.execute("COMMIT")
    except sqlite3.Error as error:
        hint = "Free some space, or choose another folder with --home; nothing was left behind."
        raise StateError(f"sessions can't be ended: {error}.", where=path.name, hint=hint, code="not_written") from None


def _sync(part: Path) -> None:
    for folder in sorted((p for p in part.rglob("*") if p.is_dir()), reverse=True):
        sync_folder(folder)
    sync_folder(part)


def _failed(error: OSError, home: Path) -> StateError:
    hint = "Free some space, or choose another folder with --home; nothing was left behind."
    return StateError(f"not restored: {error.strerror or error}.", where=str(home), hint=hint, code="not_written")
