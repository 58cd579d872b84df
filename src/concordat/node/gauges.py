"""How things stand when the metrics are asked for: what is a level and not an event is looked up then, not kept.

Members and their logs (the closed lists of labels), peers, jobs, the age of the last backup, and how many days the
membership file and the certificate have left.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from concordat.errors import ConcordatError
from concordat.ledger.membership import MembershipChain
from concordat.node.doctor import tls_days_left
from concordat.node.metrics import Metrics
from concordat.node.postgres import is_postgres
from concordat.node.records import BackupMade, moment_of, read_record
from concordat.node.store_kinds import reading
from concordat.node.stores import SQLITE, open_people

_COUNTS = "SELECT state, count(*) FROM job GROUP BY state"


def refresh(
    metrics: Metrics, home: Path, chain: MembershipChain, status: Mapping[str, Any], tls_cert: str, now: datetime,
    database: str = SQLITE,
) -> None:  # fmt: skip
    """Set every level.

    Args:
        home: the node's folder. status: what the operator is told (`Service.status`). tls_cert: as in the settings.
        now: UTC. database: where the store of people is, as in the settings.
    """
    views = range(1, int(status["final"]["view"]) + 2)
    origins = {m.origin for version in chain.versions for m in version.members}
    origins |= {chain.last.council_origin(view) for view in views}
    metrics.members([peer["member"] for peer in status["peers"]], origins)
    for peer in status["peers"]:
        metrics.peer(peer["member"], peer["lag"], peer["waits_s"])
    backup = read_record(home, BackupMade)
    metrics.backup(None if backup is None else moment_of(backup.made), now)
    metrics.expires("membership", chain.last.days_left(now))
    if tls_cert:
        with suppress(ConcordatError):  # the server has read it; one that can't be read any more is doctor's to tell
            metrics.expires("tls", tls_days_left(Path(tls_cert), now))
    metrics.jobs(job_counts(home, database))


def job_counts(home: Path, database: str = SQLITE) -> dict[str, int]:
    """Jobs by state; none where this node has no people and so no jobs."""
    if is_postgres(database):
        with suppress(ConcordatError), closing(open_people(home, database)) as people:
            return dict(people.rows(_COUNTS))
        return {}
    if not (home / "people.db").is_file():
        return {}
    with suppress(sqlite3.Error, ConcordatError), closing(reading(home / "people.db")) as db:
        return dict(db.execute(_COUNTS))
    return {}
