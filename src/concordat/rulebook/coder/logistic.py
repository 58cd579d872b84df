"""Which of K classes is a row of features, and how probable is each?

Multinomial logistic regression with a ridge penalty and weights that give each class the same say:

    minimise  C * sum_i v_i * -ln P(y_i | x_i)  +  1/2 ||W||^2,      v_i = n / (K n_k) for the class k of row i

(the intercepts are not penalised). The best W lies in the span of the rows, W = A' alpha, so with n rows and d >> n
features the work is done on the n x n matrix of the rows' products: its Cholesky factor L stands in for A, and
alpha = L^-T w. Solved by L-BFGS (D. Liu, J. Nocedal, Mathematical Programming 45, 1989) from zero: the loss is convex,
so the result does not depend on the start.

It chooses no penalty and calibrates nothing; `calibrate` does that on held-out rows.

    >>> rows = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    >>> model = fit(rows, ("a", "a", "b", "b"), c=10.0)
    >>> model.classes, [model.classes[k] for k in model.probabilities(rows).argmax(axis=1)]
    (('a', 'b'), ['a', 'a', 'b', 'b'])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError

Array = NDArray[np.float64]
JITTER = 1e-10  # equal rows make the matrix singular; so small a ridge moves no probability by 1e-6
STEPS_MAX = 400


@dataclass(frozen=True)
class Logistic:
    """Classes in alphabetical order, weights (features x classes) and intercepts."""

    classes: tuple[str, ...]
    weights: Array
    intercepts: Array
    loss: float

    def scores(self, rows: Any) -> Array:
        """Scores before they become probabilities: one row a text, one column a class."""
        return np.asarray(rows @ self.weights) + self.intercepts

    def probabilities(self, rows: Any) -> Array:
        """Probabilities of the classes, each row summing to 1."""
        return softmax(self.scores(rows))


def softmax(scores: Array) -> Array:
    """exp(s) / sum exp(s) of each row."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def balanced(labels: Sequence[str], case_weights: Array | None = None) -> Array:
    """n / (K n_k) for each row, where n and n_k count case weights."""
    names, index = np.unique(np.array(labels), return_inverse=True)
    cases = np.ones(len(labels)) if case_weights is None else case_weights
    totals = np.bincount(index, weights=cases)
    return np.asarray(cases * cases.sum() / (len(names) * totals[index]))


def fit(
    rows: Any, labels: Sequence[str], *, c: float, weights: Array | None = None, tolerance: float = 1e-5
) -> Logistic:
    """The model of some rows (dense or sparse) and their labels.

    Args:
        c: inverse strength of the penalty.
        weights: weight of each row's loss; the balanced ones where None.

    Raises:
        MethodError: fewer than two classes.
    """
    names, index = np.unique(np.array(labels), return_inverse=True)
    if len(names) < 2:
        raise MethodError(
            "a coder can't be fitted on texts of one class.", hint="Label articles of two provisions.", code="one_class"
        )
    v = (balanced(labels) if weights is None else weights) * c
    classes = tuple(str(name) for name in names)
    n, d = rows.shape
    if d <= n and isinstance(rows, np.ndarray):
        w, intercepts, loss = _minimise(rows, index, v, len(names), tolerance)
        return Logistic(classes, w, intercepts, loss)
    gram = rows @ rows.T
    gram = np.asarray(gram.todense() if hasattr(gram, "todense") else gram, float)
    lower = np.linalg.cholesky(gram + np.eye(n) * JITTER * max(float(np.trace(gram)) / n, 1e-12))
    w, intercepts, loss = _minimise(lower, index, v, len(names), tolerance)
    from scipy.linalg import solve_triangular  # type: ignore[import-untyped,unused-ignore]

    alpha = solve_triangular(lower, w, lower=True, trans="T")
    return Logistic(classes, np.asarray(rows.T @ alpha), intercepts, loss)


@dataclass(frozen=True)
class Binary:
    """Weights and intercept of yes against no."""

    weights: Array
    intercept: float

    def scores(self, rows: Any) -> Array:
        """ln(P / (1 - P)) of each row."""
        return np.asarray(rows @ self.weights) + self.intercept


def fit_binary(rows: Any, yes: NDArray[np.bool_], *, c: float) -> Binary:
    """Yes or no for many sparse rows at the frequency they have: 1/2 |w|^2 + c sum ln(1 + exp(-s_i (x_i w + b))).

    Raises:
        MethodError: all rows are alike.
    """
    if yes.all() or not yes.any():
        raise MethodError("a gate can't be fitted on texts of one kind.", hint="Label other texts.", code="one_class")
    from scipy.optimize import minimize  # type: ignore[import-untyped,unused-ignore]

    sign = np.where(yes, 1.0, -1.0)
    columns = rows.T.tocsr() if hasattr(rows, "tocsr") else rows.T

    def objective(theta: Array) -> tuple[float, Array]:
        z = sign * (rows @ theta[:-1] + theta[-1])
        pull = -c * sign * np.exp(-np.logaddexp(0, z))
        loss = c * float(np.logaddexp(0, -z).sum()) + 0.5 * float(theta[:-1] @ theta[:-1])
        return loss, np.append(columns @ pull + theta[:-1], pull.sum())

    found = minimize(
        objective, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": STEPS_MAX}
    )
    return Binary(np.asarray(found.x[:-1]), float(found.x[-1]))


def _minimise(
    features: Array, index: NDArray[np.int64], v: Array, k: int, tolerance: float
) -> tuple[Array, Array, float]:
    from scipy.optimize import minimize  # type: ignore[import-untyped,unused-ignore]

    n, d = features.shape
    scale = 1.0 / v.sum()
    every = np.arange(n)

    def objective(flat: Array) -> tuple[float, Array]:
        theta = flat.reshape(d + 1, k)
        scores = features @ theta[:d] + theta[d]
        scores -= scores.max(axis=1, keepdims=True)
        exps = np.exp(scores)
        sums = exps.sum(axis=1)
        loss = float(v @ (np.log(sums) - scores[every, index])) + 0.5 * float((theta[:d] ** 2).sum())
        residual = exps / sums[:, None]
        residual[every, index] -= 1.0
        residual *= v[:, None]
        gradient = np.empty_like(theta)
        gradient[:d] = features.T @ residual + theta[:d]
        gradient[d] = residual.sum(axis=0)
        return loss * scale, (gradient * scale).ravel()

    options = {"maxiter": STEPS_MAX, "gtol": tolerance, "ftol": 64 * np.finfo(float).eps}
    found = minimize(objective, np.zeros((d + 1) * k), jac=True, method="L-BFGS-B", options=options)
    theta = found.x.reshape(d + 1, k)
    return theta[:d], theta[d] - theta[d].mean(), float(found.fun / scale)
