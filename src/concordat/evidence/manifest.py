"""Is a report's folder still what was written? Its `manifest.json` names the SHA-256 of every other file.

`report.bundle` writes it. Here it is read and each file compared: one that was changed, lost, or added raises. A hash
is no signature: who changes a file and the manifest too is found out by the records (`evidence.trace`), or by the hash
of the study as it was told elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from concordat import canonical
from concordat.errors import ConcordatError, InputError, TrustError
from concordat.evidence.provenance import text_hash

MANIFEST, SCHEMA = "manifest.json", "concordat/manifest@1"
SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME_THE_FOLDER = "Name the folder that assess wrote."
_REBUILD = "Get the folder again, or build it again with: concordat assess --study study.yaml"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a report's manifest says.

    Attributes:
        files: the SHA-256 of each file, by its path below the folder, with forward slashes.
        concordat: the version that wrote the report.
    """

    files: Mapping[str, str]
    study_sha256: str
    release: str
    concordat: str


def read_manifest(folder: Path) -> Manifest:
    """What the manifest of a report's folder says.

    Raises:
        InputError: there is none.
        TrustError: it is not such a file, or names a file outside the folder.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except OSError as error:
        what = f"can't be read: {error.strerror}."
        raise InputError(what, where=str(path), hint=_NAME_THE_FOLDER, code="no_report") from None
    try:
        said: Any = canonical.loads(data)
        found = Manifest(dict(said["files"]), said["study_sha256"], said["release"], said["concordat"])
        texts = (found.study_sha256, found.release, found.concordat, *found.files, *found.files.values())
        whole = isinstance(said["files"], dict) and all(isinstance(text, str) for text in texts)
        if said["schema"] != SCHEMA or not whole:
            raise ValueError(f"schema {said['schema']}")
    except (ConcordatError, LookupError, TypeError, ValueError) as error:
        what = f"not the manifest of a report ({type(error).__name__}: {error})."
        raise TrustError(what, where=str(path), hint=_REBUILD, code="manifest") from None
    for name, sha256 in found.files.items():
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or name.startswith("/") or "\\" in name or not SHA256.fullmatch(sha256):
            what = f'names "{name}" with the hash "{sha256}", which can\'t be.'
            raise TrustError(what, where=str(path), hint=_REBUILD, code="manifest")
    return found


def file_faults(folder: Path, manifest: Manifest) -> Iterator[TrustError]:
    """Every file that was changed or lost since the report was written, and every one that was added."""
    for name, expected in sorted(manifest.files.items()):
        found = _hash_of(folder.joinpath(*PurePosixPath(name).parts))
        if found != f"SHA-256 {expected}":
            yield _fault(folder, name, f"SHA-256 {expected}", found)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in manifest.files and name != MANIFEST:
            yield _fault(folder, name, "no such file", _hash_of(path))


def check_files(folder: Path) -> Manifest:
    """Compare every file of a report's folder with its manifest.

    Raises:
        InputError: the folder has no manifest.
        TrustError: the first file that is not as it was written; lost; or added.
    """
    manifest = read_manifest(folder)
    for fault in file_faults(folder, manifest):
        raise fault
    return manifest


def _hash_of(path: Path) -> str:
    if path.is_symlink():
        return "a link to elsewhere"
    try:
        return f"SHA-256 {text_hash(path.read_bytes())}"
    except FileNotFoundError:
        return "no file"
    except OSError as error:
        return f"a file that can't be read ({error.strerror})"


def _fault(folder: Path, name: str, expected: str, found: str) -> TrustError:
    what = f"not what the report was written with: expected {expected}, found {found}."
    return TrustError(what, where=str(folder / name), hint=_REBUILD, code="report_file")
