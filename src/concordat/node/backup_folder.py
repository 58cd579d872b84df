"""A folder of backups: who may write there, what an interrupted process left, which backups stay."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from concordat.errors import ConcordatError, InputError, StateError
from concordat.node.hashed_files import HashedFiles
from concordat.node.identity import Identity
from concordat.node.manifest import NAME, Manifest, read_manifest

BLOBS = "blobs"
SPARE = 8 * 2**20  # bytes that must stay free behind a backup
_UNFINISHED = re.compile(r"[A-Z0-9]+-[0-9]{8}T[0-9]{6}Z(-[0-9]+)?\.part")


def newest(folder: Path, member: str = "", bloc: str = "") -> Path:
    """The newest backup in a folder of backups; the folder itself if it is one.

    Raises:
        InputError: there is none, or there are backups of several nodes and none was named.
    """
    if (folder / NAME).exists():
        return folder
    found = [(m.made, path.name, path, m) for path, m in finished(folder)]
    found = [f for f in found if (not member or f[3].member == member) and (not bloc or f[3].bloc == bloc)]
    if not found:
        hint = "Make one: concordat node backup DIR"
        raise InputError("there is no finished backup here.", where=str(folder), hint=hint, code="no_backup")
    nodes = sorted({f"{m.bloc}/{m.member}" for _, _, _, m in found})
    if len(nodes) > 1:
        what = f"there are backups of {', '.join(nodes)}."
        raise InputError(what, where=str(folder), hint="Name the folder of one backup.", code="several")
    return max(found, key=lambda f: f[:2])[2]


def finished(folder: Path) -> list[tuple[Path, Manifest]]:
    """Every finished backup in a folder with its manifest, by name.

    Raises:
        TrustError: a manifest that is damaged.
    """
    try:
        below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=str(folder), code="unreadable") from None
    return [(path, read_manifest(path)) for path in below if path.suffix != ".part" and (path / NAME).exists()]


@contextmanager
def made_folder(target: Path) -> Iterator[None]:
    """A folder of backups, made if it is not there; what the disk refuses inside is told in our words."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise failed(error, target) from None


@contextmanager
def held(target: Path) -> Iterator[None]:
    """Be the one who writes into a folder of backups."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(target / "lock", flags, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(handle, 20).decode("ascii", "replace").strip() or "unknown"
            what = f"another process (number {owner}) writes a backup here."
            raise StateError(what, where=str(target), hint="Wait for it.", code="locked") from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        os.close(handle)


def sweep(target: Path) -> None:
    """Remove what an earlier process left unfinished."""
    for path in sorted(target.iterdir()):
        if _UNFINISHED.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
    HashedFiles(target / BLOBS).sweep()


def require_apart(home: Path, target: Path) -> None:
    """The folder of backups is not in the node's own, nor that in it.

    Raises:
        InputError: it is.
    """
    a, b = home.resolve(), target.resolve()
    if a == b or a in b.parents or b in a.parents:
        what = "the node's own folder and its backups lie one in the other."
        raise InputError(what, where=str(target), hint="Back up to another disk.", code="home")


def require_room(home_files: HashedFiles, target: Path, stores: Sequence[Path]) -> None:
    """There is room for a backup.

    Raises:
        StateError: there isn't.
    """
    shelf = HashedFiles(target / BLOBS)
    needed = sum(path.stat().st_size for path in stores) + SPARE
    needed += sum(size for digest, size in home_files.all() if not shelf.has(digest))
    free = shutil.disk_usage(target).free
    if free < needed:
        what = f"{free // 2**20:,} MB are free; this backup needs {needed // 2**20:,}."
        raise StateError(what, where=str(target), hint="Remove older backups, or choose another disk.", code="full")


def free_name(target: Path, stem: str) -> str:
    """A name that nothing in the folder has."""
    taken = {path.name.removesuffix(".part") for path in target.iterdir()}
    names = (stem if n == 1 else f"{stem}-{n}" for n in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def prune(target: Path, identity: Identity, keep: int) -> tuple[str, ...]:
    """Delete the oldest backups of this node beyond `keep`, and blobs that no backup names; the names deleted."""
    try:
        kept = finished(target)
    except ConcordatError:
        return ()  # a manifest can't be read: what it needs is not known, so nothing goes
    own = [(m.made, path.name, path) for path, m in kept if (m.bloc, m.member) == (identity.bloc, identity.member)]
    gone = [path for _, _, path in sorted(own)[:-keep]] if keep else []
    for path in gone:
        unfinished = path.with_name(f"{path.name}.part")  # first it stops being a backup, then it goes
        path.rename(unfinished)
        shutil.rmtree(unfinished)
    named = {digest for path, m in kept if path not in gone for digest in m.blobs}
    shelf = HashedFiles(target / BLOBS)
    shelf.remove(digest for digest, _ in shelf.all() if digest not in named)
    return tuple(path.name for path in gone)


def failed(error: OSError | sqlite3.Error, target: Path) -> StateError:
    """What the disk or SQLite refused, as one of our errors."""
    words = (error.strerror if isinstance(error, OSError) else None) or str(error)
    hint = "Free some space, or choose another disk; earlier backups are as they were."
    return StateError(f"the backup was not made: {words}.", where=str(target), hint=hint, code="not_written")
