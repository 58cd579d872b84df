"""Did SQLite leave out a part of its log that had been flushed?

SQLite reads its log up to the first frame whose checksum fails, and takes that for the end: behind a power cut it is.
A frame that was flushed and went bad later looks the same, and all blocks behind it would be given up in silence. But
they still stand there: every transaction is flushed before the next one is written, so whatever follows the last frame
of one says that it was on the disk. Then the ledger must not go on.

The format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log. A frame's checksum goes on from that of the
frame before it, and its salts are those of the log's head, so frames of earlier rounds of the log don't count.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from pathlib import Path
from typing import NamedTuple

_HEAD, _FRAME = 32, 24
_MAGIC = {0x377F0682: "little", 0x377F0683: "big"}


class _Log(NamedTuple):
    """An open log whose head is whole."""

    handle: int
    frames: int
    page: int
    salts: bytes
    order: str
    sums: tuple[int, int]

    def place(self, number: int) -> int:
        return _HEAD + number * (_FRAME + self.page)

    def head(self, number: int) -> tuple[int, bytes, tuple[int, int]]:
        """(pages of the file if a transaction ends here, else 0; salts; checksum) of a frame."""
        data = os.pread(self.handle, _FRAME, self.place(number))
        _, ends, salts, one, two = struct.unpack(">II8sII", data.ljust(_FRAME, b"\0"))
        return ends, salts, (one, two)

    def follows(self, number: int, sums: tuple[int, int]) -> bool:
        """Whether a frame is whole and stands behind one with that checksum."""
        data = os.pread(self.handle, _FRAME + self.page, self.place(number))
        if len(data) < _FRAME + self.page or data[8:16] != self.salts:
            return False
        sums = _sum(data[_FRAME:], _sum(data[:8], sums, self.order), self.order)
        return data[16:24] == struct.pack(">II", *sums)


def lost_behind(path: Path) -> int | None:
    """The first frame of a log that can't be read though later transactions stand behind it; None if there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        log = _open(handle)
        return None if log is None else _search(log)
    finally:
        os.close(handle)


def _search(log: _Log) -> int | None:
    broken, sums = 0, log.sums
    while broken < log.frames and log.follows(broken, sums):
        sums = log.head(broken)[2]
        broken += 1
    ended = False  # a transaction ended in the row of whole frames that is looked at
    for number in range(broken, log.frames - 1):
        ends, salts, sums = log.head(number)
        if salts != log.salts or not log.follows(number + 1, sums):
            ended = False
            continue
        ended = ended or ends > 0
        if ended and log.head(number + 1)[0] == 0:  # and another one was begun behind it
            return broken
    return None


def _open(handle: int) -> _Log | None:
    """The log, if its head is whole: without it nothing can be said of the frames."""
    data = os.pread(handle, _HEAD, 0)
    if len(data) < _HEAD:
        return None
    magic, _, page, _, salts, one, two = struct.unpack(">IIII8sII", data)
    order = _MAGIC.get(magic, "")
    if not order or page < 512 or page & (page - 1) or _sum(data[:24], (0, 0), order) != (one, two):
        return None
    frames = (os.fstat(handle).st_size - _HEAD) // (_FRAME + page)
    return _Log(handle, frames, page, salts, order, (one, two))


def _sum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    words = array("I", data)
    if order != sys.byteorder:
        words.byteswap()
    one, two = sums
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two
