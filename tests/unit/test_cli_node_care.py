"""`concordat node backup`, `restore`, `drill`, `upgrade`, `jobs`, `doctor`: what they print and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from concordat.cli import main
from concordat.node import sealed_keys
from concordat.node.hashed_files import HashedFiles
from concordat.node.jobs import Jobs, Kind
from concordat.node.people_store import PeopleStore
from node_care_kit import copied, small_home


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_home(tmp_path_factory.mktemp("source"))


@pytest.fixture
def home(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sealed_keys.seal, "__defaults__", (2**10,))
    return copied(source, tmp_path / "home")


def _run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(a) for a in arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def _json(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Any:
    code, out, err = _run(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_backup_drill_restore(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "node", "backup", tmp_path / "b", "--home", home)
    assert code == 0
    assert "9 entries, 2 stores" in out
    assert "no keys" in out
    code, out, _ = _run(capsys, "node", "drill", tmp_path / "b", "--home", home)
    assert code == 0
    assert "Restored 9 entries from a backup " in out
    assert " equals the running node's." in out
    code, out, _ = _run(capsys, "node", "restore", tmp_path / "b", "--home", tmp_path / "again")
    assert code == 0
    assert "It holds no keys: put them into" in out
    assert "There is no other member to ask" in out
    code, _, err = _run(capsys, "node", "restore", tmp_path / "b", "--home", tmp_path / "again")
    assert (code, "the folder is not empty" in err) == (7, True)
    facts = _json(capsys, "node", "drill", tmp_path / "b", "--home", home)
    assert (facts["entries"], facts["behind"], len(facts["state"])) == (9, 0, 64)


def test_keys_go_only_with_a_passphrase(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "phrase").write_text("correct horse battery\n")
    (tmp_path / "short").write_text("short\n")
    for words in (["--with-keys"], ["--keys-passphrase-file", str(tmp_path / "phrase")]):
        code, _, err = _run(capsys, "node", "backup", tmp_path / "b", "--home", home, *words)
        assert (code, "Give both" in err) == (2, True)
    both = ["--with-keys", "--keys-passphrase-file"]
    code, _, err = _run(capsys, "node", "backup", tmp_path / "b", "--home", home, *both, tmp_path / "short")
    assert (code, "at least 12" in err) == (2, True)
    facts = _json(capsys, "node", "backup", tmp_path / "b", "--home", home, *both, tmp_path / "phrase")
    assert (facts["keys"], facts["stores"], facts["blobs_new"]) == (True, {"log": 1, "people": 1}, 2)
    code, out, _ = _run(capsys, "node", "restore", tmp_path / "b", "--home", tmp_path / "again")
    assert (code, "Its sealed keys were left out" in out) == (0, True)
    words = ["--keys-passphrase-file", str(tmp_path / "phrase")]
    facts = _json(capsys, "node", "restore", tmp_path / "b", "--home", tmp_path / "third", *words)
    assert (facts["keys"], facts["others"], facts["state"]) == (True, 0, "normal")
    assert _run(capsys, "ledger", "write", "Said", '{"word": "again"}', "--home", tmp_path / "third")[0] == 0


def test_the_folder_comes_from_the_settings(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("backup", "drill", "upgrade"):
        code, _, err = _run(capsys, "node", command, "--home", home)
        assert (code, "backup_dir" in err) == (2, True)
    (tmp_path / "concordat.toml").write_text('[node]\ndatabase = "postgresql://node@localhost/node"\n')
    code, _, err = _run(capsys, "node", "upgrade", tmp_path / "b", "--home", home)
    assert (code, "move-store postgresql sqlite" in err) == (7, True)
    (tmp_path / "concordat.toml").write_text(f'[node]\nbackup_dir = "{tmp_path / "b"}"\n')
    facts = _json(capsys, "node", "backup", "--home", home)
    assert (Path(facts["folder"]) / "settings.toml").read_text() == f'\n[node]\nbackup_dir = "{tmp_path / "b"}"\n'
    facts = _json(capsys, "node", "backup", "--home", home, "--keep", "1")
    assert len(facts["removed"]) == 1
    code, out, _ = _run(capsys, "node", "doctor", "--home", home)
    assert code == 0
    assert "0 h old, 9 entries" in out


def test_a_torn_backup_ends_with_5(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(_json(capsys, "node", "backup", tmp_path / "b", "--home", home)["folder"])
    (folder / "log.db").write_bytes(b"")
    for words in (["drill", tmp_path / "b", "--home", home], ["restore", folder, "--home", tmp_path / "again"]):
        code, _, err = _run(capsys, "node", *words)
        assert (code, str(folder / "log.db") in err) == (5, True)


def test_nothing_to_upgrade(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "node", "upgrade", tmp_path / "b", "--home", home)
    assert (code, "Nothing to do" in out) == (0, True)
    assert _json(capsys, "node", "upgrade", tmp_path / "b", "--home", home) == {"backup": "", "steps": []}
    assert not (tmp_path / "b").exists()


def test_jobs_are_listed_and_cancelled(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _json(capsys, "node", "jobs", "--home", home) == {"jobs": []}
    assert _run(capsys, "node", "jobs", "--home", tmp_path / "nowhere")[:2] == (0, "No jobs.\n")
    store = PeopleStore(home / "people.db")
    queue = Jobs(store, {"assess": Kind("assess", "x:y", "z")}, HashedFiles(home / "files"), lambda: 1)
    job, other = (queue.ask("assess", {"bloc": bloc}, asked_by="maria") for bloc in ("BRICS", "ASEAN"))
    store.close()
    code, out, _ = _run(capsys, "node", "jobs", "--home", home)
    assert code == 0
    assert out.splitlines() == [
        f"{other.id}  assess        waiting; 1 before it",
        f"{job.id}  assess        waiting; it is next",
    ]
    code, out, _ = _run(capsys, "node", "jobs", "--home", home, "--cancel", job.id)
    assert (code, out) == (0, f"{job.id}  assess        cancelled\n")
    assert [j["id"] for j in _json(capsys, "node", "jobs", "--home", home, "--state", "queued")["jobs"]] == [other.id]
    assert "asked_by" not in _json(capsys, "node", "jobs", "--home", home)["jobs"][0]
    assert _run(capsys, "node", "jobs", "--home", home, "--cancel", job.id)[0] == 6
    assert _run(capsys, "node", "jobs", "--home", home, "--cancel", "nowhere")[0] == 2
    assert _run(capsys, "node", "jobs", "--home", home, "--state", "lost")[0] == 2
