"""What the commands on scenarios share: a scenario file with all that it names, and one answer in any form.

A scenario names its files as it sees them from its own folder. `--out DIR` gives every form at once, in a new folder:
whole, or not at all.
"""

from __future__ import annotations

import csv as csv_
import io
import json as json_
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.impact.scenario import Scenario

Table = tuple[Sequence[str], Iterable[Sequence[Any]]]
BYTES_MAX = 1_000_000_000


def read(path: Path, *, where: str = "") -> bytes:
    """The bytes of a file.

    Raises:
        InputError: it can't be read, or has more than a gigabyte.
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            what = f"the file has over {BYTES_MAX:,} bytes."
            raise InputError(what, where=str(path), hint="Give the part that is needed.", code="size")
        return path.read_bytes()
    except OSError as error:
        what = f"{path} can't be read: {error.strerror}." if where else f"can't be read: {error.strerror}."
        raise InputError(what, where=where or str(path), hint="Check the path.", code="unreadable") from None


def opened(path: Path) -> tuple[Scenario, dict[str, bytes]]:
    """A scenario and the bytes of every file that it names, as seen from its folder.

    Raises:
        InputError: a fault of the scenario, or a file that can't be read.
    """
    from concordat.impact.scenario import parse_scenario

    scenario = parse_scenario(read(path), where=str(path))
    places = {scenario.base.file: ("base",), scenario.base.output: ("base", "output")}
    files = {}
    for name in scenario.files_of():
        place = scenario.document.place(*places.get(name, ("parameters",)))
        files[name] = read(path.parent / name, where=place)
    return scenario, files


def answer(
    facts: Mapping[str, Any],
    lines: Iterable[str],
    table: Table,
    *,
    json: bool,
    csv: bool,
    out: Path | None,
    name: str,
    more: Mapping[str, Iterable[str]] | None = None,
) -> None:
    """One answer: as text, JSON or CSV to the screen, or in all forms to a new folder.

    Args:
        name: of the files in the folder. more: further files of the folder, name -> text, or pieces of it.
    """
    if json and csv:
        raise InputError("--json and --csv can't go together.", hint="Give one.", code="format")
    as_json = json_.dumps(facts, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
    if out is not None:
        texts = {f"{name}.json": as_json, f"{name}.csv": csv_text(table), f"{name}.txt": "\n".join(lines) + "\n"}
        folder({**texts, **(more or {})}, out)
        print(as_json if json else f"Wrote {out}.", end="" if json else "\n", file=sys.stdout if json else sys.stderr)
    else:
        print(as_json if json else csv_text(table) if csv else "\n".join(lines) + "\n", end="")


def csv_text(table: Table) -> str:
    """A table as CSV; cells of text that a spreadsheet would take for a formula are guarded."""
    return "".join(csv_lines(table))


def csv_lines(table: Table) -> Iterator[str]:
    """The same, row by row: a table of millions of draws is never held as text."""
    from concordat.evidence.csv_text import guarded

    head, rows = table
    plain = [name.startswith(">") for name in head]
    buffer = io.StringIO()
    writer = csv_.writer(buffer, lineterminator="\n")
    writer.writerow([name.removeprefix(">") for name in head])
    for row in rows:
        writer.writerow([_cell(c) if number else guarded(_cell(c)) for c, number in zip(row, plain, strict=True)])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value) if isinstance(value, float) else str(value)


def folder(texts: Mapping[str, Iterable[str]], out: Path) -> None:
    """A new folder with these files, whole or not at all.

    Raises:
        InputError: something stands there already, or it can't be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        what = "something stands there already."
        raise InputError(what, where=str(out), hint="Name a folder that is new or empty.", code="exists")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            for name, text in texts.items():
                with (made / name).open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines([text] if isinstance(text, str) else text)
            made.chmod(0o755)
            if out.exists():
                out.rmdir()
            made.rename(out)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        what = f"can't be written: {error.strerror}."
        raise InputError(what, where=str(out), hint="Choose another place.", code="unwritable") from None
