"""Questions to the two search indexes of the store: statements and their values."""

from __future__ import annotations

import json
from collections.abc import Collection


def _among(instruments: Collection[str] | None, units: Collection[str] | None) -> tuple[str, list[str]]:
    """The condition that a unit is one of some, or of some instruments; None: of all."""
    asked = [(c, v) for c, v in (("u.instrument", instruments), ("u.id", units)) if v is not None]
    terms = "".join(f" AND {column} IN (SELECT value FROM json_each(?))" for column, _ in asked)
    return terms, [json.dumps(sorted(v), ensure_ascii=False) for _, v in asked]


def words(
    query: str, limit: int, instruments: Collection[str] | None, units: Collection[str] | None
) -> tuple[str, list[str | int]]:
    """Units by BM25 over heading (4), chapter (2) and text (1)."""
    among, values = _among(instruments, units)
    sql = f"""SELECT u.id, -bm25(fts_word, 4.0, 1.0, 2.0) AS score
              FROM fts_word JOIN unit u ON u.rowid = fts_word.rowid
              WHERE fts_word MATCH ?{among} ORDER BY score DESC, u.id LIMIT ?"""
    return sql, [query, *values, limit]


def part(
    part: str, limit: int, instruments: Collection[str] | None, units: Collection[str] | None
) -> tuple[str, list[str | int]]:
    """Units that hold a run of characters; of one or two characters by looking at every text."""
    among, values = _among(instruments, units)
    if len(part) < 3:
        sql = f"""SELECT u.id, 1.0 FROM unit u JOIN text t ON t.sha256 = u.sha256
                  WHERE u.rowid IN (SELECT rowid FROM fts_tri)
                  AND (t.text LIKE ? ESCAPE '\\' OR u.heading LIKE ? ESCAPE '\\'){among}
                  ORDER BY u.id LIMIT ?"""
        like = "%" + part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        return sql, [like, like, *values, limit]
    sql = f"""SELECT u.id, -bm25(fts_tri) AS score FROM fts_tri JOIN unit u ON u.rowid = fts_tri.rowid
              WHERE fts_tri MATCH ?{among} ORDER BY score DESC, u.id LIMIT ?"""
    quoted = '"' + part.replace('"', '""') + '"'
    return sql, [quoted, *values, limit]
