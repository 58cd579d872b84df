"""Whole files or none, one writer at a time, and errors that say what to do."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from concordat.errors import StateError
from concordat.evidence.store import _files
from concordat.evidence.store._files import WriterLock


def _raises(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


# --- Errors of the system ---


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (errno.ENOSPC, "disk_full", "no space is left on this disk; nothing was left half written."),
        (errno.EDQUOT, "disk_full", "Free some space"),
        (errno.EACCES, "no_permission", "I may not read or write here (Permission denied)."),
        (errno.EROFS, "no_permission", "CONCORDAT_DATA_DIR"),
        (errno.EIO, "disk", "Input/output error."),
    ],
)
def test_a_refused_write_says_why_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, words: str
) -> None:
    monkeypatch.setattr(os, "fsync", _raises(number))
    path = tmp_path / "body"
    with pytest.raises(StateError, match="CONCORDAT_DATA_DIR") as caught:
        _files.write_bytes(path, b"half")
    assert caught.value.code == code
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert not path.exists()


def test_a_refused_rename_leaves_neither_the_file_nor_its_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, place = tmp_path / "tmp", tmp_path / "new" / "place"
    temporary.write_bytes(b"new")
    monkeypatch.setattr(Path, "replace", _raises(errno.ENOSPC))
    with pytest.raises(StateError, match="no space is left"):
        _files.put_in_place(temporary, place)
    assert not temporary.exists()
    assert not place.exists()


def test_a_refused_rename_leaves_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary, place = tmp_path / "tmp", tmp_path / "place"
    temporary.write_bytes(b"new")
    place.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", _raises(errno.EIO))
    with pytest.raises(StateError):
        _files.put_in_place(temporary, place)
    assert place.read_bytes() == b"old"


def test_a_folder_inside_a_file_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateError, match=r"Not a directory|File exists"):
        _files.make_folder(tmp_path / "file" / "folder")


# --- One writer ---

HOLD = """
import sys, time
from pathlib import Path
from concordat.evidence.store._files import WriterLock
with WriterLock(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is writing."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_writer_is_told_who_is_writing(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    said: list[str] = []
    with pytest.raises(StateError) as caught, WriterLock(tmp_path, said.append, steps=2).held():
        pytest.fail("two writers at once")
    assert f"process {holder.pid} (python) is writing to this store" in str(caught.value)
    assert caught.value.code == "locked"
    assert said == [f"Waiting for process {holder.pid} (python), which is writing to {tmp_path}."]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["/usr/bin/concordat", "assess", "BRICS", "--out", "secret"], "concordat assess"),
        (["concordat", "evidence", "trace", "secret"], "concordat evidence trace"),
        (["concordat", "evidence", "--data-dir", "secret"], "concordat evidence"),
        (["concordat", "--key=secret", "assess"], "concordat"),
        (["concordat", "Secret", "secret"], "concordat"),
        (["concordat"], "concordat"),
        (["/lib/site-packages/concordat/__main__.py", "assess", "secret"], "concordat assess"),
        (["/tools/__main__.py", "secret"], "__main__.py"),
        (["/tools/nightly.py", "secret"], "nightly.py"),
        (["-c", "secret"], "python"),
        (["", "secret"], "python"),
        ([], "python"),
        (["x" * 300, "secret"], "x" * 60),
    ],
)
def test_the_lock_names_the_command_and_no_value_given_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], said: str
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    lock = WriterLock(tmp_path)
    with lock.held():
        assert lock.path.read_text(encoding="utf-8") == f"process {os.getpid()} ({said})\n"


def test_all_groups_of_commands_are_known() -> None:
    import importlib

    from concordat.cli import COMMANDS

    apps = {name: importlib.import_module(f"concordat.cli.{module}").app for name, module, _ in COMMANDS}
    assert {name for name, app in apps.items() if len(app.registered_commands) > 1} == set(_files.GROUPS)


def test_a_killed_writer_leaves_nothing_to_clean_up_by_hand(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    (tmp_path / "tmp" / "half.parquet").write_bytes(b"half")
    holder.send_signal(signal.SIGKILL)
    holder.wait(timeout=10)
    with WriterLock(tmp_path, steps=2).held():
        assert list((tmp_path / "tmp").iterdir()) == []


def test_the_holder_may_enter_again_and_keeps_the_lock_until_the_outer_end(tmp_path: Path) -> None:
    mine, other = WriterLock(tmp_path), WriterLock(tmp_path, steps=1)
    with mine.held():
        with mine.held():
            pass
        with pytest.raises(StateError, match=f"process {os.getpid()}"), other.held():
            pytest.fail("two writers at once")
    with other.held():
        pass


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), WriterLock(tmp_path).held():
        raise ZeroDivisionError
    with WriterLock(tmp_path, steps=1).held():
        pass


def test_a_folder_left_in_tmp_is_an_error_that_does_not_keep_the_lock(tmp_path: Path) -> None:
    stranger = tmp_path / "tmp" / "folder"
    stranger.mkdir(parents=True)
    lock = WriterLock(tmp_path, steps=1)
    with pytest.raises(StateError, match=r"tmp"), lock.held():
        pytest.fail("held")
    stranger.rmdir()
    with WriterLock(tmp_path, steps=1).held():
        pass


def test_an_unwritable_data_directory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", _raises(errno.EACCES))
    with pytest.raises(StateError, match="may not read or write") as caught, WriterLock(tmp_path).held():
        pytest.fail("held")
    assert caught.value.where == str(tmp_path / "lock")
