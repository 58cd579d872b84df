"""`node sync --recover`: a restored node and the folders of others; who has answered, and when it signs again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from concordat import clock
from concordat.cli import main
from concordat.node.home import Node, verify_disk
from concordat.node.publish import export
from concordat.node.recovery_mark import Mark, put_mark, read_mark
from concordat.node.sync import exchange
from unit_node import found

IDS = ("BRA", "IND", "RUS", "ZAF")  # q = 3
Recovering = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bloc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four members' homes, a copy of the first one after its first entry, and everybody's folders after its third."""
    with clock.fixed("2026-11-22"):
        return _bloc(tmp_path_factory.mktemp("four"))


def _bloc(root: Path) -> Path:
    homes = found(root, IDS)
    folders = [root / member / "public" for member in IDS]
    with Node(homes[0]) as node:
        node.write("Said", {"word": "first"}, "council")
    shutil.copytree(homes[0], root / "old")
    nodes = [Node(home) for home in homes]
    for word in ("second", "third"):
        nodes[0].write("Said", {"word": word}, "council")
    for node, folder in zip(nodes, folders, strict=True):
        export(node.replica, folder)
    exchange(nodes, folders, lambda: all(len(n.replica.events()) == 3 for n in nodes))
    for node in nodes:
        node.close()
    return root


@pytest.fixture
def recovering(
    bloc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Recovering:
    """Run the command for the restored copy; nobody can be reached over a network."""
    home = tmp_path / "home"
    shutil.copytree(bloc / "old", home)
    put_mark(home, Mark("recovering", "brought back from a backup.", "2026-11-22T00:00:00Z"))
    file = tmp_path / "concordat.toml"
    peers = ", ".join(f'{member} = "http://127.0.0.1:9"' for member in IDS[1:])
    file.write_text(f"[node]\npeers_private = true\ndisk_reserve_mb = 0\npeers = {{{peers}}}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*members: str, more: tuple[str, ...] = ()) -> tuple[int, str, str]:
        folders = [part for m in members for part in ("--from", str(bloc / m / "public"))]
        code = main(["node", "sync", "--recover", *folders, "--home", str(home), *more])
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


def test_enough_folders_bring_everything_back(recovering: Recovering, tmp_path: Path) -> None:
    code, out, _ = recovering("IND", "RUS")
    assert code == 0
    assert "own log 1 -> 3; answered: " in out
    assert out.endswith("This node may sign.\n")
    assert read_mark(tmp_path / "home") is None
    with Node(tmp_path / "home") as node:
        verify_disk(node)
        assert [e.body["word"] for e in node.replica.own.entries] == ["first", "second", "third"]
        node.write("Said", {"word": "fourth"}, "council")


def test_nobody_answers_and_it_stays_as_it_is(recovering: Recovering, tmp_path: Path) -> None:
    code, out, err = recovering()
    assert code == 7
    assert "own log 1 -> 1; answered: nobody" in out
    assert "IND: http://127.0.0.1:9" in out
    assert "2 more must answer; missing: IND, RUS, ZAF" in err
    assert read_mark(tmp_path / "home") is not None


def test_what_is_printed_for_programs(recovering: Recovering) -> None:
    code, out, _ = recovering("ZAF", "IND", more=("--json",))
    found_facts = json.loads(out)
    assert (code, found_facts["before"], found_facts["after"], found_facts["state"]) == (0, 1, 3, "normal")
    assert {"IND", "ZAF"} <= set(found_facts["answered"])


def test_a_folder_without_the_others_cosignatures_answers_for_nobody(
    recovering: Recovering, bloc: Path, tmp_path: Path
) -> None:
    """Anybody can write a folder: a head counts for those members whose witness has signed it."""
    stick = bloc / "XXX" / "public"
    if not stick.exists():
        shutil.copytree(bloc / "IND" / "public", stick)
        head = stick / "logs/bra.example/BRICS/member/checkpoint"
        lines = head.read_text(encoding="utf-8").splitlines(keepends=True)
        head.write_text("".join(line for line in lines if "/witness " not in line), encoding="utf-8")
    code, out, err = recovering("XXX")
    assert code == 7
    assert "answered: nobody" in out
    assert "2 more must answer" in err


@pytest.mark.parametrize(
    ("arguments", "words"), [((), "no folder to take from"), (("--recover", "--to", "x"), "writes no folder")]
)
def test_what_makes_no_sense_is_said(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["node", "sync", *arguments]) == 2
    assert words in capsys.readouterr().err
