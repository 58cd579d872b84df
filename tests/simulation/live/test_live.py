"""Nodes over real sockets, a few of each kind of trouble; `python -m simulation.live` runs many seeds.

Numbers are those of the specification; nothing is asserted on time but that it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web]")

from concordat.errors import StateError
from concordat.node.home import Node
from concordat.node.recover import Health
from concordat.node.service import Service
from concordat.node.whole_disk import verify_disk
from live_nodes import Bloc, resolver
from simulation.live.wire import Weather, Wires
from unit_node import found

IDS = ("BRA", "IND", "RUS", "ZAF")  # four members: q = 3, one may be away


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Homes of a bloc of four, never opened: each test takes copies."""
    return dict(zip(IDS, found(tmp_path_factory.mktemp("four"), IDS), strict=True))


@contextlib.asynccontextmanager
async def wired(founded: dict[str, Path], root: Path, *, start: bool = True) -> AsyncIterator[tuple[Bloc, Wires]]:
    """Copies of the four, with a line for each pair."""
    homes = {member: root / member for member in founded}
    for member, home in founded.items():
        shutil.copytree(home, homes[member])
    bloc = Bloc(homes)
    wires = Wires({member: bloc.port(member) for member in homes})
    bloc.urls = {member: wires.url(member) for member in homes}
    bloc.names = wires.names
    await wires.start()
    try:
        for member in homes if start else ():
            await bloc.start(member)
        if start:
            await free(bloc)
        yield bloc, wires
    finally:
        await bloc.close()
        await wires.close()


async def free(bloc: Bloc) -> None:
    """Wait until every node may sign."""

    async def done() -> bool:
        return all(one.service.recovery.state is Health.NORMAL for one in bloc.running.values())

    await bloc.until(done)


async def say(bloc: Bloc, member: str, word: str) -> str:
    """Write an entry at a member; its id."""
    taken = await bloc.running[member].service.write("Said", {"word": word}, "council")
    return str(taken.id)


def run(work: Callable[[], Any]) -> None:
    """Run some work in a loop of its own."""
    asyncio.run(work())


def check_all(bloc: Bloc, ids: set[str]) -> None:
    """After all is stopped: every disk verifies, has the entries in one order, and nobody was accused."""
    orders = []
    for home in bloc.homes.values():
        with Node(home) as node:
            verify_disk(node)
            orders.append([(str(p), e.id) for p, _, e in node.replica.events()])
            assert node.replica.accusations == {}
    shortest = min(map(len, orders))
    assert len({str(order[:shortest]) for order in orders}) == 1
    assert all(ids <= {e for _, e in order} for order in orders)


def test_entries_of_all_are_final_everywhere_and_the_states_agree(founded: dict[str, Path], tmp_path: Path) -> None:
    async def work() -> None:
        async with wired(founded, tmp_path) as (bloc, _):
            ids = {await say(bloc, member, member) for member in IDS}
            await bloc.all_final(ids)

            async def compared() -> bool:
                states = {one.service.states.hashes.get(one.service.states.batch) for one in bloc.running.values()}
                rounds = [p.machine.heads for one in bloc.running.values() for p in one.service.peers]
                return (
                    len(states) == 1 and None not in states and all(h is not None and h.state in states for h in rounds)
                )

            await bloc.until(compared)
            assert all(one.service.alarms == {} for one in bloc.running.values())
            assert all(one.service.failing() == {} for one in bloc.running.values())
            done.update(ids)
        check_all(bloc, ids)

    done: set[str] = set()
    run(work)
    assert len(done) == 4


def test_a_member_that_was_away_gets_what_it_missed_and_two_halves_come_together(
    founded: dict[str, Path], tmp_path: Path
) -> None:
    async def work() -> None:
        async with wired(founded, tmp_path) as (bloc, wires):
            wires.split({"ZAF"})
            ids = {await say(bloc, "BRA", f"word {i}") for i in range(5)}
            alone = await say(bloc, "ZAF", "said while cut off")
            await bloc.all_final(ids, among=("BRA", "IND", "RUS"))
            assert await bloc.events("ZAF") == []
            wires.heal()
            for one in bloc.running.values():
                for peer in one.service.peers:
                    peer.machine.next_at = 0.0  # the wait is tested elsewhere
            await bloc.all_final({*ids, alone}, 30)
        check_all(bloc, {*ids, alone})

    run(work)


@pytest.mark.parametrize(
    "weather",
    [Weather(delay_s=0.05), Weather(rate=60_000), Weather(half_open=True), Weather(stalled=True)],
    ids=["slow", "narrow", "half open", "stalled"],
)
def test_one_bad_line_keeps_nobody_from_going_on(founded: dict[str, Path], tmp_path: Path, weather: Weather) -> None:
    async def work() -> None:
        async with wired(founded, tmp_path) as (bloc, wires):
            wires.pair("IND", "ZAF", weather)
            ids = {await say(bloc, "IND", "a"), await say(bloc, "ZAF", "b")}
            await bloc.all_final(ids)
            wires.heal()
        check_all(bloc, ids)

    run(work)


def test_what_was_acknowledged_is_there_after_a_sudden_end(founded: dict[str, Path], tmp_path: Path) -> None:
    async def work() -> None:
        async with wired(founded, tmp_path) as (bloc, wires):
            ids = {await say(bloc, "RUS", "before")}
            wires.split({"RUS"})
            ids.add(await say(bloc, "RUS", "nobody else has this"))
            await bloc.running.pop("RUS").kill()
            wires.heal()
            await bloc.start("RUS")
            for member in ("BRA", "IND", "ZAF"):
                bloc.running[member].service.peers.get("RUS").machine.next_at = 0.0  # type: ignore[union-attr]
            await bloc.all_final(ids, 30)
        check_all(bloc, ids)

    run(work)


def test_a_restored_copy_signs_nothing_until_it_has_what_the_others_saw(
    founded: dict[str, Path], tmp_path: Path
) -> None:
    """The whole folder as it was, keys and their memory with it: as a snapshot of a machine is."""

    async def work() -> None:
        async with wired(founded, tmp_path) as (bloc, wires):
            ids = {await say(bloc, "IND", "old")}
            await bloc.all_final(ids)
            await bloc.stop("IND")
            shutil.copytree(bloc.homes["IND"], tmp_path / "snapshot")
            await bloc.start("IND")
            await free(bloc)
            ids |= {await say(bloc, "IND", "new"), await say(bloc, "IND", "newer")}
            await bloc.all_final(ids)
            await bloc.stop("IND")
            shutil.rmtree(bloc.homes["IND"])
            shutil.copytree(tmp_path / "snapshot", bloc.homes["IND"])
            for other in {*IDS} - {"IND"}:  # who is refused at once has asked everybody, and goes on alone
                wires.pair("IND", other, Weather(half_open=True))
            service = (await bloc.start("IND")).service
            assert service.recovery.state is Health.SUSPICIOUS
            with pytest.raises(StateError, match="asks the others"):
                await say(bloc, "IND", "too early")
            assert "recovery" in service.failing()
            wires.heal()
            for line in wires.lines.values():
                line.reset()
            for one in bloc.running.values():
                for peer in one.service.peers:
                    peer.machine.next_at = 0.0
            await free(bloc)
            own = await service.read(lambda node: node.replica.own.size)
            assert own == 3, "what the others held came back"
            ids.add(await say(bloc, "IND", "after"))
            await bloc.all_final(ids, 30)
        check_all(bloc, ids)

    run(work)


def test_two_nodes_with_one_key_are_found_out(founded: dict[str, Path], tmp_path: Path) -> None:
    """A folder was copied and both copies run: the lock can't see that, but the others can, and they can prove it."""

    async def work() -> None:
        async with wired(founded, tmp_path, start=False) as (bloc, wires):
            shutil.copytree(bloc.homes["IND"], tmp_path / "twin")
            for member in IDS:
                await bloc.start(member)
            await free(bloc)
            settings = bloc.settings("IND")
            twin = Service(Node(tmp_path / "twin"), settings, resolver=resolver(wires.names("IND")))
            await twin.start()
            try:

                async def both_free() -> bool:
                    return twin.recovery.state is Health.NORMAL

                await bloc.until(both_free)
                await asyncio.gather(
                    say(bloc, "IND", "we pay 100"), twin.write("Said", {"word": "we pay 7"}, "council")
                )

                async def proved() -> bool:
                    for member in ("BRA", "RUS", "ZAF"):
                        look = bloc.running[member].service.read
                        if not await look(lambda node: list(node.replica.accusations.values())):
                            return False
                    return True

                await bloc.until(proved, 30)
                for member in ("BRA", "RUS", "ZAF"):
                    look = bloc.running[member].service.read
                    accused = await look(lambda node: {p.accused for p in node.replica.accusations.values()})
                    assert accused == {"IND"}
            finally:
                await twin.close()

    run(work)
