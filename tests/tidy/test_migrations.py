"""No step of an upgrade touches what is signed or hashed for ever: read from the text of every step."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from concordat.node.store_kinds import STORES
from concordat.node.upgrade import MIGRATIONS

PROTECTED = {kind.name: (*kind.protected, "sqlite_master", "sqlite_schema") for kind in STORES}
ENDS = re.compile(r"\b(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|ATTACH|DETACH|PRAGMA|VACUUM)\b", re.IGNORECASE)
HIDING = ("executescript", "format", "format_map", "join", "replace")
STEPS = sorted(path for path in MIGRATIONS.rglob("*.py") if path.name != "__init__.py")


def faults(text: str, protected: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with a step; nothing for a good one."""
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree, clean=False) or ""
    if len(docstring) < 20:
        yield "it has no docstring that says what changes"
    assigned = {t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    if "CHANGES" not in assigned or "up" not in functions:
        yield "it has no CHANGES or no up(db)"
    words = re.compile(rf"\b({'|'.join(protected)})\b", re.IGNORECASE)
    for node in ast.walk(tree):
        if isinstance(node, (ast.JoinedStr, ast.BinOp)):
            yield f"line {node.lineno}: text is put together, so that it can't be read here"
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in HIDING:
            yield f"line {node.lineno}: {called.attr}"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != docstring:
            if words.search(node.value):
                yield f"line {node.lineno}: it names {words.search(node.value)[1]}"  # type: ignore[index]
            if ENDS.search(node.value):
                yield f"line {node.lineno}: {ENDS.search(node.value)[1]}"  # type: ignore[index]


def test_a_step_touches_nothing_that_is_signed() -> None:
    found = {path: list(faults(path.read_text(encoding="utf-8"), PROTECTED[path.parent.name])) for path in STEPS}
    assert {path: words for path, words in found.items() if words} == {}


def test_entry_tile_and_head_are_protected() -> None:
    assert {"entry", "tile", "head"} <= set(PROTECTED["log"])
    assert "audit" in PROTECTED["people"]
    folders = {path.name for path in MIGRATIONS.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == set(PROTECTED)


GOOD = '''
"""Adds a table of colours."""
CHANGES = ("colour",)
def up(db):
    db.execute("CREATE TABLE colour (name TEXT PRIMARY KEY, entrys TEXT, retile TEXT)")
'''
BAD = [
    "UPDATE entry SET leaf = x'00'",
    "ALTER TABLE tile ADD COLUMN more TEXT",
    "DELETE FROM head",
    'INSERT INTO "Head" VALUES (1)',
    "CREATE INDEX i ON ENTRY (leaf)",
    "CREATE VIEW v AS SELECT * FROM main.tile",
    "UPDATE sqlite_master SET sql = ''",
    "COMMIT",
    "PRAGMA writable_schema=ON",
]


def test_the_reader_finds_what_it_is_for() -> None:
    """A guard that finds nothing while there are no steps must be seen to find something."""
    assert list(faults(GOOD, PROTECTED["log"])) == []
    for statement in BAD:
        text = GOOD + f"    db.execute({statement!r})\n"
        assert len(list(faults(text, PROTECTED["log"]))) == 1, statement
    for line in (
        'db.execute(f"UPDATE {x} SET y = 1")',
        'db.execute("UPDATE en" + "try SET y = 1")',
        'db.execute("UPDATE %s SET y = 1" % x)',
        'db.execute("UPDATE {} SET y = 1".format(x))',
        'db.execute("".join(x))',
        'db.executescript("SELECT 1")',
    ):
        assert list(faults(GOOD + f"    {line}\n", PROTECTED["log"])), line
    assert list(faults("def up(db): ...\n", PROTECTED["log"])) == [
        "it has no docstring that says what changes",
        "it has no CHANGES or no up(db)",
    ]
