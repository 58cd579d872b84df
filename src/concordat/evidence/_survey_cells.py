"""The cells of one item of a survey: measured, withheld where they must be, and set against each other."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from concordat.errors import InputError
from concordat.evidence import _survey_table as table
from concordat.evidence._survey_variance import (
    Array,
    Design,
    critical_value,
    difference_interval,
    kish_design_effect,
    mean_scores,
    taylor_covariance,
    taylor_variance,
    wilson,
)
from concordat.evidence._survey_withhold import NOBODY, Codes, Key, Line, Part, divides, withheld
from concordat.evidence.observation import breakdown_text

if TYPE_CHECKING:
    from concordat.evidence._survey_model import Domain, Item
    from concordat.evidence._survey_spec import Spec

EFFECTIVE_MIN = 20.0
PAIRS_ALL_UP_TO = 5  # values of a domain: beyond, only the highest is set against the lowest


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One cell: an item among the people of a domain. Numbers are shares of 1; all are None where it is withheld.

    Attributes:
        breakdown: `loc=rural;sex=F`; empty for all people.
        label: the same in the survey file's words.
        n: people who answered; n_eff: how many of a simple random sample would be as sure.
        design_effect: n / n_eff.
        lower, upper: Wilson's interval; wald: the half-width that is symmetric, and 0 where the rate is 0 or 1.
        degrees_of_freedom: None where no design was stated.
        missing: weighted share without an answer among those asked; not_asked: weighted share of blanks by routing.
        withheld: empty, or why it may not leave the node: small_cell, complementary.
    """

    item: str
    indicator_id: str
    margin: str
    breakdown: str
    label: str
    n: int | None
    n_eff: float | None
    design_effect: float | None
    value: float | None
    lower: float | None
    upper: float | None
    wald: float | None
    degrees_of_freedom: int | None
    missing: float | None
    not_asked: float | None
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference of two domains of one margin, first less second, with its own interval."""

    item: str
    margin: str
    first: str
    second: str
    value: float
    lower: float
    upper: float
    wald: float


@dataclass(frozen=True, slots=True, eq=False)
class Margin:
    """The cells of one margin: each person's cell (`NOBODY` where a domain is blank), and each cell's names."""

    code: Codes
    breakdowns: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Measured:
    """A cell as computed, before anything is withheld."""

    n: int
    n_eff: float
    value: float
    variance: float
    degrees_of_freedom: int | None
    missing: float
    not_asked: float

    def interval(self) -> tuple[float, float]:
        """Wilson's."""
        return wilson(self.value, self.n_eff, critical_value(self.degrees_of_freedom))

    def safe(self, min_cell: int) -> bool:
        """Enough people, and a design that can say how sure it is."""
        known = self.degrees_of_freedom is None or self.degrees_of_freedom >= 1
        return self.n >= min_cell and self.n_eff >= EFFECTIVE_MIN and known


class ItemCells:
    """One item of the survey over all margins."""

    def __init__(
        self, spec: Spec, item: Item, data: table.Microdata, w: Array, how: Design, margins: Mapping[str, Margin]
    ) -> None:
        self.spec, self.item, self.w, self.how, self.margins = spec, item, w, how, margins
        self.own = {name: str(value) for name, value in item.breakdown.items()}
        answers = _answers(data, item)
        self.y = (answers == _YES).astype(np.float64)
        self.answered = (answers == _YES) | (answers == _NO)
        self.missing = answers == _MISSING
        self.not_asked = answers == _NOT_ASKED
        if not self.answered.any():
            what = f"nobody answered the item {item.id}."
            raise InputError(what, where=data.name, hint="Look at its codes.", code="no_answer")
        self.clustering = 1.0
        self.clustering = self._clustering()

    def results(self) -> tuple[list[Rate], list[Gap]]:
        """The cells in the order of margins and codes, and the gaps between those shown."""
        measured = {
            (m, cell): found
            for m, margin in enumerate(self.margins.values())
            for cell in range(len(margin.breakdowns))
            if (found := self._measure(margin.code == cell)) is not None
        }
        hidden = self._withheld(measured)
        rates = []
        for (m, cell), found in measured.items():
            name = tuple(self.margins)[m]
            margin = self.margins[name]
            breakdown, label = margin.breakdowns[cell], margin.labels[cell]
            rates.append(self._rate(name, breakdown, label, found, hidden.get((m, cell), "")))
        return rates, self._gaps(measured, hidden)

    def _measure(self, people: npt.NDArray[np.bool_]) -> _Measured | None:
        """A cell; None where nobody of it answered."""
        there = people & self.answered
        n = int(there.sum())
        if n == 0:
            return None
        p, z = mean_scores(self.y, self.w, there)
        spread = p * (1 - p)
        kish = n / kish_design_effect(self.w[there])
        asked = float(self.w[there | (people & self.missing)].sum())
        everyone = float(self.w[people].sum())
        if not self.how.stated:
            n_eff, variance, df = kish, spread / kish, None
        else:
            df = self.how.degrees_of_freedom_of(there)
            variance = taylor_variance(z, self.how)
            n_eff = spread / variance if spread > 0 and variance > 0 else kish / self.clustering
        return _Measured(
            n=n,
            n_eff=n_eff,
            value=p,
            variance=variance,
            degrees_of_freedom=df,
            missing=float(self.w[people & self.missing].sum()) / asked,
            not_asked=float(self.w[people & self.not_asked].sum()) / everyone,
        )

    def _clustering(self) -> float:
        """By how much the design's variance of all people exceeds what their weights alone explain; at least 1."""
        if not self.how.stated:
            return 1.0
        found = self._measure(np.ones(len(self.y), dtype=bool))
        assert found is not None, "somebody answered"
        kish = found.n / kish_design_effect(self.w[self.answered])
        return max(1.0, kish / found.n_eff)

    def _withheld(self, measured: Mapping[Key, _Measured]) -> dict[Key, str]:
        least = self.spec.model.min_cell
        parts = {key: Part(found.n, found.safe(least)) for key, found in measured.items()}
        lines = []
        for coarse, (k, fine) in itertools.product(self.margins.values(), enumerate(self.margins.values())):
            if coarse is fine:
                continue
            divided = divides(np.where(self.answered, fine.code, NOBODY), np.where(self.answered, coarse.code, NOBODY))
            for total, cells in (divided or {}).items():
                left = (coarse.code == total) & (fine.code == NOBODY)
                rest = self._measure(left)
                keys = tuple((k, cell) for cell in cells)
                lines.append(Line(keys, None if rest is None else Part(rest.n, rest.safe(least))))
        return withheld(parts, lines, least)

    def _rate(self, margin: str, breakdown: str, label: str, found: _Measured, why: str) -> Rate:
        whole = breakdown_text(self.own | _pairs(breakdown))
        about: dict[str, Any] = {
            "item": self.item.id,
            "indicator_id": self.item.indicator_id,
            "margin": margin,
            "breakdown": whole,
            "label": label,
            "withheld": why,
        }
        if why:
            names = ("n", "n_eff", "design_effect", "value", "lower", "upper", "wald", "degrees_of_freedom")
            nothing: dict[str, Any] = dict.fromkeys((*names, "missing", "not_asked"))
            return Rate(**about, **nothing)
        lower, upper = found.interval()
        return Rate(
            **about,
            n=found.n,
            n_eff=found.n_eff,
            design_effect=found.n / found.n_eff,
            value=found.value,
            lower=lower,
            upper=upper,
            wald=critical_value(found.degrees_of_freedom) * found.variance**0.5,
            degrees_of_freedom=found.degrees_of_freedom,
            missing=found.missing,
            not_asked=found.not_asked,
        )

    def _gaps(self, measured: Mapping[Key, _Measured], hidden: Mapping[Key, str]) -> list[Gap]:
        """Between the shown cells of each margin of one domain: all pairs, or of many the highest and the lowest."""
        gaps = []
        for m, (name, margin) in enumerate(self.margins.items()):
            shown = [(cell, found) for (k, cell), found in measured.items() if k == m and (k, cell) not in hidden]
            if not name or "*" in name or len(shown) < 2:
                continue
            pairs = list(itertools.combinations(shown, 2))
            if len(shown) > PAIRS_ALL_UP_TO:
                ends = sorted(shown, key=lambda pair: pair[1].value)
                pairs = [(ends[-1], ends[0])]
            gaps += [self._gap(name, margin, a, b) for a, b in pairs]
        return gaps

    def _gap(self, name: str, margin: Margin, one: tuple[int, _Measured], two: tuple[int, _Measured]) -> Gap:
        (a, first), (b, second) = one, two
        correlation, variance = 0.0, first.variance + second.variance
        df = None
        if self.how.stated:
            people = [(margin.code == cell) & self.answered for cell in (a, b)]
            scores = np.stack([mean_scores(self.y, self.w, there)[1] for there in people], axis=1)
            matrix = taylor_covariance(scores, self.how)
            root = float(np.sqrt(matrix[0, 0] * matrix[1, 1]))
            correlation = float(matrix[0, 1]) / root if root > 0 else 0.0
            variance = float(matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1])
            df = max(1, self.how.degrees_of_freedom_of(people[0] | people[1]))
        lower, upper = difference_interval(
            (first.value, *first.interval()), (second.value, *second.interval()), correlation
        )
        names = [breakdown_text(self.own | _pairs(margin.breakdowns[cell])) for cell in (a, b)]
        wald = critical_value(df) * max(variance, 0.0) ** 0.5
        return Gap(self.item.id, name, names[0], names[1], first.value - second.value, lower, upper, wald)


# --- From the file to numbers -----------------------------------------------------------------------------------------

_NO, _YES, _MISSING, _NOT_ASKED = range(4)
_BLANK = {"not_asked": _NOT_ASKED, "counts_as_no": _NO, "missing": _MISSING}


def _answers(data: table.Microdata, item: Item) -> Codes:
    known = {"": _BLANK[item.blank]}
    for codes, meaning in ((item.yes_codes, _YES), (item.no_codes, _NO), (item.missing_codes, _MISSING)):
        known |= {str(code): meaning for code in codes}
    return table.coded(data, item.column or item.id, known, f"item {item.id}")


def domain_codes(data: table.Microdata, domain: Domain, name: str) -> tuple[Codes, list[str]]:
    """Each person's value, numbered in the order of the survey file, and the values."""
    values = list(dict.fromkeys(map(str, domain.values.values())))
    known = {"": NOBODY} | {code: values.index(str(value)) for code, value in domain.values.items()}
    return table.coded(data, domain.column, known, f"domain {name}"), values


def cells_of(names: Sequence[str], spec: Spec, codes: Mapping[str, tuple[Codes, list[str]]], people: int) -> Margin:
    """All combinations of the values of some domains."""
    code = np.zeros(people, dtype=np.int64)
    breakdowns, labels = [""], [""]
    for name in names:
        each, values = codes[name]
        said = spec.model.domains[name].labels
        code = np.where((code == NOBODY) | (each == NOBODY), NOBODY, code * len(values) + each)
        breakdowns = [breakdown_text(_pairs(b) | {name: value}) for b in breakdowns for value in values]
        labels = [", ".join(filter(None, (label, said.get(v, f"{name}={v}")))) for label in labels for v in values]
    return Margin(code, tuple(breakdowns), tuple(labels if names else ["all"]))


def _pairs(breakdown: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in breakdown.split(";") if part)
