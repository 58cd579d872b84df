"""What exactly did a result come from? One hash over all that goes into an index: file, ballots, units and figures.

The hash of an index file covers what the file says. It does not cover what the file only names, or what a command line
puts in its place: the ballots, whose members are ranked, the figures of a release or of a table. `inputs_digest` is
SHA-256 of the RFC 8785 form of

    {"spec": hash of the file, "ballots": hash of the ballots or null, "units": whom the file or the command names,
     "panel": hash of the figures}

The figures' hash is of units, years, indicators, values, intervals, denominators and observation ids, in the order of
the panel, numbers as little-endian doubles. The units' part has no day: a bloc with the same members on another day is
the same, and who they are stands in the panel.

    >>> a, b = (hash_of({"x": np.array(values)}) for values in ([1.0, np.nan], [1.0, -np.nan]))
    >>> a == b, a == hash_of({"x": np.array([1.0, 2.0])})
    (True, False)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from concordat import canonical
from concordat.observatory.stages.options import Weights

if TYPE_CHECKING:
    from concordat.observatory.panel import Panel
    from concordat.observatory.spec import IndexSpec


def inputs_digest(spec: IndexSpec, panel: Panel) -> str:
    """SHA-256 over the file, its ballots, whom it ranks and its figures."""
    return canonical.digest(inputs_of(spec, panel), floats=True)


def inputs_of(spec: IndexSpec, panel: Panel) -> dict[str, Any]:
    """What `inputs_digest` is of."""
    units = spec.units
    named = None if units is None else {"bloc": units.bloc, "countries": list(units.countries),
                                        "with_invited": units.with_invited}  # fmt: skip
    return {"spec": spec.hash, "ballots": _ballots(spec), "units": named, "panel": panel_digest(panel)}


def panel_digest(panel: Panel) -> str:
    """SHA-256 of the figures of an index and their names."""
    ends = {name: values for name, values in (("lower", panel.lower), ("upper", panel.upper)) if values is not None}
    numbers: dict[str, Any] = {"values": panel.values, **ends}
    numbers |= {f"denominator {name}": values for name, values in panel.denominators.items()}
    numbers |= {"bounds": np.array(panel.bounds, dtype=np.float64), "source_years": panel.source_years}
    names = {
        "years": list(panel.years),
        "units": list(panel.units),
        "indicators": list(panel.indicators),
        "groups": list(panel.groups),
        "ids": [str(i) for i in panel.ids.ravel()],
        "numbers": hash_of(numbers),
    }
    return canonical.digest(names, floats=True)


def hash_of(arrays: Mapping[str, Any]) -> str:
    """SHA-256 of named arrays: one bit pattern for NaN and one for zero, so that equal figures have equal hashes."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        values = np.asarray(arrays[name], dtype=np.float64)
        plain = np.where(np.isnan(values), np.nan, values + 0.0)
        found.update(canonical.dumps([name, list(values.shape)]))
        found.update(np.ascontiguousarray(plain, dtype="<f8").tobytes())
    return found.hexdigest()


def _ballots(spec: IndexSpec) -> str | None:
    step = spec.step("weights")
    if step is None or not isinstance(step.options, Weights) or not step.options.ballots:
        return None
    cast = [
        [ballot, member, [[node, points] for node, points in given]] for ballot, member, given in step.options.ballots
    ]
    return canonical.digest(cast, floats=True)
