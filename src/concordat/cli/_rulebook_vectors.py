"""Sentence vectors that the rulebook's store keeps between runs, as the mapping that the coder asks for."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping

from concordat.rulebook.store import RuleStore


class StoredVectors(MutableMapping[tuple[str, str], bytes]):
    """By (SHA-256 of the text, of the weights); new ones are written together by `flush`."""

    def __init__(self, store: RuleStore) -> None:
        """Vectors of a store."""
        self._store, self._known, self._new = store, dict[tuple[str, str], bytes](), dict[tuple[str, str], bytes]()
        self._asked: set[tuple[str, str]] = set()

    def __getitem__(self, key: tuple[str, str]) -> bytes:
        """A vector's bytes."""
        if key not in self._known and key not in self._asked:
            self._asked.add(key)
            self._known |= {(sha, key[1]): v for sha, v in self._store.embeddings([key[0]], key[1]).items()}
        return self._known[key]

    def __setitem__(self, key: tuple[str, str], value: bytes) -> None:
        """Keep a new vector until it is flushed."""
        self._known[key] = self._new[key] = value

    def __delitem__(self, key: tuple[str, str]) -> None:
        """Forget a vector of this run; the store keeps its own."""
        del self._known[key]
        self._new.pop(key, None)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """The vectors seen in this run."""
        return iter(self._known)

    def __len__(self) -> int:
        """How many were seen in this run."""
        return len(self._known)

    def flush(self) -> None:
        """Write what is new."""
        for weights in sorted({w for _, w in self._new}):
            some = {sha: v for (sha, w), v in self._new.items() if w == weights}
            self._store.put_embeddings(some, weights)
        self._new.clear()
