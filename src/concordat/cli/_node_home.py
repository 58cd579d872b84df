"""Where a node's folder is, and how it is opened, for the commands of `node` and `ledger`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from concordat.errors import InputError
from concordat.settings import Settings

HOME = typer.Option(None, "--home", help="The node's folder; default: node, in the data folder of this machine.")
PASSPHRASE = typer.Option(None, "--passphrase-file", help="A file whose first line opens the node's key files.")
JSON = typer.Option(False, "--json", help="Print one JSON object.")


def home_of(home: Path | None) -> Path:
    """The folder that was named, or the default one."""
    return home if home is not None else Settings.load().data_dir / "node"


def passphrase_of(file: Path | None) -> str:
    """The first line of a file; empty without one.

    Raises:
        InputError: it can't be read, or is empty.
    """
    if file is None:
        return ""
    try:
        line = file.read_text(encoding="utf-8").split("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"can't be read: {error}.", where=str(file), code="unreadable") from None
    if not line:
        raise InputError("the first line is empty.", where=str(file), hint="Write the passphrase there.", code="empty")
    return line


def plain(text: str) -> str:
    """Text of others without control characters: a folder must not write to our terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def open_node(home: Path | None, passphrase_file: Path | None) -> Any:
    """The node, opened; use it in a `with` block."""
    from concordat.node.home import Node

    return Node(home_of(home), passphrase_of(passphrase_file), database_of())


def database_of() -> str:
    """Where the stores of this machine's node are: the setting `database`."""
    from concordat.node.settings import NodeSettings

    return NodeSettings.load().database


def read(path: Path) -> bytes:
    """The bytes of a plain file: a pipe or a device would never end.

    Raises:
        InputError: no such file, or it can't be read.
    """
    if not path.is_file():
        raise InputError("no such file.", where=str(path), code="unreadable")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None


def read_text(path: Path) -> str:
    """The text of a plain file in UTF-8, without a byte order mark.

    Raises:
        InputError: no such file, or it is not UTF-8.
    """
    try:
        return read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "Save it as UTF-8."
        raise InputError(f"byte {error.start} is not UTF-8.", where=str(path), hint=hint, code="not_utf8") from None


def write(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all.

    Raises:
        InputError: the path is a folder.
    """
    if path.is_dir():
        raise InputError("that is a folder.", where=str(path), hint="Name a file.", code="folder")
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    temporary.replace(path)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(value, ensure_ascii=False, sort_keys=True))
