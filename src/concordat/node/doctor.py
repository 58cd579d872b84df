"""What an operator should know before it matters: clock, disk, keys, expiry, backups, drills, stores, standing.

`facts_of` reads a node from outside (no lock, no key is needed, the node may run); `findings` is pure and grades each
fact good, warning or bad. Bad is what keeps the node from signing or serving now; a warning is what will. Limits:
membership 90 days before its end, a certificate 14, a backup late after 26 hours (daily, two hours' grace), a drill
after 90 days. What the settings leave open is a warning: plain HTTP or an unencrypted database beyond this machine, a
certificate that browsers don't trust, no scanner, no list of leaked passwords (`node.outside`). Sources: node-web.md 2,
2.3 and 8, ledger.md 7.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from concordat.errors import ConcordatError, InputError, StateError
from concordat.ledger.keys import has_mldsa
from concordat.ledger.membership import WARN_DAYS
from concordat.ledger.signer import Floor
from concordat.node.home import Node
from concordat.node.identity import Identity, read_floor, read_identity, read_signer
from concordat.node.onlooker import Onlooker
from concordat.node.outside import rows as outside
from concordat.node.postgres import Session, is_postgres
from concordat.node.records import BackupMade, DrillDone, moment_of, read_record
from concordat.node.recovery_mark import Mark
from concordat.node.settings import NodeSettings
from concordat.node.store_kinds import STORES, present, reading, version_of
from concordat.node.stores import SQLITE

CLOCK_S = 120
BACKUP_LATE_H = 26
DRILL_LATE_DAYS = 90
TLS_WARN_DAYS = 14
ROLES = ("log", "witness", "mirror")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `good`, `warning` or `bad`, what it is, what was found."""

    grade: str
    subject: str
    what: str


@dataclass(frozen=True, slots=True)
class Facts:
    """How a node stands.

    Attributes:
        now: UTC. ledger_time: the last, in seconds since 1970; 0 for none. free, reserve: bytes of the disk.
        roots: root keys that lie here. sealed: whether the key files are, None without any. open_files: that others can
            read. keys_match: whether they are those of the membership; None where it was not tried, with `keys_why`.
        membership: version, active members, days left, its end. mldsa: whether it is there.
        entries: of the own log. signed: what its keys remember; None if that can't be read.
        accusations: proofs of misconduct in words. mark: what keeps it from signing.
        backup_dir: the setting. backup, drill: the last ones. backup_there: whether that folder is found.
        tls_days: until the certificate ends; None without one. stores: (name, version found, version wanted).
        running: whether a process holds the folder. status: what that process says of itself; None if it says nothing.
        database: which PostgreSQL holds the stores, in words; empty for files. holder: who writes there.
        outside: what the settings mean for whoever is not this machine (`node.outside.rows`). damage: what on the
            disk is not as it was logged, in words.
        by_password: whether the node proves itself to PostgreSQL by a fixed password.
    """

    now: datetime
    ledger_time: int
    free: int
    reserve: int
    roots: int
    sealed: bool | None
    open_files: tuple[str, ...]
    keys_match: bool | None
    keys_why: str
    membership: tuple[int, int, int, str]
    mldsa: bool
    entries: int
    signed: int | None
    accusations: tuple[str, ...]
    mark: Mark | None
    backup_dir: str
    backup: BackupMade | None
    backup_there: bool
    drill: DrillDone | None
    tls_days: float | None
    stores: tuple[tuple[str, int, int], ...]
    running: bool = False
    status: Mapping[str, Any] | None = None
    database: str = ""
    holder: str = ""
    outside: tuple[tuple[str, str, str], ...] = ()
    by_password: bool = False
    damage: tuple[str, ...] = ()


def facts_of(
    home: Path,
    *,
    now: datetime,
    passphrase: str = "",
    reserve_mb: int = 512,
    backup_dir: str = "",
    tls_cert: str = "",
    ops: tuple[str, int] | None = None,
    database: str = SQLITE,
    settings: NodeSettings | None = None,
) -> Facts:
    """Look at a node, running or not.

    Args:
        home: its folder. now: UTC. passphrase: of its key files, to compare them with the membership. reserve_mb,
            backup_dir, tls_cert: as in the settings. ops: where the running node talks to its operator.
        database: where the stores are, as in the settings. settings: all of them, for what they leave open.

    Raises:
        StateError: no node there, or damaged. TrustError: its log is. InputError: the passphrase is wrong.
    """
    identity = read_identity(home)
    running = is_running(home)
    floor = _floor(home)  # before the log: a running node raises it after the log has grown
    with Onlooker(home, database) as node:
        replica, last = node.replica, node.chain.last
        view, size = replica.final()
        keys_match, why = _compare_keys(home, identity, passphrase, node)
        backup = read_record(home, BackupMade)
        holder, by_password = _holder(database, identity) if is_postgres(database) else ("", False)
        return Facts(
            now=now,
            ledger_time=replica.councils[view].progress_at(size).time if view else 0,
            free=shutil.disk_usage(home).free,
            reserve=reserve_mb * 2**20,
            roots=len(list((home / "roots").glob("root-*.json"))),
            sealed=_sealed(home),
            open_files=_open_files(home),
            keys_match=keys_match,
            keys_why=why,
            membership=(last.version, len(last.active), last.days_left(now), last.expires[:10]),
            mldsa=has_mldsa(),
            entries=replica.own.size,
            signed=None if floor is None else floor.heads.get(("log", replica.own.origin), (0, b""))[0],
            accusations=tuple(proof.sentence() for _, proof in sorted(replica.accusations.items())),
            mark=node.mark,
            backup_dir=backup_dir,
            backup=backup,
            backup_there=backup is not None and Path(backup.folder).is_dir(),
            drill=read_record(home, DrillDone),
            tls_days=tls_days_left(Path(tls_cert), now) if tls_cert else None,
            stores=_stores(home, database),
            database=node.store.where if is_postgres(database) else "",
            holder=holder,
            by_password=by_password,
            running=running,
            status=_status(ops, identity) if running and ops else None,
            outside=tuple(outside(settings, now)) if settings is not None else (),
            damage=tuple(node.spoilt),
        )


def findings(facts: Facts) -> list[Finding]:
    """Every fact with its grade, in a fixed order."""
    found: list[Finding] = []
    for part in _PARTS:
        found += [Finding(*row) for row in part(facts)]
    return found + [Finding("warning", "misconduct", sentence) for sentence in facts.accusations]


Rows = Iterable[tuple[str, str, str]]


def _clock(facts: Facts) -> Rows:
    shown = f"{facts.now:%Y-%m-%d %H:%M:%S} UTC"
    if not facts.ledger_time:
        yield "good", "clock", f"{shown}; no ledger time to compare it with yet"
        return
    behind = facts.ledger_time - int(facts.now.timestamp())
    if behind > CLOCK_S:
        what = f"{behind:,} s behind the last ledger time: this node cosigns nothing until it is set"
        yield "bad", "clock", what
    else:
        yield "good", "clock", f"{shown}, {max(-behind, 0):,} s after the last ledger time"


def _disk(facts: Facts) -> Rows:
    free, reserve = facts.free // 2**20, facts.reserve // 2**20
    if facts.free < facts.reserve:
        yield (
            "bad",
            "disk",
            f"{free:,} MB free, {reserve:,} needed: this node can read but not sign until there is room",
        )
    else:
        yield "good", "disk", f"{free:,} MB free"


def _keys(facts: Facts) -> Rows:
    if facts.roots:
        what = f"{facts.roots} lie on this machine: move them to paper or offline machines"
        yield "warning", "root keys", what
    else:
        yield "good", "root keys", "none on this machine"
    if facts.sealed is None:
        yield "bad", "key files", "none here: this node can't sign; bring them back into keys/"
    elif facts.sealed:
        yield "good", "key files", "sealed by a passphrase"
    else:
        yield "warning", "key files", "not sealed: whoever reads the disk can sign"
    if facts.keys_match is False:
        yield "bad", "membership keys", facts.keys_why or "the membership file names keys that this node does not have"
    if facts.open_files:
        names = ", ".join(facts.open_files)
        yield "bad", "key files", f"others can read {names}: chmod 600"


def _membership(facts: Facts) -> Rows:
    version, members, days, end = facts.membership
    if days < 0:
        yield "bad", "membership", f"version {version} expired on {end}: nothing new is final"
    elif days < WARN_DAYS:
        yield "warning", "membership", f"version {version} expires in {days} days: have version {version + 1} signed"
    else:
        yield "good", "membership", f"version {version}, {members} members, expires in {days} days"


def _mldsa(facts: Facts) -> Rows:
    if facts.mldsa:
        yield "good", "ML-DSA-44", "available: heads are signed twice"
    else:
        what = "not in this installation: classical signatures only; install cryptography 50 or later"
        yield "warning", "ML-DSA-44", what


def _own_log(facts: Facts) -> Rows:
    for words in facts.damage:
        yield "bad", "logs", words
    if facts.sealed is None:
        yield "good", "own log", f"{facts.entries:,} entries"
    elif facts.signed is None:
        what = "what the keys have signed is not known (keys/floor.json): nothing may be signed"
        yield "bad", "own log", what
    elif facts.entries < facts.signed:
        what = f"{facts.entries:,} entries here, {facts.signed:,} signed: take the other members' folders first"
        yield "bad", "own log", what
    else:
        yield "good", "own log", f"{facts.entries:,} entries"


def _standing(facts: Facts) -> Rows:
    if facts.mark is not None:
        yield "bad", "standing", f"{facts.mark.state} since {facts.mark.since}, nothing is signed: {facts.mark.why}"


def _store_versions(facts: Facts) -> Rows:
    for name, found, wanted in facts.stores:
        if found < wanted:
            yield "bad", f"{name} store", f"version {found}, this program needs {wanted}: concordat node upgrade"
        elif found > wanted:
            yield "bad", f"{name} store", f"version {found}, of a newer program; this one reads {wanted}"


def _database(facts: Facts) -> Rows:
    """Where the stores are in PostgreSQL, and who writes there; that nothing is lost there was asked when it opened."""
    if not facts.database:
        return
    yield "good", "database", f"{facts.database}, durable; {facts.holder or 'nobody writes there now'}"
    if facts.by_password:
        what = "this node proves itself by a fixed password: let it in by its socket (peer) or by a client certificate"
        yield "warning", "database", what
    if facts.running and not facts.holder:
        yield "warning", "database", "this node runs, and holds no lock there: it waits for the database"
    if facts.holder and not facts.running:
        yield "bad", "database", f"another program writes this node's log there: {facts.holder}"


def _backup(facts: Facts) -> Rows:
    if not facts.backup_dir:
        yield "warning", "backup", "no backup_dir in the settings: nobody but this machine has its people and drafts"
    if facts.backup is None:
        yield "warning", "backup", "none was made yet: concordat node backup DIR"
        return
    hours = int((facts.now - moment_of(facts.backup.made)).total_seconds() // 3600)
    if not facts.backup_there:
        yield "warning", "backup", f"{_age(hours)} old, and its folder is not found now: {facts.backup.folder}"
    elif hours >= BACKUP_LATE_H:
        yield "warning", "backup", f"LATE: {_age(hours)} old"
    else:
        yield "good", "backup", f"{_age(hours)} old, {facts.backup.entries:,} entries"


def _drill(facts: Facts) -> Rows:
    if facts.drill is None:
        yield "warning", "drill", "no backup was ever tried: concordat node drill DIR"
        return
    days = (facts.now - moment_of(facts.drill.at)).days
    if days > DRILL_LATE_DAYS:
        yield "warning", "drill", f"the last good one was {days} days ago: concordat node drill DIR"
    else:
        yield "good", "drill", f"good {days} days ago: {facts.drill.entries:,} entries ready in {facts.drill.seconds} s"


def _tls(facts: Facts) -> Rows:
    if facts.tls_days is None:
        return
    days = int(facts.tls_days)
    if facts.tls_days < 0:
        yield "bad", "certificate", f"ended {-days} days ago: browsers and peers refuse this node"
    elif facts.tls_days < TLS_WARN_DAYS:
        yield "warning", "certificate", f"ends in {days} days"
    else:
        yield "good", "certificate", f"ends in {days} days"


def _outside(facts: Facts) -> Rows:
    yield from facts.outside


def _server(facts: Facts) -> Rows:
    """What the running process says of itself; it is named where it says nothing."""
    if not facts.running:
        return
    if facts.status is None:
        yield "warning", "server", "a process holds the folder, and does not answer on ops_listen"
        return
    failing, peers = facts.status.get("failing") or {}, facts.status.get("peers") or ()
    if not failing:
        yield (
            "good",
            "server",
            f"ready, {sum(p.get('last_contact_s') is not None for p in peers)} of {len(peers)} peers",
        )
    for name, words in sorted(failing.items()):
        yield "bad", "server", f"not ready, {name}: {words}"
    for peer in peers:
        if peer.get("failures"):
            what = f"waits {peer.get('waits_s')} s after {peer['failures']} failures: {peer.get('note')}"
            yield "warning", f"peer {peer.get('member')}", what
    for words in (facts.status.get("alarms") or {}).values():
        yield "warning", "alarm", str(words)


def _age(hours: int) -> str:
    return f"{hours} h" if hours < 72 else f"{hours // 24} days"


_PARTS = (
    _clock, _disk, _keys, _membership, _mldsa, _own_log, _standing, _store_versions, _database, _backup, _drill,
    _tls, _outside, _server,
)  # fmt: skip


# --- Reading ----------------------------------------------------------------------------------------------------------


def tls_days_left(path: Path, now: datetime) -> float:
    """Days until the first certificate of a PEM chain ends; below 0 it has.

    Raises:
        InputError: it can't be read.
    """
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"no certificate: {error}.", where=str(path), code="certificate") from None
    return (certificate.not_valid_after_utc - now).total_seconds() / 86_400


def is_running(home: Path) -> bool:
    """Whether a process holds a node's folder."""
    try:
        handle = os.open(home / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _status(ops: tuple[str, int], identity: Identity) -> Mapping[str, Any] | None:
    """What the running node says, if it is this one."""
    from concordat.node.ops_client import ask

    try:
        found = ask(ops, "/status")
    except ConcordatError:
        return None
    return found if (found.get("bloc"), found.get("member")) == (identity.bloc, identity.member) else None


def _floor(home: Path) -> Floor | None:
    try:
        return read_floor(home)
    except StateError:
        return None


def _key_files(home: Path) -> list[Path]:
    return [home / "keys" / f"{role}.json" for role in (*ROLES, "node") if (home / "keys" / f"{role}.json").is_file()]


def _sealed(home: Path) -> bool | None:
    files = _key_files(home)
    return all(b'"sealed"' in path.read_bytes() for path in files) if files else None


def _open_files(home: Path) -> tuple[str, ...]:
    if os.name != "posix":
        return ()
    paths = [*(home / "keys").glob("*"), *(home / "roots").glob("*"), home / "people.db"]
    return tuple(sorted(path.name for path in paths if path.is_file() and path.stat().st_mode & 0o077))


def _compare_keys(home: Path, identity: Identity, passphrase: str, node: Node) -> tuple[bool | None, str]:
    """Whether the key files are those that the membership names; None where they are sealed or not here."""
    if not _key_files(home) or (_sealed(home) and not passphrase):
        return None, ""
    try:
        signer = read_signer(home, identity, passphrase)
    except InputError:
        raise
    except ConcordatError as error:
        return False, str(error)
    member = node.chain.last.member(identity.member)
    named = {str(key) for role in ROLES for key in getattr(member, role)}
    held = {str(key.key) for role in signer._keys.values() for key in role}
    return named <= held | {key for key in named if "+" not in key}, ""


def _holder(database: str, identity: Identity) -> tuple[str, bool]:
    """Who holds the lock of this node's log, and whether a password was needed to ask."""
    session = Session(database, "doctor")
    try:
        return session.holder(identity.name("log")), session.by_password
    finally:
        session.close()


def _stores(home: Path, database: str) -> tuple[tuple[str, int, int], ...]:
    """(name, version found, version wanted) of each; one in PostgreSQL of another version was refused before."""
    found = [(kind.name, kind.version, kind.version) for kind in STORES[:2] if is_postgres(database)]
    for kind, path in present(home, needed=not found):
        db = reading(path)
        try:
            found.append((kind.name, version_of(db, str(path)), kind.version))
        finally:
            db.close()
    return tuple(found)
