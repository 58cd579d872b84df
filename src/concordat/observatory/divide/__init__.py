"""The divide: how far apart members are on one figure, weighted and unweighted, and how many people are without.

`spread` and `people_without` are plain computation on `evidence.aggregate.Member`; `derive_divide` enters both into a
report's book, `derive_group_gap` a gap between two groups inside a member. Every measure has an interval.

`measures` makes one table of all measures of inequality with errors and intervals, from arrays, a DuckDB relation or an
Ibis table; `decompose` and its kin split a divide by groups; the others are named by what they measure.
`time_distance`, `beta_convergence`, `convergence_clubs`, `mobility_between` and `fit_diffusion` look along time;
`alkire_foster`, `weighted_logit` and `oaxaca_blinder` at persons.

    >>> from concordat.evidence.aggregate import Member
    >>> from concordat.observatory.divide import measures, spread
    >>> figures = [Member("ETH", 17.0, 16.5, 17.5, 2021), Member("ARE", 100.0, 99.5, 100.0, 2023)]
    >>> spread(figures)["gap"].value
    83.0
    >>> round(measures([10.0, 20.0, 60.0])["gini"].value, 6)
    0.37037
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.observatory.divide._estimate import Measure
    from concordat.observatory.divide.bootstrap import Bootstrap, bootstrap_change, bootstrap_measures
    from concordat.observatory.divide.clubs import Club, Clubs, LogT, convergence_clubs, log_t
    from concordat.observatory.divide.concentration import concentration_indices
    from concordat.observatory.divide.convergence import Beta, Sigma, beta_convergence, sigma_convergence
    from concordat.observatory.divide.decompose import (
        Decomposition,
        DivideChange,
        GroupPart,
        Nested,
        decompose,
        decompose_change,
        decompose_nested,
    )
    from concordat.observatory.divide.diffusion import DiffusionFit, fill_curve, fit_diffusion
    from concordat.observatory.divide.explain import Logit, Oaxaca, oaxaca_blinder, weighted_logit
    from concordat.observatory.divide.groups import group_measures
    from concordat.observatory.divide.measures import (
        UNWEIGHTED,
        WEIGHTED,
        counts_people,
        derive_divide,
        derive_group_gap,
        is_share,
        people_without,
        spread,
    )
    from concordat.observatory.divide.mobility import Mobility, mobility_between
    from concordat.observatory.divide.polarisation import duclos_esteban_ray, esteban_ray, wolfson
    from concordat.observatory.divide.poverty import AlkireFoster, Deprivation, PovertyPlan, Question, alkire_foster
    from concordat.observatory.divide.table import MeasureTable, influence, measures
    from concordat.observatory.divide.time import TimeDistance, panel_series, time_distance
    from concordat.observatory.divide.trend import Trend, compound_growth, percent_change

__all__ = [
    "UNWEIGHTED", "WEIGHTED", "AlkireFoster", "Beta", "Bootstrap", "Club", "Clubs", "Decomposition", "Deprivation",
    "DiffusionFit", "DivideChange", "GroupPart", "LogT", "Logit", "Measure", "MeasureTable", "Mobility", "Nested",
    "Oaxaca", "PovertyPlan", "Question", "Sigma", "TimeDistance", "Trend", "alkire_foster", "beta_convergence",
    "bootstrap_change", "bootstrap_measures", "compound_growth", "concentration_indices", "convergence_clubs",
    "counts_people", "decompose", "decompose_change", "decompose_nested", "derive_divide", "derive_group_gap",
    "duclos_esteban_ray", "esteban_ray", "fill_curve", "fit_diffusion", "group_measures", "influence", "is_share",
    "log_t", "measures", "mobility_between", "oaxaca_blinder", "panel_series", "people_without", "percent_change",
    "sigma_convergence", "spread", "time_distance", "weighted_logit", "wolfson",
]  # fmt: skip

# Who measures one thing need not load what measures the others: a name is looked for in its module when it is used.
_NAMES = {
    "_estimate": ("Measure",),
    "bootstrap": ("Bootstrap", "bootstrap_change", "bootstrap_measures"),
    "clubs": ("Club", "Clubs", "LogT", "convergence_clubs", "log_t"),
    "concentration": ("concentration_indices",),
    "convergence": ("Beta", "Sigma", "beta_convergence", "sigma_convergence"),
    "decompose": ("Decomposition", "DivideChange", "GroupPart", "Nested", "decompose", "decompose_change",
        "decompose_nested"),
    "diffusion": ("DiffusionFit", "fill_curve", "fit_diffusion"),
    "explain": ("Logit", "Oaxaca", "oaxaca_blinder", "weighted_logit"),
    "groups": ("group_measures",),
    "measures": ("UNWEIGHTED", "WEIGHTED", "counts_people", "derive_divide", "derive_group_gap", "is_share",
        "people_without", "spread"),
    "mobility": ("Mobility", "mobility_between"),
    "polarisation": ("duclos_esteban_ray", "esteban_ray", "wolfson"),
    "poverty": ("AlkireFoster", "Deprivation", "PovertyPlan", "Question", "alkire_foster"),
    "table": ("MeasureTable", "influence", "measures"),
    "time": ("TimeDistance", "panel_series", "time_distance"),
    "trend": ("Trend", "compound_growth", "percent_change"),
}  # fmt: skip
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


class _Room(ModuleType):
    """The package as a module in which `measures` and `decompose` are the functions, also once modules of those names
    are loaded: the import system binds a submodule as an attribute of its package.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and name in _HOMES:
            if _HOMES[name] != name:
                return
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
