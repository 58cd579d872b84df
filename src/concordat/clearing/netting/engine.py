"""What is the best mix of a few hundred choices: linear and mixed-integer programmes for HiGHS, warm starts included.

HiGHS (MIT; Huangfu and Hall, *Mathematical Programming Computation* 10, 2018) comes with SciPy. SciPy's public
functions take no starting solution and can't change bounds between two solves, so its binding is used directly where it
has the shape that we know; where not, SciPy's public functions answer, slower and without a warm start. One thread, a
given seed: the same programme with the same limits of nodes has the same answer. `work` counts simplex iterations times
rows.

Nothing here is trusted: callers round and check every answer in integers.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

INFINITE = float("inf")
WORK_A_SOLVE, WORK_A_COLUMN = 10_000, 50
SEEDS = 2**31  # HiGHS takes seeds below; one that it does not take would cost all other options, the time limit too


@dataclass(slots=True)
class Program:
    """Maximise value x subject to A x <= room, low <= x <= high; A is CSC (`start`, `index`, `entry`)."""

    value: np.ndarray
    start: np.ndarray
    index: np.ndarray
    entry: np.ndarray
    room: np.ndarray
    low: np.ndarray
    high: np.ndarray
    integral: np.ndarray


@dataclass(slots=True)
class Answer:
    """What a solver says: a solution or None, its value, a bound that no solution exceeds, row prices of an LP."""

    x: np.ndarray | None
    value: float
    bound: float
    work: int
    optimal: bool
    prices: np.ndarray | None = None


def solve(
    program: Program, *, seconds: float = INFINITE, nodes: int | None = None, gap: float = 1e-4, seed: int = 0,
    start: np.ndarray | None = None,
) -> Answer:  # fmt: skip
    """Solve once; `seconds` bounds the time, `nodes` the branch-and-bound tree."""
    highs = binding()
    if highs is None:
        return _through_scipy(program, seconds, nodes, gap)
    run = _Run(highs, program, seconds, nodes, gap, seed)
    if start is not None:
        run.begin_at(start)
    return run.run()


class Sequence:
    """A linear programme whose bounds tighten between solves; each solve starts from the last basis."""

    def __init__(self, program: Program) -> None:
        self.program = program
        highs = binding()
        self._run = None if highs is None else _Run(highs, program, INFINITE, None, 0.0, 0)

    def fix(self, columns: np.ndarray, at: np.ndarray) -> None:
        """Fix columns at values."""
        self.program.low[columns] = at
        self.program.high[columns] = at
        if self._run is not None:
            self._run.fix(columns, at)

    def solve(self) -> Answer:
        """Solve under the present bounds."""
        return _through_scipy(self.program, INFINITE, None, 0.0) if self._run is None else self._run.run()


@cache
def binding() -> Any:
    """The binding of HiGHS that SciPy ships, or None where it has another shape.

    The compiled module is loaded by its file: importing `scipy.optimize` around it takes up to a second on a small
    machine, in every worker.
    """
    package = importlib.util.find_spec("scipy")
    places = [] if package is None else list(package.submodule_search_locations or [])
    for place in places:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            file = Path(place) / "optimize" / "_highspy" / f"_core{suffix}"
            if not file.is_file():
                continue
            try:
                spec = importlib.util.spec_from_file_location("scipy.optimize._highspy._core", file)
                assert spec is not None
                assert spec.loader is not None
                if (highs := sys.modules.get(spec.name)) is None:
                    highs = importlib.util.module_from_spec(spec)
                    spec.loader.exec_module(highs)
            except ImportError:
                return None
            return highs if all(hasattr(highs, name) for name in _NEEDED) else None
    return None


_NEEDED = ("HighsLp", "HighsOptions", "HighsSolution", "HighsVarType", "MatrixFormat", "_Highs")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what C code writes to the standard output nowhere: HiGHS has a stray line that no option turns off."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, ValueError, AttributeError):
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


class _Run:
    """One programme inside HiGHS."""

    def __init__(self, highs: Any, program: Program, seconds: float, nodes: int | None, gap: float, seed: int) -> None:
        rows, columns = len(program.room), len(program.value)
        self.highs, self.rows = highs, rows
        self.least = WORK_A_SOLVE + WORK_A_COLUMN * columns
        self.is_integer = bool(program.integral.any())
        model = highs.HighsLp()
        model.num_col_, model.num_row_ = columns, rows
        matrix = model.a_matrix_
        matrix.num_col_, matrix.num_row_, matrix.format_ = columns, rows, highs.MatrixFormat.kColwise
        matrix.start_, matrix.index_, matrix.value_ = program.start, program.index, program.entry
        model.col_cost_, model.col_lower_, model.col_upper_ = -program.value, program.low, program.high
        model.row_lower_, model.row_upper_ = np.full(rows, -INFINITE), program.room
        if self.is_integer:
            kinds = highs.HighsVarType
            model.integrality_ = [kinds.kInteger if one else kinds.kContinuous for one in program.integral.tolist()]
        options = highs.HighsOptions()
        options.output_flag, options.threads, options.parallel = False, 1, "off"
        options.random_seed, options.mip_rel_gap = seed % SEEDS, gap
        if seconds < INFINITE:
            options.time_limit = max(seconds, 0.01)
        if nodes is not None:
            options.mip_max_nodes = nodes
        self.solver = highs._Highs()
        self.solver.passOptions(options)
        self.solver.passModel(model)

    def begin_at(self, start: np.ndarray) -> None:
        """Hand over a feasible solution."""
        solution = self.highs.HighsSolution()
        solution.col_value = start.tolist()
        self.solver.setSolution(solution)

    def fix(self, columns: np.ndarray, at: np.ndarray) -> None:
        """Fix columns at values."""
        self.solver.changeColsBounds(len(columns), columns.astype(np.int32), at.astype(float), at.astype(float))

    def run(self) -> Answer:
        """Solve, and read the answer."""
        self.solver.run()
        info, found = self.solver.getInfo(), self.solver.getSolution()
        feasible = info.primal_solution_status == 2  # kSolutionStatusFeasible
        optimal = self.solver.getModelStatus() == self.highs.HighsModelStatus.kOptimal
        value = -info.objective_function_value if feasible else -INFINITE
        work = int(max(0, info.simplex_iteration_count)) * self.rows + self.least
        x = np.array(found.col_value) if feasible else None
        if self.is_integer:
            bound = -info.mip_dual_bound
            return Answer(x, value, bound if bound == bound else INFINITE, work, optimal)
        prices = -np.array(found.row_dual) if optimal else None
        return Answer(x, value, value if optimal else INFINITE, work, optimal, prices)


def _through_scipy(program: Program, seconds: float, nodes: int | None, gap: float) -> Answer:
    """The same through SciPy's public functions."""
    from scipy.optimize import Bounds, LinearConstraint, linprog, milp
    from scipy.sparse import csc_matrix

    shape = (len(program.room), len(program.value))
    matrix = csc_matrix((program.entry, program.index, program.start), shape=shape)
    if not program.integral.any():
        found = linprog(-program.value, A_ub=matrix, b_ub=program.room, bounds=np.c_[program.low, program.high])
        if found.x is None:
            return Answer(None, -INFINITE, INFINITE, 1, False)
        return Answer(found.x, -found.fun, -found.fun, found.nit * shape[0], True, -found.ineqlin.marginals)
    options: dict[str, float] = {"mip_rel_gap": gap}
    if seconds < INFINITE:
        options["time_limit"] = max(seconds, 0.01)
    if nodes is not None:
        options["node_limit"] = nodes
    found = milp(
        -program.value, constraints=LinearConstraint(matrix, -np.inf, program.room), options=options,
        integrality=program.integral.astype(int), bounds=Bounds(program.low, program.high),
    )  # fmt: skip
    bound = INFINITE if found.mip_dual_bound is None else -found.mip_dual_bound
    # The public function doesn't tell its iterations; a node is counted as a hundred.
    work = 100 * (1 + int(found.mip_node_count or 0)) * shape[0] + WORK_A_SOLVE + WORK_A_COLUMN * shape[1]
    if found.x is None:
        return Answer(None, -INFINITE, bound, work, False)
    return Answer(found.x, -found.fun, bound, work, found.status == 0)
