"""Documentation is true: its examples run against the real program, and it names every setting, command and code.

In every Markdown file of `docs/` and in the README:

- a `console` block is run in a scratch folder (with `examples/` in it, where the page names that), each `$ ` line by a
  shell in which `concordat` is this program, and what follows must be what it prints (`...` stands for anything); the
  blocks of one file run in order, in one folder. Hundreds of starts cost minutes: a line that is one plain command runs
  in this process, and others are children of a process that has imported the program (`warm_program.py`), but for
  servers and, in the README and each tutorial, the first command of a shell;
- a `python` block is run as doctest if it has `>>>`, else as a script; the blocks of one file share their names;
- a `yaml` block that comes after `<!-- file: NAME -->` is written there first;
- other blocks (`bash`, `text`, ...) are read by people only.

What a page starts in the background (a node that serves) is ended after its last block, and after one that failed.
"""

from __future__ import annotations

import doctest
import io
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from concordat import errors, settings
from concordat.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
REFERENCE = DOCS / "reference"
BLOCK = re.compile(r"^(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
# One command of ours and nothing of the shell: no pipe, list, redirection, variable, pattern or continued line.
PLAIN = re.compile(r"concordat [^|&;<>$`*?\[~\n\\#(){}!]+")
LINE_S = 300  # for one line of a page, on a machine that does much else
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    kind: str
    text: str
    line: int
    file: str


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(m["kind"], m["text"], text.count("\n", 0, m.start("text")) + 1, m["file"] or "")
        for m in BLOCK.finditer(text)
    ]


def _runs(page: Path) -> bool:
    return any(b.kind in ("console", "python") or b.file for b in _blocks(page))


@pytest.fixture
def nothing_goes_on(tmp_path: Path) -> Iterator[None]:
    """Processes of a page are those whose data folder is this test's own; where the system lists them, none stays."""
    yield
    marker = f"XDG_DATA_HOME={_data_folder(tmp_path)}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or another user's
            if marker in (process / "environ").read_bytes().split(b"\0") and int(process.name) != os.getpid():
                os.kill(int(process.name), signal.SIGKILL)


def _data_folder(folder: Path) -> Path:
    return folder.parent / f"{folder.name}-data"


@pytest.mark.parametrize("page", [p for p in PAGES if _runs(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_examples_run(page: Path, tmp_path: Path, nothing_goes_on: None, warm: Any) -> None:
    names: dict[str, object] = {}
    if "examples/" in page.read_text(encoding="utf-8"):  # as a reader has them beside, in a checkout
        (tmp_path / "examples").symlink_to(ROOT / "examples")
    for block in _blocks(page):
        where = f"{page.relative_to(ROOT)}, line {block.line}"
        if block.file:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        elif block.kind == "console":
            _run_console(block, tmp_path, where, warm, first_is_real=page.parent in (ROOT, DOCS / "tutorials"))
        elif block.kind == "python":
            _run_python(block, names, where)


def _run_console(block: Block, folder: Path, where: str, warm: Any, *, first_is_real: bool) -> None:
    bin_folder = folder.parent / f"{folder.name}-bin"
    bin_folder.mkdir(exist_ok=True)
    warm.script(bin_folder / "concordat", first_is_real=first_is_real)
    python = bin_folder / "python3"  # what a page calls python3 has what the program needs
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    environment = dict(os.environ)
    environment["PATH"] = f"{bin_folder}{os.pathsep}{environment['PATH']}"
    environment["XDG_DATA_HOME"] = str(_data_folder(folder))
    environment["COLUMNS"] = "120"
    for command, wanted in _commands(block.text):
        run = _run_here if PLAIN.fullmatch(command) else _run_in_shell
        code, printed = run(command, folder, environment)
        same = doctest.OutputChecker().check_output(wanted, printed, FLAGS)
        assert same, f"{where}: $ {command}\nprinted (exit {code}):\n{printed}\nwanted:\n{wanted}"


def _run_in_shell(command: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LINE_S,
        check=False,
    )
    return done.returncode, done.stdout


def _run_here(command: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_DATA_HOME", environment["XDG_DATA_HOME"])
        patch.setenv("COLUMNS", environment["COLUMNS"])
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            code = main(shlex.split(command)[1:])
    return code, printed.getvalue()


def _commands(text: str) -> list[tuple[str, str]]:
    parts = re.split(r"^\$ ", text, flags=re.M)
    assert not parts[0].strip(), "a console block begins with a line that begins with $"
    found = (part.partition("\n") for part in parts[1:])
    return [(command, output) for command, _, output in found]


def _run_python(block: Block, names: dict[str, object], where: str) -> None:
    if ">>>" not in block.text:
        exec(compile(block.text, where, "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.text, names, where, where, block.line)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(test, clear_globs=False)
    names.update(test.globs)
    assert not runner.failures, where


# --- Links ---


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda p: str(p.relative_to(ROOT)))
def test_links_inside_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or target.startswith("#"):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve()
        assert found.exists(), f"{page.name}: {target}"
        if anchor and found.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.M)
            assert anchor in {_slug(heading) for heading in headings}, f"{page.name}: {target}"


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_page_is_reached_from_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    listed = {(DOCS / target.partition("#")[0]).resolve() for target in re.findall(r"\]\(([^)\s]+\.md)[^)]*\)", index)}
    pages = {page.resolve() for page in DOCS.rglob("*.md")} - {(DOCS / "README.md").resolve()}
    assert pages - listed == set()


# --- README ---

FIRST = "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/concordat assess BRICS"
SECOND = "python3 -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/pytest"


def test_the_readme_has_its_two_commands_and_its_picture() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert FIRST in lines
    assert SECOND in lines
    picture = ROOT / "docs" / "pictures" / "report.png"
    assert "docs/pictures/report.png" in text
    assert picture.is_file()
    assert picture.stat().st_size <= 150_000


# --- Reference against code ---


def test_every_setting_is_documented() -> None:
    text = (REFERENCE / "settings.md").read_text(encoding="utf-8")
    for name in settings.SETTING_NAMES:
        assert f"`{name}`" in text
        assert f"`CONCORDAT_{name.upper()}`" in text
        assert re.search(rf"^ +{name}: \S", settings.Settings.__doc__ or "", re.M), f"Settings' docstring lacks {name}"
    assert "`CONCORDAT_NOW`" in text


def test_every_exit_code_is_documented() -> None:
    text = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    branches = [b for b in errors.ConcordatError.__subclasses__() if b.__module__ == errors.__name__]
    assert len(branches) > 5
    for branch in branches:  # a room may have one of its own beside them, which a page turns into a status
        assert f"| {branch.exit_code} | `{branch.__name__}` |" in text


def _command_paths() -> list[str]:
    """Every command of the program, from the program itself: `assess`, `bloc show`, ..."""
    import typer

    from concordat.cli import app

    found: list[str] = []

    def walk(group: object, path: str) -> None:
        names = group.list_commands(None) if hasattr(group, "list_commands") else []  # type: ignore[attr-defined]
        for name in names:
            walk(group.get_command(None, name), f"{path} {name}".strip())  # type: ignore[attr-defined]
        if not names:
            found.append(path)

    walk(typer.main.get_command(app), "")
    return found


def test_every_command_and_option_is_documented() -> None:
    import typer

    from concordat.cli import app

    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    assert {name for name, _, _ in COMMANDS} == {path.split()[0] for path in _command_paths()}
    for path in _command_paths():
        heading = f"## concordat {path}\n"
        assert heading in text, heading
        section = text.partition(heading)[2].partition("\n## ")[0]
        command = typer.main.get_command(app)
        for name in path.split():
            command = command.get_command(None, name)  # type: ignore[attr-defined]
        for parameter in command.params:
            for option in (o for o in parameter.opts if o.startswith("--") and o != "--help"):
                assert f"`{option}`" in section, f"{path}: {option}"
