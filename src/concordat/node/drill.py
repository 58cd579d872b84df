"""Would the backup bring this node back? The newest is restored into a temporary folder, verified, folded, compared.

Steps: `restore` (every file, pages, tiles, signed heads), then everything from bytes to finality (`verify_disk`), then
the council's state after each final batch, held against the running node's, and an engine's ledger replayed. A backup
is older than the node: the two must agree at every batch that the backup has. No key is used and the running node is
not disturbed. A drill that was good is remembered; `doctor` warns when the last one is over 90 days old.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from concordat.errors import InputError, TrustError
from concordat.ledger.membership import Point
from concordat.node.abci_ledger import EngineLedger
from concordat.node.backup_folder import newest
from concordat.node.home import Node
from concordat.node.identity import read_identity
from concordat.node.manifest import read_manifest
from concordat.node.onlooker import Onlooker, state_hashes
from concordat.node.records import DrillDone, moment_of, write_record
from concordat.node.restore import restore
from concordat.node.stores import SQLITE
from concordat.node.whole_disk import verify_disk

States = Sequence[tuple[Point, str]]


@dataclass(frozen=True, slots=True)
class Drilled:
    """A drill that was good.

    Attributes:
        backup: which folder. made: when it was made, in UTC. age_s: how old its data were. seconds: from the first byte
            to a node that could serve. entries: restored. batches: final batches that were compared. behind: how many
            the running node has more. state: the state's hash at the backup's last final batch; empty if none is final.
    """

    backup: Path
    made: str
    age_s: int
    seconds: float
    entries: int
    batches: int
    behind: int
    state: str


def drill(
    home: Path,
    folder: Path,
    *,
    now: datetime,
    keys_passphrase: str = "",
    room: Path | None = None,
    database: str = SQLITE,
) -> Drilled:
    """Try the newest backup of a node.

    Args:
        home: the node's folder. folder: a backup, or a folder of backups. now: UTC. keys_passphrase: tries the sealed
            keys as well. room: where the temporary folder is made; by default where the machine has such folders.
        database: where the running node's log is, as in the settings.

    Raises:
        InputError: no backup of this node there. TrustError: the backup is torn, or the two states differ: the first
            batch at which they do is named. StateError: no room, or a store of a newer program.
    """
    identity = read_identity(home)
    chosen = newest(folder, identity.member, identity.bloc)
    manifest = read_manifest(chosen)
    if (manifest.bloc, manifest.member) != (identity.bloc, identity.member):
        what = f"a backup of {manifest.bloc}/{manifest.member}; this node is {identity.bloc}/{identity.member}."
        raise InputError(what, where=str(chosen), hint="Name a folder with backups of this node.", code="other_node")
    with tempfile.TemporaryDirectory(prefix="concordat-drill-", dir=room) as place:
        started = time.monotonic()
        restored = restore(chosen, Path(place) / "node", now=now, keys_passphrase=keys_passphrase)
        with Onlooker(restored.home) as copy:
            verify_disk(copy)
            here = state_hashes(copy)
            _replay_engine(restored.home, copy)
            seconds = time.monotonic() - started
    with Onlooker(home, database) as running:
        there = state_hashes(running)
    compare(here, there, str(chosen))
    age = max(int((now - moment_of(manifest.made)).total_seconds()), 0)
    state = here[-1][1] if here else ""
    done = Drilled(chosen, manifest.made, age, seconds, manifest.entries, len(here), len(there) - len(here), state)
    write_record(home, DrillDone(f"{now:%Y-%m-%dT%H:%M:%SZ}", manifest.made, done.entries, round(seconds, 3), state))
    return done


def _replay_engine(home: Path, copy: Node) -> None:
    """An engine's ledger, if there is one, comes to the hash that its last block had.

    Raises:
        TrustError: it doesn't.
    """
    path = home / "engine" / "ledger.db"
    if path.is_file():
        EngineLedger(path, copy.chain).close()  # it replays every batch when it is opened


def compare(backup: States, running: States, where: str) -> None:
    """Both came to the same state behind every batch that the backup has.

    Args:
        backup, running: (batch, state hash) of each final batch, in order. where: names the backup in a message.

    Raises:
        TrustError: the first batch at which they differ, or one that the running node does not have.
    """
    hint = "Run concordat node verify, and compare both with another member's."
    for place, (point, state) in enumerate(backup):
        if place >= len(running):
            what = f"batch {place + 1} ({point}) is final in the backup, and not in the running node."
            raise TrustError(what, where=where, hint=hint, code="behind")
        if running[place] != (point, state):
            what = (
                f"the states differ at batch {place + 1} ({point}): {state[:16]} here, {running[place][1][:16]} there."
            )
            raise TrustError(what, where=where, hint=hint, code="state")
