"""Whose text do later agreements copy?

Every run of eight words (casefolded, digits removed) of an instrument is a shingle, hashed to 64 bits; it belongs to
the earliest-signed instrument that has it, and to several evenly where these were signed on the same day. Then

    reuse(j -> i) = share of i's distinct shingles that belong to j        novelty(i) = 1 - sum over j of reuse(j -> i)

Runs of words after U. Manber (Finding similar files in a large file system, USENIX 1994), of treaties W. Alschner and
D. Skougarevskiy (Mapping the universe of international investment agreements, Journal of International Economic Law
19, 2016). The index is exact: nothing is sampled. In Chinese each character counts as a word. A signature cut to a
month or year counts as its first day. What it doesn't tell: who wrote a text first outside the texts that are loaded,
and whether words were copied from one another or from a third.

    >>> texts = [Text("a", 1, "one two three four five six seven eight nine"),
    ...          Text("b", 2, "one two three four five six seven eight ten")]
    >>> found = reuse_network(texts)
    >>> found.edges, found.novelty["b"]
    ((Edge(source='a', target='b', share=0.5),), 0.5)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

Hashes = NDArray[np.uint64]
WORDS = 8
EDGE_MIN = 0.02
_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+")
_STEP = 0x9E3779B97F4A7C15  # an odd number (2^64 over the golden ratio): powers of it give each place its own factor


@dataclass(frozen=True, slots=True)
class Text:
    """A text and the day that it was signed, as a number (`date.toordinal`)."""

    id: str
    signed: int
    text: str


@dataclass(frozen=True, slots=True)
class Edge:
    """Share of the target's shingles that belong to the source."""

    source: str
    target: str
    share: float


@dataclass(frozen=True)
class ReuseNetwork:
    """Who copies whom.

    Attributes:
        ids: in the order of signature. share: `[source, target]`, all of them; its diagonal is 0.
        edges: from a share of 0.02 on, the largest first. novelty: None for texts under eight words.
        out_strength: sum of a source's edges: whose text spreads. undated: left out, for want of a day of signature.
    """

    ids: tuple[str, ...]
    share: NDArray[np.float64]
    edges: tuple[Edge, ...]
    novelty: Mapping[str, float | None]
    out_strength: Mapping[str, float]
    undated: tuple[str, ...] = ()


def shingles(text: str, known: dict[str, int] | None = None) -> Hashes:
    """The distinct runs of eight words of a text, as sorted 64-bit hashes; none of a shorter text.

    Args:
        known: hashes of words met before, to be filled: texts of one corpus share most words.
    """
    known = {} if known is None else known
    words = _WORD.findall(_DIGITS.sub("", text.casefold()))
    for word in set(words) - known.keys():
        digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest()
        known[word] = int.from_bytes(digest, "big")
    codes = np.array([known[w] for w in words], dtype=np.uint64)
    count = len(codes) - WORDS + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    found = np.zeros(count, dtype=np.uint64)
    for n in range(WORDS):  # overflow of unsigned 64-bit arrays wraps, as a hash wants
        found = found * np.uint64(_STEP) + codes[n : n + count]
    return np.unique(found)


def reuse_network(texts: Sequence[Text], *, undated: Sequence[str] = ()) -> ReuseNetwork:
    """Who copies whom among some texts.

    Raises:
        InputError: an id twice.
    """
    if len({t.id for t in texts}) < len(texts):
        raise InputError("an instrument stands twice among the texts.", hint="Hand in each once.", code="duplicate")
    texts = sorted(texts, key=lambda t: (t.signed, t.id))
    known: dict[str, int] = {}
    sets = [shingles(t.text, known) for t in texts]
    n, sizes = len(texts), np.array([len(s) for s in sets], dtype=np.intp)
    owned = _owned(sets, np.array([t.signed for t in texts], dtype=np.int64))
    share = owned / np.maximum(sizes, 1)[None, :]
    np.fill_diagonal(share, 0.0)
    ids = tuple(t.id for t in texts)
    novelty = {ids[i]: float(owned[i, i] / sizes[i]) if sizes[i] else None for i in range(n)}
    kept = [(i, j) for i in range(n) for j in range(n) if share[i, j] >= EDGE_MIN]
    edges = [Edge(ids[i], ids[j], float(share[i, j])) for i, j in kept]
    edges.sort(key=lambda e: (-e.share, e.source, e.target))
    strength = np.where(share >= EDGE_MIN, share, 0.0).sum(axis=1) if n else np.zeros(0)
    out = {ids[i]: float(strength[i]) for i in range(n)}
    return ReuseNetwork(ids, share, tuple(edges), novelty, out, tuple(undated))


def _owned(sets: Sequence[Hashes], signed: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many of each text's shingles belong to each text `[owner, text]`; sets come in the order of signature."""
    n = len(sets)
    if not n or not sum(len(s) for s in sets):
        return np.zeros((n, n))
    hashes = np.concatenate(sets)
    owner = np.repeat(np.arange(n), [len(s) for s in sets])
    order = np.argsort(hashes, kind="stable")  # stable: within a shingle, the order of signature stays
    hashes, owner = hashes[order], owner[order]
    first = np.flatnonzero(np.r_[True, hashes[1:] != hashes[:-1]])
    size = np.diff(np.r_[first, len(hashes)])
    earliest = np.repeat(signed[owner[first]], size)
    tied = np.add.reduceat((signed[owner] == earliest).astype(np.intp), first)
    ties, start = np.repeat(tied, size), np.repeat(first, size)
    entry = np.repeat(np.arange(len(hashes)), ties)  # each text of a shingle, once for each of its owners
    rank = np.arange(len(entry)) - np.repeat(np.cumsum(ties) - ties, ties)
    pair = owner[start[entry] + rank] * n + owner[entry]
    return np.asarray(np.bincount(pair, 1.0 / ties[entry], minlength=n * n).reshape(n, n), dtype=float)


def texts_of(store: RuleStore, names: Sequence[str] = ()) -> tuple[list[Text], tuple[str, ...]]:
    """The texts of a store (of some instruments, if named), and those without a day of signature.

    An instrument without a day of signature counts from its adoption, else its entry into force.
    """
    from concordat.rulebook.store import searched

    found: list[Text] = []
    undated: list[str] = []
    for name in sorted(set(names) or store.with_text()):
        instrument = store[name]
        day = instrument.signed or instrument.adopted or instrument.in_force
        text = "\n".join(u.text for u in store.units(name) if searched(u))
        if day is None:
            undated.append(name)
        elif text:
            found.append(Text(name, day.first.toordinal(), text))
    return found, tuple(undated)
