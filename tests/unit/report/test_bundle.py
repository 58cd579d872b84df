"""A report's folder on the disk: whole or nothing, ours or refused, whatever interrupts."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from concordat import __version__, canonical
from concordat.errors import ConcordatError, InputError, StateError
from concordat.report import bundle

FILES = {"report.html": b"<p>one\n", "figures/dots.svg": "<svg>é</svg>".encode(), "data.csv": b""}
OTHER = {"report.html": b"<p>two\n"}
Snapshot = dict[str, bytes]


def write(folder: Path, files: dict[str, bytes] | None = None, *, force: bool = False) -> dict[str, bytes]:
    files = FILES if files is None else files
    return bundle.write(folder, files, study_sha256="5" * 64, release="auto-12345678", force=force)


def snapshot(folder: Path) -> Snapshot:
    """Every file below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def failing(name: str, code: int, *, after: int = 0) -> Callable[..., Any]:
    """A function of `os` or `Path` that fails from its n-th call on."""
    calls = {"n": 0}

    def fail(*args: Any, **kwargs: Any) -> Any:
        calls["n"] += 1
        if calls["n"] > after:
            raise OSError(code, os.strerror(code))
        return originals[name](*args, **kwargs)

    originals: dict[str, Callable[..., Any]] = {"fsync": os.fsync, "rename": Path.rename, "mkdir": Path.mkdir}
    return fail


# --- Whole --------------------------------------------------------------------------------------------------------


def test_all_files_and_a_manifest_of_their_hashes_are_written_and_nothing_else_remains(tmp_path: Path) -> None:
    written = write(tmp_path / "a" / "b" / "out")
    assert snapshot(tmp_path) == {f"a/b/out/{name}": data for name, data in written.items()}
    manifest = canonical.loads(written["manifest.json"].removesuffix(b"\n"), exact=True)
    assert manifest["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    assert manifest["schema"] == "concordat/manifest@1"
    assert (manifest["study_sha256"], manifest["release"]) == ("5" * 64, "auto-12345678")
    assert manifest["concordat"] == __version__
    assert manifest["renderers"]["typst"] == metadata.version("typst")


def test_the_manifest_does_not_depend_on_the_order_of_files_or_the_place(tmp_path: Path) -> None:
    first, second = write(tmp_path / "one"), write(tmp_path / "two", dict(reversed(FILES.items())))
    assert first["manifest.json"] == second["manifest.json"]


def test_a_report_of_ours_is_replaced_whole(tmp_path: Path) -> None:
    write(tmp_path / "out")
    written = write(tmp_path / "out", OTHER)
    assert snapshot(tmp_path / "out") == written
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert snapshot(tmp_path / "out") == {} != write(tmp_path / "out")


def test_a_relative_place_is_one_of_the_present_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("out"))
    assert (tmp_path / "out" / "manifest.json").is_file()


# --- Refused ------------------------------------------------------------------------------------------------------


def make_file(folder: Path) -> None:
    folder.write_text("mine")


def make_foreign(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.docx").write_text("years of work")


def make_mixed(folder: Path) -> None:
    write(folder)
    (folder / "figures" / "notes.txt").write_text("mine")


def make_link_inside(folder: Path) -> None:
    write(folder)
    (folder / "elsewhere").symlink_to(folder.parent)


def make_link(folder: Path) -> None:
    write(folder.with_name("real"))
    folder.symlink_to(folder.with_name("real"))


def make_broken_link(folder: Path) -> None:
    folder.symlink_to(folder.with_name("nowhere"))


def make_false_manifest(text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "manifest.json").write_text(text)

    return make


REFUSED = {
    "a file": (make_file, "is not a folder", False),
    "a link to a report": (make_link, "is not a folder", False),
    "a link to nothing": (make_broken_link, "is not a folder", False),
    "a folder of others": (make_foreign, "not a report of ours", True),
    "a report with a file of others": (make_mixed, "holds figures/notes.txt", True),
    "a report with a link": (make_link_inside, "holds elsewhere", True),
    "a manifest that is no JSON": (make_false_manifest("{"), "not a report of ours", True),
    "a manifest that is a list": (make_false_manifest("[]"), "not a report of ours", True),
    "a manifest of another kind": (make_false_manifest('{"schema":"x","files":{}}'), "not a report of ours", True),
    "a manifest without files": (
        make_false_manifest('{"schema":"concordat/manifest@1"}'),
        "not a report of ours",
        True,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_ours_is_left_alone_and_the_way_out_is_named(tmp_path: Path, name: str) -> None:
    make, words, can_force = REFUSED[name]
    make(tmp_path / "out")
    before = snapshot(tmp_path)
    for attempt in (lambda f: bundle.check_place(f), lambda f: write(f, OTHER)):
        with pytest.raises(InputError, match=words) as caught:
            attempt(tmp_path / "out")
        assert ("--force" in caught.value.hint) is can_force
        assert "--out" in caught.value.hint
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", [name for name, (_, _, can_force) in REFUSED.items() if can_force])
def test_force_replaces_a_folder(tmp_path: Path, name: str) -> None:
    REFUSED[name][0](tmp_path / "out")
    assert snapshot(tmp_path / "out") != (written := write(tmp_path / "out", OTHER, force=True))
    assert snapshot(tmp_path / "out") == written


@pytest.mark.parametrize("name", [name for name, (_, _, can_force) in REFUSED.items() if not can_force])
def test_force_does_not_replace_what_is_no_folder(tmp_path: Path, name: str) -> None:
    REFUSED[name][0](tmp_path / "out")
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        write(tmp_path / "out", OTHER, force=True)
    assert snapshot(tmp_path) == before


def test_a_report_that_lost_a_file_is_still_ours(tmp_path: Path) -> None:
    write(tmp_path / "out")
    (tmp_path / "out" / "data.csv").unlink()
    assert snapshot(tmp_path / "out") != write(tmp_path / "out")


@pytest.mark.parametrize("name", ["../up", "/etc/x", "a/../../b"])
def test_a_name_that_leaves_the_folder_is_a_fault_of_the_program(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssertionError):
        write(tmp_path / "out", {name: b""})
    assert snapshot(tmp_path) == {}


def test_nobody_but_the_bundle_writes_the_manifest(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        write(tmp_path / "out", {"manifest.json": b""})


# --- Interrupted --------------------------------------------------------------------------------------------------

FAULTS = [
    ("fsync", errno.ENOSPC, 0, StateError, "the disk is full"),
    ("fsync", errno.ENOSPC, 2, StateError, "the disk is full"),
    ("fsync", errno.EDQUOT, 1, StateError, "the disk is full"),
    ("fsync", errno.EIO, 1, StateError, "can't be written"),
    ("mkdir", errno.EACCES, 0, StateError, "no permission"),
    ("mkdir", errno.EROFS, 0, StateError, "no permission"),
    ("mkdir", errno.ENAMETOOLONG, 0, InputError, "can't be a folder"),
    ("rename", errno.EACCES, 0, StateError, "no permission"),
    ("rename", errno.EIO, 1, StateError, "can't be written"),
]


@pytest.mark.parametrize(("name", "code", "after", "kind", "words"), FAULTS)
def test_a_fault_leaves_the_old_report_as_it_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: int,
    after: int,
    kind: type[ConcordatError],
    words: str,
) -> None:
    write(tmp_path / "out")
    before = snapshot(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os if name == "fsync" else Path, name, failing(name, code, after=after))
        with pytest.raises(kind, match=words) as caught:
            write(tmp_path / "out", OTHER)
    if (
        name == "rename" and after
    ):  # the second renaming failed, and so did bringing the old one back: the next run does
        assert snapshot(tmp_path / ".out.concordat-old") == snapshot_below(before, "out")
        assert snapshot(tmp_path / "out") != write(tmp_path / "out", OTHER)
        assert [p.name for p in tmp_path.iterdir()] == ["out"]
        return
    assert snapshot(tmp_path) == before
    assert str(tmp_path / "out") in str(caught.value)


def snapshot_below(found: Snapshot, folder: str) -> Snapshot:
    return {name.removeprefix(f"{folder}/"): data for name, data in found.items()}


def test_a_fault_where_nothing_stood_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", failing("fsync", errno.ENOSPC, after=1))
    with pytest.raises(StateError, match="the disk is full"):
        write(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_if_the_new_folder_cannot_take_its_place_the_old_one_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out")
    before = snapshot(tmp_path)
    rename = Path.rename

    def second_fails(self: Path, target: Path) -> Path:
        if self.name == ".out.concordat-new":
            raise OSError(errno.EIO, "input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises(StateError, match="can't be written"):
        write(tmp_path / "out", OTHER)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("stop", ["while filling", "between the two renamings", "before the old one was removed"])
def test_what_a_killed_run_left_is_put_right_by_the_next(tmp_path: Path, stop: str) -> None:
    out, beside, old = (tmp_path / name for name in ("out", ".out.concordat-new", ".out.concordat-old"))
    write(out)
    beside.mkdir()
    (beside / "half").write_bytes(b"ha")
    if stop == "between the two renamings":
        out.rename(old)
    if stop == "before the old one was removed":
        old.mkdir()
        (old / "rest").write_bytes(b"")
    written = write(out, OTHER)
    assert snapshot(tmp_path) == {f"out/{name}": data for name, data in written.items()}


def test_a_killed_run_between_the_two_renamings_does_not_lose_a_folder_of_others(tmp_path: Path) -> None:
    make_foreign(tmp_path / ".out.concordat-old")
    with pytest.raises(InputError, match="not a report of ours"):
        write(tmp_path / "out")
    assert snapshot(tmp_path) == {"out/thesis.docx": b"years of work"}


def test_a_place_that_may_not_be_looked_at_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(self: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "permission denied")

    monkeypatch.setattr(Path, "stat", closed)
    with pytest.raises(StateError, match="no permission"):
        bundle.check_place(tmp_path / "closed" / "out")


@pytest.mark.parametrize("place", ["file/out", "file/deeper/out", "n" * 300])
def test_a_path_that_can_hold_no_folder_is_the_persons_mistake(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught:
        write(tmp_path / place)
    assert "--out" in caught.value.hint
    assert snapshot(tmp_path) == {"file": b""}


# --- Two at once --------------------------------------------------------------------------------------------------


def test_two_runs_for_one_place_take_turns_and_one_whole_report_stands(tmp_path: Path) -> None:
    many = [{f"{name}{i}.txt": name.encode() * 100 for i in range(8)} for name in "abcd"]
    faults: list[BaseException] = []

    def run(files: dict[str, bytes]) -> None:
        try:
            write(tmp_path / "out", files)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(files,)) for files in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert faults == []
    found = snapshot(tmp_path / "out")
    found.pop("manifest.json")
    assert found in many
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_the_question_before_a_run_waits_while_another_swaps_its_folder_in(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    write(tmp_path / "out")
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            bundle.check_place(tmp_path / "out")
        except BaseException as fault:
            faults.append(fault)

    asking = threading.Thread(target=ask)
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        (tmp_path / "out" / "manifest.json").rename(tmp_path / "manifest.json")  # as far as the other has come
        asking.start()
        asking.join(timeout=0.2)
        (tmp_path / "manifest.json").rename(tmp_path / "out" / "manifest.json")
    finally:
        os.close(handle)
    asking.join(timeout=30)
    assert not asking.is_alive()
    assert faults == []


def test_a_run_that_never_ends_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(bundle, "TURN_TRIES_MAX", 3)
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(StateError, match="another run is writing here"):
            write(tmp_path / "out")
    finally:
        os.close(handle)
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / "out")


# --- Nobody's work is deleted ---------------------------------------------------------------------------------------


def test_what_force_replaces_is_kept_beside(tmp_path: Path) -> None:
    out = tmp_path / "out"
    for number, words in ((1, "years of work"), (2, "more work")):
        out.mkdir(exist_ok=True)
        for file in out.iterdir():
            file.unlink()
        (out / "thesis.txt").write_text(words, encoding="utf-8")
        write(out, OTHER, force=True)
        assert (tmp_path / f"out.old-{number}" / "thesis.txt").read_text(encoding="utf-8") == words
        assert "manifest.json" in {p.name for p in out.iterdir()}


def test_a_report_that_was_edited_is_not_replaced(tmp_path: Path) -> None:
    write(tmp_path / "out")
    name = next(n for n in FILES if "/" not in n)
    (tmp_path / "out" / name).write_bytes(b"edited by hand")
    with pytest.raises(InputError, match="was changed after the report was written"):
        write(tmp_path / "out")
    assert (tmp_path / "out" / name).read_bytes() == b"edited by hand"


@pytest.mark.parametrize("where", ["the working folder", "above it", "the home folder"])
def test_places_of_the_person_are_refused_even_with_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "thesis.txt").write_text("years of work", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "work" / "deep" if where == "above it" else tmp_path / "work")
    if where == "the home folder":
        monkeypatch.setenv("HOME", str(tmp_path / "work"))
        monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"Name a folder of its own|is the|holds"):
        write(tmp_path / "work", OTHER, force=True)
    assert (tmp_path / "work" / "thesis.txt").exists()
