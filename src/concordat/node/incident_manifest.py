"""What does a sender still give, and what of it is not here? Its manifests, held against the copies that are kept.

    gone, missing = compared(listed, held)

A place up to which a collection was read tells nothing of what became visible behind it (a recipient named later, a
subscription, a label that fell), nor of what was taken back. The manifest tells both: it lists what this member may
have now. Versions are compared as instants; of an object that has none of its own, a server gives the time at which it
was added, so it is compared by its id alone. Pure. Source: TAXII 2.1, section 5.3; exchange.md 8.2 and 8.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from concordat.errors import InputError
from concordat.exchange.incidents._taxii_model import Row, nanoseconds, time_text

ID_MAX = 200  # characters of an id that another node gives


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a manifest: id, version and time of addition in nanoseconds since 1970."""

    id: str
    version: int
    added: int

    @property
    def key(self) -> tuple[str, int]:
        """By what it is compared; the version is 0 where the server gave its own time for one."""
        return self.id, 0 if self.version == self.added else self.version


def read_rows(value: Mapping[str, Any], most: int, where: str) -> list[Listed]:
    """The rows of one page of a manifest.

    Raises:
        InputError: it is none, or has more than `most` rows.
    """
    rows = value.get("objects", [])
    if not isinstance(rows, list) or len(rows) > most or not all(isinstance(row, Mapping) for row in rows):
        raise InputError(f"no manifest of at most {most:,} rows.", where=where, code="taxii")
    return [_read(row, where) for row in rows]


def _read(row: Mapping[str, Any], where: str) -> Listed:
    name, version, added = (row.get(key) for key in ("id", "version", "date_added"))
    if not isinstance(name, str) or not 0 < len(name) <= ID_MAX:
        raise InputError("a row of the manifest names no object.", where=where, code="taxii")
    return Listed(name, nanoseconds(str(version), f"{where}, version"), nanoseconds(str(added), f"{where}, date_added"))


def compared(listed: Iterable[Listed], held: Iterable[Row]) -> tuple[list[Row], set[tuple[str, int]]]:
    """The copies whose sender gives them no more, and the keys of what it gives and is not here."""
    given, here = {one.key for one in listed}, {_key(row): row for row in held}
    return [row for key, row in sorted(here.items()) if key not in given], given - set(here)


def _key(row: Row) -> tuple[str, int]:
    return row.id, 0 if row.version == time_text(row.added) else row.version_ns
