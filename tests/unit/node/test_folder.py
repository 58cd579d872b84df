"""Another member's folder: what is good is taken, what is bad is refused by name, and nothing of ours is lost."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from concordat.errors import StateError
from concordat.node.home import Node
from concordat.node.publish import export
from concordat.node.sync import Taken, sync
from unit_node import found


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    """Homes of two members, and the first one's folder with three entries."""
    root = tmp_path_factory.mktemp("two")
    homes = found(root, ("BRA", "IND"))
    with Node(homes[0]) as node:
        for word in ("one", "two", "three"):
            node.write("Said", {"word": word}, "council")
        export(node.replica, root / "stick")
    return homes, root / "stick"


def _taken(good: tuple[list[Path], Path], tmp_path: Path, change: Callable[[Path], object]) -> tuple[Taken, int]:
    """What a fresh node of the second member makes of a changed copy of the folder; and how many entries it took."""
    home, stick = tmp_path / "home", tmp_path / "stick"
    shutil.copytree(good[0][1], home)
    shutil.copytree(good[1], stick)
    change(stick)
    with Node(home) as node:
        taken = sync(node, [stick])
        return taken, next(log.size for log in node.replica.shelf.logs.values() if log.owner == "BRA")


LOG = "logs/bra.example/BRICS/member"
ENTRIES = f"{LOG}/tile/entries/000.p/3"


def test_a_good_folder_is_taken(good: tuple[list[Path], Path], tmp_path: Path) -> None:
    taken, size = _taken(good, tmp_path, lambda _: None)
    assert size == 3
    assert taken.problems == ()


def _flip(path: str, at: int) -> Callable[[Path], object]:
    def change(stick: Path) -> None:
        data = bytearray((stick / path).read_bytes())
        data[at] ^= 1
        (stick / path).write_bytes(bytes(data))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_flip(ENTRIES, 300), r"entry|envelope|JSON|canonical|signature|base64|utf|UTF|key"),
        (_flip(ENTRIES, 0), r"000\.p/3: the bundle (ends inside entry|holds)"),
        (_flip(f"{LOG}/checkpoint", 30), r"size|origin|root|signature|base64|checkpoint|member's log"),
        (lambda s: (s / ENTRIES).unlink(), r"000\.p/3: the file is missing"),
        (lambda s: (s / ENTRIES).write_bytes(b""), r"holds 0 entries instead of 3"),
        (lambda s: (s / ENTRIES).write_bytes((s / ENTRIES).read_bytes()[:-9]), r"ends inside entry 2"),
        (lambda s: (s / f"{LOG}/checkpoint").write_bytes(b"\xff" * 40), r"checkpoint: position 0 is not UTF-8"),
        (lambda s: (s / f"{LOG}/checkpoint").write_bytes(b"x" * 1_000_001), r"over 1,000,000 bytes"),
        (lambda s: (shutil.rmtree(s / "logs"), (s / "manifest.json").unlink()), r"there is no log in this folder"),
    ],
    ids=["entry", "length", "head", "no bundle", "empty bundle", "torn bundle", "rubbish head", "huge head", "no logs"],
)
def test_a_bad_folder_is_refused_by_name(
    good: tuple[list[Path], Path], tmp_path: Path, change: Callable[[Path], object], words: str
) -> None:
    taken, size = _taken(good, tmp_path, change)
    assert size == 0
    assert len(taken.problems) >= 1
    assert re.search(words, "\n".join(taken.problems))


def test_symbolic_links_are_not_followed(good: tuple[list[Path], Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes((good[1] / ENTRIES).read_bytes())

    def link(stick: Path) -> None:
        (stick / ENTRIES).unlink()
        (stick / ENTRIES).symlink_to(secret)

    taken, size = _taken(good, tmp_path, link)
    assert size == 0
    assert "no plain file" in taken.problems[0]


def test_a_huge_file_is_not_read(good: tuple[list[Path], Path], tmp_path: Path) -> None:
    def grow(stick: Path) -> None:
        with (stick / ENTRIES).open("r+b") as file:
            file.truncate(10**12)

    taken, size = _taken(good, tmp_path, grow)
    assert size == 0
    assert "over 17,000,000 bytes" in taken.problems[0]


def test_other_good_folders_count_beside_a_bad_one(good: tuple[list[Path], Path], tmp_path: Path) -> None:
    home, bad = tmp_path / "home", tmp_path / "bad"
    shutil.copytree(good[0][1], home)
    bad.mkdir()
    with Node(home) as node:
        taken = sync(node, [bad, good[1]])
        assert "there is no log" in taken.problems[0]
        assert node.replica.shelf.logs["bra.example/BRICS/member"].size == 3


def test_taking_a_folder_twice_changes_nothing(good: tuple[list[Path], Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(good[0][1], home)
    with Node(home) as node:
        sync(node, [good[1]])
        export(node.replica, tmp_path / "out")
        assert sync(node, [good[1]]).problems == ()
        assert export(node.replica, tmp_path / "out") == 0


def test_an_export_touches_nothing_that_is_not_its_own(good: tuple[list[Path], Path], tmp_path: Path) -> None:
    """A web site has a manifest.json too; a stick may hold links; a home may lie in the folder."""
    home = tmp_path / "home"
    shutil.copytree(good[0][0], home)
    site, stick, victim = tmp_path / "site", tmp_path / "stick", tmp_path / "victim"
    site.mkdir()
    (site / "manifest.json").write_text("{}")
    (site / "thesis.txt").write_text("years of work")
    victim.write_text("precious")
    with Node(home) as node:
        with pytest.raises(StateError, match=r"holds something else"):
            export(node.replica, site)
        assert (site / "thesis.txt").read_text() == "years of work"
        export(node.replica, stick)
        (stick / "thesis.txt").write_text("years of work")
        with pytest.raises(StateError, match=r"thesis\.txt: the folder holds something else"):
            export(node.replica, stick)
        (stick / "thesis.txt").unlink()
        (stick / "README.txt").write_text("changed")
        (stick / "README.txt.new").symlink_to(victim)
        with pytest.raises(StateError, match="a link in the folder"):
            export(node.replica, stick)
        assert victim.read_text() == "precious"
        for inside in (home / "out", home, tmp_path):
            with pytest.raises(StateError, match="lie one in the other"):
                export(node.replica, inside, home)
        assert (home / "keys" / "floor.json").exists()
