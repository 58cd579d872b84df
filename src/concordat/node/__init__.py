"""One member's running node: its keys, its store, what it publishes, and what it takes from others' folders.

As far as one machine needs it: `Node` joins a replica of the ledger with a store and keys on disk; `export` writes the
public folder; `FolderSource` reads another member's. `service.Service` runs it: a writer, rounds with peers, sockets.

    with Node(home) as node:
        node.write("Said", {"word": "good morning"}, "council")
        export(node.replica, Path("to-carry"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.node.accounts import Accounts
    from concordat.node.embedded import EmbeddedSequencer, GroupCommit
    from concordat.node.home import Node
    from concordat.node.publish import export
    from concordat.node.sources import FolderSource
    from concordat.node.store import Store

__all__ = ["Accounts", "EmbeddedSequencer", "FolderSource", "GroupCommit", "Node", "Store", "export"]

# A command that needs a key need not load all that a replica does: a name is looked for in its module when it is used.
_HOMES = {
    "Accounts": "accounts", "EmbeddedSequencer": "embedded", "FolderSource": "sources", "GroupCommit": "embedded",
    "Node": "home", "Store": "store", "export": "publish",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
