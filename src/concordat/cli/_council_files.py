"""Files that become bodies of entries: rules, weights and groups; texts by paragraphs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from concordat.cli._node_home import read, read_text
from concordat.errors import InputError
from concordat.settings import parse_yaml

_ID = re.compile(r"\[([a-z][a-z0-9.]{0,40})\]\s+")


def act_of(files: list[Path]) -> tuple[str, dict[str, Any]]:
    """The type and body of the act that files stand for: rules, or one table of weights, or one group.

    Raises:
        InputError: files of several kinds, or of none.
    """
    kinds = []
    for path in files:
        value = parse_yaml(read(path), where=str(path), numbers_as_text=True).value
        if not isinstance(value, dict):
            raise InputError("holds no keys.", where=str(path), code="schema")
        kinds.append(("rule" if "rule" in value else "table" if "table" in value else "group", value, path))
    names = sorted({kind for kind, _, _ in kinds})
    if names == ["rule"]:
        return "RuleAdopted", {"rules": [read_text(path) for _, _, path in kinds]}
    if len(kinds) != 1:
        raise InputError(f"{' and '.join(names)} can't go together.", hint="One table, or one group, at a time.")
    kind, value, path = kinds[0]
    if kind == "table":
        _keys(value, ("schema", "table", "day", "unit", "source", "values"), path)
        if not isinstance(value["values"], dict):
            hint = "As BRA: 12, a line each."
            raise InputError("values must be a list of members and weights.", where=str(path), hint=hint, code="values")
        values = {str(k): _whole(v, path, str(k)) for k, v in value["values"].items()}
        return "WeightsAdopted", {**{k: str(value[k]) for k in ("table", "day", "unit", "source")}, "values": values}
    _keys(value, ("schema", "group", "members"), path)
    if not isinstance(value["members"], list):
        hint = "As members: [BRA, CHN]"
        raise InputError("members must be a list.", where=str(path), hint=hint, code="members")
    return "GroupAdopted", {"group": str(value["group"]), "members": [str(m) for m in value["members"]]}


def _keys(value: dict[str, Any], known: tuple[str, ...], path: Path) -> None:
    from concordat.settings import unknown_key

    for key in value:
        if key not in known:
            raise unknown_key(str(key), known, where=str(path))
    missing = [key for key in known if key not in value and key != "schema"]
    if missing:
        raise InputError(f'the key "{missing[0]}" is missing.', where=str(path), hint="Add it.", code="missing_key")


def _whole(value: Any, path: Path, key: str) -> int:
    if not str(value).isdecimal():
        raise InputError(f"the weight of {key} is {str(value)[:30]}.", where=str(path), hint="Whole numbers from 0 on.")
    return int(str(value))


def act_hash_of(kind: str, value: str) -> str:
    """The hash of the act that a proposal would allow: a file of a rule, weights or group, or a body as @FILE."""
    from concordat import canonical
    from concordat.council.constitution import act_hash

    if value.startswith("@"):
        return act_hash(kind, canonical.loads(read(Path(value[1:]))))
    found, body = act_of([Path(value)])
    if found != kind:
        raise InputError(f"{value} is for {found}, not {kind}.", where="--act", code="act")
    return act_hash(kind, body)


def paragraphs(data: bytes, where: str) -> tuple[str, list[dict[str, str]]]:
    """Title and numbered paragraphs of a text: `# Title`, then paragraphs between empty lines, `[p3.2]` in front.

    Raises:
        InputError: not UTF-8, or nothing in it.

    >>> paragraphs(b"# Sharing\\n\\nWe share.\\n\\n[p1.1] Yearly.\\n", "a.md")
    ('Sharing', [{'id': 'p1', 'text': 'We share.'}, {'id': 'p1.1', 'text': 'Yearly.'}])
    """
    import unicodedata

    try:
        whole = unicodedata.normalize("NFC", data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8.", where=where, code="not_utf8") from None
    title, rows = "", []
    for block in re.split(r"\n\s*\n", whole):
        words = " ".join(block.split())
        if not words:
            continue
        if words.startswith("# ") and not rows and not title:
            title = words[2:].strip()
            continue
        named = _ID.match(words)
        key = named.group(1) if named else f"p{sum(not _dotted(r['id']) for r in rows) + 1}"
        rows.append({"id": key, "text": words[named.end() :] if named else words})
    if not rows:
        raise InputError("there is no paragraph in it.", where=where, hint="Write one below the title.", code="empty")
    return title, rows


def _dotted(key: str) -> bool:
    return "." in key
