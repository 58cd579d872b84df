"""How the store touches the disk: whole files or none, one writer at a time, and errors that say what to do.

A file is written under `tmp/` in the data directory, flushed to the disk and renamed to its place: whoever reads sees
the whole file or no file. One writer works at a time; the lock file names it, and the next one waits some seconds. The
lock is the operating system's own (it goes away with its process), so a crash leaves nothing to clean up by hand.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from concordat.errors import StateError

Progress = Callable[[str], None]

WAIT_STEP_S = 0.1
WAIT_STEPS_MAX = 300  # 30 s: a cold `assess` writes for about one
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
# The commands of `concordat` that have commands of their own, so that two words name what runs.
GROUPS = (
    "bloc",
    "clearing",
    "connect",
    "council",
    "divide",
    "evidence",
    "index",
    "ledger",
    "node",
    "rulebook",
    "scenario",
    "web",
)
_COMMAND = re.compile(r"[a-z][a-z-]{0,30}")
_OTHER_PLACE = "set CONCORDAT_DATA_DIR to a folder"


def disk_error(error: OSError, path: Path) -> StateError:
    """The error for a file or folder of the store that the system refuses to write or read."""
    if error.errno in _FULL:
        return disk_full(path)
    if error.errno in _FORBIDDEN:
        return StateError(
            f"I may not read or write here ({os.strerror(error.errno or 0)}).",
            where=str(path),
            hint=f"Make it writable, or {_OTHER_PLACE} of your own.",
            code="no_permission",
        )
    hint = f"Look at the path, or {_OTHER_PLACE} that exists."
    return StateError(f"{error.strerror or error}.", where=str(path), hint=hint, code="disk")


def disk_full(path: Path) -> StateError:
    """The error for a full disk."""
    return StateError(
        "no space is left on this disk; nothing was left half written.",
        where=str(path),
        hint=f"Free some space, or {_OTHER_PLACE} on another disk, and run the command again.",
        code="disk_full",
    )


def make_folder(path: Path) -> None:
    """Make a folder and those above it.

    Raises:
        StateError: the system refuses.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, path) from None


def write_bytes(path: Path, data: bytes) -> None:
    """Write a new file whole and flush it to the disk; on any fault the file is removed again.

    Raises:
        StateError: disk full, no permission.
    """
    try:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise disk_error(error, path) from None


def flush_file(path: Path) -> None:
    """Flush a file that another library wrote."""
    fd = os.open(path, os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a finished file to its place; on any fault the temporary file is removed.

    Raises:
        StateError: the system refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(path)
        flush_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(error, path) from None


def flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system can (Windows cannot open a folder)."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class WriterLock:
    """The right to write in one data directory. May be entered again by the one who holds it."""

    def __init__(self, data_dir: Path, progress: Progress | None = None, steps: int = WAIT_STEPS_MAX) -> None:
        self.path = data_dir / "lock"
        self.tmp = data_dir / "tmp"
        self.progress = progress
        self.steps = steps
        self._depth = 0
        self._fd = -1

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock inside a `with` block.

        Raises:
            StateError: another process held it all the time we waited; it is named.
        """
        if self._depth == 0:
            self._acquire()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                os.close(self._fd)
                self._fd = -1

    def _acquire(self) -> None:
        make_folder(self.tmp)
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise disk_error(error, self.path) from None
        try:
            self._wait_for(fd)
            self._sign(fd)
            for left_over in sorted(self.tmp.iterdir()):  # of a process that was killed: only holders write here
                left_over.unlink(missing_ok=True)
        except OSError as error:
            os.close(fd)
            raise disk_error(error, self.tmp) from None
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def _wait_for(self, fd: int) -> None:
        for step in range(self.steps):
            if _try_lock(fd):
                return
            if step == 0 and self.progress is not None:
                self.progress(f"Waiting for {self._holder(fd)}, which is writing to {self.path.parent}.")
            time.sleep(WAIT_STEP_S)
        if not _try_lock(fd):
            raise StateError(
                f"{self._holder(fd)} is writing to this store and did not end within {self.steps * WAIT_STEP_S:.0f} s.",
                where=str(self.path),
                hint=f"Wait for it and run the command again, or {_OTHER_PLACE} of its own for this run.",
                code="locked",
            )

    def _holder(self, fd: int) -> str:
        text = os.pread(fd, 200, 0).decode("utf-8", "replace").strip() if hasattr(os, "pread") else ""
        return text or "another process"

    def _sign(self, fd: int) -> None:
        try:
            os.ftruncate(fd, 0)
            os.write(fd, f"process {os.getpid()} ({program_of(sys.argv)})\n".encode())
        except OSError as error:
            raise disk_error(error, self.path) from None


def program_of(argv: Sequence[str]) -> str:
    """The program and the names of its commands, without any value that was given to them: others can read the lock.

    >>> program_of(["/usr/bin/concordat", "evidence", "trace", "1f3a9c0d", "--data-dir", "/srv/secret"])
    'concordat evidence trace'
    >>> program_of(["/srv/nightly.py", "--key", "secret"])
    'nightly.py'
    """
    path, *words = argv or [""]
    parts = Path(path).parts
    if parts[-2:] == ("concordat", "__main__.py"):
        parts = ("concordat",)
    name = parts[-1][:60] if parts and parts[-1] != "-c" else "python"
    if name not in ("concordat", "concordat.exe"):
        return name
    commands = words[: 2 if words[:1] and words[0] in GROUPS else 1]
    return " ".join([name, *(word for word in commands if _COMMAND.fullmatch(word))])


def _try_lock(fd: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(fd, 1 << 20, os.SEEK_SET)  # a byte behind the text, so that others can still read who it is
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            os.lseek(fd, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
