"""An index in a report's book: one record for its scores and ranks, one for its uncertainty, made from the figures.

Both functions are pure: from the parts of the chosen figures and the index file as plain data they bind, run and
question the index anew, so `verify --report` recomputes every number. What is printed is rounded to nine significant
digits first, so that the last bits of a processor's sums do not change a record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat.evidence.provenance import Book, Derived, Parts, derivation
from concordat.evidence.resolve import Chosen, enter
from concordat.observatory.panel import Panel, Reason
from concordat.observatory.spec import IndexSpec, Indicator

if TYPE_CHECKING:
    from concordat.observatory.result import IndexResult

AHEAD_MAX = 25  # units; a matrix of more is not printed
DIGITS = 9


@derivation("observatory.record.index")
def index(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Scores, ranks, pillars and contributions of one index.

    Parts: `n` and `n_total` units, `indicators`; for each unit `score_BRA`, `rank_BRA`, `figures_BRA` (how many figures
    it enters with), for each pillar `pillar_access_BRA` and its contribution `part_access_BRA`, counted from
    `baseline_BRA`: 0 where all is a weighted mean, else the score with the units' mean in each of its indicators.
    """
    result = _result(inputs, parameters)
    tree, units = result.spec.tree, result.units
    tops = tree.children(tree.root)
    there = np.isfinite(result.trail.stacks[-1][-1])
    ranked = np.isfinite(result.scores)
    parts: dict[str, Any] = {"value": None, "n": int(ranked.sum()), "n_total": len(units)}
    parts["indicators"] = tree.n_indicators
    for u, unit in enumerate(units):
        parts[f"figures_{unit}"] = int(there[u].sum())
        parts[f"score_{unit}"] = _tidy(result.scores[u])
        parts[f"baseline_{unit}"] = _tidy(result.baseline[u])
        parts[f"rank_{unit}"] = int(result.ranks[u]) if ranked[u] else None
        for node in tops:
            name = tree.names[node]
            below = list(tree.below(node))
            mine = result.contributions[u, below]
            parts[f"pillar_{name}_{unit}"] = _tidy(result.nodes[-1, u, node])
            parts[f"part_{name}_{unit}"] = _tidy(mine[np.isfinite(mine)].sum()) if ranked[u] else None
    return parts


@derivation("observatory.record.doubt")
def doubt(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """How sure the ranking is.

    Parts: `runs`, `exact`; for each unit the interval of its rank `rank_BRA_lower`, `rank_BRA_upper`, `rank_BRA` (the
    median), `top_BRA` (percent of runs among the first three) and `plateau_BRA`; `ahead_BRA_IND` in percent of runs for
    at most 25 units; for each assumption its share of the spread `driver_1`, ..., in percent, in the order of the file.
    """
    from concordat.observatory.uncertainty import uncertainty

    found = uncertainty(_result(inputs, parameters), targets=("mean_abs_rank_change",))
    table, units = found.table, found.units
    parts: dict[str, Any] = {"value": None, "runs": found.runs, "exact": found.exact}
    for u, unit in enumerate(units):
        ranked = bool(np.isfinite(table.median[u]))
        for name, row in (("", table.median), ("_lower", table.low), ("_upper", table.high)):
            parts[f"rank_{unit}{name}"] = int(row[u]) if ranked else None
        parts[f"top_{unit}"] = _tidy(100 * table.top[0, u])
        parts[f"plateau_{unit}"] = int(table.plateau[u])
    if len(units) <= AHEAD_MAX:
        for a, first in enumerate(units):
            for b, second in enumerate(units):
                if a != b:
                    parts[f"ahead_{first}_{second}"] = _tidy(100 * table.ahead[a, b])
    shares = dict(found.drivers())
    for n, name in enumerate(found.design.names):
        parts[f"driver_{n + 1}"] = _tidy(100 * shares[name]) if name in shares else None
    return parts


def derive_index(
    book: Book, spec: IndexSpec, chosen: Mapping[tuple[str, str, str], Chosen], units: Sequence[str], year: int
) -> tuple[Derived, Derived | None]:
    """The two records of an index, from the figures that a report chose; the second where the file varies something.

    Raises:
        MethodError: a step can't be computed.
    """
    ids, places = _entered(book, spec, chosen, units)
    parameters = {"index": dict(spec.content), "units": list(units), "year": year, "places": places}
    first = book.derive("observatory.record.index@1", ids, parameters)
    if spec.uncertainty is None:
        return first, None
    return first, book.derive("observatory.record.doubt@1", ids, parameters)


def _entered(
    book: Book, spec: IndexSpec, chosen: Mapping[tuple[str, str, str], Chosen], units: Sequence[str]
) -> tuple[list[str], list[list[int]]]:
    """The ids of all figures that an index uses, and for each its unit and indicator."""
    places: list[list[int]] = []
    ids: list[str] = []
    for u, unit in enumerate(units):
        for i, indicator in enumerate(spec.indicators):
            figure = chosen.get((indicator.id, unit, indicator.breakdown))
            if figure is not None and not figure.missing:
                places.append([u, i])
                ids.append(enter(book, figure))
    return ids, places


def pruned(
    spec: IndexSpec, chosen: Mapping[tuple[str, str, str], Chosen], units: Sequence[str], min_share: float = 0.5
) -> tuple[IndexSpec | None, list[str], list[str]]:
    """The index without what the release can't say.

    Returns:
        The file with only those indicators that at least `min_share` of the units have a figure of (None when there is
        none left); indicators left out; pillars left out whole.
    """

    def known(indicator: Indicator) -> bool:
        key = (indicator.id, indicator.breakdown)
        found = sum((c := chosen.get((key[0], u, key[1]))) is not None and not c.missing for u in units)
        return found >= max(2, min_share * len(units))

    lost = [i.id for i in spec.indicators if not known(i)]
    if not lost:
        return spec, [], []
    kept, gone = spec.without(lost)
    return kept, lost, list(gone)


def _result(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> IndexResult:
    from concordat.observatory.run import run

    spec = IndexSpec.from_data(parameters["index"])
    return run(spec, _panel(spec, inputs, parameters))


def _panel(spec: IndexSpec, inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> Panel:
    """The panel of one year from the parts of the chosen figures; a censored one stands in the middle."""
    units, year = tuple(parameters["units"]), int(parameters["year"])
    shape = (1, len(units), len(spec.indicators))
    values, lower, upper = (np.full(shape, np.nan) for _ in range(3))
    years = np.zeros(shape, dtype=np.int16)
    ids = np.full(shape, "", dtype=object)
    for (u, i), figure in zip(parameters["places"], inputs, strict=True):
        low, high = figure["lower"], figure["upper"]
        values[0, u, i] = figure["value"] if figure["value"] is not None else (low + high) / 2
        lower[0, u, i], upper[0, u, i], years[0, u, i] = low, high, figure["year"]
        assert figure["area"] == units[u]
    reasons = np.where(np.isfinite(values), Reason.OBSERVED, Reason.MISSING).astype(np.uint8)
    indicators = tuple(i.id for i in spec.indicators)
    return Panel((year,), units, indicators, values, reasons, years, ids, lower=lower, upper=upper)


def _tidy(value: Any) -> float | None:
    """A number with nine significant digits, or None."""
    return None if value is None or np.isnan(value) else float(f"{float(value):.{DIGITS}g}")


@derivation("observatory.record.change")
def change(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Why scores changed between what two releases knew, by one and the same index file.

    Inputs: the figures of the later release, then those of the earlier. Parts: `causes` (their names, by commas); for
    each country ranked in both `before_BRA`, `after_BRA`, `change_BRA`, and `cause_1_BRA`, ... in the order of causes.
    """
    from concordat.observatory.compare import compare

    count = parameters["later"]
    now = _result(inputs[:count], parameters)
    then = _result(inputs[count:], parameters["before"] | {"index": parameters["index"]})
    found = compare(now, then).attribute().score
    parts: dict[str, Any] = {"value": None, "causes": ",".join(found.components), "units": ",".join(found.units)}
    for u, unit in enumerate(found.units):
        parts |= {f"before_{unit}": _tidy(found.before[u]), f"after_{unit}": _tidy(found.after[u])}
        parts[f"change_{unit}"] = _tidy(found.total[u])
        for k in range(len(found.components)):
            parts[f"cause_{k + 1}_{unit}"] = _tidy(found.shares[u, k])
    return parts


def derive_change(
    book: Book,
    spec: IndexSpec,
    later: tuple[Book, Mapping[tuple[str, str, str], Chosen], Sequence[str], int],
    earlier: tuple[Book, Mapping[tuple[str, str, str], Chosen], Sequence[str], int],
) -> Derived:
    """The record of `change`; each side is (book to enter figures in, chosen figures, units, year)."""
    ids: list[str] = []
    sides: list[dict[str, Any]] = []
    for own, chosen, units, year in (later, earlier):
        entered, places = _entered(own, spec, chosen, units)
        ids += entered
        sides.append({"units": list(units), "year": year, "places": places})
    parameters = {**sides[0], "index": dict(spec.content), "later": len(sides[0]["places"]), "before": sides[1]}
    return book.derive("observatory.record.change@1", ids, parameters)
