"""People beside a running service: acts through its writer, what time brings, what a crash left."""

from __future__ import annotations

import asyncio
import resource
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from concordat.errors import ConcordatError, RuleError
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import Ed25519Secret
from concordat.node.acts import new_act
from concordat.node.home import Node
from concordat.node.own_log import Said
from concordat.node.people_service import PeopleService
from concordat.node.service import Service
from concordat.node.settings import NodeSettings
from concordat.node.whole_disk import verify_disk
from people_kit import CHEAP, PASSWORD, T0, certify, join, make_home, opened

KEY = Ed25519Secret(b"k" * 32)


@pytest.fixture(autouse=True)
def _core_limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = make_home(tmp_path_factory.mktemp("made"))
    certify(found, "del-04", KEY.public)
    return found


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


def _with(home: Path, work: Callable[[PeopleService], Awaitable[None]]) -> list[tuple[str, str]]:
    """Run some work beside a service; what was logged."""
    logged: list[tuple[str, str]] = []

    async def run() -> None:
        settings = NodeSettings.load({"disk_reserve_mb": 0}, environment={}, file=home / "absent.toml")
        service = Service(Node(home), settings, log=lambda level, event, facts: logged.append((level, event)))
        await service.start()
        joined = PeopleService(service, cost=CHEAP)
        try:
            await joined.start()
            await work(joined)
        finally:
            await joined.close()
            await service.close()

    asyncio.run(run())
    return logged


def test_a_person_joins_logs_in_and_acts(home: Path) -> None:
    async def work(joined: PeopleService) -> None:
        account, phone = await joined.do(lambda people, now: join(people, "maria", ["delegate"], label="del-04"))
        await joined.do(lambda people, now: people.logins.login("maria", PASSWORD, phone.code(T0 + 30), T0 + 30))
        act, said = new_act(), Said("Said", {"word": "yes"})
        receipts = await asyncio.gather(
            *(
                joined.do(
                    lambda people, now: (
                        people.acts and people.acts.submit(act, account.id, said, {}, now, person="del-04", key=KEY)
                    )
                )
                for _ in range(4)
            )
        )
        assert len(set(receipts)) == 1
        seen = await joined.do(lambda people, now: people.acts and people.acts.look(act, account.id))
        assert seen
        assert seen.state in ("recorded", "taken_up", "final")
        assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0

    assert [event for level, event in _with(home, work) if level == "error"] == []
    with Node(home) as node:
        assert [e.type for e in node.replica.own.entries if e.type != "AuditHead"] == ["Said"]
        verify_disk(node)


def test_a_ballot_without_full_powers_is_refused_before_it_is_signed(home: Path) -> None:
    """The dry run asks the council as the running node has folded it."""

    async def work(joined: PeopleService) -> None:
        said = Said("BallotCast", {"vote": "v-2026-001", "choice": "yes", "text": "0" * 64, "rule": "0" * 64})
        with pytest.raises(RuleError, match="no full powers of BRA for del-04"):
            await joined.do(
                lambda people, now: (
                    people.acts and people.acts.submit(new_act(), "a1", said, {}, now, person="del-04", key=KEY)
                )
            )

    _with(home, work)
    with Node(home) as node:
        assert "BallotCast" not in [e.type for e in node.replica.own.entries]


def test_what_a_crash_left_is_settled_at_the_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    act = new_act()
    with opened(home) as (_, people):
        assert people.acts is not None
        monkeypatch.setattr(people.acts, "_receive", crash)
        with pytest.raises(Crash):
            people.acts.submit(act, "a1", Said("Said", {"word": "yes"}), {}, T0, person="del-04", key=KEY)
        monkeypatch.undo()

    async def work(joined: PeopleService) -> None:
        rows = await joined.do(lambda people, now: people.store.rows("SELECT state FROM act"))
        assert rows == [("recorded",)]

    assert ("info", "acts settled") in _with(home, work)


def test_what_fails_is_told_to_the_caller_and_to_the_log(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(joined: PeopleService) -> None:
        with pytest.raises(ConcordatError, match="there is no account"):
            await joined.do(lambda people, now: people.accounts.by_login("nobody"))
        await joined.tick()

    def fail(*_: object, **__: object) -> None:
        raise RuleError("not now.", code="busy")

    monkeypatch.setattr("concordat.node.people.People.sign_audit_head", fail)
    assert ("error", "people") in _with(home, work)


def test_an_envelope_that_the_role_of_its_person_does_not_write_is_refused(home: Path) -> None:
    """Row 14 of the specification by `POST /entries`: the membership file would let this key in, the role does not."""

    async def work(joined: PeopleService) -> None:
        await joined.do(lambda people, now: join(people, "maria", ["expert"], label="del-04"))
        service = joined._service
        entry = Entry.new(
            author="BRA", bloc="BRICS", membership=1, person="del-04", seq=1, prev=FIRST, scope="council",
            ts="2026-11-22T00:00:00Z", type="ProposalTabled", body={"word": "outside"}, secret=KEY,
        )  # fmt: skip
        with pytest.raises(RuleError):
            await service.submit(entry.leaf)
        assert service.node.replica.own.size == 0 or "ProposalTabled" not in [
            e.type for e in service.node.replica.own.entries
        ]

    _with(home, work)
