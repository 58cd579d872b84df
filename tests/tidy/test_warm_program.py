"""What spares the suite time stands for the real thing: the warm program ends alike, what is kept was asked alike."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import remembered

LINES = (
    "concordat --version; echo $?",
    "concordat nothing; echo $?",
    "{ sleep 1; concordat settings; } | true; echo ${PIPESTATUS[0]}",  # its reader has gone
    'mkdir -p "a b" && cd "a b" && CONCORDAT_LANGUAGE=xx concordat settings; echo $?; pwd -P | tail -c 5',
    "CONCORDAT_NOW=then concordat bloc list 2>&1 >/dev/null | cat; echo ${PIPESTATUS[0]}",
)


@pytest.mark.parametrize("line", LINES)
def test_the_warm_program_prints_and_ends_as_the_real_one(warm: Any, tmp_path: Path, line: str) -> None:
    said = []
    for name in ("real", "warm"):
        folder = tmp_path / name
        folder.mkdir()
        program = folder / "concordat"
        if name == "real":
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m concordat "$@"\n', encoding="utf-8")
            program.chmod(0o755)
        else:
            warm.script(program, first_is_real=False)
        environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        said.append((done.stdout, done.stderr, done.returncode))
    assert said[0][0]
    assert said[0] == said[1]


def test_the_first_call_may_be_the_real_program(warm: Any, tmp_path: Path) -> None:
    warm.script(tmp_path / "concordat", first_is_real=True)
    script = (tmp_path / "concordat").read_text(encoding="utf-8")
    assert script.index("-m concordat") < script.index("client.py")
    assert f'"{sys.executable}" -m concordat "$@"; fi' in script


def test_what_was_asked_alike_is_made_once_and_nothing_else(tmp_path: Path) -> None:
    made = []

    def draw(*words: object, **named: object) -> object:
        made.append((words, named))
        if words == ("wrong",):
            raise ValueError("wrong")
        return None if words == ("into a file",) else [*words, len(made)]

    ask = remembered._remembering(draw, "draw", tmp_path)
    assert ask({"b": 1, "a": 2}, size=3) == ask({"b": 1, "a": 2}, size=3) == [{"b": 1, "a": 2}, 1]
    assert ask({"a": 2, "b": 1}, size=3)[-1] == 2  # another order is another question
    assert ask({"b": 1.0, "a": 2}, size=3)[-1] == 3
    assert ask(b"x")[-1] == 4
    assert ask(b"y")[-1] == 5
    assert ask(b"x")[-1] == 4
    for _ in range(2):
        assert ask("into a file") is None
        with pytest.raises(ValueError, match="wrong"):
            ask("wrong")
    assert len(made) == 5 + 4  # neither is kept
