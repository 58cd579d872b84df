"""The tests of what a node knows of people, once more over PostgreSQL: the same functions, another store below them.

Left out are tests that open the SQLite file itself (its name, mode, dump), and those that don't touch the store.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from concordat.node import people as people_module
from concordat.node import stores

FILES = ("people/test_sessions", "people/test_audit_log", "people/test_opinions", "people/test_acts", "care/test_jobs")
OF_SQLITE = {
    "test_a_full_disk_leaves_a_draft", "test_a_draft_that_came_too_late_is_named_and_another_is_given",
    "test_the_store_holds_no_id_of_a_browser", "test_a_killed_node_leaves_no_job_running",
}  # fmt: skip


def _load(name: str) -> ModuleType:
    path = Path(__file__).parents[1] / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"concordat_again_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _wanted(test: Any) -> bool:
    """Whether a test touches the store: directly, or by a fixture that opens it."""
    needs = set(inspect.signature(test).parameters)
    stored = needs & {"store", "log", "both", "home", "jobs"}
    return test.__name__ not in OF_SQLITE and bool(stored)


def _again(module: ModuleType) -> type:
    """A class with the tests and fixtures of a module; each module's fixtures are its own."""
    members: dict[str, Any] = {"module": module}
    for name, thing in vars(module).items():
        if name.startswith("test_") and _wanted(thing):
            members[name] = staticmethod(thing)
        elif type(thing).__name__ == "FixtureFunctionDefinition":
            members[name] = thing
    return type(f"Test_{module.__name__.rpartition('_')[2]}", (), members)


for _file in FILES:
    _class = _again(_load(_file))
    globals()[_class.__name__] = _class


@pytest.fixture(autouse=True)
def _in_postgresql(request: pytest.FixtureRequest, postgres: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever opens the store of people in a folder gets that folder's schema instead."""
    from concordat.node.people_postgres import PostgresPeople

    opened: list[PostgresPeople] = []

    def store(path: Path, *, create: bool = False) -> PostgresPeople:
        schema = f"p{sha256(str(path).encode()).hexdigest()[:16]}"
        opened.append(PostgresPeople(postgres.address(schema), create=create))
        return opened[-1]

    monkeypatch.setattr(
        people_module, "open_people", lambda home, _database="", *, create=False: store(home / "people.db", create=create)
    )
    monkeypatch.setattr(stores, "PeopleStore", store)
    if request.cls is not None and hasattr(request.cls.module, "PeopleStore"):
        monkeypatch.setattr(request.cls.module, "PeopleStore", store)
    yield
    for one in opened:
        one.close()
