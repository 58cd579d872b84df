"""The rules as people write them: a scheme in YAML, read into a `Scheme` with the line of every fault.

What it must hold is checked in `core.scheme`; here each fault gets its line, an unknown key the nearest one, and a code
that YAML read as a number the advice to quote it. `standard/scheme.schema.json` says the same to other programs.
`new_scheme` writes a scheme for a set of issuers and members, for examples and tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from concordat.clearing.core.scheme import SCHEMA, Scheme, SchemeError
from concordat.errors import InputError
from concordat.settings import nearest, parse_yaml


def parse_scheme(text: str | bytes, *, where: str) -> Scheme:
    """Read a scheme.

    Args:
        text: of the file. where: how messages call it.

    Raises:
        InputError: not YAML, an unknown or missing key, or a value that is not of its form; with the line.
    """
    document = parse_yaml(text, where=where)
    value = document.value
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        found = value.get("schema") if isinstance(value, dict) else None
        what = f'says schema "{found}"; this must be {SCHEMA}.' if found else "does not say its schema."
        raise InputError(what, where=document.place("schema"), hint=f"Begin with: schema: {SCHEMA}", code="schema")
    try:
        return Scheme.from_document(value)
    except SchemeError as error:
        hint = error.hint
        if not hint and error.known:
            close = nearest(error.word, error.known)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(sorted(error.known))}."
        raise InputError(error.what, where=document.place(*error.path), hint=hint, code=error.code) from None


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a scheme, as it is shipped."""
    import json
    from importlib.resources import files

    text = (files("concordat.clearing") / "standard" / "scheme.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def new_document(
    name: str,
    issuers: Mapping[str, str],
    members: Mapping[str, tuple[str, tuple[str, ...]]],
    keys: Mapping[str, str],
    **parts: Any,
) -> dict[str, Any]:
    """A scheme in which everybody may pay everybody at all hours; `parts` replaces whole keys.

    Args:
        name: of the scheme. issuers: currency -> BIC. members: BIC -> (supervisor, currencies).
        keys: BIC -> public key, hexadecimal.
    """
    countries = sorted({bic8[4:6] for bic8 in (*issuers.values(), *members)})
    codes = sorted(issuers)
    pairs = [f"{one}/{other}" for i, one in enumerate(codes) for other in codes[i + 1 :]]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "scheme": name,
        "version": 1,
        "currencies": {code: {"issuer": issuers[code], "hours_utc": "00:00-24:00"} for code in codes},
        "members": [
            {"bic8": bic8, "lei": "0" * 20, "currencies": sorted(held), "supervisor": supervisor}
            for bic8, (supervisor, held) in sorted(members.items())
        ],
        "keys": dict(sorted(keys.items())),
        "corridors": [
            {"id": "all", "from": countries, "to": countries, "pairs": [*codes, *pairs], "hours_utc": "00:00-24:00"}
        ],
        "validators": {"members": sorted(set(issuers.values()))},
    }
    return {**document, **parts}
