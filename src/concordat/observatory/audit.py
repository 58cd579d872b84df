"""Does an index hold along the ten steps of the handbook: pass, warn or fail for each question, with its numbers.

`audit(result, doubt)` looks at one result of one index, in its last year, and answers what the room's specification
asks of each step (section 6): framework, selection, imputation, multivariate structure, normalisation, weighting,
uncertainty, back to the data, links, presentation. Thresholds with their origins stand in `_audit_limits`; the steps in
`_audit_figures`, `_audit_structure` and `_audit_outcome`. Method and numbers come from the modules that own them.

A check that can't be computed has the verdict "none" and says what it needs; it is never a pass. A step has the worst
verdict of those checks that could be computed. An audit judges the index as it is stated on these figures: it neither
changes anything nor says that an index without a warning measures what its title says.

Source: OECD and JRC, *Handbook on Constructing Composite Indicators* (2008), its table of ten steps; JRC, *Your 10-Step
Pocket Guide to Composite Indicators & Scoreboards* (2020).

    >>> from concordat.observatory.bind import from_table
    >>> from concordat.observatory.run import run
    >>> from concordat.observatory.spec import IndexSpec
    >>> spec = IndexSpec.from_yaml('''
    ... schema: concordat/index@1
    ... index: demo
    ... title: A demonstration
    ... tree:
    ...   - pillar: access
    ...     indicators: [{id: users, direction: up, goalposts: [0, 100], rationale: Use is the point., source: ITU}]
    ... steps:
    ...   - normalise: {method: goalposts}
    ...   - aggregate: {default: arithmetic}
    ... ''')
    >>> found = audit(run(spec, from_table(spec, "unit,users\\nP,20\\nQ,50\\nR,90")))
    >>> found.check("rationale").verdict, found.check("children").what
    ('pass', 'without 2 to 10 children: access (1), demo (1).')
    >>> found.check("width").what
    'not computed: needs an uncertainty analysis of ranks.'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from concordat.observatory import _audit_figures as figures
from concordat.observatory import _audit_outcome as outcome
from concordat.observatory import _audit_structure as structure
from concordat.observatory._audit_model import Audit, Case, Check, Step, Verdict, worst
from concordat.observatory.panel import Array

if TYPE_CHECKING:
    from concordat.observatory.result import IndexResult
    from concordat.observatory.uncertainty import UncertaintyResult

__all__ = ["STEPS", "Audit", "Check", "Step", "Verdict", "audit"]

STEPS: tuple[tuple[str, Callable[[Case], list[Check]]], ...] = (
    ("Framework", figures.framework),
    ("Selection of figures", figures.selection),
    ("Imputation", figures.imputation),
    ("Multivariate structure", structure.multivariate),
    ("Normalisation", structure.normalisation),
    ("Weighting", structure.weighting),
    ("Uncertainty", outcome.uncertainty),
    ("Back to the data", outcome.back_to_data),
    ("Links", outcome.links),
    ("Presentation", outcome.presentation),
)


def audit(
    result: IndexResult,
    doubt: UncertaintyResult | None = None,
    links: Mapping[str, Array] | None = None,
    *,
    licences: Mapping[str, str] | None = None,
) -> Audit:
    """An index along the ten steps.

    Args:
        doubt: its uncertainty, for steps 3 and 7.
        links: figures `[unit]` of validators and of GDP per head (an id like `gdp_ppp_per_person_intl_2021`), for
            step 9; of indicators that the index holds itself its own figures are taken.
        licences: for each indicator the id of the licence of its figures, for step 2.

    Raises:
        InputError: links that are not one figure for each unit, a licence that nobody knows, or the uncertainty of
            another index.
    """
    given = {name: np.asarray(values, dtype=np.float64) for name, values in (links or {}).items()}
    case = Case(result, doubt, given, dict(licences or {}))
    steps = []
    for number, (title, look) in enumerate(STEPS, 1):
        checks = tuple(look(case))
        assert all(c.step == number for c in checks), f"step {number} has a check of another step"
        steps.append(Step(number, title, worst(c.verdict for c in checks), checks))
    spec = result.spec
    return Audit(spec.id, spec.hash, spec.title, spec.status, result.panel.years[-1], tuple(steps))
