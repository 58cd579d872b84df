"""What does a disk hold when the power goes? A file layer that records every write and flush, and can fail at each.

`FaultDisk` stands under SQLite as a VFS (through the package apsw, which tests install): the database runs on real
files while each write, truncation, deletion and flush is noted. From the notes `cuts` makes, for every one of them,
the files that may be found after a power cut there. What was flushed is there; of what was not, any part may be:

    kept      all of it (a process that is killed leaves this)
    lost      nothing of it
    torn      all, but the last write stopped in the middle of a sector
    garbage   all, but the second half of the last write holds something else
    last      only the last write: the disk changed the order
    holes     every second write

Six are not all subsets, but each is a way in which disks are known to fail (Pillai et al., "All file systems are not
created equal", OSDI 2014), and each is tried at every step, none drawn by lot. `fail_at` instead lets one call fail
while the program runs, as a full disk or a failed flush does; the disk then takes nothing more and counts who still
tries.
"""

# mypy: disable-error-code="misc"
# apsw is there in tests alone, so its classes may be unknown here.

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

WAYS = ("kept", "lost", "torn", "garbage", "last", "holes")
FAILURES = ("write", "full", "flush")
_names = itertools.count()


class Step(NamedTuple):
    """One call: `write`, `truncate` (to the size `offset`), `delete`, `flush`; or `said`: `data` was acknowledged."""

    kind: str
    name: str
    offset: int = 0
    data: bytes = b""


@dataclass
class FaultDisk:
    """A recording of what was asked of the disk, and the call that shall fail.

    Attributes:
        steps: everything so far. fail_at: the number of the write or flush that fails, counted from 1; 0 for none.
        failure: how: `write` (half of it lands), `full`, `flush`. failed: whether it has. tried_after: writes and
        flushes
            asked for since then.
    """

    steps: list[Step] = field(default_factory=list)
    fail_at: int = 0
    failure: str = "flush"
    failed: bool = False
    tried_after: int = 0
    _calls: int = 0

    def said(self, what: bytes) -> None:
        """Note that somebody was told something: from here on it must be found."""
        self.steps.append(Step("said", "", 0, what))

    def note(self, step: Step) -> str:
        """Note a call; how it fails, empty if it doesn't."""
        if self.failed:
            self.tried_after += 1
            return "dead"
        wanted = "flush" if self.failure == "flush" else "write"
        if self.fail_at and step.kind == wanted:
            self._calls += 1
            if self._calls == self.fail_at:
                self.failed = True
                if self.failure == "write":
                    self.steps.append(step._replace(data=step.data[: len(step.data) // 2]))
                return self.failure
        self.steps.append(step)
        return ""

    def connecting(self, address: str) -> Any:
        """A connection to a database on this disk: what `SqliteStore` takes.

        Raises:
            ImportError: apsw is not installed.
        """
        import apsw

        name = _register(self)
        flags = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        return apsw.Connection(address, flags=flags, vfs=name)


def _register(disk: FaultDisk) -> str:
    """Make a VFS that passes all calls on to the system's, and notes them."""
    import apsw

    def fail(how: str) -> None:
        if how == "full":
            raise apsw.FullError("the disk is full (as told)")
        if how:
            raise apsw.IOError("the disk failed (as told)")

    class File(apsw.VFSFile):
        def __init__(self, name: Any, flags: list[int]) -> None:
            self.name = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name)).name
            super().__init__("", name, flags)

        def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
            how = disk.note(Step("write", self.name, offset, bytes(data)))
            if how == "write":
                super().xWrite(data[: len(data) // 2], offset)
            fail(how)
            super().xWrite(data, offset)

        def xTruncate(self, size: int) -> None:  # noqa: N802
            fail(disk.note(Step("truncate", self.name, size)))
            super().xTruncate(size)

        def xSync(self, flags: int) -> None:  # noqa: N802
            fail(disk.note(Step("flush", self.name)))
            super().xSync(flags)

    class Vfs(apsw.VFS):
        def __init__(self, name: str) -> None:
            self.name = name
            super().__init__(name, "")

        def xOpen(self, name: Any, flags: list[int]) -> File:  # noqa: N802
            return File(name, flags)

        def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
            fail(disk.note(Step("delete", Path(name).name)))
            if sync:
                fail(disk.note(Step("flush", Path(name).name)))
            super().xDelete(name, sync)

    made = Vfs(f"concordat-fault-{next(_names)}")
    _made.append(made)
    return made.name


_made: list[Any] = []  # SQLite keeps pointers to them


# --- What may be found afterwards ------------------------------------------------------------------------------------


class Cut(NamedTuple):
    """The files after a power cut: behind which step, in what way, and what had been acknowledged by then."""

    at: int
    way: str
    said: tuple[bytes, ...]
    files: dict[str, bytes]


def unflushed(waiting: list[Step], step: Step) -> list[Step]:
    """What waits to be flushed behind one more step."""
    if step.kind == "flush":
        return [one for one in waiting if one.name != step.name]
    return waiting if step.kind == "said" else [*waiting, step]


def cuts(
    steps: list[Step], start: dict[str, bytes] | None = None, behind: int = 1, before: list[Step] | None = None
) -> Iterator[Cut]:
    """Every power cut of a recording: behind each step, in each way that leaves something else.

    Args:
        steps: of a `FaultDisk`. start: the files that were there before, flushed. behind: no cut before that step.
        before: what an earlier process wrote to them and did not flush.
    """
    flushed = {name: bytearray(data) for name, data in (start or {}).items()}
    waiting: list[Step] = list(before or ())
    said: list[bytes] = []
    for number, step in enumerate(steps, start=1):
        if step.kind == "said":
            said.append(step.data)
        elif step.kind == "flush":
            mine = [one for one in waiting if one.name == step.name]
            if not mine or mine[-1].kind != "delete":
                flushed.setdefault(step.name, bytearray())
            _apply(flushed, mine)
        waiting = unflushed(waiting, step)
        if number >= behind:
            yield from _ways(flushed, waiting, number, tuple(said))


def _ways(flushed: dict[str, bytearray], waiting: list[Step], number: int, said: tuple[bytes, ...]) -> Iterator[Cut]:
    seen: list[dict[str, bytes]] = []
    for way in WAYS if waiting else ("kept",):
        files = {name: bytearray(data) for name, data in flushed.items()}
        _apply(files, _surviving(waiting, way))
        found = {name: bytes(data) for name, data in files.items()}
        if found not in seen:
            seen.append(found)
            yield Cut(number, way, said, found)


def _surviving(waiting: list[Step], way: str) -> list[Step]:
    """What of the calls that were not flushed reached the disk."""
    if way == "lost":
        return []
    if way == "holes":
        return waiting[1::2]
    if way == "last":
        return waiting[-1:]
    if way == "kept" or waiting[-1].kind != "write":
        return waiting
    last, half = waiting[-1], len(waiting[-1].data) // 2 + 1
    rest = b"" if way == "torn" else b"\xa5" * (len(last.data) - half)
    return [*waiting[:-1], last._replace(data=last.data[:half] + rest)]


def _apply(files: dict[str, bytearray], steps: list[Step]) -> None:
    for step in steps:
        if step.kind == "delete":
            files.pop(step.name, None)
            continue
        data = files.setdefault(step.name, bytearray())
        if step.kind == "truncate":
            del data[step.offset :]
            data.extend(bytes(step.offset - len(data)))
        else:
            data.extend(bytes(max(0, step.offset - len(data))))
            data[step.offset : step.offset + len(step.data)] = step.data
