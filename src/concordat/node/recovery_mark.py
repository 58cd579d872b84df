"""The mark in a node's folder that says: sign nothing until the others were asked what these keys have signed.

`recovering.json` is written by `restore` before the folder gets its name, and by whoever finds out that the others know
more of this node's log than it does. While it lies there the node reads, takes and stores, and signs nothing
(`Node._keep`). `recover` fetches what is missing, verifies it, and takes the mark away (`Node.recovered`). Source:
node-web.md 2.1, ledger.md 8.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from concordat.errors import StateError
from concordat.node.identity import write_private

FILE = "recovering.json"
STATES = ("recovering", "suspicious")
_NONCE = re.compile(r"([0-9a-f]{32})?")


@dataclass(frozen=True, slots=True)
class Mark:
    """Why nothing is signed.

    Attributes:
        state: `suspicious` (others know more) or `recovering` (it is being fetched, or a backup was restored).
        why: in words. since: when, in UTC (`2026-11-26T16:33:00Z`). nonce: the number of the question that members
            without a network answer (`recovery_papers`); a mark on the disk has one.
    """

    state: str
    why: str
    since: str
    nonce: str = ""

    def refuse(self) -> StateError:
        """The error for an attempt to sign."""
        hint = "Ask them: concordat node sync --recover; or let it run: concordat node serve"
        return StateError(f"this node is {self.state} and signs nothing: {self.why}", hint=hint, code=self.state)


def put_mark(home: Path, mark: Mark) -> Mark:
    """Write the mark, with a number of its own if it has none; on the disk when this returns.

    Raises:
        StateError: not written.
    """
    assert mark.state in STATES
    kept = mark if mark.nonce else replace(mark, nonce=secrets.token_hex(16))
    write_private(home / FILE, json.dumps(asdict(kept), sort_keys=True).encode() + b"\n")
    return kept


def read_mark(home: Path) -> Mark | None:
    """The mark of a node; None if it may sign.

    Raises:
        StateError: there is a mark that can't be read: whoever wrote it meant something.
    """
    path = home / FILE
    try:
        mark = Mark(**json.loads(path.read_bytes()))
        texts = isinstance(mark.why, str) and isinstance(mark.since, str) and isinstance(mark.nonce, str)
        if mark.state not in STATES or not texts or not _NONCE.fullmatch(mark.nonce):
            raise ValueError("no state of ours")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StateError(f"damaged: {error}.", where=str(path), code="damaged") from None
    return mark


def clear_mark(home: Path) -> None:
    """Take the mark away: the others were asked, and what they know is here."""
    (home / FILE).unlink(missing_ok=True)
