"""Where the packaged tables stand, and how a row of them is read: once, lazily, into plain dictionaries."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_DATA = Path(__file__).parent / "_data"

TABLES = ("aliases.csv", "blocs.yaml", "countries.csv", "currencies.csv", "gec.csv", "tiles.csv")


def table_bytes(name: str) -> bytes:
    """The bytes of one packaged table (`blocs.yaml`)."""
    assert name in TABLES, name
    return (_DATA / name).read_bytes()


@cache
def table_hash(name: str) -> str:
    """Lower-case hexadecimal SHA-256 of a packaged table's bytes, for provenance.

    >>> len(table_hash("blocs.yaml"))
    64
    """
    import hashlib

    return hashlib.sha256(table_bytes(name)).hexdigest()


def read_csv(name: str) -> list[dict[str, str]]:
    """The rows of one packaged table, by column name."""
    import csv

    return list(csv.DictReader(table_bytes(name).decode("utf-8").splitlines()))
