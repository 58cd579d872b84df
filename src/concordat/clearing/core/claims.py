"""What certificates of every problem share: how they are refused, how their figures are read, roots over a part.

A certificate's figures are claims: the core computes each one again and compares the text. A root over a part of the
state (the payments, obligations or trades that wait) says for what the certificate was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from concordat import canonical
from concordat.clearing.core.model import plain
from concordat.clearing.core.root import item_leaf
from concordat.clearing.core.state import State
from concordat.errors import RuleError

_AMOUNT = re.compile(r"0|[1-9][0-9]{0,24}")


def refused(check: str, what: str, where: str = "") -> RuleError:
    """The error by which a certificate is refused; the receipt names the check."""
    return RuleError(what, where=where, code=f"certificate_{check}")


def read_amounts(value: Any, where: str) -> dict[str, int]:
    """Integers by name, from decimal text.

    Raises:
        RuleError: not of that form.
    """
    if not isinstance(value, dict) or not all(isinstance(a, str) and _AMOUNT.fullmatch(a) for a in value.values()):
        raise refused("form", "amounts as decimal text.", where)
    return {key: int(amount) for key, amount in value.items()}


def read_chosen(certificate: Mapping[str, Any]) -> list[str]:
    """The keys of what a certificate chose; their order is checked with the arithmetic.

    Raises:
        RuleError: no list of text, or an empty one.
    """
    chosen = certificate["chosen"]
    if not isinstance(chosen, list) or not chosen or not all(isinstance(key, str) for key in chosen):
        raise refused("form", "at least one, by key.", "chosen")
    return chosen


def check_claim(certificate: Mapping[str, Any], name: str, found: Any) -> None:
    """A claim is the figure that the check finds.

    Raises:
        RuleError: it is another.
    """
    if certificate[name] != found:
        raise refused("claim", f"it claims {str(certificate[name])[:30]}, the check finds {found}.", name)


def part_root(state: State, table: str, keys: Iterable[str]) -> str:
    """SHA-256 over the leaves of some items of a table, ascending; hexadecimal."""
    rows = state.tables[table]
    leaves = sorted(item_leaf(f"{table}/{key}", canonical.dumps(plain(rows[key]))) for key in keys)
    return sha256(b"".join(leaves)).hexdigest()
