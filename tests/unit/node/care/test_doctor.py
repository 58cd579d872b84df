"""What the doctor says of each fact, and that it can look at a node in any state."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from concordat import clock
from concordat.errors import InputError, StateError, TrustError
from concordat.node.backup import backup
from concordat.node.doctor import Facts, facts_of, findings, tls_days_left
from concordat.node.drill import drill
from concordat.node.home import Node
from concordat.node.identity import Identity
from concordat.node.records import BackupMade, DrillDone, read_record, write_record
from concordat.node.recovery_mark import Mark, put_mark
from node_care_kit import NOW, copied, small_home

WELL = Facts(
    now=NOW, ledger_time=int(NOW.timestamp()) - 5, free=40 * 2**30, reserve=512 * 2**20, roots=0, sealed=True,
    open_files=(), keys_match=True, keys_why="", membership=(3, 10, 404, "2027-12-31"), mldsa=True, entries=4_190,
    signed=4_190, accusations=(), mark=None, backup_dir="b", backup=BackupMade("2026-11-22T10:00:00Z", "b/1", 4_000),
    backup_there=True, drill=DrillDone("2026-11-10T12:00:00Z", "2026-11-10T11:00:00Z", 4_000, 3.1, "a41c"),
    tls_days=100.0, stores=(("log", 1, 1), ("people", 1, 1)),
)  # fmt: skip


def hours(n: int) -> BackupMade:
    return BackupMade((NOW - timedelta(hours=n)).strftime("%Y-%m-%dT%H:%M:%SZ"), "b/1", 4_000)


def days(n: int) -> DrillDone:
    return DrillDone((NOW - timedelta(days=n)).strftime("%Y-%m-%dT%H:%M:%SZ"), "", 4_000, 3.1, "a41c")


STATUS = {"alarms": {}, "failing": {}, "peers": [{"last_contact_s": 3, "failures": 0}, {"last_contact_s": None}]}
BAD_PEER = {"member": "RUS", "failures": 4, "waits_s": 600, "note": "a proof that fails.", "last_contact_s": None}

CASES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"ledger_time": int(NOW.timestamp()) + 120}, "good", "clock", "0 s after the last ledger time"),
    ({"ledger_time": int(NOW.timestamp()) + 121}, "bad", "clock", "121 s behind the last ledger time"),
    ({"ledger_time": 0}, "good", "clock", "no ledger time to compare it with yet"),
    ({"free": 312 * 2**20}, "bad", "disk", "312 MB free, 512 needed"),
    ({"free": 512 * 2**20}, "good", "disk", "512 MB free"),
    ({"roots": 3}, "warning", "root keys", "3 lie on this machine"),
    ({"sealed": False}, "warning", "key files", "not sealed"),
    ({"sealed": None}, "bad", "key files", "none here"),
    ({"open_files": ("log.json",)}, "bad", "key files", "others can read log.json: chmod 600"),
    ({"keys_match": False}, "bad", "membership keys", "names keys that this node does not have"),
    ({"membership": (3, 10, -1, "2026-11-21")}, "bad", "membership", "version 3 expired on 2026-11-21"),
    ({"membership": (3, 10, 89, "2027-02-19")}, "warning", "membership", "in 89 days: have version 4 signed"),
    ({"membership": (3, 10, 90, "2027-02-20")}, "good", "membership", "version 3, 10 members, expires in 90 days"),
    ({"mldsa": False}, "warning", "ML-DSA-44", "classical signatures only"),
    ({"entries": 4_102}, "bad", "own log", "4,102 entries here, 4,190 signed"),
    ({"signed": None}, "bad", "own log", "keys/floor.json"),
    ({"mark": Mark("recovering", "a backup.", "2026-11-22T12:00:00Z")}, "bad", "standing", "recovering since 2026"),
    ({"stores": (("log", 1, 2),)}, "bad", "log store", "version 1, this program needs 2: concordat node upgrade"),
    ({"stores": (("log", 3, 2),)}, "bad", "log store", "of a newer program"),
    ({"backup_dir": ""}, "warning", "backup", "no backup_dir"),
    ({"database": "postgresql, x", "by_password": True}, "warning", "database", "a fixed password"),
    (
        {"outside": (("warning", "in the clear: listen", "plain HTTP"),)},
        "warning",
        "in the clear: listen",
        "plain HTTP",
    ),
    ({"backup": None}, "warning", "backup", "none was made yet"),
    ({"backup": hours(25)}, "good", "backup", "25 h old, 4,000 entries"),
    ({"backup": hours(31)}, "warning", "backup", "LATE: 31 h old"),
    ({"backup": hours(24 * 9)}, "warning", "backup", "LATE: 9 days old"),
    ({"backup_there": False}, "warning", "backup", "its folder is not found now: b/1"),
    ({"drill": None}, "warning", "drill", "no backup was ever tried"),
    ({"drill": days(12)}, "good", "drill", "good 12 days ago: 4,000 entries ready in 3.1 s"),
    ({"drill": days(90)}, "good", "drill", "good 90 days ago"),
    ({"drill": days(91)}, "warning", "drill", "91 days ago"),
    ({"tls_days": 14.0}, "good", "certificate", "ends in 14 days"),
    ({"tls_days": 13.9}, "warning", "certificate", "ends in 13 days"),
    ({"tls_days": -2.5}, "bad", "certificate", "ended 2 days ago"),
    ({"running": True}, "warning", "server", "does not answer on ops_listen"),
    ({"running": True, "status": STATUS}, "good", "server", "ready, 1 of 2 peers"),
    ({"running": True, "status": {**STATUS, "failing": {"disk": "No."}}}, "bad", "server", "not ready, disk: No."),
    ({"running": True, "status": {**STATUS, "alarms": {"x": "A fork."}}}, "warning", "alarm", "A fork."),
    (
        {"running": True, "status": {**STATUS, "peers": [BAD_PEER]}},
        "warning",
        "peer RUS",
        "waits 600 s after 4 failures",
    ),
    ({"accusations": ("RUS signed two logs.",)}, "warning", "misconduct", "RUS signed two logs."),
]


def test_a_node_that_is_well() -> None:
    found = findings(WELL)
    assert {f.grade for f in found} == {"good"}
    assert [f.subject for f in found] == [
        "clock", "disk", "root keys", "key files", "membership", "ML-DSA-44", "own log", "backup", "drill",
        "certificate",
    ]  # fmt: skip


@pytest.mark.parametrize(("change", "grade", "subject", "said"), CASES)
def test_each_fact_has_its_grade(change: dict[str, Any], grade: str, subject: str, said: str) -> None:
    found = findings(replace(WELL, **change))
    assert [f for f in found if (f.grade, f.subject) == (grade, subject) and said in f.what], found
    if grade == "good":
        assert {f.grade for f in found} == {"good"}
    else:
        assert [f.grade for f in found if f.grade != "good"] == [grade]


# --- A node on the disk -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_home(tmp_path_factory.mktemp("source"))


@pytest.fixture
def home(source: Path, tmp_path: Path) -> Path:
    return copied(source, tmp_path / "home")


def grades(home: Path, **more: Any) -> dict[str, str]:
    order = ("good", "warning", "bad")
    found: dict[str, str] = {}
    for f in findings(facts_of(home, **{"now": NOW, "reserve_mb": 1, **more})):
        found[f.subject] = max(f.grade, found.get(f.subject, "good"), key=order.index)
    return found


def test_a_running_node_is_looked_at_without_stopping_it(home: Path) -> None:
    with clock.fixed(NOW), Node(home) as node:
        found = grades(home)
        node.write("Said", {"word": "four"}, "council")
    assert found == {
        "server": "warning",  # a process holds it; it is not asked here
        "clock": "good", "disk": "good", "root keys": "warning", "key files": "warning", "membership": "good",
        "ML-DSA-44": "good", "own log": "good", "backup": "warning", "drill": "warning",
    }  # fmt: skip


def test_backup_and_drill_are_seen(home: Path, tmp_path: Path) -> None:
    backup(home, tmp_path / "b", now=NOW, program="1")
    drill(home, tmp_path / "b", now=NOW)
    found = grades(home, backup_dir=str(tmp_path / "b"))
    assert (found["backup"], found["drill"]) == ("good", "good")
    late = grades(home, backup_dir="b", now=NOW + timedelta(days=92))
    assert (late["backup"], late["drill"]) == ("warning", "warning")
    shutil.rmtree(tmp_path / "b")
    assert grades(home, backup_dir="b")["backup"] == "warning"


def test_without_keys_and_with_others_keys(home: Path, tmp_path: Path) -> None:
    shutil.move(home / "keys", tmp_path / "keys")
    found = grades(home)
    assert (found["key files"], found["own log"]) == ("bad", "good")
    other = small_home(tmp_path / "other")
    shutil.copytree(other / "keys", home / "keys")
    found = grades(home)
    assert found["membership keys"] == "bad"
    (home / "keys" / "log.json").write_bytes(b"{}")
    assert grades(home)["membership keys"] == "bad"
    (home / "keys" / "log.json").chmod(0o644)
    assert grades(home)["key files"] == "bad"


def test_a_node_that_is_recovering_or_behind_its_keys(home: Path) -> None:
    put_mark(home, Mark("suspicious", "others know more.", "2026-11-22T12:00:00Z"))
    assert grades(home)["standing"] == "bad"
    (home / "recovering.json").unlink()
    floor = (home / "keys" / "floor.json").read_bytes()
    with clock.fixed(NOW), Node(home) as node:
        node.write("Said", {"word": "four"}, "council")
    ahead = (home / "keys" / "floor.json").read_bytes()
    assert ahead != floor
    with sqlite3.connect(home / "log.db") as db:  # the database is restored, the keys are not
        db.execute("DELETE FROM entry WHERE origin LIKE 'bra%' AND idx = 3")
        db.execute("DELETE FROM head WHERE origin LIKE 'bra%'")
    db.close()
    assert grades(home)["own log"] == "bad"
    (home / "keys" / "floor.json").write_bytes(b"")
    assert grades(home)["own log"] == "bad"


def test_sealed_keys_are_compared_when_they_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from concordat.node import identity
    from concordat.node.found import init

    monkeypatch.setattr(identity, "SCRYPT", {"n": 2**10, "r": 8, "p": 1})
    init(tmp_path / "home", Identity("BRICS", "BRA", "bra.example"), "a passphrase")
    assert "membership keys" not in grades(tmp_path / "home")
    assert grades(tmp_path / "home", passphrase="a passphrase")["key files"] == "good"
    with pytest.raises(InputError, match="the passphrase is wrong"):
        grades(tmp_path / "home", passphrase="another")


def test_a_damaged_log_is_no_finding_but_the_end(home: Path) -> None:
    with sqlite3.connect(home / "log.db") as db:
        db.execute("UPDATE entry SET bytes = x'00' WHERE idx = 0")
    db.close()
    with pytest.raises((TrustError, InputError)):
        grades(home)
    (home / "log.db").unlink()
    with pytest.raises(StateError):
        grades(home)


def test_records_that_can_not_be_read_are_none(home: Path) -> None:
    for text in (b"", b"[]", b'{"made": 1}', b'{"made": "x", "folder": "y", "entries": 1}', b"\xff"):
        (home / "last-backup.json").write_bytes(text)
        assert read_record(home, BackupMade) is None
    write_record(home, hours(1))
    assert read_record(home, BackupMade) == hours(1)


def test_the_end_of_a_certificate(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "node.example.br")])
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 6, 12, tzinfo=UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(begin).not_valid_after(end).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "tls.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    assert tls_days_left(path, NOW) == 14
    assert tls_days_left(path, NOW + timedelta(days=15)) == -1
    for bad in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(InputError, match="no certificate"):
            tls_days_left(bad, NOW)
    path.write_bytes(b"no certificate")
    with pytest.raises(InputError, match="no certificate"):
        tls_days_left(path, NOW)
