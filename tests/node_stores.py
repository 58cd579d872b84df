"""Stores as each released version wrote them, as SQL text: `tests/unit/node/care/stores/<store>-<version>.sql`.

A released version's file is never made again. When a store gets a new version, and has a step to it, its file is added:

    python tests/node_stores.py            writes what is missing for this program's versions

`home_of_version` puts a node's folder together from them; the keys that signed it are not kept.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

STORES = Path(__file__).parent / "unit" / "node" / "care" / "stores"
PLAIN = ("identity.json", "pinned.txt")


def write_missing(folder: Path = STORES) -> list[str]:
    """Write the files of this program's versions that are not there; their names."""
    import tempfile

    from concordat.node.store_kinds import STORES as KINDS
    from node_care_kit import small_home, with_engine, with_exchange

    missing = [kind for kind in KINDS if not (folder / f"{kind.name}-{kind.version}.sql").exists()]
    if not missing:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        home = with_exchange(with_engine(small_home(Path(place))))
        for kind in missing:
            db = sqlite3.connect(home / kind.file)
            text = "\n".join(db.iterdump()) + "\n"
            db.close()
            (folder / f"{kind.name}-{kind.version}.sql").write_text(text, encoding="utf-8")
            if kind.name == "log":
                for name in PLAIN:
                    (folder / f"{kind.name}-{kind.version}-{name}").write_bytes((home / name).read_bytes())
    return [f"{kind.name}-{kind.version}.sql" for kind in missing]


def versions(store: str) -> list[int]:
    """The versions of a store that are kept."""
    return sorted(int(path.stem.rpartition("-")[2]) for path in STORES.glob(f"{store}-*.sql"))


def load(store: str, version: int, path: Path) -> None:
    """A store of a version as a file."""
    db = sqlite3.connect(path)
    db.executescript((STORES / f"{store}-{version}.sql").read_text(encoding="utf-8"))
    db.execute("PRAGMA journal_mode=WAL")
    db.close()
    path.chmod(0o600)


def home_of_version(place: Path, log: int, people: int, engine: int = 0, exchange: int = 0) -> Path:
    """A node's folder with stores of these versions, without keys; 0: without an engine's ledger, or an exchange."""
    home = place / "home"
    home.mkdir()
    load("log", log, home / "log.db")
    load("people", people, home / "people.db")
    if engine:
        (home / "engine").mkdir(mode=0o700)
        load("engine", engine, home / "engine" / "ledger.db")
    if exchange:
        load("exchange", exchange, home / "exchange.sqlite")
    for name in PLAIN:
        (home / name).write_bytes((STORES / f"log-{log}-{name}").read_bytes())
    return home


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.stdout.write("".join(f"{name}\n" for name in write_missing()))
