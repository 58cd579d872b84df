"""Where the packaged tables stand, and how a row of them is read: once, lazily, into plain dictionaries."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from concordat.errors import TrustError

_DATA = Path(__file__).parent / "_data"

# The tables that were reviewed for this version. Whoever edits one on purpose writes its new SHA-256 here.
REVIEWED = {
    "aliases.csv": "f0993208aa14675265fc23e478fb0c0cb41d0916fb3117a9c90d447c10bd1d48",
    "blocs.yaml": "d7540e295464f1f6f7859b6881b6495456b96505164f2a0fbab3b0dde9928755",
    "countries.csv": "28aa1f3ead04a3f069a209ab78621d19ff28419958417a8f203c4d230cf4f9d0",
    "currencies.csv": "4576d59ddcfd199c4cdfbeec31c73a82044c354dd21a654b49046024be048f91",
    "gec.csv": "755ff1e2c98c912c14e06c42b26daa749eaf1ec7906854f91581a7ac749fe9de",
    "tiles.csv": "36e288cbd96d42864fabc9ca21224ab126a2246b6b95f77a93f487da90c0eb92",
}
TABLES = tuple(REVIEWED)


def raw_table(name: str) -> bytes:
    """The bytes of a packaged table as they lie on the disk, for who examines them (`bloc check`)."""
    assert name in TABLES, name
    return (_DATA / name).read_bytes()


@cache
def table_bytes(name: str) -> bytes:
    """The bytes of one packaged table (`blocs.yaml`), checked against the table that was reviewed.

    Raises:
        TrustError: the table was changed after it was installed.
    """
    import hashlib

    data = raw_table(name)
    found = hashlib.sha256(data).hexdigest()
    if found != REVIEWED[name]:
        raise TrustError(
            f"not the table that was reviewed for this version: expected SHA-256 {REVIEWED[name]}, found {found}.",
            where=f"concordat/world/_data/{name}",
            hint="Install concordat again; see: concordat bloc check.",
            code="packaged_table",
        )
    return data


@cache
def table_hash(name: str) -> str:
    """Lower-case hexadecimal SHA-256 of a packaged table's bytes, for provenance.

    >>> len(table_hash("blocs.yaml"))
    64
    """
    table_bytes(name)
    return REVIEWED[name]


def read_csv(name: str) -> list[dict[str, str]]:
    """The rows of one packaged table, by column name."""
    import csv

    return list(csv.DictReader(table_bytes(name).decode("utf-8").splitlines()))
