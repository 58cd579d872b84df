"""What a node noted of its long logs, in files of its own (`noted/`), so that a start need not work it out again.

One file a log: `ledger.noted` and behind it a mark that only this node's log key makes (`Signer.own_mark`). A file that
is torn, another's, or of another release is as good as none: then the log is read as if nothing were noted. So it may
be lost or deleted at any time, and no backup has it. A file is written when a log has grown by an eighth since the last
time, beside the running node once a minute and when the node is closed.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from concordat.errors import ConcordatError
from concordat.ledger.noted import Noted, hash_of
from concordat.node.identity import write_private

if TYPE_CHECKING:
    from concordat.ledger.shelf import MemberLog
    from concordat.ledger.signer import Signer

FOLDER = "noted"  # in the node's folder
LOTS_MIN = 4  # a shorter log is read in a blink
PART = 8
MARK = 32


class NotedFiles:
    """The files of one node.

    Args:
        home: its folder. signer: its keys, which know the files again. lot: entries in a lot, as the store gives them.
    """

    def __init__(self, home: Path, signer: Signer, lot: int) -> None:
        self._folder, self._signer, self._lot = home / FOLDER, signer, lot
        # The hashes of the lots that were read, of which so many are noted in the file.
        self._of: dict[str, tuple[MemberLog, tuple[bytes, ...], int]] = {}

    def read(self, origin: str) -> Noted | None:
        """What is noted of a log; None if nothing is that this node made of it."""
        try:
            data = self._path(origin).read_bytes()
        except OSError:
            return None
        if not hmac.compare_digest(data[-MARK:], self._signer.own_mark(memoryview(data)[:-MARK])):
            return None
        found = Noted.parse(data, len(data) - MARK)
        return found if found is not None and (found.origin, found.lot) == (origin, self._lot) else None

    def took(self, log: MemberLog, noted: Noted) -> None:
        """What is noted was found to be of a log that was opened."""
        self._of[log.origin] = log, noted.lots, len(noted.lots)

    def note(self, log: MemberLog, stored: int) -> bool:
        """Note the first `stored` entries, if enough of them are new; whether it was done. Any one thread may ask.

        Every entry that is not noted yet is read again and held against the tree of the log; once, if the file can't be
        written.

        Raises:
            TrustError: one is not the one that was logged. StateError: it can't be read, or nothing can be written.
        """
        same, lots, noted = self._of.get(log.origin, (log, (), 0))
        if same is not log:  # it was replaced by the one that a quorum saw
            self._of.pop(log.origin)
            lots, noted = (), 0
        count = stored // self._lot
        if count - noted < max(LOTS_MIN, noted // PART):
            return False
        starts = range(len(lots) * self._lot, count * self._lot, self._lot)
        lots += tuple(hash_of(list(log.entries.leaves[start : start + self._lot])) for start in starts)
        self._of[log.origin] = log, lots, noted
        parts = Noted.of(log.origin, self._lot, lots, log.tree, log.entries.places()).parts()
        write_private(self._path(log.origin), *parts, self._signer.own_mark(*parts))
        self._of[log.origin] = log, lots, count
        return True

    def note_or_leave(self, log: MemberLog, stored: int) -> None:
        """As `note`; where that fails, the next start takes longer, and who reads or writes the log is told why."""
        with suppress(ConcordatError, OSError):
            self.note(log, stored)

    def _path(self, origin: str) -> Path:
        return self._folder / sha256(origin.encode()).hexdigest()[:32]
