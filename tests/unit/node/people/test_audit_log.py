"""The audit chain: any row altered, deleted, put in, or taken from the end is found; what is kept of addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from concordat import canonical
from concordat.errors import TrustError
from concordat.node.audit_log import FIRST, HEAD_EVERY_S, AuditHead, AuditLog, cut_address, head_due
from concordat.node.people_store import PeopleStore

T0 = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PeopleStore]:
    found = PeopleStore(tmp_path / "people.db", create=True)
    yield found
    found.close()


@pytest.fixture
def log(store: PeopleStore) -> AuditLog:
    found = AuditLog(store)
    for i in range(8):
        found.append("login", f"a{i % 2}", T0 + i, address="192.0.2.0/24", how="totp")
    return found


def test_each_hash_is_of_the_one_before_and_the_row(log: AuditLog) -> None:
    before = bytes(32)
    for i, row in enumerate(log.rows(), 1):
        facts = {"address": "192.0.2.0/24", "how": "totp"}
        text = canonical.dumps({"account": row.account, "at": T0 + i - 1, "facts": facts, "kind": "login", "n": i})
        before = hashlib.sha256(before + text).digest()
        assert row.hash == before.hex()
    assert log.verify() == AuditHead(8, before.hex())


def test_odd_logins_and_changes_are_news_until_they_are_seen(store: PeopleStore) -> None:
    log = AuditLog(store)
    log.append("login", "a", T0, address="192.0.2.0/24", how="totp")  # the first network is no news
    log.append("link_used", "a", T0, kind="welcome")
    log.append("logout", "a", T0)
    log.append("login", "a", T0, address="192.0.2.0/24", how="totp")
    assert log.news("a") == []
    told = [
        log.append("login", "a", T0, address="198.51.100.0/24", how="totp"),  # another network
        log.append("login_failed", "a", T0, address="203.0.113.0/24"),
        log.append("login", "a", T0, address="192.0.2.0/24", how="recovery"),
        log.append("password_changed", "a", T0),
        log.append("link_used", "a", T0, kind="reset"),
    ]
    log.append("login", "a", T0, address="198.51.100.0/24", how="totp")  # known by now
    log.append("login_failed", "b", T0, address="")
    assert log.news("a") == told[::-1]
    log.append("news_seen", "a", T0, upto=told[1].n)
    assert log.news("a") == told[:1:-1]
    log.append("news_seen", "a", T0, upto=told[-1].n)
    assert log.news("a") == []
    log.append("roles_set", "a", T0, before=[], after=[])
    assert [row.kind for row in log.news("a")] == ["roles_set"]
    assert log.verify().count == 14


def test_an_empty_chain_is_whole(store: PeopleStore) -> None:
    assert AuditLog(store).verify() == AuditHead(0, FIRST)


CHANGES = [
    "UPDATE audit SET account = 'b9' WHERE n = {n}",
    "UPDATE audit SET at = at + 1 WHERE n = {n}",
    "UPDATE audit SET kind = 'logout' WHERE n = {n}",
    "UPDATE audit SET facts = '{{}}' WHERE n = {n}",
    "UPDATE audit SET facts = facts || ' ' WHERE n = {n}",
    "UPDATE audit SET facts = 'not json' WHERE n = {n}",
    "UPDATE audit SET hash = '" + "0" * 64 + "' WHERE n = {n}",
]


@pytest.mark.parametrize("n", [1, 4, 8])
@pytest.mark.parametrize("change", CHANGES)
def test_an_altered_row_is_found_and_named(store: PeopleStore, log: AuditLog, change: str, n: int) -> None:
    assert store.run(change.format(n=n)) == 1
    with pytest.raises(TrustError, match=f"audit row {n}:"):
        log.verify()


@pytest.mark.parametrize("n", range(1, 8))
def test_a_deleted_row_is_found(store: PeopleStore, log: AuditLog, n: int) -> None:
    store.run("DELETE FROM audit WHERE n = ?", n)
    with pytest.raises(TrustError, match=f"audit row {n}: it is missing"):
        log.verify()


def test_a_deleted_row_with_all_after_it_numbered_anew_is_found(store: PeopleStore, log: AuditLog) -> None:
    store.run("DELETE FROM audit WHERE n = 4")
    for n in range(5, 9):
        store.run("UPDATE audit SET n = n - 1 WHERE n = ?", n)
    with pytest.raises(TrustError, match="audit row 4:"):
        log.verify()


def test_a_shortened_chain_is_found_by_the_head_that_was_signed(store: PeopleStore, log: AuditLog) -> None:
    signed = [log.head()]
    store.run("DELETE FROM audit WHERE n > 5")
    assert log.verify().count == 5  # by itself it looks whole
    with pytest.raises(TrustError, match="rows were taken from the end"):
        log.verify(signed)
    log.append("logout", "a1", T0 + 99)
    with pytest.raises(TrustError, match="rows were taken from the end"):
        log.verify(signed)


def test_a_chain_written_anew_is_found_by_the_head_that_was_signed(store: PeopleStore, log: AuditLog) -> None:
    signed = log.head()
    store.run("DELETE FROM audit")
    for i in range(9):
        log.append("logout", "a1", T0 + i)
    with pytest.raises(TrustError, match="audit row 8: the chain up to here is not the one that was signed"):
        log.verify([signed])
    with pytest.raises(TrustError, match="two chains of 8 rows"):
        log.verify([signed, AuditHead(8, "ab" * 32)])


def test_rows_after_the_last_head_are_welcome(log: AuditLog) -> None:
    signed = log.head()
    log.append("logout", "a1", T0 + 99)
    assert log.verify([signed]).count == 9


def test_a_person_sees_her_own_rows_newest_first(log: AuditLog) -> None:
    assert [row.n for row in log.of("a1")] == [8, 6, 4, 2]
    assert log.of("nobody") == []


def test_a_row_is_kept_or_lost_with_its_transaction(store: PeopleStore, log: AuditLog) -> None:
    def fail() -> None:
        with store.commit():
            log.append("logout", "a1", T0 + 9)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert log.verify().count == 8


def test_two_processes_write_one_chain(tmp_path: Path, log: AuditLog) -> None:
    other = PeopleStore(tmp_path / "people.db")
    AuditLog(other).append("account_added", "c3", T0 + 20)
    log.append("logout", "a1", T0 + 21)
    other.close()
    assert log.verify().count == 10


def test_old_rows_are_erased_up_to_a_signed_head_and_the_rest_still_verifies(store: PeopleStore, log: AuditLog) -> None:
    heads = [AuditHead(row.n, row.hash) for row in log.rows() if row.n in (3, 6)]
    assert log.erase_before([], T0 + 5, T0 + 100) == 0
    assert log.erase_before(heads, T0 + 5, T0 + 100) == 3  # rows 1 to 5 are older; the head over 3 is the last of them
    assert log.verify(heads).count == 9
    with pytest.raises(TrustError, match="end at no signed head"):
        log.verify([heads[1]])
    store.run("DELETE FROM audit WHERE n = 4")
    with pytest.raises(TrustError, match="audit row 4: it is missing"):
        log.verify(heads)


def test_a_head_is_due_once_an_hour_and_only_with_news() -> None:
    some, more = AuditHead(3, "aa" * 32), AuditHead(4, "bb" * 32)
    assert not head_due(AuditHead(0, FIRST), None, 0, T0)
    assert head_due(some, None, 0, T0)
    assert not head_due(some, some, T0, T0 + 10 * HEAD_EVERY_S)
    assert not head_due(more, some, T0, T0 + HEAD_EVERY_S - 1)
    assert head_due(more, some, T0, T0 + HEAD_EVERY_S)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("not an address", ""),
        ("", ""),
    ],
)
def test_addresses_are_cut(address: str, kept: str) -> None:
    assert cut_address(address) == kept
