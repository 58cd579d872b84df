"""Which debts run between whom: parallel debts of one currency merged into one arc, and what was set off split back.

Merging is exact for divisible debts: only the sum between two members matters. All currencies stand in one graph whose
nodes are (member, currency), so that one call of an engine solves a whole file; no arc joins two currencies. What is
set off on an arc goes to its oldest debts first (rows are in the order of age, ties in that of ids).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from concordat.clearing.netting.tables import Obligations


@dataclass(frozen=True, slots=True)
class Graph:
    """Merged debts.

    Attributes:
        nodes: how many (member, currency) have a debt; a node is numbered by currency, then member.
        node_member, node_currency: positions in the names of the obligations.
        tail, head, capacity: of each arc: payer node, payee node, sum of its debts in minor units.
        order: rows of the debts, by arc and then by age.
        start: where each arc's rows begin in `order`; one more entry at the end.
    """

    nodes: int
    node_member: np.ndarray
    node_currency: np.ndarray
    tail: np.ndarray
    head: np.ndarray
    capacity: np.ndarray
    order: np.ndarray
    start: np.ndarray


def merge(debts: Obligations) -> Graph:
    """The graph of all debts that are not held."""
    rows = np.flatnonzero(~debts.held)
    width = len(debts.members)
    payer = debts.currency[rows] * width + debts.payer[rows]
    payee = debts.currency[rows] * width + debts.payee[rows]
    present = np.zeros(width * len(debts.currencies), bool)
    present[payer] = present[payee] = True
    cells = np.flatnonzero(present)
    place = np.cumsum(present) - 1
    key = place[payer] * len(cells) + place[payee]
    by_arc = np.argsort(key, kind="stable")
    sorted_key = key[by_arc]
    first = np.flatnonzero(np.r_[True, sorted_key[1:] != sorted_key[:-1]]) if len(rows) else np.zeros(0, np.int64)
    capacity = np.add.reduceat(debts.amount[rows][by_arc], first) if len(rows) else np.zeros(0, np.int64)
    arcs = sorted_key[first]
    nodes = max(1, len(cells))
    return Graph(
        len(cells), cells % max(1, width), cells // max(1, width), arcs // nodes, arcs % nodes, capacity,
        rows[by_arc], np.r_[first, len(rows)],
    )  # fmt: skip


def split(graph: Graph, flow: np.ndarray, debts: Obligations) -> np.ndarray:
    """What is set off of every debt, in minor units: the flow of its arc, oldest debts first; held ones 0."""
    amount = debts.amount[graph.order]
    running = np.cumsum(amount) - amount  # what stands before each debt, in all
    before = running - np.repeat(running[graph.start[:-1]], np.diff(graph.start))
    taken = np.clip(np.repeat(flow, np.diff(graph.start)) - before, 0, amount)
    set_off = np.zeros(len(debts), np.int64)
    set_off[graph.order] = taken
    return set_off


def bilateral(graph: Graph) -> np.ndarray:
    """What each arc and its opposite set off against each other, in minor units: a simple rule to compare with."""
    key = graph.tail * graph.nodes + graph.head
    back = graph.head * graph.nodes + graph.tail
    if not len(key):
        return np.zeros(0, np.int64)
    at = np.minimum(np.searchsorted(key, back), len(key) - 1)
    return np.where(key[at] == back, np.minimum(graph.capacity, graph.capacity[at]), 0)
