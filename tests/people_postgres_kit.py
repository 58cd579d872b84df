"""The tests of what a node knows of people, once more over PostgreSQL: the same functions, another store below them.

globals().update(again("people/test_sessions"))      # the tests and fixtures of that file, over PostgreSQL

Left out are tests that open the SQLite file itself (its mode, its dump, another process), and those without a store.
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

OF_SQLITE = {
    "test_a_full_disk_leaves_a_draft", "test_a_draft_that_came_too_late_is_named_and_another_is_given",
    "test_the_store_holds_no_id_of_a_browser", "test_after_kill_9_the_job_is_interrupted_and_its_process_is_gone",
}  # fmt: skip
STORED = {"store", "log", "both", "home", "jobs"}


def _load(name: str) -> ModuleType:
    path = Path(__file__).parent / "unit" / "node" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"concordat_again_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _stored(test: Any) -> bool:
    """Whether a test touches the store and starts no process, which would open one of its own."""
    needs = set(inspect.signature(test).parameters)
    return bool(needs & STORED) and "runner" not in needs


def _drop(cluster: Any, schemas: set[str]) -> None:
    """What a test made goes with it: a server with thousands of files is slow to come back."""
    import psycopg

    with psycopg.connect(cluster.address(), autocommit=True) as db:
        for schema in sorted(schemas):
            db.execute(f'DROP SCHEMA "{schema}" CASCADE')


def again(name: str) -> dict[str, Any]:
    """The tests of a file that touch the store, its fixtures, and one that puts PostgreSQL below them."""
    module = _load(name)
    found: dict[str, Any] = {}
    for key, thing in vars(module).items():
        wanted = key.startswith("test_") and key not in OF_SQLITE and _stored(thing)
        if wanted or type(thing).__name__ == "FixtureFunctionDefinition":
            found[key] = thing

    @pytest.fixture(autouse=True)
    def _in_postgresql(postgres: Any) -> Iterator[None]:
        """Whoever opens the store of people in a folder gets that folder's schema instead."""
        from concordat.node.people_postgres import PostgresPeople

        opened: list[PostgresPeople] = []

        def store(path: Path, *, create: bool = False) -> PostgresPeople:
            schema = f"p{sha256(str(path).encode()).hexdigest()[:16]}"
            opened.append(PostgresPeople(postgres.address(schema), create=create))
            return opened[-1]

        def open_people(home: Path, _: str = "", *, create: bool = False) -> PostgresPeople:
            return store(home / "people.db", create=create)

        patch = pytest.MonkeyPatch()  # of its own: tests take back what they patched with theirs
        patch.setattr(people_module, "open_people", open_people)
        if hasattr(module, "PeopleStore"):
            patch.setattr(module, "PeopleStore", store)
        yield
        patch.undo()
        for one in opened:
            one.close()
        _drop(postgres, {one._session.schema for one in opened})

    return {**found, "_in_postgresql": _in_postgresql}
