"""`node sync --recover`: a restored node, the folders of others and their answers; when it signs again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from concordat import clock
from concordat.cli import main
from concordat.node.home import Node
from concordat.node.publish import export
from concordat.node.recovery_mark import Mark, put_mark, read_mark
from concordat.node.sync import exchange
from concordat.node.whole_disk import verify_disk
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


@pytest.fixture
def answers(recovering: Recovering, bloc: Path, tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """The arguments that bring some members' answers to the question of the restored copy."""

    def written(*members: str) -> tuple[str, ...]:
        question = tmp_path / "question.json"
        assert recovering(more=("--ask", str(question)))[0] == 7
        found = []
        for member in members:
            out = tmp_path / f"answer-{member}.json"
            assert (
                main(["node", "answer", str(question), "--out", str(out), "--home", str(bloc / member / "home")]) == 0
            )
            found += ["--answer", str(out)]
        return tuple(found)

    return written


def test_folders_with_enough_answers_bring_everything_back(
    recovering: Recovering, answers: Callable[..., tuple[str, ...]], tmp_path: Path
) -> None:
    code, out, _ = recovering("IND", "RUS", more=answers("IND", "RUS"))
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


def test_what_is_printed_for_programs(recovering: Recovering, answers: Callable[..., tuple[str, ...]]) -> None:
    code, out, _ = recovering("ZAF", "IND", more=("--json", *answers("ZAF", "IND")))
    found_facts = json.loads(out.splitlines()[-1])
    assert (code, found_facts["before"], found_facts["after"], found_facts["state"]) == (0, 1, 3, "normal")
    assert {"IND", "ZAF"} <= set(found_facts["answered"])


def test_folders_alone_answer_for_nobody_however_new_they_are(recovering: Recovering, tmp_path: Path) -> None:
    code, out, err = recovering("IND", "RUS", "ZAF")
    assert code == 7
    assert "own log 1 -> 3; answered: nobody" in out, "what they hold is taken all the same"
    assert "2 more must answer" in err
    assert "it answers for nobody" in err
    assert read_mark(tmp_path / "home") is not None


def test_a_stale_folder_does_not_say_how_long_the_log_was(
    recovering: Recovering, answers: Callable[..., tuple[str, ...]], bloc: Path, tmp_path: Path
) -> None:
    """A stick from before the later entries, with good cosignatures: believed, entry 2 would be signed twice."""
    with clock.fixed("2026-11-22"), Node(_copy(bloc / "old", tmp_path / "then")) as then:
        export(then.replica, tmp_path / "stick")
    code, out, _ = recovering(more=("--from", str(tmp_path / "stick")))
    assert (code, "own log 1 -> 1; answered: nobody" in out) == (7, True)
    code, out, err = recovering(more=("--from", str(tmp_path / "stick"), *answers("IND", "RUS")))
    assert code == 7
    assert "own log 1 -> 1; answered: IND, RUS" in out
    assert "has 1 entries, but 2 members saw 3" in err


def test_an_answer_is_good_for_one_question(
    recovering: Recovering, answers: Callable[..., tuple[str, ...]], tmp_path: Path
) -> None:
    given = answers("IND", "RUS")
    mark = read_mark(tmp_path / "home")
    assert mark is not None
    put_mark(tmp_path / "home", Mark(mark.state, mark.why, mark.since))  # restored once more: another question
    code, out, _ = recovering("IND", "RUS", more=given)
    assert code == 7
    assert "IND answers another question" in out
    assert "answered: nobody" in out


def test_a_torn_folder_brings_what_is_whole_and_the_node_waits_for_the_rest(
    recovering: Recovering, answers: Callable[..., tuple[str, ...]], bloc: Path, tmp_path: Path
) -> None:
    torn = _copy(bloc / "IND" / "public", tmp_path / "torn")
    bundle = next((torn / "logs/bra.example/BRICS/member/tile/entries").rglob("3"))
    bundle.write_bytes(bundle.read_bytes()[:-10])
    code, out, err = recovering(more=("--from", str(torn), *answers("IND", "RUS")))
    assert code == 7
    assert (
        f"member: {bundle.relative_to(torn / 'logs/bra.example/BRICS/member')}: the bundle ends inside entry 2" in out
    )
    assert "has 1 entries, but 2 members saw 3" in err
    assert recovering("RUS", more=answers("IND", "RUS"))[0] == 0


def test_a_head_alone_in_a_torn_folder_is_wanted_though_nobody_answers(
    recovering: Recovering, bloc: Path, tmp_path: Path
) -> None:
    torn = _copy(bloc / "IND" / "public", tmp_path / "torn")
    shutil.rmtree(torn / "logs/bra.example/BRICS/member/tile")
    code, _, err = recovering(more=("--from", str(torn)))
    assert code == 7
    assert "has 1 entries, but its keys have signed 3" in err


def test_a_forked_folder_is_told_and_nothing_is_signed(
    recovering: Recovering, answers: Callable[..., tuple[str, ...]], bloc: Path, tmp_path: Path
) -> None:
    """Somebody signed another second entry with this node's keys: what was signed can't be unsigned, and is told."""
    other = _copy(bloc / "old", tmp_path / "other")
    with clock.fixed("2026-11-22"), Node(other) as twin:
        twin.write("Said", {"word": "another second"}, "council")
        export(twin.replica, tmp_path / "fork")
    code, out, _ = recovering("IND", more=("--from", str(tmp_path / "fork"), *answers("IND", "RUS")))
    assert "not good: " in out or code == 0
    with Node(tmp_path / "home") as node:
        assert [e.body["word"] for e in node.replica.own.entries][:2] == ["first", "second"]
        assert {p.accused for p in node.replica.accusations.values()} == {"BRA"}


def test_who_doubts_an_unmarked_node_marks_it_until_enough_have_answered(
    recovering: Recovering, answers: Callable[..., tuple[str, ...]], tmp_path: Path
) -> None:
    (tmp_path / "home" / "recovering.json").unlink()
    assert recovering()[0] == 7
    mark = read_mark(tmp_path / "home")
    assert mark is not None
    assert (mark.state, len(mark.nonce)) == ("suspicious", 32)
    assert recovering("IND", more=answers("IND", "RUS"))[0] == 0


def test_a_node_that_recovers_answers_nobody(
    recovering: Recovering, bloc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = tmp_path / "question.json"
    recovering(more=("--ask", str(question)))
    other = _copy(bloc / "IND" / "home", tmp_path / "ind")
    put_mark(other, Mark("recovering", "brought back.", "2026-11-22T00:00:00Z"))
    assert main(["node", "answer", str(question), "--out", str(tmp_path / "a"), "--home", str(other)]) == 7
    assert "recovering and signs nothing" in capsys.readouterr().err
    home = str(tmp_path / "home")
    assert main(["node", "answer", str(question), "--out", str(tmp_path / "a"), "--home", home]) == 7


def _copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no folder to take from"),
        (("--recover", "--to", "x"), "writes no folder"),
        (("--from", "x", "--ask", "y"), "only a node that recovers"),
    ],
)
def test_what_makes_no_sense_is_said(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["node", "sync", *arguments]) == 2
    assert words in capsys.readouterr().err
