"""One member's running node: its keys, its store, what it publishes, and what it takes from others' folders.

As far as one machine needs it: `Node` joins a replica of the ledger with a store and keys on disk; `export` writes the
public folder; `FolderSource` reads another member's. `service.Service` runs it: a writer, rounds with peers, sockets.

    with Node(home) as node:
        node.write("Said", {"word": "good morning"}, "council")
        export(node.replica, Path("to-carry"))
"""

from __future__ import annotations

from concordat.node.accounts import Accounts
from concordat.node.embedded import EmbeddedSequencer, GroupCommit
from concordat.node.home import Node
from concordat.node.publish import export
from concordat.node.sources import FolderSource
from concordat.node.store import Store

__all__ = ["Accounts", "EmbeddedSequencer", "FolderSource", "GroupCommit", "Node", "Store", "export"]
