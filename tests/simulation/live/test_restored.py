"""A node lost with its disk, brought back from a backup older than what its keys have signed, among others that run."""

from __future__ import annotations

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="needs the extra [web] or [oracles]")
pytest.importorskip("starlette", reason="needs the extra [web] or [oracles]")

from concordat import clock
from concordat.errors import StateError
from concordat.node import sealed_keys
from concordat.node.backup import backup
from concordat.node.drill import drill
from concordat.node.onlooker import Onlooker
from concordat.node.recovery_mark import read_mark
from concordat.node.restore import restore
from concordat.node.whole_disk import verify_disk
from live_nodes import running
from unit_node import IDS, found

PASSPHRASE = "correct horse battery"


def test_what_was_acknowledged_is_there_again_and_nothing_contradicts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BRA is backed up while it runs, writes on, is lost, and comes back with keys that forgot what they signed."""
    monkeypatch.setattr(sealed_keys.seal, "__defaults__", (2**10,))
    homes = dict(zip(IDS, found(tmp_path), strict=True))

    async def scenario() -> None:
        async with running(homes) as bloc:

            async def ready() -> bool:
                return not any(one.service.failing() for one in bloc.running.values())

            await bloc.until(ready)
            before = {(await bloc.running[m].service.write("Said", {"word": m}, "council")).id for m in IDS}
            await bloc.all_final(before)
            now = clock.now()
            made = backup(homes["BRA"], tmp_path / "b", now=now, program="1", keys_passphrase=PASSPHRASE)
            assert drill(homes["BRA"], tmp_path / "b", now=now).state
            service = bloc.running["BRA"].service
            after = {(await service.write("Said", {"word": f"later {n}"}, "council")).id for n in range(2)}
            await bloc.all_final(before | after)
            await bloc.stop("BRA")
            shutil.rmtree(homes["BRA"])
            restored = restore(tmp_path / "b", homes["BRA"], now=now + timedelta(hours=1), keys_passphrase=PASSPHRASE)
            assert (restored.others, made.manifest.entries > 3) == (2, True)
            with Onlooker(homes["BRA"]) as looking:
                assert looking.replica.own.size == 1
            back = await bloc.start("BRA")
            with pytest.raises(StateError):  # the first thing it is asked: to sign the second entry once more
                await back.service.write("Said", {"word": "too early"}, "council")

            await bloc.until(ready, 60.0)
            assert read_mark(homes["BRA"]) is None
            last = (await back.service.write("Said", {"word": "again"}, "council")).id
            await bloc.all_final(before | after | {last}, 60.0)
            orders = [await bloc.events(member) for member in IDS]
            assert orders[0] == orders[1] == orders[2]
            for member in IDS:
                proofs = await bloc.running[member].service.read(lambda node: dict(node.replica.accusations))
                assert proofs == {}
            states = [bloc.running[member].service.states for member in IDS]
            least = min(one.batch for one in states)
            assert len({one.hashes[least] for one in states}) == 1

    asyncio.run(scenario())
    with Onlooker(homes["BRA"]) as looking:
        verify_disk(looking)
        assert [e.body["word"] for e in looking.replica.own.entries] == ["BRA", "later 0", "later 1", "again"]
