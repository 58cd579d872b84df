"""Is a set-off the largest, and if not, how does it get there: potentials as proof, cancelled cycles as repair.

A residual arc leads where one more unit can be set off (cost -1) or one can be taken back (cost +1). The set-off is the
largest exactly when no cycle of residual arcs has negative cost; then the shortest distances from a point that reaches
every node at cost 0 are integers p <= 0 with p_head <= p_tail - 1 on every arc that is not full and p_tail <= p_head +
1 on every arc in use: the largest potentials that fit (`clearing.core.certificates`). Distances are found by Bellman
and Ford's rounds, all arcs at once; a cycle shows in the predecessors, and is cancelled by its smallest residue. So any
engine's rounding is mended with integers, whatever it was (Klein, *Management Science* 14, 1967).
"""

from __future__ import annotations

import numpy as np

from concordat.clearing.netting.graph import Graph
from concordat.errors import MethodError

CANCELLED_MAX = 1_000_000  # cycles; an engine's rounding leaves a handful
SURE = 64  # rounds without remembering predecessors
LOOK_EVERY = 16  # rounds between two looks for a cycle among the predecessors


def prove(graph: Graph, flow: np.ndarray) -> np.ndarray:
    """The potentials of a largest circulation; `flow` is changed in place until it is one.

    Args:
        graph: the merged debts.
        flow: minor units on each arc, 0 <= flow <= capacity; made a circulation first if it is not.

    Returns:
        An integer <= 0 for each node.

    Raises:
        MethodError: a million cycles were cancelled and there are more.
    """
    balance(graph, flow)
    for _ in range(CANCELLED_MAX):
        distance, cycle = _distances(graph, flow)
        if cycle is None:
            return distance
        _cancel(graph, flow, cycle)
    raise MethodError("The set-off could not be brought to the optimum.", code="no_optimum",
                      hint="Report the file to the maintainers: a sound engine needs no such repair.")  # fmt: skip


def balance(graph: Graph, flow: np.ndarray) -> None:
    """Make a flow a circulation: every imbalance is sent home along residual arcs, by the shortest way."""
    np.clip(flow, 0, graph.capacity, out=flow)
    excess = np.zeros(graph.nodes, np.int64)
    np.add.at(excess, graph.head, flow)
    np.subtract.at(excess, graph.tail, flow)
    while (given := np.flatnonzero(excess > 0)).size:
        path = _way_home(graph, flow, int(given[0]), excess)
        start = int(given[0])
        end, steps = path
        room = min(int(excess[start]), -int(excess[end]), *(_residue(graph, flow, arc, way) for arc, way in steps))
        for arc, way in steps:
            flow[arc] += way * room
        excess[start] -= room
        excess[end] += room


def _way_home(graph: Graph, flow: np.ndarray, start: int, excess: np.ndarray) -> tuple[int, list[tuple[int, int]]]:
    """A shortest residual path from a node with too much to one with too little: its end, and (arc, +1 or -1) steps.

    There is one: the flow that made the excess can be taken back.
    """
    came: dict[int, tuple[int, int, int]] = {start: (-1, -1, 0)}
    ring = [start]
    while ring:
        fresh: list[int] = []
        for node in ring:
            out = np.flatnonzero((graph.tail == node) & (flow < graph.capacity))
            back = np.flatnonzero((graph.head == node) & (flow > 0))
            for arc, way in [*((a, 1) for a in out.tolist()), *((a, -1) for a in back.tolist())]:
                to = int(graph.head[arc] if way > 0 else graph.tail[arc])
                if to not in came:
                    came[to] = (node, arc, way)
                    fresh.append(to)
                    if excess[to] < 0:
                        return to, _steps(came, to)
        ring = fresh
    raise AssertionError("An excess always has a way back along the flow that made it.")


def _steps(came: dict[int, tuple[int, int, int]], end: int) -> list[tuple[int, int]]:
    steps, node = [], end
    while came[node][2]:
        before, arc, way = came[node]
        steps.append((arc, way))
        node = before
    return steps


def _residue(graph: Graph, flow: np.ndarray, arc: int, way: int) -> int:
    """How far an arc's flow can still rise (way +1) or fall (way -1)."""
    return int(graph.capacity[arc] - flow[arc] if way > 0 else flow[arc])


def _distances(graph: Graph, flow: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]] | None]:
    """Shortest distances in the residual graph, or a cycle of negative cost as (arc, way) steps."""
    free, used = np.flatnonzero(flow < graph.capacity), np.flatnonzero(flow > 0)
    source = np.r_[graph.tail[free], graph.head[used]]
    target = np.r_[graph.head[free], graph.tail[used]]
    cost = np.r_[np.full(len(free), -1), np.full(len(used), 1)]
    label = np.r_[free, ~used]  # ~arc stands for the arc walked backwards
    order = np.argsort(target, kind="stable")
    source, target, cost, label = source[order], target[order], cost[order], label[order]
    distance = np.zeros(graph.nodes, np.int64)
    if not len(source):
        return distance, None
    parent = np.full(graph.nodes, -1)
    first = np.flatnonzero(np.r_[True, target[1:] != target[:-1]])
    reached, width = target[first], np.diff(np.r_[first, len(target)])
    for rounds in range(1, 2 * graph.nodes + SURE + 2 * LOOK_EVERY):
        offered = distance[source] + cost
        best = np.minimum.reduceat(offered, first)
        better = best < distance[reached]
        if not better.any():
            return distance, None
        if rounds > SURE:  # the optimum settles sooner; only now is it worth to remember who offered what
            rows = np.flatnonzero((offered == np.repeat(best, width)) & np.repeat(better, width))[::-1]
            parent[target[rows]] = rows
            if rounds % LOOK_EVERY == 0 and (cycle := _cycle_of_parents(source, parent)):
                return distance, [(int(label[row]), 1) if label[row] >= 0 else (int(~label[row]), -1) for row in cycle]
        distance[reached[better]] = best[better]
    raise AssertionError("After as many rounds as nodes the parents hold a cycle.")


def _cycle_of_parents(source: np.ndarray, parent: np.ndarray) -> list[int] | None:
    """The rows of arcs around a cycle of parents, whose cost is always negative, or None."""
    seen = np.zeros(len(parent), np.int64)
    for start in range(len(parent)):
        node = start
        while parent[node] >= 0 and not seen[node]:
            seen[node] = start + 1
            node = int(source[parent[node]])
        if parent[node] < 0 or seen[node] != start + 1:
            continue
        rows, at = [int(parent[node])], int(source[parent[node]])
        while at != node:
            rows.append(int(parent[at]))
            at = int(source[parent[at]])
        return rows
    return None


def _cancel(graph: Graph, flow: np.ndarray, cycle: list[tuple[int, int]]) -> None:
    """Send as much around a residual cycle as it takes."""
    room = min(_residue(graph, flow, arc, way) for arc, way in cycle)
    for arc, way in cycle:
        flow[arc] += way * room
