"""The division that leaves the worst-treated coalition least to complain of, then the next, and so on: the nucleolus.

Of all divisions the nucleolus makes the excesses `v(S) - x(S)`, sorted from the largest, smallest in lexicographic
order (Schmeidler 1969). There is exactly one, and it is in the core whenever the core is not empty. It is found by a
sequence of linear programmes (Maschler, Peleg and Shapley 1979; Kopelowitz 1967):

    minimise eps   subject to   x(S) + eps >= v(S) for every coalition still free,   x(N) = v(N),   and what is settled

A coalition with a positive dual weight has this excess in every optimum: it is settled, and so is every coalition in
the span of settled ones (exact, in whole numbers). At most n - 1 rounds settle all. The game is counted from what each
has alone and in units of its largest value, so that the programmes see numbers of size one; at the end the division is
solved for anew from the settled coalitions as equations, and then checked by Kohlberg's criterion in separate code
(`_kohlberg`). One that does not pass is refused. At most 16 players.

Nobody is left with less than it has alone (imputations). Where there is not enough for that, `v(N)` less than the sum
of the singles, that condition is dropped, and the result says so (`over`: the prenucleolus).

    >>> claims = {"A": 100, "B": 200, "C": 300}
    >>> worth = lambda names: max(0, 200 - sum(c for name, c in claims.items() if name not in names))
    >>> from itertools import combinations
    >>> game = Game.of(tuple(claims), {s: worth(s) for k in (1, 2, 3) for s in combinations(claims, k)})
    >>> nucleolus(game).value.round(9).tolist()
    [50.0, 75.0, 75.0]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from concordat.errors import MethodError
from concordat.impact.sharing._kohlberg import Certificate, certify
from concordat.impact.sharing._lp import WEIGHT, Answer, Programme, first_rows, solve
from concordat.impact.sharing._masks import bits, normalised, subset_sums
from concordat.impact.sharing._span import Span
from concordat.impact.sharing.core import TOLERANCE, centred, check_exact, rescaled
from concordat.impact.sharing.game import Game
from concordat.impact.sharing.shapley import shapley_values

Array = NDArray[np.float64]
Over = Literal["imputations", "preimputations"]
LET_GO = (0.0, 1e-9, 1e-8)  # of bounds that equations of earlier rounds miss, in units of the largest value


@dataclass(frozen=True, slots=True, eq=False)
class Nucleolus:
    """The nucleolus of a game, proved.

    Attributes:
        value: (n,) what each gets, in the game's unit. certificate: the criterion it passed.
        over: `imputations`, or `preimputations` where nobody's own worth could be kept or that was asked for.
    """

    players: tuple[str, ...]
    value: Array
    over: Over
    certificate: Certificate

    def to_value(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "players": list(self.players),
            "value": self.value.tolist(),
            "over": self.over,
            "certificate": self.certificate.to_value(),
        }


@dataclass(frozen=True, slots=True)
class _Settled:
    """A coalition whose excess is known to be that of a level; level None: a player held at what it has alone."""

    mask: int
    level: int | None


def nucleolus(game: Game, *, over: Over = "imputations") -> Nucleolus:
    """The nucleolus, checked by Kohlberg's criterion.

    Args:
        over: `imputations`, the nucleolus; `preimputations`, the prenucleolus, which may leave somebody with less than
            it has alone. The two are the same where joining never hurts.

    Raises:
        MethodError: more than 16 players; or what was found does not pass the check.
    """
    check_exact(game, "nucleolus")
    u, singles, scale = normalised(game.values)
    kept: Over = over if u[-1] >= 0 else "preimputations"
    if game.n == 1 or scale == 0.0 or (kept == "imputations" and u[-1] == 0.0):
        y = np.zeros(game.n)
    else:
        y = _sequence(u, kept)
    size = scale or max(float(np.abs(game.values).max()), 1e-300)
    certificate = certify(u, y, tolerance=TOLERANCE, imputations=kept == "imputations") if game.n > 1 else None
    proved = Certificate((), (), 0.0, kept) if certificate is None else certificate
    proved = replace(proved, levels=tuple(scale * e for e in proved.levels), tolerance=TOLERANCE * size)
    return Nucleolus(game.players, rescaled(game, y, singles, scale), kept, proved)


def _sequence(u: Array, over: Over) -> Array:
    """The nucleolus of a normalised game, by rounds of programmes and then by equations."""
    n = len(u).bit_length() - 1
    whole = (1 << n) - 1
    span = Span(n, (whole,))
    fixed: list[tuple[int, float]] = [(whole, float(u[-1]))]
    found: list[_Settled] = []
    levels: list[float] = []
    rows = first_rows(n)
    x = shapley_values(u)
    while span.rank < n:
        target = np.where(span.settled(), -np.inf, u)
        answer = _round(target, fixed, rows, over, x)
        x = answer.z[:n]
        levels.append(float(answer.z[n]))
        before = span.rank
        _settle(answer, u, span, fixed, found, len(levels) - 1)
        assert span.rank > before, "every round settles a coalition: its weights add up to one"
    return _by_equations(u, x, found, np.array(levels))


def _round(target: Array, fixed: list[tuple[int, float]], rows: list[int], over: Over, before: Array) -> Answer:
    """The least eps with what is settled so far; `before` is where the round before ended.

    Equations of earlier rounds hold to the solver's tolerance only, so a bound at which a player stands may be missed
    by as much: then the bounds are let go by a little more than that. The equations at the end take no part in it.
    """
    n = len(target).bit_length() - 1
    masks = np.array([mask for mask, _ in fixed])
    a_eq = np.concatenate([bits(masks, n), np.zeros((len(fixed), 1))], axis=1)
    b_eq = np.array([b for _, b in fixed])
    none = np.zeros((0, n + 1))
    for slack in LET_GO:
        lower = np.append(np.full(n, -slack if over == "imputations" else -np.inf), -np.inf)
        inside = None
        if (before >= lower[:n]).all():
            inside = np.append(before, float((target - subset_sums(before)).max()))
        programme = Programme(np.append(np.zeros(n), 1.0), lower, a_eq, b_eq, none, np.zeros(0))
        answer = solve(programme, target, rows, eps=n, inside=inside)
        if answer is not None:
            return answer
    hint = "The values differ by too many orders of magnitude."
    raise MethodError("the nucleolus is lost between two of its programmes.", hint=hint, code="programme")


def _settle(
    answer: Answer, u: Array, span: Span, fixed: list[tuple[int, float]], found: list[_Settled], level: int
) -> None:
    """Take over what has a positive weight; a weight missed for being small is met again in the next round."""
    n = span.n
    weights = answer.coalition_weights
    counted = np.flatnonzero(weights > min(WEIGHT, float(weights.max()) / 2))
    for k in counted[np.argsort(-weights[counted], kind="stable")].tolist():
        mask = int(answer.coalitions[k])
        found.append(_Settled(mask, level))
        if span.add(mask):
            fixed.append((mask, float(u[mask]) - float(answer.z[n])))
    for i in np.flatnonzero(answer.lower_weights[:n] > WEIGHT).tolist():
        found.append(_Settled(1 << i, None))
        if span.add(1 << i):
            fixed.append((1 << i, 0.0))


def _by_equations(u: Array, y: Array, found: list[_Settled], levels: Array) -> Array:
    """The division from `x(S) + eps_k = v(S)` for all settled coalitions at once: to the last digits, whatever the
    solver's tolerance was. Kept only where it is the same division.
    """
    n, k = len(y), len(levels)
    rows = np.zeros((len(found) + 1, n + k))
    right = np.zeros(len(found) + 1)
    rows[0, :n], right[0] = 1.0, u[-1]
    masks = np.array([s.mask for s in found], dtype=np.int64)
    rows[1:, :n] = bits(masks, n)
    for r, settled in enumerate(found, start=1):
        if settled.level is not None:
            rows[r, n + settled.level] = 1.0
            right[r] = u[settled.mask]
    solution, _, rank, _ = np.linalg.lstsq(rows, right, rcond=None)
    exact = np.asarray(solution[:n], dtype=np.float64)
    if rank == n + k and float(np.abs(exact - y).max()) < 1e-6:
        return centred(exact, float(u[-1]))
    return centred(y, float(u[-1]))
