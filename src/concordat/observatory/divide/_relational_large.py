"""One question to a large table: its checks, its sums, and the measures made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from concordat.errors import InputError
from concordat.evidence._survey_variance import Design, design, require_degrees_of_freedom
from concordat.observatory.divide._between import GroupSums, combine
from concordat.observatory.divide._estimate import Facts, Measure
from concordat.observatory.divide._relational_make import NO_ERROR, NOT_ASKED, POSITIVE, figures, of_moments, rounded
from concordat.observatory.divide._relational_run import Source, _ibis
from concordat.observatory.divide._sample import Bounds
from concordat.observatory.divide.concentration import bounded_factors
from concordat.observatory.divide.decompose import Decomposition, group_parts
from concordat.observatory.divide.inference import Spread, from_moments, interval, of_units

DISTINCT_MAX = 2_000_000
RANGES = 64
ORDER = {"theil_t": 1.0, "theil_l": 0.0, "ge2": 2.0}
NO_ERROR_OF_PARTS = "parts of a table have no error: ask with arrays"
NO_DESIGN = "errors of concentration by strata and units are made from arrays only"


class LargeRun:
    """The measures of one large table, by group or of all."""

    def __init__(
        self,
        source: Source,
        named: Mapping[str, str | None],
        bounds: Bounds | None,
        names: tuple[str, ...],
        level: float,
        errors: bool,
        ranges: Sequence[float] | None,
        once: bool = False,
    ) -> None:
        _ibis()
        from concordat.observatory.divide import _relational_ranks
        from concordat.observatory.divide import _relational_sql as sql

        self.by_rank, self.sql, self.source, self.bounds, self.names = _relational_ranks, sql, source, bounds, names
        self.level, self.errors = level, errors
        self.notes: tuple[str, ...] = ()
        self.letters = {letter: letter for letter, name in named.items() if name is not None}
        self.rows = sql.cleaned(source.table(), {"w": None, "g": None, **self.letters}, once=once)
        facts = self._check()
        self.rows = self._narrow(facts, self.rows.filter(self.rows.w > 0))
        self.repeats = facts["distinct"] * 4 < facts["n"]
        self.ranges = list(ranges) if ranges is not None else self._ranges(facts)
        self.made: dict[bool, dict[Any, dict[str, Any]]] = {}

    def _check(self) -> dict[str, Any]:
        facts = self.source.run(self.sql.checks(self.rows, self.bounds))[0]
        limits = "finite" if self.bounds is None else f"from {self.bounds.low:g} to {self.bounds.high:g}"
        said = {
            "bad_weight": "a weight that is missing, negative or infinite",
            "bad_value": f"a value that is not {limits}",
            "no_group": "no group",
            "no_h": "no stratum",
            "no_c": "no primary unit",
        }
        for name, what in said.items():
            if facts.get(name):
                raise InputError(f"{facts[name]} of {facts['n']} rows have {what}.", hint="Mend or filter them first.")
        if not facts["n"] or not facts["weight"]:
            raise InputError("the weights sum to zero.", hint="Load them, or ask without them.")
        return facts

    def _narrow(self, facts: Mapping[str, Any], rows: Any) -> Any:
        """Groups that are small whole numbers in two bytes: the sort then takes a quarter less time."""
        fits = facts["g_low"] is not None and -32768 <= facts["g_low"] <= facts["g_high"] <= 32767
        return rows.mutate(g=rows.g.cast("int16")) if fits and rows.g.type().is_integer() else rows

    def _ranges(self, facts: Mapping[str, Any]) -> list[float]:
        if not self.source.single_task or facts["distinct"] <= DISTINCT_MAX:
            return []
        found = self.source.run(self.by_rank.distinct_ranges(self.rows, "y", RANGES))[0]
        return sorted({float(edge) for edge in found.values() if edge is not None and math.isfinite(edge)})

    def _asked(self) -> tuple[str, ...]:
        """The measures whose errors are sums of squares of scores."""
        return tuple(name for name in self.names if name not in NO_ERROR)

    def sums(self, grouped: bool) -> dict[Any, dict[str, Any]]:
        """The sums of each group (one group, 0, without them), in the order of their names."""
        if grouped not in self.made:
            rows = self._rows(grouped)
            high = None if self.bounds is None else self.bounds.high
            if self.errors and not self._staged():
                asked = self.sql.values_and_moments(rows, self.ranges, self._asked(), high)
            elif self.errors:
                asked = self.sql.scored(rows, self.ranges)[0]
            else:
                asked = self.sql.values(rows, self.ranges, collapse=self.repeats)
            found = [row for row in self.source.run(asked) if row["n"]]
            self.made[grouped] = {row["g"]: row for row in sorted(found, key=lambda row: str(row["g"]))}
        return self.made[grouped]

    def _rows(self, grouped: bool) -> Any:
        return self.rows if grouped else self.rows.mutate(g=_ibis().literal(0))

    def _staged(self) -> bool:
        return "h" in self.letters or "c" in self.letters

    def by_group(self, *, grouped: bool) -> Iterator[tuple[Any, dict[str, Measure]]]:
        """Each group's measures."""
        sums = self.sums(grouped)
        units = self._unit_errors(grouped) if self.errors and self._staged() else None
        ranked = self._concentration(grouped) if "k" in self.letters else {}
        for key, row in sums.items():
            spread = None if not self.errors else of_moments if units is None else _from(units[key])
            yield key, figures(row, self.names, self.bounds, spread, self.level) | ranked.get(key, {})

    # --- Samples in stages ---

    def _unit_errors(self, grouped: bool) -> dict[Any, dict[str, Spread]]:
        """Errors from the totals of primary units; a unit without a row of a group counts with zero."""
        rows, names = self._rows(grouped), self._asked()
        high = None if self.bounds is None else self.bounds.high
        keys = [letter for letter in "hc" if letter in self.letters]
        if "c" not in self.letters:
            raise InputError("strata without primary units need arrays.", hint='Name the units: psu="...".')
        every = self.source.run(rows.select(*keys).distinct())
        place = {tuple(row[k] for k in keys): i for i, row in enumerate(sorted(every, key=str))}
        strata = [str(unit[0]) if "h" in keys else "" for unit in place]
        how: Design = design(len(place), strata=strata, units=list(range(len(place))))
        require_degrees_of_freedom(how)
        if how.single:
            self.notes = (f"{len(how.single)} strata with one primary unit are centred at the mean of all units.",)
        totals: dict[Any, dict[str, np.ndarray]] = {}
        for row in self.source.run(self.sql.unit_totals(rows, self.ranges, names, high)):
            mine = totals.setdefault(row["g"], {name: np.zeros(len(place)) for name in names})
            for name in names:
                mine[name][place[tuple(row[k] for k in keys)]] = row[name] if row[name] is not None else math.nan
        weights = {
            key: (row["weight"], row["weight"] - (row["zero"] or 0.0)) for key, row in self.sums(grouped).items()
        }
        return {
            key: {
                name: of_units(mine[name] / weights[key][name in POSITIVE], how)
                for name in names
                if weights[key][name in POSITIVE] > 0
            }
            for key, mine in totals.items()
        }

    # --- Concentration ---

    def _concentration(self, grouped: bool) -> dict[Any, dict[str, Measure]]:
        errors = self.errors and not self._staged()
        asked = self.by_rank.concentration(self._rows(grouped), [], errors=errors)
        reason = NO_DESIGN if self.errors and self._staged() else "" if errors else NOT_ASKED
        every = self.sums(grouped)
        return {
            row["g"]: concentration_of(row, every[row["g"]], self.bounds, reason, self.level)
            for row in self.source.run(asked)
        }

    # --- Decompositions ---

    def decompositions(self, whole: Mapping[str, Measure]) -> dict[str, Decomposition]:
        """Between and within groups, from the groups' sums."""
        groups = self.sums(True)
        found = {}
        for name in (*ORDER, "gini"):
            total = whole.get(name)
            if total is None or total.value is None:
                continue
            sums = self._gini_sums() if name == "gini" else _sums_of(groups, name)
            if sums is not None:
                parts = (math.fsum(sums.between), math.fsum(sums.within))
                facts = replace(total, se=None, lower=None, upper=None, reason=NO_ERROR_OF_PARTS)
                between, within = (
                    replace(facts, name=f"{name} {part}", value=rounded(value))
                    for part, value in zip(("between", "within"), parts, strict=True)
                )
                found[name] = Decomposition(total, between, within, group_parts(list(groups), sums))
        return found

    def _gini_sums(self) -> GroupSums | None:
        """Yitzhaki's parts: each group's covariance with ranks among all, and with its own."""
        groups = self.sums(True)
        found = {row["g"]: row for row in self.source.run(self.by_rank.gini_by_groups(self.rows, self.ranges))}
        rows = [found[key] for key in groups]
        weight, held, ranks, held_ranks = (
            np.array([float(row[name]) for row in rows]) for name in ("weight", "held", "ranks", "held_ranks")
        )
        whole = float(weight.sum())
        share, mean, rank = weight / whole, held / weight, ranks / weight / whole
        mu = float((share * mean).sum())
        in_all = held_ranks / weight / whole - mean * rank
        crossed = np.array([float(row["crossed"]) for row in groups.values()])
        in_own = (crossed / weight**2 - mean) / 2
        inside = np.where(mean > 0, 2 * in_own / np.where(mean > 0, mean, 1.0), np.nan)
        alike = [row["lowest"] == row["highest"] for row in groups.values()]
        overlap = tuple(None if same else float(a / b) for same, a, b in zip(alike, in_all, in_own, strict=True))
        between, within = 2 * share * (mean - mu) * (rank - 0.5) / mu, 2 * share * in_all / mu
        return GroupSums(share, share * mean / mu, mean, inside, between, within, overlap, rank)


def _from(found: Mapping[str, Spread]) -> Callable[[str, Mapping[str, Any]], Spread]:
    """The errors of one group's measures as `figures` asks for them."""
    return lambda name, _row: found[name]


def _sums_of(groups: Mapping[Any, Mapping[str, Any]], name: str) -> GroupSums | None:
    """Parts of T, L or GE(2) from each group's own; None where a group has none above zero."""
    positive = name in POSITIVE
    rows = list(groups.values())
    weight = np.array([row["weight"] - ((row["zero"] or 0.0) if positive else 0.0) for row in rows])
    if (weight <= 0).any():
        return None
    share = weight / weight.sum()
    mean = np.array([row["held"] for row in rows]) / weight
    own = [figures(row, (name,), None, None)[name].value for row in rows]
    if any(value is None for value in own):
        return None
    inside = np.array(own, dtype=np.float64)
    between, within = combine(share, mean, inside, ORDER[name])
    mu = float((share * mean).sum())
    return GroupSums(share, share * mean / mu, mean, inside, between, within, (None,) * len(rows), np.zeros(len(rows)))


def concentration_of(
    row: Mapping[str, Any], every: Mapping[str, Any], bounds: Bounds | None, reason: str, level: float
) -> dict[str, Measure]:
    """The concentration indices of one group from its sums."""
    weight, held, n = row["weight"], row["held"], int(row["n"])
    all_weight = every["weight"] + (every["missing"] or 0.0)
    facts = Facts(
        n,
        rounded(weight * weight / row["squares"]),
        rounded((row["zero"] or 0.0) / weight),
        rounded(1 - weight / all_weight),
    )
    names = ("concentration", *(("wagstaff", "erreygers") if bounds else ()))
    if held <= 0:
        return {name: Measure(name, None, None, None, None, *facts, "the mean is not above zero") for name in names}
    alike = row["lowest"] == row["highest"]
    c = 0.0 if alike else row["crossed"] / (weight * held) - 1
    factors = {"concentration": (1.0, 0.0)} | (bounded_factors(c, held / weight, bounds) if bounds else {})
    found = {}
    for name in names:
        if name not in factors:
            found[name] = Measure(name, None, None, None, None, *facts, "the mean stands at an end of the bounds")
            continue
        a, b = factors[name]
        if reason:
            found[name] = Measure(name, rounded(a * c), None, None, None, *facts, reason)
            continue
        s2, s3, s4 = (0.0 if alike else _mixed_moment(row, k, a, b) / weight**k for k in (2, 3, 4))
        spread = from_moments(s2, s3, s4, n)
        low, high = (-1.0, 1.0) if row["lowest"] >= 0 else (-math.inf, math.inf)
        lower, upper = interval(a * c, spread, level=level, low=low, high=high)
        found[name] = Measure(name, rounded(a * c), rounded(spread.se), rounded(lower), rounded(upper), *facts)
    return found


def _mixed_moment(row: Mapping[str, Any], k: int, a: float, b: float) -> float:
    """`sum w^k (a z + b (r - 1))^k` from the sums of `w^k z^(k-j) (r - 1)^j`."""
    return math.fsum(math.comb(k, j) * a ** (k - j) * b**j * row[f"z_{k}_{j}"] for j in range(k + 1))
