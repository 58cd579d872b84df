"""What an audit is made of: checks with a verdict and their numbers, in ten steps; and the case that they look at.

A check fails, warns or passes; one that can't be computed says what it needs and has the verdict "none", which is never
a pass. Where a part can't be computed (one pillar of four), what the others say stands if it is a warning; else the
whole is "none".

    >>> verdict(warn=False, unknown=True), verdict(warn=True, unknown=True), worst(["pass", "none", "warn"])
    ('none', 'warn', 'warn')
    >>> listed(["BRA", "CHN", "IND"], most=2), percent(2 / 3)
    ('BRA, CHN and 1 more', '66.7 %')
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from concordat.errors import InputError
from concordat.observatory.panel import Array, Bools
from concordat.observatory.run import aggregate_options, oriented

if TYPE_CHECKING:
    from concordat.observatory.result import IndexResult
    from concordat.observatory.uncertainty import UncertaintyResult

Verdict: TypeAlias = Literal["pass", "warn", "fail", "none"]
VERDICTS: tuple[Verdict, ...] = ("pass", "warn", "fail", "none")
_FROM_BEST: tuple[Verdict, ...] = ("none", "pass", "warn", "fail")
NEEDS_INDEX = "an aggregate: a dashboard has no scores"
LISTED_MAX = 6


@dataclass(frozen=True, slots=True)
class Check:
    """One question that a step asks.

    Attributes:
        step: 1 to 10.
        id: a stable word for programs.
        what: a plain sentence with the numbers.
        numbers: the same and more, as plain data.
    """

    step: int
    id: str
    verdict: Verdict
    what: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """The check as plain data; a number that does not exist is None."""
        return {"id": self.id, "verdict": self.verdict, "what": self.what, "numbers": plain(self.numbers)}


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the handbook; its verdict is the worst of the checks that could be computed, "none" without any."""

    number: int
    title: str
    verdict: Verdict
    checks: tuple[Check, ...]

    @property
    def missing(self) -> int:
        """How many checks could not be computed."""
        return sum(c.verdict == "none" for c in self.checks)


@dataclass(frozen=True, slots=True)
class Audit:
    """An index along the ten steps.

    Attributes:
        index: the index's id. spec_hash: SHA-256 of its file.
        year: the panel's last, which the audit is of; 0 where the figures have no year.
    """

    index: str
    spec_hash: str
    title: str
    status: str
    year: int
    steps: tuple[Step, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        """All checks, in order."""
        return tuple(c for step in self.steps for c in step.checks)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many checks have each verdict."""
        return {v: sum(c.verdict == v for c in self.checks) for v in VERDICTS}

    def check(self, name: str) -> Check:
        """The check of a name."""
        return next(c for c in self.checks if c.id == name)

    def lines(self) -> Iterator[str]:
        """The audit as text."""
        n = self.counts
        of = f", {self.year}" if self.year else ""
        yield f"{self.title} ({self.index}{of}): audit along the ten steps of the OECD and JRC handbook"
        yield f"spec {self.spec_hash}, status {self.status}"
        yield f"{n['pass']} pass, {n['warn']} warn, {n['fail']} fail, {n['none']} not computed"
        wide = max(len(c.id) for c in self.checks)
        for step in self.steps:
            yield ""
            some = f" ({step.missing} of {len(step.checks)} not computed)" if step.missing else ""
            yield f"{step.number}. {step.title}: {step.verdict}{some}"
            for check in step.checks:
                yield f"  {check.verdict:<4}  {check.id:<{wide}}  {check.what}"

    def as_data(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "index": self.index,
            "title": self.title,
            "spec_sha256": self.spec_hash,
            "status": self.status,
            "year": self.year or None,
            "counts": dict(self.counts),
            "steps": [
                {
                    "number": s.number,
                    "title": s.title,
                    "verdict": s.verdict,
                    "checks": [c.as_data() for c in s.checks],
                }
                for s in self.steps
            ],
        }


@dataclass(frozen=True, eq=False)
class Case:
    """What is audited: a result, what it was questioned to, and what of the world stands beside it.

    Raises:
        InputError: figures to compare with that are not one finite for each unit, or uncertainty of another index.
    """

    result: IndexResult
    doubt: UncertaintyResult | None
    links: Mapping[str, Array]
    licences: Mapping[str, str]

    def __post_init__(self) -> None:
        for name, values in self.links.items():
            if np.shape(values) != (len(self.result.units),):
                what = f"figures of {name} have the shape {np.shape(values)}, for {len(self.result.units)} units."
                raise InputError(what, where="audit, links", hint="Give one for each unit, NaN where there is none.")
            if np.isinf(values).any():
                raise InputError(f"a figure of {name} is infinite.", where="audit, links", hint="Give NaN for none.")
        if self.doubt is not None and (self.doubt.units, self.doubt.result.spec.hash) != (
            self.result.units,
            self.result.spec.hash,
        ):
            what = "the uncertainty is of another index or of other units."
            raise InputError(what, where="audit", hint="Question the result that is audited.", code="other_index")

    @property
    def aggregated(self) -> bool:
        """Whether there are scores: a dashboard has none."""
        return self.result.spec.kind != "dashboard" and aggregate_options(self.result.spec).default != "none"

    @cached_property
    def judged(self) -> Bools:
        """The units that the audit is of: those ranked, or on a dashboard those with a figure `[unit]`."""
        if self.aggregated:
            return np.asarray(np.isfinite(self.result.scores))
        return np.asarray(np.isfinite(self.result.trail.stacks[-1][-1]).any(axis=1))

    @cached_property
    def columns(self) -> Array:
        """Figures as they enter the aggregate, more being better, of the judged units `[unit, indicator]`."""
        last = self.result.trail.stacks[-1][-1]
        if "normalise" not in self.result.trail.steps:
            last = last * self.result.graph.frame.directions
        return np.where(self.judged[:, None], last, np.nan)

    @cached_property
    def nodes(self) -> Array:
        """Scores of all nodes in the last year, more being better, of the judged units `[unit, node]`."""
        spec = self.result.spec
        found = np.where(self.judged[:, None], self.result.nodes[-1], np.nan)
        found[:, spec.tree.root] = oriented(found[:, spec.tree.root], spec)
        return found

    @property
    def indicators(self) -> tuple[str, ...]:
        """Ids, in the order of the columns."""
        return self.result.panel.indicators

    def names_of(self, chosen: Bools) -> list[str]:
        """The units that are marked."""
        return [u for u, yes in zip(self.result.units, chosen, strict=True) if yes]


def near_one(x: Array) -> Array:
    """Columns divided by a power of two, the largest value then 0.5 to 1: shapes stay, and no square overflows."""
    largest = np.where(np.isnan(x), 0.0, np.abs(x)).max(axis=0, initial=0.0)
    return np.asarray(np.ldexp(x, -np.frexp(largest)[1]))


# --- Verdicts and words -------------------------------------------------------------------------------------------


def verdict(*, fail: bool = False, warn: bool = False, unknown: bool = False) -> Verdict:
    """Fail before warn before "none" (a part could not be computed) before pass."""
    return "fail" if fail else "warn" if warn else "none" if unknown else "pass"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of those that were reached; "none" without any."""
    return max(verdicts, key=_FROM_BEST.index, default="none")


def not_computed(step: int, name: str, needs: str, numbers: Mapping[str, Any] | None = None) -> Check:
    """A check that lacks what it needs."""
    return Check(step, name, "none", f"not computed: needs {needs}.", numbers or {})


def told(
    step: int,
    name: str,
    sentence: str,
    numbers: Mapping[str, Any],
    *,
    warn: bool = False,
    fail: bool = False,
    gaps: Sequence[str] = (),
) -> Check:
    """A check with its sentence; `gaps` are the parts that could not be computed, each with what it lacks."""
    found = verdict(fail=fail, warn=warn, unknown=bool(gaps))
    if found == "none":
        sentence = f"not computed: needs more of {listed(gaps)}. Of the others: {sentence}"
    elif gaps:
        sentence = f"{sentence} Not computed: {listed(gaps)}."
    return Check(step, name, found, sentence, numbers)


def listed(items: Sequence[str], most: int = LISTED_MAX) -> str:
    """`a, b, c and 4 more`."""
    text = ", ".join(items[:most])
    return f"{text} and {len(items) - most} more" if len(items) > most else text


def percent(share: float) -> str:
    """A share in percent, with a decimal where it has one."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def counted(n: int, one: str, many: str = "") -> str:
    """`1 unit`, `3 units`."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def plain(value: Any) -> Any:
    """Plain data: NumPy scalars as numbers, no NaN, tuples as lists."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
