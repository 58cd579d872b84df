"""Who is digitally poor, and how poor? The Alkire-Foster method on persons.

A person is deprived in j, `g_ij = 1`, where her answers say so; with weights w_j that sum to 1 her score is
`c_i = sum w_j g_ij`, and she is poor where `c_i >= k` (tolerance 1e-9). With p her share of the survey's weight:

    H = sum p 1(poor)      A = sum p c 1(poor) / H      M0 = H A
    h_j = sum p g_ij 1(poor)      M0 = sum w_j h_j      contribution of j = w_j h_j / M0      M0 = sum_g p_g M0_g

*Answers.* Each code that stands in the table must be listed, as deprived, as not deprived or as missing: one that is
not, such as 98 for a refusal, is an error, for nobody knows what it says.

*Missing answers.* A question that was not asked because the answer before implies the deprivation (`routing`) counts as
deprived. "Don't know" (`dont_know`) counts as deprived for skills and otherwise as missing. What else is blank is
missing. A deprivation made of several items is known as soon as the known ones settle it. Whoever lacks a deprivation
is left out of all measures and counted (`dropped`, `dropped_share` of the weight).

Errors are linearised, with strata and primary units where given (`_poverty_errors`). Curves of H and M0 for k from 0.1
to 1 show whether one group is poorer than another whatever k (`dominates`); that is said of the sample, not tested.

Source: Alkire and Foster, "Counting and multidimensional poverty measurement", Journal of Public Economics 95 (2011)
476-487; Alkire et al., *Multidimensional Poverty Measurement and Analysis* (2015), chapters 5, 6 and 8. Depth and
severity (M1, M2) need cardinal answers and are not here.

    >>> plan = PovertyPlan((
    ...     Deprivation("offline", (Question("uses", ("2",), not_deprived=("1",)),), 0.5),
    ...     Deprivation("unskilled", (
    ...         Question("files", ("2",), routing=("",), dont_know=("9",), skill=True, not_deprived=("1",)),
    ...     ), 0.5),
    ... ), k=0.5)
    >>> found = alkire_foster({"uses": [1, 2, 1, 1], "files": [1, "", 9, 1]}, plan)
    >>> found.headcount.value, found.intensity.value, found.m0.value, found.dropped
    (0.5, 0.75, 0.375, 0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from concordat.errors import InputError, MethodError
from concordat.evidence.kernels import Array
from concordat.evidence.survey import Design, design
from concordat.observatory.divide._poverty_errors import Estimate, Score, estimate, mean, ratio
from concordat.observatory.divide._poverty_table import column, deprived, names_of, weights_of
from concordat.observatory.panel import Bools

_SLACK = 1e-9
CUTOFFS = tuple(i / 10 for i in range(1, 11))


@dataclass(frozen=True, slots=True)
class Question:
    """One question, and which answers show a deprivation.

    Attributes:
        column: of the table.
        deprived: codes that show it; or `below`: any number under it does.
        routing: codes of a question not asked as an earlier answer implies deprivation; `("",)` where a blank says so.
        dont_know: codes of "don't know" and no answer. skill: these count as deprived.
        not_deprived: codes that show that it is not so. missing: codes that say nothing, such as a refusal.
    """

    column: str
    deprived: tuple[str, ...] = ()
    below: float | None = None
    routing: tuple[str, ...] = ()
    dont_know: tuple[str, ...] = ()
    skill: bool = False
    not_deprived: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deprivation:
    """One of the deprivations: shown where at least `need` of its items show it."""

    name: str
    items: tuple[Question, ...]
    weight: float
    need: int = 1


@dataclass(frozen=True, slots=True)
class PovertyPlan:
    """What is counted, and how.

    Attributes:
        deprivations: their weights sum to 1. k: the cutoff.
        weight, groups, strata, psu: columns of the table; None where there is none.
    """

    deprivations: tuple[Deprivation, ...]
    k: float
    weight: str | None = None
    groups: str | None = None
    strata: str | None = None
    psu: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One deprivation: `raw` of all persons, `censored` of the poor alone, and its share of M0 (None: no poor)."""

    name: str
    weight: float
    raw: Estimate
    censored: Estimate
    contribution: Estimate | None


@dataclass(frozen=True, slots=True)
class Curve:
    """H and M0 for each cutoff of `CUTOFFS`."""

    headcount: tuple[float, ...]
    m0: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The measures of one group; `share` of all weight, `contribution` to M0 (None: no poor at all)."""

    name: str
    n: int
    share: float
    headcount: Estimate
    intensity: Estimate | None
    m0: Estimate
    contribution: Estimate | None
    curve: Curve


@dataclass(frozen=True, slots=True)
class AlkireFoster:
    """The measures of all.

    Attributes:
        intensity: None where nobody is poor.
        n: persons counted, n_effective: by Kish. dropped: persons left out for a missing answer, dropped_share: of
            weight. missing: for each deprivation the persons who lack it.
        single: strata with one primary unit, centred at the mean of all.
    """

    k: float
    n: int
    n_effective: float
    headcount: Estimate
    intensity: Estimate | None
    m0: Estimate
    parts: tuple[Part, ...]
    groups: tuple[Group, ...]
    curve: Curve
    dropped: int
    dropped_share: float
    missing: Mapping[str, int] = field(default_factory=dict)
    single: tuple[str, ...] = ()

    def dominates(self, poorer: str, other: str, measure: str = "m0") -> bool:
        """Whether a group's curve lies nowhere below the other's, and somewhere above.

        Raises:
            InputError: a group or measure that is not there.
        """
        if measure not in ("m0", "headcount"):
            raise InputError(f'"{measure}" has no curve.', hint='Use "m0" or "headcount".')
        curves = {g.name: np.array(getattr(g.curve, measure)) for g in self.groups}
        for name in (poorer, other):
            if name not in curves:
                raise InputError(f'"{name}" is not a group.', hint=f"Groups: {', '.join(curves) or 'none'}.")
        apart = curves[poorer] - curves[other]
        return bool((apart >= -_SLACK).all() and (apart > _SLACK).any())


def alkire_foster(table: Mapping[str, Any], plan: PovertyPlan) -> AlkireFoster:
    """The Alkire-Foster measures of a table of persons.

    Args:
        table: column -> one answer for each person, as codes or numbers; None and NaN are blank.

    Raises:
        InputError: a plan that can't be (weights, k, unknown columns, needs), columns of different lengths, weights
            that are negative or no number (with the row), an answer that the plan does not list.
        MethodError: nobody has all answers.
    """
    _check(plan)
    size = len(column(table, plan.deprivations[0].items[0].column))
    shown = np.array([deprived(table, d, size) for d in plan.deprivations])  # [deprivation, person]: 1, 0, NaN
    w = np.ones(size) if plan.weight is None else weights_of(table, plan.weight, size)
    kept = ~np.isnan(shown).any(axis=0) & (w > 0)
    if not kept.any():
        raise MethodError("nobody has all answers.", where="digital poverty", hint="Check codes and routing.",
                          code="empty")  # fmt: skip
    strata, psu = [None if c is None else names_of(table, c, size).tolist() for c in (plan.strata, plan.psu)]
    how = design(size, strata=strata, units=psu)
    g = np.where(kept, shown, 0.0)
    shares = np.array([d.weight for d in plan.deprivations])
    c = (shares[:, None] * g).sum(axis=0)
    whole = _measure(c, plan.k, w, kept, how)
    labels = names_of(table, plan.groups, size) if plan.groups is not None else None
    counted = w[kept]
    missing = np.isnan(shown)
    return AlkireFoster(
        plan.k, int(kept.sum()), float(counted.sum() ** 2 / (counted * counted).sum()),
        whole.headcount, whole.intensity, whole.m0,
        _parts(plan, g, c, w, kept, how, whole.m0_score),
        _groups(labels, c, plan.k, w, kept, how, whole.m0_score),
        _curve(c, w, kept),
        int((missing.any(axis=0) & (w > 0)).sum()),
        float(w[missing.any(axis=0)].sum() / w.sum()),
        {d.name: int(missing[j].sum()) for j, d in enumerate(plan.deprivations)},
        how.single if how.stated else (),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    headcount: Estimate
    intensity: Estimate | None
    m0: Estimate
    m0_score: Score


def _measure(c: Array, k: float, w: Array, people: Bools, how: Design) -> _Measured:
    poor = (c >= k - _SLACK).astype(np.float64)
    h, m0 = mean(poor, w, people), mean(c * poor, w, people)
    intensity = estimate(ratio(m0, h), how, w[people]) if h.value > 0 else None
    return _Measured(estimate(h, how, w[people]), intensity, estimate(m0, how, w[people]), m0)


def _parts(plan: PovertyPlan, g: Array, c: Array, w: Array, kept: Bools, how: Design, m0: Score) -> tuple[Part, ...]:
    poor = c >= plan.k - _SLACK
    found = []
    for j, d in enumerate(plan.deprivations):
        raw, censored = mean(g[j], w, kept), mean(g[j] * poor, w, kept)
        part = None
        if m0.value > 0:
            part = estimate(ratio(Score(d.weight * censored.value, d.weight * censored.z), m0), how, w[kept])
        found.append(Part(d.name, d.weight, estimate(raw, how, w[kept]), estimate(censored, how, w[kept]), part))
    return tuple(found)


def _groups(
    labels: Any, c: Array, k: float, w: Array, kept: Bools, how: Design, m0: Score
) -> tuple[Group, ...]:  # fmt: skip
    if labels is None:
        return ()
    total = float(w[kept].sum())
    poor = c >= k - _SLACK
    found = []
    for name in sorted(set(labels[kept].tolist())):
        inside = labels == name
        people = kept & inside
        own = _measure(c, k, w, people, how)
        part = None
        if m0.value > 0:
            part = estimate(ratio(mean(c * poor * inside, w, kept), m0), how, w[kept])
        share = float(w[people].sum()) / total
        found.append(
            Group(str(name), int(people.sum()), share, own.headcount, own.intensity, own.m0, part, _curve(c, w, people))
        )
    return tuple(found)


def _curve(c: Array, w: Array, people: Bools) -> Curve:
    own, weights = c[people], w[people]
    total = float(weights.sum())
    poor = [own >= k - _SLACK for k in CUTOFFS]
    return Curve(
        tuple(float(weights[p].sum()) / total for p in poor),
        tuple(float((weights * own)[p].sum()) / total for p in poor),
    )


def _check(plan: PovertyPlan) -> None:
    """Refuse a plan that can't be."""
    where = "digital poverty"
    if not plan.deprivations:
        raise InputError("the plan has no deprivations.", where=where, hint="Name one or more.")
    names = [d.name for d in plan.deprivations]
    if len(set(names)) != len(names):
        raise InputError("a deprivation is named twice.", where=where, hint="Give each its own name.")
    shares: Sequence[float] = [d.weight for d in plan.deprivations]
    if not all(0 < s <= 1 for s in shares) or abs(sum(shares) - 1) > _SLACK:
        raise InputError(
            f"the weights of deprivations are {', '.join(f'{s:g}' for s in shares)}.", where=where,
            hint="Give weights above zero that sum to 1.", code="weight",
        )  # fmt: skip
    if not 0 < plan.k <= 1 + _SLACK:
        raise InputError(f"k is {plan.k:g}.", where=where, hint="Give a cutoff above 0, at most 1.", code="cutoff")
    for d in plan.deprivations:
        if not d.items or not 1 <= d.need <= len(d.items):
            raise InputError(f"it needs {d.need} of {len(d.items)} items.", where=f"{where}, {d.name}",
                             hint="Ask for one up to all of them.")  # fmt: skip
        for item in d.items:
            if bool(item.deprived) == (item.below is not None):
                raise InputError(
                    f'the item "{item.column}" needs either codes or a threshold.', where=f"{where}, {d.name}",
                    hint="Give `deprived` or `below`.",
                )  # fmt: skip
            _check_codes(item, f"{where}, {d.name}")


def _check_codes(item: Question, where: str) -> None:
    """Refuse an item whose lists say two things of one code."""
    if item.below is not None and item.not_deprived:
        what = f'the item "{item.column}" has a threshold, so no codes are not deprived.'
        raise InputError(what, where=where, hint="Leave `not_deprived` out.", code="codes")
    lists = ("deprived", "not_deprived", "routing", "dont_know", "missing")
    kind_of: dict[str, str] = {}
    for kind in lists:
        for answer in getattr(item, kind):
            if kind_of.setdefault(answer, kind) != kind:
                what = f'"{item.column}": the code {answer or "of a blank"} stands under {kind_of[answer]} and {kind}.'
                raise InputError(what, where=where, hint="Leave it in one list.", code="codes")
