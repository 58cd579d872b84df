"""Runs pyfixest's `fepois` on arrays and hands arrays back: the reference that our own estimator is held to.

pyfixest takes any data frame that narwhals knows. We register the columns with DuckDB and hand it the relation, so the
data frame is made inside pyfixest and none is ever named here. Rows are numbered, to know which it left out. Its
covariance comes without small-sample factors (they are ours, the same for both engines).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.settings import need_extra

Array = NDArray[np.float64]
Index = NDArray[np.intp]
STEPS_MAX = 200
TOLERANCES = (1e-10, 1e-9)  # of its weighted least squares, of its fixed effects


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceFit:
    """(k,) coefficients, (k, k) covariance without factors, (m,) rows used, whether it says it converged, version."""

    coefficients: Array
    covariance: Array
    rows: Index
    converged: bool
    version: str


def fit_reference(
    outcome: Array, regressors: Array, groups: Sequence[Index], clusters: Index | None, names: Sequence[str]
) -> ReferenceFit:
    """The same fit as `ppml.fit_poisson` with `ppml.clustered_covariance`, by pyfixest.

    Raises:
        MethodError: the extra [gravity] is missing; pyfixest stops, or leaves out a regressor.
    """
    try:
        import pyfixest
    except ImportError:
        raise need_extra("gravity", "Estimation by pyfixest") from None
    import duckdb

    columns = {"outcome": outcome, "place": np.arange(len(outcome))}
    columns |= {f"x{j}": np.ascontiguousarray(x) for j, x in enumerate(regressors.T)}
    columns |= {f"g{j}": g for j, g in enumerate(groups)}
    columns["cluster"] = np.zeros(len(outcome), dtype=np.intp) if clusters is None else clusters
    xs = [f"x{j}" for j in range(regressors.shape[1])]
    formula = f"outcome ~ {' + '.join(xs)} | {' + '.join(f'g{j}' for j in range(len(groups)))}"
    with duckdb.connect() as connection, warnings.catch_warnings():
        # Its notes on dropped rows are ours to print; a deprecated path of narwhals is theirs to leave.
        warnings.simplefilter("ignore")
        connection.execute("SET threads = 1")
        connection.register("panel", columns)
        try:
            model = pyfixest.fepois(
                formula,
                connection.sql("SELECT * FROM panel ORDER BY place"),
                vcov="hetero" if clusters is None else {"CRV1": "cluster"},
                ssc=pyfixest.ssc(k_adj=False, G_adj=False),
                iwls_tol=TOLERANCES[0],
                iwls_maxiter=STEPS_MAX,
                demeaner=pyfixest.MapDemeaner(fixef_tol=TOLERANCES[1]),
            )
        except Exception as error:  # whatever it stops with, the person gets a message and no number
            what = f"pyfixest stopped: {type(error).__name__}: {error}"
            raise MethodError(what.rstrip(".") + ".", hint="Try --engine own.", code="engine") from error
    if list(model._coefnames) != xs:
        left_out = [name for x, name in zip(xs, names, strict=True) if x not in model._coefnames]
        hint = "Leave it out, or choose a formula whose effects leave it some variation."
        raise MethodError(f"pyfixest leaves out {', '.join(left_out)} as collinear.", hint=hint, code="collinear")
    return ReferenceFit(
        np.asarray(model._beta_hat, dtype=float),
        np.asarray(model._vcov, dtype=float),
        np.asarray(model._data["place"], dtype=np.intp),
        bool(model._convergence),
        version("pyfixest"),
    )
