"""How a report reaches the disk: the whole folder or nothing, with a manifest that names every byte.

The folder is built beside its place (`.<name>.concordat-new`), every file is flushed to the disk, and then the two are
swapped by renaming; a reader sees the old report or the new one, never a mixture. Two runs for one place take turns. A
folder that is already there is replaced only if it is one of ours as we wrote it: its `manifest.json` says so, names
all that lies in it, and the hashes hold. With `--force` any other folder makes room too, but it is kept beside under
another name (`brics-2026.old-1`); nobody's work is ever deleted. What an interrupted run left beside is removed by the
next.

`manifest.json` (canonical JSON) holds the SHA-256 of every other file, the versions of Concordat and of the renderers
whose bytes the files are, the hash of the study and the name of the release.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from concordat import __version__, canonical
from concordat.errors import ConcordatError, InputError, StateError
from concordat.evidence.provenance import text_hash

MANIFEST = "manifest.json"
SCHEMA = "concordat/manifest@1"
KEPT_MAX = 100  # folders that --force keeps beside one place
# The packages whose version the bytes of a report depend on.
RENDERERS = (
    "babel", "fontpkg-noto-sans", "jinja2", "pylopdf-fonts-ar", "pylopdf-fonts-zh-cn", "typst", "vl-convert-python",
    "xlsxwriter",
)  # fmt: skip
TURN_PAUSE_SECONDS = 0.02
TURN_TRIES_MAX = 3_000  # a minute


def manifest(files: Mapping[str, bytes], *, study_sha256: str, release: str) -> bytes:
    """The list of all files with their hashes, and what made them."""
    content = {
        "schema": SCHEMA,
        "concordat": __version__,
        "renderers": {name: metadata.version(name) for name in RENDERERS},
        "study_sha256": study_sha256,
        "release": release,
        "files": {name: text_hash(files[name]) for name in sorted(files)},
    }
    return canonical.dumps(content) + b"\n"


def check_place(folder: Path, *, force: bool = False) -> None:
    """Make sure that the report may stand there; called first, so that nobody waits for a refusal.

    While another run swaps its folder into the same place we wait: half of the old one is no reason to refuse.

    Raises:
        InputError: something else lies there, or the path can't hold a folder.
        StateError: no permission to look, or another run that writes there does not finish.
    """
    folder = folder.absolute()
    try:
        if folder.parent.is_dir():
            with _turn(folder):
                _check(folder, force=force)
        else:
            _check(folder, force=force)
    except OSError as error:  # a name that is too long, a folder above that may not be read
        raise _said(error, folder) from None


def _check(folder: Path, *, force: bool) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(
            f"{folder.name} is not a folder.", where=str(folder), hint="Choose another with --out.", code="out"
        )
    if not folder.exists() or not any(folder.iterdir()):
        return
    _refuse_places_of_the_person(folder)
    why = _not_ours(folder)
    if why and not force:
        hint = "Choose another with --out, or replace it with --force (it is then kept beside under another name)."
        raise InputError(f"{folder.name} {why}.", where=str(folder), hint=hint, code="out")


def place_to_keep(folder: Path) -> Path | None:
    """Where `--force` keeps what lies in a folder that is not ours as we wrote it; None where nothing is kept."""
    folder = folder.absolute()
    if not folder.is_dir() or not any(folder.iterdir()) or not _not_ours(folder):
        return None
    numbers = (n for n in range(1, KEPT_MAX) if not folder.with_name(f"{folder.name}.old-{n}").exists())
    number = next(numbers, None)
    if number is None:
        what = f"{KEPT_MAX - 1} earlier folders are kept beside it."
        raise InputError(what, where=str(folder), hint="Remove some, or choose another with --out.", code="out")
    return folder.with_name(f"{folder.name}.old-{number}")


def _refuse_places_of_the_person(folder: Path) -> None:
    """The working folder, the home and all above them are no place for a report, whatever is forced.

    Raises:
        InputError: it is one of them.
    """
    place = folder.resolve()
    for name, own in (("the working folder", Path.cwd()), ("the home folder", Path.home())):
        if place == own.resolve() or place in own.resolve().parents:
            what = f"{folder} is {name}, or holds it."
            raise InputError(what, where=str(folder), hint="Name a folder of its own with --out.", code="out")


def write(
    folder: Path, files: Mapping[str, bytes], *, study_sha256: str, release: str, force: bool = False
) -> dict[str, bytes]:
    """Write the folder, or nothing.

    Args:
        folder: where it shall stand.
        files: content by path below the folder, with forward slashes; `manifest.json` is added.
        study_sha256, release: for the manifest.
        force: replace a folder that is not ours.

    Returns:
        All files written, the manifest among them.

    Raises:
        InputError: something else lies there (see `check_place`), or the path can't hold a folder.
        StateError: no permission, or the disk is full. The old folder, if there was one, stands as it was.
    """
    assert MANIFEST not in files
    folder = folder.absolute()
    check_place(folder, force=force)
    written = {**files, MANIFEST: manifest(files, study_sha256=study_sha256, release=release)}
    beside = folder.with_name(f".{folder.name}.concordat-new")
    old = folder.with_name(f".{folder.name}.concordat-old")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _turn(folder):
            _recover(folder, beside, old)
            _check(folder, force=force)
            try:
                _fill(beside, written)
                _swap(beside, folder, old, place_to_keep(folder))
            finally:
                shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise _said(error, folder) from None
    return written


def _fill(beside: Path, files: Mapping[str, bytes]) -> None:
    """All files, flushed to the disk."""
    beside.mkdir()
    for name in sorted(files):
        _write_file(beside, name, files[name])
    for directory in (*sorted({(beside / name).parent for name in files}), beside):
        _sync(directory)


def _swap(beside: Path, folder: Path, old: Path, keep: Path | None) -> None:
    """Put the new folder in place of the old one; if that fails the old one comes back."""
    if keep is not None:
        folder.rename(keep)
        try:
            beside.rename(folder)
        except OSError:
            keep.rename(folder)
            raise
    elif folder.exists():
        folder.rename(old)
        try:
            beside.rename(folder)
        except OSError:
            old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        beside.rename(folder)
    _sync(folder.parent)


def _recover(folder: Path, beside: Path, old: Path) -> None:
    """Remove what an interrupted run left; if it stopped between the two renames, the old folder comes back first."""
    if old.is_dir() and not folder.exists():
        old.rename(folder)
    for leftover in (beside, old):
        if leftover.exists():
            shutil.rmtree(leftover)


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait while another run writes beside us. The lock lies on the parent folder, so a killed run leaves none behind.

    Raises:
        StateError: the other run does not finish.
    """
    try:
        import fcntl
    except ImportError:  # not a POSIX system: no lock, the renames alone keep the folder whole
        yield
        return
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        for _ in range(TURN_TRIES_MAX):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(TURN_PAUSE_SECONDS)
        else:
            hint = "Wait until it is done, or choose another folder with --out."
            raise StateError("another run is writing here.", where=str(folder), hint=hint, code="locked")
        yield
    finally:
        os.close(handle)


def _write_file(base: Path, name: str, data: bytes) -> None:
    path = PurePosixPath(name)
    assert not path.is_absolute(), name
    assert ".." not in path.parts, name
    target = base.joinpath(*path.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """Flush a folder's list of names, where the system can (Windows can't)."""
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _not_ours(folder: Path) -> str:
    """Why a folder is not a report of ours as we wrote it; empty if it is."""
    try:
        listed: Any = canonical.loads((folder / MANIFEST).read_bytes())
    except (OSError, ConcordatError):
        listed = None
    if not isinstance(listed, dict) or listed.get("schema") != SCHEMA or not isinstance(listed.get("files"), dict):
        return "is there already and is not a report of ours"
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name == MANIFEST or (path.is_dir() and not path.is_symlink()):
            continue
        if name not in listed["files"]:
            return f"holds {name}, which the report's manifest does not name"
        if path.is_symlink() or text_hash(path.read_bytes()) != listed["files"][name]:
            return f"holds {name}, which was changed after the report was written"
    return ""


def _said(error: OSError, folder: Path) -> ConcordatError:
    import errno

    place = str(folder)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Make room, or choose another disk with --out. Nothing was written."
        return StateError("the disk is full.", where=place, hint=hint, code="disk_full")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "Choose another folder with --out. Nothing was written."
        return StateError("no permission to write here.", where=place, hint=hint, code="no_permission")
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL):
        hint = "Choose another with --out."
        return InputError(f"can't be a folder: {error.strerror}.", where=place, hint=hint, code="out")
    return StateError(f"can't be written: {error.strerror}.", where=place, hint="Nothing was written.", code="write")
