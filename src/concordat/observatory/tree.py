"""Who is whose child: the tree from indicators through pillars to the index, and weights down it.

Nodes are numbered: indicators first, in the order of the panel's columns, then parents with every child before its
parent, the index last. Weights are normalised to 1 within each parent; an indicator's *effective* weight is the product
of the weights on its way to the index.

    >>> tree = Tree.build({"index": ["access", "price"], "access": ["users", "lines"], "price": ["basket"]},
    ...                   {"access": 1.0, "price": 1.0, "users": 3.0, "lines": 1.0, "basket": 1.0}, "index")
    >>> tree.names
    ('users', 'lines', 'basket', 'access', 'price', 'index')
    >>> tree.effective(tree.normalised()).tolist()
    [0.375, 0.125, 0.5]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from concordat.observatory.panel import Array


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """The nodes and how they hang together.

    Attributes:
        names: ids of all nodes, in their order.
        parents: the number of each node's parent; -1 for the index.
        weights: as given, not normalised.
        levels: 1 for indicators, and one more than the highest child for parents.
        n_indicators: how many nodes are indicators.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    weights: tuple[float, ...]
    levels: tuple[int, ...]
    n_indicators: int

    @classmethod
    def build(cls, children: Mapping[str, Sequence[str]], weights: Mapping[str, float], root: str) -> Tree:
        """From names: children of each parent in the order of the file, weights of all but the root."""
        leaves: list[str] = []
        inner: list[str] = []

        def walk(name: str) -> None:
            for child in children[name]:
                if child in children:
                    walk(child)
                else:
                    leaves.append(child)
            inner.append(name)

        walk(root)
        names = (*leaves, *inner)
        number = {name: i for i, name in enumerate(names)}
        parents, levels = [-1] * len(names), [1] * len(names)
        for parent in inner:
            for child in children[parent]:
                parents[number[child]] = number[parent]
            levels[number[parent]] = 1 + max(levels[number[c]] for c in children[parent])
        given = tuple(float(weights.get(name, 1.0)) for name in names)
        return cls(names, tuple(parents), given, tuple(levels), len(leaves))

    @property
    def root(self) -> int:
        """The number of the index."""
        return len(self.names) - 1

    @property
    def inner(self) -> range:
        """The parents, children before parents."""
        return range(self.n_indicators, len(self.names))

    def children(self, node: int) -> tuple[int, ...]:
        """The children of a parent, in order."""
        return _children(self.parents)[node]

    def below(self, node: int) -> tuple[int, ...]:
        """The indicators under a node."""
        if node < self.n_indicators:
            return (node,)
        return tuple(sorted(i for child in self.children(node) for i in self.below(child)))

    def normalised(self, weights: Array | None = None) -> Array:
        """Weights `[..., node]` made to sum to 1 within each parent; the index has 1."""
        w = np.array(self.weights if weights is None else weights, dtype=np.float64)
        w[..., self.root] = 1.0
        for node in self.inner:
            inside = list(self.children(node))
            w[..., inside] = w[..., inside] / w[..., inside].sum(axis=-1, keepdims=True)
        return w

    def effective(self, weights: Array) -> Array:
        """Effective weights of the indicators `[..., indicator]` from normalised ones `[..., node]`."""
        w = np.array(weights, dtype=np.float64)
        for node in reversed(range(len(self.names) - 1)):
            w[..., node] = w[..., node] * w[..., self.parents[node]]
        return w[..., : self.n_indicators]


@lru_cache(maxsize=256)
def _children(parents: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The children of every node, in order."""
    found: list[list[int]] = [[] for _ in parents]
    for child, parent in enumerate(parents):
        if parent >= 0:
            found[parent].append(child)
    return tuple(tuple(inside) for inside in found)
