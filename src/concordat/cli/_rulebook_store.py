"""The rulebook's store for a command: opened in the data folder, with the packaged catalogue in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

STORE = "rulebook.sqlite"
MARKS = {"verified": "●", "partly": "◐", "unverified": "○"}


@contextmanager
def opened(data_dir: str | None) -> Iterator[RuleStore]:
    """The store of this machine; the packaged catalogue is put in when it is not the one that is there."""
    from concordat.rulebook.packaged import refresh
    from concordat.rulebook.store import RuleStore
    from concordat.settings import Settings

    folder = Settings.load({"data_dir": data_dir}).data_dir
    with RuleStore.open(folder / STORE) as store:
        refresh(store)
        yield store


def day(on: str) -> date:
    """The day that was asked for, else today."""
    from concordat import clock
    from concordat.world._dates import as_day

    return as_day(on, where="--on") if on else clock.today()


def read(path: Path, most: int = 50_000_000) -> bytes:
    """The bytes of a file.

    Raises:
        InputError: it can't be read, or is larger than 50 MB.
    """
    try:
        if path.stat().st_size > most:
            size = path.stat().st_size / 1e6
            hint = "Give the chapter that matters, as text."
            raise InputError(
                f"the file has {size:.0f} MB; at most 50 are read.", where=str(path), hint=hint, code="size"
            )
        return path.read_bytes()
    except OSError as error:
        what = f"can't be read: {error.strerror}."
        raise InputError(what, where=str(path), hint="Check the name.", code="unreadable") from None


def marked(mark: str) -> str:
    """A mark as sign and word, for eyes and screen readers."""
    return f"{MARKS[mark]} {mark}"
