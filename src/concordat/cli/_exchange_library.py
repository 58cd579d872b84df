"""The files of cases and algorithm records in the data folder: read whole, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import typer

from concordat.errors import InputError, StateError
from concordat.settings import Settings

T = TypeVar("T")
FOLDER = "exchange"
DATA_DIR = typer.Option(None, "--data-dir", help="The data folder; default: as in concordat settings.")
JSON = typer.Option(False, "--json", help="Print one JSON object.")


def place_of(data_dir: Path | None, name: str) -> Path:
    """Where a file of the exchange stands in the data folder."""
    return Settings.load({"data_dir": data_dir}).data_dir / FOLDER / name


def load(file: Path, parse: Callable[..., T]) -> T:
    """What a file holds; a missing file is an empty one.

    Raises:
        StateError: it can't be read, or is damaged.
    """
    try:
        data = file.read_bytes() if file.exists() else b""
    except OSError as error:
        raise StateError(f"can't be read: {error.strerror}.", where=str(file), code="unreadable") from None
    return parse(data, where=str(file))


@contextmanager
def changing(file: Path) -> Iterator[Callable[[bytes], None]]:
    """One writer at a time; what is given to the function takes the place of the file in one step.

    A crash at any moment leaves the old file or the new one.
    """
    import fcntl

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def write(data: bytes) -> None:
            temporary = file.with_suffix(".new")
            with temporary.open("wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(file)

        yield write


def read_input(path: Path, most: int = 100_000_000) -> bytes:
    """The bytes of a file that somebody named.

    Raises:
        InputError: no such file, or it can't be read or is too large.
    """
    from concordat.cli._node_home import read

    if path.is_file() and path.stat().st_size > most:
        raise InputError(f"over {most:,} bytes.", where=str(path), hint="Split the file.", code="too_large")
    return read(path)


def plain(text: Any) -> str:
    """Text of others on one line, without control characters: a case must not write to our terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(str(text).split()))


def counted(count: int, word: str, many: str = "") -> str:
    """`1 case`, `2 cases`."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"


def listed(words: list[str], most: int = 5) -> str:
    """The first few of some words, and how many more there are."""
    shown = ", ".join(words[:most])
    return f"{shown} and {len(words) - most} more" if len(words) > most else shown
