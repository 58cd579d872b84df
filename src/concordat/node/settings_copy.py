"""The settings file as a backup takes it along: as it says what the node runs with, but for what is secret."""

from __future__ import annotations

import json
import re
from pathlib import Path

from concordat.errors import InputError

_SECRET = re.compile(r"pass(word|phrase)|secret|token", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"//[^/@\s]*:[^/@\s]*@|[?&](ssl)?password=", re.IGNORECASE)


def settings_without_secrets(file: Path) -> bytes:
    """The settings file as TOML again, without what is secret; empty if there is none.

    Left out are keys whose names say so (password, passphrase, secret, token), and addresses that hold a
    password. A comment stands where something was left out.

    Raises:
        InputError: the file is not TOML.
    """
    import tomllib

    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return b""
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read: {error}.", where=str(file), code="not_toml") from None
    lines: list[str] = []
    tables = [("", values)]
    for name, table in tables:
        if name:
            lines += ["", f"[{name}]"]
        for key, value in sorted(table.items()):
            if isinstance(value, dict):
                tables.append((f"{name}.{key}" if name else key, value))
            elif _is_secret(key, value):
                lines.append(f"# {key} was left out: it is secret, or holds a password.")
            else:
                lines.append(f"{key} = {_toml(value)}")
    return ("\n".join(lines) + "\n").encode()


def _is_secret(key: str, value: object) -> bool:
    """Whether a value is secret, or holds one however deep in a list."""
    if isinstance(value, dict):
        return any(_is_secret(name, item) for name, item in value.items())
    if isinstance(value, list):
        return any(_is_secret(key, item) for item in value)
    return bool(_SECRET.search(key) or (isinstance(value, str) and _IN_ADDRESS.search(value)))


def _toml(value: object) -> str:
    """A value as TOML: the JSON forms of text, numbers, booleans and lists of these are TOML too."""
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, (str, bool, int, float)):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(str(value))
