"""The rules as people write them: a scheme in YAML, read into a `Scheme` with the line of every fault.

What it must hold is checked in `core.scheme`; here each fault gets its line, an unknown key the nearest one, and a code
that YAML read as a number the advice to quote it. Parts that the core only keeps (`rules` and `messages` of the gate,
`finality`, `travel_rule`, `privacy`, times) are checked here as well: a fault in them would show when it is too late.
`standard/scheme.schema.json` says the same to other programs. `parse_parts` reads a file that holds some keys of a
scheme only, as the gate may be given. `new_document` writes a scheme for a set of issuers and members, for examples and
tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from concordat import world
from concordat.clearing.core.scheme import KEYS, SCHEMA, Scheme, SchemeError
from concordat.errors import InputError
from concordat.settings import Document, nearest, parse_yaml

RECIPIENTS = ("banks", "central_banks", "issuer")


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
        _check_numbers(value, ())
        scheme = Scheme.from_document(value)
        _check_kept(value)
    except SchemeError as error:
        raise _placed(error, document) from None
    _check_gate(document)
    return scheme


def parse_parts(text: str | bytes, *, where: str) -> dict[str, Any]:
    """Read a whole scheme (with its key `schema`), or a file that holds some of its keys and is nothing but the gate's.

    Raises:
        InputError: as `parse_scheme`; of parts: not a mapping, or a key that no scheme has.
    """
    document = parse_yaml(text, where=where)
    value = document.value
    if not isinstance(value, dict):
        raise InputError("is not a scheme: a mapping of keys is.", where=where, code="invalid")
    if "schema" in value:
        parse_scheme(text, where=where)
        return value
    try:
        _check_numbers(value, ())
        _check_known(value, (), KEYS[""])
        corridors = value.get("corridors")
        for number, row in enumerate(corridors if isinstance(corridors, list) else ()):
            _check_known(row, ("corridors", number), KEYS["corridors[]"])
        _check_kept(value)
    except SchemeError as error:
        raise _placed(error, document) from None
    _check_gate(document)
    return value


def _placed(error: SchemeError, document: Document) -> InputError:
    """A fault with its line, and the nearest word for one that is unknown."""
    hint = error.hint
    if not hint and error.known:
        close = nearest(error.word, error.known)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(sorted(error.known))}."
    return InputError(error.what, where=document.place(*error.path), hint=hint, code=error.code)


def _check_numbers(value: Any, path: tuple[str | int, ...]) -> None:
    """No fractions and nothing beyond 2^53: such a number was meant as text, as a version or an amount."""
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            _check_numbers(one, (*path, key))
    elif isinstance(value, float) or (type(value) is int and abs(value) >= 2**53):
        raise SchemeError(path, f"{str(value)[:40]} was read as a number.", "Put quotes around it.", "quotes")


def _check_known(value: Any, path: tuple[str | int, ...], known: Mapping[str, bool]) -> None:
    for key in value if isinstance(value, dict) else ():
        if key not in known:
            what = f'"{key}" is not a key I know here.'
            raise SchemeError((*path, key), what, code="unknown_key", word=str(key), known=known)


def _check_gate(document: Document) -> None:
    """`rules`, `messages` and `corridors` as the gate reads them, with the line of the key that is wrong."""
    from concordat.clearing.iso.scheme_rules import rule_set

    for key in ("rules", "messages", "corridors"):
        if key in document.value:
            rule_set({key: document.value[key]}, where=document.place(key))


def _check_kept(value: Mapping[str, Any]) -> None:
    """What the core keeps and doesn't look into."""
    for part, key in (("finality", "moment"), ("finality", "clause")):
        if key in _part(value, part) and not isinstance(value[part][key], str):
            raise SchemeError((part, key), f"{key} is a text.", "Put quotes around it.", "quotes")
    for part, key in (("validators", "timeout_ms"), ("lsm", "every_s")):
        found = _part(value, part).get(key, 1)
        if type(found) is not int or found < 1:
            raise SchemeError((part, key), f"{key} is a whole number from 1 on.")
    for code, amount in _part(value, "travel_rule", "threshold").items():
        path = ("travel_rule", "threshold", code)
        try:
            world.currency(str(code))
        except InputError as error:
            raise SchemeError(path, error.what, error.hint, "unknown_currency") from None
        if not isinstance(amount, str) or not re.fullmatch("[1-9][0-9]{0,17}", amount):
            raise SchemeError(path, "an amount in minor units, 1 to 10^18 - 1, in quotes.", code="quotes")
    recipients = _part(value, "privacy").get("recipients", [])
    if not isinstance(recipients, list):
        raise SchemeError(("privacy", "recipients"), "recipients are a list.")
    for one in recipients:
        if one not in RECIPIENTS:
            what = f"{one!r} is no recipient of a payload."
            raise SchemeError(("privacy", "recipients"), what, word=str(one), known=RECIPIENTS)


def _part(value: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """A part that may be missing, and is a mapping where it is there."""
    found: Any = value
    for place, key in enumerate(path, start=1):
        found = found.get(key, {})
        if not isinstance(found, dict):
            raise SchemeError(path[:place], f"{key} must hold keys.")
    return dict(found)


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
