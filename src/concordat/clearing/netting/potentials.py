"""Is a set-off the largest, and if not, how does it get there: potentials as proof, cancelled cycles as repair.

A residual arc leads where one more unit can be set off (cost -1) or one can be taken back (cost +1). The set-off is the
largest exactly when no cycle of residual arcs has negative cost; then the shortest distances from a point that reaches
every node at cost 0 are integers p <= 0 with p_head <= p_tail - 1 on every arc that is not full and p_tail <= p_head +
1 on every arc in use: the largest potentials that fit (`clearing.core.certificates`). Distances are found by Bellman
and Ford's rounds, all arcs at once. Where debts form long chains, that takes as many rounds as there are members: then
passes in topological order take over, which need one for a chain (Goldberg and Radzik, *Applied Mathematics Letters* 6,
1993). A cycle shows on the way, and is cancelled by its smallest residue. So any engine's rounding is mended with
integers, whatever it was (Klein, *Management Science* 14, 1967).
"""

from __future__ import annotations

import numpy as np

from concordat.clearing.netting.graph import Graph
from concordat.errors import MethodError

CANCELLED_MAX = 1_000_000  # cycles; an engine's rounding leaves a handful
SURE = 64  # rounds without remembering predecessors
PASSES = 64  # in topological order; whatever needs more goes back to rounds, which are slow and sure
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
    for rounds in range(1, 2 * graph.nodes + SURE + 1 + 2 * LOOK_EVERY):
        offered = distance[source] + cost
        best = np.minimum.reduceat(offered, first)
        better = best < distance[reached]
        if not better.any():
            return distance, None
        if rounds == SURE + 1:
            settled, ring = _in_order(source, target, cost, distance)
            if settled or ring:
                return distance, _steps_of(ring, label) if ring else None
            continue
        if rounds > SURE:  # the optimum settles sooner; only now is it worth to remember who offered what
            rows = np.flatnonzero((offered == np.repeat(best, width)) & np.repeat(better, width))[::-1]
            parent[target[rows]] = rows
            if rounds % LOOK_EVERY == 0 and (cycle := _cycle_of_parents(source, parent)):
                return distance, _steps_of(cycle, label)
        distance[reached[better]] = best[better]
    raise AssertionError("After as many rounds as nodes the parents hold a cycle.")


def _steps_of(rows: list[int], label: np.ndarray) -> list[tuple[int, int]]:
    """Rows of residual arcs as (arc, way) steps."""
    return [(int(label[row]), 1) if label[row] >= 0 else (int(~label[row]), -1) for row in rows]


def _in_order(
    source: np.ndarray, target: np.ndarray, cost: np.ndarray, distance: np.ndarray
) -> tuple[bool, list[int] | None]:
    """Lower distances in place, pass by pass; whether they are the shortest, or the rows of a cycle that gains."""
    rows = np.argsort(source, kind="stable")
    start = np.searchsorted(source[rows], np.arange(len(distance) + 1)).tolist()
    to, price, left = target[rows].tolist(), cost[rows].tolist(), distance.tolist()
    changed = list(range(len(left)))
    for _ in range(PASSES):
        finished, cycle = _explore(changed, start, to, price, left)
        if cycle is not None:
            return False, rows[cycle].tolist()
        if not finished:
            distance[:] = left
            return True, None
        lowered: dict[int, None] = {}
        for node in reversed(finished):
            for k in range(start[node], start[node + 1]):
                if left[node] + price[k] < left[to[k]]:
                    left[to[k]] = left[node] + price[k]
                    lowered[to[k]] = None
        changed = list(lowered)
    distance[:] = left
    return False, None


def _explore(
    roots: list[int], start: list[int], to: list[int], price: list[int], left: list[int]
) -> tuple[list[int], list[int] | None]:
    """The nodes that arcs which gain or tie lead to from roots that gain, in the order in which a depth-first search
    leaves them; or the places of a cycle of such arcs that gains in all."""
    seen: set[int] = set()
    finished: list[int] = []
    for root in roots:
        gains = any(left[root] + price[k] < left[to[k]] for k in range(start[root], start[root + 1]))
        if root in seen or not gains:
            continue
        path, at, came = [root], [start[root]], [-1]
        gained = {root: 0}  # of the way to each node on the path
        seen.add(root)
        while path:
            node, k = path[-1], at[-1]
            if k == start[node + 1]:
                finished.append(path.pop())
                del at[-1], came[-1], gained[node]
                continue
            at[-1] += 1
            other = to[k]
            slack = left[node] + price[k] - left[other]
            if slack > 0:
                continue
            if other in gained:
                if gained[node] + slack < gained[other]:
                    return finished, [*came[path.index(other) + 1 :], k]
            elif other not in seen:
                seen.add(other)
                path.append(other)
                at.append(start[other])
                came.append(k)
                gained[other] = gained[node] + slack
    return finished, None


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
