"""Another member's folder: what is good is taken, what is bad is refused by name, and nothing of ours is lost."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from concordat import clock
from concordat.errors import StateError
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.signer import Floor
from concordat.node.home import Node
from concordat.node.identity import save_floor
from concordat.node.publish import export
from concordat.node.store import Store
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
        (_flip(ENTRIES, 300), r"000\.p/3: the entries are not those of its head"),
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


# --- Behind, torn in the middle of a long log, forked ---


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path, Path]:
    """Homes of two members; a folder of the first one's 2,600 entries, and one of its first 300."""
    root = tmp_path_factory.mktemp("long")
    homes = found(root, ("BRA", "IND"))
    with clock.fixed("2026-11-22"), Node(homes[0]) as node:
        for start, stop, name in ((0, 300, "behind"), (300, 2_600, "stick")):
            prev = node.replica.own.entries[-1].id if start else FIRST
            entries = []
            for seq in range(start + 1, stop + 1):
                entries.append(_said(node, seq, prev))
                prev = entries[-1].id
            node.take_up(entries)
            export(node.replica, root / name)
    return homes, root / "stick", root / "behind"


def _said(node: Node, seq: int, prev: str) -> Entry:
    return Entry.new(
        author="BRA", bloc="BRICS", membership=1, person="node", seq=seq, prev=prev, scope="exchange",
        ts="2026-11-22T00:00:00Z", type="Noted", body={"n": seq}, secret=node.signer.node,
    )  # fmt: skip


def test_a_long_log_comes_in_whole_and_on_top_of_what_is_held(
    long: tuple[list[Path], Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(long[0][1], tmp_path / "home")
    with Node(tmp_path / "home") as node:
        log = node.replica.shelf.logs["bra.example/BRICS/member"]
        assert (sync(node, [long[2]]).problems, log.size) == ((), 300)
        assert (sync(node, [long[1]]).problems, log.size) == ((), 2_600)
        taken = sync(node, [long[2]])
        assert taken.sizes[0] == ("BRA", 2_600, 2_600), "a folder that is behind says nothing new"
        assert taken.behind == (f"{long[2]} is behind: BRA 300 of 2,600",)
        assert node.replica.accusations == {}


def test_what_stands_before_the_tear_of_a_long_log_is_taken(
    long: tuple[list[Path], Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(long[0][1], tmp_path / "home")
    shutil.copytree(long[1], tmp_path / "stick")
    torn = tmp_path / "stick" / LOG / "tile/entries/004"
    torn.write_bytes(torn.read_bytes()[:-9])
    with Node(tmp_path / "home") as node:
        taken = sync(node, [tmp_path / "stick"])
        assert re.search(r"tile/entries/004: the bundle ends inside entry 255", taken.problems[0])
        size = node.replica.shelf.logs["bra.example/BRICS/member"].size
        assert size % 256 == 0
        assert size <= 4 * 256


def test_a_folder_with_another_log_of_its_owner_makes_a_proof(good: tuple[list[Path], Path], tmp_path: Path) -> None:
    """The owner's disk was copied, and both copies wrote on: each folder is good by itself."""
    twin = tmp_path / "twin"
    shutil.copytree(good[0][0], twin)
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        (twin / name).unlink(missing_ok=True)
    shutil.copytree(good[0][1], tmp_path / "home")
    fresh = found(tmp_path / "again", ("BRA", "IND"))  # only for the shape of an empty store
    shutil.copy(fresh[0] / "log.db", twin / "log.db")
    with Node(good[0][0]) as node:
        papers = node.store.papers("membership")
    with clock.fixed("2026-11-22"):
        store = Store(twin / "log.db")
        store.drop_papers("membership")
        for key, data in papers.items():
            store.put_paper("membership", key, data)
        store.close()
        save_floor(twin, Floor())
        with Node(twin) as node:
            for word in ("one", "another", "third"):
                node.write("Said", {"word": word, "twin": True}, "council")
            export(node.replica, tmp_path / "other")
    with Node(tmp_path / "home") as node:
        assert sync(node, [good[1]]).accusations == ()
        taken = sync(node, [tmp_path / "other"])
        assert taken.accusations
        assert all("BRA" in sentence for sentence, _ in taken.accusations)
        assert {proof.accused for proof in node.replica.accusations.values()} == {"BRA"}
