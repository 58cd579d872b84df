"""`concordat settings`: every setting, its value, its origin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from concordat.cli import main
from concordat.settings import SETTING_NAMES


@pytest.fixture(autouse=True)
def _scratch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_prints_each_value_with_its_origin(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("concordat.toml").write_text('language = "pt"\n', encoding="utf-8")
    monkeypatch.setenv("CONCORDAT_FACTBOOK", "/copies/factbook")
    assert main(["settings"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == list(SETTING_NAMES)
    assert lines[0][-1] == "default"
    assert lines[1][1:] == ["/copies/factbook", "CONCORDAT_FACTBOOK"]
    assert lines[2][1:] == ["pt", "concordat.toml"]


def test_json_twin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == sorted(SETTING_NAMES)
    assert shown["factbook"] == {"value": None, "origin": "default"}


def test_a_faulty_file_ends_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("concordat.toml").write_text('languag = "pt"\n', encoding="utf-8")
    assert main(["settings", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["code"] == "unknown_key"
    assert 'Did you mean "language"?' in err
