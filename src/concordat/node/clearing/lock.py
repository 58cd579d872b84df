"""One writer for each ledger file, and what may not live on in processes that were forked from it.

The lock is the file `<name>.writer` beside the ledger, under the ledger's own name: a symbolic link leads to the same
lock. It goes with the process that took it. A fork would keep it, since a child has a copy of every open file; so in a
child the copies of locks (and of PostgreSQL's connection) are put to nothing.
"""

from __future__ import annotations

import json
import os
import platform
from contextlib import suppress
from pathlib import Path

from concordat.errors import StateError

_OWN: set[int] = set()  # open files that are this process's alone


def keep_from_children(handle: int) -> None:
    """From here on a forked child doesn't get this open file."""
    _OWN.add(handle)


def let_go(handle: int) -> None:
    """It is closed, or about to be."""
    _OWN.discard(handle)


def _in_child() -> None:
    """The number stays taken, so that whoever closes it in the child closes nothing else."""
    if _OWN:
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for handle in _OWN:
            os.dup2(nothing, handle, inheritable=False)
        os.close(nothing)
        _OWN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def own_name(path: Path) -> Path:
    """The name of a ledger file behind all symbolic links.

    Raises:
        StateError: no such name can be, or the file has a second name: each would have a log and a lock of its own.
    """
    try:
        found = path.resolve()
        names = found.stat().st_nlink if found.is_file() else 1
    except (OSError, ValueError, RuntimeError) as error:
        what = f"can't be opened: {getattr(error, 'strerror', '') or error}."
        raise StateError(what, where=str(path)[:200], code="store") from None
    if names > 1:
        what = f"the file has {names} names (hard links), and each would have a log and a lock of its own."
        raise StateError(what, where=str(path), hint="Copy it instead, and remove the other name.", code="two_names")
    return found


def lock_writer(path: Path) -> int:
    """Become the one writer of a file.

    Raises:
        StateError: another process is; it is named with its host.
    """
    import fcntl

    beside = path.with_name(path.name + ".writer")
    try:
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"can't be opened: {error.strerror}.", where=str(beside), code="store") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        named = _owner(handle)
        os.close(handle)
        what = f"{named} writes here, and a ledger has one writer."
        raise StateError(what, where=str(path), hint="Stop it first, or ask it.", code="two_writers") from None
    except OSError as error:
        os.close(handle)
        what = f"can't be locked: {error.strerror}."
        raise StateError(what, where=str(beside), hint="Put the ledger on a local disk.", code="store") from None
    keep_from_children(handle)
    with suppress(OSError):  # the name is a courtesy to the second one; on a full disk the lock holds without it
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps({"host": platform.node(), "pid": os.getpid()}).encode())
    return handle


def _owner(handle: int) -> str:
    try:
        owner = json.loads(os.read(handle, 1_000))
        return f"process {owner['pid']} on {owner['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def sync_folder(folder: Path) -> None:
    """Make the name of a new file durable: SQLite does so for its logs, not for the database itself.

    Raises:
        StateError: the disk refuses.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise StateError(f"the folder can't be flushed: {error.strerror}.", where=str(folder), code="store") from None


def unlock(handle: int) -> None:
    """Let the next writer in."""
    let_go(handle)
    os.close(handle)
