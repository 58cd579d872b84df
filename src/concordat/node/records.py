"""What a node remembers of its operator's care: the last backup, the last drill that was good.

Two small files in the node's folder, written by `backup` and `drill`, read by `doctor`, `/status` and the metrics. They
are no part of a backup: a restored node has had neither.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from concordat.node.identity import write_private


@dataclass(frozen=True, slots=True)
class BackupMade:
    """The last backup: when (UTC), which folder, how many entries."""

    made: str
    folder: str
    entries: int


@dataclass(frozen=True, slots=True)
class DrillDone:
    """The last good drill: when (UTC), of a backup made when, how many entries, seconds to ready, the state's hash."""

    at: str
    backup_made: str
    entries: int
    seconds: float
    state: str


R = TypeVar("R", BackupMade, DrillDone)
_FILES: dict[type, str] = {BackupMade: "last-backup.json", DrillDone: "last-drill.json"}


def write_record(home: Path, record: BackupMade | DrillDone) -> None:
    """Remember it.

    Raises:
        StateError: not written.
    """
    write_private(home / _FILES[type(record)], json.dumps(asdict(record), sort_keys=True).encode() + b"\n")


def read_record(home: Path, kind: type[R]) -> R | None:
    """What is remembered; None if there is nothing, or nothing that can be read."""
    try:
        raw = json.loads((home / _FILES[kind]).read_bytes())
        record = kind(**raw)
        moment_of(record.made if isinstance(record, BackupMade) else record.at)
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return record


def moment_of(text: str) -> datetime:
    """`2026-11-26T16:33:00Z` as a time in UTC.

    Raises:
        ValueError: it is none.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
