"""What `concordat evidence` says when it can't do what was asked: text, exit code, and the same facts as JSON.

Each message says what was wrong, where, and what to do (specification of evidence, section 14).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from concordat.cli import main
from concordat.evidence.store import open_store
from concordat.evidence.store.catalog import MIGRATIONS

Fails = Callable[..., str]
CELL = '"T1:BRA:internet_users_pct" is a cell, and cells belong to a report. Name the report\'s folder with --report.'
NO_ID = (
    '"abc" is not the beginning of an id. Give at least 8 digits of 0-9 and a-f, or a cell\'s name such as '
    "T3:BRA:internet_users_pct."
)


@pytest.fixture
def factbook(tmp_path: Path) -> Path:
    """A Factbook of one country, so that loading costs nothing."""
    file = tmp_path / "factbook" / "africa" / "et.json"
    file.parent.mkdir(parents=True)
    text = {"text": "17% (2021 est.)"}
    file.write_text(
        json.dumps({"Communications": {"Internet users": {"percent of population": text}}}), encoding="utf-8"
    )
    return tmp_path / "factbook"


@pytest.fixture
def fails(factbook: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Fails:
    """Runs a command that must end with an exit code; returns its message, which `--json` repeats."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONCORDAT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CONCORDAT_FACTBOOK", str(factbook))

    def evidence(exit_code: int, *arguments: str) -> str:
        assert main(["evidence", *arguments]) == exit_code
        said = capsys.readouterr()
        assert said.out == ""
        assert main(["evidence", *arguments, "--json"]) == exit_code
        twin = json.loads(capsys.readouterr().out)
        where = f"{twin['where']}: " if twin["where"] else ""
        assert f"concordat: {where}{twin['what']} {twin['hint']}".rstrip() in said.err
        return said.err.removeprefix("concordat: ").rstrip("\n")

    return evidence


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["show", "internet_user_pct"],
            '"internet_user_pct" is not an indicator I know. Did you mean "internet_users_pct"?',
        ),
        (["show", "xyz"], '"xyz" is not an indicator I know. See: concordat evidence coverage'),
        (
            ["show", "internet_users_pct", "--bloc", "BRIC"],
            '"BRIC" is not a bloc I know. Did you mean "BRICS"? See: concordat bloc list',
        ),
        (
            ["show", "internet_users_pct", "--bloc", "BRICS", "--countries", "BRA"],
            "--bloc and --countries can't go together. Name one of them.",
        ),
        (
            ["show", "internet_users_pct", "--breakdown", "sex=F"],
            'internet_users_pct has no breakdown "sex=F" here. Known here: none.',
        ),
        (["coverage", "--on", "22.11.2026"], '"22.11.2026" is not a day. Write it as 2026-11-22.'),
        (
            ["trace", "T1:BRA:internet_users_pct"],
            CELL,
        ),
        (
            ["trace", "abc"],
            NO_ID,
        ),
        (
            ["release", "a name"],
            '"a name" can\'t name a release. Use up to 64 letters, digits, dots and dashes, such as 2026-11.',
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_word_is_an_input_error(fails: Fails, arguments: list[str], message: str) -> None:
    assert fails(2, *arguments) == message


def test_a_bloc_that_had_no_members_yet_says_since_when(fails: Fails) -> None:
    message = fails(2, "show", "internet_users_pct", "--bloc", "BRICS", "--on", "2005-01-01")
    assert message.startswith("BRICS had no members on 2005-01-01; its first interval starts in 2009")


def test_an_unknown_id_says_where_it_was_looked_for(fails: Fails, tmp_path: Path) -> None:
    assert fails(2, "trace", "00000000") == (
        f"{tmp_path / 'data'}: no record has an id that begins with 00000000. "
        "Ids stand in a report's provenance.json; name its folder with --report."
    )


def test_a_folder_without_a_report_is_named(fails: Fails, tmp_path: Path) -> None:
    message = fails(2, "trace", "00000000", "--report", str(tmp_path / "none"))
    assert message == (
        f"{tmp_path / 'none' / 'manifest.json'}: can't be read: No such file or directory. "
        "Name the folder that assess wrote."
    )


@pytest.mark.parametrize("command", ["vintages", "releases", "verify"])
def test_a_store_that_is_not_there_is_not_made(fails: Fails, tmp_path: Path, command: str) -> None:
    assert fails(7, command) == (
        f"{tmp_path / 'data'}: there is no store here. "
        "Run: concordat assess BRICS. Or set CONCORDAT_DATA_DIR to the folder that holds your store."
    )
    assert not (tmp_path / "data").exists()


def test_a_store_of_a_newer_program_names_the_version_needed(fails: Fails, tmp_path: Path) -> None:
    open_store(tmp_path / "data").close()
    path = tmp_path / "data" / "catalog.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("UPDATE needs SET version = '3.1.0'")
        db.execute("PRAGMA user_version = 99")
    db.close()
    assert fails(7, "coverage") == (
        f"{path}: this store has schema 99; this program knows schema {len(MIGRATIONS)}. "
        "Install concordat 3.1.0 or newer, or set CONCORDAT_DATA_DIR to another folder."
    )


def test_a_release_never_comes_to_mean_something_else(
    fails: Fails, factbook: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "release", "2026-11"]) == 0
    capsys.readouterr()
    file = factbook / "africa" / "et.json"
    file.write_text(file.read_text(encoding="utf-8").replace("17%", "19%"), encoding="utf-8")
    message = fails(7, "release", "2026-11")
    assert message.startswith(f"{tmp_path / 'data'}: the release 2026-11 already stands for other data (")
    assert message.endswith("A release never changes. Choose another name.")


def test_verify_names_every_changed_file_with_what_was_expected_and_found(
    fails: Fails, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "coverage"]) == 0
    capsys.readouterr()
    (body,) = (tmp_path / "data" / "raw").glob("*/*.gz")
    (table,) = (tmp_path / "data" / "obs").rglob("*.parquet")
    body.write_bytes(b"changed")
    table.write_bytes(b"changed")
    lines = fails(5, "verify").replace("concordat: ", "").splitlines()
    assert sorted(line.split(": ")[0] for line in lines) == sorted([str(body), str(table)])
    found = hashlib.sha256(b"changed").hexdigest()
    for line in lines:
        assert "expected " in line
        assert "Restore the file from a copy" in line
    assert any(f"expected SHA-256 {body.stem}, found bytes that are not gzip" in line for line in lines)
    assert any(found in line for line in lines)


def test_changed_bytes_stop_a_trace(fails: Fails, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "show", "internet_users_pct", "--json"]) == 0
    (figure,) = json.loads(capsys.readouterr().out)["figures"]
    (body,) = (tmp_path / "data" / "raw").glob("*/*.gz")
    body.unlink()
    assert fails(5, "trace", figure["id"]) == (
        f"{body}: a kept body is not what it was: expected SHA-256 {body.stem}, found no file. "
        "Restore the file from a copy, or begin a new store: set CONCORDAT_DATA_DIR to an empty folder."
    )
