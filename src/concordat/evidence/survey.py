"""What share of a population said yes: rates of a household survey, computed where its data are and nowhere else.

A survey file (`concordat/survey@1`) says how to read the microdata. From it come weighted rates

    p = sum(w y) / sum(w)        over the people who were asked and answered,

with a blank by routing outside the denominator (unless the item says it counts as no), and "don't know" outside too,
its weighted share printed. How sure a rate is: without a design Kish's effect of the weights, `n_eff = n / deff` and
half-width `1.96 sqrt(p (1 - p) / n_eff)`; with strata or primary units Taylor linearisation (`_survey_variance`),
`n_eff = p (1 - p) / V`. The printed interval is Wilson's with `n_eff`, which is real also where p is 0 or 1; Wald's
half-width is kept beside it. Where p (1 - p) is 0 the variance says nothing: `n_eff` is then Kish's, divided by what
clustering costs the whole sample.

Only aggregates leave the node: cells of at least `min_cell` people and 20 effective ones, and none that subtraction
would give (`_survey_withhold`). The microdata are never stored. An observation names the file by its SHA-256 and the
item it answers; the survey file itself, which holds no data, is kept among the bodies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from concordat.evidence import _survey_table as table
from concordat.evidence._survey_cells import Gap, ItemCells, Rate, cells_of, domain_codes
from concordat.evidence._survey_spec import Spec, dimensions_of, read_spec
from concordat.evidence._survey_store import observations, store_survey
from concordat.evidence._survey_variance import (
    Array,
    Design,
    design,
    kish_design_effect,
    mean_scores,
    require_degrees_of_freedom,
    taylor_covariance,
    taylor_variance,
    wilson,
)

__all__ = [
    "Design",
    "Gap",
    "Rate",
    "Spec",
    "Survey",
    "design",
    "kish_design_effect",
    "mean_scores",
    "observations",
    "read_spec",
    "store_survey",
    "survey_rates",
    "taylor_covariance",
    "taylor_variance",
    "wilson",
]

WEIGHT_RATIO_WARN = 20.0
DESIGN_EFFECT_WARN = 5.0


@dataclass(frozen=True, slots=True)
class Survey:
    """All that a survey says, and all that may leave the node.

    Attributes:
        sha256: of the microdata file; rows: its people.
        effect: Kish's effect of the weights over all people.
        single: strata with one primary unit.
    """

    spec: Spec
    file: str
    sha256: str
    rows: int
    margins: tuple[str, ...]
    rates: tuple[Rate, ...]
    gaps: tuple[Gap, ...]
    warnings: tuple[str, ...]
    effect: float
    weighted: bool
    strata: int
    units: int
    degrees_of_freedom: int | None
    single: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For a program (`--json`): nothing that is withheld is in it."""
        model = self.spec.model
        return {
            "dataset": model.dataset.id,
            "area": self.spec.area,
            "period": [day.isoformat() for day in self.spec.period],
            "licence": model.licence,
            "conf_status": self.spec.conf_status,
            "file_sha256": self.sha256,
            "spec_sha256": self.spec.sha256,
            "rows": self.rows,
            "weighted": self.weighted,
            "design_effect_of_weights": self.effect,
            "strata": self.strata,
            "primary_units": self.units,
            "degrees_of_freedom": self.degrees_of_freedom,
            "single_unit_strata": list(self.single),
            "margins": list(self.margins),
            "warnings": list(self.warnings),
            "rates": [asdict(rate) for rate in self.rates],
            "gaps": [asdict(gap) for gap in self.gaps],
        }


# --- Rates ------------------------------------------------------------------------------------------------------------


def survey_rates(spec: Spec, *, by: Sequence[str] | None = None, progress: table.Progress | None = None) -> Survey:
    """Every item's rate for all people and for each domain, what may not be seen withheld.

    Args:
        by: margins (`sex`, `sex*loc`) instead of the survey file's own.

    Raises:
        InputError: the microdata are not as the survey file says, with the row.
        MethodError: a weighted survey used without its weights; a design that leaves no degree of freedom.
    """
    model = spec.model
    own = model.margins if model.margins is not None else list(model.domains)
    margins = ["", *dict.fromkeys(by if by is not None else own)]
    dimensions = {margin: dimensions_of(margin, spec, "--by") for margin in margins if margin}
    data = _read(spec, {d for names in dimensions.values() for d in names}, progress)
    w = table.weights(data, spec.weight_column, equal=spec.equal, decimal=model.format.decimal)
    how = _design(spec, data)
    codes = {d: domain_codes(data, model.domains[d], d) for names in dimensions.values() for d in names}
    cells = {margin: cells_of(dimensions.get(margin, ()), spec, codes, data.rows) for margin in margins}
    rates: list[Rate] = []
    gaps: list[Gap] = []
    for item in model.items:
        if progress is not None:
            progress(f"Counting {item.id}.")
        found, between = ItemCells(spec, item, data, w, how, cells).results()
        rates += found
        gaps += between
    return Survey(
        spec=spec,
        file=data.name,
        sha256=data.sha256,
        rows=data.rows,
        margins=tuple(margins[1:]),
        rates=tuple(rates),
        gaps=tuple(gaps),
        warnings=tuple(_warnings(w, how, rates)),
        effect=kish_design_effect(w),
        weighted=spec.weight_column is not None,
        strata=len(how.names) if how.stated else 0,
        units=how.units if how.stated else 0,
        degrees_of_freedom=how.degrees_of_freedom if how.stated else None,
        single=how.single if how.stated else (),
    )


def _read(spec: Spec, dimensions: set[str], progress: table.Progress | None) -> table.Microdata:
    model = spec.model
    wanted = [model.domains[d].column for d in sorted(dimensions)]
    wanted += [item.column or item.id for item in model.items]
    wanted += [name for name in (spec.weight_column, model.strata, model.psu, model.fpc) if name]
    path = spec.folder / model.file
    form = model.format
    return table.read_microdata(path, wanted, encoding=form.encoding, delimiter=form.delimiter, progress=progress)


def _design(spec: Spec, data: table.Microdata) -> Design:
    model = spec.model
    strata = table.filled(data, model.strata, "stratum") if model.strata else None
    units = table.filled(data, model.psu, "primary unit") if model.psu else None
    population = table.numbers(data, model.fpc, model.format.decimal) if model.fpc else None
    how = design(data.rows, strata=strata, units=units, population=population)
    if how.stated:
        require_degrees_of_freedom(how, where=data.name)
    return how


def _warnings(w: Array, how: Design, rates: Sequence[Rate]) -> list[str]:
    said = []
    ratio = float(w.max() / np.median(w))
    if ratio > WEIGHT_RATIO_WARN:
        said.append(f"the largest weight is {ratio:.0f} times the median: a few people decide the figures.")
    if how.stated and how.single:
        names = ", ".join(how.single[:5]) + (", ..." if len(how.single) > 5 else "")
        count = f"{len(how.single)} strata have" if len(how.single) > 1 else "1 stratum has"
        said.append(f"{count} one primary unit and {'are' if len(how.single) > 1 else 'is'} centred at the mean of all "
                    f"units: {names}.")  # fmt: skip
    for rate in rates:
        if rate.design_effect is not None and rate.design_effect > DESIGN_EFFECT_WARN:
            cell = f" of {rate.breakdown}" if rate.breakdown else ""
            effect = f"{rate.design_effect:.1f}: {rate.n:,} people tell as much as {rate.n_eff:,.0f} would."
            said.append(f"the design effect of {rate.item}{cell} is {effect}")
    return said
