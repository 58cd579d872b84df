"""The address of a database as a setting: where its password may stand, and that it is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from concordat.errors import InputError, RuleError, StateError
from concordat.node.postgres import Session, lock_key
from concordat.node.settings import NODE_VARIABLE, NodeSettings, hidden

ABSENT = Path("absent.toml")
SECRETS = (
    "postgresql://node:geheim@db.example/c",
    "postgresql://node:ge:heim@db.example/c?sslmode=require",
    "postgresql://node@db.example/c?password=geheim",
    "postgresql:///c?sslpassword=geheim&host=/run",
)


@pytest.mark.parametrize("address", SECRETS)
def test_a_password_is_refused_in_the_file_and_never_shown(address: str, tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="password stands in the settings file") as caught:
        NodeSettings.load({"database": address}, environment={}, file=ABSENT)
    assert "heim" not in str(caught.value)
    settings = NodeSettings.load({}, environment={f"{NODE_VARIABLE}DATABASE": address}, file=ABSENT)
    assert settings.database == address
    assert "heim" not in settings.shown()["database"]
    assert "***" in settings.shown()["database"]
    assert "heim" not in repr(settings)


def test_an_address_without_one_is_shown_as_it_is() -> None:
    plain = "postgresql://node@db.example:5432/c?options=-csearch_path%3Dnode"
    assert hidden(plain) == plain
    assert NodeSettings.load({"database": plain, "workers": 4}, environment={}, file=ABSENT).workers == 4


def test_what_does_not_go_with_it() -> None:
    with pytest.raises(InputError, match="an address of PostgreSQL"):
        NodeSettings.load({"database": "mysql://x/y"}, environment={}, file=ABSENT)
    with pytest.raises(RuleError, match="several workers need PostgreSQL"):
        NodeSettings.load({"workers": 2}, environment={}, file=ABSENT)
    with pytest.raises(RuleError, match="reads the log as a file"):
        NodeSettings.load({"database": "postgresql:///c", "sequencer": "abci"}, environment={}, file=ABSENT)


def test_what_cannot_be_reached_is_said_without_the_password() -> None:
    pytest.importorskip("psycopg", reason="needs the extra [postgres] or [oracles]")
    with pytest.raises(StateError, match="no connection") as caught:
        Session("postgresql://node:geheim@/c?host=/nowhere", "test")
    assert "heim" not in str(caught.value)
    with pytest.raises(InputError, match="not an address") as refused:
        Session("postgresql://node:geheim@/c?hots=/nowhere", "test")
    assert "heim" not in str(refused.value)


def test_two_origins_have_two_locks() -> None:
    assert lock_key("a.example/BRICS/member") != lock_key("b.example/BRICS/member")
    assert -(2**63) <= lock_key("a.example/BRICS/member") < 2**63
