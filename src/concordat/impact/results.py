"""What a scenario did to every economy: real income with its uncertainty, in percent and in money, always together.

A result holds the draws as arrays and tells, for each economy and the bloc, quantiles, the share of draws that gain and
the Monte Carlo error; for the outsiders how many lose, who loses most and what they lose or gain together; and the
certificate of how it was solved. Real income is exact, `E'/(E P)`; money is its equivalent variation `(W - 1) E`; bloc
figures stand weighted by expenditure and unweighted; tariff revenue stands apart. `to_value` is the whole as plain
values, with figures rounded to nine digits so that the last bits of a processor don't change a report.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.impact.measures import NOISE, Outsiders
from concordat.impact.monte_carlo import BAND_MIN, Quantiles, quantiles
from concordat.impact.parameters import Parameter
from concordat.impact.result_parts import NO_REVENUE, FirstOrderTold, Money, Revenue, RunCertificate
from concordat.impact.scenario import Scenario

Array = NDArray[np.float64]
DIGITS = 9
UNVERIFIED = "UNVERIFIED"
UNITS = {
    "real_income_pct": "percent",
    "real_income_usd": "USD million",
    "real_wage_pct": "percent",
    "tariff_revenue_usd": "USD million",
    "exports_pct": "percent",
    "imports_pct": "percent",
}
LONG_HEAD = ("scenario", "draw", "economy", "measure", "unit", "value", "mark")


@dataclass(frozen=True, eq=False)
class ScenarioResult:
    """A run.

    Attributes:
        economies: N codes; members: those of the bloc with trade data; missing: members without ("not computed").
        expenditure: (N,) of the base, the weights. unit, year, source: of the base.
        central: measure -> (N,) at central values. draws: measure -> (B, N), failed draws left out.
        bloc_trade: trade among members, change in percent: central and (B,); None where it was not asked for.
        parameters: the records that it rests on. stated: changes that the scenario states itself, in words.
        transfers: what they do beyond themselves. revenue, first_order: of several sectors, at central values.
        investments: what is spent beside, in words.
        quoted: records quoted beside. notes: what a reader must know first; limits: what the bands leave out.
        parameter_draws: id -> (B,) values, for whoever asks which parameter matters.
    """

    scenario: Scenario
    economies: tuple[str, ...]
    members: tuple[str, ...]
    missing: tuple[str, ...]
    expenditure: Array
    unit: str
    year: int
    source: str
    central: Mapping[str, Array]
    draws: Mapping[str, Array]
    certificate: RunCertificate
    parameters: tuple[Parameter, ...]
    bloc_trade: tuple[float, Array] | None = None
    stated: tuple[str, ...] = ()
    transfers: tuple[Money, ...] = ()
    revenue: tuple[Revenue, ...] = ()
    first_order: FirstOrderTold | None = None
    investments: tuple[str, ...] = ()
    quoted: tuple[Parameter, ...] = ()
    notes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    parameter_draws: Mapping[str, Array] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Draws that were solved."""
        return len(self.draws["real_income_pct"])

    @property
    def band(self) -> bool:
        """Whether there are enough draws for a band."""
        return self.count >= BAND_MIN

    @property
    def grades(self) -> tuple[str, ...]:
        """Grades of all that it rests on; what the scenario states itself is of grade D."""
        return tuple(sorted({p.grade for p in self.parameters} | ({"D"} if self.stated else set())))

    @property
    def unverified(self) -> bool:
        """Whether every output is to be stamped."""
        return any(p.unverified for p in self.parameters)

    @property
    def stamp(self) -> str:
        """`UNVERIFIED`, or nothing."""
        return UNVERIFIED if self.unverified else ""

    @property
    def sources(self) -> tuple[str, ...]:
        """Ids of the sources of its parameters."""
        return tuple(sorted({p.source.id for p in self.parameters if p.source}))

    @property
    def outsiders_codes(self) -> tuple[str, ...]:
        """Economies outside the bloc."""
        return tuple(e for e in self.economies if e not in self.members)

    def of(self, measure: str, economy: str) -> tuple[float, Quantiles | None]:
        """The central value and the quantiles of one figure; no quantiles without draws."""
        place = self.economies.index(economy)
        some = self.draws[measure][:, place]
        return float(self.central[measure][place]), quantiles(some) if len(some) else None

    def headline(self, measure: str, economy: str) -> float:
        """The median where there is a band, else the central value."""
        middle, found = self.of(measure, economy)
        return found.median if found is not None and found.band else middle

    def by_gain(self) -> tuple[str, ...]:
        """Members, the largest gain of real income first."""
        return tuple(sorted(self.members, key=lambda m: (-self.headline("real_income_pct", m), m)))

    def bloc(self) -> dict[str, tuple[float, Quantiles | None]]:
        """The bloc: real income weighted by expenditure and as a plain mean of members (percent), and in money."""
        places = [self.economies.index(m) for m in self.members]
        weights = self.expenditure[places]
        percent, money = "real_income_pct", "real_income_usd"

        def both(of: Any) -> tuple[float, Quantiles | None]:
            middle = of({k: v[None, :] for k, v in self.central.items()})[0]
            return float(middle), quantiles(of(self.draws)) if self.count else None

        def total(values: Mapping[str, Array]) -> Array:
            return np.asarray(values[money][:, places].sum(axis=1), dtype=float)

        found = {
            "weighted_pct": both(lambda v: 100 * total(v) / weights.sum()),
            "unweighted_pct": both(lambda v: v[percent][:, places].mean(axis=1)),
            "total_usd": both(total),
        }
        if self.bloc_trade is not None:
            middle, some = self.bloc_trade
            found["trade_among_members_pct"] = (middle, quantiles(some) if len(some) else None)
        return found

    def outsiders(self) -> Outsiders | None:
        """What the others lose or gain, by the mean of draws (without a band: at central values); None without them."""
        places = [self.economies.index(e) for e in self.outsiders_codes]
        if not places:
            return None
        percent, money = (self._means(name)[places] for name in ("real_income_pct", "real_income_usd"))
        worst = int(np.argmin(percent))
        name = self.economies[places[worst]]
        losing = int((percent < -100 * NOISE).sum())
        return Outsiders(len(places), losing, math.fsum(money), name, float(percent[worst]))

    def _means(self, measure: str) -> Array:
        some = self.draws[measure]
        return np.asarray(some.mean(axis=0) if self.band else self.central[measure], dtype=float)

    # --- Tables -----------------------------------------------------------------------------------------------------

    def long_rows(self) -> Iterator[tuple[str, str, str, str, str, str, str]]:
        """The long table, below `LONG_HEAD`: every economy, measure and draw; draw 0 is the run at central values."""
        for measure in self.central:
            unit = UNITS[measure] if UNITS[measure] == "percent" else self.unit
            for number, row in enumerate([self.central[measure], *self.draws[measure]]):
                for code, value in zip(self.economies, row, strict=True):
                    text = repr(_round(float(value)))
                    yield (self.scenario.id, str(number), code, measure, unit, text, self.stamp)

    def summary_rows(self) -> Iterator[tuple[Any, ...]]:
        """One row an economy and measure, below `SUMMARY_HEAD`; members first, the others by code."""
        for code in (*self.by_gain(), *self.outsiders_codes):
            for measure in self.central:
                middle, found = self.of(measure, code)
                band = found is not None and found.band
                assert found is not None or not band
                values = found.values if found is not None and band else (None,) * 5
                errors = found.errors if found is not None and band else (None,) * 5
                yield (
                    self.scenario.id, code, code in self.members, measure,
                    UNITS[measure] if UNITS[measure] == "percent" else self.unit,
                    _round(middle), *map(_round, values), None if found is None else _round(found.gaining),
                    *map(_round, errors), self.count, self.stamp,
                )  # fmt: skip

    def to_value(self) -> dict[str, Any]:
        """The canonical result document (`concordat/scenario-result@1`), without single draws."""
        found = self.outsiders()
        document = {
            "schema": "concordat/scenario-result@1",
            "scenario": self.scenario.id,
            "title": self.scenario.title,
            "stamp": self.stamp or None,
            "model": self.scenario.model,
            "closure": self.scenario.closure if self.scenario.model == "one_sector" else None,
            "deficits": self.scenario.deficits if self.scenario.model == "multi_sector" else None,
            "numeraire": self.scenario.numeraire,
            "seed": self.scenario.seed,
            "draws": self.count,
            "band": self.band,
            "base": {"year": self.year, "unit": self.unit, "source": self.source, "flows": self.scenario.base.flows},
            "members": list(self.members),
            "not_computed": [{"economy": m, "reason": "in the bloc, no trade data"} for m in self.missing],
            "economies": [self._economy(code) for code in (*self.by_gain(), *self.outsiders_codes)],
            "bloc": {name: _told(pair) for name, pair in self.bloc().items()},
            "tariff_revenue": self._revenue(),
            "first_order": None
            if self.first_order is None
            else {
                "label": self.first_order.label,
                "change": self.first_order.change,
                "total_pct": dict(self.first_order.total),
            },
            "outsiders": None
            if found is None
            else {
                "count": found.count,
                "losing": found.losing,
                "worst": found.worst,
                "worst_pct": found.worst_pct,
                "net": found.net,
                "by": "mean of draws" if self.band else "central values",
            },
            "transfers": [
                {"economy": t.economy, "amount": t.amount, "worth": t.worth, "secondary": t.secondary}
                for t in self.transfers
            ],
            "investments": list(self.investments),
            "stated": list(self.stated),
            "parameters": [p.to_value() for p in self.parameters],
            "grades": list(self.grades),
            "sources": list(self.sources),
            "quoted": [p.to_value() for p in self.quoted],
            "notes": list(self.notes),
            "limits": list(self.limits),
            "certificate": self.certificate.to_value(),
        }
        return dict(rounded(document))

    def _revenue(self) -> dict[str, Any]:
        if not self.revenue:
            return {"value": None, "reason": NO_REVENUE}
        rows = [
            {
                "economy": r.economy,
                "before": r.before,
                "after": r.after,
                "before_pct": r.before_pct,
                "after_pct": r.after_pct,
            }
            for r in self.revenue
        ]
        return {"by_economy": rows}

    def _economy(self, code: str) -> dict[str, Any]:
        place = self.economies.index(code)
        return {
            "economy": code,
            "member": code in self.members,
            "expenditure": float(self.expenditure[place]),
            **{measure: _told(self.of(measure, code)) for measure in self.central},
        }


SUMMARY_HEAD = (
    "scenario", "economy", "member", "measure", "unit", ">central", ">q05", ">q25", ">q50", ">q75", ">q95", ">gaining",
    ">q05_error", ">q25_error", ">q50_error", ">q75_error", ">q95_error", ">draws", "mark",
)  # fmt: skip


def _told(pair: tuple[float, Quantiles | None]) -> dict[str, Any]:
    middle, found = pair
    return {"central": middle, **({} if found is None else found.to_value())}


def _round(value: float | None) -> float | None:
    return None if value is None else rounded(value)


def rounded(value: Any) -> Any:
    """Plain values with every float at nine significant digits.

    >>> rounded({"a": [0.1 + 0.2, 3], "b": None})
    {'a': [0.3, 3], 'b': None}
    """
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") + 0.0 if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return value
