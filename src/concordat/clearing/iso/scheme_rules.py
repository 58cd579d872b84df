"""What a scheme document says to the gate: which rules refuse, which versions and corridors it has.

Three keys of `scheme.yaml` are read here: `rules` (`B16: on`, `B10: off`, `B11: {days_ahead: 10}`), `messages`
(`pacs.008: ["001.08"]`) and `corridors`. The rest is the core's. A scheme may allow fewer versions than the gate reads,
never more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from concordat.clearing.iso.profile import HEADERS, NATIVE
from concordat.clearing.iso.rules import Corridor, Known, RuleSet, rule_settings
from concordat.errors import InputError


def rule_set(document: Mapping[str, Any], *, known: Known | None = None, where: str = "") -> RuleSet:
    """The rules of a scheme.

    Args:
        document: a scheme as read from its file. known: finds a payment by its UETR, for B22.

    Raises:
        InputError: an unknown rule, parameter or version, or a value that is not of its form.
    """
    rules, messages = document.get("rules") or {}, document.get("messages") or {}
    for name, value, example in (("rules", rules, "B16: on"), ("messages", messages, 'pacs.008: ["001.08"]')):
        if not isinstance(value, Mapping):
            raise _not(name, "a mapping", where, f"Write: {name}: {{{example}}}")
    corridors = document.get("corridors") or []
    if not isinstance(corridors, list):
        raise _not("corridors", "a list", where)
    return RuleSet(
        settings=rule_settings(rules, where=where),
        corridors=tuple(_corridor(c, f"corridors[{n}]", where) for n, c in enumerate(corridors, 1)),
        known=known,
        messages=_messages(messages, where),
    )


def _not(name: str, form: str, where: str, hint: str = "") -> InputError:
    return InputError(f"{name} is not {form}.", where=where, hint=hint, code="invalid")


def _texts(value: Any, name: str, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise _not(name, "a list of texts", where, "Put a code that looks like a number or a truth value in quotes.")
    return value


def _messages(written: Mapping[str, Any], where: str) -> frozenset[str]:
    versions = [
        f"{family}.{number}"
        for family, numbers in written.items()
        for number in _texts(numbers, f"messages, {family}", where)
    ]
    for version in versions:
        if version not in NATIVE and version not in HEADERS:
            hint = f"It reads: {', '.join((*NATIVE, *HEADERS))}."
            raise InputError(
                f"messages: this gate does not read {version}.", where=where, hint=hint, code="unknown_message"
            )
    return frozenset(versions)


def _corridor(written: Any, name: str, where: str) -> Corridor:
    if not isinstance(written, Mapping) or not {"id", "from", "to"} <= set(written):
        raise _not(name, "a mapping with id, from and to", where)
    pairs = _texts(written.get("pairs") or [], f"{name}, pairs", where)
    return Corridor(
        id=str(written["id"]),
        payer=_ends(written["from"], f"{name}, from", where),
        payee=_ends(written["to"], f"{name}, to", where),
        currencies=frozenset(code for pair in pairs for code in pair.split("/")),
        purposes=frozenset(_texts(written.get("purposes") or [], f"{name}, purposes", where)),
    )


def _ends(written: Any, name: str, where: str) -> frozenset[str]:
    """A country, or a list of countries or members (BIC8)."""
    return frozenset(_texts([written] if isinstance(written, str) else written, name, where))
