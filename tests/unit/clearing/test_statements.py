"""Statements, notifications and their ids out of receipts; the command that writes them, for ledgers of every past."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from clearing_core_kit import DAY, DECISION, NOON, A, B, C, D, Room, document, secret_of
from clearing_hosts_kit import pay, say
from concordat import canonical
from concordat.clearing.core.days import Entry
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.core.signatures import sign
from concordat.clearing.statements import IDENTIFIER_MAX, Day, days_of, notification_of, statement_of
from concordat.cli import main
from concordat.errors import StateError, TrustError
from concordat.node.clearing.sqlite import SqliteHost

DATE = (datetime.date(1970, 1, 1) + datetime.timedelta(days=NOON // DAY)).isoformat()
Say = pytest.CaptureFixture[str]


def day(account: str, height: int, *places: tuple[int, int]) -> Day:
    movements = [Entry(f"{n}", "transfer", h, i, "X/BRL", 5) for n, (h, i) in enumerate(places)]
    return Day(account, DATE, 0, 5 * len(places), NOON, height, movements, [NOON] * len(places))


def test_no_two_notifications_have_the_same_id() -> None:
    """Number and height one behind the other: entry 12 in block 3 and, on another day, entry 1 in block 23."""
    first = day("CCCCBRSP/BRL", 4, *((3, i) for i in range(13)))
    second = day("CCCCBRSP/BRL", 24, (22, 0), (23, 0))
    found = [notification_of(one, n, A).message_id for one in (first, second) for n in range(len(one.movements))]
    assert len(set(found)) == 15


@pytest.mark.parametrize("height", [7, 1_234_567, 98_765_432_101])
def test_ids_of_long_accounts_and_high_blocks_are_whole_and_their_own(height: int) -> None:
    """Cut off at 35 characters, blocks 1,234,567 and 1,234,568 were one, and so were two tags of one beginning."""
    accounts = ("CCCCBRSP/BRL/operations12", "CCCCBRSP/BRL/operations13", "CCCCBRSP/BRL")
    days = [day(name, at, (at, 8_191)) for name in accounts for at in (height, height + 1)]
    found = [make.message_id for one in days for make in (statement_of(one, A), notification_of(one, 0, A))]
    assert len(set(found)) == 12
    assert max(map(len, found)) <= IDENTIFIER_MAX


def closed(room: Room) -> list[tuple[int, Any]]:
    """Two movements of C on the day, closed; then what `days_of` takes."""
    from concordat.clearing.core.receipts import Receipts

    room.fund("CCCCBRSP/BRL", 500)
    assert room.pay("CCCCBRSP/BRL", "DDDDINBB/BRL", 7) == "settled"
    room.now += DAY // 2
    assert room.code("day_close", A, currency="BRL", date=DATE) == "accepted"
    return [
        (block.header.time_ms, Receipts(leaves, block.hash))
        for block, leaves in zip(room.blocks, room.leaves, strict=True)
    ]


def test_a_day_whose_beginning_is_not_here_is_no_broken_ledger() -> None:
    blocks = closed(Room())
    (whole,) = days_of(blocks, DATE, ["CCCCBRSP/BRL"])
    assert (whole.opening, whole.closing, [one.amount_minor for one in whole.movements]) == (0, 493, [500, -7])
    with pytest.raises(TrustError, match="don't lead from 0 to 493"):
        list(days_of(blocks[2:], DATE, ["CCCCBRSP/BRL"]))
    with pytest.raises(StateError, match="from before the snapshot"):
        list(days_of(blocks[2:], DATE, ["CCCCBRSP/BRL"], whole=False))


def test_behind_a_snapshot_the_next_day_is_whole_again() -> None:
    room = Room()
    blocks = closed(room)
    room.pay("CCCCBRSP/BRL", "DDDDINBB/BRL", 3)
    room.now += DAY
    after = (datetime.date.fromisoformat(DATE) + datetime.timedelta(days=1)).isoformat()
    assert room.code("day_close", A, currency="BRL", date=after) == "accepted"
    from concordat.clearing.core.receipts import Receipts

    blocks = [(b.header.time_ms, Receipts(leaves, b.hash)) for b, leaves in zip(room.blocks, room.leaves, strict=True)][
        len(blocks) - 1 :
    ]
    (found,) = days_of(blocks, after, ["CCCCBRSP/BRL"], whole=False)
    assert (found.opening, found.closing) == (493, 490)


# --- The command ------------------------------------------------------------------------------------------------------


def report(path: Path, out: Path, *words: str, date: str = DATE, code: int = 0) -> list[str]:
    assert main(["clearing", "report", "--ledger", str(path), "--date", date, "--out", str(out), *words]) == code
    return sorted(one.name for one in out.iterdir()) if out.exists() else []


def close(host: SqliteHost, number: int, issuer: str, code: str, now: int) -> None:
    host.submit(say("day_close", issuer, number, currency=code, date=DATE))
    assert [one.code for one in host.step(now)][:1] == ["accepted"]


def test_a_currency_that_a_later_scheme_brought_is_reported_too(tmp_path: Path) -> None:
    """The issuer of a statement was looked up in the first scheme alone."""
    host = SqliteHost(tmp_path / "ledger.db", Scheme.from_document(document()))
    new = document(version=2, decision=DECISION)
    new["currencies"]["CNY"] = {"issuer": "KKKKCNBJ", "hours_utc": "00:00-24:00"}
    new["keys"]["KKKKCNBJ"] = secret_of("KKKKCNBJ").public.hex()
    facts = {"kind": "scheme_change", "member": A, "document": new, "from_height": 2, "decision": DECISION}
    times = {"uetr": "00000001-0000-4000-8000-000000000000", "valid_from": NOON - 1, "valid_until": NOON + DAY}
    keys = [secret_of(bic8) for bic8 in (A, B, "EEEEZAJJ")]
    host.submit(sign(canonical.dumps({**facts, **times}), keys, "test-room"))
    assert [one.code for one in host.step(NOON)] == ["accepted"]
    host.step(NOON + 1)
    host.submit(say("issue", "KKKKCNBJ", 2, currency="CNY", amount_minor="100"))
    assert [one.code for one in host.step(NOON + 2)] == ["settled"]
    close(host, 3, "KKKKCNBJ", "CNY", NOON + DAY // 2)
    host.close()
    found = report(tmp_path / "ledger.db", tmp_path / "out")
    assert [name.split("-")[1:3] for name in found] == [["KKKKCNBJ", "CNY"], ["KKKKCNBJ", "CNY"]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    host = SqliteHost(tmp_path / "ledger.db", Scheme.from_document(document()))
    host.submit(say("issue", A, 1, currency="BRL", amount_minor="1000"))
    host.step(NOON)
    host.submit(pay(2, 900, A, C))
    host.step(NOON + 1_000)
    host.submit(pay(3, 7))
    host.step(NOON + 2_000)
    close(host, 4, A, "BRL", NOON + DAY // 2)
    host.close()
    return tmp_path / "ledger.db"


def test_nothing_is_written_where_one_account_does_not_add_up(path: Path, tmp_path: Path, capsys: Say) -> None:
    """D's statement comes behind those of A and C, which were on the disk already when it failed."""
    import sqlite3

    with sqlite3.connect(path) as database:
        database.execute("""UPDATE block SET receipts = replace(receipts, '"closing":"7"', '"closing":"8"')""")
    database.close()
    assert report(path, tmp_path / "out", code=5) == []
    assert f"{D}/BRL: the movements" in capsys.readouterr().err


def test_what_is_asked_for_and_not_there_is_named(path: Path, tmp_path: Path, capsys: Say) -> None:
    out = tmp_path / "out"
    assert report(path, out, "--account", f"{C}/BRL", "--account", f"{C}/INR", code=2) == []
    assert f"{C}/INR has no closed business date {DATE}" in capsys.readouterr().err
    assert report(path, out, "--no-camt053", code=2) == []
    assert "no kind of message is wanted" in capsys.readouterr().err
    assert report(path, out, "--pacs002", date="2024-10-05", code=2) == [], "a date that is not closed"
    (tmp_path / "file").write_text("")
    main(["clearing", "report", "--ledger", str(path), "--date", DATE, "--out", str(tmp_path / "file")])
    assert "is not a folder" in capsys.readouterr().err
    first = report(path, out, "--account", f"{C}/BRL", "--camt054", date=DATE.replace("-", ""))
    assert len(first) == 3
    assert report(path, out, "--account", f"{C}/BRL", "--camt054") == first, "the same again"
