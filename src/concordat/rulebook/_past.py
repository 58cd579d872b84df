"""A new version of a text: which units it changed, and what becomes of the codings of those before.

A unit has changed if its words, heading, number, kind, language or place have. Codings of models go with what they were
made of. What people decided is never deleted: it stands as long as the words do that it was made on (these are what its
payload names), and else goes into the history, `past_coding`, with the SHA-256 of those words. If a later version has
them again at the same address, it stands again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from concordat.rulebook import _schema
from concordat.rulebook._decisions import latest
from concordat.rulebook._rows import coding_from
from concordat.rulebook.model import Coding, TextChange, Unit

_KEPT = """(method IN ('human', 'import')
            OR id IN (SELECT supersedes FROM coding WHERE method = 'human'))"""  # and what people decided on
_NAMES = ", ".join(_schema.COLUMNS["coding"])


def difference(before: Mapping[str, Unit], after: Sequence[Unit]) -> TextChange:
    """What a new version does to the units of the one before."""
    ids = {u.id for u in after}
    return TextChange(
        added=tuple(u.id for u in after if u.id not in before),
        gone=tuple(u for u in before if u not in ids),
        changed=tuple(u.id for u in after if u.id in before and _said(u) != _said(before[u.id])),
    )


def _said(u: Unit) -> tuple[str, ...]:
    return u.sha256, u.kind, u.number, u.heading, u.lang, u.parent


def retire(
    db: sqlite3.Connection, change: TextChange, before: Mapping[str, Unit], after: Sequence[Unit], digest: str
) -> tuple[Coding, ...]:
    """Take away codings of units that are gone or changed; those of people go into the history.

    Args:
        digest: of the file that takes the place of the one before.

    Returns:
        What people decided that no longer stands.
    """
    words = {u.id: u.sha256 for u in after}
    lapsed: list[Coding] = []
    for unit in (*change.gone, *change.changed):
        if words.get(unit) == before[unit].sha256:
            db.execute(f"DELETE FROM coding WHERE unit = ? AND NOT {_KEPT}", (unit,))
            continue
        rows = db.execute(f"SELECT * FROM coding WHERE unit = ? AND {_KEPT} ORDER BY rowid", (unit,)).fetchall()
        lapsed += _of_people([coding_from(r) for r in rows])
        head = (before[unit].instrument, before[unit].sha256, digest)
        marks = ", ".join("?" * (len(head) + len(_schema.COLUMNS["coding"])))
        sql = f"INSERT OR REPLACE INTO past_coding (instrument, text_sha256, ended_by, {_NAMES}) VALUES ({marks})"
        db.executemany(sql, [(*head, *r) for r in rows])
        db.execute("DELETE FROM coding WHERE unit = ?", (unit,))
    return tuple(lapsed)


def revive(db: sqlite3.Connection, instrument: str) -> tuple[Coding, ...]:
    """Bring back, from the history, codings of words that stand again where they stood.

    Returns:
        What people decided that stands again.
    """
    names = ", ".join(f"p.{c}" for c in _schema.COLUMNS["coding"])
    sql = f"""SELECT {names} FROM past_coding p JOIN unit u ON u.id = p.unit AND u.sha256 = p.text_sha256
              WHERE p.instrument = ? ORDER BY p.rowid"""
    rows = db.execute(sql, (instrument,)).fetchall()
    db.executemany(_schema.insert("coding", "OR IGNORE"), [tuple(r) for r in rows])
    db.executemany("DELETE FROM past_coding WHERE id = ?", [(r["id"],) for r in rows])
    return tuple(_of_people([coding_from(r) for r in rows]))


def _of_people(codings: Sequence[Coding]) -> Iterable[Coding]:
    """The last words of people, and imports that nobody superseded."""
    said = {c.id for c in latest(codings)}
    gone = {c.supersedes for c in codings if c.supersedes}
    return [c for c in codings if c.id in said or (c.method == "import" and c.id not in gone)]
