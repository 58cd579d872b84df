"""A log that was changed in PostgreSQL: who reads along goes on with what its writer goes on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from concordat.errors import TrustError
from concordat.ledger import leaves
from concordat.node.following import Follower
from concordat.node.home import Node
from concordat.node.move_store import move
from people_kit import make_home


def test_a_changed_newest_entry_keeps_nobody_from_reading_along(
    postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer has it in memory and goes on; a worker that starts then can read all entries but that one."""
    for name, value in (("LOT", 4), ("NEWEST", 4), ("MOST", 8)):
        monkeypatch.setattr(leaves, name, value)
    home, address = make_home(tmp_path), str(postgres.address("changed_newest"))
    move(home, "sqlite", "postgresql", address)
    with Node(home, database=address) as node:
        for n in range(12):
            node.write("Noted", {"n": n}, "exchange")
        own = node.replica.own
        with node.store.commit():
            change = "UPDATE entry SET bytes = ? WHERE origin = ? AND idx = ?"
            node.store._db.execute(change, (own.entries.leaves[0], own.origin, own.size - 1))
        with Follower(home, address) as follower:
            assert "entry 11" in follower.damage.words
            node.write("Noted", {"n": 12}, "exchange")
            assert follower.catch_up()
            theirs = follower.replica.own
            assert theirs.tree.root() == own.tree.root()
            assert theirs.entries[12] == own.entries[12]
            with pytest.raises(TrustError, match="entry 11"):
                theirs.entries[11]
