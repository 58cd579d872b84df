"""One hash for the whole state: 4,096 buckets under a binary tree, of which a block recomputes only what it touched.

An item has a key (`account/CCCCBRSP/BRL`) and a canonical value (RFC 8785, an object). Its leaf is
SHA-256(0x00 || key || value); its bucket is given by the first 12 bits of SHA-256(key); a bucket's hash is the SHA-256
of its leaves in ascending order, one after the other (of nothing, if it is empty); above, node =
SHA-256(0x01 || left || right) over the 4,096 buckets, 12 levels. Keys hold no brace and values begin with one, so the
leaf can be read in one way only. The order in which items came does not show.

    >>> one, two = Buckets(), Buckets()
    >>> one.set("a", b"{}"); one.set("b", b"{}"); two.set("b", b"{}"); two.set("a", b"{}")
    >>> one.root() == two.root()
    True
"""

from __future__ import annotations

from hashlib import sha256

LEVELS = 12
BUCKETS = 1 << LEVELS
_EMPTY = sha256(b"").digest()


def bucket_of(key: str) -> int:
    """The first 12 bits of SHA-256(key)."""
    digest = sha256(key.encode()).digest()
    return digest[0] << 4 | digest[1] >> 4


def item_leaf(key: str, value: bytes) -> bytes:
    """SHA-256(0x00 || key || value)."""
    return sha256(b"\x00" + key.encode() + value).digest()


class Buckets:
    """The leaves by bucket, and the tree above them; the root is brought up to date when it is asked for."""

    def __init__(self) -> None:
        self._leaves: list[dict[str, bytes]] = [{} for _ in range(BUCKETS)]
        self._tree = _empty_tree()
        self._stale: set[int] = set()
        self._place: dict[str, int] = {}  # key -> bucket, for items that are there

    def __len__(self) -> int:
        return len(self._place)

    def set(self, key: str, value: bytes) -> None:
        """Add an item, or give it another value."""
        place = self._place.get(key)
        if place is None:
            place = self._place[key] = bucket_of(key)
        self._leaves[place][key] = sha256(b"\x00" + key.encode() + value).digest()
        self._stale.add(place)

    def remove(self, key: str) -> None:
        """Take an item out; nothing happens if it is not there."""
        place = self._place.pop(key, None)
        if place is not None:
            del self._leaves[place][key]
            self._stale.add(place)

    def leaf(self, key: str) -> bytes:
        """The leaf of an item that is there."""
        return self._leaves[self._place[key]][key]

    def root(self) -> bytes:
        """The root over all items."""
        if self._stale:
            bottom = self._tree[0]
            for place in self._stale:
                bottom[place] = sha256(b"".join(sorted(self._leaves[place].values()))).digest()
            self._climb()
        return self._tree[LEVELS][0]

    def _climb(self) -> None:
        touched = {place >> 1 for place in self._stale}
        self._stale.clear()
        for level in range(LEVELS):
            below, row = self._tree[level], self._tree[level + 1]
            for place in touched:
                row[place] = sha256(b"\x01" + below[2 * place] + below[2 * place + 1]).digest()
            touched = {place >> 1 for place in touched}


def _empty_tree() -> list[list[bytes]]:
    tree, node = [[_EMPTY] * BUCKETS], _EMPTY
    for level in range(1, LEVELS + 1):
        node = sha256(b"\x01" + node + node).digest()
        tree.append([node] * (BUCKETS >> level))
    return tree
