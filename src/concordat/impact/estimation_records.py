"""An estimate as a parameter file: what a scenario needs to use one's own coefficients instead of the packaged ones.

The text is the file (`schema: concordat/parameters@1`) as a person would keep and review it, with the hash of the panel
in it; `parameter_book` reads that same text. Coefficients of one estimation are tied together with their covariance, so
that a scenario draws them jointly. They are graded C, associational: a better grade needs a design or a publication,
which a person has to claim.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from concordat.errors import InputError
from concordat.impact.estimation import NOT_CORRECTED, Estimate
from concordat.impact.parameter_file import parse_parameters
from concordat.impact.parameters import ParameterBook

MEANINGS = {
    "log_dist": ("flow_elasticity", "percent of flows for one percent of distance"),
    "cntg": ("flow_effect_log", "log points on flows of a pair with a common land border"),
    "lang": ("flow_effect_log", "log points on flows of a pair with a common language"),
    "clny": ("flow_effect_log", "log points on flows of a pair with a colonial past"),
    "border": ("flow_effect_log", "log points on flows across an international border"),
    "rta": ("flow_effect_log", "log points on flows of a pair with a trade agreement"),
}


def parameter_text(found: Estimate, *, covers: Sequence[str] = ()) -> str:
    """The parameter file of an estimate.

    Args:
        covers: the kinds of trade that the panel is of ("goods"); only the person who has it knows.

    Raises:
        InputError: a coefficient without a spread, which no scenario may use.
    """
    return "\n".join(_lines(found, covers)) + "\n"


def parameter_book(found: Estimate, *, covers: Sequence[str] = ()) -> ParameterBook:
    """The records of an estimate, ready for `ParameterBook.plus`."""
    text = parameter_text(found, covers=covers)
    return parse_parameters(text, where=f"{found.formula.id} on {found.source}")


def _lines(found: Estimate, covers: Sequence[str]) -> Iterator[str]:
    formula = found.formula
    ids = [f"{formula.id}_{name}" for name in formula.regressors]
    years = f"{found.years[0]}-{found.years[-1]}" if len(found.years) > 1 else str(found.years[0])
    yield "schema: concordat/parameters@1"
    yield "parameters:"
    for name, own_id, value, error in zip(formula.regressors, ids, found.values, found.standard_errors, strict=True):
        if not error > 0:
            what = f"{name} has no standard error."
            raise InputError(what, where=found.source, hint="Give more pairs or years.", code="spread")
        quantity, unit = MEANINGS[name]
        yield f"  - id: {own_id}"
        yield f"    value: {float(value)!r}"
        yield f"    quantity: {quantity}"
        yield f"    distribution: {{kind: normal, sd: {float(error)!r}, note: {json.dumps(found.covariance_of)}}}"
        yield f"    unit: {unit}"
        yield "    scope: pair"
        if covers:
            yield f"    covers: {json.dumps(list(covers), ensure_ascii=False)}"
        yield f"    population: {found.economies} economies, {years}"
        yield f"    year: {found.years[-1]}"
        yield "    source:"
        yield f"      id: own-estimate-{found.sha256[:12]}"
        yield f"      where: {json.dumps(f'{formula.text}; {found.rows:,} rows of {found.source}', ensure_ascii=False)}"
        yield f"      url_or_doi: sha256:{found.sha256}"
        yield "    grade: C"
        yield "    mark: verified"
        if formula.three_way:
            yield f"    note: {json.dumps(NOT_CORRECTED)}"
    if len(ids) > 1:
        yield "estimations:"
        yield f"  - id: {formula.id}-{found.sha256[:12]}"
        yield f"    parameters: [{', '.join(ids)}]"
        yield "    covariance:"
        for row in found.covariance:
            yield f"      - [{', '.join(repr(float(cell)) for cell in row)}]"
