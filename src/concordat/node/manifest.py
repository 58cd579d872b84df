"""What a backup holds, and whether it still does: `manifest.json`, written last, and every file checked against it.

The file is `{"manifest": {...}, "sha256": ...}` in canonical JSON: the hash is that of the canonical bytes of the inner
object, so that a flipped bit in the manifest itself is found as well. Paths are relative, with `/`; blobs stand beside
the backups of one folder under their SHA-256 and are shared by them.

It shows damage, not malice: who can write to the backup can write a manifest. What the log holds is proved by its
signatures when it is restored; the rows of `people.db` are not, but for the hash chain of its audit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.errors import ConcordatError, InputError, StateError, TrustError

SCHEMA = "concordat/backup@1"
NAME = "manifest.json"
BYTES_MAX = 64_000_000
CHUNK = 1 << 20
_HASH = re.compile(r"[0-9a-f]{64}")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_KEYS = {"blobs", "bloc", "files", "heads", "keys", "made", "member", "program", "schema", "stores"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Attributes:
        bloc, member: whose node. made: when, in UTC (`2026-11-26T16:33:00Z`). program: the version that wrote it.
        files: path -> (bytes, SHA-256). stores: store -> its schema version. heads: origin -> (entries, root in
            hexadecimal) of each log. blobs: SHA-256 -> bytes. keys: whether the sealed keys are in it.
    """

    bloc: str
    member: str
    made: str
    program: str
    files: Mapping[str, tuple[int, str]]
    stores: Mapping[str, int]
    heads: Mapping[str, tuple[int, str]]
    blobs: Mapping[str, int]
    keys: bool

    @property
    def entries(self) -> int:
        """How many entries all its logs have."""
        return sum(size for size, _ in self.heads.values())

    @property
    def size(self) -> int:
        """Bytes of its files, blobs included."""
        return sum(size for size, _ in self.files.values()) + sum(self.blobs.values())

    def to_bytes(self) -> bytes:
        """The content of `manifest.json`."""
        inner = {
            "blobs": dict(self.blobs),
            "bloc": self.bloc,
            "files": {path: list(facts) for path, facts in self.files.items()},
            "heads": {origin: list(facts) for origin, facts in self.heads.items()},
            "keys": self.keys,
            "made": self.made,
            "member": self.member,
            "program": self.program,
            "schema": SCHEMA,
            "stores": dict(self.stores),
        }
        return canonical.dumps({"manifest": inner, "sha256": canonical.digest(inner)})

    @classmethod
    def parse(cls, data: bytes, where: str = NAME) -> Manifest:
        """Read a manifest.

        Raises:
            TrustError: not one, or its own hash disagrees. StateError: of a newer program.
        """
        hint = "Take another backup."
        try:
            outer = canonical.loads(data, exact=True)
            if not isinstance(outer, dict) or set(outer) != {"manifest", "sha256"}:
                raise InputError("not a manifest of a backup.")
            raw = outer["manifest"]
            if canonical.digest(raw) != outer["sha256"]:
                raise InputError("its own hash disagrees.")
            if isinstance(raw, dict) and raw.get("schema") != SCHEMA:
                what = f'it says schema "{str(raw.get("schema"))[:40]}"; this program reads {SCHEMA}.'
                raise StateError(what, where=where, hint="Install a newer Concordat.", code="newer")
            return _read(raw)
        except StateError:
            raise
        except (ConcordatError, KeyError, TypeError, ValueError) as error:
            what = error.what if isinstance(error, ConcordatError) else "not a manifest of a backup."
            raise TrustError(f"the manifest is damaged: {what}", where=where, hint=hint, code="manifest") from None


def _read(raw: Any) -> Manifest:
    if not isinstance(raw, dict) or set(raw) != _KEYS:
        raise ValueError
    files = {_path(path): (_count(size), _hash(digest)) for path, (size, digest) in raw["files"].items()}
    heads = {str(origin): (_count(size), _hash(root)) for origin, (size, root) in raw["heads"].items()}
    blobs = {_hash(digest): _count(size) for digest, size in raw["blobs"].items()}
    stores = {str(name): _count(version) for name, version in raw["stores"].items()}
    bloc, member, made, program = texts = [raw[key] for key in ("bloc", "member", "made", "program")]
    if not all(isinstance(text, str) and text for text in texts) or not isinstance(raw["keys"], bool):
        raise ValueError
    return Manifest(bloc, member, made, program, files=files, stores=stores, heads=heads, blobs=blobs, keys=raw["keys"])


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _hash(value: Any) -> str:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise ValueError
    return value


def _path(value: Any) -> str:
    """A path that stays inside the backup."""
    if not isinstance(value, str) or not _PATH.fullmatch(value) or value == NAME:
        raise ValueError
    return value


# --- A backup on the disk ---------------------------------------------------------------------------------------------


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        InputError: there is none: not a backup, or one that was not finished. TrustError: damaged.
    """
    path = folder / NAME
    if path.is_symlink():
        raise TrustError("a symbolic link.", where=str(path), hint="Take another backup.", code="link")
    try:
        if path.stat().st_size > BYTES_MAX:
            raise TrustError(f"over {BYTES_MAX:,} bytes.", where=str(path), code="manifest")
        data = path.read_bytes()
    except FileNotFoundError:
        hint = "Name a folder that concordat node backup wrote."
        raise InputError("there is no finished backup here.", where=str(folder), hint=hint, code="no_backup") from None
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None
    return Manifest.parse(data, str(path))


def blob_path(shelf: Path, digest: str) -> Path:
    """Where a blob lies in a folder of blobs."""
    return shelf / digest[:2] / digest


def check_files(folder: Path, manifest: Manifest, shelf: Path) -> None:
    """Every file and blob is there, whole, and nothing else is; the first bad file is named.

    Args:
        folder: the backup. shelf: the folder of blobs.

    Raises:
        TrustError: a file that is missing, a link, of another size or hash, or that no manifest names.
    """
    present = _present(folder)
    for path in sorted(set(manifest.files) | present):
        where = str(folder / path)
        if path not in manifest.files:
            raise TrustError("a file that the manifest does not name.", where=where, code="stray")
        check_file(folder / path, *manifest.files[path])
    for digest, size in sorted(manifest.blobs.items()):
        check_file(blob_path(shelf, digest), size, digest)


def check_file(path: Path, size: int, digest: str) -> None:
    """One file is there, plain, of that size and hash.

    Raises:
        TrustError: it isn't.
    """
    hint = "Take another backup; the file may be intact on another copy."
    if path.is_symlink() or not path.is_file():
        what = "a symbolic link." if path.is_symlink() else "the file is missing."
        raise TrustError(what, where=str(path), hint=hint, code="torn")
    try:
        found = path.stat().st_size
        if found != size:
            raise TrustError(f"{found:,} bytes; the manifest says {size:,}.", where=str(path), hint=hint, code="torn")
        if hash_of(path) != digest:
            raise TrustError("another hash than the manifest says.", where=str(path), hint=hint, code="torn")
    except OSError as error:
        raise TrustError(f"can't be read: {error.strerror}.", where=str(path), hint=hint, code="torn") from None


def hash_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _present(folder: Path) -> set[str]:
    """Every file below a backup but its manifest; links are refused."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise TrustError("a symbolic link.", where=str(path), hint="Take another backup.", code="link")
        if path.is_file() and path != folder / NAME:
            found.add(path.relative_to(folder).as_posix())
    return found
