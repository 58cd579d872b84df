"""A packaged table that was changed after it was installed stops everything that would rest on it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from concordat.errors import TrustError
from concordat.world import _tables

CODE = """
import sys
from pathlib import Path
from concordat.world import _tables
_tables._DATA = Path(sys.argv[1])
from concordat.cli import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in _tables.TABLES:
        (tmp_path / name).write_bytes(_tables.raw_table(name))
    return tmp_path


@pytest.mark.parametrize("name", _tables.TABLES)
def test_each_table_is_the_reviewed_one(name: str) -> None:
    assert hashlib.sha256(_tables.raw_table(name)).hexdigest() == _tables.table_hash(name)


@pytest.mark.parametrize("name", _tables.TABLES)
def test_a_changed_byte_is_noticed_before_the_table_is_used(
    name: str, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = bytearray(_tables.raw_table(name))
    body[-2] ^= 1
    (copy / name).write_bytes(body)
    monkeypatch.setattr(_tables, "_DATA", copy)
    _tables.table_bytes.cache_clear()
    try:
        with pytest.raises(TrustError, match="not the table that was reviewed"):
            _tables.table_bytes(name)
    finally:
        monkeypatch.undo()
        _tables.table_bytes.cache_clear()


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [("blocs.yaml", "area: IDN, role: member, from: 2025-01-06", "area: IDN, role: member, from: 2025-01-07"),
     ("gec.csv", "ch,CHN,", "ch,IND,")],
)  # fmt: skip
def test_assess_stops_when_a_date_or_a_code_was_moved(copy: Path, table: str, old: str, new: str) -> None:
    text = (copy / table).read_text(encoding="utf-8")
    assert text.count(old) >= 1
    (copy / table).write_text(text.replace(old, new, 1), encoding="utf-8")
    words = ["assess", "BRICS", "--out", str(copy / "out"), "--data-dir", str(copy / "data")]
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(copy), *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 5, done.stderr
    assert table in done.stderr
    assert not (copy / "out").exists()
