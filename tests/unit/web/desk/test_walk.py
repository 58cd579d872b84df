"""The whole way in a browser without scripts: log in, table, cast, see it final; each step as a person does it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="needs the extra [web]")

from desk_kit import PHRASE, World, run


def test_log_in_table_cast_and_see_it_final(made, tmp_path: Path) -> None:
    async def work(world: World) -> None:
        maria = await world.logged_in("delegate")
        assert "My account" in maria.text
        await maria.get("/table")
        assert maria.page.status_code == 200, maria.text
        await maria.send("f", "check", {"title": "A third text", "rule": "simple_majority", "text.1": "One.\n\nTwo."})
        assert "not signed yet" in maria.text, maria.text
        assert "A third text" in maria.text
        await maria.send("s", "sign", {"phrase": PHRASE})
        assert "Recorded here" in maria.text or "Final" in maria.text, maria.text
        await world.settle()
        await maria.get(str(maria.page.url))
        assert "Final: it can’t be undone." in maria.text
        titles = await world.council(lambda c: [p.title for p in c.all("proposal")])
        assert "A third text" in titles

        await maria.get("/item/v-2026-001/vote")
        await maria.send("f", "check", {"choice": "yes"})
        assert "BRA, key del-04: Cast a ballot" in maria.text, maria.text
        await maria.send("s", "sign", {"phrase": PHRASE})
        act = str(maria.page.url)
        await world.settle()
        await maria.get(act)
        assert "Final" in maria.text
        ballots = await world.council(lambda c: c.get("vote", "v-2026-001").ballots)
        assert ballots["BRA"].choice == "yes"

    run(made, tmp_path, work)
