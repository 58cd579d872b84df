"""What a delegate's machine says to a node: envelopes signed outside, handed in over HTTP until acknowledged."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.ledger.entry import FIRST, Entry
from concordat.ledger.keys import Ed25519Secret
from concordat.ledger.merkle import leaf_hash
from concordat.node.identity import read_identity, read_seeds

TIMEOUT_S = 5


def ask(url: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Status and body; (0, b"") where nobody answers."""
    host = url.removeprefix("http://").partition("/")[0]
    port = host.rpartition(":")[2]
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers={"host": host})
    try:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
    except (OSError, ValueError, http.client.HTTPException):  # also while the body of a refusal is read
        return 0, b""


@dataclass
class Delegate:
    """Signs entries of one member, outside its node.

    Attributes:
        acknowledged: ids that a node has taken. leaves: their leaf hashes. seq, prev: as the node said, or as it went.
    """

    home: Path
    url: str
    acknowledged: dict[str, int] = field(default_factory=dict)
    leaves: dict[str, str] = field(default_factory=dict)
    seq: int = 1
    prev: str = FIRST

    def __post_init__(self) -> None:
        identity = read_identity(self.home)
        self.member, self.bloc = identity.member, identity.bloc
        self.secret = Ed25519Secret(read_seeds(self.home / "keys" / "node.json", "")["ed25519"])

    def entry(self, word: str) -> Entry:
        """The next entry."""
        body: dict[str, Any] = {"word": word}
        return Entry.new(
            author=self.member, bloc=self.bloc, membership=1, person="node", seq=self.seq, prev=self.prev,
            scope="council", ts="2026-11-22T00:00:00Z", type="Said", body=body, secret=self.secret,
        )  # fmt: skip

    def say(self, word: str) -> bool:
        """Hand an entry in; whether it was acknowledged. A node that is elsewhere in its log is followed."""
        for _ in range(3):
            entry = self.entry(word)
            status, body = ask(self.url, "/entries", entry.leaf)
            if status in (200, 201):
                self.acknowledged[entry.id] = canonical.loads(body)["index"]
                self.leaves[leaf_hash(entry.leaf).hex()] = entry.id
                self.seq, self.prev = self.seq + 1, entry.id
                return True
            hint = re.search(r'"seq": (\d+) and "prev": "([0-9a-f]{64})"', _detail(body))
            if status != 409 or not hint:
                return False
            self.seq, self.prev = int(hint[1]), hint[2]
        return False


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return ""
