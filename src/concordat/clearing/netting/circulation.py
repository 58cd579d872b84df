"""How much of what members owe each other cancels out without any money: problem A, the largest circulation.

Maximise the sum of f over debts with 0 <= f <= a and, at every member, inflow = outflow. Engine: min-cost flow of
OR-Tools (integers, cost scaling; the extra [clearing]) where it is installed, else HiGHS from SciPy (floating point,
slower; amounts beyond 2^53 are refused then). Whatever the engine says is brought to the optimum, and proved, by
`potentials.prove`: the result has one certificate for each currency, which `clearing.core.certificates` checks. Which
of several largest set-offs is found depends on the engine; how much is set off does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from concordat.clearing.netting.graph import Graph, bilateral, merge, split
from concordat.clearing.netting.potentials import prove
from concordat.clearing.netting.tables import Obligations, check_totals
from concordat.errors import InputError, MethodError
from concordat.settings import need_extra

ENGINES = ("auto", "ortools", "highs", "none")
FLOAT_EXACT = 2**53
LONG, SPARSE = 1_000, 3  # with more members and fewer arcs a member than that, debts may form long chains


@dataclass(frozen=True, slots=True)
class Cleared:
    """The largest set-off of a file of debts.

    Attributes:
        debts: what was given.
        set_off: minor units set off of each debt, by row.
        potentials: currency -> member -> integer, the proof.
        gross, cleared, bilateral: currency -> minor units: owed, set off, and set off by opposite pairs alone.
        engine: what found it.
        arcs: how many pairs of members and currencies the debts were merged to.
    """

    debts: Obligations
    set_off: np.ndarray
    potentials: Mapping[str, Mapping[str, int]]
    gross: Mapping[str, int]
    cleared: Mapping[str, int]
    bilateral: Mapping[str, int]
    engine: str
    arcs: int


def clear_divisible(debts: Obligations, *, engine: str = "auto") -> Cleared:
    """The largest set-off of divisible debts without money, exact, with its proof.

    Args:
        debts: obligations of any number of currencies (`tables.parse_obligations`); what is held stays out.
        engine: `auto` (the fastest that is installed), `ortools`, `highs`, or `none` (cycles are cancelled one by one:
            slow, and independent of both).

    Raises:
        InputError: an unknown engine, or a currency whose debts add up to 9 x 10^18 minor units or more.
        MethodError: an engine that is not installed, or amounts beyond 2^53 without OR-Tools.
    """
    if engine not in ENGINES:
        raise InputError(f'"{engine}" is not an engine.', hint=f"Choose one of {', '.join(ENGINES)}.",
                         code="unknown_engine")  # fmt: skip
    check_totals(debts.amount, debts.currency, debts.currencies, "")
    graph = merge(debts)
    name, flow = _solve(graph, engine)
    potentials = prove(graph, flow)
    of_arc = graph.node_currency[graph.tail]
    by_currency: dict[str, dict[str, int]] = {code: {} for code in debts.currencies}
    for member, currency, value in zip(
        graph.node_member.tolist(), graph.node_currency.tolist(), potentials.tolist(), strict=True
    ):
        by_currency[debts.currencies[currency]][debts.members[member]] = value
    return Cleared(
        debts, split(graph, flow, debts), by_currency,
        _by_currency(debts, debts.currency, debts.amount), _by_currency(debts, of_arc, flow),
        _by_currency(debts, of_arc, bilateral(graph)), name, len(flow),
    )  # fmt: skip


def _by_currency(debts: Obligations, currency: np.ndarray, amount: np.ndarray) -> dict[str, int]:
    """Exact sums by currency."""
    total = np.zeros(len(debts.currencies), np.int64)
    np.add.at(total, currency, amount)
    return dict(zip(debts.currencies, total.tolist(), strict=True))


def _solve(graph: Graph, engine: str) -> tuple[str, np.ndarray]:
    """A large circulation, and who found it."""
    if engine == "none" or not len(graph.tail):
        return "none", np.zeros(len(graph.tail), np.int64)
    if engine in ("auto", "ortools"):
        try:
            return "ortools", _ortools(graph)
        except ImportError:
            if engine == "ortools":
                raise need_extra("clearing", "The integer engine of OR-Tools") from None
    if int(graph.capacity.max()) > FLOAT_EXACT:
        error = need_extra("clearing", "Setting off sums beyond 2^53 minor units, which floating point can't count,")
        raise MethodError(error.what, hint=error.hint, code=error.code)
    return "highs", _highs(graph)


def _ortools(graph: Graph) -> np.ndarray:
    """Min-cost flow with cost -1 on every arc and no supply."""
    from ortools.graph.python import min_cost_flow  # type: ignore[import-not-found,unused-ignore]

    flow = np.zeros(len(graph.tail), np.int64)
    circular = _on_circles(graph)
    network = min_cost_flow.SimpleMinCostFlow()
    arcs = network.add_arcs_with_capacity_and_unit_cost(
        graph.tail[circular].astype(np.int32), graph.head[circular].astype(np.int32), graph.capacity[circular],
        np.full(len(circular), -1),
    )  # fmt: skip
    if network.solve() == network.OPTIMAL:  # else the repair starts from nothing, and says nothing untrue
        flow[circular] = network.flows(arcs)
    return flow


def _on_circles(graph: Graph) -> np.ndarray:
    """The arcs that some circle of debts may use; all of them where looking costs more than it saves.

    Cost scaling takes the square of a chain's length, though nothing on a chain cancels out: those arcs are left out.
    """
    if graph.nodes <= LONG or len(graph.tail) >= SPARSE * graph.nodes:
        return np.arange(len(graph.tail))
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    shape = (graph.nodes, graph.nodes)
    joined = csr_matrix((np.ones(len(graph.tail), np.int8), (graph.tail, graph.head)), shape=shape)
    _, label = connected_components(joined, directed=True, connection="strong")
    return np.flatnonzero(label[graph.tail] == label[graph.head])


def _highs(graph: Graph) -> np.ndarray:
    """The linear programme in floating point; its rounding is mended afterwards."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix

    count = len(graph.tail)
    arc = np.arange(count)
    rows, columns = np.r_[graph.head, graph.tail], np.r_[arc, arc]
    matrix = csr_matrix((np.r_[np.ones(count), -np.ones(count)], (rows, columns)), shape=(graph.nodes, count))
    # Amounts are scaled so that the largest is about 10^6: HiGHS's tolerances are absolute.
    scale = max(1.0, float(graph.capacity.max()) / 1e6)
    bounds = np.c_[np.zeros(count), graph.capacity / scale]
    found = linprog(-np.ones(count), A_eq=matrix, b_eq=np.zeros(graph.nodes), bounds=bounds, method="highs-ds")
    if found.x is None:
        return np.zeros(count, np.int64)
    flow: np.ndarray = np.minimum(np.rint(found.x * scale), graph.capacity.astype(float)).astype(np.int64)
    return flow
